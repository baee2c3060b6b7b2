"""The rules in a real Prometheus that scrapes real hooks, and in promtool."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dev.envtest.client import REPLICA_SETS
from dev.envtest.hook import Hook
from dev.envtest.installation import PROJECT
from dev.prometheus.build import Programs
from dev.prometheus.server import Prometheus
from tests.contrib.alerting import queries
from tests.e2e.prometheus import RULES, faster, load_rules
from tests.e2e.workspace import ERROR, OOM_KILLED, Workspace, eventually

STATE_METRICS = PROJECT / "metacontroller/pod-diagnoser/components/state-metrics"
UNIT_TESTS = PROJECT / "tests/contrib/promtool"

TIMES = 30
"""How much faster the rules are here than there: 40 seconds are their 20 minutes."""

WORKLOADS = tuple(f"shop-{number}" for number in range(10))
PODS_EACH = 100

CRASHING = "PodDiagnoserWorkloadCrashing"


def promtool(programs: Programs, *arguments: str) -> None:
    """Run promtool, which says what is wrong."""
    done = subprocess.run(
        [programs.promtool, *arguments], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("unit_test", sorted(path.name for path in UNIT_TESTS.glob("*.yaml")))
def test_alerts_fire_and_end_as_promtool_evaluates_them(
    unit_test: str, prometheus_programs: Programs
) -> None:
    """Each alert fires, with its words, and does not where all is well."""
    promtool(prometheus_programs, "test", "rules", str(UNIT_TESTS / unit_test))


def test_all_queries_are_valid(prometheus_programs: Programs, tmp_path: Path) -> None:
    """Those of the rules and those of the dashboard."""
    promtool(prometheus_programs, "check", "rules", str(RULES))
    groups = [{"name": "panels", "rules": [{"record": "a:b", "expr": each} for each in queries()]}]
    file = tmp_path / "panels.yaml"  # JSON is YAML
    file.write_text(json.dumps({"groups": groups}), encoding="utf-8")
    promtool(prometheus_programs, "check", "rules", "--lint=none", str(file))


@pytest.fixture
def replicas(shop: Workspace) -> Iterator[list[Hook]]:
    """Two replicas of the PodDiagnosers' hook, which may list PodDiagnosers."""
    cluster = shop.cluster
    files = [
        f"-f{STATE_METRICS / name}" for name in ("clusterrole.yaml", "clusterrolebinding.yaml")
    ]
    cluster.control_plane.kubectl("apply", *files)
    second = Hook(
        "poddiagnosers",
        cluster.control_plane.folder,
        cluster.remediation_environment(),
        "hook-second",
    )
    second.start()
    yield [cluster.poddiagnosers_hook, second]
    second.stop()
    cluster.control_plane.kubectl("delete", *files)


@pytest.fixture
def prometheus(
    shop: Workspace, replicas: list[Hook], prometheus_programs: Programs, tmp_path: Path
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes all hooks each second, with the rules."""
    targets = [("pods", "/metrics", shop.cluster.pods_hook)]
    targets += [("poddiagnosers", "/metrics", hook) for hook in replicas]
    targets += [("state", "/metrics/state", hook) for hook in replicas]
    running = Prometheus(
        prometheus_programs.prometheus,
        tmp_path,
        faster(load_rules(), TIMES),
        [(job, f"127.0.0.1:{hook.port}", path) for job, path, hook in targets],
    )
    running.start()
    yield running
    running.stop()


def firing(prometheus: Prometheus, alert: str = CRASHING) -> list[dict[str, Any]]:
    """Return the alerts of a name that fire."""
    return [each for each in prometheus.firing() if each["labels"]["alertname"] == alert]


def test_ten_workloads_are_ten_alerts(shop: Workspace, prometheus: Prometheus) -> None:
    """A thousand Pods crash, two replicas are scraped: one alert a workload, which says why.

    They end where the crashes do, although the Pods show them still.
    """
    shop.diagnose()
    for name in WORKLOADS:
        shop.create_workload(REPLICA_SETS, name, PODS_EACH)
    pods: dict[str, list[str]] = {}
    for name in WORKLOADS:
        running = eventually(
            lambda name=name: shop.running(f"set={name}"),  # type: ignore[misc]
            lambda found: len(found) == PODS_EACH,
            pause=1,
        )
        pods[name] = [pod["metadata"]["name"] for pod in running]

    def crash(number: int) -> None:
        for place, name in enumerate(WORKLOADS):
            shop.crash(pods[name][number], ERROR if place % 2 else OOM_KILLED)

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(crash, range(PODS_EACH)))
    counted = eventually(
        lambda: prometheus.query(
            "sum(max without (instance) (pod_diagnoser_workload_crashing_pods))"
        ),
        lambda found: found[0][1] == len(WORKLOADS) * PODS_EACH,
        pause=1,
    )
    assert counted[0][1] == 1000
    numbers = iter(range(10_000))

    def crash_on() -> list[dict[str, Any]]:
        crash(next(numbers) % PODS_EACH)
        return firing(prometheus)

    alerts = eventually(crash_on, lambda found: len(found) == len(WORKLOADS), pause=1)
    names = Counter(each["labels"]["workload"] for each in alerts)
    assert names == Counter(WORKLOADS)
    for each in alerts:
        cause = "ApplicationError" if int(each["labels"]["workload"][-1]) % 2 else "OutOfMemory"
        said = f"ReplicaSet {shop.namespace}/{each['labels']['workload']} keeps crashing: {cause}"
        assert each["annotations"]["summary"] == said
        assert f"{PODS_EACH}. {cause}: {PODS_EACH}." in each["annotations"]["description"]
    eventually(lambda: firing(prometheus), lambda found: not found, timeout=150, pause=1)
    (still,) = prometheus.query(
        "sum(max without (instance) (pod_diagnoser_workload_crashing_pods))"
    )
    assert still[1] == 1000
    for quiet in ("PodDiagnoserDown", "PodDiagnoserStateUnknown", "PodDiagnoserNotSynced"):
        assert not firing(prometheus, quiet)
