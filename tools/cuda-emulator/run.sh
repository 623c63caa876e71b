#!/usr/bin/env bash
# Runs `device_check` on an emulated device. Needs a CUDA 13 toolkit in $CUDA_HOME (the program is linked with it and
# NVRTC compiles the kernels for real), and g++ on x86-64.
#   tools/cuda-emulator/run.sh [cuda|cudnn] [plain|asan] [ARGUMENTS OF device_check…]
# Environment: REVERSE=1 runs the threads of a block backwards; CUDNN_NOTHING=1 and CUDNN_REFUSES=1 make cuDNN offer or
# run nothing.
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd)
root=$(cd "$here/../.." && pwd)
features=${1:-cuda}
kind=${2:-plain}
shift $(($# < 2 ? $# : 2))
: "${CUDA_HOME:?wants the folder of a CUDA 13 toolkit}"
out=$root/target/cuda-emulator/$kind
mkdir -p "$out"
kernels=$root/crates/cnn-ops/src/cuda/kernels
for type in float double; do
  cat "$kernels"/{common,plane,pool,norm,conv,pointwise,loss}.cu | sed 's/extern "C" //' >"$out/all_$type.inc"
done
flags=(-std=c++17 -O2 -w -shared -fPIC)
if [ "$kind" = asan ]; then flags+=(-O1 -g -fsanitize=address); fi
g++ "${flags[@]}" -I"$out" -I"$here" -o "$out/libemulator.so" "$here/emulator.cpp"
for name in libcuda.so.1 libcurand.so.10 libcublas.so.13 libcudnn.so.9; do ln -sf libemulator.so "$out/$name"; done
cargo build --release --manifest-path "$root/Cargo.toml" -p cnn-ops --features "$features" --example device_check
target=${CARGO_TARGET_DIR:-$root/target}
if [ "$kind" = asan ]; then
  LD_PRELOAD=$(gcc -print-file-name=libasan.so)
  export LD_PRELOAD ASAN_OPTIONS=detect_leaks=0
fi
LD_LIBRARY_PATH=$out:$CUDA_HOME/lib64 exec "$target/release/examples/device_check" --rounds 24 --quick "$@"
