"""What happened in a run, for people and for comparing runs."""

import hashlib
from collections.abc import Callable


class Story:
    """Collects what happens.

    Args:
        time: tells the virtual seconds since the start.
        told: whether the lines are kept for people.
    """

    def __init__(self, time: Callable[[], float], *, told: bool = False) -> None:
        self.told = told
        self.lines: list[str] = []
        self._time = time
        self._hash = hashlib.sha256()

    def tell(self, text: str) -> None:
        """Tell something."""
        self._hash.update(f"{self._time()} {text}\n".encode())
        self.show(text)

    def show(self, text: str) -> None:
        """Tell something for people alone."""
        if self.told:
            self.lines.append(f"{self._time():11.4f} s  {text}")

    def note(self, *facts: object) -> None:
        """Have something count for the comparison that nobody reads."""
        self._hash.update(repr(facts).encode())

    @property
    def digest(self) -> str:
        """The same for runs in which the same happened at the same times."""
        return self._hash.hexdigest()

    def text(self) -> str:
        """The whole story."""
        return "\n".join(self.lines)
