"""The Python client: follows timelines on a streamtags server, and comes back after a lost connection.

```python
async with connect("ws://127.0.0.1:8710") as session:
    async for event in session.follow("*"):
        print(event)
```
"""

from __future__ import annotations

from streamtags.client.address import stream_url
from streamtags.client.session import Session, connect
from streamtags.client.wire import RequestError
from streamtags.core.backoff import Backoff

__all__ = ["Backoff", "RequestError", "Session", "connect", "stream_url"]
