"""The proxy for single requests: what passes, and what does not."""

import contextlib
import socket
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest

from dev.envtest.proxy import Answer, Forward, Proxy, Request
from dev.local_ports import free_ports


@pytest.fixture
def proxy() -> Iterator[Proxy]:
    """A proxy that answers by itself."""

    def confirm(_: Request, __: Forward) -> Answer | None:
        return Answer(200, {}, b"done")

    (port,) = free_ports(1)
    with Proxy("http://127.0.0.1:1", port) as made:
        made.rule = confirm
        yield made


def sent(proxy: Proxy, *pieces: bytes) -> bytes:
    """Send a request in pieces, stop sending, and return what comes back."""
    target = urlsplit(proxy.url)
    with contextlib.closing(socket.create_connection((target.hostname, target.port), 5)) as client:
        for piece in pieces:
            client.sendall(piece)
        client.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: client.recv(4096), b""))


HEAD = b"DELETE /pods/p HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n"


def test_a_whole_request_passes(proxy: Proxy) -> None:
    """In pieces, too."""
    assert sent(proxy, HEAD, b"01234", b"56789").endswith(b"done")
    assert [one.body for one in proxy.requests] == [b"0123456789"]


@pytest.mark.parametrize("pieces", [(HEAD,), (HEAD, b"01234")])
def test_a_request_that_is_cut_off_does_not_pass(proxy: Proxy, pieces: tuple[bytes, ...]) -> None:
    """As the client is killed: a deletion without its preconditions would be another request."""
    assert sent(proxy, *pieces) == b""
    assert proxy.requests == []
