#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# doctor.bats - davit doctor: all is well on the cluster's nodes, and each thing
# that is not is told. What is made wrong is so in a mount namespace of the
# test's own.

load ../lib/common

conf=$DAVIT_PREFIX/etc/davit/davit.conf

# As root: runs $1 in a mount namespace, and there davit doctor as user $2.
doctor_where() {
	capture env -u SLURM_CONF SLURM_CONF="$SLURM_CONF" unshare --mount --propagation private \
	    bash -c 'set -e; eval "$1"; shift; exec "$@"' - "$1" \
	    setpriv --reuid "$2" --regid "$2" --init-groups "$DAVIT" doctor --json </dev/null
}

# Status $2 of check $1, with texts that match $3 and $4.
assert_check() {
	local line

	line=$(jq -r --arg name "$1" '.checks[] | select(.name == $name) | .status, .found, .remedy // ""' \
	    "$BATS_TEST_TMPDIR/out")
	# shellcheck disable=SC2053 # patterns
	[[ $line == "$2"$'\n'$3$'\n'${4-*} || $line == "$2"$'\n'$3 ]] ||
	    complain "check $1 is not $2: $3 (${4-}) but:" "$line"
}

@test 'all is well, for root and for users' {
	for user in root alice; do
		doctor_where : "$user"
		assert_status 0
		assert_quiet
		[[ $(jq -r '.summary.fail, .summary.skip' <<<"$output") == $'0\n0' ]] ||
		    complain 'something failed, or was not looked at'
		assert_equal "$(jq .uid <<<"$output")" "$(id -u "$user")"
		assert_check user-namespace ok '*can make one'
		assert_check fuse ok '/dev/fuse can be opened and mounted'
		assert_check overlay ok '*userxattr'
		assert_check plugstack ok "'$DAVIT_PREFIX/lib/davit/spank_davit.so'*"
		assert_check slurm-version ok '*; the plugin is built for *'
		assert_check config ok '*'
	done
}

@test 'lines, fewer lines, and words for options' {
	run_alice "$DAVIT" doctor
	assert_status 0
	assert_match $'^ok    kernel            Linux [^\n]*\n'
	assert_match $'\n[^\n]*: [0-9]+ ok, [0-9]+ warnings, 0 failed, 0 skipped$'
	[[ $output != *$'\033'* ]] || complain 'colours without a terminal'
	run_alice "$DAVIT" doctor --quiet
	assert_status 0
	[[ $output != *'ok  '* ]] || complain 'not quiet'
	capture alice script -qec "env TERM=xterm $DAVIT doctor" /dev/null </dev/null
	assert_match $'\033\\[32mok  \033\\[0m'
	capture alice script -qec "env TERM=xterm NO_COLOR=1 $DAVIT doctor" /dev/null </dev/null
	[[ $output != *$'\033'* ]] || complain 'colours in spite of NO_COLOR'
	run_alice "$DAVIT" doctor --nonesuch
	assert_status 125
	assert_failure "$(hostname -s)" "unexpected argument '--nonesuch'" 'davit doctor --help'
	run_alice "$DAVIT" doctor --help
	assert_success
	run_alice "$DAVIT" doctor --json </dev/null
	jq -e . <<<"$output" >/dev/null
}

@test 'in a step' {
	run_srun -n1 "$DAVIT" doctor --json
	assert_status 0
	assert_equal "$(jq .summary.fail <<<"$output")" 0
}

@test '/dev/fuse: closed, and not there' {
	for user in root alice; do
		doctor_where 'mount -t tmpfs none /mnt; mknod -m 600 /mnt/fuse c 10 229
		    mount --bind /mnt/fuse /dev/fuse' "$user"
		assert_status 1
		assert_check fuse fail 'cannot open /dev/fuse: Permission denied' '*0666*'
	done
	doctor_where 'mount -t tmpfs none /dev; mknod -m 666 /dev/null c 1 3' alice
	assert_status 1
	assert_check fuse fail 'cannot open /dev/fuse: No such file or directory' '*modprobe fuse*'
}

@test 'settings of the kernel' {
	doctor_where 'echo 0 >/run/davit-test/zero
	    mount --bind /run/davit-test/zero /proc/sys/user/max_user_namespaces' alice
	assert_status 1
	assert_check namespace-limits fail 'user.max_user_namespaces is 0' 'sysctl -w *'
	doctor_where 'echo 2 >/run/davit-test/two
	    mount -t tmpfs none /proc/sys/kernel; mkdir /proc/sys/kernel/yama
	    cp /run/davit-test/two /proc/sys/kernel/yama/ptrace_scope' alice
	assert_check ptrace warn '*ptrace_scope is 2:*' 'sysctl -w *'
	assert_check seccomp fail 'the kernel has no filters*'
	rm -f /run/davit-test/zero /run/davit-test/two
}

@test 'no user namespace may be made' {
	userns_begin
	userns_limit 0
	capture userns_enter alice "$DAVIT" doctor --json
	userns_end
	assert_status 1
	assert_check user-namespace fail 'cannot create a user namespace: *' '*max_user_namespaces*'
	assert_check mount-namespace skip '*'
	assert_check overlay skip '*'
}

@test 'davit.conf that others may write, or that is wrong' {
	mkdir -p "${conf%/*}"
	[[ ! -e $conf ]] || cp -p "$conf" "$BATS_TEST_TMPDIR/kept"
	echo 'workdir: /opt' >"$conf"
	chmod 664 "$conf"
	doctor_where : alice
	assert_status 1
	assert_check config fail "cannot use '$conf': others than root may write to it" "chmod go-w '$conf'"
	chmod 644 "$conf"
	echo 'worcdir: /opt' >"$conf"
	doctor_where : root
	assert_status 1
	assert_check config fail "$conf:1: *worcdir*" '*'
	rm "$conf"
	[[ ! -e $BATS_TEST_TMPDIR/kept ]] || mv "$BATS_TEST_TMPDIR/kept" "$conf"
}

# A copy of Slurm's configuration, whose plugstack.conf has the lines $1.
slurm_with() {
	rm -rf /run/davit-test/slurm
	cp -r "${SLURM_CONF%/*}" /run/davit-test/slurm
	sed -i 's|^PlugStackConfig=.*|PlugStackConfig=/run/davit-test/slurm/plugstack.conf|' \
	    /run/davit-test/slurm/slurm.conf
	printf '%s\n' "$1" >/run/davit-test/slurm/plugstack.conf
	SLURM_CONF=/run/davit-test/slurm/slurm.conf doctor_where "${2-:}" root
}

@test 'plugstack.conf' {
	local plugin=$DAVIT_PREFIX/lib/davit/spank_davit.so

	slurm_with '# nothing'
	assert_status 1
	assert_check plugstack fail '*does not name spank_davit.so' '*'
	slurm_with 'required /nonesuch/spank_davit.so'
	assert_check plugstack fail "cannot look at '/nonesuch': *" '*'
	slurm_with "required $plugin conf=/x"
	assert_check plugstack fail "*has the arguments 'conf=/x'" 'launcher=PATH *'
	slurm_with "required $plugin"$'\n'"required $plugin"
	[[ $(jq -r '.checks[] | select(.name == "plugstack").status' <<<"$output") == fail ]] ||
	    complain 'twice is not refused'
	echo "required $plugin" >/run/davit-test/more.conf
	slurm_with 'include /run/davit-test/more*.conf'
	assert_check plugstack ok "'$plugin'"
	rm -rf /run/davit-test/slurm /run/davit-test/more.conf
}

# A Slurm of version $1.
other_slurm() {
	printf '#!/bin/sh\necho slurm %s\n' "$1" >/run/davit-test/srun
	chmod 755 /run/davit-test/srun
}

@test 'the version of Slurm, and its oci.conf' {
	local plugin=$DAVIT_PREFIX/lib/davit/spank_davit.so
	local srun='mount --bind /run/davit-test/srun /usr/bin/srun'

	other_slurm 19.05.1
	doctor_where "$srun" root
	assert_status 1
	assert_check slurm-version fail 'this is slurm 19.05.1, but *' 'build Davit again*'
	other_slurm 24.11.5
	slurm_with "required $plugin" "rm -f /run/davit-test/slurm/oci.conf; $srun"
	assert_status 1
	assert_check oci-conf fail "there is no '/run/davit-test/slurm/oci.conf'*" 'copy *'
	slurm_with "required $plugin" "echo 'RunTimeRun=\"runc\"' >/run/davit-test/slurm/oci.conf; $srun"
	assert_check oci-conf fail '*RunTimeRun does not start this Davit' 'copy *'
	slurm_with "required $plugin" "cp $DAVIT_PREFIX/share/davit/oci.conf /run/davit-test/slurm; $srun"
	assert_check oci-conf ok '*starts this Davit'
	other_slurm 22.05.8
	slurm_with "required $plugin" "cp $DAVIT_PREFIX/share/davit/oci.conf /run/davit-test/slurm; $srun"
	assert_check oci-conf fail '*is not for this Slurm' 'remove it'
	rm -rf /run/davit-test/slurm /run/davit-test/srun
}

@test 'programs that hang or are found by PATH' {
	printf '#!/bin/sh\nsleep 1000\n' >/run/davit-test/srun
	chmod 755 /run/davit-test/srun
	SECONDS=0
	doctor_where 'mount --bind /run/davit-test/srun /usr/bin/srun' root
	assert_status 1
	assert_check mpi fail 'no answer within 10 seconds'
	((SECONDS < 38)) || complain "took $SECONDS seconds"
	printf '#!/bin/sh\ntouch /run/davit-test/was-here\n' >/run/davit-test/srun
	PATH=/run/davit-test:$PATH doctor_where : root
	assert_status 0
	[[ ! -e /run/davit-test/was-here ]] || complain 'a program of PATH has run'
	rm /run/davit-test/srun
}
