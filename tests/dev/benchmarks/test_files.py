"""The dumps that ``kubectl-diagnose`` is measured with, which look like those of kubectl."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from dev.benchmarks import files
from pod_diagnoser.cli.collector import Collector
from pod_diagnoser.cli.looking import Options, look
from pod_diagnoser.cli.sources.files import read_files
from pod_diagnoser.cli.sources.log_choice import MAX_ALIKE


@pytest.mark.parametrize("write", [files.write_list, files.write_dump])
def test_a_tenth_crashed(write: Callable[[Path, int], None], tmp_path: Path) -> None:
    """Each with its Events, and in a dump with its log; of a workload some are read."""
    collector = Collector()
    path = tmp_path / "dump"
    write(path, 40)
    read_files([str(path)], collector)
    snapshot = collector.snapshot()
    assert (len(snapshot.pods), len(snapshot.healthy)) == (4, 36)
    assert {len(each) for each in snapshot.events.values()} == {2}
    assert snapshot.missing == ()
    assert len(snapshot.logs) == (MAX_ALIKE if write is files.write_dump else 0)


def test_list_is_what_kubectl_prints(tmp_path: Path) -> None:
    """Sorted and indented."""
    path = tmp_path / "list.json"
    files.write_list(path, 20)
    text = path.read_text(encoding="utf-8")
    assert len(json.loads(text)["items"]) == 24
    assert text.splitlines()[3] == "        {"


@pytest.mark.parametrize(("every", "crashed"), [(10, 4), (2, 20), (1, 40)])
def test_clusters_of_which_some_crashed(tmp_path: Path, every: int, crashed: int) -> None:
    """Read by the program that stands in for kubectl, with the Events of those."""
    kubectl = files.write_kubectl(tmp_path, 40, every)
    looked = look(Options(kubectl=str(kubectl), all_namespaces=True))
    assert looked.report.looked_at == 40
    assert len(looked.report.findings) == crashed
    assert len(looked.snapshot.events) == crashed
    assert (looked.warnings, looked.report.missing) == ((), ())


def test_figures() -> None:
    """The parts run, and each figure has a value."""
    found = files.measure(1, 10)
    assert len(found) == 8 + 2 * len(files.LIVE) + 1
    assert all(each.spread.median > 0 for each in found)
