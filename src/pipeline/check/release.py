"""The frames of what is to be published: no small count, nothing beside a hidden value, nothing lost on the way.

These rules are the last look before anybody sees the figures; how suppression chooses its cells is `compare`'s affair.
"""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.check.computed import SETS, ranking
from pipeline.check.reconciled import OPEN_ABGLEICH

_RANKS = " AND ".join(
    f"rang_{name} IS NULL AND rang_anzeige_{name} IS NULL AND rang_von_{name} IS NULL AND rang_bis_{name} IS NULL"
    for name in SETS
)

_ECKWERTE = """
WITH cells AS (
    SELECT o.*, nullif(o.grund, '') AS reason, coalesce(m.euro, false) AS euro
    FROM open_eckwerte o LEFT JOIN merkmale m USING (merkmal)
), sexes AS (
    SELECT ref_month, jc_id, merkmal, count(wert) AS shown FROM cells GROUP BY ALL
), due AS (
    SELECT ref_month, jc_id, geschlecht, merkmal, max(wert) AS wert FROM eckwerte GROUP BY ALL
), wholes AS (
    SELECT c.ref_month, c.jc_id, c.geschlecht, parts.part AS merkmal, max(c.wert) AS whole
    FROM cells c JOIN parts ON parts.whole = c.merkmal WHERE parts.in_indicator GROUP BY ALL
)
SELECT c.jc_id, c.ref_month, c.geschlecht, c.merkmal,
       CASE WHEN NOT c.euro THEN c.wert END::DOUBLE AS counted,
       (c.wert IS NULL) = (c.reason IS NOT NULL) AS value_or_reason,
       coalesce(c.wert IS NULL AND c.reason = 'geheim' AND s.shown = 2, false) AS recoverable,
       (w.whole - c.wert)::DOUBLE AS complement,
       c.wert IS NULL OR c.wert IS NOT DISTINCT FROM due.wert AS as_computed
FROM cells c
LEFT JOIN wholes w USING (ref_month, jc_id, geschlecht, merkmal)
LEFT JOIN sexes s USING (ref_month, jc_id, merkmal)
LEFT JOIN due USING (ref_month, jc_id, geschlecht, merkmal)
ORDER BY ALL
"""

_COUNTS = """
       CASE WHEN NOT coalesce(i.euro, false) THEN o.zaehler END::DOUBLE AS counted_zaehler,
       CASE WHEN NOT coalesce(i.euro, false) THEN o.nenner_summe END::DOUBLE AS counted_nenner,
       o.wert IS NOT NULL AND (o.zaehler IS NULL OR o.nenner_summe IS NULL) AS quotient_without_counts"""

_BESIDE = """coalesce(nullif(o.grund, ''), '') <> 'geheim'
           OR (o.wert IS NULL AND o.wert_anzeige IS NULL AND (o.zaehler IS NULL OR o.nenner_summe IS NULL)"""

_AREA = """CASE WHEN o.ebene = 'jobcenter' THEN o.gebiet ELSE '' END AS jc_id,
       o.ref_month, o.ebene, o.gebiet, o.definition, o.geschlecht,"""

_KENNZAHLEN = f"""
WITH sexes AS (
    SELECT ref_month, ebene, gebiet, definition, count(zaehler) AS shown FROM open_kennzahlen GROUP BY ALL
)
SELECT {_AREA}
       {_COUNTS},
       {_BESIDE}) AS nothing_beside_secret,
       CASE WHEN i.part THEN o.nenner_summe - o.zaehler END::DOUBLE AS complement,
       coalesce(o.zaehler IS NULL AND o.grund = 'geheim' AND s.shown = 2, false) AS recoverable,
       (o.wert IS NULL OR o.wert IS NOT DISTINCT FROM k.wert)
           AND (o.wert_anzeige IS NULL OR o.wert_anzeige IS NOT DISTINCT FROM k.wert_anzeige)
           AND (o.zaehler IS NULL OR o.zaehler IS NOT DISTINCT FROM k.zaehler)
           AND (o.nenner_summe IS NULL OR o.nenner_summe IS NOT DISTINCT FROM k.nenner_summe) AS as_computed
FROM open_kennzahlen o
LEFT JOIN indicators i USING (kennzahl, definition)
LEFT JOIN sexes s USING (ref_month, ebene, gebiet, definition)
LEFT JOIN kennzahlen k USING (ref_month, ebene, gebiet, kennzahl, definition, geschlecht)
ORDER BY ALL
"""

_REIHE = f"""
SELECT {_AREA}
       {_COUNTS},
       {_BESIDE}) AS nothing_beside_secret
FROM open_reihe o LEFT JOIN indicators i USING (kennzahl, definition)
ORDER BY ALL
"""

_VERGLEICH = f"""{ranking("open_vergleich")}
SELECT o.jc_id, o.ref_month, o.definition, o.geschlecht,
       {_COUNTS.replace("i.euro", "o.euro")},
       {_BESIDE}
           AND intervall_unten IS NULL AND intervall_oben IS NULL
           AND aenderung_vormonat IS NULL AND aenderung_vorjahr IS NULL AND {_RANKS}) AS nothing_beside_secret,
       k.gebiet IS NOT NULL AND o.wert IS NOT DISTINCT FROM k.wert AND o.wert_anzeige IS NOT DISTINCT FROM k.wert_anzeige
           AND o.zaehler IS NOT DISTINCT FROM k.zaehler AND o.nenner_summe IS NOT DISTINCT FROM k.nenner_summe
           AS agrees_with_indicator,
       coalesce(r.ranks_out_of_range + r.rank_one_missing + r.ranks_wrong + r.display_ranks_wrong, 0)
           + coalesce(u.ranks_undue, 0) AS ranks_wrong
FROM found o
LEFT JOIN (SELECT * FROM open_kennzahlen WHERE ebene = 'jobcenter') k
     ON k.gebiet = o.jc_id AND k.ref_month = o.ref_month AND k.kennzahl = o.kennzahl AND k.definition = o.definition
     AND k.geschlecht = o.geschlecht
LEFT JOIN ranked r USING (id) LEFT JOIN undue u USING (id)
ORDER BY ALL
"""

_ABDECKUNG = """
SELECT '' AS jc_id, ref_month, definition,
       count(wert_anzeige) FILTER (ebene = 'jobcenter') / nullif(count(*) FILTER (ebene = 'jobcenter'), 0) AS share_with_value,
       count(*) FILTER (ebene = 'jobcenter' AND grund = 'geheim') / nullif(count(*) FILTER (ebene = 'jobcenter'), 0)
           AS share_secret,
       coalesce(bool_or(ebene = 'bund' AND wert_anzeige IS NOT NULL), false) AS bund_has_value
FROM open_kennzahlen WHERE in_kraft AND geschlecht = 'T'
GROUP BY ALL ORDER BY ALL
"""

_GESAMT = """
SELECT '' AS jc_id, getvariable('month') AS ref_month,
       (SELECT count(DISTINCT jc_id) FROM eckwerte WHERE ref_month = getvariable('month') AND wert IS NOT NULL)
           AS jobcenters_with_counts,
       (SELECT count(*) FROM registry WHERE jc_id NOT IN (SELECT jc_id FROM open_vergleich WHERE jc_id IS NOT NULL))
           AS jobcenters_missing,
       (SELECT count(DISTINCT jc_id) FROM open_vergleich WHERE jc_id NOT IN (SELECT jc_id FROM registry))
           AS jobcenters_undue,
       (SELECT count(*) FROM kennzahlen) - (SELECT count(*) FROM open_kennzahlen) AS indicator_rows_lost
"""

RELEASE: Mapping[str, str] = {
    "eckwerte": _ECKWERTE,
    "kennzahlen": _KENNZAHLEN,
    "vergleich": _VERGLEICH,
    "reihe": _REIHE,
    "abgleich": OPEN_ABGLEICH,
    "abdeckung": _ABDECKUNG,
    "gesamt": _GESAMT,
}

_AREA_KEY = ("jc_id", "ref_month", "ebene", "gebiet", "definition", "geschlecht")
RELEASE_KEYS: Mapping[str, tuple[str, ...]] = {
    "eckwerte": ("jc_id", "ref_month", "merkmal", "geschlecht"),
    "kennzahlen": _AREA_KEY,
    "vergleich": ("jc_id", "ref_month", "definition", "geschlecht"),
    "reihe": _AREA_KEY,
    "abgleich": ("jc_id", "ref_month", "merkmal", "geschlecht"),
    "abdeckung": ("jc_id", "ref_month", "definition"),
    "gesamt": ("jc_id", "ref_month"),
}
