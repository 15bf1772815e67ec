#!/bin/bash
# The rename or removal of a directory that a crash interrupts is completed at the next start.
. "$(dirname "$0")/../lib.sh"

# A directory of some thousand keys over two disk layers.
KEYS=2000

mount_two() {
	mount_with '{"layers": [{"type": "disk", "name": "a", "options": {"path": "a.sqlite"}},
		{"type": "disk", "name": "b", "options": {"path": "b.sqlite"}}], "cachefs": {"state_dir": "state"}}'
}

# Straight into both databases, as another program would.
fill() {
	for db in a b; do
		sqlite3 "$db.sqlite" "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < $KEYS)
			INSERT INTO cache(cache_key, payload, updated_at) SELECT 'old/' || (i % 10) || '/k' || i, 'v' || i, 0 FROM n"
	done
}

names_below() {
	find "$MNT/$1" -type f 2>/dev/null | wc -l
}

# Everything is below one of the two names: the other one is not there.
expect_whole() {
	local dir=old other=new
	[ ! -e "$MNT/new" ] || dir=new other=old
	[ ! -e "$MNT/$other" ]
	expect keys "$KEYS" "$(names_below "$dir")"
	expect_value "$dir/7/k77" v77
	expect "values of $dir" "$KEYS" "$(find "$MNT/$dir" -type f -exec cat {} + | tr v '\n' | grep -c .)"
	for db in a b; do
		expect "rows of $db" "$KEYS 0" "$(sqlite3 -separator ' ' "$db.sqlite" "SELECT sum(cache_key LIKE '$dir/%'),
			sum(cache_key LIKE '$other/%') FROM cache")"
	done
	WHERE=$dir
}

test_a_daemon_killed_while_a_directory_moves_has_it_whole_at_the_next_start() {
	local kills=$((${LONG:+20 +} 4)) seen_new=0
	mount_two
	unmount
	fill
	mount_two
	for i in $(seq "$kills"); do
		[ ! -e "$MNT/new" ] || mv "$MNT/new" "$MNT/old"
		mv "$MNT/old" "$MNT/new" 2>mv.log &
		local mover=$!
		# as soon as the intent is written down, and a little later each time
		wait_until 20 eval '[ "$(state_says state "SELECT count(*) FROM intents" 2>/dev/null)" != 0 ] || ! kill -0 '"$mover"' 2>/dev/null'
		sleep "0.$(printf %02d "$i")"
		kill_daemon
		wait "$mover" || true
		expect_whole
		[ "$WHERE" = old ] || seen_new=$((seen_new + 1))
		expect intents 0 "$(state_says state 'SELECT count(*) FROM intents')"
	done
	[ "$seen_new" -gt 0 ]
}

test_a_plain_stack_records_nothing() {
	mount_stack '"state_dir": "state"'
	mkdir "$MNT/d"
	set_value d/k v
	mv "$MNT/d" "$MNT/e"
	expect_value e/k v
	[ ! -e state ]
}

run_tests
