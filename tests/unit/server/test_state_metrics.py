"""State metrics: the statuses of PodDiagnosers, exact, safe, bounded; listed once for all."""

import json
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families
from structlog.testing import capture_logs

from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnoser_state import parse_diagnoser_list
from pod_diagnoser.cluster.errors import AnswerTooLongError, NoAnswerError, api_error
from pod_diagnoser.server.app import Parts, connect_state_metrics, create_app
from pod_diagnoser.server.settings import Endpoints, Settings
from pod_diagnoser.server.state_families import OTHER
from pod_diagnoser.server.state_metrics import (
    KEPT_SECONDS,
    StateMetrics,
    StateUnavailableError,
)
from tests.support.builders import Json, diagnoser
from tests.support.cluster_builders import cluster_diagnoser

SINCE, LAST = "2026-11-23T09:50:00Z", "2026-11-23T10:00:00Z"

Samples = dict[tuple[str, ...], float]

LABELS = (
    *(
        "namespace",
        "poddiagnoser",
        "clusterpoddiagnoser",
        "workload_kind",
        "workload",
        "cause",
        "condition",
    ),
    *("action", "phase", "reason", "outcome"),
)
"""All labels that there are, in the order of `samples`."""


def workload(name: str = "web", pods: int = 3, **fields: Any) -> Json:
    """Return an entry of ``status.workloads``."""
    return {
        "uid": "uid-1",
        "kind": "Deployment",
        "name": name,
        "crashingPods": pods,
        "crashedPods": pods,
        "causes": [{"cause": "OutOfMemory", "pods": pods}],
        "since": SINCE,
        "lastTime": LAST,
        **fields,
    }


def listed(*diagnosers: Json) -> bytes:
    """Return a list as the API server sends it."""
    return json.dumps(
        {
            "apiVersion": "diagnostics.local.io/v1",
            "kind": "PodDiagnoserList",
            "metadata": {"resourceVersion": "7"},
            "items": list(diagnosers),
        }
    ).encode()


class ListedApi:
    """Lists what a test says, and counts how often it is asked."""

    def __init__(self, answer: Callable[[], bytes]) -> None:
        self.answer = answer
        self.of_cluster = listed()
        self.asked = 0

    def list_pod_diagnosers(self, seconds: float) -> bytes:
        """List them."""
        assert seconds > 0
        self.asked += 1
        return self.answer()

    def list_cluster_pod_diagnosers(self, seconds: float) -> bytes:
        """List them."""
        assert seconds > 0
        return self.of_cluster


def scrape(*diagnosers: Json, of_cluster: Sequence[Json] = ()) -> str:
    """Return what is printed of some PodDiagnosers and ClusterPodDiagnosers."""
    api = ListedApi(lambda: listed(*diagnosers))
    api.of_cluster = listed(*of_cluster)
    return StateMetrics(api, lambda: 0.0).scrape().decode()


def samples(text: str, metric: str) -> Samples:
    """Return the values of a metric by the values of its labels."""
    return {
        tuple(sample.labels.pop(label) for label in LABELS if label in sample.labels): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == metric
    }


def crashing(*diagnosers: Json) -> Samples:
    """Return how many Pods crash by workload and cause."""
    return samples(scrape(*diagnosers), "pod_diagnoser_workload_crashing_pods")


def test_a_clusterpoddiagnoser_is_printed_by_the_namespaces_of_its_workloads() -> None:
    """With a label of its own, and no other one's: a PodDiagnoser may have the same name."""
    remediation = {"namespace": "bank", "action": "RestartPod", "phase": "Done"}
    of_all = cluster_diagnoser(
        "diag",
        status={
            "diagnosedPods": 4,
            "observedGeneration": 1,
            "workloads": [workload(namespace="bank"), workload(namespace="shop")],
            "conditions": [{"type": "Active", "status": "True", "reason": "Claiming"}],
            "withheld": [{"reason": "GaveUp", "crashes": 2}],
            "remediations": [{**remediation, "reason": "Deleted"}],
        },
    )
    text = scrape(diagnoser(status={"workloads": [workload()]}), of_cluster=[of_all])
    assert samples(text, "pod_diagnoser_workload_crashing_pods") == {
        ("shop", "diag", "Deployment", "web", "OutOfMemory"): 3,
        ("bank", "diag", "Deployment", "web", "OutOfMemory"): 3,
    }
    assert 'clusterpoddiagnoser="diag",namespace="bank"' in text.replace(
        'namespace="bank",clusterpoddiagnoser="diag"', 'clusterpoddiagnoser="diag",namespace="bank"'
    )
    assert 'poddiagnoser=""' not in text
    assert samples(text, "pod_diagnoser_condition") == {("diag", "Active", "Claiming"): 1}
    assert samples(text, "pod_diagnoser_withheld_crashes") == {("diag", "GaveUp"): 2}
    assert samples(text, "pod_diagnoser_remediations") == {
        ("bank", "diag", "RestartPod", "Done", "Deleted", ""): 1
    }
    assert samples(text, "pod_diagnoser_diagnosed_pods_total")["diag",] == 4
    assert samples(text, "pod_diagnoser_state_clusterpoddiagnosers") == {(): 1}


def test_crashing_pods_are_printed_by_workload_and_cause() -> None:
    """With the times of the first and the latest crash."""
    text = scrape(diagnoser(status={"workloads": [workload(), workload("api", 2)]}))
    names = ("shop", "diag", "Deployment")
    assert samples(text, "pod_diagnoser_workload_crashing_pods") == {
        (*names, "web", "OutOfMemory"): 3,
        (*names, "api", "OutOfMemory"): 2,
    }
    first = samples(text, "pod_diagnoser_workload_first_crash_timestamp_seconds")
    last = samples(text, "pod_diagnoser_workload_last_crash_timestamp_seconds")
    assert {last[key] - first[key] for key in ((*names, "web"), (*names, "api"))} == {600}


def test_a_series_ends_with_its_line() -> None:
    """A workload without crashing Pods is in the status for two hours more, and in no metric."""
    text = scrape(diagnoser(status={"workloads": [workload(pods=0, causes=[])]}))
    assert "Deployment" not in text
    assert crashing(diagnoser()) == {}


def test_pods_of_less_frequent_causes_are_counted_too() -> None:
    """The causes of a workload together are all its Pods; kinds of reasons are not told apart."""
    causes = [
        {"cause": "ApplicationError", "reasonClass": "MissingConfiguration", "pods": 5},
        {"cause": "ApplicationError", "reasonClass": "Nothing", "pods": 2},
    ]
    entry = workload(pods=9, causes=causes)
    found = crashing(diagnoser(status={"workloads": [entry]}))
    assert {key[-1]: value for key, value in found.items()} == {"ApplicationError": 7, OTHER: 2}
    assert OTHER not in tuple(Cause)


def test_conditions_withheld_and_remediations() -> None:
    """By reason; remediations by what was done, and what came of it."""
    done = {"action": "RestartPod", "phase": "Done", "reason": "Deleted"}
    status = {
        "observedGeneration": 4,
        "diagnosedPods": 12,
        "conditions": [
            {"type": "Active", "status": "True", "reason": "Claiming"},
            {"type": "Remediating", "status": "False", "reason": "Forbidden"},
            {"type": "SomebodyElses", "status": "True", "reason": "Reason"},
        ],
        "withheld": [{"reason": "GaveUp", "crashes": 2}],
        "remediations": [done, done, {**done, "outcome": "OwnerCrashedAgain"}],
    }
    text = scrape(diagnoser(generation=5, status=status))
    assert samples(text, "pod_diagnoser_condition") == {
        ("shop", "diag", "Active", "Claiming"): 1,
        ("shop", "diag", "Remediating", "Forbidden"): 0,
    }
    assert samples(text, "pod_diagnoser_withheld_crashes") == {("shop", "diag", "GaveUp"): 2}
    entry = ("shop", "diag", "RestartPod", "Done", "Deleted")
    assert samples(text, "pod_diagnoser_remediations") == {
        (*entry, ""): 2,
        (*entry, "OwnerCrashedAgain"): 1,
    }
    assert samples(text, "pod_diagnoser_diagnosed_pods_total") == {("shop", "diag"): 12}
    assert samples(text, "pod_diagnoser_metadata_generation") == {("shop", "diag"): 5}
    assert samples(text, "pod_diagnoser_status_observed_generation") == {("shop", "diag"): 4}


def test_replicas_print_the_same() -> None:
    """Whatever the order of the list."""
    one, other = diagnoser("a", status={"workloads": [workload()]}), diagnoser("b")
    assert scrape(one, other) == scrape(other, one)


HOSTILE = 'x"} 1\npod_diagnoser_condition{a="b\x1b[31m\u202e'


def test_labels_hold_nothing_that_no_object_can_be_called() -> None:
    """What cannot be ours has an empty label, and its Pods are counted all the same."""
    status = {
        "workloads": [
            workload(HOSTILE),
            workload(kind=HOSTILE),
            workload(causes=[{"cause": HOSTILE, "pods": 3}]),
        ],
        "conditions": [{"type": "Active", "status": "True", "reason": HOSTILE}],
        "withheld": [{"reason": HOSTILE, "crashes": 1}],
        "remediations": [dict.fromkeys(("action", "phase", "reason", "outcome"), HOSTILE)],
    }
    text = scrape(diagnoser(status=status))
    assert not any(part in text for part in ("x\\", "\x1b", "\u202e", "[31m"))
    assert samples(text, "pod_diagnoser_workload_crashing_pods") == {
        ("shop", "diag", "", "", "OutOfMemory"): 6,
        ("shop", "diag", "Deployment", "web", OTHER): 3,
    }


@given(st.text())
def test_any_name_leaves_the_text_whole(name: str) -> None:
    """Each line is a comment or a sample of ours."""
    text = scrape(diagnoser(status={"workloads": [workload(name, kind=name)]}))
    assert sum(crashing(diagnoser(status={"workloads": [workload(name)]})).values()) == 3
    assert all(line.startswith(("# ", "pod_diagnoser_")) for line in text.splitlines())


def test_series_are_bounded_by_the_lists_of_the_status() -> None:
    """Also where somebody wrote more than the CRD allows."""
    many = [workload(f"web-{number}") for number in range(200)]
    assert len(crashing(diagnoser(status={"workloads": many}))) == 50
    causes = [{"cause": cause, "pods": 1} for cause in Cause]
    entry = workload(pods=len(causes), causes=causes)
    found = crashing(diagnoser(status={"workloads": [entry]}))
    assert len(found) == 6
    assert sum(found.values()) == len(causes)


def test_a_poddiagnoser_that_cannot_be_read_hides_no_other() -> None:
    """It is counted."""
    broken = diagnoser("broken", status={"workloads": "none"})
    text = scrape(broken, diagnoser(status={"workloads": [workload()]}), {"metadata": {}})
    assert samples(text, "pod_diagnoser_state_unreadable") == {(): 2}
    assert samples(text, "pod_diagnoser_state_poddiagnosers") == {(): 1}
    assert len(samples(text, "pod_diagnoser_workload_crashing_pods")) == 1


def test_what_is_no_list_is_no_state() -> None:
    """Something between answered, or nothing did."""
    for content in (b"", b"[]", b"{}", b"<html>", b'{"items": null}'):
        assert parse_diagnoser_list(content) is None
        state = StateMetrics(ListedApi(lambda: content), lambda: 0.0)  # noqa: B023 (used at once)
        with pytest.raises(StateUnavailableError):
            state.scrape()


def test_the_list_is_read_once_in_a_few_seconds() -> None:
    """However many ask; then again."""
    now = 100.0
    api = ListedApi(lambda: listed(diagnoser()))
    state = StateMetrics(api, lambda: now)
    for _ in range(20):
        state.scrape()
    assert api.asked == 1
    now += KEPT_SECONDS
    state.scrape()
    assert api.asked == 2


def test_who_comes_meanwhile_gets_the_same_list() -> None:
    """A slow list is not asked for twice."""
    asked, go_on = threading.Event(), threading.Event()

    def slow() -> bytes:
        asked.set()
        assert go_on.wait(60)
        return listed(diagnoser())

    api = ListedApi(slow)
    state = StateMetrics(api, lambda: 0.0)
    answers: list[bytes] = []
    threads = [threading.Thread(target=lambda: answers.append(state.scrape())) for _ in range(5)]
    for thread in threads:
        thread.start()
    assert asked.wait(60)
    go_on.set()
    for thread in threads:
        thread.join(60)
    assert api.asked == 1
    assert len(answers) == 5
    assert len(set(answers)) == 1


def test_a_failure_is_kept_as_long_and_old_state_is_not_shown_instead() -> None:
    """An alert must not go on for what is not known any more."""
    now = 100.0
    answers = [listed(diagnoser())]

    def answer() -> bytes:
        if not answers:
            raise NoAnswerError
        return answers.pop()

    api = ListedApi(answer)
    state = StateMetrics(api, lambda: now)
    state.scrape()
    now += KEPT_SECONDS
    for _ in range(3):
        with pytest.raises(StateUnavailableError):
            state.scrape()
    assert api.asked == 2


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (
            api_error(403),
            "the hook may not list PodDiagnosers: install the component state-metrics",
        ),
        (api_error(401), "the API server does not accept the token of the hook"),
        (AnswerTooLongError(), "the PodDiagnosers have too many bytes to be listed"),
        (NoAnswerError(), "the API server did not list the PodDiagnosers"),
        (api_error(500), "the API server did not list the PodDiagnosers"),
    ],
)
def test_what_is_wrong_is_said_in_constant_words(error: Exception, text: str) -> None:
    """To who asks, with 503, and in the log."""

    def fail() -> bytes:
        raise error

    state = StateMetrics(ListedApi(fail), lambda: 0.0)
    with capture_logs() as lines:
        client = create_app(Settings(), Parts(state_metrics=state)).test_client()
        answer = client.get("/metrics/state")
    assert (answer.status_code, answer.text) == (503, f"{text}\n")
    (line,) = [line for line in lines if line["event"] == "State metrics unavailable"]
    assert line["problem"] == text


def test_it_is_served_beside_the_metrics_where_poddiagnosers_are(tmp_path: Path) -> None:
    """And where there is an API server."""
    (tmp_path / "token").write_text("t")
    for endpoints in Endpoints:
        served = endpoints is not Endpoints.PODS
        settings = Settings(
            endpoints=endpoints,
            api_server="http://127.0.0.1:9",
            api_token_file=tmp_path / "token",
        )
        assert (connect_state_metrics(settings, {}) is not None) is served
        client = create_app(settings).test_client()
        assert client.get("/metrics/state").status_code == (503 if served else 404)
    assert connect_state_metrics(Settings(), {}) is None
    assert create_app(Settings()).test_client().get("/metrics/state").status_code == 404


def test_metrics_of_state_are_on_the_port_of_metrics() -> None:
    """Where that is one of its own."""
    state = StateMetrics(ListedApi(lambda: listed(diagnoser())), lambda: 0.0)
    client = create_app(Settings(metrics_port=9090), Parts(state_metrics=state)).test_client()
    for port, status in (("9090", 200), ("8080", 404)):
        answer = client.get("/metrics/state", environ_overrides={"SERVER_PORT": port})
        assert answer.status_code == status


def test_counters_begin_at_zero() -> None:
    """An increase from nothing to 1 would be none to Prometheus."""
    text = create_app(Settings()).test_client().get("/metrics").text
    for cause in Cause:
        assert f'pod_diagnoser_diagnosed_crashes_total{{cause="{cause}"}} 0.0' in text
    for path in ("/pods/sync", "/poddiagnosers/sync", "/pods/customize", "/poddiagnosers/recall"):
        for status in (200, 401, 429, 500):
            line = f'pod_diagnoser_hook_requests_total{{endpoint="{path}",status="{status}"}} 0.0'
            assert line in text
