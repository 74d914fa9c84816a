"""Whether a step computes or leaves what is there, against a slow twin that always computes."""

from __future__ import annotations

import datetime as dt
import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dagster as dg
import duckdb
import polars as pl
import pytest

from trading_assets.asset_factories.step_record import ByMonth, Rule, nothing
from trading_assets.asset_factories.table_asset import RECOMPUTE_TAG, Step, table_asset
from trading_assets.config import Configuration
from trading_assets.warehouse import Column, Rows, Sessions, Table, Warehouse, Whole
from trading_assets.warehouse.content import Selected
from trading_assets_tests.conftest import TINY
from trading_assets_tests.loaded import loaded

_PRICE = {
    "symbol": Column(pl.String, ""),
    "session": Column(pl.Date, ""),
    "close": Column(pl.Float64, ""),
}
PRICES = Table(name="market_data.prices", description="", key=("symbol", "session"), columns=_PRICE)
SUMS = Table(name="features.sums", description="", key=("symbol", "session"), columns=_PRICE)
SCALES = Table(name="features.scales", description="", key=("scale",), columns={"scale": Column(pl.Float64, "")})
TOTALS = Table(
    name="backtests.totals",
    description="",
    key=("strategy",),
    columns={"strategy": Column(pl.String, ""), "total": Column(pl.Float64, ""), "split": Column(pl.String, "")},
)
MONTHS = dg.MonthlyPartitionsDefinition(start_date="2020-01-01", end_date="2020-07-01")
DAYS = pl.date_range(dt.date(2020, 1, 1), dt.date(2020, 6, 30), "7d", eager=True).to_list()
UNTIL = dt.date(2020, 4, 30)


@pytest.fixture
def configuration(tmp_path: Path) -> Configuration:
    return loaded(TINY, tmp_path / "data")


class World:
    """Two steps over prices that somebody else writes: sums by month, and a total of a span; and what they did."""

    def __init__(self, configuration: Configuration, path: Path) -> None:
        self.configuration, self.warehouse = configuration, Warehouse(path)
        self.computed: list[str] = []
        self.beside: object = 1
        self.is_stopped = False
        self.instance = dg.DagsterInstance.ephemeral()
        self.warehouse.replace(Whole(), {SCALES: pl.DataFrame({"scale": [1.0]})})

    def assets(self) -> list[dg.AssetsDefinition]:
        def sums(step: Step) -> Mapping[str, Any]:
            """Running sums of each symbol, times a scale."""
            months = step.months
            self.computed.append(f"sums {months.start:%m}-{months.end:%m}")
            scale = step.work.read(SCALES)["scale"][0]
            prices = step.work.read(PRICES, where="session <= ?", parameters=[months.end])
            found = prices.with_columns(close=pl.col("close").cum_sum().over("symbol") * scale)
            in_months = pl.col("session").is_between(months.start, months.end)
            step.work.replace(Sessions(months.start, months.end), {SUMS: found.filter(in_months)})
            if self.is_stopped:
                raise KeyboardInterrupt
            step.log.warning("sums are sums")
            return {}

        def totals(step: Step) -> Mapping[str, Any]:
            """The sums up to a day in one number."""
            self.computed.append("totals")
            found = step.work.read(SUMS, columns=["close"], where="session <= ?", parameters=[UNTIL])
            row = {"strategy": "s", "total": float(found["close"].sum()), "split": "train"}
            step.work.replace(Rows("strategy", "s"), {TOTALS: pl.DataFrame([row])})
            return {}

        return [
            table_asset(
                sums,
                stage="features",
                tables=[SUMS],
                partitions=MONTHS,
                rule=Rule(lambda _: self.beside, by_month=ByMonth(PRICES, (), (SUMS,))),
            ),
            table_asset(totals, stage="backtests", tables=[TOTALS], deps=["features/sums"], rule=Rule(nothing)),
        ]

    def run(self, **tags: str) -> list[str]:
        """Run both over all months; return what was computed."""
        before = len(self.computed)
        result = dg.materialize(
            self.assets(),
            instance=self.instance,
            resources={"configuration": self.configuration, "warehouse": self.warehouse},
            tags={
                "dagster/asset_partition_range_start": "2020-01-01",
                "dagster/asset_partition_range_end": "2020-06-01",
                **tags,
            },
        )
        assert result.success
        self.events = [
            each.asset_key.path[-1] + (f" {each.partition}" if each.partition else "")
            for event in result.get_asset_materialization_events()
            for each in [event.step_materialization_data.materialization]
        ]
        self.observed = [
            event.asset_observation_data.asset_observation.asset_key.path[-1]
            for event in result.all_events
            if event.event_type == dg.DagsterEventType.ASSET_OBSERVATION
        ]
        return self.computed[before:]

    def put(self, symbol: str, session: dt.date, close: float) -> None:
        """Put one price in place of what is there."""
        row = pl.DataFrame({"symbol": [symbol], "session": [session], "close": [close]})
        known = self.warehouse.read_or_empty(PRICES, rows=Rows("symbol", symbol)).filter(pl.col("session") != session)
        self.warehouse.replace(Rows("symbol", symbol), {PRICES: pl.concat([known, row])})

    def edit(self, sql: str) -> None:
        """Edit the file behind the product's back."""
        with duckdb.connect(str(self.warehouse.path)) as connection:
            connection.execute(sql)

    def tables(self) -> list[pl.DataFrame]:
        return [self.warehouse.read_or_empty(table) for table in (SUMS, TOTALS)]


@pytest.fixture
def world(configuration: Configuration, tmp_path: Path) -> World:
    world = World(configuration, tmp_path / "warehouse.duckdb")
    closes = [1.0 + number for number in range(len(DAYS))]
    prices = pl.DataFrame({"symbol": "A", "session": DAYS, "close": closes})
    world.warehouse.replace(Rows("symbol", "A"), {PRICES: prices})
    assert world.run() == ["sums 01-06", "totals"]
    assert world.events == [*(f"sums 2020-{month:02d}-01" for month in range(1, 7)), "totals"]
    return world


def test_nothing_new_computes_nothing_and_has_no_event(world: World) -> None:
    assert (world.run(), world.events, world.observed) == ([], [], ["sums", "totals"])
    assert (world.run(), world.events) == ([], [])


def test_a_new_session_after_the_span_computes_its_month_alone(world: World) -> None:
    world.put("A", dt.date(2020, 6, 29), 5.0)
    assert (world.run(), world.events) == (["sums 06-06"], ["sums 2020-06-01"])


def test_a_revised_price_computes_its_month_and_all_after_it_and_what_follows(world: World) -> None:
    world.put("A", DAYS[10], 0.5)  # 11 March
    assert (world.run(), world.events) == (
        ["sums 03-06", "totals"],
        [*(f"sums 2020-{month:02d}-01" for month in range(3, 7)), "totals"],
    )


@pytest.mark.parametrize(
    ("sql", "computed"),
    [
        (f"UPDATE {SUMS.name} SET close = 0 WHERE session > '2020-05-01'", ["sums 05-06"]),
        (f"DELETE FROM {SUMS.name} WHERE session > '2020-02-01' AND session < '2020-03-01'", ["sums 02-06"]),
        (f"DROP TABLE {SUMS.name}", ["sums 01-06"]),
        (f"UPDATE {TOTALS.name} SET total = 3", ["totals"]),
        (f"DELETE FROM {TOTALS.name}", ["totals"]),
    ],
)
def test_rows_that_were_edited_are_made_again(world: World, sql: str, computed: list[str]) -> None:
    before = world.tables()
    world.edit(sql)
    assert world.run() == computed
    assert all(old.equals(new) for old, new in zip(before, world.tables(), strict=True))
    assert world.run() == []


def test_what_is_read_beside_tables_and_the_configuration_decide_everything(world: World) -> None:
    world.beside = 2
    assert world.run() == ["sums 01-06"]  # whose rows are the same, so that nothing follows
    world.configuration = world.configuration.model_copy(update={"seed": 99})
    assert world.run() == ["sums 01-06", "totals"]
    assert world.run() == []


def test_asked_to_everything_is_computed_and_every_month_has_its_event(world: World) -> None:
    assert world.run(**{RECOMPUTE_TAG: "true"}) == ["sums 01-06", "totals"]
    assert world.run() == []


def test_an_instance_that_knows_nothing_of_it_gets_an_event_of_each_month(world: World) -> None:
    world.instance = dg.DagsterInstance.ephemeral()
    assert world.run() == []
    assert world.events == [*(f"sums 2020-{month:02d}-01" for month in range(1, 7)), "totals"]


def test_a_warning_is_given_again_by_a_step_that_has_not_computed(
    world: World, caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    assert world.run() == []
    assert "sums are sums" in caplog.text + "".join(capfd.readouterr())


def test_a_step_that_is_stopped_after_its_write_is_not_on_record(world: World) -> None:
    """Stopped between the commit of its rows and the record: as by `kill -9` there."""
    world.put("A", DAYS[1], 70.0)
    world.is_stopped = True
    with pytest.raises(BaseException):  # noqa: B017 - Dagster turns it into its own
        world.run()
    world.is_stopped = False
    assert world.run() == ["sums 01-06", "totals"]
    world.put("A", DAYS[1], 2.0)  # back to what the first record is of
    assert world.run() == ["sums 01-06", "totals"]


@pytest.mark.parametrize("seed", range(6))
def test_any_sequence_of_changes_leaves_what_a_computation_of_everything_leaves(
    configuration: Configuration, tmp_path: Path, seed: int
) -> None:
    chance = random.Random(seed)
    quick = World(configuration, tmp_path / "quick.duckdb")
    slow = World(configuration, tmp_path / "slow.duckdb")
    prices = {(symbol, day): chance.random() for symbol in "AB" for day in DAYS[:20]}

    def change() -> None:
        what = chance.choice(["session", "revision", "symbol", "beside", "scale", "edit", "nothing"])
        if what == "session":
            key = (chance.choice("AB"), chance.choice(DAYS[20:]))
            prices[key] = chance.random()
        elif what == "revision":
            prices[chance.choice(sorted(prices))] = chance.random()
        elif what == "symbol":
            prices["C", chance.choice(DAYS)] = chance.random()
        elif what == "beside":
            quick.beside = chance.random()
        elif what == "scale":
            scale = pl.DataFrame({"scale": [chance.random()]})
            for world in (quick, slow):
                world.warehouse.replace(Whole(), {SCALES: scale})
        elif what == "edit":
            quick.edit(f"UPDATE {SUMS.name} SET close = 1 WHERE session = '{chance.choice(DAYS)}'")
        rows = [{"symbol": symbol, "session": day, "close": close} for (symbol, day), close in prices.items()]
        for world in (quick, slow):
            for each in (frame := pl.DataFrame(rows)).partition_by("symbol"):
                world.warehouse.replace(Rows("symbol", each["symbol"][0]), {PRICES: each})
        assert frame.height == len(prices)

    for number in range(6):
        if number == 0:
            rows = [{"symbol": symbol, "session": day, "close": close} for (symbol, day), close in prices.items()]
            for world in (quick, slow):
                world.warehouse.replace(Whole(), {PRICES: pl.DataFrame(rows)})
        else:
            change()
        quick.run()
        slow.run(**{RECOMPUTE_TAG: "true"})
        assert all(a.equals(b) for a, b in zip(quick.tables(), slow.tables(), strict=True))
    assert quick.run() == []


def test_an_edit_of_earlier_months_is_put_right_though_the_last_month_ran_alone(world: World) -> None:
    """As each night does; what stands in months that it did not make is not put on record as its own."""
    expected = world.tables()[0]
    world.edit("UPDATE features.sums SET close = 999 WHERE session < '2020-02-01'")
    world.put("A", dt.date(2020, 6, 20), 5.0)
    assert world.run(**{"dagster/asset_partition_range_start": "2020-06-01"})[0] == "sums 06-06"
    assert world.run()[0] == "sums 01-06"
    before = pl.col("session") < dt.date(2020, 6, 1)
    assert world.tables()[0].filter(before).equals(expected.filter(before))


def test_a_step_continues_from_what_still_stands(configuration: Configuration, tmp_path: Path) -> None:
    """The past is summed again only where it, the step's own rows, or what decides it has changed."""
    warehouse, beside, said = Warehouse(tmp_path / "continued.duckdb"), [1], list[tuple[bool, bool, dict[str, Any]]]()

    def continued(step: Step) -> Mapping[str, Any]:
        """Sum of the past and of all, the former as it was if it may be."""
        assert step.record is not None
        past = step.work.read(PRICES, columns=["close"], where="session <= ?", parameters=[UNTIL])
        step.work.read(PRICES, columns=["close"])
        read = Selected.of_table(PRICES.name, Whole(), columns=["close"], where="session <= ?", parameters=[UNTIL])
        left = step.record.left(TOTALS, Rows("strategy", "s"))
        said.append((step.record.was_read(read), left is not None, dict(step.record.state)))
        step.record.left_state = {"past": past["close"].sum()}
        row = {"strategy": "s", "total": float(past["close"].sum()), "split": "train"}
        step.work.replace(Rows("strategy", "s"), {TOTALS: pl.DataFrame([row])})
        return {}

    asset = table_asset(continued, stage="backtests", tables=[TOTALS], rule=Rule(lambda _: beside[0]))

    def run(closes: list[float], **tags: str) -> tuple[bool, bool, dict[str, Any]] | None:
        days = [UNTIL - dt.timedelta(days=1), UNTIL, UNTIL + dt.timedelta(days=1), UNTIL + dt.timedelta(days=2)]
        rows = pl.DataFrame({"symbol": ["A"] * len(closes), "session": days[: len(closes)], "close": closes})
        warehouse.replace(Whole(), {PRICES: rows})
        count = len(said)
        resources = {"configuration": configuration, "warehouse": warehouse}
        assert dg.materialize([asset], resources=resources, tags=tags).success
        return said[-1] if len(said) > count else None

    assert run([1.0, 2.0]) == (False, False, {})
    assert run([1.0, 2.0]) is None
    assert run([1.0, 2.0, 5.0]) == (True, True, {"past": 3.0})  # a session more
    assert run([1.0, 2.5, 5.0]) == (False, True, {"past": 3.0})  # a revision: the state is that of the other past
    with duckdb.connect(str(warehouse.path)) as connection:
        connection.execute("UPDATE backtests.totals SET total = 4")
    assert run([1.0, 2.5, 5.0]) == (True, False, {"past": 3.5})  # rows that somebody edited are not gone on from
    assert run([1.0, 2.5, 5.0, 6.0], **{RECOMPUTE_TAG: "true"}) == (False, False, {})
    beside[0] = 2
    assert run([1.0, 2.5, 5.0, 6.0]) == (False, False, {})
    assert run([1.0, 2.5, 5.0]) == (True, True, {"past": 3.5})
