"""Run the benchmarks and print their figures as Markdown tables."""

import argparse
import json
import os
import platform
import re
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dev.benchmarks import (
    cluster_kind,
    comparison,
    connections,
    counting,
    evidence,
    fairness,
    files,
    growth,
    hook,
    installing,
    on_api_server,
    poddiagnosers,
    reading,
    remediation,
    returning,
    storm,
    telling,
    variants,
)
from dev.benchmarks.figures import Line, table
from dev.benchmarks.quiet import Quiet
from dev.envtest import build
from dev.envtest.process import StartError

_HEADINGS = {
    "cluster": "The whole operator, beside one in kopf that does the same job",
    "variants": "The same storm without TLS, and under a ClusterPodDiagnoser",
    "reasons": "Where the requests of a storm come from, counted in one of its own",
    "returning": "After an outage: from the return of what was away until all is told",
    "growth": "What Pods cost that are there and healthy",
    "installing": "Onto a cluster whose Pods restarted long ago",
    "hook": "The hook alone: one process, five connections, a Pod of 15 KB",
    "poddiagnosers": "A PodDiagnoser with 1,000 crashed Pods, and the hook's memory",
    "remediation": "From a crash to what is done about it, beside kopf without safeguards",
    "evidence": "Crashes with their Events read, beside crashes without",
    "fairness": "Others' syncs while one namespace attacks the hook",
    "connections": "What TLS costs, and callers beside 5,000 connections that lead nowhere",
    "cli": "kubectl-diagnose on ten thousand Pods, a tenth of them crashed or more",
    "telling": "From a crash to its Event, by what the Events of its Pod say",
    "reading": "What reading the output of a crashed program costs, for 64 KiB",
    "cluster-kind": "A ClusterPodDiagnoser of thousands of namespaces",
}
_APART = ("variants", "cluster-kind", "evidence", "telling", "fairness", "connections", "cli")
"""Parts that run only where they are named: all others together take nearly half an hour."""

Tables = Mapping[str, Sequence[Line]]
"""Heading to lines; the first heading may be empty."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen benchmarks.

    Args:
        arguments: the command line's; None takes this process's own.

    Returns:
        The exit code: 0, also where aims are missed.
    """
    options = _parser().parse_args(arguments)
    parts = options.parts or [part for part in _HEADINGS if part not in _APART]
    if options.into:
        written_into(options.into.read_text(encoding="utf-8"), "")  # before half an hour is spent
    report = _Report(options.json, options.into)
    report.say(f"{_machine()}\n", kept=False)
    begun = time.monotonic()
    with Quiet() as quiet:
        for part in parts:
            since, when = time.monotonic(), _when()
            try:
                found = _PARTS[part](options, quiet)
            except build.MissingError as missing:
                report.say(f"### {_HEADINGS[part]}\n\nNot measured: {missing}.\n")
                continue
            except (TimeoutError, StartError) as problem:
                # What else was measured is not lost.
                report.say(f"### {_HEADINGS[part]}\n\n**Failed**: {problem}.\n")
                report.missed.append(f"{part}: failed")
                continue
            seconds = time.monotonic() - since
            note = f"{when}. {quiet.note(since)} This part took {seconds:.0f} s."
            report.add(part, found, note)
    report.say(f"Aims missed: {'; '.join(report.missed) or 'none'}.\n", kept=False)
    minutes = (time.monotonic() - begun) / 60
    report.say(f"All of it took {minutes:.1f} minutes.", kept=False)
    return 0


def written_into(page: str, report: str) -> str:
    """Put a report into a page: each of its sections takes the place of that part's last one.

    Args:
        page: one that holds `BEGIN` and `END`, each on a line of its own.
        report: as it was printed.

    Returns:
        The page. What it shows of parts that did not run stays.

    Raises:
        ValueError: it does not hold them.
    """
    above, rest = page.split(f"{BEGIN}\n")
    shown, below = rest.split(f"{END}\n")
    preface, *sections = _sections(shown)
    found = {_title(one): one for one in (*sections, *_sections(report)[1:])}
    order = {title: number for number, title in enumerate(_HEADINGS.values())}
    parts = sorted(found, key=lambda title: order.get(title, -1))
    body = "\n\n".join(filter(None, (preface, *(found[title] for title in parts))))
    return f"{above}{BEGIN}\n\n{body}\n\n{END}\n{below}"


def _sections(text: str) -> list[str]:
    """Cut a text before each heading of a part; the first piece stands before all of them."""
    return [piece.strip() for piece in re.split(r"^(?=### )", text, flags=re.MULTILINE)]


def _title(section: str) -> str:
    return section.splitlines()[0].removeprefix("### ")


BEGIN, END = "<!-- one run of make bench -->", "<!-- end of the run -->"
"""Between these is what a run has put into a page."""


class _Report:
    """What is printed, and written to files as it comes.

    Args:
        json_file: for all values, if wanted.
        page: what takes the tables, if wanted.

    Attributes:
        missed: the names of lines that missed their aims.
    """

    def __init__(self, json_file: Path | None, page: Path | None) -> None:
        self._json_file = json_file
        self._page = page
        self._document: dict[str, dict[str, Any]] = {}
        self._text = ""
        self.missed: list[str] = []

    def add(self, part: str, tables: Tables, note: str) -> None:
        """Print a part.

        Args:
            part: its name.
            tables: what was found.
            note: how it was found.
        """
        above = f"### {_HEADINGS[part]}\n\n{note}\n"
        for heading, lines in tables.items():
            if heading:
                self.say(f"{above}\n" if above else "", end="")
                self.say(table(f"#### {heading}", lines))
            else:
                self.say(table(f"### {_HEADINGS[part]}", lines, note))
            above = ""
            self.missed += [one.name for one in lines if one.met is False]
        self._document[part] = {
            "note": note,
            "tables": {name: [one.as_json() for one in lines] for name, lines in tables.items()},
        }
        if self._json_file:
            text = json.dumps(self._document, indent=1)
            self._json_file.write_text(f"{text}\n", encoding="utf-8")
        if self._page:
            page = self._page.read_text(encoding="utf-8")
            self._page.write_text(written_into(page, self._text), encoding="utf-8")

    def say(self, text: str, end: str = "\n", *, kept: bool = True) -> None:
        """Print a text.

        Args:
            text: what.
            end: what follows it.
            kept: whether it goes into a page, too.
        """
        sys.stdout.write(f"{text}{end}")
        sys.stdout.flush()
        if kept:
            self._text += f"{text}{end}"


def _cluster(options: argparse.Namespace, quiet: Quiet) -> Tables:
    size = storm.QUICK if options.quick else storm.FULL
    rounds = options.rounds or (1 if options.quick else 3)
    found = storm.measure(rounds, size, quiet)
    return {"": comparison.aims(found, size), "What else was seen": comparison.rest(found, size)}


def _variants(options: argparse.Namespace, _: Quiet) -> Tables:
    size = storm.QUICK if options.quick else storm.FULL
    return {"": variants.measure(options.rounds or (1 if options.quick else 2), size)}


def _cluster_kind(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return {"": cluster_kind.measure(100, 5, 10)}
    return {"": cluster_kind.measure()}


def _reasons(options: argparse.Namespace, _: Quiet) -> Tables:
    return counting.measure(storm.QUICK if options.quick else storm.FULL)


def _returning(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return {"": returning.measure(1, crashes=200, away=10)}
    return {"": returning.measure(options.rounds or 1)}


def _growth(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return {"": growth.measure(few=200, many=1000, batch=20, away=10)}
    return {"": growth.measure()}


def _installing(options: argparse.Namespace, _: Quiet) -> Tables:
    return {"": installing.measure(200 if options.quick else installing.COUNT)}


def _hook(options: argparse.Namespace, _: Quiet) -> Tables:
    return {"": hook.measure(2 if options.quick else options.rounds or 10, options.seconds)}


def _poddiagnosers(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return {"": poddiagnosers.measure(syncs=3, pod_syncs=10_000)}
    return {"": poddiagnosers.measure()}


def _remediation(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return remediation.measure(1, crashes=5, storm=100)
    return remediation.measure(options.rounds or 1)


def _evidence(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return {"": evidence.measure(1, crashes=5, unexplained=2, storm=100, output_storm=300)}
    return {"": evidence.measure(options.rounds or 1)}


def _telling(options: argparse.Namespace, _: Quiet) -> Tables:
    crashes = 5 if options.quick else telling.CRASHES
    return {"": telling.measure(options.rounds or 1, crashes=crashes)}


def _cli(options: argparse.Namespace, _: Quiet) -> Tables:
    rounds = 1 if options.quick else options.rounds or 3
    of_files = files.measure(rounds, 1000 if options.quick else files.PODS)
    try:
        found = on_api_server.measure(rounds, 100 if options.quick else on_api_server.PODS_THERE)
    except build.MissingError as missing:
        return {"": of_files, f"On a real API server: not measured: {missing}": []}
    return {"": of_files, "On a real API server": found}


def _fairness(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return {"": fairness.measure(1, 6.0)}
    return {"": fairness.measure(options.rounds or 3)}


def _connections(options: argparse.Namespace, _: Quiet) -> Tables:
    if options.quick:
        return {"": connections.measure(1, 8.0)}
    return {"": connections.measure(options.rounds or 1)}


def _reading(options: argparse.Namespace, _: Quiet) -> Tables:
    return {"": reading.measure(2 if options.quick else options.rounds or 10)}


_PARTS: dict[str, Callable[[argparse.Namespace, Quiet], Tables]] = {
    "cluster": _cluster,
    "variants": _variants,
    "cluster-kind": _cluster_kind,
    "reasons": _reasons,
    "returning": _returning,
    "growth": _growth,
    "installing": _installing,
    "hook": _hook,
    "poddiagnosers": _poddiagnosers,
    "remediation": _remediation,
    "evidence": _evidence,
    "telling": _telling,
    "reading": _reading,
    "fairness": _fairness,
    "connections": _connections,
    "cli": _cli,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        choices=[*_HEADINGS, []],  # argparse holds the default against the choices, too
        help=f"{', '.join(_HEADINGS)}; by default all but {', '.join(_APART)}",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        help="rounds: 3 of cluster, fairness, cli; 2 of variants; 10 of hook, reading; 1 of others",
    )
    parser.add_argument(
        "--seconds", type=float, default=0.4, help="seconds of each case in a round of hook (0.4)"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, to see that it runs")
    parser.add_argument("--json", type=Path, help="a file for all values")
    parser.add_argument(
        "--into", type=Path, help="a page that takes what is printed, such as docs/benchmarks.md"
    )
    return parser


def _machine() -> str:
    """Describe the machine."""
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}. "
        "The figure is the median of the rounds."
    )


def _when() -> str:
    """Describe when a part began, and the load of the machine before it."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return f"{datetime.now(UTC):%Y-%m-%d}, load average at the start {load}"


if __name__ == "__main__":
    raise SystemExit(main())
