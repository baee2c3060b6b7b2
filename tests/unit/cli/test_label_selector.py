"""Label selectors on files: what kubectl takes, with the same meaning; all else is refused."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.cli.errors import CommandError
from pod_diagnoser.cli.label_selector import parse_selector
from tests.support.builders import crashed
from tests.unit.cli.test_command import file_of

Run = Callable[..., tuple[int, str, str]]

LABELS = {"app": "api", "tier": "", "example.com/rank": "10", "in": "notin"}


@pytest.mark.parametrize(
    "selector",
    [
        "",
        " ",
        "app",
        "!db",
        "! db",
        "app=api",
        "app==api",
        " app = api , tier != db ",
        "db!=x",
        "tier=",
        "tier==,app",
        "app in (web, api)",
        "app in(api)",
        "tier in ()",
        "tier in (,a)",
        "db notin (a)",
        "app notin (web,db),app",
        "example.com/rank>9",
        "example.com/rank < 11",
        "in in (notin)",
        "in=notin",
    ],
)
def test_what_selects(selector: str) -> None:
    """Equality, sets, existence and order."""
    assert parse_selector(selector).matches(LABELS)


@pytest.mark.parametrize(
    "selector",
    [
        "!app",
        "db",
        "app=web",
        "app!=api",
        "app=",
        "db=",
        "app in (web)",
        "db in (a)",
        "db in ()",
        "app notin (web, api)",
        "app=api,db",
        "example.com/rank>10",
        "app>1",
        "db<5",
    ],
)
def test_what_does_not_select(selector: str) -> None:
    """The same; what is not there is in no set and has no order."""
    assert not parse_selector(selector).matches(LABELS)


@pytest.mark.parametrize(
    ("selector", "why"),
    [
        ("app,", "a label is missing behind the last comma"),
        (",app", 'expected a word, found ","'),
        ("app=api,,tier", 'expected a word, found ","'),
        ("=api", 'expected a word, found "="'),
        ("app api", "expected '=', '==', '!=', '<', '>', in, notin, found \"api\""),
        ("app=api db", "expected ',', found \"db\""),
        ("!app=api", "expected ',', found \"=\""),
        ("app in", "expected '(', found its end"),
        ("app in (", "expected a word, found its end"),
        ("app in (api", "expected ',', ')', found its end"),
        ("app=(api)", 'expected a word, found "("'),
        ("app>api", "> takes an integer"),
        ("app<", "< takes an integer"),
        ("a/b/c", '"a/b/c" is no key of a label'),
        ("-app", '"-app" is no key of a label'),
        ("app=-", '"-" is no value of a label'),
        (f"app={'a' * 64}", f'"{"a" * 64}" is no value of a label'),
        ("app=\x1b[2Jé", '"[2Jé" is no value of a label'),
    ],
)
def test_what_is_none(selector: str, why: str) -> None:
    """What is wrong, and where."""
    with pytest.raises(CommandError) as refused:
        parse_selector(selector)
    said = str(refused.value)
    assert said.startswith('--selector "')
    assert said.endswith(f'" is no label selector: {why}')
    assert "\x1b" not in said


_WORDS = st.from_regex(r"[a-z0-9](?:[-a-z0-9_.]{0,6}[a-z0-9])?", fullmatch=True)
_LABELS = st.dictionaries(_WORDS, _WORDS | st.just(""), max_size=4)
_SPACE = st.sampled_from(["", " ", "  "])


@given(_LABELS, st.data())
def test_labels_select_themselves(labels: dict[str, str], data: st.DataObject) -> None:
    """Written in any of the ways that mean so; and with one of them denied, they do not."""
    parts: list[str] = []
    for key, value in labels.items():
        gap, other = data.draw(_SPACE), data.draw(_WORDS)
        ways = [f"{key}{gap}={gap}{value}", f"{key} in{gap}({other},{gap}{value}{gap})", key]
        parts.append(data.draw(st.sampled_from(ways)))
    text = ",".join(parts)
    assert parse_selector(text).matches(labels)
    for key, value in labels.items():
        for denied in (f"!{key}", f"{key}!={value}", f"{key} notin ({value})"):
            assert not parse_selector(f"{text},{denied}").matches(labels)


@given(st.text("abin =!(),<>1-", max_size=30))
def test_any_text_is_a_selector_or_refused(text: str) -> None:
    """Nothing else is raised; what is accepted can be asked."""
    try:
        selector = parse_selector(text)
    except CommandError:
        return
    assert selector.matches({"a": "b"}) in (True, False)


def of(namespace: str, name: str, number: int, **labels: str) -> Any:
    """Return a crashed Pod."""
    found = crashed(name=name, number=number, labels=labels)
    found["metadata"]["namespace"] = namespace
    return found


@pytest.fixture
def dump(tmp_path: Path) -> str:
    """A file with three Pods of two namespaces."""
    return file_of(
        tmp_path,
        of("shop", "api-1", 1, app="api", tier="front"),
        of("shop", "db-1", 2, app="db"),
        of("kube-system", "dns-1", 3, app="dns", tier="front"),
    )


@pytest.mark.parametrize(
    ("options", "found"),
    [
        (("-l", "app=api"), "pod/api-1\n"),
        (("-l", "app in (api,db),!tier"), "pod/db-1\n"),
        (("--selector", "tier", "-n", "kube-system"), "pod/dns-1\n"),
        (("-n", "shop", "-n", "kube-system", "-l", "app!=db"), "pod/api-1\npod/dns-1\n"),
        (("-A", "-l", ""), "pod/api-1\npod/db-1\npod/dns-1\n"),
    ],
)
def test_pods_of_files_by_label_and_namespace(
    run: Run, dump: str, options: tuple[str, ...], found: str
) -> None:
    """Others are not printed."""
    assert run("-f", dump, "-o", "name", *options) == (0, found, "")


def test_others_are_not_looked_at(run: Run, dump: str) -> None:
    """They are counted neither as Pods nor as siblings, as on a cluster."""
    code, out, err = run("-f", dump, "-o", "json", "-n", "shop", "-l", "app=api")
    assert (code, err) == (0, "")
    assert '"podsLookedAt": 1' in out


@pytest.mark.parametrize(
    ("options", "count"), [(("-n", "elsewhere"), "3 Pods are"), (("-l", "a=b"), "3 Pods are")]
)
def test_that_all_are_others_is_told(
    run: Run, dump: str, options: tuple[str, ...], count: str, tmp_path: Path
) -> None:
    """Not that nothing was found in them."""
    told = (
        f"kubectl-diagnose: no Pods found: {count} of other namespaces, or without these labels\n"
    )
    assert run("-f", dump, *options) == (0, "", told)
    report = str(tmp_path / "report.html")
    assert run("report", "-f", dump, *options, "-o", report) == (0, "", told)


def test_a_bad_selector(run: Run, dump: str) -> None:
    """One line, exit code 2."""
    code, out, err = run("-f", dump, "-l", "app in api")
    said = "kubectl-diagnose: --selector \"app in api\" is no label selector: expected '(', found"
    assert (code, out) == (2, "")
    assert err == f'{said} "api"\n'


def test_a_context_is_no_choice_among_files(run: Run, dump: str) -> None:
    """It would choose nothing, so it is refused."""
    code, out, err = run("-f", dump, "--context", "prod")
    assert (code, out) == (2, "")
    assert "--context needs a cluster, and --filename reads files" in err
