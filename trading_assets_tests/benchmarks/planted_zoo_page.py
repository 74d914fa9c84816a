"""The page of the planted zoo: a picture, what each family found, and what was decided when."""

from __future__ import annotations

import datetime as dt

import polars as pl

from trading_assets import charts
from trading_assets_tests.benchmarks.planted_zoo import KEEP, SPANS, Lived, World, events, figures, lived, scored_world
from trading_assets_tests.benchmarks.table import REPOSITORY, replaced
from trading_assets_tests.benchmarks.watched_year_picture import watched
from trading_assets_tests.benchmarks.zoo_market import CHAMPION, END, PARTS, YEAR, market, zoo

PAGE = REPOSITORY / "docs" / "planted-zoo.md"
PICTURE = PAGE.with_suffix(".png")
FOUND = ("<!-- planted zoo: written by `make planted` -->", "<!-- /planted zoo -->")
DECIDED = ("<!-- decided: written by `make planted` -->", "<!-- /decided -->")
#: Models that are drawn beside what is traded, and the sessions of a mean.
DRAWN, MEAN = ("logistic", "mlp", "xgboost"), 21


def table_of_models(rows: pl.DataFrame) -> str:
    """Return the table of what each family found, rows of `figures`."""
    heads = " | ".join(f"{span}: AUC, gain" for span in SPANS)
    lines = [f"| family | finds it | {heads} | first alarm of the break | sessions as champion | seconds |"]
    lines.append("|---|---|" + "---|" * (len(SPANS) + 3))
    for row in rows.iter_rows(named=True):
        cells = [f"{row[f'{span}: auc']:.2f}, {row[f'{span}: gain']:+.3f}" for span in SPANS]
        verdict = f"{'yes' if row['found'] else 'no'} (t {row['t']:.1f} of {row['critical']:.1f})"
        seen = str(row["seen"] or "none") if row["competes"] else ""
        last = [seen, str(row["sessions"]) if row["competes"] else "", f"{row['seconds']:.1f}"]
        lines.append(f"| `{row['model']}` | {' | '.join([verdict, *cells, *last])} |")
    return "\n".join(lines)


def table_of_events(rows: list[tuple[dt.date, str, str, str]]) -> str:
    """Return the table of what was decided; refits in a row that kept the same champion are one line."""
    lines, kept = ["| session | what | whose | why |", "|---|---|---|---|"], 0
    for place, (day, what, whose, why) in enumerate(rows):
        if what != KEEP:
            lines.append(f"| {day} | {what} | `{whose}` | {why} |")
            continue
        kept += 1
        if rows[place + 1 : place + 2] and rows[place + 1][1:3] == (what, whose):
            continue
        lines.append(f"| {day} | {what}{f' ({kept} refits)' if kept > 1 else ''} | `{whose}` | {why} |")
        kept = 0
    return "\n".join(lines)


def curves_of(world: World, year: Lived) -> pl.DataFrame:
    """Return name, session, value: the mean gain of `MEAN` sessions over the share of label 1, from the year on."""
    scores = {name: each.rows for name, each in world.scored.items()}
    candidates = world.configuration.champions[CHAMPION].candidates
    scores = {name: scores[name] for name in scores if name in DRAWN} | {
        f"traded as {CHAMPION}": year.succession.traded({name: scores[name] for name in candidates})
    }
    parts = []
    for name, rows in scores.items():
        said, label = pl.col("score").clip(1e-9, 1 - 1e-9), pl.col("label") > 0
        loss = pl.when(label).then(-said.log()).otherwise(-(1 - said).log())
        share = pl.col("naive")
        naive = pl.when(label).then(-share.log()).otherwise(-(1 - share).log())
        means = rows.group_by("session").agg(value=(naive - loss).mean()).sort("session")
        means = means.with_columns(pl.col("value").rolling_mean(MEAN)).filter(pl.col("session") >= YEAR)
        parts.append(means.select(pl.lit(name).alias("name"), "session", "value"))
    return pl.concat(parts)


def picture(world: World, year: Lived) -> bytes:
    """Draw the year: what models gain, the parts of the market, alarms of champions, and who took over."""
    starts = [max(first, YEAR) for _, first in PARTS]
    parts = pl.DataFrame(
        {"name": [name for name, _ in PARTS], "start": starts, "end": [*starts[1:], END]},
    )
    lines = []
    for day, what, whose, why in events(world, year):
        if day >= YEAR and ((what == "alarm" and why == "of the champion") or what.startswith(("roll", "promote"))):
            lines.append((day, f"{'alarm' if what == 'alarm' else 'now'} {whose}", what == "alarm"))
    marks = pl.DataFrame(lines, schema={"session": pl.Date, "label": pl.String, "is_alarm": pl.Boolean}, orient="row")
    title = "Gain in log loss over the share of label 1"
    return charts.png(watched(curves_of(world, year), parts, marks, title, f"mean of {MEAN} sessions"))


def main() -> None:
    """Score the zoo, live through the year, and write the page."""
    world = scored_world(zoo(), market())
    year = lived(world)
    PICTURE.write_bytes(picture(world, year))
    models, decided = table_of_models(figures(world, year)), table_of_events(events(world, year))
    page = replaced(replaced(PAGE.read_text(encoding="utf-8"), *FOUND, models), *DECIDED, decided)
    PAGE.write_text(page, encoding="utf-8")
    print(models, decided, sep="\n\n")


if __name__ == "__main__":
    main()
