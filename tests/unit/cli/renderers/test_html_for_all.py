"""The HTML report as axe-core judges it in Chromium: whether all can read it.

axe needs a script, which the page's Content-Security-Policy forbids: it gets a copy without that.
"""

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from pod_diagnoser.cli.renderers.html_report import html_report
from tests.unit.cli.renderers import chromium, pages

AXE = Path(__file__).parents[4] / ".cache" / "axe" / "node_modules" / "axe-core" / "axe.min.js"

pytestmark = [
    pytest.mark.skipif(chromium.CHROMIUM is None, reason=chromium.MISSING),
    pytest.mark.skipif(not AXE.exists(), reason="no axe-core: make axe, which takes Node.js"),
]

SCHEMES = {"light": "1", "dark": "0"}

_RUN = """
axe.run(document).then(found => {
  const short = each => ({rule: each.id, impact: each.impact, nodes: each.nodes.length,
    first: each.nodes.length ? each.nodes[0].html : ''});
  const told = document.createElement('pre');
  told.id = 'judgement';
  told.textContent = JSON.stringify({
    violations: found.violations.map(short), passes: found.passes.map(each => each.id)});
  document.body.appendChild(told);
});
"""


def judge(text: str, folder: Path, scheme: str) -> Any:
    """Return what axe finds in a page, in a colour scheme."""
    bare, count = re.subn(r'<meta http-equiv="Content-Security-Policy"[^>]*>', "", text)
    assert count == 1
    script = AXE.read_text(encoding="utf-8")
    assert "</script" not in script
    page = folder / "page.html"
    scripts = f"<script>{script}</script><script>{_RUN}</script></body>"
    page.write_text(bare.replace("</body>", scripts), encoding="utf-8")
    dom = chromium.browse(
        page,
        f"--blink-settings=preferredColorScheme={SCHEMES[scheme]}",
        "--virtual-time-budget=30000",
        "--dump-dom",
    )
    (found,) = re.findall(r'<pre id="judgement">(.*?)</pre>', dom, re.DOTALL)
    return json.loads(unescape(found))


def serious(judgement: Any) -> list[Any]:
    """Return its serious and critical faults."""
    return [each for each in judgement["violations"] if each["impact"] in ("serious", "critical")]


@pytest.fixture(scope="module")
def text() -> str:
    """The page of a hostile report."""
    return html_report(pages.report(), pages.snapshot().diagnosers, "files")


@pytest.mark.parametrize("scheme", SCHEMES)
def test_no_serious_fault(text: str, tmp_path: Path, scheme: str) -> None:
    """In either scheme; contrasts, tables and the drawing were judged."""
    found = judge(text, tmp_path, scheme)
    assert serious(found) == []
    assert {"color-contrast", "td-headers-attr", "svg-img-alt", "html-has-lang"} <= {
        *found["passes"]
    }


def test_that_faults_are_found(text: str, tmp_path: Path) -> None:
    """Else the test above would show nothing: too dark a grey, a language that is not said."""
    for right, wrong in (("--soft: #a0aab4", "--soft: #404040"), ('<html lang="en">', "<html>")):
        assert right in text
        text = text.replace(right, wrong)
    found = {each["rule"] for each in serious(judge(text, tmp_path, "dark"))}
    assert {"color-contrast", "html-has-lang"} <= found
