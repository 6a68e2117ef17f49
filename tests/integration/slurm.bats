# SPDX-License-Identifier: BSD-3-Clause
# slurm.bats - Slurm's client commands in a container: --container-slurm

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

inside=(--container="$SMALL" --container-slurm)

job_script() { cat >/home/alice/job; chmod 755 /home/alice/job; }

# Runs a batch script, from standard input, in a container with Slurm's
# commands; its exit code goes to $status.
run_job() {
	job_script
	run_sbatch "${inside[@]}" "$@" job || return
	status=$(scontrol show job "$job" | sed -n 's/.*ExitCode=\([0-9]*\):.*/\1/p')
}

# A squeue of alice's, first on her PATH, that shows what it is run with.
fake_squeue() {
	install -d -o alice /home/alice/fake
	install -m 755 /dev/stdin /home/alice/fake/squeue
}
run_fake() {
	run_alice env PATH=/home/alice/fake:/usr/bin:/bin srun "${inside[@]}" "$@"
}

services() { pgrep -x davit-slurm || true; }
step_runs() { (($(squeue -h -s -o %i | grep -c '\.[0-9]*$') > 1)); }
no_jobs() { [[ ! $(squeue -h) ]]; }
no_services() { [[ ! $(services) ]]; }

teardown() {
	rm -rf /home/alice/{job,fake,out.*,slurm-*.out}
	leftovers_assert
}

@test 'off by default' {
	run_srun --container="$SMALL" sh -c 'ls -d /dev/davit /usr/bin/srun; squeue'
	assert_status 127
	assert_stderr 'squeue: not found'
	assert_output ''
}

@test 'queries in a batch script, whatever C library the image has' {
	local image

	for image in "$SMALL" "$GLIBC"; do
		job_script <<-'END'
		#!/bin/sh
		squeue -h -j $SLURM_JOB_ID -o %i:%u
		sinfo -h -N -n n1 -o %N
		scontrol show job $SLURM_JOB_ID | grep -o "JobId=$SLURM_JOB_ID"
		scontrol show hostnames 'n[1-3]'
		END
		run_sbatch --container="$image" --container-slurm job
		assert_equal "$output" "$job:alice"$'\n'n1$'\n'"JobId=$job"$'\nn1\nn2\nn3'
	done
}

@test 'srun in a container: the ranks are in one, too' {
	run_job -n2 <<-END
	#!/bin/sh
	srun -n2 sh -c 'echo \$SLURM_PROCID \$(cat /etc/image) \$SLURM_STEP_ID'
	srun -n1 --container=$OTHER cat /etc/image
	END
	assert_equal "$(sort <<<"$output")" $'0 small 0\n1 small 0\nother'
}

@test 'exit codes' {
	run_job -n2 <<-'END'
	#!/bin/sh
	srun -n1 sh -c 'exit 7'; echo $?
	squeue --nonsense; echo $?
	scontrol show job 99999999; echo $?
	srun -n1 /no/such/command; echo $?
	exec srun -n1 sh -c 'exit 9'
	END
	assert_equal "$(grep -x '[0-9]*' <<<"$output" | xargs)" '7 1 1 127'
	assert_match "unrecognized option '--nonsense'"
	assert_status 9
}

@test 'a command that a signal ends' {
	fake_squeue <<<$'#!/bin/bash\nkill -$1 $$'
	run_fake sh -c 'squeue USR1; echo $?; squeue KILL; echo $?'
	assert_success
	assert_output $'138\n137'
}

@test 'standard input, output and error' {
	run_job -n1 <<-'END'
	#!/bin/sh
	seq 20000 | srun -n1 md5sum
	seq 20000 | md5sum
	srun -n1 sh -c 'echo out; echo err >&2' 2>/dev/null
	srun -n1 sh -c 'echo out; echo err >&2' 2>&1 >/dev/null
	squeue -h -o %u >&- && echo closed
	squeue -h -o %u <&-
	END
	assert_equal "${lines[0]}" "${lines[1]}"
	assert_equal "$(tail -n +3 <<<"$output" | xargs)" 'out err closed alice'
}

@test 'arguments as they are' {
	fake_squeue <<<$'#!/bin/bash\nprintf "<%s>" "${0##*/}" "$@"'
	run_fake sh -c 'squeue "" "a b" "x
y" \\ "$(printf "\"\047*\$HOME\001")" -- ""'
	assert_success
	assert_output $'<squeue><><a b><x\ny><\\><"\'*$HOME\001><--><>'
}

@test 'the environment: the container'"'"'s, but for what is the node'"'"'s' {
	fake_squeue <<<$'#!/bin/bash\nenv'
	run_fake sh -c 'export COLOUR="dark
blue" LD_PRELOAD=/no/such.so LD_LIBRARY_PATH=/no PATH=/usr/bin:/bin SLURM_CONF=/no GCONV_PATH=/no; squeue'
	assert_success
	assert_quiet
	assert_match $'COLOUR=dark\nblue'
	assert_match $'PATH=/home/alice/fake:/usr/bin:/bin\n'
	assert_match "SLURM_CONF=$SLURM_CONF"
	[[ $output != *=/no* ]] || complain 'there is something of the container'
	[[ $output != *DAVIT_IMAGE* ]] || complain 'there is something of Davit'
}

@test 'an environment of a megabyte' {
	fake_squeue <<<$'#!/bin/bash\necho ${#A} ${#H}; env | wc -c'
	run_fake sh -c 'A=$(printf "%0100000d" 0); export A B=$A C=$A D=$A E=$A F=$A G=$A H=$A I=$A J=$A; squeue'
	assert_success
	assert_equal "${lines[0]}" '100000 100000'
	((lines[1] > 1000000))
}

@test 'umask and working directory' {
	fake_squeue <<<$'#!/bin/bash\numask; pwd'
	mkdir /home/alice/fake/there
	run_fake sh -c 'umask 027; cd fake/there; squeue'
	assert_success
	assert_output $'0027\n/home/alice/fake/there'
}

@test 'a working directory that only the container has' {
	run_srun -n1 "${inside[@]}" --container-workdir=/data sh -c 'squeue -h -o %u; srun --overlap -n1 pwd'
	assert_status 0
	assert_output $'alice\n/'
	assert_failure 'n?' "srun starts in '/': outside the container there is no '/data'" \
	    '--container-workdir=/data'
}

@test 'a command has three descriptors and none of the limits of a container' {
	fake_squeue <<-'END'
	#!/bin/bash
	echo $(ls /proc/self/fd)
	grep -E '^(NoNewPrivs|SigBlk|SigIgn)' /proc/self/status
	END
	run_fake sh -c 'exec 7</etc/image; trap "" HUP; grep SigIgn /proc/self/status; squeue; true'
	assert_success
	assert_equal "${lines[*]:1}" $'0 1 2 3 SigBlk:\t0000000000000000 '"${lines[0]}"$' NoNewPrivs:\t0'
}

@test 'signals go to the command' {
	fake_squeue <<-'END'
	#!/bin/bash
	for sig in HUP INT QUIT TERM USR1 USR2 ALRM WINCH; do trap "echo $sig" $sig; done
	echo up
	until [[ -e /home/alice/fake/over ]]; do sleep 0.05; done
	END
	run_fake sh -c 'mkfifo fake/pipe; squeue >fake/pipe & pid=$!
	    exec 3<fake/pipe; read -r line <&3; echo $line
	    for sig in HUP TERM USR1 USR2 ALRM WINCH; do
	        kill -$sig $pid; read -r line <&3; echo $line
	    done
	    kill -KILL $pid; read -r line <&3; echo $line; touch fake/over; cat <&3'
	# at the client's death one TERM, and maybe another when its handler has ended
	output=$(xargs <<<"$output")
	assert_match '^up HUP TERM USR1 USR2 ALRM WINCH HUP TERM( TERM)?$'
}

@test 'a command is stopped and goes on with its client' {
	fake_squeue <<-'END'
	#!/bin/bash
	echo $$
	until [[ -e /home/alice/fake/go ]]; do sleep 0.05; done
	echo on
	END
	run_fake sh -c 'stopped() { until grep -q "^State:.T" /proc/$1/status; do sleep 0.05; done; }
	    squeue >fake/out & client=$!
	    until [ -s fake/out ]; do sleep 0.05; done; command=$(cat fake/out)
	    kill -TSTP $client; stopped $client; stopped $command
	    touch fake/go
	    kill -CONT $client; wait $client; echo $?; tail -n 1 fake/out'
	assert_success
	assert_output $'0\non'
}

@test 'srun, interrupted or signalled' {
	run_job -n1 <<-'END'
	#!/bin/sh
	try() {
		srun -n1 sh -c 'trap "echo got USR1; exit 5" USR1; echo up; while :; do sleep 0.1; done' >out.$1 2>&1 & pid=$!
		until grep -qs up out.$1; do sleep 0.1; done
		kill -$1 $pid
		if [ $1 = INT ]; then
			until grep -q 'one more within' out.$1; do sleep 0.1; done
			kill -INT $pid
		fi
		wait $pid; echo $?
	}
	try USR1
	grep -o 'got USR1' out.USR1
	try INT
	try TERM
	END
	assert_equal "${lines[0]} ${lines[1]}" '5 got USR1'
	((lines[2] != 0 && lines[3] != 0)) || complain 'not ended'
}

@test 'a client that is killed: its srun ends' {
	run_job -n1 <<-'END'
	#!/bin/sh
	srun -n1 sh -c 'echo up; sleep 60' >out.srun 2>&1 & pid=$!
	until grep -q up out.srun; do sleep 0.1; done
	kill -KILL $pid
	srun -n1 echo next    # has to wait for the CPU
	rm out.srun
	END
	assert_match '(^|'$'\n'')next'
}

@test 'many commands at once' {
	run_job -n2 <<-'END'
	#!/bin/sh
	for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
		squeue -h -j $SLURM_JOB_ID -o %u &
	done
	for i in 1 2 3 4; do srun --overlap -n1 echo rank & done
	wait
	END
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '20 alice 4 rank'
}

@test 'sbatch in a container' {
	run_job -n1 <<-END
	#!/bin/sh
	echo '#!/bin/sh
	test -d $images && echo on the node' | sbatch --parsable --output=out.inner
	sbatch --container=$OTHER --output=out.other --wrap 'cat /etc/image'
	sbatch /etc/image
	END
	assert_match $'(^|\n)[0-9]+\n'
	assert_match 'Submitted batch job'
	assert_match 'sbatch: error: Unable to open file /etc/image'
	await no_jobs
	assert_equal "$(cat /home/alice/out.{inner,other})" $'on the node\nother'
}

@test 'salloc in a container: with a command, not on its terminal' {
	run_srun -n1 "${inside[@]}" sh -c 'salloc -Q -n1 scontrol show hostnames n1; echo $?'
	assert_success
	assert_output $'n1\n0'
	type_into "srun -Q --pty --container=$GLIBC --container-slurm bash -c 'salloc -n1; echo code \$?'"
	assert_match 'davit: n[12]: salloc cannot have the terminal of a container'
	assert_match 'davit: n[12]: try: salloc outside, or with a command and </dev/null'
	assert_match 'code 125'
}

@test 'srun --pty in a container: terminal, size, input' {
	type_into "HISTFILE= srun -Q --pty --container=$GLIBC --container-slurm bash -c 'srun -Q --overlap --pty bash --norc'" \
	    'tty; stty size; cat /etc/image; exit 4'
	assert_match $'\n33 77\n'
	assert_match $'\nglibc\n'
	assert_status 4
}


@test 'davit run --slurm' {
	run_davit --slurm "$SMALL" sinfo -h -N -o %N
	assert_success
	assert_equal "$(xargs <<<"$output")" "$DAVIT_CLUSTER_NODES"
}

@test 'the service ends with the container, not before' {
	begin srun -n1 "${inside[@]}" sh -c 'echo up; sleep 1; squeue -h -o %u'
	await_output up
	assert_equal "$(services | wc -l)" 1
	assert_equal "$(readlink "/proc/$(services)/root")" /
	assert_equal "$(cd "/proc/$(services)/fd" && set -- * && echo $#)" 5
	finish
	assert_success
	assert_output $'up\nalice'
	await no_services
}

@test 'a service that is killed' {
	begin srun -n1 "${inside[@]}" sh -c 'echo up; until [ -e out.go ]; do sleep 0.05; done; squeue'
	await_output up
	kill -KILL "$(services)"
	await no_services
	touch /home/alice/out.go
	finish
	assert_status 125
	assert_failure 'n?' "Davit's service for Slurm's commands has ended" \
	    'start the step anew; was the service killed, or the job for its memory?'
}

@test 'a service that is killed while a command runs' {
	begin srun -n1 "${inside[@]}" sh -c 'echo up; exec srun --overlap -n1 sleep 60'
	await_output up
	await step_runs
	services | xargs kill -KILL
	finish
	assert_status 125
	assert_failure 'n?' "Davit's service for Slurm's commands gave no answer" \
	    "check the job's limits of processes and memory"
}

@test 'scancel of a job whose script runs srun in a container' {
	job_script <<<$'#!/bin/sh\nsrun -n1 sh -c "echo up; sleep 60" & srun --overlap -n1 sleep 60'
	job=$(alice sbatch --parsable "${inside[@]}" --output=/home/alice/out.job job)
	await grep -q up /home/alice/out.job
	scancel "$job"
	await job_over "$job"
	await no_services
}

@test 'a script that ends leaves no srun behind' {
	run_job -n1 <<-'END'
	#!/bin/sh
	srun -n1 sh -c 'echo up; exec sleep 60' >out.srun &
	until grep -q up out.srun; do sleep 0.1; done
	END
	await no_services
}

@test 'lies are refused, and the service lives on' {
	run_srun -n1 "${inside[@]}" sh -c '/opt/test/slurm_liar; squeue -h -o %u'
	assert_success
	assert_equal "${lines[-1]}" alice
	assert_equal "$(grep -c ': refused$' <<<"$output")" 14
	assert_match 'the truth: believed'
}

@test 'nobody else gets in' {
	local pid

	begin srun -n1 "${inside[@]}" sh -c 'echo up; until [ -e out.go ]; do sleep 0.05; done'
	await_output up
	pid=$(pgrep -u alice -x sh)
	# root with all capabilities in there, but another user
	capture "$programs/slurm_liar" "$pid"
	touch /home/alice/out.go
	assert_output refused
	finish
	assert_success
}

@test 'refused: a PATH without Slurm' {
	run_alice env PATH=/no/where /usr/bin/srun "${inside[@]}" true
	assert_status 125
	assert_failure 'n?' "none of Slurm's commands is on this node in PATH=/no/where" \
	    "a PATH with Slurm's directory, where the job is submitted"
}

@test 'refused: a Davit that was built without the client' {
	local client=$DAVIT_PREFIX/libexec/davit/davit-slurm

	mount --bind /dev/null "$client"
	run_srun "${inside[@]}" true
	umount "$client"
	assert_status 125
	assert_failure 'n?' "Slurm's commands need '$client': Permission denied" \
	    'tell your admin: Davit was built without it, which takes a static C library (RHEL: glibc-static)'
}
