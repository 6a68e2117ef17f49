# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# look.bash - for the tests of what is in an image: a tree, and images of it by each compressor
#
# What the commands say is compared with the tree. One small image has no compression: there a change of a byte
# is a change of a number.

# shellcheck source-path=SCRIPTDIR source=sif.bash
. "$DAVIT_TESTS/lib/sif.bash"

host=$(hostname -s)
look=$DAVIT_WORK/look
tree=$look/tree
plain=$look/gzip.sqfs
mine=/home/alice/look
raw=(-noI -noD -noF -noX -no-xattrs)

pack() { mksquashfs "$1" "$2" -noappend -no-progress -quiet "${@:3}" >/dev/null; }

setup_file() {
	local compression

	mkdir -p "$tree"/{dir/sub,empty,closed,bin} "$look/hostile/odd/unmistakable"
	echo hello >"$tree/file"
	ln "$tree/file" "$tree/dir/hard"
	chmod 4755 "$tree/file"
	setfattr -n user.color -v blue "$tree/file"
	ln -s ../file "$tree/dir/link"
	ln -s /dir "$tree/absolute"
	ln -s ../../../file "$tree/dir/beyond"
	ln -s loop "$tree/loop"
	ln -s /no/where "$tree/nowhere"
	mkfifo "$tree/fifo"
	mknod "$tree/null" c 1 3
	truncate -s 3000000 "$tree/sparse"
	echo end >>"$tree/sparse"
	seq 100000 >"$tree/numbers"
	for i in {1..30}; do
		seq "$i" 300 >"$tree/dir/sub/n$i"
	done
	echo closed >"$tree/closed/file"
	chmod 555 "$tree/closed"
	chmod 1777 "$tree/empty"
	chown -h 1234:5678 "$tree/numbers"
	(cd "$tree" && touch 'two words' $'line\nfeed' $'\e[31mred' $'\xff\xfe' "it's" größe)
	for compression in gzip xz lz4 lzo zstd; do
		pack "$tree" "$look/$compression.sqfs" -comp "$compression" -b 16384
	done
	make_sif "$look/image.sif" "$plain" 1
	echo odd >"$look/hostile/odd/unmistakable/file"
	echo more >"$look/hostile/odd/another"
	pack "$look/hostile" "$look/hostile.sqfs" "${raw[@]}" -all-root
	chmod -R a+rX "$look"/*.sqfs "$look"/*.sif
}

setup() {
	rm -rf "$mine"
	install -d -o alice -g alice "$mine"
	leftovers_note
}

teardown_file() { rm -rf "$look"; }

teardown() {
	! mountpoint -q "$mine/small" || umount "$mine/small"
	rm -rf "$mine"
	leftovers_assert
}

image() { run_alice "$DAVIT" image "$@"; }

# A hostile image: the bytes $_ of a small one, of which $root is the root's inode, changed by the code $1.
hostile() {
	bad=$mine/bad.sqfs
	install -o alice -g alice -m 644 "$look/hostile.sqfs" "$bad"
	perl -pi -0777 -e 'my $root = unpack("v", substr($_, 32, 2)); '"$1" "$bad"
}

# The image of now is refused by every command that reads all of it, with $1, and without an end of its own.
refused_by_all() {
	local command

	for command in "ls -R" inspect 'diff --json' "extract -C $mine/out"; do
		# shellcheck disable=SC2086 # words
		LIMIT=15 image $command "$bad" ${command:0:4}
		case $command in
		diff*) LIMIT=15 image diff "$bad" "$bad" ;;
		*)
			# shellcheck disable=SC2086 # words
			LIMIT=15 image $command "$bad"
			;;
		esac
		assert_status 125
		assert_failure "$host" "image '$bad': $1" '*'
	done
}
