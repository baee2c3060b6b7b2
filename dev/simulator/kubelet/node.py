"""What the Pods of a node share: API client, clock, runtime and delays."""

import random
from dataclasses import dataclass, field

from dev.simulator.client import Client
from dev.simulator.events import EventRecorder
from dev.simulator.kubelet.runtime import Prober, Runtime
from dev.simulator.objects import timestamp
from dev.simulator.scheduling import Clock, Scheduler
from dev.simulator.timing import Delay

_QUICK = Delay(0.1, 0.5)
_HALF_A_SECOND = Delay(0.3, 1.0)
_WITHIN_A_SECOND = Delay(0.1, 1.0)
_A_SECOND = Delay(0.5, 1.5)
_A_WHILE = Delay(10.0, 15.0)


@dataclass(frozen=True)
class Pace:
    """How long the kubelet takes, in seconds.

    Attributes:
        sandbox: until the Pod's sandbox is up.
        create: until a container's process runs.
        notice: until the end of a process is reported: the kubelet looks once a second.
        restart: from that report to a restart without back-off.
        conclude: from that report to that of CrashLoopBackOff, or to the end of the whole Pod.
        resync: until what failed is tried again, where there is no back-off of its own.
    """

    sandbox: Delay = _HALF_A_SECOND
    create: Delay = _QUICK
    notice: Delay = _WITHIN_A_SECOND
    restart: Delay = _A_SECOND
    conclude: Delay = _A_SECOND
    resync: Delay = _A_WHILE


@dataclass(frozen=True)
class Node:
    """What the Pods of a node share.

    Attributes:
        client: to report with.
        clock: of the node.
        runtime: starts containers.
        prober: executes probes; None where there are none and all that runs is ready.
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
