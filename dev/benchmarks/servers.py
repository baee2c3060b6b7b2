"""Servers under test: gunicorn with the settings of production, or with one of them changed."""

import socket
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Self

from dev.benchmarks import usage
from dev.envtest.process import Process
from dev.local_ports import free_ports

HOOK = "pod_diagnoser.server.app:create_app()"
BARE = "dev.benchmarks.bare:app"
GTHREAD = ("--worker-class", "gthread", "--threads")


class Server:
    """A WSGI application under gunicorn; a context manager.

    Args:
        name: what it is called.
        application: as gunicorn takes it.
        folder: where its log goes.
        options: further options of gunicorn's, which go before those of production.
        variables: further settings, as environment variables.

    Attributes:
        name: what it is called.
        port: where it listens, on 127.0.0.1.
        process: gunicorn.
    """

    def __init__(
        self,
        name: str,
        application: str,
        folder: Path,
        options: Sequence[str] = (),
        variables: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        (self.port,) = free_ports(1)
        self.process = Process(
            name.replace(" ", "-"),
            [
                Path(sys.executable).with_name("gunicorn"),
                "--config",
                "python:pod_diagnoser.server.gunicorn_conf",
                "--bind",
                f"127.0.0.1:{self.port}",
                *options,
                application,
            ],
            folder,
            {
                "POD_DIAGNOSER_LOG_LEVEL": "info",
                "POD_DIAGNOSER_LOG_FORMAT": "json",
                **(variables or {}),
            },
        )

    def __enter__(self) -> Self:
        """Start it and wait until it listens.

        Raises:
            dev.envtest.process.StartError: it does not get there.
        """
        self.process.start()
        self.process.wait_until(self._listens)
        time.sleep(0.5)  # gunicorn listens before its worker has loaded the application
        return self

    def __exit__(self, *_: object) -> None:
        """End it."""
        self.process.stop(grace=3)

    def cpu_seconds(self) -> float:
        """Return the CPU time used so far by gunicorn's two processes, in seconds."""
        return usage.cpu_seconds(self.process)

    def resident_bytes(self) -> int:
        """Return the resident memory of the larger of gunicorn's two processes, the worker."""
        return usage.resident_bytes(self.process)

    def _listens(self) -> bool:
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
        except OSError:
            return False
        return True
