"""Ports of this machine for programs that are about to start."""

import fcntl
import functools
import os
import random
import socket
import tempfile
from pathlib import Path

_LOWEST, _HIGHEST = 20_000, 31_999
_given: set[int] = set()


def free_ports(count: int) -> list[int]:
    """Find ports of 127.0.0.1 on which nothing listens, each for this process alone.

    They are below the range that systems give to outgoing connections, so that none of those takes
    one between now and its use. A port is given once in the life of a process, and not to another
    process that asks here meanwhile: what listens on it may be stopped and started again.

    Args:
        count: how many, all different.
    """
    ports: list[int] = []
    while len(ports) < count:
        candidate = random.randint(_LOWEST, _HIGHEST)
        if candidate not in _given and _is_free(candidate) and _reserve(candidate):
            _given.add(candidate)
            ports.append(candidate)
    return ports


def _is_free(port: int) -> bool:
    with socket.socket() as listener:
        try:
            listener.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True


def _reserve(port: int) -> bool:
    """Lock the byte of a port in a file that all processes share; they lose it when they end."""
    try:
        fcntl.lockf(_lock_file(), fcntl.LOCK_EX | fcntl.LOCK_NB, 1, port)
    except OSError:
        return False
    return True


@functools.cache
def _lock_file() -> int:
    """Open the file; it stays open, since closing it would give up all locks."""
    path = Path(tempfile.gettempdir(), f"pod-diagnoser-ports-{os.getuid()}")
    return os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW, 0o600)
