"""A plugin in 50 lines: keep a list of markers equal to a timeline while it is analyzed, and correct a segment.

    python examples/minimal_plugin.py ws://127.0.0.1:8710 last [--calm s0003]

Replace `show` by what writes a marker into your program.
"""

import argparse
import asyncio
import sys

from streamtags.client import connect
from streamtags.core.errors import StreamtagsError
from streamtags.core.state import SegmentState


def show(segment: SegmentState) -> None:
    """Write one marker. It is called again when the segment changes: find yours by `segment.segment`."""
    tags = ", ".join(f"{score.tag} {score.confidence:.2f}" for score in segment.tags)
    print(f"{segment.start.timecode}  {segment.segment}  {tags or segment.status}", flush=True)


async def follow(url: str, timeline: str, calm: str | None) -> None:
    """Show each segment that is new or changed, until the analysis ends."""
    shown: dict[str, SegmentState] = {}
    async with connect(url) as session:
        if calm is not None:
            await session.request("segments.correct", id=timeline, segment=calm, tags=[{"tag": "Calm", "confidence": 1.0}])
        async for item in session.follow(timeline, after=0):
            state = session.state(item.timeline)
            for segment in state.segments:
                if shown.get(segment.segment) is not segment:
                    shown[segment.segment] = segment
                    show(segment)
            if state.state in ("completed", "failed", "cancelled"):
                return


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("url", nargs="?", default="ws://127.0.0.1:8710")
    parser.add_argument("timeline", nargs="?", default="last")
    parser.add_argument("--calm", metavar="SEGMENT")
    arguments = parser.parse_args()
    try:
        asyncio.run(follow(arguments.url, arguments.timeline, arguments.calm))
    except StreamtagsError as error:
        sys.exit(str(error))
