"""A drill from its beginning to its end."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Final

from pod_diagnoser.cli.drill.alert_watch import AlertWatch
from pod_diagnoser.cli.drill.alerts import RULES, Prometheus, rules_check
from pod_diagnoser.cli.drill.checks import CHECKS, CRASH, METRIC, Moment, crash_check
from pod_diagnoser.cli.drill.clock import Clock
from pod_diagnoser.cli.drill.cluster import DrillCluster, own_claim
from pod_diagnoser.cli.drill.ledger import Ledger
from pod_diagnoser.cli.drill.metrics import METRICS, StateMetrics
from pod_diagnoser.cli.drill.namespaces import manifest, namespace_name
from pod_diagnoser.cli.drill.observed import Claim, Observed, shown
from pod_diagnoser.cli.drill.operator_check import NOT_INSTALLED, OPERATOR, operator_check
from pod_diagnoser.cli.drill.report import Check, DrillReport, State
from pod_diagnoser.cli.drill.taking_away import TakingAway
from pod_diagnoser.cli.drill.workloads import WORKLOADS, Workload, deployments, diagnoser
from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.sources.kubectl import KubectlError

_LOOK_EVERY: Final = 1.0
_CLAIM_SECONDS: Final = 5.0
"""How long a ClusterPodDiagnoser may take to reach a new namespace."""

_SETTLED_SECONDS: Final = 12.0
"""After how long what Events prove has been written: they are read twice, five seconds apart."""

_MAX_FAILURES: Final = 5
_KEPT: Final = timedelta(hours=1)
_MARGIN: Final = timedelta(minutes=10)


@dataclass(frozen=True, slots=True)
class Settings:
    """What is wanted of a drill.

    Attributes:
        image: what its containers are started from.
        wait: how long to wait for each crash, and then for what follows from it.
        wait_for_alert: how long to wait for alerts; zero waits for none.
        prometheus: where Prometheus is; empty where that is not known.
        keep: whether to leave the namespace.
    """

    image: str
    wait: timedelta
    wait_for_alert: timedelta
    prometheus: str
    keep: bool


class Drill:
    """One drill.

    Args:
        cluster: where.
        settings: what is wanted.
        tell: is told each check when it is decided.
        step: is told what is waited for.
        clock: how time passes.
    """

    def __init__(
        self,
        cluster: DrillCluster,
        settings: Settings,
        tell: Callable[[Check], None],
        step: Callable[[str], None] = lambda _: None,
        clock: Clock | None = None,
    ) -> None:
        self._cluster, self._settings, self._step = cluster, settings, step
        self._clock = clock or Clock()
        self._ledger = Ledger(tell)
        self._taking = TakingAway(cluster, self._ledger.say, step, self._clock)
        self._metrics = StateMetrics(cluster)
        self._prometheus = Prometheus(settings.prometheus, cluster) if settings.prometheus else None
        self._number = token_hex(6)
        self._claim: Claim | None = None
        self._crashed: dict[str, float] = {}
        self._shown: dict[str, float] = {}
        self.namespace = namespace_name(self._number)

    def run(self) -> DrillReport:
        """Hold the drill.

        Raises:
            CommandError: it could not be held.
        """
        began, start = datetime.now(UTC), self._clock.now()
        self._cluster.check_rights()
        self._taking.take_away_left_overs()
        with self._namespace():
            self._prepare()
            self._watch()
            if self._settings.wait_for_alert and self._prometheus and self._claim:
                watch = AlertWatch(
                    self._prometheus, self.namespace, self._crashed, self._ledger, self._clock
                )
                watch.wait(self._settings.wait_for_alert, self._step)
        return DrillReport(
            self.namespace,
            self._settings.image,
            began,
            self._clock.now() - start,
            self._settings.keep,
            tuple(self._ledger.told),
        )

    @contextmanager
    def _namespace(self) -> Iterator[None]:
        """Make the namespace, and take it away whatever happens."""
        settings = self._settings
        use = _KEPT if settings.keep else 2 * settings.wait + settings.wait_for_alert + _MARGIN
        made = True
        try:
            try:
                self._cluster.create(manifest(self._number, datetime.now(UTC) + use))
            except KubectlError as error:
                made = error.kind != "already exists"
                message = f"no namespace for the drill: {error}"
                raise CommandError(message) from None
            end = "left to be looked at" if settings.keep else "taken away at the end"
            self._ledger.say(Check("", "namespace", State.PASSED, f"{self.namespace}, {end}"))
            yield
        finally:
            if made and not settings.keep:
                self._taking.take_away(self.namespace)

    def _prepare(self) -> None:
        """Make what crashes, and find what should tell of it."""
        try:
            installed = self._cluster.has_kinds(self.namespace)
            if installed:
                self._claim = self._cluster_claim()
            if installed and self._claim is None:
                self._cluster.create(diagnoser(), self.namespace)
                self._claim = own_claim()
            self._cluster.create(deployments(self._settings.image), self.namespace)
        except KubectlError as error:
            raise CommandError(str(error)) from None
        self._ledger.expect("", OPERATOR)
        if self._claim is None:
            self._ledger.decide(NOT_INSTALLED)
            return
        self._ledger.expect("", METRICS, RULES)
        self._ledger.decide(self._metrics.find())
        self._ledger.decide(rules_check(self._prometheus, self._cluster))

    def _cluster_claim(self) -> Claim | None:
        if not self._cluster.has_cluster_diagnosers():
            return None
        end = self._clock.now() + _CLAIM_SECONDS
        while True:
            claim = self._cluster.cluster_claim(self.namespace)
            if claim is not None or self._clock.now() > end:
                return claim
            self._clock.sleep(_LOOK_EVERY)

    def _watch(self) -> None:
        """Look until all checks are decided."""
        names = [CRASH]
        if self._claim is not None:
            names += [name for name in CHECKS if name not in (CRASH, METRIC)]
            names += [METRIC] if self._metrics.found else []
        for each in WORKLOADS:
            self._ledger.expect(each.name, *names)
        begun, failures = self._clock.now(), 0
        wait = self._settings.wait.total_seconds()
        while self._ledger.open:
            awaited = ": ".join(filter(None, self._ledger.open[0]))
            self._step(f"waiting for {awaited} ({self._clock.now() - begun:.0f} s)")
            try:
                observed = self._observe()
            except KubectlError as error:
                failures += 1
                if failures >= _MAX_FAILURES or error.kind == "forbidden":
                    raise CommandError(str(error)) from None
            else:
                failures = 0
                self._judge_operator(observed, late=self._clock.now() - begun > wait)
                for each in WORKLOADS:
                    self._judge(each, observed, begun)
            if self._ledger.open:
                self._clock.sleep(_LOOK_EVERY)

    def _observe(self) -> Observed:
        observed = self._cluster.observe(self.namespace, self._claim)
        if self._crashed and any(name == METRIC for _, name in self._ledger.open):
            return replace(observed, series=self._metrics.read(self.namespace))
        return observed

    def _judge_operator(self, observed: Observed, *, late: bool) -> None:
        if self._claim is not None and self._ledger.is_open("", OPERATOR):
            found = operator_check(observed, self._claim, late=late)
            if found is not None:
                self._ledger.decide(found)

    def _judge(self, workload: Workload, observed: Observed, begun: float) -> None:
        """Decide what can be decided about a workload."""
        ledger, moment, wait = self._ledger, self._clock.now(), self._settings.wait.total_seconds()
        if observed.findings_of(workload):
            self._shown.setdefault(workload.name, moment)
        since = self._crashed.get(workload.name)
        if ledger.is_open(workload.name, CRASH):
            settled = moment - self._shown.get(workload.name, moment) > _SETTLED_SECONDS
            late = moment - begun > wait
            now = Moment(workload, observed, self._claim, late=late, settled=settled)
            found = crash_check(now)
            if found is None:
                return
            if found.state is State.FAILED:
                self._give_up(workload.name, found, has_pod=bool(now.pod))
                return
            self._crashed[workload.name] = since = moment
            ledger.decide(found)
        if since is None:
            return
        now = Moment(
            workload,
            observed,
            self._claim,
            late=moment - since > wait,
            settled=moment - since > _SETTLED_SECONDS,
        )
        for name, check in CHECKS.items():
            decided = check(now) if ledger.is_open(workload.name, name) else None
            if decided is not None:
                ledger.decide(decided)

    def _give_up(self, workload: str, crash: Check, *, has_pod: bool) -> None:
        """Decide all about a workload that did not crash as it should."""
        if not has_pod:
            why = shown(self._cluster.replica_set_failure(self.namespace, workload))
            crash = replace(crash, message=f"{crash.message}: {why}") if why else crash
        self._ledger.decide(crash)
        for name in CHECKS:
            if self._ledger.is_open(workload, name):
                why = "it did not crash as it should"
                self._ledger.decide(Check(workload, name, State.NOT_CHECKED, why))
