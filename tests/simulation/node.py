"""A small kubelet: it reports the status of Pods, in the steps of a real one.

That of `dev.simulator` follows the real one more closely and is slower; a search needs many short
runs.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object, copy, is_terminating, uid_of
from dev.simulator.resources import EVENT, POD
from dev.simulator.scheduling import Clock, Scheduler
from dev.simulator.store import Store
from dev.simulator.tables import EventType, WatchEvent
from dev.simulator.writes import DeleteOptions, key_of
from tests.simulation.specification import Crash

KUBELET = "kubelet"
FIRST_BACK_OFF, LONGEST_BACK_OFF = 10.0, 300.0


@dataclass
class Run:
    """A container on the node.

    Attributes:
        name: of the container.
        number: how often it was started.
        since: when it was started the last time, or None while it does not run.
        back_off: seconds until the next restart.
    """

    name: str
    number: int = 0
    since: str | None = None
    back_off: float = 0.0


@dataclass
class Life:
    """A Pod on the node.

    Attributes:
        pod: as it was created.
        containers: its containers, by name.
        terminating: whether it is terminating.
    """

    pod: Object
    containers: dict[str, Run]
    terminating: bool = False


class Node:
    """Runs every Pod that is bound to a node.

    Attributes:
        clock: of the node, which may be wrong.
        crashes: by the Pod's uid, the runs of its containers that ended by themselves.
        probed: the causes of those that the kubelet ended, by container id.
    """

    def __init__(
        self, store: Store, scheduler: Scheduler, clock: Clock, rng: random.Random
    ) -> None:
        self.clock = clock
        self.crashes: dict[str, list[Crash]] = {}
        self.probed: dict[str, str] = {}
        self._store = store
        self._scheduler = scheduler
        self._rng = rng
        self._lives: dict[str, Life] = {}
        store.watch(POD, self._changed)

    def running(self, pod: Object) -> list[str]:
        """Return the names of a Pod's containers that run."""
        life = self._lives.get(uid_of(pod))
        if life is None or life.terminating:
            return []
        return [name for name, run in life.containers.items() if run.since is not None]

    def crash(
        self, pod: Object, container: str, code: int, reason: str, *, probe: bool = False
    ) -> bool:
        """End a Pod's container.

        Args:
            pod: the Pod.
            container: the container's name.
            code: exit code.
            reason: as the runtime gives it.
            probe: whether the kubelet ends it for its liveness probe.

        Returns:
            False where it does not run.
        """
        if container not in self.running(pod):
            return False
        life = self._lives[uid_of(pod)]
        run = life.containers[container]
        ended = self._ended(life, run, code, reason)
        run.since = None
        crash = Crash.read(container, ended)
        self.crashes.setdefault(uid_of(pod), []).append(crash)
        if probe:
            delay = self._rng.choice((0.0, 0.0, 1.0, 8.0))
            moment = self._now()
            self.probed[crash.container_id] = "LivenessProbeFailed"
            self._scheduler.call_later(
                delay, lambda: self._say_killing(life.pod, container, moment)
            )
        steps = self._rng.random()
        if steps < 0.75:
            self._later(0.5, life, lambda: self._show(life, run, {"terminated": ended}, None, 0))
        count = run.number

        def again() -> None:
            self._start(life, run, ended, count)

        wait = run.back_off
        run.back_off = min(max(FIRST_BACK_OFF, run.back_off * 2), LONGEST_BACK_OFF)
        if wait:
            waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
            self._later(1.2, life, lambda: self._show(life, run, waiting, ended, count - 1))
        self._later(1.5 + wait, life, again)
        return True

    def _ended(self, life: Life, run: Run, code: int, reason: str) -> Object:
        return {
            "exitCode": code,
            "reason": reason,
            "startedAt": run.since,
            "finishedAt": self._now(),
            "containerID": f"containerd://{uid_of(life.pod)[:8]}-{run.name}-{run.number}",
        }

    def _now(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _changed(self, event: WatchEvent) -> None:
        pod, uid = event.object, uid_of(event.object)
        if event.type is EventType.DELETED:
            life = self._lives.pop(uid, None)
            if life is not None:
                life.terminating = True
            return
        if not pod["spec"].get("nodeName"):
            return
        life = self._lives.get(uid)
        if life is None:
            names = [container["name"] for container in pod["spec"]["containers"]]
            life = self._lives[uid] = Life(pod, {name: Run(name) for name in names})
            for run in life.containers.values():
                self._later(0.6, life, partial(self._start, life, run, None, 0))
        if is_terminating(pod) and not life.terminating:
            life.terminating = True
            gone = life
            self._scheduler.call_later(self._rng.uniform(0.1, 4.0), lambda: self._end(gone))

    def _later(self, most: float, life: Life, step: Callable[[], None]) -> None:
        def act() -> None:
            if not life.terminating:
                step()

        self._scheduler.call_later(self._rng.uniform(0.5, 1.0) * most, act)

    def _start(self, life: Life, run: Run, before: Object | None, count: int) -> None:
        run.number += 1
        run.since = self._now()
        self._show(life, run, {"running": {"startedAt": run.since}}, before, count)

    def _show(self, life: Life, run: Run, state: Object, last: Object | None, count: int) -> None:
        """Report a container; a state that has ended keeps lastState and the count."""
        current = self._store.peek(POD, key_of(life.pod))
        if current is None or uid_of(current) != uid_of(life.pod):
            return
        new = copy(current)
        known = {each["name"]: each for each in new["status"].get("containerStatuses") or []}
        before = known.get(run.name) or {"lastState": {}, "restartCount": 0}
        known[run.name] = {
            "name": run.name,
            "state": state,
            "lastState": before["lastState"] if last is None else {"terminated": last},
            "restartCount": before["restartCount"] if last is None else count,
            "ready": "running" in state,
            "image": run.name,
            "imageID": "",
        }
        statuses = [known.get(name) or _waiting(name) for name in life.containers]
        ready = all(each["ready"] for each in statuses)
        conditions = [
            each for each in new["status"].get("conditions") or [] if each["type"] != "Ready"
        ]
        conditions.append(
            {
                "type": "Ready",
                "status": "True" if ready else "False",
                "lastTransitionTime": self._now(),
            }
        )
        new["status"] |= {
            "phase": "Running",
            "containerStatuses": statuses,
            "conditions": conditions,
        }
        self._store.update(POD, new, subresource="status", manager=KUBELET)

    def _end(self, life: Life) -> None:
        """Report that the containers were stopped, then take the Pod away."""
        for run in life.containers.values():
            if run.since is not None:
                ended = self._ended(life, run, 143, "Error")
                self._show(life, run, {"terminated": ended}, None, 0)
        try:
            self._store.delete(
                POD,
                key_of(life.pod),
                DeleteOptions(uid=uid_of(life.pod), grace=0),
                manager=KUBELET,
            )
        except ApiError:
            return  # it is gone already

    def _say_killing(self, pod: Object, container: str, moment: str) -> None:
        metadata = pod["metadata"]
        self._store.create(
            EVENT,
            {
                "metadata": {
                    "name": f"{metadata['name']}.{self._rng.getrandbits(60):x}",
                    "namespace": metadata["namespace"],
                },
                "involvedObject": {
                    "kind": "Pod",
                    "apiVersion": "v1",
                    "namespace": metadata["namespace"],
                    "name": metadata["name"],
                    "uid": metadata["uid"],
                    "fieldPath": f"spec.containers{{{container}}}",
                },
                "reason": "Killing",
                "message": f"Container {container} failed liveness probe, will be restarted",
                "source": {"component": KUBELET},
                "reportingComponent": KUBELET,
                "firstTimestamp": moment,
                "lastTimestamp": moment,
                "count": 1,
                "type": "Normal",
            },
            manager=KUBELET,
        )


def _waiting(name: str) -> Object:
    """Return what is reported of a container that was not started yet."""
    return {
        "name": name,
        "state": {"waiting": {"reason": "ContainerCreating"}},
        "lastState": {},
        "restartCount": 0,
        "ready": False,
        "image": name,
        "imageID": "",
    }
