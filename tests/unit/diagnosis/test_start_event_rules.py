"""Which Event counts for a container that does not start, and when Events are looked up again."""

import itertools
import json
from datetime import datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.diagnosis import start_event_rules
from pod_diagnoser.diagnosis.detection import detect_symptoms
from pod_diagnoser.diagnosis.diagnose import diagnose, diagnose_symptom
from pod_diagnoser.diagnosis.evidence import (
    MAX_DETAIL_BYTES,
    EventFinding,
    EventLookup,
    Evidence,
    FetchedEvidence,
    PodEvent,
)
from pod_diagnoser.diagnosis.messages import Message, read_message
from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.start_event_rules import (
    MAX_LOOKUPS,
    SLOW_PULL,
    evaluate,
    seconds_until_lookup,
    seconds_until_slow,
)
from pod_diagnoser.diagnosis.symptoms import LastingCondition, Symptom, SymptomKind
from tests.support.builders import T0, Json, after, pod, termination

ECHO = (
    "Unable to attach or mount volumes: unmounted volumes=[data], unattached volumes=[], failed to "
    "process volumes=[]: timed out waiting for the condition"
)
MULTI_ATTACH = (
    'Multi-Attach error for volume "pvc-1" Volume is already exclusively attached to one node and '
    "can't be attached to another"
)
MISSING = 'MountVolume.SetUp failed for volume "cfg" : configmap "app" not found'
ODD = 'MountVolume.SetUp failed for volume "cfg" : the dog ate it'


def symptom(reason: LastingCondition = LastingCondition.NOT_CREATED, **more: Any) -> Symptom:
    """Build a lasting condition of the container app since `T0`."""
    facts: Json = {"kind": SymptomKind.LASTING_CONDITION, "started_at": T0, **more}
    return termination(reason=reason.value, **facts)


def event(
    reason: str, message: str = "", last: datetime = T0, container: str = "", **more: Any
) -> PodEvent:
    """Build an Event that happened last at a time."""
    return PodEvent(reason, message, container, more.get("first", last), last)


def found(*events: PodEvent, of: Symptom | None = None, known: Evidence | None = None) -> Evidence:
    """Evaluate Events that could be read."""
    return evaluate(of or symptom(), FetchedEvidence(EventLookup.FOUND, events), known)


def kind(evidence: Evidence) -> ProblemKind | None:
    """Return the kind of problem that evidence tells of."""
    return evidence.problem.kind if evidence.problem else None


@pytest.mark.parametrize(
    ("events", "expected"),
    [
        pytest.param(
            (
                event("FailedAttachVolume", MULTI_ATTACH, after(-2)),
                event("FailedMount", ECHO, after(hours=5)),
            ),
            ProblemKind.VOLUME_ATTACHED_ELSEWHERE,
            id="an attachment that was told once, and its echo for hours",
        ),
        pytest.param(
            (event("FailedMount", MISSING, after(60)), event("FailedMount", ECHO, after(120))),
            ProblemKind.CONFIG_MAP_MISSING,
            id="what is missing, and the echo of that",
        ),
        pytest.param(
            (event("FailedMount", MISSING, after(60)), event("FailedMount", ODD, after(90))),
            ProblemKind.CONFIG_MAP_MISSING,
            id="what is known, and then what is not",
        ),
        pytest.param(
            (
                event("FailedMount", MISSING, after(60)),
                event("FailedCreatePodSandBox", "no runtime for kata", after(minutes=20)),
            ),
            None,
            id="what is over, and what goes on",
        ),
        pytest.param(
            (event("FailedMount", ECHO, after(120)),),
            ProblemKind.VOLUMES_AWAITED,
            id="the echo alone",
        ),
    ],
)
def test_the_most_specific_event_that_goes_on_counts(
    events: tuple[PodEvent, ...], expected: ProblemKind | None
) -> None:
    """In whatever order Events come."""
    assert kind(found(*events)) is expected
    assert found(*events) == found(*reversed(events))


def test_a_flood_of_events_is_not_read_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    """Anyone who may post Events would otherwise hold up the hook; an attachment is still seen."""
    reads = []

    def counted(message: str) -> Message:
        reads.append(message)
        return read_message(message)

    monkeypatch.setattr(start_event_rules, "read_message", counted)
    flood = [event("FailedMount", f"{ECHO} {number}", after(number)) for number in range(250)]
    evidence = found(event("FailedAttachVolume", MULTI_ATTACH, after(1)), *flood)
    assert kind(evidence) is ProblemKind.VOLUME_ATTACHED_ELSEWHERE
    assert len(reads) < 10


@pytest.mark.parametrize(
    ("reason", "finding"),
    [
        ("FailedMount", EventFinding.MOUNT_FAILED),
        ("FailedAttachVolume", EventFinding.MOUNT_FAILED),
        ("FailedMapVolume", EventFinding.MOUNT_FAILED),
        ("FailedCreatePodSandBox", EventFinding.SANDBOX_FAILED),
        ("NetworkNotReady", EventFinding.SANDBOX_FAILED),
        ("FailedPrepareDynamicResources", EventFinding.DEVICES_FAILED),
        ("FailedCreatePodContainer", EventFinding.SETUP_FAILED),
        ("FailedScheduling", None),
        ("Unhealthy", None),
    ],
)
def test_each_failure_proves_its_own_kind(reason: str, finding: EventFinding | None) -> None:
    """The scheduler's failures are over when a node has been found."""
    assert found(event(reason, "it failed")).finding is finding


def test_what_failed_before_the_condition_began_is_not_its_reason() -> None:
    """An init container that ended well had its volumes."""
    assert found(event("FailedMount", MISSING, after(-60))).finding is None


def test_a_pull_counts_from_its_last_event() -> None:
    """It goes on while the latest Event is its start; another container's is only waited for."""
    pulling = event("Pulling", "", after(10), "app")
    pulled = event("Pulled", "", after(20), "app")
    other = event("Pulling", "", after(30), "proxy")
    assert found(pulling).since == after(10)
    assert found(pulling, pulled).finding is None
    assert found(pulling, pulled, other) == Evidence(
        EventLookup.FOUND, EventFinding.PULLING, lookups=2
    )
    assert found(event("Failed", "", after(20), "app"), pulling).finding is None


def test_a_pull_becomes_slow() -> None:
    """Not before five minutes; one of another container never does."""
    own = found(event("Pulling", "", after(10), "app"))
    other = found(event("Pulling", "", after(10), "proxy"))
    assert seconds_until_slow(own, after(70)) == 240
    assert seconds_until_slow(own, after(310)) == 0
    assert seconds_until_slow(other, after(310)) is None
    assert seconds_until_slow(None, T0) is None


def test_a_pull_that_becomes_slow_is_looked_up_then() -> None:
    """It may have ended since; before that nothing is asked."""
    pulling = found(event("Pulling", "", after(10), "app"))
    assert seconds_until_lookup(symptom(), pulling, T0, after(60)) == 10 + SLOW_PULL.seconds - 60
    assert seconds_until_lookup(symptom(), pulling, T0, after(310)) == 0


def test_lookups_become_rarer_and_end() -> None:
    """At once, after seconds, minutes, then hourly for a day and a half."""
    known = None
    times: list[timedelta] = []
    now = T0
    for _ in range(MAX_LOOKUPS):
        seconds = seconds_until_lookup(symptom(), known, T0, now)
        assert seconds is not None
        now += timedelta(seconds=max(seconds, 0))
        times.append(now - T0)
        known = evaluate(symptom(), FetchedEvidence(EventLookup.FOUND), known)
    assert seconds_until_lookup(symptom(), known, T0, now) is None
    assert [each.total_seconds() for each in times[:6]] == [0, 5, 120, 600, 1800, 5400]
    gaps = [later - earlier for earlier, later in itertools.pairwise(times)]
    assert gaps == sorted(gaps)
    assert timedelta(days=1) < times[-1] < timedelta(days=2)


def test_what_was_found_stays_when_events_are_gone() -> None:
    """They expire within an hour; what they tell anew replaces it."""
    first = found(event("FailedMount", MISSING))
    later = found(known=first)
    assert (later.finding, later.problem, later.lookups) == (
        EventFinding.MOUNT_FAILED,
        first.problem,
        first.lookups + 1,
    )
    refused = evaluate(symptom(), FetchedEvidence(EventLookup.REFUSED), first)
    assert refused.finding is EventFinding.MOUNT_FAILED
    assert kind(found(event("FailedMount", ECHO), known=first)) is ProblemKind.VOLUMES_AWAITED


def test_a_pull_is_over_only_if_events_tell_its_end() -> None:
    """A hanging one may be older than its Event is kept."""
    pulling = found(event("Pulling", "", after(10), "app"))
    assert found(known=pulling).finding is EventFinding.PULLING
    assert found(event("Pulled", "", after(20), "app"), known=pulling).finding is None


@pytest.mark.parametrize("reason", list(LastingCondition))
def test_only_what_events_can_tell_is_looked_up(reason: LastingCondition) -> None:
    """A node, a gate or an init container that runs on is told by the status alone."""
    asked = seconds_until_lookup(symptom(reason), None, None, T0) is not None
    assert asked is (
        reason
        in (
            LastingCondition.NOT_SCHEDULED,
            LastingCondition.NOT_CREATED,
            LastingCondition.NOT_STARTED,
            LastingCondition.NOT_READY,
            LastingCondition.NOT_DELETED,
        )
    )


@pytest.mark.parametrize(
    ("reason", "message", "finding"),
    [
        (LastingCondition.NOT_READY, "Readiness probe failed: 503", EventFinding.READINESS_PROBE),
        (LastingCondition.NOT_READY, "Startup probe failed: 503", None),
        (LastingCondition.NOT_STARTED, "Startup probe failed: 503", "StartupProbeFails"),
        (LastingCondition.NOT_STARTED, "Liveness probe failed: 503", None),
    ],
)
def test_a_failed_probe_tells_only_of_its_own_condition(
    reason: LastingCondition, message: str, finding: EventFinding | None
) -> None:
    """It is the container's own, and the output is what follows."""
    failed = event("Unhealthy", message, after(5), "app")
    assert found(failed, of=symptom(reason)).finding == finding
    assert found(failed, of=symptom(reason)).detail == ("503" if finding else "")
    of_another = event("Unhealthy", message, after(5), "proxy")
    assert found(of_another, of=symptom(reason)).finding is None


def test_what_a_probe_says_is_no_problem_of_the_kubelet() -> None:
    """An application may write anything, and shall not decide what to do next."""
    said = "Readiness probe failed: Error: no IP addresses available in range set"
    evidence = found(
        event("Unhealthy", said, after(5), "app"), of=symptom(LastingCondition.NOT_READY)
    )
    assert evidence.problem is None
    assert evidence.detail == "Error: no IP addresses available in range set"


def test_a_secret_in_an_event_is_masked_before_it_is_shortened() -> None:
    """Mount options may hold a password, of which a part would be left."""
    secret = "password=hunter2hunter2hunter2"  # noqa: S105  # made up
    failed = f'MountVolume.SetUp failed for volume "s" : mount -o user=u,{secret} ' + "x " * 99
    evidence = found(event("FailedMount", failed))
    assert "hunter2" not in evidence.detail
    masked = FetchedEvidence(EventLookup.FOUND, (event("FailedMount", failed),))
    assert "user=u" not in evaluate(symptom(), masked, None, ["user=u"]).detail


@given(
    st.lists(
        st.builds(
            event,
            st.sampled_from([*start_event_rules._FAILURES, "Pulling", "Unhealthy", "Failed"]),
            st.text(max_size=600),
            st.integers(-100, 5000).map(after),
            st.sampled_from(["", "app", "proxy"]),
        ),
        max_size=6,
    ),
    st.sampled_from(LastingCondition),
)
def test_any_events_give_bounded_evidence(events: list[PodEvent], reason: LastingCondition) -> None:
    """Whatever they say; the order does not matter."""
    evidence = found(*events, of=symptom(reason))
    assert len(evidence.detail.encode()) <= MAX_DETAIL_BYTES
    assert evidence.detail.isprintable()
    assert (evidence.finding is None) is (evidence.lookup is EventLookup.NOTHING)
    assert found(*reversed(events), of=symptom(reason)).finding is evidence.finding


# Failed pulls

IMAGE = "registry.example/app:1"
ERROR = (
    f'rpc error: code = NotFound desc = failed to pull and unpack image "{IMAGE}": failed to '
    f'resolve reference "{IMAGE}": {IMAGE}: not found'
)


def unpulled(reason: str, message: str) -> Pod:
    """Build a Pod whose image could not be pulled."""
    waits = {"waiting": {"reason": reason, "message": message}}
    document = pod({"name": "app", "state": waits})
    document["spec"]["containers"][0]["image"] = IMAGE
    return Pod.model_validate_json(json.dumps(document))


TURNS = {
    "failed": ("ErrImagePull", ERROR),
    "backing off": ("ImagePullBackOff", f'Back-off pulling image "{IMAGE}": ErrImagePull: {ERROR}'),
    "backing off in old kubelets": ("ImagePullBackOff", f'Back-off pulling image "{IMAGE}"'),
}


def test_both_turns_of_a_failed_pull_give_the_same_words() -> None:
    """With one crash id; where a kubelet does not repeat the error, what is known of it counts."""
    (failed,) = diagnose(unpulled(*TURNS["failed"]))
    (backing_off,) = diagnose(unpulled(*TURNS["backing off"]))
    assert failed.symptom.evidence is not None
    known = {failed.id: failed.symptom.evidence}
    (silent,) = diagnose(unpulled(*TURNS["backing off in old kubelets"]), known)
    statements = {each.statement for each in (failed, backing_off, silent)}
    assert len(statements) == 1
    assert {each.id for each in (failed, backing_off, silent)} == {failed.id}


def test_the_event_of_a_failed_pull_tells_the_same_as_the_status() -> None:
    """It is looked up where the status does not tell, and only there."""
    (told,) = detect_symptoms(unpulled(*TURNS["failed"]))
    (silent,) = detect_symptoms(unpulled(*TURNS["backing off in old kubelets"]))
    assert seconds_until_lookup(told, told.evidence, None, T0) is None
    assert seconds_until_lookup(silent, silent.evidence, None, T0) == 0
    failed = event("Failed", f'Failed to pull image "{IMAGE}": {ERROR}', T0, "app")
    states = event("Failed", "Error: ErrImagePull", after(1), "app")
    by_events = found(failed, states, of=silent)
    assert told.evidence is not None
    assert (by_events.finding, by_events.detail, by_events.problem) == (
        told.evidence.finding,
        told.evidence.detail,
        told.evidence.problem,
    )


def test_a_claim_that_could_not_be_made_is_why_a_pod_is_not_scheduled() -> None:
    """The controller of ResourceClaims says it, and only of a Pod that waits for its scheduler."""
    failed = event("FailedResourceClaimCreation", 'PodResourceClaim gpu: no "gpu"', after(3))
    waits = symptom(LastingCondition.NOT_SCHEDULED, container="")
    fetched = FetchedEvidence(EventLookup.FOUND, (failed,))
    assert evaluate(waits, fetched, None).finding is EventFinding.CLAIM_FAILED
    assert evaluate(symptom(), fetched, None).finding is None


REFUSED_PULL = (
    'Failed to pull image "registry.example/app:1": failed to resolve reference '
    '"registry.example/app:1": pull access denied, repository does not exist or may require '
    "authorization: authorization failed: no basic auth credentials"
)
NO_IMAGE = (
    'Failed to pull image "registry.example/app:1": failed to resolve reference '
    '"registry.example/app:1": registry.example/app:1: not found'
)
NOT_READ = "Unable to retrieve some image pull secrets (regcred); the pull may not succeed."


@pytest.mark.parametrize(
    ("pull", "expected"),
    [
        (REFUSED_PULL, ProblemKind.IMAGE_PULL_SECRET_MISSING),
        (NO_IMAGE, ProblemKind.IMAGE_NOT_FOUND),
    ],
)
def test_a_missing_pull_secret_explains_a_refusal_and_nothing_else(
    pull: str, expected: ProblemKind
) -> None:
    """The kubelet goes on without it, and a public image is pulled all the same."""
    waits = symptom(kind=SymptomKind.WAITING)._replace(reason="ImagePullBackOff")
    events = (
        event("Failed", pull, after(5), "app"),
        event("FailedToRetrieveImagePullSecret", NOT_READ, after(4)),
    )
    by_events = evaluate(waits, FetchedEvidence(EventLookup.FOUND, events), None)
    assert kind(by_events) is expected
    status = Evidence.from_status(EventFinding.PULL_FAILED, "", read_message(pull).problem)
    asked = seconds_until_lookup(waits, status, None, T0)
    assert (asked is not None) is (expected is ProblemKind.IMAGE_PULL_SECRET_MISSING)
    found_later = diagnose_symptom(waits._replace(evidence=status), by_events).symptom.evidence
    assert found_later is not None
    assert kind(found_later) is expected
