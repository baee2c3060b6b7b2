"""metadata.managedFields: their entries, without the fields in them."""

from dev.simulator.objects import Object
from dev.simulator.writes import Call


def record_manager(obj: Object, call: Call, now: str) -> None:
    """Record in managedFields who wrote.

    An update that carries managedFields replaces those that are stored. Metacontroller's
    second PUT after a status write carries those from before it, so it takes the entry of the
    status write away again: that is why it raises the resourceVersion though it changes
    nothing else. A writer that only removes fields owns none, and gets no entry.
    """
    entries = obj["metadata"].get("managedFields") or []
    for entry in entries:
        if (entry["manager"], entry.get("subresource", "")) == (call.manager, call.subresource):
            return
    entry = {
        "manager": call.manager,
        "operation": "Update",
        "apiVersion": obj["apiVersion"],
        "time": now,
        "fieldsType": "FieldsV1",
        "fieldsV1": {},
    }
    if call.subresource:
        entry["subresource"] = call.subresource
    obj["metadata"]["managedFields"] = [*entries, entry]


def without_managers(obj: Object) -> Object:
    """Return an object without its managedFields."""
    metadata = {name: value for name, value in obj["metadata"].items() if name != "managedFields"}
    return {**obj, "metadata": metadata}
