# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
#
# sif.bash - SIF files, and bytes written into a file

# little NUMBER BYTES: little endian, as printf takes it
little() {
	local i

	for ((i = 0; i < $2; i++)); do
		printf '\\%03o' $((($1 >> (8 * i)) & 255))
	done
}

# make_sif OUT SQUASHFS FILE-SYSTEM: a header, one descriptor (the system
# partition), and at 4096 the squashfs. Offsets are those of sif.c.
make_sif() {
	local size

	size=$(stat -c %s "$2")
	head -c 4096 /dev/zero >"$1"
	patch "$1" 0 '#!/usr/bin/env run-singularity\n\0SIF_MAGIC\00001\0'
	patch "$1" 88 "$(little 1 8)$(little 128 8)"
	patch "$1" 128 "$(little $((0x4004)) 4)\001"
	patch "$1" 145 "$(little 4096 8)$(little "$size" 8)"
	patch "$1" 329 "$(little "$3" 4)$(little 2 4)"
	cat "$2" >>"$1"
}

patch() {
	# shellcheck disable=SC2059 # the escapes are wanted
	printf "$3" | dd of="$1" bs=1 seek="$2" conv=notrunc status=none
}
