"""Win shares, Bradley–Terry, style control and boards against values that are known or fitted independently."""

from __future__ import annotations

import numpy as np
import pytest

from mevals.errors import DataError
from mevals.ratings import (
    ELO,
    LABELS,
    Game,
    Games,
    collect_games,
    fit_ratings,
    fit_with_style,
    log_odds,
    make_board,
    measure_style,
    share_of_first,
    style_differences,
    win_shares,
    win_table,
)
from mevals.ratings.style import FEATURES


def played(first: str, second: str, labels: str, start: int = 0) -> list[Game]:
    """Games on consecutive prompts from a string of labels."""
    return [Game(first, second, f"p{start + i}", label) for i, label in enumerate(labels.split())]


def round_robin(seed: int, models: int = 6, prompts: int = 60) -> Games:
    """Every pair on every prompt in both orders, from known strengths, with ties and strong verdicts."""
    rng = np.random.default_rng(seed)
    strength = np.linspace(-1, 1, models)
    games = []
    for prompt in range(prompts):
        for i in range(models):
            for j in range(models):
                if i != j:
                    chance = 1 / (1 + np.exp(strength[j] - strength[i]))
                    kinds = ("A>>B", "A>B", "A=B", "B>A", "B>>A")
                    odds = np.array([0.2, 0.7, 0.1, 0, 0]) * chance + np.array([0, 0, 0.1, 0.7, 0.2]) * (1 - chance)
                    games.append(Game(f"m{i}", f"m{j}", f"p{prompt}", kinds[rng.choice(5, p=odds)]))
    return collect_games(games, strong=3.0)


@pytest.mark.parametrize(("label", "share"), [("A>>B", 1.0), ("A>B", 1.0), ("A=B", 0.5), ("B>A", 0.0), ("B>>A", 0.0)])
def test_a_label_says_what_the_answer_shown_first_won(label: str, share: float) -> None:
    assert share_of_first(label) == share
    assert label in LABELS


def test_an_unknown_label_is_refused_with_a_suggestion() -> None:
    with pytest.raises(DataError, match="did you mean"):
        share_of_first("A>>>B")


def test_a_model_against_itself_is_refused() -> None:
    with pytest.raises(DataError, match="against itself"):
        collect_games([Game("x", "x", "p", "A>B")])


def test_no_verdicts_are_refused() -> None:
    with pytest.raises(DataError, match="no verdicts"):
        collect_games([])


def test_win_share_counts_ties_half_and_both_orders() -> None:
    games = collect_games([*played("base", "new", "A>B B>A A=B"), *played("new", "base", "A>B B>A A=B")])
    (share,) = win_shares(games, "base")
    assert (share.name, share.value, share.prompts, share.games) == ("new", 0.5, 3, 6)


def test_a_strong_verdict_weighs_three_times_only_if_asked() -> None:
    games = played("base", "new", "B>>A A>B")
    plain, strong = collect_games(games), collect_games(games, strong=3.0)
    assert win_shares(plain, "base")[0].value == 0.5
    assert win_shares(strong, "base")[0].value == 0.75


def test_verdicts_on_one_prompt_are_one_cluster() -> None:
    """Two verdicts that always agree hold as much as one: the honest interval is √2 wider than the naive one."""
    rng = np.random.default_rng(1)
    games = []
    for i in range(400):
        won = rng.random() < 0.5
        games += [
            Game("base", "new", f"p{i}", "B>A" if won else "A>B"),
            Game("new", "base", f"p{i}", "A>B" if won else "B>A"),
        ]
    (share,) = win_shares(collect_games(games), "base", draws=4000)
    assert share.ratio == pytest.approx(np.sqrt(2), rel=0.05)
    assert share.interval is not None and share.interval.n_clusters == 400


def test_the_clustered_interval_covers_and_the_naive_one_does_not() -> None:
    rng = np.random.default_rng(2)
    covered = naive = 0
    for _ in range(200):
        wins = rng.random(150) < 0.6
        games = [
            Game("base", "new", f"p{i}", "B>>A" if won else "A>>B") for i, won in enumerate(wins) for _ in range(2)
        ]
        (share,) = win_shares(collect_games(games, strong=3.0), "base", draws=400, seed=3)
        assert share.interval is not None and share.naive is not None
        covered += share.interval.contains(0.6)
        naive += share.naive.contains(0.6)
    assert covered >= 183  # 95 % of 200, less 2.3 standard errors
    assert naive < 150


def test_one_prompt_gives_a_value_without_an_interval() -> None:
    (share,) = win_shares(collect_games(played("base", "new", "A>B")), "base")
    assert share.value == 0.0 and share.interval is None and share.ratio is None


def test_two_models_have_the_log_odds_of_their_win_share() -> None:
    games = collect_games(played("base", "new", "B>A B>A B>A A>B"))
    assert fit_ratings(games, "base", draws=0).values == pytest.approx([0.0, np.log(3)], abs=1e-10)


@pytest.mark.parametrize("seed", range(3))
def test_ratings_equal_an_independent_logistic_regression(seed: int) -> None:
    import statsmodels.api as sm

    games = round_robin(seed)
    rows = np.arange(len(games.share))
    design = np.zeros((rows.size, len(games.names)))
    design[rows, games.first] += 1
    design[rows, games.second] -= 1
    won, lost = games.share * games.weight, (1 - games.share) * games.weight
    outcome, weight = np.repeat([1.0, 0.0], rows.size), np.concatenate([won, lost])
    fit = sm.GLM(
        outcome[weight > 0],
        np.concatenate([design, design])[weight > 0][:, 1:],
        family=sm.families.Binomial(),
        freq_weights=weight[weight > 0],
    ).fit(tol=1e-13)
    ours = fit_ratings(games, games.names[0], draws=0).values
    assert np.abs(ours[1:] - fit.params).max() < 1e-8


def test_ratings_do_not_hang_on_the_anchor() -> None:
    games = round_robin(5)
    one, other = (fit_ratings(games, name, draws=0).values for name in ("m0", "m3"))
    assert one - one[3] == pytest.approx(other, abs=1e-9)


def test_ratings_intervals_cover_the_true_strength() -> None:
    covered = 0
    for seed in range(60):
        ratings = fit_ratings(round_robin(seed, 3, 30), "m0", draws=200, seed=seed)
        low, high = np.quantile(ratings.draws[:, 2] * ELO, [0.025, 0.975])
        # Ties shrink the log odds: the share of wins is 0.05 + 0.9 p, and strong verdicts don't depend on who wins.
        table = np.zeros((3, 3))
        strength = np.linspace(-1, 1, 3)
        for i in range(3):
            for j in range(3):
                table[i, j] = 0.0 if i == j else 0.05 + 0.9 / (1 + np.exp(strength[j] - strength[i]))
        covered += low <= log_odds(table)[2] * ELO <= high
    assert covered >= 52


def test_a_model_that_won_everything_has_no_rating_without_a_prior() -> None:
    games = collect_games(played("base", "new", "B>A B>A B>A"))
    with pytest.raises(DataError, match="finite"):
        fit_ratings(games, "base", draws=0)
    values = fit_ratings(games, "base", draws=0, prior=0.5).values
    assert values[1] == pytest.approx(np.log(3.5 / 0.5), abs=1e-9)


def test_draws_without_a_finite_rating_are_counted_not_hidden() -> None:
    games = collect_games(played("base", "new", "B>A B>A B>A A>B"))
    ratings = fit_ratings(games, "base", draws=400, seed=1)
    assert ratings.undefined + len(ratings.draws) == 400
    assert ratings.undefined == pytest.approx(400 * (0.75**4 + 0.25**4), abs=35)


def test_win_tables_add_up() -> None:
    games = round_robin(7)
    assert win_table(games).sum() == pytest.approx(games.weight.sum())


def test_the_board_ranks_by_intervals() -> None:
    games = round_robin(9, prompts=40)
    ratings = fit_ratings(games, "m0", draws=300, seed=2)
    board = make_board(ratings.names, ratings.values, ratings.draws, prompts=40)
    assert [r.name for r in board] == ["m5", "m4", "m3", "m2", "m1", "m0"]
    assert (board[0].rank_low, board[-1].rank_high) == (1, 6)
    assert board[-1].elo == 1000.0 and board[-1].interval is None and board[-1].win_chance == 0.5


def test_a_board_without_rounds_has_no_intervals() -> None:
    ratings = fit_ratings(round_robin(9), "m0", draws=0)
    assert all(
        r.interval is None and r.rank_low is None
        for r in make_board(ratings.names, ratings.values, ratings.draws, prompts=60)
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", (0, 0, 0, 0)),
        ("# Title\n\n- one\n- two\n\n**bold** and __too__", (42, 1, 2, 2)),
        ("1. eins\n2) zwei\n  * drei", (24, 0, 3, 0)),
        ("```python\n# no header\n- no item\n```\nx", (37, 0, 0, 0)),
        ("১. এক\n", (6, 0, 1, 0)),
    ],
)
def test_style_counts_characters_and_markdown_outside_code(text: str, expected: tuple[int, ...]) -> None:
    style = measure_style(text)
    assert (style.length, style.headers, style.lists, style.bold) == expected


def test_style_differences_are_signed_and_bounded() -> None:
    long, short = measure_style("# x\n" + "a" * 300), measure_style("a" * 100)
    forward, back = style_differences(long, short), style_differences(short, long)
    assert forward == tuple(-x for x in back)
    assert forward[0] == pytest.approx((304 - 100) / 404)
    assert forward[1] == 1.0 and forward[2] == 0.0


def styled_games(seed: int, effect: float, prompts: int = 400) -> tuple[Games, np.ndarray]:
    """Three models of equal strength, of which m2 writes longer answers, and a judge that likes length."""
    rng = np.random.default_rng(seed)
    rows, features = [], []
    for prompt in range(prompts):
        size = {f"m{i}": np.exp(rng.normal(5 + 0.8 * (i == 2), 0.5)) for i in range(3)}
        for a, b in (("m0", "m1"), ("m1", "m0"), ("m0", "m2"), ("m2", "m0")):
            difference = (size[a] - size[b]) / (size[a] + size[b])
            won = rng.random() < 1 / (1 + np.exp(-effect * difference))
            rows.append(Game(a, b, f"p{prompt}", "A>B" if won else "B>A"))
            features.append([difference, 0, 0, 0])
    return collect_games(rows), np.array(features, dtype=float)


def test_style_control_takes_the_judges_liking_for_length_out() -> None:
    games, features = styled_games(11, effect=2.0)
    plain = fit_ratings(games, "m0", draws=0).values
    fit = fit_with_style(games, features, "m0", draws=100, seed=1)
    assert plain[2] > 0.4  # the longer model looks better …
    assert abs(fit.values[2]) < 0.25  # … and is not
    value, interval = fit.effects["length"]
    assert interval.contains(2.0 * features[:, 0].std())
    assert value > 0 and set(fit.effects) == {FEATURES[0]}


def test_style_control_equals_an_independent_logistic_regression() -> None:
    import statsmodels.api as sm

    games, features = styled_games(12, effect=1.0, prompts=150)
    rng = np.random.default_rng(3)
    features[:, 1] = np.repeat(rng.normal(size=300), 2) * np.tile([1, -1], 300)
    rows = np.arange(len(games.share))
    design = np.zeros((rows.size, 3))
    design[rows, games.first] += 1
    design[rows, games.second] -= 1
    kept = features[:, :2] / features[:, :2].std(axis=0)
    fit = sm.GLM(games.share, np.concatenate([design[:, 1:], kept], axis=1), family=sm.families.Binomial()).fit(
        tol=1e-13
    )
    ours = fit_with_style(games, features, "m0", draws=0)
    assert np.abs(ours.values[1:] - fit.params[:2]).max() < 1e-7


def test_an_unknown_model_is_refused_with_a_suggestion() -> None:
    with pytest.raises(DataError, match="did you mean 'base'"):
        win_shares(collect_games(played("base", "new", "A>B")), "bas")
