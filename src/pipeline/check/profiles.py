"""Profiles of the delivered tables: one row per delivering unit, with the counts and shares that the suites set bounds for.

One scan by DuckDB each, so that a rule costs nothing per person and a broken rule names its unit; bounds stand in the suites.
"""

from __future__ import annotations

from collections.abc import Mapping

# `n_rows` to `rejected` come from the stage step, so that units without a single good row have a profile too.
_FRAME = """
WITH delivered AS (
    SELECT u.unit AS jc_id, u.ref_month, u.rejected, u.n_rows,
           u.quarantined / nullif(u.n_rows + u.quarantined, 0) AS quarantined_share,
           p.n_rows AS rows_before,
           u.n_rows / nullif(p.n_rows, 0) AS rows_ratio
    FROM units u
    LEFT JOIN units p ON p.tab = u.tab AND p.unit = u.unit AND p.ref_month = getvariable('{month}_1')
         AND p.rejected IS NULL
    WHERE u.tab = '{table}' AND u.ref_month = getvariable('{month}')
), profile AS ({profile})
SELECT d.*, p.* EXCLUDE (jc_id) FROM delivered d LEFT JOIN profile p USING (jc_id) ORDER BY jc_id
"""

# People are grouped first: a person counts once however many rows say so, and rows that disagree about her show up here.
_BESTAND = """
SELECT jc_id,
       count(*) AS persons,
       count(*) FILTER (elb) AS elb,
       1 - count(*) / sum(copies) AS duplicate_share,
       count(*) FILTER (contradictory) / count(*) AS contradictory_share,
       count(*) FILTER (elb AND sex IS NULL) / nullif(count(*) FILTER (elb), 0) AS sex_unknown_share,
       count(*) FILTER (elb AND sex = 'F') / nullif(count(*) FILTER (elb AND sex IN ('M', 'F')), 0) AS women_share,
       count(*) FILTER (elb AND born > getvariable('stichtag') - INTERVAL 15 YEAR)
           / nullif(count(*) FILTER (elb), 0) AS under_15_share,
       count(*) FILTER (elb AND born <= getvariable('stichtag') - INTERVAL 68 YEAR)
           / nullif(count(*) FILTER (elb), 0) AS over_67_share,
       count(*) FILTER (born < DATE '1920-01-01') AS born_before_1920,
       count(*) FILTER (born > getvariable('stichtag')) AS born_after_stichtag,
       count(*) FILTER (elb) / count(*) AS elb_share,
       count(*) FILTER (lone) / nullif(count(*) FILTER (elb), 0) AS lone_parent_share,
       count(*) FILTER (lone_nef) AS lone_parents_not_elb,
       count(*) / nullif(approx_count_distinct(bg), 0) AS persons_per_bg
FROM (
    SELECT jc_id, person, count(*) AS copies, min(bg) AS bg, min(geburtsdatum) AS born,
           bool_or(ist_elb) AS elb,
           bool_or(ist_elb AND ist_alleinerziehend) AS lone,
           bool_and(NOT ist_elb) AND bool_or(ist_alleinerziehend) AS lone_nef,
           min(geschlecht) AS sex,
           bool_or(ist_elb) <> bool_and(ist_elb) OR min(geschlecht) <> max(geschlecht)
               OR min(geburtsdatum) <> max(geburtsdatum)
               OR bool_or(ist_alleinerziehend) <> bool_and(ist_alleinerziehend) AS contradictory
    FROM bestand_0 GROUP BY jc_id, person
) GROUP BY jc_id
"""

# Counting distinct hashes finds the same duplicates as comparing whole rows and needs a fraction of the memory.
_LEISTUNGSBEZUG = """
SELECT jc_id,
       1 - count(*) / sum(copies) AS duplicate_share,
       count(*) FILTER (von < DATE '2005-01-01') / count(*) AS before_2005_share,
       count(*) FILTER (bis > getvariable('freeze_day') + INTERVAL 2 YEAR) / count(*) AS far_future_share,
       count(*) FILTER (von > getvariable('stichtag') + INTERVAL 8 DAY
                        OR bis < getvariable('stichtag_1') - INTERVAL 7 DAY) / count(*) AS outside_share
FROM (SELECT jc_id, person, bg, von, bis, count(*) AS copies FROM leistungsbezug_0 GROUP BY ALL)
GROUP BY jc_id
"""

_AUFNAHME = """
SELECT jc_id,
       1 - count(DISTINCT (person, beginn, art, foerderung, im_ausland)) / count(*) AS duplicate_share,
       count(*) FILTER (beginn <= getvariable('stichtag_2') OR beginn > getvariable('stichtag'))
           / count(*) AS outside_share,
       count(*) FILTER (recorded_on > getvariable('freeze_day')) / count(*) AS late_share,
       count(*) FILTER (recorded_on < beginn - INTERVAL 1 YEAR) / count(*) AS recorded_early_share,
       count(*) FILTER (im_ausland) / count(*) AS abroad_share,
       count(*) FILTER (art = 'sonst') / count(*) AS other_share,
       count(*) FILTER (art = 'svb') / count(*) AS svb_share,
       count(foerderung) / count(*) AS supported_share
FROM aufnahme_0 GROUP BY jc_id
"""

_MASSNAHME = """
SELECT jc_id,
       1 - count(DISTINCT (person, massnahme_art, von, bis)) / count(*) AS duplicate_share,
       count(*) FILTER (von > getvariable('stichtag') OR bis < getvariable('stichtag')) / count(*) AS outside_share,
       count(*) FILTER (von < DATE '2005-01-01') / count(*) AS before_2005_share,
       count(*) FILTER (bis > von + INTERVAL 6 YEAR) / count(*) AS long_share
FROM massnahme_0 GROUP BY jc_id
"""

_LEISTUNG = """
SELECT jc_id,
       1 - count(*) / sum(copies) AS duplicate_share,
       coalesce(sum(copies) FILTER (largest < 0), 0)::BIGINT AS negative_rows,
       max(largest)::DOUBLE AS largest_eur,
       coalesce(sum(copies) FILTER (largest = 0), 0) / sum(copies) AS zero_share,
       coalesce(sum(copies) FILTER (person IS NULL), 0)::BIGINT AS rows_without_person,
       approx_count_distinct(bg) AS bgs,
       (sum(copies * largest) / nullif(approx_count_distinct(bg), 0))::DOUBLE AS eur_per_bg,
       (coalesce(sum(copies * largest) FILTER (list_contains(getvariable('housing'), rechtsgrundlage)), 0)
           / nullif(sum(copies * largest), 0))::DOUBLE AS housing_share
FROM (SELECT jc_id, bg, person, rechtsgrundlage, anspruch_eur AS largest, count(*) AS copies FROM leistung_0 GROUP BY ALL)
GROUP BY jc_id
"""

_BESCHAEFTIGUNG = """
SELECT 'bst' AS jc_id,
       1 - count(*) / nullif(sum(copies), 0) AS duplicate_share,
       count(*) FILTER (von > getvariable('bst_last') OR bis < getvariable('bst_first')) / nullif(count(*), 0)
           AS outside_share,
       count(*) FILTER (von < DATE '1950-01-01') AS before_1950,
       count(*) FILTER (bis > getvariable('bst_last') + INTERVAL 10 YEAR) / nullif(count(*), 0) AS far_future_share,
       count(*) FILTER (list_contains(getvariable('not_insured'), personengruppe)) / nullif(count(*), 0)
           AS not_insured_share
FROM (SELECT person, von, bis, personengruppe, count(*) AS copies FROM beschaeftigung_0 GROUP BY ALL)
"""

# A sign wins over a value; a dash is zero. Wholes and parts are those of `parts`. Sexes add up to at most the total, but
# for the euro or two that rounding each published sum on its own can make.
_ECKWERTE = """
WITH cells AS (
    SELECT jc_id, geschlecht, merkmal,
           CASE WHEN max(zeichen) = '-' THEN 0 WHEN max(zeichen) IS NULL THEN max(wert) END AS value,
           count(*) AS copies, bool_or(wert IS NOT NULL AND zeichen IS NOT NULL) AS sign_and_value,
           bool_or(zeichen = 'x') AS outage
    FROM (SELECT * REPLACE (nullif(zeichen, '') AS zeichen) FROM eckwerte_0) GROUP BY ALL
), before AS (
    SELECT jc_id, max(wert) AS elb FROM eckwerte_1
    WHERE merkmal = 'elb' AND geschlecht = 'T' AND nullif(zeichen, '') IS NULL GROUP BY jc_id
), sexes AS (
    SELECT jc_id, merkmal, sum(value) FILTER (geschlecht = 'T') AS total,
           sum(value) FILTER (geschlecht <> 'T') AS men_and_women
    FROM cells GROUP BY ALL
), exceeded AS (
    SELECT jc_id, count(*) AS sexes_above_total FROM sexes
    WHERE men_and_women > total + IF(merkmal IN ('llu', 'luh'), 2, 0) GROUP BY jc_id
), broken AS (
    SELECT p.jc_id, count(*) AS parts_above_whole
    FROM cells p JOIN parts ON parts.part = p.merkmal
    JOIN cells w ON w.jc_id = p.jc_id AND w.geschlecht = p.geschlecht AND w.merkmal = parts.whole
    WHERE p.value > w.value GROUP BY p.jc_id
), profile AS (
    SELECT jc_id, count(*) AS cells,
           coalesce(sum(copies - 1), 0)::BIGINT AS duplicate_cells,
           count(*) FILTER (value < 0) AS negative_cells,
           count(*) FILTER (merkmal NOT IN ('llu', 'luh') AND value <> trunc(value)) AS fractional_cells,
           count(*) FILTER (sign_and_value) AS cells_with_sign_and_value,
           count(*) FILTER (outage) / count(*) AS outage_share,
           max(value) FILTER (merkmal = 'elb' AND geschlecht = 'T') AS elb,
           max(value) FILTER (merkmal = 'lzb' AND geschlecht = 'T') AS lzb
    FROM cells GROUP BY jc_id
), delivered AS (SELECT 1 FROM units WHERE tab = 'eckwerte' AND ref_month = getvariable('ref_month') AND rejected IS NULL)
SELECT jc_id, getvariable('ref_month') AS ref_month,
       coalesce(j.valid, false) AS valid,
       coalesce(p.cells, 0) AS cells,
       coalesce(max(p.cells) OVER () - p.cells, 0) AS cells_behind,
       coalesce(duplicate_cells, 0) AS duplicate_cells,
       coalesce(negative_cells, 0) AS negative_cells,
       coalesce(fractional_cells, 0) AS fractional_cells,
       coalesce(cells_with_sign_and_value, 0) AS cells_with_sign_and_value,
       coalesce(parts_above_whole, 0) AS parts_above_whole,
       coalesce(sexes_above_total, 0) AS sexes_above_total,
       coalesce(outage_share, 0) AS outage_share,
       p.elb::DOUBLE AS elb,
       (p.elb / nullif(b.elb, 0))::DOUBLE AS elb_ratio,
       (p.lzb / nullif(p.elb, 0))::DOUBLE AS lzb_share
FROM profile p
FULL JOIN (SELECT jc_id, true AS valid FROM jobcenters) j USING (jc_id)
LEFT JOIN broken USING (jc_id) LEFT JOIN exceeded USING (jc_id) LEFT JOIN before b USING (jc_id)
WHERE EXISTS (SELECT 1 FROM delivered)
ORDER BY jc_id
"""


def _framed(table: str, profile: str, month: str = "ref_month") -> str:
    return _FRAME.format(table=table, profile=profile, month=month)


PROFILES: Mapping[str, str] = {
    "bestand": _framed("bestand", _BESTAND),
    "leistungsbezug": _framed("leistungsbezug", _LEISTUNGSBEZUG),
    "aufnahme": _framed("aufnahme", _AUFNAHME),
    "massnahme": _framed("massnahme", _MASSNAHME),
    "leistung": _framed("leistung", _LEISTUNG),
    "beschaeftigung": _framed("beschaeftigung", _BESCHAEFTIGUNG, "bst_month"),
    "eckwerte": _ECKWERTE,
}
