"""What the kubelet's Events do not say: when that proves something.

The recorder that drops them is `KubeletRecorder`, by the rule of client-go: a burst of 25 Events of
a type about a Pod, and one more in five minutes. It is written apart from the hook's own.
"""

from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.cluster.client import IDLE_REASONS
from pod_diagnoser.diagnosis.diagnose import Diagnosis, diagnose_symptom
from pod_diagnoser.diagnosis.event_rules import evaluate_events, needs_lookup
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence, PodEvent
from pod_diagnoser.diagnosis.symptoms import Symptom
from tests.support import builders

T0 = datetime(2026, 11, 23, 10, tzinfo=UTC)
KILL = "Container {} failed liveness probe, will be restarted"
FAILED = "Liveness probe failed: HTTP probe failed with statuscode: 500"
OUTPUT = "HTTP probe failed with statuscode: 500"


def at(seconds: float) -> datetime:
    """Return a time in whole seconds, as Kubernetes writes it."""
    return T0 + timedelta(seconds=int(seconds))


@dataclass
class KubeletRecorder:
    """Records Events about one Pod as a kubelet does.

    Attributes:
        shown: the Events, as the API server has them, by container, reason and message.
        dropped: how many never arrived.
    """

    shown: dict[tuple[str, str, str], PodEvent] = field(default_factory=dict)
    dropped: int = 0
    _tokens: dict[bool, float] = field(default_factory=dict)
    _used: dict[bool, float] = field(default_factory=dict)
    _counts: dict[tuple[str, str, str], int] = field(default_factory=dict)
    _firsts: dict[tuple[str, str, str], datetime] = field(default_factory=dict)

    def record(
        self, time: float, container: str, reason: str, message: str = "", *, normal: bool = True
    ) -> None:
        """Record an Event: count it, and send it where the bucket of its type has a token."""
        key = (container, reason, message)
        self._counts[key] = self._counts.get(key, 0) + 1
        first = self._firsts.setdefault(key, at(time))
        tokens = self._tokens.get(normal, 25.0)
        tokens = min(25.0, tokens + (time - self._used.get(normal, time)) / 300)
        self._used[normal] = time
        if tokens < 1:
            self._tokens[normal] = tokens
            self.dropped += 1
            return
        self._tokens[normal] = tokens - 1
        self.shown[key] = PodEvent(
            reason, message, container, first, at(time), self._counts[key], normal
        )

    def start(self, time: float, container: str) -> None:
        """Record the three Events of a start."""
        for reason in ("Pulled", "Created", "Started"):
            self.record(time, container, reason)

    def read(self, time: float) -> FetchedEvidence:
        """Return what the hook reads: an hour of Events, without the idle ones."""
        return FetchedEvidence(
            EventLookup.FOUND,
            [
                each
                for each in self.shown.values()
                if each.reason not in IDLE_REASONS
                and each.last is not None
                and at(time) - each.last < timedelta(hours=1)
            ],
        )


@dataclass(frozen=True)
class Run:
    """A run of a container, and how it ended.

    Attributes:
        container: its name.
        seconds: how long it ran.
        killed: whether its liveness probe had it killed.
        failures: how often the probe failed in it.
        pause: seconds until its next start.
    """

    container: str
    seconds: float
    killed: bool
    failures: int
    pause: float


def termination(run: Run, started: float, ended: float, code: int, *, created: bool) -> Symptom:
    """Return the end of a run as the Pod shows it."""
    return builders.termination(
        container=run.container,
        reason="Completed" if code == 0 else "Error",
        exit_code=code,
        probes=("liveness",),
        events_since=T0 if created else None,
        started_at=at(started),
        finished_at=at(ended),
        ended_by=at(ended),
        restarted=True,
    )


def play(
    runs: list[Run],
    code: int = 137,
    *,
    created: bool = True,
    looks: tuple[float, ...] = (0.5, 6),
    others: int = 0,
) -> list[tuple[Run, Diagnosis]]:
    """Run containers one after another, and look up the Events of each end as the hook does.

    Args:
        runs: the runs.
        code: the exit code of each.
        created: whether it is known when the Pod was created.
        looks: when Events are looked up, in seconds after an end.
        others: how many Events of another container come first.

    Returns:
        Each run with its last diagnosis.
    """
    recorder, time, found = KubeletRecorder(), 0.0, []
    for number in range(others):
        recorder.record(0, "other", "Pulling", f"image {number}")
    for run in runs:
        recorder.start(time, run.container)
        started, ended = time + 0.5, time + 0.5 + run.seconds
        for number in range(run.failures):
            moment = started + run.seconds * (number + 1) / (run.failures + 1)
            recorder.record(moment, run.container, "Unhealthy", FAILED, normal=False)
        if run.killed:
            recorder.record(ended - 0.1, run.container, "Killing", KILL.format(run.container))
        symptom = termination(run, started, ended, code, created=created)
        known = None
        restarted = False
        for look in looks:
            if look > run.pause and not restarted:
                recorder.start(ended + run.pause, run.container)
                restarted = True
            now = at(ended + look)
            if needs_lookup(symptom, known, at(ended), now):
                known = evaluate_events(symptom, recorder.read(ended + look), known, now)
        found.append((run, diagnose_symptom(symptom, known)))
        time = ended + run.pause + max(looks)
    return found


RUNS = st.builds(
    Run,
    container=st.sampled_from(["app", "proxy"]),
    seconds=st.sampled_from([2.0, 30.0, 400.0, 2000.0, 9000.0]),
    killed=st.booleans(),
    failures=st.integers(0, 4),
    pause=st.sampled_from([1.0, 10.0, 300.0]),
)


@settings(deadline=None)
@given(st.lists(RUNS, min_size=1, max_size=25), st.booleans())
def test_silence_is_no_proof_where_the_recorder_dropped_the_event(
    runs: list[Run], created: bool
) -> None:
    """Whatever ran, and for how long: a kill is told as one, or nothing is said to be known."""
    for run, diagnosis in play(runs, created=created):
        evidence = diagnosis.symptom.evidence
        assert evidence is not None
        if run.killed:
            assert evidence.lookup is not EventLookup.SILENT
            assert diagnosis.cause is Cause.LIVENESS_PROBE_FAILED or not evidence.finding
        else:
            assert diagnosis.cause is not Cause.LIVENESS_PROBE_FAILED


@pytest.mark.parametrize("others", range(9))
@pytest.mark.parametrize("seconds", [2.0, 5.0, 30.0])
@pytest.mark.parametrize("pause", [1.0, 10.0])
def test_the_event_of_a_start_may_be_the_last_that_comes_through(
    others: int, seconds: float, pause: float
) -> None:
    """That the kubelet was heard at the start of a run does not show that it was at its end."""
    kill = Run("app", seconds, killed=True, failures=0, pause=pause)
    for created in (True, False):
        for _, diagnosis in play([kill] * 10, created=created, others=others):
            evidence = diagnosis.symptom.evidence
            assert evidence is not None
            assert evidence.lookup is not EventLookup.SILENT


LIVENESS_KILL = Run("app", 30.0, killed=True, failures=3, pause=10.0)
OWN_END = Run("app", 30.0, killed=False, failures=0, pause=10.0)


@pytest.mark.parametrize("code", [0, 137, 143])
def test_twelve_liveness_kills_in_a_row_are_never_taken_for_anything_else(code: int) -> None:
    """The first six are proved; of the others it is said that Events do not tell."""
    found = play([LIVENESS_KILL] * 12, code)
    causes = [diagnosis.cause for _, diagnosis in found]
    assert causes[:5] == [Cause.LIVENESS_PROBE_FAILED] * 5
    unknown = [each for _, each in found if each.cause is not Cause.LIVENESS_PROBE_FAILED]
    assert len(unknown) >= 5
    for each in unknown:
        assert each.symptom.evidence is not None
        assert each.symptom.evidence.lookup is EventLookup.NOTHING
        assert "its Events are incomplete" in each.statement.evidence
        assert "liveness probe" in each.statement.evidence
        assert "no Event of a stop" not in each.statement.evidence


def test_a_failed_probe_within_the_run_is_a_hint() -> None:
    """Warnings have a bucket of their own, and come through for longer."""
    found = [diagnosis for _, diagnosis in play([LIVENESS_KILL] * 8)]
    evidence = found[-1].symptom.evidence
    assert evidence is not None
    assert (evidence.event, evidence.detail, evidence.finding) == ("Unhealthy", OUTPUT, None)
    assert "Event Unhealthy" in found[-1].statement.evidence


def test_the_first_ends_of_a_new_pod_prove_that_nobody_stopped_it() -> None:
    """While the kubelet still has room for Events, silence proves something."""
    lookups = [diagnosis.symptom.evidence for _, diagnosis in play([OWN_END] * 12)]
    silent = [each is not None and each.lookup is EventLookup.SILENT for each in lookups]
    assert silent[:4] == [True] * 4
    assert not any(silent[9:])


def test_a_run_of_hours_proves_it_too() -> None:
    """The bucket is full again, and the next start shows that the kubelet is heard."""
    long = replace(OWN_END, seconds=9000.0, pause=1.0)
    found = play([LIVENESS_KILL] * 9 + [long], created=False)
    evidence = found[-1][1].symptom.evidence
    assert evidence is not None
    assert evidence.lookup is EventLookup.SILENT


def test_nothing_is_proved_while_the_kubelet_is_not_heard() -> None:
    """Its Events may all be lost, or still be on their way."""
    symptom = termination(OWN_END, 0, 30, 137, created=True)
    of_the_scheduler = PodEvent("Preempted", "", "", at(1), at(1))
    of_another = PodEvent("Pulled", "", "proxy", at(1), at(1))
    for events in ((), (of_the_scheduler,), (of_another,)):
        found = evaluate_events(symptom, FetchedEvidence(EventLookup.FOUND, events), None, at(31))
        assert found.lookup is EventLookup.NOTHING


def test_a_list_that_was_cut_proves_nothing_by_what_it_lacks() -> None:
    """What it holds it proves."""
    symptom = termination(OWN_END, 0, 30, 137, created=True)
    pulled = PodEvent("Pulled", "", "app", at(0), at(0))
    kill = PodEvent("Killing", KILL.format("app"), "app", at(29), at(29))

    def lookup(*events: PodEvent, complete: bool) -> EventLookup:
        fetched = FetchedEvidence(EventLookup.FOUND, events, complete=complete)
        return evaluate_events(symptom, fetched, None, at(31)).lookup

    assert lookup(pulled, complete=True) is EventLookup.SILENT
    assert lookup(pulled, complete=False) is EventLookup.NOTHING
    assert lookup(pulled, kill, complete=False) is EventLookup.FOUND


def test_tries_to_pull_an_image_may_have_used_up_all() -> None:
    """Each costs Events that are not read."""
    symptom = termination(OWN_END, 0, 30, 137, created=True)
    pulled = PodEvent("Pulled", "", "app", at(0), at(0))
    failed = PodEvent("Failed", "Error: ImagePullBackOff", "proxy", at(0), at(9), 3, normal=False)
    fetched = FetchedEvidence(EventLookup.FOUND, (pulled, failed))
    assert evaluate_events(symptom, fetched, None, at(31)).lookup is EventLookup.NOTHING
