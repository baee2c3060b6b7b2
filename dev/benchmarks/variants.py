"""The same storm of ours in other ways, in turn, each on a control plane of its own.

Over TLS, as it is installed, and without; and spread over a hundred namespaces under one
ClusterPodDiagnoser.
"""

import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass

from dev.benchmarks.comparison import ALL, HOOKS
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.operators import HookOperator
from dev.benchmarks.site import open_cluster_site, open_site
from dev.benchmarks.spread import Spread
from dev.benchmarks.storm import Round, Size, storm
from dev.benchmarks.test_bed import API_SERVER, open_test_bed
from dev.envtest.control_plane import ControlPlane

NAMESPACES = 100


@dataclass(frozen=True, slots=True)
class Variant:
    """A way to have the storm.

    Attributes:
        name: what the table calls it.
        tls: whether Metacontroller and the hook speak TLS.
        namespaces: over how many namespaces a ClusterPodDiagnoser has the Pods spread; 0 means one
            namespace with a PodDiagnoser.
    """

    name: str
    tls: bool = True
    namespaces: int = 0


BASE = Variant("a PodDiagnoser, TLS")
PLAIN = Variant("a PodDiagnoser, plain HTTP", tls=False)
CLUSTER = Variant(f"a ClusterPodDiagnoser of {NAMESPACES} namespaces, TLS", namespaces=NAMESPACES)
VARIANTS = (BASE, PLAIN, CLUSTER)

_TIMES = ("all annotated", "status right", "last crash")
_MOST = 1.1
"""How much longer the storm may take under a ClusterPodDiagnoser."""

Found = Mapping[str, Mapping[str, Spread]]
"""Variant to figure to its spread."""


def measure(rounds: int, size: Size) -> list[Figure]:
    """Run the storms in turn; who begins changes with each round.

    Args:
        rounds: how many.
        size: how large they are.

    Returns:
        Times and CPU of each variant, and their ratios round by round.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: Pods are not annotated.
    """
    results: dict[str, list[dict[str, float]]] = {one.name: [] for one in VARIANTS}
    for number in range(rounds):
        first = number % len(VARIANTS)
        for variant in (*VARIANTS[first:], *VARIANTS[:first]):
            # Minutes pass: show that it goes on.
            sys.stderr.write(f"round {number + 1} of {rounds}: {variant.name}\n")
            results[variant.name].append(run(variant, size))
    return figures(
        {
            name: {figure: Spread(tuple(one[figure] for one in found)) for figure in found[0]}
            for name, found in results.items()
        },
        size,
    )


def run(variant: Variant, size: Size) -> dict[str, float]:
    """Run one storm.

    Args:
        variant: in which way.
        size: how large it is.

    Returns:
        Figure to value.

    Raises:
        TimeoutError: Pods are not annotated.
        dev.envtest.process.StartError: something does not start.
    """

    def make(control_plane: ControlPlane) -> HookOperator:
        return HookOperator(control_plane, tls=variant.tls)

    done = Round(size)
    with open_test_bed(make) as bed, ExitStack() as watches:
        if variant.namespaces:
            names = [f"team-{number:03}" for number in range(variant.namespaces)]
            site = open_cluster_site(bed, names, size.storm, watches)
        else:
            site = open_site(bed, "large", size.storm, watches)
        bed.operator.start()
        site.quiet()
        storm(site, site.load.names, done)
        done.memory(bed.operator.peak_memory())
    return done.figures


def figures(found: Found, size: Size) -> list[Figure]:
    """Return the lines of the table.

    Args:
        found: what the storms gave.
        size: how large they were.
    """
    base = found[BASE.name]
    lines: list[Figure] = []
    for variant in VARIANTS:
        own = found[variant.name]
        lines += [Figure(f"{variant.name}: {what}", own[f"storm, {what}"], "s") for what in _TIMES]
        lines += [
            Figure(f"{variant.name}: CPU of {what}", _cpu(own, parts), "s")
            for what, parts in _PARTS.items()
        ]
        counted = own["storm, Pods counted"]
        lines.append(
            Figure(f"{variant.name}: Pods in the status", counted, "", Aim.exactly(size.storm))
        )
    plain, cluster = found[PLAIN.name], found[CLUSTER.name]
    return [
        *lines,
        *_ratios("TLS / plain HTTP", base, plain, None),
        *_ratios("a ClusterPodDiagnoser / a PodDiagnoser", cluster, base, Aim.at_most(_MOST)),
    ]


def _ratios(
    name: str, over: Mapping[str, Spread], under: Mapping[str, Spread], aim: Aim | None
) -> list[Figure]:
    times = [
        Figure(f"{name}: {what}", over[f"storm, {what}"].over(under[f"storm, {what}"]), "", aim)
        for what in ("all annotated", "status right")
    ]
    return [
        *times,
        *(
            Figure(f"{name}: CPU of {what}", _cpu(over, parts).over(_cpu(under, parts)), "")
            for what, parts in _PARTS.items()
        ),
    ]


_PARTS: Mapping[str, Sequence[str]] = {
    **{part: (part,) for part in ALL},
    "the hooks": HOOKS,
    "the hooks and Metacontroller": ALL,
    API_SERVER: (API_SERVER,),
}


def _cpu(found: Mapping[str, Spread], parts: Sequence[str]) -> Spread:
    first, *others = (found[f"storm, CPU: {part}"] for part in parts)
    for other in others:
        first = first.plus(other)
    return first
