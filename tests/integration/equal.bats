# SPDX-License-Identifier: BSD-3-Clause
# equal.bats - an image is in a container what it is in the kernel's own
# squashfs: names, attributes, links, extended attributes, and each byte,
# wherever and with however many threads it is read

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/equal.bash"
load "$DAVIT_TESTS/lib/sif.bash"

mixed=$equal_trees/mixed
debian=${DAVIT_MPI_IMAGES:-/var/cache/davit/mpi}

setup_file() {
	"$DAVIT_TESTS/mpi-images" prepare >&2
	equal_begin
	equal_tree_files "$mixed"
	equal_tree_sparse "$mixed"
	equal_tree_kinds "$mixed"
	equal_tree_attributes "$mixed"
	equal_tree_skeleton "$mixed"
}
teardown_file() { equal_end; }

setup() { leftovers_note; }
teardown() { leftovers_assert; }

# An image of the mixed tree for each line of options on standard input.
each_packed() {
	local options

	while read -ra options; do
		equal_packed "$mixed" "${options[@]}"
	done
}

@test 'a difference of one bit is seen' {
	local other=$equal_dir/other.sqfs

	equal_pack "$mixed" -noI -noD -noF -noX
	cp "$equal_image" "$other"
	equal "$equal_image" 10 0 "$other"
	# in a file's bytes, its name, the target of a link, the value of an attribute
	for what in 's/linked\n/linkeD\n/' 's/mode-0444/mode-0445/' 's/nowhere/Nowhere/' 's/secret/Secret/'; do
		perl -0777 -pe "$what or die" "$equal_image" >"$other"
		run equal "$equal_image" 10 0 "$other"
		((status != 0)) || complain "$what is not seen"
	done
}

# Not with the filter ia64, which newer kernels do not have: noise is, by chance, smaller by that.
@test 'compressors and their options' {
	each_packed <<-END
	-comp gzip
	-comp gzip -Xcompression-level 1
	-comp gzip -Xwindow-size 8
	-comp gzip -Xstrategy default,filtered,huffman_only,run_length_encoded,fixed
	-comp xz
	-comp xz -Xbcj x86
	-comp xz -Xbcj x86,arm,armthumb,powerpc,sparc
	-comp xz -Xdict-size 8K
	-comp xz -Xdict-size 75%
	-comp lz4
	-comp lz4 -Xhc
	-comp lzo
	-comp lzo -Xalgorithm lzo1x_1
	-comp lzo -Xalgorithm lzo1x_1_11
	-comp lzo -Xalgorithm lzo1x_1_12
	-comp lzo -Xalgorithm lzo1x_1_15
	-comp lzo -Xcompression-level 1
	-comp zstd
	-comp zstd -Xcompression-level 1
	-comp zstd -Xcompression-level 22
	END
}

@test 'sizes of blocks' {
	each_packed <<-END
	-comp gzip -b 4K
	-comp xz -b 4K
	-comp xz -b 8K -Xdict-size 8K
	-comp lz4 -b 4K
	-comp lzo -b 4K
	-comp zstd -b 4K
	-comp zstd -b 8K
	-comp gzip -b 16K
	-comp lz4 -b 32K
	-comp zstd -b 64K
	-comp gzip -b 256K
	-comp zstd -b 512K
	-comp gzip -b 1M
	-comp xz -b 1M -Xbcj x86
	-comp lz4 -b 1M
	-comp lzo -b 1M
	-comp zstd -b 1M
	END
}

@test 'fragments' {
	each_packed <<-END
	-no-fragments
	-always-use-fragments
	-tailends -b 64K
	-no-tailends
	-no-fragments -b 1M -comp zstd
	-always-use-fragments -b 4K -comp lz4
	END
}

@test 'tables, blocks and fragments that are not compressed' {
	each_packed <<-END
	-noI
	-noId
	-noD
	-noF
	-noX
	-noD -noF -comp zstd -b 1M
	-noI -noId -noD -noF -noX
	-noI -noId -noD -noF -noX -b 4K
	END
}

@test 'what is stored, and what is not' {
	each_packed <<-END
	-no-exports
	-exports
	-no-sparse
	-no-duplicates
	-no-hardlinks
	-no-xattrs
	-xattrs
	-all-root
	-force-uid 4294967294 -force-gid 65536
	-root-mode 0711 -root-time 1
	-all-time 4294967295 -mkfs-time 0
	-nopad
	-keep-as-directory
	-no-exports -no-xattrs -no-fragments -no-sparse -nopad -b 4K -comp lz4
	END
}

@test 'images that mksquashfs makes of other things than one directory' {
	local dir=$BATS_TEST_TMPDIR

	# pseudo files
	cat >"$dir/pseudo" <<-'END'
	made d 755 0 0
	made/char c 600 0 0 4094 1048574
	made/block b 666 70000 70000 259 511
	made/fifo i 644 0 0 f
	made/socket i 644 0 0 s
	made/command f 755 1 1 seq 1 50000
	made/link s 777 0 0 ../files
	made/late F 4294967295 644 0 0 echo late
	files m 700 0 0
	END
	equal_packed "$mixed" -pf "$dir/pseudo"
	# a tar, in which nothing is older than 1970
	tar -C "$mixed" --exclude=socket --exclude='time-*' -cf "$dir/tar" files sparse kinds attributes proc sys dev etc tmp run
	mksquashfs - "$equal_image" -tar -noappend -quiet -no-progress <"$dir/tar" >/dev/null
	rm "$dir/tar"
	equal "$equal_image"
	# one that has grown twice: tables are written anew, fragments of before stay
	equal_pack "$mixed" -root-becomes before
	mksquashfs "$mixed/files" "$mixed/kinds" "$equal_image" -quiet -no-progress -no-recovery >/dev/null
	mksquashfs "$mixed" "$equal_image" -quiet -no-progress -no-recovery -root-becomes between >/dev/null
	equal "$equal_image"
}

@test 'holes: where the blocks are that the image does not have' {
	equal_packed "$mixed" -comp zstd -b 64K
	run_davit --workdir=/sparse --mounts="$programs:/dev/programs" "$equal_image" /dev/programs/walk
	assert_success
	assert_equal "$(grep ': data' <<<"$output")" './begin: data from 2490368 to 2500001
./end: data from 0 to 65536
./middle: data from 0 to 131072
./middle: data from 1048576 to 1114112
./middle: data from 1966080 to 2031616
./noise: data from 0 to 262144'
}

@test 'sorted by priority, without a name that is a file system of its own' {
	printf '%s\n' "$mixed/files/program 100" "$mixed/files/sub -5" "$mixed/sparse/all 32767" \
	    >"$BATS_TEST_TMPDIR/sort"
	equal_packed "$mixed" -sort "$BATS_TEST_TMPDIR/sort" -one-file-system -b 32K
}

@test 'a directory of 100,000 names, with an index' {
	local tree=$equal_dir/large

	mkdir -p "$tree/large" "$tree/long"
	perl -e 'chdir shift; for (1 .. 100000) { open(my $f, ">", "$_-name") or die }' "$tree/large"
	perl -e 'chdir shift; for (1 .. 1500) { open(my $f, ">", sprintf("%0255d", $_ * 7)) or die }' "$tree/long"
	equal_packed "$tree"
	rm -r "$tree/large"
	mkdir "$tree/large"
	perl -e 'chdir shift; for (1 .. 9000) { mkdir "$_-name" or die }' "$tree/large"
	equal_packed "$tree" -noI -no-exports -b 4K
	rm -rf "$tree"
}

@test 'directories of directories, deeper than a path can be' {
	local tree=$equal_dir/deep

	perl -e 'mkdir $ARGV[0]; chdir $ARGV[0];
	    for (1 .. 700) { open(my $f, ">", "file$_"); mkdir "directory" or die; chdir "directory" }' "$tree"
	equal_packed "$tree"
	rm -rf "$tree"
}

@test 'files of more than 4 GiB, and lists of blocks that are longer than a block' {
	local tree=$equal_dir/huge

	mkdir "$tree"
	truncate -s 5G "$tree/huge"
	for at in 0 2147483647 2147483648 4294967295 4294967296 5368709119; do
		printf x | dd of="$tree/huge" bs=1 seek=$at conv=notrunc status=none
	done
	truncate -s 4294967296 "$tree/exact"
	truncate -s 4294967297 "$tree/more"
	equal_packed "$tree" -comp lz4
	rm "$tree"/*
	seq 1 6000000 >"$tree/numbers"
	equal_packed "$tree" -comp lz4 -b 4K
	rm -rf "$tree"
}

# For a file system in a user namespace Linux shows these to nobody: its root would be somebody else.
@test 'file capabilities: listed' {
	local tree=$equal_dir/capable

	mkdir "$tree"
	cp /bin/true "$tree/true"
	setcap cap_net_raw+ep "$tree/true"
	equal_pack "$tree"
	rm -r "$tree"
	run equal "$equal_image"
	((status != 0)) || complain 'are they shown?'
	assert_equal "$(grep '^[<>]' <<<"$output" | cut -d ' ' -f 1-5)" \
	    $'< ./true: xattr security.capability 20\n> ./true: xattr security.capability EOVERFLOW'
}

@test 'owners: the kernel shows whose the files were, Davit that they are the own' {
	equal_pack "$mixed"
	equal_mount "$equal_image" 0
	run stat -c %u:%g "$equal_dir"/kernel/kinds/owner-*
	umount "$equal_dir/kernel"
	assert_output $'0:0\n4000000000:4294967294\n65535:65536\n70000:1'
	run_davit --workdir=/kinds --mounts="$programs:/dev/programs" "$equal_image" /dev/programs/walk --mine
	assert_success
	assert_match './owner-4000000000:4294967294: mode'
	[[ $output != *'somebody else'* ]] || complain 'not all are'
}

@test 'in a SIF' {
	equal_pack "$mixed" -comp zstd
	make_sif "$equal_dir/image.sif" "$equal_image" 1
	equal "$equal_dir/image.sif" 100 4096
}

@test 'a root with one file, and one with nothing' {
	local tree=$equal_dir/one

	mkdir "$tree"
	equal_packed "$tree" -no-xattrs
	equal_packed "$tree" -all-root -nopad -noI
	echo one >"$tree/file"
	equal_packed "$tree"
	equal_packed "$tree" -no-fragments -no-exports -no-xattrs -nopad
	rm -r "$tree"
}

@test 'Debian 12 with Python, Java, Go and Rust' {
	equal "$debian/programs.sqfs" 2000
}

@test 'Debian 12 with Open MPI, by srun' {
	equal_run=(srun -N1 -n1 --no-container-mount-home --container-mounts="$programs:/dev/programs" --container)
	equal "$debian/bookworm.sqfs" 2000
}
