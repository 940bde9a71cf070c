"""The profile across tables: per jobcenter, what its deliveries say about the same persons and how stocks moved.

People are compared by pseudonym and only counted; a share is null where its base is empty or a month was not delivered.
"""

from __future__ import annotations

TEMPORARY = (
    """
CREATE OR REPLACE TEMP TABLE stock_0 AS
SELECT jc_id, person, bool_or(ist_elb) AS elb, min(geburtsdatum) AS born FROM bestand_0 GROUP BY ALL
""",
    """
CREATE OR REPLACE TEMP TABLE stock_1 AS
SELECT jc_id, person, bool_or(ist_elb) AS elb, min(geburtsdatum) AS born FROM bestand_1 GROUP BY ALL
""",
    """
CREATE OR REPLACE TEMP TABLE people_0 AS
SELECT person, min(born) AS born, bool_or(elb) AS elb, count(*) AS stocks FROM stock_0 GROUP BY person
""",
)

ZUSAMMENHANG = """
WITH person_tables AS (
    SELECT unit AS jc_id, count(*) FILTER (rejected IS NULL) AS accepted FROM units
    WHERE ref_month = getvariable('ref_month') AND tab NOT IN ('beschaeftigung', 'eckwerte') GROUP BY ALL
), expected AS (
    SELECT count(DISTINCT tab) AS tables FROM units
    WHERE ref_month = getvariable('ref_month') AND tab NOT IN ('beschaeftigung', 'eckwerte')
), has AS (
    SELECT unit AS jc_id,
           bool_or(tab = 'bestand' AND ref_month = getvariable('ref_month')) AS bestand,
           bool_or(tab = 'leistungsbezug' AND ref_month = getvariable('ref_month')) AS leistungsbezug,
           bool_or(tab = 'leistung' AND ref_month = getvariable('ref_month')) AS leistung,
           bool_or(tab = 'bestand' AND ref_month = getvariable('ref_month_1')) AS bestand_before
    FROM units WHERE rejected IS NULL GROUP BY ALL
), covered AS (
    SELECT DISTINCT jc_id, person FROM leistungsbezug_0
    WHERE von <= getvariable('stichtag') AND (bis IS NULL OR bis >= getvariable('stichtag'))
), periods AS (
    SELECT jc_id, count(s.person) AS elb,
           count(*) FILTER (c.person IS NULL) AS without_period, count(*) FILTER (s.person IS NULL) AS without_stock,
           count(c.person) AS covered
    FROM (SELECT jc_id, person FROM stock_0 WHERE elb) s FULL JOIN covered c USING (jc_id, person) GROUP BY jc_id
), before AS (
    SELECT b.jc_id, count(*) AS persons, count(*) FILTER (b.elb) AS elb,
           count(*) FILTER (b.elb AND n.person IS NOT NULL) AS found_again,
           count(*) FILTER (n.born <> b.born) AS other_birth_date, count(n.person) AS compared
    FROM stock_1 b
    LEFT JOIN people_0 n USING (person) GROUP BY b.jc_id
), two_stocks AS (
    SELECT jc_id, count(*) AS persons FROM stock_0
    WHERE person IN (SELECT person FROM people_0 WHERE stocks > 1) GROUP BY jc_id
), starts AS (
    SELECT jc_id, count(*) AS persons, count(*) FILTER (k.person IS NULL) AS unknown
    FROM (SELECT DISTINCT jc_id, person FROM aufnahme_0 WHERE beginn > getvariable('stichtag_1')) a
    LEFT JOIN (
        SELECT DISTINCT person FROM (SELECT person FROM bestand_1 UNION ALL SELECT person FROM bestand_2)
        WHERE person IN (SELECT person FROM aufnahme_0)
    ) k USING (person) GROUP BY jc_id
), measures AS (
    SELECT jc_id, count(*) AS persons, count(*) FILTER (s.person IS NULL) AS without_stock
    FROM (SELECT DISTINCT jc_id, person FROM massnahme_0) m
    LEFT JOIN (SELECT person FROM people_0 WHERE elb) s USING (person) GROUP BY jc_id
), units_of_need AS (
    SELECT jc_id, count(*) AS bgs, count(*) FILTER (l.bg IS NULL) AS without_benefit
    FROM (SELECT DISTINCT jc_id, bg FROM bestand_0) b
    LEFT JOIN (SELECT DISTINCT jc_id, bg FROM leistung_0) l USING (jc_id, bg) GROUP BY jc_id
), euro AS (
    SELECT jc_id, sum(anspruch_eur) AS eur FROM leistung_0 GROUP BY jc_id
), euro_before AS (
    SELECT jc_id, sum(anspruch_eur) AS eur FROM leistung_1 GROUP BY jc_id
), insured AS (
    SELECT jc_id, count(*) AS starts, count(*) FILTER (e.person IS NULL) AS not_found
    FROM (SELECT DISTINCT jc_id, person FROM aufnahme_bst WHERE art = 'svb' AND NOT im_ausland
          AND beginn BETWEEN getvariable('bst_first') AND getvariable('bst_last')) a
    LEFT JOIN (
        SELECT DISTINCT person FROM beschaeftigung_0 WHERE person IN (SELECT person FROM aufnahme_bst)
    ) e USING (person) GROUP BY jc_id
)
SELECT u.jc_id, getvariable('ref_month') AS ref_month,
       (SELECT tables FROM expected) - u.accepted AS tables_missing,
       CASE WHEN h.bestand THEN coalesce(p.elb, 0) END AS elb,
       CASE WHEN h.bestand_before THEN coalesce(b.elb, 0) END AS elb_before,
       CASE WHEN h.bestand AND h.leistungsbezug THEN p.without_period / nullif(p.elb, 0) END AS stock_without_period_share,
       CASE WHEN h.bestand AND h.leistungsbezug THEN p.without_stock / nullif(p.covered, 0) END AS period_without_stock_share,
       CASE WHEN h.bestand AND h.bestand_before THEN coalesce(p.elb, 0) / nullif(b.elb, 0) END AS elb_ratio,
       CASE WHEN h.bestand AND h.bestand_before THEN coalesce(p.elb, 0) - coalesce(b.elb, 0) END AS elb_change,
       CASE WHEN h.bestand AND h.bestand_before THEN b.found_again / nullif(b.elb, 0) END AS found_again_share,
       b.other_birth_date / nullif(b.compared, 0) AS other_birth_date_share,
       coalesce(t.persons, 0) AS persons_in_two_stocks,
       CASE WHEN h.bestand_before THEN s.unknown / nullif(s.persons, 0) END AS unknown_starts_share,
       CASE WHEN h.bestand_before THEN s.persons / nullif(b.elb, 0) END AS starts_per_elb,
       CASE WHEN h.bestand THEN m.without_stock / nullif(m.persons, 0) END AS measures_without_stock_share,
       CASE WHEN h.bestand AND h.leistung THEN n.without_benefit / nullif(n.bgs, 0) END AS bgs_without_benefit_share,
       (e.eur / nullif(eb.eur, 0))::DOUBLE AS eur_ratio,
       i.starts AS insured_starts,
       CASE WHEN EXISTS (SELECT 1 FROM beschaeftigung_0) THEN i.not_found / nullif(i.starts, 0) END
           AS insured_starts_not_found_share
FROM person_tables u
LEFT JOIN has h USING (jc_id) LEFT JOIN periods p USING (jc_id) LEFT JOIN before b USING (jc_id)
LEFT JOIN two_stocks t USING (jc_id) LEFT JOIN starts s USING (jc_id) LEFT JOIN measures m USING (jc_id)
LEFT JOIN units_of_need n USING (jc_id) LEFT JOIN euro e USING (jc_id) LEFT JOIN euro_before eb USING (jc_id)
LEFT JOIN insured i USING (jc_id)
ORDER BY u.jc_id
"""
