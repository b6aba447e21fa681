"""Where the tags come from: a streamtags server, or a file that `streamtags export ID --format json` wrote."""

import http.client
import json
import shlex
import threading
import urllib.error
import urllib.parse
import urllib.request
from typing import Any, Callable, Dict, Mapping, Optional

__all__ = ["FileSource", "Follower", "ServerSource", "SourceError"]

_TIMEOUT_SECONDS = 20  # also how long a connection without an event is kept before a new one is made
_MAX_BYTES = 256 << 20
_BROKEN = (OSError, ValueError, http.client.HTTPException)
_FIRST_WAIT, _LONGEST_WAIT = 0.25, 15.0


class SourceError(Exception):
    """The tags cannot be read, or a correction cannot be sent; the message says why and what to do."""


class ServerSource:
    """A timeline on a server.

    Args:
        url: address of the server, such as `http://127.0.0.1:8710`.
        timeline: id of the timeline, a unique prefix of it, or `last`.
        token: for a server that requires one.
        by: the name that corrections are stored under.
    """

    def __init__(self, url: str, timeline: str, token: str = "", by: str = "") -> None:
        if urllib.parse.urlsplit(url).scheme not in ("http", "https"):
            raise SourceError("{} is not the address of a server: write for example http://127.0.0.1:8710".format(url))
        self._url = url.rstrip("/")
        self._token = token
        self._by = by
        self._axes: Dict[str, Dict[str, str]] = {}
        self._colors: Optional[Dict[str, str]] = None
        self.timeline = urllib.parse.quote(timeline, safe="")

    def state(self) -> Dict[str, Any]:
        """Return the timeline as it is now.

        Raises:
            SourceError: the server cannot be reached, or has no such timeline.
        """
        state: Dict[str, Any] = self._json("/v1/timelines/" + self.timeline)
        return state

    def axes(self, state: Mapping[str, Any]) -> Dict[str, str]:
        """Return the axis of each tag of the timeline's vocabulary; the keys are lower-case. {} if the server does not know it."""
        ref = state["vocabulary"] or {}
        name = "{} {}".format(ref.get("id"), ref.get("version"))
        if name not in self._axes:
            listed = self._json("/v1/vocabularies")["vocabularies"]
            match = next((one for one in listed if "{id} {version}".format(**one) == name), {"tags": ()})
            self._axes[name] = {tag["name"].lower(): tag["axis"] for tag in match["tags"]}
        return self._axes[name]

    def colors(self) -> Dict[str, str]:
        """Return the marker color in Resolve of each axis of the server's vocabulary: those that its exports use."""
        if self._colors is None:
            palettes = self._json("/v1/info").get("marker_colors", ())
            self._colors = next((dict(palette["axes"]) for palette in palettes if palette["name"] == "resolve"), {})
        return self._colors

    def correct(self, segment: str, body: Mapping[str, Any]) -> Dict[str, Any]:
        """Send a correction; return the segment as it is then.

        Raises:
            SourceError: the server cannot be reached, or refuses.
        """
        data = json.dumps(dict(body, by=self._by) if self._by else body).encode("utf-8")
        path = "/v1/timelines/{}/segments/{}".format(self.timeline, urllib.parse.quote(segment, safe=""))
        corrected: Dict[str, Any] = self._json(path, data=data, method="PATCH")
        return corrected

    def open(self, path: str, data: Optional[bytes] = None, method: str = "GET") -> Any:
        """Return the response to a request.

        Raises:
            SourceError: the server cannot be reached, or answers with an error.
        """
        request = urllib.request.Request(self._url + path, data=data, method=method)
        if data is not None:
            request.add_header("Content-Type", "application/json")
        if self._token:
            request.add_header("Authorization", "Bearer " + self._token)
        try:
            return urllib.request.urlopen(request, timeout=_TIMEOUT_SECONDS)
        except urllib.error.HTTPError as error:
            detail = error.read(4096).decode("utf-8", "replace")
            raise SourceError("{}{} answers {}: {}".format(self._url, path, error.code, _problem(detail))) from error
        except _BROKEN as error:
            raise SourceError("cannot reach {}: {}. Is `streamtags serve` running?".format(self._url, error)) from error

    def _json(self, path: str, data: Optional[bytes] = None, method: str = "GET") -> Any:
        try:
            with self.open(path, data, method) as response:
                return json.loads(response.read(_MAX_BYTES).decode("utf-8"))
        except _BROKEN as error:
            raise SourceError("no complete answer from {}{}: {}".format(self._url, path, error)) from error


def _problem(text: str) -> str:
    """Return the words of an RFC 9457 problem document."""
    try:
        problem = json.loads(text)
        return ". ".join(str(problem[name]) for name in ("title", "detail", "hint") if problem.get(name))
    except (ValueError, TypeError, AttributeError):
        return text


class FileSource:
    """A timeline in a file. It takes no corrections; the error of each is the command that makes it."""

    def __init__(self, path: str) -> None:
        self._path = path
        self.timeline = ""

    def state(self) -> Dict[str, Any]:
        """Return the timeline.

        Raises:
            SourceError: the file cannot be read or is no timeline.
        """
        try:
            with open(self._path, encoding="utf-8") as file:
                state: Dict[str, Any] = json.load(file)
            self.timeline = str(state["id"])
            list(state["segments"])
        except (OSError, ValueError, TypeError, KeyError) as error:
            hint = "Write it with `streamtags export ID --format json --output FILE`."
            raise SourceError("cannot read {}: {!r}. {}".format(self._path, error, hint)) from error
        return state

    def axes(self, state: Mapping[str, Any]) -> Dict[str, str]:
        """Return {}: an exported timeline does not contain its vocabulary."""
        return {}

    def colors(self) -> Dict[str, str]:
        """Return {}: nothing says which axis a tag belongs to."""
        return {}

    def correct(self, segment: str, body: Mapping[str, Any]) -> Dict[str, Any]:
        """Refuse.

        Raises:
            SourceError: always. It says which command makes the correction; the marker stays as the person wrote it.
        """
        words = ["streamtags", "correct", self.timeline, segment]
        for score in body.get("tags", ()):
            words += ["--tag", "{tag}={confidence}".format(**score)]
        for tag in body.get("untag", ()):
            words += ["--untag", tag]
        if "caption" in body:
            words += ["--caption", body["caption"]]
        command = " ".join(shlex.quote(word) for word in words)
        raise SourceError("a file cannot take corrections. Run: {}".format(command))


class Follower(threading.Thread):
    """Reads the events of a timeline as they arrive, and reconnects when the connection is lost.

    The events say that something changed; what there is now is in the state. So a lost connection can lose nothing.

    Attributes:
        changed: set at the start, at each reconnection and at each event.
        removed: set when the server has removed the timeline.
    """

    def __init__(self, source: ServerSource, seq: int, say: Callable[[str], None] = print) -> None:
        super().__init__(name="streamtags events", daemon=True)
        self.changed = threading.Event()
        self.removed = threading.Event()
        self._source = source
        self._say = say
        self._seq = seq
        self._epoch = ""
        self._stopped = threading.Event()

    def stop(self) -> None:
        """End the thread after the event or the timeout that it waits for."""
        self._stopped.set()

    def run(self) -> None:
        """Follow until stopped."""
        wait = _FIRST_WAIT
        while not self._stopped.is_set():
            try:
                with self._source.open("/v1/timelines/{}/events?after={}&follow=1".format(self._source.timeline, self._seq)) as lines:
                    self.changed.set()
                    for line in lines:
                        self._take(json.loads(line.decode("utf-8")))
                        wait = _FIRST_WAIT
                        if self._stopped.is_set():
                            return
            except SourceError as error:
                if "answers 404" in str(error):
                    self.removed.set()
                    self.changed.set()
                    return
                self._say(str(error))
            except _BROKEN:
                pass  # a break or a silence in the middle of the stream: continue after the last whole event
            self._stopped.wait(wait)
            wait = min(_LONGEST_WAIT, wait * 2)

    def _take(self, event: Mapping[str, Any]) -> None:
        if event["epoch"] != self._epoch:  # the log was replaced: its numbers count anew
            self._epoch, self._seq = event["epoch"], 0
        self._seq = max(self._seq, int(event["seq"]))
        self.changed.set()
