# SPDX-License-Identifier: BSD-3-Clause
# mpi.bats - MPI between containers: which libraries work with which PMI, and
# what is said of those that cannot

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/mpi.bash"

state=$DAVIT_WORK/cluster-mpi

setup_file() {
	mpi_build
	mpi_cluster "$state"
}

teardown_file() { "$DAVIT_CLUSTER_TOOL" stop --state "$state"; }

# Image, library and PMI work together, by both names of the option.
works() {
	local image=$1 mpi=$2 pmi=$3

	run_mpi "$image" "$mpi" "$pmi" -N2 -n8
	assert_ranks 8 4
	assert_quiet
	mpi_option=--container-image run_mpi "$image" "$mpi" "$pmi" -N2 -n8
	assert_ranks 8 4
	assert_quiet
}

@test 'Debian 12, Open MPI 4.1, PMIx' { works bookworm openmpi pmix; }
@test 'Debian 13, Open MPI 5.0, PMIx' { works trixie openmpi pmix; }
@test 'Debian 12, MPICH 4.0, PMI-2' { works bookworm mpich pmi2; }
@test 'Debian 13, MPICH 4.2, PMI-2' { works trixie mpich pmi2; }

@test 'musl: a static program and PMI' {
	run_srun --mpi=pmi2 -N2 -n4 --container="$SMALL" --container-mounts="$mpi_app:/app:ro" /app/pmi
	assert_success
	assert_quiet
	assert_equal "$(sort <<<"$output")" \
	    $'rank 0 of 4 got 1\nrank 1 of 4 got 2\nrank 2 of 4 got 3\nrank 3 of 4 got 0'
}

# ---- what cannot work ----------------------------------------------------

# Library $1 wants $2 and the step has $3; remedy --mpi=$4. In both images, and
# said once for the step.
cannot() {
	local image

	for image in bookworm trixie; do
		run_mpi "$image" "$1" "${5-$4}" -N2 -n2
		assert_failure n1 \
		    "the 2 tasks of '/app/app.$1' cannot find each other: its $2, the step has $3" \
		    "srun --mpi=$4"
	done
}

@test 'Open MPI without a PMI' { cannot openmpi 'Open MPI (libmpi.so.40) wants PMIx' none pmix none; }
@test 'Open MPI and PMI-2' { cannot openmpi 'Open MPI (libmpi.so.40) wants PMIx' PMI-2 pmix pmi2; }
@test 'MPICH without a PMI' { cannot mpich 'MPICH (libmpich.so.12) wants PMI-2' none pmi2 none; }
@test 'MPICH and PMIx' { cannot mpich 'MPICH (libmpich.so.12) wants PMI-2' PMIx pmi2 pmix; }

@test 'the advice finds the program by PATH and from the working directory' {
	local command

	for command in app.mpich ./app.mpich; do
		run_srun --mpi=none -n2 --container="$mpi_images/bookworm.sqfs" \
		    --container-mounts="$mpi_app:/app:ro" --container-workdir=/app \
		    --container-env=PATH=/nowhere:/app $command
		assert_equal "$status" 0
		assert_match 'rank 0 of 1'
		assert_stderr "the 2 tasks of '/app/(\./)?app.mpich' cannot find each other: its MPICH"
	done
}

@test 'no advice for one task, nor for what is no MPI program' {
	run_mpi bookworm mpich none -n1
	assert_ranks 1 1
	assert_quiet
	run_srun --mpi=none -n2 --container="$mpi_images/bookworm.sqfs" true
	assert_success
	assert_quiet
	run_srun --mpi=none -n2 --container="$mpi_images/bookworm.sqfs" sh -c 'exit 0'
	assert_success
	assert_quiet
}

# A program that is linked with library $2, called $1, which is none.
fake_mpi() {
	mkdir -p "$mpi_app/old/openmpi"
	cc -shared -Wl,-soname,"$1" -o "$mpi_app/old/$2" -x c - <<<'int MPI_Init(void) { return 0; }'
	ln -sf "$2" "$mpi_app/old/$1"
	cc -o "$mpi_app/old/app" -x c - -x none "$mpi_app/old/$2" \
	    <<<'int MPI_Init(void); int main(void) { return MPI_Init(); }'
}

# No release of Open MPI that old is at hand: these have its file names only,
# which is what the advice goes by.
@test 'a client of PMIx that is too old for the server' {
	local version

	version=$(alice srun --mpi=pmix -n1 sh -c 'echo $PMIX_VERSION')
	run_old() {
		run_srun --mpi=pmix -n2 --container="$mpi_images/bookworm.sqfs" \
		    --container-mounts="$mpi_app:/app:ro" \
		    --container-env=LD_LIBRARY_PATH=/app/old /app/old/app
	}
	fake_mpi libmpi.so.20 libmpi.so.20.10.1
	run_old
	assert_failure 'n?' "the 2 tasks of '/app/old/app' cannot find each other: its Open MPI (libmpi.so.20) has a client of PMIx 1, too old for the server, $version" \
	    'an image with Open MPI 4 or newer'
	fake_mpi libmpi.so.40 libmpi.so.40.0.3
	run_old    # it may have been built with a newer PMIx
	assert_success
	assert_quiet
	touch "$mpi_app/old/openmpi/mca_pmix_pmix2x.so"
	run_old
	assert_failure 'n?' "the 2 tasks of '/app/old/app' cannot find each other: its Open MPI (libmpi.so.40) has a client of PMIx 2.0, too old for the server, $version" \
	    'an image with Open MPI 4 or newer'
	rm -r "$mpi_app/old"
}

@test 'Open MPI 4 with a component for PMI-2 needs no advice' {
	fake_mpi libmpi.so.40 libmpi.so.40.30.4
	touch "$mpi_app/old/openmpi/mca_pmix_s2.so"
	run_srun --mpi=pmi2 -n2 --container="$mpi_images/bookworm.sqfs" \
	    --container-mounts="$mpi_app:/app:ro" --container-env=LD_LIBRARY_PATH=/app/old /app/old/app
	assert_success
	assert_quiet
	rm "$mpi_app/old/openmpi/mca_pmix_s2.so"
	run_srun --mpi=pmi2 -n2 --container="$mpi_images/bookworm.sqfs" \
	    --container-mounts="$mpi_app:/app:ro" --container-env=LD_LIBRARY_PATH=/app/old /app/old/app
	assert_failure 'n?' "* its Open MPI (libmpi.so.40) wants PMIx, the step has PMI-2" 'srun --mpi=pmix'
	rm -r "$mpi_app/old"
}

# ---- launchers of MPI libraries ------------------------------------------

# The batch script is in a container, its mpirun starts its daemons by srun, and
# these are in containers, too.
mpirun_in_batch() {
	local image=$1

	shift
	run_sbatch -N2 --ntasks-per-node=2 --overcommit --container="$mpi_images/$image.sqfs" \
	    --container-mounts="$mpi_app:/app:ro" --container-slurm --wrap "
		export DAVIT_CONTAINER_IMAGE=$mpi_images/$image.sqfs
		export DAVIT_CONTAINER_MOUNTS=$mpi_app:/app:ro
		export OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
		timeout 15 $*"
	status=0 stderr=''
	assert_ranks 4 2
}

@test 'mpirun of Open MPI 4 in a container starts daemons by srun' {
	mpirun_in_batch bookworm mpirun.openmpi --oversubscribe -n 4 /app/app.openmpi
}

@test 'mpirun of Open MPI 5 (PRRTE) in a container starts daemons by srun' {
	mpirun_in_batch trixie mpirun.openmpi --map-by ppr:2:node:OVERSUBSCRIBE -n 4 /app/app.openmpi
}

@test 'mpiexec of MPICH (Hydra) in a container starts proxies by srun' {
	mpirun_in_batch trixie mpiexec.mpich -launcher slurm -n 4 /app/app.mpich
}
