"""Insert elements into the text of an XML document, and leave every other byte as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence

from streamtags.core.errors import SourceError
from streamtags.sources.edit.xmltree import Element

__all__ = ["XmlInserter"]

_DECLARED = re.compile(rb"""<\?xml[^>]*?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_SPACE = re.compile(r"\s*\Z")
_NEW_LINE = re.compile(r"(\r\n|\n|\r)[ \t]*\Z")
_LOOK_BACK = 2_000


class XmlInserter:
    """Collects insertions into one document.

    Args:
        data: the bytes of the document.
        unit: what to indent children with, where the document does not show it.

    Raises:
        SourceError: the document names an encoding that Python does not have.
    """

    def __init__(self, data: bytes, unit: str = "    ") -> None:
        self._data = data
        self._unit = unit
        self._encoding = _encoding(data)
        try:
            self._slash = "/>".encode(self._encoding)
        except LookupError as error:
            raise SourceError(f"unknown encoding {self._encoding}", code="source.malformed") from error
        self._changes: list[tuple[int, int, bytes]] = []  # (first byte, byte after the last, instead)

    def insert(self, parent: Element, items: Sequence[str], before: Element | None) -> None:
        """Insert elements into `parent`, before its child `before` or at its end, on lines of their own if the document is written so."""
        if before is not None:
            space = self._line_before(before.start)
            self._change(before.start, before.start, "".join(item + space for item in items))
        elif self._is_empty(parent):
            space = self._line_before(parent.start)
            inner = space + self._unit if space else ""
            text = "".join(inner + item for item in items)
            self._change(parent.end - len(self._slash), parent.end, f">{text}{space}</{parent.tag}>")
        else:
            outer = self._line_before(parent.start)
            first = self._line_before(parent.children[0].start) if parent.children else outer + self._unit if outer else ""
            space = self._trailing(parent.end)
            place = parent.end - len(space.encode(self._encoding))
            self._change(place, place, "".join(first + item for item in items) + (outer if not space and first else ""))

    def result(self) -> bytes:
        """Return the document with everything inserted."""
        parts, position = [], 0
        for start, end, text in sorted(self._changes, key=lambda change: change[0]):
            parts += [self._data[position:start], text]
            position = end
        return b"".join([*parts, self._data[position:]])

    def _change(self, start: int, end: int, text: str) -> None:
        self._changes.append((start, end, text.encode(self._encoding, "xmlcharrefreplace")))

    def _is_empty(self, element: Element) -> bool:
        """Whether an element has no end tag. If it has one, what stands before it ends a start tag or is content."""
        return not element.children and not element.text and self._data[: element.end].endswith(self._slash, max(0, element.end - 8))

    def _trailing(self, index: int) -> str:
        """The space before a byte."""
        text = self._data[max(0, index - _LOOK_BACK) : index].decode(self._encoding, "ignore")
        match = _SPACE.search(text)
        return match[0] if match is not None else ""

    def _line_before(self, index: int) -> str:
        """The line break and indentation before a byte; empty if something else stands on its line."""
        match = _NEW_LINE.search(self._trailing(index))
        return match[0] if match is not None else ""


def _encoding(data: bytes) -> str:
    """The encoding of a document: by its byte order mark, else as it declares, else UTF-8."""
    if data.startswith(b"\xff\xfe"):
        return "utf-16-le"
    if data.startswith(b"\xfe\xff"):
        return "utf-16-be"
    declared = _DECLARED.match(data.removeprefix(b"\xef\xbb\xbf").lstrip()[:200])
    return declared[1].decode() if declared is not None else "utf-8"
