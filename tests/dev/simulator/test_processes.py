"""Containers as processes of this machine: their logs, failures to start, results of probes."""

import sys
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest

from dev.simulator.kubelet.runtime import Exit, ImageError, StartError
from dev.simulator.objects import Object
from dev.simulator.processes import LOOPBACK, HttpProber, LocalRuntime
from dev.simulator.scheduling import RealScheduler

PATIENCE = 30.0
POD: Object = {"metadata": {"name": "p", "namespace": "default", "uid": "u"}, "spec": {}}
PRINT = "import sys; print(sys.argv[1]); sys.exit(int(sys.argv[2]))"


def container(*args: str, **more: object) -> Object:
    """Return a container that prints its first argument and exits with its second."""
    return {"name": "app", "image": "python", "args": [*args], **more}


@pytest.fixture
def scheduler() -> RealScheduler:
    """Return real time."""
    return RealScheduler()


@pytest.fixture
def runtime(scheduler: RealScheduler, tmp_path: Path) -> Iterator[LocalRuntime]:
    """Return a runtime that knows one image."""
    runtime = LocalRuntime(scheduler, {"python": [sys.executable, "-c", PRINT]}, tmp_path)
    yield runtime
    runtime.stop()


def run(scheduler: RealScheduler, runtime: LocalRuntime, text: str, code: int) -> Exit:
    """Run a container to its end."""
    ended: list[Exit] = []
    runtime.start(POD, container(text, str(code)), ended.append)
    assert scheduler.run_until(lambda: bool(ended), PATIENCE)
    return ended[0]


def test_each_run_has_a_log_of_its_own(scheduler: RealScheduler, runtime: LocalRuntime) -> None:
    """The last run's log and that of the run before are separate; others are not there."""
    assert runtime.log(POD, "app") is None
    assert run(scheduler, runtime, "one", 3) == Exit(3)
    assert runtime.log(POD, "app") == b"one\n"
    assert runtime.log(POD, "app", previous=True) is None
    assert run(scheduler, runtime, "two", 0) == Exit(0)
    assert runtime.log(POD, "app") == b"two\n"
    assert runtime.log(POD, "app", previous=True) == b"one\n"
    assert runtime.log(POD, "other") is None
    assert runtime.log({**POD, "metadata": {**POD["metadata"], "uid": "v"}}, "app") is None


def test_a_missing_program_is_reported_as_by_runc(runtime: LocalRuntime) -> None:
    """The message names the program and says that it is not there."""
    with pytest.raises(StartError) as raised:
        runtime.start(POD, container(command=["/no/such/program"]), lambda _: None)
    expected = 'exec: "/no/such/program": stat /no/such/program: no such file or directory'
    assert str(raised.value).endswith(f"unable to start container process: {expected}")


@pytest.mark.parametrize(
    ("policy", "reason"), [("Never", "ErrImageNeverPull"), ("Always", "ErrImagePull")]
)
def test_a_missing_image_is_reported(runtime: LocalRuntime, policy: str, reason: str) -> None:
    """A missing image fails to be pulled, or is never pulled."""
    with pytest.raises(ImageError, match="none") as raised:
        runtime.start(POD, container(image="none", imagePullPolicy=policy), lambda _: None)
    assert raised.value.reason == reason


def test_a_hooks_command_is_run(scheduler: RealScheduler, runtime: LocalRuntime) -> None:
    """Exit code and output come back; a program that is not there is 127."""
    done: list[tuple[int, str]] = []

    def finish(code: int, output: str) -> None:
        done.append((code, output))

    runtime.execute(POD, container(), [sys.executable, "-c", PRINT, "hook", "4"], finish)
    assert scheduler.run_until(lambda: len(done) == 1, PATIENCE)
    assert done[0] == (4, "hook\n")
    runtime.execute(POD, container(), ["/no/such/program"], finish)
    assert scheduler.run_until(lambda: len(done) > 1, PATIENCE)
    assert done[1][0] == 127


class Health(BaseHTTPRequestHandler):
    """Is healthy at one path."""

    def do_GET(self) -> None:
        """Answer."""
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Log nothing."""


def test_a_probe_says_how_it_failed(scheduler: RealScheduler, runtime: LocalRuntime) -> None:
    """A status code or a refused connection; None is a success, as is any probe but an HTTP one."""
    prober = HttpProber(scheduler, runtime)
    server = ThreadingHTTPServer((LOOPBACK, runtime.port(POD, 80)), Health)
    Thread(target=server.serve_forever, daemon=True).start()

    def ask(**probe: object) -> str | None:
        results: list[str | None] = []
        prober.ask(POD, container(), {"timeoutSeconds": 5, **probe}, results.append)
        assert scheduler.run_until(lambda: bool(results), PATIENCE)
        return results[0]

    try:
        assert ask(httpGet={"port": 80, "path": "/health"}) is None
        wrong = ask(httpGet={"port": 80, "path": "/healthy"})
        assert wrong == "HTTP probe failed with statuscode: 404"
        assert ask(exec={"command": ["false"]}) is None
    finally:
        server.shutdown()
        server.server_close()
    refused = ask(httpGet={"port": 80, "path": "/health"})
    assert refused is not None
    assert refused.endswith("connect: connection refused")
