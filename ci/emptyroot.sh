#!/usr/bin/env bash
# What a program that imports the package cuda needs of the machine: runs one in a root folder with nothing else.
#
#   ci/emptyroot.sh
#
#   linked as usual, nothing there     does not start: it is linked dynamically
#   the same with libc                 starts, and says that there is no driver
#   with the build tag nocuda          starts: it is static
#   without the package                starts: it is static
#
# Where no root folder can be changed (neither root nor user namespaces), the script prints SKIPPED, says what it could
# not see, and succeeds if the files are linked as they should be.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

main() {
	[ "$(uname -s)" = Linux ] || { echo "SKIPPED: this is not Linux"; return; }
	write_program with '_ "github.com/tare-go/tare/cuda"'
	write_program without '_ "github.com/tare-go/tare/cpu"'
	export CGO_ENABLED=0
	go build -o "$scratch/dynamic" "$scratch/with.go"
	go build -tags nocuda -o "$scratch/nocuda" "$scratch/with.go"
	go build -o "$scratch/without" "$scratch/without.go"
	must_be_dynamic "$scratch/dynamic"
	must_be_static "$scratch/nocuda"
	must_be_static "$scratch/without"
	if ! runner; then
		echo "SKIPPED: this user can change no root folder, so none of the programs was started in an empty one"
		return
	fi
	must_not_start dynamic
	must_say nocuda 'nocuda'
	must_say without 'cuda'
	add_libc "$scratch/dynamic"
	must_say dynamic 'no CUDA driver'
}

# write_program writes a program that imports one package and asks for a GPU.
write_program() {
	cat >"$scratch/$1.go" <<-PROGRAM
		package main

		import (
			"fmt"

			"github.com/tare-go/tare/device"
			$2
		)

		func main() {
			_, err := device.Open("cuda:0")
			fmt.Println(err)
		}
	PROGRAM
}

# interpreter is the program that loads a file's libraries, or nothing if it has none.
interpreter() { readelf -lW "$1" | sed -n 's/.*interpreter: \(.*\)\]/\1/p'; }

# libraries is what a file says it needs.
libraries() { readelf -dW "$1" | sed -n 's/.*(NEEDED).*\[\(.*\)\]/\1/p'; }

must_be_dynamic() {
	[ -n "$(interpreter "$1")" ] || { echo "$(basename "$1") is static" >&2; return 1; }
	echo "$(basename "$1"): $(interpreter "$1"), $(libraries "$1" | paste -sd ' ')"
}

must_be_static() {
	[ -z "$(interpreter "$1")" ] || { echo "$(basename "$1") needs $(libraries "$1")" >&2; return 1; }
	echo "$(basename "$1"): static"
}

# runner finds a way to run a program in the root folder $scratch/root.
runner() {
	mkdir -p "$scratch/root"
	cp "$scratch/nocuda" "$scratch/root/probe"
	for run in chroot 'unshare -r chroot'; do
		if $run "$scratch/root" /probe >/dev/null 2>&1; then
			rm "$scratch/root/probe"
			return
		fi
	done
	return 1
}

# in_root runs a program of $scratch in the root folder, and keeps what it says.
in_root() {
	cp "$scratch/$1" "$scratch/root/program"
	env -i "PATH=$PATH" $run "$scratch/root" /program >"$scratch/said" 2>&1
}

must_not_start() {
	if in_root "$1"; then
		echo "$1 started in an empty root folder" >&2
		return 1
	fi
	echo "$1 does not start in an empty root folder: $(tr -d "\n" <"$scratch/said")"
}

must_say() {
	in_root "$1" || { echo "$1 does not run:" >&2; cat "$scratch/said" >&2; return 1; }
	grep -q -- "$2" "$scratch/said" || { echo "$1 did not say $2 but:" >&2; cat "$scratch/said" >&2; return 1; }
	echo "$1 runs in the root folder: $(cat "$scratch/said")"
}

# add_libc copies what a program is linked with into the root folder.
add_libc() {
	local file
	for file in $(ldd "$1" | grep -oE '/[^ ]+'); do
		mkdir -p "$scratch/root$(dirname "$file")"
		cp -L "$file" "$scratch/root$file"
		echo "added $file"
	done
}

main
