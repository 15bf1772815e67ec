#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# metric NAME: the value of a sample, labels included, of metrics
metric() {
	awk -v name="$1" '{ at = index($0, "} "); if (!at) at = index($0, " ") - 1 }
		substr($0, 1, at) == name { print substr($0, at + 2) }' "$MNT/.cachefs/metrics"
}

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

# Every family once and together, below its HELP and TYPE; labels quoted; histograms that add up.
test_metrics_are_valid_by_the_exposition_format() {
	mount_with '{"layers": [{"type": "memory", "name": "a\"b\"\\c"},
		{"type": "disk", "name": "l2", "options": {"path": "db.sqlite"}}]}'
	set_value k x
	expect_value k x
	ls -l "$MNT" >/dev/null
	cp "$MNT/.cachefs/metrics" metrics
	grep -qF 'layer="a\"b\"\\c"' metrics || fail "the layer's name is not escaped"
	expect "last byte" 0a "$(tail -c 1 metrics | od -An -tx1 | tr -d ' ')"
	awk '
	function bad(why) { print FILENAME ":" NR ": " why ": " $0; failed = 1 }
	/^# HELP / { if ($3 in helped) bad("a second HELP"); helped[$3] = 1; next }
	/^# TYPE / {
		family = $3; type = $4
		if (!(family in helped)) bad("TYPE without HELP")
		if (family in typed) bad("a second TYPE")
		if (type !~ /^(counter|gauge|histogram)$/) bad("unknown type")
		if (family !~ /^cachefs_[a-z0-9_]+$/) bad("not a name of ours")
		if ((type == "counter") != (family ~ /_total$/)) bad("_total is for counters")
		typed[family] = 1
		next
	}
	{
		if ($0 !~ /^[a-z0-9_]+({([a-z]+="([^"\\]|\\["\\n])*",?)+})? [0-9.e+-]+$/) bad("malformed")
		name = $0; sub(/[{ ].*/, "", name)
		sample = $0; sub(/ [^ ]*$/, "", sample)
		if (sample in seen) bad("a second sample")
		seen[sample] = 1
		base = name; if (type == "histogram") sub(/_(bucket|sum|count)$/, "", base)
		if (base != family) bad("not below its TYPE")
		if (name ~ /_bucket$/) { if ($0 !~ /le="1e-05"/ && $NF < last) bad("falls"); last = $NF }
		if (name ~ /_count$/ && type == "histogram" && $NF != last) bad("not the +Inf bucket")
	}
	END { exit failed }' metrics >verdict || fail "$(head -n 3 verdict)"
}

test_both_files_say_the_same() {
	mount_stack
	set_value k x
	expect_value k x
	expect sets "$(stat_of .sets)" "$(metric cachefs_sets_total)"
	expect bytes "$(stat_of '.layers[1].bytes')" \
		"$(metric 'cachefs_layer_bytes{layer="disk",type="disk"}')"
	expect writes "$(stat_of .fuse.by_opcode.WRITE)" \
		"$(metric 'cachefs_requests_by_opcode_total{opcode="WRITE"}')"
}

test_generated_files_suit_plain_tools() {
	mount_stack
	local file
	for file in stats.json metrics config.json; do
		cp "$MNT/.cachefs/$file" copy
		test -s copy || fail "cp of $file is empty"
		expect "tail of $file" "$(tail -n 1 copy | cut -c1-10)" \
			"$(tail -n 1 "$MNT/.cachefs/$file" | cut -c1-10)"
		tar -C "$MNT/.cachefs" -cf archive "$file"
		(($(tar -xOf archive "$file" | wc -c) > 100)) || fail "tar has nothing of $file"
		tar -xOf archive "$file" >text
		tr -d '\0' <text | cmp -s - text || fail "tar padded $file"
		(($(stat -c %s "$MNT/.cachefs/$file") > 100)) || fail "$file shows no size"
		expect_error "Permission denied" bash -c 'echo x >"$1"' - "$MNT/.cachefs/$file"
	done
	jq -e . "$MNT/.cachefs/stats.json" >/dev/null
}

test_each_open_has_a_snapshot_of_its_own() {
	mount_stack
	exec 8<"$MNT/.cachefs/stats.json"
	local i
	for i in {1..20}; do set_value "k$i" x; done
	exec 9<"$MNT/.cachefs/stats.json"
	expect "sets at the first open" 0 "$(jq .sets <&8)"
	expect "sets at the second open" 20 "$(jq .sets <&9)"
	exec 8<&- 9<&-
}

run_tests
