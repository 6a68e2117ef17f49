# SPDX-License-Identifier: BSD-3-Clause
# resources.bats - what of a job the image server takes: CPUs, memory, and nothing when idle

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016,SC2153

load "$DAVIT_TESTS/lib/common.bash"

state=$DAVIT_WORK/cluster-resources
site=$DAVIT_PREFIX/etc/davit/davit.conf
mine=/home/alice/.config/davit/davit.conf
large=$images/large.sqfs       # 96 MiB that differ, in files of 1 MiB

# Steps have CPUs and memory of their own, in cgroups.
setup_file() {
	local tree=$DAVIT_WORK/trees/large

	cp -a "$DAVIT_WORK/trees/small" "$tree"
	(set +o pipefail; seq 100000000 200000000 | head -c $((96 << 20)) | split -b 1M - "$tree/data/part")
	mksquashfs "$tree" "$large" -noappend -no-progress -quiet -all-root -comp gzip -Xcompression-level 1 >/dev/null
	cat "$tree"/data/part* | sha256sum >"$DAVIT_WORK/large.sum"
	rm -r "$tree"
	"$DAVIT_CLUSTER_TOOL" start --state "$state" --keep-users --prefix "$DAVIT_PREFIX" --nodes 1 \
	    --cpus "$(nproc)" --proctrack cgroup --task-plugin affinity,cgroup --constrain cores,ram \
	    --conf SelectTypeParameters=CR_CPU_Memory >/dev/null 3>&-
	cluster_choose "$state"
}

teardown_file() {
	"$DAVIT_CLUSTER_TOOL" stop --state "$state"
	rm -f "$large"
}

teardown() {
	rm -rf "$site" /home/alice/.config
	rmdir "${site%/*}" 2>/dev/null || true
	leftovers_assert
}

# Reads all of the image, four files at a time.
everything='for i in 1 2 3 4; do find / -xdev -type f -exec cat {} + >/dev/null 2>&1 & done; wait'

# A step that stays, when its image has been read; sets $server, and $rank, its first process.
begin_step() {
	begin srun "$@" sh -c "$everything; echo up \$\$; exec sleep 30"
	await_output up
	server=$(image_servers)
	[[ $server =~ ^[0-9]+$ ]] || complain 'not one server'
	rank=$(sed -n 's/^up //p' "$BATS_TEST_TMPDIR/begun.out" | head -n 1)
}
end_step() {
	scancel "$(job_now)"
	finish
}

# The field $1 of /proc/PID/status, of each thread.
field() { sed -n "s/^$1:[[:space:]]*//p" /proc/"$server"/task/*/status | sort -u; }
# Some thread has these CPUs; one may stay near whom it answers.
assert_threads_have() { field Cpus_allowed_list | grep -qx -- "$1" || complain "they have $(field Cpus_allowed_list), not $1"; }
threads() { find "/proc/$server/task" -mindepth 1 -maxdepth 1 | wc -l; }

# ---- CPUs ------------------------------------------------------------------

@test 'the server has the CPUs of the step, not those of the first rank, whatever a rank does' {
	(($(nproc) > 1)) || skip 'binding takes two CPUs, this machine has one'
	begin_step -n2 --cpu-bind=map_cpu:1,0 --container="$GLIBC"
	all=$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)
	assert_threads_have "$all"
	taskset -pc 0 "$rank" >/dev/null
	taskset -pc 0 $$ >/dev/null
	assert_threads_have "$all"
	taskset -pc "$all" $$ >/dev/null
	end_step
}

@test 'a step with one CPU: the server has the same one, and fewer threads than with two' {
	local few

	(($(nproc) > 1)) || skip 'this machine has one CPU'
	begin_step -n1 -c2 --container="$GLIBC"
	few=$(threads)
	end_step
	begin_step -n1 -c1 --exact --container="$GLIBC"
	assert_equal "$(field Cpus_allowed_list)" "$(sed -n 's/^Cpus_allowed_list:\t//p' "/proc/$rank/status")"
	[[ $(field Cpus_allowed_list) =~ ^[0-9]+$ ]] || complain 'it has more than one CPU'
	(($(threads) < few)) || complain "$(threads) threads, as many as with two CPUs"
	end_step
}

@test 'without a cpuset, Slurm tells how many CPUs the job has' {
	local few SLURM_CONF=$DAVIT_WORK/cluster/etc/slurm.conf

	(($(nproc) > 1)) || skip 'this machine has one CPU'
	begin_step -n1 -c2 --container="$GLIBC"
	few=$(threads)
	end_step
	begin_step -n1 -c1 --container="$GLIBC"
	(($(threads) < few)) || complain "$(threads) threads, as many as with two CPUs"
	# none is nearer to the rank than another
	assert_threads_have "$(sed -n 's/^Cpus_allowed_list:\t//p' /proc/self/status)"
	end_step
}

# Of a process or a thread, by its directory in /proc; a name may hold blanks.
nice_of() { sed 's/.*) //' "$1/stat" | cut -d' ' -f17; }

slice_of() { sed -n 's/^se.slice *: *//p' "${@/%//sched}" | sort -u; }

@test 'ranks that compute come first: every thread of the server is nicer, and shares their autogroup' {
	local thread

	begin_step --container="$GLIBC"
	for thread in /proc/"$server"/task/*; do
		assert_equal "$(nice_of "$thread")" "$(($(nice_of "/proc/$rank") + 3))"
	done
	[[ ! -e /proc/self/autogroup ]] || assert_equal "$(<"/proc/$server/autogroup")" "$(<"/proc/$rank/autogroup")"
	# Linux 6.12 and later
	if grep -q '^se.slice' "/proc/$server/sched" 2>/dev/null; then
		assert_equal "$(slice_of "/proc/$server"/task/*)" "$(($(slice_of "/proc/$rank") * 526 / 1024))"
	fi
	end_step
}

@test 'nicer than a rank that is nice itself' {
	run_alice nice -n 3 "$DAVIT" run "$SMALL" sh -c 'nice_of() { sed "s/.*) //" $1/stat | cut -d" " -f17; }
	    for p in /proc/[0-9]*; do
		[ "$(cat $p/comm 2>/dev/null)" != davit-image ] || echo $(($(nice_of $p) - $(nice_of /proc/$$)))
	    done'
	assert_success
	assert_output 3
}

@test 'a rank gets its data although more ranks spin than there are CPUs' {
	run_srun -n1 -c"$(nproc)" --container="$large" sh -c '
	    for i in $(seq $((2 * $(nproc)))); do (while :; do :; done) & spinners="$spinners $!"; done
	    before=$(date +%s)
	    cat /data/part* | sha256sum
	    kill $spinners
	    [ $(($(date +%s) - before)) -lt 20 ] || echo slow'
	assert_success
	assert_output "$(<"$DAVIT_WORK/large.sum")"
}

# Context switches and CPU time in ns of each thread.
account() { grep -Hs '' "/proc/$server/task/"*/schedstat; grep -Hs ctxt_switches "/proc/$server/task/"*/status; }

@test 'an idle server does nothing: no thread of it runs or wakes up in two seconds' {
	local try before

	begin_step --container="$GLIBC"
	account | grep -q ctxt_switches || complain 'nothing to compare'
	# The kernel may let go of something that it knows: that is not the server's doing, and not each time.
	for try in 1 2 3; do
		before=$(account)
		sleep 2
		[[ $(account) != "$before" ]] || break
	done
	assert_equal "$(account)" "$before"
	end_step
}

# ---- memory ----------------------------------------------------------------

# In KiB, of the server, but for its program.
resident() { sed -n 's/^RssAnon:[[:space:]]*\([0-9]*\) kB/\1/p' "/proc/$server/status"; }
data_limit() {
	awk -v rings="$(server_ring_bytes "$server")" '/^Max data size/ { print ($4 - rings) / 1048576 }' "/proc/$server/limits"
}

@test 'the cache is as large as the user says, and its limit of memory with it' {
	local size small

	for size in 1 64; do
		begin_step --container="$large" --container-image-cache="${size}m"
		assert_equal "$(data_limit)" "$((512 + size))"
		(($(resident) < (size + 24) * 1024)) || complain "$(resident) KiB with a cache of $size MiB"
		[[ $size != 1 ]] || small=$(resident)
		[[ $size == 1 ]] || (($(resident) > small + 32 * 1024)) ||
		    complain "$(resident) KiB with a cache of $size MiB, $small with one of 1"
		end_step
	done
	begin_step --container="$large"
	assert_equal "$(data_limit)" 520
	end_step
}

@test 'its size by option, variable and davit.conf' {
	local show='for p in /proc/[0-9]*; do [ "$(cat $p/comm 2>/dev/null)" != davit-image ] ||
	    echo $(($(sed -n "s/^Max data size *\([0-9]*\) .*/\1/p" $p/limits) >> 20)); done'

	run_davit --image-cache=16m "$SMALL" sh -c "$show"
	assert_output 528
	run_alice env DAVIT_CONTAINER_IMAGE_CACHE=2048k srun --container="$SMALL" sh -c "$show"
	assert_success
	assert_output 514
	mkdir -p "${site%/*}"
	echo 'image-cache: 4m' >"$site"
	run_srun --container="$SMALL" sh -c "$show"
	assert_success
	assert_output 516
	install -d -o alice -g alice /home/alice/.config "${mine%/*}"
	echo 'image-cache: 5m' >"$mine"
	run_srun --container="$SMALL" sh -c "$show"
	assert_output 517
	run_srun --container="$SMALL" --container-image-cache=100m sh -c "$show"
	assert_success
	assert_output 612
	run_alice "$DAVIT" config --image-cache=7m
	assert_match $'\nimage-cache: 7m  # --image-cache\n'
}

@test 'what is no size of a cache is refused, before there is a job' {
	run_srun --container="$SMALL" --container-image-cache=lots true
	assert_refused srun "--container-image-cache: 'lots' is not a size" 'NUMBER with k, m or g behind it'
	run_srun --container="$SMALL" --container-image-cache=1k true
	assert_refused srun "--container-image-cache: '1k' is too little for a cache" '1m to 64g'
	run_alice env DAVIT_CONTAINER_IMAGE_CACHE=65g srun --container="$SMALL" true
	assert_refused srun "DAVIT_CONTAINER_IMAGE_CACHE: '65g' is too much for a cache" '1m to 64g'
	run_davit --image-cache=-8m "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" "--image-cache: '-8m' is not a size" 'NUMBER with k, m or g behind it'
}

@test 'a cache for which there is no room: the server says so' {
	run_alice bash -c "ulimit -v 2000000; exec $DAVIT run --image-cache=64g $SMALL true"
	assert_status 125
	assert_failure "$(hostname -s)" 'the image server: cannot start: Cannot allocate memory' \
	    'a smaller --container-image-cache, or more memory (ulimit -v)'
}

@test 'the site bounds it, for every way to say it' {
	mkdir -p "${site%/*}"
	echo 'image-cache-max: 32m' >"$site"
	run_srun --container="$SMALL" --container-image-cache=32m cat /etc/image
	assert_success
	assert_output small
	run_srun -n2 --container="$SMALL" --container-image-cache=33m true
	assert_status 125
	assert_failure n1 "--container-image-cache: $site:1 allows an 'image-cache' of 32 MiB at most, not '33m'" \
	    '32m, or ask your admin'
	run_alice env DAVIT_CONTAINER_IMAGE_CACHE=1g "$DAVIT" run "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" \
	    "\$DAVIT_CONTAINER_IMAGE_CACHE: $site:1 allows an 'image-cache' of 32 MiB at most, not '1g'" \
	    '32m, or ask your admin'
	install -d -o alice -g alice /home/alice/.config "${mine%/*}"
	echo 'image-cache: 2g' >"$mine"
	run_davit "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" "$mine:1: $site:1 allows an 'image-cache' of 32 MiB at most, not '2g'" \
	    '32m, or ask your admin'
	rm "$mine"
	printf 'image-cache: 64m\nimage-cache-max: 32m\n' >"$site"
	run_alice "$DAVIT" config --check "$site"
	assert_status 125
	assert_failure "$(hostname -s)" "$site:1: $site:2 allows an 'image-cache' of 32 MiB at most, not '64m'" \
	    '32m, or ask your admin'
}

# Where the memory of process $1 is charged to.
memory_cgroup() { sed -n 's/^[0-9]*:memory://p; s/^0:://p' "/proc/$1/cgroup" | head -n 1; }

@test 'its memory is charged to the step' {
	begin_step --container="$GLIBC"
	[[ $(memory_cgroup "$server") == */job_"$(job_now)"/step_0/* ]] || complain "$(memory_cgroup "$server")"
	assert_equal "$(memory_cgroup "$server")" "$(memory_cgroup "$rank")"
	end_step
}

# In bytes, of the cgroups of process $1.
memory_limit() {
	local dir

	dir=$(memory_cgroup "$1")
	while [[ $dir == /?* ]]; do
		cat "/sys/fs/cgroup/memory$dir/memory.limit_in_bytes" "/sys/fs/cgroup$dir/memory.max" 2>/dev/null || true
		dir=${dir%/*}
	done | grep -v max | sort -n | head -n 1
}

@test 'a step with less memory than its image has data: every byte is right' {
	begin srun --mem=64M --container="$large" sh -c 'for i in 1 2 3; do cat /data/part* >/dev/null & done
	    cat /data/part* | sha256sum; cat /data/part* | sha256sum; wait; echo up; sleep 30'
	await_output up
	assert_equal "$(memory_limit "$(image_servers)")" $((64 << 20))
	end_step
	assert_equal "$(head -n 2 <<<"$output")" "$(cat "$DAVIT_WORK/large.sum" "$DAVIT_WORK/large.sum")"
}

@test 'a cache that the memory of the step does not hold is a quarter of that, and leaves room to work' {
	local cache

	LIMIT=60 run_srun --mem=40M --container="$large" --container-image-cache=1g sh -c 'cat /data/part* | sha256sum'
	assert_success
	assert_output "$(<"$DAVIT_WORK/large.sum")"
	begin_step --mem=60M --container="$large" --container-image-cache=1g
	cache=$(data_limit)
	[[ ${cache%.*} -ge 520 && ${cache%.*} -lt 527 ]] || complain "$cache MiB"
	end_step
}
