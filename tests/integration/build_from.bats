# SPDX-License-Identifier: BSD-3-Clause
# build_from.bats - davit image build: where bases come from, and other programs that build
#
# Needs no cluster.

# Variables come from common.bash and build.bash; variables of Containerfiles are not the shell's.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/build.bash
. "$DAVIT_TESTS/lib/build.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/registry.bash
. "$DAVIT_TESTS/lib/registry.bash"

@test "ONBUILD of a base is told, and not carried out" {
	mkdir -p "$context/base/.davit"
	echo '{"config": {"OnBuild": ["COPY . /app", "RUN make"]}}' >"$context/base/.davit/config.json"
	chown -R alice:alice "$context/base"
	printf 'FROM ./base\nWORKDIR /x\n' | containerfile
	build -q
	assert_status 0
	assert_equal "$stderr" "davit: $host: $context/Containerfile:1: the base has 2 ONBUILD, which are not carried out
davit: $host: try: COPY . /app: into the file, if it is wanted"
}

@test "several stages: as base, as source of files, another image, one that is not needed" {
	put a
	containerfile <<-END
	ARG BASE=none
	FROM \$BASE AS tools
	RUN echo made > /made; mkdir /out; echo prog > /out/prog
	ENV INHERITED=yes
	FROM tools AS unused
	RUN exit 1
	FROM tools AS more
	RUN cat /made > /copy; echo \$INHERITED >> /copy
	FROM scratch
	COPY --from=tools /out /out
	COPY --from=2 /copy /copy
	COPY --from=$images/base.sqfs /bin/busybox /bin/sh
	COPY a /
	CMD ["/bin/sh", "-c", "busybox cat /out/prog /copy /a"]
	END
	build --build-arg BASE="$images/base.sqfs"
	assert_success
	assert_match $'\n\\[tools 2/3\\] RUN'
	[[ $output != *unused* ]]
	in_new /bin/sh -c 'for file in /out/prog /copy /a; do while read line; do echo $line; done <$file; done'
	assert_success
	assert_output $'prog\nmade\nyes\na'
	# Nothing of the node's is left in it.
	assert_equal "$(unsquashfs -l /home/alice/new.sqfs 2>/dev/null | sed -n 's,^squashfs-root/,,p' | sort | xargs)" \
	    '.davit .davit/config.json a bin bin/sh copy dev etc out out/prog proc sys'
	# What is mounted in a stage is not copied.
	printf 'FROM %s AS x\nFROM %s\nCOPY --from=x / /all\n' "$images/base.sqfs" "$images/base.sqfs" \
	    >"$context/all"
	build -f "$context/all" --force
	assert_success
	in_new sh -c 'ls -A /all /all/proc /all/dev /all/etc | busybox xargs'
	assert_output '/all: .davit bin dev etc locked proc sys /all/dev: /all/etc: /all/proc:'
	build --build-arg BASE="$images/base.sqfs" --target tools --force
	assert_success
	in_new cat /made
	assert_output made
	build --target toolz --force
	assert_status 125
	assert_failure "$host" "there is no stage 'toolz' in '$context/Containerfile'" \
	    'FROM ... AS toolz there'
}

# A home and a store of buildah's that go with the context. Its own isolation needs a runtime beside.
of_buildah() {
	install -d -o alice "$context/home" "$context/run"
	run_alice env HOME="$context/home" XDG_RUNTIME_DIR="$context/run" STORAGE_DRIVER=vfs \
	    BUILDAH_ISOLATION=chroot "$DAVIT" image build "$@" new.sqfs "$context"
}

@test "buildah: its output and its failure are shown, and nothing is left but its store" {
	cp "$(command -v busybox)" "$context/busybox"
	printf 'home\nrun\n' >"$context/.dockerignore"
	containerfile <<-'END'
	FROM scratch
	ARG CODE=0
	COPY busybox /bin/busybox
	RUN ["/bin/busybox", "sh", "-c", "busybox echo in buildah; exit $CODE"]
	END
	of_buildah --with=buildah --build-arg CODE=9
	assert_status 9
	assert_match 'in buildah'
	assert_failure "$host" 'buildah bud ended with code 9' 'its own message is above; --with=davit does without'
	assert_equal "$(ls -d /var/tmp/davit-build* 2>/dev/null)" ''
	[[ ! -e /home/alice/new.sqfs ]]
	# auto takes it, and Davit where the base is a file.
	of_buildah --build-arg CODE=9
	assert_stderr 'buildah bud ended with code 9'
	printf 'FROM %s\nRUN exit 5\n' "$images/base.sqfs" | containerfile
	of_buildah
	assert_status 5
	assert_failure "$host" "$context/Containerfile:2: RUN ended with code 5" ''
	run_alice env PATH=/none "$DAVIT" image build --with=podman new.sqfs "$context"
	assert_failure "$host" 'there is no podman on this node, or it cannot be executed' '--with=davit does without'
}

@test "buildah builds it, and it is imported" {
	cp "$(command -v busybox)" "$context/busybox"
	printf 'home\nrun\n' >"$context/.dockerignore"
	containerfile <<-'END'
	FROM scratch
	COPY busybox /bin/sh
	RUN ["/bin/sh", "-c", "busybox echo made > /made"]
	ENV A=b
	CMD ["/bin/sh", "-c", "read line </made; echo $line $A"]
	END
	of_buildah -q
	assert_success
	in_new
	assert_success
	assert_output 'made b'
	of_buildah
	assert_failure "$host" "'new.sqfs': File exists" 'another name, or --force to replace it'
	# As a base, from a layout as registries have it.
	printf 'FROM scratch\nCOPY busybox /bin/sh\nENV OF_LAYOUT=1\n' | containerfile
	run_alice env HOME="$context/home" XDG_RUNTIME_DIR="$context/run" STORAGE_DRIVER=vfs \
	    BUILDAH_ISOLATION=chroot buildah bud -q -t "oci:$context/layout:x" "$context"
	printf 'home\nrun\nlayout\n' >"$context/.dockerignore"
	printf 'FROM oci:%s/layout:x\nRUN echo $OF_LAYOUT > /of\nCOPY --from=oci:%s/layout:x /bin/sh /copy\nCMD ["/bin/sh", "-c", "read line < /of; test -x /copy && echo $line"]\n' \
	    "$context" "$context" | containerfile
	build -q --force
	assert_success
	in_new
	assert_output 1
	printf 'FROM oci:%s/none:x\n' "$context" | containerfile
	build -q --force
	assert_status 125
	assert_stderr "Containerfile:1: 'oci:$context/none:x' cannot be imported"
	assert_equal "$(ls -d /var/tmp/davit-build* 2>/dev/null)" ''
}

# A registry without TLS, in $1, that wants alice's login, which $context/auth has, for base:1.
serve_base() {
	local dir=$1

	mkdir -p "$dir"
	tar --sort=name -C "$DAVIT_WORK/trees/base" -cf "$dir/base.tar" .
	layout_begin "$dir/layout"
	layout_layer "$dir/layout" "$dir/base.tar"
	layout_end "$dir/layout" base '' '{"Env": ["OF_REGISTRY=yes"]}'
	registry_start "$dir" alice secret
	registry_push "$dir/layout" base base:1 --dest-creds alice:secret
	install -m 600 -o alice /dev/null "$context/auth"
	printf '{"auths": {"%s": {"auth": "%s"}}}\n' "$registry" "$(printf alice:secret | base64)" >"$context/auth"
}

# What is in the cache is not asked for again: a registry that has lost all but the manifest will do, and in the
# end none.
@test "bases from a registry come from the import cache, and go into it" {
	local dir=$BATS_TEST_TMPDIR/registry cache=/home/alice/.cache/davit/images store blob

	serve_base "$dir"
	install -d -o alice -g alice /home/alice/.config /home/alice/.config/containers
	printf '[[registry]]\nlocation = "%s"\ninsecure = true\n' "$registry" \
	    >/home/alice/.config/containers/registries.conf
	rm -rf "$cache"
	printf 'FROM %s/base:1\nCOPY --from=docker://%s/base:1 /bin/busybox /copy\nRUN test $OF_REGISTRY = yes\n' \
	    "$registry" "$registry" | containerfile
	build -q
	assert_status 125
	assert_stderr "Containerfile:[12]: cannot import 'docker://$registry/base:1': .*(unauthorized|authentication)"
	assert_stderr "try: skopeo login $registry"
	build --authfile="$context/auth"
	assert_status 0
	assert_equal "$(grep -c "imports 'docker://$registry/base:1'" <<<"$stderr")" 1
	assert_equal "$(find "$cache" -name "sha256-*.sqfs" | wc -l)" 1
	assert_equal "$(config .config.Env)" '["OF_REGISTRY=yes"]'
	store=$dir/store/docker/registry/v2/blobs/sha256
	while read -r blob; do
		rm "$store/${blob:0:2}/$blob/data"
	done < <(for blob in "$dir/layout/blobs/sha256/"*; do
		# not all is JSON; only the manifest has both
		jq -r '.config.digest, .layers[].digest' "$blob" 2>/dev/null || true
	done | sed -n 's/^sha256://p')
	run_alice "$DAVIT" image import -q --authfile="$context/auth" "docker://$registry/base:1" "$context/x.sqfs"
	assert_status 125
	build --force --authfile="$context/auth" --pull=always
	assert_success
	assert_equal "$stderr" ''
	registry_stop
	build -q --force
	assert_status 0
	assert_stderr "uses the image 'docker://$registry/base:1' as it was imported earlier: "
	build --force --pull=missing
	assert_success
	assert_equal "$stderr" ''
	build --force --pull=always
	assert_status 125
	assert_stderr "Containerfile:[12]: cannot import 'docker://$registry/base:1': "
	rm -rf "$cache"
	build --force --pull=never
	assert_status 125
	assert_stderr 'is not in the import cache .*, and pull=never forbids to ask'
	assert_equal "$(ls -d /var/tmp/davit-build* 2>/dev/null)" ''
	build --force --pull=nver
	assert_failure "$host" '--pull=nver is none of newer, always, missing, never' never
	run_alice "$DAVIT" image build --with=podman --pull=never --force new.sqfs "$context"
	assert_failure "$host" "--pull is about Davit's own import cache, which podman does not use" '--with=davit'
}

# podman and docker, of whom there is only what is asked of them.
@test "a base from a registry that wants a login, without TLS" {
	local dir=$BATS_TEST_TMPDIR/registry tool

	serve_base "$dir"
	printf 'FROM %s/base:1\nRUN test $OF_REGISTRY = yes\n' "$registry" | containerfile
	build --tls-verify=false
	assert_status 125
	assert_stderr "$context/Containerfile:1: 'docker://$registry/base:1' cannot be imported"
	assert_stderr "unauthorized|authentication required"
	build --authfile="$context/auth"
	assert_status 125
	assert_stderr 'the registry does without TLS'
	assert_stderr 'try: in containers-registries.conf\(5\): insecure = true'
	build -q --authfile="$context/auth" --tls-verify=false
	registry_stop
	assert_success
	assert_equal "$(config .config.Env)" '["OF_REGISTRY=yes"]'
	rm /home/alice/new.sqfs
	build --tls-verify=no
	assert_failure "$host" "'--tls-verify=no' is neither true nor false" '--tls-verify=false'
	run_alice "$DAVIT" image build --with=docker --authfile=x new.sqfs "$context"
	assert_failure "$host" 'docker takes neither --tls-verify nor --authfile' \
	    "docker login and docker's configuration, or --with=davit"
	mkdir "$context/bin"
	printf '#!/bin/sh\necho "$@"\n[ $1 = info ]\n' >"$context/bin/buildah"
	chmod 755 "$context/bin/buildah"
	run_alice env PATH="$context/bin:/usr/bin:/bin" "$DAVIT" image build --tls-verify=false \
	    --authfile=x new.sqfs "$context"
	assert_match '^bud .* --tls-verify=false --authfile x '
}
