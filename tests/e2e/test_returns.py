"""After an outage, or a cold start in any order, a thousand crashed Pods are diagnosed soon.

How long it takes is a matter for dev/benchmarks. Here it is shown that Metacontroller's limiter
does not decide it: what that brings back one after another takes longer than these tests wait.
"""

import json
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Self

import pytest

from dev.envtest import pods
from dev.envtest.client import DIAGNOSISTARGETS, PODDIAGNOSERS, PODS, Json
from dev.envtest.cluster import Cluster
from dev.envtest.hook import Hook
from dev.envtest.metacontroller import Metacontroller
from dev.envtest.pods import Termination
from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.pods.history import parse_history
from pod_diagnoser.pods.recall import MIN_DISTANCE, diagnosed_late
from tests.e2e.workspace import APP, LABEL, Workspace, eventually, shown_metadata

MANY = 1000
LIMITED = (MANY - 100) / 10
"""Seconds: after a hundred, the limiter brings back ten Pods a second."""

SOON = LIMITED * 2 / 3
"""Seconds; four times of what it takes on a quiet machine."""

Part = Hook | Metacontroller

THREADS = 8
AWAY = 30.0

pytestmark = pytest.mark.takes_hook_away


class Crowd:
    """A thousand Pods, which crash together.

    Attributes:
        shop: their namespace.
    """

    def __init__(self, shop: Workspace) -> None:
        self.shop = shop
        self._codes = iter(range(1, 100))
        self._pods: list[Json] = []

    def start(self) -> None:
        """Create the Pods, and have them run."""
        cluster, namespace = self.shop.cluster, self.shop.namespace

        def start(number: int) -> Json:
            name = f"pod-{number:04}"
            cluster.admin.create(PODS, pods.manifest(name, APP), namespace)
            return cluster.kubelet.start_pod(namespace, name)

        self._pods = together(start, range(MANY))

    def crash(self) -> int:
        """Have all Pods crash; return the exit code, which no crash before had."""
        code = next(self._codes)

        def crash(pod: Json) -> Json:
            ended = {**pod, "status": pods.ended(pod, Termination(code, "Error"))}
            name, namespace = pod["metadata"]["name"], self.shop.namespace
            return self.shop.cluster.kubelet.report(namespace, name, pods.restarted(ended))

        self._pods = together(crash, self._pods)
        return code

    def diagnosed_late(self) -> bool:
        """Return whether a Pod's last crash was diagnosed so late that it recalls all Pods."""
        found = map(Pod.model_validate, self.shop.cluster.admin.list(PODS, self.shop.namespace))
        return any(diagnosed_late(parse_history(each).history[:1], None) for each in found)

    def diagnosed(self, code: int, timeout: float = SOON) -> None:
        """Wait until all Pods show the crash, all are counted, and the status tells of it."""
        reason = f"Error (Exit Code: {code})"

        def missing() -> int:
            found = self.shop.cluster.admin.list(PODS, self.shop.namespace, f"{LABEL}=diagnoser")
            shown = [shown_metadata(one)[0].get("restart-reason") for one in found]
            return MANY - shown.count(reason)

        eventually(missing, lambda number: number == 0, timeout, pause=1.0)
        eventually(
            self.shop.status,
            lambda status: (
                status["diagnosedPods"] == MANY
                and {one["reason"] for one in status["recentDiagnoses"]} == {reason}
            ),
            timeout,
        )


def together(work: Callable[[Any], Json], items: Iterable[Any]) -> list[Json]:
    """Do something with all items, several at a time."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, items))


class Recalls:
    """Counts the writes of a namespace's DiagnosisTargets, by a watch. A context manager."""

    def __init__(self, shop: Workspace) -> None:
        self._shop = shop
        self._stream = shop.cluster.admin.open_watch(DIAGNOSISTARGETS.path(shop.namespace), 900)
        self._versions: list[str] = []
        self._thread = threading.Thread(target=self._follow, daemon=True)
        self._thread.start()
        eventually(lambda: len(self._versions), lambda number: number == 1)

    def _follow(self) -> None:
        for line in self._stream:
            self._versions.append(json.loads(line)["object"]["metadata"]["resourceVersion"])

    def number(self) -> int:
        """Return how many writes there were since the beginning."""
        latest = self._shop.targets()[0]["metadata"]["resourceVersion"]
        eventually(lambda: self._versions[-1], lambda version: version == latest)
        return len(self._versions) - 1

    def __enter__(self) -> Self:
        """Count from now."""
        return self

    def __exit__(self, *_: object) -> None:
        """Count no more."""
        self._stream.close()
        self._thread.join()


@pytest.fixture(scope="module")
def crowd(cluster: Cluster) -> Iterator[Crowd]:
    """A thousand Pods that run, for all tests of this file."""
    cluster.create_namespace("crowd")
    shop = Workspace(cluster, "crowd")
    shop.diagnose()
    crowd = Crowd(shop)
    crowd.start()
    yield crowd
    for part in (cluster.pods_hook, cluster.poddiagnosers_hook, cluster.metacontroller):
        if not part.process.running:
            part.start()
    cluster.admin.delete_all(PODS, shop.namespace, {"gracePeriodSeconds": 0})
    cluster.admin.delete(PODDIAGNOSERS, "diagnoser", shop.namespace)


def stop(cluster: Cluster, *parts: Part) -> None:
    """Kill parts of the operator."""
    for part in parts or (cluster.metacontroller, cluster.pods_hook, cluster.poddiagnosers_hook):
        part.stop(grace=0)


def late_recalls(began: float) -> int:
    """Return how many recalls there may be beside those of starts, on a slow machine.

    There is one for each half minute in which Pods are diagnosed late.
    """
    return int((time.monotonic() - began) / MIN_DISTANCE.total_seconds())


def start(*parts: Part) -> None:
    """Start parts of the operator at once, and wait until all are there."""
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda part: part.start(), parts))


def test_after_half_a_minute_without_the_hook(crowd: Crowd) -> None:
    """Both processes were away; each recalls once, and nothing is recalled into the outage."""
    cluster = crowd.shop.cluster
    with Recalls(crowd.shop) as recalls:
        stop(cluster, cluster.pods_hook, cluster.poddiagnosers_hook)
        code = crowd.crash()
        time.sleep(AWAY)
        assert recalls.number() == 0
        began = time.monotonic()
        start(cluster.pods_hook, cluster.poddiagnosers_hook)
        crowd.diagnosed(code)
        crowd.shop.settled()
        assert 1 <= recalls.number() <= 1 + late_recalls(began)


def test_after_the_poddiagnosers_hook_was_away_alone(crowd: Crowd) -> None:
    """Pods are annotated as ever; the status is right soon after its return."""
    cluster = crowd.shop.cluster
    with Recalls(crowd.shop) as recalls:
        stop(cluster, cluster.poddiagnosers_hook)
        code = crowd.crash()
        time.sleep(AWAY)
        start(cluster.poddiagnosers_hook)
        crowd.diagnosed(code)
        assert recalls.number() == 0 or crowd.diagnosed_late()  # on a slow machine


@pytest.mark.parametrize("last", ["hooks", "metacontroller", "none"])
def test_after_a_cold_start(crowd: Crowd, last: str) -> None:
    """What starts last is there ten seconds after the rest; with none, all start at once."""
    cluster = crowd.shop.cluster
    hooks: tuple[Part, ...] = (cluster.pods_hook, cluster.poddiagnosers_hook)
    first: tuple[Part, ...] = ()
    second: tuple[Part, ...] = (*hooks, cluster.metacontroller)
    if last == "hooks":
        first, second = (cluster.metacontroller,), hooks
    elif last == "metacontroller":
        first, second = hooks, (cluster.metacontroller,)
    with Recalls(crowd.shop) as recalls:
        stop(cluster)
        code = crowd.crash()
        start(*first)
        began = time.monotonic()
        time.sleep(10 if first else 0)  # the outage
        start(*second)
        crowd.diagnosed(code)
        crowd.shop.settled()
        assert 1 <= recalls.number() <= 1 + late_recalls(began)
