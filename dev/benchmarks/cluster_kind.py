"""A ClusterPodDiagnoser of two thousand namespaces: what a change of it costs, and a crash there.

Each namespace has a healthy Pod, which Metacontroller syncs when its DiagnosisTarget changes.
A change is settled when each namespace's DiagnosisTarget shows it and the status says so. Crashes
come in batches, in turn with such as a PodDiagnoser diagnoses in the same cluster. Each batch has
the time of one resync of everything, whose cost is that of nothing happening. In the end the hook
is away, and its return recalls the Pods of each namespace.
"""

import json
import sys
import time
from collections.abc import Callable, Hashable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field

from dev.benchmarks import workload
from dev.benchmarks.comparison import ALL, HOOKS
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.following import Follower
from dev.benchmarks.operators import METACONTROLLER, HookOperator
from dev.benchmarks.pod_load import PodLoad, Watch
from dev.benchmarks.site import TIMEOUT, Site, open_site
from dev.benchmarks.spread import Spread
from dev.benchmarks.test_bed import API_SERVER, DIAGNOSER, TestBed, open_test_bed
from dev.envtest import pods
from dev.envtest.client import CLUSTERPODDIAGNOSERS, DIAGNOSISTARGETS
from pod_diagnoser.pods.recall import RECALLED

NAMESPACES = 2000
CRASHES = 140
"""As many as there is time for in a batch: what happens beside them counts the less for each."""

BATCHES = 3
APART = 0.4
"""Seconds between two crashes: each is told by itself."""

PERIOD = 60.0
"""Seconds for a batch, and for which nothing happens: the longest resync, that of a
ClusterPodDiagnoser with all that it publishes, comes once in each."""

_AWAY = 5.0
"""Seconds for which the hook is away."""

_MARK = "benchmarks.example/version"
"""A label of Pods to ignore, whose value changes with each change of the spec."""

_PARTS = (*ALL, API_SERVER)
_SETTLED, _MEMORY, _CRASH = Aim.at_most(60), Aim.at_most(300), Aim.at_most(1.1)


@dataclass(slots=True)
class _Stage:
    """Where it happens, and what was seen.

    Attributes:
        bed: the control plane and the operator.
        names: the namespaces.
        targets: follows DiagnosisTargets.
        status: follows the ClusterPodDiagnoser.
        lines: the figures so far.
    """

    bed: TestBed
    names: Sequence[str]
    targets: Follower
    status: Follower
    lines: list[Figure] = field(default_factory=list)

    def note(self, name: str, value: float, unit: str, aim: Aim | None = None) -> None:
        self.lines.append(Figure(name, Spread((value,)), unit, aim))

    def settle(self, what: str, version: str, change: Callable[[], int]) -> None:
        """Change the ClusterPodDiagnoser, and note how long it takes and what it costs.

        Args:
            what: it is called.
            version: of the mark, which its DiagnosisTargets show then.
            change: does it; returns the generation of the ClusterPodDiagnoser.
        """
        _say(what)
        before, begun = self.bed.cpu(), time.perf_counter()
        generation = change()
        published = self.targets.moments({(name, version) for name in self.names}, TIMEOUT)
        told = self.status.moments([(generation, len(self.names))], TIMEOUT)
        self.quiet()
        self.note(f"{what}: all DiagnosisTargets", max(published.values()) - begun, "s", _SETTLED)
        self.note(f"{what}: the status is right", max(told.values()) - begun, "s", _SETTLED)
        self.used(what, before)

    def used(self, what: str, before: dict[str, float]) -> None:
        """Note the CPU that each part has used since."""
        after = self.bed.cpu()
        for part in _PARTS:
            self.note(f"{what}: CPU of {part}", after[part] - before[part], "s")

    def quiet(self) -> None:
        """Wait until nothing changes, and the operator has nothing to do but its resyncs."""
        operator = self.bed.operator
        while True:
            self.targets.quiet(2.5)
            self.status.quiet(2.5)
            before = sum(operator.cpu_seconds().values())
            time.sleep(1.0)
            if sum(operator.cpu_seconds().values()) - before <= 0.2:
                return


def measure(
    namespaces: int = NAMESPACES, crashes: int = CRASHES, period: float = PERIOD
) -> list[Figure]:
    """Measure.

    Args:
        namespaces: how many the ClusterPodDiagnoser selects.
        crashes: how many are measured together.
        period: seconds for a batch; whole resyncs, or what is idle cannot be taken from it.

    Returns:
        The figures.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: something does not settle.
    """
    names = [f"team-{number:04}" for number in range(namespaces)]
    with open_test_bed(HookOperator) as bed, ExitStack() as watches:
        _say(f"making {namespaces:,} namespaces and Pods")
        bed.make_namespaces(names, selected=True)
        bed.operator.start()
        targets = Follower(bed.api, DIAGNOSISTARGETS.path(), version_of)
        status = Follower(bed.api, CLUSTERPODDIAGNOSERS.path(), selected_of)
        stage = _Stage(bed, names, watches.enter_context(targets), watches.enter_context(status))
        own = open_site(bed, "own", BATCHES * crashes, watches)
        others = PodLoad(bed.api, names[0], BATCHES * crashes, names[1:])
        others.create()
        PodLoad(bed.api, names[0], namespaces, names[1:]).create(
            lambda one: pods.manifest(f"healthy-{one}", workload.LABELS), status=None
        )
        everywhere = watches.enter_context(Watch(bed.api, None))
        stage.quiet()
        stage.settle("a new one", "0", lambda: _create(bed))
        stage.settle("a change of its spec", "1", lambda: _change(bed, "1"))
        _join(stage, f"team-{namespaces:04}")
        idle = _idle(stage, period)
        _crashes(stage, own, others, everywhere, crashes, (period, idle))
        memory = {part: peak / 1e6 for part, peak in bed.operator.peak_memory().items()}
        _outage(stage, bed.operator, [*names, f"team-{namespaces:04}"])
    stage.note("memory of both hooks at most", sum(memory[one] for one in HOOKS), "MB", _MEMORY)
    stage.note("memory of Metacontroller at most", memory[METACONTROLLER], "MB")
    return stage.lines


def _create(bed: TestBed) -> int:
    bed.prepare_cluster(ignore={"podLabels": {_MARK: "0"}})
    return 1


def _change(bed: TestBed, version: str) -> int:
    body = {"spec": {"ignore": {"podLabels": {_MARK: version}}}}
    changed = bed.control_plane.admin.patch(CLUSTERPODDIAGNOSERS, DIAGNOSER, body)
    return int(changed["metadata"]["generation"])


def _join(stage: _Stage, name: str) -> None:
    """Make one more namespace that is selected."""
    what = "one more namespace"
    _say(what)
    before, begun = stage.bed.cpu(), time.perf_counter()
    stage.bed.make_namespaces([name], selected=True)
    published = stage.targets.moments([(name, "1")], TIMEOUT)
    stage.quiet()
    stage.note(f"{what}: its DiagnosisTarget", max(published.values()) - begun, "s")
    stage.used(what, before)


def _crashes(
    stage: _Stage,
    own: Site,
    others: PodLoad,
    everywhere: Watch,
    count: int,
    base: tuple[float, dict[str, float]],
) -> None:
    """Crash Pods of a PodDiagnoser and of the ClusterPodDiagnoser in turn.

    Args:
        stage: where.
        own: the PodDiagnoser's.
        others: the ClusterPodDiagnoser's Pods.
        everywhere: the watch of all Pods.
        count: how many are measured together.
        base: for how many seconds, and the CPU of each part in which nothing happens.
    """
    _say("crashes")
    period, idle = base
    kinds = {
        "a PodDiagnoser": (own.load, own.watch),
        "the ClusterPodDiagnoser": (others, everywhere),
    }
    costs: dict[str, dict[str, list[float]]] = {kind: {} for kind in kinds}
    for number in range(BATCHES):
        for kind, (load, watch) in kinds.items():
            before, begun = stage.bed.cpu(), time.monotonic()
            names = load.names[number * count : (number + 1) * count]
            load.crash(names, 1, count * APART)
            watch.wait(names, 1, TIMEOUT)
            time.sleep(max(0.0, begun + period - time.monotonic()))
            for part, value in stage.bed.cpu().items():
                used = value - before[part] - idle[part]
                costs[kind].setdefault(part, []).append(used / count * 1000)
    stage.lines += crash_figures(costs)


def crash_figures(costs: dict[str, dict[str, list[float]]]) -> list[Figure]:
    """Hold what a crash costs under the ClusterPodDiagnoser against one under a PodDiagnoser.

    Args:
        costs: the kind to part to milliseconds of CPU for a crash, batch by batch; first that of a
            PodDiagnoser.
    """
    lines: list[Figure] = []
    for what, parts, aim in (
        *((part, (part,), None) for part in _PARTS),
        ("the hooks and Metacontroller", ALL, _CRASH),
    ):
        spreads = {kind: _sum(found, parts) for kind, found in costs.items()}
        lines += [
            Figure(f"a crash under {kind}: CPU of {what}", spread, "ms")
            for kind, spread in spreads.items()
        ]
        base, cluster = spreads.values()
        if aim is not None:
            lines.append(Figure(f"the latter over the former: {what}", cluster.over(base), "", aim))
    return lines


def _sum(found: dict[str, list[float]], parts: Sequence[str]) -> Spread:
    return Spread(tuple(map(sum, zip(*(found[part] for part in parts), strict=True))))


def _idle(stage: _Stage, period: float) -> dict[str, float]:
    """Measure what it costs when nothing happens; return it for one period, by part."""
    _say("nothing")
    before = stage.bed.cpu()
    time.sleep(period)
    after = stage.bed.cpu()
    used = {part: after[part] - before[part] for part in _PARTS}
    for part, seconds in used.items():
        stage.note(f"when nothing happens: {part}", seconds / period * 100, "% of a processor")
    return used


def _outage(stage: _Stage, operator: HookOperator, names: Sequence[str]) -> None:
    """Take both processes of the hook away, and measure until all Pods have been recalled."""
    what = "an outage of the hook"
    _say(what)
    operator.stop_servers()
    time.sleep(_AWAY)
    operator.start_servers()
    begun = time.perf_counter()
    recalled = stage.targets.moments([(name, RECALLED) for name in names], TIMEOUT)
    stage.quiet()
    took = max(recalled.values()) - begun
    stage.note(f"{what}: all DiagnosisTargets recalled, from its return", took, "s", _SETTLED)


def version_of(line: bytes) -> Iterator[Hashable]:
    """Look at a DiagnosisTarget.

    Args:
        line: a line of a watch of DiagnosisTargets.

    Yields:
        Its namespace with the version that the benchmark has written into its spec, and with the
        annotation that recalls its Pods.
    """
    shown = json.loads(line)["object"]
    version = shown.get("spec", {}).get("ignore", {}).get("podLabels", {}).get(_MARK)
    namespace = shown["metadata"].get("namespace")
    if version is not None:
        yield namespace, version
    if RECALLED in shown["metadata"].get("annotations", {}):
        yield namespace, RECALLED


def selected_of(line: bytes) -> Iterator[Hashable]:
    """Look at a ClusterPodDiagnoser.

    Args:
        line: a line of a watch of ClusterPodDiagnosers.

    Yields:
        Of which generation its status is, and how many namespaces it counts.
    """
    status = json.loads(line)["object"].get("status", {})
    if "selectedNamespaces" in status:
        yield status["observedGeneration"], status["selectedNamespaces"]


def _say(text: str) -> None:
    sys.stderr.write(f"{text}\n")
