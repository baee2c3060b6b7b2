"""Less memory for many objects of one kind: what is equal in them is kept once. Pure.

Of a Pod as pydantic reads it half the memory are sets of the names of the fields that it has, one
for each of its twenty parts; and the Pods of a workload have the same containers, owner and labels.
"""

from collections.abc import Iterator
from typing import Any, Final

from pydantic import BaseModel

_ALIKE: Final = frozenset(
    {
        *("annotations", "labels", "ownerReferences"),
        *("containers", "initContainers", "volumes"),
        *("involvedObject", "source"),
    }
)
"""Fields that are often equal in many objects."""


class Sharing:
    """Has equal parts of models be one object. What it was given is kept as long as it is."""

    def __init__(self) -> None:
        self._names: dict[frozenset[str], set[str]] = {}
        self._parts: dict[Any, Any] = {}

    def share(self, model: BaseModel) -> None:
        """Replace parts of a model by equal ones of others, and forget what it has calculated.

        Models are immutable, so nobody sees a difference.
        """
        fields = model.__dict__
        for name in fields.keys() - type(model).model_fields.keys():
            del fields[name]
        for name in _ALIKE & fields.keys():
            fields[name] = self._part(fields[name])
        self._share_names(model)
        for value in fields.values():
            for part in _models(value):
                self.share(part)

    def _share_names(self, model: BaseModel) -> None:
        names = model.model_fields_set
        # Not by an assignment, which an immutable model refuses.
        object.__setattr__(
            model, "__pydantic_fields_set__", self._names.setdefault(frozenset(names), names)
        )

    def _part(self, value: Any) -> Any:
        """Return the one of all equal values that is kept.

        Parts are compared by whether they are the same object, since equal ones are; what is in the
        table keeps its parts, so that no other object takes their place in memory.
        """
        if isinstance(value, BaseModel):
            self._share_names(value)
            fields = value.__dict__
            fields.update((name, self._part(each)) for name, each in fields.items())
            key: Any = (type(value), id(value.model_fields_set), *map(id, fields.values()))
        elif isinstance(value, tuple):
            value = tuple(map(self._part, value))
            key = (tuple, *map(id, value))
        elif isinstance(value, dict):
            value = {self._part(name): self._part(each) for name, each in value.items()}
            key = (dict, *map(id, value), *map(id, value.values()))
        elif isinstance(value, str):
            key = value
        else:
            return value
        return self._parts.setdefault(key, value)


def _models(value: Any) -> Iterator[BaseModel]:
    if isinstance(value, BaseModel):
        yield value
    elif isinstance(value, tuple):
        yield from (each for each in value if isinstance(each, BaseModel))
