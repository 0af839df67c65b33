#!/usr/bin/env bash
# An expression larger than memory, under a real limit: devbench computes it into a file, NumPy dies.
#
#   ci/memory/demo.sh            128 MB of floats, an expression of 512 MB, a budget of 128 MB
#   FULL=1 ci/memory/demo.sh     2 GB of floats, an expression of 8 GB, a budget of 512 MB
#
# DEVBENCH names the program; without it, it is built. PYTHON names a Python that has NumPy; where there
# is none, that half is skipped. DIR is where the files go, which take five times the floats.
#
# The limit is 64 MB above the budget. It is a cgroup's (v2 or v1) where one can be made, directly or by
# systemd-run: that counts pages of files too, which the kernel takes back. Elsewhere it is RLIMIT_DATA,
# which bounds what a process maps for itself to write to: the heap and anonymous pages, whether they
# are used or not, and not the pages of mapped files; RLIMIT_AS would count those, though they can be
# taken back, and RLIMIT_RSS does nothing on Linux. In each case the peak of the process, VmHWM, is
# compared with the limit as well. In a cgroup that was made here, tare computes the expression a second
# time with no budget but the one that it finds there, and NumPy has to be killed by the kernel.
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
	run_tare --budget "${budget}MB"
	if [ -n "$group" ]; then run_tare; fi
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
	local v2 v1
	v2=/sys/fs/cgroup$(sed -n 's/^0:://p' /proc/self/cgroup)
	v1=/sys/fs/cgroup/memory$(sed -En 's/^[0-9]+:([^:]*,)?memory(,[^:]*)?://p' /proc/self/cgroup)
	if grep -qw memory "$v2/cgroup.subtree_control" 2>/dev/null && make_group "$v2"; then
		limiter="memory.max of a cgroup"
		limit_file=memory.max swap_file=memory.swap.max swap=0
		now_file=memory.current peak_file=memory.peak empty_file=memory.reclaim kills_file=memory.events
	elif [ -e "$v1/memory.limit_in_bytes" ] && make_group "$v1"; then
		limiter="memory.limit_in_bytes of a cgroup"
		limit_file=memory.limit_in_bytes swap_file=memory.memsw.limit_in_bytes swap=$((limit * MB))
		now_file=memory.usage_in_bytes peak_file=memory.max_usage_in_bytes empty_file=memory.force_empty kills_file=memory.oom_control
	elif command -v systemd-run >/dev/null && scope true 2>/dev/null; then
		limiter="memory.max of a systemd scope"
	else
		limiter="RLIMIT_DATA"
	fi
}

# make_group makes a control group in another, for one run after the other.
group=
make_group() {
	mkdir "$1/tare-memory.$$" 2>/dev/null || return 1
	group=$1/tare-memory.$$
}

# empty_group makes the group anew, so that nothing is charged to it, and sets its limit.
empty_group() {
	rmdir "$group"
	mkdir "$group"
	echo $((limit * MB)) >"$group/$limit_file"
	if [ -e "$group/$swap_file" ]; then echo "$swap" >"$group/$swap_file"; fi
}

# group_says tells what was charged to the group, pages of files included, what is now that its process
# has ended, which is such pages, and what the kernel cannot take back of them.
group_says() {
	if [ -z "$group" ]; then return; fi
	local end
	end=$(charged "$now_file")
	sync -f "$folder"
	{ echo "$((limit * MB))" >"$group/$empty_file"; } 2>/dev/null || true
	echo "  charged to the cgroup: peak $(charged "$peak_file"), at the end $end, after the kernel took pages of files back $(charged "$now_file"); killed by the kernel: $(kills)"
}

# given_back fails where pages of files stay charged to the group, on kernels that can be asked for them.
given_back() {
	if [ ! -e "$group/$empty_file" ]; then return; fi
	[ "$(cat "$group/$now_file")" -lt $((16 * MB)) ] || fail "pages of files should be given back to the cgroup"
}

charged() {
	if [ -e "$group/$1" ]; then echo "$(($(cat "$group/$1") / MB)) MB"; else echo "unknown"; fi
}

kills() { sed -n 's/^oom_kill //p' "$group/$kills_file"; }

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
	if [ -n "$group" ]; then empty_group; fi
	dd if="$folder/x.npy" iflag=nocache count=0 status=none 2>/dev/null || true # to be read, and charged, anew
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
	sync "$folder/x.npy"
}

# run_tare takes more arguments of devbench, such as a budget.
run_tare() {
	local start=$SECONDS
	watched "$devbench" eval "x[:, :, np.newaxis] * w + 1" --in "x=$folder/x.npy" --in "w=$folder/w.npy" \
		--out "$folder/z.npy" "$@" 2>"$folder/tare.txt"
	sed 's/^/  /' "$folder/tare.txt"
	echo "tare${*:+ $*}: exit status $status, peak of the process $peak MB, $((SECONDS - start)) s"
	group_says
	[ "$status" = 0 ] || fail "tare should have finished"
	[ "$peak" -le "$limit" ] || fail "tare took $peak MB, and the limit is $limit MB"
	[ -z "$group" ] || given_back
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
	group_says
	[ "$status" != 0 ] || fail "NumPy should have died: the limit does not hold"
	[ -z "$group" ] || [ "$(kills)" != 0 ] || fail "NumPy should have been killed by the kernel"
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
	if [ -n "$group" ]; then rmdir "$group"; fi
}

fail() {
	echo "FAILED: $*" >&2
	exit 1
}

main
