"""What a test does to a cluster, in a namespace of its own."""

import json
import time
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from dev.envtest import pods
from dev.envtest.audit import Audited
from dev.envtest.client import (
    DIAGNOSISTARGETS,
    EVENTS,
    PODDIAGNOSERS,
    PODS,
    REPLICA_SETS,
    STATEFUL_SETS,
    Json,
    Resource,
)
from dev.envtest.cluster import Cluster
from dev.envtest.pods import Termination

T = TypeVar("T")

PREFIX = "diagnostics.local.io/"
LABEL = f"{PREFIX}diagnoser"
APP = {"app": "fragile-app"}

COMPLETED = Termination(0, "Completed")
ERROR = Termination(1, "Error")
OOM_KILLED = Termination(137, "OOMKilled")

RECORDINGS = Path(__file__).parent / "pods"
SETTLE = 2.5
"""Seconds without a write after which nothing more is expected: longer than the least time between
two writes of a status, and than the longest that an answer is held."""

PATIENCE = 60.0
"""Seconds to wait for what takes a few: a busy machine may take many times as long, and where all
is well nobody waits for it."""

AT_ONCE = {"minPodAgeSeconds": 0, "coolDownSeconds": 10}
"""Safeguards of remediation that do not make a test wait: the least that there can be."""

LONG_SETTLE = 4.0
"""The same with a margin for a busy machine, where versions are compared afterwards."""


def recording(name: str) -> Json:
    """Read a recorded Pod.

    Args:
        name: file name in ``pods/``, without ``.json``.

    Returns:
        The Pod.
    """
    pod: Json = json.loads((RECORDINGS / f"{name}.json").read_text(encoding="utf-8"))
    return pod


def managed(keys: Mapping[str, str] | None) -> dict[str, str]:
    """Return those annotations or labels that belong to this project.

    Args:
        keys: annotations or labels, or None where an object has none.

    Returns:
        Managed ones, without the prefix.
    """
    return {
        key.removeprefix(PREFIX): value
        for key, value in (keys or {}).items()
        if key.startswith(PREFIX)
    }


def shown_metadata(pod: Json) -> tuple[dict[str, str], dict[str, str]]:
    """Return what we show on a Pod.

    Args:
        pod: the Pod.

    Returns:
        Our annotations and our labels, without the prefix.
    """
    metadata = pod["metadata"]
    return managed(metadata.get("annotations")), managed(metadata.get("labels"))


def warnings(cluster: Cluster) -> Counter[str]:
    """Return how often each Pod of the cluster got a Warning."""
    counted: Counter[str] = Counter()
    for event in cluster.admin.list(EVENTS):
        about = event["involvedObject"]
        if event["type"] == "Warning" and about["kind"] == "Pod":
            counted[f"{about['namespace']}/{about['name']}"] += event.get("count") or 1
    return counted


def eventually(
    read: Callable[[], T],
    until: Callable[[T], Any] = bool,
    timeout: float = PATIENCE,
    pause: float = 0.02,
) -> T:
    """Read until what is read is as wanted.

    Args:
        read: reads it.
        until: says whether it is as wanted; a missing key or element counts as no.
        timeout: seconds.
        pause: seconds between two reads; more where a read costs something.

    Returns:
        What was read last.

    Raises:
        AssertionError: it was not as wanted in time; the message shows what was read last.
    """
    deadline = time.monotonic() + timeout
    while True:
        value = read()
        try:
            if until(value):
                return value
        except LookupError:
            pass
        if time.monotonic() > deadline:
            message = f"not as wanted after {timeout:.0f} s:\n{json.dumps(value, indent=1)[:6000]}"
            raise AssertionError(message)
        time.sleep(pause)


@dataclass(frozen=True, slots=True)
class Workspace:
    """A namespace of the cluster.

    Attributes:
        cluster: where it is.
        namespace: its name.
    """

    cluster: Cluster
    namespace: str

    def kubectl(self, *arguments: str, stdin: str | None = None, check: bool = True) -> str:
        """Run kubectl in the namespace.

        Args:
            arguments: what follows ``kubectl --namespace ...``.
            stdin: its standard input.
            check: whether a failure raises.

        Returns:
            What it printed.
        """
        return self.cluster.control_plane.kubectl(
            "--namespace", self.namespace, *arguments, stdin=stdin, check=check
        )

    def diagnose(self, name: str = "diagnoser", **spec: Any) -> Json:
        """Create a PodDiagnoser, and wait until it is in force.

        Args:
            name: its name.
            spec: fields of its spec; by default it claims the Pods labelled `APP`.

        Returns:
            The PodDiagnoser as stored.
        """
        self.create_diagnoser(name, **spec)
        return eventually(
            lambda: self.diagnoser(name), lambda one: one["status"]["observedGeneration"] == 1
        )

    def create_diagnoser(self, name: str = "diagnoser", **spec: Any) -> Json:
        """Create a PodDiagnoser, and wait for nothing.

        Args:
            name: its name.
            spec: fields of its spec; by default it claims the Pods labelled `APP`.

        Returns:
            The PodDiagnoser as created.
        """
        body = {
            "apiVersion": PODDIAGNOSERS.version,
            "kind": "PodDiagnoser",
            "metadata": {"name": name},
            "spec": {"targetLabels": APP, **spec},
        }
        return self.cluster.admin.create(PODDIAGNOSERS, body, self.namespace)

    def change(self, name: str = "diagnoser", **spec: Any) -> None:
        """Change fields of a PodDiagnoser's spec, and wait until they are in force.

        Args:
            name: its name.
            spec: the fields; None takes one out.
        """
        changed = self.cluster.admin.patch(PODDIAGNOSERS, name, {"spec": spec}, self.namespace)
        generation = changed["metadata"]["generation"]
        eventually(
            lambda: self.diagnoser(name),
            lambda one: one["status"]["observedGeneration"] == generation,
        )

    def delete_diagnoser(self, name: str = "diagnoser") -> None:
        """Delete a PodDiagnoser, and wait until its DiagnosisTarget has followed it.

        Args:
            name: its name.
        """
        uid = self.diagnoser(name)["metadata"]["uid"]
        self.cluster.admin.delete(PODDIAGNOSERS, name, self.namespace)
        eventually(
            self.targets,
            lambda targets: all(one["spec"]["diagnoser"]["uid"] != uid for one in targets),
        )

    def diagnoser(self, name: str = "diagnoser") -> Json:
        """Read a PodDiagnoser.

        Args:
            name: its name.

        Returns:
            It, as stored.
        """
        return self.cluster.admin.get(PODDIAGNOSERS, name, self.namespace)

    def status(self, name: str = "diagnoser") -> Json:
        """Read a PodDiagnoser's status.

        Args:
            name: its name.

        Returns:
            Its status, empty before the first.
        """
        status: Json = self.diagnoser(name).get("status", {})
        return status

    def condition(self, kind: str, name: str = "diagnoser") -> Json:
        """Read a condition of a PodDiagnoser.

        Args:
            kind: the condition's type.
            name: the PodDiagnoser's name.

        Returns:
            The condition, empty without one of that type.
        """
        for one in self.status(name).get("conditions", []):
            if one["type"] == kind:
                found: Json = one
                return found
        return {}

    def targets(self) -> list[Json]:
        """Read the DiagnosisTargets.

        Returns:
            All of the namespace.
        """
        return self.cluster.admin.list(DIAGNOSISTARGETS, self.namespace)

    def start_pod(self, name: str, labels: Mapping[str, str] | None = None, **extra: Any) -> Json:
        """Create a Pod and reports it running.

        Args:
            name: its name.
            labels: its labels; `APP` by default.
            extra: further arguments of `dev.envtest.pods.manifest`.

        Returns:
            The Pod as stored.
        """
        manifest = pods.manifest(name, APP if labels is None else labels, **extra)
        self.cluster.admin.create(PODS, manifest, self.namespace)
        return self.cluster.kubelet.start_pod(self.namespace, name)

    def crash(self, name: str, how: Termination = COMPLETED, container: str | None = None) -> Json:
        """Report that a Pod's container ended and runs again.

        Args:
            name: the Pod's name.
            how: how it ended.
            container: which one; None means the first.

        Returns:
            The Pod as stored.
        """
        return self.cluster.kubelet.crash(self.namespace, name, how, container)

    def pod(self, name: str) -> Json:
        """Read a Pod.

        Args:
            name: its name.

        Returns:
            It, as stored.
        """
        return self.cluster.admin.get(PODS, name, self.namespace)

    def pods(self) -> list[Json]:
        """Read the Pods.

        Returns:
            All of the namespace.
        """
        return self.cluster.admin.list(PODS, self.namespace)

    def annotated(self, name: str, reason: str | None = None, timeout: float = PATIENCE) -> Json:
        """Wait until a Pod shows a diagnosis.

        Args:
            name: the Pod's name.
            reason: the ``restart-reason`` that it is to show; None means any.
            timeout: seconds.

        Returns:
            The Pod.
        """
        return eventually(
            lambda: self.pod(name),
            lambda pod: (
                shown_metadata(pod)[0].get("restart-reason", "") == reason
                if reason
                else "restart-reason" in shown_metadata(pod)[0]
            ),
            timeout,
        )

    def clean(self, *names: str, timeout: float = PATIENCE) -> list[Json]:
        """Wait until no managed annotation or label is left on Pods.

        Args:
            names: the Pods' names; none means all of the namespace.
            timeout: seconds.

        Returns:
            The namespace's Pods.
        """
        return eventually(
            self.pods,
            lambda found: all(
                shown_metadata(pod) == ({}, {})
                for pod in found
                if not names or pod["metadata"]["name"] in names
            ),
            timeout,
        )

    def counted(self, number: int, name: str = "diagnoser", timeout: float = PATIENCE) -> Json:
        """Wait until a PodDiagnoser has counted at least so many Pods, then until all is quiet.

        Args:
            number: the least number.
            name: the PodDiagnoser's name.
            timeout: seconds.

        Returns:
            The status in the end, which may hold more than that number.
        """
        eventually(
            lambda: self.status(name), lambda status: status["diagnosedPods"] >= number, timeout
        )
        self.settled()
        return self.status(name)

    def versions(self) -> dict[str, str]:
        """Return the version of each object that we write or that we write to.

        Returns:
            Kind and name to resourceVersion.
        """
        return {
            f"{resource.plural}/{one['metadata']['name']}": one["metadata"]["resourceVersion"]
            for resource in (PODS, PODDIAGNOSERS, DIAGNOSISTARGETS)
            for one in self.cluster.admin.list(resource, self.namespace)
        }

    def settled(self, quiet: float = SETTLE, timeout: float = PATIENCE) -> dict[str, str]:
        """Wait until nothing has been written for a while.

        Args:
            quiet: seconds without a write.
            timeout: seconds in all.

        Returns:
            The versions that have lasted.

        Raises:
            AssertionError: something is written again and again.
        """
        deadline = time.monotonic() + timeout
        before, since = self.versions(), time.monotonic()
        while time.monotonic() - since < quiet:
            time.sleep(0.1)
            versions = self.versions()
            if versions != before:
                if time.monotonic() > deadline:
                    changed = dict(versions.items() - before.items())
                    message = f"never quiet for {quiet} s; last changed: {changed}"
                    raise AssertionError(message)
                before, since = versions, time.monotonic()
        return before

    def recent(self, name: str = "diagnoser") -> list[tuple[str, str]]:
        """Return the Pods and reasons of a PodDiagnoser's latest diagnoses.

        Args:
            name: its name.

        Returns:
            Pairs, newest first.
        """
        return [(one["pod"], one["reason"]) for one in self.status(name).get("recentDiagnoses", [])]

    def replica_set(self, name: str, replicas: int = 1) -> list[str]:
        """Create a ReplicaSet, and wait until its Pods run.

        Args:
            name: its name.
            replicas: how many Pods.

        Returns:
            The Pods' names.
        """
        self.create_workload(REPLICA_SETS, name, replicas)
        return self._names_of(name, replicas)

    def stateful_set(self, name: str, replicas: int = 1) -> list[str]:
        """Create a StatefulSet, and wait until its Pods run.

        Args:
            name: its name.
            replicas: how many Pods; all are made at once.

        Returns:
            The Pods' names.
        """
        extra = {"serviceName": name, "podManagementPolicy": "Parallel"}
        self.create_workload(STATEFUL_SETS, name, replicas, **extra)
        return self._names_of(name, replicas)

    def create_workload(self, kind: Resource, name: str, replicas: int = 1, **extra: Any) -> None:
        """Create a workload whose Pods are labelled `APP` and ``set`` with its name.

        Args:
            kind: ReplicaSets or the like.
            name: its name.
            replicas: how many Pods.
            extra: further fields of its spec.
        """
        labels = {**APP, "set": name}
        template = pods.manifest(name, labels, node=None)
        body = {
            "metadata": {"name": name},
            "spec": {
                **extra,
                "replicas": replicas,
                "selector": {"matchLabels": labels},
                "template": {"metadata": {"labels": labels}, "spec": template["spec"]},
            },
        }
        self.cluster.admin.create(kind, body, self.namespace)

    def _names_of(self, workload: str, replicas: int) -> list[str]:
        """Wait until a workload's Pods run; return their names."""
        running = eventually(
            lambda: self.running(f"set={workload}"), lambda found: len(found) == replicas
        )
        return [one["metadata"]["name"] for one in running]

    def running(self, selector: str | None = None) -> list[Json]:
        """Read the Pods that have been reported running and are not on their way out.

        Args:
            selector: A label selector; None means all Pods.

        Returns:
            Those, by name.
        """
        found = self.cluster.admin.list(PODS, self.namespace, selector)
        return [
            one
            for one in found
            if one["status"].get("containerStatuses") and "deletionTimestamp" not in one["metadata"]
        ]

    def replaced(
        self, uid: str, selector: str | None = None, replicas: int = 1, timeout: float = PATIENCE
    ) -> Json:
        """Wait until a Pod is gone or going, and another one runs.

        Args:
            uid: the Pod's uid.
            selector: the labels of the Pods of its owner; None means all Pods.
            replicas: how many there are of them.
            timeout: seconds.

        Returns:
            The youngest of the Pods that run.
        """
        running = eventually(
            lambda: self.running(selector),
            lambda found: (
                len(found) == replicas and uid not in {one["metadata"]["uid"] for one in found}
            ),
            timeout,
        )
        return max(running, key=lambda one: int(one["metadata"]["resourceVersion"]))

    def remediations(self, name: str = "diagnoser") -> list[Json]:
        """Read what a PodDiagnoser says that it did and plans to do.

        Args:
            name: its name.

        Returns:
            The entries, newest first.
        """
        found: list[Json] = self.status(name).get("remediations", [])
        return found

    def await_remediation(
        self, phase: str, name: str = "diagnoser", timeout: float = PATIENCE
    ) -> Json:
        """Wait until the latest remediation is in a phase.

        Args:
            phase: such as ``Done``.
            name: the PodDiagnoser's name.
            timeout: seconds.

        Returns:
            The entry.
        """
        found = eventually(
            lambda: self.remediations(name), lambda entries: entries[0]["phase"] == phase, timeout
        )
        return found[0]

    def withheld(self, name: str = "diagnoser") -> dict[str, int]:
        """Read how many crashes a PodDiagnoser does nothing about.

        Args:
            name: its name.

        Returns:
            Reason to number.
        """
        return {one["reason"]: one["crashes"] for one in self.status(name).get("withheld", [])}

    def events(self, reason: str) -> list[Json]:
        """Read Events.

        Args:
            reason: their reason.

        Returns:
            All of the namespace with that reason.
        """
        found = self.cluster.admin.list(EVENTS, self.namespace)
        return [one for one in found if one["reason"] == reason]

    def await_events(self, reason: str, number: int, timeout: float = PATIENCE) -> list[Json]:
        """Wait until there are so many Events.

        Args:
            reason: their reason.
            number: how many, exactly.
            timeout: seconds.

        Returns:
            Those.
        """
        return eventually(lambda: self.events(reason), lambda found: len(found) == number, timeout)

    def audited(self) -> list[Audited]:
        """Return the requests of the operator's ServiceAccounts in this namespace.

        Returns:
            The requests, in the order in which they were answered.
        """
        calls = self.cluster.control_plane.audited()
        return [one for one in calls if one.namespace == self.namespace]

    def calls(self) -> dict[str, int]:
        """Count the requests of the operator's ServiceAccounts in this namespace.

        Returns:
            Verb, resource and answer (``delete pods 200``) to number.
        """
        return dict(Counter(map(str, self.audited())))

    def nudge(self, name: str = "diagnoser") -> None:
        """Change nothing that counts of a PodDiagnoser, so that it is looked at again at once.

        Args:
            name: its name.
        """
        note = {"metadata": {"annotations": {"test.example/nudge": str(time.monotonic_ns())}}}
        self.cluster.admin.patch(PODDIAGNOSERS, name, note, self.namespace)
