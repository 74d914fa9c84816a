"""What bars depend on beside the received ones: the configuration and the tables it names."""

from __future__ import annotations

import datetime as dt
import hashlib
from collections.abc import Mapping
from importlib.metadata import version
from typing import NamedTuple

import polars as pl

from trading_assets.config import Configuration
from trading_assets.market_data.quality.overrides import read_overrides
from trading_assets.market_data.reference.borrow_rates import NO_BORROW_RATES, recorded_borrow_rates
from trading_assets.market_data.reference.corporate_actions import recorded_actions
from trading_assets.market_data.reference.delistings import NO_DELISTINGS, recorded_delistings
from trading_assets.market_data.reference.risk_free import NO_INTEREST, read_risk_free
from trading_assets.market_data.reference.sectors import read_sectors
from trading_assets.market_data.reference.symbology import recorded_symbology
from trading_assets.market_data.universe import Memberships, read_memberships

_SETTINGS = {"start", "quality", "universe", "benchmarks", "market_data"}


class Inputs(NamedTuple):
    """A configuration and its tables.

    Attributes
    ----------
    memberships
        Result of `universe.read_memberships`.
    sectors
        Result of `sectors.read_sectors`.
    overrides
        Result of `quality.read_overrides`.
    actions
        Result of `corporate_actions.recorded_actions`.
    symbology
        Result of `symbology.recorded_symbology`.
    delistings
        Result of `delistings.recorded_delistings`; no part of what bars depend on.
    borrow_rates
        Result of `borrow_rates.recorded_borrow_rates`; no part of what bars depend on.
    risk_free
        Result of `risk_free.read_risk_free`; no part of what bars depend on.
    """

    configuration: Configuration
    memberships: Memberships
    sectors: Mapping[str, str]
    overrides: pl.DataFrame
    actions: pl.DataFrame
    symbology: pl.DataFrame
    delistings: pl.DataFrame = NO_DELISTINGS
    borrow_rates: pl.DataFrame = NO_BORROW_RATES
    risk_free: pl.DataFrame = NO_INTEREST

    def fingerprint(self, last: dt.date) -> str:
        """Return the SHA-256 of what bars up to `last` depend on; sectors are no part of them."""
        digest = hashlib.sha256(version("trading-assets").encode())
        digest.update(self.configuration.model_dump_json(include=_SETTINGS).encode())
        dated = [frame.filter(pl.col("session") <= last) for frame in (self.overrides, self.actions)]
        members = [frame for _, frame in sorted(self.memberships.items())]
        for frame in (*dated, self.symbology, *members):
            digest.update(frame.write_csv().encode())
        return digest.hexdigest()


def read_inputs(configuration: Configuration) -> Inputs:
    """Read every table that a configuration names.

    Raises
    ------
    UniverseError, SectorError, OverrideError, ReferenceError
        One that cannot be used.
    """
    return Inputs(
        configuration,
        read_memberships(configuration),
        read_sectors(configuration),
        read_overrides(configuration.overrides_path),
        recorded_actions(configuration),
        recorded_symbology(configuration),
        recorded_delistings(configuration),
        recorded_borrow_rates(configuration),
        read_risk_free(configuration),
    )


def content_of_inputs(configuration: Configuration) -> str:
    """Return the SHA-256 of every table that a configuration names, and of all that bars depend on beside them."""
    inputs = read_inputs(configuration)
    digest = hashlib.sha256(inputs.fingerprint(dt.date.max).encode())
    digest.update(repr(sorted(inputs.sectors.items())).encode())
    for frame in (inputs.delistings, inputs.borrow_rates, inputs.risk_free):
        digest.update(frame.write_csv().encode())
    return digest.hexdigest()
