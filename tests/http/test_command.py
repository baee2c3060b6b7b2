"""The command ``pod-diagnoser``: wrong settings, a port that is taken, help."""

import json
import subprocess
from collections.abc import Iterator
from typing import NamedTuple

import pytest

from dev.local_ports import free_ports
from tests.http.inprocess import NOT_FOUND
from tests.http.recorded import ONE_EACH
from tests.http.server import COMMAND, PATIENCE, Server, environment, serving


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command to its end."""
    return subprocess.run(
        [COMMAND, *arguments],
        env=environment(variables),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    """A server for the tests of this file."""
    with serving({"POD_DIAGNOSER_ENDPOINTS": "pods"}) as server:
        yield server


@pytest.mark.parametrize(
    ("arguments", "variables", "named"),
    [
        (["--port", "http"], {}, "POD_DIAGNOSER_PORT"),
        (["--port", "0"], {}, "POD_DIAGNOSER_PORT"),
        (["--port", "65536"], {}, "POD_DIAGNOSER_PORT"),
        (["--port", "-1"], {}, "POD_DIAGNOSER_PORT"),
        (["--port=\N{FULLWIDTH DIGIT EIGHT}080"], {}, "POD_DIAGNOSER_PORT"),
        (["--endpoints", "none"], {}, "POD_DIAGNOSER_ENDPOINTS"),
        ([], {"POD_DIAGNOSER_PORT": "1e3"}, "POD_DIAGNOSER_PORT"),
        ([], {"PORT": "tcp://10.0.0.1:80"}, "PORT"),
        ([], {"POD_DIAGNOSER_ENDPOINTS": "ALL"}, "POD_DIAGNOSER_ENDPOINTS"),
        ([], {"POD_DIAGNOSER_LOG_LEVEL": "trace"}, "POD_DIAGNOSER_LOG_LEVEL"),
        ([], {"POD_DIAGNOSER_LOG_FORMAT": "xml"}, "POD_DIAGNOSER_LOG_FORMAT"),
    ],
    ids=str,
)
def test_a_wrong_setting_is_exit_code_2(
    arguments: list[str], variables: dict[str, str], named: str
) -> None:
    """One line names the setting and the values that it may have; nothing is served."""
    ended = run("serve", *arguments, **variables)
    assert ended.returncode == 2
    assert ended.stdout == ""
    (line,) = ended.stderr.splitlines()
    assert line.startswith("pod-diagnoser: ")
    assert named in line
    assert "must be" in line


class Refused(NamedTuple):
    """How a process ended that could not listen.

    Attributes:
        address: host and port.
        code: its exit code.
        log: its standard error.
    """

    address: tuple[str, int]
    code: int
    log: str


@pytest.fixture(scope="module")
def refused(server: Server) -> list[Refused]:
    """Return how processes ended that cannot listen: on a taken port, on an address of no machine.

    All at once, since gunicorn tries for five seconds.
    """
    addresses = [("127.0.0.1", server.port)]
    addresses.append(("192.0.2.1", free_ports(1)[0]))  # RFC 5737: an address for documentation
    processes = [
        subprocess.Popen(
            [COMMAND, "serve", "--host", host, "--port", str(port)],
            env={
                **environment(),
                "POD_DIAGNOSER_UNAUTHENTICATED": "true",
                "POD_DIAGNOSER_PLAIN_HTTP": "true",
            },
            stderr=subprocess.PIPE,
            text=True,
        )
        for host, port in addresses
    ]
    ended = []
    for address, process in zip(addresses, processes, strict=True):
        _, log = process.communicate(timeout=PATIENCE)
        ended.append(Refused(address, process.returncode, log))
    return ended


def test_an_address_that_cannot_be_used_is_named(refused: list[Refused]) -> None:
    """An exit code, and a log in the usual form that names the address, without a traceback."""
    for (host, port), code, log in refused:
        assert code > 0
        entries = [json.loads(line) for line in log.splitlines()]
        assert any(host in entry["event"] and str(port) in entry["event"] for entry in entries)


def test_a_second_instance_on_a_port_says_that_it_is_in_use(
    server: Server, refused: list[Refused]
) -> None:
    """The log says so, and the first instance goes on."""
    (entries,) = (
        [json.loads(line) for line in log.splitlines()]
        for (_, port), _, log in refused
        if port == server.port
    )
    assert any("in use" in entry["event"] for entry in entries)
    assert server.call("GET", "/readyz").status == 200


def test_a_process_serves_its_configured_endpoints(server: Server) -> None:
    """POD_DIAGNOSER_ENDPOINTS reaches the served hook: the other hooks are 404."""
    for request_ in ONE_EACH:
        reply = server.call("POST", request_.path, request_.body)
        if request_.path.startswith("/pods/"):
            assert reply.status == 200
        else:
            assert reply.outcome == NOT_FOUND


@pytest.mark.parametrize("arguments", [["--help"], ["serve", "--help"]], ids=str)
def test_help_names_the_settings(arguments: list[str]) -> None:
    """Help goes to standard output with exit code 0."""
    ended = run(*arguments)
    assert ended.returncode == 0
    assert "serve" in ended.stdout
    assert ended.stderr == ""


@pytest.mark.parametrize("arguments", [[], ["server"], ["serve", "--workers", "4"]], ids=str)
def test_a_wrong_command_line_is_exit_code_2(arguments: list[str]) -> None:
    """The error comes with the usage."""
    ended = run(*arguments)
    assert ended.returncode == 2
    assert ended.stderr.startswith("usage: pod-diagnoser")
