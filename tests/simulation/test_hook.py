"""The real hook behind the simulated Metacontroller: what users and operators rely on."""

import json
from datetime import timedelta

import pytest

from dev.simulator.objects import Object
from dev.simulator.resources import EVENT, POD
from dev.simulator.writes import Call
from tests.support.cluster_fixture import DIAGNOSER, HOUR, TARGET, World


@pytest.fixture
def world() -> World:
    """Return a cluster with one PodDiagnoser, "d", of the Pods with app=web."""
    world = World()
    world.diagnoser(targetLabels={"app": "web"})
    world.run()
    return world


def condition(status: Object, kind: str) -> str:
    """Return a condition's status."""
    return next(str(one["status"]) for one in status["conditions"] if one["type"] == kind)


# From a crash to what is shown


def test_a_crash_is_told_on_the_pod_and_counted(world: World) -> None:
    """Annotations, label and status are there within a moment, in the form that was promised."""
    world.pod(app="web")
    world.run()
    world.crash()
    world.run(1)
    notes = world.notes()
    assert notes["restart-reason"] == "Completed (Exit Code: 0)"
    assert notes["restart-time"] == "2026-01-01T00:00:20Z"
    assert notes["container"] == "app"
    assert notes["cause"] == "Completed"
    assert notes["diagnosis"]
    assert world.label() == "d"
    status = world.status()
    assert status["diagnosedPods"] == 1
    assert status["lastProcessedPod"] == "p"
    assert status["observedGeneration"] == 1
    assert status["recentDiagnoses"][0]["reason"] == "Completed (Exit Code: 0)"
    assert condition(status, "Active") == "True"
    world.settle()


def test_one_crash_costs_few_syncs_and_writes(world: World) -> None:
    """Two Pod syncs a status write at most, one Pod write, two or three syncs of the diagnoser."""
    world.pod(app="web")
    world.run()
    world.mark()
    world.hook.calls.clear()
    world.crash()
    world.run(30)
    paths = [path for _, path, _ in world.hook.calls]
    assert paths.count("/pods/sync") <= 4  # the kubelet reports a crash in two status writes
    assert 2 <= paths.count("/poddiagnosers/sync") <= 3
    assert [(one.call.resource.plural, one.call.subresource) for one in world.writes()] == [
        ("pods", ""),
        ("poddiagnosers", "status"),
        ("poddiagnosers", ""),
    ]


def test_a_healthy_pod_is_left_alone(world: World) -> None:
    """A Pod that never crashed gets nothing, and costs no write."""
    world.mark()
    world.pod(app="web")
    world.run(60)
    assert not world.notes()
    assert world.label() is None
    assert not world.writes()


def test_a_pod_that_nobody_claims_is_left_alone(world: World) -> None:
    """Another app's crash is nobody's."""
    world.mark()
    world.pod(app="db")
    world.crash()
    world.run(60)
    assert not world.notes()
    assert world.count() == 0
    assert not world.writes()


def test_nothing_happens_when_nothing_happens(world: World) -> None:
    """Through half a day of resyncs and expiring caches not one write is made.

    Before that labels are taken off after one hour, and workloads are forgotten after two.
    """
    for number in range(5):
        world.pod(f"p{number}", app="web")
        world.crash(f"p{number}")
    world.run(3 * HOUR)
    world.mark()
    world.run(12 * HOUR)
    assert not world.writes()
    assert all(code == 200 for *_, code in world.hook.calls)
    assert not [one for one in world.store.select(EVENT) if one["reason"] == "SyncError"]


# The label


def test_the_label_ages_off_after_an_hour(world: World) -> None:
    """After an hour the label goes, and the annotations stay."""
    world.pod(app="web")
    world.crash()
    world.run(HOUR - 60)
    assert world.label() == "d"
    world.run(120)
    assert world.label() is None
    assert world.notes()["restart-reason"] == "Completed (Exit Code: 0)"
    assert world.count() == 1
    world.settle()


def test_a_new_crash_brings_the_label_back(world: World) -> None:
    """For another hour, and the Pod is not counted again."""
    world.pod(app="web")
    world.crash()
    world.run(3 * HOUR)
    assert world.label() is None
    world.crash(code=1)
    world.run(60)
    assert world.label() == "d"
    assert world.notes()["restart-reason"] == "Error (Exit Code: 1)"
    assert world.count() == 1
    world.run(HOUR)
    assert world.label() is None


def test_the_label_ages_off_though_metacontroller_was_restarted(world: World) -> None:
    """The deadline dies with the process; the first sync of the next one sets it anew."""
    world.pod(app="web")
    world.crash()
    world.run(HOUR / 2)
    world.restart_metacontroller()
    world.run(HOUR / 2 + 60)
    assert world.label() is None
    world.settle()


# Counting


def test_a_pod_is_counted_once_however_often_it_crashes(world: World) -> None:
    """The count is of Pods, not of crashes; the history tells of several crashes."""
    world.pod(app="web")
    for number in range(8):
        world.crash(code=number)
        world.run(37)
    assert world.count() == 1
    assert len(json.loads(world.notes()["crashes"])["history"]) == 8
    assert len(world.status()["recentDiagnoses"]) == 8
    world.settle()


def test_deleted_pods_stay_counted(world: World) -> None:
    """A count never falls, and a replacement under another or the same name is another Pod."""
    for name in ("p", "q", "p"):
        world.pod(name, app="web")
        world.crash(name)
        world.run()
        world.remove(name)
        world.run()
    assert world.count() == 3
    assert [one["pod"] for one in world.status()["recentDiagnoses"]] == ["p", "q", "p"]
    world.settle()


@pytest.mark.parametrize("pods", [1, 7])
def test_counts_survive_restarts(world: World, pods: int) -> None:
    """Of the hook and of Metacontroller, each at every moment after a crash."""
    for number in range(pods):
        world.pod(f"p{number}", app="web")
    world.run()
    for step in range(12):
        for number in range(pods):
            world.crash(f"p{number}", code=step)
        world.run(0.002 * step)
        if step % 2:
            world.hook.restart()
        else:
            world.restart_metacontroller()
        world.run(5)
    assert world.count() == pods
    world.settle()


def test_crashes_while_the_hook_is_down_are_counted(world: World) -> None:
    """What happened meanwhile is diagnosed when it is back; Pods deleted by then are lost."""
    for number in range(5):
        world.pod(f"p{number}", app="web")
    world.run()
    world.hook.down = True
    for number in range(5):
        world.crash(f"p{number}")
        world.run(30)
    assert world.count() == 0
    world.remove("p4")
    world.hook.down = False
    world.hook.restart()
    world.run(20 * 60)
    assert world.count() == 4
    assert all(world.label(f"p{number}") == "d" for number in range(4))
    world.settle()


def test_crashes_while_metacontroller_is_down_are_counted(world: World) -> None:
    """Its first list has them all."""
    for number in range(5):
        world.pod(f"p{number}", app="web")
    world.run()
    world.cluster.stop_metacontroller()
    for number in range(5):
        world.crash(f"p{number}")
    world.run(20 * 60)
    world.restart_metacontroller()
    world.run()
    assert world.count() == 5
    world.settle()


def test_old_crashes_are_told_and_not_counted_at_installation() -> None:
    """Pods that crashed long ago get annotations and no label, so that nothing storms."""
    world = World()
    for number in range(5):
        world.pod(f"p{number}", app="web")
        world.crash(f"p{number}")
    world.run(2 * HOUR)
    world.diagnoser()
    world.run()
    for number in range(5):
        assert world.notes(f"p{number}")["restart-reason"] == "Completed (Exit Code: 0)"
        assert world.label(f"p{number}") is None
    assert world.count() == 0
    world.settle()


def test_switching_off_and_on_does_not_count_twice(world: World) -> None:
    """An inactive diagnoser has no Pods; active again, it knows those that it counted."""
    for number in range(4):
        world.pod(f"p{number}", app="web")
        world.crash(f"p{number}")
    world.run()
    for _ in range(3):
        world.change(enableAnnotations=False)
        world.run(20)
        assert all(not world.notes(f"p{number}") for number in range(4))
        assert all(world.label(f"p{number}") is None for number in range(4))
        assert condition(world.status(), "Active") == "False"
        assert not world.store.select(TARGET)
        world.change(enableAnnotations=True)
        world.run(20)
        assert all(world.label(f"p{number}") == "d" for number in range(4))
        assert world.count() == 4
    world.settle()


def test_a_recreated_diagnoser_starts_anew(world: World) -> None:
    """Under the same name it is another one: its own uid, target and count."""
    world.pod("old", app="web")
    world.crash("old")
    world.run()
    (before,) = world.store.select(TARGET)
    world.remove_diagnoser()
    again = world.diagnoser(targetLabels={"app": "web"})
    world.run(60)
    (target,) = world.store.select(TARGET)
    assert target["metadata"]["name"] != before["metadata"]["name"]
    assert target["spec"]["diagnoser"]["uid"] == again["metadata"]["uid"]
    assert world.count() == 1  # the crash is recent still, so it is the new one's too
    assert json.loads(world.notes("old")["crashes"])["diagnoser"] == again["metadata"]["uid"]
    world.settle()


def test_a_recreated_diagnoser_does_not_count_old_crashes(world: World) -> None:
    """An hour later the old crash is nobody's news."""
    world.pod("old", app="web")
    world.crash("old")
    world.run(2 * HOUR)
    world.remove_diagnoser()
    world.diagnoser(targetLabels={"app": "web"})
    world.run(60)
    assert world.count() == 0
    assert world.notes("old")["restart-reason"] == "Completed (Exit Code: 0)"
    world.settle()


# Claiming


def test_the_oldest_claims_a_pod(world: World) -> None:
    """A younger diagnoser of all Pods gets what the older one does not match, and says so."""
    world.diagnoser("everything")
    world.pod("p", app="web")
    world.pod("q", app="db")
    world.crash("p")
    world.crash("q")
    world.run()
    assert (world.label("p"), world.label("q")) == ("d", "everything")
    assert (world.count("d"), world.count("everything")) == (1, 1)
    assert condition(world.status("everything"), "Overlapping") == "True"
    world.settle()


def test_a_claim_goes_over_to_the_next(world: World) -> None:
    """The older one gone, the younger one claims its Pods; both counted them once."""
    world.diagnoser("everything")
    world.pod(app="web")
    world.crash()
    world.run()
    world.remove_diagnoser("d")
    world.run(20)
    assert world.label() == "everything"
    assert world.count("everything") == 1
    assert condition(world.status("everything"), "Overlapping") == "False"
    world.settle()


def test_unclaimed_pods_are_cleaned(world: World) -> None:
    """The last diagnoser gone, nothing of ours is left on any Pod; what is others' stays."""
    world.pod(app="web")
    world.store.patch(POD, ("default", "p"), {"metadata": {"annotations": {"mine": "x"}}})
    world.crash()
    world.run()
    world.remove_diagnoser()
    world.run(20)
    metadata = world.store.get(POD, ("default", "p"))["metadata"]
    assert metadata["annotations"] == {"mine": "x"}
    assert metadata["labels"] == {"app": "web"}
    assert not world.store.select(TARGET)
    world.settle()


def test_a_change_of_target_labels_moves_claims(world: World) -> None:
    """Pods that match no longer are cleaned, those that match now are diagnosed."""
    world.pod("p", app="web")
    world.pod("q", app="db")
    world.crash("p")
    world.crash("q")
    world.run()
    world.change(targetLabels={"app": "db"})
    world.run(20)
    assert not world.notes("p")
    assert world.label("q") == "d"
    world.settle()


def test_a_diagnoser_that_goes_while_the_hook_is_down(world: World) -> None:
    """Its Pods are cleaned when the hook is back, by the retries or the next resync."""
    world.pod(app="web")
    world.crash()
    world.run()
    world.hook.down = True
    world.remove_diagnoser()
    world.run(300)
    assert world.notes()
    world.hook.down = False
    world.run(20 * 60)
    assert not world.notes()
    assert world.label() is None
    world.settle()


# Storms, stale caches, faults


def test_a_storm_of_a_thousand(world: World) -> None:
    """A thousand Pods crash within a second: all told, all counted, with few status writes."""
    for number in range(1000):
        world.pod(f"p{number}", app="web")
    world.run(20)
    world.mark()
    for number in range(1000):
        world.crash(f"p{number}")
        world.run(0.001)
    world.run(60)
    assert world.count() == 1000
    assert all(world.label(f"p{number}") == "d" for number in range(1000))
    statuses = [one for one in world.writes() if one.call.subresource == "status"]
    assert len(statuses) <= 10
    pods = [one for one in world.writes() if one.call.resource is POD]
    assert len(pods) <= 1100  # one each, and a few conflicts between the kubelet's two writes
    world.settle(10)


def test_a_storm_after_metacontroller_was_down(world: World) -> None:
    """The same when all of it is in its first list."""
    for number in range(300):
        world.pod(f"p{number}", app="web")
    world.run(20)
    world.cluster.stop_metacontroller()
    for number in range(300):
        world.crash(f"p{number}")
    world.run(5)
    world.restart_metacontroller()
    world.run(60)
    assert world.count() == 300
    world.settle(10)


@pytest.mark.parametrize("seed", range(25))
def test_stale_caches_and_late_writes(seed: int) -> None:
    """In any order of events, with caches that lag and conflicts, the count is right in the end."""
    world = World(seed)
    world.diagnoser(targetLabels={"app": "web"})
    world.diagnoser("everything")
    world.run(2)
    for number in range(6):
        world.pod(f"p{number}", app="web" if number % 2 else "db")
    for round_number in range(4):
        for number in range(6):
            world.crash(f"p{number}", code=round_number)
            world.run(0.004)
    world.run(30)
    assert (world.count("d"), world.count("everything")) == (3, 3)
    for number in range(6):
        assert world.label(f"p{number}") == ("d" if number % 2 else "everything")
        assert world.notes(f"p{number}")["restart-reason"] == "Error (Exit Code: 3)"
    world.settle()


@pytest.mark.parametrize("seed", range(25))
def test_lost_watches(seed: int) -> None:
    """Watch events are lost and lists take their place, again and again."""
    world = World(seed)
    world.diagnoser(targetLabels={"app": "web"})
    for number in range(4):
        world.pod(f"p{number}", app="web")
    world.run(2)
    for round_number in range(3):
        for number in range(4):
            world.crash(f"p{number}", code=round_number)
            world.run(0.003)
            assert world.cluster.metacontroller
            for informer in world.cluster.metacontroller.informers.all:
                informer.relist()
    world.run(30)
    assert world.count() == 4
    assert all(
        world.notes(f"p{number}")["restart-reason"] == "Error (Exit Code: 2)" for number in range(4)
    )
    world.settle()


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
    world = World(every, faults)
    world.diagnoser(targetLabels={"app": "web"})
    for number in range(6):
        world.pod(f"p{number}", app="web")
    world.run(5)
    for number in range(6):
        world.crash(f"p{number}")
        world.run(0.01)
    world.run(60)
    faults.on = False
    world.run(20 * 60)
    assert world.count() == 6
    assert all(world.label(f"p{number}") == "d" for number in range(6))
    world.settle()


@pytest.mark.parametrize("minutes", [-60, -3, 3, 60])
def test_a_hook_whose_clock_is_wrong(world: World, minutes: int) -> None:
    """Up to an hour: crashes are told and counted once, and it is quiet."""
    world.hook.clock.skew = timedelta(minutes=minutes)
    for number in range(3):
        world.pod(f"p{number}", app="web")
    world.run()
    for round_number in range(3):
        for number in range(3):
            world.crash(f"p{number}", code=round_number)
        world.run(60)
    assert world.notes("p1")["restart-reason"] == "Error (Exit Code: 2)"
    if minutes < HOUR / 60:
        assert world.count() == 3
    world.settle()


@pytest.mark.parametrize("minutes", [-60, 60])
def test_a_clock_that_jumps(world: World, minutes: int) -> None:
    """A jump after crashes were counted counts none of them again."""
    for number in range(3):
        world.pod(f"p{number}", app="web")
        world.crash(f"p{number}")
    world.run()
    world.hook.clock.skew = timedelta(minutes=minutes)
    world.run(15 * 60)
    world.hook.clock.skew = timedelta(0)
    world.run(15 * 60)
    assert world.count() == 3
    world.settle()


def test_two_diagnosers_of_one_hook_do_not_mix() -> None:
    """Namespaces are apart: a diagnoser sees the Pods of its own only."""
    world = World()
    world.store.create(
        next(kind for kind in world.store.resources if kind.kind == "Namespace"),
        {"metadata": {"name": "other"}},
    )
    world.diagnoser()
    world.store.create(DIAGNOSER, {"metadata": {"name": "d", "namespace": "other"}, "spec": {}})
    world.pod(app="web")
    world.crash()
    world.run()
    assert world.count() == 1
    other = world.store.get(DIAGNOSER, ("other", "d"))
    assert other["status"]["diagnosedPods"] == 0
    world.settle()
