"""Headlamp's plug-in in Chromium, on a real API server: in the real Headlamp, and in a stand-in.

The real one is rarely at hand (`dev.contrib.headlamp` says how to build it); the stand-in is a page
with what of Headlamp the plug-in uses, behind ``kubectl proxy``. Both take ``make headlamp``.
"""

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from dev import local_http
from dev.contrib import headlamp
from dev.contrib.browser import CHROMIUM, Browser
from dev.envtest.client import PODS
from dev.envtest.cluster import Cluster
from dev.envtest.process import Process
from dev.local_ports import free_ports
from tests.e2e.workspace import OOM_KILLED, PREFIX, Workspace, shown_metadata

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="no Chromium: apt-get install chromium"),
    pytest.mark.skipif(
        not (headlamp.PLUGIN / "dist" / "main.js").is_file(),
        reason="Headlamp's plug-in is not built: make headlamp",
    ),
]

HOSTILE = '<img src="nowhere" onerror="document.title=1"><script>document.title=1</script>${1}{{1}}'

CAUSES = """(() => {
  const rows = [...document.querySelectorAll('table tr')].map(row =>
    [...row.cells].map(cell => cell.textContent));
  const column = start => rows[0]?.findIndex(cell => cell.startsWith(start));
  const [name, cause] = [column('Name'), column('Cause')];
  return cause > 0 && Object.fromEntries(rows.slice(1).map(row => [row[name], row[cause]]));
})()"""
"""The table of Pods: names and causes, as far as it has a column for them."""

SECTION = """(() => {
  const title = [...document.querySelectorAll('h1, h2, h3')].find(each =>
    each.textContent === 'Why it crashed');
  const list = [...document.querySelectorAll('dl')].find(each =>
    title?.compareDocumentPosition(each) & Node.DOCUMENT_POSITION_FOLLOWING);
  const texts = what => [...(list?.querySelectorAll(what) ?? [])].map(each => each.textContent);
  const values = texts('dd');
  return Object.fromEntries(texts('dt').map((name, at) => [name, values[at]]));
})()"""
"""Names and values of the section, empty without one."""


@dataclass(frozen=True, slots=True)
class Site:
    """What shows Pods, and a browser.

    Attributes:
        browser: the browser.
        origin: of all that pages should ask for.
        table: returns the URL of a namespace's Pods.
        details: returns the URL of a Pod.
        loaded: JavaScript that is true once a Pod's page shows it.
    """

    browser: Browser
    origin: str
    table: Callable[[str], str]
    details: Callable[[str, str], str]
    loaded: str

    def open(self, url: str) -> None:
        """Go to a page anew, also where only its fragment differs."""
        self.browser.open("about:blank")
        self.browser.open(url)

    def causes(self, shop: Workspace, *names: str) -> dict[str, str]:
        """Return the causes that the table shows, once it has all these Pods."""
        self.open(self.table(shop.namespace))
        names_shown = f"Object.keys({CAUSES} || {{}})"
        has_all = f"{json.dumps(names)}.every(each => {names_shown}.includes(each))"
        self.browser.wait_for(has_all)
        found: dict[str, str] = self.browser.evaluate(CAUSES)
        return found

    def section(self, shop: Workspace, name: str) -> dict[str, str]:
        """Return what the section of a Pod shows; empty without one."""
        self.open(self.details(shop.namespace, name))
        self.browser.wait_for(self.loaded)
        found: dict[str, str] = self.browser.evaluate(SECTION)
        return found


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """One for all tests of the module. Headlamp has no room for all columns in it."""
    with Browser(tmp_path_factory.mktemp("browser"), 1100, 800) as running:
        yield running


@pytest.fixture
def stand_in(cluster: Cluster, browser: Browser, tmp_path: Path) -> Iterator[Site]:
    """The page, behind ``kubectl proxy``."""
    plane = cluster.control_plane
    libraries = headlamp.PLUGIN / "node_modules"
    for source, name in (
        (Path(__file__).parent / "headlamp" / "index.html", "index.html"),
        (libraries / "react" / "umd" / "react.production.min.js", "react.js"),
        (libraries / "react-dom" / "umd" / "react-dom.production.min.js", "react-dom.js"),
        (headlamp.PLUGIN / "dist" / "main.js", "main.js"),
    ):
        shutil.copy(source, tmp_path / name)
    (port,) = free_ports(1)
    arguments = [
        str(plane.binaries.kubectl),
        f"--kubeconfig={plane.kubeconfig}",
        "proxy",
        f"--port={port}",
        f"--www={tmp_path}",
        "--www-prefix=/page/",
    ]
    proxy = Process("kubectl-proxy", arguments, plane.folder)
    proxy.start()
    origin = f"http://127.0.0.1:{port}"
    try:
        proxy.wait_until(lambda: local_http.is_ok(f"{origin}/page/"))
        page = f"{origin}/page/#"
        yield Site(
            browser,
            origin,
            lambda namespace: f"{page}/{namespace}",
            lambda namespace, name: f"{page}/{namespace}/{name}",
            "document.querySelector('main')",
        )
    finally:
        proxy.stop()


@pytest.fixture
def real(cluster: Cluster, browser: Browser, tmp_path: Path) -> Iterator[Site]:
    """Headlamp itself."""
    if None in {headlamp.SERVER, headlamp.PAGES}:
        pytest.skip(
            "headlamp-server is not on PATH, or HEADLAMP_PAGES not set: dev/contrib/headlamp.py"
        )
    with headlamp.Headlamp(tmp_path, cluster.control_plane.kubeconfig) as server:
        yield Site(
            browser, server.url, server.pods, server.pod, "document.body?.innerText.includes('QoS')"
        )


@pytest.fixture(params=["stand_in", "real"])
def site(request: pytest.FixtureRequest) -> Site:
    """Each in turn."""
    found: Site = request.getfixturevalue(request.param)
    return found


def test_cause_and_section(site: Site, shop: Workspace) -> None:
    """Of a Pod that crashed, before all else; nothing of one that did not."""
    shop.diagnose()
    for name in ("web", "calm"):
        shop.start_pod(name)
    shop.crash("web", OOM_KILLED)
    annotations, _ = shown_metadata(shop.annotated("web"))
    site.browser.requested.clear()
    assert site.causes(shop, "web", "calm") == {"web": "OutOfMemory", "calm": ""}

    section = site.section(shop, "web")
    assert list(section)[:2] == ["Diagnosis", "Cause"]
    assert section["Diagnosis"] == annotations["diagnosis"]
    assert section["Next step"] == annotations["next-step"]
    assert section["Ended"].startswith(annotations["restart-time"])
    text: str = site.browser.evaluate("document.body.innerText")
    assert text.index("Why it crashed") < text.index("METADATA" if "METADATA" in text else "QoS")
    assert site.section(shop, "calm") == {}
    own = (site.origin, "about:", "data:")
    assert [each for each in site.browser.requested if not each.startswith(own)] == []


def test_hostile_annotations(site: Site, shop: Workspace) -> None:
    """They are shown as what they are: text. The operator would take them off."""
    keys = ("cause", "diagnosis", "next-step", "reason", "evidence", "restart-time")
    annotations: dict[str, Any] = {PREFIX + key: HOSTILE for key in keys}
    cluster = shop.cluster
    cluster.metacontroller.stop()
    try:
        shop.start_pod("web")
        change = {"metadata": {"annotations": annotations}}
        cluster.admin.patch(PODS, "web", change, shop.namespace)
        assert site.causes(shop, "web") == {"web": HOSTILE}
        injected = "document.querySelectorAll('img[src=nowhere], [onerror]').length"
        assert site.browser.evaluate(injected) == 0
        section = site.section(shop, "web")
        assert list(section.values()) == [HOSTILE] * len(keys)
        assert site.browser.evaluate(injected) == 0
        assert site.browser.evaluate("document.title") != "1"
        assert not any("nowhere" in each for each in site.browser.requested)
    finally:
        cluster.metacontroller.start()
