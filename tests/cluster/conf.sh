# shellcheck shell=bash disable=SC2034,SC2154 # variables of cluster
# SPDX-License-Identifier: BSD-3-Clause
#
# conf.sh - part of cluster: ports, Slurm's version and configuration files

# Prints $1 ports that nobody uses and keeps them reserved until our end of
# the pipe closes: the holder binds them with SO_REUSEADDR without listening,
# so a daemon that asks for the same can bind and listen, while another picker,
# which does not, is refused. Below the ephemeral ports, lest a connection
# gets in the way.
# shellcheck disable=SC2016 # perl
port_holder='
	use Socket;
	$| = 1;
	my ($n, $low, @socks, @ports) = ($ARGV[0], 32768);
	if (open(my $f, "<", "/proc/sys/net/ipv4/ip_local_port_range")) {
		($low) = split " ", <$f>;
	}
	my $span = $low > 12000 ? $low - 10000 : 20000;
	for (my $try = 0; @ports < $n && $try < 20000; $try++) {
		my $port = 10000 + int(rand($span));
		socket(my $s, PF_INET, SOCK_STREAM, 0) or die "socket: $!";
		bind($s, sockaddr_in($port, INADDR_ANY)) or next;
		setsockopt($s, SOL_SOCKET, SO_REUSEADDR, 1);
		push @socks, $s;
		push @ports, $port;
	}
	print "@ports\n";
	<STDIN>;
'

# True if somebody listens on port $1.
is_listening() {
	local hex

	printf -v hex ':%04X ' "$1"
	grep -qs "^ *[0-9]*: [0-9A-F]*${hex}[0-9A-F:]* 0A " /proc/net/tcp*
}

# Slurm's version as one number: 24.11.5 is 2411.
slurm_version() {
	local v

	v=$(slurmctld -V) && v=${v##* }
	[[ $v =~ ^([0-9]+)\.([0-9]+) ]] || die "odd Slurm version '$v'"
	echo "$((10#${BASH_REMATCH[1]} * 100 + 10#${BASH_REMATCH[2]}))"
}

write_slurm_conf() {
	local host i names="${node_prefix}[1-$nodes]" ports
	local spool_dir=$state/spool/%n tmp_fs=$state/tmp/%n

	if [[ $apart ]]; then
		spool_dir=$state/node tmp_fs=/tmp
	fi
	host=$(hostname -s)
	((nodes > 1)) || names=${node_prefix}1
	printf -v ports '%s,' "${node_ports[@]}"
	cat <<-END
	ClusterName=davit
	SlurmctldHost=$host(127.0.0.1)
	SlurmctldPort=$ctld_port
	SlurmUser=root
	SlurmdUser=root
	AuthType=auth/munge
	CredType=cred/munge
	AuthInfo=socket=$state/run/munge.socket
	StateSaveLocation=$state/ctld
	SlurmdSpoolDir=$spool_dir
	TmpFS=$tmp_fs
	SlurmctldPidFile=$state/run/slurmctld.own.pid
	SlurmdPidFile=$state/run/%n.own.pid
	SlurmctldLogFile=$state/log/slurmctld.log
	SlurmdLogFile=$state/log/%n.log
	SlurmctldDebug=$debug
	SlurmdDebug=$debug
	PlugStackConfig=$state/etc/plugstack.conf
	MailProg=/bin/true

	ProctrackType=proctrack/$proctrack
	TaskPlugin=task/${task_plugin//,/,task/}
	MpiDefault=none
	JobAcctGatherType=jobacct_gather/none
	SwitchType=switch/none
	LaunchParameters=use_interactive_step
	SlurmdParameters=config_overrides
	ReturnToService=2
	KillWait=2
	UnkillableStepTimeout=60
	InactiveLimit=0
	MinJobAge=60
	SlurmctldTimeout=300
	SlurmdTimeout=300

	# At once, for jobs that last a second. Only backfill starts het jobs. Its bf_max_time is that of
	# bf_interval where it is not given and counted in whole seconds: a pass that began at the end of
	# one would give up at once, and the next one comes when something has changed.
	SchedulerType=sched/backfill
	SchedulerParameters=batch_sched_delay=0,sched_interval=2,bf_interval=1,bf_max_time=30
	SelectType=select/cons_tres
	SelectTypeParameters=CR_CPU
	END
	[[ -z $prolog_flags ]] || echo "PrologFlags=$prolog_flags"
	cat <<-END

	NodeName=$names NodeHostname=$host NodeAddr=127.0.0.1 \
	Port=${ports%,} CPUs=$cpus RealMemory=1000 State=UNKNOWN $node_conf
	PartitionName=test Nodes=ALL Default=YES MaxTime=INFINITE \
	OverSubscribe=FORCE:16 State=UP
	END
	for i in ${conf[@]+"${conf[@]}"}; do
		echo "$i"
	done
}

is_constrained() { [[ ,$constrain, == *,$1,* ]] && echo yes || echo no; }

# Without systemd nobody hands slurmd a cgroup of its own, and newer slurmds
# load a cgroup plugin even where nothing is to use it.
write_cgroup_conf() {
	if [[ $proctrack$task_plugin != *cgroup* ]]; then
		if ((version < 2302)); then
			echo 'CgroupPlugin=cgroup/v1'    # does nothing until it is used
		else
			echo 'CgroupPlugin=disabled'
		fi
		return
	fi
	if [[ -d /sys/fs/cgroup/freezer ]]; then
		echo 'CgroupPlugin=cgroup/v1'
	else
		printf '%s\n' 'CgroupPlugin=cgroup/v2' 'IgnoreSystemd=yes'
	fi
	printf '%s\n' 'CgroupMountpoint=/sys/fs/cgroup' 'ConstrainDevices=yes' \
	    "ConstrainCores=$(is_constrained cores)" "ConstrainRAMSpace=$(is_constrained ram)"
	# where a key comes twice, the last one counts
	printf '%s\n' ${cgroup_conf[@]+"${cgroup_conf[@]}"}
}

# Slurm wants to find system.slice and what it is to limit there, which systemd would have made.
make_cgroups() {
	local dir

	[[ -e /sys/fs/cgroup/cgroup.subtree_control ]] && uses_cgroups || return 0
	mkdir -p /sys/fs/cgroup/system.slice
	for dir in /sys/fs/cgroup /sys/fs/cgroup/system.slice; do
		echo '+cpuset +cpu +memory +pids' >"$dir/cgroup.subtree_control"
	done
}

# Removes the cgroups that the slurmds of this cluster leave behind, of version 1 and of version 2.
remove_cgroups() {
	local c d

	uses_cgroups || return 0
	for d in "$state"/spool/*; do
		[[ -e $state/run/${d##*/}.pid ]] || continue
		for c in /sys/fs/cgroup/*/"slurm_${d##*/}" \
		    /sys/fs/cgroup/system.slice/"${d##*/}_slurmstepd.scope"; do
			[[ ! -d $c ]] ||
			    find "$c" -depth -type d -exec rmdir {} \; || true
		done
	done
}

uses_cgroups() {
	grep -qsE '^(ProctrackType|TaskPlugin)=.*cgroup' "$state/etc/slurm.conf"
}

write_plugstack_conf() {
	local plugin line

	if [[ $prefix ]]; then
		plugin=$(find "$prefix/" -name spank_davit.so ! -type d -print -quit)
		[[ $plugin ]] || die "no spank_davit.so below $prefix"
		[[ -x $prefix/bin/davit ]] || die "no $prefix/bin/davit"
		echo "required $plugin launcher=$prefix/bin/davit $plugin_args"
	fi
	for line in ${plugstack[@]+"${plugstack[@]}"}; do
		echo "$line"
	done
}

write_conf() {
	local f

	write_slurm_conf >"$state/etc/slurm.conf"
	write_cgroup_conf >"$state/etc/cgroup.conf"
	write_plugstack_conf >"$state/etc/plugstack.conf"
	if [[ $prefix ]] && ((version >= 2302)); then
		for f in "$prefix"/{share,etc}/davit/oci.conf; do
			[[ ! -f $f ]] || cp "$f" "$state/etc/oci.conf"
		done
	fi
	for f in ${conf_files[@]+"${conf_files[@]}"}; do
		cp "$f" "$state/etc/"
	done
	chmod a+r "$state"/etc/*.conf
}
