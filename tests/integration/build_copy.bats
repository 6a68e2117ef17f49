# SPDX-License-Identifier: BSD-3-Clause
# build_copy.bats - davit image build: COPY, and what does not come from the context
#
# Needs no cluster.

# Variables come from common.bash and build.bash; variables of Containerfiles are not the shell's.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/build.bash
. "$DAVIT_TESTS/lib/build.bash"

@test "COPY: files, directories, patterns, modes, links" {
	mkdir -p "$context/d/e"
	put one 1; put two.txt 2; put d/three 3; put d/e/four 4
	ln -s three "$context/d/link"
	ln -s /etc/passwd "$context/out"
	containerfile <<-END
	FROM $images/base.sqfs
	ARG DIR=/app
	WORKDIR /w
	COPY one renamed
	COPY one *.txt \$DIR/
	COPY ["d", "/d"]
	COPY --chmod=700 --chown=1:2 one /app/private
	COPY d/l* locked/
	COPY one ..
	COPY one ../up/./x
	WORKDIR ../v/../w
	ADD two.txt /
	RUN cat renamed /one /up/x /app/one /app/two.txt /d/three /d/e/four /d/link /w/locked/link /two.txt; \\
	    ls -ln /app/private | cut -c1-10
	END
	build
	assert_success
	assert_match $'\n1\n1\n1\n1\n2\n3\n4\n3\n3\n2\n-rwx------'
	in_new ls -l /d/link
	assert_match 'link -> three'
}

# Of the context and of an image, which a server shows; a directory of the disk keeps them on each kernel.
@test "COPY keeps the attributes user.* and capabilities, and no other ones" {
	local tree=$BATS_TEST_TMPDIR/tree name

	mkdir -p "$context/d" "$tree/d"
	cp "$(command -v busybox)" "$context/able"
	cp "$(command -v busybox)" "$tree/able"
	echo 1 >"$context/d/f"
	echo 1 >"$tree/d/f"
	for name in "$context" "$tree"; do
		PATH=$PATH:/usr/sbin setcap cap_net_raw+ep "$name/able"
		setfattr -n user.davit -v value "$name/d/f"
		setfattr -n user.dir -v of "$name/d"
		setfattr -n trusted.davit -v no "$name/d/f"
	done
	setfattr -n user.overlay.opaque -v y "$context/d/f"
	chmod 400 "$context/d/f"
	chown -R alice "$context/d"
	mksquashfs "$tree" "$context/from.sqfs" -noappend -no-progress -quiet >/dev/null
	install -d -o alice "$context/layers"
	printf 'FROM %s\nCOPY able /of/\nCOPY d /of/d\nCOPY able d* /flat/\nCOPY --from=./from.sqfs / /image/\n' \
	    "$images/base.sqfs" | containerfile
	build -q --writable="$context/layers"
	assert_success
	unsquashfs -no-progress -quiet -d "$BATS_TEST_TMPDIR/new" /home/alice/new.sqfs of flat image >/dev/null
	cd "$BATS_TEST_TMPDIR/new"
	run -0 --separate-stderr getfattr -R -d -m - of flat image
	assert_equal "$(grep -v '^$' <<<"$output" | sort | sed 's/capability=.*/capability/')" \
	    "$(printf '%s\n' '# file: flat/able' '# file: flat/f' '# file: image/able' '# file: image/d' '# file: image/d/f' \
		'# file: of/able' '# file: of/d/f' security.capability security.capability security.capability \
		'user.davit="value"' 'user.davit="value"' 'user.davit="value"' 'user.dir="of"' | sort)"
}

@test "COPY never reads outside of the context, nor writes outside of the image" {
	put secret; mkdir -p "$context/c"; mv "$context/secret" "$context/x-secret"
	put c/file
	ln -s ../x-secret "$context/c/up"
	ln -s "$context/x-secret" "$context/c/absolute"
	ln -s .. "$context/c/parent"
	for source in up absolute parent/x-secret; do
		printf 'FROM %s\nCOPY %s /x\n' "$images/base.sqfs" "$source" >"$context/c/Containerfile"
		run_alice "$DAVIT" image build --with=davit -q new.sqfs "$context/c"
		assert_status 125
		assert_failure "$host" "$context/c/Containerfile:2: there is no '$source' to copy" \
		    'a path below the context'
	done
	printf 'FROM %s\nCOPY ../x-secret /x\n' "$images/base.sqfs" >"$context/c/Containerfile"
	run_alice "$DAVIT" image build --with=davit -q new.sqfs "$context/c"
	assert_status 125
	assert_failure "$host" "$context/c/Containerfile:2: '../x-secret' leads out of what may be copied" \
	    "a path without '..': all is below the context"
	# A link of the image's to the node's files, and to what is mounted.
	put file
	containerfile <<-END
	FROM $images/base.sqfs
	RUN ln -s /proc/self/root/home /a; ln -s $context /b; ln -s /proc/sys /c
	COPY file /b/
	COPY file /c/
	END
	sed -i 's/ln -s/busybox ln -s/g' "$context/Containerfile"
	refuse 3 "cannot create directory '/b': No such file or directory" ''
	sed -i 3d "$context/Containerfile"
	refuse 3 "cannot create directory '/c': No such file or directory" ''
	sed -i 's,/c/,/a/file,' "$context/Containerfile"
	refuse 3 "cannot create directory '/a': No such file or directory" ''
}

@test "COPY below what is mounted while the image is built" {
	mkdir -p "$context/root/etc" "$context/root/proc"
	put root/etc/hosts mine; put root/etc/passwd users; put root/proc/x below
	containerfile <<-END
	FROM $images/base.sqfs
	COPY root /
	RUN echo \$(cat /etc/hosts) \$(ls /proc/x)
	END
	build
	assert_success
	[[ $output != *mine* && $output != *below* ]]
	assert_equal "$(unsquashfs -cat /home/alice/new.sqfs etc/hosts etc/passwd proc/x)" $'mine\nusers\nbelow'
}

@test ".dockerignore" {
	mkdir -p "$context/d"
	put a.o; put keep.o; put d/b.o; put c
	printf '**/*.o\n!keep.o\n' >"$context/.dockerignore"
	containerfile <<-END
	FROM $images/base.sqfs
	COPY . /all/
	RUN ls -R /all
	END
	build
	assert_success
	assert_match $'Containerfile\nc\nd\nkeep.o\n\n/all/d:(\n|$)'
	# That of the file comes first. There is nothing above the context.
	printf '../c\n/../d\nx/../keep.*\n' >"$context/Containerfile.dockerignore"
	build --force
	assert_success
	assert_match $'Containerfile.dockerignore\na.o\nc$'
	rm "$context/Containerfile.dockerignore"
	printf 'FROM %s\nCOPY a.o /\n' "$images/base.sqfs" | containerfile
	refuse 2 "'a.o' is left out by .containerignore or .dockerignore" \
	    'a line !a.o at the end of that file'
}
