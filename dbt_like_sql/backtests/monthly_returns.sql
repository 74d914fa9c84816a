-- Return of each strategy in each calendar month, compounded from its daily returns; the first and last month
-- of a split may be incomplete.
SELECT
    strategy,  -- name of the strategy
    split,  -- train, validation, development, holdout or full
    year(session) AS year,  -- calendar year
    month(session) AS month,  -- calendar month, 1 to 12
    count(*) AS sessions,  -- sessions of the month that the split has
    product(1 + daily_return ORDER BY session) - 1 AS return  -- fraction; null if no session has a return
FROM backtests.equity
GROUP BY strategy, split, year(session), month(session)
ORDER BY strategy, split, year, month
