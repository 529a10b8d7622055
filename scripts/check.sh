#!/usr/bin/env bash
# Every check of a change: formatting, vet, linters, limits, every go.mod, all tests of
# all modules with the race detector, that every suite of scripts/suites.txt ran and
# skipped no test, and thousands of inputs for every fuzz target.
set -euo pipefail
cd "$(dirname "$0")/.."

# step NAME ends the step that ran last, and begins another.
step() {
	local now
	now=$(date +%s)
	[ -z "${current:-}" ] || printf 'step %s: %d s\n' "$current" $((now - began))
	current=$1 began=$now
}

# versions lists the modules that the server and its tests are built from.
versions() {
	go list -deps -test -f '{{with .Module}}{{.Path}} {{.Version}}{{end}}' ./... | sort -u
}

step formatting
unformatted=$(gofmt -l $(git ls-files '*.go'))
if [ -n "$unformatted" ]; then
	printf 'run gofmt -w on:\n%s\n' "$unformatted"
	exit 1
fi

step modules
for file in $(git ls-files '*go.mod'); do
	echo "tidy $file"
	(cd "$(dirname "$file")" && GOWORK=off go mod tidy -diff)
done
go mod verify
# Users build the server without go.work. Another module of the workspace must not
# raise the versions that are tested here.
alone=$(GOWORK=off versions)
joined=$(versions)
diff <(echo "$alone") <(echo "$joined") ||
	{ echo "the workspace builds the server from other versions than go.mod names: run go get for them"; exit 1; }

step linters
go vet -tags extended work
(cd clienttests/zitadelop && GOWORK=off go vet .)
# golangci-lint checks the module of the current folder only. It includes staticcheck.
for folder in $(go list -m -f '{{.Dir}}'); do
	(cd "$folder" && go run github.com/golangci/golangci-lint/v2/cmd/golangci-lint@v2.15.0 run ./...)
done

step "limits of the code"
go run ./internal/house -limits
# These tests read the sources of all modules, and the go command does not see that those changed.
go test -count=1 ./internal/house

step "tests with the race detector"
./scripts/suites.sh | diff scripts/suites.txt - ||
	{ echo "other packages have tests than scripts/suites.txt names: if that is right, run make suites"; exit 1; }
log=$(mktemp)
trap 'rm -f "$log"' EXIT
status=0
go test -race -timeout "${TEST_TIMEOUT:-25m}" -tags "${TEST_TAGS:-}" -v work >"$log" 2>&1 || status=$?
grep -E '^(ok|FAIL|panic:|---)|^ +--- FAIL' "$log" | grep -v -- '--- PASS' || true
if [ $status -ne 0 ]; then
	grep -B 2 -A 30 -E -- '--- FAIL|panic:|DATA RACE' "$log" | head -n 300
	exit $status
fi
ran=$(grep -v -F '[no tests to run]' "$log" | awk '$1 == "ok" { print $2 }' | LC_ALL=C sort)
missed=$(LC_ALL=C comm -23 scripts/suites.txt <(echo "$ran"))
if [ -n "$missed" ]; then
	printf 'suites that did not run:\n%s\n' "$missed"
	exit 1
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

step fuzzing
# A number of inputs, not a time: before Go 1.27 the fuzzer can report the end of a time as a failure
# (go.dev/issue/75804). The time is for a target that hangs.
# The targets are read from the sources, and each package is built once: go test -list would link the
# tests of every package once more, and go test -fuzz those of a package once for each target.
binaries=$(mktemp -d)
trap 'rm -rf "$log" "$binaries"' EXIT
corpus=$(go env GOCACHE)/fuzz
list='{{$p := .}}{{range .TestGoFiles}}{{$p.ImportPath}} {{$p.Dir}} {{.}}{{"\n"}}{{end}}'
list+='{{range .XTestGoFiles}}{{$p.ImportPath}} {{$p.Dir}} {{.}}{{"\n"}}{{end}}'
go list -f "$list" work | while read -r package folder file; do
	sed -n 's/^func \(Fuzz[A-Za-z0-9_]*\)(.*/\1/p' "$folder/$file" | sed "s|^|$package $folder |"
done >"$log"
built=
while read -r package folder target; do
	echo "fuzzing $target of $package"
	[ "$built" = "$package" ] || go test -c -fuzz . -o "$binaries/fuzz.test" "$package"
	built=$package
	(cd "$folder" && timeout 15m "$binaries/fuzz.test" -test.run '^$' -test.fuzz "^$target\$" \
		-test.fuzztime "${FUZZ_INPUTS:-10000}x" -test.fuzzminimizetime 20x \
		-test.fuzzcachedir "$corpus/$package") </dev/null >"$binaries/out" 2>&1 ||
		{ cat "$binaries/out"; echo "fuzzing $target failed, or took 15 minutes"; exit 1; }
done <"$log"
step none
echo "all checks passed"
