"""The real hook behind the simulated Metacontroller: what users and operators rely on."""

import json
from datetime import timedelta

import pytest

from dev.simulator.objects import Object
from dev.simulator.resources import EVENT, POD
from dev.simulator.writes import Call
from tests.support.cluster_fixture import DIAGNOSER, HOUR, TARGET
from tests.support.hooked_cluster import ReportedCluster


@pytest.fixture
def cluster() -> ReportedCluster:
    """Return a cluster with one PodDiagnoser, "d", of the Pods with app=web."""
    cluster = ReportedCluster()
    cluster.diagnoser(targetLabels={"app": "web"})
    cluster.run()
    return cluster


def condition(status: Object, kind: str) -> str:
    """Return a condition's status."""
    return next(str(one["status"]) for one in status["conditions"] if one["type"] == kind)


# From a crash to what is shown


def test_a_crash_is_diagnosed_on_the_pod_and_counted(cluster: ReportedCluster) -> None:
    """Annotations, label and status are there within a moment, in the form that was promised."""
    cluster.pod(app="web")
    cluster.run()
    cluster.crash()
    cluster.run(1)
    annotations = cluster.annotations()
    assert annotations["restart-reason"] == "Completed (Exit Code: 0)"
    assert annotations["restart-time"] == "2026-01-01T00:00:20Z"
    assert annotations["container"] == "app"
    assert annotations["cause"] == "Completed"
    assert annotations["diagnosis"]
    assert cluster.label() == "d"
    status = cluster.status()
    assert status["diagnosedPods"] == 1
    assert status["lastProcessedPod"] == "p"
    assert status["observedGeneration"] == 1
    assert status["recentDiagnoses"][0]["reason"] == "Completed (Exit Code: 0)"
    assert condition(status, "Active") == "True"
    cluster.settle()


def test_one_crash_costs_few_syncs_and_writes(cluster: ReportedCluster) -> None:
    """Two Pod syncs a status write at most, one Pod write, two or three syncs of the diagnoser."""
    cluster.pod(app="web")
    cluster.run()
    cluster.forget_writes()
    cluster.hook.calls.clear()
    cluster.crash()
    cluster.run(30)
    paths = [path for _, path, _ in cluster.hook.calls]
    assert paths.count("/pods/sync") <= 4  # the kubelet reports a crash in two status writes
    assert 2 <= paths.count("/poddiagnosers/sync") <= 3
    assert [(one.call.resource.plural, one.call.subresource) for one in cluster.writes()] == [
        ("pods", ""),
        ("poddiagnosers", "status"),
        ("poddiagnosers", ""),
    ]


def test_a_healthy_pod_is_left_alone(cluster: ReportedCluster) -> None:
    """A Pod that never crashed gets nothing, and costs no write."""
    cluster.forget_writes()
    cluster.pod(app="web")
    cluster.run(60)
    assert not cluster.annotations()
    assert cluster.label() is None
    assert not cluster.writes()


def test_an_unclaimed_pod_is_not_changed(cluster: ReportedCluster) -> None:
    """No PodDiagnoser claims the crash of another app."""
    cluster.forget_writes()
    cluster.pod(app="db")
    cluster.crash()
    cluster.run(60)
    assert not cluster.annotations()
    assert cluster.count() == 0
    assert not cluster.writes()


def test_nothing_happens_when_nothing_happens(cluster: ReportedCluster) -> None:
    """Through half a day of resyncs and expiring caches not one write is made.

    Before that labels are taken off after one hour, and workloads are forgotten after two.
    """
    for number in range(5):
        cluster.pod(f"p{number}", app="web")
        cluster.crash(f"p{number}")
    cluster.run(3 * HOUR)
    cluster.forget_writes()
    cluster.run(12 * HOUR)
    assert not cluster.writes()
    assert all(code == 200 for *_, code in cluster.hook.calls)
    assert not [one for one in cluster.store.select(EVENT) if one["reason"] == "SyncError"]


# The label


def test_the_label_ages_off_after_an_hour(cluster: ReportedCluster) -> None:
    """After an hour the label goes, and the annotations stay."""
    cluster.pod(app="web")
    cluster.crash()
    cluster.run(HOUR - 60)
    assert cluster.label() == "d"
    cluster.run(120)
    assert cluster.label() is None
    assert cluster.annotations()["restart-reason"] == "Completed (Exit Code: 0)"
    assert cluster.count() == 1
    cluster.settle()


def test_a_new_crash_brings_the_label_back(cluster: ReportedCluster) -> None:
    """For another hour, and the Pod is not counted again."""
    cluster.pod(app="web")
    cluster.crash()
    cluster.run(3 * HOUR)
    assert cluster.label() is None
    cluster.crash(code=1)
    cluster.run(60)
    assert cluster.label() == "d"
    assert cluster.annotations()["restart-reason"] == "Error (Exit Code: 1)"
    assert cluster.count() == 1
    cluster.run(HOUR)
    assert cluster.label() is None


def test_the_label_ages_off_though_metacontroller_was_restarted(cluster: ReportedCluster) -> None:
    """The deadline dies with the process; the first sync of the next one sets it again."""
    cluster.pod(app="web")
    cluster.crash()
    cluster.run(HOUR / 2)
    cluster.restart_metacontroller()
    cluster.run(HOUR / 2 + 60)
    assert cluster.label() is None
    cluster.settle()


# Counting


def test_a_pod_is_counted_once_however_often_it_crashes(cluster: ReportedCluster) -> None:
    """The count is of Pods, not of crashes; the history has several crashes."""
    cluster.pod(app="web")
    for number in range(8):
        cluster.crash(code=number)
        cluster.run(37)
    assert cluster.count() == 1
    assert len(json.loads(cluster.annotations()["crashes"])["history"]) == 8
    assert len(cluster.status()["recentDiagnoses"]) == 8
    cluster.settle()


def test_deleted_pods_stay_counted(cluster: ReportedCluster) -> None:
    """A count never falls, and a replacement under another or the same name is another Pod."""
    for name in ("p", "q", "p"):
        cluster.pod(name, app="web")
        cluster.crash(name)
        cluster.run()
        cluster.remove(name)
        cluster.run()
    assert cluster.count() == 3
    assert [one["pod"] for one in cluster.status()["recentDiagnoses"]] == ["p", "q", "p"]
    cluster.settle()


@pytest.mark.parametrize("pods", [1, 7])
def test_counts_survive_restarts(cluster: ReportedCluster, pods: int) -> None:
    """Of the hook and of Metacontroller, each at every moment after a crash."""
    for number in range(pods):
        cluster.pod(f"p{number}", app="web")
    cluster.run()
    for step in range(12):
        for number in range(pods):
            cluster.crash(f"p{number}", code=step)
        cluster.run(0.002 * step)
        if step % 2:
            cluster.hook.restart()
        else:
            cluster.restart_metacontroller()
        cluster.run(5)
    assert cluster.count() == pods
    cluster.settle()


def test_crashes_while_the_hook_is_down_are_counted(cluster: ReportedCluster) -> None:
    """What happened meanwhile is diagnosed when it is back; Pods deleted by then are lost."""
    for number in range(5):
        cluster.pod(f"p{number}", app="web")
    cluster.run()
    cluster.hook.down = True
    for number in range(5):
        cluster.crash(f"p{number}")
        cluster.run(30)
    assert cluster.count() == 0
    cluster.remove("p4")
    cluster.hook.down = False
    cluster.hook.restart()
    cluster.run(20 * 60)
    assert cluster.count() == 4
    assert all(cluster.label(f"p{number}") == "d" for number in range(4))
    cluster.settle()


def test_crashes_while_metacontroller_is_down_are_counted(cluster: ReportedCluster) -> None:
    """Its first list has them all."""
    for number in range(5):
        cluster.pod(f"p{number}", app="web")
    cluster.run()
    cluster.simulator.stop_metacontroller()
    for number in range(5):
        cluster.crash(f"p{number}")
    cluster.run(20 * 60)
    cluster.restart_metacontroller()
    cluster.run()
    assert cluster.count() == 5
    cluster.settle()


def test_old_crashes_are_diagnosed_and_not_counted_at_installation() -> None:
    """Pods that crashed long ago get annotations and no label, so that nothing storms."""
    cluster = ReportedCluster()
    for number in range(5):
        cluster.pod(f"p{number}", app="web")
        cluster.crash(f"p{number}")
    cluster.run(2 * HOUR)
    cluster.diagnoser()
    cluster.run()
    for number in range(5):
        assert cluster.annotations(f"p{number}")["restart-reason"] == "Completed (Exit Code: 0)"
        assert cluster.label(f"p{number}") is None
    assert cluster.count() == 0
    cluster.settle()


def test_switching_off_and_on_does_not_count_twice(cluster: ReportedCluster) -> None:
    """An inactive diagnoser has no Pods; active again, it knows those that it counted."""
    for number in range(4):
        cluster.pod(f"p{number}", app="web")
        cluster.crash(f"p{number}")
    cluster.run()
    for _ in range(3):
        cluster.change(enableAnnotations=False)
        cluster.run(20)
        assert all(not cluster.annotations(f"p{number}") for number in range(4))
        assert all(cluster.label(f"p{number}") is None for number in range(4))
        assert condition(cluster.status(), "Active") == "False"
        (declining,) = cluster.store.select(TARGET)
        assert declining["spec"]["active"] is False
        cluster.change(enableAnnotations=True)
        cluster.run(20)
        assert all(cluster.label(f"p{number}") == "d" for number in range(4))
        assert cluster.count() == 4
    cluster.settle()


def test_a_recreated_diagnoser_starts_without_history(cluster: ReportedCluster) -> None:
    """Under the same name it is another one: its own uid, target and count."""
    cluster.pod("old", app="web")
    cluster.crash("old")
    cluster.run()
    (before,) = cluster.store.select(TARGET)
    cluster.remove_diagnoser()
    again = cluster.diagnoser(targetLabels={"app": "web"})
    cluster.run(60)
    (target,) = cluster.store.select(TARGET)
    assert target["metadata"]["name"] != before["metadata"]["name"]
    assert target["spec"]["diagnoser"]["uid"] == again["metadata"]["uid"]
    assert cluster.count() == 1  # the crash is recent still, so it is the new one's too
    assert (
        json.loads(cluster.annotations("old")["crashes"])["diagnoser"] == again["metadata"]["uid"]
    )
    cluster.settle()


def test_a_recreated_diagnoser_does_not_count_old_crashes(cluster: ReportedCluster) -> None:
    """An hour later the crash is no longer recent."""
    cluster.pod("old", app="web")
    cluster.crash("old")
    cluster.run(2 * HOUR)
    cluster.remove_diagnoser()
    cluster.diagnoser(targetLabels={"app": "web"})
    cluster.run(60)
    assert cluster.count() == 0
    assert cluster.annotations("old")["restart-reason"] == "Completed (Exit Code: 0)"
    cluster.settle()


# Claiming


def test_the_oldest_claims_a_pod(cluster: ReportedCluster) -> None:
    """A younger diagnoser of all Pods gets what the older one does not match, and says so."""
    cluster.diagnoser("everything")
    cluster.pod("p", app="web")
    cluster.pod("q", app="db")
    cluster.crash("p")
    cluster.crash("q")
    cluster.run()
    assert (cluster.label("p"), cluster.label("q")) == ("d", "everything")
    assert (cluster.count("d"), cluster.count("everything")) == (1, 1)
    assert condition(cluster.status("everything"), "Overlapping") == "True"
    cluster.settle()


def test_a_claim_goes_over_to_the_next(cluster: ReportedCluster) -> None:
    """The older one gone, the younger one claims its Pods; both counted them once."""
    cluster.diagnoser("everything")
    cluster.pod(app="web")
    cluster.crash()
    cluster.run()
    cluster.remove_diagnoser("d")
    cluster.run(20)
    assert cluster.label() == "everything"
    assert cluster.count("everything") == 1
    assert condition(cluster.status("everything"), "Overlapping") == "False"
    cluster.settle()


def test_unclaimed_pods_are_cleaned(cluster: ReportedCluster) -> None:
    """The last diagnoser gone, no managed annotation or label is left on any Pod; others stay."""
    cluster.pod(app="web")
    cluster.store.patch(POD, ("default", "p"), {"metadata": {"annotations": {"mine": "x"}}})
    cluster.crash()
    cluster.run()
    cluster.remove_diagnoser()
    cluster.run(20)
    metadata = cluster.store.get(POD, ("default", "p"))["metadata"]
    assert metadata["annotations"] == {"mine": "x"}
    assert metadata["labels"] == {"app": "web"}
    assert not cluster.store.select(TARGET)
    cluster.settle()


def test_a_change_of_target_labels_moves_claims(cluster: ReportedCluster) -> None:
    """Pods that match no longer are cleaned, those that match now are diagnosed."""
    cluster.pod("p", app="web")
    cluster.pod("q", app="db")
    cluster.crash("p")
    cluster.crash("q")
    cluster.run()
    cluster.change(targetLabels={"app": "db"})
    cluster.run(20)
    assert not cluster.annotations("p")
    assert cluster.label("q") == "d"
    cluster.settle()


def test_a_diagnoser_that_goes_while_the_hook_is_down(cluster: ReportedCluster) -> None:
    """Its Pods are cleaned when the hook is back, by the retries or the next resync."""
    cluster.pod(app="web")
    cluster.crash()
    cluster.run()
    cluster.hook.down = True
    cluster.remove_diagnoser()
    cluster.run(300)
    assert cluster.annotations()
    cluster.hook.down = False
    cluster.run(20 * 60)
    assert not cluster.annotations()
    assert cluster.label() is None
    cluster.settle()


# Storms, stale caches, faults


def test_a_storm_of_a_thousand(cluster: ReportedCluster) -> None:
    """A thousand Pods crash within a second: all are counted, with few status writes."""
    for number in range(1000):
        cluster.pod(f"p{number}", app="web")
    cluster.run(20)
    cluster.forget_writes()
    for number in range(1000):
        cluster.crash(f"p{number}")
        cluster.run(0.001)
    cluster.run(60)
    assert cluster.count() == 1000
    assert all(cluster.label(f"p{number}") == "d" for number in range(1000))
    statuses = [one for one in cluster.writes() if one.call.subresource == "status"]
    assert len(statuses) <= 10
    pods = [one for one in cluster.writes() if one.call.resource is POD]
    assert len(pods) <= 1100  # one each, and a few conflicts between the kubelet's two writes
    cluster.settle(10)


def test_a_storm_after_metacontroller_was_down(cluster: ReportedCluster) -> None:
    """The same when all of it is in its first list."""
    for number in range(300):
        cluster.pod(f"p{number}", app="web")
    cluster.run(20)
    cluster.simulator.stop_metacontroller()
    for number in range(300):
        cluster.crash(f"p{number}")
    cluster.run(5)
    cluster.restart_metacontroller()
    cluster.run(60)
    assert cluster.count() == 300
    cluster.settle(10)


@pytest.mark.parametrize("seed", range(25))
def test_stale_caches_and_late_writes(seed: int) -> None:
    """In any order of events, with caches that lag and conflicts, the count is right in the end."""
    cluster = ReportedCluster(seed)
    cluster.diagnoser(targetLabels={"app": "web"})
    cluster.diagnoser("everything")
    cluster.run(2)
    for number in range(6):
        cluster.pod(f"p{number}", app="web" if number % 2 else "db")
    for round_number in range(4):
        for number in range(6):
            cluster.crash(f"p{number}", code=round_number)
            cluster.run(0.004)
    cluster.run(30)
    assert (cluster.count("d"), cluster.count("everything")) == (3, 3)
    for number in range(6):
        assert cluster.label(f"p{number}") == ("d" if number % 2 else "everything")
        assert cluster.annotations(f"p{number}")["restart-reason"] == "Error (Exit Code: 3)"
    cluster.settle()


@pytest.mark.parametrize("seed", range(25))
def test_lost_watches(seed: int) -> None:
    """Watch events are lost and lists take their place, again and again."""
    cluster = ReportedCluster(seed)
    cluster.diagnoser(targetLabels={"app": "web"})
    for number in range(4):
        cluster.pod(f"p{number}", app="web")
    cluster.run(2)
    for round_number in range(3):
        for number in range(4):
            cluster.crash(f"p{number}", code=round_number)
            cluster.run(0.003)
            assert cluster.simulator.metacontroller
            for informer in cluster.simulator.metacontroller.informers.all:
                informer.relist()
    cluster.run(30)
    assert cluster.count() == 4
    assert all(
        cluster.annotations(f"p{number}")["restart-reason"] == "Error (Exit Code: 2)"
        for number in range(4)
    )
    cluster.settle()


class Unreliable:
    """Fails some of Metacontroller's writes before or after they took effect, while it is on."""

    def __init__(self, every: int) -> None:
        self.on = True
        self._every = every
        self._count = 0

    def before(self, call: Call) -> Exception | None:
        """Fail every so many writes before their effect."""
        return self._fault(call, 0)

    def after(self, call: Call) -> Exception | None:
        """Fail as many after their effect."""
        return self._fault(call, self._every // 2)

    def _fault(self, call: Call, remainder: int) -> Exception | None:
        if not self.on or call.manager != "metacontroller" or call.verb in {"list", "get"}:
            return None
        self._count += 1
        if self._count % self._every == remainder:
            return OSError("connection reset by peer")
        return None


@pytest.mark.parametrize("every", [2, 3, 4, 5, 7])
def test_writes_that_fail(every: int) -> None:
    """Writes that fail before or after their effect are made up for, and nothing counts twice."""
    faults = Unreliable(every)
    cluster = ReportedCluster(every, faults)
    cluster.diagnoser(targetLabels={"app": "web"})
    for number in range(6):
        cluster.pod(f"p{number}", app="web")
    cluster.run(5)
    for number in range(6):
        cluster.crash(f"p{number}")
        cluster.run(0.01)
    cluster.run(60)
    faults.on = False
    cluster.run(20 * 60)
    assert cluster.count() == 6
    assert all(cluster.label(f"p{number}") == "d" for number in range(6))
    cluster.settle()


@pytest.mark.parametrize("minutes", [-60, -3, 3, 60])
def test_a_hook_whose_clock_is_wrong(cluster: ReportedCluster, minutes: int) -> None:
    """Up to an hour: crashes are diagnosed and counted once, and then nothing is written."""
    cluster.hook.clock.skew = timedelta(minutes=minutes)
    for number in range(3):
        cluster.pod(f"p{number}", app="web")
    cluster.run()
    for round_number in range(3):
        for number in range(3):
            cluster.crash(f"p{number}", code=round_number)
        cluster.run(60)
    assert cluster.annotations("p1")["restart-reason"] == "Error (Exit Code: 2)"
    if minutes < HOUR / 60:
        assert cluster.count() == 3
    cluster.settle()


@pytest.mark.parametrize("minutes", [-60, 60])
def test_a_clock_that_jumps(cluster: ReportedCluster, minutes: int) -> None:
    """A jump after crashes were counted counts none of them again."""
    for number in range(3):
        cluster.pod(f"p{number}", app="web")
        cluster.crash(f"p{number}")
    cluster.run()
    cluster.hook.clock.skew = timedelta(minutes=minutes)
    cluster.run(15 * 60)
    cluster.hook.clock.skew = timedelta(0)
    cluster.run(15 * 60)
    assert cluster.count() == 3
    cluster.settle()


def test_two_diagnosers_of_one_hook_do_not_mix() -> None:
    """Namespaces are apart: a diagnoser sees the Pods of its own only."""
    cluster = ReportedCluster()
    cluster.store.create(
        next(kind for kind in cluster.store.resources if kind.kind == "Namespace"),
        {"metadata": {"name": "other"}},
    )
    cluster.diagnoser()
    cluster.store.create(DIAGNOSER, {"metadata": {"name": "d", "namespace": "other"}, "spec": {}})
    cluster.pod(app="web")
    cluster.crash()
    cluster.run()
    assert cluster.count() == 1
    other = cluster.store.get(DIAGNOSER, ("other", "d"))
    assert other["status"]["diagnosedPods"] == 0
    cluster.settle()
