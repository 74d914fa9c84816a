-- Sessions on which live symbols have no usable bar, and how many: most of them at once is a hole in the delivery.
-- A symbol is live from its first usable bar to its last.
WITH live AS (
    SELECT s.calendar, s.session, count(*) AS symbols
    FROM market_data.sessions AS s
    JOIN market_data.instruments AS i
        ON i.calendar = s.calendar AND s.session BETWEEN i.first_session AND i.last_session
    GROUP BY s.calendar, s.session
),
there AS (
    SELECT i.calendar, b.session, count(*) AS bars
    FROM market_data.bars AS b
    JOIN market_data.instruments AS i ON i.symbol = b.symbol
    GROUP BY i.calendar, b.session
)
SELECT
    live.calendar,  -- calendar of the session
    live.session,  -- a session of it
    live.symbols,  -- symbols that are live on it
    live.symbols - coalesce(there.bars, 0) AS missing  -- of which so many have no usable bar
FROM live
LEFT JOIN there ON there.calendar = live.calendar AND there.session = live.session
WHERE live.symbols > coalesce(there.bars, 0)
ORDER BY live.calendar, live.session
