# SPDX-License-Identifier: BSD-3-Clause
# binding.bats - CPU binding, PrologFlags=Contain and whatever else wants a
# cluster of its own

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

state=$DAVIT_WORK/cluster-binding

setup_file() {
	"$DAVIT_CLUSTER_TOOL" start --state "$state" --keep-users --prefix "$DAVIT_PREFIX" \
	    --nodes 1 --cpus "$(nproc)" --task-plugin affinity --prolog-flags Contain >/dev/null 3>&-
	export SLURM_CONF=$state/etc/slurm.conf
}

teardown_file() { "$DAVIT_CLUSTER_TOOL" stop --state "$state"; }

# The extern step of a job has a process of its own, for the job's life.

@test 'CPU binding is kept, the image server goes to the CPU of the rank that it answers' {
	(($(nproc) > 1)) || skip 'binding takes two CPUs, this machine has one'
	# it stays near the first rank for its first 100 requests; later one of its threads near the other
	rm -f /home/alice/enough
	begin srun -n2 --cpu-bind=map_cpu:0,1 --container="$SMALL" sh -c \
	    'for i in $(seq 200); do test -e /none/$SLURM_PROCID$i || test -e /$SLURM_PROCID$i; done
	    grep Cpus_allowed_list /proc/self/status; echo up; sleep 1
	    until test -e /home/alice/enough; do
	        [ $SLURM_PROCID = 0 ] && sleep 0.2 || test -e /later$((i += 1))
	    done; true'
	await_output up 2
	await bash -c 'grep -qx "Cpus_allowed_list:.1" "/proc/$1"/task/*/status' - "$(image_servers)"
	touch /home/alice/enough
	finish
	rm /home/alice/enough
	assert_success
	assert_equal "$(grep Cpus <<<"$output" | sort)" $'Cpus_allowed_list:\t0\nCpus_allowed_list:\t1'
}

@test 'the binding is the same as without a container' {
	local bare

	bare=$(alice srun -n2 --cpu-bind=rank grep Cpus_allowed_list /proc/self/status | sort)
	run_srun -n2 --cpu-bind=rank --container="$SMALL" grep Cpus_allowed_list /proc/self/status
	assert_success
	assert_equal "$(sort <<<"$output")" "$bare"
}

@test 'the extern step is left alone' {
	local pid

	begin srun -n1 --container="$SMALL" sh -c 'echo up; sleep 1; cat /etc/image'
	await_output up
	scontrol listpids "$(job_now)" 2>/dev/null | grep -q extern
	assert_equal "$(image_servers | wc -l)" 1
	for pid in $(scontrol listpids "$(job_now)" 2>/dev/null | awk '$3 == "extern" && $1 > 0 { print $1 }'); do
		assert_equal "$(readlink "/proc/$pid/ns/user")" "$(readlink /proc/self/ns/user)"
	done
	finish
	assert_success
	assert_output $'up\nsmall'
}

@test 'sbatch --container beside an extern step' {
	run_sbatch --container="$SMALL" --wrap 'cat /etc/image'
	assert_equal "$output" small
}
