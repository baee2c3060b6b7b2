"""Watch objects of one kind, and note when each change was observed.

It uses as little of the machine as possible, since the operators under test share it: the caller's
function searches each line, and need not parse it.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterable
from typing import Self, TypeVar

from dev.envtest.client import Client
from dev.local_http import NoAnswerError

_Thing = TypeVar("_Thing", bound=Hashable)

_SECONDS = 600
"""When the server ends a watch, and the next one begins."""


class Follower:
    """A watch that notes when each thing was first observed; a context manager.

    Args:
        api: the API server.
        path: of the objects that are followed; those that are there already come first.
        recognise: yields what it recognises in a line of the watch.

    Attributes:
        last_event: when anything came, by `time.perf_counter`.
    """

    def __init__(
        self, api: Client, path: str, recognise: Callable[[bytes], Iterable[Hashable]]
    ) -> None:
        self._api = api
        self._path = path
        self._recognise = recognise
        self._observed: dict[Hashable, float] = {}
        self._news = threading.Condition()
        self._ended = False
        self.last_event = time.perf_counter()

    def __enter__(self) -> Self:
        """Start to watch."""
        self._stream = self._api.open_watch(self._path, _SECONDS)
        threading.Thread(target=self._follow, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End the watch, and with it its thread."""
        self._ended = True
        self._stream.close()

    def moments(self, expected: Collection[Hashable], timeout: float) -> dict[Hashable, float]:
        """Wait until things have been observed.

        Args:
            expected: the things.
            timeout: seconds.

        Returns:
            When each was first observed, by `time.perf_counter`.

        Raises:
            TimeoutError: not all are observed in time.
        """
        missing = set(expected)
        with self._news:
            deadline = time.monotonic() + timeout
            while missing := {one for one in missing if one not in self._observed}:
                if not self._news.wait(deadline - time.monotonic()):
                    few = ", ".join(sorted(map(str, missing))[:3])
                    message = f"{len(missing)} not observed after {timeout:.0f} s, such as {few}"
                    raise TimeoutError(message)
            return {one: self._observed[one] for one in expected}

    def known(self, expected: Iterable[_Thing]) -> dict[_Thing, float]:
        """Return when each of some things was first observed, of those that were.

        Args:
            expected: the things.
        """
        with self._news:
            return {one: self._observed[one] for one in expected if one in self._observed}

    def quiet(self, seconds: float) -> None:
        """Wait until nothing has happened for a while.

        Args:
            seconds: for how long.
        """
        while (rest := self.last_event + seconds - time.perf_counter()) > 0:
            time.sleep(rest)

    def _follow(self) -> None:
        while True:
            with contextlib.suppress(NoAnswerError):
                self._read()
            if self._ended:
                return
            # What is there comes first, so that nothing is lost where the server ended a watch.
            self._stream = self._api.open_watch(self._path, _SECONDS)

    def _read(self) -> None:
        for line in self._stream:
            moment = time.perf_counter()
            with self._news:
                self.last_event = moment
                for one in self._recognise(line):
                    self._observed.setdefault(one, moment)
                self._news.notify_all()
