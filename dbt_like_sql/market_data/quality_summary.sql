-- What is wrong with the bars as received, counted: by source, kind of asset, what became of the bar
-- (quarantined: not used; flagged: used, but know this), and rule. A bar with two reasons counts once for each.
WITH found AS (
    SELECT source, asset_class, 'quarantined' AS kind, unnest(reasons) AS reason, symbol, session
    FROM market_data.quarantine
    UNION ALL
    SELECT i.source, b.asset_class, 'flagged' AS kind, unnest(b.flags) AS reason, b.symbol, b.session
    FROM market_data.bars AS b
    LEFT JOIN market_data.instruments AS i ON i.symbol = b.symbol AND i.asset_class = b.asset_class
)
SELECT
    source,  -- source that delivered the bars
    asset_class,  -- equity, crypto or index
    kind,  -- quarantined or flagged
    reason,  -- the rule
    count(*) AS rows,  -- bars
    count(DISTINCT symbol) AS symbols,  -- symbols with such a bar
    min(session) AS first_session,  -- session of the first such bar
    max(session) AS last_session  -- session of the last such bar
FROM found
GROUP BY source, asset_class, kind, reason
ORDER BY source, asset_class, kind, reason
