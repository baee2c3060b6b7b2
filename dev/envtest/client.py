"""A small client for the Kubernetes API: plain JSON objects in and out, errors by status code.

On urllib3, which takes neither proxies nor certificates from the environment. kr8s and lightkube
turn objects into classes of their own and send no prepared bytes, which the benchmarks need: their
load generator shares the machine with what is measured.
"""

import json
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import urllib3
from urllib3.exceptions import HTTPError

from dev.local_http import NoAnswerError

Json = dict[str, Any]
"""An object of the API as JSON has it."""

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"  # RFC 7396
STRATEGIC_PATCH = "application/strategic-merge-patch+json"  # lists by their merge keys
_CONNECT_SECONDS, _READ_SECONDS = 2.0, 30.0
_STORAGE_TRIES, _STORAGE_PAUSE = 100, 0.1
_NOT_READY = b"storage is (re)initializing"
"""Source: ``pkg/storage/cacher/ready.go`` in kubernetes/apiserver, tag v0.36.3."""
_CONNECTIONS = 64
"""Connections that are kept for the next call; one for each thread that calls at once."""
_PIECE = 1 << 20
_GET = "GET"


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object as the API's paths name it.

    Attributes:
        version: apiVersion, such as ``v1`` or ``apps/v1``.
        plural: such as ``pods``.
    """

    version: str
    plural: str

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """Return the API's path of all objects, of one, or of a subresource of it, quoted.

        Args:
            namespace: None for what belongs to the cluster, or for all namespaces.
            name: None for all.
            subresource: such as ``status``.
        """
        parts = ["apis" if "/" in self.version else "api", *self.version.split("/")]
        if namespace is not None:
            parts += ["namespaces", namespace]
        parts += [part for part in (self.plural, name, subresource) if part is not None]
        return "/" + "/".join(quote(part, safe="") for part in parts)


NAMESPACES = Resource("v1", "namespaces")
NODES = Resource("v1", "nodes")
PODS = Resource("v1", "pods")
EVENTS = Resource("v1", "events")
SECRETS = Resource("v1", "secrets")
SERVICE_ACCOUNTS = Resource("v1", "serviceaccounts")
REPLICA_SETS = Resource("apps/v1", "replicasets")
STATEFUL_SETS = Resource("apps/v1", "statefulsets")
DISRUPTION_BUDGETS = Resource("policy/v1", "poddisruptionbudgets")
CLUSTER_ROLES = Resource("rbac.authorization.k8s.io/v1", "clusterroles")
CLUSTER_ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "clusterrolebindings")
ROLES = Resource("rbac.authorization.k8s.io/v1", "roles")
ROLE_BINDINGS = Resource("rbac.authorization.k8s.io/v1", "rolebindings")
ACCESS_REVIEWS = Resource("authorization.k8s.io/v1", "subjectaccessreviews")
LEASES = Resource("coordination.k8s.io/v1", "leases")
CUSTOM_RESOURCES = Resource("apiextensions.k8s.io/v1", "customresourcedefinitions")
DECORATOR_CONTROLLERS = Resource("metacontroller.k8s.io/v1alpha1", "decoratorcontrollers")
PODDIAGNOSERS = Resource("diagnostics.local.io/v1", "poddiagnosers")
CLUSTERPODDIAGNOSERS = Resource("diagnostics.local.io/v1", "clusterpoddiagnosers")
DIAGNOSISTARGETS = Resource("diagnostics.local.io/v1", "diagnosistargets")


class ApiError(RuntimeError):
    """The API server refused a request.

    Attributes:
        code: HTTP status code.
        reason: the Status object's reason, such as ``AlreadyExists``.
    """

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason


class WatchStream:
    """The lines of one watch, as they come; ends when the server ends the watch."""

    def __init__(self, path: str, response: urllib3.BaseHTTPResponse) -> None:
        self._path = path
        self._response = response
        self._closed = threading.Event()

    def __iter__(self) -> Iterator[bytes]:
        """Yield line by line.

        Raises:
            NoAnswerError: the connection broke.
        """
        rest = b""
        try:
            for piece in self._response.stream(_PIECE):
                *lines, rest = (rest + piece).split(b"\n")
                yield from lines
        except (HTTPError, OSError, ValueError) as problem:  # ValueError: closed while reading
            if not self._closed.is_set():
                raise NoAnswerError(_GET, self._path, problem) from problem
        finally:
            self._response.close()

    def close(self) -> None:
        """End the watch, from any thread; the iteration ends, too."""
        self._closed.set()
        try:
            self._response.shutdown()
        except (OSError, ValueError):
            return  # it has ended already


class Client:
    """One user's access to the API server. Safe to share between threads.

    Every call raises `ApiError` where the server refuses, and `NoAnswerError` where there is no
    answer. Nothing is tried a second time.

    Args:
        server: ``https://host:port``, or ``http://host:port``.
        token: bearer token.
        certificate: what the server's certificate must be signed by.
        agent: User-Agent; the API server takes the part before the slash as field manager.
    """

    def __init__(self, server: str, token: str, certificate: Path, agent: str) -> None:
        self._server = server
        self._certificate = certificate
        self._headers = {
            "Accept": JSON,
            "Authorization": f"Bearer {token}",
            "User-Agent": agent,
        }
        self._pool = urllib3.PoolManager(
            maxsize=_CONNECTIONS, retries=False, ca_certs=str(certificate)
        )

    def ready(self) -> bool:
        """Say whether the API server says that it is ready.

        Raises:
            NoAnswerError: it cannot be reached.
        """
        if not self._certificate.is_file():
            return False  # until it has made its certificate there is nothing to verify it with
        return self._request(_GET, "/readyz").status == HTTPStatus.OK

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Json:
        """Read an object; namespace None is for what belongs to the cluster, here and below."""
        return self._call(_GET, resource.path(namespace, name))

    def find(self, resource: Resource, name: str, namespace: str | None = None) -> Json | None:
        """Read an object, or return None if it is not there."""
        try:
            return self.get(resource, name, namespace)
        except ApiError as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise
            return None

    def list(
        self, resource: Resource, namespace: str | None = None, selector: str | None = None
    ) -> list[Json]:
        """Read all objects of a kind.

        Args:
            resource: the kind.
            namespace: None for all namespaces.
            selector: a label selector, such as ``app=web``.
        """
        query = {"labelSelector": selector} if selector else {}
        items: list[Json] = self._call(_GET, resource.path(namespace), query)["items"]
        return items

    def create(self, resource: Resource, body: Json, namespace: str | None = None) -> Json:
        """Create an object, whose apiVersion and kind may be left out; return it as stored."""
        return self._call("POST", resource.path(namespace), body=body)

    def post(
        self, resource: Resource, name: str, subresource: str, body: Json, namespace: str
    ) -> Json:
        """Post to a subresource, such as a Pod's ``binding``; return the answer."""
        return self._call("POST", resource.path(namespace, name, subresource), body=body)

    def replace(self, resource: Resource, body: Json) -> Json:
        """Write a whole object, metadata included; return it as stored.

        Raises:
            ApiError: with code 409 where its resourceVersion is not the latest.
        """
        metadata = body["metadata"]
        return self._call(
            "PUT", resource.path(metadata.get("namespace"), metadata["name"]), body=body
        )

    def patch(
        self,
        resource: Resource,
        name: str,
        body: Json,
        namespace: str | None = None,
        subresource: str | None = None,
    ) -> Json:
        """Change an object by a merge patch: null removes, lists are replaced. Return it as stored.

        Args:
            resource: its kind.
            name: its name.
            body: what changes.
            namespace: None for what belongs to the cluster.
            subresource: such as ``status``; None means the object itself.
        """
        path = resource.path(namespace, name, subresource)
        return self._call("PATCH", path, body=body, content_type=MERGE_PATCH)

    def patch_status(
        self, resource: Resource, name: str, body: Json, namespace: str | None = None
    ) -> Json:
        """Change a built-in kind's status by a strategic merge patch, as a kubelet does.

        Args:
            resource: its kind.
            name: its name.
            body: what changes: status, and metadata.uid as a precondition if needed.
            namespace: None for what belongs to the cluster.
        """
        path = resource.path(namespace, name, "status")
        return self._call("PATCH", path, body=body, content_type=STRATEGIC_PATCH)

    def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        options: Json | None = None,
    ) -> None:
        """Delete an object; an absent one is fine.

        Args:
            resource: its kind.
            name: its name.
            namespace: None for what belongs to the cluster.
            options: DeleteOptions, such as ``{"gracePeriodSeconds": 0}``.
        """
        try:
            self._call("DELETE", resource.path(namespace, name), body=options)
        except ApiError as refused:
            if refused.code != HTTPStatus.NOT_FOUND:
                raise

    def delete_all(self, resource: Resource, namespace: str, options: Json | None = None) -> None:
        """Delete all objects of a kind in a namespace, with DeleteOptions."""
        self._call("DELETE", resource.path(namespace), body=options)

    def watch(self, resource: Resource, seconds: int = 300) -> Iterator[tuple[str, Json]]:
        """Follow all objects of a kind in all namespaces; existing ones come first, as added.

        Args:
            resource: the kind.
            seconds: when the server ends the watch.

        Yields:
            The type of event (``ADDED``, ``MODIFIED``, ``DELETED``) and the object.

        Raises:
            ApiError: the server refuses, or ends the watch with an error.
            NoAnswerError: the connection broke.
        """
        for line in self.open_watch(resource.path(), seconds):
            event = json.loads(line)
            if event["type"] == "ERROR":
                status = event["object"]
                raise ApiError(status.get("code", 0), status.get("reason", ""), str(status))
            yield event["type"], event["object"]

    def open_watch(self, path: str, seconds: int = 300) -> WatchStream:
        """Begin to watch what is at a path; its lines are not parsed.

        Args:
            path: of the objects that are followed; existing ones come first, as added.
            seconds: when the server ends the watch.
        """
        query = urlencode({"watch": "true", "timeoutSeconds": seconds})
        response = _accepted(lambda: self._request(_GET, f"{path}?{query}", watch_seconds=seconds))
        return WatchStream(path, response)

    def send(
        self, method: str, path: str, body: bytes | None = None, content_type: str = JSON
    ) -> bytes:
        """Make a request with a body that is ready to be sent; return the answer's body."""
        return _accepted(lambda: self._request(method, path, body, content_type)).data

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = JSON,
    ) -> Json:
        if query:
            path = f"{path}?{urlencode(query)}"
        sent = None if body is None else json.dumps(body).encode()
        answer: Json = json.loads(self.send(method, path, sent, content_type))
        return answer

    def _request(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        content_type: str = JSON,
        watch_seconds: int | None = None,
    ) -> urllib3.BaseHTTPResponse:
        read_seconds = _READ_SECONDS if watch_seconds is None else watch_seconds + 10.0
        try:
            return self._pool.request(
                method,
                self._server + path,
                body=body,
                headers={**self._headers, "Content-Type": content_type},
                preload_content=watch_seconds is None,
                redirect=False,
                timeout=urllib3.Timeout(connect=_CONNECT_SECONDS, read=read_seconds),
            )
        except (HTTPError, OSError) as problem:
            raise NoAnswerError(method, path, problem) from problem


def _accepted(request: Callable[[], urllib3.BaseHTTPResponse]) -> urllib3.BaseHTTPResponse:
    """Return the response to a request that is taken.

    Where a kind's storage is not ready yet, as a moment after its CRD was created, the request is
    repeated, as client-go repeats what is answered with 429 and Retry-After.

    Args:
        request: makes the request.
    """
    for _ in range(_STORAGE_TRIES):
        response = request()
        if response.status != HTTPStatus.TOO_MANY_REQUESTS or _NOT_READY not in response.data:
            break
        time.sleep(_STORAGE_PAUSE)
    _raise_for_status(response)
    return response


def _raise_for_status(response: urllib3.BaseHTTPResponse) -> None:
    """Raise an ApiError where the answer is no success."""
    if response.status < HTTPStatus.MULTIPLE_CHOICES:
        return
    content = response.data
    try:
        status = json.loads(content)
    except ValueError:
        status = {}
    raise ApiError(
        response.status,
        status.get("reason", ""),
        status.get("message", content[:500].decode(errors="replace")),
    )
