# SPDX-License-Identifier: BSD-3-Clause
# survive.bats - the image server is stopped, killed or short of memory, or what the image lies on is
# slow, hangs, fails or vanishes: ranks wait or get errors, can be killed, and Slurm can end the step

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

state=$DAVIT_WORK/cluster-survive
disk=$DAVIT_WORK/disk          # faultfs.c: a disk that fails on command
image=$disk/mnt/late.sqfs
tree=$DAVIT_WORK/trees/survive
failed="the file system of image '$image' failed, so files in it gave I/O errors"
check='check that file system and the node'\''s log, and run again'

# As on nearly every site: what belongs to a step is known by its cgroup, the image server, too. Cgroups
# are named after the node, and shared with whoever has a cluster on this machine: hence its name.
setup_file() {
	local i

	"$DAVIT_CLUSTER_TOOL" start --state "$state" --keep-users --prefix "$DAVIT_PREFIX" --nodes 1 --node-prefix survive \
	    --proctrack cgroup --task-plugin affinity,cgroup --cgroup-conf ConstrainRAMSpace=yes \
	    --conf SelectTypeParameters=CR_CPU_Memory >/dev/null || return
	export SLURM_CONF=$state/etc/slurm.conf
	mkdir -p "$disk/mnt" "$tree"/{many,late/deep}
	# shellcheck disable=SC2046 # words
	cc -O1 -o "$disk/faultfs" "$DAVIT_TESTS/lib/faultfs.c" $(pkg-config --cflags --libs fuse3)
	cp -a "$DAVIT_WORK/trees/small/bin" "$tree/"
	for i in {1..100}; do
		mkdir "$tree/many/$i"
		echo "$i" | tee "$tree/many/$i"/file{1..20} >/dev/null
	done
	seq 3000000 >"$tree/late/numbers"
	seq 1000 >"$tree/late/deep/file"
	# Not compressed, so that it can be told where in the image something is.
	mksquashfs "$tree" "$disk/late.sqfs" -noappend -no-progress -quiet -all-root -noI -noD -noF >/dev/null
}

teardown_file() { "$DAVIT_CLUSTER_TOOL" stop --state "$state"; }

setup() {
	leftovers_note
	mode ok
	"$disk/faultfs" "$disk/late.sqfs" "$disk/mode" "$disk/mnt" -o allow_other -f 3>&- &
	faultfs=$!
	await test -e "$image"
}

teardown() {
	mode ok
	! pgrep -x davit-image >/dev/null || pkill -CONT -x davit-image
	! grep -q " $disk/mnt " /proc/self/mountinfo || umount -l "$disk/mnt"
	wait "$faultfs" || true
	leftovers_assert
	# nor has Slurm given up the node
	await node_is_idle
}

mode() { echo "$@" >"$disk/mode"; }
# With a "*" behind it where slurmd was late with an answer.
node_is_idle() { [[ $(sinfo -h -o %T) == idle* ]]; }
sums() { (cd "$1" && find many late -type f -exec md5sum {} + | sort -k 2); }

# Starts a step of $1 ranks that wait for a line of input each, then run $2. The kernel then knows what cat
# and /late/numbers are, so that ranks can be made to wait for bytes: who waits for a name cannot be killed.
begin_step() {
	local ranks=$1 script=$2

	shift 2
	rm -f "$BATS_TEST_TMPDIR"/{go,begun.out}
	mkfifo "$BATS_TEST_TMPDIR/go"
	alice srun -n"$ranks" --input=all --container="$image" "$@" sh -c "cat /dev/null; test -e /late/numbers; echo up; read -r go; $script" \
	    <>"$BATS_TEST_TMPDIR/go" >"$BATS_TEST_TMPDIR/begun.out" 2>"$BATS_TEST_TMPDIR/begun.err" &
	begun=$!    # for finish()
	await_output up "$ranks"
}
go() { echo go >"$BATS_TEST_TMPDIR/go"; }

# Ends the step by scancel, and waits half a minute for that. Slurm gives ranks two (KillWait), then kills all
# and looks after 1, 2, 4, ... seconds whether they are gone; after 60 it drains the node.
cancel() {
	local end=$((SECONDS + 30))

	scancel "$(job_now)"
	finish    # its exit code is Slurm's affair: where ranks end late, that is 0
	until all_over; do
		((SECONDS < end)) || complain 'it does not end'
		sleep 0.1
	done
}
all_over() { [[ ! $(squeue -h) && ! $(image_servers) ]]; }

# Nothing comes for a moment.
assert_waits() {
	local before

	before=$(<"$BATS_TEST_TMPDIR/begun.out")
	sleep 1
	assert_equal "$(<"$BATS_TEST_TMPDIR/begun.out")" "$before"
}

# The reason, once, and nothing else of ours.
assert_told() {
	assert_equal "$(grep -c "davit: .*: $1\$" <<<"$stderr")" 1
	assert_equal "$(grep -c "davit: .*: try: $2\$" <<<"$stderr")" 1
	assert_equal "$(grep -c 'davit: ' <<<"$stderr")" 2
}

# ---- the server -------------------------------------------------------------

@test 'the image server is stopped: ranks wait, and go on with the right bytes' {
	begin_step 4 'md5sum </late/numbers; ls /many | wc -l'
	kill -STOP "$(image_servers)"
	go
	assert_waits
	kill -CONT "$(image_servers)"
	finish
	assert_success
	assert_equal "$(grep -c "$(md5sum <"$tree/late/numbers")" <<<"$output")" 4
	assert_equal "$(grep -c '^100$' <<<"$output")" 4
}

@test 'killed in the midst of small reads and large ones of a file, again and again: nothing hangs' {
	local i

	for i in {1..9}; do
		begin srun -n2 --container="$image" sh -c 'echo up
		    for i in 1 2 3 4 5 6 7 8 9; do for k in 1 2 3 4 5 6 7 8 9; do
		        dd if=/late/numbers bs=4k count=1 skip=$((i * 550 + k * 37)) 2>/dev/null
		    done; done >/dev/null &
		    cat /late/numbers >/dev/null; wait'
		await_output up 2
		sleep "0.0$i"
		pkill -KILL -x davit-image || true
		finish
		assert_equal "$(pgrep -u alice | wc -l)" 0
	done
}

@test 'the image server is stopped and goes on, all the time' {
	local i

	begin_step 4 'cd /; for i in 1 2 3 4; do find many late -type f -exec md5sum {} + | sort -k 2 | md5sum; done'
	go
	for i in {1..40}; do
		pkill -STOP -x davit-image || break
		sleep 0.02
		pkill -CONT -x davit-image || break
		echo 1 >/proc/sys/vm/drop_caches    # so that it is asked again, by whoever is fast
		sleep 0.02
	done
	((i > 5)) || complain 'over too soon'
	finish
	assert_success
	assert_equal "$(grep -c "^$(sums "$tree" | md5sum)$" <<<"$output")" 16
}

@test 'the image server is stopped in the middle of its work: scancel ends the step' {
	local i

	for i in {1..4}; do
		begin_step 4 'while :; do find / -xdev -type f -exec cat {} + | wc -c; done'
		go
		sleep "0.$i"
		kill -STOP "$(image_servers)"
		cancel
	done
}

@test 'the image server is stopped: a rank that waits for bytes can be killed' {
	begin_step 2 'echo $$; cat /late/numbers >/dev/null; echo end'
	kill -STOP "$(image_servers)"
	go
	await pgrep -u alice -x cat
	kill -KILL "$(pgrep -n -u alice -x cat)"
	await_output end
	kill -CONT "$(image_servers)"
	finish
	assert_success
	assert_equal "$(grep -c end <<<"$output")" 2
}

@test 'the job is suspended and resumed, and ends while it is suspended' {
	local job

	begin_step 2 'cd /; find many late -type f -exec md5sum {} + | sort -k 2 | md5sum'
	job=$(job_now)
	go
	scontrol suspend "$job"
	await job_is "$job" SUSPENDED
	sleep 0.5
	scontrol resume "$job"
	finish
	assert_success
	assert_equal "$(grep -c "^$(sums "$tree" | md5sum)$" <<<"$output")" 2
	begin_step 2 'while :; do find / -xdev -type f -exec cat {} + | wc -c; done'
	job=$(job_now)
	go
	sleep 0.2
	scontrol suspend "$job"
	await job_is "$job" SUSPENDED
	cancel
}

# ---- what the image lies on -------------------------------------------------

@test 'a slow file system: it takes longer' {
	begin_step 4 'md5sum </late/numbers; cat /many/*/file1 | wc -l'
	mode delay 5
	go
	finish
	assert_success
	assert_equal "$(grep -c "$(md5sum <"$tree/late/numbers")" <<<"$output")" 4
	assert_equal "$(grep -c '^100$' <<<"$output")" 4
}

@test 'a file system that hangs: ranks wait, and go on with the right bytes' {
	begin_step 4 'md5sum </late/numbers; ls /many | wc -l'
	mode hang
	go
	assert_waits
	mode ok
	finish
	assert_success
	assert_equal "$(grep -c "$(md5sum <"$tree/late/numbers")" <<<"$output")" 4
	assert_equal "$(grep -c '^100$' <<<"$output")" 4
}

@test 'a file system that hangs, under names and under bytes: scancel ends the step' {
	local script

	for script in 'find /many' 'cat /late/numbers' 'find / -xdev -type f -exec cat {} +'; do
		begin_step 4 "$script"
		mode hang
		go
		sleep 1
		cancel
		mode ok
	done
}

# slurmstepd waits half a minute for the judge, and can do nothing else meanwhile.
@test 'a file system that hangs from the beginning: the step ends, and the reason is told' {
	local start=$SECONDS

	mode hang
	LIMIT=60 run_srun -n2 --container="$image" true
	((status != 0)) || complain 'it has run'
	((SECONDS - start < 55)) || complain 'late'
	assert_told "'$DAVIT judge' does not tell whether this container is allowed" \
	    'tell your admin: is the launcher there, and the file system of the image?'
}

@test 'a file system that hangs: the time limit ends the step' {
	LIMIT=150 begin_step 4 'find / -xdev -type f -exec cat {} +' --time=1
	mode hang
	go
	finish
	[[ $stderr == *'DUE TO TIME LIMIT'* ]] || complain 'not by the limit'
	await all_over
}

@test 'a file system that hangs: a rank that waits for bytes can be killed' {
	begin_step 2 'cat /late/numbers >/dev/null; echo end'
	# Names are known then. Who waits for one is waited for by the kernel, until the server is killed, too.
	run_alice "$DAVIT" enter "$(job_now)" head -c 1 /late/numbers
	mode hang
	go
	await pgrep -u alice -x cat
	sleep 0.5
	kill -KILL "$(pgrep -n -u alice -x cat)"
	await_output end
	mode ok
	finish
	assert_success
}

@test 'a file system that hangs and then fails: I/O errors, and the reason' {
	begin_step 2 'cat /late/numbers; exit 3'
	mode hang
	go
	sleep 0.5
	kill -KILL "$faultfs"
	finish
	assert_status 3
	assert_told "$failed: .*" "$check"
}

@test 'I/O errors for a while: names and bytes are asked for anew, and the reason is told' {
	begin_step 2 'cat /late/numbers >/dev/null; cat /late/deep/file; cat /many/50/file7; ls /many/60
	    echo again; read -r go
	    md5sum </late/numbers; md5sum </late/deep/file; ls /many | wc -l; ls /many/50 /many/60 | grep -c file
	    cat /many/50/file7; cat /many/50/none; exit 3'
	mode error 5 0 999999999
	go
	await_output again 2
	mode ok
	go
	finish
	assert_status 3
	assert_equal "$(sed '/again/q' <<<"$output" | grep -cv 'up\|again')" 0
	assert_equal "$(grep -c "^cat: .*Input/output error" <<<"$stderr")" 6
	assert_equal "$(grep -c "^cat: can't open '/many/50/none': No such file" <<<"$stderr")" 2
	assert_equal "$(grep -c "$(md5sum <"$tree/late/numbers")" <<<"$output")" 2
	assert_equal "$(grep -c "$(md5sum <"$tree/late/deep/file")" <<<"$output")" 2
	assert_equal "$(grep -c '^100$' <<<"$output")" 2
	assert_equal "$(grep -c '^40$' <<<"$output")" 2
	assert_equal "$(grep -c '^50$' <<<"$output")" 2
	assert_told "$failed: Input/output error" "$check"
}

@test 'I/O errors of a few bytes: of the file they are in, and of no other' {
	local at

	at=$(grep -abom 1 '^1500000$' "$disk/late.sqfs" | cut -d: -f1)
	mode error 5 "$at" $((at + 1))
	run_srun -n2 --container="$image" sh -c 'head -c 1000000 /late/numbers | md5sum; cat /late/numbers >/dev/null
	    cat /many/*/file7 | wc -l; cat /late/deep/file | md5sum; exit 3'
	assert_status 3
	assert_equal "$(grep -c "$(head -c 1000000 "$tree/late/numbers" | md5sum)" <<<"$output")" 2
	assert_equal "$(grep -c "$(md5sum <"$tree/late/deep/file")" <<<"$output")" 2
	assert_equal "$(grep -c '^100$' <<<"$output")" 2
	assert_equal "$(grep -c '^cat: ' <<<"$stderr")" 2
	assert_told "$failed: Input/output error" "$check"
	# who takes no notice of it, is not told either
	run_srun --container="$image" sh -c 'cat /late/numbers >/dev/null 2>&1; echo end'
	assert_success
	assert_output end
}

@test 'other errors are I/O errors to the ranks, and named in the reason' {
	local number text

	for number in 116 107 110; do
		text=$(perl -e '$! = shift; print "$!"' $number)
		begin_step 1 'cat /late/numbers; exit 3'
		mode error $number 0 999999999
		go
		finish
		assert_status 3
		assert_stderr 'cat: .*: (I/O|Input/output) error'
		assert_told "$failed: $text" "$check"
		mode ok
	done
}

@test 'I/O errors while the container starts' {
	mode error 5 0 999999999
	run_srun -n2 --container="$image" true
	assert_status 125
	assert_failure survive1 "cannot read image '$image': Input/output error" ''
	# its tables are at the end
	mode error 5 8192 999999999
	run_srun -n2 --container="$image" true
	assert_status 125
	assert_failure survive1 "cannot read image '$image': Input/output error" 'check its file system, and run again'
	mode ok
	run_srun -n2 --container="$image" sh -c 'ls /many | wc -l'
	assert_success
	assert_output $'100\n100'
}

@test 'a file system that vanishes: I/O errors, and the reason' {
	begin_step 2 'md5sum </late/numbers; ls /many; exit 3'
	kill -KILL "$faultfs"
	go
	finish
	assert_status 3
	assert_stderr 'md5sum: .*: (I/O|Input/output) error'
	assert_told "$failed: .*" "$check"
}

@test 'a file system that has vanished before the step' {
	kill -KILL "$faultfs"
	run_srun -n2 --container="$image" echo alive
	assert_status 125
	assert_output ''
	assert_failure survive1 "cannot open image '$image': Transport endpoint is not connected" \
	    "check the image's file system on this node, whose server died"
}

@test 'a file system that is unmounted lazily: the step keeps it' {
	begin_step 2 'md5sum </late/numbers'
	umount -l "$disk/mnt"
	go
	finish
	assert_success
	assert_equal "$(grep -c "$(md5sum <"$tree/late/numbers")" <<<"$output")" 2
}

# ---- the image --------------------------------------------------------------

@test 'the image is cut short while it is read, and made whole again' {
	local server own=/home/alice/own.sqfs

	cp "$disk/late.sqfs" $own
	image=$own begin_step 4 'while :; do find / -xdev -type f -exec cat {} + | wc -c; [ -e /tmp/stop ] && break; done
	    md5sum </late/numbers; exit 3' --container-mounts=tmpfs:/tmp
	server=$(image_servers)
	go
	: >$own
	sleep 0.5
	cat "$disk/late.sqfs" >$own
	assert_equal "$(image_servers)" "$server"
	run_alice "$DAVIT" enter "$(job_now)" touch /tmp/stop
	finish
	rm $own
	assert_status 3
	assert_equal "$(grep -c "$(md5sum <"$tree/late/numbers")" <<<"$output")" 4
	assert_told "a part of image '$own' is damaged: files in it gave I/O errors" 'copy or make the image again'
}

# ---- memory -----------------------------------------------------------------

@test 'less memory than the image has bytes: it works' {
	run_srun -n2 --mem=24 --container="$image" sh -c 'cd /; find many late -type f -exec md5sum {} + | sort -k 2 | md5sum'
	assert_success
	assert_equal "$(grep -c "^$(sums "$tree" | md5sum)$" <<<"$output")" 2
}

@test 'a rank takes more memory than the step has: it is killed, and the step ends' {
	LIMIT=30 run_srun -n2 --mem=64 --kill-on-bad-exit=1 --container="$image" \
	    sh -c '[ $SLURM_PROCID = 0 ] && dd if=/dev/zero of=/dev/null bs=200M count=1; find / -xdev -type f -exec cat {} + >/dev/null; exit 3'
	[[ $status != 0 && $status != 124 ]] || complain 'hangs, or nobody was killed'
	assert_stderr '[Oo][Oo][Mm]|Out Of Memory|Killed'
}

@test 'the image server is killed for lack of memory: the ranks end, and the user is told' {
	begin_step 2 'dd if=/dev/zero of=/dev/null bs=200M count=1; cat /late/numbers >/dev/null; exit 3' --mem=64
	echo 1000 >"/proc/$(image_servers)/oom_score_adj"
	go
	finish
	[[ $status != 0 && $status != 124 ]] || complain 'hangs'
	assert_told "the image server of this step died, so the ranks lost the files of image '$image'" \
	    'check the job.s memory (was it killed for using too much?) and the node.s log'
}
