"""At which level a line is logged, in the forms that are common. Pure.

Sources: klog's header; logback's, log4j's and Python's patterns; logfmt (logrus, zap, go-kit);
JSON of zap, zerolog, bunyan, pino and ECS; nginx, Apache, Postgres, MySQL and MongoDB.
"""

import re
from enum import IntEnum
from typing import Final


class Level(IntEnum):
    """How severe a record is."""

    DEBUG = 1
    INFO = 2
    WARNING = 3
    ERROR = 4
    FATAL = 5


_REACH: Final = 240
"""How far into a line its level is looked for."""

_WORDS: Final = {
    "trace": Level.DEBUG,
    "debug": Level.DEBUG,
    "dbg": Level.DEBUG,
    "info": Level.INFO,
    "inf": Level.INFO,
    "notice": Level.INFO,
    "note": Level.INFO,
    "log": Level.INFO,
    "system": Level.INFO,
    "warn": Level.WARNING,
    "warning": Level.WARNING,
    "wrn": Level.WARNING,
    "error": Level.ERROR,
    "err": Level.ERROR,
    "eror": Level.ERROR,
    "erro": Level.ERROR,
    "severe": Level.ERROR,
    "alert": Level.FATAL,
    "crit": Level.FATAL,
    "critical": Level.FATAL,
    "dpanic": Level.FATAL,
    "emerg": Level.FATAL,
    "emergency": Level.FATAL,
    "fatal": Level.FATAL,
    "fata": Level.FATAL,
    "ftl": Level.FATAL,
    "panic": Level.FATAL,
}
_LETTERS: Final = {
    "D": Level.DEBUG,
    "I": Level.INFO,
    "W": Level.WARNING,
    "E": Level.ERROR,
    "F": Level.FATAL,
    "C": Level.FATAL,
    "N": Level.INFO,
}
_NUMBERS: Final = {
    "10": Level.DEBUG,
    "20": Level.DEBUG,
    "30": Level.INFO,
    "40": Level.WARNING,
    "50": Level.ERROR,
    "60": Level.FATAL,
}
_NAMES: Final = (
    "TRACE|DEBUG|INFO|NOTICE|WARN(?:ING)?|ERROR|SEVERE|CRIT(?:ICAL)?|FATAL|PANIC|ALERT|EMERG"
)
_SHORT: Final = "DBG|INF|WRN|ERR|FTL|DPANIC|EROR|ERRO|FATA"
"""Short forms, which count only in a record that is known to be one."""

_RECORD: Final = re.compile(
    # klog: E0818 13:38:34.308557; glog: E20240818 13:38:34.308557
    r"(?P<klog>[IWEF])(?:\d{4})?\d{4} \d{2}:\d{2}:\d{2}"
    # etcd and others, capnslog: 2021-02-03 10:00:00.000000 C | etcdmain: …
    r"|(?:\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}\.\d{6} )?(?P<capns>[DINWEC]) \| \w"
    # ERROR: …, [error] …, FATAL …, at the start
    rf"|[\[(<]?(?P<start>(?i:{_NAMES}))(?:[\])>:]|\s*[-|\[]|\s+(?=[\d\[(]))"
    rf"|[\[(<|](?P<mark>(?i:{_SHORT}))[\])>|]"
    r"|(?P<alone>DEBUG|INFO|WARN(?:ING)?|ERROR|CRITICAL|FATAL) +(?=[\w(\"'/])"
    rf"|(?P<logger>{_NAMES}) {{1,2}}[\w.$/:-]{{1,100}}(?: - |: )"
    # after a time: 2024-01-01 12:00:00,123 … ERROR …; after what follows a time elsewhere
    r"|\[?(?:\d{4}[-/.]\d{2}[-/.]\d{2}|\d{2}:\d{2}:\d{2}|[A-Z][a-z]{2} [ \d]\d|ts=|time=)"
    r"|\[\d{1,10}\] ?\[|\d{1,10} \[[A-Z]|[A-Z]{2,5} \[\d"
)
_HEADED: Final = re.compile(
    # Nothing but numbers, marks and what stands in brackets before it: "0(25841) ERROR: …"
    r"(?:[\d\s:.,+/#*()>Z=-]{1,60}+T?|\[[^\]\n]{1,80}\]){1,12}"
    rf"(?:(?P<level>{_NAMES})(?=[\])>:|]|\s{{1,4}}[\[({{<])|[\[(<|](?P<short>{_SHORT})[\])>|])"
)
"""A level after what only tells when and where, in whatever form."""

_WORD_IN_RECORD: Final = re.compile(
    rf"(?<![\w./-])(?:(?P<upper>{_NAMES}|{_SHORT})(?![\w.=-]|/(?!(?:Main|Fork|Spawn)))"
    r"|[\[(|<](?P<boxed>(?i:trace|debug|info|notice|note|system|warn|warning|error|err|eror|erro"
    r"|severe|crit|critical|fatal|fata|alert|emerg))[\])|>]"
    r"|(?:level|lvl|severity)=\"?(?P<key>[A-Za-z]{3,9})"
    r"|(?<=\t)(?P<tab>debug|info|warn|error|dpanic|panic|fatal)(?=\t)"
    r"|(?P<letter>[DIWEF])(?= {2}[A-Z]{3,8} ))"
)
_JSON: Final = re.compile(
    r"\"(?:@?level|levelname|log\.level|loglevel|log_level|lvl|severity|severity_text|s|@l|l)\""
    r"\s?:\s?(?:\"(?P<name>[A-Za-z]{1,11})\"|(?P<number>\d{2})\b)",
    re.IGNORECASE,
)


def level_of(text: str) -> Level | None:
    """Return the level at which a line is logged, or None if it is no record of a log."""
    text = text.lstrip()
    if text.startswith("{"):
        return _of_json(text)
    head = _RECORD.match(text)
    if head is not None:
        if letter := head["klog"] or head["capns"]:
            return _LETTERS[letter]
        if name := head["start"] or head["mark"] or head["logger"] or head["alone"]:
            return _WORDS.get(name.lower())
    elif "level=" not in text[:_REACH] and "lvl=" not in text[:_REACH]:
        headed = _HEADED.match(text)
        return _WORDS.get((headed[headed.lastgroup or 0]).lower()) if headed else None
    return _in_record(text)


def _in_record(text: str) -> Level | None:
    found = _WORD_IN_RECORD.search(text[:_REACH])
    if found is None:
        return None
    if letter := found["letter"]:
        return _LETTERS[letter]
    return _WORDS.get((found[found.lastgroup or 0] or "").lower())


def _of_json(text: str) -> Level | None:
    for found in _JSON.finditer(text[:4096]):
        if number := found["number"]:
            return _NUMBERS.get(number)
        name = found["name"]
        level = _WORDS.get(name.lower()) or _LETTERS.get(name)
        if level is not None:
            return level
    return None
