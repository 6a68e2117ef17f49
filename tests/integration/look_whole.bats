# SPDX-License-Identifier: BSD-3-Clause
# look_whole.bats - davit image verify, diff and inspect: an image without a mount
#
# Nothing here needs Slurm.

# Variables come from common.bash and look.bash; functions are called by functions.
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2016,SC2317,SC2012

load "$DAVIT_TESTS/lib/common.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/look.bash
. "$DAVIT_TESTS/lib/look.bash"

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
	setfattr -n user.x -v y "$other/dir/sub/n1"
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
