"""Quarantine a row, flag it, or refuse the delivery: what becomes of a finding, by the severity of its rule."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from trading_assets.config.quality import Quality
from trading_assets.market_data.prior_results import PriorResults
from trading_assets.market_data.quality.rules import RULES, Rule

#: For rules whose rows speak for themselves.
NO_EVIDENCE: Mapping[Rule, pl.DataFrame] = {}
_ORDER = {rule.name: number for number, rule in enumerate(RULES)}


class QualityError(Exception):
    """A delivery is refused by a rule of severity `batch`; `str()` is one block for people."""


class Findings:
    """Collects the findings of rules, row by row (`_row`), as their severities say.

    Parameters
    ----------
    rows
        All rows that are checked: `_row`, symbol, session, source_file, source_line.
    quality
        Severities.
    overrides
        symbol, session, rule.
    prior
        What is on record of the rows before `prior.since` holds, whatever the rules find there.
    """

    def __init__(self, rows: pl.DataFrame, quality: Quality, overrides: pl.DataFrame, prior: PriorResults) -> None:
        self._rows, self._quality, self._overrides = rows, quality, overrides
        self._since = prior.since
        places = rows.select("symbol", "session", "occurrence", "_row")
        self._prior = prior.reasons.join(places, on=["symbol", "session", "occurrence"]).select("_row", "rule")
        self._out: list[pl.DataFrame] = []
        self._noted: list[pl.DataFrame] = []

    def overridden(self, left: pl.DataFrame, rule: Rule) -> pl.Series:
        """Return rows of `left` for which `rule` is overridden."""
        named = self._overrides.filter(rule=rule.name).select("symbol", "session", _overridden=True)
        if named.is_empty():
            return pl.zeros(left.height, dtype=pl.Boolean, eager=True)
        joined = left.select("symbol", "session").join(
            named, on=["symbol", "session"], how="left", maintain_order="left"
        )
        return joined["_overridden"].fill_null(False)

    def sift(
        self, left: pl.DataFrame, found: Mapping[Rule, pl.Series], evidence: Mapping[Rule, pl.DataFrame] = NO_EVIDENCE
    ) -> pl.DataFrame:
        """Record what rules found in `left` (Boolean, a row each), and return what is left to be used of it.

        Parameters
        ----------
        evidence
            Rule -> session, line: what a person is told who has to decide whether the rule is right.

        Raises
        ------
        QualityError
            One of severity `batch` found something.
        """
        out: list[pl.DataFrame] = []
        for rule, holds in found.items():
            severity = self._quality.severity_of(rule.name)
            before = self._prior.filter(rule=rule.name)
            if severity == "off" or not (holds.any() or before.height):
                continue
            hits = left.filter(holds.fill_null(False)).select("_row", "symbol", "session")
            named = self._overrides.filter(rule=rule.name)
            hits = hits.filter(pl.col("session") >= self._since).join(
                named, on=["symbol", "session"], how="anti", maintain_order="left"
            )
            if severity == "batch" and not hits.is_empty():
                raise self._refusal(rule, hits, evidence.get(rule))
            hits = pl.concat([left.select(hits.columns).join(before, on="_row", how="semi"), hits])
            if severity == "symbol":
                since = hits.group_by("symbol").agg(pl.col("session").min().alias("since"))
                later = left.select("_row", "symbol", "session").join(since, on="symbol", maintain_order="left")
                hits = later.filter(pl.col("session") >= pl.col("since"))
            marked = hits.select("_row", rule=pl.lit(rule.name))
            (self._noted if severity == "flag" else out).append(marked)
        self._out += out
        return _without(left, pl.concat(out)) if out else left

    def without_prior(self, left: pl.DataFrame, *rules: Rule) -> pl.DataFrame:
        """Return what is left of `left` without the rows that are on record as out by one of these rules."""
        out = self._prior.filter(pl.col("rule").is_in([rule.name for rule in rules]))
        return _without(left, out)

    def with_flags(self, left: pl.DataFrame) -> pl.DataFrame:
        """Add `flags`, the names of what was noted about each row."""
        rows = left.select("_row")  # a join of all columns would copy them
        named = rows.join(_listed(self._noted, "flags"), on="_row", how="left", maintain_order="left")
        return left.with_columns(named["flags"].fill_null(pl.lit([], dtype=pl.List(pl.String))))

    def quarantined(self, rows: pl.DataFrame) -> pl.DataFrame:
        """Return the rows that are out, with `reasons`, in the order of `rows`, which are all that are checked."""
        out = _listed(self._out, "reasons")
        return rows[out["_row"]].with_columns(out["reasons"])

    def _refusal(self, rule: Rule, hits: pl.DataFrame, evidence: pl.DataFrame | None) -> QualityError:
        first = self._rows.join(hits.sort("session", "symbol").head(1).select("_row"), on="_row", how="semi")
        row = first.row(0, named=True)
        lines = [] if evidence is None else evidence.filter(session=row["session"])["line"].to_list()
        seen = "".join(f"  seen: {line}\n" for line in lines)
        place = f"{row['source_file']}, line {row['source_line']}" if row["source_file"] else row["source"]
        return QualityError(
            f"the delivery is refused: {rule.name}: {rule.description}\n"
            f"  found: {hits.height} bars of {hits['symbol'].n_unique()} symbols\n"
            f"  first: {row['symbol']} on {row['session']} ({place})\n{seen}"
            f"  do: {rule.remedy}, override what is right (`quality.overrides`), "
            f"or set `quality.severity: {{{rule.name}: row}}` to quarantine such bars"
        )


def _without(left: pl.DataFrame, out: pl.DataFrame) -> pl.DataFrame:
    """Rows of `left` that are not `out`; itself, as a join copies all columns, if nothing is."""
    return left.join(out, on="_row", how="anti", maintain_order="left") if out.height else left


def _listed(findings: list[pl.DataFrame], column: str) -> pl.DataFrame:
    """`_row` and the list of rule names, in the order of `RULES`."""
    empty = pl.DataFrame(schema={"_row": pl.get_index_type(), "rule": pl.String})
    every = pl.concat([empty, *findings]).with_columns(
        order=pl.col("rule").replace_strict(_ORDER, return_dtype=pl.Int64)
    )
    return every.sort("_row", "order").group_by("_row", maintain_order=True).agg(pl.col("rule").alias(column))
