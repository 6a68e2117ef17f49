# SPDX-License-Identifier: BSD-3-Clause
# remap.bats - --remap-root: root inside, oneself outside

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

root_caps=00000000800401fb    # chown dac_override fowner fsetid kill setgid
                              # setuid setpcap sys_chroot setfcap
secret=$DAVIT_WORK/secret     # a file of bob's, and what alice's second group may read
conf=$DAVIT_PREFIX/etc/davit/davit.conf

# An image in which packages of Debian's can be installed, and such a package.
make_debian() {
	local tree=$DAVIT_WORK/trees/debian package=$DAVIT_WORK/package program

	mkdir -p "$tree"/{etc/apt/apt.conf.d,tmp,var/log,var/lib/dpkg/{info,updates}}
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$tree/"
	mkdir -p "$tree"/usr/{bin,sbin,lib,lib64}
	for program in bash cat chown chroot cp diff dpkg dpkg-deb dpkg-split dpkg-query id ldconfig ls \
	    mkfifo mknod rm start-stop-daemon stat tar useradd; do
		tree_add_program "$tree" "$(PATH=$PATH:/usr/sbin:/sbin command -v $program)"
	done
	ln -s bash "$tree/usr/bin/sh"
	touch "$tree"/var/lib/dpkg/{status,available} "$tree/etc/shadow"
	echo 'root:x:0:0::/root:/bin/sh' >"$tree/etc/passwd"
	printf 'root:x:0:\nmail:x:8:\n' >"$tree/etc/group"
	mksquashfs "$tree" "$images/debian.sqfs" -noappend -no-progress -quiet -all-root >/dev/null

	mkdir -p "$package/DEBIAN" "$package/opt/tool"
	echo hello >"$package/opt/tool/data"
	printf '%s\n' 'Package: tool' 'Version: 1' 'Architecture: all' 'Description: test' \
	    'Maintainer: nobody <nobody@localhost>' >"$package/DEBIAN/control"
	cat >"$package/DEBIAN/postinst" <<-'END'
	#!/bin/sh
	set -e
	useradd --system --no-create-home tool
	chown tool:mail /opt/tool/data
	END
	chmod 755 "$package/DEBIAN/postinst"
	chown 8:8 "$package/opt/tool/data"
	dpkg-deb --build "$package" "$images/tool.deb" >/dev/null
}

setup_file() {
	# shellcheck source-path=SCRIPTDIR source=../lib/images.bash
	. "$DAVIT_TESTS/lib/images.bash"
	make_debian
	mkdir -p "$secret"
	echo secret >"$secret/of-bob"
	chown bob: "$secret/of-bob"
	chmod 600 "$secret/of-bob"
	echo shared >"$secret/of-group"
	chown bob:davitproj2 "$secret/of-group"
	chmod 660 "$secret/of-group"
	# one may write into the directory, so that only the file's owner counts
	chmod 1777 "$secret"
}

# root_srun and root_run: a command as root in image $1.
root_srun() { run_srun --container-remap-root --container="$1" "${@:2}"; }
root_run() { run_davit --remap-root "$@"; }

# Installs the package in what a container's command line begins with.
assert_installs() {
	"$@" bash -c "export PATH=$PATH:/usr/sbin; dpkg -i $images/tool.deb >&2 && cat /opt/tool/data &&
	    stat -c '%u %g' /opt/tool/data && dpkg-query -W && cat /etc/passwd"
	assert_success
	assert_match $'^hello\n'"$owner"$'\ntool\t1\nroot:'
	assert_match $'\ntool:x:'
}

subids_allow() {
	cp /etc/subuid "$BATS_TEST_TMPDIR/subuid"
	cp /etc/subgid "$BATS_TEST_TMPDIR/subgid"
	printf '%s\n' 'bob:1000000:65536' "$1" >/etc/subuid
	printf '%s\n' 'bob:1000000:65536' "$1" >/etc/subgid
	[[ ! -e $conf ]] || cp "$conf" "$BATS_TEST_TMPDIR/conf"
	mkdir -p "${conf%/*}"
	echo 'subids: true' >"$conf"
}

teardown() {
	if [[ -e $BATS_TEST_TMPDIR/subuid ]]; then
		cp "$BATS_TEST_TMPDIR/subuid" /etc/subuid
		cp "$BATS_TEST_TMPDIR/subgid" /etc/subgid
		rm -f "$conf"
		[[ ! -e $BATS_TEST_TMPDIR/conf ]] || cp "$BATS_TEST_TMPDIR/conf" "$conf"
	fi
	leftovers_assert
}

# ---- who am I ------------------------------------------------------------

@test 'srun: root with the real supplementary groups, by name' {
	local one two

	one=$(getent group davitproj1 | cut -d: -f3)
	two=$(getent group davitproj2 | cut -d: -f3)
	for image in "$SMALL" "$GLIBC"; do
		run_srun --container-remap-root --container="$image" id
		assert_success
		assert_quiet
		assert_match '^uid=0\(root\) gid=0\(root\) groups='
		assert_equal "$(tr ',' '\n' <<<"${output##*=}" | sort)" \
		    "$(printf '%s\n' '0(root)' "$one(davitproj1)" "$two(davitproj2)" | sort)"
	done
}

@test 'srun: all ranks of a node, and each is root' {
	run_srun -N2 -n8 --ntasks-per-node=4 --container-remap-root --container="$SMALL" sh -c \
	    'echo "$SLURMD_NODENAME $(id -u) $(readlink /proc/self/ns/user)"; sleep 1'
	assert_success
	assert_equal "$(sort <<<"$output" | uniq -c | awk '{print $1, $2, $3}')" $'4 n1 0\n4 n2 0'
	assert_equal "$(awk '{print $3}' <<<"$output" | sort -u | wc -l)" 2
	run_srun -n4 -N1 --container-remap-root --container="$SMALL" /opt/test/cma 4
	assert_success
}

@test 'the map of ids: root is alice, each other group itself' {
	run_srun --container-remap-root --container="$SMALL" sh -c \
	    'cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups'
	assert_success
	assert_equal "$(awk '{print $1, $2, $3}' <<<"$output")" "$(
		echo "0 $(id -u alice) 1"
		echo "0 $(id -g alice) 1"
		for group in davitproj1 davitproj2; do
			getent group $group | awk -F: '{print $3, $3, 1}'
		done | sort -n
		echo 'deny  ')"
}

@test 'davit run: root, with one user and one group' {
	run_davit --remap-root "$GLIBC" bash -c 'id -un; id -gn; cat /proc/self/gid_map'
	assert_success
	assert_match '^root
root
 *0 +[0-9]+ +1$'
}

@test 'the opposite, and the default: oneself' {
	local option

	for option in '' --no-container-remap-root; do
		run_srun $option --container="$SMALL" id -un
		assert_success
		assert_output alice
		run_davit $option "$SMALL" id -un
		assert_success
		assert_output alice
	done
}

@test 'the image and the home directory are root'\''s, HOME is the job'\''s' {
	run_srun --container-remap-root --container="$SMALL" sh -c \
	    'echo "$HOME"; stat -c "%u %g" /bin /etc/image "$HOME"'
	assert_success
	assert_output $'/home/alice\n0 0\n0 0\n0 0'
}

@test 'an image without root gets an entry for it' {
	run_srun --container-remap-root --container="$GLIBC" bash -c 'cat /etc/passwd; cat /etc/group'
	assert_success
	assert_match '^root:x:0:0:[^:]*:/home/alice:'
	assert_match $'\nroot:x:0:\n'
}

@test 'files made inside belong to the user outside' {
	run_srun --container-remap-root --container="$SMALL" sh -c \
	    'cd; touch made; mkdir -m 0 closed; touch closed/in; stat -c "%u %g" made'
	assert_success    # closed/in: root needs no permission bits
	assert_output '0 0'
	assert_equal "$(stat -c '%U %G' /home/alice/made /home/alice/closed/in)" $'alice alice\nalice alice'
	rm -r /home/alice/{made,closed}
}

# ---- what root may do ----------------------------------------------------

@test 'a file of a supplementary group, and of nobody else' {
	run_srun --container-remap-root --container-mounts="$secret" --container="$SMALL" sh -c \
	    "cat $secret/of-group; echo more >>$secret/of-group; stat -c %g $secret/of-group"
	assert_success
	assert_output "shared"$'\n'"$(getent group davitproj2 | cut -d: -f3)"
	assert_equal "$(cat "$secret/of-group")" $'shared\nmore'
	for how in "cat $secret/of-bob" "echo x >$secret/of-bob" "chmod 666 $secret/of-bob" \
	    "rm -f $secret/of-bob" "mv $secret/of-bob $secret/moved" 'cat /etc/shadow-of-the-node'; do
		run_srun --container-remap-root --container="$SMALL" \
		    --container-mounts="$secret,/etc/shadow:/etc/shadow-of-the-node" sh -c "$how"
		((status != 0)) || complain "not refused: $how"
	done
	assert_equal "$(cat "$secret/of-bob")" secret
	assert_equal "$(stat -c '%a %U' "$secret/of-bob")" '600 bob'
}

@test 'capabilities: what package managers need, and no_new_privs' {
	local name

	for run in root_srun root_run; do
		"$run" "$SMALL" grep -E '^(Cap|NoNewPrivs|Seccomp:)' /proc/self/status
		assert_success
		for name in CapPrm CapEff CapBnd; do
			assert_match "$name:	$root_caps"
		done
		assert_match 'CapInh:	0000000000000000'
		assert_match 'CapAmb:	0000000000000000'
		assert_match 'NoNewPrivs:	1'
		assert_match 'Seccomp:	2'
	done
}

@test 'chown and becoming somebody else succeed, but change nothing' {
	run_srun --container-remap-root --container="$images/debian.sqfs" bash -c \
	    'cd; echo >it; chown 7:8 it && chown -h 7 it; echo $?; stat -c "%u %g" it
	    chroot --userspec=7:8 --groups=9 / id -u
	    mknod dev c 1 3; echo $?; mkfifo pipe; rm it pipe; ls'
	assert_success
	assert_output $'0\n0 0\n0\n0'
	assert_quiet
}

@test 'no mounts, no namespaces of others, no second map' {
	for how in 'mount -t tmpfs none /data' 'mount -o remount,rw /' 'umount /tmp' \
	    'unshare -m true' 'unshare -n true' 'nsenter -t 1 -m true' 'hostname other' \
	    'echo "0 0 2" >/proc/self/uid_map' 'echo allow >/proc/self/setgroups' \
	    'chroot /proc/1/root true' 'kill -0 1' 'renice -n -5 $$' 'cat /proc/1/environ' \
	    'echo x >/etc/image'; do
		run_davit --remap-root "$SMALL" sh -c "$how"
		((status != 0)) || complain "not refused: $how"
	done
}

# A chroot is no way out: the node's root is not above the container's.
@test 'chroot leads nowhere but into the container' {
	run_srun --container-remap-root --container="$SMALL" sh -c \
	    'cd /; mkdir -p /tmp/alice-jail; chroot /tmp/alice-jail /bin/true 2>/dev/null
	    cd ../../../..; chroot . cat /etc/image; rmdir /tmp/alice-jail'
	assert_success
	assert_output small
}

@test 'the image server has no capability that it could use' {
	local pid

	begin srun --container-remap-root --container="$SMALL" sh -c 'echo up; sleep 3'
	await_output up
	for pid in $(image_servers); do
		grep -q '^CapBnd:.*0000000000000000$' "/proc/$pid/status"
		grep -q '^CapEff:.*0000000000000000$' "/proc/$pid/status"
		# one that means nothing, and keeps ranks from looking into it
		grep -q '^CapPrm:.*0000000800000000$' "/proc/$pid/status"
		assert_equal "$(stat -c %U "/proc/$pid")" alice
	done
	[[ ${pid-} ]]
	finish
	assert_success
}

# ---- packages ------------------------------------------------------------

@test 'dpkg installs into a writable container, with a user of its own' {
	owner='0 0'
	assert_installs run_srun --container-remap-root --container-writable \
	    --container-mounts="$images" --container="$images/debian.sqfs"
	assert_installs run_davit --remap-root --writable --mounts="$images" "$images/debian.sqfs"
}

@test 'apt stays root: it would look whether it became somebody else' {
	run_srun --container-remap-root --container="$images/debian.sqfs" cat /etc/apt/apt.conf.d/99davit
	assert_success
	assert_output 'APT::Sandbox::User "root";'
	run_srun --container="$images/debian.sqfs" ls /etc/apt/apt.conf.d
	assert_success
	assert_output ''
}

# ---- subordinate ids -----------------------------------------------------

@test 'subids: real owners, through the ranges of /etc/subuid' {
	subids_allow 'alice:500000:65536'
	for run in root_srun root_run; do
		"$run" "$SMALL" sh -c \
		    'cd; awk "{print \$1, \$2, \$3}" /proc/self/uid_map; touch it; chown 7:8 it
		    stat -c "%u %g" it; grep -E "^(CapEff|Seccomp:|NoNew)" /proc/self/status
		    chown 70000 it || echo refused; id -u'
		assert_success
		assert_match "^0 $(id -u alice) 1
1 500000 65536
7 8
NoNewPrivs:	1|^0 $(id -u alice) 1
1 500000 65536
7 8
CapEff:	$root_caps"
		assert_match 'Seccomp:	2'
		assert_match $'refused\n0$'
		assert_equal "$(stat -c '%u %g' /home/alice/it)" '500006 500007'
		rm /home/alice/it
	done
}

@test 'subids: files of supplementary groups are still in reach' {
	subids_allow "$(id -u alice):500000:65536"
	run_srun --container-remap-root --container-mounts="$secret" --container="$SMALL" sh -c \
	    "head -n 1 $secret/of-group; cat $secret/of-bob"
	assert_output shared
	((status != 0))
}

@test 'subids: dpkg gives the file to the new user' {
	subids_allow 'alice:500000:65536'
	owner='[1-9][0-9]* 8'
	assert_installs run_srun --container-remap-root --container-writable \
	    --container-mounts="$images" --container="$images/debian.sqfs"
	assert_installs run_davit --remap-root --writable --mounts="$images" "$images/debian.sqfs"
}

@test 'subids: refused without a range' {
	subids_allow 'carol:500000:65536'
	run_davit --remap-root "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" "user 'alice' has no range of ids in /etc/subuid" \
	    "ask your admin for one (usermod --add-subuids), or for 'subids: false' in davit.conf"
	run_srun -n2 --container-remap-root --container="$SMALL" true
	assert_status 125
	assert_failure 'n?' "user 'alice' has no range of ids in /etc/subuid" '*usermod*'
	run_davit "$SMALL" true    # only root needs one
	assert_success
}

@test 'subids: refused where newuidmap refuses' {
	# a range that is the user's own id: mapped twice
	subids_allow "alice:$(id -u alice):1"
	run_davit --remap-root "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" \
	    'cannot map the ids of a user namespace: newuidmap failed: *' \
	    'ask your admin to check your lines in /etc/subuid and /etc/subgid*'
}

@test 'subids: refused where newuidmap cannot be run' {
	subids_allow 'alice:500000:65536'
	mount --bind /dev/null /usr/bin/newuidmap    # ours alone: see run-integration
	run_davit --remap-root "$SMALL" true
	umount /usr/bin/newuidmap
	assert_status 125
	assert_failure "$(hostname -s)" \
	    'cannot map the ids of a user namespace: cannot run newuidmap: Permission denied' \
	    'ask your admin to install it (package uidmap or shadow-utils), or *'
}
