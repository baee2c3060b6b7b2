"""What the steps of `dev.demo.simulated` have in common."""

import json
from collections.abc import Callable

from dev.demo.fragile_app import container_of, is_ready, overload
from dev.demo.screen import Check, Screen
from dev.demo.simulated_cluster import SimulatedCluster
from dev.simulator.columns import render
from dev.simulator.objects import Object
from dev.simulator.resources import EVENT, Resource


class Steps:
    """Steps of the demo, with what they show and what they check.

    Attributes:
        checks: what has to hold, and whether it does.
    """

    def __init__(self, cluster: SimulatedCluster, screen: Screen) -> None:
        self._cluster = cluster
        self._screen = screen
        self.checks: list[Check] = []

    def _until(self, what: str, condition: Callable[[], bool]) -> None:
        self._cluster.until(what, condition)

    def _container(self) -> Object:
        return container_of(self._cluster.pod)

    def _get(self, resource: Resource, namespace: str = "default") -> None:
        """Show what ``kubectl get`` prints."""
        named = resource is self._cluster.diagnoser_kind
        name = resource.short_names[0] if named else resource.plural
        where = "" if namespace == "default" else f" -n {namespace}"
        self._screen.command(f"kubectl get {name}{where}")
        self._show(resource, self._cluster.store.select(resource, namespace))

    def _get_events(self, reason: str, namespace: str = "default") -> None:
        where = "" if namespace == "default" else f"-n {namespace} "
        self._screen.command(f"kubectl get events {where}--field-selector reason={reason}")
        self._show(EVENT, self._cluster.events(reason, namespace))

    def _show(self, resource: Resource, objects: list[Object]) -> None:
        now = self._cluster.cluster.clock.now()
        self._screen.output(render(resource, objects, now, wide=False))

    def _overload(self, pod: Object) -> list[str]:
        """Send a Pod of fragile-app one request more than it serves; return its answers."""
        url = self._cluster.app_url(pod)
        self._screen.command(f"for i in 1 2 3 4 5 6; do curl -s {url}; done")
        return overload(url)

    def _crash(self, title: str) -> None:
        """Have the app end, and show what is known of it before the hook has a say."""
        self._screen.step(title)
        self._until("the Pod is ready", lambda: is_ready(self._cluster.pod))
        restarts = self._container()["restartCount"]
        self._screen.output("\n".join(self._overload(self._cluster.pod)))

        def restarted() -> bool:
            return bool(self._container()["restartCount"] > restarts)

        self._until(
            "fragile-app ends",
            lambda: restarted() or "CrashLoopBackOff" in json.dumps(self._container()["state"]),
        )
        self._screen.say("   The app's last output, and what the kubelet reported of it:")
        runtime = self._cluster.runtime
        log = runtime.log(self._cluster.pod, "fragile-app", previous=restarted()) or b""
        self._screen.output("\n".join(log.decode().splitlines()[-2:]))
        ended = self._container()["lastState"]["terminated"]
        self._screen.output(f"exitCode {ended['exitCode']}, reason {ended['reason']}")
