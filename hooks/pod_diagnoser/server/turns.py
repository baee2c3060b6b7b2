"""Turns: what takes long is done in slices, and all that has arrived is served between two of them.

One request is worked on at a time. Where one takes long, others wait for no more than a slice of
it: slices come one in each round of gevent's loop, and a round also serves every connection on
which something has arrived.

`gevent.sleep(0)` is no such turn. gevent calls what was put off by it up to 50 times, and for five
milliseconds, before it looks at its sockets again.
Source: ``loop._run_callbacks`` in ``gevent/libev/corecext.pyx``, tag 26.9.0.
"""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

import gevent
from gevent import monkey
from gevent.hub import Waiter

SLICE_SECONDS: Final = 0.0005
"""CPU time after which a request gives way, if it can. An ordinary sync takes twice as long."""

LONGEST_WAITING_EVERY: Final = 4
"""Every fourth turn is that of who has waited longest: so everybody's comes."""

_AFTER_SOCKETS: Final = -2
"""libev's lowest priority: what is due in a round of the loop comes after all sockets of it."""


class Turn:
    """A request's part in turns.

    Args:
        turns: the turns that it takes; None: it is short and never gives way.
        left: returns what its namespace has left of its allowance, in seconds of CPU time.
        thread_time: a clock for the CPU time of this thread, in seconds.
    """

    def __init__(
        self,
        turns: "Turns | None" = None,
        left: Callable[[], float] = lambda: 0.0,
        thread_time: Callable[[], float] = time.thread_time,
    ) -> None:
        self._turns = turns
        self._left = left
        self._thread_time = thread_time
        self._since = 0.0
        self._used = 0.0

    @property
    def left(self) -> float:
        """What its namespace has left of its allowance, without what this request has used."""
        return self._left() - self._used

    def begin(self) -> None:
        """Wait for the first turn."""
        if self._turns is not None:
            self._turns.wait(self)
            self._since = self._thread_time()

    def give_way(self) -> None:
        """Wait for the next turn, if this one has been long enough."""
        if self._turns is None:
            return
        taken = self._thread_time() - self._since
        if taken >= SLICE_SECONDS:
            self._used += taken
            self.begin()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Wait for a turn in which no other request is in this context, also between its turns."""
        if self._turns is None:
            yield
            return
        with self._turns.alone(self):
            self.begin()
            yield


SHORT: Final = Turn()
"""The turn of a request that is short."""


class _Line:
    """Requests that wait.

    Who has most left of its allowance comes first, and every fourth time who has waited longest.
    """

    def __init__(self) -> None:
        self._waiting: dict[Waiter[None], Turn] = {}
        self._served = 0

    def __len__(self) -> int:
        """Return how many wait."""
        return len(self._waiting)

    def wait(self, turn: Turn) -> None:
        """Wait to be served."""
        waiter: Waiter[None] = Waiter()
        self._waiting[waiter] = turn
        try:
            waiter.get()
        finally:
            self._waiting.pop(waiter, None)

    def serve(self) -> bool:
        """Let one go on. Runs in the hub: nothing comes between choice and switch.

        Returns:
            Whether there was one.
        """
        if not self._waiting:
            return False
        if self._served % LONGEST_WAITING_EVERY == 0:
            waiter = next(iter(self._waiting))
        else:
            waiter = max(self._waiting, key=lambda each: self._waiting[each].left)
        self._served += 1
        del self._waiting[waiter]
        waiter.switch(None)
        return True


class Turns:
    """Gives turns, one in each round of gevent's loop; without gevent nobody waits."""

    def __init__(self) -> None:
        self._line = _Line()
        self._line_to_be_alone = _Line()
        self._is_taken = False
        self._timer: Any = None

    def wait(self, turn: Turn = SHORT) -> None:
        """Return when the turn has come.

        Args:
            turn: whose turn.
        """
        if not monkey.is_module_patched("socket"):
            return
        if self._timer is None:
            self._timer = gevent.get_hub().loop.timer(0, priority=_AFTER_SOCKETS)
        if not self._timer.active:
            self._timer.start(self._give)
        self._line.wait(turn)

    @contextmanager
    def alone(self, turn: Turn) -> Iterator[None]:
        """Wait until nobody else is in this context.

        Args:
            turn: who waits.
        """
        if self._is_taken:
            self._line_to_be_alone.wait(turn)  # and is handed over to it
        self._is_taken = True
        try:
            yield
        finally:
            if self._line_to_be_alone:
                gevent.get_hub().loop.run_callback(self._hand_over)
            else:
                self._is_taken = False

    def _give(self) -> None:
        self._timer.stop()
        if len(self._line) > 1:
            self._timer.start(self._give)
        self._line.serve()

    def _hand_over(self) -> None:
        if not self._line_to_be_alone.serve():
            self._is_taken = False
