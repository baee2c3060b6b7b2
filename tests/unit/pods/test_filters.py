"""Filters: what ``spec.ignore`` ignores, and from which restart on crashes are reported."""

import fnmatch
import re
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.diagnostics_v1 import (
    DiagnosisTargetSpec,
    IgnoreSpec,
    PodDiagnoserSpec,
    ThresholdSpec,
)
from pod_diagnoser.diagnosis.diagnose import Diagnosis
from pod_diagnoser.pods.filters import (
    CLEAN_EXIT,
    MAX_PATTERN,
    MAX_PATTERNS,
    _compiled,
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
from pod_diagnoser.pods.history import CrashRecord
from tests.support.builders import T0, after, crash_record, diagnosis

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


def spec(**fields: Any) -> PodDiagnoserSpec:
    """Read a spec as the API server stores it."""
    return PodDiagnoserSpec.model_validate(fields)


def ago(**durations: float) -> datetime:
    """Return a time before the crash."""
    return T0 - timedelta(**durations)


# Patterns


def matches_by_definition(pattern: str, name: str) -> bool:
    """Match by keeping all lengths of the name that the start of the pattern may match."""
    ends = {0}
    for char in pattern:
        if char == "*":
            ends = set(range(min(ends), len(name) + 1)) if ends else set()
        else:
            ends = {end + 1 for end in ends if end < len(name) and char in ("?", name[end])}
    return len(name) in ends


@given(PATTERNS, NAMES)
def test_patterns_agree_with_their_definition(pattern: str, name: str) -> None:
    """Whatever stars and question marks there are, a pattern matches what it says."""
    assert matches_pattern(pattern, name) == matches_by_definition(pattern, name)


SPECIAL_ELSEWHERE = st.text(max_size=8) | st.text(r"ab[]!^-*?.\|&~", max_size=8)


@given(SPECIAL_ELSEWHERE, SPECIAL_ELSEWHERE)
def test_nothing_but_star_and_question_mark_is_special(pattern: str, name: str) -> None:
    """Brackets, dots and backslashes stand for themselves, unlike in fnmatch and in re."""
    assert matches_pattern(pattern, name) == matches_by_definition(pattern, name)
    plain = pattern.replace("*", "").replace("?", "")
    assert matches_pattern(plain, plain)


@pytest.mark.parametrize(
    ("pattern", "name", "matches"),
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
def test_patterns(pattern: str, name: str, *, matches: bool) -> None:
    """A pattern is for the whole name, and distinguishes upper from lower case."""
    assert matches_pattern(pattern, name) is matches


@given(PATTERNS)
def test_no_star_is_tried_twice(pattern: str) -> None:
    """All stars but the last are in atomic groups, so the time has the product as its bound."""
    expression = _compiled(pattern).pattern
    assert expression == fnmatch.translate(pattern)
    outside_of_groups = re.sub(r"\(\?>\.\*\?[^)]*\)", "", expression)
    assert outside_of_groups.count("*") == ("*" in pattern)


def test_no_pattern_takes_long() -> None:
    """A matcher that backtracks would not finish these patterns within this century."""
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
    """Without filters every crash is reported."""
    assert not is_ignored(IgnoreSpec(), labels, container, cause, code)
    assert not is_ignored(spec(ignore={}).ignore, labels, container, cause, code)
    assert not is_ignored(spec(ignore=None).ignore, labels, container, cause, code)


@given(IGNORED, IGNORED, LABELS, NAMES, st.sampled_from(CAUSES), CODES)
def test_two_specs_together_ignore_what_each_ignores(
    one: IgnoreSpec,
    other: IgnoreSpec,
    labels: dict[str, str],
    container: str,
    cause: str,
    code: int | None,
) -> None:
    """Their lists together ignore what each of them does, and nothing else."""
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
    ("ignore", "fields", "ignored"),
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
    ignore: dict[str, Any], fields: dict[str, Any], *, ignored: bool
) -> None:
    """Clean exits, exit codes, causes, containers, labels: each ignores its own, and no other."""
    labels = {"app": "shop", "tier": "batch"}
    crash = diagnosis(**fields)
    filters = spec(ignore=ignore)
    facts = (crash.container, crash.cause, crash.exit_code)
    assert is_ignored(filters.ignore, labels, *facts) is ignored
    assert reportable(labels, None, [crash], filters) == (() if ignored else (crash,))
    assert allows_remediation(labels, crash, filters) is not ignored


def test_an_ignored_crash_hides_no_other() -> None:
    """The crashes of other containers are reported, in their order."""
    crashes = [diagnosis(container=name) for name in ("first", "proxy", "last")]
    filters = spec(ignore={"containers": ["proxy"]})
    assert [each.container for each in reportable({}, None, crashes, filters)] == ["first", "last"]


@pytest.mark.parametrize(
    ("cause", "status_cause", "uncertain", "by_events"),
    [
        (CLEAN_EXIT, CLEAN_EXIT, True, False),
        ("LivenessProbeFailed", CLEAN_EXIT, False, False),
        ("SandboxChanged", CLEAN_EXIT, True, False),
        ("SandboxChanged", "OutOfMemory", True, True),
        ("OutOfMemory", "OutOfMemory", False, False),
    ],
)
def test_what_events_may_change(
    cause: str, status_cause: str, *, uncertain: bool, by_events: bool
) -> None:
    """Events may show that a clean exit is reportable, or that a reportable crash is ignored."""
    filters = spec(ignore={"cleanExits": True, "causes": ["SandboxChanged"], "containers": ["p"]})
    crash = diagnosis(cause, status_cause, exit_code=0)
    assert needs_events({}, crash, filters) is uncertain
    assert ignored_by_event_cause({}, crash, filters) is by_events
    assert bool(reportable({}, None, [crash], filters)) is not uncertain
    # This container is ignored whatever its Events show.
    other = diagnosis(cause, status_cause, exit_code=0, container="p")
    assert not needs_events({}, other, filters)
    assert not ignored_by_event_cause({}, other, filters)


# Thresholds


def test_the_first_threshold_that_matches_counts() -> None:
    """The order of the list decides: a pattern before a name wins, one for all is for the rest."""
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
    ("restarts", "facts", "reached"),
    [
        # In a Pod that is younger than the window the number decides.
        (2, {"created": ago(minutes=5)}, False),
        (3, {"created": ago(minutes=5)}, True),
        (3, {"created": ago(minutes=10)}, True),
        (30, {"created": ago(minutes=5), "started": ago(minutes=4)}, True),
        # In an older one all restarts before a run longer than the window are outside of it.
        (30, {"created": ago(days=9), "started": ago(minutes=11)}, False),
        (30, {"created": None, "started": ago(minutes=11)}, False),
        (30, {"created": ago(days=9), "started": ago(minutes=9)}, True),
        (30, {"created": ago(days=9), "started": None}, True),
        (2, {"created": ago(days=9), "started": ago(minutes=9)}, False),
        # Where the time of the termination is not known, the number decides.
        (2, {"ended": None}, False),
        (3, {"ended": None, "started": ago(days=1)}, True),
        # From the stored history: two restarts since 28, three since 27.
        (30, {"history": [crash_record(ago(hours=1), 28)]}, False),
        (30, {"history": [crash_record(ago(hours=1), 27)]}, True),
        (30, {"history": [crash_record(ago(minutes=9), 28)]}, True),
        (30, {"history": [crash_record(ago(minutes=9), 28), crash_record(ago(hours=1), 26)]}, True),
        (4, {"history": [crash_record(ago(hours=1)), crash_record(ago(hours=2))]}, False),
        (5, {"history": [crash_record(ago(hours=1)), crash_record(ago(hours=2))]}, True),
        # Records that cannot be about this container do not count.
        (30, {"history": [crash_record(ago(hours=1), 31)]}, True),
        (30, {"history": [crash_record(ago(days=10), 28)], "created": ago(days=9)}, True),
        (30, {"history": [crash_record(after(minutes=1), 30)]}, True),
    ],
)
def test_third_restart_within_ten_minutes(
    restarts: int, facts: dict[str, Any], *, reached: bool
) -> None:
    """A crash is suppressed only where there were certainly fewer, by the kubelet's facts."""
    known = {"history": (), "ended": T0, "created": ago(days=9), "started": ago(seconds=5), **facts}
    crash = diagnosis(restarts=restarts, ended_by=known["ended"], started_at=known["started"])
    assert threshold_reached(THREE, crash, known["history"], known["created"]) is reached


TIMES = st.integers(-3000, 3000).map(lambda seconds: T0 + timedelta(seconds=seconds))
HISTORY = st.lists(st.builds(crash_record, TIMES, st.none() | st.integers(0, 12)), max_size=6)
THRESHOLDS = st.builds(
    ThresholdSpec, restarts=st.integers(1, 10), withinSeconds=st.integers(60, 2000)
)
MAYBE_TIMES = st.none() | TIMES
CRASHES = st.builds(
    diagnosis, restarts=st.integers(0, 12), ended_by=MAYBE_TIMES, started_at=MAYBE_TIMES
)


@given(CRASHES, HISTORY, MAYBE_TIMES, st.integers(60, 2000))
def test_a_threshold_of_one_reports_everything(
    crash: Diagnosis, history: list[CrashRecord], created: datetime | None, window: int
) -> None:
    """Each crash is a restart, whatever else is known."""
    threshold = ThresholdSpec(restarts=1, withinSeconds=window)
    assert threshold_reached(threshold, crash, history, created)
    assert has_enough_restarts(threshold, crash.restarts)


@given(THRESHOLDS, CRASHES, HISTORY, MAYBE_TIMES)
def test_the_order_of_the_history_does_not_matter(
    threshold: ThresholdSpec,
    crash: Diagnosis,
    history: list[CrashRecord],
    created: datetime | None,
) -> None:
    """The same records have the same result in any order."""
    reached = threshold_reached(threshold, crash, history, created)
    for order in permutations(history[:4]):
        again = [*order, *history[4:]]
        assert threshold_reached(threshold, crash, again, created) == reached


@given(THRESHOLDS, CRASHES, HISTORY, HISTORY, MAYBE_TIMES)
def test_a_history_only_suppresses(
    threshold: ThresholdSpec,
    crash: Diagnosis,
    history: list[CrashRecord],
    more: list[CrashRecord],
    created: datetime | None,
) -> None:
    """An annotation that is made up never has a crash reported, and then remediated."""
    if threshold_reached(threshold, crash, history + more, created):
        assert threshold_reached(threshold, crash, history, created)
        assert has_enough_restarts(threshold, crash.restarts)


@given(THRESHOLDS, CRASHES, HISTORY, MAYBE_TIMES)
def test_a_lower_threshold_reports_no_less(
    threshold: ThresholdSpec,
    crash: Diagnosis,
    history: list[CrashRecord],
    created: datetime | None,
) -> None:
    """What reaches a threshold reaches one of fewer restarts."""
    if threshold_reached(threshold, crash, history, created):
        lower = threshold.model_copy(update={"restarts": max(1, threshold.restarts - 1)})
        assert threshold_reached(lower, crash, history, created)


@st.composite
def lives(draw: st.DrawFn) -> list[tuple[datetime, datetime]]:
    """Draw the times at which the runs of a container began and ended, the first from T0 on."""
    moment, runs = T0, []
    for _ in range(draw(st.integers(1, 12))):
        began = moment + timedelta(seconds=draw(st.integers(0, 300)))
        moment = began + timedelta(seconds=draw(st.integers(0, 900)))
        runs.append((began, moment))
    return runs


@given(lives(), THRESHOLDS, st.booleans())
def test_every_crash_loop_is_reported(
    runs: list[tuple[datetime, datetime]], threshold: ThresholdSpec, stored: bool
) -> None:
    """In any life of a container what reaches the threshold is reported, and no single crash is."""
    window = timedelta(seconds=threshold.withinSeconds)
    filters = PodDiagnoserSpec(thresholds=(threshold,))
    history: list[CrashRecord] = []
    for number, (began, ended) in enumerate(runs, 1):
        crash = diagnosis(restarts=number, started_at=began, ended_by=ended)
        reported = bool(reportable({}, T0, [crash], filters, history))
        within = [end for _, end in runs[:number] if end >= ended - window]
        if len(within) >= threshold.restarts:
            assert reported
        if number < threshold.restarts or began < ended - window:
            assert reported == (threshold.restarts == 1)
        if stored and reported:
            history.append(crash_record(ended, number))


def weekly_runs() -> Iterator[tuple[datetime, datetime]]:
    """Yield the runs of a container that crashes once a week, for a year."""
    for week in range(1, 53):
        yield after(hours=168 * (week - 1)), after(hours=168 * week)


def test_a_crash_a_week_is_never_reported_and_a_loop_after_it_is() -> None:
    """After a year of single crashes a loop is reported at its first short run."""
    filters = PodDiagnoserSpec(thresholds=(THREE,))
    for number, (began, ended) in enumerate(weekly_runs(), 1):
        crash = diagnosis(restarts=number, started_at=began, ended_by=ended)
        assert reportable({}, T0, [crash], filters) == ()
    again = ended + timedelta(seconds=20)
    crash = diagnosis(restarts=53, started_at=again - timedelta(seconds=5), ended_by=again)
    assert reportable({}, T0, [crash], filters) == (crash,)


@pytest.mark.parametrize(
    "fields",
    [
        {"final": True},
        {"exit_code": None, "cause": "ImagePullFailed"},
        {"exit_code": None, "container": "", "ended_by": None},
    ],
    ids=str,
)
def test_a_threshold_is_not_applied_where_nothing_is_restarted(fields: dict[str, Any]) -> None:
    """The count of restarts would never rise, so the crash would never be reported."""
    filters = spec(thresholds=[{"restarts": 3}])
    crash = diagnosis(restarts=0, **fields)
    assert reportable({}, None, [crash], filters) == (crash,)
    assert allows_remediation({}, crash, filters)
    restarted = diagnosis(restarts=0, **{**fields, "exit_code": 1, "final": False})
    assert reportable({}, None, [restarted], filters) == ()


def test_a_threshold_counts_its_own_container() -> None:
    """Records of the Pod's other containers do not count."""
    filters = spec(thresholds=[{"restarts": 3}])
    crash = diagnosis(restarts=30)
    others = [crash_record(ago(hours=1), 28, container="other")]
    assert reportable({}, None, [crash], filters, others) == (crash,)
    assert reportable({}, None, [crash], filters, [crash_record(ago(hours=1), 28)]) == ()


def test_a_crash_is_reported_at_all_of_its_observations_or_at_none() -> None:
    """The third one while its container waits with a count of two, and when it runs again."""
    filters = spec(thresholds=[{"restarts": 3}])
    for restarts, waiting, reported in (
        (1, True, False),
        (2, False, False),
        (2, True, True),
        (3, False, True),
    ):
        crash = diagnosis(restarts=restarts, waiting=waiting)
        assert bool(reportable({}, T0, [crash], filters)) is reported
        assert allows_remediation({}, crash, filters) is (reported and not waiting)


# Remediation


@pytest.mark.parametrize(
    ("cause", "status_cause", "reported", "remediated"),
    [
        ("Killed", "Killed", False, False),
        ("LivenessProbeFailed", "Killed", True, False),
        ("Killed", "LivenessProbeFailed", False, False),
        ("LivenessProbeFailed", "ApplicationError", True, True),
    ],
)
def test_no_annotation_causes_a_remediation_that_the_filters_exclude(
    cause: str, status_cause: str, *, reported: bool, remediated: bool
) -> None:
    """A stored cause that Events showed is reported; the cause by the Pod's status still counts."""
    filters = spec(ignore={"causes": ["Killed"]})
    crash = diagnosis(cause, status_cause)
    assert bool(reportable({}, None, [crash], filters)) is reported
    assert allows_remediation({}, crash, filters) is remediated


def test_a_remediation_needs_the_kubelets_count() -> None:
    """Fewer restarts are not enough, however short the Pod's life and whatever is stored."""
    filters = spec(thresholds=[{"container": "db", "restarts": 5}, {"restarts": 2}])
    for container, restarts, allowed in (("db", 4, False), ("db", 5, True), ("app", 2, True)):
        crash = diagnosis(container=container, restarts=restarts)
        assert allows_remediation({}, crash, filters) is allowed


@given(IGNORED, st.lists(THRESHOLDS, max_size=2).map(tuple), LABELS, st.integers(0, 12), CODES)
def test_both_kinds_of_spec_filter_the_same(
    ignore: IgnoreSpec,
    thresholds: tuple[ThresholdSpec, ...],
    labels: dict[str, str],
    restarts: int,
    code: int | None,
) -> None:
    """A Pod's sync reads in a DiagnosisTarget what its PodDiagnoser's sync reads in its spec."""
    written = PodDiagnoserSpec(ignore=ignore, thresholds=thresholds)
    fields = written.model_dump(include={"ignore", "thresholds"}, exclude_defaults=True)
    stored = DiagnosisTargetSpec.model_validate(fields)
    crash = diagnosis(restarts=restarts, exit_code=code)
    assert reportable(labels, T0, [crash], stored) == reportable(labels, T0, [crash], written)
