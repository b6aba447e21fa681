"""Lists of models as servers write them."""

import pytest

from streamtags.stages.model_server.listing import is_listed


@pytest.mark.parametrize(
    ("model", "served"),
    [
        ("llava", ["llava"]),
        ("openai/gpt-4o", ["anthropic/*", "openai/*"]),
        ("gpt-4o", ["*"]),
        ("llava", ["llava:latest"]),
        ("llava:latest", ["llava"]),
        ("gemini-2.5-flash", ["models/gemini-2.5-flash"]),
        ("models/gemini-2.5-flash", ["gemini-2.5-flash"]),
        ("meta/llama-3:nitro", ["meta/llama-3"]),
        ("Qwen/Qwen3-VL-8B", ["qwen/qwen3-vl-8b"]),
    ],
)
def test_a_list_covers_a_model_under_each_spelling(model: str, served: list[str]) -> None:
    assert is_listed(model, served)


@pytest.mark.parametrize(
    ("model", "served"), [("llava", []), ("llava", ["llava:34b"]), ("llava:7b", ["llava:34b"]), ("a[b]", ["a*b"]), ("gpt-4o", ["openai/*"])]
)
def test_another_model_is_not_covered(model: str, served: list[str]) -> None:
    assert not is_listed(model, served)
