# SPDX-License-Identifier: BSD-3-Clause
# races.bats - what changes under a container's feet, and what is hidden in names and variables

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016,SC2034

host=$(hostname -s)
load "$DAVIT_TESTS/lib/common.bash"

image=/home/alice/own.sqfs    # of the user's, to be changed while it is in use
damaged="a part of image '$image' is damaged: files in it gave I/O errors"

# Files that compress, and that nobody reads before it is time.
setup_file() {
	local tree=$DAVIT_WORK/trees/late

	mkdir -p "$tree/late/deep"
	cp -a "$DAVIT_WORK/trees/small/bin" "$tree/"
	seq 500000 >"$tree/late/numbers"
	cp "$programs/cma" "$tree/late/program"
	seq 1000 >"$tree/late/deep/file"
	mksquashfs "$tree" "$images/late.sqfs" -noappend -no-progress -quiet -all-root >/dev/null
}

setup() {
	install -o alice -g alice "$images/late.sqfs" "$image"
	install -d -o alice -g alice /home/alice/links
	leftovers_note
}

teardown() {
	[[ ! ${swapper-} ]] || swap_no_more
	! grep -q ' /home/alice/fuse ' /proc/self/mountinfo || umount -l /home/alice/fuse
	rm -rf "$image" /home/alice/links
	leftovers_assert
}

# ---- the image changes ------------------------------------------------------

# Starts a step that waits for a line of input, then runs $1 and fails.
begin_step() {
	mkfifo "$BATS_TEST_TMPDIR/go"
	alice srun --container="$image" sh -c "echo up; read -r go; $1; exit 3" <>"$BATS_TEST_TMPDIR/go" \
	    >"$BATS_TEST_TMPDIR/begun.out" 2>"$BATS_TEST_TMPDIR/begun.err" &
	begun=$!    # for finish()
	await_output up
}
go() {
	echo go >"$BATS_TEST_TMPDIR/go"
	finish
}

@test 'another file takes the name of the image: the step keeps the old one to its end' {
	begin_step 'md5sum </late/numbers; cat /late/deep/file | wc -l'
	install -o alice -g alice "$SMALL" /home/alice/new.sqfs
	mv /home/alice/new.sqfs "$image"
	go
	assert_status 3
	assert_no_davit_line
	assert_output "up
$(md5sum <"$DAVIT_WORK/trees/late/late/numbers")
1000"
	# the next one gets the new one
	run_srun --container="$image" cat /etc/image
	assert_output small
}

@test 'the image is deleted, name and directory: the step keeps it to its end' {
	mkdir /home/alice/links/dir
	mv "$image" /home/alice/links/dir/
	image=/home/alice/links/dir/own.sqfs begin_step 'md5sum </late/numbers'
	rm -r /home/alice/links/dir
	go
	assert_status 3
	assert_no_davit_line
	assert_output "up
$(md5sum <"$DAVIT_WORK/trees/late/late/numbers")"
}

@test 'the image is cut short: I/O errors, and the reason' {
	begin_step 'cat /late/numbers; /late/program'
	truncate -s 4096 "$image"
	go
	assert_status 3
	assert_output up
	assert_stderr "cat: .*: (I/O|Input/output) error"
	assert_stderr "/late/program: (I/O|Input/output) error"
	assert_equal "$(grep -c "davit: .*: $damaged" <<<"$stderr")" 1
	assert_equal "$(grep -c 'davit: .*: try: copy or make the image again' <<<"$stderr")" 1
}

@test 'the image is overwritten in place: I/O errors where it can be told, and the reason' {
	begin_step 'cat /late/numbers; /late/program'
	head -c "$(($(stat -c %s "$image") - 96))" /dev/urandom | dd of="$image" bs=96 seek=1 conv=notrunc status=none
	go
	assert_status 3
	[[ $output != up$'\n'1* ]] || complain 'junk was read'
	assert_stderr "/late/program: (I/O|Input/output) error"
	assert_equal "$(grep -c "davit: .*: $damaged" <<<"$stderr")" 1
}

# Root cannot reach such files, as on an NFS with root_squash.
@test 'an image that root may not see, in a file system of the user'\''s own' {
	local fuse=/home/alice/fuse

	install -d -o alice -g alice $fuse /home/alice/links/tree
	cp "$image" /home/alice/links/
	alice bindfs --no-allow-other /home/alice/links $fuse
	! stat $fuse/own.sqfs || complain 'root sees it'
	run_srun -N2 -n4 --container=$fuse/own.sqfs sh -c 'wc -l </late/numbers'
	assert_success
	assert_output $'500000\n500000\n500000\n500000'
	run_davit $fuse/own.sqfs sh -c 'wc -l </late/numbers'
	assert_success
	assert_output 500000
	# from there, and with more of it inside
	run_srun --container=$fuse/own.sqfs --container-mounts=$fuse:/mnt --container-writable \
	    --container-workdir=/mnt/tree sh -c 'touch made /written; ls /mnt /mnt/tree'
	assert_success
	assert_output $'/mnt:\nown.sqfs\ntree\n\n/mnt/tree:\nmade'
	run_srun --container=$fuse/own.sqfs --container-name=foo --container-remap-root id -u
	assert_success
	assert_output 0
	alice fusermount3 -u $fuse
	rmdir $fuse
}

# ---- between check and use --------------------------------------------------

swap() {
	alice "$programs/swap" "$@" >/dev/null 2>&1 3>&- &
	swapper=$(pgrep -n -x swap || { await pgrep -x swap; pgrep -n -x swap; })
}
# One that is about to end would be taken for the next, and still makes links.
swap_no_more() {
	kill "$swapper"
	tail --pid="$swapper" -s 0.05 -f /dev/null
	swapper=
}

@test 'a link to the image changes all the time: one or the other, or a refusal, never a mixture' {
	local i same=0 refused=0

	cp "$SMALL" /home/alice/links/small.sqfs
	chown alice: /home/alice/links/small.sqfs
	ln -s small.sqfs /home/alice/links/a
	ln -s "$images/unreadable.sqfs" /home/alice/links/b
	chown -h alice: /home/alice/links/*
	swap links/a links/b
	for i in {1..80}; do
		run_davit /home/alice/links/a cat /etc/image
		if ((status == 0)); then
			assert_output small
			same=$((same + 1))
		else
			assert_status 125
			assert_failure "$(hostname -s)" "cannot open image '/home/alice/links/a': Permission denied" '*'
			refused=$((refused + 1))
		fi
	done
	((same > 0 && refused > 0)) || complain "never both: $same, $refused"
	for i in {1..20}; do
		run_srun -n2 --container=/home/alice/links/a cat /etc/image
		((status != 0)) || assert_output $'small\nsmall'
		((status == 0)) || assert_failure n? "cannot open image '/home/alice/links/a': Permission denied" '*'
	done
}

@test 'two images that are directories change places all the time' {
	local i

	cp -a "$DAVIT_WORK/trees/small" /home/alice/links/a
	cp -a "$DAVIT_WORK/trees/small" /home/alice/links/b
	echo small >/home/alice/links/b/etc/image
	chown -R alice: /home/alice/links
	swap links/a links/b
	for i in {1..80}; do
		run_davit /home/alice/links/a cat /etc/image
		((status != 0)) || [[ $output == small || $output == other ]] || complain 'something else'
		((status == 0)) || assert_failure "$(hostname -s)" \
		    "'/home/alice/links/?' was moved or replaced meanwhile" 'leave it where it is while containers start'
	done
}

@test 'the source of a mount changes all the time: what the user may see, or a refusal' {
	local i

	mkdir /home/alice/links/dir
	echo mine >/home/alice/links/dir/file
	ln -s dir /home/alice/links/a
	ln -s "$images/closed" /home/alice/links/b
	chown -hR alice: /home/alice/links
	swap links/a links/b
	for i in {1..60}; do
		run_davit --mounts=/home/alice/links/a:/mnt "$SMALL" sh -c 'ls /mnt && cat /mnt/file'
		if ((status == 0)); then
			assert_output $'file\nmine'
		else
			# closed by the mode of the directory itself
			[[ $stderr == *'Permission denied'* ]] || complain 'no reason'
			assert_output ''
		fi
	done
}

@test 'the target of a mount changes all the time: it stays in the container' {
	local i before

	mkdir -p /home/alice/links/dir
	ln -s /etc /home/alice/links/b
	ln -s ../../../../home/bob /home/alice/links/c
	chown -hR alice: /home/alice/links
	before=$(wc -l </proc/self/mountinfo)
	swap links/dir links/b
	for i in {1..60}; do
		run_davit --mounts="$images:/home/alice/links/dir/sub" "$SMALL" sh -c 'echo alive'
		((status == 0)) || assert_status 125
		((status != 0)) || assert_output alive
	done
	swap_no_more
	swap links/c links/b
	for i in {1..20}; do
		run_davit --mounts="$images:/home/alice/links/c/sub" "$SMALL" sh -c 'echo alive'
		((status == 0)) || assert_status 125
	done
	assert_equal "$(wc -l </proc/self/mountinfo)" "$before"
	# nothing was made on the node, where a link of the user's pointed
	[[ ! -e /etc/sub && ! -e /home/bob/sub ]]
}

# ---- the launcher -----------------------------------------------------------

@test 'the launcher cannot be looked into in the moment before it is the command' {
	local option i job

	for option in '' --container-remap-root; do
		begin srun --container="$SMALL" ${option:+"$option"} /opt/test/peek 6
		await_output up
		job=$(job_now)
		# on a busy machine the six seconds may be over before
		for i in {1..120}; do
			run_alice "$DAVIT" enter "$job" true
			((status == 0)) || break
		done
		((i > 5)) || complain 'cannot be entered'
		finish
		assert_success
		# some must have been seen, and nothing of them
		assert_match $'^up\nseen [1-9][0-9]+$'
	done
}

@test 'nor when it enters what a rank has made to be entered' {
	local job

	# where the filter of system calls refuses that, there is nothing to fear
	run_srun --container="$SMALL" /opt/test/peek 0 room
	((status != 3)) || return 0
	begin srun --container="$SMALL" /opt/test/peek 6 room
	await_output up
	job=$(job_now)
	for _ in {1..120}; do
		run_alice "$DAVIT" enter "$job" true
	done
	finish
	assert_success
	assert_match $'^up\nseen [1-9][0-9]+$'
}

@test 'a program of the container is itself in /proc/self/exe, and as dumpable as ever' {
	run_srun --container="$SMALL" sh -c 'readlink /proc/self/exe; /opt/test/attempts on $$'
	assert_success
	assert_match $'^/bin/busybox\nenviron done\nexe done\n'
	run_davit --mounts="$DAVIT_PREFIX:/davit" "$SMALL" readlink /proc/self/exe
	assert_output /bin/busybox
}

# Descriptors of a step with $@ and without a container, by number and kind.
@test 'no descriptor but those that a step has without a container' {
	local list='for f in /proc/self/fd/*; do l=$(readlink $f) && echo "${f##*/} ${l%%:*}"; done | grep -v "/proc\|/fd$"'
	local bare option

	# the shell of the image, so that both open the same
	cp "$DAVIT_WORK/trees/small/bin/busybox" /tmp/busybox
	bare=$(alice srun /tmp/busybox sh -c "$list")
	[[ $bare == 0\ * ]]
	for option in '' --container-writable --container-name=foo --container-save=/home/alice/saved.sqfs \
	    --container-unshare=pid --container-unshare=pid,net,ipc,uts --container-unshare=net:slirp \
	    --container-remap-root --container-slurm; do
		run_srun -N1 --container="$SMALL" ${option:+"$option"} /bin/busybox sh -c "$list"
		assert_success
		assert_equal "$output" "$bare"
	done
	run_srun -N1 --container="$DAVIT_WORK/trees/small" /bin/busybox sh -c "$list"
	assert_equal "$output" "$bare"
	for option in '' --writable --unshare=pid --remap-root; do
		# the user's own come along, as with env(1)
		run_alice bash -c 'exec 7</dev/null; "$@"' - /tmp/busybox sh -c "$list"
		bare=$output
		[[ $bare == *'7 /dev/null'* ]]
		run_alice bash -c 'exec 7</dev/null; "$@"' - "$DAVIT" run ${option:+"$option"} "$SMALL" /bin/busybox sh -c "$list"
		assert_success
		assert_equal "$output" "$bare"
	done
	rm -f /home/alice/saved.sqfs /tmp/busybox
}

@test 'no descriptor in batch scripts and for who enters' {
	local list='for f in /proc/self/fd/*; do l=$(readlink $f) && echo "${f##*/}"; done'
	local bare

	run_sbatch --wrap "$list"
	bare=$output
	run_sbatch --container="$SMALL" --wrap "$list"
	assert_equal "$output" "$bare"
	begin srun --container="$SMALL" sh -c 'echo up; sleep 20'
	await_output up
	run_alice /bin/busybox sh -c "$list"
	bare=$output
	run_alice "$DAVIT" enter "$(job_now)" sh -c "$list"
	scancel "$(job_now)"
	assert_success
	assert_equal "$output" "$bare"
	finish
}

# ---- names and variables ----------------------------------------------------

@test 'PATH with the working directory in it, and programs that are called as ours' {
	local path name

	for name in davit slurmstepd tool; do
		printf '#!/bin/sh\necho "the user'\''s %s"\n' $name >/home/alice/links/$name
		chmod 755 /home/alice/links/$name
	done
	for path in .:/bin :/bin /bin: /bin::/usr/bin /home/alice/links:/bin; do
		for name in tool davit; do
			# the launcher is found by its own path, the command as execvp(3) does it
			run_alice env PATH="$path" /bin/bash -c "cd links; exec /usr/bin/srun --container=$SMALL $name"
			assert_success
			assert_output "the user's $name"
			run_alice env PATH="$path" /bin/bash -c "cd links; exec $DAVIT run $SMALL $name"
			assert_success
			assert_output "the user's $name"
		done
	done
	# nor are programs that Davit starts looked up there
	ln -s tool /home/alice/links/mksquashfs
	run_alice env PATH=/home/alice/links "$DAVIT" run --unshare=pid --save=/home/alice/saved.sqfs "$SMALL" /bin/cat /etc/image
	assert_output small
	rm -f /home/alice/saved.sqfs
	# a name with a slash is a path, and nothing else
	run_alice bash -c "cd links; exec $DAVIT run $SMALL ./tool"
	assert_output "the user's tool"
	run_alice env PATH=/home/alice/links "$DAVIT" run "$SMALL" ./tool
	assert_status 127
	# a program without a directory and without a name
	run_davit "$SMALL" ''
	assert_status 127
	assert_output ''
	assert_failure "$(hostname -s)" "command '' not found in the container" '*'
}

@test 'variables that look like ours are told the truth, or harmless' {
	local forged=(DAVIT_IMAGE=forged DAVIT_NAME=forged DAVIT_ENTERED=1 DAVIT_JOIN=7:/bin/true
	    SLURM_CONTAINER=$'/forged\n\e[31m')

	run_alice env "${forged[@]}" srun --container="$SMALL" sh -c 'env | grep -E "^(DAVIT_|SLURM_CONTAINER=)" | sort'
	assert_success
	assert_match "DAVIT_IMAGE=$SMALL(.*)SLURM_CONTAINER=$SMALL"
	[[ $output != *forged* || $output == DAVIT_ENTERED=1* ]] || complain 'forged'
	# who lies about the image gets no container of another's, nor is taken for one
	run_alice env DAVIT_IMAGE=forged DAVIT_ENTERED=1 srun sh -c 'test -e /run/davit-test && echo host'
	assert_output host
	begin env DAVIT_IMAGE=forged srun sh -c 'echo up; sleep 5'
	await_output up
	run_alice "$DAVIT" ps -n
	[[ $output != *forged* ]] || complain 'a container that is none'
	run_alice "$DAVIT" enter "$(job_now)" true
	assert_status 125
	assert_stderr 'runs on this node, but not in a container'
	scancel "$(job_now)"
	finish
}

@test 'variables with newlines and escapes: refused by name, and scrubbed' {
	local variable

	for variable in IMAGE MOUNTS NAME ENV WRITABLE REMAP_ROOT WORKDIR UNSHARE GPUS NIC MPI SAVE; do
		[[ $variable != IMAGE ]] || continue    # an option outweighs it
		for name in DAVIT_CONTAINER_$variable PYXIS_CONTAINER_$variable; do
			run_alice env "$name"=$'/x\n\e[31mdavit: forged: y' srun --container="$SMALL" true
			[[ $stderr != *$'\e'* && $stderr != *$'\ndavit: forged'* ]] || complain "$name is not scrubbed"
			((status != 0)) || [[ $name == *ENV ]] || complain "$name is passed over"
			assert_stderr 'davit: [a-z0-9]+: .*[?]'
			run_alice env "$name"=$'/x\n\e[31mdavit: forged: y' "$DAVIT" run "$SMALL" true
			[[ $stderr != *$'\e'* && $stderr != *$'\ndavit: forged'* ]] || complain "$name is not scrubbed"
		done
	done
}

@test 'variables of process managers that make no sense' {
	local pair

	for pair in SLURM_JOB_ID=$'7\n' SLURM_JOB_ID=-1 SLURM_LOCALID=-5 SLURM_NTASKS=99999999999999 \
	    OMPI_COMM_WORLD_LOCAL_SIZE=-1 OMPI_COMM_WORLD_LOCAL_SIZE=99999999999 OMPI_COMM_WORLD_LOCAL_RANK=x \
	    MPI_LOCALNRANKS=4294967297 PMI_RANK=$'\n' 'SLURM_STEP_TASKS_PER_NODE=(x' PMIX_NAMESPACE=$'\n' \
	    PMIX_RANK=-1 PMIX_SERVER_TMPDIR=$'/\n' SLURMD_NODENAME=$'\e[31mx' SLURM_CONF=/dev/zero \
	    CUDA_VISIBLE_DEVICES=$'\e' HOME=$'\e\n' XDG_CONFIG_HOME=/dev TMPDIR=$'/\e' LANG=$'\e' LC_ALL=../../x; do
		LIMIT=10 run_alice env "$pair" "$DAVIT" run "$SMALL" cat /etc/image
		[[ $stderr != *$'\e'* ]] || complain "not scrubbed: $pair"
		assert_success
		assert_output small
	done
}

@test 'files of the user that never end, where the launcher reads' {
	local what

	mkdir -p /home/alice/links/davit
	for what in fifo zero; do
		rm -f /home/alice/links/davit/*
		if [[ $what == fifo ]]; then
			mkfifo /home/alice/links/davit/{davit.conf,slurm.conf}
		else
			ln -s /dev/zero /home/alice/links/davit/davit.conf
			ln -s /dev/zero /home/alice/links/davit/slurm.conf
		fi
		chown -hR alice: /home/alice/links
		LIMIT=10 run_alice env XDG_CONFIG_HOME=/home/alice/links "$DAVIT" run "$SMALL" true
		assert_status 125
		assert_stderr "davit: .*/home/alice/links/davit/davit.conf"
		LIMIT=10 run_alice env SLURM_CONF=/home/alice/links/davit/slurm.conf SLURM_MPI_TYPE=pmix PMIX_NAMESPACE=x \
		    "$DAVIT" run "$SMALL" cat /etc/image
		[[ $status != 124 ]] || complain 'hangs'
	done
}

@test 'a preloaded library that starts a thread is told apart' {
	local library=$DAVIT_WORK/thread.so

	gcc -shared -fPIC -pthread -o "$library" -x c - <<-'END'
	#include <pthread.h>
	#include <unistd.h>
	static void *wait_for_ever(void *arg) { pause(); return arg; }
	__attribute__((constructor)) static void begin(void)
	{
		static pthread_t thread;
		pthread_create(&thread, 0, wait_for_ever, 0);
	}
	END
	run_alice env LD_PRELOAD="$library" "$DAVIT" run "$SMALL" true
	assert_status 125
	assert_failure "$host" 'cannot create a user namespace: Invalid argument' 'unset LD_PRELOAD, *'
	rm "$library"
}

# The launcher is the user's process with the user's environment: nobody gains anything.
@test 'LD_PRELOAD and the like at the launcher: the loader says so, and it works' {
	local pair

	for pair in LD_PRELOAD=/only/in/the/image.so LD_AUDIT=/only/in/the/image.so; do
		run_alice env "$pair" "$DAVIT" run "$SMALL" sh -c 'cat /etc/image; echo "[${LD_PRELOAD-}]"'
		assert_success
		assert_output $'small\n[]'
		assert_equal "$(grep -vc '^ERROR: ld.so: object ./only/in/the/image.so. ' <<<"$stderr")" 0
		run_srun --export="ALL,$pair" --container="$SMALL" cat /etc/image
		assert_success
		assert_output small
		[[ $(grep -c 'ERROR: ld.so: object' <<<"$stderr") -le 3 ]]
	done
	# named for the container, it is the container's alone
	run_srun --container-env=LD_PRELOAD=/only/in/the/image.so --container="$SMALL" sh -c 'echo "$LD_PRELOAD"'
	assert_success
	assert_quiet
	assert_output /only/in/the/image.so
	for pair in GCONV_PATH=/home/alice/links MALLOC_CHECK_=3 MALLOC_PERTURB_=165 MALLOC_ARENA_MAX=1 \
	    GLIBC_TUNABLES=glibc.malloc.check=3 LD_BIND_NOW=1 LD_PROFILE=libc.so.6 LOCPATH=/home/alice/links \
	    NLSPATH=/home/alice/links/%N LOCALDOMAIN=x RES_OPTIONS=junk TZ=/etc/passwd TZDIR=/home/alice/links; do
		run_srun --export="ALL,$pair" --container="$SMALL" cat /etc/image
		assert_success
		assert_quiet
		assert_output small
	done
}

@test 'libraries of the user'\''s that have the names of the launcher'\''s' {
	echo junk >/home/alice/links/libseccomp.so.2
	run_alice env LD_LIBRARY_PATH=/home/alice/links "$DAVIT" run "$SMALL" true
	assert_status 127
	assert_output ''
	assert_stderr "davit: error while loading shared libraries: /home/alice/links/libseccomp.so.2"
	# never without the container
	run_srun --export=ALL,LD_LIBRARY_PATH=/home/alice/links --container="$SMALL" cat /etc/image
	assert_status 127
	assert_output ''
	run_srun --container-env=LD_LIBRARY_PATH=/home/alice/links --container="$SMALL" cat /etc/image
	assert_success
	assert_output small
}

# ---- other users ------------------------------------------------------------

@test 'another user can neither enter, signal nor look into a container or its helpers' {
	local pid

	begin srun --container="$SMALL" --container-writable --container-slurm --container-unshare=net,ipc sh -c 'echo up; exec sleep 20'
	await_output up
	await pgrep -u alice -x sleep
	capture as bob "$DAVIT" enter "$(job_now)" true
	assert_status 125
	assert_stderr "job '[0-9]+' is not yours"
	for pid in $(pgrep -u alice -x 'sleep|davit.*'); do
		capture as bob "$programs/attempts" on "$pid"
		assert_success
		[[ $output != *done* ]] || complain "$(cat "/proc/$pid/comm")"
		capture as bob nsenter --target "$pid" --user --mount true
		((status != 0)) || complain 'entered'
	done
	! as bob kill -9 "$(pgrep -u alice -x sleep)" 2>/dev/null || complain 'killed'
	# by way of the container's socket for Slurm's commands there is no path
	! as bob ls "/proc/$(pgrep -u alice -x sleep)/root/dev/davit" 2>/dev/null || complain 'a way in'
	scancel "$(job_now)"
	finish
}
