"""Run Metacontroller beside a control plane."""

import re

from dev import local_http
from dev.envtest.control_plane import ControlPlane
from dev.envtest.installation import metacontroller_flags
from dev.envtest.process import Process
from dev.local_ports import free_ports


class Metacontroller:
    """Metacontroller, with the flags of our component ``upstream/components/flags``.

    Args:
        control_plane: what it works on.
        cache_flush_interval: how often it resyncs everything.
        user: as whom it calls the API server.
        server: URL of what it takes for the API server; None means the API server.
        discovery_interval: how often it looks for new kinds.
    """

    def __init__(
        self,
        control_plane: ControlPlane,
        cache_flush_interval: str = "30m",
        user: str = "metacontroller",
        server: str | None = None,
        discovery_interval: str = "2s",
    ) -> None:
        self._control_plane = control_plane
        self._kubeconfig = control_plane.write_kubeconfig(user, server)
        self._metrics_port, self._health_port = free_ports(2)
        self._cache_flush_interval = cache_flush_interval
        self._discovery_interval = discovery_interval
        self.process = self._process(cache_flush_interval)

    def _process(self, cache_flush_interval: str) -> Process:
        flags = {**metacontroller_flags(), "cache-flush-interval": cache_flush_interval}
        return Process(
            "metacontroller",
            [
                self._control_plane.binaries.metacontroller,
                f"--kubeconfig={self._kubeconfig}",
                *(f"--{flag}={value}" for flag, value in flags.items()),
                f"--discovery-interval={self._discovery_interval}",
                "--leader-election=false",
                f"--metrics-address=127.0.0.1:{self._metrics_port}",
                f"--health-probe-bind-address=127.0.0.1:{self._health_port}",
            ],
            self._control_plane.folder,
        )

    def start(self) -> None:
        """Start it and wait until it says that it is healthy.

        Raises:
            StartError: it does not get there.
        """
        self.process.start()
        self.process.wait_until(
            lambda: local_http.is_ok(f"http://127.0.0.1:{self._health_port}/readyz")
        )

    def stop(self, grace: float = 10.0) -> None:
        """End it.

        Args:
            grace: seconds until it is killed; 0 kills at once.
        """
        self.process.stop(grace)

    def restart(self, cache_flush_interval: str | None = None) -> None:
        """End it and start it again.

        Args:
            cache_flush_interval: a new one, or None for the one it was made with.

        Raises:
            StartError: it does not get ready.
        """
        self.stop()
        self.process = self._process(cache_flush_interval or self._cache_flush_interval)
        self.start()

    def sync_requests(self, controller: str) -> int:
        """Return how many sync requests it has sent for a DecoratorController since it was started.

        Args:
            controller: the DecoratorController's name.
        """
        text = local_http.get(f"http://127.0.0.1:{self._metrics_port}/metrics")
        labels = rf'[^}}]*controller_name="{controller}"[^}}]*'
        pattern = rf"^metacontroller_sync_requests_total{{{labels}}} (\S+)$"
        return sum(int(float(value)) for value in re.findall(pattern, text, re.MULTILINE))
