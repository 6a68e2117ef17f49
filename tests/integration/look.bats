# SPDX-License-Identifier: BSD-3-Clause
# look.bats - davit image ls, cat and extract: an image without a mount
#
# Nothing here needs Slurm.

# Variables come from common.bash and look.bash; functions are called by functions.
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2016,SC2317,SC2012

load "$DAVIT_TESTS/lib/common.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/look.bash
. "$DAVIT_TESTS/lib/look.bash"

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
	assert_failure "$host" "image ls knows no option '--lang'" '--long'
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
	assert_equal "$(getfattr --only-values -n user.color "$mine/out/file")" blue
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
