"""The story of one trade, for people: why, how much, at which price, what happened, what came of it."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass, field

import polars as pl

from trading_assets.reports.html_table import price
from trading_assets.reports.trade_explanation.audit_trail import Row, TradeEvidence
from trading_assets.reports.trade_explanation.cash_flows import cash_flows, events_while_held

#: Candidates of the session that are shown beside the trade's own.
SHOWN_CANDIDATES = 12
SHOWN_FEATURES = 5


@dataclass(frozen=True)
class NarrativeSection:
    """A part of the narrative: sentences, then a table if there is one."""

    title: str
    lines: list[str] = field(default_factory=list)
    table: pl.DataFrame | None = None


def narrative(evidence: TradeEvidence) -> list[NarrativeSection]:
    """Return all sections in order of time; those of which nothing is known are left out."""
    sections = [
        _summary(evidence),
        _signal(evidence),
        *_model(evidence),
        _choice(evidence),
        _size(evidence),
        _fills(evidence, entry=True),
        _held(evidence),
        *([_exit(evidence), _fills(evidence, entry=False)] if evidence.trade else []),
        _profit(evidence),
        _bars(evidence),
    ]
    return [section for section in sections if section.lines or section.table is not None]


def units(value: float) -> str:
    """Return a quantity with as many digits as it has, up to those of a coin's lot."""
    return f"{value:,.8f}".rstrip("0").rstrip(".")


def money(value: float) -> str:
    """Quote currency, with its sign."""
    return f"{value:+,.2f}"


def _summary(evidence: TradeEvidence) -> NarrativeSection:
    first = evidence.fills.row(0, named=True)
    lines = [
        f"{first['strategy']}, {first['split']}: {'bought' if first['side'] == 'buy' else 'sold short'} "
        f"{first['symbol']} on {first['session']} at {price(first['price'])}"
    ]
    if evidence.trade:
        trade = evidence.trade
        r = "" if trade["r_multiple"] is None else f", {trade['r_multiple']:+.2f} R"
        lines.append(
            f"left on {trade['exit_session']} at {price(trade['exit_price'])} ({_words(trade['exit_reason'])}) after "
            f"{trade['hold_sessions']} sessions: {money(trade['pnl'])} ({trade['return']:+.2%}{r})"
        )
    else:
        lines.append("still open at the end of the run")
    if first["pair_id"]:
        lines.append(f"a leg of the pair {first['pair_id']}")
    return NarrativeSection(evidence.trade_id, lines)


def _signal(evidence: TradeEvidence) -> NarrativeSection:
    decision = evidence.decisions.row(0, named=True)
    signals = evidence.signals.filter(session=decision["session"], action="enter")
    lines = [f"at the close of {decision['session']}: {_words(decision['decision'])}, {_words(decision['reason'])}"]
    if signals.height:
        signal = signals.row(0, named=True)
        score = "" if signal["score"] is None else f", score {signal['score']:.4g}"
        weight = signal["target_weight"]
        asked = "" if weight is None else f", a weight of {weight:.2%} asked for"
        lines.append(f"signal of the strategy: {_words(signal['reason'])}{score}{asked}")
    bar = _bar(evidence, decision["session"])
    levels = {"close, adjusted": bar["adj_close"], "forward factor": bar["forward_factor"]} if bar else {}
    levels |= _known(evidence.indicators.filter(session=decision["session"]).drop("symbol", "session"))
    table = pl.DataFrame({"known at that close": list(levels), "value": list(levels.values())})
    return NarrativeSection("Signal", lines, table if levels else None)


def _model(evidence: TradeEvidence) -> Iterator[NarrativeSection]:
    if evidence.prediction is None:
        return
    found = evidence.prediction
    lines = [f"{found['model']} gave {found['score']:.4f}; version {found['version']}, fold {found['fold']}"]
    if evidence.champion:
        champion = evidence.champion
        lines.append(
            f"{champion['candidate']} was its champion, by the decision of {champion['session']}: {champion['reason']}"
        )
    if evidence.fold:
        fold = evidence.fold
        lines.append(
            f"trained on {fold['train_rows']:,} rows of {fold['train_start']} to {fold['train_end']}, "
            f"scores {fold['test_start']} to {fold['test_end']}"
        )
    if evidence.contributions.height:
        lines.append("what moved this score most, by the kept model of the fold, which gives it again to the bit")
        shown = evidence.contributions.head(SHOWN_FEATURES).rename({"value": "value then"})
        yield NarrativeSection("Model", lines, shown)
        return
    weights = evidence.explanations.sort("value", descending=True).head(SHOWN_FEATURES)
    table = weights.select(
        "feature",
        pl.Series("value then", [evidence.features.get(name) for name in weights["feature"]], dtype=pl.Float64),
        pl.col("value").alias("mean contribution"),
    )
    yield NarrativeSection("Model", lines, table if weights.height else None)


def _choice(evidence: TradeEvidence) -> NarrativeSection:
    own = evidence.decisions["decision_id"][0]
    ranked = evidence.considered.filter(pl.col("decision").is_in(["enter", "reject"])).sort(
        pl.col("decision_id") != own, pl.col("score"), "symbol", descending=[False, True, False], nulls_last=True
    )
    entered = ranked.filter(decision="enter").height
    queue = "" if ranked["score"].null_count() == ranked.height else "; the place in the queue is by score"
    lines = [f"candidates that session: {ranked.height}, ordered: {entered}{queue}"]
    decision = evidence.decisions.row(0, named=True)
    if decision["portfolio_correlation"] is not None:
        lines.append(
            f"correlation limit: positions {decision['portfolio_correlation']:.2f} (limit "
            f"{evidence.risk.correlation_portfolio:.2f}), with this one {_optional(decision['candidate_correlation'])} "
            f"(limit {evidence.risk.correlation_candidate:.2f}, if the first is exceeded)"
        )
    shown = ranked.head(SHOWN_CANDIDATES).select(
        "symbol",
        "decision",
        "reason",
        "score",
        "strength_rank",
        "relative_strength_rank",
        "diversification_rank",
        "candidate_correlation",
    )
    if ranked.height > SHOWN_CANDIDATES:
        lines.append(f"the first {SHOWN_CANDIDATES} of them:")
    return NarrativeSection(
        "Choice", lines, shown.select(name for name in shown.columns if shown[name].null_count() < len(shown))
    )


def _size(evidence: TradeEvidence) -> NarrativeSection:
    decision = evidence.decisions.row(0, named=True)
    bar = _bar(evidence, decision["session"])
    if bar is None or decision["equity"] is None:
        return NarrativeSection("Size")
    close, equity, risk = bar["close"], decision["equity"], evidence.risk
    limits: list[tuple[str, str, float]] = []
    atr = _known(evidence.indicators.filter(session=decision["session"])).get("atr_14")
    cash = "" if decision["cash"] is None else f", cash not reserved {decision['cash']:,.2f}"
    lines = [f"equity {equity:,.2f}{cash}, close {price(close)}"]
    if decision["granted_weight"] is not None:
        limits.append(
            ("target weight", f"{decision['granted_weight']:.4%} of equity", decision["granted_weight"] * equity)
        )
        lines.append(f"target weight {decision['target_weight']:.4%}, granted {decision['granted_weight']:.4%}")
    elif atr and "stop_atr" in evidence.parameters:
        distance = evidence.parameters["stop_atr"] * atr / bar["forward_factor"]
        at_risk = equity * risk.risk_per_trade * decision["risk_multiplier"]
        lines.append(
            f"stop {evidence.parameters['stop_atr']:g} x ATR {price(atr / bar['forward_factor'])} = {price(distance)} "
            f"{'above' if evidence.fills['side'][0] == 'sell' else 'below'} the fill"
        )
        text = (
            f"{equity:,.2f} x {risk.risk_per_trade:.2%} x {decision['risk_multiplier']:.2f} / {price(distance)} a unit"
        )
        limits.append(("risk per trade", text, at_risk / distance * close))
    # A position in a target-weight strategy is capped as its symbol alone is.
    cap = risk.max_symbol if decision["granted_weight"] is not None else min(risk.max_position, risk.max_symbol)
    limits.append(("one position", f"{cap:.0%} of equity", cap * equity))
    limits += [
        (name, "", decision[column])
        for name, column in (
            ("gross exposure", "gross_room"),
            ("sector", "sector_room"),
            ("liquidity", "capacity_limit"),
            ("cash", "cash"),
        )
        if decision[column] is not None
    ]
    table = pl.DataFrame(
        {
            "limit": [name for name, _, _ in limits],
            "how": [text for _, text, _ in limits],
            "notional": [value for _, _, value in limits],
            "units": [value / close for _, _, value in limits],
        }
    )
    if decision["value_at_risk"] is not None:
        lines.append(
            f"value at risk of a session, 95 %, with this order: {decision['value_at_risk']:.2%} "
            f"(limit {risk.var_limit:.2%})"
        )
    lines.append(f"ordered: {units(decision['quantity'])} units, {decision['notional']:,.2f} at the close")
    return NarrativeSection("Size", lines, table)


def _fills(evidence: TradeEvidence, *, entry: bool) -> NarrativeSection:
    opening = evidence.fills["side"][0]
    fills = evidence.fills.filter((pl.col("side") == opening) == entry)
    orders = {row["order_id"]: row for row in evidence.orders.iter_rows(named=True)}
    lines = []
    for fill in fills.iter_rows(named=True):
        order = orders[fill["order_id"]]
        lines.append(
            f"{fill['session']}: {'bought' if fill['side'] == 'buy' else 'sold'} {units(fill['quantity'])} at "
            f"{price(fill['price'])} = {price(fill['raw_price'])} {'+' if fill['side'] == 'buy' else '-'} "
            f"{fill['slippage_bps']:.2f} bp (mean {fill['mean_slippage_bps']:.2f}), to the tick; fee {fill['fee']:,.2f}"
        )
        lines.append(
            f"    order {order['order_id']} of {order['decision_session']}: {_ordered(order)}, "
            f"{_words(order['status'])}{_because(order['cancel_reason'])}"
        )
        lines += _combined(evidence, fill)
    return NarrativeSection("Entry" if entry else "Exit fills", lines)


def _combined(evidence: TradeEvidence, fill: Row) -> Iterator[str]:
    """Say how large the one order was that all positions of the symbol sent on this side of the open, if several did.

    What is paid out at a delisting is no order.
    """
    same = evidence.same_opens.filter(
        pl.col("session") == fill["session"], pl.col("side") == fill["side"], pl.col("raw_price") == fill["raw_price"]
    )
    if same.height > 1 and fill["reason"] != "delisted":
        asked = float(same["asked"].sum())
        yield (
            f"    with {same.height - 1} more of this symbol one order of {units(asked)} units, "
            f"{asked * fill['raw_price']:,.2f} at that price: slippage and impact are of that size"
        )


def _held(evidence: TradeEvidence) -> NarrativeSection:
    events = list(events_while_held(evidence))
    return NarrativeSection(
        "While it was held", [f"{day}: {text}" for day, text in events] or ["nothing but prices moved"]
    )


def _exit(evidence: TradeEvidence) -> NarrativeSection:
    decision = evidence.decisions.row(-1, named=True)
    lines = [f"at the {decision['moment']} of {decision['session']}: {_words(decision['reason'])}"]
    bar = _bar(evidence, decision["session"])
    if evidence.trade and evidence.trade["exit_reason"] == "delisted":
        lines.append("closed at the value on record, or at the last close: no slippage, a fee")
    if evidence.trade and evidence.trade.get("unexplained_moves"):
        lines.append(f"extreme moves that no corporate action explains: {evidence.trade['unexplained_moves']}")
    if bar is not None and decision["stop_price"] is not None:
        lines.append(f"close {price(bar['close'])}, stop {price(decision['stop_price'])}")
    return NarrativeSection("Exit", lines)


def _profit(evidence: TradeEvidence) -> NarrativeSection:
    flows = cash_flows(evidence)
    if evidence.trade:
        total, name = evidence.trade["pnl"], "profit or loss of the trade"
    elif evidence.position:
        total, name = evidence.position["open_pnl"], "profit or loss so far"
    else:
        return NarrativeSection("Profit and loss")
    amounts: list[float] = flows["amount"].to_list()
    rest = total - sum(amounts)
    if abs(rest) > 1e-6 * max(1.0, *map(abs, amounts)):
        flows = pl.concat([flows, pl.DataFrame({"item": ["not explained by these"], "amount": [rest]})])
    table = pl.concat([flows, pl.DataFrame({"item": [name], "amount": [total]})])
    return NarrativeSection("Profit and loss", [], table.with_columns(pl.col("amount").map_elements(money, pl.String)))


def _bars(evidence: TradeEvidence) -> NarrativeSection:
    place = pl.when(pl.col("source_file").is_not_null()).then(pl.format("{}:{}", "source_file", "source_line"))
    table = evidence.raw_bars.sort("session", "occurrence").select(
        "session", "open", "high", "low", "close", "volume", "source", place.alias("file and line")
    )
    return NarrativeSection("Bars as received", [], table if table.height else None)


def _bar(evidence: TradeEvidence, session: dt.date) -> Row | None:
    rows = evidence.bars.filter(session=session)
    return rows.row(0, named=True) if rows.height else None


def _known(rows: pl.DataFrame) -> dict[str, float]:
    """Columns of the one row that are numbers and not null."""
    row = rows.row(0, named=True) if rows.height else {}
    return {name: value for name, value in row.items() if isinstance(value, float)}


def _ordered(order: Row) -> str:
    return "sized at its open" if not order["quantity"] else f"{units(order['quantity'])} units"


def _words(name: str) -> str:
    return name.replace("_", " ")


def _because(reason: str | None) -> str:
    return f" ({_words(reason)})" if reason else ""


def _optional(value: float | None) -> str:
    return "unknown" if value is None else f"{value:.2f}"
