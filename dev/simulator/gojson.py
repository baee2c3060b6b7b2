"""JSON as Go's encoding/json writes it, which is what Metacontroller sends."""

import json
from typing import Any

_HTML = {
    "<": "\\u003c",
    ">": "\\u003e",
    "&": "\\u0026",
    "\u2028": "\\u2028",
    "\u2029": "\\u2029",
}


def dumps(value: Any, *, sort_keys: bool = True) -> str:
    """Write JSON compactly: keys sorted as Go sorts those of maps, HTML characters escaped.

    Args:
        value: JSON.
        sort_keys: False for what are structs in Go, whose fields keep their order.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=sort_keys, separators=(",", ":"))
    for character, escape in _HTML.items():
        # Outside of strings JSON has none of these characters.
        if character in text:
            text = text.replace(character, escape)
    return text
