"""Read and write YAML as Kubernetes does: a time is a string, and long sentences are folded."""

import unicodedata
from typing import Any

import yaml

_WIDTH = 96
_TIMESTAMP = "tag:yaml.org,2002:timestamp"


class _Loader(yaml.CSafeLoader):
    """Leaves ``2026-11-23T01:09:05Z`` a string, as it is in JSON."""


class _Dumper(yaml.SafeDumper):
    """Folds sentences, and quotes no time."""


for _class in (_Loader, _Dumper):
    _class.yaml_implicit_resolvers = {
        first: [each for each in resolvers if each[0] != _TIMESTAMP]
        for first, resolvers in _class.yaml_implicit_resolvers.items()
    }


def _is_plain(text: str) -> bool:
    """Return whether a text has no control, format, private or unassigned character."""
    return all(unicodedata.category(each)[0] != "C" for each in text)


def _represent_string(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    folded = len(text) > _WIDTH and " " in text and _is_plain(text)
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, ">" if folded else None)


_Dumper.add_representer(str, _represent_string)


def load(text: str | bytes) -> Any:
    """Read a document."""
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()


def dump(document: Any) -> str:
    """Write a document. Characters that cannot be seen, or turn text around, are escaped."""

    def written(*, allow_unicode: bool) -> str:
        return str(
            yaml.dump(
                document,
                Dumper=_Dumper,
                width=_WIDTH,
                sort_keys=False,
                allow_unicode=allow_unicode,
            )
        )

    text = written(allow_unicode=True)
    return text if _is_plain(text.replace("\n", "")) else written(allow_unicode=False)
