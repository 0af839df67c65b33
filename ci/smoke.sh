#!/usr/bin/env bash
# Commands of devbench that must succeed on any machine: ci/smoke.sh DEVBENCH
set -euo pipefail
devbench=$1

# must_show COMMAND… prints a command of devbench and what it says, and ends the script if it fails.
must_show() {
	printf '\n$ devbench %s\n' "$*"
	"$devbench" "$@"
}

must_show devices
