"""Two replicas of the remediating hook between networks that a test controls.

``front`` stands between Metacontroller and the replicas, at the address that Metacontroller calls;
``api`` between the replicas and the API server. So a test can keep the requests of a sync, repeat
them, hold them up, or have what the hook asks for fail, while everything else stays real.
"""

import json
import os
import signal
import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Self

from dev.envtest.client import Json
from dev.envtest.cluster import Cluster
from dev.envtest.hook import Hook
from dev.envtest.process import StartError
from dev.envtest.proxy import Answer, Forward, Proxy, Request, Rule, forward
from dev.local_ports import free_ports
from tests.e2e.workspace import AT_ONCE, ERROR, Workspace, eventually

SYNC, RECALL = "/poddiagnosers/sync", "/poddiagnosers/recall"
PATIENCE = 8.0
"""Seconds within which any sync is answered: Metacontroller waits for ten."""

LATER = Answer(429, {"Retry-After": "1"})
"""Metacontroller retries after a second, without an Event."""


class FaultRig:
    """The replicas and the networks, in place of the cluster's own hook while it is entered.

    Args:
        cluster: whose hook.

    Attributes:
        cluster: the cluster.
        api: between the replicas and the API server.
        front: between Metacontroller and the first replica.
        replicas: the two processes.
    """

    def __init__(self, cluster: Cluster) -> None:
        plane = cluster.control_plane
        self.cluster = cluster
        (port,) = free_ports(1)
        self.api = Proxy(plane.server, port, plane.certificate, plane.key)
        environment = cluster.remediation_environment(self.api.url)
        self.replicas = tuple(
            Hook("poddiagnosers", plane.folder, environment, name=f"replica-{number}")
            for number in (1, 2)
        )
        self.front = cluster.proxy(self.replicas[0].url, cluster.poddiagnosers_hook.port)
        self._over = threading.Event()

    def __enter__(self) -> Self:
        """Take the place of the cluster's hook."""
        self.api.start()
        for replica in self.replicas:
            replica.start()
        self.cluster.poddiagnosers_hook.stop()
        self.front.start()
        return self

    def __exit__(self, *_: object) -> None:
        """Give the cluster its hook back."""
        self.reset()
        self.front.stop()
        for replica in self.replicas:
            replica.stop(grace=0)
        self.api.stop()
        self.cluster.poddiagnosers_hook.start()

    def reset(self) -> None:
        """Make both networks whole, and bring back replicas that died."""
        self._over.set()
        self._over = threading.Event()
        for proxy in (self.api, self.front):
            proxy.rule = forward
            proxy.requests.clear()
            proxy.start()
        for replica in self.replicas:
            if not replica.process.running:
                replica.start()

    @property
    def over(self) -> threading.Event:
        """Set when the test is over: what hangs then ends."""
        return self._over

    def send(self, request: Request, replica: int = 0) -> Answer:
        """Send a request to a replica, as Metacontroller does.

        Args:
            request: the request, as Metacontroller sent it.
            replica: which one.

        Returns:
            The answer.

        Raises:
            OSError: the replica cannot be reached, or does not answer within `PATIENCE`.
            http.client.HTTPException: It breaks the connection.
        """
        return self.front.send(request, self.replicas[replica].url, PATIENCE)

    def status_after(self, request: Request, replica: int = 0) -> Json:
        """Send a sync request to a replica, and read the status that it wants.

        Args:
            request: the request.
            replica: which one.

        Returns:
            The status in its answer.
        """
        answer = self.send(request, replica)
        assert answer.code == 200, answer.body
        status: Json = json.loads(answer.body)["status"]
        return status

    def hold_up(self, held: Callable[[Json], object]) -> None:
        """Let no sync pass whose request is of a kind; Metacontroller retries again and again.

        No recall passes either: it would raise the version of what is held up.

        Args:
            held: says so, given the request's body; a missing key counts as no.
        """

        def rule(request: Request, onward: Forward) -> Answer | None:
            if request.path == RECALL:
                return LATER
            return LATER if request.path == SYNC and _holds(held, request) else onward()

        self.front.rule = rule

    def held(self, namespace: str, holds: Callable[[Json], object]) -> Request:
        """Wait for a sync request of Metacontroller on the version that is stored.

        Args:
            namespace: of the PodDiagnoser.
            holds: what its body must be like; a missing key counts as no.

        Returns:
            The request.
        """
        shop = Workspace(self.cluster, namespace)

        def latest() -> list[Request]:
            version = shop.diagnoser()["metadata"]["resourceVersion"]
            return [
                one
                for one in self.syncs(namespace)
                if _body(one)["object"]["metadata"]["resourceVersion"] == version
                and _holds(holds, one)
            ]

        eventually(latest)
        shop.settled(quiet=1.0)  # the version may still rise
        return eventually(latest)[-1]

    def syncs(self, namespace: str) -> list[Request]:
        """Return the sync requests of Metacontroller so far.

        Args:
            namespace: of the PodDiagnosers.

        Returns:
            Those, in the order in which they came.
        """
        return [
            one
            for one in self.front.seen("POST", SYNC)
            if _body(one)["object"]["metadata"]["namespace"] == namespace
        ]

    def planned(self, shop: Workspace, **spec: Any) -> "Planned":
        """Have a Pod crash whose remediation is planned, and hold up the sync that carries it out.

        Args:
            shop: where.
            spec: fields of the PodDiagnoser; by default it restarts Pods without waiting.

        Returns:
            The Pod, and Metacontroller's request.
        """
        self.hold_up(has_plan)
        shop.diagnose(**{"remediationAction": "RestartPod", "remediation": AT_ONCE, **spec})
        (name,) = shop.replica_set("web")
        uid = shop.pod(name)["metadata"]["uid"]
        shop.crash(name, ERROR)
        shop.await_remediation("Planned")
        return Planned(shop, name, uid, self.held(shop.namespace, has_plan))


class Planned:
    """A Pod that is about to be replaced.

    Attributes:
        shop: its namespace.
        name: the Pod's name.
        uid: its uid.
        request: the sync request of Metacontroller that has it replaced.
    """

    def __init__(self, shop: Workspace, name: str, uid: str, request: Request) -> None:
        self.shop, self.name, self.uid, self.request = shop, name, uid, request

    @property
    def body(self) -> Json:
        """The request's body."""
        return _body(self.request)

    def there(self) -> bool:
        """Return whether the very Pod is there and not on its way out.

        Returns:
            That.
        """
        return self.uid in {one["metadata"]["uid"] for one in self.shop.running()}


def has_plan(body: Json) -> bool:
    """Return whether a sync request has something planned in it.

    Args:
        body: the request's body.

    Returns:
        That.
    """
    entries = body["object"]["status"]["remediations"]
    return any(entry["phase"] == "Planned" for entry in entries)


def has_crash(body: Json) -> bool:
    """Return whether a sync request has a crashed Pod in it.

    Args:
        body: the request's body.

    Returns:
        That.
    """
    return bool(body["related"]["Pod.v1"])


def with_object(request: Request, one: Json) -> Request:
    """Return a sync request with another version of its PodDiagnoser.

    Args:
        request: the request.
        one: the PodDiagnoser.

    Returns:
        The changed request.
    """
    return replace(request, body=json.dumps({**_body(request), "object": one}).encode())


def in_namespace(namespace: str, rule: Rule) -> Rule:
    """Return a rule for requests about one namespace; all others pass.

    Args:
        namespace: its name.
        rule: what becomes of those requests.

    Returns:
        The rule.
    """

    def chosen(request: Request, onward: Forward) -> Answer | None:
        return rule(request, onward) if f"/namespaces/{namespace}/" in request.path else onward()

    return chosen


def when(method: str, *parts: str, rule: Rule) -> Rule:
    """Return a rule for some requests; all others pass.

    Args:
        method: such as ``DELETE``.
        parts: texts that the path holds.
        rule: what becomes of those.

    Returns:
        The rule.
    """

    def chosen(request: Request, onward: Forward) -> Answer | None:
        if request.method == method and all(part in request.path for part in parts):
            return rule(request, onward)
        return onward()

    return chosen


def kill(hook: Hook) -> None:
    """End a process and its workers with SIGKILL, at once; return when it has ended.

    Args:
        hook: the process.
    """
    try:
        pid = hook.process.pid
        os.killpg(pid, signal.SIGKILL)
    except (StartError, ProcessLookupError):
        return  # it is being started again, after another kill
    eventually(lambda: not hook.process.running or hook.process.pid != pid)


def _holds(holds: Callable[[Json], object], request: Request) -> bool:
    try:
        return bool(holds(_body(request)))
    except LookupError:
        return False


def _body(request: Request) -> Json:
    body: Json = json.loads(request.body)
    return body
