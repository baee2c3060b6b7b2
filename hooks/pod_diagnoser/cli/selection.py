"""Which Pods are asked for: ``POD``, ``TYPE/NAME``, namespaces, a label selector. Pure."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from pod_diagnoser.api.core_v1 import OwnedPod
from pod_diagnoser.api.fields import is_object_name
from pod_diagnoser.api.text import sanitize
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.label_selector import ALL_LABELS, LabelSelector
from pod_diagnoser.poddiagnosers.workload_names import workload_of

_KINDS: Final = {
    "Pod": ("pod", "pods", "po"),
    "Deployment": ("deployment", "deployments", "deploy"),
    "ReplicaSet": ("replicaset", "replicasets", "rs"),
    "StatefulSet": ("statefulset", "statefulsets", "sts"),
    "DaemonSet": ("daemonset", "daemonsets", "ds"),
    "Job": ("job", "jobs"),
    "CronJob": ("cronjob", "cronjobs", "cj"),
    "Node": ("node", "nodes", "no"),
}
"""The kinds of ``TYPE/NAME``, and the names that kubectl has for them."""

_KIND_OF: Final = {name: kind for kind, names in _KINDS.items() for name in names}


@dataclass(frozen=True, slots=True)
class Target:
    """An object whose Pods are asked for.

    Attributes:
        kind: its kind.
        name: its name.
    """

    kind: str
    name: str

    def selects(self, pod: OwnedPod) -> bool:
        """Say whether it is a Pod's workload, owner or node, or the Pod itself."""
        if self.kind == "Pod":
            return pod.metadata.name == self.name
        if self.kind == "Node":
            return pod.spec is not None and pod.spec.nodeName == self.name
        workload, owner = workload_of(pod), pod.controller
        if (workload.kind, workload.name) == (self.kind, self.name):
            return True
        return owner is not None and (owner.kind, owner.name) == (self.kind, self.name)

    def __str__(self) -> str:
        """Name it as kubectl does."""
        return f"{_KINDS[self.kind][0]}/{self.name}"


def parse_target(text: str) -> Target:
    """Read ``POD`` or ``TYPE/NAME``.

    Raises:
        CommandError: it is neither.
    """
    kind, slash, name = text.partition("/")
    kind, name = (kind, name) if slash else ("pod", kind)
    kind, _, _group = kind.lower().partition(".")
    if kind not in _KIND_OF:
        known = ", ".join(names[0] for names in _KINDS.values())
        message = f"{sanitize(text, 100)}: unknown type; TYPE/NAME takes {known}"
        raise CommandError(message)
    if not is_object_name(name):
        message = f"{sanitize(text, 100)}: not a valid name; give POD or TYPE/NAME"
        raise CommandError(message)
    return Target(_KIND_OF[kind], name)


def mistaken_type(texts: Sequence[str]) -> str:
    """Return the ``TYPE/NAME`` that was meant by two words ``TYPE NAME``, as kubectl takes them.

    Args:
        texts: what is asked for on the command line.

    Returns:
        It, or an empty string where no word is a type with a name behind it.
    """
    for kind, name in pairwise(texts):
        if kind.lower() in _KIND_OF and "/" not in name:
            return f"{sanitize(kind, 100)}/{sanitize(name, 100)}"
    return ""


@dataclass(frozen=True, slots=True)
class Selection:
    """The Pods that are asked for.

    Attributes:
        targets: the objects whose Pods are asked for; none for all.
        namespaces: the namespaces of which Pods are asked for; none for all.
        labels: what labels they have; on a cluster the API server selects them.
    """

    targets: Sequence[Target] = ()
    namespaces: frozenset[str] = frozenset()
    labels: LabelSelector = ALL_LABELS

    def selects(self, pod: OwnedPod) -> bool:
        """Say whether a Pod is asked for."""
        return self.looks_at(pod) and (not self.targets or self.names(pod))

    def looks_at(self, pod: OwnedPod) -> bool:
        """Say whether a Pod is looked at: by itself, or as a sibling of one that is asked for."""
        meta = pod.metadata
        if self.namespaces and meta.namespace not in self.namespaces:
            return False
        return self.labels.matches(meta.labels)

    def names(self, pod: OwnedPod) -> bool:
        """Say whether a Pod is asked for by a target: it is told of even if nothing is wrong."""
        return any(each.selects(pod) for each in self.targets)

    def not_found(self, pods: Iterable[OwnedPod]) -> Sequence[str]:
        """Return the targets that have none of some Pods, as ``TYPE/NAME``."""
        looked_at = [pod for pod in pods if self.looks_at(pod)]
        return [str(each) for each in self.targets if not any(map(each.selects, looked_at))]

    def is_one_pod(self) -> bool:
        """Say whether one Pod is asked for, by its name."""
        return len(self.targets) == 1 and self.targets[0].kind == "Pod"
