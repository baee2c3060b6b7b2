"""Less memory for many objects of one kind: what is equal in them is kept once. Pure.

Of a Pod as pydantic reads it half the memory are sets of the names of the fields that it has, one
for each of its twenty parts; and the Pods of a workload have the same containers, owner and labels.
"""

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
        known = type(model).model_fields
        for name in [name for name in model.__dict__ if name not in known]:
            del model.__dict__[name]
        waiting = [model]
        while waiting:
            each = waiting.pop()
            self._share_names(each)
            fields = each.__dict__
            for name, value in fields.items():
                if not value or isinstance(value, str):
                    continue
                if name in _ALIKE:
                    fields[name] = self._part(value)
                elif isinstance(value, BaseModel):
                    waiting.append(value)
                elif isinstance(value, tuple):
                    waiting += [part for part in value if isinstance(part, BaseModel)]

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
