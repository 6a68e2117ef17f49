# SPDX-License-Identifier: BSD-3-Clause
# transport.bats - how the kernel's requests get to the image server: /dev/fuse, or io_uring
#
# io_uring takes Linux 6.14, and there is a switch for the whole machine. Here it is turned on where there is
# one, and back in the end. Where it is off is played: a file in its place.

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
switch=/sys/module/fuse/parameters/enable_uring
site=$DAVIT_PREFIX/etc/davit/davit.conf
remedy='leave out --container-image-transport (davit.conf: image-transport: auto), or ask your admin'
sum='cd /numbers 2>/dev/null; find . -type f -exec sha256sum {} + | sort | sha256sum'
image=$DAVIT_WORK/transport.sqfs

setup_file() {
	local tree=$DAVIT_WORK/transport i

	export switch_was=''
	[[ ! -e $switch ]] || switch_was=$(<"$switch")
	unsquashfs -q -n -d "$tree" "$SMALL" >/dev/null
	mkdir "$tree/numbers"
	for i in {1..300}; do
		head -c $((i * 997)) /dev/urandom >"$tree/numbers/$i"
	done
	head -c 20000000 /dev/urandom >"$tree/numbers/large"
	mksquashfs "$tree" "$image" -quiet -no-progress >/dev/null
	chmod 644 "$image"
	sha=$(cd "$tree/numbers" && bash -c "$sum")
	export sha
}
teardown_file() { rm -rf "$image" "$DAVIT_WORK/transport"; }

setup() {
	mkdir -p "${site%/*}"
	chmod 755 "${site%/*}"
	leftovers_note
}
teardown() {
	[[ ! $switch_was ]] || echo "$switch_was" >"$switch"
	rm -f "$site"
	leftovers_assert
	rmdir "${site%/*}" 2>/dev/null || true
}

# Turned on, or the test is skipped; nobody else's test may fail for it.
turn_on() {
	[[ $switch_was ]] || skip 'the kernel has no FUSE over io_uring (Linux 6.14)'
	echo Y >"$switch"
	[[ $("$DAVIT" doctor --json) != *'built without'* ]] || skip 'built without liburing, or libfuse without custom I/O'
}

# The next command finds "$2" in the file $1.
playing() {
	printf '%s\n' "$2" >"$BATS_TEST_TMPDIR/played"
	chmod 644 "$BATS_TEST_TMPDIR/played"
	as_prefix=(unshare --mount --propagation private bash -c 'mount --bind "$1" "$2" && shift 2 && exec "$@"' - \
	    "$BATS_TEST_TMPDIR/played" "$1")
}

# Where the kernel has no such switch, that is what is said.
off() {
	if [[ $switch_was ]]; then
		echo "it is switched off ($switch is N)"
	else
		echo 'the kernel offers no FUSE over io_uring (Linux 6.14 and later do)'
	fi
}

# begin_container ARG...: one that stays, under davit run; sets $json.
begin_container() {
	begin "$DAVIT" run "$@" "$image" sh -c "$sum; exec sleep 30"
	await_output '-'
	json=$(alice "$DAVIT" ps --json)
}
end_container() {
	pkill -KILL -u alice -x sleep
	finish
}
transport() { jq -r '.containers[0].transport' <<<"$json"; }

# None of the requests, or nearly all: what comes before the rings are there does not.
assert_transport() {
	assert_equal "$(transport)" "$1"
	case $1 in
	dev) jq -e '.containers[0].statistics.io_uring_requests == 0' <<<"$json" ;;
	*) jq -e '.containers[0] | .statistics.io_uring_requests >= .statistics.requests and
	    .served >= .statistics.bytes_read' <<<"$json" ;;
	esac >/dev/null || complain "$json"
}

@test 'by /dev/fuse where the node has no io_uring, or where it is asked for' {
	local value

	[[ ! $switch_was ]] || playing "$switch" N
	begin_container
	assert_transport dev
	end_container
	assert_output "$sha"
	begin_container --image-transport=dev
	assert_transport dev
	end_container
	assert_output "$sha"
}

@test 'io_uring is demanded, and not there: refused, and why' {
	[[ ! $switch_was ]] || playing "$switch" N
	run_davit --image-transport=io_uring "$SMALL" true
	assert_status 125
	assert_failure "$host" "the image server cannot use io_uring: $(off)" "$remedy"
	[[ ! $switch_was ]] || playing "$switch" N
	echo 'image-transport: io_uring' >"$site"
	run_davit "$SMALL" true
	assert_status 125
	assert_failure "$host" "the image server cannot use io_uring: $(off)" "$remedy"
	# the user's choice outweighs it; and a directory has no image server
	run_davit --image-transport=dev "$SMALL" true
	assert_success
	[[ ! $switch_was ]] || playing "$switch" N
	run_davit "$DAVIT_WORK/transport" true
	assert_success
}

@test 'io_uring is demanded in a step: each node tells once' {
	[[ ! $switch_was ]] || echo N >"$switch"
	run_srun -N2 -n4 --container="$SMALL" --container-image-transport=io_uring true
	assert_status 125
	assert_failure 'n1 n2' "the image server cannot use io_uring: $(off)" "$remedy"
	run_srun --container="$SMALL" --container-image-transport=auto true
	assert_success
}

@test 'other words are refused' {
	run_srun --container="$SMALL" --container-image-transport=ring true
	assert_refused srun "--container-image-transport: 'ring' is none of auto, io_uring, dev"
	run_davit --image-transport= "$SMALL" true
	assert_status 125
	echo 'image-transport: uring' >"$site"
	run_davit "$SMALL" true
	assert_status 125
	assert_stderr "$site:1: .*'uring'"
}

@test 'io_uring is switched off for the node' {
	turn_on
	playing /proc/sys/kernel/io_uring_disabled 2
	run_davit --image-transport=io_uring "$SMALL" true
	assert_status 125
	assert_failure "$host" \
	    'the image server cannot use io_uring: io_uring is switched off (kernel.io_uring_disabled is 2)' "$remedy"
	playing /proc/sys/kernel/io_uring_disabled 1
	run_davit --image-transport=io_uring "$SMALL" true
	assert_failure "$host" \
	    'the image server cannot use io_uring: io_uring is switched off for users (kernel.io_uring_disabled is 1)' \
	    "$remedy"
	playing /sys/devices/system/cpu/possible 0-1,4-5
	run_davit --image-transport=io_uring "$SMALL" true
	assert_failure "$host" \
	    "the image server cannot use io_uring: the node's CPUs cannot be counted (/sys/devices/system/cpu/possible)" \
	    "$remedy"
}

@test 'by io_uring: the right bytes, to many at a time' {
	turn_on
	begin_container
	assert_transport io_uring
	end_container
	assert_output "$sha"
	run_davit --image-transport=io_uring --stats "$image" sh -c \
	    "for i in 1 2 3 4 5 6; do ($sum) & done; wait"
	assert_status 0
	assert_equal "$(sort -u <<<"$output")" "$sha"
	assert_equal "${#lines[@]}" 6
	assert_stderr 'misses [0-9]+, requests by io_uring [0-9]{3,}'
}

# A ring for each CPU that the step has, and no CPU's requests without one.
@test 'by io_uring in a step: its CPUs, and those who look from others' {
	local all

	turn_on
	all=$(nproc --all)
	begin srun -n1 -c1 --container="$image" --container-image-transport=io_uring sh -c "$sum; exec sleep 60"
	await_output '-'
	json=$(alice "$DAVIT" ps --json)
	assert_transport io_uring
	while ((all-- > 0)); do
		run_alice taskset -c "$all" "$DAVIT" enter "$(job_now).0" sh -c "$sum"
		assert_output "$sha"
	done
	scancel "$(job_now)"
	finish
	assert_match "$sha"
}

# Which CPU of several that share a ring asks is all the same. A soft limit is a rank's, not the server's.
@test 'by io_uring with fewer rings than CPUs' {
	turn_on
	begin taskset -c "$(($(nproc --all) - 1))" env SLURM_CPUS_ON_NODE=1 prlimit --memlock=0: \
	    "$DAVIT" run --image-transport=io_uring "$image" sh -c "$sum; exec sleep 30"
	await_output '-'
	json=$(alice "$DAVIT" ps --json)
	assert_transport io_uring
	assert_equal "$(server_rings "$(image_servers)")" 1
	end_container
	assert_output "$sha"
}

@test 'a user who may lock no memory: by /dev/fuse, or refused where io_uring is demanded' {
	turn_on
	run_alice prlimit --memlock=0:0 "$DAVIT" run --stats "$image" sh -c "$sum"
	assert_status 0
	assert_output "$sha"
	[[ $stderr != *'by io_uring'* ]] || complain 'by io_uring'
	run_alice prlimit --memlock=0:0 "$DAVIT" run --image-transport=io_uring "$image" true
	assert_status 125
	assert_failure "$host" "cannot start the image server: the image server cannot use io_uring: $(
	    )cannot make a ring: too little memory may be locked (ulimit -l)" "$remedy"
}

@test 'by io_uring: the server is killed, stopped, and goes on' {
	local server

	turn_on
	begin "$DAVIT" run --image-transport=io_uring "$image" sh -c \
	    'echo up; sleep 3; ls /numbers | wc -l; echo up; sleep 30; (read -r x </numbers/7) || echo gone'
	await_output up
	server=$(image_servers)
	kill -STOP "$server"
	sleep 4
	kill -CONT "$server"
	await_output up 2
	kill -KILL "$server"
	pkill -KILL -u alice -x sleep
	finish
	assert_output $'up\n301\nup\ngone'
}

@test 'davit doctor tells which it is' {
	[[ ! $switch_was ]] || playing "$switch" N
	run_alice "$DAVIT" doctor
	assert_match "io-uring +.*images are served through /dev/fuse: $(off | sed 's/[()]/./g')"
	turn_on
	run_alice "$DAVIT" doctor
	assert_match 'io-uring +.*images are served by io_uring'
}
