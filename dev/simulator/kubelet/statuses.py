"""Build the status that the kubelet reports of a Pod (pkg/kubelet/status)."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from dev.simulator.objects import Object, generation_of

_DONE = {"Succeeded": "PodCompleted", "Failed": "PodFailed"}
NODE_ADDRESS = "192.0.2.2"  # of TEST-NET-1, which is for documentation (RFC 5737)


def creating() -> Object:
    """Return the state of a container that is not created yet."""
    return {"waiting": {"reason": "ContainerCreating"}}


@dataclass(frozen=True)
class Conclusion:
    """How the kubelet ended a Pod as a whole.

    Attributes:
        reason: the status's.
        message: the status's.
        disruption: whether it has the condition DisruptionTarget.
    """

    reason: str
    message: str
    disruption: bool = False

    def condition(self, now: str) -> Object:
        """Return the condition DisruptionTarget."""
        return {
            "type": "DisruptionTarget",
            "status": "True",
            "reason": "TerminationByKubelet",
            "message": self.message,
            "lastProbeTime": None,
            "lastTransitionTime": now,
        }


@dataclass
class ContainerState:
    """What the kubelet knows of a container.

    Attributes:
        spec: of the Pod's spec.containers.
        state: as in the status: one of waiting, running, terminated.
        last: lastState.
        restarts: restartCount.
        container_id: of the present or last run.
        ready: by its readiness probe, or running if it has none.
        started: whether it runs.
    """

    spec: Object
    state: Object = field(default_factory=creating)
    last: Object = field(default_factory=dict)
    restarts: int = 0
    container_id: str = ""
    ready: bool = False
    started: bool = False

    @property
    def name(self) -> str:
        """Name of the container."""
        return str(self.spec["name"])

    @property
    def ended(self) -> Object | None:
        """The termination that it is in, or waits after."""
        found = self.state.get("terminated") or (
            self.last.get("terminated") if "waiting" in self.state else None
        )
        return found or None

    def status(self) -> Object:
        """Return the entry of containerStatuses."""
        status: Object = {
            "name": self.name,
            "state": self.state,
            "lastState": self.last,
            "ready": self.ready,
            "restartCount": self.restarts,
            "image": self.spec["image"],
            "imageID": f"simulated:{self.spec['image']}" if self.container_id else "",
            "started": self.started,
        }
        if self.container_id:
            status["containerID"] = self.container_id
        return status


@dataclass
class PodState:
    """What the kubelet knows of a Pod.

    Attributes:
        containers: in the order of the spec.
        sandbox: whether the Pod's sandbox is up.
        address: the Pod's IP, "" before the first container starts.
        torn_down: whether everything of it is stopped for good.
        started: when the kubelet first saw it, RFC 3339.
        conclusion: how the kubelet ended it, or None.
        given_up: whether it ended before a container was created: that changes no condition.
    """

    containers: Sequence[ContainerState]
    started: str
    sandbox: bool = False
    address: str = ""
    torn_down: bool = False
    conclusion: Conclusion | None = None
    given_up: bool = False

    def phase(self, restart_policy: str) -> str:
        """Return the phase that the containers make (getPhase in kubelet_pods.go)."""
        if self.conclusion is not None:
            return "Failed"
        if any("running" in container.state for container in self.containers):
            return "Running"
        ended = [container.ended for container in self.containers]
        if not all(ended):
            return "Pending" if not any(ended) else "Running"
        failed = any(end and end["exitCode"] for end in ended)
        if not self.torn_down and (
            restart_policy == "Always" or (restart_policy == "OnFailure" and failed)
        ):
            return "Running"
        return "Failed" if failed else "Succeeded"

    def status(self, pod: Object, now: str) -> Object:
        """Return the Pod's status.

        Args:
            pod: as the API server has it, with the status reported before.
            now: the time, RFC 3339.
        """
        generation = generation_of(pod)
        phase = self.phase(pod["spec"]["restartPolicy"])
        before = pod["status"].get("conditions") or []
        if self.conclusion is not None and self.conclusion.disruption and self.torn_down:
            known = any(condition["type"] == "DisruptionTarget" for condition in before)
            before = before if known else [*before, self.conclusion.condition(now)]
        conditions = _conditions(self, "Pending" if self.given_up else phase, before, now)
        for condition in conditions:
            if condition["type"] != "DisruptionTarget":
                condition["observedGeneration"] = generation
        if phase in _DONE and not self.torn_down:
            phase = pod["status"]["phase"]  # until all of it is stopped
        status: Object = {
            "observedGeneration": generation,
            "phase": phase,
            "conditions": conditions,
            "hostIP": NODE_ADDRESS,
            "hostIPs": [{"ip": NODE_ADDRESS}],
            "startTime": self.started,
            "containerStatuses": [container.status() for container in self.containers],
            "qosClass": pod["status"].get("qosClass", "BestEffort"),
        }
        if self.conclusion is not None and self.torn_down:
            status["reason"] = self.conclusion.reason
            status["message"] = self.conclusion.message
        if self.address:
            status["podIP"] = self.address
            status["podIPs"] = [{"ip": self.address}]
        return status


def _conditions(state: PodState, phase: str, old: Sequence[Object], now: str) -> list[Object]:
    """Return the kubelet's five conditions, and those of others (DisruptionTarget) as they are.

    A time of transition stays while the status does.
    """
    unready = [container.name for container in state.containers if not container.ready]
    done = _DONE.get(phase)
    ready: Object = {"status": "True"}
    if done:
        ready = {"status": "False", "reason": done}
    elif unready:
        message = f"containers with unready status: [{' '.join(unready)}]"
        ready = {"status": "False", "reason": "ContainersNotReady", "message": message}
    sandbox = state.sandbox and not state.torn_down
    initialized: Object = {"status": "True"}
    if phase == "Succeeded":
        initialized["reason"] = done
    conditions: list[Object] = [
        {"type": "PodReadyToStartContainers", "status": "True" if sandbox else "False"},
        {"type": "Initialized", **initialized},
        {"type": "Ready", **ready},
        {"type": "ContainersReady", **ready},
        {"type": "PodScheduled", "status": "True"},
    ]
    before = {condition["type"]: condition for condition in old}
    for condition in conditions:
        same = before.get(condition["type"])
        unchanged = same is not None and same["status"] == condition["status"]
        condition["lastProbeTime"] = None
        condition["lastTransitionTime"] = (
            same["lastTransitionTime"] if same is not None and unchanged else now
        )
    own = {condition["type"] for condition in conditions}
    others = [dict(condition) for condition in old if condition["type"] not in own]
    return [*others, *conditions]
