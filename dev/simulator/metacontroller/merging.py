"""The three-way merge with which attachments are updated (pkg/dynamic/apply/apply.go)."""

import json
from typing import Any

from dev.simulator.gojson import dumps
from dev.simulator.objects import Object, annotations_of, copy
from dev.simulator.strategies import normalise

LAST_APPLIED = "metacontroller.k8s.io/last-applied-configuration"
_MERGE_KEYS = ("containerPort", "port", "mountPath", "name", "uid", "ip", "path")
_SYSTEM_FIELDS = (
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "managedFields",
)


def set_last_applied(obj: Object, applied: Object) -> None:
    """Note on an object, in place, what it was made from."""
    text = dumps(normalise(applied))
    obj["metadata"]["annotations"] = {**annotations_of(obj), LAST_APPLIED: text}


def apply_update(observed: Object, desired: Object) -> Object:
    """Return the observed object with the desired changes (ApplyUpdate in manage_children.go).

    Args:
        observed: as it is in the cache.
        desired: what the hook wants, with the fields that it cares about.

    Returns:
        A new object; equal to the observed one where nothing has to change.
    """
    text = annotations_of(observed).get(LAST_APPLIED)
    last = json.loads(text) if text else {}
    new: Object = _merge_objects(copy(observed), last, copy(desired))
    for name in _SYSTEM_FIELDS:
        _revert(new["metadata"], observed["metadata"], name)
    _revert(new, observed, "status")
    set_last_applied(new, desired)
    return new


def _revert(new: Object, old: Object, name: str) -> None:
    if name in old:
        new[name] = old[name]
    else:
        new.pop(name, None)


def _merge(destination: Any, last: Any, desired: Any) -> Any:
    if isinstance(destination, dict) and isinstance(desired, dict):
        return _merge_objects(destination, last if isinstance(last, dict) else {}, desired)
    if isinstance(destination, list) and isinstance(desired, list):
        return _merge_lists(destination, last if isinstance(last, list) else [], desired)
    return desired


def _merge_objects(destination: Object, last: Object, desired: Object) -> Object:
    for key in last:
        if key not in desired:
            destination.pop(key, None)
    for key, value in desired.items():
        destination[key] = _merge(destination.get(key), last.get(key), value)
    return destination


def _merge_lists(destination: list[Any], last: list[Any], desired: list[Any]) -> list[Any]:
    key = _merge_key([*destination, *last, *desired])
    if key is None:
        return desired
    merged = _merge_objects(
        {str(item[key]): item for item in destination},
        {str(item[key]): item for item in last},
        {str(item[key]): item for item in desired},
    )
    order = dict.fromkeys(str(item[key]) for item in [*destination, *desired])
    return [merged[name] for name in order if name in merged]


def _merge_key(items: list[Any]) -> str | None:
    """Guess the key that identifies the objects of a list."""
    if not items or not all(isinstance(item, dict) for item in items):
        return None
    return next((key for key in _MERGE_KEYS if all(key in item for item in items)), None)
