"""PySpark in local mode on two cores: Spark SQL over all months, tables that are used more than once cached."""

from __future__ import annotations

import shutil
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyspark.sql.functions as F  # noqa: N812 - as everybody writes it
from pyspark.sql import DataFrame, SparkSession

from benchmarks.country import BRIDGED_DAYS, COLUMNS, LZB_DAYS, RESULT, Country

THREADS, MEMORY = 2, "4g"
OPEN = "DATE '9999-12-31'"

if shutil.which("java") is None:
    raise ModuleNotFoundError("Java 17 or later", name="java")

STOCK = """
SELECT monat, person, jc,
       CASE WHEN min(coalesce(geschlecht, '')) = max(coalesce(geschlecht, '')) AND min(geschlecht) IN ('M', 'F')
            THEN min(geschlecht) ELSE '' END AS sex,
       bool_or(ist_elb) AS elb, bool_or(ist_elb AND ist_alleinerziehend) AS allein
FROM bestand JOIN einheiten USING (jc_id) GROUP BY monat, person, jc
"""

SEXES = """
SELECT monat, person, CASE WHEN min(sex) = max(sex) THEN min(sex) ELSE '' END AS sex FROM stock GROUP BY monat, person
"""

PERIODS = f"""
SELECT monat, person, jc, von, coalesce(bis, {OPEN}) AS bis, stichtag, stichtag_1
FROM leistungsbezug JOIN einheiten USING (jc_id) JOIN kalender USING (monat)
"""

LONG_TERM = """
WITH tage AS (
    SELECT monat, person, bit_or(shiftleft(1L, datediff(least(bis, stichtag), stichtag_1))
                               - shiftleft(1L, greatest(datediff(von, stichtag_1) - 1, 0))) AS maske
    FROM bezug WHERE von <= stichtag AND bis > stichtag_1 GROUP BY monat, person
),
summen AS (SELECT person, {sums} FROM tage GROUP BY person),
lange AS (SELECT person, stack({stack}) AS (monat, tage) FROM summen)
SELECT monat, person FROM (SELECT * FROM lange WHERE tage >= {days})
LEFT SEMI JOIN (SELECT monat, person FROM stock WHERE elb) USING (monat, person)
"""

EVENTS = """
WITH starts AS (
    SELECT monat, person, beginn > stichtag_1 AS w1, integration, svb AND NOT im_ausland AS svb, gering,
           coalesce((gueltig_ab IS NULL OR gueltig_ab <= beginn) AND (gueltig_bis IS NULL OR gueltig_bis >= beginn)
                    AND CASE WHEN beginn >= liste_ab THEN oegb_ab_2019 ELSE oegb_bis_2018 END, false) AS oegb
    FROM aufnahme JOIN kalender USING (monat) JOIN aufnahmearten a ON art = a.code LEFT JOIN foerderung f ON foerderung = f.code
    WHERE recorded_on <= freeze AND beginn > stichtag_2 AND beginn <= stichtag
),
personen AS (
    SELECT s.monat, s.person, bool_or(integration AND NOT oegb) AS `int`, bool_or(integration AND NOT oegb AND svb) AS int_svb,
           bool_or(gering) AS bs_gering, bool_or(oegb) AS bs_2am
    FROM starts s LEFT JOIN (SELECT DISTINCT monat + 2 AS monat, person, true AS bekannt FROM stock WHERE elb) v
    ON v.monat = s.monat AND v.person = s.person
    WHERE w1 OR bekannt IS NULL GROUP BY s.monat, s.person
)
SELECT p.monat, p.person, v.jc, v.sex, `int`, int_svb, bs_gering, bs_2am,
       `int` AND v.allein AS int_allein, `int` AND l.person IS NOT NULL AS int_lzb
FROM personen p JOIN stock v ON v.monat = p.monat - 1 AND v.person = p.person AND v.elb
LEFT JOIN lzb l ON l.monat = p.monat - 1 AND l.person = p.person
"""

MOVEMENTS = f"""
WITH beruehrt AS (
    SELECT DISTINCT monat, person, jc FROM bezug
    WHERE (von > stichtag_1 AND von <= stichtag) OR (bis >= stichtag_1 AND bis < stichtag)
),
gereiht AS (
    SELECT *, max(bis) OVER (PARTITION BY monat, person, jc ORDER BY von, bis
                             ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING) AS bisher
    FROM bezug LEFT SEMI JOIN beruehrt USING (monat, person, jc)
),
inseln AS (
    SELECT monat, person, jc, insel, min(von) AS von, max(bis) AS bis, max(stichtag) AS stichtag, max(stichtag_1) AS stichtag_1
    FROM (
        SELECT *, sum(CASE WHEN bisher IS NULL OR datediff(von, bisher) > {BRIDGED_DAYS + 1} THEN 1 ELSE 0 END)
                  OVER (PARTITION BY monat, person, jc ORDER BY von, bis ROWS UNBOUNDED PRECEDING) AS insel
        FROM gereiht
    )
    GROUP BY monat, person, jc, insel
)
SELECT i.monat, jc, coalesce(jetzt.sex, zuvor.sex, '') AS sex, 'elb_zugang' AS merkmal
FROM inseln i LEFT JOIN geschlechter jetzt ON jetzt.monat = i.monat AND jetzt.person = i.person
LEFT JOIN geschlechter zuvor ON zuvor.monat = i.monat - 1 AND zuvor.person = i.person
WHERE von > stichtag_1 AND von <= stichtag
UNION ALL
SELECT i.monat, jc, coalesce(zuvor.sex, jetzt.sex, ''), 'elb_abgang'
FROM inseln i LEFT JOIN geschlechter jetzt ON jetzt.monat = i.monat AND jetzt.person = i.person
LEFT JOIN geschlechter zuvor ON zuvor.monat = i.monat - 1 AND zuvor.person = i.person
WHERE bis >= stichtag_1 AND bis < stichtag
"""

RESULT_SQL = f"""
WITH massnahmen AS (
    SELECT DISTINCT monat, person FROM massnahme JOIN kalender USING (monat) JOIN foerderung f ON massnahme_art = f.code
    WHERE von <= stichtag AND coalesce(bis, {OPEN}) >= stichtag
      AND (gueltig_ab IS NULL OR gueltig_ab <= stichtag) AND (gueltig_bis IS NULL OR gueltig_bis >= stichtag)
      AND CASE WHEN liste_2019 THEN aktiv_ab_2019 ELSE aktiv_bis_2018 END
),
lange AS (SELECT monat, person, jc, sex FROM stock LEFT SEMI JOIN lzb USING (monat, person) WHERE elb),
beschaeftigt AS (
    SELECT DISTINCT monat, person FROM beschaeftigung JOIN kalender USING (monat)
    WHERE von <= pruef_tag AND coalesce(bis, {OPEN}) >= pruef_tag AND personengruppe NOT IN (SELECT code FROM nicht_svb)
),
verbleib AS (
    SELECT e.monat, e.person, jc, sex, bool_or(b.monat = e.monat + 12) AS nach12, count_if(b.monat <= e.monat + 6) = 6 AS kont6
    FROM ereignisse e JOIN beschaeftigt b ON b.person = e.person AND b.monat BETWEEN e.monat + 1 AND e.monat + 12
    WHERE int_svb GROUP BY e.monat, e.person, jc, sex
),
zellen AS (
    SELECT monat, jc, sex, stack(2, 'elb', count(*), 'alleinerz', count_if(allein)) AS (merkmal, wert)
    FROM stock WHERE elb GROUP BY monat, jc, sex
    UNION ALL
    SELECT monat, jc, sex, merkmal, count(*) FROM bewegungen GROUP BY monat, jc, sex, merkmal
    UNION ALL
    SELECT monat, jc, sex, 'lzb', count(*) FROM lange GROUP BY monat, jc, sex
    UNION ALL
    SELECT monat, jc, sex, 'lzb_amp', count(*) FROM lange LEFT SEMI JOIN massnahmen USING (monat, person) GROUP BY monat, jc, sex
    UNION ALL
    SELECT monat, jc, sex, 'lzb_zugang', count(*) FROM lange
    LEFT ANTI JOIN (SELECT monat + 1 AS monat, person FROM lzb) USING (monat, person) GROUP BY monat, jc, sex
    UNION ALL
    SELECT monat + 1, jc, sex, 'lzb_abgang', count(*) FROM lange
    LEFT ANTI JOIN (SELECT monat - 1 AS monat, person FROM lzb) USING (monat, person) GROUP BY monat, jc, sex
    UNION ALL
    SELECT monat, jc, sex, stack(6, 'int', count_if(`int`), 'int_svb', count_if(int_svb), 'bs_gering', count_if(bs_gering),
        'bs_2am', count_if(bs_2am), 'int_allein', count_if(int_allein), 'int_lzb', count_if(int_lzb))
    FROM ereignisse GROUP BY monat, jc, sex
    UNION ALL
    SELECT monat, jc, sex, stack(2, 'svb_nach12', count_if(nach12), 'svb_kont6', count_if(kont6))
    FROM verbleib GROUP BY monat, jc, sex
    UNION ALL
    SELECT z.monat, jc, coalesce(jetzt.sex, zuvor.sex, ''), summe, CAST(100 * sum(anspruch_eur) AS BIGINT)
    FROM leistung z JOIN rechtsgrundlagen r ON rechtsgrundlage = r.code JOIN einheiten USING (jc_id)
    LEFT JOIN geschlechter jetzt ON jetzt.monat = z.monat AND jetzt.person = z.person
    LEFT JOIN geschlechter zuvor ON zuvor.monat = z.monat - 1 AND zuvor.person = z.person
    GROUP BY z.monat, jc, coalesce(jetzt.sex, zuvor.sex, ''), summe
)
SELECT ref_month, jc AS jc_id, geschlecht, merkmal, CAST(sum(wert) AS BIGINT) AS wert
FROM (SELECT monat, jc, merkmal, wert, explode(CASE sex WHEN '' THEN array('T') ELSE array('T', sex) END) AS geschlecht FROM zellen)
JOIN kalender USING (monat) JOIN spannen USING (merkmal)
WHERE monat BETWEEN erster AND letzter
GROUP BY ref_month, jc, geschlecht, merkmal
"""


def counts(country: Country) -> pa.Table:
    """Return all cells (schema `country.RESULT`); starting and ending the Java virtual machine is part of it."""
    with TemporaryDirectory() as scratch:
        spark = _session(Path(scratch))
        try:
            return _counted(spark, country)
        finally:
            spark.stop()


def _session(scratch: Path) -> SparkSession:
    return (
        SparkSession.builder.master(f"local[{THREADS}]")
        .config("spark.driver.memory", MEMORY)
        .config("spark.driver.host", "127.0.0.1")
        .config("spark.driver.bindAddress", "127.0.0.1")
        .config("spark.local.dir", str(scratch))
        .config("spark.sql.warehouse.dir", str(scratch / "warehouse"))
        # LZ4, the default, leaves pseudonyms as long as they are: for the country 40 GB of disk did not do.
        .config("spark.io.compression.codec", "zstd")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .config("spark.sql.shuffle.partitions", str(4 * THREADS))
        .config("spark.sql.session.timeZone", "UTC")
        .config("spark.sql.sources.partitionColumnTypeInference.enabled", "false")
        .config("spark.sql.execution.arrow.pyspark.enabled", "true")
        .getOrCreate()
    )


def _counted(spark: SparkSession, country: Country) -> pa.Table:
    for name, table in country.lists().items():
        F.broadcast(spark.createDataFrame(table)).createOrReplaceTempView(name)
    for name, columns in COLUMNS.items():
        files = country.files(name)
        rows = (
            spark.read.option("basePath", str(Path(files[0]).parents[1])).parquet(*files).select("ref_month", *columns)
        )
        rows.createOrReplaceTempView(f"{name}_alle")
        listed = ", ".join(columns)
        spark.sql(f"SELECT monat, {listed} FROM {name}_alle JOIN kalender USING (ref_month)").createOrReplaceTempView(
            name
        )
    cached: list[DataFrame] = []
    for name, statement in (
        ("stock", STOCK),
        ("geschlechter", SEXES),
        ("bezug", PERIODS),
        ("lzb", LONG_TERM.format(**_long_term(country))),
        ("ereignisse", EVENTS),
        ("bewegungen", MOVEMENTS),
    ):
        rows = spark.sql(statement)
        if name != "bewegungen":
            cached.append(rows.cache())
        rows.createOrReplaceTempView(name)
    return pa.Table.from_pandas(spark.sql(RESULT_SQL).toPandas(), preserve_index=False).cast(RESULT)


def _long_term(country: Country) -> dict[str, str | int]:
    """Return as SQL the sum of days of every month with LZB; the window cut by the first of the 730 days counts in part."""
    sums = [
        "sum(CASE WHEN monat BETWEEN {von} AND {lzb_monat} THEN bit_count(maske) "
        "WHEN monat = {teil} THEN bit_count(shiftright(maske, {ohne})) END) AS t{lzb_monat}".format(**row)
        for row in country.fenster.to_pylist()
    ]
    months = country.fenster["lzb_monat"].to_pylist()
    stack = ", ".join([str(len(months)), *(f"{month}, t{month}" for month in months)])
    return {"sums": ", ".join(sums), "stack": stack, "days": LZB_DAYS}
