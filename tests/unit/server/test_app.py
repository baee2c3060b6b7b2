"""What the hook is put together from: whether evidence is fetched, and from where."""

from contextlib import nullcontext
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pod_diagnoser.cluster.credentials import Credentials
from pod_diagnoser.cluster.errors import api_error, describe_failure
from pod_diagnoser.diagnosis.evidence import EventLookup, EvidenceRequest, FetchedEvidence
from pod_diagnoser.server import app
from pod_diagnoser.server.app import connect_evidence_fetcher, connect_reconciler
from pod_diagnoser.server.endpoints import utc_now
from pod_diagnoser.server.settings import Endpoints, Settings, SettingsError
from pod_diagnoser.server.telemetry import Telemetry

EVENTS = EvidenceRequest("shop", "app-1", "uid-1", events=True)


@pytest.fixture
def token(tmp_path: Path) -> Path:
    """A token for the API server."""
    path = tmp_path / "token"
    path.write_text("t")
    return path


@pytest.mark.parametrize(
    ("host", "evidence", "fetched"),
    [
        ("127.0.0.1", None, True),
        ("127.0.0.1", True, True),
        ("127.0.0.1", False, False),
        ("0.0.0.0", None, False),
        ("0.0.0.0", False, False),
    ],
)
@pytest.mark.parametrize("endpoints", Endpoints)
def test_evidence_is_fetched_where_it_may_be(
    host: str, evidence: bool | None, fetched: bool, endpoints: Endpoints, token: Path
) -> None:
    """Where there is an API server, callers are known, and Pods are served."""
    settings = Settings(
        host=host,
        unauthenticated=host == "0.0.0.0",
        plain_http=True,
        evidence=evidence,
        endpoints=endpoints,
        api_server="http://127.0.0.1:9",
        api_token_file=token,
    )
    found = connect_evidence_fetcher(settings, {})
    assert (found is not None) is (fetched and endpoints is not Endpoints.POD_DIAGNOSERS)
    if found is not None:
        assert found.fetch(EVENTS) == FetchedEvidence(EventLookup.UNAVAILABLE)


def test_callers_with_tokens_get_evidence_on_any_address(token: Path) -> None:
    """They are authenticated."""
    settings = Settings(
        host="0.0.0.0",
        token_folder=token.parent,
        tls_folder=token.parent,
        api_server="http://127.0.0.1:9",
        api_token_file=token,
    )
    assert connect_evidence_fetcher(settings, {}) is not None


def test_without_an_api_server_no_evidence_is_fetched() -> None:
    """Where it is demanded, the error says what is missing."""
    assert connect_evidence_fetcher(Settings(), {}) is None
    with pytest.raises(SettingsError, match="POD_DIAGNOSER_EVIDENCE=true needs an API server"):
        connect_evidence_fetcher(Settings(evidence=True), {})
    demanded = Settings(evidence=True, endpoints=Endpoints.POD_DIAGNOSERS)
    assert connect_evidence_fetcher(demanded, {}) is None


def test_in_a_pod_the_service_account_is_used(token: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As the manifests mount it."""

    def found(environment: object, folder: object = None) -> Any:
        assert environment == {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}
        assert folder is None
        return Credentials("http://127.0.0.1:9", token.read_text, None)

    monkeypatch.setattr(app, "in_cluster", found)
    settings = Settings(evidence=True)
    assert connect_evidence_fetcher(settings, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}) is not None


TLS = {"POD_DIAGNOSER_HOST": "0.0.0.0", "POD_DIAGNOSER_TLS_DIR": "/tls"}
BASE = TLS | {"POD_DIAGNOSER_TOKEN_DIR": "/tokens"}
OPEN = TLS | {"POD_DIAGNOSER_UNAUTHENTICATED": "true"}


@pytest.mark.parametrize(
    ("environment", "evidence"),
    [
        ({}, None),
        ({"POD_DIAGNOSER_EVIDENCE": ""}, None),
        ({"POD_DIAGNOSER_EVIDENCE": "true"}, True),
        ({"POD_DIAGNOSER_EVIDENCE": "false"}, False),
        (BASE | {"POD_DIAGNOSER_EVIDENCE": "true"}, True),
        (OPEN, None),
        (OPEN | {"POD_DIAGNOSER_EVIDENCE": "false"}, False),
    ],
)
def test_the_setting_for_evidence_is_read(
    environment: dict[str, str], evidence: bool | None
) -> None:
    """True, false, or unset."""
    assert Settings.from_environment(environment).evidence is evidence


@pytest.mark.parametrize(
    ("environment", "problem"),
    [
        ({"POD_DIAGNOSER_EVIDENCE": "yes"}, "must be one of true, false"),
        (OPEN | {"POD_DIAGNOSER_EVIDENCE": "true"}, "needs POD_DIAGNOSER_TOKEN_DIR"),
    ],
)
def test_evidence_for_unknown_callers_is_refused(environment: dict[str, str], problem: str) -> None:
    """At the start, with the variables that contradict each other."""
    with pytest.raises(SettingsError, match=f"POD_DIAGNOSER_EVIDENCE.* {problem}"):
        Settings.from_environment(environment)


def test_what_the_status_does_not_show_is_counted(token: Path) -> None:
    """API failures that pass, by their reasons, and Events that were dropped."""
    settings = Settings(api_server="https://10.0.0.1", api_token_file=token)
    telemetry = Telemetry(CollectorRegistry())
    reconciler = connect_reconciler(settings, {}, utc_now, telemetry, nullcontext)
    assert reconciler is not None
    observer = reconciler._access.observer
    for status in (429, 500, 500):
        observer.api_failed(describe_failure(api_error(status), "read Pods", "shop"))
    observer.event_dropped()
    text = generate_latest(telemetry.registry).decode()
    for metric in (
        'pod_diagnoser_api_failures_total{reason="ApiServerBusy"} 1.0',
        'pod_diagnoser_api_failures_total{reason="ApiServerUnavailable"} 2.0',
        "pod_diagnoser_remediation_events_dropped_total 1.0",
    ):
        assert metric in text
