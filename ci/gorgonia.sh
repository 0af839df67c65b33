#!/usr/bin/env bash
# Builds the CUDA binding of the build tag gorgonia, and runs the tests of the driver over it.
#
#   ci/gorgonia.sh
#   ci/gorgonia.sh FILE     only builds the tests of the driver, to run on a machine with a GPU
#   CUDA_HEADER=/usr/local/cuda/include/cuda.h ci/gorgonia.sh
#
# gorgonia.org/cu needs cgo, NVIDIA's cuda.h (of CUDA 12 or older) and a libcuda.so to link with, and ends a program
# whose driver does not start. The header is taken from Debian's package nvidia-cuda-dev, of which no more is
# downloaded than comes before it. The library is the tests' stand-in for the driver, with the entry points that
# only the linker asks for added, so that no GPU is needed. If the header cannot be had, the script prints SKIPPED
# and succeeds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

main() {
	if ! command -v gcc >/dev/null; then
		echo "SKIPPED: there is no gcc for cgo"
		return
	fi
	if ! find_header; then
		echo "SKIPPED: there is no cuda.h here, and Debian's package nvidia-cuda-dev cannot be had; set CUDA_HEADER to its path"
		return
	fi
	make_library
	export CGO_ENABLED=1 CGO_CFLAGS="-I$scratch/include" CGO_LDFLAGS="-L$scratch/lib"
	if [ $# = 1 ]; then
		go test -c -tags gorgonia -trimpath -ldflags '-s -w' -o "$1" ./cuda/internal/driver
		return
	fi
	go vet -tags gorgonia ./cuda/...
	CUDA_HEADER="$scratch/include/cuda.h" go test -count=1 -run '^TestCodesAgreeWithTheHeader$' ./cuda/internal/driver
	go test -c -tags gorgonia -o "$scratch/driver.test" ./cuda/internal/driver
	(cd cuda/internal/driver && LD_LIBRARY_PATH=$scratch/lib TARE_TEST_GPU=1 "$scratch/driver.test" -test.timeout 2m)
	must_not_start
}

# must_not_start sees that what the documentation says is so: without the library the program does not start.
must_not_start() {
	local code=0
	"$scratch/driver.test" -test.list . >"$scratch/said" 2>&1 || code=$?
	[ "$code" != 127 ] && ldconfig -p | grep -q libcuda.so.1 && return
	[ "$code" = 127 ] || { cat "$scratch/said" >&2; echo "started without libcuda.so.1: exit status $code" >&2; return 1; }
	echo "without libcuda.so.1 the program does not start: $(cat "$scratch/said")"
}

# find_header puts cuda.h in a folder of its own.
find_header() {
	local candidate
	mkdir -p "$scratch/include"
	for candidate in "${CUDA_HEADER:-}" /usr/local/cuda/include/cuda.h /usr/include/cuda.h; do
		if [ -e "$candidate" ]; then cp "$candidate" "$scratch/include/"; return; fi
	done
	fetch_header >&2
}

# fetch_header takes cuda.h out of Debian's package as it comes, and stops there: the package has 770 MB.
fetch_header() {
	local address
	command -v curl >/dev/null && command -v dpkg-deb >/dev/null || return 1
	address=$(package_address) || return 1
	{ timeout 300 curl -sS --fail "${address/#http:/https:}" 2>/dev/null || true; } |
		{ dpkg-deb --fsys-tarfile /dev/stdin 2>/dev/null || true; } |
		tar -x -C "$scratch" --occurrence=1 --strip-components=2 ./usr/include/cuda.h || return 1
	[ -s "$scratch/include/cuda.h" ]
}

# package_address prints where the package is, from package lists of its own.
package_address() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg apt
	command -v apt-get >/dev/null && [ -e "$keyring" ] || return 1
	mkdir -p "$scratch"/apt/{lists/partial,archives/partial}
	echo "deb [signed-by=$keyring] http://deb.debian.org/debian bookworm main contrib non-free" >"$scratch/apt/sources.list"
	apt=(timeout 300 apt-get -qq -o "Dir::State::Lists=$scratch/apt/lists" -o "Dir::Cache=$scratch/apt"
		-o "Dir::Etc::SourceList=$scratch/apt/sources.list" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=
		-o APT::Architecture=amd64 -o APT::Architectures=amd64)
	"${apt[@]}" update >/dev/null || return 1
	"${apt[@]}" download --print-uris nvidia-cuda-dev | cut -d "'" -f 2 | grep .
}

# make_library makes a libcuda.so.1 of the stand-in and of all else that the header declares.
make_library() {
	mkdir -p "$scratch/lib"
	echo '#include <cuda.h>' | gcc -E -I"$scratch/include" - |
		grep -oE '\bcu[A-Z][A-Za-z0-9_]*[[:space:]]*\(' | tr -d '( \t' | sort -u |
		sed 's/.*/__attribute__((weak)) int &(void) { return 801; }/' >"$scratch/rest.c"
	[ -s "$scratch/rest.c" ] || { echo "cuda.h declares nothing" >&2; return 1; }
	gcc -w -shared -fPIC -O1 -Wl,-soname,libcuda.so.1 -o "$scratch/lib/libcuda.so.1" \
		cuda/internal/driver/testdata/fake/libcuda.c "$scratch/rest.c" -lpthread
	ln -s libcuda.so.1 "$scratch/lib/libcuda.so"
}

main "$@"
