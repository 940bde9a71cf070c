"""Hand-written DuckDB SQL: what is large month by month, whose hash tables stay small; the rest over all months at once.

Two things are cheaper than they look: days as ELB are the bits of one number per person and month, so that LZB is a sum of bit
counts; and an entry is a period that starts in the window with no other of the person's periods ending up to a week before it,
which asks the few periods that start there instead of ordering all of them.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa

from benchmarks.country import BRIDGED_DAYS, COLUMNS, LZB_DAYS, Country

THREADS, MEMORY = 2, "2GB"
OPEN = "DATE '9999-12-31'"

TABLES = """
CREATE TEMP TABLE stock (monat INTEGER, person BIGINT, jc VARCHAR, sex VARCHAR, elb BOOLEAN, allein BOOLEAN);
CREATE TEMP TABLE tage (monat INTEGER, person BIGINT, maske BIGINT);
CREATE TEMP TABLE gezaehlt (monat INTEGER, jc VARCHAR, sex VARCHAR, merkmal VARCHAR, wert BIGINT);
CREATE TEMP TABLE zuvor (person BIGINT, sex VARCHAR);
CREATE TEMP TABLE jetzt (person BIGINT, sex VARCHAR);
"""

MONTH = f"""
SET VARIABLE stichtag = (SELECT stichtag FROM kalender WHERE monat = {{monat}});
SET VARIABLE stichtag_1 = (SELECT stichtag_1 FROM kalender WHERE monat = {{monat}});

INSERT INTO stock
SELECT {{monat}}, person, jc,
       CASE WHEN min(coalesce(geschlecht, '')) = max(coalesce(geschlecht, '')) AND min(geschlecht) IN ('M', 'F')
            THEN min(geschlecht) ELSE '' END,
       bool_or(ist_elb), bool_or(ist_elb AND ist_alleinerziehend)
FROM {{bestand}} JOIN einheiten USING (jc_id) GROUP BY person, jc;

DROP TABLE zuvor;
ALTER TABLE jetzt RENAME TO zuvor;
CREATE TEMP TABLE jetzt AS
SELECT person, CASE WHEN min(sex) = max(sex) THEN min(sex) ELSE '' END AS sex FROM stock WHERE monat = {{monat}} GROUP BY person;
CREATE OR REPLACE TEMP TABLE wer_kommt AS FROM jetzt UNION ALL FROM zuvor ANTI JOIN jetzt USING (person);
CREATE OR REPLACE TEMP TABLE wer_geht AS FROM zuvor UNION ALL FROM jetzt ANTI JOIN zuvor USING (person);

CREATE OR REPLACE TEMP TABLE bezug AS
SELECT person, jc, von, coalesce(bis, {OPEN}) AS bis FROM {{leistungsbezug}} JOIN einheiten USING (jc_id);

INSERT INTO tage
SELECT {{monat}}, person,
       bit_or((1::BIGINT << (least(bis, getvariable('stichtag')) - getvariable('stichtag_1'))::INTEGER)
            - (1::BIGINT << greatest(von - getvariable('stichtag_1') - 1, 0)::INTEGER))
FROM bezug WHERE von <= getvariable('stichtag') AND bis > getvariable('stichtag_1') GROUP BY person;

INSERT INTO gezaehlt
WITH zugaenge AS (
    SELECT DISTINCT person, jc, von FROM bezug k
    WHERE von > getvariable('stichtag_1') AND von <= getvariable('stichtag') AND NOT EXISTS (
        SELECT 1 FROM bezug b WHERE b.person = k.person AND b.jc = k.jc
        AND b.von < k.von AND b.bis >= k.von - {BRIDGED_DAYS + 1})
),
abgaenge AS (
    SELECT DISTINCT person, jc, bis FROM bezug k
    WHERE bis >= getvariable('stichtag_1') AND bis < getvariable('stichtag') AND NOT EXISTS (
        SELECT 1 FROM bezug b WHERE b.person = k.person AND b.jc = k.jc
        AND b.bis > k.bis AND b.von <= k.bis + {BRIDGED_DAYS + 1})
)
SELECT {{monat}}, jc, coalesce(sex, ''), 'elb_zugang', count(*) FROM zugaenge LEFT JOIN wer_kommt USING (person) GROUP BY ALL
UNION ALL
SELECT {{monat}}, jc, coalesce(sex, ''), 'elb_abgang', count(*) FROM abgaenge LEFT JOIN wer_geht USING (person) GROUP BY ALL
UNION ALL
SELECT {{monat}}, jc, coalesce(sex, ''), summe, (100 * sum(anspruch_eur))::BIGINT
FROM {{leistung}} JOIN rechtsgrundlagen r ON rechtsgrundlage = r.code JOIN einheiten USING (jc_id)
LEFT JOIN wer_kommt USING (person) GROUP BY ALL;
"""

LONG_TERM = """
CREATE TEMP TABLE lzb AS
WITH summen AS (SELECT person, {sums} FROM tage GROUP BY person),
lange AS (SELECT person, monat::INTEGER AS monat FROM (UNPIVOT summen ON {months} INTO NAME monat VALUE tage) WHERE tage >= {days})
SELECT monat, person FROM lange SEMI JOIN (SELECT monat, person FROM stock WHERE elb) USING (monat, person);
"""

EVENTS = """
CREATE TEMP TABLE ereignisse AS
WITH starts AS (
    SELECT monat, person, beginn > stichtag_1 AS w1, integration, svb AND NOT im_ausland AS svb, gering,
           coalesce((gueltig_ab IS NULL OR gueltig_ab <= beginn) AND (gueltig_bis IS NULL OR gueltig_bis >= beginn)
                    AND CASE WHEN beginn >= liste_ab THEN oegb_ab_2019 ELSE oegb_bis_2018 END, false) AS oegb
    FROM aufnahme JOIN kalender k USING (monat) JOIN aufnahmearten a ON art = a.code LEFT JOIN foerderung f ON foerderung = f.code
    WHERE recorded_on <= k."freeze" AND beginn > stichtag_2 AND beginn <= stichtag
),
neu AS (
    SELECT DISTINCT monat, person FROM starts s
    WHERE NOT EXISTS (SELECT 1 FROM stock v WHERE v.monat = s.monat - 2 AND v.person = s.person AND v.elb)
),
personen AS (
    SELECT monat, person, bool_or(integration AND NOT oegb) AS "int", bool_or(integration AND NOT oegb AND svb) AS int_svb,
           bool_or(gering) AS bs_gering, bool_or(oegb) AS bs_2am
    FROM starts WHERE w1 OR (monat, person) IN (FROM neu) GROUP BY ALL
)
SELECT p.monat, p.person, v.jc, v.sex, "int", int_svb, bs_gering, bs_2am,
       "int" AND v.allein AS int_allein, "int" AND l.person IS NOT NULL AS int_lzb
FROM personen p JOIN stock v ON v.monat = p.monat - 1 AND v.person = p.person AND v.elb
LEFT JOIN lzb l ON l.monat = p.monat - 1 AND l.person = p.person;
"""

RESULT = f"""
WITH massnahmen AS (
    SELECT DISTINCT monat, person FROM massnahme JOIN kalender USING (monat) JOIN foerderung f ON massnahme_art = f.code
    WHERE von <= stichtag AND coalesce(bis, {OPEN}) >= stichtag
      AND (gueltig_ab IS NULL OR gueltig_ab <= stichtag) AND (gueltig_bis IS NULL OR gueltig_bis >= stichtag)
      AND CASE WHEN liste_2019 THEN aktiv_ab_2019 ELSE aktiv_bis_2018 END
),
lange AS (
    SELECT s.monat, s.person, s.jc, s.sex, s.monat + 1 AS danach, s.monat - 1 AS davor
    FROM stock s SEMI JOIN lzb USING (monat, person) WHERE elb
),
beschaeftigt AS (
    SELECT DISTINCT monat, person FROM beschaeftigung JOIN kalender USING (monat)
    WHERE von <= pruef_tag AND coalesce(bis, {OPEN}) >= pruef_tag AND personengruppe NOT IN (FROM nicht_svb)
),
verbleib AS (
    SELECT e.monat, e.person, jc, sex, bool_or(b.monat = e.monat + 12) AS nach12,
           count(*) FILTER (b.monat BETWEEN e.monat + 1 AND e.monat + 6) = 6 AS kont6
    FROM ereignisse e JOIN beschaeftigt b ON b.person = e.person AND b.monat BETWEEN e.monat + 1 AND e.monat + 12
    WHERE int_svb GROUP BY ALL
),
zellen AS (
    UNPIVOT (SELECT monat, jc, sex, count(*) AS elb, count(*) FILTER (allein) AS alleinerz FROM stock WHERE elb GROUP BY ALL)
    ON elb, alleinerz INTO NAME merkmal VALUE wert
    UNION ALL
    FROM gezaehlt
    UNION ALL
    SELECT monat, jc, sex, 'lzb', count(*) FROM lange GROUP BY ALL
    UNION ALL
    SELECT monat, jc, sex, 'lzb_amp', count(*) FROM lange SEMI JOIN massnahmen USING (monat, person) GROUP BY ALL
    UNION ALL
    SELECT monat, jc, sex, 'lzb_zugang', count(*) FROM lange
    WHERE NOT EXISTS (SELECT 1 FROM lzb l WHERE l.monat = lange.davor AND l.person = lange.person) GROUP BY ALL
    UNION ALL
    SELECT danach, jc, sex, 'lzb_abgang', count(*) FROM lange
    WHERE NOT EXISTS (SELECT 1 FROM lzb l WHERE l.monat = lange.danach AND l.person = lange.person) GROUP BY ALL
    UNION ALL
    UNPIVOT (
        SELECT monat, jc, sex, count(*) FILTER ("int") AS "int", count(*) FILTER (int_svb) AS int_svb,
               count(*) FILTER (bs_gering) AS bs_gering, count(*) FILTER (bs_2am) AS bs_2am,
               count(*) FILTER (int_allein) AS int_allein, count(*) FILTER (int_lzb) AS int_lzb
        FROM ereignisse GROUP BY ALL)
    ON "int", int_svb, bs_gering, bs_2am, int_allein, int_lzb INTO NAME merkmal VALUE wert
    UNION ALL
    UNPIVOT (SELECT monat, jc, sex, count(*) FILTER (nach12) AS svb_nach12, count(*) FILTER (kont6) AS svb_kont6
             FROM verbleib GROUP BY ALL)
    ON svb_nach12, svb_kont6 INTO NAME merkmal VALUE wert
)
SELECT ref_month, jc AS jc_id, geschlecht, merkmal, sum(wert)::BIGINT AS wert
FROM (SELECT monat, jc, merkmal, wert, unnest(CASE sex WHEN '' THEN ['T'] ELSE ['T', sex] END) AS geschlecht FROM zellen)
JOIN kalender USING (monat) JOIN spannen USING (merkmal)
WHERE monat BETWEEN erster AND letzter
GROUP BY ALL
"""


def counts(country: Country) -> pa.Table:
    """Return all cells (schema `country.RESULT`)."""
    connection = duckdb.connect(config={"threads": THREADS, "memory_limit": MEMORY, "preserve_insertion_order": False})
    for name, table in country.lists().items():
        connection.register(name, table)
    for name in ("aufnahme", "massnahme", "beschaeftigung"):
        files = ", ".join(_quoted(file) for file in country.files(name))
        connection.execute(
            f"CREATE TEMP VIEW {name} AS SELECT monat, {', '.join(COLUMNS[name])} "
            f"FROM read_parquet([{files}], hive_partitioning = true, hive_types = {{'ref_month': VARCHAR}}) "
            "JOIN kalender USING (ref_month)"
        )
    connection.execute(TABLES)
    for monat, month in enumerate(country.months):
        files_of = {
            t: f"read_parquet({_quoted(country.staged[t][month])})" for t in ("bestand", "leistungsbezug", "leistung")
        }
        connection.execute(MONTH.format(monat=monat, **files_of))
    connection.execute(LONG_TERM.format(**_long_term(country)))
    connection.execute(EVENTS)
    found: pa.Table = connection.sql(RESULT).to_arrow_table()
    return found


def _quoted(file: object) -> str:
    return "'" + str(file).replace("'", "''") + "'"


def _long_term(country: Country) -> dict[str, str | int]:
    """Return as SQL the sum of days of every month with LZB; the window cut by the first of the 730 days counts in part."""
    sums = [
        "sum(CASE WHEN monat BETWEEN {von} AND {lzb_monat} THEN bit_count(maske) "
        'WHEN monat = {teil} THEN bit_count(maske >> {ohne}) END) AS "{lzb_monat}"'.format(**row)
        for row in country.fenster.to_pylist()
    ]
    months = ", ".join(f'"{month}"' for month in country.fenster["lzb_monat"].to_pylist())
    return {"sums": ", ".join(sums), "months": months, "days": LZB_DAYS}
