"""A cluster in which Pods crash by the dozen while its parts are killed and its networks fail.

Between Metacontroller, the hook's replicas and the API server stand networks that fail on
demand; the processes are killed with SIGKILL and started again, as a kubelet would. All that is
random comes from one seed. The result is read from the API server's audit log (`auditlog`,
`evaluation`).
"""

import contextlib
import os
import random
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from http import HTTPStatus
from typing import Self, TypeVar

from dev.envtest import audit, pods
from dev.envtest.build import Binaries
from dev.envtest.client import (
    DIAGNOSISTARGETS,
    EVENTS,
    PODDIAGNOSERS,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
    ApiError,
    Json,
    Resource,
)
from dev.envtest.cluster import Cluster
from dev.envtest.hook import Hook
from dev.envtest.metacontroller import Metacontroller
from dev.envtest.pods import Termination
from dev.envtest.process import Process, StartError
from dev.envtest.proxy import Answer, Forward, Proxy, Request, Rule, cut, forward, lose, waiting
from dev.local_http import NoAnswerError
from dev.local_ports import free_ports
from tests.e2e import auditlog, wire
from tests.e2e.evaluation import FinalState
from tests.e2e.workspace import AT_ONCE, Workspace, eventually

T = TypeVar("T")

FLUSH = 20
"""Seconds after which Metacontroller lists everything again: what it missed waits no longer."""

DELAY = 1.2
"""By how many seconds a network delays a request at most."""

LATE = 8.0
"""By how many seconds a request may come late in all, retries and busy processors included."""

TERMINATIONS = (
    Termination(1, "Error"),
    Termination(137, "OOMKilled"),
    Termination(0, "Completed"),
    Termination(139, "Error"),
)

TIER = "tier"


@dataclass(frozen=True, slots=True)
class Group:
    """Pods that a PodDiagnoser claims, or that none does.

    Attributes:
        namespace: where they are.
        tier: their label, and the name of the PodDiagnoser.
        spec: the PodDiagnoser's; None without one.
        sets: how many workloads there are, ReplicaSets and StatefulSets in turns.
        replicas: how many Pods each has.
        bare: how many Pods there are besides that no controller replaces.
        most_hits: how often Pods of one workload crash at most; 0 for no limit.
    """

    namespace: str
    tier: str
    spec: Json | None
    sets: int = 0
    replicas: int = 1
    bare: int = 0
    most_hits: int = 0


def _replacing(action: str, budget: int, attempts: int = 100) -> Json:
    policy = {**AT_ONCE, "budget": {"pods": budget, "windowSeconds": 60}, "maxAttempts": attempts}
    return {"remediationAction": action, "remediation": policy}


FILTERED = {
    "remediationAction": "LogEvent",
    "ignore": {"exitCodes": [139], "cleanExits": True},
}


FAST, SCARCE, EVICTED = "fast", "scarce", "evicted"
GROUPS = (
    Group("storm-replacing", FAST, _replacing("RestartPod", 50), sets=32, most_hits=2),
    Group("storm-replacing", SCARCE, _replacing("RestartPod", 6, 2), sets=4, replicas=3),
    Group("storm-evicting", EVICTED, _replacing("EvictPod", 50), sets=10, most_hits=3),
    Group("storm-events", "logged", {"remediationAction": "LogEvent"}, sets=4, replicas=2, bare=16),
    Group("storm-events", "filtered", FILTERED, sets=2, replicas=3),
    Group("storm-beside", "beside", None, sets=2, replicas=2, bare=2),
)
"""90 Pods: of those that are replaced, most are their owner's only one, so that all of them get
their turn; the few of the second group compete for a small budget."""


SCARCE_GROUP = GROUPS[1]
REPLICAS = ("remediator-1", "remediator-2", "annotator-1", "annotator-2")
"""Of the hook: two serve PodDiagnosers, two serve Pods."""


class Link:
    """A network for single requests, which are watched as they pass.

    Args:
        name: what it is called.
        proxy: through which they pass.
        send: sends one on.
        chance: decides which request a fault meets; it meets every deletion.

    Attributes:
        injected: how many requests each fault has met.
        deletions: how many of those were to delete or evict a Pod.
        passing: how many requests are under way.
    """

    def __init__(
        self,
        name: str,
        proxy: Proxy,
        chance: random.Random,
        send: Callable[[Request], Answer] | None = None,
    ) -> None:
        self.name, self.proxy = name, proxy
        self.injected: Counter[str] = Counter()
        self.deletions: Counter[str] = Counter()
        self.passing = 0
        self._send = send
        self._chance = chance
        self._fault: tuple[str, Rule] | None = None
        self._writes = False
        self._awaited: tuple[tuple[str, str], threading.Event] | None = None
        self._lock = threading.Lock()
        proxy.rule = self._rule

    def fail(self, how: str, *, writes: bool = False) -> None:
        """Fail in some way from now on.

        Args:
            how: one of `FAULTS`, or nothing for a network that is whole.
            writes: whether it meets what writes, and nothing else; else it meets every other one.
        """
        self._fault = (how, FAULTS[how]) if how else None
        self._writes = writes
        if how == "refused":
            self.proxy.stop()
            self.injected[how] += 1
        else:
            self.proxy.start()

    def await_request(self, method: str, part: str) -> threading.Event:
        """Wait for a request.

        Args:
            method: its method.
            part: A text that its path holds.

        Returns:
            Set when one comes, just before it is sent on.
        """
        came = threading.Event()
        self._awaited = ((method, part), came)
        return came

    def _rule(self, request: Request, onward: Forward) -> Answer | None:
        self.proxy.requests.clear()  # they are large, and many
        if self._send is not None:
            send = self._send

            def onward() -> Answer:
                return send(request)

        awaited = self._awaited
        if awaited and request.method == awaited[0][0] and awaited[0][1] in request.path:
            awaited[1].set()
        with self._lock:
            self.passing += 1
            name, rule = self._fault or ("", forward)
            met = request.method != "GET" if self._writes else self._chance.random() < 0.5
            meets = bool(name) and (met or _deletes(request))
            delay = waiting(self._chance.uniform(0.1, DELAY))
            if meets:
                self.injected[name] += 1
                self.deletions[name] += _deletes(request)
        try:
            if not meets:
                return onward()
            return delay(request, onward) if name == "delayed" else rule(request, onward)
        finally:
            with self._lock:
                self.passing -= 1


def _set_of(pod: Json) -> str:
    """Return the workload of a Pod."""
    metadata: Json = pod["metadata"]
    return f"{metadata['namespace']}/{metadata['labels'].get('set', '')}"


def _deletes(request: Request) -> bool:
    return request.method == "DELETE" or request.path.endswith("/eviction")


FAULTS: dict[str, Rule] = {
    "refused": cut,
    "cut": cut,
    "answer lost": lose,
    "delayed": waiting(DELAY),
}
"""What can happen to a request: there is no connection; it is cut before the request arrives, or
after; the request is late."""


WIRE = "metacontroller-api"
WIRE_FAULTS = {fault.name.lower(): fault for fault in wire.Fault if fault is not wire.Fault.NONE}
FAULT_SECONDS, LONGEST_FAULT = 2.0, 30.0
"""For how long a network fails, and at most, until something meets with it."""

MOMENT = 0.02
"""Seconds within which a process dies when its moment has come: before, while, or after something
happens."""

OBSERVATION_SECONDS = 20.0
"""Seconds that a change of a spec may take until the hook has seen it."""

START_SECONDS = 90.0
"""Seconds within which a process that was killed must be back."""


@dataclass(frozen=True, slots=True)
class PlannedKill:
    """What is killed, and when.

    Attributes:
        victims: names of the processes.
        at: the link, method and part of a path of the request at which they are killed; None for
            whenever it happens to be.
        pause: seconds until they are started again.
        gap: seconds until the next kill.
    """

    victims: tuple[str, ...]
    at: tuple[str, str, str] | None
    pause: float
    gap: float


@dataclass(frozen=True, slots=True)
class Kill:
    """A kill as it happened.

    Attributes:
        planned: what was to be.
        met: whether the request came in time.
        passing: how many requests were under way, by link.
    """

    planned: PlannedKill
    met: bool
    passing: dict[str, int]

    @property
    def under_way(self) -> bool:
        """Whether something was under way."""
        return self.met or any(self.passing.values())


MOMENTS = (
    ("hook-api", "GET", "/poddiagnosers/"),
    ("hook-api", "GET", "/pods/"),
    ("hook-api", "DELETE", "/pods/"),
    ("hook-api", "POST", "/events"),
    ("hook-api", "POST", "/eviction"),
    ("poddiagnosers", "POST", "/poddiagnosers/sync"),
    ("pods", "POST", "/pods/sync"),
)

VICTIMS = (
    *(("remediator-1",),) * 3,
    *(("remediator-2",),) * 3,
    *(("remediator-1", "remediator-2"),) * 2,
    *(("annotator-1",),) * 2,
    ("annotator-2",),
    ("annotator-1", "annotator-2"),
    *(("metacontroller",),) * 3,
    *(("apiserver",),) * 4,
    ("apiserver", "metacontroller"),
    ("metacontroller", "remediator-1", "annotator-2"),
)
"""Each process dies several times, alone and together with others."""


def planned_kills(chance: random.Random) -> list[PlannedKill]:
    """Make a plan of what is killed when.

    Args:
        chance: decides.

    Returns:
        The plan.
    """
    moments = [*MOMENTS] * 3
    chance.shuffle(moments)
    victims = list(VICTIMS)
    chance.shuffle(victims)
    return [
        PlannedKill(
            victims=who,
            at=moments.pop() if chance.random() < 0.8 else None,
            pause=round(chance.uniform(0.0, 1.5), 2),
            gap=round(chance.uniform(0.5, 2.0), 2),
        )
        for who in victims
    ]


class Storm:
    """The cluster, its networks, and the disturbances.

    Args:
        binaries: the programs.
        seed: all that is random comes from it.

    Attributes:
        cluster: the cluster.
        links: networks of single requests: ``hook-api``, ``poddiagnosers`` and ``pods``, of which
            the latter two lead from Metacontroller to the hook.
        wire: between Metacontroller and the API server.
        kills: the kills so far.
        crashes: how many there were, by group.
    """

    def __init__(self, binaries: Binaries, seed: int) -> None:
        # Plain HTTP: the two proxies before the hook would make a handshake for each request.
        self.cluster = Cluster(
            binaries, overlay=None, linger=0.5, audit_policy=audit.full_policy(), tls=False
        )
        plane = self.cluster.control_plane
        self.wire = wire.Wire(int(plane.server.rpartition(":")[2]))
        self.cluster.metacontroller = Metacontroller(
            plane, f"{FLUSH}s", server=f"https://127.0.0.1:{self.wire.port}"
        )
        self._chance = random.Random(seed)
        (port,) = free_ports(1)
        api = Proxy(plane.server, port, plane.certificate, plane.key)
        environment = self.cluster.remediation_environment(api.url)
        self.replicas = {
            f"remediator-{number}": Hook(
                "poddiagnosers", plane.folder, environment, name=f"remediator-{number}"
            )
            for number in (1, 2)
        }
        tokens = {"POD_DIAGNOSER_TOKEN_DIR": environment["POD_DIAGNOSER_TOKEN_DIR"]}
        self.replicas |= {
            f"annotator-{number}": Hook("pods", plane.folder, tokens, name=f"annotator-{number}")
            for number in (1, 2)
        }
        self._ready: set[str] = set()
        self._back = {name: threading.Event() for who in VICTIMS for name in who}
        for back in self._back.values():
            back.set()
        self._kubelets = ThreadPoolExecutor(len(self._back))
        self._restarts: list[Future[None]] = []
        front = self.cluster.poddiagnosers_hook
        other = self.cluster.pods_hook
        self.links = {
            "hook-api": Link("hook-api", api, self._another_chance()),
            "poddiagnosers": self._service("poddiagnosers", front, "remediator"),
            "pods": self._service("pods", other, "annotator"),
        }
        self.kills: list[Kill] = []
        self.crashes: Counter[str] = Counter()
        self._hits: Counter[str] = Counter()
        self._exit = contextlib.ExitStack()

    def _another_chance(self) -> random.Random:
        return random.Random(self._chance.random())

    def _service(self, name: str, place: Hook, replicas: str) -> Link:
        """Return the network to the replicas that are ready, as a Service leads to them."""
        chance = self._another_chance()
        proxy = Proxy(place.url, place.port)

        def send(request: Request) -> Answer:
            ready = sorted(one for one in self._ready if one.startswith(replicas))
            if not ready:
                message = "no endpoints"
                raise ConnectionRefusedError(message)
            return proxy.send(request, self.replicas[chance.choice(ready)].url)

        return Link(name, proxy, self._another_chance(), send)

    def __enter__(self) -> Self:
        """Start all of it, with nothing failing yet."""
        with contextlib.ExitStack() as stack:
            stack.enter_context(self.wire)
            stack.enter_context(self.cluster)
            for hook in (self.cluster.pods_hook, self.cluster.poddiagnosers_hook):
                hook.stop()
            for link in self.links.values():
                stack.enter_context(link.proxy)
            for name, replica in self.replicas.items():
                stack.callback(replica.stop, grace=0)
                replica.start()
                self._ready.add(name)
            stack.callback(self._kubelets.shutdown)
            self._exit = stack.pop_all()
        return self

    def __exit__(self, *problem: object) -> None:
        """End all of it."""
        self._exit.__exit__(*problem)  # type: ignore[arg-type]  # passed on as they came

    # What there is

    def populate(self) -> None:
        """Make namespaces, PodDiagnosers and Pods, and wait until all of them run."""
        for namespace in dict.fromkeys(group.namespace for group in GROUPS):
            self.cluster.create_namespace(namespace)
        for group in GROUPS:
            shop = self.shop(group)
            if group.spec is not None:
                shop.diagnose(group.tier, targetLabels={TIER: group.tier}, **group.spec)
            for number in range(group.sets):
                self._create_workload(group, f"{group.tier}-{number}", stateful=bool(number % 2))
            for number in range(group.bare):
                shop.start_pod(f"{group.tier}-bare-{number}", {TIER: group.tier})
        self.all_run()

    def _create_workload(self, group: Group, name: str, *, stateful: bool) -> None:
        labels = {TIER: group.tier, "set": name}
        manifest = pods.manifest(name, labels, node=None)
        body: Json = {
            "metadata": {"name": name},
            "spec": {
                "replicas": group.replicas,
                "selector": {"matchLabels": {"set": name}},
                "template": {"metadata": {"labels": labels}, "spec": manifest["spec"]},
            },
        }
        if stateful:
            body["spec"] |= {"serviceName": name, "podManagementPolicy": "Parallel"}
        kind = STATEFUL_SETS if stateful else REPLICA_SETS
        self.cluster.admin.create(kind, body, group.namespace)

    def shop(self, group: Group) -> Workspace:
        """Return the namespace of a group."""
        return Workspace(self.cluster, group.namespace)

    def running(self, group: Group) -> list[Json]:
        """Return the Pods of a group that run."""
        return self.persist(partial(self.shop(group).running, f"{TIER}={group.tier}")) or []

    def all_run(self, timeout: float = 60.0) -> None:
        """Wait until there are as many Pods as there should be.

        Args:
            timeout: seconds.
        """

        def missing() -> dict[str, int]:
            self._start_the_bound()
            return {
                group.tier: lacking
                for group in GROUPS
                if (lacking := group.sets * group.replicas + group.bare - len(self.running(group)))
            }

        eventually(missing, lambda found: not found, timeout, pause=0.5)

    def _start_the_bound(self) -> None:
        """Report running what was bound while the API server was away.

        The kubelet that is played does so once, when it binds a Pod.
        """
        for pod in self._list(PODS):
            metadata, status = pod["metadata"], pod.get("status", {})
            if (
                "nodeName" in pod["spec"]
                and "containerStatuses" not in status
                and "deletionTimestamp" not in metadata
            ):
                with contextlib.suppress(ApiError):  # gone, or the next time
                    self.cluster.kubelet.start_pod(metadata["namespace"], metadata["name"])

    def _list(self, resource: Resource) -> list[Json]:
        """Return all objects of a kind in the storm's namespaces, as single reads show them."""
        kinds = {"pods": "Pod", "poddiagnosers": "PodDiagnoser"}
        kind = {"kind": kinds.get(resource.plural, ""), "apiVersion": resource.version}
        return [
            {**kind, **one}
            for namespace in dict.fromkeys(group.namespace for group in GROUPS)
            for one in self.persist(partial(self.cluster.admin.list, resource, namespace)) or ()
        ]

    def end(self) -> FinalState:
        """Return what is there now."""
        kinds = (PODS, PODDIAGNOSERS, DIAGNOSISTARGETS, EVENTS)
        return FinalState(*map(self._list, kinds))

    def log(self) -> list[auditlog.Call]:
        """Return the requests about the storm's namespaces so far."""
        namespaces = {group.namespace for group in GROUPS}
        calls = auditlog.read(self.cluster.control_plane.audit_log)
        return [call for call in calls if call.namespace in namespaces]

    # The disturbances

    @contextlib.contextmanager
    def disturbances(self) -> Iterator[None]:
        """Have Pods crash in waves, and other clients change objects, until it is left."""
        over = threading.Event()
        with ThreadPoolExecutor(2) as pool:
            works = [
                pool.submit(self._waves, over, self._another_chance()),
                pool.submit(self._change_objects, over, self._another_chance()),
            ]
            try:
                yield
            finally:
                over.set()
        for work in works:
            work.result()

    def _waves(self, over: threading.Event, chance: random.Random) -> None:
        with ThreadPoolExecutor(6) as pool:
            while not over.wait(chance.uniform(0.3, 1.2)):
                group = chance.choice(GROUPS)
                there = self.running(group)
                if group.most_hits:
                    there = [pod for pod in there if self._hits[_set_of(pod)] < group.most_hits]
                if not there:
                    continue
                hit = chance.sample(there, min(len(there), chance.randint(2, 7)))
                self._hits.update(map(_set_of, hit))
                termination = chance.choice(TERMINATIONS)
                works = [pool.submit(self._crash, group, pod, termination) for pod in hit]
                for work in works:
                    work.result()

    def _crash(self, group: Group, pod: Json, termination: Termination) -> None:
        """Report that a Pod's container ended, and that it runs again; retry until it succeeds."""
        name, uid = pod["metadata"]["name"], pod["metadata"]["uid"]
        goal = pods.container_status(pod)["restartCount"] + 1
        at = replace(termination, finished=pods.now())

        def step() -> bool:
            now = self.cluster.admin.find(PODS, name, group.namespace)
            if now is None or now["metadata"]["uid"] != uid:
                return True
            if "deletionTimestamp" in now["metadata"]:
                return True
            its = pods.container_status(now)
            if its["restartCount"] >= goal:
                self.crashes[group.tier] += 1
                return True
            ended = "terminated" in its["state"]
            status = pods.restarted(now) if ended else pods.ended(now, at)
            body = {"metadata": {"uid": uid}, "status": {"$patch": "replace", **status}}
            self.cluster.admin.patch_status(PODS, name, body, group.namespace)
            return False

        while not self.persist(step):
            pass

    def _change_objects(self, over: threading.Event, chance: random.Random) -> None:
        """Others write on Pods, delete some, and edit a PodDiagnoser."""
        admin = self.cluster.admin
        while not over.wait(chance.uniform(0.5, 1.5)):
            group = chance.choice(GROUPS)
            there = self.running(group)
            if not there:
                continue
            name = chance.choice(there)["metadata"]["name"]
            note = {"test.example/note": str(chance.random())}
            body = {"metadata": {"annotations": note, "labels": {"test.example/zone": "z"}}}
            chosen = chance.random()
            if chosen < 0.7:
                self.persist(partial(admin.patch, PODS, name, body, group.namespace))
            elif chosen < 0.8 and group.sets:
                if not name.startswith(f"{group.tier}-bare"):
                    self.persist(partial(admin.delete, PODS, name, group.namespace))
            elif group.tier == EVICTED:
                for paused in (True, False):
                    self.set_paused(group, paused=paused)
                    self._await_observation(group, over)

    def _await_observation(self, group: Group, over: threading.Event) -> None:
        """Wait until the status tells that the hook has seen the spec.

        After two changes that it had not seen, crashes from before would be left alone: all of the
        group's, where that happens again and again.
        """
        read = partial(self.cluster.admin.get, PODDIAGNOSERS, group.tier, group.namespace)
        deadline = time.monotonic() + OBSERVATION_SECONDS
        while time.monotonic() < deadline and not over.wait(0.5):
            one = self.persist(read) or {}
            seen = one.get("status", {}).get("observedGeneration")
            if seen == one.get("metadata", {}).get("generation"):
                return

    def set_paused(self, group: Group, *, paused: bool) -> None:
        """Pauses a PodDiagnoser, or has it go on."""
        body = {"spec": {"remediation": {"paused": paused}}}
        self.persist(
            lambda: self.cluster.admin.patch(PODDIAGNOSERS, group.tier, body, group.namespace)
        )

    def touch(self) -> None:
        """Others write on all Pods, so that the log shows how they are."""
        note = {"metadata": {"annotations": {"test.example/touched": "once more"}}}
        for pod in self._list(PODS):
            name, namespace = pod["metadata"]["name"], pod["metadata"]["namespace"]
            self.persist(partial(self.cluster.admin.patch, PODS, name, note, namespace))

    def persist(self, work: Callable[[], T], timeout: float = 60.0) -> T | None:
        """Do something that may fail while the API server is away, again and again.

        Args:
            work: does it.
            timeout: seconds.

        Returns:
            What it returns; None where what it is about is gone.
        """
        deadline = time.monotonic() + timeout
        while True:
            try:
                return work()
            except ApiError as refused:
                if refused.code == HTTPStatus.NOT_FOUND:
                    return None
                if time.monotonic() > deadline:
                    raise
            except NoAnswerError:
                if time.monotonic() > deadline:
                    raise
            time.sleep(0.1)

    # What is done to it

    def kill(self, planned: PlannedKill, patience: float = 3.0) -> None:
        """Kill processes; each is started again a little later, while other things happen.

        Args:
            planned: which, and when. What has not come back from the last time is waited for.
            patience: seconds for which the moment is waited for.
        """
        for victim in planned.victims:
            self._back[victim].wait()
        met = False
        if planned.at is not None:
            link, method, part = planned.at
            met = self.links[link].await_request(method, part).wait(patience)
            time.sleep(self._chance.uniform(0, MOMENT))
        passing = {name: link.passing for name, link in self.links.items() if link.passing}
        self.kills.append(Kill(planned, met, passing))
        for victim in planned.victims:
            self._back[victim].clear()
            self._ready.discard(victim)
            with contextlib.suppress(StartError, ProcessLookupError):
                os.killpg(self._process(victim).pid, signal.SIGKILL)
        for victim in planned.victims:
            self._restarts.append(self._kubelets.submit(self._restart, victim, planned.pause))

    def _process(self, victim: str) -> Process:
        if victim == "apiserver":
            return self.cluster.control_plane.apiserver
        if victim == "metacontroller":
            return self.cluster.metacontroller.process
        return self.replicas[victim].process

    def _restart(self, victim: str, pause: float) -> None:
        """Start a process that was killed, as often as it takes: it may need another one."""
        self._process(victim).stop(grace=0)
        time.sleep(pause)
        starts: dict[str, Callable[[], None]] = {
            "apiserver": self._start_apiserver,
            "metacontroller": self.cluster.metacontroller.start,
            **{name: replica.start for name, replica in self.replicas.items()},
        }
        deadline = time.monotonic() + START_SECONDS
        try:
            while True:
                try:
                    starts[victim]()
                    break
                except StartError:
                    if time.monotonic() > deadline:
                        raise
            self._ready.add(victim)
        finally:
            self._back[victim].set()

    def _start_apiserver(self) -> None:
        plane = self.cluster.control_plane
        plane.apiserver.start()
        plane.apiserver.wait_until(plane.admin.ready)
        # It is not what is tested, and would wait for up to a minute after so many failures.
        plane.controller_manager.stop(grace=0)
        plane.controller_manager.start()

    def all_back(self) -> None:
        """Wait until everything that was killed runs again.

        Raises:
            StartError: something does not.
        """
        for restart in self._restarts:
            restart.result()

    def fail(self, link: str, chance: random.Random) -> None:
        """Have a network fail in one way after the other, with whole times in between, twice.

        Each lasts until it has met with something: between the hook and the API server, the second
        time, with a deletion.

        Args:
            link: one of `links`, or `WIRE`.
            chance: decides about the order.
        """
        ways = [*WIRE_FAULTS] if link == WIRE else [*FAULTS]
        for again in (False, True):
            chance.shuffle(ways)
            for how in ways:
                self._fail(link, how, writes=again and link == "hook-api" and how != "refused")
                time.sleep(chance.uniform(1.0, 2.0))

    def _fail(self, link: str, how: str, *, writes: bool) -> None:
        met = self._met(link, how, writes=writes)
        begun = time.monotonic()
        self._set_fault(link, how, writes=writes)
        while (lasted := time.monotonic() - begun) < FAULT_SECONDS or (
            lasted < LONGEST_FAULT and self._met(link, how, writes=writes) == met
        ):
            time.sleep(0.1)
        self._set_fault(link, "", writes=False)

    def _met(self, link: str, how: str, *, writes: bool) -> int:
        return self.links[link].deletions[how] if writes else self.faults[link][how]

    def _set_fault(self, link: str, how: str, *, writes: bool) -> None:
        if link == WIRE:
            self.wire.fail(WIRE_FAULTS[how] if how else wire.Fault.NONE)
        else:
            self.links[link].fail(how, writes=writes)

    @property
    def faults(self) -> dict[str, Counter[str]]:
        """How often each fault of each network has happened so far."""
        wired = Counter({how: self.wire.injected[fault] for how, fault in WIRE_FAULTS.items()})
        return {**{name: link.injected for name, link in self.links.items()}, WIRE: wired}
