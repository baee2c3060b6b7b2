"""Snapshots of a cluster, by kubectl, with the user's own rights."""

import os
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from typing import Final

from pod_diagnoser.api.core_v1 import ObjectMeta
from pod_diagnoser.api.diagnostics_v1 import CLUSTER_LABEL
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.report import LogNeed, Report
from pod_diagnoser.cli.selection import Selection
from pod_diagnoser.cli.snapshot import Log, Missing
from pod_diagnoser.cli.sources.kubectl import Kubectl, KubectlError
from pod_diagnoser.cli.sources.lists import Lists, Reading
from pod_diagnoser.cli.what_changed import REVISIONS_OF
from pod_diagnoser.pods.keys import CRASHES, DIAGNOSED_BY, LABEL

_NODE_EVENTS_PLACE: Final = ("-n", "default")
"""The kubelet and the node controller write Events about nodes to this namespace."""

_ABOUT_NODES: Final = "involvedObject.kind=Node"
_ABOUT_PODS: Final = "involvedObject.kind=Pod"

_LOG_LINES: Final = 1000
_LOG_BYTES: Final = 64 * 1024
"""How much of the end of a log is read: more is not looked at."""

_MAX_NAMESPACES: Final = 20
"""Of how many namespaces versions of templates are read."""

_MAX_NAMED: Final = 20
"""How many Pods are read one by one."""

_PARALLEL: Final = 4
"""How many calls of kubectl run at once."""


@dataclass(frozen=True, slots=True)
class Scope:
    """Where Pods are looked for.

    Attributes:
        namespaces: these namespaces; none for that of kubectl's context.
        all_namespaces: all of them.
        selector: a label selector for the Pods, or an empty string.
    """

    namespaces: Sequence[str] = ()
    all_namespaces: bool = False
    selector: str = ""

    def places(self) -> Sequence[tuple[str, ...]]:
        """Return kubectl's options for each place."""
        if self.all_namespaces:
            return [("--all-namespaces",)]
        return [("-n", name) for name in self.namespaces] or [()]


class LiveSource:
    """Reads a cluster.

    Args:
        kubectl: starts kubectl.
        scope: where to look.
        selection: which Pods are asked for.
        collector: what collects it.
        progress: is told what is done, in words, and how many objects of it there are.
    """

    def __init__(
        self,
        kubectl: Kubectl,
        scope: Scope,
        selection: Selection,
        collector: Collector,
        progress: Callable[[str, int], None] = lambda *_: None,
    ) -> None:
        self._kubectl, self._scope, self._selection = kubectl, scope, selection
        self._lists = Lists(kubectl, os.environ)
        self._collector, self._progress = collector, progress
        self.warnings: dict[str, None] = {}
        """What kubectl said, although it did what it was asked for; each once."""

    def read_overview(self) -> None:
        """Read Pods and Events.

        Raises:
            CommandError: no Pods could be read at all.
        """
        with ExitStack() as stack:
            asks_for_nodes = self._scope.all_namespaces or bool(self._selection.targets)
            of_nodes = (
                stack.enter_context(
                    self._lists.start("events", _NODE_EVENTS_PLACE, fields=_ABOUT_NODES)
                )
                if asks_for_nodes
                else None
            )
            calls = [
                (
                    place,
                    stack.enter_context(
                        self._lists.start("pods", place, labels=self._scope.selector)
                    ),
                    stack.enter_context(self._lists.start("events", place, fields=_ABOUT_PODS)),
                )
                for place in self._scope.places()
            ]
            failures = [self._read_pods(place, pods) for place, pods, _ in calls]
            if all(failures):
                raise CommandError("; ".join(dict.fromkeys(filter(None, failures))))
            self._collector.drop_events_of_other_pods()
            for (place, _, events), failure in zip(calls, failures, strict=True):
                if not failure:
                    self._read_events(place, events)
            if of_nodes is not None:
                self._read(
                    of_nodes,
                    "Event",
                    Missing("Events of nodes", "", "what a node did may look like a crash"),
                )

    def read_diagnosers(self, *, always: bool = False) -> None:
        """Read the PodDiagnosers, where there are any: their Pods show it.

        Of ClusterPodDiagnosers their DiagnosisTargets are read, where Pods show that there are any.
        """
        shown = [each.metadata for each in self._collector.pods]
        if not always and not any(map(_is_diagnosed, shown)):
            return
        of_cluster = always or any(map(_is_of_cluster, shown))
        for place in self._scope.places() if of_cluster else ():
            selector = f"--selector={CLUSTER_LABEL}"
            kind = "diagnosistargets.diagnostics.local.io"
            with self._kubectl.get(kind, *place, selector) as call:
                try:
                    self._add_all(call, "DiagnosisTarget")
                except KubectlError as error:
                    if error.kind != "no such kind":
                        self._miss("ClusterPodDiagnosers", error, "what they claim is not known")
        if of_cluster:
            # Few may read them; where it matters what they do, it is said that it is not known.
            with (
                self._kubectl.get("clusterpoddiagnosers.diagnostics.local.io") as call,
                suppress(KubectlError),
            ):
                self._add_all(call, "ClusterPodDiagnoser")
        for place in self._scope.places():
            with self._kubectl.get("poddiagnosers.diagnostics.local.io", *place) as call:
                try:
                    self._add_all(call, "PodDiagnoser")
                except KubectlError as error:
                    if error.kind != "no such kind":
                        self._miss("PodDiagnosers", error, "their mask patterns are not applied")

    def read_logs(self, needs: Iterable[LogNeed]) -> None:
        """Read the ends of logs."""
        from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415 - imports logging

        with ThreadPoolExecutor(_PARALLEL) as pool:
            for need, log in pool.map(self._log, list(needs)):
                if isinstance(log, Log):
                    self._collector.add_log(need.namespace, need.pod, need.container, log)
                else:
                    what = f"log of {need.namespace}/{need.pod}, container {need.container}"
                    self._miss(what, log, "its own words are not told")

    def read_revisions(self, report: Report) -> None:
        """Read the versions of the templates from which Pods of a report were made."""
        controllers = [(pod.namespace, pod.pod.controller) for pod in report.pods]
        wanted = [
            (namespace, REVISIONS_OF[owner.kind])
            for namespace, owner in controllers
            if owner is not None and owner.kind in REVISIONS_OF
        ]
        for namespace, what in list(dict.fromkeys(wanted))[:_MAX_NAMESPACES]:
            with self._kubectl.get(what, "-n", namespace) as call:
                missing = Missing(
                    f"{what} of namespace {namespace}", "", "what changed before is not told"
                )
                self._read(call, "", missing)

    def _read_pods(self, place: tuple[str, ...], call: Reading) -> str:
        """Read Pods; return why that failed, or an empty string."""
        try:
            self._add_all(call, "Pod")
        except KubectlError as error:
            where = f"Pods of namespace {place[-1]}" if place else "Pods"
            if error.objects_before:
                self._miss(where, error, "only a part of them is looked at")
                return ""
            if error.kind == "forbidden" and self._read_named_pods(place):
                self._miss(where, error, "of its siblings nothing is told")
                return ""
            if place and len(self._scope.places()) > 1:
                self._miss(where, error, "done without them")
            return str(error)
        return ""

    def _read_named_pods(self, place: tuple[str, ...]) -> bool:
        """Read the Pods that are asked for one by one: one may get them, and not list them."""
        targets = self._selection.targets
        if not targets or any(each.kind != "Pod" for each in targets) or len(place) == 1:
            return False
        found = False
        for target in targets[:_MAX_NAMED]:
            with self._kubectl.start("get", "pod", target.name, "-o", "json", *place) as call:
                try:
                    self._add_all(call, "Pod")
                except KubectlError:
                    continue
                found = True
        return found

    def _read_events(self, place: tuple[str, ...], call: Reading) -> None:
        try:
            self._add_all(call, "Event")
        except KubectlError as error:
            where = f" of namespace {place[-1]}" if place[:1] == ("-n",) else ""
            self._miss(f"Events{where}", error, "a probe's kill may look like a crash")
            return
        namespaces = self._collector.namespaces if len(place) <= 1 else {place[-1]}
        for namespace in namespaces:
            self._collector.know_events_of(namespace)

    def _read(self, call: Reading, kind: str, missing: Missing) -> None:
        try:
            self._add_all(call, kind)
        except KubectlError as error:
            self._miss(missing.what, error, missing.without)

    def _add_all(self, call: Reading, kind: str) -> None:
        number = 0
        try:
            for number, content in enumerate(call.objects(), 1):
                self._collector.add_json(content, kind)
                self._progress(f"{kind or 'Revision'}s", number)
        except KubectlError as error:
            error.objects_before = number
            raise
        self.warnings.update(dict.fromkeys(call.warnings))

    def _miss(self, what: str, error: KubectlError, without: str) -> None:
        self._collector.add_missing(Missing(what, str(error), without))

    def _log(self, need: LogNeed) -> tuple[LogNeed, Log | KubectlError]:
        which = ("--previous",) if need.previous else ()
        arguments = ("-n", need.namespace, need.pod, "-c", need.container, f"--tail={_LOG_LINES}")
        with self._kubectl.start("logs", *arguments, *which) as call:
            try:
                text = call.tail(_LOG_BYTES).decode(errors="replace")
            except KubectlError as error:
                return need, error
        return need, Log(text, need.previous)


def _is_of_cluster(metadata: ObjectMeta) -> bool:
    return CLUSTER_LABEL in metadata.labels or DIAGNOSED_BY in metadata.annotations


def _is_diagnosed(metadata: ObjectMeta) -> bool:
    return LABEL in metadata.labels or _is_of_cluster(metadata) or CRASHES in metadata.annotations
