"""The hook or Metacontroller is away for a while, and comes back."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial

import pytest

from dev.envtest.client import PODDIAGNOSERS
from dev.envtest.cluster import Cluster
from dev.envtest.hook import Hook
from tests.e2e.workspace import (
    APP,
    COMPLETED,
    ERROR,
    LONG_SETTLE,
    OOM_KILLED,
    Workspace,
    eventually,
    shown_metadata,
)

RELIST = 2
"""Seconds; what waits for a relist has to settle soon after."""


@pytest.fixture
def whole(cluster: Cluster) -> Iterator[Cluster]:
    """The cluster, of which the test may stop any part; all run again afterwards."""
    yield cluster
    for part in (cluster.pods_hook, cluster.poddiagnosers_hook, cluster.metacontroller):
        if not part.process.running:
            part.start()


@pytest.fixture
def relisting(whole: Cluster) -> Iterator[Cluster]:
    """The same with a Metacontroller that lists everything again every few seconds."""
    whole.metacontroller.restart(cache_flush_interval=f"{RELIST}s")
    yield whole
    whole.metacontroller.restart()


@contextmanager
def away(*hooks: Hook, grace: float = 10.0) -> Iterator[None]:
    """Have processes of the hook be away while the context lasts."""
    for hook in hooks:
        hook.stop(grace)
    yield
    for hook in hooks:
        hook.start()


@pytest.mark.takes_hook_away
def test_crashes_while_the_hook_is_down_are_not_lost(shop: Workspace, whole: Cluster) -> None:
    """The hook is killed, Pods crash, one again and again; it comes back, and each is diagnosed."""
    shop.diagnose()
    names = [f"pod-{number}" for number in range(4)]
    for name in names:
        shop.start_pod(name)
    shop.crash(names[0], ERROR)
    shop.annotated(names[0])
    with away(whole.pods_hook, whole.poddiagnosers_hook, grace=0):
        for name in names[1:]:
            shop.crash(name, ERROR)
        shop.crash(names[0], OOM_KILLED)
        shop.settled()
        assert [shown_metadata(shop.pod(name))[0] for name in names[1:]] == [{}, {}, {}]

    for name in names[1:]:
        shop.annotated(name, "Error (Exit Code: 1)")
    shop.annotated(names[0], "OOMKilled (Exit Code: 137)")
    assert shop.counted(len(names))["diagnosedPods"] == len(names)


@pytest.mark.takes_hook_away
def test_pods_are_diagnosed_while_the_other_deployment_is_down(
    shop: Workspace, whole: Cluster
) -> None:
    """Without the PodDiagnosers' process Pods are annotated as ever; the count catches up."""
    shop.diagnose()
    with away(whole.poddiagnosers_hook):
        shop.start_pod("fragile-app-1")
        shop.crash("fragile-app-1", COMPLETED)
        shop.annotated("fragile-app-1")
        assert shop.status()["diagnosedPods"] == 0
    assert shop.counted(1)["diagnosedPods"] == 1


@pytest.mark.takes_hook_away
def test_diagnosers_created_while_the_hook_is_down_settle(
    shop: Workspace, relisting: Cluster
) -> None:
    """A PodDiagnoser that came while the hook was down is in force a relist later at most."""
    shop.start_pod("before")
    shop.crash("before", ERROR)
    with away(relisting.pods_hook, relisting.poddiagnosers_hook):
        shop.create_diagnoser()
        shop.start_pod("meanwhile")
        shop.crash("meanwhile", ERROR)
    for name in ("before", "meanwhile"):
        shop.annotated(name)
    assert shop.counted(2)["diagnosedPods"] == 2


@pytest.mark.takes_hook_away
def test_diagnosers_deleted_while_the_hook_is_down_settle(
    shop: Workspace, relisting: Cluster
) -> None:
    """A PodDiagnoser that went while the hook was down has left nothing, a relist later at most."""
    shop.diagnose("staying", targetLabels={"app": "other"})
    shop.diagnose("leaving")
    shop.start_pod("claimed")
    shop.start_pod("other", {"app": "other"})
    for name in ("claimed", "other"):
        shop.crash(name, ERROR)
        shop.annotated(name)
    with away(relisting.pods_hook, relisting.poddiagnosers_hook):
        relisting.admin.delete(PODDIAGNOSERS, "leaving", shop.namespace)
        eventually(lambda: len(shop.targets()), lambda number: number == 1)
    shop.clean("claimed")
    assert shown_metadata(shop.pod("other"))[1] == {"diagnoser": "staying"}


def test_once_settled_nothing_is_written(shop: Workspace, relisting: Cluster) -> None:
    """Once all is reported no version changes, though everything is listed again."""
    shop.diagnose()
    shop.diagnose("younger", targetLabels={})
    shop.diagnose("inactive", enableAnnotations=False)
    for name, labels in (("fragile-app-1", APP), ("other", {"app": "other"}), ("healthy", APP)):
        shop.start_pod(name, labels)
    shop.crash("fragile-app-1", ERROR)
    shop.crash("other", OOM_KILLED)
    for name in ("fragile-app-1", "other"):
        shop.annotated(name)
    for diagnoser in ("diagnoser", "younger"):
        eventually(partial(shop.status, diagnoser), lambda found: found["diagnosedPods"] == 1)
    before = shop.settled(LONG_SETTLE)
    synced = relisting.metacontroller.sync_requests("pod-diagnoser-pods")
    time.sleep(2 * RELIST + 1)  # to see that nothing happens
    assert relisting.metacontroller.sync_requests("pod-diagnoser-pods") > synced, "it was listed"
    assert shop.versions() == before


def test_a_restart_of_metacontroller_changes_nothing(shop: Workspace, whole: Cluster) -> None:
    """Metacontroller forgets all and sends all again: the answers are the same."""
    shop.diagnose()
    shop.diagnose("younger", targetLabels={})
    for name in ("fragile-app-1", "fragile-app-2"):
        shop.start_pod(name)
        shop.crash(name, OOM_KILLED)
        shop.annotated(name)
    before = shop.settled(LONG_SETTLE)
    whole.metacontroller.restart()
    eventually(lambda: whole.metacontroller.sync_requests("pod-diagnoser-poddiagnosers") > 1)
    assert shop.settled() == before


def test_crashes_while_metacontroller_is_down_are_not_lost(shop: Workspace, whole: Cluster) -> None:
    """Metacontroller is killed, Pods crash and change hands: all is made good after its start."""
    shop.diagnose()
    for name in ("first", "second", "third"):
        shop.start_pod(name)
    shop.crash("first", ERROR)
    shop.crash("second", ERROR)
    shop.counted(2)
    whole.metacontroller.stop(grace=0)
    shop.crash("first", OOM_KILLED)
    shop.crash("third", COMPLETED)
    shop.kubectl("label", "pod", "second", "--overwrite", "app=other")
    whole.metacontroller.start()
    shop.annotated("first", "OOMKilled (Exit Code: 137)")
    shop.annotated("third", "Completed (Exit Code: 0)")
    shop.clean("second")
    assert shop.counted(3)["diagnosedPods"] == 3
