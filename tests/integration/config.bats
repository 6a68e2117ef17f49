# SPDX-License-Identifier: BSD-3-Clause
# config.bats - davit.conf: whose it has to be, what it does, what `davit config` tells

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

host=$(hostname -s)
site=$DAVIT_PREFIX/etc/davit/davit.conf
mine=/home/alice/.config/davit/davit.conf

setup() {
	mkdir -p "${site%/*}"
	chmod 755 "${site%/*}"
	leftovers_note
}

teardown() {
	rm -rf "$site" /home/alice/.config
	leftovers_assert
	rmdir "${site%/*}" 2>/dev/null || true
}

# Write the site's and alice's file.
site_conf() { cat >"$site"; }
my_conf() {
	install -d -o alice -g alice /home/alice/.config "${mine%/*}"
	install -o alice -g alice -m 644 /dev/stdin "$mine"
}

# Both ways to a container refuse: cause $1, remedy $2.
assert_both_refuse() {
	run_davit "$SMALL" true
	assert_status 125
	assert_failure "$host" "$1" "$2"
	run_srun -n2 --container="$SMALL" true
	assert_status 125
	stderr=${stderr//slurmstepd-n?: error: /} # what is wrong with the site's file the plugin tells
	assert_failure '*' "$1" "$2"
}

# Both ways print $1 for the script $2 in the environment $3....
assert_both_print() {
	run_alice env "${@:3}" "$DAVIT" run "$SMALL" sh -c "$2"
	assert_success
	assert_output "$1"
	run_alice env "${@:3}" srun --container="$SMALL" sh -c "$2"
	assert_success
	assert_output "$1"
}

# What is left of davit config's output without the origins.
values() { sed 's/  # [^"]*$//'; }

# ---- davit config ----------------------------------------------------------

@test 'without a file: the defaults' {
	run_alice "$DAVIT" config
	assert_success
	assert_quiet
	assert_match $'(^|\n)# workdir: not set\n'
	assert_match $'\nmounts: \\[\\]  # default\n'
	assert_match $'\n    - LD_LIBRARY_PATH  # default\n'
	assert_match $'\nwritable-size: 20%  # default\nstate-dir: /var/tmp  # default\nstage-dir: /var/tmp  # default\nstage-wait: 30  # default\nsubids: no  # default\n'
}

@test 'each value and where it comes from' {
	site_conf <<-'END'
	workdir: /data
	unshare: [ipc, uts]
	slurm: no
	mounts:
	  - /opt:/mnt:ro
	environment:
	  set: {A: site, B: site}
	  prepend: {PATH: /site}
	state-dir: /scratch
	forbid: [slurm]
	END
	my_conf <<-'END'
	# comment
	workdir: /opt
	mounts: [/srv]
	environment:
	  set: {A: "my \"own\""}
	  prepend: {PATH: /mine}
	END
	run_alice env PYXIS_CONTAINER_READONLY=1 DAVIT_CONTAINER_IMAGE=./a.sqfs \
	    "$DAVIT" config --no-container-mount-home --env=X=1
	assert_success
	for line in '# image: ./a.sqfs  # $DAVIT_CONTAINER_IMAGE' \
	    "workdir: /opt  # $mine:2" "unshare: \"ipc,uts\"  # $site:2" "slurm: no  # $site:3" \
	    'writable: no  # $PYXIS_CONTAINER_READONLY' 'mount-home: no  # --no-mount-home' \
	    'env: X=1  # --env' "  - \"/opt:/mnt:ro\"  # $site:5" "  - /srv  # $mine:3" \
	    "    A: \"my \\\"own\\\"\"  # $mine:5" "    B: site  # $site:7" \
	    "    PATH: \"/mine:/site\"  # $site:8, $mine:6" "state-dir: /scratch  # $site:9" \
	    "  - slurm  # $site:10" 'user-config: yes  # default'; do
		grep -qxF -- "$line" <<<"$output" || complain "no line: $line"
	done
}

@test 'what it prints is a davit.conf that means the same' {
	local first

	site_conf <<-'END'
	mounts:
	  - {source: '/a:b', target: /c, flags: [ro, nosuid], optional: yes}
	environment: {unset: ['X_*'], set: {A: "two\nlines", B: ''}, append: {A: '# no comment'}}
	files: [{path: /etc/x, content: "%n: \"100%%\"\n"}]
	END
	my_conf <<<'environment: {unset: [B], set: {C: 1}, append: {A: more}}'
	run_alice "$DAVIT" config
	assert_success
	first=$output
	rm "$mine"
	site_conf <<<"$first"
	run_alice "$DAVIT" config --check "$site"
	assert_output "$site: ok"
	run_alice "$DAVIT" config
	assert_success
	assert_equal "$(values <<<"$output")" "$(values <<<"$first")"
	assert_match 'A: "# no comment:more"'
	[[ $output != *'B: '* ]] || complain 'what the user unset came back'
}

@test '--check' {
	local file=/home/alice/new.conf text cause remedy

	echo 'mounts: [/opt]' >$file
	run_alice "$DAVIT" config --check $file
	assert_success
	assert_output "$file: ok"
	while IFS='|' read -r text cause remedy; do
		printf '%b' "$text" >$file
		run_alice "$DAVIT" config --check $file
		assert_status 125
		assert_output ''
		assert_failure "$host" "$file:$cause" "$remedy"
	done <<-'END'
	a: b|1: unknown key 'a'|the keys in davit.conf(5)
	\n\nmount: []|3: unknown key 'mount'|'mounts'
	mounts: /opt|1: 'mounts' takes a list, not text|mounts: *VALUE, VALUE*
	mounts:\n\t- /opt|2: a tab where YAML takes spaces only|spaces
	a: &x b|1: anchors and aliases are not taken (*|write it out*
	END
	run_alice "$DAVIT" config --check /nonesuch
	assert_status 125
	assert_failure "$host" "cannot read '/nonesuch': No such file or directory" ''
	run_alice "$DAVIT" config --check
	assert_status 125
	assert_failure "$host" '--check takes one file' 'davit config --check FILE'
	rm $file
}

@test 'the installed example is one' {
	run_alice "$DAVIT" config --check "$DAVIT_PREFIX/share/davit/davit.conf"
	assert_success
	sed 's/^#\([a-z ]*[-a-z]*:\|  \)/\1/' "$DAVIT_PREFIX/share/davit/davit.conf" >/home/alice/full.conf
	run_alice "$DAVIT" config --check /home/alice/full.conf
	assert_success
	rm /home/alice/full.conf
}

@test 'davit config: bad command lines, a full disk' {
	run_alice "$DAVIT" config --workdri=/a
	assert_status 125
	assert_failure "$host" "unknown option '--workdri=/a'" '--workdir; davit config --help'
	run_alice "$DAVIT" config extra
	assert_failure "$host" "unexpected argument 'extra'" 'davit config --help'
	run_alice env DAVIT_CONTAINER_WORKDIR=a "$DAVIT" config
	assert_status 125
	assert_failure "$host" "\$DAVIT_CONTAINER_WORKDIR: 'a' is not an absolute path" '*'
	run_alice bash -c "$DAVIT config >/dev/full"
	assert_status 125
	assert_failure "$host" 'cannot write to standard output: No space left on device' ''
}

@test 'control characters in a path stay off the terminal' {
	run_alice bash -c 'd=$(printf "/home/alice/\033[2J"); mkdir -p "$d/davit"
		echo workdir: /opt >"$d/davit/davit.conf"; XDG_CONFIG_HOME=$d exec '"$DAVIT config"
	assert_success
	assert_match '# /home/alice/\?\[2J/davit/davit.conf:1'
	[[ $output != *$'\033'* ]] || complain 'an escape character'
	rm -rf /home/alice/$'\033[2J'
}

# ---- whose it has to be ------------------------------------------------------

@test "the site's file has to be root's alone" {
	site_conf <<<'workdir: /opt'
	chown alice "$site"
	assert_both_refuse "cannot use '$site': it does not belong to root" "chown root '$site'"
	chown root "$site"
	chmod 664 "$site"
	assert_both_refuse "cannot use '$site': others than root may write to it" "chmod go-w '$site'"
	chmod 644 "$site"
	chmod 777 "${site%/*}"
	assert_both_refuse "cannot use '${site%/*}': others than root may write to it" \
	    "chmod go-w '${site%/*}'"
	chmod 755 "${site%/*}"
	chmod 600 "$site"
	assert_both_refuse "cannot read '$site': Permission denied" "chmod a+r '$site'"
	rm "$site"
	mkfifo -m 644 "$site"
	assert_both_refuse "cannot use '$site': it is not a regular file" "a regular file in place of '$site'"
}

@test "a link to a file of root's will do" {
	ln -s /etc/davit-real.conf "$site"
	echo 'workdir: /opt' >/etc/davit-real.conf
	assert_both_print /opt pwd
	rm /etc/davit-real.conf
}

@test "a user's file has to be the user's" {
	my_conf <<<'workdir: /opt'
	chown bob "$mine"
	assert_both_refuse "cannot use '$mine': it belongs to another user" \
	    "a file of your own in place of '$mine'"
	chown alice "$mine"
	chmod 646 "$mine"
	assert_both_refuse "cannot use '$mine': everybody may write to it" "chmod o-w '$mine'"
}

@test 'a home directory that is closed to the user has no davit.conf' {
	run_alice env HOME=/root "$DAVIT" config
	assert_success
	run_alice env -u HOME "$DAVIT" config
	assert_success
}

@test 'a bad file stops every container, with file and line' {
	printf 'workdir: /opt\nmount: []\n' | site_conf
	assert_both_refuse "$site:2: unknown key 'mount'" "'mounts'"
	rm "$site"
	my_conf <<<'workdir: opt'
	assert_both_refuse "$mine:1: 'workdir': 'opt' is not an absolute path" '*'
}

# ---- what it does ------------------------------------------------------------

@test "the user's default outweighs the site's, the environment both, an option all" {
	site_conf <<<'workdir: /data'
	assert_both_print /data pwd
	my_conf <<<'workdir: /opt'
	assert_both_print /opt pwd
	run_alice env DAVIT_CONTAINER_WORKDIR=/bin "$DAVIT" run "$SMALL" pwd
	assert_output /bin
	run_alice env PYXIS_CONTAINER_WORKDIR=/bin srun --container="$SMALL" pwd
	assert_output /bin
	run_alice env DAVIT_CONTAINER_WORKDIR=/bin "$DAVIT" run --workdir=/etc "$SMALL" pwd
	assert_output /etc
	run_srun --container="$SMALL" --container-workdir=/etc pwd
	assert_output /etc
}

@test 'XDG_CONFIG_HOME' {
	install -d -o alice -g alice /home/alice/conf/davit
	echo 'workdir: /opt' >/home/alice/conf/davit/davit.conf
	my_conf <<<'workdir: /data'
	run_alice env XDG_CONFIG_HOME=/home/alice/conf "$DAVIT" run "$SMALL" pwd
	assert_output /opt
	run_alice env XDG_CONFIG_HOME=conf "$DAVIT" run "$SMALL" pwd
	assert_output /data
	rm -r /home/alice/conf
}

@test "user-config: no leaves the user's file out" {
	site_conf <<<'user-config: no'
	my_conf <<<'not even a map'
	run_davit --workdir=/opt "$SMALL" pwd
	assert_success
	assert_output /opt
}

@test "the site's mounts, and a user's below them" {
	mkdir -p /run/davit-test/site/below /home/alice/mine
	echo site >/run/davit-test/site/file
	echo mine >/home/alice/mine/file
	site_conf <<-'END'
	mounts:
	  - /run/davit-test/site:/mnt:ro
	  - {source: /nonesuch, optional: yes}
	END
	my_conf <<<'mounts: ["/home/alice/mine:/mnt/below"]'
	assert_both_print $'site\nmine\nread-only' \
	    'cat /mnt/file /mnt/below/file; test -e /nonesuch || touch /mnt/x 2>/dev/null || echo read-only'
	rm "$mine"
	run_davit --mounts=/home/alice/mine:/mnt "$SMALL" cat /mnt/file
	assert_output mine
	site_conf <<<'mounts: [/nonesuch]'
	assert_both_refuse "mount source '/nonesuch' does not exist on this node" '*'
	rm -r /run/davit-test/site /home/alice/mine
}

@test 'environment: unset, set, prepend, append; the user after the site, --env last' {
	site_conf <<-'END'
	environment:
	  host-only: [SECRET_*]
	  unset: [GONE, ALSO_*]
	  set: {A: site, B: site, ALSO_KEPT: yes}
	  prepend: {LIST: /site}
	  append: {LIST: /end}
	END
	my_conf <<<'environment: {set: {B: mine}, prepend: {LIST: /mine}}'
	assert_both_print 'site mine yes /mine:/site:/job:/end /none []' \
	    'echo $A $B $ALSO_KEPT $LIST $LD_LIBRARY_PATH "[$GONE$ALSO_GONE$SECRET_X]"' \
	    GONE=1 ALSO_GONE=1 SECRET_X=1 LIST=/job LD_LIBRARY_PATH=/none
	run_davit --env=A=last "$SMALL" sh -c 'echo $A'
	assert_output last
}

@test 'host-only variables stay outside by default' {
	assert_both_print '[] 1' 'echo "[$LD_LIBRARY_PATH$LMOD_CMD$XDG_RUNTIME_DIR]" $KEPT' \
	    LD_LIBRARY_PATH=/none LMOD_CMD=/x XDG_RUNTIME_DIR=/x KEPT=1
}

@test 'files with patterns, and from the node' {
	echo 'of the node, 100 %n' >/run/davit-test/motd
	site_conf <<-'END'
	files:
	  - path: /etc/new/site.conf
	    content: |
	      user %u %U home %h
	      100 %%
	  - {path: /etc/image, source: /run/davit-test/motd}
	  - {path: /etc/none, source: /nonesuch, optional: yes}
	END
	assert_both_print "user alice $(id -u alice) home /home/alice"$'\n100 %\nof the node, 100 %n' \
	    'cat /etc/new/site.conf /etc/image; test ! -e /etc/none'
	site_conf <<<'files: [{path: /etc/at, content: "%n %j"}]'
	run_srun -N2 --container="$SMALL" sh -c 'test "$(cat /etc/at)" = "$SLURMD_NODENAME $SLURM_JOB_ID" && echo right'
	assert_output $'right\nright'
	site_conf <<<'files: [{path: /etc/at, source: /nonesuch}]'
	assert_both_refuse "cannot use '/nonesuch' as the source of '/etc/at': No such file or directory" '*'
	rm /run/davit-test/motd
}

@test 'options that the site forbids' {
	printf 'workdir: /opt\nforbid:\n  - workdir\n  - mounts\n' | site_conf
	assert_both_print /opt pwd
	run_davit --workdir=/data "$SMALL" pwd
	assert_status 125
	assert_failure "$host" "--workdir: $site:3 forbids the option 'workdir'" 'leave it out, or ask your admin'
	run_srun -n2 --container="$SMALL" --container-workdir=/data pwd
	((status != 0)) || complain 'not refused'
	assert_failure 'n?' "--container-workdir: $site:3 forbids the option 'workdir'" '*'
	run_alice env PYXIS_CONTAINER_MOUNTS=/opt "$DAVIT" run "$SMALL" pwd
	assert_status 125
	assert_failure "$host" "\$PYXIS_CONTAINER_MOUNTS: $site:4 forbids the option 'mounts'" '*'
	my_conf <<<'workdir: /data'
	assert_both_refuse "$mine:1: $site:3 forbids the option 'workdir'" 'leave it out, or ask your admin'
	my_conf <<<'subids: yes'
	assert_both_refuse "$mine:1: 'subids' is for the site's davit.conf only" 'leave it out, or ask your admin'
}
