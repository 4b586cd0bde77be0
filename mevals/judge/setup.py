"""How one judge is asked in one run: by which model, with which settings; and the names under which all of it is filed."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

import orjson

from mevals.engines.engine import Engine, Settings
from mevals.judge.folder import Judge
from mevals.judge.prompt import response_format
from mevals.judge.verdict import READER
from mevals.store import safe


@dataclass(frozen=True)
class Setup:
    """A judge, the model that it is asked of, and how.

    `output` is "schema" where the server holds the reply to a JSON schema, else "text". `baseline` is the model whose answers
    stand against a pair's, "" for other kinds. `repeat` counts askings of the same questions, 1 for the first.
    """

    judge: Judge
    model: str
    settings: Settings
    identity: Mapping[str, Any]
    simulated: bool
    output: str
    baseline: str = ""
    repeat: int = 1

    def record(self) -> dict[str, Any]:
        """What files of replies say about how they came about; enough to score them again without any judge."""
        asked = {"identity": dict(self.identity), "settings": asdict(replace(self.settings, seed=0))}
        engine = hashlib.sha256(orjson.dumps(asked, option=orjson.OPT_SORT_KEYS)).hexdigest()
        return {
            "judge": self.judge.name,
            "version": self.judge.file.version,
            "model": self.model,
            "prompt": self.judge.sha,
            "output": self.output,
            "engine": engine,
            "baseline": self.baseline,
            "retries": self.judge.file.retries,
            "simulated": self.simulated,
        }

    @property
    def view(self) -> str:
        """The folder of the replies below each task's folder."""
        name = view_name(self.record())
        return name if self.repeat == 1 else f"{name}/repeat-{self.repeat}"


def view_name(record: Mapping[str, Any]) -> str:
    """`judgements/<judge>-<8 hex digits>`: one folder for everything that can change a reply."""
    digest = hashlib.sha256(orjson.dumps({**record, "retries": 0}, option=orjson.OPT_SORT_KEYS)).hexdigest()[:8]
    return f"judgements/{safe(str(record['judge']))}-{digest}"


def signature(record: Mapping[str, Any]) -> str:
    """The signature of scores made of such replies: everything that can change a value."""
    parts = {
        "name": record["judge"],
        "version": record["version"],
        "model": record["model"],
        "prompt": record["prompt"][:8],
        "output": record["output"],
        "engine": record["engine"][:8],
        **({"baseline": record["baseline"]} if record["baseline"] else {}),
        "retries": record["retries"],
        "reader": READER,
        **({"simulated": "yes"} if record.get("simulated") else {}),
    }
    return "|".join(["judge", *(f"{name}:{value}" for name, value in parts.items())])


def make_setup(judge: Judge, model: str, engine: Engine, *, schema: bool, baseline: str = "", repeat: int = 1) -> Setup:
    """The setup for a judge on an engine. A repeat is asked with another seed, which tells it from the first asking."""
    sampling = judge.file.sampling
    form = response_format(judge) if schema else None
    settings = Settings(
        max_tokens=sampling.max_tokens,
        temperature=sampling.temperature,
        top_p=sampling.top_p,
        seed=sampling.seed + repeat - 1,
        extra={**({"response_format": form} if form else {}), **engine.fields},
    )
    output = "schema" if form else "text"
    return Setup(judge, model, settings, dict(engine.identity), engine.simulated, output, baseline, repeat)
