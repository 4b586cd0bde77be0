"""Builds mevals/data/languages.csv: one row per written language variety, every value from a named source.

    python scripts/build_languages.py --paper DIR --langmeta DIR [--flores DIR-or-tar] --out mevals/data/languages.csv

`--paper` holds languages.csv and common_crawl_CC-MAIN-2026-04.csv (facts of arXiv:2603.11510 and of the crawl that it
cites); `--langmeta` holds Glottolog, CLDR, LinguaMeta and Google's language_metadata as published; `--flores`, where
given, is the FLORES-200 devtest archive or folder, whose file names must be the codes that we list. What no source says
(names for prompts, endonyms, digits, separators) is in languages_curated.csv, the benchmarks' own codes are in
languages_benchmarks.csv, both beside this script. docs/languages.md explains the columns and the written rules.
The same input gives the same bytes.
"""

from __future__ import annotations

import argparse
import csv
import io
import json
import sys
import tarfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
CRAWL = "CC-MAIN-2026-04"
Row = dict[str, str]

COLUMNS = (
    "key name endonym iso639_1 iso639_3 macro macro639_1 bcp47 glottocode script direction family country region "
    "region_source cc_pages cc_crawl cc_code latitude longitude speakers digits decimal grouping unspaced lid176 "
    "other_scripts_in aliases"
)
BENCHMARKS = (
    "flores flores200 wmt24pp wmt mgsm global_mgsm global_mmlu mmmlu include global_piqa mdolly marenahard "
    "marenahard_v1 language_confusion blend multijail tinyaya_70 paper_table1 paper_flores paper_marenahard "
    "paper_global_mgsm"
)

# Scripts that put no space between words.
UNSPACED = {"Thai", "Laoo", "Khmr", "Mymr", "Tibt", "Jpan", "Hans", "Hant"}
# CLDR names Korean's likely script Kore (Hangul with Hanja); the text of every benchmark is Hangul.
SAME_SCRIPT = {"Kore": "Hang"}

# Rows that share an ISO 639-3 code, or whose code Glottolog lacks: Glottocodes as in the FLORES+ README.
GLOTTOCODES = {
    "apc_Arab_nort3139": "nort3139",
    "apc_Arab_sout3123": "sout3123",
    "srd_Latn": "sard1257",
    "twi_Latn_akua1239": "akua1239",
    "twi_Latn_asan1239": "asan1239",
}
# Two-letter codes that CLDR gives to another variety of the macrolanguage: markup uses the three-letter code.
BCP47_BY_639_3 = {"quy_Latn", "fil_Latn"}

# Where CLDR knows only the macrolanguage's main territory, or one for two varieties.
COUNTRIES = {"prs_Arab": "AF", "apc_Arab_sout3123": "JO"}

# Other spellings: tgl is what FLORES-200 called Filipino, and CLDR writes Dari as the Persian of Afghanistan.
ALIASES = {"fil_Latn": ("tgl",), "prs_Arab": ("fa_AF",)}

# Macrolanguages whose figure can't be given to one variety: kur has Kurmanji and Sorani, aka two kinds of Twi.
CC_UNCLEAR = {"kur", "aka"}
# As in the report: one figure for Chinese in both scripts, Tagalog for Filipino, Norwegian for Bokmål.
CC_ROWS = {"zho": ("cmn_Hans", "cmn_Hant"), "tgl": ("fil_Latn",), "nor": ("nob_Latn",)}

# Regions for languages that Table 1 of the report doesn't place: docs/languages.md, "Regions".
AREA_REGION = {
    "Africa": "Africa",
    "Papunesia": "Asia Pacific",
    "Australia": "Asia Pacific",
    "North America": "Americas",
    "South America": "Americas",
}
EURASIA = {
    # UN M49 Southern Asia without Iran
    "South Asia": "AF BD BT IN LK MV NP PK",
    # UN M49 Western and Central Asia, and Iran, whose Persian the report counts here
    "West Asia": "AE AM AZ BH CY GE IL IQ JO KW LB OM PS QA SA SY TR YE IR KG KZ TJ TM UZ",
    # UN M49 Eastern and South-eastern Asia
    "Asia Pacific": "BN CN HK ID JP KH KP KR LA MM MN MO MY PH SG TH TL TW VN",
    # UN M49 Europe
    "Europe": "AD AL AT AX BA BE BG BY CH CZ DE DK EE ES FI FO FR GB GG GI GR HR HU IE IM IS IT JE LI LT LU LV MC MD "
    "ME MK MT NL NO PL PT RO RS RU SE SI SJ SK SM UA VA XK",
}
COUNTRY_REGION = {country: region for region, countries in EURASIA.items() for country in countries.split()}

# Labels of fastText's lid.176 model, from its documentation page.
LID176 = (
    "af als am an ar arz as ast av az azb ba bar bcl be bg bh bn bo bpy br bs bxr ca cbk ce ceb ckb co cs cv "
    "cy da de diq dsb dty dv el eml en eo es et eu fa fi fr frr fy ga gd gl gn gom gu gv he hi hif hr hsb ht "
    "hu hy ia id ie ilo io is it ja jbo jv ka kk km kn ko krc ku kv kw ky la lb lez li lmo lo lrc lt lv mai mg "
    "mhr min mk ml mn mr mrj ms mt mwl my myv mzn nah nap nds ne new nl nn no oc or os pa pam pfl pl pms pnb "
    "ps pt qu rm ro ru rue sa sah sc scn sco sd sh si sk sl so sq sr su sv sw ta te tg th tk tl tr tt tyv ug "
    "uk ur uz vec vep vi vls vo wa war wuu xal xmf yi yo yue zh"
)
# Bokmål is trained as "no", Bhojpuri as "bh" (the code of its Wikipedia then), and "zh" covers both scripts.
LID_LABEL = {"nob_Latn": "no", "bho_Deva": "bh", "cmn_Hant": "zh"}


@dataclass(frozen=True)
class Sources:
    """Everything that was read, each table by its own key."""

    curated: list[Row]
    paper: dict[str, Row]
    crawl: dict[str, int]
    codes: dict[str, dict[str, list[str]]]
    glottolog: dict[str, Row]
    glottocode: dict[str, str]
    likely: dict[str, str]
    rtl: dict[str, bool]
    linguameta: dict[str, Row]
    macro639_3: dict[str, str]
    speakers: dict[str, str]


def read_csv(path: Path, delimiter: str = ",") -> list[Row]:
    """Rows of a delimited text file with a header."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file, delimiter=delimiter))


def read_json(path: Path) -> Any:
    """A JSON document."""
    return json.loads(path.read_text(encoding="utf-8"))


def read_glottolog(langmeta: Path) -> list[Row]:
    """Glottolog's CLDF language table, packed or unpacked."""
    packed = langmeta / "glottolog_languages.tar.xz"
    if not packed.exists():
        return read_csv(langmeta / "glottolog" / "languages.csv")
    with tarfile.open(packed) as tar:
        member = tar.extractfile("languages.csv")
        if member is None:
            raise SystemExit(f"{packed} holds no languages.csv")
        return list(csv.DictReader(io.StringIO(member.read().decode("utf-8"))))


def read_flores_codes(path: Path) -> set[str]:
    """Codes of the `<code>.devtest` files of the FLORES-200 archive or folder."""
    if path.is_dir() and (packed := sorted(path.rglob("flores200_devtest.tar.xz"))):
        path = packed[0]
    if path.is_dir():
        return {p.stem for p in path.rglob("*.devtest")}
    with tarfile.open(path) as tar:
        return {Path(name).stem for name in tar.getnames() if name.endswith(".devtest")}


def paper_key(row: Row) -> str:
    """Our key for a row of the report's language table."""
    return row["flores_code"] or {"pcm": "pcm_Latn"}[row["code"]]


def read_sources(paper: Path, langmeta: Path) -> Sources:
    """Read every source table once."""
    glottolog = read_glottolog(langmeta)
    linguameta = read_csv(langmeta / "linguameta" / "linguameta.tsv", "\t")
    cldr = langmeta / "cldr"
    scripts = read_json(cldr / "scriptMetadata.json")["scriptMetadata"]
    paper_rows = {paper_key(r): r for r in read_csv(paper / "languages.csv")}
    return Sources(
        curated=read_csv(HERE / "languages_curated.csv"),
        paper=paper_rows,
        crawl={
            r["primary_language"]: int(r["pages"])
            for r in read_csv(paper / f"common_crawl_{CRAWL}.csv")
            if r["crawl"] == CRAWL and not r["primary_language"].startswith("<")
        },
        codes=benchmark_codes(read_csv(HERE / "languages_benchmarks.csv"), paper_rows),
        glottolog={r["ID"]: r for r in glottolog},
        glottocode={r["ISO639P3code"]: r["ID"] for r in glottolog if r["ISO639P3code"]},
        likely=read_json(cldr / "supplemental" / "likelySubtags.json")["supplemental"]["likelySubtags"],
        rtl={code: about["rtl"] == "YES" for code, about in scripts.items()},
        linguameta={r["iso_639_3_code"]: r for r in linguameta},
        macro639_3={r["bcp_47_code"]: r["iso_639_3_code"] for r in linguameta},
        speakers={
            r["ISO 639 code"]: r["Number of speakers (rounded)"]
            for r in read_csv(langmeta / "language_metadata" / "data.tsv", "\t")
        },
    )


def benchmark_codes(listed: list[Row], paper: dict[str, Row]) -> dict[str, dict[str, list[str]]]:
    """key -> benchmark -> the benchmark's own codes, from our list and from the report's table."""
    codes: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for row in listed:
        codes[row["key"]][row["benchmark"]].append(row["code"])
    for key, row in paper.items():
        own = codes[key]
        for benchmark, column in {
            "global_mgsm": "globalmgsm_hf_config",
            "global_mmlu": "globalmmlu_config",
            "wmt24pp": "wmt24pp_configs",
            "multijail": "multijail_column",
            "marenahard": "marenahard_v21_config",
        }.items():
            own[benchmark] += row[column].split()
        own["include"] += [row["include_config"]] if row["include_config"] else []
        for benchmark, column in {
            "tinyaya_70": "tinyaya_supported",
            "paper_table1": "in_paper_table1",
            "paper_flores": "eval_flores",
            "mdolly": "eval_mdolly",
            "paper_marenahard": "eval_marenahard",
            "paper_global_mgsm": "eval_globalmgsm_paper",
        }.items():
            own[benchmark] += [row["code"]] if row[column] in ("yes", "1") else []
    return codes


def build_row(curated: Row, s: Sources) -> Row:
    """One finished row but for the crawl's pages, which need all rows."""
    key = curated["key"]
    iso, script = key.split("_")[:2]
    about = s.linguameta.get(iso, {})
    macro639_1 = about.get("macrolanguage_bcp_47_code", "")
    row = dict(curated, iso639_3=iso, script=script, macro=s.macro639_3.get(macro639_1, ""))
    row["macro639_1"] = macro639_1 if len(macro639_1) == 2 else ""
    likely = likely_tag(curated, macro639_1, s)
    language = iso if key in BCP47_BY_639_3 else curated["iso639_1"] or iso
    row["bcp47"] = language if likely[1] == script else f"{language}-{script}"
    row["other_scripts_in"] = other_scripts_in(language, likely[1], s) if likely[1] == script else ""
    row["direction"] = "rtl" if s.rtl[script] else "ltr"
    row["unspaced"] = "yes" if script in UNSPACED else ""
    row.update(glottolog_facts(key, iso, s))
    row["country"] = COUNTRIES.get(key) or (likely[2] if likely[2].isalpha() else row["countries"].split(";")[0])
    row["speakers"] = speakers(iso, row, s)
    label = curated["iso639_1"] or iso
    row["lid176"] = LID_LABEL.get(key) or (label if label in LID176.split() and "-" not in row["bcp47"] else "")
    row.update({f"in:{b}": " ".join(codes) for b, codes in s.codes[key].items() if b != "include"})
    row["in:include"] = "".join(s.codes[key]["include"])
    spellings = (*s.codes[key]["flores200"], *ALIASES.get(key, ()))
    row["aliases"] = " ".join(code for code in spellings if code != key)
    return row


def likely_tag(curated: Row, macro: str, s: Sources) -> tuple[str, str, str]:
    """CLDR's likely language, script and territory, by the two-letter code, the three-letter or the macrolanguage."""
    for code in (curated["iso639_1"], curated["key"].split("_")[0], macro):
        if code in s.likely:
            language, script, territory = s.likely[code].split("-")
            return language, SAME_SCRIPT.get(script, script), territory
    raise SystemExit(f"CLDR has no likely subtags for {curated['key']}")


def other_scripts_in(language: str, script: str, s: Sources) -> str:
    """Territories where CLDR expects `language` in another script, as `TW=Hant`, so that locales find the right row."""
    found = []
    for code, tag in s.likely.items():
        parts = code.split("-")
        if len(parts) == 2 and parts[0] == language and len(parts[1]) == 2 and tag.split("-")[1] != script:
            found.append(f"{parts[1]}={tag.split('-')[1]}")
    return " ".join(sorted(found))


def glottolog_facts(key: str, iso: str, s: Sources) -> Row:
    """Glottocode, top-level family (an isolate is its own), coordinates, macro-area and countries."""
    glottocode = GLOTTOCODES.get(key) or s.glottocode[iso]
    own = s.glottolog[glottocode]
    family = s.glottolog[own["Family_ID"]]["Name"] if own["Family_ID"] else own["Name"]
    children = [r for r in s.glottolog.values() if r["Language_ID"] == glottocode and r["Macroarea"]]
    return {
        "glottocode": glottocode,
        "family": family,
        "latitude": f"{float(own['Latitude']):.4f}" if own["Latitude"] else "",
        "longitude": f"{float(own['Longitude']):.4f}" if own["Longitude"] else "",
        "area": own["Macroarea"] or (children[0]["Macroarea"] if children else "Eurasia"),
        "countries": own["Countries"],
    }


def speakers(iso: str, row: Row, s: Sources) -> str:
    """language_metadata's rounded figure, of the language or of the macrolanguage whose two-letter code it bears."""
    stands_for_macro = row["macro"] and row["iso639_1"] and row["iso639_1"] == row["macro639_1"]
    figure = s.speakers.get(iso) or (s.speakers.get(row["macro"], "") if stands_for_macro else "")
    return figure if figure.isdigit() else ""


def place(row: Row, paper: dict[str, Row], placed: dict[str, str]) -> tuple[str, str]:
    """Region and who says so. `placed` maps ISO 639-3 codes to the report's regions."""
    said = paper.get(row["key"])
    if said and said["in_paper_table1"] == "yes":
        return said["region"], "paper"
    if row["iso639_3"] in placed:
        return placed[row["iso639_3"]], "mevals"
    if row["area"] in AREA_REGION:
        return AREA_REGION[row["area"]], "mevals"
    for country in (row["country"], *row["countries"].split(";")):
        if country in COUNTRY_REGION:
            return COUNTRY_REGION[country], "mevals"
    raise SystemExit(f"no region for {row['key']}: {row['area']} {row['country']} {row['countries']}")


def add_pages(rows: list[Row], crawl: dict[str, int]) -> None:
    """Give each row the crawl's page count where the crawl's code means it; without one it has no figure, never 0."""
    for row in rows:
        row["cc_pages"] = row["cc_crawl"] = row["cc_code"] = ""
    by_key = {r["key"]: r for r in rows}
    for code, pages in crawl.items():
        targets = CC_ROWS.get(code) or tuple(r["key"] for r in rows if _means(code, r))
        if len(targets) != 1 and code not in CC_ROWS and targets:
            raise SystemExit(f"crawl code {code} fits {targets}")
        for key in targets:
            by_key[key].update(cc_pages=str(pages), cc_crawl=CRAWL, cc_code=code)


def _means(code: str, row: Row) -> bool:
    """Whether the crawl's `code` is this row: the language in its usual script, or the macro's standard variety."""
    if code in CC_UNCLEAR or "-" in row["bcp47"]:
        return False
    return row["iso639_3"] == code or (row["macro"] == code and row["iso639_1"] == row["macro639_1"] != "")


def check_paper(rows: list[Row], paper: dict[str, Row]) -> None:
    """Stop where our row and the report's table disagree on pages, FLORES-200 code or language identification."""
    by_key = {r["key"]: r for r in rows}
    for key, said in paper.items():
        row = by_key[key]
        checks = {
            "cc_pages": (row["cc_pages"], said["cc_pages"]),
            "cc_code": (row["cc_code"], said["cc_code"]),
            "flores200": (row.get("in:flores200", ""), said["flores200_code"]),
            "lid176": ("yes" if row["lid176"] else "no", said["lid176_supported"]),
        }
        for name, (ours, theirs) in checks.items():
            if ours != theirs:
                raise SystemExit(f"{key}: {name} is {ours!r} here and {theirs!r} in the report's table")


def build(paper: Path, langmeta: Path, flores: Path | None) -> str:
    """The whole file as text."""
    s = read_sources(paper, langmeta)
    listed = {code for codes in s.codes.values() for code in codes["flores200"]}
    if flores and (difference := listed ^ read_flores_codes(flores)):
        raise SystemExit(f"FLORES-200 codes differ from ours: {sorted(difference)}")
    rows = sorted((build_row(c, s) for c in s.curated), key=lambda r: r["key"])
    if missing := set(s.codes) - {r["key"] for r in rows}:
        raise SystemExit(f"benchmark codes without a row: {sorted(missing)}")
    placed = {
        r["iso639_3"]: s.paper[r["key"]]["region"]
        for r in rows
        if s.paper.get(r["key"], {}).get("in_paper_table1") == "yes"
    }
    for row in rows:
        row["region"], row["region_source"] = place(row, s.paper, placed)
    add_pages(rows, s.crawl)
    check_paper(rows, s.paper)
    text = io.StringIO()
    header = [*COLUMNS.split(), *(f"in:{b}" for b in BENCHMARKS.split())]
    writer = csv.DictWriter(text, header, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def main(arguments: list[str]) -> None:
    """Write the file."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--paper", type=Path, required=True)
    parser.add_argument("--langmeta", type=Path, required=True)
    parser.add_argument("--flores", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args(arguments)
    given.out.write_text(build(given.paper, given.langmeta, given.flores), encoding="utf-8", newline="\n")


if __name__ == "__main__":
    main(sys.argv[1:])
