"""Lines that are never the reason: wrappers, which only say that it failed, and noise. Pure."""

import re
from collections.abc import Sequence
from typing import Final

_WRAPPER: Final = re.compile(
    r"npm (?:err!|error)(?! (?:code e(?!lifecycle)[a-z]|missing script|enoent enoent|error: e[a-z]+: ))|error command failed|\s*elifecycle|info visit https"
    r"|(?:\[\d\] )?\w{0,40}:? ?(?:exit|exiting)\b.{0,20}$"
    r"|subprocess\.calledprocesserror|calledprocesserror"
    r"|make(?:\[\d\])?: \*\*\* |error: script \"|error: recipe `|task: failed to run"
    r"|s6-rc: |/run/s6/\S{1,80}: (?:warning|fatal): |\[cont-init|\[services\.d\]|cont-init: info"
)
_WRAPPER_WITHIN: Final = re.compile(
    r"worker failed to boot|haltserver|application startup failed|exited with (?:code|status|error code)"
    r"|program will exit|check the (?:logs?|output)"
    r"|please (?:fix|correct|check|review|see) (?:the|your|these|this|any)? ?(?:\w{1,15} ){0,2}(?:errors?|configuration|config|settings|logs?|messages?)\b[^:,]{0,40}$|for more (?:details|info)|failed to load command"
    r"|died\. shutting down|did not exit normally|returned a non-zero code|terminated with exit code"
    r"|exit status \(?\d|exit code:? \d|command terminated with|(?<!\. )aborting(?:\.|$)|err_pnpm_"
    r"|a jni error has occurred|a fatal exception has occurred|could not create the java virtual machine"
    r"|process exited|process has died|child process \d{0,10} ?(?:exited|died)"
    r"|not enough time since last|entered fatal state|exited: .{1,80}not expected"
    r"|app crashed - waiting|error while executing subcommand|failed running '|waiting for the debugger to"
    r"|for a more detailed|stopped processing because of an error: \(systemexit\)|exceptions\.systemexit: "
    r"|\b(?:back|stack) ?trace: *$"
    r"|an error report file with more information|supervisor (?:is )?running as root|error is not recoverable|due to previous errors"
    r"|see (?:the )?(?:warnings?|errors?|messages?|logs?) above"
    r"|pm2 (?:log|error)\s?:(?! script not found)|pm2 +\| "
    r"|unable to start worker|failed to start(?: the)?(?: \w{1,20})?(?: in \(\w{1,20}\) mode)?[.!]?$"
    r"|fatal: could not read from remote repository"
    r"|running without any http authentication|::(?:system|bio|pem|asn1|ssl) lib\)?$"
    r"|failed to sync caches$|failed to wait for caches to sync$"
)
_HEADLINE: Final = re.compile(
    r"\s*(?:(?:fatal |command |runtime |build )?errors?(?: output| message| details)?|stderr(?: output)?):\s*",
    re.IGNORECASE,
)

_REACH: Final = 160
"""How far into a line it is looked for what makes it a wrapper."""

_NOISE: Final = re.compile(
    # Requests that were served, also those that were not
    r".{0,120}(?:\"|\b)(?:GET|POST|PUT|HEAD|DELETE|PATCH|OPTIONS) /\S{0,600}(?: HTTP/|\"| [1-5]\d\d\b)"
    # Settings of levels
    r"|\s*[\w.-]{1,60}\s{0,3}[=:]\s{0,3}['\"]?(?i:errors?|fatal|panic|ignore)['\"]?,?\s*$"
    # What Redis warns of at each start
    r"|.{0,60}# (?:WARNING|Warning): ?|.{0,60}# WARNING "
    # Frames, and what stands beside them
    r"|\s*at .{1,1000}[(:]|\s*\[C\]: (?:in|at) |\s*File \"|\s+from |\s*/\S{1,400}:\d{1,7}:in [`'][^'\n]{1,300}'\s*$|\s*#\d{1,3} |\s*\d{1,3}: +(?:0x|\()|\s*\.\.\. \d+ (?:more|common)"
    r"|goroutine \d+ \[|created by |\s+.{1,400}\.go:\d+(?: \+0x|$)|\[signal SIG|rax +0x|r\d+ +0x"
    r"|panic\(0x|runtime\.|npm (?:ERR!|error) |\s+note: |note: run with|stack backtrace:|Stack trace"
    r"|Node\.js v\d|\s*throw |\s*\^+\s*$|\s+triggerUncaught"
    r"|yarn run v|info Visit|Usage:|usage:|\s+-{1,2}[a-z]",
)


_USAGE: Final = re.compile(r"(?:[Uu]sage|USAGE):(?: [\w./-]{1,80}(?: [\[<\-a-zA-Z]|$)|\s*$)")
_OF_USAGE: Final = re.compile(r"\s|-|[\w ,/&()-]{1,60}:$|(?:Use|Run|See|Try|For more) ")
"""Lines below it: set in, options, headings, advice."""

_MAX_USAGE: Final = 80
"""How many lines such a text has at most."""

_SHUTTING: Final = re.compile(
    r"shut(?:ting)? ?down|stopp(?:ed|ing)|clos(?:ed|ing)|exit(?:ed|ing)|terminat|destroy|draining"
    r"|graceful|disconnect|waiting for|cleaned up|register"
)
"""What a program logs when it ends, in lower case."""


def end_of_what_counts(texts: Sequence[str], most: int) -> int:
    """Return the line after which too much was logged for what is before it to be the end.

    Args:
        texts: the lines of a stream.
        most: how many more lines may follow, those of dumps and of a shutdown not counted.
    """
    after = 0
    for number in range(_start_of_usage(texts) - 1, -1, -1):
        text = texts[number]
        if not is_noise(text) and not _SHUTTING.search(text[:300].lower()):
            after += 1
            if after > most:
                return number
    return 0


def _start_of_usage(texts: Sequence[str]) -> int:
    """Return the line from which on a text only says how to call the program; or its length."""
    for place in range(len(texts) - 1, max(0, len(texts) - _MAX_USAGE) - 1, -1):
        if _USAGE.match(texts[place]):
            return place
        if not _OF_USAGE.match(texts[place]):
            break
    return len(texts)


_REQUEST: Final = re.compile(
    r"HTTP/[123](?:\.\d)?\"? \d{3}\b|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD|OPTIONS) /\S{0,300} \d{3}\b"
)
_OWNED: Final = re.compile(
    r"\[(?:emerg|alert|crit|error)\] \d{1,10}#|\b(?:FATAL|PANIC): {2}\S"
    r"|\[\d{1,10}\] (?:FATAL|PANIC|ERROR): |\b(?:DETAIL|HINT|STATEMENT|CONTEXT): {2}\S|\[ERROR\] (?:\[MY-|InnoDB|Plugin |Aborting)"
    r"|^\{\"t\":\{\"\$date\"|\[critical\]\[|\[ALERT\] [^(]{1,30}\(\d{1,10}\) : |\[\d+\] bootstrap checks failed"
)
_REACH_OF_OWNED: Final = 400

_OF_CLIENT: Final = re.compile(
    # NATS, RabbitMQ, Go's net/http
    r"\[ERR\] \S{3,60}:\d{1,5} - [a-z]id:\d+ - "
    r"|Error on AMQP connection|closing AMQP connection|PLAIN login refused: |HTTP access denied: "
    r"|http: TLS handshake error from |http: panic serving "
    # Tomcat, Flask, uvicorn, gunicorn, ASP.NET, Django, Rails
    r"|Servlet\.service\(\) for servlet|\bException on /\S{0,300} \[[A-Z]{3,7}\]"
    r"|Exception in ASGI application|Error handling request /"
    r"|exception has occurred while executing the request|exception was thrown by the application\."
    r"|Internal Server Error: /|Invalid HTTP_HOST header: |\(No route matches \["
    # Celery
    r"|\bTask \S{1,200}\[[\w-]{1,60}\] raised unexpected: "
)
"""What a server says of one request, or of one client whom it refused."""


def is_of_request(text: str) -> bool:
    """Say whether a line tells of a request that was answered: its words are the caller's."""
    return _REQUEST.search(text[:1000]) is not None


def is_of_client(text: str) -> bool:
    """Say whether a record tells of one client or of one request: the server goes on."""
    return _OF_CLIENT.search(text[:_REACH_OF_OWNED]) is not None


def has_own_grammar(text: str) -> bool:
    """Say whether a line is a record of a server whose grammar knows which of them count."""
    return _OWNED.search(text[:_REACH_OF_OWNED]) is not None


def is_headline(text: str) -> bool:
    """Say whether a line only says that an error is told below."""
    return _HEADLINE.fullmatch(text[:_REACH]) is not None


def is_wrapper(text: str) -> bool:
    """Say whether a line only says that something failed, not why."""
    start = text[:_REACH].lower()
    return bool(_WRAPPER.match(start) or _WRAPPER_WITHIN.search(start))


def is_noise(text: str) -> bool:
    """Say whether a line is a part of a dump or of a usage text."""
    return _NOISE.match(text) is not None
