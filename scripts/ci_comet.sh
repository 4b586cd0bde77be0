#!/usr/bin/env bash
# Makes the COMET environment by the documented command and runs the tests that need it: about three minutes on two quiet
# cores, one of them the install. A developer without the environment skips these tests; this script never does.
set -euo pipefail
cd "$(dirname "$0")/.."
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" MEVALS_COMET_REQUIRED=1
python="${PYTHON:-python}"
"$python" -m mevals.cli comet install
"$python" -m mevals.cli comet check
exec "$python" -m pytest -m comet tests/comet "$@"
