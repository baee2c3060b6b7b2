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
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any, Final

import re2  # type: ignore[import-untyped]

from pod_diagnoser.api.text import ELLIPSIS, UNSAFE_CATEGORIES, truncate_bytes

MASK: Final = "***"

MAX_PATTERNS: Final = 16
MAX_PATTERN_BYTES: Final = 256

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

_MAX_MEMORY: Final = 512 * 1024
"""Bytes that RE2 may take for one pattern. A pattern that needs more is refused."""

_MAX_PROGRAM: Final = 2000
"""How many of RE2's instructions all patterns of a list may have. ``[0-9a-f]{64}`` has some 100."""

_MAX_WORK: Final = 50_000_000
"""How many instructions may be executed for a list of patterns, bytes times length of program. Each
search is linear, but all searches together are not where each looks far ahead. What has not been
searched by then is masked as a whole."""

_MAX_COMPILED_LISTS: Final = 64
"""How many lists of patterns stay compiled."""

_TERMINAL_SEQUENCES: Final = re.compile(
    "(?:\x1b\\[|\x9b)[0-9;:?]*[mKJHhl]"  # colours, erasing, cursor
    "|(?:\x1b\\]|\x9d)[^\x07\x1b\x9c\n]*(?:\x07|\x1b\\\\|\x9c)"  # titles, links
)
"""Commands to a terminal, removed whole: without their first character they would be litter."""

_NAMES: Final = (
    r"(?:pass(?:word|wd|wort|phrase|code)|pwd|secret|token|credential|"
    r"(?:api|access|account|auth|encryption|master|private|secret|shared|signing|storage)[-_.]?key|"
    r"apikey|session[-_]?id|jsessionid|connection[-_]?string)"
)
"""Words in the name of a value that is a secret."""

_NAME: Final = rf"[\w.-]*{_NAMES}[\w.\[\]-]*"

_QUOTED: Final = r"""(?:\\*"(?:[^"\\\n]|\\.)*"?|\\*'(?:[^'\\\n]|\\.)*'?)"""
"""A value in quotes, as JSON, YAML, Python and shells have them; its end may be missing."""

_VALUE: Final = rf"(?:{_QUOTED}|[^\s\"'][^\s]*)"
"""A value. Without quotes it ends with the word: a password may hold any other character."""

_CODE: Final = "[A-Za-z0-9._~+/=-]"
"""A character of a bearer token. Source: RFC 6750, 2.1."""

_HEADERS: Final = r"(?:authorization|cookie|x-[\w-]*(?:token|key|secret))"

_DATABASES: Final = (
    r"(?:postgres(?:ql)?|mysql|mariadb|mongodb(?:\+srv)?|rediss?|amqps?|s?ftps?|ldaps?|smtps?|nats|"
    r"kafka|clickhouse|sqlserver|oracle)(?:\+\w+)?"
)
"""Schemes of URLs whose passwords are often not escaped as they should be."""

_BUILTIN: Final = (
    # private keys, whole or truncated
    r"(?s)(-----BEGIN [A-Z0-9 ]*PRIVATE KEY.*?(?:-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----|\z))",
    r"([A-Za-z0-9+/=\s\\]+-----END [A-Z0-9 ]*PRIVATE KEY[A-Z ]*-----)",
    r"(AGE-SECRET-KEY-[0-9A-Za-z]+)",
    # headers
    rf"(?i){_HEADERS}(?:[\"'\\]*\s*[:=]\s*|[\"']\s*,\s*)({_QUOTED}|[^\s\"'][^\n]*)",
    rf"(?i)(?:bearer|basic)\s+[\"']?({_CODE}*[0-9]{_CODE}*|{_CODE}{{16,}})",
    # names and values: PASSWORD=…, "token": "…", secret: …, --password …
    rf"(?i){_NAME}[\"'\\\]]*\s*(?:=>|:=|==?|:)\s*({_VALUE})",
    rf"(?i)--?{_NAME}\s+({_VALUE})",
    rf"(?i)(?:pass|auth)(?:[\"'\\]*\s*=|\\*[\"']\s*:)\s*({_VALUE})",
    rf"(?i)\b(?:sig|signature)=({_VALUE})",
    # user:password@ of a URL
    r"://([^\s/?#\"'<>]*)@",
    rf"(?i){_DATABASES}://[^\s/:@]*:([^\s\"'<>]*)@",
    r"(?i)hooks\.slack\.com/(?:services|workflows)/(\S+)",
    # secrets that are known by their form
    r"((?:A3T[A-Z0-9]|AKIA|ASIA|ABIA|ACCA|AGPA|AIDA|AIPA|ANPA|ANVA|AROA)[A-Z0-9]{12,})",  # AWS
    r"(eyJ[\w-]{6,}(?:\.[\w=-]*)*)",  # JSON Web Tokens
    r"((?:gh[pousr]|github_pat)_\w{16,})",
    r"(gl(?:pat|oas|dt|rt|cbt|ptt|ft|imt|agent|soat|ffct)-[\w.-]{16,})",  # GitLab
    r"(xox[a-z]-[\w-]{8,}|xapp-[\w-]{8,})",  # Slack
    r"(AIza[\w-]{30,}|ya29\.[\w.-]{16,}|GOCSPX-[\w-]{16,})",  # Google
    r"((?:sk|rk|pk)_(?:live|test)_\w{10,}|whsec_[\w+/=]{16,})",  # Stripe
    r"(sk-(?:admin|ant|lf|or|proj|svcacct)-[\w-]{16,}|sk-[A-Za-z0-9]{20,})",
    r"(npm_\w{30,}|pypi-[\w-]{16,}|dckr_(?:pat|oat)_[\w-]{16,}|do[opr]_v1_\w{32,})",
    r"(SG\.[\w-]{16,}\.[\w-]{16,}|hv[bsr]\.[\w-]{20,}|\d{8,10}:[\w-]{35})",
)
"""What is always masked: the first group of each match."""

_ERROR_PREFIX: Final = re.compile(rb"(?i)(?:error|exception|failed|failure|warning)[\"']?\s*:\s*\Z")
"""What is before an error message, which is shown: ``TokenExpiredError: jwt expired``."""

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
    custom = _custom_patterns(patterns)
    if custom is None:
        return NOT_SHOWN if visible else ""
    before, shown, after = (
        part.encode() for part in (visible[:start], visible[start:end], visible[end:])
    )
    whole, first = before + shown + after, len(before)
    spans = [
        (max(begin - first, 0), min(until - first, len(shown)))
        for pattern in _builtin_patterns()
        for begin, until in _secret_spans(pattern, whole)
    ]
    work = _MAX_WORK
    for pattern in custom:
        found, work = _match_spans(pattern, shown, work)
        spans += found
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


def _compile(pattern: str) -> Any:
    """Compile a pattern.

    Raises:
        re2.error: it is not valid, or takes too much memory.
    """
    options = re2.Options()
    options.max_mem = _MAX_MEMORY
    options.log_errors = False  # it would write the pattern to stderr
    return re2.compile(pattern, options)


@lru_cache(maxsize=1)
def _builtin_patterns() -> tuple[Any, ...]:
    return tuple(map(_compile, _BUILTIN))


@lru_cache(maxsize=_MAX_COMPILED_LISTS)
def _custom_patterns(patterns: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Compile users' patterns; None where they can't be used."""
    if len(patterns) > MAX_PATTERNS:
        return None
    compiled = []
    for pattern in patterns:
        try:
            if len(pattern.encode()) > MAX_PATTERN_BYTES:
                return None
            compiled.append(_compile(pattern))
        except (re2.error, UnicodeEncodeError):
            return None
    # RE2 also runs a pattern backwards, to find where a match begins.
    size = sum(max(each.programsize, each.reverseprogramsize) for each in compiled)
    return tuple(compiled) if size <= _MAX_PROGRAM else None


_Span = tuple[int, int]


def _secret_spans(pattern: Any, text: bytes) -> Iterator[_Span]:
    """Yield the spans of what a built-in pattern masks."""
    position = 0
    while (match := pattern.search(text, position)) is not None:
        start, end = match.span(1)
        if _ERROR_PREFIX.search(text, match.start(), start):
            position = max(start, position + 1)
            continue
        yield start, end
        position = max(match.end(), position + 1)


def _match_spans(pattern: Any, text: bytes, work: int) -> tuple[list[_Span], int]:
    """Return the spans that a user's pattern masks, and what is left of `_MAX_WORK`."""
    size = max(pattern.programsize, pattern.reverseprogramsize)
    found: list[_Span] = []
    position = 0
    while position < len(text):
        work -= size * (len(text) - position)
        if work < 0:
            found.append((position, len(text)))
            break
        match = pattern.search(text, position)
        if match is None:
            break
        found.append(match.span())
        position = max(match.end(), position + 1)
    return found, work


def _replace(text: bytes, spans: list[_Span]) -> bytes:
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
