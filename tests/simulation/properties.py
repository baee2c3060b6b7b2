"""The properties of every run, and the watch that checks them.

Safety is checked at every step, of what the API server has at that moment. Convergence is checked
once faults have stopped, against `specification`. "As read" means: by the version of the
PodDiagnoser on which the hook acts, and by the Pod as it is when the API server executes the
deletion.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from dev.simulator.http_api import Request, Response
from dev.simulator.objects import (
    Object,
    controller_of,
    is_terminating,
    name_of,
    namespace_of,
    parse_timestamp,
    uid_of,
    version_of,
)
from dev.simulator.resources import EVENT, POD, Resource
from dev.simulator.store import Store
from dev.simulator.tables import EventType, WatchEvent
from dev.simulator.writes import Call, key_of
from tests.simulation import specification as spec
from tests.simulation.faults import Faults
from tests.simulation.service import Incoming
from tests.simulation.trace import Trace
from tests.support.cluster_fixture import DIAGNOSER, TARGET

ROUNDING = timedelta(seconds=2)
"""Times are stored in whole seconds."""

LATE = timedelta(seconds=8)
"""How much later the API server may execute what was sent in time."""

PUNCTUAL = timedelta(seconds=60)
"""How long it may take from a decision until it is stored."""

PLAN_AGE = timedelta(seconds=125)
"""How old a plan may be when it is executed."""

LAG = timedelta(seconds=5)
"""How far Metacontroller's caches may be behind without any fault."""

ALLOWANCE = 2.0
"""Seconds of CPU time that a namespace may use in any case."""

MOST_PATIENCE = 15
"""Seconds after which a refused request may come again."""

LEAST_BOUND, MOST_WRITES = 40, 6
"""Writes of Metacontroller to Pods and PodDiagnosers: in any case, and for each crash, Pod, change
of a spec, deletion and fault. A crash takes one write to the Pod, or two where Events say
more a little later, and four to the PodDiagnoser, since each change of a status is two."""

MISUNDERSTOOD = ("unmarshal", "strict validation", " invalid: ")
"""What Metacontroller says of an answer that it, or the API server, does not accept."""

EVIDENCE_WAIT = timedelta(seconds=7)
"""How long what is told or planned of a crash waits for its evidence. What is told later may not
have waited for the last of it."""

CRASH_EVENTS = ("PodRestarted", "PodFailed")
"""Reasons of the Events that report a crash."""

HOOK, METACONTROLLER = "pod-diagnoser", "metacontroller"
OPERATOR = (HOOK, METACONTROLLER, "gc")


class Property(StrEnum):
    """What holds of every run."""

    # Safety: for a PodDiagnoser's uid, by the API server's clock
    PLAN_STORED_FIRST = "no Pod is deleted without its plan, which is young, stored first"
    DIAGNOSIS_STORED = "no Pod is deleted whose diagnosis is not in the stored status"
    LIVE_READ_FIRST = "what is acted on was read from the API server in the same sync"
    PRECONDITIONS = "every deletion names the uid and the resourceVersion that were read"
    SPEC_ALLOWS = "nothing is done that the spec does not ask for: action, paused, dryRun, active"
    SAFEGUARDS = "no Pod is deleted that safeguards forbid, as read at the moment of the deletion"
    ONE_DELETION = "a crash is never a reason for two deletions"
    BUDGET = "the budget is never exceeded"
    COOL_DOWN = "the cool-down of an owner holds, and doubles with each failed attempt"
    GAVE_UP = "an owner is given up after maxAttempts without success"
    SUPPRESSED = "what is ignored or below its threshold is not reported"
    ONE_EVENT = "a crash is reported by at most one Event, and only while it is fresh"
    OTHERS = "annotations, labels, spec and status of others are never touched"
    NAMESPACE = "no Pod outside of the PodDiagnoser's namespace is read or touched"
    SERVER_TIMES = "plannedAt and settledAt are times of the API server's clock"
    DONE = "what is reported as done was done, and what was done is reported and counted"
    COUNT_GROWS = "diagnosedPods never falls, and counts each Pod once"
    ANSWERED = "every request is answered, with what Metacontroller and the API server accept"
    PUBLISHED = "an active PodDiagnoser's DiagnosisTarget is never taken away"
    FAIR = "no request is refused for CPU time that others used, and each may come again soon"
    ENTRIES = "a settled remediation stays as it was settled, and is kept while it is counted"
    # Quiet
    CHANGE = "no status is written without a change"
    BOUNDED = "the number of writes is bounded by what happened"
    # Convergence: once faults have stopped
    PODS = "each Pod shows its latest crash, as its PodDiagnoser would have it"
    STATUS = "each PodDiagnoser's status says what is so"
    COUNTED = "diagnosedPods counts the Pods that were diagnosed"
    TARGETS = "each active PodDiagnoser has one DiagnosisTarget, and there are no others"
    NO_PLAN_LEFT = "no plan is left that is not carried out or given up"
    ACCOUNTED = "for each crashed Pod it is reported what was done, or why nothing was"
    MASKED = "no secret that a container wrote is shown"
    ONE_CAUSE = "Event, status, plan and annotation of a crash name the same cause"
    REPORTED = "each fresh crash is reported where LogEvent asks for it"
    RETURN = "soon after an outage of the hook all crashed Pods are annotated and counted"
    QUIET = "in the end nothing more is written"


@dataclass(frozen=True, slots=True)
class Violation:
    """A property that did not hold.

    Attributes:
        property: which.
        what: of what, and how.
    """

    property: Property
    what: str

    def __str__(self) -> str:
        return f"{self.property.name}: {self.property.value}. {self.what}"


@dataclass(frozen=True, slots=True)
class Deletion:
    """A Pod that the hook made go.

    Attributes:
        at: when, by the API server's clock.
        pod: uid of the Pod.
        owner: uid of the Pod's controller.
        template: from which it made the Pod.
        crashes: what the Pod showed, as (uid, container id).
    """

    at: datetime
    pod: str
    owner: str
    template: str
    crashes: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Told:
    """What was told or planned of a crash.

    Attributes:
        what: an Event or a plan.
        diagnoser: uid of the PodDiagnoser.
        pod: uid of the Pod.
        crash: its id.
        cause: its cause.
    """

    what: str
    diagnoser: str
    pod: str
    crash: str
    cause: str


class Watch:
    """Watches over a run: every write to the store, every call and answer of the hook.

    Attributes:
        violations: what did not hold, oldest first.
        counts: of what happened, for the bound on writes and for reports.
        specs: of all PodDiagnosers that there ever were, by namespace, each once.
        specs_of_others: what others wrote into DiagnosisTargets, by namespace. For a moment it may
            have decided what is shown, which stays as what any PodDiagnoser showed does.
        on_plan: what happens once when the next plan is stored.
        on_read: what happens once when the hook next reads a Pod.
        on_written: by the uid of a Pod, what happens whenever Metacontroller has written to it.
        forged: the uids of DiagnosisTargets that somebody else has created.
        punctual: whether the network is as fast as usual.
    """

    def __init__(
        self, store: Store, clock: Callable[[], datetime], faults: Faults, trace: Trace
    ) -> None:
        self.violations: list[Violation] = []
        self.counts: Counter[str] = Counter()
        self.states: set[int] = set()
        self.deletions: dict[str, list[Deletion]] = defaultdict(list)
        self.reported: dict[tuple[str, str], int] = Counter()
        self.crashes: dict[str, dict[str, spec.Crash]] = defaultdict(dict)
        self.specs: dict[str, list[Object]] = defaultdict(list)
        self.specs_of_others: dict[str, list[Object]] = defaultdict(list)
        self.claimable: dict[str, set[str]] = defaultdict(set)
        self.writer = ""
        self.on_plan: list[Callable[[Object, Object], None]] = []
        self.on_read: list[Callable[[Object], None]] = []
        self.on_written: dict[str, Callable[[Object], None]] = {}
        self.forged: set[str] = set()
        self.rewritten: set[str] = set()  # uids of Pods of which others rewrote what they show
        self.punctual = True
        self._store = store
        self._clock = clock
        self._faults = faults
        self._trace = trace
        self._versions: dict[str, Object] = {}
        self._switched_on: dict[str, datetime] = {}
        self._gone: list[tuple[datetime, Object]] = []
        self._shown_at: dict[str, datetime] = {}
        self._told: dict[str, list[Told]] = defaultdict(list)
        self.forgotten: set[str] = set()  # ids of crashes whose record was taken off a Pod
        self._settled: dict[tuple[str, str], tuple[str, str, str]] = {}
        for resource, watcher in (
            (POD, self._pod),
            (DIAGNOSER, self._diagnoser),
            (TARGET, self._target),
            (EVENT, self._event),
        ):
            store.watch(resource, self._counting(resource, watcher))

    def broken(self, which: Property, what: str) -> None:
        """Note that a property did not hold."""
        self.violations.append(Violation(which, what))
        self._trace.add(f"VIOLATED {which.name}: {what}")

    # Writes

    def _counting(
        self, resource: Resource, watcher: Callable[[WatchEvent], None]
    ) -> Callable[[WatchEvent], None]:
        def changed(event: WatchEvent) -> None:
            who = self.writer or "cluster"
            self._faults.committed(event.version)
            self._trace.add_facts(event.type.value, resource.plural, key_of(event.object), who)
            if self._trace.readable:
                self._trace.add_detail(_describe(event, resource, who))
            if who in OPERATOR:
                self.counts[f"{resource.plural} written"] += 1
                # A crash of which Metacontroller has not learned that another followed is planned
                # for again and again, and given up.
                if not self._faults.behind(POD):
                    self.counts[f"{resource.plural} written by what is known"] += 1
            watcher(event)

        return changed

    def _pod(self, event: WatchEvent) -> None:
        pod, before = event.object, event.previous
        if namespace_of(pod) not in self.specs and self.writer in OPERATOR:
            self.broken(Property.NAMESPACE, f"{self.writer} wrote {key_of(pod)}")
            return
        if event.type is EventType.DELETED:
            self._gone.append((self._clock(), pod))
        if before is None:
            self.counts["Pods created"] += 1
        elif self.writer == METACONTROLLER:
            gone = event.type is EventType.DELETED
            if gone or spec.foreign_part(pod) != spec.foreign_part(before):
                self.broken(Property.OTHERS, f"Pod {name_of(pod)}")
            if not gone and uid_of(pod) in self.on_written:
                self.on_written[uid_of(pod)](pod)
        self._note_crash(pod)
        if before is None or spec.shown(pod) != spec.shown(before):
            if before is not None:
                self._forget_told(pod, before)
            self._check_causes(pod)

    # Causes

    def _note_told(self, told: Told, pod: Object | None) -> None:
        """Keep what was told or planned early of a crash: its Pod has to say the same for ever.

        Where nothing is slow and nothing fails, what is told late has waited for its evidence, too.
        """
        shown_at = self._shown_at.get(told.crash)
        if pod is None or uid_of(pod) != told.pod or is_terminating(pod) or shown_at is None:
            return
        if self._clock() - shown_at < EVIDENCE_WAIT * (2 if self._undisturbed() else 1):
            self._told[told.pod].append(told)
            self._check_causes(pod)

    def _undisturbed(self) -> bool:
        """Return whether there were no faults but clocks that are wrong."""
        injected = self._faults.injected
        disturbed = injected.total() - injected["hook's clock set"] - injected["node's clock set"]
        return self.punctual and not disturbed

    def _check_causes(self, pod: Object) -> None:
        """Compare what was told of a Pod's crashes with its record of them."""
        diagnoser, causes = spec.recorded_causes(pod)
        for told in self._told[uid_of(pod)]:
            cause = causes.get(told.crash, told.cause)
            # A plan names the cause alone.
            names = (cause, cause.partition(" ")[0] if told.what == "plan" else cause)
            if told.diagnoser == diagnoser and told.cause not in names:
                where = f"Pod {name_of(pod)}, crash {told.crash}"
                self.broken(
                    Property.ONE_CAUSE, f"{where}: {cause}, in the {told.what} {told.cause}"
                )

    def _forget_told(self, pod: Object, before: Object) -> None:
        """Forget what a PodDiagnoser told of a Pod's crashes once its record of them is gone.

        It is taken off with the claim. A PodDiagnoser that claims the Pod again knows of a former
        crash what can still be read: no output, but of the latest one, and no Events that expired.
        """
        former, causes = spec.recorded_causes(before)
        if former and former != spec.recorded_causes(pod)[0]:
            self.forgotten |= causes.keys()
            told = self._told[uid_of(pod)]
            self._told[uid_of(pod)] = [one for one in told if one.diagnoser != former]

    def _note_crash(self, pod: Object) -> None:
        for end in spec.ends_of(pod):  # the hook waits for evidence from the end on
            self._shown_at.setdefault(spec.crash_id(pod, end), self._clock())
        for crash in spec.crashes_of(pod):
            if crash.container_id not in self.crashes[uid_of(pod)]:
                self.crashes[uid_of(pod)][crash.container_id] = crash
                self.counts["crashes"] += 1
        if spec.ended(pod):
            for diagnoser in self._store.select(DIAGNOSER):
                self._note_claim(diagnoser, pod)

    def _note_claim(self, diagnoser: Object, pod: Object) -> None:
        if spec.ended(pod) and spec.matches(diagnoser, pod):
            self.claimable[uid_of(diagnoser)].add(spec.pod_hash(uid_of(pod)))

    def _diagnoser(self, event: WatchEvent) -> None:
        diagnoser, before = event.object, event.previous
        if event.type is EventType.DELETED:
            return
        self._versions[version_of(diagnoser)] = diagnoser
        action = spec.replacing_action(diagnoser)
        same = before is not None and action and spec.replacing_action(before) == action
        since = self._switched_on.get(version_of(before)) if same and before else None
        self._switched_on[version_of(diagnoser)] = since or self._clock()
        if before is None or self.writer != METACONTROLLER:
            self.counts["PodDiagnosers written by people"] += 1
            specs = self.specs[namespace_of(diagnoser)]
            if diagnoser["spec"] not in specs:
                specs.append(diagnoser["spec"])
            behind = self._faults.behind(POD) or self._faults.injected["list of the past"]
            since = self._clock() - LAG
            # For Metacontroller these may be there still.
            gone = [pod for at, pod in self._gone if behind or at > since]
            for pod in [*self._store.select(POD, namespace_of(diagnoser)), *gone]:
                self._note_claim(diagnoser, pod)
            return
        if diagnoser["spec"] != before["spec"] or spec.foreign_part(diagnoser) != spec.foreign_part(
            before
        ):
            self.broken(Property.OTHERS, f"PodDiagnoser {name_of(diagnoser)}")
        status, old = diagnoser.get("status") or {}, before.get("status") or {}
        if status != old:
            self._status(diagnoser, status, old)

    def _status(self, diagnoser: Object, status: Object, old: Object) -> None:
        name = name_of(diagnoser)
        self.states.add(spec.abstract(self._store, diagnoser))
        if {**status, "lastUpdateTime": ""} == {**old, "lastUpdateTime": ""}:
            self.broken(Property.CHANGE, f"the status of {name} but for lastUpdateTime")
        counted = spec.counted_pods(status)
        if status.get("diagnosedPods", 0) < old.get("diagnosedPods", 0):
            self.broken(Property.COUNT_GROWS, f"{name} counts fewer Pods than before")
        if len(set(counted)) != len(counted) or len(counted) != status.get("diagnosedPods", 0):
            self.broken(Property.COUNT_GROWS, f"{name}: {status.get('diagnosedPods')}, {counted}")
        now = self._clock()
        entries, former = spec.entries_of(diagnoser), spec.entries_of({"status": old})
        for identity, entry in entries.items():
            self._check_entry(diagnoser, entry, former.get(identity), now)
        self._check_kept(diagnoser, former, entries, now)

    def _check_entry(
        self, diagnoser: Object, entry: Object, before: Object | None, now: datetime
    ) -> None:
        if entry["phase"] == "Planned" and entry != before:
            told = Told("plan", uid_of(diagnoser), entry["podUID"], entry["id"], entry["cause"])
            pod = self._store.peek(POD, (namespace_of(diagnoser), entry["pod"]))
            self._note_told(told, pod)
            if self.on_plan:
                self.on_plan.pop()(diagnoser, entry)
        for field in ("plannedAt", "settledAt"):
            text = entry.get(field)
            new = before is None or before.get(field) != text
            if text and new and abs(parse_timestamp(text) - now) > PUNCTUAL:
                self.broken(Property.SERVER_TIMES, f"{field} {text} at {now:%H:%M:%S}")
        if entry["phase"] != "Done":
            return
        if before is None or before["phase"] != "Done":
            self._check_done(diagnoser, entry)
        elif {**before, "outcome": None} != {**entry, "outcome": None}:
            self.broken(Property.ENTRIES, f"{before} became {entry}")

    def _check_done(self, diagnoser: Object, entry: Object) -> None:
        pod = self._store.peek(POD, (namespace_of(diagnoser), entry["pod"]))
        if pod is not None and uid_of(pod) == entry["podUID"] and not is_terminating(pod):
            self.broken(Property.DONE, f"{entry['reason']} Pod {entry['pod']} is still there")

    def _check_kept(
        self,
        diagnoser: Object,
        former: Mapping[str, Object],
        entries: Mapping[str, Object],
        now: datetime,
    ) -> None:
        window = timedelta(seconds=diagnoser["spec"]["remediation"]["budget"]["windowSeconds"])
        for identity, before in former.items():
            if identity in entries or before["phase"] not in ("Done", "Planned"):
                continue
            settled = before.get("settledAt")
            if settled is None or now - parse_timestamp(settled) < window:
                self.broken(Property.ENTRIES, f"{name_of(diagnoser)} lost {before}")

    def _target(self, event: WatchEvent) -> None:
        if event.type is not EventType.DELETED or self.writer != METACONTROLLER:
            return
        if uid_of(event.object) in self.forged:
            return
        reference = controller_of(event.object) or {}
        owner = self._store.peek(DIAGNOSER, (namespace_of(event.object), reference.get("name", "")))
        if owner is None or uid_of(owner) != reference.get("uid"):
            return
        # What Metacontroller was answered may be older than the latest change of the spec.
        recent = [
            one
            for one in self._versions.values()
            if uid_of(one) == uid_of(owner) and not one["spec"]["enableAnnotations"]
        ]
        if not recent:
            self.broken(Property.PUBLISHED, f"that of {name_of(owner)}, which never was inactive")

    def _event(self, event: WatchEvent) -> None:
        if event.type is not EventType.ADDED:
            return
        if event.object["reason"] == "SyncError":
            text = event.object["message"]
            if any(word in text for word in MISUNDERSTOOD):
                self.broken(Property.ANSWERED, text)

    # The hook's calls, as dev.simulator.client.Interference of all others too

    def before(self, call: Call) -> Exception | None:
        """See dev.simulator.client.Interference."""
        self.writer = call.manager
        error = self._faults.before(call)
        if error is not None:
            self.writer = ""
            self._trace.add(f"FAULT at {call.manager}'s {call.verb} of {call.resource}: {error}")
        return error

    def after(self, call: Call) -> Exception | None:
        """See dev.simulator.client.Interference."""
        self.writer = ""
        error = self._faults.after(call)
        if error is not None:
            self._trace.add(f"FAULT after {call.manager}'s {call.verb} of {call.resource}")
        return error

    def calling(self, incoming: Incoming, request: Request) -> None:
        """See service.Watcher."""
        self.writer = HOOK
        self.counts["calls of the hook"] += 1
        if self._trace.readable:
            replica = incoming.process.replica.number
            self._trace.add_detail(f"hook-{replica} {request.method} {request.path}")
        parent = incoming.parent["metadata"]
        of_a_node = request.query.get("fieldSelector", "").startswith("involvedObject.kind=Node,")
        within = f"/namespaces/{parent['namespace']}/" in f"{request.path}/"
        if not within and not (request.method == "GET" and of_a_node):
            self.broken(Property.NAMESPACE, f"{request.method} {request.path}")
        evicts = request.path.endswith("/eviction")
        if request.method == "DELETE" or evicts:
            body = request.json()
            options = body.get("deleteOptions") or {} if evicts else body
            self._deleting(incoming, request, options.get("preconditions") or {}, evicts=evicts)
        elif request.method == "POST" and "/events" in request.path:
            self._reporting(incoming, request.json())

    def called(self, incoming: Incoming, request: Request, response: Response) -> None:
        """See service.Watcher."""
        self.writer = ""
        self._trace.add_facts(request.method, request.path, response.status)
        if response.status in (400, 422):
            self.broken(Property.ANSWERED, f"{request.method} {request.path}: {response.body}")
        if request.method == "GET" and response.status == 200 and "metadata" in response.body:
            found = response.body
            if found.get("kind") in ("Pod", "PodDiagnoser"):
                now = incoming.sent
                incoming.process.reads.append(
                    (now, found["kind"], uid_of(found), version_of(found))
                )
            if found.get("kind") == "Pod" and self.on_read:
                self.on_read.pop()(found)
        if self._pending is not None:
            diagnoser, deletion = self._pending
            self._pending = None
            if response.status in (200, 201) and response.body.get("status") != "Failure":
                self._deleted(diagnoser, deletion)
        if self._reported_event is not None and response.status == 201:
            self._note_reported(*self._reported_event)
        self._reported_event = None

    def answered(self, incoming: Incoming, status: int, error: Exception | None) -> None:
        """See service.Watcher."""
        self._trace.add_facts(incoming.path, len(incoming.body), status)
        self.counts["requests"] += 1
        if status not in (200, 429):
            self.broken(Property.ANSWERED, f"{incoming.path} is answered {status}: {error!r}")

    def refused(self, namespace: str, used: float, retry_after: int) -> None:
        """See service.Watcher."""
        self._trace.add(f"a request of {namespace} is refused, for {retry_after} s")
        self.counts["requests refused for their namespace"] += 1
        if used <= ALLOWANCE:
            self.broken(Property.FAIR, f"that of {namespace}, which used {used:.3f} s")
        if not 0 < retry_after <= MOST_PATIENCE:
            self.broken(Property.FAIR, f"{namespace} is to come again after {retry_after} s")

    _pending: tuple[Object, Deletion] | None = None
    _reported_event: tuple[str, Object] | None = None

    # Deletions

    def _deleting(
        self,
        incoming: Incoming,
        request: Request,
        preconditions: Mapping[str, Any],
        *,
        evicts: bool,
    ) -> None:
        """Look at a deletion before it takes effect."""
        _, _, _, _, namespace, _, name, *_ = request.path.split("/")
        pod = self._store.peek(POD, (namespace, name))
        diagnoser = self._versions.get(version_of(incoming.parent))
        if diagnoser is None:
            self.broken(Property.LIVE_READ_FIRST, "the request's PodDiagnoser never was so")
            return
        if not preconditions.get("uid") or not preconditions.get("resourceVersion"):
            self.broken(Property.PRECONDITIONS, f"{request.method} {request.path}")
        if pod is None or preconditions.get("uid", uid_of(pod)) != uid_of(pod):
            return  # it will be refused
        if preconditions.get("resourceVersion", version_of(pod)) != version_of(pod):
            return  # it will be refused
        now = self._clock()
        where = f"Pod {name} for {name_of(diagnoser)}"
        self._check_reads(incoming, {"PodDiagnoser": diagnoser, "Pod": pod}, where)
        action = "EvictPod" if evicts else "RestartPod"
        late = LATE if incoming.late else timedelta(0)
        plans = [
            entry
            for entry in spec.entries_of(diagnoser).values()
            if entry["phase"] == "Planned"
            and entry["podUID"] == uid_of(pod)
            and entry["pod"] == name
            and entry["action"] == action
            and abs(now - parse_timestamp(entry["plannedAt"])) <= PLAN_AGE + ROUNDING + late
        ]
        if not plans:
            self.broken(Property.PLAN_STORED_FIRST, where)
        elif not any(entry["diagnosis"] and entry["cause"] for entry in plans):
            self.broken(Property.DIAGNOSIS_STORED, where)
        for problem in spec.forbidden_by_spec(diagnoser, action):
            self.broken(Property.SPEC_ALLOWS, f"{problem}; {where}")
        since = self._switched_on[version_of(diagnoser)]
        for problem in spec.forbidden_by_pod(diagnoser, pod, now, since, late):
            self.broken(Property.SAFEGUARDS, f"{problem}; {where}")
        self._pending = (
            diagnoser,
            Deletion(
                now,
                uid_of(pod),
                spec.owner_uid(pod),
                spec.template_of(pod),
                spec.crashes_shown(pod),
            ),
        )
        self._limits(diagnoser, self._pending[1], where)

    def _check_reads(self, incoming: Incoming, read: Mapping[str, Object], where: str) -> None:
        """Check that the hook has read these very versions since it was incoming."""
        for kind, obj in read.items():
            if not any(
                (was, uid, version) == (kind, uid_of(obj), version_of(obj)) and at >= incoming.since
                for at, was, uid, version in incoming.process.reads
            ):
                self.broken(Property.LIVE_READ_FIRST, f"the {kind}; {where}")

    def _limits(self, diagnoser: Object, deletion: Deletion, where: str) -> None:
        former = self.deletions[uid_of(diagnoser)]
        policy = diagnoser["spec"]["remediation"]
        slack = ROUNDING + (LATE if self._faults.injected["effect after the time-out"] else ZERO)
        window = timedelta(seconds=policy["budget"]["windowSeconds"]) - slack
        within = sum(deletion.at - one.at < window for one in former)
        if within >= policy["budget"]["pods"]:
            self.broken(Property.BUDGET, f"{within} before; {where}")
        attempts = self._failed_attempts(diagnoser, deletion, slack)
        if attempts >= policy["maxAttempts"]:
            self.broken(Property.GAVE_UP, f"{attempts} attempts before; {where}")
        of_all = self._failed_attempts(diagnoser, deletion, slack, of_template=False)
        if of_all >= 2 * policy["maxAttempts"]:
            self.broken(Property.GAVE_UP, f"{of_all} attempts for all templates before; {where}")
        pause = spec.cool_down(policy["coolDownSeconds"], attempts) - slack
        if any(one.owner == deletion.owner and deletion.at - one.at < pause for one in former):
            self.broken(Property.COOL_DOWN, f"after {attempts} attempts; {where}")
        if any(one.crashes & deletion.crashes for one in former):
            self.broken(Property.ONE_DELETION, where)

    def _failed_attempts(
        self, diagnoser: Object, deletion: Deletion, slack: timedelta, *, of_template: bool = True
    ) -> int:
        """Return how many of an owner's Pods were replaced within the shortest budget window."""
        window = min(
            one["spec"]["remediation"]["budget"]["windowSeconds"]
            for one in self._versions.values()
            if uid_of(one) == uid_of(diagnoser)
        )
        return sum(
            one.owner == deletion.owner
            and (one.template == deletion.template or not of_template)
            and deletion.at - one.at < timedelta(seconds=window) - slack
            for one in self.deletions[uid_of(diagnoser)]
        )

    def _deleted(self, diagnoser: Object, deletion: Deletion) -> None:
        self.counts["Pods deleted by the hook"] += 1
        self.deletions[uid_of(diagnoser)].append(deletion)

    # Events

    def _reporting(self, incoming: Incoming, event: Object) -> None:
        if event.get("reason") not in CRASH_EVENTS:
            return
        self._reported_event = (str(incoming.parent["metadata"]["uid"]), event)

    def _note_reported(self, diagnoser: str, event: Object) -> None:
        uid = event["involvedObject"]["uid"]
        about = (diagnoser, uid)
        self.reported[about] += 1
        self.counts["crashes reported"] += 1
        if self.reported[about] > len(self.crashes[uid]):
            self.broken(
                Property.ONE_EVENT, f"{event['involvedObject']['name']}: {self.reported[about]}"
            )
        namespace = event["involvedObject"]["namespace"]
        pod = self._store.peek(POD, (namespace, event["involvedObject"]["name"]))
        said = event["metadata"]["annotations"]
        cause = spec.named(said[f"{spec.PREFIX}cause"], said.get(f"{spec.PREFIX}reason-class"))
        self._note_told(Told("Event", diagnoser, uid, said[f"{spec.PREFIX}crash"], cause), pod)
        if pod is None or uid_of(pod) != uid:
            return
        # One that another has followed since it was read counts as well.
        crashes = self.crashes[uid].values()
        if not any(spec.fresh(crash, self._clock(), slack=15.0) for crash in crashes):
            self.broken(Property.ONE_EVENT, f"{name_of(pod)} has no fresh crash")
        if all(
            spec.reportable(each, pod, crash, probed=True, unclear=True) is spec.Reportable.NO
            for crash in self.crashes[uid].values()
            for each in self.specs[namespace]
        ):
            self.broken(Property.SUPPRESSED, f"{name_of(pod)}: {event.get('message')}")


ZERO = timedelta(0)


def _describe(event: WatchEvent, resource: Resource, who: str) -> str:
    obj = event.object
    what = f"{who}: {event.type.value} {resource.kind} {name_of(obj)} v{version_of(obj)}"
    return f"{what} {spec.summary(resource, obj)}".rstrip()
