"""A service of the demo, in two versions: the newer one needs an environment variable."""

import os
import signal
import sys
from types import FrameType


def serve(address: str) -> None:
    """Serve, or do as if, until SIGTERM."""
    sys.stdout.write(f"web {sys.argv[1]} serves, with {address}\n")
    sys.stdout.flush()
    signal.pause()


def _end(_number: int, _frame: FrameType | None) -> None:
    sys.exit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, _end)
    serve("no database" if sys.argv[1] == "1.4" else os.environ["DATABASE_URL"])
