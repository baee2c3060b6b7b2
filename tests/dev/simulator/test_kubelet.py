"""The simulator's kubelet reports as a real one did: the same states in the same order.

Compared with the recorded watch streams of a kubelet 1.36.3 with containerd 2.3, from the creation
of each Pod to its removal. Left out of the comparison: times, ids, addresses, what the simulated
kubelet does not report (user, resources, volumeMounts).
"""

import itertools
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest

from dev.simulator.kubelet.runtime import Exit
from dev.simulator.objects import Object
from dev.simulator.resources import EVENT, NAMESPACE, POD
from dev.simulator.tables import WatchEvent
from dev.simulator.writes import Call, DeleteOptions, key_of
from tests.dev.simulator.fakes import Run, ScriptedProber, ScriptedRuntime
from tests.dev.simulator.recorded import differences, load_events, load_watch
from tests.support.cluster_fixture import ClusterFixture

NOT_FOUND = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
    'runc create failed: unable to start container process: exec: "/no/such/program": '
    "stat /no/such/program: no such file or directory"
)


OUT_OF_MEMORY = Exit(-9, "OOMKilled")
REFUSED = (
    'failed to pull and unpack image "localhost:1/not-there:1": failed to resolve image: failed to '
    'do request: Head "https://localhost:1/v2/not-there/manifests/1": dial tcp 127.0.0.1:1: '
    "connect: connection refused"
)
EVICTED = "Pod ephemeral local storage usage exceeds the total limit of containers 10Mi. "


@dataclass(frozen=True)
class Case:
    """A recorded Pod, and what its container did.

    Attributes:
        recording: name of the watch stream.
        runs: what the container did.
        sick: seconds between which its probes failed.
        evicted: why it was evicted, after ten seconds; "" if it was not.
    """

    recording: str
    runs: tuple[Run, ...]
    sick: tuple[float, float] = (0, 0)
    evicted: str = ""


CASES = [
    Case(
        "01-completed-exit0-restarted",
        (Run(1.5), Run(1.5), Run(None, term_seconds=1.5)),
    ),
    Case("01-completed-exit0-never", (Run(1.5),)),
    Case("02-exit1-never", (Run(1.5, Exit(1)),)),
    Case("03-oomkilled-never", (Run(1.5, OUT_OF_MEMORY),)),
    Case("03-oomkilled-restarted", (Run(1.5, OUT_OF_MEMORY), Run())),
    Case(
        "05-crashloop-0-terminated",
        (Run(1.0, Exit(1), on_term=None),),
    ),
    Case("06-command-not-found-crashloop", (Run(fails=NOT_FOUND),)),
    Case("06-command-not-found-never", (Run(fails=NOT_FOUND),)),
    Case("07-liveness-kill-137", (Run(on_term=None),), sick=(2, 5)),
    Case("07-liveness-kill-term-143", (Run(on_term=Exit(143)),), sick=(1.8, 3.8)),
    Case("10-errimageneverpull", (Run(registry=REFUSED),)),
    Case("10-errimagepull", (Run(registry=REFUSED),)),
    Case("12-activedeadlineseconds", (Run(),)),
    Case("12-evicted-ephemeral-storage", (Run(on_term=None),), evicted=EVICTED),
    Case("14-terminating", (Run(None, on_term=None),)),
    Case("17-poststart-hook-error", (Run(on_term=None, hook=(1, "hook\n")),)),
    Case("20-onfailure-exit4-restarted", (Run(1.5, Exit(4)), Run(1.5, Exit(0)))),
]


class KubeletCluster(ClusterFixture):
    """A cluster with a kubelet, and the watch events of its Pods."""

    events: list[WatchEvent]

    def __init__(self, runs: tuple[Run, ...], *, sick: tuple[float, float] = (0, 0)) -> None:
        super().__init__(())
        self.runtime = ScriptedRuntime(self.scheduler, runs)
        self.kubelet = self.start_kubelet(
            self.runtime,
            ScriptedProber(
                self.scheduler, lambda _: not sick[0] <= self.scheduler.time() < sick[1]
            ),
        )
        self.events = []
        self.store.watch(POD, self.events.append)

    def create(self, pod: Object) -> Object:
        """Create a Pod."""
        namespace = pod["metadata"]["namespace"]
        if self.store.peek(NAMESPACE, ("", namespace)) is None:
            self.store.create(NAMESPACE, {"metadata": {"name": namespace}})
        return self.store.create(POD, pod)

    def shapes(self) -> list[Object]:
        """Return the watch events so far, in comparable form."""
        return [shape(event.type, event.object) for event in self.events]


def collapsed(shapes: list[Object]) -> list[Object]:
    """Drop an event that says the same as the one before: it differs in what is left out."""
    return [one for one, before in zip(shapes, [None, *shapes], strict=False) if one != before]


def shape(kind: str, pod: Object) -> Object:
    """Return what a watch event of a Pod says, without times and ids."""
    metadata, status = pod["metadata"], pod["status"]
    return {
        "type": str(kind),
        "generation": metadata["generation"],
        "grace": metadata.get("deletionGracePeriodSeconds"),
        "phase": status["phase"],
        "observedGeneration": status.get("observedGeneration"),
        "address": "podIP" in status,
        "conditions": [
            {key: value for key, value in condition.items() if "Time" not in key}
            for condition in status.get("conditions", [])
        ],
        "containers": [container_shape(one) for one in status.get("containerStatuses", [])],
    }


def container_shape(status: Object) -> Object:
    """Return what a container status says, without times and ids."""
    return {
        "restartCount": status["restartCount"],
        "ready": status["ready"],
        "started": status["started"],
        "id": bool(status.get("containerID")),
        "state": state_shape(status["state"]),
        "lastState": state_shape(status["lastState"]),
        "same run": status.get("containerID")
        == status["state"].get("terminated", {}).get("containerID"),
    }


def state_shape(state: Object) -> Object:
    """Return a container state without times and ids."""
    return {
        kind: {
            key: anonymous(value) if isinstance(value, str) else value
            for key, value in details.items()
            if key not in {"startedAt", "finishedAt", "containerID"}
        }
        for kind, details in state.items()
    }


def anonymous(text: str) -> str:
    """Return a message without the Pod's name and uid."""
    return re.sub(r"[\w-]+_[\w-]+\([\w-]+\)", "POD", text)


def play(case: Case) -> tuple[KubeletCluster, list[Object]]:
    """Let a container do what it did when it was recorded, and delete the Pod when it was.

    Returns:
        The cluster, and the recorded watch events in comparable form.
    """
    recorded = load_watch(case.recording)
    expected = collapsed([shape(event["type"], event["object"]) for event in recorded])
    created: dict[str, Any] = recorded[0]["object"]
    cluster = KubeletCluster(case.runs, sick=case.sick)
    pod = cluster.create(
        {
            "metadata": {key: created["metadata"][key] for key in ("name", "namespace", "labels")},
            "spec": {key: value for key, value in created["spec"].items() if key != "nodeName"},
        }
    )
    if case.evicted:
        cluster.scheduler.run_for(10)
        cluster.kubelet.evict(pod, case.evicted)
    before = next(i for i, one in enumerate(expected) if one["grace"] is not None)
    cluster.scheduler.run_until(
        lambda: (
            len(collapsed(cluster.shapes())) >= before and cluster.scheduler.time() > case.sick[1]
        ),
        timeout=600,
    )
    cluster.store.delete(POD, key_of(pod), DeleteOptions(grace=expected[before]["grace"]))
    cluster.scheduler.run_for(60)
    return cluster, expected


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.recording)
def test_reports_what_the_real_one_reported(case: Case) -> None:
    """A container that does the same is reported by the same watch events, in the same order."""
    cluster, expected = play(case)
    reported = collapsed(cluster.shapes())
    if load_watch(case.recording)[-1]["type"] != "DELETED":
        reported = reported[: len(expected)]  # that recording was stopped before
    assert not differences(expected, reported)


def event_summaries(events: list[Object]) -> set[tuple[str, str, str, str]]:
    """Return the messages of the node's Events, without the output of probes."""
    return {
        (
            event["type"],
            event["reason"],
            event["involvedObject"].get("fieldPath", ""),
            anonymous(event["message"]),
        )
        for event in events
        if event["source"]["component"] == "kubelet" and event["reason"] != "Unhealthy"
    }


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.recording)
def test_events_are_those_of_the_real_one(case: Case) -> None:
    """It records the same Events about it: type, reason, message, which container."""
    cluster, _ = play(case)
    expected, found = (
        event_summaries(load_events(case.recording)),
        event_summaries(cluster.store.select(EVENT)),
    )
    if load_watch(case.recording)[-1]["type"] != "DELETED":  # that recording was stopped before
        found -= {("Normal", "Killing", "spec.containers{app}", "Stopping container app")}
    assert not differences(sorted(map(list, expected)), sorted(map(list, found)))


ALWAYS = (0.0, 1e9)

POD_MANIFEST: Object = {
    "metadata": {"name": "p", "namespace": "default"},
    "spec": {"containers": [{"name": "app", "image": "app"}], "terminationGracePeriodSeconds": 5},
}


def with_probe(kind: str, **probe: Any) -> Object:
    """Return the manifest with a probe."""
    container = {"name": "app", "image": "app", kind: {"httpGet": {"port": 80}, **probe}}
    return {**POD_MANIFEST, "spec": {**POD_MANIFEST["spec"], "containers": [container]}}


def starts(cluster: KubeletCluster) -> list[float]:
    """Return when the running states that were reported had begun, in seconds."""
    epoch = datetime(2026, 1, 1, tzinfo=UTC)
    times = [
        status["state"]["running"]["startedAt"]
        for event in cluster.events
        for status in event.object["status"].get("containerStatuses", [])
        if "running" in status["state"]
    ]
    return [(datetime.fromisoformat(one) - epoch).total_seconds() for one in dict.fromkeys(times)]


def test_back_off_doubles_to_five_minutes() -> None:
    """The first crash is restarted at once, the next after 10 s, 20 s ... and at most 300 s."""
    cluster = KubeletCluster((Run(1.0, Exit(1)),))
    cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(1500)
    begun = starts(cluster)
    gaps = [later - sooner for sooner, later in itertools.pairwise(begun)]
    assert gaps[0] < 4
    for gap, backoff in zip(gaps[1:], [10, 20, 40, 80, 160, 300, 300], strict=False):
        assert backoff <= gap <= backoff + 4


def test_back_off_starts_over_after_ten_good_minutes() -> None:
    """A container that ran well for more than ten minutes is restarted at once."""
    cluster = KubeletCluster((Run(1.0, Exit(1)), Run(1.0, Exit(1)), Run(700, Exit(1)), Run()))
    cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(1500)
    begun = starts(cluster)
    assert begun[2] - begun[1] > 10
    assert begun[3] - begun[2] < 700 + 4


def test_a_killed_process_ends_with_128_and_the_signal() -> None:
    """SIGKILL shows as exit code 137, reason Error."""
    cluster = KubeletCluster((Run(1.0, Exit(-9)), Run()))
    cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(10)
    status = cluster.store.get(POD, ("default", "p"))["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 137
    assert status["lastState"]["terminated"]["reason"] == "Error"


def test_the_runtime_names_the_reason() -> None:
    """A reason of the runtime's own, OOMKilled, is reported as it is, with its message."""
    cluster = KubeletCluster((Run(1.0, Exit(137, "OOMKilled", "no more")), Run()))
    cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(10)
    ended = cluster.store.get(POD, ("default", "p"))["status"]["containerStatuses"][0]["lastState"]
    assert ended["terminated"]["reason"] == "OOMKilled"
    assert ended["terminated"]["message"] == "no more"


def events(cluster: KubeletCluster, reason: str) -> list[str]:
    """Return the messages of the Events of a reason."""
    found = [event for event in cluster.store.select(EVENT) if event["reason"] == reason]
    return [event["message"] for event in found]


def test_a_failed_liveness_probe_restarts_the_container() -> None:
    """After its failures the process gets SIGTERM, and its end is a restart like any other."""
    cluster = KubeletCluster((Run(None, on_term=Exit(143)),), sick=ALWAYS)
    cluster.create(with_probe("livenessProbe", periodSeconds=1, failureThreshold=2))
    cluster.scheduler.run_for(3)
    status = cluster.store.get(POD, ("default", "p"))["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    assert status["lastState"]["terminated"]["exitCode"] == 143
    assert events(cluster, "Killing") == ["Container app failed liveness probe, will be restarted"]
    assert events(cluster, "Unhealthy") == [
        "Liveness probe failed: HTTP probe failed with statuscode: 500"
    ]


def test_nothing_is_restarted_under_never() -> None:
    """A failed probe ends the container for good, and the Event promises no restart."""
    cluster = KubeletCluster((Run(None, on_term=Exit(143)),), sick=ALWAYS)
    manifest = with_probe("livenessProbe", periodSeconds=1, failureThreshold=1)
    cluster.create({**manifest, "spec": {**manifest["spec"], "restartPolicy": "Never"}})
    cluster.scheduler.run_for(10)
    status = cluster.store.get(POD, ("default", "p"))["status"]
    assert status["phase"] == "Failed"
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143
    assert events(cluster, "Killing") == ["Container app failed liveness probe"]


def test_a_failed_startup_probe_restarts_the_container() -> None:
    """Until it succeeds no other probe runs; if it never does, the container is killed."""
    cluster = KubeletCluster((Run(None, on_term=Exit(0)),), sick=ALWAYS)
    manifest = with_probe("startupProbe", periodSeconds=2, failureThreshold=2)
    container = manifest["spec"]["containers"][0]
    container["livenessProbe"] = {"httpGet": {"port": 80}, "periodSeconds": 1}
    cluster.create(manifest)
    cluster.scheduler.run_for(4)
    status = cluster.store.get(POD, ("default", "p"))["status"]["containerStatuses"][0]
    assert status["restartCount"] == 1
    assert status["started"] is False
    assert events(cluster, "Killing") == ["Container app failed startup probe, will be restarted"]
    assert not [one for one in events(cluster, "Unhealthy") if one.startswith("Liveness")]


def test_a_started_container_is_probed_for_liveness() -> None:
    """After its startup probe a container is started, ready, and probed for its liveness."""
    cluster = KubeletCluster((Run(None, on_term=Exit(0)),), sick=(5, 1e9))
    manifest = with_probe("startupProbe", periodSeconds=1)
    container = manifest["spec"]["containers"][0]
    container["livenessProbe"] = {
        "httpGet": {"port": 80},
        "periodSeconds": 1,
        "failureThreshold": 1,
    }
    cluster.create(manifest)
    cluster.scheduler.run_for(4)
    status = cluster.store.get(POD, ("default", "p"))["status"]["containerStatuses"][0]
    assert status["started"]
    assert status["ready"]
    cluster.scheduler.run_for(3)
    assert events(cluster, "Killing") == ["Container app failed liveness probe, will be restarted"]


def test_kills_are_backed_off_from_as_well() -> None:
    """The first killed container is started at once; later ones wait as others do."""
    cluster = KubeletCluster((Run(None, on_term=Exit(143)),), sick=ALWAYS)
    cluster.create(with_probe("livenessProbe", periodSeconds=1, failureThreshold=1))
    cluster.scheduler.run_for(60)
    begun = starts(cluster)
    assert begun[1] - begun[0] < 3
    assert begun[-1] - begun[-2] >= 20
    (killing,) = [one for one in cluster.store.select(EVENT) if one["reason"] == "Killing"]
    assert killing["count"] == cluster.runtime.starts
    assert killing["firstTimestamp"] < killing["lastTimestamp"]


def test_pressure_on_the_node_is_a_disruption() -> None:
    """A Pod evicted for a shortage on the node has the condition; its containers are killed."""
    cluster = KubeletCluster((Run(None, on_term=None),))
    pod = cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(5)
    message = "The node was low on resource: memory."
    cluster.kubelet.evict(pod, message, pressure=True)
    cluster.scheduler.run_for(10)
    status = cluster.store.get(POD, ("default", "p"))["status"]
    assert (status["phase"], status["reason"], status["message"]) == ("Failed", "Evicted", message)
    (condition,) = [one for one in status["conditions"] if one["type"] == "DisruptionTarget"]
    assert (condition["status"], condition["reason"]) == ("True", "TerminationByKubelet")
    assert status["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 137
    cluster.store.delete(POD, key_of(pod))
    cluster.scheduler.run_for(10)
    assert cluster.store.peek(POD, key_of(pod)) is None


def test_a_pull_is_tried_again_after_a_back_off() -> None:
    """Pulls fail and are backed off from by turns; the container runs once its image is there."""
    cluster = KubeletCluster((Run(registry="no such host"), Run(registry="no such host"), Run()))
    cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(60)
    reasons = [
        status["state"]["waiting"]["reason"]
        for event in cluster.events
        for status in event.object["status"].get("containerStatuses", [])
        if "waiting" in status["state"]
    ]
    turns = [reason for reason, _ in itertools.groupby(reasons)]
    assert turns == ["ContainerCreating", *["ErrImagePull", "ImagePullBackOff"] * 2]
    status = cluster.store.get(POD, ("default", "p"))["status"]["containerStatuses"][0]
    assert "running" in status["state"]
    assert status["restartCount"] == 0


def test_a_liveness_kill_that_is_ignored_ends_in_sigkill() -> None:
    """A process that ignores SIGTERM is killed once the Pod's grace period is over: 137."""
    cluster = KubeletCluster((Run(None, on_term=None),), sick=ALWAYS)
    cluster.create(with_probe("livenessProbe", periodSeconds=1, failureThreshold=1))
    cluster.scheduler.run_for(9)
    status = cluster.store.get(POD, ("default", "p"))["status"]["containerStatuses"][0]
    assert status["lastState"]["terminated"]["exitCode"] == 137


def test_readiness_follows_its_probe() -> None:
    """A container without a good readiness probe runs and is not ready."""
    cluster = KubeletCluster((Run(),), sick=ALWAYS)
    cluster.create(with_probe("readinessProbe"))
    cluster.scheduler.run_for(5)
    status = cluster.store.get(POD, ("default", "p"))["status"]
    assert status["phase"] == "Running"
    assert status["containerStatuses"][0]["ready"] is False


def test_a_pod_deleted_by_force_takes_its_processes_along() -> None:
    """A deletion with a grace of 0 removes the Pod at once; its process is killed."""
    cluster = KubeletCluster((Run(),))
    pod = cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(5)
    ended: list[Exit] = []
    cluster.runtime.processes["p"].on_end(ended.append)
    cluster.store.delete(POD, key_of(pod), DeleteOptions(grace=0))
    assert cluster.store.peek(POD, key_of(pod)) is None
    cluster.scheduler.run_for(1)
    assert ended == [Exit(-9)]


def test_a_deleted_pod_in_back_off_is_gone_soon() -> None:
    """Deleting a Pod that waits for its restart does not wait for the restart."""
    cluster = KubeletCluster((Run(0.5, Exit(1)),))
    pod = cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(30)
    cluster.store.delete(POD, key_of(pod))
    cluster.scheduler.run_for(6)
    assert cluster.store.peek(POD, key_of(pod)) is None


def test_a_pod_of_the_same_name_is_another_pod() -> None:
    """A Pod re-created under its name starts with a count of 0."""
    cluster = KubeletCluster((Run(0.5, Exit(1)), Run()))
    pod = cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(5)
    cluster.store.delete(POD, key_of(pod))
    cluster.scheduler.run_for(10)
    cluster.create(POD_MANIFEST)
    cluster.scheduler.run_for(5)
    again = cluster.store.get(POD, key_of(pod))
    assert again["metadata"]["uid"] != pod["metadata"]["uid"]
    assert again["status"]["containerStatuses"][0]["restartCount"] == 0


class Outage:
    """No request of the kubelet gets through while it lasts."""

    def __init__(self) -> None:
        self.lasts = True

    def before(self, call: Call) -> Exception | None:
        """Refuse the kubelet's connections."""
        refused = self.lasts and call.manager == "kubelet"
        return ConnectionRefusedError() if refused else None

    def after(self, _: Call) -> Exception | None:
        """Lose no answer."""
        return None


def test_an_outage_of_the_api_server_is_made_up_for() -> None:
    """A status that could not be written is written later, and a deletion is completed."""
    cluster = KubeletCluster((Run(0.5, Exit(1)), Run(0.5, Exit(2)), Run()))
    pod = cluster.create(POD_MANIFEST)
    outage = Outage()
    cluster.simulator.network.interference = outage
    cluster.scheduler.run_for(60)
    assert "containerStatuses" not in cluster.store.get(POD, key_of(pod))["status"]
    outage.lasts = False
    cluster.scheduler.run_for(5)
    status = cluster.store.get(POD, key_of(pod))["status"]["containerStatuses"][0]
    assert status["restartCount"] == 2
    outage.lasts = True
    cluster.store.delete(POD, key_of(pod))
    cluster.scheduler.run_for(60)
    assert cluster.store.peek(POD, key_of(pod)) is not None
    outage.lasts = False
    cluster.scheduler.run_for(5)
    assert cluster.store.peek(POD, key_of(pod)) is None
