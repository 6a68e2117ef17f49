# SPDX-License-Identifier: BSD-3-Clause
# optimise.bats - a trace of what is read of an image, and an image written in the order of one

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
tree=$DAVIT_WORK/optimise
image=$DAVIT_WORK/optimise.sqfs
trace=/home/alice/trace
new=/home/alice/new.sqfs

# Nothing of it is compressed, so that it can be told where in an image something is. All kinds of files and
# attributes are in it; names that nobody would choose; and holes.
setup_file() {
	local tree=$DAVIT_WORK/optimise long i

	mkdir -p "$tree"/{data/deep,odd}
	cp -a "$DAVIT_WORK/trees/small/bin" "$tree/"
	for i in a b c d e f; do
		{ echo "mark-$i-"; head -c 30000 /dev/urandom | base64 -w 0; } >"$tree/data/$i"
	done
	{ echo 'mark-big-'; head -c 3000000 /dev/urandom; } >"$tree/data/big"
	ln "$tree/data/c" "$tree/data/deep/hard"
	ln -s ../c "$tree/data/deep/link"
	ln "$tree/data/deep/link" "$tree/data/deep/hard-link"
	mknod "$tree/odd/null" c 1 3
	mknod "$tree/odd/disk" b 259 1048575
	mkfifo "$tree/odd/fifo"
	: >"$tree/odd/empty"
	truncate -s 5M "$tree/odd/hole"
	truncate -s 40M "$tree/odd/sparse"
	printf middle | dd of="$tree/odd/sparse" bs=1 seek=20000000 conv=notrunc status=none
	printf 1 >"$tree/odd/new"$'\n'line
	printf 2 >"$tree/odd/ blank"
	printf 3 >"$tree/odd/"$'\xff\xfe'
	printf 4 >"$tree/odd/back\\slash"
	long=$(printf 'n%.0s' {1..250})
	mkdir -p "$tree/odd/$long/$long"
	printf 5 >"$tree/odd/$long/$long/$long"
	ln -s "$long/$long/$long" "$tree/odd/far"
	chown 4000000:3000000 "$tree/data/d"
	chmod 4711 "$tree/data/e"
	chmod 1777 "$tree/odd"
	setfattr -n user.davit -v value "$tree/data/f"
	setfattr -n trusted.davit -v $'two\nlines' "$tree/data/f"
	setfattr -n user.dir -v of "$tree/data"
	setcap cap_net_raw+ep "$tree/bin/busybox"
	touch -h -d 2001-02-03 "$tree/data/a" "$tree/data/deep/link" "$tree/data"
	touch -d 2002-02-03 "$tree"
	mksquashfs "$tree" "$DAVIT_WORK/optimise.sqfs" -comp gzip -b 64K -noI -noD -noF -noappend -no-progress -quiet >/dev/null
}

teardown_file() { rm -rf "$DAVIT_WORK"/optimise*; }

teardown() {
	rm -rf /home/alice/{trace,new,other,to}*
	leftovers_assert
}

optimise() { run_alice "$DAVIT" image optimise "$@"; }

# The paths in the trace, each once.
paths() { sed -e 1d -e 's/\t.*//' "$trace" | awk '!seen[$0]++'; }

# Traces the reading of these files of /data.
trace_of() {
	run_davit --trace="$trace" "$image" sh -c 'cd /data; for name; do cat "$name" >/dev/null; done' - "$@"
	assert_success
	assert_quiet
}

# Where in an image file $1 the marks of the files $2... are.
places() {
	local file=$1 name

	shift
	for name; do grep -abo "mark-$name-" "$file" | sed 's/:.*//'; done
}

# ---- tracing -----------------------------------------------------------------

@test 'a trace says what was read, in which order' {
	trace_of f ./b deep/hard $'/odd/new\nline' '/odd/ blank' b f
	assert_equal "$(paths | grep -v '^/bin/')" $'/data/f\n/data/b\n/data/deep/hard\n/odd/new\\x0aline\n/odd/ blank'
	assert_equal "$(paths | head -n 1)" /bin/busybox
	head -n 1 "$trace" | grep -qxE "davit-trace 1 bytes=[0-9]+ made=$(unsquashfs -fstime "$image") inodes=[0-9]+"
	assert_equal "$(stat -c %U "$trace")" alice
}

@test 'pieces of a big file' {
	run_davit --trace="$trace" "$image" dd if=/data/big of=/dev/null bs=4k count=1 skip=500
	assert_success
	grep -qx $'/data/big\t15' "$trace"
	run ! grep -qx $'/data/big\t0' "$trace"
	run ! grep -qx $'/data/big\t22' "$trace"
}

@test 'a trace is replaced, nothing else is' {
	trace_of a
	trace_of b
	assert_equal "$(paths | grep data)" /data/b
	echo precious >"$trace"
	run_davit --trace="$trace" "$image" true
	assert_status 125
	assert_failure "$host" "'$trace' exists, and is no trace that could be replaced" 'another name, or remove it first'
	assert_equal "$(<"$trace")" precious
	rm "$trace"
	: >"$trace"
	chmod 666 "$trace"
	trace_of a
}

@test 'where no trace can be written' {
	run_davit --trace=/no/such/trace "$image" true
	assert_status 125
	assert_failure "$host" "cannot write the trace '/no/such/trace': No such file or directory" 'a file in a directory that you may write to'
	run_davit --trace=/etc/trace "$image" true
	assert_failure "$host" "cannot write the trace '/etc/trace': Permission denied" 'a file in a directory that you may write to'
	run_davit --trace=/dev/null "$image" true
	assert_failure "$host" "'/dev/null' is no file" 'the path of a file for the trace'
	run_davit --trace=/home/alice/ "$image" true
	assert_failure "$host" "--trace: '/home/alice/' is a directory" 'the path of a file'
	run_davit --trace= "$image" true
	assert_failure "$host" '--trace: empty path'
}

@test 'a directory is not traced, and the command runs' {
	run_davit --trace="$trace" "$tree" cat /odd/empty
	assert_status 0
	assert_failure "$host" "no trace: image '$tree' is a directory, which the node's kernel reads without a server that could note what"
	[[ ! -e $trace ]]
}

@test 'two containers do not write to one trace' {
	begin "$DAVIT" run --trace="$trace" "$image" sh -c 'cat /data/a >/dev/null; echo up; sleep 2'
	await_output up
	run_davit --trace="$trace" "$image" sh -c 'cat /data/b >/dev/null'
	assert_status 0
	assert_failure "$host" "no trace: another container is being traced to '$trace'" 'another file for each'
	finish
	assert_equal "$(paths | grep data)" /data/a
}

@test 'who kills the image server does not take the trace along' {
	begin "$DAVIT" run --trace="$trace" "$image" sh -c 'cat /data/c >/dev/null; echo up; exec sleep 1'
	await_output up
	kill -KILL "$(servers_of "$image")"
	finish
	assert_equal "$(paths | grep data)" /data/c
}

@test 'srun: the first node traces' {
	run_srun -N2 -n4 --container="$image" --container-trace="$trace" sh -c 'cat /data/[abc] >/dev/null; echo done'
	assert_success
	assert_quiet
	assert_equal "${#lines[@]}" 4
	assert_equal "$(paths | grep data | sort)" $'/data/a\n/data/b\n/data/c'
	assert_equal "$(grep -c davit-trace "$trace")" 1
	run_srun --container="$image" --container-trace=/no/such/trace true
	assert_status 125
	assert_stderr "cannot write the trace '/no/such/trace': No such file or directory"
	run_srun --container="$image" --container-trace=/home/alice/ true
	assert_refused srun "--container-trace: '/home/alice/' is a directory" 'the path of a file'
}

# faultfs.c, with the image $1 on it, and the mode $2.
put_on_disk() {
	disk=$DAVIT_WORK/optimise-disk
	mkdir -p "$disk/mnt"
	echo "$2" >"$disk/mode"
	# shellcheck disable=SC2046 # words
	cc -O1 -o "$disk/faultfs" "$DAVIT_TESTS/lib/faultfs.c" $(pkg-config --cflags --libs fuse3)
	"$disk/faultfs" "$1" "$disk/mode" "$disk/mnt" -f -o allow_other >"$disk/count" 2>/dev/null 3>&- &
	faultfs=$!
	await test -e "$disk/mnt/${1##*/}"
}
take_from_disk() {
	umount "$disk/mnt"
	wait "$faultfs"
}

servers_of() { pgrep -f "image server: $1"; }

# ---- optimising --------------------------------------------------------------

@test 'what the trace read is in front, in its order; all else is as it was' {
	trace_of e b deep/hard
	optimise --trace="$trace" "$image" "$new"
	assert_success
	assert_quiet
	assert_match "^$new: 4 files first, in [0-9.]+ MiB; 0 behind them, read in part; 0 of the trace not in the image\$"
	places "$new" e b c a >"$BATS_TEST_TMPDIR/places"
	sort -nc "$BATS_TEST_TMPDIR/places"
	(($(places "$new" c) < $(places "$new" big)))
	places "$image" e b c a >"$BATS_TEST_TMPDIR/places"
	run ! sort -nc "$BATS_TEST_TMPDIR/places"

	run_alice "$DAVIT" image diff --times "$image" "$new"
	# the root directory is mksquashfs's own, but for its mode
	assert_output "$(grep '^/: ' <<<"$output")"
	mkdir "$BATS_TEST_TMPDIR"/{old,new}
	unsquashfs -f -q -n -d "$BATS_TEST_TMPDIR/old" "$image" >/dev/null
	unsquashfs -f -q -n -d "$BATS_TEST_TMPDIR/new" "$new" >/dev/null
	for side in old new; do
		(
			cd "$BATS_TEST_TMPDIR/$side" || exit
			find . -mindepth 1 -printf '%P %y %m %U %G %n %T@ %l\n' | sort
			find . -type f -exec md5sum {} + | sort -k 2
			find . \( -type b -o -type c \) -exec stat -c '%n %t:%T' {} + | sort
			find . -mindepth 1 -exec getfattr -h -d -m - {} + | cat
			stat -c %a .
		) >"$BATS_TEST_TMPDIR/$side.all"
		# holes
		(($(stat -c %b "$BATS_TEST_TMPDIR/$side/odd/sparse") < 1000))
	done
	diff "$BATS_TEST_TMPDIR/old.all" "$BATS_TEST_TMPDIR/new.all"
	grep -q 'trusted.davit' "$BATS_TEST_TMPDIR/new.all"
	for i in "$image" "$new"; do
		unsquashfs -s "$i" | grep -vE 'Found|Creation|bytes|Duplicates|Number of (fragments|ids)'
	done | sort | uniq -c | awk '$1 != 2' >"$BATS_TEST_TMPDIR/differ"
	[[ ! -s $BATS_TEST_TMPDIR/differ ]] || complain "$(<"$BATS_TEST_TMPDIR/differ")"

	run_davit "$new" sh -c 'cat /data/deep/hard; stat -c %h /data/c'
	assert_success
	optimise --force --quiet --trace="$trace" "$image" "$new.2"
	assert_success
	assert_output ''
	cmp "$new" "$new.2"
}

@test 'compressor, level and size of blocks by choice' {
	trace_of a
	optimise --trace="$trace" --compressor=zstd --level=3 --block-size=256K "$image" "$new"
	assert_success
	unsquashfs -s "$new" | grep -q 'Compression zstd'
	unsquashfs -s "$new" | grep -q 'compression-level 3'
	unsquashfs -s "$new" | grep -q 'Block size 262144'
	# which are kept the next time
	run_davit --trace="$trace" "$new" cat /data/b
	optimise --trace="$trace" "$new" "$new.2"
	assert_success
	unsquashfs -s "$new.2" | grep -q 'compression-level 3'
	unsquashfs -s "$new.2" | grep -q 'Block size 262144'
	run_alice "$DAVIT" image diff --times "$new" "$new.2"
	assert_success
	assert_output ''
}

@test 'several traces, one behind the other; what is read in part comes behind' {
	trace_of d
	cp "$trace" /home/alice/other
	run_davit --trace="$trace" "$image" sh -c 'cat /data/a >/dev/null; head -c 1000 /data/big >/dev/null'
	assert_success
	optimise --trace=/home/alice/other --trace="$trace" "$image" "$new"
	assert_success
	assert_match ': 3 files first, in [0-9.]+ MiB; 1 behind them, read in part; 0 of'
	places "$new" d a b >"$BATS_TEST_TMPDIR/places"
	sort -nc "$BATS_TEST_TMPDIR/places"
}

@test 'the start of an optimised image is read at once, whatever is asked for' {
	local file

	trace_of big
	optimise --trace="$trace" "$image" "$new"
	assert_success
	for file in "$image" "$new"; do
		put_on_disk "$file" ok
		davit_as_root "$disk/mnt/${file##*/}"
		await no_servers_of "$disk/mnt"
		take_from_disk
		cat "$disk/count" >>"$BATS_TEST_TMPDIR/counts"
	done
	cat "$BATS_TEST_TMPDIR/counts"
	awk '{ print $4 }' "$BATS_TEST_TMPDIR/counts" | {
		read -r plain
		read -r fast
		((plain < 2500000 && fast > 3000000))
	}
}
davit_as_root() { env -i PATH="$PATH" HOME=/root "$DAVIT" run "$1" sleep 0.5; }
no_servers_of() { ! servers_of "$1"; }

@test 'a trace of another image, or of an older one' {
	trace_of a b
	sed -i -e '1s/bytes=[0-9]*/bytes=77/' -e '$a /data/gone' "$trace"
	optimise --trace="$trace" "$image" "$new"
	assert_status 0
	assert_match '; 1 of the trace not in the image$'
	assert_failure "$host" "the trace '$trace' is of another image than '$image', by size or date" \
	    "a new trace, if much has changed since: davit run --trace=FILE $image COMMAND"
	printf 'davit-trace 1 bytes=1 made=2 inodes=3\n/no/such\n/file\t7\n' >"$trace"
	optimise --trace="$trace" "$image" "$new.2"
	assert_status 125
	assert_stderr "davit: $host: no file of the trace is in image '$image'"
	[[ ! -e $new.2 ]]
}

@test 'what is no trace' {
	local head='davit-trace 1 bytes=1 made=2 inodes=3'

	for text in '' /data/a "${head/1/2}" $'\x7fELF\x00'; do
		printf '%s\n' "$text" >"$trace"
		optimise --trace="$trace" "$image" "$new"
		assert_status 125
		assert_failure "$host" "'$trace' is no trace: its first line is not one of 'davit-trace 1'" \
		    'davit run --trace=FILE IMAGE COMMAND writes one'
	done
	for text in ../data /data/../etc data/a '/data/\x' $'/data/\x01' "/$(printf 'x%.0s' {1..300})"; do
		printf '%s\n' "$head" /data/a "$text" >"$trace"
		optimise --trace="$trace" "$image" "$new"
		assert_status 125
		assert_failure "$host" "'$trace', line 3: not the path of a file in an image" 'trace the command once more'
	done
	echo "$head" >"$trace"
	optimise --trace="$trace" "$image" "$new"
	assert_failure "$host" "the trace '$trace' names no files" "davit run --trace=FILE $image COMMAND"
	optimise --trace=/no/such "$image" "$new"
	assert_failure "$host" "cannot read the trace '/no/such': No such file or directory"
	optimise "$image" "$new"
	assert_failure "$host" 'no trace given' "--trace=FILE, after: davit run --trace=FILE $image COMMAND"
	[[ ! -e $new ]]
}

@test 'what is refused' {
	trace_of a
	cp "$image" "$new"
	optimise --trace="$trace" "$new" "$new"
	assert_failure "$host" "'$new' is the image itself" 'another name for the new image'
	optimise --force --trace="$trace" "$new" "/home/alice/../alice/${new##*/}"
	assert_failure "$host" '* is the image itself' '*'
	optimise --trace="$trace" "$image" "$new"
	assert_failure "$host" "'$new' exists" 'another name, or --force to replace it'
	cmp "$image" "$new"
	optimise --trace="$trace" "$tree" "$new.2"
	assert_failure "$host" "image '$tree' is a directory: *" '*'
	optimise --trace="$trace" "$image" /no/such/new
	assert_failure "$host" "cannot create a file in '/no/such/': *" '*'
	optimise --trace="$trace" --compressor=zst "$image" "$new.2"
	assert_failure "$host" "there is no compressor 'zst'" zstd
	optimise --trace="$trace" --level=23 "$image" "$new.2"
	assert_failure "$host" "compressor 'gzip' has no level 23" 'a level from 1 to 9'
	optimise --trace="$trace" --level=fast "$image" "$new.2"
	assert_failure "$host" "--level: 'fast' is no number" '*'
	optimise --trace="$trace" --block-size=3M "$image" "$new.2"
	assert_failure "$host" 'no squashfs has blocks of 3145728 bytes' 'a power of 2 from 4K to 1M'
	optimise --trace="$trace" --block-size=big "$image" "$new.2"
	assert_failure "$host" "--block-size: 'big' is no number" '4K to 1M'
	optimise --trace="$trace" "$image"
	assert_failure "$host" '1 arguments are too few' '*'
	[[ ! -e $new.2 ]]
}

@test 'a full disk, and Ctrl-C, leave nothing' {
	trace_of a
	install -d -o alice /home/alice/to
	mount -t tmpfs -o size=1m,mode=1777 none /home/alice/to
	optimise --trace="$trace" "$image" /home/alice/to/new
	umount_and_count
	assert_status 125
	assert_equal "$left" 0
	assert_stderr "davit: $host: cannot write '/home/alice/to/new': mksquashfs ended with code 1: .*"
	put_on_disk "$image" 'delay 300'
	begin "$DAVIT" image optimise --trace="$trace" "$disk/mnt/${image##*/}" /home/alice/to/new
	await tool_of_ours
	kill -INT "$optimiser"
	finish || true
	take_from_disk
	assert_status 130
	await no_tool
	assert_equal "$(ls -A /home/alice/to)" ''
}
umount_and_count() {
	left=$(find /home/alice/to -mindepth 1 | wc -l)
	umount /home/alice/to
}
# The process that was begun last, and its tool.
tool_of_ours() { optimiser=$(pgrep -f "davit image optimise.* $disk/mnt/.*/to/new" | tail -n 1) && tool=$(pgrep -P "$optimiser" -x mksquashfs); }
no_tool() { [[ ! -e /proc/$tool ]]; }

@test 'sockets are left out, which is told' {
	trace_of a
	mkdir /home/alice/other
	chown alice /home/alice/other
	alice perl -MSocket -e 'socket(S, AF_UNIX, SOCK_STREAM, 0) && bind(S, pack_sockaddr_un("other/socket")) or die'
	cp "$tree/data/a" /home/alice/other/a
	mksquashfs /home/alice/other /home/alice/other.sqfs -no-progress -quiet >/dev/null
	sed -i 's,/data/,/,' "$trace"
	optimise --trace="$trace" /home/alice/other.sqfs "$new"
	assert_status 0
	assert_match ': 1 files first, '
	assert_stderr "davit: $host: sockets are left out \(1\): an archive cannot hold them"
	assert_equal "$(unsquashfs -l -d '' "$new")" $'\n/a'
}

@test 'a damaged image makes no other' {
	trace_of a
	cp "$image" /home/alice/other.sqfs
	# the tables
	dd if=/dev/urandom of=/home/alice/other.sqfs bs=1 count=64 conv=notrunc status=none \
	    seek=$(($(od -An -td8 -j 64 -N 8 "$image")))
	optimise --trace="$trace" /home/alice/other.sqfs "$new"
	assert_status 125
	assert_stderr "davit: $host: image '/home/alice/other.sqfs'"
	[[ ! -e $new ]]
}
