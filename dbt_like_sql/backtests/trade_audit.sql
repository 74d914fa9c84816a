-- Every fill of every trade, led back to what it came from: order, decision with the numbers behind it, signal,
-- indicators and features at the close of the decision, the model's score and version, and the bars as received
-- with file and line. One row a fill; a position that is still open has fills, too.
-- materialized: view
SELECT
    f.trade_id,  -- round trip that the fill belongs to; open positions have theirs already
    f.fill_id,  -- the fill
    f.strategy,  -- name of the strategy
    f.split,  -- train, validation, development, holdout or full
    f.symbol,  -- symbol
    f.session,  -- session of the fill
    f.side,  -- buy or sell
    f.quantity,  -- units, in those of the session
    f.raw_price,  -- price before slippage: the open, unless said otherwise in backtests.fills
    f.price,  -- paid or received, before the fee
    f.fee,  -- quote currency
    f.slippage_bps,  -- drawn, before rounding to the tick
    f.mean_slippage_bps,  -- mean that it was drawn around
    t.side AS trade_side,  -- long or short; null while the position is open
    t.pair_id,  -- common to the two legs of a pair
    t.entry_session,  -- of the trade
    t.exit_session,  -- of the trade
    t.exit_reason,  -- of the trade
    t.pnl,  -- of the trade, net of all costs, quote currency
    t.r_multiple,  -- of the trade: pnl over initial risk
    t.unexplained_moves,  -- extreme moves without a corporate action that the trade crossed
    e.delisting_value,  -- what holders were left with, if the fill is a delisting that has it on record
    e.delisting_unit,  -- per_share: quote currency; return: a fraction, from the last close
    e.delisting_reason,  -- why it was delisted, if that is on record
    o.order_id,  -- order that was filled
    o.status AS order_status,  -- filled, partly_filled, cancelled or pending
    o.quantity AS ordered_quantity,  -- units asked for, in those of the decision's session
    d.decision_id,  -- decision that gave the order
    d.session AS decision_session,  -- session at whose close it was decided
    d.decision,  -- enter or exit
    d.reason,  -- trigger of an entry, reason of an exit
    d.score,  -- place in the queue is by it, highest first
    d.strength_rank,  -- part of the score
    d.relative_strength_rank,  -- part of the score
    d.diversification_rank,  -- part of the score
    d.risk_multiplier,  -- fraction of the configured risk taken
    d.portfolio_correlation,  -- mean pairwise correlation of the positions then
    d.candidate_correlation,  -- mean correlation of the symbol with them
    d.equity,  -- of the account at the decision
    d.cash,  -- of the account at the decision, less what orders before this one reserve
    d.gross_room,  -- notional left under the gross limit
    d.sector_room,  -- notional left under the sector limit
    d.capacity_limit,  -- largest notional that the symbol's liquidity allows
    d.target_weight,  -- fraction of equity asked for, of a target-weight strategy
    d.granted_weight,  -- what the limits left of it
    s.action AS signal,  -- enter or exit, of the strategy itself; null: the order came from a rule of the portfolio
    s.reason AS signal_reason,  -- trigger, or the strategy's exit reason
    s.score AS signal_score,  -- rank value of the trigger
    s.target_weight AS signal_target_weight,  -- fraction of equity that the signal asks for
    db.adj_close,  -- adjusted close of the decision's session
    i.ma_20,  -- mean close of 20 sessions, adjusted
    i.ma_50,  -- mean close of 50 sessions, adjusted
    i.ma_200,  -- mean close of 200 sessions, adjusted
    i.atr_14,  -- average true range, adjusted
    i.roc_60,  -- return of 60 sessions
    i.highest_close_20,  -- highest close of the 20 sessions before, adjusted
    i.highest_close_55,  -- highest close of the 55 sessions before, adjusted
    i.adv_20,  -- mean dollar volume of 20 sessions
    i.adx_14,  -- trend strength, 0 to 100
    CASE WHEN x.symbol IS NOT NULL THEN to_json(x) END AS features,  -- row of features.daily at the decision
    m.model,  -- model whose score the strategy looked at
    m.version AS model_version,  -- content hash of settings, seed, features and training data
    m.fold AS model_fold,  -- walk-forward fold that scored it
    m.score AS model_score,  -- out-of-sample score at the decision
    dr.open AS decision_open,  -- as received, of the decision's session
    dr.high AS decision_high,  -- as received
    dr.low AS decision_low,  -- as received
    dr.close AS decision_close,  -- as received
    dr.volume AS decision_volume,  -- as received
    dr.source AS decision_source,  -- source that delivered the bar of the decision
    dr.source_file AS decision_file,  -- its file
    dr.source_line AS decision_line,  -- its line, counted from 1
    fr.open AS fill_open,  -- as received, of the fill's session
    fr.high AS fill_high,  -- as received
    fr.low AS fill_low,  -- as received
    fr.close AS fill_close,  -- as received
    fr.volume AS fill_volume,  -- as received
    fr.source AS fill_source,  -- source that delivered the bar of the fill
    fr.source_file AS fill_file,  -- its file
    fr.source_line AS fill_line  -- its line, counted from 1
FROM backtests.fills AS f
LEFT JOIN backtests.trades AS t ON t.trade_id = f.trade_id
LEFT JOIN backtests.orders AS o ON o.order_id = f.order_id
LEFT JOIN backtests.decisions AS d ON d.decision_id = o.decision_id
LEFT JOIN strategies.signals AS s
    ON s.strategy = d.strategy AND s.session = d.session AND s.symbol = d.symbol
    AND s.pair_id IS NOT DISTINCT FROM d.pair_id
    -- a target weight that shrinks is an exit of the portfolio, but no exit signal until it is 0
    AND s.action = CASE WHEN d.target_weight <> 0 THEN 'enter' ELSE d.decision END
LEFT JOIN market_data.instruments AS e ON e.symbol = f.symbol AND f.reason = 'delisted'
-- bars are received under the ticker that an instrument took over, such as NAME of NAME@2016
LEFT JOIN (
    SELECT
        symbol,
        CASE
            WHEN starts_with(symbol, tickers[1] || '@') AND regexp_matches(symbol, '@[0-9]{4}@*$') THEN tickers[1]
            ELSE symbol
        END AS ticker
    FROM market_data.instruments
) AS n ON n.symbol = f.symbol
LEFT JOIN market_data.bars AS db ON db.symbol = d.symbol AND db.session = d.session
LEFT JOIN features.indicators AS i ON i.symbol = d.symbol AND i.session = d.session
LEFT JOIN features.daily AS x ON x.symbol = d.symbol AND x.session = d.session
LEFT JOIN models.predictions AS m ON m.model = d.model AND m.symbol = d.symbol AND m.session = d.session
LEFT JOIN market_data.raw_bars AS dr
    ON dr.symbol = coalesce(n.ticker, f.symbol) AND dr.session = d.session AND dr.occurrence = 1
LEFT JOIN market_data.raw_bars AS fr
    ON fr.symbol = coalesce(n.ticker, f.symbol) AND fr.session = f.session AND fr.occurrence = 1
