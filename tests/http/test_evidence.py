"""Evidence and actions in the whole application: what is fetched, what is logged."""

import io
import json
from contextlib import redirect_stderr
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from pod_diagnoser.api.core_v1 import Pod
from pod_diagnoser.diagnosis.changes import TemplateChange
from pod_diagnoser.diagnosis.evidence import EventLookup, EvidenceRequest, FetchedEvidence, PodEvent
from pod_diagnoser.pods.sync import PodSync, sync_pod
from pod_diagnoser.server import endpoints
from pod_diagnoser.server.app import Parts, create_app
from pod_diagnoser.server.logs import configure_logs
from pod_diagnoser.server.settings import Settings
from tests.http.inprocess import Hook
from tests.http.recorded import NOW, Json, go_json, recorded
from tests.support.builders import owner

CRASHED = recorded("pods-sync.crashed")


class FixedEvidence:
    """An evidence fetcher that always finds a failed probe.

    Attributes:
        requests: all evidence requests.
    """

    def __init__(self) -> None:
        self.requests: list[EvidenceRequest] = []

    def fetch(self, requests: EvidenceRequest) -> FetchedEvidence:
        """Find that the kubelet stopped the container in the second in which it terminated."""
        self.requests.append(requests)
        status = Pod.model_validate(CRASHED.json["object"]).status
        assert status is not None
        last = status.containerStatuses[0].lastState
        assert last is not None
        assert last.terminated is not None
        end = last.terminated.finishedAt
        assert end is not None
        kill = PodEvent(
            "Killing", "Container app failed liveness probe, will be restarted", "app", end, end
        )
        return FetchedEvidence(EventLookup.FOUND, (kill,), log="the last line")


def answer(
    fetcher: FixedEvidence, body: bytes, settings: Settings, path: str = "/pods/sync"
) -> Json:
    """Return what a request is answered with."""
    with redirect_stderr(io.StringIO()):
        configure_logs("info", "json")
        app = create_app(
            settings, Parts(clock=lambda: NOW, sleep=lambda _: None, evidence_fetcher=fetcher)
        )
    headers = {"Authorization": f"Bearer {TOKEN}"} if settings.token_folder else {}
    reply = app.test_client().post(
        path, data=body, content_type="application/json", headers=headers
    )
    assert reply.status_code == 200
    return dict(json.loads(reply.data))


TOKEN = "t" * 32


def with_evidence(**evidence: object) -> bytes:
    """Return the request about a crash, of a PodDiagnoser with ``spec.evidence``."""
    request = CRASHED.json
    for target in next(iter(request["related"].values())).values():
        target["spec"]["evidence"] = evidence
    return go_json(request)


def test_evidence_of_a_crash_is_requested_and_reported() -> None:
    """One answer to Metacontroller, with the Events in it."""
    fetcher = FixedEvidence()
    reply = answer(fetcher, CRASHED.body, Settings())
    assert [each.events for each in fetcher.requests] == [True]
    assert reply["annotations"]["diagnostics.local.io/cause"] == "LivenessProbeFailed"


class FixedChange(FixedEvidence):
    """Finds what a template changed, or nothing.

    Args:
        change: what it changed.
    """

    def __init__(self, change: TemplateChange | None) -> None:
        super().__init__()
        self._change = change

    def fetch(self, requests: EvidenceRequest) -> FetchedEvidence:
        """Find it."""
        self.requests.append(requests)
        return FetchedEvidence(change=self._change)


@pytest.mark.parametrize("change", [None, TemplateChange(7)])
def test_a_template_can_be_all_that_is_requested(
    change: TemplateChange | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nothing is known of it, the Pod is not diagnosed a second time."""
    syncs: list[object] = []

    def counted(*given: Any, **options: Any) -> PodSync:
        syncs.append(given)
        return sync_pod(*given, **options)

    monkeypatch.setattr(endpoints, "sync_pod", counted)
    fetcher = FixedChange(change)
    body = json.loads(with_evidence(events=False))
    body["object"]["metadata"]["ownerReferences"] = [owner()]
    reply = answer(fetcher, go_json(body), Settings())
    (request,) = fetcher.requests
    assert request.template is not None
    assert not request.is_more_than_template
    line = reply["annotations"].get("diagnostics.local.io/changes", "")
    assert line == ("Revision 7; no former revision is kept" if change else "")
    assert len(syncs) == (2 if change else 1)


@pytest.mark.parametrize("name", ["pods-sync.running", "pods-sync.unclaimed"])
def test_no_evidence_is_requested_of_a_pod_without_a_diagnosis(name: str) -> None:
    """Healthy, or not claimed."""
    fetcher = FixedEvidence()
    answer(fetcher, recorded(name).body, Settings())
    assert fetcher.requests == []


@pytest.mark.parametrize("authenticated", [True, False])
def test_container_output_is_in_answers_to_authenticated_callers_only(
    authenticated: bool,
    tmp_path: Path,
) -> None:
    """Other callers get no container output; the log is not even requested."""
    (tmp_path / "token").write_text(TOKEN)
    settings = Settings(token_folder=tmp_path if authenticated else None)
    fetcher = FixedEvidence()
    reply = answer(fetcher, with_evidence(logLines=3), settings)
    assert ("diagnostics.local.io/log" in reply["annotations"]) is authenticated
    assert (fetcher.requests[0].log is not None) is authenticated


class FailingApplication(FixedEvidence):
    """An evidence fetcher that finds no Event, and a log with an exception."""

    def fetch(self, requests: EvidenceRequest) -> FetchedEvidence:
        """Find why the application failed."""
        self.requests.append(requests)
        trace = f"Traceback (most recent call last):\n  File x\nValueError: password={SECRET}\n"
        return FetchedEvidence(EventLookup.FOUND, log=trace)


SECRET = "hunter" + "2"


@pytest.mark.parametrize("authenticated", [True, False])
def test_the_reason_in_a_log_is_in_answers_to_authenticated_callers_only(
    authenticated: bool,
    tmp_path: Path,
) -> None:
    """Masked, and once for the annotation and once in the diagnosis; else nothing is requested."""
    (tmp_path / "token").write_text(TOKEN)
    settings = Settings(token_folder=tmp_path if authenticated else None)
    fetcher = FailingApplication()
    reply = json.dumps(answer(fetcher, with_evidence(reason=True), settings))
    assert ("diagnostics.local.io/reason" in reply) is authenticated
    assert ("ValueError: password=***" in reply) is authenticated
    assert SECRET not in reply
    (request,) = fetcher.requests
    assert (request.log is not None) is authenticated
    if request.log is not None:
        assert request.log.for_reason
        assert request.log.target is not None


def test_evidence_requests_are_counted() -> None:
    """By its result."""
    hook = Hook()
    text = hook.call("GET", "/metrics").body.decode()
    assert 'pod_diagnoser_event_lookups_total{result="Found"} 0.0' in text
    assert "pod_diagnoser_remediation_events_dropped_total 0.0" in text


def test_an_unknown_action_is_logged_once() -> None:
    """And not at each sync; the condition says it as well."""
    request = recorded("poddiagnosers-sync.one-crash").json
    request["object"]["spec"]["remediationAction"] = "Reboot\nNode"
    hook = Hook()
    reply = hook.post("/poddiagnosers/sync", go_json(request))
    (line,) = [line for line in hook.take_log() if "Unknown remediationAction" in line]
    assert "Reboot" not in line
    request["object"]["status"] = json.loads(reply.body)["status"]
    later = Hook(clock=lambda: NOW + timedelta(seconds=5))
    later.post("/poddiagnosers/sync", go_json(request))
    assert not any("Unknown remediationAction" in line for line in later.take_log())
