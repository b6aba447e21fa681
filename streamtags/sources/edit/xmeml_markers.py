"""Write markers into an xmeml document: into its first sequence, as Premiere Pro does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from xml.sax.saxutils import escape

from streamtags.sources.edit.insert import XmlInserter
from streamtags.sources.edit.model import Marker
from streamtags.sources.edit.xmeml import top_sequences
from streamtags.sources.edit.xmltree import parse_xml

__all__ = ["mark_xmeml"]


def mark_xmeml(data: bytes, name: str, markers: Sequence[Marker], start_frame: int, colors: Mapping[str, int]) -> bytes:
    """Return the document with `markers` in its first sequence.

    Args:
        data: the document.
        name: its file name, for errors.
        markers: at record frames from timecode zero.
        start_frame: the start timecode of the sequence as a frame number.
        colors: numbers of `pproColor` by the name of a color; a color that is not listed is left to the program.

    Raises:
        SourceError: the document is malformed, or has no sequence.
    """
    root = parse_xml(data, name)
    sequences = top_sequences(root)
    if not sequences:
        raise root.fail("there is no sequence in this document")
    sequence = sequences[0]
    last = max((index for index, child in enumerate(sequence.children) if child.tag in ("marker", "media")), default=-1)
    following = sequence.children[last + 1] if last + 1 < len(sequence.children) else None
    inserter = XmlInserter(data, "\t")
    inserter.insert(sequence, [_marker(marker, start_frame, colors) for marker in markers], following)
    return inserter.result()


def _marker(marker: Marker, start_frame: int, colors: Mapping[str, int]) -> str:
    first = marker.frame - start_frame
    number = colors.get(marker.color or "")
    color = f"<pproColor>{number}</pproColor>" if number is not None else ""
    words = f"<comment>{escape(marker.note)}</comment><name>{escape(marker.name)}</name>"
    return f"<marker>{words}<in>{first}</in><out>{first + marker.frames}</out>{color}</marker>"
