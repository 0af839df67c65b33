#!/usr/bin/env bash
# Commands of devbench that must work on any machine: ci/smoke.sh DEVBENCH
#
# DEVBENCH is the binary. The arrays are those of testdata; what is written goes to a folder that is
# deleted at the end.
set -euo pipefail
devbench=$(realpath "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
digits=testdata/digits.npy
raccoon=testdata/raccoon.npy

# must_exit CODE COMMAND… prints a command of devbench and what it says, and ends the script if it
# exits with another code.
must_exit() {
	local want=$1 code=0
	shift
	printf '\n$ devbench %s\n' "$*"
	"$devbench" "$@" >"$scratch/said" 2>&1 || code=$?
	cat "$scratch/said"
	if [ "$code" != "$want" ]; then
		echo "exited with $code instead of $want" >&2
		exit 1
	fi
}

must_show() { must_exit 0 "$@"; }

# must_say TEXT looks for a text in what the last command said.
must_say() {
	if ! grep -qF -- "$1" "$scratch/said"; then
		echo "did not say: $1" >&2
		exit 1
	fi
}

must_show devices
must_say cpu

# What an expression allocates, before it runs.
must_show explain "x - x.mean(axis=1, keepdims=True)" --shape x=5000x500:f64
must_say "intermediates 0 B"
must_show explain "x - x.mean(axis=1, keepdims=True)" --shape x=5000x500:f64 --eager
must_exit 1 explain "x - x.mean(axis=1)" --shape x=50000x5000:f64
must_say "keepdims=True"
must_exit 3 explain "a + b" --shape a=1x1000000:f64 --shape b=1000000x1:f64
must_say "7.28 TiB"
must_exit 2 explain "x" --shape x=3 --budget 2G
must_show explain "(x - x.mean(axis=0)) / x.std(axis=0)" --in x=$digits --analyze --svg "$scratch/plan.svg"
must_say "of roof"
grep -q "<svg" "$scratch/plan.svg"
must_show explain "x + 1" --in x=$digits --json -
must_say '"peak_bytes":'

# Results that follow from the bytes of the files.
must_show eval "x.sum()" --in x=$digits
must_say "561718"
must_show eval "x.max(axis=(0, 1))" --in x=$raccoon
must_say "[255 252 255]"
must_show eval "(x[:, 20:28] > 8).mean(axis=0)" --in x=$digits --json
must_say '"impl":"tare"'
must_show eval "g = x[::2, ::2].mean(axis=2)
g - g.mean(axis=1, keepdims=True)" --in x=$raccoon --out "$scratch/centred.npy"
must_show eval "np.abs(y.mean(axis=1)).max() < 1e-9" --in y="$scratch/centred.npy"
must_say True
must_exit 3 eval "x * 2.5" --in x=$digits --budget 100KiB

# The workloads, small, with results compared with plain Go loops.
must_show run --size 10000 --workloads "add,sum*,where_nan,chain,center_rows,softmax_rows,outer_add,gemm_64"
must_say softmax_rows
must_show run --size 4096 --workloads "add,sum,chain,transfer" --dtype f32 --devices cpu,cuda:sim --json "$scratch/run.json"
must_say "cuda:sim e2e"
grep -q '"data":"end to end"' "$scratch/run.json"

# Every bit of the CPU device.
must_show selftest --short --json "$scratch/selftest.json"
must_say "cpu on processor"
grep -q '"result":"PASS"' "$scratch/selftest.json"
