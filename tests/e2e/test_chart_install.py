"""Helm itself installs, upgrades and uninstalls the chart on a real control plane.

The kubelet runs what the Pods of the release hold as processes, with the Pods' rights and flags.
"""

import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from dev.envtest.build import Binaries
from dev.envtest.client import (
    CUSTOM_RESOURCES,
    DECORATOR_CONTROLLERS,
    NAMESPACES,
    PODS,
    SECRETS,
    Json,
    Resource,
)
from dev.envtest.cluster import Cluster
from dev.envtest.credentials import write_kubeconfig
from dev.envtest.hook import Hook
from dev.envtest.installation import SYSTEM, wait_for_kinds
from dev.envtest.metacontroller import Metacontroller
from dev.envtest.mounts import mount
from dev.local_ports import free_ports
from tests.e2e.chart import CHART, RELEASE, Helm, delete_kinds
from tests.e2e.test_together import Replica
from tests.e2e.workspace import ERROR, Workspace, shown_metadata, warnings

pytestmark = [pytest.mark.takes_hook_away, pytest.mark.timeout(600)]

DEPLOYMENTS = Resource("apps/v1", "deployments")
CONFIG_MAPS = Resource("v1", "configmaps")
PODS_BEFORE = 5
OURS = "app.kubernetes.io/part-of=pod-diagnoser"


class Node:
    """Runs the Pods of a release as processes, each when a kubelet would.

    Args:
        cluster: where; no operator is in it yet.
        helm: of the cluster.
    """

    def __init__(self, cluster: Cluster, helm: Helm) -> None:
        self.cluster = cluster
        self.helm = helm
        self.plane = cluster.control_plane
        self.processes: list[Hook | Replica | Metacontroller] = []
        self.logs: list[str] = []
        self._started: set[str] = set()
        cluster.kubelet.run = self.run

    def chart(self, name: str, ports: dict[str, int], address: str) -> Path:
        """Copy the chart, with DecoratorControllers that find the processes on this machine."""
        copied = self.plane.folder / name
        shutil.copytree(CHART, copied)
        replaced = {
            **{f"http://127.0.0.1:{old}": f"http://127.0.0.1:{ports[key]}" for key, old in _PORTS},
            **{
                f"pod-diagnoser-{key}.{SYSTEM}.svc:8443": f"{address}:{ports[key]}" for key in ports
            },
        }
        paths = list(copied.glob("files/decoratorcontrollers/*.yaml"))
        if not address:  # together: the template knows the ports
            paths = [copied / "templates/decoratorcontrollers.yaml"]
        for path in paths:
            text = before = path.read_text(encoding="utf-8")
            for old, new in replaced.items():
                text = text.replace(old, new)
            assert text != before
            path.write_text(text, encoding="utf-8")
        return copied

    def run(self, namespace: str, name: str) -> None:
        """Run a Pod that was bound to the Node."""
        pod = self.cluster.admin.get(PODS, name, namespace)
        account = pod["spec"].get("serviceAccountName", "")
        if namespace == SYSTEM and account in ("pod-diagnoser-removal", "pod-diagnoser-check"):
            threading.Thread(target=self._run_to_its_end, args=(pod, account)).start()
            return
        if namespace == SYSTEM:
            component = pod["metadata"]["labels"].get("app.kubernetes.io/component", "")
            if component not in self._started:
                self._started.add(component)
                self.start(component, pod)
        self.cluster.kubelet.start_pod(namespace, name)

    def start(self, component: str, _pod: Json, /) -> None:
        """Start the processes of a Pod that serves; those of a second one stay away."""
        raise NotImplementedError

    def environment(self, account: str) -> dict[str, str]:
        """Return the settings by which a process has the rights of a ServiceAccount."""
        folder = self.plane.folder / "accounts" / account
        token = self.plane.service_account_token(SYSTEM, account)
        mount(folder, {"token": token.encode(), "ca.crt": self.plane.certificate.read_bytes()})
        return {
            "POD_DIAGNOSER_API_SERVER": self.plane.server,
            "POD_DIAGNOSER_API_TOKEN_FILE": str(folder / "token"),
            "POD_DIAGNOSER_API_CA_FILE": str(folder / "ca.crt"),
        }

    def _run_to_its_end(self, pod: Json, account: str) -> None:
        """Run the command of a Job's Pod, and report how it ended."""
        namespace, name = pod["metadata"]["namespace"], pod["metadata"]["name"]
        self.cluster.kubelet.start_pod(namespace, name)
        (container,) = pod["spec"]["containers"]
        (command,) = container["command"]
        objects = self.plane.folder / "objects" / name
        for volume in pod["spec"].get("volumes", []):
            if "configMap" in volume:
                found = self.cluster.admin.get(CONFIG_MAPS, volume["configMap"]["name"], namespace)
                mount(objects, {key: text.encode() for key, text in found["data"].items()})
        arguments = [
            one.replace("/etc/pod-diagnoser/check", str(objects)) for one in container["args"]
        ]
        done = subprocess.run(
            [Path(sys.executable).with_name(command), *arguments],
            env=self.environment(account),
            capture_output=True,
            text=True,
            check=False,
        )
        self.logs.append(done.stdout + done.stderr)
        stored = self.cluster.admin.get(PODS, name, namespace)["status"]
        ended = {"exitCode": done.returncode, "reason": "Error" if done.returncode else "Completed"}
        (status,) = stored["containerStatuses"]
        self.cluster.kubelet.report(
            namespace,
            name,
            {
                **stored,
                "phase": "Failed" if done.returncode else "Succeeded",
                "containerStatuses": [
                    {**status, "ready": False, "state": {"terminated": ended}},
                ],
            },
        )

    def stop(self) -> None:
        """End all processes."""
        for process in reversed(self.processes):
            process.kill() if isinstance(process, Replica) else process.stop()


_PORTS = (("pods", 8001), ("poddiagnosers", 8002))


class Together(Node):
    """Everything is in one Pod, the chart's own Metacontroller too."""

    def __init__(self, cluster: Cluster, helm: Helm) -> None:
        super().__init__(cluster, helm)
        self.ports = dict(zip(("pods", "poddiagnosers"), free_ports(2), strict=True))

    def start(self, component: str, pod: Json, /) -> None:
        """Start the hooks, then Metacontroller with the flags of its container."""
        assert component == "together"
        for endpoints, port in self.ports.items():
            connected = self.environment("pod-diagnoser") if endpoints == "poddiagnosers" else {}
            hook = Hook(endpoints, self.plane.folder, connected, port=port)
            self.processes.append(hook)
            hook.start()
        self.environment("pod-diagnoser")
        token = self.plane.service_account_token(SYSTEM, "pod-diagnoser")
        kubeconfig = self.plane.folder / "together.kubeconfig"
        write_kubeconfig(kubeconfig, "pod", token, self.plane.server, self.plane.certificate)
        (container,) = pod["spec"]["containers"]
        replica = Replica(self.cluster, kubeconfig, container["args"], 1)
        self.processes.append(replica)
        replica.start()


class Separate(Node):
    """Beside a Metacontroller that runs already, and looks for new kinds seldom."""

    def start(self, component: str, _pod: Json, /) -> None:
        """Start one of the hooks, with the release's credentials."""
        self.cluster.mount_tokens()
        self.cluster.mount_certificate()
        self.cluster.mount_service_accounts()
        hook = {
            "pods": self.cluster.pods_hook,
            "poddiagnosers": self.cluster.poddiagnosers_hook,
        }[component]
        hook.start()


@pytest.fixture
def bare(binaries: Binaries) -> Iterator[Cluster]:
    """A cluster with neither operator nor Metacontroller nor its kinds."""
    with Cluster(binaries, installed=False) as running:
        running.metacontroller.stop()
        delete_kinds(running.control_plane)
        yield running


@pytest.fixture
def with_metacontroller(binaries: Binaries) -> Iterator[Cluster]:
    """A cluster with Metacontroller as it is released."""
    running = Cluster(binaries, installed=False)
    running.metacontroller = Metacontroller(running.control_plane, discovery_interval="20s")
    with running:
        yield running


def helm_of(cluster: Cluster, program: Path) -> Helm:
    """Return a Helm for a cluster."""
    folder = cluster.control_plane.folder / "helm"
    folder.mkdir()
    return Helm(program, folder, cluster.control_plane.kubeconfig)


def shop_with_pods(cluster: Cluster) -> Workspace:
    """Make the operator's namespace, and a namespace with Pods that run already."""
    enforced = {"pod-security.kubernetes.io/enforce": "restricted"}
    cluster.admin.create(NAMESPACES, {"metadata": {"name": SYSTEM, "labels": enforced}})
    cluster.create_namespace("shop")
    shop = Workspace(cluster, "shop")
    for number in range(PODS_BEFORE):
        shop.start_pod(f"app-{number}")
    return shop


def older(chart: Path) -> Path:
    """Make a version of the chart before this one: with a kind that lacks a column."""
    path = chart / "Chart.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text.replace("\nversion: 0.1.0\n", "\nversion: 0.0.9\n"), encoding="utf-8")
    kind = chart / "files/crds/poddiagnosers.yaml"
    text = kind.read_text(encoding="utf-8")
    assert "- name: Active\n" in text
    kind.write_text(text.replace("- name: Active\n", "- name: Works\n"), encoding="utf-8")
    return chart


def columns(cluster: Cluster) -> list[str]:
    """Return the names of the columns of kubectl get pdiag."""
    kind = cluster.admin.get(CUSTOM_RESOURCES, "poddiagnosers.diagnostics.local.io")
    (version,) = kind["spec"]["versions"]
    return [one["name"] for one in version["additionalPrinterColumns"]]


def uninstalled(node: Node, shop: Workspace) -> None:
    """Uninstall; nothing is left on Pods, and of the operator only what users may have written."""
    assert any(any(shown_metadata(pod)) for pod in node.cluster.admin.list(PODS, shop.namespace))
    node.helm.run("uninstall", RELEASE, "--wait", "--timeout=5m", timeout=320)
    assert "No Pod has an annotation" in node.logs[-1]
    for pod in node.cluster.admin.list(PODS, shop.namespace):
        assert shown_metadata(pod) == ({}, {})
    assert node.cluster.admin.list(DECORATOR_CONTROLLERS) == []
    assert shop.diagnoser()
    kinds = shop.kubectl("api-resources", "--verbs=list", "--output=name").split()
    # Kubernetes' own follow an object some time after it is gone.
    follow = ("events", "pods", "replicasets", "endpoint", "leases", "componentstatuses")
    counted = ",".join(one for one in kinds if not one.startswith(follow))
    left = shop.kubectl("get", counted, "-A", "-l", OURS, "-o", "name").split()
    assert {one.partition("/")[0] for one in left} == {
        "customresourcedefinition.apiextensions.k8s.io"
    }


def test_together(bare: Cluster, helm_program: Path) -> None:
    """One command; a crash is diagnosed; an upgrade keeps it; Pods are clean when it is gone."""
    node = Together(bare, helm_of(bare, helm_program))
    shop = shop_with_pods(bare)
    chart = older(node.chart("before", node.ports, ""))
    try:
        node.helm.run("install", RELEASE, chart, "--wait", "--timeout=3m", timeout=200)
        node.helm.run("test", RELEASE, "--timeout=3m", timeout=200)
        assert "Crashes are diagnosed." in node.logs[-1]
        shop.create_diagnoser()
        shop.crash("app-0", ERROR)
        shop.annotated("app-0")
        assert max(warnings(bare).values(), default=0) <= 1

        before = shop.diagnoser()
        assert "Works" in columns(bare)
        chart = node.chart("now", node.ports, "")
        values = node.helm.values({"replicas": 1, "commonLabels": {"team": "x"}})
        node.helm.run("upgrade", RELEASE, chart, values, "--wait", timeout=200)
        assert "Works" not in columns(bare)
        after = shop.diagnoser()
        assert after["metadata"]["uid"] == before["metadata"]["uid"]
        assert after["spec"] == before["spec"]
        shop.crash("app-1", ERROR)
        shop.annotated("app-1")

        uninstalled(node, shop)
    finally:
        node.stop()


def test_beside_a_metacontroller(with_metacontroller: Cluster, helm_program: Path) -> None:
    """No Pod gets a Warning, though the hooks start late and their kinds are known late."""
    cluster = with_metacontroller
    node = Separate(cluster, helm_of(cluster, helm_program))
    shop = shop_with_pods(cluster)
    ports = {"pods": cluster.pods_hook.port, "poddiagnosers": cluster.poddiagnosers_hook.port}
    chart = node.chart("now", ports, "127.0.0.1")
    values = {"mode": "separate", "credentials": {"tls": {"extraIPs": ["127.0.0.1"]}}}
    node.helm.run("install", RELEASE, chart, node.helm.values(values), timeout=320)
    assert "PodDiagnosers work." in node.logs[-1]
    wait_for_kinds(node.plane, "poddiagnosers.diagnostics.local.io")
    shop.create_diagnoser()
    shop.crash("app-0", ERROR)
    shop.annotated("app-0")
    assert max(warnings(cluster).values(), default=0) <= 1

    secrets = {name: cluster.admin.get(SECRETS, name, SYSTEM)["data"] for name in _SECRETS}
    uids = controllers(cluster)
    changed = {**values, "commonLabels": {"team": "x"}}
    node.helm.run("upgrade", RELEASE, chart, node.helm.values(changed), timeout=200)
    assert {name: cluster.admin.get(SECRETS, name, SYSTEM)["data"] for name in _SECRETS} == secrets
    assert controllers(cluster) == uids  # not created anew, and the release's from now on
    assert "kind: DecoratorController" in node.helm.run("get", "manifest", RELEASE)
    shop.crash("app-1", ERROR)
    shop.annotated("app-1")
    assert max(warnings(cluster).values(), default=0) <= 1

    uninstalled(node, shop)


_SECRETS = ("pod-diagnoser-token", "pod-diagnoser-tls")


def controllers(cluster: Cluster) -> dict[str, str]:
    """Return the uids of the DecoratorControllers by their names."""
    found = cluster.admin.list(DECORATOR_CONTROLLERS)
    return {one["metadata"]["name"]: one["metadata"]["uid"] for one in found}
