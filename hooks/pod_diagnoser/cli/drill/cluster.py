"""What a drill asks of the cluster, by kubectl and so with the user's own rights."""

import json
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from typing import Any, Final

from pod_diagnoser.api.diagnostics_v1 import CLUSTER_POD_DIAGNOSER, POD_DIAGNOSER, DiagnosisTarget
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.drill.namespaces import LABEL, DrillNamespace, as_drill
from pod_diagnoser.cli.drill.observed import Claim, Json, Observed, text_at
from pod_diagnoser.cli.drill.workloads import APP_LABEL, DIAGNOSER, WORKLOADS
from pod_diagnoser.cli.engine import diagnose_snapshot
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.sources.kubectl import Call, Kubectl, KubectlError
from pod_diagnoser.pods.claims import claiming_target, valid_targets

_KINDS: Final = "diagnostics.local.io"
_MAX_ANSWER: Final = 16 * 1024 * 1024
"""The most bytes of an answer of a Service that are read."""

_PATIENCE: Final = "--request-timeout=10s"
"""How long a Service behind the API server may take to answer."""


class DrillCluster:
    """The cluster of a drill.

    Args:
        kubectl: starts kubectl.
    """

    def __init__(self, kubectl: Kubectl) -> None:
        self._kubectl = kubectl

    def check_rights(self) -> None:
        """Check that what is made can be taken away.

        Raises:
            CommandError: it cannot, or the cluster cannot be reached.
        """
        with self._kubectl.start("auth", "can-i", "delete", "namespaces") as call:
            answer = call.read(100)
            try:
                call.tail(1)
            except KubectlError as error:
                if answer.startswith(b"no"):
                    message = "you may not delete namespaces, so that the drill could not end"
                    raise CommandError(message) from None
                raise CommandError(str(error)) from None

    def drills(self) -> list[DrillNamespace]:
        """Return the namespaces of drills.

        Raises:
            KubectlError: they cannot be listed.
        """
        found = map(as_drill, self._objects("namespaces", f"--selector={LABEL}"))
        return [each for each in found if each is not None]

    def drill(self, name: str) -> DrillNamespace | None:
        """Return a namespace; None where it is none of a drill, or is not there.

        Raises:
            KubectlError: it cannot be read.
        """
        try:
            found = self._objects("namespaces", name)
        except KubectlError as error:
            if error.kind == "not found":
                return None
            raise
        return as_drill(found[0]) if found else None

    def create(self, document: Json, namespace: str = "") -> None:
        """Create an object, or those of a List.

        Raises:
            KubectlError: it was refused.
        """
        place = ("-n", namespace) if namespace else ()
        with self._kubectl.send(document, "create", *place, "-f", "-") as call:
            call.tail(1)

    def delete(self, drill: DrillNamespace) -> None:
        """Have a namespace deleted, if it is still the same.

        Raises:
            KubectlError: it was refused.
        """
        options = {
            "apiVersion": "v1",
            "kind": "DeleteOptions",
            "preconditions": {"uid": drill.uid},
            "propagationPolicy": "Background",
        }
        path = f"/api/v1/namespaces/{drill.name}"
        try:
            with self._kubectl.send(options, "delete", "--raw", path, "-f", "-") as call:
                call.tail(1)
        except KubectlError as error:
            if error.kind != "not found":
                raise

    def empty(self, drill: DrillNamespace) -> None:
        """Have the workloads in it deleted: this is quicker than to wait for the namespace's turn.

        Whatever fails here is done with the namespace.
        """
        for kinds in ("deployments.apps", f"poddiagnosers.{_KINDS}"):
            call = self._kubectl.start("delete", kinds, "--all", "-n", drill.name, "--wait=false")
            with call:
                try:
                    call.tail(1)
                except KubectlError:
                    continue

    def has_kinds(self, namespace: str) -> bool:
        """Whether the cluster has our kinds.

        Raises:
            KubectlError: that is not known.
        """
        try:
            self._objects(f"poddiagnosers.{_KINDS}", "-n", namespace)
        except KubectlError as error:
            if error.kind == "no such kind":
                return False
            if error.kind != "forbidden":
                raise
        return True

    def has_cluster_diagnosers(self) -> bool:
        """Whether there are ClusterPodDiagnosers, as far as one may know."""
        try:
            return bool(self._objects(f"clusterpoddiagnosers.{_KINDS}"))
        except KubectlError as error:
            return error.kind != "no such kind"

    def cluster_claim(self, namespace: str) -> Claim | None:
        """Return the ClusterPodDiagnoser that claims the Pods of a namespace, if there is one."""
        try:
            found = self._objects(f"diagnosistargets.{_KINDS}", "-n", namespace)
        except KubectlError:
            return None
        targets = valid_targets(map(DiagnosisTarget.model_validate, found), namespace)
        claims = [claiming_target(targets, {APP_LABEL: each.name}) for each in WORKLOADS]
        first = claims[0]
        if first is None or not first.is_of_cluster or any(each is not first for each in claims):
            return None
        return Claim(
            CLUSTER_POD_DIAGNOSER, first.diagnoser.name, self._logs_events(first.diagnoser.name)
        )

    def _logs_events(self, name: str) -> bool | None:
        try:
            found = self._objects(f"clusterpoddiagnosers.{_KINDS}", name)
        except KubectlError:
            return None
        return text_at(found[0], "spec", "remediationAction") == "LogEvent" if found else None

    def observe(self, namespace: str, claim: Claim | None) -> Observed:
        """Read Pods, Events and who diagnoses.

        Raises:
            KubectlError: the Pods could not be read.
        """
        place = ("-n", namespace)
        calls = [self._kubectl.get("pods", *place), self._kubectl.get("events", *place)]
        if claim is not None:
            kind = f"clusterpoddiagnosers.{_KINDS}"
            calls.append(
                self._kubectl.get(kind, claim.name)
                if claim.kind == CLUSTER_POD_DIAGNOSER
                else self._kubectl.get(f"poddiagnosers.{_KINDS}", DIAGNOSER, *place)
            )
        try:
            pods = list(calls[0].objects())
            events, events_refused = _objects_or_why(calls[1])
            diagnosers, refused = _objects_or_why(calls[2]) if claim else ([], "")
        finally:
            for call in calls:
                call.close()
        return Observed(
            [json.loads(each) for each in pods],
            diagnose_pods(namespace, pods, events),
            None if events_refused else [json.loads(each) for each in events],
            events_refused,
            json.loads(diagnosers[0]) if diagnosers else None,
            refused,
        )

    def replica_set_failure(self, namespace: str, workload: str) -> str:
        """Return why a workload has no Pod, or an empty string."""
        try:
            found = self._objects("deployments.apps", workload, "-n", namespace)
        except KubectlError as error:
            return str(error)
        conditions = found[0].get("status", {}).get("conditions", []) if found else []
        return next(
            (
                text_at(each, "message")
                for each in conditions
                if text_at(each, "type") == "ReplicaFailure"
            ),
            "",
        )

    def get_all(self, what: str, *arguments: str) -> list[Json]:
        """Read objects of all namespaces.

        Raises:
            KubectlError: they could not be read.
        """
        return self._objects(what, "--all-namespaces", *arguments)

    def get_raw(self, path: str) -> str:
        """Read what is at a path of the API server, such as what a Service answers.

        Raises:
            KubectlError: it could not be read.
        """
        with self._kubectl.start("get", "--raw", path, _PATIENCE) as call:
            content = call.read(_MAX_ANSWER)
            call.tail(1)
            return content.decode(errors="replace")

    def _objects(self, what: str, *arguments: str) -> list[Json]:
        with self._kubectl.get(what, *arguments) as call:
            return [json.loads(each) for each in call.objects()]


def own_claim() -> Claim:
    """Return the claim of the PodDiagnoser that the drill makes."""
    return Claim(POD_DIAGNOSER, DIAGNOSER)


def _objects_or_why(call: Call) -> tuple[list[bytes], str]:
    """Return what is read, or why that is not allowed.

    Raises:
        KubectlError: it failed for another reason, which may pass.
    """
    try:
        return list(call.objects()), ""
    except KubectlError as error:
        if error.kind != "forbidden":
            raise
        return [], str(error)


def diagnose_pods(
    namespace: str, pods: Sequence[bytes], events: Sequence[bytes]
) -> dict[str, Sequence[Any]]:
    """Diagnose Pods as ``kubectl diagnose`` does."""
    collector = Collector(lambda _: True)
    for each in pods:
        collector.add_json(each, "Pod")
    for each in events:
        collector.add_json(each, "Event")
    if events:
        collector.know_events_of(namespace)
    report = diagnose_snapshot(collector.snapshot(), datetime.now(UTC))
    return {each.name: each.findings for each in report.pods}


def service_path(namespace: str, name: str, port: str, path: str, kind: str = "services") -> str:
    """Return the path of the API server behind which something answers.

    Args:
        namespace: of the Service or Pod.
        name: its name.
        port: name or number of the port.
        path: what is asked for, with a slash before it.
        kind: ``services`` or ``pods``.
    """
    return f"/api/v1/namespaces/{namespace}/{kind}/http:{name}:{port}/proxy{path}"


def metrics_ports(pods: Sequence[Json], names: Sequence[str]) -> Iterator[tuple[str, str, str]]:
    """Yield namespace, name and port number of Pods that have a port of one of some names."""
    for pod in pods:
        for container in [*_list(pod, "containers"), *_list(pod, "initContainers")]:
            for port in container.get("ports") or []:
                if port.get("name") in names:
                    metadata = pod["metadata"]
                    yield metadata["namespace"], metadata["name"], str(port.get("containerPort"))


def _list(pod: Json, key: str) -> list[Json]:
    found = pod.get("spec", {}).get(key)
    return found if isinstance(found, list) else []
