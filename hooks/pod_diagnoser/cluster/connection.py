"""The connection to the API server: one bounded call at a time, with a token that is renewed.

A call is bounded in time and size and made once. What is not certainly the API server's answer
counts as no answer.
"""

import json
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from http.cookiejar import DefaultCookiePolicy
from typing import Any, Final

import requests
from requests.adapters import HTTPAdapter
from urllib3.exceptions import HTTPError

from pod_diagnoser.cluster.credentials import Credentials
from pod_diagnoser.cluster.errors import AnswerTooLongError, ApiError, NoAnswerError, api_error

CONNECT_SECONDS: Final = 1.0
READ_SECONDS: Final = 3.0
CALL_SECONDS: Final = 4.0
"""How long a call may take as a whole, where `ApiConnection` is given a way to bound that."""

TOKEN_SECONDS: Final = 60.0
"""For how long a token is used before its file is read again: the kubelet renews it."""

MAX_ANSWER: Final = 4 * 1024 * 1024
"""Bytes. An object has at most some 1.5 MiB."""

_MAX_RETRY_AFTER: Final = 300.0
_CHUNK: Final = 64 * 1024
_YEARS: Final = range(2000, 9000)
"""The years in which a Date header is accepted. Adding to a date near the year 9999 overflows."""

_CONNECTIONS: Final = 32


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many seconds a call may take, and how many bytes its answer may have."""

    seconds: float
    size: int


@dataclass(frozen=True, slots=True)
class _Call:
    """A call, and the instant by the monotonic clock at which it has to be over."""

    method: str
    path: str
    body: Mapping[str, Any] | None
    bounds: Bounds
    until: float
    accept: str


class ApiConnection:
    """Makes calls.

    Args:
        credentials: how to reach the API server.
        monotonic: a clock for the age of what is cached, in seconds.
        deadline: makes a context that raises TimeoutError in it after a number of seconds. Without
            it only each wait for bytes is bounded, so that a server that sends them one by one
            could take longer.

    Attributes:
        calls: how many were made.
    """

    def __init__(
        self,
        credentials: Credentials,
        monotonic: Callable[[], float] = time.monotonic,
        deadline: Callable[[float], AbstractContextManager[object]] = nullcontext,
    ) -> None:
        self._server = credentials.server.rstrip("/")
        self._read_token = credentials.token
        self._monotonic = monotonic
        self._deadline = deadline
        self._token = ""
        self._token_read = float("-inf")
        self._session = requests.Session()
        # A proxy or a netrc entry of the environment must not get or replace our token.
        self._session.trust_env = False
        self._session.verify = credentials.ca or True
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        adapter = HTTPAdapter(max_retries=0, pool_connections=1, pool_maxsize=_CONNECTIONS)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)
        self.calls = 0

    def _call(
        self,
        method: str,
        path: str,
        body: Mapping[str, Any] | None = None,
        *,
        bounds: Bounds | None = None,
        accept: str = "application/json",
    ) -> tuple[bytes, datetime]:
        """Make a call: once, or twice where the token was renewed since it was read.

        Raises:
            ApiError: it did not succeed.
        """
        bounds = bounds or Bounds(CALL_SECONDS, MAX_ANSWER)
        until = self._monotonic() + bounds.seconds
        call = _Call(method, path, body, bounds, until, accept)
        try:
            with self._deadline(bounds.seconds):
                response, content = self._send(call, self._current_token())
                if response.status_code == HTTPStatus.UNAUTHORIZED:
                    refused, self._token_read = self._token, float("-inf")
                    if (token := self._current_token()) != refused:
                        response, content = self._send(call, token)
        except (requests.RequestException, HTTPError, OSError, ValueError):
            raise NoAnswerError from None
        if not HTTPStatus.OK <= response.status_code < HTTPStatus.MULTIPLE_CHOICES:
            raise error_of(response, content)
        return content, _date(response)

    def _current_token(self) -> str:
        now = self._monotonic()
        if now - self._token_read >= TOKEN_SECONDS:
            try:
                self._token = self._read_token().strip()
            except (OSError, ValueError):
                self._token = ""
            self._token_read = now
        if not self._token:
            raise api_error(HTTPStatus.UNAUTHORIZED)
        return self._token

    def _send(self, call: _Call, token: str) -> tuple[requests.Response, bytes]:
        self.calls += 1
        seconds = call.bounds.seconds
        with self._session.request(
            call.method,
            self._server + call.path,
            data=None if call.body is None else json.dumps(call.body),
            headers={
                # As kubectl does for a log, too: the log still comes as text.
                "Accept": call.accept,
                "Accept-Encoding": "identity",
                "Authorization": f"Bearer {token}",
                "Content-Type": "application/json",
                "User-Agent": "pod-diagnoser",
            },
            timeout=(min(CONNECT_SECONDS, seconds), min(READ_SECONDS, seconds)),
            allow_redirects=False,
            stream=True,
        ) as response:
            content = bytearray()
            # What has arrived: waiting for a full buffer would not end where bytes come singly.
            while chunk := response.raw.read1(_CHUNK):
                content += chunk
                if len(content) > call.bounds.size:
                    raise AnswerTooLongError
                if self._monotonic() > call.until:
                    raise TimeoutError
            return response, bytes(content)


def read_object(content: bytes) -> dict[str, Any]:
    """Read a JSON object; empty where it is none."""
    try:
        document = json.loads(content)
    except (ValueError, RecursionError):
        return {}
    return document if isinstance(document, dict) else {}


def _date(response: requests.Response) -> datetime:
    """Read when an answer was sent.

    Raises:
        NoAnswerError: it has no Date, or an implausible one, so it is not the API server's.
    """
    try:
        date = parsedate_to_datetime(response.headers["Date"])
        date = date.replace(tzinfo=date.tzinfo or UTC).astimezone(UTC)
    except (LookupError, ValueError, TypeError, OverflowError):
        raise NoAnswerError from None
    if date.year not in _YEARS:
        raise NoAnswerError
    return date


def error_of(response: requests.Response, content: bytes) -> ApiError:
    """Build the error of an answer.

    Raises:
        NoAnswerError: as `_date`.
    """
    retry_after: float | None = None
    text = response.headers.get("Retry-After", "")
    if text.isascii() and text.isdigit():
        retry_after = min(float(text[:9]), _MAX_RETRY_AFTER)
    return api_error(
        response.status_code, read_object(content), retry_after=retry_after, at=_date(response)
    )
