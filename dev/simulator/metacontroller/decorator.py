"""One DecoratorController at work (pkg/controller/decorator/controller.go)."""

from collections.abc import Iterable
from typing import TYPE_CHECKING

from dev.simulator.client import Client
from dev.simulator.errors import ApiError
from dev.simulator.events import EventRecorder
from dev.simulator.gojson import dumps
from dev.simulator.metacontroller.answers import (
    SyncResponse,
    UnreadableAnswerError,
    read_sync_answer,
)
from dev.simulator.metacontroller.attachments import AttachmentError, AttachmentManager, ObjectMap
from dev.simulator.metacontroller.customizing import (
    Encoder,
    NotSyncedError,
    RelatedObjects,
    RelatedRuleError,
)
from dev.simulator.metacontroller.definition import Definition, ParentRule
from dev.simulator.metacontroller.hooks import HookCaller, HookError, TooManyRequestsError
from dev.simulator.metacontroller.informers import InformerFactory
from dev.simulator.metacontroller.workqueue import WorkQueue
from dev.simulator.objects import (
    Object,
    annotations_of,
    controller_of,
    copy,
    generation_of,
    identical,
    is_terminating,
    labels_of,
    name_of,
    namespace_of,
    qualified_name,
    uid_of,
    version_of,
)
from dev.simulator.resources import Resource

if TYPE_CHECKING:
    from dev.simulator.scheduling import Task

DECORATOR_ANNOTATION = "metacontroller.k8s.io/decorator-controller"
_SYNCED_POLL = 0.1  # seconds between two looks whether the caches are there, as in client-go


class SyncError(Exception):
    """A sync that failed; the message is what the SyncError Event says."""


class WriteError(Exception):
    """The parent could not be written, for another reason than being gone or changed."""


_FAILURES = (
    ApiError,
    OSError,
    HookError,
    UnreadableAnswerError,
    RelatedRuleError,
    AttachmentError,
    WriteError,
)


class DecoratorController:
    """Keeps the parents of one DecoratorController in sync with its hook."""

    def __init__(
        self,
        definition: Definition,
        client: Client,
        informers: InformerFactory,
        caller: HookCaller,
        encode: Encoder,
    ) -> None:
        """Resolve the kinds that it is about.

        Args:
            definition: the DecoratorController.
            client: writes with it.
            informers: of the process.
            caller: calls the hooks.
            encode: writes an object as JSON.

        Raises:
            ValueError: a kind does not exist; the real one tries again until it does.
        """
        self.name = definition.name
        self.queue = WorkQueue(client.scheduler)
        self._definition = definition
        self._controller = dumps(definition.body, sort_keys=False)
        self._client = client
        self._caller = caller
        self._encode = encode
        self._parents = {
            self._find(rule.api_version, rule.resource): rule for rule in definition.parents
        }
        self._children = {
            self._find(rule.api_version, rule.resource): rule.method
            for rule in definition.attachments
        }
        self._parent_informers = {resource: informers.get(resource) for resource in self._parents}
        self._child_informers = {resource: informers.get(resource) for resource in self._children}
        self._attachments = AttachmentManager(client, self._children)
        self._related = RelatedObjects(definition, client, informers, caller, encode)
        self._tasks: list[Task[None]] = []
        self._recorder: EventRecorder | None = None

    def _find(self, api_version: str, plural: str) -> Resource:
        resource = self._client.store.find(api_version, plural)
        if resource is None:
            message = f"can't find resource {plural!r} in apiVersion {api_version!r}"
            raise ValueError(message)
        return resource

    def start(self, recorder: EventRecorder, workers: int) -> None:
        """Handle events, and process what they enqueue once the caches are there."""
        self._recorder = recorder
        self._tasks.append(self._client.scheduler.spawn(self._run(workers)))

    def stop(self) -> None:
        """End at once, in the middle of whatever is under way."""
        self.queue.shut_down()
        self._related.stop()
        for informer in [*self._parent_informers.values(), *self._child_informers.values()]:
            informer.remove_handlers(self)
        for task in self._tasks:
            task.cancel()

    async def _run(self, workers: int) -> None:
        self._related.start(self._parent_informers.values(), self._enqueue)
        for informer in self._parent_informers.values():
            handler = _ParentHandler(self)
            await informer.add_handler(self, handler, self._definition.resync_period)
        for informer in self._child_informers.values():
            await informer.add_handler(self, _ChildHandler(self))
        informers = [*self._parent_informers.values(), *self._child_informers.values()]
        while not all(informer.synced for informer in informers):
            await self._client.scheduler.sleep(_SYNCED_POLL)
        for _ in range(workers):
            self._tasks.append(self._client.scheduler.spawn(self._work()))

    # Events

    def _enqueue(self, parent: Object) -> None:
        if self._selects(parent):
            self.queue.add(_queue_key(parent))

    def _selects(self, parent: Object) -> bool:
        rule = self._rule_of(parent)
        return (
            rule is not None
            and rule.labels.matches(labels_of(parent))
            and rule.annotations.matches(annotations_of(parent))
        )

    def _rule_of(self, parent: Object) -> ParentRule | None:
        for resource, rule in self._parents.items():
            if (resource.api_version, resource.kind) == (parent["apiVersion"], parent["kind"]):
                return rule
        return None

    def parent_updated(self, old: Object, new: Object) -> None:
        """A parent changed, or a resync says that it is there (old and new are the same then)."""
        rule = self._rule_of(old)
        if rule is not None and rule.ignore_status and old is not new:
            unchanged = (
                generation_of(old) == generation_of(new)
                and labels_of(old) == labels_of(new)
                and annotations_of(old) == annotations_of(new)
                and not is_terminating(new)
            )
            if unchanged:
                return
        self._enqueue(new)

    def parent_seen(self, parent: Object) -> None:
        """A parent is new or gone."""
        self._enqueue(parent)

    def child_seen(self, child: Object) -> None:
        """An attachment is new, changed or gone: its parent is synced, if it is one of ours."""
        reference = controller_of(child)
        if reference is None:
            return
        group = reference["apiVersion"].rpartition("/")[0]
        for resource, informer in self._parent_informers.items():
            if (resource.group, resource.kind) != (group, reference["kind"]):
                continue
            namespace = namespace_of(child) if resource.namespaced else ""
            parent = informer.get((namespace, reference["name"]))
            if parent is not None and uid_of(parent) == reference["uid"]:
                self._enqueue(parent)

    # Workers

    async def _work(self) -> None:
        while True:
            key = await self.queue.get()
            try:
                await self._sync(key)
            except TooManyRequestsError as error:
                self.queue.add_after(key, error.after)
            except (NotSyncedError, SyncError):
                self.queue.add_rate_limited(key)
            else:
                self.queue.forget(key)
            self.queue.done(key)

    async def _sync(self, key: str) -> None:
        api_version, kind, namespace, name = key.split(":", 3)
        resource = self._client.store.find_kind(api_version, kind)
        if resource is None:
            return
        parent = self._parent_informers[resource].get((namespace, name))
        if parent is None:
            return  # deleted: no point in retrying
        try:
            await self._sync_parent(resource, parent)
        except _FAILURES as error:
            raise self._failed(parent, str(error)) from error

    def _failed(self, parent: Object, message: str) -> SyncError:
        if self._recorder is not None:
            self._recorder.record(parent, "Warning", "SyncError", f"Sync error: {message}")
        return SyncError(message)

    async def _sync_parent(self, resource: Resource, parent: Object) -> None:
        if not self._selects(parent):
            return
        observed = self._observed(parent)
        await self._client.step()
        related = await self._related.get(parent)
        answer = await self._call(parent, observed, related)
        if answer.resync_after > 0:
            self.queue.add_after(_queue_key(parent), answer.resync_after)
        if not await self._write(resource, parent, answer):
            return
        if not is_terminating(parent):
            desired, unknown = self._desired(parent, answer.attachments)
            try:
                await self._attachments.manage(parent, observed, desired, unknown)
            except AttachmentError as error:
                message = f"can't reconcile children for {_describe(parent)}: {error}"
                raise AttachmentError(message) from error

    def _observed(self, parent: Object) -> ObjectMap:
        observed: ObjectMap = {}
        for resource, informer in self._child_informers.items():
            group = observed.setdefault(resource, {})
            for child in informer.select(namespace_of(parent)):
                reference = controller_of(child)
                if reference is None or reference["uid"] != uid_of(parent):
                    continue
                if annotations_of(child).get(DECORATOR_ANNOTATION) == self.name:
                    group[qualified_name(child)] = child
        return observed

    def _desired(
        self, parent: Object, attachments: Iterable[Object]
    ) -> tuple[ObjectMap, list[str]]:
        """Sort attachments by kind; those of kinds that do not exist are errors, of each kind one.

        They are reported only after the parent has been written.
        """
        desired: ObjectMap = {}
        unknown: dict[str, None] = {}
        for raw in attachments:
            child: Object = copy(raw)
            metadata = child.setdefault("metadata", {})
            if not metadata.get("namespace") and namespace_of(parent):
                metadata["namespace"] = namespace_of(parent)
            metadata["annotations"] = {
                **annotations_of(child),
                DECORATOR_ANNOTATION: self.name,
            }
            resource = self._client.store.find_kind(child.get("apiVersion", ""), child["kind"])
            if resource is None:
                kind, version = child["kind"], child.get("apiVersion", "")
                unknown[f"discovery: can't find kind {kind} in apiVersion {version}"] = None
                continue
            desired.setdefault(resource, {})[qualified_name(child)] = child
        return desired, list(unknown)

    async def _call(self, parent: Object, observed: ObjectMap, related: ObjectMap) -> SyncResponse:
        body = (
            f'{{"controller":{self._controller},"object":{self._encode(parent)},'
            f'"attachments":{self._encode_map(observed)},"related":{self._encode_map(related)},'
            f'"finalizing":false}}'
        )
        try:
            return read_sync_answer(await self._caller.call(self._definition.sync, body))
        except (HookError, UnreadableAnswerError) as error:
            message = f"sync hook failed (version=v2): {error}"
            raise HookError(message) from error

    def _encode_map(self, objects: ObjectMap) -> str:
        groups = {resource.group_kind_version: group for resource, group in objects.items()}
        texts = []
        for name in sorted(groups):
            group = groups[name]
            items = [f"{dumps(key)}:{self._encode(group[key])}" for key in sorted(group)]
            texts.append(f"{dumps(name)}:{{{','.join(items)}}}")
        return f"{{{','.join(texts)}}}"

    # Writing

    async def _write(self, resource: Resource, parent: Object, answer: SyncResponse) -> bool:
        """Write labels, annotations and status of a parent, if they changed.

        Returns:
            False if the parent is gone or another version: the next event will bring a new sync.
        """
        labels = _changed(labels_of(parent), answer.labels)
        annotations = _changed(annotations_of(parent), answer.annotations)
        old_status = parent.get("status")
        status = old_status if answer.status is None else answer.status
        status_changed = not identical(old_status, status)
        if labels is None and annotations is None and not status_changed:
            return True
        new: Object = copy(parent)
        new["metadata"]["labels"] = dict(labels_of(parent)) if labels is None else labels
        new["metadata"]["annotations"] = (
            dict(annotations_of(parent)) if annotations is None else annotations
        )
        new["status"] = status
        try:
            if status_changed and resource.has_status:
                what = "can't update status"
                stored = await self._client.update(resource, new, "status")
                new["metadata"]["resourceVersion"] = version_of(stored)
            # Again as a whole: the second PUT of a status change, which raises the version too.
            what = f"can't update {_describe(parent)}"
            await self._client.update(resource, new)
        except ApiError as error:
            if error.is_not_found or error.is_conflict:
                return False
            message = f"{what}: {error}"
            raise WriteError(message) from error
        except OSError as error:
            message = f"{what}: {error}"
            raise WriteError(message) from error
        return True


class _ParentHandler:
    """Events of parents."""

    def __init__(self, controller: DecoratorController) -> None:
        self._controller = controller

    async def on_add(self, obj: Object) -> None:
        self._controller.parent_seen(obj)

    async def on_update(self, old: Object, new: Object) -> None:
        self._controller.parent_updated(old, new)

    async def on_delete(self, obj: Object) -> None:
        self._controller.parent_seen(obj)


class _ChildHandler:
    """Events of attachments."""

    def __init__(self, controller: DecoratorController) -> None:
        self._controller = controller

    async def on_add(self, obj: Object) -> None:
        self._controller.child_seen(obj)

    async def on_update(self, old: Object, new: Object) -> None:
        if version_of(old) != version_of(new):
            self._controller.child_seen(new)

    async def on_delete(self, obj: Object) -> None:
        self._controller.child_seen(obj)


def _queue_key(parent: Object) -> str:
    return f"{parent['apiVersion']}:{parent['kind']}:{namespace_of(parent)}:{name_of(parent)}"


def _describe(parent: Object) -> str:
    return f"{parent['kind']} {namespace_of(parent)}/{name_of(parent)}"


def _changed(old: dict[str, str], updates: dict[str, str | None]) -> dict[str, str] | None:
    """Apply updates to labels or annotations; None if that changes nothing."""
    new = dict(old)
    for key, value in updates.items():
        if value is None:
            new.pop(key, None)
        else:
            new[key] = value
    return None if new == old else new
