"""Lines of no known form that speak of an error. Pure."""

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight
from pod_diagnoser.diagnosis.output.levels import Level, level_of
from pod_diagnoser.diagnosis.output.noise import (
    end_of_what_counts,
    has_own_grammar,
    is_headline,
    is_noise,
    is_of_request,
    is_wrapper,
)
from pod_diagnoser.diagnosis.output.reading import MAX_LINES

_MAX_AFTER: Final = 6
"""After how many more lines such a line is not told as the reason."""

_MAX_AFTER_START: Final = 25
"""The same for a line that begins by saying that it failed."""

_WHEN: Final = r"(?:\[?\d{4}[-/]\d{2}[-/]\d{2}[T ][\d:.,Z+-]{8,20}\]?:? )?"
_TOLD: Final = re.compile(
    rf"\s{{0,8}}{_WHEN}[\[(<]?(?:(?:TRACE|DEBUG|VERBOSE|INFO|NOTICE|LOG|WARN(?:ING)?)\b"
    r"|(?i:trace|debug|verbose|info|notice|note|hint|tip|warn(?:ing)?)(?:[\])>:]| - ))"
)
"""Lines that say at their start that they are no error."""

_MAX_RECORDS: Final = 200
"""Records in JSON, which cannot begin by saying that it failed, are looked at so near the end."""

_OFTEN: Final = 3
"""How often a line is repeated to count for more than one that stands there once."""

_MAX_KIND: Final = 40
"""How long a line is at most that only names the kind of an error."""

_DIGITS: Final = re.compile(r"[0-9a-f]{0,64}\d[0-9a-f]{0,64}")

_START: Final = re.compile(
    r"(?:\d{4}[-/]\d{2}[-/]\d{2}[T ][\d:.,Z+-]{8,20} )?(?:[\w./@:-]{1,80}: )?"
    r"(?:\* |!{1,3} |>+ |-> |[│┃] |\[[!x✗✘]\] |[✖✗✘❌\u2a2f\u00d7] {0,2})?"
    # Options error: …, Parse error on line 3, Exim configuration error in …
    r"(?:(?:[A-Z][\w-]{1,20} (?:[a-z]{2,20} )?|parser )error(?=:| in | at | on | near )"
    r"|(?:fatal |FATAL |Fatal )?error\b|Error\b|ERROR\b|ORA-\d{5}: |fatal\b|FATAL\b|Fatal\b|"
    r"(?:[Uu]nable|[Ff]ailed|[Rr]efusing) to |[Cc]annot |[Cc]an't |[Cc]ould(?: not|n't) )"
    r"(?!s?[=:] ?(?:0|null|none|false)\b|\.log|_log| log| (?:ID|[Cc]ode): *$)"
)
"""What begins by saying that it failed."""

_AT_PLACE: Final = re.compile(
    r"(?:[\w.-]{1,40}: )?(?:\.{0,2}/)?[\w./-]{1,200}(?<!\.go):\d{1,6}(?::\d{1,5})?: (?!.{0,40}\bwarning: )"
)
"""A place in a file: what a parser says of it."""

_PATH: Final = re.compile(r"(?<![\w=:.~/-])/[^\s:,;'\"()<>]{1,300}")
"""Names of files may hold any word."""

_WORDS: Final = (
    "fatal", "error", "failed", "failure", "cannot", "can't", "couldn't", "could not", "unable to",
    "refused", "denied", "no such", "invalid", "not found", "not writable", "not set", "must be",
    "required", "requires", "missing", "does not exist", "timed out", "not permitted", "unexpected", "unknown",
    "unsupported", "in use", "not supported", "corrupt", "unrecognized", "mismatch", "expired",
    "timeout occurred", "timeout exceeded", "timeout expired", "timeout after", "timeout waiting",
    "exceeded", "too many", "out of", "no space", "can not", "please configure", "please specify",
    "please provide", "please set", "refusing to", "already running",
    "must set", "must specify", "must provide", "need to set", "need to specify", "need to provide",
    "ora-", "giving up", "request timeout", "unavailable", "doesn't exist", "do not exist", "non-existent", "nonexistent",
    "but found", "but got", "not valid", "isn't valid", "can't find", "not allowed", "incompatible",
)  # fmt: skip
_WHOLE_WORDS: Final = re.compile(rf"\b(?:{'|'.join(_WORDS)})\b")
_RARER: Final = re.compile(
    r"\b(?:illegal|wrong|is empty|malformed|forbidden|unauthorized|unreachable|broken|insufficient|exhausted"
    r"|conflicts? with|already exists|must not|duplicate|violat\w{2,5}|rejected|unresolved|undefined|no route"
    r"|not enough|nowhere|aborted|bad (?:\w{1,20} )?(?:config|value|option|argument|request|file))\b",
    re.IGNORECASE,
)
_NAMED: Final = re.compile(
    r"\b[A-Z][A-Za-z0-9]{2,60}(?:Error|Exception|Failure)\b|\bE(?:CONN[A-Z]{3,8}|NOENT|ACCES|PERM|ADDR[A-Z]{3,9}|NOSPC|TIMEDOUT|HOSTUNREACH|AI_\w{1,9}|XIST|INVAL|NOTFOUND)\b"
    r"|\b[A-Z]{2,20}(?:_[A-Z]{2,20}){0,4}_(?:REFUSED|DENIED|FAILED|TIMEOUT|ERROR|NOT_FOUND|INVALID|MISSING|UNAVAILABLE)\b"
)
"""Names of errors, and words that say less surely that something failed: told right at the end."""

_MAX_RARER: Final = 60
"""How many of the last lines are looked at for them."""

_MAX_AFTER_RARER: Final = 2
"""After how many more lines a line with such words is not told as the reason."""

_HEALTHY: Final = re.compile(
    r"\berrors?[ ._-]?(?:log|file|page|handler|reporting|level|rate|count)"
    r"|\b(?:errors?|failed|failures?|missing|invalid|skipped)['\"]?\s?[=:]\s?['\"]?(?:0|null|none|false|nil)\b"
    r"|\b(?:0|no|without|zero) (?:errors?|failures?|failed)|not (?:an? )?(?:fatal|error)|if (?:an )?err"
    r"|\bon[_-]?error|ignor|deprecat|optional|\bdisabling\b|falling back|logging errors|\berrors?=(?:trace|debug|info|warn|error|off)\b|skipp|retry(?:ing)?|will (?:use|be|try)|using default|copying now"
    r"|\b(?:not|no|nothing|never)\b[^:]{0,40}\b(?:required|needed|missing)\b",
)
_FAILS: Final = re.compile(
    r"\b(?:fatal|error|fail(?:ed|ure)|cannot|can't|couldn't|could not|unable to|refused|denied|no such"
    r"|invalid|not found|does not exist|timed out|corrupt|mismatch|not supported|in use"
    r"|not valid|unknown|unsupported|unrecogni[sz]ed|unexpected|can't find|not allowed|incompatible)\b"
)
"""Words that say what failed count before those that say what is needed."""

_SPAWN: Final = re.compile(r"\bINFO spawnerr: ")
"""supervisord tells at INFO that it cannot start a program."""

_SAYS_LITTLE: Final = re.compile(
    r"\W{0,8}(?:\w{1,20} ){1,4}(?:failed|failure|error|unsuccessful)(?: \w{1,12})?[.!\s]*$",
    re.IGNORECASE,
)
"""What names no more than the step that failed."""

_TERMS: Final = re.compile(
    r"\b(?:you (?:need to|must|have to)|please) (?:agree|accept)\b|\b(?:licen[cs]e|agreement|eula|terms)\b.{0,80} must be accepted",
    re.IGNORECASE,
)
"""Terms that were not accepted: at whatever level it is said, it is the end."""

_VAGUE: Final = re.compile(
    r"\b(?:[Ff]ailed|[Uu]nable|[Cc]ould not|[Cc]annot|[Cc]ouldn't) [^:=,/'\"]{0,60}: *$"
)
"""What says that something failed, and leaves to the next line why."""

_ENDS_WITH: Final = re.compile(
    r"(?:\d{4}[-/]\d{2}[-/]\d{2}[T ][\d:.,Z+-]{8,20} )?(?:(?:[Ee]rror|ERROR|[Ff]atal|FATAL): )?"
    r"(?:(?:[Ff]ailed|[Uu]nable|[Cc]annot|[Cc]an't|[Cc]ould not|[Cc]ouldn't) [^:]{1,200}: (?!(?:false|null|undefined|true)$)\S"
    # As programs tell on standard error: hub: invalid …
    r"|[a-z][\w.-]{1,40}: (?:invalid|failed|cannot|can't|could not|unable|missing|unknown|bad|no) \S)"
)
"""What failed, and why: as the last line of all, it is what the program ended with."""

_FRAME: Final = re.compile(r"\s+(?:at |from |File \"|\.{3} |-{1,2}\w)")
"""What is set in below a message without being a part of it."""

_GO: Final = re.compile(r"\d{4}/\d{2}/\d{2} \d{2}:\d{2}:\d{2}(?:\.\d{6})? ")
"""The form of Go's package log."""

_MISSING: Final = re.compile(
    r"is not set|must (?:be )?set|is required|must (?:be )?(?:specif|provid|defin)|not (?:specified|provided|"
    r"defined|configured|given)|no .{1,40} given|is missing|missing (?:required |env)",
    re.IGNORECASE,
)


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    weak: list[int] = []
    rarer: list[int] = []
    near_end = len(lines) - _MAX_RARER
    strong: list[int] = []
    for number in range(end_of_what_counts(lines, _MAX_AFTER_START), len(lines)):
        line = lines[number]
        if line[0] == "{" and len(lines) - number > _MAX_RECORDS:
            continue
        said = line[:600]
        lowered = said.lower()
        if ("agree" in lowered or "accept" in lowered) and _TERMS.search(said):
            yield Finding(number, (number,), ReasonClass.MISSING_CONFIGURATION, exact=True)
            continue
        if not any(word in lowered for word in _WORDS):
            if number >= near_end and (_RARER.search(said) or _NAMED.search(said)):
                rarer.append(number)
            continue
        if "/" in lowered:
            lowered = _PATH.sub("/", lowered)
        if not _WHOLE_WORDS.search(lowered):
            if number >= near_end and _NAMED.search(said):
                rarer.append(number)
            continue
        if not _may_count(line, lowered):
            continue
        ends = number == len(lines) - 1 and _ENDS_WITH.match(said)
        if ends or _START.match(said) or _AT_PLACE.match(said):
            strong.append(number)
        else:
            weak.append(number)
    for number in strong:
        last = (
            is_headline(lines[number])
            if number < len(lines) - 1
            else _ENDS_WITH.match(lines[number])
        )
        yield Finding(number, (number,), weight=Weight.FATAL if last else Weight.LOGGED)
    near = _weak_near_end(lines, weak)
    if not near and rarer and not strong:
        end = end_of_what_counts(lines, _MAX_AFTER_RARER)
        near = [
            number
            for number in rarer
            if number >= end and _may_count(lines[number], lines[number][:600].lower())
        ]
    yield from (Finding(number, (number,), weight=Weight.WEAK) for number in near)


def _weak_near_end(lines: Sequence[str], weak: Sequence[int]) -> list[int]:
    """Return those of the lines with words of an error that are near the end and say most."""
    if not weak:
        return []
    end = end_of_what_counts(lines, _MAX_AFTER)
    near = [number for number in weak if number >= end]
    failed = [
        number
        for number in near
        if _FAILS.search(lines[number][:600].lower()) and not is_wrapper(lines[number])
    ]
    told = [number for number in failed if not _SAYS_LITTLE.match(lines[number])]
    return _repeated(lines, told or failed or near)


def _may_count(line: str, lowered: str) -> bool:
    """Say whether a line with words of an error can be the reason."""
    if _HEALTHY.search(lowered) or is_noise(line) or is_of_request(line) or has_own_grammar(line):
        return False
    if _SPAWN.search(line[:120]):
        return True
    level = level_of(line)
    return not _TOLD.match(line) and (level is None or level >= Level.ERROR)


def _repeated(lines: Sequence[str], numbers: list[int]) -> list[int]:
    """Return those of the lines that are repeated most, numbers in them aside; or else all."""
    masked = {number: _DIGITS.sub("0", lines[number][:300]) for number in numbers}
    counts = Counter(masked.values())
    if not counts or max(counts.values()) < _OFTEN:
        return numbers
    most = max(counts.values())
    return [number for number in numbers if counts[masked[number]] == most]


def _complete(lines: Sequence[str], finding: Finding) -> Finding:
    (number,) = finding.quotes
    quotes: tuple[int, ...] = (number,)
    if lines[number].rstrip().endswith(":") and number + 1 < len(lines):
        quotes = (number, number + 1)
        if lines[number + 1].rstrip().endswith(":") and number + 2 < len(lines):
            quotes = (*quotes, number + 2)
        if is_headline(lines[number]):
            quotes = (*quotes[1:][::-1], number)
        elif _VAGUE.search(lines[number]) or _is_within(lines[number], lines[number + 1]):
            quotes = (quotes[1], number, *quotes[2:])
        elif _is_kind(lines[number + 1 : number + 3]):
            quotes = (number + 2, number + 1, number)
        elif len(quotes) == MAX_LINES:
            # Two lines that only announce the third.
            quotes = quotes[::-1]
    said = " ".join(lines[each] for each in quotes)
    name = ReasonClass.MISSING_CONFIGURATION if _MISSING.search(said) else None
    return replace(
        finding,
        quotes=quotes,
        reason_class=name or finding.reason_class or ReasonClass.INVALID_CONFIGURATION,
        meaning=said,
        runtime="go" if _GO.match(lines[number]) else "",
    )


def _is_within(line: str, below: str) -> bool:
    """Say whether a line is set in below another: it tells what that one only announces."""
    return _indent(below) > _indent(line) and _FRAME.match(below) is None


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip())


def _is_kind(lines: Sequence[str]) -> bool:
    """Say whether the first of two lines only names the kind of what the second, indented, says."""
    return (
        len(lines) > 1
        and len(lines[0]) <= _MAX_KIND
        and ":" not in lines[0]
        and not lines[0][:1].isspace()
        and lines[1][:1].isspace()
    )


GRAMMAR: Final = Grammar("", (), _find, _complete)
