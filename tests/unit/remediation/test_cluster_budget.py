"""The budgets of ClusterPodDiagnosers hold in every namespace and in total, whatever happens."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.cluster_diagnostics_v1 import ClusterPodDiagnoser
from pod_diagnoser.api.time import format_time
from pod_diagnoser.diagnosis.diagnose import diagnose
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.pods.observation import CrashedPod
from pod_diagnoser.remediation.model import ExecutionReport, Outcome, Phase, Reason
from pod_diagnoser.remediation.planner import plan
from tests.support.builders import Json, after, owned, parsed_pod
from tests.support.cluster_api import replacing_cluster

NAMESPACES = ("shop", "bank", "post")
DONE = (Phase.DONE, Reason.DELETED)
OUTCOMES = (
    DONE,
    DONE,
    DONE,
    (Phase.DEFERRED, Reason.BLOCKED_BY_DISRUPTION_BUDGET),
    (Phase.FAILED, Reason.REFUSED),
    (Phase.EXPIRED, Reason.CRASH_SUPERSEDED),
    None,
)
"""None: not executed yet."""

some_namespace = st.sampled_from(NAMESPACES)
some_budget = st.fixed_dictionaries(
    {
        "pods": st.integers(0, 6),
        "podsPerNamespace": st.integers(0, 4),
        "windowSeconds": st.sampled_from((60, 600, 3600)),
    }
)
some_round = st.fixed_dictionaries(
    {
        "crash": st.lists(st.tuples(some_namespace, st.integers(1, 12)), max_size=8),
        "outcomes": st.lists(st.sampled_from(OUTCOMES), min_size=1, max_size=4),
        "executed_after": st.sampled_from((0, 3, 50)),
        "seconds": st.sampled_from((1, 20, 61, 301, 640, 3000)),
    }
)
some_earlier = st.lists(st.tuples(some_namespace, st.integers(-4000, 60)), max_size=8)
"""Deletions before the first round: where, and how many seconds after its beginning. By a clock
that was ahead some may seem to come."""


@dataclass
class Course:
    """A ClusterPodDiagnoser whose plans are executed, with what really was deleted and when.

    Attributes:
        diagnoser: it, with its stored status.
        now: the time.
        deleted: what was deleted according to a plan: where, which Pod and when.
        earlier: what was deleted before.
    """

    diagnoser: ClusterPodDiagnoser
    now: datetime = field(default_factory=lambda: after(10))
    deleted: list[tuple[str, str, datetime]] = field(default_factory=list)
    earlier: list[tuple[str, str, datetime]] = field(default_factory=list)

    def sync(self, crashed: list[CrashedPod], outcomes: dict[str, Outcome]) -> None:
        """Plan, and store the plan."""
        made = plan(self.diagnoser, crashed, ExecutionReport(outcomes=outcomes), self.now)
        stored = {"remediations": made.remediations, "owners": made.owners, "action": made.action}
        status = self.diagnoser.status.model_copy(update=stored)
        self.diagnoser = self.diagnoser.model_copy(update={"status": status})

    def execute(self, outcomes: list[tuple[Phase, Reason] | None]) -> dict[str, Outcome]:
        """Execute the plans, with these outcomes in turn."""
        found = {}
        planned = [each for each in self.diagnoser.status.remediations if each.phase == "Planned"]
        for number, entry in enumerate(planned):
            outcome = outcomes[number % len(outcomes)]
            if outcome is None:
                continue
            found[entry.id] = Outcome(*outcome, self.now)
            if outcome == DONE:
                self.deleted.append((entry.pod_namespace, entry.podUID, self.now))
        return found

    def exceeded(self) -> Iterator[str]:
        """Say of each deletion by which budget it was one too many within the window."""
        budget: Any = self.diagnoser.spec.remediation.budget
        window = timedelta(seconds=budget.windowSeconds)
        for _, _, end in self.deleted:
            pods = {
                uid: where
                for where, uid, moment in (*self.earlier, *self.deleted)
                if end - window < moment <= end
            }
            if len(pods) > budget.pods:
                yield f"{len(pods)} in all"
            for where, count in Counter(pods.values()).items():
                own = any(end == moment and where == place for place, _, moment in self.deleted)
                if own and count > budget.podsPerNamespace:
                    yield f"{count} in {where}"


def started(budget: Json, earlier: list[tuple[str, int]]) -> Course:
    """Return a ClusterPodDiagnoser whose status has earlier deletions."""
    done = [(where, f"gone-{number}", after(10 + at)) for number, (where, at) in enumerate(earlier)]
    document = replacing_cluster(
        remediation={"budget": budget, "coolDownSeconds": 10, "maxAttempts": 10}
    )
    document["status"] = {
        "action": {"value": "RestartPod", "since": format_time(after(-9000)), "generation": 1},
        "remediations": [
            {
                **dict.fromkeys(("container", "cause", "message"), ""),
                "id": f"{number:016}",
                "namespace": where,
                "action": "RestartPod",
                "pod": uid,
                "podUID": uid,
                "owner": f"gone-{number}",
                "phase": "Done",
                "reason": "Deleted",
                "plannedAt": format_time(at),
                "settledAt": format_time(at),
            }
            for number, (where, uid, at) in enumerate(done)
        ],
    }
    return Course(ClusterPodDiagnoser.model_validate(document), earlier=done)


def crashed_pod(number: int, where: str, by: int, ended: datetime) -> CrashedPod:
    """Return a Pod that crashed."""
    document = owned(number, ended, by=f"{where}-{by}", created=after(-9000))
    document["metadata"]["namespace"] = where
    pod = parsed_pod(document)
    return CrashedPod(pod, diagnose(pod), parse_history(pod))


@given(budget=some_budget, earlier=some_earlier, rounds=st.lists(some_round, max_size=6))
def test_no_more_is_replaced_than_the_budgets_allow(
    budget: Json, earlier: list[tuple[str, int]], rounds: list[Json]
) -> None:
    """Neither in a namespace nor in total, in any window that ends with a deletion."""
    course, number = started(budget, earlier), 0
    shown: list[CrashedPod] = []
    for each in rounds:
        shown = shown[-4:]
        for where, by in each["crash"]:
            number += 1
            shown.append(crashed_pod(number, where, by, course.now - timedelta(seconds=1)))
        course.sync(shown, {})
        course.now += timedelta(seconds=each["executed_after"])
        outcomes = course.execute(each["outcomes"])
        gone = {uid for _, uid, _ in course.deleted}
        shown = [one for one in shown if one.pod.metadata.uid not in gone]
        course.sync(shown, outcomes)
        course.now += timedelta(seconds=each["seconds"])
    assert not list(course.exceeded())
