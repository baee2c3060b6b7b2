"""A fresh control plane for one operator."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Generic

from typing_extensions import TypeVar

from dev.benchmarks import usage, workload
from dev.benchmarks.operators import Operator
from dev.envtest import build
from dev.envtest.client import (
    CLUSTERPODDIAGNOSERS,
    NAMESPACES,
    PODDIAGNOSERS,
    SERVICE_ACCOUNTS,
    Client,
    Json,
)
from dev.envtest.control_plane import ControlPlane
from dev.envtest.kubelet import Kubelet

DIAGNOSER = "fragileapp-diagnoser"
API_SERVER = "API server + etcd"
SELECTED = {"benchmarks.example/selected": "true"}
"""The labels of the namespaces that the ClusterPodDiagnoser selects."""

_WRITERS = 8

_Operator_co = TypeVar("_Operator_co", bound=Operator, covariant=True, default=Operator)


@dataclass(frozen=True, slots=True)
class TestBed(Generic[_Operator_co]):
    """A control plane with an operator to be tested.

    Attributes:
        control_plane: the control plane.
        operator: the operator.
        api: a client with a kubelet's user agent.
    """

    control_plane: ControlPlane
    operator: _Operator_co
    api: Client

    def prepare(self, namespace: str, **spec: object) -> None:
        """Make a namespace with a PodDiagnoser of all the Pods of `workload`.

        Args:
            namespace: its name.
            spec: what the PodDiagnoser's specification holds beside its targetLabels.
        """
        self.make_namespaces([namespace])
        body = {"kind": "PodDiagnoser", **_diagnoser(spec)}
        self.control_plane.admin.create(PODDIAGNOSERS, body, namespace)

    def prepare_cluster(self, **spec: object) -> None:
        """Make a ClusterPodDiagnoser of all the Pods of `workload` in selected namespaces.

        Args:
            spec: what its specification holds beside its selectors.
        """
        chosen = {"namespaceSelector": {"matchLabels": SELECTED}, **spec}
        body = {"kind": "ClusterPodDiagnoser", **_diagnoser(chosen)}
        self.control_plane.admin.create(CLUSTERPODDIAGNOSERS, body)

    def make_namespaces(self, names: Iterable[str], *, selected: bool = False) -> None:
        """Make namespaces, and wait until they take Pods.

        Args:
            names: theirs.
            selected: whether the ClusterPodDiagnoser selects them.
        """
        admin, labels = self.control_plane.admin, SELECTED if selected else {}

        def make(name: str) -> None:
            admin.create(NAMESPACES, {"metadata": {"name": name, "labels": labels}})
            while admin.find(SERVICE_ACCOUNTS, "default", name) is None:
                time.sleep(0.02)

        with ThreadPoolExecutor(_WRITERS) as threads:
            for _ in threads.map(make, names):
                pass

    def status(self, namespace: str | None) -> Json:
        """Return what the PodDiagnoser says.

        Args:
            namespace: its namespace; None means the ClusterPodDiagnoser.

        Returns:
            Its status; empty until something is written.
        """
        resource = CLUSTERPODDIAGNOSERS if namespace is None else PODDIAGNOSERS
        found = self.control_plane.admin.get(resource, DIAGNOSER, namespace)
        status: Json = found.get("status", {})
        return status

    def cpu(self) -> dict[str, float]:
        """CPU of the operator's parts and of the API server with etcd."""
        plane = self.control_plane
        return {
            **self.operator.cpu_seconds(),
            API_SERVER: usage.cpu_seconds(plane.apiserver) + usage.cpu_seconds(plane.etcd),
        }


def _diagnoser(spec: Json) -> Json:
    return {
        "apiVersion": PODDIAGNOSERS.version,
        "metadata": {"name": DIAGNOSER},
        "spec": {"targetLabels": {"app": workload.LABELS["app"]}, **spec},
    }


@contextlib.contextmanager
def open_test_bed(
    make: Callable[[ControlPlane], _Operator_co],
    linger: float = 1.0,
    audit_policy: Json | None = None,
) -> Iterator[TestBed[_Operator_co]]:
    """Start a control plane and its Node; the operator is installed, not started.

    Args:
        make: makes the operator.
        linger: seconds that a terminating Pod stays.
        audit_policy: what the API server logs; None means `dev.envtest.audit.policy`.

    Yields:
        Where it is.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        dev.envtest.process.StartError: something does not start.
    """
    with contextlib.ExitStack() as running:
        control_plane = running.enter_context(ControlPlane(build.find(), audit_policy))
        kubelet = Kubelet(control_plane.client("kubelet"), linger)
        kubelet.start()
        running.callback(kubelet.stop)
        operator = make(control_plane)
        operator.install()
        running.callback(operator.stop)
        yield TestBed(control_plane, operator, control_plane.client("admin", agent="kubelet"))
