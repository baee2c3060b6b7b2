"""How long the hook takes to answer, as the caller sees it: waiting and held answers included."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from dev.envtest.proxy import Proxy

if TYPE_CHECKING:
    from collections.abc import Iterable

    from dev.envtest.proxy import Answer, Forward, Request


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer.

    Attributes:
        path: The endpoint.
        code: HTTP status code; 0 where none came.
        seconds: From when the request was there in full until the answer was.
        at: When the answer came, by `time.perf_counter`.
    """

    path: str
    code: int
    seconds: float
    at: float


def timing(upstream: str, port: int, answers: list[Timed]) -> Proxy:
    """Makes a proxy that times what passes through it.

    Args:
        upstream: URL of the hook.
        port: Where the proxy listens.
        answers: Where the times go.

    Returns:
        The proxy, not started.
    """
    proxy = Proxy(upstream, port)

    def rule(request: Request, onward: Forward) -> Answer | None:
        proxy.requests.clear()  # those of a PodDiagnoser have megabytes each
        begun, code = time.perf_counter(), 0
        try:
            answer = onward()
            code = answer.code
        finally:
            now = time.perf_counter()
            answers.append(Timed(urlsplit(request.path).path, code, now - begun, now))
        return answer

    proxy.rule = rule
    return proxy


def longest(answers: Iterable[Timed], path: str) -> float:
    """The longest time of an endpoint.

    Args:
        answers: The answers.
        path: The endpoint.

    Returns:
        Seconds; 0 where it was not asked.
    """
    return max((one.seconds for one in answers if one.path == path), default=0.0)


def unanswered(answers: Iterable[Timed]) -> int:
    """How many requests were not answered with success.

    Args:
        answers: The answers.

    Returns:
        The count.
    """
    return sum(one.code != 200 for one in answers)
