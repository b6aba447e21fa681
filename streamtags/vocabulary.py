"""Tag vocabularies: the tags one may choose from, each with a description, aliases and an axis."""

from __future__ import annotations

from functools import cached_property

from pydantic import BaseModel, ConfigDict

from streamtags.events import VocabularyRef

__all__ = ["Axis", "Condition", "Tag", "Vocabulary"]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Condition(_Frozen):
    """`measure` of the evidence lies in `low` to `high`, either end open where None."""

    measure: str
    low: float | None = None
    high: float | None = None


class Tag(_Frozen):
    """One entry. `when` are conditions on measured evidence, all of which must hold; empty where only words can tell."""

    name: str
    axis: str
    description: str = ""
    aliases: tuple[str, ...] = ()
    when: tuple[Condition, ...] = ()


class Axis(_Frozen):
    """A kind of tag (mood, energy, setting). `exclusive`: at most one of its tags holds at a time."""

    name: str
    description: str = ""
    exclusive: bool = False


class Vocabulary(_Frozen):
    """The tags one may choose from. `exclusive` are groups of tags that shut each other out, besides exclusive axes."""

    id: str
    version: str
    title: str = ""
    axes: tuple[Axis, ...]
    tags: tuple[Tag, ...]
    exclusive: tuple[tuple[str, ...], ...] = ()

    @property
    def ref(self) -> VocabularyRef:
        """The name under which events refer to it."""
        return VocabularyRef(id=self.id, version=self.version)

    @cached_property
    def by_name(self) -> dict[str, Tag]:
        """Tags by their own name."""
        return {tag.name: tag for tag in self.tags}
