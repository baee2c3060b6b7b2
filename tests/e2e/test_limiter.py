"""What Metacontroller's limiter does to many Pods: the real one and the simulator's are alike.

That is no matter of one trace, as in test_conformance: both are held to the same numbers.
"""

import json
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Protocol

import pytest

from dev.envtest import pods, proxy
from dev.envtest.build import Binaries
from dev.envtest.client import DECORATOR_CONTROLLERS, DIAGNOSISTARGETS, NAMESPACES, PODS, Json
from dev.envtest.proxy import Forward, Proxy, Request
from dev.local_ports import free_ports
from dev.simulator.webhooks import Answer
from tests.conformance.real import Real
from tests.dev.simulator.test_metacontroller import CHILD, MetacontrollerCluster, controller, rule

MANY = 150
WINDOW = 10.0
"""Seconds, in which the limiter lets a hundred Pods through: fewer than there are."""

NAME = "limited"


class Crowd(Protocol):
    """Pods that relate to one object, and a hook.

    Attributes:
        failing: whether the hook fails.
    """

    failing: bool

    def wait(self, seconds: float) -> None:
        """Let time pass."""

    def now(self) -> float:
        """Return the time, in seconds since some moment."""

    def take(self) -> list[str]:
        """Return the names of the Pods that were synced since the last call, in their order."""

    def touch(self) -> None:
        """Change the object that all Pods relate to."""


class SimulatedCrowd:
    """Pods in the simulator."""

    def __init__(self) -> None:
        self.failing = True
        self._cluster = MetacontrollerCluster(controller())
        self._cluster.customize = lambda _: rule(namespace="default")
        self._cluster.sync = lambda _: Answer(500, b"no") if self.failing else {}
        self._cluster.child("c")
        for number in range(MANY):
            self._cluster.pod(f"p{number}")

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self._cluster.run(seconds)

    def now(self) -> float:
        """Return the time of the simulator."""
        return self._cluster.scheduler.time()

    def take(self) -> list[str]:
        """Return the names of the Pods that were synced."""
        found = [str(one["object"]["metadata"]["name"]) for one in self._cluster.syncs()]
        self._cluster.calls.clear()
        return found

    def touch(self) -> None:
        """Change the object."""
        changed = {"metadata": {"annotations": {"touched": "yes"}}}
        self._cluster.store.patch(CHILD, ("default", "c"), changed)


class RealCrowd:
    """Pods on a real API server, with a hook of this process.

    Args:
        real: the control plane and Metacontroller.
    """

    def __init__(self, real: Real) -> None:
        self.failing = True
        self._synced: list[str] = []
        self._admin = real.plane.client("admin", agent="script")
        self._hook = Proxy("", free_ports(1)[0])  # it forwards nothing
        self._hook.rule = self._answer
        self._hook.start()
        self._admin.create(NAMESPACES, {"metadata": {"name": NAME}})
        target = {
            "apiVersion": DIAGNOSISTARGETS.version,
            "kind": "DiagnosisTarget",
            "metadata": {"name": NAME},
            "spec": {"diagnoser": {"name": "d", "uid": "u"}, "since": "2020-01-01T00:00:00Z"},
        }
        self._admin.create(DIAGNOSISTARGETS, target, NAME)
        self._admin.create(DECORATOR_CONTROLLERS, self._manifest())
        with ThreadPoolExecutor(8) as pool:
            list(pool.map(self._create, range(MANY)))

    def _manifest(self) -> Json:
        hooks = {
            name: {
                "version": "v2",
                "webhook": {"url": f"{self._hook.url}/{name}", "timeout": "5s"},
            }
            for name in ("customize", "sync")
        }
        selector = {"matchLabels": {NAME: "yes"}}
        resource = {"apiVersion": "v1", "resource": "pods", "labelSelector": selector}
        return {
            "apiVersion": DECORATOR_CONTROLLERS.version,
            "kind": "DecoratorController",
            "metadata": {"name": NAME},
            "spec": {"resources": [resource], "hooks": hooks},
        }

    def _create(self, number: int) -> None:
        manifest = pods.manifest(f"p{number}", {NAME: "yes"})
        deadline = time.monotonic() + 20
        while True:  # the namespace's ServiceAccount may be to come
            try:
                self._admin.create(PODS, manifest, NAME)
            except RuntimeError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.1)
            else:
                return

    def _answer(self, request: Request, _: Forward) -> proxy.Answer:
        body = json.loads(request.body)
        if "parent" in body:
            kind = {"apiVersion": DIAGNOSISTARGETS.version, "resource": DIAGNOSISTARGETS.plural}
            rules = {"relatedResources": [{**kind, "namespace": NAME}]}
            return proxy.Answer(200, {}, json.dumps(rules).encode())
        self._synced.append(body["object"]["metadata"]["name"])
        return proxy.Answer(500, {}, b"no") if self.failing else proxy.Answer(200, {}, b"{}")

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        time.sleep(seconds)

    def now(self) -> float:
        """Return the time of this machine."""
        return time.monotonic()

    def take(self) -> list[str]:
        """Return the names of the Pods that were synced."""
        found, self._synced = self._synced, []
        return found

    def touch(self) -> None:
        """Change the object."""
        changed = {"metadata": {"annotations": {"touched": "yes"}}}
        self._admin.patch(DIAGNOSISTARGETS, NAME, changed, NAME)

    def close(self) -> None:
        """End the hook."""
        self._admin.delete(DECORATOR_CONTROLLERS, NAME)
        self._hook.stop()


@pytest.fixture
def real_crowd(binaries: Binaries) -> Iterator[RealCrowd]:
    """Pods of a control plane of their own."""
    with Real(binaries) as real:
        crowd = RealCrowd(real)
        yield crowd
        crowd.close()


def check(crowd: Crowd) -> None:
    """Hold a Metacontroller to what the simulation takes for granted."""
    tried = set(take_until(crowd, lambda found: len(set(found)) == MANY, 5, 6 * WINDOW))
    assert tried == {f"p{number}" for number in range(MANY)}, "each was tried at once"
    begun = crowd.now()
    again = take_until(crowd, lambda found: len(found) >= 5 * WINDOW, WINDOW, 10 * WINDOW)
    # Of all Pods together, ten a second; what was due before may come a little later.
    assert 5 * WINDOW <= len(again) <= 10 * (crowd.now() - begun) + 20
    crowd.failing = False
    begun = crowd.now()
    crowd.wait(3)
    synced = set(crowd.take())
    most = 10 * (crowd.now() - begun) + 20
    assert len(synced) <= most, "a hook that is back changes nothing of that"
    crowd.touch()
    synced = set(take_until(crowd, lambda found: len(set(found)) == MANY, 0.5, WINDOW))
    assert len(synced) == MANY, "an event is not limited"


def take_until(
    crowd: Crowd, enough: Callable[[list[str]], bool], pause: float, most: float
) -> list[str]:
    """Return the names of the Pods that are synced until it is enough: a machine may be slow.

    Args:
        crowd: the Pods.
        enough: says so of all names so far.
        pause: seconds between two looks.
        most: seconds for which to wait.
    """
    found: list[str] = []
    waited = 0.0
    while not enough(found) and waited < most:
        crowd.wait(pause)
        waited += pause
        found += crowd.take()
    return found


def test_the_real_limiter(real_crowd: RealCrowd) -> None:
    """Ten retries a second for all Pods together, and events past that."""
    check(real_crowd)


def test_the_simulators_limiter() -> None:
    """The same of the simulator."""
    check(SimulatedCrowd())
