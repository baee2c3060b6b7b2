"""Plain requests to programs on this machine; proxies of the environment are not used.

Each request has a connection of its own: a server that shuts down waits for open ones.
"""

from http import HTTPStatus

import urllib3
from urllib3.exceptions import HTTPError

_HEADERS = {"Connection": "close"}


class NoAnswerError(ConnectionError):
    """The server cannot be reached, or the connection broke before its answer was complete."""

    def __init__(self, method: str, url: str, problem: Exception) -> None:
        super().__init__(f"{method} {url}: {problem}")


def status_of(url: str, seconds: float = 5.0) -> int:
    """Return the status code with which a page answers.

    Raises:
        NoAnswerError: there is no answer.
    """
    return _request("GET", url, seconds).status


def is_ok(url: str, seconds: float = 5.0) -> bool:
    """Say whether a page answers with success.

    Raises:
        NoAnswerError: there is no answer.
    """
    return status_of(url, seconds) < HTTPStatus.MULTIPLE_CHOICES


def get(url: str, seconds: float = 5.0) -> str:
    """Return the body of a page.

    Raises:
        NoAnswerError: there is no answer.
        RuntimeError: the answer is no success.
    """
    response = _request("GET", url, seconds)
    text = response.data.decode()
    if response.status >= HTTPStatus.MULTIPLE_CHOICES:
        msg = f"{url}: {response.status} {text[:200]}"
        raise RuntimeError(msg)
    return text


def post_json(
    url: str, body: bytes, token: str | None = None, seconds: float = 10.0
) -> tuple[int, bytes]:
    """Post JSON, with a bearer token if there is one; return the answer's status code and body.

    Raises:
        NoAnswerError: there is no answer.
    """
    headers = {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    response = _request("POST", url, seconds, body, headers)
    return response.status, response.data


def _request(
    method: str,
    url: str,
    seconds: float,
    body: bytes | None = None,
    headers: dict[str, str] | None = None,
) -> urllib3.BaseHTTPResponse:
    try:
        with urllib3.PoolManager(retries=False) as pool:
            return pool.request(
                method,
                url,
                body=body,
                headers={**_HEADERS, **(headers or {})},
                redirect=False,
                timeout=seconds,
            )
    except (HTTPError, OSError) as problem:
        raise NoAnswerError(method, url, problem) from problem
