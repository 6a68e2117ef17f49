# SPDX-License-Identifier: BSD-3-Clause
# formats.bats - what an image can be, and what it says about itself

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/sif.bash"

trees=$DAVIT_WORK/trees

# ---- images --------------------------------------------------------------

# A tree with busybox that says things about itself: make_tree NAME FILE=TEXT...
make_tree() {
	local tree=$trees/$1 file

	shift
	mkdir -p "$tree/data" "$tree/work"
	cp -a "$trees/small/bin" "$tree/"
	printf '#!/bin/sh\necho "entry: $* in $(pwd)"\nexec "$@"\n' >"$tree/entry"
	chmod 755 "$tree/entry"
	for file; do
		mkdir -p "$tree/$(dirname "${file%%=*}")"
		printf '%b' "${file#*=}" >"$tree/${file%%=*}"
	done
}

pack() { mksquashfs "$trees/$1" "$images/$1.sqfs" -noappend -no-progress -quiet -all-root "${@:2}" >/dev/null; }

setup_file() {
	local name

	make_tree own '.davit/config.json={"config": {"Env": ["PATH=/bin", "FROM=the image"],
	    "Entrypoint": ["/entry"], "Cmd": ["echo", "default", "command"], "WorkingDir": "/work"}}'
	pack own
	make_tree cmd '.davit/config.json={"config": {"Cmd": ["echo", "only a command"]}}'
	pack cmd
	make_tree badjson '.davit/config.json={"config": {"Env": '
	pack badjson
	# nothing but one static program under several names
	mkdir -p "$trees/bare/app" "$trees/bare/.davit"
	for name in echo env pwd cat; do
		cp -L "$trees/small/bin/busybox" "$trees/bare/app/$name"
	done
	echo '{"config": {"Env": ["PATH=/app", "BARE=yes"], "Entrypoint": ["/app/env"],
	    "Cmd": ["echo", "bare command"], "WorkingDir": "/app"}}' >"$trees/bare/.davit/config.json"
	pack bare
	make_tree apptainer '.singularity.d/env/90-environment.sh=export FROM=apptainer\n' \
	    '.singularity.d/runscript=#!/bin/sh\necho "runscript $FROM: $*"\n'
	chmod 755 "$trees/apptainer/.singularity.d/runscript"
	pack apptainer
	make_tree charliecloud 'ch/environment=FROM=charliecloud\nPATH=/bin\n'
	pack charliecloud
	make_tree enroot 'etc/environment=FROM=enroot\nPATH=/bin\n' \
	    'etc/rc=cd /work 2>/dev/null\nif [ $# -gt 0 ]; then exec "$@"; else exec echo rc default; fi\n'
	pack enroot
	mkdir -p "$trees/bundle"
	cp -a "$trees/small" "$trees/bundle/rootfs"
	echo '{"ociVersion": "1.0.2", "root": {"path": "rootfs"}, "process": {"cwd": "/data",
	    "args": ["sh", "-c", "echo bundle $FROM; pwd"], "env": ["PATH=/bin", "FROM=bundle"]}}' \
	    >"$trees/bundle/config.json"
	make_sif "$images/good.sif" "$SMALL" 1
	make_sif "$images/apptainer.sif" "$images/apptainer.sqfs" 1
	make_sif "$images/encrypted.sif" "$SMALL" 5
	make_sif "$images/ext3.sif" "$SMALL" 2
	head -c 20000 "$images/good.sif" >"$images/short.sif"
}

# ---- what a file or directory is -----------------------------------------

@test 'squashfs of each compression' {
	local comp first

	for comp in gzip lz4 lzo xz zstd; do
		if ! mksquashfs "$trees/small" "$images/comp.sqfs" -noappend -no-progress -quiet \
		    -all-root -comp $comp >/dev/null; then
			complain "mksquashfs without $comp"
		fi
		run_srun --container="$images/comp.sqfs" sh -c 'md5sum /bin/busybox; cat /data/file'
		if ((status == 0)); then
			first=${first-$output}
			assert_output "$first"
		else
			# a library without it says so, and how to go on
			assert_failure n? "image * is compressed with $comp, which this build cannot read" \
			    'mksquashfs DIR NEW.sqfs -comp gzip'
		fi
	done
	assert_match 'from the image'
}

@test 'a SIF: the squashfs in it, at its offset' {
	cp "$images/good.sif" "$images/named-wrong.sqfs"
	for image in "$images/good.sif" "$images/named-wrong.sqfs"; do
		run_srun -n2 --container="$image" cat /data/file
		assert_success
		assert_output $'from the image\nfrom the image'
	done
	rm "$images/named-wrong.sqfs"
	run_davit "$images/apptainer.sif" a b
	assert_status 127
	run_davit --entrypoint "$images/apptainer.sif" a b
	assert_success
	assert_output 'runscript apptainer: a b'
	run_srun --container="$images/good.sif" --container-writable sh -c 'echo x >/data/file; cat /data/file'
	assert_success
	assert_output x
}

# refused IMAGE CAUSE REMEDY
refused() {
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$1" sh -c 'echo alive'
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2' "$2" "$3"
}

@test 'a SIF that cannot be read' {
	refused "$images/encrypted.sif" "SIF image '$images/encrypted.sif': its system partition is encrypted" \
	    'an image that was built without --encrypt'
	refused "$images/ext3.sif" "SIF image '$images/ext3.sif': its system partition is ext3, not a squashfs" \
	    'apptainer build NEW.sif FILE makes one with a squashfs'
	refused "$images/short.sif" "SIF image '$images/short.sif': it is truncated" 'copy or build it again'
	make_sif "$images/nothing.sif" "$images/text.sqfs" 1
	refused "$images/nothing.sif" \
	    "SIF image '$images/nothing.sif': its system partition is not a squashfs" 'copy or build it again'
}

@test 'a directory, of root and of the user; nothing is ever created in it' {
	local before dir=/home/alice/dir

	before=$(find "$trees/small" -printf '%p %y %m %s %T@\n' | md5sum)
	run_srun -N2 -n4 --ntasks-per-node=2 --container="$trees/small" sh -c \
	    'cat /data/file; id -un; ls -d /home/alice /proc/self /sys/kernel /dev/null | wc -l'
	assert_success
	assert_equal "$(sort <<<"$output" | uniq -c | awk '{ print $1 }' | xargs)" '4 4 4'
	assert_equal "$(find "$trees/small" -printf '%p %y %m %s %T@\n' | md5sum)" "$before"
	cp -a "$trees/small" $dir
	chown -R alice: $dir
	before=$(find $dir -printf '%p %y %m %s %T@\n' | md5sum)
	run_srun --container=$dir --container-mounts=/opt:/new/point sh -c \
	    'ls -d /new/point; touch /x 2>/dev/null || echo read-only'
	assert_success
	assert_output $'/new/point\nread-only'
	run_srun --container=dir --container-workdir=/data cat file
	assert_success
	assert_output 'from the image'
	assert_equal "$(find $dir -printf '%p %y %m %s %T@\n' | md5sum)" "$before"
	rm -r $dir
}

@test 'a directory that cannot be read' {
	install -d -m 700 "$trees/closed"
	touch "$trees/closed/x"
	refused "$trees/closed" "cannot open image '$trees/closed': Permission denied" \
	    'chmod a+r the file and a+x the directories above it, or ask its owner'
}

@test 'an OCI bundle: environment, arguments, working directory' {
	run_davit "$trees/bundle"
	assert_success
	assert_output $'bundle bundle\n/data'
	run_srun --container="$trees/bundle" sh -c 'echo $FROM; cat /etc/image >/dev/null && echo there; pwd'
	assert_success
	assert_output $'bundle\nthere\n/home/alice'
}

@test 'an OCI bundle that makes no sense, or leads out' {
	local bundle=$trees/badbundle

	mkdir -p "$bundle/rootfs/bin"
	echo '{"root": ' >"$bundle/config.json"
	refused "$bundle" "'config.json' of bundle '$bundle': *" "mend it, or name the root directory itself: *"
	echo '{"ociVersion": "1.0.2", "root": {"path": "../small"}}' >"$bundle/config.json"
	refused "$bundle" "'config.json' of bundle '$bundle': its root.path '../small' leads out of the bundle" '*'
}

@test 'names: a file without ./, and ~' {
	cp "$SMALL" /home/alice/img
	cp "$SMALL" /home/alice/x.sqfs
	# shellcheck disable=SC2088 # davit is to expand it
	for name in img ./img '~/x.sqfs' x.sqfs; do
		run_srun --container="$name" cat /data/file
		assert_success
		assert_output 'from the image'
		run_davit "$name" cat /data/file
		assert_success
	done
	run_srun --container='~/none.sqfs' true
	assert_status 125
	assert_failure n? "no image '/home/alice/none.sqfs' on this node" '*'
	rm /home/alice/img /home/alice/x.sqfs
}

# ---- what an image says about itself -------------------------------------

@test '/.davit/config.json: environment, entrypoint, command, working directory' {
	local own=$images/own.sqfs

	run_davit "$own"
	assert_success
	assert_output $'entry: echo default command in /work\ndefault command'
	run_davit "$own" sh -c 'echo "$FROM"; pwd'
	assert_success
	assert_output $'the image\n/home/alice'
	run_davit --entrypoint "$own" echo mine
	assert_output $'entry: echo mine in /work\nmine'
	run_davit --no-entrypoint "$own"
	assert_output 'default command'
	run_davit --no-entrypoint "$own" pwd
	assert_output /home/alice
	run_davit "$images/cmd.sqfs"
	assert_success
	assert_output 'only a command'
	run_davit --entrypoint "$images/cmd.sqfs" echo mine
	assert_success
	assert_output mine
}

@test 'so in a step' {
	run_srun -n2 --container="$images/own.sqfs" sh -c 'echo "$FROM $(pwd)"'
	assert_success
	assert_output $'the image /home/alice\nthe image /home/alice'
	run_srun -n2 --container="$images/own.sqfs" --container-entrypoint echo mine
	assert_success
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '2 entry: echo mine in /work 2 mine'
	run_srun --container="$images/own.sqfs" --no-container-entrypoint echo mine
	assert_output mine
	run_alice salloc -Q --container="$images/own.sqfs" --container-entrypoint bash -c \
	    'srun echo one; srun --no-container-entrypoint echo two'
	assert_success
	assert_output $'entry: echo one in /work\none\ntwo'
}

@test 'the working directory: option, image, job' {
	run_davit --workdir=/data "$images/own.sqfs"
	assert_output $'entry: echo default command in /data\ndefault command'
	run_davit --workdir=/data --entrypoint "$images/own.sqfs" pwd
	assert_output $'entry: pwd in /data\n/data'
	# that of the job is not in the container
	mkdir /etc/davit-test
	run_srun --chdir=/etc/davit-test --container="$images/own.sqfs" pwd
	rmdir /etc/davit-test
	assert_success
	assert_output /work
}

@test 'an image without a shell' {
	local bare=$images/bare.sqfs

	run_davit "$bare"
	assert_success
	assert_output 'bare command'
	run_davit --entrypoint "$bare" pwd
	assert_output /app
	run_davit "$bare" env
	assert_success
	assert_match $'(^|\n)BARE=yes($|\n)'
	run_srun -n2 --container="$bare" --container-entrypoint echo alive
	assert_success
	assert_output $'alive\nalive'
	run_srun --container="$bare" sh -c 'echo alive'
	assert_status 127
	assert_failure n? "command 'sh' not found in the container: PATH=/app*" '*'
}

@test 'a configuration that makes no sense is refused' {
	refused "$images/badjson.sqfs" "'/.davit/config.json' in image '$images/badjson.sqfs': *" \
	    'an OCI image configuration there, *'
}

@test 'Apptainer' {
	run_davit "$images/apptainer.sqfs"
	assert_success
	assert_output 'runscript apptainer: '
	run_srun --container="$images/apptainer.sqfs" sh -c 'echo $FROM'
	assert_success
	assert_output apptainer
	run_srun --container="$images/apptainer.sqfs" --container-entrypoint a b
	assert_output 'runscript apptainer: a b'
}

@test 'Charliecloud' {
	run_srun --container="$images/charliecloud.sqfs" sh -c 'echo $FROM'
	assert_success
	assert_output charliecloud
}

@test 'enroot' {
	run_davit "$images/enroot.sqfs"
	assert_success
	assert_output 'rc default'
	run_srun --container="$images/enroot.sqfs" sh -c 'echo $FROM; pwd'
	assert_success
	assert_output $'enroot\n/home/alice'
	run_srun --container="$images/enroot.sqfs" --container-entrypoint sh -c 'echo $FROM; pwd'
	assert_success
	assert_output $'enroot\n/work'
}
