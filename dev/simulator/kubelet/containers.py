"""A container of a Pod: started, probed, killed, restarted, with its statuses and Events.

Events are worded as by a kubelet 1.36 (pkg/kubelet/kuberuntime, images, prober, events).
"""

import json
import signal
from dataclasses import dataclass
from typing import Protocol

from dev.simulator.kubelet.backoff import Backoff
from dev.simulator.kubelet.node import Node
from dev.simulator.kubelet.probing import Probing
from dev.simulator.kubelet.runtime import Exit, ImageError, Process, StartError
from dev.simulator.kubelet.statuses import ContainerState, PodState
from dev.simulator.objects import Object, name_of, namespace_of, uid_of
from dev.simulator.scheduling import Future

NEVER_STARTED = "1970-01-01T00:00:00Z"
"""startedAt of a container that the runtime could not start."""

PULL = "ErrImagePull"


class Worker(Protocol):
    """What a container needs of its Pod's worker.

    Attributes:
        pod: as the kubelet last saw it.
        state: what is reported of it.
        address: its IP.
    """

    pod: Object
    state: PodState
    address: str

    def is_stopping(self) -> bool:
        """Say whether the Pod is being stopped: then nothing is started."""

    def report(self) -> None:
        """Write the status, soon."""


@dataclass(frozen=True)
class End:
    """How one run of a container ended.

    Attributes:
        termination: as in the status.
        waiting: the state that is shown with it where it failed to start, or None.
        killed: whether the kubelet stopped it to restart it.
    """

    termination: Object
    waiting: Object | None = None
    killed: bool = False

    @property
    def is_failure(self) -> bool:
        """Whether the exit code is not 0."""
        return bool(self.termination["exitCode"])


class Container:
    """A container of a Pod: its runs, one after another."""

    def __init__(self, node: Node, worker: Worker, spec: Object) -> None:
        self.shown = ContainerState(spec)
        self._node = node
        self._worker = worker
        self._backoff = Backoff()
        self._pulls = Backoff()
        self._process: Process | None = None
        self._exit: Future[Exit] = Future(node.scheduler)
        self._probing: Probing | None = None
        self._attempt = 0
        self._unseen = False
        self._killed = False
        self._before: Object = {}  # lastState as it was before the container began to wait

    @property
    def unfinished(self) -> bool:
        """Whether it has a process whose end is not noticed yet."""
        return self._unseen

    async def run(self) -> None:
        """Run it again and again, as the Pod's restartPolicy says."""
        node, policy = self._node, self._worker.pod["spec"]["restartPolicy"]
        finished_before: float | None = None
        while True:
            await node.take(node.pace.create)
            if self._worker.is_stopping():
                return
            try:
                end = await self._run_once()
            except ImageError as error:
                await self._wait_for_image(error)
                continue
            finished = node.scheduler.time()
            restarts = policy == "Always" or (policy == "OnFailure" and end.is_failure)
            # What the kubelet killed it starts again in the same sync: its end is seen in
            # lastState first, and the back-off counts from the end before.
            at_once = end.killed and policy != "Never" and not self._worker.is_stopping()
            if not at_once:
                await node.take(node.pace.notice)
            self._show_end(end, report=not at_once)
            if self._worker.is_stopping() or not (restarts or at_once):
                return
            since = finished_before if at_once else finished
            if since is not None:
                await self._wait_for_restart(since, at_once=at_once)
                if self._worker.is_stopping():
                    return
                self._backoff.restart(since, node.scheduler.time())
            finished_before = finished
            self._attempt += 1

    def signal(self, number: int) -> None:
        """Signal its process, if it runs."""
        if self._process is not None:
            self._process.signal(number)

    def stop(self) -> None:
        """Stop it with its Pod: say so, and ask it to go."""
        if self._process is not None:
            self.event("Normal", "Killing", f"Stopping container {self.shown.name}")
            self.signal(signal.SIGTERM)

    def give_up_waiting(self) -> None:
        """Show its end again instead of the back-off: the Pod is being ended."""
        if "waiting" in self.shown.state and "terminated" in self.shown.last:
            self.shown.state, self.shown.last = self.shown.last, self._before

    def kill(self, why: str, grace: float) -> None:
        """Have its process end, so that it is restarted as the Pod's restartPolicy says.

        Args:
            why: the message of the Event.
            grace: seconds from SIGTERM to SIGKILL.
        """
        self.event("Normal", "Killing", why)
        self._killed = True
        run = self._exit
        self.signal(signal.SIGTERM)

        def insist() -> None:
            if not run.done:
                self.signal(signal.SIGKILL)

        self._node.scheduler.call_later(grace, insist)

    def event(self, kind: str, reason: str, message: str) -> None:
        """Record an Event about it."""
        path = f"spec.containers{{{self.shown.name}}}"
        self._node.recorder.record(self._worker.pod, kind, reason, message, path)

    async def _run_once(self) -> End:
        """Start the process and wait for its end.

        Raises:
            ImageError: there is no image.
        """
        shown, node = self.shown, self._node
        previous = shown.ended
        container_id = f"containerd://{node.rng.getrandbits(256):064x}"
        started = node.now()
        self._exit, self._killed = Future(node.scheduler), False
        try:
            self._process = node.runtime.start(self._worker.pod, shown.spec, self._exit.resolve)
        except StartError as error:
            self._record_creation()
            self.event("Warning", "Failed", f"Error: {error}")
            self._identify(container_id)
            times = {"startedAt": NEVER_STARTED, "finishedAt": started}
            termination = {"exitCode": 128, "reason": "StartError", "message": str(error), **times}
            return End(
                {**termination, "containerID": container_id},
                {"reason": "RunContainerError", "message": str(error)},
            )
        self._unseen = True
        self._record_creation()
        self.event("Normal", "Started", "Container started")
        self._identify(container_id)
        failure = await self._run_post_start_hook()
        if failure:
            self.event("Warning", "FailedPostStartHook", "PostStartHook failed")
            self.kill("FailedPostStartHook", self._grace())
        else:
            if previous is not None:
                shown.last = {"terminated": previous}
            shown.state = {"running": {"startedAt": started}}
            self._probing = Probing(node, self._worker, self).start()
            self._worker.report()
        end = await self._exit
        self._process = None
        if self._probing is not None:
            self._probing.cancel()
        termination = {
            "exitCode": end.exit_code,
            "reason": end.reason or ("Error" if end.exit_code else "Completed"),
            "startedAt": started,
            "finishedAt": node.now(),
            "containerID": container_id,
        }
        if end.message:
            termination["message"] = end.message
        if failure:
            return End(termination, {"reason": "PostStartHookError", "message": failure})
        return End(termination, killed=self._killed)

    def _record_creation(self) -> None:
        image = self.shown.spec["image"]
        there = "already present on machine and can be accessed by the pod"
        self.event("Normal", "Pulled", f'Container image "{image}" {there}')
        self.event("Normal", "Created", "Container created")

    def _identify(self, container_id: str) -> None:
        self.shown.container_id, self.shown.restarts = container_id, self._attempt
        self._worker.state.address = self._worker.address

    def _grace(self) -> float:
        return float(self._worker.pod["spec"]["terminationGracePeriodSeconds"])

    async def _run_post_start_hook(self) -> str:
        """Run the postStart hook, if there is one of a command.

        Returns:
            What the status says of its failure; "" for none.
        """
        hook = (self.shown.spec.get("lifecycle") or {}).get("postStart") or {}
        if "exec" not in hook:
            return ""
        command, pod = hook["exec"]["command"], self._worker.pod
        done: Future[tuple[int, str]] = Future(self._node.scheduler)
        self._node.runtime.execute(
            pod, self.shown.spec, command, lambda *outcome: done.resolve(outcome)
        )
        code, output = await done
        if not code:
            return ""
        words = " ".join(command)
        return (
            f'Exec lifecycle hook ([{words}]) for Container "{self.shown.name}" in Pod '
            f"\"{_named(pod)}\" failed - error: command '{words}' exited with {code}: , "
            f"message: {json.dumps(output)}"
        )

    def _show_end(self, end: End, *, report: bool) -> None:
        shown = self.shown
        shown.started = shown.ready = False
        policy = self._worker.pod["spec"]["restartPolicy"]
        if end.waiting is not None and policy != "Never" and not self._worker.is_stopping():
            self._before = shown.last
            shown.state, shown.last = {"waiting": end.waiting}, {"terminated": end.termination}
        else:
            shown.state = {"terminated": end.termination}
        self._unseen = False
        if report and not self._worker.is_stopping():  # else with the end of the whole Pod
            self._worker.report()

    def _show_waiting(self, reason: str, message: str) -> None:
        if "terminated" in self.shown.state:
            self._before, self.shown.last = self.shown.last, self.shown.state
        self.shown.state = {"waiting": {"reason": reason, "message": message}}
        self._worker.report()

    async def _wait_for_restart(self, since: float, *, at_once: bool) -> None:
        node, shown = self._node, self.shown
        remaining = self._backoff.remaining(since, node.scheduler.time())
        if not remaining:
            if not at_once:
                await node.take(node.pace.restart)
            return
        await node.take(node.pace.conclude)
        if self._worker.is_stopping():
            return
        named = _named(self._worker.pod)
        self._show_waiting(
            "CrashLoopBackOff",
            f"back-off {_go_duration(self._backoff.period)} restarting failed "
            f"container={shown.name} pod={named}",
        )
        text = f"Back-off restarting failed container {shown.name} in pod {named}"
        self.event("Warning", "BackOff", text)
        await node.scheduler.sleep(self._backoff.remaining(since, node.scheduler.time()))

    async def _wait_for_image(self, error: ImageError) -> None:
        """Show that there is no image, until it is time to look for it again."""
        node, image, failure = self._node, self.shown.spec["image"], f"Error: {error.reason}"
        self._worker.state.address = self._worker.address
        if error.reason != PULL:
            self.event("Warning", error.reason, str(error))
            self.event("Warning", "Failed", failure)
            self._show_waiting(error.reason, str(error))
            await node.take(node.pace.resync)
            return
        self.event("Normal", "Pulling", f'Pulling image "{image}"')
        self.event("Warning", "Failed", f'Failed to pull image "{image}": {error}')
        self.event("Warning", "Failed", failure)
        self._show_waiting(error.reason, str(error))
        failed = node.scheduler.time()
        self._pulls.restart(failed, failed)
        await node.take(node.pace.conclude)
        if self._worker.is_stopping():
            return
        text = f'Back-off pulling image "{image}"'
        self.event("Normal", "BackOff", text)
        self.event("Warning", "Failed", "Error: ImagePullBackOff")
        self._show_waiting("ImagePullBackOff", f"{text}: {error.reason}: {error}")
        await node.scheduler.sleep(self._pulls.remaining(failed, node.scheduler.time()))


def _named(pod: Object) -> str:
    return f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"


def _go_duration(seconds: float) -> str:
    """Write a duration as Go's time.Duration does: 10s, 1m20s, 5m0s."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes}m{rest}s" if minutes else f"{rest}s"
