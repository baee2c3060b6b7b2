"""Come back: how long it takes until crashes are told that happened while something was away.

In each round an outage of the hook's two processes, and cold starts in any order, each with Pods of
its own; once, for comparison, a start of kopf.
"""

import functools
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import ExitStack

from dev.benchmarks import pod_load
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.operators import HookOperator, KopfOperator, Operator
from dev.benchmarks.site import Site, open_site
from dev.benchmarks.spread import Spread
from dev.benchmarks.test_bed import open_test_bed
from dev.envtest import pods
from dev.envtest.client import PODS, Json

CRASHES = 1000
AWAY = 30.0
"""Seconds for which the hook is away."""

APART = 5.0
"""Seconds for which Metacontroller finds no hook at its own start."""

MOST = 15.0
_CODE = 5
_AT_ONCE = {"gracePeriodSeconds": 0}

_HOOK_LAST = f"cold start, hook {APART:.0f} s after Metacontroller, from its start"
_METACONTROLLER_LAST = "cold start, Metacontroller last, from its start"
_AT_THE_SAME_TIME = "cold start, all at once, from their start"
_COLD_AGAIN = (_HOOK_LAST, _AT_THE_SAME_TIME)
_COLD = (*_COLD_AGAIN, _METACONTROLLER_LAST)
_KOPF = "kopf: cold start, from its start"


def away_for(seconds: float) -> str:
    """Return what an outage is called."""
    return f"the hook was away for {seconds:.0f} s, from its return"


def measure(rounds: int, crashes: int = CRASHES, away: float = AWAY) -> list[Figure]:
    """Measure all ways to come back.

    Args:
        rounds: how many rounds.
        crashes: how many Pods crash each time.
        away: seconds for which the hook is away.

    Returns:
        How long it takes until all are annotated, and until the status is right.

    Raises:
        dev.envtest.build.MissingError: there is no control plane here.
        TimeoutError: Pods are not annotated.
    """
    found: dict[str, list[float]] = {}
    for number in range(rounds):
        sys.stderr.write(f"round {number + 1} of {rounds}: coming back\n")
        # Once for what takes long and says little: Metacontroller lists all at its start.
        done = _ours(crashes, away, _COLD if number == 0 else _COLD_AGAIN)
        if number == 0:
            done |= _kopf(crashes)
        for name, value in done.items():
            found.setdefault(name, []).append(value)
    return [
        Figure(
            name, Spread(tuple(values)), "s", None if name.startswith(_KOPF) else Aim.at_most(MOST)
        )
        for name, values in found.items()
    ]


def _ours(crashes: int, away: float, orders: Sequence[str]) -> dict[str, float]:
    done: dict[str, float] = {}
    with open_test_bed(HookOperator) as bed, ExitStack() as watches:
        operator = bed.operator
        sites = {
            name: open_site(bed, f"cold-{number}", crashes, watches, filled=False)
            for number, name in enumerate(orders)
        }
        site = open_site(bed, "outage", crashes, watches)
        operator.start()
        site.quiet()
        done |= outage(operator, site, site.load.names, away_for(away), away)
        operator.stop()
        _clear(site)
        for name, cold in sites.items():
            done |= _cold_start(cold, name, functools.partial(_STARTS[name], operator))
            operator.stop()
            _clear(cold)
    return done


def _kopf(crashes: int) -> dict[str, float]:
    with open_test_bed(KopfOperator) as bed, ExitStack() as watches:
        site = open_site(bed, "cold", crashes, watches, filled=False)
        return _cold_start(site, _KOPF, lambda: _at_once(bed.operator))


def outage(
    operator: HookOperator, site: Site, names: list[str], what: str, away: float
) -> dict[str, float]:
    """Take the hook away, crash Pods, and bring it back.

    Args:
        operator: the operator.
        site: a namespace that is quiet.
        names: the Pods that crash.
        what: it is called.
        away: seconds.

    Returns:
        Figure to seconds since the hook answered again.

    Raises:
        TimeoutError: not all is told.
    """
    counted, gone = site.counted(), time.perf_counter()
    operator.stop_servers()
    site.load.crash(names, _CODE)
    time.sleep(max(0.0, gone + away - time.perf_counter()))
    operator.start_servers()
    return _told(site, names, counted, what, time.perf_counter())


def _cold_start(site: Site, what: str, start: Callable[[], float]) -> dict[str, float]:
    """Let Pods have crashed already when the operator starts."""
    site.load.create(status=_crashed)
    site.quiet(1.0)
    return _told(site, site.load.names, 0, what, start())


def _crashed(pod: Json) -> Json:
    return pod_load.crashed({**pod, "status": pods.started(pod)}, _CODE)


def _told(site: Site, names: list[str], counted: int, what: str, since: float) -> dict[str, float]:
    annotated = site.all_annotated(names, _CODE)
    right = site.status_right(counted + len(names))
    return {
        f"{what}: all annotated": annotated - since,
        f"{what}: the status is right": right - since,
    }


def _hook_last(operator: HookOperator) -> float:
    operator.start_rest()
    time.sleep(APART)
    begun = time.perf_counter()
    operator.start_servers()
    return begun


def _metacontroller_last(operator: HookOperator) -> float:
    operator.start_servers()
    begun = time.perf_counter()
    operator.start_rest()
    return begun


def _at_once(operator: Operator) -> float:
    begun = time.perf_counter()
    operator.start()
    return begun


_STARTS: dict[str, Callable[[HookOperator], float]] = {
    _HOOK_LAST: _hook_last,
    _METACONTROLLER_LAST: _metacontroller_last,
    _AT_THE_SAME_TIME: _at_once,
}
"""How each order of a cold start goes; each returns from when on it counts."""


def _clear(site: Site) -> None:
    """Delete the Pods: what comes next finds as many as this did."""
    site.bed.control_plane.admin.delete_all(PODS, site.load.namespace, _AT_ONCE)
    site.quiet(1.0)
