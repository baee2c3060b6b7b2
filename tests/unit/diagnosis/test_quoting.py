"""Outside text in our sentences."""

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.quoting import (
    image_forms,
    kubectl,
    name,
    quote,
    quoted_length,
    shorten,
    word,
)

SAFE = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=300)
LIKE_MARKS = '"“”„‟″«»⁗〃' + "\uff02\u02ba\u02dd\u02ee\u05f4\U0001f676"
MARKS = st.text(f"{LIKE_MARKS}' ab", max_size=60)


@given(SAFE | MARKS, st.integers(5, 200))
@example("00 \u00a1\u00a1\u0800\u0800\u0800\u0800\u0800\u201c", 26)
def test_a_quotation_ends_where_it_ends(text: str, limit: int) -> None:
    """No text holds a double quotation mark, or one that looks like it, and the bound holds."""
    quoted = quote(text, limit)
    assert len(quoted.encode()) <= limit
    assert quoted[0] == quoted[-1] == '"'
    assert not set(quoted[1:-1]) & set(LIKE_MARKS)
    if quoted_length(text) <= limit:
        assert len(quoted) == len(text) + 2


@given(SAFE, st.integers(3, 200))
def test_a_text_that_is_too_long_keeps_start_and_end(text: str, limit: int) -> None:
    """What is left out is the middle, and a text that fits stays as it is."""
    short = shorten(text, limit)
    assert len(short.encode()) <= limit
    if len(text.encode()) <= limit:
        assert short == text
    else:
        start, ellipsis, end = short.partition("…")
        assert ellipsis
        assert text.startswith(start.rstrip()) or "…" in text
        assert text.endswith(end.lstrip()) or "…" in text


def test_the_middle_is_left_out_between_words() -> None:
    """The end of a nested message is its cause."""
    text = "failed to create containerd task: failed to create shim task: OCI runtime: no such file"
    assert shorten(text, 60) == "failed to create … task: OCI runtime: no such file"


@pytest.mark.parametrize(
    ("image", "forms"),
    [
        ("", ()),
        ("app", ("app",)),
        ("app:1", ("app:1",)),
        ("localhost:5000/app", ("localhost:5000/app", "app")),
        (
            "registry.example/team/app:1.5@sha256:aa",
            (
                "registry.example/team/app:1.5@sha256:aa",
                "registry.example/team/app:1.5",
                "app:1.5",
            ),
        ),
        ("team/app@sha256:aa", ("team/app@sha256:aa", "app")),
        ('app"; curl evil', ('"app\'; curl evil"',)),
        ("-app", ('"-app"',)),
    ],
)
def test_an_image_has_shorter_forms(image: str, forms: tuple[str, ...]) -> None:
    """Each of them still says which image it is."""
    assert image_forms(image) == forms


def test_only_names_stand_without_quotes() -> None:
    """Names of Kubernetes, and reasons of one word."""
    assert name("web-7d9c.example") == "web-7d9c.example"
    assert name("web; next: run x") == '"web; next: run x"'
    assert word("OOMKilled") == "OOMKilled"
    assert word("OOMKilled, and fine") == '"OOMKilled, and fine"'


def test_a_command_is_made_of_names() -> None:
    """One that is none makes no command."""
    assert kubectl("describe", "node", "n1", names=("n1",)) == "kubectl describe node n1"
    assert kubectl("describe", "node", "n1 && id", names=("n1 && id",)) == ""


def test_words_to_keep_stay_in_the_middle() -> None:
    """What proves the kind of problem is not what is left out."""
    text = "injection failed: unresolvable CDI devices " + "a/b " * 40 + "gpu.example.com/gpu=0"
    kept = quote(text, 90, ("unresolvable cdi devices",))
    assert "unresolvable CDI devices" in kept
    assert "unresolvable CDI devices" not in quote(text, 90)
    assert len(kept.encode()) <= 90
