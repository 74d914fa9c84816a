"""The wizard looks at files: what it writes is commented, is checked, and can be run."""

from __future__ import annotations

import datetime as dt
import math
from pathlib import Path

import jsonschema
import polars as pl
import pytest
from typer.testing import CliRunner

from trading_assets.cli import app
from trading_assets.cli_wizard import Answers, drafted
from trading_assets.config import CONFIG_VARIABLE, DATA_VARIABLE, ConfigurationError, load_configuration
from trading_assets.config.schema import SCHEMA_FILE, json_schema
from trading_assets.market_data.calendars import sessions
from trading_assets_tests.config.test_schema import written

FIRST, LAST = dt.date(2012, 3, 5), dt.date(2018, 6, 29)


def deliver(folder: Path, days: pl.Series, symbols: tuple[str, ...] = ("AAA", "BBB", "CCC")) -> Path:
    """A file a symbol, prices that swing."""
    folder.mkdir(parents=True)
    for number, symbol in enumerate(symbols):
        close = [100 + 30 * math.sin((n + 40 * number) / 90) + n / 50 for n in range(len(days))]
        bars = pl.DataFrame({"Date": days, "Close": close}).with_columns(
            pl.col("Close").round(2), Open=pl.col("Close").round(2), Volume=pl.lit(2_000_000 + number)
        )
        bars = bars.with_columns(High=(pl.col("Close") + 1).round(2), Low=(pl.col("Close") - 1).round(2))
        bars.select("Date", "Open", "High", "Low", "Close", "Volume").write_csv(folder / f"{symbol}.csv")
    return folder


@pytest.fixture
def working(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (CONFIG_VARIABLE, DATA_VARIABLE):
        monkeypatch.setenv(name, "")  # restored afterwards, also where a command sets it
    return tmp_path


@pytest.fixture(scope="module")
def new_york() -> pl.Series:
    return sessions("XNYS", FIRST, LAST)


def test_a_folder_becomes_a_configuration_that_is_checked(working: Path, new_york: pl.Series) -> None:
    deliver(working / "prices", new_york)
    done = CliRunner().invoke(app, ["config", "wizard", "prices", "--yes", "--name", "mine"])
    assert done.exit_code == 0, (done.output, done.exception)
    assert "asset class equity, calendar XNYS: 0% of its" in done.stdout
    assert "then: trading-assets run --config trading_assets.yaml" in done.stdout
    text = (working / "trading_assets.yaml").read_text()
    assert text.startswith(f"# yaml-language-server: $schema={SCHEMA_FILE}\n")
    assert [each.message for each in jsonschema.Draft202012Validator(json_schema()).iter_errors(written(text))] == []
    assert written((working / SCHEMA_FILE).read_text())["$defs"]
    configuration = load_configuration(working / "trading_assets.yaml", working)
    assert (configuration.name, configuration.start) == ("mine", dt.date(2012, 4, 1))
    assert configuration.market_data[0].model_dump(include={"path", "calendar", "asset_class"}) == {
        "path": "prices/*.csv",
        "calendar": "XNYS",
        "asset_class": "equity",
    }
    again = CliRunner().invoke(app, ["config", "wizard", "prices", "--yes"])
    assert isinstance(again.exception, ConfigurationError)
    assert (working / "trading_assets.yaml").read_text() == text


@pytest.mark.parametrize(
    ("calendar", "symbols", "expected"),
    [
        ("24/7", ("BTC", "ETH"), ("crypto", "24/7", "BTC")),
        ("XLON", ("VOD", "BP"), ("equity", "XLON", None)),
        ("XNYS", ("SPY", "F"), ("equity", "XNYS", "SPY")),
    ],
)
def test_the_market_is_told_by_its_days(
    calendar: str, symbols: tuple[str, ...], expected: tuple[str, str, str | None], tmp_path: Path
) -> None:
    """Bars at weekends are of a market that never closes; holidays tell one exchange from another."""
    deliver(tmp_path / "prices", sessions(calendar, dt.date(2016, 1, 1), LAST), symbols)
    values = written(drafted(tmp_path / "prices", tmp_path, Answers()).text)
    source = values["market_data"][0]
    found = (source["asset_class"], source["calendar"], values.get("benchmarks", {}).get(source["asset_class"]))
    assert found == expected


@pytest.mark.parametrize(
    ("first", "last", "start"),
    [
        ("2017-01-03", "2017-06-30", "2017-01-01"),  # the 1st is a Sunday, the 2nd a holiday: the month is whole
        ("2017-01-04", "2017-06-30", "2017-02-01"),
        ("2017-03-06", "2017-03-28", "2017-03-01"),  # no month is whole: the one there is
    ],
)
def test_it_starts_with_the_first_month_of_all_sessions(first: str, last: str, start: str, tmp_path: Path) -> None:
    days = sessions("XNYS", dt.date.fromisoformat(first), dt.date.fromisoformat(last))
    assert days[0] == dt.date.fromisoformat(first)
    deliver(tmp_path / "prices", days, ("AAA",))
    values = written(drafted(tmp_path / "prices", tmp_path, Answers(calendar="XNYS", asset_class="equity")).text)
    assert values["start"] == start


def test_a_few_missing_days_do_not_hide_the_exchange(tmp_path: Path, new_york: pl.Series) -> None:
    """By hand: 8 of 1,592 days are 0.5 %, below the 1 % that may not fit."""
    days = new_york.filter(~pl.Series(range(len(new_york))).is_in(list(range(0, 1592, 199))))
    assert len(new_york) - len(days) == 8
    deliver(tmp_path / "prices", days)
    assert "calendar: XNYS" in drafted(tmp_path / "prices", tmp_path, Answers()).text


def test_answers_come_before_guesses_and_questions_are_asked_for_the_rest(tmp_path: Path, new_york: pl.Series) -> None:
    deliver(tmp_path / "prices", new_york[:300])
    asked: list[tuple[str, str]] = []

    def ask(question: str, guess: str) -> str:
        asked.append((question, guess))
        return "" if question == "calendar" else "asked"

    answers = Answers(asset_class="crypto")
    values = written(drafted(tmp_path / "prices", tmp_path, answers, ask).text)
    assert asked == [("calendar", "24/7"), ("name of the experiment", "prices")]
    assert values["name"] == "asked"
    assert values["market_data"][0]["calendar"] == "24/7"
    assert [*values["strategies"]] == ["crypto_momentum"]


@pytest.mark.parametrize(
    ("make", "expected"),
    [
        (lambda folder: (folder / "notes.md").write_text("no bars"), "no files of bars in"),
        (lambda folder: (folder / "a.csv").write_text("Date,Close\n2024-01-02,x\n"), "open"),
        (lambda folder: (folder / "a.csv").write_text(""), "a.csv"),
    ],
)
def test_files_that_are_no_bars_are_an_error_in_words(make: object, expected: str, tmp_path: Path) -> None:
    assert callable(make)
    (tmp_path / "prices").mkdir()
    make(tmp_path / "prices")
    with pytest.raises(ConfigurationError) as caught:
        drafted(tmp_path / "prices", tmp_path, Answers())
    assert expected in str(caught.value)
    assert "Traceback" not in str(caught.value)


def test_two_layouts_are_a_question_and_an_error_where_nobody_is_asked(tmp_path: Path, new_york: pl.Series) -> None:
    deliver(tmp_path / "prices", new_york[:20], ("AAA",))
    with pytest.raises(ConfigurationError, match="does not fit"):
        drafted(tmp_path / "prices", tmp_path, Answers(layout="stooq_of_another_planet"))


def test_a_calendar_that_there_is_not_is_an_error_before_a_file_is_written(working: Path, new_york: pl.Series) -> None:
    deliver(working / "prices", new_york[:40], ("AAA",))
    done = CliRunner().invoke(app, ["config", "wizard", "prices", "--yes", "--calendar", "NOSUCH"])
    assert isinstance(done.exception, ConfigurationError)
    assert str(done.exception).startswith("unknown calendar 'NOSUCH'")
    assert not (working / "trading_assets.yaml").exists()


@pytest.mark.slow
def test_what_the_wizard_wrote_runs(working: Path, new_york: pl.Series) -> None:
    deliver(working / "prices", new_york)
    assert CliRunner().invoke(app, ["config", "wizard", "prices", "--yes"]).exit_code == 0
    done = CliRunner().invoke(app, ["run", "--config", "trading_assets.yaml"])
    assert done.exit_code == 0, (done.output, done.exception)
