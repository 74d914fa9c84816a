from __future__ import annotations

import datetime as dt
import hashlib
import importlib
import json
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from trading_assets.config import Configuration
from trading_assets.config.canonical import canonical
from trading_assets.config.plugins import origin_of, strategy_module
from trading_assets.config.sections import Interval, Risk
from trading_assets.config.verdict import VerdictThresholds
from trading_assets.market_data.tables import QUARANTINE
from trading_assets.robustness.holdout.registration import Registration, register, registration_rows
from trading_assets.robustness.holdout.upgrade import KnownCode, compare
from trading_assets.robustness.tables import REGISTRATIONS
from trading_assets.strategies import ensemble, equity_momentum, factor, ml
from trading_assets.strategies.evaluation.fingerprint import frozen, symbols_behind
from trading_assets.strategies.evaluation.identity import own_code
from trading_assets.strategies.interface.resolved import ResolvedStrategy, configured_strategy, resolve_strategy

SPANS = {
    "train": Interval(start=dt.date(2020, 1, 1), end=dt.date(2020, 1, 3)),
    "validation": Interval(start=dt.date(2020, 1, 4), end=dt.date(2020, 1, 5)),
    "holdout": Interval(start=dt.date(2020, 1, 6), end=dt.date(2020, 1, 8)),
}


def bars(symbols: str = "ABX", days: int = 8) -> pl.DataFrame:
    rows = [
        {
            "symbol": symbol,
            "session": dt.date(2020, 1, 1) + dt.timedelta(days=day),
            **{name: float(ord(symbol) + day) for name in ("open", "high", "low", "close", "volume")},
            "split_ratio": 1.0,
            "cash_dividend": 0.0,
            "forward_factor": 1.0,
            "flags": [],
        }
        for symbol in symbols
        for day in range(days)
    ]
    return pl.DataFrame(rows, schema_overrides={"flags": pl.List(pl.String)})


def spells(**ends: dt.date | None) -> pl.DataFrame:
    rows = [(symbol, dt.date(2020, 1, 1), ends.get(symbol)) for symbol in "ABC"]
    return pl.DataFrame(rows, schema={"symbol": pl.String, "start": pl.Date, "end": pl.Date}, orient="row")


def configuration(**changes: object) -> Configuration:
    parameters = equity_momentum.Parameters(**changes.pop("parameters", {}))  # type: ignore[arg-type]
    values = {
        "name": "test",
        "start": "2020-01-01",
        "market_data": [{"source": "sample"}],
        "strategies": {"s": {"type": "equity_momentum", "parameters": parameters}},
        "registration": {"s": {"registered_on": "2020-01-05", "hypothesis": "Breakouts go on for a while."}},
        "data": Path("somewhere"),
    }
    return Configuration.model_validate({**values, **changes})


def registered(
    config: Configuration | None = None, frame: pl.DataFrame | None = None, **changes: object
) -> Registration:
    config = config or configuration()
    symbols = changes.pop("symbols", ["A", "B"])
    instruments = pl.DataFrame({"symbol": symbols, "asset_class": ["equity"] * len(symbols)})  # type: ignore[arg-type]
    configured = configured_strategy(config, "s")
    benchmark = changes.pop("benchmark", "X")
    strategy = ResolvedStrategy(**vars(configured), instruments=instruments, benchmark=benchmark)  # type: ignore[arg-type]
    values: dict[str, object] = {
        "spans": SPANS,
        "quarantine": QUARANTINE.empty(),
        "memberships": spells(),
        "sectors": {"Z": "x"},
        "delisted": {},
    }
    frame = bars() if frame is None else frame
    return register(config, strategy, bars=frame, **{**values, **changes})  # type: ignore[arg-type]


def test_content_is_canonical_and_hashed() -> None:
    found = registered()
    content = json.loads(found.content)
    assert found.content == canonical(content)
    assert found.hash == hashlib.sha256(found.content.encode()).hexdigest()
    assert content["splits"]["holdout"] == ["2020-01-06", "2020-01-08"]
    assert content["universe"] == {"A": [["2020-01-01", None]], "B": [["2020-01-01", None]]}
    assert content["parameters"] == content["criteria"] == {}
    stricter = configuration(robustness={"verdict": {"go_sharpe": 1.2}})
    assert json.loads(registered(stricter).content)["criteria"] == {"go_sharpe": 1.2}
    assert content["model"] is None
    assert '"override"' not in found.content


SAME: dict[str, dict[str, Any]] = {
    "another data folder": {"data": Path("elsewhere")},
    "another name": {"name": "renamed"},
    "another executor": {"executor": "dask"},
    "an override": {
        "registration": {
            "s": {
                "registered_on": "2020-01-05",
                "hypothesis": "Breakouts go on for a while.",
                "override": "a calendar was wrong",
            }
        }
    },
}


@pytest.mark.parametrize("change", SAME)
def test_what_does_not_bear_on_the_holdout_is_not_registered(change: str) -> None:
    assert registered(configuration(**SAME[change])).hash == registered().hash


CHANGED: dict[str, dict[str, Any]] = {
    "a parameter": {"parameters": {"stop_atr": 2.0}},
    "risk": {"risk": Risk(max_positions=7)},
    "costs": {"costs": {"noise": "off"}},
    "seed": {"seed": 1},
    "criteria": {"robustness": {"verdict": VerdictThresholds(go_sharpe=0.9)}},
    "hypothesis": {"registration": {"s": {"registered_on": "2020-01-05", "hypothesis": "Something else entirely."}}},
}


@pytest.mark.parametrize("change", CHANGED)
def test_what_bears_on_the_holdout_is_registered(change: str) -> None:
    assert registered(configuration(**CHANGED[change])).hash != registered().hash


def test_spans_universe_benchmark_and_bars_are_registered() -> None:
    dearer = bars().with_columns(open=pl.col("open") + 1e-9)
    later = {**SPANS, "holdout": Interval(start=dt.date(2020, 1, 7), end=dt.date(2020, 1, 8))}
    hashes = {
        registered().hash,
        registered(spans=later).hash,
        registered(symbols=["A"]).hash,
        registered(benchmark=None).hash,
        registered(frame=dearer).hash,
        registered(memberships=spells(B=dt.date(2020, 1, 7))).hash,
        registered(sectors={"A": "x"}).hash,
    }
    assert len(hashes) == 7


def moved(symbol: str, day: int, frame: pl.DataFrame) -> pl.DataFrame:
    """One bar of a symbol with another close."""
    here = (pl.col("symbol") == symbol) & (pl.col("session") == dt.date(2020, 1, day))
    return frame.with_columns(close=pl.when(here).then(pl.col("close") + 1e-9).otherwise("close"))


def test_bars_and_memberships_of_symbols_that_bear_on_its_decisions_are_registered() -> None:
    frame, behind = bars("ABCDX", days=10), ["A", "B", "C", "X"]
    before = registered(frame=frame, behind=behind)
    assert json.loads(before.content)["behind"] == {"C": [["2020-01-01", None]], "X": []}
    for day, changes in ((1, True), (8, True), (9, False)):  # the holdout ends on the 8th
        assert (registered(frame=moved("C", day, frame), behind=behind).hash != before.hash) is changes
    assert registered(frame=moved("D", 1, frame), behind=behind).hash == before.hash
    assert registered(frame=frame, behind=behind, memberships=spells(C=dt.date(2020, 1, 7))).hash != before.hash
    assert registered(frame=moved("C", 1, frame)).hash == registered(frame=frame).hash  # without it nothing looks at C


def test_a_delisting_that_is_recorded_later_is_noticed() -> None:
    frame, behind = bars("ABCDX"), ["A", "B", "C", "X"]
    before = registered(frame=frame, behind=behind).hash

    def after(symbol: str, day: int) -> str:
        return registered(frame=frame, behind=behind, delisted={symbol: dt.date(2020, 1, day)}).hash

    assert len({before, after("A", 7), after("A", 8), after("C", 7)}) == 4
    assert after("A", 9) == after("D", 7) == before  # not known by the end of the holdout; nothing looks at it


def test_a_spike_that_was_filled_at_is_registered() -> None:
    spike = {"symbol": "A", "session": dt.date(2020, 1, 7), "open": 9.0, "low": 8.0, "close": 9.0, "volume": 1.0}
    quarantine = pl.DataFrame([{**spike, "reasons": ["spike"]}])
    assert registered(quarantine=quarantine).hash != registered().hash
    for unused in ({"reasons": ["missing_price"]}, {"reasons": ["spike"], "symbol": "C"}):
        assert registered(quarantine=pl.DataFrame([{**spike, **unused}])).hash == registered().hash


def test_symbols_behind_a_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    instruments = pl.DataFrame(
        {
            "symbol": ["A", "B", "C", "COIN", "X", "Y"],
            "asset_class": ["equity"] * 3 + ["crypto", "index", "index"],
            "in_universe": [True] * 4 + [False] * 2,
            "first_session": dt.date(2020, 1, 1),
            "tickers": [["A"], ["B"], ["C"], ["COIN"], ["X"], ["Y"]],
        }
    )
    own = {"universe": ["A", "B"]}
    types: dict[str, dict[str, object]] = {
        "s": {"type": "equity_momentum", "parameters": equity_momentum.Parameters()},
        "learnt": {"type": "ml", "parameters": ml.Parameters(model="m")},
        "ranked": {"type": "factor", "parameters": factor.Parameters()},
        "top": {"type": "ensemble", "parameters": ensemble.Parameters(members=["s", "learnt"])},
    }
    made = configuration(
        strategies={name: {**each, **own} for name, each in types.items()},
        models={"m": {"universe": "equity"}},
        benchmarks={"equity": "X", "crypto": "Y"},
    )

    def behind(name: str) -> list[str]:
        return symbols_behind(made, resolve_strategy(made, name, instruments), instruments)

    found = {name: "".join(behind(name)) for name in types}
    assert found == {"s": "ABX", "learnt": "ABCX", "ranked": "ABX", "top": "ABCX"}
    monkeypatch.setitem(factor.FACTORS, "breadth_50", True)  # of all symbols of the asset class at a session
    assert behind("ranked") == ["A", "B", "C", "X"]


def test_a_spell_that_ends_after_the_holdout_is_not_known_then() -> None:
    assert registered(memberships=spells(B=dt.date(2020, 1, 9))).hash == registered().hash
    assert registered(memberships=spells(C=dt.date(2020, 1, 7))).hash == registered().hash


def test_changed_rules_are_a_changed_strategy(monkeypatch: pytest.MonkeyPatch) -> None:
    before = registered().hash
    assert registered().hash == before
    monkeypatch.setattr(equity_momentum, "below_means", lambda: {"ma_20": pl.col("adj_close") <= pl.col("ma_20")})
    assert registered().hash != before


def test_bars_after_the_holdout_and_of_other_symbols_are_not_registered() -> None:
    assert registered(frame=bars("ABCXZ", days=20)).hash == registered().hash
    new_listing = pl.concat([bars(), bars("C", days=12).filter(pl.col("session") > dt.date(2020, 1, 8))])
    assert registered(frame=new_listing, symbols=["A", "B", "C"]).hash == registered().hash


def test_registration_is_recorded_once() -> None:
    now = dt.datetime(2026, 11, 21)
    first = registration_rows(REGISTRATIONS.empty(), registered(), now, "0.2.0")
    REGISTRATIONS.validate(REGISTRATIONS.conform(first))
    assert registration_rows(first, registered(), now + dt.timedelta(days=1), "0.3.0").is_empty()
    assert registration_rows(first, registered(configuration(seed=3)), now, "0.2.0").height == 1


HELPER = "SCALE = 1.0\n\ndef scale(value):\n    return SCALE * value\n"
STRATEGY = """
from trading_assets.config.strategies import TargetWeightParameters
from weights.helper import scale

class Parameters(TargetWeightParameters):
    capacity: float = 0.01
    members: tuple[str, ...] = ("low",)

def target_weights(parameters, panel):
    return scale(panel)
"""


def test_a_target_weight_strategy_is_its_source_files_and_members(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = tmp_path / "weights"
    package.mkdir()
    for name, text in {"__init__": "", "helper": HELPER, "strategy": STRATEGY}.items():
        (package / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(tmp_path))
    module = importlib.import_module("weights.strategy")

    def changes(stop_atr: float = 2.5, regimes: int = 3, **parameters: object) -> set[str]:
        """What differs from the first of all."""
        low = {"type": "equity_momentum", "parameters": equity_momentum.Parameters(stop_atr=stop_atr)}
        top = {"type": module.__name__, "parameters": module.Parameters(**parameters)}
        made = configuration(strategies={"s": top, "low": low}, regimes={"number": regimes})
        strategy_module(module.__name__, origin_of(made), renew=True)  # as loading a file does
        now = frozen(made, configured_strategy(made, "s"))
        assert frozen(made, configured_strategy(made, "low"))["regimes"] is None
        return {key for key in now if now[key] != first.setdefault(key, now[key])}

    first: dict[str, object] = {}
    assert set(own_code(module)) == {"weights", "weights.strategy", "weights.helper"}
    assert changes() == changes() == set()
    assert changes(capacity=0.02) == {"parameters"}
    assert changes(stop_atr=3.0) == {"members"}
    assert changes(regimes=2) == {"regimes"}
    (package / "helper.py").write_text(HELPER.replace("1.0", "2.0"))
    assert changes() == {"own_code"}
    (package / "helper.py").write_text(f"# A remark.\n{HELPER}")
    assert changes() == set()
    (package / "helper.py").write_bytes(HELPER.replace("\n", "\r\n").encode())
    assert changes() == set()


def test_what_is_on_record_of_a_delisting_is_registered() -> None:
    """A value on record changes what the holdout comes to; one of a delisting after it was not known then."""
    gone = {"A": dt.date(2020, 1, 7)}
    known, none = {"A": (0.1, "per_share", "bankruptcy", None)}, registered(delisted=gone)
    found = registered(delisted=gone, delisting_values=known)
    assert json.loads(found.content)["delisting_values"] == {"A": [0.1, "per_share", "bankruptcy", None]}
    assert found.hash != none.hash
    later = {"A": dt.date(2020, 2, 7)}
    assert registered(delisted=later, delisting_values=known).hash == registered(delisted=later).hash


def flagged(symbol: str, day: int, *flags: str) -> pl.DataFrame:
    """One bar of a symbol with flags."""
    here = (pl.col("symbol") == symbol) & (pl.col("session") == dt.date(2020, 1, day))
    return bars("ABXZ").with_columns(flags=pl.when(here).then(pl.lit(list(flags))).otherwise("flags"))


def test_flags_that_decide_signals_and_fills_are_registered() -> None:
    """Of the flags of A's second bar; those of bars that nothing looks at, or that decide nothing, are left out."""
    before = registered(frame=bars("ABXZ"))
    assert "flags" not in json.loads(before.content)
    found = [registered(frame=flagged("A", 2, flag)).hash for flag in ("extreme_move", "stale_price")]
    found += [registered(frame=flagged("X", 2, "extreme_move")).hash]
    assert len({before.hash, *found}) == 4
    assert registered(frame=flagged("A", 2, "gap_event")).hash == before.hash
    assert registered(frame=flagged("Z", 2, "extreme_move")).hash == before.hash


def test_cuts_of_the_look_ahead_audit_are_registered_where_they_are_not_the_default() -> None:
    fewer = registered(configuration(robustness={"look_ahead_cuts": 3}))
    assert json.loads(fewer.content)["resampling"] == {"look_ahead_cuts": 3}
    assert registered(configuration(robustness={"look_ahead_cuts": 8})).hash == registered().hash


def test_the_first_form_says_nothing_of_flags_and_cuts() -> None:
    """A content that names no form stands whatever flags and cuts are now; one that names its form does not."""
    now = json.loads(
        registered(configuration(robustness={"look_ahead_cuts": 3}), flagged("A", 2, "stale_price")).content
    )
    plain = json.loads(registered(frame=bars("ABXZ")).content)
    code = KnownCode({}, {})
    first = {key: value for key, value in plain.items() if key != "form"}
    assert compare(first, now, code).changed == ()
    flags, cuts = compare(plain, now, code).changed
    assert flags.startswith("flags: null -> ")
    assert cuts == "resampling.look_ahead_cuts: 8 -> 3"
