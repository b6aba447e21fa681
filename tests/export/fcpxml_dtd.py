"""What FCPXML 1.8 to 1.14 allow of the elements that documents of ours use, and where the children of a clip stand.

The facts are those of Apple's DTDs of these versions, which this project may not carry: names, orders and the version since which a thing
exists. Elements and attributes that are not listed are refused, so what passes here is valid by the DTD too.
"""

from __future__ import annotations

from lxml import etree

__all__ = ["dtd", "misplaced"]

_CLIPS = ("asset-clip", "audio", "audition", "clip", "live-drawing", "mc-clip", "ref-clip", "sync-clip", "title", "video")
# Groups that stand at one place, the same in every version, except members that are newer. No document of ours adjusts a clip.
_GROUPS = {
    "adjustments": (
        "object-tracker",
        "adjust-crop",
        "adjust-conform",
        "adjust-transform",
        "adjust-blend",
        "adjust-volume",
        "adjust-panner",
    ),
    "connected": (*_CLIPS, "caption", "spine"),
    "contained": (*_CLIPS, "caption", "spine", "gap"),
    "filters": ("filter-video", "filter-video-mask"),
    "markers": ("marker", "chapter-marker", "rating", "keyword", "analysis-marker", "hidden-clip-marker"),
}
_SINCE = {"live-drawing": 11, "hidden-clip-marker": 13}
_ORDER = {
    "asset-clip": "note conform-rate timeMap adjustments connected markers audio-channel-source filters filter-audio metadata",
    "audio": "note conform-rate timeMap adjustments connected markers filter-audio",
    "clip": "note conform-rate timeMap adjustments contained markers audio-channel-source filters filter-audio metadata",
    "gap": "note connected markers metadata",
    "live-drawing": "param note adjustments connected markers filters",
    "mc-clip": "note conform-rate timeMap adjustments mc-source connected markers filter-audio metadata",
    "ref-clip": "note conform-rate timeMap adjustments connected markers audio-role-source filters filter-audio metadata",
    "sync-clip": "note conform-rate timeMap adjustments contained markers sync-source filters filter-audio metadata",
    "title": "param text text-style-def note adjustments connected markers filters metadata",
    "transition": "filter-video filter-audio markers metadata reserved",
    "video": "param note conform-rate timeMap adjustments connected markers filters reserved",
}
_RATES = ("23.98", "24", "25", "29.97", "30", "47.95", "48", "50", "59.94", "60")
_FAST_RATES = ("90", "100", "119.88", "120")
_SOUND_RATES = ("32k", "44.1k", "48k", "88.2k", "96k", "176.4k", "192k")
_SPAN = {"start": "CDATA", "duration": "CDATA"}
_CONTENT = {
    "fcpxml": "(resources?, event*)",
    "resources": "(asset | format)*",
    "event": "(project)*",
    "project": "(sequence)",
    "sequence": "(spine)",
    "spine": "(asset-clip | gap)*",
}


def _attributes(minor: int) -> dict[str, dict[str, str]]:
    """Attributes by element; those that end in `!` are required."""
    rates = _RATES + _FAST_RATES * (minor >= 13)
    asset = {"id!": "ID", "name": "CDATA", **_SPAN, "format": "IDREF", "hasVideo": "CDATA", "hasAudio": "CDATA"}
    asset |= {"audioSources": "CDATA", "audioChannels": "CDATA", "audioRate": "CDATA"}
    stored = {"media-rep": {"kind": _choice("original-media", "proxy-media"), "src!": "CDATA"}} if minor >= 9 else {}
    return stored | {
        "format": {"id!": "ID", "name": "CDATA", "frameDuration": "CDATA", "width": "CDATA", "height": "CDATA"},
        "asset": asset | ({"videoSources": "CDATA"} if minor >= 9 else {"src!": "CDATA"}),
        "event": {"name": "CDATA"},
        "project": {"name": "CDATA"},
        "sequence": {
            "format!": "IDREF",
            "duration": "CDATA",
            "tcStart": "CDATA",
            "tcFormat": _choice("DF", "NDF"),
            "audioLayout": _choice("mono", "stereo", "surround"),
            "audioRate": _choice(*_SOUND_RATES),
        },
        "asset-clip": {"ref!": "IDREF", "offset": "CDATA", "name": "CDATA", **_SPAN, "format": "IDREF", "tcFormat": _choice("DF", "NDF")},
        "gap": {"name": "CDATA", "offset": "CDATA", "start": "CDATA", "duration!": "CDATA"},
        "conform-rate": {"scaleEnabled": _choice("0", "1"), "srcFrameRate": _choice(*rates)},
        "marker": {"start!": "CDATA", "duration": "CDATA", "value!": "CDATA", "completed": "CDATA", "note": "CDATA"},
        "chapter-marker": {"start!": "CDATA", "duration": "CDATA", "value!": "CDATA", "note": "CDATA"},
        "keyword": {**_SPAN, "value!": "CDATA", "note": "CDATA"},
    }


def _choice(*values: str) -> str:
    return f"({' | '.join(values)})"


def _content(tag: str, minor: int) -> str:
    if tag == "asset":
        return "(media-rep+)" if minor >= 9 else "EMPTY"
    if tag not in _ORDER:
        return _CONTENT.get(tag, "EMPTY")
    parts = []
    for part in _ORDER[tag].split():
        members = [member for member in _GROUPS.get(part, (part,)) if _SINCE.get(member, 0) <= minor]
        parts.append(f"({' | '.join(members)}){'*' if part in _GROUPS else '?'}")
    return f"({', '.join(parts)})"


def dtd(version: str) -> str:
    """The DTD of `version`, as far as documents of ours use it."""
    minor = int(version.split(".")[1])
    lines = [f'<!ATTLIST fcpxml version CDATA #FIXED "{version}">']
    attributes = _attributes(minor)
    for tag in sorted({*_CONTENT, *attributes}):
        lines.append(f"<!ELEMENT {tag} {_content(tag, minor)}>")
        for name, kind in attributes.get(tag, {}).items():
            lines.append(f"<!ATTLIST {tag} {name.rstrip('!')} {kind} {'#REQUIRED' if name.endswith('!') else '#IMPLIED'}>")
    return "\n".join(lines)


def misplaced(root: etree._Element) -> list[str]:
    """Children of clips, gaps and transitions that stand before one which must come first, as `parent/child`."""
    wrong = []
    for parent in root.iter(*_ORDER):
        parts = _ORDER[parent.tag].split()
        last = 0
        for child in parent.iterchildren("*"):
            rank = next((rank for rank, part in enumerate(parts) if _belongs(child.tag, part)), -1)
            if rank < last:
                wrong.append(f"{parent.tag}/{child.tag}")
            last = max(last, rank)
    return wrong


def _belongs(tag: str, part: str) -> bool:
    return tag in _GROUPS.get(part, (part,)) or (part == "adjustments" and tag.startswith("adjust-"))
