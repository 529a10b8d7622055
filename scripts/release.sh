#!/usr/bin/env bash
# Builds every file of a release into dist/: archives, packages, images, SBOMs, checksums, the
# Homebrew cask, and the packages for npm, PyPI and Maven. It publishes nothing.
#
#	scripts/release.sh          a snapshot of the current commit
#	scripts/release.sh --tagged the release of the current commit's tag, from a clean work tree
#
# DIST names another folder, relative to the project's. ONLY=linux-amd64 builds for that alone, and
# without SBOMs.
set -euo pipefail
cd "$(dirname "$0")/.."

dist=${DIST:-dist}
cache="${XDG_CACHE_HOME:-$HOME/.cache}/poolhouse-release"

# tool MODULE PATH VERSION puts a program on the path. It is built once.
tool() {
	local folder="$cache/${1##*/}-$3"
	[ -d "$folder" ] || { GOBIN="$folder.new" go install "$1$2@$3" && mv "$folder.new" "$folder"; }
	PATH="$folder:$PATH"
}

options=(--clean)
tool github.com/goreleaser/goreleaser /v2 v2.15.2
if [ -n "${ONLY:-}" ]; then
	options+=(--skip=sbom)
else
	tool github.com/CycloneDX/cyclonedx-gomod /cmd/cyclonedx-gomod v1.10.0
fi

config=$(mktemp --suffix=.yaml)
trap 'rm -f "$config"' EXIT
sed "s|^dist: dist\$|dist: $dist|; s|dist/poolhouse_|$dist/poolhouse_|" .goreleaser.yaml >"$config"

# The version is the newest one that CHANGELOG.md describes. The time is the commit's, so that equal
# sources make equal files.
version=$(sed -n "s/^## \([0-9.]*[0-9]\).*/\1/p" CHANGELOG.md | head -n 1)
RELEASE_COMMIT=$(git rev-parse HEAD)
RELEASE_TIMESTAMP=$(git log -1 --format=%ct)
RELEASE_DATE=$(date --utc --date="@$RELEASE_TIMESTAMP" +%Y-%m-%dT%H:%M:%SZ)
RELEASE_SNAPSHOT=$version-snapshot.g${RELEASE_COMMIT:0:7}
export RELEASE_COMMIT RELEASE_TIMESTAMP RELEASE_DATE RELEASE_SNAPSHOT

if [ "${1:-}" = --tagged ]; then
	[ "$(git describe --tags --exact-match)" = "v$version" ] ||
		{ echo "the tag of this commit is not v$version, the newest version in CHANGELOG.md"; exit 1; }
	options+=(--skip=publish,announce)
else
	options+=(--snapshot)
fi
goreleaser release --config "$config" "${options[@]}"

rm -rf "$dist/image"
go run ./packaging/image -index "$dist/image" "$dist"/poolhouse_*_image.tar

# Maven Central wants the Java documentation, too; tests do without.
release=()
[ -n "${ONLY:-}" ] || release=(-release)
go run ./packaging/registries -dist "$dist" -created "$RELEASE_DATE" -python "${PYTHON:-python3}" "${release[@]}"
