"""The limits for each user of the servers of a store. The functions block."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from streamtags.config.settings import ServerSettings
from streamtags.core.errors import StoreError
from streamtags.core.records import JobQuota
from streamtags.core.stores import Store
from streamtags.operations.errors import UserQuotaError
from streamtags_server.jobs.job import Job

__all__ = ["check_user", "submit_job"]


def check_user(store: Store, settings: ServerSettings, user: str) -> None:
    """Check that a user may submit a further job.

    Raises:
        UserQuotaError: the limit is reached.
        StoreError: the store cannot be read.
    """
    quota = _quota(settings, user)
    if quota is not None:
        with _quota_errors():
            store.job_queue.check_quota(quota)


def submit_job(store: Store, settings: ServerSettings, job: Job, owner: str | None) -> bool:
    """Add a job, leased to `owner`, if any; return False if its timeline has a job already.

    Raises:
        UserQuotaError: the limit of its user is reached.
        StoreError: the job could not be saved.
    """
    with _quota_errors():
        return store.job_queue.submit(job.to_stored(), owner, quota=_quota(settings, job.user))


def _quota(settings: ServerSettings, user: str) -> JobQuota | None:
    limits = settings.user
    if limits.analyses is None and limits.per_day is None:
        return None
    return JobQuota(user, at_once=limits.analyses, per_day=limits.per_day)


@contextmanager
def _quota_errors() -> Iterator[None]:
    try:
        yield
    except StoreError as error:
        if error.code != "store.quota":
            raise
        raise UserQuotaError(error.what, hint=error.hint) from error
