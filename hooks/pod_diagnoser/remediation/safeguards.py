"""What of a Pod itself forbids to replace it. Pure.

No annotation of a Pod allows its replacement; one forbids it.
"""

from datetime import datetime, timedelta

from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION, OwnedPod
from pod_diagnoser.api.diagnostics_v1 import PodDiagnoserSpec, RemediationSpec
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.filters import allows_remediation
from pod_diagnoser.pods.keys import OPT_OUT
from pod_diagnoser.remediation.boundaries import Boundaries
from pod_diagnoser.remediation.model import Reason

FRESH = timedelta(minutes=30)
"""Only crashes this young are remediated or published as Events; older ones never are."""

MAX_CLOCK_AHEAD = timedelta(minutes=5)
"""How far a node's clock may be ahead. A crash further in the future counts as one without a known
time: it would be fresh for longer than the cluster keeps its Event."""

_SYSTEM_CRITICAL = ("system-cluster-critical", "system-node-critical")
"""Source: ``pkg/apis/scheduling/types.go``."""

_REPLACING_OWNERS = (
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("v1", "ReplicationController"),
)
"""The controllers of Kubernetes that make a Pod anew whenever one is gone. What others do, if they
are controllers at all, is not known: Pods of a workflow or a virtual machine are not made anew."""

_DAEMON_SET = ("apps/v1", "DaemonSet")
_JOB = ("batch/v1", "Job")

_OPT_OUT_VALUES = ("false", "no", "0", "off")
"""Values of the annotation that opt a Pod out; ``"false"`` is the documented one."""


def is_fresh(diagnosis: Diagnosis, now: datetime) -> bool:
    """Return whether a crash is certainly recent: False where its time is not known."""
    return diagnosis.ended_by is not None and is_recent(diagnosis.ended_by, now)


def is_recent(moment: datetime, now: datetime) -> bool:
    """Return whether a moment is at most `FRESH` ago, by a clock that may be ahead a little."""
    return -MAX_CLOCK_AHEAD <= now - moment < FRESH


def seconds_too_young(pod: OwnedPod, policy: RemediationSpec, now: datetime) -> float | None:
    """Return by how many seconds a Pod is too young: 0 or less if it is not, None if unknown."""
    created = pod.metadata.created
    if created is None:
        return None
    return policy.minPodAgeSeconds - (now - created).total_seconds()


def violated_safeguard(
    pod: OwnedPod,
    diagnosis: Diagnosis,
    spec: PodDiagnoserSpec,
    now: datetime,
    boundaries: Boundaries | None = None,
) -> Reason | None:
    """Return what of a Pod itself forbids to replace it first; None if nothing does.

    The same safeguards are checked when a plan is made and, on the live Pod, when it is executed.
    Of several reasons the lasting ones come before those that pass.

    Args:
        pod: the Pod.
        diagnosis: what crashed in it.
        spec: the PodDiagnoser's spec.
        now: the time.
        boundaries: what else keeps the diagnoser from it; None where that does not matter.
    """
    return next(iter(violated_safeguards(pod, diagnosis, spec, now, boundaries)), None)


def violated_safeguards(
    pod: OwnedPod,
    diagnosis: Diagnosis,
    spec: PodDiagnoserSpec,
    now: datetime,
    boundaries: Boundaries | None = None,
) -> tuple[Reason, ...]:
    """Return all that of a Pod itself forbids to replace it, as `violated_safeguard` the first."""
    policy, meta, owner = spec.remediation, pod.metadata, pod.controller
    kind = (owner.apiVersion, owner.kind) if owner is not None else None
    priority = pod.spec.priorityClassName if pod.spec else ""
    never = pod.spec is not None and pod.spec.restartPolicy == "Never"
    young = seconds_too_young(pod, policy, now)
    protected = boundaries is not None and boundaries.is_protected(meta.namespace)
    before_action = boundaries is not None and boundaries.is_before_action(pod, diagnosis)
    before_claim = boundaries is not None and boundaries.is_before_claim(pod, diagnosis)
    checks = (
        (meta.terminating, Reason.TERMINATING),
        (protected, Reason.PROTECTED_NAMESPACE),
        (MIRROR_POD_ANNOTATION in meta.annotations, Reason.MIRROR_POD),
        (meta.annotations.get(OPT_OUT, "").strip().lower() in _OPT_OUT_VALUES, Reason.OPTED_OUT),
        (owner is None or owner.kind == "Node" or not owner.uid, Reason.BARE_POD),
        (kind == _DAEMON_SET and "DaemonSetPods" not in policy.include, Reason.DAEMON_SET_POD),
        (kind == _JOB and "JobPods" not in policy.include, Reason.JOB_POD),
        (
            kind not in (*_REPLACING_OWNERS, _DAEMON_SET, _JOB)
            and "OtherOwners" not in policy.include,
            Reason.OTHER_OWNER,
        ),
        (never, Reason.NEVER_RESTARTED),
        (
            priority in _SYSTEM_CRITICAL and "SystemCriticalPods" not in policy.include,
            Reason.SYSTEM_CRITICAL,
        ),
        (not allows_remediation(meta.labels, diagnosis, spec), Reason.SILENCED),
        (not _has_listed_cause(diagnosis, policy), Reason.CAUSE_NOT_LISTED),
        (diagnosis.may_be_resize, Reason.MAY_BE_RESIZE),
        (not is_fresh(diagnosis, now), Reason.NOT_FRESH),
        (before_action, Reason.BEFORE_ACTION),
        (before_claim, Reason.BEFORE_CLAIM),
        (policy.paused, Reason.PAUSED),
        (policy.dryRun, Reason.DRY_RUN),
        (policy.onlyWhileNotReady and _is_ready(pod), Reason.RECOVERED),
        (young is None or young > 0, Reason.TOO_YOUNG),
    )
    return tuple(reason for holds, reason in checks if holds)


def _is_ready(pod: OwnedPod) -> bool:
    """Return whether a Pod is ready, by its condition: readiness gates count."""
    ready = pod.condition("Ready")
    return ready is not None and ready.status == "True"


def _has_listed_cause(diagnosis: Diagnosis, policy: RemediationSpec) -> bool:
    """Return whether a crash has a listed cause, by the Pod's status alone and by its Events.

    Anyone may have made up the cause by Events, which is kept on the Pod: it can only forbid. So
    can a probe for which the kubelet may have stopped the container, where its Events were read and
    do not tell.
    """
    causes = {diagnosis.status_cause.value, diagnosis.cause.value, *diagnosis.possible_causes}
    return not diagnosis.was_requested and causes <= set(policy.causes)
