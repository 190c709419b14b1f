"""The entity descriptions that the platforms declare, found by importing them."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from typing import Protocol, runtime_checkable

from homeassistant.const import Platform

from tests.structure.source import INTEGRATION, modules, strings


@runtime_checkable
class Description(Protocol):
    """What makes an entity description; those of Home Assistant's own classes are no instances of these classes."""

    key: str
    translation_key: str | None
    device_class: str | None


@dataclass(frozen=True)
class DeclaredEntity:
    """What an entity is called in translations and icons, and the states it lists."""

    platform: str
    key: str
    options: frozenset[str] = frozenset()


def _descriptions(value: object) -> Iterator[Description]:
    """Descriptions in a module's constant: alone, in a sequence or in a table."""
    match value:
        case Description():
            yield value
        case list() | tuple() | frozenset() | set():
            for item in value:
                yield from _descriptions(item)
        case Mapping():
            for item in value.values():
                yield from _descriptions(item)


@cache
def declared_entities() -> frozenset[DeclaredEntity]:
    """What all platforms declare: by descriptions, and by `_attr_translation_key` of classes without one."""
    found = set()
    platforms = {platform.value for platform in Platform}
    for module in modules():
        if module.name not in platforms:
            continue
        imported = import_module(f"custom_components.{INTEGRATION.name}.{module.name}")
        for value in vars(imported).values():
            for description in _descriptions(value):
                if description.translation_key is None and description.device_class is not None:
                    continue  # Home Assistant has a name and an icon for the device class.
                options = getattr(description, "options", None) or ()
                key = description.translation_key or description.key
                found.add(DeclaredEntity(module.name, key, frozenset(options)))
        for node in ast.walk(module.tree):
            match node:
                case (
                    ast.Assign(targets=[ast.Name(id="_attr_translation_key")], value=value)
                    | ast.AnnAssign(target=ast.Name(id="_attr_translation_key"), value=value)
                    | ast.Assign(targets=[ast.Attribute(attr="_attr_translation_key")], value=value)
                ):
                    found |= {DeclaredEntity(module.name, key) for key in strings(value)}
    return frozenset(found)
