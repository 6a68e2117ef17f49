#!/bin/sh
# SPDX-License-Identifier: BSD-3-Clause
#
# Makes ./configure from configure.ac and Makefile.am. Needed after a checkout
# from git only; a release's tarball brings its own ./configure.

set -eu

cd "$(dirname "$0")"

missing=
for tool in autoreconf automake libtoolize pkg-config; do
	command -v "$tool" >/dev/null 2>&1 || missing="$missing $tool"
done
if [ -n "$missing" ]; then
	echo "autogen.sh: not found:$missing" >&2
	echo "autogen.sh: try: apt-get install autoconf automake libtool pkg-config" >&2
	echo "autogen.sh: or:  dnf install autoconf automake libtool pkgconf-pkg-config" >&2
	exit 1
fi

exec autoreconf --force --install --warnings=all,no-obsolete "$@"
