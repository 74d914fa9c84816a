"""The asset of alternative data: files as they are, made publications."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import dagster as dg
import polars as pl

from trading_assets.asset_factories.step_record import Rule
from trading_assets.asset_factories.table_asset import VENDORS, Step, table_asset
from trading_assets.config import Configuration
from trading_assets.market_data.alternative.publications import (
    read_publications,
    rewritten,
    stamped_as_observed,
)
from trading_assets.market_data.alternative.switched_off import content_that_is_used, used
from trading_assets.market_data.alternative.written import (
    announce_rewritten,
    assert_rewritten_as_written,
    record_publications,
)
from trading_assets.market_data.tables import PUBLICATIONS, REJECTED_PUBLICATIONS, REWRITTEN_PUBLICATIONS
from trading_assets.protocol.switches import switched_off
from trading_assets.warehouse import Whole


def build_assets(configuration: Configuration) -> list[dg.AssetsDefinition]:
    """`market_data/publications`, where the configuration has alternative data."""
    if not configuration.alternative_data:
        return []
    return [
        table_asset(
            publications,
            stage="market_data",
            tables=[PUBLICATIONS, REJECTED_PUBLICATIONS, REWRITTEN_PUBLICATIONS],
            rule=Rule(content_that_is_used, own_tables=(REWRITTEN_PUBLICATIONS,)),
            pool=VENDORS,
        )
    ]


def publications(step: Step) -> Mapping[str, Any]:
    """What was published beside prices, and when: each value with each of its revisions, and rows that are none."""
    held, times = step.work.aside(), switched_off(step.configuration)
    delivered = read_publications(step.configuration)
    taken = delivered._replace(publications=used(delivered.publications, times))
    before, told = used(held.read_or_empty(PUBLICATIONS), times), held.read_or_empty(REWRITTEN_PUBLICATIONS)
    assert_rewritten_as_written(step.configuration, told)
    again = rewritten(before, taken.publications, told, step.now)
    told = pl.concat([told, again])
    if not again.is_empty():  # first: a kill in between repeats it, and loses none
        announce_rewritten(step, told)
        step.work.append(REWRITTEN_PUBLICATIONS, again)
        first = again.row(0, named=True)
        step.log.warning(
            f"{again.height} publications of the past are others than before, the first {first['provider']}."
            f"{first['name']} {first['symbol']} of {first['observed']}, published {first['published_at']} UTC: "
            f"{first['old']} became {first['new']}. A revision is published later; see {REWRITTEN_PUBLICATIONS.name}"
        )
    step.work.replace(Whole(), {PUBLICATIONS: taken.publications, REJECTED_PUBLICATIONS: taken.rejected})
    record_publications(step, told)
    if not taken.rejected.is_empty():
        counts = taken.rejected.group_by("reason").len().sort("reason")
        first = taken.rejected.row(0, named=True)
        step.log.warning(
            f"{taken.rejected.height} rows of alternative data are no publications and are kept in "
            f"{REJECTED_PUBLICATIONS.name}: {', '.join(f'{count} {reason}' for reason, count in counts.rows())}; "
            f"the first: {first['source_file']}, line {first['source_line']}: {first['text'][:60]}"
        )
    sections = step.configuration.alternative_data
    says_of_what = [provider for provider, settings in sections.items() if settings.observed is not None]
    for name in stamped_as_observed(taken.publications.filter(pl.col("provider").is_in(says_of_what))):
        step.log.warning(
            f"{name} is public on the very day that each value is of, though these are weeks apart: is `published` the "
            "day of its publication? If it is not known, state `lag_days` in its place"
        )
    by_provider = taken.publications.group_by("provider").agg(
        values=pl.len(), first=pl.col("session").min(), last=pl.col("session").max()
    )
    return {
        "publications": taken.publications.height,
        "rejected rows": taken.rejected.height,
        "rewritten": again.height,
        "not used, published while switched off": delivered.publications.height - taken.publications.height,
        "by provider": by_provider.sort("provider"),
    }
