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
	run_alice bash -c "gzip -c $here/one.tar | head -c 100 | $DAVIT image import - new/b.sqfs --force"
	assert_status 125
	assert_stderr "its gzip data end too early"
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

@test 'what docker save writes, from a file, a pipe, a process' {
	local -r archive=docker-archive:/home/alice/new/saved.tar

	alice skopeo --insecure-policy copy -q "oci:$here/layout:gzip" "$archive"
	import -q "$archive" new/a.sqfs
	assert_success
	run_alice bash -c "$DAVIT image import -q docker-archive:/dev/stdin new/b.sqfs <new/saved.tar"
	assert_success
	run_alice bash -c "cat new/saved.tar | $DAVIT image import -q docker-archive:/dev/stdin new/c.sqfs"
	assert_success
	run_alice bash -c "$DAVIT image import -q docker-archive:<(cat new/saved.tar) new/d.sqfs"
	assert_success
	cmp /home/alice/new/[ab].sqfs
	cmp /home/alice/new/[ac].sqfs
	cmp /home/alice/new/[ad].sqfs
	# Compressed, too. None of it by skopeo, which may be missing.
	run_alice bash -c "gzip -c new/saved.tar | $DAVIT image import -q docker-archive:/dev/stdin new/e.sqfs"
	assert_success
	cmp /home/alice/new/[ae].sqfs
	alice zstd -q new/saved.tar
	without skopeo
	import -q "$archive.zst" new/f.sqfs
	assert_success
	cmp /home/alice/new/[af].sqfs
	assert_only /home/alice/new a.sqfs b.sqfs c.sqfs d.sqfs e.sqfs f.sqfs saved.tar saved.tar.zst
}

@test 'a layout in a tar, from a file, a pipe, compressed, by tag' {
	local before other

	before=$(find /var/tmp -maxdepth 1 -user alice | LC_ALL=C sort)
	tar -C "$here"/layout -cf /home/alice/new/two.tar .
	import -q "oci:$here/layout:app" new/a.sqfs
	assert_success
	import -q oci-archive:new/two.tar:app new/b.sqfs
	assert_success
	run_alice bash -c "cat new/two.tar | $DAVIT image import -q oci-archive:/dev/stdin:app new/c.sqfs"
	assert_success
	run_alice bash -c "$DAVIT image import -q oci-archive:<(xz -0c new/two.tar):app new/d.sqfs"
	assert_success
	for other in b c d; do cmp /home/alice/new/{a,$other}.sqfs; done
	import oci-archive:new/two.tar new/x.sqfs
	assert_status 125
	assert_stderr "cannot import 'oci-archive:new/two.tar': the layout has 2 images that fit"
	assert_stderr 'try: oci-archive:FILE:TAG, where TAG is of app, gzip'
	import docker-archive:new/two.tar new/x.sqfs
	assert_status 125
	assert_stderr 'it is not what docker save writes: it has no manifest.json'
	assert_stderr 'try: oci-archive:FILE'
	head -c -20000 /home/alice/new/two.tar >/home/alice/new/cut.tar
	import oci-archive:new/cut.tar:app new/x.sqfs
	assert_status 125
	assert_stderr "the archive ends within '.*'"
	assert_stderr 'try: get it again'
	assert_equal "$(find /var/tmp -maxdepth 1 -user alice | LC_ALL=C sort)" "$before"
	assert_only /home/alice/new a.sqfs b.sqfs c.sqfs cut.tar d.sqfs two.tar
}

@test 'archives that are none, or not there' {
	import oci-archive:/nowhere.tar:app new/x.sqfs
	assert_status 125
	assert_stderr "cannot import 'oci-archive:/nowhere.tar:app': cannot open '/nowhere.tar': No such file"
	import docker-archive:/etc/passwd new/x.sqfs
	assert_status 125
	assert_stderr "cannot import 'docker-archive:/etc/passwd': it is not a tar"
	import "oci-archive:$here/layout" new/x.sqfs
	assert_status 125
	assert_stderr 'it is a directory'
	assert_stderr 'try: oci:DIR'
	import docker-archive:/dev/zero new/x.sqfs
	assert_status 125
	assert_stderr 'it is neither a file nor a pipe'
	alice mkfifo new/fifo
	import docker-archive:new/fifo new/x.sqfs
	assert_status 125
	assert_stderr "'new/fifo' is neither a file nor a directory"
	run_alice bash -c ": | $DAVIT image import docker-archive:/dev/stdin new/x.sqfs"
	assert_status 125
	assert_stderr 'it is empty'
	assert_only /home/alice/new fifo
}

@test 'an archive that is interrupted leaves nothing' {
	local signal before

	before=$(find /var/tmp -maxdepth 1 -user alice | LC_ALL=C sort)
	tar -C "$here"/layout -cf /home/alice/new/two.tar .
	for signal in INT KILL; do
		mkfifo "$BATS_TEST_TMPDIR/$signal"
		(cat /home/alice/new/two.tar; exec sleep 30) >"$BATS_TEST_TMPDIR/$signal" 3>&- &
		feeder=$!
		alice bash -c "exec $DAVIT image import oci-archive:/dev/stdin:app new/a.sqfs" <"$BATS_TEST_TMPDIR/$signal" &
		importer=$!
		await pgrep -u alice -f 'image import oci-archive:/dev/stdin:app new/a.sqfs'
		sleep 0.3
		pkill -"$signal" -u alice -xf "$DAVIT image import oci-archive:/dev/stdin:app new/a.sqfs"
		wait "$importer" || true
		kill "$feeder" || true
		assert_only /home/alice/new two.tar
	done
	assert_equal "$(find /var/tmp -maxdepth 1 -user alice | LC_ALL=C sort)" "$before"
}

@test 'what is no root file system is not taken for one' {
	alice skopeo --insecure-policy copy -q "oci:$here/layout:gzip" docker-archive:new/docker.tar
	alice skopeo --insecure-policy copy -q "oci:$here/layout:gzip" oci-archive:new/oci.tar
	alice umoci unpack --rootless --image "$here/layout:gzip" new/bundle
	import new/docker.tar new/x.sqfs
	assert_status 125
	assert_stderr 'it is what docker save writes, not a root file system'
	assert_stderr 'try: docker-archive:FILE'
	import new/oci.tar new/x.sqfs
	assert_status 125
	assert_stderr 'try: oci-archive:FILE'
	import "$here/layout" new/x.sqfs
	assert_status 125
	assert_stderr "try: oci:$here/layout"
	import new/bundle new/x.sqfs
	assert_status 125
	assert_stderr 'try: new/bundle/rootfs'
	import /etc/passwd new/x.sqfs
	assert_status 125
	assert_stderr "cannot import '/etc/passwd': it is not a tar"
	run_alice bash -c ": | $DAVIT image import - new/x.sqfs"
	assert_status 125
	assert_stderr "cannot import '-': it is empty"
	assert_only /home/alice/new bundle docker.tar oci.tar
}

@test 'a directory of which not all can be read' {
	alice mkdir new/root
	echo secret >/home/alice/new/root/secret
	chmod 600 /home/alice/new/root/secret
	import new/root new/x.sqfs
	assert_status 125
	assert_stderr "mksquashfs ended with code 1: Failed to read file secret"
	assert_stderr 'try: a directory of which you may read all'
	assert_only /home/alice/new root
}

@test 'compressor, level, block size' {
	import -q -c gzip --level=1 --block-size=1M "$here/one.tar" new/a.sqfs
	assert_success
	unsquashfs -s /home/alice/new/a.sqfs | grep -q 'Compression gzip'
	unsquashfs -s /home/alice/new/a.sqfs | grep -q 'compression-level 1'
	unsquashfs -s /home/alice/new/a.sqfs | grep -q 'Block size 1048576'
	# mksquashfs of a tar would damage some images where it looked for them
	unsquashfs -s /home/alice/new/a.sqfs | grep -q 'Duplicates are not removed'
	import -q "$here/one.tar" new/c.sqfs
	unsquashfs -s /home/alice/new/c.sqfs | grep -q 'compression-level 6'
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
	assert_only /home/alice/new a.sqfs c.sqfs
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
	assert_stderr 'try: --arch=, of '
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

@test 'each layer comes once, as long as there is memory for it' {
	cp -r "$here/layout" "$BATS_TEST_TMPDIR/layout"
	registry_fake "$BATS_TEST_TMPDIR" once "$BATS_TEST_TMPDIR/layout"
	import -q --tls-verify=false "docker://$registry/app:1" new/a.sqfs
	assert_success
	rmdir "$BATS_TEST_TMPDIR"/layout/served-*
	run_alice env SLURM_MEM_PER_NODE=1 "$DAVIT" image import -q --tls-verify=false "docker://$registry/app:1" new/b.sqfs
	registry_stop
	assert_status 125
	assert_stderr "cannot import 'docker://$registry/app:1': layer 1 of [0-9]*: .*404"
	import -q "oci:$here/layout:app" new/c.sqfs
	assert_success
	cmp /home/alice/new/[ac].sqfs
	assert_only /home/alice/new a.sqfs c.sqfs
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

@test 'a configuration that no container can be started with' {
	cp -r "$here"/layout "$here"/odd
	layout_layer "$here"/odd "$here"/one.tar none
	layout_end "$here"/odd odd '' '{"WorkingDir": ["/"]}'
	chown -R alice: "$here"/odd
	import "oci:$here/odd:odd" new/a.sqfs
	assert_status 125
	assert_stderr "the image's configuration: .*WorkingDir"
	assert_only /home/alice/new
	rm -r "$here"/odd
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
	import library://sylabs/alpine new/b.sqfs
	assert_status 125
	assert_stderr "there are no sources 'library://'"
	import /nowhere.tar new/b.sqfs
	assert_status 125
	[[ $stderr != *try:* ]]
	import "oci:$here/layout:none" new/b.sqfs
	assert_status 125
	assert_stderr 'try: oci:DIR:TAG, where TAG is of app, gzip'
	import "oci:$here/layout" new/b.sqfs
	assert_stderr 'try: oci:DIR:TAG, where TAG is of app, gzip'
	import --arch=sparc "oci:$here/layout:app" new/b.sqfs
	assert_stderr "try: --arch=, of $(dpkg --print-architecture)"
	import -f "$here/one.tar" /dev/null
	assert_status 125
	assert_stderr 'it is a device'
	run_alice env TMPDIR= bash -c "cat $here/one.tar | $DAVIT image import -q - new/c.sqfs"
	assert_success
	assert_only /home/alice/new a.sqfs c.sqfs
}

@test 'no mksquashfs: its version counts for a tar only' {
	without mksquashfs
	import "$here/one.tar" new/b.sqfs
	assert_status 125
	assert_stderr 'there is no mksquashfs on this node'
	assert_stderr 'try: ask your admin for the package squashfs-tools, 4.5 or later$'
	without mksquashfs
	import "$here/one" new/b.sqfs
	assert_status 125
	assert_stderr 'there is no mksquashfs on this node'
	assert_stderr 'try: ask your admin for the package squashfs-tools$'
	without mksquashfs
	run_davit --save=new/b.sqfs "$SMALL" true
	assert_failure "$(hostname -s)" "cannot save the container to 'new/b.sqfs': there is no mksquashfs on this node" \
	    'ask your admin for the package squashfs-tools'
	assert_only /home/alice/new
}

# $script for replace_program: the shell commands $1 instead of mksquashfs, which is $tool there.
script_mksquashfs() {
	local tool=$BATS_TEST_TMPDIR/mksquashfs.real

	script=$BATS_TEST_TMPDIR/mksquashfs
	cp "$(type -P mksquashfs)" "$tool"
	printf '#!/bin/sh\ntool=%s\n%s\n' "$tool" "$1" >"$script"
	chmod 755 "$tool" "$script" "$BATS_RUN_TMPDIR" "$BATS_FILE_TMPDIR" "$BATS_TEST_TMPDIR"
}

@test 'mksquashfs takes no more memory than the job has' {
	local -A memory=([100]=64M [1000]=250M [8000]=512M)
	local limit

	script_mksquashfs 'echo "$@" >/home/alice/new/arguments; exec "$tool" "$@"'
	for limit in 100 1000 8000; do
		replace_program mksquashfs "$script"
		run_alice env SLURM_MEM_PER_NODE=$limit "$DAVIT" image import -q "$here/one.tar" new/a.sqfs --force
		assert_success
		assert_equal "$(grep -o -- '-mem [^ ]*' /home/alice/new/arguments)" "-mem ${memory[$limit]}"
	done
}

@test 'an image that mksquashfs has damaged gets no name' {
	script_mksquashfs '"$tool" "$@" && head -c 64 /dev/zero | dd of=/proc/self/fd/3 bs=1 seek=96 conv=notrunc status=none'
	for source in one.tar one; do
		replace_program mksquashfs "$script"
		import -q "$here/$source" new/b.sqfs
		assert_status 125
		assert_stderr "mksquashfs has damaged '/[^']*' in 'new/b.sqfs' \\(and [0-9]* more\\)"
		assert_stderr 'try: again; ask your admin for other squashfs-tools'
		assert_only /home/alice/new
	done
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
