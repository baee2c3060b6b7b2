"""How gunicorn runs the hook: ``gunicorn --config python:pod_diagnoser.server.gunicorn_conf``.

One process: the work is short and single-threaded, metrics need no files between processes, and
more throughput is more replicas. gevent: slow clients and delayed responses cost a greenlet, not a
thread. ``dev/benchmarks/`` compares gunicorn's workers.
"""

import ctypes
import gc
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final

from pod_diagnoser.server.settings import load_settings

if TYPE_CHECKING:
    from gunicorn.arbiter import Arbiter
    from gunicorn.workers.base import Worker

_M_MMAP_THRESHOLD: Final = -3
_MMAP_BYTES: Final = 1024 * 1024

# A freed body goes back to the system at once. By itself glibc keeps blocks of a size that was
# freed once, so that the memory for one large request is there for ever (mallopt(3)).
with suppress(OSError, AttributeError):  # no glibc
    ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _MMAP_BYTES)

_settings = load_settings()
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn's heartbeat file; memory, not disk)


def _address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


bind = [_address(_settings.host, _settings.port)]
if _settings.metrics_port is not None:
    bind.append(_address(_settings.metrics_host or _settings.host, _settings.metrics_port))
workers = 1
worker_class = "pod_diagnoser.server.worker.HookWorker"
# More than a listener's places (worker.PLACES): who comes then takes another's place.
worker_connections = 2000
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else tempfile.gettempdir()

# Longer than the 90 seconds for which Metacontroller's client keeps an idle connection: a server
# that closes first breaks the request that was just sent on it.
keepalive = 120
# Longer than Metacontroller waits for a response.
graceful_timeout = 15
timeout = 30

# The application logs what is worth a line, in its own form.
accesslog = None
loglevel = "warning"
logger_class = "pod_diagnoser.server.worker.HookLogger"
# No control socket: it cannot be written on a read-only root, and is not used.
control_socket_disable = True


def pre_fork(arbiter: "Arbiter", worker: "Worker") -> None:
    """Keep what is loaded in memory once: a collection would write to all of it (gc.freeze)."""
    del arbiter, worker
    gc.collect()
    gc.freeze()
