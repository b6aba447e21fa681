"""The answers of the optional stages that ship: text on screen, transcripts, what is heard, faces.

The fold keeps them under `answers` of a segment, like the answers of stages that other packages register.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar, Final, Literal

from pydantic import Field, ValidationError

from streamtags.core.bounded import Label, Title
from streamtags.core.model import Evidence, EvidenceValue
from streamtags.core.payload import SegmentAnswer, Wire
from streamtags.core.timebase import Time
from streamtags.core.voices import MAX_VOICES, PACKED_CHARACTERS, Timbre

__all__ = [
    "EXPRESSIONS",
    "STAGE_OF_ANSWER",
    "ApparentExpression",
    "HeardMusic",
    "HeardShares",
    "HeardTag",
    "HeardVoice",
    "HeardWindow",
    "ScreenLine",
    "SegmentFaces",
    "SegmentHeard",
    "SegmentRead",
    "SegmentTranscribed",
    "TranscriptLine",
    "Word",
    "apparent_expression",
    "face_expressions",
    "face_words",
    "framing_words",
    "heard_evidence",
    "heard_shares",
    "heard_tags",
    "heard_voices",
    "heard_words",
    "music_words",
    "screen_text",
    "transcript_lines",
    "transcript_text",
]

STAGE_OF_ANSWER: Mapping[str, str] = {"transcribed": "transcribe", "heard": "hear"}
"""The stage of an answer, where its event is not named like the stage."""

EXPRESSIONS: Final = ("anger", "disgust", "fear", "joy", "sadness", "surprise", "neutral")
"""What an apparent expression may be, in the order of FER-2013 (Goodfellow et al. 2013, https://arxiv.org/abs/1307.0414)."""

_MAX_LINES = 200


class ScreenLine(Wire):
    """One line of text in the picture.

    Attributes:
        confidence: of the reader, 0..1.
        box: x, y, width and height in shares of the picture, from its upper left corner.
        pts: of the picture in which it was read.
    """

    text: Title
    confidence: float
    box: tuple[float, float, float, float]
    pts: int


class SegmentRead(SegmentAnswer):
    """The text on screen, in reading order. `frames` are the pts of the pictures that were read.

    `skipped` says why no picture was read, and is left out otherwise.
    """

    type: ClassVar[str] = "segment.read"
    lines: list[ScreenLine] = Field(default_factory=list, max_length=_MAX_LINES)
    frames: list[int] = Field(default_factory=list)
    model: Label
    ms: float = 0.0
    skipped: str | None = Field(None, exclude_if=lambda skipped: skipped is None)


class Word(Wire):
    """A word with the pts at which it begins and ends (exclusive), in the time base of the segment; `confidence` of the model, 0..1."""

    start: int
    end: int
    text: Label
    confidence: float | None = None


class TranscriptLine(Wire):
    """What is said or sung between two times, with its words where the model gives their times."""

    start: Time
    end: Time
    text: Title
    words: list[Word] = Field(default_factory=list, exclude_if=lambda words: not words)


class SegmentTranscribed(SegmentAnswer):
    """The words of a segment: those whose middle lies in it. `language` is a code such as `en`; null if unknown."""

    type: ClassVar[str] = "segment.transcribed"
    language: Label | None = None
    lines: list[TranscriptLine] = Field(default_factory=list)
    model: Label
    ms: float = 0.0


class HeardShares(Wire):
    """Shares of the time in which people speak, people sing, music plays, and nothing of these is heard; more than one may be at once."""

    speech: float
    singing: float
    music: float
    other: float


class HeardWindow(Wire):
    """The shares of a part of a segment, from pts `start` to `end` (exclusive)."""

    start: int
    end: int
    content: HeardShares


class HeardTag(Wire):
    """What music sounds like. `confidence`, 0..1, ranks the tags of one answer; it is no probability."""

    label: Label
    confidence: float


class HeardMusic(Wire):
    """What the music of a segment sounds like, the best first. `bpm` is its measured tempo, null where none is clear.

    `tags` are the best of all kinds; `model` names the tagger.
    """

    instruments: list[HeardTag] = Field(default_factory=list)
    genres: list[HeardTag] = Field(default_factory=list)
    moods: list[HeardTag] = Field(default_factory=list)
    bpm: float | None = None
    tags: list[HeardTag] = Field(default_factory=list)
    model: Label


class HeardVoice(Wire):
    """How a voice sounds, measured on `frames` of 10 ms: packed numbers for comparing voices of one timeline. They name no person."""

    frames: int = Field(ge=1)
    timbre: str = Field(max_length=PACKED_CHARACTERS)


class SegmentHeard(SegmentAnswer):
    """What is heard in a segment, and in each of its windows. `music` is left out where no music plays, or no tagger was used.

    `voices` are those that speak for at least 2.5 s without music or noise, in order of appearance; left out where there are none, and
    unless `hear.voices` is on.
    `has_sound` is false where the source has no sound track, and left out elsewhere.
    """

    type: ClassVar[str] = "segment.heard"
    content: HeardShares
    windows: list[HeardWindow] = Field(default_factory=list)
    music: HeardMusic | None = Field(None, exclude_if=lambda music: music is None)
    voices: list[HeardVoice] = Field(default_factory=list, max_length=MAX_VOICES, exclude_if=lambda voices: not voices)
    has_sound: bool = Field(True, exclude_if=lambda has_sound: has_sound)
    model: Label
    ms: float = 0.0


class ApparentExpression(Wire):
    """How faces look, not what anybody feels; `confidence` is the mean share of the label, 0..1."""

    label: Label
    confidence: float


class SegmentFaces(SegmentAnswer):
    """The faces of a segment: how many are seen at once, and the shot size by the height of the largest.

    `expressions` are the top three apparent expressions, averaged over faces and pictures; empty where none is clear. `frames` are the pts
    of the pictures that were looked at. `boxes` are the faces in the thumbnail, the largest first: x, y, width and height in shares of the
    picture, from its upper left corner; left out where there is none.
    """

    type: ClassVar[str] = "segment.faces"
    count: int = Field(ge=0)
    shot_size: Literal["close-up", "medium", "wide", "none"]
    expressions: list[ApparentExpression] = Field(default_factory=list, max_length=3)
    frames: list[int] = Field(default_factory=list)
    boxes: list[tuple[float, float, float, float]] = Field(default_factory=list, max_length=50, exclude_if=lambda boxes: not boxes)
    model: Label
    ms: float = 0.0


def screen_text(answers: Mapping[str, Any]) -> str:
    """Return the text on screen of a segment's `answers`, one line each; "" if none was read."""
    return "\n".join(_texts(answers.get("read")))


def transcript_text(answers: Mapping[str, Any]) -> str:
    """Return the words of a segment's `answers`, one line each; "" if nothing was transcribed."""
    return "\n".join(_texts(answers.get("transcribed")))


def transcript_lines(answers: Mapping[str, Any]) -> list[TranscriptLine]:
    """Return the transcript lines of a segment's `answers` with their times; those of another version of the stage are left out."""
    known = answers.get("transcribed")
    lines = known.get("lines") if isinstance(known, Mapping) else None
    valid = []
    for line in lines if isinstance(lines, list) else []:
        try:
            valid.append(TranscriptLine.model_validate(line))
        except ValidationError:
            continue
    return valid


def face_words(answers: Mapping[str, Any]) -> str:
    """Return the faces of a segment's `answers` in words, such as "2 faces, close-up, apparent joy 0.71"; "" for none."""
    try:
        faces = SegmentFaces.model_validate({**answers["faces"], "segment": ""})
    except (KeyError, TypeError, ValidationError):  # the answer may be of another version of the stage
        return ""
    if not faces.count:
        return ""
    words = [f"{faces.count} face{'s' if faces.count > 1 else ''}"]
    words += [faces.shot_size] if faces.shot_size != "none" else []
    words += [f"apparent {one.label} {one.confidence:.2f}" for one in faces.expressions[:1]]
    return ", ".join(words)


def face_expressions(answers: Mapping[str, Any]) -> list[tuple[str, float]]:
    """Return the apparent expressions of a segment's `answers` with their confidences, in order; empty where none is said."""
    faces = answers.get("faces")
    return _scored(faces.get("expressions")) if isinstance(faces, Mapping) else []


def apparent_expression(answers: Mapping[str, Any]) -> tuple[str, float]:
    """Return the first apparent expression of a segment's `answers` and its confidence; ("", 0) where none is said."""
    listed = face_expressions(answers)
    return listed[0] if listed else ("", 0.0)


def framing_words(answers: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the names that the shot size of a segment's `answers` has in vocabularies; empty if no face was seen."""
    faces = answers.get("faces")
    size = faces.get("shot_size") if isinstance(faces, Mapping) else None
    return {"close-up": ("close-up", "close-up shot", "closeup"), "medium": ("medium shot",), "wide": ("wide shot", "long shot")}.get(
        str(size), ()
    )


def heard_shares(answers: Mapping[str, Any]) -> dict[str, float]:
    """Return the shares of speech, singing, music and other sound of a segment's `answers`; empty if no stage has listened."""
    heard = answers.get("heard")
    content = heard.get("content") if isinstance(heard, Mapping) else None
    if not isinstance(content, Mapping):
        return {}
    return {str(name): float(share) for name, share in content.items() if isinstance(share, int | float)}


def heard_voices(answers: Mapping[str, Any]) -> list[Timbre]:
    """Return the voices of a segment's `answers`; those of another version of the stage are left out."""
    heard = answers.get("heard")
    voices = heard.get("voices") if isinstance(heard, Mapping) else None
    known = []
    for voice in voices[:MAX_VOICES] if isinstance(voices, list) else []:
        try:
            valid = HeardVoice.model_validate(voice)
        except ValidationError:
            continue
        known.append(Timbre.unpacked(valid.timbre, valid.frames))
    return [timbre for timbre in known if timbre is not None]


def heard_evidence(evidence: Evidence, answers: Mapping[str, Any]) -> dict[str, EvidenceValue]:
    """Return the measures of a segment with the heard shares in place of guesses from loudness; `evidence` if no stage has listened.

    Silence is at most what was heard of none of speech, singing and music: quiet music is no silence.
    """
    heard = heard_shares(answers)
    known = dict(evidence)
    known |= {f"{name}_share": heard[name] for name in ("speech", "singing", "music") if name in heard}
    silence = known.get("silence_share")
    if isinstance(silence, int | float) and "other" in heard:
        known["silence_share"] = min(float(silence), heard["other"])
    return known


def heard_tags(answers: Mapping[str, Any]) -> dict[str, list[tuple[str, float]]]:
    """Return (label, confidence) of the `instruments`, `genres` and `moods` of the music of a segment's `answers`; empty for no music."""
    heard = answers.get("heard")
    music = heard.get("music") if isinstance(heard, Mapping) else None
    if not isinstance(music, Mapping):
        return {}
    return {kind: _scored(music.get(kind)) for kind in ("instruments", "genres", "moods")}


def music_words(answers: Mapping[str, Any]) -> str:
    """Return the instruments, genres and moods of a segment's `answers`: "harp, flute; classical; soft"; "" for no music."""
    return "; ".join(", ".join(label for label, _ in tags) for tags in heard_tags(answers).values() if tags)


def heard_words(answers: Mapping[str, Any]) -> str:
    """Return what is heard in a segment's `answers` in words; "" if no stage has listened.

    Such as "speech 90 %, music 40 %; harp, flute; classical; 92 bpm"; "silence or noise" where none of speech, singing and music is heard;
    "no sound track" where the source has none.
    """
    shares = heard_shares(answers)
    if not shares:
        return ""
    if answers["heard"].get("has_sound") is False:
        return "no sound track"
    kinds = [f"{kind} {percent} %" for kind in ("speech", "singing", "music") if (percent := round(100 * shares.get(kind, 0.0)))]
    music = answers["heard"].get("music")
    bpm = music.get("bpm") if isinstance(music, Mapping) else None
    tempo = f"{bpm:.0f} bpm" if isinstance(bpm, int | float) else ""
    return "; ".join(filter(None, [", ".join(kinds) or "silence or noise", music_words(answers), tempo]))


def _scored(tags: object) -> list[tuple[str, float]]:
    listed = [tag for tag in tags if isinstance(tag, Mapping)] if isinstance(tags, list) else []
    return [(str(tag.get("label")), float(score)) for tag in listed if isinstance(score := tag.get("confidence"), int | float)]


def _texts(answer: object) -> list[str]:
    """Return the texts of an answer's lines; the answer may be of another version of the stage."""
    lines = answer.get("lines") if isinstance(answer, Mapping) else None
    if not isinstance(lines, list):
        return []
    return [str(line["text"]) for line in lines if isinstance(line, Mapping) and line.get("text")]
