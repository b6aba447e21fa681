"""The stage table: the stages that ship, and those that other packages register.

The scheduler, retries, status, progress, `--dry-run` and the generated references take the stages from here. Another package adds one
with an entry point of the group `streamtags.stages` that names a `Stage`.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

from streamtags.core.errors import ConfigError
from streamtags.core.plugins import STAGES_GROUP, installed_stages
from streamtags.stages.caption.stage import CAPTION
from streamtags.stages.faces.stage import FACES
from streamtags.stages.hear.stage import HEAR
from streamtags.stages.measure.stage import MEASURE
from streamtags.stages.read.stage import READ
from streamtags.stages.scenes.stage import SCENES
from streamtags.stages.stage import PASS_INPUTS, Stage
from streamtags.stages.tag.stage import TAG
from streamtags.stages.transcribe.stage import TRANSCRIBE

__all__ = ["BUILT_IN", "all_stages", "in_order"]

BUILT_IN: tuple[Stage, ...] = (MEASURE, READ, FACES, HEAR, TRANSCRIBE, CAPTION, TAG, SCENES)


def all_stages() -> tuple[Stage, ...]:
    """Return every stage, in the order in which a segment takes them.

    Raises:
        ConfigError: an installed stage cannot be imported or does not fit into the table.
    """
    return _table(installed_stages())


@cache
def _table(installed: tuple[tuple[str, object], ...]) -> tuple[Stage, ...]:
    stages = list(BUILT_IN)
    for place, stage in installed:
        stages.append(_checked(stage, place, stages))
    return in_order(stages)


def _checked(stage: object, place: str, known: Sequence[Stage]) -> Stage:
    """Return an installed stage if it keeps the rules of the table."""
    hint = "fix or uninstall the package that registers it"
    if not isinstance(stage, Stage):
        raise ConfigError(f"is {type(stage).__name__}, not a streamtags.stages.Stage", where=place, hint=hint)
    if stage.scope != "segment":
        raise ConfigError("has scope 'scene'; other packages register stages of scope 'segment'", where=place, hint=hint)
    if any(stage.name == other.name for other in known):
        raise ConfigError(f"there is a stage {stage.name!r} already", where=place, hint=hint)
    if [payload.type for payload in stage.emits] != [f"segment.{stage.name}"]:
        raise ConfigError(f"must emit one payload class, of type 'segment.{stage.name}'", where=place, hint=hint)
    return stage


def in_order(stages: Sequence[Stage]) -> tuple[Stage, ...]:
    """Return `stages` so that each comes after those whose answers it needs, otherwise as they were.

    Raises:
        ConfigError: a stage needs what no stage gives, or two stages need each other.
    """
    waiting, ordered = list(stages), list[Stage]()
    available = set(PASS_INPUTS)
    while waiting:
        later = frozenset[str]().union(*(stage.outputs for stage in waiting))
        ready = [stage for stage in waiting if stage.needs <= available]
        stage = next((stage for stage in ready if stage.uses.isdisjoint(later)), ready[0] if ready else None)
        if stage is None:
            first = waiting[0]
            missing = ", ".join(sorted(first.needs - available))
            raise ConfigError(f"needs {missing}, which no stage before it gives", where=f"stage {first.name!r} ({STAGES_GROUP})")
        waiting.remove(stage)
        ordered.append(stage)
        available |= stage.outputs
    return tuple(ordered)
