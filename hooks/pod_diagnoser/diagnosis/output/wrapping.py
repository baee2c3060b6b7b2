"""What wraps the lines of a program: collectors' and viewers' timestamps and names. Pure.

It is taken off only where most lines have it: otherwise it is the program's own.

Sources: Docker's json-file driver; CRI's log format (kubernetes/cri-api, kubelet pkg/kubelet/
kuberuntime/logs); ``kubectl logs --timestamps`` and ``--prefix``; docker compose; foreman,
honcho and overmind; Google Cloud's Logs Explorer; npm's concurrently; systemd's journalctl.
"""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

_SAMPLE: Final = 64
"""How many lines are looked at to see whether lines are wrapped."""

_SHARE: Final = 0.5
"""Which part of the lines must be wrapped: others of a viewer's own stand between."""

_OWN_SHARE: Final = 0.75
"""The same where it may be the program's own."""

_ROUNDS: Final = 3
"""How many wrappings are taken off, one within another."""


class Unwrapped(NamedTuple):
    """A line without what wraps it.

    Attributes:
        raw: the line as it stands.
        text: the same without wrapping, for matching.
        own: the same without what collectors put there, to quote.
        stream: which service wrote it, where that is said.
    """

    raw: str
    text: str
    own: str
    stream: str


@dataclass(frozen=True, slots=True)
class _Wrapping:
    """How one collector wraps lines.

    Attributes:
        prefix: what stands before a line; the group ``stream`` is who wrote it.
        own: that it may be the program's own, so that a quote keeps it.
        first: that nothing of the program's own stands before it: ``[7]`` after its time is a
            process.
    """

    prefix: re.Pattern[str]
    own: bool = False
    first: bool = False


_TIME: Final = r"\d{2}:\d{2}:\d{2}(?:[.,]\d{1,9})?"
_ZONE: Final = r"(?: ?(?:Z|UTC|[+-]\d{2}:?\d{2}))?"

_ANSI: Final = re.compile(
    r"\x1b(?:\[[0-9;:?]{0,32}[ -/]?[@-~]|\][^\x07\x1b]{0,256}\x07?|[()][0AB]|[=>])"
    r"|\[[0-9;]{1,10}m"
)

_DOCKER: Final = '{"log":"'

_WRAPPINGS: Final = (
    _Wrapping(re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}T{_TIME}{_ZONE} (?:stdout|stderr) [FP] ?")),
    _Wrapping(re.compile(rf"\d{{4}}-\d{{2}}-\d{{2}}T{_TIME}Z(?: |$)")),
    _Wrapping(
        re.compile(
            rf"[A-Z]{{4,9}} \d{{4}}-\d{{2}}-\d{{2}}T{_TIME}Z "
            r"\[resource\.labels\.containerName: (?P<stream>[\w.-]{1,63})\] ?"
        )
    ),
    _Wrapping(re.compile(r"\[pod/(?P<stream>[\w.-]{1,253}/[\w.-]{1,63})\] ?")),
    _Wrapping(re.compile(rf"{_TIME} (?P<stream>[\w.-]{{1,63}}) +\| ?")),
    _Wrapping(re.compile(r"(?P<stream>[A-Za-z][\w.-]{1,62})\s{1,40}\|(?:\s|$)")),
    _Wrapping(re.compile(r"\[(?P<stream>\d{1,2})\] "), first=True),
    _Wrapping(
        re.compile(
            rf"(?:[A-Z][a-z]{{2}} [ \d]\d {_TIME}|\d{{4}}-\d{{2}}-\d{{2}}T{_TIME}{_ZONE}) "
            r"[\w.-]{1,253} (?P<stream>[\w@./-]{1,255})(?:\[\d{1,10}\])?: ?"
        )
    ),
    # Cited in a message
    _Wrapping(re.compile(r"> ?"), own=True),
    # Ceph in a container
    _Wrapping(re.compile(r"debug (?=\d{4}-\d{2}-\d{2}T)"), own=True),
    _Wrapping(
        re.compile(rf"\[?\d{{4}}[-/]\d{{2}}[-/]\d{{2}}[T ]{_TIME}{_ZONE}\]?(?:\s|$)"), own=True
    ),
    _Wrapping(re.compile(rf"[A-Z][a-z]{{2}} {{1,2}}\d{{1,2}} {_TIME}{_ZONE}\s"), own=True),
)


_TRACE: Final = re.compile(
    r"(?P<prefix>.{2,60}?)(?:Traceback \(most recent call last\):|Exception in thread \"|panic: |goroutine \d+ \[)"
)
"""The first line of a trace behind words of the program that relays it."""

_RELAYED: Final = 3
"""How many lines of a trace the same words stand before at least."""


def unwrap(lines: Sequence[str]) -> list[Unwrapped]:
    """Take off what wraps each of most lines, once or one within another."""
    return _without_relay(_without_wrappings(lines))


def _without_relay(lines: list[Unwrapped]) -> list[Unwrapped]:
    """Take off the words that a program puts before each line of a trace that it relays."""
    for number, line in enumerate(lines):
        found = _TRACE.match(line.text) if ":" in line.text or "[" in line.text else None
        if found is None or found["prefix"].isspace():
            continue
        prefix = re.compile(re.sub(r"\d+", r"\\d+", re.escape(found["prefix"])))
        below = lines[number + 1 : number + 1 + _RELAYED]
        if len(below) == _RELAYED and all(prefix.match(each.text) for each in below):
            relay = _Wrapping(prefix, own=True)
            return [_strip(each, relay) for each in lines]
    return lines


def _without_wrappings(lines: Sequence[str]) -> list[Unwrapped]:
    unwrapped = [Unwrapped(line, _plain(line), line.strip(), "") for line in lines]
    if _most(lines, lambda text: text.startswith(_DOCKER)):
        unwrapped = [_from_docker(line) for line in unwrapped]
    if _most(lines, lambda text: text.endswith(",")):
        unwrapped = [line._replace(text=line.text.removesuffix(",")) for line in unwrapped]
    own = False
    for _ in range(_ROUNDS):
        texts = _sample([line.text for line in unwrapped])
        for wrapping in _WRAPPINGS:
            if wrapping.first and own:
                continue
            if _most(texts, wrapping.prefix.match, _OWN_SHARE if wrapping.own else _SHARE):
                unwrapped = [_strip(line, wrapping) for line in unwrapped]
                own = own or wrapping.own
                break
        else:
            break
    return unwrapped


def _plain(line: str) -> str:
    """Return a line without colours, also where a viewer has lost a part of them."""
    return _ANSI.sub("", line) if "\x1b" in line or "[0m" in line else line


def _most(texts: Sequence[str], holds: Callable[[str], object], share: float = _OWN_SHARE) -> bool:
    sample = _sample(texts)
    return len(list(filter(holds, sample))) > len(sample) * share


def _sample(texts: Sequence[str]) -> Sequence[str]:
    return texts[:: max(1, len(texts) // _SAMPLE)]


def _strip(line: Unwrapped, wrapping: _Wrapping) -> Unwrapped:
    found = wrapping.prefix.match(line.text)
    if found is None:
        return line
    text = line.text[found.end() :]
    stream = found.groupdict().get("stream") or ""
    return Unwrapped(
        line.raw, text, line.own if wrapping.own else text.strip(), line.stream or stream
    )


def _from_docker(line: Unwrapped) -> Unwrapped:
    if not line.text.startswith(_DOCKER):
        return line
    try:
        record = json.loads(line.text)
        text = str(record["log"])
    except (ValueError, RecursionError, KeyError, TypeError):
        # The record is cut.
        text = line.text.removeprefix(_DOCKER).partition('\\n"')[0].replace('\\"', '"')
    text = _plain(text.rstrip())
    return Unwrapped(line.raw, text, text.strip(), line.stream)
