"""How much memory, how many files and greenlets a server has, from outside (Linux, proc(5))."""

import os
import signal
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from dev.benchmarks import usage
from dev.envtest.process import Process

_FOLDER = Path(__file__).with_name("in_processes")
_PATIENCE, _LOOK = 5.0, 0.02


@dataclass(frozen=True, slots=True)
class Sample:
    """What a server had at a moment.

    Attributes:
        at: when, by `time.perf_counter`.
        memory: resident bytes of its worker.
        files: open file descriptors of its worker.
        greenlets: living greenlets in its worker; None where it did not say.
    """

    at: float
    memory: int
    files: int
    greenlets: int | None


def environment(folder: Path) -> Mapping[str, str]:
    """Return the settings with which a server counts its greenlets.

    Args:
        folder: where it writes the count.
    """
    return {"PYTHONPATH": str(_FOLDER), "SOAK_FOLDER": str(folder)}


def take(process: Process, folder: Path) -> Sample:
    """Look at a server.

    Args:
        process: gunicorn, whose child is the worker.
        folder: that of `environment`.

    Raises:
        dev.envtest.process.StartError: it does not run.
    """
    worker = usage.worker(process)
    files = sum(1 for _ in Path(f"/proc/{worker}/fd").iterdir())
    greenlets = _greenlets(worker, folder)
    return Sample(time.perf_counter(), usage.resident_bytes_of(worker), files, greenlets)


def _greenlets(worker: int, folder: Path) -> int | None:
    file = folder / f"greenlets-{worker}"
    file.unlink(missing_ok=True)
    os.kill(worker, signal.SIGRTMIN)
    deadline = time.monotonic() + _PATIENCE
    while time.monotonic() < deadline:
        if file.exists():
            return int(file.read_text(encoding="ascii"))
        time.sleep(_LOOK)
    return None
