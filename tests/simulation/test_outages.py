"""The hook or Metacontroller is away for a while: soon after the return all is as it should be.

Metacontroller's limiter alone would bring back ten Pods a second, each only after its own pause.
"""

from typing import Any

import pytest

from dev.simulator.objects import Object, annotations_of
from dev.simulator.resources import EVENT, NAMESPACE, POD
from pod_diagnoser.pods.recall import MIN_CLUSTER_DISTANCE, MIN_DISTANCE
from pod_diagnoser.server.settings import Endpoints
from tests.support.cluster_fixture import CLUSTER_DIAGNOSER, DIAGNOSER, PREFIX, TARGET
from tests.support.hooked_cluster import BOTH, ReportedCluster

SOON = 15.0
"""Seconds after the return."""

MANY = 300
"""Pods, for which the limiter alone would take half a minute."""

PODS, DIAGNOSERS = BOTH
PARTS = ((PODS,), (DIAGNOSERS,), BOTH)


class Shop(ReportedCluster):
    """A cluster with Pods and a PodDiagnoser."""

    def __init__(self, pods: int, *, healthy: int = 0, crashed: bool = False) -> None:
        super().__init__()
        self.names = [f"p{number}" for number in range(pods)]
        self.diagnoser()
        for name in self.names:
            self.pod(name)
        for number in range(healthy):
            self.pod(f"healthy-{number}")
        if crashed:
            self.crash_all()
        self.run(20)

    def crash_all(self) -> None:
        """Have all Pods crash that are to."""
        for name in self.names:
            self.crash(name, 1)

    def leave(self, *parts: Endpoints) -> None:
        """Have processes of the hook be away."""
        self.hook.away |= set(parts)

    def come_back(self, *parts: Endpoints, restarted: bool = True) -> None:
        """Have them be there again, as new processes or the same."""
        self.hook.away -= set(parts)
        if restarted:
            self.hook.restart(*parts)

    def crash_all_without(self, *parts: Endpoints) -> None:
        """Have processes of the hook leave, and all Pods crash a second later."""
        self.leave(*parts)
        self.run(1)
        self.crash_all()

    def missing(self) -> list[str]:
        """Return the Pods that should be annotated and are not."""
        return [name for name in self.names if "restart-reason" not in self.annotations(name)]

    def recalls(self) -> int:
        """Return how often DiagnosisTargets were changed since they were created."""
        return sum(
            entry.call.resource is TARGET and entry.call.verb == "update"
            for entry in self.writes_since_start()
        )

    def sync_errors(self) -> int:
        """Return how many Events tell of failed syncs."""
        return sum(event["reason"] == "SyncError" for event in self.store.select(EVENT))

    def check(self) -> None:
        """Check that all is as it should be."""
        assert not self.missing()
        assert self.count() == len(self.names)


class ClusterShop(Shop):
    """The same with a ClusterPodDiagnoser of all namespaces."""

    def diagnoser(self, name: str = "d", **spec: Any) -> Object:
        """Create a ClusterPodDiagnoser, in place of a PodDiagnoser."""
        return self.store.create(CLUSTER_DIAGNOSER, {"metadata": {"name": name}, "spec": spec})

    def status(self, name: str = "d") -> Object:
        """Return its status."""
        return self.store.get(CLUSTER_DIAGNOSER, ("", name)).get("status") or {}

    def recalled(self, what: str = "recalled") -> str | None:
        """Return when it was last recalled, or its Pods were."""
        found = annotations_of(self.store.get(CLUSTER_DIAGNOSER, ("", "d")))
        return found.get(f"{PREFIX}{what}")

    def targets(self) -> int:
        """Return how many DiagnosisTargets there are."""
        return len(self.store.select(TARGET))


ELSEWHERE = 5
"""Namespaces beside the Pods' own."""


def shop_of_namespaces(pods: int, **state: Any) -> ClusterShop:
    """Return a cluster of some namespaces, each with its DiagnosisTarget."""
    shop = ClusterShop(pods, **state)
    for number in range(ELSEWHERE):
        shop.store.create(NAMESPACE, {"metadata": {"name": f"namespace-{number}"}})
    shop.run(20)
    assert shop.targets() > ELSEWHERE
    return shop


@pytest.mark.parametrize("parts", PARTS, ids=["pods", "poddiagnosers", "both"])
@pytest.mark.parametrize("seconds", [30.0, 300.0])
@pytest.mark.parametrize("pods", [1, 3, MANY])
def test_a_restarted_hook_makes_up_for_its_outage(
    pods: int, seconds: float, parts: tuple[Endpoints, ...]
) -> None:
    """However few or many Pods crashed, however long each alone would wait."""
    shop = Shop(pods)
    before = shop.recalls()
    shop.crash_all_without(*parts)
    shop.run(seconds)
    shop.come_back(*parts)
    shop.run(SOON)
    shop.check()
    assert shop.recalls() - before == (PODS in parts)
    shop.settle()


@pytest.mark.parametrize("seconds", [30.0, 300.0])
@pytest.mark.parametrize("pods", [1, 3, MANY])
def test_a_clusterpoddiagnoser_is_recalled_as_a_poddiagnoser_is(pods: int, seconds: float) -> None:
    """Its status counts soon what crashed meanwhile; a namespace that came then is diagnosed."""
    shop = ClusterShop(pods)
    shop.crash_all_without(DIAGNOSERS)
    shop.store.create(NAMESPACE, {"metadata": {"name": "new"}})
    shop.run(seconds)
    assert shop.recalled() is None
    shop.come_back(DIAGNOSERS)
    shop.run(SOON)
    shop.check()
    assert [one for one in shop.store.select(TARGET) if one["metadata"]["namespace"] == "new"]
    recalled = shop.recalled()
    assert recalled is not None
    shop.settle()
    assert shop.recalled() == recalled, "once for each start"


@pytest.mark.parametrize("parts", [(PODS,), BOTH], ids=["pods", "both"])
@pytest.mark.parametrize("seconds", [30.0, 300.0])
@pytest.mark.parametrize("pods", [1, 3, MANY])
def test_pods_of_a_clusterpoddiagnoser_are_recalled_in_all_namespaces(
    pods: int, seconds: float, parts: tuple[Endpoints, ...]
) -> None:
    """Each of its DiagnosisTargets is written once for a start."""
    shop = shop_of_namespaces(pods)
    before = shop.recalls()
    shop.crash_all_without(*parts)
    shop.run(seconds)
    assert shop.recalls() == before, "nothing is recalled into an outage"
    shop.come_back(*parts)
    shop.run(SOON)
    shop.check()
    shop.settle()
    assert shop.recalls() - before == shop.targets()
    assert shop.recalled("pods-recalled") is not None


def test_with_the_other_process_away_the_pods_of_a_clusterpoddiagnoser_wait_for_it() -> None:
    """That writes its DiagnosisTargets."""
    shop = shop_of_namespaces(3)
    shop.crash_all_without(*BOTH)
    shop.run(300)
    shop.come_back(PODS)
    shop.run(SOON)
    before = shop.recalls()
    shop.come_back(DIAGNOSERS)
    shop.run(SOON)
    shop.check()
    assert shop.recalls() - before == shop.targets()


def test_pods_of_a_clusterpoddiagnoser_that_are_diagnosed_late_recall_all_of_it() -> None:
    """A process was out of reach; the next time it is seldom, since it is many writes."""
    shop = shop_of_namespaces(MANY)
    shop.run(MIN_DISTANCE.total_seconds())
    before = shop.recalls()
    for recalls in (1, 1, 2):
        shop.leave(PODS)
        shop.crash_all()
        shop.run(60)
        shop.come_back(PODS, restarted=False)
        shop.run(SOON)
        shop.check()
        assert shop.recalls() - before == recalls * shop.targets()
        shop.run(MIN_CLUSTER_DISTANCE.total_seconds() / 2)
    shop.settle()


@pytest.mark.parametrize("parts", [(PODS,), BOTH], ids=["pods", "both"])
def test_processes_that_were_out_of_reach_make_up_for_it(parts: tuple[Endpoints, ...]) -> None:
    """The same without a restart: Pods that are diagnosed late say that there was an outage."""
    shop = Shop(MANY)
    shop.run(MIN_DISTANCE.total_seconds())
    before = shop.recalls()
    shop.leave(*parts)
    shop.crash_all()
    shop.run(60)
    shop.come_back(*parts, restarted=False)
    shop.run(SOON)
    shop.check()
    assert shop.recalls() - before == (PODS in parts)
    shop.settle()


def test_the_poddiagnosers_process_alone_that_was_out_of_reach_is_asked_at_the_resync() -> None:
    """A minute later at most; nothing that it is asked meanwhile tells of the outage."""
    shop = Shop(3)
    shop.leave(DIAGNOSERS)
    shop.crash_all()
    shop.run(300)
    shop.come_back(DIAGNOSERS, restarted=False)
    shop.run(60 + SOON)
    shop.check()


@pytest.mark.parametrize("last", ["pods", "poddiagnosers", "both", "metacontroller", "none"])
def test_after_a_cold_start_in_any_order(last: str) -> None:
    """What starts last is there half a minute later; with none, all start at once."""
    shop = Shop(MANY)
    shop.simulator.stop_metacontroller()
    shop.leave(*BOTH)
    shop.crash_all()
    shop.run(60)
    if last == "metacontroller":
        shop.come_back(*BOTH)
        shop.run(30)
        shop.restart_metacontroller()
    else:
        parts = {"pods": (PODS,), "poddiagnosers": (DIAGNOSERS,), "both": BOTH, "none": BOTH}[last]
        shop.restart_metacontroller()
        shop.come_back(*{*BOTH} - {*parts})
        shop.run(1 if last == "none" else 30)
        shop.come_back(*parts)
    shop.run(SOON)
    shop.check()
    shop.settle()


def test_healthy_pods_are_not_in_the_way() -> None:
    """After a cold start with the hook last, healthy Pods were refused, too."""
    shop = Shop(100, healthy=900)
    shop.simulator.stop_metacontroller()
    shop.leave(*BOTH)
    shop.crash_all()
    shop.run(10)
    shop.restart_metacontroller()
    shop.run(60)
    shop.come_back(*BOTH)
    shop.run(1)
    told = shop.sync_errors()
    shop.run(SOON)
    shop.check()
    assert shop.sync_errors() == told, "nothing was recalled into the outage"
    shop.settle(120)


def test_metacontrollers_restart_in_the_outage_changes_nothing() -> None:
    """It lists all anew, and all of that fails."""
    shop = Shop(MANY)
    shop.leave(*BOTH)
    shop.crash_all()
    shop.run(10)
    shop.restart_metacontroller()
    shop.run(40)
    shop.come_back(*BOTH)
    shop.run(SOON)
    shop.check()


def test_nothing_is_recalled_in_quiet_times() -> None:
    """The DiagnosisTarget is synced every few seconds, and written once for each start."""
    shop = Shop(3, crashed=True)
    shop.settle()
    shop.forget_writes()
    before = len(shop.hook.calls)
    shop.run(3600)
    targets = [path for _, path, _ in shop.hook.calls[before:] if path == "/pods/recall"]
    assert len(targets) >= 600
    assert not [entry for entry in shop.writes() if entry.call.resource is TARGET]


def test_no_diagnosistarget_of_a_clusterpoddiagnoser_costs_anything_in_quiet_times() -> None:
    """The hook of Pods is asked about the ClusterPodDiagnoser instead; nothing is written."""
    shop = shop_of_namespaces(3, crashed=True)
    shop.settle()
    shop.forget_writes()
    before = len(shop.hook.calls)
    shop.run(600)
    asked = [path for _, path, _ in shop.hook.calls[before:]]
    assert "/pods/recall" not in asked
    assert 200 <= asked.count("/pods/cluster/recall") <= 201
    kinds = (TARGET, CLUSTER_DIAGNOSER, POD)
    assert not [entry for entry in shop.writes() if entry.call.resource in kinds]


def test_a_storm_without_an_outage_recalls_nothing() -> None:
    """Crashes that are diagnosed in time say nothing of an outage."""
    shop = Shop(MANY)
    before = shop.recalls()
    shop.crash_all()
    shop.run(30)
    shop.check()
    assert shop.recalls() == before


def test_old_crashes_of_a_new_diagnoser_recall_nothing() -> None:
    """What crashed before there was a PodDiagnoser could not be diagnosed earlier."""
    shop = Shop(3)
    shop.store.delete(DIAGNOSER, ("default", "d"))
    shop.run(30)
    shop.crash_all()
    shop.run(60)
    before = shop.recalls()
    shop.diagnoser("e")
    shop.run(60)
    assert not shop.missing()
    assert shop.recalls() == before
