"""Where tables are kept."""

from __future__ import annotations

from pydantic import Field

from trading_assets.config.sections import Section


class Storage(Section):
    """The section `warehouse`: it decides no result, so it has no part in any hash."""

    lake: bool = Field(
        default=False,
        description="received and used bars, features and indicators in Parquet files, one a month, behind views of "
        "the same names, for markets that outgrow one file",
    )
