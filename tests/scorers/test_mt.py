"""Translation metrics: the same numbers as sacrebleu, from statistics that can be summed."""

from __future__ import annotations

import dataclasses
import math
import unicodedata

import numpy as np
import pytest
import sacrebleu
from hypothesis import given, settings
from hypothesis import strategies as st
from sacrebleu.metrics import BLEU, CHRF, TER
from sacrebleu.significance import PairedTest

from mevals.errors import DataError, UsageError
from mevals.scorers import ngrams
from mevals.scorers.mt import CorpusMetric, bleu, chrf, ter
from mevals.scorers.mt_bootstrap import bootstrap_scores, paired_bootstrap, paired_p_values, resample_counts
from mevals.scorers.mt_stats import bleu_statistics, chrf_from_stats, chrf_statistics
from mevals.types import Response, Subset

# hypothesis, reference: own sentences in scripts that split, join, stack and decompose differently
PAIRS = {
    "deu_Latn": ("Der Hund schläft heute im Garten, nicht wahr?", "Der Hund schläft im Garten; heute regnet es nicht."),
    "vie_Latn": ("Hôm nay trời mưa nên tôi ở nhà.", "Trời mưa nên hôm nay tôi ở nhà đọc sách."),
    "rus_Cyrl": ("Мы идём на рынок за свежей рыбой.", "Мы пошли на рынок за рыбой, а не за хлебом."),
    "ell_Grek": ("Η βάρκα φεύγει το πρωί.", "Η βάρκα θα φύγει νωρίς το πρωί."),
    "arb_Arab": ("السوق مفتوح اليوم حتى المساء", "السوق مفتوح اليوم حتى السادسة مساءً"),
    "hin_Deva": ("आज बाज़ार में बहुत भीड़ है।", "बाज़ार में आज बहुत भीड़ थी।"),
    "ben_Beng": ("নদীর জল আজ খুব শান্ত।", "আজ নদীর জল শান্ত, কিন্তু ঠান্ডা।"),
    "tha_Thai": ("วันนี้ฝนตกหนักมาก", "วันนี้ฝนตกหนักทั้งวัน"),
    "mya_Mymr": ("ဒီနေ့မိုးရွာတယ်", "ဒီနေ့မိုးအရမ်းရွာတယ်"),
    "khm_Khmr": ("ថ្ងៃនេះមានភ្លៀង", "ថ្ងៃនេះមានភ្លៀងខ្លាំង"),
    "bod_Tibt": ("དེ་རིང་ཆར་པ་བབས།", "དེ་རིང་ཆར་པ་ཆེན་པོ་བབས།"),
    "cmn_Hans": ("今天下雨,我在家看书。", "今天下大雨,所以我在家里看书。"),
    "jpn_Jpan": ("今日は雨なので家で本を読みます。", "今日は雨が降っているので、家で読書をします。"),
    "kor_Hang": ("오늘은 비가 와서 집에서 책을 읽어요.", "비가 오니까 오늘은 집에서 책을 읽습니다."),
    "amh_Ethi": ("ዛሬ ዝናብ አለ።", "ዛሬ ከባድ ዝናብ ይዘንባል።"),
}
TOKENIZERS = {
    **dict.fromkeys(PAIRS, "13a"),
    **dict.fromkeys(["tha_Thai", "mya_Mymr", "khm_Khmr", "bod_Tibt", "lao_Laoo"], "char"),
    "cmn_Hans": "zh",
    "cmn_Hant": "zh",
    "yue_Hant": "zh",
    "jpn_Jpan": "ja-mecab",
    "kor_Hang": "ko-mecab",
}
DEU = Subset("en-de", "deu_Latn")
HYPS = ["", "Ein kurzer Satz.", "Der Hund schläft heute im Garten.", "ja", "ganz etwas anderes als erwartet", "x y z"]
REFS = [
    "Hier steht etwas.",
    "Ein kurzer Satz.",
    "Der Hund schläft im Garten.",
    "ja ja",
    "völlig anders als erwartet",
    "",
]
MORE = ["Hier steht nichts.", "Ein kurzer, guter Satz.", "Der alte Hund schläft heute.", "nein", "", "x y"]


def metrics() -> list[CorpusMetric]:
    return [chrf(), chrf(word_order=2), bleu(), ter()]


def peer(metric: CorpusMetric) -> CHRF | BLEU | TER:
    return {"chrf": CHRF(), "chrf++": CHRF(word_order=2), "bleu": BLEU(), "ter": TER()}[metric.metric]


def responses(texts: list[str | None], targets: list[tuple[str, ...]]) -> list[Response]:
    return [
        Response(str(i), text, "stop", targets=refs) for i, (text, refs) in enumerate(zip(texts, targets, strict=True))
    ]


@pytest.mark.parametrize("lang", PAIRS)
@pytest.mark.parametrize("word_order", [0, 2])
def test_chrf_statistics_are_sacrebleus_in_every_script(lang: str, word_order: int) -> None:
    hyp, ref = (unicodedata.normalize("NFC", text) for text in PAIRS[lang])
    ours = chrf_statistics([hyp, ref, ""], [(ref,), (hyp,), (ref,)], word_order)
    theirs = CHRF(word_order=word_order)._extract_corpus_statistics([hyp, ref, ""], [[ref, hyp, ref]])
    assert ours.tolist() == theirs


@pytest.mark.parametrize("lang", PAIRS)
def test_bleu_with_the_languages_tokenizer_is_sacrebleus(lang: str) -> None:
    hyp, ref = (unicodedata.normalize("NFC", text) for text in PAIRS[lang])
    metric = bleu()
    stats = metric.statistics([hyp, ref], [(ref,), (ref,)], Subset(lang, lang))
    theirs = sacrebleu.corpus_bleu([hyp, ref], [[ref, ref]], tokenize=TOKENIZERS[lang]).score
    assert metric.corpus_from_stats(stats.sum(axis=0)) == pytest.approx(theirs, abs=1e-9)


texts = st.text(st.one_of(st.sampled_from("ab ., çकिाন\u200d한中\n\u2028😀"), st.characters()), max_size=14)
segments = st.lists(st.tuples(texts, texts, texts), min_size=1, max_size=6)


@settings(max_examples=150, deadline=None)
@given(segments, st.sampled_from([0, 1, 2]))
def test_chrf_statistics_are_sacrebleus_for_any_text(rows: list[tuple[str, str, str]], word_order: int) -> None:
    hyps, refs = [row[0] for row in rows], [row[1:] for row in rows]
    theirs = CHRF(word_order=word_order)._extract_corpus_statistics(hyps, list(zip(*refs, strict=True)))
    assert chrf_statistics(hyps, refs, word_order).tolist() == theirs


@settings(max_examples=150, deadline=None)
@given(segments, st.sampled_from(["13a", "char", "zh", "none"]))
def test_bleu_statistics_are_sacrebleus_for_any_text(rows: list[tuple[str, str, str]], tokenize: str) -> None:
    hyps, refs = [row[0] for row in rows], [row[1:] for row in rows]
    peer = BLEU(tokenize=tokenize)
    theirs = peer._extract_corpus_statistics(hyps, list(zip(*refs, strict=True)))
    assert bleu_statistics(hyps, refs, peer.tokenizer).tolist() == theirs


@settings(max_examples=300, deadline=None)
@given(st.lists(st.integers(0, 9), min_size=4, max_size=4), st.lists(st.integers(0, 9), min_size=6, max_size=6))
def test_the_bleu_formula_is_sacrebleus_for_any_counts(spare: list[int], rest: list[int]) -> None:
    total = np.minimum.accumulate(rest[2:])
    correct = np.minimum(spare, total)
    stats = np.array([*rest[:2], *correct, *total], float)
    for effective in (False, True):
        theirs = BLEU(effective_order=effective)._compute_score_from_stats([int(x) for x in stats]).score
        metric = bleu()
        ours = metric.arithmetic.sentence(stats) if effective else metric.corpus_from_stats(stats)
        assert ours == pytest.approx(theirs, abs=1e-9)


@settings(max_examples=200, deadline=None)
@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9), st.integers(0, 9)), min_size=6, max_size=6))
def test_the_chrf_formula_is_sacrebleus_for_any_counts(orders: list[tuple[int, int, int]]) -> None:
    stats = [float(x) for hyp, ref, match in orders for x in (hyp, ref, min(hyp, ref, match))]
    assert chrf_from_stats(np.array(stats)) == pytest.approx(CHRF()._compute_f_score(stats), abs=1e-9)


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.metric)
@pytest.mark.parametrize("seed", range(3))
def test_the_corpus_score_of_any_slice_is_a_sum_of_stored_statistics(metric: CorpusMetric, seed: int) -> None:
    scores = metric.score(responses(list(HYPS), [(ref,) for ref in REFS]), DEU)
    stats = np.array([score.stats for score in scores])
    picked = np.random.default_rng(seed).permutation(len(HYPS))[: 2 + seed]
    theirs = peer(metric).corpus_score([HYPS[i] for i in picked], [[REFS[i] for i in picked]]).score
    assert metric.corpus_from_stats(stats[picked].sum(axis=0)) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.metric)
def test_several_references_count_as_in_sacrebleu(metric: CorpusMetric) -> None:
    metric = dataclasses.replace(metric, nrefs=2)
    scores = metric.score(responses(list(HYPS), list(zip(REFS, MORE, strict=True))), DEU)
    theirs = peer(metric).corpus_score(HYPS, [REFS, MORE]).score
    values = np.array([score.value for score in scores])
    assert metric.aggregate(values, np.array([s.stats for s in scores])) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.metric)
def test_samples_may_have_different_numbers_of_references(metric: CorpusMetric) -> None:
    metric = dataclasses.replace(metric, nrefs="var")
    targets = [(ref, more) if i % 2 else (ref,) for i, (ref, more) in enumerate(zip(REFS, MORE, strict=True))]
    stats = np.array([score.stats for score in metric.score(responses(list(HYPS), targets), DEU)])
    second = [more if i % 2 else None for i, more in enumerate(MORE)]
    theirs = peer(metric).corpus_score(HYPS, [REFS, second]).score
    assert metric.corpus_from_stats(stats.sum(axis=0)) == pytest.approx(theirs, abs=1e-9)
    assert "nrefs:var" in metric.signature(DEU)


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.metric)
def test_another_number_of_references_than_the_signature_says_is_an_error(metric: CorpusMetric) -> None:
    with pytest.raises(DataError, match=r"sample '1' has 2 references where the signature of .* says 1"):
        metric.score(responses(["a", "b"], [("a",), ("a", "b")]), DEU)


@pytest.mark.parametrize(
    ("metric", "sentence"),
    [
        (chrf(), lambda h, r: sacrebleu.sentence_chrf(h, [r]).score),
        (chrf(2), lambda h, r: sacrebleu.sentence_chrf(h, [r], word_order=2).score),
        (bleu(), lambda h, r: BLEU(effective_order=True).sentence_score(h, [r]).score),
        (ter(), lambda h, r: sacrebleu.sentence_ter(h, [r]).score),
    ],
    ids=["chrf", "chrf++", "bleu", "ter"],
)
def test_a_samples_value_is_its_sentence_score(metric: CorpusMetric, sentence: object) -> None:
    scores = metric.score(responses(list(HYPS), [(ref,) for ref in REFS]), DEU)
    assert callable(sentence)
    expected = [sentence(hyp, ref) for hyp, ref in zip(HYPS, REFS, strict=True)]
    assert [score.value for score in scores] == pytest.approx(expected, abs=1e-9)
    assert [score.id for score in scores] == [str(i) for i in range(len(HYPS))]


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.metric)
def test_a_missing_text_is_unscored_and_an_empty_one_is_scored(metric: CorpusMetric) -> None:
    scores = metric.score(responses([None, "", "Guten Tag"], [("Guten Tag",)] * 3), DEU)
    assert (scores[0].value, scores[0].stats, scores[0].detail) == (None, None, "no text")
    assert scores[1].value == (100.0 if metric.better == "lower" else 0.0)
    assert scores[1].stats is not None
    values = np.array([math.nan if s.value is None else s.value for s in scores])
    stats = np.array([s.stats or [math.nan] * len(scores[1].stats) for s in scores])
    theirs = peer(metric).corpus_score(["", "Guten Tag"], [["Guten Tag"] * 2]).score
    assert metric.aggregate(values, stats) == pytest.approx(theirs, abs=1e-9)


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.metric)
def test_a_sample_without_reference_is_unscored(metric: CorpusMetric) -> None:
    (score,) = metric.score(responses(["text"], [()]), DEU)
    assert (score.value, score.stats, score.detail) == (None, None, "no reference")


@pytest.mark.parametrize("metric", metrics(), ids=lambda metric: metric.metric)
def test_a_cell_without_scored_samples_has_no_value(metric: CorpusMetric) -> None:
    assert metric.score([], DEU) == []
    assert metric.aggregate(np.array([]), None) is None
    assert metric.aggregate(np.array([math.nan]), np.full((1, 10), math.nan)) is None


def test_decomposed_text_scores_as_its_composed_form() -> None:
    ref = PAIRS["vie_Latn"][1]
    decomposed = unicodedata.normalize("NFD", ref)
    assert sacrebleu.corpus_chrf([decomposed], [[ref]]).score < 60
    for metric in (chrf(), chrf(2), bleu()):
        (one,) = metric.score(responses([decomposed], [(ref,)]), DEU)
        (other,) = metric.score(responses([ref], [(decomposed,)]), DEU)
        assert (one.value, other.value) == (pytest.approx(100), pytest.approx(100))


def test_signatures_are_sacrebleus_own_and_ours() -> None:
    version = sacrebleu.__version__
    named = dataclasses.replace(DEU, extra={"ref": "refA"})
    assert chrf().signature(DEU) == (f"chrF2|nrefs:1|case:mixed|eff:yes|nc:6|nw:0|space:no|version:{version}|norm:NFC")
    assert chrf(word_order=2).signature(named) == (
        f"chrF2++|nrefs:1|case:mixed|eff:yes|nc:6|nw:2|space:no|version:{version}|norm:NFC|ref:refA"
    )
    assert bleu(ref="refA+refB").signature(named) == (
        f"BLEU|nrefs:2|case:mixed|eff:no|tok:13a|smooth:exp|version:{version}|sent:eff|norm:NFC|ref:refA+refB"
    )
    assert ter().signature(DEU) == (
        f"TER|nrefs:1|case:lc|tok:tercom|norm:no|punct:yes|asian:no|version:{version}|unicode:NFC"
    )


def test_chrf_and_chrf_plus_plus_are_two_metrics() -> None:
    assert (chrf().metric, chrf(word_order=2).metric) == ("chrf", "chrf++")
    assert chrf().signature(DEU) != chrf(word_order=2).signature(DEU)
    assert (ter().better, ter().scale) == ("lower", (0.0, math.inf))


@pytest.mark.parametrize(("lang", "tokenizer"), TOKENIZERS.items())
def test_bleus_tokenizer_goes_by_the_target_language(lang: str, tokenizer: str) -> None:
    assert f"|tok:{tokenizer}" in bleu().signature(Subset(lang, lang))


@pytest.mark.parametrize("lang", ["tha_Thai", "mya_Mymr", "cmn_Hant", "jpn_Jpan"])
def test_bleu_by_spaces_is_refused_where_there_are_none(lang: str) -> None:
    subset = Subset(lang, lang)
    with pytest.raises(UsageError, match=f"BLEU with 13a means nothing for {lang}"):
        bleu("13a").signature(subset)
    with pytest.raises(UsageError, match="no spaces between words"):
        bleu("13a").score(responses(["a"], [("a",)]), subset)
    assert bleu("13a", force=True).signature(subset).endswith("|norm:NFC|forced:yes")


def test_a_chinese_tokenizer_is_refused_for_thai() -> None:
    with pytest.raises(UsageError, match="here char"):
        bleu("zh").signature(Subset("th", "tha_Thai"))


def test_thirteen_a_finds_nothing_in_a_near_identical_thai_pair() -> None:
    thai = Subset("th", "tha_Thai")
    answers = responses(["วันนี้ฝนตกหนักมากครับ"], [("วันนี้ฝนตกหนักมากค่ะ",)])
    assert bleu("13a", force=True).score(answers, thai)[0].value == 0
    assert (bleu().score(answers, thai)[0].value or 0) > 70


def test_an_unknown_tokenizer_gets_a_suggestion() -> None:
    with pytest.raises(UsageError, match="unknown BLEU tokenizer 'flores20'; did you mean 'flores200'"):
        bleu("flores20").signature(DEU)


def test_a_sentencepiece_tokenizer_is_never_downloaded(tmp_path: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sacrebleu.tokenizers.tokenizer_spm.SACREBLEU_DIR", str(tmp_path))
    with pytest.raises(UsageError, match=r"needs its SentencePiece model as .*flores200sacrebleuspm; put it there"):
        bleu("flores200").signature(DEU)


def test_batching_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    pairs = [tuple(PAIRS[lang]) for lang in PAIRS]
    hyps, refs = [hyp for hyp, _ in pairs], [(ref,) for _, ref in pairs]
    whole = chrf_statistics(hyps, refs, 2)
    monkeypatch.setattr(ngrams, "BATCH_SYMBOLS", 60)
    assert len(list(ngrams.batches([50] * 4))) == 4
    assert chrf_statistics(hyps, refs, 2).tolist() == whole.tolist()


def test_two_processes_count_the_same_rows_in_the_same_order() -> None:
    hyps, refs = HYPS * 3, [(ref,) for ref in REFS * 3]
    for metric in (chrf(word_order=2), bleu()):
        spread = dataclasses.replace(metric, processes=2)
        assert spread.statistics(hyps, refs, DEU).tolist() == metric.statistics(hyps, refs, DEU).tolist()


def system(seed: int, share: float) -> list[str]:
    """A system that gets a share of the words of each reference right."""
    rng = np.random.default_rng(seed)
    return [" ".join(word if rng.random() < share else "quark" for word in ref.split()) for ref in corpus()]


def corpus() -> list[str]:
    rng = np.random.default_rng(7)
    words = "der die das hund katze maus läuft schläft isst heute morgen im garten haus und"
    return [" ".join(rng.choice(words.split(), 6 + i % 9)) for i in range(60)]


@pytest.mark.parametrize("metric", metrics()[:3], ids=lambda metric: metric.metric)
def test_paired_bootstrap_gives_sacrebleus_p_values(metric: CorpusMetric) -> None:
    ours, theirs = [], []
    for share in (0.72, 0.74, 0.8):
        named = [("a", system(1, 0.7)), ("b", system(2, share))]
        stats = [metric.statistics(texts, [(ref,) for ref in corpus()], DEU) for _, texts in named]
        ours.append(paired_bootstrap(metric.corpus_from_stats, stats[0], stats[1]).p_value)
        _, table = PairedTest(named, {"m": peer(metric)}, [corpus()], test_type="bs", n_samples=1000)()
        theirs.append(next(value for name, value in table.items() if name != "System")[1].p_value)
    assert max(theirs) > 0.05  # else the comparison would show nothing
    assert ours == pytest.approx(theirs, abs=0.002)


def test_identical_systems_do_not_differ() -> None:
    stats = chrf().statistics(system(1, 0.7), [(ref,) for ref in corpus()], DEU)
    result = paired_bootstrap(chrf().corpus_from_stats, stats, stats, draws=100)
    assert (result.difference, result.p_value) == (0.0, 1.0)


def test_draws_are_corpus_scores_of_the_segments_that_sacrebleu_draws() -> None:
    metric = chrf()
    texts = system(1, 0.7)
    stats = metric.statistics(texts, [(ref,) for ref in corpus()], DEU)
    drawn = bootstrap_scores(metric.corpus_from_stats, stats, 150, seed=3)
    picks = np.random.default_rng(3).choice(60, size=(150, 60), replace=True)
    for i in (0, 1, 70, 149):
        again = sacrebleu.corpus_chrf([texts[p] for p in picks[i]], [[corpus()[p] for p in picks[i]]]).score
        assert drawn[i] == pytest.approx(again, abs=1e-9)


def test_every_draw_has_as_many_segments_as_the_corpus() -> None:
    blocks = list(resample_counts(60, 150, seed=3))
    assert [len(block) for block in blocks] == [64, 64, 22]
    assert {total for block in blocks for total in block.sum(axis=1)} == {60.0}


def test_all_pairs_get_the_p_values_of_single_pairs() -> None:
    metric = bleu()
    stats = np.stack(
        [metric.statistics(system(i, s), [(r,) for r in corpus()], DEU) for i, s in enumerate([0.7, 0.72, 0.8])]
    )
    table = paired_p_values(metric.corpus_from_stats, stats, draws=200)
    assert np.diag(table).tolist() == [1, 1, 1]
    for a, b in [(0, 1), (0, 2), (1, 2)]:
        single = paired_bootstrap(metric.corpus_from_stats, stats[a], stats[b], draws=200)
        assert table[a, b] == table[b, a] == single.p_value
