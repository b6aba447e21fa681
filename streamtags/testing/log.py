"""Generated logs: plausible timelines of any length, without media and without an analysis."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from fractions import Fraction

from streamtags.core.events import (
    Event,
    Payload,
    SceneDetected,
    SegmentCaptioned,
    SegmentDetected,
    SegmentMeasured,
    SegmentTagged,
    TimelineCompleted,
    TimelineOpened,
    TimelineProgress,
    VocabularyRef,
)
from streamtags.core.measures import MEASURES
from streamtags.core.model import AudioInfo, EvidenceValue, SourceInfo, VideoInfo, clock_of, tag_scores
from streamtags.core.timebase import Clock

__all__ = ["make_events", "make_payloads"]

_SUBJECTS = (
    "A woman",
    "Two children",
    "An old fisherman",
    "A red car",
    "A crowd",
    "A dog",
    "A cyclist",
    "A swan",
    "A tall man in a coat",
)
_DOINGS = ("walks along", "runs through", "stands still in", "looks out over", "argues in", "dances across", "waits in", "leaves")
_PLACES = (
    "a rainy street",
    "a sunlit field",
    "an empty kitchen",
    "the harbour at dusk",
    "a crowded hall",
    "a snowy forest",
    "a small boat",
)
_MANNERS = ("slowly", "in a hurry", "while music plays", "without a word", "laughing", "as the light fades", "and does not turn round")
_TAGS = ("Tense", "Calm", "Joyful", "Sad", "Epic", "Romantic", "Fearful", "Playful")
_SEGMENTS_A_SCENE = 6


def make_payloads(
    segments: int,
    *,
    tags: Sequence[str] = _TAGS,
    rate: Fraction | int = 25,
    mean_frames: int = 90,
    vocabulary: VocabularyRef | None = None,
    model: str = "scripted",
    completed: bool = True,
    seed: int = 0,
) -> list[Payload]:
    """Return the payloads of a whole analysis, in order, for `Store.append`.

    Each segment is detected, measured, captioned and tagged. Every sixth segment closes a scene, every tenth is followed by progress.

    Args:
        segments: number of segments.
        tags: names to choose from; each segment gets two.
        rate: frames per second.
        mean_frames: mean length of a segment.
        vocabulary: the vocabulary in the events.
        model: the captioner and classifier in the events.
        completed: end with `timeline.completed`.
        seed: the same seed gives the same payloads.
    """
    rng = random.Random(seed)  # noqa: S311 - test data
    rate, vocabulary = Fraction(rate), vocabulary or VocabularyRef(id="test", version="1")
    lengths = [max(8, round(rng.gammavariate(2.0, mean_frames / 2))) for _ in range(segments)]
    source = _source(rate, lengths)
    clock = clock_of(source.video, 0)
    payloads: list[Payload] = [TimelineOpened(source=source, vocabulary=vocabulary, profile="scripted")]
    begun: list[SegmentDetected] = []
    frame = 0
    for index, length in enumerate(lengths):
        detected = _detected(clock, index, frame, frame + length, rng)
        begun.append(detected)
        frame += length
        payloads += [detected, *_answers(detected, rng, tags, vocabulary, model)]
        if len(begun) == _SEGMENTS_A_SCENE or index == segments - 1:
            payloads.append(_scene(begun, index // _SEGMENTS_A_SCENE, rng, tags))
            begun = []
        if index % 10 == 9:
            done = index + 1
            payloads.append(
                TimelineProgress(
                    decoded_seconds=float(frame / rate),
                    duration_seconds=source.video.duration,
                    segments=done,
                    captioned=done,
                    tagged=done,
                    failed=0,
                )
            )
    if completed:
        payloads.append(TimelineCompleted(summary={"segments": segments, "tagged": segments, "failed": 0}))
    return payloads


def _source(rate: Fraction, lengths: Sequence[int]) -> SourceInfo:
    video = VideoInfo(
        codec="h264",
        width=1280,
        height=720,
        rate=rate,
        time_base=1 / rate,
        start_timecode="01:00:00:00",
        duration=float(sum(lengths) / rate),
    )
    return SourceInfo(
        uri="file:///media/made-to-order.mp4",
        name="made-to-order.mp4",
        size=200_000 * len(lengths),
        container="mov,mp4,m4a,3gp,3g2,mj2",
        video=video,
        audio=AudioInfo(codec="aac", rate=48000, channels=2),
    )


def make_events(payloads: Sequence[Payload] | int, *, timeline: str = "tl_test", epoch: str = "e1", after: int = 0) -> list[Event]:
    """Return payloads as the events that a store would return: `seq` from `after + 1`, ten milliseconds apart.

    Args:
        payloads: what happened, or the number of segments for `make_payloads`.
        timeline: its id.
        epoch: which log.
        after: events before these.
    """
    if isinstance(payloads, int):
        payloads = make_payloads(payloads)
    began = datetime(2026, 1, 1, tzinfo=UTC)
    return [
        Event.of(payload, timeline=timeline, epoch=epoch, seq=seq, at=began + timedelta(milliseconds=10 * seq))
        for seq, payload in enumerate(payloads, after + 1)
    ]


def _detected(clock: Clock, index: int, first: int, end: int, rng: random.Random) -> SegmentDetected:
    return SegmentDetected(
        segment=f"s{index:04d}",
        index=index,
        shot=index,
        start=clock.at(first, first),
        end=clock.at(end, end),
        kind="shot",
        transition="start" if index == 0 else rng.choice(("cut", "cut", "cut", "gradual")),
    )


def _answers(
    detected: SegmentDetected, rng: random.Random, tags: Sequence[str], vocabulary: VocabularyRef, model: str
) -> tuple[SegmentMeasured, SegmentCaptioned, SegmentTagged]:
    name = detected.segment
    first, end = detected.start.pts, detected.end.pts
    evidence: dict[str, EvidenceValue] = {
        measure: rng.choice(kind.values) if kind.values else round(rng.uniform(kind.low, kind.high), 2)
        for measure, kind in MEASURES.items()
    }
    caption = f"{rng.choice(_SUBJECTS)} {rng.choice(_DOINGS)} {rng.choice(_PLACES)} {rng.choice(_MANNERS)}."
    chosen = rng.sample(list(tags), min(2, len(tags)))
    return (
        SegmentMeasured(segment=name, evidence=evidence, thumbnail=f"thumbnails/{name}.jpg"),
        SegmentCaptioned(
            segment=name,
            rev=1,
            caption=caption,
            model=model,
            frames=[first + (end - first) * (2 * part + 1) // 16 for part in range(8)],
            ms=round(rng.uniform(200, 900), 1),
        ),
        SegmentTagged(
            segment=name,
            rev=2,
            tags=list(tag_scores([(tag, rng.uniform(0.3, 0.95)) for tag in chosen])),
            key_information=[caption.split()[-1].strip(".")],
            reasoning="generated",
            model=model,
            vocabulary=vocabulary,
            ms=round(rng.uniform(20, 90), 1),
        ),
    )


def _scene(members: Sequence[SegmentDetected], index: int, rng: random.Random, tags: Sequence[str]) -> SceneDetected:
    return SceneDetected(
        scene=f"c{index:04d}",
        index=index,
        first=members[0].segment,
        last=members[-1].segment,
        start=members[0].start,
        end=members[-1].end,
        tags=list(tag_scores([(rng.choice(list(tags)), rng.uniform(0.3, 0.95))])) if tags else [],
    )
