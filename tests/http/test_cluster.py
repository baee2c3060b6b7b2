"""The hooks for ClusterPodDiagnosers over HTTP: examples, and what is no request."""

import copy
import json
from typing import Any

import pytest

from tests.http.inprocess import NOT_A_REQUEST, Hook
from tests.http.mutations import OTHERS, places
from tests.http.recorded import go_json
from tests.manifests.kustomize import PROJECT
from tests.support.cluster_builders import namespace

Json = dict[str, Any]

REPORTING, PUBLISHING = "/clusterpoddiagnosers/sync", "/clusterpoddiagnosers/targets/sync"
EXAMPLES = {
    path: json.loads((PROJECT / "examples" / name).read_text(encoding="utf-8"))
    for path, name in {
        REPORTING: "clusterpoddiagnosers-sync.json",
        PUBLISHING: "clusterpoddiagnosers-targets-sync.json",
    }.items()
}


def answer(path: str, request: Json) -> Json:
    """Send a request that is answered."""
    reply = Hook().post(path, go_json(request))
    assert reply.status == 200
    return dict(json.loads(reply.body))


def test_the_example_of_a_report_is_answered_with_a_status_alone() -> None:
    """It holds what is counted by namespace."""
    made = answer(REPORTING, EXAMPLES[REPORTING])
    assert made.keys() <= {"status", "resyncAfterSeconds"}
    assert made["status"]["selectedNamespaces"] == 2
    assert [one["name"] for one in made["status"]["namespaces"]] == ["shop"]


def test_the_example_of_publishing_is_answered_with_attachments_and_their_number() -> None:
    """One in each namespace; the number is what the example of a report holds."""
    made = answer(PUBLISHING, EXAMPLES[PUBLISHING])
    assert made.keys() == {"annotations", "attachments", "resyncAfterSeconds"}
    assert made["annotations"] == EXAMPLES[REPORTING]["object"]["metadata"]["annotations"]
    assert [one["metadata"]["namespace"] for one in made["attachments"]] == ["shop", "web"]


@pytest.mark.parametrize("path", EXAMPLES)
def test_a_value_of_another_type_anywhere_is_no_failure(path: str) -> None:
    """An answer or 400, and never a failure."""
    hook, request = Hook(), copy.deepcopy(EXAMPLES[path])
    for holder, key in list(places(request)):
        original = holder[key]
        for other in OTHERS:
            holder[key] = other
            reply = hook.post(path, json.dumps(request, separators=(",", ":")).encode())
            assert reply.status == 200 or reply.outcome == NOT_A_REQUEST
        holder[key] = original


def test_rules_are_asked_for_by_both_controllers() -> None:
    """Pods by the one that reports; the Namespaces by the other, since it replaces no Pods."""
    parent = EXAMPLES[REPORTING]["object"]
    for path, resources in (
        (
            "/clusterpoddiagnosers/customize",
            ["pods", "diagnosistargets", "clusterpoddiagnosers"],
        ),
        ("/clusterpoddiagnosers/targets/customize", ["namespaces"]),
    ):
        made = answer(path, {"controller": {}, "parent": parent})
        assert [rule["resource"] for rule in made["relatedResources"]] == resources
        assert all("namespace" not in rule for rule in made["relatedResources"])


def test_two_thousand_namespaces_are_answered() -> None:
    """A DiagnosisTarget in each, within the bounds of a body."""
    request = copy.deepcopy(EXAMPLES[PUBLISHING])
    request["related"]["Namespace.v1"] = {
        f"n{number}": namespace(f"n{number}") for number in range(2000)
    }
    assert len(answer(PUBLISHING, request)["attachments"]) == 2000
