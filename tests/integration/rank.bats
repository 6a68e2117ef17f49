# SPDX-License-Identifier: BSD-3-Clause
# rank.bats - the rank is the application: pid, signals, exit code, stdio, limits

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

@test 'the pid is the one that Slurm started' {
	run_srun -n4 --container="$SMALL" sh -c 'echo $$ $SLURM_TASK_PID $(tr "\0" " " </proc/$$/cmdline | cut -c 1-5)'
	assert_success
	assert_equal "$(wc -l <<<"$output")" 4
	assert_equal "$(awk '$1 == $2 { print $3, $4 }' <<<"$output" | uniq -c | xargs)" '4 sh -c'
}

@test 'the command replaces the launcher: no davit process but the image server' {
	begin srun --container="$SMALL" sh -c 'echo up; sleep 2'
	await_output up
	! pgrep -x davit || complain 'a launcher is left'
	finish
	assert_success
}

@test 'arguments and environment arrive as they are' {
	local odd=$'a b\n"c" \\ $HOME *'

	run_alice env ODD="$odd" srun --container="$SMALL" sh -c \
	    'printf "<%s>" "$@" "$ODD"; env | grep -v "^DAVIT_IMAGE=" | grep -c "^DAVIT"' x "$odd" '' -- --help
	assert_equal "$output" "<$odd><><--><--help><$odd>0"
}

@test 'exit codes' {
	local code

	for code in 0 1 3 42 125 126 127 200 255; do
		run_srun --container="$SMALL" sh -c "exit $code"
		assert_status $code
		assert_no_davit_line
	done
}

@test 'ranks may end one after another, each with an exit code of its own' {
	run_srun -N2 -n8 --ntasks-per-node=4 --container="$SMALL" sh -c \
	    'sleep 0.$SLURM_PROCID; exit $SLURM_PROCID'
	assert_status 7
	assert_no_davit_line
	assert_stderr 'n1: task 3: Exited with exit code 3'
	assert_stderr 'n2: task 7: Exited with exit code 7'
}

@test 'a rank killed by a signal' {
	run_srun --container="$SMALL" sh -c 'kill -KILL $$'
	assert_status 137
	assert_no_davit_line
	assert_stderr Killed
	run_srun --container="$SMALL" sh -c 'kill -SEGV $$'
	assert_status 139
	assert_no_davit_line
	assert_stderr 'Segmentation fault'
}

@test 'signals reach the application' {
	assert_signalled_once --container="$SMALL"
}

@test 'signals are neither blocked nor ignored' {
	local here

	here=$(alice srun grep -E '^Sig(Blk|Ign)' /proc/self/status)
	run_srun --container="$SMALL" grep -E '^Sig(Blk|Ign)' /proc/self/status
	assert_success
	assert_output "$here"
}

@test 'standard input comes through' {
	capture alice srun --container="$SMALL" md5sum < <(seq 20000)
	assert_success
	assert_output "$(seq 20000 | md5sum)"
}

@test 'standard input goes to the rank that --input names' {
	capture alice srun -n3 --input=1 -l --container="$SMALL" cat <<<hello
	assert_success
	assert_output '1: hello'
}

@test 'standard output and error stay apart' {
	run_srun --container="$SMALL" sh -c 'echo out; echo err >&2'
	assert_success
	assert_output out
	assert_equal "$stderr" err
}

@test '--label and --output' {
	run_srun -n2 --label --container="$SMALL" sh -c 'echo rank $SLURM_PROCID'
	assert_equal "$(sort <<<"$output")" $'0: rank 0\n1: rank 1'
	run_srun -n2 --output='/home/alice/o.%t' --container="$SMALL" sh -c 'echo rank $SLURM_PROCID'
	assert_equal "$(cat /home/alice/o.0 /home/alice/o.1)" $'rank 0\nrank 1'
	rm /home/alice/o.?
}

@test 'no descriptor of ours reaches the application' {
	local bare

	bare=$(alice srun bash -c 'ls /proc/self/fd | xargs')
	run_srun --container="$GLIBC" bash -c 'echo $(ls /proc/self/fd)'
	assert_output "$bare"
}

@test 'limits are kept' {
	run_alice bash -c "ulimit -Sn 321; ulimit -Sc 0; ulimit -Sv 8000000; ulimit -Ss 4096
	    srun --container=$SMALL sh -c 'ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Sv; ulimit -Ss'"
	assert_success
	assert_output "$(alice bash -c "ulimit -Sn 321; ulimit -Sc 0; ulimit -Sv 8000000; ulimit -Ss 4096
	    srun bash -c 'ulimit -Sn; ulimit -Hn; ulimit -Sc; ulimit -Sv; ulimit -Ss'")"
	assert_match '^321'
}

@test 'umask and priority are kept' {
	run_alice bash -c "umask 027; srun --container=$SMALL sh -c umask"
	assert_output 0027
}

@test 'the image server survives a tight limit on CPU time and memory of the ranks' {
	run_alice bash -c "ulimit -St 1; ulimit -Sv 100000; srun --container=$SMALL \
	    sh -c 'cat /bin/busybox /opt/test/* | md5sum >/dev/null; echo fine'"
	assert_success
	assert_output fine
}

@test 'rank and image server are in the cgroup of the step' {
	begin srun --container="$SMALL" sh -c 'cat /proc/self/cgroup; echo up; sleep 2'
	await_output up
	assert_equal "$(cat "/proc/$(image_servers)/cgroup")" \
	    "$(grep -v '^up$' "$BATS_TEST_TMPDIR/begun.out")"
	finish
	assert_success
}

@test 'TaskProlog runs on the host, before the container' {
	run_srun --container="$SMALL" sh -c 'echo $TASK_PROLOG_RAN_IN'
	assert_success
	assert_output host
}
