"""Who sends a request."""

from __future__ import annotations

from typing import NamedTuple

from streamtags.core.protocol import Role

__all__ = ["Holder"]


class Holder(NamedTuple):
    """The holder of a token, or anyone where the server has no tokens.

    Attributes:
        role: what the holder may do.
        user: a name by which limits count; "" where the server has no tokens.
    """

    role: Role
    user: str = ""
