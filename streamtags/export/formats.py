"""The export formats by name. A new one is a file beside this one and a line here."""

from __future__ import annotations

from streamtags.core.errors import UsageError
from streamtags.export.base import Export, Options
from streamtags.export.log_jsonl import JSONL
from streamtags.export.state_json import JSON
from streamtags.export.table_csv import CSV

__all__ = ["FORMATS", "Export", "Options", "export_format"]

FORMATS: dict[str, Export] = {export.name: export for export in (JSON, JSONL, CSV)}


def export_format(name: str) -> Export:
    """The format of that name.

    Raises:
        UsageError: there is none; the hint names those there are.
    """
    if name not in FORMATS:
        raise UsageError(f"no export format {name!r}", hint=f"choose one of {', '.join(FORMATS)}")
    return FORMATS[name]
