"""CPU time and memory of programs with their child processes, from ``/proc`` (Linux, proc(5))."""

import contextlib
import os
import time
from collections.abc import Iterator
from pathlib import Path

from dev.envtest.process import Process


def cpu_seconds(process: Process) -> float:
    """Return the CPU time of a program's process group so far, user and system together.

    Child processes that have ended are included.

    Raises:
        StartError: it does not run.
        OSError: there is no ``/proc``.
    """
    # utime, stime, cutime and cstime are the 12th to 15th field after the name.
    ticks = sum(sum(map(int, fields[11:15])) for _, fields in _group(process.pid))
    return ticks / os.sysconf("SC_CLK_TCK")


def cpu_nanoseconds(pid: int) -> int:
    """Return the CPU time of a running process so far; exact, unlike what ``/proc`` says.

    Raises:
        OSError: it does not run.
    """
    # clock_getcpuclockid(3), which Python has not: pid's complement, and CPUCLOCK_SCHED.
    return time.clock_gettime_ns(~pid << 3 | 2)


def resident_bytes(process: Process) -> int:
    """Return the resident memory of the largest process of a program's group.

    Raises:
        StartError: it does not run.
        OSError: there is no ``/proc``.
    """
    return max(_memory(pid, "VmRSS") for pid, _ in _group(process.pid))


def worker(process: Process) -> int:
    """Return the pid of gunicorn's worker: the process of its group that is not its leader.

    Raises:
        StartError: it does not run.
        OSError: there is no ``/proc``.
        ValueError: there is none, or there are several.
    """
    (found,) = (pid for pid, _ in _group(process.pid) if pid != process.pid)
    return found


def resident_bytes_of(pid: int) -> int:
    """Return the resident memory of a process."""
    return _memory(pid, "VmRSS")


def peak_bytes(process: Process) -> int:
    """Return the most memory that any one process of a program's group has had resident.

    Raises:
        StartError: it does not run.
        OSError: there is no ``/proc``.
    """
    return max(_memory(pid, "VmHWM") for pid, _ in _group(process.pid))


def whole_peak_bytes(process: Process) -> int:
    """Return the most memory of a program's whole group: what its container would be charged with.

    That is the peak of its largest process, and of the others what is theirs alone or their share
    of: a worker shares most of its parent's pages.

    Raises:
        StartError: it does not run.
        OSError: there is no ``/proc``.
    """
    peaks = {pid: _memory(pid, "VmHWM") for pid, _ in _group(process.pid)}
    largest = max(peaks, key=lambda pid: peaks[pid])
    return peaks[largest] + sum(
        _memory(pid, "Pss", "smaps_rollup") for pid in peaks.keys() - {largest}
    )


def _group(leader: int) -> Iterator[tuple[int, list[str]]]:
    """Yield the processes of a group, with the fields of their ``stat`` after the name."""
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):  # it has ended meanwhile
            # The name is in parentheses and may hold spaces; pgrp is the 3rd field after it.
            fields = (entry / "stat").read_text().rsplit(")", 1)[1].split()
            if int(fields[2]) == leader:
                yield int(entry.name), fields


def _memory(pid: int, name: str, file: str = "status") -> int:
    """Return a field of a process's memory in bytes; 0 if it has ended meanwhile."""
    with contextlib.suppress(OSError):
        for line in Path(f"/proc/{pid}/{file}").read_text(encoding="utf-8").splitlines():
            if line.startswith(f"{name}:"):
                return int(line.split()[1]) * 1024
    return 0
