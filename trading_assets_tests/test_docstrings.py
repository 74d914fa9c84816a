"""What public functions say of themselves: parameters that are theirs, and sections where there are many."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from trading_assets_tests.conftest import REPOSITORY

PACKAGE = REPOSITORY / "trading_assets"
#: A function of as many parameters says what each of them is.
MANY = 3
#: Decorators of what numba compiles: its arguments are the records that `arrays.py` and `portfolio_state.py` describe,
#: or those that `features.compiled.kernel.operation` does.
COMPILED = {"compiled", "inlined", "cached", "cached_loop", "kernel", "operation"}


class Described(NamedTuple):
    """A public function: its parameters, and what its docstring says of them (None: it has no such section)."""

    name: str
    parameters: tuple[str, ...]
    described: tuple[str, ...] | None
    is_exempt: bool


def names_of(arguments: ast.arguments) -> tuple[str, ...]:
    named = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs]
    rest = [each.arg for each in (arguments.vararg, arguments.kwarg) if each is not None]
    return tuple(name for name in [*(each.arg for each in named), *rest] if name not in ("self", "cls"))


def described_in(docstring: str) -> tuple[str, ...] | None:
    """Names that the section Parameters of a docstring has entries of; None without one."""
    found = re.search(r"^Parameters\n-+\n(.*?)(?=\n\n?[A-Z][a-z]+\n-+\n|\Z)", docstring, flags=re.MULTILINE | re.DOTALL)
    if found is None:
        return None
    entries = [line for line in found[1].splitlines() if line and not line.startswith(" ")]
    return tuple(name.strip(" *") for line in entries for name in line.split(","))


def functions_in(node: ast.Module | ast.ClassDef, home: str) -> Iterator[Described]:
    for each in node.body:
        if isinstance(each, ast.ClassDef) and not each.name.startswith("_"):
            yield from functions_in(each, f"{home}{each.name}.")
        elif isinstance(each, ast.FunctionDef) and not each.name.startswith("_"):
            decorators = {ast.unparse(decorator) for decorator in each.decorator_list}
            # The docstring of a command is its help.
            is_command = any(name.partition("(")[0].endswith("app.command") for name in decorators)
            described = described_in(ast.get_docstring(each) or "")
            exempt = is_command or bool(decorators & COMPILED)
            yield Described(f"{home}{each.name}", names_of(each.args), described, exempt)


@cache
def public_functions() -> tuple[Described, ...]:
    return tuple(
        function
        for path in sorted(PACKAGE.rglob("*.py"))
        for function in functions_in(
            ast.parse(path.read_text(encoding="utf-8")), f"{path.relative_to(PACKAGE).as_posix()}::"
        )
    )


def test_sections_are_found_where_they_are() -> None:
    docstring = "Return x.\n\nParameters\n----------\na, *b\n    Two: of them.\nc\n    One.\n\nReturns\n-------\nd\n"
    assert described_in(docstring) == ("a", "b", "c")
    assert described_in("Return x.") is None
    assert len(public_functions()) > 1000


def test_functions_of_many_parameters_say_what_they_are() -> None:
    silent = {
        each.name
        for each in public_functions()
        if len(each.parameters) >= MANY and each.described is None and not each.is_exempt
    }
    assert silent == set(), "write a section Parameters"


def test_described_parameters_are_those_of_the_function() -> None:
    unknown = {
        f"{each.name}: {name}"
        for each in public_functions()
        for name in each.described or ()
        if name not in each.parameters
    }
    assert unknown == set()
