"""Many Pods at once: created, crashed at a set pace, and watched until they are annotated.

As little of the machine as possible goes into this, since the operators under test share it:
plain connections that are kept, prepared bodies, and a watch that is searched and not parsed.
"""

from __future__ import annotations

import http.client
import json
import re
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import yaml

from dev.benchmarks import workload
from dev.benchmarks.following import Follower
from dev.envtest import pods
from dev.envtest.client import PODS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from datetime import datetime

    from dev.envtest.client import Json
    from dev.envtest.processes import ControlPlane

_WRITERS = 8
_PATCH = "application/strategic-merge-patch+json"
_NAME = re.compile(rb'"metadata":\{"name":"([^"]+)","namespace":"([^"]+)"')
_REASON = re.compile(rb'"diagnostics\.local\.io/restart-reason":"[^"]*Exit Code: (\d+)\)"')


class Api:
    """The API server, spoken to over one connection for each thread.

    Args:
        control_plane: Whose.
    """

    def __init__(self, control_plane: ControlPlane) -> None:
        config = yaml.safe_load(control_plane.kubeconfig.read_text(encoding="utf-8"))
        cluster = config["clusters"][0]["cluster"]
        self._address = urlsplit(cluster["server"])
        self._trust = ssl.create_default_context(cafile=cluster["certificate-authority"])
        self._token = config["users"][0]["user"]["token"]
        self._local = threading.local()

    def call(self, method: str, path: str, body: bytes, content_type: str) -> bytes:
        """Makes a request.

        Args:
            method: HTTP method.
            path: The API's path.
            body: The body.
            content_type: Its type.

        Returns:
            The answer's body.

        Raises:
            RuntimeError: The server refuses.
        """
        connection: http.client.HTTPSConnection | None
        connection = getattr(self._local, "connection", None)
        if connection is None:
            connection = self._local.connection = self.connect(30)
        connection.request(method, path, body, self.headers | {"Content-Type": content_type})
        response = connection.getresponse()
        content = response.read()
        if not 200 <= response.status < 300:
            message = f"{method} {path}: {response.status} {content[:300]!r}"
            raise RuntimeError(message)
        return content

    def connect(self, timeout: float) -> http.client.HTTPSConnection:
        """Makes a connection.

        Args:
            timeout: Of each operation, in seconds.

        Returns:
            The connection.
        """
        host, port = self._address.hostname or "", self._address.port
        return http.client.HTTPSConnection(host, port, timeout=timeout, context=self._trust)

    @property
    def headers(self) -> dict[str, str]:
        """What every request carries."""
        return {
            "Authorization": f"Bearer {self._token}",
            "Accept": "application/json",
            "User-Agent": "kubelet",
        }


class Watch(Follower):
    """Sees when Pods are annotated; a context manager.

    A crash is told by its exit code, so every crash of a Pod gets one of its own.

    Args:
        api: The API server.
        namespace: Whose Pods.
    """

    def __init__(self, api: Api, namespace: str) -> None:
        super().__init__(api, PODS.path(namespace), _annotated)

    def wait(self, names: Iterable[str], code: int, timeout: float) -> dict[str, float]:
        """Waits until Pods are annotated with a crash.

        Args:
            names: The Pods.
            code: The crash's exit code.
            timeout: Seconds.

        Returns:
            Pod to the moment at which its annotation was seen, by `time.perf_counter`.

        Raises:
            TimeoutError: Not all are annotated in time.
        """
        wanted = {(name, code): name for name in names}
        seen = self.moments(wanted.keys(), timeout)
        return {name: seen[key] for key, name in wanted.items()}


class Crowd:
    """Pods of one namespace.

    Args:
        api: The API server.
        namespace: An existing namespace.
        count: How many Pods.

    Attributes:
        namespace: The namespace.
        names: The Pods' names.
    """

    def __init__(self, api: Api, namespace: str, count: int) -> None:
        self._api = api
        self.namespace = namespace
        self.names = [f"fragile-app-{number:05}" for number in range(count)]
        self._pods: dict[str, Json] = {}

    def create(
        self,
        manifest: Callable[[str], Json] = workload.pod,
        status: Callable[[Json], Json] = pods.started,
    ) -> None:
        """Creates the Pods.

        Args:
            manifest: Makes a manifest of a name.
            status: Makes the first status that is reported of a Pod.

        Raises:
            RuntimeError: The API server refuses.
        """

        def create(name: str) -> None:
            body = json.dumps(manifest(name)).encode()
            path = PODS.path(self.namespace)
            pod = json.loads(self._api.call("POST", path, body, "application/json"))
            self._pods[name] = self._report(name, status(pod))

        _all(create, self.names)

    def crash(self, names: Sequence[str], code: int, over: float = 0.0) -> dict[str, float]:
        """Crashes Pods: one status write for each, at a steady pace.

        Args:
            names: Which.
            code: The exit code.
            over: Seconds over which the crashes are spread.

        Returns:
            Pod to the moment at which its status was written, by `time.perf_counter`.

        Raises:
            RuntimeError: The API server refuses.
        """
        begun = time.perf_counter()
        due = {name: begun + over * number / len(names) for number, name in enumerate(names)}
        written: dict[str, float] = {}

        def crash(name: str) -> None:
            time.sleep(max(0.0, due[name] - time.perf_counter()))
            self._pods[name] = self._report(name, crashed(self._pods[name], code))
            written[name] = time.perf_counter()

        _all(crash, names)
        return written

    def _report(self, name: str, status: Json) -> Json:
        path = PODS.path(self.namespace, name, "status")
        body = json.dumps({"status": status}).encode()
        stored: Json = json.loads(self._api.call("PATCH", path, body, _PATCH))
        return stored


def _annotated(line: bytes) -> Iterator[tuple[str, int]]:
    """The Pod and the exit code that its annotation tells, if there is one."""
    name, reason = _NAME.search(line), _REASON.search(line)
    if name and reason:
        yield name[1].decode(), int(reason[1])


def crashed(pod: Json, code: int, finished: datetime | None = None) -> Json:
    """The status of a Pod whose container ended and runs again.

    Args:
        pod: The Pod as stored.
        code: The exit code.
        finished: When it ended; None means now.

    Returns:
        Its new status.
    """
    termination = pods.Termination(code, "Completed" if code == 0 else "Error", finished)
    return pods.restarted({**pod, "status": pods.ended(pod, termination)})


def _all(work: Callable[[str], Any], names: Iterable[str]) -> None:
    """Does something for each name, in several threads."""
    with ThreadPoolExecutor(_WRITERS) as threads:
        for _ in threads.map(work, names):
            pass
