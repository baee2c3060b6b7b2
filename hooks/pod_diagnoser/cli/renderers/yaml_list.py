"""``-o yaml``: the ``PodDiagnosisList`` of ``-o json``, in YAML."""

from collections.abc import Iterator

import yaml

from pod_diagnoser.cli.renderers import Page
from pod_diagnoser.cli.renderers.json_list import to_list
from pod_diagnoser.cli.report import Report


def render(report: Report, _page: Page) -> Iterator[str]:
    """Yield the list as one text."""
    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(
        to_list(report), Dumper=dumper, sort_keys=False, allow_unicode=True, width=200
    )
    yield text.rstrip("\n")
