"""What the benchmarks recognise of the operator's work: in watches, the audit log, answers."""

import json

import pytest

from dev.benchmarks import observations
from dev.benchmarks.observations import ANNOTATED, DELETED, DONE, PLANNED, PUBLISHED
from dev.benchmarks.timing import Timed, longest, unanswered
from dev.envtest.audit import Audited
from dev.envtest.client import Json

REASON = "diagnostics.local.io/restart-reason"
CAUSE = "diagnostics.local.io/cause"


def line(document: Json, kind: str = "MODIFIED") -> bytes:
    """A line of a watch, as the API server writes it: compact."""
    return json.dumps({"type": kind, "object": document}, separators=(",", ":")).encode()


def pod(**metadata: object) -> Json:
    """A Pod of a ReplicaSet: other than in one that was created by its name, more follows that."""
    named = {"name": "web-x7k2p", "generateName": "web-", "namespace": "shop"}
    return {"kind": "Pod", "metadata": {**named, **metadata}}


@pytest.mark.parametrize(
    ("metadata", "expected"),
    [
        ({}, []),
        ({"annotations": {REASON: "Error (Exit Code: 3)"}}, [ANNOTATED]),
        ({"deletionTimestamp": "2026-11-23T06:00:00Z"}, [DELETED]),
        (
            {"deletionTimestamp": "2026-11-23T06:00:00Z", "annotations": {REASON: "OOMKilled"}},
            [ANNOTATED, DELETED],
        ),
        ({"annotations": {"note": '"deletionTimestamp":"never"'}}, []),
        ({"managedFields": [{"fieldsV1": {f"f:{REASON}": {}}}]}, []),
    ],
)
def test_annotation_and_deletion_of_a_pod_are_observed(metadata: Json, expected: list[str]) -> None:
    """By its keys, and not by a mention in some value or in managedFields."""
    assert list(observations.of_pod(line(pod(**metadata)))) == [
        (one, "web-x7k2p") for one in expected
    ]


@pytest.mark.parametrize(
    ("annotations", "expected"),
    [
        ({}, []),
        ({CAUSE: "Killed"}, []),
        ({REASON: "Error (Exit Code: 137)"}, [ANNOTATED]),
        ({CAUSE: "LivenessProbeFailed", REASON: "x"}, [ANNOTATED, "LivenessProbeFailed"]),
        ({REASON: f'"{CAUSE}":"Killed"'}, [ANNOTATED]),
    ],
)
def test_the_diagnosis_of_a_pod_is_observed(annotations: Json, expected: list[str]) -> None:
    """The cause by its own annotation, once there is one of a restart."""
    found = observations.of_diagnosed_pod(line(pod(annotations=annotations)))
    assert list(found) == [(one, "web-x7k2p") for one in expected]


def test_a_line_without_a_name_shows_no_pod() -> None:
    """Such as a watch's own error."""
    error = line({"kind": "Status", "metadata": {}}, "ERROR")
    assert list(observations.of_pod(error)) == list(observations.of_diagnosed_pod(error)) == []


def test_a_plan_is_observed_when_stored_and_when_done() -> None:
    """What was refused is planned, and not done."""
    entries = [
        {"pod": "new", "phase": "Planned"},
        {"pod": "old", "phase": "Done"},
        {"pod": "refused", "phase": "Failed"},
    ]
    found = set(observations.of_poddiagnoser(line({"status": {"remediations": entries}})))
    assert found == {(PLANNED, "new"), (PLANNED, "old"), (DONE, "old"), (PLANNED, "refused")}


def test_a_poddiagnoser_without_a_status_has_no_plans() -> None:
    """As it is when it has just been created."""
    assert list(observations.of_poddiagnoser(line({"metadata": {"name": "d"}}, "ADDED"))) == []


@pytest.mark.parametrize(("reason", "count"), [("PodRestarted", 1), ("PodDeleted", 0)])
def test_only_the_event_of_a_crash_counts(reason: str, count: int) -> None:
    """And not those that accompany a deletion."""
    event = {"reason": reason, "involvedObject": {"kind": "Pod", "name": "web-x7k2p"}}
    assert list(observations.of_event(line(event))) == [(PUBLISHED, "web-x7k2p")] * count


def test_calls_are_counted_where_they_were_made() -> None:
    """Refused ones too: they were asked."""
    requests = [
        Audited("hook", verb, resource, namespace, "", code)
        for verb, resource, namespace, code in (
            ("get", "pods", "shop", 200),
            ("get", "pods", "shop", 404),
            ("delete", "pods", "shop", 200),
            ("get", "pods", "elsewhere", 200),
        )
    ]
    assert observations.calls(requests, "shop") == {("get", "pods"): 2, ("delete", "pods"): 1}


def test_the_longest_answer_is_that_of_its_endpoint() -> None:
    """An endpoint that was not asked took no time."""
    answers = [Timed("/a", 200, 0.5, 1.0), Timed("/b", 200, 2.0, 2.0), Timed("/a", 200, 0.7, 3.0)]
    assert (longest(answers, "/a"), longest(answers, "/c")) == (0.7, 0.0)


def test_what_is_not_answered_with_success_is_counted() -> None:
    """A connection that broke, too."""
    assert unanswered([Timed("/a", code, 0.1, 1.0) for code in (200, 429, 0)]) == 2
