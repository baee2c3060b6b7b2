"""What is done about crashes on a cluster that works, and why nothing is."""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
import yaml

from dev.envtest import pods
from dev.envtest.client import (
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    DISRUPTION_BUDGETS,
    PODDIAGNOSERS,
    PODS,
    REPLICA_SETS,
    ROLE_BINDINGS,
    ROLES,
    SECRETS,
    STATEFUL_SETS,
    ApiError,
    Client,
    Json,
    Resource,
)
from dev.envtest.cluster import Cluster
from dev.envtest.installation import PROJECT, REMEDIATOR, SYSTEM, TOKENS
from tests.e2e.evidence import post_event
from tests.e2e.object_recording import ObjectRecording, version
from tests.e2e.permissions import await_permission
from tests.e2e.workspace import (
    APP,
    AT_ONCE,
    COMPLETED,
    ERROR,
    OOM_KILLED,
    Workspace,
    eventually,
    shown_metadata,
)

ROLE = "pod-diagnoser-remediation"
SAMPLES = PROJECT / "crds/samples"
RESTART: Json = {"remediationAction": "RestartPod", "remediation": AT_ONCE}
RULES_REVIEWS = Resource("authorization.k8s.io/v1", "selfsubjectrulesreviews")

STORM_SETS, STORM_PODS = 10, 50
THREADS = 8


def uid_of(one: Json) -> str:
    """Return an object's uid."""
    uid: str = one["metadata"]["uid"]
    return uid


def only_reads_and_posts_events(shop: Workspace) -> bool:
    """Return whether the operator wrote nothing but Events, by the API server's audit log."""
    return {(one.verb, one.resource) for one in shop.audited()} <= {
        ("get", "poddiagnosers"),
        ("get", "pods"),
        ("create", "events"),
    }


def listed(shop: Workspace, word: str) -> list[str]:
    """Return what ``kubectl get events | grep`` prints."""
    return [line for line in shop.kubectl("get", "events").splitlines() if word in line]


def test_of_two_broken_containers_both_are_told(shop: Workspace) -> None:
    """One crashes, the image of the other cannot be had: Events and status name each."""
    shop.diagnose(remediationAction="LogEvent")
    manifest = pods.manifest("web", APP)
    agent = {"name": "agent", "image": "no.example/agent:1"}
    manifest["spec"]["containers"].append(agent)
    pod = shop.cluster.admin.create(PODS, manifest, shop.namespace)
    status = pods.started(pod)
    (waiting,) = (one for one in status["containerStatuses"] if one["name"] == "agent")
    waiting.update(ready=False, started=False, state={"waiting": {"reason": "ErrImagePull"}})
    shop.cluster.kubelet.report(shop.namespace, "web", status)
    shop.crash("web", ERROR, container="app")
    events = [*shop.await_events("PodRestarted", 1), *shop.await_events("PodNotStarted", 1)]
    told = {one["message"].partition(" in container ")[2].split(".")[0] for one in events}
    assert told == {"app", "agent"}
    recent = eventually(
        lambda: shop.status()["recentDiagnoses"], lambda found: len(found) == len(events)
    )
    assert {(one["container"], one["cause"]) for one in recent} == {
        ("app", "ApplicationError"),
        ("agent", "ImagePullFailed"),
    }
    assert {one["metadata"]["annotations"]["diagnostics.local.io/cause"] for one in events} == {
        one["cause"] for one in recent
    }


def test_events_stand_among_all_others_in_the_order_of_their_times(shop: Workspace) -> None:
    """Where runbooks and ``kubectl describe`` order by lastTimestamp, too: none is put first."""
    shop.diagnose(remediationAction="LogEvent")
    pod = shop.start_pod("fragile-app-1")
    minute = timedelta(minutes=1)
    post_event(shop, pod, "Pulled", "before", at=pods.now() - minute)
    shop.crash("fragile-app-1", ERROR)
    (event,) = shop.await_events("PodRestarted", 1)
    post_event(shop, pod, "BackOff", "after", at=pods.now() + minute)
    order = ["Pulled", "PodRestarted", "BackOff"]
    by_time = ("get", "events", "--sort-by=.lastTimestamp", "-o", "jsonpath={.items[*].reason}")
    listed_reasons = shop.kubectl(*by_time).split()
    assert [reason for reason in listed_reasons if reason in order] == order
    _, _, described = shop.kubectl("describe", "pod", "fragile-app-1").partition("Events:")
    words = described.split()
    assert sorted(order, key=words.index) == order
    assert event["firstTimestamp"] == event["lastTimestamp"] == f"{event['eventTime'][:19]}Z"
    assert len(event["message"].encode()) <= 250


@pytest.mark.takes_hook_away
def test_log_event_reports_each_crash_once(shop: Workspace) -> None:
    """One Warning a crash where people look for it, and none again after a restart of the hook."""
    shop.diagnose(remediationAction="LogEvent")
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", COMPLETED)
    (event,) = shop.await_events("PodRestarted", 1)
    assert event["type"] == "Warning"
    assert event["message"].startswith(
        "Pod fragile-app-1 restarted due to Completed (Exit Code: 0)"
    )
    assert shop.calls()["create events 201"] == 1

    in_list = [
        line for line in shop.kubectl("get", "events").splitlines() if "PodRestarted" in line
    ]
    assert len(in_list) == 1
    assert "Warning" in in_list[0]
    assert "pod/fragile-app-1" in in_list[0]
    described = shop.kubectl("describe", "pod", "fragile-app-1")
    assert "Pod fragile-app-1 restarted due to Completed (Exit Code: 0)" in described

    shop.crash("fragile-app-1", OOM_KILLED)
    shop.await_events("PodRestarted", 2)
    hook = shop.cluster.poddiagnosers_hook
    hook.stop(grace=0)
    hook.start()
    shop.nudge()
    eventually(shop.calls, lambda calls: calls["create events 409"] == 1)
    shop.settled()
    assert len(shop.events("PodRestarted")) == 2
    assert shop.calls()["create events 201"] == 2
    assert shop.condition("Remediating")["reason"] == "LoggingEvents"


def test_restart_pod_has_the_pod_replaced(shop: Workspace) -> None:
    """The crashed Pod goes, its owner makes another; entry and Events say what was done and why."""
    shop.diagnose(**RESTART)
    crashing, healthy = shop.replica_set("web", 2)
    before = {name: uid_of(shop.pod(name)) for name in (crashing, healthy)}
    with ObjectRecording(shop.cluster.admin, shop.namespace) as recording:
        shop.crash(crashing, ERROR)
        replacement = shop.replaced(before[crashing], replicas=2)
        entry = shop.await_remediation("Done")
        going = recording.first(
            PODS,
            lambda pod: uid_of(pod) == before[crashing] and "deletionTimestamp" in pod["metadata"],
        )
        planned = recording.first(PODDIAGNOSERS, lambda one: one["status"]["remediations"])
    assert uid_of(replacement) not in before.values()
    assert uid_of(shop.pod(healthy)) == before[healthy]
    # The diagnosis was stored, and the plan with it, before the Pod was deleted.
    assert version(planned) < version(going)
    (plan,) = planned["status"]["remediations"]
    assert plan["phase"] == "Planned"
    assert plan["diagnosis"] == shown_metadata(going)[0]["diagnosis"]
    assert planned["status"]["recentDiagnoses"][0]["diagnosis"] == plan["diagnosis"]

    assert entry == {**plan, **{key: entry[key] for key in ("phase", "reason", "message")}} | {
        "settledAt": entry["settledAt"]
    }
    assert (entry["pod"], entry["podUID"]) == (crashing, before[crashing])
    assert entry["reason"] == "Deleted"
    subjects = {
        (event["involvedObject"]["kind"], event["involvedObject"]["uid"])
        for event in shop.await_events("PodDeleted", 2)
    }
    assert subjects == {("Pod", before[crashing]), ("PodDiagnoser", uid_of(shop.diagnoser()))}
    assert crashing in shop.kubectl("describe", "pdiag", "diagnoser").partition("Events:")[2]
    shop.settled()
    # What one crash costs: two reads, one deletion, and the two Events that accompany it; and one
    # more read where a sync came between Metacontroller's two writes of the plan, and did nothing.
    calls = shop.calls()
    assert calls.pop("get poddiagnosers 200") in (1, 2)
    assert calls == {
        "get pods 200": 1,
        "delete pods 200": 1,
        "create events 201": 2,
    }


def test_evict_pod_honours_disruption_budgets(shop: Workspace) -> None:
    """Blocked by a budget: said so, never deleted, looked at again; allowed later: evicted."""
    shop.diagnose(remediationAction="EvictPod", remediation=AT_ONCE)
    crashing, _ = shop.replica_set("web", 2)
    uid = uid_of(shop.pod(crashing))
    budget = {
        "metadata": {"name": "web"},
        "spec": {"minAvailable": 2, "selector": {"matchLabels": APP}},
    }
    shop.cluster.admin.create(DISRUPTION_BUDGETS, budget, shop.namespace)

    def allowed() -> int:
        found = shop.cluster.admin.get(DISRUPTION_BUDGETS, "web", shop.namespace)
        number: int = found["status"]["disruptionsAllowed"]
        return number

    eventually(
        lambda: shop.cluster.admin.get(DISRUPTION_BUDGETS, "web", shop.namespace),
        lambda found: found["status"]["currentHealthy"] == 2,
    )
    assert allowed() == 0
    shop.crash(crashing, ERROR)
    entry = shop.await_remediation("Deferred")
    assert entry["reason"] == "BlockedByDisruptionBudget"
    assert entry["message"].startswith("PodDisruptionBudget web does not allow the eviction now.")
    assert shop.condition("Remediating")["reason"] == "BlockedByDisruptionBudget"
    shop.settled()
    assert "deletionTimestamp" not in shop.pod(crashing)["metadata"]
    assert shop.calls()["create pods/eviction 429"] == 1
    assert "Deferred" in shop.condition("Remediating")["message"]

    shop.cluster.admin.patch(
        DISRUPTION_BUDGETS, "web", {"spec": {"minAvailable": 1}}, shop.namespace
    )
    eventually(allowed)
    shop.replaced(uid, replicas=2)
    entry = shop.await_remediation("Done")
    assert entry["reason"] == "Evicted"
    assert entry["podUID"] == uid
    assert len(shop.await_events("PodEvicted", 2)) == 2
    calls = shop.calls()
    assert calls["create pods/eviction 201"] == 1
    assert not any(call.startswith("delete") for call in calls)


def test_what_no_new_pod_would_help_is_left_alone(shop: Workspace) -> None:
    """Pods of real owners that are not replaced unless included: each is named with its reason."""
    shop.diagnose(targetLabels=None, **RESTART)
    shop.start_pod("bare")
    (opted_out,) = shop.replica_set("stubborn")
    note = {"metadata": {"annotations": {"diagnostics.local.io/remediate": "false"}}}
    shop.cluster.admin.patch(PODS, opted_out, note, shop.namespace)
    container = {"name": "app", "image": "fragile-app:latest"}
    template = {"metadata": {"labels": {"app": "d"}}, "spec": {"containers": [container]}}
    manifests = [
        {
            "apiVersion": "apps/v1",
            "kind": "DaemonSet",
            "metadata": {"name": "everywhere"},
            "spec": {"selector": {"matchLabels": {"app": "d"}}, "template": template},
        },
        {
            "apiVersion": "batch/v1",
            "kind": "Job",
            "metadata": {"name": "once"},
            "spec": {
                "template": {"spec": {"containers": [container], "restartPolicy": "OnFailure"}}
            },
        },
    ]
    shop.kubectl("create", "-f", "-", stdin=yaml.safe_dump_all(manifests))
    found = eventually(shop.running, lambda running: len(running) == 4)
    for pod in found:
        shop.crash(pod["metadata"]["name"], ERROR)
    wanted = {"BarePod": 1, "OptedOut": 1, "DaemonSetPod": 1, "JobPod": 1}
    eventually(shop.withheld, lambda withheld: withheld == wanted)
    message = shop.condition("Remediating")["message"]
    assert all(reason in message for reason in wanted)
    shop.settled()
    assert {uid_of(pod) for pod in shop.running()} == {uid_of(pod) for pod in found}
    notes = {
        event["involvedObject"]["name"]: event["message"]
        for event in shop.await_events("RemediationWithheld", len(wanted))
    }
    assert "(BarePod)" in notes["bare"]
    assert "(OptedOut)" in notes[opted_out]
    assert only_reads_and_posts_events(shop)


def test_dry_run_and_pause_do_nothing(shop: Workspace) -> None:
    """What would be done is counted; switched off, the crash is remediated after all."""
    shop.diagnose(remediationAction="RestartPod", remediation={**AT_ONCE, "dryRun": True})
    (name,) = shop.replica_set("web")
    uid = uid_of(shop.pod(name))
    shop.crash(name, ERROR)
    eventually(shop.withheld, lambda withheld: withheld == {"DryRun": 1})
    shop.change(remediation={"dryRun": False, "paused": True})
    eventually(shop.withheld, lambda withheld: withheld == {"Paused": 1})
    assert shop.condition("Remediating")["reason"] == "Paused"
    shop.settled()
    assert uid_of(shop.pod(name)) == uid
    assert only_reads_and_posts_events(shop)
    shop.change(remediation={"paused": False})
    shop.replaced(uid)
    assert shop.await_remediation("Done")["podUID"] == uid


def test_an_owner_that_is_not_helped_is_given_up_on(shop: Workspace) -> None:
    """A StatefulSet's Pod crashes again: given up; a new template starts from zero."""
    shop.diagnose(remediationAction="RestartPod", remediation={**AT_ONCE, "maxAttempts": 1})
    (name,) = shop.stateful_set("db")
    first = uid_of(shop.pod(name))
    shop.crash(name, ERROR)
    second = uid_of(shop.replaced(first))
    shop.await_remediation("Done")
    # A termination has whole seconds only: it must not seem to be of before the remediation.
    shop.crash(name, pods.Termination(1, "Error", pods.now() + timedelta(seconds=1)))
    eventually(shop.withheld, lambda withheld: withheld == {"GaveUp": 1})
    eventually(shop.remediations, lambda found: found[0]["outcome"] == "OwnerCrashedAgain")
    shop.settled()
    assert uid_of(shop.pod(name)) == second
    (owner,) = shop.status()["owners"]
    assert (owner["kind"], owner["name"], owner["attempts"]) == ("StatefulSet", "db", 1)

    image = {"name": "db", "image": "fragile-app:fixed"}
    container = shop.pod(name)["spec"]["containers"][0]["name"]
    template = {"spec": {"containers": [{**image, "name": container}]}}
    shop.cluster.admin.patch(STATEFUL_SETS, "db", {"spec": {"template": template}}, shop.namespace)
    third = uid_of(shop.replaced(second))
    shop.crash(name, ERROR)
    shop.replaced(third)
    assert shop.await_remediation("Done")["podUID"] == third


def test_a_storm_stays_within_the_budget(shop: Workspace) -> None:
    """500 Pods crash together: as many go as the budget has, and the rest is counted by reason."""
    budget, total = 5, STORM_SETS * STORM_PODS
    shop.diagnose(
        remediationAction="RestartPod",
        remediation={
            "minPodAgeSeconds": 0,
            "coolDownSeconds": 3600,
            "budget": {"pods": budget, "windowSeconds": 3600},
        },
    )
    for number in range(STORM_SETS):
        shop.create_workload(REPLICA_SETS, f"web-{number}", STORM_PODS)
    running = eventually(shop.running, lambda found: len(found) == total, pause=1)
    before = {pod["metadata"]["name"]: uid_of(pod) for pod in running}

    def crash(pod: Json) -> None:
        ended = {**pod, "status": pods.ended(pod, ERROR)}
        shop.cluster.kubelet.report(shop.namespace, pod["metadata"]["name"], pods.restarted(ended))

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(crash, running))
    status = eventually(
        shop.status,
        lambda status: (
            status["diagnosedPods"] == total
            and sum(entry["phase"] == "Done" for entry in status["remediations"]) == budget
            and sum(one["crashes"] for one in status["withheld"]) == total - budget
        ),
        pause=0.5,
    )
    entries = status["remediations"]
    assert len(entries) == budget
    for entry in entries:
        assert before[entry["pod"]] == entry["podUID"]
        assert entry["cause"] == "ApplicationError"
        assert "exit" in entry["diagnosis"].lower()
    owners = {entry["owner"] for entry in entries}
    assert len(owners) == budget, "one Pod of an owner at a time"
    # Of five ReplicaSets one Pod was replaced, so that their other Pods wait for another reason.
    assert shop.withheld() == {
        "CoolDown": budget * (STORM_PODS - 1),
        "BudgetSpent": (STORM_SETS - budget) * STORM_PODS,
    }
    assert shop.calls()["delete pods 200"] == budget
    gone = set(before.values()) - {uid_of(pod) for pod in shop.running()}
    assert gone == {entry["podUID"] for entry in entries}


def test_the_tutorial(shop: Workspace) -> None:
    """The tutorial's steps with the samples as they are: first the Event, then the new Pod."""
    started = time.monotonic()
    shop.kubectl("apply", "-f", str(SAMPLES / "fragileapp-diagnoser.yaml"))
    shop.kubectl("apply", "-k", str(PROJECT / "fragile-app"))
    (pod,) = eventually(lambda: shop.running("app=fragile-app"))
    name, uid = pod["metadata"]["name"], uid_of(pod)
    shop.crash(name, COMPLETED)
    shop.annotated(name, "Completed (Exit Code: 0)")
    shop.await_events("PodRestarted", 1)
    (line,) = listed(shop, "PodRestarted")
    assert f"Pod {name} restarted due to Completed (Exit Code: 0)" in line

    shop.kubectl("apply", "-f", str(SAMPLES / "restart-pod.yaml"))
    eventually(lambda: shop.status("fragileapp-diagnoser"), lambda status: "action" in status)
    shop.crash(name, COMPLETED)
    replacement = shop.replaced(uid, "app=fragile-app", timeout=100)
    assert replacement["metadata"]["name"] != name
    assert time.monotonic() - started < 120, "what the defaults promise"
    entry = shop.await_remediation("Done", "fragileapp-diagnoser")
    assert (entry["pod"], entry["reason"]) == (name, "Deleted")
    pods_shown = shop.kubectl("get", "pods", "-l", "app=fragile-app")
    assert replacement["metadata"]["name"] in pods_shown
    assert shop.status("fragileapp-diagnoser")["lastProcessedPod"] == name


@pytest.fixture
def binding(cluster: Cluster) -> Iterator[Json]:
    """The binding of the operator's role, which the test may take away; it is there afterwards."""
    found = cluster.admin.get(CLUSTER_ROLE_BINDINGS, ROLE)
    kept = {key: found["metadata"][key] for key in ("name", "labels", "annotations")}
    body = {**found, "metadata": kept}
    yield body
    if cluster.admin.find(CLUSTER_ROLE_BINDINGS, ROLE) is None:
        cluster.admin.create(CLUSTER_ROLE_BINDINGS, body)


def beside(shop: Workspace, suffix: str) -> Workspace:
    """Return a second namespace for a test."""
    name = f"{shop.namespace[:50]}-{suffix}"
    shop.cluster.create_namespace(name)
    return Workspace(shop.cluster, name)


def take_away_permission(shop: Workspace) -> None:
    """Remove the binding of the operator's role; the authorizer knows of it afterwards."""
    admin = shop.cluster.admin
    admin.delete(CLUSTER_ROLE_BINDINGS, ROLE)
    await_permission(admin, REMEDIATOR, "delete", "pods", shop.namespace, wanted=False)


def remediating(shop: Workspace, **wanted: str) -> Json:
    """Wait until the condition Remediating has some values; return it."""
    return eventually(
        lambda: shop.condition("Remediating"), lambda found: {**found, **wanted} == found
    )


def operators_client(cluster: Cluster, name: str) -> Client:
    """Return a client with a token of one of the operator's ServiceAccounts."""
    plane = cluster.control_plane
    return plane.client_with(plane.service_account_token(SYSTEM, name), "pod-diagnoser")


def rules_of(client: Client, namespace: str) -> set[tuple[str, str, str]]:
    """Return what the API server allows a user in a namespace, as group, resource, verb."""
    body = {"spec": {"namespace": namespace}}
    status = client.create(RULES_REVIEWS, body)["status"]
    assert not status["incomplete"]
    assert not any("resourceNames" in rule for rule in status["resourceRules"])
    return {
        (group, resource, verb)
        for rule in status["resourceRules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
    }


def test_the_operator_may_do_what_it_does_and_nothing_else(shop: Workspace) -> None:
    """Its roles are the five verbs of remediation, and to read what asks; the rest is refused."""
    remediator = operators_client(shop.cluster, REMEDIATOR)
    pods_hook = operators_client(shop.cluster, "pod-diagnoser-pods")
    anybody = rules_of(pods_hook, shop.namespace)
    assert {group for group, _, _ in anybody} == {"authorization.k8s.io", "authentication.k8s.io"}
    assert rules_of(remediator, shop.namespace) - anybody == {
        ("diagnostics.local.io", "poddiagnosers", "get"),
        ("diagnostics.local.io", "clusterpoddiagnosers", "get"),
        ("", "namespaces", "get"),
        ("", "pods", "get"),
        ("", "pods", "delete"),
        ("", "pods/eviction", "create"),
        ("", "events", "create"),
    }

    shop.diagnose()
    shop.start_pod("web")
    attempts: list[Callable[[], object]] = [
        lambda: remediator.list(PODS, shop.namespace),
        lambda: remediator.list(PODS),
        lambda: next(remediator.watch(PODS)),
        lambda: remediator.delete_all(PODS, shop.namespace),
        lambda: remediator.patch(PODS, "web", {"metadata": {"labels": {"a": "b"}}}, shop.namespace),
        lambda: remediator.create(PODS, pods.manifest("mine"), shop.namespace),
        lambda: remediator.list(PODDIAGNOSERS, shop.namespace),
        lambda: remediator.patch(
            PODDIAGNOSERS, "diagnoser", {"status": {}}, shop.namespace, "status"
        ),
        lambda: remediator.get(SECRETS, TOKENS, SYSTEM),
        lambda: remediator.get(CLUSTER_ROLES, ROLE),
        lambda: pods_hook.get(PODS, "web", shop.namespace),
        lambda: pods_hook.delete(PODS, "web", shop.namespace),
    ]
    for attempt in attempts:
        with pytest.raises(ApiError) as refused:
            attempt()
        assert refused.value.code == 403
    assert shop.pod("web")["metadata"]["labels"] == APP


def test_missing_permission_is_stated_and_made_good(shop: Workspace, binding: Json) -> None:
    """Each action says what it may not do, and where; granted, all of them go on by themselves."""
    evicting, logging = beside(shop, "evicting"), beside(shop, "logging")
    shop.diagnose(**RESTART)
    evicting.diagnose(remediationAction="EvictPod", remediation=AT_ONCE)
    logging.diagnose(remediationAction="LogEvent")
    names = {each: each.replica_set("web")[0] for each in (shop, evicting, logging)}
    uids = {each: uid_of(each.pod(name)) for each, name in names.items()}
    take_away_permission(shop)
    # Here it may read, so that the eviction itself is what is refused.
    rules = [
        {"apiGroups": ["diagnostics.local.io"], "resources": ["poddiagnosers"], "verbs": ["get"]},
        {"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]},
    ]
    reader = {"metadata": {"name": "reader"}, "rules": rules}
    shop.cluster.admin.create(ROLES, reader, evicting.namespace)
    role = {**binding["roleRef"], "kind": "Role", "name": "reader"}
    bound = {"metadata": {"name": "reader"}, "roleRef": role, "subjects": binding["subjects"]}
    shop.cluster.admin.create(ROLE_BINDINGS, bound, evicting.namespace)
    await_permission(shop.cluster.admin, REMEDIATOR, "get", "pods", evicting.namespace, wanted=True)
    for each, name in names.items():
        each.crash(name, ERROR)

    for each in names:
        condition = remediating(each, reason="Forbidden")
        assert condition["status"] == "False"
        assert condition["message"].startswith("The operator may not ")
        assert f"in namespace {each.namespace}" in condition["message"]
    assert evicting.await_remediation("Failed")["reason"] == "Forbidden"
    assert shop.remediations()[0]["phase"] == "Planned"
    assert evicting.calls()["create pods/eviction 403"] == 1
    assert {each: uid_of(each.pod(names[each])) for each in names} == uids
    assert logging.events("PodRestarted") == []

    shop.cluster.admin.create(CLUSTER_ROLE_BINDINGS, binding)
    logging.await_events("PodRestarted", 1)
    shop.replaced(uids[shop])
    evicting.replaced(uids[evicting], timeout=80)
    assert shop.await_remediation("Done")["podUID"] == uids[shop]
    assert evicting.await_remediation("Done")["podUID"] == uids[evicting]
    for each in names:
        remediating(each, status="True")


def test_access_after_a_long_time_without_it_brings_no_burst(
    shop: Workspace, binding: Json
) -> None:
    """Refused for longer than the budget's window, then granted: one budget's worth goes."""
    budget, owners = 2, 6
    shop.diagnose(
        remediationAction="RestartPod",
        remediation={**AT_ONCE, "budget": {"pods": budget, "windowSeconds": 60}},
    )
    names = [shop.replica_set(f"web-{number}")[0] for number in range(owners)]
    take_away_permission(shop)
    for name in names:
        shop.crash(name, pods.Termination(1, "Error", pods.now() - timedelta(minutes=10)))
    eventually(lambda: shop.condition("Remediating"), lambda found: found["reason"] == "Forbidden")
    eventually(shop.withheld, lambda withheld: withheld == {"BudgetSpent": owners - budget})
    shop.settled()
    # As if five minutes had passed since: plans of then are too old by now.
    entries = shop.remediations()
    assert [entry["phase"] for entry in entries] == ["Planned"] * budget
    past = pods.timestamp(pods.now() - timedelta(minutes=5))
    aged = [{**entry, "plannedAt": past} for entry in entries]
    shop.cluster.admin.patch(
        PODDIAGNOSERS, "diagnoser", {"status": {"remediations": aged}}, shop.namespace, "status"
    )
    shop.cluster.admin.create(CLUSTER_ROLE_BINDINGS, binding)
    shop.nudge()
    eventually(
        lambda: sum(entry["phase"] == "Done" for entry in shop.remediations()),
        lambda done: done == budget,
    )
    shop.settled()
    assert shop.calls()["delete pods 200"] == budget
    entries = shop.remediations()
    assert sum(entry["phase"] == "Done" for entry in entries) == budget
    # The old plans were not carried out; they were dropped, and made again within the budget.
    assert all(entry["plannedAt"] > past for entry in entries if entry["phase"] == "Done")
