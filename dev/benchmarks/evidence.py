"""Measure what reading the Events of crashes costs and what it yields, with and without it in turn.

Every crash is a liveness probe's kill with the Events that a kubelet posts before it. PodDiagnosers
with evidence and without it stand side by side, in namespaces that are otherwise the same: single
crashes on an idle cluster, many at once, and many at once while the API server is too busy for
Events. Requests are counted in its audit log.

Last, a thousand Pods crash at once with Events alone and with all evidence: also their termination
messages and the ends of their logs, read for the reason that they give and shown. A log has 400
lines, of which the last are a Python traceback. The Pods have no owner, so that no templates are
compared.
"""

import contextlib
import json
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

from dev.benchmarks import observations, posting
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.following import Follower
from dev.benchmarks.observations import ANNOTATED
from dev.benchmarks.operators import PODS_HOOK, HookOperator
from dev.benchmarks.pod_load import PodLoad
from dev.benchmarks.remediation import spreads
from dev.benchmarks.spread import Spread, percentile
from dev.benchmarks.test_bed import TestBed, open_test_bed
from dev.envtest import pods
from dev.envtest.client import EVENTS, PODS, Json
from dev.envtest.control_plane import ControlPlane
from dev.envtest.logs import LogServer
from dev.envtest.proxy import Answer, Forward, Proxy, Request, answering
from dev.local_ports import free_ports

CRASHES = 20
UNEXPLAINED = 5
STORM = 300
OUTPUT_STORM = 1000
WITH, WITHOUT = "with Events", "without"
WRITTEN = "with Events, crashes still being written"
BUSY = "429 for Events"
EVENTS_ALONE, ALL = "Events alone", "all evidence"
CAUSE = "LivenessProbeFailed"

RETRY_AFTER = 60
"""Retry-After of a busy API server, in seconds: the longest that the hook obeys, and longer than
the crashes take."""

_KILLED = 137
_IDLE = 0.5
"""Seconds before a crash of either kind: a second for those of one namespace, which is no burst."""

_APART = 1.6
"""Seconds between crashes whose Events are read twice, which is no burst either."""

_QUIET = 8.0
"""Seconds: longer than it takes until Events are read for the second time."""

_SLOW = 2.5
_MIB = 1024 * 1024
_TIMEOUT = 180.0
_WRITERS = 8


_SPECS: dict[str, Json] = {
    WITH: {"events": True},
    WITHOUT: {"events": False},
    EVENTS_ALONE: {"events": True},
    ALL: {"events": True, "terminationMessage": True, "logLines": 10, "reason": True},
}
"""spec.evidence of each kind."""

_LOG = (
    "".join(
        f"2026-11-29 10:{number // 60:02}:{number % 60:02},123 INFO [worker-{number % 8}] "
        f"GET /orders/{number * 7919} 200 in {number % 90} ms\n"
        for number in range(390)
    )
    + 'Traceback (most recent call last):\n  File "/app/main.py", line 41, in <module>\n'
    + '    serve()\n  File "/app/main.py", line 12, in serve\n    connect(os.environ["DB"])\n' * 3
    + "ConnectionRefusedError: [Errno 111] cannot reach db.shop:5432: connection refused\n"
).encode()


def measure(
    rounds: int = 1,
    crashes: int = CRASHES,
    unexplained: int = UNEXPLAINED,
    storm: int = STORM,
    output_storm: int = OUTPUT_STORM,
) -> list[Figure]:
    """Measure both in turn.

    Args:
        rounds: how many rounds.
        crashes: how many single crashes with Events.
        unexplained: how many single crashes about which there is no Event.
        storm: how many Pods crash at once.
        output_storm: how many Pods crash at once with all evidence.

    Returns:
        The figures of both, and their ratios.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: a Pod is not annotated.
    """
    results: list[dict[str, float]] = []
    for number in range(rounds):
        order = (WITH, WITHOUT) if number % 2 else (WITHOUT, WITH)
        # Minutes pass: show that it goes on.
        _say(f"round {number + 1} of {rounds}: one at a time, and {storm} at once")
        done = run(order, crashes, unexplained, storm)
        _say(f"round {number + 1} of {rounds}: {storm} at once, Events not to be had")
        done |= run_busy(storm)
        _say(f"round {number + 1} of {rounds}: {output_storm} at once, with all evidence")
        kinds = (EVENTS_ALONE, ALL) if number % 2 else (ALL, EVENTS_ALONE)
        results.append(done | run_output(kinds, output_storm))
    found = spreads(results)
    output = {
        name: spread for name, spread in found.items() if name.startswith((EVENTS_ALONE, ALL))
    }
    others = {name: spread for name, spread in found.items() if name not in output}
    return [*figures(others, storm), *output_figures(output, output_storm)]


@contextlib.contextmanager
def _open_bed(*, logs: bool = False) -> Iterator[tuple[TestBed, HookOperator]]:
    """Start a control plane, whose Events the hook reads; and its logs, if it may."""

    def make(control_plane: ControlPlane) -> HookOperator:
        return HookOperator(control_plane, events_from=control_plane.server, logs=logs)

    with open_test_bed(make) as bed:
        yield bed, bed.operator


def run_output(order: Iterable[str], storm: int) -> dict[str, float]:
    """Crash many Pods at once, whose messages and logs are read too.

    Args:
        order: of `EVENTS_ALONE` and `ALL`.
        storm: how many.

    Returns:
        Figure to value.

    Raises:
        TimeoutError: a Pod is not annotated.
        dev.envtest.process.StartError: something does not start.
    """
    done: dict[str, float] = {}
    with _open_bed(logs=True) as (bed, operator):
        plane = bed.control_plane
        (port,) = free_ports(1)
        with LogServer(plane.admin, port, plane.certificate, plane.key) as logs:
            logs.write = lambda _, __: iter((_LOG,))
            operator.start()
            for kind in order:
                read_before = len(logs.requests)
                namespace = "output-all" if kind == ALL else "output-events"
                found = _storm(bed, operator, namespace, kind, storm)
                done |= {f"{kind}: {figure}": found[figure] for figure in _OF_OUTPUT}
                done[f"{kind}: {_LOGS}"] = (len(logs.requests) - read_before) / storm
                done[f"{kind}: {_REASONS}"] = _told_reasons(bed, namespace)
    return done


def _told_reasons(bed: TestBed, namespace: str) -> int:
    """Count the Pods that show the reason which their log gives."""
    reason = "diagnostics.local.io/reason"
    found = bed.control_plane.admin.list(PODS, namespace)
    return sum("db.shop:5432" in pod["metadata"]["annotations"].get(reason, "") for pod in found)


_LOGS = "logs read for a crash"
_REASONS = "Pods that show the reason in their log"
_OF_OUTPUT = ("all annotated", "half of them annotated", "answers other than 200")


def output_figures(found: dict[str, Spread], storm: int) -> list[Figure]:
    """Put the figures of the storms with all evidence together.

    Args:
        found: figure to its spread.
        storm: how many Pods crashed at once.

    Returns:
        The lines of the table, and the ratio of the two.
    """
    aims = {f"{ALL}: {_LOGS}": Aim.at_most(1), f"{ALL}: {_REASONS}": Aim.exactly(storm)}
    lines = [
        Figure(f"{storm:,} at once, {name}", spread, _unit(name), aims.get(name))
        for name, spread in found.items()
    ]
    ratio = found[f"{ALL}: all annotated"].over(found[f"{EVENTS_ALONE}: all annotated"])
    text = f"{storm:,} at once, all annotated: all evidence / Events alone"
    return [*lines, Figure(text, ratio, "", Aim.at_most(1.3))]


def run(order: Iterable[str], crashes: int, unexplained: int, storm: int) -> dict[str, float]:
    """Crash Pods one at a time, and then many at once.

    Args:
        order: of `WITH` and `WITHOUT`.
        crashes: how many single crashes with Events.
        unexplained: how many single crashes about which there is no Event.
        storm: how many Pods crash at once.

    Returns:
        Figure to value.

    Raises:
        TimeoutError: a Pod is not annotated.
        dev.envtest.process.StartError: something does not start.
    """
    done: dict[str, float] = {}
    with _open_bed() as (bed, operator):
        operator.start()
        done |= _singles(bed, list(order), crashes)
        done |= _unexplained(bed, unexplained)
        for kind in order:
            found = _storm(bed, operator, _namespace("storm", kind), kind, storm)
            left_out = () if kind == WITH else _OF_EVENTS
            done |= {
                f"{kind}: {figure}": value
                for figure, value in found.items()
                if figure not in left_out
            }
        found = _storm(bed, operator, "storm-written", WITH, storm, stopped=False)
    return done | {f"{WRITTEN}: {figure}": found[figure] for figure in _KEPT[WRITTEN]}


def run_busy(storm: int) -> dict[str, float]:
    """Crash many Pods at once while the API server answers 429 to whoever asks for Events.

    Args:
        storm: how many.

    Returns:
        Figure to value.

    Raises:
        TimeoutError: a Pod is not annotated.
        dev.envtest.process.StartError: something does not start.
    """
    made: list[tuple[HookOperator, Proxy]] = []

    def make(control_plane: ControlPlane) -> HookOperator:
        (port,) = free_ports(1)
        proxy = Proxy(control_plane.server, port, control_plane.certificate, control_plane.key)
        proxy.rule = _busy
        made.append((HookOperator(control_plane, events_from=proxy.url), proxy))
        return made[0][0]

    with open_test_bed(make) as bed:
        operator, proxy = made[0]
        with proxy:
            bed.operator.start()
            found = _storm(bed, operator, "storm-busy", WITH, storm)
            found["requests for Events refused"] = len(proxy.seen("GET", "/events"))
    return {f"{BUSY}: {figure}": found[figure] for figure in _KEPT[BUSY]}


def _busy(request: Request, onward: Forward) -> Answer | None:
    """Refuse requests for Events with 429; forward all others."""
    if "/events" not in request.path:
        return onward()
    return answering(429, "TooManyRequests", Retry_After=str(RETRY_AFTER))(request, onward)


def _namespace(what: str, kind: str) -> str:
    return f"{what}-with" if kind == WITH else f"{what}-without"


@dataclass(frozen=True, slots=True)
class _WatchedPods:
    """Pods that run, and are watched."""

    load: PodLoad
    follower: Follower
    pods: dict[str, Json]


@contextlib.contextmanager
def _watched_pods(bed: TestBed, namespace: str, kind: str, count: int) -> Iterator[_WatchedPods]:
    """Start Pods that a PodDiagnoser claims, with the Events of their start."""
    bed.prepare(namespace, evidence=_SPECS[kind])
    load = PodLoad(bed.api, namespace, count)
    load.create(status=posting.long_running)
    stored = {pod["metadata"]["name"]: pod for pod in bed.control_plane.admin.list(PODS, namespace)}
    started = pods.now() - posting.RAN
    _post(bed, [event for pod in stored.values() for event in posting.of_start(pod, started)])
    with Follower(bed.api, PODS.path(namespace), observations.of_diagnosed_pod) as follower:
        follower.quiet(2)
        yield _WatchedPods(load, follower, stored)


def _post(bed: TestBed, events: list[Json]) -> None:
    def post(event: Json) -> None:
        path = EVENTS.path(event["involvedObject"]["namespace"])
        bed.api.send("POST", path, json.dumps(event).encode())

    with ThreadPoolExecutor(_WRITERS) as threads:
        for _ in threads.map(post, events):
            pass


def _kill(bed: TestBed, stored: Iterable[Json]) -> None:
    """Post that containers are killed, as is done before they are."""
    at = pods.now() - timedelta(seconds=1)
    _post(bed, [event for pod in stored for event in posting.of_liveness_kill(pod, at)])


def _singles(bed: TestBed, order: list[str], crashes: int) -> dict[str, float]:
    """One crash at a time, of either kind in turn; the first of each is not counted."""
    delays: dict[str, list[float]] = {kind: [] for kind in order}
    audited_before = 0
    with contextlib.ExitStack() as running:
        watched = {
            kind: running.enter_context(
                _watched_pods(bed, _namespace("single", kind), kind, crashes + 1)
            )
            for kind in order
        }
        for number in range(crashes + 1):
            if number == 1:
                audited_before = len(bed.control_plane.audited())
            for kind, one in watched.items():
                name = one.load.names[number]
                _kill(bed, [one.pods[name]])
                time.sleep(_IDLE)
                written = one.load.crash([name], _KILLED)[name]
                observation = (CAUSE if kind == WITH else ANNOTATED, name)
                observed_at = one.follower.moments([observation], _TIMEOUT)[observation]
                if number:
                    delays[kind].append((observed_at - written) * 1000)
        watched[WITH].follower.quiet(_QUIET)
    done = {
        f"{kind}: one at a time, p{percent}": percentile(values, percent)
        for kind, values in delays.items()
        for percent in (50, 95)
    }
    done[f"{_OF_ONE}, answered by the first read"] = (
        _reads(bed, audited_before, _namespace("single", WITH)) / crashes
    )
    return done


def _unexplained(bed: TestBed, crashes: int) -> dict[str, float]:
    """One crash at a time, about which there is no Event: another process killed the container."""
    with _watched_pods(bed, "single-unexplained", WITH, crashes) as watched:
        audited_before = len(bed.control_plane.audited())
        for name in watched.load.names:
            time.sleep(_APART)
            watched.load.crash([name], _KILLED)
        watched.follower.moments([("Killed", name) for name in watched.load.names], _TIMEOUT)
        watched.follower.quiet(_QUIET)
    return {
        f"{_OF_ONE}, no Event found": _reads(bed, audited_before, "single-unexplained") / crashes
    }


def _storm(
    bed: TestBed,
    operator: HookOperator,
    namespace: str,
    kind: str,
    count: int,
    *,
    stopped: bool = True,
) -> dict[str, float]:
    """Crash all Pods while Metacontroller is stopped, so that it sees all crashes at once.

    With ``stopped=False`` it runs and annotates Pods while further crashes are still being written.
    """
    with _watched_pods(bed, namespace, kind, count) as watched:
        _kill(bed, watched.pods.values())
        audited_before, refused = len(bed.control_plane.audited()), operator.refused()
        slow = operator.slow_pod_syncs(_SLOW)
        before = operator.evidence()
        names = watched.load.names
        if stopped:
            with operator.metacontroller_stopped():
                watched.load.crash(names, _KILLED)
                used, begun = bed.cpu(), time.perf_counter()
        else:
            used, begun = bed.cpu(), min(watched.load.crash(names, _KILLED).values())
        observed_at = watched.follower.moments([(ANNOTATED, name) for name in names], _TIMEOUT)
        watched.follower.quiet(_QUIET)
        causes = [
            pod["metadata"]["annotations"].get("diagnostics.local.io/cause")
            for pod in bed.control_plane.admin.list(PODS, namespace)
        ]
        reads = _reads(bed, audited_before, namespace)
        return {
            "all annotated": max(observed_at.values()) - begun,
            "half of them annotated": percentile(list(observed_at.values()), 50) - begun,
            _DIAGNOSED: causes.count(CAUSE),
            "requests for Events": reads,
            "requests for Events for a crash": reads / count,
            "looks at Events without an answer": (operator.evidence() - before)["Unavailable"],
            "answers other than 200": operator.refused() - refused,
            f"answers for Pods after more than {_SLOW} s": operator.slow_pod_syncs(_SLOW) - slow,
            _MEMORY: operator.peak_memory()[PODS_HOOK] / _MIB,
            **{f"CPU: {part}": now - used[part] for part, now in bed.cpu().items()},
        }


def _reads(bed: TestBed, audited_before: int, namespace: str) -> int:
    """Count the reads of Events since the audit log had a number of entries."""
    calls = observations.calls(bed.control_plane.audited()[audited_before:], namespace)
    return sum(number for (_, resource), number in calls.items() if resource == "events")


_DIAGNOSED = f"Pods diagnosed as {CAUSE} in the end"
_MEMORY = "memory of the Pods' hook at most"
_OF_EVENTS = (
    _DIAGNOSED,
    "requests for Events for a crash",
    "looks at Events without an answer",
    _MEMORY,
)
"""Left out of the figures without Events; the same process may have read some before."""

_KEPT = {
    WRITTEN: (
        "all annotated",
        _DIAGNOSED,
        "requests for Events",
        "looks at Events without an answer",
        "answers other than 200",
    ),
    BUSY: ("all annotated", "requests for Events refused", "answers other than 200"),
}
"""The figures of the storms that are not compared."""

_OF_ONE = "requests for Events for a crash, one at a time"


def figures(found: dict[str, Spread], storm: int) -> list[Figure]:
    """Put the figures of both kinds together.

    Args:
        found: figure to its spread.
        storm: how many Pods crashed at once.

    Returns:
        The lines of the table: each figure of a storm with Events beside that without, and ratios
        where they are compared.
    """
    lines: list[Figure] = []
    for name, spread in found.items():
        figure = name.partition(": ")[2]
        several = figure and not figure.startswith("one at a time")
        text = f"{storm:,} at once, {name}" if several else name
        lines.append(Figure(text, spread, _unit(name), _aim(name, storm)))
    for figure, most in _COMPARED:
        over = found[f"{WITHOUT}: {figure}"]
        ratio = found[f"{WITH}: {figure}"].over(over)
        aim = None if most is None else Aim.at_most(most)
        text = f"{storm:,} at once, {figure}" if figure == "all annotated" else figure
        lines.append(Figure(f"{text}: with Events / without", ratio, "", aim))
    # How much the crashes cost whose Events cannot be read.
    ratio = found[f"{BUSY}: all annotated"].over(found[f"{WITHOUT}: all annotated"])
    text = f"{storm:,} at once, all annotated: 429 for Events / without"
    return [*lines, Figure(text, ratio, "", Aim.at_most(2))]


_COMPARED: tuple[tuple[str, float | None], ...] = (
    ("one at a time, p50", None),
    ("one at a time, p95", None),
    ("all annotated", 2),
)


def _aim(name: str, storm: int) -> Aim | None:
    aim = _AIMS.get(name)
    return aim and aim(storm)


_AIMS: dict[str, Callable[[int], Aim]] = {
    f"{WITH}: {_DIAGNOSED}": Aim.exactly,
    f"{WRITTEN}: {_DIAGNOSED}": Aim.exactly,
    f"{WRITTEN}: answers other than 200": lambda _: Aim.exactly(0),
    f"{WITH}: answers other than 200": lambda _: Aim.exactly(0),
    f"{WITHOUT}: answers other than 200": lambda _: Aim.exactly(0),
    f"{BUSY}: answers other than 200": lambda _: Aim.exactly(0),
    # The manifests allow it 256.
    f"{WITH}: {_MEMORY}": lambda _: Aim.at_most(200),
    f"{WITHOUT}: requests for Events": lambda _: Aim.exactly(0),
    f"{WITH}: requests for Events for a crash": lambda _: Aim.at_most(1),
    # One for all, beside those already under way or made before the refusal is known.
    f"{BUSY}: requests for Events refused": lambda _: Aim.at_most(8),
    f"{_OF_ONE}, answered by the first read": lambda _: Aim.exactly(1),
    f"{_OF_ONE}, no Event found": lambda _: Aim.at_most(2),
}


def _unit(name: str) -> str:
    if name.endswith(("p50", "p95")):
        return "ms"
    if "memory" in name:
        return "MiB"
    return "s" if name.endswith("annotated") or ": CPU" in name else ""


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
