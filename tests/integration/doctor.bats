# SPDX-License-Identifier: BSD-3-Clause
# doctor.bats - `davit doctor`: a node that is fit, and each thing that can be wrong with one

# Variables come from common.bash; scripts in single quotes are for a mount namespace of their own.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
site=$DAVIT_PREFIX/etc/davit/davit.conf
plugin=$DAVIT_PREFIX/lib/davit/spank_davit.so
fake=$DAVIT_WORK/doctor
names='kernel limits unprivileged apparmor selinux seccomp ptrace cgroup user-namespace
mount-namespace fuse-device fuse-mount io-uring overlay slurm plugstack plugin-version oci-conf pmi davit-conf
files helpers devices memlock state-dir'

setup() {
	mkdir -p "${site%/*}" "$fake"
	chmod 755 "${site%/*}" "$fake"
	leftovers_note
}

teardown() {
	rm -rf "$site" "$fake"
	leftovers_assert
	rmdir "${site%/*}" 2>/dev/null || true
}

# A node where the script $1 has been run, seen by user $2 with the arguments $3....
on_node() {
	local where=(unshare --mount --propagation private bash -ec "$prepare$1"'; exec "$@"' -)
	local user=$2

	shift 2
	export fake plugin site
	rm -rf "${fake:?}"/{etc,slurm,more}
	if [[ $user == root ]]; then
		capture "${where[@]}" timeout 60 "$DAVIT" doctor "$@" 3>&-
	else
		as_prefix=("${where[@]}")
		run_alice "$DAVIT" doctor "$@"
	fi
}

# For those scripts: other settings in /proc/sys/kernel, NAME=VALUE; another plugstack.conf; another
# Slurm, of the version $1; another oci.conf. Slurm's configuration is a copy.
prepare='
cp -a "${SLURM_CONF%/*}" "$fake/etc"
mount --bind "$fake/etc" "${SLURM_CONF%/*}"
cd "$fake/etc"
settings() {
	local pair
	mount -t tmpfs settings /proc/sys/kernel
	for pair in seccomp/actions_avail="errno allow kill_process" "$@"; do
		mkdir -p "$(dirname "/proc/sys/kernel/${pair%%=*}")"
		echo "${pair#*=}" >"/proc/sys/kernel/${pair%%=*}"
	done
	chmod -R a+rX /proc/sys/kernel
}
plugstack() { printf "%s\n" "$@" >plugstack.conf; }
other_slurm() {
	mkdir "$fake/slurm"
	echo "const unsigned int plugin_version = $1;" |
	    cc -shared -fPIC -x c -o "$fake/slurm/select_cons_tres.so" -
	echo "PluginDir=$fake/slurm" >>slurm.conf
}
oci_conf() { printf "%s\n" "$@" >oci.conf; }
'

# The line of check $1 is: status $2, found $3, and below it the remedy $4, patterns of [[ == ]].
assert_check() {
	local line remedy

	line=$(grep -E "^(ok|warn|fail|skip) +$1 " <<<"$output")
	remedy=$(grep -A1 -E "^(ok|warn|fail|skip) +$1 " <<<"$output" | sed -n '2s/^ *try: //p')
	[[ ${line%% *} == "$2" ]] || complain "$1 is not $2"
	# shellcheck disable=SC2053 # patterns
	[[ $line == $2\ +( )$1\ +( )$3 ]] || complain "$1: not found: $3"
	# shellcheck disable=SC2053
	[[ $remedy == ${4-} ]] || complain "$1: not the remedy: ${4-}"
}

# As both alice and root.
assert_both() {
	local user

	for user in alice root; do
		on_node "$1" $user
		assert_status "$(grep -c ^fail <<<"$output" | sed 's/[2-9]\|1./1/')"
		assert_check "${@:2}"
	done
}

shopt -s extglob

# ---- the command -----------------------------------------------------------

@test 'a node that is fit, as a user and as root' {
	local user name

	for user in alice root; do
		on_node : $user
		assert_status 0
		assert_quiet
		for name in $names; do
			grep -qE "^(ok|warn) +$name  " <<<"$output" || complain "$name is neither ok nor a warning"
		done
		assert_match "$host as (a user|root): [0-9]+ ok, [0-9]+ warn, 0 fail, 0 skip\$"
		assert_check slurm ok 'Slurm [0-9][0-9].[0-9][0-9].*, /*/slurm.conf'
		assert_check plugstack ok "*/plugstack.conf:1: $plugin launcher=$DAVIT"
		assert_check plugin-version ok 'built for Slurm *, and here is *'
		assert_check fuse-mount ok 'images can be mounted'
		assert_check overlay ok 'images can have a writable layer'
		assert_check pmi ok 'pmix and pmi2; the default is none'
		[[ $output != *$'\033'* ]] || complain 'colors where there is no terminal'
	done
}

@test 'within a step' {
	run_srun -n1 "$DAVIT" doctor
	assert_status 0
	assert_match 'n[12] as a user: [0-9]+ ok, [0-9]+ warn, 0 fail, 0 skip$'
}

@test '--json' {
	local user

	for user in alice root; do
		on_node : $user --json
		assert_status 0
		assert_equal "$(jq -r '.checks[].name' <<<"$output" | xargs)" "$(xargs <<<"$names")"
		assert_equal "$(jq -r '.ok + .warn + .fail + .skip == (.checks | length)' <<<"$output")" true
		assert_equal "$(jq -r '.fail, .uid, .node' <<<"$output" | xargs)" \
		    "0 $(id -u $user) $host"
		assert_equal "$(jq -c '.checks[] | select(.name == "fuse-mount")' <<<"$output")" \
		    '{"name":"fuse-mount","status":"ok","found":"images can be mounted","remedy":null}'
	done
	on_node 'plugstack' alice --json
	assert_status 1
	assert_equal "$(jq -r '.fail' <<<"$output")" 1
	assert_equal "$(jq -r '.checks[] | select(.status == "fail") | .name, .remedy' <<<"$output")" \
	    "plugstack
add the line: required $plugin"
}

@test 'colors on a terminal only, and not with NO_COLOR' {
	run_alice env TERM=xterm script -qec "'$DAVIT' doctor" /dev/null
	assert_status 0
	assert_match $'\033\\[32mok'
	run_alice env TERM=xterm NO_COLOR=1 script -qec "'$DAVIT' doctor" /dev/null
	[[ $output != *$'\033'* ]] || complain 'colors'
}

@test 'help, and a wrong command line' {
	run_alice "$DAVIT" doctor --help
	assert_success
	assert_match '^Usage: davit doctor \[--json\]'
	run_alice "$DAVIT" doctor --jsn
	assert_status 125
	assert_output ''
	assert_failure "$host" "unexpected argument '--jsn'" 'davit doctor --help'
}

@test 'without Slurm: what cannot be looked at' {
	run_alice env -u SLURM_CONF "$DAVIT" doctor
	assert_status 0
	assert_check slurm skip 'no slurm.conf: No such file or directory' 'look where Slurm runs, or set SLURM_CONF*'
	assert_check plugstack skip 'no slurm.conf: *'
	assert_check oci-conf skip 'no slurm.conf: *'
	run_alice env SLURM_CONF=/proc/self/mem "$DAVIT" doctor
	assert_check slurm skip 'no slurm.conf: *' '*'
	mkfifo "$fake/slurm.conf"
	run_alice env SLURM_CONF="$fake/slurm.conf" "$DAVIT" doctor
	assert_check slurm skip 'no slurm.conf: Invalid argument' '*'
}

# ---- the kernel ------------------------------------------------------------

@test 'limits of namespaces' {
	echo 0 >"$fake/0"
	echo 7 >"$fake/7"
	assert_both 'mount --bind "$fake/0" /proc/sys/user/max_user_namespaces' \
	    limits fail 'user.max_user_namespaces is 0' 'sysctl -w user.max_user_namespaces=16384'
	assert_both 'mount --bind "$fake/7" /proc/sys/user/max_mnt_namespaces' \
	    limits warn 'user.max_mnt_namespaces is 7: few *' 'sysctl -w user.max_mnt_namespaces=16384'
}

@test 'user namespaces that are disabled' {
	userns_begin
	userns_limit 0
	capture userns_enter alice "$DAVIT" doctor
	userns_end
	assert_status 1
	assert_check limits fail 'user.max_user_namespaces is 0' '*'
	assert_check user-namespace fail 'cannot create a user namespace: No space left on device' \
	    'ask your admin to raise user.max_user_namespaces (it is 0)'
	assert_check mount-namespace skip 'not tried: *'
	assert_check fuse-mount skip 'not tried: *'
	assert_check overlay skip 'not tried: *'
}

@test 'mount namespaces that are used up' {
	userns_begin
	userns_enter bash -c 'echo 0 >/proc/sys/user/max_mnt_namespaces'
	capture userns_enter alice "$DAVIT" doctor
	userns_end
	assert_status 1
	assert_check user-namespace ok '*'
	assert_check mount-namespace fail 'cannot create a mount namespace: No space left on device' \
	    'sysctl -w user.max_mnt_namespaces=16384'
	assert_check fuse-mount skip 'not tried: *'
}

# The kernel refuses user namespaces in a chroot: as to users, where these settings are real.
@test 'where users may not create user namespaces, the plugin is the only door: a warning' {
	local root='; mount --rbind / /mnt; set -- chroot /mnt "$@"'

	on_node "settings unprivileged_userns_clone=0$root" alice
	assert_status 0
	assert_check unprivileged warn 'kernel.unprivileged_userns_clone is 0: *srun --container works*' '*sysctl -w *=1'
	assert_check user-namespace warn 'cannot create a user namespace: Operation not permitted; the plugin may, so srun *' \
	    'ask your admin to set kernel.unprivileged_userns_clone=1; or nothing, where Davit is meant to be *'
	assert_check fuse-mount skip 'not tried: *'
	on_node "settings apparmor_restrict_unprivileged_userns=1$root" alice
	assert_status 0
	assert_check user-namespace warn '*; the plugin may, *' "*profile that allows davit 'userns'*"
	on_node "settings$root" alice
	assert_status 1
	assert_check user-namespace fail 'cannot create a user namespace: Operation not permitted' '*whether a chroot, seccomp or a security module*'
}

@test 'root goes on by the way of the plugin' {
	on_node 'settings unprivileged_userns_clone=0' root
	assert_status 0
	assert_check unprivileged warn '*' '*'
	assert_check mount-namespace ok '*'
	assert_check fuse-mount ok '*'
	assert_check overlay ok '*'
}

@test 'AppArmor and SELinux' {
	local modules='mount -t tmpfs modules /sys/module; mkdir -p /sys/module/apparmor/parameters
	    echo Y >/sys/module/apparmor/parameters/enabled; '

	assert_both "$modules settings apparmor_restrict_unprivileged_userns=0" \
	    apparmor ok "active; davit runs as '*'"
	assert_both "$modules settings apparmor_restrict_unprivileged_userns=1" \
	    apparmor warn 'kernel.apparmor_restrict_unprivileged_userns is 1 and davit has no profile *' \
	    "nothing, *; else copy $DAVIT_PREFIX/share/davit/apparmor/davit to /etc/apparmor.d *"
	[[ -f $DAVIT_PREFIX/share/davit/apparmor/davit ]]
	assert_both 'mount -t tmpfs fs /sys/fs; mkdir /sys/fs/selinux; echo 1 >/sys/fs/selinux/enforce' \
	    selinux ok "enforcing; davit runs as '*'"
}

@test 'ptrace, seccomp, cgroups' {
	assert_both 'settings yama/ptrace_scope=1' ptrace warn 'kernel.yama.ptrace_scope is 1: *CMA*' \
	    'sysctl -w kernel.yama.ptrace_scope=0, *'
	assert_both 'settings yama/ptrace_scope=0' ptrace ok '*'
	assert_both 'mount -t tmpfs none /proc/sys/kernel' seccomp fail \
	    'the kernel has no filters of system calls' '*CONFIG_SECCOMP_FILTER'
	assert_both 'settings seccomp/actions_avail="allow log"' seccomp fail \
	    "filters of system calls lack 'errno'; filters of system calls lack 'kill_process'" '*'
	assert_both 'mount -t tmpfs none /sys/fs/cgroup' cgroup warn 'no cgroups are mounted*' '*'
}

@test '/dev/fuse' {
	assert_both 'mknod -m 600 "$fake/fuse" c 10 229; mount --bind "$fake/fuse" /dev/fuse; rm -f "$fake/fuse"' \
	    fuse-device fail 'cannot open /dev/fuse: Permission denied' 'ask your admin for mode 0666 on /dev/fuse, also in the job*cgroup'
	assert_check fuse-mount skip 'not tried: /dev/fuse cannot be opened'
	assert_both 'touch "$fake/file"; mount --bind "$fake/file" /dev/fuse' \
	    fuse-device fail '/dev/fuse is not a device' '*modprobe fuse'
	assert_both 'mount -t tmpfs dev /dev; mknod -m 666 /dev/null c 1 3' \
	    fuse-device fail 'cannot open /dev/fuse: No such file or directory' '*\(modprobe fuse\)'
	assert_both 'mount --bind /dev/null /dev/fuse' fuse-mount fail "cannot mount image 'davit doctor': *" '*'
}

# ---- Slurm -----------------------------------------------------------------

@test 'plugstack.conf' {
	local conf="${SLURM_CONF%/*}/plugstack.conf"

	assert_both 'plugstack "# required $plugin"' plugstack fail "$conf does not name spank_davit.so" \
	    "add the line: required $plugin"
	assert_both 'plugstack "" "optional $plugin"' plugstack warn "$conf:2 says 'optional': *" "'required' there"
	assert_both 'plugstack "required /nonesuch/spank_davit.so"' plugstack fail \
	    "$conf:1: '/nonesuch/spank_davit.so': No such file or directory" "$plugin, *"
	assert_both 'plugstack "required $plugin luncher=/x"' plugstack fail \
	    "$conf:1: unknown argument in 'luncher=/x'" 'launcher=/absolute/path or nothing'
	assert_both 'plugstack "required $plugin launcher=/nonesuch"' plugstack fail \
	    "the launcher '/nonesuch': No such file or directory" '*'
	assert_both 'plugstack "required $plugin" "required $plugin"' plugstack fail \
	    '2 lines name spank_davit.so' "one of them, without $conf:2"
	assert_both 'plugstack "required $plugin" "required spank_pyxis.so"' plugstack fail 'pyxis has *' 'one of *'
	assert_both 'plugstack "required $plugin" "requird x.so"' plugstack fail "$conf:2: no line *" '*'
	assert_both 'mkdir more; echo "required $plugin" >more/davit.conf; plugstack "include more/*.conf"' \
	    plugstack ok "${conf%/*}/more/davit.conf:1: $plugin"
	assert_both 'plugstack "include plugstack.conf"' plugstack fail "$conf does not name *" '*'    # itself
}

@test 'a plugin for another Slurm' {
	assert_both 'other_slurm 0x170205; oci_conf "$(<"$DAVIT_PREFIX/share/davit/oci.conf")"' plugin-version fail \
	    'the plugin is built for Slurm 2*, and here is 23.02.5' 'build Davit again, *'
	assert_both 'other_slurm 0x141100' slurm warn 'Slurm 20.17.0 has no --container, *' '*'
}

@test 'oci.conf' {
	local conf=${SLURM_CONF%/*}/oci.conf sample=$DAVIT_PREFIX/share/davit/oci.conf

	assert_both 'other_slurm 0x180b05; rm -f oci.conf' oci-conf fail "no '$conf': with Slurm 24.11.5, *" "copy $sample there"
	assert_both 'other_slurm 0x160508; rm -f oci.conf' oci-conf ok 'none, as Slurm 22.05.8 needs it'
	assert_both 'other_slurm 0x1a0b00; rm -f oci.conf' oci-conf ok 'none, and Slurm 26.11.0 should do without'
	on_node 'other_slurm 0x180b05; oci_conf "$(<"$DAVIT_PREFIX/share/davit/oci.conf")"' alice
	assert_check oci-conf ok "'$conf'"
	on_node 'other_slurm 0x160508; oci_conf "$(<"$DAVIT_PREFIX/share/davit/oci.conf")"' alice
	assert_check oci-conf warn 'Slurm 22.05.8 is to have none' "remove '$conf'"
	on_node 'other_slurm 0x180b05; oci_conf "RunTimeRun=\"runc run %n\""' alice
	assert_check oci-conf fail "'$conf' is not Davit's: *" "$sample in its place"
	on_node 'other_slurm 0x180b05; oci_conf "RunTimeRun=\"exec /nonesuch oci-run %e\"" IgnoreFileConfigJson=yes CreateEnvFile=null' alice
	assert_check oci-conf fail "'$conf' names '/nonesuch': No such file or directory" "$sample in its place"
	on_node 'other_slurm 0x180b05; oci_conf "RunTimeRun=\"exec $DAVIT oci-run %e\"" IgnoreFileConfigJson=yes' alice
	assert_check oci-conf fail "'$conf' lacks CreateEnvFile=null" "$sample in its place"
}

@test 'PMI plugins that are not there' {
	assert_both 'other_slurm 0x160508' pmi warn 'Slurm has no --mpi=pmix, *; Slurm has no --mpi=pmi2, *' '*'
}

# ---- the site --------------------------------------------------------------

@test 'davit.conf: whose it is, and what is in it' {
	echo 'workdir: /data' >"$site"
	assert_both : davit-conf ok "$site"
	chmod g+w "$site"
	assert_both : davit-conf fail "cannot use '$site': others than root may write to it" "chmod go-w '$site'"
	assert_check files fail "others than root may write to '$site'" "chmod go-w '$site'"
	chmod g-w "$site"
	echo 'wrkdir: /data' >"$site"
	assert_both : davit-conf fail "$site:1: unknown key 'wrkdir'" "'workdir'"
}

@test "files and directories that are not root's alone" {
	assert_both 'cp "$plugin" "$fake/spank_davit.so"; chmod 775 "$fake/spank_davit.so"
	    plugstack "required $fake/spank_davit.so"' files fail \
	    "others than root may write to '$fake/spank_davit.so'" "chmod go-w '$fake/spank_davit.so'"
	chmod 755 "$fake/spank_davit.so"
	chown alice "$fake"
	assert_both 'plugstack "required $fake/spank_davit.so"' files fail \
	    "'$fake' does not belong to root" "chown root '$fake'"
	chown root "$fake"
	# a link that somebody can turn elsewhere
	install -d -o alice "$fake/hers"
	ln -s "$plugin" "$fake/hers/spank_davit.so"
	assert_both 'plugstack "required $fake/hers/spank_davit.so"' files fail \
	    "'$fake/hers' does not belong to root" "chown root '$fake/hers'"
	chmod 777 "$fake"
	assert_both 'plugstack "required $fake/spank_davit.so"' files fail \
	    "others than root may write to '$fake'" "chmod go-w '$fake'"
}

@test 'helper programs' {
	assert_both 'mount --bind /dev/null /usr/bin/mksquashfs' helpers warn 'no mksquashfs: *' 'install squashfs-tools'
	echo 'subids: yes' >"$site"
	assert_both 'mount --bind /dev/null /usr/bin/newuidmap' helpers fail \
	    "davit.conf has 'subids', and there is no newuidmap or newgidmap" 'install uidmap*'
}

@test 'the directory for what named containers keep' {
	echo 'state-dir: /nonesuch' >"$site"
	assert_both : state-dir fail "'/nonesuch': No such file or directory" 'make it, *'
	echo 'state-dir: /usr' >"$site"
	assert_both : state-dir warn "'/usr' is not a directory of mode 1777: *" "chmod 1777 '/usr'"
	echo "state-dir: $fake" >"$site"
	assert_both 'mount -t tmpfs -o mode=1777,size=8m small "$fake"' state-dir warn \
	    "'$fake' has 8 MiB left for --container-name" '*'
}

@test 'adapters, and the memory that may be locked' {
	local adapter='mount -t tmpfs class /sys/class; mkdir -p /sys/class/infiniband/mlx5_0/ports/1
	    echo 4: ACTIVE >/sys/class/infiniband/mlx5_0/ports/1/state
	    echo InfiniBand >/sys/class/infiniband/mlx5_0/ports/1/link_layer; '

	assert_both "$adapter ulimit -l 64" memlock warn 'this process may lock 64 KiB of memory, *' 'LimitMEMLOCK=infinity *'
	assert_check devices ok 'GPUs: 0, adapters: 1'
}

@test 'a file system that does not answer costs one check, and ten seconds' {
	local server

	mkdir "$fake/here" "$fake/there"
	bindfs -f "$fake/there" "$fake/here" 3>&- &
	server=$!
	await mountpoint -q "$fake/here"
	echo "state-dir: $fake/here/state" >"$site"
	kill -STOP $server
	SECONDS=0
	on_node : root
	kill -CONT $server
	umount "$fake/here"
	wait $server || true
	assert_status 1
	((SECONDS < 30)) || complain "it took $SECONDS seconds"
	assert_check state-dir fail 'no answer: *' 'look whether a file system *'
	assert_check files ok '*'
}

@test 'root executes nothing, least of all from PATH' {
	local name

	mkdir "$fake/bin"
	for name in sinfo scontrol srun aa-status sestatus uname id davit; do
		printf '#!/bin/sh\ntouch %s/ran\n' "$fake" >"$fake/bin/$name"
		chmod 755 "$fake/bin/$name"
	done
	capture env PATH="$fake/bin:$PATH" strace -f -qq -e trace=execve -o "$fake/trace" "$DAVIT" doctor 3>&-
	assert_status 0
	assert_equal "$(grep -c execve "$fake/trace")" 1
	[[ ! -e $fake/ran ]]
}
