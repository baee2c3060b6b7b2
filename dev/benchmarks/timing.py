"""How long the hook takes to answer, as the caller sees it: waiting and debouncing included."""

import time
from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import urlsplit

from dev.envtest.proxy import Answer, Forward, Proxy, Request


@dataclass(frozen=True, slots=True)
class Timed:
    """An answer.

    Attributes:
        path: the endpoint.
        code: HTTP status code; 0 where none came.
        seconds: from when the request was there in full until the answer was.
        at: when the answer came, by `time.perf_counter`.
    """

    path: str
    code: int
    seconds: float
    at: float


def timing(upstream: str, port: int, answers: list[Timed]) -> Proxy:
    """Make a proxy that times what passes through it.

    Args:
        upstream: URL of the hook.
        port: where the proxy listens.
        answers: where the times go.

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
    """Return the longest time of an endpoint.

    Args:
        answers: the answers.
        path: the endpoint.

    Returns:
        Seconds; 0 where it was not called.
    """
    return max((one.seconds for one in answers if one.path == path), default=0.0)


def unanswered(answers: Iterable[Timed]) -> int:
    """Return how many requests were not answered with success.

    Args:
        answers: the answers.
    """
    return sum(one.code != 200 for one in answers)
