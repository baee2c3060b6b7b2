"""What the API server says, as the class of the error that it becomes."""

import pytest

from pod_diagnoser.cluster.errors import (
    DISRUPTION_BUDGET,
    NAMESPACE_TERMINATING,
    ApiError,
    BadRequestError,
    BlockedByBudgetError,
    ConflictError,
    DeniedByPolicyError,
    ForbiddenError,
    InvalidObjectError,
    NamespaceTerminatingError,
    NotFoundError,
    ServerError,
    SeveralBudgetsError,
    ThrottledError,
    UnauthorizedError,
    api_error,
    describe_failure,
    is_about_the_object,
)
from tests.support.builders import Json
from tests.support.fake_api import DENIED_BY_WEBHOOK, SEVERAL_BUDGETS, failure_status

DENIED = failure_status(message=DENIED_BY_WEBHOOK)


@pytest.mark.parametrize(
    ("status", "document", "expected"),
    [
        (400, {}, BadRequestError),
        (401, {}, UnauthorizedError),
        (403, {}, ForbiddenError),
        (403, failure_status(cause=NAMESPACE_TERMINATING), NamespaceTerminatingError),
        (404, failure_status(kind="pods"), NotFoundError),
        (409, {}, ConflictError),
        (413, {}, InvalidObjectError),
        (422, {}, InvalidObjectError),
        (429, {}, ThrottledError),
        (429, failure_status(cause=DISRUPTION_BUDGET), BlockedByBudgetError),
        (403, failure_status(kind="poddisruptionbudget"), BlockedByBudgetError),
        (500, failure_status(message=SEVERAL_BUDGETS), SeveralBudgetsError),
        (500, {}, ServerError),
        (504, {}, ServerError),
        (400, DENIED, DeniedByPolicyError),
        (403, DENIED, DeniedByPolicyError),
        (422, DENIED, DeniedByPolicyError),
        (500, DENIED, DeniedByPolicyError),
        (404, DENIED, NotFoundError),
        (409, DENIED, ConflictError),
        (405, {}, ApiError),
        (302, {}, ApiError),
        (403, {"details": [], "message": None}, ForbiddenError),
        (403, {"details": {"causes": [None]}}, ForbiddenError),
    ],
)
def test_status_and_document_choose_the_class(
    status: int, document: Json, expected: type[ApiError]
) -> None:
    """One class for each thing to be done."""
    error = api_error(status, document, retry_after=7.0)
    assert (type(error), error.status, error.retry_after) == (expected, status, 7.0)


@pytest.mark.parametrize(
    ("status", "expected"), [(400, True), (413, True), (422, True), (403, False), (500, False)]
)
@pytest.mark.parametrize("document", [{}, DENIED], ids=["refused", "denied by policy"])
def test_some_statuses_are_about_the_object_that_was_sent(
    status: int, document: Json, *, expected: bool
) -> None:
    """Whoever refuses it: others may be accepted."""
    assert is_about_the_object(api_error(status, document)) is expected


@pytest.mark.parametrize("status", [400, 401, 403, 422, 429, 500])
def test_a_denial_by_policy_is_described_by_its_status(status: int) -> None:
    """Only a replacement of a Pod treats it differently."""
    plain, denied = api_error(status), api_error(status, DENIED)
    assert describe_failure(denied, "x", "shop") == describe_failure(plain, "x", "shop")
