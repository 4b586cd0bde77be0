"""Puts one table of answers through our extraction and through the rules that lm-eval and simple-evals publish.

    python benchmarks/extraction.py [--by language|digits] [--json]

The table is tests/extract/answers.csv: self-written answers, each with the value that a careful reader would take, or none.
Each rule ends in one of three ways: *right* (the expected value, or none where none is clear), *none* (nothing where there
is a value: an honest failure) or *wrong* (another value, which a score would count without a word).

The rules, written anew from their published descriptions:

- lm-eval 0.4 `mgsm` (native_cot): filter flexible-extract, the last match of (-?[$0-9.,]{2,})|(-?[0-9]+); exact_match with
  ignore_punctuation, so punctuation leaves answer and target; no match is "[invalid]".
- simple-evals `mgsm_eval.py` (ee3b031): what follows the last answer prefix; commas removed; the last of \\d+\\.?\\d*; a
  trailing point dropped, zeros after a point too; compared as strings. It has prefixes for 11 languages; for the others
  this benchmark lends it ours.
- simple-evals `common.py`, multilingual MMLU: the first answer word of its list that is followed by one of A-D, the Arabic
  letters alef to dal, Bengali অ ব ড ঢ or full-width letters.
"""

from __future__ import annotations

import argparse
import csv
import json
import re
import string
import time
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable
from decimal import Decimal
from pathlib import Path

from mevals.extract import extract_choice, extract_number
from mevals.extract.tables import cue_words, rows

TABLE = Path(__file__).parents[1] / "tests" / "extract" / "answers.csv"
Row = dict[str, str]

FLEXIBLE = re.compile(r"(-?[$0-9.,]{2,})|(-?[0-9]+)")
SIMPLE_NUMBER = re.compile(r"\d+\.?\d*")
# Answer words of simple-evals' multilingual MMLU, in its order; a space before the colon is allowed in most of them.
SIMPLE_WORDS = """
Answer, উত্তর, उत्तर, উত্তরঃ, Antwort, 답변, 정답, 답, 答案, 答, 答复, 答曰, الإجابة, الجواب, إجابة, الإجابة النهائية,
الإجابة الصحيحة, الإجابة الصحيحة هي, الإجابة هي, الجواب النهائي, Respuesta, Risposta, 答え, 回答, 解答, Jawaban,
Réponse, Resposta, Jibu, Idahun, Ìdáhùn, Idáhùn, Àmọ̀nà, Àdáhùn, Ànúgọ, Àṣàyàn
"""
SIMPLE_LETTERS = {"A": 0, "B": 1, "C": 2, "D": 3, "أ": 0, "ب": 1, "ج": 2, "د": 3, "অ": 0, "ব": 1, "ড": 2, "ঢ": 3}
SIMPLE_LETTERS |= {"Ａ": 0, "Ｂ": 1, "Ｃ": 2, "Ｄ": 3}


def without_punctuation(text: str) -> str:
    """The text without ASCII punctuation, as lm-eval's exact_match compares it."""
    return text.translate(str.maketrans("", "", string.punctuation)).strip()


def by_lm_eval(row: Row) -> str:
    """How lm-eval's flexible-extract ends."""
    matches = [a or b for a, b in FLEXIBLE.findall(row["text"])]
    if not matches or not without_punctuation(matches[-1]):
        return verdict(row, None, False)
    return verdict(row, matches[-1], without_punctuation(matches[-1]) == without_punctuation(row["expected"]))


def by_simple_evals(row: Row) -> str:
    """How simple-evals' MGSM rule ends."""
    prefix = simple_prefix(row["lang"], row["text"])
    if prefix not in row["text"]:
        return verdict(row, None, False)
    numbers = SIMPLE_NUMBER.findall(row["text"].split(prefix)[-1].replace(",", ""))
    if not numbers:
        return verdict(row, None, False)
    number = numbers[-1].rstrip(".")
    number = number.rstrip("0").rstrip(".") if "." in number else number
    return verdict(row, number, number == plain(row["expected"]))


def simple_prefix(lang: str, text: str) -> str:
    """The answer word that simple-evals looks for; where it has none, the one of ours that is in the text, if any is."""
    theirs = [r["text"] for r in rows("cues.csv") if r["lang"] == lang and r["source"].startswith("simple-evals")]
    ours = [w for word in cue_words("answer", lang) for w in (word, word.capitalize())]
    if theirs:
        return theirs[0] if lang in ("jpn_Jpan", "cmn_Hans") else theirs[0][:1].upper() + theirs[0][1:]
    return next((w for w in ours if w in text), "Answer")


def by_simple_choice(row: Row) -> str:
    """How simple-evals' multilingual multiple-choice rule ends."""
    text = row["text"].replace("**", "").replace("$", "").replace("\\boxed", "").replace("{", "")
    for word in SIMPLE_WORDS.split(","):
        pattern = rf"(?i){re.escape(word.strip())}\s*[:：][ \t]*([A-Dأ-دঅবডঢＡＢＣＤ])"
        if match := re.search(pattern, text):
            value = SIMPLE_LETTERS.get(match[1].upper())
            return verdict(row, match[1], value is not None and str(value) == row["expected"])
    return verdict(row, None, False)


def by_mevals(row: Row) -> str:
    """How our own extraction ends."""
    if row["kind"] == "choice":
        options = row["options"].split("|") if row["options"] else None
        choice = extract_choice(row["text"], row["letters"], row["lang"], options).value
        return verdict(row, None if choice is None else str(choice), str(choice) == row["expected"])
    value = extract_number(row["text"], row["lang"], row["prefix"] or None).value
    same = bool(row["expected"]) and value == Decimal(row["expected"])
    return verdict(row, None if value is None else str(value), same)


def verdict(row: Row, found: str | None, same: bool) -> str:
    """right, none or wrong."""
    if found is None:
        return "none" if row["expected"] else "right"
    return "right" if same else "wrong"


def plain(number: str) -> str:
    """A target as simple-evals compares it: no trailing zeros after a point."""
    return number.rstrip("0").rstrip(".") if "." in number else number


def digit_system(text: str) -> str:
    """The digit system of the first digit that is not ASCII; "Chinese numerals", "Ethiopic numerals", "ASCII" or "none"."""
    for char in text:
        if unicodedata.category(char) == "Nd" and not char.isascii():
            return unicodedata.name(char).rsplit(" DIGIT ", 1)[0].removesuffix(" DIGIT").capitalize()
    if any("፩" <= c <= "፼" for c in text):
        return "Ethiopic numerals"
    if any(c.isdigit() and c.isascii() for c in text):
        return "ASCII"
    if any(c in "十百千万萬两〇" for c in text):
        return "Chinese numerals"
    return "other or none"


def language(row: Row) -> str:
    """The row's language key."""
    return row["lang"]


def digits(row: Row) -> str:
    """The row's digit system."""
    return digit_system(row["text"])


def compare(table: Iterable[Row], group: Callable[[Row], str]) -> dict[str, dict[str, Counter[str]]]:
    """For each group and rule how many answers end right, none and wrong, with every number and choice counted once."""
    found: dict[str, dict[str, Counter[str]]] = defaultdict(lambda: defaultdict(Counter))
    for row in table:
        rules: dict[str, Callable[[Row], str]] = {"mevals": by_mevals}
        if row["kind"] == "number":
            rules |= {"lm-eval": by_lm_eval, "simple-evals": by_simple_evals}
        else:
            rules |= {"simple-evals": by_simple_choice}
        for name, rule in rules.items():
            ended = rule(row)
            for key in (f"{row['kind']}: {group(row)}", f"{row['kind']}: all"):
                found[key][name][ended] += 1
    return found


def read_table() -> list[Row]:
    """The numbers and choices of the table."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        found = [row | {"text": row["text"].replace("⏎", "\n")} for row in csv.DictReader(file)]
    return [row for row in found if row["kind"] in ("number", "choice")]


def speed(table: list[Row]) -> float:
    """Number extractions per CPU second over the short answers of the table (under 80 characters), best of three."""
    short = [r for r in table if r["kind"] == "number" and len(r["text"]) < 80]
    best = 0.0
    for _ in range(3):
        start = time.process_time()
        for row in short:
            extract_number(row["text"], row["lang"])
        best = max(best, len(short) / (time.process_time() - start))
    return best


def main() -> None:
    """Print the comparison."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by", choices=("language", "digits"), default="digits")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    table = read_table()
    found = compare(table, language if arguments.by == "language" else digits)
    if arguments.json:
        print(json.dumps(found, ensure_ascii=False, indent=1))
        return
    names = ("mevals", "lm-eval", "simple-evals")
    print(f"{'right / none / wrong of n':40}" + "".join(f"{n:>20}" for n in names) + f"{'n':>6}")
    for key in sorted(found, key=lambda k: (k.split(":")[0], not k.endswith(": all"), k)):
        cells = [found[key][n] for n in names]
        shown = "".join(f"{'-' if not c else '{right} / {none} / {wrong}'.format_map(c):>20}" for c in cells)
        print(f"{key:40}{shown}{sum(cells[0].values()):>6}")
    print(f"\n{speed(table):,.0f} number extractions per CPU second on answers under 80 characters")


if __name__ == "__main__":
    main()
