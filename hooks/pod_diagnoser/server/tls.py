"""The server's side of TLS: its certificate and key are files that change while it runs."""

import os
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Final

CERTIFICATE: Final = "tls.crt"
KEY: Final = "tls.key"
"""The names of the files, as a Secret of type kubernetes.io/tls has them."""


class CertificateError(ValueError):
    """The certificate or its key cannot be used. The message names the folder."""


class Certificates:
    """The certificate of a server, read anew when its files have changed.

    A connection keeps the certificate with which it began. While the files cannot be used (half
    written, a key of another certificate), new connections get the certificate as it was before.

    Args:
        folder: holds `CERTIFICATE`, with what it was signed by after it, and `KEY`.
        unusable: told of files that cannot be used, once for each version of them.

    Raises:
        CertificateError: there is none that could be used.
    """

    def __init__(self, folder: Path, unusable: Callable[[], object]) -> None:
        self._files = (folder / CERTIFICATE, folder / KEY)
        self._unusable = unusable
        self._version = self._look()
        try:
            self._context = _load(*self._files)
        except (OSError, ValueError):
            message = (
                f"{folder} must hold {CERTIFICATE} and {KEY}, a certificate and its key, as PEM"
            )
            raise CertificateError(message) from None

    def context(self) -> ssl.SSLContext:
        """Return the context for a new connection."""
        version = self._look()
        if version != self._version:
            self._version = version
            try:
                self._context = _load(*self._files)
            except (OSError, ValueError):
                self._unusable()
        return self._context

    def _look(self) -> tuple[tuple[int, int, int] | None, ...]:
        """Return what differs whenever the files do; two calls of the system, in memory."""
        return tuple(_identity(file) for file in self._files)


def _identity(file: Path) -> tuple[int, int, int] | None:
    try:
        found = os.stat(file)  # noqa: PTH116 (each connection does it: no Path in between)
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size


def _load(certificate: Path, key: Path) -> ssl.SSLContext:
    """Make a context; an error (of which `ssl.SSLError` is one) where the files do not fit."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    # Go's client would take HTTP/2, which is not served here.
    context.set_alpn_protocols(["http/1.1"])
    # Metacontroller resumes no session: each ticket would be work for nothing.
    context.num_tickets = 0
    context.options |= ssl.OP_NO_TICKET | ssl.OP_NO_RENEGOTIATION
    # An encrypted key would have OpenSSL ask at the terminal.
    context.load_cert_chain(certificate, key, password=lambda: "")
    return context
