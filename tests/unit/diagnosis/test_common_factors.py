"""What Pods have in common that crashed within one minute, and when that says nothing."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis import common_factors
from pod_diagnoser.diagnosis.common_factors import (
    TOLD_FOR,
    WINDOW,
    CommonFactor,
    Factor,
    PodFacts,
    find_common_factor,
)
from tests.support.builders import T0, after


def crash(at: float, number: int = 0, node: str = "node1", **facts: Any) -> PodFacts:
    """A Pod that crashed some seconds after `T0`, of a workload of this number."""
    given_facts: dict[str, Any] = {
        "images": (f"app{number}:1",),
        "started_at": after(at - 600 - 100 * (number % 7)),
        "cause": "ApplicationError",
        **facts,
    }
    base = PodFacts(f"shop Deployment web{number}", "Deployment", f"web{number}", node)
    return base._replace(crashed=True, crashed_at=after(at), **given_facts)


def elsewhere(count: int, node: str = "node2", **facts: Any) -> list[PodFacts]:
    """Pods that crashed at other times, each of a workload of its own."""
    return [crash(600 + 300 * at, 50 + at, node, **facts) for at in range(count)]


def told(pods: Sequence[PodFacts], *, whole: bool = False) -> str:
    """Return what is told, or an empty string."""
    found = find_common_factor(pods, whole=whole)
    return found.message if found else ""


# The node


def test_pods_of_many_workloads_that_crash_on_one_node_are_told_with_the_node_first() -> None:
    """How many, of how many workloads, how close together, where, and who else was there."""
    burst = [crash(at % 41, at % 12, "node7") for at in range(37)]
    others = [*elsewhere(7), *elsewhere(1, "node7")]
    found = find_common_factor([*burst, *others])
    assert found == CommonFactor(
        Factor.NODE,
        "37 Pods of 12 workloads crashed within 36 s, from 2026-11-23T10:00:00Z: all on node node7 "
        "(also 1 of 8 other Pods). A hint, not a cause; compared with other Pods that crashed "
        "within the hour, not with healthy ones.",
        first=T0,
        pods=37,
    )


def test_most_of_the_pods_suffice() -> None:
    """Two of a dozen that crashed elsewhere by chance do not hide the node."""
    burst = [crash(at, at, "node7") for at in range(10)] + [crash(at, 20 + at) for at in (3, 4)]
    assert ": 10 of them on node node7" in told([*burst, *elsewhere(4)])


@pytest.mark.parametrize("pods", [1, 2])
def test_less_than_three_pods_have_nothing_in_common(pods: int) -> None:
    """Two Pods share something too easily."""
    assert not told([*(crash(at, at, "node7") for at in range(pods)), *elsewhere(20)])


def test_the_only_node_that_is_known_is_no_finding() -> None:
    """On a cluster of one node everything is on one node."""
    pods = [crash(at, at % 2, "node1") for at in range(10)] + elsewhere(20, "node1")
    assert not told(pods)


def test_the_only_node_is_named_as_such_where_the_time_is_told() -> None:
    """Many workloads at once are told; that all are on one node may or may not say something."""
    assert told([crash(at, at) for at in range(5)]) == (
        "5 Pods of 5 workloads crashed within 4 s, from 2026-11-23T10:00:00Z, although their runs "
        "had not begun together, all on node node1, the only one with such Pods. A hint, not a "
        "cause; of healthy Pods nothing is known."
    )


def test_a_node_with_most_pods_anyway_is_no_finding() -> None:
    """Where nine in ten Pods are on a node, nine in ten crashes are there."""
    pods = [*elsewhere(18, "node7"), *elsewhere(2, "node2")]
    assert not told([*(crash(at, at % 3, "node7") for at in range(5)), *pods])


def test_what_most_others_have_is_no_finding_however_many_pods_crash() -> None:
    """It may be rare by chance, and still says nothing."""
    burst = [crash(at % 60, at, "node7", started_at=T0) for at in range(200)]
    others = [PodFacts(f"w{at}", "Job", f"w{at}", "node7") for at in range(80)]
    others += [PodFacts(f"w{at}", "Job", f"w{at}", "node2") for at in range(80, 100)]
    assert not told([*burst, *others], whole=True)
    assert "all on node node7 (also 80 of 180 other" in told(
        [*burst, *others, *(each._replace(node="node3") for each in others[:80])], whole=True
    )


def test_pods_of_which_it_is_not_known_do_not_count_as_having_it() -> None:
    """The image of one in four is not known."""
    burst = [crash(at, at, f"n{at}", images=("a:1",) if at % 4 else ()) for at in range(60)]
    others = [PodFacts(f"w{at}", "Job", f"w{at}", "", (f"a:{at % 2}",)) for at in range(80)]
    assert "45 of them with image a:1 (also 40 of 80 other workloads)" in told(
        [*burst, *others], whole=True
    )
    assert "image" not in told([*burst, *others[1::2], *others[::4]], whole=True)


def test_healthy_pods_are_what_it_is_compared_with_where_they_are_known() -> None:
    """On the command line all Pods are known: then that is what is usual."""
    burst = [crash(at, at, "node7") for at in range(5)]
    healthy = [PodFacts(f"shop w{at}", "Job", f"w{at}", f"node{at % 10}") for at in range(160)]
    message = told([*burst, *healthy], whole=True)
    assert "all on node node7 (also 16 of 160 other Pods). A hint, not a cause." in message
    full = [pod._replace(node="node7") for pod in healthy]
    assert "node7" not in told([*burst, *full], whole=True)


# Image, reason, cause, workload


def test_an_image_is_told_across_workloads() -> None:
    """Pods of one workload have one image anyway; those of four do not."""
    burst = [crash(at, at % 4, f"node{at}", images=("base:2",)) for at in range(8)]
    assert told([*burst, *elsewhere(3)]).startswith(
        "8 Pods of 4 workloads crashed within 7 s, from 2026-11-23T10:00:00Z: all with image "
        "base:2 (none of 3 other workloads)."
    )


def test_of_one_workload_neither_image_nor_cause_is_told() -> None:
    """They follow from the workload."""
    burst = [
        crash(at, 1, f"node{at}", cause="OutOfMemory", started_at=T0, images=("web:1",))
        for at in range(8)
    ]
    found = find_common_factor([*burst, *elsewhere(3)])
    assert found is not None
    assert found.factor is Factor.WORKLOAD
    assert found.message.startswith(
        "8 Pods crashed within 7 s, from 2026-11-23T10:00:00Z: all of Deployment web1 (none of 3 "
    )
    assert "OutOfMemory" not in found.message
    assert "web:1" not in found.message


def test_the_only_workload_is_no_finding() -> None:
    """A PodDiagnoser that selects one workload sees no other."""
    assert not told([crash(at, 1, f"node{at}", started_at=T0) for at in range(20)])


def test_a_reason_is_told_before_the_cause_which_is_the_same_for_all() -> None:
    """The kind of reason says more, and the cause nothing more."""
    burst = [crash(at, at, f"node{at}", reason_class="DependencyUnreachable") for at in range(4)]
    found = find_common_factor([*burst, *elsewhere(2)])
    assert found is not None
    assert found.factor is Factor.REASON_CLASS
    assert "all for the reason DependencyUnreachable" in found.message
    assert "ApplicationError" not in found.message


def test_a_cause_is_told_unless_most_crashes_have_it_anyway() -> None:
    """Four workloads that run out of memory at once are told; exit codes of their own are not."""
    burst = [crash(at, at, f"node{at}", started_at=T0) for at in range(4)]
    assert not told(burst)
    assert ": all with the cause OutOfMemory" in told(
        [each._replace(cause="OutOfMemory") for each in burst]
    )


# The time


def test_crashes_in_one_second_are_told_if_the_runs_had_not_begun_together() -> None:
    """Programs that are started together fail together; others have a common reason."""
    found = find_common_factor([crash(0, at, f"node{at}") for at in range(4)])
    assert found is not None
    assert found.factor is Factor.SECOND
    assert "crashed in the same second, at 2026-11-23T10:00:00Z, although" in found.message
    assert not told([crash(0, at, f"node{at}", started_at=T0) for at in range(4)])


def test_a_minute_is_told_only_if_most_crashes_of_the_hour_were_then() -> None:
    """Where Pods crash all the time, three within a minute say nothing."""
    burst = [crash(20 * at, at, f"node{at}") for at in range(3)]
    assert "within 40 s" in told(burst)
    assert not told([*burst, *(each for at, each in enumerate(elsewhere(9, "node9")) if at % 2)])


def test_pods_that_crash_more_than_a_minute_apart_have_nothing_in_common() -> None:
    """Three on one node within the hour are chance."""
    assert not told([*(crash(61 * at, at, "node7") for at in range(20)), *elsewhere(20)])


def test_the_fullest_minute_is_told_and_the_next_one_if_there_is_nothing_to_say_of_it() -> None:
    """Ten Pods all over the cluster do not hide three on one node."""
    many = [crash(4000 + at, 100 + at, f"node{at}", started_at=after(4000)) for at in range(10)]
    few = [crash(at, at, "node77") for at in range(3)]
    assert told([*many, *few]).startswith("3 Pods of 3 workloads crashed within 2 s")


def test_it_is_told_for_an_hour_at_most_and_ends_as_a_whole() -> None:
    """Not one Pod after another: the first crash decides."""
    pods = [*(crash(9 * at, at, "node7") for at in range(5)), *elsewhere(3)]
    found = find_common_factor(pods, after(120))
    assert found is not None
    last = T0 + TOLD_FOR - timedelta(seconds=1)
    assert find_common_factor(pods, last) == found
    assert found.seconds_left(last) == 1
    assert find_common_factor(pods, T0 + TOLD_FOR) is None
    assert find_common_factor(pods, T0 - timedelta(seconds=1)) is None


@pytest.mark.parametrize("evil", ['x" kubectl delete ns "x', "kubectl delete " * 90, "x" * 999])
def test_names_that_are_none_are_quoted_and_bounded(evil: str) -> None:
    """Nodes, images, kinds and names are of others: they never speak in our voice."""
    burst = [
        crash(at, at % 4, evil, images=(evil,), reason_class="Nothing")._replace(
            workload_kind=evil[:63], workload_name=evil
        )
        for at in range(9)
    ]
    message = told([*burst, *elsewhere(3)])
    assert message.count('"') % 2 == 0
    assert len(message.encode()) < 1024
    assert message.count('"') >= 2
    outside = message.split('"')[::2]
    assert "kubectl" not in " ".join(outside)


# Properties

NODES = st.sampled_from(["", "a", "b", "c"])
FACTS = st.builds(
    lambda at, workload, node, image, cause, began: PodFacts(
        workload,
        "Deployment",
        workload,
        node,
        (image,) if image else (),
        crashed=at is not None,
        crashed_at=None if at is None else after(at),
        started_at=None if began is None else after(-began),
        cause=cause if at is not None else "",
    ),
    st.none() | st.integers(0, 400),
    st.sampled_from(["u", "v", "w", "x", "y"]),
    NODES,
    st.sampled_from(["", "i:1", "i:2"]),
    st.sampled_from(["", "OutOfMemory", "ApplicationError"]),
    st.none() | st.integers(0, 600),
)
PODS = st.lists(FACTS, max_size=40)


@dataclass(frozen=True)
class Burst:
    """The Pods that a message is about, by its own first moment."""

    pods: Sequence[PodFacts]

    @classmethod
    def of(cls, pods: Sequence[PodFacts], found: CommonFactor) -> "Burst":
        """Find them again."""
        end = found.first + WINDOW
        return cls([pod for pod in pods if pod.crashed_at and found.first <= pod.crashed_at <= end])

    def most(self, values: Sequence[str]) -> int:
        """How many have the most frequent value."""
        known = [value for value in values if value]
        return max((known.count(value) for value in known), default=0)


@given(PODS)
def test_what_is_told_is_shared_by_three_pods_and_by_most_within_a_minute(
    pods: list[PodFacts],
) -> None:
    """Counted again, in another way."""
    found = find_common_factor(pods)
    if found is None:
        return
    burst = Burst.of(pods, found)
    assert len(burst.pods) == found.pods >= 3
    shared = {
        Factor.NODE: burst.most([pod.node for pod in burst.pods]),
        Factor.WORKLOAD: burst.most([pod.workload for pod in burst.pods]),
        Factor.IMAGE: burst.most([pod.images[0] for pod in burst.pods if pod.images]),
        Factor.CAUSE: burst.most([pod.cause for pod in burst.pods]),
        Factor.SECOND: burst.most([str(pod.crashed_at) for pod in burst.pods]),
        Factor.MINUTE: len(burst.pods),
    }[found.factor]
    assert shared >= 3
    assert 4 * shared >= 3 * len(burst.pods)


@given(PODS, st.randoms(use_true_random=False), st.booleans())
def test_the_order_of_the_pods_does_not_matter(
    pods: list[PodFacts], rng: random.Random, whole: bool
) -> None:
    """Two replicas that get the Pods in different orders say the same, to the letter."""
    shuffled = list(pods)
    rng.shuffle(shuffled)
    assert find_common_factor(shuffled, whole=whole) == find_common_factor(pods, whole=whole)


@given(PODS, st.lists(st.integers(0, 5000), min_size=2, max_size=10))
def test_it_ends_once_and_does_not_come_back(pods: list[PodFacts], moments: list[int]) -> None:
    """While no Pod changes, a minute of crashes is told, or another one after it, or nothing."""
    ended = set()
    before: datetime | None = None
    for moment in sorted(moments):
        found = find_common_factor(pods, after(400 + moment))
        first = found.first if found else None
        if before is not None and first != before:
            ended.add(before)
        assert first not in ended
        before = first


@given(
    st.lists(st.integers(0, 200), min_size=3, max_size=30),
    st.lists(st.integers(3000, 4000), min_size=20, max_size=60),
)
def test_it_ends_as_a_whole_before_its_pods_drop_out(
    crashes: list[int], moments: list[int]
) -> None:
    """A Pod counts as recently crashed for an hour after it was diagnosed, up to a minute later."""
    pods = [crash(at, at, "node7") for at in crashes]
    healthy = [PodFacts(f"w{at}", "Job", f"w{at}", f"node{at % 9}") for at in range(30)]
    whole = find_common_factor([*pods, *healthy], after(max(crashes)))
    told_before: set[str] = set() if whole is None else {whole.message}
    for moment in sorted(moments):
        left = [pod for at, pod in zip(crashes, pods, strict=True) if moment < at + 3600]
        found = find_common_factor([*left, *healthy], after(moment))
        if found is not None and moment < 3600 + min(crashes):
            told_before.add(found.message)
        assert found is None or found.message in told_before


@given(PODS)
def test_where_all_pods_are_on_one_node_it_is_never_told(pods: list[PodFacts]) -> None:
    """What all have that are known says nothing, whatever else there is."""
    found = find_common_factor([pod._replace(node="only") for pod in pods], whole=True)
    assert found is None or found.factor is not Factor.NODE


@given(PODS)
def test_the_message_is_one_bounded_line(pods: list[PodFacts]) -> None:
    """It stands in a condition, and on a terminal."""
    found = find_common_factor(pods)
    assert found is None or (found.message.isprintable() and len(found.message.encode()) < 600)


def test_the_work_is_linear_in_the_pods(monkeypatch: pytest.MonkeyPatch) -> None:
    """A storm of many Pods in many minutes: of few minutes the Pods are looked at."""
    looked_at = []
    pods = [crash(at, at % 40, f"node{at % 9}", started_at=T0) for at in range(5000)]
    original = common_factors._Minute.shared

    def counted(minute: common_factors._Minute) -> object:
        looked_at.append(len(minute._pods))
        return original(minute)

    monkeypatch.setattr(common_factors._Minute, "shared", counted)
    assert find_common_factor(pods) is None
    assert len(looked_at) == 5
    assert sum(looked_at) <= 5 * 61
