# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# debian.sh - Debian roots: made by debootstrap, filled by their own apt
#
# For scripts that are run by root. All mounts are in namespaces of their own.

# Prints the mirror that the host's own apt uses for Debian (DAVIT_MIRROR).
debian_mirror() {
	local uri

	if [[ ${DAVIT_MIRROR-} ]]; then
		echo "$DAVIT_MIRROR"
		return
	fi
	while read -r uri; do
		case $uri in
		*://*/debian | *://*/debian/) echo "$uri"; return ;;
		esac
	done < <(cat /etc/apt/sources.list /etc/apt/sources.list.d/*.{list,sources} \
	    2>/dev/null | grep -E '^(deb|URIs:) ' | grep -oE '[a-z]+://[^ ]+')
	echo http://deb.debian.org/debian
}

# The host's proxy, for apt in the roots.
debian_proxy() {
	local proxy=

	eval "$(apt-config shell proxy Acquire::http::Proxy)"
	[[ ! $proxy ]] || export http_proxy=$proxy
}

# Makes a smallest root of release $2 in directory $1.
debian_make() {
	local mirror

	command -v debootstrap >/dev/null || {
		echo 'no debootstrap: apt-get install debootstrap' >&2
		return 1
	}
	mirror=$(debian_mirror)
	unshare --mount --propagation private debootstrap --variant=minbase "$2" "$1" "$mirror"
}

# Runs "$2..." in the root $1.
debian_in() {
	# shellcheck disable=SC2016 # expanded by the inner shell
	unshare --mount --propagation private bash -c '
		mount -t proc proc "$1/proc" && exec chroot "$@"' - "$@"
}

# Installs packages $2... in the root $1.
debian_install() {
	local root=$1

	shift
	# no daemon starts in the middle of an installation
	printf '#!/bin/sh\nexit 101\n' >"$root/usr/sbin/policy-rc.d"
	chmod 755 "$root/usr/sbin/policy-rc.d"
	cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
	debian_in "$root" apt-get -q update
	debian_in "$root" env DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8 \
	    apt-get -q install -y --no-install-recommends "$@"
	debian_in "$root" apt-get clean
}
