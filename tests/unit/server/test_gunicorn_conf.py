"""What gunicorn's configuration does to the process that reads it."""

import platform
import subprocess
import sys

import pytest

MEBIBYTES = 1024 * 1024

PROGRAM = """
import re, sys
from pathlib import Path

if sys.argv[1] == "configured":
    import pod_diagnoser.server.gunicorn_conf

def resident():
    return int(re.search(r"VmRSS:\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

first = bytes([1]) * (8 << 20)
del first  # from now on glibc takes such blocks from its heap
before = resident()
body = bytes([1]) * (8 << 20)
above = [bytes([1]) * 4096 for _ in range(64)]  # and what lies above it keeps it there
del body
print(resident() - before)
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="it is about glibc's heap")
def test_a_large_body_goes_back_to_the_system() -> None:
    """Also once such a one was freed before; else what one request took is there for ever."""
    left = {
        how: int(subprocess.check_output([sys.executable, "-c", PROGRAM, how]))
        for how in ("configured", "not")
    }
    assert left["configured"] < MEBIBYTES
    assert left["not"] > 4 * MEBIBYTES, "else this test shows nothing"
