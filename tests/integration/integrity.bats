# SPDX-License-Identifier: BSD-3-Clause
# integrity.bats - digests, seals and signatures of images
#
# The digest and the tree of hashes are compared with those of fsverity(1).

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2153,SC2016,SC2030,SC2031

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/sif.bash"

host=$(hostname -s)
site=$DAVIT_PREFIX/etc/davit/davit.conf
keys=$DAVIT_WORK/keys
zeros=sha256:0000000000000000000000000000000000000000000000000000000000000000
again='copy or make the image again, with its seal'

# An image of alice's with 4 MiB that do not compress: a byte of it is one of a file.
setup_file() {
	local tree=$DAVIT_WORK/trees/precious

	mkdir -p "$tree/data" "$keys"
	cp -a "$DAVIT_WORK/trees/small/bin" "$tree/"
	head -c 4M /dev/urandom >"$tree/data/big"
	mksquashfs "$tree" "$images/precious.sqfs" -noappend -no-progress -quiet -all-root \
	    -b 131072 -noD -noF >/dev/null
	for name in one two; do
		openssl genpkey -algorithm ed25519 -out "$keys/$name.pem"
		openssl pkey -in "$keys/$name.pem" -pubout -out "$keys/$name.pub"
	done
	openssl genpkey -algorithm rsa -pkeyopt rsa_keygen_bits:2048 -out "$keys/rsa.pem" 2>/dev/null
	openssl pkey -in "$keys/rsa.pem" -pubout -out "$keys/rsa.pub"
	chmod a+r "$keys"/*
}

setup() {
	mine=/home/alice/img
	image=$mine/precious.sqfs
	rm -rf "$mine"
	install -d -o alice -g alice "$mine"
	install -o alice -g alice -m 640 "$images/precious.sqfs" "$image"
	mkdir -p "${site%/*}"
	chmod 755 "${site%/*}"
	sum=$(sha256sum <"$DAVIT_WORK/trees/precious/data/big")
	sum=${sum%% *}
	leftovers_note
}

teardown() {
	rm -rf "$site" /home/alice/img
	leftovers_assert
	rmdir "${site%/*}" 2>/dev/null || true
}

site_conf() { cat >"$site"; }

# Seals the image as alice; its digest goes to $digest.
seal() {
	run_alice "$DAVIT" image seal "${1-$image}"
	assert_success
	digest=$output
}

# Flips a bit of the byte at $2 of file $1.
flip() {
	local byte

	byte=$(od -An -tu1 -j "$2" -N 1 "$1")
	patch "$1" "$2" "$(printf '\\%03o' $((byte ^ 1)))"
}

# Where in the image the byte $1 of /data/big is: it is stored as it is.
place() {
	perl -e 'local $/; open I, "<", shift; open F, "<", shift; my $i = <I>; my $f = <F>;
	    print index($i, substr($f, shift, 64))' "$images/precious.sqfs" "$DAVIT_WORK/trees/precious/data/big" "$1"
}

# Steps, and davit run, refuse the image: cause $1, remedy $2; options follow.
refused() {
	local cause=$1 remedy=$2

	shift 2
	run_davit "${@/#--container-/--}" "$image" true
	assert_status 125
	assert_output ''
	assert_failure "$host" "$cause" "$remedy"
	run_srun -N2 -n4 --container="$image" "$@" true
	assert_status 125
	assert_output ''
	assert_failure 'n1 n2' "$cause" "$remedy"
}

# On each of the nodes, once, and nothing else of ours.
told_by_plugin() {
	local node said="image '$image' is not what its digest says: files in it gave I/O errors"

	for node; do
		assert_lines 1 "slurmstepd-$node: error: davit: $host: $said"
		assert_lines 1 "slurmstepd-$node: error: davit: $host: try: davit image verify $image; copy or make the image again"
	done
	assert_equal "$(grep -c 'davit: ' <<<"$stderr")" $(($# * 2))
}

# ---- sealing ---------------------------------------------------------------

@test 'the digest and the tree are those of fsverity' {
	local size tree=$BATS_TEST_TMPDIR/tree

	seal
	assert_equal "$digest" "$(fsverity digest --compact --out-merkle-tree="$tree" "$image" | sed 's/^/sha256:/')"
	cmp "$tree" <(tail -c +4097 "$image.verity") || complain 'another tree'
	assert_equal "$(stat -c %U:%a "$image.verity")" "$(stat -c %U:%a "$image")"
	assert_equal "$(ls "$mine")" $'precious.sqfs\nprecious.sqfs.verity'
	# without a tree, with one level, with two
	for size in 512 4095 4096 4097 $((128 * 4096)) $((128 * 4096 + 1)) $((1 << 20)); do
		head -c "$size" "$image" >"$mine/part"
		patch "$mine/part" 40 '\0\1\0\0\0\0\0\0' # as many bytes as there are, or fewer
		run_alice "$DAVIT" image digest "$mine/part"
		assert_success
		assert_equal "$output" "sha256:$(fsverity digest --compact "$mine/part")"
	done
}

@test 'image digest needs no seal and writes nothing' {
	run_alice "$DAVIT" image digest "$image"
	assert_success
	assert_equal "$output" "sha256:$(fsverity digest --compact "$image")"
	assert_equal "$(ls "$mine")" precious.sqfs
	echo nonsense >"$image.verity"
	run_alice "$DAVIT" image digest "$image"
	assert_success
}

@test 'a seal replaces what is there, a link itself, and lies beside the file that a link leads to' {
	echo untouched >/home/alice/victim
	chown alice /home/alice/victim
	ln -s /home/alice/victim "$image.verity"
	seal
	assert_equal "$(</home/alice/victim)" untouched
	[[ -f $image.verity && ! -L $image.verity ]] || complain 'still a link'
	rm "$image.verity" /home/alice/victim
	alice ln -s precious.sqfs "$mine/latest.sqfs"
	seal "$mine/latest.sqfs"
	assert_equal "$(ls "$mine")" $'latest.sqfs\nprecious.sqfs\nprecious.sqfs.verity'
	run_davit --digest="$digest" "$mine/latest.sqfs" true
	assert_success
}

@test 'what cannot be sealed' {
	local big=$images/precious.sqfs

	run_alice "$DAVIT" image seal "$big"
	assert_status 125
	assert_failure "$host" "cannot seal image '$big': cannot create a file in '$images/': Permission denied" \
	    'a directory that you may write to'
	run_alice "$DAVIT" image seal "$DAVIT_WORK/trees/small"
	assert_failure "$host" "image '*small' is a directory, which has no digest" 'mksquashfs *'
	echo text >"$mine/text"
	run_alice "$DAVIT" image seal "$mine/text"
	assert_failure "$host" "image '$mine/text' is neither a squashfs nor a SIF" 'file *'
	run_alice "$DAVIT" image seal "$mine/none"
	assert_failure "$host" "no image '$mine/none' on this node" '*'
	mkdir "$image.verity"
	run_alice "$DAVIT" image seal "$image"
	assert_failure "$host" "cannot seal image '$image': it is a directory" 'the path of a file'
	assert_equal "$(ls "$mine")" $'precious.sqfs\nprecious.sqfs.verity\ntext'
}

@test 'davit image and its words' {
	run_alice "$DAVIT" image
	assert_status 125
	assert_failure "$host" 'no command given' 'davit image --help'
	run_alice "$DAVIT" image sael "$image"
	assert_failure "$host" "there is no command 'image sael'" 'davit image seal'
	run_alice "$DAVIT" image seal
	assert_failure "$host" 'no image given' 'davit image seal IMAGE'
	run_alice "$DAVIT" image seal "$image" "$image"
	assert_failure "$host" 'more than one image' 'davit image seal IMAGE'
	run_alice "$DAVIT" image seal --key=x "$image"
	assert_failure "$host" "image seal knows no option '--key=x'" 'davit image seal IMAGE'
	run_alice "$DAVIT" image sign "$image"
	assert_failure "$host" 'no key given' 'davit image sign --key=KEY.pem... IMAGE'
	run_alice "$DAVIT" image verify "$image" --key
	assert_failure "$host" "option '--key' needs a value" 'davit image verify *'
	run_alice "$DAVIT" image --help
	assert_success
	assert_match 'seal IMAGE'
	run_alice "$DAVIT" image sign --help
	assert_success
	assert_match '--key=FILE'
}

# ---- pinned ----------------------------------------------------------------

@test 'an image with the digest that was asked for' {
	seal
	run_srun -N2 -n8 --container="$image" --container-digest="$digest" sha256sum /data/big
	assert_success
	assert_equal "$(sort -u <<<"$output")" "$sum  /data/big"
	assert_equal "$(wc -l <<<"$output")" 8
	run_davit --digest="${digest^^}" "$image" true
	assert_status 125
	run_davit --digest="sha256:$(tr a-f A-F <<<"${digest#*:}")" "$image" sha256sum /data/big
	assert_success
	assert_output "$sum  /data/big"
	run_alice env DAVIT_CONTAINER_DIGEST="$digest" srun --container="$image" cat /data/big
	assert_success
	run_alice env DAVIT_CONTAINER_DIGEST="$zeros" srun --container="$image" true
	assert_status 125
	run_srun --container="$image" --container-digest="$digest" --container-writable \
	    sh -c 'echo x >>/data/big && sha256sum /bin/busybox'
	assert_success
}

@test 'several processes read all of it at once' {
	seal
	run_srun --container="$image" --container-digest="$digest" sh -c '
		for i in 0 1 2 3 4 5 6 7; do
			(head -c $((i * 500001)) /data/big; tail -c +$((i * 500001 + 1)) /data/big) | sha256sum &
		done; wait' || true
	assert_success
	assert_equal "$(sort <<<"$output" | uniq -c)" "      8 $sum  -"
}

@test 'an image with another digest' {
	seal
	refused "image '$image' has digest $digest, not $zeros" \
	    'the image that was asked for; or its digest, if this is the right one' --container-digest="$zeros"
}

@test 'no digest at all, by srun itself' {
	run_srun --container="$image" --container-digest=sha256:12 true
	assert_refused srun "--container-digest: 'sha256:12' is not a digest" \
	    'sha256: and 64 hexadecimal digits, as davit image digest prints'
	site_conf <<<"digest: $zeros"
	run_davit "$image" true
	assert_failure "$host" "$site:1: 'digest' cannot have a default: each job names its own" '--container-digest'
}

@test 'no seal' {
	refused "the digest of image '$image' cannot be checked: its file system has no fs-verity for it, and it has no seal" \
	    "davit image seal $image" --container-digest="$zeros"
}

@test 'a directory' {
	image=$DAVIT_WORK/trees/small
	refused "image '$image' is a directory, which has no digest" \
	    "mksquashfs $image NEW.sqfs, and davit image seal NEW.sqfs" --container-digest="$zeros"
}

@test 'a seal that nobody asked for costs nothing, and is not even looked at' {
	echo nonsense >"$image.verity"
	run_srun --container="$image" sha256sum /data/big
	assert_success
	assert_output "$sum  /data/big"
}

@test 'a SIF: the digest is that of the whole file' {
	make_sif "$mine/image.sif" "$image" 1
	image=$mine/image.sif
	seal
	assert_equal "$digest" "sha256:$(fsverity digest --compact "$image")"
	run_srun --container="$image" --container-digest="$digest" sha256sum /data/big
	assert_success
	assert_output "$sum  /data/big"
	# the table of partitions is looked at before anything else
	flip "$image" 200
	refused "image '$image' is not what its digest says: it was changed at byte 0" "$again" \
	    --container-digest="$digest"
}

@test 'a container that runs already' {
	seal
	run_alice salloc -Q sh -c 'srun --container='"$image"' --container-name=x --container-digest='"$digest"' \
	    sh -c "echo alive; sleep 30" >/home/alice/img/alive &
	    until grep -q alive /home/alice/img/alive; do sleep .1; done
	    srun --overlap --container-name=x --container-digest='"$digest"' true; echo "code $?"
	    srun --overlap --container-name=x echo entered; scancel -s KILL --ctld $SLURM_JOB_ID.0; wait' || true
	[[ $output == *'code 125'*entered* ]] || complain 'not refused, or not entered'
	[[ $stderr == *"container 'x' runs already: what it was made from cannot be checked now"* ]] ||
	    complain 'no cause'
	await job_none
}

# ---- changed ---------------------------------------------------------------

# Files up to there can be read, the command sees an I/O error for the others, and one line says why.
@test 'a byte of a file was changed' {
	local at

	seal
	at=$(place 3000000)
	flip "$image" "$at"
	at=$((at / 4096 * 4096))
	run_srun -N2 -n4 --container="$image" --container-digest="$digest" \
	    sh -c 'head -c 1000000 /data/big | wc -c; cat /data/big >/dev/null'
	assert_status 1
	assert_equal "$(sort -u <<<"$output")" 1000000
	assert_equal "$(grep -c 'Input/output error' <<<"$stderr")" 4
	told_by_plugin n1 n2
	run_davit --digest="$digest" "$image" cat /data/big
	assert_status 1
	assert_failure "$host" "image '$image' is not what its digest says: it was changed at byte $at" "$again"
	run_alice "$DAVIT" image verify "$image"
	assert_status 125
	assert_failure "$host" "image '$image' is not what its digest says: it was changed at byte $at" "$again"
	# Nothing is wrong for who reads something else.
	run_srun --container="$image" --container-digest="$digest" head -c 10 /bin/busybox
	assert_success
}

@test 'it is told even where the command does not mind' {
	seal
	flip "$image" "$(place 3000000)"
	run_srun --container="$image" --container-digest="$digest" sh -c 'cat /data/big >/dev/null 2>&1; true'
	assert_status 0
	told_by_plugin n1
}

@test 'the superblock was changed' {
	seal
	flip "$image" 8
	refused "image '$image' is not what its digest says: it was changed at byte 0" "$again" \
	    --container-digest="$digest"
}

@test 'the tables were changed' {
	local size

	seal
	size=$(stat -c %s "$image")
	# the table of inodes and all behind it
	dd if=/dev/zero of="$image" bs=1 seek=$((size - 5000)) count=4000 conv=notrunc status=none
	refused "*image '$image' is not what its digest says: it was changed at byte *" "$again" \
	    --container-digest="$digest"
}

@test 'the seal was changed' {
	seal
	flip "$image.verity" 4096
	refused "image '$image' is not what its digest says: its seal was changed" "$again" \
	    --container-digest="$digest"
	flip "$image.verity" 4096
	flip "$image.verity" 100 # the root
	refused "image '$image' has digest sha256:*, not $digest" '*' --container-digest="$digest"
}

@test 'seals that are none' {
	local remedy='davit image seal makes it anew, where the image is the right one' size

	seal
	size=$(stat -c %s "$image")
	cp "$image.verity" "$mine/good"
	truncate -s -4096 "$image.verity"
	refused "seal '$image.verity': it has not the length that it should have" "$remedy" --container-digest="$digest"
	truncate -s 100 "$image.verity"
	refused "seal '$image.verity': it is truncated" "$remedy" --container-digest="$digest"
	cp "$mine/good" "$image.verity"
	patch "$image.verity" 72 '\377\377\377\377\377\377\377\377'
	refused "seal '$image.verity': it is the seal of a file of 18446744073709551615 bytes, and the image has $size" \
	    'copy the image and its seal again' --container-digest="$digest"
	patch "$image.verity" 72 '\377\377\377\377\377\377\377\177'
	refused "seal '$image.verity': it is the seal of a file of 9223372036854775807 bytes, and the image has $size" \
	    'copy the image and its seal again' --container-digest="$digest"
	rm "$image.verity"
	ln -s good "$image.verity"
	refused "the seal of image '$image': cannot open '$image.verity', a symbolic link*" '' --container-digest="$digest"
	rm "$image.verity"
	mkfifo "$image.verity"
	refused "the seal of image '$image': cannot use '$image.verity', which is not a regular file*" '' \
	    --container-digest="$digest"
	rm "$image.verity"
	install -m 600 "$mine/good" "$image.verity"
	refused "the seal of image '$image': cannot open '$image.verity': Permission denied" '' --container-digest="$digest"
}

@test 'the seal of another image of the same size' {
	local other=$mine/other.sqfs

	seal
	install -o alice -m 644 "$image" "$other"
	flip "$other" "$(place 2000000)"
	seal "$other" # and $digest is that of the other one
	mv "$other.verity" "$image.verity"
	run_srun --container="$image" --container-digest="$digest" cat /data/big
	assert_status 1
	told_by_plugin n1
}

@test 'the image was truncated, or has grown' {
	local size

	seal
	size=$(stat -c %s "$image")
	truncate -s -4096 "$image"
	refused "seal '$image.verity': it is the seal of a file of $size bytes, and the image has $((size - 4096))" \
	    'copy the image and its seal again' --container-digest="$digest"
	truncate -s $((size + 1)) "$image"
	refused "seal '$image.verity': it is the seal of a file of $size bytes, and the image has $((size + 1))" \
	    'copy the image and its seal again' --container-digest="$digest"
}

# ---- while it runs -----------------------------------------------------------

# Begins a step that reads on when /home/alice/img/go is there.
begin_reader() {
	begin srun --container="$image" --container-digest="$digest" --container-mounts="$mine:/mine" sh -c '
		head -c 100000 /data/big >/dev/null; echo alive
		until [ -e /mine/go ]; do sleep .1; done
		sha256sum </data/big'
	await_output alive
}

@test 'the image is replaced, or removed, while it runs: the old one is served to the end' {
	seal
	begin_reader
	cp "$OTHER" "$mine/new"
	mv "$mine/new" "$image"
	rm "$image.verity"
	touch "$mine/go"
	finish
	assert_success
	assert_equal "${lines[1]}" "$sum  -"
}

@test 'the image is written to while it runs, and its seal made anew' {
	seal
	begin_reader
	flip "$image" "$(place 3000000)"
	seal
	touch "$mine/go"
	finish
	assert_status 1
	told_by_plugin n1
}

@test 'the image is truncated while it runs' {
	seal
	begin_reader
	truncate -s 2M "$image"
	touch "$mine/go"
	finish
	assert_status 1
	told_by_plugin n1
}

# ---- signatures --------------------------------------------------------------

verify() { run_alice "$DAVIT" image verify "$@" "$image"; }
# What it says behind the line about files, which look.bats is for.
assert_verified() {
	assert_match '^read: [0-9]+ files, [0-9]+ directories, [0-9]+ others; [0-9]+ blocks'
	assert_equal "${output#*$'\n'}" "$1"
}

@test 'signatures: none, good, two, by another key, of another image, altered' {
	local letter

	seal
	verify
	assert_success
	assert_verified "digest: $digest"$'\nsigned: no'
	verify --key="$keys/one.pub"
	assert_status 125
	assert_failure "$host" "image '$image' is not signed" "davit image sign --key KEY.pem $image"

	run_alice "$DAVIT" image sign --key="$keys/one.pem" "$image"
	assert_success
	assert_output "$digest"
	verify --key="$keys/one.pub"
	assert_success
	assert_verified "digest: $digest"$'\n'"signed: $keys/one.pub"
	verify
	assert_verified "digest: $digest"$'\nsigned: not checked, no key is given'
	verify --key="$keys/two.pub"
	assert_status 125
	assert_failure "$host" "nobody who is trusted has signed image '$image'" "*"
	# OpenSSL alone can tell as well.
	head -n 1 "$image.sig" >"$BATS_TEST_TMPDIR/text"
	sed -n 2p "$image.sig" | base64 -d >"$BATS_TEST_TMPDIR/signature"
	openssl pkeyutl -verify -pubin -inkey "$keys/one.pub" -rawin -in "$BATS_TEST_TMPDIR/text" \
	    -sigfile "$BATS_TEST_TMPDIR/signature" >/dev/null || complain 'OpenSSL does not agree'

	run_alice "$DAVIT" image sign --key="$keys/two.pem" --key="$keys/one.pem" "$image"
	assert_success
	assert_equal "$(wc -l <"$image.sig")" 3
	verify --key="$keys/two.pub"
	assert_success
	verify --key="$keys/one.pub"
	assert_success

	# another letter of base64, which one with a bit flipped need not be
	letter=$(tail -c +101 "$image.sig" | head -c 1)
	patch "$image.sig" 100 "$([[ $letter == B ]] && echo C || echo B)"
	verify --key="$keys/one.pub"
	assert_status 125
	assert_failure "$host" "nobody who is trusted has signed image '$image'" '*'
	patch "$image.sig" 100 "$letter"
	flip "$image.sig" 40
	verify --key="$keys/one.pub"
	[[ $stderr == *"the signature of image '$image' is for sha256:"*', not for '* ||
	    $stderr == *"'$image.sig': it is damaged, or no file of signatures"* ]] || complain 'not refused'
	echo nonsense >"$image.sig"
	verify --key="$keys/one.pub"
	assert_status 125
	assert_failure "$host" "'$image.sig': it is damaged, or no file of signatures" '*'
	run_alice "$DAVIT" image sign --key="$keys/two.pem" "$image"
	assert_status 125
	rm "$image.sig"
	ln -s /home/alice/victim "$image.sig"
	verify
	assert_status 125
	assert_failure "$host" "*cannot open '$image.sig', a symbolic link*" ''
}

@test 'an image that was changed after it was signed' {
	seal
	run_alice "$DAVIT" image sign --key="$keys/one.pem" "$image"
	flip "$image" "$(place 5)"
	seal
	verify --key="$keys/one.pub"
	assert_status 125
	assert_failure "$host" "the signature of image '$image' is for sha256:*, not for $digest" '*'
	# signing again forgets what was for the other one
	run_alice "$DAVIT" image sign --key="$keys/two.pem" "$image"
	assert_success
	assert_equal "$(wc -l <"$image.sig")" 2
}

@test 'keys that cannot be used' {
	seal
	run_alice "$DAVIT" image sign --key="$keys/rsa.pem" "$image"
	assert_status 125
	assert_failure "$host" "cannot sign image '$image': cannot use key '$keys/rsa.pem': it is not an Ed25519 private key in PEM" \
	    'openssl genpkey -algorithm ed25519 -out KEY.pem'
	run_alice "$DAVIT" image sign --key="$keys/one.pub" "$image"
	assert_status 125
	run_alice "$DAVIT" image sign --key="$keys/none" "$image"
	assert_failure "$host" "cannot sign image '$image': cannot read key '$keys/none': No such file or directory" ''
	assert_equal "$(ls "$mine")" $'precious.sqfs\nprecious.sqfs.verity'
	run_alice "$DAVIT" image sign --key="$keys/one.pem" "$image"
	assert_success
	verify --key="$keys/rsa.pub"
	assert_failure "$host" "cannot use key '$keys/rsa.pub': it is not an Ed25519 public key in PEM" \
	    'openssl pkey -in KEY.pem -pubout -out PUBLIC.pem'
	verify --key="$keys/one.pem"
	assert_status 125
	verify --key=/dev/zero
	assert_failure "$host" "key '/dev/zero' is not a regular file" ''
}

@test "the site's keys" {
	local trusted=$DAVIT_PREFIX/etc/davit/one.pub

	cp "$keys/one.pub" "$trusted"
	site_conf <<<"image-keys: [$keys/two.pub, $trusted]"
	seal
	run_alice "$DAVIT" image sign --key="$keys/one.pem" "$image"
	verify
	assert_success
	assert_verified "digest: $digest"$'\n'"signed: $trusted"
	run_alice "$DAVIT" config
	assert_match "image-keys:"
	chown alice "$trusted"
	verify
	assert_status 125
	assert_failure "$host" "key '$trusted' does not belong to root" "chown root '$trusted'"
	chown root "$trusted"
	chmod g+w "$trusted"
	verify
	assert_failure "$host" "others than root may write to key '$trusted'" "chmod go-w '$trusted'"
	chmod 600 "$trusted"
	verify
	assert_failure "$host" "cannot read key '$trusted': Permission denied" ''
	site_conf <<<'image-keys: [one.pub]'
	verify
	assert_failure "$host" "$site:1: 'image-keys': 'one.pub' is not an absolute path without '..'" '*'
	site_conf <<<'image-key: [/one.pub]'
	verify
	assert_failure "$host" "$site:1: unknown key 'image-key'" "'image-keys'"
	rm -f "$trusted" "$site"
	install -d -o alice -g alice /home/alice/.config/davit
	echo "image-keys: [$keys/two.pub]" >/home/alice/.config/davit/davit.conf
	verify
	assert_failure "$host" "/home/alice/.config/davit/davit.conf:1: 'image-keys' is for the site's davit.conf only" '*'
	rm -rf /home/alice/.config
}
