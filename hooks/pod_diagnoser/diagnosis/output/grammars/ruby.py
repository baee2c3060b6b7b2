"""Ruby: uncaught exceptions in both orders, rake, bundler, puma, and crashes of the VM. Pure.

Sources: ruby eval_error.c (rb_error_write, reversed for terminals in 2.5 to 2.7), error.c ([BUG]);
rake lib/rake/application.rb; bundler lib/bundler/friendly_errors.rb; puma lib/puma/runner.rb.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.grammars.traces import start_of, weight_after
from pod_diagnoser.diagnosis.output.levels import level_of

_RAISED: Final = re.compile(
    r"\s{0,4}(?:<internal:[^>\n]{1,200}>|[^\s:]{1,400}|\(eval[^)\n]{0,200}\)):\d{1,7}:(?:in [`'][^\n']{1,300}':)? .{1,3000} \((?:[A-Z]\w{0,80}(?:::)?){1,8}\)\s*$"
)
_RAISED_LONG: Final = re.compile(
    r"\s{0,4}(?:<internal:[^>\n]{1,200}>|[^\s:]{1,400}):\d{1,7}:in [`'][^\n']{1,300}': .{1,3000}"
)
_SYNTAX: Final = re.compile(
    r"\s{0,4}[^\s:]{1,400}\.rb:\d{1,7}: (?:syntax errors? found|syntax error, )"
)
_FROM: Final = re.compile(r"\s+(?:\d{1,4}: )?from ")
_CLASS: Final = re.compile(
    r"(?P<name>(?:[A-Z]\w{0,80}::){0,8}[A-Z]\w{0,80}(?:Error|Exception|NotFound|Invalid)?): ."
)
_FRAME: Final = re.compile(
    r"\s*(?:from )?[^\s:]{1,400}\.rb:\d{1,7}(?::in\b|$)|\s*(?:from )?/\S{1,400}:\d{1,7}:in [`']"
)
_BUNDLER: Final = re.compile(
    r"(?:\[!\] )?(?P<module>Could not find (?:gem )?\S{1,200} in (?:any of the sources|locally installed gems|rubygems|cached|gems)"
    r"|Could not find gem '|Bundler could not find compatible versions|Could not locate Gemfile"
    r"|bundler: command not found: |Could not find 'bundler')"
    r"|(?P<version>Your Ruby version is .{1,100}, but your Gemfile specified)"
    r"|(?P<lock>.{0,60}A server is already running\. ?(?:Check|\())"
    r"|(?P<crash>.{0,400}\[BUG\] )"
    r"|(?P<load>! Unable to load application: )"
)
_CLASSES: Final = {
    "module": ReasonClass.MISSING_MODULE,
    "version": ReasonClass.VERSION_MISMATCH,
    "lock": ReasonClass.LOCK_HELD,
    "crash": ReasonClass.NATIVE_CRASH,
    "load": ReasonClass.UNCAUGHT_EXCEPTION,
}
_ABORTED: Final = re.compile(r"(?:rake|rails) aborted!|bundler: failed to load command")


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if found := _BUNDLER.match(line):
            exact = found["module"] is not None
            yield Finding(number, (number,), _CLASSES[found.lastgroup or "load"], exact=exact)
        elif _SYNTAX.match(line):
            yield Finding(number, (number,), exact=True)
        elif _ABORTED.match(line):
            place = _said(lines, number)
            if place is not None:
                # The message of some exceptions begins with a new line.
                below = (place + 1,) * lines[place].rstrip().endswith(":")
                yield Finding(number, (*below, place))
        elif _FROM.match(line):
            continue
        elif _RAISED.match(line) or (_RAISED_LONG.match(line) and _followed(lines, number)):
            yield Finding(start_of(lines, number), (number,), weight=weight_after(lines, number))
        elif _said_above_frames(lines, number):
            yield Finding(number, (number,), weight=min(weight_after(lines, number), Weight.LOGGED))


def _said_above_frames(lines: Sequence[str], number: int) -> bool:
    """Say whether a line is what a program prints of an exception before its frames."""
    below = lines[number + 1 : number + 3]
    if not below or not _FRAME.match(below[0]):
        return False
    if _CLASS.match(lines[number]):
        return True
    # The message alone, as of ``puts error.message, error.backtrace``
    return (
        len(below) > 1
        and _FRAME.match(below[1]) is not None
        and not _FRAME.match(lines[number])
        and level_of(lines[number]) is None
    )


def _followed(lines: Sequence[str], number: int) -> bool:
    return any(map(_FROM.match, lines[number + 1 : number + 6]))


def _said(lines: Sequence[str], number: int) -> int | None:
    """Return the line after a headline that says what it was about."""
    for place in range(number + 1, min(number + 4, len(lines))):
        if (
            _RAISED.match(lines[place])
            or _RAISED_LONG.match(lines[place])
            or _CLASS.match(lines[place])
        ):
            return place
    return number + 1 if number + 1 < len(lines) else None


GRAMMAR: Final = Grammar(
    "ruby",
    (
        ".rb:",
        "ruby",
        "gem",
        "aborted!",
        "bundler",
        ":in `",
        ":in '",
        "a server is already",
        "! unable to load",
    ),
    _find,
)
