#!/usr/bin/env bash
# Installs what the extended tests need besides scripts/setup-tests.sh: the newest AWS CDK and
# Amplify's construct, from the npm registry, Java and Maven, and Keycloak, from the Maven registry,
# made ready for a database in memory; and from PyPI other emulators of AWS.
set -euo pipefail

here="$(cd "$(dirname "$0")" && pwd)"
version=26.4.5
cache="${XDG_CACHE_HOME:-$HOME/.cache}/poolhouse-tests"
if [ -z "$(find "$cache/cdk/ready" -mtime -1 2>/dev/null)" ]; then # the newest of the day
	mkdir -p "$cache/cdk"
	[ -e "$cache/cdk/package.json" ] || echo '{"private": true}' >"$cache/cdk/package.json"
	npm install --prefix "$cache/cdk" --silent --no-audit --no-fund \
		aws-cdk@latest aws-cdk-lib@latest constructs@latest @aws-amplify/auth-construct@latest
	touch "$cache/cdk/ready"
fi
emulators="$cache/emulators"
if ! [ "$emulators/ready" -nt "$here/../clienttests/python/emulators.txt" ]; then
	rm -rf "$emulators"
	/usr/bin/python3 -m pip install --quiet --target "$emulators" -r "$here/../clienttests/python/emulators.txt"
	touch "$emulators/ready"
fi
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
[ -e "$cache/keycloak-$version/ready" ] && exit 0
mkdir -p "$cache"
mvn -B -q dependency:copy -Dartifact=org.keycloak:keycloak-quarkus-dist:$version:zip -DoutputDirectory="$cache"
rm -rf "$cache/keycloak-$version"
unzip -q "$cache/keycloak-quarkus-dist-$version.zip" -d "$cache"
rm "$cache/keycloak-quarkus-dist-$version.zip"
"$cache/keycloak-$version/bin/kc.sh" build --db=dev-mem >/dev/null
touch "$cache/keycloak-$version/ready"
