"""Compilation of the engine's functions."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from numba import njit

F = TypeVar("F", bound=Callable[..., Any])


#: Without numba's run-time for arrays, compiled code makes none and counts no references to those it reads: counting
#: takes half of a run. The option is not a documented one; the same results come without it.
_NO_ARRAYS = {"_nrt": False}


def compiled(function: F) -> F:
    """Compile to machine code with the function that calls it, in the same file of the cache; it makes no array.

    Only entry points are cached (`cached`): numba notices a change of the cached function's own file alone,
    and a cached caller would keep the old code of what it calls.
    """
    return njit(nogil=True, error_model="numpy", **_NO_ARRAYS)(function)  # type: ignore[no-any-return]


def inlined(function: F) -> F:
    """As `compiled`, into the body of the caller: for functions of whole markets and states."""
    return njit(nogil=True, error_model="numpy", inline="always", **_NO_ARRAYS)(function)  # type: ignore[no-any-return]


def allocating(function: F) -> F:
    """As `compiled`, for a function that makes arrays."""
    return njit(nogil=True, error_model="numpy")(function)  # type: ignore[no-any-return]


def cached(function: F) -> F:
    """Compile an entry point that makes arrays, and keep its machine code on disk.

    The name of the file holds the sources of all compiled functions: numba notices a change of the entry point's own
    file alone, and cannot even read an index whose types have been renamed since.
    """
    return _keyed(function, {})


def cached_loop(function: F) -> F:
    """As `cached`, for an entry point that makes no array."""
    return _keyed(function, _NO_ARRAYS)


def _keyed(function: F, options: dict[str, bool]) -> F:
    function.__qualname__ += f"-{_sources()}"
    return njit(nogil=True, error_model="numpy", cache=True, **options)(function)  # type: ignore[no-any-return]


@lru_cache(1)
def _sources() -> str:
    digest = hashlib.blake2b(digest_size=7)
    for file in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(file.read_bytes())
    return digest.hexdigest()
