from __future__ import annotations

from pathlib import Path

import pytest

from streamtags.core.errors import SourceError
from streamtags.sources.edit.read import read_edit
from streamtags.sources.edit.xmltree import parse_xml


def test_elements_know_their_lines_and_text() -> None:
    root = parse_xml(b"<a>\n<b x='1'> text </b>\n<b/></a>", "x.xml")
    assert [(child.tag, child.line, child.get("x")) for child in root.children] == [("b", 2, "1"), ("b", 3, None)]
    assert root.value("b") == "text"


@pytest.mark.parametrize(
    ("data", "line"),
    [
        (b"<a><b></a>", 1),
        (b"<a>\n\n<", 3),
        (b"", 1),
        (b'<!DOCTYPE a [<!ENTITY lol "lol"><!ENTITY l2 "&lol;&lol;">]><a>&l2;</a>', 1),
        (b'<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>\n<a>&x;</a>', 1),
        (b"<a>" * 300, 1),
        (b'<?xml version="1.0" encoding="klingon"?><a/>', 1),
    ],
    ids=["not closed", "cut off", "empty", "entities", "external entity", "too deep", "unknown encoding"],
)
def test_hostile_or_broken_xml_is_refused_with_its_line(data: bytes, line: int) -> None:
    with pytest.raises(SourceError, match=rf"^x\.xml:{line}: "):
        parse_xml(data, "x.xml")


def test_an_external_dtd_is_not_loaded(tmp_path: Path) -> None:
    data = b'<!DOCTYPE a SYSTEM "file:///etc/passwd"><a/>'
    assert parse_xml(data, "x.xml").tag == "a"


def test_other_xml_is_refused(tmp_path: Path) -> None:
    (tmp_path / "page.xml").write_text("<html/>")
    with pytest.raises(SourceError, match="is not an edit"):
        read_edit(tmp_path / "page.xml")
