"""Parameters of operations. Every field is bounded: the values come from clients.

The names of the fields are the names on the wire. An operation's HTTP binding says which of them are in the path and in the query.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal, TypeVar

from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, WithJsonSchema

from streamtags.core.errors import UsageError
from streamtags.core.model import TagScore
from streamtags.core.validation import first_mistake
from streamtags.export import ExportOptions, formats
from streamtags.export.options import parse_options
from streamtags.music.guide import MAX_GUIDE_CHARACTERS

__all__ = [
    "Analyze",
    "BrowseMedia",
    "CheckCaptioner",
    "Correct",
    "CorrectScene",
    "DecideCue",
    "ExportTimeline",
    "InvalidParamsError",
    "ListTimelines",
    "NoParams",
    "OneSegment",
    "OneTimeline",
    "OneTrack",
    "OpenSession",
    "Params",
    "ReadEvents",
    "ReadWaveform",
    "Retag",
    "SearchSegments",
    "SuggestCues",
    "validate",
]

MAX_NAME = 200
MAX_TEXT = 4096
MAX_VOCABULARY = 1 << 20


class Params(BaseModel):
    """Base of all parameters: unknown fields are refused."""

    model_config = ConfigDict(extra="forbid", allow_inf_nan=False)


AnyParams = TypeVar("AnyParams", bound=Params)

Name = Annotated[str, Field(max_length=MAX_NAME)]
# A query string has to fit into the head of a request, 64 KB.
Texts = Annotated[list[Name], Field(max_length=50)]
# A boolean of a JSON body: 0 and "no" are mistakes, not false.
Flag = Annotated[bool, Field(strict=True)]


class NoParams(Params):
    """No parameters; unknown fields are ignored."""

    model_config = ConfigDict(extra="ignore")


class OneTimeline(Params):
    """A timeline, by its id, a unique prefix of it, or `last`."""

    id: Name


class OneSegment(OneTimeline):
    """A segment of a timeline."""

    segment: Name


class OpenSession(Params):
    """The token to exchange for a cookie; a server without a token file accepts any."""

    token: str = Field(max_length=1000)


class Analyze(Params):
    """What to analyze. `tags` names a vocabulary that ships, a file under a media root, or is the text of one (with line breaks)."""

    uri: str = Field(min_length=1, max_length=MAX_TEXT)
    profile: str | None = Field(None, max_length=MAX_NAME, description="captioner and classifier")
    tags: str | None = Field(None, max_length=MAX_VOCABULARY, description="vocabulary")
    fresh: Flag = Field(False, description="delete at once what is stored for this source and settings, and start over")
    follow: Flag = Field(False, description="the file is still being written: read on as it grows")


class BrowseMedia(Params):
    """The folder to list; the media roots if it is empty."""

    path: str = Field("", max_length=MAX_TEXT, description="absolute path of a folder, as an earlier answer gave it")


class Retag(OneTimeline):
    """The vocabulary to tag under, as in `Analyze`; another profile's classifier if one is named."""

    tags: str = Field(min_length=1, max_length=MAX_VOCABULARY)
    profile: str | None = Field(None, max_length=MAX_NAME)


class CheckCaptioner(Params):
    """Whose captioner to check; the server's profile unless one is named."""

    profile: str | None = Field(None, max_length=MAX_NAME)


class Correct(OneSegment):
    """A person's correction of a segment."""

    tags: list[TagScore] = Field(default_factory=list, max_length=1000)
    untag: list[str] = Field(default_factory=list, max_length=1000)
    caption: str | None = Field(None, max_length=MAX_TEXT)
    reset: Flag = Field(False, description="discard earlier corrections first; alone, the models' answers return")
    by: str | None = Field(None, max_length=MAX_NAME)


class CorrectScene(OneTimeline):
    """What a person says about scenes: `split` before a segment, `merge` a scene into the one before, or `reset` to what was detected."""

    change: Literal["split", "merge", "reset"]
    at: str = Field(min_length=1, max_length=MAX_NAME, description="name of the segment; for merge, of the scene or a segment in it")
    by: str | None = Field(None, max_length=MAX_NAME)


class SearchSegments(Params):
    """What to search for, and which segments may be results."""

    q: str = Field(min_length=1, max_length=1000, description='words; those in "quotation marks" must occur exactly so')
    timeline: Texts = Field(default_factory=list, description="only these timelines")
    tag: Texts = Field(default_factory=list, description="only segments with each of these tags")
    axis: Name | None = Field(None, description="only segments with a tag of this axis")
    min_confidence: float = Field(0.0, ge=0, le=1, description="tags count from this confidence on")
    since: AwareDatetime | None = Field(None, description="only segments that changed at this time or later")
    until: AwareDatetime | None = Field(None, description="only segments that changed before this time")
    top: int = Field(10, ge=1, le=200, description="the most results")


class SuggestCues(OneTimeline):
    """What music to suggest; further fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    library: Name | None = Field(None, description="name of a music library; without it, cues are only spotted")
    guide: str = Field("", max_length=MAX_GUIDE_CHARACTERS, description="wishes for the music, such as: slower, only piano, hopeful")
    top: int = Field(5, ge=1, le=50, description="the most suggestions for each cue")
    cue: Name | None = Field(None, description="suggest for this cue only")
    instrumental: Flag = Field(False, description="no tracks with vocals")
    licenses: Texts = Field(default_factory=list, description="only tracks whose license contains one of these")
    over_music: Flag | None = Field(
        None, description="whether to spot also where music is heard already; not given: as it was spotted before, at first not"
    )


def _as_verb(value: Any) -> Any:
    """Return the verb for a decision that is named as `cue.decided` names it."""
    return {"accepted": "accept", "rejected": "reject"}.get(value, value) if isinstance(value, str) else value


class DecideCue(OneTimeline):
    """What a person decides about a cue: accept a track, reject a track or the cue, or swap the present track for another.

    `reset` takes back what was decided about a track, or everything about the cue if it names none.
    """

    cue: Name
    decision: Annotated[Literal["accept", "reject", "swap", "reset"], BeforeValidator(_as_verb)] = Field(
        description="`accepted` and `rejected`, as events name a decision, mean accept and reject"
    )
    track: str | None = Field(None, max_length=MAX_TEXT, description="id of the track; for accept, the first suggestion if none is named")
    library: Name | None = Field(None, description="library of the track; not given: that of the suggestions")
    by: str | None = Field(None, max_length=MAX_NAME)


class OneTrack(Params):
    """A track of a music library."""

    library: Name
    track: str = Field(min_length=1, max_length=MAX_TEXT, description="id of the track, as suggestions name it")


def _query_integer(value: Any) -> Any:
    """Accept digits only: a query is text, and `int` would also accept signs, spaces and underscores."""
    if isinstance(value, str):
        if not re.fullmatch(r"[0-9]{1,18}", value):
            raise ValueError("a whole number from 0, of at most 18 digits, is expected")
        return int(value)
    return value


class ListTimelines(Params):
    """Which part of the list of timelines; further fields are ignored."""

    model_config = ConfigDict(extra="ignore")

    limit: Annotated[int, Field(ge=1, le=10_000), BeforeValidator(_query_integer)] | None = Field(
        None, description="the most timelines; all if it is missing"
    )
    before: Annotated[int, Field(ge=0, le=10**18 - 1), BeforeValidator(_query_integer)] | None = Field(
        None, description="`next` of an earlier answer: the list goes on there"
    )


class ReadEvents(OneTimeline):
    """Which events of a log to read."""

    after: Annotated[int, BeforeValidator(_query_integer)] = Field(
        0, ge=0, le=10**18 - 1, description="the seq of the last event already known"
    )
    follow: Literal["0", "1"] = Field(
        "0",
        description="1: keep the response open and send events as they come; if the log is replaced, the new log follows from its start",
    )


class ReadWaveform(OneTimeline):
    """Where to read on."""

    after: Annotated[int, BeforeValidator(_query_integer)] = Field(0, ge=0, le=10**18 - 1, description="`next` of an earlier answer")


def _known_format(name: str) -> str:
    if name == "clips":
        how = "run `streamtags export ID --format clips --output FOLDER` on the machine that has the film"
        raise ValueError(f"clips are a folder of files, not one document; {how}")
    if name not in formats():
        raise ValueError(f"no export format {name[:40]!r}; choose one of {', '.join(formats())}")
    return name


class ExportTimeline(OneTimeline):
    """The format to export to, which `GET /v1/info` lists, and its options."""

    format: Annotated[str, AfterValidator(_known_format), WithJsonSchema({"enum": list(formats())})] = Field(
        description="name of the format"
    )
    rate: Name | None = Field(None, description="frame rate of the exported timeline, such as 25 or 24000/1001")
    start_timecode: Name | None = Field(None, description="timecode of the first frame")
    axis: Texts = Field(default_factory=list, description="only tags of these axes")
    tag: Texts = Field(default_factory=list, description="only these tags")
    min_confidence: float | None = Field(None, ge=0, le=1, description="only tags with at least this confidence")
    color: Texts = Field(default_factory=list, description="AXIS=COLOR: color of the markers of an axis")
    format_version: Name | None = Field(None, description="version of the file format, such as 1.8 for fcpxml")
    new_timeline: Literal["0", "1"] = Field("0", description="1: a new timeline even if the source was an edit in this format")

    def options(self) -> ExportOptions:
        """Return the options of the export.

        Raises:
            UsageError: a value is wrong; the message says which.
        """
        names = ("rate", "start_timecode", "min_confidence", "format_version")
        repeated = [(name, value) for name in ("axis", "tag", "color") for value in getattr(self, name)]
        return parse_options([*((name, getattr(self, name)) for name in names), *repeated])


class InvalidParamsError(UsageError):
    """A parameter is missing, unknown or has a wrong value; `field` is the name of the parameter."""

    code = "invalid_params"

    def __init__(self, what: str, field: str) -> None:
        super().__init__(what)
        self.field = field


def validate(model: type[AnyParams], params: Any) -> AnyParams:
    """Return `params` as a `model`.

    Raises:
        InvalidParamsError: a field is missing, unknown or has a wrong value; the first such field is named.
    """
    try:
        return model.model_validate(params)
    except ValidationError as error:
        mistake = first_mistake(error)
        raise InvalidParamsError(f"{mistake.place or 'params'}: {mistake.text}", mistake.path[0] if mistake.path else "") from error
