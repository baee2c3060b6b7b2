"""Filters in both syncs: a suppressed crash has no metadata, no status and no remediation."""

import json
from typing import Any

import pytest

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser, diagnosis_target
from pod_diagnoser.diagnosis.evidence import EventLookup, FetchedEvidence, PodEvent
from pod_diagnoser.poddiagnosers.response import sync_pod_diagnoser
from pod_diagnoser.poddiagnosers.snapshot import take_snapshot
from pod_diagnoser.pods.keys import CAUSE, CONTAINER, CRASHES, EVIDENCE, LABEL
from pod_diagnoser.pods.sync import sync_pod
from pod_diagnoser.remediation.model import ExecutionReport
from tests.support import builders, corpus
from tests.support.builders import T0, Json, after

LABELS = {"app": "app", "stage": "canary"}
BATCH = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "app", "controller": True}


def published(subject: Json) -> Json:
    """Return the DiagnosisTarget of a PodDiagnoser with its whole spec."""
    target = builders.target(subject)
    spec = diagnosis_target(PodDiagnoser.model_validate(subject), "shop")["spec"]
    return {**target, "spec": json.loads(json.dumps(spec))}


def shown(subject: Json, pod: Json, at: float = 10) -> Json:
    """Return a Pod after its sync."""
    request = builders.pod_request(pod, published(subject))
    return builders.applied(pod, json.loads(sync_pod(request, after(at)).response.encode()))


def status(subject: Json, *pods: Json, at: float = 10) -> Json:
    """Return the status of a PodDiagnoser after its sync."""
    observed = take_snapshot(builders.diagnoser_request(subject, published(subject), *pods))
    response = sync_pod_diagnoser(observed, after(at), ExecutionReport()).response
    written: Json = json.loads(response.encode())["status"]
    return written


def two(first: Json, second: Json, **metadata: Any) -> Json:
    """Build a Pod of a ReplicaSet whose containers app and proxy both terminated."""
    return builders.pod(
        builders.container("app", first),
        builders.container("proxy", second),
        labels=LABELS,
        creationTimestamp="2026-11-23T09:00:00Z",
        ownerReferences=[{**BATCH, "uid": builders.UID.format(77)}],
        **metadata,
    )


@pytest.mark.parametrize(
    "filters",
    [
        {"ignore": {"exitCodes": [3]}},
        {"ignore": {"causes": ["ApplicationError"]}},
        {"ignore": {"containers": ["a?p", "proxy"]}},
        {"ignore": {"podLabels": {"stage": "canary"}}},
        {"thresholds": [{"restarts": 2}]},
    ],
    ids=str,
)
def test_a_suppressed_crash_has_no_metadata(filters: Json) -> None:
    """It has neither annotation nor label; without the filter it is reported."""
    pod = two(builders.terminated(code=3), builders.terminated(code=3))
    assert shown(builders.diagnoser(**filters), pod) == pod
    synced = shown(builders.diagnoser(), pod)["metadata"]
    assert synced["labels"][LABEL] == "diag"
    assert CRASHES in synced["annotations"]


@pytest.mark.parametrize("name", corpus.names())
def test_no_pod_shows_what_is_ignored(name: str) -> None:
    """An ignored label suppresses whatever happened to Pods of real kubelets."""
    pod = corpus.document(name)
    pod["metadata"]["labels"] = LABELS
    pod["metadata"]["namespace"] = "shop"
    subject = builders.diagnoser(ignore={"podLabels": LABELS})
    assert shown(subject, pod) == pod


def test_of_two_crashes_the_one_that_is_not_ignored_is_reported() -> None:
    """The later one is ignored: annotations, history and status are about the other."""
    subject = builders.diagnoser(ignore={"containers": ["pro*"]})
    pod = shown(subject, two(builders.terminated(T0), builders.terminated(after(5))))
    annotations = pod["metadata"]["annotations"]
    assert annotations[CONTAINER] == "app"
    assert [each["container"] for each in json.loads(annotations[CRASHES])["history"]] == ["app"]
    written = status(subject, pod)
    assert [each["container"] for each in written["recentDiagnoses"]] == ["app"]


@pytest.mark.parametrize(
    "filters",
    [
        {"ignore": {"containers": ["proxy"]}},
        {"thresholds": [{"container": "proxy", "restarts": 2}]},
    ],
    ids=str,
)
def test_an_ignored_crash_causes_no_remediation(filters: Json) -> None:
    """Another crash has the Pod labelled, and is withheld; the ignored one is not even counted."""
    policy = {"causes": ["OutOfMemory"], "minPodAgeSeconds": 0}
    crashes = builders.terminated(T0), builders.terminated(after(5), 137, "OOMKilled")

    def after_both_syncs(**spec: Any) -> Json:
        subject = builders.diagnoser(remediationAction="RestartPod", remediation=policy, **spec)
        return status(subject, shown(subject, two(*crashes)))

    unfiltered = after_both_syncs()
    assert [each["container"] for each in unfiltered["remediations"]] == ["proxy"]
    filtered = after_both_syncs(**filters)
    assert not filtered["remediations"]
    assert [each["reason"] for each in filtered["withheld"]] == ["CauseNotListed"]
    assert [each["container"] for each in filtered["recentDiagnoses"]] == ["app"]


def test_the_third_crash_is_reported_and_not_the_second() -> None:
    """It is from its waiting state to its next run; nothing is stored of the first two."""
    subject = builders.diagnoser(thresholds=[{"restarts": 3}])
    for number in (1, 2, 3, 4):
        ended = after(minutes=number)
        last = builders.terminated(ended)
        waiting = builders.container(last=last, restarts=number - 1)
        waiting["state"] = {"waiting": {"reason": "CrashLoopBackOff"}}
        running = builders.container(last=last, restarts=number, started=after(20, minutes=number))
        for container in (waiting, running):
            pod = builders.pod(container, creationTimestamp="2026-11-23T10:00:00Z")
            synced = shown(subject, pod, at=number * 60 + 30)
            assert (synced != pod) is (number >= 3), (number, container)


def test_a_made_up_cause_causes_no_remediation() -> None:
    """The status says Killed, which is ignored; the Pod's owner may have written the evidence."""
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
    written = status(subject, pod)
    assert "LivenessProbeFailed" in {each["cause"] for each in written["recentDiagnoses"]}
    assert [each["container"] for each in written["remediations"]] == ["proxy"]


def events(reason: str, message: str, at: float) -> FetchedEvidence:
    """Return fetched evidence with one Event, about the container app."""
    return FetchedEvidence(
        EventLookup.FOUND, (PodEvent(reason, message, "app", after(at), after(at)),)
    )


PROBE = "Container app failed liveness probe, will be restarted"


def probed(code: int, reason: str) -> Json:
    """Build a Pod whose container has a liveness probe, and terminated."""
    pod = builders.pod(builders.container("app", builders.terminated(T0, code, reason)))
    pod["spec"]["containers"][0]["livenessProbe"] = {"httpGet": {"path": "/", "port": 80}}
    return pod


def test_a_clean_exit_is_ignored_unless_its_events_show_a_failed_probe() -> None:
    """They are read soon after the termination; later they are not, since nothing is stored."""
    subject = builders.diagnoser(ignore={"cleanExits": True})
    pod = probed(0, "Completed")
    request = builders.pod_request(pod, published(subject))
    soon = sync_pod(request, after(3))
    assert soon.response.encode() == b"{}"
    assert soon.evidence_request is not None
    assert soon.evidence_request.events
    silent = sync_pod(request, after(3), events("Pulled", "", -6))
    assert silent.response.encode() == b"{}"
    assert sync_pod(request, after(60)).evidence_request is None

    killed = events("Killing", PROBE, -3)
    synced = builders.applied(
        pod, json.loads(sync_pod(request, after(3), killed).response.encode())
    )
    assert synced["metadata"]["annotations"][CAUSE] == "LivenessProbeFailed"
    assert (
        shown(subject, synced, at=4000)["metadata"]["annotations"][CAUSE] == "LivenessProbeFailed"
    )
    assert [each["cause"] for each in status(subject, synced)["recentDiagnoses"]] == [
        "LivenessProbeFailed"
    ]


def test_a_clean_exit_of_which_events_do_not_tell_is_not_ignored() -> None:
    """A failed probe may have had it stopped. That is decided by the second lookup."""
    subject = builders.diagnoser(ignore={"cleanExits": True})
    pod = probed(0, "Completed")
    request = builders.pod_request(pod, published(subject))
    unclear = FetchedEvidence(EventLookup.FOUND, ())
    first = sync_pod(request, after(3), unclear)
    synced = builders.applied(pod, json.loads(first.response.encode()))
    assert set(synced["metadata"]["annotations"]) == {CRASHES}
    assert LABEL not in synced["metadata"]["labels"]
    assert first.settled == []
    assert status(subject, synced)["recentDiagnoses"] == []

    again = builders.pod_request(synced, published(subject))
    request_ = sync_pod(again, after(9)).evidence_request
    assert request_ is not None
    heard = sync_pod(again, after(9), events("Pulled", "", -6))
    ignored = builders.applied(synced, json.loads(heard.response.encode()))
    assert set(ignored["metadata"]["annotations"]) == {CRASHES}
    assert heard.settled == []
    later = builders.pod_request(ignored, published(subject))
    assert sync_pod(later, after(20)).evidence_request is None
    second = sync_pod(again, after(9), unclear)
    synced = builders.applied(synced, json.loads(second.response.encode()))
    assert synced["metadata"]["annotations"][CAUSE] == "Completed"
    assert "its Events are incomplete" in synced["metadata"]["annotations"][EVIDENCE]
    assert [each.container for each in second.settled] == ["app"]
    assert [each["cause"] for each in status(subject, synced)["recentDiagnoses"]] == ["Completed"]
    # Without a probe it is a clean exit.
    del pod["spec"]["containers"][0]["livenessProbe"]
    plain = sync_pod(builders.pod_request(pod, published(subject)), after(3), unclear)
    assert plain.response.encode() == b"{}"


def test_a_crash_that_its_events_suppress_is_stored_and_not_reported() -> None:
    """It is looked up once, and not reported either when its Events are long gone."""
    subject = builders.diagnoser(ignore={"causes": ["LivenessProbeFailed"]})
    pod = probed(137, "Error")
    request = builders.pod_request(pod, published(subject))
    assert sync_pod(request, after(3)).evidence_request is not None
    killed = events("Killing", PROBE, -3)
    synced = builders.applied(
        pod, json.loads(sync_pod(request, after(3), killed).response.encode())
    )
    assert set(synced["metadata"]["annotations"]) == {CRASHES}
    assert LABEL not in synced["metadata"]["labels"]
    for at in (4, 60, 10_000):
        again = sync_pod(builders.pod_request(synced, published(subject)), after(at))
        assert again.evidence_request is None
        assert builders.applied(synced, json.loads(again.response.encode())) == synced
    synced["metadata"]["labels"][LABEL] = "diag"
    assert status(subject, synced)["recentDiagnoses"] == []
    # It is reported when the filter is removed.
    annotations = shown(builders.diagnoser(), synced)["metadata"]["annotations"]
    assert annotations[CAUSE] == "LivenessProbeFailed"
    assert '"silent"' not in annotations[CRASHES]
