"""Jobs of releases that kept each job in a file beside the store."""

from __future__ import annotations

import json
import logging
import secrets

from streamtags.core.records import Job
from streamtags.core.stores import Store

__all__ = ["import_job_files"]

_log = logging.getLogger(__name__)


def import_job_files(store: Store) -> None:
    """Move the jobs in `STORE.files/jobs` to the job queue of the store; a file that is not a job is left alone.

    Raises:
        StoreError: a job could not be saved; its file is kept.
    """
    owner = secrets.token_hex(8)
    folder = store.folder / "jobs"
    folder.mkdir(parents=True, exist_ok=True)  # scripts of operators may look at it
    paths = sorted(folder.glob("*.json"))
    for path in paths:
        try:
            content = json.loads(path.read_text(encoding="utf-8"))
            request = json.dumps({name: content[name] for name in ("timeline", "uri", "profile", "tags", "follow")})
            job = Job(timeline=content["timeline"], request=request, submitted_at=float(content["asked"]), starts=int(content["starts"]))
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            _log.warning("%s is not a job and is left alone: %r", path, error)
            continue
        store.job_queue.submit(job, owner)
        path.unlink(missing_ok=True)
    if paths:
        store.job_queue.release(owner)
