"""The evaluation of the storm on a real cluster finds what is wrong, in made-up audit logs."""

import copy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from dev.envtest.credentials import METACONTROLLER
from tests.dev.e2e.made_up_log import ADMIN, HOOK, KUBELET, MadeUpLog
from tests.e2e import auditlog
from tests.e2e.evaluation import FinalState, evaluate, evaluate_final_state, evaluate_quiet
from tests.simulation import specification as spec
from tests.simulation.properties import Property


def violated(made_up: MadeUpLog, folder: Path, faults: int = 0) -> set[Property]:
    """Return what does not hold of a log."""
    return {each.property for each in evaluate(made_up.calls(folder), faults).violations}


def good() -> MadeUpLog:
    """Two Pods are replaced, a third crashes and is withheld for now, and all of it is reported."""
    made_up = MadeUpLog()
    for name in ("a", "b"):
        made_up.replace(name, owner=f"set-{name}")
    made_up.start("c")
    made_up.wait(5)
    made_up.crash("c")
    made_up.annotate("c")
    made_up.plan("c", phase="Deferred", settledAt=made_up.time())
    return made_up


def reporting() -> MadeUpLog:
    """Have a Pod crash twice, and both crashes reported."""
    made_up = MadeUpLog("LogEvent")
    made_up.start("a", owner=None)
    for number in ("1", "2"):
        made_up.wait(5)
        made_up.crash("a")
        made_up.annotate("a")
        made_up.read("pods", "a")
        made_up.post_event("a", digest=number)
    diagnosis = {
        "id": "crash-of-a",
        "cause": "ApplicationError",
        "pod": "a",
        "podUID": "uid-of-a",
        "reason": "Error (Exit Code: 1)",
        "time": made_up.pod("a")["metadata"]["annotations"]["diagnostics.local.io/restart-time"],
    }
    counted = story_hash("a")
    made_up.report(
        recentDiagnoses=[diagnosis], lastProcessedPod="a", writerMemory=counted, diagnosedPods=1
    )
    return made_up


def story_hash(name: str) -> str:
    """Return what stands for a Pod in writerMemory."""
    made_up = MadeUpLog()
    made_up.start(name)
    made_up.crash(name)
    made_up.plan(name)
    found: str = made_up.diagnoser()["status"]["writerMemory"]
    return found


@pytest.mark.parametrize("made", [good, reporting], ids=["good", "reporting"])
def test_nothing_is_wrong_with_what_is_right(tmp_path: Path, made: Callable[[], MadeUpLog]) -> None:
    """A log of a hook that does as it should, and its end, violate nothing."""
    made_up = made()
    calls = made_up.calls(tmp_path)
    verdict = evaluate(calls)
    assert [
        str(each) for each in (*verdict.violations, *evaluate_final_state(calls, made_up.end()))
    ] == []
    assert verdict.counts["crashes"] == (3 if made is good else 2)


def test_what_happened_is_counted(tmp_path: Path) -> None:
    """Deletions, Events, plans and writes are counted."""
    counts = evaluate(good().calls(tmp_path)).counts
    assert counts["Pods deleted by the hook"] == counts["Events PodDeleted"] == counts["plans"] == 2
    assert counts["done: Deleted"] == 2
    assert counts["pods written"] == 3


# Each way to be wrong


def no_plan(made_up: MadeUpLog) -> None:
    """A Pod is deleted without a plan."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.reads("a")
    made_up.delete("a")


def plan_stored_later(made_up: MadeUpLog) -> None:
    """The plan is stored after the deletion."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.reads("a")
    made_up.delete("a")
    made_up.plan("a")


def plan_is_old(made_up: MadeUpLog) -> None:
    """A plan is executed three minutes later."""
    made_up.crashes_and_is_planned("a")
    made_up.wait(180)
    made_up.reads("a")
    made_up.delete("a")


def plan_for_another_uid(made_up: MadeUpLog) -> None:
    """A plan for a Pod of the same name is executed on its successor."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.plan("a", podUID="uid-of-the-former")
    made_up.reads("a")
    made_up.delete("a")


def torn_deletion_without_plan(made_up: MadeUpLog) -> None:
    """A deletion is never answered, had its effect, and was not planned."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.reads("a")
    made_up.delete("a", torn=True)
    made_up.goes("a")


def no_diagnosis(made_up: MadeUpLog) -> None:
    """A plan says nothing of the crash."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.plan("a", diagnosis="")
    made_up.reads("a")
    made_up.delete("a")


def pod_not_read(made_up: MadeUpLog) -> None:
    """The Pod is deleted unseen."""
    made_up.crashes_and_is_planned("a")
    made_up.read("poddiagnosers", "diagnoser")
    made_up.delete("a")


def diagnoser_not_read(made_up: MadeUpLog) -> None:
    """The PodDiagnoser is not looked at."""
    made_up.crashes_and_is_planned("a")
    made_up.read("pods", "a")
    made_up.delete("a")


def read_long_before(made_up: MadeUpLog) -> None:
    """What was read a minute ago is acted on."""
    made_up.crashes_and_is_planned("a")
    made_up.reads("a")
    made_up.wait(60)
    made_up.delete("a")


def reported_without_a_read(made_up: MadeUpLog) -> None:
    """An Event is created for a Pod that was not read."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.post_event("a")


def without(which: str) -> Callable[[MadeUpLog], None]:
    """Return a deletion without one of the preconditions."""

    def wrong(made_up: MadeUpLog) -> None:
        made_up.crashes_and_is_planned("a")
        made_up.reads("a")
        if which == "uid":
            made_up.delete("a", uid="")
        else:
            made_up.delete("a", resourceVersion="")

    return wrong


def with_policy(**policy: object) -> Callable[[MadeUpLog], None]:
    """Return a deletion though the spec says otherwise."""

    def wrong(made_up: MadeUpLog) -> None:
        made_up.diagnoser()["spec"]["remediation"] |= policy
        made_up.put(ADMIN, "poddiagnosers", made_up.diagnoser())
        made_up.crashes_and_is_planned("a")
        made_up.reads("a")
        made_up.delete("a")

    return wrong


def evicted_instead(made_up: MadeUpLog) -> None:
    """A Pod is evicted though it is to be deleted."""
    made_up.crashes_and_is_planned("a")
    made_up.reads("a")
    made_up.evict("a")


def bare_pod(made_up: MadeUpLog) -> None:
    """A Pod is deleted that no controller replaces."""
    made_up.crashes_and_is_planned("a", owner=None)
    made_up.reads("a")
    made_up.delete("a")


def opted_out(made_up: MadeUpLog) -> None:
    """A Pod is deleted whose owner opted out."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.pod("a")["metadata"]["annotations"]["diagnostics.local.io/remediate"] = "false"
    made_up.put(ADMIN, "pods", made_up.pod("a"))
    made_up.plan("a")
    made_up.reads("a")
    made_up.delete("a")


def twice(made_up: MadeUpLog) -> None:
    """A Pod is deleted a second time."""
    made_up.crashes_and_is_planned("a")
    for _ in range(2):
        made_up.reads("a")
        made_up.delete("a")


def twice_once_torn(made_up: MadeUpLog) -> None:
    """Each of two Pods of an owner is deleted at once, one by a request that is never answered."""
    made_up.crashes_and_is_planned("a")
    made_up.crashes_and_is_planned("b")
    made_up.reads("a")
    made_up.delete("a", torn=True)
    made_up.reads("b")
    made_up.delete("b")
    made_up.goes("a")


def beyond_the_budget(made_up: MadeUpLog) -> None:
    """A sixth Pod within ten minutes."""
    for number in range(6):
        made_up.replace(f"pod-{number}", owner=f"set-{number}")


def beyond_the_budget_by_eviction(made_up: MadeUpLog) -> None:
    """A sixth Pod is evicted within ten minutes."""
    made_up.diagnoser()["spec"]["remediationAction"] = "EvictPod"
    made_up.put(ADMIN, "poddiagnosers", made_up.diagnoser())
    for number in range(6):
        name = f"pod-{number}"
        made_up.crashes_and_is_planned(name, f"set-{number}")
        made_up.reads(name)
        made_up.evict(name)


def too_soon(made_up: MadeUpLog) -> None:
    """Two Pods of an owner within the cool-down."""
    made_up.replace("a")
    made_up.replace("b")


def too_soon_again(made_up: MadeUpLog) -> None:
    """A third Pod of an owner, when the cool-down is twice as long."""
    for name in ("a", "b", "c"):
        made_up.replace(name)
        made_up.wait(100)


def once_too_often(made_up: MadeUpLog) -> None:
    """A fourth Pod of an owner, though three replacements did not help."""
    for number in range(4):
        made_up.replace(f"pod-{number}")
        made_up.wait(130)


def reported_twice(made_up: MadeUpLog) -> None:
    """One crash, two Events."""
    made_up.start("a")
    made_up.crash("a")
    for digest in ("1", "2"):
        made_up.read("pods", "a")
        made_up.post_event("a", digest=digest)


def replacement_reported_twice(made_up: MadeUpLog) -> None:
    """One deletion, two Events on the Pod."""
    made_up.replace("a")
    made_up.post_event("a", "PodDeleted", digest="2")


def reported_late(made_up: MadeUpLog) -> None:
    """An Event for a crash of an hour ago."""
    made_up.start("a")
    made_up.crash("a")
    made_up.wait(3600)
    made_up.read("pods", "a")
    made_up.post_event("a")


def label_of_others(made_up: MadeUpLog) -> None:
    """Metacontroller removes a label of others."""
    made_up.start("a")
    made_up.crash("a")
    del made_up.pod("a")["metadata"]["labels"]["app"]
    made_up.annotate("a")


def status_of_others(made_up: MadeUpLog) -> None:
    """Metacontroller changes a Pod's status."""
    made_up.start("a")
    made_up.crash("a")
    made_up.pod("a")["status"] = {}
    made_up.put(METACONTROLLER, "pods", made_up.pod("a"))


def spec_of_others(made_up: MadeUpLog) -> None:
    """Metacontroller changes a PodDiagnoser's spec."""
    made_up.diagnoser()["spec"]["targetLabels"] = {}
    made_up.put(METACONTROLLER, "poddiagnosers", made_up.diagnoser())


def patched(made_up: MadeUpLog) -> None:
    """The hook writes on a Pod itself."""
    made_up.start("a")
    made_up.request(HOOK, "patch", "pods", "a", made_up.pod("a"))


def secret_read(made_up: MadeUpLog) -> None:
    """The hook reads what is none of its business."""
    made_up.request(HOOK, "get", "secrets", "a", {"kind": "Secret"})


def deleted_by_metacontroller(made_up: MadeUpLog) -> None:
    """Metacontroller deletes a Pod."""
    made_up.start("a")
    made_up.request(METACONTROLLER, "delete", "pods", "a", made_up.pod("a"))


def elsewhere(made_up: MadeUpLog) -> None:
    """The hook reads a Pod of a namespace without a PodDiagnoser."""
    made_up.start("a", namespace="beside")
    made_up.request(HOOK, "get", "pods", "a", made_up.pod("a"), namespace="beside")


def written_elsewhere(made_up: MadeUpLog) -> None:
    """Metacontroller writes on a Pod of a namespace without a PodDiagnoser."""
    made_up.start("a", namespace="beside")
    made_up.crash("a")
    made_up.annotate("a")


def misdated(made_up: MadeUpLog) -> None:
    """A plan is dated by a clock that is wrong."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.plan("a", plannedAt="2026-11-23T08:00:00Z")


def said_and_not_done(made_up: MadeUpLog) -> None:
    """A Pod is reported as deleted, but is still there."""
    made_up.crashes_and_is_planned("a")
    made_up.settle("a")


def counts_fewer(made_up: MadeUpLog) -> None:
    """A counted Pod is no longer counted."""
    made_up.replace("a")
    made_up.report(writerMemory="", diagnosedPods=0)


def counts_twice(made_up: MadeUpLog) -> None:
    """A Pod is counted twice."""
    made_up.report(writerMemory="0" * 16, diagnosedPods=2)


def not_understood(made_up: MadeUpLog) -> None:
    """Metacontroller does not take an answer."""
    event = {"message": "Sync error: strict validation failed for v2 webhookResponse"}
    made_up.request(METACONTROLLER, "create", "events", "a", {}, sent=event, code=201)


def invalid(made_up: MadeUpLog) -> None:
    """The API server does not take what the hook creates."""
    made_up.request(HOOK, "create", "events", "a", {"kind": "Status"}, code=422)


def unpublished(made_up: MadeUpLog) -> None:
    """The DiagnosisTarget of an active PodDiagnoser is taken away."""
    made_up.unpublish()


def outcome_time_changed(made_up: MadeUpLog) -> None:
    """The time of a done entry is changed."""
    made_up.replace("a")
    made_up.wait(5)
    made_up.settle("a")


def forgotten(made_up: MadeUpLog) -> None:
    """What was done is forgotten while it counts."""
    made_up.replace("a")
    made_up.report(remediations=[])


def same_status(made_up: MadeUpLog) -> None:
    """A status is written that says nothing new."""
    made_up.wait(5)
    made_up.report()


def same_pod(made_up: MadeUpLog) -> None:
    """A Pod is written as it is."""
    made_up.start("a")
    made_up.crash("a")
    made_up.annotate("a")
    made_up.put(METACONTROLLER, "pods", made_up.pod("a"))


def endlessly(made_up: MadeUpLog) -> None:
    """A status is written again and again."""
    for number in range(60):
        made_up.report(observedGeneration=number)


WRONG: list[tuple[Property, Callable[[MadeUpLog], None]]] = [
    (Property.PLAN_STORED_FIRST, no_plan),
    (Property.PLAN_STORED_FIRST, plan_stored_later),
    (Property.PLAN_STORED_FIRST, plan_is_old),
    (Property.PLAN_STORED_FIRST, plan_for_another_uid),
    (Property.PLAN_STORED_FIRST, torn_deletion_without_plan),
    (Property.PLAN_STORED_FIRST, evicted_instead),
    (Property.DIAGNOSIS_STORED, no_diagnosis),
    (Property.LIVE_READ_FIRST, pod_not_read),
    (Property.LIVE_READ_FIRST, diagnoser_not_read),
    (Property.LIVE_READ_FIRST, read_long_before),
    (Property.LIVE_READ_FIRST, reported_without_a_read),
    (Property.PRECONDITIONS, without("uid")),
    (Property.PRECONDITIONS, without("resourceVersion")),
    (Property.SPEC_ALLOWS, with_policy(paused=True)),
    (Property.SPEC_ALLOWS, with_policy(dryRun=True)),
    (Property.SAFEGUARDS, with_policy(minPodAgeSeconds=600)),
    (Property.SAFEGUARDS, with_policy(causes=["OutOfMemory"])),
    (Property.SAFEGUARDS, bare_pod),
    (Property.SAFEGUARDS, opted_out),
    (Property.ONE_DELETION, twice),
    (Property.BUDGET, beyond_the_budget),
    (Property.BUDGET, beyond_the_budget_by_eviction),
    (Property.COOL_DOWN, too_soon),
    (Property.COOL_DOWN, twice_once_torn),
    (Property.COOL_DOWN, too_soon_again),
    (Property.GAVE_UP, once_too_often),
    (Property.ONE_EVENT, reported_twice),
    (Property.ONE_EVENT, replacement_reported_twice),
    (Property.ONE_EVENT, reported_late),
    (Property.OTHERS, label_of_others),
    (Property.OTHERS, status_of_others),
    (Property.OTHERS, spec_of_others),
    (Property.OTHERS, patched),
    (Property.OTHERS, secret_read),
    (Property.OTHERS, deleted_by_metacontroller),
    (Property.NAMESPACE, elsewhere),
    (Property.NAMESPACE, written_elsewhere),
    (Property.SERVER_TIMES, misdated),
    (Property.DONE, said_and_not_done),
    (Property.COUNT_GROWS, counts_fewer),
    (Property.COUNT_GROWS, counts_twice),
    (Property.ANSWERED, not_understood),
    (Property.ANSWERED, invalid),
    (Property.PUBLISHED, unpublished),
    (Property.ENTRIES, outcome_time_changed),
    (Property.ENTRIES, forgotten),
    (Property.CHANGE, same_status),
    (Property.CHANGE, same_pod),
    (Property.BOUNDED, endlessly),
]


@pytest.mark.parametrize(
    ("which", "wrong"), WRONG, ids=[f"{which.name}-{how.__name__}" for which, how in WRONG]
)
def test_what_is_wrong_is_found(
    tmp_path: Path, which: Property, wrong: Callable[[MadeUpLog], None]
) -> None:
    """A log in which a property does not hold is found to violate it."""
    made_up = MadeUpLog()
    wrong(made_up)
    assert which in violated(made_up, tmp_path)


# The end


def other_reason(made_up: MadeUpLog, _: FinalState) -> None:
    """A Pod shows another crash than its latest."""
    annotations = made_up.pod("c")["metadata"]["annotations"]
    annotations["diagnostics.local.io/restart-reason"] = "OOMKilled (Exit Code: 137)"


def nothing_shown(made_up: MadeUpLog, _: FinalState) -> None:
    """A crashed Pod shows nothing."""
    made_up.pod("c")["metadata"]["annotations"] = {}


def older_spec(made_up: MadeUpLog, _: FinalState) -> None:
    """The status is of an older spec."""
    made_up.diagnoser()["metadata"]["generation"] = 2


def missing_in_status(made_up: MadeUpLog, _: FinalState) -> None:
    """The status lacks a crash."""
    status = made_up.diagnoser()["status"]
    status["recentDiagnoses"] = status["recentDiagnoses"][1:]


def uncounted(made_up: MadeUpLog, _: FinalState) -> None:
    """A crashed Pod is not counted."""
    status = made_up.diagnoser()["status"]
    status["writerMemory"] = status["writerMemory"][:-8]


def counted_for_nothing(made_up: MadeUpLog, _: FinalState) -> None:
    """A Pod is counted that never was."""
    made_up.diagnoser()["status"]["writerMemory"] += "0" * 8


def target_twice(_: MadeUpLog, end: FinalState) -> None:
    """There are two DiagnosisTargets."""
    assert isinstance(end.targets, list)
    end.targets.append(copy.deepcopy(end.targets[0]))


def plan_left(made_up: MadeUpLog, _: FinalState) -> None:
    """A plan is left."""
    made_up.diagnoser()["status"]["remediations"][0]["phase"] = "Planned"


def unaccounted(made_up: MadeUpLog, _: FinalState) -> None:
    """A crashed Pod is not reported."""
    made_up.diagnoser()["status"]["remediations"].pop(0)


def done_unsaid(made_up: MadeUpLog, _: FinalState) -> None:
    """A remediation is not reported."""
    made_up.diagnoser()["status"]["remediations"].pop()


def label_gone(made_up: MadeUpLog, _: FinalState) -> None:
    """A Pod is not as others left it, though no request says so."""
    made_up.pod("c")["metadata"]["labels"]["tier"] = "made up"


def another_cause(made_up: MadeUpLog, _: FinalState) -> None:
    """A Pod has recorded another cause of a crash than the status says."""
    annotations = made_up.pod("c")["metadata"]["annotations"]
    record = annotations["diagnostics.local.io/crashes"]
    annotations["diagnostics.local.io/crashes"] = record.replace("ApplicationError", "Killed")


WRONG_ENDS: list[tuple[Property, Callable[[MadeUpLog, FinalState], None]]] = [
    (Property.PODS, other_reason),
    (Property.PODS, nothing_shown),
    (Property.STATUS, older_spec),
    (Property.STATUS, missing_in_status),
    (Property.ONE_CAUSE, another_cause),
    (Property.COUNTED, uncounted),
    (Property.COUNTED, counted_for_nothing),
    (Property.TARGETS, target_twice),
    (Property.NO_PLAN_LEFT, plan_left),
    (Property.ACCOUNTED, unaccounted),
    (Property.DONE, done_unsaid),
    (Property.OTHERS, label_gone),
]


@pytest.mark.parametrize(
    ("which", "wrong"),
    WRONG_ENDS,
    ids=[f"{which.name}-{how.__name__}" for which, how in WRONG_ENDS],
)
def test_a_wrong_final_state_is_found(
    tmp_path: Path, which: Property, wrong: Callable[[MadeUpLog, FinalState], None]
) -> None:
    """What is there in the end and should not be, or is not there and should be, is found."""
    made_up = good()
    calls, targets = made_up.calls(tmp_path), FinalState()
    if wrong is target_twice:
        targets = made_up.end()
        wrong(made_up, targets)
    else:
        wrong(made_up, targets)
        targets = made_up.end()
    assert {each.property for each in evaluate_final_state(calls, targets)} == {which}


def test_an_event_with_another_cause_is_found(tmp_path: Path) -> None:
    """Than its Pod has recorded of the crash."""
    made_up = reporting()
    calls, end = made_up.calls(tmp_path), made_up.end()
    for event in end.events:
        event["metadata"]["annotations"][f"{spec.PREFIX}cause"] = "Killed"
    assert {each.property for each in evaluate_final_state(calls, end)} == {Property.ONE_CAUSE}


def test_an_unreported_crash_is_found(tmp_path: Path) -> None:
    """The latest crash of a Pod has no Event, though a former one has."""
    made_up = reporting()
    made_up.events.pop()
    found = evaluate_final_state(made_up.calls(tmp_path), made_up.end())
    assert {each.property for each in found} == {Property.REPORTED}


@pytest.mark.parametrize("code", [1, 2])
def test_a_report_of_an_ignored_crash_is_found(tmp_path: Path, code: int) -> None:
    """An Event for it is found; one for another is right."""
    made_up = MadeUpLog("LogEvent", {"ignore": {"exitCodes": [code]}})
    made_up.start("a")
    made_up.crash("a")
    made_up.read("pods", "a")
    made_up.post_event("a")
    assert (Property.SUPPRESSED in violated(made_up, tmp_path)) is (code == 1)


def test_a_write_after_the_end_is_found(tmp_path: Path) -> None:
    """A late write of the operator is a violation; reads, and writes of others, are none."""
    made_up = good()
    since = made_up.now
    made_up.wait(1)
    made_up.read("pods", "c")
    made_up.put(KUBELET, "pods/status", made_up.pod("c"))
    assert evaluate_quiet(made_up.calls(tmp_path), since) == []
    made_up.report(observedGeneration=1)
    found = evaluate_quiet(made_up.calls(tmp_path), since)
    assert {each.property for each in found} == {Property.QUIET}
    assert len(found) == 2, "a status is written by two requests"


def test_every_evaluated_property_is_tested() -> None:
    """Of each property there is a log that violates it, but for those with tests of their own.

    RETURN is tested by tests/e2e/test_returns.py; in the storm no container writes a secret.
    """
    tested = {which for which, _ in (*WRONG, *WRONG_ENDS)}
    tested |= {Property.REPORTED, Property.QUIET, Property.SUPPRESSED}
    assert tested == set(Property) - {Property.RETURN, Property.MASKED, Property.FAIR}


# What may look wrong and is not


def test_the_same_update_again_is_no_write(tmp_path: Path) -> None:
    """An update that is what is stored stores nothing: its version stays."""
    made_up = good()
    diagnoser = made_up.diagnoser()
    made_up.request(
        METACONTROLLER, "update", "poddiagnosers/status", "diagnoser", diagnoser, sent=diagnoser
    )
    verdict = evaluate(made_up.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["updates of poddiagnosers/status that stored nothing"] == 1


def test_a_refused_deletion_is_none(tmp_path: Path) -> None:
    """A deletion that the API server refuses is no deletion, and needs no plan."""
    made_up = good()
    for _ in range(3):
        sent = {"preconditions": {"uid": "uid-of-c", "resourceVersion": "1"}}
        refused = {"kind": "Status", "code": 409}
        made_up.request(HOOK, "delete", "pods", "c", refused, sent=sent, code=409)
    verdict = evaluate(made_up.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["deletions refused"] == 3


def test_a_torn_deletion_without_effect_is_none(tmp_path: Path) -> None:
    """A deletion that was never answered and had no effect does not count."""
    made_up = good()
    made_up.request(HOOK, "delete", "pods", "c", {}, torn=True)
    made_up.put(KUBELET, "pods/status", made_up.pod("c"))
    verdict = evaluate(made_up.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["requests that were never answered"] == 1
    assert verdict.counts["Pods deleted by the hook"] == 2


@pytest.mark.parametrize("lives_on", [True, False])
def test_a_torn_eviction_before_another_is_none(tmp_path: Path, lives_on: bool) -> None:
    """A Pod is evicted after all, by a later request: the one that was never answered is none."""
    made_up = MadeUpLog("EvictPod")
    made_up.crashes_and_is_planned("a")
    made_up.reads("a")
    made_up.request(HOOK, "create", "pods/eviction", "a", {}, torn=True)
    if lives_on:
        made_up.put(KUBELET, "pods/status", made_up.pod("a"))
    made_up.reads("a")
    made_up.evict("a")
    made_up.post_event("a", "PodEvicted")
    made_up.settle("a", reason="Evicted")
    made_up.goes("a")
    verdict = evaluate(made_up.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["Pods deleted by the hook"] == 1


def test_a_torn_read_takes_nothing_from_a_later_one(tmp_path: Path) -> None:
    """A read that was never answered stands at the end of the log, and came before all others."""
    made_up = MadeUpLog()
    made_up.crashes_and_is_planned("a")
    made_up.request(HOOK, "get", "pods", "a", {}, torn=True)
    made_up.wait(20)
    made_up.reads("a")
    made_up.delete("a")
    assert violated(made_up, tmp_path) == set()


def test_a_record_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """The API server is killed while it writes: the next record follows in the same line."""
    made_up = good()
    whole = made_up.calls(tmp_path)
    path = tmp_path / "audit.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    cut = [*lines[:-2], lines[-2][:100] + lines[-1], lines[-1][:50]]
    path.write_text("\n".join(cut), encoding="utf-8")
    found = auditlog.read(path)
    assert len(found) == len(whole)
    assert sum(not call.code for call in found) == 0


def test_faults_may_cost_writes(tmp_path: Path) -> None:
    """What is written again after a fault is within the bound."""
    made_up = MadeUpLog()
    endlessly(made_up)
    assert Property.BOUNDED not in violated(made_up, tmp_path, faults=100)


def test_a_late_deletion_is_forgiven_as_long_as_it_is_said(tmp_path: Path) -> None:
    """A request that was delayed on its way came late; by no more than what is allowed for."""
    made_up = MadeUpLog(coolDownSeconds=60)
    made_up.replace("a")
    made_up.crashes_and_is_planned("b")
    made_up.wait(48)
    made_up.reads("b")
    made_up.delete("b")
    calls = made_up.calls(tmp_path)
    assert evaluate(calls).of(Property.COOL_DOWN) != []
    assert evaluate(calls, late=timedelta(seconds=8)).of(Property.COOL_DOWN) == []
