#!/usr/bin/env bash
# Measures the first minute of somebody new, on a machine without Go: from an archive of a release
# to a page in the browser and to credentials. It prints a table of seconds, each from the start of
# its own row; the first row includes unpacking and the server's start.
#
#	scripts/first-minute.sh dist/poolhouse_*_linux_amd64.tar.gz [TEMPLATE]
#
# TEMPLATE is what `cdk synth` printed; scripts/first-minute.template.yaml is the default.
set -euo pipefail

here=$(cd "$(dirname "$0")" && pwd)
archive=$(realpath "$1")
template=$(realpath "${2:-$here/first-minute.template.yaml}")

# From here on nothing of this machine's user counts: no variable, an empty home, and a path with
# only the programs that the steps use.
if [ -z "${FIRST_MINUTE_CLEAN:-}" ]; then
	room=$(mktemp -d)
	trap 'rm -rf "$room"' EXIT
	mkdir "$room/bin" "$room/home" "$room/work"
	for program in bash tar gzip aws curl sed grep cat sleep dirname realpath awk; do
		ln -s "$(PATH=/usr/bin:/bin:$PATH type -P "$program")" "$room/bin/$program"
	done
	env -i FIRST_MINUTE_CLEAN=1 PATH="$room/bin" HOME="$room/home" LC_ALL=C.UTF-8 AWS_PAGER= \
		AWS_EC2_METADATA_DISABLED=true bash "$0" "$archive" "$template" "$room/work"
	exit
fi

cd "$3"
if type -P go >/dev/null; then
	echo "go is on the path: the result would say nothing" >&2
	exit 1
fi

now() { echo "${EPOCHREALTIME/./}"; } # microseconds

# row NAME ends what is measured and prints its seconds.
row() {
	awk -v name="$1" -v us=$(($(now) - began)) 'BEGIN { printf "| %-46s | %7.2f |\n", name, us / 1e6 }'
	began=$(now)
}

# settled tries a command until it succeeds, for a minute at most.
settled() {
	for _ in {1..600}; do
		"$@" && return
		sleep 0.1
	done
	echo "did not succeed: $*" >&2
	cat log >&2
	return 1
}

is_page() { curl -sf -H 'Accept: text/html' -D - -o page "$ENDPOINT/" | grep -qi '^content-type: text/html'; }

cloud() { aws --endpoint-url "$ENDPOINT" "$@"; } # older ones than 2.13 do not read AWS_ENDPOINT_URL_…

# credentials POOL [LOGINS] gets an identity of a pool and its credentials, and uses them.
credentials() {
	local identity key secret session logins=()
	[ -z "${2:-}" ] || logins=(--logins "$2")
	identity=$(cloud cognito-identity get-id --identity-pool-id "$1" "${logins[@]}" --query IdentityId --output text)
	read -r key secret session <<<"$(cloud cognito-identity get-credentials-for-identity --identity-id "$identity" \
		"${logins[@]}" --query 'Credentials.[AccessKeyId,SecretKey,SessionToken]' --output text)"
	AWS_ACCESS_KEY_ID=$key AWS_SECRET_ACCESS_KEY=$secret AWS_SESSION_TOKEN=$session \
		cloud sts get-caller-identity --query Arn --output text | grep -q ':assumed-role/'
}

# field NAME reads a field of what `poolhouse dev info --json` prints.
field() { poolhouse dev info --json | sed -n "s/.*\"$1\": *\"\([^\"]*\)\".*/\1/p"; }

printf '| %-46s | %7s |\n|%s|%s:|\n' "From the archive, without Go" seconds \
	------------------------------------------------ --------
: >log
began=$(now)

tar -xzf "$archive"
PATH=$(echo "$PWD"/poolhouse_*):$PATH
poolhouse dev --listen 127.0.0.1:0 --ready-file ready.json >log 2>&1 &
server=$!
trap 'kill $server; wait $server' EXIT
settled test -s ready.json
ENDPOINT=$(sed -n 's/.*"endpoint": "\(.*\)".*/\1/p' ready.json)
settled is_page
row "unpack, start, a page at /"

eval "$(poolhouse dev env)" # keys, region and the ID of the demo pool
POOL=$POOLHOUSE_POOL_ID

credentials "$POOL"
row "a guest's credentials, with the AWS CLI"

credentials "$POOL" "$(field login_key)=$(poolhouse dev token --user alice)"
row "a signed-in user's credentials, likewise"

poolhouse apply --name first -f - <"$template" >applied
POOL=$(sed -n 's/^pool Pool: //p' applied)
credentials "$POOL"
row "from the output of cdk synth to credentials"
