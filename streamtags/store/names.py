"""Resolving the name by which a person refers to a timeline."""

from __future__ import annotations

from collections.abc import Sequence

from streamtags.core.errors import NotInStore

__all__ = ["resolve_name"]

_MAX_NAMED_MATCHES = 5


def resolve_name(name: str, timelines: Sequence[str], *, where: str) -> str:
    """Return the id that `name` stands for: one of `timelines`, a unique prefix of one with or without `tl_`, or `last`, the first one.

    Raises:
        NotInStore: no timeline matches, or several do; the hint names them.
    """
    if name in timelines:
        return name
    if name == "last":
        matches = list(timelines[:1])
    else:
        matches = [timeline for timeline in timelines if name and timeline.startswith((name, f"tl_{name}"))]
    if len(matches) == 1:
        return matches[0]
    if not matches:
        raise NotInStore(f"no timeline {name!r}", where=where, hint="`streamtags timelines` lists what is there")
    more = f" and {len(matches) - _MAX_NAMED_MATCHES} more" if len(matches) > _MAX_NAMED_MATCHES else ""
    raise NotInStore(
        f"{len(matches)} timelines begin with {name!r}",
        where=where,
        hint=f"write more of one: {', '.join(matches[:_MAX_NAMED_MATCHES])}{more}",
    )
