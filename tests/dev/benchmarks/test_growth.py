"""How the benchmarks hold what a crash costs among many Pods against what it costs among few."""

from dev.benchmarks import growth
from dev.benchmarks.operators import METACONTROLLER, PODDIAGNOSERS_HOOK, PODS_HOOK
from dev.benchmarks.spread import Spread
from dev.benchmarks.test_bed import API_SERVER


def test_each_batch_is_held_against_its_counterpart() -> None:
    """The aim is that of the whole operator."""
    few = {PODS_HOOK: [1.0, 2.0], PODDIAGNOSERS_HOOK: [1.0, 2.0], METACONTROLLER: [2.0, 4.0]}
    many = {PODS_HOOK: [1.0, 2.0], PODDIAGNOSERS_HOOK: [1.0, 2.0], METACONTROLLER: [4.0, 4.0]}
    lines = growth._growth(
        few | {API_SERVER: [5.0, 5.0]}, many | {API_SERVER: [5.0, 5.0]}, 1000, 10_000
    )
    found = {one.name: one for one in lines}
    whole = found["the latter over the former: the hooks and Metacontroller"]
    assert (whole.spread, whole.met) == (Spread((1.5, 1.0)), False)
    assert found["the latter over the former: the hooks"].spread == Spread((1.0, 1.0))
    cost = found["CPU for a crash among 10,000 Pods: the hooks and Metacontroller"]
    assert (cost.spread, cost.unit) == (Spread((6.0, 8.0)), "ms")
