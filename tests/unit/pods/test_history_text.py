"""What a container's history says in words: true, bounded, and the same whatever comes later."""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.symptoms import termination_number
from pod_diagnoser.pods.history_text import MAX_SUMMARY_BYTES, summarize_history
from tests.support.builders import T0, after


@dataclass(frozen=True)
class End:
    """An entry of a history."""

    id: str = "0" * 16
    container: str = "app"
    cause: str = "ApplicationError"
    exitCode: int | None = 1  # noqa: N815
    startedAt: datetime | None = None  # noqa: N815
    finishedAt: datetime | None = None  # noqa: N815
    moment: datetime = T0
    restarts: int | None = None
    image: str = ""


def end(number: int, at: float, ran: float | None = None, **other: object) -> End:
    """The end of this number, at a time after T0 and after so many seconds."""
    finished = after(at)
    base = End(
        id=f"{number:016x}",
        finishedAt=finished,
        startedAt=None if ran is None else finished - timedelta(seconds=ran),
        moment=finished,
        restarts=number,
    )
    return replace(base, **other)  # type: ignore[arg-type]


def told(*ends: End, restarts: int | None = None, backing_off: bool = False) -> str:
    """What is said of the last of these."""
    current = ends[-1]
    count = (current.restarts or 0) if restarts is None else restarts
    return summarize_history(ends, current, count, backing_off=backing_off)


OOM = {"cause": "OutOfMemory", "exitCode": 137}
WORSE = (
    end(1, 0, 31),
    end(2, 200, 12, **OOM),
    end(3, 500, 5, **OOM),
    end(4, 725, 4, **OOM),
)


def test_a_first_end_has_no_history() -> None:
    """Nothing is said of it."""
    assert told(end(1, 0, 5)) == ""
    assert summarize_history([], end(1, 0), 0, backing_off=False) == ""


def test_how_often_how_long_and_that_it_gets_worse() -> None:
    """All of it in one sentence."""
    assert told(*WORSE, backing_off=True) == (
        "This is the container's 4th end in 12 minutes, the 3rd out-of-memory kill in a row; "
        "it ran 31 s, 12 s, 5 s and 4 s, shorter each time; "
        "the kubelet now delays its restarts (CrashLoopBackOff)."
    )


TABLE = [
    pytest.param(
        [end(1, 0, 9), end(2, 1, 1)],
        "This is the container's 2nd end in 1 second, each for the same cause; it ran 9 s and 1 s.",
        id="two",
    ),
    pytest.param(
        [end(1, 0, 9), end(2, 0, 0)],
        "This is the container's 2nd end in a second, each for the same cause; "
        "it ran 9 s and under 1 s.",
        id="no time between them",
    ),
    pytest.param(
        [end(39, 0, 200), end(40, 7200, 7200)],
        "This is the container's 40th end, 2 of them in 2 hours, "
        "at least the 2nd in a row for this cause; it last ran 3 min and 2 h.",
        id="more than is remembered",
    ),
    pytest.param(
        [end(12, 0, 5)],
        "This is the container's 12th end; this time it ran 5 s.",
        id="nothing is remembered",
    ),
    pytest.param(
        [end(1, 0, 5), end(5, 600, 5)],
        "This is the container's 5th end, 2 of them in 10 minutes; this time it ran 5 s.",
        id="a gap: nothing in a row",
    ),
    pytest.param(
        [end(3, 0, 5, restarts=None), end(4, 600, 4, restarts=None)],
        "This is at least the container's 2nd end in 10 minutes; this time it ran 4 s.",
        id="numbers that nobody knows",
    ),
    pytest.param(
        [end(1, 0, 5), end(2, 10, 5, **OOM), end(3, 20, 6)],
        "This is the container's 3rd end in 20 seconds; it ran 5 s, 5 s and 6 s.",
        id="another cause each time",
    ),
    pytest.param(
        [end(1, 0), end(2, 10, 5), end(3, 20, 6)],
        "This is the container's 3rd end in 20 seconds, each for the same cause; "
        "it last ran 5 s and 6 s.",
        id="a run of unknown length",
    ),
    pytest.param(
        [end(1, 0, 9), end(2, 86_400 * 3, 9, cause="ExitStatusLost", exitCode=255)],
        "This is the container's 2nd end in 3 days.",
        id="a run whose end was noticed later",
    ),
    pytest.param(
        [end(1, 50, -7), end(2, 40, moment=after(60), finishedAt=after(40))],
        "This is the container's 2nd end, each for the same cause.",
        id="clocks that went back",
    ),
    pytest.param(
        [end(1, 0, 5), end(2, 60, -5)],
        "This is the container's 2nd end in 60 seconds, each for the same cause.",
        id="a run that ended before it began",
    ),
    pytest.param(
        [end(1, 0, image="aa"), end(2, 10, image="bb"), end(3, 20, image="bb")],
        "This is the container's 3rd end in 20 seconds, each for the same cause; "
        "it is the 2nd since its image changed.",
        id="another image",
    ),
    pytest.param(
        [end(1, 0, image="aa"), end(2, 10, image=""), end(3, 20, image="bb")],
        "This is the container's 3rd end in 20 seconds, each for the same cause; "
        "it has ended with another image before.",
        id="another image, nobody knows since when",
    ),
    pytest.param(
        [end(1, 0, image="aa"), end(2, 10, image="")],
        "This is the container's 2nd end in 10 seconds, each for the same cause.",
        id="an image that nobody knows",
    ),
]


@pytest.mark.parametrize(("ends", "words"), TABLE)
def test_what_is_known_is_said_and_no_more(ends: list[End], words: str) -> None:
    """Singular and plural, gaps, missing times, other images."""
    assert told(*ends) == words


@pytest.mark.parametrize(
    ("number", "written"),
    [
        (2, "2nd"),
        (3, "3rd"),
        (11, "11th"),
        (12, "12th"),
        (13, "13th"),
        (21, "21st"),
        (111, "111th"),
    ],
)
def test_ordinals_are_written_as_people_do(number: int, written: str) -> None:
    """With the exceptions of English."""
    assert f"container's {written} end" in told(end(number, 0))


def test_a_back_off_without_a_history_is_told_alone() -> None:
    """The kubelet has more to remember than we have."""
    assert told(end(1, 0), backing_off=True) == (
        "The kubelet now delays its restarts (CrashLoopBackOff)."
    )


def test_what_is_no_end_of_a_container_is_not_counted() -> None:
    """An image that can't be pulled has no exit code, before or now."""
    pull = end(7, 0, cause="ImagePullFailed", exitCode=None)
    assert told(pull, end(1, 10, 5)) == ""
    assert told(end(1, 0), replace(pull, moment=after(10)), backing_off=True) == ""


def test_other_containers_change_nothing() -> None:
    """Each has its own history."""
    others = [replace(each, id=f"f{each.id[1:]}", container="other") for each in WORSE]
    assert summarize_history([*others, *WORSE], WORSE[-1], 4, backing_off=False) == told(*WORSE)


@pytest.mark.parametrize(
    ("shown", "number"),
    [
        pytest.param((0, False), 1, id="state.terminated of the first run"),
        pytest.param((1, True), 1, id="the same as lastState, the next one runs"),
        pytest.param((1, False), 2, id="lastState of the second, CrashLoopBackOff"),
        pytest.param((2, True), 2, id="the same, the third one runs"),
        pytest.param((1, True), 1, id="ContainerStatusUnknown is counted at once"),
    ],
)
def test_an_end_has_the_same_number_in_each_of_its_sightings(
    shown: tuple[int, bool], number: int
) -> None:
    """As the kubelet reports: the count rises between two sightings of one end."""
    assert termination_number(shown[0], counted=shown[1]) == number


def test_what_is_too_long_is_left_out_as_a_whole() -> None:
    """The longest of everything: what matters least goes first, and no word is cut."""
    day = 86_400
    ends = [
        end(
            2**31 - 200 + number,
            number * 9_000 * day,
            (8_000 - number) * day,
            image="aa" if number < 60 else "bb",
            **OOM,
        )
        for number in range(100)
    ]
    words = told(*ends, backing_off=True)
    assert words == (
        "This is the container's 2147483547th end, 100 of them in 891000 days, "
        "at least the 100th out-of-memory kill in a row; "
        "it last ran 7904 d, 7903 d, 7902 d and 7901 d, shorter each time; "
        "the kubelet now delays its restarts (CrashLoopBackOff)."
    )


TIMES = st.one_of(
    st.none(),
    st.integers(-(10**9), 10**9).map(after),
    st.sampled_from(
        [datetime.max.replace(tzinfo=T0.tzinfo), datetime(1971, 1, 1, tzinfo=T0.tzinfo)]
    ),
)
ENDS = st.builds(
    End,
    id=st.integers(0, 30).map("{:016x}".format),
    container=st.sampled_from(["app", "app", "app", "other"]),
    cause=st.sampled_from(["OutOfMemory", "OutOfMemory", "ApplicationError", "X" * 63]),
    exitCode=st.sampled_from([None, 0, 1, 137, 2**31 - 1]),
    startedAt=TIMES,
    finishedAt=TIMES,
    moment=st.integers(-(10**6), 10**6).map(after),
    restarts=st.one_of(st.none(), st.integers(0, 12), st.sampled_from([-(2**31), 2**31 - 1])),
    image=st.sampled_from(["", "aaaaaaaa", "bbbbbbbb", "\u202e" * 8]),
)
COUNTS = st.one_of(st.integers(0, 20), st.sampled_from([-(2**31), 2**31 - 1]))


@given(st.lists(ENDS, max_size=30), ENDS, COUNTS, st.booleans(), st.randoms())
def test_any_history_is_told_within_bounds_and_in_any_order(
    ends: list[End], current: End, restarts: int, backing_off: bool, chance: st.DataObject
) -> None:
    """Total, deterministic, short, printable, without negative figures."""
    ends = list({each.id: each for each in ends}.values())
    words = summarize_history(ends, current, restarts, backing_off=backing_off)
    assert len(words.encode()) <= MAX_SUMMARY_BYTES
    assert words.isascii()
    assert words.isprintable()
    assert "-" not in words.replace("out-of-memory", "")
    assert words == "" or (words[0].isupper() and words.endswith("."))
    shuffled = list(ends)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]
    assert summarize_history(shuffled, current, restarts, backing_off=backing_off) == words
    assert summarize_history([*ends, current], current, restarts, backing_off=backing_off) == words


@given(st.lists(ENDS, max_size=20), st.lists(ENDS, max_size=5), ENDS, COUNTS)
def test_what_is_seen_later_changes_no_word(
    ends: list[End], later: list[End], current: End, restarts: int
) -> None:
    """An end is told by what was before it."""
    ends = list({each.id: each for each in ends}.values())
    after_it = [
        replace(each, id=f"f{each.id[1:]}", moment=current.moment + timedelta(seconds=1 + number))
        for number, each in enumerate(later)
    ]
    assert summarize_history(
        [*after_it, *ends], current, restarts, backing_off=False
    ) == summarize_history(ends, current, restarts, backing_off=False)


@given(st.lists(ENDS, max_size=20), ENDS, COUNTS)
def test_nothing_is_claimed_without_its_proof(ends: list[End], current: End, restarts: int) -> None:
    """Without times no times, without images no image, without other ends no row of them."""
    bare = [replace(each, startedAt=None, finishedAt=None, image="") for each in ends]
    words = summarize_history(
        bare,
        replace(current, startedAt=None, finishedAt=None, image=""),
        restarts,
        backing_off=False,
    )
    assert " ran " not in words
    assert " in " not in words.replace(" in a row", "")
    assert "image" not in words
    assert "row" not in summarize_history([], current, restarts, backing_off=False)
    if all(each.cause != "OutOfMemory" for each in [*ends, current]):
        assert "memory" not in words
