"""The log subresource of Pods."""

from collections.abc import Mapping
from typing import Protocol

from dev.simulator.errors import ApiError
from dev.simulator.objects import Object, name_of


class Logs(Protocol):
    """Reads logs of containers."""

    def __call__(self, pod: Object, container: str, /, *, previous: bool) -> bytes | None:
        """Return what a container wrote, perhaps in the run before; None if there was none."""


def no_log(_pod: Object, _container: str, *, previous: bool) -> None:
    """Return None: there are no logs."""
    del previous


def read_log(pod: Object, query: Mapping[str, str], logs: Logs) -> bytes:
    """Read a log (pkg/registry/core/pod/rest/log.go, pkg/kubelet/kubelet_pods.go).

    Args:
        pod: the Pod.
        query: of the request: container, previous, tailLines, limitBytes.
        logs: reads the whole log.

    Raises:
        ApiError: 400, there is no such container or no log.
    """
    names = [one["name"] for one in pod["spec"]["containers"]]
    if "container" not in query and len(names) > 1:
        message = (
            f"a container name must be specified for pod {name_of(pod)}, choose one of: "
            f"[{' '.join(names)}]"
        )
        raise ApiError.bad_request(message)
    name = query.get("container", names[0])
    if name not in names:
        message = f"container {name} is not valid for pod {name_of(pod)}"
        raise ApiError.bad_request(message)
    previous = query.get("previous") in {"1", "true"}
    found = logs(pod, name, previous=previous)
    if found is None:
        what = f'container "{name}" in pod "{name_of(pod)}"'
        message = f"{what} is waiting to start: ContainerCreating"
        if previous:
            message = f"previous terminated {what} not found"
        raise ApiError.bad_request(message)
    if "tailLines" in query:
        lines = found.splitlines(keepends=True)
        found = b"".join(lines[max(0, len(lines) - int(query["tailLines"])) :])
    if "limitBytes" in query:
        found = found[: int(query["limitBytes"])]
    return found
