"""The Pods' hook with the right to read Events and logs, and a network to the API server.

The components ``evidence`` and ``evidence-logs`` are installed on top of what is there, and the
hook runs as its Deployment then does: with its ServiceAccount's own token, and no other right than
the component's role.
"""

import threading
from datetime import datetime
from typing import Self

from dev.envtest import installation, pods
from dev.envtest.client import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, EVENTS, ROLE_BINDINGS, Json
from dev.envtest.cluster import Cluster
from dev.envtest.hook import Hook
from dev.envtest.installation import EVIDENCE, EVIDENCE_CHANGES, EVIDENCE_LOGS
from dev.envtest.proxy import Proxy, Request, forward
from dev.local_ports import free_ports
from tests.e2e.permissions import await_permission
from tests.e2e.workspace import Workspace

ROLE = "pod-diagnoser-evidence"
CHANGES_ROLE = "pod-diagnoser-evidence-changes"
_NETWORK_POLICY = "pod-diagnoser-pods"


class EvidenceRig:
    """That hook, in place of the cluster's own while it is entered.

    Args:
        cluster: whose hook.
        changes: whether it may read what templates changed, too.

    Attributes:
        cluster: the cluster.
        api: between the hook and the API server.
        hook: the process.
        over: set when a test is over: what hangs then ends.
    """

    def __init__(self, cluster: Cluster, *, changes: bool = False) -> None:
        plane = cluster.control_plane
        self.cluster = cluster
        self._changes = changes
        self.over = threading.Event()
        (port,) = free_ports(1)
        self.api = Proxy(plane.server, port, plane.certificate, plane.key)
        environment = cluster.evidence_environment(self.api.url)
        if changes:
            environment["POD_DIAGNOSER_EVIDENCE_CHANGES"] = "true"
        self.hook = Hook(
            "pods",
            plane.folder,
            environment,
            name="hook-pods-with-evidence",
            port=cluster.pods_hook.port,
        )

    def __enter__(self) -> Self:
        """Install the components, and take the place of the cluster's hook."""
        self.grant()
        self.cluster.mount_service_accounts()
        self.api.start()
        self.cluster.pods_hook.stop()
        self.hook.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Take the components away, and give the cluster its hook back."""
        self.hook.stop()
        self.api.stop()
        self.cluster.pods_hook.start()
        plane = self.cluster.control_plane
        installation.install(plane, self.cluster.urls)
        self.refuse()
        self.cluster.admin.delete(CLUSTER_ROLES, ROLE)
        if self._changes:
            self.cluster.admin.delete(CLUSTER_ROLES, CHANGES_ROLE)
            self.cluster.admin.delete(CLUSTER_ROLE_BINDINGS, CHANGES_ROLE)
        plane.kubectl(
            "--namespace", installation.SYSTEM, "delete", "networkpolicy", _NETWORK_POLICY
        )

    def grant(self) -> None:
        """Install the components; the hook can then read Events and logs everywhere."""
        components = (EVIDENCE, *((EVIDENCE_CHANGES,) if self._changes else ()), EVIDENCE_LOGS)
        installation.install(self.cluster.control_plane, self.cluster.urls, components=components)
        self._await_right(installation.SYSTEM, wanted=True)
        if self._changes:
            self.await_changes(wanted=True)

    def refuse(self) -> None:
        """Take the right away."""
        self.cluster.admin.delete(CLUSTER_ROLE_BINDINGS, ROLE)
        self._await_right(installation.SYSTEM, wanted=False)

    def grant_in(self, namespace: str) -> None:
        """Give the right for one namespace.

        Args:
            namespace: which.
        """
        role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": ROLE}
        account = {
            "kind": "ServiceAccount",
            "name": installation.PODS_HOOK,
            "namespace": installation.SYSTEM,
        }
        body = {"metadata": {"name": ROLE}, "roleRef": role, "subjects": [account]}
        self.cluster.admin.create(ROLE_BINDINGS, body, namespace)
        self._await_right(namespace, wanted=True)

    def await_changes(self, *, wanted: bool) -> None:
        """Wait until the hook may read what templates changed, or may not."""
        await_permission(
            self.cluster.admin,
            installation.PODS_HOOK,
            "list",
            "replicasets",
            installation.SYSTEM,
            wanted=wanted,
            group="apps",
        )

    def _await_right(self, namespace: str, *, wanted: bool) -> None:
        await_permission(
            self.cluster.admin, installation.PODS_HOOK, "list", "events", namespace, wanted=wanted
        )

    def reset(self) -> None:
        """Make the network whole, and have the hook forget what it could not ask."""
        self.over.set()
        self.over = threading.Event()
        self.api.rule = forward
        self.api.requests.clear()
        self.hook.start()

    def requests_about(self, namespace: str) -> list[Request]:
        """Return the requests of the hook to the API server about a namespace.

        Args:
            namespace: its name.

        Returns:
            The requests, in the order in which they came.
        """
        return self.api.seen("GET", f"/namespaces/{namespace}/")


def post_event(
    shop: Workspace,
    pod: Json,
    reason: str,
    message: str,
    *,
    at: datetime | None = None,
    container: str | None = "app",
    component: str = "kubelet",
) -> None:
    """Post an Event about a Pod, as its kubelet does.

    Args:
        shop: where.
        pod: the Pod as stored.
        reason: as in ``Killing``.
        message: what it says.
        at: when it was; None means now.
        container: the container that it is about; None for the Pod.
        component: who says so.
    """
    metadata = pod["metadata"]
    moment = at or pods.now()
    involved = {
        "apiVersion": "v1",
        "kind": "Pod",
        "name": metadata["name"],
        "namespace": metadata["namespace"],
        "uid": metadata["uid"],
    }
    if container is not None:
        involved["fieldPath"] = f"spec.containers{{{container}}}"
    body = {
        "metadata": {"generateName": f"{metadata['name']}."},
        "involvedObject": involved,
        "reason": reason,
        "message": message,
        "type": "Normal" if reason == "Killing" else "Warning",
        "source": {"component": component, "host": pods.NODE},
        "reportingComponent": component,
        "firstTimestamp": pods.timestamp(moment),
        "lastTimestamp": pods.timestamp(moment),
        "count": 1,
    }
    shop.cluster.admin.create(EVENTS, body, shop.namespace)


SAID = "HTTP probe failed with statuscode: 503"
"""Output of a failed probe."""


def post_liveness_kill(
    shop: Workspace, pod: Json, probe_output: str = SAID, at: datetime | None = None
) -> None:
    """Post what a kubelet says when it stops the container app for its liveness probe's sake.

    Args:
        shop: where.
        pod: the Pod as stored.
        probe_output: the probe's last output.
        at: when it was; None means now.
    """
    at = at or pods.now()
    post_event(shop, pod, "Unhealthy", f"Liveness probe failed: {probe_output}", at=at)
    post_event(
        shop, pod, "Killing", "Container app failed liveness probe, will be restarted", at=at
    )
