"""A report as one HTML file, which needs no network and no script. Pure.

Texts are escaped by `html_text.element`; besides, the page's Content-Security-Policy allows nothing
but its own style, by its hash.
"""

from base64 import b64encode
from collections import Counter
from collections.abc import Iterator, Sequence
from hashlib import sha256
from typing import Final

from pod_diagnoser.api.diagnostics_v1 import PodDiagnoser
from pod_diagnoser.api.time import format_time
from pod_diagnoser.cli.remediation import status_message, status_word
from pod_diagnoser.cli.renderers.facts import age, owner_text, severity, workload_text
from pod_diagnoser.cli.renderers.html_text import Content, Html, element, joined, rows
from pod_diagnoser.cli.renderers.timeline import timeline
from pod_diagnoser.cli.report import Finding, OwnWords, PodReport, Report
from pod_diagnoser.diagnosis.quoting import name

_MAX_WORKLOADS: Final = 200
_MAX_CARDS: Final = 100
_MAX_RECORDS: Final = 10
_MAX_EXAMPLES: Final = 10

_SEVERITIES: Final = ("expected", "restarted", "broken")
"""What `facts.severity` means."""

STYLE: Final = """
:root { color-scheme: light dark; --text: #1b1f24; --back: #fff; --soft: #57606a; --rule: #d0d7de;
  --panel: #f6f8fa; --broken: #b3261e; --restarted: #8a5300; --mark: #b3261e; }
@media (prefers-color-scheme: dark) { :root { --text: #e6edf3; --back: #0d1117; --soft: #a0aab4;
  --rule: #3d444d; --panel: #161b22; --broken: #ff8a80; --restarted: #ffc069; --mark: #ff8a80; } }
body { margin: 0 auto; max-width: 64rem; padding: 1.5rem; background: var(--back);
  color: var(--text); font: 1rem/1.5 system-ui, sans-serif; }
h1 { font-size: 1.6rem; } h2 { font-size: 1.25rem; margin-top: 2.2rem; }
h3 { font-size: 1.05rem; margin: 0 0 .4rem; overflow-wrap: anywhere; }
p { margin: .4rem 0; } .soft { color: var(--soft); }
table { border-collapse: collapse; width: 100%; margin: .8rem 0; }
caption { text-align: left; color: var(--soft); }
th, td { text-align: left; vertical-align: top; padding: .35rem .8rem .35rem 0;
  border-bottom: 1px solid var(--rule); overflow-wrap: anywhere; }
th { font-weight: 600; } thead th { overflow-wrap: normal; } dl { margin: .5rem 0; }
dt { font-weight: 600; float: left; clear: left; width: 7rem; }
dd { margin: 0 0 .3rem 8rem; overflow-wrap: anywhere; }
pre { margin: .2rem 0; padding: .5rem .8rem; background: var(--panel); border-radius: .3rem;
  white-space: pre-wrap; overflow-wrap: anywhere; font: .9rem/1.45 ui-monospace, monospace; }
article { border: 1px solid var(--rule); border-radius: .4rem; padding: .9rem 1.1rem;
  margin: 1rem 0; } .broken { color: var(--broken); } .restarted { color: var(--restarted); }
.timeline { width: 100%; height: auto; } .timeline text { fill: var(--soft); font-size: 12px; }
.timeline .label { text-anchor: end; fill: var(--text); font-size: 13px; }
.timeline .rule { stroke: var(--rule); } .timeline .mark { fill: var(--mark); fill-opacity: .65; }
@media print { :root { color-scheme: light; --text: #000; --back: #fff; --soft: #444; }
  body { max-width: none; padding: 0; } article, tr, svg { break-inside: avoid; } }
"""

_POLICY: Final = (
    "default-src 'none'; base-uri 'none'; form-action 'none'; style-src 'sha256-"
    + b64encode(sha256(STYLE.encode()).digest()).decode()
    + "'"
)


def html_report(
    report: Report, diagnosers: Sequence[PodDiagnoser] = (), source: str = "a cluster"
) -> str:
    """Return the page.

    Args:
        report: what was found.
        diagnosers: the PodDiagnosers, whose statuses say what was withheld.
        source: what was looked at, in words.
    """
    title = f"Pod diagnosis, {format_time(report.now)}"
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="referrer", content="no-referrer"),
        element("title", title),
        element("style", Html(STYLE)),
    )
    main = element(
        "main", element("h1", "Pod diagnosis"), *_Page(report, diagnosers).sections(source)
    )
    return f"<!DOCTYPE html>\n{element('html', head, element('body', main), lang='en')}\n"


class _Page:
    """The sections of a page."""

    def __init__(self, report: Report, diagnosers: Sequence[PodDiagnoser]) -> None:
        self._report, self._diagnosers = report, diagnosers
        self._broken = [pod for pod in report.pods if pod.findings]
        groups: dict[tuple[str, str], list[PodReport]] = {}
        for pod in sorted(self._broken, key=lambda each: -severity(each.findings)):
            groups.setdefault((pod.namespace, pod.workload.key), []).append(pod)
        self._groups = sorted(
            groups.values(), key=lambda each: (-severity(each[0].findings), -len(each))
        )

    def sections(self, source: str) -> Iterator[Html]:
        """Yield them."""
        yield self._summary()
        if self._groups:
            yield self._crashes()
            yield self._cards()
        yield from self._withheld()
        yield self._origin(source)

    def _summary(self) -> Html:
        report, broken = self._report, self._broken
        causes = Counter(pod.findings[0].diagnosis.cause.value for pod in broken)
        told = ", ".join(f"{cause} {count}" for cause, count in causes.most_common())
        have = "has" if len(broken) == 1 else "have"
        return element(
            "section",
            element("p", f"{len(broken)} of {report.looked_at} Pods {have} a diagnosis."),
            element("p", f"Causes: {told}.") if told else None,
            _list("What the crashes have in common", report.common),
        )

    def _crashes(self) -> Html:
        heads = ("Workload", "Pods", "Cause", "What happened", "Last")
        return element(
            "section",
            element("h2", "Crashes by workload"),
            timeline(self._groups),
            element(
                "table",
                element("caption", "Each workload, the worst first"),
                element(
                    "thead", element("tr", *(element("th", each, scope="col") for each in heads))
                ),
                element("tbody", *map(self._workload, self._groups[:_MAX_WORKLOADS])),
            ),
            _left_out(len(self._groups) - _MAX_WORKLOADS, "workloads"),
        )

    def _workload(self, pods: Sequence[PodReport]) -> Html:
        worst = pods[0]
        finding = worst.findings[0]
        happened = [each.happened for pod in pods for each in pod.findings if each.happened]
        last = f"{age(max(happened), self._report.now)} ago" if happened else ""
        siblings = worst.siblings
        total = max(siblings.total if siblings else 0, len(pods))
        cells: tuple[Content, ...] = (
            f"{worst.namespace}/{workload_text(worst)}",
            f"{len(pods)} of {total}",
            _cause(worst.findings, finding),
            finding.statement.diagnosis,
            last,
        )
        return rows("tr", cells)

    def _cards(self) -> Html:
        pods = [pod for group in self._groups for pod in group]
        return element(
            "section",
            element("h2", "Pods"),
            *(_card(pod) for pod in pods[:_MAX_CARDS]),
            _left_out(len(pods) - _MAX_CARDS, "Pods"),
        )

    def _withheld(self) -> Iterator[Html]:
        found = [
            rows(
                "tr",
                (
                    f"{each.metadata.namespace}/{each.metadata.name}",
                    status_word(withheld.reason),
                    str(withheld.crashes),
                    status_message(withheld.reason, withheld.message),
                    ", ".join(map(status_word, withheld.examples[:_MAX_EXAMPLES])),
                ),
            )
            for each in self._diagnosers
            for withheld in each.status.withheld
        ]
        if not found:
            return
        heads = ("PodDiagnoser", "Reason", "Crashes", "Why", "Pods")
        yield element(
            "section",
            element("h2", "What was withheld"),
            element(
                "table",
                element("caption", "Crashes about which nothing is done, by reason"),
                element(
                    "thead", element("tr", *(element("th", each, scope="col") for each in heads))
                ),
                element("tbody", *found[:_MAX_WORKLOADS]),
            ),
        )

    def _origin(self, source: str) -> Html:
        report = self._report
        unreadable = (
            f"Objects that no API server writes, left out: {report.unreadable}."
            if report.unreadable
            else None
        )
        return element(
            "section",
            element("h2", "How this was made"),
            element(
                "p",
                f"By kubectl diagnose report, of {source}, {report.as_of}. "
                "A cause is proved by the Pod's status, its Events or its log; what is only "
                "possible is said to be. Secrets that were recognized are masked.",
            ),
            element("p", unreadable) if unreadable else None,
            _list("What could not be read", [str(each) for each in report.missing]),
        )


def _card(pod: PodReport) -> Html:
    return element(
        "article",
        element("h3", f"{pod.namespace}/{pod.name}"),
        element("p", _about(pod), class_="soft"),
        *(_finding(finding) for finding in pod.findings),
        _list("What changed before", pod.changes),
        _list("Remediation", pod.remediation),
        _history(pod),
    )


def _about(pod: PodReport) -> str:
    owner = "" if pod.workload.kind == "Pod" else owner_text(pod)
    return ", ".join(filter(None, (owner, f"node {name(pod.node)}" if pod.node else "no node")))


def _finding(finding: Finding) -> Html:
    lines, symptom = finding.statement, finding.diagnosis.symptom
    when = format_time(finding.happened) if finding.happened else ""
    container = f"{symptom.container_kind} {name(symptom.container)}" if symptom.container else ""
    facts: tuple[tuple[str, Content], ...] = (
        ("Cause", _cause([finding], finding)),
        ("Of", container),
        ("What", lines.diagnosis),
        ("Why", lines.evidence),
        ("Next", lines.next_step),
        ("When", when),
    )
    shown = [
        joined((element("dt", term), element("dd", content))) for term, content in facts if content
    ]
    return joined((element("dl", *shown), _words(finding.words)))


def _cause(findings: Sequence[Finding], finding: Finding) -> Html:
    """Return the cause, with how bad it is in words too: colours alone tell nothing to many."""
    level = _SEVERITIES[severity(findings)]
    return element("span", f"{finding.diagnosis.cause.value} ({level})", class_=level)


def _words(words: OwnWords | None) -> Html | None:
    if words is None or not words.lines:
        return None
    about = f"The container's own words ({words.source}, {words.reason_class.value}):"
    # The lines of a block keep their ends, which a text in an element does not have.
    lines = [piece for line in words.lines for piece in (element("span", line), Html("\n"))]
    return joined((element("p", about), element("pre", *lines)))


def _of(container: str) -> str:
    return f"{name(container)}: " if container else ""


def _history(pod: PodReport) -> Html | None:
    if len(pod.history) <= 1:
        return None
    texts = [
        f"{format_time(each.happened)} {_of(each.container)}{each.cause}"
        for each in pod.history[:_MAX_RECORDS]
    ]
    return _list("Its crashes", texts)


def _list(title: str, texts: Sequence[str]) -> Html | None:
    if not texts:
        return None
    items = (element("li", each) for each in texts)
    return joined((element("p", f"{title}:"), element("ul", *items)))


def _left_out(number: int, what: str) -> Html | None:
    return element("p", f"And {number} more {what}.") if number > 0 else None
