"""A rule of our own: a pattern, and a judge where the pattern alone cannot tell."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from pod_diagnoser.diagnosis.masking.budget import Budget
from pod_diagnoser.diagnosis.masking.compiling import Span, compile_pattern

QUOTED: Final = r"""(?:\\*"(?:[^"\\\n]|\\.)*"?|\\*'(?:[^'\\\n]|\\.)*'?)"""
"""A value in quotes, as JSON, YAML, Python and shells have them; its end may be missing."""

VALUE: Final = (
    rf"(?:(?:[bur@]|(?:string|char)[(\[]\d+[)\]]\s*|\w{{1,16}}\()?{QUOTED}|[^\s\"'][^\s]*)"
)
"""A value. Without quotes it ends with the word: a password may hold any other character."""

_OPENING: Final = re.compile(
    r"(?i)(?:[bur@]|(?:string|char)[(\[]\d+[)\]]\s*|<<|(\w{1,16})\()?\\*([\"'])"
)
_WRAPPERS: Final = re.compile("(?i)some|ok|just|value|b64|.*(?:secret|string|password|token)")
"""What wraps a value in dumps: Some("…"). Other calls are code."""

_CONTEXT: Final = 256
"""How many bytes of a group, and beside a match, are looked at."""


@dataclass(frozen=True, slots=True)
class Found:
    """What a rule has found in a text.

    Attributes:
        text: the text.
        match: RE2's match.
    """

    text: bytes
    match: Any

    @property
    def groups(self) -> list[str]:
        """What the groups matched, bounded; the last one is what may be a secret."""
        groups = self.match.groups()
        return [(group or b"")[:_CONTEXT].decode(errors="replace") for group in groups]

    @property
    def value(self) -> str:
        """What may be a secret."""
        return self.groups[-1]

    @property
    def before(self) -> str:
        """What is before it on its line."""
        start = self.match.start()
        line = self.text[max(0, start - _CONTEXT) : start].rpartition(b"\n")[2]
        return line.decode(errors="replace")

    @property
    def after(self) -> str:
        """What is after it on its line."""
        line = self.text[self.match.end() : self.match.end() + _CONTEXT].partition(b"\n")[0]
        return line.decode(errors="replace")


@dataclass(frozen=True)
class OwnRule:
    """A rule.

    Attributes:
        hints: patterns of which one occurs in every text that the rule finds something in. They
            tell cheaply that there is nothing to find.
        regex: the pattern; its last group is the secret.
        judge: what decides whether it is one, or None.
    """

    hints: tuple[str, ...]
    regex: str
    judge: Callable[[Found], bool] | None = None

    @cached_property
    def pattern(self) -> Any:
        """The pattern, compiled when it is first needed."""
        return compile_pattern(self.regex)

    def spans(self, text: bytes, budget: Budget) -> Iterator[Span]:
        """Yield where the secrets are that the rule finds in a text."""
        pattern, group = self.pattern, self.pattern.groups
        position = 0
        while (match := pattern.search(text, position)) is not None:
            if not budget.allows(*match.span()):
                yield match.start(), len(text)
                return
            start, end = match.span(group)
            if start < end and (self.judge is None or self.judge(Found(text, match))):
                budget.count_secret()
                yield start, end
                position = max(match.end(), position + 1)
            else:
                position = max(start, position + 1)


def unquoted(value: str) -> str | None:
    """Return what is in quotes in a value, or None if it has none."""
    opening = _OPENING.match(value)
    if opening is None or (opening[1] and not _WRAPPERS.fullmatch(opening[1])):
        return None
    content = value[opening.end() :]
    return content.removesuffix(opening[2]).rstrip("\\") if content else content
