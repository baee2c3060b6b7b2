"""gitleaks' rules: the data that is shipped, how it is written, how its conditions are kept."""

import hashlib
import json
import subprocess

import pytest
import re2  # type: ignore[import-untyped]

from dev import gitleaks
from pod_diagnoser.diagnosis.masking.budget import Budget
from pod_diagnoser.diagnosis.masking.gitleaks import GITLEAKS_RULES, GitleaksRule, _Allowlist
from pod_diagnoser.diagnosis.redaction import redact_head

DATA = json.loads(gitleaks.RULES.read_text(encoding="utf-8"))


def test_all_rules_compile() -> None:
    """With their allowlists: RE2 takes every pattern that gitleaks has."""
    assert len(DATA["rules"]) > 200
    for rule in DATA["rules"]:
        assert re2.compile(rule["regex"]), rule["id"]
        for allowlist in rule.get("allowlists", ()):
            assert all(map(re2.compile, allowlist.get("regexes", ())))
    assert all(map(re2.compile, DATA["allowlist"]["regexes"]))
    assert all(rule.pattern and rule.keywords for rule in GITLEAKS_RULES)
    assert len({rule.id for rule in GITLEAKS_RULES}) == len(GITLEAKS_RULES)


def test_data_is_what_the_updater_writes() -> None:
    """Byte for byte; where the module of its version is in Go's cache, made from that."""
    text = gitleaks.RULES.read_text(encoding="utf-8")
    assert gitleaks.render(json.loads(text)) == text
    assert list(DATA) == ["source", "version", "checksum", "sha256", "allowlist", "rules"]
    assert DATA["source"] == gitleaks.MODULE
    assert DATA["checksum"].startswith("h1:")
    assert "MIT License" in gitleaks.LICENSE.read_text(encoding="utf-8")


def test_data_is_made_from_the_module_of_its_version(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody has changed it by hand."""
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOFLAGS", "-mod=mod")
    try:
        module = gitleaks.download(DATA["version"])
    except gitleaks.UpdateError:
        pytest.skip("the module is not in the cache of the Go command: run make gitleaks once")
    config = (module.folder / "config/gitleaks.toml").read_text(encoding="utf-8")
    made = gitleaks.convert(config, module.version, module.checksum)
    assert gitleaks.render(made) == gitleaks.RULES.read_text(encoding="utf-8")
    assert (module.folder / "LICENSE").read_bytes() == gitleaks.LICENSE.read_bytes()


CONFIG = """
title = "x"
[allowlist]
description = "x"
paths = ["go.sum"]
regexes = ["^true$"]
[[rules]]
id = "a"
description = "A."
regex = "a(b)"
secretGroup = 1
entropy = 3.5
keywords = ["a"]
[[rules.allowlists]]
description = "x"
regexTarget = "line"
regexes = ["x"]
[[rules]]
id = "a-path"
path = "x$"
"""


def test_the_updater_takes_what_is_used() -> None:
    """No descriptions, no paths of files, and no rules of paths alone."""
    assert gitleaks.convert(CONFIG, "v1.2.3", "h1:x") == {
        "source": gitleaks.MODULE,
        "version": "v1.2.3",
        "checksum": "h1:x",
        "sha256": hashlib.sha256(CONFIG.encode()).hexdigest(),
        "allowlist": {"regexes": ["^true$"]},
        "rules": [
            {
                "id": "a",
                "regex": "a(b)",
                "secretGroup": 1,
                "entropy": 3.5,
                "keywords": ["a"],
                "allowlists": [{"regexTarget": "line", "regexes": ["x"]}],
            }
        ],
    }


def test_the_updater_says_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """A version that does not exist, or no Go."""
    answer = subprocess.CompletedProcess([], 1, '{"Error": "no such version"}', "")
    monkeypatch.setattr("shutil.which", lambda _: "/usr/bin/go")
    monkeypatch.setattr("subprocess.run", lambda *_, **__: answer)
    with pytest.raises(gitleaks.UpdateError, match="no such version"):
        gitleaks.download("v0.0.0")
    monkeypatch.setattr("shutil.which", lambda _: None)
    with pytest.raises(gitleaks.UpdateError, match="install Go"):
        gitleaks.download("latest")


def spans(rule: GitleaksRule, text: str) -> list[str]:
    """Return what a rule finds."""
    return [text[start:end] for start, end in rule.spans(text.encode(), Budget(len(text)))]


def test_the_secret_is_a_group_of_the_match() -> None:
    """That of the rule, else the first that is not empty, else the whole match."""
    assert spans(GitleaksRule("x", "(k)=(v+)", (), secret_group=2), "k=vvv k=v") == ["vvv", "v"]
    assert spans(GitleaksRule("x", "k=(?:(a+)|(v+))", ()), "k=vvv") == ["vvv"]
    assert spans(GitleaksRule("x", "k=v+", ()), "k=vvv") == ["k=vvv"]


def test_entropy_and_allowlists_decide() -> None:
    """As in gitleaks."""
    rule = GitleaksRule("x", "k=([a-z0-9]+)", (), entropy=2.5)
    assert spans(rule, "k=aaaaaaaaaa k=a1b2c3d4e5") == ["a1b2c3d4e5"]
    for table, found in (
        ({"regexes": ["^a1"]}, []),
        ({"regexes": ["^k=a1"]}, ["a1b2"]),
        ({"regexes": ["^k=a1"], "regexTarget": "match"}, []),
        ({"regexes": ["LICENSE"], "regexTarget": "line"}, []),
        ({"regexes": ["other line"], "regexTarget": "line"}, ["a1b2"]),
        ({"stopwords": ["B2"]}, []),
        ({"stopwords": ["b3"]}, ["a1b2"]),
        ({"stopwords": ["b2"], "regexes": ["zz"], "condition": "AND"}, ["a1b2"]),
        ({"stopwords": ["b2"], "regexes": ["a1"], "condition": "AND"}, []),
        ({"paths": ["x"], "regexes": ["a1"], "condition": "AND"}, ["a1b2"]),
    ):
        listed = GitleaksRule("x", "k=([a-z0-9]+)", (), allowlists=(_Allowlist.of(table),))
        assert spans(listed, "other line\nLICENSE k=a1b2 .\nother") == found, table


def test_a_rule_is_applied_by_its_keyword() -> None:
    """A key that only gitleaks knows, by the name of its service."""
    key = "a1b2c3d4" * 4
    assert redact_head(f"algolia_app: '{key}'", 1000) == "algolia_app: '***'"
    assert redact_head(f"other_app: '{key}'", 1000) == f"other_app: '{key}'"
