# SPDX-License-Identifier: BSD-3-Clause
# stage.bats - a copy of the image on each node before the ranks start (--container-stage)

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

state=$DAVIT_WORK/cluster-stage
tree=$DAVIT_WORK/trees/stage
image=$DAVIT_WORK/images/stage.sqfs
shared=$DAVIT_WORK/shared           # a file system that is not the nodes' alone: bindfs
slow=$DAVIT_WORK/slow               # another, which is slow on command: faultfs.c
site=$DAVIT_PREFIX/etc/davit/davit.conf

# Three nodes, each with a /tmp and a /dev/shm of its own.
setup_file() {
	export SHARED_CONF=$SLURM_CONF    # of the cluster that other files use, too
	mkdir -p "$tree" "$shared" "$slow/mnt" "${site%/*}"
	cp -a "$DAVIT_WORK/trees/small/bin" "$tree/"
	head -c 20M /dev/urandom >"$tree/data"
	mksquashfs "$tree" "$image" -noappend -no-progress -quiet -all-root -noI -noD -noF >/dev/null
	"$DAVIT" image seal "$image" >/dev/null || return
	# The nodes have copies of the mounts that are there when they start.
	bindfs -o allow_other,ro "$DAVIT_WORK/images" "$shared" 3>&- || return
	cp "$image" "$slow/image.sqfs"
	echo ok >"$slow/mode"
	# shellcheck disable=SC2046 # words
	cc -O1 -o "$slow/faultfs" "$DAVIT_TESTS/lib/faultfs.c" $(pkg-config --cflags --libs fuse3) || return
	"$slow/faultfs" "$slow/image.sqfs" "$slow/mode" "$slow/mnt" -o allow_other 3>&- || return
	"$DAVIT_CLUSTER_TOOL" start --state "$state" --keep-users --prefix "$DAVIT_PREFIX" --apart \
	    --nodes 3 >/dev/null || return
	export SLURM_CONF=$state/etc/slurm.conf
	export SUM DIGEST
	SUM=$(md5sum <"$tree/data")
	DIGEST=sha256:$(fsverity digest --compact "$image")
}

teardown_file() {
	"$DAVIT_CLUSTER_TOOL" stop --state "$state"
	umount -l "$shared" "$slow/mnt"
	rm -rf "$tree" "$image" "$image.verity" "$slow"
}

setup() {
	SLURM_CONF=$state/etc/slurm.conf
	echo 'stage-dir: /tmp' >"$site"    # of the nodes, each has its own
	leftovers_note
}

teardown() {
	rm -f "$site" /home/alice/job /home/alice/go /home/alice/image.sqfs
	rm -rf /home/alice/bin
	echo ok >"$slow/mode"
	local n left=''

	for n in 1 2 3; do
		left+=$(on $n find /tmp /dev/shm -mindepth 1)
		on $n sh -c 'umount -l /tmp/small 2>/dev/null
		    rm -rf /tmp/davit-* /dev/shm/davit-* /tmp/small'
	done
	[[ ! $left ]] || { echo "left on the nodes: $left"; return 1; }
	leftovers_assert
}

# Runs a command where node n$1 is.
on() {
	local node=$1

	shift
	nsenter --mount --target "$(<"$state/run/n$node.pid")" "$@"
}

site_conf() { cat >"$site"; }
wait_briefly() { printf 'stage-dir: /tmp\nstage-wait: 1\n' >"$site"; }

# Runs a script of alice's, with I for the image, in an allocation of three nodes.
in_job() {
	{ printf '#!/bin/bash\nI=%s\n' "$image"; cat; } >/home/alice/job
	chmod 755 /home/alice/job
	run_alice salloc -Q -N3 -n3 /home/alice/job
}

# Where no copy is left, on no node.
nothing_left() {
	local n

	for n in 1 2 3; do
		[[ ! $(on $n find /tmp /dev/shm -mindepth 1) ]] || return
	done
}

# ---- copies --------------------------------------------------------------

@test 'one node reads the image, the others get it from there, later steps find it, the epilog removes it' {
	local where n

	for where in local memory; do
		# what the disk of the image is asked for is counted
		server=$(pgrep -fx "bindfs -o allow_other,ro $DAVIT_WORK/images $shared")
		before=$(awk '/^rchar/ { print $2 }' "/proc/$server/io")
		in_job <<-END
		srun -N3 -n3 --container=$shared/stage.sqfs --container-stage=$where md5sum /data
		srun -N2 -n2 -w n[2-3] --container=$shared/stage.sqfs --container-stage=$where md5sum /data
		srun -N3 -n3 find /tmp /dev/shm -type f ! -name '*.lock' ! -name '*.nodes' -printf '%p %m %u %s\n'
		END
		assert_success
		after=$(awk '/^rchar/ { print $2 }' "/proc/$server/io")
		assert_equal "$(grep -cxF "$SUM" <<<"${output//\/data/-}")" 5
		size=$(stat -c %s "$image")
		[[ $where == local ]] && dir=/tmp || dir=/dev/shm
		assert_equal "$(grep -cE "^$dir/davit-[0-9]+/[0-9]+\.s-[0-9a-f-]+ 400 alice $size$" <<<"$output")" 3
		assert_equal "$(grep -c ^/ <<<"$output")" 3
		# 20 MiB once, and the heads that are looked at before
		((after - before < size * 3 / 2)) || complain "$((after - before)) bytes read of $size"
		((after - before >= size)) || complain "only $((after - before)) bytes read of $size"
		await nothing_left
	done
}

@test 'a step on more nodes than the last one' {
	local before

	before=$(sent)
	in_job <<-'END'
	srun -N1 -n1 -w n2 --container=$I --container-stage=local cat /proc/self/comm
	srun -N3 -n3 --container=$I --container-stage=local md5sum /data
	srun -N3 -n3 --container=$I --container-stage=local sh -c 'echo again'
	srun -N3 -n3 find /tmp -name '*.s-*' ! -name '*.lock' ! -name '*.nodes'
	END
	assert_success
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 3
	assert_equal "$(grep -c again <<<"$output")" 3
	await nothing_left
	# for the second step, not for the third
	assert_equal "$(sent)" $((before + 1))
}
sent() { grep -c "sbcast req_uid.*block_no=1$" "$state/log/n2.log" || true; }

@test 'several steps at once copy once' {
	in_job <<-'END'
	for i in 1 2 3 4; do
		srun -N1 -n1 -w n1 --overlap --container=$I --container-stage=local md5sum /data &
	done
	wait
	srun -N1 -n1 -w n1 sh -c 'find /tmp -name "*.s-*" | wc -l'
	END
	assert_success
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 4
	assert_equal "${lines[-1]}" 2    # copy and lock
	await nothing_left
}

@test 'a batch script; a container that the job keeps; davit run, which leaves nothing' {
	printf '#!/bin/sh\nmd5sum /data\n' >/home/alice/job
	run_sbatch --container="$image" --container-stage=local /home/alice/job
	assert_equal "$output" "${SUM%% *}  /data"
	await nothing_left
	in_job <<-'END'
	srun -N1 -n1 -w n1 --container=$I --container-stage=memory --container-name=foo touch /new
	srun -N1 -n1 -w n1 --container-name=foo --container-stage=memory ls /new
	END
	assert_success
	assert_output /new
	await nothing_left
	run_davit --stage=local "$image" md5sum /data
	assert_success
	assert_match "${SUM%% *}"
	assert_equal "$(find /tmp -path '/tmp/davit-*' -type f)" ''
	rmdir /tmp/davit-*
}

@test 'davit.conf and variables ask for it, too; the directory may be called after the node' {
	mkdir -m 1777 /var/tmp/n{1,2,3}
	site_conf <<-'END'
	stage: local
	stage-dir: /var/tmp/%n
	END
	in_job <<-'END'
	srun -N3 -n3 --container=$I md5sum /data
	srun -N3 -n3 find /var/tmp -name '*.s-*' ! -name '*.lock'
	DAVIT_CONTAINER_STAGE=shared srun -N3 -n3 --container=$I md5sum /data
	END
	assert_success
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 6
	for n in 1 2 3; do
		grep -q "^/var/tmp/n$n/davit-" <<<"$output" || complain "no copy of n$n"
	done
	await bash -c '! compgen -G "/var/tmp/n?/*"'
	rmdir /var/tmp/n?
}

@test 'a digest that is required is checked on the copy, which is called after it' {
	in_job <<-END
	srun -N3 -n3 --container=$image --container-digest=$DIGEST --container-stage=local md5sum /data
	srun -N1 -n1 find /tmp -name '*.d-${DIGEST#sha256:}'
	srun -N1 -n1 -w n1 bash -c 'f=\$(echo /tmp/davit-*/*.d-${DIGEST#sha256:}); chmod 600 \$f
	    printf XXXX | dd of=\$f bs=1 seek=9000000 conv=notrunc status=none; chmod 400 \$f; touch -d @1 \$f'
	srun -N1 -n1 -w n1 --container=$image --container-digest=$DIGEST --container-stage=local cat /data >/dev/null
	END
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 3
	assert_match '\.d-'
	((status != 0)) || complain 'an altered copy was read'
	assert_stderr "image '$image' is not what its digest says"
	await nothing_left
}

@test 'a copy that was written to is made anew' {
	in_job <<-'END'
	srun -N1 -n1 -w n1 --container=$I --container-stage=local true
	srun -N1 -n1 -w n1 bash -c 'f=$(ls /tmp/davit-*/*.s-* | grep -v lock); chmod 600 $f
	    printf XXXX | dd of=$f bs=1 seek=9000000 conv=notrunc status=none; chmod 400 $f'
	srun -N1 -n1 -w n1 --container=$I --container-stage=local md5sum /data
	END
	assert_success
	assert_match "${SUM%% *}"
	await nothing_left
}

@test 'auto leaves what is local, small, or for few nodes' {
	run_srun -N3 -n3 --container="$image" --container-stage=auto md5sum /data
	assert_success
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 3
	run_srun -N1 -n1 --container="$tree" --container-stage=auto md5sum /data
	assert_success
}

# ---- what may go wrong ---------------------------------------------------

@test 'sbcast fails, or nothing comes: each node reads the image itself, and says so once' {
	mkdir /home/alice/bin
	printf '#!/bin/sh\necho "sbcast: error: no way" >&2; exit 1\n' >/home/alice/bin/sbcast
	chmod 755 /home/alice/bin/sbcast
	wait_briefly
	run_alice env PATH=/home/alice/bin:/usr/bin:/bin \
	    srun -N3 -n6 --ntasks-per-node=2 --container="$image" --container-stage=local md5sum /data
	assert_status 0
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 6
	assert_lines 1 "davit: n1: image '$image' is not sent to the other nodes, which will read it themselves: sbcast failed: sbcast: error: no way"
	for n in 2 3; do
		assert_lines 1 "davit: n$n: image '$image' is read by this node itself, since Slurm's broadcast failed: nothing of it has come"
	done
	await nothing_left
}

@test 'it does not fit' {
	local n

	for n in 1 2 3; do
		on $n sh -c 'mkdir /tmp/small && mount -t tmpfs -o size=8m,mode=1777 small /tmp/small'
	done
	echo 'stage-dir: /tmp/small' | site_conf
	run_srun -N3 -n3 --container="$image" --container-stage=local echo alive
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2 n3' "--container-stage=local: a copy of image '$image' does not fit into /tmp/small: it needs ?? MiB, and 8 MiB are free" \
	    '--container-stage=shared, or memory; or free space there'
	on 1 mount -t tmpfs -o size=9m,mode=1777 small /dev/shm
	run_srun -N1 -n1 -w n1 --container="$image" --container-stage=memory echo alive
	on 1 umount -l /dev/shm
	assert_status 125
	assert_failure n1 "--container-stage=memory: a copy of image '$image' does not fit into the job's memory, /dev/shm: it needs ?? MiB, and 9 MiB are free" \
	    'more --mem, --container-stage=local or shared'
	for n in 1 2 3; do on $n sh -c 'umount -l /tmp/small && rmdir /tmp/small'; done
}

@test 'the file system of the image fails in the middle: no copy, and the reason' {
	local where

	echo 'error 5 8000000 8100000' >"$slow/mode"
	for where in local memory; do
		run_srun -w n1 -N1 -n1 --container="$slow/mnt/image.sqfs" --container-stage=$where echo alive
		assert_status 125
		assert_output ''
		assert_failure n1 "--container-stage=$where: cannot read image '$slow/mnt/image.sqfs': Input/output error" \
		    "check the image's file system, and run again"
		await nothing_left
	done
}

@test 'the directory is squatted, missing, or not a disk of the node' {
	uid=$(id -u alice)
	on 1 sh -c "mkdir -m 777 /tmp/davit-$uid"    # of somebody else
	run_srun -w n1 -N1 -n1 --container="$image" --container-stage=local echo alive
	assert_status 125
	assert_failure n1 "--container-stage=local: '/tmp': 'davit-$uid' belongs to somebody else, or others may write to it" \
	    'tell your admin: nobody should have made it'
	on 1 sh -c "rmdir /tmp/davit-$uid; ln -s /home/alice /tmp/davit-$uid"
	run_srun -w n1 -N1 -n1 --container="$image" --container-stage=local echo alive
	assert_status 125
	assert_failure n1 "--container-stage=local: '/tmp': cannot open 'davit-$uid': *" \
	    'tell your admin: nobody should have made it'
	on 1 rm "/tmp/davit-$uid"
	echo 'stage-dir: /nonesuch' | site_conf
	run_srun -w n1 -N1 -n1 --container="$image" --container-stage=local echo alive
	assert_status 125
	assert_failure n1 "--container-stage=local: cannot open '/nonesuch': No such file or directory" \
	    'tell your admin: it is where copies of images are to lie'
	echo 'stage-dir: /tmp/small' | site_conf
	on 1 mkdir -m 777 /tmp/small
	run_srun -w n1 -N1 -n1 --container="$image" --container-stage=local echo alive
	on 1 rmdir /tmp/small
	assert_status 125
	assert_failure n1 "--container-stage=local: others may rename or remove what lies in '/tmp/small'" \
	    'tell your admin: it has to be root'\''s, with mode 1777'
}

@test 'somebody has taken the name that the broadcast would use' {
	local key uid job

	uid=$(id -u alice)
	wait_briefly
	{
		printf '#!/bin/bash\nI=%s\n' "$image"
		cat <<-'END'
		srun -N1 -n1 -w n1 --container=$I --container-stage=local echo first
		echo $SLURM_JOB_ID
		until [[ -e ~/go ]]; do sleep 0.05; done
		srun -N3 -n3 --container=$I --container-stage=local md5sum /data
		END
	} >/home/alice/job
	chmod 755 /home/alice/job
	begin salloc -Q -N3 -n3 /home/alice/job
	await_output '^[0-9]'
	job=$(tail -n 1 "$BATS_TEST_TMPDIR/begun.out")
	key=$(on 1 sh -c "ls /tmp/davit-$uid | grep -v lock")
	on 2 setpriv --reuid bob --regid bob --clear-groups ln -s /home/bob/evil "/tmp/davit-$uid-$job.1-${key#*.}"
	touch /home/alice/go
	finish
	on 2 rm "/tmp/davit-$uid-$job.1-${key#*.}"
	assert_status 0
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 3
	assert_stderr "n1: image '$image' is not sent to the other nodes, which will read it themselves: sbcast failed: .*n2.*File exists"
	assert_lines 1 "davit: n2: image '$image' is read by this node itself, since Slurm's broadcast failed: '/tmp/davit-$uid-$job.1-${key#*.}' is somebody else's"
	[[ ! -e /home/bob/evil ]]
	await nothing_left
}

@test 'a directory, or an image whose writer is not done' {
	run_srun -N1 -n1 --container="$tree" --container-stage=local echo alive
	assert_status 125
	assert_failure 'n?' "--container-stage=local: image '$tree' is a directory, and only a file can be copied" \
	    "mksquashfs $tree NEW.sqfs, or --container-stage=shared"
	run_srun --container="$image" --container-stage=disk echo alive
	assert_refused srun "--container-stage: 'disk' is none of shared, local, memory, auto"
}

@test 'the image is written to while it is copied' {
	echo 'delay 50' >"$slow/mode"
	begin srun -w n1 -N1 -n1 --container="$slow/mnt/image.sqfs" --container-stage=local echo alive
	await on 1 sh -c 'ls /tmp/davit-*/*.part'
	printf X | dd of="$slow/image.sqfs" bs=1 seek=9000000 conv=notrunc status=none
	echo ok >"$slow/mode"
	finish
	assert_status 125
	assert_output ''
	assert_failure n1 "--container-stage=local: image '$slow/mnt/image.sqfs' was changed while it was copied: *" \
	    'start again when nobody writes to it'
	await nothing_left
	cp "$image" "$slow/image.sqfs"
}

@test 'who is killed in the middle leaves nothing that counts' {
	{
		printf '#!/bin/bash\nI=%s\n' "$slow/mnt/image.sqfs"
		cat <<-'END'
		srun -w n1 -N1 -n1 --container=$I --container-stage=local echo alive &
		until [[ -e ~/go ]]; do sleep 0.05; done
		scancel -s KILL $SLURM_JOB_ID.0
		wait
		srun -w n1 -N1 -n1 sh -c 'ls /tmp/davit-*/*.part | wc -l'
		srun -w n1 -N1 -n1 --container=$I --container-stage=local md5sum /data
		srun -w n1 -N1 -n1 sh -c 'ls /tmp/davit-*/*.part 2>/dev/null | wc -l'
		END
	} >/home/alice/job
	chmod 755 /home/alice/job
	echo 'delay 50' >"$slow/mode"
	begin salloc -Q -N1 -w n1 /home/alice/job
	await on 1 sh -c 'ls /tmp/davit-*/*.part'
	touch /home/alice/go
	await on 1 sh -c '! pgrep -u alice -x davit'
	echo ok >"$slow/mode"
	finish
	assert_equal "$output" "1"$'\n'"${SUM%% *}  /data"$'\n'"0"
	await nothing_left
}

@test 'an older and longer note of the epilog leaves no tail' {
	local job

	job=$(scontrol show config | awk '/^NEXT_JOB_ID/ { print $3 }')
	on 1 sh -c "mkdir -p -m 700 /run/davit; echo ${job}77 >/run/davit/$job"
	run_srun -N1 -n1 -w n1 --container="$image" --container-stage=local true
	assert_success
	assert_equal "$(last_job)" "$job"
	await nothing_left
}

@test 'an image that is replaced between two steps is copied anew, and all copies go' {
	cp "$image" /home/alice/image.sqfs
	in_job <<-'END'
	I=~/image.sqfs
	srun -N1 -n1 -w n1 --container=$I --container-stage=memory true
	cp $I $I.new
	printf XXXX | dd of=$I.new bs=1 seek=9000000 conv=notrunc status=none
	touch -r $I $I.new
	mv $I.new $I
	srun -N1 -n1 -w n1 --container=$I --container-stage=memory md5sum /data
	srun -N1 -n1 -w n1 sh -c 'ls /dev/shm/davit-*/*.s-* | grep -vc lock'
	END
	assert_success
	[[ $output != *${SUM%% *}* ]] || complain "$output"
	assert_equal "${lines[-1]}" 2
	await nothing_left
}

@test 'jobs of a user and of others at once have copies of their own' {
	local n pids=()

	# the end of one job finds the directory empty while another of the same user begins
	for n in 1 2 3 4 5 6; do
		alice srun -Q -w n1 -N1 -n1 --container="$image" --container-stage=memory md5sum /data \
		    >"$BATS_TEST_TMPDIR/$n" 2>"$BATS_TEST_TMPDIR/$n.err" </dev/null &
		pids+=($!)
	done
	setpriv --reuid bob --regid bob --clear-groups srun -Q -w n1 -N1 -n1 --container="$image" \
	    --container-stage=memory md5sum /data >"$BATS_TEST_TMPDIR/7" 2>"$BATS_TEST_TMPDIR/7.err" </dev/null &
	pids+=($!)
	wait "${pids[@]}"
	for n in 1 2 3 4 5 6 7; do
		assert_equal "$(<"$BATS_TEST_TMPDIR/$n")" "${SUM%% *}  /data"
		! grep 'davit: ' "$BATS_TEST_TMPDIR/$n.err" || complain "of job $n"
	done
	await nothing_left
}

@test 'components of a heterogeneous job' {
	printf '#!/bin/bash\nsrun --het-group=0,1 --container=%s --container-stage=local md5sum /data\n' "$image" >/home/alice/job
	chmod 755 /home/alice/job
	run_alice salloc -Q -N1 -n1 -w n1 : -N1 -n1 -w n2 /home/alice/job
	assert_status 0
	assert_equal "$(grep -c "${SUM%% *}" <<<"$output")" 2
	await nothing_left
}

@test 'a job that is cancelled in the copy leaves nothing, and the next one has its copy' {
	local job

	echo 'delay 50' >"$slow/mode"
	begin srun -w n1 -N1 -n1 --container="$slow/mnt/image.sqfs" --container-stage=memory echo alive
	await on 1 sh -c 'ls /dev/shm/davit-*/*.part'
	job=$(job_now)
	scancel "$job"
	finish
	echo ok >"$slow/mode"
	assert_output ''
	await nothing_left
	run_srun -w n1 -N1 -n1 --container="$slow/mnt/image.sqfs" --container-stage=memory md5sum /data
	assert_success
	assert_match "${SUM%% *}"
	await nothing_left
}

@test 'a file system without programs, set-user-ids and devices will do' {
	on 1 sh -c 'mkdir /tmp/small && mount -t tmpfs -o size=64m,mode=1777,noexec,nosuid,nodev small /tmp/small'
	echo 'stage-dir: /tmp/small' | site_conf
	run_srun -w n1 -N1 -n1 --container="$image" --container-stage=local md5sum /data
	assert_success
	assert_match "${SUM%% *}"
	await on 1 sh -c '[ -z "$(ls /tmp/small)" ]'
	on 1 sh -c 'umount -l /tmp/small && rmdir /tmp/small'
}
