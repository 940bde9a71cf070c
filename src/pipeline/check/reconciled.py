"""The frames of the reconciliation: how far the two routes are apart, and whether what is published of it may be.

Only the newest month of each base count is judged; the run of an earlier month has told the rest.
"""

from __future__ import annotations

# What lies beyond the tolerance: persons and events of small counts vary by a few whoever counts, so the larger of a share and
# an absolute number is tolerated.
ABGLEICH = """
WITH newest AS (
    SELECT a.*, m.kind, max(ref_month) FILTER (differenz IS NOT NULL) OVER (PARTITION BY merkmal) AS last
    FROM abgleich a LEFT JOIN merkmale m USING (merkmal)
)
SELECT jc_id, ref_month, merkmal, geschlecht,
       CASE WHEN kind = 'stock'
            THEN greatest(abs(differenz) - greatest(5, 0.01 * abs(wert_veroeffentlicht)), 0) END::DOUBLE AS beyond_stock,
       CASE WHEN kind IN ('event', 'movement')
            THEN greatest(abs(differenz) - greatest(5, 0.05 * abs(wert_veroeffentlicht)), 0) END::DOUBLE AS beyond_flow,
       CASE WHEN kind = 'euro'
            THEN greatest(abs(differenz) - greatest(500, 0.01 * abs(wert_veroeffentlicht)), 0) END::DOUBLE AS beyond_euro,
       CASE WHEN merkmal = 'elb' AND geschlecht = 'T' AND wert_veroeffentlicht >= 100
            THEN (wert_personen / wert_veroeffentlicht) END::DOUBLE AS elb_ratio
FROM newest WHERE ref_month = last ORDER BY ALL
"""

OPEN_ABGLEICH = """
WITH shown AS (
    SELECT ref_month, jc_id, merkmal, count(wert) AS sexes FROM open_eckwerte GROUP BY ALL
)
SELECT o.jc_id, o.ref_month, o.merkmal, o.geschlecht,
       CASE WHEN NOT coalesce(m.euro, false) THEN o.wert_veroeffentlicht END::DOUBLE AS counted,
       coalesce(s.sexes = 3 AND o.wert_personen = e.wert, false) AS open_by_itself,
       CASE WHEN zeilen % 10 = 0 OR zeilen IS NULL THEN least(zeilen, ausgesondert, auffaellig) ELSE 0 END AS rows_told
FROM open_abgleich o
LEFT JOIN merkmale m USING (merkmal)
LEFT JOIN shown s USING (ref_month, jc_id, merkmal)
LEFT JOIN open_eckwerte e USING (ref_month, jc_id, geschlecht, merkmal)
ORDER BY ALL
"""

# How many rows the frames must have: each stands for one cell of the Eckwerte; of those with both values all are published whose
# count is published for every sex, but for what the publisher shows although it is small by the switches.
ABGLEICH_ROWS = """
WITH newest AS (
    SELECT *, max(ref_month) FILTER (differenz IS NOT NULL) OVER (PARTITION BY merkmal) AS last FROM abgleich
)
SELECT count(*) FROM (SELECT DISTINCT ref_month, jc_id, geschlecht, merkmal FROM eckwerte)
SEMI JOIN (SELECT * FROM newest WHERE ref_month = last) USING (ref_month, jc_id, geschlecht, merkmal)
"""

OPEN_ABGLEICH_ROWS = """
WITH shown AS (
    SELECT ref_month, jc_id, merkmal FROM open_eckwerte GROUP BY ALL HAVING count(wert) = 3
), small AS (
    SELECT DISTINCT ref_month, jc_id, merkmal FROM abgleich JOIN merkmale m USING (merkmal)
    WHERE NOT m.euro AND (wert_veroeffentlicht IS NULL
        OR (wert_veroeffentlicht < getvariable('below') AND (wert_veroeffentlicht <> 0 OR NOT getvariable('zero_open'))))
)
SELECT count(*) FROM abgleich
SEMI JOIN shown USING (ref_month, jc_id, merkmal) ANTI JOIN small USING (ref_month, jc_id, merkmal)
WHERE differenz IS NOT NULL
"""
