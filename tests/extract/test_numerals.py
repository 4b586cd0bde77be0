"""Numerals that are no decimal digits."""

from __future__ import annotations

from decimal import Decimal

import pytest

from mevals.extract.numerals import MIXED_NUMERAL, read_ethiopic, read_han, read_mixed


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("十八", "18"), ("十", "10"), ("二十", "20"), ("二百五十", "250"), ("三万五千", "35000"), ("三萬五千", "35000"),
        ("〇", "0"), ("一〇五", "105"), ("二〇二四", "2024"), ("一百零二", "102"), ("一万零二", "10002"), ("千五百", "1500"),
        ("百二十", "120"), ("廿五", "25"), ("一亿二千万", "120000000"), ("三億五千万", "350000000"), ("两百", "200"),
        ("壹佰贰拾叁", "123"), ("三十五万六千七百八十九", "356789"), ("三点五", "3.5"), ("负五", "-5"), ("五千零五十", "5050"),
    ],
)  # fmt: skip
def test_a_chinese_numeral_has_its_value(text: str, value: str) -> None:
    assert read_han(text) == Decimal(value)


@pytest.mark.parametrize("text", ["一百二", "二百五", "一万二", "一二万", "萬", "十百", "点五", "", "三点", "一" * 25])
def test_a_chinese_numeral_that_use_leaves_open_has_none(text: str) -> None:
    assert read_han(text) is None


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("3万5千", "35000"), ("1.5億", "150000000"), ("3만 5천", "35000"), ("5百万", "5000000"), ("3万5000", "35000"),
        ("2億3000万", "230000000"), ("1만 2,000", "12000"), ("3千5百", "3500"), ("1,234万", "12340000"),
    ],
)  # fmt: skip
def test_digits_with_units_have_their_value(text: str, value: str) -> None:
    assert MIXED_NUMERAL.fullmatch(text)
    assert read_mixed(text) == Decimal(value)


@pytest.mark.parametrize("text", ["3万5", "1万1億", "1" * 30 + "万"])
def test_digits_with_units_that_are_unclear_have_none(text: str) -> None:
    assert read_mixed(text) is None


@pytest.mark.parametrize("text", ["5千克", "5千米", "3조각", "18만큼", "3百分", "1,5万"])
def test_a_unit_of_measure_is_no_numeral(text: str) -> None:
    match = MIXED_NUMERAL.match(text)
    assert match is None


@pytest.mark.parametrize(
    ("text", "value"),
    [("፲፰", 18), ("፫፻፳", 320), ("፩፼", 10_000), ("፻", 100), ("፼", 10_000), ("፲፪፼፫፻፵፭", 120_345), ("፻፼", 1_000_000)],
)
def test_an_ethiopic_numeral_has_its_value(text: str, value: int) -> None:
    assert read_ethiopic(text) == value


@pytest.mark.parametrize("text", ["፩፩", "፲፳", "፩፻፩፻"])
def test_an_ethiopic_numeral_out_of_order_has_none(text: str) -> None:
    assert read_ethiopic(text) is None
