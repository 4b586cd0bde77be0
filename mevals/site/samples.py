"""Worst samples of each cell as files that a page loads when somebody opens them; gated text never leaves the results."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from mevals import languages
from mevals.aggregate import _score_files
from mevals.records import read_responses, read_scores
from mevals.score import Answered, answered_cells
from mevals.site.data import Site, folder_of
from mevals.site.pages import Shard, withheld
from mevals.site.safe import file_name, plain_name, shard
from mevals.store import Store

LARGEST = 1_000_000
"""Bytes of a shard at most."""
LONGEST = 20_000
"""Characters of one text at most; what is cut says so."""


def sample_shards(site: Site) -> Iterator[tuple[str, str, tuple[str, str], Shard]]:
    """Name, text, (task, language) and description of each file of samples, at most 1 MB each."""
    assert site.results is not None
    store = Store(site.results)
    groups: dict[tuple[str, str], list[Answered]] = defaultdict(list)
    for answered in answered_cells(store):
        cell = answered.cell
        groups[folder_of({"task": cell.task, "condition": cell.condition}), cell.subset.about].append(answered)
    for (task, lang), found in sorted(groups.items(), key=lambda kv: kv[0]):
        hidden = any(withheld((site.manifests.get((a.cell.model, task)) or {}).get("card") or {}) for a in found)
        items = [item for a in found for item in worst_samples(store, a, site.samples, hidden)]
        for part, chunk in enumerate(in_shards(items), 1):
            name = f"samples/{file_name(task)}/{lang}-{part}"
            content = {"lang": lang, **_texture(lang), "withheld": hidden, "items": chunk}
            yield name, shard(name, content), (task, lang), Shard(name, len(chunk), hidden, part)


def _texture(key: str) -> dict[str, str]:
    found = languages.get(key)
    return {"tag": found.bcp47, "script": found.script}


def worst_samples(store: Store, answered: Answered, n: int, hidden: bool) -> list[dict[str, Any]]:
    """The `n` lowest-scored answers of a cell on its first metric, unscored ones first; ids and scores alone where hidden."""
    files = _score_files(store, answered)
    scored = [read_scores(path) for path in files]
    main = next((s for s in scored if s.meta["metric"] not in ("fidelity", "length")), scored[0] if scored else None)
    if main is None:
        return []
    sign = 1.0 if main.meta["better"] == "higher" else -1.0
    order = sorted(range(len(main.ids)), key=lambda i: (main.values[i] == main.values[i], sign * main.values[i]))
    chosen = {main.ids[i]: i for i in order[:n]}
    base = {
        "model": plain_name(answered.cell.model),
        "metric": main.meta["metric"],
        "subset": answered.cell.subset.name,
    }
    value = {
        i: None if main.values[at] != main.values[at] else round(float(main.values[at]), 4) for i, at in chosen.items()
    }
    if hidden:
        return [{**base, "id": _cut(i), "score": value[i]} for i in chosen]
    rows = {r.id: r for r in read_responses(answered.path).rows if r.id in chosen}
    target_tag = languages.get(answered.cell.subset.lang)
    return [
        {
            **base,
            "id": _cut(i),
            "score": value[i],
            "detail": _cut(main.details[chosen[i]]),
            "finish": rows[i].finish,
            "prompt": [[str(m["role"]), _cut(str(m["content"]))] for m in rows[i].messages],
            "answer": None if rows[i].text is None else _cut(str(rows[i].text)),
            "targets": [_cut(t) for t in rows[i].targets[:4]],
            "tag": target_tag.bcp47,
            "script": target_tag.script,
        }
        for i in chosen
        if i in rows
    ]


def _cut(text: str) -> str:
    return text if len(text) <= LONGEST else f"{text[:LONGEST]}… (cut: {len(text):,} characters)"


def in_shards(items: Sequence[Mapping[str, Any]]) -> Iterator[list[Mapping[str, Any]]]:
    """The items in lists whose files stay under LARGEST bytes; an item that alone is larger loses its prompt's text."""
    chunk: list[Mapping[str, Any]] = []
    size = 2_000
    for item in items:
        weight = len(shard("", item))
        if weight > LARGEST - 4_000:
            item = {**item, "prompt": [["note", f"too long to show here: {weight:,} bytes"]], "targets": []}
            weight = len(shard("", item))
        if chunk and size + weight > LARGEST:
            yield chunk
            chunk, size = [], 2_000
        chunk.append(item)
        size += weight
    if chunk:
        yield chunk
