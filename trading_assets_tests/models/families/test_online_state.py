"""An online model day by day: what it learns from, what it refuses, where it goes back to, and that it goes on."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trading_assets.models.families.elastic_weights import newton_step
from trading_assets.models.families.label_stream import FARTHEST, LabelStream, inputs_of
from trading_assets.models.families.online import Online, load
from trading_assets.models.families.online_state import (
    REFERENCE,
    RENEWED,
    State,
    Watch,
    first_state,
    go_on,
    penalties_of,
)
from trading_assets.models.online_tables import KEEP, REFUSE, ROLLBACK, UPDATE
from trading_assets.models.page_sums import TOLERATED
from trading_assets_tests.models.families.online_market import (
    LAG,
    SETTINGS,
    SIGNAL,
    SYMBOLS,
    arrays_of,
    lived,
    stream_of,
)


def bytes_of(state: State) -> bytes:
    return Online(state).save()


@settings(max_examples=5)
@given(st.integers(61, 139), st.integers(1, 7))
def test_what_goes_on_is_to_the_bit_what_is_replayed_from_the_start(stop: int, every: int) -> None:
    """From bytes: the state of the first days, saved and read, goes on with a stream of all days."""
    own = SETTINGS.model_copy(update={"update_sessions": every})
    whole, _ = lived(stream_of([SIGNAL] * 140), own)
    early, _ = lived(stream_of([SIGNAL] * 140, days=stop), own)
    state = load(bytes_of(early)).state
    assert state.done == stop
    for later, _ in go_on(state, stream_of([SIGNAL] * 140), own, 7):
        state = later
    assert bytes_of(state) == bytes_of(whole)


def test_weights_of_a_session_follow_from_labels_that_were_over_before_it() -> None:
    """Another future from session 100 on: its labels are over from 102 on, and move scores of sessions from 103 on."""
    signals = [SIGNAL] * 140
    one, _ = lived(stream_of(signals))
    other, _ = lived(stream_of(signals, flipped=range(100, 140)))
    sessions = np.arange(140, dtype=np.int32)
    same = (one.weights_at(sessions) == other.weights_at(sessions)).all(axis=1)
    assert same[:103].all() and not same[103:].any()


def test_an_update_is_one_step_on_the_window() -> None:
    stream = stream_of([SIGNAL] * 90)
    state = first_state(stream, SETTINGS)
    memory = state.current.memory
    assert memory.merged == 40  # 60 sessions at once, of which the last 20 are in the window still
    later, decision = next((each, made) for each, made in go_on(state, stream, SETTINGS, 7) if made is not None)
    # The first fit knows labels up to day 61: the first buffer that it has not learnt from is of sessions 62 to 66.
    assert (decision.decision, decision.known_on) == (UPDATE, 68)
    for day in range(40, 47):
        memory = memory.consolidated(stream.rows(day, day + 1, state.scaling), SETTINGS.decay, 0.5)
    window = stream.rows(47, 67, state.scaling)
    assert (decision.rows, decision.buffer_rows) == (20 * 20, 5 * 20)
    expected = newton_step(memory.weights, window, memory, penalties_of(SETTINGS))
    assert (later.current.memory.weights == expected).all()
    assert decision.step == np.abs(expected - memory.weights).max()
    assert later.since.tolist() == [61, 68]


def test_a_window_of_false_labels_is_refused_while_the_buffer_is_sound() -> None:
    """Labels of sessions 105 to 114 come late, on day 117, and are the opposite: a mended file of a vendor.

    Day 117 is in the window of 20 days through day 136. From day 129 on the weights that scored the buffer are those
    that the gate has kept.
    """
    features, label, session, label_end = arrays_of([SIGNAL] * 150)
    late = (session >= 105) & (session < 115)
    label[late], label_end[late] = 1 - label[late], 117
    stream = LabelStream.of(features, label, session, label_end)
    _, decisions = lived(stream)
    by_day = {each.known_on: each for each in decisions}
    assert {by_day[day].decision for day in range(123, 137)} == {REFUSE}
    assert {by_day[day].decision for day in (106, *range(137, 152))} == {UPDATE}
    for day in range(129, 137):
        assert by_day[day].trial > by_day[day].before + SETTINGS.tolerance
        assert by_day[day].step == 0 and by_day[day].checkpoint == by_day[123].checkpoint
    lax, decisions = lived(stream, SETTINGS.model_copy(update={"tolerance": 9.0}))
    assert {each.decision for each in decisions} == {UPDATE}
    assert lax.path.shape[0] == len(decisions) + 1  # the first fit, and each update


def test_after_false_labels_an_alarm_goes_back_to_a_checkpoint_from_before() -> None:
    """Labels of eight sessions are the opposite, and the gate is wide: losses rise, and what was before is better."""
    own = SETTINGS.model_copy(update={"tolerance": 0.05, "window_sessions": 12, "consolidation": 0.0, "penalty": 0.1})
    count = 60 + 2 * RENEWED
    false = range(count - 30, count - 22)
    state, decisions = lived(stream_of([SIGNAL] * count, flipped=false), own)
    back = [each for each in decisions if each.decision == ROLLBACK]
    assert back, {each.decision for each in decisions}
    first = back[0]
    assert first.known_on > false.start and first.excess > first.threshold
    assert first.fitted_after < first.fitted_before - own.tolerance
    assert first.checkpoint < max(each.checkpoint for each in decisions if each.known_on < first.known_on)
    place = int(np.searchsorted(state.since, first.known_on))
    taken_up = [row for row in range(place) if (state.path[row] == state.path[place]).all()]
    assert len(taken_up) == 1  # weights that were in force before, to the bit


def test_after_a_change_of_the_market_an_alarm_keeps_what_has_learnt() -> None:
    """The signal turns around for good: checkpoints from before are worse, and going back would undo the learning."""
    count = 70 + RENEWED
    state, decisions = lived(stream_of([SIGNAL] * count + [-SIGNAL] * 60))
    kept = [each for each in decisions if each.decision == KEEP]
    assert kept and kept[0].known_on > count
    assert ROLLBACK not in {each.decision for each in decisions}
    assert np.sign(state.path[-1][1:3]).tolist() == [-1, 1]


def test_updates_come_every_so_many_sessions() -> None:
    _, decisions = lived(stream_of([SIGNAL] * 100), SETTINGS.model_copy(update={"update_sessions": 7}))
    assert [each.known_on for each in decisions] == [68, 75, 82, 89, 96]


def test_checkpoints_are_the_last_so_many() -> None:
    state, _ = lived(stream_of([SIGNAL] * 100), SETTINGS.model_copy(update={"checkpoints": 4}))
    assert len(state.checkpoints) == 4
    assert state.checkpoints[-1].number == state.in_force == len(state.path) - 1 > 20


def test_a_stream_that_is_shorter_than_the_first_fit_is_learnt_at_once() -> None:
    state, decisions = lived(stream_of([SIGNAL] * 30))
    assert state.done == 30 and decisions == [] and len(state.path) == 1


def test_the_sum_of_the_watch_is_that_of_a_loop() -> None:
    random = np.random.default_rng(3)
    losses = random.normal(0.6, 0.1, RENEWED + 40)
    watch = Watch(np.empty(0))
    for loss in losses:
        assert not watch.in_alarm or watch.count > RENEWED
        watch = watch.with_loss(float(loss), horizon=1, seed=7)
    reference, total = losses[:RENEWED], 0.0
    for loss in losses[RENEWED:]:
        total = max(0.0, total + (loss - reference.mean()) / reference.std(ddof=1) - TOLERATED)
    assert watch.excess == pytest.approx(total, abs=1e-12)
    assert watch.count == len(losses) < REFERENCE and watch.threshold > 3


def drawn(first: int, days: int = 200) -> tuple[np.ndarray, ...]:
    """Rows whose label follows from a column that begins on a session, or is 100 before it if that is negative."""
    random, symbols = np.random.default_rng(1), SYMBOLS
    session = np.repeat(np.arange(days), symbols).astype(np.int32)
    signal = random.standard_normal(days * symbols)
    label = (random.random(days * symbols) < 1 / (1 + np.exp(-1.5 * signal))).astype(np.float32)
    column = np.where(session < abs(first), np.nan if first >= 0 else 100.0, 100 + 3 * signal)
    features = np.stack([column, random.standard_normal(days * symbols)], axis=1).astype(np.float32)
    return features, label, session, (session + LAG).astype(np.int32)


@pytest.mark.parametrize("first", [70, -70])
def test_a_feature_that_begins_after_the_first_fit_is_learnt(first: int) -> None:
    features, label, session, label_end = drawn(first)
    state, _ = lived(LabelStream.of(features, label, session, label_end))
    late = session >= 150
    inputs = inputs_of(state.scaling, features[late])
    assert np.abs(inputs[:, 1]).max() < FARTHEST or first < 0
    assert len(np.unique(inputs[:, 1])) > 900
    total = (inputs * state.weights_at(session[late])).sum(axis=1)
    loss = np.logaddexp(0.0, np.where(label[late] > 0, -total, total)).mean()
    known, _ = lived(LabelStream.of(*drawn(0)))
    inputs = inputs_of(known.scaling, drawn(0)[0][late])
    total = (inputs * known.weights_at(session[late])).sum(axis=1)
    assert loss < np.logaddexp(0.0, np.where(label[late] > 0, -total, total)).mean() + 0.02 < 0.6
    before = state.weights_at(session[session < abs(first) + LAG])
    assert (before[:, 1] == 0).all()  # whatever its values: scores until then do not know its scaling


def test_what_goes_on_after_a_feature_began_is_what_is_replayed() -> None:
    rows = drawn(70, 140)
    whole, _ = lived(LabelStream.of(*rows))
    for stop in (80, 89, 90, 91, 100):
        state, _ = lived(LabelStream.of(*(each[rows[2] < stop] for each in rows)))
        for later, _ in go_on(load(bytes_of(state)).state, LabelStream.of(*rows), SETTINGS, 7):
            state = later
        assert bytes_of(state) == bytes_of(whole)


def without_sessions_of_one_symbol(days: int, every: int) -> LabelStream:
    """A stream in which the first symbol trades each so many sessions, and its labels take so much longer."""
    features, label, session, label_end = arrays_of([SIGNAL] * days)
    first = np.tile(np.arange(SYMBOLS) == 0, days)
    label_end = np.where(first, session + LAG * every, label_end).astype(np.int32)
    kept = ~first | (session % every == 0)
    return LabelStream.of(features[kept], label[kept], session[kept], label_end[kept])


@pytest.mark.parametrize("every", [10, 30])
def test_a_symbol_that_trades_now_and_then_does_not_rule_the_gate(every: int) -> None:
    """One of twenty: updates begin when they do without it, and are tried on rows of the window."""
    _, decisions = lived(stream_of([SIGNAL] * 160))
    _, of_thin = lived(without_sessions_of_one_symbol(160, every))
    assert of_thin[0].known_on == decisions[0].known_on == 68
    refused = [sum(each.decision == REFUSE for each in made) for made in (of_thin, decisions)]
    assert refused[0] <= refused[1] + 5
    assert {each.buffer_rows for each in of_thin if each.known_on < 160} == {5 * (SYMBOLS - 1)}
    by_day = {each.known_on: each.before for each in decisions}
    assert np.mean([abs(each.before - by_day.get(each.known_on, np.nan)) for each in of_thin[:60]]) < 0.05


def test_where_all_labels_are_late_they_are_the_buffer() -> None:
    rows = arrays_of([SIGNAL] * 100)
    _, decisions = lived(LabelStream.of(*rows[:3], (rows[2] + 4).astype(np.int32)))
    assert len(decisions) > 25 and {each.buffer_rows for each in decisions} == {5 * SYMBOLS}
