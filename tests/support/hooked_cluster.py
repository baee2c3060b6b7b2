"""A cluster in virtual time with the real hook in this process and our own manifests."""

import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from typing import Any

from flask import Flask

from dev.simulator.client import Interference
from dev.simulator.cluster import Conditions
from dev.simulator.metacontroller.process import Flags
from dev.simulator.objects import Object, annotations_of, copy
from dev.simulator.resources import EVENT, POD
from dev.simulator.scheduling import Clock, VirtualScheduler
from dev.simulator.webhooks import Answer, InProcess
from dev.simulator.writes import AuditEntry, DeleteOptions
from pod_diagnoser.cluster.evidence import ApiEvidenceFetcher
from pod_diagnoser.diagnosis.evidence import EvidenceFetcher
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.server.app import Parts, create_app
from pod_diagnoser.server.settings import Endpoints, Settings
from tests.support.cluster_fixture import (
    CONTROLLERS,
    CRDS,
    DIAGNOSER,
    LABEL,
    PREFIX,
    ClusterFixture,
)
from tests.support.simulated_api import connect

SECONDS_PER_BYTE = 27e-9
"""The hook debounces an answer for a PodDiagnoser by how long it took to work out. How long that
is here must not depend on this machine, so its size stands for it: 15 MB take 0.4 s."""

BOTH = (Endpoints.PODS, Endpoints.POD_DIAGNOSERS)


class Hook:
    """The real application, called through WSGI: a process for Pods and one for PodDiagnosers.

    Attributes:
        away: the processes to which connections are refused.
        calls: time, path and status of every call.
        clock: its own clock, which may be wrong.
    """

    def __init__(
        self,
        scheduler: VirtualScheduler,
        clock: Clock,
        reconciler: Callable[[], Reconciler] | None = None,
        evidence_fetcher: Callable[[], EvidenceFetcher] | None = None,
    ) -> None:
        self.away: set[Endpoints] = set()
        self.clock = clock
        self.calls: list[tuple[float, str, int]] = []
        self._scheduler = scheduler
        self._reconciler = reconciler
        self._evidence_fetcher = evidence_fetcher
        self._taken = self._total = 0.0
        self._debounced = 0.0
        self._apps = {part: self._start(part) for part in BOTH}

    @property
    def down(self) -> bool:
        """Whether neither process is there."""
        return self.away == set(BOTH)

    @down.setter
    def down(self, value: bool) -> None:
        self.away = set(BOTH) if value else set()

    def restart(self, *parts: Endpoints) -> None:
        """Restart processes, both if none is named, with empty caches."""
        for part in parts or BOTH:
            self._apps[part] = self._start(part)

    def _start(self, part: Endpoints) -> Flask:
        reconciler = self._reconciler() if self._reconciler is not None else None
        return create_app(
            Settings(endpoints=part),
            Parts(
                clock=self.clock.now,
                sleep=self._debounce,
                timer=self._timer,
                reconciler=reconciler,
                evidence_fetcher=self._evidence_fetcher()
                if self._evidence_fetcher is not None
                else None,
            ),
        )

    def _debounce(self, seconds: float) -> None:
        self._debounced += seconds

    def _timer(self) -> float:
        """Return a time that is later by what a request takes each time that it is asked for."""
        self._total += self._taken
        return self._total

    def __call__(self, path: str, body: bytes) -> Answer:
        """Answer a request, as dev.simulator.webhooks.Handler."""
        part = BOTH["poddiagnosers/" in path]
        if part in self.away:
            message = "dial tcp: connect: connection refused"
            raise ConnectionRefusedError(message)
        environment = {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": path,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "SERVER_NAME": "hook",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
        }
        started: list[tuple[str, list[tuple[str, str]]]] = []

        def start_response(status: str, headers: list[tuple[str, str]]) -> None:
            started.append((status, headers))

        self._taken, self._debounced = len(body) * SECONDS_PER_BYTE, 0.0
        content = b"".join(self._apps[part].wsgi_app(environment, start_response))  # type: ignore[arg-type]
        status, headers = started[0]
        code = int(status.split()[0])
        self.calls.append((self._scheduler.time(), path, code))
        sent = {name.lower(): value for name, value in headers}
        return Answer(code, content, sent, self._debounced)


class HookedCluster(ClusterFixture):
    """A cluster with Metacontroller and the hook.

    Args:
        seed: of delays and orders; None for the least delays and the order of names.
        interference: faults between the API server and its clients.
        evidence: whether the hook may read Events, and versions of templates.
        remediation: whether the hook may act.

    Attributes:
        hook: the hook.
        rest: the hook's connection to the API server.
    """

    def __init__(
        self,
        seed: int | None = None,
        interference: Interference | None = None,
        *,
        evidence: bool = False,
        remediation: bool = False,
    ) -> None:
        conditions = Conditions.calm() if seed is None else Conditions.seeded(seed)
        conditions.interference = interference
        super().__init__(CRDS, conditions)
        client, self.rest = connect(self.api)
        hook_clock = self.clock.skewed(timedelta(0))

        def reconciler() -> Reconciler:
            return Reconciler(client, hook_clock.now, "test", self.scheduler.time)

        def fetcher() -> EvidenceFetcher:
            return ApiEvidenceFetcher(client, self.scheduler.time, templates=client)

        self.hook = Hook(
            self.scheduler,
            hook_clock,
            reconciler if remediation else None,
            fetcher if evidence else None,
        )
        self._transport = InProcess(self.scheduler, conditions.timing, self.hook)
        self._writes_before = 0
        self.simulator.install(CONTROLLERS)
        self.restart_metacontroller()

    def restart_metacontroller(self, flags: Flags | None = None) -> None:
        """Let Metacontroller die and start again, with nothing in its caches."""
        self.simulator.start_metacontroller(self._transport, flags)

    def settle(self, seconds: float = 60.0) -> None:
        """Let time pass, and check that in the end no more is written."""
        self.run(seconds)
        self.forget_writes()
        self.run(30)
        assert not self.writes(), self.writes()

    # What is there

    def status(self, name: str = "d") -> Object:
        """Return a PodDiagnoser's status."""
        return self.store.get(DIAGNOSER, ("default", name)).get("status") or {}

    def count(self, name: str = "d") -> int:
        """Return how many Pods a PodDiagnoser says it diagnosed."""
        return int(self.status(name).get("diagnosedPods", 0))

    def annotations(self, name: str = "p") -> dict[str, str]:
        """Return our annotations of a Pod, without their prefix."""
        annotations = annotations_of(self.store.get(POD, ("default", name)))
        return {
            key.removeprefix(PREFIX): value
            for key, value in annotations.items()
            if key.startswith(PREFIX)
        }

    def label(self, name: str = "p") -> str | None:
        """Return whose Pod it is, by its label."""
        labels = self.store.get(POD, ("default", name))["metadata"].get("labels") or {}
        return labels.get(LABEL)

    # What was written

    def forget_writes(self) -> None:
        """Leave the writes so far out of what `writes` returns."""
        self._writes_before = len(self.store.audit)

    def writes(self) -> list[AuditEntry]:
        """Return Metacontroller's writes since `forget_writes`, refused ones included."""
        return [*self._writes_since(self._writes_before)]

    def writes_since_start(self) -> list[AuditEntry]:
        """Return all of Metacontroller's writes, refused ones included."""
        return [*self._writes_since(0)]

    def _writes_since(self, first: int) -> Iterator[AuditEntry]:
        for entry in self.store.audit[first:]:
            if entry.call.manager in {"metacontroller", "gc"}:
                yield entry


class ReportedCluster(HookedCluster):
    """A cluster in which the test reports what happens to Pods, in the kubelet's place."""

    def diagnoser(self, name: str = "d", **spec: Any) -> Object:
        """Create a PodDiagnoser."""
        return self.store.create(
            DIAGNOSER, {"metadata": {"name": name, "namespace": "default"}, "spec": spec}
        )

    def change(self, name: str = "d", **spec: Any) -> None:
        """Change a PodDiagnoser's spec."""
        self.store.patch(DIAGNOSER, ("default", name), {"spec": spec})

    def pod(self, name: str = "p", *, never: bool = False, **labels: str) -> Object:
        """Create a Pod that runs, with a liveness probe; never: its container is not restarted."""
        container = {"name": "app", "image": "app", "resources": {}, "livenessProbe": {"exec": {}}}
        pod = self.store.create(
            POD,
            {
                "metadata": {"name": name, "namespace": "default", "labels": labels},
                "spec": {
                    "nodeName": "far",
                    "restartPolicy": "Never" if never else "Always",
                    "containers": [container],
                },
            },
            manager="replicaset-controller",
        )
        self._report(name, {"running": {"startedAt": self.store.now()}}, {}, 0)
        return pod

    def crash(self, name: str = "p", code: int = 0, reason: str = "") -> None:
        """Report that the Pod's container ended and runs again, in the kubelet's two steps.

        Under restartPolicy Never it does not run again, and the Pod is over.
        """
        pod = self.store.get(POD, ("default", name))
        before = pod["status"]["containerStatuses"][0]
        count = before["restartCount"]
        ended = {
            "terminated": {
                "exitCode": code,
                "reason": reason or ("Error" if code else "Completed"),
                "startedAt": before["state"].get("running", {}).get("startedAt"),
                "finishedAt": self.store.now(),
                "containerID": f"containerd://{pod['metadata']['uid']}-{count}",
            }
        }
        if pod["spec"]["restartPolicy"] == "Never":
            phase = "Failed" if code else "Succeeded"
            self._report(name, ended, before["lastState"], count, phase=phase)
            return
        self._report(name, ended, before["lastState"], count)
        self._report(name, {"running": {"startedAt": self.store.now()}}, ended, count + 1)

    def probe_kill(self, name: str = "p", code: int = 0, late: float = 0.0) -> None:
        """Report that the container was killed for its liveness probe, and restarted.

        Args:
            name: the Pod's name.
            code: its exit code.
            late: seconds after which the Event is recorded.
        """
        pod = self.store.get(POD, ("default", name))
        now = self.store.now()
        self.scheduler.call_later(late, lambda: self._record_killing(pod, now))
        self.crash(name, code)

    def _record_killing(self, pod: Object, when: str) -> None:
        """Record the Event, or that it happened again."""
        metadata = pod["metadata"]
        key = ("default", f"{metadata['name']}.{metadata['uid']}")
        if (known := self.store.peek(EVENT, key)) is not None:
            again = {
                "count": known["count"] + 1,
                "firstTimestamp": min(known["firstTimestamp"], when),
                "lastTimestamp": max(known["lastTimestamp"], when),
            }
            self.store.patch(EVENT, key, again, manager="kubelet")
            return
        never = pod["spec"]["restartPolicy"] == "Never"
        consequence = "" if never else ", will be restarted"
        about = {"kind": "Pod", "fieldPath": "spec.containers{app}"}
        about |= {name: metadata[name] for name in ("namespace", "name", "uid")}
        event = {
            "metadata": {"namespace": key[0], "name": key[1]},
            "involvedObject": about,
            "type": "Normal",
            "reason": "Killing",
            "message": f"Container app failed liveness probe{consequence}",
            "source": {"component": "kubelet", "host": "far"},
            "firstTimestamp": when,
            "lastTimestamp": when,
            "count": 1,
        }
        self.store.create(EVENT, event, manager="kubelet")

    def wait(self, name: str, reason: str, message: str = "") -> None:
        """Report that the Pod's container cannot be started."""
        waiting = {"waiting": {"reason": reason, "message": message}}
        before = self.store.get(POD, ("default", name))["status"]["containerStatuses"][0]
        self._report(name, waiting, before["lastState"], before["restartCount"], phase="Pending")

    def start(self, name: str) -> None:
        """Report that the Pod's container runs after all."""
        before = self.store.get(POD, ("default", name))["status"]["containerStatuses"][0]
        running = {"running": {"startedAt": self.store.now()}}
        self._report(name, running, before["lastState"], before["restartCount"])

    def evict(self, name: str) -> None:
        """Report that the kubelet evicted the Pod."""
        pod = self.store.get(POD, ("default", name))
        before = pod["status"]["containerStatuses"][0]
        ended = {
            "terminated": {
                "exitCode": 137,
                "reason": "Error",
                "startedAt": before["state"].get("running", {}).get("startedAt"),
                "finishedAt": self.store.now(),
                "containerID": f"containerd://{pod['metadata']['uid']}-{before['restartCount']}",
            }
        }
        why = {"reason": "Evicted", "message": "The node was low on resource: memory. "}
        count = before["restartCount"]
        self._report(name, ended, before["lastState"], count, phase="Failed", **why)

    def _report(self, name: str, state: Object, last: Object, count: int, **whole: str) -> None:
        status = {
            "name": "app",
            "state": state,
            "lastState": last,
            "restartCount": count,
            "ready": "running" in state,
            "image": "app",
            "imageID": "",
        }
        pod = copy(self.store.get(POD, ("default", name)))
        pod["status"] = {"phase": "Running", **whole, "containerStatuses": [status]}
        self.store.update(POD, pod, subresource="status", manager="kubelet")

    def remove(self, name: str = "p") -> None:
        """Delete a Pod for good."""
        self.store.delete(POD, ("default", name), DeleteOptions(grace=0))

    def remove_diagnoser(self, name: str = "d") -> None:
        """Delete a PodDiagnoser."""
        self.store.delete(DIAGNOSER, ("default", name))
