"""What the API server requires of what Metacontroller writes for an answer.

It holds for objects that the API server has let in itself: of what it never stores, nothing but a
readable answer is asked. It also has how Metacontroller applies an answer to its object.
"""

import copy
import re
from datetime import datetime
from typing import Any, Final

from dev.simulator.event_api import core_problems
from pod_diagnoser.pods.keys import MAX_TOTAL_BYTES
from tests.fuzz.shapes import POD_DIAGNOSER, TARGET
from tests.http.answers import without_removals
from tests.http.recorded import Json, applied

_SUBDOMAIN: Final = re.compile(
    r"(?=.{1,253}\Z)[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*"
)
_DNS_LABEL: Final = re.compile(r"[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?")
_UID: Final = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_TIME: Final = re.compile(r"\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z")


def as_stored(obj: Any) -> Json | None:
    """Make of a PodDiagnoser in a request what the API server would store of it.

    Args:
        obj: JSON.

    Returns:
        It without the fields that its CRD does not know, and with its defaults; None where the API
        server would not take it.
    """
    if not isinstance(obj, dict) or not _has_metadata(obj):
        return None
    if not (isinstance(obj.get("spec"), dict) and isinstance(obj.get("status", {}), dict)):
        return None
    generation = obj["metadata"].get("generation")
    if type(generation) is not int or not 0 < generation < 2**63:
        return None
    try:
        stored = _pruned(obj)
        return None if POD_DIAGNOSER.validate(stored) else stored
    except RecursionError:
        return None


def _has_metadata(obj: Json) -> bool:
    meta = obj.get("metadata")
    if not isinstance(meta, dict):
        return False
    shapes = {"name": _SUBDOMAIN, "namespace": _DNS_LABEL, "uid": _UID, "creationTimestamp": _TIME}
    if not all(
        isinstance(meta.get(name), str) and shape.fullmatch(meta[name])
        for name, shape in shapes.items()
    ):
        return False
    try:
        datetime.fromisoformat(meta["creationTimestamp"])
    except ValueError:
        return False
    return True


def _pruned(obj: Json) -> Json:
    """Return a PodDiagnoser with its CRD's defaults, without fields that the CRD lacks."""
    result = {**obj, "spec": copy.deepcopy(obj["spec"])}
    for part in ("spec", "status"):
        if part in result:
            result[part] = copy.deepcopy(result[part])
            POD_DIAGNOSER.properties[part].prune(result[part])
            POD_DIAGNOSER.properties[part].default(result[part])
    return result


def check_written(obj: Json, answer: Json) -> Json:
    """Check what an answer for a stored PodDiagnoser makes Metacontroller write.

    Args:
        obj: the PodDiagnoser of the request, as it is stored.
        answer: the answer.

    Returns:
        The PodDiagnoser after the write.
    """
    written = applied(obj, answer)
    if "status" in answer:
        written["status"] = answer["status"]
    broken = POD_DIAGNOSER.validate(written)
    assert not broken, broken[:3]
    assert _pruned(written) == written, "nothing that is answered is pruned"
    names = [each["metadata"]["name"] for each in answer.get("attachments", [])]
    assert len(set(names)) == len(names)
    for attachment in answer.get("attachments", []):
        each = {**attachment, "spec": without_removals(attachment["spec"])}
        assert _SUBDOMAIN.fullmatch(each["metadata"]["name"])
        assert each["metadata"]["namespace"] == obj["metadata"]["namespace"]
        kept = copy.deepcopy(each)
        TARGET.prune(kept)
        kept["metadata"] = each["metadata"]
        TARGET.default(kept)
        assert kept == each, "what the API server changes, Metacontroller would change back"
        broken = TARGET.validate(each)
        assert not broken, broken[:3]
    return written


def check_annotations(before: Json, after: Json) -> None:
    """Check that the annotations of a Pod are not too large by what was added to them."""
    assert _size(after) <= max(MAX_TOTAL_BYTES, _size(before))


def _size(pod: Json) -> int:
    annotations = pod["metadata"].get("annotations") or {}
    return sum(len(key.encode()) + len(value.encode()) for key, value in annotations.items())


def check_event(event: Json, namespace: str) -> None:
    """Check that the API server would take an Event.

    Args:
        event: a core/v1 Event.
        namespace: in the path.
    """
    assert event["metadata"]["namespace"] == namespace
    assert _SUBDOMAIN.fullmatch(event["metadata"]["name"])
    assert not core_problems(event)
