"""The ability model: formula, shares, determinism."""

from __future__ import annotations

import math
from collections import Counter
from pathlib import Path
from statistics import mean

import pytest

from mevals import languages
from mevals.engines.sim.ability import (
    FORMS,
    Profile,
    expected_rates,
    load_profiles,
    named_profile,
    plan,
    profile_names,
    true_ability,
)
from mevals.engines.sim.item import Item
from mevals.errors import DataError, UsageError

REAL = [n for n in profile_names() if n != "demo-perfect"]


def item(number: int, kind: str = "number", lang: str = "swh_Latn", task: str = "global_mgsm") -> Item:
    return Item(f"{number:032x}", ("18",), task, lang, kind)


def test_demo_comes_first() -> None:
    assert profile_names()[0] == "demo"


def test_the_formula_is_the_documented_one() -> None:
    pages = languages.get("swh_Latn").pages
    assert pages is not None
    z = 0.8 + 0.9 * (math.log10(pages) - 6.5) - 0.4
    assert true_ability("demo", "global_mgsm", "swh_Latn") == pytest.approx(0.98 / (1 + math.exp(-z)), abs=1e-12)
    z = 0.8 + 0.9 * (math.log10(pages) - 6.5) - 0.6
    expected = 0.25 + 0.73 / (1 + math.exp(-z))
    assert true_ability("demo", "global_mmlu", "swh_Latn", choices=4) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("profile", REAL)
def test_ability_rises_with_web_presence_within_a_region(profile: str) -> None:
    africa = [x for x in languages.load().values() if x.region == "Africa" and x.pages]
    ranked = sorted(africa, key=lambda x: x.pages or 0)
    values = [true_ability(profile, "flores_en_xx", x.key) for x in ranked]
    assert values == sorted(values)
    assert 0.0 < values[0] < values[-1] < 1.0


def test_strong_beats_demo_beats_weak_everywhere() -> None:
    for lang in languages.load():
        weak, demo, strong = (true_ability(p, "global_mgsm", lang) for p in ("demo-weak", "demo", "demo-strong"))
        assert weak < demo < strong


def test_the_regional_model_is_better_in_africa_and_worse_elsewhere() -> None:
    for x in languages.load().values():
        better = true_ability("demo-regional", "wmt24pp", x.key) > true_ability("demo", "wmt24pp", x.key)
        assert better == (x.region == "Africa")


def test_every_region_of_a_profile_is_one_of_the_registry() -> None:
    assert {r for p in load_profiles().values() for r in p.regions} <= set(languages.REGIONS)


def test_the_poorer_of_two_languages_decides() -> None:
    alone = true_ability("demo", "flores_xx_en", "wol_Latn")
    assert true_ability("demo", "flores_xx_en", "eng_Latn", source_lang="wol_Latn") == alone
    assert true_ability("demo", "flores_xx_en", "wol_Latn", source_lang="eng_Latn") == alone


def test_an_unknown_language_counts_as_poor_and_a_condition_keeps_its_task() -> None:
    assert true_ability("demo", "global_mgsm", "qqq_Latn") == true_ability("demo", "global_mgsm", "")
    assert true_ability("demo", "global_mgsm@think-off", "deu_Latn") == true_ability("demo", "global_mgsm", "deu_Latn")


@pytest.mark.parametrize("profile", profile_names())
@pytest.mark.parametrize("kind", ["number", "translation", "choice", "open"])
@pytest.mark.parametrize("lang", ["eng_Latn", "wol_Latn", "mya_Mymr"])
def test_expected_rates_add_up(profile: str, kind: str, lang: str) -> None:
    rates = expected_rates(profile, "global_mgsm", lang, kind=kind)
    whole = rates.right + rates.wrong + rates.truncated + rates.unparsable + rates.no_text
    assert whole == pytest.approx(1.0)
    assert (rates.unparsable == 0.0) == (profile == "demo-perfect" or kind in ("translation", "open"))
    assert (rates.edit_share is None) == (kind != "translation")


@pytest.mark.parametrize(("profile", "lang"), [("demo", "swh_Latn"), ("demo-weak", "wol_Latn"), ("demo", "deu_Latn")])
def test_drawn_outcomes_have_the_expected_shares(profile: str, lang: str) -> None:
    n = 20_000
    rates = expected_rates(profile, "global_mgsm", lang)
    seen: Counter[str] = Counter()
    for i in range(n):
        out = plan(profile, profile, 7, item(i, lang=lang))
        complete = out.form in ("plain", "wrong_language")
        seen["right"] += complete and out.right
        seen["wrong"] += complete and not out.right
        seen[out.form] += 1
        seen[out.wrap] += 1
    for name in ("right", "wrong", *FORMS, "thinking_content", "thinking_field", "specials"):
        share = getattr(rates, name)
        assert abs(seen[name] / n - share) <= 4.5 * math.sqrt(share * (1 - share) / n), name


def test_the_mean_edit_share_is_one_minus_the_ability() -> None:
    for lang in ("deu_Latn", "wol_Latn"):
        shares = [plan("demo", "demo", 0, item(i, "translation", lang)).edit_share for i in range(5_000)]
        assert mean(shares) == pytest.approx(1 - true_ability("demo", "global_mgsm", lang), abs=0.01)
        assert min(shares) >= 0.0 and max(shares) <= 1.0


def test_an_outcome_depends_on_seed_model_and_item_only() -> None:
    first = plan("demo", "demo", 1, item(5))
    assert plan("demo", "demo", 1, item(5)) == first
    others = [plan("demo", "demo", 2, item(5)), plan("demo", "twin", 1, item(5)), plan("demo", "demo", 1, item(6))]
    assert all(o.seed != first.seed for o in [*others, plan("demo", "demo", 1, item(5), "1/None")])


def test_outcomes_are_the_same_on_every_machine() -> None:
    drawn = [plan("demo-perfect", "demo-perfect", 3, item(i)).seed for i in range(3)]
    assert drawn == [2261209808848175, 5039910540031079, 5045095306490170]


def test_two_equal_models_find_the_same_items_hard() -> None:
    a, b = ([plan("demo", m, 0, item(i)).right for i in range(8_000)] for m in ("demo", "twin"))
    both = mean(x and y for x, y in zip(a, b, strict=True))
    p, q = mean(a), mean(b)
    correlation = (both - p * q) / math.sqrt(p * (1 - p) * q * (1 - q))
    assert 0.25 < correlation < 0.45  # latent 0.5, dichotomised
    assert abs(p - q) < 0.03


def test_a_plugged_in_kind_has_none_of_the_flaws() -> None:
    assert all(plan("demo-weak", "m", 0, item(i, "judge", "wol_Latn")).form == "plain" for i in range(500))


def test_the_perfect_profile_is_always_right_and_plain() -> None:
    drawn = [plan("demo-perfect", "m", 0, item(i, lang="wol_Latn")) for i in range(500)]
    assert {(o.right, o.form, o.wrap, o.edit_share) for o in drawn} == {(True, "plain", "", 0.0)}


def test_changes_to_a_profile_merge_and_bad_ones_are_refused() -> None:
    demo = named_profile("demo")
    changed = demo.with_changes({"strength": 3.0, "flaws": {"truncated": [0.5, 0.5]}})
    assert changed.strength == 3.0
    assert changed.flaws["truncated"] == (0.5, 0.5)
    assert changed.flaws["specials"] == demo.flaws["specials"]
    for bad, said in [
        ({"power": 1}, "power"),
        ({"flaws": {"truncate": [0, 0]}}, "did you mean 'truncated'"),
        ({"flaws": {"truncated": [0, 2]}}, "between 0 and 1"),
        ({"flaws": {"truncated": [0.6, 0], "unparsable": [0.6, 0]}}, "more than 1"),
    ]:
        with pytest.raises(DataError, match=said):
            demo.with_changes(bad)


def test_an_unknown_profile_is_refused_with_a_suggestion() -> None:
    with pytest.raises(UsageError, match="did you mean 'demo'"):
        true_ability("demos", "flores", "deu_Latn")
    assert named_profile(Profile("mine")).name == "mine"


def test_the_table_in_the_documentation_is_the_code_s() -> None:
    text = (Path(__file__).parents[2] / "docs" / "simulated-model.md").read_text(encoding="utf-8")
    head = "| task | language |"
    names = next(line for line in text.split("\n") if line.startswith(head)).strip("| ").split(" | ")[2:]
    rows = [line.strip("| ").split(" | ") for line in text.split(head)[1].split("\n\n")[0].split("\n")[2:]]
    assert len(rows) >= 9
    for task, lang, *values in rows:
        assert values == [f"{true_ability(name, task, lang):.3f}" for name in names], (task, lang)
