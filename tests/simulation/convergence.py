"""Once faults have stopped: the cluster converges to the specification, and stays there."""

import json
from datetime import datetime, timedelta

from dev.simulator.objects import (
    Object,
    annotations_of,
    labels_of,
    name_of,
    namespace_of,
    parse_timestamp,
    uid_of,
)
from dev.simulator.resources import EVENT, POD
from pod_diagnoser.api.time import whole_seconds
from tests.simulation import specification as spec
from tests.simulation.faulty_cluster import SECRET, FaultyCluster
from tests.simulation.properties import LEAST_BOUND, MOST_WRITES, Property
from tests.support.cluster_fixture import DIAGNOSER, LABEL, TARGET

SETTLING = 26 * 60.0
"""Seconds to converge: longer than Metacontroller caches a customize answer, and until each object
was synced once more."""

LATEST_SYNC = timedelta(seconds=1900)
"""A crash that lies ahead by a node's clock is reported later, by the next periodic sync."""

TO_THE_END = 5 * 3600.0
"""Seconds until nothing depends on time: labels are removed after one hour, workloads and
owners after two."""


def converge(cluster: FaultyCluster) -> None:
    """End all faults, let time pass and check the result."""
    cluster.end_faults()
    cluster.run(max(SETTLING, (cluster.setting.resync or 0.0) + 60.0, cluster.setting.flush + 60.0))
    if cluster.watch.violations:
        return
    check(cluster)
    bounded(cluster)
    if cluster.setting.to_the_end and not cluster.watch.violations:
        cluster.run(TO_THE_END)
        check(cluster)
        still(cluster)


def check(cluster: FaultyCluster) -> None:
    """Compare the cluster with the specification."""
    store, broken = cluster.store, cluster.watch.broken
    diagnosers, pods = store.select(DIAGNOSER), store.select(POD)
    owned: dict[str, list[Object]] = {uid_of(one): [] for one in diagnosers}
    for pod in pods:
        owner = spec.claiming_diagnoser(diagnosers, pod)
        if owner is not None:
            owned[uid_of(owner)].append(pod)
        for problem in spec.pod_problems(pod, owner, _known(cluster, pod)):
            broken(Property.PODS, f"Pod {name_of(pod)}: {problem}")
    for diagnoser in diagnosers:
        mine, name = owned[uid_of(diagnoser)], name_of(diagnoser)
        for problem in spec.status_problems(diagnoser, mine, cluster.node.probed):
            broken(Property.STATUS, f"{name}: {problem}")
        crashes = [
            (pod["spec"].get("nodeName", ""), cluster.node.crashes.get(uid_of(pod), ()))
            for pod in mine
        ]
        for problem in spec.common_factor_problems(diagnoser, crashes, cluster.clock.now()):
            broken(Property.STATUS, f"{name}: {problem}")
        unaccounted = spec.unaccounted(diagnoser, mine, cluster.node.probed)
        if unaccounted:
            broken(Property.ACCOUNTED, f"{name}: {unaccounted}")
        for problem in spec.cause_problems(diagnoser, mine, forgotten=cluster.watch.forgotten):
            broken(Property.ONE_CAUSE, f"{name}: {problem}")
        _check_counts(cluster, diagnoser, mine)
        _check_reported(cluster, diagnoser, mine)
        _check_done(cluster, diagnoser)
    _check_secrets(cluster)
    published = sorted(
        (str(target["spec"]["diagnoser"]["uid"]), target["spec"].get("active", True))
        for target in store.select(TARGET)
        if uid_of(target) not in cluster.watch.forged
    )
    wanted = sorted((uid_of(one), spec.active(one)) for one in diagnosers)
    if published != wanted:
        broken(Property.TARGETS, f"there are {published}, there should be {wanted}")
    _check_plans(cluster)


def _check_secrets(cluster: FaultyCluster) -> None:
    """Look for what containers wrote and nobody may see."""
    for kind in (POD, DIAGNOSER, EVENT):
        for found in cluster.store.select(kind):
            if SECRET in json.dumps(found):
                cluster.watch.broken(Property.MASKED, f"{kind.kind} {name_of(found)}")


def _known(cluster: FaultyCluster, pod: Object) -> spec.Known:
    return spec.Known(
        cluster.node.crashes.get(uid_of(pod), ()),
        [
            *cluster.watch.specs[namespace_of(pod)],
            *cluster.watch.specs_of_others[namespace_of(pod)],
        ],
        cluster.node.probed,
        cluster.jumped,
        uid_of(pod) in cluster.watch.rewritten,
    )


def _check_counts(cluster: FaultyCluster, diagnoser: Object, pods: list[Object]) -> None:
    counted = set(spec.counted_pods(diagnoser.get("status")))
    labelled = {
        spec.pod_hash(uid_of(pod))
        for pod in pods
        if labels_of(pod).get(LABEL) == name_of(diagnoser)
        and spec.reportable_crashes(diagnoser, pod, cluster.node.probed)
    }
    if labelled - counted and not cluster.misled:
        cluster.watch.broken(Property.COUNTED, f"{name_of(diagnoser)} lacks {labelled - counted}")
    others = counted - cluster.watch.claimable[uid_of(diagnoser)]
    # With the hook's clock ahead of the node's, what takes a moment has lasted for long.
    if others and not cluster.ahead and not cluster.jumped:
        cluster.watch.broken(Property.COUNTED, f"{name_of(diagnoser)} has {others}")


def _check_done(cluster: FaultyCluster, diagnoser: Object) -> None:
    entries = spec.entries_of(diagnoser).values()
    done = {entry["podUID"] for entry in entries if entry["phase"] == "Done"}
    window = timedelta(seconds=diagnoser["spec"]["remediation"]["budget"]["windowSeconds"])
    for deletion in cluster.watch.deletions[uid_of(diagnoser)]:
        if cluster.clock.now() - deletion.at < window and deletion.pod not in done:
            cluster.watch.broken(Property.DONE, f"{name_of(diagnoser)} deleted {deletion.pod}")


def _check_reported(cluster: FaultyCluster, diagnoser: Object, pods: list[Object]) -> None:
    if diagnoser["spec"]["remediationAction"] != "LogEvent" or not spec.active(diagnoser):
        return
    for pod in pods:
        if (
            any(
                spec.fresh(crash, cluster.clock.now(), slack=-60.0)
                and crash.at <= cluster.clock.now() - LATEST_SYNC
                for crash in spec.reportable_crashes(diagnoser, pod, cluster.node.probed)
            )
            and labels_of(pod).get(LABEL) == name_of(diagnoser)
            and not cluster.watch.reported[uid_of(diagnoser), uid_of(pod)]
        ):
            cluster.watch.broken(Property.REPORTED, f"Pod {name_of(pod)}, for {name_of(diagnoser)}")


def _plans(cluster: FaultyCluster) -> set[tuple[str, str, str]]:
    return {
        (name_of(diagnoser), identity, entry["plannedAt"])
        for diagnoser in cluster.store.select(DIAGNOSER)
        for identity, entry in spec.entries_of(diagnoser).items()
        if entry["phase"] == "Planned"
    }


def _check_plans(cluster: FaultyCluster) -> None:
    plans = _plans(cluster)
    if plans:  # made at this very moment, perhaps
        cluster.run(30.0)
        left = plans & _plans(cluster)
        if left:
            cluster.watch.broken(Property.NO_PLAN_LEFT, str(sorted(left)))


def bounded(cluster: FaultyCluster) -> None:
    """Compare the number of writes with what happened."""
    counts, injected = cluster.watch.counts, cluster.faults.injected
    happened = (
        counts["crashes"]
        + counts["Pods created"]
        + counts["PodDiagnosers written by people"]
        + counts["Pods deleted by the hook"]
        + counts["Pods whose DiagnosisTarget others wrote"]
        + injected.total()
    )
    kinds = ("pods", "poddiagnosers")
    written = sum(counts[f"{kind} written by what is known"] for kind in kinds)
    # Of replicas an hour apart one holds a crash for recent and the other not: each write of the
    # label may be taken back, until the same replica is asked twice in turn.
    most = MOST_WRITES * (2 if cluster.misled and cluster.setting.replicas > 1 else 1)
    if written > LEAST_BOUND + most * happened:
        cluster.watch.broken(
            Property.BOUNDED, f"{written} writes for {happened} things that happened"
        )


def still(cluster: FaultyCluster) -> None:
    """Check that nothing is written for an hour, but for recalls that did not get through yet.

    The controllers that recall ask every few seconds, but twice an hour here, and any replica: so
    the start of one may be stored late, and when one diagnosed a Pod late, by its own clock. Each
    is written once for each object, and never again.
    """
    before = sum(cluster.watch.counts[f"{kind} written"] for kind in KINDS)
    recalled = _recalled(cluster)
    cluster.run(3600.0)
    written = sum(cluster.watch.counts[f"{kind} written"] for kind in KINDS) - before
    processes = [each.process for each in cluster.service.replicas if each.process is not None]
    noted = {
        time
        for process in processes
        for time in (whole_seconds(process.started), *process.recalls.late.values())
    }
    late = sum(
        sum(recalled[uid] < time <= last for time in noted)
        for uid, last in _recalled(cluster).items()
        if uid in recalled
    )
    if written > late:
        cluster.watch.broken(Property.QUIET, f"{written} writes in an hour, {late} of them recalls")


def _recalled(cluster: FaultyCluster) -> dict[str, datetime]:
    """Return the time of the last recall of each object, by its uid: its creation is one, too."""
    return {
        uid_of(obj): parse_timestamp(
            annotations_of(obj).get(spec.RECALLED) or obj["metadata"]["creationTimestamp"]
        )
        for kind in (DIAGNOSER, TARGET)
        for obj in cluster.store.select(kind)
    }


KINDS = ("pods", "poddiagnosers", "diagnosistargets", "events")
