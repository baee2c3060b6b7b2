"""Lines made from templates: whole, and never too long."""

from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pod_diagnoser.diagnosis.statement import (
    MAX_LINE_BYTES,
    Forms,
    Outside,
    Value,
    compile_template,
    fit_line,
    join_sentences,
    with_suffix,
)


def line(template: str, limit: int = MAX_LINE_BYTES, **values: Value) -> str:
    """Fill a template."""
    return fit_line(compile_template(template, filler), values, limit)


def filler(name: str) -> Callable[[Mapping[str, Value]], Value]:
    """Return what fills a placeholder: a value of its name."""
    return lambda values: values[name]


def test_a_group_without_its_facts_is_left_out() -> None:
    """Alone; the others stay."""
    assert line("a[ {one}][ {two} end]", one="", two="2") == "a 2 end"
    assert line("a[: {said}]", said=Outside("")) == "a"
    assert line("a[: {said}]", said=Outside("b")) == 'a: "b"'


def test_a_group_after_quoted_text_gives_way_to_it() -> None:
    """The message is what the line is for: it is shortened only when the group is gone."""
    said = "x " * 30 + "end"
    template = "The Pod failed: {said}[ on {node}]"
    assert line(template, 110, said=Outside(said), node="n1") == f'The Pod failed: "{said}" on n1'
    assert line(template, 82, said=Outside(said), node="n1") == f'The Pod failed: "{said}"'
    short = line(template, 70, said=Outside(said), node="n1")
    assert short.startswith('The Pod failed: "x x ')
    assert short.endswith(' x end"')


def test_a_group_that_quotes_is_shortened_before_it_is_left_out() -> None:
    """A group before quoted text stays, too."""
    said = line("Error[ on {node}][: {said}]", 100, said=Outside("x " * 60 + "end"), node="n1")
    assert said.startswith('Error on n1: "x x ')
    assert said.endswith(' x end"')
    assert len(said) <= 100


def test_words_that_prove_something_stay_in_quoted_text() -> None:
    """Also where they stand in its middle."""
    text = "first " + "words of no use " * 6 + "no space left" + " and more of them" * 6
    said = line("The Pod failed: {said}", 100, said=Outside(text, keep=("no space left",)))
    assert said.startswith('The Pod failed: "')
    assert "no space left" in said
    assert said.endswith(' of them"')
    assert "no space left" not in line("The Pod failed: {said}", 100, said=Outside(text))


def test_names_give_way_before_groups_and_groups_before_commands() -> None:
    """A command is what people need most."""
    values: dict[str, Value] = {
        "image": Forms(("registry/team/app:1", "app:1")),
        "extra": "more words",
        "command": Forms(("kubectl logs app", "the log"), is_command=True),
    }
    template = "image {image}: {command}[ and {extra}]"
    assert (
        line(template, 60, **values) == "image registry/team/app:1: kubectl logs app and more words"
    )
    assert line(template, 50, **values) == "image app:1: kubectl logs app and more words"
    assert line(template, 40, **values) == "image app:1: kubectl logs app"
    assert line(template, 25, **values) == "image app:1: the log"


def test_the_last_group_is_left_out_first() -> None:
    """Groups are in the order of their importance."""
    assert line("a[ {x} one][ {x} two]", 9, x="1") == "a 1 one"


@pytest.mark.parametrize("template", ["a[b", "a]b", "[a[b]]", "{a", "a}", "{}"])
def test_a_template_that_is_not_well_formed_is_an_error(template: str) -> None:
    """When it is first used."""
    with pytest.raises(ValueError, match=r".*"):
        line(template)


SAFE = st.text(st.characters(exclude_categories=["C", "Z"], include_characters=" "), max_size=200)


@given(
    st.lists(st.tuples(st.booleans(), st.sampled_from("abcdef"), st.booleans()), max_size=6),
    st.dictionaries(
        st.sampled_from("abcdef"),
        st.text("xyz", max_size=80)
        | SAFE.map(Outside)
        | st.lists(st.text("xyz", max_size=60), min_size=1, max_size=3).map(
            lambda texts: Forms(tuple(sorted(texts, key=len, reverse=True)))
        ),
    ),
    st.integers(30, 200),
)
def test_no_line_is_too_long_whatever_fills_it(
    parts: list[tuple[bool, str, bool]], values: dict[str, Value], limit: int
) -> None:
    """Any template, any values."""
    template = "".join(f"[ {{{name}}}]" if group else f" {{{name}}}" for group, name, _ in parts)
    all_values = {name: values.get(name, "") for name in "abcdef"}
    filled = fit_line(compile_template(template, filler), all_values, limit)
    assert len(filled.encode()) <= limit


def test_clauses_of_ours_are_left_out_whole() -> None:
    """Where nothing else can give way, nothing is cut in its middle either."""
    assert line("one thing; another thing", 20) == "one thing"
    assert line('a name: "x; y" of it', 14) == "a name"


def test_the_first_suffix_that_fits_is_appended() -> None:
    """None of them is cut."""
    assert with_suffix("a", (" long", " b")) == "a long"
    assert with_suffix("a" * 134, (" longer", " bcd")) == "a" * 134 + " bcd"
    assert with_suffix("a" * 138, (" b",)) is None


def test_sentences_are_joined_as_far_as_there_is_room() -> None:
    """A whole one is left out, and a shorter one after it is not."""
    assert join_sentences(("One.", "A longer one.", "Two."), 11) == "One. Two."
    assert join_sentences(("One.", "", "Two."), 100) == "One. Two."
