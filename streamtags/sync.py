"""The functions of `streamtags`, for code that does not run in an event loop: each returns when the work is done.

```python
from streamtags import open_store, sync

with open_store() as store:
    state = sync.analyze("film.mp4", store)
```

Call them from any thread that does not run an event loop.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from functools import wraps
from typing import Any, ParamSpec, TypeVar

from streamtags import api

__all__ = ["analyze", "correct", "export", "retag", "search"]

P = ParamSpec("P")
T = TypeVar("T")


def _blocking(function: Callable[P, Coroutine[Any, Any, T]]) -> Callable[P, T]:
    @wraps(function)
    def call(*args: P.args, **options: P.kwargs) -> T:
        return asyncio.run(function(*args, **options))

    return call


analyze = _blocking(api.analyze)
correct = _blocking(api.correct)
export = _blocking(api.export)
retag = _blocking(api.retag)
search = _blocking(api.search)
