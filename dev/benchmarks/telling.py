"""Measure the time from a crash to its Event, by what the Events of its Pod can say of it.

The Event of LogEvent waits for what these may still change of the cause. Every crash is the second
of its Pod, which carries the label already: the sync of the PodDiagnoser and that of the Pod, which
reads the Events, begin together. Single crashes, one after the other in their namespace; the
namespaces side by side, since almost all of the time is spent waiting.
"""

import json
import time
from collections import defaultdict
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from dev.benchmarks import posting
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.following import Follower
from dev.benchmarks.operators import HookOperator
from dev.benchmarks.pod_load import PodLoad
from dev.benchmarks.remediation import spreads
from dev.benchmarks.spread import percentile
from dev.benchmarks.test_bed import TestBed, open_test_bed
from dev.envtest import pods
from dev.envtest.client import EVENTS, PODS, Json
from dev.envtest.control_plane import ControlPlane

CRASHES = 12

NAMED, LOOKED_UP_AGAIN, WITHOUT = (
    "its Events name the cause",
    "its Events say nothing and are looked up again",
    "without its Events",
)
NAMESPACES = {NAMED: 1, LOOKED_UP_AGAIN: 3, WITHOUT: 1}
"""How many each kind has: what waits for longer shares its crashes out among more."""

_KILLED = 137
_APART = 1.6
"""Seconds between crashes, which is no burst; a run is longer than a second, too."""

_QUIET = 8.0
"""Seconds: longer than it takes until Events are read for the second time."""

_TIMEOUT = 60.0
_SECOND = timedelta(seconds=1)


def measure(rounds: int = 1, crashes: int = CRASHES) -> list[Figure]:
    """Crash Pods of each kind one after the other.

    Args:
        rounds: how many rounds.
        crashes: how many crashes of each kind in a round.

    Returns:
        From the crash to its Event, for each kind.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: an Event does not come.
    """
    found = spreads([run(crashes) for _ in range(rounds)])
    return [Figure(name, spread, "ms", _AIMS.get(name)) for name, spread in found.items()]


def run(crashes: int) -> dict[str, float]:
    """Crash Pods of each kind on a cluster of its own.

    Args:
        crashes: how many of each kind.

    Returns:
        Figure to milliseconds.
    """

    def make(control_plane: ControlPlane) -> HookOperator:
        return HookOperator(control_plane, events_from=control_plane.server)

    with open_test_bed(make) as bed, ThreadPoolExecutor() as threads:
        bed.operator.start()
        found = {
            kind: [
                threads.submit(
                    _delays, bed, f"telling-{place}-{number}", kind, -(-crashes // count)
                )
                for number in range(count)
            ]
            for place, (kind, count) in enumerate(NAMESPACES.items())
        }
        delays = {
            kind: [one for each in all_ for one in each.result()] for kind, all_ in found.items()
        }
    return {
        f"from the crash to its Event, {kind}, p{percent}": percentile(values, percent)
        for kind, values in delays.items()
        for percent in (50, 95)
    }


def _delays(bed: TestBed, namespace: str, kind: str, crashes: int) -> list[float]:
    """Return the milliseconds from each crash to its Event; the first crash is not counted."""
    bed.prepare(namespace, remediationAction="LogEvent", evidence={"events": kind != WITHOUT})
    load = PodLoad(bed.api, namespace, crashes + 1)
    load.create(status=posting.long_running)
    stored = {pod["metadata"]["name"]: pod for pod in bed.control_plane.admin.list(PODS, namespace)}
    delays = []
    with Follower(bed.api, EVENTS.path(namespace), nth_event_of_a_pod()) as follower:
        load.crash(load.names, _KILLED)
        follower.moments([(name, 1) for name in load.names], _TIMEOUT)
        for number, name in enumerate(load.names):
            follower.quiet(_QUIET if number == 0 else _APART)
            if kind == NAMED:
                _post(bed, posting.of_liveness_kill(stored[name], pods.now() - _SECOND))
            time.sleep(_APART)
            written = load.crash([name], _KILLED)[name]
            moment = follower.moments([(name, 2)], _TIMEOUT)[name, 2]
            if number:
                delays.append((moment - written) * 1000)
    return delays


def nth_event_of_a_pod() -> Callable[[bytes], Iterator[tuple[str, int]]]:
    """Return what recognises in a watch the first Event about a crash of a Pod, the second, ..."""
    names: dict[str, set[str]] = defaultdict(set)

    def recognise(line: bytes) -> Iterator[tuple[str, int]]:
        event = json.loads(line)["object"]
        if event.get("reason") == "PodRestarted":
            pod = event["involvedObject"]["name"]
            names[pod].add(event["metadata"]["name"])
            yield pod, len(names[pod])

    return recognise


def _post(bed: TestBed, events: list[Json]) -> None:
    for event in events:
        path = EVENTS.path(event["involvedObject"]["namespace"])
        bed.api.send("POST", path, json.dumps(event).encode())


_AIMS = {
    f"from the crash to its Event, {NAMED}, p50": Aim.at_most(250),
    f"from the crash to its Event, {LOOKED_UP_AGAIN}, p95": Aim.at_most(7500),
    f"from the crash to its Event, {WITHOUT}, p50": Aim.at_most(150),
}
