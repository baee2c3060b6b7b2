"""The demo without a cluster: make demo.

The hook is real, under gunicorn as in production, and so is fragile-app, a process that really
ends. API server, kubelet and Metacontroller are the simulator. The exit code is 0 only if the
diagnosis and what is done about it are right. With KEEP=1 in the environment everything stays up
until Ctrl-C.
"""

import contextlib
import os
import signal
import sys
from collections.abc import Iterator

from dev.demo.diagnosis_steps import DiagnosisSteps
from dev.demo.fragile_app import REQUESTS
from dev.demo.look_alikes import LookAlikeSteps
from dev.demo.reason_steps import ReasonSteps
from dev.demo.remediation_steps import RemediationSteps
from dev.demo.rollout_steps import RolloutSteps
from dev.demo.screen import DemoError, Screen
from dev.demo.simulated_cluster import WORK, SimulatedCluster
from dev.local_http import NoAnswerError

_CHAPTERS = (DiagnosisSteps, LookAlikeSteps, ReasonSteps, RolloutSteps, RemediationSteps)


def run(screen: Screen, cluster: SimulatedCluster) -> bool:
    """Run all steps; return whether the diagnosis was right, and what was done about it.

    Raises:
        DemoError: something did not happen at all.
    """
    checks = []
    for chapter in _CHAPTERS:
        steps = chapter(cluster, screen)
        steps.run()
        checks += steps.checks
    screen.step("Is it right?")
    return screen.checks(checks)


def keep(screen: Screen, cluster: SimulatedCluster) -> None:
    """Stay up until Ctrl-C."""
    server = cluster.server.url
    diagnosers = "/apis/diagnostics.local.io/v1/namespaces/default/poddiagnosers"
    screen.step("Everything stays up until Ctrl-C; try it")
    screen.command(f"curl -s {server}{diagnosers}")
    screen.command(f"curl -s {server}/api/v1/namespaces/default/pods")
    screen.command(f"kubectl --server {server} get pdiag,pods")
    screen.command(
        f"curl -s {cluster.app_url(cluster.pod)}      # {REQUESTS} of them crash it again"
    )
    screen.command(f"curl -s {cluster.hook.url}/metrics")
    cluster.run_forever()


@contextlib.contextmanager
def _ending_on_sigterm() -> Iterator[None]:
    """Make SIGTERM end the demo as Ctrl-C does, so that what it started ends too."""

    def end(_number: int, _frame: object) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, end)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def main() -> int:
    """Run the demo; return the exit code, 0 if all was right."""
    WORK.mkdir(parents=True, exist_ok=True)
    screen = Screen()
    try:
        with _ending_on_sigterm(), contextlib.ExitStack() as closing:
            cluster = SimulatedCluster(closing)
            right = run(screen, cluster)
            if os.environ.get("KEEP"):
                keep(screen, cluster)
    except (DemoError, NoAnswerError) as error:
        screen.say("", f"The demo failed: {error}")
        return 1
    except KeyboardInterrupt:
        return 130
    result = "The diagnosis and the remediation are right." if right else "Something is WRONG."
    screen.say("", result)
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
