"""The rules in a real Prometheus that scrapes real hooks, and in promtool."""

import json
import subprocess
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from dev import local_http
from dev.envtest.client import REPLICA_SETS
from dev.envtest.cluster import Cluster
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

WORKLOADS = (
    *("cart", "catalogue", "checkout", "login", "mail"),
    *("payment", "report", "search", "stock", "web"),
)
PODS_EACH = 100

LONG = 180.0
"""Seconds to wait for a thousand Pods on a busy machine."""

CRASHING = "PodDiagnoserWorkloadCrashing"
CAUSES = ("OutOfMemory", "ApplicationError")


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


def test_without_the_component_the_hook_may_list_nothing(shop: Workspace) -> None:
    """Its ServiceAccount has not the right, and the response says what to install."""
    hook = shop.cluster.poddiagnosers_hook
    with pytest.raises(RuntimeError, match="503 the hook may not list PodDiagnosers: install"):
        local_http.get(f"http://127.0.0.1:{hook.metrics_port}/metrics/state")


@pytest.fixture
def shops(cluster: Cluster) -> Workspace:
    """A namespace for many Pods: on a busy machine a request about one of them may take too long.

    Metacontroller repeats it; the fixture ``shop`` would take that for an error.
    """
    cluster.create_namespace("many-shops")
    return Workspace(cluster, "many-shops")


@pytest.fixture
def replicas(cluster: Cluster) -> Iterator[list[Hook]]:
    """Two replicas of the PodDiagnosers' hook, which may list PodDiagnosers."""
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
    cluster: Cluster, replicas: list[Hook], prometheus_programs: Programs, tmp_path: Path
) -> Iterator[Prometheus]:
    """A Prometheus that scrapes all hooks each second, with the rules."""
    targets = [f"127.0.0.1:{hook.metrics_port}" for hook in replicas]
    jobs = {
        "pods": ("/metrics", [f"127.0.0.1:{cluster.pods_hook.metrics_port}"]),
        "poddiagnosers": ("/metrics", targets),
        "state": ("/metrics/state", targets),
    }
    running = Prometheus(
        prometheus_programs.prometheus,
        tmp_path,
        faster(load_rules(), TIMES),
        jobs,
    )
    running.start()
    yield running
    running.stop()


def firing(prometheus: Prometheus, **labels: str) -> list[dict[str, Any]]:
    """Return the alerts that fire and have some labels."""
    return [each for each in prometheus.firing() if labels.items() <= each["labels"].items()]


def crashing_pods(prometheus: Prometheus, namespace: str) -> float:
    """Return how many Pods of a namespace crash by what Prometheus has scraped."""
    crashing = f'pod_diagnoser_workload_crashing_pods{{namespace="{namespace}"}}'
    found = prometheus.query(f"sum(max without (instance) ({crashing})) or vector(0)")
    return found[0][1]


@pytest.mark.timeout(900)  # 2,000 writes for 1,000 Pods, and minutes in which nothing may fire
def test_ten_workloads_are_ten_alerts(shops: Workspace, prometheus: Prometheus) -> None:
    """A thousand Pods crash, two replicas are scraped: one alert a workload, which says why.

    They end where the crashes do, although the Pods show them still.
    """
    shops.diagnose()
    for name in WORKLOADS:
        shops.create_workload(REPLICA_SETS, name, PODS_EACH)
    pods: dict[str, list[str]] = {}
    for name in WORKLOADS:
        running = eventually(
            lambda name=name: shops.running(f"set={name}"),  # type: ignore[misc]
            lambda found: len(found) == PODS_EACH,
            timeout=LONG,
            pause=1,
        )
        pods[name] = [pod["metadata"]["name"] for pod in running]

    def crash(number: int) -> None:
        for place, name in enumerate(WORKLOADS):
            shops.crash(pods[name][number], (OOM_KILLED, ERROR)[place % 2])

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(crash, range(PODS_EACH)))
    all_of_them = len(WORKLOADS) * PODS_EACH
    eventually(
        lambda: crashing_pods(prometheus, shops.namespace),
        lambda found: found == all_of_them,
        timeout=LONG,
        pause=1,
    )
    numbers = iter(range(10_000))

    def fired() -> list[dict[str, Any]]:
        return firing(prometheus, alertname=CRASHING, namespace=shops.namespace)

    def crash_on() -> list[dict[str, Any]]:
        crash(next(numbers) % PODS_EACH)
        return fired()

    def says_why(alert: dict[str, Any]) -> bool:
        cause = CAUSES[WORKLOADS.index(alert["labels"]["workload"]) % 2]
        return f"{PODS_EACH}. {cause}: {PODS_EACH}." in alert["annotations"]["description"]

    # The rules are evaluated each second, and Pods crash on meanwhile.
    alerts = eventually(
        crash_on,
        lambda found: len(found) == len(WORKLOADS) and all(map(says_why, found)),
        timeout=LONG,
        pause=1,
    )
    names = Counter(each["labels"]["workload"] for each in alerts)
    assert names == Counter(WORKLOADS)
    lines = sorted(f"{CRASHING}: {each['annotations']['summary']}\n" for each in alerts)
    page = (PROJECT / "docs/alerts.md").read_text(encoding="utf-8")
    assert f"```\n{''.join(lines)}```".replace(f"{shops.namespace}/", "shop/") in page
    eventually(fired, lambda found: not found, LONG, pause=1)
    assert crashing_pods(prometheus, shops.namespace) == all_of_them
    for quiet in ("PodDiagnoserDown", "PodDiagnoserStateUnknown", "PodDiagnoserRequestsFailing"):
        assert not firing(prometheus, alertname=quiet)
