"""Creating, updating and deleting attachments (pkg/controller/common/manage_children.go)."""

from collections.abc import Iterable

from dev.simulator.client import Client
from dev.simulator.errors import ApiError
from dev.simulator.metacontroller.merging import apply_update, set_last_applied
from dev.simulator.objects import (
    Object,
    identical,
    is_terminating,
    name_of,
    owners_of,
    qualified_name,
    uid_of,
)
from dev.simulator.resources import Resource
from dev.simulator.writes import DeleteOptions, key_of

ObjectMap = dict[Resource, dict[str, Object]]
"""Objects by kind and by namespace/name: a UniformObjectMap."""


class AttachmentError(Exception):
    """Some attachments could not be brought to their desired state."""


class AttachmentManager:
    """Brings the attachments of a parent to the state that its hook desires."""

    def __init__(self, client: Client, methods: dict[Resource, str]) -> None:
        """Remember how each kind is updated.

        Args:
            client: writes with it.
            methods: InPlace, Recreate or OnDelete for each kind; OnDelete for others.
        """
        self._client = client
        self._methods = methods

    async def manage(
        self, parent: Object, observed: ObjectMap, desired: ObjectMap, unknown: Iterable[str] = ()
    ) -> None:
        """Delete what is no longer desired, then create or update the rest.

        After a failure the other attachments are still handled.

        Args:
            parent: whose they are.
            observed: those that exist.
            desired: those that should exist.
            unknown: what is wrong with desired ones of kinds that do not exist.

        Raises:
            AttachmentError: the messages of all failures.
        """
        errors: list[str] = []
        for resource in _in_order(observed):
            expected = desired.get(resource, {})
            for name in self._client.timing.order(sorted(observed[resource])):
                if name not in expected:
                    errors += await self._delete(resource, observed[resource][name])
        for resource in _in_order(desired):
            existing = observed.get(resource, {})
            for name in self._client.timing.order(sorted(desired[resource])):
                errors += await self._apply(
                    resource, parent, existing.get(name), desired[resource][name]
                )
        errors += unknown
        if errors:
            raise AttachmentError(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")

    async def _delete(self, resource: Resource, child: Object) -> list[str]:
        if is_terminating(child):
            return []
        try:
            await self._client.delete(resource, key_of(child), DeleteOptions(uid=uid_of(child)))
        except ApiError as error:
            if not error.is_not_found:
                return [f"can't delete {resource.kind} {qualified_name(child)}: {error}"]
        except OSError as error:
            return [f"can't delete {resource.kind} {qualified_name(child)}: {error}"]
        return []

    async def _apply(
        self, resource: Resource, parent: Object, observed: Object | None, desired: Object
    ) -> list[str]:
        try:
            if observed is None:
                await self._create(resource, parent, desired)
            else:
                await self._update(resource, observed, desired)
        except (ApiError, OSError) as error:
            return [str(error)]
        return []

    async def _create(self, resource: Resource, parent: Object, desired: Object) -> None:
        set_last_applied(desired, desired)
        _claim(desired, parent)
        try:
            await self._client.create(resource, desired)
        except ApiError as error:
            # It may be there and belong to another: nothing to retry.
            if not error.is_already_exists:
                raise

    async def _update(self, resource: Resource, observed: Object, desired: Object) -> None:
        new = apply_update(observed, desired)
        if identical(new, observed) or is_terminating(observed):
            return
        method = self._methods.get(resource, "OnDelete")
        try:
            if method in {"InPlace", "RollingInPlace"}:
                await self._client.update(resource, new)
            elif method in {"Recreate", "RollingRecreate"}:
                options = DeleteOptions(uid=uid_of(observed))
                await self._client.delete(resource, key_of(desired), options)
        except ApiError as error:
            swallowed = error.is_not_found or (error.is_conflict and method.endswith("InPlace"))
            if not swallowed:
                raise


def _in_order(objects: ObjectMap) -> list[Resource]:
    return sorted(objects, key=lambda resource: (resource.group, resource.version, resource.kind))


def _claim(child: Object, parent: Object) -> None:
    """Make the parent the controller of a new child (claimOwnership)."""
    if any(owner["uid"] == uid_of(parent) for owner in owners_of(child)):
        return
    reference = {
        "apiVersion": parent["apiVersion"],
        "kind": parent["kind"],
        "name": name_of(parent),
        "uid": uid_of(parent),
        "controller": True,
        "blockOwnerDeletion": True,
    }
    child["metadata"]["ownerReferences"] = [*owners_of(child), reference]
