r"""Redaction of all text from outside before it is shown: the one place where secrets are masked.

It is what an application wrote, or what an attacker had it write; and what kubelets and runtimes
say, who repeat commands, URLs and the answers of programs. Invisible characters are removed first,
so that nothing hides behind them; then secrets are masked, whole; then the text is truncated, so
that no part of a secret is left.

Lines stay lines (``\n``): ``kubectl describe`` indents each line of an annotation, and truncates
each after some 140 characters, so that a log joined to one line would be lost there; and an
indented line can't be taken for another field.

All patterns are RE2's, which matches in time linear to the text: neither users' patterns nor the
built-in ones may hold up the hook on any text. What was masked is remembered: the texts of a crash
come again at every sync of its Pod.
"""

import re
import unicodedata
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

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

MAX_SCANNED: Final = 3 * 1024
"""The most characters of a text that are shown. All who show one show less."""

MAX_READ: Final = 2 * MAX_SCANNED
"""Bytes of a text that are read, once invisible characters are removed, and characters before that.
More than are shown: whether a line belongs to a private key depends on the lines around it, which
may lie beyond what is shown. What is not read is not shown."""

_MAX_REMEMBERED: Final = 256
"""How many redacted texts are remembered, each of at most `MAX_READ` characters."""

_TERMINAL_SEQUENCES: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-9;:?]*[mKJHhl]"  # colours, erasing, cursor
    # titles, links; none holds the start of another, so that the time is linear
    "|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c\x9d\n]*(?:\x07|\x1b\\\\|\x9c)"
)
"""Commands to a terminal, removed whole: without their first character they would be litter."""

_MAX_BESIDE: Final = 1024
"""How many bytes beside what is shown are searched by users' patterns."""

_NEW_LINE: Final = re.compile("[\r\n]")
_BREAK: Final = re.compile(r"[\s,;|(){}\[\]<>]")
"""Where a text that is too long may be divided: part of a word may be part of a secret."""

_HEADLESS_KEY: Final = re.compile(
    r"(?:[A-Za-z0-9+/]{1,76}\n)?(?:[A-Za-z0-9+/]{60,76}\n){2,}(?:[A-Za-z0-9+/]{1,76}={0,2}\n)?"
)
"""The first lines of what was read of a long text, if a key has lost its start with the rest."""

_KEY_LINE: Final = re.compile(rb"(?<![A-Za-z0-9+/])[A-Za-z0-9+/]{60,76}(?![A-Za-z0-9+/])")
_MIXED: Final = tuple(map(re.compile, (b"[0-9]", b"[a-z]", b"[A-Z]")))
_LEAST_KEY_LINES: Final = 3
_CERTIFICATE: Final = re.compile("-----(?:BEGIN|END) CERT")

_CERTIFICATE_ENDS: Final = "-----END CERT"

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
    return truncate_bytes(_redacted_head(text[: MAX_READ + 1], tuple(patterns), MAX_READ), limit)


@lru_cache(maxsize=_MAX_REMEMBERED)
def _redacted_head(text: str, patterns: tuple[str, ...], max_read: int) -> str:
    cleaned = _visible(text[:max_read])
    visible = cleaned.encode()[:max_read].decode(errors="ignore")
    is_cut = len(text) > max_read or len(visible) < len(cleaned)
    end = _shown_length(visible, is_cut=is_cut)
    if end < len(visible):
        breaks = [found.start() for found in _BREAK.finditer(visible, 0, end)]
        if not breaks:
            return MASK
        end = breaks[-1]
    return _redact(visible, 0, end, patterns)


def redact_tail(
    text: str, limit: int, patterns: Sequence[str] = (), lines: int | None = None
) -> str:
    """Redact the end of a text, as of a log, whose last lines say why the container ended.

    Arguments and result are those of `redact_head`, with the ellipsis at the start.

    Args:
        text: any text; more of it than is shown, since the lines before show what is a key.
        limit: as of `redact_head`.
        patterns: as of `redact_head`.
        lines: the most lines that the result may have; None for all.
    """
    shown = _redacted_tail(text.rstrip()[-MAX_READ - 1 :], tuple(patterns), MAX_READ)
    if lines is not None:
        shown = "\n".join(shown.split("\n")[-lines:])
    return _truncate_head(shown, limit)


@lru_cache(maxsize=_MAX_REMEMBERED)
def _redacted_tail(text: str, patterns: tuple[str, ...], max_read: int) -> str:
    cleaned = _visible(text[-max_read:])
    visible = cleaned.encode()[-max_read:].decode(errors="ignore")
    is_cut = len(text) > max_read or len(visible) < len(cleaned)
    start = len(visible) - _shown_length(visible, is_cut=is_cut)
    if start > 0:
        found = _NEW_LINE.search(visible, start) or _BREAK.search(visible, start + _MAX_NAME)
        if not found:
            return MASK
        start = found.end()
    return _redact(visible, start, len(visible), patterns, is_log=True)


def redact_line(text: str, line: str, patterns: Sequence[str] = ()) -> str:
    """Redact one line of a text, whose other lines show what is a secret in it.

    Args:
        text: the text.
        line: a line of it. Of one with more than `MAX_SCANNED` bytes the start is shown.
        patterns: as of `redact_head`.

    Returns:
        The line, as `redact_head` returns a text.
    """
    beside = (MAX_READ - MAX_SCANNED) // 2
    shown, at = _visible(line), text.rfind(line)
    if at < 0 or len(shown.encode()) > MAX_SCANNED:
        return redact_head(line, MAX_READ, patterns).replace("\n", " ")
    end = at + len(line)
    before = _visible(text[max(0, at - beside) : at]).encode()[-beside:].decode(errors="ignore")
    after = _visible(text[end : end + beside]).encode()[:beside].decode(errors="ignore")
    start = f"{before}\n" if before else ""
    whole = f"{start}{shown}\n{after}"
    redacted = _redact(whole, len(start), len(start) + len(shown), tuple(patterns), is_log=True)
    return redacted.replace("\n", " ")


def redact_message(text: str, patterns: Sequence[str] = ()) -> str:
    """Redact a message of kubelet, runtime or Event, whose cause may stand at its end.

    Args:
        text: any text.
        patterns: regular expressions (RE2) of what is masked beside what always is.

    Returns:
        What `redact_head` returns, whole; of a text of more than `MAX_READ` bytes its start and
        its end.
    """
    masks = tuple(patterns)
    if len(text) * 4 <= MAX_READ or len(text.encode(errors="replace")) <= MAX_READ:
        return _redacted_head(text, masks, MAX_READ)
    half = MAX_READ // 2
    start = _redacted_head(text[: half + 1], masks, half)
    end = _redacted_tail(text.rstrip()[-half - 1 :], masks, half)
    return f"{start} {ELLIPSIS} {end}"


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


def _redact(
    visible: str, start: int, end: int, patterns: tuple[str, ...], *, is_log: bool = False
) -> str:
    """Mask the secrets in a part of a text, also those that lie across its start or end."""
    custom = custom_patterns(patterns)
    if custom is None:
        return NOT_SHOWN if visible else ""
    before, shown, after = (
        part.encode() for part in (visible[:start], visible[start:end], visible[end:])
    )
    whole, first = before + shown + after, len(before)
    spans = find_secrets(whole)
    if is_log:
        spans += _headless_key(visible) + _logged_key(visible)
    spans = [(max(begin - first, 0), min(until - first, len(shown))) for begin, until in spans]
    spans += _custom_spans(custom, shown, before[-_MAX_BESIDE:], after[:_MAX_BESIDE])
    if not spans:
        return visible[start:end]
    return _replace(shown, spans).decode(errors="replace")


def _custom_spans(
    custom: Sequence[Any], shown: bytes, before: bytes, after: bytes
) -> Iterator[Span]:
    """Find what users' patterns match in what is shown, also across its start and its end."""
    first = len(before)
    for begin, until in custom_spans(custom, before + shown + after):
        yield max(begin - first, 0), min(until - first, len(shown))


def _headless_key(visible: str) -> list[Span]:
    """Find the lines with which a log begins that may be the rest of a private key."""
    found = _HEADLESS_KEY.match(visible)
    if found is None or visible.startswith(_CERTIFICATE_ENDS, found.end()):
        return []
    return [(0, found.end() - 1)]  # all of it is ASCII


def _logged_key(visible: str) -> list[Span]:
    """Find the lines of a private key where a logger has written something around each.

    They are as long as each other. Its start and its end may be far away.
    """
    if _CERTIFICATE.search(visible):
        return []
    by_length: dict[int, list[Span]] = {}
    for found in _KEY_LINE.finditer(visible.encode()):
        code = found[0]
        # a hash has no capitals, a word has no digits
        if all(some.search(code) for some in _MIXED):
            by_length.setdefault(len(code), []).append(found.span())
    return [
        span for spans in by_length.values() if len(spans) >= _LEAST_KEY_LINES for span in spans
    ]


def _visible(text: str) -> str:
    """Remove invisible characters and empty lines."""
    text = _TERMINAL_SEQUENCES.sub("", text).replace("\r\n", "\n").replace("\r", "\n")
    lines = (_visible_line(line).rstrip() for line in text.split("\n"))
    return "\n".join(line for line in lines if line)


def _visible_line(line: str) -> str:
    if line.isascii() and line.isprintable():
        return line
    return "".join(map(_visible_character, line))


@lru_cache(maxsize=1024)
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
