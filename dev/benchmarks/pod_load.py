"""Many Pods at once: created, crashed at a set pace, and watched until they are annotated.

It uses as little of the machine as possible, since the operators under test share it: prepared
bodies, and a watch that is searched and not parsed.
"""

import json
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from dev.benchmarks import workload
from dev.benchmarks.following import Follower
from dev.envtest import pods
from dev.envtest.client import PODS, STRATEGIC_PATCH, Client, Json

_WRITERS = 8
_GATE = "example.com/load-balancer-attached"
_NAME = re.compile(rb'"metadata":\{"name":"([^"]+)","namespace":"([^"]+)"')
_REASON = re.compile(rb'"diagnostics\.local\.io/restart-reason":"[^"]*Exit Code: (\d+)\)"')


class Watch(Follower):
    """A watch that notes when Pods are annotated; a context manager.

    A crash is recognised by its exit code, so every crash of a Pod gets one of its own.

    Args:
        api: the API server.
        namespace: whose Pods; None means those of all namespaces.
    """

    def __init__(self, api: Client, namespace: str | None) -> None:
        super().__init__(api, PODS.path(namespace), _annotated)

    def wait(self, names: Iterable[str], code: int, timeout: float) -> dict[str, float]:
        """Wait until Pods are annotated with a crash.

        Args:
            names: the Pods.
            code: the crash's exit code.
            timeout: seconds.

        Returns:
            Pod to the moment at which its annotation was observed, by `time.perf_counter`.

        Raises:
            TimeoutError: not all are annotated in time.
        """
        expected = {(name, code): name for name in names}
        observed_at = self.moments(expected.keys(), timeout)
        return {name: observed_at[key] for key, name in expected.items()}


class PodLoad:
    """Pods of one namespace, or of several.

    Args:
        api: the API server.
        namespace: an existing namespace.
        count: how many Pods.
        others: further namespaces, over all of which the Pods are spread evenly.

    Attributes:
        namespace: the namespace, or the first one.
        names: the Pods' names, each of which is there once in all namespaces.
    """

    def __init__(self, api: Client, namespace: str, count: int, others: Sequence[str] = ()) -> None:
        self._api = api
        self.namespace = namespace
        self.names = [f"fragile-app-{number:05}" for number in range(count)]
        places = (namespace, *others)
        self._places = {
            name: places[number % len(places)] for number, name in enumerate(self.names)
        }
        self._pods: dict[str, Json] = {}

    def create(
        self,
        manifest: Callable[[str], Json] = workload.pod,
        status: Callable[[Json], Json] | None = pods.started,
    ) -> None:
        """Create the Pods.

        Args:
            manifest: makes a manifest of a name.
            status: makes the first status that is reported of a Pod; None reports none.
        """

        def create(name: str) -> None:
            body = json.dumps(manifest(name)).encode()
            path = PODS.path(self._places[name])
            answer = self._api.send("POST", path, body)
            if status is not None:
                self._pods[name] = self._report(name, status(json.loads(answer)))

        _all(create, self.names)

    def crash(self, names: Sequence[str], code: int, over: float = 0.0) -> dict[str, float]:
        """Crash Pods: one status write for each, at a steady pace.

        Args:
            names: which.
            code: the exit code.
            over: seconds over which the crashes are spread.

        Returns:
            Pod to the moment at which its status was written, by `time.perf_counter`.
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

    def touch(self, names: Sequence[str], over: float = 0.0) -> None:
        """Update the statuses of Pods, at a steady pace, in a way that says nothing of containers.

        Args:
            names: which.
            over: seconds over which the updates are spread.
        """
        begun = time.perf_counter()
        due = {name: begun + over * number / len(names) for number, name in enumerate(names)}

        def touch(name: str) -> None:
            time.sleep(max(0.0, due[name] - time.perf_counter()))
            at = pods.timestamp(pods.now())
            gate = {"type": _GATE, "status": "True", "lastTransitionTime": at}
            self._pods[name] = self._report(name, {"conditions": [gate]})

        _all(touch, names)

    def _report(self, name: str, status: Json) -> Json:
        path = PODS.path(self._places[name], name, "status")
        body = json.dumps({"status": status}).encode()
        stored: Json = json.loads(self._api.send("PATCH", path, body, STRATEGIC_PATCH))
        return stored


def _annotated(line: bytes) -> Iterator[tuple[str, int]]:
    """Return the Pod and the exit code in its annotation, if there is one."""
    name, reason = _NAME.search(line), _REASON.search(line)
    if name and reason:
        yield name[1].decode(), int(reason[1])


def crashed(pod: Json, code: int, finished: datetime | None = None) -> Json:
    """Return the status of a Pod whose container ended and runs again.

    Args:
        pod: the Pod as stored.
        code: the exit code.
        finished: when it ended; None means now.
    """
    termination = pods.Termination(code, "Completed" if code == 0 else "Error", finished)
    return pods.restarted({**pod, "status": pods.ended(pod, termination)})


def _all(work: Callable[[str], Any], names: Iterable[str]) -> None:
    """Do something for each name, in several threads."""
    with ThreadPoolExecutor(_WRITERS) as threads:
        for _ in threads.map(work, names):
            pass
