# SPDX-License-Identifier: BSD-3-Clause
# limits.bats - large numbers: mounts, groups, arguments and environment

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

many=/run/davit-test/many    # with 16,384 mounts

teardown() {
	[[ ! ${mount_max-} ]] || echo "$mount_max" >/proc/sys/fs/mount-max
	! mountpoint -q $many || umount -l $many
	leftovers_assert
}

# ".:/m/N", the working directory, for the numbers up to $1. One word has 128 KiB at most.
mounts() { seq -s , -f ".:/m/%.0f" "$1"; }

# 16,384 of them, each below the others
make_many() {
	local i

	mkdir -p $many
	mount -t tmpfs none $many
	mkdir $many/{1..14}
	for i in {1..14}; do
		mount --rbind $many $many/"$i"
	done
}

@test 'a node with 16,384 mounts' {
	local before

	make_many
	before=$(wc -l </proc/self/mountinfo)
	((before > 16384))
	run_srun -n4 --container="$SMALL" sh -c 'grep -c many /proc/self/mountinfo; cat /etc/image'
	assert_equal "$(sort -u <<<"$output")" $'0\nsmall'
	run_davit "$DAVIT_WORK/trees/small" cat /etc/image
	assert_output other
	# all of them in the container
	run_davit --mounts=$many:/mnt "$SMALL" sh -c 'grep -c " /mnt" /proc/self/mountinfo'
	assert_success
	assert_output 16384
	assert_equal "$(wc -l </proc/self/mountinfo)" "$before"
}

@test 'more mounts than the kernel allows' {
	make_many
	mount_max=$(</proc/sys/fs/mount-max)    # the whole machine's; teardown puts it back
	echo 20000 >/proc/sys/fs/mount-max
	run_davit --mounts=$many:/mnt "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" "cannot mount at '/mnt' in the container: No space left on device" \
	    'fewer mounts, or ask your admin to raise fs.mount-max'
}

@test 'thousands of mounts, whatever the soft limit of open files' {
	run_alice bash -c "ulimit -Sn 256; exec $DAVIT run --mounts=$(mounts 2000) $SMALL sh -c 'ls /m | wc -l; ulimit -Sn'"
	assert_success
	assert_output $'2000\n256'
	run_alice bash -c "ulimit -Sn 256; exec srun --container=$SMALL --container-mounts=$(mounts 2000) sh -c 'ls /m | wc -l; ulimit -Sn'"
	assert_success
	assert_output $'2000\n256'
	run_alice bash -c "ulimit -n 256; exec $DAVIT run --mounts=$(mounts 2000) $SMALL true"
	assert_status 125
	assert_failure "$(hostname -s)" "cannot mount '.': Too many open files" 'raise the limit of open files (ulimit -n)'
}

@test '10,000 mount points: on a tmpfs, and what the image server has no room for' {
	run_srun --container="$SMALL" --container-mounts="tmpfs:/m,$(mounts 10000)" sh -c 'ls /m | wc -l; grep -c " /m/" /proc/self/mountinfo'
	assert_success
	assert_output $'10000\n10000'
	run_srun --container="$SMALL" --container-mounts="$(mounts 5000)" true
	assert_status 125
	assert_failure n? "cannot make the mount point '/m/*': No space left on device" \
	    'an image that has these directories, or tmpfs:DIR as a mount above them'
}

@test 'a user in 65,536 groups' {
	local name last

	cp -a /etc/group "$BATS_TEST_TMPDIR/group"
	cp -a /etc/passwd "$BATS_TEST_TMPDIR/passwd"
	echo "carol:x:4000:4000::/tmp:/bin/sh" >>/etc/passwd
	{
		echo 'carol:x:4000:'
		seq 100002 2 231070 | sed 's/.*/g&:x:&:carol/'
	} >>/etc/group
	mkdir -p /home/carol
	# each group opens files, also those without a number in the container
	last=231070
	echo of the last >/home/carol/file
	chown "root:$last" /home/carol/file
	chmod 640 /home/carol/file
	carol() { (cd /tmp && exec setpriv --reuid carol --regid carol --init-groups env -i PATH="$PATH" \
	    HOME=/home/carol USER=carol SLURM_CONF="$SLURM_CONF" timeout 40 "$@" 3>&-); }
	for name in "srun --container=$SMALL" "srun --container-remap-root --container=$SMALL" \
	    "$DAVIT run $SMALL" "$DAVIT run --remap-root $SMALL"; do
		# shellcheck disable=SC2086 # words
		capture carol $name sh -c 'sed -n "s/^Groups://p" /proc/self/status | wc -w; cat /home/carol/file; id -u; wc -l </proc/self/gid_map'
		assert_success
		case $name in
		srun*root*) assert_match $'^65536\nof the last\n0\n2[0-9][0-9]$' ;;
		srun*) assert_match $'^65536\nof the last\n4000\n2[0-9][0-9]$' ;;
		*root*) assert_output $'65536\nof the last\n0\n1' ;;
		*) assert_output $'65536\nof the last\n4000\n1' ;;
		esac
	done
	cp -a "$BATS_TEST_TMPDIR/group" /etc/group
	cp -a "$BATS_TEST_TMPDIR/passwd" /etc/passwd
	rm -r /home/carol
}

@test 'an environment and arguments as large as the kernel takes' {
	local size low=0 high=4000000 long

	# the most that davit run can have in one variable after the other, to the byte
	fill() {
		run_alice bash -c 'n=$1 i=0; while ((n > 0)); do
		    ((m = n > 100000 ? 100000 : n)); export "BIG$((i++))=$(printf "%0${m}d" 0)"; ((n -= m)); done
		    shift; exec "$@"' - "$size" "$DAVIT" run "$SMALL" /bin/busybox echo alive
	}
	while ((high - low > 1)); do
		size=$(((low + high) / 2))
		fill
		if ((status == 0)); then
			assert_output alive
			low=$size
		else
			# it is bash that cannot start davit, or davit that cannot start the command
			[[ $stderr == *"davit: Argument list too long"* || $stderr == *"/bin/busybox': Argument list too long"*'fewer or shorter arguments'* ]] ||
			    complain "no reason at $size bytes"
			high=$size
		fi
	done
	((low > 1000000)) || complain "only $low bytes"
	# the longest single word that there may be
	long=$(head -c 131071 /dev/zero | tr '\0' x)
	run_davit "$SMALL" sh -c 'echo ${#1}' x "$long"
	assert_success
	assert_output 131071
	# From Slurm 23.02 on, the command goes through a shell as one word (oci.conf).
	((slurm < 2302)) || long=${long:0:120000}
	run_alice env "LONG=${long:5}" srun --container="$SMALL" sh -c 'echo ${#LONG} ${#1}' x "$long"
	assert_success
	assert_output "$((${#long} - 5)) ${#long}"
	# with characters that are escaped on the way to a rank
	long=$(head -c 60000 /dev/zero | tr '\0' "'")
	run_srun --container="$SMALL" sh -c 'echo ${#1}' x "$long"
	assert_success
	assert_output 60000
}
