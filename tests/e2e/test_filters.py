"""What is kept silent on purpose, and what the status says of workloads."""

import operator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from dev.envtest import pods
from dev.envtest.client import PODS, Json, Resource
from dev.envtest.pods import Termination
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

DEPLOYMENTS = Resource("apps/v1", "deployments")
JOBS = Resource("batch/v1", "jobs")
TERMINATED = Termination(143, "Error")


def shown_cause(shop: Workspace, name: str) -> str:
    """Return the cause that a Pod shows; empty for a Pod without managed metadata."""
    annotations, labels = shown_metadata(shop.pod(name))
    assert bool(annotations) == bool(labels)
    return annotations.get("cause", "")


def crashed_pods(shop: Workspace) -> int:
    """Return how many Pods of the workload that crashed last have crashed."""
    lines = shop.status().get("workloads", [])
    return int(lines[0]["crashedPods"]) if lines else 0


def ignoring(**ignore: Any) -> Json:
    """Return the spec of a PodDiagnoser that ignores something, and acts on the rest."""
    return {"ignore": ignore, "remediationAction": "LogEvent", "remediation": AT_ONCE}


@pytest.mark.parametrize(
    ("ignore", "ignored", "crash"),
    [
        ({"cleanExits": True}, COMPLETED, ERROR),
        ({"causes": ["OutOfMemory", "Terminated"]}, OOM_KILLED, COMPLETED),
        ({"exitCodes": [143]}, TERMINATED, ERROR),
    ],
    ids=["cleanExits", "causes", "exitCodes"],
)
def test_ignored_terminations_leave_no_trace(
    shop: Workspace, ignore: Json, ignored: Termination, crash: Termination
) -> None:
    """Neither metadata nor Event nor status; another termination of the Pod is reported."""
    shop.diagnose(**ignoring(**ignore))
    shop.start_pod("web")
    shop.start_pod("beside")
    shop.crash("web", ignored)
    shop.crash("beside", crash)
    shop.await_events("PodRestarted", 1)
    shop.settled()
    assert shown_cause(shop, "web") == ""
    assert shown_cause(shop, "beside") != ""
    status = shop.status()
    assert status["diagnosedPods"] == 1
    assert [one["pod"] for one in status["recentDiagnoses"]] == ["beside"]
    assert [one["name"] for one in status["workloads"]] == ["beside"]
    shop.crash("web", crash)
    shop.await_events("PodRestarted", 2)
    assert shop.counted(2)["diagnosedPods"] == 2


def test_ignored_containers_and_pods_leave_no_trace(shop: Workspace) -> None:
    """By the container's name or a pattern for it, and by the Pod's labels."""
    shop.diagnose(**ignoring(containers=["*-proxy"], podLabels={"stage": "canary"}))
    shop.start_pod("web", containers=("app", "istio-proxy"))
    shop.start_pod("canary", labels={**APP, "stage": "canary"})
    shop.crash("web", ERROR, "istio-proxy")
    shop.crash("canary", ERROR)
    shop.settled()
    assert (shown_cause(shop, "web"), shown_cause(shop, "canary")) == ("", "")
    assert shop.status()["diagnosedPods"] == 0
    shop.crash("web", OOM_KILLED, "app")
    shop.annotated("web")
    assert shown_metadata(shop.pod("web"))[0]["container"] == "app"
    assert '"istio-proxy"' not in shown_metadata(shop.pod("web"))[0]["crashes"]
    shop.await_events("PodRestarted", 1)


def test_an_ignored_crash_has_no_pod_replaced(shop: Workspace) -> None:
    """Another crash of the same workload does."""
    restart: Json = {"remediationAction": "RestartPod", "remediation": AT_ONCE}
    shop.diagnose(ignore={"causes": ["OutOfMemory"]}, **restart)
    (name,) = shop.replica_set("web")
    uid = shop.pod(name)["metadata"]["uid"]
    shop.crash(name, OOM_KILLED)
    shop.settled()
    assert shop.pod(name)["metadata"]["uid"] == uid
    assert shop.calls() == {}
    shop.crash(name, ERROR)
    shop.replaced(uid)
    assert shop.await_remediation("Done")["cause"] == "ApplicationError"


def test_restarts_are_reported_from_the_threshold_on(shop: Workspace) -> None:
    """Of one container with the third within ten minutes, of all others with the first."""
    shop.diagnose(
        thresholds=[{"container": "app", "restarts": 3, "withinSeconds": 600}],
        remediationAction="LogEvent",
        remediation=AT_ONCE,
    )
    shop.start_pod("web", containers=("app", "helper"))
    for _ in range(2):
        shop.crash("web", ERROR, "app")
        shop.settled()
        assert shown_cause(shop, "web") == ""
    assert shop.events("PodRestarted") == []
    shop.crash("web", ERROR, "app")
    shop.annotated("web")
    assert "3" in shown_metadata(shop.pod("web"))[0]["diagnosis"]
    shop.await_events("PodRestarted", 1)
    shop.start_pod("other", containers=("app", "helper"))
    shop.crash("other", ERROR, "helper")
    shop.annotated("other")


def test_a_crash_that_is_ignored_no_more_is_reported(shop: Workspace) -> None:
    """A change of the spec holds for Pods that are there; what they show stays."""
    shop.diagnose(ignore={"cleanExits": True})
    shop.start_pod("web")
    shop.start_pod("shown")
    shop.crash("web", COMPLETED)
    shop.crash("shown", ERROR)
    shop.annotated("shown")
    shop.settled()
    assert shown_cause(shop, "web") == ""
    shop.change(ignore={"cleanExits": None, "causes": ["ApplicationError"]})
    shop.annotated("web", "Completed (Exit Code: 0)")
    shop.counted(2)
    assert shown_cause(shop, "shown") == "ApplicationError"
    assert [one["name"] for one in shop.status()["workloads"] if one["crashingPods"]] == ["web"]


def test_workloads_are_named_as_people_know_them(shop: Workspace) -> None:
    """A Deployment by its name, whichever ReplicaSet makes its Pods; a CronJob, not each Job."""
    shop.diagnose()
    labels = {**APP, "set": "web"}
    template = pods.manifest("web", labels, node=None)
    container = {"metadata": {"labels": labels}, "spec": template["spec"]}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": container}
    admin = shop.cluster.admin
    admin.create(DEPLOYMENTS, {"metadata": {"name": "web"}, "spec": spec}, shop.namespace)
    minute = int(pods.now().timestamp()) // 60
    for number in range(2):
        name = f"nightly-{minute + number}"
        job = {
            "metadata": {"labels": {**APP, "set": name}},
            "spec": {**template["spec"], "restartPolicy": "OnFailure"},
        }
        body = {"metadata": {"name": name}, "spec": {"template": job}}
        admin.create(JOBS, body, shop.namespace)
    for name in ("web", f"nightly-{minute}", f"nightly-{minute + 1}"):
        (pod,) = eventually(partial(shop.running, f"set={name}"), lambda found: len(found) == 1)
        shop.crash(pod["metadata"]["name"], ERROR)
    lines = shop.counted(3)["workloads"]
    assert {(one["kind"], one["name"], one["crashedPods"]) for one in lines} == {
        ("Deployment", "web", 1),
        ("CronJob", "nightly", 2),
    }
    described = shop.kubectl("describe", "pdiag", "diagnoser").splitlines()
    status = described[described.index("Status:") :]
    first = ("Conditions:", "Recent Diagnoses:", "Workloads:", "Writer Memory:")
    order = [line.split("  ")[1] for line in status if line.strip().startswith(first)]
    assert order == list(first)
    (memory,) = (line for line in status if "Writer Memory:" in line)
    assert len(memory.split()[-1]) == 3 * 8
    assert "Causes:" not in described[: described.index("Status:")]


def test_a_crash_loop_that_spans_replacements_is_one_line(shop: Workspace) -> None:
    """However many Pods of a ReplicaSet replace each other; kubectl shows it."""
    shop.diagnose()
    (name,) = shop.replica_set("web")
    begun = pods.now() - timedelta(seconds=1)
    for number in range(1, 5):
        shop.crash(name, OOM_KILLED if number == 4 else ERROR)
        shop.annotated(name)
        eventually(partial(crashed_pods, shop), partial(operator.eq, number))
        if number < 4:
            uid = shop.pod(name)["metadata"]["uid"]
            shop.cluster.admin.delete(PODS, name, shop.namespace)
            name = shop.replaced(uid, "set=web")["metadata"]["name"]
    shop.start_pod("single")
    shop.crash("single", COMPLETED)
    status = shop.counted(5)
    lines = {one["name"]: one for one in status["workloads"]}
    assert set(lines) == {"web", "single"}
    web = lines["web"]
    assert (web["kind"], web["crashingPods"], web["crashedPods"]) == ("ReplicaSet", 1, 4)
    assert web["causes"] == [{"cause": "OutOfMemory", "pods": 1}]
    assert pods.timestamp(begun) <= web["since"] <= web["lastTime"]
    assert lines["single"]["kind"] == "Pod"
    row = shop.kubectl("get", "pdiag", "diagnoser").splitlines()[1].split()
    assert row[3:6] == ["5", "single", "Completed"]
    described = shop.kubectl("describe", "pdiag", "diagnoser").partition("Workloads:")[2]
    assert [line.split()[1] for line in described.splitlines() if "Name:" in line] == [
        "single",
        "web",
    ]
