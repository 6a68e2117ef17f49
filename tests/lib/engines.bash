# shellcheck shell=bash disable=SC2034 # variables for those who source this
# SPDX-License-Identifier: BSD-3-Clause
#
# engines.bash - podman and docker for tests, with stores of their own
#
#     docker_start DIR       a daemon with all that it has in DIR; sets DOCKER_HOST, docker_pid; else
#                            returns 1 with the reason in $docker_reason
#     docker_stop DIR
#     engine CMD...          as alice, with a store of podman's and buildah's in ~/store, and DOCKER_HOST
#     engine_done            removes that store, and ends the process that podman keeps
#
# No network is needed, and none is given to anybody: neither bridges nor rules are made.

docker_start() {
	local dir=$1 end=$((SECONDS + 20))

	docker_reason='' docker_pid=''
	command -v docker dockerd >/dev/null || { docker_reason='docker.io is not installed'; return 1; }
	mkdir -p "$dir"
	dockerd --data-root "$dir/data" --exec-root "$dir/exec" --pidfile "$dir/pid" -H "unix://$dir/socket" \
	    --group root --storage-driver vfs --bridge none --iptables=false --ip6tables=false \
	    --exec-opt native.cgroupdriver=cgroupfs --cgroup-parent /davit-docker >"$dir/log" 2>&1 3>&- &
	docker_pid=$!
	export DOCKER_HOST=unix://$dir/socket
	until docker info >/dev/null 2>&1; do
		if ((SECONDS >= end)) || ! kill -0 "$docker_pid" 2>/dev/null; then
			docker_reason="dockerd does not work here: $(tail -n 1 "$dir/log")"
			docker_stop "$dir"
			return 1
		fi
		sleep 0.1
	done
}

docker_stop() {
	local n

	[[ ${docker_pid-} ]] || return 0
	kill "$docker_pid" 2>/dev/null || true
	for ((n = 0; n < 100; n++)); do
		[[ -e /proc/$docker_pid && $(</proc/"$docker_pid"/stat) != *') Z '* ]] || break
		sleep 0.1
	done
	kill -KILL "$docker_pid" 2>/dev/null || true
	rm -rf "${1:?}"/{data,exec,pid,socket}
	find /sys/fs/cgroup -depth -type d -path '*/davit-docker*' -exec rmdir {} + 2>/dev/null || true
}

# A process in a container of its own isolation would need cgroups that users may change.
engine() {
	alice mkdir -p store/run
	capture alice env HOME=/home/alice/store XDG_RUNTIME_DIR=/home/alice/store/run STORAGE_DRIVER=vfs \
	    BUILDAH_ISOLATION=chroot ${DOCKER_HOST:+DOCKER_HOST="$DOCKER_HOST"} "$@" </dev/null
}

engine_done() {
	[[ ! -e /home/alice/store ]] || engine podman system migrate
	rm -rf /home/alice/store /dev/shm/libpod_{lock,rootless_lock_*} /tmp/podman-run-* /tmp/containers-user-* \
	    /home/alice/.config /tmp/storage-run-*
}
