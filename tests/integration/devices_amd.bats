# SPDX-License-Identifier: BSD-3-Clause
# devices_amd.bats - GPUs of another vendor than NVIDIA's

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
devices_vendor=amd
load "$DAVIT_TESTS/lib/devices.bash"

setup_file() {
	devices_start || return
	cluster_choose "$devices_state"
}

teardown_file() { devices_stop; }

teardown() {
	rm -f "$devices_root"/etc/cdi/*
	leftovers_assert
}

gpus='cd /dev/dri; echo $SLURM_PROCID $(ls) rocr=$ROCR_VISIBLE_DEVICES cuda=$CUDA_VISIBLE_DEVICES'

@test 'a step gets its own, and kfd' {
	begin srun --gres=gpu:1 sh -c 'echo up; sleep 60'
	await_output up
	run_srun --gres=gpu:2 --container="$SMALL" sh -c "$gpus; ls -d /dev/kfd /dev/nvidia* /dev/davit-gpu 2>/dev/null"
	scancel "$(job_now)"
	wait "$begun" || true
	assert_output $'0 card1 card2 renderD129 renderD130 rocr=0,1 cuda=\n/dev/kfd'
	[[ ! $stderr =~ davit: ]] || complain 'Davit complains'
}

@test 'GPUs bound to tasks' {
	run_srun -n2 --gpus-per-task=1 --container="$SMALL" sh -c "$gpus"
	assert_success
	assert_equal "$(sort <<<"$output")" '0 card0 card1 renderD128 renderD129 rocr=0 cuda=
1 card0 card1 renderD128 renderD129 rocr=1 cuda='
}

@test 'a step without GPUs sees none' {
	run_srun --container="$SMALL" sh -c 'ls -d /dev/kfd /dev/dri 2>/dev/null || echo none'
	assert_success
	assert_output none
}

@test "a CDI specification of AMD's" {
	cat >"$devices_root/etc/cdi/amd.json" <<-'END'
	{"cdiVersion": "0.6.0", "kind": "amd.com/gpu", "devices": [
	  {"name": "0", "containerEdits": {"deviceNodes": [
	    {"path": "/dev/dri/card0", "major": 240, "minor": 5, "permissions": "rw"},
	    {"path": "/dev/dri/renderD128", "permissions": "rw"}]}},
	  {"name": "all", "containerEdits": {"deviceNodes": [
	    {"path": "/dev/dri/renderD128"}, {"path": "/dev/dri/renderD129"}]}}],
	 "containerEdits": {"deviceNodes": [{"path": "/dev/kfd", "permissions": "rw"}], "env": ["BY=cdi"]}}
	END
	run_srun --gres=gpu:1 --container="$SMALL" sh -c "$gpus; "'ls /dev/kfd; echo $BY'
	assert_success
	assert_output $'0 card0 renderD128 rocr=0 cuda=\n/dev/kfd\ncdi'
}

@test 'davit devices' {
	as_prefix=(nsenter --target "$(<"$devices_state/run/n1.pid")" --mount --)
	run_alice "$DAVIT" devices --gpus=2
	assert_success
	assert_match '  \* 2: AMD, AMD Test 2 /dev/dri/renderD130 /dev/dri/card2'
	assert_match 'Nothing is wrong.'
}
