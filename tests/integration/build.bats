# SPDX-License-Identifier: BSD-3-Clause
# build.bats - davit image build: Containerfiles carried out in Davit's own container
#
# Needs no cluster.

# Variables come from common.bash and build.bash; variables of Containerfiles are not the shell's.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/build.bash
. "$DAVIT_TESTS/lib/build.bash"

@test "an image from a base, and its configuration" {
	containerfile <<-END
	# All that goes into the configuration.
	FROM $images/base.sqfs
	ARG WHO=nobody
	ENV GREETING="hello \$WHO" BOTH=new
	ENV OLD of  the \${WHO:-none} form
	LABEL one=1 "two words"='\$WHO'
	EXPOSE 80 53/UDP
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
	RUN <<EOF
	echo "first \$A"
	[ -d /work ] && echo second
	EOF
	RUN cat <<'EOF' >/file && cat /file
	third \$A
	EOF
	RUN echo \${SLURM_CONF-no slurm} \$USER; ls /locked > /locked/new
	SHELL ["/bin/sh", "-e", "-c"]
	RUN echo shell; echo no > /dev/full; echo not reached
	END
	build
	assert_status 1
	assert_match $'\n0\na b c base /root /work\n'
	assert_match $'\n/bin/sh\n'
	assert_match $'\nfirst a b\nsecond\n'
	assert_match $'\nthird \\$A\n'
	assert_match $'\nno slurm'
	assert_match $'\nshell'
	[[ $output != *$'\nnot reached'* ]]
	[[ $stderr == *"/home: No such file"* && $stderr == *"/tmp: No such file"* ]]
	assert_stderr "Containerfile:18: RUN ended with code 1"
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

@test "each refusal has its line, and comes before anything is done" {
	local cases=(
		'RUM x' "unknown instruction 'RUM'" RUN
		'HEALTHCHECK NONE' 'HEALTHCHECK is not supported' 'leave it out: nobody would run it'
		'ONBUILD RUN x' 'ONBUILD is not supported' 'write the instruction where it is to be carried out'
		'MAINTAINER me' 'MAINTAINER is not supported' 'LABEL org.opencontainers.image.authors="..."'
		'RUN --mount=type=cache x' 'RUN --mount is not supported' 'leave it out, or --with=buildah, podman or docker'
		'COPY --parents a b' 'COPY --parents is not supported' 'leave it out, or --with=buildah, podman or docker'
		'COPY <<EOF /x' 'COPY with a here-document is not supported' 'a file of the context, or RUN cat >FILE <<NAME'
		'RUN cat <<EOF' "the here-document 'EOF' does not end" 'a line with nothing but that name at its end'
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
