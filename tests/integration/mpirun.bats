# SPDX-License-Identifier: BSD-3-Clause
# mpirun.bats - mpirun, mpiexec and srun that start `davit run`

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
mpi=$DAVIT_WORK/mpi
# shellcheck source=/dev/null
suite=$(. /etc/os-release; echo "$VERSION_CODENAME")
image=${DAVIT_MPI_IMAGES:-/var/cache/davit/mpi}/$suite.sqfs

# More ranks than CPUs; no network but loopback. Open MPI 4, and 5.
openmpi=(env OMPI_MCA_rmaps_base_oversubscribe=1 PRTE_MCA_rmaps_default_mapping_policy=:oversubscribe
    OMPI_MCA_btl_tcp_if_include=lo OMPI_MCA_oob_tcp_if_include=lo
    mpirun.openmpi)
mpich=(mpiexec.hydra)

# What a rank has that all in one container share; one word.
where='echo in:$(readlink /proc/self/ns/user):$(readlink /proc/self/ns/mnt)'

setup_file() {
	"$DAVIT_TESTS/mpi-images" prepare >&2
	mkdir -p "$mpi"
	cat >"$mpi/ring.c" <<-'END'
	#include <mpi.h>
	#include <stdio.h>
	#include <stdlib.h>
	#define COUNT (1 << 18)

	int main(int argc, char **argv)
	{
		int rank, size, *data = calloc(COUNT, sizeof(*data));

		if (!data || MPI_Init(&argc, &argv) != MPI_SUCCESS)
			return 1;
		MPI_Comm_rank(MPI_COMM_WORLD, &rank);
		MPI_Comm_size(MPI_COMM_WORLD, &size);
		if (rank > 0)
			MPI_Recv(data, COUNT, MPI_INT, rank - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
		for (int i = 0; i < COUNT; i++)
			data[i]++;
		MPI_Send(data, COUNT, MPI_INT, (rank + 1) % size, 0, MPI_COMM_WORLD);
		if (rank == 0) {
			MPI_Recv(data, COUNT, MPI_INT, size - 1, 0, MPI_COMM_WORLD, MPI_STATUS_IGNORE);
			printf("ring of %d: %d %d\n", size, data[0], data[COUNT - 1]);
		}
		return MPI_Finalize();
	}
	END
	sed -i 's/^\t//' "$mpi/ring.c"
	mpicc.openmpi -O1 -o "$mpi/ring.openmpi" "$mpi/ring.c"
	mpicc.mpich -O1 -o "$mpi/ring.mpich" "$mpi/ring.c"
}

# Ranks stay until $1 of them are there: numbers of namespaces are given anew.
together() {
	echo "$where; : >/tmp/in.\$\$; until set -- /tmp/in.*; [ \$# -ge $1 ]; do sleep 0.05; done"
}

# The containers in which the ranks have been, as often as there were ranks in them: "1 3"
containers() {
	rm -f /tmp/in.*
	grep -o 'in:[^ ]*' <<<"$output" | sort | uniq -c | awk '{ print $1 }' | sort -n | xargs
}

meetings() { pgrep -x davit-meeting || true; }
count_of() { pgrep -cx "$1" || true; }
counts() { [[ $(count_of "$1") == "$2" ]]; }

# The abstract name at which the ranks meet. The network is not this test's alone.
meeting_name() {
	local inode

	for inode in $(readlink "/proc/$(meetings)"/fd/* | grep -o '[0-9]*'); do
		awk -v inode="$inode" '$7 == inode && $8 ~ /^@davit/ { print substr($8, 2) }' /proc/net/unix
	done | head -n 1
}
no_meeting() { [[ ! $(meetings) ]]; }

# What ranks do until the test says so.
wait='until [ -e /tmp/go ]; do sleep 0.05; done'
go() { touch /tmp/go; finish; rm /tmp/go; }

# A launcher that starts rank 0 or 1 of two for each order "RANK WORD...": a daemon that stays the
# same while ranks come and go.
launcher_begin() {
	mkfifo -m 644 /tmp/orders
	begin bash -c 'while read -r rank words; do
	        env OMPI_COMM_WORLD_LOCAL_SIZE=2 OMPI_COMM_WORLD_RANK=$rank \
	            OMPI_COMM_WORLD_LOCAL_RANK=$rank $words </dev/null &
	    done </tmp/orders; wait'
	exec {orders}>/tmp/orders
	rm /tmp/orders
}
order() { echo "$@" >&"$orders"; }
launcher_finish() { exec {orders}>&-; finish; }

# Starts a launcher that has had a meeting at $name, which is free again.
launcher_warm_up() {
	launcher_begin
	order 0 "$DAVIT" run "$SMALL" /bin/sleep 30
	await meeting_name_is_known
	name=$(meeting_name)
	await pgrep -u alice -x sleep
	kill "$(pgrep -u alice -x sleep)"
	await no_meeting
}
meeting_name_is_known() { [[ $(meeting_name) ]]; }
rank_script() { printf '#!/bin/sh\n%s\n' "$1" >/home/alice/rank; chmod 755 /home/alice/rank; }

teardown() {
	rm -rf /tmp/go /tmp/in.* /tmp/orders /home/alice/rank /home/alice/saved.sqfs
	rm -rf /tmp/ompi.* /tmp/prterun.* /tmp/prted.*    # left by mpirun where it is ended
	leftovers_assert
}

@test 'one container for the ranks of a node, one image server' {
	for launcher in openmpi mpich; do
		declare -n command=$launcher
		begin "${command[@]}" -n 4 "$DAVIT" run "$SMALL" sh -c "$where; $wait"
		await_output in: 4
		# on a busy machine pgrep overlooks one at times
		await counts davit-image 1
		await counts davit-meeting 1
		go
		assert_success
		assert_equal "$(containers)" 4
	done
}

@test 'srun without the option: one container on each node' {
	run_srun -N2 -n5 --ntasks-per-node=4 --overcommit -m plane=4 "$DAVIT" run "$SMALL" sh -c "$(together 5)"
	assert_success
	assert_equal "$(containers)" '1 4'
}

@test 'in an allocation: one container for each daemon, and none for who is alone' {
	run_alice salloc -N1 -n4 "${openmpi[@]}" -n 4 "$DAVIT" run "$SMALL" sh -c "$(together 4)"
	assert_status 0
	assert_equal "$(containers)" 4
	# shellcheck disable=SC2034 # by its name, below
	local openmpi2=("${openmpi[@]}" --map-by ppr:2:node:oversubscribe)
	for launcher in openmpi2 mpich; do
		declare -n command=$launcher
		run_alice salloc -N2 -n4 --ntasks-per-node=2 "${command[@]}" -n 4 \
		    "$DAVIT" run "$SMALL" sh -c "$(together 4)"
		assert_status 0
		assert_equal "$(containers)" '2 2'
	done
	run_sbatch -N1 -n4 --wrap "${mpich[*]} -n 4 $DAVIT run $SMALL sh -c '$(together 4)'"
	assert_equal "$(containers)" 4
}

@test 'MPI works, with nothing to configure' {
	for options in '' --clean-env --unshare=pid --writable; do
		# shellcheck disable=SC2086 # none is no word
		run_alice "${openmpi[@]}" -n 4 "$DAVIT" run $options --mounts="$mpi:/mpi" "$image" \
		    /mpi/ring.openmpi
		assert_success
		assert_output 'ring of 4: 4 4'
		# shellcheck disable=SC2086
		run_alice "${mpich[@]}" -n 4 "$DAVIT" run $options --mounts="$mpi:/mpi" "$image" \
		    /mpi/ring.mpich
		assert_success
		assert_output 'ring of 4: 4 4'
	done
}

@test 'MPI works where TMPDIR is nowhere in the image' {
	mkdir -m 1777 "$DAVIT_WORK/scratch"
	run_alice env TMPDIR="$DAVIT_WORK/scratch" "${openmpi[@]}" -n 4 "$DAVIT" run \
	    --mounts="$mpi:/mpi" "$image" /mpi/ring.openmpi
	rm -rf "$DAVIT_WORK/scratch"
	assert_success
	assert_output 'ring of 4: 4 4'
}

# The nodes of the cluster are one host, and MPI sees that: by TCP, as if they were two.
@test 'MPI works from daemon to daemon' {
	run_alice env OMPI_MCA_btl=tcp,self salloc -N2 -n4 --ntasks-per-node=2 "${openmpi[@]}" \
	    --map-by ppr:2:node:oversubscribe -n 4 "$DAVIT" run --mounts="$mpi:/mpi" "$image" /mpi/ring.openmpi
	assert_status 0
	assert_match 'ring of 4: 4 4'
}

@test 'a rank reaches the memory of the others' {
	for launcher in openmpi mpich; do
		declare -n command=$launcher
		run_alice "${command[@]}" -n 4 "$DAVIT" run "$SMALL" sh -c 'SLURM_JOB_ID=1 SLURM_STEP_ID=1 \
		    SLURM_NODEID=0 SLURM_LOCALID=${OMPI_COMM_WORLD_LOCAL_RANK:-$MPI_LOCALRANKID} \
		    exec /opt/test/cma 4'
		assert_success
		assert_equal "$(sort <<<"$output" | xargs)" \
		    'rank 0 read 4 rank 1 read 4 rank 2 read 4 rank 3 read 4'
	done
}

@test 'Open MPI 4 takes the short way through memory' {
	[[ $suite == bookworm ]] || return 0    # there it refuses to go on without, see below
	local cma=(env OMPI_MCA_btl_vader_single_copy_mechanism=cma)

	run_alice "${cma[@]}" "${openmpi[@]}" -n 4 "$DAVIT" run --mounts="$mpi:/mpi" "$image" \
	    /mpi/ring.openmpi
	assert_success
	assert_output 'ring of 4: 4 4'
	# two options, two containers
	run_alice "${cma[@]}" "${openmpi[@]}" \
	    -n 1 "$DAVIT" run --mounts="$mpi:/mpi" "$image" /mpi/ring.openmpi : \
	    -n 1 "$DAVIT" run --mounts="$mpi:/mpi" --env=OTHER=1 "$image" /mpi/ring.openmpi
	((status != 0))
	assert_stderr 'vader BTL is aborting the MPI job'
}

@test 'several programs, several images' {
	run_alice "${mpich[@]}" -n 2 "$DAVIT" run "$SMALL" sh -c "cat /etc/image; $(together 5)" : \
	    -n 1 "$DAVIT" run "$SMALL" sh -c "$(together 5)" : \
	    -n 2 "$DAVIT" run "$GLIBC" bash -c "cat /etc/image; $(together 5)"
	assert_success
	assert_equal "$(containers)" '2 3'
	assert_equal "$(grep -c small <<<"$output") $(grep -c glibc <<<"$output")" '2 2'
}

@test 'what is not the same is not shared' {
	for options in --env=A=1 --writable --mounts=/usr:/data --remap-root; do
		run_alice "${mpich[@]}" -n 2 "$DAVIT" run "$SMALL" sh -c "$(together 4)" : \
		    -n 2 "$DAVIT" run "$options" "$SMALL" sh -c "$(together 4)"
		assert_success
		assert_equal "$(containers)" '2 2'
	done
	run_alice "${mpich[@]}" -n 2 "$DAVIT" run "$SMALL" sh -c "$(together 4)" : \
	    -n 2 sh -c "cd /tmp; $DAVIT run $SMALL sh -c '$(together 4)'"
	assert_success
	assert_equal "$(containers)" '2 2'
	# two runs at once
	run_alice sh -c "for i in 1 2; do mpiexec.hydra -n 2 $DAVIT run $SMALL sh -c '$(together 4)' & done; wait"
	assert_success
	assert_equal "$(containers)" '2 2'
}

@test 'what is written is there for all ranks' {
	run_alice "${mpich[@]}" -n 3 "$DAVIT" run --writable "$SMALL" sh -c \
	    '>/data/r$PMI_RANK; until [ -e /data/r0 ] && [ -e /data/r1 ] && [ -e /data/r2 ]; do sleep 0.1; done'
	assert_success
}

@test 'a PID namespace is shared' {
	run_alice "${mpich[@]}" -n 3 "$DAVIT" run --unshare=pid "$SMALL" sh -c "$(together 3); readlink /proc/self/ns/pid"
	assert_success
	assert_equal "$(containers)" 3
	assert_equal "$(grep -c ^pid: <<<"$output") $(grep ^pid: <<<"$output" | sort -u | wc -l)" '3 1'
}

@test 'who saves the container has it alone' {
	run_alice "${mpich[@]}" -n 2 "$DAVIT" run --save=/home/alice/saved.sqfs "$SMALL" sh -c "$(together 2)"
	assert_status 0
	assert_equal "$(containers)" '1 1'
	[[ -s /home/alice/saved.sqfs ]] || complain 'nothing saved'
}

@test 'scripts between mpirun and davit run' {
	rank_script "$(together 4)"
	for launcher in openmpi mpich; do
		declare -n command=$launcher
		run_alice "${command[@]}" -n 4 sh -c "sh -c '$DAVIT run $SMALL /home/alice/rank; true'; true"
		assert_success
		assert_equal "$(containers)" 4
	done
}

@test 'errors are told once' {
	local launchers='openmpi mpich'

	# mpirun of Debian 13 hangs now and then when several ranks fail, without Davit, too
	[[ $suite == bookworm ]] || launchers=mpich
	for launcher in $launchers; do
		declare -n command=$launcher
		run_alice "${command[@]}" -n 4 "$DAVIT" run /no/such.sqfs true
		assert_status 125
		assert_failure "$host" "no image '/no/such.sqfs' on this node" '*'
		run_alice "${command[@]}" -n 4 "$DAVIT" run "$SMALL" no-such-command
		assert_status 127
		assert_failure "$host" "command 'no-such-command' not found in the container*" '*'
		run_alice "${command[@]}" -n 4 "$DAVIT" run --float "$SMALL" true
		assert_status 125
		assert_failure "$host" "unknown option '--float'" 'davit run --help'
	done
	# ranks that go on when one has failed, and come one after the other
	run_srun -N1 -n4 bash -c "sleep 0.\$SLURM_PROCID; $DAVIT run /no/such.sqfs true"
	assert_status 125
	assert_failure 'n?' "no image '/no/such.sqfs' on this node" '*'
}

@test 'davit run alone: nobody to meet' {
	begin "$DAVIT" run "$SMALL" sh -c "echo up; $wait"
	await_output up
	assert_equal "$(count_of davit-meeting)" 0
	go
	begin "${mpich[@]}" -n 1 "$DAVIT" run "$SMALL" sh -c "echo up; $wait"
	await_output up
	assert_equal "$(count_of davit-meeting)" 0
	go
	assert_success
}

@test 'ranks that come late, or again' {
	rank_script "$where"
	launcher_begin
	order 0 "$DAVIT" run "$SMALL" /home/alice/rank
	await_output in:
	await no_meeting
	order 1 "$DAVIT" run "$SMALL" /home/alice/rank
	await_output in: 2
	order 1 "$DAVIT" run "$SMALL" /bin/sh -c "$where"
	launcher_finish
	assert_success
	assert_match 'in:.*in:'
}

@test 'kill -9 of the meeting: the ranks go on, others meet anew' {
	begin "${mpich[@]}" -n 2 "$DAVIT" run "$SMALL" sh -c "$where; $wait"
	await_output in: 2
	kill -KILL "$(meetings)"
	go
	assert_success
	assert_equal "$(containers)" 2
	launcher_begin
	order 0 "$DAVIT" run "$SMALL" /bin/sleep 1
	await pgrep -u alice -x sleep
	kill -KILL "$(meetings)"
	order 1 "$DAVIT" run "$SMALL" /bin/cat /etc/image
	await_output small
	launcher_finish
	assert_success
}

@test 'kill -9 of the first rank: the others go on' {
	launcher_begin
	order 0 "$DAVIT" run "$SMALL" /bin/sleep 30
	await pgrep -u alice -x sleep
	order 1 "$DAVIT" run "$SMALL" /bin/cat /etc/image
	await_output small
	kill -KILL "$(pgrep -u alice -x sleep)"
	order 1 "$DAVIT" run "$SMALL" /bin/cat /etc/image
	await_output small 2
	launcher_finish
	assert_success
}

@test 'kill -9 of mpirun leaves nothing' {
	for launcher in openmpi mpich; do
		declare -n command=$launcher
		begin "${command[@]}" -n 3 "$DAVIT" run "$SMALL" sh -c "$where; exec sleep 30"
		await_output in: 3
		kill -KILL $(pgrep -u alice -x 'mpirun.*|prterun|mpiexec.*|hydra_pmi_proxy')
		finish
		await no_meeting
		# what is left are ranks, which Slurm would end
		pkill -KILL -u alice -x sleep || true
	done
}

@test 'kill -9 of a launcher, or the meeting, at any moment: nobody hangs' {
	local i

	for i in {0..24}; do
		"$programs/snipe" "$( ((i % 2)) && echo davit || echo davit-meeting)" $((i * i * 20)) 3>&- &
		LIMIT=20 run_alice "${mpich[@]}" -n 4 "$DAVIT" run "$SMALL" cat /etc/image
		wait $! || true
		[[ $status != 124 && $status != 137 ]] || complain 'hangs'
		((status != 0)) || assert_output $'small\nsmall\nsmall\nsmall'
	done
}

@test 'somebody else at the name: no hang, no foreign hands, and it is told' {
	local name who how

	rank_script "$(together 2)"
	for how in 'bob silent' 'bob deaf' 'bob host' 'alice silent' 'alice host'; do
		launcher_warm_up
		who=${how% *} how=${how#* }
		rm -f "$BATS_TEST_TMPDIR"/squat*
		for i in 0 1 2; do
			as "$who" "$programs/squat" "$how" "${name%?}$i" >"$BATS_TEST_TMPDIR/squat$i" 2>&1 &
			await grep -q here "$BATS_TEST_TMPDIR/squat$i"
		done
		order 0 "$DAVIT" run "$SMALL" /home/alice/rank
		order 1 "$DAVIT" run "$SMALL" /home/alice/rank
		await_output in: 2
		pkill -KILL -x squat
		launcher_finish
		assert_equal "$(containers)" '1 1'
		assert_failure "$host" "the ranks cannot meet, so each has a container of its own: somebody else holds the socket '@davit.*'" '*'
	done
}

@test 'somebody else at one name: the ranks take another' {
	local name

	launcher_warm_up
	as bob "$programs/squat" host "$name" >"$BATS_TEST_TMPDIR/squat" 2>&1 &
	await grep -q here "$BATS_TEST_TMPDIR/squat"
	order 0 "$DAVIT" run "$SMALL" /bin/sh -c 'readlink${IFS}/proc/self/ns/mnt;exec${IFS}sleep${IFS}30'
	await_output mnt:
	order 1 "$DAVIT" run "$SMALL" /bin/readlink /proc/self/ns/mnt
	await_output mnt: 2
	pkill -KILL -x squat
	kill "$(pgrep -u alice -x sleep)"
	launcher_finish
	assert_no_davit_line
	assert_equal "$(sort -u <<<"$output" | wc -l)" 1
}

@test 'who is in a container, or another user, is not let in' {
	local name

	begin "${mpich[@]}" -n 2 "$DAVIT" run "$SMALL" sh -c "$where; $wait"
	await_output in: 2
	name=$(meeting_name)
	run_alice "$programs/squat" guest "$name"
	assert_output 'given 3'    # so the next ones are able to fail
	run_davit "$SMALL" /opt/test/squat guest "$name"
	assert_output 'given 0'
	capture as bob "$programs/squat" guest "$name"
	assert_output 'given 0'
	go
	assert_success
	assert_equal "$(containers)" 2
}
