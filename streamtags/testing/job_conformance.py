"""Checks that the job queue of every store must pass; part of `streamtags.testing.store_conformance`."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import replace

from streamtags.core.errors import StoreError
from streamtags.core.job_queue import JobQueue
from streamtags.core.records import DAY_SECONDS, Job, JobQuota
from streamtags.core.stores import Store

__all__ = ["JOB_CHECKS"]

_FIRST, _SECOND = Job("tl_a", '{"uri": "a.mp4"}', submitted_at=1.0), Job("tl_b", '{"uri": "b.mp4"}', submitted_at=2.5)


def a_timeline_has_at_most_one_job(open_handle: Callable[[], Store]) -> None:
    """Check `submit`, `find` and `jobs`."""
    with open_handle() as store, open_handle() as other:
        assert store.job_queue.submit(_SECOND, "me")
        assert other.job_queue.submit(_FIRST, "me")
        assert not other.job_queue.submit(replace(_FIRST, request="{}"), "you")
        assert store.job_queue.jobs() == [_FIRST, _SECOND]
        assert (store.job_queue.find("tl_a"), store.job_queue.find("tl_x")) == (_FIRST, None)


def only_the_owner_of_a_lease_changes_a_job(open_handle: Callable[[], Store]) -> None:
    """Check `save`, `renew` and `finish`."""
    started = replace(_FIRST, starts=1, started_seq=7, running=True)
    with open_handle() as store:
        queue = store.job_queue
        queue.submit(_FIRST, "me")
        queue.submit(_SECOND, "you")
        assert queue.renew("me") == {"tl_a"}
        assert not queue.save(started, "you")
        assert queue.save(started, "me")
        assert queue.find("tl_a") == started
        queue.finish("tl_a", "you")
        assert queue.find("tl_a") == started
        queue.finish("tl_a", "me")
        assert queue.jobs() == [_SECOND]
        assert not queue.renew("me")
        assert queue.renew("you") == {"tl_b"}
        assert not queue.save(started, "me")


def released_jobs_are_taken_by_another_server(open_handle: Callable[[], Store]) -> None:
    """Check `release`, `take` and `count_waiting`."""
    with open_handle() as store, open_handle() as other:
        for job in (_FIRST, _SECOND):
            store.job_queue.submit(job, "me")
        assert other.job_queue.count_waiting() == 2
        store.job_queue.save(replace(_FIRST, starts=1, running=True), "me")
        assert other.job_queue.count_waiting() == 1
        assert other.job_queue.take("you") == []
        store.job_queue.release("me")
        assert not any(job.running for job in other.job_queue.jobs())
        assert other.job_queue.take("you", limit=1) == [replace(_FIRST, starts=1)]
        assert other.job_queue.take("they") == [_SECOND]
        assert not store.job_queue.renew("me")
        assert store.job_queue.take("me") == []


def jobs_without_a_server_are_taken_by_priority_and_age(open_handle: Callable[[], Store]) -> None:
    """Check `submit` without an owner, `priority`, and `take` of one timeline."""
    urgent = replace(_SECOND, timeline="tl_c", priority=1)
    with open_handle() as store, open_handle() as other:
        queue = store.job_queue
        for job in (_SECOND, _FIRST, urgent):
            assert queue.submit(job, None)
        assert queue.jobs() == [urgent, _FIRST, _SECOND]
        assert queue.take("me", timeline="tl_b") == [_SECOND]
        assert queue.take("you", timeline="tl_b") == []
        assert other.job_queue.take("you", limit=1) == [urgent]
        assert other.job_queue.take("you") == [_FIRST]


def a_cancelled_job_is_reported_to_the_server_that_it_is_leased_to(open_handle: Callable[[], Store]) -> None:
    """Check `cancel` and `cancelled`."""
    with open_handle() as store, open_handle() as other:
        store.job_queue.submit(_FIRST, "me")
        other.job_queue.cancel("tl_x")
        assert store.job_queue.cancelled("me") == frozenset()
        other.job_queue.cancel("tl_a")
        assert store.job_queue.cancelled("me") == {"tl_a"}
        assert other.job_queue.cancelled("you") == frozenset()
        assert store.job_queue.find("tl_a") == replace(_FIRST, cancelled=True)


def each_job_is_taken_by_exactly_one_server(open_handle: Callable[[], Store]) -> None:
    """Check that servers that call `take` at once share the jobs."""
    jobs = [Job(f"tl_{number:02d}", "{}", submitted_at=number) for number in range(20)]
    taken: list[Job] = []
    with open_handle() as store:
        for job in jobs:
            store.job_queue.submit(job, "dead")
        store.job_queue.release("dead")

        def take(owner: str) -> None:
            while batch := store.job_queue.take(owner, limit=3):
                taken.extend(batch)

        threads = [threading.Thread(target=take, args=(f"server {number}",)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(taken, key=lambda job: job.timeline) == jobs


def _is_refused(queue: JobQueue, job: Job, quota: JobQuota) -> bool:
    """Return whether a quota refuses a job, and check that a look at the quota says the same."""
    refusals = 0
    for call in (lambda: queue.check_quota(quota), lambda: queue.submit(job, None, quota=quota)):
        try:
            call()
        except StoreError as error:
            assert error.code == "store.quota"
            refusals += 1
    assert refusals in (0, 2)
    return refusals == 2


def a_user_has_no_more_jobs_than_the_quota(open_handle: Callable[[], Store]) -> None:
    """Check `check_quota` and the quota of `submit`."""
    now = time.time()
    jobs = [Job(f"tl_{number}", "{}", submitted_at=now + number / 1000) for number in range(6)]
    ada, bo = JobQuota("ada", at_once=2, per_day=3), JobQuota("bo", at_once=2, per_day=3)
    with open_handle() as store, open_handle() as other:
        queue = store.job_queue
        assert not _is_refused(queue, replace(_FIRST, submitted_at=now - DAY_SECONDS - 60), ada)  # begun yesterday, still there
        assert not queue.submit(_FIRST, None, quota=ada)  # the same timeline again does not count
        assert not _is_refused(other.job_queue, jobs[0], ada)
        assert _is_refused(queue, jobs[1], ada)
        assert not _is_refused(queue, jobs[2], bo)
        for timeline in ("tl_a", "tl_0"):
            queue.take("me", timeline=timeline)
            queue.finish(timeline, "me")
        assert not _is_refused(queue, jobs[1], ada)
        queue.take("me", timeline="tl_1")
        queue.finish("tl_1", "me")
        assert not _is_refused(other.job_queue, jobs[3], ada)
        assert _is_refused(queue, jobs[4], ada)
        assert not _is_refused(queue, jobs[4], JobQuota("ada"))
        assert {job.timeline for job in queue.jobs()} == {"tl_2", "tl_3", "tl_4"}


def a_quota_is_kept_among_servers_that_submit_at_once(open_handle: Callable[[], Store]) -> None:
    """Check the quota of `submit` in several handles at the same time."""
    accepted: list[bool] = []

    def submit(server: int) -> None:
        with open_handle() as store:
            for number in range(5):
                job = Job(f"tl_{server}_{number}", "{}", submitted_at=time.time())
                try:
                    accepted.append(store.job_queue.submit(job, None, quota=JobQuota("ada", at_once=7)))
                except StoreError as error:
                    assert error.code == "store.quota"

    threads = [threading.Thread(target=submit, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert accepted == [True] * 7


JOB_CHECKS: tuple[Callable[[Callable[[], Store]], None], ...] = (
    a_timeline_has_at_most_one_job,
    only_the_owner_of_a_lease_changes_a_job,
    released_jobs_are_taken_by_another_server,
    jobs_without_a_server_are_taken_by_priority_and_age,
    a_cancelled_job_is_reported_to_the_server_that_it_is_leased_to,
    each_job_is_taken_by_exactly_one_server,
    a_user_has_no_more_jobs_than_the_quota,
    a_quota_is_kept_among_servers_that_submit_at_once,
)
