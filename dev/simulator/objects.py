"""Kubernetes objects as plain JSON, and what is read of every one of them.

An object that was handed out is never changed in place; make a copy to change it. The
store, the informers' caches and the requests to a hook therefore share one object without copying.
"""

import marshal
from datetime import UTC, datetime
from typing import Any, TypeAlias

Object: TypeAlias = dict[str, Any]


def copy(value: Any) -> Any:
    """Copy JSON deeply.

    Args:
        value: what json.loads returns: dicts, lists and scalars.

    Returns:
        An equal value that shares no dict and no list with the first.
    """
    return marshal.loads(marshal.dumps(value))  # noqa: S302 (what was just dumped, in C throughout)


def identical(left: Any, right: Any) -> bool:
    """Compare as Go's reflect.DeepEqual compares decoded JSON.

    1, 1.0 and True differ, and so do a missing key and one that is null: Metacontroller writes
    a status again for each of these differences (controller/common/equality.go).

    Args:
        left: JSON.
        right: JSON.

    Returns:
        True if both have the same types and values all the way down.
    """
    return bool(left == right) and _same_types(left, right)


def _same_types(left: Any, right: Any) -> bool:
    """Say whether equal JSON has the same types all the way down."""
    if left is right:
        return True
    kind = type(left)
    if kind is not type(right):
        return False
    if kind is dict:
        for key, item in left.items():
            if not _same_types(item, right[key]):
                return False
    elif kind is list:
        for one, other in zip(left, right, strict=True):
            if not _same_types(one, other):
                return False
    return True


def adds(new: Any, old: Any) -> bool:
    """Say whether an object has fields that were missing or different before.

    Args:
        new: JSON.
        old: JSON.

    Returns:
        False if fields were only removed. A list counts as one value.
    """
    if type(new) is not dict or type(old) is not dict:
        return not identical(new, old)
    return any(
        name not in old or (item is not old[name] and adds(item, old[name]))
        for name, item in new.items()
    )


def namespace_of(obj: Object) -> str:
    """Return metadata.namespace, "" for an object without one."""
    return str(obj["metadata"].get("namespace") or "")


def name_of(obj: Object) -> str:
    """Return metadata.name, "" where there is none yet."""
    return str(obj["metadata"].get("name") or "")


def uid_of(obj: Object) -> str:
    """Return metadata.uid, "" where there is none yet."""
    return str(obj["metadata"].get("uid") or "")


def version_of(obj: Object) -> str:
    """Return metadata.resourceVersion, "" where there is none."""
    return str(obj["metadata"].get("resourceVersion") or "")


def generation_of(obj: Object) -> int:
    """Return metadata.generation, 0 where there is none."""
    return int(obj["metadata"].get("generation") or 0)


def labels_of(obj: Object) -> dict[str, str]:
    """Return metadata.labels, empty where there are none. Not to be changed."""
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Object) -> dict[str, str]:
    """Return metadata.annotations, empty where there are none. Not to be changed."""
    return obj["metadata"].get("annotations") or {}


def is_terminating(obj: Object) -> bool:
    """Say whether the object has a deletionTimestamp."""
    return obj["metadata"].get("deletionTimestamp") is not None


def owners_of(obj: Object) -> list[Object]:
    """Return metadata.ownerReferences. Not to be changed."""
    return obj["metadata"].get("ownerReferences") or []


def controller_of(obj: Object) -> Object | None:
    """Return the owner reference with controller: true, as metav1.GetControllerOf does."""
    return next((owner for owner in owners_of(obj) if owner.get("controller") is True), None)


def qualified_name(obj: Object) -> str:
    """Return namespace/name, or the name alone for an object without a namespace."""
    namespace = namespace_of(obj)
    return f"{namespace}/{name_of(obj)}" if namespace else name_of(obj)


def timestamp(moment: datetime) -> str:
    """Write a time as the API server does: RFC 3339, UTC, whole seconds."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def parse_timestamp(text: str) -> datetime:
    """Read a time that the API server wrote.

    Raises:
        ValueError: the text is no RFC 3339 time.
    """
    return datetime.fromisoformat(text).astimezone(UTC)
