"""Lines by which a program says that it was asked to stop. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_MARKER: Final = re.compile(
    r"(?:\b(?:ENVOY_)?SIG(?:TERM|INT|QUIT)\b"
    r"|[Rr]eceived (?:a )?(?:smart |fast |immediate )?(?:shutdown|termination|stop|exit|kill) (?:request|signal)"
    r"|[Rr]eceived signal:? ?(?:15|2|3|terminated|interrupt|TERM|INT)\b"
    r"|[Ss]ignal[:=]? ?(?:15|terminated|interrupt)\b|\bsignal 15\b|\"signal\": ?\"?(?:terminated|interrupt|15)"
    r"|killed by signal, dumping|[Cc]aught (?:signal|interrupt)|[Gg]ot (?:signal|interrupt|TERM\b)|[Hh]andling signal:? (?:term|int|quit)"
    r"|Signal handler called with signal (?:15|2)\b"
    r"|[Rr]eceived (?:terminated|interrupt|hangup|term|int|quit|TERM|INT)\b|(?:shut(?:ting)? ?down|stop(?:ping)?|exit(?:ing)?) (?:on|due to|because of|after) signal"
    r"|User requested shutdown|will terminate after \d+ seconds|signal to shut ?down"
    r"|[Gg]raceful(?:ly)? (?:shut(?:ting)? ?down|stop)|[Ss]topping (?:\w{1,20} ){0,3}gracefully|I have to go\b|[Ss]hutting down gracefully"
    r"|Commencing graceful shutdown|KeyboardInterrupt|[Ss]hutdown (?:requested|signal|initiated|triggered)"
    r"|Received SHUTDOWN from user|Normal shutdown|Warm shutdown|Warning: got SIG"
    r"|[Tt]ermination signal|interrupt signal|(?:SpringApplication|Springdoc|Application)ShutdownHook)",
)
_MILD: Final = re.compile(
    r"^Terminated$|\b(?:[Ss]hutting down|[Ii]nitiating [Ss]hut ?down|[Ss]hut ?down (?:complete|started|in progress)|[Ss]erver (?:stopped|closed)|[Ss]topping (?:server|service)"
    r"|[Ss]topping \.\.\.|[Ee]xiting gracefully|[Cc]losing (?:http |HTTP )?server|[Ss]topped gracefully|See you next time|exiting, bye-bye|Terminating \.\.\.$|code 143 \(Terminated\))"
)
"""What also follows a failure: it counts only where nothing failed."""

_PARTS: Final = (
    "SIG",
    "ignal",
    "hut",
    "nterrupt",
    "eceived",
    "raceful",
    "I have",
    "will term",
    "topp",
    "losed",
    "losing",
    "See you",
    "bye",
    "erminat",
)
"""One of these stands in each marker; to look for them costs less than to match."""

_NOT: Final = re.compile(
    r"(?:\bSIG(?:SEGV|ABRT|BUS|ILL|FPE|KILL)\b|was terminated by signal|listening for|handler installed"
    r"|[Rr]egister(?:ed|ing)|signal handlers?\b(?! called)|ignor|[Ss]end(?:ing)? (?:the )?(?:signal )?(?:Signals\.)?SIG|sent SIG|exited with code \[|via signal|[Pp]ress )"
)


def stop_marker(texts: Sequence[str], start: int, end: int) -> int | None:
    """Return the first line of a run that says that the program was asked to stop.

    Args:
        texts: the lines of a stream.
        start: the first line of the run.
        end: the line after its last.
    """
    return _first(_MARKER, texts, start, end)


def mild_stop_marker(texts: Sequence[str], start: int, end: int) -> int | None:
    """Return the first line of a run that says that the program went down in order."""
    return _first(_MILD, texts, start, end)


def _first(marker: re.Pattern[str], texts: Sequence[str], start: int, end: int) -> int | None:
    for number in range(start, end):
        text = texts[number]
        if not any(part in text for part in _PARTS):
            continue
        if marker.search(text) and not _NOT.search(text):
            return number
    return None
