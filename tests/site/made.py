"""A small results folder whose model names, notes, prompts and answers try to break out of a page."""

from __future__ import annotations

import json
from pathlib import Path

import orjson

from mevals.aggregate import aggregate
from mevals.records import response_row, response_schema, write_rows, write_scores
from mevals.store import Store, write_atomically
from mevals.types import Cell, Response, Score, Subset, user

RAN = "document.title='owned';window.owned=1"
TAGS = [
    f"<script>{RAN}</script>", f"</script><script>{RAN}</script>", f"<img src=x onerror=\"{RAN}\">",
    f"<svg onload={RAN}>", f"<svg><script>{RAN}</script></svg>", f"<body onload={RAN}>", f"<iframe srcdoc=\"<script>{RAN}</script>\">",
    f"<a href=\"javascript:{RAN}\">x</a>", f"javascript:{RAN}", f"<details open ontoggle={RAN}>", f"<input autofocus onfocus={RAN}>",
    f"<video><source onerror={RAN}></video>", f"<math><mtext><script>{RAN}</script></mtext></math>", f"<object data=\"javascript:{RAN}\">",
    "<embed src=//evil.example/x.swf>", "<link rel=stylesheet href=//evil.example/x.css>", "<style>@import '//evil.example/x.css';body{display:none}</style>",
    "<meta http-equiv=refresh content='0;url=//evil.example'>", "<base href=//evil.example/>", "<form action=//evil.example><button>x</button></form>",
    f"\"><script>{RAN}</script>", f"'><script>{RAN}</script>", f"\" onmouseover=\"{RAN}\" x=\"", f"' onfocus='{RAN}' autofocus='",
    f"<!--<script>-->{RAN}</script>", f"--><script>{RAN}</script><!--", f"]]><script>{RAN}</script>", f"<noscript><p title=\"</noscript><img src=x onerror={RAN}>\">",
    f"<template><script>{RAN}</script></template>", f"<xmp><script>{RAN}</script></xmp>", f"</textarea><script>{RAN}</script>", f"</title><script>{RAN}</script>",
    f"</style><script>{RAN}</script>", f"<scr<script>ipt>{RAN}</script>", f"<ScRiPt>{RAN}</sCrIpT>", f"%3Cscript%3E{RAN}%3C/script%3E", f"&lt;script&gt;{RAN}&lt;/script&gt;",
    f"&#60;script&#62;{RAN}&#60;/script&#62;", f"\\u003cscript\\u003e{RAN}\\u003c/script\\u003e", "{{ 7*7 }}{{ config }}", "{% for x in range(9) %}A{% endfor %}", "${7*7}#{7*7}<%= 7*7 %>",
    "{{''.__class__.__mro__[1].__subclasses__()}}", f"`;{RAN};//", f"');{RAN};//", f"\");{RAN};//", f"\\\");{RAN};//", f"*/{RAN}/*",
]  # fmt: skip
BYTES = [
    "\u202e\u202ddetrevni\u202c", "\u2066\u2067\u2068never closed", "\u202e" * 400 + "abc", "\u200b" * 5000 + "x", "\u200d\u200c\ufeff" * 900,
    "a\u0300" + "\u0301" * 3000, "x" * 1_000_000, "NUL\x00inside\x00", "\x1b[31mred\x1b[0m\x07", "line\u2028para\u2029end",
    "\ufffe\uffff", "=HYPERLINK(\"//evil.example\")", "data:text/html,<script>1</script>", "../../../etc/passwd", "𓂀" * 2000, "שלום <b>bold</b> ‮fdp.exe",
]  # fmt: skip
HOSTILE = [*TAGS, *BYTES]
MODELS = ["plain", f"<script>{RAN}</script>", '\u202eevil" onload="x', "javascript:alert(1)//" + "long" * 100]


def hostile_results(folder: Path, redistributable: bool = True) -> Path:
    """Write the folder; 64 outputs over three languages for each of four models."""
    store = Store(folder)
    for m, model in enumerate(MODELS):
        for k, lang in enumerate(("urd_Arab", "eng_Latn", "khm_Khmr")):
            cell = Cell(model, "quiz", Subset(lang, lang, None, "", {}))
            texts = HOSTILE[k::3]
            answers = [
                Response(f"{i}{'<b>' if i == 1 else ''}", t, "stop", (user("SECRET " + t[:5000]),), (t[:200],), prompt_tokens=3, output_tokens=2)
                for i, t in enumerate(texts)
            ]  # fmt: skip
            _write(store, cell, answers, m)
        card = {
            "title": TAGS[0], "about": TAGS[2], "license": TAGS[7], "citation": TAGS[31], "page": f"javascript:{RAN}", "origin": "native",
            "gated": False, "redistributable": redistributable, "slices": [], "headline": [],
        }  # fmt: skip
        said = {
            "schema": 1, "model": model, "task": "quiz", "condition": "", "simulated": False, "mevals": TAGS[1], "python": TAGS[20], "card": card,
            "identity": {TAGS[3]: TAGS[4], "data": TAGS[20]}, "settings": {"stop": TAGS[:9]},
            "first_prompt": {"id": TAGS[0], "subset": "urd_Arab", "messages": [{"role": TAGS[0], "content": TAGS[1] + "SECRET"}]},
            "runs": [{"command": TAGS[1], "started": TAGS[3], "finished": None, "engine": {TAGS[0]: TAGS[2]}, "retried": {}, "unanswered": {}}],
        }  # fmt: skip
        write_atomically(store.task_folder(cell) / "manifest.json", orjson.dumps(said))
    aggregate(store)
    return folder


def _write(store: Store, cell: Cell, answers: list[Response], shift: int) -> None:
    meta = {
        "model": cell.model, "task": cell.task, "title": TAGS[0], "condition": "", "subset": cell.subset.name, "lang": cell.subset.lang,
        "simulated": False, "fingerprint": TAGS[0], "digest": f"d{shift}", "selections": ["all"],
        "counts": {"rows": len(answers), "prompt_tokens": 7, "output_tokens": 8},
    }  # fmt: skip
    write_rows(
        store.path(cell, "responses"), response_schema(), [[response_row(a, "k") for a in answers]], lambda: meta
    )
    signature = "accuracy|by:<i>letter</i>|version:1"
    scores = [Score(a.id, float((i + shift) % 4 > 0), HOSTILE[i]) for i, a in enumerate(answers)]
    write_scores(
        store.path(cell, "scores", signature), scores,
        {"metric": "accuracy", "signature": signature, "better": "higher", "scale": [0.0, 1.0], "responses": f"d{shift}"},
    )  # fmt: skip


def edit_value(cells: Path, value: float) -> None:
    """Change the first number of a cells.json, as a cheat would."""
    content = json.loads(cells.read_text())
    content["cells"][0]["metrics"][0]["value"] = value
    cells.write_text(json.dumps(content))
