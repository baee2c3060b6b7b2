"""Make the pictures of docs/ anew: ``make pictures``.

Each shows what the program itself displays of Pods on a real API server with the operator in it;
the kubelet is played. Those of where-people-look.md have the same Pods. A picture whose program is
not at hand stays as it is, and that is said.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory

from dev import go_builds
from dev.contrib import alerting, headlamp, terminal
from dev.contrib.browser import CHROMIUM, Browser
from dev.contrib.drawing import draw
from dev.contrib.waiting import MissingError, have, until
from dev.envtest import build, pods
from dev.envtest.client import PODDIAGNOSERS, PODS, Json
from dev.envtest.cluster import Cluster
from dev.envtest.pods import Termination
from dev.prometheus import build as prometheus_build

PROJECT = Path(__file__).parents[2]
PICTURES = PROJECT / "docs" / "pictures"
NAMESPACE = "shop"

CRASHES = {
    "cart-0": Termination(137, "OOMKilled"),
    "checkout-0": Termination(1, "Error", message="KeyError: 'DATABASE_URL'"),
    "search-0": Termination(0, "Completed"),
    "web-0": None,
}
"""The Pods, and how each ended; None is one that did not."""


class Shop:
    """The Pods that are in the pictures.

    Args:
        cluster: where they are.
        folder: where programs may write.
    """

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._admin, self._kubelet = cluster.admin, cluster.kubelet
        self._cluster, self._folder = cluster, folder
        plane = cluster.control_plane
        self._kubeconfig = plane.kubeconfig
        programs = (Path(plane.binaries.kubectl).parent, Path(sys.executable).parent)
        path = ":".join([*map(str, programs), os.environ["PATH"]])
        self._environment = {**os.environ, "PATH": path, "KUBECONFIG": str(plane.kubeconfig)}

    def open(self) -> None:
        """Create the PodDiagnoser and the Pods, have them crash, and wait for what is said."""
        self._cluster.create_namespace(NAMESPACE)
        diagnoser = {
            "apiVersion": PODDIAGNOSERS.version,
            "kind": "PodDiagnoser",
            "metadata": {"name": NAMESPACE},
            "spec": {"evidence": {"reason": True}},
        }
        self._admin.create(PODDIAGNOSERS, diagnoser, NAMESPACE)
        until(lambda: self._diagnoser().get("status"), "the PodDiagnoser is taken over")
        ended = pods.now() - timedelta(minutes=len(CRASHES))
        for name, how in CRASHES.items():
            self._admin.create(PODS, pods.manifest(name, {"app": name[:-2]}), NAMESPACE)
            status = pods.started(self._admin.get(PODS, name, NAMESPACE))
            self._kubelet.report(NAMESPACE, name, pods.moved(status, -timedelta(hours=2)))
            if how is not None:
                ended += timedelta(minutes=1)
                at = Termination(how.exit_code, how.reason, ended, how.message)
                self._kubelet.crash(NAMESPACE, name, at)
        crashed = sum(how is not None for how in CRASHES.values())
        until(
            lambda: self._diagnoser()["status"].get("diagnosedPods") == crashed,
            "all crashes are counted",
        )

    def kubectl(self) -> None:
        """Draw the columns."""
        label = "diagnostics.local.io/diagnoser"
        columns = "custom-columns-file=contrib/kubectl/columns"
        command = ["kubectl", "-n", NAMESPACE, "get", "pods", "-l", label, "-o", columns]
        done = subprocess.run(
            command, cwd=PROJECT, env=self._environment, capture_output=True, text=True, check=True
        )
        _write("kubectl.svg", draw(f"$ {shlex.join(command)}\n{done.stdout}", "kubectl"))

    def k9s(self) -> None:
        """Draw its view of the Pods."""
        have(**dict.fromkeys(terminal.MISSING))
        with terminal.K9s(self._folder, NAMESPACE, self._environment, 138, 17) as k9s:
            until(lambda: "ApplicationError" in k9s.screen(), "k9s shows the Pods")
            _write("k9s.svg", draw(k9s.screen(colours=True), "k9s"))

    def argocd(self) -> None:
        """Draw what Argo CD's own command says of the PodDiagnoser's health, by the script."""
        have(argocd=shutil.which("argocd"))
        key = "resource.customizations.health.diagnostics.local.io_PodDiagnoser"
        script = (PROJECT / "contrib" / "argocd" / "health.lua").read_text("utf-8")
        settings = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {"name": "argocd-cm", "labels": {"app.kubernetes.io/part-of": "argocd"}},
            "data": {key: script},
        }
        for name, content in (("argocd-cm", settings), ("poddiagnoser", self._diagnoser())):
            (self._folder / f"{name}.yaml").write_text(json.dumps(content), encoding="utf-8")
        command = ["argocd", "admin", "settings", "resource-overrides", "health"]
        command += ["poddiagnoser.yaml", "--argocd-cm-path", "argocd-cm.yaml"]
        done = subprocess.run(
            command,
            cwd=self._folder,
            env=self._environment,
            capture_output=True,
            text=True,
            check=True,
        )
        _write("argocd.svg", draw(f"$ {shlex.join(command)}\n{done.stdout}", "argocd"))

    def headlamp(self) -> None:
        """Take pictures of the table of Pods and of a Pod's details."""
        have(chromium=CHROMIUM, headlamp_server=headlamp.SERVER, HEADLAMP_PAGES=headlamp.PAGES)
        have(make_headlamp=(headlamp.PLUGIN / "dist" / "main.js").is_file())
        with (
            headlamp.Headlamp(self._folder, self._kubeconfig) as server,
            Browser(self._folder, 1200, 640) as browser,
        ):
            for name, url, text in (
                ("headlamp-pods", server.pods(NAMESPACE), "ApplicationError"),
                ("headlamp-pod", server.pod(NAMESPACE, "checkout-0"), "Why it crashed"),
            ):
                browser.open(url)
                browser.wait_for(f"document.body?.innerText.includes('{text}')")
                time.sleep(2)  # for icons, fonts and Headlamp's own animations
                browser.picture(PICTURES / f"{name}.png")

    def _diagnoser(self) -> Json:
        return self._admin.get(PODDIAGNOSERS, NAMESPACE, NAMESPACE)


def _write(name: str, content: str) -> None:
    (PICTURES / name).write_text(content, encoding="utf-8")


def alerts(binaries: build.Binaries, folder: Path) -> None:
    """Draw the alerts that fire, as Prometheus lists them."""
    have(**{name: shutil.which(name) for name in ("curl", "jq")})
    try:
        prometheus = prometheus_build.find().prometheus
    except (go_builds.MissingError, go_builds.BuildError) as problem:
        raise MissingError(str(problem)) from problem
    printed = alerting.firing_alerts(binaries, prometheus, folder)
    _write("alerts.svg", draw(f"$ {alerting.COMMAND}{printed}", "Prometheus"))


def main() -> int:
    """Make all that can be made here; return the exit code."""
    try:
        binaries = build.find()
    except (build.MissingError, build.BuildError) as problem:
        sys.stdout.write(f"no pictures: {problem}\n")
        return 1
    PICTURES.mkdir(exist_ok=True)
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        with Cluster(binaries) as cluster:
            shop = Shop(cluster, folder)
            shop.open()
            for make in (shop.kubectl, shop.k9s, shop.argocd, shop.headlamp):
                _tell(make.__name__, make)
        _tell("alerts", lambda: alerts(binaries, folder))
    return 0


def _tell(name: str, make: Callable[[], None]) -> None:
    """Make a picture if that is possible, and say what came of it."""
    try:
        make()
        sys.stdout.write(f"{name}: made\n")
    except MissingError as missing:
        sys.stdout.write(f"{name}: left as it is, without {missing}\n")


if __name__ == "__main__":
    sys.exit(main())
