"""What can go wrong with a call to the API server."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final

DISRUPTION_BUDGET: Final = "DisruptionBudget"
"""The cause of a refused eviction. Source: ``policyv1.DisruptionBudgetCause``."""

SEVERAL_DISRUPTION_BUDGETS: Final = "SeveralDisruptionBudgets"
"""Ours for an eviction that is refused since several budgets select the Pod."""

DENIED_BY_POLICY: Final = "DeniedByPolicy"
"""Ours for what an admission webhook or policy denies, whatever the caller may do. Source of the
wording: ``plugin/webhook/errors/statuserror.go`` and ``plugin/policy/validating/dispatcher.go`` in
``staging/src/k8s.io/apiserver/pkg/admission``."""

_DENIED: Final = re.compile(r"admission webhook .{1,300} denied the request|denied request: ")


class ApiError(Exception):
    """A call did not succeed.

    Attributes:
        status: the HTTP status, or None where there was no answer: then nobody knows whether the
            call had its effect.
        retry_after: seconds after which the API server wants to be asked again, or None.
        cause: the reason of the first cause in the Status object (``DisruptionBudget``), or "".
        kind: the plural of what the Status object is about (``pods``), or "".
        at: the time by the API server's clock, or None where there was no answer.
    """

    def __init__(
        self,
        status: int | None,
        retry_after: float | None = None,
        cause: str = "",
        at: datetime | None = None,
        kind: str = "",
    ) -> None:
        super().__init__("no answer" if status is None else f"status {status}")
        self.status = status
        self.at = at
        self.retry_after = retry_after
        self.cause = cause
        self.kind = kind


class AnswerTooLongError(ApiError):
    """An answer is longer than it may be: of this one object, so that others may have theirs."""

    def __init__(self) -> None:
        super().__init__(None)


def failure_cause(status: Mapping[str, Any]) -> str:
    """Read from a ``Status`` object why a call failed, where that matters here."""
    if "more than one PodDisruptionBudget" in str(status.get("message")):
        return SEVERAL_DISRUPTION_BUDGETS
    if _DENIED.search(str(status.get("message"))):
        return DENIED_BY_POLICY
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    first = causes[0] if isinstance(causes, list) and causes else None
    return str(first.get("reason", "")) if isinstance(first, dict) else ""


def failure_kind(status: Mapping[str, Any]) -> str:
    """Read from a ``Status`` object about which kind of object a failure is."""
    details = status.get("details")
    return str(details.get("kind", "")) if isinstance(details, dict) else ""


RETRY_SECONDS: Final = 5.0
"""After how long to try again where the API server does not say."""

FORBIDDEN_SECONDS: Final = 30.0
"""After how long to see whether a permission was granted."""


@dataclass(frozen=True, slots=True)
class ApiFailure:
    """What holds things up.

    Attributes:
        reason: CamelCase, for programs.
        message: for people; constant but for the namespace.
        retry_after: seconds after which to try again.
        everywhere: whether the next call would meet with the same, whatever it is about.
    """

    reason: str
    message: str
    retry_after: float = RETRY_SECONDS
    server_wide: bool = False


def describe_failure(error: ApiError, what: str, namespace: str) -> ApiFailure:
    """Word what kept a call from succeeding.

    Args:
        error: the error.
        what: what was to be done, as in "may not ...".
        namespace: where.

    Returns:
        The reason and a message.
    """
    if error.status == HTTPStatus.UNAUTHORIZED:
        message = "The API server does not know the operator by its credentials."
        return ApiFailure("Forbidden", message, FORBIDDEN_SECONDS)
    if error.status == HTTPStatus.FORBIDDEN:
        message = f"The operator may not {what} in namespace {namespace}."
        return ApiFailure("Forbidden", message, FORBIDDEN_SECONDS)
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        message = "The API server asked to be called later. What is to be done is done then."
        pause = error.retry_after or RETRY_SECONDS
        return ApiFailure("ApiServerBusy", message, pause, server_wide=True)
    message = "The API server did not answer as it should. What is to be done is tried again."
    return ApiFailure("ApiServerUnavailable", message, server_wide=error.status is None)
