"""Run programs in process groups of their own, which end with this process at the latest."""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from dev.local_http import NoAnswerError

_TAIL_WIDTH = 400  # Go's stack traces come in one line of thousands of characters


class StartError(RuntimeError):
    """A program ended early or was not ready in time; the message ends with its log's tail."""


class Process:
    """One program in a process group of its own, its output in a log file.

    Args:
        name: what it is called in messages; also names the log file.
        arguments: the command line.
        folder: where the log file goes; appended to, so that it survives restarts.
        environment: variables beside those of this process.
    """

    _reaper: subprocess.Popen[str] | None = None

    def __init__(
        self,
        name: str,
        arguments: Sequence[str | Path],
        folder: Path,
        environment: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.log = folder / f"{name}.log"
        self._arguments = [str(argument) for argument in arguments]
        self._environment = dict(environment or {})
        self._popen: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id.

        Raises:
            StartError: it does not run.
        """
        if self._popen is None:
            msg = f"{self.name} does not run"
            raise StartError(msg)
        return self._popen.pid

    @property
    def running(self) -> bool:
        """Whether it was started and has not ended."""
        return self._popen is not None and self._popen.poll() is None

    def exit_code(self) -> int | None:
        """Return how the program ended.

        Returns:
            Its exit code, -n after signal n, or None while it runs and before its start.
        """
        return None if self._popen is None else self._popen.poll()

    def start(self) -> None:
        """Start the program, again if it ran before; do not wait until it is ready.

        Raises:
            OSError: it cannot be started.
        """
        self.stop()
        with self.log.open("ab") as log:
            self._popen = subprocess.Popen(
                self._arguments,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env={**os.environ, **self._environment},
                start_new_session=True,  # a group of its own, which Ctrl-C does not reach
            )
        self._notify_reaper(f"+{self._popen.pid}")

    def stop(self, grace: float = 10.0) -> None:
        """End the program and its children: SIGTERM, then SIGKILL. A second call does nothing.

        Args:
            grace: seconds between the two; 0 kills at once.
        """
        if self._popen is None:
            return
        popen, self._popen = self._popen, None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGTERM if grace else signal.SIGKILL)
        with contextlib.suppress(subprocess.TimeoutExpired):
            popen.wait(grace or None)
        # The leader has ended or hangs; end the rest of its group.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(popen.pid, signal.SIGKILL)
        popen.wait()
        self._notify_reaper(f"-{popen.pid}")

    def wait_until(self, ready: Callable[[], bool], timeout: float = 60.0) -> None:
        """Poll until the program is ready.

        Args:
            ready: says so; connection errors count as no.
            timeout: seconds.

        Raises:
            StartError: it ended, or was not ready in time.
        """
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            with contextlib.suppress(NoAnswerError):
                if ready():
                    return
            if not self.running:
                msg = f"{self.name} ended early:\n{self.tail()}"
                raise StartError(msg)
            time.sleep(0.05)
        msg = f"{self.name} was not ready within {timeout:.0f} s:\n{self.tail()}"
        raise StartError(msg)

    def tail(self, lines: int = 30) -> str:
        """Return the end of the log.

        Args:
            lines: how many.
        """
        if not self.log.is_file():
            return ""
        text = self.log.read_text(encoding="utf-8", errors="replace")
        return "\n".join(line[:_TAIL_WIDTH] for line in text.splitlines()[-lines:])

    @classmethod
    def _notify_reaper(cls, line: str) -> None:
        """Add to or take from the reaper's list; start the reaper with the first entry."""
        if cls._reaper is None or cls._reaper.poll() is not None:
            cls._reaper = subprocess.Popen(
                [sys.executable, Path(__file__).with_name("_reaper.py")],
                stdin=subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        if cls._reaper.stdin is not None:
            cls._reaper.stdin.write(f"{line}\n")
            cls._reaper.stdin.flush()
