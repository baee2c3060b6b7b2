"""The probes of one run of a container (pkg/kubelet/prober).

Liveness and readiness probes begin once the startup probe, if any, has succeeded.
"""

from typing import TYPE_CHECKING, Protocol

from dev.simulator.kubelet.node import Node
from dev.simulator.kubelet.statuses import ContainerState
from dev.simulator.objects import Object
from dev.simulator.scheduling import Future

if TYPE_CHECKING:
    from dev.simulator.scheduling import Task

STARTUP, LIVENESS, READINESS = "startupProbe", "livenessProbe", "readinessProbe"


class Probed(Protocol):
    """A container that is probed.

    Attributes:
        shown: what is reported of it.
    """

    shown: ContainerState

    def kill(self, why: str, grace: float) -> None:
        """Have its process end."""

    def event(self, kind: str, reason: str, message: str) -> None:
        """Record an Event about it."""


class Owner(Protocol):
    """Its Pod's worker.

    Attributes:
        pod: as the kubelet last saw it.
    """

    pod: Object

    def report(self) -> None:
        """Write the status, soon."""


class Probing:
    """Executes probes, records Events, and has the container killed."""

    def __init__(self, node: Node, owner: Owner, container: Probed) -> None:
        self._node = node
        self._owner = owner
        self._container = container
        self._spec = container.shown.spec if node.prober is not None else {}
        self._tasks: list[Task[None]] = []
        container.shown.started = STARTUP not in self._spec
        container.shown.ready = container.shown.started and READINESS not in self._spec

    def start(self) -> "Probing":
        """Begin to probe."""
        kinds = (LIVENESS, READINESS) if self._container.shown.started else (STARTUP,)
        self._tasks += [
            self._node.scheduler.spawn(self._probe(kind)) for kind in kinds if kind in self._spec
        ]
        return self

    def cancel(self) -> None:
        """Stop probing: the container has ended."""
        for task in self._tasks:
            task.cancel()

    async def _probe(self, kind: str) -> None:
        probe, shown = self._spec[kind], self._container.shown
        good = bad = 0
        await self._node.scheduler.sleep(probe.get("initialDelaySeconds", 0))
        while True:
            failure = await self._ask(probe)
            if failure is None:
                good, bad = good + 1, 0
                if kind == STARTUP:
                    shown.started = True
                    self._set_ready(ready=READINESS not in self._spec)
                    self.start()
                    return
                if kind == READINESS and good >= probe["successThreshold"]:
                    self._set_ready(ready=True)
            else:
                good, bad = 0, bad + 1
                name = kind.removesuffix("Probe")
                text = f"{name.capitalize()} probe failed: {failure}"
                self._container.event("Warning", "Unhealthy", text)
                if bad >= probe["failureThreshold"]:
                    if kind != READINESS:
                        self._kill(name, probe)
                        return
                    self._set_ready(ready=False)
            await self._node.scheduler.sleep(probe["periodSeconds"])

    async def _ask(self, probe: Object) -> str | None:
        answer: Future[str | None] = Future(self._node.scheduler)
        if self._node.prober is not None:
            pod, container = self._owner.pod, self._container.shown.spec
            self._node.prober.ask(pod, container, probe, answer.resolve)
        return await answer

    def _kill(self, name: str, probe: Object) -> None:
        spec = self._owner.pod["spec"]
        grace = probe.get("terminationGracePeriodSeconds", spec["terminationGracePeriodSeconds"])
        consequence = "" if spec["restartPolicy"] == "Never" else ", will be restarted"
        text = f"Container {self._container.shown.name} failed {name} probe{consequence}"
        self._container.kill(text, grace)

    def _set_ready(self, *, ready: bool) -> None:
        if self._container.shown.ready is not ready:
            self._container.shown.ready = ready
            self._owner.report()
