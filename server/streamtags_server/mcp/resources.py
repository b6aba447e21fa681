"""Timelines and thumbnails as resources of the Model Context Protocol."""

from __future__ import annotations

import base64
import json
import re

import mcp_types as types

from streamtags.core.errors import NotInStore
from streamtags.operations.operation import Document, authorize
from streamtags.operations.params import OneSegment, OneTimeline
from streamtags.operations.services import Caller, Services
from streamtags.operations.table import OPERATIONS
from streamtags_server.mcp.projections import MAX_LIMIT, project
from streamtags_server.mcp.tools import NOTICE

__all__ = ["list_resources", "read_resource", "resource_templates"]

_MAX_LISTED = 100
_BY_NAME = {operation.name: operation for operation in OPERATIONS}
_TIMELINE = re.compile(r"streamtags://timelines/([\w-]{1,200})")
_THUMBNAIL = re.compile(r"streamtags://timelines/([\w-]{1,200})/thumbnails/([\w-]{1,200})\.jpg")


async def list_resources(services: Services, caller: Caller) -> list[types.Resource]:
    """Return the timelines that were opened last."""
    authorize(_BY_NAME["listTimelines"], caller.role)
    summaries = await services.threads.reading(services.store.timelines)
    return [
        types.Resource(uri=f"streamtags://timelines/{one.id}", name=one.name or one.id, mime_type="application/json")
        for one in summaries[:_MAX_LISTED]
    ]


def resource_templates() -> list[types.ResourceTemplate]:
    """Return how timelines and thumbnails are addressed."""
    return [
        types.ResourceTemplate(uri_template="streamtags://timelines/{id}", name="timeline", mime_type="application/json"),
        types.ResourceTemplate(
            uri_template="streamtags://timelines/{id}/thumbnails/{segment}.jpg", name="thumbnail", mime_type="image/jpeg"
        ),
    ]


async def read_resource(services: Services, uri: str, caller: Caller) -> types.TextResourceContents | types.BlobResourceContents:
    """Return the first segments of a timeline as JSON, or the picture of a segment.

    Raises:
        NotInStore: there is no such timeline or picture.
        PermissionDeniedError: the caller may not read timelines.
    """
    if match := _THUMBNAIL.fullmatch(uri):
        picture = _BY_NAME["thumbnail"]
        authorize(picture, caller.role)
        result = await picture.handler(services, OneSegment(id=match[1], segment=match[2]), caller) if picture.handler else None
        if isinstance(result, Document) and isinstance(result.content, bytes):
            return types.BlobResourceContents(uri=uri, mime_type=result.media_type, blob=base64.b64encode(result.content).decode())
    elif match := _TIMELINE.fullmatch(uri):
        timeline = _BY_NAME["getTimeline"]
        authorize(timeline, caller.role)
        state = await timeline.handler(services, OneTimeline(id=match[1]), caller) if timeline.handler else {}
        content = {"notice": NOTICE, "data": project("get", state, 0, MAX_LIMIT)}
        return types.TextResourceContents(uri=uri, mime_type="application/json", text=json.dumps(content, ensure_ascii=False))
    raise NotInStore("there is no such resource", where=uri[:200], hint="read streamtags://timelines/ID")
