#!/usr/bin/env bash
# Measures what somebody waits for who adds Poolhouse to a test suite that exists, from nothing: an
# empty folder, the built packages, and the registries of the languages for what else the suite needs.
# It prints a table of seconds and of lines that were added to the suite. The suites have a signed-in
# user and an injected fault.
#
#	scripts/first-suite.sh [DIST] [LANGUAGE...]
#
# DIST is a folder that scripts/release.sh has filled, by default dist. LANGUAGE is go, pytest, vitest,
# jest or junit, by default all. It needs Go, Python with pip, Node.js, and Java with Maven. The suite in
# Go is examples/go, which takes Poolhouse from this work tree; its caches are those of the user.
set -euo pipefail

root=$(cd "$(dirname "$0")/.." && pwd)
dist=$(realpath "${1:-$root/dist}")
languages=("${@:2}")
if [ ${#languages[@]} -eq 0 ]; then
	languages=(pytest vitest jest junit)
	[ ! -d "$root/examples/go" ] || languages=(go "${languages[@]}")
fi
python=${PYTHON:-python3}

room=$(mktemp -d)
trap 'rm -rf "$room"' EXIT
unset "${!POOLHOUSE_@}" "${!AWS_@}"

now() { echo "${EPOCHREALTIME/./}"; } # microseconds

# measured COMMAND... runs a command and leaves its seconds in $seconds. Its output shows if it fails.
measured() {
	local began
	began=$(now)
	"$@" >"$room/log" 2>&1 || { cat "$room/log" >&2; echo "failed: $*" >&2; exit 1; }
	seconds=$(awk -v us=$(($(now) - began)) 'BEGIN { printf "%.2f", us / 1e6 }')
}

# lines_go counts the lines that the suite would not have without Poolhouse, but not those that the go
# command writes.
lines_go() {
	cat albums_test.go pool.yaml go.mod | grep -v -E '^(replace |//)' | grep -c -i -E 'poolhouse|\bserver\b'
}
install_go() {
	sed -i "s|=> ../..|=> $root|" go.mod
	GOWORK=off go test -c -o suite.test .
}
run_go() { GOWORK=off go test -count=1 .; }

install_pytest() {
	"$python" -m pip install --quiet --target packages --pre --find-links "$dist/pypi" -r requirements.txt
}
run_pytest() { PYTHONPATH=packages "$python" -m pytest -q -p no:cacheprovider; }

# install_npm takes the versions of the project's own tests, and Poolhouse, which package.json names as its
# users write it, from the built files.
install_npm() {
	local name platform
	platform=$(node -p 'process.platform + "-" + process.arch')
	sed -i '/"poolhouse": /d; /"jest"/s/,$//' package.json
	for name in jest vitest; do sed -i "s/\"$name\": \"\*\"/\"$name\": \"$(npm_version "$name")\"/" package.json; done
	npm install --silent --no-audit --no-fund --save-dev "$dist"/npm/poolhouse-[0-9]*.tgz \
		"$dist/npm/poolhouse-$platform"-*.tgz
}
npm_version() { node -p "require('$root/packaging/npm/package.json').devDependencies['$1']"; }
install_vitest() { install_npm; }
run_vitest() { npx vitest run; }
install_jest() { install_npm; }
run_jest() { NODE_OPTIONS=--experimental-vm-modules npx jest; }

install_junit() {
	local version
	version=$(sed -n 's/.*"version": *"\([^"]*\)".*/\1/p' "$dist/metadata.json")
	sed -i "s|VERSION|$version|" pom.xml
	sed -i "s|</project>|<repositories><repository><id>built</id><url>file://$dist/maven</url></repository>&|" pom.xml
	sed -i "s|</project>|</repositories>&|" pom.xml
	mvn -B -q "-Dmaven.repo.local=$room/maven" test-compile
}
run_junit() { mvn -B -q "-Dmaven.repo.local=$room/maven" test; }

printf '| %-8s | %11s | %17s | %11s |\n|%s|%s:|%s:|%s:|\n' "Suite" "lines added" "installed in s" "run in s" \
	---------- ------------ ------------------ ------------
for language in "${languages[@]}"; do
	if [ "$language" = go ]; then
		cp -r "$root/examples/go" "$room/go"
		cd "$room/go"
		added=$(lines_go)
	else
		folder=$root/packaging/suites/$language
		added=$(git diff --no-index --numstat "$folder/before" "$folder/after" | awk '{ n += $1 } END { print n }' || true)
		cp -r "$folder/after" "$room/$language"
		cd "$room/$language"
	fi
	measured "install_$language"
	installed=$seconds
	measured "run_$language"
	printf '| %-8s | %11s | %17s | %11s |\n' "$language" "$added" "$installed" "$seconds"
done
