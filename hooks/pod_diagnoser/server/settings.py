"""What can be set from outside, all of it by environment variables. Read once, at the start."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from ipaddress import ip_address
from pathlib import Path
from typing import Final

_MIB: Final = 1024 * 1024


class Endpoints(StrEnum):
    """Which hooks a process serves."""

    ALL = "all"
    PODS = "pods"
    POD_DIAGNOSERS = "poddiagnosers"


class SettingsError(ValueError):
    """A setting has a value that it cannot have. The message names the variable."""


@dataclass(frozen=True, slots=True)
class Settings:
    """The settings of one process.

    Attributes:
        host: the address to listen on.
        token_folder: a folder whose files are the tokens that callers may show; None lets anyone
            call, which goes without saying on a loopback address only. On any other address it has
            to be said (``POD_DIAGNOSER_UNAUTHENTICATED=true``), and never together with a folder.
        api_server: URL of the API server; None takes that of the cluster in which this runs.
        api_token_file: path of the token for it, where `api_server` is set.
        api_ca_file: path of its CA certificates, or None for those of the system.
        evidence: whether a crash's Events, and logs that are asked for, are read; None for where
            there is an API server and answers go to nobody unknown.
        port: the TCP port to listen on, 1 to 65535.
        endpoints: which hooks to serve.
        log_level: ``debug``, ``info``, ``warning`` or ``error``.
        log_format: ``json``, ``console``, or ``auto`` for console at a terminal and JSON otherwise.
        max_pod_body: the most bytes that a request about a Pod may have. A Pod has up to 1.5 MiB.
        max_related: the most bytes of a PodDiagnoser's related objects that are read; what is
            beyond is left out, and the status says so. Room for some 5,000 recent crashes.
        max_pod_diagnoser_body: the most bytes of a request about a PodDiagnoser that are kept:
            `max_related`, and room for the PodDiagnoser itself, of whose size what is read must not
            depend. The API server keeps no object beyond some 1.5 MiB (etcd's limit of a request).
        max_bodies: the most bytes of all bodies that are in memory at a time; beyond, a request is
            asked to come again later.
        body_timeout: seconds within which a body must have arrived; below Metacontroller's 10.
        max_hold: the most seconds for which the answer for a PodDiagnoser is held to gather events.
    """

    host: str = "127.0.0.1"
    token_folder: Path | None = None
    api_server: str | None = None
    api_token_file: Path | None = None
    api_ca_file: Path | None = None
    evidence: bool | None = None
    port: int = 8080
    endpoints: Endpoints = Endpoints.ALL
    log_level: str = "info"
    log_format: str = "auto"
    max_pod_body: int = 8 * _MIB
    max_related: int = 76 * _MIB
    max_pod_diagnoser_body: int = 80 * _MIB
    max_bodies: int = 160 * _MIB
    body_timeout: float = 8.0
    max_debounce: float = 2.0

    @property
    def callers_authenticated(self) -> bool:
        """Whether answers may hold what not everybody may read, as a container's last words."""
        return self.token_folder is not None or _is_loopback(self.host)

    @property
    def may_read_evidence(self) -> bool:
        """Whether evidence may be read, as far as that is up to the settings."""
        return self.callers_authenticated and self.evidence is not False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Args:
            environment: environment variables; ``POD_DIAGNOSER_PORT`` goes before ``PORT``.

        Returns:
            The settings, with defaults for what is not set.

        Raises:
            SettingsError: a variable has a value that it cannot have.
        """
        get = environment.get
        default = cls()
        host = get("POD_DIAGNOSER_HOST") or default.host
        api_server = get("POD_DIAGNOSER_API_SERVER") or None
        api_token_file = _path(get("POD_DIAGNOSER_API_TOKEN_FILE"))
        if api_server is not None and api_token_file is None:
            message = "POD_DIAGNOSER_API_SERVER needs POD_DIAGNOSER_API_TOKEN_FILE"
            raise SettingsError(message)
        settings = cls(
            host=host,
            token_folder=_token_folder(host, environment),
            api_server=api_server,
            api_token_file=api_token_file,
            api_ca_file=_path(get("POD_DIAGNOSER_API_CA_FILE")),
            evidence=_yes_or_no("POD_DIAGNOSER_EVIDENCE", get("POD_DIAGNOSER_EVIDENCE")),
            port=_port(get("POD_DIAGNOSER_PORT") or get("PORT") or str(default.port)),
            endpoints=Endpoints(
                _one_of(
                    "POD_DIAGNOSER_ENDPOINTS",
                    get("POD_DIAGNOSER_ENDPOINTS") or default.endpoints.value,
                    tuple(Endpoints),
                )
            ),
            log_level=_one_of(
                "POD_DIAGNOSER_LOG_LEVEL",
                get("POD_DIAGNOSER_LOG_LEVEL") or default.log_level,
                ("debug", "info", "warning", "error"),
            ),
            log_format=_one_of(
                "POD_DIAGNOSER_LOG_FORMAT",
                get("POD_DIAGNOSER_LOG_FORMAT") or default.log_format,
                ("auto", "json", "console"),
            ),
        )
        if settings.evidence and not settings.callers_authenticated:
            message = (
                "POD_DIAGNOSER_EVIDENCE=true needs POD_DIAGNOSER_TOKEN_DIR where "
                "POD_DIAGNOSER_HOST is not a loopback address: answers then hold what not "
                "everybody may read"
            )
            raise SettingsError(message)
        return settings


def _path(text: str | None) -> Path | None:
    return Path(text) if text else None


def _token_folder(host: str, environment: Mapping[str, str]) -> Path | None:
    """Find out who may call; of two variables that contradict each other neither is guessed at."""
    folder = _path(environment.get("POD_DIAGNOSER_TOKEN_DIR"))
    anyone = _one_of(
        "POD_DIAGNOSER_UNAUTHENTICATED",
        environment.get("POD_DIAGNOSER_UNAUTHENTICATED") or "false",
        ("true", "false"),
    )
    if folder is not None and anyone == "true":
        message = (
            "POD_DIAGNOSER_TOKEN_DIR must be empty where POD_DIAGNOSER_UNAUTHENTICATED is true"
        )
        raise SettingsError(message)
    if folder is None and anyone == "false" and not _is_loopback(host):
        message = (
            "POD_DIAGNOSER_TOKEN_DIR must name a folder of tokens where the hook listens on other "
            "than a loopback address, or POD_DIAGNOSER_UNAUTHENTICATED must be true"
        )
        raise SettingsError(message)
    return folder


def _yes_or_no(name: str, text: str | None) -> bool | None:
    return _one_of(name, text, ("true", "false")) == "true" if text else None


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _port(text: str) -> int:
    if text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) < 65536:  # noqa: PLR2004
        return int(text)
    message = "POD_DIAGNOSER_PORT must be a port number from 1 to 65535"
    raise SettingsError(message)


def _one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    if value in allowed:
        return value
    message = f"{name} must be one of {', '.join(allowed)}"
    raise SettingsError(message)
