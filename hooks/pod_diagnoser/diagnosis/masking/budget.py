"""How much one text may make the rules work, whatever it is."""

from typing import Final

_MIN_MATCHES: Final = 32
_BYTES_PER_MATCH: Final = 32
"""A text may hold so many matches, or one for each so many bytes. Each takes some 12 µs: it is
found, and judged whether it is a secret. One that is counts twice: that takes the longest."""

_LONG_MATCH: Final = 256
"""A match counts as one more for each so many bytes."""


class Budget:
    """What all rules together may still spend on a text.

    Args:
        size: the length of the text in bytes.
    """

    def __init__(self, size: int) -> None:
        self._left = max(_MIN_MATCHES, size // _BYTES_PER_MATCH)

    def allows(self, start: int, end: int) -> bool:
        """Count a match; say whether it may still be looked at.

        Where it may not, a rule masks all that follows: there may be secrets.
        """
        self._left -= 1 + (end - start) // _LONG_MATCH
        return self._left >= 0

    def count_secret(self) -> None:
        """Count that a match is a secret."""
        self._left -= 1
