"""Builds mevals/extract/{locales,scales}.csv and the public rows of yesno.csv from CLDR and glibc locale data.

    python scripts/build_extract_tables.py CLDR_NUMBERS CLDR_MISC GLIBC_LOCALES LANGS.txt

CLDR_NUMBERS and CLDR_MISC are the unpacked npm packages cldr-numbers-full and cldr-misc-full, GLIBC_LOCALES the folder
i18n/locales of glibc, LANGS.txt our language keys, one per line. Rows of scales.csv and yesno.csv whose source starts
with "mevals" were written by hand and are kept. Only facts are taken: separators, scale words, words for yes and no.
"""

from __future__ import annotations

import csv
import json
import re
import sys
import unicodedata
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import langcodes

TABLES = Path(__file__).parents[1] / "mevals" / "extract"
# Languages that CLDR has no number symbols for: the convention of the language that schools and shops around them use.
PROXIES = {
    "id": "ace ban bjn bug min", "fil": "war ilo pag", "hi": "awa bho hne mag mai", "fr": "bam dyu fon mos kab kon sag",
    "pt-AO": "cjk kmb umb", "fr-BJ": "kbp", "fr-ML": "taq", "fr-CD": "lua", "ar-DZ": "tzm", "en-GH": "ewe twi aka",
    "en-NG": "fuv knc", "en-ZM": "bem tum", "en-SS": "dik nus", "en-FJ": "fij smo", "es-PY": "grn", "es-BO": "ayr quy",
    "az": "azb", "uk": "crh", "my": "kac shn", "en-IN": "lus mni sat", "nl": "lim pap", "fa-AF": "prs", "lv": "ltg",
    "pl": "szl", "it": "lij lmo scn srd vec fur", "ru": "tat bak", "en-PG": "tpi", "fr-HT": "hat",
    "en-KE": "kam kik luo",
    "zh": "bod", "he": "ydd", "en-ZA": "nso sot ssw tsn tso",
}  # fmt: skip
# What CLDR or glibc say but an answer does not mean: an OK button, an abbreviation, a pattern under the wrong power of
# ten (Nepali crore), untranslated fillers (Wolof), and Azerbaijani "min" (thousand or minute), Irish "mile" (or a mile).
WRONG = {"确定", "否定", "確定", "chan eil", "ch", "th"}
WRONG_SCALES = {("npi_Deva", "करोड"), ("wol_Latn", "Vote G"), ("wol_Latn", "Vote M"), ("wol_Latn", "thousand")}
UNREADABLE = {
    ("azj_Latn", "min"),
    ("gle_Latn", "míle"),
    ("gle_Latn", "mhíle"),
    ("gla_Latn", "mìle"),
    ("gla_Latn", "mhìle"),
}
SCRIPTS = {"Latn": "LATIN", "Cyrl": "CYRILLIC", "Arab": "ARABIC", "Deva": "DEVANAGARI", "Guru": "GURMUKHI"}
ARABIC = {
    "acm": "ar-IQ",
    "acq": "ar-YE",
    "aeb": "ar-TN",
    "ajp": "ar-PS",
    "apc": "ar-LB",
    "ars": "ar-SA",
    "ary": "ar-MA",
}
BEFORE = {lang: code for code, langs in PROXIES.items() for lang in langs.split()}


@cache
def numbers(root: Path, locale: str) -> dict[str, object] | None:
    path = root / "main" / locale / "numbers.json"
    if not path.exists():
        return None
    return json.loads(path.read_text(encoding="utf-8"))["main"][locale]["numbers"]


def locale_of(root: Path, key: str) -> tuple[str, bool] | None:
    """CLDR's locale for one of our keys, and whether it stands in for a language that CLDR lacks."""
    iso3, script = key.split("_")
    if iso3 in ARABIC or iso3 == "arz":
        return ARABIC.get(iso3, "ar-EG"), False
    macro = langcodes.standardize_tag(iso3, macro=True)
    fixed = {
        "cmn": "zh",
        "yue": "yue",
        "nob": "nb",
        "nno": "nn",
        "fil": "fil",
        "khk": "mn",
        "prs": "fa-AF",
        "pbt": "ps",
    }
    short = fixed.get(iso3, macro)
    if iso3 in BEFORE:
        return BEFORE[iso3], BEFORE[iso3] != "fa-AF"
    for candidate in (f"{short}-{script}", short):
        if (root / "main" / candidate / "numbers.json").exists():
            return candidate, False
    return None


def scale_words(found: dict[str, object]) -> Iterator[tuple[str, int, str]]:
    """(word, exponent, place) from CLDR's long compact decimal patterns, such as "00 thousand" for 10000."""
    for system in ("latn", str(found["defaultNumberingSystem"])):
        block = found.get(f"decimalFormats-numberSystem-{system}")
        long = block["long"]["decimalFormat"] if isinstance(block, dict) and "long" in block else {}
        for key, pattern in long.items():
            power = len(key.split("-")[0]) - 1
            pattern = pattern.split(";")[0]
            zeros = pattern.count("0")
            word = re.sub(r"['0\u00a0\u200e\u200f\u200b ]+", " ", pattern).strip()
            if zeros and len(word) > 1 and not re.search(r"[\d\u4e00-\u9fff\uac00-\ud7a3]", word):
                place = "after" if pattern.lstrip("'\u200e\u200f ").startswith("0") else "before"
                yield word.rstrip(". "), power - zeros + 1, place


def rows_of(name: str) -> list[dict[str, str]]:
    path = TABLES / name
    if not path.exists():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if row["source"].startswith("mevals")]


def write(name: str, fields: list[str], rows: list[dict[str, str]]) -> None:
    seen: dict[tuple[str, ...], dict[str, str]] = {}
    for row in sorted(rows, key=lambda r: r["source"].startswith("mevals")):  # a public source ranks above our own word
        seen.setdefault(tuple(row[f] for f in fields if f != "source"), row)
    with (TABLES / name).open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, fields, lineterminator="\n")
        writer.writeheader()
        writer.writerows(sorted(seen.values(), key=lambda r: [r[f] for f in fields]))


def written_in(word: str, key: str) -> bool:
    """Whether the word is in the script of our key; only the scripts that the sources mix up are checked."""
    name = SCRIPTS.get(key.split("_")[1], "")
    letter = next(c for c in word if c.isalpha())
    return unicodedata.name(letter).startswith(name)


def glibc_words(root: Path, lang: str) -> Iterator[tuple[str, str, str]]:
    for path in sorted(root.glob(f"{lang}_*")):
        if "@" in path.name:
            continue
        text = path.read_text(encoding="utf-8", errors="replace")
        for field, value in (("yesstr", "yes"), ("nostr", "no")):
            if match := re.search(rf'^{field}\s+"([^"]+)"', text, re.MULTILINE):
                yield value, re.sub(r"<U([0-9A-F]+)>", lambda m: chr(int(m[1], 16)), match[1]), path.name


def main(numbers_root: Path, misc_root: Path, glibc_root: Path, keys: list[str]) -> None:
    version = json.loads((numbers_root / "package.json").read_text(encoding="utf-8"))["version"]
    locales, scales, yesno = [], rows_of("scales.csv"), rows_of("yesno.csv")
    for key in keys:
        found = locale_of(numbers_root, key)
        data = numbers(numbers_root, found[0]) if found else None
        if found is None or data is None:
            print("no number symbols for", key)
            continue
        locale, proxy = found
        symbols = data["symbols-numberSystem-latn"]
        source = f"CLDR {version} {locale}" + (" (stands in)" if proxy else "")
        locales.append({"lang": key, "decimal": symbols["decimal"], "group": symbols["group"], "source": source})
        if proxy:
            continue
        for word, power, place in scale_words(data):
            if (key, word) not in WRONG_SCALES and written_in(word, key):
                exponent = "" if (key, word) in UNREADABLE else str(power)
                row = {"lang": key, "word": word, "power": exponent, "place": place}
                scales.append(row | {"source": f"CLDR {version} {locale}"})
        posix = json.loads((misc_root / "main" / locale / "posix.json").read_text(encoding="utf-8"))
        messages = posix["main"][locale]["posix"]["messages"]
        words = [("yes", messages["yesstr"], "CLDR"), ("no", messages["nostr"], "CLDR")]
        if words[0][1].lower().startswith("yes") and not key.startswith("eng"):
            words = []  # the root locale's English, not this language's words
        words += list(glibc_words(glibc_root, langcodes.standardize_tag(key.split("_")[0], macro=True)))
        for value, text, source in words:
            parts = [re.sub(r"[\u200b\u200e\u200f]", "", part).strip(" .") for part in re.split(r"[:/ঃः៖]", text)]
            for word in parts:
                short = word != parts[0] and parts[0].startswith(word)
                if len(word) > 1 and not short and word not in WRONG and written_in(word, key):
                    origin = f"CLDR {version} {locale} posix" if source == "CLDR" else f"glibc 2.36 {source}"
                    yesno.append({"lang": key, "value": value, "word": word.lower(), "source": origin})
    write("locales.csv", ["lang", "decimal", "group", "source"], locales)
    write("scales.csv", ["lang", "word", "power", "place", "source"], scales)
    write("yesno.csv", ["lang", "value", "word", "source"], yesno)


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:4]), Path(sys.argv[4]).read_text(encoding="utf-8").split())
