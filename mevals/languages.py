"""The one registry of languages: every code that a benchmark, a person or a model card uses leads to one row here.

Rows come from data/languages.csv (built by scripts/build_languages.py). An ambiguous or unknown code is refused with a
suggestion: a guess would put a score beside the wrong language.
"""

from __future__ import annotations

import csv
import difflib
import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import Literal, NoReturn, cast

from mevals.errors import UsageError, did_you_mean
from mevals.types import Language

REGIONS = ("Europe", "West Asia", "South Asia", "Asia Pacific", "Africa", "Americas")
"""The five regions of arXiv:2603.11510, Table 1, and Americas, which is ours (docs/languages.md)."""

SCRIPT_NAMES: Mapping[str, str] = MappingProxyType(
    {
        "Arab": "Arabic",
        "Armn": "Armenian",
        "Beng": "Bengali",
        "Cans": "Canadian Syllabics",
        "Cyrl": "Cyrillic",
        "Deva": "Devanagari",
        "Ethi": "Ethiopic",
        "Geor": "Georgian",
        "Grek": "Greek",
        "Gujr": "Gujarati",
        "Guru": "Gurmukhi",
        "Hang": "Hangul",
        "Hans": "Han (Simplified)",
        "Hant": "Han (Traditional)",
        "Hebr": "Hebrew",
        "Jpan": "Japanese",
        "Khmr": "Khmer",
        "Knda": "Kannada",
        "Laoo": "Lao",
        "Latn": "Latin",
        "Mlym": "Malayalam",
        "Mong": "Mongolian",
        "Mtei": "Meitei Mayek",
        "Mymr": "Myanmar",
        "Nkoo": "N'Ko",
        "Olck": "Ol Chiki",
        "Orya": "Odia",
        "Sinh": "Sinhala",
        "Taml": "Tamil",
        "Telu": "Telugu",
        "Tfng": "Tifinagh",
        "Thai": "Thai",
        "Tibt": "Tibetan",
    }
)
"""ISO 15924 code -> English name, for every script of the registry."""

BIN_EDGES = (3.860, 4.885, 5.911, 6.936, 7.962, 8.987)
"""Edges of the five web-presence bins on log10 pages of CC-MAIN-2026-04: equal widths over the 66 mDolly languages."""

ZEROS: Mapping[str, int] = MappingProxyType(
    {
        "adlm": 0x1E950,
        "arab": 0x0660,
        "arabext": 0x06F0,
        "beng": 0x09E6,
        "deva": 0x0966,
        "gujr": 0x0AE6,
        "guru": 0x0A66,
        "khmr": 0x17E0,
        "knda": 0x0CE6,
        "laoo": 0x0ED0,
        "mlym": 0x0D66,
        "mong": 0x1810,
        "mtei": 0xABF0,
        "mymr": 0x1040,
        "mymrshan": 0x1090,
        "nkoo": 0x07C0,
        "olck": 0x1C50,
        "orya": 0x0B66,
        "tamldec": 0x0BE6,
        "telu": 0x0C66,
        "thai": 0x0E50,
        "tibt": 0x0F20,
    }
)
"""Numbering system (CLDR's name) -> code point of its zero; the other nine digits follow it."""

_FILE = Path(__file__).parent / "data" / "languages.csv"
_COUNTRY_CODED = frozenset({"blend"})  # benchmarks whose codes are countries: "ET" there is Ethiopia, not Estonian


@lru_cache(maxsize=1)
def load() -> Mapping[str, Language]:
    """Every language variety by key, in the order of the keys. Read once."""
    return MappingProxyType({row["key"]: _language(row) for row in _rows()})


@lru_cache(maxsize=1)
def _rows() -> tuple[dict[str, str], ...]:
    with _FILE.open(encoding="utf-8", newline="") as file:
        header, *rows = csv.reader(file)
    return tuple(dict(zip(header, row, strict=True)) for row in rows)


def _language(row: dict[str, str]) -> Language:
    benchmarks = {name[3:]: codes for name, codes in row.items() if name.startswith("in:") and codes}
    return Language(
        key=row["key"],
        name=row["name"],
        endonym=row["endonym"],
        iso639_1=row["iso639_1"] or None,
        iso639_3=row["iso639_3"],
        bcp47=row["bcp47"],
        glottocode=row["glottocode"] or None,
        script=row["script"],
        direction=cast(Literal["ltr", "rtl"], row["direction"]),
        family=row["family"],
        region=row["region"],
        region_source=cast(Literal["paper", "mevals"], row["region_source"]),
        pages=int(row["cc_pages"]) if row["cc_pages"] else None,
        crawl=row["cc_crawl"] or None,
        latitude=float(row["latitude"]) if row["latitude"] else None,
        longitude=float(row["longitude"]) if row["longitude"] else None,
        speakers=int(row["speakers"]) if row["speakers"] else None,
        aliases=tuple(row["aliases"].split()),
        # INCLUDE names its configurations in words, one of them two.
        benchmarks={b: (codes,) if b == "include" else tuple(codes.split()) for b, codes in benchmarks.items()},
        macro=row["macro"] or None,
        country=row["country"] or None,
        digits=row["digits"],
        decimal=row["decimal"] or None,
        grouping=row["grouping"].replace("space", " ") or None,
        unspaced=bool(row["unspaced"]),
        lid176=row["lid176"],
    )


@dataclass(frozen=True, slots=True)
class _Index:
    """Folded spellings and what they lead to.

    `exact`: keys, aliases and tags with a script. `names`: English names. `codes`: ISO 639 codes, those of the
    macrolanguages too -> keys, the standard variety first. `macros`: three-letter codes that are refused.
    `elsewhere`: (language, territory) -> the script that it has there. `benchmarks`: benchmark -> code -> key.
    """

    exact: Mapping[str, str]
    names: Mapping[str, str]
    codes: Mapping[str, Sequence[str]]
    macros: frozenset[str]
    elsewhere: Mapping[tuple[str, str], str]
    benchmarks: Mapping[str, Mapping[str, str]]


@lru_cache(maxsize=1)
def _index() -> _Index:
    languages = load()
    exact: dict[str, str] = {}
    names: dict[str, str] = {}
    codes: dict[str, list[str]] = {}
    elsewhere: dict[tuple[str, str], str] = {}
    benchmarks: dict[str, dict[str, str]] = {}
    for row in sorted(_rows(), key=_rank):
        language = languages[row["key"]]
        tag = (language.bcp47,) if "-" in language.bcp47 else ()
        exact.update((_fold(s), language.key) for s in (language.key, *language.aliases, *tag))
        names.update((_fold(s), language.key) for s in (language.name, *language.benchmarks.get("include", ())))
        for code in {row["iso639_1"], row["iso639_3"], row["macro"], row["macro639_1"]} - {""}:
            codes.setdefault(code, []).append(language.key)
        for pair in row["other_scripts_in"].split():
            elsewhere[_fold(language.bcp47), pair[:2].casefold()] = pair[3:]
        for benchmark, own in language.benchmarks.items():
            spellings = own + tuple(c.removeprefix("en-") for c in own) if benchmark == "wmt24pp" else own
            benchmarks.setdefault(benchmark, {}).update((_fold(c), language.key) for c in spellings)
    macros = frozenset(r["macro"] for r in _rows() if r["macro"]) - {r["iso639_3"] for r in _rows()}
    return _Index(exact, names, codes, macros, elsewhere, benchmarks)


def _rank(row: dict[str, str]) -> tuple[bool, bool, str]:
    """Sorts the variety first that bears its macrolanguage's two-letter code, then those of the report."""
    return row["iso639_1"] != row["macro639_1"], row["region_source"] != "paper", row["key"]


def _fold(text: str) -> str:
    return text.strip().casefold().replace("-", "_")


def get(code: str) -> Language:
    """The language of a key (`swh_Latn`) or of an alias (FLORES-200's `zho_Hans`), in any case.

    Raises UsageError, naming the key that may be meant, for every other spelling; `resolve` accepts those.
    """
    key = _index().exact.get(_fold(code))
    if key is None:
        _refuse(code)
    return load()[key]


def full_name(code: str) -> str:
    """The English name for prompts, with the script or variety where the bare name would be ambiguous."""
    return get(code).name


def resolve(code: str, benchmark: str | None = None) -> Language:
    """The language that `code` means, in any spelling that has one meaning.

    With `benchmark`: that benchmark's own code (`zh` of global_mgsm, `North Macedonian` of include, `AS` of blend) or
    one of our keys and aliases. Without: a key, an alias, a WMT24++ locale, an ISO 639 code or BCP-47 tag, an English
    or INCLUDE name, or a configuration name that no two benchmarks use differently. Raises UsageError where it means
    several (`zh`, any bare macrolanguage code) or none.
    """
    index, folded = _index(), _fold(code)
    if benchmark is not None:
        own = index.benchmarks.get(benchmark)
        if own is None:
            raise UsageError(f"unknown benchmark {benchmark!r}{did_you_mean(benchmark, index.benchmarks)}")
        key = own.get(folded) or index.exact.get(folded)
        if key is None:
            raise UsageError(f"{benchmark} has no language {code!r}{did_you_mean(folded, own)}")
        return load()[key]
    key = index.exact.get(folded) or index.benchmarks["wmt24pp"].get(folded)
    key = key or _by_tag(code) or index.names.get(folded) or _by_configuration(folded)
    if key is None:
        _refuse(code)
    return load()[key]


def resolve_locale(code: str) -> tuple[Language, str | None]:
    """Language and ISO 3166 country of a locale such as `en-pt_BR` (WMT24++), `pt_BR` or `pt-BR`; no country: None."""
    language = resolve(code)
    last = code.replace("-", "_").split("_")[-1]
    has_country = len(last) == 2 and last.isalpha() and _fold(code) != last.casefold()
    return language, last.upper() if has_country else None


def _by_configuration(folded: str) -> str | None:
    """The key that every benchmark with this code means, None where there is none or they differ."""
    tables = (table for name, table in _index().benchmarks.items() if name not in _COUNTRY_CODED)
    keys = {table[folded] for table in tables if folded in table}
    return keys.pop() if len(keys) == 1 else None


def _by_tag(code: str) -> str | None:
    """The key of an ISO 639 code or BCP-47 tag (language, script, territory); None if it is no such tag or unknown."""
    index = _index()
    language, script, territory = _parse_tag(code)
    candidates = index.codes.get(language, ())
    if not candidates:
        return None
    if language in index.macros:
        _refuse(code)
    if territory.casefold() in index.codes and territory.islower() and territory != language:
        raise UsageError(f"{code!r} looks like a pair of languages; name one, or write its country in capitals")
    if script or territory:
        standard = load()[candidates[0]]
        script = script or index.elsewhere.get((language, territory.casefold()), standard.script)
        fitting = [k for k in candidates if load()[k].script.casefold() == script.casefold()]
        fitting = [k for k in fitting if load()[k].iso639_1 == language] or fitting
    else:
        fitting = _in_usual_script(candidates)
    if len(fitting) != 1:
        _refuse(code)
    return fitting[0]


def _parse_tag(code: str) -> tuple[str, str, str]:
    """(language, script, territory as written) of a tag, "" where absent; all "" for what is no such tag."""
    language, *rest = code.strip().replace("-", "_").split("_")
    script = rest.pop(0) if rest and len(rest[0]) == 4 and rest[0].isalpha() else ""
    territory = rest.pop(0) if rest and len(rest[0]) == 2 and rest[0].isalpha() else ""
    return ("", "", "") if rest or not 2 <= len(language) <= 3 else (language.casefold(), script, territory)


def _in_usual_script(candidates: Iterable[str]) -> list[str]:
    """Of one language's rows, that in its usual script; Chinese has two, and several languages stay several."""
    rows = [load()[key] for key in candidates]
    both_han = {"Hans", "Hant"} <= {row.script for row in rows}
    if len({row.iso639_3 for row in rows}) == 1 and not both_han:
        rows = [row for row in rows if "-" not in row.bcp47] or rows
    return [row.key for row in rows]


def _refuse(code: str) -> NoReturn:
    """Raise the UsageError for a code that has several meanings or none."""
    index, folded, language = _index(), _fold(code), _parse_tag(code)[0]
    varieties = index.codes.get(language, ())
    meant = _in_usual_script(varieties)
    if len(meant) > 1 or language in index.macros:
        what = "is a macrolanguage code" if language in index.macros else "has several varieties"
        shown = ", ".join(f"{key} ({load()[key].name})" for key in varieties[:5])
        more = f" and {len(varieties) - 5} more" if len(varieties) > 5 else ""
        raise UsageError(f"{code!r} {what}; name the one you mean: {shown}{more}")
    known = [key for key in (*meant, index.names.get(folded), _by_configuration(folded)) if key]
    raise UsageError(f"unknown language {code!r}{_suggest(known[:1] or _near(folded))}")


def _near(folded: str) -> list[str]:
    """Up to three keys whose spellings or names begin like this or look like it."""
    index = _index()
    spellings = {**index.names, **index.exact}
    near = [s for s in spellings if len(folded) > 2 and s.startswith(folded)]
    near += difflib.get_close_matches(folded, spellings, n=3, cutoff=0.75)
    return list(dict.fromkeys(spellings[s] for s in near))[:3]


def _suggest(keys: Sequence[str]) -> str:
    return f"; did you mean {' or '.join(map(repr, keys))}?" if keys else "; `mevals ls languages` shows all"


def select(patterns: Sequence[str]) -> list[str]:
    """Keys that `--langs` means: codes as in `resolve`, `all`, and filters, comma-separated, in any case.

    Filters: `region:africa`, `script:Arab` (or `script:arabic`), `bin:1` (`bin:unknown`: no page count),
    `family:turkic`, `in:wmt24pp`. Each key once, in the order of the patterns, within a filter in the order of the
    registry. Raises UsageError for what matches nothing.
    """
    parts = [part.strip() for pattern in patterns for part in pattern.split(",") if part.strip()]
    if patterns and not parts:
        raise UsageError("no language is named; give codes such as swh_Latn, or filters such as region:africa")
    return list(dict.fromkeys(key for part in parts for key in _matches(part)))


def _matches(part: str) -> list[str]:
    if part.casefold() == "all":
        return list(load())
    name, colon, value = part.partition(":")
    if not colon:
        return [resolve(part).key]
    labels = _FILTERS.get(name.casefold())
    if labels is None:
        raise UsageError(f"unknown language filter {name!r}{did_you_mean(name, _FILTERS)}")
    found = [x.key for x in load().values() if _squeeze(value) in map(_squeeze, labels(x))]
    if not found:
        known = {label for x in load().values() for label in labels(x)}
        listed = f"; there are {', '.join(sorted(known))}" if len(known) < 10 else ""
        raise UsageError(f"no language has {part!r}{did_you_mean(value, known) or listed}")
    return found


def _squeeze(label: str) -> str:
    """A label without case, spaces and hyphens, so that `asia-pacific` is `Asia Pacific`."""
    return "".join(c for c in label.casefold() if c.isalnum())


_FILTERS: Mapping[str, Callable[[Language], Iterable[str]]] = MappingProxyType(
    {
        "region": lambda x: (x.region,),
        "script": lambda x: (x.script, SCRIPT_NAMES[x.script]),
        "family": lambda x: (x.family,),
        "bin": lambda x: (str(web_presence_bin(x.pages) or "unknown"),),
        "in": lambda x: x.benchmarks,
    }
)


def web_presence_bin(pages: int | None) -> int | None:
    """Bin 1 (least) to 5 (most) by log10 of the page count, None where it is unknown.

    The edges are fixed, so that a bin means the same in every report; the lowest and the highest bin are open-ended.
    """
    if pages is None:
        return None
    if pages < 0:
        raise ValueError(f"a page count can't be negative: {pages}")
    return 1 + sum(pages > 0 and math.log10(pages) >= edge for edge in BIN_EDGES[1:-1])


def bin_label(web_bin: int | None) -> str:
    """What a web-presence bin is, for tables: `2 (77k-815k pages)`; "unknown" for None."""
    if web_bin is None:
        return "unknown"
    low, high = (_short(10 ** BIN_EDGES[i]) for i in (web_bin - 1, web_bin))
    if web_bin == 1:
        return f"1 (under {high} pages)"
    return f"5 (over {low} pages)" if web_bin == 5 else f"{web_bin} ({low}-{high} pages)"


def _short(number: float) -> str:
    return f"{number / 1e6:.2g}M" if number >= 1e6 else f"{number / 1e3:.3g}k"


def native_digits(language: Language) -> str:
    """The ten digits 0 to 9 that this language's writers use beside or instead of ASCII's; "" where there are none."""
    zero = ZEROS.get(language.digits)
    return "".join(chr(zero + i) for i in range(10)) if zero is not None else ""
