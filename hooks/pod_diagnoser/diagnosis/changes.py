"""What changed in a workload's template before its Pods crashed. Pure.

Two versions of a template are compared field by field, in linear time. Names are kept, and images
and quantities; of an environment variable, an argument or a command never the value, which may be
a secret: only that it differs. The template's owner has written all of it, so that every text is
made safe and bounded here, and masked and quoted before it is shown (`change_words`).
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any, Final

from pod_diagnoser.api.apps_v1 import (
    ControllerRevision,
    EnvVar,
    PodTemplate,
    TemplateContainer,
    TemplateSpec,
    Version,
)
from pod_diagnoser.api.text import ELLIPSIS, sanitize

MAX_DIFFERENCES: Final = 6
"""How many differences are named; the others are counted."""

MAX_NAME_BYTES: Final = 64
MAX_IMAGE_BYTES: Final = 192
MAX_QUANTITY_BYTES: Final = 32
"""The most bytes of a text that is kept. A longer one is not kept at all: part of a secret may look
like none."""


class Part(StrEnum):
    """What of a template differs. The values are stored on Pods."""

    IMAGE = "image"
    COMMAND = "command"
    ARGUMENT = "args"
    ENV = "env"
    ENV_FROM = "envFrom"
    LIMIT = "limit"
    REQUEST = "request"
    PROBE = "probe"
    VOLUME = "volume"
    CONTAINER = "container"
    INIT_CONTAINER = "init container"
    FIELD = "field"
    """Another field, by its name in Kubernetes' API."""
    ANNOTATION = "annotation"
    """Of the template: a checksum of its configuration, for example, or when it was restarted."""


class How(StrEnum):
    """How it differs."""

    ADDED = "added"
    REMOVED = "removed"
    CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Difference:
    """A difference between two versions of a template.

    Attributes:
        part: what differs.
        how: how.
        container: in which container; empty where there is only one, and for the Pod as a whole.
        name: which environment variable, option, resource, probe, volume, container or field;
            empty for a part of which there is one.
        before: the former image or quantity; empty for others.
        after: the new one.
    """

    part: Part
    how: How
    container: str = ""
    name: str = ""
    before: str = ""
    after: str = ""


@dataclass(frozen=True, slots=True)
class TemplateChange:
    """A version of a template and what it changed.

    Attributes:
        revision: its number.
        began: when it was made; None where that does not say since when it is the current one, as
            after a rollback.
        former: the number of the version before it; 0 where none is kept.
        former_ran: for how many seconds that was the current version, or None where not known.
        differences: what differs from that version, the most telling first.
        more: how many differences more there are.
    """

    revision: int
    began: datetime | None = None
    former: int = 0
    former_ran: int | None = None
    differences: tuple[Difference, ...] = ()
    more: int = 0


@dataclass(frozen=True, slots=True)
class TemplateRequest:
    """The template of a Pod's controller that is requested.

    Attributes:
        kind: ``ReplicaSet``, ``StatefulSet`` or ``DaemonSet``.
        name: the controller's name.
        uid: its uid.
        version: the label that names the version of the template; empty for a ReplicaSet.
    """

    kind: str
    name: str
    uid: str
    version: str = ""


def describe_version(current: Version, others: Iterable[Version]) -> TemplateChange | None:
    """Find out what a version of a template changed.

    Args:
        current: the version.
        others: the versions of the same workload that are kept, this one among them or not.

    Returns:
        The change; None where the version has no number.
    """
    if current.revision <= 0:
        return None
    earlier = {each.revision: each for each in others if 0 < each.revision < current.revision}
    ordered = [earlier[number] for number in sorted(earlier)]
    began = _began(current, ordered)
    if not ordered:
        return TemplateChange(current.revision, began)
    former = ordered[-1]
    former_began = _began(former, ordered[:-1])
    ran = None
    if began is not None and former_began is not None and former_began <= began:
        ran = int((began - former_began).total_seconds())
    found = compare(former.template, current.template)
    named = tuple(map(_bounded, islice(found, MAX_DIFFERENCES)))
    more = sum(1 for _ in found)
    return TemplateChange(current.revision, began, former.revision, ran, named, more)


def _began(version: Version, earlier: Sequence[Version]) -> datetime | None:
    """Return when a version became the current one: when it was made, unless it was before, too.

    A rollback gives an old version a new number, and leaves a gap where its former one was. Of a
    ReplicaSet an annotation says so.
    """
    created = version.metadata.creationTimestamp
    if created is None or version.was_rolled_back_to:
        return None
    for each in earlier:
        other = each.metadata.creationTimestamp
        if other is None or other > created:
            return None
    if isinstance(version, ControllerRevision) and earlier:
        numbers = version.revision - earlier[0].revision
        if numbers != len(earlier):
            return None
    return created


def compare(before: PodTemplate, after: PodTemplate) -> Iterator[Difference]:
    """Compare two versions of a template; yield their differences, the most telling first.

    Their texts are as they stand in the template.
    """
    old, new = before.spec, after.spec
    pairs = [
        *_pairs(old.containers, new.containers),
        *_pairs(old.initContainers, new.initContainers),
    ]
    several = len(new.containers) + len(new.initContainers) > 1
    both = [(one, two, two.name if several else "") for one, two in pairs if one and two]
    for differences in (_images, _programs, _environments, _resources, _probes):
        for one, two, name in both:
            yield from differences(one, two, name)
    yield from _volumes(old, new)
    yield from _containers(old, new)
    yield from _fields(old, new, both)
    yield from _named(Part.ANNOTATION, before.metadata.annotations, after.metadata.annotations)


_Pair = tuple[TemplateContainer | None, TemplateContainer | None]


def _pairs(
    before: Sequence[TemplateContainer], after: Sequence[TemplateContainer]
) -> Iterator[_Pair]:
    """Pair the containers of two versions by their names, in the order of the later one."""
    former = {each.name: each for each in before}
    for each in after:
        yield former.pop(each.name, None), each
    for each in former.values():
        yield each, None


def _images(
    before: TemplateContainer, after: TemplateContainer, container: str
) -> Iterator[Difference]:
    if before.image != after.image:
        yield Difference(Part.IMAGE, How.CHANGED, container, before=before.image, after=after.image)


def _programs(
    before: TemplateContainer, after: TemplateContainer, container: str
) -> Iterator[Difference]:
    if before.command != after.command:
        yield Difference(Part.COMMAND, _how(before.command, after.command), container)
    if before.args == after.args:
        return
    old, new = _options(before.args), _options(after.args)
    named = list(_named(Part.ARGUMENT, old, new, container))
    yield from named or [Difference(Part.ARGUMENT, _how(before.args, after.args), container)]


_OPTION: Final = re.compile(r"--[A-Za-z][A-Za-z0-9_.-]{0,62}")
"""The name of an option. Of others, such as ``-psecret``, it is not known where a value begins."""


def _options(arguments: Iterable[str]) -> dict[str, list[str]]:
    """Return the options among arguments, each with what is given to it."""
    options: dict[str, list[str]] = {}
    name = ""
    for argument in arguments:
        option, _, value = argument.partition("=")
        if _OPTION.fullmatch(option):
            name = option
            options.setdefault(name, []).append(value)
        elif name:
            options[name].append(argument)
    return options


def _environments(
    before: TemplateContainer, after: TemplateContainer, container: str
) -> Iterator[Difference]:
    yield from _named(Part.ENV, _variables(before.env), _variables(after.env), container)
    if before.envFrom != after.envFrom:
        yield Difference(Part.ENV_FROM, _how(before.envFrom, after.envFrom), container)


def _variables(env: Iterable[EnvVar]) -> dict[str, EnvVar]:
    return {each.name: each for each in env}


def _resources(
    before: TemplateContainer, after: TemplateContainer, container: str
) -> Iterator[Difference]:
    for part, field in ((Part.LIMIT, "limits"), (Part.REQUEST, "requests")):
        old: Mapping[str, Any] = getattr(before.resources, field, {})
        new: Mapping[str, Any] = getattr(after.resources, field, {})
        for each in _named(part, old, new, container):
            quantities = (str(old.get(each.name, "")), str(new.get(each.name, "")))
            yield replace(each, before=quantities[0], after=quantities[1])


def _probes(
    before: TemplateContainer, after: TemplateContainer, container: str
) -> Iterator[Difference]:
    for name in ("liveness", "readiness", "startup"):
        old, new = getattr(before, f"{name}Probe"), getattr(after, f"{name}Probe")
        if old != new:
            yield Difference(Part.PROBE, _how(old, new), container, name)


def _volumes(before: TemplateSpec, after: TemplateSpec) -> Iterator[Difference]:
    return _named(Part.VOLUME, _by_name(before.volumes), _by_name(after.volumes))


def _by_name(volumes: Iterable[Mapping[str, Any]]) -> dict[str, Mapping[str, Any]]:
    return {str(each.get("name", "")): each for each in volumes}


def _containers(before: TemplateSpec, after: TemplateSpec) -> Iterator[Difference]:
    lists = (
        (Part.CONTAINER, before.containers, after.containers),
        (Part.INIT_CONTAINER, before.initContainers, after.initContainers),
    )
    for part, old, new in lists:
        for one, two in _pairs(old, new):
            if one is None and two is not None:
                yield Difference(part, How.ADDED, name=two.name)
            elif two is None and one is not None:
                yield Difference(part, How.REMOVED, name=one.name)


_CONTAINER_FIELDS: Final = ("lifecycle", "volumeMounts", "securityContext", "workingDir", "ports")
_COMPARED: Final = ("containers", "initContainers", "volumes")
_POD_FIELDS: Final = tuple(name for name in TemplateSpec.model_fields if name not in _COMPARED)


def _fields(
    before: TemplateSpec,
    after: TemplateSpec,
    both: Iterable[tuple[TemplateContainer, TemplateContainer, str]],
) -> Iterator[Difference]:
    for one, two, container in both:
        for name in _CONTAINER_FIELDS:
            old, new = getattr(one, name), getattr(two, name)
            if old != new:
                yield Difference(Part.FIELD, _how(old, new), container, name)
    for name in _POD_FIELDS:
        old, new = getattr(before, name), getattr(after, name)
        if old != new:
            yield Difference(Part.FIELD, _how(old, new), name=name)


def _named(
    part: Part, before: Mapping[str, Any], after: Mapping[str, Any], container: str = ""
) -> Iterator[Difference]:
    """Compare what has names: what is gone comes first, since a program may still need it."""
    changed = (name for name in after if name in before and before[name] != after[name])
    for how, names in (
        (How.REMOVED, (name for name in before if name not in after)),
        (How.ADDED, (name for name in after if name not in before)),
        (How.CHANGED, changed),
    ):
        for name in names:
            yield Difference(part, how, container, name)


def _how(before: object, after: object) -> How:
    if not before:
        return How.ADDED
    return How.CHANGED if after else How.REMOVED


def _bounded(difference: Difference) -> Difference:
    """Make the texts of a difference safe and short."""
    limit = MAX_QUANTITY_BYTES
    if difference.part is Part.IMAGE:
        limit = MAX_IMAGE_BYTES
        before, after = (_short_digest(each) for each in (difference.before, difference.after))
        difference = replace(difference, before=before, after=after)
    return replace(
        difference,
        container=_kept(difference.container, MAX_NAME_BYTES),
        name=_kept(difference.name, MAX_NAME_BYTES),
        before=_kept(difference.before, limit),
        after=_kept(difference.after, limit),
    )


_DIGEST: Final = re.compile(r"@(sha(?:256|512):[0-9a-f]{12})[0-9a-f]{1,128}")


def _short_digest(image: str) -> str:
    """Shorten the digest of an image to as much as distinguishes it."""
    tagged, at, digest = image.rpartition("@")
    found = _DIGEST.fullmatch(at + digest)
    return f"{tagged}@{found[1]}" if found else image


def _kept(text: str, limit: int) -> str:
    """Make a text safe; a text that is too long is not kept."""
    return ELLIPSIS if len(text) > limit else sanitize(text, limit)
