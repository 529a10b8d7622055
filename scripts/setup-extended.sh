#!/usr/bin/env bash
# Installs what the extended tests need besides scripts/setup-tests.sh: Java and Maven, and Keycloak,
# from the Maven registry, made ready for a database in memory.
set -euo pipefail

missing=()
command -v javac >/dev/null || missing+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
command -v unzip >/dev/null || missing+=(unzip)
if [ ${#missing[@]} -gt 0 ]; then
	root=()
	[ "$(id -u)" = 0 ] || root=(sudo)
	"${root[@]}" apt-get update -qq
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
version=26.4.5
cache="${XDG_CACHE_HOME:-$HOME/.cache}/poolhouse-tests"
[ -e "$cache/keycloak-$version/ready" ] && exit 0
mkdir -p "$cache"
mvn -B -q dependency:copy -Dartifact=org.keycloak:keycloak-quarkus-dist:$version:zip -DoutputDirectory="$cache"
rm -rf "$cache/keycloak-$version"
unzip -q "$cache/keycloak-quarkus-dist-$version.zip" -d "$cache"
rm "$cache/keycloak-quarkus-dist-$version.zip"
"$cache/keycloak-$version/bin/kc.sh" build --db=dev-mem >/dev/null
touch "$cache/keycloak-$version/ready"
