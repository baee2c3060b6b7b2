"""The REST API of the API server: requests in, responses out, without a socket.

As far as curl, kubectl and a hook use it: discovery, get, list (labelSelector, fieldSelector,
limit), create, replace, merge patch, delete, the status, eviction and log subresources, Events by
both their groups, Tables. Bearer tokens are ignored, and nothing is forbidden. A list that its
limit cuts off cannot be continued. Watching is implemented in `serving`. No OpenAPI: kubectl apply
needs --validate=false; no server-side apply and no strategic merge of lists.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from email.utils import format_datetime
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from dev.simulator import event_api
from dev.simulator.columns import find, table_of
from dev.simulator.discovery import discover
from dev.simulator.disruptions import SeveralBudgetsError
from dev.simulator.errors import ApiError
from dev.simulator.gojson import dumps
from dev.simulator.objects import Object, version_of
from dev.simulator.pod_logs import Logs, no_log, read_log
from dev.simulator.resources import EVENT, EVENT_V1, NAMESPACE, POD, Key, Resource
from dev.simulator.scheduling import Clock
from dev.simulator.selectors import Selector, parse
from dev.simulator.store import Store
from dev.simulator.writes import DeleteOptions

_PATCHES = {"application/merge-patch+json", "application/strategic-merge-patch+json"}


@dataclass(frozen=True)
class Request:
    """An HTTP request.

    Attributes:
        method: GET, POST, PUT, PATCH or DELETE.
        path: decoded.
        query: the last value of each parameter.
        headers: their names in lower case.
        body: as it came.
    """

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""

    @classmethod
    def make(
        cls, method: str, target: str, headers: Mapping[str, str], body: bytes = b""
    ) -> "Request":
        """Make a request of a request line's target and headers."""
        parts = urlsplit(target)
        query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
        lower = {name.lower(): value for name, value in headers.items()}
        return cls(method, unquote(parts.path), query, lower, body)

    @property
    def manager(self) -> str:
        """The caller: the fieldManager, or the program in User-Agent."""
        agent = self.headers.get("user-agent", "unknown").split("/")[0]
        return self.query.get("fieldManager") or agent

    def json(self) -> Object:
        """Return the body, an empty one as {}.

        Raises:
            ApiError: 400, it is no JSON object.
        """
        try:
            value = json.loads(self.body or b"{}")
        except (ValueError, RecursionError):
            value = None
        if not isinstance(value, dict):
            message = "the body is not a JSON object"
            raise ApiError.bad_request(message)
        return value


@dataclass(frozen=True)
class Response:
    """An HTTP response with a JSON body, or with a text.

    Attributes:
        status: HTTP status code.
        body: JSON.
        headers: beside Content-Type and Content-Length.
        text: what stands instead of the body, or None.
    """

    status: int
    body: Object
    headers: Mapping[str, str] = field(default_factory=dict)
    text: bytes | None = None

    @property
    def content(self) -> bytes:
        """The body as it is sent."""
        return encode(self.body) if self.text is None else self.text

    @property
    def content_type(self) -> str:
        """Of the body."""
        return "application/json" if self.text is None else "text/plain"


@dataclass(frozen=True)
class Target:
    """What a path is about.

    Attributes:
        resource: the kind.
        namespace: "" for all, or for kinds without one.
        name: "" for the collection.
        subresource: "" for the object itself.
        served: the kind as the path names it: Events have two groups.
    """

    resource: Resource
    namespace: str
    name: str
    subresource: str
    served: Resource

    def shown(self, obj: Object) -> Object:
        """Return an object as the path's group and version have it."""
        return event_api.from_core(obj) if self.served is EVENT_V1 else obj

    @property
    def key(self) -> Key:
        """Namespace and name."""
        return (self.namespace, self.name)


class RestApi:
    """Answers requests from a store; each call is one step of the single-threaded core."""

    def __init__(self, store: Store, clock: Clock, logs: Logs = no_log) -> None:
        self._store = store
        self._clock = clock
        self._logs = logs

    def answer(self, request: Request) -> Response:
        """Answer a request; a refusal is a Status object. Every answer has a Date."""
        headers = {"Date": self.date()}
        try:
            return replace(self._answer(request), headers=headers)
        except ApiError as error:
            status = error.status()
            if error.retry_after:
                headers["Retry-After"] = str(error.retry_after)
                status["details"] = {**error.details, "retryAfterSeconds": error.retry_after}
            return Response(error.code, status, headers)

    def date(self) -> str:
        """Return the API server's time, as in the header Date."""
        return format_datetime(self._now(), usegmt=True)

    def target(self, path: str) -> Target | None:
        """Find out what a path is about; None where it is not about objects."""
        parts = [part for part in path.split("/") if part]
        if len(parts) > 2 and parts[0] == "api":  # /api/v1/KIND
            api_version, rest = parts[1], parts[2:]
        elif len(parts) > 3 and parts[0] == "apis":  # /apis/GROUP/VERSION/KIND
            api_version, rest = f"{parts[1]}/{parts[2]}", parts[3:]
        else:
            return None
        namespace = ""
        if rest[0] == NAMESPACE.plural and len(rest) > 2 and rest[2] != "status":
            namespace, rest = rest[1], rest[2:]
        served = resource = self._store.find(api_version, rest[0])
        if (api_version, rest[0]) == (EVENT_V1.api_version, EVENT_V1.plural):
            served, resource = EVENT_V1, EVENT
        if served is None or resource is None or len(rest) > 3:
            return None
        rest += ["", ""]
        return Target(resource, namespace, rest[1], rest[2], served)

    def selectors(self, request: Request) -> tuple[Selector, Callable[[Object], bool]]:
        """Read labelSelector and fieldSelector.

        Raises:
            ApiError: 400, one of them is not a selector.
        """
        try:
            labels = parse(request.query.get("labelSelector", ""))
        except ValueError as error:
            raise ApiError.bad_request(str(error)) from error
        return labels, _field_selector(request.query.get("fieldSelector", ""))

    def _answer(self, request: Request) -> Response:
        target = self.target(request.path)
        if target is None:
            return Response(200, discover(request.path, [*self._store.resources, EVENT_V1]))
        if not target.name:
            return self._collection(request, target)
        return self._object(request, target)

    def _collection(self, request: Request, target: Target) -> Response:
        resource = target.resource
        if request.method == "GET":
            labels, fields = self.selectors(request)
            found = self._store.select(resource, target.namespace, labels)
            if "continue" in request.query:
                message = "the simulator does not continue lists"
                raise ApiError.bad_request(message)
            return Response(200, self._listed(request, target, [*filter(fields, found)]))
        if request.method == "POST":
            obj = request.json()
            if resource.namespaced and isinstance(obj.get("metadata"), dict):
                namespace = obj["metadata"].setdefault("namespace", target.namespace)
                if namespace != target.namespace:
                    message = (
                        "the namespace of the provided object does not match the namespace sent "
                        "on the request"
                    )
                    raise ApiError.bad_request(message)
            if target.served is EVENT_V1:
                obj = event_api.to_core(obj)
            made = self._store.create(resource, obj, manager=request.manager)
            return Response(201, target.shown(made))
        message = f"the server does not allow {request.method} on a collection"
        raise ApiError.method_not_allowed(message)

    def _object(self, request: Request, target: Target) -> Response:
        resource, key, store = target.resource, target.key, self._store
        subresource = target.subresource
        if request.method == "GET":
            return self._read(request, target)
        if request.method == "POST" and resource is POD and subresource == "eviction":
            return self._evict(request, target)
        if target.served is EVENT_V1 and request.method in {"PUT", "PATCH"}:
            message = "the simulator changes Events through core/v1 only"
            raise ApiError.method_not_allowed(message)
        if request.method == "PUT":
            obj = self._named(request.json(), target)
            return Response(
                200,
                store.update(resource, obj, subresource=subresource, manager=request.manager),
            )
        if request.method == "PATCH":
            content_type = request.headers.get("content-type", "").split(";")[0]
            if content_type not in _PATCHES:
                message = f"the simulator reads these patches only: {', '.join(sorted(_PATCHES))}"
                raise ApiError.unsupported_media_type(message)
            patch = request.json()
            return Response(
                200,
                store.patch(resource, key, patch, subresource=subresource, manager=request.manager),
            )
        if request.method == "DELETE" and not subresource:
            return Response(200, self._delete(request, target))
        message = f"the server does not allow {request.method} on this"
        raise ApiError.method_not_allowed(message)

    def _read(self, request: Request, target: Target) -> Response:
        if target.resource is POD and target.subresource == "log":
            pod = self._store.get(POD, target.key)
            return Response(200, {}, text=read_log(pod, request.query, self._logs))
        if target.subresource == "eviction":
            message = "the server does not allow GET on this"
            raise ApiError.method_not_allowed(message)
        if target.subresource not in {"", "status"}:
            raise ApiError.no_such_path()
        obj = self._store.get(target.resource, target.key)
        if _wants_table(request):
            version = int(version_of(obj))
            return Response(200, table_of(target.resource, [obj], self._now(), version))
        return Response(200, target.shown(obj))

    def _evict(self, request: Request, target: Target) -> Response:
        """Evict a Pod.

        A Status of Failure with 201 is what the API server answers where several budgets select it.
        """
        body = request.json()
        stated = (body.get("apiVersion", "policy/v1"), body.get("kind", "Eviction"))
        if stated != ("policy/v1", "Eviction"):
            message = f"no kind {stated[1]} of {stated[0]} is known here"
            raise ApiError.bad_request(message)
        if (body.get("metadata") or {}).get("name") != target.name:
            message = "name in URL does not match name in Eviction object"
            raise ApiError.bad_request(message)
        options = DeleteOptions.read(body.get("deleteOptions") or {})
        status: Object = {"kind": "Status", "apiVersion": "v1", "metadata": {}}
        try:
            self._store.evict(target.key, options, manager=request.manager)
        except SeveralBudgetsError as error:
            failure = {"status": "Failure", "message": error.message, "code": error.code}
            return Response(201, {**status, **failure})
        return Response(201, {**status, "status": "Success", "code": 201})

    def _delete(self, request: Request, target: Target) -> Object:
        body = request.json()
        if "gracePeriodSeconds" in request.query:
            body.setdefault("gracePeriodSeconds", int(request.query["gracePeriodSeconds"]))
        last = self._store.delete(
            target.resource, target.key, DeleteOptions.read(body), manager=request.manager
        )
        if self._store.peek(target.resource, target.key) is not None:
            return last
        details = {"name": target.name, "kind": target.resource.plural}
        return {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": {},
            "status": "Success",
            "details": {**details, "uid": last["metadata"]["uid"]},
        }

    def _named(self, obj: Object, target: Target) -> Object:
        metadata = obj.get("metadata")
        if isinstance(metadata, dict):
            if metadata.setdefault("name", target.name) != target.name:
                message = (
                    f"the name of the object ({metadata['name']}) does not match the name on the "
                    f"URL ({target.name})"
                )
                raise ApiError.bad_request(message)
            if target.namespace:
                metadata.setdefault("namespace", target.namespace)
        return obj

    def _listed(self, request: Request, target: Target, objects: list[Object]) -> Object:
        resource, served = target.resource, target.served
        version = self._store.version
        if _wants_table(request):
            return table_of(resource, objects, self._now(), version)
        metadata = {"resourceVersion": str(version)}
        limit = int(request.query.get("limit") or 0)
        if 0 < limit < len(objects):
            metadata["continue"], objects = "more", objects[:limit]
        return {
            "kind": f"{served.kind}List",
            "apiVersion": served.api_version,
            "metadata": metadata,
            "items": [target.shown(obj) for obj in objects],
        }

    def _now(self) -> datetime:
        return self._clock.now()


def encode(body: Any) -> bytes:
    """Encode a response's body."""
    return (dumps(body) + "\n").encode()


def _wants_table(request: Request) -> bool:
    return "as=Table" in request.headers.get("accept", "")


def _field_selector(text: str) -> Callable[[Object], bool]:
    conditions: list[tuple[str, str, bool]] = []
    for part in filter(None, text.split(",")):
        negative = "!=" in part
        path, _, value = part.partition("!=" if negative else "=")
        conditions.append((f".{path.strip()}", value.lstrip("=").strip(), not negative))

    def matches(obj: Object) -> bool:
        return all(
            (str(find(obj, path) or "") == value) is same for path, value, same in conditions
        )

    return matches
