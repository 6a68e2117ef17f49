# SPDX-License-Identifier: BSD-3-Clause
# build.bats - davit image build: Containerfiles carried out in Davit's own container
#
# Needs no cluster.

# Variables come from common.bash; variables of Containerfiles are not the shell's.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/registry.bash
. "$DAVIT_TESTS/lib/registry.bash"

host=$(hostname -s)
site=$DAVIT_PREFIX/etc/davit/davit.conf
context=/home/alice/context

# A base with busybox and a configuration.
setup_file() {
	local tree=$DAVIT_WORK/trees/base name

	mkdir -p "$tree/bin" "$tree/etc" "$tree/.davit" "$tree/locked"
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for name in sh ls cat echo mkdir rm id env sleep chown kill tr dd setsid; do
		ln -sf busybox "$tree/bin/$name"
	done
	chmod 555 "$tree/locked"
	cat >"$tree/.davit/config.json" <<-'END'
	{"history": [{"created_by": "x"}], "config": {"Env": ["OF_BASE=base", "BOTH=base"],
	 "Cmd": ["of", "base"], "Labels": {"base": "yes"}, "WorkingDir": "/etc"}}
	END
	mksquashfs "$tree" "$images/base.sqfs" -noappend -no-progress -quiet -all-root >/dev/null
}

setup() {
	rm -rf "$context"
	install -d -o alice -g alice "$context"
	cd "$context" || return
	leftovers_note
}

teardown() {
	cd / || return
	rm -rf "$context" "$site" /home/alice/new.sqfs /home/alice/.local /tmp/containers-user-* /tmp/podman-run-*
	rmdir "${site%/*}" 2>/dev/null || true
	leftovers_assert
}

# Writes a file of the context; a Containerfile from standard input.
put() { printf '%s\n' "${2-$1}" >"$context/$1" && chown alice "$context/$1"; }
containerfile() { cat >"$context/Containerfile"; }

# Builds from the context, with the options $@.
build() { run_alice "$DAVIT" image build --with=davit "$@" new.sqfs "$context"; }

# Builds what must not be built: line $1, cause $2, remedy $3.
refuse() {
	rm -f /home/alice/new.sqfs
	build -q
	assert_status "${4-125}"
	assert_failure "$host" "$context/Containerfile:$1: $2" "$3"
	[[ ! -e /home/alice/new.sqfs ]]
}

in_new() { run_davit /home/alice/new.sqfs "$@"; }
config() { unsquashfs -cat /home/alice/new.sqfs .davit/config.json | jq -cS "$1"; }

@test "an image from a base, and its configuration" {
	containerfile <<-END
	# All that goes into the configuration.
	FROM $images/base.sqfs
	ARG WHO=nobody
	ENV GREETING="hello \$WHO" BOTH=new
	ENV OLD of  the \${WHO:-none} form
	LABEL one=1 "two words"='\$WHO'
	EXPOSE 80 53/udp
	VOLUME /data /more
	STOPSIGNAL SIGUSR1
	USER me:us
	WORKDIR /work
	WORKDIR below
	CMD [ "x" ]
	ENTRYPOINT ["/bin/echo", "\$WHO"]
	CMD echo \$GREETING
	END
	build --build-arg WHO=alice
	assert_success
	assert_match '\[3/14\] ENV GREETING="hello \$WHO" BOTH=new'
	assert_equal "$(config .config)" "$(jq -cS . <<-'END'
	{"Cmd":["/bin/sh","-c","echo $GREETING"],"Entrypoint":["/bin/echo","$WHO"],
	 "Env":["OF_BASE=base","BOTH=new","GREETING=hello alice","OLD=of  the alice form"],
	 "ExposedPorts":{"53/udp":{},"80/tcp":{}},"Labels":{"base":"yes","one":"1","two words":"$WHO"},
	 "StopSignal":"SIGUSR1","User":"me:us","Volumes":{"/data":{},"/more":{}},
	 "WorkingDir":"/work/below"}
	END
	)"
	assert_equal "$(config .history)" null
	in_new
	assert_success
	assert_output '$WHO /bin/sh -c echo $GREETING'
	in_new sh -c 'echo "$GREETING $OF_BASE $BOTH"; ls -d /data /work/below'
	assert_success
	assert_output $'hello alice base new\n/data\n/work/below'
}

@test "a new ENTRYPOINT forgets the base's CMD; what the base says stays otherwise" {
	containerfile <<-END
	FROM $images/base.sqfs
	RUN echo > /x
	END
	build -q
	assert_success
	assert_output ''
	assert_equal "$(config .config.Cmd)" '["of","base"]'
	printf 'ENTRYPOINT ["/bin/echo", "entered"]\n' >>"$context/Containerfile"
	build -q --force
	assert_success
	assert_equal "$(config .config.Cmd)" null
	in_new
	assert_output entered
}

@test "RUN: as root, with the image's environment, in its directory, without the node's files" {
	containerfile <<-END
	FROM $images/base.sqfs
	ENV A="a b"
	ARG B=c
	WORKDIR /work
	RUN id -u; echo "\$A \$B \$OF_BASE \$HOME \$PWD" && \\
	    # a comment within
	    echo done > done; chown 12:34 done; cat
	RUN ["/bin/sh", "-c", "ls /home /tmp; echo \$0"]
	RUN echo \${SLURM_CONF-no slurm} \$USER; ls /locked > /locked/new
	SHELL ["/bin/sh", "-e", "-c"]
	RUN echo shell; echo no > /dev/full; echo not reached
	END
	build
	assert_status 1
	assert_match $'\n0\na b c base /root /work\n'
	assert_match $'\n/bin/sh\n'
	assert_match $'\nno slurm'
	assert_match $'\nshell'
	[[ $output != *$'\nnot reached'* ]]
	[[ $stderr == *"/home: No such file"* && $stderr == *"/tmp: No such file"* ]]
	assert_stderr "Containerfile:11: RUN ended with code 1"
}

@test "a failing RUN tells its line and code; a signal, a command that is not there" {
	containerfile <<-END
	FROM $images/base.sqfs
	RUN exit 0

	RUN echo before; exit 7
	END
	build
	assert_status 7
	assert_match $'\nbefore'
	assert_failure "$host" "$context/Containerfile:4: RUN ended with code 7" ''
	[[ ! -e /home/alice/new.sqfs ]]
	printf 'FROM %s\nRUN kill -9 $$\n' "$images/base.sqfs" | containerfile
	refuse 2 'RUN ended with signal 9 (Killed)' '' 137
	printf 'FROM %s\nRUN ["none"]\n' "$images/base.sqfs" | containerfile
	refuse 2 "command 'none' not found in the container: PATH=*" '*' 127
}

@test "COPY: files, directories, patterns, modes, links" {
	mkdir -p "$context/d/e"
	put one 1; put two.txt 2; put d/three 3; put d/e/four 4
	ln -s three "$context/d/link"
	ln -s /etc/passwd "$context/out"
	containerfile <<-END
	FROM $images/base.sqfs
	ARG DIR=/app
	WORKDIR /w
	COPY one renamed
	COPY one *.txt \$DIR/
	COPY ["d", "/d"]
	COPY --chmod=700 --chown=1:2 one /app/private
	COPY d/l* locked/
	ADD two.txt /
	RUN cat /w/renamed /app/one /app/two.txt /d/three /d/e/four /d/link /w/locked/link /two.txt; \\
	    ls -ln /app/private | cut -c1-10
	END
	build
	assert_success
	assert_match $'\n1\n1\n2\n3\n4\n3\n3\n2\n-rwx------'
	in_new ls -l /d/link
	assert_match 'link -> three'
}

@test "COPY never reads outside of the context, nor writes outside of the image" {
	put secret; mkdir -p "$context/c"; mv "$context/secret" "$context/x-secret"
	put c/file
	ln -s ../x-secret "$context/c/up"
	ln -s "$context/x-secret" "$context/c/absolute"
	ln -s .. "$context/c/parent"
	for source in up absolute parent/x-secret; do
		printf 'FROM %s\nCOPY %s /x\n' "$images/base.sqfs" "$source" >"$context/c/Containerfile"
		run_alice "$DAVIT" image build --with=davit -q new.sqfs "$context/c"
		assert_status 125
		assert_failure "$host" "$context/c/Containerfile:2: there is no '$source' to copy" \
		    'a path below the context'
	done
	printf 'FROM %s\nCOPY ../x-secret /x\n' "$images/base.sqfs" >"$context/c/Containerfile"
	run_alice "$DAVIT" image build --with=davit -q new.sqfs "$context/c"
	assert_status 125
	assert_failure "$host" "$context/c/Containerfile:2: '../x-secret' leads out of what may be copied" \
	    "a path without '..': all is below the context"
	# A link of the image's to the node's files, and to what is mounted.
	put file
	containerfile <<-END
	FROM $images/base.sqfs
	RUN ln -s /proc/self/root/home /a; ln -s $context /b; ln -s /proc/sys /c
	COPY file /b/
	COPY file /c/
	END
	sed -i 's/ln -s/busybox ln -s/g' "$context/Containerfile"
	refuse 3 "cannot create directory '/b': No such file or directory" ''
	sed -i 3d "$context/Containerfile"
	refuse 3 "cannot create directory '/c': No such file or directory" ''
	sed -i 's,/c/,/a/file,' "$context/Containerfile"
	refuse 3 "cannot create directory '/a': No such file or directory" ''
}

@test "COPY below what is mounted while the image is built" {
	mkdir -p "$context/root/etc" "$context/root/proc"
	put root/etc/hosts mine; put root/etc/passwd users; put root/proc/x below
	containerfile <<-END
	FROM $images/base.sqfs
	COPY root /
	RUN echo \$(cat /etc/hosts) \$(ls /proc/x)
	END
	build
	assert_success
	[[ $output != *mine* && $output != *below* ]]
	assert_equal "$(unsquashfs -cat /home/alice/new.sqfs etc/hosts etc/passwd proc/x)" $'mine\nusers\nbelow'
}

@test ".dockerignore" {
	mkdir -p "$context/d"
	put a.o; put keep.o; put d/b.o; put c
	printf '**/*.o\n!keep.o\n' >"$context/.dockerignore"
	containerfile <<-END
	FROM $images/base.sqfs
	COPY . /all/
	RUN ls -R /all
	END
	build
	assert_success
	assert_match $'Containerfile\nc\nd\nkeep.o\n\n/all/d:(\n|$)'
	printf 'FROM %s\nCOPY a.o /\n' "$images/base.sqfs" | containerfile
	refuse 2 "'a.o' is left out by .containerignore or .dockerignore" \
	    'a line !a.o at the end of that file'
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

@test "each refusal has its line, and comes before anything is done" {
	local cases=(
		'RUM x' "unknown instruction 'RUM'" RUN
		'HEALTHCHECK NONE' 'HEALTHCHECK is not supported' 'leave it out: nobody would run it'
		'ONBUILD RUN x' 'ONBUILD is not supported' 'write the instruction where it is to be carried out'
		'MAINTAINER me' 'MAINTAINER is not supported' 'LABEL org.opencontainers.image.authors="..."'
		'RUN --mount=type=cache x' 'RUN --mount is not supported' 'leave it out, or --with=buildah, podman or docker'
		'COPY --parents a b' 'COPY --parents is not supported' 'leave it out, or --with=buildah, podman or docker'
		'RUN cat <<EOF' 'RUN with a here-document is not supported' 'one line, continued by a backslash at its end; or a script that COPY brings in'
		"CMD ['x']" 'CMD is not followed by a JSON array of strings' '*"WORD", "WORD"*, with double quotes'
		'SHELL bash' 'SHELL is not followed by a JSON array of strings' '*"WORD", "WORD"*, with double quotes'
		'WORKDIR' 'nothing follows WORKDIR' 'davit(1) tells what does'
		'FROM a b' 'this FROM is not understood' 'FROM IMAGE, or FROM IMAGE AS NAME'
		'FROM --platform=linux/vax a' "platform 'linux/vax' is not this node's" '*'
		'ARG 1=2' "'1=2' is not*" '*'
	)
	for ((i = 0; i < ${#cases[@]} - 3; i += 3)); do
		printf 'FROM %s\nRUN echo > /ran\n\n%s\n' "$images/base.sqfs" "${cases[i]}" | containerfile
		build
		assert_status 125
		assert_failure "$host" "$context/Containerfile:4: ${cases[i + 1]}" "${cases[i + 2]}"
		assert_output ''
	done
}

@test "refusals at a step" {
	local cases=(
		'ENV A' "'A' is not NAME=VALUE" 'NAME=VALUE, in quotes where there are blanks'
		'ENV A="b' 'a quotation that begins with " does not end' 'another " at its end, or ?" for the character itself'
		'ENV A=${B%x}' "'\${B%x}' is not a variable that is understood" '*'
		'WORKDIR ${X:?say where}' 'X: say where' ''
		'EXPOSE http' "'http' is not a port" 'NUMBER, NUMBER/tcp or NUMBER/udp'
		'COPY a' 'COPY needs a source and a target' 'COPY SOURCE... TARGET'
		'COPY a b c' "2 files to '/etc/c', which does not end with '/'" '/etc/c/, if it is to be a directory'
		'COPY --chmod=u+x a b' '--chmod=u+x is not an octal mode' '--chmod=755, for example'
		'ADD https://a/b /' "ADD would fetch 'https://a/b', which is not supported" 'RUN with curl or wget, or fetch it before, and COPY'
		'ADD t.tar.gz /' "ADD would unpack 't.tar.gz', which is not supported" 'COPY, and RUN tar -x where it is to be unpacked'
		'ARG 1=2' "'1' is not a name for an argument" "letters, digits and '_'"
		$'LABEL a=\xff' 'it is not in UTF-8' "UTF-8: the image's configuration is JSON"
	)
	put a; put b
	tar -C "$context" -czf "$context/t.tar.gz" a
	for ((i = 0; i < ${#cases[@]}; i += 3)); do
		printf 'FROM %s\n%s\n' "$images/base.sqfs" "${cases[i]}" | containerfile
		refuse 2 "${cases[i + 1]}" "${cases[i + 2]}"
	done
	printf 'FROM none.sqfs\n' | containerfile
	refuse 1 "base image '$context/none.sqfs': No such file or directory" \
	    'a path from the context, or docker://NAME:TAG'
}

@test "the command line" {
	printf 'FROM %s\nARG VERSION\n' "$images/base.sqfs" | containerfile
	build --build-arg VERSON=1
	assert_failure "$host" "--build-arg VERSON: no ARG of '$context/Containerfile' takes it" VERSION
	build --build-arg VERSION
	assert_failure "$host" '--build-arg VERSION: it has no value' '--build-arg NAME=VALUE'
	run_alice "$DAVIT" image build --with=buildha new.sqfs "$context"
	assert_failure "$host" '--with=buildha is none of auto, davit, buildah, podman, docker' buildah
	run_alice "$DAVIT" image build
	assert_failure "$host" 'no file is given that is to become the image' '*'
	run_alice "$DAVIT" image build new.sqfs /etc/pam.d
	assert_failure "$host" "there is neither a Containerfile nor a Dockerfile in '/etc/pam.d'" '-f FILE'
	run_alice "$DAVIT" image build -f /dev/null new.sqfs /
	assert_failure "$host" "cannot read '/dev/null': Invalid argument" \
	    'a Containerfile: a text file of at most 1 MiB'
	run_alice "$DAVIT" image build --with=davit -q -t new.sqfs -f "$context/Containerfile" "$context"
	assert_success
	build
	assert_failure "$host" "'new.sqfs': File exists" 'another name, or --force to replace it'
	run_alice "$DAVIT" image build --with=davit -q --force -t none/new.sqfs "$context"
	assert_status 125
	assert_stderr "cannot create a file in 'none/': No such file"
	# One that comes meanwhile stays as well.
	printf 'FROM %s\nRUN echo in step; sleep 1\n' "$images/base.sqfs" | containerfile
	rm /home/alice/new.sqfs
	begin "$DAVIT" image build --with=davit new.sqfs "$context"
	await_output '^in step'
	echo mine >/home/alice/new.sqfs
	finish
	assert_status 125
	assert_failure "$host" "cannot save the container to 'new.sqfs': cannot create 'new.sqfs': File exists" ''
	assert_equal "$(echo /home/alice/*new*)" /home/alice/new.sqfs
	assert_equal "$(</home/alice/new.sqfs)" mine
	printf 'FROM %s\n' "$images/base.sqfs" | containerfile
	build -q --force
	assert_success
	# The image that is there stays when the new one fails.
	printf 'FROM %s\nRUN exit 3\n' "$images/base.sqfs" | containerfile
	build -q --force
	assert_status 3
	in_new ls /bin/busybox
	assert_success
}

@test "the same again is the same file, with SOURCE_DATE_EPOCH" {
	put a
	printf 'FROM %s\nCOPY a /x/\nRUN echo 1 > /y\nENV A=1\n' "$images/base.sqfs" | containerfile
	run_alice env SOURCE_DATE_EPOCH=1000000000 "$DAVIT" image build --with=davit -q new.sqfs "$context"
	assert_success
	mv /home/alice/new.sqfs "$context/first.sqfs"
	sleep 1
	printf 'first.sqfs\n' >"$context/.dockerignore"
	run_alice env SOURCE_DATE_EPOCH=1000000000 "$DAVIT" image build --with=davit -q new.sqfs "$context"
	assert_success
	cmp "$context/first.sqfs" /home/alice/new.sqfs
}

@test "a layer in a directory, which is removed; a full one" {
	install -d -o alice "$context/layers"
	printf 'FROM %s\nRUN echo 1 > /y; busybox df / | busybox tail -n 1\n' "$images/base.sqfs" | containerfile
	build --writable="$context/layers"
	assert_success
	assert_equal "$(ls -A "$context/layers")" ''
	in_new cat /y
	assert_output 1
	printf 'FROM %s\nRUN dd if=/dev/zero of=/big bs=1M count=4\n' "$images/base.sqfs" | containerfile
	build -q --force --writable=size=1m
	assert_status 1
	assert_stderr 'Containerfile:2: the layer that takes what is written is full: RUN ended with code 1'
	assert_stderr 'try: --writable=DIR, on a local file system with more room, or --writable=size=SIZE'
	head -c 2M /dev/zero >"$context/zeros"
	printf 'FROM %s\nCOPY zeros /\n' "$images/base.sqfs" | containerfile
	build -q --force --writable=size=1m
	assert_status 125
	assert_stderr "Containerfile:2: the layer .* is full: cannot copy 'zeros': No space left on device"
	printf 'FROM %s\nRUN exit 1\n' "$images/base.sqfs" | containerfile
	build -q --force --writable="$context/layers"
	assert_status 1
	assert_equal "$(ls -A "$context/layers")" ''
}

# What is left would be found by leftovers_assert.
@test "interrupted in a step, while it is saved, and killed: nothing is left" {
	local signal

	install -d -o alice "$context/layers"
	printf 'FROM %s\nRUN setsid sleep 50 & echo in step; sleep 50\n' "$images/base.sqfs" | containerfile
	for signal in INT TERM HUP; do
		begin "$DAVIT" image build --with=davit --writable="$context/layers" new.sqfs "$context"
		await_output '^in step'
		kill -"$signal" "$(pgrep -u alice -o -x davit)"
		finish
		[[ $stderr == *"interrupted by a signal"* ]] || complain 'no word of it'
		assert_status $((128 + $(kill -l "$signal")))
		assert_equal "$(ls -A "$context/layers")" ''
	done
	begin "$DAVIT" image build --with=davit new.sqfs "$context"
	await_output '^in step'
	kill -KILL "$(pgrep -u alice -o -x davit)"
	finish
	# 300 MB that do not compress take mksquashfs a while.
	printf 'FROM %s\nRUN dd if=/dev/urandom of=/big bs=1M count=200; echo saving\n' "$images/base.sqfs" | containerfile
	begin "$DAVIT" image build --with=davit new.sqfs "$context"
	await pgrep -u alice mksquashfs
	kill -TERM "$(pgrep -u alice -o -x davit)"
	finish
	assert_status 143
	await bash -c '! pgrep -u alice mksquashfs'
	[[ ! -e /home/alice/new.sqfs ]]
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
	run_alice "$DAVIT" image build --with=podman new.sqfs "$context"
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

# podman and docker, of whom there is only what is asked of them.
@test "a base from a registry that wants a login, without TLS" {
	local dir=$BATS_TEST_TMPDIR/registry tool

	mkdir -p "$dir"
	tar --sort=name -C "$DAVIT_WORK/trees/base" -cf "$dir/base.tar" .
	layout_begin "$dir/layout"
	layout_layer "$dir/layout" "$dir/base.tar"
	layout_end "$dir/layout" base '' '{"Env": ["OF_REGISTRY=yes"]}'
	registry_start "$dir" alice secret
	registry_push "$dir/layout" base base:1 --dest-creds alice:secret
	install -m 600 -o alice /dev/null "$context/auth"
	printf '{"auths": {"%s": {"auth": "%s"}}}\n' "$registry" "$(printf alice:secret | base64)" >"$context/auth"
	printf 'FROM %s/base:1\nRUN test $OF_REGISTRY = yes\n' "$registry" | containerfile
	build --tls-verify=false
	assert_status 125
	assert_stderr "$context/Containerfile:1: 'docker://$registry/base:1' cannot be imported"
	assert_stderr "unauthorized|authentication required"
	build --authfile="$context/auth"
	assert_status 125
	assert_stderr 'try: --tls-verify=false, if you trust the network'
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

@test "podman and docker get the file, the arguments and the context" {
	local tool

	mkdir "$context/bin"
	for tool in podman docker; do
		cat >"$context/bin/$tool" <<-'END'
		#!/bin/bash
		case $1 in
		info) exit ;;
		build) for ((i = 1; i <= $#; i++)); do [[ ${!i} != --iidfile ]] || { i=$((i + 1)); echo sha256:1234 >"${!i}"; }; done ;;
		save) exec >&2 ;;
		esac
		printf '%s\n' "${0##*/} $*"
		[[ $1 == build ]] || exit 3
		END
		chmod 755 "$context/bin/$tool"
		printf 'FROM x AS y\nARG A\n' | containerfile
		run_alice env PATH="$context/bin:/usr/bin:/bin" "$DAVIT" image build --with=$tool --build-arg A=1 \
		    --target y new.sqfs "$context"
		assert_status 3
		assert_match "^$tool build -f $context/Containerfile --iidfile /var/tmp/davit-build.*/id --target y --build-arg A=1 $context\$"
		assert_stderr "^$tool save -o /var/tmp/davit-build.*/image.tar sha256:1234( --format=oci-archive)?"
		assert_stderr "$tool save ended with code 3"
	done
	# auto passes over one that does not work.
	printf '#!/bin/sh\nexit 1\n' >"$context/bin/buildah"
	chmod 755 "$context/bin/buildah"
	run_alice env PATH="$context/bin:/usr/bin:/bin" "$DAVIT" image build new.sqfs "$context"
	assert_match '^podman build'
}

# The fixed part of the environment and of the mounts, whatever the site and the user have.
@test "what the site and the user have chosen for containers does not get in" {
	mkdir -p "${site%/*}"
	printf 'mounts: [/etc/pam.d:/pam.d]\nenvironment: {set: {SITE: "yes"}}\n' >"$site"
	printf 'FROM %s\nRUN ls /; echo "${SITE-none}"\n' "$images/base.sqfs" | containerfile
	run_alice env DAVIT_CONTAINER_MOUNTS=/etc/pam.d:/users DAVIT_CONTAINER_WORKDIR=/none \
	    "$DAVIT" image build --with=davit new.sqfs "$context"
	rm -f "$site"
	[[ $output != *pam.d* && $output != *users* ]]
	assert_match $'\nnone$'
	assert_success
}
