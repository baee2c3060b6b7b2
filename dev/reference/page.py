"""The text of docs/reference.md: one table for each kind of name."""

import re
import textwrap
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import yaml
from prometheus_client import CollectorRegistry, Metric
from pydantic import AliasChoices

from dev.reference import words
from pod_diagnoser.api.causes import Cause
from pod_diagnoser.api.diagnoser_state import DiagnoserStates
from pod_diagnoser.cli.cause_texts import kind_of
from pod_diagnoser.cli.class_texts import CLASS_TEXTS
from pod_diagnoser.cli.command import find_command
from pod_diagnoser.cli.commands import COMMANDS
from pod_diagnoser.diagnosis.evidence import EventLookup
from pod_diagnoser.remediation.model import EXPLANATIONS
from pod_diagnoser.server import gateway
from pod_diagnoser.server.app import Parts, create_app
from pod_diagnoser.server.settings import Settings
from pod_diagnoser.server.state_families import state_families
from pod_diagnoser.server.state_metrics import StateMetrics
from pod_diagnoser.server.telemetry import Telemetry

if TYPE_CHECKING:
    import click

PROJECT: Final = Path(__file__).parents[2]
PAGE: Final = PROJECT / "docs" / "reference.md"

HEAD: Final = """# Reference

Every name that users, dashboards and programs meet, and the page that says more. `make reference`
makes this page from where each name is defined; a test compares.
"""

_MAX_DESCRIPTION: Final = 240


def page() -> str:
    """Return the page as it should be."""
    parts: list[str] = [HEAD]
    for heading, more, rows in (
        ("Annotations of Pods", "[diagnosis.md](diagnosis.md#on-the-pod)", _annotations()),
        ("Other keys", "[diagnosis.md](diagnosis.md)", _other_keys()),
        ("Conditions", "[diagnosis.md](diagnosis.md#on-the-poddiagnoser)", _conditions()),
        ("Remediations", "[remediation.md](remediation.md#what-the-status-says)", _phases()),
        ("Reasons of remediations", "the same", _remediation_reasons()),
        ("Events", "[remediation.md](remediation.md)", _events()),
        ("Causes", "[causes.md](causes.md), `kubectl diagnose explain CAUSE`", _causes()),
        ("Classes of reasons", "[evidence.md](evidence.md)", _classes()),
        ("Lookups of Events", "[evidence.md](evidence.md)", _lookups()),
        ("Metrics", "[metrics.md](metrics.md)", _metrics()),
        ("Paths", "[settings.md](settings.md#endpoints)", _paths()),
        ("HTTP statuses", "[settings.md](settings.md#refused-requests)", _statuses()),
        ("Environment variables", "[settings.md](settings.md)", _variables()),
        ("Options of pod-diagnoser serve", "[settings.md](settings.md)", _serve_options()),
        ("kubectl-diagnose", "[cli.md](cli.md)", _command_line()),
        ("Exit codes of kubectl-diagnose", "[cli.md](cli.md#exit-code)", _exit_codes()),
        *_kinds(),
    ):
        parts.append(f"\n## {heading}\n\nMore: {more}\n\n{_table(rows)}")
    return "".join(parts)


Rows = Iterable[Sequence[str]]


def _table(rows: Rows) -> str:
    """Return a table; the first row is its heading."""
    head, *rest = [[_cell(each) for each in row] for row in rows]
    lines = (head, ["---"] * len(head), *rest)
    return "".join(f"| {' | '.join(row)} |\n" for row in lines)


def _cell(text: str) -> str:
    return re.sub(r"\s+", " ", text).replace("|", "\\|").replace("<", "&lt;").strip()


def _code(text: object) -> str:
    return f"`{text}`" if str(text) else ""


def _annotations() -> Rows:
    yield "annotation", ""
    for key, meaning in words.ANNOTATIONS.items():
        yield _code(key), meaning


def _other_keys() -> Rows:
    yield "key", "of", ""
    for key, (of, meaning) in words.OTHER_KEYS.items():
        yield _code(key), of, meaning


def _conditions() -> Rows:
    yield "condition", "reason", "status, and when"
    for condition, meaning in words.CONDITIONS.items():
        yield f"**{condition.value}**", "", meaning
        for reason, when in words.CONDITION_REASONS[condition].items():
            yield "", _code(reason), when


def _phases() -> Rows:
    yield "phase", ""
    for phase, meaning in words.PHASES.items():
        yield _code(phase.value), meaning


def _remediation_reasons() -> Rows:
    yield "reason", ""
    for reason, meaning in EXPLANATIONS.items():
        yield _code(reason.value), meaning


def _events() -> Rows:
    yield "reason", ""
    for reason, meaning in words.EVENT_REASONS.items():
        yield _code(reason), meaning


def _causes() -> Rows:
    yield "cause", ""
    for cause in sorted(Cause):
        yield _code(cause.value), kind_of(cause)


def _classes() -> Rows:
    yield "class", ""
    for each, meaning in CLASS_TEXTS.items():
        yield _code(each.value), meaning


def _lookups() -> Rows:
    yield "result", ""
    for each in EventLookup:
        yield _code(each.value), words.EVENT_LOOKUPS[each]


def served_metrics() -> list[Metric]:
    """Return all metrics that the hook serves."""
    registry = CollectorRegistry()
    Telemetry(registry)
    return [*registry.collect(), *state_families(DiagnoserStates((), 0))]


def metric_name(metric: Metric) -> str:
    """Return the name by which Prometheus knows a metric."""
    return f"{metric.name}_total" if metric.type == "counter" else metric.name


def _metrics() -> Rows:
    yield "metric", "type", ""
    for metric in served_metrics():
        yield _code(metric_name(metric)), metric.type, metric.documentation


class _NoApi:
    """The API server of a hook that is asked nothing."""

    def list_cluster_pod_diagnosers(self, seconds: float) -> bytes:
        """List none."""
        del seconds
        return b'{"items": []}'

    def list_pod_diagnosers(self, seconds: float) -> bytes:
        """List nothing."""
        del seconds
        return b'{"items": []}'


def served_paths() -> Iterator[tuple[str, str]]:
    """Yield the method and the path of everything that a process with all hooks serves."""
    app = create_app(Settings(), Parts(state_metrics=StateMetrics(_NoApi(), time.monotonic)))
    counters = app.test_client().get("/metrics").get_data(as_text=True)
    for hook in sorted(set(re.findall(r'_requests_total\{endpoint="(/[^"]+)"', counters))):
        yield "POST", hook
    for rule in sorted(str(each) for each in app.url_map.iter_rules()):
        yield "GET", rule


def _paths() -> Rows:
    yield "path", ""
    for method, path in served_paths():
        yield _code(f"{method} {path}"), words.PATHS[path]


def refusals() -> list[gateway.Refusal]:
    """Return all responses by which the hook refuses a request."""
    return [each for each in vars(gateway).values() if isinstance(each, gateway.Refusal)]


def _statuses() -> Rows:
    yield "status", "", "the line that Metacontroller quotes"
    lines: dict[int, list[str]] = {}
    for each in refusals():
        lines.setdefault(each.status, []).append(each.problem)
    for status, meaning in words.HTTP_STATUSES.items():
        yield _code(status), meaning, "; ".join(map(_code, lines.get(status, [])))


def variables() -> Iterator[tuple[str, object]]:
    """Yield the environment variables of the hook with their defaults."""
    for field in Settings.model_fields.values():
        alias = field.validation_alias
        for name in alias.choices if isinstance(alias, AliasChoices) else [alias]:
            if name is not None:
                yield str(name), field.default


def _variables() -> Rows:
    yield "variable", "default"
    for name, default in variables():
        shown = str(default).lower() if isinstance(default, bool) else default
        yield _code(name), "" if default is None else _code(shown)


def _serve_options() -> Rows:
    yield "option", "sets"
    yield from ((_code(option), sets) for option, sets in words.SERVE_OPTIONS.items())


def command_options() -> Iterator[tuple[str, "click.Parameter"]]:
    """Yield the options and arguments of the command line, each with its command's name."""
    for name in ("", *COMMANDS):
        command, _ = find_command([name] if name else [])
        for each in command.params:
            yield name, each


def _command_line() -> Rows:
    yield "command", "option", ""
    options = [(name, each, str(getattr(each, "help", ""))) for name, each in command_options()]
    first = {(each.opts[0], text) for name, each, text in options if not name}
    for called in ("", *COMMANDS):
        own = [(each, text) for name, each, text in options if name == called and text != "None"]
        command = f"kubectl diagnose {called}".rstrip()
        yield _code(command), "", COMMANDS[called][1] if called else "why Pods crashed"
        shared = [each for each, text in own if called and (each.opts[0], text) in first]
        for each, text in own:
            if each not in shared:
                yield "", ", ".join(map(_code, each.opts)), text
        if shared:
            yield "", ", ".join(_code(each.opts[0]) for each in shared), "as above"
    yield "", "`-h`, `--help`", "of each command"


def _exit_codes() -> Rows:
    yield "code", ""
    for code, meaning in words.EXIT_CODES.items():
        yield _code(code), meaning


_FILES: Final = {
    "PodDiagnoser": "poddiagnosers",
    "ClusterPodDiagnoser": "clusterpoddiagnosers",
}


def fields_of(kind: str) -> dict[str, Mapping[str, Any]]:
    """Return the fields of a kind by their paths, as its CRD has them."""
    text = (PROJECT / "crds" / f"{_FILES[kind]}.yaml").read_text(encoding="utf-8")
    schema = yaml.safe_load(text)["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
    found: dict[str, Mapping[str, Any]] = {}
    for part in ("spec", "status"):
        _collect(schema["properties"][part], part, found)
    return found


def _collect(schema: Mapping[str, Any], path: str, found: dict[str, Mapping[str, Any]]) -> None:
    for name, field in schema.get("properties", {}).items():
        found[f"{path}.{name}"] = field
        _collect(field, f"{path}.{name}", found)
        _collect(field.get("items", {}), f"{path}.{name}[]", found)


def _kinds() -> Iterator[tuple[str, str, Rows]]:
    first = fields_of("PodDiagnoser")
    yield "Fields of a PodDiagnoser", "`kubectl explain pdiag --recursive`", _fields(first)
    own = fields_of("ClusterPodDiagnoser")
    lacking = [path for path in first if path not in own]
    others = [path for path in lacking if path.rpartition(".")[0].removesuffix("[]") not in lacking]
    more = (
        "[cluster.md](cluster.md), `kubectl explain cpdiag --recursive`. It has the fields of a "
        f"PodDiagnoser without {', '.join(map(_code, others))}, and these:"
    )
    added = {path: field for path, field in own.items() if path not in first}
    yield "Fields of a ClusterPodDiagnoser", more, _fields(added)


def _fields(fields: Mapping[str, Mapping[str, Any]]) -> Rows:
    yield "field", "default", ""
    for path, field in fields.items():
        default = field.get("default")
        shown = "" if default in (None, "", {}, []) else _code(str(default).lower())
        yield _code(path), shown, first_sentence(str(field.get("description", "")))


def first_sentence(text: str) -> str:
    """Return the first sentence of a description."""
    sentence = re.split(r"(?<=[a-z)\"0-9][.]) (?=[A-Z])", text, maxsplit=1)[0]
    return textwrap.shorten(sentence, _MAX_DESCRIPTION, placeholder=" …")
