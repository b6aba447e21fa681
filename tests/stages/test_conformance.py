"""Every shipped backend against the conformance checks that ship in `streamtags.testing`."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.options import Options
from streamtags.core.model import Caption, CaptionRequest, ClassifyRequest, TagSet, tag_scores
from streamtags.core.vocabulary import Vocabulary
from streamtags.run.backends import backend_names, find_backend
from streamtags.stages.backend import ENTRY_POINT_GROUPS, BackendSpec
from streamtags.testing import ScriptedCaptioner, ScriptedClassifier
from streamtags.testing.captioner_conformance import check_captioner
from streamtags.testing.classifier_conformance import check_classifier
from streamtags.testing.model_server import ModelServer, ReceivedRequest, replies

TINY = Path(__file__).parents[1] / "fixtures" / "tiny-llava-next-video"
CAPTIONERS = backend_names()[ENTRY_POINT_GROUPS["captioner"]]
CLASSIFIERS = backend_names()[ENTRY_POINT_GROUPS["classifier"]]


def answer(request: ReceivedRequest) -> Any:
    """Caption pictures, and tag in the schema of the request."""
    if "response_format" not in request.body:
        return "Two people dance."
    schema = request.body["response_format"]["json_schema"]["schema"]
    first = next(iter(re.findall(r'"(?:const|enum)": (?:\[)?"([^"]+)"', json.dumps(schema))))
    tags = {"key_information": ["dance"], "reasoning": "They dance.", "tags": [{"tag": first, "confidence": 0.8}]}
    return {"caption": "Two people dance.", **tags} if "caption" in schema["properties"] else tags


@pytest.fixture
async def server() -> AsyncIterator[ModelServer]:
    async with ModelServer(replies(answer)) as running:
        yield running


def options_of(spec: BackendSpec, server: ModelServer) -> dict[str, Any]:
    if spec.is_remote:
        pytest.importorskip("openai", reason="needs the extra streamtags[models]")
        return {"base_url": server.base_url, "model": "tiny", "timeout_seconds": 60.0}
    if "model files" in spec.requires:
        for package in ("torch", "torchvision", "transformers", "accelerate", "PIL"):
            pytest.importorskip(package, reason="needs the extra streamtags[transformers]")
        return {"model": str(TINY), "quantization": "none", "frames": 4, "image_size": 56, "prompt": "plain", "max_tokens": 40}
    return {"tags_per_segment": 1} if "tags_per_segment" in spec.options.model_fields else {}


@pytest.mark.parametrize("name", CAPTIONERS)
async def test_captioners_conform(name: str, server: ModelServer) -> None:
    spec = find_backend("captioner", name)
    await check_captioner(spec, options_of(spec, server))


@pytest.mark.parametrize("name", CLASSIFIERS)
async def test_classifiers_conform(name: str, server: ModelServer) -> None:
    spec = find_backend("classifier", name)
    await check_classifier(spec, options_of(spec, server))


class BrokenCaptioner(ScriptedCaptioner):
    """Names frames that it was not given."""

    async def caption(self, request: CaptionRequest) -> Caption:
        return Caption(text="A dog.", model=self.model, frames=(-1,))


class BrokenClassifier(ScriptedClassifier):
    """Answers outside the vocabulary."""

    async def classify(self, request: ClassifyRequest, vocabulary: Vocabulary) -> TagSet:
        return TagSet(tags=tag_scores([("Comic", 0.5)]), model=self.model)


async def test_a_captioner_that_breaks_a_rule_is_caught() -> None:
    spec = BackendSpec(name="broken", kind="captioner", options=Options, create=lambda _: BrokenCaptioner())
    with pytest.raises(AssertionError, match="not stills of the request"):
        await check_captioner(spec, {})


async def test_a_captioner_that_reads_frames_it_says_it_does_not_need_is_caught() -> None:
    def read(request: CaptionRequest) -> str:
        return f"{len(request.measured.stills[0].rgb())} lines." if request.measured.stills else "Nothing."

    spec = BackendSpec(name="x", kind="captioner", options=Options, create=lambda _: ScriptedCaptioner(read), needs_frames=False)
    with pytest.raises(AssertionError, match="reads pixels"):
        await check_captioner(spec, {})


async def test_a_classifier_that_breaks_a_rule_is_caught() -> None:
    spec = BackendSpec(name="broken", kind="classifier", options=Options, create=lambda _: BrokenClassifier())
    with pytest.raises(AssertionError, match="outside the vocabulary"):
        await check_classifier(spec, {})
