"""How the benchmarks tell why a sync came about."""

import json
from collections import Counter
from typing import Any

import pytest

from dev.benchmarks import counting, reasons, recording
from dev.envtest.audit import Audited
from dev.envtest.client import Json

PODS, PODDIAGNOSERS = "/pods/sync", "/poddiagnosers/sync"
OURS = {"labels": {"diagnoser": "d"}, "annotations": {"restart-reason": "Error (Exit Code: 1)"}}


def an_object(version: int, kind: str = "Pod", uid: str = "u", **changed: Any) -> Json:
    """An object of the API."""
    metadata = {"uid": uid, "resourceVersion": str(version), "labels": {}, "annotations": {}}
    return {
        "kind": kind,
        "metadata": metadata | changed.pop("metadata", {}),
        "spec": {},
        "status": {},
    } | changed


class Conversation:
    """Requests about one object, a second apart unless it is said otherwise."""

    def __init__(self, path: str = PODS) -> None:
        self.lines: list[Json] = []
        self._path, self._at = path, 100.0

    def sync(
        self,
        shown: Json,
        answer: Json | None = None,
        related: tuple[Json, ...] = (),
        attached: tuple[Json, ...] = (),
        code: int = 200,
        after: float = 1.0,
    ) -> None:
        """One request and its answer."""
        self._at += after
        request = {
            "object": shown,
            "related": {"Kinds": {str(n): one for n, one in enumerate(related)}},
            "attachments": {"Kinds": {str(n): one for n, one in enumerate(attached)}},
        }
        body = json.dumps(answer or {}).encode() if code == 200 else b"busy"
        self.lines.append(
            recording.line(
                self._path, json.dumps(request).encode(), code, body, self._at, self._at + 0.01
            )
        )

    def reasons(self) -> list[str]:
        """Why each came."""
        return [one.reason for one in reasons.explained(reversed(self.lines))]


def test_a_crash_makes_two_syncs_and_each_has_its_reason() -> None:
    """The status write, and our own annotation and label that come back."""
    talk = Conversation()
    talk.sync(an_object(1))
    talk.sync(an_object(2, status={"phase": "Running"}), OURS)
    talk.sync(an_object(3, status={"phase": "Running"}, metadata=OURS), OURS)
    assert talk.reasons() == [reasons.FIRST, reasons.CRASHED, reasons.OURS]
    assert [line["changes"] for line in talk.lines] == [[], ["labels", "annotations"], []]


def test_what_others_change_is_not_taken_for_ours() -> None:
    """Labels, annotations and spec, also together with what we answered."""
    talk = Conversation()
    talk.sync(an_object(1), {"annotations": {"ours": "1"}})
    talk.sync(an_object(2, metadata={"annotations": {"ours": "1"}}, status={"new": True}))
    theirs: Json = {"metadata": {"labels": {"theirs": "1"}}, "spec": {"new": True}}
    talk.sync(an_object(3, status={"new": True}, **theirs))
    talk.sync(an_object(4, status={"new": True}, **theirs))
    assert talk.reasons()[1:] == [
        f"{reasons.CRASHED} + {reasons.OURS}",
        f"{reasons.SPEC} + {reasons.OTHERS}",
        reasons.NOTHING_NEW,
    ]


def test_a_target_that_is_written_is_a_reason() -> None:
    """Related to a Pod, or attached to a PodDiagnoser."""
    for path, where in ((PODS, "related"), (PODDIAGNOSERS, "attached")):
        talk = Conversation(path)
        targets = [(an_object(version, "DiagnosisTarget", "t"),) for version in (7, 8)]
        for target in targets:
            talk.sync(
                an_object(1),
                related=target if where == "related" else (),
                attached=target if where == "attached" else (),
            )
        assert talk.reasons() == [reasons.FIRST, reasons.TARGET]


def test_pods_of_a_poddiagnoser_come_change_and_go() -> None:
    """Each way has its own reason, several at once have all of theirs."""
    talk = Conversation(PODDIAGNOSERS)
    diagnoser = an_object(1, "PodDiagnoser", "d")
    talk.sync(diagnoser)
    talk.sync(diagnoser, related=(an_object(5, uid="a"),))
    talk.sync(diagnoser, related=(an_object(6, uid="a", status={"new": 1}),))
    talk.sync(diagnoser, related=(an_object(7, uid="a", status={"new": 1}, metadata=OURS),))
    talk.sync(diagnoser, related=(an_object(8, uid="a", status={"new": 1}, metadata=OURS),))
    talk.sync(diagnoser, related=(an_object(9, uid="b"),))
    assert talk.reasons()[1:] == [
        reasons.LABELLED,
        reasons.POD_STATUS,
        reasons.POD_METADATA,
        reasons.POD_VERSION,
        f"{reasons.LABELLED} + {reasons.UNLABELLED}",
    ]


def test_a_status_that_comes_back_is_ours() -> None:
    """And the second of the two writes that a change of a status takes has nothing new."""
    talk = Conversation(PODDIAGNOSERS)
    talk.sync(an_object(1, "PodDiagnoser"), {"status": {"diagnosedPods": 1}})
    talk.sync(an_object(2, "PodDiagnoser", status={"diagnosedPods": 1}))
    talk.sync(an_object(3, "PodDiagnoser", status={"diagnosedPods": 1}))
    assert talk.reasons()[1:] == [reasons.OURS, reasons.NOTHING_NEW]


@pytest.mark.parametrize(
    ("answer", "code", "after", "expected"),
    [
        ({"resyncAfterSeconds": 30}, 200, 30.1, reasons.RESYNC),
        ({"resyncAfterSeconds": 30}, 200, 12.0, reasons.SAME),
        ({}, 500, 0.005, reasons.RETRY),
        ({}, 200, 1.0, reasons.SAME),
    ],
)
def test_the_same_again_may_have_been_asked_for(
    answer: Json, code: int, after: float, expected: str
) -> None:
    """A wait that is over, or an answer that was no success; otherwise nobody asked."""
    talk = Conversation()
    talk.sync(an_object(1), answer, code=code)
    talk.sync(an_object(1), after=after)
    assert talk.reasons()[1:] == [expected]


def test_an_earlier_answers_wait_still_counts() -> None:
    """A sync in between does not end it."""
    talk = Conversation()
    talk.sync(an_object(1), {"resyncAfterSeconds": 30})
    talk.sync(an_object(2, status={"new": True}), after=10)
    talk.sync(an_object(2, status={"new": True}), after=20.02)
    assert talk.reasons()[1:] == [reasons.CRASHED, reasons.RESYNC]


def test_an_attachment_that_is_there_is_no_change() -> None:
    """Metacontroller leaves alone what holds all that is wanted, whatever the server added."""
    stored = an_object(4, "DiagnosisTarget", spec={"a": 1, "b": 2})
    request = {"object": an_object(1), "related": {}, "attachments": {"Kinds": {"t": stored}}}
    for wanted, changes in (
        ([{"kind": "DiagnosisTarget", "spec": {"a": 1}}], []),
        ([{"kind": "DiagnosisTarget", "spec": {"a": 2}}], ["attachments"]),
        ([], ["attachments"]),
    ):
        body = json.dumps({"attachments": wanted}).encode()
        found = recording.line(
            PODDIAGNOSERS, json.dumps(request).encode(), 200, body, at=1.0, answered=1.1
        )
        assert found["changes"] == changes


def test_syncs_are_counted_for_each_endpoint_and_reason() -> None:
    """With their sum, and what they carried."""
    talk = Conversation()
    for version in (1, 2, 3):
        talk.sync(an_object(version, status={"n": version}))
    customize = recording.line("/pods/customize", b"{}", 200, b"{}", 1.0, 1.1)
    lines = reasons.counts(reasons.explained([*talk.lines, customize]), crashes=2)
    assert [(one.name, len(one.syncs)) for one in lines] == [
        ("**`/pods/customize`**", 1),
        ("**`/pods/sync`**", 3),
        (reasons.CRASHED, 2),
        (reasons.FIRST, 1),
    ]
    assert lines[1].as_json()["sent"] == sum(line["sent"] for line in talk.lines)
    assert lines[1].cells()[2] == "1.5"


def test_calls_are_counted_by_caller_and_refusals_beside_them() -> None:
    """The benchmark's own are left out."""
    number, size = counting.called_by(
        [
            Audited("u", "update", "pods", "shop", "a", 200, "metacontroller/v4 (linux)", 100),
            Audited("u", "update", "pods", "shop", "b", 200, "metacontroller/v4 (linux)", 50),
            Audited("u", "update", "pods", "shop", "b", 409, "metacontroller/v4 (linux)", 50),
            Audited("u", "get", "pods", "shop", "b", 200, "admin"),
        ]
    )
    assert number == {
        "metacontroller: update pods": 2,
        "metacontroller: update pods, 409": 1,
    }
    assert size["metacontroller: update pods"] == 150
    number["kubelet: get leases"] = 9
    (first, second) = reasons.calls((number, size), (Counter(), Counter()), least=10)
    assert first.cells() == ("metacontroller: update pods", "2", "0.00015 MB", "0", "")
    assert second.ours == 1
