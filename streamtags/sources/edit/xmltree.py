"""Parse XML from untrusted files: no entities, no external files, limited depth and size; every element knows its line."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from typing import NoReturn
from xml.parsers import expat  # entities and external files are refused below

from streamtags.core.errors import SourceError
from streamtags.sources.edit.errors import malformed

__all__ = ["Element", "parse_xml", "whole"]

MAX_DEPTH = 200
MAX_ELEMENTS = 2_000_000


@dataclass(slots=True)
class Element:
    """One element: its tag, attributes, children, text before the first child, and line.

    `start` is where its start tag begins, in bytes of the document; `end` where its end tag begins, or where an element without end
    tag ends.
    """

    tag: str
    attributes: dict[str, str]
    line: int
    file: str
    children: list[Element] = field(default_factory=list)
    text: str = ""
    start: int = 0
    end: int = 0

    def get(self, name: str) -> str | None:
        """An attribute, or None."""
        return self.attributes.get(name)

    def child(self, tag: str) -> Element | None:
        """The first child with this tag."""
        return next((child for child in self.children if child.tag == tag), None)

    def all(self, *tags: str) -> list[Element]:
        """The children with one of these tags, in document order."""
        return [child for child in self.children if child.tag in tags]

    def walk(self, *tags: str) -> Iterator[Element]:
        """Every descendant with one of these tags, in document order."""
        stack = list(reversed(self.children))
        while stack:
            element = stack.pop()
            if element.tag in tags:
                yield element
            stack.extend(reversed(element.children))

    def path(self, *tags: str) -> Element | None:
        """The descendant at this path of tags."""
        element: Element | None = self
        for tag in tags:
            element = element.child(tag) if element is not None else None
        return element

    def value(self, *tags: str) -> str:
        """The text of the descendant at this path, stripped; empty if there is none."""
        element = self.path(*tags)
        return element.text.strip() if element is not None else ""

    def fail(self, what: str, hint: str | None = None) -> SourceError:
        """The error that something about this element is malformed."""
        return malformed(what, self.file, line=self.line, hint=hint)


def parse_xml(data: bytes, name: str) -> Element:
    """Parse a document.

    Raises:
        SourceError: it is not well-formed, declares entities, or is too deep or too large; with its line.
    """
    return _Builder(name).parse(data)


class _Builder:
    """Builds elements from the events of expat."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.root: Element | None = None
        self.open: list[Element] = []
        self.count = 0
        self.parser = expat.ParserCreate()
        self.parser.buffer_text = True
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text
        self.parser.EntityDeclHandler = self._refuse_entity
        self.parser.ExternalEntityRefHandler = self._refuse_entity

    def parse(self, data: bytes) -> Element:
        try:
            self.parser.Parse(data, True)
        except expat.ExpatError as error:
            what = f"not well-formed XML: {expat.errors.messages.get(error.code, 'unknown error')}"
            raise malformed(what, self.name, line=error.lineno, hint="export the edit again") from error
        except (LookupError, ValueError) as error:  # an encoding that Python does not have
            raise malformed(f"the XML cannot be decoded: {error}", self.name, line=self.parser.CurrentLineNumber) from error
        if self.root is None:
            raise malformed("there is no element", self.name, line=1)
        return self.root

    def _fail(self, what: str) -> NoReturn:
        raise malformed(what, self.name, line=self.parser.CurrentLineNumber, hint="check that this is an edit")

    def _refuse_entity(self, *_: object) -> int:
        self._fail("the XML declares entities, which edits never need")

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self.count += 1
        if self.count > MAX_ELEMENTS:
            self._fail(f"the XML has more than {MAX_ELEMENTS} elements")
        if len(self.open) >= MAX_DEPTH:
            self._fail(f"the XML is nested more than {MAX_DEPTH} deep")
        element = Element(tag, attributes, self.parser.CurrentLineNumber, self.name, start=self.parser.CurrentByteIndex)
        if self.open:
            self.open[-1].children.append(element)
        else:
            self.root = element
        self.open.append(element)

    def _end(self, _: str) -> None:
        self.open.pop().end = self.parser.CurrentByteIndex

    def _text(self, text: str) -> None:
        if self.open:
            self.open[-1].text += text


def whole(element: Element, text: str) -> int:
    """A whole number as XML states it; `12.0` counts as 12.

    Raises:
        SourceError: not a number, or one of more than 15 digits.
    """
    try:
        value = Fraction(text)
    except (ValueError, ZeroDivisionError) as error:
        raise element.fail(f"{text[:40]!r} is not a number") from error
    if abs(value) > 10**15:
        raise element.fail(f"{text[:40]!r} is too large")
    return round(value)
