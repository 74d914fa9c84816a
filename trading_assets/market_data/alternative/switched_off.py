"""What was published while its provider was switched off by hand is not used: then, and later on as well."""

from __future__ import annotations

from collections.abc import Sequence

import polars as pl

from trading_assets.config import Configuration
from trading_assets.config.canonical import digest
from trading_assets.market_data.alternative.publications import content_of_publications
from trading_assets.protocol.switches import SwitchedOff, switched_off


def used(publications: pl.DataFrame, times: Sequence[SwitchedOff]) -> pl.DataFrame:
    """Return the publications that are used: those that were public while their provider was switched on.

    What was known before stays known, and ages; what was published in between is unknown until the next publication.
    So a step acts on no session before it.

    Parameters
    ----------
    publications
        Rows of `market_data.publications`.
    times
        When providers were switched off.
    """
    for each in times:
        is_within = (pl.col("provider") == each.provider) & (pl.col("published_at") >= each.start)
        if each.end is not None:
            is_within &= pl.col("published_at") < each.end
        publications = publications.filter(~is_within)
    return publications


def content_that_is_used(configuration: Configuration) -> str:
    """Return a hash of what publications follow from: their files, and when providers were switched off."""
    content, times = content_of_publications(configuration), switched_off(configuration)
    return digest([content, [[each.provider, str(each.start), str(each.end)] for each in times]]) if times else content
