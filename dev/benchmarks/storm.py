"""The whole operator in a cluster, beside one in kopf that does the same job.

Each round is a fresh control plane for each of the two: Pods of real size, single crashes in a
small and in a large namespace, a storm, single crashes after it, and a storm while the operator is
down.
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING

from dev.benchmarks import pod_load as crowd
from dev.benchmarks import workload
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.operators import OPERATORS, Ours
from dev.benchmarks.pod_load import Crowd, Watch
from dev.benchmarks.spread import Spread, percentile
from dev.benchmarks.test_bed import opened
from dev.envtest import pods
from dev.envtest.client import PODS

if TYPE_CHECKING:
    from dev.benchmarks.test_bed import Site

SMALL, LARGE = 50, 1000
SINGLES = 50
STORM_SECONDS = 3.5
OLD = 5000
LABEL = "diagnostics.local.io/diagnoser"
_QUIET = 5.0  # longer than two gathered writes of a status and a held answer
_TIMEOUT = 120.0


@dataclass(slots=True)
class Round:
    """What one operator did in one round.

    Attributes:
        figures: Figure to value.
    """

    figures: dict[str, float] = field(default_factory=dict)


def run(name: str) -> Round:
    """Runs one round of one operator.

    Args:
        name: One of `OPERATORS`.

    Returns:
        What was measured.

    Raises:
        TimeoutError: Pods are not annotated.
        dev.envtest.processes.StartError: Something does not start.
    """
    done = Round()
    with opened(OPERATORS[name]) as site, contextlib.ExitStack() as watches:
        crowds, watch = {}, {}
        site.operator.start()
        for namespace, count in (("small", SMALL), ("large", LARGE)):
            site.prepare(namespace)
            crowds[namespace] = Crowd(site.api, namespace, count)
            crowds[namespace].create()
            watch[namespace] = watches.enter_context(Watch(site.api, namespace))
        for one in watch.values():
            one.quiet(_QUIET)
        _singles(site, crowds, watch, done)
        _storm(site, crowds["large"], watch["large"], done)
        late = _crash_one_by_one(crowds["large"], watch["large"], 3)
        done.figures["single, after the storm, p50"] = percentile(late, 50)
        done.figures["single, after the storm, p95"] = percentile(late, 95)
        watch["large"].quiet(_QUIET)
        _down(site, crowds["large"], watch["large"], done)
    return done


def _singles(site: Site, crowds: dict[str, Crowd], watch: dict[str, Watch], done: Round) -> None:
    """Single crashes in both namespaces, in turn, so that what else happens hits both alike."""
    before, begun = site.cpu(), time.perf_counter()
    delays: dict[str, list[float]] = {namespace: [] for namespace in crowds}
    for number in range(SINGLES):
        for namespace, crowd_ in crowds.items():
            pods_ = [crowd_.names[number]]
            delays[namespace] += _delays(crowd_, watch[namespace], pods_, 1)
            time.sleep(0.05)
    for one in watch.values():
        one.quiet(_QUIET)
    for part, used in site.cpu().items():
        done.figures[f"CPU of single crashes: {part}"] = used - before[part]
    done.figures["seconds of single crashes"] = time.perf_counter() - begun
    for namespace, values in delays.items():
        done.figures[f"single, {namespace}, p50"] = percentile(values, 50)
        done.figures[f"single, {namespace}, p95"] = percentile(values, 95)


def _crash_one_by_one(crowd_: Crowd, watch: Watch, code: int) -> list[float]:
    delays: list[float] = []
    for name in crowd_.names[:SINGLES]:
        delays += _delays(crowd_, watch, [name], code)
        time.sleep(0.1)
    return delays


def _delays(crowd_: Crowd, watch: Watch, names: list[str], code: int) -> list[float]:
    """From the acknowledged status write to the annotation, in milliseconds."""
    written = crowd_.crash(names, code)
    seen = watch.wait(names, code, _TIMEOUT)
    return [(seen[name] - written[name]) * 1000 for name in names]


def _storm(site: Site, crowd_: Crowd, watch: Watch, done: Round) -> None:
    """All Pods crash within some seconds."""
    before, syncs = site.cpu(), site.operator.pod_syncs()
    written = crowd_.crash(crowd_.names, 2, STORM_SECONDS)
    seen = watch.wait(crowd_.names, 2, _TIMEOUT)
    first = min(written.values())
    done.figures["storm: last crash"] = max(written.values()) - first
    done.figures["storm: all annotated"] = max(seen.values()) - first
    delays = [(seen[name] - written[name]) * 1000 for name in crowd_.names]
    done.figures["storm: from a Pod's crash to its annotation, p50"] = percentile(delays, 50)
    done.figures["storm: from a Pod's crash to its annotation, p95"] = percentile(delays, 95)
    done.figures["diagnosedPods"] = _counted(site, crowd_.namespace, LARGE)
    after = site.operator.pod_syncs()
    if syncs is not None and after is not None:
        done.figures["Pod syncs for a status write"] = (after - syncs) / len(crowd_.names)
    for part, used in site.cpu().items():
        done.figures[f"CPU of the storm: {part}"] = used - before[part]


def _down(site: Site, crowd_: Crowd, watch: Watch, done: Round) -> None:
    """All Pods crash while the operator is down; then it starts."""
    site.operator.stop()
    crowd_.crash(crowd_.names, 4)
    watch.quiet(1.0)
    begun = time.perf_counter()
    site.operator.start()
    seen = watch.wait(crowd_.names, 4, _TIMEOUT)
    done.figures["down: all annotated after the start"] = max(seen.values()) - begun
    done.figures["diagnosedPods after being down"] = _counted(site, crowd_.namespace, LARGE)
    for part, used in site.operator.cpu_seconds().items():
        done.figures[f"CPU after being down: {part}"] = used


def _counted(site: Site, namespace: str, expected: int) -> int:
    """What the PodDiagnoser says, once it says nothing new; with patience while it is too few.

    A busy machine may need seconds for each of the syncs that count.
    """
    before, since = -1, time.monotonic()
    while time.monotonic() - since < (_QUIET if before >= expected else 4 * _QUIET):
        now = int(site.status(namespace).get("diagnosedPods", 0))
        if now != before:
            before, since = now, time.monotonic()
        time.sleep(0.2)
    return before


def install_onto_old_crashes(count: int = OLD) -> list[Figure]:
    """Starts the operator where many Pods restarted long ago.

    Args:
        count: How many Pods.

    Returns:
        How many are annotated, how many carry the label, and how long it takes.

    Raises:
        TimeoutError: They are not annotated.
    """
    long_ago = pods.now() - timedelta(days=3)
    with opened(Ours) as site:
        site.prepare("old")
        old = Crowd(site.api, "old", count)
        old.create(
            lambda name: pods.manifest(name, workload.LABELS),
            lambda pod: crowd.crashed({**pod, "status": pods.started(pod)}, 1, long_ago),
        )
        with Watch(site.api, "old") as watch:
            begun = time.perf_counter()
            site.operator.start()
            seen = watch.wait(old.names, 1, _TIMEOUT)
            watch.quiet(_QUIET)
        labelled = site.control_plane.admin.list(PODS, "old", LABEL)
        return [
            Figure(f"{count:,} old crashes: Pods annotated", Spread((float(len(seen)),)), "Pods"),
            Figure(
                f"{count:,} old crashes: Pods labelled",
                Spread((float(len(labelled)),)),
                "Pods",
                Aim.exactly(0),
            ),
            Figure(
                f"{count:,} old crashes: all annotated after the start",
                Spread((max(seen.values()) - begun,)),
                "s",
            ),
        ]


def measure(rounds: int = 3) -> list[Figure]:
    """Runs both operators in turn.

    Args:
        rounds: How many rounds.

    Returns:
        The figures of both, and their ratios.

    Raises:
        dev.envtest.build.MissingError: There is no control plane here.
        TimeoutError: Pods are not annotated.
    """
    results: dict[str, list[Round]] = {name: [] for name in OPERATORS}
    for number in range(rounds):
        for name in OPERATORS if number % 2 == 0 else reversed(OPERATORS):
            # Minutes pass: whoever waits has to know that it goes on.
            sys.stderr.write(f"round {number + 1} of {rounds}: {name}\n")
            results[name].append(run(name))
    return figures(
        {
            name: {
                figure: Spread(tuple(one.figures[figure] for one in found))
                for figure in found[0].figures
            }
            for name, found in results.items()
        }
    )


def figures(results: dict[str, dict[str, Spread]]) -> list[Figure]:
    """Puts the figures of both operators together.

    Args:
        results: Operator to figure to its spread.

    Returns:
        The lines of the table.
    """
    ours, kopf = results["ours"], results["kopf"]
    lines: list[Figure] = []
    for figure in ours:
        unit = _unit(figure)
        lines.append(Figure(f"ours: {figure}", ours[figure], unit, _AIMS.get(figure)))
        if figure in kopf:
            lines.append(Figure(f"kopf: {figure}", kopf[figure], unit))
    lines += [
        Figure(f"kopf: {figure}", spread, _unit(figure))
        for figure, spread in kopf.items()
        if figure not in ours
    ]
    for figure, most in (
        ("storm: all annotated", 1.1),
        ("down: all annotated after the start", 1.0),
    ):
        ratio = ours[figure].over(kopf[figure])
        lines.append(Figure(f"{figure}: ours / kopf", ratio, "", Aim.at_most(most)))
    for phase in ("of the storm", "after being down", "of single crashes"):
        ratio = ours[f"CPU {phase}: hook"].over(kopf[f"CPU {phase}: kopf"])
        aim = Aim.at_most(0.8) if phase == "of the storm" else None
        lines.append(Figure(f"CPU {phase}: hook / kopf", ratio, "", aim))
    for name, found in results.items():
        aim = Aim.at_most(1.3) if name == "ours" else None
        small = found["single, small, p95"]
        for other in ("single, large, p95", "single, after the storm, p95"):
            lines.append(Figure(f"{name}: {other} / small", found[other].over(small), "", aim))
    return lines


_AIMS = {
    "diagnosedPods": Aim.exactly(LARGE),
    "diagnosedPods after being down": Aim.exactly(LARGE),
    # A hair of room: a resync of Metacontroller's own may fall into the storm.
    "Pod syncs for a status write": Aim.at_most(2.05),
}


def _unit(figure: str) -> str:
    if figure.endswith(("p50", "p95")):
        return "ms"
    return "" if figure.startswith(("diagnosedPods", "Pod syncs")) else "s"
