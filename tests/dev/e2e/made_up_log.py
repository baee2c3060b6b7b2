"""A made-up audit log: requests of people, a kubelet, Metacontroller and the hook, in order.

Each step is what it would be on a real cluster; a test leaves one out, or makes it wrong.
"""

import copy
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from dev.envtest.credentials import METACONTROLLER
from tests.e2e import auditlog
from tests.e2e.evaluation import FinalState
from tests.simulation import specification as spec

Json = dict[str, Any]

ADMIN, KUBELET = "admin", "kubelet"
HOOK = f"{auditlog.ACCOUNTS}pod-diagnoser-poddiagnosers"
SHOP = "shop"
OPTIONS = {"kind": "DeleteOptions", "apiVersion": "v1"}


class MadeUpLog:
    """What happens in a namespace with one PodDiagnoser, and what the API server logs of it.

    Args:
        action: the PodDiagnoser's.
        spec_: further fields of its spec.
        remediation: fields of its ``spec.remediation``.
    """

    def __init__(
        self, action: str = "RestartPod", spec_: Json | None = None, **remediation: Any
    ) -> None:
        self.now = datetime(2026, 11, 23, 9, tzinfo=UTC)
        self.entries: list[Json] = []
        self.events: list[Json] = []
        self._version = 0
        self._objects: dict[tuple[str, str], Json] = {}
        self._create(
            {
                "kind": "PodDiagnoser",
                "apiVersion": "diagnostics.local.io/v1",
                "metadata": {"name": "diagnoser", "generation": 1},
                "spec": {
                    "targetLabels": {"app": "web"},
                    "enableAnnotations": True,
                    "remediationAction": action,
                    "remediation": {
                        "paused": False,
                        "dryRun": False,
                        "causes": ["ApplicationError"],
                        "minPodAgeSeconds": 0,
                        "coolDownSeconds": 60,
                        "maxAttempts": 3,
                        "budget": {"pods": 5, "windowSeconds": 600},
                        **remediation,
                    },
                    **(spec_ or {}),
                },
            },
            "poddiagnosers",
        )
        self.publish()
        reason = "LoggingEvents" if action == "LogEvent" else "ReplacingPods"
        self.report(
            observedGeneration=1,
            diagnosedPods=0,
            writerMemory="",
            remediations=[],
            conditions=[
                {"type": "Active", "status": "True", "reason": "Claiming"},
                {"type": "Complete", "status": "True", "reason": "AllRead"},
                {"type": "Remediating", "status": "True", "reason": reason},
            ],
        )

    # The log

    def request(
        self,
        user: str,
        verb: str,
        resource: str,
        name: str,
        got: Json,
        *,
        sent: Json | None = None,
        code: int = 200,
        namespace: str = SHOP,
        torn: bool = False,
    ) -> None:
        """Logs a request."""
        kind, _, subresource = resource.partition("/")
        begun = {
            "kind": "Event",
            "apiVersion": "audit.k8s.io/v1",
            "auditID": str(len(self.entries)),
            "stage": "RequestReceived",
            "verb": verb,
            "user": {"username": user},
            "objectRef": {
                "resource": kind,
                "subresource": subresource,
                "namespace": namespace,
                "name": name,
            },
            "requestReceivedTimestamp": self.now.isoformat(),
            "stageTimestamp": self.now.isoformat(),
        }
        self.now += timedelta(milliseconds=100)
        self.entries.append(begun)
        if not torn:
            self.entries.append(
                {
                    **begun,
                    "stage": "ResponseComplete",
                    "stageTimestamp": self.now.isoformat(),
                    "requestObject": copy.deepcopy(sent),
                    "responseObject": copy.deepcopy(got),
                    "responseStatus": {"code": code},
                }
            )

    def calls(self, folder: Path) -> list[auditlog.Call]:
        """Return the log as it is read."""
        path = folder / "audit.jsonl"
        lines = (json.dumps(entry, separators=(",", ":")) for entry in self.entries)
        path.write_text("\n".join(lines) + "\n", encoding="utf-8")
        return auditlog.read(path)

    def end(self) -> FinalState:
        """Return what is there now."""
        there = [copy.deepcopy(one) for one in self._objects.values()]
        pods, diagnosers, targets = (
            [one for one in there if one["kind"] == kind]
            for kind in ("Pod", "PodDiagnoser", "DiagnosisTarget")
        )
        return FinalState(pods, diagnosers, targets, copy.deepcopy(self.events))

    # Objects

    def pod(self, name: str) -> Json:
        """Return a Pod as it is; what is changed of it is stored by the next write."""
        return self._objects["pods", name]

    def diagnoser(self) -> Json:
        """Return the PodDiagnoser as it is."""
        return self._objects["poddiagnosers", "diagnoser"]

    def _create(self, obj: Json, resource: str, user: str = ADMIN) -> Json:
        name = obj["metadata"]["name"]
        made = {
            **obj["metadata"],
            "namespace": obj["metadata"].get("namespace", SHOP),
            "uid": f"uid-of-{name}",
            "creationTimestamp": self.time(),
        }
        stored = {**obj, "metadata": made}
        self._stamp(stored)
        self._objects[resource, name] = stored
        space = made["namespace"]
        self.request(user, "create", resource, name, stored, sent=obj, code=201, namespace=space)
        return stored

    def _stamp(self, obj: Json) -> None:
        self._version += 1
        obj["metadata"]["resourceVersion"] = str(self._version)

    def time(self) -> str:
        """Now, as Kubernetes has it."""
        return self.now.strftime("%Y-%m-%dT%H:%M:%SZ")

    def put(self, user: str, resource: str, obj: Json) -> None:
        """Write an object as it is here now."""
        base = copy.deepcopy(obj)
        self._stamp(obj)
        meta = obj["metadata"]
        space = meta["namespace"]
        self.request(user, "update", resource, meta["name"], obj, sent=base, namespace=space)

    def start(self, name: str, owner: str | None = "set", namespace: str = SHOP) -> None:
        """A Pod is created, and run."""
        kind = {"apiVersion": "apps/v1", "kind": "ReplicaSet"}
        owners = [{**kind, "name": owner, "uid": f"uid-of-{owner}"}]
        self._create(
            {
                "kind": "Pod",
                "apiVersion": "v1",
                "metadata": {
                    "name": name,
                    "namespace": namespace,
                    "labels": {"app": "web"},
                    "ownerReferences": [{**one, "controller": True} for one in owners if owner],
                },
                "spec": {},
                "status": {},
            },
            "pods",
        )

    # What happens

    def crash(self, name: str) -> None:
        """A container ends with an error, and run again."""
        pod, number = self.pod(name), len(self.entries)
        ended = {
            "containerID": f"containerd://{number}",
            "reason": "Error",
            "exitCode": 1,
            "startedAt": pod["metadata"]["creationTimestamp"],
            "finishedAt": self.time(),
        }
        status = {"name": "app", "restartCount": 1, "state": {}, "lastState": {"terminated": ended}}
        pod["status"] = {"containerStatuses": [status]}
        self.put(KUBELET, "pods/status", pod)

    def annotate(self, name: str) -> None:
        """Metacontroller writes what the hook says of a Pod."""
        pod = self.pod(name)
        ended = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
        record = {"id": f"crash-of-{name}", "cause": "ApplicationError"}
        crashes = {"diagnoser": "uid-of-diagnoser", "history": [record]}
        shown = {
            "restart-reason": "Error (Exit Code: 1)",
            "restart-time": ended["finishedAt"],
            "container": "app",
            "cause": "ApplicationError",
            "diagnosis": "Container app failed.",
            "crashes": json.dumps(crashes),
        }
        pod["metadata"]["annotations"] = {
            f"{spec.PREFIX}{key}": text for key, text in shown.items()
        }
        pod["metadata"]["labels"][spec.LABEL] = "diagnoser"
        self.put(METACONTROLLER, "pods", pod)

    def report(self, **status: Any) -> None:
        """Metacontroller writes fields of the PodDiagnoser's status, by two PUTs."""
        diagnoser = self.diagnoser()
        diagnoser["status"] = {
            **diagnoser.get("status", {}),
            **copy.deepcopy(status),
            "lastUpdateTime": self.time(),
        }
        for resource in ("poddiagnosers/status", "poddiagnosers"):
            self.put(METACONTROLLER, resource, diagnoser)

    def plan(self, name: str, **entry: Any) -> None:
        """Plan a Pod's replacement, and count and report its crash."""
        status, pod = self.diagnoser()["status"], self.pod(name)
        ended = pod["status"]["containerStatuses"][0]["lastState"]["terminated"]
        uid = pod["metadata"]["uid"]
        planned = {
            "id": f"crash-of-{name}",
            "action": self.diagnoser()["spec"]["remediationAction"],
            "pod": name,
            "podUID": uid,
            "owner": "",
            "cause": "ApplicationError",
            "diagnosis": "Container app failed.",
            "phase": "Planned",
            "reason": "Crashed",
            "plannedAt": self.time(),
            **entry,
        }
        diagnosis = {
            "id": f"crash-of-{name}",
            "cause": "ApplicationError",
            "pod": name,
            "podUID": uid,
            "reason": "Error (Exit Code: 1)",
            "time": ended["finishedAt"],
        }
        counted = status["writerMemory"] + spec.pod_hash(uid)
        self.report(
            remediations=[planned, *status["remediations"]]
            if planned["action"] != "LogEvent"
            else [],
            recentDiagnoses=[diagnosis, *status.get("recentDiagnoses", [])],
            lastProcessedPod=name,
            writerMemory=counted,
            diagnosedPods=len(counted) // 8,
        )

    def settle(self, name: str, **entry: Any) -> None:
        """What became of a plan is stored."""
        entries = copy.deepcopy(self.diagnoser()["status"]["remediations"])
        for one in entries:
            if one["pod"] == name:
                one |= {"phase": "Done", "reason": "Deleted", "settledAt": self.time(), **entry}
        self.report(remediations=entries)

    def read(self, resource: str, name: str) -> None:
        """The hook reads an object."""
        self.request(HOOK, "get", resource, name, self._objects[resource, name])

    def delete(self, name: str, *, torn: bool = False, **preconditions: str) -> None:
        """The hook deletes a Pod, which goes later."""
        pod = self.pod(name)
        meta = pod["metadata"]
        found = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]} | preconditions
        sent = {**OPTIONS, "preconditions": {key: text for key, text in found.items() if text}}
        meta |= {"deletionTimestamp": self.time(), "deletionGracePeriodSeconds": 30}
        self._stamp(pod)
        self.request(HOOK, "delete", "pods", name, pod, sent=sent, torn=torn)

    def evict(self, name: str, *, torn: bool = False) -> None:
        """The hook evicts a Pod."""
        pod = self.pod(name)
        meta = pod["metadata"]
        found = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        sent = {"kind": "Eviction", "deleteOptions": {"preconditions": found}}
        meta |= {"deletionTimestamp": self.time(), "deletionGracePeriodSeconds": 30}
        self._stamp(pod)
        done = {"kind": "Status", "status": "Success"}
        self.request(HOOK, "create", "pods/eviction", name, done, sent=sent, code=201, torn=torn)

    def goes(self, name: str) -> None:
        """A kubelet has ended a Pod that was to go."""
        pod = self.pod(name)
        self.put(KUBELET, "pods/status", pod)
        self._objects.pop(("pods", name))
        pod["metadata"]["deletionGracePeriodSeconds"] = 0
        sent = {**OPTIONS, "gracePeriodSeconds": 0}
        self.request(KUBELET, "delete", "pods", name, pod, sent=sent)

    def post_event(self, name: str, reason: str = "PodRestarted", digest: str = "1") -> None:
        """The hook creates an Event on a Pod."""
        self._version += 1
        about = {"kind": "Pod", "name": name, "uid": f"uid-of-{name}"}
        meta: Json = {
            "name": f"{name}.{digest}",
            "creationTimestamp": self.time(),
            "resourceVersion": str(self._version),
            "annotations": {
                f"{spec.PREFIX}crash": f"crash-of-{name}",
                f"{spec.PREFIX}cause": "ApplicationError",
            },
        }
        event = {"kind": "Event", "metadata": meta, "reason": reason, "regarding": about}
        self.events.append({**event, "involvedObject": about})
        self.request(HOOK, "create", "events", meta["name"], event, sent=event, code=201)

    def publish(self) -> None:
        """Metacontroller creates the DiagnosisTarget."""
        target = {
            "kind": "DiagnosisTarget",
            "metadata": {"name": "target"},
            "spec": {"diagnoser": {"name": "diagnoser", "uid": "uid-of-diagnoser"}},
        }
        self._create(target, "diagnosistargets", METACONTROLLER)

    def unpublish(self) -> None:
        """Metacontroller deletes the DiagnosisTarget."""
        target = self._objects.pop(("diagnosistargets", "target"))
        self.request(METACONTROLLER, "delete", "diagnosistargets", "target", target, sent=OPTIONS)

    def wait(self, seconds: float) -> None:
        """Time passes."""
        self.now += timedelta(seconds=seconds)

    # The whole of it

    def crashes_and_is_planned(self, name: str, owner: str | None = "set") -> None:
        """A Pod is created, crashes, is annotated, and its replacement planned."""
        self.start(name, owner)
        self.wait(5)
        self.crash(name)
        self.annotate(name)
        self.plan(name)

    def reads(self, name: str) -> None:
        """The hook reads what it acts on."""
        self.read("poddiagnosers", "diagnoser")
        self.read("pods", name)

    def replace(self, name: str, owner: str | None = "set") -> None:
        """A Pod crashes and is replaced, as it should be."""
        self.crashes_and_is_planned(name, owner)
        self.reads(name)
        self.delete(name)
        self.post_event(name, "PodDeleted")
        self.settle(name)
        self.goes(name)
