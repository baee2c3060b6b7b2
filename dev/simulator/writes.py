"""What a write request says, and the checks on it that come before any rule of its kind."""

from dataclasses import dataclass
from typing import Any, Self

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object, name_of, namespace_of, uid_of, version_of
from dev.simulator.resources import Key, Resource


@dataclass(slots=True)
class Call:
    """A requested write.

    Attributes:
        manager: the caller, by its field manager.
        verb: create, update, patch or delete.
        resource: the kind.
        subresource: "", "status", "binding" or "eviction".
        key: namespace and name.
    """

    manager: str
    verb: str
    resource: Resource
    subresource: str = ""
    key: Key = ("", "")


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """A write and its outcome, as in the API server's audit log.

    Attributes:
        time: when, RFC 3339.
        call: the request.
        code: HTTP status code of the outcome.
        version: resourceVersion that the write led to, None if it changed nothing.
    """

    time: str
    call: Call
    code: int
    version: int | None


@dataclass(frozen=True)
class DeleteOptions:
    """What a DELETE may say beside the name.

    Attributes:
        uid: only if the object has this uid.
        version: only if the object has this resourceVersion.
        grace: seconds of grace; None is the object's own.
    """

    uid: str | None = None
    version: str | None = None
    grace: int | None = None

    @classmethod
    def read(cls, body: Object) -> Self:
        """Read metav1.DeleteOptions; propagation is always in the background."""
        preconditions = body.get("preconditions") or {}
        return cls(
            preconditions.get("uid"),
            preconditions.get("resourceVersion"),
            body.get("gracePeriodSeconds"),
        )


def key_of(obj: Object) -> Key:
    """Return namespace and name of an object."""
    return (namespace_of(obj), name_of(obj))


def check_type(resource: Resource, obj: Any) -> None:
    """Refuse what is not an object of the kind; fill in apiVersion and kind where they are missing.

    Raises:
        ApiError: 400.
    """
    if not isinstance(obj, dict) or not isinstance(obj.get("metadata"), dict):
        message = "the body is no object with metadata"
        raise ApiError.bad_request(message)
    stated = (
        obj.setdefault("apiVersion", resource.api_version),
        obj.setdefault("kind", resource.kind),
    )
    if stated != (resource.api_version, resource.kind):
        message = (
            f"the object provided is unrecognized (must be of type {resource.kind}): "
            f"{stated[1]} of {stated[0]}"
        )
        raise ApiError.bad_request(message)


def check_version(resource: Resource, new: Object, old: Object) -> None:
    """Refuse an update that was made from another object or another version of it.

    Raises:
        ApiError: 409; 422 for a custom resource without a resourceVersion.
    """
    name = name_of(old)
    if uid_of(new) and uid_of(new) != uid_of(old):
        place = f"{resource.group}/{resource.plural}" if resource.is_custom else resource.plural
        path = "/".join(part for part in ("/registry", place, *key_of(old)) if part)
        why = (
            f"StorageError: invalid object, Code: 4, Key: {path}, ResourceVersion: 0, "
            f"AdditionalErrorMsg: Precondition failed: UID in precondition: {uid_of(new)}, "
            f"UID in object meta: {uid_of(old)}"
        )
        raise ApiError.conflict(resource.group, resource.plural, name, why)
    if not version_of(new) and resource.is_custom:
        cause = (
            "FieldValueInvalid",
            "Invalid value: 0: must be specified for an update",
            "metadata.resourceVersion",
        )
        raise ApiError.invalid(resource.group, resource.plural, name, [cause])
    if version_of(new) and version_of(new) != version_of(old):
        raise ApiError.conflict(resource.group, resource.plural, name)


def check_preconditions(resource: Resource, old: Object, options: DeleteOptions) -> None:
    """Refuse the deletion of another object or version than the one that is meant.

    Raises:
        ApiError: 409.
    """
    name = name_of(old)
    if options.uid is not None and options.uid != uid_of(old):
        why = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record "
            f"({uid_of(old)}). The object might have been deleted and then recreated"
        )
        raise ApiError.conflict(resource.group, resource.plural, name, why)
    if options.version is not None and options.version != version_of(old):
        why = (
            f"the ResourceVersion in the precondition ({options.version}) does not match the "
            f"ResourceVersion in record ({version_of(old)}). The object might have been modified"
        )
        raise ApiError.conflict(resource.group, resource.plural, name, why)


def merge_patch(target: Object, patch: Object) -> Object:
    """Apply a JSON merge patch (RFC 7386) in place."""
    for name, value in patch.items():
        if value is None:
            target.pop(name, None)
        elif isinstance(value, dict):
            inner = target.get(name)
            target[name] = merge_patch(inner if isinstance(inner, dict) else {}, value)
        else:
            target[name] = value
    return target
