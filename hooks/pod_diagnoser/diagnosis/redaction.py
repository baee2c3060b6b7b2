r"""Redaction of container output, a termination message or the end of a log, before it is shown.

The text is what an application wrote, or what an attacker had it write. Invisible characters are
removed first, so that nothing hides behind them; then secrets are masked, whole; then the text is
truncated, so that no part of a secret is left.

Lines stay lines (``\n``): ``kubectl describe`` indents each line of an annotation, and truncates
each after some 140 characters, so that a log joined to one line would be lost there; and an
indented line can't be taken for another field.

All patterns are RE2's, which matches in time linear to the text: neither users' patterns nor the
built-in ones may hold up the hook on any text.
"""

import re
import unicodedata
from collections.abc import Sequence
from typing import Final

from pod_diagnoser.api.text import ELLIPSIS, UNSAFE_CATEGORIES, truncate_bytes
from pod_diagnoser.diagnosis.masking.compiling import (
    MAX_PATTERN_BYTES,
    MAX_PATTERNS,
    Span,
    custom_patterns,
    custom_spans,
)
from pod_diagnoser.diagnosis.masking.finding import find_secrets

MASK: Final = "***"

NOT_SHOWN: Final = (
    "Withheld: spec.evidence.maskPatterns holds what is no regular expression that can be used "
    f"(RE2, at most {MAX_PATTERNS} of {MAX_PATTERN_BYTES} bytes)."
)
"""Shown instead of a text that can't be masked as the user requires."""

MAX_SCANNED: Final = 8 * 1024
"""The most characters of a text that are shown."""

_MAX_READ: Final = 2 * MAX_SCANNED
"""Characters of a text that are read. More than are shown: whether a line belongs to a private key
depends on the lines around it, which may lie beyond what is shown."""

_TERMINAL_SEQUENCES: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-9;:?]*[mKJHhl]"  # colours, erasing, cursor
    "|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)"  # titles, links
)
"""Commands to a terminal, removed whole: without their first character they would be litter."""

_NEW_LINE: Final = re.compile("[\r\n]")
_BREAK: Final = re.compile(r"[\s,;|(){}\[\]<>]")
"""Where a text that is too long may be divided: part of a word may be part of a secret."""

_MAX_NAME: Final = 256
"""How many characters of a line without its start are skipped before it may be divided: a secret
may be after its name."""


def redact_head(text: str, limit: int, patterns: Sequence[str] = ()) -> str:
    """Redact the start of a text, as of a message, which says first what it is about.

    Args:
        text: any text.
        limit: the most bytes of UTF-8 that the result may have, at least 3.
        patterns: regular expressions (RE2) of what is masked beside what always is.

    Returns:
        Its lines that are not empty, without control and format characters and with secrets as
        `MASK`, truncated with an ellipsis at its end; or `NOT_SHOWN` where a pattern is unusable.
    """
    visible = _visible(text[:_MAX_READ])
    end = _shown_length(visible, is_cut=len(text) > _MAX_READ)
    if end < len(visible):
        breaks = [found.start() for found in _BREAK.finditer(visible, 0, end)]
        if not breaks:
            return truncate_bytes(MASK, limit)
        end = breaks[-1]
    return truncate_bytes(_redact(visible, 0, end, tuple(patterns)), limit)


def redact_tail(text: str, limit: int, patterns: Sequence[str] = ()) -> str:
    """Redact the end of a text, as of a log, whose last lines say why the container ended.

    Arguments and result are those of `redact_head`, with the ellipsis at the start.
    """
    text = text.rstrip()
    visible = _visible(text[-_MAX_READ:])
    start = len(visible) - _shown_length(visible, is_cut=len(text) > _MAX_READ)
    if start > 0:
        found = _NEW_LINE.search(visible, start) or _BREAK.search(visible, start + _MAX_NAME)
        if not found:
            return _truncate_head(MASK, limit)
        start = found.end()
    return _truncate_head(_redact(visible, start, len(visible), tuple(patterns)), limit)


def _shown_length(visible: str, *, is_cut: bool) -> int:
    """Return how many characters may be shown of what was read.

    At most half of a text that was not read whole: what is beside it shows if it is a secret.
    """
    return min(len(visible) // 2 if is_cut else len(visible), MAX_SCANNED)


def _truncate_head(text: str, limit: int) -> str:
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    room = limit - len(ELLIPSIS.encode())
    return ELLIPSIS + encoded[len(encoded) - room :].decode(errors="ignore")


def _redact(visible: str, start: int, end: int, patterns: tuple[str, ...]) -> str:
    """Mask the secrets in a part of a text, also those that lie across its start or end."""
    custom = custom_patterns(patterns)
    if custom is None:
        return NOT_SHOWN if visible else ""
    before, shown, after = (
        part.encode() for part in (visible[:start], visible[start:end], visible[end:])
    )
    whole, first = before + shown + after, len(before)
    spans = [
        (max(begin - first, 0), min(until - first, len(shown)))
        for begin, until in find_secrets(whole)
    ]
    spans += custom_spans(custom, shown)
    return _replace(shown, spans).decode(errors="replace")


def _visible(text: str) -> str:
    """Remove invisible characters and empty lines."""
    text = _TERMINAL_SEQUENCES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    lines = (_visible_line(line).rstrip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _visible_line(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(map(_visible_character, line))


def _visible_character(character: str) -> str:
    if character == "\t":
        return "  "
    category = unicodedata.category(character)
    # RE2's \s matches only the spaces of ASCII.
    return " " if category == "Zs" else "" if category in UNSAFE_CATEGORIES else character


def _replace(text: bytes, spans: list[Span]) -> bytes:
    """Replace the spans by masks, by one mask where they touch."""
    pieces: list[bytes] = []
    shown = 0
    masked_until = -1
    for start, end in sorted(span for span in spans if span[0] < span[1]):
        if start > masked_until:
            pieces += (text[shown:start], MASK.encode())
        masked_until = max(masked_until, end)
        shown = masked_until
    return b"".join(pieces) + text[shown:]
