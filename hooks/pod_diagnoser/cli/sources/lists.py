"""Starts to read Pods and Events, as the API server sends them where their path is known."""

from collections.abc import Iterator, Mapping, Sequence
from types import TracebackType
from typing import Final, Protocol, Self

from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.cli.sources.api_lists import ApiList
from pod_diagnoser.cli.sources.kubectl import READ_BYTES, Kubectl, KubectlError

_NAMESPACE_OF_CONTEXT: Final = "jsonpath={.contexts[0].context.namespace}"
_DEFAULT_NAMESPACE: Final = "default"
_IN_CLUSTER: Final = "KUBERNETES_SERVICE_HOST"


class Reading(Protocol):
    """Objects that are being read; as a context manager it ends with the block."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
        /,
    ) -> None: ...

    def objects(self) -> Iterator[bytes]:
        """Yield the JSON of each."""

    @property
    def warnings(self) -> Sequence[str]:
        """What kubectl said besides."""


class Lists:
    """Starts to read them.

    Args:
        kubectl: starts kubectl.
        environment: this process's environment variables.
    """

    def __init__(self, kubectl: Kubectl, environment: Mapping[str, str]) -> None:
        self._kubectl, self._environment = kubectl, environment
        self._of_context: str | None = None

    def start(
        self, plural: str, place: Sequence[str], labels: str = "", fields: str = ""
    ) -> Reading:
        """Start to read.

        Args:
            plural: what, of core/v1, such as ``pods``.
            place: kubectl's options for where: ``-n`` and a name, ``--all-namespaces``, or none for
                the namespace of its context.
            labels: a label selector, or an empty string.
            fields: a field selector, or an empty string.

        Raises:
            CommandError: there is no kubectl.
        """
        if (path := self._path(plural, place)) is not None:
            selectors = {"labelSelector": labels, "fieldSelector": fields}
            given = {name: value for name, value in selectors.items() if value}
            return ApiList(self._kubectl, path, given)
        options = {"--selector": labels, "--field-selector": fields}
        given = {name: value for name, value in options.items() if value}
        return self._kubectl.get(plural, *place, *map("=".join, given.items()))

    def _path(self, plural: str, place: Sequence[str]) -> str | None:
        """Return the API's path of a kind in a place; None where only kubectl can tell."""
        match place:
            case ("-n", namespace):
                return path_of(plural, namespace)
            case (_,):
                return path_of(plural, None)
        if self._of_context is None:
            self._of_context = context_namespace(self._kubectl, self._environment)
        return path_of(plural, self._of_context)


def context_namespace(kubectl: Kubectl, environment: Mapping[str, str]) -> str:
    """Return the namespace of kubectl's context.

    Args:
        kubectl: starts kubectl.
        environment: this process's environment variables.

    Returns:
        The namespace; empty where only kubectl can tell: without a kubeconfig, or in a Pod, where
        it would use the Pod's own.
    """
    with kubectl.start("config", "view", "--minify", "-o", _NAMESPACE_OF_CONTEXT) as call:
        try:
            said = call.tail(READ_BYTES).decode(errors="replace").strip()
        except KubectlError:
            return ""
    return said or ("" if _IN_CLUSTER in environment else _DEFAULT_NAMESPACE)


def path_of(plural: str, namespace: str | None) -> str | None:
    """Return the API's path of a kind of core/v1.

    Args:
        plural: such as ``pods``.
        namespace: None for all of them.

    Returns:
        The path; None for what is not the name of a namespace.
    """
    if namespace is None:
        return f"/api/v1/{plural}"
    if not is_object_name(namespace):
        return None
    return f"/api/v1/namespaces/{namespace}/{plural}"
