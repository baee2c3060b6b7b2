"""A request that is answered without being read is one whose answer is empty."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.metacontroller import DIAGNOSIS_TARGETS, PodSyncRequest
from pod_diagnoser.api.raw_request import needs_no_annotations, strip_unread_fields
from pod_diagnoser.pods.keys import CAUSE, LABEL
from pod_diagnoser.pods.sync import sync_pod
from tests.support.builders import T0, Json, after, container, crashed, pod, terminated
from tests.unit.test_sync_properties import TARGETS, in_shop, mutated_pods


def wire(of: Any, related: Any = None, **separators: Any) -> bytes:
    """A request as Metacontroller writes it: struct fields in their order, map keys sorted."""
    parts = {
        "controller": {"kind": "DecoratorController"},
        "object": json.loads(json.dumps(of, sort_keys=True)),
        "attachments": {},
        "related": {DIAGNOSIS_TARGETS: {}} if related is None else related,
        "finalizing": False,
    }
    return json.dumps(parts, **({"separators": (",", ":")} | separators)).encode()


HEALTHY = pod(container(started=T0), annotations={"note": '"terminated": diagnostics.local.io/'})


def test_a_healthy_pod_is_uneventful() -> None:
    """Whatever texts it carries: quotation marks in them are escaped on the wire."""
    assert needs_no_annotations(wire(HEALTHY))


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(wire(crashed()), id="crashed"),
        pytest.param(
            wire(pod({"name": "app", "state": {"terminated": terminated()}})), id="has just ended"
        ),
        pytest.param(wire(pod(container(), annotations={CAUSE: "Error"})), id="our annotation"),
        pytest.param(wire(pod(container(), labels={LABEL: "diag"})), id="our label"),
        pytest.param(wire(HEALTHY, related={}), id="from a controller without our customize hook"),
        pytest.param(wire(HEALTHY, separators=(", ", ": ")), id="in another form"),
        pytest.param(wire(HEALTHY)[:-1], id="cut off"),
        pytest.param(wire(HEALTHY)[1:], id="without its start"),
        pytest.param(b"", id="empty"),
    ],
)
def test_anything_else_is_read(body: bytes) -> None:
    """What may need an answer, and what is not surely a request of Metacontroller."""
    assert not needs_no_annotations(body)


@given(mutated_pods(), st.integers(0, len(TARGETS)))
def test_an_uneventful_request_has_an_empty_answer(document: Json, targets: int) -> None:
    """For any Pod and whoever claims it."""
    related = {f"shop/{number}": each for number, each in enumerate(TARGETS[:targets])}
    body = wire(in_shop(document), {DIAGNOSIS_TARGETS: related})
    if not needs_no_annotations(body):
        return
    try:
        request = PodSyncRequest.model_validate_json(strip_unread_fields(body))
    except ValidationError:
        return  # a shape that no API server lets through
    assert sync_pod(request, after(hours=1)).response.encode() == b"{}"
