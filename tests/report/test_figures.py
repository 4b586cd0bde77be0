"""Figures hold the numbers they claim to; they are looked at by people, and their data is checked here."""

from __future__ import annotations

import statistics
from pathlib import Path

import pytest

from mevals.errors import UsageError
from mevals.figure_set import Wish, draw
from mevals.judge.badge import Evidence
from mevals.report import figures, reported, style
from mevals.report.figures import export
from mevals.report.values import values_of
from mevals.tokenizer_report import ScriptTokens

ROWS = reported.load("tiny-aya")
VALUES = values_of(reported.cells("tiny-aya"))
GLOBAL, EARTH = "Tiny Aya Global", "Tiny Aya Earth"


def trace(figure: object, name: str) -> object:
    return next(t for t in figure.data if t.name == name)  # type: ignore[attr-defined]


def test_figure_5_places_the_means_of_five_bins_with_their_sizes() -> None:
    figure = figures.by_web_presence(VALUES, "mdolly", "rubric")
    assert [t.partition("<br>")[2] for t in figure.layout.xaxis.ticktext] == ["n=7", "n=16", "n=18", "n=18", "n=7"]
    assert next(iter(trace(figure, GLOBAL).y)) == pytest.approx(72.6, abs=0.1)  # type: ignore[attr-defined]


def test_figure_7_shows_what_table_21_gives_and_not_what_the_text_says() -> None:
    figure = figures.difference_by(VALUES, "flores_en_xx", GLOBAL, ["Tiny Aya Fire", EARTH])
    regions = [t.replace("<br>", " ").rpartition(" n=")[0] for t in figure.layout.xaxis.ticktext]
    fire = dict(zip(regions, trace(figure, "Tiny Aya Fire").y, strict=True))  # type: ignore[attr-defined]
    earth = dict(zip(regions, trace(figure, EARTH).y, strict=True))  # type: ignore[attr-defined]
    assert fire["South Asia"] == pytest.approx(-0.75)
    assert earth["Africa"] == pytest.approx(0.9)


def test_figure_6_counts_wins_and_ties_as_printed() -> None:
    figure = figures.dumbbell(VALUES, "flores_en_xx", GLOBAL, "TranslateGemma 4B")
    assert "above in 24, equal as printed in 6 of 66" in figure.layout.annotations[-1].text


def test_figure_1_rings_the_best_family_member_beside_every_member() -> None:
    figure = figures.best_by_region(VALUES, ["flores_en_xx"], "Tiny Aya")
    ring = trace(figure, "best of Tiny Aya*")
    members = [t for t in figure.data if t.name.startswith("Tiny Aya")]
    assert len(members) == 4
    assert list(ring.y) == [max(t.y[k] for t in members) for k in range(5)]  # type: ignore[attr-defined]


def test_figure_12_leaves_out_countries_that_speak_english() -> None:
    figure = figures.english_minus_local(VALUES)
    assert sum(int(t.partition("n=")[2]) for t in figure.layout.xaxis.ticktext) == 14


def test_figure_4_stacks_the_published_shares() -> None:
    figure = figures.data_mixes(ROWS)
    totals = [sum(t.x[0] or 0 for t in figure.data)]
    assert totals[0] == pytest.approx(100, abs=1.5)


def test_figure_3_sorts_scripts_by_total_height_and_labels_them_with_their_languages() -> None:
    rows = [
        ScriptTokens(t, s, n, x, x, None, 1.0) for t in ("a", "b") for s, n, x in (("Mymr", 1, 0.8), ("Latn", 5, 0.2))
    ]
    figure = figures.tokens_by_script(rows)
    assert list(figure.data[0].x) == ["Latin", "Myanmar"]
    assert list(figure.data[-1].text) == ["5", "1"]


def test_ranks_and_heatmap_and_slopes_are_drawn() -> None:
    assert len(figures.rank_chart(VALUES, "mdolly", "rubric", draws=200).data[0].y) == 6
    assert len(figures.heatmap(VALUES, GLOBAL).data[0].y) > 66
    mean = statistics.fmean(
        100 * (v.value or 0) for v in VALUES if (v.task, v.metric, v.model) == ("mdolly", "rubric", GLOBAL)
    )
    assert trace(figures.slope_chart(VALUES, "mdolly", "flores_en_xx"), GLOBAL).y[0] == pytest.approx(mean)  # type: ignore[attr-defined]


def test_a_missing_cell_of_the_heatmap_is_blank() -> None:
    data = figures.heatmap(VALUES, GLOBAL).data[0]
    assert any(x is None for row in data.z for x in row)


def test_throughput_is_the_median_of_tokens_a_second() -> None:
    assert list(figures.throughput({"m": [(1.0, 10), (1.0, 30), (2.0, 40)]}).data[0].x) == [20.0]


def test_judge_trust_marks_evidence_of_too_few_cases_as_open() -> None:
    figure = figures.judge_trust(
        {"swh_Latn": [Evidence("retest", 0.95, 5)], "deu_Latn": [Evidence("retest", 0.95, 90)]}
    )
    assert list(figure.data[0].marker.symbol) == ["circle", "circle-open"]


def test_right_to_left_names_are_isolated() -> None:
    assert style.endonym("arb_Arab").startswith("\u2068") and "\u2069" in style.endonym("arb_Arab")


def test_what_cannot_be_drawn_is_named_with_its_reason() -> None:
    drawn = draw(VALUES, Wish(family="Tiny Aya", base=GLOBAL, against="TranslateGemma 4B"), mixes=ROWS)
    assert {
        "figure-1-regions",
        "figure-5-web-presence",
        "figure-6-languages",
        "figure-7-variants",
        "figure-11-blend",
    } <= set(drawn.figures)
    assert "tokenizer" in drawn.missing["3-tokens"]
    with pytest.raises(UsageError, match="unknown figure"):
        draw(VALUES, Wish(only=("99",)))


def test_html_opens_offline_and_needs_nothing(tmp_path: Path) -> None:
    (path,) = export.write_figures({"mixes": figures.data_mixes(ROWS)}, tmp_path)
    text = path.read_text(encoding="utf-8")
    assert "<script src=" not in text and "Plotly.newPlot" in text


def test_without_a_browser_the_message_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("kaleido", reason="needs the extra 'images'")
    monkeypatch.delenv("BROWSER_PATH", raising=False)
    monkeypatch.setenv("PATH", "")
    with pytest.raises(UsageError, match="install the package chromium"):
        export.check_formats(["png"])


@pytest.mark.site
def test_png_and_svg_and_pdf_come_from_a_local_chromium(tmp_path: Path) -> None:
    pytest.importorskip("kaleido", reason="needs the extra 'images'")
    if export.browser() is None:
        pytest.skip("no Chromium is installed")
    paths = export.write_figures({"m": figures.data_mixes(ROWS)}, tmp_path, ("png", "svg", "pdf"))
    heads = {p.suffix: p.read_bytes()[:8] for p in paths}
    assert (
        heads[".png"].startswith(b"\x89PNG") and heads[".pdf"].startswith(b"%PDF") and heads[".svg"].startswith(b"<svg")
    )


@pytest.mark.parametrize("name", ["1", "4", "5", "6", "7", "11", "12", "heatmap", "slope", "ranks"])
def test_a_figure_of_published_numbers_says_so(name: str) -> None:
    wish = Wish((name,), "Tiny Aya", GLOBAL, "TranslateGemma 4B")
    (figure,) = draw(VALUES, wish, mixes=ROWS).figures.values()
    assert "reported numbers" in [a.text for a in figure.layout.annotations]
