"""Lines that are never the reason: wrappers, which only say that it failed, and noise. Pure."""

import re
from typing import Final

_WRAPPER: Final = re.compile(
    r"npm (?:ERR!|error)(?! missing script)|error Command failed|\s*ELIFECYCLE|.{0,40}ERR_PNPM_|info Visit https"
    r"|.{0,80}(?:Worker failed to boot|HaltServer|Application startup failed|exited with (?:code|status|error code)"
    r"|Reason: Worker failed|Program will exit|check the (?:logs?|output)|[Ff]or more (?:details|info)"
    r"|failed to load command|died\. Shutting down|did not exit normally|returned a non-zero code"
    r"|terminated with exit code|exit status \d|exit code:? \d|command terminated with|Aborting(?:\.|$)"
    r"|A JNI error has occurred|A fatal exception has occurred|Could not create the Java Virtual Machine"
    r"|Process exited|process has died|child process \d* ?(?:exited|died)"
    r"|Not enough time since last|gave up: .{1,80} entered FATAL state|exited: .{1,80}not expected"
    r"|app crashed - waiting|Error while executing subcommand|Kernel pid terminated"
    r"|Failed running '|Waiting for the debugger to|Unable to start worker)"
    r"|(?:\[\d\] )?\w{0,40}:? ?(?:exit|exiting|Exiting|Exit)\b.{0,20}$"
    r"|subprocess\.CalledProcessError|CalledProcessError"
    r"|make(?:\[\d\])?: \*\*\* |error: script \"|error: Recipe `|task: Failed to run"
    r"|s6-rc: |\[cont-init|\[services\.d\]|cont-init: info",
    re.IGNORECASE,
)

_NOISE: Final = re.compile(
    # Frames, and what stands beside them
    r"\s*at .{1,1000}[(:]|\s*File \"|\s+from |\s*#\d{1,3} |\s*\d{1,3}: +0x|\s*\.\.\. \d+ (?:more|common)"
    r"|goroutine \d+ \[|created by |\s+.{1,400}\.go:\d+(?: \+0x|$)|\[signal SIG|rax +0x|r\d+ +0x"
    r"|panic\(0x|runtime\.|npm (?:ERR!|error) |\s+note: |note: run with|stack backtrace:|Stack trace"
    r"|Node\.js v\d|\s*throw |\s*\^+\s*$|\s+triggerUncaught"
    r"|yarn run v|info Visit|Usage:|usage:|\s+-{1,2}[a-z]",
)


def is_wrapper(text: str) -> bool:
    """Say whether a line only says that something failed, not why."""
    return _WRAPPER.match(text) is not None


def is_noise(text: str) -> bool:
    """Say whether a line is a part of a dump or of a usage text."""
    return _NOISE.match(text) is not None
