"""What is silenced leaves no mark: both syncs, from the request to the answer."""

import json
from typing import Any

import pytest

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser, diagnosis_target
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence, PodEvent
from pod_diagnoser.poddiagnosers.answer import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.keys import CAUSE, CONTAINER, CRASHES, LABEL
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import ExecutionReport
from tests.support import builders, corpus
from tests.support.builders import T0, Json, after

LABELS = {"app": "app", "stage": "canary"}
BATCH = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app", "controller": True}


def published(subject: Json) -> Json:
    """The DiagnosisTarget of a PodDiagnoser, with all that Pods need to know of it."""
    target = builders.target(subject)
    spec = diagnosis_target(PodDiagnoser.model_validate(subject))["spec"]
    return {**target, "spec": json.loads(json.dumps(spec))}


def shown(subject: Json, pod: Json, at: float = 10) -> Json:
    """A Pod after its sync."""
    request = builders.pod_request(pod, published(subject))
    return builders.applied(pod, json.loads(sync_pod(request, after(at)).response.encode()))


def status(subject: Json, *pods: Json, at: float = 10) -> Json:
    """The status of a PodDiagnoser after its sync."""
    observed = take_snapshot(builders.diagnoser_request(subject, published(subject), *pods))
    answer = sync_pod_diagnoser(observed, after(at), ExecutionReport()).response
    written: Json = json.loads(answer.encode())["status"]
    return written


def two(first: Json, second: Json, **metadata: Any) -> Json:
    """A Pod of a ReplicaSet whose containers app and proxy both ended."""
    return builders.pod(
        builders.container("app", first),
        builders.container("proxy", second),
        labels=LABELS,
        creationTimestamp="2026-11-23T09:00:00Z",
        ownerReferences=[{**BATCH, "uid": builders.UID.format(77)}],
        **metadata,
    )


@pytest.mark.parametrize(
    "silence",
    [
        {"ignore": {"exitCodes": [3]}},
        {"ignore": {"causes": ["ApplicationError"]}},
        {"ignore": {"containers": ["a?p", "proxy"]}},
        {"ignore": {"podLabels": {"stage": "canary"}}},
        {"thresholds": [{"restarts": 2}]},
    ],
    ids=str,
)
def test_a_silent_crash_leaves_no_mark(silence: Json) -> None:
    """Neither annotation nor label; without the silence the same crash is told."""
    pod = two(builders.terminated(code=3), builders.terminated(code=3))
    assert shown(builders.diagnoser(**silence), pod) == pod
    marked = shown(builders.diagnoser(), pod)["metadata"]
    assert marked["labels"][LABEL] == "diag"
    assert CRASHES in marked["annotations"]


@pytest.mark.parametrize("name", corpus.names())
def test_no_pod_shows_what_is_ignored(name: str) -> None:
    """Pods of real kubelets, whatever happened to them: a label silences all of it."""
    pod = corpus.document(name)
    pod["metadata"]["labels"] = LABELS
    pod["metadata"]["namespace"] = "shop"
    subject = builders.diagnoser(ignore={"podLabels": LABELS})
    assert shown(subject, pod) == pod


def test_of_two_crashes_the_one_that_is_not_ignored_is_told() -> None:
    """The later one is ignored: annotations, their memory and the status are about the other."""
    subject = builders.diagnoser(ignore={"containers": ["pro*"]})
    pod = shown(subject, two(builders.terminated(T0), builders.terminated(after(5))))
    annotations = pod["metadata"]["annotations"]
    assert annotations[CONTAINER] == "app"
    assert [each["container"] for each in json.loads(annotations[CRASHES])["history"]] == ["app"]
    told = status(subject, pod)
    assert [each["container"] for each in told["recentDiagnoses"]] == ["app"]


@pytest.mark.parametrize(
    "silence",
    [
        {"ignore": {"containers": ["proxy"]}},
        {"thresholds": [{"container": "proxy", "restarts": 2}]},
    ],
    ids=str,
)
def test_an_ignored_crash_is_no_reason_to_replace_its_pod(silence: Json) -> None:
    """Another crash labelled the Pod and is not remediated; the ignored one is not even counted."""
    policy = {"causes": ["OutOfMemory"], "minPodAgeSeconds": 0}
    crashes = builders.terminated(T0), builders.terminated(after(5), 137, "OOMKilled")

    def after_both_syncs(**silence: Any) -> Json:
        subject = builders.diagnoser(remediationAction="RestartPod", remediation=policy, **silence)
        return status(subject, shown(subject, two(*crashes)))

    told = after_both_syncs()
    assert [each["container"] for each in told["remediations"]] == ["proxy"]
    silent = after_both_syncs(**silence)
    assert not silent["remediations"]
    assert [each["reason"] for each in silent["withheld"]] == ["CauseNotListed"]
    assert [each["container"] for each in silent["recentDiagnoses"]] == ["app"]


def test_the_third_crash_is_told_and_not_the_second() -> None:
    """From its waiting state to its next run; the first two leave nothing to remember."""
    subject = builders.diagnoser(thresholds=[{"restarts": 3}])
    for number in (1, 2, 3, 4):
        ended = after(minutes=number)
        last = builders.terminated(ended)
        waiting = builders.container(last=last, restarts=number - 1)
        waiting["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
        running = builders.container(last=last, restarts=number, started=after(20, minutes=number))
        for container in (waiting, running):
            pod = builders.pod(container, creationTimestamp="2026-11-23T10:00:00Z")
            marked = shown(subject, pod, at=number * 60 + 30)
            assert (marked != pod) is (number >= 3), (number, container)


def test_a_made_up_cause_has_no_pod_replaced() -> None:
    """The status says Killed, which is ignored; that Events said more is only the Pod's word."""
    policy = {"minPodAgeSeconds": 0}
    plain = builders.diagnoser(remediationAction="RestartPod", remediation=policy)
    pod = shown(plain, two(builders.terminated(T0, 137), builders.terminated(after(5), 3)))
    annotations = pod["metadata"]["annotations"]
    record = json.loads(annotations[CRASHES])
    for crash in record["history"]:
        crash["evidence"] = {"asked": "Found", "proof": "LivenessProbe"}
    annotations[CRASHES] = json.dumps(record)

    subject = builders.diagnoser(
        remediationAction="RestartPod", remediation=policy, ignore={"causes": ["Killed"]}
    )
    told = status(subject, pod)
    assert "LivenessProbeFailed" in {each["cause"] for each in told["recentDiagnoses"]}
    assert [each["container"] for each in told["remediations"]] == ["proxy"]


def events(reason: str, message: str, at: float) -> FetchedEvidence:
    """What was read of a Pod's Events: one, about its container app."""
    return FetchedEvidence(
        EventLookup.FOUND, (PodEvent(reason, message, "app", after(at), after(at)),)
    )


PROBE = "Container app failed liveness probe, will be restarted"


def probed(code: int, reason: str) -> Json:
    """A Pod whose container has a liveness probe, and ended."""
    pod = builders.pod(builders.container("app", builders.terminated(T0, code, reason)))
    pod["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    return pod


def test_a_clean_exit_is_silent_unless_events_tell_of_a_probe() -> None:
    """They are asked for soon after the end; later they are not, since nothing is remembered."""
    subject = builders.diagnoser(ignore={"cleanExits": True})
    pod = probed(0, "Completed")
    request = builders.pod_request(pod, published(subject))
    soon = sync_pod(request, after(3))
    assert soon.response.encode() == b"{}"
    assert soon.evidence_request is not None
    assert soon.evidence_request.events
    nothing = sync_pod(request, after(3), FetchedEvidence(EventLookup.FOUND, ()))
    assert nothing.response.encode() == b"{}"
    assert nothing.evidence_request is None
    assert sync_pod(request, after(60)).evidence_request is None

    killed = events("Killing", PROBE, -3)
    marked = builders.applied(
        pod, json.loads(sync_pod(request, after(3), killed).response.encode())
    )
    assert marked["metadata"]["annotations"][CAUSE] == "LivenessProbeFailed"
    assert (
        shown(subject, marked, at=4000)["metadata"]["annotations"][CAUSE] == "LivenessProbeFailed"
    )
    assert [each["cause"] for each in status(subject, marked)["recentDiagnoses"]] == [
        "LivenessProbeFailed"
    ]


def test_what_its_events_silence_is_kept_and_shown_nowhere() -> None:
    """Asked for once; neither label nor diagnosis, not even when its Events are long gone."""
    subject = builders.diagnoser(ignore={"causes": ["LivenessProbeFailed"]})
    pod = probed(137, "Error")
    request = builders.pod_request(pod, published(subject))
    assert sync_pod(request, after(3)).evidence_request is not None
    killed = events("Killing", PROBE, -3)
    marked = builders.applied(
        pod, json.loads(sync_pod(request, after(3), killed).response.encode())
    )
    assert set(marked["metadata"]["annotations"]) == {CRASHES}
    assert LABEL not in marked["metadata"]["labels"]
    for at in (4, 60, 10_000):
        again = sync_pod(builders.pod_request(marked, published(subject)), after(at))
        assert again.evidence_request is None
        assert builders.applied(marked, json.loads(again.response.encode())) == marked
    marked["metadata"]["labels"][LABEL] = "diag"
    assert status(subject, marked)["recentDiagnoses"] == []
    # What was silent is told where the spec changes its mind.
    told = shown(builders.diagnoser(), marked)["metadata"]["annotations"]
    assert told[CAUSE] == "LivenessProbeFailed"
    assert '"silent"' not in told[CRASHES]
