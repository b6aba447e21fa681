"""Exports: a timeline in the formats that other programs read.

A format is a `Format`: a name, a file suffix, a media type and a function that renders a `TimelineView` to bytes. `formats()` lists the
formats that are installed; packages add their own through the entry-point group `streamtags.exports`.
"""

from streamtags.export.base import Format, TimelineView
from streamtags.export.markers import Marker
from streamtags.export.options import ExportOptions
from streamtags.export.registry import export_timeline, find_format, formats

__all__ = ["ExportOptions", "Format", "Marker", "TimelineView", "export_timeline", "find_format", "formats"]
