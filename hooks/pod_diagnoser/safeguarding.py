"""What of a Pod itself forbids to replace it. Pure.

A Pod's annotations never argue for its replacement; one of them argues against it.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from pod_diagnoser.diagnosing import Diagnosis
from pod_diagnoser.ignoring import remediable
from pod_diagnoser.phases import OPT_OUT, Reason
from pod_diagnoser.pods import MIRROR, OwnedPod, OwnerReference
from pod_diagnoser.remembering import Record
from pod_diagnoser.resources import PodDiagnoserSpec, RemediationSpec
from pod_diagnoser.texts import clean
from pod_diagnoser.times import parse_time

FRESH = timedelta(minutes=30)
"""Only crashes this young are remediated or logged; older ones are never replayed."""

AHEAD = timedelta(minutes=5)
"""How far a node's clock may be ahead. A crash that lies further in the future has no known time:
it would be fresh for longer than the cluster keeps the Event that tells it."""

_SYSTEM_CRITICAL = ("system-cluster-critical", "system-node-critical")
"""Source: ``pkg/apis/scheduling/types.go``."""

_TEMPLATE_LABELS = ("pod-template-hash", "controller-revision-hash")
"""What a workload's controller writes on its Pods to tell one template from the next."""

_MAX_LABEL = 63
_MAX_KIND = 63
_MAX_NAME = 253
_UID = re.compile(r"[!-~]{1,128}")

_REFUSALS = ("false", "no", "0", "off")
"""What the annotation of a Pod that is to be left alone may say; ``"false"`` is documented."""


@dataclass(frozen=True, slots=True)
class Crashed:
    """A Pod that is claimed, with what crashed in it, and what it remembers for us."""

    pod: OwnedPod
    diagnoses: Sequence[Diagnosis]
    record: Record = field(default_factory=Record)


def controller_of(pod: OwnedPod) -> OwnerReference | None:
    """Find the controller that would replace a Pod.

    Args:
        pod: the Pod.

    Returns:
        Its controller owner reference, or None for a bare Pod. The API server bounds none of its
        texts: one whose uid is none that a cluster gives is nobody's, and kind and name are cut, or
        a Pod could make every write of the status be refused that its owner stands in.
    """
    owner = next((each for each in pod.metadata.ownerReferences if each.controller), None)
    if owner is None or not _UID.fullmatch(owner.uid):
        return None
    kind, name = clean(owner.kind, _MAX_KIND), clean(owner.name, _MAX_NAME)
    if (kind, name) == (owner.kind, owner.name):
        return owner
    return owner.model_copy(update={"kind": kind, "name": name})


def template_of(pod: OwnedPod) -> str:
    """Say which template of its owner a Pod was made from.

    Args:
        pod: the Pod.

    Returns:
        The hash that the owner's controller wrote on it, or an empty string.
    """
    labels = pod.metadata.labels
    return next((labels[key] for key in _TEMPLATE_LABELS if key in labels), "")[:_MAX_LABEL]


def owner_of(pod: OwnedPod) -> str:
    """Say whose a Pod is.

    Args:
        pod: the Pod.

    Returns:
        The uid of its controller, or an empty string for a bare Pod.
    """
    owner = controller_of(pod)
    return owner.uid if owner else ""


def is_fresh(diagnosis: Diagnosis, now: datetime) -> bool:
    """Tell whether a crash is recent for certain.

    Args:
        diagnosis: the crash.
        now: the time.

    Returns:
        False for one that is too long ago, and for one of which nobody knows when it was.
    """
    ended = diagnosis.ended_by
    return ended is not None and -AHEAD <= now - ended < FRESH


def seconds_too_young(pod: OwnedPod, policy: RemediationSpec, now: datetime) -> float | None:
    """Say how much younger a Pod is than it has to be.

    Args:
        pod: the Pod.
        policy: ``spec.remediation``.
        now: the time.

    Returns:
        Seconds, 0 or less for one that is old enough; None where nobody knows how old it is.
    """
    created = parse_time(pod.metadata.creationTimestamp)
    if created is None:
        return None
    return policy.minPodAgeSeconds - (now - created).total_seconds()


def safeguard(
    pod: OwnedPod, diagnosis: Diagnosis, spec: PodDiagnoserSpec, now: datetime
) -> Reason | None:
    """Say what of a Pod itself forbids to replace it.

    The same safeguards are asked when a plan is made and, of the live Pod, when it is carried out.

    Args:
        pod: the Pod.
        diagnosis: what crashed in it.
        spec: the PodDiagnoser's spec.
        now: the time.

    Returns:
        The first reason that holds, the lasting ones before those that pass; None if none does.
    """
    policy, meta, owner = spec.remediation, pod.metadata, controller_of(pod)
    priority = pod.spec.priorityClassName if pod.spec else ""
    young = seconds_too_young(pod, policy, now)
    checks = (
        (meta.terminating, Reason.TERMINATING),
        (MIRROR in meta.annotations, Reason.MIRROR_POD),
        (meta.annotations.get(OPT_OUT, "").strip().lower() in _REFUSALS, Reason.OPTED_OUT),
        (owner is None or owner.kind == "Node" or not owner.uid, Reason.BARE_POD),
        (_is(owner, "DaemonSet") and "DaemonSetPods" not in policy.include, Reason.DAEMON_SET_POD),
        (_is(owner, "Job") and "JobPods" not in policy.include, Reason.JOB_POD),
        (
            priority in _SYSTEM_CRITICAL and "SystemCriticalPods" not in policy.include,
            Reason.SYSTEM_CRITICAL,
        ),
        (not remediable(meta.labels, diagnosis, spec), Reason.SILENCED),
        (not _listed(diagnosis, policy), Reason.CAUSE_NOT_LISTED),
        (not is_fresh(diagnosis, now), Reason.NOT_FRESH),
        (policy.paused, Reason.PAUSED),
        (policy.dryRun, Reason.DRY_RUN),
        (young is None or young > 0, Reason.TOO_YOUNG),
    )
    return next((reason for holds, reason in checks if holds), None)


def _listed(diagnosis: Diagnosis, policy: RemediationSpec) -> bool:
    """Whether a crash has a listed cause, by the Pod's status and by what is known beyond it.

    What is known beyond it stands on the Pod, where it can be made up: it argues against.
    """
    causes = {diagnosis.own_cause.value, diagnosis.cause.value}
    return not diagnosis.planned and causes <= set(policy.causes)


def _is(owner: OwnerReference | None, kind: str) -> bool:
    return owner is not None and owner.kind == kind
