"""The lines of an output: what is taken off, told apart, opened, and left out."""

import json

import pytest

from pod_diagnoser.diagnosis.output.lines import MAX_LINES, MAX_STREAMS, MAX_TEXT, read_streams


def texts(output: str) -> list[list[str]]:
    """Return the texts of each stream."""
    return [stream.texts for stream in read_streams(output)]


@pytest.mark.parametrize(
    "line",
    [
        "2024-05-01T10:00:00.123456789Z stdout F the line",
        "2024-05-01T10:00:00.123456789+02:00 stderr P the line",
        "2024-05-01T10:00:00.123456789Z the line",
        "[pod/shop-0/app] the line",
        "shop_1  | the line",
        "\x1b[36mshop_1  |\x1b[0m the line",
        "10:00:00 web.1  | the line",
        "[0] the line",
        "May 01 10:00:00 node-1 shop[12]: the line",
        "2024-05-01T10:00:00+0000 node-1 shop[12]: the line",
        "2024-05-01T10:00:00.1Z shop_1  | the line",
        r'{"log":"the line\n","stream":"stderr","time":"2024-05-01T10:00:00.1Z"}',
        r'{"log":"the line\n","stream":"std',
    ],
)
def test_collectors_prefixes_are_no_part_of_a_line(line: str) -> None:
    """They are left out of what is matched and of what is quoted."""
    (stream,) = read_streams(f"{line}\n{line}\n")
    assert stream.texts == ["the line", "the line"]
    assert set(stream.quotes) == {"the line"}


def test_a_prefix_of_few_lines_is_the_programs_own() -> None:
    """Two lines of ten have it."""
    lines = ["name | a", "name | b", *"cdefghij"]
    assert texts("\n".join(lines)) == [lines]


def test_a_time_that_may_be_the_programs_own_is_quoted() -> None:
    """It is not matched, though."""
    (stream,) = read_streams("2024-05-01 10:00:00 a\n2024-05-01 10:00:01 b\n")
    assert (stream.texts, stream.quotes) == (
        ["a", "b"],
        ["2024-05-01 10:00:00 a", "2024-05-01 10:00:01 b"],
    )


def test_services_are_told_apart() -> None:
    """By the name before their lines; many names are none."""
    assert texts("one_1 | a\ntwo_1 | b\none_1 | c\n") == [["a", "c"], ["b"]]
    many = [f"s{number} | x" for number in range(MAX_STREAMS + 1)]
    assert len(texts("\n".join(many))) == 1


def test_a_line_with_lines_in_it_is_opened() -> None:
    """A trace in JSON is read as one; a part that stands there as it is, is quoted alone."""
    record = json.dumps({"level": "error", "stack": 'Error: a "b"\n\tat f (/a.js:1:2)\nplain'})
    (stream,) = read_streams(record)
    assert stream.texts == [record, 'Error: a "b"', "\tat f (/a.js:1:2)", 'plain"}']
    assert stream.quotes[1] == record
    assert set(stream.places) == {0}


def test_the_end_is_read_and_no_more() -> None:
    """The last 64 KiB without the line that is cut, and the last lines of these."""
    assert texts("x" * MAX_TEXT + "cut\nwhole") == [["whole"]]
    (lines,) = texts("a\n" * MAX_TEXT)
    assert len(lines) == MAX_LINES


def test_blank_lines_are_left_out() -> None:
    """Also those that are only blank without what wraps them."""
    assert texts("\n \t\r\n") == []
    assert texts("one_1 | a\none_1 | \none_1 |\none_1 | \x1b[0m\none_1 | b") == [["a", "b"]]
