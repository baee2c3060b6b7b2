"""What the JVM itself says: it could not start, or crashed in native code. Pure.

Source: OpenJDK src/hotspot/share/utilities/vmError.cpp, runtime/arguments.cpp;
src/java.base/share/native/libjli/java.c; sun.launcher.LauncherHelper.
"""

import re
from collections.abc import Iterator, Sequence
from typing import Final

from pod_diagnoser.api.reason_classes import ReasonClass
from pod_diagnoser.diagnosis.output.grammar import Finding, Grammar, Weight

_CRASH: Final = re.compile(r"# +(?:SIG[A-Z]{3,5}|EXCEPTION_\w{1,40}|Internal Error) ?\(")
_BARE_CRASH: Final = re.compile(r"\s*SIG[A-Z]{3,5} \(0x[0-9a-f]{1,2}\) at pc=0x")
"""The same where a viewer has taken the marks for headings."""

_NO_MEMORY: Final = re.compile(
    r"# +(?:There is insufficient memory|Native memory allocation|Out of Memory Error)"
)
_FRAME: Final = ("# Problematic frame", "Problematic frame:")
_START: Final = re.compile(
    r"(?P<memory>(?:Error: )?Could not reserve enough space"
    r"|.{0,200}(?:Failed to map memory|failed to allocate initial heap|not enough memory))"
    r"|(?P<option>Unrecognized (?:VM )?option|(?:Error: )?Invalid (?:initial|maximum) heap size|Too small (?:initial|maximum) heap|Initial heap size set to a larger|Unrecognized option: |Improperly specified VM option"
    r"|Error: Unable to access jarfile|no main manifest attribute"
    r"|.{0,80}Conflicting collector combinations|Missing .{1,40}=<size>"
    r"|Error opening zip file or JAR manifest missing|agent library failed to init)"
    r"|(?P<main>Error: Could not find or load main class|Error: Main method not found)"
    r"|(?P<version>.{0,200}UnsupportedClassVersionError: )"
    r"|(?P<memory2>Terminating due to java\.lang\.OutOfMemoryError|java\.lang\.OutOfMemoryError: "
    r"|Exception in thread \".{1,200}\" java\.lang\.OutOfMemoryError)"
    r"|(?P<thread>.{0,200}(?:pthread_create failed|Failed to start thread))"
)
_AFTER_THREAD: Final = 4
"""How many lines after a thread that could not start its consequence stands at most."""

_INITIALIZING: Final = "Error occurred during initialization of "
_CLASSES: Final = {
    "memory": ReasonClass.MEMORY_EXHAUSTED,
    "memory2": ReasonClass.MEMORY_EXHAUSTED,
    "option": ReasonClass.INVALID_CONFIGURATION,
    "main": ReasonClass.MISSING_MODULE,
    "version": ReasonClass.VERSION_MISMATCH,
    "thread": ReasonClass.RESOURCE_LIMIT,
}


def _find(lines: Sequence[str]) -> Iterator[Finding]:
    crash: int | None = None
    thread: int | None = None
    for number, line in enumerate(lines):
        if crash is not None and line.startswith(_FRAME):
            frame = (number + 1,) if number + 1 < len(lines) else ()
            yield Finding(crash, (crash, *frame), ReasonClass.NATIVE_CRASH, exact=True)
            crash = None
        elif line.startswith("#"):
            if _CRASH.match(line):
                crash = number
            elif _NO_MEMORY.match(line):
                if thread is not None and number - thread <= _AFTER_THREAD:
                    yield Finding(thread, (thread, number), ReasonClass.RESOURCE_LIMIT, exact=True)
                yield Finding(number, (number,), ReasonClass.MEMORY_EXHAUSTED, exact=True)
        elif crash is None and _BARE_CRASH.match(line):
            crash = number
        elif found := _START.match(line):
            reason = _CLASSES[found.lastgroup or "memory"]
            weight = Weight.LOGGED if found["thread"] else Weight.FATAL
            thread = number if found["thread"] else thread
            exact = found["option"] is not None and "jarfile" not in line
            yield Finding(number, (number,), reason, weight=weight, exact=exact)
        elif line.startswith(_INITIALIZING) and number + 1 < len(lines):
            yield Finding(number, (number + 1, number), ReasonClass.INVALID_CONFIGURATION)
    if crash is not None:
        yield Finding(crash, (crash,), ReasonClass.NATIVE_CRASH, exact=True)


GRAMMAR: Final = Grammar(
    "java",
    (
        "java",
        "error occurred during initialization",
        "jarfile",
        "manifest",
        "main class",
        "could not reserve",
        "heap",
        "pthread_create",
        "unrecognized",
    ),
    _find,
)
