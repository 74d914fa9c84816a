"""Machine code of compiled functions, kept on disk under the sources that it was made of."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from numba import config, njit

from trading_assets.garbage import rare_collections
from trading_assets.sources_hash import sources_hash

F = TypeVar("F", bound=Callable[..., Any])


def kept_on_disk(function: F, sources: Path, options: dict[str, bool] | None = None) -> F:
    """Compile a function when it is called, and keep its machine code where numba keeps it.

    Parameters
    ----------
    function
        What is compiled; it holds no lock of the interpreter while it runs, and divides by zero as NumPy does.
    sources
        Folder of all compiled functions that it calls. The name of the file holds a hash of its modules: numba notices
        a change of the function's own file alone, and cannot even read an index whose types have been renamed since.
    options
        Further options of numba.
    """
    function.__qualname__ += f"-{sources_hash(sources)}"
    try:
        dispatcher: Any = njit(nogil=True, error_model="numpy", cache=True, **(options or {}))(function)
    except RuntimeError:  # there is no folder that numba may write to
        dispatcher = njit(nogil=True, error_model="numpy", **(options or {}))(function)
    if config.DISABLE_JIT:  # the function itself
        return function
    compile_ = dispatcher.compile

    def compile_at_once(signature: Any) -> Any:
        with rare_collections():
            return compile_(signature)

    dispatcher.compile = compile_at_once
    return dispatcher  # type: ignore[no-any-return]
