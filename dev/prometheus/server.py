"""Run a Prometheus that scrapes the hooks and evaluates the rules."""

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import yaml

from dev import local_http
from dev.envtest.process import Process
from dev.local_ports import free_ports


class Prometheus:
    """One Prometheus on this machine.

    Args:
        program: its binary.
        folder: where its configuration, data and log go.
        rules: the rules, as in a rules file.
        jobs: its scrape configurations: name to path and targets (``host:port``).
        interval: how often it scrapes and evaluates.
    """

    def __init__(
        self,
        program: Path,
        folder: Path,
        rules: Mapping[str, Any],
        jobs: Mapping[str, tuple[str, Sequence[str]]],
        interval: str = "1s",
    ) -> None:
        port = free_ports(1)[0]
        self.url = f"http://127.0.0.1:{port}"
        (folder / "rules.yaml").write_text(yaml.safe_dump(dict(rules)), encoding="utf-8")
        config = {
            "global": {"scrape_interval": interval, "evaluation_interval": interval},
            "rule_files": ["rules.yaml"],
            "scrape_configs": [
                {
                    "job_name": name,
                    "metrics_path": path,
                    "honor_labels": True,
                    "static_configs": [{"targets": list(targets)}],
                }
                for name, (path, targets) in jobs.items()
            ],
        }
        (folder / "prometheus.yaml").write_text(yaml.safe_dump(config), encoding="utf-8")
        self.process = Process(
            "prometheus",
            [
                program,
                f"--config.file={folder / 'prometheus.yaml'}",
                f"--storage.tsdb.path={folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{port}",
            ],
            folder,
            {},
        )

    def start(self) -> None:
        """Start it and wait until it is ready.

        Raises:
            StartError: it does not get ready.
        """
        self.process.start()
        self.process.wait_until(lambda: local_http.is_ok(f"{self.url}/-/ready"))

    def stop(self) -> None:
        """End it."""
        self.process.stop()

    def query(self, expression: str) -> list[tuple[dict[str, str], float]]:
        """Return the labels and values of an instant query."""
        text = local_http.get(f"{self.url}/api/v1/query?{urlencode({'query': expression})}")
        result = json.loads(text)["data"]["result"]
        return [(each["metric"], float(each["value"][1])) for each in result]

    def firing(self) -> list[dict[str, Any]]:
        """Return the alerts that fire, with labels and annotations."""
        alerts = json.loads(local_http.get(f"{self.url}/api/v1/alerts"))["data"]["alerts"]
        return [alert for alert in alerts if alert["state"] == "firing"]
