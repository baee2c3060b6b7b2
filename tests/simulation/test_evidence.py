"""From a container's end on the simulated node to what its Pod says, Events included.

The real hook reads from the simulator's REST API the Events that the simulated kubelet records.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import pytest

from dev.simulator.errors import ApiError
from dev.simulator.kubelet.runtime import Exit
from dev.simulator.objects import Object, annotations_of
from dev.simulator.resources import EVENT, POD, REPLICA_SET
from dev.simulator.tables import WatchEvent
from dev.simulator.writes import Call
from tests.dev.simulator.fakes import Run, ScriptedProber, ScriptedRuntime
from tests.support.cluster_fixture import DIAGNOSER, PREFIX
from tests.support.hooked_cluster import HookedCluster

KEY = ("default", "p")
CRASH = 20.0
"""Seconds after which a case has happened, and the hook has read Events twice."""


class SlowEvents:
    """Has the kubelet's Events not arrive while it is on."""

    def __init__(self) -> None:
        self.on = False

    def before(self, call: Call) -> Exception | None:
        """Lose the connection of a kubelet that records an Event."""
        lost = self.on and call.manager == "kubelet" and call.resource.kind == "Event"
        return ConnectionRefusedError() if lost else None

    def after(self, _: Call) -> Exception | None:
        """Lose no answer."""
        return None


class EvidenceCluster(HookedCluster):
    """A cluster with a kubelet, in which the hook may read Events."""

    def __init__(
        self, runs: tuple[Run, ...], healthy: Callable[[float], bool], **spec: Any
    ) -> None:
        self.events = SlowEvents()
        super().__init__(interference=self.events, evidence=True, remediation=bool(spec))
        self.kubelet = self.start_kubelet(
            ScriptedRuntime(self.scheduler, runs),
            ScriptedProber(self.scheduler, lambda _: healthy(self.scheduler.time())),
        )
        self.store.create(
            DIAGNOSER, {"metadata": {"name": "d", "namespace": "default"}, "spec": spec}
        )

    def pod(self, **spec: Any) -> Object:
        """Create a Pod of one container."""
        container = {"name": "app", "image": "app", **spec.pop("container", {})}
        spec = {"containers": [container], "terminationGracePeriodSeconds": 2, **spec}
        return self.store.create(
            POD, {"metadata": {"name": "p", "namespace": "default"}, "spec": spec}
        )


def probe(**more: int) -> Object:
    """Return an HTTP probe."""
    return {"httpGet": {"port": 80}, "periodSeconds": 1, "failureThreshold": 2, **more}


@dataclass(frozen=True)
class Case:
    """A way to end, and the expected diagnosis.

    Attributes:
        name: of the case.
        runs: what the container does.
        cause: what the Pod is to say.
        words: what is to stand in the diagnosis or its evidence.
        without: the cause where Events may not be read.
        spec: of the Pod.
        sick: whether probes fail, by the time.
        evicted: whether the kubelet evicts the Pod after five seconds.
        reads: how often Events are read at the most for each end.
    """

    name: str
    runs: tuple[Run, ...]
    cause: str
    words: str
    without: str
    spec: Object = field(default_factory=dict)
    sick: Callable[[float], bool] = lambda _: False
    evicted: bool = False
    reads: int = 2


def few_seconds(time: float) -> bool:
    """Say when probes fail: for a few seconds, once."""
    return 3 <= time < 8


LIVENESS = {"container": {"livenessProbe": probe()}}
STARTUP = {"container": {"startupProbe": probe()}}
HOOK = {"container": {"lifecycle": {"postStart": {"exec": {"command": ["false"]}}}}}
NEVER = {"restartPolicy": "Never"}
LIMIT = {"container": {"resources": {"limits": {"memory": "64Mi"}}}}

CASES = [
    Case("exit", (Run(2, Exit(3)), Run()), "ApplicationError", "exit code 3", "ApplicationError"),
    Case(
        "exit of its own with a probe",
        (Run(2, Exit(0)), Run()),
        "Completed",
        "no Event tells of a stop",
        "Completed",
        LIVENESS,
    ),
    *(
        Case(
            f"liveness probe, {code}",
            (Run(on_term=end),),
            "LivenessProbeFailed",
            "statuscode: 500",
            own,
            LIVENESS,
            few_seconds,
        )
        for code, own, end in (
            (0, "Completed", Exit(0)),
            (143, "Terminated", Exit(143)),
            (137, "Killed", None),
        )
    ),
    Case(
        "liveness probe, never restarted",
        (Run(on_term=Exit(143)),),
        "LivenessProbeFailed",
        "liveness probe failed",
        "Terminated",
        {**LIVENESS, **NEVER},
        few_seconds,
    ),
    Case(
        "startup probe",
        (Run(on_term=Exit(143)),),
        "StartupProbeFailed",
        "startup probe failed",
        "Terminated",
        STARTUP,
        lambda time: time < 4,
    ),
    Case(
        "out of memory",
        (Run(2, Exit(-9, "OOMKilled")), Run()),
        "OutOfMemory",
        "64Mi",
        "OutOfMemory",
        LIMIT,
        reads=0,
    ),
    Case(
        "killed by somebody",
        (Run(2, Exit(-9)), Run()),
        "Killed",
        "no Event of a stop by the kubelet",
        "Killed",
        reads=3,
    ),
    Case(
        "missing program",
        (Run(fails='unable to start container process: exec: "/x": no such file'),),
        "StartFailed",
        "exec: '/x': no such file",
        "StartFailed",
        reads=0,
    ),
    Case(
        "missing image",
        (Run(registry="no such host"),),
        "ImagePullFailed",
        "image app",
        "ImagePullFailed",
        reads=0,
    ),
    Case(
        "missing image, never pulled",
        (Run(registry="no such host"),),
        "ImageMissing",
        "image app",
        "ImageMissing",
        {"container": {"imagePullPolicy": "Never"}},
        reads=0,
    ),
    Case(
        "postStart hook",
        (Run(on_term=None, hook=(1, "")),),
        "PostStartHookFailed",
        "postStart hook",
        "PostStartHookFailed",
        HOOK,
        reads=0,
    ),
    Case(
        "never restarted",
        (Run(2, Exit(1)),),
        "ApplicationError",
        "exit code 1",
        "ApplicationError",
        NEVER,
    ),
    Case(
        "evicted",
        (Run(),),
        "Evicted",
        "low on resource: memory",
        "Evicted",
        evicted=True,
        reads=0,
    ),
    Case(
        "beyond its deadline",
        (Run(on_term=Exit(0)),),
        "PodDeadlineExceeded",
        "activeDeadlineSeconds (4 s)",
        "PodDeadlineExceeded",
        {"activeDeadlineSeconds": 4},
        reads=0,
    ),
]


def play(case: Case, *, refused: bool = False, late: bool = False) -> EvidenceCluster:
    """Let a case happen.

    Args:
        case: the case.
        refused: whether Events may not be read.
        late: whether none that the node records arrives.

    Returns:
        Its result.
    """
    cluster = EvidenceCluster(case.runs, lambda time: not case.sick(time))
    if refused:
        cluster.rest.before = lambda _: ApiError(403, "Forbidden", "events is forbidden")
    cluster.events.on = late
    pod = cluster.pod(**case.spec)
    if case.evicted:
        cluster.scheduler.run_for(5)
        cluster.kubelet.evict(pod, "The node was low on resource: memory.", pressure=True)
    cluster.scheduler.run_for(CRASH)
    return cluster


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_each_termination_is_diagnosed(case: Case) -> None:
    """The Pod names the cause, with evidence, and Events are read only where they can decide."""
    cluster = play(case)
    shown = cluster.annotations()
    assert shown["cause"] == case.cause, shown
    assert case.words in f"{shown['diagnosis']} {shown['evidence']}"
    (status,) = cluster.store.get(POD, KEY)["status"]["containerStatuses"]
    ends = max(1, status["restartCount"])
    assert len(cluster.rest.requests) <= case.reads * ends
    assert ("restart-reason" in shown) is bool(status["restartCount"])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_cause_is_named_whose_events_may_not_be_read(case: Case) -> None:
    """Where Events are refused, the Pod names the cause that its status shows."""
    shown = play(case, refused=True).annotations()
    assert shown["cause"] == case.without, shown


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_no_cause_is_named_whose_event_is_lost(case: Case) -> None:
    """Where the node's Events are lost, the Pod names the cause that its status shows."""
    shown = play(case, late=True).annotations()
    assert shown["cause"] == case.without, shown


def test_an_exit_after_a_probe_kill_is_not_blamed_on_the_probe() -> None:
    """A container is killed for its probe, and then exits by itself: two causes."""
    cluster = EvidenceCluster(
        (Run(on_term=Exit(143)), Run(6, Exit(7)), Run()), lambda time: time < 3 or time > 5
    )
    cluster.pod(**LIVENESS)
    cluster.scheduler.run_for(7)
    assert cluster.annotations()["cause"] == "LivenessProbeFailed"
    cluster.scheduler.run_for(20)
    assert cluster.annotations()["cause"] == "ApplicationError"


def test_a_deleted_pod_says_nothing() -> None:
    """What ends since its Pod is deleted is no crash."""
    cluster = EvidenceCluster((Run(on_term=Exit(1)),), lambda _: True)
    cluster.pod(terminationGracePeriodSeconds=30)
    cluster.scheduler.run_for(5)
    seen: list[Object] = []
    cluster.store.watch(POD, lambda event: seen.append(event.object))
    cluster.store.delete(POD, KEY)
    cluster.scheduler.run_for(10)
    assert cluster.store.peek(POD, KEY) is None
    assert any(
        "terminated" in status["state"]
        for pod in seen
        for status in pod["status"]["containerStatuses"]
    )
    assert not any(key.startswith(PREFIX) for pod in seen for key in annotations_of(pod))


def test_an_eviction_is_later_than_a_crash_of_the_same_second() -> None:
    """A Pod whose container is killed and that is evicted in one and the same second is evicted."""
    cluster = EvidenceCluster((Run(5, Exit(1)), Run()), lambda _: True)
    cluster.pod()
    cluster.scheduler.run_for(4)
    ended = cluster.store.get(POD, KEY)
    end = {
        "exitCode": 1,
        "reason": "Error",
        "startedAt": ended["status"]["containerStatuses"][0]["state"]["running"]["startedAt"],
        "finishedAt": cluster.store.now(),
    }
    status = {
        **ended["status"]["containerStatuses"][0],
        "restartCount": 1,
        "lastState": {"terminated": {**end, "containerID": "containerd://one"}},
        "state": {"terminated": {**end, "exitCode": 137, "containerID": "containerd://two"}},
    }
    whole = {"phase": "Failed", "reason": "Evicted", "message": "The node was low on resource"}
    new = {**ended, "status": {**ended["status"], **whole, "containerStatuses": [status]}}
    cluster.store.update(POD, new, subresource="status", manager="kubelet")
    cluster.scheduler.run_for(0.5)
    assert cluster.annotations()["cause"] == "Evicted"
    assert cluster.annotations()["restart-reason"] == "Error (Exit Code: 1)"


KILLS = 12
AN_HOUR = 3600.0
"""Seconds in which a container is killed so often: the back-off grows to five minutes."""

LIVENESS_ENDS = [
    pytest.param(Exit(0), "Completed", id="0"),
    pytest.param(Exit(143), "Terminated", id="143"),
    pytest.param(None, "Killed", id="137"),
]


def shown_by(cluster: EvidenceCluster) -> list[dict[str, str]]:
    """Collect what the Pods say, whenever that changes."""
    seen: list[dict[str, str]] = []

    def look(event: WatchEvent) -> None:
        found = {
            key.removeprefix(PREFIX): value
            for key, value in annotations_of(event.object).items()
            if key.startswith(PREFIX)
        }
        if "diagnosis" in found and (not seen or found != seen[-1]):
            seen.append(found)

    cluster.store.watch(POD, look)
    return seen


def is_honest(text: str) -> bool:
    """Say whether a text about a kill that is not proved leaves open who did it."""
    return "no Event of a stop" not in text and (
        "possible: the kubelet (liveness probe)" in text
        or "possible: a stop by the kubelet (liveness probe)" in text
        or "not proved: the kubelet (liveness probe)" in text
        or "its liveness probe stopped it" in text
    )


@pytest.mark.parametrize(("on_term", "cause"), LIVENESS_ENDS)
def test_a_container_that_its_probe_kills_again_and_again(on_term: Exit | None, cause: str) -> None:
    """From the seventh kill on the kubelet drops its Events: nothing else is told for a fact."""
    cluster = EvidenceCluster(
        (Run(on_term=on_term),), lambda _: False, remediationAction="LogEvent"
    )
    seen = shown_by(cluster)
    cluster.pod(**LIVENESS)
    cluster.scheduler.run_for(AN_HOUR)
    (status,) = cluster.store.get(POD, KEY)["status"]["containerStatuses"]
    assert status["restartCount"] >= KILLS
    causes = [shown["cause"] for shown in seen]
    assert set(causes) == {"LivenessProbeFailed", cause}
    unclear = [
        shown for shown in seen if shown["cause"] == cause and "awaits" not in shown["crashes"]
    ]
    assert len(unclear) >= KILLS - 6
    assert all(is_honest(shown["evidence"]) for shown in unclear), unclear
    assert any("its liveness probe stopped it" in shown["evidence"] for shown in unclear)
    told = [
        each
        for each in cluster.store.select(EVENT)
        if each["reason"] == "PodRestarted" and each["involvedObject"]["kind"] == "Pod"
    ]
    assert len(told) >= KILLS
    for event in told:
        assert "liveness probe" in event["message"], event


@pytest.mark.parametrize(("on_term", "cause"), LIVENESS_ENDS)
def test_no_pod_is_replaced_for_what_its_probe_may_have_done(
    on_term: Exit | None, cause: str
) -> None:
    """Where that cause is not listed, and Events do not tell."""
    cluster = EvidenceCluster(
        (Run(on_term=on_term),),
        lambda _: False,
        remediationAction="RestartPod",
        remediation={"causes": [cause], "minPodAgeSeconds": 0},
    )
    labels = {"app": "a"}
    container = {"name": "app", "image": "app", **LIVENESS["container"]}
    template = {
        "metadata": {"labels": labels},
        "spec": {"containers": [container], "terminationGracePeriodSeconds": 2},
    }
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"name": "a", "namespace": "default"}
    cluster.store.create(REPLICA_SET, {"metadata": metadata, "spec": spec})
    cluster.scheduler.run_for(AN_HOUR)
    (pod,) = cluster.store.select(POD, "default")
    assert pod["status"]["containerStatuses"][0]["restartCount"] >= KILLS
    status = cluster.status()
    assert not status.get("remediations")
    assert {each["reason"] for each in status["withheld"]} <= {"CauseNotListed", "AwaitingEvidence"}
