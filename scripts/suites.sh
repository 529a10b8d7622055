#!/usr/bin/env bash
# Prints the packages with tests, of every module in go.work. make suites writes them
# to scripts/suites.txt, the list that scripts/check.sh holds every run to.
set -euo pipefail
cd "$(dirname "$0")/.."
go list -f '{{if or .TestGoFiles .XTestGoFiles}}{{.ImportPath}}{{end}}' work | LC_ALL=C sort
