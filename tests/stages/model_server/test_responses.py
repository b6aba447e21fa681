"""What the JSON of a response with a status of 200 means."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamtags.core.errors import ModelError
from streamtags.stages.model_server.responses import read_reply, status_error
from streamtags.testing.model_server import chat_completion


def failure(response: Any, secret: str = "") -> ModelError:
    with pytest.raises(ModelError) as caught:
        read_reply(response, where="m at http://gateway/v1", secret=secret)
    return caught.value


@pytest.mark.parametrize(
    ("response", "code", "retryable"),
    [
        ({"error": {"message": "Rate limit exceeded", "code": 429}}, "model.busy", True),
        ({"error": {"message": "Slow down", "type": "rate_limit_error"}}, "model.busy", True),
        ({"error": {"message": "Overloaded", "type": "overloaded_error"}}, "model.server_error", True),
        ({"error": {"message": "Upstream timed out", "code": "504"}}, "model.server_error", True),
        ({"error": {"message": "No auth credentials found", "code": 401}}, "model.unauthorised", False),
        ({"error": {"message": "No such model", "code": "model_not_found"}}, "model.not_found", False),
        ({"error": {"message": "Insufficient credits", "code": 402}}, "model.quota", False),
        ({"error": {"message": "You exceeded your current quota", "code": "insufficient_quota"}}, "model.quota", False),
        ({"error": "something broke"}, "model.refused", False),
        ({"id": "x", "choices": [], "error": {"message": "busy", "code": 503}}, "model.server_error", True),
        (
            {"choices": [{"error": {"message": "Provider returned error", "code": 502}, "message": {"content": ""}}]},
            "model.server_error",
            True,
        ),
        # vLLM and FastChat, Cloudflare, MiniMax, Gemini, Zhipu, and gateways that pass on text
        ({"object": "error", "message": "max_tokens is too large", "type": "BadRequestError", "code": 400}, "model.bad_request", False),
        ({"success": False, "errors": [{"code": 10000, "message": "Authentication error"}]}, "model.unauthorised", False),
        ({"choices": None, "base_resp": {"status_code": 1002, "status_msg": "rate limit"}}, "model.busy", True),
        ({"base_resp": {"status_code": 1008, "status_msg": "insufficient balance"}}, "model.quota", False),
        ([{"error": {"code": 400, "message": "API key not valid.", "status": "INVALID_ARGUMENT"}}], "model.unauthorised", False),
        ({"choices": [], "promptFeedback": {"blockReason": "SAFETY"}}, "model.refusal", False),
        ({"error": {"code": "1302", "message": "您的账户已达到速率限制"}}, "model.busy", True),
        ({"code": 429, "msg": "slow down"}, "model.busy", True),
        ({"detail": "Model overloaded, try again later"}, "model.server_error", True),
        ({"error": True, "message": "invalid api key"}, "model.unauthorised", False),
        ({"error": json.dumps({"message": "Rate limit", "code": 429})}, "model.busy", True),
        ({"error": {"code": "429 Too Many Requests", "message": "wait"}}, "model.busy", True),
        ({"error": {"code": "content_filter", "message": "The response was filtered"}}, "model.refusal", False),
        ({"choices": [{"error": "upstream died", "message": {"content": ""}}]}, "model.refused", False),
        ({"choices": [{"finish_reason": "error", "message": {"content": None}}]}, "model.server_error", True),
    ],
)
def test_an_error_in_a_successful_response_is_that_error(response: Any, code: str, retryable: bool) -> None:
    error = failure(response)
    assert (error.code, error.retryable) == (code, retryable)
    assert "base_url ends in /v1" not in str(error) or code == "model.not_found"


def test_the_servers_own_words_are_shown_without_the_key() -> None:
    error = failure({"error": {"message": "Rate limit for key hunter2-hunter2: free models per minute", "code": 429}}, "hunter2-hunter2")
    assert "free models per minute" in str(error)
    assert "hunter2" not in str(error)


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
@pytest.mark.parametrize("finish", ["stop", "length"])
def test_an_answer_whose_tokens_went_into_reasoning_says_so(member: str, finish: str) -> None:
    error = failure(chat_completion(None, finish_reason=finish, **{member: "The user wants one sentence."}))
    assert error.code == "model.reasoning"
    assert ("raise max_tokens" in str(error)) == (finish == "length")
    assert error.usage is not None
    assert error.usage.completion_tokens == 20


@pytest.mark.parametrize("finish", ["content_filter", "SAFETY", "refusal", "sensitive"])
def test_an_answer_that_a_filter_stopped_is_a_refusal(finish: str) -> None:
    assert failure(chat_completion("", finish_reason=finish)).code == "model.refusal"


@pytest.mark.parametrize("finish", ["max_tokens", "MAX_TOKENS", "model_length"])
def test_servers_write_in_several_ways_that_an_answer_was_cut_off(finish: str) -> None:
    assert failure(chat_completion("", finish_reason=finish)).code == "model.cut_off"
    assert read_reply(chat_completion("A boat", finish_reason=finish), where="m").cut_off


def test_an_empty_answer_that_used_all_tokens_is_cut_off() -> None:
    assert failure(chat_completion("", finish_reason="length")).code == "model.cut_off"


def test_an_answer_in_parts_is_put_together() -> None:
    response = chat_completion("")
    response["choices"][0]["message"]["content"] = [{"type": "text", "text": "A boat "}, {"type": "text", "text": "lies still."}]
    assert read_reply(response, where="m").text == "A boat lies still."
    response["choices"][0]["message"]["content"] = [{"type": "thinking", "thinking": "Hm."}, {"text": "A boat lies still."}]
    assert read_reply(response, where="m").text == "A boat lies still."


@pytest.mark.parametrize("response", [None, 7, [], {}, {"choices": None}, {"choices": [7]}, {"choices": [{"message": {"content": 7}}]}])
def test_anything_else_is_no_chat_completion(response: Any) -> None:
    assert failure(response).code == "model.invalid_answer"


@pytest.mark.parametrize(
    ("status", "message", "code"),
    [
        (400, "request (9412 tokens) exceeds the available context size (8192 tokens), try increasing it", "model.too_large"),
        (500, "image input is not supported - hint: if this is unexpected, you may need to provide the mmproj", "model.no_pictures"),
        (400, "Error: The number of tokens is greater than the context length. Try to load the model with a larger one", "model.too_large"),
        (400, "The decoder prompt (length 9000) is longer than the maximum model length of 4096.", "model.too_large"),
        (500, "Loading model", "model.unreachable"),
        (503, "Loading model", "model.unreachable"),
        (503, "Service Unavailable", "model.server_error"),
    ],
)
def test_words_of_local_servers_decide_what_a_status_means(status: int, message: str, code: str) -> None:
    error = status_error(status, {}, message, where="m")
    assert error.code == code
    assert error.retryable == (code in ("model.server_error", "model.unreachable"))
