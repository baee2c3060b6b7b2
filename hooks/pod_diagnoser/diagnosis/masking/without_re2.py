"""RE2's patterns with Python's own engine, for the command line where google-re2 is not installed.

Python's engine backtracks: the patterns of this project take it a time that is not linear, but
bounded by the few KiB that are read of a text. Users' patterns may take any time: they are refused.
The hook never runs on it (`pod_diagnoser.server.app`).
"""

import re
import warnings
from functools import lru_cache
from typing import Final, NamedTuple

Span = tuple[int, int]

_TOKEN: Final = re.compile(
    r"\\(?:x\{(?P<code>[0-9A-Fa-f]+)\}|p\{(?P<script>\w+)\}|(?P<escaped>.))"
    r"|\[:(?P<posix>\w+):\]"
    r"|\(\?(?P<flags>[a-z]+)\)"
    r"|(?P<plain>.)",
    re.DOTALL,
)
_POSIX: Final = {"alnum": "0-9A-Za-z", "alpha": "A-Za-z", "digit": "0-9", "xdigit": "0-9A-Fa-f"}
_SCRIPTS: Final = {
    "Cyrillic": r"[\u0400-\u052f]",
    "Han": r"[\u2e80-\u2fd5\u3005\u3007\u3021-\u3029\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff]",
    "Katakana": r"[\u30a1-\u30fa\u30fd-\u30ff\u31f0-\u31ff\uff66-\uff9d]",
    "Hangul": r"[\u1100-\u11ff\u3131-\u318e\ua960-\ua97c\uac00-\ud7af]",
}


def translate(pattern: str) -> str:
    """Translate a pattern of RE2's into one of Python's that means the same."""
    parts: list[str] = []
    open_groups = [0]
    """For each group that is open how many groups were opened in it for flags."""
    in_class, multiline = False, "(?im)" in pattern or "(?m)" in pattern
    for token in _TOKEN.finditer(pattern):
        text = token[0]
        if text[0] == "\\":
            parts.append(_escape(token))
        elif in_class:
            parts.append(_in_class(token))
            in_class = text != "]" or parts[-2:] in (["[", "]"], ["^", "]"])
        elif token["flags"]:
            parts.append(f"(?{token['flags']}:")
            open_groups[-1] += 1
        elif text == "[":
            parts.append(text)
            in_class = True
        elif text == "(":
            parts.append(text)
            open_groups.append(0)
        elif text == ")":
            parts.append(")" * open_groups.pop() + ")")
        elif text == "$" and not multiline:
            parts.append(r"\Z")
        else:
            parts.append(text)
    return "".join(parts) + ")" * open_groups[0]


def _escape(token: re.Match[str]) -> str:
    if token["code"]:
        return re.escape(chr(int(token["code"], 16)))
    if token["script"]:
        return _SCRIPTS[token["script"]]
    return r"\Z" if token[0] == r"\z" else token[0]


def _in_class(token: re.Match[str]) -> str:
    if token["posix"]:
        return _POSIX[token["posix"]]
    # Python warns of what may become sets in sets one day.
    return f"\\{token[0]}" if token[0] in "[&~|" else token[0]


class Found(NamedTuple):
    """A match, as google-re2 gives it: its places are those of bytes."""

    text: bytes
    spans: tuple[Span, ...]
    re: "Pattern"

    def span(self, group: int = 0) -> Span:
        """Return from where to where a group is; (-1, -1) where it did not match."""
        return self.spans[group]

    def start(self, group: int = 0) -> int:
        """Return where a group begins."""
        return self.spans[group][0]

    def end(self, group: int = 0) -> int:
        """Return where a group ends."""
        return self.spans[group][1]

    def group(self, group: int = 0) -> bytes | None:
        """Return what a group matched, or None."""
        start, end = self.spans[group]
        return self.text[start:end] if start >= 0 else None

    def groups(self) -> tuple[bytes | None, ...]:
        """Return what each group matched."""
        return tuple(map(self.group, range(1, len(self.spans))))


class Pattern:
    """A pattern that searches texts in UTF-8."""

    def __init__(self, pattern: str) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)
            self._compiled = re.compile(translate(pattern), re.ASCII)

    @property
    def groups(self) -> int:
        """How many groups it has."""
        return self._compiled.groups

    def search(self, text: bytes, position: int = 0) -> Found | None:
        """Find its first match that begins at a byte, or after it."""
        decoded = _decoded(text)
        match = self._compiled.search(decoded, _characters(text, position))
        if match is None:
            return None
        spans = (match.span(index) for index in range(self.groups + 1))
        return Found(text, tuple(_bytes(decoded, *span) for span in spans), self)


class PatternSet:
    """Patterns of which it is told which occur in a text, by their index."""

    def __init__(self, patterns: list[str]) -> None:
        self._patterns = list(map(Pattern, patterns))

    # As google-re2 spells it.
    def Match(self, text: bytes) -> list[int]:  # noqa: N802
        """Return the indexes of the patterns that occur in a text."""
        return [index for index, each in enumerate(self._patterns) if each.search(text)]


@lru_cache(maxsize=8)
def _decoded(text: bytes) -> str:
    return text.decode(errors="surrogateescape")


def _characters(text: bytes, position: int) -> int:
    """Return how many characters there are before a byte."""
    return position if text.isascii() else len(text[:position].decode(errors="surrogateescape"))


def _bytes(text: str, start: int, end: int) -> Span:
    if start < 0 or text.isascii():
        return start, end
    first = len(text[:start].encode(errors="surrogateescape"))
    return first, first + len(text[start:end].encode(errors="surrogateescape"))
