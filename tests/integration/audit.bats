# SPDX-License-Identifier: BSD-3-Clause
# audit.bats - the lines about containers in the system's log

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

site=$DAVIT_PREFIX/etc/davit/davit.conf
log=$DAVIT_WORK/audit.log

# A log daemon of ours behind /dev/log; the system's own, if any, is moved aside meanwhile.
setup_file() {
	local socket=$DAVIT_WORK/audit.socket

	mkdir -p "$DAVIT_PREFIX/etc/davit"
	chmod 755 "$DAVIT_PREFIX/etc/davit"
	cat >"$DAVIT_WORK/rsyslog.conf" <<-END
	global(workDirectory="$DAVIT_WORK" maxMessageSize="8k")
	module(load="imuxsock" SysSock.Use="off")
	input(type="imuxsock" Socket="$socket")
	*.* action(type="omfile" file="$DAVIT_WORK/audit.log" template="RSYSLOG_TraditionalFileFormat")
	END
	rsyslogd -f "$DAVIT_WORK/rsyslog.conf" -i "$DAVIT_WORK/rsyslogd.pid" 3>&-
	[[ ! -e /dev/log && ! -L /dev/log ]] || mv /dev/log /dev/log.davit
	ln -s "$socket" /dev/log
}

teardown_file() {
	rm -f /dev/log
	[[ ! -e /dev/log.davit && ! -L /dev/log.davit ]] || mv /dev/log.davit /dev/log
	kill "$(<"$DAVIT_WORK/rsyslogd.pid")"
	rmdir "$DAVIT_PREFIX/etc/davit" 2>/dev/null || true
}

setup() { leftovers_note; }

teardown() {
	rm -rf "$site" /home/alice/.config
	leftovers_assert
}

# The line of the event $1 about the image $2 and with $3 in it, waited for; to $line.
await_line() {
	await grep -qE -- ": davit: $1 .* image=\"$2\".*$3" "$log" || { cat "$log"; return 1; }
	line=$(grep -E -- ": davit: $1 .* image=\"$2\".*$3" "$log" | tail -n 1)
}

# The value of $1 in $line.
value() { sed -n "s/^.* $1=\([^\" ][^ ]*\|\"[^\"]*\"\).*\$/\1/p" <<<"$line"; }

@test 'a line at the start and one at the end' {
	cp "$SMALL" "$DAVIT_WORK/audited.sqfs"
	run_srun -N1 -n3 --container="$DAVIT_WORK/audited.sqfs" --container-writable sh -c 'exit $SLURM_PROCID'
	assert_status 2
	await_line start "$DAVIT_WORK/audited.sqfs"
	assert_equal "$(value user) $(value uid)" "\"alice\" $(id -u alice)"
	assert_equal "$(value step)" 0
	assert_equal "$(value job)" "$(last_job)"
	assert_equal "$(value node)" "\"$(hostname)\""
	assert_equal "$(value inode) $(value size) $(value mtime)" \
	    "$(stat -c '%i %s %Y' "$DAVIT_WORK/audited.sqfs")"
	assert_equal "$(value device)" "$(stat -c '%Hd:%Ld' "$DAVIT_WORK/audited.sqfs")"
	assert_equal "$(value options)" '"--container-writable=yes"'
	assert_equal "$(value rule)" '""'
	await_line end "$DAVIT_WORK/audited.sqfs"
	assert_equal "$(value ranks) $(value exit) $(value signal)" '3 2 0'
	[[ $(value seconds) =~ ^[0-9]+\.[0-9]{3}$ ]] || complain "seconds: $(value seconds)"
	(($(grep -c "image=\"$DAVIT_WORK/audited.sqfs\"" "$log") == 2)) || complain 'not two lines'
	rm "$DAVIT_WORK/audited.sqfs"
}

@test 'what was read of the image, at the end' {
	local key sum=0

	cp "$SMALL" "$DAVIT_WORK/read.sqfs"
	run_srun -N1 -n2 --container="$DAVIT_WORK/read.sqfs" sh -c 'cat /bin/busybox /etc/* >/dev/null'
	assert_success
	await_line end "$DAVIT_WORK/read.sqfs" ' signal=0 mount_ms='
	[[ $(value mount_ms) =~ ^[0-9]+\.[0-9]{3}$ ]] || complain "$line"
	(($(value bytes_read) >= $(stat -c %s "$DAVIT_WORK/trees/small/bin/busybox"))) ||
	    complain "$line"
	for key in bytes_decompressed bytes_stored cache_hits cache_misses io_uring_requests; do
		[[ $(value $key) =~ ^[0-9]+$ ]] || complain "$key: $line"
	done
	for key in lookup getattr readlink open read readdir xattr other; do
		[[ $(value requests_$key) =~ ^[0-9]+$ ]] || complain "$key: $line"
		sum=$((sum + $(value requests_$key)))
	done
	((sum > 10)) || complain "$sum requests: $line"
	[[ $line != *staged=* ]] || complain "$line"
	await_line start "$DAVIT_WORK/read.sqfs"
	[[ $line != *mount_ms* ]] || complain "$line"
	# of a copy, where that is
	run_srun -N1 -n1 --container="$DAVIT_WORK/read.sqfs" --container-stage=local true
	assert_success
	await_line end "$DAVIT_WORK/read.sqfs" ' signal=0 staged="'
	[[ $(value staged) == "\"/var/tmp/davit-$(id -u alice)/$(last_job)."s-*\" ]] || complain "$line"
	rm "$DAVIT_WORK/read.sqfs"
	# a directory has no server that could count
	run_srun --container="$DAVIT_WORK/trees/small" true
	await_line end "$DAVIT_WORK/trees/small" ' signal=0$'
}

@test 'a signal is told' {
	cp "$SMALL" "$DAVIT_WORK/killed.sqfs"
	run_srun -N1 -n2 --container="$DAVIT_WORK/killed.sqfs" sh -c 'kill -TERM $$'
	((status)) || complain 'it ended well'
	await_line end "$DAVIT_WORK/killed.sqfs"
	assert_equal "$(value ranks) $(value exit) $(value signal)" '2 0 15'
	rm "$DAVIT_WORK/killed.sqfs"
}

@test 'a denial, with its rule and cause' {
	cat >"$site" <<-'END'
	policy:
	  - {rule: closed, deny: maintenance}
	END
	run_srun --container="$SMALL" true
	assert_status 125
	await grep -q 'davit: denied .* rule="closed" cause="' "$log"
	line=$(grep 'davit: denied .* rule="closed"' "$log" | tail -n 1)
	assert_equal "$(value cause)" \
	    "\"refused by rule 'closed' ($site:2): no containers: maintenance\""
	! grep -q "davit: start .*job=$(last_job) " "$log" || complain 'it started, too'
}

@test 'the rule that allowed it; batch scripts' {
	cat >"$site" <<-'END'
	policy:
	  - {rule: everybody}
	END
	cp "$SMALL" "$DAVIT_WORK/batch.sqfs"
	run_sbatch --container="$DAVIT_WORK/batch.sqfs" --wrap 'echo in'
	await_line end "$DAVIT_WORK/batch.sqfs"
	assert_equal "$(value rule) $(value step)" '"everybody" batch'
	rm "$DAVIT_WORK/batch.sqfs"
}

@test 'what users write forges nothing' {
	local evil=$'/home/alice/a" uid=0 \nvm davit: start user="root\x1b[2J\xc2\x9b.sqfs' before

	alice cp "$SMALL" "$evil"
	before=$(wc -l <"$log")
	run_srun --container="$evil" --container-workdir=$'/"\n\\' true
	run_srun --container="$evil" --container-env=$'A=b\nvm davit: end user="root"' true
	assert_success
	await grep -q 'davit: end .*A=b' "$log"
	! tail -n +"$((before + 1))" "$log" | grep 'davit: ' |
	    grep -qv '^[^"]* davit: \(start\|end\) user="alice" uid=[0-9]* job=' ||
	    complain "a line of another kind: $(tail -n +"$((before + 1))" "$log")"
	grep -qF 'image="/home/alice/a\" uid=0 \x0avm davit: start user=\"root\x1b[2J\xc2\x9b.sqfs"' "$log" ||
	    complain "not as it should be: $(tail -n 4 "$log")"
	grep -qF 'options="--container-workdir=/\"\x0a\\"' "$log" || complain 'the option'
	rm "$evil"
}

@test 'long names are cut, and the line stays one' {
	local dir deep i

	dir=/home/alice/$(printf 'd%.0s' {1..200})
	deep=$dir
	for ((i = 0; i < 8; i++)); do deep+=/$(printf 'e%.0s' {1..200}); done
	alice mkdir -p "$deep"
	alice cp "$SMALL" "$deep/i.sqfs"
	run_srun --container="$deep/i.sqfs" --container-env="A=$(printf 'x%.0s' {1..5000})" true
	assert_success
	await grep -q 'davit: end .*/ddd' "$log"
	line=$(grep 'davit: end .*/ddd' "$log")
	[[ $line == *'..." device='* && $line == *' seconds='* ]] || complain "$line"
	rm -rf "$dir"
}

@test 'audit: no' {
	echo 'audit: no' >"$site"
	cp "$SMALL" "$DAVIT_WORK/silent.sqfs"
	run_srun --container="$DAVIT_WORK/silent.sqfs" true
	assert_success
	rm "$site"
	run_srun --container="$SMALL" --container-env=MARK=1 true
	await grep -q 'davit: end .*MARK=1' "$log"
	! grep -q silent.sqfs "$log" || complain 'there is a line'
	rm "$DAVIT_WORK/silent.sqfs"
}
