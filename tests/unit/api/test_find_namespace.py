"""To which namespace a request belongs, found without parsing it."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.api.raw_request import find_namespace
from tests.http.recorded import EVERYTHING, Recorded


def as_metacontroller(request: dict[str, Any]) -> bytes:
    """Write a request as Go does: keys of maps sorted, no white space."""
    order = ("controller", "object", "parent", "attachments", "related", "finalizing")
    parts = [
        f"{json.dumps(key)}:{json.dumps(request[key], sort_keys=True, separators=(',', ':'))}"
        for key in order
        if key in request
    ]
    return ("{" + ",".join(parts) + "}").encode()


@pytest.mark.parametrize("request_", EVERYTHING, ids=lambda each: each.name)
def test_that_of_each_recorded_request_is_found(request_: Recorded) -> None:
    """Of syncs, customize requests and recalls."""
    content = json.loads(request_.body)
    parent = content.get("object") or content["parent"]
    assert find_namespace(request_.body) == parent["metadata"]["namespace"]


HOSTILE = (
    '","namespace":"victim"',
    '},"spec":{"namespace":"victim',
    '\\","namespace":"victim"},"spec":{',
    ',"object":{"metadata":{"name":"a","namespace":"victim"},"spec":{',
    "\\",
    '"',
    "namespace",
)
texts = st.one_of(st.sampled_from(HOSTILE), st.text(max_size=20))
maps = st.dictionaries(
    st.one_of(st.just("namespace"), st.just("spec"), st.just("name"), texts),
    st.one_of(st.just("victim"), texts),
    max_size=4,
)


@given(maps, maps, st.lists(maps, max_size=2), maps, texts, st.sampled_from(("object", "parent")))
def test_nobody_can_make_the_account_anothers(
    annotations: dict[str, str],
    labels: dict[str, str],
    owners: list[dict[str, str]],
    environment: dict[str, str],
    message: str,
    key: str,
) -> None:
    """Whatever is written into a Pod, the namespace is that of its metadata."""
    pod = {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            "annotations": annotations,
            "labels": labels,
            "managedFields": [{"fieldsV1": {"f:metadata": {"f:namespace": {}}}}],
            "name": "namespace",
            "namespace": "attacker",
            "ownerReferences": [{"kind": each, "name": each} for each in map(str, owners)],
            "uid": "u",
        },
        "spec": {"containers": [{"env": [environment], "name": message}]},
        "status": {"message": message, "metadata": {"namespace": "victim"}},
    }
    body = as_metacontroller({"controller": {"spec": {}}, key: pod, "related": {}})
    assert find_namespace(body) == "attacker"
    for end in range(0, len(body), 7):
        assert find_namespace(body[:end]) in (None, "attacker")


@pytest.mark.parametrize("body", [b"", b"{}", b"null", b'{"controller":{},"object":{}}', b"\xff"])
def test_what_is_not_there_is_not_found(body: bytes) -> None:
    """Another form has no namespace, and no error."""
    assert find_namespace(body) is None


def test_a_long_namespace_is_cut() -> None:
    """No cluster has one; it is not to be kept as it comes."""
    pod = {"metadata": {"name": "a", "namespace": "n" * 1000}, "spec": {}}
    assert find_namespace(as_metacontroller({"controller": {}, "object": pod})) == "n" * 63
