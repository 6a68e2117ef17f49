# SPDX-License-Identifier: BSD-3-Clause
# run.bats - davit by hand, without Slurm

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)

# usage_error CAUSE REMEDY ARGUMENT...: with exit code 125
usage_error() {
	run_alice "$DAVIT" "${@:3}"
	assert_status 125
	assert_output ''
	assert_failure "$host" "$1" "$2"
}

@test 'the same container' {
	run_davit "$GLIBC" bash -c 'cat /etc/image; id; whoami; hostname; pwd; ls -d "$HOME" /tmp; cat /proc/self/uid_map'
	assert_success
	assert_quiet
	assert_equal "${lines[0]}" glibc
	assert_equal "${lines[2]}" alice
	assert_equal "${lines[3]}" "$(hostname)"
	assert_equal "${lines[4]}" /home/alice
	assert_equal "$(xargs <<<"${lines[7]}")" "$(id -u alice) $(id -u alice) 1"
}

@test 'options come before the image, the command keeps its own' {
	run_davit --workdir=/data --mounts=/run/davit-test/images:/mnt:ro "$SMALL" ls -d -- /mnt /data
	assert_success
	assert_output $'/data\n/mnt'
	run_davit --image="$SMALL" pwd
	assert_output /home/alice
	run_davit "$SMALL" -- echo -- --help
	assert_output '-- --help'
	run_davit --image "$SMALL" -- echo --help
	assert_output --help
}

@test '--help and --version' {
	for option in --help -h help; do
		run_alice "$DAVIT" $option
		assert_status 0
		assert_quiet
		assert_match '^Usage: davit COMMAND'
	done
	run_davit --help
	assert_status 0
	assert_match '^Usage: davit run \[OPTION\]... IMAGE \[--\] \[COMMAND'
	assert_match '--mounts='
	for option in --version -V; do
		run_alice "$DAVIT" $option
		assert_status 0
		assert_match '^davit [0-9]+\.[0-9]'
	done
}

@test 'bad command lines' {
	usage_error 'no command given' 'davit --help'
	usage_error "there is no command 'float'" 'davit --help' float
	usage_error "there is no command '--float'" 'davit --help' --float
	usage_error 'no image given' 'davit run --help' run
	usage_error 'no command given, and the image names none' 'davit run IMAGE COMMAND' run "$SMALL"
	usage_error 'no command given, and the image names none' '*' run "$SMALL" --
	usage_error "unknown option '--float'" 'davit run --help' run --float "$SMALL" true
	usage_error "unknown option '-x'" 'davit run --help' run -x "$SMALL" true
	usage_error "option '--mounts' needs a value" 'davit run --help' run --mounts
	usage_error "--mounts: mount 'x': mount source 'x' is not a path" '*' run --mounts=x "$SMALL" true
	usage_error "--workdir: 'x' is not an absolute path" '*' run --workdir=x "$SMALL" true
}

@test 'join and oci-run are not for hands' {
	usage_error "davit join is started by Davit's plugin for Slurm, not by hand" 'davit run *' join
	usage_error "davit join is started by Davit's plugin for Slurm, not by hand" '*' join x -- true
	usage_error "descriptor 9 does not come from Davit's plugin" '*' join 9 -- true
	usage_error "descriptor 0 does not come from Davit's plugin" '*' join 0 -- true
	usage_error 'davit oci-run is started by Slurm, not by hand' '*' oci-run
	usage_error 'davit oci-run is started by Slurm, not by hand' '*' oci-run x y z
	usage_error "cannot read the step's environment from '/none': No such file or directory" '' \
	    oci-run /none -- true
}

@test 'exit codes and signals' {
	for code in 0 1 125 126 127 255; do
		run_davit "$SMALL" sh -c "exit $code"
		assert_status $code
		assert_quiet
	done
	run_davit "$SMALL" sh -c 'kill -TERM $$'
	assert_status 143
	run_davit "$SMALL" nonesuch
	assert_status 127
	assert_failure "$host" "command 'nonesuch' not found in the container: PATH=*" '*'
	run_davit "$SMALL" /opt/bad/mode
	assert_status 126
	assert_failure "$host" "cannot execute '/opt/bad/mode': Permission denied" '*'
}

@test 'the pid is that of davit' {
	run_alice bash -c "$DAVIT run $SMALL sh -c 'sleep 0.2; echo \$\$' & echo \$!; wait"
	assert_success
	assert_equal "${lines[0]}" "${lines[1]}"
}

@test 'bad images' {
	usage_error "no image '/no/such.sqfs' on this node" '*' run /no/such.sqfs echo alive
	usage_error "image '$images/text.sqfs' is neither a squashfs nor a SIF" '*' run "$images/text.sqfs" echo alive
	usage_error "cannot open image '$images/unreadable.sqfs': Permission denied" '*' \
	    run "$images/unreadable.sqfs" echo alive
}

@test 'inside a container of its own' {
	# what the manual says about nesting must at least fail well
	run_davit --mounts="$DAVIT_PREFIX,$images" "$GLIBC" "$DAVIT" run "$SMALL" cat /etc/image
	if ((status == 0)); then
		assert_output small
	else
		assert_status 125
		assert_output ''
		[[ $stderr == *davit:* ]] || complain 'no word about why'
	fi
}

@test 'as root' {
	capture "$DAVIT" run "$SMALL" id -u
	assert_status 0
	assert_output 0
}

@test 'without user namespaces' {
	userns_begin
	userns_limit 0
	capture userns_enter alice "$DAVIT" run "$SMALL" echo alive
	userns_end
	assert_status 125
	assert_output ''
	assert_failure "$host" 'cannot create a user namespace: No space left on device' \
	    'ask your admin to raise user.max_user_namespaces (it is 0; davit doctor tells more)'
}

@test 'in a chroot' {
	local root=$BATS_TEST_TMPDIR/root file

	mkdir -p "$root"/{proc,dev,tmp}
	for file in "$DAVIT" $(ldd "$DAVIT" | grep -o '/[^ ]*'); do
		mkdir -p "$root$(dirname "$file")"
		cp -L "$file" "$root$file"
	done
	for file in /proc /dev "$images"; do
		mkdir -p "$root$file"
		mount --bind "$file" "$root$file"
	done
	capture timeout 20 chroot --userspec="$(id -u alice):$(id -g alice)" "$root" \
	    "$DAVIT" run "$SMALL" /bin/echo alive
	umount "$root$images" "$root/dev" "$root/proc"
	assert_status 125
	assert_output ''
	assert_failure "$host" 'cannot create a user namespace: Operation not permitted' \
	    'leave the chroot: the kernel refuses user namespaces inside one (use pivot_root)'
}

@test 'closed standard input, output and error' {
	run_alice bash -c "$DAVIT run $SMALL sh -c 'echo out; echo err >&2' <&-"
	assert_success
	assert_output out
	assert_equal "$stderr" err
	run_alice bash -c "$DAVIT run $SMALL sh -c 'echo out; echo err >&2; exit 4' >&- 2>&-"
	assert_status 4
	run_alice bash -c "$DAVIT run $SMALL sh -c 'echo fine >/tmp/closed; ls /proc/self/fd >>/tmp/closed' <&- >&- 2>&-"
	assert_status 0
	assert_equal "$(head -n 1 /tmp/closed)" fine
	rm /tmp/closed
	run_alice bash -c "$DAVIT run /no/such.sqfs true >&- 2>&-"
	assert_status 125
}

@test 'a pipe closes when the command ends, although the image server served it' {
	run_alice bash -c "$DAVIT run $SMALL echo one | cat; $DAVIT run $SMALL sh -c 'echo two >&2' 2>&1 | cat"
	assert_output $'one\ntwo'
}

@test 'a command that leaves the foreground keeps its container' {
	run_alice bash -c "$DAVIT run $SMALL sh -c '(sleep 0.5; cat /etc/image >/tmp/late) >/dev/null 2>&1 &'"
	assert_success
	await test -s /tmp/late
	assert_equal "$(</tmp/late)" small
	rm /tmp/late
}

@test 'twenty at once' {
	run_alice bash -c "for i in {1..20}; do $DAVIT run $SMALL cat /etc/image & done | cat"
	assert_success
	assert_quiet
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '20 small'
}
