"""What the command ``pod-diagnoser serve`` loads before gunicorn's worker is there."""

import subprocess
import sys


def test_nothing_holds_ssl_before_gevent_patches_it() -> None:
    """A client that was loaded before the patch recurses without end at its first TLS connection.

    Source: gevent/monkey.py, "Monkey-patching ssl after ssl has already been imported".
    """
    loaded = (
        "import sys, pod_diagnoser.server.command, pod_diagnoser.server.gunicorn_conf\n"
        "import pod_diagnoser.server.worker\n"
        "print(sorted({'requests', 'urllib3', 'pod_diagnoser.server.app'} & sys.modules.keys()))"
    )
    result = subprocess.run(
        [sys.executable, "-c", loaded], capture_output=True, text=True, check=True
    )
    assert result.stdout == "[]\n"
