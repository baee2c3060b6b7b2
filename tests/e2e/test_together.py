"""Everything in one Pod (``overlays/together``), as processes with that Pod's rights and flags."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
import yaml

from dev import local_http
from dev.envtest import installation
from dev.envtest.build import Binaries
from dev.envtest.client import PODDIAGNOSERS, REPLICA_SETS, Json
from dev.envtest.cluster import Cluster
from dev.envtest.credentials import write_kubeconfig
from dev.envtest.hook import Hook
from dev.envtest.installation import MANIFESTS, PROJECT, SYSTEM
from dev.envtest.mounts import mount
from dev.envtest.process import Process
from dev.local_ports import free_ports
from tests.e2e.workspace import AT_ONCE, ERROR, Workspace, eventually

OVERLAY = MANIFESTS / "overlays/together"
ACCOUNT = "pod-diagnoser"
KINDS = ("poddiagnosers", "diagnosistargets")
PORTS = {"pods": 8001, "poddiagnosers": 8002}
"""Where the manifests have the hooks; on this machine they get free ones."""

pytestmark = pytest.mark.takes_hook_away


class Replica:
    """Metacontroller with the flags of the Pod.

    Args:
        cluster: where.
        kubeconfig: with the Pod's identity.
        flags: the container's.
        number: distinguishes the two.
    """

    def __init__(self, cluster: Cluster, kubeconfig: Path, flags: list[str], number: int) -> None:
        metrics, health = free_ports(2)
        self._health = f"http://127.0.0.1:{health}/readyz"
        self._process = Process(
            f"metacontroller-{number}",
            [
                cluster.control_plane.binaries.metacontroller,
                f"--kubeconfig={kubeconfig}",
                *flags,
                # Of flags that are given twice the last ones count.
                "--discovery-interval=2s",
                f"--metrics-address=127.0.0.1:{metrics}",
                f"--health-probe-bind-address=127.0.0.1:{health}",
            ],
            cluster.control_plane.folder,
        )

    def start(self) -> None:
        """Start it and wait until it is ready."""
        self._process.start()
        self._process.wait_until(partial(local_http.is_ok, self._health))

    def kill(self) -> None:
        """End it at once."""
        self._process.stop(grace=0)


class OnePod:
    """The processes of a Pod, and a second Metacontroller, which stands by.

    Args:
        cluster: where; no operator is in it yet.

    Attributes:
        hooks: by what they serve.
        metacontrollers: two processes; none runs at first.
    """

    def __init__(self, cluster: Cluster) -> None:
        plane = cluster.control_plane
        installation.apply(plane, installation.render(plane, PROJECT / "crds"))
        installation.wait_for_kinds(plane, *(f"{kind}.diagnostics.local.io" for kind in KINDS))
        text = plane.kubectl("kustomize", str(OVERLAY))
        ports = dict(zip(PORTS, free_ports(2), strict=True))
        for component, port in PORTS.items():
            assert f"127.0.0.1:{port}/" in text
            text = text.replace(f"127.0.0.1:{port}/", f"127.0.0.1:{ports[component]}/")
        manifests: list[Json] = list(yaml.safe_load_all(text))
        installation.apply(plane, manifests)
        folder = plane.folder / "service-account"
        token = plane.service_account_token(SYSTEM, ACCOUNT)
        mount(folder, {"token": token.encode(), "ca.crt": plane.certificate.read_bytes()})
        connected = {
            "POD_DIAGNOSER_API_SERVER": plane.server,
            "POD_DIAGNOSER_API_TOKEN_FILE": str(folder / "token"),
            "POD_DIAGNOSER_API_CA_FILE": str(folder / "ca.crt"),
        }
        self.hooks = {
            "pods": Hook("pods", plane.folder, port=ports["pods"]),
            "poddiagnosers": Hook(
                "poddiagnosers", plane.folder, connected, port=ports["poddiagnosers"]
            ),
        }
        (deployment,) = (one for one in manifests if one["kind"] == "Deployment")
        (container,) = deployment["spec"]["template"]["spec"]["containers"]
        kubeconfig = plane.folder / "together.kubeconfig"
        write_kubeconfig(kubeconfig, "pod", token, plane.server, plane.certificate)
        self.metacontrollers = [
            Replica(cluster, kubeconfig, container["args"], number) for number in (1, 2)
        ]

    def stop(self) -> None:
        """End all of it."""
        for process in self.metacontrollers:
            process.kill()
        for hook in self.hooks.values():
            hook.stop()


@pytest.fixture
def bare(binaries: Binaries) -> Iterator[Cluster]:
    """A cluster with neither operator nor Metacontroller."""
    with Cluster(binaries, installed=False) as running:
        running.metacontroller.stop()
        yield running


@pytest.fixture
def one_pod(bare: Cluster) -> Iterator[OnePod]:
    """The Pod, of which nothing runs yet."""
    made = OnePod(bare)
    yield made
    made.stop()


@pytest.fixture
def shop(bare: Cluster) -> Workspace:
    """A namespace with two Pods."""
    bare.create_namespace("shop")
    workspace = Workspace(bare, "shop")
    for name in ("web-0", "web-1"):
        workspace.start_pod(name)
    return workspace


def diagnosed(shop: Workspace, name: str) -> None:
    """Let a Pod crash, and wait until it says so."""
    before = shop.pod(name)["metadata"].get("annotations", {})
    shop.crash(name, ERROR)
    eventually(
        lambda: shop.pod(name)["metadata"].get("annotations", {}),
        lambda found: (
            found.get("diagnostics.local.io/restart-time")
            not in (None, before.get("diagnostics.local.io/restart-time"))
        ),
        timeout=120,
    )


def test_any_container_may_start_last_or_die(one_pod: OnePod, shop: Workspace) -> None:
    """Metacontroller before its hooks, then each of the three killed: crashes are diagnosed."""
    first, _ = one_pod.metacontrollers
    shop.create_diagnoser()
    first.start()
    for hook in one_pod.hooks.values():
        hook.start()
    diagnosed(shop, "web-0")
    for hook in one_pod.hooks.values():
        hook.stop(grace=0)
        hook.start()
        diagnosed(shop, "web-1")
    first.kill()
    first.start()
    diagnosed(shop, "web-0")


def test_the_other_replica_takes_over(one_pod: OnePod, shop: Workspace) -> None:
    """The one that stands by does nothing until the leader is gone; then Pods are replaced, too."""
    first, second = one_pod.metacontrollers
    for hook in one_pod.hooks.values():
        hook.start()
    first.start()
    shop.diagnose()
    diagnosed(shop, "web-0")
    second.start()
    first.kill()
    diagnosed(shop, "web-1")
    replace_api(shop)


def replace_api(shop: Workspace) -> None:
    """Have a Pod of a ReplicaSet replaced: the Pod has the rights for that."""
    shop.create_workload(REPLICA_SETS, "api")
    (old,) = eventually(lambda: shop.running("set=api"), bool, timeout=60)
    shop.cluster.admin.patch(
        PODDIAGNOSERS,
        "diagnoser",
        {"spec": {"remediationAction": "RestartPod", "remediation": AT_ONCE}},
        shop.namespace,
    )
    eventually(
        lambda: shop.status().get("action", {}).get("value"),
        lambda found: found == "RestartPod",
        timeout=60,
    )
    name = old["metadata"]["name"]
    shop.crash(name, ERROR)
    eventually(
        lambda: [one["metadata"]["name"] for one in shop.running("set=api")],
        lambda found: len(found) == 1 and found != [name],
        timeout=60,
    )
