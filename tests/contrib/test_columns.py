"""The file of kubectl's columns: its form. tests/e2e has kubectl print it."""

from pod_diagnoser.pods.keys import ANNOTATIONS
from tests.manifests.kustomize import PROJECT

COLUMNS = PROJECT / "contrib" / "kubectl" / "columns"


def test_a_line_of_headers_and_one_of_fields() -> None:
    """Separated by spaces, and as many of each; only the first two lines are read.

    Source: ``NewCustomColumnsPrinterFromTemplate`` in kubectl's ``pkg/cmd/get/customcolumn.go``.
    """
    headers, fields = map(str.split, COLUMNS.read_text(encoding="utf-8").splitlines())
    assert len(headers) == len(fields) == len(set(headers)) == len(set(fields))
    ours = [each.removeprefix(".metadata.annotations.") for each in fields[2:]]
    assert {each.replace(r"\.", ".") for each in ours} <= set(ANNOTATIONS)
    assert all("." not in each.replace(r"\.", "") for each in ours)
