"""What k9s makes of its configuration, as far as these files use it. Source: k9s 0.51.

``fullRX`` in ``internal/render/cust_col.go`` takes columns apart; ``envRX`` in
``internal/view/env.go`` finds the variables in arguments of plug-ins.
"""

import re
from collections.abc import Mapping

import yaml

from tests.manifests.kustomize import PROJECT

FOLDER = PROJECT / "contrib" / "k9s"

ATTRIBUTES = "NTWSLRH"
"""Of a column. They may follow an expression without ``|`` as well: then they are none of it."""

_COLUMN = re.compile(rf"([\w\s%/-]+):?(.*?)\|?([{ATTRIBUTES}]{{0,3}})", re.DOTALL)
_VARIABLE = re.compile(r"\$!?([\w-]+)|\$\{!?([\w%/: -]+)\}")


def columns() -> list[tuple[str, str, str]]:
    """Return name, expression and attributes of each column of the Pods' view."""
    document = yaml.safe_load((FOLDER / "views.yaml").read_text(encoding="utf-8"))
    found = [_COLUMN.fullmatch(each) for each in document["views"]["v1/pods"]["columns"]]
    return [(match[1], match[2], match[3]) for match in found if match]


def command(values: Mapping[str, str]) -> list[str]:
    """Return what the plug-in starts for a selected row.

    Args:
        values: k9s' variables; any other stays as it is.
    """
    document = yaml.safe_load((FOLDER / "plugins.yaml").read_text(encoding="utf-8"))
    plugin = document["plugins"]["diagnose"]

    def value(match: re.Match[str]) -> str:
        return values.get((match[1] or match[2]).upper(), match[0])

    return [plugin["command"], *(_VARIABLE.sub(value, each) for each in plugin["args"])]
