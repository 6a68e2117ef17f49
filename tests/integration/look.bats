# SPDX-License-Identifier: BSD-3-Clause
# look.bats - davit image inspect, ls, cat, extract, verify and diff: what is in an image, without a mount
#
# Nothing here needs Slurm. What the commands say is compared with the directory of which the image was
# made. The hostile images have no compression: there a change of a byte is a change of a number.

# Variables come from common.bash; functions are called by functions.
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2016,SC2317,SC2012

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/sif.bash"

host=$(hostname -s)
look=$DAVIT_WORK/look
tree=$look/tree
plain=$look/gzip.sqfs
mine=/home/alice/look
raw=(-noI -noD -noF -noX -no-xattrs)

pack() { mksquashfs "$1" "$2" -noappend -no-progress -quiet "${@:3}" >/dev/null; }

# lsetxattr(2); setfattr is not on every machine.
attribute() {
	perl -e 'my %number = (x86_64 => 189, aarch64 => 6);
	    my ($machine, $path, $name, $value) = @ARGV;
	    exit(syscall($number{$machine}, $path, $name, $value, length $value, 0) != 0)' \
	    "$(uname -m)" "$@"
}

value_of() {
	perl -e 'my %number = (x86_64 => 191, aarch64 => 8);
	    my ($machine, $path, $name) = @ARGV;
	    my $value = "x" x 99;
	    my $n = syscall($number{$machine}, $path, $name, $value, 99);
	    print substr($value, 0, $n)' "$(uname -m)" "$@"
}

setup_file() {
	local compression

	mkdir -p "$tree"/{dir/sub,empty,closed,bin} "$look/hostile/odd/unmistakable"
	echo hello >"$tree/file"
	ln "$tree/file" "$tree/dir/hard"
	chmod 4755 "$tree/file"
	attribute "$tree/file" user.color blue
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

# ---- ls --------------------------------------------------------------------

@test 'ls: every compression, and a SIF' {
	local file

	for file in gzip.sqfs xz.sqfs lz4.sqfs lzo.sqfs zstd.sqfs image.sif; do
		image ls "$look/$file"
		assert_success
		assert_equal "$(sort <<<"$output")" "$(cd "$tree" && printf '%s\n' * | sort)" || return
	done
	image ls "$plain" dir/
	assert_output $'beyond\nhard\nlink\nsub'
	image ls "$plain" /absolute
	assert_output $'beyond\nhard\nlink\nsub'
	image ls "$plain" file
	assert_output /file
	image ls "$plain" empty
	assert_success
	assert_output ''
}

@test 'ls -R, ls -l and ls --json tell what is there' {
	image ls -R "$plain"
	assert_success
	assert_equal "$(sort <<<"$output")" "$(cd "$tree" && find . -mindepth 1 -printf '/%P\n' | sort)"
	image ls -lR "$plain" dir
	assert_success
	assert_match $'(^|\n)-rwsr-xr-x +2 +0 +0 +6 20[0-9]{2}-[0-9-]{5} [0-9:]{5} /dir/hard\n'
	assert_match $'\nlrwxrwxrwx +1 .* /dir/link -> \.\./file\n'
	image ls -l "$plain"
	assert_match $'(^|\n)crw-r--r-- +1 +0 +0 +1, 3 [^\n]* null\n'
	assert_match $'\n-rw-r--r-- +1 +1234 +5678 +588895 [^\n]* numbers\n'
	assert_match $'\ndrwxrwxrwt .* empty\n'
	# a link that is named itself
	image ls -l "$plain" absolute
	assert_match '^lrwxrwxrwx .* /absolute -> /dir$'
	image ls --json -R "$plain"
	assert_success
	assert_equal "$(jq -r '.[] | select(.path | startswith("/dir/sub/")) | "\(.path) \(.size)"' <<<"$output" | sort)" \
	    "$(cd "$tree" && find dir/sub/* -printf '/%p %s\n' | sort)"
	assert_equal "$(jq -c '.[] | select(.path == "/null") | [.type, .mode, .device]' <<<"$output")" \
	    '["character device","0644",[1,3]]'
	assert_equal "$(jq -r '.[] | select(.target == "/dir").path' <<<"$output")" /absolute
	assert_equal "$(jq -r '.[] | select(."path-quoted") | .path' <<<"$output")" "'/'$'\\377\\376'"
	image ls --json "$plain" empty
	assert_equal "$(jq -c . <<<"$output")" '[]'
}

@test 'ls: names are quoted on a terminal, as ls does, and nowhere else' {
	local there here

	there=$(cd "$tree" && LC_ALL=C.UTF-8 ls -1 --quoting-style=shell-escape | sort)
	here=$(alice script -qec "'$DAVIT' image ls '$plain'" /dev/null </dev/null | tr -d '\r' | sort)
	assert_equal "$here" "$there"
	image ls "$plain"
	[[ $output == *$'\e[31mred'* ]] || complain 'not as it is'
}

@test 'ls: what is not there' {
	image ls "$plain" nothing
	assert_status 125
	assert_failure "$host" "image '$plain' has no 'nothing'" "davit image ls -R $plain"
	image ls "$plain" file/below
	assert_failure "$host" "image '$plain' has no 'file/below'" '*'
	image ls "$plain" loop
	assert_failure "$host" "image '$plain': cannot read 'loop': Too many levels of symbolic links" ''
	image ls "$mine/none.sqfs"
	assert_failure "$host" "no image '$mine/none.sqfs' on this node" '*'
	image ls
	assert_failure "$host" 'no image given' 'davit image ls *'
	image ls --lang "$plain"
	assert_failure "$host" "image ls knows no option '--lang'" 'davit image ls *'
}

@test 'a directory has nothing to unpack' {
	local command

	mkdir "$mine/root"
	touch "$mine/root/file"
	for command in ls cat extract diff; do
		image $command "$mine/root" file
		assert_status 125
		assert_failure "$host" "image '$mine/root' is a directory: there is nothing to unpack" 'ls, cat, cp -a or diff -r'
	done
}

# ---- cat -------------------------------------------------------------------

@test 'cat: contents, by links, which stay in the image' {
	local name

	for name in gzip.sqfs zstd.sqfs image.sif; do
		image cat "$look/$name" numbers
		assert_success
		cmp "$BATS_TEST_TMPDIR/out" "$tree/numbers"
	done
	image cat "$plain" sparse
	cmp "$BATS_TEST_TMPDIR/out" "$tree/sparse"
	image cat "$plain" dir/link absolute/hard /dir/../absolute/beyond ../../file
	assert_success
	assert_output $'hello\nhello\nhello\nhello'
	image cat "$plain" file nothing
	assert_status 125
	assert_failure "$host" "image '$plain' has no 'nothing'" '*'
	image cat "$plain" nowhere
	assert_failure "$host" "image '$plain' has no 'nowhere'" '*'
	image cat "$plain" dir
	assert_failure "$host" "'dir' in image '$plain' is a directory" "davit image ls -l $plain dir"
	image cat "$plain" fifo
	assert_failure "$host" "'fifo' in image '$plain' is not a regular file" '*'
	run_alice bash -c '"$0" image cat "$1" numbers >/dev/full' "$DAVIT" "$plain"
	assert_failure "$host" 'cannot write to standard output: No space left on device' ''
	image cat "$plain"
	assert_failure "$host" '1 arguments are too few' 'davit image cat IMAGE PATH...'
}

# ---- extract ---------------------------------------------------------------

@test 'extract: all of it' {
	image extract -C "$mine/out" "$plain"
	assert_status 0
	assert_failure "$host" "image '$plain': 1 device file or socket is left out" ''
	diff <(cd "$tree" && find . ! -name null ! -type l ! -path . ! -type d -printf '%P %y %s %Ts\n' | sort) \
	    <(cd "$mine/out" && find . ! -type l ! -path . ! -type d -printf '%P %y %s %Ts\n' | sort) || complain 'other files'
	diff -r --no-dereference -x fifo -x null -x loop -x nowhere "$tree" "$mine/out" || complain 'other contents'
	assert_equal "$(stat -c %a "$mine/out"/{file,empty,closed})" $'755\n1777\n555'
	assert_equal "$(stat -c %i "$mine/out/file")" "$(stat -c %i "$mine/out/dir/hard")"
	assert_equal "$(find "$mine/out" ! -user alice)" ''
	assert_equal "$(readlink "$mine/out/absolute")" /dir
	assert_equal "$(stat -c %b "$mine/out/sparse")" "$(stat -c %b "$tree/sparse")"
	assert_equal "$(value_of "$mine/out/file" user.color)" blue
}

@test 'extract: some of it, with the directories above' {
	image extract -C "$mine/out" "$plain" absolute/hard dir/link /dir/sub
	assert_success
	assert_equal "$(cd "$mine/out" && find . ! -name 'n*' | sort)" $'.\n./dir\n./dir/hard\n./dir/link\n./dir/sub'
	assert_equal "$(find "$mine/out/dir/sub" -type f | wc -l)" 30
	alice sh -c 'cd look && "$0" image extract "$1" file && cat file' "$DAVIT" "$plain" >"$BATS_TEST_TMPDIR/cat"
	assert_equal "$(<"$BATS_TEST_TMPDIR/cat")" hello
	image extract -C "$mine/out" "$plain" nothing
	assert_failure "$host" "image '$plain' has no 'nothing'" '*'
	image extract "$plain"
	assert_status 125
	assert_failure "$host" 'no directory given for all that is in the image' "davit image extract -C DIR $plain"
}

@test 'extract: what is there stays, or is replaced with --force' {
	image extract -C "$mine/out" "$plain" dir/hard
	echo own | alice tee "$mine/out/dir/hard" >/dev/null
	image extract -C "$mine/out" "$plain" dir/hard
	assert_status 125
	assert_failure "$host" "cannot make '$mine/out/dir/hard': File exists" 'an empty directory, or --force to replace what is there'
	assert_equal "$(<"$mine/out/dir/hard")" own
	image extract --force -C "$mine/out" "$plain" dir
	assert_success
	assert_equal "$(<"$mine/out/dir/hard")" hello
	# a directory is never removed for a file
	alice mkdir "$mine/out/numbers"
	image extract -f -C "$mine/out" "$plain" numbers
	assert_failure "$host" "cannot make '$mine/out/numbers': Is a directory" 'remove the directory first'
	image extract -C "$mine/none/out" "$plain"
	assert_failure "$host" "cannot make directory '$mine/none/out': No such file or directory" ''
	image extract -C /proc "$plain" file
	assert_failure "$host" "cannot make '/proc/file': *" ''
}

@test 'extract: links that lie in the way lead nowhere' {
	alice mkdir "$mine/out" "$mine/victim"
	alice ln -s "$mine/victim" "$mine/out/dir"
	image extract -C "$mine/out" "$plain"
	assert_status 125
	assert_failure "$host" "cannot make directory '$mine/out/dir': File exists" 'an empty directory, or --force to replace what is there'
	image extract -f -C "$mine/out" "$plain" dir/hard
	assert_status 125
	assert_failure "$host" "cannot make the directories of '$mine/out/dir/hard': Not a directory" 'an empty directory: links in it are not followed'
	chmod 755 "$mine/out/closed"
	image extract -f -C "$mine/out" "$plain"
	assert_status 0
	[[ ! -L $mine/out/dir && -f $mine/out/dir/hard ]] || complain 'the link is there still'
	rm -r "$mine/out"
	alice mkdir "$mine/out"
	alice ln -s "$mine/victim/file" "$mine/out/file"
	image extract -C "$mine/out" "$plain" file
	assert_failure "$host" "cannot make '$mine/out/file': File exists" '*'
	assert_equal "$(ls -A "$mine/victim")" ''
}

@test 'extract: a full file system' {
	install -d -o alice "$mine/small"
	mount -t tmpfs -o size=512k,uid="$(id -u alice)" davit-test "$mine/small"
	image extract -C "$mine/small/out" "$plain" file dir
	assert_success
	image extract -C "$mine/small/out2" "$plain" numbers
	assert_status 125
	assert_failure "$host" "cannot write '$mine/small/out2/numbers': No space left on device" \
	    'a directory of a file system with more room; what was extracted so far is there'
	[[ ! -e $mine/small/out2/numbers && -e $mine/small/out/file ]] || complain 'half a file is left'
	umount "$mine/small"
}

@test 'extract: who is ended leaves no half file' {
	# of a signal that comes when the file gets too big
	run_alice bash -c 'ulimit -c 0 -f 100; exec "$0" image extract -C "$1" "$2" file numbers' "$DAVIT" "$mine/out" "$plain"
	assert_status $((128 + $(kill -l XFSZ)))
	assert_equal "$(ls -A "$mine/out")" file
	echo own | alice tee "$mine/out/numbers" >/dev/null
	run_alice bash -c 'ulimit -c 0 -f 100; exec "$0" image extract -f -C "$1" "$2" numbers' "$DAVIT" "$mine/out" "$plain"
	assert_equal "$(<"$mine/out/numbers")" own
}

@test 'extract: to a file system where each file has a name from the beginning on' {
	install -d -o alice -g alice "$mine/small"
	bindfs "$mine/small" "$mine/small"
	image extract -C "$mine/small/out" "$plain" numbers dir
	assert_success
	cmp "$tree/numbers" "$mine/small/out/numbers"
	image extract -C "$mine/small/out" "$plain" numbers
	assert_failure "$host" "cannot make '$mine/small/out/numbers': File exists" '*'
	echo own | alice tee "$mine/small/out/numbers" >/dev/null
	alice mkdir "$mine/small/out/sparse"
	image extract -f -C "$mine/small/out" "$plain" numbers
	assert_success
	cmp "$tree/numbers" "$mine/small/out/numbers"
	image extract -f -C "$mine/small/out" "$plain" sparse
	assert_failure "$host" "cannot make '$mine/small/out/sparse': Is a directory" 'remove the directory first'
	assert_equal "$(ls -A "$mine/small/out")" $'dir\nnumbers\nsparse'
	umount "$mine/small"
}

# ---- verify ----------------------------------------------------------------

@test 'verify: whole images without a seal' {
	local name

	for name in gzip xz lz4 lzo zstd; do
		image verify "$look/$name.sqfs"
		assert_success
		assert_match $'^read: 40 files, 6 directories, 7 others; [0-9]+ blocks\ndigest: not checked, there is no seal$'
	done
	image verify "$look/image.sif"
	assert_success
	openssl genpkey -algorithm ed25519 -out "$mine/key.pem"
	openssl pkey -in "$mine/key.pem" -pubout -out "$mine/key.pub"
	chmod 644 "$mine/key.pub"
	image verify --key="$mine/key.pub" "$plain"
	assert_status 125
	assert_failure "$host" "the digest of image '$plain' cannot be checked: its file system has no fs-verity for it, and it has no seal" \
	    "davit image seal $plain"
}

@test 'verify: damaged files are told by name, the first of them, and counted' {
	local name

	# gzip tells of each byte; the first block in the file is that of /dir/hard or its like
	cp "$plain" "$mine/bad.sqfs"
	perl -e 'open F, "+<", shift; seek F, 96 + 300, 0; print F "\xff" x 40' "$mine/bad.sqfs"
	image verify "$mine/bad.sqfs"
	assert_status 125
	assert_match $'(^|\n)damaged: [^\n]*: its contents'
	[[ $output != *read:* ]] || complain 'all is well?'
	assert_failure "$host" "image '$mine/bad.sqfs' is damaged: $(grep -c '^damaged: ' <<<"$output") of the files and directories in it" \
	    'copy or make the image again'
	name=$(sed -n 's/^damaged: \(.*\): its contents/\1/p' <<<"$output" | head -n 1)
	image cat "$mine/bad.sqfs" "$name"
	assert_status 125
	assert_failure "$host" "image '$mine/bad.sqfs': '$name' is damaged or cannot be read" "davit image verify $mine/bad.sqfs; copy or make the image again"
	# all of these are in one block
	pack "$tree/dir/sub" "$mine/bad.sqfs" -b 1M
	perl -e 'open F, "+<", shift; seek F, 96 + 100, 0; print F "\xff" x 20' "$mine/bad.sqfs"
	image verify "$mine/bad.sqfs"
	assert_status 125
	assert_equal "$(grep -c '^damaged: /n.*: its contents$' <<<"$output")" 20
	assert_match $'\ndamaged: 10 more$'
	assert_failure "$host" "image '$mine/bad.sqfs' is damaged: 30 of the files and directories in it" '*'
}

@test 'verify: a seal as well' {
	cp "$look/zstd.sqfs" "$mine/sealed.sqfs"
	chown alice "$mine/sealed.sqfs"
	image seal "$mine/sealed.sqfs"
	digest=$output
	image verify "$mine/sealed.sqfs"
	assert_success
	assert_match "^read: 40 files, 6 directories, 7 others; [0-9]+ blocks"$'\n'"digest: $digest"$'\nsigned: no$'
	# behind the last byte that a file system needs
	perl -e 'open F, "+<", shift; seek F, -1, 2; print F "x"' "$mine/sealed.sqfs"
	image verify "$mine/sealed.sqfs"
	assert_status 125
	assert_failure "$host" "image '$mine/sealed.sqfs' is not what its digest says: it was changed at byte *" '*'
	rm "$mine/sealed.sqfs.verity"
	image verify "$mine/sealed.sqfs"
	assert_success
	echo nonsense >"$mine/sealed.sqfs.verity"
	image verify "$mine/sealed.sqfs"
	assert_status 125
	assert_failure "$host" "seal '$mine/sealed.sqfs.verity': it is truncated" '*'
}

# ---- diff ------------------------------------------------------------------

@test 'diff: the same, by other compressors' {
	image diff "$plain" "$look/zstd.sqfs"
	assert_success
	assert_output ''
	image diff "$look/image.sif" "$look/xz.sqfs"
	assert_success
	assert_output ''
	image diff --json --times "$plain" "$plain"
	assert_equal "$(jq -c . <<<"$output")" '[]'
}

@test 'diff: each kind of difference' {
	local other=$mine/other

	cp -a "$tree" "$other"
	rm -r "$other/empty" "$other/fifo"
	mkdir "$other/new"
	touch "$other/new/file"
	echo "hello, you" >"$other/file"
	printf x | dd of="$other/numbers" bs=1 seek=12345 conv=notrunc status=none
	touch -r "$tree/numbers" "$other/numbers"
	ln -snf elsewhere "$other/dir/link"
	rm "$other/null"
	mknod "$other/null" c 1 5
	chmod 600 "$other/sparse"
	chown 1:2 "$other/two words"
	rm "$other/it's"
	mkdir "$other/it's"
	attribute "$other/dir/sub/n1" user.x y
	touch -d '2020-01-01 00:00' "$other/dir/sub/n2"
	pack "$other" "$mine/other.sqfs"
	image diff "$plain" "$mine/other.sqfs"
	assert_status 1
	assert_quiet
	# the numbers may be those of a hard link
	assert_equal "$output" "/dir/hard: size 6 11
/dir/link: target
/dir/sub/n1: extended attributes
only in $plain: /empty
only in $plain: /fifo
/file: size 6 11
\"/it's\": file, directory
only in $mine/other.sqfs: /new
/null: device 1,3 1,5
/numbers: contents from byte 12346 on
/sparse: mode 0644 0600
'/two words': owner 0:0 1:2"
	image diff --contents "$plain" "$mine/other.sqfs"
	assert_status 1
	[[ $output != *owner* && $output != *mode* && $output != *attributes* && $output == *numbers* ]] ||
	    complain 'more or less than contents'
	image diff --times "$plain" "$mine/other.sqfs"
	assert_match $'\n/dir/sub/n2: modified [0-9]+ 15778[0-9]+\n'
	image diff --json "$plain" "$mine/other.sqfs"
	assert_status 1
	assert_equal "$(jq -c '.[] | select(.path == "/numbers" or .path == "/new")' <<<"$output" | sort)" \
	    "{\"path\":\"/new\",\"only-in\":\"$mine/other.sqfs\"}
{\"path\":\"/numbers\",\"differs\":\"contents from byte 12346 on\"}"
	image diff "$plain" "$mine/none"
	assert_status 125
	assert_failure "$host" "no image '$mine/none' on this node" '*'
	image diff "$plain"
	assert_failure "$host" '1 arguments are too few' 'davit image diff *'
}

# ---- inspect ---------------------------------------------------------------

@test 'inspect: format, sizes and numbers' {
	image inspect "$plain"
	assert_success
	[[ $output == "image: \"$plain\"
kind: \"squashfs\"
compression: \"gzip\"
block-size: 16384
created: \"20"*"Z\"
size: $(stat -c %s "$plain")
uncompressed: $(find "$tree" -type f -links 1 -printf '%s\n' | awk '{n += $1} END {print n + 6}')
files: 40
directories: 6
symbolic-links: 5
hard-links: 1
others: 2
largest-directories:
  - { path: \"/dir\", size: $(cat "$tree"/dir/sub/* "$tree/file" | wc -c) }
  - { path: \"/dir/sub\", size: $(cat "$tree"/dir/sub/* | wc -c) }
  - { path: \"/closed\", size: 7 }" ]] || complain 'not that'
	image inspect --json "$look/image.sif"
	assert_success
	assert_equal "$(jq -c '[.kind, .compression, .files, .size]' <<<"$output")" \
	    "[\"SIF\",\"gzip\",40,$(stat -c %s "$look/image.sif")]"
	# in which there is not one word of its own
	image inspect "$look/zstd.sqfs"
	[[ $output != *env:* && $output != *libc:* && $output != *digest* ]] || complain 'it says too much'
}

@test 'inspect: configuration, permissions, seal, signature, libraries' {
	local root=$mine/root gpus=usr/local/cuda/lib64

	mkdir -p "$root"/{.davit,lib,bin,usr/lib/mpi,$gpus/stubs}
	cp -L "$(ldconfig -p | sed -n 's/.*libc\.so\.6 (.*x86-64.*=> //p;s/.*libc\.so\.6 (.*AArch64.*=> //p' | head -n 1)" "$root/lib/libc.so.6"
	cp -L /usr/lib/*/libmpi.so.40 "$root/usr/lib/mpi/libmpi.so.40.30.4"
	ln -s libmpi.so.40.30.4 "$root/usr/lib/mpi/libmpi.so.40"
	cp "$(command -v busybox)" "$root/bin/busybox"
	touch "$root/$gpus"/{libcudart.so.12.4.127,stubs/libcuda.so}
	echo '{"config": {"Env": ["A=b"], "Cmd": ["sh", "\u001b[31m\u009b\u202e"], "WorkingDir": "/w", "Labels": {"k": "v"}}}' \
	    >"$root/.davit/config.json"
	printf 'version: 1\nnetwork: none\n' >"$root/.davit/permissions.yaml"
	pack "$root" "$mine/full.sqfs"
	chown -R alice "$mine"
	openssl genpkey -algorithm ed25519 -out "$mine/key.pem"
	chown alice "$mine/key.pem"
	image seal "$mine/full.sqfs"
	digest=$output
	image sign --key="$mine/key.pem" "$mine/full.sqfs"
	image inspect "$mine/full.sqfs"
	assert_success
	[[ $output == *"digest: \"$digest\"
digest-of: \"seal\"
signatures: 1
signed-digest: \"$digest\"
"*"architecture:
  - \"$(uname -m)\"
libc:
  - { name: \"glibc\", version: \"$(getconf GNU_LIBC_VERSION | sed 's/.* //')\", path: \"/lib/libc.so.6\" }
mpi:
  - { name: \"Open MPI 4.1."[0-9]*"\", path: \"/usr/lib/mpi/libmpi.so.40.30.4\" }
gpu-libraries:
  - { name: \"libcudart\", version: \"12.4.127\", path: \"/$gpus/libcudart.so.12.4.127\" }
  - { name: \"libcuda\", version: \"stub\", path: \"/$gpus/stubs/libcuda.so\" }
origin: \"/.davit/config.json\"
env:
  - \"A=b\"
workdir: \"/w\"
command:
  - \"sh\"
  - \"\\x1b[31m\\x9b\\u202e\"
labels:
  - \"k=v\"
permissions:
  - \"no network\"" ]] || complain 'not that'
	image inspect --json "$mine/full.sqfs"
	assert_equal "$(jq -r '.command[1]' <<<"$output" | od -An -tx1 | tr -d ' ')" 1b5b33316dc29be280ae0a
	# the short one says the same of itself
	run_alice "$DAVIT" inspect "$mine/full.sqfs"
	assert_success
	assert_output "$("$DAVIT" image inspect "$mine/full.sqfs" | sed '3,/^origin/{/^origin/!d}')"
	# a directory: the same, but for what is a file's
	image inspect "$root"
	assert_success
	[[ $output == *'kind: "directory"'*'files: 7'*'glibc'*'Open MPI'*'- "no network"' ]] || complain 'not that of a directory'
	echo nonsense >"$mine/full.sqfs.verity"
	image inspect "$mine/full.sqfs"
	assert_match $'\nseal: "seal .*: it is truncated"\n'
	# libraries that are none
	rm "$root/lib/libc.so.6" "$root/usr/lib/mpi"/*
	head -c 5000 /dev/urandom >"$root/usr/lib/mpi/libmpi.so.40"
	head -c 100 "$root/bin/busybox" >"$root/lib/libc.so.6"
	pack "$root" "$mine/none.sqfs"
	image inspect "$mine/none.sqfs"
	assert_success
	[[ $output == *architecture:*"$(uname -m)"* && $output != *mpi:* && $output != *libc:* ]] || complain 'something is found'
	echo '{' >"$root/.davit/config.json"
	pack "$root" "$mine/none.sqfs"
	image inspect "$mine/none.sqfs"
	assert_status 125
	assert_failure "$host" "'/.davit/config.json' in image '$mine/none.sqfs': *" 'an OCI image configuration there, *'
}

# ---- hostile ---------------------------------------------------------------

@test 'hostile: a directory in itself' {
	hostile 's/..(..\x01\x00\x0b\x00unmistakable)/pack("v", $root) . $1/se or die'
	refused_by_all "'/odd/unmistakable' is damaged: it is a directory that has another name"
	image verify "$bad"
	assert_status 125
	assert_output 'damaged: /odd/unmistakable: it is a directory that has another name'
	assert_failure "$host" "image '$bad' is damaged: 1 of the files and directories in it" 'copy or make the image again'
	# what does not go that way is there
	image cat "$bad" odd/another
	assert_output more
}

@test 'hostile: names that lead elsewhere' {
	local name

	for name in ../../../x ./././././. 'a/b/c/d/e/fg'; do
		hostile "s(unmistakable)(substr('$name' . 'x' x 12, 0, 12))e or die"
		refused_by_all "'/odd' is damaged: its list of names"
		[[ ! -e $mine/x && ! -e /home/alice/x ]] || complain 'it has led elsewhere'
	done
	hostile 's/\x0b\x00unmistakable/\x01\x00..mistakable/ or die'
	refused_by_all "'/odd' is damaged: its list of names"
}

@test 'hostile: two things of one name, a link first' {
	# "another" becomes a link with the name of what comes next
	mkdir -p "$mine/two/a1" "$mine/victim"
	chown alice "$mine/victim"
	ln -s "$mine/victim" "$mine/two/a0"
	echo evil >"$mine/two/a1/file"
	pack "$mine/two" "$mine/two.sqfs" "${raw[@]}"
	perl -pi -0777 -e 's/\x01\x00\x01\x00a1/\x01\x00\x01\x00a0/ or die' "$mine/two.sqfs"
	image extract -C "$mine/out" "$mine/two.sqfs"
	assert_status 125
	assert_failure "$host" "cannot make directory '$mine/out/a0': File exists" '*'
	image extract --force -C "$mine/out" "$mine/two.sqfs"
	assert_status 0
	assert_equal "$(ls -A "$mine/victim")" ''
	image verify "$mine/two.sqfs"
	assert_status 125
	assert_output 'damaged: /a0: its name is not in order'
}

@test 'hostile: sizes beyond all reason' {
	# /odd/another, of 5 bytes, says that it has 2 GiB
	hostile 's/(\x02\0.{26})\x05\0\0\0/$1\xff\xff\xff\x7f/s or die'
	LIMIT=15 image verify "$bad"
	assert_status 125
	assert_match 'damaged: /odd/[a-z/]+: its '
	image inspect "$bad"
	assert_success
	LIMIT=15 run_alice bash -c 'ulimit -v 3000000; "$0" image extract -C "$1" "$2"' "$DAVIT" "$mine/out" "$bad"
	assert_status 125
	assert_stderr "image '$bad': '/odd/[a-z/]+' is damaged or cannot be read"
	[[ ! $(find "$mine/out" -size +1M) ]] || complain 'half a file is left'
	# a list of names that never ends
	hostile 'substr($_, unpack("V", substr($_, 64, 4)) + 2 + $root + 24, 2) = "\xff\xff"'
	refused_by_all "'/' is damaged: its list of names"
}

@test 'hostile: a thousand ways to each directory' {
	# d1 has 40 names, all of which are d2, and so on: 40^8 files, if they were counted
	local i j dirs=$mine/deep

	for i in {1..8}; do
		dirs+=/d
		mkdir -p "$dirs"
		for j in {10..49}; do
			mkdir "$dirs/x$j"
		done
	done
	pack "$mine/deep" "$mine/deep.sqfs" "${raw[@]}"
	# each of them becomes the directory "d" beside it
	perl -pi -0777 -e 'my $at = unpack("V", substr($_, 72, 4)); my $lists = substr($_, $at); my $d;
	    $lists =~ s/(..)(..)\x01\0(?:\0\0(d)|\x02\0(x\d\d))/$d = $1 if $3; $3 || !defined $d ? $& : "$d$2\x01\0\x02\0$4"/gse;
	    substr($_, $at) = $lists' "$mine/deep.sqfs"
	LIMIT=15 image ls -R "$mine/deep.sqfs"
	assert_status 125
	assert_stderr "is damaged: it is a directory that has another name"
	LIMIT=15 image verify "$mine/deep.sqfs"
	assert_status 125
	assert_match 'damaged: [0-9]+ more'
}

@test 'hostile: images at random end with an answer' {
	local seed command name

	for seed in {1..40}; do
		name=$([[ $((seed % 2)) == 0 ]] && echo hostile || echo gzip)
		perl -e 'my ($in, $out, $seed) = @ARGV; srand $seed; local $/; open I, "<", $in; my $i = <I>;
		    for (0..int rand 4) { substr($i, 8 + int rand(length($i) - 8), 1) = chr int rand 256 }
		    open O, ">", $out; print O $i' "$look/$name.sqfs" "$mine/random.sqfs" "$seed"
		for command in "ls -lR" inspect verify "extract -f -C $mine/out"; do
			# shellcheck disable=SC2086 # words
			LIMIT=10 image $command "$mine/random.sqfs"
			((status == 0 || status == 125)) || complain "seed $seed: $command"
		done
	done
}
