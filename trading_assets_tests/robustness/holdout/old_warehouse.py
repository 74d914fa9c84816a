"""Open the warehouse that version 0.1.0 left behind, see `data/registered_by_0_1_0/README.md`."""

from __future__ import annotations

import datetime as dt
import importlib
import logging
import lzma
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from trading_assets.asset_factories.table_asset import Step
from trading_assets.config import Configuration
from trading_assets.market_data.tables import BARS, INSTRUMENTS, QUARANTINE, UNIVERSE
from trading_assets.models.splits import spans_of
from trading_assets.models.tables import SPLITS
from trading_assets.robustness.holdout.registration import Registration, register
from trading_assets.strategies.evaluation.fingerprint import symbols_behind
from trading_assets.strategies.interface.resolved import ResolvedStrategy, resolve_strategy
from trading_assets.warehouse import Warehouse
from trading_assets_tests.loaded import loaded

SOURCE = Path(__file__).parent.parent / "data" / "registered_by_0_1_0"
STRATEGIES = (
    "equity_momentum",
    "crypto_momentum",
    "mean_reversion",
    "multi_timeframe",
    "ml",
    "factor",
    "pairs",
    "ensemble",
    "breakout",
    "tilt",
)
NOW = dt.datetime(2026, 11, 29, 12)


@dataclass(frozen=True)
class OldWarehouse:
    """A copy of the warehouse, with the configuration and the own modules that it was made with."""

    folder: Path

    @property
    def settings(self) -> dict[str, Any]:
        """The configuration file as it stands, to be changed and written back."""
        found: dict[str, Any] = yaml.safe_load((self.folder / "upgrade.yaml").read_text())
        return found

    def write(self, settings: dict[str, Any]) -> None:
        (self.folder / "upgrade.yaml").write_text(yaml.safe_dump(settings))

    @property
    def configuration(self) -> Configuration:
        return loaded(self.folder / "upgrade.yaml", self.folder / "data")

    @property
    def warehouse(self) -> Warehouse:
        return Warehouse(self.configuration.warehouse_path)

    def step(self, name: str) -> Step:
        work = self.warehouse.unit_of_work()
        return Step(self.configuration, work, None, name, "run", NOW, logging.getLogger(__name__))

    def strategy(self, name: str) -> ResolvedStrategy:
        return resolve_strategy(self.configuration, name, self.warehouse.read(INSTRUMENTS))

    def registration(
        self, name: str, change_bars: Callable[[pl.DataFrame], pl.DataFrame] | None = None
    ) -> Registration:
        """The strategy registered by today's code, from the bars on record."""
        configuration, warehouse = self.configuration, self.warehouse
        instruments, strategy = warehouse.read(INSTRUMENTS), self.strategy(name)
        behind = symbols_behind(configuration, strategy, instruments)
        bars = warehouse.read(BARS, where="list_contains(?, symbol)", parameters=[behind])
        return register(
            configuration,
            strategy,
            spans=spans_of(warehouse.read(SPLITS)),
            bars=change_bars(bars) if change_bars else bars,
            quarantine=warehouse.read(QUARANTINE),
            memberships=warehouse.read(UNIVERSE, where="list_contains(?, symbol)", parameters=[behind]),
            sectors=dict(instruments.drop_nulls("sector").select("symbol", "sector").iter_rows()),
            delisted=dict(instruments.drop_nulls("delisted").select("symbol", "delisted").iter_rows()),
            behind=behind,
        )


@contextmanager
def unpacked(
    folder: Path, edit: Callable[[str, str], str] | None = None, *, registered: Sequence[str] = STRATEGIES
) -> Iterator[OldWarehouse]:
    """A copy in `folder`, its modules importable, their imports of the package brought up to date.

    Parameters
    ----------
    edit
        From the name of a module and its text to the text that it shall have.
    registered
        Strategies whose registration the configuration still has; each is read whenever one of them is recorded.
    """
    home, research = folder / "data" / "upgrade", folder / "research"
    home.mkdir(parents=True)
    research.mkdir()
    (home / "warehouse.duckdb").write_bytes(lzma.decompress((SOURCE / "warehouse.duckdb.xz").read_bytes()))
    for name, target in (("ledger.head", home), ("upgrade.yaml", folder)):
        (target / name).write_bytes((SOURCE / name).read_bytes())
    for source in (SOURCE / "research").glob("*.py.txt"):
        name, text = source.name.removesuffix(".py.txt"), source.read_text()
        text = text.replace("trading_assets.strategies.rules", "trading_assets.strategies.interface.rules")
        (research / f"{name}.py").write_text(edit(name, text) if edit else text)
    old = OldWarehouse(folder)
    settings = old.settings
    old.write({**settings, "registration": {name: settings["registration"][name] for name in registered}})
    sys.path.insert(0, str(folder))
    importlib.invalidate_caches()
    try:
        yield old
    finally:
        sys.path.remove(str(folder))
        for loaded in [name for name in sys.modules if name.partition(".")[0] == "research"]:
            del sys.modules[loaded]
