# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# equal.bash - the same image as the kernel's own squashfs shows it, and as
# Davit does. The programs that look (tests/integration/programs) print what
# they see: bare.c shows them a container's image with nothing mounted on it,
# storm.c, lists.c and walk.c say what they do there.

equal_dir=$DAVIT_WORK/equal
equal_trees=$equal_dir/trees    # ext4, for attributes and times of all kinds

# What Davit makes in an image to mount something there.
equal_added=(proc sys dev etc tmp run etc/passwd etc/group etc/nsswitch.conf etc/hosts
	etc/resolv.conf)

equal_begin() {
	mkdir -p "$equal_trees" "$equal_dir/kernel"
	truncate -s 1G "$equal_dir/ext4"
	mkfs.ext4 -q -F -O ea_inode,^has_journal -I 256 "$equal_dir/ext4"
	mount -o loop "$equal_dir/ext4" "$equal_trees"
	chmod 755 "$equal_trees"
	equal_probe
}
# Linux learnt to tell of holes in a squashfs only lately.
equal_probe() {
	mkdir "$equal_trees/probe"
	truncate -s 1M "$equal_trees/probe/hole"
	equal_pack "$equal_trees/probe"
	equal_mount "$equal_image" 0
	equal_strip=': data from '
	if perl -e 'open(F, "<", shift); exit(defined(sysseek(F, 0, 3)))' "$equal_dir/kernel/hole"; then
		equal_strip='^$'
	fi
	export equal_strip
	umount "$equal_dir/kernel"
}
equal_end() {
	umount "$equal_trees"
	rm -rf "$equal_dir"
}

# ---- trees ---------------------------------------------------------------

equal_attribute() { setfattr -h -n "$2" -v "$3" "$1"; }

# A file of $2 bytes that can be compressed, or of noise.
equal_text() { seq 1 $(($2 / 2 + 1)) | head -c "$2" >"$1"; }
equal_noise() { head -c "$2" /dev/urandom >"$1"; }

# Whole blocks of each size, one byte more and less, tails, programs, twice the same.
equal_tree_files() {
	local size

	mkdir -p "$1/files/sub"
	for size in 0 1 511 4095 4096 4097 12289 65535 131071 131072 131073 270000 1048577; do
		equal_text "$1/files/text-$size" $size
	done
	for size in 1 4096 4097 131072 140000 1048576; do
		equal_noise "$1/files/noise-$size" $size
	done
	for size in {1..40}; do
		equal_text "$1/files/sub/small-$size" $((size * 100))
	done
	cat "$1/files/text-131072" "$1/files/noise-140000" "$1/files/text-4097" >"$1/files/mixed"
	cp "$1/files/mixed" "$1/files/same"
	cp /bin/bash "$1/files/program"
}

# Holes at the beginning, in the middle, at the end, and nothing else.
equal_tree_sparse() {
	local dir=$1/sparse

	mkdir -p "$dir"
	truncate -s 1 "$dir/one"
	truncate -s 4097 "$dir/page"
	truncate -s 3000001 "$dir/all"
	printf x | dd of="$dir/begin" bs=1 seek=2500000 status=none
	truncate -s 2500000 "$dir/end"
	printf x | dd of="$dir/end" bs=1 conv=notrunc status=none
	truncate -s 5000000 "$dir/middle"
	for at in 0 131071 1048576 2000000; do
		printf x | dd of="$dir/middle" bs=1 seek=$at conv=notrunc status=none
	done
	equal_noise "$dir/noise" 262144
	truncate -s 262145 "$dir/noise"
}

# Names, types, modes, times, owners, links.
equal_tree_kinds() {
	local long odd dir=$1/kinds mode

	long=$(printf 'n%.0s' {1..255})
	odd=$'\xff\xfe\x80 \\ "\'$x *?\t\n-'
	mkdir -p "$dir/$long" "$dir/$odd" "$dir/empty" "$dir/-dash" "$dir/links/sub"
	for mode in "$long" "$odd" ... ..a $'a\nb' ' ' $'\x01' '#' é; do
		[[ -d $dir/$mode ]] || echo "$mode" >"$dir/$mode"
		ln -s "$mode" "$dir/$long/$mode"
	done
	for mode in 0000 0111 0444 0600 0777 1777 2755 4755 6777; do
		echo $mode >"$dir/mode-$mode"
		mkdir "$dir/dir-$mode"
		echo x >"$dir/dir-$mode/file"
		chmod $mode "$dir/mode-$mode" "$dir/dir-$mode"
	done
	mknod "$dir/null" c 1 3
	mknod "$dir/disk" b 8 255
	mknod "$dir/major" c 4095 1048575
	mkfifo "$dir/fifo"
	perl -MSocket -e 'socket(S, PF_UNIX, SOCK_STREAM, 0); chdir shift; bind(S, sockaddr_un("socket")) or die' "$dir"
	ln -s ../files "$dir/links/dir"
	ln -s /nowhere "$dir/links/absolute"
	ln -s "$odd" "$dir/links/odd"
	ln -s "$(printf 'a%.0s' {1..4095})" "$dir/links/long"
	echo linked >"$dir/links/one"
	ln "$dir/links/one" "$dir/links/sub/two"
	ln "$dir/links/one" "$dir/three"
	ln "$dir/fifo" "$dir/links/fifo"
	ln -P "$dir/links/odd" "$dir/links/odd2"
	ln "$dir/null" "$dir/links/null"
	for at in -1 -86400 0 1 2147483647 2147483648 4294967295; do
		echo >"$dir/time$at"
		touch -d "@$at" "$dir/time$at"
	done
	touch -d '2020-01-01 00:00:00.123456789' "$dir/nanoseconds"
	for at in 0:0 65535:65536 70000:1 4000000000:4294967294; do
		echo >"$dir/owner-$at"
		chown "$at" "$dir/owner-$at"
	done
}

equal_tree_attributes() {
	local dir=$1/attributes long name

	long=$(printf 'v%.0s' {1..3000})
	mkdir -p "$dir/dir"
	echo x | tee "$dir"/{none,one,many,big,same1,same2,trusted} >/dev/null
	ln -s none "$dir/link"
	mkfifo "$dir/fifo"
	equal_attribute "$dir/one" user.one 1
	equal_attribute "$dir/one" user.empty ''
	for name in {1..60}; do
		equal_attribute "$dir/many" "user.$name" "$name"
	done
	equal_attribute "$dir/big" user.big "$(head -c 65536 /dev/zero | tr '\0' b)"
	for name in same1 same2 dir; do
		equal_attribute "$dir/$name" user.same "$long"
	done
	equal_attribute "$dir/one" "user.$(printf 'n%.0s' {1..250})" long
	equal_attribute "$dir/one" security.davit secret
	equal_attribute "$dir/trusted" trusted.davit trusted
	equal_attribute "$dir/trusted" user.davit user
	equal_attribute "$dir/link" trusted.link link
	equal_attribute "$dir/fifo" security.fifo fifo
}

# Mount points, so that Davit adds none.
equal_tree_skeleton() {
	mkdir -p "$1"/{proc,sys,dev,etc,tmp,run}
	touch "$1"/etc/{passwd,group,nsswitch.conf,hosts,resolv.conf}
}

# ---- comparing -----------------------------------------------------------

# equal_pack TREE OPTION...: the image is $equal_image.
equal_image=$equal_dir/image.sqfs
equal_pack() { mksquashfs "$1" "$equal_image" -noappend -no-progress -quiet "${@:2}" >/dev/null; }

# Mounts image $1, whose squashfs is at offset $2. A loop device has whole sectors only.
equal_mount() {
	local image=$1

	if (($(stat -c %s "$image") % 512)); then
		image=$equal_dir/padded.sqfs
		cp "$1" "$image"
		truncate -s %4096 "$image"
	fi
	mount -t squashfs -o "loop,ro,nosuid,nodev,offset=$2" "$image" "$equal_dir/kernel"
}

# Runs one of the programs in each of the mounts; in the kernel's as root, but with no right to see
# more attributes than users do.
equal_kernel() {
	(cd "$equal_dir/kernel" &&
	    exec setpriv --bounding-set -sys_admin --inh-caps -sys_admin "$programs/$1" "${@:2}")
}
equal_davit() { alice "$programs/bare" "$equal_pid" "$programs/$1" "${@:2}"; }

# What they say goes to equal.WHAT.$1. $2 is how many files each of four threads visits.
equal_look() {
	local said=$BATS_TEST_TMPDIR/equal

	"equal_$1" storm "${EQUAL_SEED-1}" 4 "$2" <"$said.paths" >"$said.storm.$1"
	"equal_$1" lists >"$said.lists.$1"
	"equal_$1" walk "${@:3}" | grep -v "$equal_strip" >"$said.walk.$1"
}

# Shows how what the two have said differs.
equal_compare() {
	local said=$BATS_TEST_TMPDIR/equal what wrong=0

	for what in storm walk; do
		cmp -s "$said.$what.kernel" "$said.$what.davit" && continue
		echo "$1: < the kernel, > Davit ($what)"
		diff "$said.$what.kernel" "$said.$what.davit" | head -n "${EQUAL_LINES-40}" | cut -c 1-400
		wrong=1
	done
	for what in kernel davit; do
		[[ ! $(<"$said.lists.$what") =~ ^[0-9]+\ names$ ]] || continue
		echo "$1: lists of $what"
		head -n "${EQUAL_LINES-40}" "$said.lists.$what"
		wrong=1
	done
	return $wrong
}

# equal IMAGE [COUNT [OFFSET [OTHER]]]: fails if Davit shows it, or OTHER, as something else than the
# kernel does.
equal() {
	local image=${4-$1} added=() name LIMIT=300

	equal_mount "$1" "${3-0}"
	for name in "${equal_added[@]}"; do
		[[ -e $equal_dir/kernel/$name || -L $equal_dir/kernel/$name ]] || added+=("$name")
	done
	(cd "$equal_dir/kernel" && find . -print0) >"$BATS_TEST_TMPDIR/equal.paths"
	rm -f "$BATS_TEST_TMPDIR/begun.out"
	begin "${equal_run[@]}" "$image" /dev/programs/bare
	await_output '^[0-9]'
	equal_pid=$(<"$BATS_TEST_TMPDIR/begun.out")
	equal_look kernel "${2-100}" "${added[@]}"
	equal_look davit "${2-100}" --mine "${added[@]}"
	kill "$equal_pid"
	finish
	assert_no_davit_line
	umount "$equal_dir/kernel"
	equal_compare "$image"
}
equal_run=("$DAVIT" run --no-mount-home --mounts="$programs:/dev/programs")

# equal_packed TREE OPTION...: the same of an image that mksquashfs makes so.
equal_packed() {
	equal_pack "$@"
	equal "$equal_image" || complain "mksquashfs $*"
}
