# SPDX-License-Identifier: BSD-3-Clause
# stats.bats - what image servers have counted: in the end, and in davit ps

# Variables come from common.bash; scripts in single quotes are for the container.
# A test is a function to bash, a subshell to shellcheck.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
image=$DAVIT_WORK/counted.sqfs
tree=$DAVIT_WORK/counted
size=3000000    # of the file in it, which does not compress well

setup_file() {
	cp -a "$DAVIT_WORK/trees/small" "$DAVIT_WORK/counted"
	head -c 2250000 /dev/urandom | base64 -w 0 >"$DAVIT_WORK/counted/data/big"
	mksquashfs "$DAVIT_WORK/counted" "$DAVIT_WORK/counted.sqfs" -noappend -no-progress -quiet \
	    -all-root >/dev/null
}

teardown_file() { rm -rf "$DAVIT_WORK"/counted*; }

teardown() {
	rm -rf /home/alice/.config /tmp/one /tmp/two /tmp/go
	leftovers_assert
}

# On stderr are the statistics of image $2, $1 times, and nothing else of ours. The launcher calls the
# node $3 as Slurm does.
assert_told() {
	local begin="davit: ${3-$host}: image '$2': " pattern n

	for pattern in \
	    'mounted in [0-9]+\.[0-9] ms, read by ranks [0-9.]+ ([KMG]iB|bytes), decompressed [0-9.]+ ([KMG]iB|bytes), read from the image.s file [0-9.]+ ([KMG]iB|bytes)' \
	    'cache hits [0-9]+, misses [0-9]+(, requests by io_uring [0-9]+)?' \
	    'requests [0-9]+: names [0-9]+, attributes [0-9]+, symbolic links [0-9]+, opens [0-9]+, reads [0-9]+, listings [0-9]+, extended attributes [0-9]+, others [0-9]+'; do
		n=$(grep -cE -- "^$begin$pattern\$" <<<"$stderr" || true)
		((n == $1)) || complain "$n times, not $1: $pattern"
	done
	n=$(grep -c 'davit: ' <<<"$stderr" || true)
	((n == 3 * $1)) || complain "$n lines of Davit's, not $((3 * $1))"
}

# A figure of the first container in $json.
figure() { jq ".containers[0].statistics.$1" <<<"$json"; }
sent() { figure bytes_read; }
look() { json=$(alice "$DAVIT" ps --json); }
# Within a second nothing is read of the image.
is_quiet() {
	local before

	look
	before="$(sent) $(figure requests_read)"
	sleep 1
	look
	[[ $(sent) -gt 0 && "$(sent) $(figure requests_read)" == "$before" ]]
}

@test 'srun: once per node, in plain words' {
	run_srun -N2 -n4 --container="$image" --container-stats sh -c 'wc -c </data/big'
	assert_status 0
	assert_equal "$(sort -u <<<"$output")" "$size"
	assert_told 2 "$image"
	# four ranks on a node read the file once
	run_srun -N1 -n4 --container="$image" --container-stats sh -c 'wc -c </data/big'
	assert_told 1 "$image"
	assert_stderr 'read by ranks ([0-5]\.[0-9] M|[0-9.]+ K)iB'
}

@test 'only where it is asked for: option, variable, davit.conf, and the opposites' {
	run_srun --container="$image" true
	assert_success
	run_srun --container="$image" --no-container-stats true
	assert_success
	run_alice env DAVIT_CONTAINER_STATS=yes srun --container="$image" true
	assert_told 1 "$image"
	run_alice env PYXIS_CONTAINER_STATS=1 "$DAVIT" run "$image" true
	assert_told 1 "$image"
	alice mkdir -p /home/alice/.config/davit
	echo 'stats: yes' >/home/alice/.config/davit/davit.conf
	run_srun --container="$image" true
	assert_told 1 "$image"
	run_srun --container="$image" --no-container-stats true
	assert_success
	run_alice env DAVIT_CONTAINER_NO_STATS=yes srun --container="$image" true
	assert_success
	run_davit --no-stats "$image" true
	assert_success
	run_alice "$DAVIT" config
	assert_match "stats: yes +# /home/alice/.config/davit/davit.conf:1"
}

@test 'bad values are refused, before there is a job' {
	run_alice env DAVIT_CONTAINER_STATS=all srun --container="$image" true
	assert_refused srun "DAVIT_CONTAINER_STATS: 'all' is neither yes nor no" 'yes or no'
	run_davit --statistics "$image" true
	assert_status 125
	run_srun --container-stats true
	assert_refused srun '--container-stats without an image'
}

@test 'whatever the ranks end with' {
	run_srun -n2 --container="$image" --container-stats sh -c 'exit $((3 * SLURM_PROCID))'
	assert_status 3
	assert_told 1 "$image"
	run_srun -n2 -K0 --container="$image" --container-stats sh -c '[ $SLURM_PROCID = 0 ] || kill -9 $$'
	assert_status 137
	assert_told 1 "$image"
	run_srun --container="$image" --container-stats /no/such/command
	assert_status 127
	grep -q "image '$image': mounted in" <<<"$stderr" || complain 'no statistics'
}

@test 'batch scripts: in the output' {
	run_sbatch --container="$image" --container-stats --wrap 'cat /data/file'
	stderr=$output
	assert_match 'from the image'
	assert_told 1 "$image"
}

@test 'davit run: once, when the command has ended; exit codes and signals stay' {
	run_davit --stats "$image" sh -c 'wc -c </data/big; exit 7'
	assert_status 7
	assert_output "$size"
	assert_told 1 "$image"
	assert_stderr 'read by ranks ([0-5]\.[0-9] M|[0-9.]+ K)iB'
	# what is left in the container is not waited for
	run_davit --stats "$image" sh -c 'sleep 60 >/dev/null 2>&1 & true'
	assert_status 0
	assert_told 1 "$image"
	alice pkill -x sleep
	run_davit --stats "$image" sh -c 'kill -TERM $$'
	assert_status 143
	assert_told 1 "$image"
	run_davit --stats "$image" /no/such/command
	assert_status 127
	grep -q "image '$image': mounted in" <<<"$stderr" || complain 'no statistics'
	# it is told in front of a file that is saved by reading all
	run_davit --stats --save=/home/alice/saved.sqfs "$image" true
	assert_status 0
	assert_told 1 "$image"
	rm /home/alice/saved.sqfs
	run_davit --stats --unshare=pid "$image" sh -c 'kill -9 $$'
	assert_status 137
	assert_told 1 "$image"
}

@test 'davit run of several ranks: once per node' {
	run_srun -N1 -n3 "$DAVIT" run --stats "$image" sh -c 'wc -c </data/big'
	assert_status 0
	assert_equal "$(sort -u <<<"$output")" "$size"
	assert_told 1 "$image" n1
	run_alice env OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe \
	    OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo \
	    mpirun.openmpi -n 3 "$DAVIT" run --stats "$image" cat /data/file
	assert_status 0
	assert_equal "${#lines[@]}" 3
	assert_told 1 "$image"
}

@test 'davit ps: the figures are those of what was read, and what is read again costs nothing' {
	local before

	begin srun -n2 --container="$image" sh -c 'cat /data/big >/dev/null; : >/tmp/one
	    while :; do cat /data/big >/dev/null; sleep 0.1; done'
	await test -e /tmp/one
	# ranks read on and on, and nobody is asked; unless somebody drops the node's caches meanwhile
	await is_quiet
	before=$(figure bytes_read)
	(($(sent) >= size)) || complain "sent: $json"
	(($(figure bytes_decompressed) >= size)) || complain "decompressed: $json"
	(($(figure bytes_stored) >= size / 2)) || complain "stored: $json"
	(($(figure requests_read) > 0 && $(figure requests_lookup) > 0 && $(figure cache_misses) > 0)) ||
	    complain "requests: $json"
	(($(figure requests) == $(jq '[.containers[0].statistics | to_entries[] |
	    select(.key | startswith("requests_")).value] | add' <<<"$json"))) || complain "sum: $json"
	[[ $(figure mount_ms) =~ ^[0-9]+\.[0-9]{1,3}$ ]] || complain "mount: $json"
	assert_equal "$(jq -r '.containers[0] | "\(.user) \(.job) \(.step) \(.ranks) \(.name) \(.image)"' <<<"$json")" \
	    "alice $(job_now) 0 2 null $image"
	run_alice "$DAVIT" ps --stats
	assert_success
	assert_equal "$(tr -s ' ' <<<"${lines[0]}")" \
	    'USER JOB STEP MOUNT READ UNPACKED STORED HITS MISSES RINGS NAMES ATTRS LINKS OPENS READS LISTS XATTRS OTHERS IMAGE'
	assert_match "alice +$(job_now) +0 +[0-9.]+ms +[0-9.]+M +[0-9.]+M +[0-9.]+M( +[0-9]+){11} +$image\$"
	run_alice "$DAVIT" ps -sbn
	assert_match "^alice +$(job_now) +0 +[0-9.]+ms +[0-9]{7,} +[0-9]+ +[0-9]{7,} "
	# root sees it as well, and another user nothing
	(($("$DAVIT" ps --json | jq '.containers[0].statistics.bytes_read') >= before)) || complain "$json"
	assert_equal "$(as bob "$DAVIT" ps --json | jq -c '[.node, .containers]')" "[\"$host\",[]]"
	scancel "$(job_now)"
	finish
}

@test 'davit run in davit ps' {
	begin "$DAVIT" run "$image" sh -c 'cat /data/big >/dev/null; : >/tmp/one; sleep 30'
	await test -e /tmp/one
	look
	(($(sent) >= size)) || complain "$json"
	assert_equal "$(jq -c '.containers[0] | [.job, .step]' <<<"$json")" '[null,null]'
	alice pkill -x sleep
	finish
}

@test 'a directory has none, and says so' {
	run_srun -n2 --container="$tree" --container-stats cat /data/file
	assert_status 0
	assert_failure n1 "no statistics: image '$tree' is a directory, which the node's kernel reads without a server that could count" ''
	run_davit --stats "$tree" true
	assert_failure "$host" "no statistics: image '$tree' is a directory, *" ''
	begin srun --container="$tree" --container-writable sh -c ': >/tmp/one; sleep 30'
	await test -e /tmp/one
	look
	assert_equal "$(jq -c '.containers[0] | [.image, .statistics]' <<<"$json")" "[\"$tree\",null]"
	run_alice "$DAVIT" ps -ns
	assert_match "^alice +[0-9]+ +0( +-){15} +$tree\$"
	scancel "$(job_now)"
	finish
}

@test 'a named container that runs already counts for the step that started it' {
	printf '#!/bin/bash\n%s\n%s\n%s\n' \
	    "srun -N1 -n1 --container=$image --container-name=a --container-stats sh -c ': >/tmp/one; until [ -e /tmp/two ]; do sleep 0.1; done' & until [ -e /tmp/one ]; do sleep 0.1; done" \
	    "srun -N1 -n1 --overlap --container-name=a --container-stats sh -c 'cat /data/big >/tmp/go; : >/tmp/two'" \
	    wait >/home/alice/job
	chmod 755 /home/alice/job
	run_alice salloc -Q -N1 -n2 /home/alice/job
	rm /home/alice/job
	assert_status 0
	assert_stderr "no statistics for this step: container 'a' runs already, and its image is counted to the step that started it"
	assert_stderr "image '$image': mounted in [0-9.]+ ms, read by ranks ([0-5]\.[0-9] M|[0-9.]+ K)iB"
}

@test 'what users write over the figures is no more than a wrong figure' {
	local pid fd

	begin srun --container="$image" --container-stats sh -c ': >/tmp/one; until [ -e /tmp/go ]; do sleep 0.1; done'
	await test -e /tmp/one
	pid=$(image_servers)
	fd=$(find "/proc/$pid/fd" -lname '/memfd:davit*')
	head -c 512 /dev/zero | tr '\0' '\377' | alice dd of="$fd" bs=512 seek=1 conv=notrunc status=none
	look
	grep -q '"bytes_read": 9223372036854775807,' <<<"$json" || complain "$json"
	grep -q '"requests": 9223372036854775807$' <<<"$json" || complain "$json"
	jq -e . <<<"$json" >/dev/null || complain "$json"
	run_alice "$DAVIT" ps -ns
	assert_success
	assert_match '( +8\.0E){3} +9223372036854775807 '
	touch /tmp/go
	finish
	assert_status 0
	assert_stderr "image '$image': mounted in 9223372036854776.0 ms, read by ranks 8.0 EiB, "
	assert_stderr 'requests 9223372036854775807: names 9223372036854775807, '
}

@test 'nobody asks the server: one that is stopped or dead has left its figures' {
	local pid

	begin srun --container="$image" --container-stats sh -c 'cat /data/big >/dev/null; : >/tmp/one
	    until [ -e /tmp/go ]; do sleep 0.1; done; cat /data/file; exit 5'
	await test -e /tmp/one
	pid=$(image_servers)
	kill -STOP "$pid"
	look
	(($(sent) >= size)) || complain "$json"
	kill -KILL "$pid"
	touch /tmp/go
	finish
	assert_status 5
	assert_stderr "image '$image': mounted in [0-9.]+ ms, read by ranks ([0-8]\.[0-9] M|[0-9.]+ K)iB"
	assert_stderr "the image server of this step died"
}

@test 'a copy is named beside the image: in the end, in the table, in JSON' {
	local uid copy node

	uid=$(id -u alice)
	begin srun -N1 -n1 --container="$image" --container-stage=local --container-stats \
	    sh -c 'echo runs; until [ -e /tmp/go ]; do sleep 0.05; done'
	await_output runs
	look
	copy=$(jq -r '.containers[0].staged' <<<"$json")
	assert_equal "$(jq -r '.containers[0].image' <<<"$json")" "$image"
	[[ $copy == /var/tmp/davit-$uid/$(job_now).s-* ]] || complain "$json"
	cmp "$image" "$copy"
	assert_equal "$(alice "$DAVIT" ps -n | sed 's/.*  //')" "$image (copy: $copy)"
	touch /tmp/go
	finish
	assert_status 0
	node=$(sed -n 's/^davit: \([^:]*\): .*/\1/p' <<<"$stderr" | sort -u)
	assert_lines 1 "davit: $node: image '$image': read from the copy '$copy'"
	# outside of jobs it has no name
	run_davit --stage=local --stats "$image" true
	assert_status 0
	assert_lines 1 "davit: $host: image '$image': read from the copy '/var/tmp/davit-$uid'"
	rmdir "/var/tmp/davit-$uid" 2>/dev/null || true # or the epilog has
	rm /tmp/go
	begin "$DAVIT" run "$image" sh -c 'echo runs; until [ -e /tmp/go ]; do sleep 0.05; done'
	await_output runs
	look
	assert_equal "$(jq '.containers[0].staged' <<<"$json")" null
	touch /tmp/go
	finish
}
