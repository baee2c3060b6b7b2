"""The three lines of a diagnosis, each short enough to be seen whole. Pure.

``kubectl describe`` truncates each line of a long annotation after 138 bytes. Source: kubectl
``pkg/describe/describe.go`` (printAnnotationsMultiline, maxAnnotationLen).

A line is made from a template: text with ``{placeholders}``, and ``[groups]`` that may be left out.
A group is left out where one of its placeholders is empty. Where the line is too long, groups after
a quoted text from outside are left out, then quoted text loses its middle, then names take shorter
forms, then groups are left out from the last one on, and at last commands take shorter forms.
Nothing else is ever cut.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Generic, NamedTuple, TypeVar

from pod_diagnoser.api.text import truncate_bytes
from pod_diagnoser.diagnosis.quoting import quote, quote_whole, quoted_length

T = TypeVar("T")

MAX_LINE_BYTES: Final = 138
"""The most bytes of a line."""

_MIN_QUOTED_BYTES: Final = 64
"""To how many bytes quoted text is shortened before anything else is given up for it."""

_PREFERRED_QUOTED_BYTES: Final = 112
"""Up to how many bytes of quoted text are worth more than the groups after it, which quote none."""

_LEAST_QUOTED_BYTES: Final = 12


@dataclass(frozen=True, slots=True)
class Outside:
    """A text from outside: it is quoted, and may lose its middle.

    Attributes:
        text: the text.
        keep: words in it that stay as long as there is room for them: the proof of what is said.
    """

    text: str
    keep: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Forms:
    """Words of which there are shorter forms.

    Attributes:
        texts: the forms, from the longest to the shortest.
        is_command: whether it is a command: it stays whole as long as there is another way.
    """

    texts: tuple[str, ...]
    is_command: bool = False


Value = str | Outside | Forms
"""What fills a placeholder. An empty one leaves out its group."""


@dataclass(frozen=True, slots=True)
class Statement:
    """What happened, what proves it, and what to do next: each at most `MAX_LINE_BYTES`, whole.

    Attributes:
        diagnosis: what happened, the most specific fact first.
        evidence: what proves it, and what is not proved.
        next_step: one thing to do; a command where there is one.
    """

    diagnosis: str
    evidence: str
    next_step: str


class Part(NamedTuple, Generic[T]):
    """A literal text, or a placeholder, of a template about something of type `T`.

    Attributes:
        group: the number of the group that it belongs to; 0 for none.
        text: the literal text; empty for a placeholder.
        fill: returns what fills the placeholder; None for a literal text.
    """

    group: int
    text: str
    fill: Callable[[T], Value] | None


_TOKEN: Final = re.compile(r"\{(\w+)\}|([\[\]])|([^\[\]{}]+)")


def compile_template(
    template: str, filler_of: Callable[[str], Callable[[T], Value]]
) -> tuple[Part[T], ...]:
    """Split a template, which takes far longer than to fill it.

    Args:
        template: the template.
        filler_of: returns for a placeholder's name what fills it.

    Raises:
        ValueError: it is not well formed. Groups do not nest.
    """
    parts: list[Part[T]] = []
    group, opened, position = 0, 0, 0
    for token in _TOKEN.finditer(template):
        if token.start() != position:
            raise ValueError(template)
        position = token.end()
        placeholder, bracket, literal = token.groups()
        if bracket:
            if (bracket == "[") == bool(group):
                raise ValueError(template)
            opened += bracket == "["
            group = opened if bracket == "[" else 0
        elif placeholder:
            parts.append(Part(group, "", filler_of(placeholder)))
        else:
            parts.append(Part(group, literal, None))
    if position != len(template) or group:
        raise ValueError(template)
    return tuple(parts)


@dataclass(slots=True)
class _Piece:
    """A part of a line in the making, in the form that it has at present."""

    group: int
    value: Value
    form: int = 0

    def fixed(self) -> str:
        """The text in its present form; empty for text from outside."""
        if isinstance(self.value, Forms):
            return self.value.texts[self.form] if self.value.texts else ""
        return "" if isinstance(self.value, Outside) else self.value


def fit_line(template: Sequence[Part[T]], about: T, limit: int = MAX_LINE_BYTES) -> str:
    """Make a line from a template.

    Args:
        template: the template, compiled. What fills it is never read as a template.
        about: what fills it.
        limit: the most bytes of the line.
    """
    values = [part.text if part.fill is None else part.fill(about) for part in template]
    texts = [value if type(value) is str else _whole(value) for value in values]
    if "" in texts:
        without = {part.group for part, text in zip(template, texts, strict=True) if not text}
        without.discard(0)
        for number, part in enumerate(template):
            if part.group in without:
                texts[number] = values[number] = ""
    whole = "".join(texts)
    if len(whole) <= limit and (whole.isascii() or len(whole.encode()) <= limit):
        return whole  # the usual case
    pieces = zip(template, values, strict=True)
    return _shortened([_Piece(part.group, value) for part, value in pieces], limit)


def _whole(value: Value) -> str:
    """Return a value as it stands in a line where there is room enough."""
    if isinstance(value, str):
        return value
    if isinstance(value, Forms):
        return value.texts[0] if value.texts else ""
    return quote_whole(value.text) if value.text else ""


def _shortened(pieces: list[_Piece], limit: int) -> str:
    """Make a line of pieces that are too long."""
    while _line(pieces, limit, _PREFERRED_QUOTED_BYTES) is None and _drop_unquoted_group(pieces):
        pass
    while True:
        line = _line(pieces, limit, _MIN_QUOTED_BYTES)
        if line is not None:
            return line
        if not (_shorten_name(pieces) or _drop_group(pieces) or _shorten_command(pieces)):
            break
    line = _line(pieces, limit, _LEAST_QUOTED_BYTES)
    return line if line is not None else _without_clauses("".join(p.fixed() for p in pieces), limit)


def _without_clauses(text: str, limit: int) -> str:
    """Leave out the last clauses of a text of ours that is too long, whole."""
    if len(text.encode()) <= limit:
        return text
    head = text.encode()[:limit].decode(errors="ignore")
    for mark in ("; ", ": "):
        kept = head.rpartition(mark)[0]
        if kept and kept.count('"') % 2 == 0:
            return kept
    return truncate_bytes(text, limit)


def _line(pieces: Sequence[_Piece], limit: int, least: int) -> str | None:
    """Join the pieces, with as much of quoted texts as there is room for; None if that is less."""
    texts = [piece.fixed() for piece in pieces]
    quoted = [
        (number, piece.value)
        for number, piece in enumerate(pieces)
        if isinstance(piece.value, Outside) and piece.value.text
    ]
    room = limit - sum(len(text.encode()) for text in texts)
    for rank, (number, outside) in enumerate(sorted(quoted, key=lambda each: len(each[1].text))):
        # The shortest comes first: what it leaves is for the others.
        share = room // (len(quoted) - rank)
        length = quoted_length(outside.text)
        if share < min(length, least):
            return None
        texts[number] = quote(outside.text, share, outside.keep)
        room -= len(texts[number].encode())
    return "".join(texts) if room >= 0 else None


def _shorten_name(pieces: Sequence[_Piece]) -> bool:
    return _take_shorter_form(pieces, is_command=False)


def _shorten_command(pieces: Sequence[_Piece]) -> bool:
    return _take_shorter_form(pieces, is_command=True)


def _take_shorter_form(pieces: Sequence[_Piece], *, is_command: bool) -> bool:
    """Give the longest piece that has a shorter form that form."""
    candidates = [
        piece
        for piece in pieces
        if isinstance(piece.value, Forms)
        and piece.value.is_command is is_command
        and piece.form + 1 < len(piece.value.texts)
    ]
    if not candidates:
        return False
    max(candidates, key=lambda piece: len(piece.fixed())).form += 1
    return True


def _drop_group(pieces: list[_Piece]) -> bool:
    """Leave out the last group."""
    last = max((piece.group for piece in pieces), default=0)
    if not last:
        return False
    pieces[:] = [piece for piece in pieces if piece.group != last]
    return True


def _drop_unquoted_group(pieces: list[_Piece]) -> bool:
    """Leave out the last group if it comes after a text from outside and has none itself."""
    last = max((piece.group for piece in pieces), default=0)
    quoted = [n for n, piece in enumerate(pieces) if isinstance(piece.value, Outside)]
    if not last or not quoted or any(pieces[n].group == last for n in quoted):
        return False
    if quoted[0] > next(n for n, piece in enumerate(pieces) if piece.group == last):
        return False
    return _drop_group(pieces)


def with_suffix(line: str, suffixes: Sequence[str]) -> str | None:
    """Append the first suffix that fits; None if none does."""
    return next(
        (
            line + suffix
            for suffix in suffixes
            if len(line.encode()) + len(suffix.encode()) <= MAX_LINE_BYTES
        ),
        None,
    )


def join_sentences(sentences: Sequence[str], limit: int) -> str:
    """Join sentences, leaving out whole ones that are too long; for Events, which are bounded."""
    joined = ""
    for sentence in filter(None, sentences):
        longer = f"{joined} {sentence}" if joined else sentence
        if len(longer.encode()) <= limit:
            joined = longer
    return joined
