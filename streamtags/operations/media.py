"""The files below the media roots."""

from __future__ import annotations

from typing import Any

from streamtags.operations.params import BrowseMedia
from streamtags.operations.services import Caller, Services

__all__ = ["browse"]


async def browse(services: Services, params: BrowseMedia, _: Caller) -> dict[str, Any]:
    """Return what is in a folder.

    Raises:
        SourceRefused: it may not be listed.
        NotInStore: there is no such folder, or it cannot be read.
    """
    page = await services.threads.lookups(lambda: services.media.browse(params.path))
    entries = [
        {
            "name": entry.name,
            "path": entry.path,
            "kind": "folder" if entry.is_folder else "file",
            "size": entry.size,
            "modified_at": entry.modified_at.isoformat().replace("+00:00", "Z") if entry.modified_at else None,
        }
        for entry in page.entries
    ]
    return {"path": page.path, "parent": page.parent, "entries": entries, "truncated": page.truncated}
