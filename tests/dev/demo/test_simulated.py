"""The demo, run as a user runs it."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

from dev import local_http

ROOT = Path(__file__).parents[3]
README = (ROOT / "README.md").read_text(encoding="utf-8")
COMMAND = [sys.executable, "-m", "dev.demo.simulated"]


def unchanging(text: str) -> str:
    """Return a text without what differs from run to run.

    That is ports, times, durations, the ends of Pods' names, and where lines break.
    """
    differs = (
        r"(\d+|a) seconds?|\b\d+ ?s\b|\b[\d:]{8} UTC\b|(?<=port )\d+"
        r"|(?<=fragile-app-0a80db7b99-)[a-z0-9]{5}\b"
    )
    return " ".join(re.sub(differs, "N", text).split())


def test_the_demo_succeeds_and_shows_the_diagnosis() -> None:
    """It ends by itself with exit code 0, and shows the diagnosis and what is done about it."""
    done = subprocess.run(
        COMMAND, cwd=ROOT, capture_output=True, text=True, timeout=100, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    for text in (
        "Hello from the self-destructing app! 6",
        "restart-reason   Completed (Exit Code: 0)",
        "curl -s -H 'content-type: application/json' -d @.cache/demo/pods-sync.json",
        "CrashLoopBackOff",
        "Pod fragile-app-",
        " restarted due to Completed (Exit Code: 0) in container fragile-app.",
        "cause            LivenessProbeFailed",
        "statuscode: 404",
        "log              Limit of 5 requests exceeded, sending myself SIGTERM",
        "restart-reason   StartError (Exit Code: 128)",
        "cause            StartFailed",
        "reason           ZeroDivisionError: division by zero",
        "reason           KeyError: 'DATABASE_URL'",
        "changes          Revision 2 began ",
        "demo/web:1.5",
        "phase            Planned",
        "phase            Done",
        "Terminating",
        "BarePod          No controller would replace the Pod.",
        "The diagnosis and the remediation are right.",
    ):
        assert text in done.stdout
    assert "WRONG" not in done.stdout
    shown = re.findall(r"<!-- make demo shows this[^>]*>\n```\n(.*?)```", README, re.DOTALL)
    assert len(shown) == 2
    for block in "\n".join(shown).split("\n\n"):
        assert unchanging(block) in unchanging(done.stdout)
    assert "\033" not in done.stdout


def test_it_stays_up_and_leaves_nothing_behind() -> None:
    """With KEEP=1 its API server answers until SIGTERM; then none of its ports is open."""
    demo = subprocess.Popen(
        COMMAND, cwd=ROOT, env={**os.environ, "KEEP": "1"}, stdout=subprocess.PIPE, text=True
    )
    shown = ""
    try:
        assert demo.stdout
        for line in demo.stdout:
            shown += line
            if "/metrics" in line:  # the last line before it waits
                break
        (url,) = re.findall(r"http://\S+/poddiagnosers\b", shown)
        found = json.loads(local_http.get(url))
        assert found["items"][0]["status"]["diagnosedPods"] == 2
    finally:
        demo.send_signal(signal.SIGTERM)
        rest, _ = demo.communicate(timeout=30)
    assert demo.returncode == 0, shown + rest
    ports = {int(port) for port in re.findall(r"127\.0\.0\.1:(\d+)", shown)}
    assert len(ports) == 6  # the API server's, the hook's, and those of four Pods of the app
    for port in ports:
        with socket.socket() as connection:
            assert connection.connect_ex(("127.0.0.1", port))
