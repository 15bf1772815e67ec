#!/bin/bash
# stats.json counts what the cache does.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/stats.sh"

expect_stat() {
	expect "$2" "$1" "$(stat_of "$2")"
}

expect_metric() {
	expect "$2" "$1" "$(metric "$2")"
}

mount_l1_l2() {
	mount_with '{"layers": [{"type": "memory", "name": "l1"'"${1:-}"'},
		{"type": "disk", "name": "l2", "options": {"path": "db.sqlite"}}]}'
}

test_what_the_cache_does_is_counted() {
	mount_l1_l2
	set_value k x
	expect_value k x
	expect_miss absent
	rm "$MNT/k"
	expect_stat '[2,1,1,1,0,1]' '[.gets, .hits, .misses, .sets, .failed_sets, .invalidations]'
	expect_stat '["l1",1,1,0,1,1]' \
		'.layers[0] | [.name, .gets, .hits, .misses, .sets, .invalidations]'
	expect_metric 1 cachefs_hits_total
	expect_metric 1 cachefs_misses_total
	expect_metric 1 'cachefs_layer_hits_total{layer="l1",type="memory"}'
	expect_metric 1 'cachefs_layer_sets_total{layer="l2",type="disk"}'
}

test_promotions_evictions_and_expiries_are_counted() {
	mount_l1_l2 ', "options": {"max_entries": 2}'
	set_value a x
	restart_daemon
	expect_value a x
	expect_stat 1 '.layers[0].promotions'
	set_value b x
	set_value c x
	expect_stat '[1,2,2]' '.layers[0] | [.evictions, .entries, .max_entries]'
	expect_stat 3 '.layers[1].entries'
	set_ttl c 0.01
	wait_until 10 is_gone c
	expect_stat true '.layers[0].expiries >= 1 or .layers[1].expiries >= 1'
	expect_metric 2 'cachefs_layer_max_entries{layer="l1",type="memory"}'
	expect_metric "" 'cachefs_layer_max_entries{layer="l2",type="disk"}'
}

test_a_layer_without_stats_counts_only_what_is_in_it() {
	mount_l1_l2 ', "options": {"stats_enabled": false, "max_entries": 1}'
	set_value a x
	set_value b x
	expect_value b x
	expect_stat '[0,0,0,0,0,{}]' \
		'.layers[0] | [.gets, .hits, .misses, .sets, .evictions, .calls]'
	expect_stat '[1,true]' '.layers[0] | [.entries, .bytes > 0]'
	expect_stat '[1,1,2]' '[.gets, .hits, .sets]'
	expect_stat true '.fuse.by_opcode.OPEN >= 1'
}

test_backend_calls_are_counted_with_their_time() {
	mount_l1_l2
	set_value k x
	expect_value k x
	expect_stat '[1,1,0,true]' '[(.layers[0].calls.get.calls), (.layers[1].calls.set |
		.calls, .errors, .seconds > 0)]'
	local get='layer="l1",operation="get"'
	expect_metric 1 "cachefs_backend_call_seconds_count{$get}"
	expect_metric 1 "cachefs_backend_call_seconds_bucket{$get,le=\"+Inf\"}"
	expect_metric 0 "cachefs_backend_call_errors_total{$get}"
}

test_requests_waits_notifications_and_memory_are_there() {
	mount_stack
	open_writer a k
	tell a write 12345
	expect_stat true '[.fuse.requests, .waits.threads, .memory.inodes, .memory.names,
		.memory.handles, .memory.rss_anon_bytes, .uptime_s] | all(. > 0)'
	expect_stat 5 .memory.pending_bytes
	expect_stat true '(.waits | has("handovers") and has("waiting") and has("locks")) and (.notifications |
		has("entries") and has("epochs") and has("overflows") and has("errors") and has("queued"))'
	expect_stat true '[.fuse.by_opcode[]] | add >= 5'
	expect_stat "\"$("$CACHEFS" -V | cut -d' ' -f2)\"" .version
	tell a close
	expect_stat 0 .memory.pending_bytes
}

run_tests
