"""`python -m mevals.engines.sim`: the simulated server as a process of its own."""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mevals.engines.sim.faults import Config, parse_config, parse_rates
from mevals.engines.sim.model import CONTEXT
from mevals.engines.sim.serve import serve
from mevals.errors import MevalsError, UsageError


def main(arguments: Sequence[str] | None = None) -> int:
    """Serves until told to stop; returns the exit code."""
    args = _parser().parse_args(arguments)
    try:
        serve(
            args.host,
            args.port,
            args.profile,
            port_file=args.port_file,
            key_file=args.key_file,
            max_seconds=args.max_seconds,
            config=_config(args),
            served_names=args.served_model_name,
            replies=dict(entry.split("=", 1) for entry in args.reply if "=" in entry),
            api_key=args.api_key,
            context=args.max_model_len,
            parent=args.die_with_parent,
        )
    except MevalsError as error:
        print(f"mevals: {error}", file=sys.stderr)
        return error.exit_code
    return 0


def _config(args: argparse.Namespace) -> Config:
    try:
        settings: Any = json.loads(args.settings)
    except ValueError as error:
        raise UsageError(f"--settings is not valid JSON: {error}") from None
    if not isinstance(settings, dict):
        raise UsageError("--settings must be a JSON object")
    given = {"latency_ms": args.latency_ms, "jitter": args.jitter, "seed": args.seed}
    given |= {"retry_after_s": args.retry_after_s}
    given |= {"faults": parse_rates(args.faults)} if args.faults else {}
    return parse_config({**{k: v for k, v in given.items() if v is not None}, **settings})


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m mevals.engines.sim", description=__doc__)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0, help="0 takes a free one")
    parser.add_argument("--port-file", type=Path, help="the port is written here")
    parser.add_argument("--profile", action="append", default=[], help="a model to serve; repeatable; default: all")
    parser.add_argument("--served-model-name", action="append", default=[], metavar="NAME[=PROFILE]")
    parser.add_argument("--faults", default="", help="429=.02,500=.01,drop=.005")
    parser.add_argument("--latency-ms", type=float)
    parser.add_argument("--jitter", type=float, help="share of the latency")
    parser.add_argument("--seed", type=int)
    parser.add_argument("--retry-after-s", type=float, help="Retry-After of a 429; default: no header")
    parser.add_argument("--settings", default="{}", help="JSON: any setting that POST /__reset takes")
    parser.add_argument("--key-file", type=Path, help="answer key: JSON lines")
    parser.add_argument("--reply", action="append", default=[], metavar="KIND=MODULE:FUNCTION")
    parser.add_argument("--api-key")
    parser.add_argument("--max-model-len", type=int, default=CONTEXT)
    parser.add_argument("--max-seconds", type=float)
    parser.add_argument(
        "--die-with-parent", type=int, nargs="?", const=os.getppid(), metavar="PID", help="stop when the parent ends"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
