# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# devices.bash - a cluster whose nodes have GPUs and adapters, on a machine
# that has none: device files without a driver behind them, what the drivers
# would show in /proc and /sys, libraries with the right names, and a
# gres.conf.
#
# All of it is in a mount namespace that the daemons of the cluster are in:
# /dev, /etc, /proc/driver and /sys/class are others there.

devices_state=$DAVIT_WORK/cluster-devices
devices_root=$DAVIT_WORK/devices
devices_driver=550.54.15
devices_vendor=${devices_vendor-nvidia}    # or amd: 4 GPUs, and no adapters
# The addresses in tests/data/hwloc/switches.xml: two GPUs and an adapter below
# each of four switches, and an adapter without a cable.
devices_gpus='13 14 33 34 53 54 73 74'
devices_nics='15 35 55 75 01'

# A character device without a driver: what opens it gets ENXIO.
devices_node() { mknod -m "${3-666}" "$1" c 240 "$2"; }

# A /dev with the files of this machine's, and those of GPUs and adapters.
devices_make_dev() {
	local dev=$devices_root/dev file to i=0 name

	mkdir -p "$dev"
	mount -t tmpfs -o mode=755 dev "$dev"
	for file in /dev/*; do
		to=$dev/${file##*/}
		if [[ -L $file ]]; then
			cp -P "$file" "$to"
		elif [[ -d $file ]]; then
			mkdir "$to"
			mount --rbind "$file" "$to"
		else
			touch "$to"
			mount --bind "$file" "$to"
		fi
	done
	mkdir "$dev/dri"
	if [[ $devices_vendor == amd ]]; then
		for name in dri/renderD12{8..9} dri/renderD13{0..1} dri/card{0..3} kfd; do
			devices_node "$dev/$name" $((i += 1))
		done
		mount --rbind "$dev" /dev
		return
	fi
	mkdir "$dev"/{nvidia-caps,infiniband}
	for name in nvidia{0..7} nvidiactl nvidia-uvm nvidia-uvm-tools nvidia-modeset \
	    dri/renderD12{8..9} dri/card{0..1} kfd infiniband/uverbs{0..4} infiniband/umad{0..4} \
	    infiniband/rdma_cm gdrdrv; do
		devices_node "$dev/$name" $((i += 1))
	done
	devices_node "$dev/nvidia-caps/nvidia-cap1" 60 400    # for MIG's admin
	devices_node "$dev/nvidia-caps/nvidia-cap2" 61 444
	mount --rbind "$dev" /dev
}

# What NVIDIA's driver shows.
devices_make_proc() {
	local i=0 bus dir=$devices_root/driver/nvidia

	for bus in $devices_gpus; do
		mkdir -p "$dir/gpus/0000:$bus:00.0"
		cat >"$dir/gpus/0000:$bus:00.0/information" <<-END
		Model: 		 NVIDIA Test $i
		IRQ:   		 10$i
		GPU UUID: 	 GPU-0000000$i-aaaa-bbbb-cccc-0123456789ab
		Bus Location: 	 0000:$bus:00.0
		Device Minor: 	 $i
		END
		i=$((i + 1))
	done
	echo "NVRM version: NVIDIA UNIX x86_64 Kernel Module  $devices_driver  Thu Feb 22 01:44:30 UTC 2024" \
	    >"$dir/version"
	mount --bind "$devices_root/driver" /proc/driver
}

# The GPUs of AMD's driver.
devices_make_drm() {
	local class=$1 i=0 bus dir

	for bus in 03 43 83 c3; do
		dir=$class/davit/0000:$bus:00.0
		mkdir -p "$dir/drm"/{card$i,renderD$((128 + i))} "$class/davit/amdgpu"
		echo 0x1002 >"$dir/vendor"
		echo "AMD Test $i" >"$dir/product_name"
		ln -s ../amdgpu "$dir/driver"
		mkdir -p "$class"/drm/{card$i,renderD$((128 + i))}
		ln -s "../../davit/0000:$bus:00.0" "$class/drm/card$i/device"
		ln -s "../../davit/0000:$bus:00.0" "$class/drm/renderD$((128 + i))/device"
		i=$((i + 1))
	done
}

# Adapters mlx5_0 to mlx5_4, of which the last has no cable.
devices_make_sys() {
	local class=$devices_root/class i=0 bus dir ib

	mkdir -p "$class"
	cp -a /sys/class/. "$class/" 2>/dev/null || true
	if [[ $devices_vendor == amd ]]; then
		devices_make_drm "$class"
		mount --rbind "$class" /sys/class
		return
	fi
	for bus in $devices_nics; do
		dir=$class/davit/0000:$bus:00.0
		ib=$class/infiniband/mlx5_$i
		mkdir -p "$dir"/{infiniband_verbs/uverbs$i,infiniband_mad/umad$i,net/ib$i} "$ib/ports/1" \
		    "$class"/infiniband_{verbs/uverbs,mad/umad}$i
		ln -s "../../davit/0000:$bus:00.0" "$ib/device"
		echo 4: ACTIVE >"$ib/ports/1/state"
		echo InfiniBand >"$ib/ports/1/link_layer"
		echo mlx5_$i | tee "$class"/infiniband_{verbs/uverbs,mad/umad}$i/ibdev >/dev/null
		echo 1 >"$class/infiniband_mad/umad$i/port"
		i=$((i + 1))
	done
	echo 1: DOWN >"$class/infiniband/mlx5_4/ports/1/state"
	mount --rbind "$class" /sys/class
}

# Libraries as a driver installs them, found by the node's ld.so.cache.
devices_make_libraries() {
	local dir=$devices_root/lib name version soname

	mkdir -p "$dir"
	cat >"$devices_root/cuda.c" <<-END
	const char *davit_test_origin(void) { return "node"; }
	int cuDriverGetVersion(int *version) { *version = 12040; return 0; }
	END
	for name in cuda nvidia-ml nvidia-ptxjitcompiler; do
		soname=lib$name.so.1
		cc -shared -fPIC -Wl,-soname,"$soname" -o "$dir/lib$name.so.$devices_driver" \
		    "$devices_root/cuda.c"
		ln -sf "lib$name.so.$devices_driver" "$dir/$soname"
	done
	# one for programs of 32 bits, without a C library
	mkdir "$dir/32"
	echo 'int cuInit(void) { return 0; }' >"$devices_root/cuda32.c"
	cc -m32 -nostdlib -shared -fPIC -Wl,-soname,libcuda.so.1 \
	    -o "$dir/32/libcuda.so.$devices_driver" "$devices_root/cuda32.c"
	ln -s "libcuda.so.$devices_driver" "$dir/32/libcuda.so.1"
	mkdir -p "$devices_root/bin"
	printf '#!/bin/sh\necho smi\n' >"$devices_root/bin/nvidia-smi"
	chmod 755 "$devices_root/bin/nvidia-smi"
	mount --bind "$devices_root/bin" /usr/local/bin
	printf '%s\n' "$dir" "$dir/32" >/etc/ld.so.conf.d/davit-devices.conf
	ldconfig -X
}

devices_make() {
	mkdir -p "$devices_root"
	devices_make_dev
	devices_make_sys
	mkdir -p "$devices_root/etc"
	cp -a /etc/. "$devices_root/etc/"
	mount --bind "$devices_root/etc" /etc
	mkdir -p /etc/cdi
	if [[ $devices_vendor == nvidia ]]; then
		devices_make_proc
		devices_make_libraries
	fi
}

# Starts the cluster in a namespace of its own, with the options $@.
devices_start() {
	if [[ $devices_vendor == amd ]]; then
		devices_count=4
		echo 'Name=gpu File=/dev/dri/renderD[128-131] Flags=amd_gpu_env'
	else
		devices_count=8
		echo 'Name=gpu File=/dev/nvidia[0-7] Flags=nvidia_gpu_env'
	fi >"$DAVIT_WORK/gres.conf"
	export -f devices_start_inside devices_make_drm devices_make devices_make_dev devices_make_proc \
	    devices_make_sys devices_make_libraries devices_node
	export devices_state devices_root devices_driver devices_vendor devices_count devices_gpus devices_nics
	unshare --mount --propagation private bash -ec 'devices_start_inside "$@"' - "$@"
}
devices_start_inside() {
	devices_make
	"$DAVIT_CLUSTER_TOOL" start --state "$devices_state" --keep-users --nodes 1 \
	    --prefix "$DAVIT_PREFIX" --conf GresTypes=gpu --node-conf "Gres=gpu:$devices_count" \
	    --conf-file "$DAVIT_WORK/gres.conf" --conf PropagateResourceLimitsExcept=MEMLOCK \
	    "$@" >/dev/null 3>&-
}

# Runs a command where the nodes of the cluster are.
devices_in() { nsenter --target "$(<"$devices_state/run/n1.pid")" --mount -- "$@"; }

devices_stop() {
	"$DAVIT_CLUSTER_TOOL" stop --state "$devices_state"
	rm -rf "$devices_root" 2>/dev/null || true
}
