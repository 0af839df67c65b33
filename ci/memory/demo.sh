#!/usr/bin/env bash
# An expression larger than memory, under a real limit: devbench computes it into a file, NumPy dies.
#
#   ci/memory/demo.sh            128 MB of floats, an expression of 512 MB, a budget of 128 MB
#   FULL=1 ci/memory/demo.sh     2 GB of floats, an expression of 8 GB, a budget of 512 MB
#
# DEVBENCH names the program; without it, it is built. PYTHON names a Python that has NumPy; where there
# is none, that half is skipped. DIR is where the files go, which take five times the floats.
#
# The limit is 64 MB above the budget. It is a cgroup's memory.max where one can be made, directly or by
# systemd-run: that counts pages of files too, which the kernel takes back. Elsewhere it is RLIMIT_DATA,
# which bounds what a process maps for itself to write to: the heap and anonymous pages, whether they
# are used or not, and not the pages of mapped files; RLIMIT_AS would count those, though they can be
# taken back, and RLIMIT_RSS does nothing on Linux. In each case the peak of the process, VmHWM, is
# compared with the limit as well.
set -euo pipefail
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

if [ "${FULL:-0}" = 1 ]; then rows=500000 budget=512; else rows=32000 budget=128; fi
columns=1000 factors=4
limit=$((budget + 64))
MB=1000000

main() {
	folder=$(mktemp -d "${DIR:-${TMPDIR:-/tmp}}/tare-memory.XXXXXX")
	trap cleanup EXIT
	devbench=${DEVBENCH:-$folder/devbench}
	if [ -z "${DEVBENCH:-}" ]; then (cd "$root" && go build -o "$folder/devbench" ./cmd/devbench); fi
	python=${PYTHON:-python3}
	local floats=$((rows * columns * 4 / MB))
	need_room $((floats * 5))
	choose_limit
	echo "floats ${floats} MB, expression $((floats * factors)) MB, budget $budget MB, limit $limit MB by $limiter"
	make_inputs
	run_tare
	run_numpy
	echo "both as they should be"
}

# need_room fails where the file system has less than that many MB.
need_room() {
	local free
	free=$(df -Pk "$folder" | awk 'NR == 2 { print int($4 * 1024 / 1000000) }')
	[ "$free" -gt "$1" ] || fail "$folder has $free MB of room, and $1 are needed: set DIR"
}

# choose_limit finds the strictest limit that can be set here.
choose_limit() {
	group=
	local own
	own=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	if grep -qw memory "$own/cgroup.subtree_control" 2>/dev/null && mkdir "$own/tare-memory.$$" 2>/dev/null; then
		group=$own/tare-memory.$$
		limiter="memory.max of a cgroup"
	elif command -v systemd-run >/dev/null && scope true 2>/dev/null; then
		limiter="memory.max of a systemd scope"
	else
		limiter="RLIMIT_DATA"
	fi
}

# scope runs a command in a cgroup that systemd makes.
scope() {
	local user=--user
	if [ "$(id -u)" = 0 ]; then user=--system; fi
	systemd-run "$user" --scope --quiet --collect -p MemoryMax=$((limit * MB)) -p MemorySwapMax=0 -- "$@"
}

# limited becomes a command under the limit.
limited() {
	case $limiter in
	*scope) scope "$@" ;;
	*cgroup)
		echo $((limit * MB)) >"$group/memory.max"
		echo 0 >"$group/memory.swap.max" 2>/dev/null || true
		echo $BASHPID >"$group/cgroup.procs"
		exec "$@"
		;;
	*)
		ulimit -d $((limit * MB / 1024))
		exec "$@"
		;;
	esac
}

# watched runs a command under the limit, and sets status and, in MB rounded up, peak. The peak is read
# while the command runs: it only grows, and the last thing a command does is small.
watched() {
	local pid kib=0 now
	limited "$@" &
	pid=$!
	while now=$(awk '/^VmHWM:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) && [ -n "$now" ]; do
		kib=$now
		sleep 0.02
	done
	status=0
	wait "$pid" || status=$?
	peak=$(((kib * 1024 + MB - 1) / MB))
}

# make_inputs writes the floats, a few rows at a time, and the factors.
make_inputs() {
	"$devbench" eval "np.sin(a * 0.001 + b)" --shape "a=${rows}x1:f32" --shape "b=$columns:f32" \
		--budget "${budget}MB" --out "$folder/x.npy" 2>/dev/null
	"$devbench" eval "w * 10" --shape "w=$factors:f32" --out "$folder/w.npy" 2>/dev/null
}

run_tare() {
	local start=$SECONDS
	watched "$devbench" eval "x[:, :, np.newaxis] * w + 1" --in "x=$folder/x.npy" --in "w=$folder/w.npy" \
		--budget "${budget}MB" --out "$folder/z.npy" 2>"$folder/tare.txt"
	sed 's/^/  /' "$folder/tare.txt"
	echo "tare: exit status $status, peak of the process $peak MB, $((SECONDS - start)) s"
	[ "$status" = 0 ] || fail "tare should have finished"
	[ "$peak" -le "$limit" ] || fail "tare took $peak MB, and the limit is $limit MB"
}

run_numpy() {
	if ! "$python" -c 'import numpy' 2>/dev/null; then
		echo "SKIPPED: $python has no NumPy: set PYTHON"
		return
	fi
	export OPENBLAS_NUM_THREADS=1
	watched "$python" -c 'import numpy as np, sys
x, w = (np.load(sys.argv[1] + name, mmap_mode="r") for name in ("/x.npy", "/w.npy"))
np.save(sys.argv[1] + "/numpy.npy", x[:, :, np.newaxis] * w + 1)' "$folder" 2>"$folder/numpy.txt"
	tail -n 1 "$folder/numpy.txt" | sed 's/^/  /'
	echo "NumPy: exit status $status, peak of the process $peak MB"
	[ "$status" != 0 ] || fail "NumPy should have died: the limit does not hold"
	compare
}

# compare has NumPy look at some rows of what tare wrote.
compare() {
	"$python" -c 'import numpy as np, sys
x, w, z = (np.load(sys.argv[1] + name, mmap_mode="r") for name in ("/x.npy", "/w.npy", "/z.npy"))
for i in np.linspace(0, len(x) - 1, 50, dtype=int):
    assert np.array_equal(z[i], x[i][:, np.newaxis] * w + np.float32(1)), i
print("  50 rows of tare'"'"'s file are what NumPy makes of them, to the bit")' "$folder"
}

cleanup() {
	rm -rf "$folder"
	if [ -n "${group:-}" ]; then rmdir "$group"; fi
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

main
