"""The HTML report in a real browser: headless Chromium, as Debian has it."""

import json
import re
import struct
import zlib
from collections.abc import Callable
from pathlib import Path

import pytest

from pod_diagnoser.cli.renderers.html_report import html_report
from tests.unit.cli.renderers import chromium, pages

pytestmark = pytest.mark.skipif(chromium.CHROMIUM is None, reason=chromium.MISSING)

Browse = Callable[..., str]


@pytest.fixture
def browse(tmp_path: Path) -> Browse:
    """Open the page of a hostile report; return what the browser prints."""
    page = tmp_path / "report.html"
    page.write_text(html_report(pages.report(), pages.snapshot().diagnosers), encoding="utf-8")

    def run(*options: str) -> str:
        return chromium.browse(page, *options)

    return run


def test_it_renders_and_runs_nothing(browse: Browse) -> None:
    """The timeline and the cards are there; of what containers wrote nothing is an element."""
    dom = browse("--dump-dom")
    assert "<title>Pod diagnosis, 2026-11-23T10:10:00Z</title>" in dom
    assert len(re.findall(r"<circle[ >]", dom)) == 4
    assert len(re.findall(r"<article[ >]", dom)) == 4
    assert re.findall(r"<(?:script|img|iframe|object|embed|link|form)\b", dom) == []
    assert re.findall(r"<h1>([^<]*)", dom) == ["Pod diagnosis"]
    assert "&lt;script&gt;document.title='run'&lt;/script&gt;" in dom


def test_no_request_leaves_it(browse: Browse, tmp_path: Path) -> None:
    """By the browser's own log of its network: the file itself, and nothing else."""
    log = tmp_path / "net.json"
    browse("--dump-dom", f"--log-net-log={log}")
    events = json.loads(log.read_text(encoding="utf-8"))["events"]
    assert events
    asked = {str(each.get("params", {}).get("url", "")) for each in events} - {""}
    assert [each for each in asked if "127.0.0.1" in each or "evil" in each] == []


def pixels(path: Path) -> tuple[int, int, bytes]:
    """Return the width, the height and the raw lines of a picture of Chromium's."""
    content = path.read_bytes()
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", content[16:24])
    data, at = b"", 8
    while at < len(content):
        (size,) = struct.unpack(">I", content[at : at + 4])
        if content[at + 4 : at + 8] == b"IDAT":
            data += content[at + 8 : at + 8 + size]
        at += size + 12
    return width, height, zlib.decompress(data)


def test_it_is_drawn_in_both_schemes(browse: Browse, tmp_path: Path) -> None:
    """Neither picture is empty, and they are not the same."""
    drawn = []
    for number, setting in enumerate(("preferredColorScheme=1", "preferredColorScheme=0")):
        picture = tmp_path / f"{number}.png"
        browse(f"--blink-settings={setting}", "--window-size=1000,1400", f"--screenshot={picture}")
        width, height, lines = pixels(picture)
        assert (width, height) == (1000, 1400)
        assert len(set(lines)) > 30
        drawn.append(lines)
    assert drawn[0] != drawn[1]


def test_it_prints(browse: Browse, tmp_path: Path) -> None:
    """As a PDF of some pages."""
    paper = tmp_path / "report.pdf"
    browse(f"--print-to-pdf={paper}", "--no-pdf-header-footer")
    content = paper.read_bytes()
    assert content.startswith(b"%PDF")
    assert 1 <= len(re.findall(rb"/Type\s*/Page\b", content)) <= 10
