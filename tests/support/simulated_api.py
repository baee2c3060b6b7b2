"""The hook's client of the API server, connected to the simulator's REST face without a socket."""

import io
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPResponse

from dev.simulator.errors import ApiError
from dev.simulator.http_api import Request, Response, RestApi
from pod_diagnoser.cluster.client import ApiClient
from pod_diagnoser.cluster.credentials import Credentials

Fault = Callable[[Request], Exception | None]


class RestAdapter(HTTPAdapter):
    """Hands requests to a REST face.

    Attributes:
        requests: all that came, oldest first.
        before: may fail a request instead of its being carried out; an ApiError is a refusal.
        after: may lose the answer of a request that was carried out.
    """

    def __init__(self, api: RestApi) -> None:
        super().__init__()
        self.requests: list[Request] = []
        self.before: Fault = lambda _: None
        self.after: Fault = lambda _: None
        self._api = api

    def send(
        self, request: requests.PreparedRequest, *_args: Any, **_kwargs: Any
    ) -> requests.Response:
        """Answer a request, as the base class does."""
        parts = urlsplit(request.url or "")
        body = request.body or b""
        asked = Request.make(
            request.method or "",
            f"{parts.path}?{parts.query}",
            dict(request.headers),
            body.encode() if isinstance(body, str) else body,
        )
        self.requests.append(asked)
        if isinstance(fault := self.before(asked), ApiError):
            refusal = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
            headers = {"Date": self._api.date(), **refusal}
            return self.build_response(request, _raw(Response(fault.code, fault.status(), headers)))
        if fault is not None:
            raise fault
        answer = self._api.answer(asked)
        if (fault := self.after(asked)) is not None:
            raise fault
        return self.build_response(request, _raw(answer))

    def asked(self, method: str, part: str) -> list[Request]:
        """Return the requests of a method whose path holds a text."""
        return [one for one in self.requests if one.method == method and part in one.path]


def connect(api: RestApi) -> tuple[ApiClient, RestAdapter]:
    """Make the hook's client of a REST face."""
    cluster = ApiClient(Credentials("http://api", lambda: "token", None))
    adapter = RestAdapter(api)
    cluster._session.mount("http://", adapter)
    return cluster, adapter


def _raw(answer: Response) -> HTTPResponse:
    return HTTPResponse(
        body=io.BytesIO(answer.content),
        headers=dict(answer.headers),
        status=answer.status,
        preload_content=False,
    )
