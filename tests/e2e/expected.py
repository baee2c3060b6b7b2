"""What Pods and PodDiagnosers should show in the end, derived from the Pods alone.

For PodDiagnosers that ignore nothing. Written apart from the hook, of which nothing is imported.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

from simulator.objects import labels_of, name_of, parse_timestamp, uid_of
from tests.simulation.schedules import specification as spec

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime, timedelta

    from controlplane.client import Json

REPLACING = ("RestartPod", "EvictPod")


@dataclass(frozen=True, slots=True)
class Crash:
    """The latest end of a container that was restarted.

    Attributes:
        container: Its name.
        container_id: Of the run that ended.
        words: How the annotation and the status word it.
        cause: By the Pod's status.
        finished: When it ended, as the node tells.
    """

    container: str
    container_id: str
    words: str
    cause: str
    finished: str

    @property
    def at(self) -> datetime:
        """When it ended."""
        return parse_timestamp(self.finished)

    def is_fresh(self, now: datetime, slack: timedelta) -> bool:
        """Whether it is recent, give or take."""
        return -spec.AHEAD - slack <= now - self.at < spec.FRESH + slack


def crash_of(pod: Json) -> Crash | None:
    """The latest crash that the status of a Pod with one container shows."""
    for status in (pod.get("status") or {}).get("containerStatuses") or []:
        ended = (status.get("lastState") or {}).get("terminated")
        if status["restartCount"] and ended:
            reason, code = ended["reason"], ended["exitCode"]
            return Crash(
                status["name"],
                ended["containerID"],
                f"{reason} (Exit Code: {code})",
                spec.CAUSES[reason, code],
                ended["finishedAt"],
            )
    return None


def ended(pod: Json) -> bool:
    """Whether a container of a Pod ended, restarted or not."""
    return any(
        "terminated" in (status.get(which) or {})
        for status in (pod.get("status") or {}).get("containerStatuses") or []
        for which in ("state", "lastState")
    )


def pod_problems(pod: Json, owner: Json | None) -> list[str]:
    """What a Pod shows that it should not, or lacks.

    Args:
        pod: The Pod.
        owner: The PodDiagnoser that claims it, or None.

    Returns:
        The problems.
    """
    ours, crash = spec.shown(pod), crash_of(pod)
    if owner is None:
        found = [f"it is nobody's and has {sorted(ours)}"] if ours else []
        return found + (
            ["it is nobody's and has the label"] if spec.LABEL in labels_of(pod) else []
        )
    if crash is None:
        return [f"it never crashed and shows {ours}"] if "restart-reason" in ours else []
    should = {
        "restart-reason": crash.words,
        "restart-time": crash.finished,
        "container": crash.container,
        "cause": crash.cause,
    }
    problems = [
        f"{key} is {ours.get(key)} and should be {value}"
        for key, value in should.items()
        if ours.get(key) != value
    ]
    if not ours.get("diagnosis"):
        problems.append("there is no diagnosis")
    if labels_of(pod).get(spec.LABEL) != name_of(owner):
        problems.append(f"its label is {labels_of(pod).get(spec.LABEL)}")
    record = json.loads(ours.get("crashes", "{}"))
    if record.get("diagnoser") != uid_of(owner):
        problems.append(f"its memory is of {record.get('diagnoser')}")
    if not record.get("history"):
        problems.append("it remembers no crash")
    return problems


def status_problems(diagnoser: Json, pods: Iterable[Json]) -> list[str]:
    """What a PodDiagnoser's status says that is not so, or does not say.

    Args:
        diagnoser: The PodDiagnoser.
        pods: The Pods that it claims.

    Returns:
        The problems.
    """
    status = diagnoser.get("status") or {}
    problems = []
    if status.get("observedGeneration") != diagnoser["metadata"]["generation"]:
        problems.append(f"observedGeneration is {status.get('observedGeneration')}")
    should = {
        "Active": ("True", "Claiming"),
        "Complete": ("True", "AllRead"),
        "Remediating": spec.remediating(diagnoser),
    }
    for kind, wanted in should.items():
        found = spec.condition(diagnoser, kind)
        if found != wanted:
            problems.append(f"{kind} is {found} and should be {wanted}")
    recent = status.get("recentDiagnoses") or []
    if recent and status.get("lastProcessedPod") != recent[0]["pod"]:
        problems.append(f"lastProcessedPod is {status.get('lastProcessedPod')}")
    said = {(one["podUID"], one.get("time"), one["reason"]) for one in recent}
    oldest = min((one.get("time") or "" for one in recent), default="")
    for pod in pods:
        crash = crash_of(pod)
        if crash is None:
            continue
        end = (uid_of(pod), crash.finished, crash.words)
        if end not in said and (len(recent) < 10 or crash.finished > oldest):
            problems.append(f"it does not tell of Pod {name_of(pod)}: {end}")
    return problems


def unaccounted(diagnoser: Json, pods: Iterable[Json]) -> str:
    """Of how many crashed Pods nothing is said, neither done nor withheld; "" for none."""
    if diagnoser["spec"].get("remediationAction") not in REPLACING:
        return ""
    entries = [entry["podUID"] for entry in spec.entries_of(diagnoser).values()]
    silent = [
        name_of(pod) for pod in pods if crash_of(pod) is not None and uid_of(pod) not in entries
    ]
    withheld = (diagnoser.get("status") or {}).get("withheld") or []
    said = sum(each["crashes"] for each in withheld)
    return "" if said >= len(silent) else f"{silent}, and {said} withheld"
