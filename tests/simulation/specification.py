"""The specification: what should be, derived from the Pods, the PodDiagnosers and the time alone.

It is written independently of the hook and imports nothing of it.
"""

import base64
import hashlib
import json
import re
from collections.abc import Container, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Self

from dev.simulator.objects import (
    Object,
    annotations_of,
    controller_of,
    is_terminating,
    labels_of,
    name_of,
    parse_timestamp,
    uid_of,
)
from dev.simulator.resources import POD, Resource
from dev.simulator.store import Store

PREFIX = "diagnostics.local.io/"
LABEL = f"{PREFIX}diagnoser"
OPT_OUT = f"{PREFIX}remediate"
MIRROR = "kubernetes.io/config.mirror"
RECALLED = f"{PREFIX}recalled"
OUR_ANNOTATIONS = frozenset(
    PREFIX + name
    for name in (
        "restart-reason",
        "restart-time",
        "container",
        "cause",
        "diagnosis",
        "evidence",
        "next-step",
        "crashes",
        "changes",
        "reason",
        "termination-message",
        "log",
    )
)
FRESH = timedelta(minutes=30)
AHEAD = timedelta(minutes=5)
HOUR = timedelta(hours=1)
MADE_ANEW = (
    ("apps/v1", "ReplicaSet"),
    ("apps/v1", "StatefulSet"),
    ("v1", "ReplicationController"),
    ("apps/v1", "DaemonSet"),
    ("batch/v1", "Job"),
)
"""The owners that are known to make a Pod anew that is gone, if not always at once."""

REPLACING = ("RestartPod", "EvictPod")

CAUSES = {
    ("Completed", 0): "Completed",
    ("Error", 1): "ApplicationError",
    ("OOMKilled", 137): "OutOfMemory",
    ("Error", 137): "Killed",
    ("Error", 139): "SegmentationFault",
    ("Error", 143): "Terminated",
    ("Error", 127): "CommandNotFound",
}
"""The cause of an end, by the runtime's reason and the exit code."""


@dataclass(frozen=True, slots=True)
class Crash:
    """A container that ended and was restarted.

    Attributes:
        container: its name.
        container_id: of the run that ended.
        reason: of the runtime.
        code: the exit code.
        started: when the run began, by the node's clock.
        finished: when it ended.
        restarts: the container's restartCount; 0 where it is no longer known.
    """

    container: str
    container_id: str
    reason: str
    code: int
    started: str
    finished: str
    restarts: int = 0

    @classmethod
    def read(cls, container: str, ended: Mapping[str, Any], restarts: int = 0) -> Self:
        """Read ``state.terminated`` or ``lastState.terminated``."""
        return cls(
            container,
            ended["containerID"],
            ended["reason"],
            ended["exitCode"],
            ended["startedAt"],
            ended["finishedAt"],
            restarts,
        )

    @property
    def number(self) -> int:
        """Which end of its container it is, from 1."""
        return int(self.container_id.rpartition("-")[2])

    @property
    def words(self) -> str:
        """How the annotation and the status word it."""
        return f"{self.reason} (Exit Code: {self.code})"

    @property
    def cause(self) -> str:
        """The cause by the Pod's status."""
        return CAUSES[self.reason, self.code]

    @property
    def at(self) -> datetime:
        """When it ended."""
        return parse_timestamp(self.finished)


def crashes_of(pod: Object) -> list[Crash]:
    """Return the latest end of each of a Pod's containers that was restarted, by its status."""
    return [
        Crash.read(status["name"], ended, status["restartCount"])
        for status in (pod.get("status") or {}).get("containerStatuses") or []
        if status["restartCount"]
        and (ended := (status.get("lastState") or {}).get("terminated")) is not None
    ]


def ends_of(pod: Object) -> list[Crash]:
    """Return the ends of a Pod's containers that its status shows, restarted already or not."""
    return [
        Crash.read(status["name"], end)
        for status in (pod.get("status") or {}).get("containerStatuses") or []
        for which in ("state", "lastState")
        if (end := (status.get(which) or {}).get("terminated")) is not None
    ]


def ended(pod: Object) -> bool:
    """Return whether a Pod's container ended, restarted already or not."""
    return any(
        "terminated" in (status.get(which) or {})
        for status in (pod.get("status") or {}).get("containerStatuses") or []
        for which in ("state", "lastState")
    )


def crashes_shown(pod: Object) -> frozenset[tuple[str, str]]:
    """Return what a Pod shows that ended and was restarted: uid and container id."""
    return frozenset((uid_of(pod), crash.container_id) for crash in crashes_of(pod))


def fresh(crash: Crash, now: datetime, slack: float = 2.0) -> bool:
    """Return whether a crash is recent by the API server's clock."""
    margin = timedelta(seconds=slack)
    return -AHEAD - margin <= now - crash.at < FRESH + margin


# Filters


class Reportable(Enum):
    """Whether a crash is to be reported."""

    NO = "no"
    PERHAPS = "perhaps"
    YES = "yes"


def reportable(
    spec: Mapping[str, Any],
    pod: Object,
    crash: Crash,
    *,
    probed: bool = False,
    unclear: bool = False,
) -> Reportable:
    """Return whether a crash is to be reported, by `spec.ignore` and `spec.thresholds`.

    Args:
        spec: of a PodDiagnoser.
        pod: the Pod.
        crash: one of its crashes.
        probed: whether its Events name another cause, if they are read.
        unclear: whether they may not tell if the container was stopped for its probe: each has one.
    """
    ignore = spec.get("ignore") or {}
    causes = {crash.cause, "LivenessProbeFailed"} if probed else {crash.cause}
    by_cause = {
        cause in ignore.get("causes", ())
        or (ignore.get("cleanExits", False) and crash.code == 0 and cause == "Completed")
        for cause in causes
    }
    clean = ignore.get("cleanExits", False) and "Completed" not in ignore.get("causes", ())
    if unclear and clean and crash.code == 0 and crash.cause == "Completed":
        by_cause.add(False)
    if crash.code in ignore.get("exitCodes", ()) or crash.container in ignore.get("containers", ()):
        return Reportable.NO
    if True in by_cause:
        return Reportable.PERHAPS if False in by_cause else Reportable.NO
    threshold = _threshold(spec, crash)
    return Reportable.YES if threshold is None else _reached(threshold, pod, crash)


def _threshold(spec: Mapping[str, Any], crash: Crash) -> Mapping[str, Any] | None:
    """Return the first threshold that is for a crash's container."""
    thresholds = spec.get("thresholds") or []
    return next((one for one in thresholds if one["container"] in ("*", crash.container)), None)


def _reached(threshold: Mapping[str, Any], pod: Object, crash: Crash) -> Reportable:
    """Return whether a threshold is reached; of former crashes their number alone is known."""
    window = timedelta(seconds=threshold["withinSeconds"])
    if crash.number < threshold["restarts"]:
        return Reportable.NO
    if threshold["restarts"] == 1:
        return Reportable.YES
    if crash.at - parse_timestamp(crash.started) > window:
        return Reportable.NO
    created = parse_timestamp(pod["metadata"]["creationTimestamp"])
    return Reportable.YES if created >= crash.at - window else Reportable.PERHAPS


# Claiming


def active(diagnoser: Object) -> bool:
    """Return whether a PodDiagnoser claims Pods."""
    return bool(diagnoser["spec"].get("enableAnnotations", True))


def matches(diagnoser: Object, pod: Object) -> bool:
    """Return whether a PodDiagnoser selects a Pod."""
    wanted = diagnoser["spec"].get("targetLabels") or {}
    same = diagnoser["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and wanted.items() <= labels_of(pod).items()


def claiming_diagnoser(diagnosers: Iterable[Object], pod: Object) -> Object | None:
    """Return the claiming PodDiagnoser: the oldest active one that selects the Pod."""
    asking = [one for one in diagnosers if active(one) and matches(one, pod)]
    return min(
        asking,
        key=lambda one: (one["metadata"]["creationTimestamp"], name_of(one)),
        default=None,
    )


# What may be done


def forbidden_by_spec(diagnoser: Object, action: str) -> list[str]:
    """Say what of a PodDiagnoser forbids an action."""
    policy = diagnoser["spec"]["remediation"]
    checks = (
        (not active(diagnoser), "it is inactive"),
        (is_terminating(diagnoser), "it is being deleted"),
        (diagnoser["spec"]["remediationAction"] != action, "it asks for another action"),
        (policy["paused"], "it is paused"),
        (policy["dryRun"], "it is a dry run"),
    )
    return [problem for holds, problem in checks if holds]


def replacing_action(diagnoser: Object) -> str:
    """Return by which action a PodDiagnoser replaces Pods; "" for none."""
    action: str = diagnoser["spec"].get("remediationAction", "")
    return action if active(diagnoser) and action in REPLACING else ""


TWICE_ROUNDED = timedelta(seconds=2)
"""When the action was switched on is known by the Date of an answer, and stored: each time the
fraction of the second is lost."""


def forbidden_by_pod(
    diagnoser: Object,
    pod: Object,
    now: datetime,
    since: datetime,
    late: timedelta = timedelta(0),
) -> list[str]:
    """Say what of a Pod forbids to delete it.

    Args:
        diagnoser: the PodDiagnoser for which it is to be deleted.
        pod: the Pod.
        now: the time.
        since: when the action was switched on, by the API server's clock.
        late: how much later than requested this may be executed.
    """
    policy = diagnoser["spec"]["remediation"]
    owner, crashes = controller_of(pod) or {}, crashes_of(pod)
    # The crash of a younger Pod was later, whatever its node's clock says.
    younger = parse_timestamp(pod["metadata"]["creationTimestamp"]) >= since - TWICE_ROUNDED
    # It is done for one crash, of which all of this must hold.
    problems = [
        "it was before the action"
        if crash.at < since - TWICE_ROUNDED and not younger
        else _forbidden_by_crash(diagnoser, pod, crash, now - late)
        for crash in crashes
    ]
    included = policy.get("include") or []
    age = now - parse_timestamp(pod["metadata"]["creationTimestamp"])
    priority = pod["spec"].get("priorityClassName", "")
    checks = (
        (is_terminating(pod), "it is being deleted already"),
        (MIRROR in annotations_of(pod), "it is the mirror of a static Pod"),
        (annotations_of(pod).get(OPT_OUT) == "false", "its owner asked to leave it alone"),
        (not owner or owner["kind"] == "Node", "no controller would replace it"),
        (owner.get("kind") == "DaemonSet" and "DaemonSetPods" not in included, "DaemonSet"),
        (owner.get("kind") == "Job" and "JobPods" not in included, "Job"),
        (
            (owner.get("apiVersion"), owner.get("kind")) not in MADE_ANEW
            and "OtherOwners" not in included,
            "nobody knows whether its owner would replace it",
        ),
        (pod["spec"].get("restartPolicy") == "Never", "restartPolicy is Never"),
        (policy.get("onlyWhileNotReady", False) and is_ready(pod), "it is ready again"),
        (priority.startswith("system-") and "SystemCriticalPods" not in included, priority),
        (labels_of(pod).get(LABEL) != name_of(diagnoser), "it does not carry the label"),
        (not matches(diagnoser, pod), "it lacks a target label"),
        (not crashes, "it did not crash"),
        (bool(problems) and all(problems), " and ".join(filter(None, problems))),
        (age < timedelta(seconds=policy["minPodAgeSeconds"] - 2), "it is too young"),
    )
    return [problem for holds, problem in checks if holds]


def is_ready(pod: Object) -> bool:
    """Return whether a Pod is ready."""
    conditions = (pod.get("status") or {}).get("conditions") or []
    return any((one["type"], one["status"]) == ("Ready", "True") for one in conditions)


def _forbidden_by_crash(diagnoser: Object, pod: Object, crash: Crash, now: datetime) -> str:
    """Say why a crash is no reason to delete its Pod; "" where it is one."""
    causes = diagnoser["spec"]["remediation"].get("causes")
    # By default all but those that a new Pod does not help, of which these runs have one.
    listed = crash.cause != "CommandNotFound" if causes is None else crash.cause in causes
    threshold = _threshold(diagnoser["spec"], crash) or {"restarts": 0}
    checks = (
        (not fresh(crash, now), "it is not fresh"),
        (not listed, "its cause is not listed"),
        (reportable(diagnoser["spec"], pod, crash) is Reportable.NO, "it is to be ignored"),
        (crash.restarts < threshold["restarts"], "it has not restarted so often"),
    )
    return next((f"{crash.container}: {problem}" for holds, problem in checks if holds), "")


def cool_down(seconds: int, attempts: int) -> timedelta:
    """Return the cool-down of an owner after some attempts: it doubles, up to an hour.

    Args:
        seconds: `coolDownSeconds`.
        attempts: how many Pods were replaced without success.
    """
    return min(timedelta(seconds=seconds * 2 ** max(attempts - 1, 0)), HOUR)


def template_of(pod: Object) -> str:
    """Return the template from which a Pod was made, by its label."""
    return labels_of(pod).get("pod-template-hash", "")


def owner_uid(pod: Object) -> str:
    """Return the uid of a Pod's controller."""
    return str((controller_of(pod) or {}).get("uid", ""))


# Parts of objects


def foreign_part(obj: Object) -> Object:
    """Return the part of an object that neither the operator nor the API server manages."""
    metadata = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in ("managedFields", "resourceVersion", "labels", "annotations")
    }
    labels = {key: value for key, value in labels_of(obj).items() if key != LABEL}
    ours = {RECALLED} if obj["kind"] == "PodDiagnoser" else OUR_ANNOTATIONS
    annotations = {key: value for key, value in annotations_of(obj).items() if key not in ours}
    rest = {key: value for key, value in obj.items() if key != "metadata"}
    if obj["kind"] == "PodDiagnoser":
        rest.pop("status", None)
    return {**rest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def entries_of(diagnoser: Mapping[str, Any]) -> dict[str, Object]:
    """Return what a PodDiagnoser says of remediations, by crash id."""
    status = diagnoser.get("status") or {}
    return {entry["id"]: entry for entry in status.get("remediations") or []}


def crash_id(pod: Object, crash: Crash) -> str:
    """Return the id of a crash in annotations, status and Events."""
    text = f"{uid_of(pod)}\n{crash.container}\n{crash.container_id}"
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def named(cause: str, reason_class: str | None) -> str:
    """Name a cause with the class of a reason."""
    return f"{cause} ({reason_class})" if reason_class else cause


def recorded_causes(pod: Object) -> tuple[str, dict[str, str]]:
    """Return whose record a Pod has of its crashes, by uid, and their causes by crash id.

    With each cause stands the class of the reason that the container's output gives, if any.
    """
    try:
        record = json.loads(shown(pod).get("crashes", "{}"))
    except ValueError:
        return "", {}
    causes = {
        each["id"]: named(each["cause"], (each.get("reason") or {}).get("reasonClass"))
        for each in record.get("history") or ()
    }
    return record.get("diagnoser", ""), causes


def cause_problems(
    diagnoser: Object,
    pods: Iterable[Object],
    events: Iterable[Object] = (),
    forgotten: Container[str] = (),
) -> list[str]:
    """Say which crashes have another cause in the status, or in Events, than on their Pods.

    Args:
        diagnoser: the PodDiagnoser.
        pods: the Pods that it claims.
        events: Events about crashes that were not told before their evidence was there.
        forgotten: ids of crashes whose record was taken off a Pod. The status still says what it
            said of them, also where a record that began anew no longer finds the evidence.
    """
    recorded: dict[str, str] = {}
    for pod in pods:
        by, causes = recorded_causes(pod)
        if by == uid_of(diagnoser):
            recorded |= causes
    status = diagnoser.get("status") or {}
    told = [
        ("status", one["id"], named(one["cause"], one.get("reasonClass")))
        for one in status.get("recentDiagnoses") or []
    ]
    for event in events:
        said = annotations_of(event)
        cause = named(said.get(f"{PREFIX}cause", ""), said.get(f"{PREFIX}reason-class"))
        told.append(("Event", said.get(f"{PREFIX}crash", ""), cause))
    return [
        f"crash {identity}: {recorded[identity]}, in the {where} {cause}"
        for where, identity, cause in told
        if identity not in forgotten and recorded.get(identity, cause) != cause
    ]


def pod_hash(uid: str) -> str:
    """Return what stands for a Pod in status.writerMemory."""
    return base64.urlsafe_b64encode(hashlib.sha256(uid.encode()).digest()[:6]).decode()


def counted_pods(status: Mapping[str, Any] | None) -> list[str]:
    """Return what stands for each of the Pods that a status counts."""
    text = (status or {}).get("writerMemory") or ""
    return [text[start : start + 8] for start in range(0, len(text), 8)]


def shown(pod: Object) -> dict[str, str]:
    """Return our annotations of a Pod, without their prefix."""
    return {
        key.removeprefix(PREFIX): value
        for key, value in annotations_of(pod).items()
        if key in OUR_ANNOTATIONS
    }


def condition(diagnoser: Object, kind: str) -> tuple[str, str]:
    """Return status and reason of a condition."""
    for one in (diagnoser.get("status") or {}).get("conditions") or []:
        if one["type"] == kind:
            return one["status"], one["reason"]
    return "", ""


# What should be in the end


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the crashes of a Pod, beside its status.

    Attributes:
        crashes: all that there were, oldest first.
        specs: of all PodDiagnosers that there ever were in its namespace.
        causes: by container id, another cause that Events may name.
        jumped: whether the node's clock was ever set.
        rewritten: whether others rewrote what it shows.
    """

    crashes: Sequence[Crash]
    specs: Sequence[Mapping[str, Any]]
    causes: Mapping[str, str]
    jumped: bool
    rewritten: bool = False

    def reportable(self, owner: Object, pod: Object, crash: Crash) -> Reportable:
        """Return whether a crash is to be reported."""
        probed = crash.container_id in self.causes
        return reportable(owner["spec"], pod, crash, probed=probed, unclear=True)

    def ever_reportable(self, pod: Object, crash: Crash) -> bool:
        """Return whether a crash may have been reportable at any time."""
        probed = crash.container_id in self.causes
        return any(
            reportable(each, pod, crash, probed=probed, unclear=True) is not Reportable.NO
            for each in self.specs
        )


def pod_problems(pod: Object, owner: Object | None, known: Known) -> list[str]:
    """Say what a Pod shows that it should not, or lacks.

    Args:
        pod: the Pod.
        owner: the PodDiagnoser that claims it, or None.
        known: of its crashes.
    """
    managed, crashes = shown(pod), crashes_of(pod)
    if owner is None:
        found = [f"no PodDiagnoser claims it, but it has {sorted(managed)}"] if managed else []
        return found + (
            ["no PodDiagnoser claims it, but it has the label"] if LABEL in labels_of(pod) else []
        )
    due = [crash for crash in crashes if known.reportable(owner, pod, crash) is Reportable.YES]
    if "restart-reason" not in managed:
        return [f"it does not show {due}"] if due else []
    problems = _problems_of_what_is_shown(managed, pod, due, known)
    try:
        record = json.loads(managed.get("crashes", "{}"))
    except ValueError:  # others wrote it; with a crash to show the hook would have written it anew
        return [*problems, "its memory cannot be read"] if due else problems
    if due and record.get("diagnoser") != uid_of(owner):
        problems.append(f"its memory is of {record.get('diagnoser')}")
    if not record.get("history"):
        problems.append("it records no crash")
    return problems


def _problems_of_what_is_shown(
    managed: Mapping[str, str], pod: Object, due: Sequence[Crash], known: Known
) -> list[str]:
    """Compare what a Pod shows with its crashes.

    A crash is shown as the cause as soon as its container ends, and as the reason of the restart
    once that is started again. If it has come to be ignored in between, the two are not of one.
    """
    current = {crash.container_id: crash for crash in crashes_of(pod)}
    reported_once = [
        crash
        for crash in (current.get(each.container_id, each) for each in known.crashes)
        if known.ever_reportable(pod, crash)
    ]
    restarts = [
        crash
        for crash in reported_once
        if (managed.get("restart-time"), managed["restart-reason"]) == (crash.finished, crash.words)
    ]
    if known.rewritten and not due:
        return []  # of a crash that its status no longer has, nothing can be written anew
    if not restarts:
        return [f"it shows {dict(managed)}, which never was or is to be ignored"]
    causes = [
        crash
        for crash in reported_once
        if managed.get("container") == crash.container
        and managed.get("cause") in (crash.cause, known.causes.get(crash.container_id))
        and (crash.finished >= restarts[0].finished or known.jumped)
    ]
    problems = []
    if not causes:
        problems.append(
            f"container and cause are {managed.get('container')}, {managed.get('cause')}"
        )
    if not managed.get("diagnosis"):
        problems.append("there is no diagnosis")
    latest = max((crash.finished for crash in due), default="")
    for shown_ in filter(None, (restarts, causes)):
        # Where the node's clock was set it is unknown which container's crash is the later one.
        single = len(due) == len(current) == 1 and not any(crash in due for crash in shown_)
        if (max(crash.finished for crash in shown_) < latest and not known.jumped) or single:
            problems.append(f"it shows {shown_[0]} and not the latest of {due}")
    return problems


def remediating(diagnoser: Object) -> tuple[str, str]:
    """Return what the condition Remediating should say, where nothing is in the way."""
    action, policy = diagnoser["spec"]["remediationAction"], diagnoser["spec"]["remediation"]
    if not action:
        return "False", "NoAction"
    if not active(diagnoser):
        return "False", "Inactive"
    if action == "LogEvent":
        return "True", "LoggingEvents"
    if policy["paused"] or policy["dryRun"]:
        return "False", "Paused" if policy["paused"] else "DryRun"
    return "True", "ReplacingPods"


def status_problems(
    diagnoser: Object, pods: Iterable[Object], causes: Mapping[str, str]
) -> list[str]:
    """Say what a PodDiagnoser's status says that is not so, or does not say.

    Args:
        diagnoser: the PodDiagnoser.
        pods: the Pods that it claims.
        causes: by container id, another cause that Events may name.
    """
    status = diagnoser.get("status") or {}
    problems = []
    if status.get("observedGeneration") != diagnoser["metadata"]["generation"]:
        problems.append(f"observedGeneration is {status.get('observedGeneration')}")
    expected = {
        "Active": ("True", "Claiming") if active(diagnoser) else ("False", "AnnotationsDisabled"),
        "Complete": ("True", "AllRead"),
        "Remediating": remediating(diagnoser),
    }
    refused = any(entry["reason"] == "Forbidden" for entry in entries_of(diagnoser).values())
    for kind, wanted in expected.items():
        found = condition(diagnoser, kind)
        excused = refused or found == ("True", "BlockedByDisruptionBudget")
        if found != wanted and not (kind == "Remediating" and excused):
            problems.append(f"{kind} is {found} and should be {wanted}")
    recent = status.get("recentDiagnoses") or []
    if recent and status.get("lastProcessedPod") != recent[0]["pod"]:
        problems.append(f"lastProcessedPod is {status.get('lastProcessedPod')}")
    ends = {(one["podUID"], one["time"], one["reason"]) for one in recent if one.get("time")}
    oldest = min((one.get("time") or "" for one in recent), default="")
    for pod in pods:
        if labels_of(pod).get(LABEL) != name_of(diagnoser):
            continue
        for crash in reportable_crashes(diagnoser, pod, causes):
            end = (uid_of(pod), crash.finished, crash.words)
            if end not in ends and (len(recent) < 10 or crash.finished > oldest):
                problems.append(f"it does not report Pod {name_of(pod)}: {end}")
    return problems


TOLD_FOR = timedelta(minutes=55)
COMMON = re.compile(r"(\d+) Pods .*?crashed .*?, (?:from|at) (\S+?)[:,] (.+)\. A hint, not a cause")


def common_factor_problems(
    diagnoser: Object, crashes: Sequence[tuple[str, Sequence[Crash]]], now: datetime
) -> list[str]:
    """Say what a PodDiagnoser claims that Pods have in common and that is not so.

    Args:
        diagnoser: the PodDiagnoser.
        crashes: of each Pod that it claims its node and all its crashes that there were.
        now: the time of the API server.
    """
    status, reason = condition(diagnoser, "CommonFactor")
    if (status, reason) == ("False", "NothingInCommon"):
        return []
    message = next(
        one["message"] for one in diagnoser["status"]["conditions"] if one["type"] == "CommonFactor"
    )
    told = COMMON.match(message)
    if status != "True" or told is None:
        return [f"CommonFactor is {status}, {reason}: {message}"]
    first = parse_timestamp(told[2])
    nodes = [
        node
        for node, of in crashes
        if any(first <= each.at <= first + timedelta(minutes=1) for each in of)
    ]
    problems = []
    if len(nodes) < max(3, int(told[1])):
        problems.append(f"{len(nodes)} Pods crashed in that minute: {message}")
    on_node = re.search(r"(all|\d+ of them) on node ([-a-z0-9.]+)", told[3])
    if on_node and nodes.count(on_node[2]) < 0.75 * int(told[1]):
        problems.append(f"the Pods of that minute were on {nodes}: {message}")
    if reason == "SameNode" and len({node for node, _ in crashes}) == 1:
        problems.append(f"all Pods are on one node: {message}")
    if not timedelta(0) <= now - first <= TOLD_FOR + timedelta(seconds=5):
        problems.append(f"it is {now}, which is too long after it: {message}")
    return problems


def reportable_crashes(diagnoser: Object, pod: Object, causes: Mapping[str, str]) -> list[Crash]:
    """Return the crashes of a Pod that are reportable for certain."""
    return [
        crash
        for crash in crashes_of(pod)
        if reportable(diagnoser["spec"], pod, crash, probed=crash.container_id in causes)
        is Reportable.YES
    ]


def unaccounted(diagnoser: Object, pods: Iterable[Object], causes: Mapping[str, str]) -> str:
    """Say of how many crashed Pods nothing is said, neither done nor withheld; "" for none."""
    if diagnoser["spec"]["remediationAction"] not in REPLACING or not active(diagnoser):
        return ""
    entries = [entry["podUID"] for entry in entries_of(diagnoser).values()]
    missing = [
        name_of(pod)
        for pod in pods
        if reportable_crashes(diagnoser, pod, causes)
        and labels_of(pod).get(LABEL) == name_of(diagnoser)
        and uid_of(pod) not in entries
    ]
    withheld = (diagnoser.get("status") or {}).get("withheld") or []
    counted = sum(each["crashes"] for each in withheld)
    return "" if counted >= len(missing) else f"{missing}, and {counted} withheld"


# For reports


def abstract(store: Store, diagnoser: Object) -> int:
    """Return a number for the state of things, without names and times."""
    status = diagnoser.get("status") or {}
    entries = sorted((entry["phase"], entry["reason"]) for entry in entries_of(diagnoser).values())
    withheld = [(each["reason"], each["crashes"]) for each in status.get("withheld") or []]
    conditions = [(one["type"], one["reason"]) for one in status.get("conditions") or []]
    pods = sorted(
        (
            labels_of(pod).get(LABEL, "") == name_of(diagnoser),
            shown(pod).get("cause", ""),
            len(crashes_of(pod)),
            is_terminating(pod),
        )
        for pod in store.select(POD, diagnoser["metadata"]["namespace"])
    )
    policy = diagnoser["spec"]["remediation"]
    filters = (diagnoser["spec"].get("ignore"), diagnoser["spec"].get("thresholds"))
    wanted = (diagnoser["spec"]["remediationAction"], policy["paused"], policy["dryRun"], filters)
    facts = repr((entries, withheld, conditions, pods, wanted, status.get("diagnosedPods", 0)))
    return int.from_bytes(hashlib.sha256(facts.encode()).digest()[:8], "big")


def summary(resource: Resource, obj: Object) -> str:
    """Return the state of an object, for a trace."""
    if resource is POD:
        parts = [f"uid {uid_of(obj)[:8]}"]
        if is_terminating(obj):
            parts.append("terminating")
        parts += [
            f"{crash.container} crashed {crash.finished[11:19]} {crash.reason}/{crash.code}"
            for crash in crashes_of(obj)
        ]
        if LABEL in labels_of(obj):
            parts.append(f"label {labels_of(obj)[LABEL]}")
        if "restart-reason" in shown(obj):
            cause, time = (shown(obj).get(key, "") for key in ("cause", "restart-time"))
            parts.append(f"shows {cause or 'no cause'} {time[11:19]}")
        return ", ".join(parts)
    if resource.kind == "PodDiagnoser":
        status = obj.get("status") or {}
        entries = [
            f"{one['pod']} {one['phase']}/{one['reason']}" for one in entries_of(obj).values()
        ]
        withheld = [f"{one['reason']} {one['crashes']}" for one in status.get("withheld") or []]
        action = obj["spec"]["remediationAction"] or "nothing"
        return (
            f"{action}; {status.get('diagnosedPods')} diagnosed; "
            f"{condition(obj, 'Remediating')[1]}; {entries}; withheld {withheld}"
        )
    if resource.kind == "Event":
        return f"{obj['reason']}: {obj.get('message', '')[:100]}"
    return ""
