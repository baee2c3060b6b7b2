"""Small replicas of a large cluster's trouble: others need much, or write what is ours."""

from dev.simulator.objects import (
    Object,
    annotations_of,
    name_of,
    namespace_of,
    owners_of,
    uid_of,
)
from dev.simulator.resources import POD
from dev.simulator.writes import key_of
from tests.simulation import specification as spec
from tests.simulation.faulty_cluster import NAMES, FaultyCluster
from tests.support.cluster_fixture import DIAGNOSER, LABEL, TARGET

TARGET_EDITS: tuple[Object, ...] = (
    {"targetLabels": {"app": "b"}},
    {"targetLabels": {"other": "x"}},
    {"targetLabels": None},
    {"diagnoser": {"uid": "11111111-2222-3333-4444-555555555555"}},
    {"diagnoser": {"name": "evil"}},
    {"since": "2000-01-01T00:00:00Z"},
    {"ignore": {"exitCodes": [0, 1, 137]}},
    {"ignore": {"podLabels": {"app": "a"}}},
    {"thresholds": [{"container": "*", "restarts": 50, "withinSeconds": 60}]},
    {"evidence": {"events": False}},
)
"""What others write into a DiagnosisTarget."""


def _undone(pod: Object, how: int) -> Object:
    """Return a change of a Pod's metadata that undoes what the operator wrote, if anything."""
    ours = [key for key in annotations_of(pod) if key in spec.OUR_ANNOTATIONS]
    shown = [f"{spec.PREFIX}{key}" for key in ("cause", "restart-reason", "diagnosis")]
    changes: tuple[Object, ...] = (
        {"annotations": dict.fromkeys(ours), "labels": {LABEL: None}},
        {"labels": {LABEL: None}},
        {"annotations": dict.fromkeys(ours)},
        {"annotations": dict.fromkeys({*ours} & {*shown}, "Nonsense")},
        {"annotations": {f"{spec.PREFIX}crashes": "{"}, "labels": {LABEL: "nobody"}},
    )
    return changes[how % len(changes)]


class TroubledCluster(FaultyCluster):
    """A cluster with faults, and operations of others: `simulation_run.TROUBLE`."""

    def burden(self, which: int, cost: int, seconds: int) -> None:
        """Have each request of a namespace take much CPU time, for some time."""
        namespace = self._namespace(which)
        self.faults.injected["namespace that takes much time"] += 1
        self.faults.burdens[namespace] = (0.5, 3.0, 20.0)[cost % 3]

        def over() -> None:
            self.faults.burdens.pop(namespace, None)

        self.scheduler.call_later((5.0, 60.0, 300.0)[seconds % 3], over)

    def delete_target(self, number: int, _: int, __: int) -> None:
        """Delete a DiagnosisTarget; Metacontroller creates it again."""
        target = self._some_target(number)
        if target is not None:
            self._others_write_target(target)
            self.store.delete(TARGET, key_of(target))

    def edit_target(self, number: int, what: int, more: int) -> None:
        """Change a DiagnosisTarget; Metacontroller changes it back."""
        target = self._some_target(number)
        if target is not None:
            self._others_write_target(target)
            for which in (what, more)[: 1 + more % 2]:
                change = TARGET_EDITS[which % len(TARGET_EDITS)]
                self.trace.add(f"  {'/'.join(key_of(target))}: {change}")
                self.store.patch(TARGET, key_of(target), {"spec": change}, manager="people")
                edited = self.store.peek(TARGET, key_of(target)) or target
                self._may_decide(edited)

    def forge_target(self, number: int, how: int, name: int) -> None:
        """Create a DiagnosisTarget beside a real one, which claims all Pods for somebody."""
        target = self._some_target(number)
        if target is None:
            return
        named = f"{name_of(target)}x" if name % 2 else f"a-{name}"
        owner = dict((owners_of(target) or [{}])[0])
        diagnoser: Object = target["spec"]["diagnoser"]
        if how % 3 == 1:  # one that is not there
            owner |= {"uid": "11111111-2222-3333-4444-555555555555", "name": "evil"}
            diagnoser = {"uid": owner["uid"], "name": "evil"}
            named = "evil-11111111" if name % 2 else named
        metadata: Object = {"name": named, "namespace": namespace_of(target)}
        if how % 3:
            metadata["ownerReferences"] = [owner]
        forged = {
            "diagnoser": diagnoser,
            "since": "2000-01-01T00:00:00Z",
            "ignore": {"exitCodes": [1]},
        }
        self._others_write_target(target)
        created = self.store.create(TARGET, {"metadata": metadata, "spec": forged})
        self.watch.forged.add(uid_of(created))
        self._may_decide(created)

    def _may_decide(self, target: Object) -> None:
        """Note what others wrote into a DiagnosisTarget; its thresholds may have been reached."""
        spec = {**target["spec"], "thresholds": []}
        self.watch.specs_of_others[namespace_of(target)].append(spec)

    def _some_target(self, number: int) -> Object | None:
        forged = self.watch.forged
        found = [each for each in self.store.select(TARGET) if uid_of(each) not in forged]
        return found[number % len(found)] if found else None

    def _others_write_target(self, target: Object) -> None:
        """Note that the Pods of a namespace may have to be written to for it, twice each."""
        pods = len(self.store.select(POD, namespace_of(target)))
        self.faults.injected["DiagnosisTarget that others wrote"] += 1
        self.watch.counts["Pods whose DiagnosisTarget others wrote"] += pods

    def contend(self, number: int, how: int, times: int) -> None:
        """Have another controller undo what Metacontroller writes to a Pod, some times."""
        pod = self._some_pod(number)
        if pod is None:
            return
        key, uid = key_of(pod), uid_of(pod)
        left = (1, 3, 10)[times % 3]
        wait = (0.0, 0.005, 0.1, 2.0)[times // 3 % 4]

        def undo() -> None:
            current = self.store.peek(POD, key)
            if current is None or uid_of(current) != uid or uid not in self.watch.on_written:
                return
            self.faults.injected["metadata of a Pod rewritten"] += 1
            change = _undone(current, how)
            self.watch.rewritten.add(uid)
            self.trace.add(f"* {name_of(pod)} is rewritten: {change}")
            self.store.patch(POD, key, {"metadata": change}, manager="other-controller")

        def written(_: Object) -> None:
            nonlocal left
            if left:
                left -= 1
                self.scheduler.call_later(wait, undo)

        self.watch.on_written[uid] = written
        self.scheduler.call_later(wait, undo)

    def ambush_labels(self, what: int, how: int, delay: int) -> None:
        """Have labels change as soon as the next plan is stored."""

        def interfere(diagnoser: Object, entry: Object) -> None:
            self.faults.injected["labels changed between plan and deletion"] += 1
            wait = (0.0, 0.0, 0.004, 0.012, 0.03)[delay % 5]
            key = (namespace_of(diagnoser), str(entry["pod"]))
            self.interfere_later(wait, lambda: self._relabel(diagnoser, key, what, how))

        self.watch.on_plan.append(interfere)

    def _relabel(self, diagnoser: Object, key: tuple[str, str], what: int, how: int) -> None:
        pod = self.store.peek(POD, key)
        if pod is None:
            return
        self.trace.add(f"* labels of {key[1]}: {what % 5}")
        metadata: Object = (
            {"labels": {LABEL: ("nobody", NAMES[1])[how % 2]}},
            {"labels": {"app": "b"}},
            _undone(pod, 0),
            {"labels": {"app": "b", LABEL: NAMES[0]}},
            {},
        )[what % 5]
        if metadata:
            self.store.patch(POD, key, {"metadata": metadata}, manager="people")
        elif (current := self.store.peek(DIAGNOSER, key_of(diagnoser))) is not None:
            self._edit(current, {"targetLabels": {"app": "b"}})
        if what % 5 in (1, 3) and how % 3 == 0:  # and back
            back: Object = {"metadata": {"labels": {"app": "a"}}}
            self.scheduler.call_later(0.01, lambda: self._patch_if_there(key, back))

    def _patch_if_there(self, key: tuple[str, str], change: Object) -> None:
        if self.store.peek(POD, key) is not None:
            self.store.patch(POD, key, change, manager="people")
