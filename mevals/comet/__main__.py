"""`python -m mevals.comet` is the same as `mevals comet`."""

from __future__ import annotations

import sys

from mevals.comet.commands import app
from mevals.errors import MevalsError

if __name__ == "__main__":
    try:
        app()
    except MevalsError as error:
        print(f"mevals: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("mevals: stopped; finished segments are kept: run the same command again to go on", file=sys.stderr)
        sys.exit(130)
