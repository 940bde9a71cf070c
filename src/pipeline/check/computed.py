"""The frames of the computed tables: their rows with helper columns that say exactly what a rule needs.

All comparisons are made on decimals and whole numbers, independently of how `calculate` and `compare` work.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.check.medians import MEDIAN
from pipeline.check.reconciled import ABGLEICH

# The value in percent is 100 * above / below; a denominator of zero has none. Whole numbers, in units of a hundredth.
EXACT = """
    CASE WHEN i.change THEN (zaehler * 100)::HUGEINT * nenner_monate - (nenner_summe * 100)::HUGEINT
         ELSE (zaehler * 100)::HUGEINT * nenner_monate END * sign(nenner_summe)::HUGEINT AS above,
    nullif((abs(nenner_summe) * 100)::HUGEINT, 0) AS below
"""

# counted and fraction speak of what the software makes: counts from persons and estimates. Published counts are as they come,
# and each published euro sum is rounded on its own: men and women may exceed the total by two euros (a thousand for a country).
_ECKWERTE = """
WITH cells AS (
    SELECT e.ref_month, e.jc_id, e.geschlecht, e.merkmal, e.wert, nullif(e.grund, '') AS grund, e.basis,
           coalesce(m.euro, false) AS is_euro,
           strftime((e.ref_month || '-01')::DATE - INTERVAL 1 MONTH, '%Y-%m') AS month_before
    FROM eckwerte e LEFT JOIN merkmale m USING (merkmal)
), sexes AS (
    SELECT ref_month, jc_id, merkmal, 'T' AS geschlecht, bool_and(basis = 'personen') AS from_persons,
           max(wert) FILTER (geschlecht = 'T') - max(wert) FILTER (geschlecht = 'M')
               - max(wert) FILTER (geschlecht = 'F') AS rest
    FROM cells GROUP BY ALL
), wholes AS (
    SELECT c.ref_month, c.jc_id, c.geschlecht, parts.part AS merkmal, max(c.wert) AS whole,
           bool_and(c.basis = 'personen') AS from_persons
    FROM cells c JOIN parts ON parts.whole = c.merkmal GROUP BY ALL
), elb AS (
    SELECT ref_month AS month_before, jc_id, 'T' AS geschlecht, 'elb' AS merkmal, max(wert) AS elb_before
    FROM cells WHERE merkmal = 'elb' AND geschlecht = 'T' GROUP BY ALL
), year AS (
    SELECT getvariable('month') AS ref_month, jc_id, 'T' AS geschlecht, 'elb' AS merkmal,
           count(*) FILTER (basis = 'imputiert') / nullif(count(wert), 0) AS imputed_share
    FROM cells
    WHERE ref_month <= getvariable('month')
      AND (ref_month || '-01')::DATE > (getvariable('month') || '-01')::DATE - INTERVAL 12 MONTH
    GROUP BY ALL
)
SELECT c.ref_month, c.jc_id, c.geschlecht, c.merkmal, c.grund, c.basis,
       k.jc_id IS NOT NULL AS known_jobcenter,
       (c.wert IS NULL) = (c.grund IS NOT NULL) AS value_or_reason,
       CASE WHEN NOT is_euro AND basis IN ('personen', 'imputiert') THEN c.wert END::DOUBLE AS counted,
       CASE WHEN is_euro THEN c.wert END::DOUBLE AS euro,
       CASE WHEN NOT is_euro AND basis IN ('personen', 'imputiert') THEN abs(c.wert - trunc(c.wert)) END::DOUBLE AS fraction,
       CASE WHEN s.from_persons THEN s.rest END::DOUBLE AS rest_personen,
       CASE WHEN NOT s.from_persons THEN s.rest + IF(is_euro, 2, 0) END::DOUBLE AS rest_other,
       CASE WHEN w.from_persons AND basis = 'personen' THEN w.whole - c.wert END::DOUBLE AS outside_personen,
       CASE WHEN NOT (w.from_persons AND basis = 'personen') THEN w.whole - c.wert END::DOUBLE AS outside_other,
       elb_before::DOUBLE AS elb_before,
       (c.wert / nullif(elb_before, 0))::DOUBLE AS elb_ratio,
       basis = 'imputiert' AND NOT getvariable('imputer') AS imputed_unasked,
       imputed_share::DOUBLE AS imputed_share
FROM cells c
LEFT JOIN known_jobcenters k USING (jc_id)
LEFT JOIN sexes s USING (ref_month, jc_id, merkmal, geschlecht)
LEFT JOIN wholes w USING (ref_month, jc_id, merkmal, geschlecht)
LEFT JOIN elb USING (month_before, jc_id, merkmal, geschlecht)
LEFT JOIN year USING (ref_month, jc_id, merkmal, geschlecht)
ORDER BY ALL
"""

_BILANZ = """
WITH wide AS (
    SELECT jc_id, geschlecht,
           max(wert) FILTER (merkmal = 'lzb' AND ref_month = getvariable('month')) AS now,
           max(wert) FILTER (merkmal = 'lzb' AND ref_month = getvariable('before')) AS before,
           max(wert) FILTER (merkmal = 'lzb_zugang' AND ref_month = getvariable('month')) AS entries,
           max(wert) FILTER (merkmal = 'lzb_abgang' AND ref_month = getvariable('month')) AS exits
    FROM eckwerte GROUP BY ALL
)
SELECT '' AS jc_id, getvariable('month') AS ref_month, geschlecht,
       (sum(now - before - entries + exits) / nullif(sum(now) FILTER (now - before - entries + exits IS NOT NULL), 0))::DOUBLE
           AS difference_share
FROM wide
WHERE EXISTS (SELECT 1 FROM eckwerte WHERE ref_month = getvariable('before'))
GROUP BY ALL ORDER BY ALL
"""

# Rounded in whole numbers: (2a + n) // 2n with the sign put back is a/n rounded half away from zero; half_even takes one off an
# odd result where the division leaves no rest, which it does at ties alone.
TENTHS = """((2000 * abs(above) + below) // nullif(2 * below, 0)
    - IF(getvariable('half_even') AND (2000 * abs(above) + below) % nullif(2 * below, 0) = 0,
         ((2000 * abs(above) + below) // nullif(2 * below, 0)) % 2, 0))"""

_KENNZAHLEN = f"""
WITH found AS (
    SELECT k.*, nullif(k.grund, '') AS reason, i.euro, i.part, {EXACT}
    FROM kennzahlen k LEFT JOIN indicators i USING (kennzahl, definition)
), forces AS (
    SELECT ebene, gebiet, kennzahl, geschlecht, count(*) FILTER (in_kraft) AS in_force
    FROM kennzahlen GROUP BY ALL
), sizes AS (
    SELECT kennzahl, definition, count(*) FILTER (ebene = 'jobcenter') AS n,
           min(ebene || '/' || gebiet || '/' || geschlecht) AS first
    FROM kennzahlen GROUP BY ALL
), members AS (
    SELECT k.ref_month, k.kennzahl, k.definition, k.geschlecht, k.zaehler, k.nenner_summe,
           unnest([('bund', 'bund'), ('land', r.land), ('vergleichstyp', r.typ),
                   ('kommunal', CASE WHEN r.traeger = 'zkT' THEN 'kommunal' END)]) AS area
    FROM kennzahlen k JOIN registry r ON r.jc_id = k.gebiet
    WHERE k.ebene = 'jobcenter' AND k.zaehler IS NOT NULL AND k.nenner_summe IS NOT NULL
), sums AS (
    SELECT ref_month, kennzahl, definition, geschlecht, area[1] AS ebene, area[2] AS gebiet,
           sum(zaehler) AS z, sum(nenner_summe) AS n
    FROM members GROUP BY ALL
), sexes AS (
    SELECT ref_month, ebene, gebiet, kennzahl, definition, 'T' AS geschlecht,
           bool_and(basis = 'personen') AS from_persons,
           max(zaehler) FILTER (geschlecht = 'T') - max(zaehler) FILTER (geschlecht = 'M')
               - max(zaehler) FILTER (geschlecht = 'F') AS rest
    FROM kennzahlen GROUP BY ALL
)
SELECT CASE WHEN f.ebene = 'jobcenter' THEN f.gebiet ELSE '' END AS jc_id,
       f.ref_month, f.ebene, f.gebiet, f.kennzahl, f.definition, f.geschlecht, f.basis, f.reason AS grund,
       CASE WHEN isfinite(f.wert) THEN f.wert END AS wert,
       CASE WHEN isfinite(f.wert) AND f.part THEN f.wert END AS share,
       (f.nenner_summe / nullif(f.nenner_monate, 0))::DOUBLE AS nenner,
       forces.in_force,
       CASE WHEN sizes.first = f.ebene || '/' || f.gebiet || '/' || f.geschlecht THEN (SELECT max(n) FROM sizes) - sizes.n END
           AS jobcenters_missing,
       (f.wert IS NULL) = (f.reason IS NOT NULL) AND (f.wert IS NULL) = (f.wert_anzeige IS NULL) AS value_or_reason,
       coalesce(isfinite(f.wert), true) AS finite,
       f.wert IS NULL OR coalesce(abs(f.wert - 100.0 * above / below::DOUBLE) <= 1e-12 * greatest(abs(f.wert), 1), false)
           AS value_is_quotient,
       f.wert_anzeige IS NULL
           OR coalesce((f.wert_anzeige * 10)::HUGEINT = sign(above) * {TENTHS}, false)
           AS display_is_rounded,
       CASE WHEN NOT f.euro THEN least(f.zaehler, f.nenner_summe) END::DOUBLE AS smallest_count,
       CASE WHEN s.from_persons THEN s.rest END::DOUBLE AS rest_personen,
       CASE WHEN NOT s.from_persons THEN s.rest + IF(f.euro, 1000, 0) END::DOUBLE AS rest_other,
       sums.z IS NULL OR (f.zaehler IS NOT DISTINCT FROM sums.z AND f.nenner_summe IS NOT DISTINCT FROM sums.n)
           AS level_is_sum
FROM found f
LEFT JOIN forces USING (ebene, gebiet, kennzahl, geschlecht)
LEFT JOIN sizes USING (kennzahl, definition)
LEFT JOIN sums USING (ref_month, kennzahl, definition, geschlecht, ebene, gebiet)
LEFT JOIN sexes s USING (ref_month, ebene, gebiet, kennzahl, definition, geschlecht)
ORDER BY ALL
"""

SETS = ("alle", "kommunal", "vergleichstyp", "land")
_MEMBER = {
    "alle": "'alle'",
    "kommunal": "CASE WHEN traeger = 'zkT' THEN 'kommunal' END",
    "vergleichstyp": "vergleichstyp",
    "land": "land",
}
_IN_SETS = " UNION ALL ".join(
    f"""SELECT id, ref_month, kennzahl, definition, geschlecht, better, above, below, wert_anzeige, wert,
        '{name}' AS in_set, {_MEMBER[name]} AS member, rang_{name} AS rang, rang_anzeige_{name} AS rang_anzeige,
        anzahl_{name} AS anzahl, rang_von_{name} AS rang_von, rang_bis_{name} AS rang_bis FROM found"""
    for name in SETS
)


def _rank(value: str) -> str:
    """Return the rank within `partition_` by a value that is the better the larger; equal ones share it as the switch says."""
    over = f"OVER (partition_ ORDER BY better * {value} DESC)"
    return f"""CASE getvariable('ties') WHEN 'min' THEN rank() {over} WHEN 'max' THEN count(*) {over}
               WHEN 'dense' THEN dense_rank() {over} END"""


def ranking(source: str) -> str:
    """Return the common table expressions `found`, `ranked` and `undue` that rank a comparison again in whole numbers.

    Values are ordered by 10^18 times the quotient, which tells apart any two quotients of counts.
    """
    return f"""
WITH found AS (
    SELECT v.*, row_number() OVER () AS id, i.better, i.euro, {EXACT}
    FROM {source} v LEFT JOIN indicators i USING (kennzahl, definition)
), in_sets AS ({_IN_SETS}), due AS (
    SELECT *, {_rank("(above * 1000000000000000000 // below)")} AS due_rang, {_rank("wert_anzeige")} AS due_rang_anzeige,
           count(*) OVER (partition_) AS due_anzahl, min(rang) OVER (partition_) AS first_rang
    FROM in_sets WHERE better <> 0 AND wert IS NOT NULL AND member IS NOT NULL AND below IS NOT NULL
    WINDOW partition_ AS (PARTITION BY ref_month, kennzahl, definition, geschlecht, in_set, member)
), ranked AS (
    SELECT id,
           count(*) FILTER (NOT coalesce(rang BETWEEN 1 AND anzahl AND rang_anzeige BETWEEN 1 AND anzahl, false))
               AS ranks_out_of_range,
           count(*) FILTER (first_rang IS DISTINCT FROM 1 AND getvariable('ties') <> 'max') AS rank_one_missing,
           count(*) FILTER (rang IS DISTINCT FROM due_rang OR anzahl IS DISTINCT FROM due_anzahl) AS ranks_wrong,
           count(*) FILTER (rang_anzeige IS DISTINCT FROM due_rang_anzeige) AS display_ranks_wrong,
           count(*) FILTER (NOT (rang_von >= 1 AND rang_von <= rang AND rang <= rang_bis AND rang_bis <= anzahl))
               AS spans_wrong
    FROM due GROUP BY id
), undue AS (
    SELECT id, count(*) FILTER (rang IS NOT NULL OR rang_anzeige IS NOT NULL) AS ranks_undue
    FROM in_sets WHERE NOT coalesce(better <> 0 AND wert IS NOT NULL AND member IS NOT NULL, false) GROUP BY id
)
"""


_VERGLEICH = f"""{ranking("vergleich")}
SELECT v.jc_id, v.ref_month, v.kennzahl, v.definition, v.geschlecht,
       (v.nenner_summe / nullif(v.nenner_monate, 0))::DOUBLE AS nenner,
       (v.wert IS NULL) = (nullif(v.grund, '') IS NOT NULL) AND (v.wert IS NULL) = (v.wert_anzeige IS NULL) AS value_or_reason,
       k.gebiet IS NOT NULL AND v.wert IS NOT DISTINCT FROM k.wert AND v.wert_anzeige IS NOT DISTINCT FROM k.wert_anzeige
           AND v.zaehler IS NOT DISTINCT FROM k.zaehler AND v.nenner_summe IS NOT DISTINCT FROM k.nenner_summe
           AS same_as_indicator,
       coalesce(r.ranks_out_of_range, 0) AS ranks_out_of_range, coalesce(r.rank_one_missing, 0) AS rank_one_missing,
       coalesce(r.ranks_wrong, 0) AS ranks_wrong, coalesce(r.display_ranks_wrong, 0) AS display_ranks_wrong,
       coalesce(r.spans_wrong, 0) AS spans_wrong, coalesce(u.ranks_undue, 0) AS ranks_undue,
       coalesce(intervall_unten <= v.wert_anzeige AND v.wert_anzeige <= intervall_oben, true) AS interval_contains_value,
       CASE WHEN v.kennzahl IN ('K2', 'K2E1', 'K2E2', 'K2E4', 'K3E1') THEN aenderung_vormonat END::DOUBLE AS jump
FROM found v
LEFT JOIN (SELECT * FROM kennzahlen WHERE ebene = 'jobcenter') k
     ON k.gebiet = v.jc_id AND k.ref_month = v.ref_month AND k.kennzahl = v.kennzahl AND k.definition = v.definition
     AND k.geschlecht = v.geschlecht
LEFT JOIN ranked r USING (id) LEFT JOIN undue u USING (id)
ORDER BY ALL
"""

COMPUTED: Mapping[str, str] = {
    "eckwerte": _ECKWERTE,
    "bilanz": _BILANZ,
    "median": MEDIAN,
    "kennzahlen": _KENNZAHLEN,
    "vergleich": _VERGLEICH,
    "abgleich": ABGLEICH,
}

KEYS: Mapping[str, tuple[str, ...]] = {
    "eckwerte": ("jc_id", "ref_month", "merkmal", "geschlecht"),
    "bilanz": ("jc_id", "ref_month", "geschlecht"),
    "median": ("jc_id", "ref_month", "merkmal", "geschlecht"),
    "kennzahlen": ("jc_id", "ref_month", "ebene", "gebiet", "definition", "geschlecht"),
    "vergleich": ("jc_id", "ref_month", "definition", "geschlecht"),
    "abgleich": ("jc_id", "ref_month", "merkmal", "geschlecht"),
}
