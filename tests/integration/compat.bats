# SPDX-License-Identifier: BSD-3-Clause
# compat.bats - what pyxis's users write, in options and variables; and the one
# table of options: help texts, manual and completion

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

teardown() {
	rm -rf /home/alice/saved.sqfs /home/alice/o /tmp/mine
	leftovers_assert
}

# ---- pyxis's options -----------------------------------------------------

@test "each of pyxis's options" {
	install -d -o alice /tmp/mine
	run_srun -n2 --container-image="$SMALL" --container-name=foo \
	    --container-mounts=/run/davit-test/images:/mnt/images:ro,/tmp/mine:/mine:rw+rprivate+x-create=dir \
	    --container-mount-home --container-workdir=/data --container-env=PATH,HOME \
	    --container-writable --container-remap-root --no-container-entrypoint \
	    --container-entrypoint-log --container-save=/home/alice/saved.sqfs \
	    sh -c 'id -u; pwd; ls -d /home/alice /mine; touch "/written.$SLURM_PROCID"'
	assert_success
	assert_equal "$(sort -u <<<"$output")" $'/data\n/home/alice\n/mine\n0'
	run_srun --container-image=/home/alice/saved.sqfs --no-container-mount-home \
	    --no-container-remap-root --container-entrypoint --container-readonly \
	    --container-workdir=/ sh -c 'ls -d /written.* /home/alice/*; id -un; touch /x' 2>/dev/null
	assert_status 1
	assert_equal "$(grep -c written <<<"$output")" 2
	assert_match alice
}

@test 'mounts as pyxis has them' {
	install -d -o alice /tmp/mine
	touch /tmp/mine/file
	for mount in /tmp/mine /tmp/mine:/there /tmp/mine:/there:ro /tmp/mine:/there:rw \
	    /tmp/mine:/there:ro+rslave /tmp/mine:/there:rbind+nosuid+nodev+noexec \
	    /tmp/mine/file:/there:x-create=file /tmp/mine:/there:defaults+nofail \
	    tmpfs:/there /tmp/mine:/there,tmpfs:/there/sub umount:/tmp; do
		run_srun --container="$SMALL" --container-mounts="$mount" echo alive
		if [[ $mount == *there/sub* ]]; then
			# nothing is made in a directory of the node
			assert_status 125
		else
			assert_success
			assert_output alive
		fi
	done
	run_srun --container="$SMALL" --container-mounts=/no/such:/there:nofail sh -c '[ ! -e /there ] && echo left out'
	assert_success
	assert_output 'left out'
	run_srun --container="$SMALL" --container-mounts=/tmp/mine:/there:nosymfollow sh -c \
	    'ln -s file /there/link; cat /there/link'
	assert_status 1
	assert_stderr 'symbolic link'
	run_srun --container="$SMALL" --container-mounts=/tmp:/there:nosiud true
	assert_refused srun "--container-mounts: mount '/tmp:/there:nosiud': unknown mount flag 'nosiud'" 'nosuid; '
}

# ---- pyxis's variables ---------------------------------------------------

shows='cat /etc/image /written 2>/dev/null; id -u; pwd; [ -e /home/alice/here ] && echo home
	ls -d /there 2>/dev/null; touch /written 2>/dev/null && echo writable; echo "$OWN"'

# with_variables COMMAND...: as alice
with_variables() {
	run_alice env "PYXIS_CONTAINER_IMAGE=$SMALL" "$@"
}

@test 'PYXIS_CONTAINER_IMAGE, weaker than DAVIT_CONTAINER_IMAGE, weaker than the option' {
	with_variables srun cat /etc/image
	assert_success
	first=$output
	with_variables env "DAVIT_CONTAINER_IMAGE=$OTHER" srun cat /etc/image
	assert_success
	assert_output other
	with_variables srun --container="$OTHER" cat /etc/image
	assert_output other
	with_variables srun --container-image="$OTHER" cat /etc/image
	assert_output other
	assert_equal "$first" small
	with_variables salloc -Q srun cat /etc/image
	assert_success
	assert_output small
	with_variables env "SRUN_CONTAINER=$OTHER" srun cat /etc/image
	assert_output other
}

@test 'PYXIS_CONTAINER_IMAGE of sbatch' {
	job=$(alice env "PYXIS_CONTAINER_IMAGE=$SMALL" sbatch --parsable -o /home/alice/o --wrap 'cat /etc/image; pwd')
	await job_over "$job"
	assert_equal "$(</home/alice/o)" $'small\n/home/alice'
	job=$(alice env "PYXIS_CONTAINER_IMAGE=$SMALL" PYXIS_CONTAINER_WORKDIR=/data \
	    sbatch --parsable --container="$OTHER" -o /home/alice/o --wrap 'cat /etc/image; pwd')
	await job_over "$job"
	assert_equal "$(</home/alice/o)" $'other\n/data'
}

@test 'each PYXIS_CONTAINER_ variable, and DAVIT_CONTAINER_ is stronger' {
	local davit name value set weaker want

	while IFS='|' read -r name value weaker want; do
		with_variables env "PYXIS_CONTAINER_$name=$value" OWN=job srun sh -c "$shows"
		[[ $output == *"$want"* ]] || complain "PYXIS_CONTAINER_$name=$value: no '$want'"
		assert_no_davit_line
		[[ $weaker ]] || continue
		with_variables env "PYXIS_CONTAINER_$name=$weaker" "DAVIT_CONTAINER_$name=$value" OWN=job srun sh -c "$shows"
		[[ $output == *"$want"* ]] || complain "DAVIT_CONTAINER_$name=$value: no '$want'"
	done <<-END
	WORKDIR|/data|/opt|/data
	MOUNTS|/opt:/there|/opt:/else|/there
	REMAP_ROOT|1|0|0
	WRITABLE|1|0|writable
	READONLY|0|1|writable
	NAME|foo|bar|writable
	ENV|OWN|HOME|job
	END
	with_variables env PYXIS_CONTAINER_MOUNT_HOME=0 srun --chdir=/ sh -c 'ls -d /home/alice || echo none'
	assert_output none
	with_variables env PYXIS_CONTAINER_MOUNT_HOME=1 srun --chdir=/ ls -d /home/alice
	assert_output /home/alice
	with_variables env PYXIS_CONTAINER_SAVE=/home/alice/saved.sqfs srun touch /written
	assert_success
	with_variables srun --container=/home/alice/saved.sqfs ls /written
	assert_output /written
}

@test 'PYXIS_CONTAINER_ENTRYPOINT' {
	mkdir -p "$DAVIT_WORK/trees/entry/.davit"
	cp -a "$DAVIT_WORK/trees/small/bin" "$DAVIT_WORK/trees/entry/"
	echo '{"config": {"Entrypoint": ["/bin/echo", "entered"]}}' >"$DAVIT_WORK/trees/entry/.davit/config.json"
	run_alice env PYXIS_CONTAINER_IMAGE="$DAVIT_WORK/trees/entry" PYXIS_CONTAINER_ENTRYPOINT=1 srun echo x
	assert_success
	assert_output 'entered echo x'
	run_alice env PYXIS_CONTAINER_IMAGE="$DAVIT_WORK/trees/entry" PYXIS_CONTAINER_ENTRYPOINT=1 \
	    srun --no-container-entrypoint echo x
	assert_output x
	run_alice env PYXIS_CONTAINER_IMAGE="$DAVIT_WORK/trees/entry" PYXIS_CONTAINER_ENTRYPOINT=0 srun echo x
	assert_output x
}

@test 'options outweigh the variables' {
	with_variables env PYXIS_CONTAINER_WORKDIR=/opt PYXIS_CONTAINER_WRITABLE=1 PYXIS_CONTAINER_REMAP_ROOT=1 \
	    DAVIT_CONTAINER_MOUNT_HOME=1 srun --chdir=/ --container-workdir=/data --container-readonly \
	    --no-container-remap-root --no-container-mount-home sh -c "$shows; ls -d /home/alice || echo none"
	assert_success
	assert_match '/data'
	assert_match 'none$'
	[[ $output != *writable* && $output != *$'\n0\n'* ]] || complain 'a variable won'
}

@test 'bad values of variables are refused at once, by name' {
	local name value cause command

	while IFS='|' read -r name value cause; do
		for command in srun sbatch salloc; do
			if [[ $command == sbatch ]]; then
				with_variables env "$name=$value" sbatch --wrap true
			else
				with_variables env "$name=$value" $command true
			fi
			assert_refused $command "$name: $cause"
		done
		# shellcheck disable=SC2153 # of run-integration
		with_variables env "$name=$value" "$DAVIT" run "$SMALL" true
		assert_status 125
		assert_stderr "davit: .*$name: "
	done <<-'END'
	PYXIS_CONTAINER_WORKDIR|x|'x' is not an absolute path
	PYXIS_CONTAINER_MOUNTS|x|mount 'x': mount source 'x' is not a path
	PYXIS_CONTAINER_NAME|a/b|'a/b' is not a name for a container
	PYXIS_CONTAINER_MOUNT_HOME|perhaps|'perhaps' is neither yes nor no
	PYXIS_CONTAINER_REMAP_ROOT|2|'2' is neither yes nor no
	PYXIS_CONTAINER_ENTRYPOINT|x|'x' is neither yes nor no
	PYXIS_CONTAINER_WRITABLE|size=much|'much' is not a size
	PYXIS_CONTAINER_READONLY|perhaps|'perhaps' is neither yes, no or size=SIZE nor a path
	DAVIT_CONTAINER_UNSHARE|nett|unknown namespace 'nett'
	DAVIT_CONTAINER_SLURM|perhaps|'perhaps' is neither yes nor no
	END
}

@test 'a step without an image is not disturbed by the other variables' {
	run_alice env PYXIS_CONTAINER_WORKDIR=/data DAVIT_CONTAINER_WRITABLE=1 srun sh -c \
	    '[ -e /run/davit-test ] && echo host'
	assert_success
	assert_output host
}

# ---- one table -----------------------------------------------------------

# All options of davit run, opposites too, without "--".
table() { "$DAVIT" run --help | grep -oE '^  (-h, )?--.*' | grep -oE -- '--[a-z-]+' | sed 's/^--//' | grep -vx help; }

srun_name() { [[ $1 == no-* ]] && echo "no-container-${1#no-}" || echo "container-$1"; }

@test 'davit run, srun, sbatch and salloc know the same options' {
	local command name options

	for command in srun sbatch salloc; do
		# --container-id is Slurm's own
		options=$(alice $command --help | grep -oE -- '--(no-)?container-[a-z-]+' |
		    grep -vx -- --container-id | sort -u)
		assert_equal "$options" "$({
			echo --container-image
			for name in $(table); do echo "--$(srun_name "$name")"; done
		} | sort -u)"
	done
}

# ---- completion ----------------------------------------------------------

completion=$DAVIT_PREFIX/share/bash-completion/completions/davit

# What a user gets who types these words and a tab; the last one may be "".
complete_words() {
	output=$(alice bash --norc -c '
		PATH=$1:$PATH
		. "$2"
		shift 2
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE} COMPREPLY=()
		spec=$(complete -p "$1") || exit
		[[ $spec =~ -F\ ([^ ]+) ]] && "${BASH_REMATCH[1]}" "$1" "${!#}" "${COMP_WORDS[COMP_CWORD - 1]}"
		printf "%s\n" "${COMPREPLY[@]%=}"' - "${DAVIT%/*}" "$completion" "$@" 2>&1)
}
assert_completed() {
	assert_equal "$(sort <<<"$output")" "$(printf '%s\n' "$@" | sort)"
}

@test 'completion: commands' {
	complete_words davit ''
	[[ $'\n'$output$'\n' == *$'\nrun\n'* && $'\n'$output$'\n' == *$'\nenter\n'* ]] || complain 'no commands'
	[[ $output != *oci-run* ]] || complain 'not for hands'
	complete_words davit ru
	assert_completed run
}

@test 'completion: every option of the table, and no other' {
	local name words

	complete_words davit run --
	# shellcheck disable=SC2046 # words
	assert_completed --help --image $(for name in $(table); do echo "--$name"; done)
	complete_words davit run --no-mo
	assert_completed --no-mount-home
	# and those of Slurm, where nobody else completes them
	complete_words srun --container
	words=(--container)
	for name in image $(table); do
		name=$(srun_name "$name")
		[[ $name == no-* ]] || words+=("--$name")
	done
	assert_completed "${words[@]}"
	complete_words sbatch --no-container-e
	assert_completed --no-container-entrypoint --no-container-entrypoint-log
}

@test 'completion: files for what is a file, words for what is a word' {
	cp "$SMALL" /home/alice/one.sqfs
	alice mkdir '/home/alice/a dir'
	complete_words davit run on
	assert_completed one.sqfs
	complete_words davit run --writable = /home/alice/a
	assert_completed '/home/alice/a dir'
	complete_words davit run --mounts = /tmp:/x,/home/alice/on
	assert_match '/home/alice/one.sqfs$'
	complete_words srun --container = /home/alice/on
	assert_completed /home/alice/one.sqfs
	complete_words davit run --unshare = net,i
	assert_match '(^|,)ipc$'
	complete_words davit image build --with = d
	assert_completed davit docker
	complete_words davit image build --file = /home/alice/on
	assert_completed /home/alice/one.sqfs
	rm -r /home/alice/one.sqfs '/home/alice/a dir'
}

@test 'completion: the jobs for enter' {
	begin srun --container="$SMALL" sh -c 'echo up; sleep 3'
	await_output up
	complete_words davit enter ''
	assert_completed "$(job_now)"
	finish
}

@test 'completion leaves alone what others complete' {
	run_alice bash --norc -c 'complete -W "mine" srun; . "$0"; complete -p srun' "$completion"
	assert_output "complete -W 'mine' srun"
}
