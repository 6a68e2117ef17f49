# SPDX-License-Identifier: BSD-3-Clause
# errors.bats - every failure: node, cause and remedy, once per node, the exit
# code, and never a word from the command itself

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

# Two ranks on each of two nodes print something if they get anywhere.
fail_on_two_nodes() {
	run_srun -N2 -n4 --ntasks-per-node=2 "${@:4}" sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2' "$1" "$2"
	[[ ! $3 ]] || [[ $stderr != *$3* ]] || complain "superfluous: $3"
}

teardown() {
	chmod 666 /dev/fuse
	leftovers_assert
}

@test 'no such image' {
	fail_on_two_nodes "no image '/no/such.sqfs' on this node" \
	    'check the path and that its file system is mounted here' '' \
	    --container=/no/such.sqfs
}

@test 'no such image, relative path' {
	fail_on_two_nodes "no image '/home/alice/such.sqfs' on this node" \
	    "an absolute path; 'such.sqfs' was looked for in the job's working directory" '' \
	    --container=such.sqfs
}

@test 'image not readable by the user' {
	fail_on_two_nodes "cannot open image '$images/unreadable.sqfs': Permission denied" \
	    'chmod a+r the file and a+x the directories above it, or ask its owner' '' \
	    --container="$images/unreadable.sqfs"
}

@test 'image in a directory closed to the user' {
	fail_on_two_nodes "cannot open image '$images/closed/image.sqfs': Permission denied" \
	    'chmod a+r the file*' '' --container="$images/closed/image.sqfs"
}

@test 'image is an empty directory' {
	fail_on_two_nodes "image '$images/directory' is an empty directory" \
	    'unpack it again, and check that its file system is mounted here' '' \
	    --container="$images/directory"
}

@test 'image is an empty file' {
	fail_on_two_nodes "image '$images/empty.sqfs' is an empty file" 'copy or make it again' '' \
	    --container="$images/empty.sqfs"
}

@test 'image is no squashfs' {
	fail_on_two_nodes "image '$images/text.sqfs' is neither a squashfs nor a SIF" \
	    "file $images/text.sqfs; mksquashfs DIR NEW.sqfs makes an image from a directory" '' \
	    --container="$images/text.sqfs"
}

@test 'image is truncated' {
	local size

	size=$(stat -c %s "$images/truncated.sqfs")
	fail_on_two_nodes "image '$images/truncated.sqfs' is truncated: $size of * bytes" \
	    'copy or make it again' '' --container="$images/truncated.sqfs"
}

@test 'image with an unknown compression' {
	fail_on_two_nodes "image '$images/compression.sqfs' is compressed with *, which this build cannot read" \
	    'mksquashfs DIR NEW.sqfs -comp gzip' '' --container="$images/compression.sqfs"
}

@test 'image with an old format' {
	fail_on_two_nodes "image '$images/version.sqfs' is squashfs 3.0, not 4.0" \
	    'make it anew with mksquashfs 4.0 or later' '' --container="$images/version.sqfs"
}

@test 'image with damaged tables' {
	fail_on_two_nodes "image '$images/tables.sqfs' is damaged or cannot be read: *" \
	    'check its file system; copy or make the image again' '' --container="$images/tables.sqfs"
}

@test 'image is a damaged SIF, a tar, a gzip file, a program' {
	fail_on_two_nodes "SIF image '$images/image.sif': its header is damaged" \
	    'copy or build it again' '' --container="$images/image.sif"
	fail_on_two_nodes "image '$images/image.tar' is a tar archive, not a squashfs" \
	    'davit image import FILE NEW.sqfs' '' --container="$images/image.tar"
	fail_on_two_nodes "image '$images/image.tar.gz' is a gzip file, not a squashfs" \
	    'davit image import *' '' --container="$images/image.tar.gz"
	fail_on_two_nodes "image '/bin/true' is a program, not a squashfs" \
	    'srun --container=IMAGE COMMAND' '' --container=/bin/true
}

@test 'image is a FIFO or a device' {
	fail_on_two_nodes "image '$images/fifo' is neither a regular file nor a directory" \
	    'the path of a squashfs or SIF file, or of a directory' '' --container="$images/fifo"
	fail_on_two_nodes "image '/dev/zero' is neither a regular file nor a directory" '*' '' --container=/dev/zero
}

@test '/dev/fuse is not permitted' {
	chmod 600 /dev/fuse
	fail_on_two_nodes 'cannot mount image *cannot open /dev/fuse: Permission denied' \
	    "ask your admin for mode 0666 on /dev/fuse, also in the job's device cgroup (davit doctor tells more)" '' \
	    --container="$SMALL"
}

@test '/dev/fuse is missing' {
	umount /dev/fuse
	mount --bind /dev/null /dev/fuse
	run_srun --container="$SMALL" echo alive
	await umount /dev/fuse   # the kernel ends rings (io_uring) a moment after their process
	mount --bind "$DAVIT_WORK/dev/fuse" /dev/fuse
	assert_status 125
	assert_output ''
	assert_failure n? "cannot mount image*" ''
}

# The limit belongs to a user namespace, so a cluster in one of its own has its
# own limit, and the machine keeps its.
@test 'user namespaces are disabled' {
	local SLURM_CONF=$SLURM_CONF state=$DAVIT_WORK/cluster-userns

	userns_begin
	userns_enter "$DAVIT_CLUSTER_TOOL" start --state "$state" \
	    --keep-users --prefix "$DAVIT_PREFIX" >/dev/null
	SLURM_CONF=$state/etc/slurm.conf
	userns_enter alice srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" echo alive
	userns_limit 0
	capture userns_enter alice srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" sh -c 'echo alive'
	userns_enter "$DAVIT_CLUSTER_TOOL" stop --state "$state"
	userns_end
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2' 'cannot create a user namespace: No space left on device' \
	    'ask your admin to raise user.max_user_namespaces (it is 0; davit doctor tells more)'
}

@test 'command not found' {
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" nonesuch
	assert_status 127
	assert_failure 'n1 n2' "command 'nonesuch' not found in the container: PATH=*" \
	    'its path inside the image; --container-mounts brings in files of the node'
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" /opt/nonesuch
	assert_status 127
	assert_failure 'n1 n2' "command '/opt/nonesuch' not found in the container" '*'
}

@test 'command that only the host has' {
	run_srun --container="$SMALL" /usr/bin/perl -e 'print "alive"'
	assert_status 127
	assert_output ''
	assert_failure n? "command '/usr/bin/perl' not found in the container" '*'
}

# not_executable FILE CAUSE REMEDY
not_executable() {
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" "$1"
	assert_status 126
	assert_output ''
	assert_failure 'n1 n2' "cannot execute '$1': $2" "$3"
}

@test 'command is not executable' {
	not_executable /opt/bad/mode 'Permission denied' 'chmod +x /opt/bad/mode'
}

@test 'command is a directory' { not_executable /opt/bad/directory 'it is a directory' ''; }

@test 'command is for another machine' {
	not_executable /opt/bad/arm64 \
	    "it is a program for aarch64, this node is $(uname -m)" "an image made for $(uname -m)"
}

@test 'the interpreter of a script is missing' {
	not_executable /opt/bad/script \
	    "its interpreter '/no/such/interpreter' is not in the container" 'an image that has it*'
}

@test 'the dynamic loader is missing' {
	not_executable /opt/bad/dynamic 'its dynamic loader is not in the container' 'an image that has it*'
}

@test 'a text without #!' {
	not_executable /opt/bad/text "neither a program nor a script with a '#!' line" \
	    'a first line like #!/bin/sh'
}

@test 'the same, found in PATH' {
	run_alice env PATH=/opt/bad:/bin:/usr/bin srun --container="$SMALL" arm64
	assert_status 126
	assert_failure n? "cannot execute '/opt/bad/arm64': it is a program for aarch64*" '*'
	run_alice env PATH=/opt/bad:/bin:/usr/bin srun --container="$SMALL" mode
	assert_status 126
	assert_failure n? "cannot execute '/opt/bad/mode': Permission denied" 'chmod +x /opt/bad/mode'
}

@test 'working directory missing in the container' {
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" --container-workdir=/nowhere sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2' \
	    "cannot change to the working directory '/nowhere' in the container: No such file or directory" \
	    '--container-mounts to bring it in, or --container-workdir=/'
}

@test 'working directory below /etc of the host is not brought along' {
	mkdir -p /etc/davit-test-dir
	run_srun --chdir=/etc/davit-test-dir --container="$SMALL" echo alive
	rmdir /etc/davit-test-dir
	assert_status 125
	assert_output ''
	assert_failure n? "cannot change to the working directory '/etc/davit-test-dir' in the container*" '*'
}

@test 'errors of some ranks only: the others go on' {
	run_srun -N1 -n4 --container="$SMALL" sh -c \
	    '[ $SLURM_PROCID != 2 ] || exec /opt/bad/mode; echo fine'
	assert_status 126
	assert_output $'fine\nfine\nfine'
}

@test 'a launcher that is not there is told, never ignored' {
	mv "$DAVIT" "$DAVIT.away"
	run_srun --container="$SMALL" sh -c 'echo alive'
	mv "$DAVIT.away" "$DAVIT"
	((status != 0))
	assert_output ''
	assert_stderr "$DAVIT"
}
