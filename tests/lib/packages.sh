# shellcheck shell=bash disable=SC2034 # variables for those who source this
# SPDX-License-Identifier: BSD-3-Clause
#
# packages.sh - the Debian packages that building and testing Davit needs
#
# The one list of them: tests/run, the demo and the Debian 13 root read it.
# Every name is good for Debian 12 and 13.

packages_build="
	autoconf automake gcc libc6-dev libtool make pkg-config
	libarchive-dev libcap-dev libdeflate-dev libelf-dev libfuse3-dev libhwloc-dev libisal-dev libjansson-dev libseccomp-dev libslurm-dev
	libsquashfuse-dev libssl-dev liburing-dev libyaml-dev libzstd-dev"

# a private cluster (tests/cluster) and an image to run there
packages_cluster="
	bsdutils munge perl procps slurm-client slurm-wlm slurm-wlm-basic-plugins
	busybox-static fuse3 squashfs-tools"

packages_test="
	afl++ apache2-utils attr bats bindfs bubblewrap buildah clang debootstrap docker-registry docker.io e2fsprogs file fsverity gdb git hostname hwloc-nox
	iproute2 jq libcap2-bin libclang-rt-dev libcmocka-dev libmpich-dev libopenmpi-dev man-db mpich
	musl-tools openmpi-bin openssl passt podman rsyslog
	shellcheck skopeo slirp4netns strace uidmap umoci util-linux xz-utils zstd"
# Where docker.io is the daemon alone, as in Debian 13.
# shellcheck disable=SC1091 # of the machine
if (VERSION_ID='' && . /etc/os-release && ((${VERSION_ID%%.*} >= 13))) 2>/dev/null; then
	packages_test+=' docker-cli'
fi

# Prints which of the packages $@ are not installed.
packages_missing() {
	local name

	for name; do
		# shellcheck disable=SC2016 # dpkg's own variable
		[[ $(dpkg-query -W -f '${db:Status-Status}' "$name" 2>/dev/null) == installed ]] ||
		    echo "$name"
	done
}

# Installs what is missing of $@; asks nothing, and starts no daemon.
packages_install() {
	local missing policy=/usr/sbin/policy-rc.d rc=0

	mapfile -t missing < <(packages_missing "$@")
	((${#missing[@]})) || return 0
	if ((EUID != 0)); then
		echo "not installed: ${missing[*]}; try, as root: apt-get install ${missing[*]}" >&2
		return 1
	fi
	if [[ -e $policy ]]; then
		policy=
	else
		printf '#!/bin/sh\nexit 101\n' >"$policy"
		chmod 755 "$policy"
	fi
	{
		apt-get -q update &&
		    DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
		    apt-get -q install -y --no-install-recommends "${missing[@]}"
	} </dev/null || rc=$?
	[[ ! $policy ]] || rm -f "$policy"
	return "$rc"
}
