# SPDX-License-Identifier: BSD-3-Clause
# hostile.bats - images and environments that somebody has made to do harm

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

setup() {
	install -d -o alice -g alice /home/alice/escape
	leftovers_note
}

teardown() {
	leftovers_assert
	rm -rf /home/alice/escape
}

# The image's links point to this directory of the host.
assert_untouched() {
	assert_equal "$(find /home/alice/escape /home/bob -newer "$BATS_TEST_TMPDIR" -mindepth 1)" ''
	assert_equal "$(ls -A /home/alice/escape)" ''
}

@test 'directories of the image that are links to the host' {
	local image

	for image in absolute relative; do
		run_srun --container="$images/hostile-$image.sqfs" /bin/busybox sh -c 'echo alive; id -un; ls /home/alice' || true
		assert_untouched
		# either it works, inside, or it is refused with a reason
		if ((status != 0)); then
			assert_output ''
			[[ $stderr == *'davit: n'[12]': '* ]] || complain 'no reason'
		else
			assert_match '^alive'
		fi
	done
}

@test 'files of the image that are links to the host' {
	run_srun --container="$images/hostile-files.sqfs" /bin/busybox echo alive
	assert_untouched
	assert_success
	assert_output alive
}

@test 'links that never end' {
	run_srun --container="$images/hostile-loop.sqfs" true
	assert_status 125
	assert_output ''
	assert_failure n? "cannot reach '/tmp' in the container: Too many levels of symbolic links" '*umount:/tmp*'
}

@test 'a mount over a link of the image stays in the container' {
	run_srun --container="$images/hostile-absolute.sqfs" \
	    --container-mounts=tmpfs:/tmp/sub,"$images:/home/images" /bin/busybox sh -c 'echo alive'
	assert_untouched
}

@test 'DAVIT_JOIN from the user does nothing' {
	local junk

	for junk in '' x 3 3: 0:true 1:/bin/sh 99999999999:true -1:true '3:/bin/true:'; do
		run_alice env DAVIT_JOIN="$junk" srun --container="$SMALL" cat /etc/image
		assert_success
		assert_output small
	done
}

@test 'DAVIT_JOIN from the user in a step without container' {
	run_alice env DAVIT_JOIN=5:/bin/true srun sh -c 'test -e /run/davit-test && echo host'
	assert_success
	assert_output host
}

@test 'DAVIT_JOIN at the launcher by hand' {
	local junk

	for junk in x 3 3: 0:true 99999999999:true; do
		run_alice env DAVIT_JOIN="$junk" "$DAVIT" run "$SMALL" cat /etc/image
		# the variable is of use with old Slurm alone
		if ((slurm < 2311)); then
			assert_status 125
			assert_output ''
			assert_stderr 'davit: '
		else
			assert_success
			assert_output small
		fi
	done
}

@test 'a forged memfd is refused or harmless' {
	run_alice perl -e '
		my $n = "x"; my $fd = syscall(319, $n, 2);  # memfd_create
		open(my $f, "+<&=", $fd); syswrite($f, "Dav1" . ("\xff" x 4096));
		use Fcntl; fcntl($f, F_SETFD, 0); fcntl($f, 1033, 7);
		exec @ARGV, "join", $fd, "--", "/bin/echo", "alive"' "$DAVIT"
	assert_status 125
	assert_output ''
}

@test 'control characters in names do not reach the terminal' {
	run_srun --container=$'/no/\e[31msuch\nimage' true
	assert_status 125
	[[ $stderr == *"no image '/no/?[31msuch?image' on this node"* ]] || complain 'not scrubbed'
	[[ $stderr != *$'\e'* ]] || complain 'an escape sequence'
	run_srun --container="$SMALL" $'none\nsuch'
	assert_status 127
	[[ $stderr == *"command 'none?such' not found"* ]] || complain 'not scrubbed'
}

@test 'odd names of images work' {
	local odd=$'/home/alice/a b\n=$x;\'"%s\\.sqfs'

	cp "$SMALL" "$odd"
	run_srun -n2 --container="$odd" cat /etc/image
	assert_success
	assert_output $'small\nsmall'
	rm "$odd"
}

@test 'very long paths' {
	local long

	long=$(printf '/%.0sx' {1..2500})
	run_srun --container="$long" true
	((status != 0))
	[[ $stderr == *'davit: '*'image path of 5000 bytes: File name too long'* ]] || complain 'no cause'
	long=/$(head -c 300 /dev/zero | tr '\0' x)
	run_srun --container="$long" true
	assert_status 125
	[[ $stderr == *'davit: n'[12]': '*'File name too long'* ]] || complain 'no cause'
	long=$(printf '/%.0sd' {1..200})
	run_srun --container="$SMALL" --container-mounts="tmpfs:$long" sh -c 'echo alive'
	assert_success
	assert_output alive
	run_srun --container="$SMALL" --container-mounts="tmpfs:$long$long" sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_stderr 'davit: n[12]: mount point of more than [0-9]* directories'
}

@test 'a large environment and many arguments' {
	run_alice env BIG="$(head -c 100000 /dev/zero | tr '\0' x)" srun --container="$SMALL" \
	    sh -c 'echo ${#BIG} $#' x {1..2000}
	assert_success
	assert_output '100000 2000'
}

@test 'closed standard input, output and error of srun' {
	run_alice bash -c "srun --container=$SMALL sh -c 'echo alive >/tmp/alive' <&- >&- 2>&-"
	assert_equal "$(</tmp/alive)" alive
	rm /tmp/alive
}

@test 'a rank cannot reach the image server' {
	run_srun --container="$SMALL" sh -c '
		for p in /proc/[0-9]*; do
			[ "$(cat $p/comm 2>/dev/null)" = davit-image ] || continue
			ls -l $p/root/ 2>&1 | grep -q "etc" && echo "sees a root"
			kill -0 ${p#/proc/} && echo same user
		done; echo end'
	assert_success
	[[ $output != *'sees a root'* ]]
}

@test 'no process beside the container can be looked into' {
	local option

	chmod 666 "$DAVIT_WORK/dev/tun"
	for option in --container-writable --container-writable=/tmp/layer --container-name=foo \
	    --container-unshare=net:slirp --container-unshare=pid; do
		run_srun -N1 --container="$SMALL" "$option" sh -c '
			for p in /proc/[0-9]*; do
				case $(cat $p/comm 2>/dev/null) in davit-*) echo seen ;; *) continue ;; esac
				for link in $p/fd/* $p/root $p/cwd; do readlink $link; done
			done; true'
		assert_success
		assert_equal "$(sort -u <<<"$output")" seen
		rm -rf /tmp/layer
	done
	# the keeper here has the directory of the image and that of the layer open
	run_srun -N1 --container="$DAVIT_WORK/trees/small" --container-writable sh -c '
		for p in /proc/[0-9]*; do
			[ "$(cat $p/comm 2>/dev/null)" = davit-image ] || continue
			echo seen
			for link in $p/fd/*; do readlink $link; done
		done; true'
	assert_success
	assert_output seen
}

@test 'HOME, TMPDIR and PATH that lead nowhere' {
	run_alice env HOME=/nowhere TMPDIR=/nowhere PATH=/nowhere /usr/bin/srun --container="$SMALL" /bin/cat /etc/image
	assert_success
	assert_output small
	run_alice env -u HOME -u PATH /usr/bin/srun --container="$SMALL" cat /etc/image
	assert_output small
	run_alice env HOME=/ /usr/bin/srun --container="$SMALL" cat /etc/image
	assert_output small
	run_alice env HOME=/etc /usr/bin/srun --container="$SMALL" cat /etc/image
	assert_output small
	run_alice env HOME=../../etc /usr/bin/srun --container="$SMALL" cat /etc/image
	assert_output small
}

# The root of the node is a directory above the container's while that is built.
escape='
	[ "$(stat -c %i /)" = "$(stat -c %i /..)" ] || echo "/.. is another directory"
	cd / && cd .. && [ "$(stat -c %d:%i .)" = "$(stat -c %d:%i /)" ] || echo "cd .. leads out"
	for there in /../run/davit-test /../../run/davit-test /proc/1/root/run/davit-test \
	    /proc/self/root/../run/davit-test; do
		[ ! -e $there ] || echo "sees $there"
	done
	[ "$(awk "\$5 == \"/\"" /proc/self/mountinfo | wc -l)" = 1 ] || echo "several roots"
	awk "\$5 == \"/\" && / - (ext4|xfs|btrfs) /" /proc/self/mountinfo
	echo end'

@test 'no way up from the root of any kind of container' {
	local image option

	for image in "$SMALL" "$DAVIT_WORK/trees/small"; do
		for option in '' --container-writable --container-writable=/tmp/layer \
		    --container-name=foo --container-remap-root; do
			run_srun -n2 -N1 --container="$image" ${option:+"$option"} sh -c "$escape"
			assert_success
			assert_output $'end\nend'
			rm -rf /tmp/layer
		done
		run_davit --writable "$image" sh -c "$escape"
		assert_success
		assert_output end
	done
}

@test 'a layer that somebody has filled with links' {
	install -d -o alice -g alice /tmp/layer /tmp/layer/{upper,work}
	ln -s /home/alice/escape /tmp/layer/upper/tmp
	ln -s /home/alice/escape /tmp/layer/upper/home
	ln -s /home/alice/escape/passwd /tmp/layer/upper/etc
	chown -Rh alice: /tmp/layer
	run_srun --container="$SMALL" --container-writable=/tmp/layer /bin/busybox sh -c "$escape" || true
	assert_untouched
	if ((status != 0)); then
		[[ $stderr == *'davit: n'[12]': '* ]] || complain 'no reason'
	else
		assert_output end
	fi
	rm -rf /tmp/layer
	install -d -o alice -g alice /tmp/layer
	ln -s /home/alice/escape /tmp/layer/upper
	ln -s /home/alice/escape /tmp/layer/work
	run_srun --container="$SMALL" --container-writable=/tmp/layer touch /written || true
	((status == 0)) || [[ $stderr == *'davit: n'[12]': '* ]] || complain 'no reason'
	rm -rf /tmp/layer
}

@test 'a layer over a directory, filled with links, above mount points' {
	cp -a "$DAVIT_WORK/trees/small" /tmp/tree
	mkdir -p /tmp/tree/usr/bin /tmp/tree/etc/apt/apt.conf.d
	install -d -o alice -g alice /tmp/layer /tmp/layer/{upper,work}
	ln -s /home/alice/escape /tmp/layer/upper/usr
	ln -s /home/alice/escape /tmp/layer/upper/etc
	chown -Rh alice: /tmp/layer /tmp/tree
	run_srun --container=/tmp/tree --container-writable=/tmp/layer /bin/busybox sh -c 'echo alive' || true
	assert_untouched
	rm -rf /tmp/layer /tmp/tree
}

@test 'parts of a layer that are links to directories of the user' {
	install -d -o alice -g alice /tmp/layer /home/alice/escape/{upper,work}
	echo secret >/home/alice/escape/upper/secret
	ln -s /home/alice/escape/upper /home/alice/escape/work /tmp/layer
	chown -Rh alice: /tmp/layer /home/alice/escape
	run_srun --container="$SMALL" --container-writable=/tmp/layer cat /secret
	assert_status 125
	assert_output ''
	[[ $stderr == *'cannot open a part of the writable layer'* ]] || complain 'no reason'
	rm -rf /tmp/layer
}

@test 'a FIFO in place of /etc/passwd does not hang the builder' {
	cp -a "$DAVIT_WORK/trees/small" /tmp/tree
	rm -f /tmp/tree/etc/passwd
	mkfifo /tmp/tree/etc/passwd
	chown -R alice: /tmp/tree
	run_davit --remap-root --writable /tmp/tree /bin/busybox echo alive
	assert_success
	assert_output alive
	rm -rf /tmp/tree
}

@test 'nothing is typed into the terminal of the user' {
	local option

	for option in '' --remap-root; do
		run_alice script -qec "$DAVIT run $option $SMALL /opt/test/type_in" /dev/null
		assert_match 'Operation not permitted'
	done
	run_srun --container="$SMALL" /opt/test/type_in
	assert_output 'no terminal'
}
