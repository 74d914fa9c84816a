"""From raw price bars to a go / no-go verdict you can defend.

The names below are the Python interface. Each is loaded when it is asked for: importing the package costs nothing.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trading_assets.config import Configuration, ConfigurationError
    from trading_assets.project import Project, open_project
    from trading_assets.robustness.exploration import BacktestRun, StrategyBacktest
    from trading_assets.robustness.verdict.current import CurrentVerdict
    from trading_assets.run_outcome import LookAheadAudit, RunError, RunOutcome, RunProgress
    from trading_assets.run_progress import progress_bar
    from trading_assets.warehouse import WarehouseError

__version__ = "0.2.0"

# Polars reads this as it is loaded: pages that it has freed go back to the system, and do not count as ours until
# another process wants them. By its default every large step stands on what the steps before it have left.
os.environ.setdefault("_RJEM_MALLOC_CONF", "muzzy_decay_ms:0")

__all__ = [
    "BacktestRun",
    "Configuration",
    "ConfigurationError",
    "CurrentVerdict",
    "LookAheadAudit",
    "Project",
    "RunError",
    "RunOutcome",
    "RunProgress",
    "StrategyBacktest",
    "WarehouseError",
    "__version__",
    "open_project",
    "progress_bar",
]

_HOMES = {
    "trading_assets.config": ("Configuration", "ConfigurationError"),
    "trading_assets.run_progress": ("progress_bar",),
    "trading_assets.project": ("Project", "open_project"),
    "trading_assets.robustness.exploration": ("BacktestRun", "StrategyBacktest"),
    "trading_assets.robustness.verdict.current": ("CurrentVerdict",),
    "trading_assets.run_outcome": ("LookAheadAudit", "RunError", "RunOutcome", "RunProgress"),
    "trading_assets.warehouse": ("WarehouseError",),
}


def __getattr__(name: str) -> object:
    """Return a name of the interface, its module loaded now (PEP 562)."""
    for home, names in _HOMES.items():
        if name in names:
            module = importlib.import_module(home)
            found = getattr(module, name)
            globals()[name] = found
            return found
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
