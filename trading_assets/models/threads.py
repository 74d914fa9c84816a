"""One thread for linear algebra: a machine with more cores would sum in another order."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from functools import lru_cache
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from threadpoolctl import ThreadpoolController


def one_thread(*modules: str) -> AbstractContextManager[object]:
    """Hold BLAS and OpenMP to one thread within a ``with`` block.

    Parameters
    ----------
    *modules
        Imported before: libraries that are loaded within the block are not held. Where several threads enter blocks of
        their own, one around all of them keeps each from giving threads back to its neighbours.
    """
    for name in modules:
        import_module(name)
    limits: AbstractContextManager[object] = _controller(len(sys.modules)).limit(limits=1)
    return limits


@lru_cache(maxsize=1)
def _controller(modules: int) -> ThreadpoolController:
    """Look for the libraries of this process again only after something was imported: it takes a tenth of a second."""
    import threadpoolctl

    return threadpoolctl.ThreadpoolController()
