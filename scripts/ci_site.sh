#!/usr/bin/env bash
# The site's tests in a real browser. Installs what is missing: Chromium and fonts by apt, playwright by pip, axe-core by npm.
set -euo pipefail
cd "$(dirname "$0")/.."
venv="${MEVALS_SITE_VENV:-.venv-site}"
python="${PYTHON:-python3}"
root() { if [ "$(id -u)" = 0 ]; then "$@"; else sudo "$@"; fi; }

packages=()
chromium="${MEVALS_CHROMIUM:-/usr/bin/chromium}"
[ -x "$chromium" ] || packages+=(chromium)
for pair in "Noto Nastaliq Urdu:fonts-noto-extra" "Noto Sans Khmer:fonts-noto-core" "Noto Sans CJK SC:fonts-noto-cjk"; do
  command -v fc-list >/dev/null && fc-list : family | grep -q "${pair%%:*}" || packages+=("${pair##*:}")
done
command -v npm >/dev/null || packages+=(npm)
if [ "${#packages[@]}" -gt 0 ]; then
  root apt-get update -q
  DEBIAN_FRONTEND=noninteractive root apt-get install -y -q --no-install-recommends fontconfig "${packages[@]}"
fi
for family in "Noto Naskh Arabic" "Noto Nastaliq Urdu" "Noto Sans Hebrew" "Noto Sans Devanagari" "Noto Sans Bengali" "Noto Sans Myanmar" \
  "Noto Sans Khmer" "Noto Sans Thai" "Noto Sans Ethiopic" "Noto Sans CJK SC" "Noto Sans CJK JP" "Noto Sans CJK KR"; do
  fc-list : family | grep -q "$family" || echo "font missing on this machine: $family"
done

[ -x "$venv/bin/python" ] || "$python" -m venv "$venv"
"$venv/bin/python" -m pip install --quiet --disable-pip-version-check --constraint constraints.txt --editable . playwright pytest pytest-asyncio
if [ -z "${MEVALS_AXE:-}" ]; then
  place="$(mktemp -d)"
  trap 'rm -rf "$place"' EXIT
  (cd "$place" && npm pack --silent axe-core@4 && tar xzf axe-core-*.tgz)
  export MEVALS_AXE="$place/package/axe.min.js"
fi
MEVALS_SITE_REQUIRED=1 MEVALS_CHROMIUM="$chromium" timeout 330 "$venv/bin/python" -m pytest tests/site tests/test_site.py
