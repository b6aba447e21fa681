"""What a person may call a timeline by."""

from __future__ import annotations

from collections.abc import Sequence

from streamtags.core.errors import NotInStore

__all__ = ["meant"]

_CANDIDATES_NAMED = 5


def meant(name: str, known: Sequence[str], *, where: str) -> str:
    """The one of `known` that `name` stands for: an id, the beginning of one with or without `tl_`, or `last`, the first of `known`.

    Raises:
        NotInStore: none, or several; the hint names them.
    """
    if name in known:
        return name
    found = known[:1] if name == "last" else [one for one in known if name and one.startswith((name, f"tl_{name}"))]
    if len(found) == 1:
        return found[0]
    if not found:
        raise NotInStore(f"no timeline {name!r}", where=where, hint="`streamtags timelines` lists what is there")
    more = f" and {len(found) - _CANDIDATES_NAMED} more" if len(found) > _CANDIDATES_NAMED else ""
    raise NotInStore(
        f"{len(found)} timelines begin with {name!r}",
        where=where,
        hint=f"write more of one: {', '.join(found[:_CANDIDATES_NAMED])}{more}",
    )
