# SPDX-License-Identifier: BSD-3-Clause
# writable.bats - containers that are written to, and saved

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

tree=$DAVIT_WORK/trees/small     # of root's
mine=$DAVIT_WORK/trees/alice

# Who may change a file in a directory, its owner tells.
setup_file() {
	cp -a "$DAVIT_WORK/trees/small" "$DAVIT_WORK/trees/alice"
	chown -R alice: "$DAVIT_WORK/trees/alice"
}

teardown() {
	rm -rf /tmp/layer /home/alice/layer /home/alice/saved.sqfs /tmp/go
	leftovers_assert
}

# ---- in memory -----------------------------------------------------------

@test 'read-only by default' {
	local image option

	for image in "$SMALL" "$tree"; do
		for option in '' --container-readonly --container-writable=no; do
			run_srun --container="$image" ${option:+"$option"} sh -c 'touch /x; rm /etc/image; mkdir /etc/x'
			assert_status 1
			assert_no_davit_line
			assert_equal "$(grep -c 'Read-only file system' <<<"$stderr")" 3
		done
	done
}

@test '--container-writable: create, change, delete, rename, execute' {
	local image

	for image in "$SMALL" "$mine"; do
		run_srun --container="$image" --container-writable sh -ec '
			echo new >/new; cat /new
			echo more >>/etc/image; tail -n 1 /etc/image
			rm /data/file; ls /data
			mv /opt/test /opt/renamed; [ -x /opt/renamed/"$(ls /opt/renamed | head -n 1)" ]
			mkdir /data/sub; rmdir /data/sub; rmdir /data
			ln -s /new /link; ln /new /hard; cat /link; stat -c %h /new
			mkdir /own; cp /bin/busybox /own/sh; exec /own/sh -c "echo executed; id -un"'
		assert_success
		assert_output $'new\nmore\nnew\n2\nexecuted\nalice'
	done
}

@test 'what is written is gone afterwards, and the image as it was' {
	local before

	before=$(md5sum "$SMALL"; find "$mine" -printf '%p %s %T@\n' | md5sum)
	run_srun --container="$SMALL" --container-writable sh -c 'echo x >/new; rm /etc/image'
	assert_success
	run_srun --container="$mine" --container-writable sh -c 'echo x >/new; rm /etc/image'
	assert_success
	run_srun --container="$SMALL" --container-writable ls /new /etc/image
	assert_output /etc/image
	assert_equal "$(md5sum "$SMALL"; find "$mine" -printf '%p %s %T@\n' | md5sum)" "$before"
}

@test 'the ranks of a node share the layer, those of another do not' {
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$SMALL" --container-writable sh -c '
		mkdir "/rank.$SLURM_LOCALID"
		while ! [ -d /rank.0 -a -d /rank.1 ]; do usleep 10000; done
		echo "$SLURMD_NODENAME" >"/on.$SLURMD_NODENAME"; ls -d /on.* | xargs'
	assert_success
	assert_equal "$(sort -u <<<"$output")" $'/on.n1\n/on.n2'
}

@test 'a directory of root: new files can be made, and who may change the old ones is as on the node' {
	run_srun --container="$tree" --container-writable sh -c \
	    'echo x >/new; cat /new; echo x >>/etc/image; touch /opt/x; ls /etc/image'
	assert_success
	assert_output $'x\n/etc/image'
	assert_equal "$(grep -c 'Permission denied' <<<"$stderr")" 2
}

@test 'size=: the limit holds, and who hits it is told which one' {
	run_srun --container="$SMALL" --container-writable=size=1m sh -c \
	    'dd if=/dev/zero of=/big bs=64k 2>/dev/null || exit 9'
	assert_status 9
	assert_stderr "davit: .*: the container's writable layer is full: it holds 1 MiB in memory"
	assert_stderr 'davit: .*: try: --container-writable=size=SIZE, or =DIR for a directory'
	assert_equal "$(grep -c 'davit: ' <<<"$stderr")" 2
	run_srun --container="$SMALL" --container-writable=size=4m sh -c \
	    'dd if=/dev/zero of=/big bs=64k count=32 2>/dev/null && echo fits'
	assert_success
	assert_output fits
}

@test 'values that are refused at once' {
	local bad cause

	while IFS='|' read -r bad cause; do
		run_srun --container="$SMALL" "$bad" true
		assert_refused srun "$cause"
	done <<-'END'
	--container-writable=size=|--container-writable: '' is not a size
	--container-writable=size=0|--container-writable: '0' is not a size
	--container-writable=size=1x|--container-writable: '1x' is not a size
	--container-writable=size=-1m|--container-writable: '-1m' is not a size
	--container-writable=size=1mm|--container-writable: '1mm' is not a size
	--container-writable=ture|--container-writable: 'ture' is neither yes, no or size=SIZE nor a path with '/'
	--container-save=|--container-save: empty path
	--container-save=/tmp/|--container-save: '/tmp/' is a directory
	END
	run_srun --container="$SMALL" --container-writable --container-readonly true
	assert_refused srun '--container-writable and --container-readonly contradict each other' \
	    'one of the two'
	run_srun --container="$SMALL" --container-writable=/tmp/x --container-readonly true
	assert_refused srun '--container-writable and --container-readonly contradict each other'
}

@test 'a nested srun may say the opposite of salloc' {
	run_alice salloc -Q --container="$SMALL" --container-writable bash -c '
		srun sh -c "touch /x && echo written"
		srun --container-readonly sh -c "touch /x 2>/dev/null || echo refused"
		srun --container-writable=no sh -c "touch /x 2>/dev/null || echo refused"'
	assert_success
	assert_output $'written\nrefused\nrefused'
	run_alice salloc -Q --container="$SMALL" --container-readonly bash -c '
		srun sh -c "touch /x 2>/dev/null || echo refused"
		srun --container-writable sh -c "touch /x && echo written"'
	assert_success
	assert_output $'refused\nwritten'
}

@test 'nothing is left after a kill of rank or server' {
	local image what

	for image in "$SMALL" "$tree"; do
		for what in rank server; do
			begin srun --container="$image" --container-writable=/tmp/layer sh -c \
			    'echo x >/x; echo up; sleep 60'
			await_output up
			if [[ $what == rank ]]; then
				pkill -KILL -u alice -x sleep
			else
				kill -KILL "$(image_servers)"
				scancel "$(job_now)"
			fi
			finish
			((status != 0))
			await job_none
			# and the directory is free again
			run_srun --container="$SMALL" --container-writable=/tmp/layer cat /x
			assert_success
			assert_output x
			rm -rf /tmp/layer
		done
	done
}

# ---- in a directory ------------------------------------------------------

@test '--container-writable=DIR is kept' {
	local image

	for image in "$SMALL" "$mine"; do
		run_srun --container="$image" --container-writable=/tmp/layer sh -c \
		    'echo kept >/kept; rm /etc/image; rmdir /opt/bad/directory; mkdir -m 700 /own'
		assert_success
		assert_quiet
		assert_equal "$(stat -c '%U %a' /tmp/layer)" 'alice 700'
		run_srun --container="$image" --container-writable=/tmp/layer sh -c \
		    'cat /kept; ls -d /own /etc/image /opt/bad/directory 2>/dev/null'
		assert_output $'kept\n/own'
		rm -rf /tmp/layer
	done
}

@test 'a relative DIR, a link, one that exists' {
	run_srun --container="$SMALL" --container-writable=./layer touch /one
	assert_success
	assert_equal "$(ls /home/alice/layer/upper/one)" /home/alice/layer/upper/one
	alice ln -s /home/alice/layer /tmp/layer
	run_srun --container="$SMALL" --container-writable=/tmp/layer ls /one
	assert_success
	assert_output /one
	alice mkdir /home/alice/layer/unrelated
	run_davit --writable=/home/alice/layer "$SMALL" ls /one
	assert_success
	assert_output /one
}

@test 'a second container on the same DIR is refused' {
	local image

	for image in "$SMALL" "$tree"; do
		begin srun --container="$image" --container-writable=/tmp/layer sh -c \
		    'echo up; while ! [ -e /tmp/go ]; do usleep 50000; done'
		await_output up
		run_srun --jobid="$(job_now)" --overlap --container="$SMALL" \
		    --container-writable=/tmp/layer echo alive
		touch /tmp/go
		assert_status 125
		assert_output ''
		assert_failure n? \
		    "writable layer '/tmp/layer': another container on this node writes there" \
		    'another directory, or wait until that one has ended'
		finish
		assert_success
		rm -rf /tmp/layer /tmp/go
	done
}

# no_layer DIR CAUSE REMEDY
no_layer() {
	run_srun --container="$SMALL" --container-writable="$1" sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_failure n? "$2" "$3"
}

@test 'DIR that cannot be made, that is a file, that belongs to somebody else' {
	no_layer /no/such/layer \
	    "writable layer '/no/such/layer': cannot create the directory: No such file or directory" '*'
	no_layer /etc/layer \
	    "writable layer '/etc/layer': cannot create the directory: Permission denied" '*'
	no_layer "$SMALL" "writable layer '$SMALL': cannot open the directory: Not a directory" '*'
	install -d -m 755 -o bob /tmp/layer
	no_layer /tmp/layer "writable layer '/tmp/layer': cannot create 'upper': Permission denied" '*'
}

@test 'DIR on a file system that cannot hold a layer' {
	local over=$BATS_TEST_TMPDIR/over

	mkdir -p "$over"/{upper,work,lower} /home/alice/layer
	mount -t overlay -o "lowerdir=$over/lower,upperdir=$over/upper,workdir=$over/work" \
	    davit-test /home/alice/layer
	chown alice: /home/alice/layer
	run_srun --container="$SMALL" --container-writable=/home/alice/layer sh -c 'echo alive'
	umount /home/alice/layer
	assert_status 125
	assert_output ''
	assert_failure n? 'the writable layer is on overlay, which cannot hold one: *' \
	    'a directory on a local file system, or --container-writable'
}

# ---- saving --------------------------------------------------------------

saved=/home/alice/saved.sqfs

@test '--container-save: what was written is in the image, and that can be run' {
	local image

	for image in "$SMALL" "$mine"; do
		run_srun -n2 -N1 --container="$image" --container-save=$saved --container-mounts=/opt:/opt/node sh -c '
			echo "$SLURM_PROCID" >"/saved.$SLURM_PROCID"
			[ $SLURM_PROCID = 0 ] || rm /etc/image
			mkdir -p -m 700 "/own.$SLURM_PROCID"; touch /tmp/on-the-node'
		assert_success
		assert_quiet
		assert_equal "$(stat -c '%U %a' $saved)" 'alice 644'
		rm -f /tmp/on-the-node
		run_srun --container=$saved sh -c \
		    'cat /saved.0 /saved.1; stat -c %a /own.0; ls /etc/image 2>/dev/null; cat /data/file'
		assert_success
		assert_output $'0\n1\n700\nfrom the image'
		# of what was mounted there is the mount point at most
		assert_equal "$(unsquashfs -l $saved | grep -cE '/(proc|sys|dev|tmp|home/alice|opt/node)/.')" 0
		rm $saved
	done
}

@test '--container-save waits for the last rank' {
	run_srun -n2 -N1 --container="$SMALL" --container-save=$saved sh -c '
		[ $SLURM_PROCID = 0 ] || { sleep 1; touch /late; }'
	assert_success
	assert_match_saved /late
}

assert_match_saved() {
	unsquashfs -l $saved | grep -qx "squashfs-root$1" || complain "no $1 in the saved image"
}

@test 'the old file stays until the new one is whole' {
	cp "$OTHER" $saved
	chown alice: $saved
	begin srun --container=$saved --container-save=$saved sh -c \
	    'echo new >/etc/image; echo up; while ! [ -e /tmp/go ]; do usleep 50000; done'
	await_output up
	assert_equal "$(md5sum <$saved)" "$(md5sum <"$OTHER")"
	touch /tmp/go
	finish
	assert_success
	run_srun --container=$saved cat /etc/image
	assert_output new
}

@test 'a kill while it is being saved leaves nothing but the old file' {
	local saver

	cp "$OTHER" $saved
	chown alice: $saved
	begin srun --container="$SMALL" --container-save=$saved sh -c \
	    'head -c 60000000 /dev/urandom >/random; echo up'
	await_output up
	await pgrep -u alice -x mksquashfs
	saver=$(pgrep -x davit-save)
	kill -KILL "$saver" "$(pgrep -u alice -x mksquashfs)"
	finish
	assert_status 125
	assert_equal "$(md5sum <$saved)" "$(md5sum <"$OTHER")"
	assert_equal "$(ls /home/alice)" saved.sqfs
}

@test 'the exit code is that of the command, saved all the same' {
	run_srun --container="$SMALL" --container-save=$saved sh -c 'touch /x; exit 7'
	assert_status 7
	assert_no_davit_line
	assert_match_saved /x
	run_davit --save=$saved "$SMALL" sh -c 'touch /y; kill -TERM $$'
	assert_status 143
	assert_match_saved /y
}

# no_save FILE CAUSE REMEDY: told before the command runs
no_save() {
	run_srun --container="$SMALL" --container-save="$1" sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_failure n? "cannot save the container to '$1': $2" "$3"
}

@test 'a FILE that cannot be written is refused before the command runs' {
	no_save /no/such/saved.sqfs "cannot create a file in '/no/such/': No such file or directory" \
	    'mkdir /no/such/'
	no_save /etc/saved.sqfs "cannot create a file in '/etc/': Permission denied" '*'
	no_save /tmp "it is a directory" 'the path of a file'
}

@test 'saving that fails afterwards: 125 and a message' {
	mkdir /home/alice/layer
	mount -t tmpfs -o size=256k,mode=777 davit-test /home/alice/layer
	run_srun --container="$SMALL" --container-save=/home/alice/layer/x.sqfs true
	assert_equal "$(ls -A /home/alice/layer)" ''
	umount /home/alice/layer
	assert_status 125
	assert_stderr "davit: n[12]: cannot save the container to '/home/alice/layer/x.sqfs': mksquashfs ended with code 1"
	assert_stderr 'davit: n[12]: try: its own message is above; mostly a full file system or quota'
}

@test 'on two nodes the first one saves' {
	run_srun -N2 -n2 --container="$SMALL" --container-save=$saved sh -c 'touch /on.$SLURMD_NODENAME'
	assert_success
	assert_match_saved /on.n1
	[[ $(unsquashfs -l $saved) != */on.n2* ]] || complain 'the second node has saved'
}

@test 'a job that is cancelled saves nothing and leaves nothing' {
	begin srun -n2 -N1 --container="$SMALL" --container-save=$saved sh -c 'echo up; sleep 60'
	await_output up 2
	scancel "$(job_now)"
	finish
	((status != 0))
	await job_none
	[[ ! -e $saved ]] || unsquashfs -l $saved >/dev/null || complain 'half an image'
}

@test 'a batch script and --container-save' {
	run_sbatch --container="$SMALL" --container-save=$saved --wrap 'touch /batch; echo alive'
	assert_equal "$output" alive
	assert_match_saved /batch
}

@test 'a progress bar on a terminal, and none elsewhere' {
	run_alice script -qefc "stty rows 33 cols 77; $DAVIT run --save=$saved $SMALL true" /dev/null
	assert_status 0
	assert_match '\[=+.*100%'
	rm $saved
	run_davit --save=$saved "$SMALL" true
	assert_success
	assert_quiet
	assert_output ''
}

@test 'what is left behind in the container has ended before it is saved' {
	run_srun --container="$SMALL" --container-save=/tmp/saved.sqfs sh -c '
		(trap "" HUP TERM; while :; do echo again >/log; echo x >>/more; done) &
		until [ -s /more ]; do :; done'
	assert_success
	run_srun --container=/tmp/saved.sqfs sh -c 'ls -d /log /more; rm -f /tmp/saved.sqfs'
	assert_success
	assert_output $'/log\n/more'
}

@test "the node's root can be mounted, whatever lies below the container's" {
	local image

	for image in "$SMALL" "$tree"; do
		run_srun --container="$image" --container-writable --container-mounts=/:/host:ro \
		    sh -c 'ls -d /host/run/davit-test /host/upper'
		assert_output /host/run/davit-test
	done
}

# ---- an overlay for what is only read ------------------------------------

# Requests of the kernel that are no names, attributes and so on: Python's question for a terminal is one.
others() { sed -n 's/.*others \([0-9]*\)$/\1/p' <<<"$stderr"; }

@test '--container-image-overlay: the image is read only, and programs ask its server nothing twice' {
	local ask='i=0; while [ $((i += 1)) -le 50 ]; do [ ! -t 3 ] || echo terminal; done 3</etc/image; cat /etc/image'

	run_srun --container="$SMALL" --container-stats sh -c "$ask"
	assert_status 0
	(($(others) >= 50)) || complain "asked $(others) times"
	run_srun --container="$SMALL" --container-image-overlay --container-stats sh -c \
	    "$ask; touch /x; rm /etc/image; mkdir /etc/x; grep -c ' / overlay ro,' /proc/mounts"
	assert_status 0
	(($(others) < 50)) || complain "asked $(others) times"
	assert_output $'small\n1'
	assert_equal "$(grep -c 'Read-only file system' <<<"$stderr")" 3
}

@test '--container-image-overlay: mount points, several ranks, and what has a layer anyway' {
	run_srun -n4 --container="$SMALL" --container-image-overlay --container-mounts=/home/alice:/new/point sh -c \
	    'touch /new/point/$SLURM_PROCID; touch /new/x 2>/dev/null || cat /etc/image'
	assert_success
	assert_output $'small\nsmall\nsmall\nsmall'
	assert_equal "$(cd /home/alice && ls [0-3])" $'0\n1\n2\n3'
	rm /home/alice/[0-3]
	run_davit --image-overlay --writable "$SMALL" sh -c 'echo new >/etc/image; cat /etc/image'
	assert_success
	assert_output new
	run_davit --image-overlay "$tree" sh -c 'touch /x 2>/dev/null || cat /etc/image'
	assert_success
	assert_output other
	run_alice env DAVIT_CONTAINER_IMAGE_OVERLAY=yes "$DAVIT" run --no-image-overlay "$SMALL" grep -c ' / overlay ' /proc/mounts
	assert_output 0
}
