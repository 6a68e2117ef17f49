# SPDX-License-Identifier: BSD-3-Clause
# look_hostile.bats - davit image ls, extract and the like of hostile images: an image without a mount
#
# Nothing here needs Slurm.

# Variables come from common.bash and look.bash; functions are called by functions.
# shellcheck disable=SC2154,SC2153,SC2030,SC2031,SC2016,SC2317,SC2012

load "$DAVIT_TESTS/lib/common.bash"
# shellcheck source-path=SCRIPTDIR source=../lib/look.bash
. "$DAVIT_TESTS/lib/look.bash"

# ---- hostile ---------------------------------------------------------------

@test 'hostile: a directory in itself' {
	hostile 's/..(..\x01\x00\x0b\x00unmistakable)/pack("v", $root) . $1/se or die'
	refused_by_all "'/odd/unmistakable' is damaged: it is a directory that has another name"
	image verify "$bad"
	assert_status 125
	assert_output 'damaged: /odd/unmistakable: it is a directory that has another name'
	assert_failure "$host" "image '$bad' is damaged: 1 of the files and directories in it" 'copy or make the image again'
	# what does not go that way is there
	image cat "$bad" odd/another
	assert_output more
}

@test 'hostile: names that lead elsewhere' {
	local name

	for name in ../../../x ./././././. 'a/b/c/d/e/fg'; do
		hostile "s(unmistakable)(substr('$name' . 'x' x 12, 0, 12))e or die"
		refused_by_all "'/odd' is damaged: its list of names"
		[[ ! -e $mine/x && ! -e /home/alice/x ]] || complain 'it has led elsewhere'
	done
	hostile 's/\x0b\x00unmistakable/\x01\x00..mistakable/ or die'
	refused_by_all "'/odd' is damaged: its list of names"
}

@test 'hostile: two things of one name, a link first' {
	# "another" becomes a link with the name of what comes next
	mkdir -p "$mine/two/a1" "$mine/victim"
	chown alice "$mine/victim"
	ln -s "$mine/victim" "$mine/two/a0"
	echo evil >"$mine/two/a1/file"
	pack "$mine/two" "$mine/two.sqfs" "${raw[@]}"
	perl -pi -0777 -e 's/\x01\x00\x01\x00a1/\x01\x00\x01\x00a0/ or die' "$mine/two.sqfs"
	image extract -C "$mine/out" "$mine/two.sqfs"
	assert_status 125
	assert_failure "$host" "cannot make directory '$mine/out/a0': File exists" '*'
	image extract --force -C "$mine/out" "$mine/two.sqfs"
	assert_status 0
	assert_equal "$(ls -A "$mine/victim")" ''
	image verify "$mine/two.sqfs"
	assert_status 125
	assert_output 'damaged: /a0: its name is not in order'
}

@test 'hostile: sizes beyond all reason' {
	# /odd/another, of 5 bytes, says that it has 2 GiB
	hostile 's/(\x02\0.{26})\x05\0\0\0/$1\xff\xff\xff\x7f/s or die'
	LIMIT=15 image verify "$bad"
	assert_status 125
	assert_match 'damaged: /odd/[a-z/]+: its '
	image inspect "$bad"
	assert_success
	LIMIT=15 run_alice bash -c 'ulimit -v 3000000; "$0" image extract -C "$1" "$2"' "$DAVIT" "$mine/out" "$bad"
	assert_status 125
	assert_stderr "image '$bad': '/odd/[a-z/]+' is damaged or cannot be read"
	[[ ! $(find "$mine/out" -size +1M) ]] || complain 'half a file is left'
	# a list of names that never ends
	hostile 'substr($_, unpack("V", substr($_, 64, 4)) + 2 + $root + 24, 2) = "\xff\xff"'
	refused_by_all "'/' is damaged: its list of names"
}

@test 'hostile: a thousand ways to each directory' {
	# d1 has 40 names, all of which are d2, and so on: 40^8 files, if they were counted
	local i j dirs=$mine/deep

	for i in {1..8}; do
		dirs+=/d
		mkdir -p "$dirs"
		for j in {10..49}; do
			mkdir "$dirs/x$j"
		done
	done
	pack "$mine/deep" "$mine/deep.sqfs" "${raw[@]}"
	# each of them becomes the directory "d" beside it
	perl -pi -0777 -e 'my $at = unpack("V", substr($_, 72, 4)); my $lists = substr($_, $at); my $d;
	    $lists =~ s/(..)(..)\x01\0(?:\0\0(d)|\x02\0(x\d\d))/$d = $1 if $3; $3 || !defined $d ? $& : "$d$2\x01\0\x02\0$4"/gse;
	    substr($_, $at) = $lists' "$mine/deep.sqfs"
	LIMIT=15 image ls -R "$mine/deep.sqfs"
	assert_status 125
	assert_stderr "is damaged: it is a directory that has another name"
	LIMIT=15 image verify "$mine/deep.sqfs"
	assert_status 125
	assert_match 'damaged: [0-9]+ more'
}

@test 'hostile: images at random end with an answer' {
	local seed command name

	for seed in {1..40}; do
		name=$([[ $((seed % 2)) == 0 ]] && echo hostile || echo gzip)
		perl -e 'my ($in, $out, $seed) = @ARGV; srand $seed; local $/; open I, "<", $in; my $i = <I>;
		    for (0..int rand 4) { substr($i, 8 + int rand(length($i) - 8), 1) = chr int rand 256 }
		    open O, ">", $out; print O $i' "$look/$name.sqfs" "$mine/random.sqfs" "$seed"
		for command in "ls -lR" inspect verify "extract -f -C $mine/out"; do
			# shellcheck disable=SC2086 # words
			LIMIT=10 image $command "$mine/random.sqfs"
			((status == 0 || status == 125)) || complain "seed $seed: $command"
		done
	done
}
