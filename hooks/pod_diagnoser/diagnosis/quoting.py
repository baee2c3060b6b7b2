"""Text from outside in our sentences: quoted, bounded, and unable to speak in our voice. Pure.

Names, messages, Events and logs are written by others, some of whom would like a diagnosis to say
"run this command". So whatever comes from outside stands in double quotes, and holds none itself;
only a name that Kubernetes itself allows, or an image reference, stands without them. Commands are
made here, of such names alone.
"""

import re
from collections.abc import Sequence
from typing import Final

from pod_diagnoser.api.text import ELLIPSIS, truncate_bytes
from pod_diagnoser.diagnosis.message_text import fit

_QUOTATION_MARKS: Final = dict.fromkeys(
    map(
        ord,
        '"“”„‟″‶⁗«»❝❞〝〞〟〃'
        "\uff02\u02ba\u02dd\u02ee\u02f6\u05f4\u1cd3\U0001f676\U0001f677\U0001f678",
    ),
    "'",
)
"""Double quotation marks, and what looks like one."""

_NAME: Final = re.compile(r"[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?")
"""A DNS subdomain, which a DNS label is, too. Source: apimachinery pkg/util/validation."""

_IMAGE: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:@-]*")
"""The characters of an image reference. Source: github.com/distribution/reference."""

_WORD: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/:-]*")
"""A reason or a quantity, as programs write them: one word."""

MAX_NAME_BYTES: Final = 40
"""The most bytes of a name that is none, in quotation marks."""

_GAP: Final = f" {ELLIPSIS} "
_MIN_BYTES_FOR_GAP: Final = 24
_END_SHARE: Final = 0.6
"""Which part of a shortened text is its end, where nested messages have their cause."""

_MAX_LOST_TO_WORDS: Final = 12
"""How many bytes of room to give up for a cut between words."""


def quote(text: str, limit: int, keep: Sequence[str] = ()) -> str:
    """Quote a text from outside.

    Args:
        text: a text without control characters (`sanitize`).
        limit: the most bytes that the result may have, at least 5.
        keep: words in it to keep, where there is room (`message_text.fit`).

    Returns:
        The text in double quotes; its middle is left out where it is too long.
    """
    room = limit - 2
    # Of a name, which has no words, the start says more than the end.
    if room >= _MIN_BYTES_FOR_GAP and " " in text and quoted_length(text) > limit:
        text = fit(text, room, keep)
    return f'"{shorten(text.translate(_QUOTATION_MARKS), room)}"'


def quote_whole(text: str) -> str:
    """Quote a text from outside, however long it is."""
    return f'"{text.translate(_QUOTATION_MARKS)}"'


def quoted_length(text: str) -> int:
    """Return how many bytes a text has in quotes, if nothing of it is left out."""
    return len(quote_whole(text).encode())


def shorten(text: str, limit: int) -> str:
    """Leave out the middle of a text that is too long, between words where that is possible.

    Args:
        text: any text without surrogates.
        limit: the most bytes that the result may have, at least 3.

    Returns:
        The text, or its start and its end with an ellipsis between them.
    """
    encoded = text.encode()
    if len(encoded) <= limit:
        return text
    if limit < _MIN_BYTES_FOR_GAP:
        return truncate_bytes(text, limit)
    room = limit - len(_GAP.encode())
    end_room = int(room * _END_SHARE)
    start = _whole_words_at_start(encoded[: room - end_room].decode(errors="ignore"))
    end = _whole_words_at_end(encoded[len(encoded) - end_room :].decode(errors="ignore"))
    # The text may have lost something there before.
    return f"{start.rstrip(_GAP)}{_GAP}{end.lstrip(_GAP)}"


def _whole_words_at_start(text: str) -> str:
    head, space, rest = text.rpartition(" ")
    return head if space and len(rest) <= _MAX_LOST_TO_WORDS else text


def _whole_words_at_end(text: str) -> str:
    rest, space, tail = text.partition(" ")
    return tail if space and len(rest) <= _MAX_LOST_TO_WORDS else text


def is_name(text: str) -> bool:
    """Say whether a text is a DNS subdomain, as names of Pods, nodes and containers are."""
    return _NAME.fullmatch(text) is not None


def name(text: str) -> str:
    """Return a name as it may stand in a sentence; quoted if it is none that Kubernetes allows."""
    return text if is_name(text) else quote(text, MAX_NAME_BYTES)


def word(text: str) -> str:
    """Return a reason or a quantity as it may stand in a sentence; in quotes if it is no word."""
    return text if _WORD.fullmatch(text) else quote(text, MAX_NAME_BYTES)


def image_forms(image: str) -> tuple[str, ...]:
    """Return an image reference, and shorter forms that still say which image it is.

    Without its digest where it has a tag, then without registry and repositories.
    """
    if not image:
        return ()
    if _IMAGE.fullmatch(image) is None:
        return (quote(image, 64),)
    tagged, _, digest = image.partition("@")
    has_tag = ":" in tagged.rpartition("/")[2]
    forms = [image, *([tagged] if digest and has_tag else []), tagged.rpartition("/")[2]]
    return tuple(dict.fromkeys(filter(None, forms)))


def kubectl(*words: str, names: tuple[str, ...] = ()) -> str:
    """Return a kubectl command; an empty string where one of the names in it is none.

    Args:
        words: the words of the command, the names among them.
        names: the names in it that come from outside.
    """
    if not all(map(is_name, names)):
        return ""
    return " ".join(("kubectl", *words))
