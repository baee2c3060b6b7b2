"""PodDisruptionBudgets: whether a Pod may be evicted now.

Follows pkg/registry/core/pod/storage/eviction.go and pkg/controller/disruption. A budget is worked
out from the Pods at the moment of the eviction; the real controller keeps it in the budget's
status, a little late. A Pod counts as disrupted as soon as it is terminating.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object, controller_of, is_terminating, labels_of, name_of
from dev.simulator.selectors import from_object

CAUSE = "DisruptionBudget"
"""The reason in the causes of a refusal: policyv1.DisruptionBudgetCause."""

SEVERAL = (
    "This pod has more than one PodDisruptionBudget, "
    "which the eviction subresource does not support."
)


class SeveralBudgetsError(ApiError):
    """Several budgets select the Pod. The API server says so with 201 and a Status of code 500."""

    def __init__(self) -> None:
        super().__init__(500, "", SEVERAL)


@dataclass(frozen=True)
class Health:
    """What a budget allows.

    Attributes:
        current: Pods that are ready and not terminating.
        desired: how many have to be.
        expected: how many there should be.
    """

    current: int
    desired: int
    expected: int

    @property
    def allowed(self) -> int:
        """How many may be evicted."""
        return max(0, self.current - self.desired) if self.expected > 0 else 0


ScaleOf = Callable[[Object], int | None]
"""Replicas that the controller in an owner reference wants; None for one that is not known."""


def ignores_budgets(pod: Object) -> bool:
    """Say whether budgets do not matter for a Pod: it does not run, or is going anyway."""
    return is_terminating(pod) or pod["status"].get("phase") in {"Succeeded", "Failed", "Pending"}


def matches(budget: Object, pod: Object) -> bool:
    """Say whether a budget selects a Pod; an empty selector does, a missing one does not."""
    selector = budget["spec"].get("selector")
    return selector is not None and from_object(selector).matches(labels_of(pod))


def is_ready(pod: Object) -> bool:
    """Say whether a Pod has the condition Ready."""
    return any(
        condition["type"] == "Ready" and condition["status"] == "True"
        for condition in pod["status"].get("conditions") or []
    )


def health_of(budget: Object, pods: Sequence[Object], scale_of: ScaleOf) -> Health:
    """Work out what a budget allows; one that states neither number allows nothing.

    Args:
        budget: the budget.
        pods: all that it selects.
        scale_of: knows the controllers.

    Returns:
        Its numbers; nothing is allowed where a Pod's controller is not known.
    """
    spec = budget["spec"]
    current = sum(is_ready(pod) and not is_terminating(pod) for pod in pods)
    least, most = spec.get("minAvailable"), spec.get("maxUnavailable")
    if most is None and least is None:
        return Health(current, 0, 0)
    if most is None and isinstance(least, int):
        return Health(current, least, len(pods))
    scales: dict[str, int | None] = {}
    for pod in pods:
        owner = controller_of(pod)
        if owner is not None:
            scales[owner["uid"]] = scale_of({**owner, "namespace": pod["metadata"]["namespace"]})
    if None in scales.values():
        return Health(current, 0, 0)
    expected = sum(scale or 0 for scale in scales.values())
    if most is not None:
        return Health(current, max(0, expected - _scaled(most, expected)), expected)
    return Health(current, _scaled(least, expected), expected)


def check(pod: Object, budgets: Sequence[Object], health: Callable[[Object], Health]) -> None:
    """Refuse an eviction that budgets do not allow.

    Args:
        pod: the Pod.
        budgets: those that select it.
        health: works one out.

    Raises:
        ApiError: 429 with the cause DisruptionBudget.
        SeveralBudgetsError: there is more than one.
    """
    if len(budgets) > 1:
        raise SeveralBudgetsError
    for budget in budgets:
        found = health(budget)
        if not is_ready(pod):
            if budget["spec"].get("unhealthyPodEvictionPolicy") == "AlwaysAllow":
                return
            if found.current >= found.desired > 0:
                return
        if not found.allowed:
            raise _refusal(name_of(budget), found)


def _refusal(name: str, health: Health) -> ApiError:
    detail = f"The disruption budget {name} does not allow evicting pods currently"
    if health.current <= health.desired:
        detail = (
            f"The disruption budget {name} needs {health.desired} healthy pods "
            f"and has {health.current} currently"
        )
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    details = {"causes": [{"reason": CAUSE, "message": detail}]}
    return ApiError(429, "TooManyRequests", message, details)


def _scaled(value: int | str, total: int) -> int:
    """Return a number as it is, and a percentage of a total, rounded up."""
    if isinstance(value, int):
        return value
    return math.ceil(int(value.removesuffix("%")) * total / 100)
