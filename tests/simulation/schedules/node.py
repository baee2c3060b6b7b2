"""A kubelet in a few strokes: what it reports of a Pod, in the steps of a real one.

simulator.kubelet follows the real one more closely, and costs more; a search needs many short runs.
"""

import random
from collections.abc import Callable
from dataclasses import dataclass

from simulator.errors import ApiError
from simulator.objects import Object, copy, is_terminating, uid_of
from simulator.resources import EVENT, POD
from simulator.scheduling import Clock, Scheduler
from simulator.store import EventType, Store, WatchEvent
from simulator.writes import DeleteOptions, key_of

KUBELET = "kubelet"
FIRST_BACK_OFF, LONGEST_BACK_OFF = 10.0, 300.0


@dataclass
class Life:
    """A Pod on the node.

    Attributes:
        pod: as it was created.
        runs: how often its container was started.
        running: since when, or None.
        ending: whether it is being stopped.
        back_off: seconds until the next restart.
    """

    pod: Object
    runs: int = 0
    running: str | None = None
    ending: bool = False
    back_off: float = 0.0


class Node:
    """Runs every Pod that is bound to a node.

    Attributes:
        clock: of the node, which may be wrong.
        crashes: by the Pod's uid, the container ids of the runs that ended by themselves.
        probed: the causes of those that the kubelet ended, by container id.
    """

    def __init__(
        self, store: Store, scheduler: Scheduler, clock: Clock, rng: random.Random
    ) -> None:
        self.clock = clock
        self.crashes: dict[str, list[str]] = {}
        self.probed: dict[str, str] = {}
        self._store = store
        self._scheduler = scheduler
        self._rng = rng
        self._lives: dict[str, Life] = {}
        store.watch(POD, self._changed)

    def running(self, pod: Object) -> bool:
        """Tell whether a Pod's container runs."""
        life = self._lives.get(uid_of(pod))
        return life is not None and life.running is not None and not life.ending

    def crash(self, pod: Object, code: int, reason: str, *, probe: bool = False) -> bool:
        """End a Pod's container.

        Args:
            pod: the Pod.
            code: exit code.
            reason: as the runtime gives it.
            probe: whether the kubelet ends it for its liveness probe.

        Returns:
            False where it does not run.
        """
        life = self._lives.get(uid_of(pod))
        if life is None or life.running is None or life.ending:
            return False
        uid = uid_of(pod)
        identity = f"containerd://{uid[:8]}-{life.runs}"
        ended = {
            "exitCode": code,
            "reason": reason,
            "startedAt": life.running,
            "finishedAt": self._now(),
            "containerID": identity,
        }
        life.running = None
        self.crashes.setdefault(uid, []).append(identity)
        if probe:
            delay = self._rng.choice((0.0, 0.0, 1.0, 8.0))
            moment = self._now()
            self.probed[identity] = "LivenessProbeFailed"
            self._scheduler.call_later(delay, lambda: self._say_killing(life.pod, moment))
        steps = self._rng.random()
        if steps < 0.75:
            self._later(0.5, life, lambda: self._show(life, {"terminated": ended}, None, 0))
        count = life.runs

        def again() -> None:
            self._start(life, ended, count)

        wait = life.back_off
        life.back_off = min(max(FIRST_BACK_OFF, life.back_off * 2), LONGEST_BACK_OFF)
        if wait:
            waiting = {"waiting": {"reason": "CrashLoopBackOff", "message": "back-off"}}
            self._later(1.2, life, lambda: self._show(life, waiting, ended, count - 1))
        self._later(1.5 + wait, life, again)
        return True

    def _now(self) -> str:
        return self.clock.now().strftime("%Y-%m-%dT%H:%M:%SZ")

    def _changed(self, event: WatchEvent) -> None:
        pod, uid = event.object, uid_of(event.object)
        if event.type is EventType.DELETED:
            life = self._lives.pop(uid, None)
            if life is not None:
                life.ending = True
            return
        if not pod["spec"].get("nodeName"):
            return
        life = self._lives.get(uid)
        if life is None:
            life = self._lives[uid] = Life(pod)
            fresh = life
            self._later(0.6, life, lambda: self._start(fresh, None, 0))
        if is_terminating(pod) and not life.ending:
            life.ending = True
            gone = life
            self._scheduler.call_later(self._rng.uniform(0.1, 4.0), lambda: self._end(gone))

    def _later(self, most: float, life: Life, step: Callable[[], None]) -> None:
        def act() -> None:
            if not life.ending:
                step()

        self._scheduler.call_later(self._rng.uniform(0.5, 1.0) * most, act)

    def _start(self, life: Life, before: Object | None, count: int) -> None:
        life.runs += 1
        life.running = self._now()
        self._show(life, {"running": {"startedAt": life.running}}, before, count)

    def _show(self, life: Life, state: Object, last: Object | None, count: int) -> None:
        """Report the container; a state that has ended keeps lastState and the count."""
        current = self._store.peek(POD, key_of(life.pod))
        if current is None or uid_of(current) != uid_of(life.pod):
            return
        new = copy(current)
        (before,) = new["status"].get("containerStatuses") or [{"lastState": {}, "restartCount": 0}]
        ready = "running" in state
        status = {
            "name": "app",
            "state": state,
            "lastState": before["lastState"] if last is None else {"terminated": last},
            "restartCount": before["restartCount"] if last is None else count,
            "ready": ready,
            "image": "app",
            "imageID": "",
        }
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
            "containerStatuses": [status],
            "conditions": conditions,
        }
        self._store.update(POD, new, subresource="status", manager=KUBELET)

    def _end(self, life: Life) -> None:
        """Report that the container was stopped, then take the Pod away."""
        if life.running is not None:
            ended = {
                "exitCode": 143,
                "reason": "Error",
                "startedAt": life.running,
                "finishedAt": self._now(),
                "containerID": f"containerd://{uid_of(life.pod)[:8]}-{life.runs}",
            }
            self._show(life, {"terminated": ended}, None, 0)
        try:
            self._store.delete(
                POD,
                key_of(life.pod),
                DeleteOptions(uid=uid_of(life.pod), grace=0),
                manager=KUBELET,
            )
        except ApiError:
            return  # it is gone already

    def _say_killing(self, pod: Object, moment: str) -> None:
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
                    "fieldPath": "spec.containers{app}",
                },
                "reason": "Killing",
                "message": "Container app failed liveness probe, will be restarted",
                "source": {"component": KUBELET},
                "reportingComponent": KUBELET,
                "firstTimestamp": moment,
                "lastTimestamp": moment,
                "count": 1,
                "type": "Normal",
            },
            manager=KUBELET,
        )
