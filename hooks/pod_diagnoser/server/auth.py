"""Bearer tokens: who may call the hook. They are files that change while it runs."""

import hmac
import re
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

MAX_TOKENS: Final = 4
"""How many tokens are valid at a time: two during a rotation, and room for a mistake."""

MIN_TOKEN_BYTES: Final = 16
MAX_TOKEN_BYTES: Final = 4096

REREAD_SECONDS: Final = 2.0
"""How long a token may stay valid that is no longer in the folder."""

UNKNOWN_REREAD_SECONDS: Final = 0.1
"""The least time between two readings because of unknown tokens, however many come."""

_TOKEN: Final = re.compile(rb"[!-~]{%d,%d}" % (MIN_TOKEN_BYTES, MAX_TOKEN_BYTES))
"""Visible ASCII: what every client can send in a header, and no file of another kind."""


class Tokens:
    """The bearer tokens that are valid: the files of a folder, as a Secret is mounted.

    Safe to be shared by greenlets and by threads. Reading the files blocks all greenlets for the
    time that it takes, tens of microseconds in memory as Secrets are.

    Args:
        folder: the folder. Each file is a token; names that begin with a dot (the kubelet's own
            links) are skipped, and so is a file that cannot be a token: too short, too long, or
            with other than visible ASCII characters. Of more than `MAX_TOKENS` the first by name
            are valid.
        monotonic: a clock for the age of what was read, in seconds.
        sleep: waits for a number of seconds, while others go on.
    """

    def __init__(
        self,
        folder: Path,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._read_begun = float("-inf")
        self._tokens: tuple[bytes, ...] = ()

    def allow(self, authorization: str) -> bool:
        """Whether a caller shows a valid token.

        An unknown token is looked for in the folder as it is after the call, so that none is
        refused that was put there before. The files are read at most ten times a second: a call
        waits until they may be read again, and all that wait share one reading.

        The token is compared with all valid ones in constant time, so that the time says nothing
        about them.

        Args:
            authorization: the Authorization header, or an empty string.
        """
        called = self._monotonic()
        scheme, _, credentials = authorization.partition(" ")
        if scheme.lower() != "bearer":
            return False
        given = credentials.strip(" \t").encode("utf-8", "surrogatepass")
        self._read_after(called - REREAD_SECONDS)
        if self._is_valid(given):
            return True
        if not _TOKEN.fullmatch(given):
            return False
        if self._read_begun <= called:
            wait = self._read_begun + UNKNOWN_REREAD_SECONDS - self._monotonic()
            if wait > 0:
                self._sleep(wait)
            self._read_after(called)
        return self._is_valid(given)

    def _is_valid(self, given: bytes) -> bool:
        matches = [hmac.compare_digest(given, token) for token in self._tokens]
        return any(matches)

    def _read_after(self, instant: float) -> None:
        """Read the files, unless they were read after an instant."""
        with self._lock:
            if self._read_begun <= instant:
                begun = self._monotonic()
                self._tokens = _read(self._folder)
                self._read_begun = begun


def _read(folder: Path) -> tuple[bytes, ...]:
    tokens: list[bytes] = []
    try:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except OSError:
        return ()
    for file in files:
        if len(tokens) == MAX_TOKENS:
            break
        try:
            if not file.is_file():  # reading a pipe would never end
                continue
            with file.open("rb") as stream:
                token = stream.read(2 * MAX_TOKEN_BYTES).strip()
        except OSError:
            continue
        if _TOKEN.fullmatch(token):
            tokens.append(token)
    return tuple(tokens)
