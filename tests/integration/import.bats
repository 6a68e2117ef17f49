#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# davit image import: from a real registry, and from files. No step of Slurm runs here but one.

# Each test is a process of its own, where `registry` is what it has set, or setup().
# shellcheck disable=SC2030,SC2031

# shellcheck source-path=SCRIPTDIR source=../lib/common.bash
load ../lib/common
# shellcheck source-path=SCRIPTDIR source=../lib/registry.bash
. "$DAVIT_TESTS/lib/registry.bash"

# Two layers: the second takes a file away and a directory's contents, and replaces.
setup_file() {
	local dir=$DAVIT_WORK/import

	mkdir -p "$dir"/one/{bin,etc/old,dir} "$dir"/two/{etc,dir}
	cp "$(command -v busybox)" "$dir"/one/bin/
	ln -s busybox "$dir"/one/bin/sh
	echo one >"$dir"/one/etc/one
	echo two >"$dir"/one/etc/two
	echo old >"$dir"/one/dir/old
	truncate -s 8M "$dir"/one/sparse
	ln "$dir"/one/etc/one "$dir"/one/etc/hard
	mkfifo "$dir"/one/fifo
	touch "$dir/one/$(printf 'caf\351')"
	chown -R alice: "$dir"/one "$dir"/two
	chmod 4755 "$dir"/one/bin/busybox
	touch "$dir"/two/etc/.wh.one "$dir"/two/dir/.wh..wh..opq
	echo new >"$dir"/two/dir/new
	echo 2 >"$dir"/two/etc/two
	(cd "$dir" && for layer in one two; do
		tar --format=posix --sort=name --mtime=@1000000000 --owner=7 --group=7 -C $layer -cSf $layer.tar .
	done)
	layout_begin "$dir"/layout
	layout_layer "$dir"/layout "$dir"/one.tar gzip
	layout_layer "$dir"/layout "$dir"/two.tar zstd
	layout_end "$dir"/layout app '' '{"Env": ["FROM_IMAGE=yes"]}'
	layout_layer "$dir"/layout "$dir"/one.tar none
	layout_layer "$dir"/layout "$dir"/two.tar gzip
	layout_end "$dir"/layout gzip
	registry_start "$dir"/registry
	chown -R alice: "$dir"/layout
	echo "$registry $registry_pid" >"$BATS_FILE_TMPDIR/registry"
}
teardown_file() {
	read -r registry registry_pid <"$BATS_FILE_TMPDIR/registry"
	kill "$registry_pid" || true
	rm -rf "$DAVIT_WORK/import"
}
setup() {
	leftovers_note
	read -r registry registry_pid <"$BATS_FILE_TMPDIR/registry"
	here=$DAVIT_WORK/import
	rm -rf /home/alice/new
	alice mkdir new
}
teardown() {
	! mountpoint -q /home/alice/new/other || umount -l /home/alice/new/other
	rm -rf /home/alice/new /home/alice/.local
	leftovers_assert
}

import() { run_alice "$DAVIT" image import "$@"; }
push() { alice bash -c ". $DAVIT_TESTS/lib/registry.bash; registry=$registry; registry_push \"\$@\"" - "$@"; }
contents() {
	unsquashfs -lls "$1" | sed -n 's|^\(.\{10\}\) \([^ ]*\) .* squashfs-root\(/.*\)|\1 \2 \3|p' | LC_ALL=C sort -k 3
}
# Not a file in $1 but those named.
assert_only() {
	local dir=$1

	shift
	# shellcheck disable=SC2012 # names are ours
	assert_equal "$(ls -A "$dir" | tr '\n' ' ')" "${*:+$* }"
}

@test 'from a registry: layers merged, configuration kept, run' {
	push "$here"/layout app app:1
	run_alice env -C new "$DAVIT" image import --tls-verify=false "docker://$registry/app:1"
	assert_success
	assert_equal "$output" app+1.sqfs
	assert_stderr 'left out: 1 devices, FIFOs and sockets'
	cd /home/alice/new
	assert_only . app+1.sqfs
	assert_equal "$(contents app+1.sqfs | LC_ALL=C grep -av caf)" "drwxr-xr-x root/root /.davit
-r--r--r-- root/root /.davit/config.json
drwxr-xr-x root/root /bin
-rwsr-xr-x root/root /bin/busybox
lrwxrwxrwx root/root /bin/sh -> busybox
drwxr-xr-x root/root /dir
-rw-r--r-- root/root /dir/new
drwxr-xr-x root/root /etc
-rw-r--r-- root/root /etc/hard
drwxr-xr-x root/root /etc/old
-rw-r--r-- root/root /etc/two
-rw-r--r-- root/root /sparse"
	contents app+1.sqfs | LC_ALL=C grep -qa "/caf$(printf '\351')\$"
	assert_equal "$(unsquashfs -cat app+1.sqfs etc/hard etc/two dir/new)" $'one\n2\nnew'
	assert_equal "$(unsquashfs -cat app+1.sqfs .davit/config.json | jq -r .config.Env[])" FROM_IMAGE=yes
	# shellcheck disable=SC2016 # the container's variable
	run_srun --container=/home/alice/new/app+1.sqfs sh -c 'echo $FROM_IMAGE'
	assert_success
	assert_equal "$output" yes
}

@test 'the same layers are the same bytes, from wherever they come' {
	push "$here"/layout app same:1
	import -q --tls-verify=false "docker://$registry/same:1" new/a.sqfs
	assert_success
	assert_quiet
	assert_equal "$output" ''
	sleep 1
	import -q "oci:$here/layout:app" new/b.sqfs
	assert_success
	cmp /home/alice/new/[ab].sqfs
	alice skopeo --insecure-policy copy -q "oci:$here/layout:gzip" "oci-archive:new/x.oci:gzip"
	alice skopeo --insecure-policy copy -q "oci:$here/layout:gzip" "docker-archive:new/x.tar:x:1"
	import -q "oci:$here/layout:gzip" new/c.sqfs
	assert_success
	import -q oci-archive:new/x.oci new/d.sqfs
	assert_success
	cmp /home/alice/new/[cd].sqfs
	import -q docker-archive:new/x.tar new/e.sqfs
	assert_success
	assert_equal "$(contents /home/alice/new/c.sqfs)" "$(contents /home/alice/new/e.sqfs)"
	push "$here"/layout gzip schema2:1 --format v2s2
	import -q --tls-verify=false "docker://$registry/schema2:1" new/f.sqfs
	assert_success
	assert_equal "$(contents /home/alice/new/c.sqfs)" "$(contents /home/alice/new/f.sqfs)"
}

@test 'what umoci unpacks is in the image' {
	alice umoci unpack --rootless --image "$here/layout:gzip" new/bundle
	import -q --keep-owners "oci:$here/layout:gzip" new/a.sqfs
	assert_success
	unsquashfs -q -n -d /home/alice/new/tree /home/alice/new/a.sqfs >/dev/null
	rm -rf /home/alice/new/tree/.davit /home/alice/new/bundle/rootfs/fifo
	diff -r --no-dereference /home/alice/new/bundle/rootfs /home/alice/new/tree
	list() { (cd "$1" && find . ! -type l -printf '%P %m %s %T@\n' ! -name . | LC_ALL=C sed 's/ [0-9]* \([0-9.]*\)$/ \1/' | LC_ALL=C sort); }
	diff -a <(list /home/alice/new/bundle/rootfs) <(list /home/alice/new/tree)
	unsquashfs -lln /home/alice/new/a.sqfs | grep -q ' 7/7 .*/etc/two$'
}

@test 'a tar, standard input, a directory, a SIF' {
	import -q "$here/one.tar" new/a.sqfs
	assert_success
	run_alice bash -c "gzip -c $here/one.tar | $DAVIT image import - new/b.sqfs"
	assert_success
	cmp /home/alice/new/[ab].sqfs
	import "$here/one" new/c.sqfs
	assert_success
	assert_equal "$(contents /home/alice/new/a.sqfs)" "$(contents /home/alice/new/c.sqfs)"
	# shellcheck source-path=SCRIPTDIR source=../lib/sif.bash
	. "$DAVIT_TESTS/lib/sif.bash"
	make_sif /home/alice/new/x.sif /home/alice/new/a.sqfs 1
	import -q new/x.sif new/d.sqfs
	assert_success
	cmp /home/alice/new/[ad].sqfs
	import new/a.sqfs new/e.sqfs
	assert_status 125
	assert_stderr "cannot import 'new/a.sqfs': it is an image already"
	import -
	assert_status 125
	assert_stderr 'try: davit image import SOURCE FILE.sqfs'
}

@test 'compressor, level, block size' {
	import -q -c gzip --level=1 --block-size=1M "$here/one.tar" new/a.sqfs
	assert_success
	unsquashfs -s /home/alice/new/a.sqfs | grep -q 'Compression gzip'
	unsquashfs -s /home/alice/new/a.sqfs | grep -q 'compression-level 1'
	unsquashfs -s /home/alice/new/a.sqfs | grep -q 'Block size 1048576'
	import --level=99 "$here/one.tar" new/b.sqfs
	assert_status 125
	assert_stderr "compressor 'zstd' has no level 99"
	import --level=x "$here/one.tar" new/b.sqfs
	assert_status 125
	assert_stderr "'--level=x' is not a number"
	import --block-size=5K "$here/one.tar" new/b.sqfs
	assert_status 125
	assert_stderr 'no squashfs has blocks of 5120 bytes'
	import --tls-verify=no "$here/one.tar" new/b.sqfs
	assert_status 125
	assert_stderr "'--tls-verify=no' is neither true nor false"
	assert_only /home/alice/new a.sqfs
}

@test 'architectures of one name' {
	cp -r "$here"/layout "$here"/both
	chown -R alice: "$here"/both
	layout_layer "$here"/both "$here"/two.tar
	layout_end "$here"/both app arm64
	jq -c '.manifests |= map(select(.annotations[] == "app"))' "$here"/both/index.json >"$here"/both/i
	mv "$here"/both/i "$here"/both/index.json
	chown -R alice: "$here"/both
	import -q "oci:$here/both:app" new/a.sqfs
	assert_success
	import -q --arch=arm64 "oci:$here/both:app" new/b.sqfs
	assert_success
	contents /home/alice/new/a.sqfs | grep -q /bin/busybox
	[[ $(contents /home/alice/new/b.sqfs) != */bin/busybox* ]]
	import --arch=s390x "oci:$here/both:app" new/c.sqfs
	assert_status 125
	assert_stderr "the layout has no such image for architecture 's390x'"
	assert_stderr 'try: --arch= one that it has'
	rm -r "$here"/both
}

@test 'a registry that refuses: 401, 404, no TLS, nobody there' {
	local open=$registry

	registry_start "$BATS_TEST_TMPDIR/registry" alice secret
	import --tls-verify=false "docker://$registry/app:1" new/a.sqfs
	assert_status 125
	assert_stderr "cannot import 'docker://$registry/app:1': .*(unauthorized|authentication required)"
	assert_stderr "try: skopeo login $registry"
	alice skopeo login --tls-verify=false --authfile=new/auth -u alice -p secret "$registry"
	push "$here"/layout app app:1 --dest-creds alice:secret
	import -q --tls-verify=false --authfile=new/auth "docker://$registry/app:1" new/a.sqfs
	assert_success
	registry_stop
	import "docker://$registry/app:1" new/b.sqfs
	assert_status 125
	assert_stderr 'connection refused'
	registry=$open
	import --tls-verify=false "docker://$registry/nothing:1" new/b.sqfs
	assert_status 125
	assert_stderr 'manifest unknown'
	assert_stderr 'try: check the name and the tag'
	import "docker://$registry/nothing:1" new/b.sqfs
	assert_status 125
	assert_stderr 'try: --tls-verify=false, if you trust the network'
	assert_only /home/alice/new a.sqfs auth
}

@test 'a registry that is busy, or falls silent' {
	local mode

	for mode in busy limit; do
		registry_fake "$BATS_TEST_TMPDIR" $mode
		import --tls-verify=false "docker://$registry/app:1" new/a.sqfs
		registry_stop
		assert_status 125
		assert_stderr "cannot import 'docker://$registry/app:1': .*(too many requests|toomanyrequests)"
		assert_stderr "try: some minutes later again, or skopeo login $registry"
	done
	for mode in silent config stalls; do
		registry_fake "$BATS_TEST_TMPDIR" $mode "$here"/layout
		import --tls-verify=false --timeout=1 "docker://$registry/app:1" new/a.sqfs
		registry_stop
		assert_status 125
		assert_stderr "cannot import 'docker://$registry/app:1': .*timeout: nothing came for 1 seconds"
		assert_stderr "try: again, when this node reaches $registry"
		run ! pgrep -u alice -x skopeo
	done
	assert_only /home/alice/new
	import --timeout=86401 "docker://$registry/app:1" new/a.sqfs
	assert_status 125
	assert_stderr "'--timeout=86401' is more than a day"
	import --timeout=x "docker://$registry/app:1" new/a.sqfs
	assert_status 125
	assert_stderr "'--timeout=x' is not a number"
}

@test 'Ctrl-C while a registry is silent' {
	local mode

	for mode in silent stalls; do
		registry_fake "$BATS_TEST_TMPDIR" $mode "$here"/layout
		alice bash -c "exec $DAVIT image import --tls-verify=false docker://$registry/app:1 new/a.sqfs" &
		importer=$!
		await pgrep -u alice -x skopeo
		sleep 0.5
		pkill -INT -u alice -f "^$DAVIT image import --tls-verify=false docker://$registry"
		wait "$importer" || true
		await bash -c '! pgrep -u alice -x skopeo'
		registry_stop
		assert_only /home/alice/new
	done
}

@test 'a layer with the wrong bytes' {
	local blob

	cp -r "$here"/layout "$here"/bad
	blob=$(jq -r '.manifests[0].digest' "$here"/bad/index.json)
	blob=$(jq -r '.layers[1].digest' "$here/bad/blobs/sha256/${blob#*:}")
	cp "$here"/two.tar "$here/bad/blobs/sha256/${blob#*:}"
	chown -R alice: "$here"/bad
	import "oci:$here/bad:app" new/a.sqfs
	assert_status 125
	assert_stderr 'layer 2 of 2: .*(has the digest|longer than its manifest says)'
	truncate -s -1 "$here/bad/blobs/sha256/${blob#*:}"
	import "oci:$here/bad:app" new/a.sqfs
	assert_status 125
	# What may have no end, or never begin.
	rm "$here/bad/blobs/sha256/${blob#*:}"
	mkfifo "$here/bad/blobs/sha256/${blob#*:}"
	chmod 666 "$here/bad/blobs/sha256/${blob#*:}"
	import "oci:$here/bad:app" new/a.sqfs
	assert_status 125
	assert_stderr "layer 2 of 2: 'blobs/sha256/${blob#*:}' of the layout is not a file"
	ln -sf /dev/zero "$here/bad/blobs/sha256/${blob#*:}"
	import "oci:$here/bad:app" new/a.sqfs
	assert_status 125
	assert_stderr "layer 2 of 2: 'blobs/sha256/${blob#*:}' of the layout is not a file"
	rm -r "$here"/bad
	assert_only /home/alice/new
}

@test 'a file that is there, a source that is not' {
	alice touch new/a.sqfs
	import "$here/one.tar" new/a.sqfs
	assert_status 125
	assert_stderr "'new/a.sqfs' is there already"
	assert_stderr 'try: --force replaces it'
	import -f "$here/one.tar" new/a.sqfs
	assert_success
	import alpine:3 new/b.sqfs
	assert_status 125
	assert_stderr "cannot import 'alpine:3': cannot open it: No such file"
	assert_stderr 'try: docker://alpine:3, if'
	import dokcer://alpine:3 new/b.sqfs
	assert_stderr 'try: docker://alpine:3'
	import /dev/null new/b.sqfs
	assert_status 125
	assert_stderr 'neither a file nor a directory'
	import /etc/passwd new/b.sqfs
	assert_status 125
	assert_only /home/alice/new a.sqfs
}

@test 'a full disk leaves nothing' {
	mkdir /home/alice/full
	mount -t tmpfs -o size=512k,mode=777 full /home/alice/full
	import "$here/one.tar" full/a.sqfs
	ls -A /home/alice/full >"$BATS_TEST_TMPDIR/left"
	umount /home/alice/full
	rmdir /home/alice/full
	assert_status 125
	assert_stderr "cannot write 'full/a.sqfs': mksquashfs ended with code 1: .*(space|Write failed)"
	assert_equal "$(cat "$BATS_TEST_TMPDIR/left")" ''
}

@test 'Ctrl-C leaves nothing, neither files nor processes' {
	alice mkfifo new/pipe
	alice bash -c "cat $here/one.tar; sleep 30" >/home/alice/new/pipe &
	feeder=$!
	alice bash -c "exec env TMPDIR=/home/alice/new $DAVIT image import - new/a.sqfs <new/pipe" &
	importer=$!
	await pgrep -u alice -f 'image import - new/a.sqfs'
	sleep 0.3
	pkill -INT -u alice -xf "$DAVIT image import - new/a.sqfs"
	wait "$importer" || true
	kill "$feeder" || true
	pkill -u alice -x sleep || true
	rm -f /home/alice/new/pipe
	assert_only /home/alice/new
	run ! pgrep -u alice -x mksquashfs
}

# Until it has begun, on a file system where it has a name meanwhile.
interrupt() {
	alice bash -c 'exec "$@"' - "$DAVIT" image import "$@" &
	importer=$!
	await bash -c 'compgen -G "/home/alice/new/other/a.sqfs.davit-*"'
	pkill -INT -u alice -f "^$DAVIT image import .*new/other/a.sqfs"
	wait "$importer" || true
	assert_only /home/alice/new/other
	await bash -c '! pgrep -u alice -x mksquashfs'
}

@test 'Ctrl-C where no file is without a name' {
	local source=$here/large

	alice mkdir new/other
	mkdir "$source"
	head -c 64M /dev/urandom >"$source/data"
	tar -C "$source" -cf "$source.tar" data
	# shellcheck source-path=SCRIPTDIR source=../lib/sif.bash
	. "$DAVIT_TESTS/lib/sif.bash"
	make_sif "$source.sif" "$here/one.tar" 1
	truncate -s 4G "$source.sif"
	patch "$source.sif" 153 "$(little $(((4 << 30) - 4096)) 8)"
	bindfs -o allow_other /home/alice/new/other /home/alice/new/other 3>&-
	interrupt -c xz "$source" new/other/a.sqfs
	interrupt -c xz "$source.tar" new/other/a.sqfs
	interrupt "$source.sif" new/other/a.sqfs
	import -c lz4 "$here/one.tar" new/other/a.sqfs
	umount /home/alice/new/other
	assert_success
	rm -r "$source"*
	assert_only /home/alice/new/other a.sqfs
}
