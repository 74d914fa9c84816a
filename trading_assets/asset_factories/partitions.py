"""The months that assets are partitioned by, and how a month depends on those before it."""

from __future__ import annotations

import datetime as dt

import dagster as dg

from trading_assets.config import Configuration
from trading_assets.warehouse.slices import last_of_month

RANGE_START_TAG = "dagster/asset_partition_range_start"
RANGE_END_TAG = "dagster/asset_partition_range_end"
#: Months that reach back further than any start, for a range that goes on with the clock.
_FAR_BACK = 1200


def monthly_partitions(configuration: Configuration) -> dg.MonthlyPartitionsDefinition:
    """Months from the configuration's start to that of `as_of`, else to the current one; keys are `YYYY-MM-01`."""
    # The offset makes the current month a partition before it is over.
    if configuration.as_of is None:
        return dg.MonthlyPartitionsDefinition(start_date=configuration.start.isoformat(), end_offset=1)
    next_month = last_of_month(configuration.as_of) + dt.timedelta(days=1)
    return dg.MonthlyPartitionsDefinition(
        start_date=configuration.start.isoformat(), end_date=next_month.isoformat(), end_offset=1
    )


def range_tags(first: str, last: str) -> dict[str, str]:
    """Return Dagster's tags of one run of the months from `first` to `last`, keys of partitions."""
    return {RANGE_START_TAG: first, RANGE_END_TAG: last}


def every_month_before(configuration: Configuration) -> dg.TimeWindowPartitionMapping:
    """Return the dependence on a month and all before it, of what is computed from a symbol's first bar on.

    Dagster steps back month by month, so the way back is no longer than the range where that is known.
    """
    start, end = configuration.start, configuration.as_of
    months = _FAR_BACK if end is None else 12 * (end.year - start.year) + end.month - start.month + 1
    return dg.TimeWindowPartitionMapping(start_offset=-months, allow_nonexistent_upstream_partitions=True)
