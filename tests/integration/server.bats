# SPDX-License-Identifier: BSD-3-Clause
# server.bats - how little the image server may do

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

setup() { leftovers_note; }
teardown() { leftovers_assert; }

# A step that stays, with all threads of its server started; sets $server.
begin_step() {
	begin srun "$@" sh -c 'for i in 1 2 3 4; do find / -xdev -type f -exec cat {} + >/dev/null 2>&1 & done
	    wait; echo up; exec sleep 30'
	await_output up
	server=$(image_servers)
	[[ $server =~ ^[0-9]+$ ]] || complain 'not one server'
}
end_step() {
	scancel "$(job_now)"
	finish
}

# The field $1 of /proc/PID/status, of each thread.
field() { sed -n "s/^$1:[[:space:]]*//p" /proc/"$server"/task/*/status | sort -u; }

limit() { awk -v name="$1" 'index($0, name) == 1 { print $(NF - 2), $(NF - 1) }' "/proc/$server/limits"; }

files() { find "/proc/$server/fd" -type l -printf '%l\n' | sed 's/:\[.*//' | sort; }

# /proc says this much of a process that may do nothing.
assert_narrow() {
	local set data

	for set in CapInh CapEff CapBnd CapAmb; do
		assert_equal "$set $(field $set)" "$set 0000000000000000"
	done
	# means nothing, and keeps ranks away: doc/server.md
	assert_equal "$(field CapPrm)" 0000000800000000
	assert_equal "$(field NoNewPrivs)" 1
	assert_equal "$(field Seccomp)" 2
	assert_equal "$(field Uid)" "$(id -u alice)"$'\t'"$(id -u alice)"$'\t'"$(id -u alice)"$'\t'"$(id -u alice)"
	assert_equal "$(limit 'Max core file size')" '0 0'
	data=$((545259520 + $(server_ring_bytes "$server")))
	assert_equal "$(limit 'Max data size')" "$data $data"
	assert_equal "$(limit 'Max msgqueue size')" '0 0'
	[[ ! $(ls -A "/proc/$server/root/") ]] || complain 'it sees files'
}

@test 'the server of an image: no privilege, few calls, bounded' {
	local open rings

	begin_step --container="$SMALL"
	assert_narrow
	# nothing of the rank's, and no more than has to be
	mapfile -t rings < <(yes anon_inode | head -n "$(server_rings "$server")")
	assert_equal "$(files)" "$(printf '%s\n' "${rings[@]}" /dev/fuse /dev/null /dev/null /dev/null /memfd:davit\ \(deleted\) \
	    "$SMALL" pipe pipe socket | sort)"
	open=$(find "/proc/$server/fd" -type l -printf '%f\n' | sort -n | tail -n 1)
	assert_equal "$(limit 'Max open files')" "$((open + 2)) $((open + 2))"
	end_step
}

@test 'the keeper of a directory has as little' {
	cp -r "$DAVIT_WORK/trees/small" /home/alice/dir
	chown -R alice: /home/alice/dir
	begin_step --container=/home/alice/dir --container-writable
	assert_narrow
	! files | grep /dev/fuse || complain 'a channel to the kernel'
	end_step
	rm -rf /home/alice/dir
}

@test 'a call that is not in the list ends it, the user is told and the log says why' {
	local number=41

	[[ $(uname -m) != aarch64 ]] || number=198
	begin srun --container="$SMALL" sh -c 'echo up; sleep 3; cat /etc/image'
	await_output up
	server=$(image_servers)
	# what somebody would do who has taken it over
	run gdb -iex 'set sysroot /' -p "$server" -batch -ex 'print (int)socket(1, 1, 0)'
	[[ $output == *SIGSYS* ]] || complain 'it goes on'
	finish
	((status != 0))
	[[ $stderr == *'davit: '*'the image server of this step died'* ]] || complain 'not told'
	[[ $stderr == *"davit: "*"try: "*"the node's log"* ]] || complain 'no remedy'
	dmesg | tail -n 100 | grep "pid=.*comm=\"davit-image\".*sig=31.*syscall=$number" || complain 'not in the log'
}

@test 'no rank traces it or looks into it, root inside neither' {
	local remap

	for remap in --no-container-remap-root --container-remap-root; do
		run_srun "$remap" --container="$GLIBC" sh -c '
		    for p in /proc/[0-9]*; do
			[ "$(cat $p/comm 2>/dev/null)" = davit-image ] || continue
			echo found
			for what in mem environ maps auxv io fd/3 root/ cwd/ exe ns/user map_files task/${p#/proc/}/mem; do
				{ cat $p/$what || readlink $p/$what; } >/dev/null 2>&1 && echo "$what is open"
			done
		    done; true'
		assert_success
		assert_output found
	done
}

# The image of $SMALL with /odd/unmistakable, not compressed, to change a number in it.
bad_image() {
	cp -r "$DAVIT_WORK/trees/small" /home/alice/tree
	mkdir /home/alice/tree/odd
	echo x >/home/alice/tree/odd/unmistakable
	mksquashfs /home/alice/tree /home/alice/bad.sqfs -noappend -noI -noD -noF -noX -no-xattrs -quiet -no-progress
	rm -rf /home/alice/tree
	perl -pi -0777 -e "$1" /home/alice/bad.sqfs
}

@test 'a malformed image: an I/O error for what is malformed, one line about it, and the rest works' {
	# a name of 65,536 bytes, for which libsquashfuse has no room
	bad_image 's/\x0b\x00unmistakable/\xff\xffunmistakable/ or die'
	run_srun -n2 --container=bad.sqfs sh -c 'cat /odd/unmistakable; cat /etc/image; cat /odd/unmistakable'
	assert_status 1
	assert_output $'other\nother'
	assert_equal "$(grep -c "can't open '/odd/unmistakable': Input/output error" <<<"$stderr")" 4
	assert_equal "$(grep -c "davit: .*: a part of image 'bad.sqfs' is damaged" <<<"$stderr")" 1
	rm /home/alice/bad.sqfs
}

@test 'an image whose superblock lies is refused, with one line' {
	local bad=/home/alice/bad.sqfs lie at length byte what command

	for lie in '48 8 ff the table of ids' '12 4 01 the size of blocks' '32 8 ff root directory' \
	    '64 8 ff where inodes and directories are'; do
		read -r at length byte what <<<"$lie"
		bad_image "substr(\$_, $at, $length) = chr(0x$byte) x $length"
		for command in "srun -n2 --container=$bad true" "$DAVIT run $bad true" "$DAVIT inspect $bad"; do
			# shellcheck disable=SC2086 # words
			run_alice $command
			((status != 0)) || complain 'it is believed'
			assert_output ''
			assert_equal "$(grep -c "davit: .*: image '$bad' is damaged or cannot be read: its .*$what" <<<"$stderr")" 1
			assert_equal "$(grep -c 'davit: .*: try: check its file system; copy or make the image again' <<<"$stderr")" 1
			assert_equal "$(grep -c 'davit: ' <<<"$stderr")" 2
		done
	done
	rm /home/alice/bad.sqfs
}

@test "limits and settings of the user's do not end it" {
	run_alice env GLIBC_TUNABLES=glibc.mem.decorate_maps=1:glibc.malloc.hugetlb=1 MALLOC_PERTURB_=5 \
	    bash -c 'ulimit -s 1048576; ulimit -n 64; ulimit -c unlimited; exec "$0" "$@"' \
	    "$DAVIT" run "$SMALL" sh -c 'find / -xdev -type f -exec cat {} + >/dev/null; echo alive'
	assert_success
	assert_output alive
}

@test 'the list in doc/server.md is that of the code' {
	local tree=${DAVIT_TESTS%/*} code list

	code=$(grep -o 'SCMP_SYS([a-z0-9_]*)' "$tree/launcher/server_confine.c" | sed 's/.*(\(.*\))/\1/' | sort -u)
	list=$(sed -n 's/^| `\([a-z0-9_]*\)` |.*/\1/p' "$tree/doc/server.md")
	[[ $code ]] || complain 'none found'
	assert_equal "$list" "$code"
}
