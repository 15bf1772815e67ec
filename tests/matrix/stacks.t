#!/bin/bash
# One suite over every single layer and over stacks with every strategy: a stack is a line in stacks()
# and a test_ line at the end.
. "$(dirname "$0")/../lib.sh"

DISK='{"type": "disk", "options": {"path": "store/db.sqlite"}}'
FILE='{"type": "file", "options": {"directory": "store/files"}}'

# NAME: layers; further members
stacks() {
	cat <<-END
		memory: $MEMORY;
		lfu: {"type": "lfu"};
		ttl: {"type": "ttl"};
		disk: $DISK;
		file: $FILE;
		memory_over_disk: $MEMORY, $DISK;
		lfu_over_file: {"type": "lfu"}, $FILE;
		disk_over_disk: ${DISK/db/fast}, $DISK;
		disk_over_file: $DISK, $FILE;
		two_memories: {"type": "memory", "options": {"max_entries": 2}}, {"type": "memory"};
		noop_over_disk: {"type": "noop"}, $DISK;
		three_layers: $MEMORY, {"type": "lfu", "options": {"max_entries": 2}}, $DISK;
		promotion_never: $MEMORY, $DISK; "promotion_strategy": "never"
		promotion_by_frequency: $MEMORY, $DISK; "promotion_strategy": "frequency_based", "promotion_threshold": 2
		redis: $REDIS;
		ttl_over_disk: {"type": "ttl"}, $DISK;
		ttl_over_redis: {"type": "ttl"}, $REDIS;
		ttl_back_to_files: {"type": "ttl"}, $FILE; "write_strategy": "write_back"
		memory_over_redis_over_disk: $MEMORY, $REDIS, $DISK;
		redis_around: $MEMORY, $REDIS, $DISK; "write_strategy": "write_around"
		redis_back: $MEMORY, $REDIS, $DISK; "write_strategy": "write_back"
		write_back: $MEMORY, $DISK; "write_strategy": "write_back"
		write_back_to_files: {"type": "lfu"}, $FILE; "write_strategy": "write_back"
		disk_back_to_disk: ${DISK/db/fast}, $DISK; "write_strategy": "write_back"
		disk_around_disk: ${DISK/db/fast}, $DISK; "write_strategy": "write_around"
		write_around: $MEMORY, $DISK; "write_strategy": "write_around"
		write_around_and_never: {"type": "lfu"}, $FILE; "write_strategy": "write_around", "promotion_strategy": "never"
	END
}

mount_stack_named() {
	local line members
	line=$(stacks | grep "^$1: ")
	line=${line#*: } members=${line#*;} line=${line%%;*}
	[[ $line != *redis* ]] || start_redis
	small_disk 24
	mount_with '{"layers": ['"$line"']'"${members:+, $members}"'}'
	DURABLE=
	[[ $line != *'"disk"'* && $line != *'"file"'* && $line != *'"redis"'* ]] || DURABLE=1
}

# Restarts; what is not durable is set again by the commands.
restart_or() {
	restart_daemon
	[[ $DURABLE ]] || "$@"
}

gets_and_sets() {
	expect_miss k
	set_value k first
	expect_value k first
	expect_value k first
	set_value k second
	expect_value k second
	: >"$MNT/empty"
	expect_value empty ""
	printf ' more' >>"$MNT/k"
	expect_value k "second more"
	printf S | dd of="$MNT/k" conv=notrunc status=none
	expect_value k "Second more"
	truncate -s 6 "$MNT/k"
	expect_value k Second
	random_file value 300000
	cat value >"$MNT/large"
	cmp value "$MNT/large"
	cmp value "$MNT/large"
	rm "$MNT/k"
	expect_absent k
	expect_list "" "empty large"
	restart_or cp value "$MNT/large"
	cmp value "$MNT/large"
	rm -f "$MNT/empty" "$MNT/large"
}

lives_and_expires() {
	mkdir "$MNT/t"
	set_value t/k value
	set_ttl t/k 1000
	expect_value t/k value
	set_ttl t/k 0.4
	set_value t/stays value
	set_ttl t 2
	set_value t/default value
	open_reader r t/default
	ttl_passes 2.2
	expect_absent t/k
	expect_absent t/default
	expect_read r value
	tell r close
	expect_list t stays
	set_value t/stays value
	set_ttl t/stays 1000
	[[ $(get_xattr t/stays user.cachefs.ttl) == 9[0-9][0-9]* ]] || fail "ttl $(get_xattr t/stays user.cachefs.ttl)"
	rmdir "$MNT/t"
}

# A change of a part hands on no end of a copy, only the entry's own.
parts_of_ends() {
	local end=
	[[ $1 != ttl ]] || end=[0-9]*
	set_value e value
	printf ' more' >>"$MNT/e"
	printf V | dd of="$MNT/e" conv=notrunc status=none
	truncate -s 8 "$MNT/e"
	mv "$MNT/e" "$MNT/f"
	expect "names without an own end" "" "$(getfattr --absolute-names "$MNT/f")"
	[[ $(get_xattr f user.cachefs.expires_at) == $end ]] || fail "expires_at $(get_xattr f user.cachefs.expires_at)"
	set_ttl f 7200
	end=$(get_xattr f user.cachefs.expires_at)
	printf e >>"$MNT/f"
	chmod 600 "$MNT/f"
	mv "$MNT/f" "$MNT/e"
	expect "the own end" "$end" "$(get_xattr e user.cachefs.expires_at)"
	restart_daemon
	[[ ! $DURABLE ]] || expect "the own end after a restart" "$end" "$(get_xattr e user.cachefs.expires_at)"
	rm -f "$MNT/e"
}

renames() {
	set_value a 1
	set_value b 2
	setfattr -n user.colour -v red "$MNT/a"
	mv "$MNT/a" "$MNT/b"
	expect_absent a
	expect_value b 1
	expect attribute red "$(get_xattr b user.colour)"
	mkdir -p "$MNT/from/sub"
	set_value from/k 1
	set_value from/sub/k 2
	mv "$MNT/from" "$MNT/to"
	expect_absent from
	expect_value to/k 1
	expect_value to/sub/k 2
	restart_or eval 'mkdir -p "$MNT/to/sub"; set_value to/sub/k 2'
	expect_value to/sub/k 2
	rm -f "$MNT/b"
	rmdir "$MNT/to"
	expect_list "" ""
}

prefixes() {
	local dir
	for dir in '%' '_' '*' '?' '[a-c]' '\' 'a b'; do
		mkdir "$MNT/x$dir"
		set_value "x$dir/k" 1
		set_value "x$dir.k" 2
		set_value xa 3
		mkdir "$MNT/xb"
		set_value xb/k 4
		rmdir "$MNT/x$dir"
		expect_absent "x$dir/k"
		expect_absent "x$dir"
		expect_value "x$dir.k" 2
		expect_value xa 3
		expect_value xb/k 4
		rm "$MNT/x$dir.k" "$MNT/xa"
		rmdir "$MNT/xb"
	done
	expect_list "" ""
}

order() {
	local name
	mkdir "$MNT/o"
	for name in b a! a a0 B; do
		set_value "o/$name" x
	done
	mkdir "$MNT/o/dir"
	expect_list o "B a a! a0 b dir"
	for name in {001..300}; do
		echo x >"$MNT/o/dir/$name"
	done
	[[ $1 != *lfu* ]] || return 0 # 128 entries
	expect "names" "$(echo {001..300})" "$(ls "$MNT/o/dir" | paste -sd' ')"
	rmdir "$MNT/o"
	expect_list "" ""
}

# More than a part of a listing holds. In Redis they stay, and are hidden: it takes no removal.
hidden_names() {
	local name
	[[ $1 != lfu ]] || return 0 # 128 entries
	mkdir "$MNT/h"
	setfattr -n user.cachefs.rmdir -v empty_only "$MNT/h"
	for name in a{001..300} zlast; do
		echo x >"$MNT/h/$name"
	done
	control flush
	[[ $1 != *redis* ]] || become_replica
	rm "$MNT"/h/a*
	expect "ls" zlast "$(timeout 60 ls -A "$MNT/h")"
	expect_error "not empty" rmdir "$MNT/h"
	expect_value h/zlast x
	expect_miss h/a150
	if [[ $1 = *redis* ]]; then
		redis REPLICAOF NO ONE >/dev/null
		wait_until 60 layer_is_told redis
	fi
	expect_list h zlast
	rm "$MNT/h/zlast"
	rmdir "$MNT/h"
	expect_absent h
}

described() {
	stat -c '%a %u %g %i %.9Y %s' "$MNT/m" "$MNT/md"
	get_xattr m user.cachefs.expires_at
	getfattr --absolute-names -e hex -d "$MNT/m"
	readlink "$MNT/link"
}

# What is known of a key stays, in each layer by itself.
metadata() {
	set_value m value
	chmod 640 "$MNT/m"
	chown 12:34 "$MNT/m" 2>/dev/null || true
	touch -d '2103-04-05 06:07:08.123456789 UTC' "$MNT/m"
	setfattr -n user.colour -v "dark red" "$MNT/m"
	setfattr -n user.bytes -v 0x00ff0a2200 "$MNT/m"
	set_ttl m 3000
	ln -s m "$MNT/link"
	mkdir "$MNT/md"
	set_value md/k value
	local before
	before=$(described)
	expect_value m value
	expect_value m value
	expect metadata "$before" "$(described)"
	echo 2 >/proc/sys/vm/drop_caches
	expect "after the kernel forgot it" "$before" "$(described)"
	[[ $DURABLE ]] || return 0
	restart_daemon
	expect "after a restart" "$before" "$(described)"
	expect_value m value
	expect "after a restart and a get" "$before" "$(described)"
}

killed_in_a_group() {
	set_value g old
	start_group '( /bin/echo part1; sh -c ": >\"\$0\"; exec sleep 1000" "$2"; /bin/echo part2 ) >"$1"' "$MNT/g" "$TMP/here"
	wait_until 60 test -e here
	expect_value g old
	kill_group KILL
	expect_value g old
	(
		/bin/echo part1
		expect_value g old
		/bin/echo part2
	) >"$MNT/g"
	expect_value g $'part1\npart2'
	restart_or eval '(/bin/echo part1; echo part2) >"$MNT/g"'
	expect_value g $'part1\npart2'
	rm "$MNT/g"
}

# What is removed on a full disk is gone, also after a restart; with space again sets are as ever.
removals_on_a_full_disk() {
	mkdir "$MNT/full"
	set_value full/k value
	set_value removed value
	set_value stays value
	fill_up
	rm "$MNT/removed"
	rmdir "$MNT/full"
	expect_absent removed
	expect_absent full
	restart_daemon
	expect_absent removed
	expect_absent full
	space_again
	wait_until 60 set_again stays
	expect_value stays again
	expect_absent full/k
	rm -f "$MNT/stays"
}

set_again() {
	echo again >"$TMP/again"
	cp "$TMP/again" "$MNT/$1" 2>/dev/null
}

# The default run has each layer and each strategy once.
long_suite() {
	[[ ${LONG:-} ]] || skip "only with --long"
	suite "$1"
}

suite() {
	mount_stack_named "$1"
	gets_and_sets
	lives_and_expires
	parts_of_ends "$1"
	renames
	prefixes
	metadata
	rm -f "$MNT/m" "$MNT/link"
	rmdir "$MNT/md"
	killed_in_a_group
	order "$1"
	hidden_names "$1"
	[[ $1 == noop || ! $DURABLE ]] || removals_on_a_full_disk
}

# The package's documented configurations that need no server.
test_the_packages_configurations_mount_as_they_stand() {
	local json
	while read -r json; do
		mount_with "$json"
		set_value k value
		case $json in
		*noop*) expect_absent k ;;
		*) expect_value k value ;;
		esac
		unmount
		rm -rf .cache
	done <<-'END'
		{"type": "memory", "options": {"max_entries": 512, "eager_expiry": true}}
		{"type": "disk", "options": {"path": ".cache/accuralai.sqlite", "size_limit_mb": 256}}
		{"type": "lfu", "options": {"max_entries": 128, "eager_expiry": true}}
		{"type": "ttl", "options": {"default_ttl_s": 3600.0, "eager_expiry": true}}
		{"type": "file", "options": {"directory": ".cache/accuralai-file", "max_files": 1000}}
		{"type": "noop"}
		{"type": "layered", "options": {"memory": {"max_entries": 512}, "disk": {"path": ".cache/accuralai.sqlite"}, "promote_on_hit": true}}
		{"memory": {"max_entries": 512}, "disk": {"path": ".cache/accuralai.sqlite"}, "promote_on_hit": true}
		{"type": "flexible_layered", "options": {"layers": [{"type": "memory", "name": "l1", "priority": 0, "options": {"max_entries": 128}}, {"type": "redis", "name": "l2", "priority": 1, "options": {"host": "localhost"}}, {"type": "disk", "name": "l3", "priority": 2, "options": {"path": ".cache/db.sqlite"}}], "promotion_strategy": "always", "write_strategy": "write_through", "promotion_threshold": 2}}
		{"layers": [{"type": "memory", "name": "l1", "priority": 0, "options": {"max_entries": 128}}, {"type": "redis", "name": "l2", "priority": 1, "options": {"host": "localhost"}}, {"type": "disk", "name": "l3", "priority": 2, "options": {"path": ".cache/db.sqlite"}}], "promotion_strategy": "always", "write_strategy": "write_through", "promotion_threshold": 2}
	END
}

local_redis_listens() {
	(exec 3<>/dev/tcp/localhost/6379) 2>/dev/null
}

# Its documented configurations of Redis name no port but the usual one, of this host.
test_the_packages_redis_configurations_keep_values_there() {
	! local_redis_listens || skip "port 6379 is taken"
	redis-server --port 6379 --bind 127.0.0.1 --dir "$TMP" --save "" </dev/null >redis.log 2>&1 &
	at_end "kill -9 $!"
	wait_until 60 local_redis_listens
	mount_with '{"type": "redis", "options": {"host": "localhost", "port": 6379, "key_prefix": "accuralai:cache:"}}'
	set_value k value
	restart_daemon
	expect_value k value
	unmount
	mount_with '{"type": "flexible_layered", "options": {"layers": [{"type": "memory", "name": "l1", "priority": 0, "options": {"max_entries": 128}}, {"type": "redis", "name": "l2", "priority": 1, "options": {"host": "localhost"}}, {"type": "disk", "name": "l3", "priority": 2, "options": {"path": ".cache/db.sqlite"}}], "promotion_strategy": "always", "write_strategy": "write_through", "promotion_threshold": 2}}'
	expect_value k value
	set_value k2 value
	expect layers l1,l2,l3 "$(get_xattr k2 user.cachefs.layers)"
}

# At most MAX keys and BYTES bytes at any time, and the newest is among them: fill MAX BYTES SIZE
fill() {
	local i count bytes
	for i in {1..8}; do
		random_file value "$3"
		cp value "$MNT/k$i"
		cmp value "$MNT/k$i"
		count=$(ls "$MNT" | wc -l)
		bytes=$(find "$MNT" -type f -printf '%s\n' | awk '{ sum += $1 } END { print sum }')
		((count <= $1 && bytes <= $2)) || fail "after $i: $count keys, $bytes bytes"
	done
}

# The eldest go first, and not more of them than must.
test_limits_of_entries_hold_at_every_instant() {
	local json
	for json in '{"type": "memory", "options": {"max_entries": 3}}' \
		'{"type": "file", "options": {"directory": "files", "max_files": 3}}'; do
		mount_with "$json"
		fill 3 100000 10
		expect_list "" "k6 k7 k8"
		unmount
	done
	mount_with '{"type": "lfu", "options": {"max_entries": 3}}'
	fill 3 100000 10
	expect "entries" 3 "$(ls "$MNT" | wc -l)"
}

test_limits_of_bytes_hold_at_every_instant() {
	local json
	for json in '{"type": "memory", "options": {"max_bytes": 200000}}' \
		'{"type": "lfu", "options": {"max_bytes": 200000}}'; do
		mount_with "$json"
		fill 4 200000 45000
		expect "entries" 4 "$(ls "$MNT" | wc -l)"
		unmount
	done
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 1}}'
	fill 5 1048576 180000
	(($(ls "$MNT" | wc -l) >= 3)) || fail "only $(ls "$MNT") are left"
}

test_the_order_of_eviction_is_kept_over_a_restart() {
	mount_with '{"type": "file", "options": {"directory": "files", "max_files": 3}}'
	fill 3 100000 10
	restart_daemon
	set_value new x
	expect_list "" "k7 k8 new"
	unmount
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "size_limit_mb": 1}}'
	fill 5 1048576 180000
	local eldest
	eldest=$(ls "$MNT" | head -n 1)
	restart_daemon
	cp value "$MNT/new"
	cmp value "$MNT/new"
	expect_absent "$eldest"
	cmp value "$MNT/k8"
}

test_redis() { suite redis; }
test_ttl_over_disk() { suite ttl_over_disk; }
test_ttl_back_to_files() { long_suite ttl_back_to_files; }
test_ttl_over_redis() { long_suite ttl_over_redis; }
test_memory_over_redis_over_disk() { long_suite memory_over_redis_over_disk; }
test_redis_around() { long_suite redis_around; }
test_redis_back() { long_suite redis_back; }
test_write_back() { suite write_back; }
test_write_back_to_files() { long_suite write_back_to_files; }
test_disk_back_to_disk() { long_suite disk_back_to_disk; }
test_disk_around_disk() { long_suite disk_around_disk; }
test_memory() { suite memory; }
test_lfu() { suite lfu; }
test_ttl() { suite ttl; }
test_disk() { suite disk; }
test_file() { suite file; }
test_memory_over_disk() { suite memory_over_disk; }
test_lfu_over_file() { suite lfu_over_file; }
test_disk_over_disk() { long_suite disk_over_disk; }
test_disk_over_file() { long_suite disk_over_file; }
test_two_memories() { long_suite two_memories; }
test_noop_over_disk() { long_suite noop_over_disk; }
test_three_layers() { long_suite three_layers; }
test_promotion_never() { long_suite promotion_never; }
test_promotion_by_frequency() { suite promotion_by_frequency; }
test_write_around() { long_suite write_around; }
test_write_around_and_never() { suite write_around_and_never; }

run_tests
