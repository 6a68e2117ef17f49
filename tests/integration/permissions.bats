# SPDX-License-Identifier: BSD-3-Clause
# permissions.bats - what images ask for, what they get, and that it is no more

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
site=$DAVIT_PREFIX/etc/davit/davit.conf
image=/home/alice/asks.sqfs
tree=$DAVIT_WORK/asks
file=/.davit/permissions.yaml

setup_file() {
	mkdir -p "$DAVIT_PREFIX/etc/davit" /srv/scratch /srv/secret
	chmod 755 "$DAVIT_PREFIX/etc/davit"
	unsquashfs -quiet -no-progress -dest "$tree" "$SMALL" >/dev/null
	mkdir -p "$tree/.davit"
	chown -R alice:alice /srv/scratch /srv/secret
	echo open >/srv/scratch/file
	echo secret >/srv/secret/file
}

teardown_file() {
	rm -rf "$tree" /srv/scratch /srv/secret
	rmdir "$DAVIT_PREFIX/etc/davit" 2>/dev/null || true
}

setup() { leftovers_note; }

teardown() {
	rm -rf "$site" "$image" /home/alice/asks "${tree:?}$file" /home/alice/.config
	leftovers_assert
}

site_conf() { mkdir -p "${site%/*}"; cat >"$site"; }
pack() {
	rm -f "$image"
	mksquashfs "$tree" "$image" -noappend -no-progress -quiet -all-root "$@" >/dev/null
	chmod 644 "$image"
}
# An image that asks for what stands on standard input.
asks() {
	{ echo 'version: 1'; cat; } >"$tree$file"
	pack
}

# The image asks for $1 and does not get it because of $2; the remedy is $3.
assert_refused() {
	assert_lines 1 "davit: $host: the image asks for $1, and does not get it: $2"
	assert_lines 1 "davit: $host: try: $3"
	[[ $(grep -c 'davit: ' <<<"$stderr") == 2 ]] || complain 'not two lines'
}

# The image of now is refused for $1, its file being at fault, with the remedy $2; by inspect as well.
assert_bad() {
	run_davit "$image" true
	assert_status 125
	assert_failure "$host" "image '$image': $1" "$2"
	run_alice "$DAVIT" inspect "$image"
	assert_status 125
	assert_failure "$host" "image '$image': $1" "$2"
	[[ ! $output ]] || complain 'something is told all the same'
}

# ---- telling -------------------------------------------------------------

@test 'inspect tells in plain words what an image asks for' {
	asks <<-END
	devices: {gpus: yes, names: [vendor.com/card=a]}
	network: none
	home: no
	mounts: ['/srv/scratch:/in:ro']
	writable: size=10m
	system-calls: [perf_event_open]
	END
	run_alice "$DAVIT" inspect "$image"
	assert_success
	[[ $output == *'permissions:
  - "the node'\''s GPUs, as far as they are the job'\''s"
  - "the device vendor.com/card=a"
  - "no network"
  - "not the user'\''s home directory"
  - "/srv/scratch of the node at /in, read-only"
  - "to be written to, in memory"
  - "room for what is written: 10m"
  - "the system call perf_event_open"' ]] || complain 'not all of it'
}

@test 'inspect: an image that asks for nothing, and one that does not speak' {
	asks </dev/null
	run_alice "$DAVIT" inspect "$image"
	assert_success
	assert_match $'\npermissions: \\[\\]$'
	run_alice "$DAVIT" inspect "$SMALL"
	assert_success
	[[ $output != *permissions* ]] || complain 'permissions of nothing'
}

# ---- asked and given -----------------------------------------------------

@test 'an image that asks to be written to can be, with the size that it names' {
	local option

	asks <<<'writable: size=10m'
	for option in '' --image-overlay; do
		run_davit ${option:+"$option"} "$image" sh -c 'touch /new && df -m / | tail -1'
		assert_success
		assert_match ' 10 '
	done
	run_davit --readonly "$image" touch /new
	assert_status 1
	assert_no_davit_line
}

@test 'the same from a directory, and by srun' {
	asks <<<'writable: yes'
	rm -rf /home/alice/asks
	cp -a "$tree" /home/alice/asks
	chown -R alice:alice /home/alice/asks
	run_davit /home/alice/asks sh -c 'touch /new && echo made'
	assert_success
	assert_output made
	[[ ! -e /home/alice/asks/new ]] || complain 'the image has been written to'
	run_srun -N1 -n2 --container="$image" sh -c 'touch /new$SLURM_PROCID && echo made'
	assert_success
	assert_output $'made\nmade'
}

@test 'a network of its own, with and without a way out' {
	local own='ls /sys/class/net | tr "\n" " "'

	asks <<<'network: none'
	run_davit "$image" sh -c "$own"
	assert_success
	assert_output 'lo '
	run_davit --unshare=net:host "$image" readlink /proc/self/ns/net
	assert_success
	assert_output "$(readlink /proc/self/ns/net)"
	asks <<<'network: slirp'
	run_davit "$image" sh -c "$own"
	assert_success
	assert_match 'lo (tap0|eth0) |(tap0|eth0) lo '
}

@test 'the home and the working directory stay outside where the image does not want them' {
	asks <<<'{}' # nothing but the version is asked for
	printf 'version: 1\nhome: no\nworkdir: no\n' >"$tree$file"
	pack
	run_davit "$image" sh -c 'pwd; ls /home/alice 2>/dev/null | wc -l'
	assert_success
	assert_output $'/\n0'
	run_davit --mount-home "$image" ls -d /home/alice/.
	assert_success
}

@test 'mounts: only what davit.conf lists, wherever links lead' {
	asks <<<'mounts: [/srv/scratch, "/srv/scratch:/in:ro"]'
	run_davit "$image" ls /srv/scratch/file
	assert_status 1
	assert_refused "the mount of '/srv/scratch'" "no davit.conf lists it in 'image-mounts'" \
	    '--container-mounts=/srv/scratch'
	site_conf <<<'image-mounts: [/srv/scratch/**]'
	run_davit "$image" sh -c 'cat /srv/scratch/file /in/file; touch /in/new 2>/dev/null || echo ro'
	assert_success
	assert_output $'open\nopen\nro'
	ln -s /srv/secret /srv/scratch/link
	asks <<<'mounts: ["/srv/scratch/link:/in", "/srv/scratch/../secret:/up"]'
	run_davit "$image" cat /in/file
	rm /srv/scratch/link
	assert_status 1
	[[ $output != *secret* ]] || complain 'a link has led out'
	assert_refused "the mount of '/srv/scratch/link'" "no davit.conf lists it in 'image-mounts'" \
	    '--container-mounts=/srv/secret'
}

@test 'mounts: a memory file system, and a source that is not there' {
	asks <<<'mounts: ["tmpfs:/fast:size=5m"]'
	run_davit "$image" sh -c 'df -m /fast | tail -1'
	assert_success
	assert_match ' 5 '
	site_conf <<<'image-mounts: [/srv/**]'
	asks <<<'mounts: [/srv/none]'
	run_davit "$image" true
	assert_status 0
	assert_lines 1 "davit: $host: the image asks for the mount of '/srv/none', and does not get it: cannot open it on this node: No such file or directory"
}

@test 'a device by its name only where davit.conf lists it; system calls as well' {
	asks <<<'{devices: {names: [vendor.com/card=a]}}' || true
	printf 'version: 1\ndevices: {names: [vendor.com/card=a]}\n' >"$tree$file"
	pack
	run_davit "$image" true
	assert_status 0
	assert_refused 'the device vendor.com/card=a' "no davit.conf lists it in 'image-devices'" \
	    '--container-device=vendor.com/card=a'
	asks <<<'system-calls: [perf_event_open]'
	run_davit "$image" true
	assert_status 0
	assert_refused 'the system call perf_event_open' \
	    "no davit.conf lists it in 'image-system-calls'" \
	    '--container-security=seccomp:allow:perf_event_open'
	site_conf <<<'image-system-calls: [perf_event_open]'
	run_davit "$image" /opt/test/syscalls perf_event_open kcmp
	assert_status 0
	assert_no_davit_line
	assert_match 'perf_event_open EFAULT'
	assert_match 'kcmp EPERM'
	asks <<<'system-calls: [read, no_such_call]'
	run_davit "$image" true
	assert_status 0
	assert_lines 1 "davit: $host: the image asks for the system call no_such_call, and does not get it: there is none of this name"
	[[ $(grep -c 'davit: ' <<<"$stderr") == 1 ]] || complain 'more than one line'
}

@test 'what davit.conf forbids or sets is not given' {
	asks <<-END
	network: none
	writable: yes
	END
	site_conf <<-END
	forbid: [unshare]
	writable: no
	END
	run_davit "$image" sh -c 'readlink /proc/self/ns/net; touch /new 2>/dev/null || echo ro'
	assert_status 0
	assert_output "$(readlink /proc/self/ns/net)"$'\nro'
	assert_lines 1 "davit: $host: the image asks for no network, and does not get it: $site:1 forbids the option 'unshare'"
	assert_lines 1 "davit: $host: the image asks for being written to, and does not get it: $site:2 says 'writable: no'"
}

@test 'what a rule of the policy refuses is not given' {
	asks <<-END
	network: slirp
	mounts: [/srv/scratch]
	END
	site_conf <<-END
	image-mounts: [/srv/**]
	policy:
	- rule: narrow
	  network: [host]
	  mounts: [/opt/**]
	END
	run_davit "$image" sh -c 'readlink /proc/self/ns/net; ls /srv/scratch 2>/dev/null | wc -l'
	assert_status 0
	assert_output "$(readlink /proc/self/ns/net)"$'\n0'
	assert_stderr "asks for a network of its own that leads out, and does not get it: refused by rule 'narrow'"
	assert_stderr "asks for the mount of '/srv/scratch', and does not get it: refused by rule 'narrow'"
}

# ---- least privilege -----------------------------------------------------

@test 'least-privilege: nothing that nobody has asked for' {
	local look='ls /sys/class/net | tr "\n" " "; ls /home/alice 2>/dev/null | wc -l; pwd'

	install -o alice -m 644 /dev/null /home/alice/there
	for key in least-privilege least_privilege; do
		site_conf <<<"$key: true"
		run_davit "$SMALL" sh -c "$look"
		assert_success
		assert_output $'lo 0\n/'
	done
	run_davit --unshare=net:host --mount-home "$SMALL" sh -c 'readlink /proc/self/ns/net; ls /home/alice/there'
	assert_success
	assert_output "$(readlink /proc/self/ns/net)"$'\n/home/alice/there'
	rm /home/alice/there
}

@test 'least-privilege: what the image asks for is there' {
	site_conf <<<'least-privilege: yes'
	asks <<-END
	network: host
	home: yes
	END
	run_davit "$image" sh -c 'readlink /proc/self/ns/net; ls -d /home/alice/.'
	assert_success
	assert_output "$(readlink /proc/self/ns/net)"$'\n/home/alice/.'
	site_conf <<-END
	least-privilege: yes
	forbid: [unshare, mount-home]
	END
	run_davit "$image" sh -c 'ls /sys/class/net | tr "\n" " "; ls /home/alice 2>/dev/null | wc -l'
	assert_status 0
	assert_output 'lo 0'
	assert_stderr "asks for the node's network, and does not get it: $site:2 forbids the option 'unshare'"
	assert_stderr "asks for the user's home directory, and does not get it: $site:2 forbids the option 'mount-home'"
}

@test 'least-privilege is for the site alone' {
	install -d -o alice -g alice /home/alice/.config/davit
	install -o alice -m 644 /dev/stdin /home/alice/.config/davit/davit.conf <<<'least-privilege: no'
	run_davit "$SMALL" true
	assert_failure "$host" "/home/alice/.config/davit/davit.conf:1: 'least-privilege' is for the site's davit.conf only" \
	    'leave it out, or ask your admin'
}

# ---- mistakes and malice -------------------------------------------------

@test 'a file that nobody understands: an error with line and remedy' {
	asks <<<'networks: none'
	assert_bad "$file:2: unknown key 'networks'" "'network'"
	asks <<<'mounts: /srv'
	assert_bad "$file:2: 'mounts' takes a list, not text" 'mounts: [[]VALUE, VALUE]'
	printf 'network: none\n' >"$tree$file"
	pack
	assert_bad "$file:1: there is no 'version'" 'version: 1'
	printf 'version: 9\n' >"$tree$file"
	pack
	assert_bad "$file:1: version '9', and this Davit knows 1" 'version: 1, or a newer Davit'
}

@test 'hostile files: links, pipes, devices, directories, huge, deep, bombs, bytes' {
	local deep=''

	ln -s /etc/passwd "$tree$file" # that of the image
	pack
	run_davit "$image" true
	assert_status 125
	[[ $stderr != *root:* ]] || complain 'its text is told'
	rm "$tree$file"
	ln -s ../../../../../../srv/secret/file "$tree$file"
	pack
	run_davit "$image" true
	assert_success
	rm "$tree$file"
	mkfifo "$tree$file"
	pack
	assert_bad "'$file' is not a regular file" ''
	rm "$tree$file"
	pack -p "$file c 666 0 0 1 5"
	run_davit "$image" true
	assert_failure "$host" "image '$image': cannot read '$file': Permission denied" ''
	run_alice "$DAVIT" inspect "$image"
	assert_failure "$host" "image '$image': '$file' is not a regular file" ''
	pack -p "$file d 755 0 0"
	assert_bad "'$file' is not a regular file" ''
	head -c 70000 /dev/zero | tr '\0' '#' >"$tree$file"
	pack
	assert_bad "'$file' is larger than 64 KiB" ''
	for _ in {1..500}; do deep+='['; done
	asks <<<"mounts: $deep"
	assert_bad "$file:2: more than 8 lists and maps in each other" ''
	asks <<<'home: &a yes'
	assert_bad "$file:2: anchors and aliases are not taken ('&', '[*]')" 'write it out, or in quotes if it is text'
	printf 'version: 1\n\0' >"$tree$file"
	pack
	assert_bad "$file:2: a NUL byte" 'a text file'
	head -c 4000 "$DAVIT" >"$tree$file"
	pack
	run_davit "$image" true
	assert_status 125
}
