"""Simulate the parts of a cluster that need a machine: one Node's kubelet, and the scheduler.

It keeps a Node and its lease alive, binds unbound Pods (those of ReplicaSets and the like) to that
Node and reports them running, and removes terminating Pods after a delay. Without the delay they
would vanish at once, and no test could see them terminate. What happens to a container is up to the
caller: `Kubelet.start_pod`, `Kubelet.end`, `Kubelet.restart`, `Kubelet.crash`.
"""

import logging
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

from dev.envtest import pods
from dev.envtest.client import LEASES, NODES, PODS, ApiError, Client, Json
from dev.envtest.pods import NODE, Termination
from dev.local_http import NoAnswerError

_LEASE_SECONDS, _HEARTBEAT = 40, 10.0
_LEASE_NAMESPACE = "kube-node-lease"
_log = logging.getLogger(__name__)
_LAST_LOOK = 0.2
"""Seconds for which a Pod whose containers have all ended is still there."""


@dataclass(slots=True)
class _Leaving:
    """A terminating Pod, and when its next step is due."""

    namespace: str
    name: str
    at: float
    reported: bool = False


class Kubelet:
    """One Node.

    Args:
        client: access to the API, with a kubelet's user agent.
        linger: seconds from a Pod's deletion to its end, as a container takes to stop.

    Attributes:
        run: what is done with a Pod that has just been bound, given its namespace and name, on the
            thread that follows the Pods. By default it is reported running.
        untouched: namespaces whose Pods it neither binds nor removes: a test plays their kubelet,
            step by step.
    """

    def __init__(self, client: Client, linger: float = 1.0) -> None:
        self.run: Callable[[str, str], object] = self.start_pod
        self.untouched: set[str] = set()
        self._client = client
        self._linger = linger
        self._stopping = threading.Event()
        self._leaving: dict[str, _Leaving] = {}  # by uid
        self._lock = threading.Lock()
        self._threads = [
            threading.Thread(target=self._repeat, args=(work, pause), daemon=True)
            for work, pause in (
                (self._renew_lease, _HEARTBEAT),
                (self._follow_pods, 0.1),
                (self._end_pods, 0.05),
            )
        ]

    def start(self) -> None:
        """Register the Node and start.

        Raises:
            ApiError: the API server refuses the Node.
        """
        self._register()
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        """Stop; the Node stays as it is."""
        self._stopping.set()

    def report(self, namespace: str, name: str, status: Json) -> Json:
        """Replace a Pod's status.

        Args:
            namespace: the Pod's namespace.
            name: the Pod's name.
            status: as it should be.
        """
        # A kubelet sends the difference; replacing has the same effect.
        body = {"status": {"$patch": "replace", **status}}
        return self._client.patch_status(PODS, name, body, namespace)

    def start_pod(self, namespace: str, name: str) -> Json:
        """Report that all containers of a Pod run.

        Args:
            namespace: the Pod's namespace.
            name: the Pod's name.
        """
        pod = self._client.get(PODS, name, namespace)
        return self.report(namespace, name, pods.started(pod))

    def end(
        self,
        namespace: str,
        name: str,
        termination: Termination | None = None,
        container: str | None = None,
    ) -> Json:
        """Report that a container has ended; its restart is due.

        Args:
            namespace: the Pod's namespace.
            name: the Pod's name.
            termination: how it ended; by default by itself, with exit code 0.
            container: which; None means the first.
        """
        pod = self._client.get(PODS, name, namespace)
        return self.report(
            namespace, name, pods.ended(pod, termination or Termination(), container)
        )

    def restart(self, namespace: str, name: str, container: str | None = None) -> Json:
        """Report that a container which had ended runs again.

        Args:
            namespace: the Pod's namespace.
            name: the Pod's name.
            container: which; None means the first.
        """
        pod = self._client.get(PODS, name, namespace)
        return self.report(namespace, name, pods.restarted(pod, container))

    def back_off(self, namespace: str, name: str, container: str | None = None) -> Json:
        """Report that a container which had ended waits in CrashLoopBackOff.

        Args:
            namespace: the Pod's namespace.
            name: the Pod's name.
            container: which; None means the first.
        """
        pod = self._client.get(PODS, name, namespace)
        return self.report(namespace, name, pods.backing_off(pod, container))

    def crash(
        self,
        namespace: str,
        name: str,
        termination: Termination | None = None,
        container: str | None = None,
    ) -> Json:
        """Report that a container ended, and then that it runs again: two writes.

        Args:
            namespace: the Pod's namespace.
            name: the Pod's name.
            termination: how it ended; by default by itself, with exit code 0.
            container: which; None means the first.
        """
        pod = self.end(namespace, name, termination, container)
        return self.report(namespace, name, pods.restarted(pod, container))

    def _register(self) -> None:
        """Make the Node and its lease."""
        if self._client.find(NODES, NODE) is None:
            node = {"metadata": {"name": NODE, "labels": {"kubernetes.io/hostname": NODE}}}
            self._client.create(NODES, node)
        moment = pods.timestamp(pods.now())
        capacity = {"cpu": "1000", "memory": "1000Gi", "pods": "10000"}
        ready = {
            "type": "Ready",
            "status": "True",
            "reason": "KubeletReady",
            "message": "kubelet is posting ready status",
            "lastHeartbeatTime": moment,
            "lastTransitionTime": moment,
        }
        status = {"capacity": capacity, "allocatable": capacity, "conditions": [ready]}
        self._client.patch_status(NODES, NODE, {"status": status})
        # No controller here removes these from a ready Node; bound Pods would be evicted.
        self._client.patch(NODES, NODE, {"spec": {"taints": None}})
        self._renew_lease()

    def _renew_lease(self) -> None:
        """Renew the Node's lease; without it kube-controller-manager evicts its Pods."""
        renewed = pods.now().strftime("%Y-%m-%dT%H:%M:%S.%fZ")
        spec = {
            "holderIdentity": NODE,
            "leaseDurationSeconds": _LEASE_SECONDS,
            "renewTime": renewed,
        }
        if self._client.find(LEASES, NODE, _LEASE_NAMESPACE) is None:
            lease = {"metadata": {"name": NODE}, "spec": spec}
            self._client.create(LEASES, lease, _LEASE_NAMESPACE)
        else:
            self._client.patch(LEASES, NODE, {"spec": spec}, _LEASE_NAMESPACE)

    def _follow_pods(self) -> None:
        """React to Pods: bind the unbound, note the terminating."""
        for kind, pod in self._client.watch(PODS):
            if self._stopping.is_set():
                return
            metadata = pod["metadata"]
            uid, namespace, name = metadata["uid"], metadata["namespace"], metadata["name"]
            if kind == "DELETED":
                self._forget(uid)
            elif namespace in self.untouched:
                continue
            elif "deletionTimestamp" in metadata:
                with self._lock:
                    self._leaving.setdefault(
                        uid, _Leaving(namespace, name, time.monotonic() + self._linger)
                    )
            elif "nodeName" not in pod["spec"]:
                self._bind(namespace, name)

    def bind(self, namespace: str, name: str) -> None:
        """Bind a Pod to the Node, as the scheduler does.

        Args:
            namespace: the Pod's namespace.
            name: the Pod's name.
        """
        binding = {
            "metadata": {"name": name},
            "target": {"apiVersion": "v1", "kind": "Node", "name": NODE},
        }
        self._client.post(PODS, name, "binding", binding, namespace)

    def _bind(self, namespace: str, name: str) -> None:
        """Play the scheduler for one Pod, and have it run."""
        try:
            self.bind(namespace, name)
            self.run(namespace, name)
        except ApiError as refused:  # gone, or bound by a test meanwhile
            _log.debug("binding of %s/%s refused: %s", namespace, name, refused)

    def _end_pods(self) -> None:
        """Remove the terminating Pods whose delay is over."""
        moment = time.monotonic()
        with self._lock:
            due = [(uid, pod) for uid, pod in self._leaving.items() if pod.at <= moment]
        for uid, leaving in due:
            pod = self._client.find(PODS, leaving.name, leaving.namespace)
            if pod is None or pod["metadata"]["uid"] != uid:
                self._forget(uid)
            elif not leaving.reported:
                # Since Kubernetes 1.27 a Pod reaches its final phase before it goes.
                self.report(leaving.namespace, leaving.name, pods.finished(pod))
                leaving.reported = True
                leaving.at = time.monotonic() + _LAST_LOOK
            else:
                options = {"gracePeriodSeconds": 0, "preconditions": {"uid": uid}}
                self._client.delete(PODS, leaving.name, leaving.namespace, options)
                self._forget(uid)

    def _forget(self, uid: str) -> None:
        with self._lock:
            self._leaving.pop(uid, None)

    def _repeat(self, work: Callable[[], None], pause: float) -> None:
        """Repeat a piece of work until `stop`; failures are retried."""
        while not self._stopping.is_set():
            try:
                work()
            except (ApiError, NoAnswerError) as problem:
                _log.debug("%s: %s", work.__name__, problem)
            self._stopping.wait(pause)
