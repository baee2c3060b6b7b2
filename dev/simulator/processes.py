"""Containers as real processes of this machine, and probes as real HTTP requests to them.

The adapter between the kubelet and the operating system, for the demo. There is no isolation: the
process runs as the user who runs the demo, with a port of its own on the loopback address.
"""

import os
import signal
import subprocess
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit

import requests

from dev.local_ports import free_ports
from dev.simulator.kubelet.runtime import Exit, ImageError, Process, StartError
from dev.simulator.objects import Object, name_of, uid_of
from dev.simulator.scheduling import RealScheduler

LOOPBACK = "127.0.0.1"
_SUCCESS = range(200, 400)
_NOT_FOUND = 127  # a shell's exit code
_RUNC = (
    "failed to create containerd task: failed to create shim task: OCI runtime create failed: "
    "runc create failed: unable to start container process: "
)


class LocalRuntime:
    """Runs the command that stands for an image, with the environment variable PORT."""

    def __init__(
        self, scheduler: RealScheduler, commands: Mapping[str, Sequence[str]], logs: Path
    ) -> None:
        """Say what the images are.

        Args:
            scheduler: where exits are handed in.
            commands: of each image that exists; a container's own command goes before it.
            logs: folder for the output of each Pod's containers, a file for each run.
        """
        self._scheduler = scheduler
        self._commands = commands
        self._logs = logs
        self._runs: dict[tuple[str, str], int] = {}
        self._ports: dict[tuple[str, int], int] = {}
        self._processes: list[subprocess.Popen[bytes]] = []

    def port(self, pod: Object, container_port: int) -> int:
        """Return the port of this machine that stands for a port of a Pod."""
        key = (uid_of(pod), container_port)
        if key not in self._ports:
            (self._ports[key],) = free_ports(1)
        return self._ports[key]

    def log(self, pod: Object, container: str, *, previous: bool = False) -> bytes | None:
        """Return what a container wrote, in its last run or in the one before.

        Args:
            pod: the Pod.
            container: the container's name.
            previous: whether that of the run before.

        Returns:
            Its output; None where there was no such run.
        """
        run = self._runs.get((uid_of(pod), container), 0) - previous
        path = self._path(pod, container, run)
        return path.read_bytes() if run > 0 and path.exists() else None

    def _path(self, pod: Object, container: str, run: int) -> Path:
        return self._logs / f"{name_of(pod)}_{container}.{run}.log"

    def start(self, pod: Object, container: Object, exited: Callable[[Exit], None]) -> Process:
        """See Runtime."""
        image = container["image"]
        if image not in self._commands:
            raise ImageError.absent(container, f"{image}: not found")
        command = container.get("command") or self._commands[image]
        ports = container.get("ports") or [{"containerPort": 80}]
        environment = {
            "PATH": os.environ.get("PATH", os.defpath),
            "PORT": str(self.port(pod, ports[0]["containerPort"])),
            **{one["name"]: one.get("value", "") for one in container.get("env") or []},
        }
        key = (uid_of(pod), container["name"])
        self._runs[key] = self._runs.get(key, 0) + 1
        try:
            with self._path(pod, container["name"], self._runs[key]).open("wb") as log:
                process = subprocess.Popen(
                    [*command, *(container.get("args") or [])],
                    env=environment,
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,  # so that Ctrl-C does not reach it
                )
        except OSError as error:
            reason = os.strerror(error.errno or 0).lower()
            message = f'{_RUNC}exec: "{command[0]}": stat {command[0]}: {reason}'
            raise StartError(message) from error
        self._processes.append(process)
        threading.Thread(target=self._wait, args=(process, exited), daemon=True).start()
        return _LocalProcess(process)

    def execute(
        self,
        _pod: Object,
        _container: Object,
        command: Sequence[str],
        done: Callable[[int, str], None],
    ) -> None:
        """See Runtime."""

        def run() -> None:
            try:
                ended = subprocess.run(
                    command, capture_output=True, text=True, check=False, errors="replace"
                )
            except OSError as error:
                outcome = (_NOT_FOUND, str(error))
            else:
                outcome = (ended.returncode, ended.stdout + ended.stderr)
            self._scheduler.post(lambda: done(*outcome))

        threading.Thread(target=run, daemon=True).start()

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
    """Carries out HTTP probes, each on a thread of its own. Other probes succeed."""

    def __init__(self, scheduler: RealScheduler, runtime: LocalRuntime) -> None:
        self._scheduler = scheduler
        self._runtime = runtime

    def ask(
        self, pod: Object, container: Object, probe: Object, done: Callable[[str | None], None]
    ) -> None:
        """See Prober."""
        action = probe.get("httpGet")
        if action is None:
            self._scheduler.call_soon(lambda: done(None))
            return
        port = _number(container, action["port"])
        url = f"http://{LOOPBACK}:{self._runtime.port(pod, port)}{action['path']}"

        def ask() -> None:
            failure = _failure(url, probe["timeoutSeconds"])
            self._scheduler.post(lambda: done(failure))

        threading.Thread(target=ask, daemon=True).start()


def _number(container: Object, port: int | str) -> int:
    if isinstance(port, int):
        return port
    return next(int(one["containerPort"]) for one in container["ports"] if one.get("name") == port)


def _failure(url: str, timeout: float) -> str | None:
    """Send the request; return the kubelet's message about a failure, None for a success."""
    with requests.Session() as session:
        session.trust_env = False
        try:
            response = session.get(url, timeout=timeout, allow_redirects=False)
        except requests.Timeout:
            late = "context deadline exceeded (Client.Timeout exceeded while awaiting headers)"
            return f'Get "{url}": {late}'
        except requests.RequestException:
            address = urlsplit(url).netloc
            return f'Get "{url}": dial tcp {address}: connect: connection refused'
    if response.status_code in _SUCCESS:
        return None
    return f"HTTP probe failed with statuscode: {response.status_code}"
