"""What this installation can do: formats, measures, axes, stages, roles, limits. The page and plugins read it instead of retyping it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

from streamtags.config.profiles import AUTO, PROFILES
from streamtags.config.vocabulary_file import load_vocabulary
from streamtags.core.measures import MEASURES
from streamtags.core.protocol import PROTOCOL_VERSION
from streamtags.core.vocabulary import Vocabulary
from streamtags.export import Format, formats
from streamtags.export.colors import PALETTES, Palette, axis_colors
from streamtags.operations.params import NoParams
from streamtags.operations.services import Caller, Services
from streamtags.stages.table import all_stages

__all__ = ["describe_installation", "list_vocabularies"]


async def describe_installation(services: Services, _: NoParams, caller: Caller) -> dict[str, Any]:
    """Return what the page and plugins need to know."""
    vocabulary = await services.threads.lookups(lambda: load_vocabulary(services.settings.tags))
    server = services.settings.server
    return {
        "version": version("streamtags"),
        "protocol": PROTOCOL_VERSION,
        "role": caller.role,
        "roles": ["viewer", "editor"],
        "formats": [_describe_format(export) for export in formats().values()],
        "measures": [
            {
                "name": name,
                "unit": measure.unit,
                "low": None if measure.values else measure.low,
                "high": None if measure.values else measure.high,
                "values": list(measure.values),
                "description": measure.description,
                "group": measure.group,
            }
            for name, measure in MEASURES.items()
        ],
        "vocabulary": vocabulary.ref.model_dump(mode="json"),
        "axes": [
            {
                "name": axis.name,
                "description": axis.description,
                "exclusive": axis.exclusive,
                "tags": [tag.name for tag in vocabulary.tags if tag.axis == axis.name],
            }
            for axis in vocabulary.axes
        ],
        "marker_colors": [_describe_palette(palette, vocabulary) for palette in PALETTES.values()],
        "stages": _stages(),
        "profiles": sorted({AUTO, *PROFILES, *services.settings.profiles}),
        "profile": services.settings.profile,
        "limits": {
            "message_bytes": server.message_bytes,
            "subscriptions": server.subscriptions,
            "requests": server.requests,
            "queue_events": server.queue_events,
            "queue": server.queue,
            "analyses": server.analyses,
            "upload_bytes": server.upload_bytes,
            "max_seconds": server.max_seconds,
        },
    }


def _describe_format(export: Format) -> dict[str, Any]:
    return {
        "name": export.name,
        "suffix": export.suffix,
        "media_type": export.media_type,
        "description": export.description,
        "options": sorted(export.options),
    }


def _describe_palette(palette: Palette, vocabulary: Vocabulary) -> dict[str, Any]:
    """Return the marker colors of an editing system, and those that the axes of `vocabulary` get there."""
    return {
        "name": palette.name,
        "colors": list(palette.colors),
        "default": palette.default,
        "axes": axis_colors(palette, [axis.name for axis in vocabulary.axes]),
    }


def _stages() -> list[dict[str, Any]]:
    """Return the stages in the order in which a segment takes them."""
    return [
        {"name": stage.name, "title": stage.title, "description": stage.description, "lane": stage.lane, "emits": stage.emits[0].type}
        for stage in all_stages()
    ]


async def list_vocabularies(services: Services, _: NoParams, __: Caller) -> dict[str, Any]:
    """Return the vocabularies that can be named."""
    return {"vocabularies": await services.threads.lookups(services.vocabularies.named)}
