"""What the API server's authorizer lets a ServiceAccount do, once it has learnt of it."""

from dev.envtest.client import ACCESS_REVIEWS, Client
from dev.envtest.installation import SYSTEM
from tests.e2e.workspace import eventually


def await_permission(
    admin: Client,
    account: str,
    verb: str,
    resource: str,
    namespace: str,
    *,
    wanted: bool,
    group: str = "",
) -> None:
    """Wait until the authorizer has learnt of a binding, or of its end: it follows them by a watch.

    Args:
        admin: sends the requests.
        account: name of a ServiceAccount of the operator.
        verb: such as ``get``.
        resource: plural of a kind.
        namespace: where.
        wanted: whether it shall be allowed.
        group: the kind's group; the core group without it.

    Raises:
        AssertionError: it is not as wanted in time.
    """
    attributes = {"namespace": namespace, "verb": verb, "resource": resource}
    attributes["group"] = group
    user = f"system:serviceaccount:{SYSTEM}:{account}"
    review = {"spec": {"user": user, "resourceAttributes": attributes}}
    eventually(
        lambda: admin.create(ACCESS_REVIEWS, review)["status"]["allowed"],
        lambda allowed: allowed is wanted,
    )
