"""Compilation of the engine's functions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit
from numba.core.types import unliteral  # type: ignore[attr-defined]

from trading_assets.machine_code import kept_on_disk

F = TypeVar("F", bound=Callable[..., Any])


#: Without numba's run-time for arrays, compiled code makes none and counts no references to those it reads: counting
#: takes half of a run. The option is not a documented one; the same results come without it.
_NO_ARRAYS = {"_nrt": False}


def compiled(function: F) -> F:
    """Compile to machine code with the function that calls it, in the same file of the cache; it makes no array.

    Only entry points are cached (`cached`): numba notices a change of the cached function's own file alone,
    and a cached caller would keep the old code of what it calls.

    A call with a constant runs the same code as one with a variable: numba would compile each constant anew, half of
    them with whole states as arguments, which is a quarter of the time that an entry point takes to compile.
    """
    dispatcher: Any = njit(nogil=True, error_model="numpy", **_NO_ARRAYS)(function)
    if config.DISABLE_JIT:  # the function itself
        return function
    call_template = dispatcher.get_call_template

    def of_any_value(arguments: Sequence[Any], named: Mapping[str, Any]) -> Any:
        return call_template(tuple(map(unliteral, arguments)), {key: unliteral(type_) for key, type_ in named.items()})

    dispatcher.get_call_template = of_any_value
    return dispatcher  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """As `compiled`, into the body of the caller: for functions of whole markets and states."""
    return njit(nogil=True, error_model="numpy", inline="always", **_NO_ARRAYS)(function)  # type: ignore[no-any-return]


def allocating(function: F) -> F:
    """As `compiled`, for a function that makes arrays."""
    return njit(nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def cached(function: F) -> F:
    """Compile an entry point that makes arrays, and keep its machine code on disk, under all compiled sources."""
    return kept_on_disk(function, Path(__file__).parent)


def cached_loop(function: F) -> F:
    """As `cached`, for an entry point that makes no array."""
    return kept_on_disk(function, Path(__file__).parent, _NO_ARRAYS)
