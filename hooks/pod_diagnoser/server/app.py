"""The hook over HTTP, put together: the one place where its parts meet."""

import os
import socket
import time
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from functools import partial

from flask import Flask
from prometheus_client import CollectorRegistry
from werkzeug.exceptions import HTTPException

from pod_diagnoser.cluster.client import ApiClient
from pod_diagnoser.cluster.credentials import Credentials, in_cluster
from pod_diagnoser.cluster.evidence import ApiEvidenceFetcher
from pod_diagnoser.diagnosis import output as _imported_before_the_first_crash  # noqa: F401
from pod_diagnoser.diagnosis.evidence import EvidenceFetcher
from pod_diagnoser.diagnosis.masking.compiling import IS_LINEAR
from pod_diagnoser.poddiagnosers.access import Observer
from pod_diagnoser.poddiagnosers.sync import Reconciler
from pod_diagnoser.pods.recall import Recalls
from pod_diagnoser.server.auth import Tokens
from pod_diagnoser.server.bodies import MemoryBudget
from pod_diagnoser.server.deadlines import Deadline, Deadlines, call_deadline
from pod_diagnoser.server.debouncing import Debouncer
from pod_diagnoser.server.endpoints import (
    Clock,
    ClusterPodDiagnoserEndpoints,
    MetricsPage,
    PodDiagnoserEndpoints,
    PodEndpoints,
    healthy,
    refuse_unknown,
    state_metrics,
    utc_now,
)
from pod_diagnoser.server.fairness import (
    PODDIAGNOSERS_RATE,
    PODS_RATE,
    CpuMeter,
    Demand,
    Fairness,
)
from pod_diagnoser.server.gateway import BodyBounds, Hook, HookMiddleware, PortSwitch
from pod_diagnoser.server.logs import configure_logs
from pod_diagnoser.server.settings import Endpoints, Settings, SettingsError, load_settings
from pod_diagnoser.server.state_metrics import StateMetrics
from pod_diagnoser.server.telemetry import Telemetry
from pod_diagnoser.server.turns import Turns

CallDeadline = Callable[[float], AbstractContextManager[object]]
"""Bounds the time of a call, as `ApiClient` takes it."""


@dataclass(frozen=True, slots=True)
class Parts:
    """The parts that a test may replace.

    Attributes:
        clock: returns the time, in UTC.
        sleep: waits for a number of seconds.
        timer: a clock for how long things take, in seconds.
        thread_time: a clock for the CPU time of this thread, in seconds.
        deadline: bounds the time for reading a body; None does so where gevent serves.
        reconciler: does what is to be done in the cluster; None makes one where the settings or the
            Pod in which this runs name an API server.
        state_metrics: prints what statuses say; None makes what does where PodDiagnosers are served
            and there is an API server.
        evidence_fetcher: fetches Events and logs; None makes one where the settings allow it.
    """

    clock: Clock = utc_now
    sleep: Callable[[float], None] = time.sleep
    timer: Callable[[], float] = time.perf_counter
    thread_time: Callable[[], float] = time.thread_time
    deadline: Deadline | None = None
    reconciler: Reconciler | None = None
    state_metrics: StateMetrics | None = None
    evidence_fetcher: EvidenceFetcher | None = None


def create_app(settings: Settings | None = None, parts: Parts | None = None) -> Flask:
    """Put the hook together.

    Args:
        settings: the settings; None reads them from the environment, and sets up the log.
        parts: what replaces parts of it.

    Returns:
        The WSGI application.

    Raises:
        SettingsError: the environment holds a setting that it cannot have.
        ImportError: google-re2 is not installed, without which a text could hold up the hook.
    """
    if not IS_LINEAR:
        message = "the hook needs google-re2"
        raise ImportError(message)
    if settings is None:
        settings = load_settings()
        configure_logs(settings.log_level, settings.log_format)
    parts = parts or Parts()
    telemetry = Telemetry(CollectorRegistry())
    deadline = parts.deadline or Deadlines()
    calls = call_deadline(deadline)
    tokens = Tokens(settings.token_folder, sleep=parts.sleep) if settings.token_folder else None
    reconciler = parts.reconciler or connect_reconciler(
        settings, os.environ, parts.clock, telemetry, calls
    )
    recalls = Recalls(parts.clock())
    demand = Demand()
    hooks: dict[str, Hook] = {}
    if settings.endpoints is not Endpoints.POD_DIAGNOSERS:
        fetcher = parts.evidence_fetcher or connect_evidence_fetcher(settings, os.environ, calls)
        pods = PodEndpoints(
            parts.clock, recalls, telemetry, fetcher, confidential=tokens is not None
        )
        fairness = Fairness(PODS_RATE, demand=demand)
        hooks["/pods/customize"] = Hook(pods.customize, settings.max_pod_body, fairness)
        hooks["/pods/sync"] = Hook(pods.sync, settings.max_pod_body, fairness, refusable=True)
        hooks["/pods/recall"] = Hook(pods.recall, settings.max_pod_body, fairness)
        hooks["/pods/cluster/recall"] = Hook(pods.recall_cluster, settings.max_pod_body, fairness)
    if settings.endpoints is not Endpoints.PODS:
        diagnosers = PodDiagnoserEndpoints(
            parts.clock, recalls, telemetry, reconciler, settings.max_related, parts.thread_time
        )
        fairness = Fairness(PODDIAGNOSERS_RATE, demand=demand)
        hooks["/poddiagnosers/customize"] = Hook(
            diagnosers.customize, settings.max_pod_body, fairness
        )
        hooks["/poddiagnosers/sync"] = Hook(
            diagnosers.sync,
            settings.max_pod_diagnoser_body,
            fairness,
            accepts_truncated=True,
            refusable=True,
        )
        hooks["/poddiagnosers/recall"] = Hook(diagnosers.recall, settings.max_pod_body, fairness)
        cluster = ClusterPodDiagnoserEndpoints(
            parts.clock, telemetry, reconciler, settings.max_related, parts.thread_time
        )
        hooks |= cluster_hooks(cluster, settings, fairness)
    app = Flask("pod_diagnoser", static_folder=None)
    app.add_url_rule("/healthz", endpoint="healthz", view_func=healthy)
    app.add_url_rule("/readyz", endpoint="readyz", view_func=healthy)
    app.add_url_rule("/metrics", endpoint="metrics", view_func=MetricsPage(telemetry))
    state = parts.state_metrics or connect_state_metrics(settings, os.environ, calls)
    if state is not None:
        view = partial(state_metrics, state, telemetry)
        app.add_url_rule("/metrics/state", endpoint="state_metrics", view_func=view)
    app.register_error_handler(HTTPException, refuse_unknown)
    apart = settings.metrics_port is not None
    middleware = HookMiddleware(
        _without_paths().wsgi_app if apart else app.wsgi_app,
        hooks,
        telemetry,
        tokens,
        BodyBounds(MemoryBudget(settings.memory_budget), deadline, settings.body_timeout),
        Debouncer(parts.sleep, settings.max_debounce),
        CpuMeter(parts.thread_time),
        Turns(),
        parts.timer,
    )
    app.wsgi_app = (  # type: ignore[method-assign]  # as Flask's manual has it
        PortSwitch(str(settings.metrics_port), app.wsgi_app, middleware) if apart else middleware
    )
    telemetry.expect(hooks)
    telemetry.started(
        settings.endpoints.value,
        authenticated=tokens is not None,
        tls=settings.tls_folder is not None,
        connected=reconciler is not None,
    )
    return app


def _without_paths() -> Flask:
    """Make what refuses every path that is no hook, where the rest has a port of its own."""
    app = Flask("pod_diagnoser", static_folder=None)
    app.register_error_handler(HTTPException, refuse_unknown)
    return app


def cluster_hooks(
    endpoints: ClusterPodDiagnoserEndpoints, settings: Settings, fairness: Fairness
) -> dict[str, Hook]:
    """Return the hooks for ClusterPodDiagnosers by their paths.

    What publishes has the objects of some 2,000 namespaces in a request, twice.
    """
    path, large = "/clusterpoddiagnosers", settings.max_pod_diagnoser_body
    return {
        f"{path}/customize": Hook(endpoints.customize, settings.max_pod_body, fairness),
        f"{path}/sync": Hook(
            endpoints.sync, large, fairness, accepts_truncated=True, refusable=True
        ),
        f"{path}/targets/customize": Hook(
            endpoints.customize_targets, settings.max_pod_body, fairness
        ),
        f"{path}/targets/sync": Hook(endpoints.sync_targets, large, fairness),
    }


def find_api_server(settings: Settings, environment: Mapping[str, str]) -> Credentials | None:
    """Find the API server: the one that the settings name, else that of this Pod; None without."""
    if settings.api_server is None or settings.api_token_file is None:
        return in_cluster(environment)
    return Credentials(
        settings.api_server,
        settings.api_token_file.read_text,
        str(settings.api_ca_file) if settings.api_ca_file else None,
    )


def connect_reconciler(
    settings: Settings,
    environment: Mapping[str, str],
    clock: Clock,
    telemetry: Telemetry,
    deadline: CallDeadline,
) -> Reconciler | None:
    """Make the reconciler, where PodDiagnosers are served and there is an API server."""
    if settings.endpoints is Endpoints.PODS:
        return None
    credentials = find_api_server(settings, environment)
    if credentials is None:
        return None
    return Reconciler(
        ApiClient(credentials, deadline=deadline),
        clock,
        socket.gethostname(),
        time.monotonic,
        Observer(
            telemetry.remediation_event_dropped, telemetry.api_failed, telemetry.remediation_decided
        ),
        settings.own_namespaces.split(),
    )


def connect_state_metrics(
    settings: Settings, environment: Mapping[str, str], deadline: CallDeadline = nullcontext
) -> StateMetrics | None:
    """Make what lists PodDiagnosers for Prometheus, where they are served and it is possible."""
    if settings.endpoints is Endpoints.PODS:
        return None
    credentials = find_api_server(settings, environment)
    if credentials is None:
        return None
    return StateMetrics(ApiClient(credentials, deadline=deadline), time.monotonic)


def connect_evidence_fetcher(
    settings: Settings,
    environment: Mapping[str, str],
    deadline: CallDeadline = nullcontext,
) -> ApiEvidenceFetcher | None:
    """Make what fetches evidence, where Pods are served, the settings allow it, and it is possible.

    Raises:
        SettingsError: evidence is demanded, and there is no API server.
    """
    if settings.endpoints is Endpoints.POD_DIAGNOSERS or not settings.may_read_evidence:
        return None
    credentials = find_api_server(settings, environment)
    if credentials is not None:
        client = ApiClient(credentials, deadline=deadline)
        return ApiEvidenceFetcher(client, templates=client if settings.evidence_changes else None)
    if settings.evidence:
        message = (
            "POD_DIAGNOSER_EVIDENCE=true needs an API server: POD_DIAGNOSER_API_SERVER, "
            "or a Pod with the token of its service account"
        )
        raise SettingsError(message)
    return None
