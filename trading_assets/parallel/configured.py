"""The workers that a configuration asks for."""

from __future__ import annotations

from trading_assets.config import Configuration
from trading_assets.parallel.dask_workers import connected
from trading_assets.parallel.workers import IN_PROCESS, Workers


def workers_of(configuration: Configuration, otherwise: Workers = IN_PROCESS) -> Workers:
    """Return who computes parts under a configuration; processes of a cluster live as long as this one.

    Parameters
    ----------
    configuration
        Its executor decides.
    otherwise
        Who computes them without a cluster.

    Raises
    ------
    WorkersError
        No scheduler answers at the address, its workers are not of this version, or Dask is not installed.
    """
    if configuration.executor != "dask":
        return otherwise
    return connected(configuration.workers, configuration.scheduler)
