"""Which crashed Pods are replaced and why others are not, over syncs that follow each other."""

import copy
import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cluster.errors import ApiFailure
from pod_diagnoser.diagnosis.diagnose import diagnose, diagnose_symptom
from pod_diagnoser.diagnosis.evidence import EventFinding, EventLookup, Evidence
from pod_diagnoser.pods.keys import CRASHES, LABEL
from pod_diagnoser.remediation.model import (
    EXPLANATIONS,
    ExecutionReport,
    Outcome,
    Phase,
    Reason,
    explanation,
)
from pod_diagnoser.remediation.planner import MAX_OWNERS, MAX_REMEDIATIONS, MAX_TEMPLATES
from pod_diagnoser.remediation.safeguards import violated_safeguard
from tests.support.builders import (
    T0,
    Json,
    after,
    answered,
    condition,
    container,
    crash,
    diagnoser,
    edited,
    entries,
    gaps,
    owned,
    owner,
    parsed,
    parsed_pod,
    planned,
    pod,
    replacing,
    settled,
    synced,
    target,
    terminated,
    withheld,
)

NOW = after(10)


# Each safeguard is the only thing between a crash and the delete


class Case:
    """One safeguard: what makes it hold.

    Attributes:
        reason: what is reported then.
        of_pod: changes the Pod.
        policy: ``spec.remediation``.
        now: the time.
    """

    def __init__(
        self,
        reason: str,
        of_pod: Callable[[Json], object] | None = None,
        now: datetime = NOW,
        **policy: Any,
    ) -> None:
        self.reason, self.of_pod, self.now, self.policy = reason, of_pod, now, policy


def meta(**fields: Any) -> Callable[[Json], object]:
    """Changes the metadata of a Pod."""
    return lambda document: document["metadata"].update(fields)


def annotated(**annotations: str) -> Callable[[Json], object]:
    """Puts annotations on a Pod; double underscores stand for a slash, single ones for a dot."""
    return meta(
        annotations={
            key.replace("__", "/").replace("_", "."): value for key, value in annotations.items()
        }
    )


def priority(name: str) -> Callable[[Json], object]:
    """Gives a Pod a priority class."""
    return lambda document: document["spec"].update(priorityClassName=name)


def ended(**last: Any) -> Callable[[Json], object]:
    """Changes how a Pod's container ended."""

    def change(document: Json) -> None:
        document["status"]["containerStatuses"][0]["lastState"]["terminated"].update(last)

    return change


def resizable(document: Json, code: int = 143) -> None:
    """Makes a Pod one that may have been restarted for a resize."""
    policy = {"resourceName": "memory", "restartPolicy": "RestartContainer"}
    document["spec"]["containers"][0]["resizePolicy"] = [policy]
    document["metadata"]["generation"] = 2
    ended(exitCode=code)(document)


def ready(status: str) -> Callable[[Json], object]:
    """Give a Pod the condition Ready."""

    def change(document: Json) -> None:
        document["status"]["conditions"] = [{"type": "Ready", "status": status}]

    return change


CASES = {
    "terminating": Case("Terminating", meta(deletionTimestamp=format_time(after(40)))),
    "mirror": Case("MirrorPod", annotated(kubernetes_io__config_mirror="x")),
    "node's own": Case("BarePod", meta(ownerReferences=[owner("n", "Node")])),
    "opted out": Case("OptedOut", annotated(diagnostics_local_io__remediate="false")),
    "opted out, as YAML may": Case("OptedOut", annotated(diagnostics_local_io__remediate="No ")),
    "bare": Case("BarePod", meta(ownerReferences=[])),
    "owned but by no controller": Case("BarePod", meta(ownerReferences=[owner(controller=False)])),
    "of a DaemonSet": Case("DaemonSetPod", meta(ownerReferences=[owner("d", "DaemonSet")])),
    "of a Job": Case("JobPod", meta(ownerReferences=[owner("j", "Job")])),
    "of a workflow": Case("OtherOwner", meta(ownerReferences=[owner("w", "Workflow")])),
    "of a kind of the same name": Case(
        "OtherOwner",
        meta(ownerReferences=[{**owner("s", "StatefulSet"), "apiVersion": "apps.kruise.io/v1"}]),
    ),
    "of an invented DaemonSet": Case(
        "OtherOwner",
        meta(ownerReferences=[{**owner("s", "DaemonSet"), "apiVersion": "example.com/v1"}]),
        include=["DaemonSetPods"],
    ),
    "never restarted": Case("NeverRestarted", lambda of: of["spec"].update(restartPolicy="Never")),
    "never restarted, and old": Case(
        "NeverRestarted",
        lambda of: of["spec"].update(restartPolicy="Never"),
        now=after(minutes=31),
    ),
    "perhaps resized": Case("MayBeResize", resizable),
    "ready again": Case("Recovered", ready("True"), onlyWhileNotReady=True),
    "cluster-critical": Case("SystemCritical", priority("system-cluster-critical")),
    "node-critical": Case("SystemCritical", priority("system-node-critical")),
    "cause not listed": Case("CauseNotListed", causes=["OutOfMemory"]),
    "cause not listed by default": Case("CauseNotListed", ended(exitCode=127)),
    "not fresh": Case("NotFresh", now=after(minutes=30)),
    "time unknown": Case("NotFresh", ended(finishedAt=None)),
    "in the future": Case("NotFresh", now=after(minutes=-6)),
    "paused": Case("Paused", paused=True),
    "dry run": Case("DryRun", dryRun=True),
    "too young": Case("TooYoung", minPodAgeSeconds=131),
    "of unknown age": Case("TooYoung", meta(creationTimestamp=None)),
    "created in the future": Case("TooYoung", meta(creationTimestamp=format_time(after(3600)))),
}


def test_a_crash_is_planned_with_its_diagnosis_before_anything_is_done() -> None:
    """All that is needed later, when the Pod is gone, is in the entry."""
    document = owned()
    made = synced(replacing(), NOW, document)
    (entry,) = entries(made)
    assert entry == {
        "id": crash(document),
        "action": "RestartPod",
        "pod": "app-1",
        "podUID": document["metadata"]["uid"],
        "owner": "rs-1",
        "container": "app",
        "cause": "ApplicationError",
        "diagnosis": made["status"]["recentDiagnoses"][0]["diagnosis"],
        "phase": "Planned",
        "reason": "Crashed",
        "message": EXPLANATIONS[Reason.CRASHED],
        "plannedAt": format_time(NOW),
    }
    assert made["status"]["owners"] == [
        {"uid": "rs-1", "kind": "ReplicaSet", "name": "app-rs-1", "template": "t1", "attempts": 0}
    ]
    assert made["status"]["withheld"] == []
    assert condition(made)["reason"] == "ReplacingPods"


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
def test_each_safeguard_alone_withholds_a_pod(case: Case) -> None:
    """The same Pod is planned without it, and withheld with it for exactly that reason."""
    document = owned()
    assert planned(synced(replacing(), NOW, document)) == ["app-1"]
    if case.of_pod:
        case.of_pod(document)
    made = synced(replacing(**case.policy), case.now, document)
    assert entries(made) == []
    assert made["status"]["withheld"] == [
        {
            "reason": case.reason,
            "message": EXPLANATIONS[Reason(case.reason)],
            "crashes": 1,
            "examples": ["app-1"],
        }
    ]


@pytest.mark.parametrize(
    ("include", "change"),
    [
        ("DaemonSetPods", meta(ownerReferences=[owner("d", "DaemonSet")])),
        ("JobPods", meta(ownerReferences=[owner("j", "Job")])),
        ("SystemCriticalPods", priority("system-node-critical")),
        ("OtherOwners", meta(ownerReferences=[owner("t", "TaskRun")])),
    ],
)
def test_what_is_included_is_replaced(include: str, change: Callable[[Json], object]) -> None:
    """Each kind of Pods that is withheld by default can be asked for; no other one with it."""
    document = owned()
    change(document)
    assert planned(synced(replacing(include=[include]), NOW, document)) == ["app-1"]
    others = {"DaemonSetPods", "JobPods", "SystemCriticalPods", "OtherOwners"} - {include}
    assert planned(synced(replacing(include=sorted(others)), NOW, document)) == []


@pytest.mark.parametrize(("status", "asked"), [("True", False), ("False", True), ("", True)])
def test_a_pod_is_left_alone_for_being_ready_only_if_asked_for(status: str, *, asked: bool) -> None:
    """By default it is replaced because it crashed; one that is not ready is, in any case."""
    document = owned()
    ready(status)(document)
    assert planned(synced(replacing(onlyWhileNotReady=asked), NOW, document)) == ["app-1"]


@pytest.mark.parametrize(
    ("version", "kind"),
    [("apps/v1", "ReplicaSet"), ("apps/v1", "StatefulSet"), ("v1", "ReplicationController")],
)
def test_pods_of_owners_that_make_them_anew_are_replaced(version: str, kind: str) -> None:
    """Those of Kubernetes itself of which that is known."""
    document = owned(ownerReferences=[{**owner(kind=kind), "apiVersion": version}])
    assert planned(synced(replacing(), NOW, document)) == ["app-1"]


@pytest.mark.parametrize(
    ("version", "kind"),
    [
        ("tekton.dev/v1", "TaskRun"),
        ("argoproj.io/v1alpha1", "Workflow"),
        ("kubevirt.io/v1", "VirtualMachineInstance"),
        ("actions.github.com/v1alpha1", "EphemeralRunner"),
        ("v1", "Pod"),
        ("v1", "ConfigMap"),
        ("example.com/v1", "ReplicaSet"),
        ("example.com/v1", "Invented"),
    ],
)
def test_pods_of_owners_of_which_that_is_not_known_stay(version: str, kind: str) -> None:
    """Some of them never make a Pod anew: what it did would be lost."""
    document = owned(ownerReferences=[{**owner(kind=kind), "apiVersion": version}])
    made = synced(replacing(), NOW, document)
    assert planned(made) == []
    assert [each["reason"] for each in made["status"]["withheld"]] == ["OtherOwner"]


@pytest.mark.parametrize(
    ("code", "lookup", "reason"),
    [
        (0, "Silent", None),
        (137, "Found", None),
        (143, "Silent", None),
        (143, "Nothing", "MayBeResize"),
        (143, "Unclear", "MayBeResize"),
        (137, "Refused", "MayBeResize"),
        (0, "Unavailable", "MayBeResize"),
        (1, "Unavailable", None),
    ],
)
def test_a_restart_that_may_be_for_a_resize_needs_its_events(
    code: int, lookup: str, reason: str | None
) -> None:
    """What looks like a stop by the kubelet is no crash until its Events say so."""
    document = owned()
    resizable(document, code)
    (found,) = diagnose(parsed_pod(document))
    seen = diagnose_symptom(found.symptom, Evidence(EventLookup(lookup)))
    spec = parsed(replacing()).spec
    assert violated_safeguard(parsed_pod(document), seen, spec, NOW) == reason
    document["metadata"]["generation"] = 1  # never changed
    (found,) = diagnose(parsed_pod(document))
    assert violated_safeguard(parsed_pod(document), found, spec, NOW) is None


NODES_DOING: dict[str, tuple[Json, EventFinding | None]] = {
    "ContainerStatusUnknown": ({"exitCode": 137, "reason": "ContainerStatusUnknown"}, None),
    "ExitStatusLost": ({"exitCode": 255, "reason": "Unknown"}, None),
    "SandboxChanged": ({"exitCode": 143}, EventFinding.SANDBOX_CHANGED),
    "NodeRebooted": ({"exitCode": 137}, EventFinding.NODE_REBOOTED),
    "NodeShutdown": ({"exitCode": 143}, EventFinding.NODE_SHUTDOWN),
}


@pytest.mark.parametrize("cause", NODES_DOING)
def test_what_the_node_did_to_a_pod_replaces_it_only_if_asked_for(cause: str) -> None:
    """A power cut or a restart of the node would replace healthy Pods."""
    last, finding = NODES_DOING[cause]
    document = owned()
    ended(**last)(document)
    (found,) = diagnose(parsed_pod(document))
    if finding is not None:
        found = diagnose_symptom(found.symptom, Evidence(EventLookup.FOUND, finding))
    assert found.cause == cause
    asked: Json = {"causes": list({cause, found.status_cause.value})}
    policies: list[tuple[Json, Reason | None]] = [({}, Reason.CAUSE_NOT_LISTED), (asked, None)]
    for policy, reason in policies:
        spec = parsed(replacing(**policy)).spec
        assert violated_safeguard(parsed_pod(document), found, spec, NOW) == reason


@pytest.mark.parametrize(
    ("now", "fresh"),
    [(29.9, True), (30, False), (-4.9, True), (-5.1, False)],
)
def test_only_fresh_crashes_are_planned(now: float, *, fresh: bool) -> None:
    """Half an hour; a node's clock may be five minutes ahead."""
    document = owned(created=after(hours=-3))
    assert bool(planned(synced(replacing(), after(minutes=now), document))) is fresh


def test_a_start_again_dates_a_crash_that_has_no_time() -> None:
    """It had ended by the time at which the container was started again."""
    document = owned()
    ended(finishedAt=None, containerID="x")(document)
    document["status"]["containerStatuses"][0]["state"] = {
        "running": {"startedAt": format_time(after(5))}
    }
    assert planned(synced(replacing(), NOW, document)) == ["app-1"]


def test_a_pod_is_replaced_for_any_of_its_crashes() -> None:
    """One container's cause is not listed, the other's crash is old: the third one counts."""
    document = owned()
    containers = pod(
        container("old", terminated(after(hours=-2))),
        container("missing", terminated(after(1), 127)),
        container("third", terminated(after(2), 1)),
    )
    document["spec"], document["status"] = containers["spec"], containers["status"]
    (entry,) = entries(synced(replacing(), NOW, document))
    assert entry["container"] == "third"


def test_of_several_crashes_the_fresh_one_gives_the_reason_to_withhold() -> None:
    """An old crash in another container does not hide it."""
    document = owned()
    containers = pod(
        container("old", terminated(after(hours=-2))), container("new", terminated(after(1)))
    )
    document["spec"], document["status"] = containers["spec"], containers["status"]
    assert withheld(synced(replacing(paused=True), NOW, document)) == {"Paused": 1}


# The live labels alone decide who claims a Pod; nothing on a Pod allows its replacement


def test_what_tenants_write_never_causes_a_delete() -> None:
    """Our annotations and our label on Pods that did not crash, or are not this one's."""
    forged = json.dumps(
        {
            "diagnoser": "x",
            "since": format_time(NOW),
            "history": [
                {"id": "0" * 16, "container": "app", "cause": "Killed", "seen": format_time(NOW)}
            ],
        }
    )
    healthy = owned(1)
    healthy["status"] = {"containerStatuses": [container()]}
    healthy["metadata"]["annotations"] = {
        CRASHES: forged,
        "diagnostics.local.io/remediate": "true",
        "diagnostics.local.io/cause": "Killed",
    }
    unmatched = owned(2)
    unmatched["metadata"]["labels"]["app"] = "other"
    elsewhere = owned(3)
    elsewhere["metadata"]["namespace"] = "bank"
    unlabelled = owned(4)
    del unlabelled["metadata"]["labels"][LABEL]
    older = diagnoser("older", 901, after(-60), targetLabels={"tier": "x"})
    anothers = owned(5)
    anothers["metadata"]["labels"]["tier"] = "x"
    pods = (healthy, unmatched, elsewhere, unlabelled, anothers)
    made = synced(replacing(), NOW, *pods, target(older))
    assert entries(made) == []
    assert withheld(made) == {}


def test_an_annotation_that_asks_for_a_delete_is_not_heard() -> None:
    """``remediate: "true"`` lifts no safeguard."""
    document = owned(annotations={"diagnostics.local.io/remediate": "true"})
    document["metadata"]["ownerReferences"] = []
    assert withheld(synced(replacing(), NOW, document)) == {"BarePod": 1}


def test_labels_that_change_from_pod_to_pod_do_not_lift_the_cool_down() -> None:
    """A tenant that writes another template hash on each Pod is still cooled down, and capped."""
    diag, deletes = replacing(), []
    for step in range(0, 4 * 3600, 20):
        now = after(step)
        document = owned(100 + step, now, template=f"t{step}", created=now - timedelta(minutes=9))
        diag = synced(diag, now, document)
        if planned(diag):
            deletes.append(now)
            diag = settled(diag, now)
    assert min(gaps(deletes)) >= 60
    assert all(
        sum(timedelta(0) <= each - start < timedelta(minutes=10) for each in deletes) <= 5
        for start in deletes
    )
    assert len(diag["status"]["owners"]) <= MAX_TEMPLATES + 1


@pytest.mark.parametrize("templates", [6, 1000])
def test_an_owner_is_given_up_however_many_templates_it_has(templates: int) -> None:
    """Another hash on each Pod, or six by turns, of which five are kept: twice the attempts."""
    diag, deletes, now = replacing(), 0, NOW
    for step in range(0, 4 * 3600, 30):
        now = after(step)
        hash_ = f"t{deletes % templates}"
        document = owned(100 + step, now, template=hash_, created=now - timedelta(minutes=9))
        diag = synced(diag, now, document)
        if planned(diag):
            deletes += 1
            diag = settled(diag, now)
    assert deletes == 10
    assert withheld(diag) == {"GaveUp": 1}
    assert len(diag["status"]["owners"]) <= MAX_TEMPLATES + 1
    quiet = now + timedelta(hours=2, seconds=1)
    diag = synced(diag, quiet)
    assert planned(synced(diag, quiet, owned(1, quiet, template="new"))) == ["app-1"]


# Cool-down, giving up


def crash_repeatedly(diag: Json, hours: float, **how: Any) -> tuple[Json, list[datetime]]:
    """An owner whose one Pod crashes 20 s after its start, endlessly; syncs all the time, and acts.

    A sync each 10 s while something may be done, then one each 5 minutes.
    """
    deletes: list[datetime] = []
    number, born, step = 1, T0, 0
    while step < hours * 3600:
        now = after(step)
        pods = []
        if now >= born + timedelta(seconds=20):
            restarts = (now - born) // timedelta(minutes=5)
            last = born + timedelta(seconds=20) + restarts * timedelta(minutes=5)
            pods = [owned(number, min(last, now), created=born, **how)]
        diag = synced(diag, now, *pods)
        if planned(diag):
            deletes.append(now)
            diag = settled(diag, now)
            number, born = number + 1, now
        step += 300 if "GaveUp" in withheld(diag) else 10
    return diag, deletes


def test_no_default_causes_a_delete_loop() -> None:
    """A Pod that crashes at once endlessly: five replacements, ever further apart, then no more."""
    diag, deletes = crash_repeatedly(replacing(), hours=24)
    assert len(deletes) == 5
    cool_downs = (60, 120, 240, 480)
    assert all(gap >= least for gap, least in zip(gaps(deletes), cool_downs, strict=True))
    assert max(gaps(deletes)) < 500
    assert withheld(diag) == {"GaveUp": 1}
    (kept,) = diag["status"]["owners"]
    assert kept["attempts"] == 5
    assert "GaveUp" in condition(diag)["message"]


def test_the_cool_down_is_an_hour_at_most() -> None:
    """With more attempts allowed it stays there."""
    _, deletes = crash_repeatedly(replacing(maxAttempts=9), hours=9)
    assert len(deletes) == 9
    assert all(3600 <= gap < 3700 for gap in gaps(deletes)[-2:])


def test_the_tutorials_walk_through_is_remediated_within_two_minutes() -> None:
    """A new Pod, crashed by requests 20 s later: too young, asked for again, then replaced."""
    document = owned(1, after(20), created=T0)
    diag = synced(replacing(), T0)
    made = answered(diag, after(21), document)
    assert made["status"]["withheld"][0]["reason"] == "TooYoung"
    wait = made["resyncAfterSeconds"]
    assert 9 <= wait <= 10
    diag = synced(diag, after(21), document)
    assert planned(synced(diag, after(21 + wait), document)) == ["app-1"]


@pytest.mark.parametrize("change", ["template", "owner"])
def test_giving_up_ends_with_a_new_template_or_owner(change: str) -> None:
    """A rollout starts with a count of 0; the old one's record stays."""
    diag, _ = crash_repeatedly(replacing(), hours=2)
    new = after(hours=2)
    options: dict[str, Any] = {"template": "t2"} if change == "template" else {"by": "rs-2"}
    fixed = owned(999, new, created=after(hours=1), **options)
    assert planned(synced(diag, new, fixed)) == ["app-999"]
    back = owned(998, new, created=after(hours=1))
    diag = settled(synced(diag, new, back, fixed), new, back)
    assert withheld(synced(diag, new, back)) == {"GaveUp": 1}


@pytest.mark.parametrize("label", ["pod-template-hash", "controller-revision-hash"])
def test_both_kinds_of_template_hash_are_known(label: str) -> None:
    """Of ReplicaSets, and of StatefulSets and DaemonSets."""
    document = owned()
    document["metadata"]["labels"].pop("pod-template-hash")
    document["metadata"]["labels"][label] = "web-6c5b8d5f5d"
    diag = synced(replacing(), NOW, document)
    assert diag["status"]["owners"][0]["template"] == "web-6c5b8d5f5d"


def test_two_templates_of_one_owner_that_both_crash_are_given_up_too() -> None:
    """A stuck rollout, old and new Pods crash in turn: neither's count starts again at 0."""
    diag, deletes = replacing(), 0
    for step in range(0, 3 * 3600, 20):
        now = after(step)
        diag = synced(
            diag, now, owned(10 + deletes, now, template="ab"[deletes % 2], created=after(-120))
        )
        if planned(diag):
            deletes += 1
            diag = settled(diag, now)
    assert deletes <= 10
    assert withheld(diag) == {"GaveUp": 1}


def test_giving_up_lasts_as_long_as_the_owner_crashes() -> None:
    """Days; and is forgotten two hours after the last time where it does not."""
    diag, deletes = crash_repeatedly(replacing(), hours=3)
    for hour in range(4, 100):
        now = after(hours=hour)
        diag = synced(diag, now, owned(77, now, created=after(hours=2)))
        assert withheld(diag) == {"GaveUp": 1}
    assert len(deletes) == 5
    diag = synced(diag, after(hours=101))
    assert diag["status"]["owners"] == []
    assert planned(synced(diag, after(hours=102), owned(78, after(hours=102)))) == ["app-78"]


def test_a_truncated_request_drops_no_owner_and_forgives_no_attempt() -> None:
    """Pods that were not read may crash all the same."""
    diag = settled(synced(replacing(), NOW, owned()), NOW)
    later = synced(diag, after(hours=5), complete=False)
    assert later["status"]["owners"] == diag["status"]["owners"]
    early = synced(diag, after(minutes=30), complete=False)
    assert "outcome" not in entries(early)[0]
    assert entries(synced(diag, after(minutes=30)))[0]["outcome"] == "OwnerDidNotCrashAgain"


def test_one_pod_of_an_owner_at_a_time() -> None:
    """A second crash of the same owner waits, first for the plan, then for the cool-down."""
    one, two = owned(1), owned(2)
    diag = synced(replacing(), NOW, one, two)
    assert (planned(diag), withheld(diag)) == (["app-1"], {"CoolDown": 1})
    diag = settled(diag, NOW, two)
    assert (planned(diag), withheld(diag)) == ([], {"CoolDown": 1})
    made = answered(diag, after(30), two)
    assert made["resyncAfterSeconds"] == pytest.approx(40.5)
    diag = synced(diag, after(69), two)
    assert planned(diag) == []
    assert planned(synced(diag, after(70), two)) == ["app-2"]


# Whether it helped


def test_an_owner_that_crashes_again_within_the_window_was_not_helped() -> None:
    """By another Pod than the one that was replaced."""
    diag = settled(synced(replacing(), NOW, owned()), NOW)
    same = owned(1, after(60))
    assert "outcome" not in entries(synced(diag, after(61), same))[0]
    other = synced(diag, after(61), owned(2, after(60)))
    assert entries(other)[-1]["outcome"] == "OwnerCrashedAgain"
    assert other["status"]["owners"][0]["attempts"] == 1


def test_an_owner_that_does_not_crash_within_the_window_is_credited() -> None:
    """The look is asked for; the attempt is taken off; the cool-down as it is set stays."""
    document = owned(2)
    diag = settled(synced(replacing(), NOW, owned()), NOW, document)
    assert diag["status"]["owners"][0]["attempts"] == 1
    assert entries(diag)[0].get("outcome") is None
    made = answered(diag, after(300))
    assert made["resyncAfterSeconds"] == pytest.approx(310.5)
    diag = synced(diag, after(611))
    assert entries(diag)[0]["outcome"] == "OwnerDidNotCrashAgain"
    assert diag["status"]["owners"][0]["attempts"] == 0
    assert synced(diag, after(2000)) == diag


def test_a_cool_down_grows_only_with_what_did_not_help() -> None:
    """An owner that crashes each half hour is helped each time, and never given up."""
    diag, deletes = replacing(), 0
    for half_hour in range(30):
        now = after(minutes=30 * half_hour)
        diag = synced(diag, now, owned(10 + half_hour, now, created=now - timedelta(minutes=29)))
        deletes += len(planned(diag))
        diag = synced(settled(diag, now), now + timedelta(minutes=11))
    assert deletes == 30
    assert diag["status"]["owners"][0]["attempts"] == 0


@pytest.mark.parametrize("minutes", [-20, 20])
def test_a_wrong_clock_of_the_node_does_not_turn_a_failure_into_a_success(minutes: float) -> None:
    """The new Pod crashed: whatever its node's clock says, after the old one was gone."""
    diag = settled(synced(replacing(), NOW, owned()), NOW)
    new = owned(2, after(30, minutes=minutes), created=after(11))
    diag = synced(diag, after(40), new)
    assert entries(diag)[-1]["outcome"] == "OwnerCrashedAgain"


def test_a_sibling_that_crashed_before_proves_nothing() -> None:
    """It stood there already."""
    sibling = owned(2, after(5))
    diag = settled(synced(replacing(), NOW, owned(), sibling), NOW, sibling)
    diag = synced(diag, after(700), sibling)
    assert entries(diag, "Done")[0]["outcome"] == "OwnerDidNotCrashAgain"


# The budget, and storms


def test_a_storm_is_planned_within_the_budget_and_the_rest_is_counted() -> None:
    """500 Pods of 100 owners at once: five plans with their diagnoses, all others by reason."""
    pods = [owned(n, after(n % 7), by=f"rs-{n % 100}") for n in range(500)]
    diag = synced(replacing(), NOW, *pods)
    assert len(entries(diag)) == 5
    assert all(entry["diagnosis"] and entry["phase"] == "Planned" for entry in entries(diag))
    assert len({entry["owner"] for entry in entries(diag)}) == 5
    assert withheld(diag) == {"BudgetSpent": 475, "CoolDown": 20}
    assert all(len(each["examples"]) == 3 for each in diag["status"]["withheld"])
    diag = settled(diag, NOW, *pods[5:])
    assert entries(diag, "Planned") == []
    made = answered(diag, after(300), *pods[5:])
    assert made["resyncAfterSeconds"] == pytest.approx(310.5)
    assert len(planned(synced(diag, after(609), *pods[5:]))) == 0
    assert len(planned(synced(diag, after(611), *pods[5:]))) == 5


def test_a_storm_of_one_owner_is_one_plan() -> None:
    """The rest waits for its cool-down."""
    pods = [owned(n) for n in range(500)]
    diag = synced(replacing(), NOW, *pods)
    assert len(entries(diag)) == 1
    assert withheld(diag) == {"CoolDown": 499}


@pytest.mark.parametrize(
    ("phase", "counts"),
    [("Planned", True), ("Deferred", True), ("Done", True), ("Failed", False), ("Expired", False)],
)
def test_what_uses_up_the_budget(phase: str, *, counts: bool) -> None:
    """Pending and done remediations count; those that certainly were not executed do not."""
    diag = synced(replacing(budget={"pods": 1}), NOW, owned())
    if phase != "Planned":
        diag = settled(diag, NOW, owned(), as_=(Phase(phase), Reason.REFUSED))
    diag = synced(diag, after(13), owned(), owned(2, by="rs-2"))
    assert (withheld(diag) == {"BudgetSpent": 1}) is counts
    assert ("app-2" in planned(diag)) is not counts


def test_the_budget_counts_from_the_act_not_from_the_plan() -> None:
    """A plan that waited two minutes is counted from when it was executed."""
    diag = synced(replacing(budget={"pods": 1}), NOW, owned())
    diag = settled(diag, after(120))
    two = owned(2, after(400), by="rs-2")
    assert withheld(synced(diag, after(719), two)) == {"BudgetSpent": 1}
    assert planned(synced(diag, after(721), two)) == ["app-2"]


def test_a_smaller_budget_holds_at_once() -> None:
    """What was done under the larger one counts."""
    diag = settled(synced(replacing(), NOW, owned()), NOW)
    diag = edited(diag, remediation={"budget": {"pods": 1}})
    assert withheld(synced(diag, after(60), owned(2, by="rs-2"))) == {"BudgetSpent": 1}


def test_without_a_budget_nothing_is_planned() -> None:
    """0 Pods, stored before the schema forbade it."""
    diag = synced(replacing(budget={"pods": 0}), NOW, owned())
    assert withheld(diag) == {"BudgetSpent": 1}


@pytest.mark.parametrize("number", [-(10**18), -1, 10**18])
def test_numbers_out_of_all_bounds_neither_fail_nor_lift_a_limit(number: int) -> None:
    """As if the nearest that is allowed had been written."""
    diag = replacing(
        coolDownSeconds=number,
        minPodAgeSeconds=-1,
        maxAttempts=number,
        budget={"pods": 50, "windowSeconds": number},
    )
    diag = settled(synced(diag, NOW, owned()), NOW)
    assert entries(diag, "Done")
    assert withheld(synced(diag, after(19), owned(2))).keys() <= {"CoolDown", "GaveUp"}
    assert planned(synced(diag, after(19), owned(2))) == []


# Bounded, and kept as long as it counts


def test_a_full_history_withholds() -> None:
    """A hundred entries that still count."""
    diag = synced(replacing(), T0)
    (entry,) = entries(synced(diag, NOW, owned()))
    done = {"phase": "Done", "settledAt": format_time(after(-1200)), "outcome": "OwnerCrashedAgain"}
    diag["status"]["remediations"] = [
        {**entry, **done, "id": f"{n:016x}", "podUID": f"old-{n}", "owner": f"o-{n}"}
        for n in range(MAX_REMEDIATIONS)
    ]
    diag = synced(diag, NOW, owned())
    assert withheld(diag) == {"HistoryFull": 1}
    assert len(entries(diag)) == MAX_REMEDIATIONS


def test_full_owners_withhold() -> None:
    """A hundred owners are in the ledger; one of them may still be remediated."""
    diag = synced(replacing(), T0)
    last = format_time(after(-600))
    known = {"kind": "ReplicaSet", "name": "x", "attempts": 1, "lastTime": last}
    diag["status"]["owners"] = [
        {"uid": f"o-{n}", "template": "t1", **known} for n in range(MAX_OWNERS)
    ]
    diag = synced(diag, NOW, owned(), owned(2, by="o-7"))
    assert withheld(diag) == {"HistoryFull": 1}
    assert planned(diag) == ["app-2"]
    assert len(diag["status"]["owners"]) == MAX_OWNERS


def test_templates_of_one_owner_are_bounded() -> None:
    """The oldest that crashes no more is forgotten; five that all crash leave no room."""
    diag = synced(replacing(), T0)
    last = format_time(after(-600))
    known = {"kind": "StatefulSet", "name": "x", "attempts": 1, "lastTime": last}
    diag["status"]["owners"] = [
        {"uid": "rs-1", "template": f"old-{n}", **known} for n in range(MAX_TEMPLATES)
    ]
    fits = synced(diag, NOW, owned(1, template="new"))
    templates = [each["template"] for each in fits["status"]["owners"]]
    assert templates == ["old-1", "old-2", "old-3", "old-4", "new", "*"]
    young: Json = {"creationTimestamp": format_time(after(5))}
    crashing = [owned(10 + n, template=f"old-{n}", **young) for n in range(MAX_TEMPLATES)]
    full = synced(diag, NOW, owned(1, template="new"), *crashing)
    assert withheld(full) == {"HistoryFull": 1, "TooYoung": 5}


def test_entries_are_kept_for_the_window_and_a_margin_then_expire() -> None:
    """An hour for clocks that differ; all that time the same crash is not planned again."""
    document = owned()
    diag = settled(synced(replacing(), NOW, document), NOW, document)
    diag = synced(diag, after(700), document)
    kept = synced(diag, after(4209))
    assert entries(kept) == entries(diag)
    assert entries(synced(diag, after(4211))) == []


def test_one_plan_a_crash_and_one_a_pod() -> None:
    """The same crash seen again, or a further crash of the same Pod, is no further plan."""
    document = owned()
    diag = synced(replacing(), NOW, document)
    again = synced(diag, after(11), document)
    assert entries(again) == entries(diag)
    further = owned(1, after(12))
    assert crash(further) != crash(document)
    more = synced(diag, after(13), further)
    assert entries(more) == entries(diag)
    assert withheld(more) == {}
    done = settled(diag, after(14), further)
    assert planned(synced(done, after(15), further)) == []


def test_a_plan_that_was_lost_in_a_conflict_is_made_again_as_the_same() -> None:
    """The write was refused: nothing is stored or cached, one plan results."""
    stored = synced(replacing(), T0)
    lost = synced(stored, NOW, owned())
    again = synced(stored, after(11), owned())
    assert [entry["id"] for entry in entries(lost)] == [entry["id"] for entry in entries(again)]


def test_the_same_status_to_the_byte_when_nothing_changed() -> None:
    """A sync at another time, by anyone, with the Pods in another order, rewrites nothing."""
    pods = [
        owned(1),
        owned(2),
        owned(3, by="rs-3", ownerReferences=[]),
        owned(4, by="rs-4", ownerReferences=[]),
        owned(5, by="rs-5"),
    ]
    diag = settled(synced(replacing(), NOW, *pods), NOW, *pods[1:4])
    before = json.dumps(diag["status"])
    for now, order in ((11, pods[1:4]), (30, pods[3:0:-1]), (60, pods[1:4])):
        diag = synced(diag, after(now), *order)
        assert json.dumps(diag["status"]) == before


def test_a_new_plan_and_an_outcome_are_written_at_once() -> None:
    """Mere reporting waits for two seconds, these do not."""
    diag = synced(synced(replacing(), T0), after(9.5), owned(1, ownerReferences=[]))
    diag = synced(diag, NOW, owned(2))
    assert planned(diag) == ["app-2"]
    assert entries(settled(diag, NOW), "Done")


# From Planned to its outcome


@pytest.mark.parametrize(
    ("phase", "reason", "pause"),
    [
        (Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET, 15),
        (Phase.DEFERRED, Reason.SEVERAL_DISRUPTION_BUDGETS, 15),
        (Phase.FAILED, Reason.FORBIDDEN, 60),
        (Phase.FAILED, Reason.REFUSED, 60),
        (Phase.EXPIRED, Reason.PLAN_TOO_OLD, 15),
        (Phase.EXPIRED, Reason.NO_LONGER_CLAIMED, 15),
    ],
)
def test_an_expired_plan_is_shown_and_then_planned_again(
    phase: Phase, reason: Reason, pause: float
) -> None:
    """With the reason and a delay, while the crash is fresh; it is no attempt of any owner."""
    document = owned()
    diag = settled(synced(replacing(), NOW, document), NOW, document, as_=(phase, reason))
    (entry,) = entries(diag)
    assert (entry["phase"], entry["reason"]) == (phase, reason)
    assert entry["settledAt"] == format_time(NOW)
    next_try = " It is tried again after 2026-11-23T10:00:25Z." if phase is Phase.DEFERRED else ""
    assert entry["message"] == f"{EXPLANATIONS[reason]}{next_try}"
    made = answered(diag, NOW, document)
    assert made["resyncAfterSeconds"] == pytest.approx(pause + 0.5)
    assert planned(synced(diag, after(10 + pause - 1), document)) == []
    again = synced(diag, after(10 + pause), document)
    assert planned(again) == ["app-1"]
    assert len(entries(again)) == 1
    assert again["status"]["owners"][0]["attempts"] == 0
    late = synced(diag, after(minutes=31), document)
    assert (entries(late), withheld(late)) == ([], {"NotFresh": 1})


@pytest.mark.parametrize("phase", [Phase.DEFERRED, Phase.FAILED, Phase.EXPIRED])
def test_what_did_not_come_about_counts_as_done_when_its_pod_goes(phase: Phase) -> None:
    """Another process that answered the same request may have deleted it, without a trace."""
    document, no = owned(), (phase, Reason.REFUSED)
    diag = settled(synced(replacing(), NOW, document), NOW, document, as_=no)
    going = copy.deepcopy(document)
    going["metadata"]["deletionTimestamp"] = format_time(after(40))
    diag = synced(diag, after(12), owned(2), going)
    (entry,) = entries(diag)
    assert (entry["phase"], entry["reason"]) == ("Done", "PodGone")
    assert entry["settledAt"] == format_time(after(12))
    assert diag["status"]["owners"][0]["attempts"] == 1
    assert withheld(diag) == {"CoolDown": 1}
    assert entries(synced(diag, after(14), owned(2), going)) == [entry]


def test_a_pod_is_charged_once_for_all_of_its_crashes() -> None:
    """Its first crash is superseded; it is deleted for the second, and is going."""
    old, new = owned(), owned(1, after(12))
    superseded = (Phase.EXPIRED, Reason.CRASH_SUPERSEDED)
    diag = settled(synced(replacing(), NOW, old), after(13), old, as_=superseded)
    diag = synced(diag, after(14), new)
    going = copy.deepcopy(new)
    going["metadata"]["deletionTimestamp"] = format_time(after(45))
    diag = settled(diag, after(15), going)
    for now in (16, 17):
        diag = synced(diag, after(now), going)
        assert [each["reason"] for each in entries(diag, "Done")] == ["Deleted"]
        assert [each["attempts"] for each in diag["status"]["owners"]] == [1]
    others = [owned(n, after(17), by=f"rs-{n}") for n in range(2, 8)]
    assert len(planned(synced(diag, after(18), *others))) == 4


def test_a_second_try_shows_what_prevented_the_first() -> None:
    """So that the condition does not come and go with each try."""
    document, no = owned(), (Phase.FAILED, Reason.FORBIDDEN)
    diag = settled(synced(replacing(), NOW, document), NOW, document, as_=no)
    assert condition(diag)["reason"] == "Forbidden"
    again = synced(diag, after(70), document)
    assert condition(again) == condition(diag)
    (entry,) = entries(again)
    assert (entry["phase"], entry["reason"]) == ("Planned", "Forbidden")
    assert entry["message"] == f"{EXPLANATIONS[Reason.FORBIDDEN]} It is tried again."
    refused = settled(again, after(71), document, as_=no)
    assert condition(refused) == condition(diag)
    assert condition(settled(again, after(71), document))["reason"] == "ReplacingPods"


def test_a_missing_permission_is_not_tried_for_every_pod() -> None:
    """Five try each minute, each time others; the rest is withheld with a reason."""
    pods = [owned(n, by=f"rs-{n}") for n in range(20)]
    diag, tried = replacing(), []
    for minute in range(4):
        now = after(10, minutes=minute)
        diag = synced(diag, now, *pods)
        assert len(planned(diag)) == 5
        tried += planned(diag)
        diag = settled(diag, now, *pods, as_=(Phase.FAILED, Reason.FORBIDDEN))
        assert planned(diag) == []
    assert sorted(tried) == sorted(document["metadata"]["name"] for document in pods)
    assert len(entries(diag)) == 20
    assert withheld(diag) == {}
    diag = synced(diag, after(10, minutes=4), *pods)
    assert planned(diag) == tried[:5]


def test_blocked_evictions_do_not_keep_others_from_their_turn() -> None:
    """The budget's five are blocked: after their pause five others have their turn."""
    pods = [owned(n, by=f"rs-{n}") for n in range(8)]
    blocked = (Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET)
    diag = synced(replacing("EvictPod"), NOW, *pods)
    first = planned(diag)
    diag = settled(diag, NOW, *pods, as_=blocked)
    assert withheld(diag) == {"BudgetSpent": 3}
    diag = synced(diag, after(25), *pods)
    assert sorted(planned(diag))[-3:] == ["app-5", "app-6", "app-7"]
    assert len(planned(diag)) == 5
    assert set(planned(diag)) & set(first) == {"app-0", "app-1"}
    assert {entry["action"] for entry in entries(diag)} == {"EvictPod"}


def test_a_full_history_makes_room_for_a_crash_that_was_not_tried() -> None:
    """What was refused longest ago is forgotten first."""
    diag = synced(replacing(), T0)
    pods = [owned(n, by=f"rs-{n}") for n in range(MAX_REMEDIATIONS + 1)]
    (entry,) = entries(synced(diag, NOW, pods[0]))
    diag["status"]["remediations"] = [
        {
            **entry,
            "id": crash(each),
            "pod": each["metadata"]["name"],
            "podUID": each["metadata"]["uid"],
            "owner": f"rs-{n}",
            "phase": "Failed",
            "reason": "Refused",
            "settledAt": format_time(after(-200 + n)),
        }
        for n, each in enumerate(pods[:-1])
    ]
    diag = synced(diag, NOW, *pods)
    assert len(entries(diag)) <= MAX_REMEDIATIONS
    assert planned(diag)[0] == f"app-{MAX_REMEDIATIONS}"


def test_a_superseded_crash_is_shown_and_the_newer_one_is_planned_at_once() -> None:
    """The old one is not planned again where the request shows it still."""
    old, new = owned(), owned(1, after(12))
    diag = synced(replacing(), NOW, old)
    expired = (Phase.EXPIRED, Reason.CRASH_SUPERSEDED)
    stale = settled(diag, after(13), old, as_=expired)
    assert [entry["reason"] for entry in entries(stale)] == ["CrashSuperseded"]
    fresh = synced(stale, after(14), new)
    assert [(each["phase"], each["id"]) for each in entries(fresh)] == [
        ("Planned", crash(new)),
        ("Expired", crash(old)),
    ]
    assert len(entries(synced(fresh, after(60), new))) == 1


def test_an_outcome_is_applied_once() -> None:
    """Also when two syncs report it."""
    diag = settled(synced(replacing(), NOW, owned()), NOW)
    late = Outcome(Phase.EXPIRED, Reason.PAUSED, after(20))
    again = synced(
        diag, after(20), effects=ExecutionReport(outcomes={entries(diag)[0]["id"]: late})
    )
    assert entries(again) == entries(diag)
    assert again["status"]["owners"] == diag["status"]["owners"]


# When the PodDiagnoser changes


@pytest.mark.parametrize(
    "change",
    [
        {"remediationAction": ""},
        {"remediationAction": "LogEvent"},
        {"remediationAction": "Explode"},
        {"enableAnnotations": False},
    ],
    ids=str,
)
def test_nothing_more_is_planned_when_it_is_switched_off(change: Json) -> None:
    """Planned entries wait for their outcome, done ones are still counted."""
    diag = settled(synced(replacing(), NOW, owned()), NOW)
    diag = synced(diag, after(20), owned(2, by="rs-2"))
    off = synced(edited(diag, **change), after(30), owned(2, by="rs-2"), owned(3, by="rs-3"))
    assert [entry["phase"] for entry in entries(off)] == ["Planned", "Done"]
    assert withheld(off) == {}
    expired = settled(off, after(31), as_=(Phase.EXPIRED, Reason.ACTION_CHANGED))
    assert [entry["phase"] for entry in entries(expired)] == ["Expired", "Done"]
    assert [entry["phase"] for entry in entries(synced(expired, after(60)))] == ["Done"]
    on = edited(synced(expired, after(60)), remediationAction="RestartPod", enableAnnotations=True)
    on = synced(on, after(60))
    assert withheld(synced(on, after(61), owned(4, after(60)))) == {"CoolDown": 1}


@pytest.mark.parametrize("policy", [{"paused": True}, {"dryRun": True}], ids=str)
def test_what_is_planned_can_be_held_back(policy: Json) -> None:
    """The execution finds out, the entry shows it for a moment, then the crash is withheld."""
    reason = Reason.PAUSED if "paused" in policy else Reason.DRY_RUN
    document = owned()
    diag = synced(replacing(), NOW, document)
    diag = edited(diag, remediation=policy)
    diag = settled(diag, after(11), document, as_=(Phase.EXPIRED, reason))
    assert entries(diag)[0]["reason"] == reason
    diag = synced(diag, after(30), document)
    assert (entries(diag), withheld(diag)) == ([], {reason.value: 1})
    assert condition(diag)["status"] == "False"
    on = edited(diag, remediation={})
    assert planned(synced(on, after(40), document)) == ["app-1"]


def test_a_recreated_poddiagnoser_starts_without_plans() -> None:
    """Another uid, no status: nothing of the old one is known, and its own budget holds."""
    new = replacing(budget={"pods": 1})
    new["metadata"]["uid"] = "99999999-0000-4000-8000-000000000000"
    diag = synced(new, NOW, owned(), owned(2, by="rs-2"))
    assert planned(diag) == ["app-1"]
    assert withheld(diag) == {"BudgetSpent": 1}


# Times that cannot be


@pytest.mark.parametrize("time", ["2099-01-01T00:00:00Z", "yesterday", "", None])
def test_a_time_that_cannot_be_counts_from_now_on(time: str | None) -> None:
    """Neither endlessly nor not at all: for one whole window and cool-down."""
    diag = settled(synced(replacing(budget={"pods": 1}), NOW, owned()), NOW)
    diag["status"]["remediations"][0]["settledAt"] = time
    diag["status"]["owners"][0]["lastTime"] = time
    other, same = owned(2, by="rs-2"), owned(3)
    diag = synced(diag, after(20), other, same)
    assert withheld(diag) == {"BudgetSpent": 1, "CoolDown": 1}
    assert entries(diag)[0]["settledAt"] == format_time(after(20))
    later = after(621)
    late = owned(4, later, by="rs-2", created=after(500))
    assert planned(synced(diag, later, late)) == ["app-4"]


def test_times_an_hour_ahead_are_those_of_another_clock() -> None:
    """They are kept as they are, and count for so much longer, never for less."""
    diag = settled(synced(replacing(budget={"pods": 1}), NOW, owned()), after(3500))
    assert entries(diag)[0]["settledAt"] == format_time(after(3500))
    kept = synced(diag, after(20), owned(2, by="rs-2"))
    assert withheld(kept) == {"BudgetSpent": 1}
    assert entries(kept) == entries(diag)


def test_a_stored_status_of_another_version_is_no_error() -> None:
    """Unknown phases and reasons are kept and count as no attempt."""
    diag = synced(replacing(), NOW, owned())
    diag["status"]["remediations"][0] |= {"phase": "Pondered", "reason": "Newer", "action": "Nap"}
    diag["status"]["withheld"] = [{"reason": "Newer", "crashes": 3}]
    made = synced(diag, after(11), owned(), owned(2, by="rs-2"))
    assert [entry["reason"] for entry in entries(made)] == ["Crashed", "Newer"]
    assert explanation("Newer") == ""


# Without the API server


def test_not_connected_leaves_what_is_stored_alone() -> None:
    """No plan, no forgetting, no asking again each second."""
    diag = synced(replacing(), NOW, owned())
    made = answered(diag, after(hours=9), owned(2), effects=ExecutionReport(connected=False))
    assert made["status"]["remediations"] == diag["status"]["remediations"]
    assert made["status"]["owners"] == diag["status"]["owners"]
    assert "resyncAfterSeconds" not in made
    stored = synced(diag, after(hours=9), owned(2), effects=ExecutionReport(connected=False))
    assert condition(stored)["reason"] == "NotConnected"


def test_without_the_api_servers_time_nothing_is_planned_and_nothing_expires() -> None:
    """Our clock may be days ahead."""
    diag = settled(synced(replacing(), NOW, owned()), NOW, owned(2))
    unavailable = ApiFailure("ApiServerUnavailable", "x", transient=True)
    report = ExecutionReport(api_failure=unavailable, resync_after=5.0, server_time_known=False)
    for hours in (-90, 90):
        made = synced(diag, after(hours=hours), owned(3, by="rs-3"), effects=report)
        for field in ("remediations", "owners", "withheld"):
            assert made["status"][field] == diag["status"][field]
        assert condition(made)["reason"] == "ReplacingPods"


def test_a_sync_is_asked_for_each_second_until_the_plan_is_executed() -> None:
    """Its own write brings the next sync; this is for when that is lost."""
    made = answered(replacing(), NOW, owned())
    assert made["resyncAfterSeconds"] == pytest.approx(1.0)


def test_the_api_servers_wish_to_be_asked_later_is_honoured() -> None:
    """Plans wait for so long."""
    diag = synced(replacing(), NOW, owned())
    busy = ExecutionReport(
        api_failure=ApiFailure("ApiServerBusy", "x", transient=True), resync_after=30.0
    )
    assert answered(diag, after(11), owned(), effects=busy)["resyncAfterSeconds"] == 30.0


def test_nothing_of_the_input_is_changed() -> None:
    """The core is pure."""
    diag, document = synced(replacing(), NOW, owned()), owned(2)
    before = copy.deepcopy((diag, document))
    synced(diag, after(100), document)
    assert (diag, document) == before
    assert parsed(diag).status.remediations[0].plannedAt == NOW
