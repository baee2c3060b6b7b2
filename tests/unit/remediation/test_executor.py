"""Plans are executed once, on what is live, or not at all; against an API server with faults."""

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cluster.errors import (
    FORBIDDEN_SECONDS,
    api_error,
    describe_failure,
)
from pod_diagnoser.cluster.reader import LiveReader
from pod_diagnoser.pods.keys import LABEL
from pod_diagnoser.remediation.executor import (
    MAX_EXECUTIONS,
    MAX_PLAN_AGE_SECONDS,
    ExecutionResult,
    PlanExecutor,
    TimeBudget,
)
from pod_diagnoser.remediation.model import ExecutionReport, Phase, Reason
from tests.support.builders import (
    T0,
    UID,
    Json,
    after,
    diagnoser,
    edited,
    entries,
    observed,
    owned,
    owner,
    planned,
    replacing,
    synced,
    target,
)
from tests.support.fake_api import (
    DENIED_BY_WEBHOOK,
    SEVERAL_BUDGETS,
    FakeApi,
    Fault,
    KilledError,
    hanging,
    killed_after,
    killed_before,
    lost,
    refused,
)

DONE, GONE = (Phase.DONE, Reason.DELETED), (Phase.DONE, Reason.POD_GONE)


class Cluster(FakeApi):
    """An API server with a PodDiagnoser whose plans are stored, and Metacontroller's part."""

    def plan(self, *pods: Json, action: str = "RestartPod", **policy: Any) -> "Cluster":
        """Store Pods, and the plans that are made for them."""
        for each in pods:
            self.put(each)
        diag = self.put(replacing(action, **policy))
        self.put(synced(diag, self.now, *self.snapshot()[1]))
        assert planned(self.diagnosers["diag"])
        return self

    def act(self, of: Json | None = None, *related: Json) -> ExecutionResult:
        """Execute the plans of a request; of what is stored by default."""
        seen = observed(of or self.diagnosers["diag"], *related)
        live = LiveReader(self, lambda: self.now, lambda: self.monotonic)
        executor = PlanExecutor(live, self, lambda: self.monotonic)
        budget = TimeBudget(lambda: self.monotonic)
        return executor.execute(seen.diagnoser, seen.targets_of, budget)

    def sync(self) -> ExecutionResult:
        """A whole sync: act, answer, and have the answer stored if it is not stale."""
        diag, pods = self.snapshot()
        acted = self.act(diag)
        effects = ExecutionReport(
            outcomes={entry.id: outcome for entry, outcome in acted.outcomes},
            api_failure=acted.api_failure,
        )
        status = synced(diag, acted.now or self.now, *pods, effects=effects)["status"]
        self.write_status("diag", diag["metadata"]["resourceVersion"], status)
        return acted

    def gone(self, name: str) -> None:
        """The kubelet is done with a terminating Pod."""
        assert "deletionTimestamp" in self.pods.pop(name)["metadata"]

    @property
    def entries(self) -> list[Json]:
        """The stored remediations."""
        return entries(self.diagnosers["diag"])


def outcomes(acted: ExecutionResult) -> list[tuple[Phase, Reason]]:
    """The outcomes of the plans."""
    return [(outcome.phase, outcome.reason) for _, outcome in acted.outcomes]


@pytest.fixture
def cluster() -> Cluster:
    """One crashed Pod, for which a plan is stored."""
    return Cluster(now=after(10)).plan(owned())


def test_a_plan_is_executed_with_two_reads_and_one_delete(cluster: Cluster) -> None:
    """The times are the API server's."""
    acted = cluster.act()
    assert outcomes(acted) == [DONE]
    assert cluster.calls == [("get diagnoser", "diag"), ("get pod", "app-1"), ("delete", "app-1")]
    assert acted.outcomes[0][1].at == acted.now == cluster.now.replace(microsecond=0)
    assert acted.api_failure is None


def test_without_a_plan_nothing_is_asked() -> None:
    """No call at all."""
    cluster = Cluster()
    cluster.put(replacing())
    assert cluster.act() == ExecutionResult()
    assert cluster.calls == []


# Only names and uids of the request are used


def test_a_forged_plan_is_no_plan(cluster: Cluster) -> None:
    """A request with the right uid and version, whose plan the live status does not have."""
    forged = copy.deepcopy(cluster.diagnosers["diag"])
    cluster.put(owned(2, by="rs-2"))
    forged["status"]["remediations"][0] |= {"pod": "app-2", "podUID": owned(2)["metadata"]["uid"]}
    acted = cluster.act(forged)
    assert [entry.pod for entry, _ in acted.outcomes] == ["app-1"]
    assert [name for verb, name in cluster.calls if verb == "delete"] == ["app-1"]

    bare = Cluster(now=after(10))
    bare.put(owned())
    live = bare.put(replacing())
    bare.act({**live, "status": forged["status"]})
    assert bare.verbs() == ["get diagnoser"]


@pytest.mark.parametrize(
    "change",
    [{"uid": UID.format(777)}, {"resourceVersion": "1"}, {"resourceVersion": ""}],
    ids=str,
)
def test_another_version_of_the_poddiagnoser_is_not_acted_on(
    cluster: Cluster, change: Json
) -> None:
    """Another uid, an older version, none."""
    request = copy.deepcopy(cluster.diagnosers["diag"])
    request["metadata"] |= change
    acted = cluster.act(request)
    assert (acted.outcomes, acted.api_failure) == ([], None)
    assert acted.now is not None
    assert cluster.verbs() == ["get diagnoser"]


def test_a_poddiagnoser_that_is_gone_is_not_acted_on(cluster: Cluster) -> None:
    """Nor is that a failure."""
    request = cluster.diagnosers.pop("diag")
    acted = cluster.act(request)
    assert (acted.outcomes, acted.api_failure) == ([], None)


@pytest.mark.parametrize("document", [b"", b"{}", b"[]", b'{"metadata":{}}', b"\xff", b"{" * 9999])
@pytest.mark.parametrize("verb", ["get diagnoser", "get pod"])
def test_garbage_is_no_object(cluster: Cluster, document: bytes, verb: str) -> None:
    """The plan stands, and the failure is reported."""
    cluster.faults[verb] = [lambda api, _: (document, api.now)]
    acted = cluster.act()
    assert acted.outcomes == []
    assert acted.api_failure is not None
    assert acted.api_failure.reason == "ApiServerUnavailable"
    assert cluster.deleted == []


def test_another_pod_than_was_asked_for_is_garbage(cluster: Cluster) -> None:
    """It proves nothing about the one that was planned."""
    other = json.dumps(owned(2)).encode()
    cluster.faults["get pod"] = [lambda api, _: (other, api.now)]
    acted = cluster.act()
    assert acted.outcomes == []
    assert acted.api_failure is not None


def test_a_404_that_is_not_about_the_pod_says_nothing_of_it(cluster: Cluster) -> None:
    """Of a proxy in between, say: nothing is recorded as gone that may be there."""
    cluster.faults["get pod"] = [refused(404)]
    acted = cluster.act()
    assert acted.outcomes == []
    assert acted.api_failure is not None


# Each decision is checked against the live objects


def pod(change: Callable[[Json], object]) -> Callable[[Cluster], object]:
    """Changes the live Pod."""

    def apply(cluster: Cluster) -> None:
        document = copy.deepcopy(cluster.pods["app-1"])
        change(document)
        cluster.put(document)

    return apply


def spec(**change: Any) -> Callable[[Cluster], object]:
    """Changes the live PodDiagnoser; the request is of the new version too."""
    return lambda cluster: cluster.put(edited(cluster.diagnosers["diag"], **change))


def entry(**change: Any) -> Callable[[Cluster], object]:
    """Changes the stored plan."""

    def apply(cluster: Cluster) -> None:
        document = copy.deepcopy(cluster.diagnosers["diag"])
        document["status"]["remediations"][0] |= change
        cluster.put(document)

    return apply


def done_before(seconds: float, **change: Any) -> Callable[[Cluster], object]:
    """Another remediation was done so many seconds ago."""

    def apply(cluster: Cluster) -> None:
        document = copy.deepcopy(cluster.diagnosers["diag"])
        (plan,) = document["status"]["remediations"]
        at = format_time(cluster.now - timedelta(seconds=seconds))
        done = {"id": "0" * 16, "podUID": "x", "phase": "Done", "settledAt": at, **change}
        document["status"]["remediations"].append({**plan, **done})
        cluster.put(document)

    return apply


def owner_replaced(
    seconds: float, attempts: int, template: str = "t1"
) -> Callable[[Cluster], object]:
    """Another Pod of the same owner was replaced so many seconds ago."""

    def apply(cluster: Cluster) -> None:
        document = copy.deepcopy(cluster.diagnosers["diag"])
        last = format_time(cluster.now - timedelta(seconds=seconds))
        document["status"]["owners"].append(
            {
                "uid": "rs-1",
                "kind": "ReplicaSet",
                "name": "x",
                "template": template,
                "attempts": attempts,
                "lastTime": last,
            }
        )
        cluster.put(document)

    return apply


def ended(last: Any) -> Callable[[Json], object]:
    """Changes how the container of a Pod ended."""
    return lambda document: document["status"]["containerStatuses"][0].update(lastState=last)


REFUSALS: dict[str, tuple[Callable[[Cluster], object], Reason]] = {
    "plan too old": (
        lambda cluster: cluster.pass_time(MAX_PLAN_AGE_SECONDS + 1),
        Reason.PLAN_TOO_OLD,
    ),
    "planned in the future": (entry(plannedAt=format_time(after(3600))), Reason.PLAN_TOO_OLD),
    "planned at no time": (entry(plannedAt="?"), Reason.PLAN_TOO_OLD),
    "inactive": (spec(enableAnnotations=False), Reason.NO_LONGER_CLAIMED),
    "other labels wanted": (spec(targetLabels={"app": "x"}), Reason.NO_LONGER_CLAIMED),
    "label gone": (
        pod(lambda each: each["metadata"]["labels"].pop(LABEL)),
        Reason.NO_LONGER_CLAIMED,
    ),
    "label of another": (
        pod(lambda each: each["metadata"]["labels"].update({LABEL: "other"})),
        Reason.NO_LONGER_CLAIMED,
    ),
    "nothing to be done": (spec(remediationAction=""), Reason.ACTION_CHANGED),
    "Events only": (spec(remediationAction="LogEvent"), Reason.ACTION_CHANGED),
    "evict now": (spec(remediationAction="EvictPod"), Reason.ACTION_CHANGED),
    "paused": (spec(remediation={"paused": True}), Reason.PAUSED),
    "dry run": (spec(remediation={"dryRun": True}), Reason.DRY_RUN),
    "cause no longer listed": (
        spec(remediation={"causes": ["Killed"]}),
        Reason.CAUSE_NOT_LISTED,
    ),
    "opted out": (
        pod(
            lambda each: each["metadata"].update(
                annotations={"diagnostics.local.io/remediate": "false"}
            )
        ),
        Reason.OPTED_OUT,
    ),
    "bare": (pod(lambda each: each["metadata"].pop("ownerReferences")), Reason.BARE_POD),
    "another crash": (
        pod(ended({"terminated": {"containerID": "containerd://new", "exitCode": 2}})),
        Reason.CRASH_SUPERSEDED,
    ),
    "no crash": (pod(ended({})), Reason.CRASH_SUPERSEDED),
    "no status": (pod(lambda each: each.pop("status")), Reason.CRASH_SUPERSEDED),
    "budget spent": (done_before(599, owner="rs-9"), Reason.BUDGET_SPENT),
    "smaller budget": (
        lambda cluster: (
            spec(remediation={"budget": {"pods": 1, "windowSeconds": 3600}})(cluster),
            done_before(3000, owner="rs-9")(cluster),
        ),
        Reason.BUDGET_SPENT,
    ),
    "owner cooling down": (owner_replaced(59, 1), Reason.COOL_DOWN),
    "owner cooling down for longer": (owner_replaced(239, 3), Reason.COOL_DOWN),
    "another template of the owner": (owner_replaced(59, 3, "t0"), Reason.COOL_DOWN),
    "given up": (owner_replaced(5000, 5), Reason.GAVE_UP),
}


@pytest.mark.parametrize(("change", "reason"), REFUSALS.values(), ids=REFUSALS)
def test_a_plan_that_no_longer_holds_is_not_executed(
    change: Callable[[Cluster], object], reason: Reason
) -> None:
    """Whatever changed since the plan was stored; the live objects and the server's clock count."""
    cluster = Cluster(now=after(10)).plan(owned(), budget={"pods": 1})
    undone = copy.deepcopy(cluster)
    assert outcomes(undone.act()) == [DONE]
    change(cluster)
    acted = cluster.act()
    assert outcomes(acted) == [(Phase.EXPIRED, reason)]
    assert cluster.verbs() == ["get diagnoser", "get pod"]


def test_limits_that_are_over_by_the_servers_clock_do_not_hold() -> None:
    """A second later each."""
    cluster = Cluster(now=after(10)).plan(owned(), budget={"pods": 1})
    done_before(600, owner="rs-9")(cluster)
    owner_replaced(60, 1)(cluster)
    owner_replaced(60, 9, "t0")(cluster)
    assert outcomes(cluster.act()) == [DONE]


def test_a_plan_of_an_action_that_replaces_nothing_deletes_nothing(cluster: Cluster) -> None:
    """Whoever stored it; also where the spec asks for the very same."""
    for action in ("LogEvent", "", "Reboot"):
        entry(action=action)(cluster)
        spec(remediationAction=action)(cluster)
        assert outcomes(cluster.act()) == [(Phase.EXPIRED, Reason.ACTION_CHANGED)]
    assert cluster.deleted == []


def test_a_poddiagnoser_that_is_being_deleted_acts_no_more(cluster: Cluster) -> None:
    """Its finalizers may keep it for long."""
    document = copy.deepcopy(cluster.diagnosers["diag"])
    document["metadata"]["deletionTimestamp"] = format_time(T0)
    cluster.put(document)
    assert outcomes(cluster.act()) == [(Phase.EXPIRED, Reason.NO_LONGER_CLAIMED)]


def test_a_pod_that_an_older_poddiagnoser_claims_by_now_is_left_to_it(cluster: Cluster) -> None:
    """The Pod may carry our label still."""
    older = target(diagnoser("older", 901, after(-60), targetLabels={"app": "app"}))
    acted = cluster.act(cluster.diagnosers["diag"], older)
    assert outcomes(acted) == [(Phase.EXPIRED, Reason.NO_LONGER_CLAIMED)]


def test_plans_of_one_sync_count_against_each_other() -> None:
    """Two plans of one owner, or more than the budget allows, however they got there."""
    cluster = Cluster(now=after(10)).plan(owned())
    document = copy.deepcopy(cluster.diagnosers["diag"])
    (first,) = document["status"]["remediations"]
    for number, by in ((2, "rs-1"), (3, "rs-3"), (4, "rs-4")):
        each = cluster.put(owned(number, by=by))
        other = synced(replacing(), cluster.now, each)
        document["status"]["remediations"].insert(0, entries(other)[0])
        document["status"]["owners"] += other["status"]["owners"][: by != "rs-1"]
    document["spec"]["remediation"] = {"budget": {"pods": 2}}
    cluster.put(document)
    assert outcomes(cluster.act()) == [
        DONE,
        (Phase.EXPIRED, Reason.COOL_DOWN),
        DONE,
        (Phase.EXPIRED, Reason.BUDGET_SPENT),
    ]
    assert first["pod"] == "app-1"


# A Pod that went


@pytest.mark.parametrize("how", ["gone", "going", "another"])
def test_a_pod_that_went_counts_as_done(cluster: Cluster, how: str) -> None:
    """The answer to our own DELETE may have been lost: it is counted, not planned again."""
    if how == "gone":
        del cluster.pods["app-1"]
    elif how == "going":
        pod(lambda each: each["metadata"].update(deletionTimestamp=format_time(T0)))(cluster)
    else:
        cluster.put(owned(7, name="app-1"))
    cluster.pass_time(3600)
    cluster.sync()
    (stored,) = cluster.entries
    assert (stored["phase"], stored["reason"]) == ("Done", "PodGone")
    assert cluster.diagnosers["diag"]["status"]["owners"][0]["attempts"] == 1
    assert cluster.deleted == []


def test_a_pod_replaced_between_read_and_delete_survives(cluster: Cluster) -> None:
    """StatefulSet-style, under the same name: refused by the preconditions, then found gone."""
    new = owned(7, name="app-1", finished=after(9), created=after(9))

    def replaced(api: FakeApi, effect: Callable[[], Any]) -> Any:
        api.put(new)
        return effect()

    cluster.faults["delete"] = [replaced]
    assert outcomes(cluster.sync()) == []
    assert outcomes(cluster.sync()) == [GONE]
    assert cluster.pods["app-1"]["metadata"]["uid"] == new["metadata"]["uid"]
    assert "deletionTimestamp" not in cluster.pods["app-1"]["metadata"]
    assert cluster.deleted == []


def test_a_pod_that_was_written_between_read_and_delete_is_looked_at_again(
    cluster: Cluster,
) -> None:
    """Whatever was written may be a reason not to: the plan stands, and it is read again."""

    def opts_out(_: FakeApi, effect: Callable[[], Any]) -> Any:
        pod(
            lambda each: each["metadata"].update(
                annotations={"diagnostics.local.io/remediate": "false"}
            )
        )(cluster)
        return effect()

    cluster.faults["delete"] = [opts_out]
    acted = cluster.sync()
    assert (acted.outcomes, acted.api_failure) == ([], None)
    assert outcomes(cluster.sync()) == [(Phase.EXPIRED, Reason.OPTED_OUT)]
    assert cluster.deleted == []


# Faults


@pytest.mark.parametrize("fault", [lost, hanging], ids=["had its effect", "had none"])
def test_the_deletes_answer_is_lost(cluster: Cluster, fault: Fault) -> None:
    """Nothing is stored as done that was not; one deletion in the end, counted once."""
    cluster.faults["delete"] = [fault]
    acted = cluster.sync()
    assert acted.outcomes == []
    assert acted.api_failure is not None
    assert acted.api_failure.reason == "ApiServerUnavailable"
    assert cluster.entries[0]["phase"] == "Planned"
    again = cluster.sync()
    assert outcomes(again) == [GONE if fault is lost else DONE]
    assert len(cluster.deleted) == 1
    cluster.gone("app-1")
    for _ in range(5):
        cluster.pass_time(60)
        assert cluster.sync().outcomes == []
    assert len(cluster.deleted) == 1
    assert cluster.diagnosers["diag"]["status"]["owners"][0]["attempts"] == 1


def test_a_lost_answer_counts_as_an_attempt_however_late_it_is_found(cluster: Cluster) -> None:
    """The plan is too old by then; the Pod is gone all the same."""
    cluster.faults["delete"] = [lost]
    cluster.sync()
    cluster.gone("app-1")
    cluster.pass_time(1000)
    assert outcomes(cluster.sync()) == [GONE]


@pytest.mark.parametrize("fault", [killed_before, killed_after], ids=["before", "after"])
@pytest.mark.parametrize("verb", ["get diagnoser", "get pod", "delete"])
def test_the_hook_is_killed_at_each_step(cluster: Cluster, verb: str, fault: Fault) -> None:
    """What it did is found, what it did not is done: one deletion."""
    cluster.faults[verb] = [fault]
    with pytest.raises(KilledError):
        cluster.sync()
    cluster.sync()
    assert len(cluster.deleted) == 1
    assert cluster.entries[0]["phase"] == "Done"
    cluster.sync()
    assert len(cluster.deleted) == 1


def test_an_outcome_that_was_not_stored_is_found_again(cluster: Cluster) -> None:
    """The answer was lost in a conflict: the spec was edited meanwhile."""
    request = copy.deepcopy(cluster.diagnosers["diag"])
    assert outcomes(cluster.act(request)) == [DONE]
    spec(remediation={"coolDownSeconds": 30})(cluster)
    assert outcomes(cluster.act(request)) == []
    assert outcomes(cluster.sync()) == [GONE]
    assert len(cluster.deleted) == 1


def test_what_another_replica_has_stored_since_is_seen(cluster: Cluster) -> None:
    """One that has just read the PodDiagnoser does not act on what the other has given up since."""
    request, _ = cluster.snapshot()
    seen = observed(request)
    live = LiveReader(cluster, lambda: cluster.now, lambda: cluster.monotonic)
    assert live.pod_diagnoser(seen.diagnoser)[0] is not None
    cluster.put({**request, "status": {**request["status"], "remediations": []}})
    executor = PlanExecutor(live, cluster, lambda: cluster.monotonic)
    budget = TimeBudget(lambda: cluster.monotonic)
    acted = executor.execute(seen.diagnoser, seen.targets_of, budget)
    assert acted.outcomes == []
    assert cluster.deleted == []


def test_two_replicas_do_it_once(cluster: Cluster) -> None:
    """Both read the same; the second one's preconditions no longer hold."""
    document = copy.deepcopy(cluster.diagnosers["diag"])

    def other_replica_first(_: FakeApi, effect: Callable[[], Any]) -> Any:
        assert outcomes(cluster.act(document)) == [DONE]
        return effect()

    cluster.faults["delete"] = [other_replica_first]
    assert outcomes(cluster.act(document)) == []
    assert len(cluster.deleted) == 1


@pytest.mark.parametrize(
    ("verb", "status", "reason", "again"),
    [
        ("get diagnoser", 401, "Forbidden", FORBIDDEN_SECONDS),
        ("get diagnoser", 403, "Forbidden", FORBIDDEN_SECONDS),
        ("get diagnoser", 404, "ApiServerUnavailable", 5),
        ("get diagnoser", 429, "ApiServerBusy", 5),
        ("get diagnoser", 500, "ApiServerUnavailable", 5),
        ("get diagnoser", None, "ApiServerUnavailable", 5),
        ("get pod", 403, "Forbidden", FORBIDDEN_SECONDS),
        ("get pod", 409, "ApiServerUnavailable", 5),
        ("get pod", 429, "ApiServerBusy", 5),
        ("get pod", 500, "ApiServerUnavailable", 5),
        ("get pod", None, "ApiServerUnavailable", 5),
        ("delete", 429, "ApiServerBusy", 5),
        ("delete", 500, "ApiServerUnavailable", 5),
        ("delete", 504, "ApiServerUnavailable", 5),
        ("delete", None, "ApiServerUnavailable", 5),
    ],
)
def test_what_holds_a_plan_up_is_reported_and_the_plan_stands(
    cluster: Cluster, verb: str, status: int | None, reason: str, again: float
) -> None:
    """It is tried again after a while, by itself, and then done."""
    cluster.faults[verb] = [refused(status)]
    acted = cluster.sync()
    assert acted.outcomes == []
    assert acted.api_failure is not None
    assert (acted.api_failure.reason, acted.api_failure.retry_after) == (reason, again)
    assert cluster.entries[0]["phase"] == "Planned"
    cluster.pass_time(again)
    assert outcomes(cluster.sync()) == [DONE]


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        ({"status": 401}, (Phase.FAILED, Reason.FORBIDDEN)),
        ({"status": 403}, (Phase.FAILED, Reason.FORBIDDEN)),
        ({"status": 403, "message": DENIED_BY_WEBHOOK}, (Phase.FAILED, Reason.REFUSED)),
        ({"status": 500, "message": DENIED_BY_WEBHOOK}, (Phase.FAILED, Reason.REFUSED)),
        ({"status": 400}, (Phase.FAILED, Reason.REFUSED)),
        ({"status": 422}, (Phase.FAILED, Reason.REFUSED)),
        ({"status": 404}, None),
        ({"status": 409}, None),
    ],
    ids=str,
)
@pytest.mark.parametrize("action", ["RestartPod", "EvictPod"])
def test_what_a_refusal_means(
    error: Json, outcome: tuple[Phase, Reason] | None, action: str
) -> None:
    """Refused for certain, or to be looked at again: never taken for done."""
    cluster = Cluster(now=after(10)).plan(owned(), action=action)
    verb = "evict" if action == "EvictPod" else "delete"
    cluster.faults[verb] = [refused(**error)]
    acted = cluster.act()
    assert outcomes(acted) == ([outcome] if outcome else [])
    assert acted.api_failure is None
    assert cluster.deleted == []


def test_the_retry_after_of_the_api_server_is_taken_over(cluster: Cluster) -> None:
    """And is known to be about every call."""
    cluster.faults["delete"] = [refused(429, retry_after=17.0)]
    failure = cluster.act().api_failure
    assert failure is not None
    assert (failure.retry_after, failure.server_wide) == (17.0, True)


def test_a_missing_permission_names_what_and_where(cluster: Cluster) -> None:
    """For the person who can grant it."""
    cluster.faults["get pod"] = [refused(403)]
    failure = cluster.act().api_failure
    assert failure is not None
    assert failure.message == "The operator may not read Pods in namespace shop."
    unknown = describe_failure(api_error(401), "read Pods", "shop")
    assert "credentials" in unknown.message


# Eviction


def test_an_eviction_is_one(cluster: Cluster) -> None:
    """By the eviction API, never by a deletion."""
    cluster = Cluster(now=after(10)).plan(owned(), action="EvictPod")
    assert outcomes(cluster.act()) == [(Phase.DONE, Reason.EVICTED)]
    assert cluster.verbs() == ["get diagnoser", "get pod", "evict"]


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"status": 429, "cause": "DisruptionBudget"}, Reason.BLOCKED_BY_DISRUPTION_BUDGET),
        (
            {"status": 429, "cause": "DisruptionBudget", "retry_after": 10.0},
            Reason.BLOCKED_BY_DISRUPTION_BUDGET,
        ),
        ({"status": 403, "kind": "poddisruptionbudget"}, Reason.BLOCKED_BY_DISRUPTION_BUDGET),
        (
            {"status": 500, "message": SEVERAL_BUDGETS},
            Reason.SEVERAL_DISRUPTION_BUDGETS,
        ),
    ],
    ids=str,
)
def test_a_blocked_eviction_is_deferred(details: Json, reason: Reason) -> None:
    """Whichever way the API server words that a budget does not allow it."""
    cluster = Cluster(now=after(10)).plan(owned(), action="EvictPod")
    cluster.faults["evict"] = [refused(**details)]
    acted = cluster.act()
    assert outcomes(acted) == [(Phase.DEFERRED, reason)]
    assert acted.api_failure is None


def test_a_blocked_eviction_is_never_turned_into_a_delete() -> None:
    """Tried again and again while the crash is fresh; then it is history."""
    cluster = Cluster(now=after(10)).plan(owned(), action="EvictPod")
    cluster.blocked = {"app-1"}
    for _ in range(200):
        cluster.sync()
        cluster.pass_time(10)
    assert cluster.deleted == []
    assert set(cluster.verbs()) == {"get diagnoser", "get pod", "evict"}
    assert 60 <= cluster.verbs().count("evict") <= 130
    assert cluster.entries == []


# Bounded


def storm(number: int) -> Cluster:
    """As many plans."""
    cluster = Cluster(now=after(10))
    pods = [owned(n, by=f"rs-{n}") for n in range(number)]
    return cluster.plan(*pods, budget={"pods": number})


def test_a_sync_carries_out_a_few_plans_the_oldest_first() -> None:
    """The rest is left to the next one."""
    cluster = storm(12)
    order = planned(cluster.diagnosers["diag"])
    for done in (5, 10, 12):
        cluster.sync()
        assert len(cluster.deleted) == done
    names = [name for verb, name in cluster.calls if verb == "delete"]
    assert names == order
    assert MAX_EXECUTIONS == 5


def test_a_slow_api_server_gets_fewer_calls() -> None:
    """No call begins after the time that the sync has; what is not begun stands."""
    cluster = replace_latency(storm(5), 0.8)
    acted = cluster.act()
    assert (len(acted.outcomes), acted.api_failure) == (1, None)
    assert cluster.verbs() == ["get diagnoser", "get pod", "delete", "get pod"]


def replace_latency(cluster: Cluster, seconds: float) -> Cluster:
    """The same with slower calls."""
    return replace(cluster, latency=seconds)


def test_an_api_server_that_hangs_is_called_once() -> None:
    """The next call would hang too."""
    cluster = storm(5)
    cluster.faults["get pod"] = [hanging]
    acted = cluster.act()
    assert cluster.verbs() == ["get diagnoser", "get pod"]
    assert acted.api_failure is not None
    assert acted.api_failure.server_wide


def test_a_failure_that_may_be_about_one_pod_does_not_keep_the_others() -> None:
    """A webhook that fails for it, say: the others have their turn."""
    cluster = storm(3)
    cluster.faults["delete"] = [refused(500)]
    acted = cluster.act()
    assert outcomes(acted) == [DONE, DONE]
    assert acted.api_failure is not None
    assert not acted.api_failure.server_wide


def test_a_missing_permission_is_tried_once_a_sync() -> None:
    """All Pods are of one namespace."""
    cluster = storm(5)
    cluster.faults["get pod"] = [refused(403)]
    assert cluster.act().api_failure is not None
    assert cluster.verbs().count("get pod") == 1


def test_access_refused_for_long_and_then_granted_is_no_burst() -> None:
    """Old plans expire; what is fresh is planned again, within the budget."""
    cluster = Cluster(now=after(10))
    pods = [owned(n, by=f"rs-{n}", finished=after(n % 5)) for n in range(40)]
    cluster.plan(*pods)
    for _ in range(50):
        cluster.faults["get diagnoser"] = [refused(403)]
        cluster.sync()
        cluster.pass_time(30)
    cluster.faults.clear()
    begun = cluster.now
    for _ in range(60):
        cluster.sync()
        cluster.pass_time(5)
    assert 0 < len(cluster.deleted) <= 5
    assert all(at >= begun for _, _, at in cluster.deleted)


def test_a_bare_pod_has_no_owner(cluster: Cluster) -> None:
    """A Pod of which only a non-controller is an owner."""
    pod(lambda each: each["metadata"].update(ownerReferences=[owner(controller=False)]))(cluster)
    assert outcomes(cluster.act()) == [(Phase.EXPIRED, Reason.BARE_POD)]
