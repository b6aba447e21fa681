"""Where the readers and the truth of a sample differ on purpose, and why.

Each entry is (sample, what): reason. A test that compares with the truth leaves out exactly what stands here.
"""

from __future__ import annotations

_AUDIO_ONLY = "the clip holds only sound (audio role, or a video-less clip): it shows no picture, so it is no clip of the visible edit"
_TIME_MAP = (
    "the truth gives the clip's local start here, before its time map; the picture shown is the one after it, "
    "which the truth gives as source_in_s_after_time_map and the test compares"
)
_CLIP_RATE = "the truth gives no source frame where the clip counts at another rate than its media; the reader converts by the clock"

DIFFERENCES: dict[tuple[str, str], str] = {
    ("fcpx-xml__fcpx_project.fcpxml", "IMG_0715 lane -1"): _AUDIO_ONLY,
    ("fcpx-xml__fcpx_project.fcpxml", "IMG_0513 lane -1"): _AUDIO_ONLY,
    ("fcpx-xml__fcpx_project.fcpxml", "IMG_0687 lane -1"): _AUDIO_ONLY,
    ("fcpx-xml__fcpx_project.fcpxml", "IMG_0233 lane -1"): _AUDIO_ONLY,
    ("fcpx-xml__fcpx_project.fcpxml", "compound_clip_1 lane -1"): _AUDIO_ONLY,
    ("*.fcpxml", "source_in of retimed clips"): _TIME_MAP,
    ("*.xml", "source_in of clips at another rate"): _CLIP_RATE,
}
