#!/bin/bash
# metrics has the numbers of stats.json in the exposition format; both files suit plain tools.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/stats.sh"

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
