"""The frame of the gate against the twelve months before: a cell beside the median of its own past.

Official values are flagged by it and never altered; who may wonder about which deviation is said in `expectations`.
"""

from __future__ import annotations

# Stocks and euro sums move by a few percent a year, events and measures by season and programme: each kind has its own
# bounds. Fewer than six months say nothing of what is usual. From 1 on, so that a past of zeros is one as well.
MEDIAN = """
WITH cells AS (
    SELECT e.ref_month, e.jc_id, e.geschlecht, e.merkmal, e.wert, e.basis,
           CASE WHEN m.euro THEN 'euro' WHEN m.merkmal IN ('elb', 'alleinerz', 'lzb') THEN 'stock' ELSE 'events' END AS kind,
           12 * left(e.ref_month, 4)::INTEGER + right(e.ref_month, 2)::INTEGER AS number
    FROM eckwerte e JOIN merkmale m USING (merkmal)
    WHERE e.geschlecht = 'T'
), pasts AS (
    SELECT *, median(wert::DOUBLE) OVER past AS middle, count(wert) OVER past AS months
    FROM cells
    WINDOW past AS (PARTITION BY jc_id, merkmal ORDER BY number RANGE BETWEEN 12 PRECEDING AND 1 PRECEDING)
), compared AS (
    SELECT *, CASE WHEN months >= 6 AND wert IS NOT NULL THEN (greatest(wert, 1) / greatest(middle, 1))::DOUBLE END AS ratio
    FROM pasts
)
SELECT jc_id, ref_month, merkmal, geschlecht, basis, middle, greatest(wert::DOUBLE, middle) AS larger,
       CASE WHEN kind = 'stock' THEN ratio END AS stock_ratio,
       CASE WHEN kind = 'euro' THEN ratio END AS euro_ratio,
       CASE WHEN kind = 'events' THEN ratio END AS events_ratio
FROM compared
WHERE ref_month = getvariable('month')
ORDER BY ALL
"""
