# SPDX-License-Identifier: BSD-3-Clause
# named.bats - containers that a job keeps for its later steps

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

teardown() {
	rm -rf /home/alice/job /tmp/go /var/tmp/davit.*
	leftovers_assert
}

# Runs a script of alice's, with S for the image, in an allocation of two nodes.
in_job() {
	{ printf '#!/bin/bash\nS=%s\n' "$SMALL"; cat; } >/home/alice/job
	chmod 755 /home/alice/job
	run_alice salloc -Q -N2 -n4 --ntasks-per-node=2 /home/alice/job
}

nothing_kept() { ! compgen -G '/var/tmp/davit.*'; }

@test 'later steps see what earlier ones wrote, each node its own' {
	in_job <<-'END'
	srun -N2 -n2 --container=$S --container-name=foo sh -c 'echo $SLURMD_NODENAME >/node; rm /etc/image'
	srun -N2 -n2 --container-name=foo sh -c 'echo $SLURMD_NODENAME $(cat /node)'
	srun -N1 -n1 -w n1 --container-name=foo sh -c '[ -e /etc/image ] || echo deleted; cat /data/file'
	ls -d /var/tmp/davit.$SLURM_JOB_ID.*
	END
	assert_success
	assert_equal "$(grep '^n' <<<"$output" | sort)" $'n1 n1\nn2 n2'
	assert_match $'deleted\nfrom the image'
	assert_match "/var/tmp/davit\.[0-9]+\.n1"$'\n'"/var/tmp/davit\.[0-9]+\.n2"
	await nothing_kept
}

@test 'an image that differs is not looked at, nor a name of another job' {
	in_job <<-END
	srun -N1 -n1 -w n1 --container=\$S --container-name=foo touch /new
	srun -N1 -n1 -w n1 --container=$OTHER --container-name=foo cat /etc/image
	srun -N1 -n1 -w n1 --container=$OTHER --container-name=bar cat /etc/image
	END
	assert_equal "$status" 0
	assert_output $'small\nother'
	in_job <<<'srun -N1 -n1 -w n1 --container=$S --container-name=foo ls /new'
	assert_status 1
}

@test 'a name without an image, and nothing kept' {
	run_srun -N2 -n4 --ntasks-per-node=2 --container-name=foo sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2' \
	    "the job has no container 'foo' on this node yet, and no image is given" \
	    '--container=FILE as well'
	await nothing_kept
}

@test 'a step that may only read sees what was written' {
	local image

	for image in "$SMALL" "$DAVIT_WORK/trees/small"; do
		in_job <<-END
		srun -N1 -n1 -w n1 --container=$image --container-name=foo sh -c 'echo kept >/new'
		srun -N1 -n1 -w n1 --container-name=foo --container-readonly sh -c \
		    'cat /new; touch /x 2>/dev/null || echo refused'
		END
		assert_status 0
		assert_output $'kept\nrefused'
	done
}

@test 'a name and a directory of the user contradict each other' {
	run_srun --container="$SMALL" --container-name=foo --container-writable=/tmp/layer echo alive
	assert_status 125
	assert_output ''
	assert_failure n? '--container-name and --container-writable=DIR contradict each other' \
	    "one of the two: the job keeps what is written to 'foo'"
}

@test ':create refuses one that exists' {
	in_job <<-'END'
	srun -N1 -n1 -w n1 --container=$S --container-name=foo:create touch /new
	srun -N1 -n1 -w n1 --container=$S --container-name=foo:create echo alive
	END
	assert_status 125
	assert_output ''
	assert_failure n1 "the job has a container 'foo' already on this node" \
	    "another name, or 'foo' alone to use it"
}

@test ':exec and auto enter one that runs, :no_exec refuses it' {
	in_job <<-'END'
	ns='readlink /proc/self/ns/mnt; cat /written 2>/dev/null'
	srun -N1 -n1 -w n1 --overlap --container=$S --container-name=foo sh -c '
		echo running >/written; readlink /proc/self/ns/mnt >/tmp/running; echo >/tmp/go
		while [ -e /tmp/go ]; do usleep 50000; done' &
	until [ -e /tmp/go ]; do sleep 0.05; done
	cat /tmp/running
	srun -N1 -n1 -w n1 --overlap --container-name=foo:exec sh -c "$ns"
	srun -N1 -n1 -w n1 --overlap --container-name=foo sh -c "$ns"
	srun -N1 -n2 -w n1 --overlap --container=$S --container-name=foo:auto sh -c "$ns"
	echo refused:
	srun -N1 -n1 -w n1 --overlap --container-name=foo:no_exec sh -c "$ns"
	echo other:
	srun -N1 -n1 -w n2 --overlap --container-name=foo:exec sh -c "$ns"
	rm /tmp/go /tmp/running
	wait
	END
	assert_status 0
	assert_equal "$(grep -cxF "${lines[0]}" <<<"$output")" 5
	assert_equal "$(grep -c '^running$' <<<"$output")" 4
	assert_equal "$(tail -n 2 <<<"$output")" $'refused:\nother:'
	assert_stderr "davit: n1: container 'foo' of the job runs already on this node"
	assert_stderr "davit: n1: try: another name, or 'foo' alone to enter it"
	assert_stderr "davit: n2: no container 'foo' of the job runs on this node"
	assert_stderr "davit: n2: try: 'foo' alone starts one"
}

@test 'two steps that start one name at the same time share a container' {
	in_job <<-'END'
	for i in 1 2 3; do
		srun -N1 -n1 -w n1 --overlap --container=$S --container-name=foo sh -c '
			mkdir "/step.$SLURM_STEP_ID"
			while [ "$(ls -d /step.* | wc -l)" -lt 3 ]; do usleep 50000; done
			readlink /proc/self/ns/mnt' &
	done
	wait
	END
	assert_success
	assert_equal "$(sort <<<"$output" | uniq -c | awk '{ print $1 }')" 3
}

@test 'names that srun refuses' {
	local bad cause

	while IFS='|' read -r bad cause; do
		run_srun --container="$SMALL" --container-name="$bad" true
		assert_refused srun "--container-name: $cause"
	done <<-'END'
	|'' is not a name for a container
	../x|'../x' is not a name for a container
	.x|'.x' is not a name for a container
	-x|'-x' is not a name for a container
	a b|'a b' is not a name for a container
	a/b|'a/b' is not a name for a container
	:create|'' is not a name for a container
	x:|unknown mode ''
	x:bad|unknown mode 'bad'
	x:create:exec|unknown mode 'create:exec'
	END
	run_srun --container="$SMALL" --container-name="$(printf 'x%.0s' {1..65})" true
	assert_refused srun '--container-name: '
}

@test 'outside a job there are none' {
	run_davit --name=foo "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" "container 'foo': only a job can keep a container" \
	    '--writable=DIR keeps what is written without a job'
	assert_equal "$(nothing_kept && echo nothing)" nothing
}

@test 'what is kept is removed at the end of the job, whatever is in there and however it ends' {
	local job

	job=$(alice sbatch --parsable -o /dev/null --wrap "srun --container=$SMALL --container-name=foo sh -c '
		mkdir -p /a/b/c; echo x >/a/b/c/file; ln -s /home/alice /a/link; mkfifo /a/fifo
		chmod 000 /a/b/c /a/b; rm -r /opt; touch /tmp/go'; sleep 60")
	await test -e /tmp/go
	rm /tmp/go
	await compgen -G "/var/tmp/davit.$job.*"
	touch /home/alice/stays
	scancel "$job"
	await job_over "$job"
	await nothing_kept
	rm /home/alice/stays
}

@test 'batch script and steps in one container' {
	cat >/home/alice/job <<-END
	#!/bin/sh
	echo batch >/written
	END
	run_sbatch --container="$SMALL" --container-name=foo /home/alice/job
	assert_equal "$output" ''
	await nothing_kept
}

# ---- somebody else was there first ---------------------------------------

# squat COMMAND...: with $where for the directory that the job would make
squat() {
	begin salloc -Q -N1 -w n1 sh -c "echo up; while ! [ -e /tmp/go ]; do sleep 0.05; done
	    rm -f /tmp/go; srun --container=$SMALL --container-name=foo sh -c 'echo alive'"
	await_output up
	where=/var/tmp/davit.$(job_now).n1
	"$@"
	alice touch /tmp/go
	finish
}

by_bob() { install -d -o bob -m 777 "$where"; }
link_by_bob() { install -d -o bob -m 755 /tmp/bobs; as bob ln -s /tmp/bobs "$where"; }
link_to_home() { as bob ln -s /home/alice "$where"; }
file_by_bob() { as bob touch "$where"; }
writable_by_all() { install -d -o alice -m 777 "$where"; }

@test 'a state directory that somebody else has made is not used' {
	local how

	for how in by_bob link_by_bob link_to_home file_by_bob writable_by_all; do
		squat $how
		assert_status 125
		assert_equal "${lines[*]}" up
		assert_stderr "davit: n1: container 'foo': '/var/tmp': "
		assert_equal "$(grep -c 'davit: ' <<<"$stderr")" 2
		assert_equal "$(find /home/alice "$where/" /tmp/bobs -name foo 2>/dev/null)" ''
		rm -rf "$where" /tmp/bobs
	done
}

@test 'the epilog removes nothing but directories of the user' {
	begin salloc -Q -N1 -w n1 sh -c "echo up; while ! [ -e /tmp/go ]; do sleep 0.05; done; rm /tmp/go"
	await_output up
	where=/var/tmp/davit.$(job_now).x
	mkdir /home/alice/victim
	as alice ln -s /home/alice/victim "$where"
	install -d -o bob "${where}y"
	alice touch /tmp/go
	finish
	await job_none
	assert_equal "$(ls -d /home/alice/victim "${where}y" "$where")" \
	    "/home/alice/victim"$'\n'"$where"$'\n'"${where}y"
	rm -rf "$where" "${where}y" /home/alice/victim
}
