"""Where dumps of clusters keep what is read: from the path of a file to what is in it. Pure.

Sources: ``clusterinfo_dump.go`` of kubectl; ``pkg/cli/admin/inspect`` of openshift/oc, by which
must-gather works; ``pkg/collect`` of replicatedhq/troubleshoot, which makes support bundles.
"""

from dataclasses import dataclass
from typing import Final

KINDS: Final = {
    "pods": "Pod",
    "events": "Event",
    "replicasets": "ReplicaSet",
    "controllerrevisions": "ControllerRevision",
    "nodes": "Node",
    "poddiagnosers": "PodDiagnoser",
    "poddiagnosers.diagnostics.local.io": "PodDiagnoser",
    "diagnosistargets": "DiagnosisTarget",
    "diagnosistargets.diagnostics.local.io": "DiagnosisTarget",
}
"""The kinds that are read, by how folders and files are called that hold them."""

_OBJECT_SUFFIXES: Final = (".json", ".yaml", ".yml", ".jsonl", ".ndjson")
_PREVIOUS: Final = "-previous"
_OF_FINDERS: Final = frozenset({"__MACOSX", "Thumbs.db"})


@dataclass(frozen=True, slots=True)
class ObjectFile:
    """A file of objects.

    Attributes:
        kind: what its objects are if they do not say it, or an empty string.
        events_of: the namespace of which it has all Events, or an empty string.
        certain: whether a file at such a place holds objects; otherwise only its content tells.
        also_in: the path of another file that has the same object, or an empty string.
    """

    kind: str = ""
    events_of: str = ""
    certain: bool = True
    also_in: str = ""


@dataclass(frozen=True, slots=True)
class LogFile:
    """A file with the log of a container, or of all containers of a Pod.

    Attributes:
        namespace: the Pod's namespace.
        pod: its name.
        container: the container; empty where the file has a section for each.
        previous: whether it is the log from before the last restart; None where the file has both.
    """

    namespace: str
    pod: str
    container: str = ""
    previous: bool = False


def role_of(path: str) -> ObjectFile | LogFile | None:
    """Say what a file of a dump holds.

    Args:
        path: its path within the folder or archive, with slashes. It is looked at, never opened.

    Returns:
        What it holds; None where that is nothing that is read.
    """
    parts = normal_path(path).split("/")
    if parts == [""] or any(each.startswith(".") or each in _OF_FINDERS for each in parts):
        return None
    if "namespaces" in parts[:-1]:
        at = parts.index("namespaces") + 1
        return _in_must_gather(parts[at:], "/".join(parts[:at]))
    if "cluster-resources" in parts[:-1]:
        return _in_bundle(parts[parts.index("cluster-resources") + 1 :])
    if "cluster-scoped-resources" in parts[:-1]:
        return ObjectFile("Node") if "nodes" in (parts[-2], _stem(parts[-1])) else None
    return _elsewhere(parts)


def normal_path(path: str) -> str:
    """Return a path without what says nothing."""
    return "/".join(each for each in path.split("/") if each not in ("", "."))


def _in_must_gather(parts: list[str], above: str) -> ObjectFile | LogFile | None:
    """Say it of a path below ``namespaces``, of must-gather and ``oc adm inspect``."""
    match parts:
        case [namespace, "pods", pod, container, _, "logs", "current.log" | "previous.log" as name]:
            return LogFile(namespace, pod, container, name.startswith("previous"))
        case [namespace, "pods", pod, name] if name == f"{pod}.yaml":
            return ObjectFile("Pod", also_in=f"{above}/{namespace}/core/pods.yaml")
        case [namespace, _, name] if (kind := KINDS.get(_stem(name))) and _is_of_objects(name):
            return ObjectFile(kind, events_of=namespace if kind == "Event" else "")
        case [_, _, resource, name] if (kind := KINDS.get(resource)) and _is_of_objects(name):
            return ObjectFile(kind)
    return None


def _in_bundle(parts: list[str]) -> ObjectFile | LogFile | None:
    """Say it of a path below ``cluster-resources``, of a support bundle."""
    match parts:
        case ["pods", "logs", namespace, pod, name]:
            return _log(namespace, pod, name)
        case ["custom-resources", resource, name] | [resource, name]:
            if (kind := KINDS.get(resource)) and _is_of_objects(name):
                return ObjectFile(kind, events_of=_stem(name) if kind == "Event" else "")
        case [name] if (kind := KINDS.get(_stem(name))) and _is_of_objects(name):
            return ObjectFile(kind)
    return None


def _elsewhere(parts: list[str]) -> ObjectFile | LogFile | None:
    """Say it of any other path: ``kubectl cluster-info dump``, or what somebody put together."""
    name = parts[-1]
    match parts:
        case [*_, namespace, pod, "logs.txt"]:
            return LogFile(namespace, pod)
        case [*_, namespace, pod, _] if name.endswith(".log"):
            return _log(namespace, pod, name)
    if not _is_of_objects(name):
        has_suffix = "." in name and not name.endswith((".txt", ".log", ".out", ".dump"))
        return None if has_suffix else ObjectFile(certain=False)
    assumed = KINDS.get(_stem(name), "")
    is_of_dump = assumed == "Event" and len(parts) > 1
    return ObjectFile(assumed, events_of=parts[-2] if is_of_dump else "")


def _log(namespace: str, pod: str, name: str) -> LogFile | None:
    stem, dot, suffix = name.rpartition(".")
    if suffix != "log" or not dot or stem.endswith("-logs-errors"):
        return None
    previous = stem.endswith(_PREVIOUS)
    return LogFile(namespace, pod, stem.removesuffix(_PREVIOUS), previous)


def _is_of_objects(name: str) -> bool:
    return name.endswith(_OBJECT_SUFFIXES)


def _stem(name: str) -> str:
    return name.rpartition(".")[0] or name
