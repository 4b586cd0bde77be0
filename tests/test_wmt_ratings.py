"""Reading human ratings and published ranks of WMT."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest

from mevals.errors import DataError
from mevals.wmt_ratings import human_scores, read_autorank, read_esa

WAVE = """\
ann1,sysA,1,TGT,eng,ces,80,test-en-news_paper.1,False,[],10.0,11.0
ann1,sysA,1,TGT,eng,ces,90,test-en-news_paper.1,False,[],12.0,13.0
ann2,sysA,1,TGT,eng,ces,70,test-en-news_paper.1,False,[],10.0,11.0
ann1,sysA,2,TGT,eng,ces,60,test-en-social_1,False,"[{""start_i"":0,""end_i"":3}]",10.0,11.0
ann1,sysB,1,TGT,eng,ces,100,test-en-news_paper.1,False,[],10.0,11.0
ann1,sysB,12,TGT,eng,ces,20,test-en-social_2,False,[],10.0,11.0
ann1,sysB,2,BAD,eng,ces,1,test-en-social_1#bad,False,[],10.0,11.0
ann1,sysB,2,TGT,eng,ces,2,test-en-social_1#dup,False,[],10.0,11.0
ann1,sysB,2,TGT,eng,ces,3,test-en-social_1#incomplete,False,[],10.0,11.0
ann1,x-tutorial1,1000001,TGT,eng,ces,0,x-tutorial1,False,[],10.0,11.0
ann3,sysA,1,TGT,eng,jpn,55,test-en-news_paper.1,False,[],10.0,11.0
"""


@pytest.fixture
def wave(tmp_path: Path) -> Path:
    path = tmp_path / "esa_wave0.csv"
    path.write_text(WAVE, encoding="utf-8")
    return path


def test_checks_tutorials_and_fillers_are_no_ratings(wave: Path) -> None:
    ratings = read_esa(wave)
    assert len(ratings) == 6
    assert {r.score for r in ratings} == {90, 70, 60, 100, 20, 55}


def test_the_last_rating_of_one_annotator_counts_and_annotators_are_averaged(wave: Path) -> None:
    human = human_scores(read_esa(wave), "en-cs")
    assert (human.systems, human.segments) == (("sysA", "sysB"), ("2", "3", "13"))
    np.testing.assert_array_equal(human.scores, [[80, 60, np.nan], [100, np.nan, 20]])
    assert human.domains == ("news", "social", "social")


def test_a_systems_score_is_the_mean_over_domains(wave: Path) -> None:
    assert human_scores(read_esa(wave), "en-cs").system_scores() == {"sysA": 70.0, "sysB": 60.0}


def test_systems_can_be_left_out(wave: Path) -> None:
    left = human_scores(read_esa(wave), "en-cs").without(["sysA"])
    assert left.systems == ("sysB",)
    assert left.scores.shape == (1, 3)


def test_folders_and_archives_are_read_like_files(wave: Path, tmp_path: Path) -> None:
    archive = tmp_path / "waves.tar.xz"
    with tarfile.open(archive, "w:xz") as tar:
        info = tarfile.TarInfo("humeval/esa_wave0.csv")
        info.size = len(WAVE.encode())
        tar.addfile(info, io.BytesIO(WAVE.encode()))
    assert read_esa(archive) == read_esa(wave) == read_esa(tmp_path)


def test_a_pair_without_ratings_is_an_error(wave: Path) -> None:
    with pytest.raises(DataError, match="no human ratings of en-hi"):
        human_scores(read_esa(wave), "en-hi")


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ("a,b,c", "line 1: an ESA rating has 12 columns, this line has 3"),
        ("ann,s,1,TGT,eng,ces,good,d,False,[],1,2", "line 1: not an ESA rating"),
        ("ann,s,1,TGT,eng,tlh,50,d,False,[],1,2", "line 1: not an ESA rating"),
    ],
)
def test_a_damaged_file_is_named_with_its_line(tmp_path: Path, line: str, complaint: str) -> None:
    path = tmp_path / "wave9.csv"
    path.write_text(line + "\n", encoding="utf-8")
    with pytest.raises(DataError, match=complaint):
        read_esa(path)


def test_a_folder_without_ratings_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="holds no ESA ratings"):
        read_esa(tmp_path)


def test_published_ranks_turn_cometkiwis_sign_back_and_drop_daggers(tmp_path: Path) -> None:
    path = tmp_path / "ranks.csv"
    path.write_text(
        "pair,system,metricx,cometkiwi,rank_metricx,rank_cometkiwi,AutoRank\nen-cs,sysA $\\dagger$,1.5,-0.7,1,2,1.5\n"
    )
    (row,) = read_autorank(path)
    assert (row.system, row.metricx, row.cometkiwi, row.autorank) == ("sysA", 1.5, 0.7, 1.5)
    path.write_text("pair,system\nen-cs,sysA\n")
    with pytest.raises(DataError, match="no table of automatic ranks"):
        read_autorank(path)
