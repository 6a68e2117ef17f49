# SPDX-License-Identifier: BSD-3-Clause
# hostmpi.bats - the node's MPI in place of the image's: --container-mpi, davit mpi-check

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/mpi.bash"

trees=$DAVIT_WORK/trees
suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
libdir=$(dirname "$(ldconfig -p | sed -n 's|.*libmpich.so.12 .*=> ||p' | head -n 1)")

# ---- images --------------------------------------------------------------
#
# The images are of the node's own libraries, so that one of them can be taken
# away or replaced. Where it matters that they are another system's, they are
# those of tests/mpi-images.

pack() {
	mksquashfs "$trees/$1" "$images/$1.sqfs" -noappend -no-progress -quiet -all-root \
	    -comp zstd -Xcompression-level 1 >/dev/null
}

copy_tree() { rm -rf "${trees:?}/$2"; cp -a "$trees/$1" "$trees/$2"; }

# Adds library $2 with all it needs to tree $1.
add_library() {
	local file

	for file in "$2" $(ldd "$2" | grep -o '/[^ ]*'); do
		[[ -e $trees/$1/$file ]] || { mkdir -p "$trees/$1/$(dirname "$file")"; cp -L "$file" "$trees/$1/$file"; }
	done
}

# A library $2 that has the symbols $3... and nothing else.
stub_library() {
	local file=$1 soname=$2 symbol

	shift 2
	for symbol; do
		echo "int $symbol(void) { return 0; }"
	done | cc -shared -fPIC -Wl,-soname,"$soname" -o "$file" -x c -
}

setup_file() {
	local real

	"$DAVIT_TESTS/mpi-images" prepare >&2
	export MPI_PROGRAMS=$DAVIT_WORK/hostmpi
	mkdir -p "$MPI_PROGRAMS"
	mpicc.mpich -o "$MPI_PROGRAMS/mpich" "$DAVIT_TESTS/integration/mpi/ring.c"
	mpi_build
	chmod 755 "$MPI_PROGRAMS" "$MPI_PROGRAMS"/*

	copy_tree glibc mpich
	add_library mpich "$libdir/libmpich.so.12"
	tree_add mpich "$(command -v ldconfig)" "$(command -v stat)"
	pack mpich

	# as mpich, but nothing that the library needs
	copy_tree mpich bare
	rm -f "$trees"/bare/"$libdir"/lib{ucp,ucs,ucm,uct,hwloc}.so.*
	pack bare

	# libucs: one that lacks nearly all; one that has something of its own, too
	copy_tree mpich older
	stub_library "$trees/older/$libdir/libucs.so.0" libucs.so.0 ucs_empty_function
	pack older
	copy_tree mpich other-build
	stub_library "$trees/other-build/$libdir/libucs.so.0" libucs.so.0 ucs_empty_function ucs_of_this_image
	pack other-build

	# the library where only an RPATH leads
	copy_tree mpich rpath
	mkdir -p "$trees/rpath/opt/mpi/lib"
	mv "$trees/rpath/$libdir/libmpich.so.12" "$trees/rpath/opt/mpi/lib/"
	pack rpath

	# as bare, but Open MPI and others beside it where no loader looks; one with two names, that are
	# hard links; and a library for another processor
	copy_tree bare beside
	rm "$trees/beside/$libdir/libmpich.so.12"
	mkdir -p "$trees/beside/opt/mpi/lib"
	real=$trees/beside/opt/mpi/lib
	cp -L "$libdir/libmpich.so.12" "$real/libmpi.so.12"
	ln "$real/libmpi.so.12" "$real/libmpich.so.12"
	cp -L "$libdir/libmpichfort.so.12" "$real/"
	cp -L "$libdir/libmpi.so.40" "$libdir"/libmpi_mpifh.so.40 "$libdir/libopen-pal.so.40" "$real/" ||
	    cp -L "$libdir/libmpi.so.40" "$libdir"/libmpi_mpifh.so.40 "$libdir/libopen-pal.so.80" "$real/"
	stub_library "$trees/beside/usr/lib/libucp.so.0" libucp.so.0 ucp_of_another_processor
	printf '\xff\xfe' | dd of="$trees/beside/usr/lib/libucp.so.0" bs=1 seek=18 conv=notrunc status=none
	pack beside

	# what cannot be read as it should be
	copy_tree mpich odd
	real=$trees/odd/$libdir
	head -c 3000 /dev/urandom >"$trees/odd/etc/ld.so.cache"
	mkfifo "$real/libmpi.so.40"
	ln -s /../../../home/alice/libmpi.so.12 "$real/libmpi.so.12"
	ln -s libmpi_loop.so.1 "$real/libmpi_loop.so.1"
	head -c 20000 "$libdir/libmpich.so.12" >"$real/libmpi_cray.so.12"
	pack odd
}

# Programs of the node with the libraries they need.
tree_add() {
	local tree=$1 program file

	shift
	for program; do
		for file in "$program" $({ ldd "$program" || true; } 2>/dev/null | grep -o '/[^ ]*'); do
			[[ -e $trees/$tree/$file ]] || { mkdir -p "$trees/$tree/$(dirname "$file")"; cp -L "$file" "$trees/$tree/$file"; }
		done
	done
}

with_programs() { echo "--container-mounts=$MPI_PROGRAMS:/mpi"; }

# Which file of the node is at $libdir/NAME in the container? Prints "node" or "image".
run_which() {
	local mode=$1 image=$2 name=$3

	run_srun "--container-mpi=$mode" --container="$images/$image.sqfs" stat -L -c %d:%i "$name"
	assert_success
	[[ $output == "$(stat -L -c %d:%i "$libdir/${name##*/}")" ]] && output=node || output=image
}

# ---- tests ---------------------------------------------------------------

@test "the image's MPI is used unless something else is asked for" {
	run_which image mpich "$libdir/libmpich.so.12"
	assert_output image
	run_srun --container="$images/mpich.sqfs" ls -d /dev/davit-mpi
	assert_status 2
}

@test "host: the node's library is there under the image's name, and the program runs with it" {
	run_which host mpich "$libdir/libmpich.so.12"
	assert_output node
	run_srun --mpi=pmi2 -n2 --container-mpi=host --container="$images/mpich.sqfs" "$(with_programs)" /mpi/mpich
	assert_success
	assert_match 'size 2 '
}

@test "host: libraries of the image that suffice stay the image's" {
	run_which host mpich "$libdir/libucp.so.0"
	assert_output image
	run_which host mpich "$libdir/libhwloc.so.15"
	assert_output image
}

@test "host: what the image lacks is brought, and is in ld.so.cache" {
	run_srun --container="$images/bare.sqfs" "$(with_programs)" /mpi/mpich
	assert_status 127
	assert_stderr 'libhwloc.so.15|libuc[ps].so.0'
	run_srun --mpi=pmi2 -n2 --container-mpi=host --container="$images/bare.sqfs" "$(with_programs)" /mpi/mpich
	assert_success
	assert_match 'size 2 '
	run_srun --container-mpi=host --container="$images/bare.sqfs" ldconfig -p
	assert_success
	assert_match 'libucp.so.0 .* => /dev/davit-mpi/libucp.so.0'
	assert_match 'libhwloc.so.15 .* => /dev/davit-mpi/libhwloc.so.15'
}

@test "host: the image's old entries stay in ld.so.cache" {
	ldconfig -r "$trees/bare" -C /etc/ld.so.cache
	pack bare
	run_srun --container-mpi=host --container="$images/bare.sqfs" ldconfig -p
	rm "$trees/bare/etc/ld.so.cache"
	pack bare
	assert_success
	assert_match 'libucp.so.0 .* => /dev/davit-mpi/libucp.so.0'
	assert_match "libmpich.so.12 .* => .*/libmpich.so.12"
	assert_match 'libc.so.6 '
}

@test "host: a library of the image that has too little is covered by the node's" {
	run_srun --container="$images/older.sqfs" "$(with_programs)" /mpi/mpich
	((status != 0))
	run_srun --mpi=pmi2 -n2 --container-mpi=host --container="$images/older.sqfs" "$(with_programs)" /mpi/mpich
	assert_success
	assert_match 'size 2 '
}

@test "host: a library of the image that has something else is a reason to refuse; auto uses the image's" {
	run_srun -n2 --container-mpi=host --container="$images/other-build.sqfs" cat /etc/image
	assert_status 125
	assert_failure 'n?' "cannot use the node's MPI in the container: the node's '*' needs '*' of 'libucs.so.0', which the image's lacks; and the node's lacks 'ucs_of_this_image' of the image's" '*--container-mpi=image*'
	run_which auto other-build "$libdir/libmpich.so.12"
	assert_output image
}

@test "host: a library that only an RPATH leads to is covered, too" {
	run_srun --container-mpi=host --container="$images/rpath.sqfs" stat -L -c %d:%i /opt/mpi/lib/libmpich.so.12
	assert_success
	assert_output "$(stat -L -c %d:%i "$libdir/libmpich.so.12")"
}

@test "host: what belongs to MPI is covered beside the image's library, by each name; another processor's is not" {
	local name names

	names="/opt/mpi/lib/libmpi.so.12 /opt/mpi/lib/libmpich.so.12 /opt/mpi/lib/libmpichfort.so.12"
	names+=" /opt/mpi/lib/libmpi.so.40 $(cd "$trees/beside" && echo /opt/mpi/lib/libmpi_mpifh.so.* /opt/mpi/lib/libopen-pal.so.*)"
	names=${names//\*/$((slurm < 2400 ? 40 : 80))}
	names=${names/libmpi_mpifh.so.80/libmpi_mpifh.so.40}
	# shellcheck disable=SC2086 # names are words
	run_srun --container-mpi=host --container="$images/beside.sqfs" stat -L -c %d:%i $names /usr/lib/libucp.so.0
	assert_success
	set -- "${lines[@]}"
	for name in $names; do
		name=${name##*/}
		assert_equal "$1" "$(stat -L -c %d:%i "$libdir/${name/libmpi.so.12/libmpich.so.12}")"
		shift
	done
	[[ $1 != "$(stat -L -c %d:%i "$libdir/libucp.so.0")" ]]
}

@test "host: an image without MPI, or of another C library, is refused" {
	run_srun --container-mpi=host --container="$GLIBC" true
	assert_status 125
	assert_failure 'n?' "cannot use the node's MPI in the container: the image has no MPI library in any of the usual places" '*--container-mpi=image*'
	run_srun --container-mpi=auto --container="$GLIBC" cat /etc/image
	assert_success
	assert_output glibc
}

@test "host: odd files of an image neither lead out nor stop anything" {
	touch /home/alice/libmpi.so.12
	run_srun --mpi=pmi2 -n2 --container-mpi=host --container="$images/odd.sqfs" "$(with_programs)" /mpi/mpich
	rm /home/alice/libmpi.so.12
	assert_success
	assert_match 'size 2 '
}

@test "host: nothing of it is in the saved image" {
	run_srun --container-mpi=host --container-writable --container-save=/home/alice/saved.sqfs \
	    --container="$images/bare.sqfs" cat /etc/image
	assert_success
	run_davit --mpi=image /home/alice/saved.sqfs ls /dev/davit-mpi "$libdir/libucp.so.0"
	assert_status 2
	[[ ! $output ]]
	# what was mounted on is there, and empty
	run_davit --mpi=image /home/alice/saved.sqfs find /etc/ld.so.cache "$libdir"/{hwloc,libibverbs,ucx} ! -empty
	rm -f /home/alice/saved.sqfs
	[[ ! $output ]]
}

@test "host: Open MPI with its components, over two nodes with PMIx" {
	local usual=$SLURM_CONF

	mpi_cluster "$DAVIT_WORK/cluster-hostmpi"
	run_mpi "$suite" openmpi pmix -N2 -n4 --container-mpi=host
	"$DAVIT_CLUSTER_TOOL" stop --state "$DAVIT_WORK/cluster-hostmpi"
	assert_ranks 4 2
	SLURM_CONF=$usual
	run_srun --container-mpi=host --container="$mpi_images/$suite.sqfs" sh -c 'grep -c "/openmpi " /proc/self/mountinfo'
	((output >= 1))
}

@test "host: another major release of Open MPI stays the image's, and is told; alone, it is refused" {
	copy_tree mpich major
	echo 'int MPI_Init, ompi_mpi_comm_world; char ompi_version_string[] = "3.1.4";' |
	    cc -shared -fPIC -Wl,-soname,libmpi.so.40 -o "$trees/major/$libdir/libmpi.so.40" -x c -
	pack major
	run_srun -N2 --container-mpi=host --container="$images/major.sqfs" cat /etc/image
	assert_status 0
	assert_failure 'n1 n2' "the image's stays: Open MPI 3.1.4 and Open MPI * are different major releases" '`davit mpi-check IMAGE`*'
	rm "$trees/major/$libdir/libmpich.so.12"
	pack major
	run_srun --container-mpi=host --container="$images/major.sqfs" true
	assert_status 125
	assert_failure 'n?' "cannot use the node's MPI in the container: Open MPI 3.1.4 and Open MPI * are different major releases" '*--container-mpi=image*'
}

@test "host: the image's OPAL_PREFIX is not for the node's Open MPI, whoever builds or enters the container" {
	copy_tree mpich prefix
	mkdir "$trees/prefix/.davit"
	echo '{"config": {"Env": ["OPAL_PREFIX=/of/the/image"]}}' >"$trees/prefix/.davit/config.json"
	pack prefix
	run_srun -n2 --container="$images/prefix.sqfs" sh -c 'echo "<$OPAL_PREFIX>"'
	assert_output $'</of/the/image>\n</of/the/image>'
	run_srun -n2 --container-mpi=host --container="$images/prefix.sqfs" sh -c 'echo "<$OPAL_PREFIX>"'
	assert_output $'<>\n<>'
	run_alice env OPAL_PREFIX=/of/the/job srun --container-mpi=host --container="$images/prefix.sqfs" \
	    sh -c 'echo "<$OPAL_PREFIX>"'
	assert_output '</of/the/job>'
	# another step of the job, in the container that runs
	run_alice salloc -Q -N1 -n1 -c2 bash -c '
		srun --overlap --container-mpi="$1" --container-name=c --container="$2" \
		    sh -c "echo ready; read line" < <(for i in {1..200}; do [[ -e /tmp/done ]] && break; sleep 0.1; done) |
		    { read -r line; srun --overlap --container-name=c:exec sh -c "echo \"<\$OPAL_PREFIX>\""; touch /tmp/done; }
		rm /tmp/done' - host "$images/prefix.sqfs"
	assert_success
	assert_output '<>'
}

@test "an older library of the node: host says what it lacks, auto leaves the image's" {
	copy_tree mpich newer
	stub_library "$trees/newer/$libdir/libmpich.so.12" libmpich.so.12 MPI_Init MPI_Of_tomorrow
	pack newer
	run_srun -N2 --container-mpi=host --container="$images/newer.sqfs" stat -L -c %d:%i "$libdir/libmpich.so.12"
	assert_status 0
	assert_equal "${lines[1]}" "$(stat -L -c %d:%i "$libdir/libmpich.so.12")"
	assert_failure 'n1 n2' 'MPICH *ABI 12) lacks 1 function of MPICH (ABI 12): MPI_Of_tomorrow' '`davit mpi-check IMAGE`*'
	run_which auto newer "$libdir/libmpich.so.12"
	assert_output image
	assert_no_davit_line
}

@test "a C library that is too old for the node's MPI is told with its version" {
	local file=/home/alice/new/libmpich.so.12

	mkdir -p /home/alice/new /home/alice/.config/davit
	unsquashfs -cat "$mpi_images/trixie.sqfs" usr/lib/x86_64-linux-gnu/libmpich.so.12.4.1 >"$file" ||
	    unsquashfs -cat "$mpi_images/trixie.sqfs" "${libdir#/}/libmpich.so.12.4.1" >"$file"
	printf 'host-mpi: [%s]\n' "$file" >/home/alice/.config/davit/davit.conf
	chown -R alice: /home/alice/new /home/alice/.config
	run_srun --container-mpi=host --container="$mpi_images/bookworm.sqfs" true
	run_alice "$DAVIT" mpi-check "$mpi_images/bookworm.sqfs"
	rm -rf /home/alice/new /home/alice/.config
	assert_match "needs GLIBC_2.38 of the C library, and the image's has at most GLIBC_2.36"
}

@test "host-mpi in davit.conf: what is no MPI library, or not there, is told with the file" {
	mkdir -p /home/alice/.config/davit
	printf 'host-mpi: [%s]\n' "$libdir/libm.so.6" >/home/alice/.config/davit/davit.conf
	chown -R alice: /home/alice/.config
	run_alice "$DAVIT" mpi-check "$images/mpich.sqfs"
	assert_status 125
	assert_stderr "'$libdir/libm.so.6' is not an MPI library: it has no MPI_Init"
	printf 'host-mpi: [/no/such/libmpi.so.40]\n' >/home/alice/.config/davit/davit.conf
	run_srun --container-mpi=host --container="$images/mpich.sqfs" true
	assert_status 125
	assert_stderr "/no/such/libmpi.so.40.*No such file"
	printf 'host-mpi: [lib/libmpi.so]\n' >/home/alice/.config/davit/davit.conf
	run_srun --container-mpi=host --container="$images/mpich.sqfs" true
	rm -rf /home/alice/.config
	assert_status 125
	assert_stderr "davit.conf:1: 'host-mpi': 'lib/libmpi.so' is not an absolute path"
}

@test "host-mpi-directories in davit.conf come along" {
	mkdir -p /home/alice/.config/davit /home/alice/extra/components
	echo here >/home/alice/extra/components/file
	printf 'mpi: host\nhost-mpi-directories: [/home/alice/extra]\nmount-home: no\n' \
	    >/home/alice/.config/davit/davit.conf
	chown -R alice: /home/alice/.config /home/alice/extra
	run_alice env -C /tmp srun --container="$images/mpich.sqfs" cat /home/alice/extra/components/file
	rm -rf /home/alice/.config /home/alice/extra
	assert_success
	assert_output here
}

@test "davit mpi-check: what there is, what would be used and why, as exit code, too" {
	run_alice "$DAVIT" mpi-check "$images/bare.sqfs"
	assert_success
	assert_match "MPI of the image:"$'\n'"  MPICH .*\(ABI 12\) .*/libmpich.so.12"
	assert_match '  MPICH .*  yes, MPICH '
	assert_match '--container-mpi=host: the node'"'"'s'
	assert_match "the node's +libucp.so.0 +/.*/libucp.so.0"
	assert_match '--container-mpi=auto: the node'"'"'s'
	run_alice "$DAVIT" mpi-check "$images/other-build.sqfs"
	assert_status 1
	assert_match "--container-mpi=host: refused: .*'ucs_of_this_image'"
	assert_match "--container-mpi=auto: the image's"
	run_alice "$DAVIT" mpi-check "$SMALL"
	assert_status 1
	assert_match 'MPI of the image:'$'\n''  none'
	run_alice "$DAVIT" mpi-check
	assert_status 125
	assert_stderr 'no image given'
	run_alice "$DAVIT" mpi-check /no/such/image
	assert_status 125
	assert_stderr '/no/such/image'
}

@test "--container-mpi: other values are refused in srun; variables and davit.conf work" {
	run_srun --container-mpi=hosts --container="$images/mpich.sqfs" true
	((status != 0))
	assert_stderr "'hosts' is none of image, host, auto"
	run_alice env DAVIT_CONTAINER_MPI=host srun --container="$images/mpich.sqfs" \
	    stat -L -c %d:%i "$libdir/libmpich.so.12"
	assert_success
	assert_output "$(stat -L -c %d:%i "$libdir/libmpich.so.12")"
}

# ---- with other options ----------------------------------------------------

@test "host: with a directory, written to, as root, in another PID namespace, with few open files" {
	local option where=("$libdir/libmpich.so.12" /dev/davit-mpi/libucp.so.0)

	for option in --container-writable --container-remap-root --container-unshare=pid --no-container-mount-home; do
		run_srun --container-mpi=host "$option" --container="$trees/bare" stat -L -c %d:%i "${where[@]}"
		assert_success
		assert_equal "${lines[0]}" "$(stat -L -c %d:%i "$libdir/libmpich.so.12")"
		assert_equal "${lines[1]}" "$(stat -L -c %d:%i "$libdir/libucp.so.0")"
	done
	run_alice bash -c 'ulimit -n 64; exec "$@"' - "$DAVIT" run --mpi=host "$images/bare.sqfs" \
	    stat -L -c %d:%i "${where[@]}"
	assert_success
	assert_equal "${lines[1]}" "$(stat -L -c %d:%i "$libdir/libucp.so.0")"
}

@test "host: an ld.so.cache that is a link, dangles, is a FIFO, or has no directory" {
	local kind

	for kind in absolute relative dangling fifo none; do
		copy_tree bare etc
		rm -f "$trees/etc/etc/ld.so.cache"
		case $kind in
		absolute) ln -s /opt/cache "$trees/etc/etc/ld.so.cache"; mkdir "$trees/etc/opt"; touch "$trees/etc/opt/cache" ;;
		relative) ln -s ../../../cache "$trees/etc/etc/ld.so.cache"; touch "$trees/etc/cache" ;;
		dangling) ln -s /var/none "$trees/etc/etc/ld.so.cache" ;;
		fifo) mkfifo "$trees/etc/etc/ld.so.cache" ;;
		none) rm -r "$trees/etc/etc" ;;
		esac
		pack etc
		run_srun --container-mpi=host --container="$images/etc.sqfs" ldconfig -p
		assert_success
		assert_match 'libucp.so.0 .* => /dev/davit-mpi/libucp.so.0'
	done
}

@test "host: a mount of the user's at /dev leaves no place for what the image lacks" {
	run_srun --container-mpi=host --container-mounts=/dev:/dev --container="$images/bare.sqfs" true
	assert_status 125
	assert_failure 'n?' "no place for the node's 'lib*': something is mounted at '/dev'" 'without that mount'
	run_srun --container-mpi=host --container-mounts=/dev:/dev --container="$images/mpich.sqfs" \
	    stat -L -c %d:%i "$libdir/libmpich.so.12"
	assert_success
	assert_output "$(stat -L -c %d:%i "$libdir/libmpich.so.12")"
}

@test "host: with the node's libraries mounted over the image's, nothing is left to do" {
	run_srun --mpi=pmi2 -n2 --container-mpi=host --container="$images/bare.sqfs" "$(with_programs),/usr:/usr" \
	    /mpi/mpich
	assert_success
	assert_match 'size 2 '
}

@test "davit mpi-check: the image's LD_LIBRARY_PATH counts, as in a step" {
	copy_tree mpich variable
	mkdir -p "$trees/variable/first" "$trees/variable/.davit"
	mv "$trees/variable/$libdir"/libmpich.so.12 "$trees/variable/first/"
	echo '{"config": {"Env": ["LD_LIBRARY_PATH=/none", "LD_LIBRARY_PATH=/first"]}}' >"$trees/variable/.davit/config.json"
	pack variable
	run_alice "$DAVIT" mpi-check "$images/variable.sqfs"
	assert_success
	assert_match "MPI of the image:"$'\n'"  MPICH .* /first/libmpich.so.12"
	run_srun --container-mpi=host --container="$images/variable.sqfs" stat -L -c %d:%i /first/libmpich.so.12
	assert_success
	assert_output "$(stat -L -c %d:%i "$libdir/libmpich.so.12")"
}
