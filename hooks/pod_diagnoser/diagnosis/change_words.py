"""What a version of a template changed, in one line. Pure.

The line is as long as the other lines of a diagnosis; what has no room in it is counted. Names and
images that Kubernetes would not allow stand in quotation marks.
"""

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import datetime
from itertools import groupby, product
from typing import Final

from pod_diagnoser.diagnosis.changes import Difference, How, Part, TemplateChange
from pod_diagnoser.diagnosis.phrases import duration
from pod_diagnoser.diagnosis.quoting import image_forms, name, quote, word
from pod_diagnoser.diagnosis.redaction import redact_head
from pod_diagnoser.diagnosis.statement import MAX_LINE_BYTES

_MAX_IMAGE: Final = 48
_MAX_QUOTED: Final = 40

_WHOLE, _SHORT, _WITHOUT_VALUES = range(3)
"""The forms of clauses: as they are, with shorter images, without images and quantities."""

_WORDS: Final = (Part.FIELD, Part.PROBE, Part.LIMIT, Part.REQUEST, Part.ANNOTATION)
"""Parts whose names are one word, and no name of an object."""

_VARIABLE: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_.-]{0,47}")
_OPTION: Final = re.compile(r"--[A-Za-z][A-Za-z0-9_.-]{0,62}")


def mask_change(change: TemplateChange, patterns: Sequence[str]) -> TemplateChange:
    """Mask secrets in all texts of a change.

    Args:
        change: the change.
        patterns: regular expressions (RE2) of what is masked beside what always is.
    """
    if not change.differences:
        return change

    def masked(text: str) -> str:
        return " ".join(redact_head(text, 512, patterns).split()) if text else ""

    differences = tuple(
        replace(
            each,
            container=masked(each.container),
            name=masked(each.name),
            before=masked(each.before),
            after=masked(each.after),
        )
        for each in change.differences
    )
    return replace(change, differences=differences)


def change_line(change: TemplateChange, crashed: datetime | None, crash: str) -> str:
    """Say in one line which version of a template runs, since when, and what it changed.

    Args:
        change: the version and what it changed, masked.
        crashed: when the crash was that it is set against, or None.
        crash: what that crash is called, as ``this crash``.

    Returns:
        At most `MAX_LINE_BYTES` bytes.
    """
    head = _head(change, crashed, crash)
    tail = ""
    if change.former and change.former_ran is not None:
        tail = f"; revision {change.former} ran for {duration(change.former_ran)}"
    return next(line for line in _lines(change, head, tail) if len(line.encode()) <= MAX_LINE_BYTES)


def _head(change: TemplateChange, crashed: datetime | None, crash: str) -> str:
    head = f"Revision {change.revision}"
    if change.began is None or crashed is None or crashed < change.began:
        return head
    seconds = int((crashed - change.began).total_seconds())
    return f"{head} began {duration(seconds) if seconds else 'just'} before {crash}"


def _lines(change: TemplateChange, head: str, tail: str) -> Iterator[str]:
    """Yield the line in its forms, from the longest to the shortest."""
    if not change.former:
        if change.revision == 1:
            yield f"{head}; it is the first"
        else:
            yield f"{head}; no former revision is kept"
        return
    against = "" if tail else f" from revision {change.former}"
    if not change.differences:
        yield f"{head}: no field that is compared has changed{against}{tail}"
        yield f"{head}: no field that is compared has changed"
        yield head
        return
    for form, ending in product((_WHOLE, _SHORT), (tail, "")):
        if not change.more:
            yield f"{head}: {', '.join(_clauses(change.differences, form))}{against}{ending}"
    for form, ending in product(range(_WITHOUT_VALUES + 1), (tail, "")):
        for count in range(len(change.differences), 0, -1):
            clauses = ", ".join(_clauses(change.differences[:count], form))
            more = len(change.differences) - count + change.more
            others = f" and {more} more" if more else ""
            yield f"{head}: {clauses}{others}{against}{ending}"
    total = len(change.differences) + change.more
    yield f"{head}: {total} {'difference' if total == 1 else 'differences'}{against}"
    yield f"{head}"


def _clauses(differences: Sequence[Difference], form: int) -> Iterator[str]:
    """Put the differences in words, those of one kind together."""

    def kind(each: Difference) -> tuple[object, ...]:
        alone = each.part in (Part.IMAGE, Part.LIMIT, Part.REQUEST)
        return (each.part, each.container, each.how, each.name if alone else "")

    for _, group in groupby(differences, kind):
        yield _clause(list(group), form)


def _clause(group: Sequence[Difference], form: int) -> str:
    first = group[0]
    of = f" of {name(first.container)}" if first.container else ""
    match first.part:
        case Part.IMAGE:
            return _image(first, of, form)
        case Part.LIMIT | Part.REQUEST:
            return _quantity(first, of, form)
        case Part.PROBE:
            return f"{_listed(group)} probe{of} {first.how.value}"
        case Part.FIELD:
            return f"{_listed(group)}{of} {first.how.value}"
    named = f" {_listed(group)}" if first.name else ""
    return f"{first.part.value}{of}{named} {first.how.value}"


def _image(difference: Difference, of: str, form: int) -> str:
    if form < _WITHOUT_VALUES and difference.before and difference.after:
        before, after = _image_name(difference.before, form), _image_name(difference.after, form)
        if before != after:
            return f"image{of} {before} → {after}"
    return f"image{of} changed"


def _image_name(image: str, form: int) -> str:
    forms = image_forms(image)
    if form == _WHOLE:
        return forms[0]
    return forms[-1] if len(forms[-1].encode()) <= _MAX_IMAGE else quote(forms[-1], _MAX_IMAGE)


def _quantity(difference: Difference, of: str, form: int) -> str:
    what = f"{_name_of(difference)} {difference.part.value}{of}"
    if form == _WITHOUT_VALUES:
        return f"{what} {difference.how.value}"
    if difference.how is How.CHANGED:
        return f"{what} {word(difference.before)} → {word(difference.after)}"
    return f"{what} {word(difference.after or difference.before)} {difference.how.value}"


def _listed(group: Sequence[Difference]) -> str:
    names = [_name_of(each) for each in group]
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _name_of(difference: Difference) -> str:
    """Return a name as it may stand in the line: quoted if it is none that is usual."""
    text = difference.name
    if difference.part is Part.ENV:
        return text if _VARIABLE.fullmatch(text) else quote(text, _MAX_QUOTED)
    if difference.part is Part.ARGUMENT:
        return text if _OPTION.fullmatch(text) else quote(text, _MAX_QUOTED)
    if difference.part in _WORDS:
        return word(text)
    return name(text)
