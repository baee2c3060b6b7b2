"""Run one process of the hook."""

import sys
from collections.abc import Mapping
from pathlib import Path

from dev import local_http
from dev.envtest.process import Process
from dev.local_ports import free_ports


class Hook:
    """One process of the hook, as the manifests run it.

    Args:
        endpoints: ``pods``, ``poddiagnosers`` or ``all``.
        folder: where its log goes.
        environment: further settings. With a certificate it serves its hooks over TLS, and probes
            and metrics on a port of their own, without.
        name: what it is called; by default after its endpoints.
        port: where it listens; by default on a free one.

    Attributes:
        url: where it serves its hooks.
        metrics_port: where it serves probes and metrics.
    """

    def __init__(
        self,
        endpoints: str,
        folder: Path,
        environment: Mapping[str, str] | None = None,
        name: str | None = None,
        port: int | None = None,
    ) -> None:
        self.port = port or free_ports(1)[0]
        given = dict(environment or {})
        self.metrics_port = self.port
        scheme = "http"
        if "POD_DIAGNOSER_TLS_DIR" in given:
            scheme = "https"
            (self.metrics_port,) = free_ports(1)
            given["POD_DIAGNOSER_METRICS_PORT"] = str(self.metrics_port)
        self.url = f"{scheme}://127.0.0.1:{self.port}"
        self.process = Process(
            name or f"hook-{endpoints}",
            [
                Path(sys.executable).with_name("pod-diagnoser"),
                "serve",
                "--port",
                str(self.port),
            ],
            folder,
            {
                "POD_DIAGNOSER_ENDPOINTS": endpoints,
                "POD_DIAGNOSER_LOG_FORMAT": "json",
                **given,
            },
        )

    @property
    def _plain_url(self) -> str:
        """Where probes and metrics are served."""
        return f"http://127.0.0.1:{self.metrics_port}"

    def start(self) -> None:
        """Start it and wait until it is ready; always on the same port.

        Raises:
            StartError: it does not get ready.
        """
        self.process.start()
        self.wait_until_ready()

    def wait_until_ready(self) -> None:
        """Wait until it is ready.

        Raises:
            StartError: it ends or does not get ready in time.
        """
        self.process.wait_until(lambda: local_http.is_ok(f"{self._plain_url}/readyz"))

    def stop(self, grace: float = 10.0) -> None:
        """End it.

        Args:
            grace: seconds until it is killed; 0 kills at once.
        """
        self.process.stop(grace)

    def serves_metrics(self) -> bool:
        """Say whether it answers at all, ready or not.

        Raises:
            NoAnswerError: it does not.
        """
        return bool(self.metrics())

    def metrics(self) -> str:
        """Its metrics in Prometheus' text format."""
        return local_http.get(f"{self._plain_url}/metrics")
