"""nginx, HAProxy and Apache httpd: what ends their start. Pure.

Sources: nginx src/core/ngx_log.c; HAProxy src/errors.c; httpd server/log.c, docs/log-message-tags.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_NGINX: Final = re.compile(
    r"(?:.{0,32} )?(?:nginx: |openresty: )?\[(?P<level>emerg|alert|crit|error)\] "
)
_HAPROXY: Final = re.compile(r"\[ALERT\] {1,8}(?:\d{1,3}/\d{6} )?\(\d{1,10}\) : ")
_HAPROXY_SUMMARY: Final = re.compile(
    r"(?:Error\(s\) found in configuration|Fatal errors found|Some configuration options|"
    r"config : Fatal errors|\[haproxy\.main\(\)\] |has no server available)"
)
_HTTPD: Final = re.compile(r".{0,200}\b(?P<tag>AH\d{5}): ")
_HTTPD_HARMLESS: Final = frozenset(
    # a name that it guesses, a folder that is missing, and what it says when it starts and stops
    [
        "AH00112",
        "AH00557",
        "AH00558",
        "AH00094",
        "AH00163",
        "AH00169",
        "AH00170",
        "AH00171",
        "AH00489",
        "AH00490",
        "AH00491",
        "AH00492",
        "AH00493",
        "AH00494",
        "AH00292",
        "AH02282",
        "AH01906",
        "AH01909",
    ]
)
_HTTPD_RUNS: Final = re.compile(r"(?:httpd|apache2)(?: \(pid \d{1,10}\))? already running")
_HTTPD_SYNTAX: Final = "AH00526"
"""Where it cannot read its configuration; what is wrong there is on the next line."""


def _find_nginx(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        found = _NGINX.match(line)
        if found is None:
            continue
        if found["level"] == "emerg" or "init_by_lua" in line[: found.end() + 40]:
            yield Finding(number, (number,), ReasonClass.INVALID_CONFIGURATION)
        elif found["level"] == "alert":
            yield Finding(number, (number,), weight=Weight.WEAK)


def _find_haproxy(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if _HAPROXY.search(line) and not _HAPROXY_SUMMARY.search(line):
            yield Finding(number, (number,), ReasonClass.INVALID_CONFIGURATION)


def _find_httpd(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        found = _HTTPD.match(line)
        if _HTTPD_RUNS.match(line):
            yield Finding(number, (number,), ReasonClass.LOCK_HELD, exact=True)
        if found is None or found["tag"] in _HTTPD_HARMLESS:
            continue
        quotes: tuple[int, ...] = (number,)
        if found["tag"] == _HTTPD_SYNTAX and number + 1 < len(lines):
            quotes = (number + 1, number)
        weight = Weight.LOGGED if ":error]" in line or ":warn]" in line else Weight.FATAL
        yield Finding(number, quotes, ReasonClass.INVALID_CONFIGURATION, weight=weight)


GRAMMAR: Final = Grammar("nginx", ("[emerg] ", "[alert] ", "init_by_lua"), _find_nginx)
HAPROXY: Final = Grammar("haproxy", ("[alert] ",), _find_haproxy)
HTTPD: Final = Grammar("httpd", ("ah0", "ah1", "already running"), _find_httpd)
