"""Capture what Metacontroller sends for an ordinary Pod and its PodDiagnoser, for `samples`.

Run as ``python -m dev.benchmarks.capture`` it rewrites ``dev/benchmarks/data/``: requests as
they are on the wire, about a Pod of a Deployment in a real control plane with our own manifests.
"""

import http.server
import json
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from dev import local_http
from dev.benchmarks import workload
from dev.envtest import build, installation, pods
from dev.envtest.client import PODDIAGNOSERS, PODS, Json, Resource
from dev.envtest.cluster import Cluster

_T = TypeVar("_T")

DATA = Path(__file__).parent / "data"
NAMESPACE = "shop"
DIAGNOSER = "fragileapp-diagnoser"
_DEPLOYMENTS = Resource("apps/v1", "deployments")
_QUIET = 4.0  # longer than an answer and a write of a status are debounced


class Recorder:
    """Stands between Metacontroller and the hook, and keeps the latest request of each path.

    Args:
        urls: base URLs of the hook's two processes: keys ``pods``, ``poddiagnosers``.

    Attributes:
        url: its own base URL.
        latest: path to the body of the latest request for it.
    """

    def __init__(self, urls: dict[str, str]) -> None:
        self.latest: dict[str, bytes] = {}
        recorder = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                recorder.latest[self.path] = body
                url = urls[self.path.split("/")[1]] + self.path
                status, answer = local_http.post_json(url, body)
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_: object) -> None:
                """Write nothing."""

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()


def capture() -> dict[str, bytes]:
    """Let a Pod start, crash and be annotated.

    Returns:
        File name to request.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: something does not come about.
    """
    with Cluster(build.find(), overlay=None) as cluster:
        recorder = Recorder(cluster.urls)
        manifests = installation.render(cluster.control_plane, installation.MANIFESTS / "base")
        controllers = [one for one in manifests if one["kind"] == "DecoratorController"]
        installation.apply(
            cluster.control_plane,
            installation.redirected(controllers, dict.fromkeys(cluster.urls, recorder.url)),
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
        found = {"pod-healthy.json": recorder.latest["/pods/sync"]}
        crash = pods.Termination(1, "Error")
        cluster.kubelet.end(NAMESPACE, name, crash)
        time.sleep(_QUIET)
        cluster.kubelet.restart(NAMESPACE, name)
        _until(lambda: b"restart-reason" in recorder.latest["/pods/sync"])
        time.sleep(_QUIET)
        return found | {
            "pod-annotated.json": recorder.latest["/pods/sync"],
            "poddiagnoser.json": recorder.latest["/poddiagnosers/sync"],
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
