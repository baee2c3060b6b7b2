"""Run the benchmarks and print their figures as Markdown tables."""

import argparse
import json
import os
import platform
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

from dev.benchmarks import evidence, hook, poddiagnosers, remediation, storm, telling
from dev.benchmarks.figures import Figure, table
from dev.envtest import build

_HEADINGS = {
    "hook": "The hook alone: one process, five connections, a Pod of 15 KB",
    "poddiagnosers": "A PodDiagnoser with 1,000 crashed Pods, and the hook's memory",
    "cluster": "The whole operator, beside one in kopf that does the same job",
    "remediation": "From a crash to what is done about it, beside kopf without safeguards",
    "evidence": "Crashes with their Events read, beside crashes without",
    "telling": "From a crash to its Event, by what the Events of its Pod say",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the chosen benchmarks.

    Args:
        arguments: the command line's; None takes this process's own.

    Returns:
        The exit code: 0, also where aims are missed.
    """
    options = _parser().parse_args(arguments)
    parts = options.parts or list(_HEADINGS)
    results: dict[str, list[Figure]] = {}
    _say(f"{_machine()}\n")
    for part in parts:
        try:
            results[part] = _PARTS[part](options)
        except build.MissingError as missing:
            _say(f"### {_HEADINGS[part]}\n\nNot measured: {missing}.\n")
            continue
        _say(table(_HEADINGS[part], results[part]))
        if options.json:
            _write(options.json, results)
    missed = [one.name for found in results.values() for one in found if one.met is False]
    _say(f"Aims missed: {'; '.join(missed) or 'none'}.")
    return 0


def _hook(options: argparse.Namespace) -> list[Figure]:
    return hook.measure(2 if options.quick else options.rounds or 30, options.seconds)


def _poddiagnosers(options: argparse.Namespace) -> list[Figure]:
    if options.quick:
        return poddiagnosers.measure(syncs=3, pod_syncs=10_000)
    return poddiagnosers.measure()


def _cluster(options: argparse.Namespace) -> list[Figure]:
    if options.quick:
        return storm.measure(1)
    return storm.measure(options.rounds or 3) + storm.install_onto_old_crashes()


def _remediation(options: argparse.Namespace) -> list[Figure]:
    if options.quick:
        return remediation.measure(1, crashes=5, storm=100)
    return remediation.measure(options.rounds or 2)


def _evidence(options: argparse.Namespace) -> list[Figure]:
    if options.quick:
        return evidence.measure(1, crashes=5, unexplained=2, storm=100)
    return evidence.measure(options.rounds or 2)


def _telling(options: argparse.Namespace) -> list[Figure]:
    return telling.measure(options.rounds or 1, crashes=5 if options.quick else telling.CRASHES)


_PARTS: dict[str, Callable[[argparse.Namespace], list[Figure]]] = {
    "hook": _hook,
    "poddiagnosers": _poddiagnosers,
    "cluster": _cluster,
    "remediation": _remediation,
    "evidence": _evidence,
    "telling": _telling,
}


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="benchmarks", description=__doc__)
    parser.add_argument(
        "parts",
        nargs="*",
        metavar="PART",
        choices=[*_HEADINGS, []],  # argparse holds the default against the choices, too
        help=f"{', '.join(_HEADINGS)}; all by default",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        help="rounds of hook (30), cluster (3), remediation and evidence (2)",
    )
    parser.add_argument(
        "--seconds", type=float, default=0.4, help="seconds of each case in a round of hook (0.4)"
    )
    parser.add_argument("--quick", action="store_true", help="few rounds, to see that it runs")
    parser.add_argument("--json", type=Path, help="a file for all values")
    return parser


def _machine() -> str:
    """Describe the machine and its load."""
    load = ", ".join(f"{one:.1f}" for one in os.getloadavg())
    return (
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {platform.system()}; "
        f"load average at the start {load}. The figure is the median of the rounds."
    )


def _write(path: Path, results: dict[str, list[Figure]]) -> None:
    document = {part: [one.as_json() for one in found] for part, found in results.items()}
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    raise SystemExit(main())
