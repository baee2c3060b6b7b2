"""Related objects: which they are, and whose sync a change of one causes.

Source: pkg/controller/common/customize/manager.go.
"""

from collections.abc import Callable, Iterable
from typing import Protocol

from dev.simulator.client import Client
from dev.simulator.gojson import dumps
from dev.simulator.metacontroller.answers import (
    RelatedRule,
    UnreadableAnswerError,
    read_customize_answer,
)
from dev.simulator.metacontroller.attachments import ObjectMap
from dev.simulator.metacontroller.definition import Definition
from dev.simulator.metacontroller.hooks import HookCaller, HookError, TooManyRequestsError
from dev.simulator.metacontroller.informers import Informer, InformerFactory
from dev.simulator.objects import (
    Object,
    generation_of,
    labels_of,
    name_of,
    namespace_of,
    qualified_name,
    uid_of,
    version_of,
)
from dev.simulator.resources import NAMESPACE, Resource
from dev.simulator.selectors import Selector, from_object

CACHE_SECONDS = 20 * 60.0
"""How long an answer of the customize hook is kept; asking for it does not prolong that."""


class RelatedRuleError(Exception):
    """A rule that cannot be applied."""


class NotSyncedError(Exception):
    """The informer of a related kind has not got its list yet: tried again, quietly."""


class Encoder(Protocol):
    """Writes objects as JSON."""

    def __call__(self, obj: Object) -> str:
        """Return the JSON of an object."""


class RelatedObjects:
    """The customize manager of one controller."""

    def __init__(
        self,
        definition: Definition,
        client: Client,
        informers: InformerFactory,
        caller: HookCaller,
        encode: Encoder,
    ) -> None:
        self._definition = definition
        self._controller = dumps(definition.body, sort_keys=False)
        self._client = client
        self._factory = informers
        self._caller = caller
        self._encode = encode
        self._cache: dict[tuple[str, int], tuple[float, list[RelatedRule]]] = {}
        self._informers: dict[Resource, Informer] = {}
        self._parents: list[Informer] = []
        self._enqueue: Callable[[Object], None] = lambda _: None

    def start(self, parents: Iterable[Informer], enqueue: Callable[[Object], None]) -> None:
        """Say where the parents are, and what is called for one whose related objects change."""
        self._parents = [*parents]
        self._enqueue = enqueue
        if self._definition.customize is not None:
            self._factory.get(NAMESPACE)  # made whether a rule needs it or not

    def stop(self) -> None:
        """Take the handlers away."""
        for informer in self._informers.values():
            informer.remove_handlers(self)

    async def get(self, parent: Object) -> ObjectMap:
        """Return the related objects of a parent; a group is there even when it is empty.

        Raises:
            HookError: the customize hook gave no answer.
            TooManyRequestsError: it answered 429.
            UnreadableAnswerError: its answer cannot be read.
            RelatedRuleError: a rule of it cannot be applied.
            NotSyncedError: a cache is not there yet.
        """
        related: ObjectMap = {}
        if self._definition.customize is None:
            return related
        for rule in await self._rules(parent):
            resource, informer = await self._informer(rule)
            group = related.setdefault(resource, {})
            for obj in self._select(rule, resource, informer):
                group[qualified_name(obj)] = obj
        return related

    # Handler of the related informers

    async def on_add(self, obj: Object) -> None:
        """A related object is new."""
        await self._notify(obj)

    async def on_update(self, old: Object, new: Object) -> None:
        """A related object changed; parents that were interested before are notified, too."""
        if version_of(old) != version_of(new):
            await self._notify(old, new)

    async def on_delete(self, obj: Object) -> None:
        """A related object is gone."""
        await self._notify(obj)

    async def _notify(self, *changed: Object) -> None:
        # All parents are found first, then enqueued: customize calls in between delay them all.
        found: list[Object] = []
        for informer in self._parents:
            for parent in informer.select():
                try:
                    rules = await self._rules(parent)
                except (HookError, TooManyRequestsError, UnreadableAnswerError):
                    continue  # until the parent's next event, or the next resync
                if any(self._matches(rule, obj) for rule in rules for obj in changed):
                    found.append(parent)
        for parent in found:
            self._enqueue(parent)

    # Rules

    async def _rules(self, parent: Object) -> list[RelatedRule]:
        hook = self._definition.customize
        if hook is None:
            return []
        key = (uid_of(parent), generation_of(parent))
        cached = self._cache.get(key)
        if cached is not None and cached[0] > self._client.scheduler.time():
            return cached[1]
        body = f'{{"controller":{self._controller},"parent":{self._encode(parent)}}}'
        rules = read_customize_answer(await self._caller.call(hook, body))
        self._cache[key] = (self._client.scheduler.time() + CACHE_SECONDS, rules)
        return rules

    def _resource(self, rule: RelatedRule) -> Resource | None:
        return self._client.store.find(rule.api_version, rule.resource)

    async def _informer(self, rule: RelatedRule) -> tuple[Resource, Informer]:
        resource = self._resource(rule)
        if resource is None:
            message = (
                f"discovery: can't find resource {rule.resource} in apiVersion {rule.api_version}"
            )
            raise RelatedRuleError(message)
        informer = self._informers.get(resource)
        if informer is None:
            informer = self._informers[resource] = self._factory.get(resource)
            await informer.add_handler(self, self)
        if not informer.synced:
            message = "related informer not synced yet"
            raise NotSyncedError(message)
        return resource, informer

    def _select(self, rule: RelatedRule, resource: Resource, informer: Informer) -> list[Object]:
        _check(rule, resource)
        selector = _selector(rule.label_selector)
        if rule.namespace_selector is not None:
            spaces = self._factory.get(NAMESPACE).select(
                selector=_selector(rule.namespace_selector)
            )
            return [obj for space in spaces for obj in informer.select(name_of(space), selector)]
        namespace = rule.namespace if resource.namespaced else ""
        found = informer.select(namespace, selector)
        return [obj for obj in found if name_of(obj) in rule.names] if rule.names else found

    def _matches(self, rule: RelatedRule, obj: Object) -> bool:
        resource = self._resource(rule)
        if resource is None or (obj["apiVersion"], obj["kind"]) != (
            rule.api_version,
            resource.kind,
        ):
            return False
        try:
            _check(rule, resource)
            labels, spaces = _selector(rule.label_selector), _selector(rule.namespace_selector)
        except RelatedRuleError:
            return False
        if not labels.matches(labels_of(obj)):
            return False
        if rule.namespace_selector is not None:
            space = self._factory.get(NAMESPACE).get(("", namespace_of(obj)))
            return space is not None and spaces.matches(labels_of(space))
        if resource.namespaced and rule.namespace and namespace_of(obj) != rule.namespace:
            return False
        return not rule.names or name_of(obj) in rule.names


def _selector(raw: Object | None) -> Selector:
    try:
        return from_object(raw)
    except ValueError as error:
        raise RelatedRuleError(str(error)) from error


def _check(rule: RelatedRule, resource: Resource) -> None:
    selects = rule.label_selector is not None or rule.namespace_selector is not None
    if rule.names and selects:
        what = "both names and labelSelector/namespaceSelector"
        message = f"related rule cannot have {what} specified: {_go_syntax(rule)}"
        raise RelatedRuleError(message)
    if rule.namespace and rule.namespace_selector is not None:
        what = "both namespace and namespaceSelector"
        message = f"related rule cannot have {what} specified: {_go_syntax(rule)}"
        raise RelatedRuleError(message)
    if rule.namespace_selector is not None and not resource.namespaced:
        message = "namespaceSelector is only supported for namespaced related resources"
        raise RelatedRuleError(message)


def _go_syntax(rule: RelatedRule) -> str:
    """Write a rule as Go's %#v does, for the message of an error."""

    def pointer(selector: Object | None) -> str:
        return f"(*v1.LabelSelector)({'nil' if selector is None else '0xc000000000'})"

    names = ", ".join(dumps(name) for name in rule.names)
    return (
        f"&v1alpha1.RelatedResourceRule{{ResourceRule:v1alpha1.ResourceRule{{"
        f"APIVersion:{dumps(rule.api_version)}, Resource:{dumps(rule.resource)}}}, "
        f"LabelSelector:{pointer(rule.label_selector)}, "
        f"NamespaceSelector:{pointer(rule.namespace_selector)}, "
        f"Namespace:{dumps(rule.namespace)}, "
        f"Names:[]string{f'{{{names}}}' if rule.names else '(nil)'}}}"
    )
