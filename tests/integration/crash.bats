# SPDX-License-Identifier: BSD-3-Clause
# crash.bats - kill -9 of anything, at any time: no hang, a reason, nothing left

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

died='the image server of this step died, so the ranks lost the files of image'

# The pids of the ranks that ended in `exec sleep`.
ranks() { pgrep -u alice -x sleep || true; }

@test 'kill -9 of the image server: the ranks end, the user learns why, once' {
	# something that is in no cache
	begin srun -n4 --container="$SMALL" sh -c 'echo up; i=0
	    while i=$((i + 1)); do case $(cat /data/no$i 2>&1) in *connected*) exit 1; esac; done'
	await_output up 4
	kill -KILL "$(image_servers)"
	finish
	((status != 0))
	assert_equal "$(grep -c "davit: .*: $died '$SMALL'" <<<"$stderr")" 1
	assert_equal "$(grep -c 'davit: .*: try: check the job' <<<"$stderr")" 1
}

@test 'kill -9 of the image server while the ranks sleep' {
	begin srun -n2 --container="$SMALL" sh -c 'echo up; sleep 2; cat /etc/image'
	await_output up 2
	kill -KILL "$(image_servers)"
	finish
	((status != 0))
	assert_output $'up\nup'
	assert_equal "$(grep -c "$died" <<<"$stderr")" 1
}

@test 'kill -9 of one image server: the other node tells nothing' {
	begin srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" sh -c 'echo up; sleep 2; cat /etc/image'
	await_output up 4
	kill -KILL "$(image_servers | head -n 1)"
	finish
	((status != 0))
	assert_equal "$(grep -c small <<<"$output")" 2
	assert_equal "$(grep -c "$died" <<<"$stderr")" 1
}

@test 'the image server cannot be ended by signals that are meant for ranks' {
	begin srun --container="$SMALL" sh -c 'echo up; sleep 2; cat /etc/image'
	await_output up
	for signal in HUP INT QUIT TERM USR1 USR2 PIPE ALRM; do
		kill -$signal "$(image_servers)"
	done
	finish
	assert_success
	assert_output $'up\nsmall'
}

@test 'kill -9 of each rank in turn' {
	local pid

	begin srun -n4 --container="$SMALL" sh -c 'echo up; exec sleep 30'
	await_output up 4
	for pid in $(ranks); do
		kill -KILL "$pid"
	done
	finish
	((status != 0))
	[[ $stderr != *'davit: '* ]] || complain 'Davit complains'
}

@test 'kill -9 of the rank that built the container: the others go on' {
	local first

	# whoever it was, one of these is that rank
	for first in 0 1 2 3; do
		begin srun -n4 --container="$SMALL" sh -c "echo up
		    [ \$SLURM_LOCALID = $first ] && kill -KILL \$\$; sleep 0.2; cat /etc/image"
		await_output up 4
		finish
		assert_status 137
		assert_output $'up\nup\nup\nup\nsmall\nsmall\nsmall'
	done
}

@test 'kill -9 of a launcher at any moment: the others go on or are told' {
	local i

	for i in {0..19}; do
		"$programs/snipe" davit $((i * i * 40)) 3>&- &
		run_srun -n4 --container="$SMALL" cat /etc/image
		wait $! || true
		[[ $status != 124 ]] || complain 'hangs'
		((status == 0)) || [[ $stderr == *Killed* || $stderr == *davit:\ n[12]* ]] || complain 'no reason'
		# whoever was not hit has run in the container
		! grep -vx small <<<"${output:-small}" || complain 'something else ran'
	done
}

@test 'kill -9 of the image server at any moment' {
	local i

	for i in {0..9}; do
		"$programs/snipe" davit-image $((i * i * 60)) 3>&- &
		run_srun -n4 --container="$SMALL" cat /etc/image
		wait $! || true
		[[ $status != 124 ]] || complain 'hangs'
		((status == 0)) || [[ $stderr == *davit:* ]] || complain 'no reason'
	done
	# quicker without Slurm
	for i in {0..39}; do
		"$programs/snipe" davit-image $((RANDOM % 6000)) 3>&- &
		LIMIT=10 run_davit "$SMALL" cat /etc/image
		wait $! || true
		[[ $status != 124 && $status != 137 ]] || complain 'hangs'
	done
}

@test 'kill -9 of slurmstepd' {
	begin srun -n4 --container="$SMALL" sh -c 'echo up; exec sleep 30'
	await_output up 4
	pkill -KILL -x slurmstepd
	# Slurm leaves the ranks of a dead slurmstepd, and its socket, to others
	pkill -KILL -u alice -x sleep
	await eval '[[ ! $(image_servers) ]]'
	rm -rf "$DAVIT_CLUSTER"/spool/n1/{n1_,oci-job}*
	scancel "$(job_now)"
	kill "$begun" || true
	finish
}

@test 'kill -9 of srun' {
	begin srun -n4 --container="$SMALL" sh -c 'echo up; exec sleep 30'
	await_output up 4
	pkill -KILL -u alice -x srun
	finish
	((status != 0))
	# the step lives on, as Slurm has it
	scancel "$(job_now)"
}

@test 'kill -9 of everything of the user at once' {
	begin srun -N2 -n8 --ntasks-per-node=4 --container="$SMALL" sh -c 'echo up; sleep 30'
	await_output up 8
	pkill -KILL -u alice
	finish
	((status != 0))
	scancel "$(job_now)"    # without srun Slurm keeps the allocation
}

@test 'a rank that stops in mid-build does not keep a cancelled step alive' {
	local sniper hit='' i

	# on a busy machine the launcher may be over before we see it
	for i in {1..5}; do
		"$programs/snipe" davit 0 STOP 3>&- &
		sniper=$!
		LIMIT=20 begin srun -n2 --container="$SMALL" sleep 60
		! wait $sniper || hit=1
		await job_any
		sleep 0.2
		scancel --signal=KILL "$(job_now)"
		finish
		((status != 0))
		[[ $status != 124 ]] || complain 'hangs'
		await job_none
		[[ ! $hit ]] || break
	done
	[[ $hit ]] || complain 'never hit'
}

@test 'the image disappears while the step runs' {
	cp "$SMALL" /home/alice/gone.sqfs
	begin srun --container=gone.sqfs sh -c 'echo up; sleep 1; cat /etc/image'
	await_output up
	rm /home/alice/gone.sqfs
	finish
	assert_success
	assert_output $'up\nsmall'
}

@test 'the image is cut short while the step runs' {
	cp "$SMALL" /home/alice/cut.sqfs
	chown alice: /home/alice/cut.sqfs
	begin srun --container=cut.sqfs sh -c 'echo up; sleep 1; cat /opt/test/* | wc -c; echo alive'
	await_output up
	: >/home/alice/cut.sqfs
	finish
	rm /home/alice/cut.sqfs
	[[ $status != 124 ]] || complain 'hangs'
}

@test 'processes that a rank leaves behind do not keep the step' {
	local start=$SECONDS

	run_srun --container="$SMALL" sh -c 'setsid sleep 10 >/dev/null 2>&1 & sleep 0.1; echo end'
	pkill -KILL -u alice -x sleep || true    # proctrack/linuxproc knows nothing of it
	assert_success
	assert_output end
	((SECONDS - start < 8)) || complain 'it does'
}
