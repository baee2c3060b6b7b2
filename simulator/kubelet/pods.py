"""The life of one Pod on the node, from its first sight to the final delete."""

import random
import signal
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from simulator.client import Client
from simulator.errors import ApiError
from simulator.events import EventRecorder
from simulator.kubelet.backoff import Backoff
from simulator.kubelet.runtime import Exit, Prober, Process, Runtime, StartError
from simulator.kubelet.statuses import ContainerState, PodState
from simulator.objects import (
    Object,
    identical,
    is_terminating,
    name_of,
    namespace_of,
    timestamp,
    uid_of,
    version_of,
)
from simulator.resources import POD
from simulator.scheduling import Clock, Future, Scheduler, Timer
from simulator.timing import Delay
from simulator.writes import DeleteOptions, key_of

if TYPE_CHECKING:
    from simulator.scheduling import Task

_RETRY = 1.0  # seconds after a request that got no answer
_QUICK = Delay(0.1, 0.5)
_HALF_A_SECOND = Delay(0.3, 1.0)
_WITHIN_A_SECOND = Delay(0.1, 1.0)
_A_SECOND = Delay(0.5, 1.5)

NEVER_STARTED = "1970-01-01T00:00:00Z"
"""startedAt of a container that the runtime could not start."""


@dataclass(frozen=True)
class Pace:
    """How long the kubelet takes, in seconds.

    Attributes:
        sandbox: until the Pod's sandbox is up.
        create: until a container's process runs.
        notice: until the end of a process is reported: the kubelet looks once a second.
        restart: from that report to a restart without back-off.
        settle: from that report to that of CrashLoopBackOff, or to the end of the whole Pod.
    """

    sandbox: Delay = _HALF_A_SECOND
    create: Delay = _QUICK
    notice: Delay = _WITHIN_A_SECOND
    restart: Delay = _A_SECOND
    settle: Delay = _A_SECOND


@dataclass(frozen=True)
class Node:
    """What the Pods of a node share.

    Attributes:
        client: to report with.
        clock: of the node.
        runtime: starts containers.
        prober: asks them; None where probes are not carried out and all that runs is ready.
        recorder: records Events.
        rng: source of container ids.
        pace: how long things take.
    """

    client: Client
    clock: Clock
    runtime: Runtime
    prober: Prober | None
    recorder: EventRecorder
    rng: random.Random
    pace: Pace = field(default_factory=Pace)

    @property
    def scheduler(self) -> Scheduler:
        """Of the whole cluster."""
        return self.client.scheduler

    async def take(self, delay: Delay) -> None:
        """Let as much time pass as something takes."""
        await self.scheduler.sleep(self.client.timing.draw(delay))

    def now(self) -> str:
        """Return the node's time, RFC 3339."""
        return timestamp(self.clock.now())


class Container:
    """A container of a Pod: its runs, one after another."""

    def __init__(self, node: Node, worker: "PodWorker", spec: Object) -> None:
        self.shown = ContainerState(spec)
        self._node = node
        self._worker = worker
        self._backoff = Backoff()
        self._process: Process | None = None
        self._exit: Future[Exit] = Future(node.scheduler)
        self._probes: list[Task[None]] = []
        self._attempt = 0
        self._unseen = False
        self._before: Object = {}  # lastState as it was before the container began to wait

    @property
    def unfinished(self) -> bool:
        """Whether it has a process whose end is not noticed yet."""
        return self._unseen

    async def run(self) -> None:
        """Run it again and again, as the Pod's restartPolicy says."""
        policy = self._worker.pod["spec"]["restartPolicy"]
        while True:
            await self._node.take(self._node.pace.create)
            if self._worker.ending():
                return
            end = await self._run_once()
            finished = self._node.scheduler.time()
            await self._node.take(self._node.pace.notice)
            self._show_end(end)
            if self._worker.ending() or policy == "Never":
                return
            if policy == "OnFailure" and not end["exitCode"]:
                return
            await self._wait_for_restart(end, finished)
            if self._worker.ending():
                return
            self._backoff.restart(finished, self._node.scheduler.time())
            self._attempt += 1

    def signal(self, number: int) -> None:
        """Signal its process, if it runs."""
        if self._process is not None:
            self._process.signal(number)

    def give_up_waiting(self) -> None:
        """Show its end again instead of the back-off: the Pod is being deleted."""
        if "waiting" in self.shown.state and "terminated" in self.shown.last:
            self.shown.state, self.shown.last = self.shown.last, self._before

    async def _run_once(self) -> Object:
        """Start the process and wait for its end.

        Returns:
            The termination, as in the status.
        """
        shown, node = self.shown, self._node
        previous = shown.ended
        container_id = f"containerd://{node.rng.getrandbits(256):064x}"
        started = node.now()
        self._exit = Future(node.scheduler)
        self._event("Normal", "Pulled", f'Container image "{shown.spec["image"]}" already present')
        try:
            self._process = node.runtime.start(self._worker.pod, shown.spec, self._exit.resolve)
        except StartError as error:
            self._event("Warning", "Failed", f"Error: {error}")
            shown.container_id, shown.restarts = container_id, self._attempt
            self._worker.state.address = self._worker.address
            return {
                "exitCode": 128,
                "reason": "StartError",
                "message": str(error),
                "startedAt": NEVER_STARTED,
                "finishedAt": started,
                "containerID": container_id,
            }
        self._unseen = True
        self._event("Normal", "Created", "Container created")
        self._event("Normal", "Started", "Container started")
        if previous is not None:
            shown.last = {"terminated": previous}
        shown.container_id, shown.restarts = container_id, self._attempt
        shown.state = {"running": {"startedAt": started}}
        shown.started = True
        shown.ready = self._node.prober is None or "readinessProbe" not in shown.spec
        self._worker.state.address = self._worker.address
        self._start_probes()
        self._worker.report()
        end = await self._exit
        self._process = None
        for task in self._probes:
            task.cancel()
        termination = {
            "exitCode": end.exit_code,
            "reason": end.reason or ("Error" if end.exit_code else "Completed"),
            "startedAt": started,
            "finishedAt": node.now(),
            "containerID": container_id,
        }
        if end.message:
            termination["message"] = end.message
        return termination

    def _show_end(self, end: Object) -> None:
        shown = self.shown
        shown.started = shown.ready = False
        policy = self._worker.pod["spec"]["restartPolicy"]
        if end["reason"] == "StartError" and policy != "Never" and not self._worker.ending():
            self._before = shown.last
            waiting = {"reason": "RunContainerError", "message": end["message"]}
            shown.state, shown.last = {"waiting": waiting}, {"terminated": end}
        else:
            shown.state = {"terminated": end}
        self._unseen = False
        if not self._worker.ending():  # else it is reported with the end of the whole Pod
            self._worker.report()

    async def _wait_for_restart(self, end: Object, finished: float) -> None:
        node, shown = self._node, self.shown
        remaining = self._backoff.remaining(finished, node.scheduler.time())
        if not remaining:
            await node.take(node.pace.restart)
            return
        await node.take(node.pace.settle)
        if self._worker.ending():
            return
        if "terminated" in shown.state:
            self._before = shown.last
        pod = self._worker.pod
        named = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
        message = (
            f"back-off {_go_duration(self._backoff.period)} restarting failed "
            f"container={shown.name} pod={named}"
        )
        shown.state = {"waiting": {"reason": "CrashLoopBackOff", "message": message}}
        shown.last = {"terminated": end}
        self._worker.report()
        text = f"Back-off restarting failed container {shown.name} in pod {named}"
        self._event("Warning", "BackOff", text)
        await node.scheduler.sleep(self._backoff.remaining(finished, node.scheduler.time()))

    # Probes

    def _start_probes(self) -> None:
        self._probes = [
            self._node.scheduler.spawn(self._probe(kind))
            for kind in ("livenessProbe", "readinessProbe")
            if self._node.prober is not None and "httpGet" in self.shown.spec.get(kind, {})
        ]

    async def _probe(self, kind: str) -> None:
        probe = self.shown.spec[kind]
        liveness = kind == "livenessProbe"
        good = bad = 0
        await self._node.scheduler.sleep(probe.get("initialDelaySeconds", 0))
        while True:
            if await self._ask(probe):
                good, bad = good + 1, 0
                if not liveness and good >= probe["successThreshold"]:
                    self._set_ready(ready=True)
            else:
                good, bad = 0, bad + 1
                what = "Liveness" if liveness else "Readiness"
                self._event("Warning", "Unhealthy", f"{what} probe failed")
                if bad >= probe["failureThreshold"]:
                    if liveness:
                        self._kill(
                            f"Container {self.shown.name} failed liveness probe, will be restarted"
                        )
                        return
                    self._set_ready(ready=False)
            await self._node.scheduler.sleep(probe["periodSeconds"])

    async def _ask(self, probe: Object) -> bool:
        answer: Future[bool] = Future(self._node.scheduler)
        if self._node.prober is not None:
            self._node.prober.get(self._worker.pod, self.shown.spec, probe, answer.resolve)
        return await answer

    def _set_ready(self, *, ready: bool) -> None:
        if self.shown.ready is not ready:
            self.shown.ready = ready
            self._worker.report()

    def _kill(self, why: str) -> None:
        self._event("Normal", "Killing", why)
        run = self._exit
        self.signal(signal.SIGTERM)
        grace = self._worker.pod["spec"]["terminationGracePeriodSeconds"]

        def insist() -> None:
            if not run.done:
                self.signal(signal.SIGKILL)

        self._node.scheduler.call_later(grace, insist)

    def _event(self, kind: str, reason: str, message: str) -> None:
        path = f"spec.containers{{{self.shown.name}}}"
        self._node.recorder.record(self._worker.pod, kind, reason, message, path)

    def stopping(self) -> None:
        """Say that it is being stopped with its Pod."""
        if self._process is not None:
            self._event("Normal", "Killing", f"Stopping container {self.shown.name}")


class PodWorker:
    """Everything that the kubelet does for one Pod.

    Attributes:
        pod: as the kubelet last saw it.
        state: what is reported of it.
        address: its IP.
    """

    def __init__(self, node: Node, pod: Object, address: str) -> None:
        self.pod = pod
        self.address = address
        self._ending = False
        self._node = node
        self._containers = [Container(node, self, spec) for spec in pod["spec"]["containers"]]
        self.state = PodState([container.shown for container in self._containers], node.now())
        self._dirty = False
        self._writing = False
        self._reported: list[Future[None]] = []
        self._kill_timer: Timer | None = None
        self._runs: list[Task[None]] = []
        self._tasks = [node.scheduler.spawn(self._live())]

    def ending(self) -> bool:
        """Tell whether the Pod is being deleted."""
        return self._ending

    def seen(self, pod: Object) -> None:
        """Take note of a change of the Pod."""
        self._take_note(pod)
        if not is_terminating(pod):
            return
        grace = pod["metadata"]["deletionGracePeriodSeconds"]
        if not self._ending:
            self._ending = True
            for container in self._containers:
                container.give_up_waiting()
            self.report()  # observedGeneration
            self._tasks.append(self._node.scheduler.spawn(self._terminate()))
        self._kill_after(grace)

    def _take_note(self, pod: Object) -> None:
        """Keep the newer: watch events and the answers to our own writes overtake each other."""
        if int(version_of(pod)) > int(version_of(self.pod)):
            self.pod = pod

    def vanished(self) -> None:
        """The Pod is gone from the API server, by force: stop everything at once."""
        self._ending = True
        for container in self._containers:
            container.signal(signal.SIGKILL)
        for task in [*self._tasks, *self._runs]:
            task.cancel()

    def report(self) -> None:
        """Write the status, soon; several changes may end up in one write."""
        self._dirty = True
        if not self._writing:
            self._writing = True
            self._tasks.append(self._node.scheduler.spawn(self._write()))

    async def _live(self) -> None:
        self.report()
        await self._node.take(self._node.pace.sandbox)
        self.state.sandbox = True
        self.report()
        if self._ending:
            return
        self._runs = [self._node.scheduler.spawn(one.run()) for one in self._containers]
        for run in self._runs:
            await run
        if not self._ending:
            await self._node.take(self._node.pace.settle)
            self.state.torn_down = True
            self.report()

    async def _terminate(self) -> None:
        """End all containers, report how they ended, and delete the Pod for good."""
        node = self._node
        for container in self._containers:
            container.stopping()
            container.signal(signal.SIGTERM)
        for container, run in zip(self._containers, self._runs, strict=False):
            if container.unfinished:
                await run
            else:
                run.cancel()
                await node.take(node.pace.notice)
        if self._kill_timer is not None:
            self._kill_timer.cancel()
        self.state.torn_down = True
        self.report()
        await self._all_reported()
        while True:
            try:
                options = DeleteOptions(uid=uid_of(self.pod), grace=0)
                await node.client.delete(POD, key_of(self.pod), options)
            except ApiError:
                return  # gone already
            except OSError:
                await node.scheduler.sleep(_RETRY)
            else:
                return

    def _kill_after(self, grace: float) -> None:
        if self._kill_timer is not None:
            self._kill_timer.cancel()

        def kill() -> None:
            for container in self._containers:
                container.signal(signal.SIGKILL)

        self._kill_timer = self._node.scheduler.call_later(grace, kill)

    async def _write(self) -> None:
        node = self._node
        while self._dirty:
            self._dirty = False
            status = self.state.status(self.pod, node.now())
            if identical(status, {**self.pod["status"]}):
                continue
            patch = {"metadata": {"uid": uid_of(self.pod)}, "status": status}
            try:
                self._take_note(await node.client.patch(POD, key_of(self.pod), patch, "status"))
            except ApiError:
                break  # gone, or another by that name
            except OSError:
                self._dirty = True
                await node.scheduler.sleep(_RETRY)
        self._writing = False
        waiting, self._reported = self._reported, []
        for future in waiting:
            future.resolve(None)

    async def _all_reported(self) -> None:
        if self._writing:
            future: Future[None] = Future(self._node.scheduler)
            self._reported.append(future)
            await future


def _go_duration(seconds: float) -> str:
    """Write a duration as Go's time.Duration does: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
