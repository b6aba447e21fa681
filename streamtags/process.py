"""Settings that apply to the whole process: garbage collection, threads of native libraries, the search path of programs.

The command line and the worker process call these functions. Library modules never call them when they are imported, because the process
belongs to the application. `docs/topics/performance.md` has the measurements.
"""

from __future__ import annotations

import atexit
import gc
import os
from collections.abc import Iterator
from contextlib import contextmanager

__all__ = [
    "collect_finished_analysis",
    "frozen_heap",
    "hidden_programs",
    "ignore_proxy_exceptions",
    "limit_opencv_threads",
    "paused_collection",
    "tune_process",
]

COLLECTION_THRESHOLD = 50_000
"""New objects after which Python looks for garbage; a command keeps most of its events and segments until it ends."""


def tune_process() -> None:
    """Tune garbage collection and limit OpenBLAS to one thread. Call it before NumPy is imported.

    A value of `OPENBLAS_NUM_THREADS` in the environment is kept.
    """
    gc.set_threshold(COLLECTION_THRESHOLD, *gc.get_threshold()[1:])
    atexit.register(gc.freeze)  # skips the last collection, which would visit every object
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")


def limit_opencv_threads() -> None:
    """Run OpenCV on the calling thread only: on pictures as small as the analysis pictures a thread pool costs more than it saves."""
    import cv2

    cv2.setNumThreads(1)


def ignore_proxy_exceptions() -> None:
    """Remove `no_proxy` from the environment, so that FFmpeg sends every HTTP request through the proxy it is given."""
    os.environ.pop("no_proxy", None)


@contextmanager
def paused_collection() -> Iterator[None]:
    """Do not collect garbage inside the block. Use it where many objects are created that stay, such as folding a long log."""
    enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if enabled:
            gc.enable()


def collect_finished_analysis() -> None:
    """Collect what an analysis leaves. Call it after each film in a process that analyzes many.

    The objects of an analysis refer to each other and hold the memory of the decoders. They are too few for Python to look for them soon.
    What the first film leaves is the program itself; it is not visited again, because that takes .05 s for each film.
    """
    gc.collect()
    if not gc.get_freeze_count():
        gc.freeze()


@contextmanager
def frozen_heap() -> Iterator[None]:
    """Exclude the objects that exist now from garbage collection inside the block. Blocks must not be nested."""
    gc.freeze()
    try:
        yield
    finally:
        gc.unfreeze()


@contextmanager
def hidden_programs() -> Iterator[None]:
    """Empty the search path of programs inside the block.

    PySceneDetect runs `ffmpeg` when it is imported, to learn whether it can split videos. This avoids that.
    """
    path = os.environ.get("PATH", os.defpath)
    os.environ["PATH"] = os.devnull
    try:
        yield
    finally:
        os.environ["PATH"] = path
