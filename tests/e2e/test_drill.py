"""``kubectl diagnose drill`` on a real API server, with a real kubectl and Metacontroller."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from functools import partial

import jsonschema
import pytest

from dev.envtest.client import CLUSTER_ROLE_BINDINGS, CLUSTERPODDIAGNOSERS, NAMESPACES, Json
from dev.envtest.cluster import Cluster
from dev.envtest.installation import PROJECT, REMEDIATOR
from pod_diagnoser.cli.drill.namespaces import ENDS, LABEL
from tests.e2e.drill_kubelet import PREFIX, DrillKubelet
from tests.e2e.metrics_gate import MetricsGate, own_address
from tests.e2e.permissions import await_permission
from tests.e2e.workspace import eventually

STATE_METRICS = PROJECT / "metacontroller/pod-diagnoser/components/state-metrics"
SCHEMA = json.loads((PROJECT / "docs/drill-report.schema.json").read_text("utf-8"))
NAMES = ("exit-code", "out-of-memory", "liveness-probe", "image", "configmap")
PATIENT = ("--wait", "3m")
"""Nobody waits for it where all is well."""

IMPATIENT = ("--wait", "45s")
"""Where something is missing, it is waited for."""


class Drills:
    """Somebody who holds drills.

    Args:
        cluster: the cluster.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.cluster = cluster
        plane = cluster.control_plane
        self._options = (
            *("--kubectl", str(plane.binaries.kubectl)),
            *("--kubeconfig", str(plane.kubeconfig)),
        )

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """Start a drill."""
        cache = str(self.cluster.control_plane.folder / "kubectl-cache")
        return subprocess.Popen(
            [sys.executable, "-m", "pod_diagnoser.cli", "drill", *arguments, *self._options],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env={**os.environ, "KUBECACHEDIR": cache},
            # Who runs the tests in the background may ignore Ctrl-C; a drill's user does not.
            preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # noqa: PLW1509
        )

    def hold(self, *arguments: str) -> tuple[int, str, str]:
        """Hold a drill; return exit code, standard output and standard error."""
        with self.start(*arguments) as running:
            out, err = running.communicate()
        return running.returncode, out, err

    def report(self, *arguments: str) -> tuple[int, dict[tuple[str, str], Json]]:
        """Hold a drill; return exit code and its checks by workload and name."""
        code, out, err = self.hold(*arguments, "-o", "json")
        assert err == ""
        report = json.loads(out)
        jsonschema.validate(report, SCHEMA)
        return code, {(each.get("workload", ""), each["check"]): each for each in report["checks"]}

    def left(self) -> list[str]:
        """Return the namespaces of drills that are there."""
        names = [each["metadata"]["name"] for each in self.cluster.admin.list(NAMESPACES)]
        return [each for each in names if each.startswith(PREFIX)]


@pytest.fixture
def drills(cluster: Cluster) -> Iterator[Drills]:
    """A cluster in which drills crash, and of which nothing is left after each."""
    with DrillKubelet(cluster):
        found = Drills(cluster)
        yield found
        assert found.left() == []


@pytest.fixture
def metrics(cluster: Cluster) -> Iterator[None]:
    """State metrics that the API server reaches."""
    address = own_address()
    if address is None:
        pytest.skip("this machine has no address but its loopback address")
    files = [
        f"-f{STATE_METRICS / each}" for each in ("clusterrole.yaml", "clusterrolebinding.yaml")
    ]
    cluster.control_plane.kubectl("apply", *files)
    with MetricsGate(cluster, address):
        yield
    cluster.control_plane.kubectl("delete", *files)


@pytest.fixture(params=["PodDiagnoser", "ClusterPodDiagnoser"])
def diagnoser(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[str]:
    """Who diagnoses the drill: the PodDiagnoser that it makes, or one for all drills."""
    name = "drills"
    if request.param == "PodDiagnoser":
        yield "PodDiagnoser drill"
        return
    every = {"matchExpressions": [{"key": LABEL, "operator": "Exists"}]}
    cluster.create_cluster_diagnoser(name, namespaceSelector=every, remediationAction="LogEvent")
    eventually(lambda: cluster.admin.get(CLUSTERPODDIAGNOSERS, name).get("status"))
    yield f"{request.param} {name}"
    cluster.admin.delete(CLUSTERPODDIAGNOSERS, name)


def states(found: dict[tuple[str, str], Json], name: str) -> set[str]:
    """Return what came of a check of the workloads."""
    return {found[workload, name]["state"] for workload in NAMES}


@pytest.mark.takes_hook_away
def test_the_hook_is_away(drills: Drills) -> None:
    """What it would have written is missing, and Metacontroller's Event says why."""
    cluster = drills.cluster
    hooks = (cluster.pods_hook, cluster.poddiagnosers_hook)
    for hook in hooks:
        hook.stop()
    try:
        code, found = drills.report(*IMPATIENT)
    finally:
        for hook in hooks:
            hook.start()
    assert code == 1
    assert found["", "operator"]["state"] == "Failed"
    assert states(found, "crash") == {"Passed"}
    for name in ("annotation", "event", "status"):
        assert states(found, name) == {"Failed"}
    said = found["exit-code", "annotation"]["message"]
    assert "the Pod has no annotation" in said
    assert "connection refused" in said
    assert found["", "taken away"]["state"] == "Passed"


def test_events_are_forbidden(drills: Drills) -> None:
    """The operator may not create Events: just that is said.

    Nor may it read Events here, and says of a probe's kill what it knows.
    """
    admin = drills.cluster.admin
    name = "pod-diagnoser-remediation"
    binding = admin.get(CLUSTER_ROLE_BINDINGS, name)
    binding["metadata"] = {"name": name, "labels": binding["metadata"].get("labels", {})}
    admin.delete(CLUSTER_ROLE_BINDINGS, name)
    await_permission(admin, REMEDIATOR, "create", "events", "default", wanted=False)
    try:
        code, found = drills.report(*IMPATIENT)
    finally:
        admin.create(CLUSTER_ROLE_BINDINGS, binding)
        await_permission(admin, REMEDIATOR, "create", "events", "default", wanted=True)
    assert code == 1
    failed = {key for key, each in found.items() if each["state"] == "Failed"}
    # Whether the metrics are reached depends on what ran before in this cluster.
    assert failed - {("", "metrics")} == {(each, "event") for each in NAMES}
    assert "Forbidden: The operator may not " in found["image", "event"]["message"]
    assert found["liveness-probe", "annotation"]["message"].startswith("Killed, ")


def test_it_ends_as_it_is_told(drills: Drills) -> None:
    """On Ctrl-C nothing stays; what stays of one that was killed is taken away by the next."""
    with drills.start(*PATIENT) as running:
        eventually(drills.left)
        running.send_signal(signal.SIGINT)
        out, _ = running.communicate()
    assert running.returncode == 130
    assert "is gone" in out
    assert drills.left() == []
    with drills.start(*PATIENT) as running:
        (name,) = eventually(drills.left)
        running.kill()
    now = {"metadata": {"annotations": {ENDS: "2026-11-23T10:00:00Z"}}}
    drills.cluster.admin.patch(NAMESPACES, name, now)
    _, out, err = drills.hold("--keep", *PATIENT)
    assert out.startswith(f"✓ taken away   namespace {name} is gone\n")
    (kept,) = drills.left()
    assert f"namespace {kept} is kept" in err
    code, out, _ = drills.hold("--clean")
    assert (code, out) == (0, f"✓ taken away   namespace {kept} is gone\n")


@pytest.mark.usefixtures("metrics", "evidence")
def test_all_is_well(diagnoser: str, drills: Drills) -> None:
    """Each crash is found in the annotation, an Event, the status and the metrics.

    The last one: the hook that may read Events stays until all tests of this module are done.
    """
    code, out, err = drills.hold(*PATIENT)
    print(out)
    assert (code, err) == (0, "")
    assert "✗" not in out
    for name in NAMES:
        assert f"\n{name}: " in out
    assert out.count(f"recentDiagnoses of {diagnoser} names it") == len(NAMES)
    for said in ("LivenessProbeFailed", "PodNotStarted: ", "PodRestarted: ", "is gone"):
        assert said in out
    # No rules are installed here, and no Prometheus is named.
    assert out.count("\N{EN DASH}") == 1
    assert out.splitlines()[-1].startswith("all 29 work, 1 not checked (")
