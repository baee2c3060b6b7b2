"""A cluster for drills, in memory: it answers as kubectl does, and Pods crash as they are asked to.

Time passes only where the drill waits.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Self

from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.drill.clock import Clock
from pod_diagnoser.cli.sources.kubectl import KubectlError
from tests.support.builders import UID, after, pod, terminated

Json = dict[str, Any]

DRILL_CAUSES = {
    "exit-code": "ApplicationError",
    "out-of-memory": "OutOfMemory",
    "liveness-probe": "LivenessProbeFailed",
    "image": "ImagePullFailed",
    "configmap": "ConfigurationError",
}
"""What a drill's workloads show in the end."""

_KINDS = ("poddiagnosers", "clusterpoddiagnosers", "diagnosistargets")
_CLUSTER_UID = "c0ffee00-0000-4000-8000-000000000000"

_NO_POD = {
    "status": {"conditions": [{"type": "ReplicaFailure", "message": "exceeded quota: small"}]}
}
_SERVICE = {
    "metadata": {"namespace": "pod-diagnoser-system", "name": "pod-diagnoser-poddiagnosers"},
    "spec": {"ports": [{"name": "metrics"}]},
}


class FakeClock(Clock):
    """Seconds that pass where they are waited for."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def now(self) -> float:
        """Return the seconds that were waited for."""
        return self.seconds

    def sleep(self, seconds: float) -> None:
        """Let them pass."""
        self.seconds += seconds


class _Answer:
    """A call of kubectl that is over."""

    def __init__(self, result: "Sequence[Json] | str | KubectlError") -> None:
        self._result = result
        self._is_read = False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Do nothing."""

    def objects(self) -> Iterator[bytes]:
        """Yield what was asked for."""
        found = self._checked()
        yield from (json.dumps(each).encode() for each in found)

    def read(self, size: int) -> bytes:
        """Return what is printed, once."""
        text = self._result if isinstance(self._result, str) and not self._is_read else ""
        self._is_read = True
        return text.encode()[:size]

    def tail(self, _: int) -> bytes:
        """Check that it went well."""
        self._checked()
        return b""

    def _checked(self) -> Sequence[Any]:
        if isinstance(self._result, KubectlError):
            raise self._result
        return self._result


def _error(kind: str, message: str = "") -> KubectlError:
    return KubectlError(message or f"that is {kind}", kind)


class DrillStandIn:
    """Stands in for `Kubectl` and the cluster behind it.

    Attributes:
        installed: whether the operator's kinds are there.
        hook: whether the operator writes anything.
        evidence: whether it may read Events.
        creates_events: whether it may create them.
        state_metrics: ``ok``, ``empty``, ``refused`` or ``unreachable``.
        cluster_diagnoser: the spec of a ClusterPodDiagnoser that selects all, or None.
        crashes: whether Pods crash; None where none is created.
        refused: command lines that have all words of one of these are forbidden.
        prometheus: what Prometheus answers, by path; it is behind the Service monitoring/p:web.
        namespaces: those that are there.
        stuck: whether namespaces stay when they are deleted.
        has_diagnoser: whether the drill made a PodDiagnoser.
        calls: the command lines.
    """

    def __init__(self, clock: FakeClock) -> None:
        self._clock = clock
        self.installed = self.hook = self.evidence = self.creates_events = True
        self.state_metrics = "ok"
        self.cluster_diagnoser: Json | None = None
        self.crashes: bool | None = True
        self.refused: list[str] = []
        self.prometheus: dict[str, Json] = {}
        self.namespaces: dict[str, Json] = {}
        self.stuck = False
        self.calls: list[str] = []
        self._deployed_at: float | None = None
        self._deployments: dict[str, Json] = {}
        self.has_diagnoser = False

    def start(self, *arguments: str) -> _Answer:
        """Answer a command line."""
        return _Answer(self._result(arguments, {}))

    def get(self, what: str, *arguments: str) -> _Answer:
        """Answer what asks for objects."""
        return _Answer(self._result(("get", what, *arguments), {}))

    def send(self, document: Mapping[str, Any], *arguments: str) -> _Answer:
        """Answer what sends an object."""
        return _Answer(self._result(arguments, dict(document)))

    def _result(self, arguments: Sequence[str], document: Json) -> Any:
        line = " ".join(arguments)
        self.calls.append(line)
        if any(all(word in line for word in words.split()) for words in self.refused):
            return _error("forbidden", f"{line}: is forbidden")
        verb = arguments[0]
        if verb == "auth":
            return "yes"
        if verb == "create":
            return self._create(document)
        if verb == "delete":
            return self._delete(line, document)
        return self._raw(arguments[2]) if arguments[1] == "--raw" else self._get(arguments, line)

    def _create(self, document: Json) -> Any:
        kind = document["kind"]
        if kind == "Namespace":
            metadata = document["metadata"]
            self.namespaces[metadata["name"]] = {
                **document,
                "metadata": {**metadata, "uid": f"uid-of-{metadata['name']}"},
            }
        elif kind == "PodDiagnoser":
            self.has_diagnoser = True
        else:
            self._deployed_at = self._clock.now()
            self._deployments = {each["metadata"]["name"]: each for each in document["items"]}
        return ""

    def _delete(self, line: str, document: Json) -> Any:
        if "--raw" not in line:
            return ""
        name = line.partition("/namespaces/")[2].split()[0]
        found = self.namespaces.get(name)
        if found is None:
            return _error("not found")
        assert document["preconditions"]["uid"] == found["metadata"]["uid"]
        if not self.stuck:
            del self.namespaces[name]
        return ""

    def _get(self, arguments: Sequence[str], line: str) -> Any:
        kind = arguments[1].partition(".")[0]
        if kind == "namespaces":
            return self._get_namespaces(arguments[2])
        if kind == "prometheusrules" or (kind in _KINDS and not self.installed):
            return _error("no such kind")
        if kind == "pods" and "--all-namespaces" in line:
            return []
        return {
            "pods": self._pods,
            "events": self._events,
            "deployments": lambda: [_NO_POD],
            "services": lambda: [_SERVICE],
            "poddiagnosers": self._diagnosers,
            "clusterpoddiagnosers": self._cluster_diagnosers,
            "diagnosistargets": self._targets,
        }[kind]()

    def _get_namespaces(self, which: str) -> Any:
        if which.startswith("--selector"):
            return list(self.namespaces.values())
        found = self.namespaces.get(which)
        return [found] if found else _error("not found")

    @property
    def namespace(self) -> str:
        """The namespace of the drill."""
        return next(iter(self.namespaces))

    def _cause(self, name: str) -> str:
        is_half = name == "liveness-probe" and not self.evidence
        return "Killed" if is_half else DRILL_CAUSES[name]

    def _pods(self) -> list[Json]:
        if self._deployed_at is None or self.crashes is None:
            return []
        shows = self.hook and self._clock.now() - self._deployed_at >= 2
        found = []
        for number, name in enumerate(DRILL_CAUSES, 1):
            cause = self._cause(name)
            annotations = {"diagnostics.local.io/cause": cause} if shows else None
            made = pod(
                container_status(name) if self.crashes else _running(),
                name=f"{name}-5d4c-x1",
                number=number,
                labels={"app": name},
                annotations=annotations,
            )
            made["metadata"]["namespace"] = self.namespace
            made["spec"] |= self._deployments[name]["spec"]["template"]["spec"]
            made["status"]["phase"] = "Running"
            found.append(made)
        return found

    def _events(self) -> list[Json]:
        found = []
        for each in self._pods():
            name, uid = each["metadata"]["labels"]["app"], each["metadata"]["uid"]
            about = {"kind": "Pod", "uid": uid, "fieldPath": "spec.containers{app}"}
            if name == "liveness-probe" and self.crashes:
                killing = "Container app failed liveness probe, will be restarted"
                for reason, message in (
                    ("Unhealthy", "Liveness probe failed: this drill is never alive"),
                    ("Killing", killing),
                ):
                    found.append(_event(about, reason, message, "kubelet"))
            if "annotations" in each["metadata"] and self.creates_events and self._logs_events():
                waits = name in ("image", "configmap")
                reason = "PodNotStarted" if waits else "PodRestarted"
                made = _event(about, reason, f"{SENTENCES[name]}. See its logs.", "")
                made["reportingComponent"] = "diagnostics.local.io/pod-diagnoser"
                made["metadata"]["annotations"] = {"diagnostics.local.io/cause": self._cause(name)}
                found.append(made)
        return found

    def _logs_events(self) -> bool:
        return (self.cluster_diagnoser or {"remediationAction": "LogEvent"}).get(
            "remediationAction"
        ) == "LogEvent"

    def _status_of_diagnoser(self) -> Json:
        if not self.hook:
            return {}
        recent = [
            {
                "podUID": each["metadata"]["uid"],
                "cause": self._cause(each["metadata"]["labels"]["app"]),
            }
            for each in self._pods()
            if "annotations" in each["metadata"]
        ]
        refused = {
            "type": "Remediating",
            "status": "False",
            "reason": "Forbidden",
            "message": "The operator may not create Events in namespace x",
        }
        conditions = [] if self.creates_events else [refused]
        return {"observedGeneration": 1, "recentDiagnoses": recent, "conditions": conditions}

    def _diagnosers(self) -> list[Json]:
        return [{"status": self._status_of_diagnoser()}] if self.has_diagnoser else []

    def _cluster_diagnosers(self) -> list[Json]:
        if self.cluster_diagnoser is None:
            return []
        metadata = {"name": "all", "uid": _CLUSTER_UID}
        found = {"metadata": metadata, "spec": self.cluster_diagnoser}
        return [{**found, "status": self._status_of_diagnoser()}]

    def _targets(self) -> list[Json]:
        if self.cluster_diagnoser is None:
            return []
        owner = {
            "apiVersion": "diagnostics.local.io/v1",
            "kind": "ClusterPodDiagnoser",
            "name": "all",
            "uid": _CLUSTER_UID,
            "controller": True,
        }
        metadata = {
            "name": f"all-{_CLUSTER_UID[:8]}-cluster",
            "namespace": self.namespace,
            "uid": UID.format(77),
            "ownerReferences": [owner],
        }
        described = {"kind": "ClusterPodDiagnoser", "name": "all", "uid": _CLUSTER_UID}
        return [{"metadata": metadata, "spec": {"diagnoser": described}}]

    def _raw(self, path: str) -> Any:
        if "/monitoring/" in path:
            answer = self.prometheus.get(path.partition("/proxy")[2])
            return _error("not found") if answer is None else json.dumps({"data": answer})
        if self.state_metrics == "unreachable":
            return _error("", "error trying to reach service: i/o timeout")
        if path.endswith("/metrics"):
            return "up 1\n"
        if self.state_metrics == "refused":
            return _error("", "the server is currently unable to handle the request")
        if self.state_metrics == "empty":
            return "pod_diagnoser_state_poddiagnosers 1.0\n"
        return "".join(
            f'pod_diagnoser_workload_crashing_pods{{cause="{self._cause(name)}",'
            f'namespace="{each["metadata"]["namespace"]}",workload="{name}"}} 1.0\n'
            for each in self._pods()
            if "annotations" in each["metadata"]
            for name in [each["metadata"]["labels"]["app"]]
        )


def _event(about: Json, reason: str, message: str, component: str) -> Json:
    return {
        "metadata": {"name": f"{about['uid']}.{reason}", "namespace": "shop"},
        "involvedObject": about,
        "reason": reason,
        "message": message,
        "source": {"component": component},
        "firstTimestamp": format_time(after(-1)),
        "lastTimestamp": format_time(after(-1)),
        "count": 1,
        "type": "Warning",
    }


TRACEBACK = (
    "Traceback (most recent call last):\n"
    '  File "/drill.py", line 3, in <module>\n'
    "KeyError: 'DRILL_SETTING'\n"
)
"""What the workload exit-code writes before it ends."""


SENTENCES = {
    "exit-code": "Container app exited with code 3",
    "out-of-memory": "Container app ran out of memory and was killed (OOMKilled)",
    "liveness-probe": "Container app was stopped by the kubelet: its liveness probe failed",
    "image": "Container app cannot start: the registry does not have this image or tag",
    "configmap": "Container app cannot start: ConfigMap drill-no-such-configmap does not exist",
}
"""How the Events begin that the operator creates."""


def _running() -> Json:
    return {"name": "app", "restartCount": 0, "state": {"running": {}}, "lastState": {}}


def container_status(name: str) -> Json:
    """Return the status of a workload's container."""
    waiting = {
        "image": ("ImagePullBackOff", 'Back-off pulling image "a:b": ErrImagePull: a:b: not found'),
        "configmap": (
            "CreateContainerConfigError",
            'configmap "drill-no-such-configmap" not found',
        ),
    }.get(name)
    if waiting:
        reason, message = waiting
        state = {"waiting": {"reason": reason, "message": message}}
        return {"name": "app", "restartCount": 0, "state": state, "lastState": {}}
    last = {
        "exit-code": terminated(code=3, message=TRACEBACK),
        "out-of-memory": terminated(code=137, reason="OOMKilled"),
        "liveness-probe": terminated(code=137),
    }[name]
    return {**_running(), "restartCount": 1, "lastState": {"terminated": last}}
