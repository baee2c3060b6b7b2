"""A small client for the Kubernetes API: plain JSON objects in and out, errors by status code.

The tests and the benchmarks need the raw API under a user agent of their choice; nothing else of
the project needs a Kubernetes client.
"""

from __future__ import annotations

import json
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import requests

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

Json = dict[str, Any]
"""An object of the API as JSON has it."""

_CONNECT_TIMEOUT, _READ_TIMEOUT = 2.0, 30.0
_JSON = "application/json"
_MERGE_PATCH = "application/merge-patch+json"  # RFC 7396
_STRATEGIC_PATCH = "application/strategic-merge-patch+json"  # lists by their merge keys


@dataclass(frozen=True, slots=True)
class Resource:
    """A kind of object as the API's paths name it.

    Attributes:
        version: apiVersion, such as ``v1`` or ``apps/v1``.
        plural: Such as ``pods``.
    """

    version: str
    plural: str

    def path(
        self, namespace: str | None = None, name: str | None = None, subresource: str | None = None
    ) -> str:
        """The API's path of all objects, of one, or of a subresource of it.

        Args:
            namespace: None for what belongs to the cluster, or for all namespaces.
            name: None for all.
            subresource: Such as ``status``.

        Returns:
            The path, quoted.
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
DIAGNOSISTARGETS = Resource("diagnostics.local.io/v1", "diagnosistargets")


class ApiError(RuntimeError):
    """The API server refused a request.

    Attributes:
        code: HTTP status code.
        reason: The Status object's reason, such as ``AlreadyExists``.
    """

    def __init__(self, code: int, reason: str, message: str) -> None:
        super().__init__(f"{code} {reason}: {message}")
        self.code = code
        self.reason = reason


class Client:
    """One user's access to the API server. Safe to share between threads.

    Every call raises :class:`ApiError` where the server refuses, and
    ``requests.RequestException`` where it cannot be reached.

    Args:
        server: ``https://host:port``.
        token: Bearer token.
        certificate: What the server's certificate must be signed by.
        agent: User-Agent; the API server takes the part before the slash as field manager.
    """

    def __init__(self, server: str, token: str, certificate: Path, agent: str) -> None:
        self._server = server
        self._token = token
        self._certificate = certificate
        self._agent = agent
        self._local = threading.local()

    def ready(self) -> bool:
        """Whether the API server says that it is ready.

        Returns:
            True once it does.

        Raises:
            requests.RequestException: It cannot be reached.
        """
        if not self._certificate.is_file():
            return False  # until it has made its certificate there is nothing to verify it with
        url = f"{self._server}/readyz"
        return self._session().get(url, timeout=_CONNECT_TIMEOUT).ok

    def get(self, resource: Resource, name: str, namespace: str | None = None) -> Json:
        """Reads an object.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: None for what belongs to the cluster.

        Returns:
            The object.

        Raises:
            ApiError: It is not there, or the server refuses.
            requests.RequestException: The server cannot be reached.
        """
        return self._call("GET", resource.path(namespace, name))

    def find(self, resource: Resource, name: str, namespace: str | None = None) -> Json | None:
        """Reads an object that may be absent.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: None for what belongs to the cluster.

        Returns:
            The object, or None if it is not there.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        try:
            return self.get(resource, name, namespace)
        except ApiError as refused:
            if refused.code != requests.codes.not_found:
                raise
            return None

    def list(
        self, resource: Resource, namespace: str | None = None, selector: str | None = None
    ) -> list[Json]:
        """Reads all objects of a kind.

        Args:
            resource: The kind.
            namespace: None for all namespaces.
            selector: A label selector, such as ``app=web``.

        Returns:
            The objects.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        query = {"labelSelector": selector} if selector else {}
        items: list[Json] = self._call("GET", resource.path(namespace), query)["items"]
        return items

    def create(self, resource: Resource, body: Json, namespace: str | None = None) -> Json:
        """Creates an object.

        Args:
            resource: Its kind.
            body: The object; apiVersion and kind may be left out.
            namespace: None for what belongs to the cluster.

        Returns:
            The object as stored.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        return self._call("POST", resource.path(namespace), body=body)

    def post(
        self, resource: Resource, name: str, subresource: str, body: Json, namespace: str
    ) -> Json:
        """Posts to a subresource, such as a Pod's ``binding``.

        Args:
            resource: The object's kind.
            name: Its name.
            subresource: Such as ``binding``.
            body: What is posted.
            namespace: The object's namespace.

        Returns:
            The answer.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        return self._call("POST", resource.path(namespace, name, subresource), body=body)

    def replace(self, resource: Resource, body: Json) -> Json:
        """Writes an object whole; the server refuses it if its resourceVersion is not the latest.

        Args:
            resource: Its kind.
            body: The object as it should be, metadata included.

        Returns:
            The object as stored.

        Raises:
            ApiError: The server refuses; 409 on a stale object.
            requests.RequestException: The server cannot be reached.
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
        """Changes a part of an object by a merge patch: null removes, lists are replaced.

        Args:
            resource: Its kind.
            name: Its name.
            body: What changes.
            namespace: None for what belongs to the cluster.
            subresource: Such as ``status``; None means the object itself.

        Returns:
            The object as stored.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        path = resource.path(namespace, name, subresource)
        return self._call("PATCH", path, body=body, content_type=_MERGE_PATCH)

    def patch_status(
        self, resource: Resource, name: str, body: Json, namespace: str | None = None
    ) -> Json:
        """Changes the status of a built-in kind by a strategic merge patch, as a kubelet does.

        Args:
            resource: Its kind.
            name: Its name.
            body: What changes: status, and metadata.uid as a precondition where wanted.
            namespace: None for what belongs to the cluster.

        Returns:
            The object as stored.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        path = resource.path(namespace, name, "status")
        return self._call("PATCH", path, body=body, content_type=_STRATEGIC_PATCH)

    def delete(
        self,
        resource: Resource,
        name: str,
        namespace: str | None = None,
        options: Json | None = None,
    ) -> None:
        """Deletes an object; an absent one is fine.

        Args:
            resource: Its kind.
            name: Its name.
            namespace: None for what belongs to the cluster.
            options: DeleteOptions, such as ``{"gracePeriodSeconds": 0}``.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        try:
            self._call("DELETE", resource.path(namespace, name), body=options)
        except ApiError as refused:
            if refused.code != requests.codes.not_found:
                raise

    def delete_all(self, resource: Resource, namespace: str, options: Json | None = None) -> None:
        """Deletes all objects of a kind in a namespace.

        Args:
            resource: The kind.
            namespace: Which namespace.
            options: DeleteOptions.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The server cannot be reached.
        """
        self._call("DELETE", resource.path(namespace), body=options)

    def watch(self, resource: Resource, seconds: int = 300) -> Iterator[tuple[str, Json]]:
        """Follows all objects of a kind in all namespaces; existing ones come first, as added.

        Args:
            resource: The kind.
            seconds: When the server ends the watch.

        Yields:
            The type of event (``ADDED``, ``MODIFIED``, ``DELETED``) and the object.

        Raises:
            ApiError: The server refuses.
            requests.RequestException: The connection broke.
        """
        with self._session().get(
            self._server + resource.path(),
            params={"watch": "true", "timeoutSeconds": str(seconds)},
            stream=True,
            timeout=(_CONNECT_TIMEOUT, seconds + 10),
        ) as response:
            _raise(response)
            for line in response.iter_lines(chunk_size=None):
                event = json.loads(line)
                if event["type"] == "ERROR":
                    status = event["object"]
                    raise ApiError(status.get("code", 0), status.get("reason", ""), str(status))
                yield event["type"], event["object"]

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        body: Json | None = None,
        content_type: str = _JSON,
    ) -> Json:
        response = self._session().request(
            method,
            self._server + path,
            params=query,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": content_type},
            timeout=(_CONNECT_TIMEOUT, _READ_TIMEOUT),
        )
        _raise(response)
        answer: Json = response.json()
        return answer

    def _session(self) -> requests.Session:
        """This thread's session: requests does not promise that one may be shared."""
        session: requests.Session | None = getattr(self._local, "session", None)
        if session is None:
            session = requests.Session()
            session.trust_env = False  # neither a proxy nor other certificates
            session.verify = str(self._certificate)
            session.headers["User-Agent"] = self._agent
            session.headers["Authorization"] = f"Bearer {self._token}"
            self._local.session = session
        return session


def _raise(response: requests.Response) -> None:
    """Turns a refusal into an ApiError."""
    if response.ok:
        return
    try:
        status = response.json()
    except ValueError:
        status = {}
    raise ApiError(
        response.status_code, status.get("reason", ""), status.get("message", response.text[:500])
    )
