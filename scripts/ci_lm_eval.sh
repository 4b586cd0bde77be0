#!/usr/bin/env bash
# Makes .venv-lm-eval (kept between runs: 90 s the first time) and runs the bridge's tests in it, about one minute.
# A developer without lm-eval skips those tests; this script never does. The comparison with a real model runs where
# MEVALS_TINY_COHERE2 (a folder of scripts/make_tiny_cohere2.py) and MEVALS_HF_PYTHON are set.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="${MEVALS_LM_EVAL_ENV:-.venv-lm-eval}"
python="${PYTHON:-python3}"
# lm-eval[api] alone, without [hf]: the bridge builds requests and scores answers, so that it needs no torch.
mark="$("$python" - <<'PY'
import hashlib, pathlib
print(hashlib.sha256(pathlib.Path("pyproject.toml").read_bytes() + pathlib.Path("scripts/ci_lm_eval.sh").read_bytes()).hexdigest())
PY
)"
if [[ ! -x "$venv/bin/python" || "$(cat "$venv/.mark" 2>/dev/null)" != "$mark" ]]; then
  "$python" -m venv --clear "$venv"
  mapfile -t core < <("$venv/bin/python" -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["dependencies"], sep="\n")')
  "$venv/bin/python" -m pip install --quiet uv
  find_links="$("$venv/bin/python" -m pip config get global.find-links 2>/dev/null || "$venv/bin/python" -m pip config get :env:.find-links 2>/dev/null || true)"
  UV_FIND_LINKS="${UV_FIND_LINKS:-${find_links// /,}}" UV_COMPILE_BYTECODE=1 "$venv/bin/uv" pip install --quiet \
    --index-strategy unsafe-best-match --python "$venv/bin/python" \
    "${core[@]}" "lm-eval[api]>=0.4.13,<0.5" "pytablewriter>=1.2" "pytest>=8" "pytest-asyncio>=0.25"
  echo "$mark" > "$venv/.mark"
fi
export PYTHONPATH="$PWD${PYTHONPATH:+:$PYTHONPATH}" MEVALS_LM_EVAL_REQUIRED=1 HF_DATASETS_OFFLINE=1 HF_HUB_OFFLINE=1
exec "$venv/bin/python" -m pytest tests/bridge "$@"
