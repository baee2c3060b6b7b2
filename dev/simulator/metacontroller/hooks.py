"""Calling a hook (pkg/hooks/webhook.go)."""

import math
from datetime import UTC, datetime

from dev.simulator.metacontroller.definition import Hook
from dev.simulator.scheduling import Clock, Future, Scheduler
from dev.simulator.webhooks import Failure, Outcome, Transport

_TOO_MANY_REQUESTS, _OK = 429, 200


class HookError(Exception):
    """A call that gave no usable answer; the message is what the SyncError Event quotes."""


class TooManyRequestsError(Exception):
    """The hook answered 429.

    Attributes:
        after: seconds to wait; 0 where it did not say.
    """

    def __init__(self, after: int) -> None:
        super().__init__(f"Too many request, it will be resync after: {after}")
        self.after = after


class HookCaller:
    """Calls hooks over a transport."""

    def __init__(self, scheduler: Scheduler, clock: Clock, transport: Transport) -> None:
        self._scheduler = scheduler
        self._clock = clock
        self._transport = transport

    async def call(self, hook: Hook, body: str) -> bytes:
        """Post a request; return the answer's body.

        Args:
            hook: which.
            body: JSON.

        Raises:
            TooManyRequestsError: the status is 429.
            HookError: there is no answer, or its status is not 200.
        """
        future: Future[Outcome] = Future(self._scheduler)
        self._transport.post(hook.url, body.encode(), hook.timeout, future.resolve)
        outcome = await future
        if isinstance(outcome, Failure):
            message = f"http error: {outcome.message}"
            raise HookError(message)
        if outcome.status == _TOO_MANY_REQUESTS:
            raise TooManyRequestsError(self._retry_after(outcome.headers.get("retry-after", "")))
        if outcome.status != _OK:
            text = outcome.body.decode("utf-8", "replace")
            message = f"unsupported status code: {outcome.status} body: {text}"
            raise HookError(message)
        return outcome.body

    def _retry_after(self, text: str) -> int:
        try:
            # time.RFC1123 names the zone, and Go reads GMT as UTC.
            moment = datetime.strptime(text, "%a, %d %b %Y %H:%M:%S GMT").replace(tzinfo=UTC)
        except ValueError:
            try:
                return int(text)
            except ValueError:
                return 0
        return math.ceil((moment - self._clock.now()).total_seconds())
