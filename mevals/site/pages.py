"""Each page of the site as text: which template, with which records."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from mevals import languages
from mevals.report.table import CAPTION, HEAD, Row, group_of, line, shown, titles
from mevals.site import data
from mevals.site.data import Site
from mevals.site.safe import CSP, clean, cut, file_name, plain_name, web_link

NAV = (
    ("index.html", "Overview"),
    ("regions.html", "Regions"),
    ("scripts.html", "Scripts"),
    ("web-presence.html", "Web presence"),
    ("languages.html", "Languages"),
    ("compare.html", "Compare"),
    ("reported.html", "Reported"),
    ("methodology.html", "Methodology"),
)
GROUP_PAGES = {"region": "regions.html", "script": "scripts.html", "web-presence": "web-presence.html"}


@dataclass(frozen=True)
class Shard:
    """A file of samples that a page can load: its name, how many there are, whether their text is withheld."""

    name: str
    n: int
    withheld: bool
    part: int = 1


@dataclass(frozen=True)
class Pages:
    """The pages of a site; each method returns HTML, in which every text is escaped."""

    site: Site
    made: str
    shards: Mapping[tuple[str, str], Sequence[Shard]]

    @cached_property
    def environment(self) -> Any:
        """Jinja with escaping on, and the few functions that templates call."""
        import jinja2

        environment = jinja2.Environment(
            loader=jinja2.PackageLoader("mevals.site", "templates"),
            autoescape=True,
            trim_blocks=True,
            finalize=lambda value: clean(value) if type(value) is str else value,
        )
        environment.filters |= {
            "name": lambda v: plain_name(str(v)) if v else "",
            "short": lambda v: clean(cut(str(v))),
        }
        environment.globals |= {
            "file": file_name, "shown": shown, "point": data.number_of, "line": line, "web": web_link,
            "facts": data.model_facts, "folder": data.folder_of, "head": lambda by: (by, *HEAD[1:]), "group": group_of,
            "language": language, "marks_of": marks_of, "manifest": self.manifest, "names": data.model_names(self.site.models),
            "one": lambda x: f"{x:.1f}", "signed": lambda x: f"{x:+.1f}".replace("-", "−"),
        }  # fmt: skip
        return environment

    def manifest(self, cell: Mapping[str, Any]) -> Mapping[str, Any]:
        """The manifest of a cell's run; empty for reported numbers."""
        return self.site.manifests.get((cell["model"], data.folder_of(cell)), {})

    def render(self, template: str, title: str, here: str, **context: Any) -> str:
        """A page. `here` is its path from the site's root."""
        import mevals

        return str(
            self.environment.get_template(template).render(
                site=self.site, title=title, here=here, root="../" * here.count("/"), nav=NAV, csp=CSP, made=self.made,
                kind=template.removesuffix(".html"), version=mevals.__version__, **context,
            )
        )  # fmt: skip

    def overview(self) -> str:
        """Models × tasks; of reported numbers where nothing was measured."""
        cells = self.site.measured or self.site.reported
        board = data.boards(data.rows_for(cells, "all"), self.site.models).get("all", data.Board((), (), {}))
        return self.render(
            "overview.html", "Overview", "index.html", board=board, caption="Mean over languages, by model and task",
            lead="How well each model does each task, over all the languages that every compared model has.",
        )  # fmt: skip

    def reported(self) -> str:
        """Published numbers alone."""
        found = data.boards(data.rows_for(self.site.reported, "all"), self.site.models)
        sources = sorted({str(c["reported"]) for c in self.site.reported})
        lead = "Numbers that others published, as printed there; nothing of this was run here."
        return self.render(
            "overview.html", "Reported numbers", "reported.html", board=found.get("all", data.Board((), (), {})),
            caption="Published means, recomputed from the published cells",
            lead=f"{lead} Source: {', '.join(sources) or 'none given'}.",
        )  # fmt: skip

    def groups(self, by: str) -> str:
        """A board for each region, script or web-presence bin."""
        cells = self.site.measured or self.site.reported
        return self.render(
            "groups.html", f"By {data.GROUPS[by].lower()}", GROUP_PAGES[by], by_name=data.GROUPS[by],
            boards=data.boards(data.rows_for(cells, by), self.site.models),
            lead=f"The same means within each {data.GROUPS[by].lower()}.",
        )  # fmt: skip

    def languages(self) -> str:
        """The list of languages."""
        return self.render("languages.html", "Languages", "languages.html")

    def each_language(self) -> Iterator[tuple[str, str]]:
        """Path and page of each language."""
        by_lang: dict[str, dict[str, list[data.Shown]]] = defaultdict(lambda: defaultdict(list))
        for number in data.shown_numbers(self.site.cells):
            if number.cell["about"]:
                by_lang[number.cell["about"]][data.folder_of(number.cell)].append(number)
        for key in self.site.langs:
            tables = [
                (
                    task,
                    file_name(task),
                    found,
                    len({n.cell["subset"] for n in found}) > 1,
                    self.shards.get((task, key), ()),
                )
                for task, found in sorted(by_lang[key].items())
            ]
            here = f"languages/{key}.html"
            found_language = languages.get(key)
            yield here, self.render("language.html", found_language.name, here, l=found_language, tables=tables)

    def each_model(self) -> Iterator[tuple[str, str]]:
        """Path and page of each model."""
        from mevals.report.parity import HEAD as PARITY_HEAD
        from mevals.report.parity import line as parity_line
        from mevals.report.parity import parity_rows
        from mevals.report.values import values_of

        rows = [r for cells in (self.site.measured, self.site.reported) for r in data.rows_for(cells, "region")]
        parity = parity_rows(values_of(self.site.measured))
        by_model: dict[str, list[data.Cell]] = defaultdict(list)
        for cell in self.site.cells:
            by_model[cell["model"]].append(cell)
        for model in self.site.models:
            tasks: dict[str, list[data.Shown]] = defaultdict(list)
            for number in data.shown_numbers(by_model[model]):
                tasks[data.folder_of(number.cell)].append(number)
            spent = [sum(c.get(k, 0) for c in by_model[model]) for k in ("prompt_tokens", "output_tokens")]
            here = f"models/{file_name(model)}.html"
            yield here, self.render(
                "model.html", model, here, model=model, tables=_tables([r for r in rows if r.model == model]),
                parity=[(r.task, r.metric, *parity_line(r)) for r in parity if r.model == model],
                parity_head=("task", "metric", *PARITY_HEAD),
                tasks=[(t, found, self.site.manifests.get((model, t), {})) for t, found in sorted(tasks.items())],
                tokens=spent if any(spent) else None,
            )  # fmt: skip

    def each_task(self) -> Iterator[tuple[str, str]]:
        """Path and page of each task under each condition."""
        folders = sorted({data.folder_of(c) for c in self.site.cells})
        both = (self.site.measured, self.site.reported)
        rows = {by: [r for cells in both for r in data.rows_for(cells, by)] for by in ("all", "region")}
        signatures: dict[str, set[str]] = defaultdict(set)
        for cell in self.site.cells:
            signatures[data.folder_of(cell)] |= {m["signature"] for m in cell["metrics"]}
        for folder in folders:
            said = {m: s for (m, f), s in self.site.manifests.items() if f == folder}
            card = next((dict(s["card"]) for s in said.values() if s.get("card")), {})
            prompts = [(plain_name(m), _with_language(s, self.site)) for m, s in said.items() if s.get("first_prompt")]
            mine = {by: [r for r in found if data.column_of(r).folder == folder] for by, found in rows.items()}
            here = f"tasks/{file_name(folder)}.html"
            yield here, self.render(
                "task.html", folder, here, card=card, withheld=withheld(card), prompts=prompts,
                tables=_tables(mine["all"]), regions=_tables(mine["region"]), signatures=sorted(signatures[folder]),
            )  # fmt: skip

    def methodology(self) -> str:
        """How to read the numbers."""
        return self.render("methodology.html", "Methodology", "methodology.html", caption=CAPTION, means=data.MEANS)

    def compare(self, pairs: Sequence[tuple[str, str, str, str]], left_out: str) -> str:
        """The list of paired comparisons."""
        return self.render("compare.html", "Compare two models", "compare.html", pairs=pairs, left_out=left_out)

    def pair(self, a: str, b: str, here: str, rows: Sequence[Any], said: str) -> str:
        """One paired comparison."""
        title = f"{plain_name(b)[:36]} against {plain_name(a)[:36]}"
        return self.render("pair.html", title, here, a=a, b=b, rows=rows, said=said)


def marks_of(rows: Mapping[str, Row]) -> str:
    """The marks that any of a model's rows bears."""
    return " ".join(sorted({mark for row in rows.values() for mark in row.marks.split()}))


def language(key: str | None) -> Any:
    """The language of a key; None for none."""
    return languages.get(key) if key else None


def withheld(card: Mapping[str, Any]) -> bool:
    """Whether a task's text may not be passed on: its card says gated or not redistributable, or there is no card."""
    return not card or bool(card.get("gated")) or not card.get("redistributable", False)


def _with_language(manifest: Mapping[str, Any], site: Site) -> dict[str, Any]:
    """A manifest's first prompt with the language that its subset asks in."""
    prompt = dict(manifest["first_prompt"])
    lang = next(
        (
            c["lang"] for c in site.measured
            if c["model"] == manifest["model"] and c["task"] == manifest["task"] and c["subset"] == prompt.get("subset")
        ),
        None,
    )  # fmt: skip
    return {**prompt, "lang": lang}


def _tables(rows: Sequence[Row]) -> list[tuple[str, str, list[Row]]]:
    """Rows by table: heading, signature, rows."""
    out = []
    for name, mine in titles(rows):
        heading, _, signature = name.rpartition(" · ")
        out.append((heading, signature, mine))
    return out
