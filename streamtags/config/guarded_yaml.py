"""YAML from outside, read as nodes with their lines, and refused where it could do harm.

Size and depth are bounded; anchors, aliases and type tags are refused, so that no file can grow when it is read or build anything but
text, lists and mappings.
"""

from __future__ import annotations

import yaml

__all__ = ["MAX_BYTES", "UnreadableYamlError", "compose"]

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 8
_LOADER: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)  # libyaml's where the wheel has it: some ten times faster


class UnreadableYamlError(Exception):
    """A mistake after which the file cannot be read on; `line` from 1."""

    def __init__(self, line: int, message: str) -> None:
        super().__init__(line, message)
        self.line, self.message = line, message


def compose(data: bytes) -> yaml.Node:
    """A YAML file of one document as a tree of nodes that know their lines.

    Raises:
        UnreadableYamlError: too large, not UTF-8, not YAML, empty, or using what is refused.
    """
    if len(data) > MAX_BYTES:
        raise UnreadableYamlError(1, f"the file is larger than {MAX_BYTES // 2**20} MiB; a vocabulary is names and descriptions")
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UnreadableYamlError(data.count(b"\n", 0, error.start) + 1, "not UTF-8 text; save the file as UTF-8") from error
    invisible = yaml.reader.Reader.NON_PRINTABLE.search(text)
    if invisible:
        line = text.count("\n", 0, invisible.start()) + 1
        raise UnreadableYamlError(line, f"contains the control character U+{ord(invisible[0]):04X}; remove it")
    try:
        _refuse_tricks(text)
        node = yaml.compose(text, Loader=_LOADER)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
        problem = getattr(error, "problem", None) or getattr(error, "context", None) or "cannot be understood"
        raise UnreadableYamlError(mark.line + 1 if mark else 1, f"not YAML: {problem}; {_syntax_hint(problem)}") from error
    if node is None:
        raise UnreadableYamlError(1, "the file is empty; list the tags, one a line: '- Happy'")
    return node


def _syntax_hint(problem: str) -> str:
    if "mapping values" in problem:
        return "put a text that contains ': ' in quotes"
    if "cannot start any token" in problem:
        return "indent with spaces, not tabs, and put a text that begins with @, %, ` or * in quotes"
    return "check indentation, quotes and brackets on this line and the one before"


def _refuse_tricks(text: str) -> None:
    """Walk the events (no recursion, nothing built) and refuse what makes a small file large or more than text."""
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        line = event.start_mark.line + 1 if event.start_mark else 1
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise UnreadableYamlError(line, "anchors (&) and aliases (*) are not allowed; put a text that begins with & or * in quotes")
        if isinstance(event, (yaml.ScalarEvent, yaml.CollectionStartEvent)) and event.tag not in (None, "!"):
            raise UnreadableYamlError(line, "YAML type tags (!) are not allowed; put a text that begins with ! in quotes")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
            if depth > MAX_DEPTH:
                raise UnreadableYamlError(line, f"nested more than {MAX_DEPTH} levels deep; a vocabulary needs four")
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
