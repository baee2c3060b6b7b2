"""Who may call the hook: whoever knows a token, read from files that change while it runs."""

import hmac
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

MAX_TOKENS: Final = 4
"""How many tokens are valid at a time: two during a rotation, and room for a mistake."""

MIN_TOKEN_BYTES: Final = 16
MAX_TOKEN_BYTES: Final = 4096
REREAD_SECONDS: Final = 2.0


class Tokens:
    """The bearer tokens that are valid: the files of a folder, as a Secret is mounted.

    Args:
        folder: the folder. Each file is a token; names that begin with a dot (the kubelet's own
            links) are passed over, and so is a file that is too short to be a token.
        monotonic: a clock for the age of what was read, in seconds.
    """

    def __init__(self, folder: Path, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._folder = folder
        self._monotonic = monotonic
        self._read_at = float("-inf")
        self._tokens: tuple[bytes, ...] = ()

    def allow(self, authorization: str) -> bool:
        """Tell whether a caller may go on.

        Args:
            authorization: the Authorization header, or an empty string.

        Returns:
            True for ``Bearer`` and a valid token. All valid tokens are compared in constant time,
            so that the time tells nothing of them.
        """
        scheme, _, credentials = authorization.partition(" ")
        given = credentials.strip().encode("utf-8", "surrogateescape")
        matches = [hmac.compare_digest(given, token) for token in self._valid()]
        return any(matches) and scheme.lower() == "bearer"

    def _valid(self) -> tuple[bytes, ...]:
        now = self._monotonic()
        if now - self._read_at >= REREAD_SECONDS:
            self._tokens = _read(self._folder)
            self._read_at = now
        return self._tokens


def _read(folder: Path) -> tuple[bytes, ...]:
    tokens: list[bytes] = []
    try:
        files = sorted(file for file in folder.iterdir() if not file.name.startswith("."))
    except OSError:
        return ()
    for file in files:
        try:
            with file.open("rb") as stream:
                token = stream.read(MAX_TOKEN_BYTES + 1).strip()
        except OSError:
            continue
        if MIN_TOKEN_BYTES <= len(token) <= MAX_TOKEN_BYTES:
            tokens.append(token)
    return tuple(tokens[:MAX_TOKENS])
