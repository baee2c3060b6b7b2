"""The life of one Pod on the node, from its first observation to the final delete."""

import signal
from typing import TYPE_CHECKING

from dev.simulator.errors import ApiError
from dev.simulator.kubelet.containers import Container
from dev.simulator.kubelet.node import Node
from dev.simulator.kubelet.statuses import Conclusion, ContainerState, PodState, creating
from dev.simulator.objects import Object, identical, is_terminating, uid_of, version_of
from dev.simulator.resources import POD
from dev.simulator.scheduling import Future, Timer
from dev.simulator.writes import DeleteOptions, key_of

if TYPE_CHECKING:
    from dev.simulator.scheduling import Task

_RETRY = 1.0  # seconds after a request that got no answer

EVICTION_GRACE = 2.0
"""Seconds from SIGTERM to SIGKILL in an eviction: the least that the kubelet gives."""

DEADLINE = "Pod was active on the node longer than the specified deadline"

UNKNOWN: Object = {
    "exitCode": 137,
    "reason": "ContainerStatusUnknown",
    "message": "The container could not be located when the pod was terminated",
    "startedAt": None,
    "finishedAt": None,
}
"""How a container is reported at the end that never was created."""


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
        self._stopping = self._deleting = False
        self._node = node
        self._containers = [Container(node, self, spec) for spec in pod["spec"]["containers"]]
        self.state = PodState([container.shown for container in self._containers], node.now())
        self._dirty = False
        self._writing = False
        self._reported: list[Future[None]] = []
        self._kill_timer: Timer | None = None
        self._runs: list[Task[None]] = []
        self._tasks = [node.scheduler.spawn(self._live())]
        deadline = pod["spec"].get("activeDeadlineSeconds")
        if deadline is not None:
            node.scheduler.call_later(deadline, self._exceed_deadline)

    def is_stopping(self) -> bool:
        """Say whether the Pod is being stopped: deleted, evicted, or beyond its deadline."""
        return self._stopping

    def seen(self, pod: Object) -> None:
        """Take note of a change of the Pod."""
        self._take_note(pod)
        if not is_terminating(pod):
            return
        grace = pod["metadata"]["deletionGracePeriodSeconds"]
        if not self._deleting:
            self._deleting = True
            self._begin_to_end()
            for shown in self._unstarted():
                shown.state = creating()
            self.report()  # observedGeneration
            self._tasks.append(self._node.scheduler.spawn(self._delete()))
        self._kill_after(grace)

    def evict(self, message: str, *, pressure: bool) -> None:
        """Evict the Pod.

        Args:
            message: why.
            pressure: whether its node lacks something, rather than the Pod is beyond a limit of
                its own: that is a disruption.
        """
        if self._stopping or self.state.torn_down:
            return
        self._node.recorder.record(self.pod, "Warning", "Evicted", message)
        self._end_as(Conclusion("Evicted", message, disruption=pressure), EVICTION_GRACE)

    def _exceed_deadline(self) -> None:
        if self._stopping or self.state.torn_down:
            return
        self._node.recorder.record(self.pod, "Normal", "DeadlineExceeded", DEADLINE)
        grace = float(self.pod["spec"]["terminationGracePeriodSeconds"])
        self._end_as(Conclusion("DeadlineExceeded", DEADLINE), grace)
        self.report()  # conditions

    def _end_as(self, conclusion: Conclusion, grace: float) -> None:
        """End all containers, and the Pod with them; it stays there as failed."""
        self._begin_to_end()
        self.state.conclusion = conclusion

        async def end() -> None:
            await self._stop_containers()
            self.state.torn_down = True
            self.report()

        self._tasks.append(self._node.scheduler.spawn(end()))
        self._kill_after(grace)

    def _begin_to_end(self) -> None:
        self._stopping = True
        for container in self._containers:
            container.give_up_waiting()

    def _take_note(self, pod: Object) -> None:
        """Keep the newer version: watch events and answers to writes may come in any order."""
        if int(version_of(pod)) > int(version_of(self.pod)):
            self.pod = pod

    def vanished(self) -> None:
        """The Pod is gone from the API server, by a forced deletion: stop everything at once."""
        self._stopping = True
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
        if self._stopping:
            return
        self._runs = [self._node.scheduler.spawn(one.run()) for one in self._containers]
        for run in self._runs:
            await run
        if not self._stopping:
            await self._node.take(self._node.pace.conclude)
            self.state.torn_down = True
            self.report()

    async def _stop_containers(self) -> None:
        """Stop all containers, and wait until they are gone."""
        node = self._node
        for container in self._containers:
            container.stop()
        for container, run in zip(self._containers, self._runs, strict=False):
            if container.unfinished:
                await run
            else:
                run.cancel()
                await node.take(node.pace.notice)
        if self._kill_timer is not None:
            self._kill_timer.cancel()

    def _unstarted(self) -> list[ContainerState]:
        return [one.shown for one in self._containers if not one.shown.container_id]

    async def _give_up_unstarted(self) -> None:
        """Report containers that never were created, as a kubelet does in two writes."""
        unstarted = self._unstarted()
        if unstarted:
            await self._all_reported()
            self.state.sandbox = False
            self.report()
            await self._all_reported()
            self.state.given_up = True
        for shown in unstarted:
            shown.state = {"terminated": dict(UNKNOWN)}

    async def _delete(self) -> None:
        """End all containers, report how they ended, and delete the Pod for good."""
        node = self._node
        await self._stop_containers()
        await self._give_up_unstarted()
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
