"""RE2's patterns: they match in time linear to the text, whatever pattern and text are."""

from collections.abc import Sequence
from functools import lru_cache
from typing import Any, Final

from pod_diagnoser.diagnosis.masking.without_re2 import Pattern, PatternSet

try:
    import re2  # type: ignore[import-untyped]
except ImportError:  # the command line does without
    re2 = None

IS_LINEAR: Final = re2 is not None
"""Whether matching takes linear time. Where it does not, users' patterns are refused."""

MAX_PATTERNS: Final = 16
MAX_PATTERN_BYTES: Final = 256

_MAX_CUSTOM_MEMORY: Final = 512 * 1024
"""Bytes that RE2 may take for one pattern of a user's. A pattern that needs more is refused."""

_MAX_PROGRAM: Final = 2000
"""How many of RE2's instructions all patterns of a list may have. ``[0-9a-f]{64}`` has some 100."""

_MAX_WORK: Final = 5_000_000
"""How many instructions may be executed for a list of patterns, bytes times length of program. Each
search is linear, but all searches together are not where each looks far ahead. What has not been
searched by then is masked as a whole. They take some 2 ms."""

_MAX_COMPILED_LISTS: Final = 64
"""How many lists of patterns stay compiled."""

Span = tuple[int, int]
"""Where something starts and ends in a text, in bytes."""


def compile_pattern(pattern: str, max_memory: int | None = None) -> Any:
    """Compile a pattern.

    Args:
        pattern: what RE2 takes.
        max_memory: the most bytes that RE2 may take for it, or None for its default.

    Raises:
        re2.error: it is not valid, or takes too much memory.
    """
    if re2 is None:
        return Pattern(pattern)
    options = re2.Options()
    if max_memory is not None:
        options.max_mem = max_memory
    options.log_errors = False  # it would write the pattern to stderr
    return re2.compile(pattern, options)


def compile_set(patterns: list[str]) -> Any:
    """Compile patterns of which one pass over a text tells which occur in it, by their index."""
    if re2 is None:
        return PatternSet(patterns)
    options = re2.Options()
    options.log_errors = False
    compiled = re2.Set.SearchSet(options)
    for pattern in patterns:
        compiled.Add(pattern)
    compiled.Compile()
    return compiled


@lru_cache(maxsize=_MAX_COMPILED_LISTS)
def custom_patterns(patterns: tuple[str, ...]) -> tuple[Any, ...] | None:
    """Compile users' patterns; None where they can't be used."""
    if len(patterns) > MAX_PATTERNS or (patterns and not IS_LINEAR):
        return None
    compiled = []
    for pattern in patterns:
        try:
            if len(pattern.encode()) > MAX_PATTERN_BYTES:
                return None
            compiled.append(compile_pattern(pattern, _MAX_CUSTOM_MEMORY))
        except (re2.error, UnicodeEncodeError):
            return None
    # RE2 also runs a pattern backwards, to find where a match begins.
    size = sum(max(each.programsize, each.reverseprogramsize) for each in compiled)
    return tuple(compiled) if size <= _MAX_PROGRAM else None


def custom_spans(patterns: Sequence[Any], text: bytes) -> list[Span]:
    """Return the spans that users' patterns mask, within `_MAX_WORK`."""
    spans: list[Span] = []
    work = _MAX_WORK
    for pattern in patterns:
        found, work = _match_spans(pattern, text, work)
        spans += found
    return spans


def _match_spans(pattern: Any, text: bytes, work: int) -> tuple[list[Span], int]:
    """Return the spans that a user's pattern masks, and what is left of `_MAX_WORK`."""
    size = max(pattern.programsize, pattern.reverseprogramsize)
    found: list[Span] = []
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
