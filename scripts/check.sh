#!/usr/bin/env bash
# Every check of a change: formatting, vet, staticcheck, go.mod, all tests with
# the race detector, thousands of inputs for every fuzz target, and that no test was skipped.
set -euo pipefail
cd "$(dirname "$0")/.."

# suite NAME ends the suite that ran last, and begins another.
suite() {
	local now
	now=$(date +%s)
	[ -z "${current:-}" ] || printf 'suite %s: %d s\n' "$current" $((now - began))
	current=$1 began=$now
}

suite linters
unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
	printf 'run gofmt -w on:\n%s\n' "$unformatted"
	exit 1
fi
go vet -tags extended ./...
go run honnef.co/go/tools/cmd/staticcheck@v0.8.2 -tags extended ./...
go mod tidy -diff
go mod verify

suite "tests with the race detector"
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
go test -race -timeout "${TEST_TIMEOUT:-25m}" -tags "${TEST_TAGS:-}" -v ./... >"$log" 2>&1 || status=$?
grep -E '^(ok|FAIL|panic:|---|\?)|^ +--- FAIL' "$log" | grep -v -- '--- PASS' || true
if [ $status -ne 0 ]; then
	grep -B 2 -A 30 -E -- '--- FAIL|panic:|DATA RACE' "$log" | head -n 300
	exit $status
fi

# A skipped test has shown nothing. One needs vectors that are not ours to ship.
skipped=$(grep -E -- '--- SKIP' "$log" | grep -v 'SKIP: Fuzz' || true) # a fuzz seed outside the target's domain is no test
if [ -z "${SIGV4_VECTORS:-}" ] && [ -n "$skipped" ]; then
	echo "AWS's public signing vectors were not tried: SIGV4_VECTORS does not name their folder."
	skipped=$(grep -v 'TestVectors' <<<"$skipped" || true)
fi
if [ -n "$skipped" ]; then
	printf 'skipped tests:\n%s\n' "$skipped"
	exit 1
fi

suite fuzzing
# A number of inputs, not a time: before Go 1.27 the fuzzer can report the end of a time as a failure
# (go.dev/issue/75804). The time is for a target that hangs.
for package in $(go list ./...); do
	for target in $(go test -list '^Fuzz' "$package" 2>/dev/null | grep '^Fuzz' || true); do
		echo "fuzzing $target of $package"
		timeout 15m go test -run '^$' -fuzz "^$target\$" -fuzztime "${FUZZ_INPUTS:-10000}x" -fuzzminimizetime 20x "$package" >"$log" 2>&1 ||
			{ cat "$log"; echo "fuzzing $target failed, or took 15 minutes"; exit 1; }
	done
done
suite none
echo "all checks passed"
