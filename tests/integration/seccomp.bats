# SPDX-License-Identifier: BSD-3-Clause
# seccomp.bats - system calls that a container may use, may not use, and what the user can change

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016,SC2030,SC2031,SC2034

load "$DAVIT_TESTS/lib/common.bash"

calls=/opt/test/syscalls
site=$DAVIT_PREFIX/etc/davit/davit.conf

# The words behind $1 on standard output are exactly $2.
assert_call() {
	[[ $(sed -n "s/^$1 //p" <<<"$output") == "$2" ]] || complain "$1 is not $2"
}
assert_calls() {
	local result=$1 name

	shift
	for name; do
		assert_call "$name" "$result"
	done
}

refused=(kexec_load kexec_file_load reboot init_module finit_module delete_module adjtimex
    clock_adjtime clock_settime settimeofday swapon swapoff acct quotactl quotactl_fd
    open_by_handle_at mount umount2 pivot_root move_mount open_tree open_tree_attr fsopen fsconfig
    fsmount fspick mount_setattr perf_event_open bpf userfaultfd fanotify_init fanotify_mark kcmp
    add_key request_key keyctl syslog lookup_dcookie setns unshare-user unshare-time unshare-above
    clone-user AF_AX25 AF_SECURITY AF_KEY AF_PACKET AF_IB AF_ALG AF_ALG-above AF_VSOCK AF_SMC AF_XDP
    AF_60 socketpair)
x86_64=(iopl ioperm sysfs)
allowed=(unshare-0 unshare-files process_vm_readv move_pages set_mempolicy personality AF_UNIX
    AF_INET AF_INET6 AF_NETLINK clone3-fork clone-fork)

is_x86_64() { [[ $(uname -m) == x86_64 ]]; }

# What the default profile makes of all calls.
assert_default() {
	assert_success
	assert_calls EPERM "${refused[@]}"
	assert_calls 0 "${allowed[@]}"
	# these say that they are there
	assert_calls EFAULT io_uring_setup memfd_create
	assert_calls EINVAL clone3 mbind
	assert_calls ESRCH ptrace kcmp-vm
	# the container's user namespace has no room for another
	assert_call clone3-user ENOSPC
	! is_x86_64 || assert_calls EPERM "${x86_64[@]}"
	! is_x86_64 || assert_calls ENOSYS i386 x32 _sysctl
}

profile() { cat >"/home/alice/profile.json"; }

teardown() {
	rm -f /home/alice/profile.json /home/alice/*.out "$site"
	leftovers_assert
}

# ---- the default ---------------------------------------------------------

@test 'a rank is refused what no application needs, and only that' {
	run_srun --container="$SMALL" $calls
	assert_default
	run_srun -n2 --container="$SMALL" grep -E '^(Seccomp|Seccomp_filters|NoNewPrivs|Speculation_Store_Bypass):' \
	    /proc/self/status
	assert_success
	assert_equal "$(grep -c $'^Seccomp:\t2$' <<<"$output")" 2
	assert_equal "$(grep -c $'^Seccomp_filters:\t1$' <<<"$output")" 2
	[[ $output != *'force mitigated'* ]] || complain 'slow protection of speculative stores'
}

@test 'so are davit run, a batch script and root inside' {
	run_davit "$SMALL" $calls
	assert_default
	run_sbatch --container="$SMALL" <<-END
		#!/bin/sh
		$calls
	END
	status=0 stderr=
	assert_default
	run_davit --remap-root "$SMALL" $calls
	assert_default
	run_davit --remap-root "$SMALL" sh -c 'touch f && chown 7:7 f && rm f && grep Seccomp_filters /proc/self/status'
	assert_success
	assert_output $'Seccomp_filters:\t1'
}

@test 'the calls of another architecture end a program instead of running it' {
	is_x86_64 || skip 'for x86_64'
	printf '%s\n' '.globl _start' '_start:' 'mov $1, %eax' 'xor %ebx, %ebx' 'int $0x80' \
	    'hlt' >"$BATS_TEST_TMPDIR/exit.s"
	/usr/bin/as --32 -o "$BATS_TEST_TMPDIR/exit.o" "$BATS_TEST_TMPDIR/exit.s"
	ld -m elf_i386 -o /home/alice/exit.out "$BATS_TEST_TMPDIR/exit.o"
	run_davit "$SMALL" /home/alice/exit.out
	assert_status 139
	run_davit --security=seccomp:allow:foreign "$SMALL" /home/alice/exit.out
	assert_status 0
}

@test 'scripts of an image run under it, too' {
	run_davit --entrypoint-log "$images/env-seccomp.sqfs" /bin/sh -c 'echo $TRIED'
	assert_success
	assert_output 'bpf EPERM'
}

@test 'davit enter has the filter of the container' {
	begin srun --container="$SMALL" sh -c 'echo ready; read -r x </opt/test/none || sleep 30'
	await_output ready
	run_alice "$DAVIT" enter "$(job_now)" $calls
	assert_default
	scancel "$(job_now)"
	finish
	await job_none

	begin srun --container-security=seccomp:allow:bpf,seccomp:deny:memfd --container="$SMALL" \
	    sh -c 'echo ready; sleep 30'
	await_output ready
	run_alice "$DAVIT" enter "$(job_now)" $calls bpf memfd_create kcmp
	assert_output $'kcmp EPERM\nmemfd_create ENOSYS' || true
	assert_call bpf EINVAL
	assert_call memfd_create ENOSYS
	assert_call kcmp EPERM
	scancel "$(job_now)"
	finish
	await job_none
}

@test 'no rank can change the filter of who enters after it' {
	run_davit --remap-root "$SMALL" sh -c '
	    (: >/dev/davit-seccomp); rm /dev/davit-seccomp; mount -o remount,rw /dev; ls /dev/davit-seccomp'
	assert_output /dev/davit-seccomp
	[[ $stderr == *'Read-only file system'* ]] || complain 'not read-only'
}

@test 'a step that enters a named container has the filter that it asked for' {
	run_alice salloc -Q -N1 bash -c "
	    srun --container='$SMALL' --container-name=x true
	    srun --overlap --container-name=x --container-security=seccomp:allow:kcmp $calls kcmp bpf clone3-user"
	assert_success
	assert_output $'bpf EPERM\nkcmp ESRCH\nclone3-user ENOSPC'
}

# ---- programs of Debian (tests/mpi-images; those of MPI are in mpi.bats) ----

debian=${DAVIT_MPI_IMAGES:-/var/cache/davit/mpi}/programs.sqfs

setup_file() { "$DAVIT_TESTS/mpi-images" prepare >&2; }

@test 'programs in Python, Java, Go and Rust' {
	run_srun --container="$debian" python3 -c '
import asyncio, concurrent.futures, ctypes, multiprocessing, os, socket, subprocess, tempfile, threading
print(sum(concurrent.futures.ThreadPoolExecutor(4).map(abs, range(-10, 0))))
with multiprocessing.Pool(2) as pool:
	print(pool.map(len, ["a", "bb"]), subprocess.check_output(["id", "-un"], text=True).strip())
async def main():
	p = await asyncio.create_subprocess_exec("true")
	print(await p.wait(), os.memfd_create("x") > 0, socket.if_nameindex() != [])
asyncio.run(main())'
	assert_success
	assert_output $'55\n[1, 2] alice\n0 True True'

	printf '%s\n' 'import java.util.stream.*; import java.net.*;' 'public class Sum {' \
	    '  public static void main(String[] a) throws Exception {' \
	    '    try (ServerSocket s = new ServerSocket(0)) {' \
	    '      System.out.println(IntStream.range(0, 1000).parallel().sum());' \
	    '    }' \
	    '    System.gc();' \
	    '    System.exit(new ProcessBuilder("true").start().waitFor());' '  }' '}' >/home/alice/Sum.java
	run_srun --container="$debian" java -XX:+UseParallelGC -XX:-UsePerfData /home/alice/Sum.java
	rm /home/alice/Sum.java
	assert_success
	assert_output 499500

	run_srun --container="$debian" sh -c 'seq 200000 | fzf --filter=^777 | wc -l'
	assert_success
	assert_output 111
	run_srun --container="$debian" rg --threads 4 -c '^root:' /etc/passwd /etc/group
	assert_success
	assert_equal "$(sort <<<"$output")" $'/etc/group:1\n/etc/passwd:1'
}

@test 'debuggers and io_uring' {
	run_srun --container="$debian" gdb -q -batch -ex starti -ex stepi -ex 'print $pc' -ex continue \
	    --args echo finished
	assert_success
	assert_match '.1 = .*0x.*finished'
	run_srun --container="$debian" strace -f -e trace=execve,unshare sh -c 'unshare -U true; true'
	[[ $stderr == *'unshare(CLONE_NEWUSER)'*'EPERM'* ]] || complain 'not traced'
	assert_status 0
	[[ $(cat /proc/sys/kernel/io_uring_disabled 2>/dev/null || echo 0) == 0 ]] || skip 'the node has no io_uring'
	run_srun --container="$debian" fio --name=x --ioengine=io_uring --rw=randrw --size=1m --filename=/tmp/davit.fio \
	    --unlink=1 --minimal
	assert_success
	run_srun --container="$debian" --container-security=seccomp:deny:io_uring fio --name=x --ioengine=io_uring \
	    --rw=read --size=1m --filename=/tmp/davit.fio --unlink=1
	((status != 0)) || complain 'io_uring although refused'
	rm -f /tmp/davit.fio
}

@test 'where /proc/sys is read-only, clone3 is refused in place of new namespaces' {
	as_prefix=(unshare --mount sh -c 'mount --bind /proc/sys /proc/sys &&
	    mount -o remount,bind,ro /proc/sys && exec "$@"' -)
	run_davit "$SMALL" $calls clone3-user clone3-fork clone-fork clone-user
	assert_success
	assert_calls ENOSYS clone3-user clone3-fork
	assert_call clone-fork 0
	assert_call clone-user EPERM
}

@test 'a container in this one is refused with what it takes' {
	mkdir -p /home/alice/tree.out/bin
	cp "$(command -v busybox)" /home/alice/tree.out/bin/busybox
	run_srun --container="$GLIBC" --container-mounts="$DAVIT_PREFIX" "$DAVIT" run /home/alice/tree.out busybox echo inner
	assert_status 125
	assert_failure 'n?' 'cannot create a user namespace: Operation not permitted' \
	    '--container-security=seccomp:allow:namespaces,seccomp:allow:mount for the container that this one is to be in'
	rm -r /home/alice/tree.out
	run_srun --container-security=seccomp:allow:namespaces,seccomp:allow:mount --container="$SMALL" \
	    unshare -U -r -m sh -c 'mount -t tmpfs inner /data && grep -c ^inner /proc/self/mounts; umount /data'
	assert_success
	assert_output 1
}

# ---- the option ----------------------------------------------------------

@test 'calls, groups and families can be allowed and refused, in order' {
	run_srun --container-security=seccomp:allow:perf_event_open,seccomp:allow:AF_VSOCK,seccomp:allow:clock,seccomp:deny:adjtimex \
	    --container="$SMALL" $calls perf_event_open AF_VSOCK AF_ALG clock_settime adjtimex kcmp
	assert_success
	assert_call perf_event_open EFAULT
	[[ $(sed -n 's/^AF_VSOCK //p' <<<"$output") != EPERM ]] || complain AF_VSOCK
	assert_calls EPERM AF_ALG adjtimex kcmp
	assert_call clock_settime EFAULT
	run_davit --security=seccomp:deny:io_uring,seccomp:deny:clone3,seccomp:deny:AF_INET6,seccomp:deny:process_vm_readv \
	    "$SMALL" $calls io_uring_setup clone3-fork clone-fork AF_INET AF_INET6 process_vm_readv
	assert_success
	assert_calls ENOSYS io_uring_setup clone3-fork
	assert_calls 0 clone-fork AF_INET
	assert_calls EPERM AF_INET6 process_vm_readv
}

@test 'all: every group of the table, and programs still run' {
	run_srun --container-security=seccomp:deny:all --container="$GLIBC" bash -c 'echo $(id -un | cat)'
	assert_success
	assert_output alice
	run_davit --security=seccomp:deny:all,seccomp:allow:ptrace "$SMALL" $calls
	assert_success
	assert_calls EPERM "${refused[@]}" process_vm_readv move_pages mbind set_mempolicy personality
	assert_calls ENOSYS io_uring_setup memfd_create clone3 clone3-fork
	assert_calls 0 AF_UNIX AF_INET AF_INET6 AF_NETLINK clone-fork
	assert_call ptrace ESRCH
}

@test 'unconfined: no filter at all, but for a terminal' {
	run_srun --container-security=seccomp=unconfined --container="$SMALL" grep -E ^Seccomp: /proc/self/status
	assert_output "$(grep -E ^Seccomp: /proc/self/status)"
	run_davit --security=seccomp=unconfined "$SMALL" $calls clone3-user clone-user bpf i386
	assert_success
	assert_calls 0 clone3-user clone-user
	assert_call bpf EINVAL
	! is_x86_64 || assert_call i386 0
	run_alice script -qec "$DAVIT run --security=seccomp=unconfined $SMALL /opt/test/type_in" /dev/null
	assert_match '^Operation not permitted'
	run_davit --security=seccomp=unconfined,seccomp:deny:bpf "$SMALL" $calls bpf kcmp
	assert_output $'bpf EPERM\nkcmp ESRCH'
}

@test 'a container in a container takes namespaces' {
	run_davit --security=seccomp:allow:namespaces "$SMALL" $calls clone3-user clone-user setns mount
	assert_success
	assert_calls 0 clone3-user clone-user
	assert_call setns EBADF
	assert_call mount EPERM
}

@test 'bad values are refused before there is a job' {
	local value

	for value in \
	    "seccomp:allow:all|there is no 'seccomp:allow:all'|seccomp=unconfined" \
	    "seccomp:allow:|'' is not the name of a system call or of a group of them|a name such as" \
	    "seccomp:deny:a/b|'a/b' is not the name|a name such as" \
	    "seccomp=unconfinde|'unconfinde' is neither default, unconfined nor the path|seccomp=unconfined" \
	    "seccomp=file.json|'file.json' is neither|seccomp=./file.json, if it is a file" \
	    "seccomp=/a,seccomp=/b|'seccomp=/a' and 'seccomp=/b' contradict each other|one of the two" \
	    "selinux:x|'selinux:x' says nothing about security|seccomp:allow:NAME"; do
		IFS='|' read -r value cause remedy <<<"$value"
		run_srun --container-security="$value" --container="$SMALL" true
		assert_refused srun "--container-security: $cause" "$remedy"
		run_davit --security="$value" "$SMALL" true
		assert_status 125
		[[ $stderr == *"$cause"*"try: $remedy"* ]] || complain "$value"
	done
}

@test 'names that nobody knows are refused with the nearest' {
	run_srun --container-security=seccomp:allow:perf_event_opne --container="$SMALL" true
	assert_status 125
	assert_failure 'n?' "--container-security: seccomp:allow:perf_event_opne: no system call, address family or group of them is called 'perf_event_opne'" \
	    perf_event_open
	run_davit --security=seccomp:deny:AF_VSOKC "$SMALL" true
	assert_status 125
	assert_stderr "try: AF_VSOCK"
	run_davit --security=seccomp:deny:namespace "$SMALL" true
	assert_stderr "try: namespaces"
	run_davit --security=seccomp:deny:xxxxxxxxxxxxxxxx "$SMALL" true
	assert_stderr 'try: a name of davit-seccomp\(7\)'
}

@test 'the site may set it, and keep others from it' {
	mkdir -p "${site%/*}"
	printf 'security: seccomp:allow:kcmp\nforbid: [security]\n' >"$site"
	run_davit "$SMALL" $calls kcmp bpf
	assert_output $'bpf EPERM\nkcmp ESRCH'
	run_srun --container-security=seccomp=unconfined --container="$SMALL" true
	assert_status 125
	assert_failure 'n?' "--container-security: $site:2 forbids the option 'security'" '*'
}

# ---- a profile of the user's ---------------------------------------------

# Rules as Docker's own file has them.
docker_like() {
	profile <<-'END'
	{
	  "defaultAction": "SCMP_ACT_ERRNO",
	  "defaultErrnoRet": 1,
	  "archMap": [
	    { "architecture": "SCMP_ARCH_X86_64", "subArchitectures": ["SCMP_ARCH_X86", "SCMP_ARCH_X32"] },
	    { "architecture": "SCMP_ARCH_AARCH64", "subArchitectures": ["SCMP_ARCH_ARM"] }
	  ],
	  "syscalls": [
	    { "names": ["access", "arch_prctl", "brk", "close", "dup2", "execve", "exit", "exit_group",
	        "faccessat", "faccessat2", "fcntl", "fork", "fstat", "future_call_of_linux_9", "getcwd",
	        "getegid", "geteuid", "getgid", "getpgrp", "getpid", "getppid", "getrandom", "getuid",
	        "ioctl", "kcmp", "lseek", "mmap", "mprotect", "munmap", "newfstatat", "open", "openat",
	        "pipe", "pipe2", "poll", "prctl", "prlimit64", "read", "readlink", "readlinkat", "rseq",
	        "rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sched_yield", "set_robust_list",
	        "set_tid_address", "stat", "statx", "vfork", "wait4", "write", "writev", "uname",
	        "seccomp", "getdents64", "setpgid", "lstat", "getsockname", "move_pages"],
	      "action": "SCMP_ACT_ALLOW" },
	    { "names": ["personality"], "action": "SCMP_ACT_ALLOW",
	      "args": [ { "index": 0, "value": 4294967295, "op": "SCMP_CMP_EQ" } ] },
	    { "names": ["clone"], "action": "SCMP_ACT_ALLOW", "excludes": { "caps": ["CAP_SYS_ADMIN"] },
	      "args": [ { "index": 0, "value": 2114060288, "valueTwo": 0, "op": "SCMP_CMP_MASKED_EQ" } ] },
	    { "names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38 },
	    { "names": ["socket"], "action": "SCMP_ACT_ALLOW", "comment": "not vsock",
	      "args": [ { "index": 0, "value": 40, "op": "SCMP_CMP_NE" } ] },
	    { "names": ["bpf"], "action": "SCMP_ACT_ALLOW", "includes": { "caps": ["CAP_SYS_ADMIN"] } },
	    { "names": ["add_key"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "4.8" } },
	    { "names": ["keyctl"], "action": "SCMP_ACT_ALLOW", "includes": { "minKernel": "99.0" } },
	    { "names": ["request_key"], "action": "SCMP_ACT_ALLOW",
	      "includes": { "arches": ["amd64", "arm64"] } },
	    { "names": ["acct"], "action": "SCMP_ACT_ALLOW", "includes": { "arches": ["s390"] } }
	  ]
	}
	END
}

@test 'a profile as Docker has it takes the place of the default' {
	docker_like
	run_srun --container-security=seccomp=./profile.json --container="$SMALL" $calls
	assert_success
	assert_calls 0 personality clone-fork AF_INET AF_UNIX move_pages
	assert_call kcmp ESRCH
	assert_calls EPERM clone-user AF_VSOCK bpf keyctl acct unshare-user ptrace mount process_vm_readv
	assert_calls EFAULT add_key request_key
	assert_calls ENOSYS clone3 clone3-fork clone3-user
	[[ $(sed -n 's/^AF_ALG //p' <<<"$output") != EPERM ]] || complain 'AF_ALG is not allowed'
	! is_x86_64 || assert_call i386 0
	run_davit --remap-root --security=seccomp=/home/alice/profile.json,seccomp:deny:kcmp "$SMALL" $calls kcmp personality
	assert_output $'kcmp EPERM\npersonality 0'
	# what protects others stays
	run_alice script -qec "$DAVIT run --security=seccomp=/home/alice/profile.json $SMALL /opt/test/type_in" /dev/null
	assert_match '^Operation not permitted'
}

@test 'a profile that ends programs ends them' {
	profile <<<'{ "defaultAction": "SCMP_ACT_ALLOW", "architectures": ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
	    "flags": ["SECCOMP_FILTER_FLAG_LOG"],
	    "syscalls": [ { "name": "kcmp", "action": "SCMP_ACT_KILL_PROCESS", "args": null } ] }'
	run_davit --security=seccomp=./profile.json "$SMALL" $calls bpf kcmp
	assert_status 159
	run_davit --security=seccomp=./profile.json "$SMALL" $calls bpf clone3-user
	assert_output $'bpf EINVAL\nclone3-user 0'
}

@test 'a profile without execve says so' {
	profile <<<'{ "defaultAction": "SCMP_ACT_ERRNO", "syscalls": [ { "names": ["write", "exit_group",
	    "writev", "fcntl", "stat", "newfstatat", "open", "openat", "read", "close", "pwrite64"], "action": "SCMP_ACT_ALLOW" } ] }'
	run_davit --security=seccomp=./profile.json "$SMALL" /bin/true
	assert_status 126
	assert_stderr "cannot execute '/bin/true': Operation not permitted"
}

bad_profile() {
	profile <<<"$1"
	run_davit --security=seccomp=./profile.json "$SMALL" true
	assert_status 125
	[[ $stderr == *"--container-security: cannot use the seccomp profile './profile.json': $2"* ]] || complain "not: $2"
	[[ ! ${3-} || $stderr == *"try: $3"* ]] || complain "no such remedy: $3"
}

@test 'profiles that are wrong are refused with what is wrong' {
	local a='"defaultAction": "SCMP_ACT_ALLOW"'

	bad_profile '{' 'line 2: '
	bad_profile '[]' 'it is not a JSON object'
	bad_profile '{}' "'defaultAction' is missing"
	bad_profile '{"defaultAction": "SCMP_ACT_ALOW"}' "unknown defaultAction 'SCMP_ACT_ALOW'" SCMP_ACT_ALLOW
	bad_profile '{"defaultAction": "SCMP_ACT_NOTIFY"}' "unknown defaultAction 'SCMP_ACT_NOTIFY'"
	bad_profile '{"defaultAction": 3}' "'defaultAction' is not a string"
	bad_profile "{$a, \"syscals\": []}" "unknown key 'syscals' in the profile" syscalls
	bad_profile "{$a, \"architectures\": [\"SCMP_ARCH_X68\"]}" "unknown architecture 'SCMP_ARCH_X68'" SCMP_ARCH_X86
	bad_profile "{$a, \"syscalls\": {}}" "'syscalls' is not an array"
	bad_profile "{$a, \"syscalls\": [7]}" 'syscalls[0]: it is not an object'
	bad_profile "{$a, \"syscalls\": [{\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_ERRNO\", \"errnoRet\": -1}]}" \
	    "syscalls[0]: 'errnoRet' is not a number from 0 to 4095"
	bad_profile "{$a, \"syscalls\": [{\"names\": [\"kcmpp\"], \"action\": \"SCMP_ACT_ERRNO\"}]}" \
	    "syscalls[0]: no system call is called 'kcmpp'" kcmp
	bad_profile "{$a, \"syscalls\": [{\"action\": \"SCMP_ACT_ERRNO\"}]}" "syscalls[0]: 'names' is missing"
	bad_profile "{$a, \"syscalls\": [{\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_ERRNO\",
	    \"args\": [{\"index\": 6, \"value\": 1, \"op\": \"SCMP_CMP_EQ\"}]}]}" "syscalls[0]: 'index' is not a number from 0 to 5"
	bad_profile "{$a, \"syscalls\": [{\"names\": [\"kcmp\"], \"action\": \"SCMP_ACT_ERRNO\",
	    \"includes\": {\"minKernel\": \"4\"}}]}" "syscalls[0]: 'minKernel' is not MAJOR.MINOR: '4'"
	run_davit --security=seccomp=./none.json "$SMALL" true
	assert_status 125
	assert_stderr "cannot use the seccomp profile './none.json': cannot open it: No such file or directory"
	run_davit --security=seccomp=/dev/zero "$SMALL" true
	assert_stderr "'/dev/zero': it is not a file"
	head -c 1200000 /dev/zero | tr '\0' ' ' >/home/alice/profile.json
	run_davit --security=seccomp=./profile.json "$SMALL" true
	assert_stderr "more than 1048576 bytes"
	docker_like
	run_davit --security=seccomp=./profile.json,seccomp:allow:bpf "$SMALL" true
	assert_status 125
	assert_stderr "'seccomp:allow:bpf' cannot allow what a seccomp profile of yours refuses"
}
