"""What can be set from outside, by environment variables. Read once, at the start."""

import os
from collections.abc import Mapping
from enum import StrEnum
from functools import cache
from ipaddress import ip_address
from pathlib import Path
from typing import Annotated, Any, Final, Self

from pydantic import AliasChoices, BeforeValidator, Field, ValidationError, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from pod_diagnoser.remediation.model import OWN_NAMESPACES

_MIB: Final = 1024 * 1024
_MAX_PORT: Final = 65535


class Endpoints(StrEnum):
    """Which hooks a process serves."""

    ALL = "all"
    PODS = "pods"
    POD_DIAGNOSERS = "poddiagnosers"


class SettingsError(ValueError):
    """A setting has a value that it cannot have. The message names the variable, not the value."""


def _one_of(*allowed: str) -> BeforeValidator:
    """Accept these words and nothing that resembles them."""

    def check(value: object) -> object:
        if isinstance(value, str) and value not in allowed:
            message = f"must be one of {', '.join(allowed)}"
            raise ValueError(message)
        return value

    return BeforeValidator(check)


def _port(value: object) -> object:
    """Accept ASCII digits alone: `int` would take ``8_0`` and full-width digits too."""
    text = str(value)
    if text.isascii() and text.isdigit() and len(text) <= len(str(_MAX_PORT)):
        port = int(text)
        if 0 < port <= _MAX_PORT:
            return port
    message = f"must be a port number from 1 to {_MAX_PORT}"
    raise ValueError(message)


_YesOrNo = Annotated[bool, _one_of("true", "false")]


class Settings(BaseSettings):
    """The settings of one process.

    `Settings.from_environment` reads them; the constructor takes them by name, for tests. A field
    without a variable can be set by the constructor alone.
    """

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", validate_by_name=True, case_sensitive=True
    )

    host: str = Field("127.0.0.1", validation_alias="POD_DIAGNOSER_HOST")
    """The address to listen on."""

    port: Annotated[int, BeforeValidator(_port)] = Field(
        8080, validation_alias=AliasChoices("POD_DIAGNOSER_PORT", "PORT")
    )
    """The TCP port to listen on. ``POD_DIAGNOSER_PORT`` goes before ``PORT``."""

    metrics_port: Annotated[int, BeforeValidator(_port)] | None = Field(
        None, validation_alias="POD_DIAGNOSER_METRICS_PORT"
    )
    """A port of its own for ``/metrics``, ``/healthz`` and ``/readyz``: plain HTTP, no token, and
    no hooks. None serves them beside the hooks."""

    metrics_host: str | None = Field(None, validation_alias="POD_DIAGNOSER_METRICS_HOST")
    """The address for `metrics_port`; None takes `host`."""

    tls_folder: Path | None = Field(None, validation_alias="POD_DIAGNOSER_TLS_DIR")
    """A folder with the server's certificate, ``tls.crt``, and its key, ``tls.key``. None serves
    plain HTTP: the default on a loopback address; on any other, `plain_http` has to say so."""

    plain_http: _YesOrNo = Field(default=False, validation_alias="POD_DIAGNOSER_PLAIN_HTTP")
    """Whether Pods and tokens may cross a network unencrypted. Never together with `tls_folder`."""

    endpoints: Annotated[Endpoints, _one_of(*Endpoints)] = Field(
        Endpoints.ALL, validation_alias="POD_DIAGNOSER_ENDPOINTS"
    )
    """Which hooks to serve."""

    token_folder: Path | None = Field(None, validation_alias="POD_DIAGNOSER_TOKEN_DIR")
    """A folder whose files are the tokens that callers may show. None lets anyone call: the default
    on a loopback address; on any other, `unauthenticated` has to say so."""

    unauthenticated: _YesOrNo = Field(
        default=False, validation_alias="POD_DIAGNOSER_UNAUTHENTICATED"
    )
    """Whether anyone may call, on any address. Never together with `token_folder`."""

    api_server: str | None = Field(None, validation_alias="POD_DIAGNOSER_API_SERVER")
    """URL of the API server; None takes that of the cluster in which this runs."""

    api_token_file: Path | None = Field(None, validation_alias="POD_DIAGNOSER_API_TOKEN_FILE")
    """The token for it, where `api_server` is set."""

    api_ca_file: Path | None = Field(None, validation_alias="POD_DIAGNOSER_API_CA_FILE")
    """Its CA certificates; None takes those of the system."""

    evidence: _YesOrNo | None = Field(None, validation_alias="POD_DIAGNOSER_EVIDENCE")
    """Whether a crash's Events, and logs if a PodDiagnoser wants them, are read. None: where there
    is an API server and callers are known."""

    evidence_changes: _YesOrNo = Field(
        default=False, validation_alias="POD_DIAGNOSER_EVIDENCE_CHANGES"
    )
    """Whether to look up what the templates of crashed Pods changed, where evidence is read. It
    needs a role of its own."""

    own_namespaces: str = Field(
        " ".join(OWN_NAMESPACES), validation_alias="POD_DIAGNOSER_OWN_NAMESPACES"
    )
    """The namespaces of the operator and of Metacontroller, with spaces between. A
    ClusterPodDiagnoser replaces Pods there only where it names them."""

    log_level: Annotated[str, _one_of("debug", "info", "warning", "error")] = Field(
        "info", validation_alias="POD_DIAGNOSER_LOG_LEVEL"
    )

    log_format: Annotated[str, _one_of("auto", "json", "console")] = Field(
        "auto", validation_alias="POD_DIAGNOSER_LOG_FORMAT"
    )
    """``auto`` is console at a terminal and JSON otherwise."""

    max_pod_body: int = 8 * _MIB
    """The most bytes that a request about a Pod may have. A Pod has up to 1.5 MiB."""

    max_related: int = 76 * _MIB
    """The most bytes of a PodDiagnoser's related objects that are read; what is beyond is left out,
    and the status says so. Enough for some 5,000 recent crashes."""

    max_pod_diagnoser_body: int = 80 * _MIB
    """The most bytes of a request about a PodDiagnoser that are kept: `max_related`, plus room for
    the PodDiagnoser itself, so that its size does not change how many Pods are read. The API server
    keeps no object beyond some 1.5 MiB (etcd's limit of a request)."""

    max_bodies: int = 160 * _MIB
    """The most bytes of all bodies that are in memory at a time; beyond, a request gets a 429."""

    max_pods_bodies: int = 44 * _MIB
    """The same where only Pods are served, in a container of 256 MiB. One namespace gets half."""

    body_timeout: float = 8.0
    """Seconds within which a body must have arrived; below Metacontroller's 10."""

    max_debounce: float = 2.0
    """The most seconds by which the response for a PodDiagnoser is delayed, so that what changes
    meanwhile is one sync more and not many."""

    @property
    def callers_authenticated(self) -> bool:
        """Whether responses may hold what not everybody may read, as a container's output."""
        return self.token_folder is not None or _is_loopback(self.host)

    @property
    def memory_budget(self) -> int:
        """The most bytes of all bodies that are in memory at a time."""
        if self.endpoints is Endpoints.PODS:
            return min(self.max_bodies, self.max_pods_bodies)
        return self.max_bodies

    @property
    def may_read_evidence(self) -> bool:
        """Whether evidence may be read, as far as that is up to the settings."""
        return self.callers_authenticated and self.evidence is not False

    @classmethod
    def from_environment(cls, environment: Mapping[str, str]) -> "Settings":
        """Read the settings.

        Args:
            environment: environment variables; an empty one counts as not set.

        Raises:
            SettingsError: a variable has a value that it cannot have.
        """
        return cls._validated(_Variables(cls, environment)())

    def listening_on(self, host: str) -> "Settings":
        """Return the settings for another address.

        Raises:
            SettingsError: they may not be served there.
        """
        return self._validated({**self.model_dump(), "host": host})

    @classmethod
    def _validated(cls, values: Mapping[str, Any]) -> "Settings":
        try:
            return cls(**values)
        except ValidationError as error:
            first = error.errors()[0]
            reason = str(first["ctx"]["error"])
            raise SettingsError(" ".join((*map(str, first["loc"][:1]), reason))) from None

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read nothing but what the constructor is given: `from_environment` reads the rest."""
        del settings_cls, env_settings, dotenv_settings, file_secret_settings
        return (init_settings,)

    @model_validator(mode="after")
    def _check_combination(self) -> Self:
        """Check what depends on several settings.

        Raises:
            ValueError: they contradict each other. It is not guessed which one is meant.
        """
        message = None
        if self.api_server is not None and self.api_token_file is None:
            message = "POD_DIAGNOSER_API_SERVER needs POD_DIAGNOSER_API_TOKEN_FILE"
        elif self.token_folder is not None and self.unauthenticated:
            message = (
                "POD_DIAGNOSER_TOKEN_DIR must be empty where POD_DIAGNOSER_UNAUTHENTICATED is true"
            )
        elif not (self.callers_authenticated or self.unauthenticated):
            message = (
                "POD_DIAGNOSER_TOKEN_DIR must name a folder of tokens where the hook listens on "
                "other than a loopback address, or POD_DIAGNOSER_UNAUTHENTICATED must be true"
            )
        elif self.evidence and not self.callers_authenticated:
            message = (
                "POD_DIAGNOSER_EVIDENCE=true needs POD_DIAGNOSER_TOKEN_DIR where "
                "POD_DIAGNOSER_HOST is not a loopback address: responses then hold what not "
                "everybody may read"
            )
        message = message or self._problem_of_listeners()
        if message is not None:
            raise ValueError(message)
        return self

    def _problem_of_listeners(self) -> str | None:
        """Return what is wrong with the listeners, or None."""
        if self.tls_folder is not None and self.plain_http:
            return "POD_DIAGNOSER_TLS_DIR must be empty where POD_DIAGNOSER_PLAIN_HTTP is true"
        if self.tls_folder is None and not (self.plain_http or _is_loopback(self.host)):
            return (
                "POD_DIAGNOSER_TLS_DIR must name a folder with a certificate where the hook "
                "listens on other than a loopback address, or POD_DIAGNOSER_PLAIN_HTTP must be true"
            )
        if self.metrics_port is None:
            if self.metrics_host is not None:
                return "POD_DIAGNOSER_METRICS_HOST needs POD_DIAGNOSER_METRICS_PORT"
        elif self.metrics_port == self.port:
            return "POD_DIAGNOSER_METRICS_PORT must be another port than POD_DIAGNOSER_PORT"
        return None


class _Variables(EnvSettingsSource):
    """The variables of an environment that is passed in; the library would read ``os.environ``."""

    def __init__(self, settings: type[BaseSettings], environment: Mapping[str, str]) -> None:
        self._environment = environment
        super().__init__(settings)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        # Of other names a field's own, ``host``, would be read as well.
        return {
            name: value
            for name, value in self._environment.items()
            if value and (name == "PORT" or name.startswith("POD_DIAGNOSER_"))
        }


@cache
def load_settings() -> Settings:
    """Read the settings of this process, once.

    Raises:
        SettingsError: a variable has a value that it cannot have.
    """
    return Settings.from_environment(os.environ)


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
