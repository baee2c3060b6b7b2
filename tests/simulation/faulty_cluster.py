"""A cluster with faults, and the operations of a simulation run."""

import random
import zlib
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from dev.simulator.cluster import Conditions
from dev.simulator.errors import ApiError
from dev.simulator.metacontroller.process import Flags
from dev.simulator.objects import (
    Object,
    name_of,
    namespace_of,
    owners_of,
    parse_timestamp,
    uid_of,
)
from dev.simulator.resources import (
    EVENT,
    NAMESPACE,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    Resource,
)
from dev.simulator.scheduling import VirtualScheduler
from dev.simulator.timing import Delay, Timing
from dev.simulator.writes import DeleteOptions, key_of
from tests.simulation import specification as spec
from tests.simulation.faults import ANSWERS, CALLS, SKEWS, WRITES, Faults
from tests.simulation.node import Node
from tests.simulation.properties import Property, Watch
from tests.simulation.service import Replica, Service, skewed
from tests.simulation.simulation_run import SimulationRun
from tests.simulation.trace import Trace
from tests.support.cluster_fixture import (
    CONTROLLERS,
    CRDS,
    DIAGNOSER,
    HOUR,
    LABEL,
    TARGET,
    ClusterFixture,
)

PODS_PATHS, DIAGNOSERS_PATHS = "/pods/", "/poddiagnosers/"
"""What each of the hook's two Deployments serves."""

NAMES = ("d0", "d1")
"""Of PodDiagnosers."""

NAMESPACES = ("default", "elsewhere")
"""Where there are Pods and PodDiagnosers, of the same names."""

OUTSIDE = "outside"
"""Where there are Pods that no PodDiagnoser has to do with."""

KINDS: tuple[Object, ...] = (
    {"owner": "StatefulSet"},
    {"owner": "StatefulSet"},
    {"owner": "StatefulSet"},
    {"owner": "StatefulSet", "other": True},
    {"owner": "Deployment"},
    {},
    {"owner": "DaemonSet"},
    {"owner": "Job"},
    {"owner": "Node"},
    {"owner": "StatefulSet", "annotations": {spec.MIRROR: "x"}},
    {"owner": "StatefulSet", "annotations": {spec.OPT_OUT: "false"}},
    {"owner": "StatefulSet", "priority": "system-node-critical"},
)
"""Pods beside those of the ReplicaSet: whose they are, and what of them forbids to delete them."""

API_VERSIONS = {"Job": "batch/v1", "Node": "v1"}

TERMINATIONS = ((0, "Completed"), (1, "Error"), (137, "OOMKilled"), (137, "Error"), (143, "Error"))
"""How containers end; a program that is not there is no reason to replace its Pod."""

MISSING = (127, "Error")

POLICIES: tuple[Object, ...] = (
    {"minPodAgeSeconds": 0},
    {"minPodAgeSeconds": 0, "budget": {"pods": 1}},
    {"minPodAgeSeconds": 0, "budget": {"pods": 2, "windowSeconds": 60}, "coolDownSeconds": 10},
    {"minPodAgeSeconds": 0, "coolDownSeconds": 10, "maxAttempts": 2},
    {"minPodAgeSeconds": 30},
    {"minPodAgeSeconds": 0, "budget": {"pods": 1, "windowSeconds": 600}, "coolDownSeconds": 120},
)
ACTIONS = ("RestartPod",) * 6 + ("EvictPod",) * 2 + ("LogEvent",) * 3 + ("",)
EDITS: tuple[Object, ...] = (
    {"remediation": {"paused": True}},
    {"remediation": {"paused": False}},
    {"remediation": {"dryRun": True}},
    {"remediation": {"dryRun": False}},
    {"remediation": {"budget": {"pods": 1, "windowSeconds": 3600}}},
    {"remediation": {"budget": {"pods": 1}}},
    {"remediation": {"budget": {"pods": 5}}},
    {"remediation": {"coolDownSeconds": 300}},
    {"remediation": {"coolDownSeconds": 10}},
    {"remediation": {"causes": ["Completed"]}},
    {"remediationAction": "RestartPod"},
    {"remediationAction": "EvictPod"},
    {"remediationAction": "LogEvent"},
    {"remediationAction": ""},
    {"enableAnnotations": False},
    {"enableAnnotations": True},
    {"targetLabels": {"app": "a"}},
    {"targetLabels": {"app": "b"}},
    {"targetLabels": {"app": None}},
)

_NO_FILTERS: Object = {"ignore": None, "thresholds": None}
FILTERS: tuple[Object, ...] = (
    {},
    {"ignore": {"cleanExits": True}},
    {"ignore": {"causes": ["Killed"]}},
    {"ignore": {"causes": ["Terminated", "OutOfMemory"], "exitCodes": [1]}},
    {"ignore": {"containers": ["side"]}},
    {"thresholds": [{"container": "*", "restarts": 2, "withinSeconds": 600}]},
    {"thresholds": [{"container": "app", "restarts": 3, "withinSeconds": 86400}]},
)
"""spec.ignore and spec.thresholds of PodDiagnosers."""

SECRET = "hunter" + "2"
_TRACE = f"""Traceback (most recent call last):
  File "/app/main.py", line 1, in <module>
ConnectionRefusedError: postgres://app:{SECRET}@db:5432/shop: connection refused
"""
LOGS = (
    b"",
    b"serving on :8080\n",
    _TRACE.encode(),
    b'{"level":"fatal","msg":"cannot start","error":"listen tcp :80: address already in use"}\n',
)
"""What containers write: nothing, nothing that explains an end, or a reason."""


def log_of(pod: Object, container: str, /, *, previous: bool) -> bytes:
    """Return the log of a container, the same at each time."""
    del previous
    return LOGS[zlib.crc32(f"{uid_of(pod)} {container}".encode()) % len(LOGS)]


_SLOW = {
    "to_server": Delay(0.001, 0.6),
    "to_client": Delay(0.001, 0.6),
    "watch": Delay(0.001, 2.0),
    "to_hook": Delay(0.001, 0.4),
    "from_hook": Delay(0.001, 0.4),
}
TEMPLATE = {"app": "a", "pod-template-hash": "7d9f"}
EVERY, OF_WHICH = 13, 12
"""In which runs, by their seeds, the hook may read the versions of templates."""

CONTAINERS: tuple[Object, ...] = tuple(
    {"name": name, "image": name, "resources": {}, "livenessProbe": {"exec": {}}}
    for name in ("app", "side")
)


class FaultyCluster(ClusterFixture):
    """The cluster of a simulation run, and the operations that can happen in it.

    Attributes:
        misled: whether a clock of the hook was ever wrong by as long as a Pod keeps the label.
        ahead: whether a clock of the hook was ever ahead.
        jumped: whether the node's clock was ever set.
    """

    def __init__(self, simulation: SimulationRun, *, readable: bool = False) -> None:
        setting = self.setting = simulation.setting
        rng = random.Random(simulation.seed)
        self.rng = random.Random(rng.getrandbits(64))
        timing_rng = random.Random(rng.getrandbits(64))
        self.misled = self.ahead = self.jumped = False
        self._ended = False
        scheduler = VirtualScheduler()
        self.trace = Trace(scheduler.time, readable=readable)
        self.faults = Faults(scheduler.time)
        timing = Timing(timing_rng, **(_SLOW if setting.slow else {}))
        conditions = Conditions(
            random.Random(rng.getrandbits(64)),
            timing,
            lateness=self.faults,
            event_ttl=setting.event_ttl,
        )
        super().__init__(CRDS, conditions, scheduler=scheduler)
        self.logs = log_of
        self.watch = Watch(self.store, self.clock.now, self.faults, self.trace)
        self.watch.punctual = not setting.slow
        self.simulator.network.interference = self.watch
        node_clock = self.clock.skewed(timedelta(0))
        self.node = Node(
            self.store,
            self.scheduler,
            node_clock,
            random.Random(rng.getrandbits(64)),
        )
        self.service = Service(
            self.scheduler,
            timing,
            self.api,
            faults=self.faults,
            watcher=self.watch,
            trace=self.trace,
            # A rule, and no draw: what else happens in a run stays as it was.
            reads_templates=simulation.seed % EVERY == OF_WHICH,
        )
        self.service.replicas = [
            Replica(self.service, number, self.clock.skewed(timedelta(0)))
            for number in range(setting.replicas)
        ]
        self.simulator.install(CONTROLLERS)
        self.simulator.definitions = [
            replace(
                definition,
                resync_period=None if definition.resync_period is None else setting.resync,
            )
            if setting.resync is not None
            else definition
            for definition in self.simulator.definitions
        ]
        self.flags = Flags(workers=setting.workers, cache_flush_interval=setting.flush)
        for name in (*NAMESPACES[1:], OUTSIDE):
            self.store.create(NAMESPACE, {"metadata": {"name": name}})
        self.start_metacontroller()

    # Running

    def run(self, seconds: float = 10.0) -> None:
        """Let virtual time pass, until a property is violated."""
        reached = False

        def end() -> None:
            nonlocal reached
            reached = True

        self.scheduler.call_later(seconds, end)
        violations, step = self.watch.violations, self.scheduler.step
        while not reached and not violations:
            self.watch.writer = ""  # the watch is not called at the end of a refused call
            step()

    def start_metacontroller(self) -> None:
        """Start Metacontroller; one that runs dies first."""
        self.simulator.start_metacontroller(self.service, self.flags)

    def begin(self) -> None:
        """Create some Pods and a PodDiagnoser."""
        numbers = [self.rng.randrange(1000) for _ in range(6)]
        action = self.setting.action
        which = numbers[1] if action is None else ACTIONS.index(action)
        for place, namespace in enumerate(NAMESPACES[: self.setting.namespaces]):
            self._replica_set(namespace, 1 if place else self.setting.pods)
            self._create_diagnoser(namespace, NAMES[0], which + place, numbers[2])
            self._create_pod(namespace, numbers[3], 0, 0)
        if numbers[4] % 2:
            self.create_pod(numbers[5], 1, 1)
        if numbers[4] % 5 == 0:
            self._pod("p0", OUTSIDE, {"owner": "StatefulSet"})

    def perform(self, name: str, args: tuple[int, int, int]) -> None:
        """Perform an operation."""
        self.trace.add(f"* {name} {args}")
        try:
            getattr(self, name)(*args)
        except ApiError as error:
            self.trace.add(f"  refused: {error}")

    def end_faults(self) -> None:
        """End all faults."""
        self.trace.add("* faults end")
        self._ended = True
        self.faults.end()
        self.watch.on_plan.clear()
        self.watch.on_read.clear()
        self.watch.on_written.clear()
        for replica in self.service.replicas:
            skewed(replica.clock, 0)
            replica.start()
        skewed(self.node.clock, 0)
        for budget in self.store.select(POD_DISRUPTION_BUDGET):
            self.store.delete(POD_DISRUPTION_BUDGET, key_of(budget))
        if self.simulator.metacontroller is None:
            self.start_metacontroller()

    # Pods

    def _containers(self) -> list[Object]:
        return list(CONTAINERS[: self.setting.containers])

    def _replica_set(self, namespace: str, replicas: int) -> None:
        """Create a ReplicaSet; in some runs that of a Deployment, and the one which it replaced."""
        metadata: Object = {"name": "rs", "namespace": namespace}
        if self.service.reads_templates:
            metadata |= self._of_deployment(2)
            former = {**TEMPLATE, "pod-template-hash": "former"}
            meta = {"name": "former", "namespace": namespace, **self._of_deployment(1)}
            self._create_replica_set(meta, former, "former", 0)
        self._create_replica_set(metadata, TEMPLATE, "", replicas)

    def _of_deployment(self, revision: int) -> Object:
        """Return the metadata by which a ReplicaSet is a version of a Deployment's template."""
        deployment = {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "name": "d",
            "uid": "deployment",
            "controller": True,
        }
        return {
            "annotations": {"deployment.kubernetes.io/revision": str(revision)},
            "ownerReferences": [deployment],
        }

    def _create_replica_set(
        self, metadata: Object, labels: Object, image: str, replicas: int
    ) -> None:
        containers = [
            {**each, **({"image": image} if image else {})} for each in self._containers()
        ]
        template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        self.store.create(REPLICA_SET, {"metadata": metadata, "spec": spec})

    def _pod(self, name: str, namespace: str, kind: Object, uid: str = "") -> None:
        if self.store.peek(POD, (namespace, name)) is not None:
            return
        owner = {
            "apiVersion": API_VERSIONS.get(kind.get("owner", ""), "apps/v1"),
            "kind": kind.get("owner", ""),
            "name": "own",
            "uid": f"uid-of-{kind.get('owner', '')}-{kind.get('other', False)}{uid}",
            "controller": True,
        }
        metadata: Object = {
            "name": name,
            "namespace": namespace,
            "labels": {"app": "a"},
            "annotations": dict(kind.get("annotations") or {}),
        }
        if kind.get("owner"):
            metadata["ownerReferences"] = [owner]
        pod_spec: Object = {"nodeName": "far", "containers": self._containers()}
        if "priority" in kind:
            pod_spec["priorityClassName"] = kind["priority"]
        self.store.create(POD, {"metadata": metadata, "spec": pod_spec})

    def _pods(self) -> list[Object]:
        return self.store.select(POD)

    def _some_pod(self, number: int, *, running: bool = False) -> Object | None:
        pods = [
            pod
            for pod in self._pods()
            if namespace_of(pod) != OUTSIDE and (not running or self.node.running(pod))
        ]
        return pods[number % len(pods)] if pods else None

    def crash(self, number: int, how: int, probe: int) -> None:
        """End one of a Pod's containers; the kubelet starts it again."""
        pod = self._some_pod(number, running=True)
        if pod is not None:
            self._crash(pod, how, probe)

    def crash_all(self, how: int, which: int, _: int) -> None:
        """End a container of all Pods at once, or all of them."""
        for pod in self._pods():
            self._crash(pod, how, 0)
            if which % 3 == 2:
                self._crash(pod, how + which, 6)

    def _crash(self, pod: Object, how: int, probe: int) -> None:
        code, reason = MISSING if how % 17 == 16 else TERMINATIONS[how % len(TERMINATIONS)]
        by_probe = probe % 6 == 5 and reason == "Error" and code > 1
        containers = pod["spec"]["containers"]
        container = containers[probe // 6 % len(containers)]["name"]
        if self.node.crash(pod, container, code, reason, probe=by_probe):
            how_it_ended = f"{reason}/{code}{' by its probe' * by_probe}"
            self.trace.add(f"  {'/'.join(key_of(pod))} {container} {how_it_ended}")

    def create_pod(self, name: int, kind: int, other: int) -> None:
        """Create a Pod beside those of the ReplicaSet, perhaps of a name that was used before."""
        self._create_pod(self._namespace(other // 4), name, kind, other)

    def _create_pod(self, namespace: str, name: int, kind: int, other: int) -> None:
        which = KINDS[(name + kind) % len(KINDS)]
        self._pod(f"p{(name + other) % 4}", namespace, which)

    def _namespace(self, number: int) -> str:
        return NAMESPACES[number % self.setting.namespaces]

    def delete_pod(self, number: int, force: int, _: int) -> None:
        """Delete a Pod."""
        pod = self._some_pod(number)
        if pod is not None:
            grace = 0 if force % 2 else None
            self.store.delete(POD, key_of(pod), DeleteOptions(grace=grace))

    def replace_pod(self, number: int, crash: int, __: int) -> None:
        """Replace a Pod by another one of its name, as a StatefulSet does."""
        pods = [
            pod
            for pod in self._pods()
            if name_of(pod).startswith("p") and namespace_of(pod) != OUTSIDE
        ]
        if not pods:
            return
        self._replace(pods[number % len(pods)], crash)

    def _replace(self, pod: Object, crash: int) -> None:
        self.store.delete(POD, key_of(pod), DeleteOptions(grace=0))
        metadata = {
            "name": name_of(pod),
            "namespace": pod["metadata"]["namespace"],
            "labels": {"app": "a"},
            "ownerReferences": owners_of(pod),
        }
        if not owners_of(pod):
            del metadata["ownerReferences"]
        new = self.store.create(
            POD,
            {
                "metadata": metadata,
                "spec": {"nodeName": "far", "containers": self._containers()},
            },
        )
        if crash % 2:
            self.scheduler.call_later(1.0, lambda: self._crash(new, crash, 0))

    def edit_pod(self, number: int, what: int, _: int) -> None:
        """Write something on a Pod."""
        pod = self._some_pod(number)
        if pod is None:
            return
        changes: tuple[Object, ...] = (
            {"labels": {"app": "b"}},
            {"labels": {"app": "a"}},
            {"annotations": {"note": str(what)}},
            {"annotations": {spec.OPT_OUT: "false"}},
            {"annotations": {spec.OPT_OUT: None}},
            {"labels": {LABEL: NAMES[what % 2]}},
            {"labels": {LABEL: None}},
        )
        change = changes[what % len(changes)]
        self.store.patch(POD, key_of(pod), {"metadata": change}, manager="people")

    # PodDiagnosers

    def create_diagnoser(self, name: int, action: int, policy: int) -> None:
        """Create a PodDiagnoser."""
        namespace = self._namespace(name // 4)
        which = NAMES[name % 4 % 3 % 2] if self.store.select(DIAGNOSER, namespace) else NAMES[0]
        self._create_diagnoser(namespace, which, action, policy)

    def _create_diagnoser(self, namespace: str, name: str, action: int, policy: int) -> None:
        if self.store.peek(DIAGNOSER, (namespace, name)) is not None:
            return
        filters = FILTERS[policy // 6 % len(FILTERS)] if self.setting.filters else {}
        self.store.create(
            DIAGNOSER,
            {
                "metadata": {"name": name, "namespace": namespace},
                "spec": {
                    "targetLabels": {} if policy % 3 == 0 else {"app": "a"},
                    "remediationAction": ACTIONS[action % len(ACTIONS)],
                    "remediation": POLICIES[policy % len(POLICIES)],
                    **({"evidence": {"reason": True}} if self.setting.reason else {}),
                    **filters,
                },
            },
        )

    def _some_diagnoser(self, number: int) -> Object | None:
        found = self.store.select(DIAGNOSER)
        return found[number % len(found)] if found else None

    def edit_diagnoser(self, number: int, what: int, _: int) -> None:
        """Change a PodDiagnoser's spec."""
        diagnoser = self._some_diagnoser(number)
        if diagnoser is None:
            return
        if self.setting.filters and what // len(EDITS) % 4 == 0:
            self._edit(diagnoser, {**_NO_FILTERS, **FILTERS[what % len(FILTERS)]})
        else:
            self._edit(diagnoser, EDITS[what % len(EDITS)])

    def _edit(self, diagnoser: Object, change: Object) -> None:
        self.trace.add(f"  {'/'.join(key_of(diagnoser))}: {change}")
        self.store.patch(DIAGNOSER, key_of(diagnoser), {"spec": change})

    def delete_diagnoser(self, number: int, _: int, __: int) -> None:
        """Delete a PodDiagnoser."""
        diagnoser = self._some_diagnoser(number)
        if diagnoser is not None:
            self.store.delete(DIAGNOSER, key_of(diagnoser))

    def swap_diagnoser(self, number: int, action: int, policy: int) -> None:
        """Delete a PodDiagnoser and create another one of its name at once."""
        diagnoser = self._some_diagnoser(number)
        if diagnoser is not None:
            self.store.delete(DIAGNOSER, key_of(diagnoser))
            self._create_diagnoser(namespace_of(diagnoser), name_of(diagnoser), action, policy)

    def budget(self, seconds: int, _: int, __: int) -> None:
        """Have a PodDisruptionBudget that allows no eviction, for some time."""
        namespace = self._namespace(seconds // 3)
        key = (namespace, "pdb")
        metadata = {"name": "pdb", "namespace": namespace}
        budget = {"minAvailable": 1000, "selector": {"matchLabels": {"app": "a"}}}
        self.store.create(POD_DISRUPTION_BUDGET, {"metadata": metadata, "spec": budget})

        def over() -> None:
            if self.store.peek(POD_DISRUPTION_BUDGET, key) is not None:
                self.store.delete(POD_DISRUPTION_BUDGET, key)

        self.scheduler.call_later((20.0, 50.0, 100.0)[seconds % 3], over)

    # Faults

    def rest(self, _: int, __: int, ___: int) -> None:
        """Nothing happens."""

    def kill_hook(self, number: int, down: int, _: int) -> None:
        """Kill a process of the hook."""
        replicas = self.service.replicas
        self.faults.injected["hook killed"] += 1
        seconds = (0.0, 0.5, 5.0, 60.0, 150.0)[down % 5]
        if number % 5 == 0:
            for replica in replicas:
                replica.kill(seconds)
        else:
            replicas[number % len(replicas)].kill(seconds)

    def leave(self, which: int, _: int, __: int) -> None:
        """Have one of the hook's Deployments be away, or both: nothing reaches it."""
        self.faults.injected["hook away"] += 1
        parts = ((PODS_PATHS,), (DIAGNOSERS_PATHS,), (PODS_PATHS, DIAGNOSERS_PATHS))
        self.faults.away = parts[which % 3]

    def restart_at_once(self, _: int, __: int, ___: int) -> None:
        """Restart Metacontroller, which lists everything as it is now."""
        self.faults.injected["Metacontroller restarted"] += 1
        self.start_metacontroller()

    def come_back(self, restarted: int, _: int, __: int) -> None:
        """Have the hook be there again, as other processes or the same."""
        self.faults.away = ()
        if restarted:
            for replica in self.service.replicas:
                replica.kill(0.0)

    def check_return(self, _: int, __: int, ___: int) -> None:
        """Check that all Pods are annotated that crashed in an outage, and all are counted."""
        diagnosers = self.store.select(DIAGNOSER)
        crashed: Counter[str] = Counter()
        for pod in self._pods():
            owner = spec.claiming_diagnoser(diagnosers, pod)
            if owner is None or not spec.reportable_crashes(owner, pod, self.node.probed):
                continue
            crashed[uid_of(owner)] += 1
            if not spec.shown(pod):
                self.watch.broken(Property.RETURN, f"Pod {name_of(pod)} shows nothing")
        for diagnoser in diagnosers:
            count = (diagnoser.get("status") or {}).get("diagnosedPods", 0)
            if count < crashed[uid_of(diagnoser)]:
                problem = f"{name_of(diagnoser)} counts {count} of {crashed[uid_of(diagnoser)]}"
                self.watch.broken(Property.RETURN, problem)

    def fail(self, place: int, skip: int, how: int) -> None:
        """Have the n-th call, answer or write from now fail."""
        name, kinds = (("call", CALLS), ("answer", ANSWERS), ("write", WRITES))[place]
        self.faults.arm(name, skip, kinds[how])

    def fail_call(self, skip: int, how: int, _: int) -> None:
        """Have one of the hook's next calls fail."""
        self.faults.arm("call", skip % 6, CALLS[how % len(CALLS)])

    def fail_deletion(self, skip: int, how: int, _: int) -> None:
        """Have one of the hook's next deletions or evictions fail."""
        self.faults.arm("deletion", skip % 2, CALLS[how % len(CALLS)])

    def interfere_later(self, seconds: float, act: Callable[[], None]) -> None:
        """Have something happen after a while, unless the faults have ended by then."""
        self.scheduler.call_later(seconds, lambda: None if self._ended else act())

    def ambush_plan(self, what: int, how: int, delay: int) -> None:
        """Have something happen as soon as the next plan is stored."""

        def interfere(diagnoser: Object, entry: Object) -> None:
            self.faults.injected["something between plan and deletion"] += 1
            wait = (0.0, 0.0, 0.004, 0.012, 0.03)[delay % 5]
            self.interfere_later(wait, lambda: self._ambush(diagnoser, entry, what, how))

        self.watch.on_plan.append(interfere)

    def _ambush(self, diagnoser: Object, entry: Object, what: int, how: int) -> None:
        key = (namespace_of(diagnoser), str(entry["pod"]))
        pod = self.store.peek(POD, key)
        acts: tuple[tuple[str, tuple[int, int, int]], ...] = (
            ("kill_hook", (0, how, 0)),
            ("stop_metacontroller", (how, 0, 0)),
            ("fail_deletion", (0, how, 0)),
            ("fail_answer", (0, how, 0)),
            ("fail_write", (0, how, 0)),
            ("set_hook_clock", (how, how, 0)),
        )
        choice = what % (len(acts) + 6)
        if choice < len(acts):
            self.perform(*acts[choice])
            return
        self.trace.add(f"* ambush {choice} of {key[1]}")
        current = self.store.peek(DIAGNOSER, key_of(diagnoser))
        if choice <= len(acts) + 1 and current is not None:
            self._edit(current, EDITS[(0, 2, 4, 7, 9, 11, 12, 14, 17)[how % 9]])
        elif pod is None:
            return
        elif choice == len(acts) + 2:
            added = ({spec.OPT_OUT: "false"}, {"note": str(how)})[how % 2]
            self.store.patch(POD, key, {"metadata": {"annotations": added}}, manager="people")
        elif choice == len(acts) + 3:
            labels: Object = ({LABEL: None}, {"app": "b"})[how % 2]
            self.store.patch(POD, key, {"metadata": {"labels": labels}}, manager="people")
        elif choice == len(acts) + 4:
            self._replace(pod, 1 + how * 2)
        else:
            self._crash(pod, how, 0)

    def ambush_read(self, what: int, how: int, delay: int) -> None:
        """Have something happen to the next Pod that the hook reads, before it acts."""

        def interfere(pod: Object) -> None:
            self.faults.injected["something between read and deletion"] += 1
            wait = (0.0, 0.0, 0.002)[delay % 3]
            self.interfere_later(wait, lambda: self._surprise(pod, what, how))

        self.watch.on_read.append(interfere)

    def _surprise(self, pod: Object, what: int, how: int) -> None:
        if self.store.peek(POD, key_of(pod)) is None:
            return
        self.trace.add(f"* surprise {what % 3} of {name_of(pod)}")
        if what % 3 == 0:
            self._replace(pod, 1 + how * 2)
        elif what % 3 == 1:
            change = {"annotations": {spec.OPT_OUT: "false"}}
            self.store.patch(POD, key_of(pod), {"metadata": change}, manager="people")
        else:
            self._crash(pod, how, 0)

    def fail_answer(self, skip: int, how: int, _: int) -> None:
        """Have one of the hook's next answers fail."""
        self.faults.arm("answer", skip % 8, ANSWERS[how % len(ANSWERS)])

    def fail_write(self, skip: int, how: int, more: int) -> None:
        """Have some of Metacontroller's next writes fail."""
        for number in range(1 + more % 3):
            self.faults.arm("write", skip % 5 + number, WRITES[how % len(WRITES)])

    def repeat_request(self, number: int, _: int, __: int) -> None:
        """Send an old request to the hook once more."""
        requests = [one for one in self.service.requests if one[0].endswith("/sync")]
        if requests:
            self.faults.injected["old request repeated"] += 1
            self.service.repeat(*requests[number % len(requests)])

    def stall(self, which: int, seconds: int, _: int) -> None:
        """Delay the watch events of a kind that Metacontroller gets."""
        kinds: tuple[Resource, ...] = (POD, DIAGNOSER, TARGET)
        self.faults.stall(kinds[which % 3], (0.5, 3.0, 20.0, 130.0, 700.0)[seconds % 5])

    def relist(self, which: int, _: int, __: int) -> None:
        """End Metacontroller's watches: their pending events are lost, and it lists again."""
        if self.simulator.metacontroller is None:
            return
        self.faults.injected["watch ended and listed anew"] += 1
        kinds = (POD, DIAGNOSER, TARGET)
        for informer in self.simulator.metacontroller.informers.all:
            if which % 4 == 3 or informer.resource is kinds[which % 4]:
                informer.relist()

    def restart_metacontroller(self, age: int, which: int, _: int) -> None:
        """Restart Metacontroller; its first lists may show the past."""
        self.faults.injected["Metacontroller restarted"] += 1
        seconds = (0.0, 1.0, 30.0, 600.0)[age % 4]
        if seconds:
            for number, resource in enumerate((POD, DIAGNOSER, TARGET)):
                if which >> number & 1:
                    self.faults.show_past(resource, seconds)
        self.start_metacontroller()

    def stop_metacontroller(self, down: int, _: int, __: int) -> None:
        """Stop Metacontroller for some time."""
        if self.simulator.metacontroller is None:
            return
        self.faults.injected["Metacontroller stopped"] += 1
        self.simulator.stop_metacontroller()

        def again() -> None:
            if self.simulator.metacontroller is None:
                self.start_metacontroller()

        self.scheduler.call_later((2.0, 130.0, 700.0, 2000.0)[down % 4], again)

    def set_hook_clock(self, number: int, seconds: int, _: int) -> None:
        """Set the clock of a process of the hook wrong."""
        replica = self.service.replicas[number % len(self.service.replicas)]
        self.faults.injected["hook's clock set"] += 1
        skew = SKEWS[seconds % len(SKEWS)]
        self.misled = self.misled or abs(skew) >= HOUR
        self.ahead = self.ahead or skew > 0
        skewed(replica.clock, skew)

    def set_node_clock(self, seconds: int, _: int, __: int) -> None:
        """Set the node's clock wrong."""
        self.faults.injected["node's clock set"] += 1
        self.jumped = True
        skewed(self.node.clock, SKEWS[seconds % len(SKEWS)])

    def expire_events(self, _: int, __: int, ___: int) -> None:
        """Let Events expire that are older than the promise needs them."""
        limit = self.clock.now() - timedelta(seconds=1860)
        for event in self.store.select(EVENT):
            if parse_timestamp(event["metadata"]["creationTimestamp"]) < limit:
                self.faults.injected["Event expired"] += 1
                self.store.delete(EVENT, key_of(event))

    def outage(self, how: int, seconds: int, _: int) -> None:
        """Have every call of the hook fail for some time."""
        kinds = ("refused connection", "no answer and no effect", "status 403", "status 503")
        self.faults.outage = kinds[how % len(kinds)]

        def over() -> None:
            self.faults.outage = ""

        self.scheduler.call_later((5.0, 60.0, 200.0)[seconds % 3], over)

    def cut_bodies(self, size: int, seconds: int, _: int) -> None:
        """Have the hook read less of what is related to a PodDiagnoser, for some time."""
        self.faults.injected["bodies cut"] += 1
        self.faults.max_related = (3_000, 5_000, 7_500, 12_000)[size % 4]

        def over() -> None:
            self.faults.max_related = None

        self.scheduler.call_later((5.0, 60.0, 300.0)[seconds % 3], over)
