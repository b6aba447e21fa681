"""The stage `faces`: looks at a few pictures of a segment. Off unless turned on."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from streamtags.config.stages import FacesSettings
from streamtags.core.answers import SegmentFaces
from streamtags.core.errors import ModelError
from streamtags.core.model import Still
from streamtags.stages.faces.detector import BlazeFaceDetector, Face, FaceDetector
from streamtags.stages.faces.expression import ExpressionReader, MiniXception, has_reader_package
from streamtags.stages.faces.looking import cropped, face_count, shot_size, top_expressions
from streamtags.stages.faces.weights import DETECTOR, EXPRESSION, checked_file, weights_folder
from streamtags.stages.stage import STILLS, Earlier, LaneLimits, SegmentRunner, SegmentWork, Stage

__all__ = ["FACES", "FacesRunner", "make_runner"]

_FACES_READ = 3  # of a picture, the largest
_MAX_BOXES = 50


class FacesRunner(SegmentRunner):
    """Looks segment by segment.

    Args:
        detector: finds the faces.
        reader: says how a face looks; None for no expressions.
        settings: how many pictures, and what is left out.
    """

    def __init__(self, detector: FaceDetector, reader: ExpressionReader | None, settings: FacesSettings) -> None:
        self._detector = detector
        self._reader = reader
        self._settings = settings
        self._model = detector.model if reader is None else f"{detector.model}+{reader.model}"

    async def run(self, work: SegmentWork) -> Sequence[SegmentFaces]:
        """Return the faces.

        Raises:
            ModelError: the detector or the reader failed.
        """
        kept = work.measured.stills if work.measured else ()
        stills = _spread(kept, self._settings.frames)
        thumbnail = kept[len(kept) // 2].pts if kept else None
        began = time.perf_counter()
        try:
            answer = await asyncio.to_thread(self._look, work.state.segment, stills, thumbnail)
        except Exception as error:
            raise ModelError(f"looking for faces failed: {error}", where=f"faces {self._model}", code="faces.failed") from error
        return [answer.model_copy(update={"ms": round((time.perf_counter() - began) * 1000, 3)})]

    def _look(self, segment: str, stills: Sequence[Still], thumbnail: int | None) -> SegmentFaces:
        pictures: list[Sequence[Face]] = []
        shares: list[NDArray[np.float32]] = []
        for still in stills:
            picture = still.rgb(max_side=self._settings.max_side)
            faces = self._detector.detect(picture)
            pictures.append(faces)
            if self._reader is not None:
                parts = [cropped(picture, face) for face in faces[:_FACES_READ]]
                shares += [self._reader.read(part) for part in parts if part is not None]
        count = face_count(pictures)
        shown = next((faces for still, faces in zip(stills, pictures, strict=True) if still.pts == thumbnail), [])
        return SegmentFaces(
            segment=segment,
            count=count,
            shot_size=shot_size(pictures),
            expressions=top_expressions(shares, self._settings.min_expression) if count else [],
            frames=[still.pts for still in stills],
            boxes=[face.box for face in shown[:_MAX_BOXES]],
            model=self._model,
        )

    def reuse(self, work: SegmentWork, earlier: Earlier) -> Sequence[SegmentFaces]:
        """Return what was seen in the same pictures before, by the same models."""
        known = earlier.state.answers.get("faces")
        if known is None or known.get("model") != self._model:
            return []
        return [SegmentFaces.model_validate({**known, "segment": work.state.segment})]


def make_runner(settings: FacesSettings) -> FacesRunner:
    """Return the runner of the settings.

    Raises:
        ConfigError: weights are missing or damaged, or `faces.expressions=on` lacks h5py.
    """
    folder = settings.weights or weights_folder()
    detector = BlazeFaceDetector(checked_file(folder, DETECTOR), settings.min_confidence)
    is_there = has_reader_package() and (folder / EXPRESSION.name).is_file()
    reads = settings.expressions == "on" or (settings.expressions == "auto" and is_there)
    return FacesRunner(detector, MiniXception(checked_file(folder, EXPRESSION)) if reads else None, settings)


def _spread(stills: Sequence[Still], most: int) -> tuple[Still, ...]:
    """Return at most `most` stills, one from the middle of each equal part of the segment."""
    count = min(most, len(stills))
    return tuple(stills[(2 * part + 1) * len(stills) // (2 * count)] for part in range(count))


FACES = Stage(
    name="faces",
    title="Faces",
    description="Counts faces and says how large they are and what expression is apparent. Off unless turned on.",
    needs=frozenset({STILLS}),
    emits=(SegmentFaces,),
    lane="faces",
    limits=LaneLimits(concurrency=1, retries=0, deadline_seconds=120.0),
    is_enabled=lambda tools: tools.settings.faces.enabled == "on",
    create=lambda tools: make_runner(tools.settings.faces),
)
