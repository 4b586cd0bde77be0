"""A gate for continuous integration: a written policy says which losses, on which families of languages, fail a build."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from mevals.errors import DataError, UsageError
from mevals.report.pairs import PairedCell
from mevals.stats.gate import FamilyTest, Verdict, judge_families, paired_family_test


class FamilyRule(BaseModel):
    """Which cells stand or fall together. Empty lists mean all; `by` "region" makes one family for each region."""

    model_config = ConfigDict(extra="forbid")

    name: str = ""
    tasks: list[str] = Field(default_factory=list)
    metrics: list[str] = Field(default_factory=list)
    langs: list[str] = Field(default_factory=list)
    by: Literal["", "region", "subset"] = ""
    tolerance: float | None = Field(default=None, ge=0)


class Policy(BaseModel):
    """policy.yaml. `alpha` bounds the share of runs that fail although nothing changed; `tolerance` is in shown points.

    Without `families` each task × metric × region is one. `cant_tell` says whether a family that the data can't judge fails.
    """

    model_config = ConfigDict(extra="forbid")

    alpha: float = Field(default=0.05, gt=0, lt=0.5)
    tolerance: float = Field(default=0.0, ge=0)
    cant_tell: Literal["pass", "fail"] = "pass"
    families: list[FamilyRule] = Field(default_factory=lambda: [FamilyRule(by="region")])


@dataclass(frozen=True)
class Gate:
    """What a gate says: a verdict per family (in units of points, see `units`), and whether the build fails."""

    policy: Policy
    verdicts: Mapping[str, Verdict]
    units: Mapping[str, float]

    @property
    def failed(self) -> list[str]:
        """The families because of which the gate fails."""
        bad = {"regression"} | ({"can't tell"} if self.policy.cant_tell == "fail" else set())
        return [name for name, verdict in self.verdicts.items() if verdict.outcome in bad]


def read_policy(path: Path) -> Policy:
    """The policy of a YAML file. Raises DataError naming the field that is wrong."""
    from mevals.safe_yaml import load_yaml

    try:
        return Policy.model_validate(load_yaml(path) or {})
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        raise DataError(f"{path}: {where}: {first['msg']}") from None


def run_gate(cells: Sequence[PairedCell], policy: Policy, seed: int = 1) -> Gate:
    """The gate over whole cells (slices are left out). Raises UsageError where a rule matches nothing."""
    tests: dict[str, FamilyTest] = {}
    units: dict[str, float] = {}
    whole = [cell for cell in cells if not cell.slice]
    for rule in policy.families:
        families = families_of(whole, rule)
        if not families:
            raise UsageError(f"the policy's family {rule.name or rule.tasks or 'of all'!r} matches no compared cell")
        tolerance = policy.tolerance if rule.tolerance is None else rule.tolerance
        for name, mine in families.items():
            units[name] = mine[0].unit
            tests[name] = _test(mine, tolerance / mine[0].unit, seed)
    return Gate(policy, judge_families(tests, policy.alpha), units)


def families_of(cells: Iterable[PairedCell], rule: FamilyRule) -> dict[str, list[PairedCell]]:
    """The cells of each family of a rule; one family never holds two tasks, metrics or signatures."""
    from mevals import languages

    wanted = set(languages.select(rule.langs)) if rule.langs else None
    chosen = [
        c
        for c in cells
        if (not rule.tasks or c.task in rule.tasks)
        and (not rule.metrics or c.metric in rule.metrics)
        and (wanted is None or c.about in wanted)
    ]
    signatures: dict[tuple[str, str, str], set[str]] = {}
    for cell in chosen:
        signatures.setdefault((cell.task, cell.condition, cell.metric), set()).add(cell.signature)
    out: dict[str, list[PairedCell]] = {}
    for cell in chosen:
        task = cell.task + (f"@{cell.condition}" if cell.condition else "")
        parts = [rule.name, task, cell.metric]
        parts += [cell.region] if rule.by == "region" else [cell.subset] if rule.by == "subset" else []
        parts += [cell.signature] if len(signatures[cell.task, cell.condition, cell.metric]) > 1 else []
        out.setdefault(" · ".join(part for part in parts if part), []).append(cell)
    return out


def _test(cells: Sequence[PairedCell], tolerance: float, seed: int) -> FamilyTest:
    width = 1.0 if cells[0].scale is None else cells[0].scale[1] - cells[0].scale[0]
    return paired_family_test(
        {c.subset: c.a for c in cells},
        {c.subset: c.b for c in cells},
        clusters=shared_labels(cells),
        tolerance=tolerance,
        better=cells[0].better,
        width=width,
        seed=seed,
    )


def shared_labels(cells: Sequence[PairedCell]) -> dict[str, NDArray[Any]] | None:
    """What items have in common: documents, and items of the same id in several languages (translations of each other).

    None where every item stands alone.
    """
    seen: dict[str, int] = {}
    for cell in cells:
        for item in set(cell.ids):
            seen[item] = seen.get(item, 0) + 1
    shared = any(n > 1 for n in seen.values())
    if not shared and all(cell.clusters is None for cell in cells):
        return None
    out = {}
    for cell in cells:
        labels = np.asarray(cell.ids) if cell.clusters is None else cell.clusters
        out[cell.subset] = labels if shared else np.array([f"{cell.subset}\0{label}" for label in labels])
    return out


HEAD = ("family", "outcome", "B - A, better > 0", "95 % interval", "p worse", "languages", "items", "differ")


def line(name: str, verdict: Verdict, unit: float) -> tuple[str, ...]:
    """A verdict as the texts of a printed table, in the order of HEAD."""
    from mevals.report.compare import ends

    test = verdict.test
    outcome: str = verdict.outcome
    if outcome == "can't tell" and verdict.detectable is not None:
        outcome += (
            f" (would see a loss of {unit * verdict.detectable:.1f})"
            if unit * verdict.detectable < 100
            else " (too few items)"
        )
    interval = test.interval
    low, high = (None, None) if interval is None else (unit * interval.low, unit * interval.high)
    p = verdict.p_worse
    return (
        name, outcome, f"{unit * test.difference:+.1f}".replace("-", "−"), ends(low, high),
        "–" if p is None else f"{p:.3f}" if p >= 0.001 else "<0.001", str(test.n_languages), str(test.n),
        str(test.n_discordant),
    )  # fmt: skip


def to_markdown(gate: Gate, names: tuple[str, str]) -> str:
    """The gate's result for a pull-request comment, failures first."""
    order = {"regression": 0, "can't tell": 1, "improvement": 2, "no regression": 3}
    rows = sorted(gate.verdicts.items(), key=lambda kv: (order[kv[1].outcome], kv[1].test.difference))
    failed = gate.failed
    head = f"### Gate: {'FAILED' if failed else 'passed'} · A = {names[0]}, B = {names[1]}"
    said = f"{len(failed)} of {len(rows)} families fail." if failed else f"None of {len(rows)} families fails."
    rule = (
        f"Tolerance {gate.policy.tolerance:g} points; level {gate.policy.alpha:g} over all families (Benjamini-Hochberg); "
        '"can\'t tell" is not "no change".'
    )
    parts = [head, "", f"{said} {rule}", "", "| " + " | ".join(HEAD) + " |", "|" + "---|" * len(HEAD)]
    parts += ["| " + " | ".join(line(name, v, gate.units[name])) + " |" for name, v in rows]
    return "\n".join([*parts, ""])
