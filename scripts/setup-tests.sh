#!/usr/bin/env bash
# Installs the Debian packages that the tests need, where they are missing.
set -euo pipefail

missing=()
command -v git >/dev/null || missing+=(git)
# The race detector is linked with a C compiler.
command -v "${CC:-gcc}" >/dev/null || missing+=(gcc)
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
[ -x /usr/sbin/pgbouncer ] || missing+=(pgbouncer)
[ -x /usr/bin/aws ] || missing+=(awscli)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import boto3' 2>/dev/null || missing+=(python3-boto3)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import pip' 2>/dev/null || missing+=(python3-pip)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import pytest' 2>/dev/null || missing+=(python3-pytest)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import saml2' 2>/dev/null || missing+=(python3-pysaml2)
if [ "${TEST_TAGS:-}" = extended ]; then
	for program in radosgw ceph-mon ceph-osd; do
		[ -x "/usr/bin/$program" ] || missing+=("$program")
	done
fi
[ -x /usr/sbin/nginx ] || missing+=(nginx-light)
# A keyring, on a bus of its own.
command -v gnome-keyring-daemon >/dev/null || missing+=(gnome-keyring)
command -v dbus-run-session >/dev/null || missing+=(dbus-daemon)
command -v rclone >/dev/null || missing+=(rclone)
command -v curl >/dev/null || missing+=(curl)
command -v openssl >/dev/null || missing+=(openssl)
[ -x /usr/bin/caddy ] || missing+=(caddy)
[ -x /usr/bin/chromium ] || missing+=(chromium)
# A program of one file is compiled when it is run, for which the JDK is needed.
command -v javac >/dev/null || missing+=(openjdk-17-jdk-headless)
command -v mvn >/dev/null || missing+=(maven)
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v strace >/dev/null || missing+=(strace)
command -v rpm >/dev/null || missing+=(rpm)
if [ "${TEST_TAGS:-}" = extended ]; then
	command -v unzip >/dev/null || missing+=(unzip)
	[ -x /usr/bin/firefox-esr ] || missing+=(firefox-esr)
fi
if [ ${#missing[@]} -gt 0 ]; then
	root=()
	[ "$(id -u)" = 0 ] || root=(sudo)
	"${root[@]}" apt-get update -qq
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
cd "$(dirname "$0")/../clienttests/js"
# Debian has older versions of these.
if ! [ ../python/packages -nt ../python/requirements.txt ]; then
	rm -rf ../python/packages
	/usr/bin/python3 -m pip install --quiet --target ../python/packages -r ../python/requirements.txt
fi
for folder in . ../../console ../../examples/photos ../../packaging/npm; do
	[ -d "$folder/node_modules" ] && [ "$folder/node_modules" -nt "$folder/package-lock.json" ] ||
		(cd "$folder" && npm ci --silent --no-audit --no-fund)
done
if [ "${TEST_TAGS:-}" = extended ]; then
	../../scripts/setup-extended.sh
fi
echo "step setup: $SECONDS s"
