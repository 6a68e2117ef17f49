# SPDX-License-Identifier: BSD-3-Clause
# enter.bats - davit ps and davit enter: what runs on the node, and getting in
#
# All nodes of the test cluster are this machine: davit ps lists the containers
# of all of them. Davit enter prefers those of its own node where it knows that,
# that is, in a step.

# Variables come from common.bash; scripts in single quotes are for the container.
# A test is a function to bash, a subshell to shellcheck.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)

# What davit ps shows to user $1, with one blank between the columns.
ps_of() {
	if [[ $1 == root ]]; then "$DAVIT" ps -n; else as "$1" "$DAVIT" ps -n; fi | tr -s ' '
}
ps_shows() { ps_of "$1" | grep -qE -- "$2"; }

# Starts a job whose batch script is $1 and waits until davit ps has $2 lines of
# it. Its id goes to $job.
start_job() {
	job=$(alice sbatch --parsable -o /dev/null "${@:3}" --wrap "$1") || return
	await lines_of_job "$2"
}
lines_of_job() { (($(ps_of alice | grep -c "^alice $job ") == $1)); }
stop_job() {
	scancel "$job"
	await job_over "$job"
}

run_enter() { run_alice "$DAVIT" enter "$@"; }

# ---- davit ps --------------------------------------------------------------

@test 'ps: ranks, batch scripts and davit run, each to its user' {
	start_job 'sleep 30' 1 --container="$GLIBC" -N1 -n2
	alice srun -n2 --overlap --jobid="$job" --container="$SMALL" sleep 30 &
	begin "$DAVIT" run "$SMALL" sleep 30
	await ps_shows alice '^alice - - 1 1 '
	await ps_shows alice "^alice $job 0 2 2 "
	run_alice "$DAVIT" ps
	assert_success
	assert_match "^USER +JOB +STEP +RANKS +PROCS +MEMORY +SERVED +NAME +IMAGE"
	assert_match "alice +- +- +1 +1 +[0-9.]+[KM] +[0-9.]+[KM] +- +$SMALL"
	assert_match "alice +$job +0 +2 +2 +[0-9.]+[KM] +[0-9.]+[KM] +- +$SMALL"
	assert_match "alice +$job +batch +1 +[0-9]+ +[0-9.]+[KM] +[0-9.]+[KM] +- +$GLIBC"
	assert_equal "${#lines[@]}" 4
	# the columns are aligned
	assert_equal "${#lines[0]}" "$((${#lines[1]} - ${#SMALL} + 5))"
	capture "$DAVIT" ps
	assert_equal "${#lines[@]}" 4
	capture as bob "$DAVIT" ps
	assert_success
	assert_equal "${#lines[@]}" 1
	stop_job
	alice pkill -x sleep
	finish
	wait
	run_alice "$DAVIT" ps --no-header
	assert_success
	assert_output ''
}

@test 'ps: the bytes that the image server has sent' {
	start_job "srun --container=$GLIBC sleep 30" 1
	served() { alice "$DAVIT" ps -n --bytes | awk '{ print $7 }'; }
	before=$(served)
	run_enter "$job" cat /bin/bash
	assert_success
	size=${#output}
	((before > 0 && $(served) >= before + size / 2)) || complain "from $before to $(served)"
	stop_job
}

@test 'ps: processes without their environment, and sandboxes' {
	start_job "srun --container=$SMALL --container-security=seccomp:allow:namespaces,seccomp:allow:mount \
	    sh -c 'sleep 31 & env -i sleep 32 & unshare -Urm sleep 33 & wait'" 1
	await ps_shows alice "^alice $job 0 1 4 "
	stop_job
	start_job "srun --container=$SMALL env -i /bin/sleep 34" 1
	await ps_shows alice "^alice $job 0 - 1 .* $SMALL\$"
	run_enter "$job" cat /etc/image
	assert_output small
	stop_job
}

@test 'ps: what users write into their environment forges nothing' {
	start_job "srun --container=$SMALL env DAVIT_NAME=\"\$(printf 'a\nroot 1\033[31m')\" \
	    SLURM_JOB_ID=1 SLURM_STEP_ID=77 SLURM_PROCID=x sleep 35" 1
	await ps_shows root "^alice $job 0 1 1 .* a\\?root 1\\?\\[31m $SMALL\$" || complain "$(ps_of root)"
	assert_equal "$(ps_of root | wc -l)" 1
	stop_job
	# on the node, with a container's environment: no container
	alice env DAVIT_IMAGE="$SMALL" sleep 36 &
	await pgrep -u alice -x sleep
	assert_equal "$(ps_of root)" ''
	alice pkill -x sleep
	wait
}

@test 'ps: containers come and go meanwhile' {
	begin bash -c "for i in {1..8}; do srun -n4 -N1 --container=$SMALL sh -c 'sleep 0.1; sleep 0.1'; done; echo ended"
	until grep -q ended "$BATS_TEST_TMPDIR/begun.out"; do
		run_alice "$DAVIT" ps -n
		assert_success
		assert_quiet
		[[ ! $output ]] || assert_match "^alice +[0-9]+ +0 +[-1-4] +[1-8] +[0-9.]+[KM]? +[-0-9.]+[KM]? +- +$SMALL\$"
	done
	finish
	assert_success
}

@test 'ps: bad command lines' {
	run_alice "$DAVIT" ps --float
	assert_status 125
	assert_failure "$host" "unknown option '--float'" 'davit ps --help'
	run_alice "$DAVIT" ps 7
	assert_status 125
	assert_failure "$host" "davit ps takes no argument '7'" 'davit ps --help'
	run_alice "$DAVIT" ps --help
	assert_status 0
	assert_match '^Usage: davit ps'
	run_alice bash -c "$DAVIT ps >/dev/full"
	assert_status 125
	assert_failure "$host" 'cannot write the list: No space left on device' ''
}

# ---- davit enter -----------------------------------------------------------

@test 'enter: the same container, without privilege' {
	start_job "MARK=1 srun --container=$GLIBC --container-workdir=/etc sleep 30" 1
	rank=$(pgrep -x sleep)
	run_enter "$job" bash -c 'echo $MARK $SLURM_PROCID $DAVIT_ENTERED; pwd; cat image; id; cat /proc/self/status
	    readlink /proc/self/ns/mnt /proc/self/ns/user'
	assert_success
	assert_quiet
	assert_equal "${lines[0]}" '1 0 1'
	assert_equal "${lines[1]}" /etc
	assert_equal "${lines[2]}" glibc
	assert_equal "${lines[3]}" "$(as alice id)"
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		assert_match "$set:"$'\t'0000000000000000
	done
	assert_match 'NoNewPrivs:'$'\t'1
	assert_equal "${lines[-2]}" "$(readlink "/proc/$rank/ns/mnt")"
	assert_equal "${lines[-1]}" "$(readlink "/proc/$rank/ns/user")"
	stop_job
}

@test 'enter: arguments, exit codes and signals' {
	start_job "srun --container=$SMALL sleep 30" 1
	run_enter "$job.0" -- echo -- "it's" '$HOME' --help
	assert_success
	assert_output "-- it's \$HOME --help"
	for code in 0 1 125 255; do
		run_enter "$job" sh -c "exit $code"
		assert_status $code
		assert_quiet
	done
	run_enter "$job" sh -c 'kill -TERM $$'
	assert_status 143
	run_enter "$job" nonesuch
	assert_status 127
	assert_failure "$host" "command 'nonesuch' not found in the container: PATH=*" '*'
	run_enter "$job" /etc
	assert_status 126
	assert_failure "$host" "cannot execute '/etc': it is a directory" ''
	capture alice bash -c "echo text | $DAVIT enter $job cat"
	assert_output text
	run_alice bash -c "$DAVIT enter $job sh -c 'sleep 0.2; echo \$\$' & echo \$!; wait"
	assert_equal "${lines[0]}" "${lines[1]}"
	stop_job
}

@test 'enter: which step' {
	start_job 'sleep 30' 1 --container="$GLIBC"
	for option in --container="$SMALL" --container="$OTHER" --quiet; do
		alice srun --overlap --jobid="$job" "$option" sleep 30 &
	done
	await bash -c '(($(pgrep -cu alice -x sleep) == 4))'
	await lines_of_job 3
	run_enter "$job" true
	assert_status 125
	assert_failure "$host" "several steps of job '$job' have containers on this node" \
	    "one of $job.?, $job.?, $job.batch"
	run_enter "$job.batch" cat /etc/image
	assert_output glibc
	declare -A seen=()
	for step in 0 1 2; do
		run_enter "$job.$step" cat /etc/image
		[[ ! $stderr ]] || assert_failure "$host" "job '$job.$step' runs on this node, but not in a container" \
		    'srun --container=IMAGE starts a step in one'
		seen[${output:-none}]=1
	done
	assert_equal "$(printf '%s\n' "${!seen[@]}" | sort | xargs)" 'none other small'
	stop_job
	wait
}

@test 'enter: a batch script that was submitted from a step' {
	job=$(alice srun --quiet sbatch --parsable -o /dev/null --container="$SMALL" --wrap 'sleep 30')
	await ps_shows alice "^alice $job batch "
	run_enter "$job.batch" sh -c 'echo $SLURM_JOB_ID'
	assert_output "$job"
	stop_job
}

@test 'enter: from a step of the job, on the right node, and no step of its own' {
	start_job "srun --container=$SMALL -N2 -n2 sleep 30" 2 -N2
	for node in n1 n2; do
		run_srun --quiet --overlap --jobid="$job" -N1 -w $node "$DAVIT" enter "$job" \
		    sh -c 'echo $SLURMD_NODENAME; cat /etc/image'
		assert_success
		assert_output "$node"$'\nsmall'
	done
	begin srun --quiet --overlap --jobid="$job" -N1 -w n1 "$DAVIT" enter "$job" sleep 37
	await ps_shows alice "^alice $job 0 1 2 "
	run_enter "$job" true
	assert_success
	stop_job
	finish
}

@test 'enter: as root inside, if the ranks are' {
	start_job "srun --container=$SMALL --container-remap-root --container-writable sleep 30" 1
	rank=$(pgrep -x sleep)
	run_enter "$job" sh -c 'id -u; touch /new; chown 33:33 /new && cat /proc/self/status'
	assert_success
	assert_quiet
	assert_equal "${lines[0]}" 0
	for field in CapPrm CapEff CapBnd NoNewPrivs Seccomp_filters; do
		assert_match "$(grep "^$field:" "/proc/$rank/status")"
	done
	stop_job
}

@test 'enter: a container with namespaces by choice' {
	start_job "srun --container=$SMALL --container-unshare=net,ipc,uts,pid sleep 30" 1
	rank=$(pgrep -x sleep)
	ps_shows alice "^alice $job 0 1 1 " || complain "$(ps_of alice)"
	run_enter "$job" sh -c 'echo $$; for ns in net ipc uts pid; do readlink /proc/self/ns/$ns; done; exit 7'
	assert_status 7
	assert_quiet
	((lines[0] < 100)) || complain 'not a pid of its own namespace'
	assert_equal "$(tail -n +2 <<<"$output")" \
	    "$(readlink "/proc/$rank"/ns/{net,ipc,uts,pid})"
	run_enter "$job" sh -c 'kill -TERM $$'
	assert_status 143
	# who ends the command from outside ends it, and nothing else
	begin "$DAVIT" enter "$job" sleep 39
	await ps_shows alice "^alice $job 0 1 2 "
	pkill -TERM -u alice -f 'enter|davit: guard' -n
	finish
	assert_status 143
	await ps_shows alice "^alice $job 0 1 1 "
	stop_job
}

@test 'enter: a directory as image, and a name' {
	start_job "srun --container=$DAVIT_WORK/trees/small --container-name=lab sleep 30" 1
	ps_shows alice "^alice $job 0 1 1 [0-9.]+[KM] [-0-9] lab $DAVIT_WORK/trees/small\$" || complain "$(ps_of alice)"
	# another step in the same container is no reason to ask which
	alice srun --overlap --jobid="$job" --container-name=lab:exec sleep 30 &
	await lines_of_job 2
	for step in "$job" "$job.0" "$job.1"; do
		run_enter "$step" sh -c 'cat /etc/image; echo $DAVIT_NAME'
		assert_success
		assert_output "$(<"$DAVIT_WORK/trees/small/etc/image")"$'\nlab'
	done
	stop_job
	wait
}

@test 'enter: a shell on a terminal' {
	start_job "srun --container=$GLIBC sleep 30" 1
	capture alice script -qec "stty rows 33 cols 101; TERM=vt52 srun --quiet --overlap --jobid=$job --pty \
	    $DAVIT enter $job" /dev/null <<<$'unset HISTFILE; echo "T=$TERM $- $(stty size)"; cat /etc/image\nsleep 38 &\nkill %1\nexit 7\n'
	assert_status 7
	assert_match $'\nT=vt52 [a-zA-Z]*i[a-zA-Z]* 33 101'
	[[ $output != *'no job control'* ]] || complain 'no job control'
	run_alice bash -c "echo 'echo \$0; cat /etc/image' | TERM=vt52 $DAVIT enter $job"
	assert_success
	assert_output $'/bin/bash\nglibc'
	stop_job
	start_job "srun --container=$SMALL sleep 30" 1
	run_alice bash -c "echo 'echo \$0' | $DAVIT enter $job"
	assert_output /bin/sh
	stop_job
}

@test 'enter: an image without a shell' {
	mkdir -p "$BATS_TEST_TMPDIR/tree"/{dev,etc,home,proc,sys,tmp}
	cp "$(command -v busybox)" "$BATS_TEST_TMPDIR/tree/sleep"
	mksquashfs "$BATS_TEST_TMPDIR/tree" /run/davit-test/noshell.sqfs -noappend -quiet -no-progress >/dev/null
	start_job 'srun --container=/run/davit-test/noshell.sqfs /sleep 30' 1
	run_enter "$job"
	assert_status 127
	assert_failure "$host" "the image has no shell, neither '/bin/bash' nor '/bin/sh'" \
	    "davit enter $job COMMAND, a program that the image has"
	run_enter "$job" /sleep 0
	assert_success
	stop_job
	rm /run/davit-test/noshell.sqfs
}

@test 'enter: what cannot be entered' {
	start_job "srun --container=$SMALL sleep 30" 1
	run_enter 4000000
	assert_status 125
	assert_failure "$host" "no container of job '4000000' runs on this node" \
	    'davit ps, for those of this node; srun --overlap --jobid=4000000 --pty davit enter 4000000'
	run_enter "$job.9"
	assert_status 125
	assert_failure "$host" "no container of job '$job.9' runs on this node" '*'
	capture as bob "$DAVIT" enter "$job" true
	assert_status 125
	assert_failure "$host" "job '$job' is not yours" 'davit ps, for those that are'
	capture "$DAVIT" enter "$job" true
	assert_status 125
	assert_failure "$host" "job '$job' is not yours" "davit enter as the job's user"
	run_davit --mounts="$DAVIT_PREFIX" "$GLIBC" "$DAVIT" enter "$job"
	assert_status 125
	assert_failure "$host" "job '$job' cannot be found from inside a container" \
	    'davit enter outside of any container'
	stop_job
	start_job "srun sleep 30" 0
	await pgrep -u alice -x sleep
	run_enter "$job"
	assert_status 125
	assert_failure "$host" "job '$job' runs on this node, but not in a container" \
	    'srun --container=IMAGE starts a step in one'
	stop_job
}

@test 'enter: bad command lines' {
	run_enter
	assert_status 125
	assert_failure "$host" 'no job given' 'davit enter --help'
	for bad in '' x 0 -1 7. .7 7.x 7.4294967295 99999999999 $'7\n'; do
		run_enter "$bad" true
		assert_status 125
		assert_failure "$host" "'${bad//$'\n'/\?}' is not JOBID\[.STEP\]" 'davit enter --help'
	done
	for help in -h --help; do
		run_enter $help
		assert_status 0
		assert_match '^Usage: davit enter JOBID'
	done
}
