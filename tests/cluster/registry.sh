# shellcheck shell=bash disable=SC2154 # variables of cluster
# SPDX-License-Identifier: BSD-3-Clause
#
# registry.sh - part of cluster: which clusters run, and what they share
#
# Users and the mode of /dev/fuse are changed by the first cluster and put
# back by the last. A registry is a directory with one entry per cluster: one
# in /run for the users of this root, and one in /dev/shm, which the host and
# "trixie run" have in common, for /dev/fuse.

readonly user_comment='davit test user'  # GECOS of users that we may remove
readonly users='alice bob'
readonly alice_groups='davitproj1 davitproj2'

# Runs function $2 with the lock of registry $1 held. The lock is on the
# directory above, which stays. /dev/shm is open to all, hence the check of
# the owner.
locked() {
	local dir=$1 fd

	exec {fd}<"${dir%/*}"
	flock "$fd"
	[[ -d $dir ]] || mkdir -m 755 "$dir"
	[[ -O $dir && ! -L $dir ]] || die "$dir: not ours"
	"$2"
	exec {fd}>&-
}

# An entry is named after the state directory and holds the pid of munged,
# which is visible in all roots; one whose munged is gone is stale. Then, if
# the cluster uses cgroups, how its nodes are called: their cgroups are named
# after them.
registry_others() {
	local e pid names others=

	for e in "$1"/@*; do
		[[ -e $e ]] || continue
		read -r pid names <"$e" || pid=0
		if ! grep -qsz "^$mark=" "/proc/$pid/environ"; then
			rm -f "$e"
		elif [[ $e != "$1/@${state//\//+}" ]]; then
			others=1
			# shellcheck disable=SC2154 # wanted: our caller's, if any
			[[ ! ${wanted-} || $names != "$wanted" ]] ||
			    die "a cluster with cgroups of $names* runs: use --node-prefix"
		fi
	done
	[[ $others ]]
}

registry_join() {
	local names=

	! uses_cgroups || names=$node_prefix
	echo "$(<"$state/run/munged.pid") $names" >"$1/@${state//\//+}"
}
registry_leave() { rm -f "$1/@${state//\//+}"; }

fuse_open() {
	local wanted=

	! uses_cgroups || wanted=$node_prefix
	if ! registry_others "$fuse_registry"; then
		rm -f "$fuse_registry/mode"
	fi
	registry_join "$fuse_registry"
	if [[ ! -c /dev/fuse ]]; then
		say 'no /dev/fuse here'
	elif [[ ! -s $fuse_registry/mode ]]; then
		stat -c %a /dev/fuse >"$fuse_registry/mode"
		chmod 666 /dev/fuse
	fi
}

fuse_close() {
	registry_leave "$fuse_registry"
	registry_others "$fuse_registry" && return
	if [[ -s $fuse_registry/mode ]]; then
		chmod "$(<"$fuse_registry/mode")" /dev/fuse
	fi
	rm -rf "$fuse_registry"
}

users_add() {
	local u g

	registry_join "$registry"
	if [[ $pointer ]]; then
		ln -sfn "$state" "$registry/latest"
	fi
	for g in $alice_groups; do
		if ! getent group "$g" >/dev/null; then
			groupadd "$g"
			echo "$g" >>"$registry/groups"
		fi
	done
	for u in $users; do
		if getent passwd "$u" >/dev/null; then
			continue
		fi
		[[ ! -e /home/$u ]] || die "/home/$u exists, but no user $u"
		useradd -m -d "/home/$u" -s /bin/bash -c "$user_comment" "$u"
	done
	usermod -a -G "${alice_groups// /,}" alice
	if [[ $keep_users ]]; then
		rm -f "$registry/groups"
		for u in $users; do
			! is_our_user "$u" ||
			    usermod -c "$user_comment (kept)" "$u"
		done
	fi
}

is_our_user() { [[ $(getent passwd "$1") == *":$user_comment:"* ]]; }

users_remove() {
	local u g pids

	registry_leave "$registry"
	if [[ $(readlink "$registry/latest") == "$state" ]]; then
		rm -f "$registry/latest"
	fi
	registry_others "$registry" && return
	for u in $users; do
		is_our_user "$u" || continue
		# an srun whose step we killed needs a moment to find out
		mapfile -t pids < <(pgrep -r D,R,S,T -u "$u")
		wait_gone 30 ${pids[@]+"${pids[@]}"} || true
		# userdel complains that there is no mail spool; -f: the same uid
		# may be somebody else's in another root
		userdel -rf "$u" 2>"$state/log/userdel" ||
		    { say "cannot remove user $u:"; cat "$state/log/userdel" >&2; }
	done
	if [[ -e $registry/groups ]]; then
		while read -r g; do
			groupdel "$g" || true
		done <"$registry/groups"
	fi
	rm -rf "$registry"
}
