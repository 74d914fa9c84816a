"""Rules about running accounts: late sessions, breached limits, divergence, sessions that win too seldom.

Of a protocol that is locked or cannot be read they raise, and their alerts stay: an account that cannot be seen is well
for nobody.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from math import exp, lgamma, log

import polars as pl

from trading_assets.backtests.tables import EQUITY as BACKTEST
from trading_assets.monitoring.rules.situation import Finding, Situation
from trading_assets.trading.divergence.alarms_on_record import standing_alarms
from trading_assets.trading.divergence.tables import STATISTICS
from trading_assets.trading.opening import Opening, accounts_on_record
from trading_assets.trading.session_times import hours_between, offset_of
from trading_assets.trading.tables import EQUITY
from trading_assets.warehouse import Rows

_LOOK_BACK = dt.timedelta(days=14)
#: What the run after a close may take, with another attempt where bars are late.
_OF_A_RUN = dt.timedelta(minutes=45)
#: Sessions of an account whose wins are counted, at most and at least.
_MOST, _FEWEST = 63, 20


def late_session(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each account that has not published the last session that was over `threshold` hours ago.

    Where the run after a close begins later than most (`accounts.after_close_minutes`), it has its time after that.
    """
    if situation.configuration.as_of is not None:
        return
    for name, opening in _accounts(situation).items():
        begins = [offset_of("after_close", each, situation.configuration.accounts) or 0 for each in _calendars(opening)]
        since = max(dt.timedelta(hours=threshold), dt.timedelta(minutes=max(begins, default=0)) + _OF_A_RUN)
        due = _last_over(opening, situation.now - since)
        if due is None or due < opening.session:
            continue
        rows = _equity(situation, name, opening)
        last: dt.date | None = rows["session"][-1] if rows.height else None
        if last is None or last < due:
            said = f"the last one is {last}" if last else "none is"
            yield Finding(opening.account, f"{opening.account}: session {due} is not published, {said}", None, (name,))


def limit_breached(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each account whose newest session is beyond a limit: loss of a session, drawdown, the breaker."""
    risk = situation.configuration.risk
    for name, opening in _accounts(situation).items():
        rows = _equity(situation, name, opening)
        if rows.is_empty():
            continue
        row, said = rows.row(-1, named=True), list[str]()
        if row["daily_return"] is not None and row["daily_return"] <= -risk.daily_loss_limit:
            said.append(
                f"lost {-row['daily_return']:.2%} in the session (risk.daily_loss_limit {risk.daily_loss_limit:g})"
            )
        if row["drawdown"] <= -risk.drawdown_limit:
            said.append(f"is {-row['drawdown']:.2%} below its peak (risk.drawdown_limit {risk.drawdown_limit:g})")
        elif row["halted"]:
            said.append("is halted by the drawdown breaker")
        if said:
            message = f"{opening.account}, session {row['session']}: it {', and '.join(said)}"
            yield Finding(opening.account, message, None, (name,))


def divergence(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each statistic of live against promised that is in alarm, as it is on record."""
    for name, opening in _accounts(situation).items():
        for row in standing_alarms(situation.configuration, name, situation.warehouse.wait_seconds).iter_rows(
            named=True
        ):
            yield Finding(
                f"{opening.account} {row['statistic']}",
                alarm_line(opening, row["statistic"], row["session"], row["value"], row["level"]),
                None,
                (name,),
            )


def alarm_line(opening: Opening, statistic: str, session: dt.date, value: float, level: float) -> str:
    """Return what an alarm of divergence says.

    Parameters
    ----------
    opening, statistic
        The account, and the statistic.
    session, value, level
        Session at which it was in alarm first, its value then, and the level of an alarm.
    """
    return (
        f"{opening.account}, {opening.label}: {statistic} in alarm since {session}: {STATISTICS[statistic]}, "
        f"{value:.4g} where {level:g} is an alarm"
    )


def hit_rate(situation: Situation, threshold: float) -> Iterator[Finding]:
    """Yield each account whose sessions won so seldom that the backtest's rate gives that a chance below `threshold`.

    Counted are sessions with a return of the last three months, replayed ones left out; an account that is younger
    than 20 of them is not judged.
    """
    for name, opening in _accounts(situation).items():
        rows = _equity(situation, name, opening).filter(~pl.col("replayed"), pl.col("daily_return") != 0).tail(_MOST)
        promised = situation.warehouse.read_or_empty(
            BACKTEST, columns=["daily_return"], rows=Rows("strategy", name), where="daily_return <> 0"
        )
        if rows.height < _FEWEST or promised.height < _MOST:
            continue
        rate, wins = float((promised["daily_return"] > 0).mean() or 0), int((rows["daily_return"] > 0).sum())  # type: ignore[arg-type]
        chance = at_most(wins, rows.height, rate)
        if chance < threshold:
            message = (
                f"{opening.account}: {wins} of its last {rows.height} sessions won, where {rate:.0%} did in the "
                f"backtest: as few have a chance of {chance:.2g}"
            )
            yield Finding(opening.account, message, None, (name,))


def at_most(wins: int, trials: int, rate: float) -> float:
    """Return the chance of at most so many wins (the binomial distribution).

    Parameters
    ----------
    wins, trials, rate
        Wins, trials, and the chance of each.

    Examples
    --------
    >>> at_most(1, 3, 0.5)  # (1 + 3) / 8
    0.5
    """
    if not 0 < rate < 1:
        return 1.0 if rate <= 0 or wins >= trials else 0.0
    ways = (lgamma(trials + 1) - lgamma(k + 1) - lgamma(trials - k + 1) for k in range(wins + 1))
    terms = (way + k * log(rate) + (trials - k) * log(1 - rate) for k, way in enumerate(ways))
    return round(min(sum(map(exp, terms)), 1.0), 12)


def _accounts(situation: Situation) -> dict[str, Opening]:
    return accounts_on_record(situation.configuration, situation.warehouse.wait_seconds)


def _equity(situation: Situation, name: str, opening: Opening) -> pl.DataFrame:
    """Published sessions of an account, ascending."""
    rows = situation.warehouse.read_or_empty(EQUITY, rows=Rows("strategy", name))
    return rows.filter(account=opening.account).sort("session")


def _calendars(opening: Opening) -> set[str]:
    return {calendar for _, calendar, _ in opening.universe.values()}


def _last_over(opening: Opening, moment: dt.datetime) -> dt.date | None:
    """The last session that is over by a moment (UTC) on all calendars of an account."""
    found = []
    for calendar in _calendars(opening):
        hours = hours_between(calendar, moment.date() - _LOOK_BACK, moment.date())
        over = [day for day, _, closes in hours.iter_rows() if closes.replace(tzinfo=None) <= moment]
        found += over[-1:]
    return min(found, default=None)
