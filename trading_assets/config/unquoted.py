"""Symbols and keys that YAML takes for something else than text: `ON`, `NO`, `0700`, `1_000`."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import yaml

from trading_assets.config.document import LOADER
from trading_assets.config.errors import KeyPath

_TEXT = "tag:yaml.org,2002:str"
_KINDS = {"bool": "a yes or no", "int": "a number", "float": "a number", "null": "nothing", "timestamp": "a date"}
_MOST = 10


class Unquoted(NamedTuple):
    """A plain scalar that is no text to YAML.

    Attributes
    ----------
    path
        Key path of the value, or, for a key, of the mapping it is in.
    text
        As written.
    kind
        What it is to YAML.
    value
        What becomes of it.
    is_key
        Whether it is a key.
    line
        1-based.
    """

    path: KeyPath
    text: str
    kind: str
    value: object
    is_key: bool
    line: int


def unquoted_scalars(text: str) -> list[Unquoted]:
    """Return every plain scalar of a YAML document that is no text to YAML, in order."""
    loader = LOADER(text)
    try:
        node = loader.get_single_node()
        return [] if node is None else list(_scalars(loader, node, ()))
    finally:
        loader.dispose()


def advice(found: Sequence[Unquoted]) -> tuple[str, str]:
    """Return what is wrong, and what is expected, of values in one place that should have been text."""
    texts = list(dict.fromkeys(each.text for each in found))
    shown, rest = texts[:_MOST], ", ..." if len(texts) > _MOST else ""
    kinds = list(dict.fromkeys(each.kind for each in found))
    became = ", ".join(dict.fromkeys(str(each.value) for each in found[:_MOST]))
    what = f"{', '.join(shown)}{rest}: to YAML this is {' or '.join(kinds)} ({became}{rest}), no text"
    return what, "text; quote it: " + ", ".join(f'"{each}"' for each in shown) + rest


def _scalars(loader: yaml.SafeLoader, node: yaml.Node, path: KeyPath) -> Iterator[Unquoted]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from _scalar(loader, key, path, is_key=True)
            yield from _scalars(loader, value, (*path, key.value))
    elif isinstance(node, yaml.SequenceNode):
        for index, value in enumerate(node.value):
            yield from _scalars(loader, value, (*path, index))
    else:
        yield from _scalar(loader, node, path, is_key=False)


def _scalar(loader: yaml.SafeLoader, node: yaml.Node, path: KeyPath, *, is_key: bool) -> Iterator[Unquoted]:
    if isinstance(node, yaml.ScalarNode) and not node.style and node.tag != _TEXT:
        kind = _KINDS.get(node.tag.rpartition(":")[2], "no text")
        value = loader.construct_object(node)  # type: ignore[no-untyped-call]
        yield Unquoted(path, node.value, kind, value, is_key, node.start_mark.line + 1)
