#!/usr/bin/env bash
# Makes a folder that tests and measures tare on a machine with a GPU, on which there need be no Go: ci/gpu/build.sh FOLDER
#
# The folder is made anew. In it are devbench, the tests of the packages below as programs, each beside the files that it
# reads, those of the driver a second time over gorgonia.org/cu if that can be built here, the conformance cases, the
# script for the peers in Python, and run.sh. All programs are for linux/amd64, or for linux/$GOARCH, and need glibc.
# FOLDER.tar.gz has the same in one file.
set -euo pipefail
[ $# = 1 ] || { sed -n '2s/^# //p' "$0" >&2; exit 2; }
mkdir -p "$(dirname "$1")"
folder=$(realpath -m "$1")
cd "$(dirname "${BASH_SOURCE[0]}")/../.."

tests=(cuda/internal/driver cuda)
most=$((60 << 20)) # bytes that the folder may have

export CGO_ENABLED=0 GOOS=linux GOARCH=${GOARCH:-amd64}
link=(-trimpath -ldflags '-s -w')

main() {
	[ ! -e "$folder" ] || [ -e "$folder/about.txt" ] || { echo "$folder is there, and not of this script" >&2; exit 1; }
	rm -rf "$folder" "$folder.tar.gz"
	mkdir -p "$folder"/{bin,conformance,peers}
	about >"$folder/about.txt"
	go build "${link[@]}" -o "$folder/bin/devbench" ./cmd/devbench
	for package in "${tests[@]}"; do add_tests "$package"; done
	if [ "$GOARCH" = "$(go env GOHOSTARCH)" ]; then
		ci/gorgonia.sh "$folder/cuda/internal/driver/tests-gorgonia"
	fi
	cp internal/golden/testdata/*.jsonl "$folder/conformance/"
	cp cmd/devbench/internal/pypeer/peer.py "$folder/peers/"
	cp -r testdata "$folder/testdata"
	cp ci/gpu/run.sh "$folder/"
	tar -C "$(dirname "$folder")" -czf "$folder.tar.gz" "$(basename "$folder")"
	must_be_small
}

# about says what the folder was made of.
about() {
	echo "tare $(git rev-parse HEAD 2>/dev/null || echo 'of an unknown revision')"
	[ -z "$(git status --porcelain 2>/dev/null)" ] || echo "with changes that are not committed"
	go version
	echo "linux/$GOARCH"
}

# add_tests adds the tests of a package, at the package's place in the checkout.
add_tests() {
	mkdir -p "$folder/$1"
	go test -c "${link[@]}" -o "$folder/$1/tests" "./$1"
	if [ -d "$1/testdata" ]; then cp -r "$1/testdata" "$folder/$1/"; fi
}

must_be_small() {
	local bytes
	bytes=$(du -sb "$folder" | cut -f 1)
	echo "$folder: $((bytes >> 20)) MiB, packed $(($(stat -c %s "$folder.tar.gz") >> 20)) MiB"
	[ "$bytes" -lt "$most" ] || { echo "that is more than $((most >> 20)) MiB" >&2; exit 1; }
}

main
