"""PHP: fatal errors, uncaught exceptions, php-fpm, and what the consoles of frameworks print. Pure.

Sources: php-src main/main.c (Fatal error, Parse error), Zend/zend_exceptions.c (Uncaught, Next),
sapi/fpm/fpm; Symfony Console Application.php (In File.php line n); Composer platform_check.php.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar

_FATAL: Final = re.compile(
    r"(?:\[.{1,60}\] )?(?:NOTICE: )?.{0,60}?(?:PHP )?(?P<kind>(?:(?:Catchable |Recoverable )?[Ff]atal|Parse|Compile) error): "
)
_NEXT: Final = re.compile(r"\s*Next (?:[A-Z]\w{0,80}\\?){1,8}: ")
_FPM: Final = re.compile(
    r"\[[^\]\n]{10,40}\] (?P<level>ERROR|ALERT): (?!FPM initialization failed)"
)
_SYMFONY: Final = re.compile(r"\s{0,4}In [\w.-]{1,100}\.php line \d{1,7}:\s*$")
_LARAVEL: Final = re.compile(r"\s{2,4}(?:[A-Z]\w{0,60}\\){1,8}[A-Z]\w{0,80}(?:Exception|Error)\s*$")
_OTHER: Final = re.compile(
    r"(?P<file>Could not open input file: )"
    r"|(?P<version>Composer detected issues in your platform)"
    r"|(?P<memory>.{0,80}Allowed memory size of \d{1,20} bytes exhausted)"
)
_CLASSES: Final = {
    "file": ReasonClass.FILE_NOT_FOUND,
    "version": ReasonClass.VERSION_MISMATCH,
    "memory": ReasonClass.MEMORY_EXHAUSTED,
}
_TRACE: Final = ("#", "Stack trace:", "  thrown in")
_REACH: Final = 60


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    for number, line in enumerate(lines):
        if " error: " in line and (found := _FATAL.match(line)):
            if "PHP" in line or ".php" in line:
                yield _fatal(lines, number)
        elif found := _FPM.match(line):
            yield Finding(number, (number,))
        elif _SYMFONY.match(line) or _LARAVEL.match(line):
            if number + 1 < len(lines):
                yield Finding(number, (number + 1, number))
        elif found := _OTHER.match(line):
            quotes = (
                (number + 1, number) if found["version"] and number + 1 < len(lines) else (number,)
            )
            yield Finding(number, quotes, _CLASSES[found.lastgroup or "file"])


def _fatal(lines: Sequence[str], number: int) -> Finding:
    """Return an error; of exceptions that follow with "Next" the first is the root."""
    following = range(number + 1, min(number + _REACH, len(lines)))
    nexts = [place for place in following if _NEXT.match(lines[place])]
    message = [
        place
        for place in range(number + 1, min(number + 3, len(lines)))
        if not lines[place].startswith(_TRACE) and lines[number].rstrip().endswith(":")
    ]
    broken = "arse error: " in lines[number]
    return Finding(number, (number, *message[:1], *nexts[-1:]), exact=broken)


GRAMMAR: Final = Grammar(
    "php",
    (
        "fatal error: ",
        "parse error: ",
        "compile error: ",
        ".php line",
        "exception\n",
        "exception \n",
        "fpm",
        "error\n",
        "could not open input",
        "composer detected",
        "allowed memory",
        "] error: ",
        "] alert: ",
    ),
    _find,
)
