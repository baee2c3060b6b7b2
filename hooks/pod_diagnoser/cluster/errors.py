"""What can go wrong with a call to the API server: a class for each thing to be done about it.

Raise them only through `api_error`, which reads the status and the Status object, or as
`NoAnswerError`: so that a test double raises the same errors as the API server.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType
from typing import Any, Final

DISRUPTION_BUDGET: Final = "DisruptionBudget"
"""The cause of a refused eviction. Source: ``policyv1.DisruptionBudgetCause``."""

NAMESPACE_TERMINATING: Final = "NamespaceTerminating"
"""The cause of a refused creation. Source: ``corev1.NamespaceTerminatingCause``."""

_SEVERAL_BUDGETS: Final = "more than one PodDisruptionBudget"
"""Source of the wording: ``pkg/registry/core/pod/storage/eviction.go``."""

_BUDGET_NAME: Final = re.compile(r"The disruption budget (\S{1,253}) ")
"""Source of the wording: ``pkg/registry/core/pod/storage/eviction.go``."""

_DENIED: Final = re.compile(r"admission webhook .{1,300} denied the request|denied request: ")
"""What an admission webhook or policy denies, even to a caller with the permission. Source of the
wording: ``plugin/webhook/errors/statuserror.go`` and ``plugin/policy/validating/dispatcher.go`` in
``staging/src/k8s.io/apiserver/pkg/admission``."""

_NO_DOCUMENT: Final[Mapping[str, Any]] = MappingProxyType({})


class ApiError(Exception):
    """A call did not succeed.

    The class itself is raised for an answer without a class of its own (405, 410, a redirect): the
    call had no effect, and is not worth repeating soon.

    Attributes:
        status: the HTTP status, or None where there was no answer.
        retry_after: seconds after which the API server wants to be asked again, or None.
        at: the time by the API server's clock, or None where there was no answer.
        kind: the plural of what the Status object is about (``pods``), or "".
    """

    def __init__(
        self,
        status: int | None,
        *,
        retry_after: float | None = None,
        at: datetime | None = None,
        kind: str = "",
    ) -> None:
        super().__init__("no answer" if status is None else f"status {status}")
        self.status = status
        self.retry_after = retry_after
        self.at = at
        self.kind = kind


class NoAnswerError(ApiError):
    """No answer came, or none that is certainly the API server's.

    The call may have had its effect: look before repeating it. The next call would probably fail
    in the same way.
    """

    def __init__(self) -> None:
        super().__init__(None)


class AnswerTooLongError(NoAnswerError):
    """The answer has more bytes than are read. Only this object's: call for others as before."""


class UnauthorizedError(ApiError):
    """401, or no token: our credentials are not accepted. No call will succeed; try much later."""


class ForbiddenError(ApiError):
    """403: a permission is missing in this namespace. Report it; try again much later."""


class NamespaceTerminatingError(ForbiddenError):
    """403 to a creation: the namespace is being deleted. Drop what was to be created."""


class NotFoundError(ApiError):
    """404: the object is gone, where `kind` names it. Without a kind it comes from a proxy."""


class ConflictError(ApiError):
    """409: the object is another by now, or exists already (`kind`). Read it again."""


class BadRequestError(ApiError):
    """400, or a name that no object can have. It is about this call alone: do not repeat it."""


class InvalidObjectError(ApiError):
    """413 or 422: the object that was sent is too large or invalid. Others may be accepted."""


class ThrottledError(ApiError):
    """429: the API server is busy. Call it for nothing until `retry_after` is over."""


class ServerError(ApiError):
    """5xx: the API server failed. The call may have had its effect; try again."""


class BlockedByBudgetError(ApiError):
    """A PodDisruptionBudget does not allow an eviction now. Try again while the crash is fresh.

    Attributes:
        budget: the name of the PodDisruptionBudget; an empty string where the answer has none.
    """

    budget = ""


class SeveralBudgetsError(ApiError):
    """Several PodDisruptionBudgets select the Pod: Kubernetes never evicts it then. Report it."""


class DeniedByPolicyError(ApiError):
    """An admission webhook or policy denies it. It may be about this object alone.

    Attributes:
        by_status: what its status alone would mean, where a policy makes no difference.
    """

    def __init__(self, status: int, **details: Any) -> None:
        super().__init__(status, **details)
        self.by_status = _class_by_status(status)(status, **details)


_BY_STATUS: Final[Mapping[int, type[ApiError]]] = {
    HTTPStatus.BAD_REQUEST: BadRequestError,
    HTTPStatus.UNAUTHORIZED: UnauthorizedError,
    HTTPStatus.FORBIDDEN: ForbiddenError,
    HTTPStatus.NOT_FOUND: NotFoundError,
    HTTPStatus.CONFLICT: ConflictError,
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: InvalidObjectError,
    HTTPStatus.UNPROCESSABLE_ENTITY: InvalidObjectError,
    HTTPStatus.TOO_MANY_REQUESTS: ThrottledError,
}


def api_error(
    status: int,
    document: Mapping[str, Any] = _NO_DOCUMENT,
    *,
    retry_after: float | None = None,
    at: datetime | None = None,
) -> ApiError:
    """Build the error of an answer that is no success.

    Args:
        status: the HTTP status.
        document: the ``Status`` object; empty where the answer holds none.
        retry_after: seconds after which the API server wants to be asked again.
        at: when it was sent, by the API server's clock.
    """
    details = document.get("details")
    details = details if isinstance(details, dict) else {}
    kind = str(details.get("kind", ""))
    cause = _first_cause(details)
    error_class = _class(status, str(document.get("message")), str(cause.get("reason", "")), kind)
    error = error_class(status, retry_after=retry_after, at=at, kind=kind)
    if isinstance(error, BlockedByBudgetError):
        error.budget = _budget(str(cause.get("message", "")), details)
    return error


def _budget(message: str, details: Mapping[str, Any]) -> str:
    """Return the name of the PodDisruptionBudget that an answer is about; "" for none."""
    named = _BUDGET_NAME.match(message)
    name = named[1] if named else str(details.get("name", ""))
    return name if named or str(details.get("kind", "")) == "poddisruptionbudget" else ""


def _class(status: int, message: str, cause: str, kind: str) -> type[ApiError]:
    several_budgets, denied = _SEVERAL_BUDGETS in message, _DENIED.search(message) is not None
    blocked = cause == DISRUPTION_BUDGET and not several_budgets and not denied
    if blocked or kind == "poddisruptionbudget":
        return BlockedByBudgetError
    if several_budgets:
        return SeveralBudgetsError
    by_status = _class_by_status(status)
    if denied:
        return by_status if by_status in (NotFoundError, ConflictError) else DeniedByPolicyError
    if cause == NAMESPACE_TERMINATING and by_status is ForbiddenError:
        return NamespaceTerminatingError
    return by_status


def _class_by_status(status: int) -> type[ApiError]:
    if status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return ServerError
    return _BY_STATUS.get(status, ApiError)


def _first_cause(details: Mapping[str, Any]) -> Mapping[str, Any]:
    causes = details.get("causes")
    first = causes[0] if isinstance(causes, list) and causes else None
    return first if isinstance(first, dict) else {}


def is_about_the_object(error: ApiError) -> bool:
    """Whether the object that was sent is what is wrong: others may be accepted."""
    if isinstance(error, DeniedByPolicyError):
        error = error.by_status
    return isinstance(error, BadRequestError | InvalidObjectError)


RETRY_SECONDS: Final = 5.0
"""After how long to try again where the API server does not say."""

FORBIDDEN_SECONDS: Final = 30.0
"""After how long to see whether a permission was granted."""


@dataclass(frozen=True, slots=True)
class ApiFailure:
    """Why something has to wait, for the status of a PodDiagnoser.

    Attributes:
        reason: CamelCase, for programs.
        message: for people; constant but for the namespace.
        retry_after: seconds after which to try again.
        server_wide: whether the next call would fail in the same way, whichever object it is about.
        transient: whether it passes without anyone's doing, and says something of this process
            rather than of the PodDiagnoser. Such a failure is logged and counted; it is in no
            condition, where replicas would contradict each other.
    """

    reason: str
    message: str
    retry_after: float = RETRY_SECONDS
    server_wide: bool = False
    transient: bool = False


def describe_failure(error: ApiError, what: str, namespace: str) -> ApiFailure:
    """Word what kept a call from succeeding.

    Args:
        error: the error.
        what: what was to be done, as in "may not ...".
        namespace: where.
    """
    match error.by_status if isinstance(error, DeniedByPolicyError) else error:
        case UnauthorizedError():
            message = "The API server does not know the operator by its credentials."
            return ApiFailure("Forbidden", message, FORBIDDEN_SECONDS)
        case ForbiddenError():
            message = f"The operator may not {what} in namespace {namespace}."
            return ApiFailure("Forbidden", message, FORBIDDEN_SECONDS)
        case ThrottledError(retry_after=seconds):
            message = "The API server asked to be called later. What is to be done is done then."
            return ApiFailure(
                "ApiServerBusy",
                message,
                seconds or RETRY_SECONDS,
                server_wide=True,
                transient=True,
            )
        case _:
            message = (
                "The API server did not answer as it should. What is to be done is tried again."
            )
            server_wide = isinstance(error, NoAnswerError)
            return ApiFailure(
                "ApiServerUnavailable", message, server_wide=server_wide, transient=True
            )
