"""From a crash to the Pod's annotations and the PodDiagnoser's status."""

import json
from datetime import timedelta
from functools import partial

from dev.envtest import pods
from dev.envtest.client import PODS, Json
from dev.envtest.installation import PROJECT
from tests.e2e.workspace import (
    APP,
    COMPLETED,
    ERROR,
    LABEL,
    OOM_KILLED,
    Workspace,
    eventually,
    recording,
    shown_metadata,
)

SAMPLE = PROJECT / "crds/samples/fragileapp-diagnoser.yaml"

CRASHED = {
    "01-completed-exit0-restarted": "Completed (Exit Code: 0)",
    "02-exit1-restarted": "Error (Exit Code: 1)",
    "03-oomkilled-restarted": "OOMKilled (Exit Code: 137)",
    "04-sigkill-outside-restarted": "Error (Exit Code: 137)",
    "05-crashloop-1-waiting": "Error (Exit Code: 1)",
    "05-crashloop-2-waiting-3restarts": "Error (Exit Code: 1)",
    "06-command-not-found-crashloop": "StartError (Exit Code: 128)",
    "07-liveness-kill-137": "Error (Exit Code: 137)",
    "07-liveness-kill-term-143": "Error (Exit Code: 143)",
    "08-init-failing-crashloop": "Error (Exit Code: 7)",
    "09-sidecar-crash-crashloop": "Error (Exit Code: 9)",
    "09-sidecar-crash-restarted": "Error (Exit Code: 9)",
    "20-onfailure-exit4-restarted": "Error (Exit Code: 4)",
    "23-runtime-data-lost-never": "ContainerStatusUnknown (Exit Code: 137)",
}
NOT_RESTARTED = {"10-imagepullbackoff": "ImagePullFailed"}
NOT_CRASHED = ("00-healthy-running", "07-readiness-only-not-ready")


def shown(shop: Workspace, name: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return our annotations and labels on a Pod."""
    return shown_metadata(shop.pod(name))


def test_the_sample_reports_what_happened(shop: Workspace) -> None:
    """The tutorial: the sample applied, a Pod that ends by itself, and what is shown."""
    shop.kubectl("apply", "-f", str(SAMPLE))
    shop.start_pod("fragile-app-1")
    crashed = shop.crash("fragile-app-1", COMPLETED)
    ended = pods.container_status(crashed)["lastState"]["terminated"]["finishedAt"]

    annotations, labels = shown_metadata(shop.annotated("fragile-app-1"))
    assert annotations["restart-reason"] == "Completed (Exit Code: 0)"
    assert annotations["restart-time"] == ended
    assert annotations["container"] == "app"
    assert annotations["cause"] == "Completed"
    assert annotations["diagnosis"].startswith("Container app exited with code 0")
    assert "exit code 0" in annotations["evidence"]
    described = shop.kubectl("describe", "pod", "fragile-app-1")
    for line in ("diagnosis", "evidence", "next-step"):
        assert annotations[line] in described, "kubectl describe prints each line whole"
    assert len(json.loads(annotations["crashes"])["history"]) == 1
    assert labels == {"diagnoser": "fragileapp-diagnoser"}

    status = shop.counted(1, "fragileapp-diagnoser")
    assert status["diagnosedPods"] == 1
    assert status["lastProcessedPod"] == "fragile-app-1"
    (diagnosis,) = status["recentDiagnoses"]
    assert diagnosis["reason"] == "Completed (Exit Code: 0)"
    assert diagnosis["time"] == ended
    assert diagnosis["diagnosis"] == annotations["diagnosis"]


def test_kubectl_get_answers_what_happened(shop: Workspace) -> None:
    """The columns of kubectl get pdiag say who is active, how many, which Pod last, and why."""
    shop.diagnose("fragileapp-diagnoser")
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", OOM_KILLED)
    shop.counted(1, "fragileapp-diagnoser")

    heading, row = shop.kubectl("get", "pdiag").splitlines()
    columns = (
        *("NAME", "ACTIVE", "REMEDIATING", "DIAGNOSED", "LAST POD", "CAUSE", "REASON", "WHEN"),
        "AGE",
    )
    starts = [heading.index(column) for column in columns]
    cells = [row[start:end].strip() for start, end in zip(starts, [*starts[1:], None], strict=True)]
    assert cells[:7] == [
        "fragileapp-diagnoser",
        "True",
        "NoAction",
        "1",
        "fragile-app-1",
        "OutOfMemory",
        "OOMKilled (Exit Code: 137)",
    ]
    assert cells[7].endswith("s"), "how long ago the container ended"


def test_recorded_crashes_are_diagnosed(shop: Workspace) -> None:
    """What a real kubelet reported of each kind of crash is shown, what is no crash is not."""
    shop.diagnose(targetLabels=None)
    for name in (*CRASHED, *NOT_RESTARTED, *NOT_CRASHED):
        recorded = recording(name)
        shop.cluster.admin.create(PODS, pods.as_recorded(recorded, name), shop.namespace)
        shop.cluster.kubelet.report(shop.namespace, name, pods.recorded_status(recorded))

    for name, reason in CRASHED.items():
        annotations, labels = shown_metadata(shop.annotated(name, reason))
        assert annotations["diagnosis"]
        assert labels == {"diagnoser": "diagnoser"}
    for name, cause in NOT_RESTARTED.items():
        annotations, labels = eventually(
            partial(shown, shop, name), lambda found: found[0]["cause"]
        )
        assert annotations["cause"] == cause
        assert not {"restart-reason", "restart-time"} & set(annotations)
        assert labels == {"diagnoser": "diagnoser"}
    number = len(CRASHED) + len(NOT_RESTARTED)
    assert shop.counted(number)["diagnosedPods"] == number
    assert "restart-time" not in shown_metadata(shop.pod("23-runtime-data-lost-never"))[0]
    for name in NOT_CRASHED:
        assert shown_metadata(shop.pod(name)) == ({}, {})


def test_crashes_of_long_ago_are_shown_but_not_counted(shop: Workspace) -> None:
    """Installing the operator onto Pods that restarted long ago labels and counts none of them."""
    dated = {name: reason for name, reason in CRASHED.items() if "Unknown" not in reason}
    for name in dated:
        recorded = recording(name)
        shop.cluster.admin.create(PODS, pods.as_recorded(recorded, name, APP), shop.namespace)
        past = pods.recorded_status(recorded, pods.now() - timedelta(days=3))
        shop.cluster.kubelet.report(shop.namespace, name, past)
    shop.diagnose()
    for name, reason in dated.items():
        assert shown_metadata(shop.annotated(name, reason))[1] == {}
    shop.settled()
    assert all(shown_metadata(pod)[1] == {} for pod in shop.pods())
    assert shop.status()["diagnosedPods"] == 0


def test_a_crash_loop_shows_the_latest_crash(shop: Workspace) -> None:
    """Each step that a kubelet reports of a crash loop counts once; the history holds them all."""
    shop.diagnose()
    shop.start_pod("looping")
    codes = (1, 2, 3, 4)
    for number, code in enumerate(codes):
        namespace, kubelet = shop.namespace, shop.cluster.kubelet
        # Ends a second apart: an API time has no parts of a second.
        ended = pods.now() + timedelta(seconds=number - len(codes))
        kubelet.end(namespace, "looping", pods.Termination(code, "Error", ended))
        if number:
            kubelet.back_off(namespace, "looping")
        kubelet.restart(namespace, "looping")
        shop.annotated("looping", f"Error (Exit Code: {code})")
    history = json.loads(shown_metadata(shop.pod("looping"))[0]["crashes"])["history"]
    assert [crash["exitCode"] for crash in history] == list(reversed(codes))
    status = shop.counted(1)
    assert status["diagnosedPods"] == 1
    assert shop.recent()[0] == ("looping", "Error (Exit Code: 4)")


def test_the_latest_of_several_containers_is_the_headline(shop: Workspace) -> None:
    """Two containers crash: the headline is what ended last, not the last in the list."""
    shop.diagnose()
    shop.start_pod("pair", containers=("first", "second"))
    earlier = pods.now() - timedelta(seconds=30)
    shop.crash("pair", pods.Termination(2, "Error", earlier), "second")
    shop.annotated("pair", "Error (Exit Code: 2)")
    shop.crash("pair", OOM_KILLED, "first")
    annotations, _ = shown_metadata(shop.annotated("pair", "OOMKilled (Exit Code: 137)"))
    assert annotations["container"] == "first"
    assert shop.counted(1)["diagnosedPods"] == 1


def test_a_terminating_pod_is_no_crash(shop: Workspace) -> None:
    """What a Pod's own deletion does to its containers is not diagnosed."""
    shop.diagnose()
    shop.start_pod("leaving")
    shop.start_pod("crashing")
    shop.kubectl("delete", "pod", "leaving", "--wait=false")
    seen: list[Json] = []
    while (pod := shop.cluster.admin.find(PODS, "leaving", shop.namespace)) is not None:
        seen.append(pod)  # until the kubelet lets it go; the test's time limit holds
    assert any(pods.container_status(pod)["state"].get("terminated") for pod in seen), (
        "the kubelet reports the end of the containers before the Pod goes"
    )
    assert all(shown_metadata(pod) == ({}, {}) for pod in seen)
    shop.crash("crashing", ERROR)
    assert shop.counted(1)["diagnosedPods"] == 1
    assert shop.recent() == [("crashing", "Error (Exit Code: 1)")]


def test_workloads_are_served_like_bare_pods(shop: Workspace) -> None:
    """A Deployment's Pod is diagnosed; the Pod that replaces it is another one."""
    shop.diagnose()
    shop.kubectl("create", "deployment", "web", "--image=fragile-app:latest")
    shop.change(targetLabels={"app": "web"})

    def running() -> list[str]:
        return [
            pod["metadata"]["name"]
            for pod in shop.pods()
            if pod["status"].get("containerStatuses") and "deletionTimestamp" not in pod["metadata"]
        ]

    (first,) = eventually(running)
    shop.crash(first, ERROR)
    assert shown_metadata(shop.annotated(first))[0]["container"] == "fragile-app"
    shop.counted(1)  # a Pod that goes before it was counted is not
    shop.kubectl("delete", "pod", first)
    (second,) = eventually(running)
    assert shown_metadata(shop.pod(second)) == ({}, {})
    shop.crash(second, ERROR)
    status = shop.counted(2)
    assert status["diagnosedPods"] == 2
    assert [pod for pod, _ in shop.recent()] == [second, first]


def test_others_annotations_and_labels_stay(shop: Workspace) -> None:
    """Annotations and labels of others stay, when the managed ones are added and removed."""
    shop.diagnose()
    shop.start_pod("shared")
    foreign = {"team.example/note": "keep", "other.diagnostics.local.io/x": "keep too"}
    shop.cluster.admin.patch(
        PODS,
        "shared",
        {"metadata": {"annotations": foreign, "labels": {"tier": "web"}}},
        shop.namespace,
    )
    shop.crash("shared", ERROR)

    def foreign_of(pod: Json) -> tuple[dict[str, str], dict[str, str]]:
        prefix = LABEL.split("/", maxsplit=1)[0] + "/"
        metadata = pod["metadata"]
        annotations, labels = (
            {key: value for key, value in metadata[what].items() if not key.startswith(prefix)}
            for what in ("annotations", "labels")
        )
        return annotations, labels

    assert foreign_of(shop.annotated("shared")) == (foreign, {**APP, "tier": "web"})
    shop.delete_diagnoser()
    shop.clean("shared")
    assert foreign_of(shop.pod("shared")) == (foreign, {**APP, "tier": "web"})
