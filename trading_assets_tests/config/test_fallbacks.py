"""Which source may stand in for which."""

from __future__ import annotations

import pytest

from trading_assets.config.fallbacks import names_stood_in_for, stand_ins
from trading_assets.config.remote_sources import AlpacaSource, AnySource, CcxtSource, PolygonSource
from trading_assets.config.sources import FilesSource, SyntheticSource

COINS = CcxtSource(source="ccxt", exchange="kraken", symbols=["BTC"], calendar="24/7")
SYNTHETIC = SyntheticSource(source="synthetic", asset_class="equity", symbols=["A"])
FILES = FilesSource(source="files", asset_class="equity", path="*.csv")


def alpaca(fallback: str = "") -> AlpacaSource:
    return AlpacaSource(source="alpaca", symbols=["A"], fallback=fallback)


def polygon(fallback: str = "") -> PolygonSource:
    return PolygonSource(source="polygon", symbols=["A"], fallback=fallback)


def test_a_source_is_found_by_its_name() -> None:
    assert stand_ins([polygon(), alpaca("polygon"), COINS]) == {1: 0}
    assert stand_ins([polygon(), alpaca()]) == {}
    assert names_stood_in_for([polygon(), alpaca("polygon"), COINS]) == {"polygon": "alpaca"}


@pytest.mark.parametrize(
    ("sources", "said"),
    [
        ([alpaca("polygon"), COINS], "no other source is 'polygon'; expected one of ccxt"),
        ([alpaca("alpaca")], "no other source is 'alpaca'; expected one of none"),
        ([alpaca("alpaca"), alpaca()], "the same name, 'alpaca'"),
        ([alpaca("polygon"), polygon(), polygon()], "several sources are 'polygon'"),
        ([alpaca("ccxt"), COINS], "'ccxt' is of crypto and 24/7; expected equity and XNYS"),
        ([alpaca("polygon"), polygon("files"), FILES], "'polygon' has a fallback of its own"),
        ([alpaca("synthetic"), SYNTHETIC], "'synthetic' has no prices of today"),
        ([alpaca("files"), polygon("files"), FILES], "two sources have the same fallback"),
    ],
)
def test_what_cannot_stand_in_is_refused(sources: list[AnySource], said: str) -> None:
    with pytest.raises(ValueError, match=said):
        stand_ins(sources)
