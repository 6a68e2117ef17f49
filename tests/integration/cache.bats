# SPDX-License-Identifier: BSD-3-Clause
# cache.bats - images of a registry in steps: imported once, kept, shared, and removed

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"
load "$DAVIT_TESTS/lib/registry.bash"

host=$(hostname -s)
reg=$DAVIT_WORK/registry
cache=/home/alice/.cache/davit/images
site=$DAVIT_PREFIX/etc/davit/davit.conf

# ---- a registry ------------------------------------------------------------

# Starts one as $1, with more lines for its configuration; its port goes to $reg/$1.port, its pid to $reg/$1.pid.
serve() {
	mkdir -p "$reg/$1"
	cat >"$reg/$1.yml" <<-END
	version: 0.1
	log: {level: info}
	storage: {filesystem: {rootdirectory: $reg/$1}, delete: {enabled: true}}
	http: {addr: "127.0.0.1:${3-0}", secret: test}
	${2-}
	END
	docker-registry serve "$reg/$1.yml" >"$reg/$1.log" 2>&1 3>&- &
	echo $! >"$reg/$1.pid"
	await grep -q 'listening on' "$reg/$1.log"
	sed -n 's/.*listening on [^ ]*:\([0-9]*\).*/\1/p' "$reg/$1.log" | head -n 1 >"$reg/$1.port"
}
serve_no_more() { kill "$(<"$reg/$1.pid")" && await bash -c "! kill -0 $(<"$reg/$1.pid")"; }

# The image $1 (one, two or large) is called $2 there from now on.
push() {
	skopeo copy -q --dest-tls-verify=false "${@:3}" "oci:$reg/layout:$1" \
	    "docker://127.0.0.1:$(<"$reg/open.port")/$2"
}
digest_of() { skopeo inspect --raw "oci:$reg/layout:$1" | sha256sum | cut -d' ' -f1; }

layer_of() { skopeo inspect --raw "oci:$reg/layout:$1" | jq -r '.layers[0].digest'; }

# How often $1 was asked for since mark().
mark() { wc -l <"$reg/open.log" >"$reg/mark"; }
asked() { tail -n "+$(($(<"$reg/mark") + 1))" "$reg/open.log" | grep -c "\"GET /v2/$1 HTTP" || true; }

make_images() {
	local name

	mkdir -p "$reg/tree/bin"
	cp "$(command -v busybox)" "$reg/tree/bin/busybox"
	for name in sh cat sleep true; do
		ln -s busybox "$reg/tree/bin/$name"
	done
	layout_begin "$reg/layout"
	for name in one two large; do
		echo "$name" >"$reg/tree/version"
		[[ $name != large ]] || head -c 3M /dev/urandom >"$reg/tree/data"
		tar -C "$reg/tree" -cf "$reg/layer.tar" .
		layout_layer "$reg/layout" "$reg/layer.tar"
		layout_end "$reg/layout" "$name"
	done
}

setup_file() {
	make_images
	serve open
	htpasswd -Bbn alice secret >"$reg/htpasswd"
	serve closed "auth: {htpasswd: {realm: test, path: $reg/htpasswd}}"
	install -d -o alice -g alice /home/alice/.config /home/alice/.config/containers
	cat >/home/alice/.config/containers/registries.conf <<-END
	[[registry]]
	location = "127.0.0.1"
	insecure = true
	END
	mkdir -p "${site%/*}"
	chmod 755 "${site%/*}"
}

teardown_file() {
	kill "$(<"$reg/open.pid")" "$(<"$reg/closed.pid")"
	rm -rf "$reg" /home/alice/.config
	rmdir "${site%/*}" 2>/dev/null || true
}

setup() {
	leftovers_note
	at=docker://127.0.0.1:$(<"$reg/open.port")
	mark
}

teardown() {
	rm -rf /home/alice/.cache /home/alice/.local "$site" # .local: skopeo's own
	leftovers_assert
}

images() { find "$cache" -maxdepth 1 -name 'sha256-*' 2>/dev/null | wc -l; }
kept() { [[ -e $cache/sha256-$(digest_of "$1").$(uname -m).sqfs ]]; }

gone() { [[ ! -e $cache/sha256-$(digest_of "$1").$(uname -m).sqfs ]] || complain "image '$1' is there"; }

@test 'a step on two nodes imports once, the next step of the job asks nobody' {
	push one t/a:1
	mark
	run_alice salloc -N2 -Q bash -c "srun --container=$at/t/a:1 cat /version; echo; srun --container=$at/t/a:1 cat /version"
	assert_status 0
	assert_output $'one\none\n\none\none'
	(($(grep -c "davit: n[12]: imports '$at/t/a:1'" <<<"$stderr") == 1))
	assert_equal "$(asked t/a/manifests/1)" 1
	assert_equal "$(images)" 1
	kept one
	mark
	run_srun -N2 "--container=$at/t/a:1" cat /version
	assert_success
	assert_output $'one\none'
	assert_equal "$(asked t/a/manifests/1)" 1
	assert_equal "$(asked 't/a/blobs/.*')" 0
}

@test 'a tag that moves changes nothing in a job that has begun, and is seen by the next' {
	push one t/b:1
	run_alice salloc -Q bash -c "srun --container=$at/t/b:1 cat /version; touch b.begun; while [[ -e b.begun ]]; do sleep 0.1; done; srun --container=$at/t/b cat /version; srun --container=$at/t/b:1 cat /version; $DAVIT run $at/t/b:1 cat /version" &
	await test -e /home/alice/b.begun
	push two t/b:1
	push two t/b:latest
	rm /home/alice/b.begun
	wait $!
	output=$(<"$BATS_TEST_TMPDIR/out")
	assert_output $'one\ntwo\none\none'
	run_srun "--container=$at/t/b:1" cat /version
	assert_output two
	kept one
	kept two
}

@test 'an image by its digest is asked for once only' {
	push one t/c:1
	mark
	run_davit "$at/t/c@sha256:$(digest_of one)" cat /version
	assert_status 0
	assert_output one
	(($(asked "t/c/blobs/$(layer_of one)") > 0))
	mark
	run_davit "$at/t/c@sha256:$(digest_of one)" cat /version
	assert_success
	assert_output one
	assert_equal "$(asked 't/c/.*')" 0
	run_davit "$at/t/c:1" cat /version
	assert_success
}

@test 'davit run asks each time, unless --pull says otherwise' {
	push one t/d:1
	run_davit --pull=never "$at/t/d:1" cat /version
	assert_status 125
	assert_failure "$host" "image '$at/t/d:1' is not in the import cache '$cache', and pull=never forbids to ask" \
	    "davit image cache pull $at/t/d:1 where it may be asked"
	run_davit --pull=missing "$at/t/d:1" cat /version
	assert_status 0
	push two t/d:1
	mark
	run_davit --pull=missing "$at/t/d:1" cat /version
	assert_output one
	run_davit --pull=never "$at/t/d:1" cat /version
	assert_output one
	assert_equal "$(asked 't/d/.*')" 0
	run_davit "$at/t/d:1" cat /version
	assert_output two
	run_davit --pull=newest "$at/t/d:1" true
	assert_failure "$host" "--pull: 'newest' is none of newer, always, missing, never" '*'
}

@test 'a registry that is down: what is there will do, with a word, but not for pull=always' {
	serve other
	other=docker://127.0.0.1:$(<"$reg/other.port")
	skopeo copy -q --dest-tls-verify=false "oci:$reg/layout:one" "$other/t/a:1"
	run_srun "--container=$other/t/a:1" cat /version
	assert_output one
	serve_no_more other
	run_srun -N2 "--container=$other/t/a:1" cat /version
	assert_status 0
	assert_output $'one\none'
	(($(grep -c "davit: n[12]: uses the image '$other/t/a:1' as it was imported earlier: the registry does not answer" <<<"$stderr") == 1))
	run_srun --container-pull=always "--container=$other/t/a:1" cat /version
	assert_status 125
	assert_failure 'n?' "cannot import '$other/t/a:1': the registry does not answer (*connection refused)" \
	    "again, when this node reaches ${other#*//}; *"
	run_srun -N2 "--container=$other/t/b:1" cat /version
	assert_status 125
	assert_failure 'n1 n2' "cannot import '$other/t/b:1': the registry does not answer (*)" '*'
	assert_equal "$(images)" 1
}

@test 'no such image, no such tag: each once per node, and nothing is left' {
	push one t/e:1
	run_srun -N2 "--container=$at/t/e:2" true
	assert_status 125
	assert_failure 'n1 n2' "cannot import '$at/t/e:2': the registry has no such image (*)" 'check the name and the tag'
	run_srun "--container=$at/t/none" true
	assert_failure 'n?' "cannot import '$at/t/none:latest': the registry has no such image (*)" '*'
	assert_equal "$(images)" 0
}

@test 'a registry that wants a login' {
	closed=docker://127.0.0.1:$(<"$reg/closed.port")
	skopeo copy -q --dest-tls-verify=false --dest-creds alice:secret "oci:$reg/layout:one" "$closed/t/a:1"
	run_srun "--container=$closed/t/a:1" true
	assert_status 125
	assert_failure 'n?' "cannot import '$closed/t/a:1': the registry wants a login*" "skopeo login ${closed#*//}*"
	install -d -o alice -g alice /home/alice/.docker
	printf '{"auths":{"%s":{"auth":"%s"}}}' "${closed#*//}" "$(printf alice:secret | base64)" >/home/alice/.docker/config.json
	run_srun "--container=$closed/t/a:1" cat /version
	rm -r /home/alice/.docker
	assert_status 0
	assert_output one
}

@test 'srun refuses a bad name before there is a job' {
	run_srun "--container=$at/T/a" true
	assert_refused srun "--container-image: image '$at/T/a': 'T/a' is no name of an image" docker://
	run_srun --container=docker:busybox true
	assert_refused srun "--container-image: image 'docker:busybox' is no path" docker://busybox
	run_srun --container-image=dockr://busybox true
	assert_refused srun "--container-image: image 'dockr://busybox': nothing can be imported from 'dockr://'" docker://busybox
	run_srun --container-pull=no --container=/x true
	assert_refused srun "--container-pull: 'no' is none of"
}

@test 'four at once import once' {
	push large t/f:1
	mark
	run_davit "$at/t/f:1" true
	once=$(asked "t/f/blobs/$(layer_of large)")
	((once > 0))
	run_alice "$DAVIT" image rm "$at/t/f:1"
	mark
	for i in 1 2 3 4; do
		alice "$DAVIT" run "$at/t/f:1" cat /version >"$BATS_TEST_TMPDIR/$i" 2>>"$BATS_TEST_TMPDIR/said" 3>&- &
	done
	wait
	assert_equal "$(cat "$BATS_TEST_TMPDIR"/[1-4])" $'large\nlarge\nlarge\nlarge'
	assert_equal "$(asked "t/f/blobs/$(layer_of large)")" "$once"
	assert_equal "$(grep -c ": imports '" "$BATS_TEST_TMPDIR/said")" 1
	assert_equal "$(images)" 1
}

# Holds the turn to import image $1, as process 7 on n7, until it is killed.
hold_turn() {
	alice perl -e 'open(my $f, "+>", $ARGV[0]) or die; syswrite($f, "held\nprocess 7 on n7\n\n");
	    my $lock = pack("s s x4 q q l x4", 1, 0, 0, 0, 0); fcntl($f, 37, $lock) or die "$!";
	    print "$$\n"; close(STDOUT); sleep 30' "$cache/locks/import.$(digest_of "$1").$(uname -m)" >"$BATS_TEST_TMPDIR/held" &
	await grep -q . "$BATS_TEST_TMPDIR/held"
}

@test 'who waits says for whom, and goes on when that one dies' {
	push one t/g:1
	run_alice "$DAVIT" image cache
	hold_turn one
	begin "$DAVIT" run "$at/t/g:1" cat /version
	await grep -q 'waits for' "$BATS_TEST_TMPDIR/begun.err"
	kill -9 "$(<"$BATS_TEST_TMPDIR/held")"
	finish
	assert_status 0
	assert_output one
	assert_lines 1 "davit: $host: waits for '$at/t/g:1', which is being imported by process 7 on n7"
}

# A registry that takes connections and says nothing.
silent_start() {
	perl -MIO::Socket::INET -e '$s = IO::Socket::INET->new(Listen => 5, LocalAddr => "127.0.0.1") or die;
	    open(F, ">", $ARGV[0]); print F $s->sockport; close F; sleep 60' "$BATS_TEST_TMPDIR/port" 3>&- &
	silent=$!
	await test -s "$BATS_TEST_TMPDIR/port"
	slow=docker://127.0.0.1:$(<"$BATS_TEST_TMPDIR/port")
}

@test 'a step that waits for a registry can be cancelled, and leaves nothing' {
	silent_start
	begin srun -N2 "--container=$slow/t/a:1" true
	await pgrep -u alice -x skopeo
	scancel "$(job_now)"
	finish
	((status != 0))
	await job_none
	kill $silent
	await bash -c '! pgrep -u alice -x skopeo'
	assert_equal "$(images)" 0
	assert_equal "$(find "$cache/refs" "$cache/jobs" -type f)" ''
}

@test 'an import that is killed leaves nothing that the next one minds' {
	push large t/h:1
	begin "$DAVIT" run "$at/t/h:1" cat /version
	await pgrep -u alice -f 'image import -q'
	kill -9 "$(pgrep -u alice -f 'image import -q' | head -n 1)"
	finish
	assert_status 125
	assert_equal "$(find "$cache" -maxdepth 1 -name '*.sqfs' | wc -l)" 0
	run_davit "$at/t/h:1" cat /version
	assert_status 0
	assert_output large
	assert_equal "$(images)" 1
}

@test 'a cache that others may write to, or that is no place, is refused' {
	install -d -o alice -g alice -m 770 /home/alice/open
	for dir in /home/alice/open /home/bob/mine relative /proc/davit; do
		run_alice env "DAVIT_IMPORT_CACHE=$dir" srun "--container=$at/t/a:1" true
		assert_status 125
		case $dir in
		*/open) assert_failure 'n?' "others may write to the import cache '$dir'" "chmod go-w $dir, after a look at what is in there" ;;
		*/mine) assert_failure 'n?' "cannot make the import cache '$dir': *" '*DAVIT_IMPORT_CACHE=DIR*' ;;
		/proc/*) assert_failure 'n?' "cannot make the import cache '$dir': *" '*' ;;
		*) assert_failure 'n?' "DAVIT_IMPORT_CACHE: 'relative' is not an absolute path" '*' ;;
		esac
	done
	install -d -m 755 /home/alice/roots
	run_alice env DAVIT_IMPORT_CACHE=/home/alice/roots "$DAVIT" image list
	assert_failure "$host" "the import cache '/home/alice/roots' belongs to somebody else" '*'
	rm -r /home/alice/open /home/alice/roots
}

@test 'beyond the limit goes what was used longest ago, and never what is in use' {
	push one t/i:1
	push two t/i:2
	push large t/i:3
	echo 'import-cache-max: 5m' >"$site"
	run_davit "$at/t/i:1" true
	begin srun "--container=$at/t/i:1" sh -c 'echo runs; exec sleep 30'
	await_output runs
	run_davit "$at/t/i:2" true
	touch -d '2 hours ago' "$cache/locks/use.$(digest_of one).$(uname -m)"
	touch -d '1 hour ago' "$cache/locks/use.$(digest_of two).$(uname -m)"
	run_davit "$at/t/i:3" true
	assert_status 0
	kept one
	kept large
	gone two
	run_alice "$DAVIT" image rm "$at/t/i:1"
	assert_status 125
	assert_failure "$host" "a container uses image '$at/t/i:1'" '*'
	run_alice "$DAVIT" image cache prune --all
	assert_success
	kept one
	gone large
	scancel "$(job_now)"
	finish
	run_alice "$DAVIT" image rm "$at/t/i:1"
	assert_success
	assert_output "removed: sha256:$(digest_of one)"
	assert_equal "$(images)" 0
}

@test 'what cannot be removed is told, and stops nobody' {
	local lock

	push one t/k:1
	push large t/k:2
	echo 'import-cache-max: 3m' >"$site"
	run_davit "$at/t/k:1" true
	lock=$cache/locks/use.$(digest_of one).$(uname -m)
	rm "$lock"
	alice mkdir "$lock"
	touch -d '2 hours ago' "$lock"
	run_davit "$at/t/k:2" true
	assert_status 0
	assert_stderr "$host: the import cache '$cache' stays larger than it should be: .*use\\.$(digest_of one).*Is a directory"
	kept one
	kept large
	rmdir "$lock"
}

@test 'list, rm, cache: what is there, and less of it' {
	push one t/j:1
	push two t/j:2
	run_alice "$DAVIT" image cache pull "$at/t/j:1" "$at/t/j:2" "$at/t/j:1"
	assert_status 0
	assert_equal "${#lines[@]}" 3
	assert_equal "${lines[0]}" "$cache/sha256-$(digest_of one).$(uname -m).sqfs"
	# what bash makes of "davit image rm docker://...j:", and of a tab
	run_alice bash --norc -c '. "$1"; COMP_LINE="davit image rm $2/t/j:" COMP_POINT=${#COMP_LINE} COMP_WORDS=("$3" image rm docker : //x : "") COMP_CWORD=7
	    _davit "$3"; printf "%s\n" "${COMPREPLY[@]}" | sort' - "$DAVIT_PREFIX/share/bash-completion/completions/davit" "$at" "$DAVIT"
	assert_output $'1\n2'
	push one t/j:3
	run_davit "$at/t/j:3" true
	run_alice "$DAVIT" image list
	assert_success
	assert_equal "${#lines[@]}" 4
	assert_match "^REFERENCE +DIGEST +SIZE +IMPORTED +USED"
	assert_match "$at/t/j:2 +sha256:$(digest_of two | cut -c1-12) +[0-9.]+ [KM]iB +20..-..-.. ..:.. +20..-"
	run_alice bash -c "'$DAVIT' image list --json | jq -r '.[] | select(.references | length == 2) | .digest, .file, (.references | sort | .[])'"
	assert_output "sha256:$(digest_of one)
$cache/sha256-$(digest_of one).$(uname -m).sqfs
$at/t/j:1
$at/t/j:3"
	run_alice "$DAVIT" image cache
	assert_match "^directory: $cache"
	assert_match 'limit: 50 GiB'
	assert_match 'images: 2'
	run_alice "$DAVIT" image rm "$at/t/j:3"
	assert_output "forgotten: $at/t/j:3"
	kept one
	run_alice "$DAVIT" image rm "sha256:$(digest_of one | cut -c1-12)" "$at/t/j:2"
	assert_output "removed: sha256:$(digest_of one)
removed: sha256:$(digest_of two)"
	run_alice "$DAVIT" image rm "$at/t/j:2"
	assert_failure "$host" "no image '$at/t/j:2' in the import cache" 'davit image list'
	run_alice "$DAVIT" image rm busybox
	assert_failure "$host" "no image 'busybox' in the import cache" 'docker://busybox, or *'
	run_alice "$DAVIT" image rm sha256:12
	assert_failure "$host" "'sha256:12' is too short to tell an image by" '*'
	run_alice "$DAVIT" image cache prun
	assert_failure "$host" "image cache knows no 'prun'" 'davit image cache prune'
	run_alice "$DAVIT" image cache --all
	assert_failure "$host" "--all and --max are for 'prune'" '*'
	run_alice "$DAVIT" image cache pull ./app.sqfs
	assert_failure "$host" "'./app.sqfs' is no source of images" '--container=./app.sqfs, a file needs no cache'
	run_alice "$DAVIT" image cache prune --max=0
	assert_success
	assert_match '^removed: [0-9]+ images, '
	run_alice "$DAVIT" image cache prune --max=many
	assert_failure "$host" "--max: 'many' is not a size" '*'
}

@test 'prune takes images whose tag has moved on' {
	push one t/k:1
	run_davit "$at/t/k:1" true
	push two t/k:1
	run_davit "$at/t/k:1" true
	kept one
	kept two
	run_alice "$DAVIT" image cache prune
	assert_match '^removed: 1 images, '
	gone one
	kept two
}

@test 'a damaged record is written anew' {
	push one t/l:1
	run_davit "$at/t/l:1" true
	for file in "$cache"/refs/*; do
		echo nonsense >"$file"
	done
	run_davit --pull=never "$at/t/l:1" true
	assert_status 125
	run_davit "$at/t/l:1" cat /version
	assert_output one
	run_davit --pull=never "$at/t/l:1" cat /version
	assert_success
}

@test 'an OCI layout and an archive, by paths from where the job is' {
	cp -r "$reg/layout" /home/alice/layout
	chmod -R a+rX /home/alice/layout
	skopeo copy -q "oci:$reg/layout:two" docker-archive:/home/alice/two.tar:two:1
	chmod a+r /home/alice/two.tar
	run_srun -N2 --container=oci:layout:one cat /version
	assert_status 0
	assert_output $'one\none'
	run_srun --container=docker-archive:two.tar cat /version
	assert_status 0
	assert_output two
	# by what they are, and without skopeo
	kept one
	[[ -e $cache/sha256-$(tar -xOf /home/alice/two.tar manifest.json | jq -r '.[0].Config | rtrimstr(".json")').$(uname -m).sqfs ]]
	without skopeo
	run_davit docker-archive:two.tar cat /version
	assert_success
	assert_output two
	without skopeo
	run_davit docker-archive:two.tar:three cat /version
	assert_status 125
	assert_failure "$host" "cannot import 'docker-archive:/home/alice/two.tar:three': the archive has no image 'three'" \
	    'docker-archive:FILE:NAME, where NAME is of docker.io/library/two:1'
	# compressed: by its bytes, and the name
	gzip -k /home/alice/two.tar
	run_davit docker-archive:two.tar.gz:two:1 cat /version
	assert_status 0
	assert_output two
	run_davit --pull=never docker-archive:two.tar.gz:two:1 cat /version
	assert_success
	run_davit docker-archive:two.tar.gz:three cat /version
	assert_status 125
	assert_stderr "the archive has no image 'three'"
	rm /home/alice/two.tar.gz
	run_alice bash -c "'$DAVIT' run docker-archive:/dev/stdin cat /version </home/alice/two.tar"
	assert_status 125
	assert_failure "$host" "cannot import 'docker-archive:/dev/stdin': '/dev/stdin' is neither a file nor a directory" \
	    'davit image import docker-archive:/dev/stdin FILE.sqfs'
	rm -r /home/alice/layout /home/alice/two.tar
	run_srun --container=oci:layout:one cat /version
	assert_status 125
	assert_failure 'n?' "cannot import 'oci:/home/alice/layout:one': *" ''
}

@test "davit.conf says where, and how much" {
	push one t/m:1
	echo 'import-cache: /home/%u/elsewhere' >"$site"
	run_srun "--container=$at/t/m:1" cat /version
	assert_output one
	[[ -d /home/alice/elsewhere/locks ]]
	run_alice "$DAVIT" image cache
	assert_match '^directory: /home/alice/elsewhere'
	rm -r /home/alice/elsewhere
	run_alice "$DAVIT" config
	assert_match "import-cache: /home/%u/elsewhere +# $site:1"
	assert_match 'import-cache-max: 50g +# default'
	for bad in 'import-cache: here' 'import-cache: /x/%q' 'import-cache-max: 0' 'import-cache-max: 5' \
	    'import-cache-max: -1g' 'import-cache-max: 99999999999t'; do
		echo "$bad" >"$site"
		run_davit "$at/t/m:1" true
		assert_status 125
		assert_failure "$host" "$site:1: '${bad%%:*}': *" '*'
	done
}

@test 'a rule about images is about the file in the cache' {
	push one t/n:1
	echo "policy: [{rule: apps, images: [/opt/apps/**]}]" >"$site"
	run_srun -N2 "--container=$at/t/n:1" true
	assert_status 125
	for node in n1 n2; do
		assert_stderr "slurmstepd-$node: error: davit: $host: refused by rule 'apps' \($site:1\): image '$cache/sha256-[^']*.sqfs' is not where images may be"
	done
	rm -rf /home/alice/.cache
	echo "policy: [{rule: apps, images: [/home/*/.cache/davit/images/*]}]" >"$site"
	run_srun -N2 "--container=$at/t/n:1" cat /version
	assert_status 0
	assert_output $'one\none'
	run_srun "--container=$at/t/none" true
	assert_status 125
	assert_stderr "davit: $host: cannot import '$at/t/none:latest': the registry has no such image"
	echo "policy: [{rule: all}]" >"$site"
	rm -rf /home/alice/.cache
	run_srun "--container=$at/t/n:1" cat /version
	assert_output one
}

# The judge runs programs that the user chooses: none of them may speak for it.
@test 'what the judge runs for an import cannot answer in its place' {
	push one t/p:1
	echo "policy: [{rule: apps, images: [/opt/apps/**]}]" >"$site"
	mkdir /home/alice/bin
	printf '#!/bin/sh\nreadlink /proc/$$/fd/* >>/home/alice/fds\nexec /usr/bin/skopeo "$@"\n' >/home/alice/bin/skopeo
	chmod 755 /home/alice/bin/skopeo
	install -o alice /dev/null /home/alice/fds
	run_alice env PATH="/home/alice/bin:$PATH" srun -n1 "--container=$at/t/p:1" true
	output=$(</home/alice/fds)
	rm -r /home/alice/bin /home/alice/fds
	assert_status 125
	assert_stderr "refused by rule 'apps'"
	assert_match 'pipe:'
	[[ $output != *socket:* && $output != *memfd:* ]] || complain "$output"
}

@test 'a named container outlives its image in the cache' {
	push one t/o:1
	run_alice salloc -Q bash -c "srun --container=$at/t/o:1 --container-name=x sh -c 'echo kept >/file'; $DAVIT image rm $at/t/o:1; srun --container-name=x cat /version /file"
	assert_status 0
	assert_output "removed: sha256:$(digest_of one)
one
kept"
}

@test 'what is imported can be staged, traced and kept by name' {
	push one t/q:1
	echo 'stage-dir: /tmp' >"$site"
	run_alice salloc -Q bash -c "
		srun --container=$at/t/q:1 --container-stage=local --container-trace=/home/alice/q.trace --container-name=q sh -c 'cat /version; echo kept >/file'
		srun --container-name=q cat /file
		srun --container=$at/t/q:1 --container-stage=local cat /version
		ls /tmp/davit-\$(id -u) | grep -c '^[0-9]*\\.s-[^.]*$'"
	assert_status 0
	assert_output $'one\nkept\none\n1'
	[[ -s /home/alice/q.trace ]] || complain 'no trace'
	rm /home/alice/q.trace
	run_srun "--container=$at/t/q@sha256:$(digest_of one)" --container-stage=memory cat /version
	assert_success
	assert_output one
}

@test 'other commands say what to do with such a name' {
	run_alice "$DAVIT" inspect "$at/t/a:1"
	assert_status 125
	assert_failure "$host" "image '$at/t/a:1' has to be imported before it can be looked at" "davit image import $at/t/a:1 FILE.sqfs"
}
