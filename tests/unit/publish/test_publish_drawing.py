"""German numbers and drawings: formats, ticks, swarms without overlap, gaps and breaks in sparklines."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from pipeline.catalog import load_catalog
from pipeline.publish.comparison import middle_half
from pipeline.publish.drawing import Scale, Swarm, SwarmMark, sparkline
from pipeline.publish.history import Course
from pipeline.publish.wording import Signs, german, megabytes, month_name


@pytest.mark.parametrize(
    ("value", "signed", "text"),
    [
        ("74.3", False, "74,3"),
        ("-0.6", False, "−0,6"),
        ("0.0", True, "±0,0"),
        ("1.2", True, "+1,2"),
        ("12345.5", False, "12\u202f345,5"),
        ("-1234", True, "−1\u202f234"),
    ],
)
def test_german_numbers(value: str, signed: bool, text: str) -> None:
    assert german(Decimal(value), signed=signed) == text


def test_units_follow_a_no_break_space() -> None:
    assert month_name("2018-03") == "März\u00a02018"
    assert (megabytes(29_000), megabytes(1_290_000)) == ("29\u00a0kB", "1,2\u00a0MB")


def test_every_reason_has_a_sign_and_an_unknown_one_is_refused() -> None:
    signs = Signs.of(load_catalog())
    assert (signs.sign("geheim"), signs.words("geheim")) == ("*", "geheim zu halten")
    assert signs.sign("folgt_spaeter") == "..."
    with pytest.raises(ValueError, match="'kaputt' is no reason"):
        signs.sign("kaputt")


def test_ticks_are_round_and_inside() -> None:
    for low, high in ((54.3, 83.1), (-12.4, 7.9), (2.9, 3.6), (0.0, 100.0)):
        ticks = Scale(low, high, 214).ticks(5)
        assert 2 <= len(ticks) <= 12
        assert all(low - 1e-9 <= float(t) <= high + 1e-9 for t in ticks)


def test_swarm_places_every_point_at_its_value_without_overlap() -> None:
    points_ = [(Decimal(50 + (i * 37) % 90) / 2, i % 4 == 0) for i in range(180)]
    swarm = Swarm.of(points_, width=600, radius=3.0, css="")
    assert len(swarm.placed) == len(points_)
    assert sorted(round(x, 6) for x, _, _ in swarm.placed) == sorted(round(swarm.scale(v), 6) for v, _ in points_)
    for i, (x, y, _) in enumerate(swarm.placed):
        for other_x, other_y, _ in swarm.placed[i + 1 :]:
            assert math.hypot(x - other_x, y - other_y) >= 6.0 - 1e-6
    drawn = str(swarm.draw(SwarmMark(Decimal("40.0"), "Median <b>: 40,0"), "Verteilung"))
    assert drawn.count("h0") == len(points_) and 'role="img"' in drawn and "<b>" not in drawn


def test_empty_and_single_swarms_are_drawn() -> None:
    assert str(Swarm.of([], width=300, radius=2, css="").draw(None, "nichts")) == ""
    assert "h0" in Swarm.of([(Decimal("5.0"), True)], width=300, radius=2, css="").draw(None, "einer")


def test_sparkline_leaves_gaps_and_starts_anew_with_a_definition() -> None:
    months = tuple(f"2018-{m:02d}" for m in range(1, 9))
    values = tuple(Decimal(v) if v else None for v in ("1.0", "2.0", "", "3.0", "2.0", "4.0", "5.0", "4.5"))
    whole = sparkline(Course(months, values, frozenset()))
    broken = sparkline(Course(months, values, frozenset({5})))
    assert whole.count("M") == 2 and broken.count("M") == 3
    assert sparkline(Course(months, (*values[:-1], None), frozenset())).count("<circle") == 0
    assert sparkline(Course(months, (None,) * 8, frozenset())) == ""


def test_middle_half_is_exact_and_needs_four_values() -> None:
    assert middle_half(Decimal(v) for v in ("1.0", "2.0", "3.0", "4.0", "5.0")) == (Decimal("2.0"), Decimal("4.0"))
    assert middle_half([Decimal("1.0")] * 3) is None
