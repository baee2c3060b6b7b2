"""End the processes of a run that was killed before it could do so itself.

Started by `dev.envtest.process` with a pipe as standard input. The lines ``+N`` and ``-N`` say
which process groups have started and ended. The pipe closes when its writer is gone, even after
kill -9; then the remaining groups are killed. (PR_SET_PDEATHSIG exists on Linux only, and is tied
to the thread that started a child, not to its process.)
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
