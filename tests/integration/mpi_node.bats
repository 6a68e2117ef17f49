# SPDX-License-Identifier: BSD-3-Clause
# mpi_node.bats - MPI on one node: shared memory, directories, binding,
# debuggers and tools

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/mpi.bash"

state=$DAVIT_WORK/cluster-node

setup_file() {
	mpi_build
	export SHARED_CONF=$SLURM_CONF    # of the cluster that other files use, too
	mpi_cluster "$state" --nodes 1 --task-plugin affinity --cpus "$(nproc)"
}

teardown() {
	rm -f /home/alice/go
	if [[ -e $DAVIT_WORK/cluster-tmpfs ]]; then
		"$DAVIT_CLUSTER_TOOL" stop --state "$DAVIT_WORK/cluster-tmpfs"
	fi
	leftovers_assert
}

teardown_file() { "$DAVIT_CLUSTER_TOOL" stop --state "$state"; }

# The pairs of image, library and PMI that work.
pairs=('bookworm openmpi pmix' 'trixie openmpi pmix' 'bookworm mpich pmi2' 'trixie mpich pmi2')

# All pairs with these options of srun, 4 ranks.
all_pairs() {
	local pair

	for pair in "${pairs[@]}"; do
		# shellcheck disable=SC2086 # three words
		run_mpi $pair -n4 "$@"
		assert_ranks 4 4
		assert_quiet
	done
}

# Runs program app.$2 in image $1, with PMI $3 and more options, until
# end_app; sets $pid of a rank.
begin_app() {
	local image=$1 mpi=$2 pmi=$3

	shift 3
	begin srun -Q -n2 --overcommit --mpi="$pmi" --container="$mpi_images/$image.sqfs" \
	    --container-mounts="$mpi_app:/app:ro" "$@" "/app/app.$mpi" /home/alice/go
	await_output '^rank' 2
	pid=$(pgrep -u alice -x "app.$mpi" | head -n 1)
}

end_app() {
	touch /home/alice/go
	finish
	rm /home/alice/go
}

# ---- shared memory -------------------------------------------------------

@test 'ranks copy from each other (CMA), as a tool loaded by LD_PRELOAD shows' {
	local pair

	for pair in "${pairs[@]}"; do
		# shellcheck disable=SC2086 # three words
		run_mpi $pair -n2 --container-env=LD_PRELOAD=/app/tool.so
		assert_ranks 2 2
		assert_equal "$(grep -c '^tool: ' <<<"$stderr")" 2
		(($(cma_calls) > 0)) || complain "$pair: no rank has used CMA"
	done
}

@test 'Open MPI would not, were the ranks in user namespaces of their own' {
	local image

	for image in bookworm trixie; do
		run_mpi $image openmpi pmix -n2 --container-env=LD_PRELOAD=/app/tool.so \
		    --container-security=seccomp:allow:namespaces unshare --user --map-current-user
		assert_ranks 2 2
		assert_equal "$(cma_calls)" 0
	done
}

@test 'POSIX and System V shared memory between ranks' {
	local image way maps

	for image in bookworm trixie; do
		for way in posix sysv; do
			begin_app $image mpich pmi2 --container-env=UCX_TLS=$way,self
			maps=$(<"/proc/$pid/maps")
			end_app
			assert_ranks 2 2
			case $way in
			posix) [[ $maps == *ucx_shm_posix* ]] ;;
			sysv) [[ $maps == *SYSV* ]] ;;
			esac || complain "$image, $way: not in $maps"
		done
	done
}

@test 'XPMEM and KNEM: their device nodes are inside where the node has them' {
	run_srun --container="$SMALL" sh -c 'ls /dev/xpmem /dev/knem'
	((status != 0)) || skip 'this machine has them'
	# No driver stands behind these: shown is that the nodes are there.
	unshare --mount --propagation private bash -c '
		dir=$1 && mkdir "$dir" && mount -t tmpfs -o mode=755 dev "$dir" || exit
		for f in /dev/*; do
			to=$dir/${f##*/}
			if [[ -L $f ]]; then cp -P "$f" "$to"
			elif [[ -d $f ]]; then mkdir "$to" && mount --rbind "$f" "$to"
			else touch "$to" && mount --bind "$f" "$to"; fi || exit
		done
		mknod -m 666 "$dir/xpmem" c 10 250 && mknod -m 666 "$dir/knem" c 10 251 &&
		    mount --rbind "$dir" /dev || exit
		cluster=$2 && shift 2 && exec "$cluster" run --state "$1" --keep-users --nodes 1 \
		    --prefix "$2" "$cluster" as --state "$1" alice srun --container="$3" \
		    stat -c "%n %t:%T %a" /dev/xpmem /dev/knem' \
	    - "$DAVIT_WORK/dev-mpi" "$DAVIT_CLUSTER_TOOL" "$DAVIT_WORK/cluster-dev" \
	    "$DAVIT_PREFIX" "$SMALL" >"$BATS_TEST_TMPDIR/out" 3>&-
	rmdir "$DAVIT_WORK/dev-mpi"
	assert_equal "$(<"$BATS_TEST_TMPDIR/out")" $'/dev/xpmem a:fa 666\n/dev/knem a:fb 666'
}

# ---- what else shapes a container ----------------------------------------

@test 'a clean environment' { all_pairs --container-clean-env; }
@test 'a PID namespace' { all_pairs --container-unshare=pid; }
@test 'an IPC namespace' { all_pairs --container-unshare=ipc; }
@test 'a writable container' { all_pairs --container-writable; }

# PMI-2 is a descriptor, PMIx a connection to 127.0.0.1 by a user with an id.
@test 'a network of its own: PMI-2 works, of PMIx it is said that it cannot' {
	run_mpi bookworm mpich pmi2 -n4 --container-unshare=net
	assert_ranks 4 4
	run_mpi bookworm openmpi pmix -n2 --container-unshare=net
	assert_failure n1 "the 2 tasks of '/app/app.openmpi' cannot find each other: their network is the container's own, the PMIx server is at 127.0.0.1 of the node" \
	    'without --container-unshare=net'
}

@test 'root in the container: PMI-2 works, of PMIx it is said that it cannot' {
	run_mpi bookworm mpich pmi2 -n4 --container-remap-root
	assert_ranks 4 4
	run_mpi bookworm openmpi pmix -n2 --container-remap-root
	assert_failure n1 "the 2 tasks of '/app/app.openmpi' cannot find each other: they are root here, whom the PMIx server of the step does not know" \
	    'without --container-remap-root'
	# After refusing clients, Slurm's server waits for ever at its end.
	pkill -KILL -x slurmstepd || true
	rm -rf "$state"/spool/n1/{pmix.,stepd.slurm.pmix.,oci-job}*
}

# ---- directories ---------------------------------------------------------

@test 'the directory for the ranks is there, wherever Slurm has it' {
	local base=/var/tmp/mpi-base

	# TmpFS of that cluster is another directory for each node
	SLURM_CONF=$SHARED_CONF run_mpi bookworm openmpi pmix -N1 -n4
	assert_ranks 4 4
	assert_quiet
	mkdir -m 1777 $base
	run_alice env SLURM_PMIX_TMPDIR=$base srun --mpi=pmix --container="$SMALL" \
	    sh -c 'ls -d /var/tmp/mpi-base/*'
	await rmdir $base    # Slurm is still at it
	assert_success
	assert_match "^$base/spmix_appdir_[0-9_.]*\$"
}

@test 'the directory that TMPDIR names is there' {
	mkdir -m 1777 /var/tmp/scratch
	run_alice env TMPDIR=/var/tmp/scratch srun --container="$SMALL" \
	    sh -c 'echo $TMPDIR; echo text >$TMPDIR/file'
	assert_success
	assert_output /var/tmp/scratch
	assert_equal "$(stat -c %U /var/tmp/scratch/file)" alice
	run_alice env TMPDIR=/var/tmp/scratch srun --container="$SMALL" \
	    --container-mounts=/home:/var/tmp/scratch sh -c 'ls $TMPDIR'
	assert_match alice
	rm -r /var/tmp/scratch
}

@test 'TMPDIR in the home directory is no way to it' {
	as alice mkdir /home/alice/scratch
	run_alice env TMPDIR=/home/alice/scratch srun --no-container-mount-home \
	    --chdir=/tmp --container="$SMALL" ls /home/alice/scratch
	rmdir /home/alice/scratch
	((status != 0)) || complain 'it is there'
}

tmpfs_start() {
	mkdir "$DAVIT_WORK/job-tmp"
	"$DAVIT_CLUSTER_TOOL" start --state "$1" --keep-users --prefix "$DAVIT_PREFIX" --apart \
	    --nodes 1 --prolog-flags Contain --conf JobContainerType=job_container/tmpfs \
	    --conf-file "$2" >/dev/null 3>&- || return
	LIMIT=10 SLURM_CONF=$1/etc/slurm.conf alice salloc -Q --no-shell -N1 -n4
}

tmpfs_stop() {
	"$DAVIT_CLUSTER_TOOL" stop --state "$1"    # the directory is in use until then
	umount -R "$DAVIT_WORK/job-tmp" 2>/dev/null || true
	rm -rf --one-file-system "$DAVIT_WORK/job-tmp"
}

# Slurm 24.11 makes PMIx work there for --container only. Slurm 22.05 often fails to begin a job there,
# without containers, too ("_create_ns: ns base mount failed"): another cluster then, and one job for all.
@test 'a /tmp for each job (job_container/tmpfs)' {
	local conf=$BATS_TEST_TMPDIR/job_container.conf other=$DAVIT_WORK/cluster-tmpfs try

	printf 'AutoBasePath=true\nBasePath=%s\n' "$DAVIT_WORK/job-tmp" >"$conf"
	for try in 1 2 3 4 5; do
		! tmpfs_start "$other" "$conf" || break
		echo "cluster $try does not begin a job"
		tmpfs_stop "$other"
	done
	local -x SLURM_CONF=$other/etc/slurm.conf
	all_pairs --jobid="$(job_now)"
	scancel "$(job_now)"
	await job_none
	tmpfs_stop "$other"
}

# ---- binding -------------------------------------------------------------

# The same of srun's options, in the container as without it.
same() {
	local bare

	bare=$(alice srun "$@" sh -c "$look" | sort)
	run_srun "$@" --container="$mpi_images/bookworm.sqfs" sh -c "$look"
	assert_success
	[[ $bare ]] || complain 'nothing to compare'
	assert_equal "$(sort <<<"$output")" "$bare"
}

@test 'CPU and memory binding, and the distribution of ranks' {
	local look='echo $SLURM_PROCID $SLURM_LOCALID $(grep -E "^(Cpus|Mems)_allowed_list" /proc/self/status)'

	(($(nproc) > 1)) || skip 'binding takes two CPUs, this machine has one'
	same -n2 --cpu-bind=cores
	same -n2 --cpu-bind=map_cpu:1,0
	assert_equal "$(sort <<<"$output" | grep -o 'Cpus_allowed_list: [0-9]*' | xargs)" \
	    'Cpus_allowed_list: 1 Cpus_allowed_list: 0'
	same -n2 --cpu-bind=mask_cpu:0x2,0x1
	same -n2 --cpu-bind=cores --mem-bind=local
	same -n2 --cpu-bind=rank --distribution=block:cyclic
	same -n4 --overcommit --distribution=plane=2
}

@test 'hwloc sees the same topology and binding' {
	local look='hwloc-bind --get; lstopo-no-graphics --no-io --of console 2>/dev/null'

	(($(nproc) > 1)) || skip 'binding takes two CPUs, this machine has one'
	# the same release of hwloc on both sides: the machine's own, mounted
	cp -L "$(command -v hwloc-bind)" "$(command -v lstopo-no-graphics)" "$BATS_TEST_TMPDIR"
	same -n2 --cpu-bind=map_cpu:1,0
	assert_match 0x00000001
	assert_match 0x00000002
	assert_match 'PU L#'
}

@test 'variables of OpenMP arrive, and the image cannot take them away' {
	run_alice env OMP_NUM_THREADS=3 OMP_PLACES=cores OMP_PROC_BIND=close \
	    srun -n2 --cpus-per-task=1 --container="$SMALL" sh -c 'env | grep ^OMP_ | sort | xargs'
	assert_success
	assert_equal "$(uniq <<<"$output")" 'OMP_NUM_THREADS=3 OMP_PLACES=cores OMP_PROC_BIND=close'
}

# ---- debuggers and profilers ---------------------------------------------

# As davit(1) has it: the kernel lets nobody but the processes of a user
# namespace read the files of an image that is mounted in it.
beside() { alice nsenter --target "$pid" --user --preserve-credentials "$@"; }

@test 'gdb attaches to a rank, as the same user on the node' {
	local stack

	begin_app bookworm openmpi pmix
	stack=$(beside gdb -iex "set sysroot /proc/$pid/root" -p "$pid" -batch -ex bt 2>&1) || true
	end_app
	assert_ranks 2 2
	grep -q ' in main (' <<<"$stack" || complain "no such frame: $stack"
	grep -q usleep <<<"$stack" || complain "no such frame: $stack"
}

@test 'what profilers need: files by /proc/PID/root, maps of compiled code in /tmp' {
	local maps path

	begin_app bookworm openmpi pmix
	path=$(alice sed -n 's/.* \(\/.*libmpi.so.40.*\)/\1/p' "/proc/$pid/maps" | head -n 1)
	beside test -r "/proc/$pid/root$path"
	[[ $path == */libmpi.so.40* ]] || complain "no library: $path"
	assert_equal "$(alice readlink "/proc/$pid/exe")" /app/app.openmpi
	end_app
	run_srun --container="$SMALL" sh -c 'echo "1000 10 compiled" >/tmp/perf-$$.map; echo $$'
	nsenter --target "$(<"$state/run/n1.pid")" --mount grep -q compiled "/tmp/perf-$output.map"
}
