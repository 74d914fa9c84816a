"""From the text of a YAML file to plain values and the lines they stand on.

The file is data that nobody trusts yet: its size, its depth and what its aliases stand for are measured before
anything is made of it, and every scalar is looked at before it becomes a number or a date. So a file that would
cost memory or time is an error like any other, and costs neither.
"""

from __future__ import annotations

import math
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import yaml

from trading_assets.config.errors import ConfigurationError, KeyPath, block, shortened

#: Limits of a file. A list of ten thousand symbols is far within them.
MOST_BYTES = 1_000_000
MOST_VALUES = 40_000
DEEPEST = 32
LONGEST_KEY = 200
LONGEST_TEXT = 20_000
LARGEST_NUMBER = 10**18
_MOST_DIGITS, _SURE_DIGITS = 40, 18

#: libyaml's parser where PyYAML has it: the same documents, ten times as fast.
LOADER: type[yaml.SafeLoader] = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_TAG = "tag:yaml.org,2002:"
_MERGE = "<<"
#: Control characters but tab and line ends; halves of characters, which no file can hold.
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff]")


def read_document(path: Path) -> tuple[dict[str, Any], dict[KeyPath, int]]:
    """Read a YAML file whose root is a mapping.

    Returns
    -------
    tuple
        Plain values (text, numbers, dates, lists, dictionaries by text), and the line of each key path, 1-based.

    Raises
    ------
    ConfigurationError
        The file cannot be read, is no YAML, or holds what no configuration does: more than the limits of this
        module, keys that are no text or are there twice, aliases of themselves, tags of Python objects, impossible
        dates, numbers beyond reason, control characters.
    """
    text = _text_of(path)
    try:
        _require_modest(path, text)
        node = yaml.compose(text, Loader=LOADER)
    except yaml.YAMLError as error:
        raise ConfigurationError(_no_yaml(path, error)) from None
    if not isinstance(node, yaml.MappingNode):
        raise ConfigurationError(
            f"not a configuration\n  file: {path}\n  expected: a mapping of keys, see `config init`"
        )
    _require_finite(path, node)
    lines: dict[KeyPath, int] = {}
    _check(path, node, (), lines)
    loader = LOADER("")
    try:
        return dict(loader.construct_document(node)), lines  # type: ignore[no-untyped-call]
    except (yaml.YAMLError, ValueError, TypeError) as error:
        raise ConfigurationError(_no_yaml(path, error)) from None
    finally:
        loader.dispose()


def _text_of(path: Path) -> str:
    try:
        found = path.stat()
        if not stat.S_ISREG(found.st_mode):
            raise ConfigurationError(f"cannot read the configuration\n  file: {path}\n  cause: it is no regular file")
        if found.st_size > MOST_BYTES:
            _refuse_size(path, f"{found.st_size:,} bytes")
        with path.open("rb") as file:
            content = file.read(MOST_BYTES + 1)
        if len(content) > MOST_BYTES:
            _refuse_size(path, f"more than {MOST_BYTES:,} bytes")
        return content.decode("utf-8")
    except (OSError, ValueError) as error:
        raise ConfigurationError(f"cannot read the configuration\n  file: {path}\n  cause: {error}") from None


def _refuse_size(path: Path, size: str) -> NoReturn:
    raise ConfigurationError(
        f"the configuration has {size}\n  file: {path}\n  expected: at most {MOST_BYTES:,}\n"
        "  what to do: keep long lists in tables of their own: `universe`, `sectors` and `quality.overrides` take paths"
    )


def _require_modest(path: Path, text: str) -> None:
    """Count values and depth while reading, without building anything."""
    depth = values = 0
    for event in yaml.parse(text, Loader=LOADER):
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        values += isinstance(event, yaml.NodeEvent)
        if depth > DEEPEST or values > MOST_VALUES:
            what = f"values within values, {depth} deep" if depth > DEEPEST else f"more than {MOST_VALUES:,} values"
            most = f"at most {DEEPEST} levels" if depth > DEEPEST else "a file that a person can read"
            line = event.start_mark.line + 1 if event.start_mark else 1
            raise ConfigurationError(
                f"{what}\n  file: {path}, line {line}\n  expected: {most}\n"
                "  what to do: keep long lists in tables of their own; see `config init` for the keys there are"
            )


def _require_finite(path: Path, root: yaml.Node) -> None:
    """Aliases may stand for one thing in several places; what they stand for in all is counted, not built."""
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def size(node: yaml.Node) -> int:
        key = id(node)
        if key in open_nodes:
            _fail(path, node, (), "an alias stands for what it is part of", "values that end", "write it out")
        if key not in sizes:
            open_nodes.add(key)
            sizes[key] = 1 + sum(size(each) for each in _children(node))
            open_nodes.discard(key)
            if sizes[key] > MOST_VALUES:
                what = f"aliases stand for more than {MOST_VALUES:,} values"
                _fail(path, node, (), what, "a file that a person can read", "write out what is meant")
        return sizes[key]

    size(root)


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield key
            yield value
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check(path: Path, node: yaml.Node, where: KeyPath, lines: dict[KeyPath, int]) -> None:
    """Look at every key and value, and note its line."""
    if isinstance(node, yaml.MappingNode):
        if node.tag != f"{_TAG}map":
            _refuse_tag(path, node, where)
        for key, value in node.value:
            inner = (*where, _key(path, key, where))
            if inner in lines and inner[-1] != _MERGE:
                what = "the key appears twice"
                _fail(path, key, inner, what, f"it once (first on line {lines[inner]})", "take one of them out")
            lines[inner] = key.start_mark.line + 1
            _check(path, value, inner, lines)
    elif isinstance(node, yaml.SequenceNode):
        if node.tag != f"{_TAG}seq":
            _refuse_tag(path, node, where)
        for index, value in enumerate(node.value):
            inner = (*where, index)
            lines[inner] = value.start_mark.line + 1
            _check(path, value, inner, lines)
    elif isinstance(node, yaml.ScalarNode):
        _check_scalar(path, node, where)


def _key(path: Path, key: yaml.Node, where: KeyPath) -> str:
    if not isinstance(key, yaml.ScalarNode):
        _fail(path, key, where, "a key is a list or a mapping", "text", "write `key: value`")
    if len(key.value) > LONGEST_KEY:
        what = f"a key of {len(key.value):,} characters"
        _fail(path, key, (*where, key.value), what, f"at most {LONGEST_KEY}", "shorten it")
    _check_scalar(path, key, (*where, key.value), is_key=True)
    return str(key.value)


def _check_scalar(path: Path, node: yaml.ScalarNode, where: KeyPath, *, is_key: bool = False) -> None:
    text, kind = node.value, node.tag.removeprefix(_TAG)
    if len(text) > LONGEST_TEXT:
        _fail(path, node, where, f"a text of {len(text):,} characters", f"at most {LONGEST_TEXT:,}", "shorten it")
    found = _CONTROL.search(text)
    if found:
        what = f"a control character, {found[0]!a}"
        _fail(path, node, where, what, "text that can be printed", "take it out")
    if kind == "int":
        _check_number(path, node, where, is_int=True)
    elif kind == "float":
        _check_number(path, node, where, is_int=False)
    elif kind == "timestamp":
        _construct(path, node, where, "no date that there is", "a date such as 2010-01-31")
    elif (kind == "merge" and not is_key) or kind not in ("str", "null", "bool", "merge"):
        _refuse_tag(path, node, where)


def _check_number(path: Path, node: yaml.ScalarNode, where: KeyPath, *, is_int: bool) -> None:
    expected = f"a number of at most {LARGEST_NUMBER:.0e} either way"
    if is_int and len(node.value) < _SURE_DIGITS and node.value.isdigit():
        return
    if is_int and len(node.value) > _MOST_DIGITS:
        _fail(path, node, where, f"a number of {len(node.value):,} digits", expected, "write the number that is meant")
    value = _construct(path, node, where, "no number", expected)
    if not math.isfinite(value):
        what = f"{shortened(node.value)} is no finite number"
        _fail(path, node, where, what, expected, "write the number that is meant, or leave the key out")
    if abs(value) > LARGEST_NUMBER:
        _fail(
            path, node, where, f"{shortened(node.value)} is beyond reason", expected, "write the number that is meant"
        )


def _construct(path: Path, node: yaml.ScalarNode, where: KeyPath, what: str, expected: str) -> Any:
    loader = LOADER("")
    try:
        return loader.construct_object(node)  # type: ignore[no-untyped-call]
    except (yaml.YAMLError, ValueError, OverflowError) as error:
        cause = (
            f"{shortened(node.value)} is {what}: {error.problem if isinstance(error, yaml.MarkedYAMLError) else error}"
        )
        _fail(path, node, where, cause, expected, "write it as it is, or in quotes if it is text")
    finally:
        loader.dispose()


def _refuse_tag(path: Path, node: yaml.Node, where: KeyPath) -> NoReturn:
    what = f"a value of the kind {shortened(node.tag)}"
    _fail(path, node, where, what, "text, a number, a date, a list or a mapping", "take the tag out")


def _fail(path: Path, node: yaml.Node, where: KeyPath, what: str, expected: str, do: str) -> NoReturn:
    lines = {where: node.start_mark.line + 1}
    raise ConfigurationError(block(path, lines, where, what, expected, do))


def _no_yaml(path: Path, error: Exception) -> str:
    """One block, without the text of the line: it may hold what is nobody's business."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    cause = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error).partition("\n")[0]
    place = f", line {mark.line + 1}" if mark is not None else ""
    return (
        f"not valid YAML\n  file: {path}{place}\n  cause: {shortened(str(cause))}\n"
        "  expected: keys, colons and spaces as in `config init`; no tabs before a key\n"
        "  what to do: look at that line and the one before it"
    )
