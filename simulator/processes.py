"""Containers as real processes of this machine, and probes as real HTTP requests to them.

The adapter between the kubelet and the operating system, for the demo. There is no isolation: the
process runs as who runs the demo, with a port of its own on the loopback address.
"""

import os
import signal
import socket
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import requests

from simulator.kubelet.runtime import Exit, Process, StartError
from simulator.objects import Object, name_of, uid_of
from simulator.scheduling import RealScheduler

LOOPBACK = "127.0.0.1"
_SUCCESS = range(200, 400)


def free_port() -> int:
    """Return a TCP port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind((LOOPBACK, 0))
        port: int = listener.getsockname()[1]
        return port


class LocalRuntime:
    """Runs the command that stands for an image, with the environment variable PORT."""

    def __init__(
        self, scheduler: RealScheduler, commands: Mapping[str, Sequence[str]], logs: Path
    ) -> None:
        """Say what the images are.

        Args:
            scheduler: where exits are handed in.
            commands: of each image that exists; a container's own command goes before it.
            logs: folder for the output of each Pod's containers.
        """
        self._scheduler = scheduler
        self._commands = commands
        self._logs = logs
        self._ports: dict[tuple[str, int], int] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def port(self, pod: Object, container_port: int) -> int:
        """Return the port of this machine that stands for a port of a Pod."""
        key = (uid_of(pod), container_port)
        if key not in self._ports:
            self._ports[key] = free_port()
        return self._ports[key]

    def log(self, pod: Object, container: Object) -> Path:
        """Return the file with the output of all runs of a container."""
        return self._logs / f"{name_of(pod)}_{container['name']}.log"

    def start(self, pod: Object, container: Object, exited: Callable[[Exit], None]) -> Process:
        """See Runtime."""
        command = container.get("command") or self._commands.get(container["image"])
        if command is None:
            message = f'image "{container["image"]}" not found'
            raise StartError(message)
        ports = container.get("ports") or [{"containerPort": 80}]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PORT": str(self.port(pod, ports[0]["containerPort"])),
            **{one["name"]: one.get("value", "") for one in container.get("env") or []},
        }
        try:
            with self.log(pod, container).open("ab") as log:
                process = subprocess.Popen(  # noqa: S603 (the very point)
                    [*command, *(container.get("args") or [])],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that Ctrl-C is ours to deal with
                )
        except OSError as error:
            raise StartError(str(error)) from error
        self._processes.append(process)
        threading.Thread(target=self._wait, args=(process, exited), daemon=True).start()
        return _LocalProcess(process)

    def stop(self) -> None:
        """Kill whatever still runs."""
        for process in self._processes:
            if process.poll() is None:
                process.kill()
                process.wait()

    def _wait(self, process: subprocess.Popen[bytes], exited: Callable[[Exit], None]) -> None:
        code = process.wait()
        self._scheduler.post(lambda: exited(Exit(code)))


class _LocalProcess:
    """A process of this machine."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self._process = process

    def signal(self, number: int) -> None:
        self._process.send_signal(signal.Signals(number))


class HttpProber:
    """Carries out HTTP probes, each on a thread of its own."""

    def __init__(self, scheduler: RealScheduler, runtime: LocalRuntime) -> None:
        self._scheduler = scheduler
        self._runtime = runtime

    def get(
        self, pod: Object, container: Object, probe: Object, done: Callable[[bool], None]
    ) -> None:
        """See Prober."""
        action = probe["httpGet"]
        port = _number(container, action["port"])
        url = f"http://{LOOPBACK}:{self._runtime.port(pod, port)}{action['path']}"

        def ask() -> None:
            healthy = _succeeds(url, probe["timeoutSeconds"])
            self._scheduler.post(lambda: done(healthy))

        threading.Thread(target=ask, daemon=True).start()


def _number(container: Object, port: int | str) -> int:
    if isinstance(port, int):
        return port
    return next(int(one["containerPort"]) for one in container["ports"] if one.get("name") == port)


def _succeeds(url: str, timeout: float) -> bool:
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.get(url, timeout=timeout, allow_redirects=False)
        except requests.RequestException:
            return False
        return response.status_code in _SUCCESS
