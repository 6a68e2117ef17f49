# SPDX-License-Identifier: BSD-3-Clause
# env.bats - the environment in the container: who wins, however it is started

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

ways='srun sbatch salloc run'

# The option $2 as $1 calls it.
option_of() {
	case $1,$2 in
	run,*) echo "--$2" ;;
	*,no-*) echo "--no-container-${2#no-}" ;;
	*) echo "--container-$2" ;;
	esac
}

# Runs `env` in $image by way of $1, with the variables $vars of whoever starts
# it and the options $opts.
env_by() {
	local option options=()

	for option in "${opts[@]}"; do
		options+=("$(option_of "$1" "$option")")
	done
	case $1 in
	srun) run_alice env "${vars[@]}" srun --container="$image" "${options[@]}" env ;;
	salloc)
		run_alice env "${vars[@]}" salloc -Q --container="$image" "${options[@]}" srun env ;;
	sbatch)
		run_alice env "${vars[@]}" sbatch --wait --output=/home/alice/out \
		    --container="$image" "${options[@]}" --wrap env
		output=$(</home/alice/out)
		rm /home/alice/out ;;
	run) run_alice env "${vars[@]}" "$DAVIT" run "${options[@]}" "$image" env ;;
	esac
}

# Each of these lines is in the output of `env`; of !NAME there is none.
assert_env() {
	local line

	for line; do
		if [[ $line == !* ]]; then
			! grep -q "^${line#!}=" <<<"$output" || complain "there is a ${line#!}"
		else
			grep -qxF -- "$line" <<<"$output" || complain "there is no $line"
		fi
	done
}

# The same for each way. Sets $image, $vars and $opts before.
assert_env_by_all() {
	local way

	for way in $ways; do
		env_by "$way"
		assert_success || { echo "by $way"; return 1; }
		assert_env "$@" || { echo "by $way"; return 1; }
	done
}

setup() {
	leftovers_note
	image=$SMALL vars=() opts=()
}
teardown() {
	rm -rf /home/alice/.config
	leftovers_assert
}

@test "the job's variables come in, the node's stay out" {
	vars=(MINE='two words' EMPTY= LD_LIBRARY_PATH=/apps/lib LD_PRELOAD= MODULEPATH=/apps/modules
	    'BASH_FUNC_module%%=() { :; }' PYTHONHOME=/apps/python)
	assert_env_by_all 'MINE=two words' EMPTY= HOME=/home/alice USER=alice '!LD_LIBRARY_PATH' \
	    '!LD_PRELOAD' '!MODULEPATH' '!BASH_FUNC_module%%' '!PYTHONHOME' "DAVIT_IMAGE=$SMALL"
}

@test "the image's variables outweigh the job's, but not those of who runs it" {
	image=$images/env-oci.sqfs
	vars=(SHARED=job MINE=1 LD_LIBRARY_PATH=/apps/lib)
	assert_env_by_all SHARED=image OWN='from the image' MINE=1 PATH=/opt/image:/bin \
	    LD_LIBRARY_PATH=/opt/image/lib HOME=/home/alice USER=alice
}

@test 'an image cannot say which rank it is' {
	run_srun -n3 --container="$images/env-oci.sqfs" sh -c 'echo rank $SLURM_PROCID of $SLURM_NTASKS'
	assert_success
	assert_equal "$(sort <<<"$output")" $'rank 0 of 3\nrank 1 of 3\nrank 2 of 3'
}

@test "what enroot leaves in /etc/environment" {
	image=$images/env-enroot.sqfs
	vars=(SHARED=job)
	assert_env_by_all SHARED=enroot PATH=/opt/enroot:/bin
}

@test "Apptainer's scripts are run, once for each node" {
	image=$images/env-apptainer.sqfs
	vars=(SHARED=job GONE=1)
	assert_env_by_all SHARED=script 'CHOSEN=by default' PATH=/opt/script:/bin '!GONE' '!UNSAID' \
	    'second line"' HOME=/home/alice '!davit_script'
	vars=(CHOSEN=mine)
	env_by srun
	assert_env CHOSEN=mine
	run_srun -n4 --container="$image" --container-entrypoint-log sh -c 'echo $CHOSEN'
	assert_equal "$output" $'by default\nby default\nby default\nby default'
	assert_lines 1 'a script speaks'
	run_srun -n4 --container="$image" true
	assert_success
	assert_quiet
}

@test 'scripts in an image without a shell' {
	run_srun --container="$images/env-noshell.sqfs" /busybox env
	assert_success
	assert_env PLAIN=yes
}

@test 'scripts that fail' {
	run_srun -n3 --container="$images/env-broken.sqfs" true
	assert_status 125
	assert_failure 'n?' \
	    "cannot run the image's scripts in '/.singularity.d/env': the shell ended with exit code 7" \
	    '--container-entrypoint-log shows what they print'
	run_srun --container="$images/env-broken.sqfs" --container-entrypoint-log true
	assert_status 125
	assert_lines 1 'this is broken'
}

@test 'scripts that do not end are ended' {
	run_davit "$images/env-endless.sqfs" true
	assert_status 125
	assert_failure "$(hostname -s)" \
	    "cannot run the image's scripts in '/.singularity.d/env': they were not done after 10 seconds" \
	    '--container-entrypoint-log shows what they print'
}

@test "--container-env outweighs all: the job's own value, or a new one" {
	image=$images/env-oci.sqfs
	vars=(SHARED=job LD_LIBRARY_PATH=/apps/lib)
	opts=('env=SHARED,LD_LIBRARY_PATH,NONE,OWN=a\,b,NEW=,LANG=xx_XX')
	assert_env_by_all SHARED=job LD_LIBRARY_PATH=/apps/lib '!NONE' OWN=a,b NEW= LANG=xx_XX
}

@test '--container-env without effect: the job has no such variable' {
	image=$images/env-oci.sqfs
	opts=(env=SHARED)
	env_by srun
	assert_env SHARED=image
}

@test 'DAVIT_CONTAINER_ENV and PYXIS_CONTAINER_ENV' {
	image=$images/env-oci.sqfs
	vars=(DAVIT_CONTAINER_ENV=SHARED=davit PYXIS_CONTAINER_ENV=SHARED=pyxis)
	env_by srun
	assert_env SHARED=davit
	vars=(PYXIS_CONTAINER_ENV=SHARED=pyxis)
	env_by srun
	assert_env SHARED=pyxis
	opts=(env=SHARED=option)
	env_by srun
	assert_env SHARED=option
}

@test '--container-env that makes no sense is refused at once' {
	local value cause command words

	while IFS='|' read -r value cause; do
		for command in srun sbatch salloc; do
			words=(true)
			[[ $command != sbatch ]] || words=(--wrap true)
			run_alice $command --container="$SMALL" --container-env="$value" "${words[@]}"
			assert_refused $command "--container-env: $cause"
		done
		run_davit --env="$value" "$SMALL" true
		assert_status 125
		assert_stderr "--env: $cause"
	done <<-'END'
		|empty list of variables
		,|'' is not the name of a variable
		=1|'' is not the name of a variable
		A,|'' is not the name of a variable
		1A=1|'1A' is not the name of a variable
		A B|'A B' is not the name of a variable
		A-B=1|'A-B' is not the name of a variable
	END
}

@test '--container-clean-env' {
	vars=(MINE=1 http_proxy=http://proxy LC_TIME=C TERM=dumb CUDA_VISIBLE_DEVICES=1)
	opts=(clean-env)
	assert_env_by_all '!MINE' http_proxy=http://proxy HOME=/home/alice USER=alice LC_TIME=C \
	    TERM=dumb PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
	opts=(clean-env env=MINE)
	env_by srun
	assert_env MINE=1 SLURM_PROCID=0
	vars=(MINE=1 DAVIT_CONTAINER_CLEAN_ENV=1) opts=()
	env_by srun
	assert_env '!MINE'
	opts=(no-clean-env)
	env_by srun
	assert_env MINE=1
	opts=(clean-env)
	image=$images/env-oci.sqfs
	env_by run
	assert_env '!MINE' SHARED=image PATH=/opt/image:/bin
}

@test 'a locale that the image lacks becomes C.UTF-8' {
	vars=(LANG=en_US.UTF-8 LC_TIME=xx_YY.UTF-8 LC_NUMERIC=C LC_ALL=)
	assert_env_by_all LANG=C.UTF-8 LC_TIME=C.UTF-8 LC_NUMERIC=C LC_ALL=
	image=$images/env-oci.sqfs   # has xx_YY.utf8
	assert_env_by_all LANG=C.UTF-8 LC_TIME=xx_YY.UTF-8 LC_NUMERIC=C LC_ALL=
}

@test "the site's and the user's davit.conf come between image and options" {
	image=$images/env-oci.sqfs
	vars=(SHARED=job GONE=1)
	mkdir -p /home/alice/.config/davit
	cat >/home/alice/.config/davit/davit.conf <<-'END'
	environment:
	  unset: [GONE, NEVER*]
	  set: {SHARED: conf, HOME: /home/elsewhere}
	  prepend: {PATH: /conf/first}
	  append: {PATH: /conf/last}
	END
	chown -R alice: /home/alice/.config
	assert_env_by_all SHARED=conf '!GONE' PATH=/conf/first:/opt/image:/bin:/conf/last \
	    HOME=/home/elsewhere
	opts=('env=SHARED,PATH=/mine:/bin')
	assert_env_by_all SHARED=job PATH=/mine:/bin
}

@test 'a step in a job starts from the variables of the job, not of another container' {
	vars=(SHARED=job)
	run_alice env SHARED=job salloc -Q bash -c "
	    srun --container=$images/env-oci.sqfs sh -c 'echo \$SHARED'
	    srun --container=$SMALL sh -c 'echo \$SHARED'
	    srun sh -c 'echo \$SHARED \$DAVIT_IMAGE'"
	assert_equal "$output" $'image\njob\njob'
}
