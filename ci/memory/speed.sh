#!/usr/bin/env bash
# How fast devbench eval goes from file to file, beside a plain copy of the same file, in turns.
#
#   ci/memory/speed.sh           256 MB
#   FULL=1 ci/memory/speed.sh    2 GB
#
# Each turn begins with the input out of the page cache, as far as that can be asked for, and ends when
# the output is on the storage. Compared are the best of five turns, as others use the machine too. The
# exit status is 1 where an evaluation has less than 80 % of the copy's speed, or where its process
# peaks more than 64 MB above the budget. DEVBENCH names the program; without it, it is built. DIR is
# where the files go, which take twice the floats; on a tmpfs it is memory that is measured.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [ "${FULL:-0}" = 1 ]; then rows=500000; else rows=64000; fi
columns=1000
budget=100
turns=5
expressions=("x * 2 + 1" "x - x.mean(axis=1, keepdims=True)")

main() {
	folder=$(mktemp -d "${DIR:-${TMPDIR:-/tmp}}/tare-speed.XXXXXX")
	trap 'rm -rf "$folder"' EXIT
	devbench=${DEVBENCH:-$folder/devbench}
	if [ -z "${DEVBENCH:-}" ]; then (cd "$root" && go build -o "$folder/devbench" ./cmd/devbench); fi
	"$devbench" eval "np.sin(a * 0.001 + b)" --shape "a=${rows}x1:f32" --shape "b=$columns:f32" \
		--budget "${budget}MB" --out "$folder/x.npy" 2>/dev/null
	sync "$folder/x.npy"
	local e best=()
	for _ in $(seq "$turns"); do
		turn 0 cp "$folder/x.npy" "$folder/o.npy"
		for e in "${!expressions[@]}"; do
			turn $((e + 1)) evaluate "${expressions[e]}"
		done
	done
	report
}

# evaluate is one evaluation; the peak of its process is kept if it is the highest.
evaluate() {
	local pid now kib=0
	"$devbench" eval "$1" --in "x=$folder/x.npy" --out "$folder/o.npy" --budget "${budget}MB" 2>/dev/null &
	pid=$!
	while now=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
		kib=$now
		sleep 0.02
	done
	wait "$pid"
	if [ "$kib" -gt "$peak" ]; then peak=$kib; fi
}
peak=0

# turn N COMMAND runs a command from a cold start, and keeps its microseconds if they are the fewest.
turn() {
	local n=$1 start took
	shift
	rm -f "$folder/o.npy"
	dd if="$folder/x.npy" iflag=nocache count=0 status=none 2>/dev/null || true
	start=${EPOCHREALTIME/[.,]/}
	"$@"
	sync "$folder/o.npy"
	took=$((${EPOCHREALTIME/[.,]/} - start))
	if [ -z "${best[n]:-}" ] || [ "$took" -lt "${best[n]}" ]; then best[n]=$took; fi
}

report() {
	local bytes e percent failed=0
	bytes=$(stat -c %s "$folder/x.npy")
	echo "from file to file, $((bytes / 1000000)) MB, the best of $turns turns:"
	echo "  copy: $((bytes / best[0])) MB/s"
	for e in "${!expressions[@]}"; do
		percent=$((100 * best[0] / best[e + 1]))
		echo "  ${expressions[e]}: $((bytes / best[e + 1])) MB/s, $percent % of the copy's"
		if [ "$percent" -lt 80 ]; then failed=1; fi
	done
	echo "  highest peak of a process: $((peak * 1024 / 1000000)) MB, budget $budget MB"
	if [ $((peak * 1024)) -gt $(((budget + 64) * 1000000)) ]; then failed=1; fi
	if [ "$failed" = 1 ]; then
		echo "FAILED: 80 % of a copy, and 64 MB above the budget, are what is promised" >&2
		exit 1
	fi
}

main
