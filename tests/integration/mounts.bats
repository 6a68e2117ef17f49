# SPDX-License-Identifier: BSD-3-Clause
# mounts.bats - --container-mounts

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

project=/run/davit-test/project

setup_file() {
	install -d -o alice $project $project/sub "$project/odd:name,x"
	echo one >$project/one
	echo two >$project/sub/two
	echo odd >"$project/odd:name,x/file"
	install -m 755 /bin/busybox $project/busybox
	chown -R alice: $project
}
teardown_file() { rm -rf $project; }

# What mount options a path has inside.
flags_of='while read -r _ _ _ _ p o _; do [ "$p" = "$1" ] && echo "$o"; done </proc/self/mountinfo | tail -n 1'

# mounting MOUNTS COMMAND...
mounting() { run_srun --container="$SMALL" --container-mounts="$1" "${@:2}"; }

@test 'SRC: same path inside, made there if the image lacks it' {
	mounting $project cat $project/one $project/sub/two
	assert_success
	assert_quiet
	assert_output $'one\ntwo'
}

@test 'SRC:DST' {
	mounting $project:/deep/in/the/image cat /deep/in/the/image/one
	assert_success
	assert_output one
}

@test 'over a directory of the image' {
	mounting $project:/data sh -c 'ls /data/one; cat /data/file'
	assert_match '^/data/one'
	assert_stderr '/data/file'
}

@test 'below a directory of the image, whose files stay' {
	mounting $project:/data/new sh -c 'cat /data/new/one /data/file'
	assert_success
	assert_output $'one\nfrom the image'
}

@test 'writable unless ro' {
	mounting $project:/p sh -c 'echo w >/p/written; id -un'
	assert_success
	assert_equal "$(<$project/written)" w
	rm $project/written
	mounting $project:/p:ro sh -c 'echo w >/p/written'
	((status != 0))
	assert_stderr 'Read-only file system'
	mounting $project:/p:rw touch /p/x
	assert_success
	rm $project/x
}

@test 'flags' {
	mounting $project:/p:ro+noexec+nosuid+nodev sh -c "$flags_of" - /p
	assert_success
	for flag in ro nosuid nodev noexec; do
		[[ ,$output, == *,$flag,* ]] || complain "no $flag"
	done
	mounting $project:/p:noexec /p/busybox true
	assert_status 126
	assert_stderr "cannot execute '/p/busybox': Permission denied"
	mounting $project:/p /p/busybox true
	assert_success
	mounting $project:/p:bind+private,$project/sub:/q:rbind+rslave cat /p/one /q/two
	assert_success
	assert_output $'one\ntwo'
}

@test 'a file over a file, and where none is' {
	mounting $project/one:/data/file cat /data/file
	assert_success
	assert_output one
	mounting $project/one:/new/place/one cat /new/place/one
	assert_success
	assert_output one
	mounting $project/one:/etc/one:ro cat /etc/one /etc/image
	assert_output $'one\nsmall'
}

@test 'a file over a directory and the reverse' {
	mounting $project/one:/data true
	assert_status 125
	assert_failure n? "*'/data' in the container is a directory, unlike what is to be mounted there" 'mount it elsewhere'
	mounting $project:/data/file true
	assert_status 125
	assert_failure n? "*'/data/file' in the container is no directory, unlike what is to be mounted there" 'mount it elsewhere'
}

@test 'tmpfs, its size and mode' {
	mounting tmpfs:/scratch:size=1m+mode=0700 sh -c \
	    'stat -c %a /scratch; grep " /scratch " /proc/self/mounts; head -c 2000000 /dev/zero >/scratch/x'
	((status != 0))
	assert_match $'^700\n.* tmpfs .*size=1024k'
	mounting tmpfs:/scratch sh -c 'echo x >/scratch/x && cat /scratch/x; stat -c %a /scratch'
	assert_success
	assert_output $'x\n1777'
}

@test 'bad values for tmpfs' {
	mounting tmpfs:/scratch:size=lots true
	assert_status 125
	assert_failure n? "*cannot mount a tmpfs of size 'lots' and mode '1777'*" 'size=N with*'
}

@test 'umount: takes a default mount away' {
	mounting umount:/tmp ls -d /tmp
	assert_status 1
	assert_stderr '/tmp: No such file'
	mounting umount:/tmp,tmpfs:/tmp sh -c 'echo x >/tmp/private'
	assert_success
	[[ ! -e /tmp/private ]]
	run_srun --container="$SMALL" --container-workdir=/ --container-mounts=umount:/home/alice \
	    ls -d /home/alice
	assert_status 1
	assert_stderr '/home/alice: No such file'
	mounting umount:/nothing true
	assert_status 125
	assert_failure n? "mount 'umount:/nothing': nothing is mounted there" ''
}

@test 'nested targets, in any order' {
	for list in $project:/p,tmpfs:/p/sub,$project/one:/p/sub/file \
	    $project/one:/p/sub/file,tmpfs:/p/sub,$project:/p \
	    tmpfs:/p/sub,$project:/p,$project/one:/p/sub/file; do
		mounting "$list" sh -c 'cat /p/one /p/sub/file; ls /p/sub'
		assert_success
		assert_output $'one\none\nfile'
	done
	assert_equal "$(ls $project/sub)" two
}

@test 'of two mounts on one target the later is on top' {
	mounting $project:/p,$project/sub:/p ls /p
	assert_output two
}

@test 'a mount point below a directory of the node is not made there' {
	mounting $project:/p,tmpfs:/p/missing true
	assert_status 125
	assert_failure n? "*no mount point '/p/missing' in the container, and the directory above it is the node's" '*mount elsewhere'
	[[ ! -e $project/missing ]]
}

@test 'x-create' {
	mounting $project:/made:x-create=dir cat /made/one
	assert_success
	mounting $project/one:/made:x-create=file cat /made
	assert_success
	mounting $project:/data:x-create=none cat /data/one
	assert_success
	mounting $project:/made:x-create=none true
	assert_status 125
	assert_failure n? "*cannot reach '/made' in the container: No such file or directory" 'x-create=auto, or another target'
	mounting $project:/made:x-create=file true
	assert_status 125
	assert_failure n? "*'$project' is a directory, not what x-create= says" ''
}

@test 'relative sources count from the working directory' {
	run_srun --chdir=$project --container="$SMALL" --container-mounts=./sub:/p,../project/one:/q \
	    cat /p/two /q
	assert_success
	assert_output $'two\none'
	run_srun --chdir=$project --container="$SMALL" --container-mounts=.:/p cat /p/one
	assert_success
	assert_output one
}

@test 'escaped colons and commas' {
	mounting "$project/odd\\:name\\,x:/odd\\:x" cat '/odd:x/file'
	assert_success
	assert_output odd
}

@test 'missing source' {
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" \
	    --container-mounts=/no/such:/p sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2' "*mount source '/no/such' does not exist on this node" 'check the path*'
}

@test 'source that the user may not see' {
	mounting "$images/closed/image.sqfs:/p" true
	assert_status 125
	assert_failure n? "*'$images/closed/image.sqfs'*Permission denied" '*'
}

@test 'a link as source is followed on the host' {
	ln -s sub $project/link
	mounting $project/link:/p cat /p/two
	assert_success
	assert_output two
	rm $project/link
}

@test 'mounts of the node below a source come along, bind leaves them' {
	mount -t tmpfs t $project/sub
	echo below >$project/sub/below
	mounting $project:/p cat /p/sub/below
	umount $project/sub
	assert_success
	assert_output below
}

@test 'rw does not undo a read-only mount of the node' {
	mount -t tmpfs -o ro t $project/sub
	mounting $project/sub:/p:rw touch /p/x
	umount $project/sub
	((status != 0))
	assert_stderr 'davit: n[12]: .*'
}

@test 'access times are for the node to decide, where the kernel says so' {
	mounting $project:/p:noatime sh -c "$flags_of" - /p
	if ((status == 0)); then
		[[ ,$output, == *,noatime,* ]] || complain 'no noatime'
	else
		assert_status 125
		assert_failure n? "cannot set the flags of the mount at '/p': Operation not permitted" '*access times*'
	fi
}

@test 'mounts of the host that appear later are seen, and none of ours leaks out' {
	local before

	before=$(wc -l </proc/self/mountinfo)
	mounting tmpfs:/p sh -c 'wc -l </proc/self/mountinfo'
	assert_success
	assert_equal "$(wc -l </proc/self/mountinfo)" "$before"
}

@test 'many mounts' {
	local list='' i

	for i in {1..40}; do
		list+=,$project:/many/$i
	done
	mounting "${list#,}" sh -c 'cat /many/*/one | wc -l'
	assert_success
	assert_output 40
}
