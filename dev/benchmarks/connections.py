"""What TLS costs the hook, and what thousands of idle connections do to its callers."""

import asyncio
import http.client
import multiprocessing
import os
import ssl
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path

import trustme

from dev import local_http
from dev.benchmarks import samples
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.servers import HOOK, Server
from dev.benchmarks.spread import Spread
from dev.local_ports import free_ports

CONNECTIONS = 5000
COME_BACK = 5.0
"""Seconds until a connection that was closed is opened again: some 1,000 a second."""

_PATH = "/pods/sync"
_STALLED_HELLO = b"\x16\x03\x01"
_STALLED_HEAD = b"POST /pods/sync HTTP/1.1\r\nX: "
_GREEDY = b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n" * 200


def measure(rounds: int = 3, seconds: float = 60.0) -> list[Figure]:
    """Measure the CPU of TLS, and probes and syncs beside the attack.

    Args:
        rounds: how often.
        seconds: how long an attack lasts.

    Returns:
        CPU time a sync, by kind of connection; then of the attack: the slowest probe, what failed,
        and the p95 of syncs beside that without it.

    Raises:
        dev.envtest.process.StartError: the server does not start.
    """
    cost: dict[str, list[float]] = {}
    found: dict[str, list[float]] = {}
    for _ in range(rounds):
        for tls in (False, True):
            with _serving(tls=tls) as (server, context, _):
                for kept in (True, False):
                    name = f"{'TLS' if tls else 'plain'}, {'kept' if kept else 'new'} connection"
                    cost.setdefault(name, []).append(_cpu_a_sync(server, context, kept=kept))
        for name, value in _attacked(seconds).items():
            found.setdefault(name, []).append(value)
    spreads = {name: Spread(tuple(values)) for name, values in cost.items()}
    attack = {name: Spread(tuple(values)) for name, values in found.items()}
    return [
        *(Figure(f"CPU a sync, {name}", spread, "µs") for name, spread in spreads.items()),
        Figure(
            "TLS / plain, kept connection",
            spreads["TLS, kept connection"].over(spreads["plain, kept connection"]),
            "",
        ),
        Figure(f"slowest probe, {CONNECTIONS:,} connections", attack["slowest"], "ms", _SECOND),
        Figure("failed probes", attack["failed probes"], "", Aim.exactly(0)),
        Figure("failed syncs", attack["failed syncs"], "", Aim.exactly(0)),
        Figure("p95 of syncs, quiet", attack["quiet"], "ms"),
        Figure("p95 of syncs beside the connections", attack["busy"], "ms"),
    ]


_SECOND = Aim.at_most(1000)


@contextmanager
def _serving(*, tls: bool) -> Iterator[tuple[Server, ssl.SSLContext | None, int]]:
    """Serve the hook; give its context for clients and the port of its probes."""
    with tempfile.TemporaryDirectory() as folder:
        (port,) = free_ports(1)
        variables = {"POD_DIAGNOSER_METRICS_PORT": str(port)}
        context = None
        if tls:
            authority = trustme.CA()
            issued = authority.issue_cert("127.0.0.1")
            issued.private_key_pem.write_to_path(f"{folder}/tls.key")
            issued.cert_chain_pems[0].write_to_path(f"{folder}/tls.crt")
            context = ssl.create_default_context()
            authority.configure_trust(context)
            variables["POD_DIAGNOSER_TLS_DIR"] = folder
        bind = ("--bind", f"127.0.0.1:{port}")
        with Server("hook", HOOK, Path(folder), bind, variables) as server:
            yield server, context, port


def _connect(port: int, context: ssl.SSLContext | None) -> http.client.HTTPConnection:
    if context is None:
        return http.client.HTTPConnection("127.0.0.1", port, timeout=10)
    return http.client.HTTPSConnection("127.0.0.1", port, timeout=10, context=context)


def _sync(connection: http.client.HTTPConnection, body: bytes) -> None:
    connection.request("POST", _PATH, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    if response.status != http.HTTPStatus.OK:
        message = f"answered with {response.status}"
        raise OSError(message)


def _cpu_a_sync(
    server: Server, context: ssl.SSLContext | None, *, kept: bool, count: int = 500
) -> float:
    """Return the CPU time of a sync of a Pod that crashed, in microseconds."""
    body = samples.crashed(datetime.now(UTC))
    connection = _connect(server.port, context)
    _sync(connection, body)
    before = server.cpu_seconds()
    for _ in range(count):
        if not kept:
            connection.close()
        _sync(connection, body)
    connection.close()
    return (server.cpu_seconds() - before) / count * 1e6


def _attacked(seconds: float) -> dict[str, float]:
    """Probe and sync, without the attack and beside it."""
    with _serving(tls=True) as (server, context, port):
        quiet, _, _ = _called(server, context, port, min(seconds, 10))
        attack = multiprocessing.get_context("spawn").Process(
            target=_attack, args=(server.port, port), daemon=True
        )
        attack.start()
        try:
            time.sleep(3)
            syncs, probes, failed = _called(server, context, port, seconds)
        finally:
            attack.kill()
            attack.join()
    return {
        "quiet": statistics.quantiles(quiet, n=20)[-1],
        "busy": statistics.quantiles(syncs, n=20)[-1],
        "slowest": max(probes),
        "failed syncs": failed["sync"],
        "failed probes": failed["probe"],
    }


def _called(
    server: Server, context: ssl.SSLContext | None, port: int, seconds: float
) -> tuple[list[float], list[float], dict[str, int]]:
    """Call as Metacontroller and the kubelet do.

    Returns:
        How long syncs and probes took, in milliseconds, and how many failed of each.
    """
    failed = {"sync": 0, "probe": 0}
    probes: list[float] = []
    over = threading.Event()

    def probe() -> None:
        while not over.wait(0.5):
            _timed(lambda: _probe(port), probes, failed, "probe")

    thread = threading.Thread(target=probe)
    thread.start()
    syncs: list[float] = []
    body = samples.crashed(datetime.now(UTC))
    connection = _connect(server.port, context)
    until = time.monotonic() + seconds
    number = 0
    while time.monotonic() < until:
        number += 1
        if number % 5 == 0:  # Metacontroller keeps two connections, and opens others as needed
            connection.close()
        _timed(lambda: _sync(connection, body), syncs, failed, "sync")
        time.sleep(0.05)
    over.set()
    thread.join()
    return syncs, probes, failed


def _probe(port: int) -> None:
    if not local_http.is_ok(f"http://127.0.0.1:{port}/healthz", seconds=5):
        message = "the probe failed"
        raise OSError(message)


def _timed(call: Callable[[], None], taken: list[float], failed: dict[str, int], kind: str) -> None:
    begun = time.perf_counter()
    try:
        call()
    except (OSError, http.client.HTTPException):
        failed[kind] += 1
    taken.append((time.perf_counter() - begun) * 1000)


def _attack(*ports: int) -> None:
    os.nice(10)  # what the attack itself costs must not be measured
    asyncio.run(_connections(ports))


async def _connections(ports: tuple[int, ...]) -> None:
    """Keep the connections up: silent ones, stalled ones, and some that read nothing."""
    sent = (b"", _STALLED_HELLO, _STALLED_HEAD, _GREEDY)
    await asyncio.gather(
        *(
            _lead_nowhere(ports[number % len(ports)], sent[number // len(ports) % len(sent)])
            for number in range(CONNECTIONS)
        )
    )


async def _lead_nowhere(port: int, sent: bytes) -> None:
    while True:
        with suppress(OSError):
            _, writer = await asyncio.open_connection("127.0.0.1", port, limit=1)
            try:
                writer.write(sent)
                while not writer.is_closing():  # reads nothing: only its transport notices the end
                    await asyncio.sleep(1)
                    writer.write(sent[-1:])
                    await writer.drain()
            finally:
                writer.close()
        await asyncio.sleep(COME_BACK)
