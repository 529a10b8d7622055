#!/bin/sh
# Runs after an installation or upgrade, of the deb and the rpm. dpkg sets DPKG_ROOT if it installs
# into another folder than /.
set -e
root=${DPKG_ROOT:-}

if command -v systemd-sysusers >/dev/null && command -v systemd-tmpfiles >/dev/null; then
	systemd-sysusers ${root:+--root="$root"} poolhouse.conf
	systemd-tmpfiles --create ${root:+--root="$root"} poolhouse.conf
elif [ -n "$root" ]; then
	echo "poolhouse: systemd's tools are missing: make the user poolhouse and its folders in $root by hand" >&2
else
	getent passwd poolhouse >/dev/null ||
		useradd --system --user-group --home-dir /var/lib/poolhouse --shell /usr/sbin/nologin poolhouse
	install -d -m 700 -o poolhouse -g poolhouse /var/lib/poolhouse
	chgrp poolhouse /etc/poolhouse /etc/poolhouse/poolhouse.yaml
	chmod 750 /etc/poolhouse
	chmod 640 /etc/poolhouse/poolhouse.yaml
fi

# A new installation is not started: it needs an issuer_url, and `poolhouse init` once.
if [ -z "$root" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
	systemctl try-restart poolhouse.service || true
fi
