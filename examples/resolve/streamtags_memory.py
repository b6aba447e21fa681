"""What must be known from one run to the next and cannot be in Resolve: which markers a person deleted, and who colored a clip."""

import json
import os
from typing import Any, Dict, Iterable, Set

__all__ = ["Memory", "memory_path"]


def memory_path() -> str:
    """Return where the memory is kept: a small file in the home folder."""
    return os.path.join(os.path.expanduser("~"), ".streamtags", "resolve-markers.json")


class Memory:
    """Which markers were written to one target for one log, which of them a person deleted, and which clips were colored.

    A marker that was written and is no longer there was deleted by a person, and is not written again.

    Args:
        path: the file; "" keeps nothing from one run to the next.
        target: id of the timeline or clip in Resolve.
        log: id and epoch of the log: segments of another log are other segments.
    """

    def __init__(self, path: str, target: str, log: str) -> None:
        self._path = path
        self._key = "{} {}".format(target, log)
        known = self._read().get(self._key)
        fields: Dict[str, Any] = known if isinstance(known, dict) else {}
        self.dismissed: Set[str] = set(fields.get("dismissed", ()))
        self._present: Set[str] = set(fields.get("present", ()))
        self.painted: Dict[str, str] = dict(fields.get("painted", {}))
        self._saved = self._fields()

    def _fields(self) -> Dict[str, Any]:
        return {"dismissed": sorted(self.dismissed), "present": sorted(self._present), "painted": dict(self.painted)}

    def see(self, present: Iterable[str], wanted: Iterable[str]) -> None:
        """Compare the markers that are there with those that were written: a missing one that is still wanted was deleted."""
        now = set(present)
        self.dismissed |= (self._present - now) & set(wanted)
        self.dismissed -= now
        self._present = now

    def wrote(self, key: str) -> None:
        """Note a marker that was written."""
        self._present.add(key)

    def forget(self, keys: Iterable[str]) -> None:
        """Note markers that are about to be removed by this program, and save at once: a crash must not look like a person."""
        self._present.difference_update(keys)
        self.save()

    def save(self) -> None:
        """Write the file if something changed, as a whole or not at all.

        Raises:
            OSError: the file cannot be written.
        """
        if not self._path or self._fields() == self._saved:
            return
        everything = self._read()
        everything[self._key] = self._saved = self._fields()
        os.makedirs(os.path.dirname(self._path), exist_ok=True)
        with open(self._path + ".new", "w", encoding="utf-8") as file:
            json.dump(everything, file)
        os.replace(self._path + ".new", self._path)

    def _read(self) -> Dict[str, Any]:
        try:
            with open(self._path, encoding="utf-8") as file:
                everything = json.load(file)
        except (OSError, ValueError):
            return {}  # there is none yet, or it was damaged: no marker counts as deleted
        return everything if isinstance(everything, dict) else {}
