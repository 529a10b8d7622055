#!/bin/sh
# Runs after a removal. The data in /var/lib/poolhouse and the user stay, also after a purge:
# without the master key there no backup can be read.
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	systemctl daemon-reload
fi
