"""The ends of logs, bounded one by one and all together."""

import re
from typing import Final

from pod_diagnoser.cli.decoding import ByteSource

MAX_TAIL_BYTES: Final = 64 * 1024
"""How much of a log is kept: what a crash leaves stands at its end."""

SHORT_TAIL_BYTES: Final = 4 * 1024
"""How much is kept of each once there are many."""

MAX_LONG_BYTES: Final = 64 * 1024 * 1024
MAX_ALL_BYTES: Final = 128 * 1024 * 1024
"""How much of all logs is kept: whole tails up to the first, short ones up to the second."""

_CHUNK_BYTES: Final = 256 * 1024

_NO_LOG: Final = re.compile(
    r"\s*(?:unable to retrieve container logs for|failed to try resolving symlinks in path|"
    r"Create log request error:|Request log error:) [^\n]{1,1000}\s*"
)
"""What stands there instead of a log: by the kubelet, and by ``kubectl cluster-info dump``."""


class Tail:
    """The end of a log that is read in pieces."""

    def __init__(self) -> None:
        self._kept = b""
        self._is_cut = False

    def add(self, content: bytes) -> None:
        """Add the next piece."""
        kept = self._kept + content
        # Cut seldom: each cut copies.
        if len(kept) > 8 * MAX_TAIL_BYTES:
            kept, self._is_cut = kept[-MAX_TAIL_BYTES:], True
        self._kept = kept

    def text(self) -> str:
        """Return it, from the first whole line on; nothing where there is no log."""
        kept, is_cut = self._kept, self._is_cut
        if len(kept) > MAX_TAIL_BYTES:
            kept, is_cut = kept[-MAX_TAIL_BYTES:], True
        text = (_from_line(kept) if is_cut else kept).decode(errors="replace")
        return "" if _NO_LOG.fullmatch(text) else text


def read_tail(source: ByteSource) -> str:
    """Read the end of a log."""
    tail = Tail()
    while content := source.read(_CHUNK_BYTES):
        tail.add(content)
    return tail.text()


class TailBudget:
    """Bounds the ends of all logs together."""

    def __init__(self) -> None:
        self._used = 0
        self.left_out = 0
        """How many logs had no room."""

    def fit(self, text: str) -> str:
        """Return as much of the end of a log as there is room for."""
        limit = MAX_TAIL_BYTES if self._used < MAX_LONG_BYTES else SHORT_TAIL_BYTES
        if self._used >= MAX_ALL_BYTES:
            self.left_out += 1
            return ""
        if len(text) > limit:
            text = text[-limit:].partition("\n")[2] or text[-limit:]
        self._used += len(text)
        return text


def _from_line(content: bytes) -> bytes:
    return content.partition(b"\n")[2] or content
