"""What should be, derived from the world alone: the Pods, the PodDiagnosers, the time.

Written apart from the hook, and as plainly as possible: nothing of it is imported here.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from simulator.objects import (
    Object,
    annotations_of,
    controller_of,
    is_terminating,
    labels_of,
    name_of,
    parse_timestamp,
    uid_of,
)
from simulator.resources import POD, Resource
from simulator.store import Store

PREFIX = "diagnostics.local.io/"
LABEL = f"{PREFIX}diagnoser"
OPT_OUT = f"{PREFIX}remediate"
MIRROR = "kubernetes.io/config.mirror"
OUR_ANNOTATIONS = frozenset(
    PREFIX + name
    for name in (
        "restart-reason",
        "restart-time",
        "container",
        "cause",
        "diagnosis",
        "crashes",
        "termination-message",
        "log",
    )
)
FRESH = timedelta(minutes=30)
AHEAD = timedelta(minutes=5)
HOUR = timedelta(hours=1)
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
        finished: when it ended, as the node tells.
    """

    container: str
    container_id: str
    reason: str
    code: int
    finished: str

    @property
    def cause(self) -> str:
        """The cause by the Pod's status."""
        return CAUSES[self.reason, self.code]

    @property
    def at(self) -> datetime:
        """When it ended."""
        return parse_timestamp(self.finished)


def crash_of(pod: Object) -> Crash | None:
    """Return the latest end of a Pod's container that was restarted, as its status shows it."""
    for status in pod["status"].get("containerStatuses") or []:
        ended = (status.get("lastState") or {}).get("terminated")
        if status["restartCount"] and ended:
            return Crash(
                status["name"],
                ended["containerID"],
                ended["reason"],
                ended["exitCode"],
                ended["finishedAt"],
            )
    return None


def ended(pod: Object) -> bool:
    """Tell whether a Pod's container ended, restarted already or not."""
    return any(
        "terminated" in (status.get(which) or {})
        for status in pod["status"].get("containerStatuses") or []
        for which in ("state", "lastState")
    )


def crashes_shown(pod: Object) -> frozenset[tuple[str, str, str]]:
    """Return what a Pod shows that ended and was restarted: uid, container, container id."""
    crash = crash_of(pod)
    if crash is None:
        return frozenset()
    return frozenset({(uid_of(pod), crash.container, crash.container_id)})


def fresh(crash: Crash, now: datetime, slack: float = 2.0) -> bool:
    """Tell whether a crash is recent by the API server's clock."""
    margin = timedelta(seconds=slack)
    return -AHEAD - margin <= now - crash.at < FRESH + margin


# Claiming


def active(diagnoser: Object) -> bool:
    """Tell whether a PodDiagnoser claims Pods."""
    return bool(diagnoser["spec"].get("enableAnnotations", True))


def matches(diagnoser: Object, pod: Object) -> bool:
    """Tell whether a PodDiagnoser asks for a Pod."""
    wanted = diagnoser["spec"].get("targetLabels") or {}
    same = diagnoser["metadata"]["namespace"] == pod["metadata"]["namespace"]
    return same and wanted.items() <= labels_of(pod).items()


def claimant(diagnosers: Iterable[Object], pod: Object) -> Object | None:
    """Return whose a Pod is: the oldest active PodDiagnoser's that asks for it, then by name."""
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


def forbidden_by_pod(
    diagnoser: Object, pod: Object, now: datetime, late: timedelta = timedelta(0)
) -> list[str]:
    """Say what of a Pod forbids to delete it.

    Args:
        diagnoser: the PodDiagnoser for which it is to be deleted.
        pod: the Pod.
        now: the time.
        late: by how much later than it was asked for this may be carried out.
    """
    policy = diagnoser["spec"]["remediation"]
    owner, crash = controller_of(pod) or {}, crash_of(pod)
    included = policy.get("include") or []
    age = now - parse_timestamp(pod["metadata"]["creationTimestamp"])
    priority = pod["spec"].get("priorityClassName", "")
    checks = (
        (is_terminating(pod), "it is being deleted already"),
        (MIRROR in annotations_of(pod), "it is the mirror of a static Pod"),
        (annotations_of(pod).get(OPT_OUT) == "false", "its owner asked to leave it alone"),
        (not owner or owner["kind"] == "Node", "nobody would replace it"),
        (owner.get("kind") == "DaemonSet" and "DaemonSetPods" not in included, "DaemonSet"),
        (owner.get("kind") == "Job" and "JobPods" not in included, "Job"),
        (priority.startswith("system-") and "SystemCriticalPods" not in included, priority),
        (labels_of(pod).get(LABEL) != name_of(diagnoser), "it does not carry the label"),
        (not matches(diagnoser, pod), "it lacks a target label"),
        (crash is None, "it did not crash"),
        (crash is not None and not fresh(crash, now - late), "its crash is not fresh"),
        (crash is not None and crash.cause not in policy["causes"], "its cause is not listed"),
        (age < timedelta(seconds=policy["minPodAgeSeconds"] - 2), "it is too young"),
    )
    return [problem for holds, problem in checks if holds]


def owner_uid(pod: Object) -> str:
    """Return the uid of a Pod's controller."""
    return str((controller_of(pod) or {}).get("uid", ""))


# Parts of objects


def foreign_part(obj: Object) -> Object:
    """Return all of an object that is neither ours nor the API server's bookkeeping."""
    metadata = {
        key: value
        for key, value in obj["metadata"].items()
        if key not in ("managedFields", "resourceVersion", "labels", "annotations")
    }
    labels = {key: value for key, value in labels_of(obj).items() if key != LABEL}
    annotations = {
        key: value for key, value in annotations_of(obj).items() if key not in OUR_ANNOTATIONS
    }
    rest = {key: value for key, value in obj.items() if key != "metadata"}
    if obj["kind"] == "PodDiagnoser":
        rest.pop("status", None)
    return {**rest, "metadata": {**metadata, "labels": labels, "annotations": annotations}}


def entries_of(diagnoser: Mapping[str, Any]) -> dict[str, Object]:
    """Return what a PodDiagnoser says of remediations, by crash id."""
    status = diagnoser.get("status") or {}
    return {entry["id"]: entry for entry in status.get("remediations") or []}


def pod_hash(uid: str) -> str:
    """Return what stands for a Pod in status.countedPods."""
    return hashlib.sha256(uid.encode()).hexdigest()[:12]


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


def pod_problems(pod: Object, owner: Object | None, causes: Mapping[str, str]) -> list[str]:
    """Say what a Pod shows that it should not, or lacks.

    Args:
        pod: the Pod.
        owner: the PodDiagnoser that claims it, or None.
        causes: of crashes of which Events may tell more: another cause, by container id.
    """
    ours, crash = shown(pod), crash_of(pod)
    if owner is None:
        found = [f"it is nobody's and has {sorted(ours)}"] if ours else []
        return found + (["it is nobody's and has the label"] if LABEL in labels_of(pod) else [])
    if crash is None:
        return [f"it never crashed and shows {ours}"] if "restart-reason" in ours else []
    expected = {
        "restart-reason": f"{crash.reason} (Exit Code: {crash.code})",
        "restart-time": crash.finished,
        "container": crash.container,
    }
    problems = [
        f"{key} is {ours.get(key)} and should be {value}"
        for key, value in expected.items()
        if ours.get(key) != value
    ]
    if ours.get("cause") not in (crash.cause, causes.get(crash.container_id)):
        problems.append(f"cause is {ours.get('cause')} and should be {crash.cause}")
    if not ours.get("diagnosis"):
        problems.append("there is no diagnosis")
    record = json.loads(ours.get("crashes", "{}"))
    if record.get("diagnoser") != uid_of(owner):
        problems.append(f"its memory is of {record.get('diagnoser')}")
    if not record.get("history"):
        problems.append("it remembers no crash")
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


def status_problems(diagnoser: Object, pods: Iterable[Object]) -> list[str]:
    """Say what a PodDiagnoser's status says that is not so, or does not say.

    Args:
        diagnoser: the PodDiagnoser.
        pods: the Pods that it claims.
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
        if found != wanted and not (kind == "Remediating" and refused):
            problems.append(f"{kind} is {found} and should be {wanted}")
    recent = status.get("recentDiagnoses") or []
    if recent and status.get("lastProcessedPod") != recent[0]["pod"]:
        problems.append(f"lastProcessedPod is {status.get('lastProcessedPod')}")
    told = {(one["podUID"], one["time"], one["reason"]) for one in recent if one.get("time")}
    oldest = min((one.get("time") or "" for one in recent), default="")
    for pod in pods:
        crash = crash_of(pod)
        if crash is None or labels_of(pod).get(LABEL) != name_of(diagnoser):
            continue
        end = (uid_of(pod), crash.finished, f"{crash.reason} (Exit Code: {crash.code})")
        if end not in told and (len(recent) < 10 or crash.finished > oldest):
            problems.append(f"it does not tell of Pod {name_of(pod)}: {end}")
    return problems


def unaccounted(diagnoser: Object, pods: Iterable[Object]) -> str:
    """Say of how many crashed Pods nothing is said, neither done nor withheld; "" for none."""
    if diagnoser["spec"]["remediationAction"] not in REPLACING or not active(diagnoser):
        return ""
    entries = [entry["podUID"] for entry in entries_of(diagnoser).values()]
    silent = [
        name_of(pod)
        for pod in pods
        if crash_of(pod) is not None
        and labels_of(pod).get(LABEL) == name_of(diagnoser)
        and uid_of(pod) not in entries
    ]
    withheld = (diagnoser.get("status") or {}).get("withheld") or []
    said = sum(each["crashes"] for each in withheld)
    return "" if said >= len(silent) else f"{silent}, and {said} withheld"


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
            crash_of(pod) is not None,
            is_terminating(pod),
        )
        for pod in store.select(POD, "default")
    )
    policy = diagnoser["spec"]["remediation"]
    wanted = (diagnoser["spec"]["remediationAction"], policy["paused"], policy["dryRun"])
    facts = repr((entries, withheld, conditions, pods, wanted, status.get("diagnosedPods", 0)))
    return int.from_bytes(hashlib.sha256(facts.encode()).digest()[:8], "big")


def summary(resource: Resource, obj: Object) -> str:
    """Word the state of an object for a story."""
    if resource is POD:
        crash = crash_of(obj)
        parts = [f"uid {uid_of(obj)[:8]}"]
        if is_terminating(obj):
            parts.append("terminating")
        if crash is not None:
            parts.append(f"crashed {crash.finished[11:19]} {crash.reason}/{crash.code}")
        if LABEL in labels_of(obj):
            parts.append(f"label {labels_of(obj)[LABEL]}")
        if "restart-reason" in shown(obj):
            parts.append(f"shows {shown(obj)['cause']} {shown(obj).get('restart-time', '')[11:19]}")
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
