"""How gunicorn runs the hook: ``gunicorn --config python:pod_diagnoser.server.gunicorn_conf``.

One process: the work is short and single-threaded, metrics need no files between processes, and
more throughput is more replicas. gevent: slow clients and delayed responses cost a greenlet, not a
thread. ``dev/benchmarks/`` compares gunicorn's workers.
"""

import tempfile
from pathlib import Path

from pod_diagnoser.server.settings import load_settings

_settings = load_settings()
_SHARED_MEMORY = Path("/dev/shm")  # noqa: S108 (gunicorn's heartbeat file; memory, not disk)

_host = f"[{_settings.host}]" if ":" in _settings.host else _settings.host
bind = f"{_host}:{_settings.port}"
workers = 1
worker_class = "pod_diagnoser.server.worker.HookWorker"
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
