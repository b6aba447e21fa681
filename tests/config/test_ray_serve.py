"""`configs/ray/serve.yaml` is what Ray Serve and its builder of OpenAI-compatible applications accept."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest
import yaml

from streamtags.stages.caption.models import load_model_config

FILE = Path(__file__).parents[2] / "configs" / "ray" / "serve.yaml"


@pytest.fixture
def config() -> Any:
    return yaml.safe_load(FILE.read_text("utf-8"))


def test_it_serves_a_model_of_a_model_file_under_its_name_with_its_limits(config: Any) -> None:
    (application,) = config["applications"]
    (served,) = application["args"]["llm_configs"]
    model, engine = load_model_config(served["model_loading_config"]["model_id"]), served["engine_kwargs"]
    assert served["model_loading_config"] == {"model_id": model.name, "model_source": model.model}
    assert engine["max_model_len"] == model.serve.max_model_len
    assert model.caption.transport == "video_url"
    assert engine["limit_mm_per_prompt"] == {"video": 1, "image": 0}
    scaling = served["deployment_config"]["autoscaling_config"]
    assert scaling["target_ongoing_requests"] < engine["max_num_seqs"] <= served["deployment_config"]["max_ongoing_requests"]


def test_ray_serve_accepts_the_file(config: Any) -> None:
    schema = pytest.importorskip("ray.serve.schema", reason="needs ray[serve]", exc_type=ImportError)
    read = schema.ServeDeploySchema.model_validate(config)
    assert [application.import_path for application in read.applications] == ["ray.serve.llm:build_openai_app"]
    assert read.http_options.port == 8000


def test_the_builder_of_ray_accepts_the_model(config: Any) -> None:
    llm = pytest.importorskip("ray.serve.llm", reason="needs ray[llm]", exc_type=ImportError)
    args = llm.LLMServingArgs.model_validate(config["applications"][0]["args"])
    (served,) = args.llm_configs
    assert served.model_id == "qwen3-vl-8b"
    assert served.deployment_config["autoscaling_config"]["max_replicas"] == 8


def test_vllm_knows_the_arguments_of_the_engine(config: Any) -> None:
    arguments = pytest.importorskip("vllm.engine.arg_utils", reason="needs vLLM", exc_type=ImportError)
    (served,) = config["applications"][0]["args"]["llm_configs"]
    assert set(served["engine_kwargs"]) <= {field.name for field in dataclasses.fields(arguments.AsyncEngineArgs)}
