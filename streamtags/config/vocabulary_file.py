"""Vocabulary files: YAML read with the line of every mistake.

Three forms are understood: the full one (`id`, `version`, `axes`, `tags`, ...), one with `tags` alone, and a bare list of names.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Literal, NamedTuple

import yaml

from streamtags.config.guarded_yaml import MAX_BYTES, UnreadableYamlError, compose
from streamtags.core.errors import VocabularyError
from streamtags.core.vocabulary import Axis, Condition, Tag, Vocabulary, did_you_mean, folded

__all__ = ["Finding", "check_vocabulary", "load_vocabulary", "shipped_vocabularies"]

_Fields = Mapping[str, yaml.Node]
Severity = Literal["mistake", "warning"]

MAX_TAGS = 10_000
MAX_ALIASES = 50
MAX_NAME = 80
MAX_TEXT = 1_000
_MAX_FINDINGS = 100
_NULL = "tag:yaml.org,2002:null"
_JOINERS = "\u200c\u200d"  # zero-width (non-)joiner: spelling in Persian, Indic scripts and emoji
_DEFAULT_AXIS = "tag"


class Finding(NamedTuple):
    """One thing about a vocabulary file: its line from 1, how bad it is, what to do."""

    line: int
    severity: Severity
    message: str


def shipped_vocabularies() -> dict[str, Path]:
    """The vocabularies that come with streamtags, by name."""
    here = Path(__file__).parents[1]
    installed, checkout = here / "configs" / "vocabularies", here.parent / "configs" / "vocabularies"
    folder = installed if installed.is_dir() else checkout
    return {path.stem: path for path in sorted(folder.glob("*.yaml"))}


def load_vocabulary(name_or_path: str | Path) -> Vocabulary:
    """A vocabulary from a file, or one that ships by its bare name ("music-library").

    Raises:
        VocabularyError: there is no such file, or it has mistakes; `mistakes` holds each with its line.
    """
    path = _resolve(name_or_path)
    vocabulary, findings = _read(path)
    mistakes = tuple((line, message) for line, severity, message in findings if severity == "mistake")
    if vocabulary is None or mistakes:
        count = "a mistake" if len(mistakes) == 1 else f"{len(mistakes)} mistakes, the first"
        line, message = mistakes[0]
        hint = None if len(mistakes) == 1 else f"`streamtags tags check {path}` shows them all"
        raise VocabularyError(f"has {count} on line {line}: {message}", mistakes=mistakes, where=str(path), hint=hint)
    return vocabulary


def check_vocabulary(name_or_path: str | Path) -> list[Finding]:
    """All findings about a vocabulary file, in order of lines; a "mistake" prevents loading, a "warning" does not.

    Raises:
        VocabularyError: there is no such file.
    """
    return _read(_resolve(name_or_path))[1]


def _resolve(name_or_path: str | Path) -> Path:
    shipped = shipped_vocabularies()
    name = str(name_or_path)
    if name in shipped:
        return shipped[name]
    try:
        path = Path(name).expanduser()
        if path.is_file():
            return path
        what = "is a folder" if path.is_dir() else "is not a regular file" if path.exists() else "no such vocabulary"
    except (OSError, RuntimeError) as error:
        raise VocabularyError(f"cannot be opened: {getattr(error, 'strerror', error)}", where=name[:200]) from error
    raise VocabularyError(what, where=name[:200], hint=f"give a YAML file, or the name of one that ships: {', '.join(shipped)}")


def _read(path: Path) -> tuple[Vocabulary | None, list[Finding]]:
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise VocabularyError(f"cannot be read: {error.strerror}", where=str(path)) from error
    reader = _Reader(path.stem)
    try:
        vocabulary = reader.vocabulary(compose(data))
    except UnreadableYamlError as error:
        vocabulary = None
        reader.findings.append(Finding(error.line, "mistake", error.message))
    return vocabulary, sorted(reader.findings, key=lambda finding: finding.line)


class _Reader:
    """Builds a vocabulary from nodes and collects what is wrong on the way; goes on after a mistake to find the next."""

    def __init__(self, stem: str) -> None:
        self.stem = stem
        self.findings: list[Finding] = []
        self.names: dict[str, tuple[str, int]] = {}  # folded name or alias -> (as written, line)

    def say(self, node: yaml.Node, message: str, severity: Severity = "mistake") -> None:
        line = node.start_mark.line + 1
        if len(self.findings) >= _MAX_FINDINGS:
            raise UnreadableYamlError(line, f"more than {_MAX_FINDINGS} things to say about this file; put right the ones before first")
        self.findings.append(Finding(line, severity, message))

    # nodes to values

    def text(self, node: yaml.Node, what: str, limit: int) -> str | None:
        """A line of text as written: `No`, `1.0` and `2024-01-01` stay what they look like."""
        if not isinstance(node, yaml.ScalarNode):
            self.say(node, f"{what} must be text")
            return None
        written = "" if node.tag == _NULL and not node.style else unicodedata.normalize("NFC", node.value)
        allowed = _JOINERS if limit <= MAX_NAME else _JOINERS + "\n\t"
        control = next((c for c in written if unicodedata.category(c) in ("Cc", "Cf", "Cs", "Co") and c not in allowed), None)
        value = " ".join(written.split())
        if control is not None:
            self.say(node, f"{what} contains the invisible character U+{ord(control):04X}; remove it")
        elif len(value) > limit:
            self.say(node, f"{what} is {len(value)} characters long; at most {limit}")
        else:
            return value
        return None

    def flag(self, node: yaml.Node, what: str) -> bool:
        if not isinstance(node, yaml.ScalarNode) or node.value.lower() not in ("true", "false", "yes", "no"):
            self.say(node, f"{what} must be true or false")
            return False
        return node.value.lower() in ("true", "yes")

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if not (isinstance(node, yaml.ScalarNode) and node.tag == _NULL):
            self.say(node, f"{what} must be a list")
        return []

    def entries(self, node: yaml.MappingNode, what: str) -> Iterator[tuple[yaml.Node, str, yaml.Node]]:
        """Key node, key, value node; a key given twice is a mistake."""
        seen: dict[str, int] = {}
        for key_node, value in node.value:
            key = self.text(key_node, f"a key of {what}", MAX_NAME)
            if key is None:
                continue
            if key in seen:
                self.say(key_node, f"{key!r} stands twice in {what}, first on line {seen[key]}")
                continue
            seen[key] = key_node.start_mark.line + 1
            yield key_node, key, value

    def fields(self, node: yaml.MappingNode, what: str, known: tuple[str, ...]) -> dict[str, yaml.Node]:
        fields: dict[str, yaml.Node] = {}
        for key_node, key, value in self.entries(node, what):
            if key in known:
                fields[key] = value
            else:
                self.say(key_node, f"{what} has no {key!r}; {did_you_mean(key, known)}")
        return fields

    # the parts of a vocabulary

    def vocabulary(self, root: yaml.Node) -> Vocabulary | None:
        if isinstance(root, yaml.SequenceNode):
            fields: dict[str, yaml.Node] = {"tags": root}
        elif isinstance(root, yaml.MappingNode):
            fields = self.fields(root, "a vocabulary", ("id", "version", "title", "axes", "tags", "exclusive"))
        else:
            self.say(root, "a vocabulary is a list of tags, or keys such as id, version, axes and tags")
            return None
        ident = self.identifier(fields.get("id"))
        version = self.version(fields.get("version"))
        title = self.text(fields["title"], "title", 200) if "title" in fields else ""
        axes = self.axes(fields["axes"]) if "axes" in fields else None
        if "tags" not in fields:
            self.say(root, "there are no tags; list them under 'tags:'")
            return None
        tags = self.tags(fields["tags"], axes)
        groups = self.groups(fields["exclusive"], tags) if "exclusive" in fields else ()
        if any(finding.severity == "mistake" for finding in self.findings):
            return None
        known_axes = tuple((axes or {_DEFAULT_AXIS: Axis(name=_DEFAULT_AXIS)}).values())
        return Vocabulary(id=ident, version=version, title=title or "", axes=known_axes, tags=tags, exclusive=groups)

    def identifier(self, node: yaml.Node | None) -> str:
        if node is None:
            return re.sub(r"[^\w.-]+", "-", unicodedata.normalize("NFC", self.stem)).strip("-.") or "vocabulary"
        value = self.text(node, "id", MAX_NAME)
        if value is not None and not re.fullmatch(r"\w[\w.-]*", value):
            self.say(node, "id must be letters, digits, '-', '_' and '.', such as music-library")
        return value or ""

    def version(self, node: yaml.Node | None) -> str:
        if node is None:
            return "1"
        value = self.text(node, "version", MAX_NAME)
        if value is not None and not re.fullmatch(r"\w[\w.+-]*", value):
            self.say(node, "version must be letters, digits and dots, such as 1 or 2024.2; raise it when tags change")
        return value or ""

    def axes(self, node: yaml.Node) -> dict[str, Axis]:
        axes: dict[str, Axis] = {}
        for place, name, fields in self.named(node, "axes", "an axis", ("name", "description", "exclusive")):
            if name in axes:
                self.say(place, f"axis {name!r} stands twice")
                continue
            description = self.text(fields["description"], "description", MAX_TEXT) if "description" in fields else ""
            exclusive = self.flag(fields["exclusive"], "exclusive") if "exclusive" in fields else False
            axes[name] = Axis(name=name, description=description or "", exclusive=exclusive)
        if not axes:
            self.say(node, "no axes listed; leave 'axes' out if you need only one")
        return axes

    def named(self, node: yaml.Node, what: str, one: str, known: tuple[str, ...]) -> Iterator[tuple[yaml.Node, str, _Fields]]:
        """Entries of a list of names or mappings, or of a mapping from name to description or mapping."""
        if isinstance(node, yaml.MappingNode):
            for key_node, name, value in self.entries(node, what):
                if isinstance(value, yaml.MappingNode):
                    yield key_node, name, self.fields(value, one, known[1:])
                else:
                    yield key_node, name, {"description": value}
            return
        for item in self.items(node, what):
            if isinstance(item, yaml.MappingNode):
                fields: dict[str, yaml.Node] = self.fields(item, one, known)
                if "name" not in fields:
                    self.say(item, f"{one} needs a name: '- name: Happy'")
                    continue
            else:
                fields = {"name": item}
            written = self.text(fields["name"], f"the name of {one}", MAX_NAME)
            if written is not None:
                yield fields["name"], written, fields

    def tags(self, node: yaml.Node, axes: dict[str, Axis] | None) -> tuple[Tag, ...]:
        tags: list[Tag] = []
        aliases: list[tuple[yaml.Node, str, str]] = []
        bare = 0
        for place, name, fields in self.named(node, "tags", "a tag", ("name", "axis", "description", "aliases", "when")):
            if len(tags) == MAX_TAGS:
                self.say(place, f"more than {MAX_TAGS} tags; a model cannot choose among so many")
                break
            self.claim(place, name, f"tag {name!r}")
            axis = self.axis_of(place, name, fields.get("axis"), axes)
            description = self.text(fields["description"], f"the description of {name!r}", MAX_TEXT) if "description" in fields else ""
            if description == "":
                bare += 1
                if len(fields) > 1:
                    self.say(place, f"tag {name!r} has no description; models choose better with one", "warning")
            own = self.aliases(name, fields["aliases"]) if "aliases" in fields else []
            aliases += [(alias_node, alias, name) for alias_node, alias in own]
            when = self.conditions(fields["when"]) if "when" in fields else ()
            tags.append(Tag(name=name, axis=axis, description=description or "", aliases=tuple(alias for _, alias in own), when=when))
        for alias_node, alias, name in aliases:  # after all tags, so that a tag's own name is never called the duplicate
            self.claim(alias_node, alias, f"alias {alias!r} of {name!r}")
        if not tags:
            self.say(node, "there are no tags; list them, one a line: '- Happy'")
        elif bare == len(tags) and not any(finding.severity == "warning" for finding in self.findings):
            self.say(node, f"no tag has a description; models choose better with one: '{tags[0].name}: what it means'", "warning")
        return tuple(tags)

    def claim(self, node: yaml.Node, name: str, what: str) -> None:
        """Take a name or alias for one tag; two that read the same to a person are a mistake."""
        key = folded(name)
        if not key.strip(_JOINERS):
            self.say(node, f"{what} is empty")
        elif key in self.names:
            other, line = self.names[key]
            self.say(node, f"{what} reads the same as {other} on line {line}")
        else:
            self.names[key] = (what, node.start_mark.line + 1)

    def axis_of(self, place: yaml.Node, tag: str, node: yaml.Node | None, axes: dict[str, Axis] | None) -> str:
        if node is None:
            if axes is not None and len(axes) != 1:
                self.say(place, f"tag {tag!r} names no axis; choose one of {', '.join(axes)}")
            return next(iter(axes)) if axes else _DEFAULT_AXIS
        name = self.text(node, "axis", MAX_NAME)
        if name is not None and name not in (axes or {}):
            advice = did_you_mean(name, axes) if axes else "list it under 'axes:'"
            self.say(node, f"unknown axis {name!r}; {advice}")
        return name or ""

    def aliases(self, tag: str, node: yaml.Node) -> list[tuple[yaml.Node, str]]:
        items = self.items(node, f"the aliases of {tag!r}")
        if len(items) > MAX_ALIASES:
            self.say(node, f"{tag!r} has {len(items)} aliases; at most {MAX_ALIASES}")
        texts = ((item, self.text(item, f"an alias of {tag!r}", MAX_NAME)) for item in items[:MAX_ALIASES])
        return [(item, alias) for item, alias in texts if alias is not None]

    def conditions(self, node: yaml.Node) -> tuple[Condition, ...]:
        conditions: list[Condition] = []
        for item in [node] if isinstance(node, yaml.ScalarNode) and node.tag != _NULL else self.items(node, "when"):
            written = self.text(item, "a condition", MAX_TEXT)
            if written is None:
                continue
            try:
                conditions.append(Condition.parse(written))
            except ValueError as error:
                self.say(item, str(error))
        return tuple(conditions)

    def groups(self, node: yaml.Node, tags: tuple[Tag, ...]) -> tuple[tuple[str, ...], ...]:
        known = {tag.name for tag in tags}
        groups: list[tuple[str, ...]] = []
        for item in self.items(node, "exclusive"):
            group: list[str] = []
            for member in self.items(item, "an exclusive group"):
                name = self.text(member, "a tag", MAX_NAME)
                if name is None:
                    continue
                if name not in known:
                    self.say(member, f"no tag {name!r}; {did_you_mean(name, known)}")
                elif name in group:
                    self.say(member, f"{name!r} stands twice in one group")
                group.append(name)
            if len(group) < 2:
                self.say(item, "an exclusive group needs at least two tags: '- [Dark, Bright]'")
            groups.append(tuple(group))
        return tuple(groups)
