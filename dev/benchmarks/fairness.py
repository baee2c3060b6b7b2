"""How long others wait while one namespace attacks the hook, beside a quiet hook.

Attacks come as Metacontroller would pass them on: of its twenty workers the others' syncs have one,
and the attack has all the rest. A sync that is refused is repeated later, so its worker takes the
next one, as fast as the API server takes writes of such objects. Each attack writes as expensive
objects as the API server allows.

A second figure is the CPU time of the hook between a request of the others and its response: what
they wait for, on a machine of whatever load.
"""

import http.client
import json
import multiprocessing
import os
import statistics
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.benchmarks import samples, usage
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.servers import HOOK, Server
from dev.benchmarks.spread import Spread

WORKERS = 20
BETWEEN_SYNCS = 0.05
"""Seconds between two syncs of the others: a crash now and then."""

NEXT_OBJECT = 0.4
"""Seconds until a worker has the attack's next object after a refusal: some 50 writes a second of
objects of up to 8 MB, more than an API server takes of one tenant."""

WARM_UP = 5.0
"""Seconds until it is measured; the attack's allowance is used up by then."""

_POD, _DIAGNOSER = "/pods/sync", "/poddiagnosers/sync"


@dataclass(frozen=True, slots=True)
class Attack:
    """An attack.

    Attributes:
        name: its row.
        path: what is posted to.
        build: makes a few different bodies.
    """

    name: str
    path: str
    build: Callable[[], list[bytes]]


@dataclass(frozen=True, slots=True)
class Waited:
    """p95 of how long others wait for a response, in milliseconds.

    Attributes:
        time: what passes.
        work: the CPU time that the hook uses meanwhile.
    """

    time: float
    work: float


def measure(rounds: int = 3, seconds: float = 20.0) -> list[Figure]:
    """Measure the others' syncs beside each attack.

    Args:
        rounds: how often.
        seconds: for how long each time.

    Returns:
        p95 of the others' syncs and of the hook's work meanwhile, and the ratios to those of a
        quiet hook.

    Raises:
        dev.envtest.process.StartError: the server does not start.
    """
    quiet: list[Waited] = []
    busy: dict[str, list[Waited]] = {attack.name: [] for attack in ATTACKS}
    memory: dict[str, list[float]] = {attack.name: [] for attack in ATTACKS}
    for _ in range(rounds):
        for attack in (None, *ATTACKS):
            with (
                tempfile.TemporaryDirectory() as folder,
                Server("hook", HOOK, Path(folder)) as server,
                _running(attack, server.port),
            ):
                time.sleep(WARM_UP if attack else 0.5)
                waited = _others(server.port, usage.worker(server.process), seconds)
                if attack is None:
                    quiet.append(waited)
                else:
                    busy[attack.name].append(waited)
                    memory[attack.name].append(server.resident_bytes() / 1024**2)
    figures = _rows("quiet", quiet)
    for name, values in busy.items():
        figures += _rows(name, values)
        for what, ratio in (("time", _times), ("work", _works)):
            found = ratio(values).over(ratio(quiet))
            figures.append(Figure(f"{name} / quiet, {what}", found, "", Aim.at_most(2)))
        figures.append(Figure(f"memory, {name}", Spread(tuple(memory[name])), "MiB"))
    return figures


def _rows(name: str, values: Sequence[Waited]) -> list[Figure]:
    return [
        Figure(f"p95 of others, {name}", _times(values), "ms"),
        Figure(f"p95 of the hook's work meanwhile, {name}", _works(values), "ms"),
    ]


def _times(values: Sequence[Waited]) -> Spread:
    return Spread(tuple(each.time for each in values))


def _works(values: Sequence[Waited]) -> Spread:
    return Spread(tuple(each.work for each in values))


def _others(port: int, worker: int, seconds: float) -> Waited:
    """Sync crashed Pods of another namespace, one after the other."""
    body = _in_namespace(samples.crashed(datetime.now(UTC)), "others")
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    _post(connection, _POD, body)  # what the first request of a process costs is another matter
    taken: list[float] = []
    worked: list[float] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        used, begun = usage.cpu_nanoseconds(worker), time.perf_counter()
        status = _post(connection, _POD, body)
        taken.append((time.perf_counter() - begun) * 1000)
        worked.append((usage.cpu_nanoseconds(worker) - used) / 1e6)
        if status != http.HTTPStatus.OK:
            message = f"a sync of others was answered with {status}"
            raise RuntimeError(message)
        time.sleep(BETWEEN_SYNCS)
    return Waited(statistics.quantiles(taken, n=20)[-1], statistics.quantiles(worked, n=20)[-1])


def _post(connection: http.client.HTTPConnection, path: str, body: bytes) -> int:
    connection.request("POST", path, body, {"Content-Type": "application/json"})
    response = connection.getresponse()
    response.read()
    return response.status


@contextmanager
def _running(attack: Attack | None, port: int) -> Iterator[None]:
    if attack is None:
        yield
        return
    process = multiprocessing.get_context("spawn").Process(
        target=_attack, args=(attack.path, attack.build(), port), daemon=True
    )
    process.start()
    try:
        yield
    finally:
        process.kill()
        process.join()


def _attack(path: str, bodies: list[bytes], port: int) -> None:
    os.nice(10)  # what it takes to send the attack must not be measured

    def work(number: int) -> None:
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
        while True:
            number += 1
            try:
                if _post(connection, path, bodies[number % len(bodies)]) != http.HTTPStatus.OK:
                    time.sleep(NEXT_OBJECT)
            except (OSError, http.client.HTTPException):
                connection.close()
                time.sleep(NEXT_OBJECT)

    threads = [threading.Thread(target=work, args=(each,)) for each in range(WORKERS - 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def _in_namespace(body: bytes, namespace: str) -> bytes:
    own = json.loads(body)["object"]["metadata"]["namespace"]
    return body.replace(f'"namespace":"{own}"'.encode(), f'"namespace":"{namespace}"'.encode())


def _pods(count: int, change: Callable[[Any, int], None]) -> list[bytes]:
    bodies = []
    for number in range(count):
        request = json.loads(samples.crashed(datetime.now(UTC)))
        request["object"]["metadata"]["uid"] = f"{number:08x}-0000-4000-8000-000000000000"
        change(request, number)
        bodies.append(samples.encode(request))
    return bodies


def _large_specs() -> list[bytes]:
    """Twenty PodDiagnosers with as large specs as the kind allows."""

    def change(request: Any, _: int) -> None:
        (targets,) = request["related"].values()
        ((key, own),) = targets.items()
        for number in range(20):
            copy = json.loads(json.dumps(own))
            name = f"large-{number:03}"
            copy["metadata"]["name"] = name
            copy["spec"]["diagnoser"]["name"] = name
            copy["metadata"]["ownerReferences"][0]["name"] = name
            copy["spec"]["targetLabels"] = {f"{each:0250}/k": "v" * 63 for each in range(32)}
            copy["spec"]["ignore"] = {"podLabels": {f"{each:0250}/k": "v" for each in range(32)}}
            targets[f"{key}-{number}"] = copy

    return _pods(20, change)


def _patterns() -> list[bytes]:
    """A costly mask pattern, and texts that it searches for long; more than are remembered."""

    def change(request: Any, number: int) -> None:
        (targets,) = request["related"].values()
        for target in targets.values():
            target["spec"]["evidence"] = {"maskPatterns": ["(?:a?){450}b"]}
        (status,) = request["object"]["status"]["containerStatuses"]
        status["lastState"]["terminated"]["message"] = f"{number:04}" + "a" * 4000

    return _pods(600, change)


def _containers() -> list[bytes]:
    """Pods of 2,500 containers that crashed."""

    def change(request: Any, _: int) -> None:
        pod = request["object"]
        (status,) = pod["status"]["containerStatuses"]
        pod["status"]["containerStatuses"] = [
            json.loads(json.dumps(status).replace(f'"{status["name"]}"', f'"c{each}"'))
            for each in range(2500)
        ]
        pod["spec"]["containers"] = [{"name": f"c{each}"} for each in range(2500)]

    return _pods(4, change)


def _large_bodies() -> list[bytes]:
    """Bodies that are nearly as large as those of Pods may be."""

    def change(request: Any, _: int) -> None:
        request["object"]["spec"]["containers"][0]["env"] = [
            {"name": f"N{each}", "value": "v" * 1000} for each in range(7500)
        ]

    return _pods(2, change)


def _crashed_pods() -> list[bytes]:
    """A PodDiagnoser with 1,500 crashed Pods, 25 MB."""
    return [samples.poddiagnoser(datetime.now(UTC), 1500)]


ATTACKS = (
    Attack("1a: twenty large specs", _POD, _large_specs),
    Attack("1b: mask patterns", _POD, _patterns),
    Attack("1c: 2,500 containers", _POD, _containers),
    Attack("1c: a PodDiagnoser of 25 MB", _DIAGNOSER, _crashed_pods),
    Attack("1d: bodies of 7.9 MB", _POD, _large_bodies),
)
