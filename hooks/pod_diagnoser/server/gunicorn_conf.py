"""How gunicorn runs the hook: ``gunicorn --config python:pod_diagnoser.server.gunicorn_conf``.

One process: the work is short and single-threaded, metrics need no files between processes, and
more throughput is more replicas. gevent: slow clients and answers that are held cost a greenlet,
not a thread. ``benchmarks/`` has the comparison with gunicorn's other workers.
"""

import os
import tempfile
from pathlib import Path

from pod_diagnoser.server.settings import Settings

_settings = Settings.from_environment(os.environ)
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn's heartbeat file; memory, not disk)

bind = (
    f"[{_settings.host}]:{_settings.port}"
    if ":" in _settings.host
    else (f"{_settings.host}:{_settings.port}")
)
workers = 1
worker_class = "pod_diagnoser.server.worker.HookWorker"
worker_connections = 2000
worker_tmp_dir = str(_SHARED_MEMORY) if _SHARED_MEMORY.is_dir() else tempfile.gettempdir()

# Longer than the 90 seconds for which Metacontroller's client keeps an idle connection: a server
# that closes first breaks the request that was just sent on it.
keepalive = 120
# Longer than Metacontroller waits for an answer.
graceful_timeout = 15
timeout = 30

# Everything that is worth a line is logged by the application, in its own form.
accesslog = None
loglevel = "warning"
logger_class = "pod_diagnoser.server.worker.HookLogger"
# No control socket: there is nothing to write it to on a read-only root, and nobody uses it.
control_socket_disable = True
