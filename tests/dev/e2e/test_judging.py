"""The judge of the storm on a real cluster sees what is wrong, in audit logs that are made up."""

import copy
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import pytest

from tests.dev.e2e.made_up_log import ADMIN, HOOK, KUBELET, METACONTROLLER, Trace
from tests.e2e import auditlog
from tests.e2e.judging import End, judge, judge_end, judge_stillness
from tests.simulation.properties import Property


def violated(story: Trace, folder: Path, faults: int = 0) -> set[Property]:
    """Return what does not hold of a log."""
    return {each.property for each in judge(story.calls(folder), faults).violations}


def good() -> Trace:
    """Two Pods are replaced, a third crashes and is left alone for now, and all is said of it."""
    story = Trace()
    for name in ("a", "b"):
        story.replace(name, owner=f"set-{name}")
    story.start("c")
    story.wait(5)
    story.crash("c")
    story.annotate("c")
    story.plan("c", phase="Deferred", settledAt=story.time())
    return story


def telling() -> Trace:
    """Have a Pod crash twice, and both crashes reported."""
    story = Trace("LogEvent")
    story.start("a", owner=None)
    for number in ("1", "2"):
        story.wait(5)
        story.crash("a")
        story.annotate("a")
        story.read("pods", "a")
        story.tell("a", digest=number)
    told = {
        "pod": "a",
        "podUID": "uid-of-a",
        "reason": "Error (Exit Code: 1)",
        "time": story.pod("a")["metadata"]["annotations"]["diagnostics.local.io/restart-time"],
    }
    counted = [story_hash("a")]
    story.report(recentDiagnoses=[told], lastProcessedPod="a", countedPods=counted, diagnosedPods=1)
    return story


def story_hash(name: str) -> str:
    """Return what stands for a Pod in countedPods."""
    story = Trace()
    story.start(name)
    story.crash(name)
    story.plan(name)
    found: str = story.diagnoser()["status"]["countedPods"][0]
    return found


@pytest.mark.parametrize("made", [good, telling], ids=["good", "telling"])
def test_nothing_is_wrong_with_what_is_right(tmp_path: Path, made: Callable[[], Trace]) -> None:
    """A log of a hook that does as it should, and its end, violate nothing."""
    story = made()
    calls = story.calls(tmp_path)
    verdict = judge(calls)
    assert [str(each) for each in (*verdict.violations, *judge_end(calls, story.end()))] == []
    assert verdict.counts["crashes"] == (3 if made is good else 2)


def test_what_happened_is_counted(tmp_path: Path) -> None:
    """Deletions, Events, plans and writes are counted."""
    counts = judge(good().calls(tmp_path)).counts
    assert counts["Pods deleted by the hook"] == counts["Events PodDeleted"] == counts["plans"] == 2
    assert counts["done: Deleted"] == 2
    assert counts["pods written"] == 3


# Each way to be wrong


def no_plan(story: Trace) -> None:
    """A Pod is deleted that nobody planned to delete."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.reads("a")
    story.delete("a")


def plan_stored_later(story: Trace) -> None:
    """The plan is stored after the deletion."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.reads("a")
    story.delete("a")
    story.plan("a")


def plan_is_old(story: Trace) -> None:
    """A plan is carried out three minutes later."""
    story.crashes_and_is_planned("a")
    story.wait(180)
    story.reads("a")
    story.delete("a")


def plan_for_another_uid(story: Trace) -> None:
    """A plan for a Pod of the same name is carried out on its successor."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.plan("a", podUID="uid-of-the-former")
    story.reads("a")
    story.delete("a")


def torn_deletion_without_plan(story: Trace) -> None:
    """A deletion is never answered, had its effect, and was not planned."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.reads("a")
    story.delete("a", torn=True)
    story.goes("a")


def no_diagnosis(story: Trace) -> None:
    """A plan says nothing of the crash."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.plan("a", diagnosis="")
    story.reads("a")
    story.delete("a")


def pod_not_read(story: Trace) -> None:
    """The Pod is deleted unseen."""
    story.crashes_and_is_planned("a")
    story.read("poddiagnosers", "diagnoser")
    story.delete("a")


def diagnoser_not_read(story: Trace) -> None:
    """The PodDiagnoser is not looked at."""
    story.crashes_and_is_planned("a")
    story.read("pods", "a")
    story.delete("a")


def read_long_before(story: Trace) -> None:
    """What was read a minute ago is acted on."""
    story.crashes_and_is_planned("a")
    story.reads("a")
    story.wait(60)
    story.delete("a")


def told_unseen(story: Trace) -> None:
    """An Event is created for a Pod that was not read."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.tell("a")


def without(which: str) -> Callable[[Trace], None]:
    """Return a deletion without one of the preconditions."""

    def wrong(story: Trace) -> None:
        story.crashes_and_is_planned("a")
        story.reads("a")
        if which == "uid":
            story.delete("a", uid="")
        else:
            story.delete("a", resourceVersion="")

    return wrong


def asked(**policy: object) -> Callable[[Trace], None]:
    """Return a deletion though the spec says otherwise."""

    def wrong(story: Trace) -> None:
        story.diagnoser()["spec"]["remediation"] |= policy
        story.put(ADMIN, "poddiagnosers", story.diagnoser())
        story.crashes_and_is_planned("a")
        story.reads("a")
        story.delete("a")

    return wrong


def evicted_instead(story: Trace) -> None:
    """A Pod is evicted though it is to be deleted."""
    story.crashes_and_is_planned("a")
    story.reads("a")
    story.evict("a")


def bare_pod(story: Trace) -> None:
    """A Pod is deleted that nobody makes anew."""
    story.crashes_and_is_planned("a", owner=None)
    story.reads("a")
    story.delete("a")


def opted_out(story: Trace) -> None:
    """A Pod is deleted whose owner asked for none of it."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.pod("a")["metadata"]["annotations"]["diagnostics.local.io/remediate"] = "false"
    story.put(ADMIN, "pods", story.pod("a"))
    story.plan("a")
    story.reads("a")
    story.delete("a")


def twice(story: Trace) -> None:
    """A Pod is deleted a second time."""
    story.crashes_and_is_planned("a")
    for _ in range(2):
        story.reads("a")
        story.delete("a")


def twice_once_torn(story: Trace) -> None:
    """Each of two Pods of an owner is deleted at once, one by a request that is never answered."""
    story.crashes_and_is_planned("a")
    story.crashes_and_is_planned("b")
    story.reads("a")
    story.delete("a", torn=True)
    story.reads("b")
    story.delete("b")
    story.goes("a")


def beyond_the_budget(story: Trace) -> None:
    """A sixth Pod within ten minutes."""
    for number in range(6):
        story.replace(f"pod-{number}", owner=f"set-{number}")


def beyond_the_budget_by_eviction(story: Trace) -> None:
    """A sixth Pod is evicted within ten minutes."""
    story.diagnoser()["spec"]["remediationAction"] = "EvictPod"
    story.put(ADMIN, "poddiagnosers", story.diagnoser())
    for number in range(6):
        name = f"pod-{number}"
        story.crashes_and_is_planned(name, f"set-{number}")
        story.reads(name)
        story.evict(name)


def too_soon(story: Trace) -> None:
    """Two Pods of an owner within the cool-down."""
    story.replace("a")
    story.replace("b")


def too_soon_again(story: Trace) -> None:
    """A third Pod of an owner, when the cool-down is twice as long."""
    for name in ("a", "b", "c"):
        story.replace(name)
        story.wait(100)


def once_too_often(story: Trace) -> None:
    """A fourth Pod of an owner, though three were replaced in vain."""
    for number in range(4):
        story.replace(f"pod-{number}")
        story.wait(130)


def told_twice(story: Trace) -> None:
    """One crash, two Events."""
    story.start("a")
    story.crash("a")
    for digest in ("1", "2"):
        story.read("pods", "a")
        story.tell("a", digest=digest)


def replacement_told_twice(story: Trace) -> None:
    """One deletion, two Events on the Pod."""
    story.replace("a")
    story.tell("a", "PodDeleted", digest="2")


def told_late(story: Trace) -> None:
    """An Event for a crash of an hour ago."""
    story.start("a")
    story.crash("a")
    story.wait(3600)
    story.read("pods", "a")
    story.tell("a")


def label_of_others(story: Trace) -> None:
    """Metacontroller takes off a label that is not ours."""
    story.start("a")
    story.crash("a")
    del story.pod("a")["metadata"]["labels"]["app"]
    story.annotate("a")


def status_of_others(story: Trace) -> None:
    """Metacontroller changes a Pod's status."""
    story.start("a")
    story.crash("a")
    story.pod("a")["status"] = {}
    story.put(METACONTROLLER, "pods", story.pod("a"))


def spec_of_others(story: Trace) -> None:
    """Metacontroller changes a PodDiagnoser's spec."""
    story.diagnoser()["spec"]["targetLabels"] = {}
    story.put(METACONTROLLER, "poddiagnosers", story.diagnoser())


def patched(story: Trace) -> None:
    """The hook writes on a Pod itself."""
    story.start("a")
    story.asks(HOOK, "patch", "pods", "a", story.pod("a"))


def secret_read(story: Trace) -> None:
    """The hook reads what is none of its business."""
    story.asks(HOOK, "get", "secrets", "a", {"kind": "Secret"})


def deleted_by_metacontroller(story: Trace) -> None:
    """Metacontroller deletes a Pod."""
    story.start("a")
    story.asks(METACONTROLLER, "delete", "pods", "a", story.pod("a"))


def elsewhere(story: Trace) -> None:
    """The hook reads a Pod of a namespace without a PodDiagnoser."""
    story.start("a", namespace="beside")
    story.asks(HOOK, "get", "pods", "a", story.pod("a"), namespace="beside")


def written_elsewhere(story: Trace) -> None:
    """Metacontroller writes on a Pod of a namespace without a PodDiagnoser."""
    story.start("a", namespace="beside")
    story.crash("a")
    story.annotate("a")


def misdated(story: Trace) -> None:
    """A plan is dated by a clock that is wrong."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.plan("a", plannedAt="2026-11-23T08:00:00Z")


def said_and_not_done(story: Trace) -> None:
    """A Pod is said to be deleted that is there."""
    story.crashes_and_is_planned("a")
    story.settle("a")


def counts_fewer(story: Trace) -> None:
    """A Pod is not counted any more."""
    story.replace("a")
    story.report(countedPods=[], diagnosedPods=0)


def counts_twice(story: Trace) -> None:
    """A Pod is counted twice."""
    story.report(countedPods=["0" * 12] * 2, diagnosedPods=2)


def not_understood(story: Trace) -> None:
    """Metacontroller does not take an answer."""
    event = {"message": "Sync error: strict validation failed for v2 webhookResponse"}
    story.asks(METACONTROLLER, "create", "events", "a", {}, sent=event, code=201)


def invalid(story: Trace) -> None:
    """The API server does not take what the hook creates."""
    story.asks(HOOK, "create", "events", "a", {"kind": "Status"}, code=422)


def unpublished(story: Trace) -> None:
    """The DiagnosisTarget of an active PodDiagnoser is taken away."""
    story.unpublish()


def settled_anew(story: Trace) -> None:
    """What was done is dated anew."""
    story.replace("a")
    story.wait(5)
    story.settle("a")


def forgotten(story: Trace) -> None:
    """What was done is forgotten while it counts."""
    story.replace("a")
    story.report(remediations=[])


def same_status(story: Trace) -> None:
    """A status is written that says nothing new."""
    story.wait(5)
    story.report()


def same_pod(story: Trace) -> None:
    """A Pod is written as it is."""
    story.start("a")
    story.crash("a")
    story.annotate("a")
    story.put(METACONTROLLER, "pods", story.pod("a"))


def endlessly(story: Trace) -> None:
    """A status is written again and again."""
    for number in range(60):
        story.report(observedGeneration=number)


WRONG: list[tuple[Property, Callable[[Trace], None]]] = [
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
    (Property.LIVE_READ_FIRST, told_unseen),
    (Property.PRECONDITIONS, without("uid")),
    (Property.PRECONDITIONS, without("resourceVersion")),
    (Property.SPEC_ALLOWS, asked(paused=True)),
    (Property.SPEC_ALLOWS, asked(dryRun=True)),
    (Property.SAFEGUARDS, asked(minPodAgeSeconds=600)),
    (Property.SAFEGUARDS, asked(causes=["OutOfMemory"])),
    (Property.SAFEGUARDS, bare_pod),
    (Property.SAFEGUARDS, opted_out),
    (Property.ONE_DELETION, twice),
    (Property.BUDGET, beyond_the_budget),
    (Property.BUDGET, beyond_the_budget_by_eviction),
    (Property.COOL_DOWN, too_soon),
    (Property.COOL_DOWN, twice_once_torn),
    (Property.COOL_DOWN, too_soon_again),
    (Property.GAVE_UP, once_too_often),
    (Property.ONE_EVENT, told_twice),
    (Property.ONE_EVENT, replacement_told_twice),
    (Property.ONE_EVENT, told_late),
    (Property.OTHERS, label_of_others),
    (Property.OTHERS, status_of_others),
    (Property.OTHERS, spec_of_others),
    (Property.OTHERS, patched),
    (Property.OTHERS, secret_read),
    (Property.OTHERS, deleted_by_metacontroller),
    (Property.NAMESPACE, elsewhere),
    (Property.NAMESPACE, written_elsewhere),
    (Property.DATED, misdated),
    (Property.DONE, said_and_not_done),
    (Property.COUNT_GROWS, counts_fewer),
    (Property.COUNT_GROWS, counts_twice),
    (Property.ANSWERED, not_understood),
    (Property.ANSWERED, invalid),
    (Property.PUBLISHED, unpublished),
    (Property.ENTRIES, settled_anew),
    (Property.ENTRIES, forgotten),
    (Property.CHANGE, same_status),
    (Property.CHANGE, same_pod),
    (Property.BOUNDED, endlessly),
]


@pytest.mark.parametrize(
    ("which", "wrong"), WRONG, ids=[f"{which.name}-{how.__name__}" for which, how in WRONG]
)
def test_what_is_wrong_is_seen(
    tmp_path: Path, which: Property, wrong: Callable[[Trace], None]
) -> None:
    """A log in which a property does not hold is found to violate it."""
    story = Trace()
    wrong(story)
    assert which in violated(story, tmp_path)


# The end


def other_reason(story: Trace, _: End) -> None:
    """A Pod shows another crash than its latest."""
    marks = story.pod("c")["metadata"]["annotations"]
    marks["diagnostics.local.io/restart-reason"] = "OOMKilled (Exit Code: 137)"


def nothing_shown(story: Trace, _: End) -> None:
    """A crashed Pod shows nothing."""
    story.pod("c")["metadata"]["annotations"] = {}


def older_spec(story: Trace, _: End) -> None:
    """The status is of an older spec."""
    story.diagnoser()["metadata"]["generation"] = 2


def not_told_in_status(story: Trace, _: End) -> None:
    """The status does not tell of a crash."""
    status = story.diagnoser()["status"]
    status["recentDiagnoses"] = status["recentDiagnoses"][1:]


def uncounted(story: Trace, _: End) -> None:
    """A crashed Pod is not counted."""
    status = story.diagnoser()["status"]
    status["countedPods"] = status["countedPods"][:-1]


def counted_for_nothing(story: Trace, _: End) -> None:
    """A Pod is counted that never was."""
    story.diagnoser()["status"]["countedPods"].append("0" * 12)


def target_twice(_: Trace, end: End) -> None:
    """There are two DiagnosisTargets."""
    assert isinstance(end.targets, list)
    end.targets.append(copy.deepcopy(end.targets[0]))


def plan_left(story: Trace, _: End) -> None:
    """A plan is left."""
    story.diagnoser()["status"]["remediations"][0]["phase"] = "Planned"


def unaccounted(story: Trace, _: End) -> None:
    """Nothing is said of a crashed Pod."""
    story.diagnoser()["status"]["remediations"].pop(0)


def done_unsaid(story: Trace, _: End) -> None:
    """Nothing is said of what was done."""
    story.diagnoser()["status"]["remediations"].pop()


def label_gone(story: Trace, _: End) -> None:
    """A Pod is not as others left it, though no request says so."""
    story.pod("c")["metadata"]["labels"]["tier"] = "made up"


WRONG_ENDS: list[tuple[Property, Callable[[Trace, End], None]]] = [
    (Property.PODS, other_reason),
    (Property.PODS, nothing_shown),
    (Property.STATUS, older_spec),
    (Property.STATUS, not_told_in_status),
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
def test_a_wrong_end_is_seen(
    tmp_path: Path, which: Property, wrong: Callable[[Trace, End], None]
) -> None:
    """What is there in the end and should not be, or is not there and should be, is found."""
    story = good()
    calls, targets = story.calls(tmp_path), End()
    if wrong is target_twice:
        targets = story.end()
        wrong(story, targets)
    else:
        wrong(story, targets)
        targets = story.end()
    assert {each.property for each in judge_end(calls, targets)} == {which}


def test_an_untold_crash_is_seen(tmp_path: Path) -> None:
    """The latest crash of a Pod has no Event, though a former one has."""
    story = telling()
    story.events.pop()
    found = judge_end(story.calls(tmp_path), story.end())
    assert {each.property for each in found} == {Property.REPORTED}


@pytest.mark.parametrize("code", [1, 2])
def test_a_crash_that_is_to_be_ignored_is_not_told(tmp_path: Path, code: int) -> None:
    """An Event for it is found; one for another is right."""
    story = Trace("LogEvent", {"ignore": {"exitCodes": [code]}})
    story.start("a")
    story.crash("a")
    story.read("pods", "a")
    story.tell("a")
    assert (Property.SUPPRESSED in violated(story, tmp_path)) is (code == 1)


def test_what_is_written_in_the_quiet_is_seen(tmp_path: Path) -> None:
    """A write of ours after all was said is found; reads, and what others write, are not."""
    story = good()
    since = story.now
    story.wait(1)
    story.read("pods", "c")
    story.put(KUBELET, "pods/status", story.pod("c"))
    assert judge_stillness(story.calls(tmp_path), since) == []
    story.report(observedGeneration=1)
    found = judge_stillness(story.calls(tmp_path), since)
    assert {each.property for each in found} == {Property.STILL}
    assert len(found) == 2, "a status is written by two requests"


def test_everything_that_is_judged_is_tested() -> None:
    """Of each property there is a log that violates it."""
    tested = {which for which, _ in (*WRONG, *WRONG_ENDS)}
    tested |= {Property.REPORTED, Property.STILL, Property.SUPPRESSED}
    assert tested == set(Property)


# What may look wrong and is not


def test_the_same_update_again_is_no_write(tmp_path: Path) -> None:
    """An update that is what is stored stores nothing: its version stays."""
    story = good()
    diagnoser = story.diagnoser()
    story.asks(
        METACONTROLLER, "update", "poddiagnosers/status", "diagnoser", diagnoser, sent=diagnoser
    )
    verdict = judge(story.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["updates of poddiagnosers/status that stored nothing"] == 1


def test_a_refused_deletion_is_none(tmp_path: Path) -> None:
    """A deletion that the API server refuses is no deletion, and needs no plan any more."""
    story = good()
    for _ in range(3):
        sent = {"preconditions": {"uid": "uid-of-c", "resourceVersion": "1"}}
        refused = {"kind": "Status", "code": 409}
        story.asks(HOOK, "delete", "pods", "c", refused, sent=sent, code=409)
    verdict = judge(story.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["deletions refused"] == 3


def test_a_torn_deletion_without_effect_is_none(tmp_path: Path) -> None:
    """A deletion that was never answered and had no effect does not count."""
    story = good()
    story.asks(HOOK, "delete", "pods", "c", {}, torn=True)
    story.put(KUBELET, "pods/status", story.pod("c"))
    verdict = judge(story.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["requests that were never answered"] == 1
    assert verdict.counts["Pods deleted by the hook"] == 2


@pytest.mark.parametrize("lives_on", [True, False])
def test_a_torn_eviction_before_another_is_none(tmp_path: Path, lives_on: bool) -> None:
    """A Pod is evicted after all, by a later request: the one that was never answered is none."""
    story = Trace("EvictPod")
    story.crashes_and_is_planned("a")
    story.reads("a")
    story.asks(HOOK, "create", "pods/eviction", "a", {}, torn=True)
    if lives_on:
        story.put(KUBELET, "pods/status", story.pod("a"))
    story.reads("a")
    story.evict("a")
    story.tell("a", "PodEvicted")
    story.settle("a", reason="Evicted")
    story.goes("a")
    verdict = judge(story.calls(tmp_path))
    assert verdict.violations == []
    assert verdict.counts["Pods deleted by the hook"] == 1


def test_a_torn_read_takes_nothing_from_a_later_one(tmp_path: Path) -> None:
    """A read that was never answered stands at the end of the log, and came before all others."""
    story = Trace()
    story.crashes_and_is_planned("a")
    story.asks(HOOK, "get", "pods", "a", {}, torn=True)
    story.wait(20)
    story.reads("a")
    story.delete("a")
    assert violated(story, tmp_path) == set()


def test_a_record_that_was_cut_off_is_left_out(tmp_path: Path) -> None:
    """The API server is killed while it writes: the next record follows in the same line."""
    story = good()
    whole = story.calls(tmp_path)
    path = tmp_path / "audit.jsonl"
    lines = path.read_text(encoding="utf-8").splitlines()
    cut = [*lines[:-2], lines[-2][:100] + lines[-1], lines[-1][:50]]
    path.write_text("\n".join(cut), encoding="utf-8")
    found = auditlog.read(path)
    assert len(found) == len(whole)
    assert sum(not call.code for call in found) == 0


def test_faults_may_cost_writes(tmp_path: Path) -> None:
    """What is written again after a fault is within the bound."""
    story = Trace()
    endlessly(story)
    assert Property.BOUNDED not in violated(story, tmp_path, faults=100)


def test_a_late_deletion_is_forgiven_as_long_as_it_is_said(tmp_path: Path) -> None:
    """A request that was held up on its way came late; by no more than what is allowed for."""
    story = Trace(coolDownSeconds=60)
    story.replace("a")
    story.crashes_and_is_planned("b")
    story.wait(48)
    story.reads("b")
    story.delete("b")
    calls = story.calls(tmp_path)
    assert judge(calls).of(Property.COOL_DOWN) != []
    assert judge(calls, late=timedelta(seconds=8)).of(Property.COOL_DOWN) == []
