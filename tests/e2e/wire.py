"""A TCP proxy between a client and a server on this machine, which can be made to fail.

It knows nothing of what passes: TLS and HTTP/2 go through it as they are. `dev.envtest.proxy` is
for single requests; this is for a connection on which everything runs at once, watches included.
"""

import contextlib
import socket
import struct
import threading
from collections.abc import Callable
from enum import Enum, auto
from typing import Self

from dev.local_ports import free_ports

_CHUNK = 65536
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER with no time: closing sends a RST, as when a machine or a way to it is gone."""


class Fault(Enum):
    """What becomes of what is sent.

    Attributes:
        NONE: it arrives.
        DROPPED: connections break, new ones are refused.
        DELAYED: it arrives later.
        UNANSWERED: what the client sends arrives, what the server says does not; then the
            connection breaks.
        STALLED: nothing arrives, either way, until it is over; then all of it.
    """

    NONE = auto()
    DROPPED = auto()
    DELAYED = auto()
    UNANSWERED = auto()
    STALLED = auto()


class Wire:
    """Listens on 127.0.0.1 and passes on what comes.

    Args:
        port: of the server on this machine.
        delay: seconds by which `Fault.DELAYED` delays each piece.

    Attributes:
        port: where it listens.
        injected: how many connections and pieces each fault has met with.
    """

    def __init__(self, port: int, delay: float = 0.2) -> None:
        (self.port,) = free_ports(1)
        self.injected: dict[Fault, int] = dict.fromkeys(Fault, 0)
        self._upstream = port
        self._delay = delay
        self._fault = Fault.NONE
        self._whole = threading.Event()
        self._whole.set()
        self._open: set[socket.socket] = set()
        self._doomed: set[socket.socket] = set()
        self._lock = threading.Lock()
        self._listener: socket.socket | None = None

    def __enter__(self) -> Self:
        """Begin to listen."""
        self._listener = socket.create_server(("127.0.0.1", self.port), backlog=128)
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        """End, with all connections."""
        self._whole.set()
        if self._listener is not None:
            with contextlib.suppress(OSError):
                self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        with self._lock:
            left = list(self._open)
        for connection in left:
            _break(connection)

    @property
    def connections(self) -> int:
        """How many connections are open."""
        with self._lock:
            return len(self._open) // 2

    def fail(self, fault: Fault) -> None:
        """Fail in some way from now on.

        Args:
            fault: in which; `Fault.NONE` makes it whole.
        """
        self._fault = fault
        if fault is Fault.STALLED:
            self._whole.clear()
        else:
            self._whole.set()
        with self._lock:
            broken = list(self._open if fault is Fault.DROPPED else self._doomed)
            self.injected[fault] += len(broken) // 2 if fault is Fault.DROPPED else 0
            self._doomed.clear()
        for connection in broken:
            _break(connection)

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                client, _ = listener.accept()
            except OSError:
                return
            if self._fault is Fault.DROPPED:
                self.injected[Fault.DROPPED] += 1
                _break(client)
                client.close()
                continue
            threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        try:
            server = socket.create_connection(("127.0.0.1", self._upstream), timeout=5)
            server.settimeout(None)
        except OSError:
            _break(client)
            client.close()
            return
        for connection in (client, server):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with self._lock:
            self._open |= {client, server}
        back = threading.Thread(target=self._pump, args=(server, client, self._answer), daemon=True)
        back.start()
        self._pump(client, server, self._request)
        back.join()
        with self._lock:
            self._open -= {client, server}
            self._doomed -= {client, server}
        client.close()
        server.close()

    def _pump(
        self,
        source: socket.socket,
        sink: socket.socket,
        passes: Callable[[socket.socket, socket.socket], bool],
    ) -> None:
        """Pass on what comes, until one of the two ends."""
        with contextlib.suppress(OSError):
            while piece := source.recv(_CHUNK):
                if passes(source, sink):
                    sink.sendall(piece)
        for connection in (source, sink):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _request(self, *_: socket.socket) -> bool:
        """Return what becomes of a piece from the client: it goes on, perhaps later."""
        if self._fault is Fault.DELAYED:
            self.injected[Fault.DELAYED] += 1
            threading.Event().wait(self._delay)
        elif self._fault is Fault.STALLED:
            self.injected[Fault.STALLED] += 1
            self._whole.wait()
        return True

    def _answer(self, server: socket.socket, client: socket.socket) -> bool:
        """Return what becomes of a piece from the server."""
        with self._lock:
            lost = self._fault is Fault.UNANSWERED or client in self._doomed
            if lost:  # a stream with a hole in it is of no use
                self._doomed |= {server, client}
                self.injected[Fault.UNANSWERED] += 1
        return not lost and self._request()


def _break(connection: socket.socket) -> None:
    """End a connection at once; its reader notices, and closes it."""
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
