# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# common.bash - loaded by every *.bats file: how to act as a user of the
# cluster, what to assert, and after each test the proof that nothing is left.
#
# run-integration sets DAVIT (the launcher), DAVIT_PREFIX, DAVIT_WORK,
# DAVIT_TESTS, DAVIT_CLUSTER_TOOL and, for the cluster, SLURM_CONF,
# DAVIT_CLUSTER, DAVIT_CLUSTER_NODES and DAVIT_CLUSTER_SLURM (2205, 2411).

bats_require_minimum_version 1.5.0

[[ ${DAVIT_WORK-} && ${SLURM_CONF-} ]] ||
    { echo 'start this with tests/run-integration' >&2; exit 1; }

images=$DAVIT_WORK/images
# shellcheck disable=SC2034 # for the tests
programs=$DAVIT_WORK/programs
SMALL=$images/small.sqfs
OTHER=$images/other.sqfs
GLIBC=$images/glibc.sqfs
export SMALL OTHER GLIBC
slurm=$DAVIT_CLUSTER_SLURM

# shellcheck source-path=SCRIPTDIR source=leftovers.bash
. "$DAVIT_TESTS/lib/leftovers.bash"

# ---- acting --------------------------------------------------------------

# Runs a command as user $1, in the user's home and with a login's environment,
# for 40 seconds at most (LIMIT).
as() {
	local user=$1 prefix=("${as_prefix[@]}")

	shift
	as_prefix=()
	(
		cd "/home/$user" || exit
		exec "${prefix[@]}" setpriv --reuid "$user" --regid "$user" --init-groups \
		    env -i PATH=/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin HOME="/home/$user" USER="$user" \
		    LOGNAME="$user" SHELL=/bin/bash SLURM_CONF="$SLURM_CONF" \
		    timeout -k 5 "${LIMIT-40}" "$@" 3>&-
	)
}
alice() { as alice "$@"; }
as_prefix=()   # of the next command

# The next command finds the file $2 in place of the program $1; or no such program.
replace_program() { as_prefix=(unshare --mount sh -c "mount --bind '$2' '$(type -P "$1")' && exec \"\$@\"" -); }
without() { replace_program "$1" /dev/null; }

# Runs a command and sets status, output, stderr and lines, as `run
# --separate-stderr` does, but has no opinion about exit code 127.
capture() {
	status=0
	"$@" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" || status=$?
	output=$(<"$BATS_TEST_TMPDIR/out") stderr=$(<"$BATS_TEST_TMPDIR/err")
	mapfile -t lines <<<"$output"
}
run_alice() { capture alice "$@" </dev/null; }
run_srun() { run_alice srun "$@"; }
run_davit() { run_alice "$DAVIT" run "$@"; }

# Types $2... into a terminal of 33 x 77 in which command $1 runs as alice.
# What the terminal shows goes to $output, without carriage returns.
type_into() {
	local command=$1

	shift
	capture alice script -qefc "stty rows 33 cols 77; $command" /dev/null \
	    < <(printf '%s\n' "$@")
	output=${output//$'\r'}
}

# Another cluster than the one that is there for all, for a file of tests: $1 is its --state.
cluster_choose() {
	export SLURM_CONF=$1/etc/slurm.conf
	leftovers_known=$(readlink "/proc/$(<"$1/run/n1.pid")/ns/mnt")
	export leftovers_known
}

# Starts a command as alice, to look at while it runs; finish() waits for it and
# sets what `run` sets.
begin() {
	: >"$BATS_TEST_TMPDIR/begun.out" # what the last one wrote is gone before anybody looks
	alice "$@" >"$BATS_TEST_TMPDIR/begun.out" \
	    2>"$BATS_TEST_TMPDIR/begun.err" </dev/null &
	begun=$!
}
finish() {
	status=0
	wait "$begun" || status=$?
	output=$(<"$BATS_TEST_TMPDIR/begun.out")
	stderr=$(<"$BATS_TEST_TMPDIR/begun.err")
	mapfile -t lines <<<"$output"
}
# Waits until that command has written $1 to standard output $2 times (1).
await_output() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	await bash -c '(($(grep -c -- "$1" "$2") >= $3))' - "$1" \
	    "$BATS_TEST_TMPDIR/begun.out" "${2-1}"
}
# The latest job of alice that runs.
job_now() { squeue -h -u alice -t R,S -o %i | sort -n | tail -n 1; }

job_any() { [[ $(job_now) ]]; }
job_none() { [[ ! $(job_now) ]]; }

# Waits until the command succeeds, for 20 seconds at most.
await() {
	local end=$((SECONDS + 20))

	until "$@" >/dev/null 2>&1; do
		((SECONDS < end)) || { echo "waited in vain: $*"; return 1; }
		sleep 0.05
	done
}

job_state() { scontrol show job "$1" | sed -n 's/.*JobState=\([^ ]*\).*/\1/p' | head -n 1; }
job_is() { [[ $(job_state "$1") == "$2" ]]; }
job_over() { [[ ! $(squeue -h -j "$1" 2>/dev/null) ]]; }

# Submits as alice and waits for the end of the job; its id goes to $job and
# its output to $output.
run_sbatch() {
	job=$(alice sbatch --parsable --output=/home/alice/out.%j "$@") || return
	job=${job%%;*}
	await job_over "$job" || return
	output=$(cat "/home/alice/out.$job") || return
	mapfile -t lines <<<"$output"
	rm -f "/home/alice/out.$job"
}

# The last job that the controller has seen.
last_job() { sed -n 's/^.*JobId=\([0-9]*\).*/\1/p' <(scontrol show job 2>/dev/null) | sort -n | tail -n 1; }

# The pids of the image servers, of the davit processes, of a user's.
image_servers() { pgrep -x davit-image || true; }

# The rings of the image server $1, and the bytes of their buffers: one of 132 KiB for each CPU of the node.
server_rings() { find "/proc/$1/fd" -lname 'anon_inode:*io_uring*' | wc -l; }
server_ring_bytes() {
	(($(server_rings "$1") > 0)) && echo $(($(getconf _NPROCESSORS_CONF) * 132 * 1024)) || echo 0
}

# A user namespace with all ids in it, below which the kernel counts namespaces
# anew: userns_limit sets how many may be made in it.
userns_begin() {
	local map

	unshare --user sleep 60 3>&- &
	userns_holder=$!
	while [[ $(readlink "/proc/$userns_holder/ns/user") == "$(readlink /proc/self/ns/user)" ]]; do
		:
	done
	for map in uid_map gid_map; do
		echo '0 0 4294967295' >"/proc/$userns_holder/$map"
	done
}
userns_enter() {
	if [[ $1 == alice ]]; then
		shift
		as_prefix=(nsenter --target "$userns_holder" --user --setuid 0 --setgid 0)
		alice "$@"
		return
	fi
	nsenter --target "$userns_holder" --user --setuid 0 --setgid 0 "$@" 3>&-
}
# shellcheck disable=SC2016 # expanded by the inner shell
userns_limit() { userns_enter bash -c 'echo $1 >/proc/sys/user/max_user_namespaces' - "$1"; }
userns_end() { kill "$userns_holder"; }

# ---- asserting -----------------------------------------------------------

complain() {
	printf '%s\n' "$@"
	printf -- '--- status %s\n--- stdout\n%s\n--- stderr\n%s\n---\n' \
	    "${status-}" "${output-}" "${stderr-}"
	return 1
}

assert_status() { ((status == $1)) || complain "exit code $status, not $1"; }
assert_output() { [[ $output == "$1" ]] || complain "stdout is not '$1'"; }
assert_match() { [[ $output =~ $1 ]] || complain "stdout does not match '$1'"; }
assert_stderr() { [[ $stderr =~ $1 ]] || complain "stderr does not match '$1'"; }
assert_quiet() { [[ ! $stderr ]] || complain 'there is something on stderr'; }
assert_equal() { [[ $1 == "$2" ]] || complain "'$1' is not '$2'"; }

# A signal to a step of two ranks with srun's options $@ reaches each command once.
assert_signalled_once() {
	begin srun -n2 "$@" sh -c \
	    'trap "echo got it; exit 7" USR1; echo up; while :; do sleep 0.1; done'
	await_output up 2
	scancel -s USR1 "$(job_now).0"
	finish
	assert_status 7
	assert_equal "$(grep -c 'got it' <<<"$output")" 2
	assert_no_davit_line
}

assert_success() {
	assert_status 0
	assert_no_davit_line
}

# Not a word of ours.
assert_no_davit_line() {
	[[ ! $stderr =~ (^|$'\n')[^$'\n']*davit:\  ]] || complain 'Davit complains'
}

# On stderr $1 lines are exactly $2.
assert_lines() {
	local n

	n=$(grep -cxF -- "$2" <<<"$stderr" || true)
	((n == $1)) || complain "$n times, not $1, on stderr: $2"
}

# What a failure looks like to the user: on every node in $1 ('n1 n2', or 'n?'
# for whichever node the step was on) the cause $2 and the remedy $3 ('' if
# there is none), each once and nothing else of ours. * in $2 and $3 stands for
# anything.
assert_failure() {
	local node lines mine=0 want=0 line

	mapfile -t lines < <(grep 'davit: ' <<<"$stderr")
	set -f
	for node in $1; do
		for line in "davit: $node: $2" ${3:+"davit: $node: try: $3"}; do
			want=$((want + 1))
			mine=$((mine + $(count_like "$line")))
		done
	done
	set +f
	((mine == want)) || complain "not once per node ($1):" "davit: $1: $2" "try: $3"
	((${#lines[@]} == want)) || complain "${#lines[@]} lines of Davit's, not $want"
}

# How many of $lines look like $1.
count_like() {
	local line n=0

	for line in "${lines[@]}"; do
		# shellcheck disable=SC2053 # a pattern
		[[ $line != $1 ]] || n=$((n + 1))
	done
	echo $n
}

# What srun, sbatch and salloc refuse by themselves: before a job exists.
assert_refused() {
	local command=$1

	((status != 0)) || complain 'not refused'
	[[ $stderr == *"$command: error: davit: $(hostname -s): $2"* ]] ||
	    complain "no such cause: $2"
	[[ ! ${3-} || $stderr == *"davit: $(hostname -s): try: $3"* ]] ||
	    complain "no such remedy: $3"
	[[ ! $stderr =~ allocat|Submitted ]] || complain 'not refused at once'
}

skip_before() { ((slurm >= $1)) || skip "Slurm $slurm has no $2"; }

# ---- around each test ----------------------------------------------------

setup() { leftovers_note; }
teardown() { leftovers_assert; }
