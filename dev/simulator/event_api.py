"""The two forms of an Event: core/v1, as it is stored, and events.k8s.io/v1, as it may be created.

Follows pkg/apis/events/v1/conversion.go and pkg/apis/core/validation/events.go: what is created
through events.k8s.io/v1 is validated strictly, and may have none of the old timestamps.
"""

import re
from datetime import datetime
from typing import Any

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object, name_of, namespace_of
from dev.simulator.resources import EVENT, EVENT_V1

MAX_NOTE, MAX_TEXT = 1024, 128
"""Bytes of the note; of action, reason and reportingInstance."""

_CORE_NAMES = {
    "regarding": "involvedObject",
    "note": "message",
    "reportingController": "reportingComponent",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
}
_NEW_NAMES = {core: new for new, core in _CORE_NAMES.items()}
_QUALIFIED = re.compile(
    r"^([a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9]([-A-Za-z0-9_.]{0,61}[A-Za-z0-9])?\Z"
)
_SYSTEM_NAMESPACES = {"default", "kube-system"}


def from_core(event: Object) -> Object:
    """Show a stored Event as events.k8s.io/v1 does."""
    shown = {_NEW_NAMES.get(name, name): value for name, value in event.items()}
    return {**shown, "apiVersion": EVENT_V1.api_version}


def to_core(event: Object) -> Object:
    """Make what is stored of an Event that is created through events.k8s.io/v1.

    Raises:
        ApiError: 422, it breaks the rules; 400, it is no such object.
    """
    if not isinstance(event.get("metadata"), dict):
        message = "the body is no object with metadata"
        raise ApiError.bad_request(message)
    stated = (event.get("apiVersion", EVENT_V1.api_version), event.get("kind", EVENT_V1.kind))
    if stated != (EVENT_V1.api_version, EVENT_V1.kind):
        message = (
            f"the object provided is unrecognized (must be of type Event): {stated[1]} of "
            f"{stated[0]}"
        )
        raise ApiError.bad_request(message)
    causes = [("FieldValueInvalid", text, field) for field, text in _problems(event)]
    if causes:
        raise ApiError.invalid(EVENT_V1.group, EVENT_V1.kind, name_of(event), causes)
    stored = {_CORE_NAMES.get(name, name): value for name, value in event.items()}
    return {
        "source": {},
        "firstTimestamp": None,
        "lastTimestamp": None,
        **stored,
        "apiVersion": EVENT.api_version,
        "kind": EVENT.kind,
    }


def core_problems(event: Object) -> list[tuple[str, str]]:
    """Return field and message of every rule that an Event of core/v1 breaks that is created.

    Those of ``legacyValidateEvent`` in pkg/apis/core/validation/events.go.
    """
    about, namespace = event.get("involvedObject") or {}, namespace_of(event)
    where = str(about.get("namespace") or "")
    text = f'Invalid value: "{where}": does not match event.namespace'
    wrong_namespace = [("involvedObject.namespace", text)]
    if not event.get("eventTime"):
        return wrong_namespace if (where or "default") != namespace else []
    found = wrong_namespace if not where and namespace not in _SYSTEM_NAMESPACES else []
    if not _is_time(event["eventTime"]):
        found.append(("eventTime", "Invalid value: it is no time"))
    controller = str(event.get("reportingComponent") or "")
    if not _QUALIFIED.match(controller):
        text = f'Invalid value: "{controller}": a qualified name is needed'
        found.append(("reportingComponent", text))
    return found + _wrong_texts(from_core(event))


def _problems(event: Object) -> list[tuple[str, str]]:
    """Return field and message of every rule that is broken, by the names of core/v1."""
    found: list[tuple[str, str]] = []
    if not _is_time(event.get("eventTime")):
        found.append(("eventTime", "Required value"))
    if event.get("type") not in {"Normal", "Warning"}:
        found.append(("type", f'Invalid value: "": has invalid value: {event.get("type", "")}'))
    found += [
        (core, 'Invalid value: "": needs to be unset')
        for name, core in _CORE_NAMES.items()
        if name.startswith("deprecated") and event.get(name)
    ]
    about = (event.get("regarding") or {}).get("namespace", "")
    namespace = namespace_of(event)
    # Stricter than the API server, which holds Events with an eventTime to one if there is none.
    if about != namespace and (about or namespace not in _SYSTEM_NAMESPACES):
        text = f'Invalid value: "{about}": does not match event.namespace'
        found.append(("involvedObject.namespace", text))
    controller = str(event.get("reportingController") or "")
    if not _QUALIFIED.match(controller):
        text = f'Invalid value: "{controller}": a qualified name is needed'
        found.append(("reportingController", text))
    return found + _wrong_texts(event)


def _wrong_texts(event: Object) -> list[tuple[str, str]]:
    found = []
    limits = {"reportingInstance": MAX_TEXT, "action": MAX_TEXT, "reason": MAX_TEXT}
    for name, limit in {**limits, "note": MAX_NOTE}.items():
        text = str(event.get(name) or "")
        core = _CORE_NAMES.get(name, name)
        if not text and name in limits:
            found.append((core, "Required value"))
        if len(text.encode()) > limit:
            found.append((core, f'Invalid value: "": can have at most {limit} characters'))
    return found


def _is_time(value: Any) -> bool:
    try:
        return isinstance(value, str) and datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        return False
