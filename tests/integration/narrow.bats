# SPDX-License-Identifier: BSD-3-Clause
# narrow.bats - what a rank, and root with --remap-root, may not do; by looking and by trying

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

none=0000000000000000
no_caps="CapInh:	$none
CapPrm:	$none
CapEff:	$none
CapBnd:	$none
CapAmb:	$none
NoNewPrivs:	1"

# An image with programs that are root's and setuid, somebody else's and setuid, or have file
# capabilities, as a directory of root's and as a squashfs.
setup_file() {
	local tree=$DAVIT_WORK/trees/setuid name

	mkdir -p "$tree/bin"
	cp -a "$DAVIT_WORK/trees/small/bin/." "$tree/bin/"
	for name in root other group capable; do
		cp "$programs/attempts" "$tree/bin/$name"
	done
	chown 12345:12345 "$tree/bin/other"
	chmod 4755 "$tree/bin/root" "$tree/bin/other"
	chmod 2755 "$tree/bin/group"
	PATH=$PATH:/usr/sbin setcap all+epi "$tree/bin/capable"
	mksquashfs "$tree" "$images/setuid.sqfs" -noappend -no-progress -quiet >/dev/null
}

teardown() {
	pkill -KILL -u alice,bob -x sleep || true
	leftovers_assert
}

# All attempts of tests/integration/programs/attempts.c, of which only those in $1 succeeded.
assert_only() {
	(($(wc -l <<<"$output") == 52)) || complain 'not all attempts'
	assert_equal "$(sed -n 's/ done$//p' <<<"$output" | xargs)" "$1"
	# what a kernel does not have is refused as well; EINVAL: an id without a number here
	! grep -vE ' (done|EPERM|EACCES|EINVAL|ENOSYS|ENOENT|EROFS)$|^node not there$' <<<"$output" ||
	    complain 'failed for another reason'
}

# All that can be done to another process was refused but for $1.
assert_only_on() {
	(($(wc -l <<<"$output") == 14)) || complain 'not all attempts'
	assert_equal "$(sed -n 's/ done$//p' <<<"$output" | xargs)" "$1"
	! grep -vE ' (done|EPERM|EACCES)$' <<<"$output" || complain 'failed for another reason'
}

# ---- looking ----------------------------------------------------------------

@test 'status: no_new_privs, and all five capability sets are empty' {
	run_srun -n4 --container="$SMALL" grep -E '^(Cap|NoNewPrivs)' /proc/self/status
	assert_success
	assert_output "$no_caps
$no_caps
$no_caps
$no_caps"
	for option in --container-writable --container-name=foo --container-unshare=pid,net,ipc,uts \
	    --container-save=/home/alice/saved.sqfs --container-trace=/home/alice/trace; do
		run_srun --container="$SMALL" "$option" grep -E '^(Cap|NoNewPrivs)' /proc/self/status
		assert_success
		assert_output "$no_caps"
	done
	rm -f /home/alice/saved.sqfs /home/alice/trace
	run_davit "$SMALL" grep -E '^(Cap|NoNewPrivs)' /proc/self/status
	assert_success
	assert_output "$no_caps"
	run_sbatch --container="$SMALL" --wrap 'grep -E "^(Cap|NoNewPrivs)" /proc/self/status'
	assert_output "$no_caps"
}

@test 'status: the same for who enters' {
	begin srun --container="$SMALL" sh -c 'echo up; sleep 20'
	await_output up
	run_alice "$DAVIT" enter "$(job_now)" grep -E '^(Cap|NoNewPrivs)' /proc/self/status
	scancel "$(job_now)"
	assert_success
	assert_output "$no_caps"
	finish
}

@test 'every mount is nosuid, and nodev but for the device files themselves' {
	local image option

	for image in "$SMALL" "$DAVIT_WORK/trees/setuid"; do
		for option in '' --container-writable --container-unshare=pid,net,ipc \
		    --container-mounts=/opt:/mnt,tmpfs:/scratch --container-remap-root; do
			run_srun --container="$image" ${option:+"$option"} /bin/busybox cat /proc/self/mountinfo
			assert_success
			assert_equal "$(awk '$6 !~ /(^|,)nosuid(,|$)/ { print $5 }' <<<"$output")" ''
			assert_equal "$(awk '$6 !~ /(^|,)nodev(,|$)/ && $5 !~ "^/dev/pts(/|$)" { print $5 }' \
			    <<<"$output" | sort | xargs)" "$(cd /dev && printf '/dev/%s\n' \
			    full null random tty urandom zero | xargs)"
		done
		run_davit "$image" /bin/busybox cat /proc/self/mountinfo
		assert_success
		assert_equal "$(awk '$6 !~ /(^|,)nosuid(,|$)/ { print $5 }' <<<"$output")" ''
	done
}

# ---- trying -----------------------------------------------------------------

@test 'a rank: all that takes privilege is refused' {
	run_srun --container="$SMALL" /opt/test/attempts
	assert_success
	assert_only ''
	run_srun --container="$SMALL" --container-writable --container-unshare=pid,net,ipc,uts /opt/test/attempts
	assert_success
	# all ports are the user's in a network of its own
	assert_only bind-port-1
	run_davit "$SMALL" /opt/test/attempts
	assert_success
	assert_only ''
}

@test 'a rank: the tools that people try' {
	local how

	for how in 'date -s 2001-01-01' 'mount -t tmpfs none /tmp' 'mount -o remount,suid /' 'umount /tmp' \
	    'chroot / true' 'mknod /tmp/alice-node c 1 3' 'unshare -m true' 'nsenter -t 1 -m true' \
	    'hostname other' 'arping -c 1 127.0.0.1' 'traceroute -I 127.0.0.1' 'su -c true' 'chown 0 /tmp' \
	    'renice -n -5 $$' 'kill -0 1' 'dmesg -c' 'swapon /tmp/x' \
	    'echo 1 >/proc/sys/kernel/sysrq' 'cat /proc/1/environ' 'ls /proc/1/root/'; do
		run_srun --container="$SMALL" sh -c "$how"
		# date(1) of busybox tells, and is content
		((status != 0)) || [[ $stderr == *'not permitted'* ]] || complain "not refused: $how"
		! grep -q 'not found' <<<"$stderr" || complain "never tried: $how"
	done
	[[ ! -e /tmp/alice-node ]]
}

@test 'setuid and setgid programs and file capabilities of an image give nothing' {
	local image name who

	who="$(id -u alice) $(id -u alice) $(id -g alice) $(id -g alice) $none $none"
	for image in "$images/setuid.sqfs" "$DAVIT_WORK/trees/setuid"; do
		for name in root other group capable; do
			run_srun --container="$image" "/bin/$name" whoami
			assert_success
			assert_output "$who"
			run_davit "$image" "/bin/$name" whoami
			assert_success
			assert_output "$who"
		done
	done
	# by way of a mount, too
	run_srun --container="$SMALL" --container-mounts="$DAVIT_WORK/trees/setuid:/mnt" /mnt/bin/root whoami
	assert_success
	assert_output "$who"
}

@test 'a rank: processes of others, and of the node, are out of reach' {
	as bob sleep 30 >/dev/null 2>&1 3>&- &
	await pgrep -u bob -x sleep
	run_srun --container="$SMALL" /opt/test/attempts on "$(pgrep -u bob -x sleep)"
	assert_success
	assert_only_on ''
	run_srun --container="$SMALL" sh -c '/opt/test/attempts on $PPID'    # slurmstepd
	assert_success
	assert_only_on ''
}

@test 'a rank may signal what else is the user'\''s, and look at none of it' {
	local job pid name

	# on the node, without a container
	alice sleep 30 >/dev/null 2>&1 3>&- &
	await pgrep -u alice -x sleep
	run_srun --container="$SMALL" /opt/test/attempts on "$(pgrep -u alice -x sleep)"
	assert_success
	assert_only_on kill
	# in another container
	begin srun --container="$SMALL" sh -c 'echo up; exec cat /dev/zero >/dev/null'
	await_output up
	await pgrep -u alice -x cat
	job=$(job_now)
	run_davit "$SMALL" /opt/test/attempts on "$(pgrep -u alice -x cat)"
	assert_success
	assert_only_on kill
	run_davit --remap-root "$SMALL" /opt/test/attempts on "$(pgrep -u alice -x cat)"
	assert_success
	assert_only_on kill
	# from the node, to whose user the container's namespace belongs
	run_alice "$programs/attempts" on "$(pgrep -u alice -x cat)"
	assert_success
	assert_match $'^environ done\n(.*\n)*maps done\n(.*\n)*kill done$'
	# in the same one, as without a container; Yama may say no to ptrace
	run_alice "$DAVIT" enter "$job" /opt/test/attempts on "$(pgrep -u alice -x cat)"
	assert_success
	assert_match $'^environ done\nexe done\n(.*\n)*kill done$'
	scancel "$job"
	finish
}

@test 'helpers beside the container: signalled at most, never looked into' {
	local option pid seen

	for option in --container-writable --container-writable=/tmp/layer --container-unshare=net:slirp \
	    --container-unshare=pid --container-slurm --container-remap-root; do
		begin srun -N1 --container="$SMALL" "$option" sh -c 'echo up; sleep 20'
		await_output up
		seen=''
		for pid in $(pgrep '^davit'); do
			run_alice "$DAVIT" enter "$(job_now)" /opt/test/attempts on "$pid"
			# in a PID namespace it has no number
			[[ $output != *ESRCH* && $output != *ENOENT* ]] || continue
			assert_success
			[[ $(sed -n 's/ done$//p' <<<"$output" | xargs) == ?(kill) ]] ||
			    complain "$option: $(cat "/proc/$pid/comm") can be looked into"
			seen+=" $(cat "/proc/$pid/comm")"
		done
		[[ $seen == *davit-image* || $option == *=pid ]] || complain "$option: only$seen"
		scancel "$(job_now)"
		finish
		rm -rf /tmp/layer
	done
}

# ---- root inside ------------------------------------------------------------

@test 'root inside: what it may not do, and what it only seems to' {
	local seems='mknod-char mknod-block setuid-0 setgroups'

	run_srun --container-remap-root --container="$SMALL" /opt/test/attempts
	assert_success
	# chroot leads nowhere but into the container
	assert_only "$seems chroot"
	run_davit --remap-root --writable "$SMALL" /opt/test/attempts
	assert_success
	assert_only "$seems chroot"
}

@test 'root inside: setuid programs and file capabilities give it nothing more' {
	local name usual

	run_srun --container-remap-root --container="$images/setuid.sqfs" /bin/busybox grep -E '^Cap(Prm|Eff)' /proc/self/status
	assert_success
	usual=$(awk '{ print $2 }' <<<"$output" | xargs)
	for name in root other group capable; do
		run_srun --container-remap-root --container="$images/setuid.sqfs" "/bin/$name" whoami
		assert_success
		assert_output "0 0 0 0 $usual"
	done
	# nor can root make such a program that works
	run_davit --remap-root --writable "$SMALL" sh -c \
	    'cp /opt/test/attempts /tmp/alice-own; chmod 6755 /tmp/alice-own; /tmp/alice-own whoami'
	assert_success
	assert_output "0 0 0 0 $usual"
	# outside it is a program of alice's
	assert_equal "$(stat -c '%U %G' /tmp/alice-own)" 'alice alice'
	rm /tmp/alice-own
}

@test 'root inside: processes of others, of the node and beside the container are out of reach' {
	local pid

	as bob sleep 30 >/dev/null 2>&1 3>&- &
	await pgrep -u bob -x sleep
	run_srun --container-remap-root --container="$SMALL" /opt/test/attempts on "$(pgrep -u bob -x sleep)"
	assert_success
	assert_only_on ''
	run_srun --container-remap-root --container="$SMALL" sh -c '/opt/test/attempts on $PPID'
	assert_success
	assert_only_on ''
	begin srun --container-remap-root --container="$SMALL" sh -c 'echo up; sleep 20'
	await_output up
	for pid in $(image_servers) $(pgrep -u alice -x srun); do
		run_alice "$DAVIT" enter "$(job_now)" /opt/test/attempts on "$pid"
		assert_success
		assert_only_on kill
	done
	scancel "$(job_now)"
	finish
}

@test 'root inside: files of root'\''s and of others stay closed' {
	local how

	install -d -m 700 -o bob /tmp/of-bob
	install -m 600 -o root /dev/null /tmp/of-root
	for how in 'ls /tmp/of-bob' 'rmdir /tmp/of-bob' 'chmod 777 /tmp/of-bob' 'cat /tmp/of-root' 'rm -f /tmp/of-root' \
	    'chmod 666 /tmp/of-root' 'echo x >/tmp/of-root' 'ln /tmp/of-root /tmp/link' 'touch /dev/made' 'touch /proc/sys/x'; do
		run_srun --container-remap-root --container="$SMALL" sh -c "$how"
		((status != 0)) || complain "not refused: $how"
	done
	assert_equal "$(stat -c '%U %a %s' /tmp/of-root)" 'root 600 0'
	assert_equal "$(stat -c '%U %a' /tmp/of-bob)" 'bob 700'
	# chown seems to work, and gives nothing away
	run_srun --container-remap-root --container="$SMALL" sh -c 'chown 0:0 /tmp/of-root; cat /tmp/of-root'
	((status != 0))
	rmdir /tmp/of-bob
	rm /tmp/of-root
}
