"""The trace of a run: for people to read, and to tell whether two runs were the same."""

import hashlib
from collections.abc import Callable


class Trace:
    """Records what happens.

    Args:
        time: returns the virtual seconds since the start.
        readable: whether the lines are kept; the digest needs none.
    """

    def __init__(self, time: Callable[[], float], *, readable: bool = False) -> None:
        self.readable = readable
        self.lines: list[str] = []
        self._time = time
        self._hash = hashlib.sha256()

    def add(self, text: str) -> None:
        """Add a line, to the digest too."""
        self._hash.update(f"{self._time()} {text}\n".encode())
        self.add_detail(text)

    def add_detail(self, text: str) -> None:
        """Add a line that does not count for the digest."""
        if self.readable:
            self.lines.append(f"{self._time():11.4f} s  {text}")

    def add_facts(self, *facts: object) -> None:
        """Add to the digest alone."""
        self._hash.update(repr(facts).encode())

    @property
    def digest(self) -> str:
        """Equal for runs in which the same happened at the same times."""
        return self._hash.hexdigest()

    def text(self) -> str:
        """Return all lines."""
        return "\n".join(self.lines)
