# SPDX-License-Identifier: BSD-3-Clause
# devices.bats - GPUs and adapters from the step's allocation; see lib/devices.bash

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/devices.bash"

app=$DAVIT_WORK/devices-app

setup_file() {
	mkdir -p "$app"
	cc -O1 -o "$app/cuda" "$DAVIT_TESTS/integration/devices/cuda.c" -ldl || return
	devices_start || return
	cluster_choose "$devices_state"
}

teardown_file() { devices_stop; }

teardown() {
	rm -rf "$devices_root"/etc/cdi/* "$DAVIT_PREFIX/etc/davit" /home/alice/{.config,job,hook,saved.sqfs,asks.sqfs}
	leftovers_assert
}

# Which GPUs a shell in the container sees, and what variables say.
gpus='cd /dev; echo ${SLURM_PROCID-x} $(ls -d nvidia[0-9]*) cuda=$CUDA_VISIBLE_DEVICES'

# srun and `davit run` as alice, where the devices are, without adapters: about
# those there is something to say on many a machine.
run_gpu() { run_alice env DAVIT_CONTAINER_NIC=none srun "$@"; }
near() { as_prefix=(nsenter --target "$(<"$devices_state/run/n1.pid")" --mount --); }
run_near() {
	near
	run_davit --nic=none "$@"
}
run_devices() {
	near
	run_alice "$DAVIT" devices "$@"
}

# Not every machine lets so much memory be locked as adapters want.
without_memlock() {
	stderr=$(sed '/ processes may lock [0-9]* KiB of memory/,+1d' <<<"$stderr")
}

# ---- what a step gets ----------------------------------------------------

@test 'a step gets the GPUs that Slurm gave it, and what goes with them' {
	run_gpu --gres=gpu:2 --container="$SMALL" sh -c "$gpus; ls -d nvidia*"
	assert_success
	assert_output "0 nvidia0 nvidia1 cuda=0,1
nvidia-caps
nvidia-modeset
nvidia-uvm
nvidia-uvm-tools
nvidia0
nvidia1
nvidiactl"
}

@test 'a step without GPUs sees none, and no library of theirs' {
	run_gpu --container="$SMALL" sh -c 'ls -d /dev/nvidia* /dev/dri /dev/kfd /dev/davit-gpu 2>/dev/null; ls /dev'
	assert_success
	[[ ! $output =~ nvidia|dri|kfd|davit-[gm] ]] || complain 'there are some'
}

@test 'the device files are the ones of the node' {
	run_gpu --gres=gpu:1 --container="$SMALL" stat -c '%n %F %t:%T %a' /dev/nvidia0 /dev/nvidiactl
	assert_success
	assert_output '/dev/nvidia0 character special file f0:1 666
/dev/nvidiactl character special file f0:9 666'
	run_gpu --gres=gpu:1 --container="$SMALL" sh -c 'cat /dev/nvidia0'
	[[ $stderr == *'No such device or address'* ]] || complain 'it cannot be opened'
}

@test 'GPUs bound to tasks: each has its own in its environment, all are in /dev' {
	local option

	for option in --gpus-per-task=1 '--gres=gpu:2 --gpu-bind=single:1' \
	    '--gres=gpu:2 --gpu-bind=map_gpu:0,1'; do
		# shellcheck disable=SC2086 # words
		run_gpu -n2 $option --container="$SMALL" sh -c "$gpus"
		assert_success
		assert_equal "$(sort <<<"$output")" $'0 nvidia0 nvidia1 cuda=0\n1 nvidia0 nvidia1 cuda=1'
	done
}

@test 'GPUs that are not the first: programs count those in the container' {
	begin srun --gres=gpu:3 sh -c 'echo up; sleep 30'
	await_output up
	run_gpu --gres=gpu:2 --container="$SMALL" sh -c "$gpus; "'echo $SLURM_STEP_GPUS'
	assert_success
	assert_output $'0 nvidia3 nvidia4 cuda=0,1\n3,4'
	run_gpu -n2 --gpus-per-task=1 --container="$SMALL" sh -c "$gpus; "'echo $SLURM_STEP_GPUS'
	assert_success
	assert_equal "$(sort <<<"$output")" $'0 nvidia3 nvidia4 cuda=0\n1 nvidia3 nvidia4 cuda=1\n3\n4'
	scancel "$(job_now)"
	finish
}

@test "sbatch: the job's for the script, the step's for each step" {
	cat >/home/alice/job <<-END
	#!/bin/sh
	cd /dev; ls -d nvidia[0-9]* | xargs echo script
	END
	run_sbatch --gres=gpu:3 --container="$SMALL" --container-nic=none /home/alice/job
	assert_equal "$output" 'script nvidia0 nvidia1 nvidia2'
	cat >/home/alice/job <<-END
	#!/bin/sh
	export DAVIT_CONTAINER_NIC=none
	srun --container=$SMALL sh -c '$gpus'
	srun --gres=gpu:1 --container=$SMALL sh -c '$gpus'
	srun --gres=none --container=$SMALL sh -c 'ls -d /dev/nvidia* 2>/dev/null || echo none'
	END
	run_sbatch --gres=gpu:3 /home/alice/job
	assert_equal "$output" $'0 nvidia0 nvidia1 nvidia2 cuda=0,1,2\n0 nvidia0 cuda=0\nnone'
}

@test "--container-gpus: none, some of the step's, all of the node" {
	run_gpu --gres=gpu:2 --container="$SMALL" --container-gpus=none sh -c 'ls -d /dev/nvidia* 2>/dev/null || echo none'
	assert_success
	assert_output none
	run_gpu --gres=gpu:3 --container="$SMALL" --container-gpus=1-2 sh -c "$gpus"
	assert_success
	assert_output '0 nvidia1 nvidia2 cuda=0,1'
	run_gpu --gres=gpu:1 --container="$SMALL" --container-gpus=all sh -c "$gpus"
	assert_success
	assert_output '0 nvidia0 nvidia1 nvidia2 nvidia3 nvidia4 nvidia5 nvidia6 nvidia7 cuda=0'
	run_alice env DAVIT_CONTAINER_GPUS=none srun --gres=gpu:1 --container="$SMALL" \
	    sh -c 'ls -d /dev/nvidia* 2>/dev/null || echo none'
	assert_output none
}

@test 'GPUs that the step does not have are refused' {
	run_gpu --gres=gpu:2 --container="$SMALL" --container-gpus=1,5 true
	assert_status 125
	assert_failure n1 'GPU 5 is not one of those that Slurm gave the step' \
	    '--container-gpus=auto, or those in SLURM_STEP_GPUS'
	run_gpu -n3 --container="$SMALL" --container-gpus=0 true
	assert_status 125
	assert_failure n1 'GPUs were asked for, and Slurm gave the step none' '--gres=gpu:N or --gpus=N as well'
	run_gpu --container="$SMALL" --container-gpus=some true
	assert_refused srun "--container-gpus: 'some' is none of auto, none, all"
	run_gpu --container="$SMALL" --container-gpus=3-1 true
	assert_refused srun "--container-gpus: '3-1' is not a list of numbers" 'a list such as 0,2-3; 4095 at most'
}

@test "what an image sets for NVIDIA's own tools changes nothing" {
	run_gpu --gres=gpu:1 --container="$SMALL" --container-env=NVIDIA_VISIBLE_DEVICES=all,CUDA_X=1 \
	    sh -c "$gpus"
	assert_success
	assert_output '0 nvidia0 cuda=0'
}

@test 'without Slurm: all that the user may open' {
	run_near "$SMALL" sh -c "$gpus"
	assert_success
	assert_output 'x nvidia0 nvidia1 nvidia2 nvidia3 nvidia4 nvidia5 nvidia6 nvidia7 cuda='
	run_near --gpus=2,4 "$SMALL" sh -c "$gpus"
	assert_output 'x nvidia2 nvidia4 cuda='
	run_near --gpus=9 "$SMALL" true
	assert_status 125
	assert_failure '*' 'the node has no GPU 9: there are 8' '`davit devices` shows those that there are'
	devices_in chmod 600 /dev/nvidia1
	run_near "$SMALL" sh -c "$gpus"
	devices_in chmod 666 /dev/nvidia1
	assert_success
	assert_output 'x nvidia0 nvidia2 nvidia3 nvidia4 nvidia5 nvidia6 nvidia7 cuda='
}

@test 'a device file that is gone, or not for the user' {
	devices_in mv /dev/nvidia0 /dev/nvidia-away
	run_gpu -n2 --gres=gpu:2 --container="$SMALL" true
	devices_in mv /dev/nvidia-away /dev/nvidia0
	assert_status 125
	assert_failure n1 "cannot use GPU 0 of this step, '/dev/nvidia0': No such file or directory" \
	    'tell your admin: the driver has made no device file for it (nvidia-modprobe, udev)'
	devices_in chmod 600 /dev/nvidia0
	run_gpu --gres=gpu:1 --container="$SMALL" true
	devices_in chmod 666 /dev/nvidia0
	assert_status 125
	assert_failure n1 "cannot use GPU 0 of this step, '/dev/nvidia0': Permission denied" \
	    "ask your admin for the group or the mode of '/dev/nvidia0'"
	devices_in mv /dev/nvidia-uvm /dev/nvidia-away
	run_gpu --gres=gpu:1 --container="$SMALL" echo up
	devices_in mv /dev/nvidia-away /dev/nvidia-uvm
	assert_output up
	assert_failure n1 "CUDA will find no GPU: cannot use '/dev/nvidia-uvm': No such file or directory" \
	    'tell your admin: nvidia-modprobe -u -c 0, each time the node has booted'
}

# ---- the driver ----------------------------------------------------------

@test "the driver's libraries come from the node and are found by their sonames" {
	run_gpu --gres=gpu:1 --container="$GLIBC" --container-mounts="$app:/app" \
	    /app/cuda libcuda.so.1 libcuda.so libnvidia-ml.so.1 libcudart.so.12
	assert_success
	assert_output "libcuda.so.1: /dev/davit-gpu/libcuda.so.1, the node's
libcuda.so: /dev/davit-gpu/libcuda.so.1, the node's
libnvidia-ml.so.1: /dev/davit-gpu/libnvidia-ml.so.1, the node's
libcudart.so.12: none"
}

@test "the cache of the loader has them in the place of the image's, those for 32 bits apart" {
	run_gpu --gres=gpu:1 --container="$GLIBC" cat /etc/ld.so.cache
	assert_success
	run ldconfig -p -C "$BATS_TEST_TMPDIR/out"
	assert_match 'libcuda.so.1 \(libc6,x86-64\) => /dev/davit-gpu/libcuda.so.1'
	assert_match 'libcuda.so.1 \((libc6|ELF)\) => /dev/davit-gpu/other/libcuda.so.1'
	run_gpu --gres=gpu:1 --container="$SMALL" sh -c \
	    'dd if=/dev/davit-gpu/other/libcuda.so.1 bs=1 skip=4 count=1 2>/dev/null | od -An -t u1'
	assert_equal "${output// }" 1    # ELFCLASS32
}

@test 'its programs are there, and davit.conf has the lists' {
	run_gpu --gres=gpu:1 --container="$SMALL" nvidia-smi
	assert_success
	assert_output smi
	mkdir -p /home/alice/.config/davit
	printf '%s\n' 'gpu-libraries: [libnvidia-ml.so.*]' 'gpu-programs: []' >/home/alice/.config/davit/davit.conf
	run_gpu --gres=gpu:1 --container="$SMALL" sh -c 'ls /dev/davit-gpu; nvidia-smi'
	assert_status 127
	assert_match '^libnvidia-ml.so[[:space:]]libnvidia-ml.so.1[[:space:]]other$'
	rm -r /home/alice/.config
}

@test 'a driver whose parts are of two versions is told' {
	local version=/proc/driver/nvidia/version

	devices_in cp $version "$devices_root/version"
	devices_in sed -i "s/$devices_driver/535.104.05/" $version
	run_gpu -n2 --gres=gpu:1 --container="$SMALL" echo up
	devices_in cp "$devices_root/version" $version
	assert_equal "$output" $'up\nup'
	assert_failure n1 "CUDA will not start: the node's driver is of version 535.104.05, its library '$devices_root/lib/libcuda.so.1' of $devices_driver" \
	    'tell your admin: one of them was updated without the other; reboot'
}

@test 'a driver without libraries is told' {
	devices_in mv "$devices_root/lib" "$devices_root/lib-away"
	run_gpu --gres=gpu:1 --container="$SMALL" echo up
	devices_in mv "$devices_root/lib-away" "$devices_root/lib"
	assert_output up
	assert_failure n1 "CUDA will not start: the node's ld.so.cache has no 'libcuda.so.1'" \
	    "tell your admin: install the driver's libraries, or run ldconfig"
}

@test 'in directories, writable and saved containers, too' {
	run_gpu --gres=gpu:1 --container="$DAVIT_WORK/trees/small" sh -c "$gpus; nvidia-smi"
	assert_success
	assert_output $'0 nvidia0 cuda=0\nsmi'
	run_gpu --gres=gpu:1 --container="$SMALL" --container-writable sh -c "$gpus; nvidia-smi; echo >/new"
	assert_success
	assert_output $'0 nvidia0 cuda=0\nsmi'
	run_gpu --gres=gpu:1 --container="$SMALL" --container-writable --container-save=/home/alice/saved.sqfs \
	    sh -c 'echo it >/new'
	assert_success
	run_gpu --container=/home/alice/saved.sqfs sh -c 'cat /new; ls /dev | grep -c nvidia'
	assert_equal "$output" $'it\n0'
}

@test 'a named container keeps the devices of the step that built it' {
	run_sbatch --gres=gpu:2 --wrap "export DAVIT_CONTAINER_NIC=none; srun --container=$SMALL --container-name=work sh -c '$gpus'
	    srun --container-name=work sh -c '$gpus'"
	assert_equal "$output" $'0 nvidia0 nvidia1 cuda=0,1\n0 nvidia0 nvidia1 cuda=0,1'
}

@test 'a named container that runs, with other GPUs than those of the step' {
	run_sbatch --gres=gpu:2 --wrap "export DAVIT_CONTAINER_NIC=none
	    srun --overlap -n1 --gres=gpu:1 --container=$SMALL --container-name=work sh -c 'echo up >/home/alice/up; sleep 5' &
	    until [ -e /home/alice/up ]; do sleep 0.1; done
	    srun --overlap -n1 --gres=gpu:2 --container-name=work true
	    srun --overlap -n1 --gres=gpu:1 --container-name=work sh -c '$gpus'
	    rm /home/alice/up; scancel \$SLURM_JOB_ID.0; wait"
	assert_equal "$(grep -v 'srun: \|slurmstepd' <<<"$output")" "davit: n1: GPU 1 of this step is not in the container 'work' that another one runs
davit: n1: try: another name, or the same GPUs for both steps
0 nvidia0 cuda=0"
}

@test "a named container that runs, with more GPUs than the step's: its own are counted right" {
	run_sbatch -n3 --gres=gpu:3 --wrap "export DAVIT_CONTAINER_NIC=none
	    srun --overlap -n1 --gres=gpu:3 --container=$SMALL --container-name=work sh -c 'echo up >/home/alice/up; sleep 9' &
	    until [ -e /home/alice/up ]; do sleep 0.1; done
	    srun --exact -n1 --gres=gpu:1 sh -c 'echo up >/home/alice/up2; sleep 9' &
	    until [ -e /home/alice/up2 ]; do sleep 0.1; done
	    srun --exact -n1 --gres=gpu:1 --container-name=work sh -c '$gpus; echo step=\$SLURM_STEP_GPUS'
	    rm /home/alice/up*; scancel \$SLURM_JOB_ID.0 \$SLURM_JOB_ID.1; wait"
	assert_equal "$(grep -v 'srun: \|slurmstepd' <<<"$output")" $'0 nvidia0 nvidia1 nvidia2 cuda=1\nstep=1'
}

@test "mounts of the user's where the driver's files would go" {
	run_gpu --gres=gpu:1 --container="$SMALL" --container-mounts=/dev:/dev sh -c "$gpus"
	assert_match 'nvidia0 .*nvidia7 cuda=0'
	assert_failure n1 "no place for the libraries of the GPUs' driver: something is mounted at '/dev'" \
	    'without that mount'
	mkdir -p /home/alice/bin
	run_gpu --gres=gpu:1 --container="$SMALL" --container-mounts=./bin:/usr/bin sh -c "$gpus"
	rmdir /home/alice/bin
	assert_success
	assert_output '0 nvidia0 cuda=0'
}

@test 'numbers for which gres.conf has no device' {
	devices_in cp "$devices_state/etc/gres.conf" "$devices_root/gres.conf"
	echo 'Name=gpu File=/dev/nvidia[0-1]' >"$devices_state/etc/gres.conf"
	run_gpu --gres=gpu:4 --container="$SMALL" sh -c "$gpus"
	cp "$devices_root/gres.conf" "$devices_state/etc/gres.conf"
	assert_match '^0 nvidia0 nvidia1 nvidia2 .*nvidia7 cuda=0,1,2,3$'
	assert_failure n1 'Slurm gave the step other GPUs than gres.conf has here: all that opens is there' \
	    'tell your admin: gres.conf is not the same on all nodes'
}

# ---- CDI -----------------------------------------------------------------

# Writes standard input to the file $1 in /etc/cdi of the nodes, for this test.
cdi_file() { cat >"$devices_root/etc/cdi/$1"; }

# One of NVIDIA's for the GPUs 0 and 1, as nvidia-ctk writes it.
cdi_nvidia() {
	local i lib=/usr/lib/x86_64-linux-gnu

	{
		cat <<-END
		---
		cdiVersion: 0.5.0
		kind: nvidia.com/gpu
		devices:
		END
		for i in 0 1; do
			cat <<-END
			- name: "$i"
			  containerEdits:
			    deviceNodes:
			    - path: /dev/nvidia$i
			END
		done
		cat <<-END
		- name: all
		  containerEdits:
		    deviceNodes:
		    - path: /dev/nvidia0
		    - path: /dev/nvidia1
		containerEdits:
		  env:
		  - NVIDIA_VISIBLE_DEVICES=void
		  deviceNodes:
		  - path: /dev/nvidiactl
		  - path: /dev/nvidia-uvm
		  hooks:
		  - hookName: createContainer
		    path: /usr/bin/nvidia-cdi-hook
		    args:
		    - nvidia-cdi-hook
		    - create-symlinks
		    - --link
		    - libcuda.so.1::$lib/libcuda.so
		  - hookName: createContainer
		    path: /usr/bin/nvidia-cdi-hook
		    args:
		    - nvidia-cdi-hook
		    - enable-cuda-compat
		    - --host-driver-version=$devices_driver
		  - hookName: createContainer
		    path: /usr/bin/nvidia-cdi-hook
		    args:
		    - nvidia-cdi-hook
		    - update-ldcache
		    - --folder
		    - $lib
		  mounts:
		  - hostPath: $devices_root/lib/libcuda.so.$devices_driver
		    containerPath: $lib/libcuda.so.$devices_driver
		    options: [ro, nosuid, nodev, bind]
		  - hostPath: $devices_root/bin/nvidia-smi
		    containerPath: /usr/bin/nvidia-smi
		    options: [ro, nosuid, nodev, bind]
		END
	} | cdi_file nvidia.yaml
}

@test 'CDI: the specification of the GPUs is what counts where there is one' {
	cdi_nvidia
	run_gpu --gres=gpu:2 --container="$GLIBC" --container-mounts="$app:/app" sh -c "$gpus"'
	    ls -d nvidia-*; echo $NVIDIA_VISIBLE_DEVICES; /app/cuda libcuda.so.1 libcuda.so; ls /dev | grep -c davit-gpu
	    cd /usr/lib/x86_64-linux-gnu; ls -d libcuda*; test -x /usr/bin/nvidia-smi && echo smi'
	assert_success
	assert_output "0 nvidia0 nvidia1 cuda=0,1
nvidia-uvm
void
libcuda.so.1: /usr/lib/x86_64-linux-gnu/libcuda.so.1, the node's
libcuda.so: /usr/lib/x86_64-linux-gnu/libcuda.so.1, the node's
0
libcuda.so
libcuda.so.1
libcuda.so.$devices_driver
smi"
}

@test 'CDI: one that lacks a GPU of the step is not used for it' {
	cdi_nvidia
	run_gpu --gres=gpu:3 --container="$SMALL" sh -c "$gpus; ls /dev/davit-gpu | head -n 1; echo v\$NVIDIA_VISIBLE_DEVICES"
	assert_success
	assert_output $'0 nvidia0 nvidia1 nvidia2 cuda=0,1,2\nlibcuda.so\nv'
}

@test 'CDI: parts of a GPU, of which nobody can tell which one the step has' {
	cdi_file nvidia.yaml <<-END
	cdiVersion: 0.5.0
	kind: nvidia.com/gpu
	devices:
	- name: "0:0"
	  containerEdits: {deviceNodes: [{path: /dev/nvidia0}, {path: /dev/nvidia-caps/nvidia-cap2}], env: [BY=cdi]}
	END
	run_gpu --gres=gpu:1 --container="$SMALL" sh -c "$gpus; echo by\$BY"
	assert_success
	assert_output $'0 nvidia0 cuda=0\nby'
}

@test 'CDI: a newer libcuda of the image for older drivers' {
	local tree=$devices_root/compat

	mkdir -p "$tree"
	cp -a "$DAVIT_WORK/trees/glibc" "$tree/"
	mkdir -p "$tree/glibc/usr/local/cuda/compat"
	sed 's/node/image/' "$devices_root/cuda.c" >"$tree/cuda.c"
	cc -shared -fPIC -Wl,-soname,libcuda.so.1 -o "$tree/glibc/usr/local/cuda/compat/libcuda.so.560.28.03" "$tree/cuda.c"
	ln -s libcuda.so.560.28.03 "$tree/glibc/usr/local/cuda/compat/libcuda.so.1"
	cdi_nvidia
	run_gpu --gres=gpu:1 --container="$tree/glibc" --container-mounts="$app:/app" /app/cuda libcuda.so.1
	assert_success
	assert_output "libcuda.so.1: /usr/local/cuda/compat/libcuda.so.1, the image's"
}

@test 'CDI: devices by name' {
	cdi_file vendor.json <<-END
	{"cdiVersion": "0.6.0", "kind": "vendor.com/card", "containerEdits": {"env": ["CARD=yes"]},
	 "devices": [{"name": "first", "containerEdits": {"env": ["FIRST=1"],
		"deviceNodes": [{"path": "/dev/card", "hostPath": "/dev/nvidiactl"}],
		"mounts": [{"hostPath": "/etc/hosts", "containerPath": "/opt/vendor/name", "options": ["ro"]}]}},
	  {"name": "second", "containerEdits": {"env": ["SECOND=2"]}}]}
	END
	run_gpu --container="$SMALL" --container-device=vendor.com/card=first sh -c \
	    'stat -c %t:%T /dev/card; grep -c localhost /opt/vendor/name; echo $CARD $FIRST $SECOND; touch /opt/vendor/name 2>&1 | grep -o Read-only'
	assert_output $'f0:9\n1\nyes 1\nRead-only'
	run_gpu --container="$SMALL" --container-device=vendor.com/card=first,vendor.com/card=second \
	    sh -c 'echo $CARD $FIRST $SECOND'
	assert_success
	assert_output 'yes 1 2'
	run_gpu --container="$SMALL" --container-device=vendor.com/card=fist true
	assert_status 125
	assert_failure n1 "*'vendor.com/card=fist'*" '*vendor.com/card=first*'
	run_gpu --container="$SMALL" --container-device=card true
	assert_refused srun "--container-device: 'card' is not the name of a device" \
	    'VENDOR/CLASS=NAME, such as nvidia.com/gpu=0'
}

@test 'CDI: a file that is wrong names line and field, and does not disturb others' {
	cdi_file broken.yaml <<-END
	cdiVersion: 0.5.0
	kind: vendor.com/card
	devices:
	- name: first
	  containerEdits:
	    deviceNodes:
	    - path: dev/card
	END
	run_gpu --gres=gpu:1 --container="$SMALL" sh -c "$gpus"
	assert_success
	assert_output '0 nvidia0 cuda=0'
	run_gpu --container="$SMALL" --container-device=vendor.com/card=first true
	assert_status 125
	assert_stderr "/etc/cdi/broken.yaml:7: 'devices\[0\].containerEdits.deviceNodes\[0\].path'"
}

@test 'CDI: what a specification names and the node lacks' {
	cdi_file vendor.yaml <<-END
	cdiVersion: 0.5.0
	kind: vendor.com/card
	devices:
	- name: file
	  containerEdits: {mounts: [{hostPath: /none/such, containerPath: /x}]}
	- name: node
	  containerEdits: {deviceNodes: [{path: /dev/none}]}
	- name: tmpfs
	  containerEdits: {mounts: [{hostPath: /tmp, containerPath: /x, type: tmpfs}]}
	END
	run_gpu --container="$SMALL" --container-device=vendor.com/card=file true
	assert_status 125
	assert_failure n1 "device 'vendor.com/card=file': '/etc/cdi/vendor.yaml' needs the node's '/none/such': No such file or directory" \
	    'tell your admin: the file is out of date, make it anew (such as `nvidia-ctk cdi generate`)'
	run_gpu --container="$SMALL" --container-device=vendor.com/card=node true
	assert_status 125
	assert_failure n1 "device 'vendor.com/card=node': '/etc/cdi/vendor.yaml' needs the node's '/dev/none': No such file or directory" '*'
	run_gpu --container="$SMALL" --container-device=vendor.com/card=tmpfs true
	assert_status 125
	assert_failure n1 "device 'vendor.com/card=tmpfs': '/etc/cdi/vendor.yaml' wants a file system of type 'tmpfs' at '/x'" \
	    'tell your admin: Davit mounts files of the node only'
}

@test 'CDI: hooks are not run, unless the site names them' {
	local conf=$DAVIT_PREFIX/etc/davit

	cat >"$devices_root/bin/hook" <<-'END'
	#!/bin/sh
	state=$(cat)
	bundle=$(echo "$state" | sed 's/.*"bundle":"\([^"]*\)".*/\1/')
	root=$(sed 's/.*"path":"\([^"]*\)".*/\1/' "$bundle/config.json")
	id -un >"$TO"
	cat "$root/etc/image" >>"$TO"
	echo "$@" >>"$TO"
	sleep 600 &    # and is not left behind
	exit "$CODE"
	END
	chmod 755 "$devices_root/bin/hook"
	cdi_file vendor.yaml <<-END
	cdiVersion: 0.5.0
	kind: vendor.com/card
	devices:
	- name: good
	  containerEdits: {hooks: [{hookName: createContainer, path: $devices_root/bin/hook,
	    args: [hook, prepare], env: [PATH=/usr/bin:/bin, TO=/home/alice/hook, CODE=0]}]}
	- name: bad
	  containerEdits: {hooks: [{hookName: createContainer, path: $devices_root/bin/hook,
	    args: [hook], env: [PATH=/usr/bin:/bin, TO=/home/alice/hook, CODE=3]}]}
	END
	run_gpu -n2 --container="$SMALL" --container-device=vendor.com/card=good echo up
	assert_equal "$output" $'up\nup'
	assert_failure n1 "'/etc/cdi/vendor.yaml:5': the hook '$devices_root/bin/hook prepare' is not run" \
	    "if the device does not work without, ask your admin for 'cdi-hooks' in davit.conf"
	[[ ! -e /home/alice/hook ]] || complain 'it was run'
	mkdir -p "$conf"
	echo "cdi-hooks: [$devices_root/bin/hook]" >"$conf/davit.conf"
	run_gpu -n2 --container="$SMALL" --container-device=vendor.com/card=good sh -c 'ls /dev | grep -c bundle'
	assert_equal "$output" $'0\n0'
	assert_equal "$(</home/alice/hook)" $'alice\nsmall\nprepare'
	run_gpu --container="$SMALL" --container-device=vendor.com/card=bad true
	assert_status 125
	assert_failure n1 "the hook '$devices_root/bin/hook' failed with code 3" \
	    "tell your admin: CDI's file or 'cdi-hooks' in davit.conf is wrong"
}

# ---- adapters ------------------------------------------------------------

@test 'adapters: those with a cable that the user may open' {
	devices_in chmod 600 /dev/infiniband/umad2
	run_srun --container="$SMALL" ls /dev/infiniband
	devices_in chmod 666 /dev/infiniband/umad2
	without_memlock
	assert_success
	assert_equal "$(xargs <<<"$output")" 'rdma_cm umad0 umad1 umad3 uverbs0 uverbs1 uverbs2 uverbs3'
	run_srun --container="$SMALL" --container-nic=none ls -d /dev/infiniband
	assert_status 1
	run_srun --container="$SMALL" --container-nic=nearst true
	assert_refused srun "--container-nic: 'nearst' is none of all, none, nearest" nearest
}

# Prints what libraries are told.
told='echo $SLURM_PROCID ${UCX_NET_DEVICES-nothing} ${OMPI_MCA_btl_openib_if_include-nothing}'

@test "adapters: the nearest to the rank's GPU" {
	run_alice env HWLOC_XMLFILE="$DAVIT_TESTS/data/hwloc/switches.xml" srun -n4 --gpus-per-task=2 \
	    --container="$SMALL" --container-nic=nearest sh -c "$told"
	without_memlock
	assert_success
	assert_equal "$(sort <<<"$output")" '0 mlx5_0:1 mlx5_0
1 mlx5_1:1 mlx5_1
2 mlx5_2:1 mlx5_2
3 mlx5_3:1 mlx5_3'
	run_alice env HWLOC_XMLFILE="$DAVIT_TESTS/data/hwloc/switches.xml" UCX_NET_DEVICES=mine \
	    OMPI_MCA_btl_openib_if_include= srun -n2 --gpus-per-task=2 --container="$SMALL" \
	    --container-nic=nearest sh -c 'echo $UCX_NET_DEVICES,$OMPI_MCA_btl_openib_if_include'
	without_memlock
	assert_success
	assert_output $'mine,\nmine,'
}

@test 'adapters: where all are as near, or nobody asks, nothing is said' {
	run_srun --gres=gpu:8 --container="$SMALL" --container-nic=nearest sh -c "$told"
	without_memlock
	assert_success
	assert_output '0 nothing nothing'
	run_alice env HWLOC_XMLFILE="$DAVIT_TESTS/data/hwloc/switches.xml" srun -n4 --gpus-per-task=2 \
	    --container="$SMALL" sh -c "$told"
	without_memlock
	assert_success
	assert_equal "$(sort <<<"$output" | head -n 1)" '0 nothing nothing'
}

@test 'adapters: too little memory may be locked' {
	near
	as_prefix+=(prlimit --memlock=65536:65536)
	run_davit --nic=all "$SMALL" echo up
	assert_output up
	assert_failure '*' 'processes may lock 64 KiB of memory, and RDMA needs as much as its buffers take' \
	    'ask your admin for LimitMEMLOCK=infinity of slurmd, and PropagateResourceLimitsExcept=MEMLOCK in slurm.conf'
}

@test 'adapters: libraries of the node where the image has none and the site says so' {
	mkdir -p /home/alice/.config/davit
	cat >/home/alice/.config/davit/davit.conf <<-END
	nic-libraries: [libibverbs.so.*, libmunge.so.*]
	nic-files: [/etc/libibverbs.d]
	END
	run_srun --container="$GLIBC" sh -c 'ls -d /dev/davit-nic/libibverbs.so.1 /etc/libibverbs.d'
	without_memlock
	assert_success
	assert_output $'/dev/davit-nic/libibverbs.so.1\n/etc/libibverbs.d'
	rm -r /home/alice/.config
	run_srun --container="$GLIBC" sh -c 'ls -d /dev/davit-nic /etc/libibverbs.d'
	assert_status 2
}

# ---- davit devices -------------------------------------------------------

@test 'davit devices: what there is, where, and what a step would get' {
	run_devices --gpus=2,3
	assert_match 'GPUs:
    NVIDIA, NVIDIA Test 0 /dev/nvidia0'
	assert_match '  \* 2: NVIDIA, NVIDIA Test 2 /dev/nvidia2
        at 0000:33:00.0'
	assert_match '  \* mlx5_1: InfiniBand, port 1, ib1 /dev/infiniband/uverbs1 /dev/infiniband/umad1'
	assert_match 'libcuda.so.1 from .*/lib/libcuda.so.1'
	assert_match 'mlx5_4 has no active port: no container gets it'
	assert_match 'try: look at cable and subnet manager'
	assert_match 'nvidia_peermem is not loaded'
	assert_status 1
}

@test 'davit devices --json, in a step and by topology' {
	run_alice env HWLOC_XMLFILE="$DAVIT_TESTS/data/hwloc/switches.xml" srun --gres=gpu:2 "$DAVIT" devices --json
	assert_status 1
	# shellcheck disable=SC2016
	jq -e '.node == "n1" and ([.gpus[] | select(.granted) | .files[0]] == ["/dev/nvidia0", "/dev/nvidia1"])
	    and .gpus[1].number == 1 and .adapters[0].name == "mlx5_0" and .adapters[0].kind == "InfiniBand"
	    and .adapters[0].nearest_to == ["/dev/nvidia0", "/dev/nvidia1"]
	    and (.adapters[0].place | contains("package 0")) and .container.possible
	    and (.container.libraries | map(.soname) | contains(["libcuda.so.1"]))
	    and any(.problems[]; (.cause | contains("mlx5_4")) and .remedy != null)' \
	    <"$BATS_TEST_TMPDIR/out" >/dev/null || complain 'not what is there'
}

@test 'davit devices: a step that would not start, and bad options' {
	run_devices --gpus=77
	assert_status 1
	assert_match 'A container would not start, see below.'
	assert_match 'the node has no GPU 77'
	run_devices --gpus=x
	assert_status 125
	run_devices more
	assert_status 125
	assert_failure '*' "unexpected argument 'more'" 'davit devices --help'
	run_devices --help
	assert_success
	assert_match '^Usage: davit devices'
}

# ---- least privilege -----------------------------------------------------

@test 'least-privilege: GPUs and adapters only where the image or the user asks for them' {
	local tree=$BATS_TEST_TMPDIR/tree image=/home/alice/asks.sqfs two=$'nvidia0\nnvidia1'
	local see='cd /dev; ls -d nvidia[0-9]* infiniband 2>/dev/null; true'

	mkdir -p "$DAVIT_PREFIX/etc/davit"
	echo 'least-privilege: yes' >"$DAVIT_PREFIX/etc/davit/davit.conf"
	run_alice srun --gres=gpu:2 --container="$SMALL" sh -c "$see"
	assert_success
	assert_output ''
	run_gpu --gres=gpu:2 --container-gpus=auto --container="$SMALL" sh -c "$see"
	assert_success
	assert_output "$two"
	unsquashfs -quiet -no-progress -dest "$tree" "$SMALL" >/dev/null
	mkdir "$tree/.davit"
	printf 'version: 1\ndevices: {gpus: yes}\n' >"$tree/.davit/permissions.yaml"
	mksquashfs "$tree" "$image" -noappend -no-progress -quiet -all-root >/dev/null
	run_alice srun --gres=gpu:2 --container="$image" sh -c "$see"
	assert_success
	assert_output "$two"
	printf 'least-privilege: yes\nforbid: [gpus]\n' >"$DAVIT_PREFIX/etc/davit/davit.conf"
	run_alice srun --gres=gpu:2 --container="$image" sh -c "$see"
	assert_status 0
	assert_output ''
	assert_stderr "the image asks for the node's GPUs, and does not get it: .*davit.conf:2 forbids the option 'gpus'"
	printf 'version: 1\ndevices: {gpus: no}\n' >"$tree/.davit/permissions.yaml"
	mksquashfs "$tree" "$image" -noappend -no-progress -quiet -all-root >/dev/null
	rm "$DAVIT_PREFIX/etc/davit/davit.conf"
	run_gpu --gres=gpu:2 --container="$image" sh -c "$see"
	assert_success
	assert_output ''
}
