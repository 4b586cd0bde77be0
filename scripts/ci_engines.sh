#!/usr/bin/env bash
# Real vLLM (on a CPU) and real transformers serve a tiny model, and tests/real_engines compares them.
#
#   scripts/ci_engines.sh [pytest arguments]
#
# The environment is made by scripts/make_engines_env.sh in MEVALS_ENGINES_ENV (default .venv-engines) and kept there.
# PYTHON is the Python of mevals' own environment, with its test dependencies.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

export MEVALS_ENGINES_ENV=${MEVALS_ENGINES_ENV:-.venv-engines}
export MEVALS_ENGINES_REQUIRED=1
python=${PYTHON:-python3}

export OMP_NUM_THREADS=${OMP_NUM_THREADS:-1} # threads of torch that wait for each other cost more than they give

started=$SECONDS
scripts/make_engines_env.sh "$MEVALS_ENGINES_ENV"
echo "engines environment after $((SECONDS - started)) s"
PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" timeout "${MEVALS_ENGINES_SECONDS:-720}" "$python" -m pytest tests/real_engines -m engines -rA "$@"
echo "engine checks after $((SECONDS - started)) s"
