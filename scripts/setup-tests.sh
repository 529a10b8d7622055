#!/usr/bin/env bash
# Installs the Debian packages that the tests need, where they are missing.
set -euo pipefail

missing=()
command -v git >/dev/null || missing+=(git)
# The race detector is linked with a C compiler.
command -v "${CC:-gcc}" >/dev/null || missing+=(gcc)
[ -e /usr/include/stdio.h ] || missing+=(libc6-dev)
ls /usr/lib/postgresql/*/bin/postgres >/dev/null 2>&1 || missing+=(postgresql)
[ -x /usr/bin/aws ] || missing+=(awscli)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import boto3' 2>/dev/null || missing+=(python3-boto3)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import pip' 2>/dev/null || missing+=(python3-pip)
[ -x /usr/bin/python3 ] && /usr/bin/python3 -c 'import saml2' 2>/dev/null || missing+=(python3-pysaml2)
if [ "${TEST_TAGS:-}" = extended ]; then
	for program in radosgw ceph-mon ceph-osd; do
		[ -x "/usr/bin/$program" ] || missing+=("$program")
	done
fi
[ -x /usr/sbin/nginx ] || missing+=(nginx-light)
command -v curl >/dev/null || missing+=(curl)
command -v openssl >/dev/null || missing+=(openssl)
[ -x /usr/bin/caddy ] || missing+=(caddy)
[ -x /usr/bin/chromium ] || missing+=(chromium)
command -v systemd-analyze >/dev/null || missing+=(systemd)
command -v strace >/dev/null || missing+=(strace)
command -v rpm >/dev/null || missing+=(rpm)
if [ "${TEST_TAGS:-}" = extended ]; then
	command -v unzip >/dev/null || missing+=(unzip)
fi
if [ ${#missing[@]} -gt 0 ]; then
	root=()
	[ "$(id -u)" = 0 ] || root=(sudo)
	"${root[@]}" apt-get update -qq
	"${root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
fi
cd "$(dirname "$0")/../clienttests/js"
# Debian has version 2 of the AWS CLI; this is version 1.
[ -d ../python/awscli1/awscli ] || /usr/bin/python3 -m pip install --quiet --target ../python/awscli1 awscli==1.45.11
[ -d node_modules ] && [ node_modules -nt package-lock.json ] || npm ci --silent --no-audit --no-fund
if [ "${TEST_TAGS:-}" = extended ]; then
	../../scripts/setup-extended.sh
fi
echo "step setup: $SECONDS s"
