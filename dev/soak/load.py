"""The load of a soak: a real cluster, 50 syncs of Pods and a crash a second, and a bare route."""

import contextlib
import http.client
import itertools
import json
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http import HTTPStatus
from pathlib import Path

from dev.benchmarks import bare, samples
from dev.benchmarks.operators import PODDIAGNOSERS_HOOK, PODS_HOOK, HookOperator
from dev.benchmarks.pod_load import PodLoad, Watch
from dev.benchmarks.servers import BARE, Server
from dev.benchmarks.test_bed import TestBed, open_test_bed
from dev.benchmarks.timing import unanswered
from dev.envtest.client import EVENTS, ApiError
from dev.envtest.control_plane import ControlPlane
from dev.envtest.process import Process
from dev.local_http import NoAnswerError
from dev.soak import census
from dev.soak.findings import BARE_ROUTE, SYNCS, Found

NAMESPACE = "soak"
CRASHING, HEALTHY = 40, 160
"""Pods that crash in turn, and Pods whose statuses change."""

OF_A_CRASH = 2
"""Syncs of its Pod that a crash causes at least: its status, and our annotations."""

CODES = 250
"""A Pod's crashes have different exit codes, by which they are told apart."""

MOST_MINUTES = CRASHING * CODES / 60

WARM_UP = 7.0
"""Minutes until what is held for each Pod grows no more: at a crash a second its history has as
many crashes as it may (`MAX_HISTORY`, ten) after 400 seconds. By then the sentences that the hook
remembers are as many as it may remember, too: a crash makes three, of 1,024."""
_SYNCS = {PODS_HOOK: "/pods/sync", PODDIAGNOSERS_HOOK: "/poddiagnosers/sync"}
FAILED_SYNCS = "syncs that Metacontroller reports as failed, after the warm-up"
_LATE = 60.0
_MILLI = 1000.0
_ERROR_LEVELS = ("error", "critical")


@dataclass(slots=True)
class _Seen:
    """What was done and seen so far.

    Attributes:
        crashed: when which crash was written: Pod and exit code to the moment.
        bare: the moments at which the bare route answered, and the milliseconds that it took.
        errors: what went wrong, by kind.
        failure: what ended a thread, if anything.
    """

    crashed: dict[tuple[str, int], float] = field(default_factory=dict)
    bare: list[tuple[float, float]] = field(default_factory=list)
    errors: Counter[str] = field(default_factory=Counter)
    failure: BaseException | None = None


def soak(minutes: float, warm_up: float) -> Found:
    """Put the hook under load.

    Args:
        minutes: for how long, after the warm-up.
        warm_up: minutes until it counts.

    Returns:
        What was seen.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        dev.envtest.process.StartError: something does not start.
    """
    with tempfile.TemporaryDirectory() as name, ExitStack() as running:
        folder = Path(name)
        counting = census.environment(folder)

        def make(plane: ControlPlane) -> HookOperator:
            return HookOperator(plane, timed=True, events_from=plane.server, environment=counting)

        bed = running.enter_context(open_test_bed(make))
        beside = running.enter_context(Server("bare", BARE, folder, variables=counting))
        bed.operator.start()
        bed.prepare(NAMESPACE, remediationAction="LogEvent")
        load = PodLoad(bed.api, NAMESPACE, CRASHING + HEALTHY)
        load.create()
        watch = running.enter_context(Watch(bed.api, NAMESPACE))
        return _Soak(bed, bed.operator, load, watch, beside, folder).run(minutes, warm_up)


class _Soak:
    """One soak."""

    def __init__(
        self,
        bed: TestBed,
        operator: HookOperator,
        load: PodLoad,
        watch: Watch,
        beside: Server,
        folder: Path,
    ) -> None:
        self._bed, self._operator, self._load, self._watch = bed, operator, load, watch
        self._beside, self._folder = beside, folder
        self._seen = _Seen()
        self._end = threading.Event()

    def run(self, minutes: float, warm_up: float) -> Found:
        """Run it; see `soak`."""
        servers = {**self._operator.hooks(), BARE_ROUTE: self._beside.process}
        with self._threads((self._touch, self._crash, self._post)):
            _say(f"warming up for {warm_up:g} minutes")
            self._wait(warm_up * 60)
            begun, used = time.perf_counter(), self._bed.cpu()
            failed = self._failed_syncs()
            sampled = self._sample(servers, minutes, begun)
            seconds = time.perf_counter() - begun
            cpu = {
                name: 100 * (after - used[name]) / seconds
                for name, after in self._bed.cpu().items()
            }
        observed = self._observed()
        answers = [one for one in self._operator.answers if begun <= one.at <= begun + seconds]
        crashes = self._seen.crashed.items()
        return Found(
            seconds,
            sampled,
            {
                **{
                    name: [one.seconds * _MILLI for one in answers if one.path == path]
                    for name, path in _SYNCS.items()
                },
                BARE_ROUTE: [took for at, took in self._seen.bare if at >= begun],
            },
            [
                (observed[crash] - at) * _MILLI
                for crash, at in crashes
                if crash in observed and at >= begun
            ],
            self._errors(len(self._seen.crashed) - len(observed), failed),
            cpu,
        )

    # Load

    def _touch(self) -> None:
        """Have the statuses of healthy Pods change, each change a sync."""
        batch = SYNCS - OF_A_CRASH
        names = itertools.cycle(self._load.names[CRASHING:])
        for _ in self._seconds():
            self._load.touch([next(names) for _ in range(batch)], over=0.9)

    def _crash(self) -> None:
        """Crash a Pod a second."""
        for number in self._seconds():
            name = self._load.names[number % CRASHING]
            code = 1 + number // CRASHING % CODES
            self._seen.crashed[name, code] = self._load.crash([name], code)[name]

    def _post(self) -> None:
        """Post to the bare route what the hook gets."""
        body = samples.crashed(datetime.now(UTC))
        made = http.client.HTTPConnection("127.0.0.1", self._beside.port, timeout=30)
        begun = time.perf_counter()
        with contextlib.closing(made) as connection:
            self._post_all(connection, body, begun)

    def _post_all(self, connection: http.client.HTTPConnection, body: bytes, begun: float) -> None:
        for number in itertools.count():
            if self._end.wait(max(0.0, begun + number / SYNCS - time.perf_counter())):
                return
            sent = time.perf_counter()
            connection.request("POST", bare.PATH, body, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            answer.read()
            now = time.perf_counter()
            self._seen.bare.append((now, (now - sent) * _MILLI))
            self._seen.errors["bare"] += answer.status != HTTPStatus.OK

    def _seconds(self) -> Iterator[int]:
        """Count the seconds until the end, each when it begins; late ones follow at once."""
        begun = time.perf_counter()
        for number in itertools.count():
            if self._end.wait(max(0.0, begun + number - time.perf_counter())):
                return
            yield number

    @contextlib.contextmanager
    def _threads(self, works: Sequence[Callable[[], None]]) -> Iterator[None]:
        """Do several things at once until the end of the context."""

        def guarded(work: Callable[[], None]) -> None:
            try:
                work()
            except (ApiError, NoAnswerError, OSError, http.client.HTTPException) as problem:
                self._seen.failure = self._seen.failure or problem
                self._end.set()

        threads = [threading.Thread(target=guarded, args=(work,)) for work in works]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._end.set()
            for thread in threads:
                thread.join()

    def _wait(self, seconds: float) -> None:
        """Wait, until something fails.

        Raises:
            BaseException: what ended the load.
        """
        self._end.wait(max(0.0, seconds))
        if self._seen.failure is not None:
            raise self._seen.failure

    # Looking

    def _sample(
        self, servers: dict[str, Process], minutes: float, begun: float
    ) -> dict[str, list[census.Sample]]:
        taken: dict[str, list[census.Sample]] = {name: [] for name in servers}
        count = max(9, round(minutes * 6))
        for number in range(1, count + 1):
            self._wait(begun + minutes * 60 * number / count - time.perf_counter())
            for name, process in servers.items():
                taken[name].append(census.take(process, self._folder))
            if number % max(1, count // 10) == 0:
                memory = ", ".join(
                    f"{name} {found[-1].memory / 1024**2:.1f} MiB" for name, found in taken.items()
                )
                _say(f"{minutes * number / count:.1f} of {minutes:g} minutes: {memory}")
        return taken

    def _observed(self) -> dict[tuple[str, int], float]:
        """Return when which crash was annotated; some seconds after the last one none is late."""
        deadline = time.monotonic() + _LATE
        while True:
            found = self._watch.known(self._seen.crashed)
            if len(found) == len(self._seen.crashed) or time.monotonic() > deadline:
                return found
            time.sleep(0.2)

    def _failed_syncs(self) -> int:
        """Return how often Metacontroller has said of an object that its sync failed."""
        events = self._bed.api.list(EVENTS, NAMESPACE)
        return sum(one.get("count") or 1 for one in events if one["reason"] == "SyncError")

    def _errors(self, missing: int, failed_before: int) -> dict[str, int]:
        return {
            "requests that a hook answered with anything but 200": self._operator.refused(),
            "requests to a hook without an answer of 200": unanswered(self._operator.answers),
            "requests to the bare route without an answer of 200": self._seen.errors["bare"],
            FAILED_SYNCS: self._failed_syncs() - failed_before,
            "lines of the hooks' logs about errors": sum(
                _error_lines(process.log) for process in self._operator.hooks().values()
            ),
            "crashes that were not annotated": missing,
        }


def _error_lines(log: Path) -> int:
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
    return sum(_level(line) in _ERROR_LEVELS for line in lines)


def _level(line: str) -> str:
    """Return the level of a line; what is no line of ours, such as a traceback, is an error."""
    try:
        return str(json.loads(line).get("level", "error")).lower()
    except (ValueError, AttributeError):
        return "error" if line.strip() else ""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()
