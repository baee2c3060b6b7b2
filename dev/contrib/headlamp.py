"""The real Headlamp, with the plug-in of contrib/headlamp in it.

It takes ``headlamp-server`` on PATH and its pages in the folder ``HEADLAMP_PAGES``. Both are built
from Headlamp's own repository, which is not among its packages: ``go build -o headlamp-server
./cmd`` in ``backend`` (a minute), ``npm ci && npm run build`` in ``frontend`` (three minutes; the
folder is ``build``).
"""

import os
import shutil
from pathlib import Path
from types import TracebackType
from typing import Self

import yaml

from dev import local_http
from dev.envtest.process import Process
from dev.local_ports import free_ports

PROJECT = Path(__file__).parents[2]
PLUGIN = PROJECT / ".cache" / "headlamp"
"""Where ``make headlamp`` builds it."""

SERVER, PAGES = shutil.which("headlamp-server"), os.environ.get("HEADLAMP_PAGES")


class Headlamp:
    """Headlamp's server. A context manager: it runs inside of it.

    Args:
        folder: where it keeps its files.
        kubeconfig: of the cluster that it shows, as a user who may read it.
        plugin: the folder of the built plug-in.
    """

    def __init__(self, folder: Path, kubeconfig: Path, plugin: Path = PLUGIN) -> None:
        (port,) = free_ports(1)
        self._context = yaml.safe_load(kubeconfig.read_text(encoding="utf-8"))["current-context"]
        self.url = f"http://127.0.0.1:{port}"
        plugins = folder / "plugins"
        installed = plugins / "pod-diagnoser"
        installed.mkdir(parents=True)
        shutil.copy(plugin / "dist" / "main.js", installed)
        shutil.copy(plugin / "package.json", installed)
        # The server writes beside the pages.
        pages = shutil.copytree(str(PAGES), folder / "pages")
        self._process = Process(
            "headlamp-server",
            [
                str(SERVER),
                "-listen-addr=127.0.0.1",
                f"-port={port}",
                f"-kubeconfig={kubeconfig}",
                f"-kubeconfig-dir={folder / 'kubeconfigs'}",
                f"-html-static-dir={pages}",
                f"-plugins-dir={plugins}",
                f"-user-plugins-dir={folder / 'user-plugins'}",
            ],
            folder,
            {"HOME": str(folder), "XDG_CONFIG_HOME": str(folder / "config")},
        )

    def __enter__(self) -> Self:
        """Start it, and wait until it serves.

        Raises:
            StartError: it does not get ready.
        """
        self._process.start()
        try:
            self._process.wait_until(lambda: local_http.is_ok(f"{self.url}/config"))
        except BaseException:
            self._process.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        problem: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End it."""
        self._process.stop()

    def pods(self, namespace: str) -> str:
        """Return the URL of a namespace's Pods."""
        return f"{self.url}/c/{self._context}/pods?namespace={namespace}"

    def pod(self, namespace: str, name: str) -> str:
        """Return the URL of a Pod's details."""
        return f"{self.url}/c/{self._context}/pods/{namespace}/{name}"
