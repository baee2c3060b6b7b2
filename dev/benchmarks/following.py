"""Follows objects of one kind, and remembers when what was seen of them.

As little of the machine as possible goes into this, since the operators under test share it: what
comes is searched by the caller's function, and need not be parsed.
"""

from __future__ import annotations

import contextlib
import http.client
import socket
import threading
import time
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Hashable, Iterable

    from dev.benchmarks.pod_load import Api


class Follower:
    """A watch with a memory; a context manager.

    Args:
        api: The API server.
        path: Of the objects that are followed; those that are there already come first.
        recognise: Says of a watch's line what there is to be seen in it.

    Attributes:
        last_event: When anything came, by `time.perf_counter`.
    """

    def __init__(
        self, api: Api, path: str, recognise: Callable[[bytes], Iterable[Hashable]]
    ) -> None:
        self._api = api
        self._path = f"{path}?watch=true&timeoutSeconds=600"
        self._recognise = recognise
        self._seen: dict[Hashable, float] = {}
        self._news = threading.Condition()
        self._ended = False
        self.last_event = time.perf_counter()

    def __enter__(self) -> Self:
        """Starts to watch."""
        self._connect()
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """Ends the watch, and with it its thread."""
        self._ended = True
        if self._connection.sock is not None:
            with contextlib.suppress(OSError):  # the server may have ended it first
                self._connection.sock.shutdown(socket.SHUT_RDWR)

    def moments(self, wanted: Collection[Hashable], timeout: float) -> dict[Hashable, float]:
        """Waits until things have been seen.

        Args:
            wanted: What.
            timeout: Seconds.

        Returns:
            When each was seen first, by `time.perf_counter`.

        Raises:
            TimeoutError: Not all are seen in time.
        """
        missing = set(wanted)
        with self._news:
            deadline = time.monotonic() + timeout
            while missing := {one for one in missing if one not in self._seen}:
                if not self._news.wait(deadline - time.monotonic()):
                    few = ", ".join(sorted(map(str, missing))[:3])
                    message = f"{len(missing)} not seen after {timeout:.0f} s, such as {few}"
                    raise TimeoutError(message)
            return {one: self._seen[one] for one in wanted}

    def quiet(self, seconds: float) -> None:
        """Waits until nothing has happened for a while.

        Args:
            seconds: For how long.
        """
        while (rest := self.last_event + seconds - time.perf_counter()) > 0:
            time.sleep(rest)

    def _connect(self) -> None:
        """Begins with what is there, so that nothing is lost where the server ended a watch."""
        self._connection = self._api.connect(600)
        self._connection.request("GET", self._path, headers=self._api.headers)
        self._response = self._connection.getresponse()

    def _follow(self) -> None:
        while not self._ended:
            with contextlib.suppress(OSError, ValueError, http.client.HTTPException):
                self._read()
            if not self._ended:
                self._connect()

    def _read(self) -> None:
        rest = b""
        while piece := self._response.read1(1 << 20):
            moment = time.perf_counter()
            *lines, rest = (rest + piece).split(b"\n")
            if not lines:
                continue
            with self._news:
                self.last_event = moment
                for line in lines:
                    for one in self._recognise(line):
                        self._seen.setdefault(one, moment)
                self._news.notify_all()
