#!/bin/bash
# .cachefs/layers shows what each layer holds, and looking at it changes nothing.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/layer_views.sh"

test_each_layer_shows_its_keys_with_values_and_metadata() {
	mount_l1_l2
	mkdir -p "$MNT/a/b"
	set_value a/b/k value
	chmod 640 "$MNT/a/b/k"
	touch -d @1000000000 "$MNT/a/b/k"
	ln -s a/b/k "$MNT/s"
	expect layers "l1 l2" "$(ls "$VIEW" | paste -sd' ')"
	local layer
	for layer in l1 l2; do
		expect "ls of $layer" "a s" "$(ls "$VIEW/$layer" | paste -sd' ')"
		expect "value in $layer" value "$(cat "$VIEW/$layer/a/b/k")"
		expect "metadata in $layer" "440 1000000000 5" "$(stat -c '%a %Y %s' "$VIEW/$layer/a/b/k")"
		expect "target in $layer" a/b/k "$(readlink "$VIEW/$layer/s")"
		expect "find in $layer" "a/b/k" "$(cd "$VIEW/$layer" && find * -type f)"
	done
}

test_what_only_one_layer_holds_shows_there_alone() {
	mount_l1_l2
	set_value k x
	restart_daemon
	! test -e "$VIEW/l1/k" || fail "memory is not empty after a restart"
	expect "value in l2" x "$(cat "$VIEW/l2/k")"
	! test -e "$VIEW/l1/k" || fail "a look promoted the entry"
	expect_value k x
	expect "value in l1" x "$(cat "$VIEW/l1/k")"
	rm "$MNT/k"
	! test -e "$VIEW/l1/k" || fail "l1 shows what was invalidated"
	! test -e "$VIEW/l2/k" || fail "l2 shows what was invalidated"
}

test_looking_is_no_use() {
	mount_l1_l2
	set_value k x
	cat "$MNT/k" >/dev/null
	local before after numbers='[.gets, .hits, .misses, .layers[].gets, .layers[].hits, .layers[].misses]'
	before=$(jq -c "$numbers" "$MNT/.cachefs/stats.json")
	cat "$VIEW/l1/k" "$VIEW/l2/k" >/dev/null
	ls -lR "$VIEW" >/dev/null
	! cat "$VIEW/l1/absent" "$VIEW/absent" 2>/dev/null || fail "absent keys are there"
	after=$(jq -c "$numbers" "$MNT/.cachefs/stats.json")
	expect "counters" "$before" "$after"
	expect hits 1 "$(get_xattr k user.cachefs.hits)"
}

test_looking_does_not_save_from_eviction() {
	mount_with '{"type": "memory", "options": {"max_entries": 2}}'
	set_value a x
	set_value b x
	cat "$MNT/.cachefs/layers/memory/a" >/dev/null
	set_value c x
	expect_list "" "b c"
}

test_a_view_is_read_only() {
	mount_l1_l2
	set_value k x
	mkdir "$MNT/d"
	set_value d/k x
	local layer
	for layer in l1 l2; do
		expect_error "Read-only file system" bash -c 'echo y >"$1"' - "$VIEW/$layer/k"
		expect_error "Read-only file system" chmod 600 "$VIEW/$layer/k"
		expect_error "Read-only file system" truncate -s 0 "$VIEW/$layer/k"
		expect_error "Operation not permitted" touch "$VIEW/$layer/new"
		expect_error "Operation not permitted" rm "$VIEW/$layer/k"
		expect_error "Operation not permitted" mkdir "$VIEW/$layer/new"
		expect_error "Operation not permitted" rmdir "$VIEW/$layer/d"
		expect_error "Operation not permitted" mv "$VIEW/$layer/k" "$MNT/moved"
		expect_error "Operation not permitted" mv "$MNT/k" "$VIEW/$layer/k"
	done
	expect_error "Operation not permitted" rmdir "$VIEW"
	expect_value k x
}

test_a_view_follows_what_happens() {
	mount_l1_l2
	mkdir "$MNT/d"
	set_value d/k 1
	cd "$VIEW/l2/d"
	expect first 1 "$(cat k)"
	set_value d/k 22
	expect second 22 "$(cat k)"
	expect size 2 "$(stat -c %s k)"
	rm "$MNT/d/k"
	mkdir "$MNT/d/k"
	test -d k || fail "k is a directory now"
	set_value d/k/below x
	expect below x "$(cat k/below)"
	expect directory "$VIEW/l2/d" "$(/bin/pwd)"
	cd "$TMP"
}

run_tests
