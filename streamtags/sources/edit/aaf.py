"""Read AAF, the interchange format of Avid Media Composer, through pyaaf2 (extra `aaf`)."""

from __future__ import annotations

from contextlib import closing
from fractions import Fraction
from pathlib import Path
from typing import Any

from streamtags.core.errors import SourceError, UsageError
from streamtags.core.timecode import has_drop_frame, nominal
from streamtags.sources.edit.aaf_clips import MobReader, fraction_of
from streamtags.sources.edit.errors import malformed
from streamtags.sources.edit.model import Clip, Edit, Marker, Sequence, Track

__all__ = ["read_aaf"]

_COLOR = "_ATN_CRM_COLOR"


def read_aaf(path: Path) -> Edit:
    """Read the first top-level composition of a file.

    Raises:
        UsageError: pyaaf2 is not installed.
        SourceError: the file is malformed, or holds no composition with a picture track.
    """
    try:
        import aaf2.file
    except ImportError as error:
        raise UsageError("reading AAF needs pyaaf2", where=str(path), hint="run: pip install 'streamtags[aaf]'") from error
    try:
        with closing(_open(aaf2.file.AAFFile, path)) as file:
            return _read(file, path.name)
    except SourceError:
        raise
    except RecursionError as error:
        raise malformed("the mobs of this AAF are nested too deep or refer to each other", path.name) from error
    except Exception as error:  # pyaaf2 has no error class of its own: a damaged file ends in whatever its parser meets
        raise malformed(f"not a readable AAF: {type(error).__name__}: {error}", path.name, hint="export it again") from error


def _open(file_class: Any, path: Path) -> Any:
    """An open file. pyaaf2 leaves its stream open where it cannot read the file."""
    file = file_class.__new__(file_class)
    try:
        file.__init__(str(path), "r")
    except BaseException:
        if hasattr(file, "f"):
            file.f.close()
        raise
    return file


def _read(file: Any, name: str) -> Edit:
    mobs = list(file.content.toplevel()) or list(file.content.compositionmobs())
    compositions = [mob for mob in mobs if _picture_slots(mob)]
    if not compositions:
        raise malformed("there is no composition with a picture track", name, hint="export the sequence as AAF")
    composition = compositions[0]
    slots = _picture_slots(composition)
    rate = fraction_of(slots[0].edit_rate)
    if not 0 < rate <= 1000:
        raise malformed("the edit rate is not positive", name, element=f"slot {slots[0].slot_id}")
    start_frame, drop = _start(composition, rate)
    reader = MobReader(rate)
    tracks = []
    for number, slot in enumerate(slots, start=1):
        clips = reader.clips(slot.segment, start_frame, fraction_of(slot.edit_rate))
        tracks.append(Track(slot.name or f"V{number}", tuple(_sorted(clips))))
    warnings = list(reader.warnings)
    if len(compositions) > 1:
        warnings.append(f"the file has {len(compositions)} compositions; the first one, {composition.name!r}, is read")
    sequence = Sequence(composition.name or "", rate, start_frame, tuple(tracks))
    return Edit("aaf", sequence, drop, tuple(_markers(composition, start_frame, rate)), (), tuple(warnings))


def _sorted(clips: list[Clip]) -> list[Clip]:
    return sorted((clip for clip in clips if clip.frames > 0), key=lambda clip: clip.record_in)


def _picture_slots(mob: Any) -> list[Any]:
    """The picture tracks of a mob, from bottom to top."""
    slots = [slot for slot in mob.slots if slot.media_kind == "Picture" and hasattr(slot, "edit_rate")]
    return sorted(slots, key=_track_number)


def _track_number(slot: Any) -> int:
    return int(slot["PhysicalTrackNumber"].value or 0) if "PhysicalTrackNumber" in slot else 0


def _start(mob: Any, rate: Fraction) -> tuple[int, bool]:
    """Start timecode as a frame number, and whether it is drop-frame; the timecode track at the rate of the picture wins."""
    timecodes = [timecode for slot in mob.slots if "imecode" in str(slot.media_kind) for timecode in _timecodes(slot.segment)]
    timecodes.sort(key=lambda timecode: int(timecode["FPS"].value) != nominal(rate))
    if not timecodes:
        return 0, False
    drop = bool(timecodes[0]["Drop"].value) and has_drop_frame(rate)
    return int(timecodes[0]["Start"].value), drop


def _timecodes(segment: Any) -> list[Any]:
    kind = type(segment).__name__
    if kind == "Timecode":
        return [segment]
    if kind == "Sequence":
        return [component for component in segment.components if type(component).__name__ == "Timecode"][:1]
    return []


def _markers(mob: Any, start_frame: int, rate: Fraction) -> list[Marker]:
    """Markers of the event tracks of a composition."""
    markers = []
    for slot in mob.slots:
        if type(slot).__name__ != "EventMobSlot" or not hasattr(slot.segment, "components"):
            continue
        slot_rate = fraction_of(slot["EditRate"].value) if "EditRate" in slot else rate
        for event in slot.segment.components:
            if "Position" in event:
                frame = start_frame + round(int(event["Position"].value) * rate / slot_rate)
                attributes = _attributes(event)
                comment = str(event["Comment"].value or "") if "Comment" in event else ""
                length = int(event["Length"].value or 1) if "Length" in event else 1
                name = attributes.get("_ATN_CRM_USER", "")
                markers.append(Marker(frame, comment or attributes.get("_ATN_CRM_COM", ""), name, attributes.get(_COLOR), max(1, length)))
    return sorted(markers, key=lambda marker: marker.frame)


def _attributes(event: Any) -> dict[str, str]:
    """The tagged values of an Avid marker."""
    if "CommentMarkerAttributeList" not in event:
        return {}
    return {str(tag.name): str(tag.value) for tag in event["CommentMarkerAttributeList"].value or ()}
