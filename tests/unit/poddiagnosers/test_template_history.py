"""What the Pods of a version of a template did: the number of crashes, whichever Pods are left."""

from datetime import datetime
from itertools import pairwise
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import WorkloadTemplate
from pod_diagnoser.diagnosis.changes import How, Part
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.poddiagnosers.template_history import Crash, TemplatePod, template_entry
from pod_diagnoser.pods.history import StoredChange, StoredDifference
from tests.support.builders import T0, after

CHANGE = StoredChange(
    revision=7,
    began=after(minutes=-3),
    former=6,
    ran=9 * 86_400,
    differences=(
        StoredDifference(
            part=Part.IMAGE, how=How.CHANGED, before="shop/web:1.4", after="shop/web:1.5"
        ),
    ),
)


def pod(
    *moments: datetime,
    of: str = "new",
    created: datetime = T0,
    change: StoredChange | None = None,
    first: int = 1,
) -> TemplatePod:
    """Return a Pod that crashed at these times, the first time as its container's nth end."""
    crashes = [Crash("app", moment, number) for number, moment in enumerate(moments, first)]
    return TemplatePod(of, created, crashes, change)


def entry(*pods: TemplatePod, stored: WorkloadTemplate | None = None) -> WorkloadTemplate:
    """Return the entry of these Pods."""
    found = template_entry(pods, stored, T0)
    assert found is not None
    return found


def test_the_first_crash_of_a_revision_is_called_so() -> None:
    """With what the revision changed."""
    found = entry(pod(T0, change=CHANGE))
    assert found.model_dump(mode="json") == {
        "hash": "new",
        "revision": 7,
        "changes": (
            "Revision 7 began 3 min before its first crash: image shop/web:1.4 → shop/web:1.5; "
            "revision 6 ran for 9 days"
        ),
        "crashes": 1,
        "history": "The first crash of revision 7",
        "since": "2026-11-23T10:00:00Z",
        "lastTime": "2026-11-23T10:00:00Z",
    }


def test_the_crashes_of_pods_that_are_gone_count() -> None:
    """A Pod after the other crashes twice, and is replaced."""
    found = entry(pod(T0, change=CHANGE))
    for number in range(6):
        begun = 400 * number
        pods = [pod(after(begun), change=CHANGE), pod(after(begun), after(begun + 200))]
        for each in pods:
            found = entry(each, stored=found)
    assert (found.crashes, found.revision) == (12, 7)
    assert found.history == "12 crashes of revision 7 in 36 min"
    assert found.changes.startswith("Revision 7 began 3 min before its first crash: image")


def test_what_is_known_stays_when_no_pod_shows_it() -> None:
    """Until the workload's entry ends."""
    found = entry(pod(T0, change=CHANGE))
    assert template_entry([], found, T0) == found


def test_ends_that_were_not_seen_are_not_called_none() -> None:
    """Where the hook sees the fortieth end first, it is not the first crash."""
    assert entry(pod(T0, first=40)).history == "A crash of this version of the template"
    found = entry(pod(T0, after(60), first=40))
    assert found.history == "At least 2 crashes of this version of the template in 60 s"


def test_a_new_version_begins_its_own_count() -> None:
    """And an old Pod that still crashes does not take it back."""
    old = pod(T0, after(300), of="old", created=after(-900))
    found = entry(old)
    assert (found.hash, found.crashes) == ("old", 2)
    new = pod(after(200), created=after(100))
    found = entry(old, new, stored=found)
    assert (found.hash, found.crashes, found.since) == ("new", 1, after(200))
    assert entry(old, stored=found) == found
    rolled_back = pod(after(200), of="old", created=after(200))
    assert entry(rolled_back, stored=found).hash == "old"


def test_crashes_of_long_ago_do_not_count() -> None:
    """Those that the workload's entry does not count."""
    assert entry(pod(after(hours=-30), T0)).crashes == 1
    assert template_entry([pod(after(hours=-30))], None, T0) is None


def test_pods_of_no_template_have_no_entry() -> None:
    """Those of Jobs, and bare ones."""
    assert template_entry([pod(T0, of="")], None, T0) is None


OFFSETS = st.lists(st.integers(0, 10_000), min_size=1, max_size=10, unique=True).map(sorted)
SEVERAL = st.lists(OFFSETS, min_size=1, max_size=5)


@given(SEVERAL, st.randoms(use_true_random=False))
def test_a_second_look_changes_nothing_and_the_order_of_pods_neither(
    offsets: list[list[int]], random: Random
) -> None:
    """The entry is a function of what is stored and of the Pods."""
    pods = [pod(*map(after, each)) for each in offsets]
    found = entry(*pods)
    random.shuffle(pods)
    assert entry(*pods, stored=found) == found
    assert entry(*pods) == found
    assert found.crashes == sum(map(len, offsets))


@given(SEVERAL)
def test_the_number_is_never_too_high_and_never_falls(offsets: list[list[int]]) -> None:
    """One Pod after the other is seen alone, each at each of its crashes."""
    found: WorkloadTemplate | None = None
    seen: list[WorkloadTemplate] = []
    for each in offsets:
        for count in range(1, len(each) + 1):
            found = entry(pod(*map(after, each[:count])), stored=found)
            seen.append(found)
    assert all(one.crashes <= two.crashes for one, two in pairwise(seen))
    assert seen[-1].crashes <= sum(map(len, offsets))
    in_order = sorted({moment for each in offsets for moment in each})
    flat = sum(map(len, offsets)) == len(in_order)
    if flat and [moment for each in offsets for moment in each] == in_order:
        assert seen[-1].crashes == len(in_order)


@given(st.text(max_size=200), st.integers(1, 2**62), SEVERAL)
def test_lines_are_short_and_the_hash_is_bounded(
    name: str, revision: int, offsets: list[list[int]]
) -> None:
    """Whatever the label of a Pod says."""
    pods = [
        pod(*map(after, each), change=CHANGE.model_copy(update={"revision": revision}))
        for each in offsets
    ]
    found = template_entry([each._replace(hash=name) for each in pods], None, T0)
    if found is not None:
        assert len(found.changes.encode()) <= MAX_LINE_BYTES
        assert len(found.history.encode()) <= MAX_LINE_BYTES
        assert len(found.hash.encode()) <= 63
