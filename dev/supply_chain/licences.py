"""List what the image and the command line install, with licences: ``make licences``.

The packages are those of an SBOM, the licences those that their own metadata name. One that is not
allowed, or not named, fails.
"""

import json
import re
import sys
from collections.abc import Iterable, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from typing import Any

Sbom = Mapping[str, Any]
"""An SBOM, as CycloneDX's JSON is read."""

ALLOWED = frozenset(
    {
        "Apache-2.0",
        "BSD-2-Clause",
        "BSD-3-Clause",
        "ISC",
        "MIT",
        "MIT-0",
        "MPL-2.0",
        "PSF-2.0",
        "ZPL-2.1",
    }
)
"""By SPDX: each may be shipped with a program under Apache-2.0."""

_OLD_NAMES = {
    "Apache Software License": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "MIT License": "MIT",
    "Python Software Foundation License": "PSF-2.0",
    "Zope Public License": "ZPL-2.1",
}
"""Classifiers of metadata from before there was ``License-Expression``."""

_WORDS = re.compile(r"[()]|\b(?:AND|OR|WITH)\b")
UNKNOWN = "unknown"


def licence_of(metadata: Mapping[str, str], classifiers: Iterable[str]) -> str:
    """Return a package's licence as an SPDX expression.

    Args:
        metadata: its core metadata.
        classifiers: those of its metadata.

    Returns:
        The expression; `UNKNOWN` where nothing names one.
    """
    expression = metadata.get("License-Expression", "")
    if expression:
        return expression
    last = [one.rsplit(" :: ", 1)[-1] for one in classifiers if one.startswith("License ::")]
    found = sorted({_OLD_NAMES[name] for name in last if name in _OLD_NAMES})
    if found:
        return " AND ".join(found)
    text = metadata.get("License", "").strip()
    return text if text in ALLOWED else _OLD_NAMES.get(text, UNKNOWN)


def allowed(expression: str) -> bool:
    """Say whether all licences of an expression may be shipped.

    Args:
        expression: by SPDX.
    """
    names = _WORDS.sub(" ", expression).split()
    return bool(names) and ALLOWED.issuperset(names)


def rows(sbom: Sbom) -> list[tuple[str, str, str]]:
    """Return name, version and licence of each package of an SBOM that is installed here.

    Args:
        sbom: in CycloneDX's JSON.
    """
    found: list[tuple[str, str, str]] = []
    for component in sbom["components"]:
        try:
            installed = distribution(component["name"])
        except PackageNotFoundError:  # one for other systems
            continue
        metadata = installed.metadata
        named = {key: metadata[key] for key in ("License-Expression", "License") if key in metadata}
        licence = licence_of(named, metadata.get_all("Classifier") or [])
        found.append((component["name"], component["version"], licence))
    return sorted(found)


def main(arguments: list[str]) -> int:
    """Print the table of an SBOM's licences.

    Args:
        arguments: the path of the SBOM.

    Returns:
        The exit code: 0, or 1 where a licence is not allowed.
    """
    found = rows(json.loads(Path(arguments[0]).read_text(encoding="utf-8")))
    for row in found:
        print("\t".join(row))
    wrong = [row for row in found if not allowed(row[-1])]
    for row in wrong:
        print(f"not allowed: {' '.join(row)}", file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
