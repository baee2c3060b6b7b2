"""Leads a Service of the operator to a process on this machine, for the API server's proxy.

That goes only where an endpoint is the address of a Pod, and no loopback address.
"""

import socket
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final, Self
from urllib.request import ProxyHandler, build_opener

from dev.envtest import pods
from dev.envtest.client import PODS, SERVICE_ACCOUNTS, Json, Resource
from dev.envtest.cluster import Cluster
from dev.envtest.installation import SYSTEM

SERVICES: Final = Resource("v1", "services")
ENDPOINTS: Final = Resource("v1", "endpoints")

_POD: Final = "metrics-gate"
_SERVICE: Final = "pod-diagnoser-poddiagnosers"


def own_address() -> str | None:
    """Return an address of this machine that is no loopback address; None where it has none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))  # sends nothing
        except OSError:
            return None
        address: str = probe.getsockname()[0]
    return None if address.startswith("127.") else address


def _restricted(pod: Json) -> Json:
    """Add what the hooks' namespace asks of each Pod."""
    pod["spec"]["securityContext"] = {
        "runAsNonRoot": True,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    for container in pod["spec"]["containers"]:
        container["securityContext"] = {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
        }
    return pod


class MetricsGate:
    """The Service of the PodDiagnosers' hook leads to that hook's port of metrics.

    Args:
        cluster: the cluster.
        address: of this machine, no loopback address.
    """

    def __init__(self, cluster: Cluster, address: str) -> None:
        self._cluster, self._address = cluster, address
        self._service: Json = {}
        target = f"http://127.0.0.1:{cluster.poddiagnosers_hook.metrics_port}"
        opener = build_opener(ProxyHandler({}))

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with opener.open(target + self.path, timeout=20) as response:
                    body = response.read()
                self.send_response(200)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer((address, 0), Handler)

    def __enter__(self) -> Self:
        """Lead it there."""
        admin = self._cluster.admin
        Thread(target=self._server.serve_forever, daemon=True).start()
        self._service = admin.get(SERVICES, _SERVICE, SYSTEM)
        admin.patch(SERVICES, _SERVICE, {"spec": {"selector": None}}, SYSTEM)
        assert admin.find(SERVICE_ACCOUNTS, "default", SYSTEM)
        admin.create(PODS, _restricted(pods.manifest(_POD)), SYSTEM)
        status = pods.started(admin.get(PODS, _POD, SYSTEM))
        status.update(podIP=self._address, podIPs=[{"ip": self._address}])
        self._cluster.kubelet.report(SYSTEM, _POD, status)
        reference = {"kind": "Pod", "namespace": SYSTEM, "name": _POD}
        subsets = [
            {
                "addresses": [{"ip": self._address, "targetRef": reference}],
                "ports": [{"name": "metrics", "port": self._server.server_address[1]}],
            }
        ]
        admin.delete(ENDPOINTS, _SERVICE, SYSTEM)
        body = {"metadata": {"name": _SERVICE}, "subsets": subsets}
        admin.create(ENDPOINTS, body, SYSTEM)
        return self

    def __exit__(self, *_: object) -> None:
        """Lead it back."""
        admin = self._cluster.admin
        admin.delete(ENDPOINTS, _SERVICE, SYSTEM)
        admin.delete(PODS, _POD, SYSTEM, {"gracePeriodSeconds": 0})
        selector = self._service["spec"]["selector"]
        admin.patch(SERVICES, _SERVICE, {"spec": {"selector": selector}}, SYSTEM)
        self._server.shutdown()
        self._server.server_close()
