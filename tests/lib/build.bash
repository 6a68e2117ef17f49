# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# build.bash - for the tests of davit image build: a base, a context, and what is built in it
#
#     put FILE [TEXT]       a file of the context, owned by alice
#     containerfile         its Containerfile, from standard input
#     build [OPTION]...     builds new.sqfs in alice's home
#     refuse LINE CAUSE REMEDY [STATUS]   builds what must not be built
#     in_new COMMAND...     runs in what has been built
#     config FILTER         a part of its configuration, by jq

host=$(hostname -s)
site=$DAVIT_PREFIX/etc/davit/davit.conf
context=/home/alice/context

# A base with busybox and a configuration.
setup_file() {
	local tree=$DAVIT_WORK/trees/base name

	mkdir -p "$tree/bin" "$tree/etc" "$tree/.davit" "$tree/locked"
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for name in sh ls cat echo mkdir rm id env sleep chown kill tr dd setsid; do
		ln -sf busybox "$tree/bin/$name"
	done
	chmod 555 "$tree/locked"
	cat >"$tree/.davit/config.json" <<-'END'
	{"history": [{"created_by": "x"}], "config": {"Env": ["OF_BASE=base", "BOTH=base"],
	 "Cmd": ["of", "base"], "Labels": {"base": "yes"}, "WorkingDir": "/etc"}}
	END
	mksquashfs "$tree" "$images/base.sqfs" -noappend -no-progress -quiet -all-root >/dev/null
}

setup() {
	rm -rf "$context"
	install -d -o alice -g alice "$context"
	cd "$context" || return
	leftovers_note
}

teardown() {
	cd / || return
	rm -rf "$context" "$site" /home/alice/new.sqfs /home/alice/.local /home/alice/.config /home/alice/.cache /tmp/{containers-user,podman-run,storage-run}-*
	rmdir "${site%/*}" 2>/dev/null || true
	leftovers_assert
}

# Writes a file of the context; a Containerfile from standard input.
put() { printf '%s\n' "${2-$1}" >"$context/$1" && chown alice "$context/$1"; }
containerfile() { cat >"$context/Containerfile"; }

# Builds from the context, with the options $@.
build() { run_alice "$DAVIT" image build --with=davit "$@" new.sqfs "$context"; }

# Builds what must not be built: line $1, cause $2, remedy $3.
refuse() {
	rm -f /home/alice/new.sqfs
	build -q
	assert_status "${4-125}"
	assert_failure "$host" "$context/Containerfile:$1: $2" "$3"
	[[ ! -e /home/alice/new.sqfs ]]
}

in_new() { run_davit /home/alice/new.sqfs "$@"; }
config() { unsquashfs -cat /home/alice/new.sqfs .davit/config.json | jq -cS "$1"; }
