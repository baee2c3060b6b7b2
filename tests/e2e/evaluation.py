"""Evaluate what was done to a real cluster by the API server's own audit log.

The properties are those of `tests.simulation.properties`, in the same words; what should
be is derived by the same specification. Here nothing watches the hook itself: the only evidence
are the requests that reached the API server, in which order and when, by its clock.
"""

from bisect import bisect_left
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from dev.envtest.client import Json
from dev.envtest.credentials import METACONTROLLER
from dev.simulator.objects import (
    is_terminating,
    labels_of,
    name_of,
    namespace_of,
    parse_timestamp,
    uid_of,
)
from tests.e2e.auditlog import Call, Versions, number_of
from tests.simulation import specification as spec
from tests.simulation.properties import (
    CRASH_EVENTS,
    LEAST_BOUND,
    MISUNDERSTOOD,
    MOST_WRITES,
    PLAN_AGE,
    PUNCTUAL,
    ROUNDING,
    Deletion,
    Property,
    Violation,
)

SYNC = timedelta(seconds=15)
"""How long a sync may take at most, with all that holds it up: what was read longer ago than that
was read in another one."""

NO_EVENTS: Mapping[str, str] = {}
"""Here the cause of a crash follows from the Pod's status alone."""

MAY = frozenset(
    {
        ("get", "poddiagnosers"),
        ("get", "pods"),
        ("delete", "pods"),
        ("create", "pods/eviction"),
        ("create", "events"),
    }
)
"""All that the hook has to ask of the API server."""

REPLACED_EVENTS = ("PodDeleted", "PodEvicted")
ACTIONS = {"delete": "RestartPod", "create": "EvictPod"}


@dataclass(frozen=True, slots=True)
class FinalState:
    """What is there in the end.

    Attributes:
        pods: all Pods.
        diagnosers: all PodDiagnosers.
        targets: all DiagnosisTargets.
        events: all Events.
    """

    pods: Sequence[Json] = ()
    diagnosers: Sequence[Json] = ()
    targets: Sequence[Json] = ()
    events: Sequence[Json] = ()


@dataclass(slots=True)
class Verdict:
    """What was found.

    Attributes:
        violations: what did not hold.
        counts: what happened.
    """

    violations: list[Violation] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)

    def of(self, which: Property) -> list[str]:
        """Return what did not hold of one property."""
        return [each.what for each in self.violations if each.property is which]


def evaluate(calls: Sequence[Call], faults: int = 0, late: timedelta = timedelta(0)) -> Verdict:
    """Evaluate the requests to the API server.

    Args:
        calls: its log.
        faults: how many faults there were; each may cost some writes.
        late: by how much longer than it should a request may have been on its way.

    Returns:
        What did not hold, and what happened.
    """
    return _Evaluation(calls, late).evaluate(faults)


class _Evaluation:
    def __init__(self, calls: Sequence[Call], late: timedelta) -> None:
        self.verdict = Verdict()
        self._calls = calls
        self._late = late
        self._versions = Versions(calls)
        self._namespaces = {
            namespace_of(version.object)
            for uid in self._versions.uids("PodDiagnoser")
            for version in self._versions.of(uid)
        }
        self._gone: dict[str, datetime] = {}
        self._names: dict[tuple[str, str], set[str]] = defaultdict(set)
        self._deletions: dict[str, list[Deletion]] = defaultdict(list)
        self._reported: Counter[str] = Counter()
        self._crashes = {uid: _shown_by(self._versions, uid) for uid in self._versions.uids("Pod")}
        self._reads: dict[tuple[str, str, str], list[Call]] = defaultdict(list)
        for call in sorted(calls, key=lambda each: each.received):
            if call.by_hook and call.verb == "get":
                self._reads[call.resource, call.namespace, call.name].append(call)

    def evaluate(self, faults: int) -> Verdict:
        counts = self.verdict.counts
        for call in self._calls:
            if call.code:
                self._note_gone(call)
        for call in self._calls:
            if call.by_hook:
                self._of_hook(call)
            elif call.user == METACONTROLLER:
                self._of_metacontroller(call)
            elif call.resource.startswith("poddiagnosers") and call.effective:
                counts["PodDiagnosers written by people"] += 1
        for uid in self._versions.uids("PodDiagnoser"):
            self._limits(uid)
        counts["crashes"] = sum(map(len, self._crashes.values()))
        counts["Pods"] = len(self._versions.uids("Pod"))
        counts["requests that were never answered"] = sum(not call.code for call in self._calls)
        self._bounded(faults)
        return self.verdict

    def _broken(self, which: Property, what: str) -> None:
        self.verdict.violations.append(Violation(which, what))

    def _note_gone(self, call: Call) -> None:
        """Learn from an answer which Pods are gone, or going."""
        if call.resource.partition("/")[0] != "pods":
            return
        gone: set[str] = set()
        names = self._names[call.namespace, call.name]
        if call.resource == "pods/eviction" and call.succeeded:
            gone = {_preconditions(call).get("uid", "")}
        elif call.verb == "get" and call.code == 404:
            gone = set(names)
        elif call.succeeded and call.got.get("kind") == "Pod":
            uid = uid_of(call.got)
            gone = names - {uid}
            names.add(uid)
            if is_terminating(call.got) or call.verb == "delete":
                gone.add(uid)
        for uid in gone:
            self._gone.setdefault(uid, call.answered)

    # Requests of the hook

    def _of_hook(self, call: Call) -> None:
        counts = self.verdict.counts
        if (call.verb, call.resource) not in MAY:
            self._broken(Property.OTHERS, f"the hook asked: {call}")
        if call.namespace not in self._namespaces:
            self._broken(Property.NAMESPACE, f"the hook asked: {call}")
        if call.code in (400, 422):
            self._broken(Property.ANSWERED, f"{call}: {call.got.get('message')}")
        if call.resource == "events":
            if call.succeeded:
                self._event(call)
            elif call.code == 409:
                counts["Events that were there already"] += 1
        elif (call.verb, call.resource) in (("delete", "pods"), ("create", "pods/eviction")):
            self._deletion(call)

    def _deletion(self, call: Call) -> None:
        conditions = _preconditions(call)
        if call.code and not (conditions.get("uid") and conditions.get("resourceVersion")):
            self._broken(Property.PRECONDITIONS, str(call))
        counts = self.verdict.counts
        pod = self._read(call, "pods", conditions.get("resourceVersion"))
        uid = conditions.get("uid") or (uid_of(pod) if pod else "")
        if call.succeeded:
            counts["Pods deleted by the hook"] += 1
            if call.got.get("kind") == "Pod":
                uid = uid_of(call.got)
        elif not call.code and self._went_by(call, uid):
            counts["deletions that were never answered"] += 1
        else:
            counts["deletions refused"] += 1
            return
        if pod is None:
            self._broken(Property.LIVE_READ_FIRST, f"the Pod; {call}")
            known = self._versions.before(uid, number_of(call.got) or 1 << 63)
            pod = known.object if known else None
        self._carried_out(call, uid, pod)

    def _carried_out(self, call: Call, uid: str, pod: Json | None) -> None:
        """Check a deletion that had its effect."""
        plan = self._plan_for(call, uid)
        if plan is None:
            self._broken(Property.PLAN_STORED_FIRST, str(call))
            return
        diagnoser, entry = plan
        if not entry["diagnosis"] or not entry["cause"]:
            self._broken(Property.DIAGNOSIS_STORED, str(call))
        read = self._diagnoser_read(call, diagnoser, entry)
        if read is None:
            self._broken(Property.LIVE_READ_FIRST, f"the PodDiagnoser; {call}")
            read = diagnoser
        for problem in spec.forbidden_by_spec(read, ACTIONS[call.verb]):
            self._broken(Property.SPEC_ALLOWS, f"{problem}; {call}")
        if pod is None:
            return
        since = self._switched_on(read, call)
        for problem in spec.forbidden_by_pod(read, pod, call.answered, since, self._late):
            self._broken(Property.SAFEGUARDS, f"{problem}; {call}")
        self._deletions[uid_of(diagnoser)].append(
            Deletion(
                call.answered,
                uid,
                spec.owner_uid(pod),
                spec.template_of(pod),
                spec.crashes_shown(pod),
            )
        )

    def _switched_on(self, diagnoser: Json, call: Call) -> datetime:
        """Return since when a PodDiagnoser has asked for its action."""
        since, action = call.received, ""
        for version in self._versions.of(uid_of(diagnoser)):
            if version.number > number_of(diagnoser):
                break
            asked = spec.replacing_action(version.object)
            if asked != action:
                since, action = version.call.received, asked
        return since

    def _went_by(self, call: Call, uid: str) -> bool:
        """Return whether a deletion that was never answered is why a Pod went."""
        gone = self._gone.get(uid)
        if gone is None or gone < call.received:
            return False
        lived_on = any(
            version.call.received > call.received and not is_terminating(version.object)
            for version in self._versions.of(uid)
        )
        return not lived_on and not any(_made_go(each) == uid for each in self._calls)

    def _plan_for(self, call: Call, uid: str) -> tuple[Json, Json] | None:
        """Return the PodDiagnoser that planned a deletion, as stored before it, with the plan."""
        stored = number_of(call.got) if call.got.get("kind") == "Pod" else 0
        for each in self._versions.uids("PodDiagnoser"):
            for version in reversed(self._versions.of(each)):
                if namespace_of(version.object) != call.namespace:
                    break
                if stored and version.number > stored:
                    continue
                if not stored and version.call.answered > call.answered:
                    continue
                entry = _plan_in(version.object, call, uid)
                if entry is None:
                    continue
                age = abs(call.answered - parse_timestamp(entry["plannedAt"]))
                if age <= PLAN_AGE + ROUNDING + self._late:
                    return version.object, entry
        return None

    def _diagnoser_read(self, call: Call, diagnoser: Json, entry: Json) -> Json | None:
        for each in self._recent(call, "poddiagnosers", name_of(diagnoser)):
            if each.succeeded and uid_of(each.got) == uid_of(diagnoser):
                found = spec.entries_of(each.got).get(entry["id"])
                if found is not None and found["phase"] == "Planned":
                    return each.got
        return None

    def _read(self, call: Call, resource: str, version: str | None) -> Json | None:
        """Return what the hook read of the object in question, of that version."""
        for each in self._recent(call, resource, call.name):
            if each.succeeded and version in (None, each.got["metadata"]["resourceVersion"]):
                return each.got
        return None

    def _recent(self, call: Call, resource: str, name: str) -> Iterable[Call]:
        """Return the hook's reads of an object shortly before a call, the latest first."""
        reads = self._reads[resource, call.namespace, name]
        last = bisect_left(reads, call.received, key=lambda each: each.received)
        for each in reversed(reads[:last]):
            if call.received - each.received > SYNC + self._late:
                return
            yield each

    def _event(self, call: Call) -> None:
        event, counts = call.got, self.verdict.counts
        regarding = event.get("regarding") or event.get("involvedObject") or {}
        uid, where = regarding.get("uid", ""), f"Pod {regarding.get('name')}"
        counts["Events"] += 1
        counts[f"Events {event['reason']}"] += 1
        if event["reason"] in REPLACED_EVENTS and regarding.get("kind") == "Pod":
            self._reported[f"{uid} replaced"] += 1
            if self._reported[f"{uid} replaced"] > 1:
                self._broken(Property.ONE_EVENT, f"{where}: replaced more than once")
        if event["reason"] not in CRASH_EVENTS:
            return
        self._reported[uid] += 1
        shown = [crash for first, crash in self._crashes.get(uid, ()) if first < number_of(event)]
        if self._reported[uid] > len(shown):
            self._broken(
                Property.ONE_EVENT, f"{where}: {self._reported[uid]} for {len(shown)} crashes"
            )
        read = next(
            (
                each.got
                for each in self._recent(call, "pods", str(regarding.get("name")))
                if each.succeeded and uid_of(each.got) == uid
            ),
            None,
        )
        if read is None:
            self._broken(Property.LIVE_READ_FIRST, f"the Event on {where}")
            return
        crashes = spec.crashes_of(read)
        if not any(spec.fresh(crash, call.answered, SYNC.total_seconds()) for crash in crashes):
            self._broken(Property.ONE_EVENT, f"{where} has no fresh crash")
        if all(
            spec.reportable(each, read, crash) is spec.Reportable.NO
            for each in self._specs_for(read)
            for crash in shown
        ):
            self._broken(Property.SUPPRESSED, where)

    def _specs_for(self, pod: Json) -> Iterable[Json]:
        """Return the specs of all PodDiagnosers that ever selected a Pod."""
        for uid in self._versions.uids("PodDiagnoser"):
            for version in self._versions.of(uid):
                if spec.matches(version.object, pod):
                    yield version.object["spec"]

    def _limits(self, diagnoser: str) -> None:
        """Check how many Pods were deleted for a PodDiagnoser in which time."""
        stored = {
            version.number: version.object["spec"]["remediation"]
            for version in self._versions.of(diagnoser)
        }
        # The loosest that ever applied: no test tightens them.
        budgets = max((each["budget"]["pods"] for each in stored.values()), default=0)
        window = min((each["budget"]["windowSeconds"] for each in stored.values()), default=0)
        pause = min((each["coolDownSeconds"] for each in stored.values()), default=0)
        most = max((each["maxAttempts"] for each in stored.values()), default=0)
        slack = ROUNDING + self._late
        lately = timedelta(seconds=window) - slack
        former: list[Deletion] = []
        for one in sorted(self._deletions[diagnoser], key=lambda each: each.at):
            where = f"Pod {one.pod} at {one.at:%H:%M:%S.%f}"
            within = [each for each in former if one.at - each.at < lately]
            if len(within) >= budgets:
                self._broken(Property.BUDGET, f"{len(within)} before; {where}")
            # None of these can have helped yet.
            attempts = sum((e.owner, e.template) == (one.owner, one.template) for e in within)
            if attempts >= most:
                self._broken(Property.GAVE_UP, f"{attempts} attempts before; {where}")
            last = max((each.at for each in former if each.owner == one.owner), default=None)
            if last is not None and one.at - last < spec.cool_down(pause, attempts) - slack:
                self._broken(Property.COOL_DOWN, f"{one.at - last} after another; {where}")
            if any(each.pod == one.pod for each in former):  # a crash is one of a Pod's uid
                self._broken(Property.ONE_DELETION, where)
            former.append(one)

    # Requests of Metacontroller

    def _of_metacontroller(self, call: Call) -> None:
        kind = call.resource.partition("/")[0]
        if kind == "events":
            text = str(call.sent.get("message", ""))
            if any(word in text for word in MISUNDERSTOOD):
                self._broken(Property.ANSWERED, text[:300])
            return
        if call.namespace not in self._namespaces:
            self._broken(Property.NAMESPACE, f"Metacontroller asked: {call}")
        if not call.code:
            return  # its result shows in what is stored later
        if not call.succeeded:
            what = f"Metacontroller's {call.verb} of {kind} refused with {call.code}"
            self.verdict.counts[what] += 1
            return
        self.verdict.counts[f"{kind} written"] += call.effective
        if kind == "diagnosistargets":
            if call.verb == "delete":
                self._unpublished(call)
        elif call.verb != "update":
            self._broken(Property.OTHERS, f"Metacontroller asked: {call}")
        elif call.effective:
            self._update(call)
        else:
            self.verdict.counts[f"updates of {call.resource} that stored nothing"] += 1

    def _update(self, call: Call) -> None:
        """Check an update of a Pod or a PodDiagnoser."""
        before = self._versions.changed_by(call)
        if before is None:
            what = "writes of which the log does not show what they changed"
            self.verdict.counts[what] += 1
            return
        if spec.foreign_part(call.got) != spec.foreign_part(before):
            self._broken(Property.OTHERS, str(call))
        if call.resource == "poddiagnosers/status":
            self._status(call, call.got, before)
        elif call.resource == "pods":
            shows = (labels_of(call.got), spec.shown(call.got))
            if shows == (labels_of(before), spec.shown(before)):
                self._broken(Property.CHANGE, f"a Pod is written as it is: {call}")

    def _unpublished(self, call: Call) -> None:
        """A DiagnosisTarget was taken away."""
        target = next(
            (
                version.object
                for uid in self._versions.uids("DiagnosisTarget")
                for version in self._versions.of(uid)
                if (namespace_of(version.object), name_of(version.object))
                == (call.namespace, call.name)
            ),
            None,
        )
        owner = target["spec"]["diagnoser"]["uid"] if target else ""
        versions = self._versions.of(owner)
        if versions and all(
            spec.active(each.object) and not is_terminating(each.object) for each in versions
        ):
            self._broken(Property.PUBLISHED, str(call))

    def _status(self, call: Call, diagnoser: Json, before: Json) -> None:
        """Check a status that was written."""
        name = f"{namespace_of(diagnoser)}/{name_of(diagnoser)}"
        status, old = diagnoser.get("status") or {}, before.get("status") or {}
        if {**status, "lastUpdateTime": ""} == {**old, "lastUpdateTime": ""}:
            self._broken(Property.CHANGE, f"the status of {name} but for lastUpdateTime")
        counted = spec.counted_pods(status)
        if status.get("diagnosedPods", 0) < old.get("diagnosedPods", 0):
            self._broken(Property.COUNT_GROWS, f"{name} counts fewer Pods than before")
        if len(set(counted)) != len(counted) or len(counted) != status.get("diagnosedPods", 0):
            self._broken(Property.COUNT_GROWS, f"{name}: {status.get('diagnosedPods')}, {counted}")
        entries, former = spec.entries_of(diagnoser), spec.entries_of(before)
        for identity, entry in entries.items():
            self._entry(call, name, entry, former.get(identity))
        window = timedelta(seconds=diagnoser["spec"]["remediation"]["budget"]["windowSeconds"])
        for identity, entry in former.items():
            if identity in entries or entry["phase"] not in ("Done", "Planned"):
                continue
            settled = entry.get("settledAt")
            if settled is None or call.answered - parse_timestamp(settled) < window:
                self._broken(Property.ENTRIES, f"{name} lost {entry}")

    def _entry(self, call: Call, name: str, entry: Json, before: Json | None) -> None:
        for key in ("plannedAt", "settledAt"):
            text = entry.get(key)
            new = before is None or before.get(key) != text
            if text and new and abs(parse_timestamp(text) - call.answered) > PUNCTUAL + self._late:
                self._broken(
                    Property.SERVER_TIMES, f"{name}: {key} {text} at {call.answered:%H:%M:%S}"
                )
        if entry["phase"] == "Planned" and (before is None or before["phase"] != "Planned"):
            self.verdict.counts["plans"] += 1
        if entry["phase"] != "Done":
            return
        if before is None or before["phase"] != "Done":
            self.verdict.counts[f"done: {entry['reason']}"] += 1
            gone = self._gone.get(entry["podUID"])
            if gone is None or gone > call.answered:
                self._broken(Property.DONE, f"{entry['reason']} Pod {entry['pod']} is still there")
        elif {**before, "outcome": None} != {**entry, "outcome": None}:
            self._broken(Property.ENTRIES, f"{name}: {before} became {entry}")

    def _bounded(self, faults: int) -> None:
        counts = self.verdict.counts
        happened = faults + sum(
            counts[what]
            for what in (
                "crashes",
                "Pods",
                "PodDiagnosers written by people",
                "Pods deleted by the hook",
            )
        )
        written = counts["pods written"] + counts["poddiagnosers written"]
        if written > LEAST_BOUND + MOST_WRITES * happened:
            self._broken(Property.BOUNDED, f"{written} writes for {happened} things that happened")


def _plan_in(diagnoser: Json, call: Call, uid: str) -> Json | None:
    """Return the plan for a deletion that a PodDiagnoser has stored."""
    for entry in spec.entries_of(diagnoser).values():
        wanted = (entry["phase"], entry["podUID"], entry["pod"], entry["action"])
        if wanted == ("Planned", uid, call.name, ACTIONS[call.verb]):
            return entry
    return None


def _preconditions(call: Call) -> Json:
    """Return what a deletion or an eviction says that the Pod has to be."""
    options = call.sent if call.verb == "delete" else call.sent.get("deleteOptions") or {}
    found: Json = options.get("preconditions") or {}
    return found


def _made_go(call: Call) -> str:
    """Return the uid of the Pod that a request removed; "" for none and for a kubelet's request."""
    if not call.succeeded:
        return ""
    if (call.verb, call.resource) == ("create", "pods/eviction"):
        return str(_preconditions(call).get("uid", ""))
    deletes = (call.verb, call.resource) == ("delete", "pods") and call.got.get("kind") == "Pod"
    return uid_of(call.got) if deletes and call.sent.get("gracePeriodSeconds") != 0 else ""


def _shown_by(versions: Versions, pod: str) -> list[tuple[int, spec.Crash]]:
    """Return the crashes that a Pod ever showed, each with the version that showed it first."""
    found: dict[str, tuple[int, spec.Crash]] = {}
    for version in versions.of(pod):
        for crash in spec.crashes_of(version.object):
            found.setdefault(crash.container_id, (version.number, crash))
    return list(found.values())


# What is there in the end


def evaluate_final_state(calls: Sequence[Call], end: FinalState) -> list[Violation]:
    """Compare what is there in the end with what should be.

    Args:
        calls: the log.
        end: what is there.

    Returns:
        What did not hold.
    """
    return list(_at_the_end(calls, end))


def _at_the_end(calls: Sequence[Call], end: FinalState) -> Iterable[Violation]:
    versions = Versions(calls)
    owned: dict[str, list[Json]] = {uid_of(one): [] for one in end.diagnosers}
    for pod in end.pods:
        owner = spec.claiming_diagnoser(end.diagnosers, pod)
        if owner is not None:
            owned[uid_of(owner)].append(pod)
        for problem in _pod_problems(versions, pod, owner):
            yield Violation(Property.PODS, f"{_named(pod)}: {problem}")
        others = [one for one in versions.of(uid_of(pod)) if not one.call.ours]
        if others and spec.foreign_part(others[-1].object) != spec.foreign_part(pod):
            yield Violation(Property.OTHERS, f"{_named(pod)} is not as others left it")
    for diagnoser in end.diagnosers:
        yield from _of_diagnoser(versions, diagnoser, owned[uid_of(diagnoser)], end.events)
    yield from _undone(calls, end.diagnosers)
    published = sorted(str(target["spec"]["diagnoser"]["uid"]) for target in end.targets)
    wanted = sorted(uid_of(one) for one in end.diagnosers if spec.active(one))
    if published != wanted:
        yield Violation(Property.TARGETS, f"there are {published}, there should be {wanted}")


def _pod_problems(versions: Versions, pod: Json, owner: Json | None) -> Iterable[str]:
    """Return what a Pod shows that it should not, or lacks; no test edits what is to be ignored."""
    crashes = [crash for _, crash in _shown_by(versions, uid_of(pod))]
    specs = [] if owner is None else [owner["spec"]]
    yield from spec.pod_problems(pod, owner, spec.Known(crashes, specs, NO_EVENTS, jumped=False))
    label = labels_of(pod).get(spec.LABEL)
    if (
        owner is not None
        and spec.reportable_crashes(owner, pod, NO_EVENTS)
        and label != name_of(owner)
    ):
        yield f"its label is {label}"


def _of_diagnoser(
    versions: Versions, diagnoser: Json, pods: Sequence[Json], events: Sequence[Json]
) -> Iterable[Violation]:
    name = _named(diagnoser)
    for problem in spec.status_problems(diagnoser, pods, NO_EVENTS):
        yield Violation(Property.STATUS, f"{name}: {problem}")
    silent = spec.unaccounted(diagnoser, pods, NO_EVENTS)
    if silent:
        yield Violation(Property.ACCOUNTED, f"{name}: {silent}")
    told = [event for event in events if event["reason"] in CRASH_EVENTS]
    for problem in spec.cause_problems(diagnoser, pods, told):
        yield Violation(Property.ONE_CAUSE, f"{name}: {problem}")
    yield from _counts(versions, diagnoser, pods)
    yield from _unreported(diagnoser, pods, events)
    for entry in spec.entries_of(diagnoser).values():
        if entry["phase"] == "Planned":
            yield Violation(Property.NO_PLAN_LEFT, f"{name}: {entry}")


def _counts(versions: Versions, diagnoser: Json, pods: Sequence[Json]) -> Iterable[Violation]:
    counted = set(spec.counted_pods(diagnoser.get("status")))
    labelled = {
        spec.pod_hash(uid_of(pod))
        for pod in pods
        if labels_of(pod).get(spec.LABEL) == name_of(diagnoser)
        and spec.reportable_crashes(diagnoser, pod, NO_EVENTS)
    }
    claimable = {
        spec.pod_hash(uid)
        for uid in versions.uids("Pod")
        for version in versions.of(uid)
        if spec.matches(diagnoser, version.object) and spec.ended(version.object)
    }
    if labelled - counted:
        yield Violation(Property.COUNTED, f"{_named(diagnoser)} lacks {labelled - counted}")
    if counted - claimable:
        yield Violation(Property.COUNTED, f"{_named(diagnoser)} has {counted - claimable}")


def _unreported(
    diagnoser: Json, pods: Sequence[Json], events: Sequence[Json]
) -> Iterable[Violation]:
    """Return which Pods' latest crash is not reported, though LogEvent asks for it."""
    if diagnoser["spec"]["remediationAction"] != "LogEvent" or not spec.active(diagnoser):
        return
    reported: dict[str, datetime] = {}
    for event in events:
        if event["reason"] in CRASH_EVENTS:
            uid = event["involvedObject"]["uid"]
            at = parse_timestamp(event["metadata"]["creationTimestamp"])
            reported[uid] = max(at, reported.get(uid, at))
    for pod in pods:
        last = reported.get(uid_of(pod))
        for crash in spec.reportable_crashes(diagnoser, pod, NO_EVENTS):
            if last is None or last < crash.at:
                yield Violation(Property.REPORTED, f"{_named(pod)}, which ended {crash.finished}")


def _undone(calls: Sequence[Call], diagnosers: Sequence[Json]) -> Iterable[Violation]:
    """Deletions by the hook that no PodDiagnoser of the namespace says were done."""
    done = {
        (namespace_of(one), entry["podUID"])
        for one in diagnosers
        for entry in spec.entries_of(one).values()
        if entry["phase"] == "Done"
    }
    there = {namespace_of(one) for one in diagnosers}
    for call in calls:
        if call.by_hook and call.succeeded and call.namespace in there:
            uid = ""
            if (call.verb, call.resource) == ("delete", "pods"):
                uid = uid_of(call.got)
            elif call.resource == "pods/eviction":
                uid = _preconditions(call).get("uid", "")
            if uid and (call.namespace, uid) not in done:
                yield Violation(Property.DONE, f"nothing says so: {call}")


def evaluate_quiet(calls: Iterable[Call], since: datetime) -> list[Violation]:
    """Find what was written after everything was reported.

    Args:
        calls: the log.
        since: from when on nothing should be.

    Returns:
        What did not hold.
    """
    return [
        Violation(Property.QUIET, f"{call.user}: {call}")
        for call in calls
        if call.ours and call.effective and call.received > since
    ]


def _named(one: Json) -> str:
    return f"{one.get('kind', '')} {namespace_of(one)}/{name_of(one)}".strip()
