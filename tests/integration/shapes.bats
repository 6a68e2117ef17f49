# SPDX-License-Identifier: BSD-3-Clause
# shapes.bats - all the ways in which Slurm starts steps

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

# A script of alice's.
job_script() { cat >/home/alice/job; chmod 755 /home/alice/job; }

teardown() {
	rm -f /home/alice/job /home/alice/slurm-*.out /home/alice/out.*
	leftovers_assert
}

@test 'sbatch --container: the script runs inside' {
	job_script <<-'END'
	#!/bin/sh
	cat /etc/image
	id -un
	pwd
	test -e /run/davit-test/images && echo host
	echo "$0 $SLURM_JOB_ID $SLURM_NTASKS $*"
	exit 5
	END
	run_sbatch -n2 --container="$SMALL" job one two
	assert_equal "$(head -n 3 <<<"$output" | xargs)" 'small alice /home/alice'
	assert_match " $job 2 one two\$"
	[[ $output != *host* ]] || complain 'it ran on the host'
	assert_equal "$(scontrol show job "$job" | grep -o 'ExitCode=[^ ]*')" ExitCode=5:0
}

@test 'sbatch --container-image and --wrap' {
	run_sbatch --container-image="$SMALL" --wrap 'cat /etc/image'
	assert_equal "$output" small
}

@test 'sbatch --container: the environment arrives' {
	run_sbatch --export=ALL,COLOUR=blue --container="$SMALL" --wrap \
	    'echo $COLOUR $SLURM_JOB_NAME; env | grep -v ^DAVIT_IMAGE= | grep -c ^DAVIT; ls /proc/self/fd | xargs'
	assert_equal "${lines[0]}" 'blue wrap'
	assert_equal "${lines[1]}" 0
}

@test 'sbatch --container: an interpreter that the image lacks is told' {
	job_script <<<$'#!/usr/bin/perl\nprint "alive"'
	run_sbatch --container="$SMALL" job
	assert_match "davit: n[12]: cannot execute .*: its interpreter '/usr/bin/perl' is not in the container"
	[[ $output != *alive ]]
}

@test 'sbatch --container with a missing image says so in the output file' {
	run_sbatch --container=/no/such.sqfs --wrap 'echo alive'
	assert_match "^davit: n[12]: no image '/no/such.sqfs' on this node"
	assert_equal "$(grep -c 'davit: ' <<<"$output")" 2
	assert_equal "$(scontrol show job "$job" | grep -o 'ExitCode=[^ ]*')" ExitCode=125:0
}

@test 'sbatch plain, srun --container in it, on two nodes' {
	job_script <<-END
	#!/bin/bash
	srun --container=$SMALL sh -c 'echo \$SLURMD_NODENAME \$(cat /etc/image)'
	END
	run_sbatch -N2 -n4 --ntasks-per-node=2 job
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '2 n1 small 2 n2 small'
}

@test 'salloc and srun' {
	run_alice salloc -Q -N2 -n2 srun --container="$SMALL" cat /etc/image
	assert_status 0
	assert_output $'small\nsmall'
}

@test 'salloc with an interactive step' {
	type_into "HISTFILE= salloc -Q -N1 --container=$GLIBC" 'cat /etc/image; stty size; tty; exit 3'
	assert_match $'\nglibc\n'
	assert_match $'\n33 77\n'
	assert_status 3
}

@test 'salloc plain with an interactive step, srun --container in it' {
	type_into 'HISTFILE= salloc -Q -n2' "srun -n2 --container=$SMALL cat /etc/image; exit 0"
	assert_equal "$(grep -c '^small$' <<<"$output")" 2
}

@test '--pty: a terminal, its name, its size' {
	type_into "srun -Q --pty --container=$GLIBC bash -c 'tty; test -t 0 -a -t 1 -a -t 2 && echo three; stty size; echo works >\$(tty); echo also >/dev/tty'"
	assert_status 0
	assert_match '/dev/(console|pts/)'
	assert_match three
	assert_match '33 77'
	assert_match works
	assert_match also
}

@test '--pty: input, job control and exit code' {
	type_into "HISTFILE= srun -Q --pty --container=$GLIBC bash --norc -i" 'echo $((6 * 7))' 'sleep 100 & kill %1; wait; cat /etc/image; exit 4'
	assert_status 4
	assert_match $'\n42\n'
	assert_match $'\nglibc\n'
	[[ $output != *'no job control'* ]] || complain 'no job control'
}

@test '--pty: ^C interrupts the application, not the container' {
	type_into "srun -Q --pty --container=$GLIBC bash -c 'trap \"echo caught\" INT; echo up; kill -INT \$\$; echo on'"
	assert_match caught
	assert_match on
}

@test 'job arrays' {
	job_script <<<$'#!/bin/sh\necho $SLURM_ARRAY_TASK_ID $(cat /etc/image)'
	job=$(alice sbatch --parsable --array=1-3 --output=/home/alice/out.%a --container="$SMALL" job)
	await job_over "$job"
	assert_equal "$(cat /home/alice/out.[123] | xargs)" '1 small 2 small 3 small'
}

@test '--multi-prog' {
	printf '0 cat /etc/image\n1-2 echo rank %%t of %%o\n' >/home/alice/job
	run_srun -n3 --multi-prog --container="$SMALL" /home/alice/job
	if ((slurm < 2311)); then
		assert_refused srun '--container and --multi-prog do not go together before Slurm 23.11' \
		    "a script inside the container that looks at \$SLURM_PROCID"
		run_srun -n3 --multi-prog --container-image="$SMALL" /home/alice/job
		assert_refused srun '--container and --multi-prog do not go together'
	else
		assert_success
		assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '1 rank 1 of 0 1 rank 2 of 1 1 small'
	fi
}

@test '--multi-prog without a container' {
	printf '0 echo a\n1 echo b\n' >/home/alice/job
	run_srun -n2 --multi-prog /home/alice/job
	assert_success
	assert_equal "$(sort <<<"$output")" $'a\nb'
}

@test 'several steps at once, with and without --overlap' {
	job_script <<-END
	#!/bin/bash
	for i in 1 2 3 4; do
		srun -n1 --exact --container=$SMALL sh -c 'echo small \$(cat /etc/image)' &
	done
	for i in 1 2 3 4; do
		srun -n1 --overlap --container=$OTHER sh -c 'echo other \$(cat /etc/image)' &
	done
	wait
	END
	run_sbatch -n4 job
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '4 other other 4 small small'
}

@test 'a second step in a running job: --overlap --jobid' {
	begin srun -n1 --container="$SMALL" sh -c 'echo up; sleep 2; cat /etc/image'
	await_output up
	run_srun --jobid="$(job_now)" --overlap --container="$OTHER" cat /etc/image
	assert_success
	assert_output other
	finish
	assert_output $'up\nsmall'
}

@test '--kill-on-bad-exit' {
	local start=$SECONDS

	run_srun -n4 -K --container="$SMALL" sh -c '[ $SLURM_PROCID = 0 ] && exit 3; sleep 60'
	((SECONDS - start < 20))
	((status != 0))
	assert_stderr 'task 0: Exited with exit code 3'
	[[ $stderr != *'davit: '* ]] || complain 'Davit complains'
}

@test 'scancel of a job' {
	begin srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" sh -c 'echo up; sleep 60'
	await_output up 4
	scancel "$(job_now)"
	finish
	((status != 0))
	[[ $stderr != *'davit: '* ]] || complain 'Davit complains'
}

@test 'scancel of a batch job' {
	job=$(alice sbatch --parsable --container="$SMALL" --wrap 'echo up; sleep 60; echo not reached')
	await grep -q up "/home/alice/slurm-$job.out"
	scancel "$job"
	await job_over "$job"
	[[ $(<"/home/alice/slurm-$job.out") != *'davit: '* ]]
}

@test 'scancel of a step that is being set up' {
	local i

	for i in 1 3 5; do
		begin srun -n4 --container="$SMALL" sleep 60
		await job_any
		sleep 0.0$i
		scancel "$(job_now)"
		finish
		# srun of 24.11 can forget the code, without Davit, too (4 of 30)
		((status != 0)) || [[ $stderr == *'Timed out waiting for job step'* ]] ||
		    complain 'it has ended well'
		await job_none
	done
}

@test 'the time limit' {
	# Slurm counts in minutes; the controller may end a job earlier.
	LIMIT=100 begin srun -t 1 --container="$SMALL" sh -c 'echo up; sleep 120'
	await_output up
	scontrol update job "$(job_now)" EndTime=now
	finish
	((status != 0))
	assert_stderr 'TIME LIMIT|CANCELLED'
	[[ $stderr != *'davit: '* ]] || complain 'Davit complains'
}

@test 'a step that its user suspends and resumes' {
	begin srun --container="$SMALL" sh -c 'echo up; sleep 1; cat /etc/image'
	await_output up
	scontrol suspend "$(job_now)"
	sleep 0.3
	scontrol resume "$(job_now)"
	finish
	assert_success
	assert_output $'up\nsmall'
}

@test 'a failed step leaves the job free for the next' {
	run_alice salloc -Q -n2 bash -c "srun --container=/no/such.sqfs true; srun --container=$SMALL cat /etc/image"
	assert_status 0
	assert_output $'small\nsmall'
}

@test '--mpi=pmi2' {
	run_srun -n2 --mpi=pmi2 --container="$SMALL" sh -c 'test -n "$PMI_FD" -a -e /proc/self/fd/$PMI_FD && echo $PMI_RANK'
	assert_success
	assert_equal "$(sort <<<"$output")" $'0\n1'
}

@test '--mpi=pmix' {
	if [[ $(srun --mpi=list 2>&1) != *pmix* ]]; then
		skip 'this Slurm is built without PMIx'
	fi
	run_srun -n2 --mpi=pmix --container="$SMALL" sh -c \
	    'cat /etc/image; echo $PMIX_RANK; ls -d "$PMIX_SERVER_TMPDIR" >/dev/null && echo reachable'
	assert_success
	assert_equal "$(sort <<<"$output" | xargs)" '0 1 reachable reachable small small'
}

@test 'many ranks' {
	run_srun -N2 -n16 --ntasks-per-node=8 --container="$SMALL" cat /etc/image
	assert_success
	assert_quiet
	assert_equal "$(uniq -c <<<"$output" | xargs)" '16 small'
}

@test 'many ranks on one node, overcommitted' {
	run_srun -N1 -n64 -O --container="$SMALL" cat /etc/image
	assert_success
	assert_quiet
	assert_equal "$(uniq -c <<<"$output" | xargs)" '64 small'
}
