"""How long what is left behind is kept, and where: no result follows from it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from pydantic import Field

from trading_assets.config.scalars import Cron
from trading_assets.config.sections import Section

_Days = Annotated[float, Field(gt=0, le=36_500)]


class TableClass(Section):
    """Ages of the tables of a class, counted back from their newest month."""

    hot_months: int | None = Field(
        default=None,
        ge=1,
        le=1_200,
        description="newest months that stay in the database; older ones go to files, a file a month; null: all stay",
    )


class Lifecycle(Section):
    """What becomes of what is old. The record of what was tried, seen and ordered is kept for ever."""

    bars: TableClass = Field(default=TableClass(), description="market_data.raw_bars and market_data.bars")
    features: TableClass = Field(default=TableClass(), description="features.indicators and features.daily")
    compact_share: float = Field(
        default=0.25, gt=0, le=1, description="of the database file without rows, from which on it is written anew"
    )
    compact_mib: float = Field(default=16.0, ge=0, le=1_000_000, description="that this must be at least")
    log_days: _Days | None = Field(default=90.0, description="files of the log that were put aside; null: for ever")
    model_run_days: _Days | None = Field(
        default=30.0, description="runs of the registry that no version of a model names; null: for ever"
    )
    vendor_cache_days: _Days | None = Field(
        default=None,
        description="answers of vendors, counted from when they came; they are asked again where they are gone, and "
        "may say something else; null: for ever",
    )
    backups: Path | None = Field(default=None, description="folder of copies, of which old ones go; null: none does")
    backup_days: _Days = Field(default=90.0, description="copies of that folder")
    keep_backups: int = Field(default=5, ge=1, le=10_000, description="newest copies that stay whatever their age")
    schedule: Cron = Field(
        default="30 5 * * 0", description="when it runs by itself, a cron expression in `schedules.timezone`"
    )

    @property
    def hot_months(self) -> dict[str, int]:
        """Newest months that stay in the database, by the name of a table of which not all do."""
        classes = {"market_data.raw_bars": self.bars, "market_data.bars": self.bars}
        classes |= {"features.indicators": self.features, "features.daily": self.features}
        return {name: each.hot_months for name, each in classes.items() if each.hot_months is not None}
