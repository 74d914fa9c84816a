"""A wide synthetic market as files, and a configuration that runs on it. Arguments: folder, symbols, years.

The files are written some symbols at a time, so that a market of any size takes the memory of one part. The
configuration is `wide.yaml` of the folder: one order-based strategy, 1,000 permutations.
"""

from __future__ import annotations

import sys
from pathlib import Path

from trading_assets.config.sources import SyntheticSource
from trading_assets.market_data import calendars
from trading_assets.market_data.sources.synthetic import ANCHOR, generate
from trading_assets_tests.benchmarks.market import SEED

#: The market's leader, which is every symbol's benchmark.
LEADER = "LEADER"
_SYMBOLS_AT_A_TIME = 100
_CONFIGURATION = """\
name: wide
seed: {seed}
start: {start}
market_data:
  - {{source: files, asset_class: equity, path: "bars/*.parquet"}}
benchmarks: {{equity: {leader}}}
splits: {{train: 0.6, validation: 0.2, holdout: 0.2}}
strategies:
  equity_momentum: {{type: equity_momentum}}
"""


def main(folder: str, symbols: int, years: int) -> None:
    """Write files and configuration."""
    bars = Path(folder) / "bars"
    bars.mkdir(parents=True, exist_ok=True)
    days = calendars.sessions("XNYS", ANCHOR, ANCHOR.replace(year=ANCHOR.year + years))
    names = [f"S{number:04d}" for number in range(1, symbols)]
    for first in range(0, max(len(names), 1), _SYMBOLS_AT_A_TIME):
        of_part = [LEADER, *names[first : first + _SYMBOLS_AT_A_TIME]]
        source = SyntheticSource(source="synthetic", asset_class="equity", calendar="XNYS", symbols=of_part)
        rows = generate(source, ANCHOR, days[-1], SEED)
        if first:
            rows = rows.remove(symbol=LEADER)
        rows.select("symbol", "session", "open", "high", "low", "close", "volume").rename(
            {"session": "date"}
        ).write_parquet(bars / f"{first:05d}.parquet")
    text = _CONFIGURATION.format(seed=SEED, start=ANCHOR.replace(day=1), leader=LEADER)
    (Path(folder) / "wide.yaml").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]))
