"""What is parsed from a SELECT, against what a reader of it would write down."""

from __future__ import annotations

import pytest

from trading_assets.warehouse.sql_models import SqlModelError, parse_model, parse_models, with_replacements

COLUMNS = {
    "backtests.trades": ["trade_id", "strategy", "symbol", "pnl"],
    "backtests.equity": ["strategy", "session", "equity"],
}


@pytest.mark.parametrize(
    ("sql", "lineage"),
    [
        ("SELECT strategy, pnl AS profit FROM backtests.trades", {"strategy": "strategy", "profit": "pnl"}),
        ("SELECT sum(t.pnl) / count(*) AS mean, count(*) AS n FROM backtests.trades t", {"mean": "pnl", "n": ""}),
        (
            "WITH best AS (SELECT symbol, max(pnl) AS top FROM backtests.trades GROUP BY symbol) SELECT top FROM best",
            {"top": "pnl"},
        ),
        ("SELECT coalesce(symbol, strategy) AS name FROM backtests.trades", {"name": "strategy symbol"}),
        (
            "SELECT pnl AS x FROM backtests.trades UNION ALL SELECT trade_id FROM backtests.trades",
            {"x": "pnl trade_id"},
        ),
        ("SELECT pnl FROM (SELECT * FROM backtests.trades) WHERE pnl > 0", {"pnl": "pnl"}),
        (
            "SELECT * FROM backtests.trades",
            {"trade_id": "trade_id", "strategy": "strategy", "symbol": "symbol", "pnl": "pnl"},
        ),
    ],
)
def test_lineage(sql: str, lineage: dict[str, str]) -> None:
    model = parse_model("backtests.model", sql, COLUMNS)
    assert {column: " ".join(name for _, name in sources) for column, sources in model.lineage.items()} == lineage
    assert model.dependencies == ("backtests.trades",)
    assert list(model.columns) == list(lineage)


def test_lineage_through_a_join_finds_the_table_of_a_bare_column() -> None:
    sql = "SELECT pnl / equity AS share FROM backtests.trades JOIN backtests.equity USING (strategy)"
    model = parse_model("backtests.model", sql, COLUMNS)
    assert model.lineage == {"share": (("backtests.equity", "equity"), ("backtests.trades", "pnl"))}
    assert model.dependencies == ("backtests.equity", "backtests.trades")


def test_lineage_of_a_table_whose_columns_are_not_declared() -> None:
    model = parse_model("features.model", "SELECT d.roc_60 FROM features.daily AS d", COLUMNS)
    assert model.lineage == {"roc_60": (("features.daily", "roc_60"),)}


def test_comments_describe_the_model_and_its_columns() -> None:
    sql = (
        "-- One line,\n-- and another.\n"
        "SELECT\n  symbol,  -- what\n  sum(pnl) AS pnl  -- how much\nFROM backtests.trades"
    )
    model = parse_model("backtests.model", sql, COLUMNS)
    assert model.description == "One line, and another."
    assert model.columns == {"symbol": "what", "pnl": "how much"}


def test_code_version_is_of_the_text() -> None:
    one, two = (parse_model("s.m", f"SELECT pnl AS {name} FROM backtests.trades", COLUMNS) for name in ("a", "b"))
    assert one.code_version != two.code_version
    assert one.code_version == parse_model("s.m", one.sql, COLUMNS).code_version


def test_models_follow_what_they_read() -> None:
    texts = {
        "a.last": "SELECT * FROM b.middle",
        "b.middle": "SELECT top AS high FROM c.first",
        "c.first": "SELECT max(pnl) AS top FROM backtests.trades",
    }
    models = parse_models(texts, COLUMNS)
    assert [model.name for model in models] == ["c.first", "b.middle", "a.last"]
    assert models[-1].lineage == {"high": (("b.middle", "high"),)}


@pytest.mark.parametrize(
    ("sql", "says"),
    [
        ("", "not a query: nothing"),
        ("SELECT 1; SELECT 2", "not a query: Select, Select"),
        ("DROP TABLE backtests.trades", "not a query: Drop"),
        ("SELEC 1", "one SELECT in DuckDB's SQL"),
        ("SELECT * FROM trades", "reads trades\n"),
        ("SELECT * FROM read_csv('secrets.csv')", r"reads READ_CSV\('secrets.csv'\)"),
        ("SELECT * FROM features.daily", "name the columns"),
    ],
)
def test_what_is_no_model(sql: str, says: str) -> None:
    with pytest.raises(SqlModelError, match=says) as caught:
        parse_model("backtests.model", sql, COLUMNS)
    assert "model: backtests.model" in str(caught.value)


def test_a_circle_is_named() -> None:
    with pytest.raises(SqlModelError, match=r"circle: .*a\.one"):
        parse_models({"a.one": "SELECT x FROM a.two", "a.two": "SELECT x FROM a.one"}, {})


def test_replaced_tables_keep_their_aliases() -> None:
    sql = "SELECT trades.pnl, e.equity FROM backtests.trades JOIN backtests.equity AS e USING (strategy)"
    model = parse_model("backtests.model", sql, COLUMNS)
    replaced = with_replacements(model, {"backtests.trades": "empty trades", "backtests.equity": "x"})
    assert replaced == 'SELECT trades.pnl, e.equity FROM "empty trades" AS trades JOIN "x" AS e USING (strategy)'
