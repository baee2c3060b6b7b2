"""The summary of a container's history: true, bounded, independent of later crashes."""

import random
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES
from pod_diagnoser.diagnosis.symptoms import termination_number
from pod_diagnoser.pods.history import CrashRecord, StoredEvidence
from pod_diagnoser.pods.history_text import HistorySummary, summarize_history
from pod_diagnoser.pods.statements import add_context
from tests.support.builders import T0, after, crash_record, diagnosis

DIAGNOSIS = diagnosis()


def end(number: int, at: float, ran: float | None = None, **fields: Any) -> CrashRecord:
    """Build the record of this termination, at a time after T0 and after a run of so many seconds.

    Args:
        number: which termination it is.
        at: seconds after T0.
        ran: the length of the run in seconds; None where it is not known.
        fields: other fields of the record.
    """
    started = None if ran is None else after(at - ran)
    return crash_record(
        after(at), **{"id": f"{number:016x}", "startedAt": started, "restarts": number, **fields}
    )


def changed(record: CrashRecord, **fields: Any) -> CrashRecord:
    """Return a record with other fields."""
    return record.model_copy(update=fields)


def summary(*ends: CrashRecord, backing_off: bool = False) -> str:
    """Summarize the history of the last of these."""
    current = ends[-1]
    found = summarize_history(ends, current, current.restarts or 0, backing_off=backing_off)
    return longest(found)


def longest(found: HistorySummary) -> str:
    """Join the longest forms of a summary."""
    return "".join((*found.times[:1], *found.details[:1]))


OOM = {"cause": "OutOfMemory", "exitCode": 137}
WORSE = (
    end(1, 0, 31),
    end(2, 200, 12, **OOM),
    end(3, 500, 5, **OOM),
    end(4, 725, 4, **OOM),
)


def test_a_first_termination_has_no_summary() -> None:
    """There is no history yet."""
    assert summary(end(1, 0, 5)) == ""
    assert summarize_history([], end(1, 0), 0, backing_off=False) == HistorySummary()


def test_how_often_how_long_and_that_it_gets_worse() -> None:
    """One sentence says all of it."""
    assert summary(*WORSE, backing_off=True) == (
        ", for the 4th time in 12 min; the 3rd out-of-memory kill in a row; "
        "it ran 31 s, 12 s, 5 s and 4 s, shorter each time; CrashLoopBackOff delays its restart"
    )


PROBE: dict[str, Any] = {"cause": "LivenessProbeFailed", "exitCode": 137}
UNCLEAR: dict[str, Any] = {
    "cause": "Killed",
    "exitCode": 137,
    "evidence": StoredEvidence(asked=EventLookup.NOTHING),
}


def hints(*ends: CrashRecord) -> str:
    """Return what the history says of the cause of the last of these."""
    return summarize_history(ends, ends[-1], ends[-1].restarts or 0, backing_off=False).hints


def test_former_kills_for_a_probe_are_told_where_events_do_not_tell() -> None:
    """They are no proof, and the best that is known."""
    kills = [end(number, number * 60, 30, **PROBE) for number in range(1, 7)]
    seventh, eighth = end(7, 420, 30, **UNCLEAR), end(8, 480, 30, **UNCLEAR)
    assert hints(*kills, seventh) == "; its liveness probe stopped it 6 times before"
    assert hints(kills[0], seventh) == "; its liveness probe stopped it 1 time before"
    assert hints(*kills, seventh, eighth) == "; its liveness probe stopped it 6 of 7 times before"
    silent = changed(seventh, evidence=StoredEvidence(asked=EventLookup.SILENT))
    other = changed(seventh, cause="OutOfMemory")
    for known in (silent, other, changed(seventh, evidence=None)):
        assert hints(*kills, known) == ""
    assert hints(end(1, 0), seventh) == ""


def test_the_probe_s_former_kills_are_seen_whatever_else_there_is_to_say() -> None:
    """They take the room of what is less telling."""
    kills = [end(number, number * 60, 30, **PROBE) for number in range(1, 7)]
    last = end(7, 420, 30, **UNCLEAR)
    found = summarize_history([*kills, last], last, 7, backing_off=True)
    lines = add_context(DIAGNOSIS, found, ["proxy (ApplicationError)"] * 5)
    assert "its liveness probe stopped it 6 times before" in lines.evidence
    assert len(lines.evidence.encode()) <= MAX_LINE_BYTES


def test_containers_that_ended_in_the_same_second_are_told() -> None:
    """That is a sign of the node, and no proof."""
    killed: dict[str, Any] = {"cause": "Killed", "exitCode": 137}
    one = end(1, 0, 30, **killed)
    two = end(11, 0, 30, container="proxy", **killed)
    lost = end(12, 0, 30, container="agent", cause="ExitStatusLost", exitCode=255)
    other_time = end(13, 1, 30, container="other", **killed)
    own_end = end(14, 0, 30, container="worker", cause="Completed", exitCode=0)
    assert hints(two, one) == "; another container ended in that second"
    assert hints(two, lost, one) == "; 2 more containers ended in that second"
    assert hints(other_time, own_end, one) == ""
    assert hints(two, end(1, 0, 30, cause="OutOfMemory", exitCode=137)) == ""


ONE, OTHER = "a" * 8, "b" * 8
"""Hashes of two images."""

TABLE = [
    pytest.param(
        [end(1, 0, 9), end(2, 1, 1)],
        ", for the 2nd time in 1 s; each time for this cause; it ran 9 s and 1 s",
        id="two",
    ),
    pytest.param(
        [end(1, 0, 9), end(2, 0, 0)],
        ", for the 2nd time in less than 1 s; each time for this cause; "
        "it ran 9 s and less than 1 s",
        id="no time between them",
    ),
    pytest.param(
        [end(39, 0, 200), end(40, 7200, 7200)],
        ", for the 40th time (2 of them in 2 h); at least the 2nd in a row for this cause; "
        "it last ran 3 min and 2 h",
        id="more than are stored",
    ),
    pytest.param(
        [end(12, 0, 5)],
        ", for the 12th time; it ran 5 s",
        id="nothing is stored",
    ),
    pytest.param(
        [end(1, 0, 5), end(5, 600, 5)],
        ", for the 5th time (2 of them in 10 min); it ran 5 s",
        id="a gap: nothing in a row",
    ),
    pytest.param(
        [end(3, 0, 5, restarts=None), end(4, 600, 4, restarts=None)],
        ", for at least the 2nd time in 10 min; it ran 4 s",
        id="unknown numbers",
    ),
    pytest.param(
        [end(1, 0, 5), end(2, 10, 5, **OOM), end(3, 20, 6)],
        ", for the 3rd time in 20 s; it ran 5 s, 5 s and 6 s",
        id="another cause each time",
    ),
    pytest.param(
        [end(1, 0), end(2, 10, 5), end(3, 20, 6)],
        ", for the 3rd time in 20 s; each time for this cause; it last ran 5 s and 6 s",
        id="a run of unknown length",
    ),
    pytest.param(
        [end(1, 0, 9), end(2, 86_400 * 3, 9, cause="ExitStatusLost", exitCode=255)],
        ", for the 2nd time in 3 days",
        id="a run whose termination was noticed later",
    ),
    pytest.param(
        [end(1, 400, -7, seen=after(30)), end(2, 40)],
        ", for the 2nd time; each time for this cause",
        id="clocks that went back",
    ),
    pytest.param(
        [end(1, 0, 5), end(2, 60, -5)],
        ", for the 2nd time in 60 s; each time for this cause",
        id="a run that ended before it began",
    ),
    pytest.param(
        [end(1, 0, image=ONE), end(2, 10, image=OTHER), end(3, 20, image=OTHER)],
        ", for the 3rd time in 20 s; each time for this cause; "
        "it is the 2nd since its image changed",
        id="another image",
    ),
    pytest.param(
        [end(1, 0, image=ONE), end(2, 10, image=""), end(3, 20, image=OTHER)],
        ", for the 3rd time in 20 s; each time for this cause; "
        "it has ended with another image before",
        id="another image, it is not known since when",
    ),
    pytest.param(
        [end(1, 0, image=ONE), end(2, 10, image="")],
        ", for the 2nd time in 10 s; each time for this cause",
        id="an unknown image",
    ),
]


@pytest.mark.parametrize(("ends", "words"), TABLE)
def test_the_summary_says_what_is_known_and_no_more(ends: list[CrashRecord], words: str) -> None:
    """Singular and plural, gaps, missing times, other images."""
    assert summary(*ends) == words


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
    """Including 11th, 12th and 13th."""
    assert f"the {written} time" in summary(end(number, 0))


def test_a_back_off_is_said_without_a_history() -> None:
    """The kubelet may count terminations that are not stored."""
    assert summary(end(1, 0), backing_off=True) == "; CrashLoopBackOff delays its restart"


def test_a_crash_without_a_termination_is_not_counted() -> None:
    """An image that can't be pulled has no exit code, as a former crash or the current one."""
    pull = end(7, 0, cause="ImagePullFailed", exitCode=None)
    assert summary(pull, end(1, 10, 5)) == ""
    assert summary(end(1, 0), changed(pull, finishedAt=after(10)), backing_off=True) == ""


def test_other_containers_change_nothing() -> None:
    """Each has its own history."""
    others = [changed(each, id=f"f{each.id[1:]}", container="other") for each in WORSE]
    assert longest(
        summarize_history([*others, *WORSE], WORSE[-1], 4, backing_off=False)
    ) == summary(*WORSE)


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
def test_a_termination_has_the_same_number_at_each_observation(
    shown: tuple[int, bool], number: int
) -> None:
    """The kubelet's count rises between two observations of one termination."""
    assert termination_number(shown[0], counted=shown[1]) == number


def test_a_part_that_is_too_long_is_left_out_as_a_whole() -> None:
    """The least important parts go first, and no word is cut."""
    day = 86_400
    ends = [
        end(
            2**31 - 200 + number,
            number * 9_000 * day,
            (8_000 - number) * day,
            image=ONE if number < 60 else OTHER,
            **OOM,
        )
        for number in range(100)
    ]
    found = summarize_history(ends, ends[-1], 0, backing_off=True)
    assert found.times == (
        ", for the 2147483547th time (100 of them in 891000 days)",
        ", for the 2147483547th time",
    )
    row = "; at least the 100th out-of-memory kill in a row"
    runs = "; it last ran 7904 days, 7903 days, 7902 days and 7901 days, shorter each time"
    image, delayed = (
        "; it is the 40th since its image changed",
        "; CrashLoopBackOff delays its restart",
    )
    assert found.details == (
        row + runs + image + delayed,
        row + runs + delayed,
        row + runs,
        runs,
        delayed,
    )


TIMES = st.one_of(
    st.none(),
    st.integers(-(10**9), 10**9).map(after),
    st.sampled_from(
        [datetime.max.replace(tzinfo=T0.tzinfo), datetime(1971, 1, 1, tzinfo=T0.tzinfo)]
    ),
)
RECORDS = st.builds(
    CrashRecord,
    id=st.integers(0, 30).map("{:016x}".format),
    container=st.sampled_from(["app", "app", "app", "other"]),
    cause=st.sampled_from(["OutOfMemory", "OutOfMemory", "ApplicationError", "X" * 63]),
    exitCode=st.sampled_from([None, 0, 1, 137, 2**31 - 1]),
    startedAt=TIMES,
    finishedAt=TIMES,
    endedBy=TIMES,
    seen=st.integers(-(10**6), 10**6).map(after),
    restarts=st.one_of(st.none(), st.integers(0, 12), st.sampled_from([-(2**31), 2**31 - 1])),
    image=st.sampled_from(["", ONE, OTHER]),
)
COUNTS = st.one_of(st.integers(0, 20), st.sampled_from([-(2**31), 2**31 - 1]))


@given(st.lists(RECORDS, max_size=30), RECORDS, COUNTS, st.booleans(), st.randoms())
def test_any_history_is_summarized_within_bounds_and_in_any_order(
    history: list[CrashRecord],
    current: CrashRecord,
    number: int,
    backing_off: bool,
    chance: random.Random,
) -> None:
    """A summary is deterministic, short and printable, and has no negative figures."""
    history = list({each.id: each for each in history}.values())
    found = summarize_history(history, current, number, backing_off=backing_off)
    for forms in (found.times, found.details):
        for words in forms:
            assert words.isascii()
            assert words.isprintable()
            assert "-" not in words.replace("out-of-memory", "")
    lines = add_context(DIAGNOSIS, found, ())
    for line in (lines.diagnosis, lines.evidence, lines.next_step):
        assert len(line.encode()) <= MAX_LINE_BYTES
    assert not found.times or found.times[-1].removeprefix(", for ") in repr(lines)
    shuffled = list(history)
    chance.shuffle(shuffled)
    assert summarize_history(shuffled, current, number, backing_off=backing_off) == found
    with_current = [*history, current]
    assert summarize_history(with_current, current, number, backing_off=backing_off) == found


@given(st.lists(RECORDS, max_size=20), st.lists(RECORDS, max_size=5), RECORDS, COUNTS)
def test_later_crashes_change_no_word(
    history: list[CrashRecord], later: list[CrashRecord], current: CrashRecord, number: int
) -> None:
    """The summary of a crash depends on earlier ones alone."""
    history = list({each.id: each for each in history}.values())
    after_it = [
        changed(
            each,
            id=f"f{each.id[1:]}",
            finishedAt=current.moment + timedelta(seconds=1 + index),
            seen=current.moment + timedelta(seconds=1 + index),
        )
        for index, each in enumerate(later)
    ]
    words = summarize_history(history, current, number, backing_off=False)
    with_later = [*after_it, *history]
    assert summarize_history(with_later, current, number, backing_off=False) == words


@given(st.lists(RECORDS, max_size=20), RECORDS, COUNTS)
def test_nothing_is_said_without_its_facts(
    history: list[CrashRecord], current: CrashRecord, number: int
) -> None:
    """Without times no times, without images no image, without other terminations no row."""
    nothing: dict[str, Any] = {"startedAt": None, "finishedAt": None, "image": ""}
    bare = [changed(each, **nothing) for each in history]
    words = longest(summarize_history(bare, changed(current, **nothing), number, backing_off=False))
    assert " ran " not in words
    assert " in " not in words.replace(" in a row", "")
    assert "image" not in words
    assert "row" not in longest(summarize_history([], current, number, backing_off=False))
    if all(each.cause != "OutOfMemory" for each in [*history, current]):
        assert "memory" not in words
