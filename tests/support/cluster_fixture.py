"""A cluster in virtual time: what every test that simulates one builds on.

`ApiFixture` is an API server alone. `ClusterFixture` has controllers too, Metacontroller and a
kubelet when they are started. With the real hook in it, it is `tests.support.hooked_cluster`.
"""

import json
import random
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.simulator.client import Client
from dev.simulator.cluster import NODE, Cluster, Conditions, load_decorator_controllers
from dev.simulator.events import EventRecorder
from dev.simulator.http_api import Request, Response, RestApi
from dev.simulator.kubelet.kubelet import Kubelet
from dev.simulator.kubelet.node import Node
from dev.simulator.kubelet.runtime import Prober, Runtime
from dev.simulator.objects import Object
from dev.simulator.pod_logs import Logs, no_log
from dev.simulator.resources import NAMESPACE, Resource, load_crds
from dev.simulator.scheduling import Clock, VirtualScheduler
from dev.simulator.store import Store

ROOT = Path(__file__).parents[2]
CRDS = load_crds(ROOT / "crds")
DIAGNOSER = next(kind for kind in CRDS if kind.kind == "PodDiagnoser")
CLUSTER_DIAGNOSER = next(kind for kind in CRDS if kind.kind == "ClusterPodDiagnoser")
TARGET = next(kind for kind in CRDS if kind.kind == "DiagnosisTarget")
CONTROLLERS = load_decorator_controllers(ROOT / "metacontroller" / "pod-diagnoser" / "base")

PREFIX = "diagnostics.local.io/"
LABEL = f"{PREFIX}diagnoser"
HOUR = 3600.0
EPOCH = datetime(2026, 1, 1, tzinfo=UTC)


class ApiFixture:
    """An API server in virtual time, without controllers.

    Attributes:
        scheduler: virtual time.
        clock: the true time, which is the API server's.
        store: the API server's objects.
        api: the REST API.
        logs: reads the logs of containers; there are none unless a test says so.
    """

    def __init__(
        self, kinds: Iterable[Resource] = (), *, scheduler: VirtualScheduler | None = None
    ) -> None:
        self.scheduler = VirtualScheduler() if scheduler is None else scheduler
        self.clock = Clock(self.scheduler, EPOCH)
        self.store = self._create_store(kinds)
        self.logs: Logs = no_log
        self.api = RestApi(self.store, self.clock, self._read_log)

    def _read_log(self, pod: Object, container: str, /, *, previous: bool) -> bytes | None:
        return self.logs(pod, container, previous=previous)

    def _create_store(self, kinds: Iterable[Resource]) -> Store:
        store = Store(self.clock, random.Random(0), kinds)
        store.create(NAMESPACE, {"metadata": {"name": "default"}})
        return store

    def run(self, seconds: float = 10.0) -> None:
        """Let virtual time pass."""
        self.scheduler.run_for(seconds)

    def send(
        self, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Send a request to the REST API."""
        content = b"" if body is None else json.dumps(body).encode()
        return self.api.answer(Request.make(method, path, headers or {}, content))


class ClusterFixture(ApiFixture):
    """A cluster in virtual time.

    Attributes:
        conditions: delays, random draws and faults.
        simulator: the simulated cluster.
    """

    simulator: Cluster

    def __init__(
        self,
        kinds: Iterable[Resource] = CRDS,
        conditions: Conditions | None = None,
        *,
        scheduler: VirtualScheduler | None = None,
    ) -> None:
        self.conditions = Conditions.calm() if conditions is None else conditions
        super().__init__(kinds, scheduler=scheduler)

    def _create_store(self, kinds: Iterable[Resource]) -> Store:
        self.simulator = Cluster(self.scheduler, self.clock, kinds, self.conditions)
        return self.simulator.store

    def start_kubelet(self, runtime: Runtime, prober: Prober | None = None) -> Kubelet:
        """Have a kubelet run the Pods of the cluster's node."""
        client = Client(self.simulator.network, "kubelet")
        node = Node(
            client=client,
            clock=self.clock,
            runtime=runtime,
            prober=prober,
            recorder=EventRecorder(client, self.clock, "kubelet", NODE),
            rng=random.Random(0),
        )
        return Kubelet(node, NODE)
