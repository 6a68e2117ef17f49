# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# leftovers.bash - the third promise: nothing is left behind. After each test
# nothing may remain, five seconds at the latest, of what the test's steps
# had: processes, mount namespaces, mounts, files. run-integration gives the
# tests a PID namespace and a /tmp of their own, so all that is there counts.

# The files that a step could leave. (The socket of an extern step, number
# 4294967292, is sometimes left by Slurm itself.)
leftovers_files() {
	find /tmp /var/tmp/davit.[0-9]* /dev/shm /home /run/davit-test/cluster*/spool \
	    ! -name '*.4294967292' ! -name 'cred_state*' ! -name 'hwloc_topo*' ! -name '*.so*' \
	    -mindepth 1 2>/dev/null | sort
}

leftovers_note() { leftovers_before=$(leftovers_files); }

# $leftovers_known is a mount namespace that the daemons of a cluster are in.
# Prints what is left, nothing if all is gone. A zombie is no leftover: whoever
# is process 1 of a CI container may never wait for its children.
leftovers_list() {
	local dir pid state comm uid ns mine

	mine=$(readlink /proc/self/ns/mnt)
	for dir in /proc/[0-9]*; do
		pid=${dir#/proc/} comm='' state='' uid=''
		{
			read -r comm <"$dir/comm"
			while IFS=$':\t' read -r key value _; do
				case $key in
				State) state=${value%% *} ;;
				Uid) uid=$value; break ;;
				esac
			done <"$dir/status"
		} 2>/dev/null
		[[ $state && $state != Z ]] || continue
		if [[ $comm == davit* || $comm == slurmstepd* ]] || ((uid >= 1000 && uid < 60000)); then
			echo "process $pid ($comm) of user $uid, state $state"
		fi
		ns=$(readlink "$dir/ns/mnt" 2>/dev/null) || continue
		[[ $ns == "$mine" || $ns == "${leftovers_known-}" || $comm == slurmd ]] || echo "process $pid ($comm) holds $ns"
	done
	grep -h fuse.davit /proc/self/mountinfo
	squeue -h -t PD,R,S -o 'job %i (%j), state %T' 2>/dev/null
	comm -13 <(echo "$leftovers_before") <(leftovers_files) | sed 's/^/file /'
}

# Fails if anything is left, and then removes it, so that the next test does
# not suffer.
leftovers_assert() {
	local end=$((SECONDS + 5)) left

	while left=$(leftovers_list); [[ $left ]]; do
		((SECONDS < end)) || break
		sleep 0.05
	done
	[[ $left ]] || return 0
	echo "left behind after '$BATS_TEST_DESCRIPTION':"
	echo "$left"
	leftovers_remove
	return 1
}

leftovers_remove() {
	local jobs file minor

	jobs=$(squeue -h -o %i 2>/dev/null) || true
	# shellcheck disable=SC2086 # job ids are words
	[[ ! $jobs ]] || scancel $jobs || true
	sleep 1
	pkill -KILL -u alice,bob || true
	pkill -KILL slurmstepd || true
	sleep 0.5
	# a rank that waits in the kernel for a server that is no more
	mkdir -p "$DAVIT_WORK/fuse"
	mount -t fusectl davit-test "$DAVIT_WORK/fuse"
	# (other clusters have theirs there, too)
	sed -n 's/^[0-9]* [0-9]* 0:\([0-9]*\) .* - fuse\.davit .*/\1/p' /proc/[0-9]*/mountinfo 2>/dev/null | sort -u |
	    while read -r minor; do
		file=$DAVIT_WORK/fuse/$minor
		if [[ $(stat -c %U "$file") == @(alice|bob) && $(<"$file/waiting") != 0 ]] 2>/dev/null; then
			echo 1 >"$file/abort"
		fi
	done
	umount "$DAVIT_WORK/fuse"
	comm -13 <(echo "$leftovers_before") <(leftovers_files) |
	    while read -r file; do rm -rf "$file"; done
}
