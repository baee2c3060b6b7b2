"""Silence on purpose: what is ignored, and from when on restarts are worth telling."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import IgnoreSpec, PodDiagnoserSpec, ThresholdSpec
from pod_diagnoser.pods.filters import (
    CLEAN_EXIT,
    MAX_PATTERN,
    MAX_PATTERNS,
    allows_remediation,
    has_enough_restarts,
    ignored_by_event_cause,
    is_ignored,
    matches_pattern,
    needs_events,
    reportable,
    threshold_for,
    threshold_reached,
)
from tests.support.builders import T0, after

CAUSES = ("Completed", "ApplicationError", "OutOfMemory")
LABELS = st.dictionaries(st.sampled_from("ab"), st.sampled_from("12"))
PATTERNS = st.text("ab*?", max_size=8)
NAMES = st.text("ab", max_size=8)
IGNORED = st.builds(
    IgnoreSpec,
    cleanExits=st.booleans(),
    causes=st.lists(st.sampled_from(CAUSES)).map(tuple),
    exitCodes=st.lists(st.integers(0, 3)).map(tuple),
    containers=st.lists(PATTERNS, max_size=3).map(tuple),
    podLabels=LABELS,
)
CODES = st.none() | st.integers(0, 3)


@dataclass(frozen=True)
class Crashed:
    """A crash; by default the third restart of a container, ended at T0 after a short run."""

    container: str = "app"
    cause: str = "ApplicationError"
    status_cause: str = "ApplicationError"
    exit_code: int | None = 1
    restarts: int = 3
    final: bool = False
    waiting: bool = False
    started_at: datetime | None = T0 - timedelta(seconds=5)
    ended_by: datetime | None = T0

    @property
    def termination_number(self) -> int:
        """Which end of the container it is: the count has not risen yet while it waits."""
        return self.restarts + self.waiting


@dataclass(frozen=True)
class Earlier:
    """A crash that the Pod remembers."""

    moment: datetime
    restarts: int | None = None
    container: str = "app"


def spec(**fields: Any) -> PodDiagnoserSpec:
    """A spec as the API server stores it."""
    return PodDiagnoserSpec.model_validate(fields)


def ago(**durations: float) -> datetime:
    """A time before the crash."""
    return T0 - timedelta(**durations)


# Patterns


def plainly_fits(pattern: str, name: str) -> bool:
    """The same by its definition: all that the pattern's start may have taken of the name."""
    ends = {0}
    for char in pattern:
        if char == "*":
            ends = set(range(min(ends), len(name) + 1)) if ends else set()
        else:
            ends = {end + 1 for end in ends if end < len(name) and char in ("?", name[end])}
    return len(name) in ends


@given(PATTERNS, NAMES)
def test_patterns_agree_with_their_definition(pattern: str, name: str) -> None:
    """Whatever stars and question marks there are, it fits exactly what it says."""
    assert matches_pattern(pattern, name) == plainly_fits(pattern, name)


@given(st.text(max_size=8), st.text(max_size=8))
def test_nothing_but_star_and_question_mark_is_special(pattern: str, name: str) -> None:
    """Brackets, dots and backslashes, which regular expressions know, stand for themselves."""
    assert matches_pattern(pattern, name) == plainly_fits(pattern, name)
    plain = pattern.replace("*", "").replace("?", "")
    assert matches_pattern(plain, plain)


@pytest.mark.parametrize(
    ("pattern", "name", "whether"),
    [
        ("app", "app", True),
        ("app", "app2", False),
        ("app", "my-app", False),
        ("app*", "app", True),
        ("app*", "app-2", True),
        ("app?", "app", False),
        ("app?", "app2", True),
        ("*-proxy", "istio-proxy", True),
        ("*-proxy", "istio-proxy-2", False),
        ("a*b*c", "a-b-b-c", True),
        ("a*b*c", "a-c-b", False),
        ("[a-z]*", "app", False),
        ("App", "app", False),
        ("*", "app", True),
    ],
)
def test_patterns(pattern: str, name: str, *, whether: bool) -> None:
    """A pattern is about the whole name, in the letters that it is written in."""
    assert matches_pattern(pattern, name) is whether


def test_no_pattern_takes_long() -> None:
    """Patterns at which a backtracking matcher would not come to an end within this century."""
    name = "a" * MAX_PATTERN
    for part in ("*a", "a*", "?*", "*?", "*aa"):
        pattern = (part * MAX_PATTERN)[: MAX_PATTERN - 1]
        assert not matches_pattern(pattern + "b", name)
    assert not matches_pattern("*" * (MAX_PATTERN + 1), name)
    assert not matches_pattern("*", name + "a")


# What is ignored


@given(LABELS, NAMES, st.sampled_from(CAUSES), CODES)
def test_an_empty_spec_ignores_nothing(
    labels: dict[str, str], container: str, cause: str, code: int | None
) -> None:
    """Where nothing is written every crash is told."""
    assert not is_ignored(IgnoreSpec(), labels, container, cause, code)
    assert not is_ignored(spec(ignore={}).ignore, labels, container, cause, code)
    assert not is_ignored(spec(ignore=None).ignore, labels, container, cause, code)


@given(IGNORED, IGNORED, LABELS, NAMES, st.sampled_from(CAUSES), CODES)
def test_what_is_ignored_stays_so_when_more_is(
    one: IgnoreSpec,
    other: IgnoreSpec,
    labels: dict[str, str],
    container: str,
    cause: str,
    code: int | None,
) -> None:
    """Two lists together ignore what each of them does, and nothing else."""
    both = IgnoreSpec(
        cleanExits=one.cleanExits or other.cleanExits,
        causes=one.causes + other.causes,
        exitCodes=one.exitCodes + other.exitCodes,
        containers=one.containers + other.containers,
        podLabels=one.podLabels,
    )
    other = other.model_copy(update={"podLabels": one.podLabels})
    crash = (labels, container, cause, code)
    assert is_ignored(both, *crash) == (is_ignored(one, *crash) or is_ignored(other, *crash))


@pytest.mark.parametrize(
    ("ignore", "crash", "whether"),
    [
        ({"cleanExits": True}, {"cause": CLEAN_EXIT, "exit_code": 0}, True),
        ({"cleanExits": True}, {"cause": "ChildOutOfMemory", "exit_code": 0}, False),
        ({"cleanExits": True}, {"cause": CLEAN_EXIT, "exit_code": 1}, False),
        ({"cleanExits": False}, {"cause": CLEAN_EXIT, "exit_code": 0}, False),
        ({"exitCodes": [0]}, {"cause": "ChildOutOfMemory", "exit_code": 0}, True),
        ({"exitCodes": [143, 0]}, {"exit_code": 143}, True),
        ({"exitCodes": [143, 0]}, {"exit_code": None}, False),
        ({"exitCodes": [14]}, {"exit_code": 143}, False),
        ({"causes": ["Terminated"]}, {"cause": "Terminated"}, True),
        ({"causes": ["Terminated"]}, {"cause": "Killed"}, False),
        ({"causes": ["terminated"]}, {"cause": "Terminated"}, False),
        ({"containers": ["app"]}, {}, True),
        ({"containers": ["proxy", "a??"]}, {}, True),
        ({"containers": ["ap"]}, {}, False),
        ({"containers": ["*"]}, {"container": ""}, False),
        ({"containers": [""]}, {"container": ""}, False),
        ({"containers": ["x"] * MAX_PATTERNS + ["app"]}, {}, False),
        ({"podLabels": {"tier": "batch"}}, {}, True),
        ({"podLabels": {"tier": "batch", "app": "shop"}}, {}, True),
        ({"podLabels": {"tier": "batch", "app": "other"}}, {}, False),
        ({"podLabels": {"tier": ""}}, {}, False),
        ({"podLabels": {"absent": ""}}, {}, False),
    ],
)
def test_each_entry_ignores_what_it_says(
    ignore: dict[str, Any], crash: dict[str, Any], *, whether: bool
) -> None:
    """Clean exits, exit codes, causes, containers, labels: each by itself, and only its own."""
    labels = {"app": "shop", "tier": "batch"}
    one = replace(Crashed(), **crash)
    silence = spec(ignore=ignore)
    assert is_ignored(silence.ignore, labels, one.container, one.cause, one.exit_code) is whether
    assert reportable(labels, None, [one], silence) == (() if whether else (one,))
    assert allows_remediation(labels, one, silence) is not whether


def test_a_crash_that_is_ignored_hides_no_other() -> None:
    """Of two containers that crashed the one is told that is not ignored, in its place."""
    crashes = [Crashed(container=name) for name in ("first", "proxy", "last")]
    silence = spec(ignore={"containers": ["proxy"]})
    assert [each.container for each in reportable({}, None, crashes, silence)] == ["first", "last"]


@pytest.mark.parametrize(
    ("cause", "status_cause", "open_still", "by_events"),
    [
        (CLEAN_EXIT, CLEAN_EXIT, True, False),
        ("LivenessProbeFailed", CLEAN_EXIT, False, False),
        ("SandboxChanged", CLEAN_EXIT, True, False),
        ("SandboxChanged", "OutOfMemory", True, True),
        ("OutOfMemory", "OutOfMemory", False, False),
    ],
)
def test_what_events_may_change(
    cause: str, status_cause: str, *, open_still: bool, by_events: bool
) -> None:
    """They may have a crash told that looked clean, or ignored that looked like another."""
    silence = spec(ignore={"cleanExits": True, "causes": ["SandboxChanged"], "containers": ["p"]})
    crash = Crashed(cause=cause, status_cause=status_cause, exit_code=0)
    assert needs_events({}, crash, silence) is open_still
    assert ignored_by_event_cause({}, crash, silence) is by_events
    assert bool(reportable({}, None, [crash], silence)) is not open_still
    # Whatever they tell, this container is not spoken of.
    other = replace(crash, container="p")
    assert not needs_events({}, other, silence)
    assert not ignored_by_event_cause({}, other, silence)


# Thresholds


def test_the_first_threshold_that_fits_counts() -> None:
    """The order is the author's: a pattern before a name wins, one for all is for the rest."""
    thresholds = spec(
        thresholds=[
            {"container": "db-*", "restarts": 2},
            {"container": "db-main", "restarts": 3},
            {"restarts": 4},
            {"container": "late", "restarts": 5},
        ]
    ).thresholds
    found = [threshold_for(thresholds, name) for name in ("db-main", "db", "late")]
    assert [each and each.restarts for each in found] == [2, 4, 4]
    assert threshold_for(thresholds[:2], "app") is None
    assert threshold_for((), "app") is None
    assert (
        threshold_for([ThresholdSpec(container="x")] * MAX_PATTERNS + [*thresholds], "db") is None
    )


THREE = ThresholdSpec(restarts=3, withinSeconds=600)


@pytest.mark.parametrize(
    ("restarts", "facts", "whether"),
    [
        # In a Pod that is younger than the window the number says it all.
        (2, {"created": ago(minutes=5)}, False),
        (3, {"created": ago(minutes=5)}, True),
        (3, {"created": ago(minutes=10)}, True),
        (30, {"created": ago(minutes=5), "started": ago(minutes=4)}, True),
        # In an older one a run that outlasted the window puts all earlier restarts out of it.
        (30, {"created": ago(days=9), "started": ago(minutes=11)}, False),
        (30, {"created": None, "started": ago(minutes=11)}, False),
        (30, {"created": ago(days=9), "started": ago(minutes=9)}, True),
        (30, {"created": ago(days=9), "started": None}, True),
        (2, {"created": ago(days=9), "started": ago(minutes=9)}, False),
        # Nobody knows when it ended: the number alone decides.
        (2, {"ended": None}, False),
        (3, {"ended": None, "started": ago(days=1)}, True),
        # What is remembered: two restarts since 28, three since 27.
        (30, {"history": [Earlier(ago(hours=1), 28)]}, False),
        (30, {"history": [Earlier(ago(hours=1), 27)]}, True),
        (30, {"history": [Earlier(ago(minutes=9), 28)]}, True),
        (30, {"history": [Earlier(ago(minutes=9), 28), Earlier(ago(hours=1), 26)]}, True),
        (4, {"history": [Earlier(ago(hours=1)), Earlier(ago(hours=2))]}, False),
        (5, {"history": [Earlier(ago(hours=1)), Earlier(ago(hours=2))]}, True),
        # What cannot be true of this container is not believed.
        (30, {"history": [Earlier(ago(hours=1), 31)]}, True),
        (30, {"history": [Earlier(ago(days=10), 28)], "created": ago(days=9)}, True),
        (30, {"history": [Earlier(after(minutes=1), 30)]}, True),
    ],
)
def test_third_restart_within_ten_minutes(
    restarts: int, facts: dict[str, Any], *, whether: bool
) -> None:
    """What the kubelet tells decides; told is what may be so many, silent what certainly is not."""
    known = {"history": (), "ended": T0, "created": ago(days=9), "started": ago(seconds=5), **facts}
    assert threshold_reached(THREE, restarts, **known) is whether


TIMES = st.integers(-3000, 3000).map(lambda seconds: T0 + timedelta(seconds=seconds))
HISTORY = st.lists(st.builds(Earlier, TIMES, st.none() | st.integers(0, 12)), max_size=6)
THRESHOLDS = st.builds(
    ThresholdSpec, restarts=st.integers(1, 10), withinSeconds=st.integers(60, 2000)
)
FACTS = st.fixed_dictionaries(
    {
        "ended": st.none() | TIMES,
        "created": st.none() | TIMES,
        "started": st.none() | TIMES,
    }
)


@given(st.integers(0, 5), HISTORY, FACTS, st.integers(60, 2000))
def test_a_threshold_of_one_tells_everything(
    restarts: int, history: list[Earlier], facts: dict[str, Any], window: int
) -> None:
    """One restart is what a crash is, whatever else is known."""
    threshold = ThresholdSpec(restarts=1, withinSeconds=window)
    assert threshold_reached(threshold, restarts, history, **facts)
    assert has_enough_restarts(threshold, restarts)


@given(THRESHOLDS, st.integers(0, 12), HISTORY, FACTS)
def test_it_does_not_matter_in_which_order_crashes_are_remembered(
    threshold: ThresholdSpec, restarts: int, history: list[Earlier], facts: dict[str, Any]
) -> None:
    """Nor whether one of them is there twice by the same number."""
    said = threshold_reached(threshold, restarts, history, **facts)
    for order in permutations(history[:4]):
        assert threshold_reached(threshold, restarts, [*order, *history[4:]], **facts) == said


@given(THRESHOLDS, st.integers(0, 12), HISTORY, HISTORY, FACTS)
def test_what_is_remembered_only_silences(
    threshold: ThresholdSpec,
    restarts: int,
    history: list[Earlier],
    more: list[Earlier],
    facts: dict[str, Any],
) -> None:
    """Nobody has a crash told, and then remediated, by what he writes into an annotation."""
    if threshold_reached(threshold, restarts, history + more, **facts):
        assert threshold_reached(threshold, restarts, history, **facts)
        assert has_enough_restarts(threshold, restarts)


@given(THRESHOLDS, st.integers(0, 12), HISTORY, FACTS)
def test_a_lower_threshold_tells_no_less(
    threshold: ThresholdSpec, restarts: int, history: list[Earlier], facts: dict[str, Any]
) -> None:
    """Fewer restarts asked for, or more of them counted, silence nothing that was told."""
    if threshold_reached(threshold, restarts, history, **facts):
        lower = threshold.model_copy(update={"restarts": max(1, threshold.restarts - 1)})
        assert threshold_reached(lower, restarts, history, **facts)


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[datetime, datetime]]:
    """When the runs of a container began and ended, one after the other, the first at T0."""
    moment, runs = T0, []
    for _ in range(draw(st.integers(1, 12))):
        begin = moment + timedelta(seconds=draw(st.integers(0, 300)))
        moment = begin + timedelta(seconds=draw(st.integers(0, 900)))
        runs.append((begin, moment))
    return runs


@given(lives(), THRESHOLDS, st.booleans())
def test_no_loop_of_crashes_stays_silent(
    runs: list[tuple[datetime, datetime]], threshold: ThresholdSpec, remembers: bool
) -> None:
    """In any life of a container what reaches the threshold is told, and no single crash is."""
    window = timedelta(seconds=threshold.withinSeconds)
    history: list[Earlier] = []
    for number, (began, ended) in enumerate(runs, 1):
        crash = Crashed(restarts=number, started_at=began, ended_by=ended)
        silence = PodDiagnoserSpec(thresholds=(threshold,))
        is_told = bool(reportable({}, T0, [crash], silence, history))
        within = [end for _, end in runs[:number] if end >= ended - window]
        if len(within) >= threshold.restarts:
            assert is_told
        if number < threshold.restarts or began < ended - window:
            assert is_told == (threshold.restarts == 1)
        if remembers and is_told:
            history.append(Earlier(ended, number))


def unhurried() -> Iterator[tuple[datetime, datetime]]:
    """A crash a week, for a year."""
    for week in range(1, 53):
        yield after(hours=168 * (week - 1)), after(hours=168 * week)


def test_a_crash_a_week_stays_silent_and_a_loop_after_it_does_not() -> None:
    """A year of single crashes leaves no mark; a loop after it is told at its first short run."""
    silence = PodDiagnoserSpec(thresholds=(THREE,))
    for number, (began, ended) in enumerate(unhurried(), 1):
        crash = Crashed(restarts=number, started_at=began, ended_by=ended)
        assert reportable({}, T0, [crash], silence) == ()
    again = ended + timedelta(seconds=20)
    crash = Crashed(restarts=53, started_at=again - timedelta(seconds=5), ended_by=again)
    assert reportable({}, T0, [crash], silence) == (crash,)


@pytest.mark.parametrize(
    "crash",
    [
        Crashed(restarts=0, final=True),
        Crashed(restarts=0, exit_code=None, cause="ImagePullFailed"),
        Crashed(restarts=0, exit_code=None, container="", ended_by=None),
    ],
)
def test_what_is_not_restarted_waits_for_no_threshold(crash: Crashed) -> None:
    """Nothing will raise the count there: silent now would be silent for ever."""
    silence = spec(thresholds=[{"restarts": 3}])
    assert reportable({}, None, [crash], silence) == (crash,)
    assert allows_remediation({}, crash, silence)
    assert reportable({}, None, [replace(crash, exit_code=1, final=False)], silence) == ()


def test_a_threshold_looks_at_its_own_container() -> None:
    """What other containers of the Pod did says nothing of this one."""
    silence = spec(thresholds=[{"restarts": 3}])
    crash = Crashed(restarts=30)
    others = [Earlier(ago(hours=1), 28, container="other")]
    assert reportable({}, None, [crash], silence, others) == (crash,)
    assert reportable({}, None, [crash], silence, [Earlier(ago(hours=1), 28)]) == ()


def test_a_crash_is_told_at_each_of_its_sightings_or_at_none() -> None:
    """The third one is so while its container waits with a count of two, and when it runs again."""
    silence = spec(thresholds=[{"restarts": 3}])
    for crash, is_told in (
        (Crashed(restarts=1, waiting=True), False),
        (Crashed(restarts=2), False),
        (Crashed(restarts=2, waiting=True), True),
        (Crashed(restarts=3), True),
    ):
        assert bool(reportable({}, T0, [crash], silence)) is is_told
        assert allows_remediation({}, crash, silence) is (is_told and not crash.waiting)


# Remediation


@pytest.mark.parametrize(
    ("cause", "status_cause", "is_told", "may"),
    [
        ("Killed", "Killed", False, False),
        ("LivenessProbeFailed", "Killed", True, False),
        ("Killed", "LivenessProbeFailed", False, False),
        ("LivenessProbeFailed", "ApplicationError", True, True),
    ],
)
def test_no_annotation_has_a_pod_replaced_that_is_to_be_left_alone(
    cause: str, status_cause: str, *, is_told: bool, may: bool
) -> None:
    """A cause by Events, kept on the Pod, is shown; what the status says by itself still counts."""
    silence = spec(ignore={"causes": ["Killed"]})
    crash = Crashed(cause=cause, status_cause=status_cause)
    assert bool(reportable({}, None, [crash], silence)) is is_told
    assert allows_remediation({}, crash, silence) is may


def test_remediation_needs_the_kubelets_count() -> None:
    """However short its life and whatever is remembered: fewer restarts are not enough."""
    silence = spec(thresholds=[{"container": "db", "restarts": 5}, {"restarts": 2}])
    for container, restarts, may in (("db", 4, False), ("db", 5, True), ("app", 2, True)):
        assert (
            allows_remediation({}, Crashed(container=container, restarts=restarts), silence) is may
        )


@given(IGNORED, st.lists(THRESHOLDS, max_size=2).map(tuple), LABELS, st.integers(0, 12), CODES)
def test_both_kinds_of_spec_silence_the_same(
    ignore: IgnoreSpec,
    thresholds: tuple[ThresholdSpec, ...],
    labels: dict[str, str],
    restarts: int,
    code: int | None,
) -> None:
    """What a Pod's sync reads in a DiagnosisTarget is what its PodDiagnoser's sync goes by."""
    written = PodDiagnoserSpec(ignore=ignore, thresholds=thresholds)
    stored = PodDiagnoserSpec.model_validate(written.model_dump(exclude_defaults=True))
    crash = Crashed(restarts=restarts, exit_code=code)
    assert reportable(labels, T0, [crash], stored) == reportable(labels, T0, [crash], written)
