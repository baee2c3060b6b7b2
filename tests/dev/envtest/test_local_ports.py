"""Ports for programs that are about to start."""

import itertools
import random
import subprocess
import sys

import pytest

from dev import local_ports

HOLDER = "from dev.local_ports import free_ports; print(*free_ports(1), flush=True); input()"
"""Takes a port, on which nothing listens, and keeps it until it is told to end."""


def chosen(monkeypatch: pytest.MonkeyPatch, *ports: int) -> None:
    """Have these ports come first, then random ones."""
    others = (random.randrange(20_000, 32_000) for _ in itertools.count())
    each = itertools.chain(ports, others)
    monkeypatch.setattr(random, "randint", lambda *_: next(each))


def test_a_port_is_given_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Also where nothing listens on it yet."""
    (port,) = local_ports.free_ports(1)
    chosen(monkeypatch, port, port)
    assert port not in local_ports.free_ports(3)


def test_another_process_does_not_get_it_until_this_one_ends(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Test runs that start beside each other have no port in common."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdin is not None
        assert holder.stdout is not None
        port = int(holder.stdout.readline())
        chosen(monkeypatch, port)
        assert port not in local_ports.free_ports(1)
        holder.stdin.write("\n")
        holder.stdin.close()
        assert holder.wait(60) == 0
    chosen(monkeypatch, port)
    assert local_ports.free_ports(1) == [port]
