"""Take over gitleaks' rules: ``make gitleaks``, or ``GITLEAKS=v8.30.1 make gitleaks``.

They come with the Go module of that version, by the Go command: from its cache, or from the module
proxy that its environment names, checked against the checksum database. What the hook uses of them
is written as data with the module's version and checksum, beside the module's licence.
"""

import hashlib
import json
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MODULE = "github.com/zricethezav/gitleaks/v8"
FOLDER = Path(__file__).parents[1] / "hooks/pod_diagnoser/diagnosis/masking"
RULES = FOLDER / "gitleaks.json"
LICENSE = FOLDER / "gitleaks.LICENSE"

_RULE_KEYS = ("id", "regex", "secretGroup", "entropy", "keywords", "allowlists")
_ALLOWLIST_KEYS = ("condition", "regexTarget", "regexes", "stopwords", "paths")


class UpdateError(RuntimeError):
    """The module cannot be had, or does not hold what is expected."""


@dataclass(frozen=True, slots=True)
class Module:
    """A Go module that was downloaded.

    Attributes:
        version: its version.
        checksum: its checksum, as in ``go.sum``.
        folder: where it is.
    """

    version: str
    checksum: str
    folder: Path


def download(version: str) -> Module:
    """Download the module of gitleaks, or find it in the cache of the Go command.

    Args:
        version: a version, or ``latest``.

    Raises:
        UpdateError: there is no Go, or no such version.
    """
    go = shutil.which("go")
    if go is None:
        msg = "gitleaks' rules come with its Go module: install Go"
        raise UpdateError(msg)
    done = subprocess.run(
        [go, "mod", "download", "-json", f"{MODULE}@{version}"],
        cwd=Path(go).resolve().anchor,  # no module around it
        capture_output=True,
        text=True,
        check=False,
    )
    try:
        answer = json.loads(done.stdout)
        return Module(answer["Version"], answer["Sum"], Path(answer["Dir"]))
    except (ValueError, KeyError):
        msg = f"{MODULE}@{version} cannot be downloaded: {done.stdout}{done.stderr}"
        raise UpdateError(msg) from None


def convert(config: str, version: str, checksum: str) -> dict[str, Any]:
    """Pick from gitleaks' configuration what the hook uses.

    Rules about paths alone are left out, and paths: a log has none.

    Args:
        config: the content of ``config/gitleaks.toml``.
        version: the version of the module.
        checksum: its checksum.
    """
    found = tomllib.loads(config)
    rules = [_picked(rule, _RULE_KEYS) for rule in found["rules"] if "regex" in rule]
    for rule in rules:
        if "allowlists" in rule:
            rule["allowlists"] = [_picked(each, _ALLOWLIST_KEYS) for each in rule["allowlists"]]
    return {
        "source": MODULE,
        "version": version,
        "checksum": checksum,
        "sha256": hashlib.sha256(config.encode()).hexdigest(),
        "allowlist": _picked(found["allowlist"], ("regexes", "stopwords")),
        "rules": rules,
    }


def _picked(table: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, Any]:
    return {key: table[key] for key in keys if key in table}


def render(rules: Mapping[str, Any]) -> str:
    """Return the rules as they are written: a line for each text, so that a diff can be read."""
    return json.dumps(rules, indent=1, ensure_ascii=False) + "\n"


def main() -> int:
    """Write the rules and the licence of a version, the latest one by default.

    Returns:
        The exit code: 0, or 1 where the module cannot be had.
    """
    version = sys.argv[1] if len(sys.argv) > 1 else "latest"
    try:
        module = download(version)
    except UpdateError as problem:
        print(problem, file=sys.stderr)
        return 1
    config = (module.folder / "config/gitleaks.toml").read_text(encoding="utf-8")
    rules = convert(config, module.version, module.checksum)
    RULES.write_text(render(rules), encoding="utf-8")
    LICENSE.write_bytes((module.folder / "LICENSE").read_bytes())
    print(f"gitleaks {module.version}: {len(rules['rules'])} rules")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
