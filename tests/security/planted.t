#!/bin/bash
# What somebody has planted where the daemon has its files is not taken for its own.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/files.sh"

keep_out='keep out'

# victims: files that a link leads to
plant_victims() {
	mkdir victim
	printf %s "$keep_out" >victim/0123456789abcdef
}

expect_victims_untouched() {
	expect "what a link led to" "$keep_out" "$(cat victim/0123456789abcdef)"
	expect "where a link led to" "0123456789abcdef" "$(ls victim)"
}

expect_refused_state() {
	printf '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}}], "write_strategy": "write_back",
		"cachefs": {"state_dir": "state"}}' >c.json
	expect_error "$1" timeout 20 "$CACHEFS" -f c.json "$MNT"
	! is_mounted
	expect_victims_untouched
}

test_a_link_in_the_place_of_the_lock_is_not_followed() {
	plant_victims
	mkdir -m 700 state
	ln -s "$TMP/victim/0123456789abcdef" state/lock
	expect_refused_state 'has a file "lock" that is not a regular file'
}

test_a_link_in_the_place_of_the_state_database_is_not_followed() {
	plant_victims
	mkdir -m 700 state
	ln -s "$TMP/victim/new" state/state.sqlite
	expect_refused_state 'has a file "state.sqlite" that is not a regular file'
	rm state/state.sqlite
	ln -s "$TMP/victim/new" state/state.sqlite-wal
	expect_refused_state 'has a file "state.sqlite-wal" that is not a regular file'
}

test_a_state_directory_of_others_is_refused() {
	plant_victims
	mkdir -m 777 state
	chmod 777 state
	expect_refused_state 'can be written by others (mode 0777)'
	rmdir state
	ln -s victim state
	expect_refused_state 'is a symbolic link'
	is_root
	rm state
	mkdir -m 755 state
	chown 1001 state
	expect_refused_state 'belongs to another user (uid 1001)'
	chown 0 state
	: >state/lock
	chown 1001 state/lock
	expect_refused_state 'has a file "lock" that belongs to another user'
}

test_large_values_are_not_looked_for_where_a_link_leads() {
	plant_victims
	ln -s victim db.sqlite.values
	printf '{"type": "disk", "options": {"path": "db.sqlite", "inline_limit_kb": 1}}' >c.json
	expect_error 'is a symbolic link: what others can put there is not trusted' \
		timeout 20 "$CACHEFS" -f c.json "$MNT"
	rm db.sqlite.values
	mkdir db.sqlite.values
	chmod 777 db.sqlite.values
	expect_error 'can be written by others' timeout 20 "$CACHEFS" -f c.json "$MNT"
	rmdir db.sqlite.values
	start_daemon c.json
	head -c 5000 /dev/urandom >k
	cp k "$MNT/k"
	mv db.sqlite.values aside
	ln -s victim db.sqlite.values
	expect_error . cp k "$MNT/other" # neither written nor read there
	expect_error . cat "$MNT/k"
	rm "$MNT/k"
	rm db.sqlite.values
	mv aside db.sqlite.values
	cp k "$MNT/k"
	cmp k "$MNT/k"
	expect_victims_untouched
}

test_large_values_of_the_journal_are_not_looked_for_where_a_link_leads() {
	plant_victims
	mkdir -m 700 state
	mount_with '{"layers": [{"type": "memory", "options": {"max_bytes": 100000}},
		{"type": "disk", "options": {"path": "db.sqlite"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	set_value k v
	unmount
	ln -s "$TMP/victim" state/state.sqlite.values
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_value k v
	head -c 5000000 /dev/urandom >"$MNT/large" || true
	unmount
	expect_victims_untouched
}

run_tests
