"""Profiles that lean on a model server, from settings to a finished timeline, against a server on the loopback interface."""

import json
from pathlib import Path
from typing import Any

import pytest

from streamtags.config.settings import Settings, load_settings
from streamtags.core.errors import ConfigError, ModelError
from streamtags.core.events import Event
from streamtags.core.state import TimelineState
from streamtags.run.analyze import analyze
from streamtags.run.backends import classifier_options, open_tools
from streamtags.run.correct import correct
from streamtags.run.retag import retag
from streamtags.stages.tag.calibration import Confidences, save_confidences
from streamtags.store.sqlite.store import SqliteStore
from streamtags.testing.model_server import ModelServer, ReceivedRequest, hang, raw, replies, reset, says, status

pytest.importorskip("openai", reason="needs the extra streamtags[models]")

MODEL = "llava-next-video-7b"


def settings(server: ModelServer | str, profile: str = "vllm", **more: Any) -> Settings:
    url = server if isinstance(server, str) else server.base_url
    own = {"captioner": {"base_url": url}, **more}
    return load_settings({"profile": profile, "tags": "seed-eight", "profiles": {profile: own}})


MODELS = raw(json.dumps({"object": "list", "data": [{"id": MODEL, "object": "model"}]}).encode())


def model(caption: str = "Two people dance.", tag: str = "Happy") -> Any:
    """Acts as a server that has the model, captions pictures and tags captions."""

    def answer(request: ReceivedRequest) -> Any:
        if "response_format" not in request.body:
            return caption
        return {"key_information": ["dance"], "reasoning": "They dance.", "tags": [{"tag": tag, "confidence": 0.8}]}

    answering = replies(answer)

    async def act(request: ReceivedRequest, writer: Any) -> None:
        await (MODELS if request.path.endswith("/models") else answering)(request, writer)

    return act


async def run(film: Path, chosen: Settings, store: SqliteStore, events: list[Event] | None = None) -> TimelineState:
    return await analyze(str(film), chosen, store, publish=(events if events is not None else []).extend)


async def test_captions_and_tags_come_from_the_server_and_provisional_tags_before(film: Path, store: SqliteStore) -> None:
    events: list[Event] = []
    async with ModelServer(model()) as server:
        state = await run(film, settings(server), store, events)
    assert [segment.caption for segment in state.segments] == ["Two people dance."] * 3
    assert [segment.tags[0].tag for segment in state.segments] == ["Happy"] * 3
    for segment in state.segments:
        mine = [event for event in events if getattr(event.data, "segment", None) == segment.segment]
        assert [event.type.removeprefix("segment.") for event in mine] == ["detected", "measured", "tagged", "captioned", "tagged"]
        assert [getattr(event.data, "rev", None) for event in mine][2:] == [0, 1, 2]
    assert state.summary is not None
    assert state.summary["usage"] == {"prompt_tokens": 600, "completion_tokens": 120}
    assert "cost" not in state.summary


async def test_prices_make_money_of_tokens(film: Path, store: SqliteStore) -> None:
    price = {"prompt": 10.0, "completion": 100.0, "currency": "EUR"}
    async with ModelServer(model()) as server:
        chosen = settings(server, captioner={"base_url": server.base_url, "price": price})
        state = await run(film, chosen, store)
    assert state.summary is not None
    assert state.summary["cost"] == {"EUR": pytest.approx(3 * (100 * 10 + 20 * 100) / 1e6)}


async def test_tokens_of_failed_classifications_are_counted_and_priced(film: Path, store: SqliteStore) -> None:
    priced = {"classifier": {"re_asks": 1, "price": {"prompt": 1.0, "completion": 0.0}}}
    events: list[Event] = []
    async with ModelServer(model(tag="No Such Tag")) as server:
        state = await run(film, settings(server, **priced), store, events)
    failed = [event.data.usage for event in events if event.type == "segment.failed"]
    assert [usage.prompt_tokens for usage in failed] == [200] * 3
    assert state.summary is not None
    assert state.summary["usage"]["prompt_tokens"] == 3 * (100 + 200)
    assert state.summary["cost"] == {"USD": pytest.approx(600e-6)}


async def test_nothing_is_begun_where_no_server_answers(film: Path, store: SqliteStore) -> None:
    server = ModelServer(model())
    async with server:
        pass
    with pytest.raises(ModelError, match="streamtags model serve") as caught:
        await run(film, settings(server), store)
    assert caught.value.exit_status == 4
    assert not store.timelines()


@pytest.mark.parametrize(
    ("act", "code"), [(status(401), "model.unauthorised"), (reset(), "model.unreachable"), (status(403), "model.forbidden")]
)
async def test_nothing_is_begun_where_the_server_refuses(film: Path, store: SqliteStore, act: Any, code: str) -> None:
    async with ModelServer(act) as server:
        with pytest.raises(ModelError) as caught:
            await run(film, settings(server), store)
    assert caught.value.code == code
    assert not store.timelines()


async def test_a_server_with_another_model_is_reported_at_once_with_its_models(film: Path, store: SqliteStore) -> None:
    other = raw(json.dumps({"object": "list", "data": [{"id": "whisper", "object": "model"}]}).encode())
    async with ModelServer(other) as server:
        with pytest.raises(ModelError, match="it has whisper") as caught:
            await run(film, settings(server), store)
    assert caught.value.code == "model.not_found"


@pytest.mark.parametrize(
    ("act", "code"),
    [
        (status(400), "model.bad_request"),
        (raw(b"not json"), "model.invalid_answer"),
        (says(""), "model.invalid_answer"),
        (hang(), "model.deadline"),
        (raw(b"x" * 2_000_000), "model.oversize"),
    ],
)
async def test_a_server_that_misbehaves_ends_in_named_failures_and_the_next_run_fills_them(
    film: Path, store: SqliteStore, act: Any, code: str
) -> None:
    async def bad(request: ReceivedRequest, writer: Any) -> None:
        await (MODELS if request.path.endswith("/models") else act)(request, writer)

    deadline = 1.0 if code == "model.deadline" else 60.0
    async with ModelServer(bad) as server:
        state = await run(film, settings(server, retries=0, deadline_seconds=deadline), store)
    assert state.state == "completed"
    assert {(segment.status, segment.error.code if segment.error else "") for segment in state.segments} == {("failed", code)}
    async with ModelServer(model()) as server:
        again = await run(film, settings(server, retries=0, deadline_seconds=60.0), store)
        assert len([request for request in server.requests if request.path.endswith("/completions")]) == 6
    assert {segment.status for segment in again.segments} == {"tagged"}
    assert again.id == state.id


async def test_retagging_calls_only_the_classifier_and_keeps_corrections(film: Path, store: SqliteStore) -> None:
    async with ModelServer(model()) as server:
        state = await run(film, settings(server), store)
        correct(store, state.id, "s0001", tags=[("Sad", 0.9)], by="editor")
    events: list[Event] = []
    async with ModelServer(model(tag="Sport")) as server:
        chosen = load_settings(
            {"profile": "vllm", "tags": "music-library", "profiles": {"vllm": {"captioner": {"base_url": server.base_url}}}}
        )
        assert await retag(state.id, chosen, store, publish=events.extend) == 0
        assert not [request for request in server.requests if "video_url" in str(request.body)]
    after = store.state(state.id)
    assert after.vocabulary is not None
    assert after.vocabulary.id == "music-library"
    assert [score.tag for score in after.segments[0].tags] == ["Sport"]
    assert [score.tag for score in after.segments[1].tags] == ["Sad", "Sport"]
    assert {tag.tag for scene in after.scenes for tag in scene.tags} == {"Sport", "Sad"}
    assert after.state == "completed"
    assert {event.type for event in events} == {"segment.tagged", "scene.detected"}


async def test_analyzing_again_brings_back_the_vocabulary_of_the_settings(film: Path, store: SqliteStore) -> None:
    async with ModelServer(model()) as server:
        state = await run(film, settings(server), store)
        other = load_settings(
            {"profile": "vllm", "tags": "music-library", "profiles": {"vllm": {"captioner": {"base_url": server.base_url}}}}
        )
        await retag(state.id, other, store)
        count = len(server.requests)
        events: list[Event] = []
        again = await run(film, settings(server), store, events)
        assert not [request for request in server.requests[count:] if "video_url" in str(request.body)]
        count = len(server.requests)
        assert await run(film, settings(server), store) == again
        assert len(server.requests) == count, "a finished timeline is only replayed"
    assert again.id == state.id
    assert {segment.vocabulary.id for segment in again.segments if segment.vocabulary} == {"seed-eight"}
    assert again.vocabulary is not None
    assert again.vocabulary.id == "seed-eight"
    assert again.state == "completed"
    assert [event.seq for event in events] == list(range(1, again.seq + 1))


async def test_retagging_without_a_server_changes_nothing(film: Path, store: SqliteStore) -> None:
    async with ModelServer(model()) as server:
        state = await run(film, settings(server), store)
        chosen = settings(server)
    with pytest.raises(ModelError):
        await retag(state.id, chosen, store)
    assert store.head(state.id).seq == state.seq


@pytest.mark.usefixtures("profile_of_the_file")
def test_a_profile_of_a_shipped_ones_name_says_only_what_is_different(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    file = tmp_path / "my.toml"
    file.write_text('profile = "vllm"\n[profiles.vllm.captioner]\nbase_url = "http://gpu:8000/v1"\n')
    monkeypatch.setenv("STREAMTAGS_PROFILES__VLLM__CONCURRENCY", "3")
    chosen = load_settings(config=file).choose_profile()
    assert (chosen.captioner.backend, chosen.captioner.options["base_url"], chosen.concurrency) == ("openai", "http://gpu:8000/v1", 3)
    assert classifier_options(chosen)["base_url"] == "http://gpu:8000/v1"
    assert classifier_options(chosen)["model"] == MODEL


def test_another_backend_brings_nothing_of_the_shipped_ones_options() -> None:
    chosen = load_settings({"profile": "vllm", "profiles": {"vllm": {"classifier": {"backend": "embedded"}}}}).choose_profile()
    assert classifier_options(chosen) == {}


def test_a_key_goes_to_no_other_server() -> None:
    own = {"classifier": {"base_url": "http://elsewhere/v1", "model": "m"}}
    chosen = load_settings({"profile": "openai", "profiles": {"openai": own}}).choose_profile()
    assert "api_key_env" not in classifier_options(chosen)


def test_a_misspelt_key_of_a_profile_is_reported() -> None:
    with pytest.raises(ConfigError, match="did you mean 'captioner'"):
        load_settings({"profiles": {"vllm": {"captionr": {}}}})


@pytest.mark.parametrize("name", ["vllm", "transformers"])
def test_shipped_profiles_name_models_that_ship(name: str) -> None:
    from streamtags.stages.caption.models import load_model_config

    assert load_model_config(load_settings({"profile": name}).choose_profile().captioner.options["preset"])


async def test_one_model_answers_caption_and_tags_at_once(film: Path, store: SqliteStore) -> None:
    answers: list[dict[str, Any]] = [
        {"caption": "Waves break.", "key_information": ["sea"], "reasoning": "Sea.", "tags": [{"tag": "Nature", "confidence": 0.9}]},
        {"caption": "", "key_information": [], "reasoning": "", "tags": []},
        {"caption": "Waves break.", "key_information": [], "reasoning": "", "tags": [{"tag": "No Such Tag", "confidence": 0.9}]},
    ]
    bodies: list[dict[str, Any]] = []

    def answer(request: ReceivedRequest) -> Any:
        bodies.append(dict(request.body))
        return answers[1] if len(bodies) == 1 else answers[2] if len(bodies) == 2 else answers[0]

    served = raw(json.dumps({"object": "list", "data": [{"id": "qwen2.5-vl-7b", "object": "model"}]}).encode())
    answering = replies(answer)

    async def act(request: ReceivedRequest, writer: Any) -> None:
        await (served if request.path.endswith("/models") else answering)(request, writer)

    async with ModelServer(act) as server:
        state = await run(film, settings(server, "vllm-one"), store)
    assert [segment.caption for segment in state.segments] == ["Waves break."] * 3
    assert [segment.tags[0].tag for segment in state.segments] == ["Nature"] * 3
    assert len(bodies) == 3 + 2  # two answers did not fit the schema and were requested again
    schema = bodies[0]["response_format"]["json_schema"]["schema"]
    assert next(iter(schema["properties"])) == "caption"
    assert "No Such Tag" not in json.dumps(schema)
    assert schema["additionalProperties"] is False


async def test_one_models_confidences_are_corrected_where_the_calibration_is_its_own(
    film: Path, store: SqliteStore, tmp_path: Path
) -> None:
    answer = {"caption": "Waves break.", "key_information": [], "reasoning": "", "tags": [{"tag": "Nature", "confidence": 0.9}]}
    served = raw(json.dumps({"object": "list", "data": [{"id": "qwen2.5-vl-7b", "object": "model"}]}).encode())

    async def act(request: ReceivedRequest, writer: Any) -> None:
        await (served if request.path.endswith("/models") else says(answer))(request, writer)

    async with ModelServer(act) as server:
        async with open_tools(settings(server, "vllm-one")) as tools:
            name = tools.tags_model
        fit = Confidences(model=name, vocabulary="seed-eight", slope=0.5, intercept=-1.0, pairs=100)
        save_confidences(fit, tmp_path / "fit.json")
        state = await run(film, settings(server, "vllm-one", calibration=str(tmp_path / "fit.json")), store)
        save_confidences(fit.model_copy(update={"model": "another"}), tmp_path / "fit.json")
        with pytest.raises(ConfigError, match="fitted for another"):
            await run(film, settings(server, "vllm-one", calibration=str(tmp_path / "fit.json")), store)
    assert [segment.tags[0].confidence for segment in state.segments] == [pytest.approx(fit.apply(0.9), abs=1e-4)] * 3
    assert {segment.caption for segment in state.segments} == {"Waves break."}
    assert state.segments[0].tags_model not in (None, name), "a corrected confidence has another model name"


async def test_a_server_that_dies_and_comes_back_loses_nothing_and_gets_no_request_twice(film: Path, store: SqliteStore) -> None:
    well = model()
    completions = 0

    async def act(request: ReceivedRequest, writer: Any) -> None:
        nonlocal completions
        if request.path.endswith("/models"):
            await MODELS(request, writer)
            return
        completions += 1
        await (reset() if 2 <= completions <= 5 else well)(request, writer)

    events: list[Event] = []
    async with ModelServer(act) as server:
        state = await run(film, settings(server), store, events)
    assert {segment.status for segment in state.segments} == {"tagged"}
    types = [event.type for event in events]
    assert types.count("segment.captioned") == 3
    assert types.count("segment.failed") == 0
    assert completions == 6 + 4
