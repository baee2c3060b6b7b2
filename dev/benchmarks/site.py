"""Pods with a PodDiagnoser, or a ClusterPodDiagnoser, watched: what happens there, and when."""

import re
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from dev.benchmarks.following import Follower
from dev.benchmarks.pod_load import PodLoad, Watch
from dev.benchmarks.test_bed import TestBed
from dev.envtest.client import CLUSTERPODDIAGNOSERS, PODDIAGNOSERS

QUIET = 2.5
"""Seconds without a change of Pods or PodDiagnosers; longer than writes of a status are gathered
for."""

_LOOK = 0.5
"""Seconds for which it is watched whether the operator has something to do."""

_IDLE = 0.1
"""Of a processor: what an operator may use that has nothing to do."""

TIMEOUT = 180.0
_COUNT = re.compile(rb'"diagnosedPods":(\d+)')


@dataclass(frozen=True, slots=True)
class Site:
    """Pods of one namespace with a PodDiagnoser, or of several with a ClusterPodDiagnoser.

    Attributes:
        bed: where.
        load: the Pods.
        watch: the watch of the Pods.
        counts: the watch of the PodDiagnoser: how many Pods its status counts.
        namespace: where the PodDiagnoser is; None for a ClusterPodDiagnoser.
    """

    bed: TestBed
    load: PodLoad
    watch: Watch
    counts: Follower
    namespace: str | None

    def quiet(self, seconds: float = QUIET) -> None:
        """Wait until nothing has changed for a while, and the operator has nothing to do.

        Args:
            seconds: for how long.
        """
        while True:
            self.watch.quiet(seconds)
            self.counts.quiet(seconds)
            before = self._used()
            time.sleep(_LOOK)
            latest = max(self.watch.last_event, self.counts.last_event)
            idle = self._used() - before <= _IDLE * _LOOK
            if idle and time.perf_counter() - latest >= seconds:
                return

    def _used(self) -> float:
        return sum(self.bed.operator.cpu_seconds().values())

    def counted(self) -> int:
        """Return how many Pods the PodDiagnoser's status counts."""
        return int(self.bed.status(self.namespace).get("diagnosedPods", 0))

    def all_annotated(self, names: list[str], code: int) -> float:
        """Wait until Pods are annotated with a crash.

        Args:
            names: which.
            code: the crash's exit code.

        Returns:
            When the last one was, by `time.perf_counter`.

        Raises:
            TimeoutError: not all are.
        """
        return max(self.watch.wait(names, code, TIMEOUT).values())

    def status_right(self, expected: int) -> float:
        """Wait until the status counts so many Pods.

        Args:
            expected: how many, never seen before.

        Returns:
            When it did, by `time.perf_counter`.

        Raises:
            TimeoutError: it does not.
        """
        return self.counts.moments([expected], TIMEOUT)[expected]


def open_site(
    bed: TestBed, namespace: str, count: int, watches: ExitStack, *, filled: bool = True
) -> Site:
    """Make the namespace, its PodDiagnoser and running Pods, and watch them.

    Args:
        bed: where.
        namespace: its name.
        count: how many Pods.
        watches: ends the watches.
        filled: whether the Pods are made, too; otherwise that is left to the caller.
    """
    bed.prepare(namespace)
    load = PodLoad(bed.api, namespace, count)
    if filled:
        load.create()
    watch = watches.enter_context(Watch(bed.api, namespace))
    counts = watches.enter_context(Follower(bed.api, PODDIAGNOSERS.path(namespace), count_of))
    return Site(bed, load, watch, counts, namespace)


def open_cluster_site(
    bed: TestBed, namespaces: Sequence[str], count: int, watches: ExitStack
) -> Site:
    """Make namespaces, a ClusterPodDiagnoser of them, and running Pods, and watch these.

    Args:
        bed: where.
        namespaces: their names.
        count: how many Pods, spread evenly.
        watches: ends the watches.
    """
    bed.make_namespaces(namespaces, selected=True)
    bed.prepare_cluster()
    load = PodLoad(bed.api, namespaces[0], count, namespaces[1:])
    load.create()
    watch = watches.enter_context(Watch(bed.api, None))
    counts = watches.enter_context(Follower(bed.api, CLUSTERPODDIAGNOSERS.path(), count_of))
    return Site(bed, load, watch, counts, None)


def count_of(line: bytes) -> Iterator[int]:
    """Look at a PodDiagnoser.

    Args:
        line: a line of a watch of PodDiagnosers.

    Yields:
        How many Pods its status counts.
    """
    found = _COUNT.search(line)
    if found:
        yield int(found[1])
