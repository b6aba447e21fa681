"""Re-edits are cheap: captions and tags of shots that have not changed are taken from timelines analyzed before."""

from __future__ import annotations

from streamtags.core.events import Reused, SegmentCaptioned, SegmentCorrected, SegmentTagged
from streamtags.core.model import Evidence, Measured, is_measured
from streamtags.core.state import PERSON, SegmentState
from streamtags.core.stores import Store
from streamtags.run.tag import Tools
from streamtags.stages.measure.fingerprint import same

__all__ = ["Reuse"]

# Sound counts as unchanged within these, well above what another encoder does to it and below what a mixer would.
_SOUND_TOLERANCE = {"loudness_lufs": 1.0, "speech_share": 0.15, "silence_share": 0.15}

Found = SegmentCaptioned | SegmentTagged | SegmentCorrected


class Reuse:
    """Looks up segments with the same pictures.

    A caption is taken if the same captioner wrote it; tags if besides the same classifier chose them from the same vocabulary, and the
    sound has not changed either. A caption that speaks of sound (the embedded one) needs the same sound too. A person's correction
    goes along: an editor who put a shot right does not want to do it again for the next version of the edit.
    """

    def __init__(self, store: Store, timeline: str, tools: Tools) -> None:
        self._store = store
        self._timeline = timeline
        self._tools = tools

    def of(self, measured: Measured, held: SegmentState) -> list[Found]:
        """What can be taken over for `measured`, as payloads with the revs after `held`'s; empty if nothing can."""
        frames = measured.segment.end.frame - measured.segment.start.frame
        # Another encoding may move a gradual transition by a frame.
        for candidate in self._store.candidates(frames, slack=1, besides=self._timeline):
            if not same(candidate.fingerprint.data, measured.fingerprint):
                continue
            known = self._store.state(candidate.timeline).by_id.get(candidate.segment)
            if known is None:
                continue
            found = self._take(known, Reused(timeline=candidate.timeline, segment=candidate.segment), measured, held.rev)
            if found:
                return found
        return []

    def _take(self, known: SegmentState, origin: Reused, measured: Measured, rev: int) -> list[Found]:
        name, tools = measured.segment.id, self._tools
        heard = known.text == measured.text and _sounds_alike(known.evidence or {}, measured.evidence)
        mine = known.caption_model == tools.captioner.model and (heard or not is_measured(known.caption_model))
        if known.caption is None or not (mine or known.caption_model == PERSON):
            return []
        found: list[Found] = []
        if mine:
            frames = [still.pts for still in measured.stills]
            found.append(
                SegmentCaptioned(
                    segment=name, rev=rev + 1, caption=known.caption, model=tools.captioner.model, frames=frames, reused_from=origin
                )
            )
        if known.correction is not None:
            person = known.correction
            found.append(
                SegmentCorrected(
                    segment=name,
                    rev=rev + 1,
                    tags=list(person.tags),
                    untag=list(person.untag),
                    caption=person.caption,
                    by=person.by,
                    reused_from=origin,
                )
            )
        if heard and known.tags_rev and known.tags_model == tools.tags_model and known.vocabulary == tools.vocabulary.ref:
            found.append(
                SegmentTagged(
                    segment=name,
                    rev=rev + 2,
                    tags=known.tags,
                    key_information=known.key_information,
                    reasoning=known.reasoning,
                    model=tools.tags_model,
                    vocabulary=tools.vocabulary.ref,
                    reused_from=origin,
                )
            )
        return found


def _sounds_alike(one: Evidence, two: Evidence) -> bool:
    for name, tolerance in _SOUND_TOLERANCE.items():
        a, b = one.get(name), two.get(name)
        if isinstance(a, int | float) and isinstance(b, int | float):
            if abs(a - b) > tolerance:
                return False
        elif a != b:
            return False
    return True
