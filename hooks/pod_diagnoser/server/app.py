"""The hook over HTTP: bounds and refusals around the pure core, and nothing of it decided here."""

import os
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial

from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.exceptions import HTTPException

from pod_diagnoser.cluster.client import ApiClient
from pod_diagnoser.cluster.credentials import Credentials, in_cluster
from pod_diagnoser.cluster.evidence import ApiEvidenceFetcher
from pod_diagnoser.diagnosis.evidence import EvidenceFetcher
from pod_diagnoser.poddiagnosers.answer import customize_pod_diagnoser
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.sync import customize_pod
from pod_diagnoser.server.auth import Tokens
from pod_diagnoser.server.bodies import BodyTimeoutError, Deadline
from pod_diagnoser.server.deadlines import Deadlines
from pod_diagnoser.server.endpoints import (
    Clock,
    customize,
    healthy,
    metrics,
    reject_unknown,
    sync_pod_diagnoser_endpoint,
    sync_pod_endpoint,
    utc_now,
)
from pod_diagnoser.server.gateway import Hook, HookApp, HookMiddleware
from pod_diagnoser.server.logs import configure_logs
from pod_diagnoser.server.settings import Endpoints, Settings, SettingsError
from pod_diagnoser.server.telemetry import Telemetry


def find_api_server(settings: Settings, environment: Mapping[str, str]) -> Credentials | None:
    """Find the API server.

    Args:
        settings: the settings, which may name one.
        environment: environment variables, which tell a Pod where it is.

    Returns:
        How to reach it, or None where there is none.
    """
    if settings.api_server is None or settings.api_token_file is None:
        return in_cluster(environment)
    return Credentials(
        settings.api_server,
        settings.api_token_file.read_text,
        str(settings.api_ca_file) if settings.api_ca_file else None,
    )


def connect_evidence_fetcher(
    settings: Settings,
    environment: Mapping[str, str],
    deadline: Callable[[float], AbstractContextManager[object]] = nullcontext,
) -> ApiEvidenceFetcher | None:
    """Find what evidence is asked of, for a process that serves Pods.

    Args:
        settings: the settings.
        environment: environment variables, which tell a Pod where the API server is.
        deadline: bounds the time of a call, as `ApiClient` takes it.

    Returns:
        What asks; None where nothing may be asked, or there is nobody to be asked.

    Raises:
        SettingsError: evidence is demanded, and there is no API server.
    """
    if settings.endpoints is Endpoints.POD_DIAGNOSERS or not settings.may_read_evidence:
        return None
    credentials = find_api_server(settings, environment)
    if credentials is not None:
        return ApiEvidenceFetcher(ApiClient(credentials, deadline=deadline))
    if settings.evidence:
        message = (
            "POD_DIAGNOSER_EVIDENCE=true needs an API server: POD_DIAGNOSER_API_SERVER, "
            "or a Pod with the token of its service account"
        )
        raise SettingsError(message)
    return None


def create_app(  # noqa: PLR0913 (its parts, each of which a test may replace)
    settings: Settings | None = None,
    *,
    clock: Clock = utc_now,
    sleep: Callable[[float], None] = time.sleep,
    deadline: Deadline | None = None,
    remediator: Reconciler | None = None,
    gatherer: EvidenceFetcher | None = None,
) -> Flask:
    """Put the hook together: the one place where its parts meet.

    Args:
        settings: the settings; None reads them from the environment.
        clock: tells the time, in UTC.
        sleep: waits for a number of seconds.
        deadline: bounds the time for reading a body; None does so where gevent serves.
        remediator: does what is to be done in the cluster; None makes one where the settings or
            the Pod in which this runs tell of an API server.
        gatherer: asks for Events and logs; None makes one where the settings allow it.

    Returns:
        The WSGI application.

    Raises:
        pod_diagnoser.settings.SettingsError: the environment holds a setting that cannot be.
    """
    if settings is None:
        settings = Settings.from_environment(os.environ)
        configure_logs(settings.log_level, settings.log_format)
    telemetry = Telemetry(CollectorRegistry())
    deadline = deadline or Deadlines()
    if remediator is None:
        remediator = _connect_reconciler(settings, clock, deadline, telemetry)
    if gatherer is None:
        gatherer = connect_evidence_fetcher(settings, os.environ, call_deadline(deadline))
    tokens = None
    if settings.token_folder is not None:
        tokens = Tokens(settings.token_folder, sleep=sleep)
    hooks: list[Hook] = []
    if settings.endpoints in (Endpoints.ALL, Endpoints.PODS):
        hooks += [
            Hook("/pods/customize", partial(customize, customize_pod), settings.max_pod_body),
            Hook(
                "/pods/sync",
                partial(sync_pod_endpoint, clock, telemetry, gatherer, tokens is not None),
                settings.max_pod_body,
            ),
        ]
    if settings.endpoints in (Endpoints.ALL, Endpoints.POD_DIAGNOSERS):
        hooks += [
            Hook(
                "/poddiagnosers/customize",
                partial(customize, customize_pod_diagnoser),
                settings.max_pod_body,
            ),
            Hook(
                "/poddiagnosers/sync",
                partial(
                    sync_pod_diagnoser_endpoint, clock, telemetry, remediator, settings.max_related
                ),
                settings.max_pod_diagnoser_body,
                reads_start=True,
            ),
        ]
    edge = HookMiddleware(
        hooks,
        settings,
        telemetry,
        tokens=tokens,
        sleep=sleep,
        deadline=deadline,
    )
    app = HookApp(edge)
    app.add_url_rule("/healthz", endpoint="healthz", view_func=healthy)
    app.add_url_rule("/readyz", endpoint="readyz", view_func=healthy)
    app.add_url_rule("/metrics", endpoint="metrics", view_func=partial(metrics, telemetry))
    app.register_error_handler(HTTPException, reject_unknown)
    telemetry.started(
        settings.endpoints.value,
        authenticated=tokens is not None,
        connected=remediator is not None,
    )
    return app


def _connect_reconciler(
    settings: Settings, clock: Clock, deadline: Deadline, telemetry: Telemetry
) -> Reconciler | None:
    """Find the API server, for a process that serves PodDiagnosers."""
    if settings.endpoints is Endpoints.PODS:
        return None
    credentials = find_api_server(settings, os.environ)
    if credentials is None:
        return None
    cluster = ApiClient(credentials, deadline=call_deadline(deadline))
    instance = socket.gethostname()
    return Reconciler(cluster, clock, instance, time.monotonic, dropped=telemetry.dropped_event)


def call_deadline(deadline: Deadline) -> Callable[[float], AbstractContextManager[None]]:
    """Bound the time of a call to the API server as that of reading a body is bounded.

    Args:
        deadline: bounds the time for reading a body.

    Returns:
        Makes a context that raises TimeoutError in it after a number of seconds.
    """

    @contextmanager
    def bounded(seconds: float) -> Iterator[None]:
        try:
            with deadline(seconds):
                yield
        except BodyTimeoutError:
            raise TimeoutError from None

    return bounded
