"""End the processes of a run that ended without doing so itself.

Started by `dev.envtest.process` with a pipe as standard input. The lines ``+N`` and ``-N``
tell which process groups are there. The pipe closes when its writer is gone, however it went, kill
-9 included; then what is left is killed. (PR_SET_PDEATHSIG would be Linux alone, and goes by the
thread that started a child, not by the process.)
"""

import contextlib
import os
import signal
import sys


def main() -> None:
    """Read until the pipe closes, then kill every group still on the list."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):  # a Ctrl-C reaches this process too
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    groups: set[int] = set()
    for line in sys.stdin:
        group = int(line[1:])
        if line[0] == "+":
            groups.add(group)
        else:
            groups.discard(group)
    for group in groups:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(group, signal.SIGKILL)


if __name__ == "__main__":
    main()
