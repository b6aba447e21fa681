"""What a captioner said about clips with a known answer, and whether it may be trusted with a film."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from streamtags.evaluation.check_clips import CHECK_CLIPS, CheckClip, Verdict

__all__ = ["BASICS", "CaptionerCheck", "ClipResult", "Tally", "judge", "verdicts_of"]

# Below these shares of right answers a captioner fails; blind guesses are right in 1 of 6 colors and 1 of 2 directions.
_MIN_COLOR = 0.5
_MIN_MOTION = 0.25
_MIN_ORDER = 0.75
_MAX_FAILED = 0.2

BASICS = ("color", "motion", "direction", "order of events")
"""What a captioner is failed for. The other kinds are reported only: many good captioners are not made for them."""


class _Model(BaseModel):
    model_config = ConfigDict(frozen=True)


class ClipResult(_Model):
    """What became of one clip. `caption` is "" if there was none; `error` is then the code of the error."""

    clip: str
    caption: str = ""
    error: str = ""
    message: str = ""
    verdicts: dict[str, Verdict] = Field(default_factory=dict)
    seconds: float = 0.0
    prompt_tokens: int | None = None
    completion_tokens: int | None = None


class Tally(_Model):
    """Answers of one kind; what was not said is neither right nor wrong."""

    right: int = 0
    wrong: int = 0
    not_said: int = 0

    @property
    def total(self) -> int:
        """All answers."""
        return self.right + self.wrong + self.not_said


class CaptionerCheck(_Model):
    """The report.

    Attributes:
        model: name of the captioner, prompt and options included; a result counts for this name only.
        profile: name of the profile.
        at: when, RFC 3339.
        tallies: by what was checked.
        frame_order: whether the order of the frames arrives; `unknown` if no caption says in which direction or order things happen.
        reversed_pairs: clips and their reversal of which both answers are right, and all that say anything.
        loops: captions that repeat themselves.
        failed: clips without a caption.
        seconds: median time of one caption.
        problems: why the captioner fails; empty if it passes.
        clips: every answer.
    """

    model: str
    profile: str
    at: str
    tallies: dict[str, Tally]
    frame_order: Literal["yes", "no", "unknown"]
    reversed_pairs: tuple[int, int]
    loops: int
    failed: int
    seconds: float
    prompt_tokens: int | None
    completion_tokens: int | None
    problems: tuple[str, ...]
    clips: tuple[ClipResult, ...]

    @property
    def passed(self) -> bool:
        """Whether the captioner may be trusted with a film."""
        return not self.problems


def judge(results: Sequence[ClipResult], *, model: str, profile: str, at: str) -> CaptionerCheck:
    """Return the report on the results of `CHECK_CLIPS`, in any order."""
    by_name = {result.clip: result for result in results}
    tallies = {kind: _tally(kind, by_name) for kind in dict.fromkeys(kind for clip in CHECK_CLIPS for kind in clip.answers)}
    right, said = _pairs(by_name)
    order: Literal["yes", "no", "unknown"] = "unknown" if said < 2 else "yes" if right / said >= _MIN_ORDER else "no"
    answered = [result for result in results if result.caption]
    loops = sum(result.error == "model.loop" for result in results)
    return CaptionerCheck(
        model=model,
        profile=profile,
        at=at,
        tallies=tallies,
        frame_order=order,
        reversed_pairs=(right, said),
        loops=loops,
        failed=len(results) - len(answered),
        seconds=_median([result.seconds for result in answered]),
        prompt_tokens=_mean_tokens([result.prompt_tokens for result in answered]),
        completion_tokens=_mean_tokens([result.completion_tokens for result in answered]),
        problems=tuple(_problems(results, answered, tallies, order, right, said, loops)),
        clips=tuple(results),
    )


def _tally(kind: str, by_name: dict[str, ClipResult]) -> Tally:
    verdicts = [by_name[clip.name].verdicts.get(kind, "not said") for clip in CHECK_CLIPS if kind in clip.answers and clip.name in by_name]
    return Tally(right=verdicts.count("right"), wrong=verdicts.count("wrong"), not_said=verdicts.count("not said"))


def _pairs(by_name: dict[str, ClipResult]) -> tuple[int, int]:
    """Count the pairs of a clip and its reversal that are both right, and those that say anything about direction or order."""
    right = said = 0
    for clip in CHECK_CLIPS:
        if clip.reverse_of is None or clip.name not in by_name or clip.reverse_of not in by_name:
            continue
        kind = "direction" if "direction" in clip.answers else "order of events"
        verdicts = [by_name[name].verdicts.get(kind, "not said") for name in (clip.reverse_of, clip.name)]
        if verdicts == ["not said", "not said"]:
            continue
        said += 1
        right += verdicts == ["right", "right"]
    return right, said


def _problems(
    results: Sequence[ClipResult], answered: Sequence[ClipResult], tallies: dict[str, Tally], order: str, right: int, said: int, loops: int
) -> list[str]:
    problems = []
    color, motion = tallies["color"], tallies["motion"]
    if loops:
        problems.append(f"it repeats itself in {loops} of {len(results)} captions")
    others = len(results) - len(answered) - loops
    if others > _MAX_FAILED * len(results):
        message = next(result.message for result in results if not result.caption and result.error != "model.loop")
        problems.append(f"it gives no caption for {others} of {len(results)} clips: {message}")
    if len(answered) > 1 and len({_essence(result.caption) for result in answered}) == 1:
        problems.append("it gives every clip the same caption, as if no frames arrived")
        return problems
    if answered and color.right < _MIN_COLOR * color.total:
        problems.append(f"it names the color of {color.right} of {color.total} shapes")
    if answered and motion.right < _MIN_MOTION * motion.total:
        problems.append(f"it says of {motion.right} of {motion.total} moving shapes that they move, as if a single frame arrived")
    if order == "no":
        problems.append(f"the order of frames does not arrive: {right} of {said} clips and their reversals are both right")
    return problems


def _essence(caption: str) -> str:
    return " ".join(caption.lower().split())


def _median(values: Sequence[float]) -> float:
    return round(sorted(values)[len(values) // 2], 3) if values else 0.0


def _mean_tokens(values: Sequence[int | None]) -> int | None:
    counted = [value for value in values if value is not None]
    return round(sum(counted) / len(counted)) if counted else None


def verdicts_of(clip: CheckClip, caption: str) -> dict[str, Verdict]:
    """Return the verdicts on a caption of a clip."""
    return {kind: answer(caption) for kind, answer in clip.answers.items()}
