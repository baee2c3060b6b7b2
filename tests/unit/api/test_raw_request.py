"""Shortcuts on raw requests leave out only what is never read, or needs no response."""

import json
from functools import cache
from typing import Any, Final

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from pod_diagnoser.api.metacontroller import (
    DIAGNOSIS_TARGETS,
    PodDiagnoserSyncRequest,
    PodSyncRequest,
)
from pod_diagnoser.api.raw_request import (
    needs_no_annotations,
    parse_pods,
    parse_truncated,
    split_pods,
    strip_unread_fields,
    truncate_related,
)
from pod_diagnoser.pods.keys import CAUSE, LABEL
from pod_diagnoser.pods.sync import sync_pod
from tests.http.inprocess import Hook
from tests.http.mutations import SEEDS
from tests.http.recorded import EVERYTHING, Json, Recorded, go_json
from tests.support.builders import T0, after, container, crashed, pod, terminated
from tests.unit.test_sync_properties import TARGETS, in_shop, mutated_pods

# Fields that are never read


SYNCS: Final = [seed for seed in SEEDS if seed.path.endswith("/sync")]

thorough = settings(
    max_examples=settings().max_examples * 3 // 2, suppress_health_check=[HealthCheck.too_slow]
)

MODELS: Final = {"/pods/sync": PodSyncRequest, "/poddiagnosers/sync": PodDiagnoserSyncRequest}

NEIGHBOURS: Final = (
    '{"controller":{',
    ',"object":{',
    '"managedFields":[',
    '],"name":"',
    '"managedFields":null',
    '"terminated":',
    '"diagnostics.local.io/',
    '},"attachments":{},"related":{"DiagnosisTarget.diagnostics.local.io/v1":{',
    ',"finalizing":false}',
    '\\"managedFields\\":[',
    '"}],"name":"x"',
    "\\",
    '"',
    "<&>\u2028",
)
"""What places are found by, to be put where it means nothing."""

each_sync = pytest.mark.parametrize("request_", SYNCS, ids=lambda each: each.name)


@pytest.mark.parametrize("request_", EVERYTHING, ids=lambda each: each.name)
def test_recordings_are_in_the_form_of_go(request_: Recorded) -> None:
    """The tests' encoder writes what Metacontroller sent, to the byte."""
    assert go_json(request_.json) == request_.body


@each_sync
def test_much_of_a_recorded_request_is_left_out(request_: Recorded) -> None:
    """Metacontroller's form is recognized: controller and managedFields are gone."""
    rest = strip_unread_fields(request_.body)
    assert b'"managedFields":[' not in rest
    assert b'"controller":{' not in rest
    assert len(rest) < 0.75 * len(request_.body)
    model = MODELS[request_.path]
    assert model.model_validate_json(rest) == model.model_validate_json(request_.body)


@each_sync
@pytest.mark.parametrize("form", ["spaced", "object first", "no controller", "null controller"])
def test_a_request_in_another_form_reads_the_same(request_: Recorded, form: str) -> None:
    """A request by hand with curl has spaces or another order, and loses nothing."""
    request = request_.json
    if form == "object first":
        request = {"object": request.pop("object"), **request}
    elif form == "no controller":
        del request["controller"]
    elif form == "null controller":
        request["controller"] = None
    body = json.dumps(request).encode() if form == "spaced" else go_json(request)
    model = MODELS[request_.path]
    read = model.model_validate_json(strip_unread_fields(body))
    assert read == model.model_validate_json(request_.body)


ODD: Final = (
    st.text(max_size=12)
    | st.sampled_from(NEIGHBOURS)
    | st.tuples(st.sampled_from(NEIGHBOURS), st.text(max_size=3), st.sampled_from(NEIGHBOURS)).map(
        "".join
    )
)

FIELDS: Final[st.SearchStrategy[Json]] = st.recursive(
    st.just({}),
    lambda inner: st.dictionaries(
        st.sampled_from([".", "f:metadata", "f:managedFields", "f:name", 'k:{"name":"a"}'])
        | ODD.map(lambda text: f"v:{text}")
        | ODD.map(lambda text: f"k:{text}"),
        inner,
        max_size=3,
    ),
    max_leaves=8,
)
"""``FieldsV1``: maps within maps, whose keys may hold any JSON, escaped."""

ENTRY: Final = st.fixed_dictionaries(
    {"manager": ODD},
    optional={
        "apiVersion": ODD,
        "operation": st.sampled_from(["Apply", "Update"]),
        "subresource": ODD,
        "time": st.just("2026-11-23T01:00:00Z"),
        "fieldsType": st.just("FieldsV1"),
        "fieldsV1": FIELDS,
    },
)

MANAGED: Final = st.none() | st.lists(ENTRY, max_size=4)
"""managedFields; None for an object without them."""

STRINGS: Final = st.dictionaries(ODD, ODD, max_size=4)
"""Annotations or labels."""


def in_order(value: Any) -> Any:
    """Sort the keys of all objects, as Go writes maps."""
    if isinstance(value, dict):
        return {key: in_order(value[key]) for key in sorted(value)}
    return [in_order(item) for item in value] if isinstance(value, list) else value


@st.composite
def disguised(draw: st.DrawFn, object_: Json) -> Json:
    """An object with other managedFields and with odd annotations and labels.

    Args:
        draw: Hypothesis'.
        object_: the object.
    """
    metadata = {key: item for key, item in object_["metadata"].items() if key != "managedFields"}
    managed = draw(MANAGED)
    if managed is not None:
        metadata["managedFields"] = managed
    for kind in ("annotations", "labels"):
        metadata[kind] = draw(STRINGS) | metadata.get(kind, {})
    if "status" in object_ and draw(st.booleans()):
        object_ = object_ | {"status": object_["status"] | {"message": draw(ODD)}}
    if "containers" in object_.get("spec", {}):
        env = [{"name": draw(ODD), "value": draw(ODD)}]
        containers = [container | {"env": env} for container in object_["spec"]["containers"]]
        object_ = object_ | {"spec": object_["spec"] | {"containers": containers}}
    return dict(in_order(object_ | {"metadata": metadata}))


@st.composite
def requests(draw: st.DrawFn) -> Recorded:
    """A sync request with any number of related objects, as Metacontroller would write it.

    Args:
        draw: Hypothesis'.
    """
    seed = draw(st.sampled_from(SYNCS))
    request = seed.json
    meta = request["controller"]["metadata"]
    meta["annotations"] = draw(STRINGS)
    managed = draw(MANAGED)
    meta.pop("managedFields", None)
    if managed is not None:
        meta["managedFields"] = managed
    request["object"] = draw(disguised(request["object"]))
    for group, members in request["related"].items():
        related = {}
        for number in range(draw(st.integers(min_value=0, max_value=3)) if members else 0):
            member = draw(disguised(draw(st.sampled_from(list(members.values())))))
            member["metadata"] = in_order(member["metadata"] | {"name": f"name-{number}"})
            related[f"shop/name-{number}"] = member
        request["related"][group] = related
    return Recorded(seed.name, go_json(request))


@thorough
@given(request=requests())
def test_a_request_reads_the_same_without_unread_fields(request: Recorded) -> None:
    """Whatever strings it holds: only what is never read is left out."""
    model = MODELS[request.path]
    rest = strip_unread_fields(request.body)
    assert model.model_validate_json(rest) == model.model_validate_json(request.body)
    assert strip_unread_fields(rest) == rest
    assert b'"controller":{' not in rest.split(b',"related":', 1)[0].split(b'"object":', 1)[0]


@thorough
@given(request=requests())
def test_no_response_depends_on_the_form_of_a_request(request: Recorded) -> None:
    """The shortcuts for Metacontroller's form change no response."""
    hook = Hook()
    reply = hook.post(request.path, request.body)
    assert reply.status == 200
    assert hook.post(request.path, json.dumps(request.json).encode()) == reply
    assert hook.post(request.path, json.dumps(request.json, sort_keys=True).encode()) == reply


@settings(deadline=None)
@given(request=requests(), data=st.data())
def test_nothing_is_added_to_a_truncated_request(request: Recorded, data: st.DataObject) -> None:
    """Cut off anywhere, it only loses what is left out."""
    end = data.draw(st.integers(min_value=0, max_value=len(request.body)))
    start = request.body[:end]
    rest, left = strip_unread_fields(start), iter(start)
    assert all(byte in left for byte in rest), "in the order in which it was"
    assert rest[-1:] == start[-1:]


NEIGHBOURS_ONLY: Final = (
    st.lists(st.sampled_from(NEIGHBOURS), max_size=12).map("".join).map(str.encode)
)


@given(body=st.binary(max_size=100) | NEIGHBOURS_ONLY)
def test_anything_else_is_left_as_it_is(body: bytes) -> None:
    """Any bytes are accepted, and returned unchanged where the form is another."""
    rest = strip_unread_fields(body)
    assert rest == body or body.startswith(b'{"controller":{')


# Pods that need no annotations


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


def test_a_healthy_pod_needs_no_annotations() -> None:
    """Whatever texts it holds: quotation marks in them are escaped on the wire."""
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
        pytest.param(
            wire({**HEALTHY, "status": {"reason": "Evicted"}}), id="ended by an old kubelet"
        ),
        pytest.param(
            wire(
                {**HEALTHY, "status": {"initContainerStatuses": [container("setup", started=T0)]}}
            ),
            id="an init container may run again",
        ),
        pytest.param(wire(HEALTHY, related={}), id="from a controller without our customize hook"),
        pytest.param(wire(HEALTHY, separators=(", ", ": ")), id="in another form"),
        pytest.param(wire(HEALTHY)[:-1], id="cut off"),
        pytest.param(wire(HEALTHY)[1:], id="without its start"),
        pytest.param(b"", id="empty"),
    ],
)
def test_anything_else_is_parsed(body: bytes) -> None:
    """A Pod that may need annotations, and what may be no request of Metacontroller's."""
    assert not needs_no_annotations(body)


@given(mutated_pods(), st.integers(0, len(TARGETS)))
def test_a_pod_that_needs_no_annotations_has_an_empty_response(
    document: Json, targets: int
) -> None:
    """For any Pod, whatever claims it."""
    related = {f"shop/{number}": each for number, each in enumerate(TARGETS[:targets])}
    body = wire(in_shop(document), {DIAGNOSIS_TARGETS: related})
    if not needs_no_annotations(body):
        return
    try:
        request = PodSyncRequest.model_validate_json(strip_unread_fields(body))
    except ValidationError:
        return  # a shape that no API server lets through
    assert sync_pod(request, after(hours=1)).response.encode() == b"{}"


# Related objects


def test_related_objects_are_truncated_by_their_own_size() -> None:
    """How large the object before them is makes no difference."""
    for size in (1, 1000):
        start = b'{"controller":{},"object":{"x":"' + b"x" * size + b'"}'
        body = start + b',"related":{"Pod.v1":{"shop/app":{}}}}'
        assert truncate_related(body, 20) == start + b',"related":{"Pod.v1":'[:20]
        assert truncate_related(body, 1000) == body


def test_without_related_objects_nothing_is_truncated() -> None:
    """The caller can tell that the place was not found."""
    assert truncate_related(b'{"related": {}}', 5) is None


# Pods that are parsed part by part


DIAGNOSER_SYNCS: Final = [each for each in SYNCS if each.path == "/poddiagnosers/sync"]


@cache
def of_pods(request: int, count: int) -> bytes:
    """Return a recorded request of a PodDiagnoser with so many Pods."""
    content = json.loads(DIAGNOSER_SYNCS[request].body)
    pods = content["related"]["Pod.v1"]
    several = {
        f"{name}-{number:03}": each
        for number in range(count)
        for name, each in sorted(pods.items())
    }
    content["related"]["Pod.v1"] = dict(sorted(several.items())[:count])
    return go_json(content)


def in_parts(body: bytes, size: int, *, complete: bool) -> tuple[Any, list[dict[str, Any]]] | None:
    """Return what the parts and the rest of a request read as."""
    split = split_pods(body, size, complete=complete)
    if split is None:
        return None
    rest, parts = split
    assert all(end - start >= size for start, end in parts[:-1])
    return (
        PodDiagnoserSyncRequest.model_validate_json(rest),
        [parse_pods(body[start:end]) for start, end in parts],
    )


@settings(deadline=None)
@given(
    request=st.integers(0, len(DIAGNOSER_SYNCS) - 1),
    count=st.integers(1, 8),
    size=st.integers(1, 100_000),
)
def test_parts_read_as_the_whole(request: int, count: int, size: int) -> None:
    """Each Pod is in one part, in order."""
    body = of_pods(request, count)
    whole = PodDiagnoserSyncRequest.model_validate_json(body)
    if not whole.related.pods:
        assert in_parts(body, size, complete=True) is None
        return
    found = in_parts(body, size, complete=True)
    assert found is not None
    rest, parts = found
    assert rest.object == whole.object
    assert rest.related.targets == whole.related.targets
    assert not rest.related.pods
    together = [(name, each) for part in parts for name, each in part.items()]
    assert together == list(whole.related.pods.items())


@settings(deadline=None)
@given(
    request=st.integers(0, len(DIAGNOSER_SYNCS) - 1),
    count=st.integers(2, 8),
    size=st.integers(1, 20_000),
    data=st.data(),
)
def test_parts_of_a_truncated_request_have_no_part_of_a_pod(
    request: int, count: int, size: int, data: st.DataObject
) -> None:
    """They read as what is parsed at once, to one Pod."""
    whole = of_pods(request, count)
    start = whole.index(b'"related"')
    body = whole[: data.draw(st.integers(start, len(whole) - 1))]
    found = in_parts(body, size, complete=False)
    at_once = parse_truncated(body)
    if found is None:
        assert at_once is None or len(at_once.related.pods) <= 1
        return
    assert at_once is not None
    rest, parts = found
    assert rest.object == at_once.object
    assert rest.related.targets == at_once.related.targets
    together = [(name, each) for part in parts for name, each in part.items()]
    pods = PodDiagnoserSyncRequest.model_validate_json(whole).related.pods
    assert together == list(pods.items())[: len(together)]
    assert abs(len(together) - len(at_once.related.pods)) <= 1


@given(body=st.binary(max_size=100) | NEIGHBOURS_ONLY, complete=st.booleans())
def test_what_has_no_pods_is_not_split(body: bytes, complete: bool) -> None:
    """It is parsed as a whole."""
    assert split_pods(body, 1, complete=complete) is None


@pytest.mark.parametrize("form", ["spaced", "more related"])
def test_another_form_is_not_split(form: str) -> None:
    """Nor is one with something after the Pods."""
    content = json.loads(of_pods(0, 3))
    content["related"]["Zoo.v1"] = None
    body = json.dumps(content).encode() if form == "spaced" else go_json(content)
    assert split_pods(body, 1, complete=True) is None
