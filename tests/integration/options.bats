# SPDX-License-Identifier: BSD-3-Clause
# options.bats - which image a step gets: options, variables, inheritance

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

which=(cat /etc/image)

@test '--container and --container-image mean the same' {
	run_srun --container="$SMALL" "${which[@]}"
	assert_success
	assert_output small
	run_srun --container-image="$SMALL" "${which[@]}"
	assert_success
	assert_output small
	run_srun --container="$SMALL" --container-image="$SMALL" "${which[@]}"
	assert_success
	assert_output small
}

@test '--container and --container-image that contradict each other are refused' {
	run_srun --container="$SMALL" --container-image="$OTHER" true
	assert_refused srun \
	    "--container='$SMALL' and --container-image='$OTHER' contradict each other" 'one of the two'
}

@test 'a relative path counts from the working directory' {
	cp "$SMALL" /home/alice/here.sqfs
	run_srun --container=here.sqfs "${which[@]}"
	assert_success
	assert_output small
	run_srun --container=./here.sqfs "${which[@]}"
	assert_success
	assert_output small
	rm /home/alice/here.sqfs
}

@test 'SRUN_CONTAINER' {
	run_alice env SRUN_CONTAINER="$SMALL" srun "${which[@]}"
	assert_success
	assert_output small
	run_alice env SRUN_CONTAINER="$SMALL" srun --container="$OTHER" "${which[@]}"
	assert_success
	assert_output other
}

@test 'SBATCH_CONTAINER' {
	job=$(alice env SBATCH_CONTAINER="$SMALL" sbatch --parsable -o /home/alice/o --wrap 'cat /etc/image')
	await job_over "$job"
	assert_equal "$(</home/alice/o)" small
	rm /home/alice/o
}

@test 'SALLOC_CONTAINER' {
	run_alice env SALLOC_CONTAINER="$SMALL" salloc -Q srun "${which[@]}"
	assert_success
	assert_output small
}

@test 'SLURM_CONTAINER is inherited by srun' {
	run_alice env SLURM_CONTAINER="$SMALL" srun "${which[@]}"
	assert_success
	assert_output small
	run_alice env SLURM_CONTAINER="$SMALL" srun --container="$OTHER" "${which[@]}"
	assert_success
	assert_output other
	run_alice env SLURM_CONTAINER="$SMALL" srun --container-image="$OTHER" "${which[@]}"
	assert_success
	assert_output other
}

@test 'an empty SLURM_CONTAINER asks for nothing' {
	run_alice env SLURM_CONTAINER= srun sh -c 'test -e /run/davit-test && echo host'
	assert_success
	assert_output host
}

@test 'an empty SLURM_CONTAINER given with --export does not lead to the node' {
	run_srun --export=ALL,SLURM_CONTAINER= --container="$SMALL" "${which[@]}"
	assert_success
	assert_output small
	run_srun --export=NONE,SLURM_CONTAINER= --container="$SMALL" "${which[@]}"
	assert_success
	assert_output small
}

@test 'salloc hands its image down, a nested srun may name another' {
	run_alice salloc -Q --container="$SMALL" bash -c \
	    "srun cat /etc/image; srun --container=$OTHER cat /etc/image; srun --container-image=$OTHER cat /etc/image; srun cat /etc/image"
	assert_success
	assert_output $'small\nother\nother\nsmall'
}

@test 'so with --container-image of salloc' {
	run_alice salloc -Q --container-image="$SMALL" bash -c \
	    "srun cat /etc/image; srun --container=$OTHER cat /etc/image; srun --container-image=$OTHER cat /etc/image"
	assert_success
	assert_output $'small\nother\nother'
}

@test 'a plain batch script: each srun has its own image, or none' {
	cat >/home/alice/job <<-END
	#!/bin/bash
	test -e /run/davit-test && echo host
	srun -n1 --container=$SMALL cat /etc/image
	srun -n1 --container=$OTHER cat /etc/image
	srun -n1 sh -c 'test -e /run/davit-test && echo host'
	END
	run_sbatch -n1 /home/alice/job
	assert_equal "$output" $'host\nsmall\nother\nhost'
	rm /home/alice/job
}

@test '--container in a #SBATCH line' {
	printf '#!/bin/sh\n#SBATCH --container=%s\ncat /etc/image\n' "$SMALL" >/home/alice/job
	run_sbatch /home/alice/job
	assert_equal "$output" small
	rm /home/alice/job
}

@test 'the other options need an image' {
	run_srun --container-workdir=/ true
	assert_refused srun '--container-workdir without an image' '--container=FILE as well'
	run_alice sbatch --container-mounts=/opt --wrap true
	assert_refused sbatch '--container-mounts without an image' '--container=FILE as well'
	run_alice salloc --container-mounts=/opt true
	assert_refused salloc '--container-mounts without an image' '--container=FILE as well'
}

@test '--container-workdir' {
	run_srun --container="$SMALL" --container-workdir=/data sh -c 'pwd; ls'
	assert_success
	assert_output $'/data\nfile'
	run_srun -n2 --container="$SMALL" --container-workdir=/opt/test pwd
	assert_output $'/opt/test\n/opt/test'
}

@test '--container-workdir that is not absolute is refused at once' {
	run_srun --container="$SMALL" --container-workdir=data true
	assert_refused srun "--container-workdir: 'data' is not an absolute path" \
	    'the path of a directory inside the container'
}

@test 'bad option syntax is refused by srun, sbatch and salloc before there is a job' {
	local before command bad cause

	before=$(last_job)
	while IFS='|' read -r bad cause; do
		for command in srun sbatch salloc; do
			if [[ $command == sbatch ]]; then
				run_alice sbatch --container="$SMALL" "$bad" --wrap true
			else
				run_alice $command --container="$SMALL" "$bad" true
			fi
			assert_refused $command "$cause"
		done
	done <<-'END'
	--container-mounts=|--container-mounts: empty list of mounts
	--container-mounts=x|--container-mounts: mount 'x': mount source 'x' is not a path
	--container-mounts=/a:b|--container-mounts: mount '/a:b': mount target 'b' is not an absolute path
	--container-mounts=/a:/b:bad|--container-mounts: mount '/a:/b:bad': unknown mount flag 'bad'
	--container-mounts=/a:/b:ro:x|--container-mounts: mount '/a:/b:ro:x': more than three fields
	--container-mounts=/a:/b/../c|--container-mounts: mount '/a:/b/../c': mount target
	--container-mounts=/a:/|--container-mounts: mount '/a:/': a mount on '/' would hide the image
	--container-mounts=../a|--container-mounts: mount '../a': mount source '../a' needs a target
	--container-mounts=umount:/tmp:ro|--container-mounts: mount 'umount:/tmp:ro': umount takes no flags
	--container-image=|--container-image: empty image path
	END
	assert_equal "$(last_job)" "$before"
}

@test 'squeue and scontrol show the container' {
	begin srun --container="$SMALL" sh -c 'echo up; sleep 1'
	await_output up
	assert_equal "$(scontrol show step "$(job_now).0" | grep -c "Container=$SMALL")" 1
	finish
	assert_success
}

@test 'srun --help tells the options' {
	run_srun --help
	assert_status 0
	assert_match '--container-image=FILE +run in a container made from this image'
	assert_match '--container-mounts='
	assert_match '--container-workdir=DIR'
}
