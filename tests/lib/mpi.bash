# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# mpi.bash - for the tests of MPI: images with Debian's MPI libraries, and what
# runs in them.
#
# The images (tests/mpi-images) have no program of ours: those are built here,
# with this machine's compiler wrappers, and mounted at /app. Debian 12 and 13
# agree on the names of their MPI libraries.

mpi_images=${DAVIT_MPI_IMAGES:-/var/cache/davit/mpi}
mpi_app=$DAVIT_WORK/mpi

# Builds the programs, once for all files.
mpi_build() {
	local source=$DAVIT_TESTS/integration/mpi mpi

	[[ -e $mpi_images/bookworm.sqfs && -e $mpi_images/trixie.sqfs ]] ||
	    { echo "no images in $mpi_images: tests/mpi-images prepare"; return 1; }
	[[ ! -d $mpi_app ]] || return 0
	mkdir -p "$mpi_app"
	for mpi in openmpi mpich; do
		"mpicc.$mpi" -O1 -g -o "$mpi_app/app.$mpi" "$source/app.c" || return
	done
	cc -O1 -shared -fPIC -o "$mpi_app/tool.so" "$source/tool.c" -ldl || return
	musl-gcc -O1 -static -o "$mpi_app/pmi" "$source/pmi.c"
}

# Starts a cluster whose nodes look like machines of their own.
mpi_cluster() {
	local state=$1

	shift
	# Hydra's proxies look for mpiexec by name; this /etc is the sandbox's
	grep -qw n1 /etc/hosts || echo '127.0.0.1 n1 n2' >>/etc/hosts
	"$DAVIT_CLUSTER_TOOL" start --state "$state" --keep-users --prefix "$DAVIT_PREFIX" \
	    --apart "$@" >/dev/null 3>&- || return
	export SLURM_CONF=$state/etc/slurm.conf
}

# Runs app.$2 in image $1 with PMI $3; srun's options and a command in front
# of the program follow. All nodes are this machine, with one address: Open
# MPI has to be told that it may use loopback between nodes.
run_mpi() {
	local image=$1 mpi=$2 pmi=$3 skip=()

	shift 3
	# MPICH 4.0 over TCP often hangs in MPI_Finalize, without a container, too
	[[ $image != bookworm || $mpi != mpich ]] || skip=(--container-env=APP_SKIPS_FINALIZE=1)
	LIMIT=60 run_alice env OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_mpi_yield_when_idle=1 \
	    srun -Q --overcommit --mpi="$pmi" "${mpi_option:---container}=$mpi_images/$image.sqfs" \
	    --container-mounts="$mpi_app:/app:ro" "${skip[@]}" "$@" "/app/app.$mpi"
}

# $1 ranks have found each other, $2 on each node; nobody complains.
assert_ranks() {
	local size=$1 each=$2 sum

	sum=$((size * size * (size - 1) * 131073 / 2))
	assert_success
	assert_equal "$(grep -c "^rank [0-9]* of $size on .*: sum $sum, " <<<"$output")" "$size"
	assert_equal "$(sed -n 's/^rank \([0-9]*\) of.*/\1/p' <<<"$output" | sort -n | xargs)" \
	    "$(seq -s ' ' 0 $((size - 1)))"
	assert_equal "$(sed -n 's/^rank .* on \(.*\): sum.*/\1/p' <<<"$output" | sort | uniq -c |
	    awk '{ print $1 }' | sort -u)" "$each"
}

# How often a rank has reached into the memory of another one, by tool.so.
cma_calls() { sed -n 's/^tool: rank .*: cma //p' <<<"$stderr" | awk '{ n += $1 } END { print n + 0 }'; }
