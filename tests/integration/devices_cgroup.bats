# SPDX-License-Identifier: BSD-3-Clause
# devices_cgroup.bats - GPUs where Slurm has a device cgroup for each task
# (ConstrainDevices): what is in /dev is for all ranks, what opens is a rank's own

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/devices.bash"

setup_file() {
	devices_start --proctrack cgroup --task-plugin affinity,cgroup || return
	cluster_choose "$devices_state"
	export DAVIT_CONTAINER_NIC=none
}

teardown_file() { devices_stop; }

run_gpu() { run_alice env DAVIT_CONTAINER_NIC=none srun "$@"; }

# What there is, and what of that opens: no driver stands behind it, so that is ENXIO.
look='cd /dev; echo $SLURM_PROCID $(ls -d nvidia[0-9]*) cuda=$CUDA_VISIBLE_DEVICES opens $(
	for i in nvidia[0-9]*; do dd if=$i of=/dev/null count=1 2>&1 | grep -q "No such device" && echo $i; done)'

# Somebody else has the first three.
occupy() {
	begin srun --gres=gpu:3 sh -c 'echo up; sleep 60'
	await_output up
}
vacate() { scancel "$(job_now)"; wait "$begun" || true; }

@test 'a step' {
	occupy
	run_gpu --gres=gpu:2 --container="$SMALL" sh -c "$look"
	vacate
	assert_success
	assert_output '0 nvidia3 nvidia4 cuda=0,1 opens nvidia3 nvidia4'
}

@test 'GPUs bound to tasks: all are there, a rank opens its own' {
	local option

	for option in --gpus-per-task=1 '--gres=gpu:2 --gpu-bind=single:1'; do
		occupy
		# shellcheck disable=SC2086 # words
		run_gpu -n2 $option --container="$SMALL" sh -c "$look"
		vacate
		assert_success
		assert_match '0 nvidia3 nvidia4 cuda=0 opens nvidia3($|[[:space:]])'
		assert_match '1 nvidia3 nvidia4 cuda=[01] opens nvidia4($|[[:space:]])'
	done
}

@test 'the nearest adapter is that of the GPU which a rank may open' {
	run_alice env HWLOC_XMLFILE="$DAVIT_TESTS/data/hwloc/switches.xml" srun -n4 --gpus-per-task=2 \
	    --container="$SMALL" --container-nic=nearest sh -c 'echo $SLURM_PROCID $UCX_NET_DEVICES'
	assert_equal "$(sort <<<"$output")" $'0 mlx5_0:1\n1 mlx5_1:1\n2 mlx5_2:1\n3 mlx5_3:1'
}

@test 'all means those that the cgroup allows; without GPUs there is none' {
	occupy
	run_gpu --gres=gpu:1 --container="$SMALL" --container-gpus=all sh -c "$look"
	vacate
	assert_success
	assert_output '0 nvidia3 cuda=0 opens nvidia3'
	run_gpu --container="$SMALL" sh -c 'ls /dev | grep -c nvidia'
	assert_output 0
}

@test 'davit run in a step' {
	occupy
	run_gpu --gres=gpu:2 "$DAVIT" run "$SMALL" sh -c "$look"
	assert_success
	assert_output '0 nvidia3 nvidia4 cuda=0,1 opens nvidia3 nvidia4'
	run_gpu -n2 --gpus-per-task=1 "$DAVIT" run "$SMALL" sh -c "$look"
	vacate
	assert_success
	assert_match '0 nvidia0 .* opens nvidia3($|[[:space:]])'
	assert_match '1 nvidia0 .* opens nvidia4($|[[:space:]])'
}
