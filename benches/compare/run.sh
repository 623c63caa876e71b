#!/usr/bin/env bash
# Measures this workspace and the Python programs it follows side by side, in one run.
#   benches/compare/run.sh [--threads N] [--out DIR] [SUITE…]
# Suites: ops zoo cams metrics stats io preprocess (default: all that there are). See README.md beside this file.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
threads=1
out=$root/target/compare
all=(ops zoo cams metrics stats io preprocess)
suites=()
usage() { sed -n '2,4s/^# \{0,1\}//p' "$0" >&2; exit 2; }
while [ $# -gt 0 ]; do
  case $1 in
    --threads) [ $# -ge 2 ] || usage; threads=$2; shift 2 ;;
    --out) [ $# -ge 2 ] || usage; out=$2; shift 2 ;;
    -h | --help) sed -n '2,4s/^# \{0,1\}//p' "$0"; exit 0 ;;
    -*) echo "unknown option $1" >&2; usage ;;
    *) suites+=("$1"); shift ;;
  esac
done
case $threads in '' | *[!0-9]* | 0*) echo "--threads wants a positive number, not '$threads'" >&2; exit 2 ;; esac
if [ ${#suites[@]} -eq 0 ]; then
  for suite in "${all[@]}"; do
    if [ -e "$here/compare/$suite.py" ]; then suites+=("$suite"); else echo "suite $suite: not written yet" >&2; fi
  done
fi
for suite in "${suites[@]}"; do
  case " ${all[*]} " in *" $suite "*) ;; *) echo "unknown suite '$suite'; there are: ${all[*]}" >&2; exit 2 ;; esac
  [ -e "$here/compare/$suite.py" ] || { echo "suite $suite: not written yet" >&2; exit 2; }
done
mkdir -p "$out"
out=$(cd "$out" && pwd)

# One virtual environment for all suites, kept between runs.
python=${PYTHON:-python3}
venv=${COMPARE_VENV:-${XDG_CACHE_HOME:-$HOME/.cache}/mri-cam-compare/$("$python" -c 'import sys; print("py%d%d" % sys.version_info[:2])')}
if [ ! -x "$venv/bin/python" ]; then "$python" -m venv "$venv" >&2; fi
for suite in "${suites[@]}"; do
  wanted=$here/requirements/$suite.txt
  stamp=$venv/installed-$suite
  if ! cmp -s "$wanted" "$stamp"; then
    "$venv/bin/python" -m pip install --quiet --disable-pip-version-check -r "$wanted" >&2
    cp "$wanted" "$stamp"
  fi
done

# Threads are pinned equal on both sides.
export RAYON_NUM_THREADS=$threads OMP_NUM_THREADS=$threads MKL_NUM_THREADS=$threads OPENBLAS_NUM_THREADS=$threads
export NUMEXPR_NUM_THREADS=$threads VECLIB_MAXIMUM_THREADS=$threads
for suite in "${suites[@]}"; do
  cargo build --quiet --release --locked --manifest-path "$root/Cargo.toml" -p benches --bin "compare_$suite" >&2
done
target=$(cargo metadata --manifest-path "$root/Cargo.toml" --no-deps --format-version 1 | "$venv/bin/python" -c 'import json, sys; print(json.load(sys.stdin)["target_directory"])')
if [[ " ${suites[*]} " == *" ops "* ]]; then
  # Stock candle is built apart: in the workspace, feature unification would give its gemm the instructions of ours.
  cargo build --quiet --release --locked --manifest-path "$here/stock-candle/Cargo.toml" --target-dir "$target/stock-candle" >&2
  export STOCK_CANDLE=$target/stock-candle/release/stock-candle
fi
: >"$out/memory.csv"
cd "$here"
status=0
for suite in "${suites[@]}"; do
  "$venv/bin/python" -m compare "$suite" --threads "$threads" --out "$out" --worker "$target/release/compare_$suite" || status=1
done
exit $status
