"""Self-written mini data and lm-eval YAML for the bridge's tests, written into a folder of the test."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import yaml

TASKS = Path(__file__).parents[2] / "tasks"
PROMPT = "{{question.strip()}}\nA. {{option_a}}\nB. {{option_b}}\nC. {{option_c}}\nD. {{option_d}}\nAnswer:"
ACC = [{"metric": m, "aggregation": "mean", "higher_is_better": True} for m in ("acc", "acc_norm")]
LANGS = {"sw": "swh_Latn", "bn": "ben_Beng", "en": "eng_Latn"}


def write_task(folder: Path, name: str, config: dict[str, object], rows: list[dict[str, object]]) -> None:
    """One task's YAML with its data beside it, as JSONL."""
    folder.mkdir(parents=True, exist_ok=True)
    data = folder / f"{name}.jsonl"
    data.write_text("".join(json.dumps(r, ensure_ascii=False) + "\n" for r in rows), encoding="utf-8")
    whole = {
        "task": name,
        "dataset_path": "json",
        "dataset_kwargs": {"data_files": {"test": str(data)}},
        "test_split": "test",
        **config,
    }
    (folder / f"{name}.yaml").write_text(yaml.safe_dump(whole, allow_unicode=True), encoding="utf-8")


def mini_rows(key: str) -> list[dict[str, object]]:
    """The mini data of our own global_mmlu task."""
    text = (TASKS / "global_mmlu" / "mini" / f"{key}.jsonl").read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines() if line]


def mini_languages() -> list[str]:
    """Every language that our global_mmlu has mini data in."""
    return sorted(p.stem for p in (TASKS / "global_mmlu" / "mini").glob("*.jsonl") if "." not in p.stem)


def write_global_mmlu(folder: Path, langs: Mapping[str, str] = LANGS) -> None:
    """Our mini Global-MMLU as a group of lm-eval tasks with the prompt that lm-eval has for it."""
    for code, key in langs.items():
        config: dict[str, object] = {
            "output_type": "multiple_choice",
            "doc_to_text": PROMPT,
            "doc_to_choice": ["A", "B", "C", "D"],
            "doc_to_target": "answer",
            "metric_list": ACC,
            "metadata": {"version": 0.0, "language": key},
        }
        write_task(folder, f"global_mmlu_full_{code}", config, mini_rows(key))
    group = {
        "group": "our_global_mmlu",
        "task": [f"global_mmlu_full_{c}" for c in langs],
        "aggregate_metric_list": [{"metric": "acc", "weight_by_size": True}],
    }
    (folder / "_group.yaml").write_text(yaml.safe_dump(group), encoding="utf-8")


def write_sums(folder: Path) -> None:
    """A generative task with two filters and a chrF metric that is no mean over documents."""
    rows: list[dict[str, object]] = [
        {"question": "Tatu na nne ni ngapi?", "answer": 7},
        {"question": "Kumi toa moja ni ngapi?", "answer": 9},
        {"question": "Mbili mara sita ni ngapi?", "answer": 12},
    ]
    config: dict[str, object] = {
        "output_type": "generate_until",
        "doc_to_text": "{{question}}\nJibu:",
        "doc_to_target": "{{answer|string}}",
        "generation_kwargs": {"until": ["\n\n", "</s>"], "do_sample": False, "max_gen_toks": 32},
        "filter_list": [
            {"name": "whole", "filter": [{"function": "take_first"}]},
            {
                "name": "flexible-extract",
                "filter": [
                    {"function": "regex", "group_select": -1, "regex_pattern": r"(-?[0-9]+)"},
                    {"function": "take_first"},
                ],
            },
        ],
        "metric_list": [
            {"metric": "exact_match", "aggregation": "mean", "higher_is_better": True},
            {"metric": "chrf"},
        ],
        "metadata": {"version": 2.0, "lang": "swh_Latn"},
    }
    write_task(folder, "sums_sw", config, rows)


def write_unspaced(folder: Path) -> None:
    """Options that follow a colon directly, as Chinese prompts have them."""
    rows: list[dict[str, object]] = [
        {"q": "天空是什么颜色?", "choices": ["蓝色", "绿色"], "gold": 0},
        {"q": "狗有几条腿?", "choices": ["两条", "四条"], "gold": 1},
    ]
    config: dict[str, object] = {
        "output_type": "multiple_choice",
        "doc_to_text": "{{q}}\n答案:",
        "doc_to_choice": "{{choices}}",
        "doc_to_target": "gold",
        "target_delimiter": "",
        "metric_list": ACC[:1],
        "metadata": {"language": "cmn_Hans"},
    }
    write_task(folder, "unspaced", config, rows)
