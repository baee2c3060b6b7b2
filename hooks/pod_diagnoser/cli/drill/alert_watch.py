"""Waits until the alerts of a drill fire."""

from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Final

from pod_diagnoser.cli.drill.alerts import ALERT, Prometheus, PrometheusError, alert_check
from pod_diagnoser.cli.drill.clock import Clock
from pod_diagnoser.cli.drill.ledger import Ledger
from pod_diagnoser.cli.drill.report import Check, State
from pod_diagnoser.cli.drill.workloads import WORKLOADS

_LOOK_EVERY: Final = 5.0


class AlertWatch:
    """Waits for the alerts about a namespace.

    Args:
        prometheus: what evaluates them.
        namespace: the namespace.
        crashed: when each workload crashed, by the clock; of others no alert is awaited.
        ledger: is told what came of it.
        clock: how time passes.
    """

    def __init__(
        self,
        prometheus: Prometheus,
        namespace: str,
        crashed: Mapping[str, float],
        ledger: Ledger,
        clock: Clock,
    ) -> None:
        self._prometheus, self._namespace = prometheus, namespace
        self._crashed, self._ledger, self._clock = crashed, ledger, clock

    def wait(self, duration: timedelta, step: Callable[[str], None]) -> None:
        """Look until all of them fire, or the time is over.

        Args:
            duration: how long to wait.
            step: is told what is waited for.
        """
        for workload in self._crashed:
            self._ledger.expect(workload, ALERT)
        begun, most = self._clock.now(), duration.total_seconds()
        while self._ledger.open:
            waited = self._clock.now() - begun
            step(f"waiting for alerts ({waited:.0f} s of {most:.0f} s)")
            self._look(late=waited > most)
            if self._ledger.open:
                self._clock.sleep(min(_LOOK_EVERY, max(most - waited, 0.1)))

    def _look(self, *, late: bool) -> None:
        try:
            alerts = self._prometheus.alerts(self._namespace)
        except PrometheusError as error:
            for workload, name in self._ledger.open if late else ():
                self._ledger.decide(Check(workload, name, State.FAILED, str(error)))
            return
        for each in WORKLOADS:
            if self._ledger.is_open(each.name, ALERT):
                since = self._clock.now() - self._crashed[each.name]
                found = alert_check(each, alerts, since, late=late)
                if found is not None:
                    self._ledger.decide(found)
