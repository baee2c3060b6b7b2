"""The few calls to the API server: reads of one object each, a deletion, an eviction, Events, logs.

Every call is bounded in time and size and made once: what to try again, and when, is decided from
what is stored. Of a request only names and uids go into a call. What is not certainly the API
server's answer counts as no answer.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlencode

from pod_diagnoser.api.diagnostics_v1 import EVENT_CONTROLLER
from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.cluster.connection import ApiConnection, Bounds, read_object
from pod_diagnoser.cluster.errors import (
    ConflictError,
    NoAnswerError,
    api_error,
)

EVIDENCE_SECONDS: Final = 1.5
"""How long a read of Events or of a log may take as a whole: a Pod's sync waits for it."""

MAX_EVENTS: Final = 250
"""How many Events of a Pod are read. A kubelet posts some 25 about a Pod, then one in five minutes.

Source: ``defaultSpamBurst`` and ``defaultSpamQPS`` in
``staging/src/k8s.io/client-go/tools/record/events_cache.go``.
"""

MAX_EVENT_LIST: Final = 1024 * 1024
"""Bytes that a list of a Pod's Events may have. A kubelet's Event has 1 to 2 KiB."""

MAX_EVENTS_OF_PODS: Final = 5000
"""How many Events of a namespace's Pods are read."""

MAX_EVENTS_OF_PODS_LIST: Final = 6 * 1024 * 1024
"""Bytes that a list of these may have: as many as a kubelet posts, with what the server adds."""

IDLE_REASONS: Final = ("Scheduled", "Created", "Started", "BackOff")
"""Reasons of Events that every Pod has and that say nothing about a crash: they are not read."""

_NOT_OURS: Final = f"reportingComponent!={EVENT_CONTROLLER}"
"""The hook's own Events, one for each crash, say nothing to it.

Source: ``ToSelectableFields`` in ``pkg/registry/core/event/strategy.go``.
"""

MAX_POD_DIAGNOSERS_LIST: Final = 32 * 1024 * 1024
"""Bytes that the list of all PodDiagnosers may have. One usually has 3 to 10 KiB; one of a storm up
to 500."""

MAX_DIAGNOSIS_TARGET: Final = 256 * 1024
"""Bytes that a DiagnosisTarget may have: its lists are bounded, its labels are not."""

NODE_EVENTS_NAMESPACE: Final = "default"
"""Where Events about nodes are: they are in no namespace themselves."""

MAX_NODE_EVENTS: Final = 250

MAX_VERSIONS: Final = 100
"""How many versions of a template are read. Kubernetes keeps ten, if not told otherwise."""

MAX_VERSIONS_LIST: Final = 512 * 1024
"""Bytes that one version, or a list of them, may have. One usually has 5 to 20 KiB."""

IDLE_NODE_REASONS: Final = (
    "NodeHasSufficientMemory",
    "NodeHasNoDiskPressure",
    "NodeHasSufficientPID",
    "NodeAllocatableEnforced",
    "RegisteredNode",
)
"""Reasons of Events that every node has and that say nothing about a crash: they are not read."""


class ApiClient(ApiConnection):
    """Makes the calls, each over the `ApiConnection` that it is.

    Raises `ApiError` from each of them; `pod_diagnoser.cluster.errors` says what its classes mean.
    """

    def get_pod(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a Pod: the object as JSON, and the time by the API server's clock.

        Raises:
            NotFoundError: there is none, where the error's kind is ``pods``.
        """
        return self._call("GET", f"/api/v1/namespaces/{_part(namespace)}/pods/{_part(name)}")

    def get_pod_diagnoser(self, namespace: str, name: str) -> tuple[bytes, datetime]:
        """Read a PodDiagnoser; as `get_pod`."""
        return self._call(
            "GET",
            f"/apis/diagnostics.local.io/v1/namespaces/{_part(namespace)}"
            f"/poddiagnosers/{_part(name)}",
        )

    def list_pod_diagnosers(self, seconds: float) -> bytes:
        """List the PodDiagnosers of all namespaces, as the API server's watch cache has them.

        Args:
            seconds: how long the call may take as a whole.

        Returns:
            A ``PodDiagnoserList`` as JSON.

        Raises:
            AnswerTooLongError: they have more than `MAX_POD_DIAGNOSERS_LIST` bytes.
        """
        # From memory; a limit would not be heeded with it. Source: "resourceVersion unset" and
        # "resourceVersion=0" in Kubernetes' documentation of the API concepts.
        path = "/apis/diagnostics.local.io/v1/poddiagnosers?resourceVersion=0"
        return self._call("GET", path, bounds=Bounds(seconds, MAX_POD_DIAGNOSERS_LIST))[0]

    def get_cluster_pod_diagnoser(self, name: str) -> tuple[bytes, datetime]:
        """Read a ClusterPodDiagnoser; as `get_pod`."""
        return self._call(
            "GET", f"/apis/diagnostics.local.io/v1/clusterpoddiagnosers/{_part(name)}"
        )

    def get_namespace(self, name: str) -> tuple[bytes, datetime]:
        """Read a Namespace; as `get_pod`."""
        return self._call("GET", f"/api/v1/namespaces/{_part(name)}")

    def list_cluster_pod_diagnosers(self, seconds: float) -> bytes:
        """List the ClusterPodDiagnosers, as `list_pod_diagnosers`."""
        path = "/apis/diagnostics.local.io/v1/clusterpoddiagnosers?resourceVersion=0"
        return self._call("GET", path, bounds=Bounds(seconds, MAX_POD_DIAGNOSERS_LIST))[0]

    def get_diagnosis_target(
        self, namespace: str, name: str, seconds: float = EVIDENCE_SECONDS
    ) -> bytes:
        """Read a DiagnosisTarget: the object as JSON.

        Args:
            namespace: its namespace.
            name: its name.
            seconds: how long the call may take as a whole.
        """
        content, _ = self._call(
            "GET",
            f"/apis/diagnostics.local.io/v1/namespaces/{_part(namespace)}"
            f"/diagnosistargets/{_part(name)}",
            bounds=Bounds(seconds, MAX_DIAGNOSIS_TARGET),
        )
        return content

    def delete_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Delete the Pod that was read, and no other of its name. Its own grace period applies.

        Args:
            namespace: its namespace.
            name: its name.
            uid: its uid.
            version: its resourceVersion.

        Returns:
            The time by the API server's clock.

        Raises:
            ConflictError: it is another by now, or was changed.
            NoAnswerError: it may have been deleted.
        """
        content, at = self._call(
            "DELETE",
            f"/api/v1/namespaces/{_part(namespace)}/pods/{_part(name)}",
            _delete_options(uid, version),
        )
        _check_done(content, at)
        return at

    def evict_pod(self, namespace: str, name: str, uid: str, version: str) -> datetime:
        """Evict the Pod that was read, as far as PodDisruptionBudgets allow.

        Args and returns as `delete_pod`, and raises what that raises.

        Raises:
            BlockedByBudgetError: a budget does not allow it now.
            SeveralBudgetsError: Kubernetes evicts no such Pod.
        """
        content, at = self._call(
            "POST",
            f"/api/v1/namespaces/{_part(namespace)}/pods/{_part(name)}/eviction",
            {
                "apiVersion": "policy/v1",
                "kind": "Eviction",
                "metadata": {"name": name, "namespace": namespace},
                "deleteOptions": _delete_options(uid, version),
            },
        )
        _check_done(content, at)
        return at

    def create_event(self, namespace: str, event: Mapping[str, Any]) -> bool:
        """Create a core/v1 Event; return False where its name exists already."""
        try:
            self._call("POST", f"/api/v1/namespaces/{_part(namespace)}/events", event)
        except ConflictError as error:
            # A 409 about a ResourceQuota means that it was not created: try again.
            if error.kind != "events":
                raise
            return False
        return True

    def list_events(
        self, namespace: str, pod: str, uid: str, seconds: float = EVIDENCE_SECONDS
    ) -> tuple[bytes, datetime]:
        """Read the Events about a Pod, at most `MAX_EVENTS` of them, the oldest first.

        Args:
            namespace: its namespace.
            pod: its name.
            uid: its uid.
            seconds: how long the call may take as a whole.

        Returns:
            A core/v1 ``EventList`` as JSON, and the time by the API server's clock.

        Raises:
            AnswerTooLongError: they have more than `MAX_EVENT_LIST` bytes.
        """
        return self._list_events(
            namespace,
            f"involvedObject.uid={_selected(uid)},involvedObject.name={_selected(_part(pod))}",
            MAX_EVENTS,
            Bounds(seconds, MAX_EVENT_LIST),
        )

    def list_events_of_pods(
        self, namespace: str, seconds: float = EVIDENCE_SECONDS
    ) -> tuple[bytes, datetime]:
        """Read the Events about all Pods of a namespace, at most `MAX_EVENTS_OF_PODS` of them.

        The API server looks at all Events of a namespace for either list, since it keeps no index
        of them: for several Pods this is cheaper.

        Args, returns and raises as `list_events`; at most `MAX_EVENTS_OF_PODS_LIST` bytes.
        """
        bounds = Bounds(seconds, MAX_EVENTS_OF_PODS_LIST)
        return self._list_events(namespace, "involvedObject.kind=Pod", MAX_EVENTS_OF_PODS, bounds)

    def list_events_of_node(
        self, node: str, seconds: float = EVIDENCE_SECONDS
    ) -> tuple[bytes, datetime]:
        """Read the Events about a node, at most `MAX_NODE_EVENTS` of them.

        Args, returns and raises as `list_events`.
        """
        return self._list_events(
            NODE_EVENTS_NAMESPACE,
            f"involvedObject.kind=Node,involvedObject.name={_selected(_part(node))}",
            MAX_NODE_EVENTS,
            Bounds(seconds, MAX_EVENT_LIST),
            IDLE_NODE_REASONS,
        )

    def _list_events(
        self,
        namespace: str,
        about: str,
        limit: int,
        bounds: Bounds,
        left_out: Iterable[str] = IDLE_REASONS,
    ) -> tuple[bytes, datetime]:
        reasons = (f"reason!={reason}" for reason in left_out)
        selector = ",".join((about, _NOT_OURS, *reasons))
        query = urlencode({"fieldSelector": selector, "limit": str(limit)})
        return self._call(
            "GET", f"/api/v1/namespaces/{_part(namespace)}/events?{query}", bounds=bounds
        )

    def get_version(self, namespace: str, resource: str, name: str, seconds: float) -> bytes:
        """Read a version of a workload's template.

        Args:
            namespace: its namespace.
            resource: ``replicasets`` or ``controllerrevisions``.
            name: its name.
            seconds: how long the call may take as a whole.

        Returns:
            An apps/v1 object as JSON.

        Raises:
            AnswerTooLongError: it has more than `MAX_VERSIONS_LIST` bytes.
            NotFoundError: there is none.
        """
        path = f"/apis/apps/v1/namespaces/{_part(namespace)}/{resource}/{_part(name)}"
        return self._call("GET", path, bounds=Bounds(seconds, MAX_VERSIONS_LIST))[0]

    def list_versions(self, namespace: str, resource: str, selector: str, seconds: float) -> bytes:
        """Read the versions of templates that a label selector selects, at most `MAX_VERSIONS`.

        Args and raises as `get_version`.

        Returns:
            An apps/v1 list as JSON.
        """
        query = urlencode({"labelSelector": selector, "limit": str(MAX_VERSIONS)})
        path = f"/apis/apps/v1/namespaces/{_part(namespace)}/{resource}?{query}"
        return self._call("GET", path, bounds=Bounds(seconds, MAX_VERSIONS_LIST))[0]

    def read_log(
        self,
        namespace: str,
        pod: str,
        options: "PodLogOptions",
        seconds: float = EVIDENCE_SECONDS,
    ) -> str:
        """Read the last lines of a container's log. It is never followed.

        Args:
            namespace: the Pod's namespace.
            pod: the Pod's name.
            options: what to read of which log.
            seconds: how long the call may take as a whole.

        Returns:
            The lines. What is no UTF-8 is replaced by U+FFFD; nothing else is changed.

        Raises:
            AnswerTooLongError: the server sent more than it was asked for.
            BadRequestError, NotFoundError: there is no such log.
            ApiError: it could not be read.
        """
        query = {
            "container": options.container,
            "previous": "true" if options.previous else "false",
            "tailLines": str(options.tail_lines),
            "limitBytes": str(options.limit_bytes),
            "timestamps": "false",
            "follow": "false",
        }
        content, _ = self._call(
            "GET",
            f"/api/v1/namespaces/{_part(namespace)}/pods/{_part(pod)}/log"
            f"?{urlencode(query, errors='replace')}",
            bounds=Bounds(seconds, options.limit_bytes),
        )
        return content.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class PodLogOptions:
    """What to read of which log, as the API server's ``PodLogOptions``.

    Attributes:
        container: the container's name.
        previous: whether that of the container before the last restart.
        tail_lines: how many of its last lines.
        limit_bytes: the most bytes that are read. The server begins with the first of these lines:
            where it stops for this limit, the end of the log is what is missing.
    """

    container: str
    previous: bool
    tail_lines: int
    limit_bytes: int


def _part(text: str) -> str:
    """Quote a name as a part of a path.

    Raises:
        BadRequestError: no object can have this name. ``..`` would lead to another path.
    """
    if not is_object_name(text):
        raise api_error(HTTPStatus.BAD_REQUEST)
    return quote(text, safe="")


def _selected(value: str) -> str:
    """Write a value in a field selector. Source: ``EscapeValue`` in apimachinery's ``fields``."""
    return re.sub(r"([\\\\,=])", r"\\\1", value)


def _delete_options(uid: str, version: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "DeleteOptions",
        "preconditions": {"uid": uid, "resourceVersion": version},
    }


def _check_done(content: bytes, at: datetime) -> None:
    """Check in the body that the call had its effect.

    An eviction is refused with 201 and a Status that says Failure where several budgets select the
    Pod. Source: ``pkg/registry/core/pod/storage/eviction.go``, ``createHandler`` in
    ``staging/src/k8s.io/apiserver/pkg/endpoints/handlers/create.go``; client-go looks at it too.

    Raises:
        NoAnswerError: it is not known.
        ApiError: nothing was done.
    """
    document = read_object(content)
    if document.get("kind") == "Pod" or document.get("status") == "Success":
        return
    code = document.get("code")
    if document.get("status") != "Failure" or not isinstance(code, int):
        raise NoAnswerError
    raise api_error(code, document, at=at)
