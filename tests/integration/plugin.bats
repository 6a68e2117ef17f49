# SPDX-License-Identifier: BSD-3-Clause
# plugin.bats - what the plugin shows of itself

# Variables come from common.bash; scripts in single quotes are for the container.
# shellcheck disable=SC2154,SC2016

load "$DAVIT_TESTS/lib/common.bash"

plugin=$(find "$DAVIT_PREFIX/" -name spank_davit.so -print -quit)

@test 'only the symbols that Slurm looks up are exported' {
	local name pattern

	grep -o '^	[a-z_*]*;' "$DAVIT_TESTS/../plugin/spank_davit.map" | tr -d '\t;' >"$BATS_TEST_TMPDIR/allowed"
	grep -q '^plugin_name$' "$BATS_TEST_TMPDIR/allowed"
	nm -D --defined-only "$plugin" | awk '{ print $3 }' >"$BATS_TEST_TMPDIR/exported"
	grep -qx slurm_spank_init "$BATS_TEST_TMPDIR/exported"
	while read -r name; do
		while read -r pattern; do
			[[ $pattern == '*' ]] && continue
			# shellcheck disable=SC2053 # a pattern
			[[ $name == $pattern ]] && continue 2
		done <"$BATS_TEST_TMPDIR/allowed"
		complain "exported: $name"
	done <"$BATS_TEST_TMPDIR/exported"
	for name in plugin_name plugin_type plugin_version spank_plugin_version; do
		grep -qx $name "$BATS_TEST_TMPDIR/exported"
	done
}

@test 'the plugin needs nothing but libc' {
	local needed

	needed=$(readelf -d "$plugin" | sed -n 's/.*NEEDED.*\[\(.*\)\]/\1/p')
	assert_equal "$(grep -v -E '^(libc\.so|ld-linux|libslurm)' <<<"$needed")" ''
}

@test 'plugin and launcher are hardened' {
	local file

	for file in "$plugin" "$DAVIT"; do
		readelf -d "$file" | grep -q BIND_NOW
		readelf -lW "$file" | grep -q GNU_RELRO
		readelf -lW "$file" | grep GNU_STACK | grep -q 'RW '
		readelf -hW "$file" | grep -q 'Type: *DYN'
	done
}

@test 'the launcher is neither setuid nor has it capabilities' {
	assert_equal "$(stat -c %A "$DAVIT" | tr -d 'rwx-')" ''
	if command -v getcap >/dev/null; then
		assert_equal "$(getcap "$DAVIT")" ''
	fi
}
