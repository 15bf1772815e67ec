#!/bin/bash
# Names that a layer still lists and that are not to be shown: what it has missed the removal of.
. "$(dirname "$0")/../lib.sh"

LFU='{"type": "lfu"}'
TTL='{"type": "ttl"}'
REDIS='{"type": "redis", "name": "shared", "revalidate_ms": 0, "options": {"unix_socket_path": "redis.sock"}}'

STACKS=("$REDIS" "$MEMORY, $REDIS" "$LFU, $REDIS" "$TTL, $REDIS" "$MEMORY, $REDIS, $DISK"
	"$MEMORY, $DISK, $REDIS" "$FILE, $REDIS")

mount_layers() {
	mount_with '{"layers": ['"$1"'], "cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0'"${2:+, $2}"'}}'
	wait_until 30 layer_is shared false
}

become_master() {
	redis REPLICAOF NO ONE >/dev/null
}

# in_each_stack [SETTINGS] COMMAND...: each stack with a server of its own; $DURABLE: others keep values too
in_each_stack() {
	local stack
	for stack in "${STACKS[@]}"; do
		start_redis
		mount_layers "$stack" "$1"
		"${@:2}"
		unmount
		stop_redis
		rm -rf state db.sqlite* files
	done
}

# a directory d with COUNT names hidden before one that is not
hide_names() {
	local i
	mkdir -p "$MNT/d"
	for ((i = 0; i < $1; i++)); do
		echo x >"$MNT/d/a$i"
	done
	echo x >"$MNT/d/zlast"
	become_replica
	find "$MNT/d" -name 'a*' -delete
}

hidden_names_are_passed() {
	hide_names 300
	expect "ls d" zlast "$(timeout 60 ls -A "$MNT/d")"
	expect "find" "$MNT/d/zlast" "$(timeout 60 find "$MNT/d" -type f)"
	expect_error "not empty" rmdir "$MNT/d"
	expect_value d/zlast x
	expect "the layer's own view" zlast "$(timeout 60 ls -A "$MNT/.cachefs/layers/shared/d")"
	become_master
	wait_until 60 layer_is_told shared
	expect_list d zlast
	rm "$MNT/d/zlast"
	rmdir "$MNT/d"
	expect_absent d
}

test_a_listing_ends_behind_hundreds_of_hidden_names() {
	in_each_stack '"rmdir": "empty_only"' hidden_names_are_passed
}

a_directory_of_hidden_names_is_none() {
	local i
	mkdir -p "$MNT/p/e/f"
	for i in 1 2 3; do
		set_value "p/e/f/$i" x
	done
	set_value p/stays x
	unmount
	rm -rf db.sqlite* files
	redis DEL cachefs:dirs:accuralai:cache: >/dev/null # as if other programs had made them all
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	wait_until 30 layer_is shared false
	expect_list p "e stays"
	become_replica
	rm "$MNT"/p/e/f/[123]
	expect_list p stays
	expect_absent p/e
	expect_absent p/e/f
	rm "$MNT/p/stays"
	expect_absent p
	expect_list "" ""
}

test_a_directory_all_of_whose_keys_are_hidden_is_none() {
	in_each_stack '"rmdir": "empty_only"' a_directory_of_hidden_names_is_none
}

a_hidden_directory_is_replaced() {
	hide_names 300
	rm "$MNT/d/zlast"
	mkdir "$MNT/new" 2>/dev/null || return 0 # nobody keeps it
	mv -T "$MNT/new" "$MNT/d"
	expect_list d ""
}

test_a_rename_replaces_a_directory_all_of_whose_keys_are_hidden() {
	STACKS=("$MEMORY, $REDIS, $DISK")
	in_each_stack "" a_hidden_directory_is_replaced
}

# Past their bound the tombstones are one for the whole layer.
test_a_listing_ends_behind_ever_so_many_hidden_names() {
	start_redis
	mount_layers "$MEMORY, $REDIS, $DISK" '"rmdir": "empty_only"'
	hide_names "${LONG:+100000}${LONG:-12000}"
	expect "ls d" zlast "$(timeout 170 ls -A "$MNT/d")"
	expect_error "not empty" rmdir "$MNT/d"
}

test_what_could_not_be_asked_is_not_taken_for_empty() {
	start_redis
	mount_layers "$MEMORY, $REDIS, $DISK" '"rmdir": "empty_only"'
	mkdir "$MNT/d" "$MNT/other"
	redis cache-set d/foreign x >/dev/null
	stop_redis
	expect_list d ""
	expect_error "Input/output error" rmdir "$MNT/d"
	expect_error "Input/output error" mv -T "$MNT/other" "$MNT/d"
	setfattr -n user.cachefs.rmdir -v invalidate_prefix "$MNT/other"
	rmdir "$MNT/other"
}

run_tests
