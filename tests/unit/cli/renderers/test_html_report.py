"""The HTML report: what is in it, that nothing gets out of its text, and that all can read it."""

import re
from base64 import b64encode
from collections import Counter
from hashlib import sha256
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli import command
from pod_diagnoser.cli.collector import take_snapshot
from pod_diagnoser.cli.engine import diagnose_snapshot
from pod_diagnoser.cli.renderers.html_report import STYLE, html_report
from pod_diagnoser.cli.renderers.html_text import element
from tests.support.builders import after, container, crashed, pod
from tests.unit.cli.renderers import pages


class Page(HTMLParser):
    """Reads a page: its elements with their attributes, and the text of each."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(text)
        self.close()
        assert self._open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an element."""
        self.elements.append((tag, dict(attrs)))
        if tag != "meta":
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Note an empty element."""
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        """Check that it is the one that is open."""
        assert self._open.pop() == tag

    def handle_data(self, data: str) -> None:
        """Note a text."""
        self.texts.append((self._open[-1] if self._open else "", data))

    def all(self, tag: str) -> list[dict[str, str | None]]:
        """Return the attributes of all elements of a name."""
        return [attributes for name, attributes in self.elements if name == tag]

    def text(self) -> str:
        """Return all text but the style."""
        return " ".join(data for tag, data in self.texts if tag != "style")


@pytest.fixture(scope="module")
def text() -> str:
    """The page of a hostile report."""
    return html_report(pages.report(), pages.snapshot().diagnosers, "files")


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    """The same, read."""
    return Page(text)


def test_what_is_in_it(page: Page) -> None:
    """Summary, common factors, timeline, cards, what was withheld, and how it was made."""
    said = page.text()
    for part in (
        "4 of 5 Pods have a diagnosis.",
        "Causes: ApplicationError 4.",
        "What the crashes have in common:",
        "Crashes by workload",
        "shop/db-2",
        'StatefulSet "db<b>", node node1',
        "ApplicationError (broken)",
        "ApplicationError (restarted)",
        "own words (log, UncaughtException):",
        "What changed before:",
        "What was withheld",
        "By kubectl diagnose report, of files, as of 2026-11-23T10:10:00Z.",
        "What could not be read:",
        "left out: 3",
    ):
        assert part in said
    assert len(page.all("article")) == 4
    assert len(page.all("circle")) == 4


def test_hostile_text_is_text(page: Page, text: str) -> None:
    """There are the elements and attributes of the page, and no others."""
    names = {name for name, _ in page.elements}
    assert names == {
        *("html", "head", "meta", "title", "style", "body", "main", "h1", "h2", "h3", "section"),
        *("p", "ul", "li", "table", "caption", "thead", "tbody", "tr", "th", "td", "article"),
        *("dl", "dt", "dd", "pre", "span", "svg", "desc", "line", "text", "circle"),
    }
    attributes = {key for _, each in page.elements for key in each}
    assert attributes == {
        *("lang", "charset", "http-equiv", "content", "name", "scope", "class", "role", "id"),
        *("aria-labelledby", "viewbox", "x", "y", "x1", "y1", "x2", "y2", "cx", "cy", "r"),
        "text-anchor",
    }
    said = page.text()
    for hostile in pages.HOSTILE[:-1]:
        assert hostile in said
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert "forged" not in [data for tag, data in page.texts if tag == "h1"]


@given(st.text(), st.text())
def test_any_text_in_an_element(content: str, attribute: str) -> None:
    """It is neither an element nor the end of an attribute."""
    read = Page(element("p", content, class_=attribute))
    assert [name for name, _ in read.elements] == ["p"]
    assert list(read.elements[0][1]) == ["class"]


def test_policy(page: Page, text: str) -> None:
    """Nothing may be loaded or run, and the one style is named by its hash."""
    (policy,) = (each["content"] for each in page.all("meta") if "http-equiv" in each)
    style = text[text.index("<style>") + len("<style>") : text.index("</style>")]
    digest = b64encode(sha256(style.encode()).digest()).decode()
    assert policy == (
        f"default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-{digest}'"
    )
    assert "url(" not in style
    assert "@import" not in style


def test_structure_for_those_who_do_not_see_it(page: Page) -> None:
    """What axe checks and a page like this can get wrong."""
    assert page.all("html") == [{"lang": "en"}]
    assert len(page.all("title")) == 1 + len(page.all("svg")) + len(page.all("circle"))
    assert len(page.all("main")) == len(page.all("h1")) == 1
    levels = [int(name[1]) for name, _ in page.elements if re.fullmatch(r"h[1-6]", name)]
    assert levels[0] == 1
    assert all(below - above <= 1 for above, below in pairwise(levels))
    assert all(each.get("scope") in ("col", "row") for each in page.all("th"))
    assert len(page.all("caption")) == len(page.all("table"))
    ids = Counter(each["id"] for _, each in page.elements if "id" in each)
    assert set(ids.values()) == {1}
    for drawing in page.all("svg"):
        assert drawing["role"] == "img"
        assert set((drawing["aria-labelledby"] or "").split()) <= set(ids)


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour. Source: WCAG 2.2."""
    digits = colour if len(colour) == 6 else "".join(2 * each for each in colour)
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", [0, 1], ids=["light", "dark"])
def test_contrast(scheme: int) -> None:
    """4.5 at least for text, in both schemes. Source: WCAG 2.2, 1.4.3."""
    block = re.findall(r":root \{(.*?)\}", STYLE, re.DOTALL)[scheme]
    colours = dict(re.findall(r"--([a-z]+): #([0-9a-f]{3,6});", block))
    for text in ("text", "soft", "broken", "restarted"):
        for back in ("back", "panel"):
            pair = sorted((luminance(colours[text]), luminance(colours[back])))
            assert (pair[1] + 0.05) / (pair[0] + 0.05) >= 4.5, (text, back)


def test_nothing_found() -> None:
    """The page says so, and has no empty parts."""
    report = diagnose_snapshot(take_snapshot([pod(container())]), after())
    read = Page(html_report(report))
    assert "0 of 1 Pods have a diagnosis." in read.text()
    assert read.all("table") == read.all("svg") == read.all("article") == []


def test_large_reports_are_bounded() -> None:
    """Of hundreds of Pods the first cards; how many are left out is said."""
    report = diagnose_snapshot(
        take_snapshot([crashed(name=f"a-{n}", number=n) for n in range(300)]), after(60)
    )
    read = Page(html_report(report))
    assert len(read.all("article")) == 100
    assert "And 200 more Pods." in read.text()
    assert "And 100 more workloads." in read.text()


def test_command(tmp_path: Path, capfdbinary: pytest.CaptureFixture[bytes]) -> None:
    """Into a file, to standard output, or as Markdown; a file that cannot be written is told."""
    dump = tmp_path / "dump.json"
    dump.write_text('{"kind": "List", "items": []}')
    out = tmp_path / "report.html"
    assert command.main(["report", "-f", str(dump), "-o", str(out)]) == 0
    assert out.read_text().startswith("<!DOCTYPE html>\n<html")
    ticket = tmp_path / "report.md"
    assert command.main(["report", "-f", str(dump), "-o", str(ticket)]) == 0
    assert ticket.read_text().startswith("# Pod diagnosis\n")
    capfdbinary.readouterr()
    assert command.main(["report", "-f", str(dump), "-o", "-"]) == 0
    assert capfdbinary.readouterr().out.startswith(b"<!DOCTYPE html>\n")
    assert command.main(["report", "-f", str(dump), "-o", str(tmp_path / "no" / "x")]) == 2
    assert b"No such file or directory" in capfdbinary.readouterr().err
    assert command.main(["report", "-f", str(dump)]) == 2
