"""Prints the tags of every segment on a streamtags server, as they are found."""

import asyncio
import sys

from streamtags.client import connect


async def main(url: str) -> None:
    """Follow until interrupted."""
    async with connect(url) as session:
        async for event in session.follow("*"):
            if event.type == "segment.tagged":
                print(event.data.segment, *(f"{score.tag} {score.confidence:.2f}" for score in event.data.tags))


asyncio.run(main(sys.argv[1] if len(sys.argv) > 1 else "ws://127.0.0.1:8710"))
