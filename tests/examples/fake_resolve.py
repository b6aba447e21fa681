"""A DaVinci Resolve of the documented scripting API, with the quirks that its users report.

https://github.com/samuelgursky/davinci-resolve-mcp/pull/66 (frames count from the start of the timeline), Blackmagic's scripting README.
"""

from __future__ import annotations

from typing import Any

COLORS = {
    "Blue", "Cyan", "Green", "Yellow", "Red", "Pink", "Purple", "Fuchsia",
    "Rose", "Lavender", "Sky", "Mint", "Lemon", "Sand", "Cocoa", "Cream",
}  # fmt: skip


# Those of clips are other ones.
CLIP_COLORS = {
    "Orange", "Apricot", "Yellow", "Lime", "Olive", "Green", "Teal", "Navy",
    "Blue", "Purple", "Violet", "Pink", "Tan", "Beige", "Brown", "Chocolate",
}  # fmt: skip


class Owner:
    """What has markers: a timeline, or a clip of the media pool."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.busy = False  # a dialog is open: calls return nothing
        self.markers: dict[int, dict[str, Any]] = {}
        self.calls: list[str] = []

    def GetName(self) -> str | None:
        return None if self.busy else self.name

    def AddMarker(self, frame: int, color: str, name: str, note: str, duration: int, custom: str = "") -> bool:
        self.calls.append("add")
        if self.busy or frame in self.markers or color not in COLORS or duration < 1 or not isinstance(frame, int) or frame < 0:
            return False
        # Resolve keeps no space at the ends of a name.
        self.markers[frame] = {"color": color, "duration": float(duration), "note": note, "name": name.strip(), "customData": custom}
        return True

    def GetMarkers(self) -> dict[float, dict[str, Any]] | None:
        return None if self.busy else {float(frame): dict(marker) for frame, marker in self.markers.items()}

    def UpdateMarkerCustomData(self, frame: int, custom: str) -> bool:
        if self.busy or frame not in self.markers:
            return False
        self.markers[frame]["customData"] = custom
        return True

    def DeleteMarkerAtFrame(self, frame: int) -> bool:
        self.calls.append("delete")
        return not self.busy and self.markers.pop(frame, None) is not None


class Clip(Owner):
    """A clip in the media pool."""

    def __init__(self, path: str, fps: float) -> None:
        super().__init__(path.rpartition("/")[2])
        self._properties = {"File Path": path, "FPS": fps}

    def GetClipProperty(self, name: str) -> Any:
        return self._properties[name]

    def GetMediaId(self) -> str:
        return "clip-1"

    def GetMediaPoolItem(self) -> Clip:
        return self


class Item:
    """What a timeline shows of a clip. `GetSourceStartFrame` exists since Resolve 18.5, `GetUniqueId` since 18."""

    def __init__(self, clip: Clip, start: int, left_offset: int, duration: int) -> None:
        self._clip, self._start, self._offset, self._duration = clip, start, left_offset, duration
        self.color = ""
        self.GetUniqueId = self.GetSourceStartFrame = None

    def GetName(self) -> str:
        return self._clip.name

    def GetStart(self) -> int:
        return self._start

    def GetLeftOffset(self) -> int:
        return self._offset

    def GetDuration(self) -> int:
        return self._duration

    def GetMediaPoolItem(self) -> Clip:
        return self._clip

    def GetClipColor(self) -> str:
        return self.color

    def SetClipColor(self, color: str) -> bool:
        if color not in CLIP_COLORS:
            return False
        self.color = color
        return True

    def ClearClipColor(self) -> bool:
        self.color = ""
        return True


class Timeline(Owner):
    """A timeline. `GetUniqueId` exists since Resolve 18; older versions have None in its place."""

    def __init__(self, name: str = "Reel 1", rate: str = "23.976", start_frame: int = 86400, clips: tuple[Clip | Item, ...] = ()) -> None:
        super().__init__(name)
        self._rate, self._start, self._clips = rate, start_frame, clips
        self.GetUniqueId = None

    def GetSetting(self, name: str) -> str:
        return {"timelineFrameRate": self._rate}.get(name, "")

    def GetStartFrame(self) -> int:
        return self._start

    def GetTrackCount(self, kind: str) -> int:
        return 1

    def GetItemListInTrack(self, kind: str, track: int) -> list[Clip | Item]:
        return list(self._clips)


class Resolve:
    """The object that scripts get; it is also its own project manager and project."""

    def __init__(self, timeline: Timeline | None = None) -> None:
        self.timeline = timeline or Timeline()

    def GetProjectManager(self) -> Resolve:
        return self

    def GetCurrentProject(self) -> Resolve:
        return self

    def GetName(self) -> str:
        return "Film"

    def GetCurrentTimeline(self) -> Timeline | None:
        return None if self.timeline.busy else self.timeline
