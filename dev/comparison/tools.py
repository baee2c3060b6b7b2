"""The tools, each with what it says of Pods: programs that are on the PATH."""

import json
import os
import re
import subprocess
import threading
from collections.abc import Iterable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Final, Protocol

from dev.comparison.judging import Said
from dev.envtest.process import Process
from dev.local_ports import free_ports

_SECONDS: Final = 120


class Tool(Protocol):
    """A tool that is asked about the Pods of namespaces, one Pod each.

    Attributes:
        title: its name and version.
        judges: whether it says nothing of a Pod with which nothing is wrong.
    """

    title: str
    judges: bool

    def look(self, namespaces: Iterable[str]) -> Mapping[str, Said]:
        """Return what it says now, by namespace."""


def run(kubeconfig: Path, *arguments: str | Path) -> str:
    """Run a program, and return what it prints on standard output, whatever its exit code."""
    environment = {**os.environ, "KUBECONFIG": str(kubeconfig), "NO_COLOR": "1"}
    return subprocess.run(
        [str(argument) for argument in arguments],
        capture_output=True,
        check=False,
        env=environment,
        text=True,
        timeout=_SECONDS,
    ).stdout


class Ours:
    """``kubectl diagnose``: the same diagnoses as the operator's."""

    judges = True

    def __init__(self, program: Path, kubectl: Path, kubeconfig: Path) -> None:
        self.title = run(kubeconfig, program, "--version").strip()
        self._call = (program, "--kubectl", kubectl, "--kubeconfig", kubeconfig)
        self._kubeconfig = kubeconfig

    def look(self, namespaces: Iterable[str]) -> Mapping[str, Said]:
        """Ask about all Pods at once, logs included."""
        del namespaces
        printed = run(self._kubeconfig, *self._call, "-A", "--logs", "-o", "text")
        said: dict[str, Said] = {}
        for paragraph in printed.split("\n\n"):
            head, *lines = paragraph.strip().splitlines() or [""]
            namespace = head.partition("/")[0]
            advice = "\n".join(line for line in lines if line.startswith("  Next: "))
            one = Said(paragraph, claim="\n".join((head, *lines[:1])), advice=advice)
            said[namespace] = said.get(namespace, Said()) + one
        return said


class Describe:
    """``kubectl describe pod``: what is there without any tool. It gives no advice."""

    judges = False

    def __init__(self, kubectl: Path, kubeconfig: Path, version: str) -> None:
        self.title = f"kubectl describe {version}"
        self._kubectl, self._kubeconfig = kubectl, kubeconfig

    def look(self, namespaces: Iterable[str]) -> Mapping[str, Said]:
        """Describe all Pods at once."""
        asked = set(namespaces)
        said = {}
        asking = (self._kubectl, "describe", "pods", "-A", "--show-events")
        for text in run(self._kubeconfig, *asking).split("\n\n\n"):
            found = re.search(r"^Namespace: +(\S+)$", text, re.MULTILINE)
            if found and found[1] in asked:
                said[found[1]] = Said(text=text)
        return said


class K8sGpt:
    """``k8sgpt analyze`` without an AI: its own analyzers, for Pods and for logs."""

    judges = True

    def __init__(self, program: Path, kubeconfig: Path, folder: Path) -> None:
        self._settings = folder / "k8sgpt.yaml"
        self._call = (program, "--config", self._settings, "--kubeconfig", kubeconfig)
        self._kubeconfig = kubeconfig
        version = re.search(r"k8sgpt: (\S+)", run(kubeconfig, *self._call, "version"))
        self.title = f"k8sgpt {version[1]}" if version else "k8sgpt"

    def look(self, namespaces: Iterable[str]) -> Mapping[str, Said]:
        """Analyze all namespaces at once."""
        del namespaces
        filters = ("--filter", "Pod,Log")
        printed = run(self._kubeconfig, *self._call, "analyze", *filters, "--output", "json")
        start = printed.find("{")
        said: dict[str, Said] = {}
        for result in json.loads(printed[start:] if start >= 0 else "{}").get("results") or ():
            namespace, _, pod = str(result["name"]).partition("/")
            text = "\n".join(each["Text"] for each in result["error"])
            claim = "" if "/" in pod else text  # of logs the name has a container, too
            said[namespace] = said.get(namespace, Said()) + Said(text, claim)
        return said


class KWatch:
    """kwatch, which follows Pods and sends alerts: here to a receiver of ours on this machine."""

    judges = True

    def __init__(self, program: Path, kubeconfig: Path, folder: Path) -> None:
        self.title = "kwatch"
        self._said: dict[str, Said] = {}
        self._lock = threading.Lock()
        (port,) = free_ports(1)
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        settings = folder / "kwatch.yaml"
        settings.write_text(
            "upgrader: {disableUpdateCheck: true}\n"
            "app: {disableStartupMessage: true, clusterName: comparison}\n"
            "pvcMonitor: {enabled: false}\n"
            "maxRecentLogLines: 50\n"
            f"alert: {{webhook: {{url: 'http://127.0.0.1:{port}'}}}}\n"
        )
        environment = {"CONFIG_FILE": str(settings), "KUBECONFIG": str(kubeconfig)}
        self.process = Process("kwatch", [program], folder, environment)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        receive = self._receive

        class Handler(BaseHTTPRequestHandler):
            """Receives alerts."""

            def log_message(self, *_: object) -> None:
                """Log nothing."""

            def do_POST(self) -> None:
                """Take an alert."""
                length = int(self.headers.get("Content-Length") or 0)
                receive(json.loads(self.rfile.read(length)))
                self.send_response(200)
                self.end_headers()

        return Handler

    def _receive(self, alert: Mapping[str, Any]) -> None:
        values = {key.lower(): str(value) for key, value in alert.items()}
        claim = values.get("reason", "")
        said = Said(text="\n".join(values.values()), claim=claim)
        with self._lock:
            namespace = values.get("namespace", "")
            self._said[namespace] = self._said.get(namespace, Said()) + said

    def look(self, namespaces: Iterable[str]) -> Mapping[str, Said]:
        """Return the alerts that came."""
        del namespaces
        with self._lock:
            return dict(self._said)

    def stop(self) -> None:
        """End it."""
        self.process.stop(grace=0)
        self._server.shutdown()
