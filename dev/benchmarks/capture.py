"""Capture what Metacontroller sends for an ordinary Pod and its PodDiagnoser, for `samples`.

Run as ``python -m dev.benchmarks.capture`` it rewrites ``dev/benchmarks/data/``: requests as
they are on the wire, about a Pod of a Deployment in a real control plane with our own manifests.
"""

import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dev.benchmarks import workload
from dev.envtest import build, installation, pods
from dev.envtest.client import PODDIAGNOSERS, PODS, Json, Resource
from dev.envtest.cluster import Cluster
from dev.envtest.proxy import Answer, Forward, Proxy, Request
from dev.local_ports import free_ports

_T = TypeVar("_T")

DATA = Path(__file__).parent / "data"
NAMESPACE = "shop"
DIAGNOSER = "fragileapp-diagnoser"
_DEPLOYMENTS = Resource("apps/v1", "deployments")
_QUIET = 4.0  # longer than an answer and a write of a status are debounced


def recorder(urls: dict[str, str], latest: dict[str, bytes]) -> Proxy:
    """Make a proxy between Metacontroller and the hook that keeps the latest request of each path.

    Args:
        urls: base URLs of the hook's two processes: keys ``pods``, ``poddiagnosers``.
        latest: path to body, filled by the proxy.
    """
    proxy = Proxy(urls["pods"], free_ports(1)[0])

    def record(request: Request, _: Forward) -> Answer:
        proxy.requests.clear()  # only the latest are needed
        latest[request.path] = request.body
        return proxy.send(request, urls[request.path.split("/")[1]])

    proxy.rule = record
    return proxy


def capture() -> dict[str, bytes]:
    """Let a Pod start, crash and be annotated.

    Returns:
        File name to request.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: something does not come about.
    """
    latest: dict[str, bytes] = {}
    with (
        Cluster(build.find(), overlay=None, tls=False) as cluster,
        recorder(cluster.urls, latest) as proxy,
    ):
        manifests = installation.render(cluster.control_plane, installation.MANIFESTS / "base")
        controllers = [one for one in manifests if one["kind"] == "DecoratorController"]
        installation.apply(
            cluster.control_plane,
            installation.redirected(controllers, dict.fromkeys(cluster.urls, proxy.url)),
        )
        cluster.create_namespace(NAMESPACE)
        diagnoser = {
            "apiVersion": PODDIAGNOSERS.version,
            "kind": "PodDiagnoser",
            "metadata": {"name": DIAGNOSER},
            "spec": {"targetLabels": {"app": workload.LABELS["app"]}},
        }
        cluster.admin.create(PODDIAGNOSERS, diagnoser, NAMESPACE)
        cluster.admin.create(_DEPLOYMENTS, workload.deployment("fragile-app"), NAMESPACE)
        name = _until(lambda: _running(cluster.admin.list(PODS, NAMESPACE)))
        time.sleep(_QUIET)
        found = {"pod-healthy.json": latest["/pods/sync"]}
        crash = pods.Termination(1, "Error")
        cluster.kubelet.end(NAMESPACE, name, crash)
        time.sleep(_QUIET)
        cluster.kubelet.restart(NAMESPACE, name)
        _until(lambda: b"restart-reason" in latest["/pods/sync"])
        time.sleep(_QUIET)
        return found | {
            "pod-annotated.json": latest["/pods/sync"],
            "poddiagnoser.json": latest["/poddiagnosers/sync"],
        }


def _running(found: list[Json]) -> str:
    """Return the name of the one Pod once its container runs, else an empty text."""
    if not found or "containerStatuses" not in found[0].get("status", {}):
        return ""
    return str(found[0]["metadata"]["name"])


def _until(read: Callable[[], _T]) -> _T:
    deadline = time.monotonic() + 30
    while not (value := read()):
        if time.monotonic() > deadline:
            message = "not within 30 seconds"
            raise TimeoutError(message)
        time.sleep(0.05)
    return value


def main() -> int:
    """Write the files."""
    for name, body in capture().items():
        json.loads(body)
        (DATA / name).write_bytes(body)
        sys.stdout.write(f"{name}: {len(body)} bytes\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
