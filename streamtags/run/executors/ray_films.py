"""Analyses of many films on a Ray cluster: Ray Data gives each film to a worker process, which writes into the shared store.

The unit of work is a film. A worker that dies is started again and resumes its film from the log; Ray repeats nothing else.
"""

from __future__ import annotations

import logging
import os
import pickle
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import ray
import ray.data

from streamtags.config.settings import Settings
from streamtags.core.errors import BackendError, ConfigError, StreamtagsError
from streamtags.process import limit_opencv_threads, tune_process
from streamtags.run.backends import captioner_spec
from streamtags.run.claim import CLAIM_SECONDS
from streamtags.run.executors.ray_captioners import CaptionerActors
from streamtags.run.films import FilmAnalyzer, FilmResult
from streamtags.store.opening import is_postgres

__all__ = ["Cluster", "analyze_films", "ray_cluster"]

# A film during whose analysis so many processes have died is given up: Ray repeats without an end, and a film may crash a library.
_MAX_TRIES = 6
# Ray gives its own processes 15 seconds to start, which are too short on a machine that is very busy.
_STARTS = 3
# Workers in a row that die before they can work, after which the cluster counts as broken.
_MAX_DEAD_WORKERS = 5


@dataclass(frozen=True, slots=True)
class Cluster:
    """What a cluster has; `gpus` and `cpus` are logical, as Ray counts them."""

    nodes: int
    cpus: int
    gpus: int


@contextmanager
def ray_cluster(
    address: str | None, cpus: int, *, debug: bool = False, notice: Callable[[str], None] = lambda _: None
) -> Iterator[Cluster]:
    """Connect to a Ray cluster inside the block; a program that is connected already stays so.

    Args:
        address: of a cluster that runs, as `ray.init` takes it; None starts Ray in processes of this machine, for the block.
        cpus: logical CPUs of a Ray that is started: workers and captioners take one each, however many processors there are.
        debug: print what Ray and the workers log.
        notice: called with a line that says what is waited for.

    Raises:
        BackendError: there is no cluster at that address, or Ray cannot be started.
    """
    connected = ray.is_initialized()
    if not connected:
        _connect(address, cpus, debug=debug, notice=notice)
    try:
        has = ray.cluster_resources()
        yield Cluster(len([node for node in ray.nodes() if node["Alive"]]), int(has.get("CPU", 0)), int(has.get("GPU", 0)))
    finally:
        if not connected:
            ray.shutdown()


def _connect(address: str | None, cpus: int, *, debug: bool, notice: Callable[[str], None]) -> None:
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # Ray reports to its makers otherwise
    level = logging.INFO if debug else logging.ERROR
    if not debug:  # Ray's files have all of it
        for handler in logging.getLogger("ray.data").handlers:
            if isinstance(handler, logging.StreamHandler):
                handler.setLevel(logging.CRITICAL)
    common = {"logging_level": level, "log_to_driver": debug}
    notice("starting Ray" if address is None else f"connecting to the Ray cluster at {address}")
    for attempt in range(_STARTS):
        try:
            if address is not None:
                ray.init(address=address, **common)
            else:
                ray.init(address="local", num_cpus=cpus, include_dashboard=False, **common)
        except Exception as error:
            ray.shutdown()
            if address is None and attempt + 1 < _STARTS:
                continue
            what = "there is no Ray cluster" if address is not None else "Ray cannot be started here"
            hint = (
                "check the address, and that its token is here"
                if address is not None
                else "is the machine too busy? --debug prints its log"
            )
            raise BackendError(f"{what}: {' '.join(str(error).split())[:300]}", where=address, hint=hint, code="ray") from error
        return


def analyze_films(
    sources: Sequence[str],
    settings: Settings,
    cluster: Cluster,
    *,
    workers: int,
    captioners: int | None = None,
    notice: Callable[[str], None] = lambda _: None,
) -> Iterator[FilmResult]:
    """Analyze films on the cluster that this program is connected to; yield how each ended, in the order in which they end.

    Films that another process analyzes are tried again when all others have ended: by then it is done, or the claim of a process that
    died on another machine has expired.

    Args:
        sources: films, each once, under names that every node can open.
        settings: with a store that every node can open, and a named profile.
        cluster: what `ray_cluster` yields.
        workers: the most films at once.
        captioners: processes with a captioner that is loaded in process; as many as there are GPUs unless given.
        notice: called with a line that says what is waited for.

    Raises:
        ConfigError: the cluster has several nodes and the store is a file, or the profile's captioner cannot work there.
        BackendError: Ray ended the work.
    """
    if cluster.nodes > 1 and not is_postgres(settings.store or ""):
        hint = "use --store postgresql://..., see docs/howto/several-servers.md"
        raise ConfigError("is a file, and the cluster has several machines", where=f"store {settings.store}", hint=hint)
    actors = _captioner_actors(settings, cluster, captioners, notice)
    claimed = list[str]()
    for result in _pass(sources, settings, workers, actors, claim_wait_seconds=0.0):
        if result.error is not None and result.error.code in ("store.claimed", "store.claim_lost"):
            claimed.append(result.source)
        else:
            yield result
    if claimed:
        notice(f"{len(claimed)} films are analyzed by another process; trying them again")
        yield from _pass(claimed, settings, workers, actors, claim_wait_seconds=2 * CLAIM_SECONDS)


def _captioner_actors(settings: Settings, cluster: Cluster, count: int | None, notice: Callable[[str], None]) -> CaptionerActors | None:
    """Start the actors of a captioner that is loaded in process; None for one that is served elsewhere or needs no model."""
    spec = captioner_spec(settings.choose_profile())
    if spec.is_remote or not spec.needs_model:
        return None
    count = count or max(1, cluster.gpus)
    share = cluster.gpus / count
    gpus = share if share < 1 else int(share)
    notice(f"starting {count} captioners with {gpus:g} GPUs each" if count > 1 else f"starting a captioner with {gpus:g} GPUs")
    actors = CaptionerActors(settings, count, gpus)
    actors.wait()
    return actors


def _pass(
    sources: Sequence[str], settings: Settings, workers: int, actors: CaptionerActors | None, *, claim_wait_seconds: float
) -> Iterator[FilmResult]:
    """Give each film to a worker; yield each result once, those of films that were lost at the end."""
    # Names of files may be bytes that are no text, which Arrow refuses.
    rows = [{"number": number, "source": os.fsencode(source)} for number, source in enumerate(sources)]
    films = ray.data.from_items(rows, override_num_blocks=len(rows)).map(
        _FilmWorker,
        fn_constructor_args=(settings, actors, ray.remote(_Tries).options(num_cpus=0).remote(), claim_wait_seconds),
        # One film at each worker: none waits behind a long one while another worker has nothing to do.
        compute=ray.data.ActorPoolStrategy(size=min(workers, len(rows)), max_tasks_in_flight_per_actor=1),
        num_cpus=1,
    )
    films.context.max_errored_blocks = -1  # a film whose result is lost ends nothing but itself
    films.context.execution_no_progress_timeout_s = -1  # a film may take hours
    films.context.max_consecutive_actor_init_deaths = _MAX_DEAD_WORKERS
    films.context.enable_progress_bars = False
    left = dict(enumerate(sources))
    try:
        for row in films.iter_rows():
            if (source := left.pop(row["number"], None)) is not None:
                yield FilmResult(source, row["timeline"], pickle.loads(row["error"]) if row["error"] else None)  # noqa: S301 - ours
    except ray.exceptions.RayError as error:
        hint = "run the same command again: it goes on where this one stopped"
        raise BackendError(f"Ray ended the work: {' '.join(str(error).split())[:300]}", hint=hint, code="ray") from error
    for source in left.values():
        hint = "run the same command again: the analysis may have ended well"
        yield FilmResult(source, error=StreamtagsError("Ray lost its result", where=source, hint=hint, code="ray.lost"))


class _Tries:
    """Counts how often each film was begun, in an actor that outlives the workers."""

    def __init__(self) -> None:
        self._tries: Counter[int] = Counter()

    def begin(self, number: int) -> int:
        """Count another try of a film; return how many there were before."""
        self._tries[number] += 1
        return self._tries[number] - 1


class _FilmWorker:
    """What a worker process does: the analyses that Ray Data gives to it, one after another."""

    def __init__(self, settings: Settings, actors: CaptionerActors | None, tries: Any, claim_wait_seconds: float) -> None:
        tune_process()
        limit_opencv_threads()
        self._tries = tries
        captioner = None if actors is None else actors.connect()
        self._analyzer = FilmAnalyzer(settings, captioner, claim_wait_seconds=claim_wait_seconds)

    def __call__(self, row: dict[str, Any]) -> dict[str, Any]:
        """Analyze the film of a row."""
        source = os.fsdecode(row["source"])
        if ray.get(self._tries.begin.remote(row["number"])) < _MAX_TRIES:
            result = self._analyzer.analyze(source)
        else:
            what = f"its process died {_MAX_TRIES} times"
            hint = "analyze this film alone to see why; it may need more memory"
            result = FilmResult(source, error=StreamtagsError(what, where=source, hint=hint, code="ray.died"))
        return {"number": row["number"], "timeline": result.timeline, "error": pickle.dumps(result.error) if result.error else b""}
