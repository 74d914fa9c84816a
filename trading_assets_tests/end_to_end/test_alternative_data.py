"""From files of publications to a verdict: a strategy that reads them, and a model that learns from them."""

from __future__ import annotations

import datetime as dt
from pathlib import Path

import duckdb
import numpy as np
import polars as pl
import pytest

from trading_assets.backtests.trial_registry import TRIALS, latest
from trading_assets.features.tables import DAILY
from trading_assets.market_data.tables import PUBLICATIONS, REJECTED_PUBLICATIONS
from trading_assets.robustness.look_ahead.audit import differing
from trading_assets.robustness.tables import LOOK_AHEAD, VERDICTS
from trading_assets.strategies.tables import STATUS
from trading_assets_tests.features.published import closes_by_library, known_by_brute_force
from trading_assets_tests.robustness.pipeline import Experiment

pytestmark = pytest.mark.slow

STRATEGY = """
import polars as pl
from trading_assets.strategies import ExitRule, OrderParameters, Rules, Trigger


class Parameters(OrderParameters):
    stop_atr: float = 3.0
    capacity: float = 0.05


GRID = {"stop_atr": (2.0, 3.0)}


def rules(parameters: Parameters) -> Rules:
    score, age = pl.col("alt_news_score"), pl.col("alt_news_score_age")
    return Rules(
        eligible=(age <= 1) & (pl.col("alt_macro_cpi_age") < 40),
        triggers=(Trigger("news", strength=score, threshold=0.0, rank=score),),
        exits={"old": age > 3},
        exit=ExitRule("old"),
    )
"""
NEWS = {"path": "news.csv", "symbol": "ticker", "published": "time", "timezone": "America/New_York", "max_age": 10}
MACRO = {
    "path": "cpi.csv",
    "observed": "date",
    "published": "out",
    "timezone": "UTC",
    "values": ["cpi"],
    "lag_days": 40,
}


def deliver(folder: Path) -> None:
    """Scores at any minute of a day, and a monthly number with a revision a month later; two rows are none."""
    draws = np.random.default_rng(4)
    news = ["ticker,time,score"]
    for symbol in ("AAA", "BBB", "CCC", "DDD", "ELSEWHERE"):
        for day, _ in closes_by_library("XNYS", dt.date(2014, 12, 1), dt.date(2017, 6, 30))[:: 2 + len(symbol) % 2]:
            when = dt.datetime.combine(day, dt.time(int(draws.integers(8, 20)), int(draws.integers(60))))
            news.append(f"{symbol},{when},{draws.normal():.3f}")
    (folder / "news.csv").write_text("\n".join([*news, "AAA,,1", "AAA,2016-01-05 10:00,none of it"]))
    months = pl.date_range(dt.date(2014, 1, 1), dt.date(2017, 5, 1), "1mo", eager=True)
    macro = ["date,out,cpi"]
    for number, month in enumerate(months):
        for days in (44, 75):
            value = 100 + number + draws.normal()
            macro.append(f"{month},{month + dt.timedelta(days=days)} 13:30,{value:.2f}")
    (folder / "cpi.csv").write_text("\n".join([*macro, "2017-05-02,,1"]))


def write(experiment: Experiment, **news: object) -> None:
    """Configure a strategy that names the columns, and one that trades scores of a model, with other keys of news."""
    robustness = {"resamples": 20, "permutations": 20, "cross_validation_blocks": 4, "look_ahead_cuts": 1}
    experiment.write(
        alternative_data={"news": {**NEWS, "values": ["score"], **news}, "macro": MACRO},
        models={
            "scores": {"universe": "equity", "train_sessions": 150, "test_sessions": 60, "trees": 5, "min_rows": 100}
        },
        strategies={"known": {"type": "own.news"}, "scored": {"type": "ml", "model": "scores", "entry_score": 0.0}},
        robustness={**robustness, "stress_scenarios": ["dropped_bars_10pct"]},
    )


def tried(experiment: Experiment, strategy: str) -> int:
    """Number of different trials that are on record from backtests of a strategy."""
    rows = experiment.warehouse.read(TRIALS).filter(source=f"backtests/{strategy}")
    return latest(rows).height


@pytest.fixture(scope="module")
def experiment(tmp_path_factory: pytest.TempPathFactory) -> Experiment:
    """A strategy that is registered and names the columns, and one that trades scores of a model."""
    found = Experiment(tmp_path_factory.mktemp("published"))
    deliver(found.folder)
    (found.folder / "own").mkdir()
    (found.folder / "own" / "news.py").write_text(STRATEGY)
    write(found)
    assert found.run().success
    return found


def test_both_strategies_have_a_verdict_and_know_nothing_of_the_future(experiment: Experiment) -> None:
    verdicts = experiment.warehouse.read(VERDICTS, where="kind = 'result'")
    assert set(verdicts["strategy"]) == {"known", "scored"}
    assert verdicts["result"].is_not_null().all()
    audited = experiment.warehouse.read(LOOK_AHEAD)
    assert set(audited["strategy"]) == {"known", "scored"}
    assert differing(audited).is_empty()
    trades = experiment.warehouse.query("SELECT count(*) AS n FROM backtests.trades WHERE strategy = 'known'")
    assert trades.item() > 0


def test_every_session_knows_what_brute_force_says(experiment: Experiment) -> None:
    rows, daily = experiment.warehouse.read(PUBLICATIONS), experiment.warehouse.read(DAILY)
    span = dt.date(2013, 12, 1), dt.date(2017, 6, 30)
    for provider, name, symbol, max_age in (("news", "score", "BBB", 10), ("macro", "cpi", "BBB", 10_000)):
        known = known_by_brute_force(rows.filter(provider=provider, name=name), symbol, "XNYS", span, max_age)
        own = daily.filter(symbol=symbol).select("session", f"alt_{provider}_{name}", f"alt_{provider}_{name}_age")
        assert own.height > 600
        assert own.rows() == [(day, known[day].value, known[day].age) for day in own["session"]]


def test_nothing_is_lost(experiment: Experiment) -> None:
    lines = sum(len((experiment.folder / name).read_text().splitlines()) - 1 for name in ("news.csv", "cpi.csv"))
    rejected = experiment.warehouse.read(REJECTED_PUBLICATIONS)
    assert rejected.select("provider", "reason").rows() == [("news", "no_publication_time"), ("news", "no_number")]
    assert experiment.warehouse.read(PUBLICATIONS).height + rejected.height == lines


def test_the_model_has_their_columns_among_its_features(experiment: Experiment) -> None:
    explained = experiment.warehouse.query("SELECT DISTINCT feature FROM models.explanations WHERE model = 'scores'")
    assert {"alt_news_score", "alt_macro_cpi_surprise", "alt_macro_cpi_age"} <= set(explained["feature"])


def test_the_registration_has_their_files_and_settings(experiment: Experiment) -> None:
    """Publications by provider, and the settings that decide what is made of them."""
    content = experiment.warehouse.query("SELECT content FROM robustness.registrations WHERE strategy = 'known'")
    for key in ("alternative_data.news.path", "alternative_data.macro.path"):
        assert f'"{key}"' in content["content"][0]
    assert '"max_age":10' in content["content"][0].replace(" ", "")


def test_another_setting_and_another_file_are_other_trials(experiment: Experiment) -> None:
    """Fifty delays and fifty files of sentiment are fifty looks."""
    before = {each: tried(experiment, each) for each in ("known", "scored")}
    steps = ["market_data/publications", "features/daily", "models/scores"]
    steps += [f"{stage}/{each}" for stage in ("strategies", "backtests") for each in before]
    others: list[dict[str, object]] = [{"max_age": 2}, {"path": "other.csv"}]
    for number, news in enumerate(others, start=1):
        lines = (experiment.folder / "news.csv").read_text().splitlines()
        changed = [line.rpartition(",")[0] + ",0.5" if place == 7 else line for place, line in enumerate(lines)]
        (experiment.folder / "other.csv").write_text("\n".join(changed))
        write(experiment, **news)
        assert experiment.run(*steps).success
        more = {each: tried(experiment, each) - known for each, known in before.items()}
        assert more == dict.fromkeys(before, number)


def test_who_edits_publications_is_told_by_what_reads_them(experiment: Experiment) -> None:
    with duckdb.connect(str(experiment.warehouse.path)) as connection:
        connection.execute(f"UPDATE {PUBLICATIONS.name} SET value = value * 3 + 1 WHERE provider = 'news'")
    for strategy in ("known", "scored"):
        for stage in ("strategies", "backtests"):
            experiment.run(f"{stage}/{strategy}")
            failed = experiment.warehouse.read(STATUS).filter(asset=f"{stage}/{strategy}", status="failed")
            assert f"rows of {PUBLICATIONS.name} were edited" in failed["error"].item()
