#!/bin/sh
# Runs before a removal (deb: remove, rpm: 0) and before an upgrade, which it leaves alone.
set -e
if [ -z "${DPKG_ROOT:-}" ] && [ -d /run/systemd/system ]; then
	case "${1:-}" in
	remove | 0) systemctl disable --now poolhouse.service || true ;;
	esac
fi
