"""Compare: ``make comparison``. Prints Markdown; ``--into FILE`` puts it between its marks there.

Tools beside kubectl and kubectl-diagnose are taken from the PATH: k8sgpt, kwatch.
"""

import argparse
import contextlib
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

from dev.comparison.cases import CASES
from dev.comparison.judging import HEADS, Case, Said, Verdict, judge, mark, score
from dev.comparison.playing import Played
from dev.comparison.tools import Describe, K8sGpt, KWatch, Ours, Tool
from dev.envtest.build import BuildError, MissingError, find, versions
from dev.envtest.control_plane import ControlPlane
from dev.envtest.kubelet import Kubelet
from dev.envtest.logs import LogServer
from dev.local_ports import free_ports

_START: Final = "<!-- one run of make comparison -->"
_END: Final = "<!-- end of the run -->"
_FOLLOWING: Final = 5.0
"""Seconds in which a tool that follows Pods takes notice of a change."""


def main() -> int:
    """Compare, and return the exit code."""
    parser = argparse.ArgumentParser(prog="make comparison")
    parser.add_argument("--into", type=Path, help="a page, between whose marks the tables go")
    parser.add_argument("--say", help="print what each tool says of the Pod of this name, too")
    options = parser.parse_args()
    try:
        with _cluster() as (plane, kubelet):
            said = _compare(plane, kubelet)
    except (MissingError, BuildError) as problem:
        print(problem, file=sys.stderr)
        return 1
    if options.say:
        for title, by_name in said.items():
            print(f"--- {title}\n{by_name.get(options.say, Said()).text}")
    text = tables(said)
    if options.into is None:
        print(text)
    else:
        page = options.into.read_text(encoding="utf-8")
        inner = f"{_START}\n\n{text}\n{_END}"
        new = re.sub(rf"{_START}.*{_END}", lambda _: inner, page, flags=re.DOTALL)
        options.into.write_text(new, encoding="utf-8")
    return 0


@contextlib.contextmanager
def _cluster() -> Iterator[tuple[ControlPlane, Kubelet]]:
    with ControlPlane(find()) as plane:
        kubelet = Kubelet(plane.client("kubelet", agent="kubelet/v1.36.3 (linux/amd64)"))
        kubelet.start()
        kubelet.untouched |= {case.name for case in CASES}
        try:
            yield plane, kubelet
        finally:
            kubelet.stop()


def _compare(plane: ControlPlane, kubelet: Kubelet) -> Mapping[str, Mapping[str, Said]]:
    """Play all cases, look at them twice, and return what each tool said, by its title."""
    played = [Played(plane.admin, kubelet, case.name) for case in CASES]
    logs = {each.namespace: each.log for each in played}
    (port,) = free_ports(1)
    with (
        LogServer(plane.admin, port, plane.certificate, plane.key) as server,
        tempfile.TemporaryDirectory() as folder,
        _tools(plane, Path(folder)) as tools,
    ):
        server.write = lambda path, _: iter([logs.get(path.split("/")[2], "").encode()])
        said: dict[str, dict[str, Said]] = {tool.title: {} for tool in tools}
        for each in played:
            each.create()
        time.sleep(_FOLLOWING)
        for each in played:
            each.run()
        time.sleep(_FOLLOWING)
        for each in played:
            each.publish_events()
            if not each.back_off():
                each.show()
        _look(tools, said)
        for each in played:
            each.show()
        _look(tools, said)
    return said


def _look(tools: Sequence[Tool], said: Mapping[str, dict[str, Said]]) -> None:
    time.sleep(_FOLLOWING)
    for tool in tools:
        mine = said[tool.title]
        asked = [case.name for case in CASES if tool.judges or not case.healthy]
        for namespace, new in tool.look(asked).items():
            mine[namespace] = mine.get(namespace, Said()) + new


@contextlib.contextmanager
def _tools(plane: ControlPlane, folder: Path) -> Iterator[list[Tool]]:
    kubeconfig = plane.write_kubeconfig("admin")
    ours = shutil.which("kubectl-diagnose", path=str(Path(sys.executable).parent))
    tools: list[Tool] = [Describe(plane.binaries.kubectl, kubeconfig, versions()["kubernetes"])]
    if ours is not None:
        tools.insert(0, Ours(Path(ours), plane.binaries.kubectl, kubeconfig))
    for name in ("k8sgpt", "kwatch"):
        if shutil.which(name) is None:
            print(f"{name} is not on the PATH: it is left out", file=sys.stderr)
    with contextlib.ExitStack() as at_last:
        if k8sgpt := shutil.which("k8sgpt"):
            tools.append(K8sGpt(Path(k8sgpt), kubeconfig, folder))
        if kwatch := shutil.which("kwatch"):
            following = KWatch(Path(kwatch), kubeconfig, folder)
            at_last.callback(following.stop)
            following.process.start()
            tools.append(following)
        yield tools


def tables(said: Mapping[str, Mapping[str, Said]]) -> str:
    """Return both tables, of the sums and of each case, as Markdown."""
    verdicts = {
        title: [judge(case, by_name.get(case.name, Said())) for case in CASES]
        for title, by_name in said.items()
    }
    lines = [f"Run on {datetime.now(UTC).date()}, on Kubernetes {versions()['kubernetes']}.", ""]
    lines += _rows(("", *HEADS), ((title, *score(CASES, each)) for title, each in verdicts.items()))
    lines += [""]
    lines += _rows(("case", *said), (_row(case, verdicts) for case in CASES))
    return "\n".join(lines) + "\n"


def _row(case: Case, verdicts: Mapping[str, Sequence[Verdict]]) -> Sequence[str]:
    number = CASES.index(case)
    title = f"{case.title}{' (like a public case)' if case.public else ''}"
    return (title, *(mark(case, each[number]) for each in verdicts.values()))


def _rows(head: Sequence[str], rows: Iterator[Sequence[str]]) -> list[str]:
    return [f"| {' | '.join(row)} |" for row in (head, ["---"] * len(head), *rows)]


if __name__ == "__main__":
    raise SystemExit(main())
