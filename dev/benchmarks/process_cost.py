"""What a command costs."""

import os
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic


@dataclass(frozen=True, slots=True)
class Cost:
    """What a command cost: seconds, seconds of CPU, and megabytes at most.

    Programs that it waited for count, too: in the memory, the largest of them all.
    """

    seconds: float
    cpu: float
    memory: float


def run(command: Sequence[str], environment: Mapping[str, str] | None = None) -> Cost:
    """Run a command without its output, and measure it.

    Args:
        command: program and arguments.
        environment: its environment variables; None means this process's.

    Raises:
        RuntimeError: it failed.
    """
    with Path(os.devnull).open("wb") as null:
        begun = monotonic()
        process = subprocess.Popen(command, stdout=null, env=environment)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = monotonic() - begun
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        message = f"{command[1]} failed with {process.returncode}"
        raise RuntimeError(message)
    return Cost(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1000)
