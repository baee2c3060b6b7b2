"""Refusals of the API server, as clients see them: a code and a Status object.

The wording follows k8s.io/apimachinery/pkg/api/errors, since kubectl shows it to people.
"""

from typing import Self

from dev.simulator.objects import Object


class ApiError(Exception):
    """A request that the API server refused.

    Attributes:
        code: HTTP status code.
        reason: machine-readable reason, such as "Conflict".
        message: for people.
        details: the Status object's details.
        retry_after: seconds for a Retry-After header, or None.
    """

    def __init__(
        self,
        code: int,
        reason: str,
        message: str,
        details: Object | None = None,
        retry_after: int | None = None,
    ) -> None:
        super().__init__(message)
        self.code = code
        self.reason = reason
        self.message = message
        self.details = details or {}
        self.retry_after = retry_after

    @property
    def is_not_found(self) -> bool:
        """True for what apierrors.IsNotFound recognises."""
        return self.reason == "NotFound"

    @property
    def is_conflict(self) -> bool:
        """True for what apierrors.IsConflict recognises."""
        return self.reason == "Conflict"

    @property
    def is_already_exists(self) -> bool:
        """True for what apierrors.IsAlreadyExists recognises."""
        return self.reason == "AlreadyExists"

    def status(self) -> Object:
        """Return the Status object that stands in the response's body."""
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Failure",
            "message": self.message,
            "reason": self.reason,
            "details": self.details,
            "code": self.code,
        }

    @classmethod
    def not_found(cls, group: str, resource: str, name: str) -> Self:
        """No object of that name: 404."""
        return cls(
            404,
            "NotFound",
            f'{_qualified(group, resource)} "{name}" not found',
            _details(group, resource, name),
        )

    @classmethod
    def no_such_path(cls) -> Self:
        """No such resource or path: 404."""
        return cls(404, "NotFound", "the server could not find the requested resource")

    @classmethod
    def already_exists(cls, group: str, resource: str, name: str) -> Self:
        """An object of that name is there: 409."""
        return cls(
            409,
            "AlreadyExists",
            f'{_qualified(group, resource)} "{name}" already exists',
            _details(group, resource, name),
        )

    @classmethod
    def conflict(cls, group: str, resource: str, name: str, why: str | None = None) -> Self:
        """The object is not the one or not in the state that the request speaks of: 409."""
        why = why or (
            "the object has been modified; "
            "please apply your changes to the latest version and try again"
        )
        return cls(
            409,
            "Conflict",
            f'Operation cannot be fulfilled on {_qualified(group, resource)} "{name}": {why}',
            _details(group, resource, name),
        )

    @classmethod
    def invalid(cls, group: str, kind: str, name: str, causes: list[tuple[str, str, str]]) -> Self:
        """The object breaks rules of its kind: 422.

        Args:
            group: API group.
            kind: kind of the object.
            name: its name.
            causes: (reason, message, field) of each broken rule.

        Returns:
            The error, with all causes in message and details.
        """
        texts = [f"{field}: {message}" for _, message, field in causes]
        together = texts[0] if len(texts) == 1 else "[" + ", ".join(texts) + "]"
        details = _details(group, kind, name)
        details["causes"] = [
            {"reason": reason, "message": message, "field": field}
            for reason, message, field in causes
        ]
        return cls(
            422, "Invalid", f'{_qualified(group, kind)} "{name}" is invalid: {together}', details
        )

    @classmethod
    def bad_request(cls, message: str) -> Self:
        """The request cannot be understood: 400."""
        return cls(400, "BadRequest", message)

    @classmethod
    def method_not_allowed(cls, message: str) -> Self:
        """The resource has no such verb: 405."""
        return cls(405, "MethodNotAllowed", message)

    @classmethod
    def unsupported_media_type(cls, message: str) -> Self:
        """The body is of a type that is not read: 415."""
        return cls(415, "UnsupportedMediaType", message)

    @classmethod
    def expired(cls, message: str) -> Self:
        """The requested resourceVersion is older than the history that is kept: 410."""
        return cls(410, "Expired", message)


def _qualified(group: str, resource: str) -> str:
    return f"{resource}.{group}" if group else resource


def _details(group: str, kind: str, name: str) -> Object:
    details: Object = {"name": name, "kind": kind}
    if group:
        details["group"] = group
    return details
