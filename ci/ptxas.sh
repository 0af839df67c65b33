#!/usr/bin/env bash
# Assembles one kernel of every form that kernels/ptx emits, for each GPU generation that tare supports and that the
# kernel is for, with NVIDIA's ptxas; an error or a spilled register fails. It prints the registers of the tiles of
# products. This needs no GPU.
#
#   ci/ptxas.sh                        all generations
#   ci/ptxas.sh sm_70 sm_90            these
#   PTXAS=/usr/local/cuda/bin/ptxas ci/ptxas.sh
#
# Where there is no ptxas, it is taken from Debian's package nvidia-cuda-toolkit, which is unpacked into a scratch
# folder and never installed. PTXAS_CACHE=FOLDER keeps it for the next time. If it cannot be had, the script
# prints SKIPPED and succeeds.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cache=${PTXAS_CACHE:-$scratch}

main() {
	local ptxas generations=("$@")
	[ $# -gt 0 ] || generations=(sm_70 sm_75 sm_80 sm_86 sm_89 sm_90)
	if ! ptxas=$(find_ptxas); then
		echo "SKIPPED: there is no ptxas here, and Debian's package nvidia-cuda-toolkit cannot be had; set PTXAS to its path"
		return
	fi
	"$ptxas" --version | tail -n 2
	mkdir "$scratch/ptx"
	PTX_DUMP="$scratch/ptx" go test -count=1 -run '^TestDump$' ./kernels/ptx >/dev/null
	[ -n "$(ls "$scratch/ptx")" ] || { echo "no kernels were written" >&2; return 1; }
	assemble "$ptxas" "${generations[@]}"
}

# assemble assembles all kernels for the generations, on as many processors as there are.
assemble() {
	local ptxas=$1 generation failed=0
	shift
	for generation; do
		find "$scratch/ptx" -name '*.ptx' -print | sort | while read -r file; do
			[ "${generation#sm_}" -lt "$(sed -n 's/^\.target sm_//p' "$file")" ] || echo "$file"
		done >"$scratch/list"
		echo "$generation: $(wc -l <"$scratch/list") modules"
		xargs -a "$scratch/list" -P "$(nproc)" -I{} "$0" --one "$ptxas" "$generation" {} || failed=1
	done
	return $failed
}

# one assembles one file, and complains about errors and spills.
one() {
	local ptxas=$1 generation=$2 file=$3 log
	if ! log=$("$ptxas" -v -arch="$generation" -o /dev/null "$file" 2>&1); then
		printf '%s for %s:\n%s\n' "$(basename "$file")" "$generation" "$log" >&2
		return 1
	fi
	if grep -Eq '[1-9][0-9]* bytes spill' <<<"$log"; then
		printf '%s for %s spills registers:\n%s\n' "$(basename "$file")" "$generation" "$log" >&2
		return 1
	fi
	case $(basename "$file" .ptx) in
	tile_*_0) echo "$(basename "$file" .ptx) for $generation: $(grep -o '[0-9]* registers' <<<"$log")" ;;
	esac
}

# find_ptxas prints the path of a ptxas, which it fetches if need be.
find_ptxas() {
	local candidate
	for candidate in "${PTXAS:-}" "$(command -v ptxas || true)" /usr/local/cuda/bin/ptxas "$cache/unpacked/usr/bin/ptxas"; do
		if [ -x "$candidate" ]; then echo "$candidate"; return; fi
	done
	fetch >&2 || return 1
	echo "$cache/unpacked/usr/bin/ptxas"
}

# fetch downloads and unpacks Debian's package, with package lists of its own.
fetch() {
	local keyring=/usr/share/keyrings/debian-archive-keyring.gpg apt
	command -v apt-get >/dev/null && command -v dpkg-deb >/dev/null && [ -e "$keyring" ] || return 1
	mkdir -p "$cache"/{lists/partial,archives/partial}
	echo "deb [signed-by=$keyring] http://deb.debian.org/debian bookworm main contrib non-free" >"$cache/sources.list"
	apt=(timeout 300 apt-get -qq -o "Dir::State::Lists=$cache/lists" -o "Dir::Cache=$cache"
		-o "Dir::Etc::SourceList=$cache/sources.list" -o Dir::Etc::SourceParts=- -o APT::Sandbox::User=
		-o APT::Architecture=amd64 -o APT::Architectures=amd64)
	"${apt[@]}" update || return 1
	(cd "$cache" && "${apt[@]}" download nvidia-cuda-toolkit) || return 1
	dpkg-deb -x "$cache"/nvidia-cuda-toolkit_*.deb "$cache/unpacked"
}

if [ "${1:-}" = --one ]; then
	trap - EXIT
	rm -rf "$scratch"
	shift
	one "$@"
else
	main "$@"
fi
