"""How the storms of ours are held against each other, and what is seen of a ClusterPodDiagnoser."""

import json

from dev.benchmarks import cluster_kind, storm, variants
from dev.benchmarks.comparison import ALL
from dev.benchmarks.operators import METACONTROLLER, PODDIAGNOSERS_HOOK, PODS_HOOK
from dev.benchmarks.spread import Spread
from dev.benchmarks.test_bed import API_SERVER
from dev.envtest.client import Json
from pod_diagnoser.pods.recall import RECALLED


def found(seconds: float) -> dict[str, Spread]:
    """What a storm gave in two rounds, in which all took so long."""
    names = ("all annotated", "status right", "last crash")
    return {
        "storm, Pods counted": Spread((1000, 1000)),
        **{f"storm, {name}": Spread((seconds, seconds)) for name in names},
        **{f"storm, CPU: {part}": Spread((seconds, seconds)) for part in (*ALL, API_SERVER)},
    }


def test_each_storm_is_held_against_its_counterpart() -> None:
    """TLS against plain HTTP; a ClusterPodDiagnoser against a PodDiagnoser, with an aim."""
    storms = {
        variants.BASE.name: found(6.0),
        variants.PLAIN.name: found(5.0),
        variants.CLUSTER.name: found(7.2),
    }
    lines = variants.figures(storms, storm.FULL)
    shown = {one.name: one for one in lines}
    assert len(shown) == len(lines)
    tls = shown["TLS / plain HTTP: all annotated"]
    assert (tls.spread, tls.met) == (Spread((1.2, 1.2)), None)
    cluster = shown["a ClusterPodDiagnoser / a PodDiagnoser: status right"]
    assert (round(cluster.spread.median, 6), cluster.met) == (1.2, False)
    cpu = shown["a PodDiagnoser, TLS: CPU of the hooks and Metacontroller"]
    assert cpu.spread == Spread((18.0, 18.0))
    missing = {name for name, one in shown.items() if one.met is False}
    assert missing == {
        f"a ClusterPodDiagnoser / a PodDiagnoser: {what}"
        for what in ("all annotated", "status right")
    }


def test_one_variant_differs_from_the_base_in_one_thing() -> None:
    """So that the ratio is that thing's."""
    assert variants.PLAIN.tls is False
    assert variants.PLAIN.namespaces == variants.BASE.namespaces == 0
    assert variants.CLUSTER.tls is variants.BASE.tls is True


def test_a_crash_is_held_against_one_under_a_poddiagnoser() -> None:
    """Batch by batch, the whole operator together."""
    one = {PODS_HOOK: [1.0, 2.0], PODDIAGNOSERS_HOOK: [1.0, 2.0], METACONTROLLER: [2.0, 4.0]}
    two = {PODS_HOOK: [1.0, 2.0], PODDIAGNOSERS_HOOK: [2.0, 2.0], METACONTROLLER: [3.0, 4.0]}
    costs = {
        "a PodDiagnoser": one | {API_SERVER: [9.0, 9.0]},
        "the ClusterPodDiagnoser": two | {API_SERVER: [9.0, 9.0]},
    }
    shown = {one.name: one for one in cluster_kind.crash_figures(costs)}
    ratio = shown["the latter over the former: the hooks and Metacontroller"]
    assert (ratio.spread, ratio.met) == (Spread((1.5, 1.0)), False)
    own = shown["a crash under the ClusterPodDiagnoser: CPU of the hooks and Metacontroller"]
    assert (own.spread, own.unit) == (Spread((6.0, 8.0)), "ms")


def line(shown: Json) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": "MODIFIED", "object": shown}).encode()


def test_a_target_shows_the_version_that_was_written() -> None:
    """Not one that is only mentioned, nor one of other DiagnosisTargets."""
    metadata = {"namespace": "team-1", "annotations": {"last": '{"ignore":"7"}'}}
    spec = {"ignore": {"podLabels": {"benchmarks.example/version": "1"}}}
    assert [*cluster_kind.version_of(line({"metadata": metadata, "spec": spec}))] == [
        ("team-1", "1")
    ]
    assert [*cluster_kind.version_of(line({"metadata": metadata, "spec": {}}))] == []
    recalled = {"namespace": "team-1", "annotations": {RECALLED: "2026-11-23T10:00:00Z"}}
    assert [*cluster_kind.version_of(line({"metadata": recalled, "spec": spec}))] == [
        ("team-1", "1"),
        ("team-1", RECALLED),
    ]


def test_a_status_is_right_for_a_generation_and_a_number() -> None:
    """Nothing is seen before the first one is written."""
    status = {"observedGeneration": 2, "selectedNamespaces": 2000}
    assert [*cluster_kind.selected_of(line({"status": status}))] == [(2, 2000)]
    assert [*cluster_kind.selected_of(line({}))] == []
