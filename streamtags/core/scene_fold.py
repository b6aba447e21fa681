"""Scenes as people see them: the detected scenes, split and merged where a person says so. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from streamtags.core.events import SceneCorrected, SceneDetected
from streamtags.core.model import TagScore, tag_scores
from streamtags.core.state import SceneEdit, SegmentState

__all__ = ["after_scene_corrected", "edited_scenes", "mean_tags"]


@dataclass(frozen=True, slots=True)
class _Part:
    """Segments `first` to `last`, by their places; `name` is that of the scene; `whole` the detected scene if it is one."""

    name: str
    first: int
    last: int
    whole: SceneDetected | None


def after_scene_corrected(edits: Mapping[str, SceneEdit], payload: SceneCorrected) -> dict[str, SceneEdit]:
    """Return the edits by segment after a person's correction; one that leaves the segment to the detector removes its edit."""
    if payload.begins is None:
        return {segment: edit for segment, edit in edits.items() if segment != payload.segment}
    return {**edits, payload.segment: SceneEdit(segment=payload.segment, begins=payload.begins, by=payload.by)}


def edited_scenes(
    detected: Collection[SceneDetected], edits: Mapping[str, SceneEdit], segments: Collection[SegmentState]
) -> tuple[SceneDetected, ...]:
    """Return the scenes with a person's edits; the tags of a scene that was edited are the mean of its segments', and `index` is the place.

    A scene keeps its name as long as its first segment begins it; a part that was split off is named for its scene and first segment.
    """
    ordered = sorted(segments, key=lambda segment: segment.index)
    places = {segment.segment: place for place, segment in enumerate(ordered)}
    joined: list[_Part] = []
    for scene in sorted(detected, key=lambda scene: scene.index):
        for part in _parts(scene, edits, places, ordered):
            before = joined[-1] if joined else None
            if before is not None and 0 <= part.first == before.last + 1 and _begins(edits, ordered[part.first]) is False:
                joined[-1] = replace(before, last=part.last, whole=None)
            else:
                joined.append(part)
    return tuple(_scene(part, index, ordered) for index, part in enumerate(joined))


def _parts(
    scene: SceneDetected, edits: Mapping[str, SceneEdit], places: Mapping[str, int], ordered: Sequence[SegmentState]
) -> Iterator[_Part]:
    """Yield the parts of a detected scene; one whose segments are not known is a part without places."""
    first, last = places.get(scene.first, -1), places.get(scene.last, -1)
    if not 0 <= first <= last:
        yield _Part(scene.scene, -1, -2, scene)
        return
    starts = [first, *(place for place in range(first + 1, last + 1) if _begins(edits, ordered[place]) is True)]
    for start, end in zip(starts, [*starts[1:], last + 1], strict=True):
        name = scene.scene if start == first else f"{scene.scene}-{ordered[start].segment}"
        yield _Part(name, start, end - 1, scene if len(starts) == 1 else None)


def _begins(edits: Mapping[str, SceneEdit], segment: SegmentState) -> bool | None:
    edit = edits.get(segment.segment)
    return None if edit is None else edit.begins


def _scene(part: _Part, index: int, ordered: Sequence[SegmentState]) -> SceneDetected:
    if part.whole is not None:
        return part.whole.model_copy(update={"index": index})
    members = ordered[part.first : part.last + 1]
    return SceneDetected(
        scene=part.name,
        index=index,
        first=members[0].segment,
        last=members[-1].segment,
        start=members[0].start,
        end=members[-1].end,
        tags=mean_tags(members),
    )


def mean_tags(segments: Sequence[SegmentState]) -> list[TagScore]:
    """Return the mean confidence of each tag, weighted by the lengths of the segments; a missing tag counts as 0.

    Gaps do not count.
    """
    received = [segment for segment in segments if segment.kind != "gap"]
    total = 0.0
    for segment in received:
        total += segment.seconds
    if total <= 0:
        return []
    sums: dict[str, float] = {}
    for segment in received:
        for score in segment.tags:
            sums[score.tag] = sums.get(score.tag, 0.0) + score.confidence * segment.seconds / total
    return list(tag_scores(list(sums.items())))
