#!/usr/bin/env bash
# All checks of the project, each under a heading and with its time.
#
#   ci/check.sh            all of them, in order; the exit status is 1 if one failed
#   ci/check.sh race vet   these
#
# It needs Go, and a C compiler for the race detector. Of the network it uses the Go module proxy,
# and Debian's packages where the emulator for arm64 is not installed.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

checks=(gofmt vet tidy generated platforms tags tests race arm64 examples devbench memory ptxas gorgonia emptyroot)

check_gofmt() {
	local unformatted
	unformatted=$(git ls-files -z --cached --others --exclude-standard '*.go' | existing | xargs -0 -r gofmt -l)
	[ -z "$unformatted" ] || fail "not as gofmt has it:" "$unformatted"
}

check_vet() { go vet ./...; }

check_tidy() { go mod tidy -diff; }

# What go generate writes is what the checkout has, whether all of that is committed or not.
check_generated() {
	local before changed
	before=$(checkout_sums)
	go generate ./...
	changed=$(diff <(echo "$before") <(checkout_sums) | sed -n 's/^[<>] [0-9a-f]*  //p' | sort -u) || true
	[ -z "$changed" ] || fail "go generate ./... changed these:" "$changed"
}

check_platforms() {
	local platform
	for platform in linux/amd64 linux/arm64 darwin/arm64 windows/amd64; do
		echo "$platform"
		GOOS=${platform%/*} GOARCH=${platform#*/} CGO_ENABLED=0 go build ./...
	done
}

check_tags() {
	local tag
	for tag in purego nocuda; do
		echo "$tag"
		go build -tags "$tag" ./...
		go vet -tags "$tag" ./...
	done
	echo "gorgonia"
	CGO_ENABLED=0 go vet -tags gorgonia ./cuda/...
}

# The command that the README tells its readers to run. What was skipped is printed with its reason, and everything if a
# test fails.
check_tests() {
	local command log
	command=$(grep -m1 -oE '^[[:space:]$]*go test .*' README.md | sed 's/^[[:space:]$]*//') || fail "README.md has no line with a go test command"
	numpy
	echo "$command"
	log=$(scratch)/log
	if ! GOFLAGS="${GOFLAGS:-} -v" bash -euo pipefail -c "$command" >"$log" 2>&1; then
		cat "$log"
		return 1
	fi
	awk '
		/^=== / { test = $3; next }
		/^ *--- SKIP/ { print "SKIPPED " $3 ":" said[$3] }
		/^ok/ { print; delete said }
		!/^ *---|^PASS|^ok/ { sub(/^ */, ""); said[test] = said[test] " " $0 }
	' "$log"
}

# numpy has the tests compare with NumPy, from a virtual environment of this run, unless TARE_PYTHON names one.
numpy() {
	local folder
	if [ -n "${TARE_PYTHON:-}" ]; then return; fi
	folder=$(scratch)
	if { python3 -m venv "$folder" && timeout 180 "$folder/bin/pip" install numpy; } >/dev/null 2>&1; then
		export TARE_PYTHON=$folder/bin/python
	else
		echo "SKIPPED: comparisons with NumPy: there is no python3 with venv, or PyPI cannot be reached"
	fi
}

check_race() { CGO_ENABLED=1 go test -race -short ./device/... ./cpu ./tensor ./internal/plan; }

# What has code for arm64, or must give the same bits there, under an emulator.
check_arm64() {
	local package tests
	if ! install qemu-aarch64 qemu-user; then
		echo "SKIPPED: qemu-aarch64 is not here and cannot be installed (Debian: apt-get install qemu-user)"
		return
	fi
	tests=$(scratch)
	for package in dtype internal/op internal/canon kernels/simd cpu; do
		GOOS=linux GOARCH=arm64 CGO_ENABLED=0 go test -c -o "$tests/test" "./$package"
		if [ -e "$tests/test" ]; then # go test writes none where there are no tests
			(cd "$package" && echo "$package" && qemu-aarch64 "$tests/test" -test.short -test.timeout 5m)
			rm "$tests/test"
		fi
	done
}

# Each example as somebody has it who copied its folder: outside the checkout, importing it.
check_examples() {
	local copies checkout module example
	copies=$(scratch) checkout=$PWD
	for module in examples/*/go.mod; do
		[ -e "$module" ] || { echo "there are no examples"; return; }
		example=$(dirname "$module")
		echo "$example"
		cp -r "$example" "$copies/"
		(
			cd "$copies/$(basename "$example")"
			go mod edit -replace "github.com/tare-go/tare=$checkout"
			export GOFLAGS=-mod=mod
			go vet ./...
			go build -o program .
			timeout 120 ./program
		)
	done
}

check_devbench() {
	local folder
	folder=$(scratch)
	go build -o "$folder/devbench" ./cmd/devbench
	ci/smoke.sh "$folder/devbench"
}

# An expression larger than memory, under a limit that the system enforces, beside NumPy.
check_memory() {
	numpy
	PYTHON=${TARE_PYTHON:-python3} ci/memory/demo.sh
}

# Every form of kernel for GPUs, by NVIDIA's assembler.
check_ptxas() { ci/ptxas.sh; }

# The binding to the CUDA driver by way of gorgonia.org/cu, against a library that stands in for the driver.
check_gorgonia() { ci/gorgonia.sh; }

# What programs need where nothing is installed.
check_emptyroot() { ci/emptyroot.sh; }

# existing passes on the names, each ended by a zero byte, of files that are there.
existing() {
	local file
	while IFS= read -r -d '' file; do
		if [ -e "$file" ]; then printf '%s\0' "$file"; fi
	done
}

# checkout_sums lists the files of the checkout that git does not ignore, with their check sums.
checkout_sums() {
	git ls-files -z --cached --others --exclude-standard | existing | xargs -0 -r sha256sum | sort
}

# scratch is a new folder that goes when the check ends.
scratch() {
	mktemp -d "$scratch_root/XXXXXX"
}

# install COMMAND PACKAGE sees to it that a command is there, from a Debian package if need be.
install() {
	if command -v "$1" >/dev/null; then return; fi
	local apt=(apt-get)
	if [ "$(id -u)" != 0 ]; then apt=(sudo -n apt-get); fi
	command -v "${apt[0]}" >/dev/null || return 1
	echo "installing $2"
	{ timeout 120 "${apt[@]}" update && timeout 240 "${apt[@]}" install -y --no-install-recommends "$2"; } >/dev/null 2>&1 || return 1
	command -v "$1" >/dev/null
}

fail() {
	printf '%s\n' "$@" >&2
	exit 1
}

# run_one runs one check in this process, where the first command that fails ends it.
run_one() {
	[ "$(type -t "check_$1")" = function ] || fail "no check $1: there are ${checks[*]}"
	scratch_root=$(mktemp -d)
	trap 'rm -rf "$scratch_root"' EXIT
	"check_$1"
}

# run_all runs each check in a process of its own, so that one that fails does not hide the others.
run_all() {
	local check start failed=()
	go version
	for check in "$@"; do
		printf '\n== %s\n' "$check"
		start=$SECONDS
		if ci/check.sh --one "$check"; then
			printf -- '-- %s: ok, %d s\n' "$check" $((SECONDS - start))
		else
			printf -- '-- %s: FAILED, %d s\n' "$check" $((SECONDS - start))
			failed+=("$check")
		fi
	done
	printf '\n%d checks, %d s' $# "$SECONDS"
	[ ${#failed[@]} -eq 0 ] || { printf '; failed: %s\n' "${failed[*]}"; exit 1; }
	printf '; all passed\n'
}

case ${1:-} in
--one) run_one "$2" ;;
'') run_all "${checks[@]}" ;;
*) run_all "$@" ;;
esac
