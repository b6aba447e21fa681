"""Print the tags of every segment on a streamtags server as they arrive."""

import argparse
import asyncio
import sys

from streamtags.client import connect
from streamtags.core.errors import StreamtagsError
from streamtags.core.events import Event, SegmentTagged


async def watch(url: str) -> None:
    """Follow until interrupted."""
    async with connect(url) as session:
        async for event in session.follow("*"):
            if isinstance(event, Event) and isinstance(event.data, SegmentTagged):
                print(event.data.segment, *(f"{score.tag} {score.confidence:.2f}" for score in event.data.tags))


parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("url", nargs="?", default="ws://127.0.0.1:8710", help="where the server is (default: %(default)s)")
try:
    asyncio.run(watch(parser.parse_args().url))
except StreamtagsError as error:
    sys.exit(str(error))
except KeyboardInterrupt:
    sys.exit(130)
