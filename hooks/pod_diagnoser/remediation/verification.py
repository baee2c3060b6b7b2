"""Check, on what was read live, whether what a sync is about to do is still right. Pure.

``docs/remediation.md`` lists all that is checked before a Pod is deleted; 7 to 13 are here.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTargetSpec, PodDiagnoser
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.claims import claimed_pods
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.pods.observation import CrashedPod, reportable_crashes
from pod_diagnoser.remediation.boundaries import boundaries_of
from pod_diagnoser.remediation.limits import budget_limit, owner_limit
from pod_diagnoser.remediation.model import OWN_NAMESPACES, Phase, Reason
from pod_diagnoser.remediation.safeguards import violated_safeguard


@dataclass(frozen=True, slots=True)
class Expected:
    """What a sync is about to do, and for which Pod.

    Attributes:
        pod: the uid of the Pod.
        actions: the values of ``spec.remediationAction`` that ask for it.
        crash: the id of the crash for which it is done; None for all that the Pod shows.
        owner: the uid of the controller for which it is counted; None where nothing is.
        deletes: whether the Pod is to be deleted, which a PodDiagnoser that is being deleted itself
            may no longer do.
        own_namespaces: the namespaces of the operator and of Metacontroller.
    """

    pod: str
    actions: Collection[str]
    crash: str | None = None
    owner: str | None = None
    deletes: bool = False
    own_namespaces: Collection[str] = OWN_NAMESPACES


@dataclass(frozen=True, slots=True)
class LiveCheck:
    """The result of `verify_live`.

    Attributes:
        reason: the first reason not to replace the Pod, None if there is none. Safeguards and
            limits are checked only where a single crash is expected.
        crashed: the live Pod with its crashes, where it is the expected one, is claimed and the
            action is as expected; None otherwise.
    """

    reason: Reason | None = None
    crashed: CrashedPod | None = None


def verify_live(
    live: PodDiagnoser,
    pod: OwnedPod | None,
    targets: Sequence[DiagnosisTargetSpec],
    expected: Expected,
    now: datetime,
) -> LiveCheck:
    """Check a Pod and its PodDiagnoser, as read live, before a Pod is deleted or an Event created.

    A request may be old, or forged. Checked are, in this order:

    1. same uid: the Pod is the expected one, not another of its name (``PodGone``);
    2. same action: ``spec.remediationAction`` still asks for it (``ActionChanged``);
    3. still claimed: the PodDiagnoser claims the Pod (``NoLongerClaimed``);
    4. same crash: the Pod still shows it, and it is reportable (``CrashSuperseded``);
    5. still allowed: safeguards, cool-down and budget, by the stored status (their reasons);
    6. same owner: the deletion is counted for the right one (``OwnerChanged``).

    Args:
        live: the PodDiagnoser.
        pod: the Pod, or None where there is none of its name.
        targets: the published DiagnosisTargets of the namespace, as Metacontroller sent them.
        expected: what is to be done.
        now: the time by the API server's clock.
    """
    if pod is None or pod.metadata.uid != expected.pod:
        return LiveCheck(Reason.POD_GONE)
    if live.spec.remediationAction not in expected.actions:
        return LiveCheck(Reason.ACTION_CHANGED)
    terminating = expected.deletes and live.metadata.terminating
    if terminating or not claimed_pods(live, [pod], targets):
        return LiveCheck(Reason.NO_LONGER_CLAIMED)
    history = parse_history(pod)
    crashed = CrashedPod(pod, reportable_crashes(pod, live.spec, history), history)
    if expected.crash is None:
        return LiveCheck(crashed=crashed)
    crash = next((each for each in crashed.diagnoses if each.id == expected.crash), None)
    if crash is None:
        return LiveCheck(Reason.CRASH_SUPERSEDED, crashed)
    reason = reason_to_withhold(live, pod, crash, now, expected.own_namespaces)
    if reason is None and expected.owner not in (None, pod.owner_uid):
        reason = Reason.OWNER_CHANGED
    return LiveCheck(reason, crashed)


def reason_to_withhold(
    live: PodDiagnoser,
    pod: OwnedPod,
    crash: Diagnosis,
    now: datetime,
    own_namespaces: Collection[str] = OWN_NAMESPACES,
) -> Reason | None:
    """Return what forbids to replace a Pod now: the Pod itself, else its owner, else the budget.

    Planned remediations do not count: they are checked in the same way when their turn comes.
    """
    policy, status = live.spec.remediation, live.status
    boundaries = boundaries_of(live, now, own_namespaces)
    reason = violated_safeguard(pod, crash, live.spec, now, boundaries)
    if reason is not None:
        return reason
    executed = [entry for entry in status.remediations if entry.phase != Phase.PLANNED]
    limit = owner_limit(policy, status.owners, pod.owner_uid, pod.template_hash, now)
    limit = limit or budget_limit(policy, executed, now, pod.metadata.namespace)
    return limit.reason if limit is not None else None
