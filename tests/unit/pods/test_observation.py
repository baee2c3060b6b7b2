"""What is asked beyond a Pod's status, when, and what becomes of the answer on the Pod."""

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import MIRROR_POD_ANNOTATION
from pod_diagnoser.diagnosis.event_rules import SECOND_LOOKUP_AFTER
from pod_diagnoser.diagnosis.evidence import EventLookup, EvidenceRequest, FetchedEvidence, PodEvent
from pod_diagnoser.pods.keys import (
    CAUSE,
    CONTAINER,
    CRASHES,
    DIAGNOSIS,
    LABEL,
    LOG,
    RESTART_REASON,
    TERMINATION_MESSAGE,
)
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import (
    T0,
    Json,
    after,
    applied,
    container,
    crashed,
    diagnoser,
    pod,
    pod_request,
    target,
    terminated,
)

NOTHING = FetchedEvidence(EventLookup.FOUND)
REFUSED = FetchedEvidence(EventLookup.REFUSED)
UNAVAILABLE = FetchedEvidence(EventLookup.UNAVAILABLE)


def killing(message: str = "Container app failed liveness probe, will be restarted") -> PodEvent:
    """What the kubelet says when it stops the container."""
    return PodEvent("Killing", message, "app", after(-1), after(-1))


PROBE_KILL = FetchedEvidence(
    EventLookup.FOUND,
    (killing(), PodEvent("Unhealthy", "Liveness probe failed: 503", "app", after(-4), after(-1))),
)


def probed(code: int = 137, **options: Any) -> Json:
    """A crashed Pod whose container has a liveness probe."""
    document = pod(container(last=terminated(T0, code, **options)))
    document["spec"]["containers"][0]["livenessProbe"] = {}
    return document


class Watch:
    """A Pod that is synced again and again, with somebody to ask.

    Attributes:
        of: the Pod.
        answers: what comes of asking, one after the other; the last one stays.
        asked: what was wanted.
        writes: how often the Pod was changed.
    """

    def __init__(self, of: Json, *answers: FetchedEvidence, **evidence: Any) -> None:
        self.of = of
        self.answers = list(answers)
        self.asked: list[EvidenceRequest] = []
        self.writes = 0
        target_ = target(diagnoser())
        target_["spec"]["evidence"] = evidence
        self.targets = [target_]
        self.again: float | None = None

    def sync(self, now: datetime, *, confidential: bool = True) -> None:
        """A sync, its answer applied."""
        request = pod_request(self.of, *self.targets)
        result = sync_pod(request, now, confidential=confidential)
        if result.evidence_request is not None and self.answers:
            self.asked.append(result.evidence_request)
            found = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            result = sync_pod(request, now, found, confidential=confidential)
        answer = json.loads(result.response.encode())
        self.again = answer.get("resyncAfterSeconds")
        before, self.of = self.of, applied(self.of, answer)
        self.writes += self.of != before

    def __getitem__(self, key: str) -> Any:
        return self.of["metadata"].get("annotations", {}).get(key)

    @property
    def evidence(self) -> Any:
        """What is kept of the latest crash's evidence."""
        return json.loads(self[CRASHES])["history"][0].get("evidence")


def test_a_probe_kill_is_told_with_the_probe_and_asked_for_once() -> None:
    """One question, one write; the annotations of the mission are as ever."""
    watch = Watch(probed(), PROBE_KILL)
    for seconds in (1, 2, 7, 60):
        watch.sync(after(seconds))
    assert watch[CAUSE] == "LivenessProbeFailed"
    assert 'its liveness probe failed ("503")' in watch[DIAGNOSIS]
    assert watch[RESTART_REASON] == "Error (Exit Code: 137)"
    assert watch.evidence == {"asked": "Found", "proof": "LivenessProbe", "detail": "503"}
    assert len(watch.asked) == 1
    assert watch.writes == 1


def test_what_was_found_is_kept_when_the_events_are_gone() -> None:
    """An hour later, by another process, without permission."""
    watch = Watch(probed(), PROBE_KILL)
    watch.sync(after(1))
    watch.answers = [REFUSED]
    told = watch[DIAGNOSIS]
    watch.sync(after(hours=3))
    assert (watch[CAUSE], watch[DIAGNOSIS]) == ("LivenessProbeFailed", told)


@pytest.mark.parametrize("first", [NOTHING, UNAVAILABLE], ids=lambda each: each.events)
def test_an_inconclusive_look_is_repeated_once_some_seconds_later(first: FetchedEvidence) -> None:
    """The kubelet may post late. The answer asks for that sync."""
    watch = Watch(probed(), first, PROBE_KILL)
    watch.sync(after(1))
    assert watch[CAUSE] == "Killed"
    assert watch.again == SECOND_LOOKUP_AFTER.total_seconds()
    watch.sync(after(3))
    assert len(watch.asked) == 1
    watch.sync(after(6))
    assert watch[CAUSE] == "LivenessProbeFailed"
    assert watch.writes == 2


@pytest.mark.parametrize(
    ("said", "words"),
    [
        (NOTHING, "its Events name no stop by the kubelet"),
        (REFUSED, "its Events may not be read"),
        (UNAVAILABLE, "its Events could not be read"),
    ],
    ids=lambda each: each.lookup if isinstance(each, FetchedEvidence) else "",
)
def test_without_an_answer_the_diagnosis_stands_and_says_so(
    said: FetchedEvidence, words: str
) -> None:
    """Two questions at most, for ever; at most two writes. Who is refused asks no more."""
    watch = Watch(probed(), said)
    for seconds in (1, 6, 12, 60, 3000):
        watch.sync(after(seconds))
    assert watch[CAUSE] == "Killed"
    assert words in watch[DIAGNOSIS]
    assert len(watch.asked) == (1 if said is REFUSED else 2)
    assert watch.writes <= 2


def test_switched_off_nobody_is_asked() -> None:
    """And the sentence says where the proof would be."""
    watch = Watch(probed(), PROBE_KILL, events=False)
    watch.sync(after(1))
    assert watch.asked == []
    assert "look at the Pod's Events" in watch[DIAGNOSIS]


@pytest.mark.parametrize(
    "of",
    [
        pytest.param(probed(reason="OOMKilled"), id="out of memory"),
        pytest.param(probed(128, reason="StartError"), id="never ran"),
        pytest.param(pod(container()), id="healthy"),
    ],
)
def test_what_needs_no_events_asks_for_none(of: Json) -> None:
    """The status tells all there is to tell."""
    watch = Watch(of, PROBE_KILL)
    watch.sync(after(1))
    assert watch.asked == []


def test_an_own_code_without_probes_is_looked_up_once() -> None:
    """A sandbox may have been lost; a second look would not pay."""
    watch = Watch(crashed(), NOTHING)
    for seconds in (1, 6, 12):
        watch.sync(after(seconds))
    assert len(watch.asked) == 1


def test_a_restart_that_somebody_asked_for_is_no_crash() -> None:
    """Told as such, without the label: it is neither counted nor remediated."""
    resized = FetchedEvidence(
        EventLookup.FOUND, (killing("Container app resize requires restart"),)
    )
    watch = Watch(probed(143), resized)
    watch.sync(after(1))
    assert watch[CAUSE] == "RestartedForResize"
    assert watch[RESTART_REASON] == "Error (Exit Code: 143)"
    assert LABEL not in watch.of["metadata"]["labels"]


# Last words


def leaving(message: str) -> Json:
    """A crashed Pod whose container left a message."""
    return pod(container(last=terminated(message=message)))


def test_last_words_are_shown_only_where_asked_for() -> None:
    """Both are off by default."""
    watch = Watch(
        leaving("a word of farewell"), FetchedEvidence(EventLookup.FOUND, log="last line")
    )
    watch.sync(after(1))
    assert (watch[TERMINATION_MESSAGE], watch[LOG]) == (None, None)
    assert all(each.log is None for each in watch.asked)


def test_last_words_are_shown_masked_and_the_log_is_asked_for_once() -> None:
    """With the next crash come its own."""
    said = FetchedEvidence(EventLookup.FOUND, log="connecting with password=hunter2\nlast line\n")
    watch = Watch(leaving("token=abcdef123456 left"), said, terminationMessage=True, logLines=5)
    watch.sync(after(1))
    assert "abcdef123456" not in watch[TERMINATION_MESSAGE]
    assert "left" in watch[TERMINATION_MESSAGE]
    assert "hunter2" not in watch[LOG]
    assert "last line" in watch[LOG]
    log = watch.asked[0].log
    assert log is not None
    assert (log.container, log.previous, log.lines) == ("app", True, 5)
    shown = watch[LOG]
    watch.answers = [FetchedEvidence(EventLookup.FOUND, log="another")]
    watch.sync(after(20))
    assert watch[LOG] == shown
    watch.of["status"]["containerStatuses"] = [container(last=terminated(after(60)), restarts=2)]
    watch.answers = [FetchedEvidence(EventLookup.FOUND, log=None)]
    watch.sync(after(61))
    assert (watch[TERMINATION_MESSAGE], watch[LOG]) == (None, None)


def test_last_words_are_for_authenticated_callers_alone() -> None:
    """An answer that anybody may ask for holds nothing of applications."""
    watch = Watch(
        leaving("farewell"),
        FetchedEvidence(EventLookup.FOUND, log="x"),
        terminationMessage=True,
        logLines=5,
    )
    watch.sync(after(1), confidential=False)
    assert (watch[TERMINATION_MESSAGE], watch[LOG]) == (None, None)
    assert all(each.log is None for each in watch.asked)


# States


def unready(since: datetime, *, ready: bool = False) -> Json:
    """A Pod that runs and whose readiness probe does not succeed."""
    document = pod({**container(started=T0), "ready": ready})
    document["spec"]["containers"][0]["readinessProbe"] = {}
    condition = {"status": str(ready), "lastTransitionTime": since.strftime("%Y-%m-%dT%H:%M:%SZ")}
    document["status"]["conditions"] = [
        {"type": kind, "reason": "ContainersNotReady", **condition}
        for kind in ("Ready", "ContainersReady")
    ]
    return document


def test_a_state_is_told_when_it_lasts_and_taken_off_when_it_is_over() -> None:
    """Not in the first two minutes; the answer asks for the sync that tells it."""
    watch = Watch(unready(T0), NOTHING)
    watch.sync(after(10))
    assert watch.writes == 0
    assert watch.again == 110
    watch.sync(after(120))
    assert watch[CAUSE] == "NotReady"
    assert watch[RESTART_REASON] is None
    watch.of["status"] = unready(after(300), ready=True)["status"]
    watch.sync(after(301))
    assert (watch[CAUSE], watch[CONTAINER], watch[DIAGNOSIS]) == (None, None, None)


def test_a_crash_is_shown_again_when_a_later_state_is_over() -> None:
    """What ended has ended for good; what was a state is over."""
    document = unready(T0)
    document["status"]["containerStatuses"][0] |= {
        "restartCount": 1,
        "lastState": {"terminated": terminated(T0, 3)},
    }
    watch = Watch(document, NOTHING)
    watch.sync(after(1))
    assert watch[CAUSE] == "ApplicationError"
    first = watch[DIAGNOSIS]
    watch.sync(after(130))
    assert watch[CAUSE] == "NotReady"
    watch.of["status"]["conditions"] = unready(after(300), ready=True)["status"]["conditions"]
    watch.sync(after(301))
    assert (watch[CAUSE], watch[DIAGNOSIS]) == ("ApplicationError", first)


def waiting(reason: str, message: str = "") -> Json:
    """A Pod whose container is not started."""
    state = {"waiting": {"reason": reason, "message": message}}
    return pod({"name": "app", "restartCount": 0, "state": state})


def test_a_pull_that_fails_by_turns_is_one_failure() -> None:
    """ErrImagePull and ImagePullBackOff take turns for hours: one write."""
    watch = Watch(waiting("ErrImagePull", "no route"), NOTHING)
    for seconds in range(1, 3600, 60):
        reason = "ImagePullBackOff" if seconds % 120 == 1 else "ErrImagePull"
        watch.of["status"] = waiting(reason, f"attempt {seconds}")["status"]
        watch.sync(after(seconds))
    assert watch[CAUSE] == "ImagePullFailed"
    assert watch.writes == 1
    watch.of["status"] = pod(container())["status"]
    watch.sync(after(3600))
    assert watch[CAUSE] is None


# What must always hold


ANSWERS: Sequence[Callable[[], FetchedEvidence]] = (
    lambda: NOTHING,
    lambda: REFUSED,
    lambda: UNAVAILABLE,
    lambda: PROBE_KILL,
    lambda: FetchedEvidence(EventLookup.FOUND, (killing("Stopping container app"),)),
)


@given(
    st.lists(st.sampled_from(ANSWERS), min_size=1, max_size=4),
    st.lists(st.floats(0.5, 4000), min_size=3, max_size=12),
    st.sampled_from([0, 1, 137, 143]),
)
def test_asking_ends(
    answers: list[Callable[[], FetchedEvidence]], pauses: list[float], code: int
) -> None:
    """Whatever is answered, and whenever: two questions and three writes a crash, then quiet."""
    watch = Watch(probed(code), *(answer() for answer in answers))
    now = after(1)
    for pause in pauses:
        watch.sync(now)
        now += timedelta(seconds=pause)
    assert len(watch.asked) <= 2
    watch.sync(now + timedelta(hours=3))
    writes = watch.writes
    for _ in range(3):
        now += timedelta(hours=4)
        watch.sync(now)
    assert watch.writes == writes
    assert len(watch.asked) <= 2


def test_a_long_pull_is_no_failure_and_is_asked_about_once() -> None:
    """Large images take their time: nothing is shown but what was found out."""
    document = waiting("ContainerCreating")
    since = {"status": "False", "lastTransitionTime": "2026-11-23T10:00:00Z"}
    document["status"]["conditions"] = [
        {"type": kind, "reason": "ContainersNotReady", **since}
        for kind in ("Ready", "ContainersReady")
    ]
    pulling = PodEvent("Pulling", 'Pulling image "app:1"', "app", after(1), after(1))
    watch = Watch(document, FetchedEvidence(EventLookup.FOUND, (pulling,)))
    for seconds in (1, 121, 130, 600):
        watch.sync(after(seconds))
    assert watch[CAUSE] is None
    assert LABEL not in watch.of["metadata"]["labels"]
    assert len(watch.asked) == 1


def test_a_secret_that_a_probe_tells_is_masked() -> None:
    """A probe's output is what an application wrote."""
    said = PodEvent("Unhealthy", "Liveness probe failed: password=hunter2 cust-77", "app", T0, T0)
    watch = Watch(
        probed(),
        FetchedEvidence(EventLookup.FOUND, (killing(), said)),
        maskPatterns=["cust-[0-9]+"],
    )
    watch.sync(after(1))
    assert "its liveness probe failed (" in watch[DIAGNOSIS]
    assert "hunter2" not in str(watch.of)
    assert "cust-77" not in str(watch.of)


def test_events_of_a_static_pod_are_asked_for_by_its_own_uid() -> None:
    """Its mirror has another."""
    document = probed()
    document["metadata"]["annotations"] = {MIRROR_POD_ANNOTATION: "a1b2c3"}
    watch = Watch(document, NOTHING)
    watch.sync(after(1))
    assert [each.uid for each in watch.asked] == ["a1b2c3"]
