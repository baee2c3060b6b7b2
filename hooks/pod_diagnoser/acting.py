"""Carrying out what was planned: the only place where a Pod is made to go.

The request supplies the names and uids of what is planned, nothing more. The PodDiagnoser and each
Pod are read live, and it is decided anew from what is read; a forged request makes nothing happen.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from http import HTTPStatus
from typing import Final, Protocol

from pydantic import ValidationError

from pod_diagnoser.annotating import LABEL
from pod_diagnoser.claiming import matches
from pod_diagnoser.cluster import ClusterError
from pod_diagnoser.diagnosing import diagnose
from pod_diagnoser.pods import OwnedPod
from pod_diagnoser.remediating import (
    PLAN_LIFETIME,
    Action,
    Outcome,
    Phase,
    Reason,
    due,
    safeguard,
)
from pod_diagnoser.resources import PodDiagnoser, Remediation
from pod_diagnoser.times import parse_time

UNAUTHORIZED, FORBIDDEN = HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN
NOT_FOUND, CONFLICT = HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT
TOO_MANY_REQUESTS = HTTPStatus.TOO_MANY_REQUESTS
INTERNAL_SERVER_ERROR = HTTPStatus.INTERNAL_SERVER_ERROR

MAX_ACTS: Final = 5
"""How many plans are carried out in one sync."""

MAX_SECONDS: Final = 5.0
"""After how long no further plan is begun: a call may take 4 s, and Metacontroller waits 10."""


class Pods(Protocol):
    """What is called of the cluster (`pod_diagnoser.cluster.Cluster`)."""

    def get_pod(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a Pod."""

    def get_pod_diagnoser(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a PodDiagnoser."""

    def delete_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Delete a Pod."""

    def evict_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Evict a Pod."""


@dataclass(frozen=True, slots=True)
class Trouble:
    """What holds plans up.

    Attributes:
        reason: CamelCase, for programs.
        message: for people; constant but for the namespace.
        retry_after: seconds after which to try again.
    """

    reason: str
    message: str
    retry_after: float = 5.0


@dataclass(slots=True)
class Acted:
    """What came of carrying out plans.

    Attributes:
        now: the time by the API server's clock, or None where it did not tell.
        outcomes: by crash id. A plan without one stands as it was and is tried again.
        trouble: what held plans up, or None.
    """

    now: datetime | None = None
    outcomes: dict[str, Outcome] = field(default_factory=dict)
    trouble: Trouble | None = None


def trouble_of(error: ClusterError, what: str, namespace: str) -> Trouble:
    """Word what kept a call from succeeding.

    Args:
        error: the error.
        what: what was to be done, as in "may not ...".
        namespace: where.

    Returns:
        The reason and a message.
    """
    if error.status in (UNAUTHORIZED, FORBIDDEN):
        message = f"The operator may not {what} in namespace {namespace}."
        return Trouble("Forbidden", message, 30.0)
    if error.status == TOO_MANY_REQUESTS:
        message = "The API server asked to be called later. Plans stand and are tried again."
        return Trouble("ApiServerBusy", message, error.retry_after or 5.0)
    message = "The API server did not answer as it should. Plans stand and are tried again."
    return Trouble("ApiServerUnavailable", message)


def carry_out(
    diagnoser: PodDiagnoser, cluster: Pods, monotonic: Callable[[], float] = time.monotonic
) -> Acted:
    """Carry out the plans of the stored status.

    Args:
        diagnoser: the PodDiagnoser as Metacontroller sent it.
        cluster: the API server.
        monotonic: a clock for the time that this takes, in seconds.

    Returns:
        The outcomes. None at all where the live PodDiagnoser is not the very version of the
        request: a status write raises the version twice, and what a sync of the version between
        does would be lost in a conflict and done again.
    """
    plans = due(diagnoser)[:MAX_ACTS]
    if not plans:
        return Acted()
    begun = monotonic()
    meta = diagnoser.metadata
    try:
        document, now = cluster.get_pod_diagnoser(meta.namespace, meta.name)
        live = PodDiagnoser.model_validate_json(document)
    except ClusterError as error:
        return Acted(trouble=trouble_of(error, "read PodDiagnosers", meta.namespace))
    except ValidationError:
        return Acted()
    if (live.metadata.uid, live.metadata.resourceVersion) != (meta.uid, meta.resourceVersion):
        return Acted(now=now)

    acted = Acted(now=now)
    for plan in plans:
        if monotonic() - begun > MAX_SECONDS:
            break
        try:
            outcome = _carry_out(live, plan, cluster)
        except ClusterError as error:
            acted.trouble = trouble_of(error, "delete or evict Pods", meta.namespace)
            break
        if outcome is not None:
            acted.outcomes[plan.id] = outcome
            acted.now = max(outcome.at, now)
    return acted


def _carry_out(live: PodDiagnoser, plan: Remediation, cluster: Pods) -> Outcome | None:
    """Carry out one plan. None: it stands as it was.

    Raises:
        ClusterError: nobody knows what came of it; the plan stands.
    """
    namespace = live.metadata.namespace
    try:
        document, now = cluster.get_pod(namespace, plan.pod)
    except ClusterError as error:
        if error.status == NOT_FOUND and error.at is not None:
            return Outcome(Phase.DONE, Reason.POD_GONE, error.at)
        raise
    try:
        pod = OwnedPod.model_validate_json(document)
    except ValidationError:
        return Outcome(Phase.FAILED, Reason.REFUSED, now)
    # A Pod that is gone, going or another counts as remediated, and is charged: the answer to our
    # own DELETE may have been lost.
    if pod.metadata.uid != plan.podUID or pod.metadata.terminating:
        return Outcome(Phase.DONE, Reason.POD_GONE, now)
    refusal = _refusal(live, pod, plan, now)
    if refusal is not None:
        return Outcome(Phase.EXPIRED, refusal, now)
    version = pod.metadata.resourceVersion
    act = cluster.evict_pod if plan.action == Action.EVICT_POD else cluster.delete_pod
    done = Reason.EVICTED if plan.action == Action.EVICT_POD else Reason.DELETED
    try:
        return Outcome(Phase.DONE, done, act(namespace, plan.pod, plan.podUID, version))
    except ClusterError as error:
        return _refused(error, now)


def _refused(error: ClusterError, now: datetime) -> Outcome | None:
    """What a refusal of the API server means for a plan. None: look again."""
    blocked = error.status == TOO_MANY_REQUESTS and error.cause == "DisruptionBudget"
    if blocked:
        return Outcome(Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET, now)
    if error.status is None or error.status >= INTERNAL_SERVER_ERROR:
        raise error
    if error.status == TOO_MANY_REQUESTS:
        raise error
    if error.status == CONFLICT:
        return None
    if error.status == NOT_FOUND:
        return Outcome(Phase.DONE, Reason.POD_GONE, now)
    forbidden = error.status in (UNAUTHORIZED, FORBIDDEN)
    return Outcome(Phase.FAILED, Reason.FORBIDDEN if forbidden else Reason.REFUSED, now)


def _refusal(live: PodDiagnoser, pod: OwnedPod, plan: Remediation, now: datetime) -> Reason | None:
    """Decide anew, from what is live and by the API server's clock."""
    planned = parse_time(plan.plannedAt)
    if planned is None or now - planned > PLAN_LIFETIME:
        return Reason.PLAN_TOO_OLD
    labels = pod.metadata.labels
    if (
        not live.active
        or live.metadata.terminating
        or live.spec.remediationAction != plan.action
        or labels.get(LABEL) != live.metadata.name
        or not matches(live.spec.targetLabels, labels)
    ):
        return Reason.NO_LONGER_CLAIMED
    found = next((each for each in diagnose(pod) if each.id == plan.id), None)
    if found is None:
        return Reason.CRASH_SUPERSEDED
    return safeguard(pod, found, live.spec.remediation, now)
