"""Byte scanning of Metacontroller's raw requests: what need not be parsed is found and left out."""

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTarget, PodDiagnoser
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest, RelatedToPodDiagnoser

_CONTROLLER = b'{"controller":{'
_OBJECT = b',"object":{'
_MANAGED_FIELDS = b'"managedFields":['
_NAME = b'],"name":"'


def strip_unread_fields(body: bytes) -> bytes:
    """Leave out of a sync request what is large and never read: the controller, managedFields.

    Together they are half of a usual request, and splitting JSON into its tokens is most of what a
    sync costs. The places are found by their neighbours in the one form in which Go's encoding/json
    writes a request: struct fields in their order, map keys sorted, no white space. Inside strings
    all quotation marks are escaped, and managedFields (``FieldsV1``) hold no arrays, so that the
    neighbours cannot occur earlier. A request that does not begin so is left as it is.

    Args:
        body: a sync request, or anything else.

    Returns:
        JSON that reads the same, for a request that Metacontroller wrote; what is left out is not
        checked for being JSON.
    """
    if not body.startswith(_CONTROLLER):
        return body
    start = body.find(_OBJECT)
    if start < 0:
        return body
    parts = [b"{"]
    start += 1
    while True:
        managed = body.find(_MANAGED_FIELDS, start)
        name = body.find(_NAME, managed) if managed >= 0 else -1
        if name < 0:
            parts.append(body[start:])
            return b"".join(parts)
        parts.append(body[start:managed])
        start = name + 2


_SIGNS_OF_A_SYMPTOM = (
    b'"terminated":',
    b'"waiting":',
    b'"status":"False"',
    b'"phase":"Failed"',
    b'"NodeLost"',
    b'"diagnostics.local.io/',
)
"""What a Pod has of which there may be something to say, the most frequent first: a container that
ended or waits, a condition that does not hold, its own end, or anything of ours."""
_RELATED = b'},"attachments":{},"related":{"DiagnosisTarget.diagnostics.local.io/v1":{'
_END = b',"finalizing":false}'


def needs_no_annotations(body: bytes) -> bool:
    """Tell, without reading it, that a sync request is about a Pod with nothing to say of it.

    Most events are about such Pods: none of their containers ever ended or waits, all of their
    conditions hold, and they carry nothing of ours. Whatever is related to them, the answer is
    empty. Like `strip_unread_fields` it knows the one form in which Metacontroller writes a
    request; about any other form it says nothing.

    Args:
        body: a sync request for a Pod, or anything else.

    Returns:
        True if the answer is empty. False means that it has to be read; a True is not checked for
        being JSON throughout.
    """
    if not (body.startswith(_CONTROLLER) and body.endswith(_END)):
        return False
    start = body.find(_OBJECT)
    end = body.rfind(_RELATED)
    return 0 <= start < end and all(
        body.rfind(mark, start, end) < 0 for mark in _SIGNS_OF_A_SYMPTOM
    )


_TruncatedRelated = TypedDict(
    "_TruncatedRelated",
    {
        "DiagnosisTarget.diagnostics.local.io/v1": dict[str, DiagnosisTarget],
        "Pod.v1": dict[str, OwnedPod],
    },
    total=False,
)


class _TruncatedRequest(TypedDict, total=False):
    """The start of a PodDiagnoser's sync request.

    A TypedDict, since pydantic reads incomplete JSON only into dictionaries.
    """

    object: PodDiagnoser
    related: _TruncatedRelated


_TRUNCATED_REQUEST = TypeAdapter(_TruncatedRequest)


_RELATED_OBJECTS = b',"related":{'


def truncate_related(body: bytes, max_related: int) -> bytes:
    """Cut a request where that does not depend on the size of the object that it is about.

    Were the request measured as a whole, a status that grows would cost the last Pod that was read,
    which the status then does not speak of: it shrinks, and the Pod is read again, for ever.

    Args:
        body: a request, or its start, as Metacontroller writes it.
        max_related: the most bytes of the related objects to leave.

    Returns:
        As much of it that of the same related objects always the same are read; the body itself
        where it has no more of them.
    """
    related = body.find(_RELATED_OBJECTS)
    return body if related < 0 else body[: related + max_related]


def parse_truncated(body: bytes) -> PodDiagnoserSyncRequest | None:
    """Read the start of a PodDiagnoser's sync request whose end was cut off.

    Metacontroller writes the object first and the related objects last, in the order of their
    names, so that a cut costs the last Pods.

    Args:
        body: the start of the request.

    Returns:
        What could be read, or None if not even the whole PodDiagnoser could. The object in which
        the cut lies is left out: half of one must not be taken for a whole one.

    Raises:
        pydantic.ValidationError: it is not the start of such a request.
    """
    start = _TRUNCATED_REQUEST.validate_json(body, experimental_allow_partial=True)
    if "object" not in start or "related" not in start:
        return None  # the cut may lie in the PodDiagnoser itself
    related = start["related"]
    targets = related.get("DiagnosisTarget.diagnostics.local.io/v1", {})
    pods = related.get("Pod.v1", {})
    cut = pods if "Pod.v1" in related else targets
    if cut:
        cut.popitem()
    return PodDiagnoserSyncRequest.model_construct(
        object=start["object"],
        related=RelatedToPodDiagnoser.model_construct(targets=targets, pods=pods),
    )
