"""What Events prove of a container that does not start, or of a lasting condition. Pure.

Nothing ended there, so what counts is what goes on. One failure shows in several Events: what the
kubelet could not do, and that it waits for it ("timed out waiting for the condition"). The most
specific of them counts, not the latest. It may be gone later, or turn out to be another one, so
Events are looked up again for as long as the condition lasts, ever more rarely.

Sources: ``pkg/kubelet/events/event.go``, ``pkg/kubelet/volumemanager/volume_manager.go``,
``pkg/controller/volume/attachdetach/reconciler`` (FailedAttachVolume, once an attachment),
``pkg/kubelet/kuberuntime/kuberuntime_manager.go`` (FailedCreatePodSandBox),
``pkg/kubelet/images/image_manager.go`` (Pulling, Pulled, Failed), ``pkg/kubelet/prober``.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from heapq import nlargest
from typing import Final, NamedTuple

from pod_diagnoser.diagnosis.evidence import (
    MAX_DETAIL_BYTES,
    EventFinding,
    EventLookup,
    Evidence,
    FetchedEvidence,
    PodEvent,
)
from pod_diagnoser.diagnosis.message_text import fit
from pod_diagnoser.diagnosis.messages import Problem, read_message
from pod_diagnoser.diagnosis.problem_words import ProblemKind
from pod_diagnoser.diagnosis.redaction import redact_message
from pod_diagnoser.diagnosis.symptoms import (
    IMAGE_PULL_BACK_OFF,
    LastingCondition,
    Symptom,
    SymptomKind,
)

MAX_LOOKUPS: Final = 40
"""How often Events are looked up at most: for about a day and a half."""

_LOOKUPS: Final = tuple(timedelta(seconds=each) for each in (0, 5, 120, 600, 1800))
"""The times of the first lookups, from the first observation on."""

_LOOKUP_PERIOD: Final = timedelta(hours=1)
"""The time between all further ones."""

SLOW_PULL: Final = timedelta(minutes=5)
"""From when on a pull is told: most take seconds, large images some minutes."""

_SECOND: Final = timedelta(seconds=1)
_BEFORE: Final = timedelta(seconds=30)
"""How long before the kubelet reports a Pod others may have failed to do their part, once."""

_STILL_GOES_ON: Final = timedelta(minutes=10)
"""How long before the latest failure one may lie that still goes on: the kubelet tries again every
two minutes at the latest, and of many Events one in five minutes gets through."""

_FAILED_SYNC: Final = "FailedSync"
_FAILURES: Final = {
    "FailedMount": EventFinding.MOUNT_FAILED,
    "FailedAttachVolume": EventFinding.MOUNT_FAILED,
    "FailedMapVolume": EventFinding.MOUNT_FAILED,
    "VolumePermissionChangeInProgress": EventFinding.MOUNT_FAILED,
    "FailedCreatePodSandBox": EventFinding.SANDBOX_FAILED,
    "NetworkNotReady": EventFinding.SANDBOX_FAILED,
    "FailedPrepareDynamicResources": EventFinding.DEVICES_FAILED,
    "FailedCreatePodContainer": EventFinding.SETUP_FAILED,
    _FAILED_SYNC: EventFinding.SETUP_FAILED,
}
"""Reasons of Events for which a Pod does not get on, and what they prove."""

_PULLS: Final = ("Pulling", "Pulled", "Failed", "BackOff")
"""Reasons of Events about the pull of an image; the latest one is its state."""

_FAILED_CLAIM: Final = "FailedResourceClaimCreation"
_CLAIM_FAILED: Final = EventFinding.CLAIM_FAILED
"""Source: ``pkg/controller/resourceclaim/controller.go``."""

_FAILED_PULL: Final = "Failed to pull image "
_NO_PULL_SECRET: Final = "FailedToRetrieveImagePullSecret"  # noqa: S105  # a reason
"""Source: ``pkg/kubelet/kubelet_pods.go`` (getPullSecretsForPod). The pull goes on without."""

_STOP_FAILURES: Final = ("FailedKillPod", "FailedPreStopHook")

_PROBES: Final = {
    LastingCondition.NOT_READY: (EventFinding.READINESS_PROBE, "Readiness probe "),
    LastingCondition.NOT_STARTED: (EventFinding.STARTUP_PROBE_FAILS, "Startup probe "),
}
"""What an Event Unhealthy proves about a condition, and how its message begins then."""

_PROBE_FINDINGS: Final = tuple(finding for finding, _ in _PROBES.values())

_MAX_READ: Final = 4
"""How many Events of a reason are read at most: a Pod waits for few things at a time."""

_UNKNOWN_TIME: Final = datetime.min.replace(tzinfo=UTC)


class _Found(NamedTuple):
    """What an Event proves.

    Attributes:
        finding: what it proves.
        message: what it says in addition, not safe yet.
        reason: its reason; empty where the status of the Pod may prove the same.
        since: since when it goes on, of a pull that has not ended; else None.
    """

    finding: EventFinding
    message: str
    reason: str = ""
    since: datetime | None = None


def may_explain(symptom: Symptom) -> bool:
    """Return whether Events can tell more about a symptom that is no termination."""
    if symptom.kind is SymptomKind.WAITING:
        return symptom.reason == IMAGE_PULL_BACK_OFF
    return symptom.kind is SymptomKind.LASTING_CONDITION and symptom.reason in (
        LastingCondition.NOT_CREATED,
        LastingCondition.NOT_SCHEDULED,
        LastingCondition.NOT_DELETED,
        *_PROBES,
    )


def may_change_cause(symptom: Symptom, known: Evidence | None) -> bool:
    """Return whether one of the first two lookups is to come that may change the cause.

    Later ones are nothing to wait for.
    """
    if not may_explain(symptom):
        return False
    return known is None or (
        known.lookup in (EventLookup.NOTHING, EventLookup.UNAVAILABLE) and known.lookups == 1
    )


def seconds_until_lookup(
    symptom: Symptom, known: Evidence | None, first_observed: datetime | None, now: datetime
) -> float | None:
    """Return in how many seconds Events should be looked up, the first time or again.

    Args:
        symptom: a symptom that is no termination.
        known: its evidence so far, or None.
        first_observed: when it was first observed, or None for now.
        now: the time.

    Returns:
        0 or less for now; None where Events cannot add to what is known.
    """
    if not may_explain(symptom):
        return None
    if known is None:
        return 0.0
    if known.lookup is EventLookup.REFUSED or known.lookups >= MAX_LOOKUPS:
        return None
    if known.lookups == 0 and not _may_lack_secret(known.problem):
        return None  # the status itself tells it, or did so a moment ago
    if known.lookups == 0:
        return 0.0
    last = len(_LOOKUPS) - 1
    due = _LOOKUPS[min(known.lookups, last)] + max(0, known.lookups - last) * _LOOKUP_PERIOD
    if known.finding is EventFinding.PULLING and known.since is not None:
        # Whether it still goes on is looked up when it becomes slow, and not before.
        due = max(due, known.since + SLOW_PULL - (first_observed or now))
    return ((first_observed or now) + due - now).total_seconds()


def seconds_until_slow(evidence: Evidence | None, now: datetime) -> float | None:
    """Return in how many seconds a pull that goes on is slow, 0 or less if it is; else None."""
    if evidence is None or evidence.finding is not EventFinding.PULLING or evidence.since is None:
        return None
    return (evidence.since + SLOW_PULL - now).total_seconds()


def evaluate(
    symptom: Symptom,
    fetched: FetchedEvidence,
    known: Evidence | None,
    mask_patterns: Sequence[str] = (),
) -> Evidence:
    """Work out what the Events of a Pod prove of a symptom that is no termination.

    Args:
        symptom: what does not start, or lasts.
        fetched: the Pod's Events, or why there are none.
        known: its evidence so far, or None.
        mask_patterns: what is masked in a message, beside what always is.

    Returns:
        Its evidence now. What was found before stays where Events can no longer be read, or tell
        nothing any more: they expire within an hour, and the kubelet posts ever fewer.
    """
    lookups = min((known.lookups if known else 0) + 1, MAX_LOOKUPS)
    were_read = fetched.lookup is EventLookup.FOUND
    found = _find(symptom, fetched.events, known) if were_read else None
    if found is None:
        if known is not None and _stays(known, fetched.events):
            return replace(known, lookups=lookups)
        failure = fetched.lookup or EventLookup.UNAVAILABLE
        return Evidence(EventLookup.NOTHING if were_read else failure, lookups=lookups)
    detail, problem = _detail(found, mask_patterns)
    # What has not been found may come within seconds; what has is looked up again later.
    return Evidence(
        EventLookup.FOUND,
        found.finding,
        detail,
        max(lookups, 2),
        event=found.reason,
        problem=problem,
        since=found.since,
    )


def _stays(known: Evidence, events: Iterable[PodEvent]) -> bool:
    """Whether something is still known though Events do not tell it any more."""
    if known.finding is EventFinding.PULLING:
        return not any(each.reason in _PULLS for each in events)
    return known.finding is not None


def _detail(found: _Found, mask_patterns: Sequence[str]) -> tuple[str, Problem | None]:
    """What an Event says in addition, without the layers around it, redacted and bounded."""
    if not found.message:
        return "", None
    # What is taken off or left out may show what is a secret.
    text = redact_message(found.message, mask_patterns)
    if found.finding in _PROBE_FINDINGS:
        return fit(text, MAX_DETAIL_BYTES), None  # the application's own words
    message = read_message(text)
    return message.fit(MAX_DETAIL_BYTES), message.problem


def _find(symptom: Symptom, events: Sequence[PodEvent], known: Evidence | None) -> _Found | None:
    own = [each for each in events if each.container == symptom.container]
    if symptom.kind is SymptomKind.WAITING:
        return _find_missing_secret(own, events, known) or _find_failed_pull(own)
    since = symptom.started_at
    if since is None:
        return None
    begin = since - (_BEFORE if symptom.reason == LastingCondition.NOT_CREATED else _SECOND)
    recent = [each for each in events if each.last is not None and each.last >= begin]
    if symptom.reason == LastingCondition.NOT_CREATED:
        return _find_failure(recent) or _find_pull(own, events)
    if symptom.reason == LastingCondition.NOT_DELETED:
        stop = _latest(each for each in recent if _is_failed_stop(each))
        return None if stop is None else _Found(EventFinding.STOP_FAILED, stop.message, stop.reason)
    if symptom.reason == LastingCondition.NOT_SCHEDULED:
        claim = _latest(each for each in recent if each.reason == _FAILED_CLAIM)
        return None if claim is None else _Found(_CLAIM_FAILED, claim.message, claim.reason)
    probe = _PROBES.get(LastingCondition(symptom.reason))
    return None if probe is None else _find_probe(recent, symptom.container, *probe)


def _is_failed_stop(event: PodEvent) -> bool:
    if event.reason == _FAILED_SYNC:  # of old kubelets
        return "error killing pod" in event.message
    return event.reason in _STOP_FAILURES


def _may_lack_secret(problem: Problem | None) -> bool:
    """Whether a pull failed in a way that a missing Secret explains."""
    return problem is not None and problem.kind is ProblemKind.IMAGE_UNAUTHORIZED


def _find_missing_secret(
    own: Sequence[PodEvent], events: Iterable[PodEvent], known: Evidence | None
) -> _Found | None:
    """Find the Secret of which the kubelet says that it is not there, where that may count."""
    secret = _latest(each for each in events if each.reason == _NO_PULL_SECRET)
    if secret is None:
        return None
    pull = _find_failed_pull(own)
    if pull is not None:
        problem = read_message(pull.message).problem
    else:
        problem = known.problem if known is not None else None
    return _Found(EventFinding.PULL_FAILED, secret.message) if _may_lack_secret(problem) else None


def _find_failed_pull(own: Iterable[PodEvent]) -> _Found | None:
    failed = _latest(
        each for each in own if each.reason == "Failed" and each.message.startswith(_FAILED_PULL)
    )
    return None if failed is None else _Found(EventFinding.PULL_FAILED, failed.message)


def _find_failure(recent: Iterable[PodEvent]) -> _Found | None:
    """Find the most specific of the failures that go on; of several the latest."""
    failures = _latest_of_each_reason(recent)
    if not failures:
        return None
    problems = {each: read_message(each.message).problem for each in failures}

    def is_echo(event: PodEvent) -> bool:
        problem = problems[event]
        if event.reason == _FAILED_SYNC:
            return True  # what keeps the kubelet from its work, told once more
        return problem is not None and problem.kind is ProblemKind.VOLUMES_AWAITED

    # An attachment that fails is told once, its echo for as long as it is waited for.
    told = [each for each in failures if not is_echo(each)] or failures
    latest = max(_time(each) for each in told)
    going_on = [each for each in told if _time(each) >= latest - _STILL_GOES_ON]

    def weight(event: PodEvent) -> tuple[bool, datetime, str, str]:
        problem = problems[event]
        is_specific = problem is not None and problem.is_specific
        return is_specific, _time(event), event.message, event.reason

    found = max(going_on, key=weight)
    return _Found(_FAILURES[found.reason], found.message, found.reason)


def _latest_of_each_reason(events: Iterable[PodEvent]) -> list[PodEvent]:
    """Return the failures that are read: each costs time, and anyone may post hundreds."""
    by_reason: dict[str, list[PodEvent]] = {}
    for event in events:
        if event.reason in _FAILURES:
            by_reason.setdefault(event.reason, []).append(event)
    return [
        event
        for of_reason in by_reason.values()
        for event in nlargest(_MAX_READ, of_reason, key=lambda each: (_time(each), each.message))
    ]


def _find_pull(own: Sequence[PodEvent], events: Sequence[PodEvent]) -> _Found | None:
    """Find a pull that goes on: of the container's own image, or of one that comes before it."""
    for of in (own, events):
        pull = _latest(each for each in of if each.reason in _PULLS)
        if pull is not None and pull.reason == "Pulling":
            return _Found(EventFinding.PULLING, "", since=pull.last if of is own else None)
    return None


def _find_probe(
    recent: Iterable[PodEvent], container: str, finding: EventFinding, prefix: str
) -> _Found | None:
    failed = _latest(
        each
        for each in recent
        if each.container == container
        and each.reason == "Unhealthy"
        and each.message.startswith(prefix)
    )
    return None if failed is None else _Found(finding, failed.message.partition(": ")[2])


def _time(event: PodEvent) -> datetime:
    return event.last or event.first or _UNKNOWN_TIME


def _latest(events: Iterable[PodEvent]) -> PodEvent | None:
    return max(events, key=lambda each: (_time(each), each.message), default=None)
