# shellcheck shell=bash disable=SC2034,SC2154 # variables for and of those who source this
# SPDX-License-Identifier: BSD-3-Clause
#
# common.bash - what the measurements have in common: where things are, a
# directory for work with clusters in it that goes at the end, tables
#
# Who sources this has set $self, its own path.

# A plain PATH: commands are looked up along it, on both sides.
export PATH=/usr/local/bin:/usr/bin:/bin:/usr/local/sbin:/usr/sbin:/sbin LC_ALL=C.UTF-8
umask 022

bench=${self%/*}
tree=$(realpath "$bench/../..")
cache=${DAVIT_BENCH_CACHE:-/var/cache/davit/bench}
work=''
# shellcheck source-path=SCRIPTDIR source=../lib/packages.sh
. "$tree/tests/lib/packages.sh"

say() { printf '%s: %s\n' "${self##*/}" "$*" >&2; }
die() { say "$@"; exit 1; }

# ---- a directory and clusters --------------------------------------------

# Makes $work, which goes at the end of the program; undo() is called then,
# where there is one.
make_work() {
	work=$(mktemp -d /var/tmp/davit-bench.XXXX)
	chmod 755 "$work"
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
}

finish() {
	trap '' INT TERM HUP
	local mark

	for mark in "$work"/*/.davit-cluster; do
		[[ ! -e $mark ]] ||
		    "$tree/tests/cluster/cluster" stop --state "${mark%/*}" || true
	done
	[[ $(type -t undo) != function ]] || undo
	rm -rf --one-file-system "$work"
}

# Starts the cluster $work/$1 with the options $2...
start_cluster() {
	local name=$1

	shift
	"$tree/tests/cluster/cluster" start --state "$work/$name" "$@" >/dev/null
}

# Runs a command as the test user, on the cluster $work/cluster.
as_user() {
	"$tree/tests/cluster/cluster" as --state "$work/cluster" alice "$@"
}

# ---- tables --------------------------------------------------------------

calc() { awk "BEGIN { printf \"%.${2-1}f\", $1 }"; }

mark() { awk "BEGIN { print ($1) ? \"met\" : \"MISSED\" }"; }

# One row of a table in Markdown.
row() {
	printf '|'
	printf ' %s |' "$@"
	printf '\n'
}

print_machine() {
	printf '%s, %s CPUs, Linux %s, Slurm %s, load %s; %s\n' \
	    "$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | head -n 1)" "$(nproc)" "$(uname -r)" \
	    "$(slurmctld -V | sed 's/.* //')" "$(cut -d' ' -f1 /proc/loadavg)" "$(date +%F)"
}
