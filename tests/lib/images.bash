# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# images.bash - what the integration tests run and in what: made once per run,
# below $DAVIT_WORK, readable by everybody.
#
#     programs/      tests/integration/programs/*.c, static
#     images/small   busybox; lacks /tmp, /home, /dev, /proc, ...: nothing is
#                    there that Davit could take for granted
#     images/glibc   bash and the host's own libraries
#     images/...     the broken and the hostile

images=$DAVIT_WORK/images
trees=$DAVIT_WORK/trees
programs=$DAVIT_WORK/programs

programs_build() {
	local source

	mkdir -p "$programs"
	for source in "$DAVIT_TESTS"/integration/programs/*.c; do
		cc -O1 -static -o "$programs/$(basename "$source" .c)" "$source"
	done
}

# Writes the bytes $3 (as printf takes them) at offset $2 of file $1.
patch_file() {
	# shellcheck disable=SC2059 # the escapes are wanted
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}

image_pack() {
	mksquashfs "$trees/$1" "$images/$1.sqfs" -noappend -no-progress -quiet \
	    -all-root >/dev/null
}

# Puts program $2 of the host with the libraries it needs into tree $1.
tree_add_program() {
	local file

	for file in "$2" $(ldd "$2" | grep -o '/[^ ]*'); do
		mkdir -p "$1/$(dirname "$file")"
		[[ -e $1/$file ]] || cp -L "$file" "$1/$file"
	done
}

tree_small() {
	local tree=$trees/small applet bad

	mkdir -p "$tree"/{bin,etc,opt/test,opt/bad,data}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for applet in $(busybox --list); do
		[[ $applet == busybox ]] || ln -s busybox "$tree/bin/$applet"
	done
	echo small >"$tree/etc/image"
	echo 'root:x:0:0:root:/root:/bin/sh' >"$tree/etc/passwd"
	echo 'root:x:0:' >"$tree/etc/group"
	cp "$programs"/* "$tree/opt/test/"
	echo 'from the image' >"$tree/data/file"

	bad=$tree/opt/bad
	mkdir "$bad/directory"
	echo 'echo text' >"$bad/text"
	printf '#!/no/such/interpreter -x\n' >"$bad/script"
	printf '#!/bin/sh\necho hello\n' >"$bad/mode"
	cp /bin/true "$bad/dynamic"
	cp "$tree/bin/busybox" "$bad/arm64"
	patch_file "$bad/arm64" 18 '\267\0'    # e_machine: EM_AARCH64
	chmod 755 "$bad"/*
	chmod 644 "$bad/mode"
}

tree_glibc() {
	local tree=$trees/glibc program

	mkdir -p "$tree/etc" "$tree/tmp"
	ln -s usr/bin usr/sbin usr/lib usr/lib64 "$tree/"
	mkdir -p "$tree"/usr/{bin,sbin,lib,lib64}
	for program in bash id whoami hostname env cat ls sleep getent stty tty \
	    grep readlink taskset; do
		tree_add_program "$tree" "$(command -v $program)"
	done
	ln -s bash "$tree/usr/bin/sh"
	tree_add_program "$tree" "$DAVIT"    # for its libraries
	echo glibc >"$tree/etc/image"
}

# Links of an image that point at the host: whatever Davit makes or mounts in
# the container must stay in there.
tree_hostile() {
	local tree=$trees/hostile-$1 link

	shift
	mkdir -p "$tree"
	cp -a "$trees/small/bin" "$tree/"
	for link; do
		mkdir -p "$tree/$(dirname "${link%%=*}")"
		ln -s "${link#*=}" "$tree/${link%%=*}"
	done
}

# Images with an environment: tree_env NAME FILE=TEXT...
tree_env() {
	local tree=$trees/env-$1 file

	shift
	mkdir -p "$tree"
	cp -a "$trees/small/bin" "$tree/"
	for file; do
		mkdir -p "$tree/$(dirname "${file%%=*}")"
		printf '%b' "${file#*=}" >"$tree/${file%%=*}"
	done
}

images_env() {
	local name scripts=.singularity.d/env

	tree_env oci ".davit/config.json={\"config\": {\"Env\": [
	    \"PATH=/opt/image:/bin\", \"LD_LIBRARY_PATH=/opt/image/lib\", \"SHARED=image\",
	    \"OWN=from the image\", \"HOME=/root\", \"USER=root\", \"SLURM_PROCID=7\"]}}"
	mkdir -p "$trees/env-oci/usr/lib/locale/xx_YY.utf8"
	tree_env enroot 'etc/environment=PATH=/opt/enroot:/bin\nSHARED=enroot\n'
	tree_env apptainer \
	    "$scripts/10-docker2singularity.sh=#!/bin/sh\nexport PATH=/bin SHARED=docker\n" \
	    "$scripts/90-environment.sh=echo a script speaks >&2\n
	        export PATH=\"/opt/script:\$PATH\" SHARED=script HOME=/root UNSAID\n
	        export CHOSEN=\"\${CHOSEN:-by default}\"; unset GONE UNSAID\n
	        export LINES2='first line\nsecond line\"'\n"
	tree_env noshell "$scripts/90-environment.sh=export PLAIN=yes\nexport X=\$(date)\n"
	mv "$trees/env-noshell/bin/busybox" "$trees/env-noshell/"
	rm -r "$trees/env-noshell/bin"
	tree_env broken "$scripts/90-environment.sh=echo this is broken; exit 7; X=\$(date)\n"
	tree_env endless "$scripts/90-environment.sh=while :; do sleep 1; done; X=\$(date)\n"
	tree_env seccomp "$scripts/90-environment.sh=TRIED=\"\$(/bin/syscalls bpf)\"; export TRIED\n"
	cp "$programs/syscalls" "$trees/env-seccomp/bin/"
	for name in oci enroot apptainer noshell broken endless seccomp; do
		image_pack "env-$name"
	done
}

images_broken() {
	local good=$images/small.sqfs size

	size=$(stat -c %s "$good")
	: >"$images/empty.sqfs"
	head -c $((size / 2)) "$good" >"$images/truncated.sqfs"
	echo 'once upon a time' >"$images/text.sqfs"
	mkdir -p "$images/directory"
	cp "$good" "$images/compression.sqfs"
	patch_file "$images/compression.sqfs" 20 '\143\0'
	cp "$good" "$images/version.sqfs"
	patch_file "$images/version.sqfs" 28 '\3\0'
	# the superblock is whole, the tables behind it are not
	cp "$good" "$images/tables.sqfs"
	dd if=/dev/zero of="$images/tables.sqfs" bs=1 seek=$((size - 8192)) \
	    count=8192 conv=notrunc status=none
	{ printf '#!/usr/bin/env run-singularity\n\0SIF_MAGIC\00001'
	    head -c 4096 /dev/zero; } >"$images/image.sif"
	tar -C "$trees/small" -cf "$images/image.tar" etc
	gzip -c "$images/image.tar" >"$images/image.tar.gz"
	mkfifo "$images/fifo"
	cp "$good" "$images/unreadable.sqfs"
	chmod 600 "$images/unreadable.sqfs"
	mkdir -m 700 "$images/closed"
	cp "$good" "$images/closed/image.sqfs"
}

images_build() {
	local name

	mkdir -p "$images" "$trees"
	tree_small
	tree_glibc
	tree_hostile absolute tmp=/home/alice/escape home=/home/bob \
	    etc=/home/alice/escape dev=/home/alice/escape \
	    proc=/home/alice/escape sys=/home/alice/escape
	tree_hostile relative tmp=../../../../home/alice/escape home=../../home \
	    etc=../home/alice/escape/new dev=../tmp/escape/dev
	tree_hostile files etc/passwd=/home/alice/escape/passwd \
	    etc/group=../../../home/alice/escape/group \
	    etc/hosts=/home/alice/escape/hosts \
	    etc/resolv.conf=/home/alice/escape/nowhere/resolv.conf \
	    etc/nsswitch.conf=/home/alice/escape/nsswitch.conf
	tree_hostile loop tmp=/tmp home=/a a=/b b=/home
	for name in small glibc hostile-{absolute,relative,files,loop}; do
		image_pack "$name"
	done
	# a second image to tell apart
	echo other >"$trees/small/etc/image"
	mksquashfs "$trees/small" "$images/other.sqfs" -noappend -no-progress \
	    -quiet -all-root >/dev/null
	images_env
	images_broken
}
