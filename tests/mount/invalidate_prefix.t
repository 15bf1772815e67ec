#!/bin/bash
# invalidate-prefix STRING: all keys that begin with these bytes, in every layer, and only those.
. "$(dirname "$0")/../lib.sh"

invalidate_prefix() {
	control "invalidate-prefix $1"
}

met_nothing() {
	expect_error "No such file or directory" invalidate_prefix "$1"
}

set_keys() {
	mkdir -p "$MNT/prefix:b/c" "$MNT/d/pre/x" "$MNT/d/prefix" "$MNT/d/p" "$MNT/prefix:empty"
	local key
	for key in prefix:a prefix:b/c/k prefix: prefix 'prefix;' other d/pre/x/k d/prefix/k d/prey d/p/k d/q 'd/%_k' 'd/%xk'; do
		set_value "$key" "$key"
	done
	ls -lR "$MNT" >/dev/null # the kernel knows all of them
}

# Over whatever is mounted.
prefixes_go() {
	set_keys
	invalidate_prefix prefix:
	expect_list "" $'d other prefix prefix;'
	is_gone prefix:a || fail "stat finds what the kernel still knows"
	expect_absent prefix:b
	met_nothing prefix:
	invalidate_prefix d/pre
	expect_list d "%_k %xk p q"
	invalidate_prefix d/%_
	expect_list d "%xk p q"
	met_nothing "d/%_"
	met_nothing "*"
	met_nothing /d
	invalidate_prefix d/q
	expect_absent d/q
	expect_value d/p/k d/p/k
	set_value prefix:a again
	expect_value prefix:a again
}

prefixes_stay_away_after_a_restart() {
	prefixes_go
	restart_daemon
	expect_list "" $'d other prefix prefix:a prefix;'
	expect_list d "%xk p"
	expect_value prefix:a again
}

KERNEL='"cachefs": {"entry_timeout": 3600, "attr_timeout": 3600}'

# mount_layers LAYERS [MEMBERS]
mount_layers() {
	[[ $1 != *redis* ]] || start_redis
	mount_with '{"layers": ['"$1"'], '"$KERNEL${2:+, $2}"'}'
}

test_of_memory() { mount_layers "$MEMORY" && prefixes_go; }
test_of_lfu() { mount_layers '{"type": "lfu"}' && prefixes_go; }
test_of_ttl() { mount_layers '{"type": "ttl"}' && prefixes_go; }
test_of_sqlite() { mount_layers "$DISK" && prefixes_stay_away_after_a_restart; }
test_of_json_files() { mount_layers "$FILE" && prefixes_stay_away_after_a_restart; }
test_of_redis() { mount_layers "$REDIS" && prefixes_stay_away_after_a_restart; }
test_of_memory_over_sqlite() { mount_layers "$MEMORY, $DISK" && prefixes_stay_away_after_a_restart; }
test_of_memory_over_redis_over_sqlite() { mount_layers "$MEMORY, $REDIS, $DISK" && prefixes_stay_away_after_a_restart; }
test_of_sqlite_over_json_files() { mount_layers "$DISK, $FILE" && prefixes_stay_away_after_a_restart; }
test_of_write_around() { mount_layers "$MEMORY, $DISK" '"write_strategy": "write_around"' && prefixes_stay_away_after_a_restart; }
test_of_write_back() { mount_layers "$MEMORY, $DISK" '"write_strategy": "write_back"' && prefixes_stay_away_after_a_restart; }
test_of_write_back_to_redis() { mount_layers "$MEMORY, $REDIS" '"write_strategy": "write_back"' && prefixes_stay_away_after_a_restart; }

test_of_nothing() {
	mount_layers '{"type": "noop"}'
	met_nothing k
}

# What the journal still holds, for the slower layer is away, and what that has of before.
test_of_what_is_not_drained_yet() {
	start_redis --save "" --appendonly yes
	mount_with '{"layers": ['"$MEMORY, $REDIS"'], "write_strategy": "write_back", "cachefs": {"state_dir": "state", "drain_timeout": 1}}'
	set_value prefix:drained old
	control flush
	stop_redis
	set_keys
	invalidate_prefix prefix:
	expect_list "" $'d other prefix prefix;'
	restart_daemon
	expect_list "" $'d other prefix prefix;'
	start_redis --save "" --appendonly yes
	wait_until 60 layer_is redis false
	control flush
	expect_absent prefix:drained
	expect_absent prefix:a
	expect_value other other
	wait_until 60 gone_from_redis prefix:drained
	expect "in Redis" 0 "$(redis --raw EXISTS accuralai:cache:prefix:a)"
}

gone_from_redis() {
	[[ $(redis --raw EXISTS "accuralai:cache:$1") = 0 ]]
}

# A layer that could not be asked is told later, also after a restart, and nothing of it is seen till then.
test_of_a_layer_that_is_away() {
	start_redis --appendonly yes
	mount_with '{"layers": ['"$DISK, $REDIS"'], "cachefs": {"state_dir": "state"}}'
	set_keys
	stop_redis
	invalidate_prefix prefix:
	invalidate_prefix nobody-knows
	control "invalidate nobody-knows-either"
	control "invalidate other"
	expect_list "" $'d prefix prefix;'
	restart_daemon
	expect_list "" $'d prefix prefix;'
	start_redis --appendonly yes
	wait_until 60 layer_is redis false
	expect_absent prefix:a
	expect_absent other
	wait_until 60 gone_from_redis prefix:a
	expect_list "" $'d prefix prefix;'
	expect "in Redis" 1 "$(redis --raw EXISTS accuralai:cache:prefix)"
	wait_until 60 layer_is_told redis
	met_nothing nobody-knows
	expect_error "No such file" control "invalidate nobody-knows-either"
}

# By a name that nothing else has, so that memory alone knows of nothing.
test_what_only_a_layer_that_is_away_has_does_not_come_back() {
	start_redis --appendonly yes
	mount_with '{"layers": ['"$MEMORY, $REDIS"'], "cachefs": {"state_dir": "state"}}'
	set_value k value
	set_value d:k value
	restart_daemon
	stop_redis
	control "invalidate k"
	invalidate_prefix d:
	start_redis --appendonly yes
	wait_until 60 layer_is redis false
	expect_absent k
	expect_absent d:k
	restart_daemon
	expect_absent k
	expect_list "" ""
}

test_who_writes_such_a_key_publishes_nothing() {
	mount_layers "$MEMORY, $DISK"
	mkdir -p "$MNT/d/prefix:sub" "$MNT/d/pre"
	set_value prefix:old old
	local hand
	open_writer a prefix:new
	open_writer b d/prefix:sub/k
	open_writer c prefix:old w
	open_writer d d/other
	open_writer e prefix:scratch.tmp
	for hand in a b c d e; do
		tell $hand write "by $hand"
	done
	invalidate_prefix prefix:
	invalidate_prefix d/prefix:
	for hand in a b c d e; do
		tell $hand close
	done
	expect_list "" d
	expect_list d "other pre"
	expect_value d/other "by d"
	expect_absent d/prefix:sub
	mkdir "$MNT/d/prefix:sub"
	set_value d/prefix:sub/k new
	expect_value d/prefix:sub/k new
}

test_what_is_only_pending_was_met() {
	mount_layers "$MEMORY"
	open_writer a prefix:new
	tell a write half
	invalidate_prefix prefix:
	tell a close
	expect_list "" ""
}

test_a_reader_keeps_the_value_it_opened() {
	mount_layers "$MEMORY, $DISK"
	set_value prefix:k value
	open_reader r prefix:k
	invalidate_prefix prefix:
	expect_read r value
	expect_absent prefix:k
}

test_every_byte_is_ordinary() {
	mount_layers "$DISK"
	local key
	for key in $'caf\xc3\xa9' $'caf\xc3\xb6' cafe $'caf\xc3\xff' $'\xff' $'\xff\xff' $'\xfe' ' k ' ' k' $'k\r' $'k\r2' k 'a\b' ab '[x]' x '%{' '?' .hidden; do
		set_value "$key" x
	done
	invalidate_prefix $'caf\xc3'
	invalidate_prefix $'\xff'
	invalidate_prefix ' k '
	invalidate_prefix $'k\r'
	invalidate_prefix 'a\'
	invalidate_prefix '['
	invalidate_prefix '?'
	invalidate_prefix '%{'
	invalidate_prefix .h
	expect_list "" $' k ab cafe k x \xfe'
	met_nothing .cachefs
	met_nothing CACHE
	test -e "$MNT/.cachefs/control"
}

# The package's own example.
test_what_the_package_stored_goes_too() {
	local package=$ROOT/tests/helpers/package.py
	mount_layers "$DISK"
	python3 "$package" sqlite db.sqlite many prefix: 100
	python3 "$package" sqlite db.sqlite set prefix 1
	set_value prefix:ours x
	invalidate_prefix prefix:
	expect_list "" prefix
	expect "rows" 1 "$(sqlite3 db.sqlite 'SELECT count(*) FROM cache')"
	unmount
	mount_layers "$FILE"
	python3 "$package" files files many prefix: 100
	python3 "$package" files files set other 1
	invalidate_prefix prefix:
	expect_list "" other
	expect "files" 1 "$(ls files | wc -l)"
	unmount
	start_redis
	redis cache-set prefix:a 1 >/dev/null
	redis cache-set prefix 1 >/dev/null
	mount_with '{"layers": ['"$REDIS"'], "cachefs": {"state_dir": "state"}}'
	wait_until 60 test -e "$MNT/prefix:a"
	invalidate_prefix prefix:
	expect_list "" prefix
}

# What is removed here the package does not find, and the other way round.
test_the_package_finds_nothing_of_it() {
	local package=$ROOT/tests/helpers/package.py
	mount_layers "$MEMORY, ${DISK/\"disk\"/\"disk\", \"revalidate_ms\": 0}" 
	set_value prefix:a '{"n": 1}'
	set_value other '{"n": 1}'
	invalidate_prefix prefix:
	expect "the package" miss "$(python3 "$package" sqlite db.sqlite get prefix:a)"
	expect "the package" '{"n": 1}' "$(python3 "$package" sqlite db.sqlite get other)"
	set_value prefix:a '{"n": 1}'
	python3 "$package" sqlite db.sqlite invalidate-prefix prefix: >/dev/null
	expect_miss prefix:a
}

test_many_keys_go_at_once() {
	mount_layers "$MEMORY, $DISK"
	python3 - "$MNT" <<'END'
import sys
for i in range(5000):
    open("%s/prefix:%d" % (sys.argv[1], i), "w").write("x")
open(sys.argv[1] + "/other", "w").write("x")
END
	invalidate_prefix prefix:
	expect_list "" other
	expect "rows" 1 "$(sqlite3 db.sqlite 'SELECT count(*) FROM cache')"
}

run_tests
