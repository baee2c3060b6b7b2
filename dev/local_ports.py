"""Ports of this machine for programs that are about to start."""

import contextlib
import random
import socket


def free_ports(count: int) -> list[int]:
    """Find ports of 127.0.0.1 on which nothing listens.

    They are below the range that systems give to outgoing connections, so that none of those takes
    one between now and its use.

    Args:
        count: how many, all different.
    """
    with contextlib.ExitStack() as listeners:
        ports: list[int] = []
        while len(ports) < count:
            candidate = random.randint(20_000, 31_999)
            listener = listeners.enter_context(socket.socket())
            try:
                listener.bind(("127.0.0.1", candidate))
            except OSError:
                continue
            ports.append(candidate)
        return ports
