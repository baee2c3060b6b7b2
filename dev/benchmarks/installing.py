"""Install the operator where many Pods restarted long ago: all are annotated, none is labelled."""

import time
from datetime import timedelta

from dev.benchmarks import pod_load, workload
from dev.benchmarks.figures import Aim, Figure
from dev.benchmarks.operators import HookOperator
from dev.benchmarks.pod_load import PodLoad, Watch
from dev.benchmarks.site import QUIET, TIMEOUT
from dev.benchmarks.spread import Spread
from dev.benchmarks.test_bed import open_test_bed
from dev.envtest import pods
from dev.envtest.client import PODS

COUNT = 1000
LABEL = "diagnostics.local.io/diagnoser"


def measure(count: int = COUNT) -> list[Figure]:
    """Start the operator where many Pods restarted long ago.

    Args:
        count: how many Pods.

    Returns:
        How many are annotated, how many carry the label, and how long it takes.

    Raises:
        TimeoutError: they are not annotated.
    """
    long_ago = pods.now() - timedelta(days=3)
    with open_test_bed(HookOperator) as bed:
        bed.prepare("old")
        old = PodLoad(bed.api, "old", count)
        old.create(
            lambda name: pods.manifest(name, workload.LABELS),
            lambda pod: pod_load.crashed({**pod, "status": pods.started(pod)}, 1, long_ago),
        )
        with Watch(bed.api, "old") as watch:
            begun = time.perf_counter()
            bed.operator.start()
            observed_at = watch.wait(old.names, 1, TIMEOUT)
            watch.quiet(QUIET)
        labelled = bed.control_plane.admin.list(PODS, "old", LABEL)
        return [
            Figure(
                f"{count:,} old crashes: Pods annotated", Spread((float(len(observed_at)),)), "Pods"
            ),
            Figure(
                f"{count:,} old crashes: Pods labelled",
                Spread((float(len(labelled)),)),
                "Pods",
                Aim.exactly(0),
            ),
            Figure(
                f"{count:,} old crashes: all annotated after the start",
                Spread((max(observed_at.values()) - begun,)),
                "s",
            ),
        ]
