"""Paired comparisons and the gate: what is said of a difference, and that "can't tell" is not "no change"."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mevals.errors import DataError, UsageError
from mevals.report.compare import compare, detectable, to_markdown, verdict
from mevals.report.gate import FamilyRule, Policy, families_of, read_policy, run_gate, shared_labels
from mevals.report.gate import to_markdown as gate_markdown
from mevals.report.pairs import PairedCell

AFRICA = ("amh_Ethi", "hau_Latn", "ibo_Latn", "sna_Latn", "swh_Latn", "xho_Latn", "yor_Latn", "zul_Latn")
EUROPE = ("deu_Latn", "fra_Latn", "spa_Latn", "ita_Latn", "pol_Latn", "ces_Latn", "nld_Latn", "swe_Latn")


def cell(subset: str, region: str, a: np.ndarray, b: np.ndarray, **more: object) -> PairedCell:
    ids = tuple(f"{subset}-{i}" for i in range(a.size))
    given = {
        "task": "made_up",
        "condition": "",
        "metric": "accuracy",
        "signature": "s",
        "better": "higher",
        "scale": (0.0, 1.0),
    }
    return PairedCell(
        **{**given, "subset": subset, "about": subset, "region": region, "ids": ids, "a": a, "b": b, **more}
    )  # type: ignore[arg-type]


def planted(seed: int, loss: float, n: int = 1000, discordant: float = 0.2) -> list[PairedCell]:
    """Both regions, 20 % of items differing; in Africa B loses `loss` against A."""
    rng = np.random.default_rng(seed)
    out = []
    for region, langs, gap in (("Africa", AFRICA, loss), ("Europe", EUROPE, 0.0)):
        for lang in langs:
            a, u = (rng.random(n) < 0.6).astype(float), rng.random(n)
            lost, won = u < (discordant + gap) / 2, (u >= (discordant + gap) / 2) & (u < discordant)
            b = np.where(lost, 0.0, np.where(won, 1.0, a))
            out.append(cell(lang, region, np.where(lost, 1.0, np.where(won, 0.0, a)), b))
    return out


def test_a_planted_loss_of_three_points_in_eight_languages_fails_the_gate_in_nine_of_ten_seeds() -> None:
    found = sum(any("Africa" in name for name in run_gate(planted(seed, 0.03), Policy()).failed) for seed in range(100))
    assert found >= 90


def test_no_change_fails_the_gate_in_at_most_one_of_ten_seeds() -> None:
    assert sum(bool(run_gate(planted(seed, 0.0), Policy()).failed) for seed in range(100)) <= 10


def test_a_loss_within_the_tolerance_passes() -> None:
    assert run_gate(planted(1, 0.03), Policy()).failed
    assert not run_gate(planted(1, 0.03), Policy(tolerance=5)).failed


def test_a_gate_without_power_says_cant_tell_and_what_it_would_see() -> None:
    gate = run_gate(planted(3, 0.03, n=20), Policy())
    assert {v.outcome for v in gate.verdicts.values()} == {"can't tell"}
    assert "would see a loss of" in gate_markdown(gate, ("a", "b"))
    assert not gate.failed
    assert len(run_gate(planted(3, 0.03, n=20), Policy(cant_tell="fail")).failed) == 2


def test_false_finds_over_sixty_languages_are_held_down() -> None:
    rng = np.random.default_rng(1)
    finds = 0
    for _ in range(40):
        cells = [cell("deu_Latn", "Europe", *(rng.random((2, 200)) < 0.5).astype(float)) for _ in range(60)]
        finds += any(row.said != "can't tell" for row in compare(cells))
    assert finds <= 6


def test_comparisons_come_by_evidence_and_say_what_they_could_have_seen() -> None:
    rng = np.random.default_rng(2)
    a = (rng.random(400) < 0.5).astype(float)
    clear = cell("swh_Latn", "Africa", a, np.where(rng.random(400) < 0.3, 1.0, a))
    dull = cell("deu_Latn", "Europe", a, np.where(rng.random(400) < 0.02, 1 - a, a))
    rows = compare([dull, clear])
    assert [row.subset for row in rows] == ["swh_Latn", "deu_Latn"]
    assert [row.said for row in rows] == ["better", "can't tell"]
    assert verdict(rows[1]) == f"can't tell (would see {rows[1].detectable:.1f} or more)"
    assert "no change" not in to_markdown(rows, ("a", "b"))


def test_lower_is_better_turns_the_verdict_round() -> None:
    a = np.zeros(200)
    rows = compare([cell("deu_Latn", "Europe", a, (np.arange(200) < 40).astype(float), better="lower")])
    assert (rows[0].said, rows[0].difference) == ("worse", pytest.approx(20))


def test_detectable_is_the_half_width_times_the_sum_of_both_quantiles() -> None:
    assert detectable(1.959963984540054) == pytest.approx(2.8015852)


def test_an_item_that_one_model_lacks_is_counted_and_not_paired() -> None:
    rows = compare([cell("deu_Latn", "Europe", np.array([1.0, 0.0, np.nan]), np.array([1.0, 1.0, 1.0]))])
    assert (rows[0].n, rows[0].alone) == (2, 1)


def test_items_of_one_id_in_several_languages_are_one_cluster() -> None:
    cells = [cell(lang, "Europe", np.zeros(3), np.ones(3), ids=("1", "2", "3")) for lang in EUROPE[:2]]
    labels = shared_labels(cells)
    assert labels is not None and list(labels["deu_Latn"]) == list(labels["fra_Latn"]) == ["1", "2", "3"]
    assert shared_labels([cell("deu_Latn", "Europe", np.zeros(3), np.ones(3))]) is None


def test_a_family_never_holds_two_signatures() -> None:
    zeros = np.zeros(3)
    cells = [cell("deu_Latn", "Europe", zeros, zeros), cell("fra_Latn", "Europe", zeros, zeros, signature="t")]
    assert len(families_of(cells, FamilyRule())) == 2


def test_a_policy_with_an_unknown_field_is_refused_by_name(tmp_path: Path) -> None:
    path = tmp_path / "policy.yaml"
    path.write_text("tolerence: 1\n")
    with pytest.raises(DataError, match="tolerence"):
        read_policy(path)


def test_a_policy_that_matches_nothing_is_refused() -> None:
    with pytest.raises(UsageError, match="matches no compared cell"):
        run_gate(planted(1, 0, n=5), Policy(families=[FamilyRule(tasks=["other"])]))
