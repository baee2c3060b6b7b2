"""A fresh control plane for one operator."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dev.benchmarks import workload
from dev.benchmarks.pod_load import Api
from dev.envtest import build
from dev.envtest.client import NAMESPACES, PODDIAGNOSERS, SERVICE_ACCOUNTS
from dev.envtest.kubelet import Kubelet
from dev.envtest.processes import ControlPlane

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from dev.benchmarks.operators import Operator
    from dev.envtest.client import Json

DIAGNOSER = "fragileapp-diagnoser"


@dataclass(frozen=True, slots=True)
class Site:
    """A control plane with an operator to be tested.

    Attributes:
        control_plane: The control plane.
        operator: The operator.
        api: For what has to be fast.
    """

    control_plane: ControlPlane
    operator: Operator
    api: Api

    def prepare(self, namespace: str, **spec: object) -> None:
        """Makes a namespace with a PodDiagnoser of all the Pods of `workload`.

        Args:
            namespace: Its name.
            spec: What the PodDiagnoser's specification holds beside its targetLabels.

        Raises:
            ApiError: The API server refuses.
        """
        admin = self.control_plane.admin
        admin.create(NAMESPACES, {"metadata": {"name": namespace}})
        while admin.find(SERVICE_ACCOUNTS, "default", namespace) is None:
            time.sleep(0.02)
        body = {
            "apiVersion": PODDIAGNOSERS.version,
            "kind": "PodDiagnoser",
            "metadata": {"name": DIAGNOSER},
            "spec": {"targetLabels": {"app": workload.LABELS["app"]}, **spec},
        }
        admin.create(PODDIAGNOSERS, body, namespace)

    def status(self, namespace: str) -> Json:
        """What the PodDiagnoser says.

        Args:
            namespace: Its namespace.

        Returns:
            Its status; empty until something is written.

        Raises:
            ApiError: The API server refuses.
        """
        found = self.control_plane.admin.get(PODDIAGNOSERS, DIAGNOSER, namespace)
        status: Json = found.get("status", {})
        return status

    def cpu(self) -> dict[str, float]:
        """CPU of the operator's parts and of the API server with etcd.

        Returns:
            Part to seconds.
        """
        plane = self.control_plane
        return {
            **self.operator.cpu_seconds(),
            "API server + etcd": plane.apiserver.cpu_seconds() + plane.etcd.cpu_seconds(),
        }


@contextlib.contextmanager
def opened(kind: Callable[[ControlPlane], Operator], linger: float = 1.0) -> Iterator[Site]:
    """Starts a control plane and its Node; the operator is installed, not started.

    Args:
        kind: Makes the operator.
        linger: Seconds that a terminating Pod stays.

    Yields:
        Where it is.

    Raises:
        dev.envtest.build.MissingError: There is no control plane here.
        dev.envtest.processes.StartError: Something does not start.
    """
    with contextlib.ExitStack() as running:
        control_plane = running.enter_context(ControlPlane(build.find()))
        kubelet = Kubelet(control_plane.client("kubelet"), linger)
        kubelet.start()
        running.callback(kubelet.stop)
        operator = kind(control_plane)
        operator.install()
        running.callback(operator.stop)
        yield Site(control_plane, operator, Api(control_plane))
