"""In the processes under test: on SIGRTMIN, write how many greenlets there are into a file.

Python imports this at its start where ``PYTHONPATH`` has its folder. The signal handler is
inherited by gunicorn's worker, which sets only those of other signals.
"""

import gc
import os
import signal
from pathlib import Path

if "SOAK_FOLDER" in os.environ:
    from greenlet import greenlet


def _count(*_: object) -> None:
    living = sum(isinstance(one, greenlet) and not one.dead for one in gc.get_objects())
    file = Path(os.environ["SOAK_FOLDER"]) / f"greenlets-{os.getpid()}"
    file.with_suffix(".new").write_text(str(living), encoding="ascii")
    file.with_suffix(".new").replace(file)


if "SOAK_FOLDER" in os.environ:
    signal.signal(signal.SIGRTMIN, _count)
