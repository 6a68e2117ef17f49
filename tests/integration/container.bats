# SPDX-License-Identifier: BSD-3-Clause
# container.bats - one container per node and step, and what is in it

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

two_nodes=(-N2 -n8 --ntasks-per-node=4)

@test 'all ranks of a node share one user and one mount namespace, nodes do not' {
	# all at the same time: the kernel uses the numbers of namespaces again
	run_srun "${two_nodes[@]}" --container="$SMALL" sh -c \
	    'echo "$SLURMD_NODENAME $(readlink /proc/self/ns/user) $(readlink /proc/self/ns/mnt)"; sleep 1'
	assert_success
	assert_quiet
	assert_equal "$(sort <<<"$output" | uniq -c | awk '{print $1, $2}')" $'4 n1\n4 n2'
	assert_equal "$(awk '{print $2}' <<<"$output" | sort -u | wc -l)" 2
	assert_equal "$(awk '{print $3}' <<<"$output" | sort -u | wc -l)" 2
	[[ $output != *$(readlink /proc/self/ns/user)* ]] || complain 'the namespace of the host'
	[[ $output != *$(readlink /proc/self/ns/mnt)* ]] || complain 'the namespace of the host'
}

@test 'ranks of a node read each other with process_vm_readv and share /dev/shm' {
	run_srun "${two_nodes[@]}" --container="$SMALL" /opt/test/cma 4
	assert_success
	assert_quiet
	assert_equal "$(sort <<<"$output" | uniq -c | sed 's/^ *//')" \
	    $'2 rank 0 read 4\n2 rank 1 read 4\n2 rank 2 read 4\n2 rank 3 read 4'
}

@test 'one image server per node, named after the image, outside the mount namespace' {
	local pid servers

	begin srun "${two_nodes[@]}" --container="$SMALL" sh -c 'echo up; sleep 3'
	await_output up 8
	servers=$(image_servers)
	assert_equal "$(wc -w <<<"$servers")" 2
	for pid in $servers; do
		assert_equal "$(tr -d '\0' <"/proc/$pid/cmdline")" "davit: image server: $SMALL"
		grep -q '^CapEff:.*0000000000000000$' "/proc/$pid/status"
		grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status"
		grep -q '^NoNewPrivs:.*1$' "/proc/$pid/status"
		! grep fuse.davit "/proc/$pid/mounts" || complain "sees the mount"
	done
	finish
	assert_success
}

@test 'two steps are two containers' {
	local ns

	begin salloc -Q -N1 -n2 bash -c \
	    "srun -n1 --container=$SMALL sh -c 'readlink /proc/self/ns/mnt; sleep 1' &
	    srun -n1 --overlap --container=$SMALL sh -c 'readlink /proc/self/ns/mnt; sleep 1' & wait"
	finish
	assert_status 0
	ns=$(grep -c mnt: <<<"$output")
	assert_equal "$ns" 2
	assert_equal "$(grep mnt: <<<"$output" | sort -u | wc -l)" 2
}

@test 'id shows the real user and groups' {
	run_srun --container="$GLIBC" id
	assert_success
	assert_equal "$output" "$(alice id)"
	[[ $output == *'(davitproj1)'*'(davitproj2)'* ]]
}

@test 'id is right in an image that knows nobody' {
	run_srun --container="$SMALL" id
	assert_success
	assert_match 'uid=[0-9]+\(alice\) gid=[0-9]+\(alice\) groups=.*davitproj1.*davitproj2'
}

@test 'bob is not alice' {
	capture as bob srun --container="$GLIBC" id
	assert_success
	assert_equal "$output" "$(as bob id)"
}

@test 'whoami, hostname and getent' {
	run_srun --container="$GLIBC" bash -c 'whoami; hostname; getent passwd $UID'
	assert_success
	assert_equal "${lines[0]}" alice
	assert_equal "${lines[1]}" "$(hostname)"
	assert_match "alice:x:$(id -u alice):$(id -g alice):.*:/home/alice:"
}

@test 'nothing beyond the own ids is mapped' {
	local uid gid id

	uid=$(id -u alice)
	run_srun --container="$SMALL" cat /proc/self/uid_map
	assert_success
	assert_equal "$(xargs <<<"$output")" "$uid $uid 1"

	run_srun --container="$SMALL" cat /proc/self/gid_map
	assert_success
	# every range inside the set of alice's groups, all of them there
	while read -r gid outside count; do
		assert_equal "$gid" "$outside"
		for ((id = gid; id < gid + count; id++)); do
			echo "$id"
		done
	done <<<"$output" | sort -n >"$BATS_TEST_TMPDIR/mapped"
	assert_equal "$(<"$BATS_TEST_TMPDIR/mapped")" "$(id -G alice | tr ' ' '\n' | sort -n)"

	run_srun --container="$SMALL" cat /proc/self/setgroups
	assert_output deny
}

@test 'a rank has no capability and cannot get one' {
	run_srun --container="$SMALL" grep -E '^(Cap|NoNewPrivs)' /proc/self/status
	assert_success
	assert_equal "$(awk '{print $2}' <<<"$output" | sort -u | xargs)" '0000000000000000 1'
	run_srun --container="$SMALL" mount -t tmpfs x /data
	((status != 0))
	# a user namespace of one's own gives no right over the container
	run_srun --container="$SMALL" chroot / true
	((status != 0))
}

@test 'the image is read-only' {
	run_srun --container="$SMALL" sh -c 'echo x >/data/file'
	((status != 0))
	assert_stderr 'Read-only file system'
	run_srun --container="$SMALL" touch /new
	((status != 0))
	assert_stderr 'Read-only file system'
	run_srun --container="$SMALL" cat /data/file
	assert_output 'from the image'
}

@test 'working directory, HOME and /tmp are the host'\''s, at the same path, writable' {
	mkdir -p /home/alice/work
	echo seen >/home/alice/work/file
	chown -R alice: /home/alice/work
	run_srun --chdir=/home/alice/work --container="$SMALL" sh -c \
	    'pwd; cat file; echo $HOME; echo new >written; echo t >/tmp/from-inside; cd; pwd'
	assert_success
	assert_quiet
	assert_output $'/home/alice/work\nseen\n/home/alice\n/home/alice'
	assert_equal "$(</home/alice/work/written)" new
	assert_equal "$(</tmp/from-inside)" t
	assert_equal "$(stat -c %U /home/alice/work/written /tmp/from-inside)" $'alice\nalice'
	rm -rf /home/alice/work /tmp/from-inside
}

@test 'a working directory outside HOME comes along' {
	install -d -o alice /run/davit-test/project /run/davit-test/project/below
	run_srun --chdir=/run/davit-test/project/below --container="$SMALL" sh -c \
	    'pwd; echo here >file; ls -d /run/davit-test/images'
	assert_match '^/run/davit-test/project/below'
	assert_stderr 'images: No such file'
	assert_equal "$(</run/davit-test/project/below/file)" here
	rm -r /run/davit-test/project
}

@test 'mount points that the image lacks do not show in what it has' {
	run_srun --container="$SMALL" ls /
	assert_success
	for dir in bin data dev etc home opt proc sys tmp; do
		grep -qx $dir <<<"$output"
	done
	run_srun --container="$SMALL" sh -c 'cat /etc/image; ls /data'
	assert_output $'small\nfile'
}

@test '/proc, /sys and a minimal /dev' {
	run_srun --container="$SMALL" sh -c '
		[ -d /proc/$$ ] && [ -d /sys/kernel ] && [ -d /sys/fs ] && echo kernel
		for i in null zero full random urandom tty ptmx; do [ -c /dev/$i ] || echo no $i; done
		for i in pts shm mqueue; do [ -d /dev/$i ] || echo no $i; done
		for i in fd stdin stdout stderr; do [ -L /dev/$i ] || echo no $i; done
		echo x >/dev/null && head -c 3 /dev/zero | wc -c
		ls /dev | grep -Ec "^(sd|vd|nvme|loop|mem|kmsg|kvm|fuse)"
		echo via >/dev/stdout
		touch /dev/new 2>/dev/null || echo sealed'
	assert_status 0
	[[ -d /dev/mqueue ]] || output=${output/$'no mqueue\n'}
	assert_output $'kernel\n3\n0\nvia\nsealed'
}

@test 'name resolution files are the host'\''s' {
	run_srun --container="$SMALL" cat /etc/hosts
	assert_output "$(</etc/hosts)"
	run_srun --container="$SMALL" cat /etc/nsswitch.conf
	assert_match 'hosts: .*dns'
}

@test 'host files are not visible, and the host root is gone' {
	run_srun --container="$SMALL" ls /etc/slurm /root /usr/bin/srun "$DAVIT_WORK/task-prolog"
	((status != 0))
	assert_output ''
	run_srun --container="$SMALL" sh -c 'cut -d" " -f5 /proc/self/mountinfo'
	assert_success
	[[ $output != *"$DAVIT_WORK"* ]] || complain 'mounts of the host'
}

@test 'steps without a container are as they were' {
	run_srun -n2 bash -c 'readlink /proc/self/ns/user /proc/self/ns/mnt; env | grep ^DAVIT'
	[[ $output != *DAVIT* ]]
	assert_equal "$(sort -u <<<"$output")" \
	    "$(readlink /proc/self/ns/mnt /proc/self/ns/user)"
	run_srun ls -l /proc/self/fd
	[[ $output != *memfd* && $output != *socket* && $output != *user:* ]] ||
	    complain 'descriptors of the plugin'
}
