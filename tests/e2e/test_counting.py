"""diagnosedPods is right after any order of events; and what that costs."""

import json
import os
import signal
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest

from dev.envtest import pods
from dev.envtest.client import PODS, Json
from tests.e2e.workspace import (
    APP,
    COMPLETED,
    ERROR,
    LABEL,
    OOM_KILLED,
    PREFIX,
    Workspace,
    eventually,
    shown_metadata,
)

STORM = 300
THREADS = 8
DISTINCT = 20
OTHERS = STORM // 10
"""Syncs of Pods that earlier tests left behind, of which one that is not ready is looked at again
later, and of those whose sync began before Metacontroller's cache had its own last write."""


def quiet_syncs(shop: Workspace, quiet: float = 2.0) -> int:
    """Return the number of Pod syncs so far, once Metacontroller has been idle for a while."""

    def count() -> int:
        return shop.cluster.metacontroller.sync_requests("pod-diagnoser-pods")

    before, since = count(), time.monotonic()
    while time.monotonic() - since < quiet:
        time.sleep(0.1)
        after = count()
        if after != before:
            before, since = after, time.monotonic()
    return before


def crash_at_once(shop: Workspace, pod: Json) -> None:
    """Report a crash in one write, as a kubelet does that skips the step in between."""
    ended = {**pod, "status": pods.ended(pod, ERROR)}
    name = pod["metadata"]["name"]
    shop.cluster.kubelet.report(shop.namespace, name, pods.restarted(ended))


def test_repeated_crashes_count_once(shop: Workspace) -> None:
    """A Pod that crashes again and again is one Pod; two containers of it make no second one."""
    shop.diagnose()
    shop.start_pod("pair", containers=("first", "second"))
    shop.start_pod("single")
    for how in (ERROR, OOM_KILLED, COMPLETED):
        shop.crash("pair", how, "first")
        shop.crash("pair", how, "second")
        shop.crash("single", how)
    assert shop.counted(2)["diagnosedPods"] == 2


def test_deleted_pods_stay_counted(shop: Workspace) -> None:
    """Pods go, the count and the diagnoses stay; a new Pod under an old name is another one."""
    shop.diagnose()
    for number in (1, 2):
        shop.start_pod("db-0")
        shop.crash("db-0", ERROR)
        shop.annotated("db-0")
        shop.counted(number)
        shop.kubectl("delete", "pod", "db-0")
    status = shop.status()
    assert status["diagnosedPods"] == 2
    assert len(status["recentDiagnoses"]) == 2
    assert len({one["podUID"] for one in status["recentDiagnoses"]}) == 2


def test_a_pod_deleted_right_after_its_crash_is_counted(shop: Workspace) -> None:
    """A Pod that is deleted while the status is debounced is counted all the same."""
    shop.diagnose()
    shop.start_pod("first")
    shop.start_pod("second")
    shop.crash("first", ERROR)
    eventually(shop.status, lambda status: status["diagnosedPods"] == 1)
    shop.crash("second", ERROR)
    shop.annotated("second")
    shop.kubectl("delete", "pod", "second")
    assert shop.counted(2)["diagnosedPods"] == 2


@pytest.mark.takes_hook_away  # where it is away for longer than Metacontroller waits
def test_late_writes_are_counted(shop: Workspace) -> None:
    """Pods are diagnosed late and all at once, after others: each is counted."""
    shop.diagnose()
    names = [f"late-{number}" for number in range(5)]
    for name in ("early", *names):
        shop.start_pod(name)
    shop.crash("early", ERROR)
    shop.annotated("early")
    hook = shop.cluster.pods_hook.process
    os.killpg(hook.pid, signal.SIGSTOP)  # answers come when it goes on: late, not never
    try:
        for name in names:
            shop.crash(name, ERROR)
        shop.settled()
        assert shop.status()["diagnosedPods"] == 1
    finally:
        os.killpg(hook.pid, signal.SIGCONT)
    assert shop.counted(1 + len(names))["diagnosedPods"] == 1 + len(names)


def test_the_label_ages_off(shop: Workspace) -> None:
    """An hour after the crash the label goes by itself, the annotations and the count stay."""
    shop.diagnose()
    shop.start_pod("fragile-app-1")
    shop.crash("fragile-app-1", ERROR)
    shop.annotated("fragile-app-1")
    assert shop.counted(1)["diagnosedPods"] == 1
    annotations, _ = shown_metadata(shop.pod("fragile-app-1"))

    record = json.loads(annotations["crashes"])
    past = timedelta(hours=1) - timedelta(seconds=4)  # so that four seconds are left

    def earlier(moment: str) -> str:
        return pods.timestamp(datetime.fromisoformat(moment) - past)

    record["since"] = earlier(record["since"])
    for crash in record["history"]:
        crash.update(seen=earlier(crash["seen"]), finishedAt=earlier(crash["finishedAt"]))
    changed = {f"{PREFIX}crashes": json.dumps(record)}
    shop.cluster.admin.patch(
        PODS, "fragile-app-1", {"metadata": {"annotations": changed}}, shop.namespace
    )
    eventually(lambda: shown_metadata(shop.pod("fragile-app-1"))[1], lambda labels: labels == {})
    assert (
        shown_metadata(shop.pod("fragile-app-1"))[0]["restart-reason"]
        == annotations["restart-reason"]
    )
    shop.settled()
    assert shop.status()["diagnosedPods"] == 1


def test_a_status_write_costs_two_pod_syncs(shop: Workspace) -> None:
    """One to annotate, one because of the annotation; none by the PodDiagnoser's status."""
    shop.diagnose()
    created = [shop.start_pod(f"pod-{number}") for number in range(DISTINCT)]
    before = quiet_syncs(shop)
    for pod in created:
        crash_at_once(shop, pod)
        shop.annotated(pod["metadata"]["name"])
    shop.settled()
    assert quiet_syncs(shop) - before <= 2 * DISTINCT + OTHERS
    assert shop.status()["diagnosedPods"] == DISTINCT


def test_a_storm_is_counted(shop: Workspace) -> None:
    """Hundreds of Pods crash at once: all are annotated, each is counted, two syncs for each."""
    shop.diagnose()
    kubelet, admin = shop.cluster.kubelet, shop.cluster.admin
    names = [f"pod-{number}" for number in range(STORM)]

    def start(name: str) -> Json:
        admin.create(PODS, pods.manifest(name, APP), shop.namespace)
        return kubelet.start_pod(shop.namespace, name)

    with ThreadPoolExecutor(THREADS) as pool:
        started = list(pool.map(start, names))
        before = quiet_syncs(shop)
        list(pool.map(lambda pod: crash_at_once(shop, pod), started))

    def annotated() -> int:
        return len(admin.list(PODS, shop.namespace, f"{LABEL}=diagnoser"))

    eventually(annotated, lambda number: number == STORM)
    status = shop.counted(STORM)
    assert status["diagnosedPods"] == STORM
    assert len(status["recentDiagnoses"]) == 10
    assert quiet_syncs(shop) - before <= 2 * STORM + OTHERS
