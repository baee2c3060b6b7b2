"""Text from outside, made safe to show: names, reasons and other texts of a Pod."""

import unicodedata
from typing import Final

ELLIPSIS: Final = "…"

UNSAFE_CATEGORIES: Final = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"})
"""Categories of Unicode: control, format, unassigned, private, surrogate, line separators."""


def sanitize(text: str, limit: int) -> str:
    """Make a text safe for a terminal, a log line and an annotation.

    Args:
        text: any text.
        limit: the most bytes of UTF-8 that the result may have, at least 3.

    Returns:
        The text without control, format (bidirectional overrides among them), surrogate, private
        and unassigned characters and line separators, truncated with an ellipsis.
    """
    if text.isascii() and text.isprintable():
        return text if len(text) <= limit else truncate_bytes(text, limit)
    safe = "".join(char for char in text if unicodedata.category(char) not in UNSAFE_CATEGORIES)
    return truncate_bytes(safe, limit)


def truncate_bytes(text: str, limit: int) -> str:
    """Truncate a text by bytes, between characters.

    Args:
        text: any text without surrogates.
        limit: the most bytes of UTF-8 that the result may have, at least 3.

    Returns:
        The text, or its start and an ellipsis.
    """
    if len(text) * 4 <= limit:
        return text
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = limit - len(ELLIPSIS.encode())
    return encoded[:room].decode(errors="ignore") + ELLIPSIS
