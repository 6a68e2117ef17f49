#!/usr/bin/env bats
# SPDX-License-Identifier: BSD-3-Clause
#
# engines.bats - images that podman and a real Docker daemon build and keep
#
# Needs no cluster.

# Variables come from common.bash; each test is a process of its own.
# shellcheck disable=SC2030,SC2031,SC2154,SC2016

# shellcheck source-path=SCRIPTDIR source=../lib/common.bash
load ../lib/common
# shellcheck source-path=SCRIPTDIR source=../lib/engines.bash
. "$DAVIT_TESTS/lib/engines.bash"

host=$(hostname -s)
docker_dir=$DAVIT_WORK/docker
context=/home/alice/context
new=/home/alice/new.sqfs

setup_file() {
	local tree=$DAVIT_WORK/trees/engines

	mkdir -p "$tree/bin" "$tree/etc" "$tree/tmp"
	cp "$(command -v busybox)" "$tree/bin/busybox"
	ln -s busybox "$tree/bin/sh"
	tar -C "$tree" -cf "$DAVIT_WORK/engines.tar" .
	if docker_start "$docker_dir"; then
		docker import "$DAVIT_WORK/engines.tar" localhost/base:1
		chown alice "$docker_dir/socket"
	fi >/dev/null
	printf '%s\n' "$docker_pid" "$docker_reason" "${DOCKER_HOST-}" >"$BATS_FILE_TMPDIR/docker"
}

teardown_file() {
	{ read -r docker_pid; } <"$BATS_FILE_TMPDIR/docker"
	docker_stop "$docker_dir"
}

setup() {
	{ read -r docker_pid; read -r docker_reason; read -r DOCKER_HOST; } <"$BATS_FILE_TMPDIR/docker"
	export DOCKER_HOST
	leftovers_note
	install -d -o alice -g alice "$context"
}

teardown() {
	cd / || return
	engine_done
	rm -rf "$context" /home/alice/*.sqfs
	leftovers_assert
}

needs_docker() { [[ ! $docker_reason ]] || skip "$docker_reason"; }
needs_base() {
	engine podman import -q "$DAVIT_WORK/engines.tar" localhost/base:1
	assert_status 0
}
in_new() { run_davit "$new" "$@"; }
config() { unsquashfs -cat "$new" .davit/config.json | jq -cS "$1"; }

# What everybody's Containerfile has: words over several lines, arguments, stages, files.
write_context() {
	echo file >"$context/file"
	echo ignored >"$context/ignored"
	echo ignored >"$context/.dockerignore"
	cat >"$context/Containerfile" <<-'END'
	FROM localhost/base:1 AS tools
	RUN busybox mkdir /out && \
	    busybox echo of \
	        tools > /out/made

	FROM localhost/base:1 AS whole
	ARG WHO=nobody
	# A comment.
	RUN busybox echo "hello $WHO" > /hello; busybox echo told; \
	    ! busybox test -e /usr
	COPY --from=tools /out/made /made
	COPY . /context/
	ENV A="b c"
	CMD ["/bin/sh", "-c", "busybox cat /hello /made /context/file; echo $A; busybox ls /context"]
	FROM localhost/base:1
	RUN exit 9
	END
	chown -R alice "$context"
}

# All that `davit image build --with=$1` promises.
build_with() {
	write_context
	engine "$DAVIT" image build --with="$1" --target whole --build-arg WHO=alice new.sqfs "$context"
	assert_success
	assert_match 'told'
	in_new
	assert_success
	assert_output $'hello alice\nof tools\nfile\nb c\nContainerfile\nfile'
	assert_equal "$(config '.config.Env[-1]')" '"A=b c"'
	assert_equal "$(stat -c %U:%G "$new")" alice:alice
	engine "$DAVIT" image build --with="$1" --target whole --build-arg WHO=alice -q --force new.sqfs "$context"
	assert_success
	assert_output ''
	in_new busybox cat /hello
	assert_output 'hello alice'
	# Its failure leaves the image that is there.
	engine "$DAVIT" image build --with="$1" --build-arg WHO=alice --force new.sqfs "$context"
	((status == 9 || status == 1)) || complain "code $status"
	assert_failure "$host" "$1 build ended with code $status" 'its own message is above; --with=davit does without'
	[[ $stderr == *'9'*davit:* ]] || complain 'its message is not above'
	in_new busybox cat /hello
	assert_output 'hello alice'
	assert_equal "$(ls -d /var/tmp/davit-build* 2>/dev/null)" ''
}

@test 'podman builds it, and it is imported' {
	needs_base
	build_with podman
}

@test 'docker builds it, and it is imported' {
	needs_docker
	build_with docker
}

@test 'the first that works is taken' {
	mkdir "$context/bin"
	printf '#!/bin/sh\nexit 1\n' >"$context/bin/buildah"
	chmod 755 "$context/bin/buildah"
	printf 'bin\n' >"$context/.dockerignore"
	printf 'FROM scratch AS only\nARG X=1\nCOPY Containerfile /\n' >"$context/Containerfile"
	engine env PATH="$context/bin:/usr/local/bin:/usr/bin:/bin" "$DAVIT" image build new.sqfs "$context"
	assert_success
	assert_match '^STEP 1/3'
	needs_docker
	cp "$context/bin/buildah" "$context/bin/podman"
	engine env PATH="$context/bin:/usr/local/bin:/usr/bin:/bin" "$DAVIT" image build --force new.sqfs "$context"
	assert_success
	assert_match 'Step 1/3|exporting'
	# Without a daemon, it does not work.
	DOCKER_HOST=unix:///none
	engine env PATH="$context/bin:/usr/local/bin:/usr/bin:/bin" "$DAVIT" image build --force new.sqfs "$context"
	assert_success
	assert_match '^\[only 1/3\] FROM scratch'
}

# ---- what they keep --------------------------------------------------------

# An image of two layers, the second of which replaces and removes.
layers() {
	printf 'FROM localhost/base:1\nRUN busybox echo one > /one; busybox echo old > /etc/new\n' >"$context/one"
	printf 'FROM localhost/one:1\nRUN busybox rm /one; busybox echo new > /etc/new\nENV KEPT=yes\n' >"$context/two"
	chown -R alice "$context"
	for name in one two; do
		engine "$@" -t localhost/$name:1 -f "$context/$name" "$context"
		assert_status 0
	done
}
import() { engine "$DAVIT" image import "$@"; }
assert_layers() {
	in_new sh -c 'busybox cat /etc/new; echo $KEPT; busybox test -e /one || echo gone'
	assert_success
	assert_output $'new\nyes\ngone'
}
refuse() {
	import -q "$1" refused.sqfs
	assert_status 125
	assert_failure "$host" "cannot import '$1': $2" "$3"
	[[ ! -e /home/alice/refused.sqfs ]]
}

@test 'containers-storage: of a user, and of root' {
	needs_base
	layers podman build -q
	import containers-storage:localhost/two:1 new.sqfs
	assert_success
	assert_output new.sqfs
	assert_layers
	assert_equal "$(stat -c %U:%G "$new")" alice:alice
	refuse containers-storage:localhost/none:1 '*localhost/none:1*' 'check the name, and whose it is: podman images'
	# The same bytes as from a file.
	engine podman save -q --format=oci-archive -o store/two.tar localhost/two:1
	import -q oci-archive:store/two.tar saved.sqfs
	assert_success
	cmp "$new" /home/alice/saved.sqfs
	# With all the ids already, as root is.
	engine podman unshare "$DAVIT" image import -q --force containers-storage:localhost/two:1 new.sqfs
	assert_success
	cmp "$new" /home/alice/saved.sqfs
	mkdir -p "$context/root"
	printf '[storage]\ndriver="vfs"\ngraphroot="%s"\nrunroot="%s"\n' "$context/root/graph" "$context/root/run" \
	    >"$context/root/storage.conf"
	export CONTAINERS_STORAGE_CONF=$context/root/storage.conf
	podman import -q "$DAVIT_WORK/engines.tar" localhost/of-root:1
	capture "$DAVIT" image import -q containers-storage:localhost/of-root:1 "$context/root/new.sqfs"
	assert_success
	unsquashfs -cat "$context/root/new.sqfs" bin/busybox | cmp - "$(command -v busybox)"
	unset CONTAINERS_STORAGE_CONF
}

@test 'containers-storage: Ctrl-C and a kill leave no skopeo' {
	local signal

	needs_base
	printf 'FROM localhost/base:1\nRUN busybox dd if=/dev/urandom of=/big bs=1M count=80\n' >"$context/Containerfile"
	engine podman build -q -t localhost/big "$context"
	assert_status 0
	for signal in INT KILL; do
		begin env HOME=/home/alice/store XDG_RUNTIME_DIR=/home/alice/store/run STORAGE_DRIVER=vfs \
		    "$DAVIT" image import containers-storage:localhost/big new.sqfs
		await pgrep -u alice mksquashfs
		pgrep -u alice -f experimental-image-proxy >/dev/null || complain 'nobody reads the store'
		pkill -"$signal" -u alice -o -x davit
		finish
		((status != 0)) || complain 'it has not ended'
		await bash -c '! pgrep -u alice -f experimental-image-proxy\|mksquashfs'
		[[ ! -e $new ]] || complain 'a half image'
	done
}

@test 'containers-storage: where there are no user namespaces' {
	needs_base
	userns_begin
	userns_limit 0
	capture userns_enter alice env HOME=/home/alice/store XDG_RUNTIME_DIR=/home/alice/store/run STORAGE_DRIVER=vfs \
	    "$DAVIT" image import -q containers-storage:localhost/base:1 new.sqfs
	userns_limit 1000
	userns_end
	assert_status 125
	assert_failure "$host" "cannot import 'containers-storage:localhost/base:1': no user namespace could be made, in which alone that store can be read (*)" \
	    'davit doctor tells what this node allows'
	[[ ! -e $new ]]
}

@test 'docker-daemon: where DOCKER_HOST says, and where it does not' {
	needs_docker
	layers docker build -q
	import docker-daemon:localhost/two:1 new.sqfs
	assert_success
	assert_output new.sqfs
	assert_layers
	engine docker save -o store/two.tar localhost/two:1
	import -q docker-archive:store/two.tar saved.sqfs
	assert_success
	# skopeo makes the OCI's configuration of Docker's; an archive's stays as it is stored
	run_alice "$DAVIT" image diff new.sqfs saved.sqfs
	assert_status 1
	[[ $output =~ ^/\.davit/config\.json:\ size\ [0-9]+\ [0-9]+$ ]]
	refuse docker-daemon:localhost/none:1 '*does not exist*' 'check the name and the tag: docker images'
	refuse docker-daemon:localhost/two '*neither a tag nor a digest' 'docker-daemon:NAME:TAG, as latest'
	chmod 600 "$docker_dir/socket"
	chown root "$docker_dir/socket"
	refuse docker-daemon:localhost/two:1 '*permission denied*' \
	    'a daemon that you may use, by DOCKER_HOST; or ask your admin for access'
	chown alice "$docker_dir/socket"
	DOCKER_HOST=unix:///none
	refuse docker-daemon:localhost/two:1 '*connect to the Docker*' \
	    "start it, or DOCKER_HOST=, as \`docker context ls\` tells where it listens"
	DOCKER_HOST=nonsense
	refuse docker-daemon:localhost/two:1 '*parse docker host*' 'DOCKER_HOST=unix:///PATH/OF/docker.sock'
}

@test 'a container of what they keep, by its name' {
	needs_base
	engine "$DAVIT" run containers-storage:localhost/base:1 /bin/busybox echo of podman
	assert_status 0
	assert_output 'of podman'
	engine "$DAVIT" run containers-storage:localhost/none:1 true
	assert_status 125
	assert_failure "$host" '*containers-storage:localhost/none:1*' 'check the name, and whose it is: podman images'
	needs_docker
	engine "$DAVIT" run docker-daemon:localhost/base:1 /bin/busybox echo of docker
	assert_status 0
	assert_output 'of docker'
	DOCKER_HOST=unix:///none
	engine "$DAVIT" run docker-daemon:localhost/base:1 true
	assert_status 125
	assert_failure "$host" '*connect to the Docker*' \
	    "start it, or DOCKER_HOST=, as \`docker context ls\` tells where it listens"
}
