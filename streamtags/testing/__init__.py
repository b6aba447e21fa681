"""Helpers for tests: scripted models, a source and a store in memory, generated videos and logs.

Importing this package loads OpenCV and PyAV.
"""

from __future__ import annotations

from streamtags.testing.backends import (
    CaptionAnswer,
    ScriptedCaptioner,
    ScriptedClassifier,
    TagAnswer,
    create_captioner,
    create_classifier,
    read_calls,
)
from streamtags.testing.edit import ShotSpec, render_shots, render_sound
from streamtags.testing.feed import Feeder
from streamtags.testing.log import make_events, make_payloads
from streamtags.testing.looks import Look, Stage
from streamtags.testing.memory_store import MemoryStore
from streamtags.testing.mux import Encoding
from streamtags.testing.source import FakeSource, PictureStill
from streamtags.testing.truth import Distraction, TrueBoundary, TrueSound, Truth
from streamtags.testing.video import make_video

__all__ = [
    "CaptionAnswer",
    "Distraction",
    "Encoding",
    "FakeSource",
    "Feeder",
    "Look",
    "MemoryStore",
    "PictureStill",
    "ScriptedCaptioner",
    "ScriptedClassifier",
    "ShotSpec",
    "Stage",
    "TagAnswer",
    "TrueBoundary",
    "TrueSound",
    "Truth",
    "create_captioner",
    "create_classifier",
    "make_events",
    "make_payloads",
    "make_video",
    "read_calls",
    "render_shots",
    "render_sound",
]
