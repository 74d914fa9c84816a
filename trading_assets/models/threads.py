"""One thread for linear algebra: a machine with more cores would sum in another order."""

from __future__ import annotations

from contextlib import AbstractContextManager


def one_thread() -> AbstractContextManager[object]:
    """Hold BLAS and OpenMP to one thread within a ``with`` block."""
    import threadpoolctl

    limits: AbstractContextManager[object] = threadpoolctl.threadpool_limits(1)
    return limits
