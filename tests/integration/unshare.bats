# SPDX-License-Identifier: BSD-3-Clause
# unshare.bats - namespaces by choice, and the guard that a PID namespace needs

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

links='echo $SLURMD_NODENAME $(readlink /proc/self/ns/$0)'

# An address of this machine that is not loopback's, and a port of it.
address=$(hostname -I | cut -d ' ' -f 1)
port=23517

# A server on port $2 of the node that says $1 to everybody.
serve() { busybox nc -ll -p "$2" -e echo "$1" 3>&- & server=$!; }
answers() { [[ $(busybox nc -w 1 "$address" "$1" </dev/null) == "$2" ]]; }

teardown() {
	local name

	[[ ! ${server-} ]] || kill "$server" || true
	for name in /usr/bin/slirp4netns /usr/bin/pasta /etc/resolv.conf; do
		! mountpoint -q $name || umount $name
	done
	chmod 666 "$DAVIT_WORK/dev/tun"
	leftovers_assert
}

# ---- which processes share what ------------------------------------------

@test 'without the option all namespaces but user and mount are those of the node' {
	for kind in net ipc uts pid; do
		run_srun --container="$SMALL" readlink /proc/self/ns/$kind
		assert_success
		assert_output "$(readlink /proc/self/ns/$kind)"
	done
}

@test 'each namespace is one of its own, the same for all ranks of a node' {
	# The kernel gives the number of a namespace that is gone to the next one, so
	# all ranks stay until the last one is there.
	for kind in net ipc uts pid; do
		run_srun -N2 -n6 --ntasks-per-node=3 --container-unshare=$kind \
		    --container="$SMALL" sh -c "$links"'
		    : >meet.$SLURM_PROCID
		    until [ "$(ls meet.* | wc -l)" = 6 ]; do sleep 0.05; done' $kind
		rm -f /home/alice/meet.*
		assert_success
		assert_equal "$(wc -l <<<"$output")" 6
		assert_equal "$(sort -u <<<"$output" | wc -l)" 2
		assert_equal "$(awk '{ print $2 }' <<<"$output" | sort -u | wc -l)" 2
		[[ $output != *"$(readlink /proc/self/ns/$kind)"* ]] || complain "the node's $kind"
	done
}

@test 'all of them at once, and only those' {
	run_davit --unshare=net,ipc,uts "$SMALL" readlink /proc/self/ns/pid
	assert_output "$(readlink /proc/self/ns/pid)"
	run_srun -n2 --container-unshare=net,ipc,uts,pid --container="$SMALL" sh -c \
	    'for kind in net ipc uts pid; do readlink /proc/self/ns/$kind; done'
	assert_success
	assert_equal "$(sort -u <<<"$output" | wc -l)" 4
	for kind in net ipc uts pid; do
		[[ $output != *"$(readlink /proc/self/ns/$kind)"* ]] || complain "the node's $kind"
	done
}

@test 'ranks reach each other over loopback, and there is nothing else' {
	run_srun -n2 --container-unshare=net --container="$SMALL" sh -c '
	    if [ $SLURM_PROCID = 0 ]; then timeout 10 nc -l -p 80 -e echo hello; exit 0; fi
	    until nc 127.0.0.1 80 2>/dev/null; do sleep 0.1; done </dev/null
	    ls /sys/class/net; ip -o link | wc -l'
	assert_success
	assert_output $'hello\nlo\n1'
}

@test 'the same port can be used by the node and in the container' {
	serve node $port
	await answers $port node
	run_davit --unshare=net "$SMALL" sh -c \
	    "nc -l -p $port -e echo inside & until nc 127.0.0.1 $port 2>/dev/null; do :; done </dev/null"
	assert_success
	assert_output inside
}

@test 'ipc: shared memory and message queues are fresh, and shared by the ranks' {
	local file=/dev/shm/davit-test.$BATS_ROOT_PID

	echo node >"$file"
	run_srun -n3 --container-unshare=ipc --container="$SMALL" sh -c '
	    echo $SLURM_PROCID >/dev/shm/rank.$SLURM_PROCID
	    until [ $(ls /dev/shm | wc -l) = 3 ]; do sleep 0.1; done
	    [ $SLURM_PROCID != 0 ] || { ls /dev/shm /dev/mqueue; wc -l </proc/sysvipc/shm; }'
	rm "$file"
	assert_success
	assert_output $'/dev/mqueue:\n\n/dev/shm:\nrank.0\nrank.1\nrank.2\n1'
	[[ ! -e /dev/shm/rank.0 ]]
}

@test 'pid: the ranks see each other, init and nobody else, and are not process 1' {
	run_srun -n2 --container-unshare=pid --container="$SMALL" sh -c '
	    touch /tmp/up.$SLURM_PROCID
	    until [ -e /tmp/up.0 ] && [ -e /tmp/up.1 ]; do sleep 0.1; done
	    if [ $SLURM_PROCID = 0 ]; then echo rank $$; ps -o pid,args; touch /tmp/enough; fi
	    until [ -e /tmp/enough ]; do sleep 0.1; done'
	rm /tmp/up.* /tmp/enough
	assert_success
	assert_match 'rank [2-9]'
	assert_match '1 .*davit: init'
	assert_equal "$(grep -c '^ *[23] sh -c' <<<"$output")" 2
	[[ $output != *slurm* && $output != *guard* ]] || complain 'processes of the node'
	(($(wc -l <<<"$output") < 9)) || complain 'too many processes'
}

# ---- the way out ---------------------------------------------------------

@test 'slirp: a server of the node is reached, without it is not' {
	serve hello $port
	await answers $port hello
	run_srun -n2 --container-unshare=net:slirp --container="$SMALL" \
	    sh -c "nc $address $port </dev/null; ls /sys/class/net"
	assert_success
	assert_equal "$(sort <<<"$output" | uniq -c | xargs)" '2 hello 2 lo 2 tap0'
	run_srun --container-unshare=net --container="$SMALL" nc "$address" $port
	assert_status 1
	assert_stderr 'unreachable'
}

@test 'slirp: published ports lead into the container, also to a port below 1024' {
	begin srun --container-unshare=net:slirp:$port:80+$((port + 1)) --container="$SMALL" sh -c \
	    "nc -ll -p 80 -e echo eighty & nc -ll -p $((port + 1)) -e echo same & echo up
	    until [ -e /tmp/enough ]; do sleep 0.1; done; kill %1 %2"
	await_output up
	await answers $port eighty
	await answers $((port + 1)) same
	alice touch /tmp/enough
	finish
	rm /tmp/enough
	assert_success
	! answers $port eighty || complain 'still published'
}

@test 'slirp: one container after another publishes the same port' {
	for _ in 1 2 3 4; do
		run_davit --unshare=net:slirp:$port "$SMALL" true
		assert_success
	done
}

@test 'slirp: a name server on loopback of the node is asked through the way out' {
	printf 'search example.org\nnameserver 127.0.0.53\n' >"$BATS_TEST_TMPDIR/resolv.conf"
	mount --bind "$BATS_TEST_TMPDIR/resolv.conf" /etc/resolv.conf
	run_davit --unshare=net:slirp "$SMALL" cat /etc/resolv.conf
	assert_output $'search example.org\nnameserver 10.0.2.3'
	run_davit --unshare=net "$SMALL" cat /etc/resolv.conf
	assert_output "$(</etc/resolv.conf)"
	assert_success
}

@test 'slirp: through pasta where slirp4netns is not installed' {
	mount --bind /dev/null /usr/bin/slirp4netns
	serve hello $port
	begin srun --container-unshare=net:slirp:$((port + 2)):80 --container="$SMALL" sh -c \
	    "ls /sys/class/net | grep -c .; nc -l -p 80 -e echo eighty; echo over"
	await answers $((port + 2)) eighty
	finish
	assert_success
	assert_output $'2\nover'
}

@test 'slirp: a port in use, or below 1024, is told' {
	serve hello $port
	await answers $port hello
	run_srun --container-unshare=net:slirp:$port --container="$SMALL" true
	assert_status 125
	assert_failure n1 "cannot publish port $port on this node: Address already in use" \
	    'another port: some process of this node has it (ss -ltn)'
	run_davit --unshare=net:slirp:1023 "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" 'cannot publish port 1023 on this node: Permission denied' \
	    "a port from 1024 on; the others are root's"
}

@test 'slirp: neither program installed, or no access to /dev/net/tun' {
	chmod 600 "$DAVIT_WORK/dev/tun"
	run_srun -n2 --container-unshare=net:slirp --container="$SMALL" true
	assert_status 125
	assert_failure n1 \
	    "cannot open '/dev/net/tun' for the container's network: Permission denied" \
	    'ask your admin for mode 0666 on /dev/net/tun'
	chmod 666 "$DAVIT_WORK/dev/tun"
	mount --bind /dev/null /usr/bin/slirp4netns
	mount --bind /dev/null /usr/bin/pasta
	run_davit --unshare=net:slirp "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" \
	    "neither slirp4netns nor pasta is installed, for the container's network" \
	    'ask your admin to install slirp4netns or passt, or --container-unshare=net for loopback only'
}

# ---- what a node may forbid ----------------------------------------------

@test 'no more namespaces of a kind' {
	userns_begin
	userns_enter bash -c 'echo 0 >/proc/sys/user/max_net_namespaces'
	capture userns_enter alice "$DAVIT" run --unshare=net "$SMALL" true
	userns_end
	assert_status 125
	assert_failure "$(hostname -s)" \
	    "cannot create the container's network namespace: No space left on device" \
	    'ask your admin to raise user.max_net_namespaces, or end other containers of yours'
}

@test 'pid: something hides a part of /proc' {
	# shellcheck disable=SC2034 # for alice()
	as_prefix=(unshare --mount --propagation private sh -c
	    'mount -t tmpfs davit-test /proc/irq && exec "$@"' -)
	run_davit --unshare=pid "$SMALL" true
	assert_status 125
	assert_failure "$(hostname -s)" \
	    'cannot mount a procfs for the PID namespace: Operation not permitted' \
	    "leave 'pid' out of --container-unshare: something is mounted on parts of the node's /proc (findmnt -R /proc)"
}

# ---- the guard -----------------------------------------------------------

@test 'guard: exit codes, signals and errors are those of the command' {
	local code

	for code in 0 1 126 255; do
		run_srun --container-unshare=pid --container="$SMALL" sh -c "exit $code"
		assert_status $code
		assert_no_davit_line
	done
	run_srun --container-unshare=pid --container="$SMALL" sh -c 'kill -KILL $$'
	assert_status 137
	assert_stderr Killed
	run_davit --unshare=pid "$SMALL" sh -c 'kill -SEGV $$'
	assert_status 139
	run_srun -n2 --container-unshare=pid --container="$SMALL" no-such-command
	assert_status 127
	assert_failure n1 "command 'no-such-command' not found*" "*"
}

@test 'guard: no second core file' {
	[[ $(</proc/sys/kernel/core_pattern) == core ]] || skip 'cores go elsewhere'
	run_alice sh -c 'ulimit -c unlimited; cd /tmp; exec "$0" run --unshare=pid "$1" sh -c "kill -ABRT \$\$"' \
	    "$DAVIT" "$SMALL"
	assert_status 134
	assert_equal "$(find /tmp -name 'core*' | wc -l)" 1
	rm /tmp/core*
}

@test 'guard: signals are neither blocked nor ignored, standard input passes' {
	local here

	here=$(alice srun grep -E '^Sig(Blk|Ign)' /proc/self/status)
	run_srun --container-unshare=pid --container="$SMALL" grep -E '^Sig(Blk|Ign)' /proc/self/status
	assert_success
	assert_output "$here"
	output=$(echo in | alice "$DAVIT" run --unshare=pid "$SMALL" cat)
	assert_output in
}

@test 'guard: signals to the step reach the command once' {
	assert_signalled_once --container-unshare=pid --container="$SMALL"
}

@test 'guard: a signal to the batch script alone reaches it' {
	job=$(alice sbatch --parsable --output=/home/alice/out.%j --container="$SMALL" \
	    --container-unshare=pid --wrap \
	    'trap "echo got it; exit 0" USR1; echo up; while :; do sleep 0.1; done')
	await grep -q up "/home/alice/out.$job"
	scancel --batch -s USR1 "$job"
	await job_over "$job"
	output=$(<"/home/alice/out.$job")
	rm "/home/alice/out.$job"
	assert_output $'up\ngot it'
}

@test 'guard: a signal to davit run reaches the command' {
	begin "$DAVIT" run --unshare=pid "$SMALL" sh -c \
	    'trap "echo got it; exit 9" TERM; echo up; while :; do sleep 0.1; done'
	await_output up
	kill -TERM "$(pgrep -x davit-guard)"
	finish
	assert_status 9
	assert_output $'up\ngot it'
}

state() { [[ $(ps -o state= -p "$1") == "$2" ]]; }

@test 'guard: it stops with the command and continues it' {
	local guard child

	begin "$DAVIT" run --unshare=pid "$SMALL" sh -c 'echo up; while ! [ -e /tmp/enough ]; do sleep 0.1; done'
	await_output up
	guard=$(pgrep -x davit-guard)
	child=$(pgrep -P "$guard" -x sh)
	kill -TSTP "$guard"
	await state "$child" T
	await state "$guard" T
	kill -CONT "$guard"
	await state "$child" S
	alice touch /tmp/enough
	finish
	rm /tmp/enough
	assert_success
}

@test 'guard: scancel ends a job of guards' {
	begin srun -n3 --container-unshare=net:slirp,pid,ipc --container="$SMALL" sh -c \
	    'echo up; exec sleep 60'
	await_output up 3
	scancel "$(job_now)"
	finish
	((status != 0))
}

@test 'guard: the ranks end one after another; what they leave behind ends with the last' {
	run_srun -n3 --container-unshare=pid --container="$SMALL" sh -c \
	    'setsid sleep 77 >/dev/null 2>&1 </dev/null & sleep 0.$SLURM_PROCID; exit $SLURM_PROCID'
	assert_status 2
	await bash -c '! pgrep -u alice sleep'
}

# ---- kill -9 -------------------------------------------------------------

@test 'kill -9 of a guard: its rank dies, the others go on' {
	begin srun -n2 --no-kill --kill-on-bad-exit=0 --container-unshare=pid --container="$SMALL" \
	    sh -c 'echo up; exec sleep 3'
	await_output up 2
	kill -KILL "$(pgrep -x davit-guard | head -n 1)"
	await bash -c '(($(pgrep -c -u alice -x sleep) == 1))'
	finish
	((status != 0))
}

@test 'kill -9 of init: all ranks die' {
	begin srun -n2 --container-unshare=pid --container="$SMALL" sh -c 'echo up; exec sleep 60'
	await_output up 2
	kill -KILL "$(pgrep -x davit-init)"
	finish
	assert_status 137
}

@test 'kill -9 of a rank behind a guard' {
	begin srun -n1 --container-unshare=pid,net --container="$SMALL" sh -c 'echo up; exec sleep 60'
	await_output up
	kill -KILL "$(pgrep -u alice -x sleep)"
	finish
	assert_status 137
	assert_stderr Killed
}

@test 'kill -9 of slirp4netns or its keeper: the network is gone, the rank goes on' {
	local name

	for name in slirp4netns davit-network; do
		begin srun --container-unshare=net:slirp --container="$SMALL" sh -c \
		    'echo up; while [ -e /sys/class/net/tap0 ]; do sleep 0.1; done; echo gone'
		await_output up
		kill -KILL "$(pgrep -u alice -x $name)"
		finish
		assert_success
		assert_output $'up\ngone'
	done
}
