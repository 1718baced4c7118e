"""Every property, collected from the modules of this package."""

from __future__ import annotations

import importlib
import pkgutil
import re
from collections.abc import Iterator

import properties
from properties.language import Property


def _found() -> Iterator[Property]:
    """Every property that is a module's constant, or a member of one."""
    for module_info in pkgutil.iter_modules(properties.__path__, "properties."):
        if module_info.name == __name__:
            continue
        for value in vars(importlib.import_module(module_info.name)).values():
            members = value if isinstance(value, tuple) else (value,)
            yield from (member for member in members if isinstance(member, Property))


def _place(item: Property) -> tuple[str, int, str]:
    """Where a property belongs in the catalogue: P01, P01.r1, P02, ..., P31a, P31b, ..., X01."""
    match = re.fullmatch(r"([A-Z])(\d+)(.*)", item.id)
    if match is None:
        raise ValueError(f"'{item.id}' is not a property id")
    return match[1], int(match[2]), match[3]


def _catalogue() -> dict[str, Property]:
    """Every property by id, in order.  Raises ValueError for an id that two properties share."""
    catalogue: dict[str, Property] = {}
    for item in sorted(_found(), key=_place):
        if catalogue.setdefault(item.id, item) is not item:
            raise ValueError(f"two properties are called '{item.id}'")
    return catalogue


CATALOGUE = _catalogue()
