-- How trades ended, and what each way of ending earned.
SELECT
    strategy,  -- name of the strategy
    split,  -- train, validation, development, holdout or full
    exit_reason,  -- why the position was closed
    count(*) AS trades,  -- round trips
    sum(pnl ORDER BY trade_id) AS pnl,  -- net of costs, quote currency
    avg(r_multiple ORDER BY trade_id) AS mean_r_multiple  -- mean of pnl over initial risk
FROM backtests.trades
GROUP BY strategy, split, exit_reason
ORDER BY strategy, split, exit_reason
