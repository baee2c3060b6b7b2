"""The hook's client of the API server, connected to the simulator's REST API without a socket."""

from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit

import requests

from dev.simulator.errors import ApiError
from dev.simulator.http_api import Request, Response, RestApi
from pod_diagnoser.cluster.client import ApiClient
from tests.support.fake_api import ApiAdapter

Fault = Callable[[Request], Exception | None]


class SimulatedApiAdapter(ApiAdapter):
    """Passes requests on to a REST API of the simulator.

    Attributes:
        requests: all requests so far, oldest first.
        before: may fail a request instead of its being executed; an ApiError is a refusal.
        after: may lose the answer of a request that was executed.
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
        received = Request.make(
            request.method or "",
            f"{parts.path}?{parts.query}",
            dict(request.headers),
            body.encode() if isinstance(body, str) else body,
        )
        self.requests.append(received)
        if isinstance(fault := self.before(received), ApiError):
            refusal = {"Retry-After": str(fault.retry_after)} if fault.retry_after else {}
            headers = {"Date": self._api.date(), **refusal}
            refused = Response(fault.code, fault.status(), headers)
            return self.respond(request, refused.status, refused.content, refused.headers)
        if fault is not None:
            raise fault
        answer = self._api.answer(received)
        if (fault := self.after(received)) is not None:
            raise fault
        return self.respond(request, answer.status, answer.content, answer.headers)

    def received(self, method: str, part: str) -> list[Request]:
        """Return the requests of a method whose path contains a text."""
        return [one for one in self.requests if one.method == method and part in one.path]


def connect(api: RestApi) -> tuple[ApiClient, SimulatedApiAdapter]:
    """Connect the hook's client to a REST API of the simulator."""
    adapter = SimulatedApiAdapter(api)
    return adapter.client(), adapter
