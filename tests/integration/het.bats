# SPDX-License-Identifier: BSD-3-Clause
# het.bats - heterogeneous jobs and steps: each component has its own container

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

# Which rank runs where; the script must be in reach of containers and node.
where='echo $SLURM_PROCID $(cat /etc/image 2>/dev/null || echo node)'
setup() {
	leftovers_note
	printf '#!/bin/sh\n%s "$@"\n' "$where" >/home/alice/where
	chmod 755 /home/alice/where
}

teardown() {
	rm -f /home/alice/{job,where,over} /home/alice/slurm-*.out /home/alice/out.*
	leftovers_assert
}

job_script() { cat >/home/alice/job; chmod 755 /home/alice/job; }

# The ranks in order of their numbers, after a step that went well.
ranks_are() {
	assert_success
	assert_equal "$(sort -n <<<"$output")" "$1"
}

# ---- steps ---------------------------------------------------------------

@test 'each component in its own image' {
	run_srun -n1 --container="$SMALL" sh where : -n2 --container="$OTHER" sh where
	ranks_are $'0 small\n1 other\n2 other'
	run_srun -n1 --container-image="$OTHER" sh where : -n1 --container-image="$SMALL" sh where
	ranks_are $'0 other\n1 small'
}

@test 'all components in one image' {
	run_srun -n1 --container="$SMALL" sh where : -n1 --container="$SMALL" sh where
	ranks_are $'0 small\n1 small'
}

@test 'a component without a container runs on the node' {
	run_srun -n1 --container="$SMALL" sh where : -n1 sh where
	ranks_are $'0 small\n1 node'
	run_srun -n1 sh where : -n1 --container="$SMALL" sh where
	ranks_are $'0 node\n1 small'
	run_srun -n1 --container-image="$SMALL" sh where : -n1 sh where
	ranks_are $'0 small\n1 node'
	run_srun -n1 sh where : -n1 sh where
	ranks_are $'0 node\n1 node'
}

# Slurm believes the second to be in the container of the first, and makes a
# line for a shell of its command.
@test 'the command of such a component arrives as it was' {
	run_srun -n1 --container="$SMALL" sh where "a'b  \$c" : -n1 sh where "a'b  \$c" '"'
	ranks_are $'0 small a\'b  $c\n1 node a\'b  $c "'
	run_srun -n1 --container="$SMALL" true : -n1 sh -c 'exit 7'
	assert_status 7
}

@test 'each component has its own options' {
	run_srun -n1 --container-image="$SMALL" --container-workdir=/data sh -c 'echo 0 $SHAPE; echo 0 $PWD' : \
	    -n1 --container-image="$SMALL" --container-env=SHAPE=round sh -c 'echo 1 $SHAPE; echo 1 $PWD'
	ranks_are $'0\n0 /data\n1 /home/alice\n1 round'
	run_srun -n1 --container="$SMALL" cat /data/file : \
	    -n1 --container="$SMALL" --container-mounts=/home/alice/where:/data/file sh /data/file
	assert_success
	assert_equal "$(sort <<<"$output")" $'1 small\nfrom the image'
}

@test 'an option and its opposite in two components' {
	local write='touch /written 2>/dev/null && echo $SLURM_PROCID writes || echo $SLURM_PROCID reads'

	run_srun -n1 --container="$SMALL" --container-writable sh -c "$write" : \
	    -n1 --container="$SMALL" --container-readonly sh -c "$write"
	ranks_are $'0 writes\n1 reads'
	run_srun -n1 --container="$SMALL" --container-writable sh -c "$write" : \
	    -n1 --container="$SMALL" sh -c "$write"
	ranks_are $'0 writes\n1 reads'
}

@test 'what a command is told after ":" is not for Davit' {
	run_srun -n1 --container="$SMALL" sh where --container=x : -n1 --container="$OTHER" sh where --container y
	ranks_are $'0 small --container=x\n1 other --container y'
}

@test 'variables are for components that say nothing' {
	run_alice env DAVIT_CONTAINER_IMAGE="$SMALL" srun -n1 sh where : -n1 --container="$OTHER" sh where
	ranks_are $'0 small\n1 other'
	run_alice env SLURM_CONTAINER="$SMALL" srun -n1 --container-image="$OTHER" sh where : -n1 sh where
	ranks_are $'0 other\n1 small'
	run_alice env SRUN_CONTAINER="$SMALL" srun -n1 --container="$OTHER" sh where : -n1 sh where
	ranks_are $'0 other\n1 small'
	run_alice env SRUN_CONTAINER_HET_GROUP_0="$SMALL" SRUN_CONTAINER_HET_GROUP_1="$OTHER" \
	    srun -n1 sh where : -n1 sh where
	ranks_are $'0 small\n1 other'
}

@test '--export of each component' {
	run_srun -n1 --export=NONE --container-image="$SMALL" /bin/sh /home/alice/where : \
	    -n1 --export=NONE --container="$OTHER" /bin/sh /home/alice/where
	ranks_are $'0 small\n1 other'
	run_srun -n1 --export=ALL,DAVIT_CONTAINER_IMAGE="$SMALL" sh where : \
	    -n1 --export=ALL,DAVIT_CONTAINER_IMAGE="$OTHER" sh where
	ranks_are $'0 small\n1 other'
}

@test 'nothing of the other components shows in the environment' {
	run_srun -n1 --container="$SMALL" --container-workdir=/data sh -c 'env | grep -E "other|COMPONENTS|SPANK"; :' : \
	    -n1 --container-image="$OTHER" --container-env=A=b sh -c 'env | grep -E "small|COMPONENTS|SPANK"; :'
	assert_success
	assert_output ''
	run_srun -n1 --container="$SMALL" --container-workdir=/data true : \
	    -n1 sh -c 'env | grep -E "small|COMPONENTS|SPANK|DAVIT"; :'
	assert_success
	assert_output ''
}

# ---- allocations ---------------------------------------------------------

@test 'components within one allocation' {
	run_alice salloc -Q -N2 -n2 srun -N1 -n1 --container="$SMALL" sh where : -N1 -n1 --container="$OTHER" sh where
	ranks_are $'0 small\n1 other'
	run_alice salloc -Q -N2 -n2 srun -N1 -n1 --container="$SMALL" sh where "'" : -N1 -n1 sh where "'"
	ranks_are $'0 small \'\n1 node \''
}

@test 'components of a job by --het-group, in any order' {
	run_alice salloc -Q -n1 : -n1 srun --het-group=0 --container="$SMALL" sh where : --het-group=1 --container="$OTHER" sh where
	ranks_are $'0 small\n1 other'
	run_alice salloc -Q -n1 : -n1 srun --het-group=1 --container="$SMALL" sh where : --het-group=0 --container="$OTHER" sh where
	ranks_are $'0 other\n1 small'
	run_alice salloc -Q -n1 : -n1 srun --het-group=1 --container="$SMALL" sh where : --het-group 0 sh where
	ranks_are $'0 node\n1 small'
	run_alice salloc -Q -n1 : -n1 srun --het-group=0,1 --container="$SMALL" sh where
	ranks_are $'0 small\n1 small'
	run_alice salloc -Q -n1 : -n1 srun --het-group=1 --container="$SMALL" sh where
	ranks_are '0 small'
}

@test 'components inherit what the allocation asked for' {
	run_alice salloc -Q -n1 --container-image="$SMALL" --container-workdir=/data : -n1 \
	    srun --het-group=0 sh -c "$where; pwd" : --het-group=1 --container="$OTHER" --container-workdir=/ sh -c "$where; pwd"
	assert_success
	assert_equal "$(sort <<<"$output")" $'/\n/data\n0 small\n1 other'
}

@test 'a heterogeneous batch job' {
	job_script <<-END
	#!/bin/bash
	#SBATCH -n1
	#SBATCH hetjob
	#SBATCH -n1
	srun --het-group=0,1 --container=$SMALL sh where all
	srun --het-group=0 --container=$OTHER sh where apart : --het-group=1 --container=$SMALL sh where apart
	srun --het-group=1 --container=$OTHER sh where one
	END
	run_sbatch job
	assert_equal "$(sort <<<"$output")" \
	    $'0 other apart\n0 other one\n0 small all\n1 small all\n1 small apart'
}

@test 'a heterogeneous batch job, its script in a container' {
	job_script <<-'END'
	#!/bin/sh
	cat /etc/image
	srun --het-group=0 sh where : --het-group=1 --container-image="$OTHER" sh where
	END
	run_sbatch --export=ALL,OTHER="$OTHER" -n1 --container="$SMALL" --container-slurm : -n1 job
	assert_equal "$(sort <<<"$output")" $'0 small\n1 other\nsmall'
}

@test 'a step in a component' {
	run_alice salloc -Q -n1 : -n1 srun --het-group=0 --container="$SMALL" sh where : \
	    --het-group=1 --container="$OTHER" --container-slurm \
	    srun -n1 --overlap --het-group=1 sh where nested
	ranks_are $'0 other nested\n0 small'
}

# ---- what is refused -----------------------------------------------------

@test 'a mistake in any component is refused' {
	run_srun -n1 --container="$SMALL" true : -n1 --container="$SMALL" --container-image="$OTHER" true
	assert_refused srun "--container='$SMALL' and --container-image='$OTHER' contradict each other" 'one of the two'
	run_srun -n1 --container="$SMALL" true : -n1 --container-workdir=/ true
	assert_refused srun '--container-workdir without an image' '--container=FILE as well'
	run_srun -n1 --container="$SMALL" true : -n1 --container= true
	assert_refused srun '--container: empty image path' 'the path of an image'
	run_srun -n1 --container="$SMALL" true : -n1 --container="$OTHER" --container-workdir=data true
	assert_refused srun "--container-workdir: 'data' is not an absolute path" 'the path of a directory inside the container'
	run_srun -n1 --container="$SMALL" true : -n1 --container="$OTHER" --container-env=A=$'\037' true
	assert_refused srun "a container option has a control character: 'env=A=" 'a srun for each component'
}

@test 'an image that one component lacks' {
	run_srun -n1 --container="$SMALL" sh where : -n1 --container=/no/such.sqfs echo alive
	assert_status 125
	assert_failure 'n?' "no image '/no/such.sqfs' on this node" '*'
	[[ $output != *alive* ]] || complain 'it ran on the node'
}

@test 'sbatch and salloc with containers of later components' {
	local cause='a component of the job but the first asks for another container'
	local remedy='the options of the first alone; or give them to each srun in the job'

	run_alice salloc -n1 --container="$SMALL" : -n1 --container="$OTHER" true
	assert_refused salloc "$cause" "$remedy"
	run_alice salloc -n1 : -n1 --container="$OTHER" true
	assert_refused salloc "$cause" "$remedy"
	job_script <<-END
	#!/bin/bash
	#SBATCH -n1 --container-image=$SMALL
	#SBATCH hetjob
	#SBATCH -n1 --container-image=$OTHER
	echo alive
	END
	run_alice sbatch job
	assert_refused sbatch "$cause" "$remedy"
	run_alice salloc -Q -n1 --container="$SMALL" : -n1 --container="$SMALL" srun --het-group=1 sh where
	ranks_are '0 small'
}

# Without the variables of a job's own shell nothing tells the components apart.
@test 'a step of another shell in a heterogeneous job' {
	begin salloc -Q -n1 : -n1 sh -c 'echo up; while [ ! -e over ]; do sleep 0.1; done'
	await_output up
	job=$(squeue -h -o %i | sed -n 's/+0$//p')
	run_srun --jobid="$job" --overlap --het-group=0 --container="$SMALL" echo alive : \
	    --het-group=1 --container="$OTHER" echo alive
	assert_status 125
	assert_stderr 'davit: [^ ]*: cannot tell which component of the heterogeneous step this is'
	assert_stderr 'davit: [^ ]*: try: a srun for each component'
	[[ $output != *alive* ]] || complain 'it ran'
	run_srun --jobid="$job" --overlap --het-group=0,1 --container="$SMALL" sh where
	ranks_are $'0 small\n1 small'
	run_srun --jobid="$job" --overlap --het-group=0,1 sh where
	ranks_are $'0 node\n1 node'
	touch /home/alice/over
	finish
}

# ---- MPI, named containers -----------------------------------------------

@test '--mpi=pmi2 over components' {
	run_srun -n1 --mpi=pmi2 --container="$SMALL" sh -c 'echo $PMI_RANK of $PMI_SIZE' : \
	    -n2 --container="$OTHER" sh -c 'echo $PMI_RANK of $PMI_SIZE'
	ranks_are $'0 of 3\n1 of 3\n2 of 3'
}

# Where both components end at once, srun 22.05 may wait for ever: each joins the one thread of mpi_pmix's that
# waits for an abort (pmixp_abort_agent_stop).
@test '--mpi=pmix over components' {
	run_srun -n1 --mpi=pmix --container="$SMALL" sh -c 'echo $PMIX_RANK; ls -d "$PMIX_SERVER_TMPDIR" >/dev/null' : \
	    -n2 --container="$OTHER" sh -c 'echo $PMIX_RANK; ls -d "$PMIX_SERVER_TMPDIR" >/dev/null && sleep 1'
	ranks_are $'0\n1\n2'
}

@test 'named containers of components go with the job' {
	run_alice salloc -Q -n1 : -n1 sh -c "
		srun --het-group=0 --container=$SMALL --container-name=a touch /one : \
		    --het-group=1 --container=$OTHER --container-name=b touch /two
		srun --het-group=0 --container-name=a sh -c 'ls /one' : --het-group=1 --container-name=b sh -c 'ls /two'"
	assert_success
	assert_equal "$(sort <<<"$output")" $'/one\n/two'
	await job_none
}

# What is kept bears the job id that the ranks see, which is the first component's.
@test 'the epilog of each component knows what it kept' {
	begin salloc -Q -n1 : -n1 sh -c "
		srun --het-group=1 --container=$SMALL --container-name=a true
		echo \$SLURM_JOB_ID_HET_GROUP_0 \$SLURM_JOB_ID_HET_GROUP_1; while [ ! -e over ]; do sleep 0.1; done"
	await_output '^[0-9]* [0-9]*$'
	read -r first second <"$BATS_TEST_TMPDIR/begun.out"
	assert_equal "$(cat "/run/davit/$second")" "$first"
	touch /home/alice/over
	finish
	await job_none
	[[ ! -e /run/davit/$second ]] || complain 'the note is still there'
}
