"""Shortcuts on raw requests: what need not be parsed is found in the bytes and left out.

Metacontroller writes a request in one form, that of Go's encoding/json: struct fields in their
order, map keys sorted, no white space, all quotation marks inside strings escaped. In that form
places can be found by their neighbours. A request in another form is read without shortcuts, with
the same result; a metric (`Shortcut`) shows when Metacontroller changes its form.
"""

from collections.abc import Sequence
from enum import StrEnum

from pydantic import TypeAdapter
from typing_extensions import TypedDict

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.diagnostics_v1 import DiagnosisTarget, PodDiagnoser
from pod_diagnoser.api.metacontroller import PodDiagnoserSyncRequest, RelatedToPodDiagnoser


class Shortcut(StrEnum):
    """The shortcuts, as metrics name them."""

    STRIP_UNREAD_FIELDS = "strip_unread_fields"
    NEEDS_NO_ANNOTATIONS = "needs_no_annotations"
    TRUNCATE_RELATED = "truncate_related"
    SPLIT_PODS = "split_pods"


_CONTROLLER = b'{"controller":{'
_OBJECT = b',"object":{'
_MANAGED_FIELDS = b'"managedFields":['
_NAME = b'],"name":"'


def strip_unread_fields(body: bytes) -> bytes:
    """Leave out of a sync request what is large and never read: the controller, managedFields.

    Together they are half of a usual request, and splitting JSON into its tokens is most of what a
    sync costs. managedFields (``FieldsV1``) hold no arrays, so that their end cannot occur earlier.

    Returns:
        JSON that reads the same, for a request that Metacontroller wrote; what is left out is not
        checked for being JSON. The unchanged bytes for a request that does not begin in its form.
    """
    if not body.startswith(_CONTROLLER):
        return body
    start = body.find(_OBJECT)
    return body if start < 0 else _strip_managed_fields(body, start + 1)


def _strip_managed_fields(body: bytes, start: int = 0) -> bytes:
    """Return an object from some place on, after its first brace, without managedFields."""
    parts: list[bytes | memoryview] = [b"{"]
    view = memoryview(body)
    while True:
        managed = body.find(_MANAGED_FIELDS, start)
        name = body.find(_NAME, managed) if managed >= 0 else -1
        if name < 0:
            parts.append(view[start:])
            return b"".join(parts)
        parts.append(view[start:managed])
        start = name + 2


_PARENT = b',"parent":{'
_ENDS_OF_METADATA = (b'},"spec":{', b'},"status":{')
_NAMESPACE = b',"namespace":"'
_MAX_NAMESPACE = 63


def find_namespace(body: bytes) -> str | None:
    """Find the namespace of the object that a request is about, without parsing it.

    Whoever writes the object cannot make it another namespace: keys are sorted, so annotations,
    labels and managedFields come before ``metadata.namespace`` and ownerReferences, which have no
    such key, after it; and a text cannot hold what is looked for, as its quotation marks are
    escaped.

    Args:
        body: a request, or its start.

    Returns:
        The namespace, or None where the metadata is not there yet, or not in Metacontroller's form.
    """
    if not body.startswith(_CONTROLLER):
        return None
    start = body.find(_OBJECT)
    if start < 0:
        start = body.find(_PARENT)  # of a customize request
    if start < 0:
        return None
    for mark in _ENDS_OF_METADATA:
        end = body.find(mark, start)
        if end >= 0:
            at = body.rfind(_NAMESPACE, start, end)
            if at < 0:
                return None
            at += len(_NAMESPACE)
            return body[at : body.index(b'"', at)][:_MAX_NAMESPACE].decode(errors="replace")
    return None


_SIGNS_OF_A_SYMPTOM = (
    b'"terminated":',
    b'"waiting":',
    b'"status":"False"',
    b'"phase":"Failed"',
    b'"phase":"Pending"',
    b'"deletionTimestamp":',
    b'"reason":',
    b'"initContainerStatuses":',
    b'"diagnostics.local.io/',
)
"""What a Pod may need annotations for, the most frequent first: a container that ended or waits, a
condition that is False, the end of the Pod as a whole, that it has not begun, its deletion, a
reason (old kubelets gave one and left the phase as it was), or an init container, which may run
again while all others run; or what it carries of this operator."""
_RELATED = b'},"attachments":{},"related":{"DiagnosisTarget.diagnostics.local.io/v1":{'
_END = b',"finalizing":false}'


def needs_no_annotations(body: bytes) -> bool:
    """Say, without parsing it, whether a sync request is about a Pod that needs no annotations.

    Most requests are: no container of the Pod ever ended or waits, all conditions hold, and the Pod
    carries nothing of this operator. The response is empty, with any related objects.

    Returns:
        True if the response is empty; such a request is not checked for being JSON. False if it has
        to be parsed, as always in a form that is not Metacontroller's.
    """
    if not (body.startswith(_CONTROLLER) and body.endswith(_END)):
        return False
    start = body.find(_OBJECT)
    end = body.rfind(_RELATED)
    return 0 <= start < end and all(
        body.rfind(sign, start, end) < 0 for sign in _SIGNS_OF_A_SYMPTOM
    )


_PODS = b'"Pod.v1":{'
_POD = b'":{"apiVersion":"v1","kind":"Pod","metadata":{'
"""Begins a related Pod, after its name. It cannot stand inside of one: texts have their quotation
marks escaped, and nothing else in a Pod has these keys in a row."""
_END_OF_PODS = (b'}},"finalizing":false}', b'}},"finalizing":true}')


def split_pods(
    body: bytes, size: int, *, complete: bool
) -> tuple[bytes, Sequence[tuple[int, int]]] | None:
    """Split the related Pods of a PodDiagnoser's sync request into parts, each to be read apart.

    What is cut is not looked into: a part is to be put into braces and parsed as an object. If all
    that and the rest is JSON, so is the request, with the same content.

    Args:
        body: a request, or its start.
        size: after so many bytes a part ends with a Pod.
        complete: whether it is all of the request. Else the last Pod, in which it was cut off, is
            left out.

    Returns:
        The request without Pods, and from where to where in the request each part is; None for a
        request without Pods, or in another form.
    """
    related = body.find(_RELATED_OBJECTS)
    start = body.find(_PODS, related) + len(_PODS)
    ends = [each for each in _END_OF_PODS if body.endswith(each)] if complete else [_END_OF_PODS[0]]
    first = body.find(_POD, start)
    if not (body.startswith(_CONTROLLER) and 0 < related < start < first and ends):
        return None
    last = len(body) - len(ends[0])
    if not complete:
        last = body.rfind(b',"', start, body.rfind(_POD))
        if last < 0:
            return None
    parts = []
    begun = start
    pod = first
    while (pod := body.find(_POD, max(pod + 1, begun + size), last)) >= 0:
        end = body.rfind(b',"', begun, pod)
        parts.append((begun, end))
        begun = end + 1
    parts.append((begun, last))
    return body[:start] + ends[0], parts


_RELATED_PODS = TypeAdapter(dict[str, OwnedPod])


def parse_pods(content: bytes) -> dict[str, OwnedPod]:
    """Parse a part of the related Pods, as `split_pods` finds it.

    Raises:
        pydantic.ValidationError: it is none.
    """
    return _RELATED_PODS.validate_json(_strip_managed_fields(content) + b"}")


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


def truncate_related(body: bytes, max_related: int) -> bytes | None:
    """Truncate the related objects of a PodDiagnoser's sync request.

    The limit is one of the related objects alone. Were it one of the whole request, a status that
    grows would cost the last Pod that is read; without that Pod the status shrinks, so that the Pod
    is read again, and so on without end.

    Args:
        body: a request, or its start.
        max_related: the most bytes of related objects to leave.

    Returns:
        The request with as many bytes of related objects, or all of it where it has no more; None
        where no related objects were found.
    """
    related = body.find(_RELATED_OBJECTS)
    return None if related < 0 else body[: related + max_related]


def parse_truncated(body: bytes) -> PodDiagnoserSyncRequest | None:
    """Parse the start of a PodDiagnoser's sync request whose end was cut off.

    Metacontroller writes the object first and the related objects last, in the order of their
    names, so that the last Pods are lost.

    Returns:
        What could be read, or None if not even the whole PodDiagnoser could. The related object in
        which the request was cut off is left out: a part must not be taken for the whole.

    Raises:
        pydantic.ValidationError: it is not the start of such a request.
    """
    start = _TRUNCATED_REQUEST.validate_json(body, experimental_allow_partial=True)
    if "object" not in start or "related" not in start:
        return None  # it may have been cut off within the PodDiagnoser
    related = start["related"]
    targets = related.get("DiagnosisTarget.diagnostics.local.io/v1", {})
    pods = related.get("Pod.v1", {})
    incomplete = pods if "Pod.v1" in related else targets
    if incomplete:
        incomplete.popitem()
    return PodDiagnoserSyncRequest.model_construct(
        object=start["object"],
        related=RelatedToPodDiagnoser.model_construct(targets=targets, pods=pods),
    )
