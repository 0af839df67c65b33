#!/usr/bin/env bash
# Tests and measures tare on this machine's GPU, in less than eight minutes: ./run.sh [FOLDER]
#
# It stands in the folder that ci/gpu/build.sh made, and needs no Go. What it finds goes to FOLDER, to the folder that $OUT
# names, or to results: results.json with everything, results.txt for people, and the output of each step. A
# step that fails or takes too long does not keep the others from running; the exit status is 1 if there was one.
#
#   DEVICE=cuda:0          the device; cuda:sim needs no GPU, and what is measured there is small
#   PEERS=torch,cupy,jax   what to compare with, of what TARE_PYTHON has
#   WORKLOADS=NAME,…       work of one pass or so over memory, in float32, held against a copy within it
#   SIZE=100000000         elements of its largest array
#   PRODUCTS=NAME,…        products of matrices, in both types
#   SIZES=NAME,…           small and larger work on the processor and on the GPU, resident and end to end; the
#                          time of launch is what one run of a prepared expression costs
#   TRANSFER=268435456     float32 that go from pageable memory to the GPU and back
#   MEASURE="--time 400ms" flags of all measurements
#   SELFTEST="…"           flags of devbench selftest
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")" || exit 2
out=${1:-${OUT:-results}}
mkdir -p "$out" && out=$(cd "$out" && pwd) || exit 2
device=${DEVICE:-cuda:0}
failed=() steps=() # of each step name, verdict, exit status and seconds
measured=(memory products sizes transfer)

if [ "$device" = cuda:sim ]; then
	: "${SIZE:=4096}" "${PRODUCTS:=gemm_64}" "${SIZES:=add_1e3,add_1e4,exp_1e3,launch,add_100}" "${TRANSFER:=65536}"
	: "${MEASURE:=--time 50ms}" "${SELFTEST:=--short}"
fi
: "${SIZE:=100000000}" "${PRODUCTS:=gemm_1024,gemm_2048,gemm_4096,gemm_8192}" "${SIZES:=add_1e*,exp_1e*,launch,add_100}"
: "${TRANSFER:=268435456}" "${MEASURE:=--time 400ms}" "${SELFTEST:=}" "${PEERS:=torch,cupy,jax}"
: "${WORKLOADS:=add,scale,chain,center_rows,softmax_rows,sum,sum0,std,cumsum0,cumsum1}"
export out device SIZE PRODUCTS SIZES TRANSFER MEASURE SELFTEST PEERS WORKLOADS

# The limits of the steps add up to less than eight minutes.
main() {
	[ "$device" = cuda:sim ] || export TARE_TEST_GPU=1
	export LD_LIBRARY_PATH=${LD_LIBRARY_PATH:+$LD_LIBRARY_PATH:}/usr/local/nvidia/lib64:/usr/lib/wsl/lib # of tests-gorgonia

	rm -f "$out"/{memory,products,sizes,transfer,run,selftest,results}.json
	step machine 10 . machine
	step driver 40 cuda/internal/driver tested ./tests '^TestDriver'
	if [ -e cuda/internal/driver/tests-gorgonia ] && [ "$device" != cuda:sim ]; then
		step gorgonia 35 cuda/internal/driver tested ./tests-gorgonia '^TestDriver'
	fi
	step device 60 cuda tested ./tests Silicon
	step devices 10 . bin/devbench devices
	step memory 110 . measure memory "$device" "$PEERS" --data resident --dtype f32 --size "$SIZE" --workloads "$WORKLOADS"
	step products 50 . measure products "$device" "$PEERS" --data resident --workloads "$PRODUCTS"
	step sizes 40 . measure sizes "cpu,$device" none --dtype f32 --workloads "$SIZES"
	step transfer 25 . measure transfer "$device" "$PEERS" --dtype f32 --size "$TRANSFER" --workloads transfer
	step selftest 90 . selftest

	write_text >"$out/results.txt"
	write_json >"$out/results.json"
	cat "$out/results.txt"
	[ ${#failed[@]} = 0 ]
}

# step NAME SECONDS FOLDER COMMAND… runs a command in a folder of this one, for that many seconds at most. What it
# says goes to NAME.txt.
step() {
	local name=$1 limit=$2 folder=$3 start=$SECONDS code=0 said
	shift 3
	printf '%-10s' "$name"
	(cd "$folder" && limited "$limit" "$@") >"$out/$name.txt" 2>&1 </dev/null || code=$?
	said=$(verdict "$code" "$limit")
	printf '%-20s %4d s\n' "$said" $((SECONDS - start))
	steps+=("$name" "$said" "$code" "$((SECONDS - start))")
	if [ "$code" != 0 ]; then failed+=("$name"); fi
}

# limited runs a command, or a function of this script in a shell of its own, and ends it when its time is over.
limited() {
	local limit=$1
	shift
	if [ "$(type -t "$1")" = function ]; then
		export -f "${1?}"
		set -- bash -c '"$@"' bash "$@"
	fi
	timeout -k 5 "$limit" "$@"
}

# verdict is what an exit status means.
verdict() {
	case $1 in
	0) echo ok ;;
	124 | 137) echo "took more than $2 s" ;;
	*) echo "failed ($1)" ;;
	esac
}

machine() {
	cat about.txt
	date -u +%Y-%m-%dT%H:%M:%SZ
	uname -sr
	lscpu 2>/dev/null | grep -E '^(Model name|CPU\(s\)):'
	grep MemTotal /proc/meminfo
	if command -v nvidia-smi >/dev/null; then
		nvidia-smi --query-gpu=name,driver_version,memory.total,clocks.max.sm,clocks.max.mem,power.limit,compute_mode --format=csv
	else
		echo "there is no nvidia-smi"
	fi
}

# tested runs the tests of a program, of which there must be one that passes unless there is no GPU.
tested() {
	local said code=0
	said=$("$1" -test.v -test.run "$2") || code=$?
	printf '%s\n' "$said"
	if [ "$device" != cuda:sim ] && ! grep -q '^--- PASS' <<<"$said"; then
		echo "nothing was tested"
		code=1
	fi
	return $code
}

# shellcheck disable=SC2086 # flags
selftest() { bin/devbench selftest --device "$device" --json "$out/selftest.json" $SELFTEST; }

# measure NAME DEVICES PEERS FLAG… writes measurements to NAME.json and the table to standard output.
# shellcheck disable=SC2086 # flags
measure() {
	local name=$1 devices=$2 peers=$3
	shift 3
	bin/devbench run --devices "$devices" --peers "$peers" --json "$out/$name.json" "$@" $MEASURE
}

# write_text is the results for people.
write_text() {
	local i
	for ((i = 0; i < ${#steps[@]}; i += 4)); do
		printf '%-10s %-20s %4d s\n' "${steps[i]}" "${steps[i + 1]}" "${steps[i + 3]}"
	done
	if [ ${#failed[@]} != 0 ]; then echo "failed: ${failed[*]}"; fi
	for ((i = 0; i < ${#steps[@]}; i += 4)); do
		printf '\n== %s\n' "${steps[i]}"
		shorter "$out/${steps[i]}.txt"
	done
}

# shorter leaves out what Go's tests say of each test that passes.
shorter() { grep -vE '^(=== |\s*--- PASS)' "$1" | tr '\r' '\n'; }

# write_json is everything in one object: the steps with their output, and the documents of selftest and run.
write_json() {
	local i separator=''
	printf '{"device":"%s","steps":[' "${device//[\"\\]/}"
	for ((i = 0; i < ${#steps[@]}; i += 4)); do
		printf '%s\n {"name":"%s","verdict":"%s","exit":%d,"seconds":%d,"output":%s}' "$separator" \
			"${steps[i]}" "${steps[i + 1]}" "${steps[i + 2]}" "${steps[i + 3]}" "$(shorter "$out/${steps[i]}.txt" | quoted)"
		separator=,
	done
	for i in "${measured[@]}"; do cat "$out/$i.json" && echo; done >"$out/run.json" 2>/dev/null
	printf '],\n"selftest":%s,\n"run":%s}\n' "$(documents "$out/selftest.json")" "$(documents "$out/run.json")"
}

# quoted is standard input as a string of JSON.
quoted() {
	printf '"'
	LC_ALL=C tr -d '\000-\010\013-\037' | sed -e 's/\\/\\\\/g' -e 's/"/\\"/g' -e 's/\t/\\t/g' | awk '{printf "%s\\n", $0}'
	printf '"'
}

# documents is a file of JSON: an array of its lines if each is an object, which a program that was ended in the middle
# of a line leaves usable, else the whole if it looks complete, else null.
documents() {
	local first last
	[ -s "$1" ] || { printf null; return; }
	first=$(head -c 1 "$1") last=$(tail -c 2 "$1" | tr -d ' \n')
	if head -n 1 "$1" | grep -qE '^\{.*\}$'; then
		printf '['
		grep -E '^\{.*\}$' "$1" | paste -sd , -
		printf ']'
	elif [[ $first$last == *'{}' || $first$last == *'[]' ]]; then
		cat "$1"
	else
		printf null
	fi
}

main
