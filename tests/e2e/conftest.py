"""One cluster for the whole run, one namespace for each test."""

import itertools
import os
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from dev.envtest import build
from dev.envtest.client import EVENTS
from dev.envtest.cluster import Cluster
from dev.helm import build as helm_build
from dev.prometheus import build as prometheus_build
from dev.prometheus.build import Programs
from tests.e2e.evidence import EvidenceRig
from tests.e2e.workspace import Workspace

_REQUIRE = "E2E_REQUIRE"
"""Set to anything, it makes a failure of what is a skip otherwise: for releases."""

_TIME_LIMIT = 300
"""Seconds a test may take: many start processes, of which each takes seconds on a busy machine."""

_found = pytest.StashKey[build.Binaries | str]()
_prometheus = pytest.StashKey[Programs | str]()
_helm = pytest.StashKey[Path | str]()
_numbers = itertools.count(1)

_Program = TypeVar("_Program", build.Binaries, Programs, Path)


def pytest_configure(config: pytest.Config) -> None:
    """Make the marker known."""
    config.addinivalue_line(
        "markers", "takes_hook_away: the test takes the hook away, so that syncs fail"
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the cluster."""
    for item in items:
        if "binaries" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.e2e)
            if item.get_closest_marker("timeout") is None:
                item.add_marker(pytest.mark.timeout(_TIME_LIMIT))


@pytest.hookimpl(tryfirst=True)
def pytest_runtestloop(session: pytest.Session) -> None:
    """Build the control plane before the first test, whose time limit is too short for that."""
    if session.config.option.collectonly:
        return
    if any(item.get_closest_marker("e2e") for item in session.items):
        capture = session.config.pluginmanager.getplugin("capturemanager")
        try:
            with capture.global_and_fixture_disabled():  # it says what the minutes are for
                session.config.stash[_found] = build.find()
        except build.MissingError as missing:
            session.config.stash[_found] = str(missing)
        except build.BuildError as failed:
            pytest.exit(str(failed), returncode=pytest.ExitCode.USAGE_ERROR)
    _find(session, "prometheus_programs", _prometheus, prometheus_build.find)
    _find(session, "helm_program", _helm, helm_build.find)


def _find(
    session: pytest.Session,
    fixture: str,
    key: pytest.StashKey[_Program | str],
    find: Callable[[], _Program],
) -> None:
    """Find or build a program, if any test has the fixture for it; keep it, or why it is not."""
    if any(fixture in getattr(item, "fixturenames", ()) for item in session.items):
        try:
            session.config.stash[key] = find()
        except (build.MissingError, build.BuildError) as missing:
            session.config.stash[key] = str(missing)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    """Add the ends of the logs to the report of a failure."""
    outcome = yield
    report = outcome.get_result()  # type: ignore[attr-defined]  # pluggy's Result
    cluster = getattr(item, "funcargs", {}).get("cluster")
    if report.failed and cluster is not None:
        cluster.control_plane.keep = True
        heading = f"ends of the logs, which are kept in {cluster.control_plane.folder}"
        report.sections.append((heading, cluster.tails()))


def _found_or_skip(found: _Program | str) -> _Program:
    """Return a program; skip, or fail where that is wanted, with why it cannot be had."""
    if isinstance(found, str):
        if os.environ.get(_REQUIRE):
            pytest.fail(found, pytrace=False)
        pytest.skip(found)
    return found


@pytest.fixture(scope="session")
def binaries(pytestconfig: pytest.Config) -> build.Binaries:
    """The programs of the control plane, and Metacontroller."""
    return _found_or_skip(pytestconfig.stash[_found])


@pytest.fixture(scope="session")
def prometheus_programs(pytestconfig: pytest.Config) -> Programs:
    """Prometheus and promtool."""
    return _found_or_skip(pytestconfig.stash[_prometheus])


@pytest.fixture(scope="session")
def helm_program(pytestconfig: pytest.Config) -> Path:
    """Helm."""
    return _found_or_skip(pytestconfig.stash[_helm])


@pytest.fixture(scope="session")
def cluster(binaries: build.Binaries) -> Iterator[Cluster]:
    """A cluster with the operator in it."""
    with Cluster(binaries) as running:
        yield running


@pytest.fixture(scope="module")
def evidence(cluster: Cluster) -> Iterator[EvidenceRig]:
    """The Pods' hook with the right to read Events and logs, for all tests of a module."""
    with EvidenceRig(cluster) as rig:
        yield rig


@pytest.fixture
def shop(cluster: Cluster, request: pytest.FixtureRequest) -> Iterator[Workspace]:
    """An empty namespace. It stays: its deletion would disturb what the next tests count.

    Fails a test whose objects got a SyncError Event, unless it takes the hook away.
    """
    words = re.sub(r"[^a-z0-9]+", "-", request.node.name.removeprefix("test_").lower())
    name = f"{next(_numbers):02}-{words[:50]}".strip("-")
    cluster.create_namespace(name)
    yield Workspace(cluster, name)
    if request.node.get_closest_marker("takes_hook_away") is None:
        events = cluster.admin.list(EVENTS, name)
        errors = [event["message"] for event in events if event["reason"] == "SyncError"]
        # Where a DecoratorController's spec changes, Metacontroller cancels what is under way; a
        # sync that takes too long ends in other words.
        assert [error for error in errors if not error.endswith("context canceled")] == []
