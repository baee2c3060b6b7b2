"""What Pods and PodDiagnosers should show in the end, where nothing but the API server is asked.

The specification of the schedules says it. Here every Pod has one container, no PodDiagnoser
ignores anything, and no Event tells another cause than the Pod's status.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.objects import labels_of, name_of
from tests.simulation.schedules import specification as spec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from controlplane.client import Json


def crash_of(pod: Json) -> spec.Crash | None:
    """The latest crash that the status of a Pod with one container shows."""
    return next(iter(spec.crashes_of(pod)), None)


def pod_problems(pod: Json, owner: Json | None) -> list[str]:
    """What a Pod shows that it should not, or lacks.

    Args:
        pod: The Pod.
        owner: The PodDiagnoser that claims it, or None.

    Returns:
        The problems.
    """
    specs = [] if owner is None else [owner["spec"]]
    known = spec.Known(spec.crashes_of(pod), specs, causes={}, jumped=False)
    problems = spec.pod_problems(pod, owner, known)
    label = labels_of(pod).get(spec.LABEL)
    if owner is not None and crash_of(pod) is not None and label != name_of(owner):
        problems.append(f"its label is {label}")
    return problems


def status_problems(diagnoser: Json, pods: Iterable[Json]) -> list[str]:
    """What a PodDiagnoser's status says that is not so, or does not say.

    Args:
        diagnoser: The PodDiagnoser.
        pods: The Pods that it claims.

    Returns:
        The problems.
    """
    return spec.status_problems(diagnoser, pods, causes={})


def unaccounted(diagnoser: Json, pods: Iterable[Json]) -> str:
    """Of how many crashed Pods nothing is said, neither done nor withheld; "" for none."""
    return spec.unaccounted(diagnoser, pods, causes={})
