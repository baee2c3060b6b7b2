"""Bring the Helm chart up to date with its sources: ``make chart``.

What the chart takes unchanged from the kustomizations, contrib and crds is copied, so that it
stands in one place for people; the README's table of values is made from the comments in
``values.yaml``.
"""

import json
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import yaml

PROJECT: Final = Path(__file__).parents[1]
CHART: Final = PROJECT / "charts/pod-diagnoser"

_OPERATOR: Final = "metacontroller/pod-diagnoser"
_COMPONENTS: Final = f"{_OPERATOR}/components"
_ROLES: Final = {
    f"{_OPERATOR}/base/clusterrole.yaml": "clusterrole.yaml",
    f"{_OPERATOR}/base/clusterrole-cluster.yaml": "clusterrole-cluster.yaml",
    f"{_OPERATOR}/overlays/together/clusterrole.yaml": "clusterrole-metacontroller.yaml",
    f"{_OPERATOR}/overlays/together/role.yaml": "role-leader.yaml",
    f"{_COMPONENTS}/evidence/clusterrole.yaml": "clusterrole-evidence.yaml",
    f"{_COMPONENTS}/evidence-changes/clusterrole.yaml": "clusterrole-evidence-changes.yaml",
    f"{_COMPONENTS}/state-metrics/clusterrole.yaml": "clusterrole-state.yaml",
    "crds/clusterrole-edit.yaml": "clusterrole-edit.yaml",
    "crds/clusterrole-view.yaml": "clusterrole-view.yaml",
}
_GLOBS: Final = {
    "crds/*diagnosers.yaml": "crds",
    "crds/diagnosistargets.yaml": "crds",
    "crds/validatingadmissionpolic*.yaml": "admissionpolicies/kinds",
    f"{_OPERATOR}/base/validatingadmissionpolic*.yaml": "admissionpolicies/operator",
    f"{_OPERATOR}/base/decoratorcontroller-*.yaml": "decoratorcontrollers",
    f"{_COMPONENTS}/cert-manager/certificate*.yaml": "cert-manager",
    f"{_COMPONENTS}/cert-manager/issuer-*.yaml": "cert-manager",
    "metacontroller/installation-check*.yaml": "check",
}
_BEGIN: Final = "<!-- values: made from values.yaml by `make chart` -->\n"
_END: Final = "<!-- end of values -->\n"


def copies() -> dict[Path, str]:
    """Return what the chart's copied files have to hold, by path."""
    found = {
        CHART / "files/rules.yaml": PROJECT / "contrib/prometheus/rules.yaml",
        CHART / "files/dashboard.json": PROJECT / "contrib/grafana/dashboard.json",
    }
    found |= {CHART / "files/roles" / name: PROJECT / path for path, name in _ROLES.items()}
    for pattern, folder in _GLOBS.items():
        found |= {CHART / "files" / folder / path.name: path for path in PROJECT.glob(pattern)}
    return {copy: source.read_text(encoding="utf-8") for copy, source in found.items()}


def described_values(text: str) -> Iterator[tuple[str, Any, str]]:
    """Read what ``values.yaml`` says of each value, in its order.

    Args:
        text: the file; a comment that begins with ``-- `` describes the key after it.

    Yields:
        The value's path, its default and its description.
    """
    values = yaml.safe_load(text)
    path: list[tuple[int, str]] = []
    comment: list[str] = []
    for line in text.splitlines():
        stripped = line.strip()
        if stripped.startswith("#"):
            part = stripped.removeprefix("#").strip()
            if part.startswith("-- "):
                comment = [part.removeprefix("-- ")]
            elif comment:
                comment.append(part)
            continue
        key = re.fullmatch(r"( *)([A-Za-z]\w*):.*", line)
        if key is None:
            comment = comment if stripped else []
            continue
        indent = len(key[1])
        path = [(depth, name) for depth, name in path if depth < indent] + [(indent, key[2])]
        if comment:
            value = values
            for _, name in path:
                value = value[name]
            yield ".".join(name for _, name in path), value, " ".join(comment)
            comment = []


def with_values(readme: str, values: str) -> str:
    """Return the chart's README with the table of values."""
    rows = [
        f"| `{path}` | `{json.dumps(default, ensure_ascii=False)}` | {description} |\n"
        for path, default, description in described_values(values)
    ]
    table = "".join(("| value | default | |\n", "|---|---|---|\n", *rows))
    before, _, rest = readme.partition(_BEGIN)
    _, _, after = rest.partition(_END)
    return f"{before}{_BEGIN}\n{table}\n{_END}{after}"


def wanted() -> dict[Path, str]:
    """Return what all files that are made have to hold, by path."""
    readme = CHART / "README.md"
    values = (CHART / "values.yaml").read_text(encoding="utf-8")
    return {**copies(), readme: with_values(readme.read_text(encoding="utf-8"), values)}


def name_image(chart: Path, image: Mapping[str, str]) -> None:
    """Have a copy of the chart install an image by default.

    Args:
        chart: the copy's folder.
        image: values of ``image``; empty ones stay as they are.
    """
    path = chart / "values.yaml"
    before, block, after = re.split(
        r"(^image:\n(?:  .*\n)+)", path.read_text(encoding="utf-8"), maxsplit=1, flags=re.MULTILINE
    )
    for key, value in image.items():
        if value:
            block = re.sub(rf"(?m)^  {key}: .*$", f"  {key}: {json.dumps(value)}", block)
    path.write_text(before + block + after, encoding="utf-8")
    named = yaml.safe_load(block)["image"]
    described = chart / "Chart.yaml"
    text = described.read_text(encoding="utf-8")
    reference = "/".join(part for part in (named["registry"], named["repository"]) if part)
    text = text.replace("image: pod-diagnoser:", f"image: {reference}:")
    described.write_text(text, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Write the files; take away copies whose source is gone; return the exit code.

    ``image FOLDER KEY=VALUE …`` instead names the image in a copy of the chart.
    """
    if arguments[:1] == ["image"]:
        pairs = (one.partition("=") for one in arguments[2:])
        name_image(Path(arguments[1]), {key: value for key, _, value in pairs})
        return 0
    files = wanted()
    for path in (CHART / "files").rglob("*"):
        if path.is_file() and path not in files:
            path.unlink()
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
