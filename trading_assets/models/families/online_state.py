"""How an online model goes on, day of labels by day of labels: updates that a gate lets pass, and rollbacks.

State and stream decide everything: a state that goes on is, to the bit, the one that comes of all days from the start.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import astuple, dataclass, replace

import numpy as np

from trading_assets.config.models import OnlineModel
from trading_assets.models.families.elastic_weights import Memory, Penalties, Rows, fitted, newton_step
from trading_assets.models.families.interface import Days, Floats
from trading_assets.models.families.label_stream import LabelStream
from trading_assets.models.families.linear import Scaling
from trading_assets.models.online_tables import KEEP, REFUSE, ROLLBACK, UPDATE
from trading_assets.models.page_sums import TOLERATED, alarm_threshold

#: Live losses that a reference of the alarm is made of, and after how many further ones it is made anew.
REFERENCE, RENEWED = 252, 126


@dataclass(frozen=True)
class Checkpoint:
    """Weights that were in force, with what they remember.

    Attributes
    ----------
    number
        From 0, the first fit.
    since
        Day of the labels after which they were in force: they score sessions after it.
    """

    number: int
    since: int
    memory: Memory


@dataclass(frozen=True)
class Watch:
    """Live losses and what they add up to.

    Attributes
    ----------
    losses
        (days,) mean log loss of each day's rows by the weights that had scored them; the last `REFERENCE` of them.
    count
        How many there were.
    mean, deviation, threshold
        Of the reference; NaN before there is one.
    excess
        Page's cumulative sum since the last alarm, in deviations.
    """

    losses: Floats
    count: int = 0
    mean: float = np.nan
    deviation: float = np.nan
    threshold: float = np.nan
    excess: float = 0.0

    @property
    def in_alarm(self) -> bool:
        """Whether losses have become larger than chance makes them."""
        return self.excess > self.threshold

    def with_loss(self, loss: float, horizon: int, seed: int) -> Watch:
        """Return what is known once a day more is.

        Parameters
        ----------
        loss
            Mean live loss of the day's rows.
        horizon, seed
            Sessions of a label, and seed of the draws of the threshold.
        """
        losses, count = np.append(self.losses, loss)[-REFERENCE:], self.count + 1
        excess = self.excess
        if not np.isnan(self.mean):
            excess = max(0.0, excess + (loss - self.mean) / self.deviation - TOLERATED)
        found = replace(self, losses=losses, count=count, excess=excess)
        if count % RENEWED or not np.ptp(losses) > 0:
            return found
        threshold = alarm_threshold(losses, horizon=horizon, seed=seed)
        return replace(
            found, mean=float(losses.mean()), deviation=float(losses.std(ddof=1)), threshold=float(threshold)
        )


@dataclass(frozen=True)
class Decision:
    """What became of an update, or of an alarm.

    Attributes
    ----------
    known_on
        Day of the labels after which it was made: it decides sessions after it.
    decision
        One of `DECISIONS`.
    rows, buffer_rows
        Rows of the window, and of the buffer.
    before, trial
        Mean log loss of the buffer's rows by the weights that scored its first session, and by a step from these:
        neither has learnt from the buffer's labels, but what that step remembers of days before the window was weighed
        by weights that may have. Of an alarm `trial` is that of the best earlier checkpoint.
    fitted_before, fitted_after
        The same of the weights in force, and of the weights after the step; both may have learnt from them.
    excess, threshold
        Of the live losses, see `Watch`.
    step
        Largest change of a weight; 0 if nothing changed.
    checkpoint
        Number of the checkpoint that is in force afterwards.
    """

    known_on: int
    decision: str
    rows: int
    buffer_rows: int
    before: float
    trial: float
    fitted_before: float
    fitted_after: float
    excess: float
    threshold: float
    step: float
    checkpoint: int


@dataclass(frozen=True)
class State:
    """An online model between two days of labels.

    Attributes
    ----------
    scaling
        Of each feature from the first fit, or from the day on which there were enough values of it, and the same ever
        since; before, the feature is 0 and so is its weight.
    done
        Days of the stream that it has seen.
    since, path
        (changes,) day of labels after which weights were in force, and (changes, weights) these.
    checkpoints
        The last ones, in order; the one in force is among them.
    in_force
        Number of the checkpoint in force.
    watch
        Live losses.
    """

    scaling: Scaling
    done: int
    since: Days
    path: Floats
    checkpoints: tuple[Checkpoint, ...]
    in_force: int
    watch: Watch

    @property
    def current(self) -> Checkpoint:
        """The checkpoint in force."""
        return next(each for each in self.checkpoints if each.number == self.in_force)

    def weights_at(self, session: Days) -> Floats:
        """Return the (sessions, weights) that score each session: those of labels over before it; else the first."""
        return self.path[np.maximum(np.searchsorted(self.since, session, side="left") - 1, 0)]


def penalties_of(settings: OnlineModel) -> Penalties:
    """Return how strongly weights are held: labels of `horizon` + 1 sessions share as many."""
    return Penalties(settings.penalty, settings.consolidation, 1 / (settings.horizon + 1))


def first_state(stream: LabelStream, settings: OnlineModel) -> State:
    """Return the fit of the first `initial_sessions` days of a stream; of all, if it has fewer.

    Parameters
    ----------
    stream, settings
        Labelled rows, and section of the model.
    """
    days, penalties = min(settings.initial_sessions, len(stream.days)), penalties_of(settings)
    scaling = stream.scaling(days, min(settings.window_sessions, days))
    weights = fitted(stream.rows(0, days, scaling), penalties)
    memory = Memory(weights, np.zeros((weights.size, weights.size)), np.zeros(weights.size), 0)
    for number in range(max(days - settings.window_sessions, 0)):
        memory = memory.consolidated(stream.rows(number, number + 1, scaling), settings.decay, penalties.row_weight)
    first = Checkpoint(0, int(stream.days[days - 1]), memory)
    stream.forget(memory.merged)
    since = np.array([first.since], dtype=np.int32)
    return State(scaling, days, since, weights[None, :], (first,), 0, Watch(np.empty(0)))


def go_on(
    state: State, stream: LabelStream, settings: OnlineModel, seed: int
) -> Iterator[tuple[State, Decision | None]]:
    """Yield the state after each further day of a stream, and what was decided on it.

    Nothing is decided before the buffer is of sessions that the first fit has not learnt from.

    Parameters
    ----------
    state, stream
        Where it stands, and labelled rows from the first day on, those that it has seen among them.
    settings, seed
        Section of the model, and seed of the threshold's draws.
    """
    for number in range(state.done, len(stream.days)):
        state = replace(state, done=number + 1, watch=_watched(state, stream, number, settings, seed))
        state, decision = _scaled(state, stream, settings), None
        is_due = (number + 1 - settings.initial_sessions) % settings.update_sessions == 0
        if state.watch.in_alarm:
            state, decision = _answer(state, stream, settings)
        elif is_due and _buffer(state, stream, settings).first_session > state.since[0]:
            state, decision = _update(state, stream, settings)
        stream.forget(min(each.memory.merged for each in state.checkpoints))
        yield state, decision


def _scaled(state: State, stream: LabelStream, settings: OnlineModel) -> State:
    """The state with the scaling of features of which there are enough values from this day on."""
    begins = stream.begin(state.done, settings.window_sessions) & np.isinf(state.scaling.scale)
    if not begins.any():
        return state
    stream.forget(state.done)  # inputs of other scaling
    old, now = state.scaling, stream.scaling(state.done, settings.window_sessions)
    parts = zip(astuple(old), astuple(now), strict=True)
    return replace(state, scaling=Scaling(*(np.where(begins, new, before) for before, new in parts)))


def _watched(state: State, stream: LabelStream, number: int, settings: OnlineModel, seed: int) -> Watch:
    """The live losses with those of a day; rows that the first fit has seen were scored by nobody."""
    rows, session = stream.rows(number, number + 1, state.scaling), stream.session[stream.of_day(number)]
    live = session > state.since[0]
    if not live.any():
        return state.watch
    return state.watch.with_loss(float(_live(state, rows, session)[live].mean()), settings.horizon, seed)


def _live(state: State, rows: Rows, session: Days) -> Floats:
    """Log loss of each row by the weights that were in force at its session."""
    total = (rows.inputs * state.weights_at(session)).sum(axis=1)
    found: Floats = np.logaddexp(0.0, np.where(rows.label > 0, -total, total))
    return found


@dataclass(frozen=True)
class _Buffer:
    """The last days of labels, which an update is held to, but for labels that took longer than those of others.

    One row of a halted symbol would else move the first session far back: weights of long ago would be tried on rows of
    long ago, in place of those that are in force.
    """

    rows: Rows
    first_session: int
    weights: Floats

    @property
    def before(self) -> float:
        """Mean log loss by the weights that scored its first session, which have not learnt from it."""
        return self.loss(self.weights)

    def loss(self, weights: Floats) -> float:
        """Return the mean log loss by some weights."""
        return float(self.rows.losses(weights).mean())


def _buffer(state: State, stream: LabelStream, settings: OnlineModel) -> _Buffer:
    first = max(state.done - settings.buffer_sessions, 0)
    rows = stream.rows(first, state.done, state.scaling)
    places = slice(stream.of_day(first).start, stream.of_day(state.done - 1).stop)
    kept = ~stream.is_late(places, settings.horizon + 1)
    if not kept.any():
        kept[:] = True
    session = stream.session[places][kept]
    own = Rows(rows.inputs[kept], rows.label[kept])
    return _Buffer(own, int(session.min()), state.weights_at(session.min(keepdims=True))[0])


def _update(state: State, stream: LabelStream, settings: OnlineModel) -> tuple[State, Decision]:
    """Take one step, unless it, or the like of it that has not seen the buffer, makes the buffer's loss worse."""
    penalties, scaling, current = penalties_of(settings), state.scaling, state.current
    start, memory = max(state.done - settings.window_sessions, 0), current.memory
    while memory.merged < start:
        day = stream.rows(memory.merged, memory.merged + 1, scaling)
        memory = memory.consolidated(day, settings.decay, penalties.row_weight)
    buffer = _buffer(state, stream, settings)
    window = stream.rows(start, state.done, scaling)
    earlier = stream.rows(start, state.done - settings.buffer_sessions, scaling, before=buffer.first_session)
    trial = buffer.loss(newton_step(buffer.weights, earlier, memory, penalties))
    weights = newton_step(memory.weights, window, memory, penalties)
    before, after = buffer.loss(memory.weights), buffer.loss(weights)
    passes = trial <= buffer.before + settings.tolerance and after <= before + settings.tolerance
    is_sound = bool(np.isfinite(weights).all())
    decision = Decision(
        int(stream.days[state.done - 1]),
        UPDATE if passes and is_sound else REFUSE,
        len(window.label),
        len(buffer.rows.label),
        buffer.before,
        trial,
        before,
        after,
        state.watch.excess,
        state.watch.threshold,
        float(np.abs(weights - memory.weights).max()) if passes and is_sound else 0.0,
        state.in_force,
    )
    if decision.decision == REFUSE:
        return state, decision
    number = state.checkpoints[-1].number + 1
    new = Checkpoint(number, decision.known_on, replace(memory, weights=weights))
    kept = (*state.checkpoints, new)[-settings.checkpoints :]
    return replace(_in_force(state, new, decision.known_on), checkpoints=kept), replace(decision, checkpoint=number)


def _answer(state: State, stream: LabelStream, settings: OnlineModel) -> tuple[State, Decision]:
    """Answer an alarm: back to the last checkpoint that is older than the buffer and better on it; the sum starts anew.

    Where none is better the market has changed and not the model: going back would make it worse.
    """
    buffer, current = _buffer(state, stream, settings), state.current
    own = buffer.loss(current.memory.weights)
    earlier = [each for each in state.checkpoints if each.since < buffer.first_session and each is not current]
    losses = [buffer.loss(each.memory.weights) for each in earlier]
    good = [(each, loss) for each, loss in zip(earlier, losses, strict=True) if loss < own - settings.tolerance]
    known_on = int(stream.days[state.done - 1])
    back, loss = good[-1] if good else (current, own)
    decision = Decision(
        known_on,
        ROLLBACK if good else KEEP,
        0,
        len(buffer.rows.label),
        buffer.before,
        min(losses, default=own),
        own,
        loss,
        state.watch.excess,
        state.watch.threshold,
        float(np.abs(back.memory.weights - current.memory.weights).max()),
        back.number,
    )
    state = replace(state, watch=replace(state.watch, excess=0.0))
    return (_in_force(state, back, known_on) if good else state), decision


def _in_force(state: State, checkpoint: Checkpoint, since: int) -> State:
    """The state with other weights in force from a day on."""
    return replace(
        state,
        since=np.append(state.since, np.int32(since)),
        path=np.concatenate([state.path, checkpoint.memory.weights[None, :]]),
        in_force=checkpoint.number,
    )
