#!/bin/bash
# Who pays for a value that is open after its entry has gone.
. "$(dirname "$0")/../lib.sh"

test_a_value_that_is_open_is_charged_to_its_reader() {
	mount_with '{"type": "memory"}'
	random_file value 100000
	cat value >"$MNT/k"
	open_reader r k
	rm "$MNT/k"
	expect "bytes of the layer" 0 "$(layer_stat memory bytes)"
}

test_without_copy_on_get_the_layer_pays_until_the_last_reader_closes() {
	mount_with '{"type": "memory", "options": {"copy_on_get": false, "max_bytes": 300000}}'
	random_file value 100000
	cat value >"$MNT/k"
	open_reader r k
	open_reader s k
	rm "$MNT/k"
	(($(layer_stat memory bytes) >= 100000)) || fail "not charged"
	cat value >"$MNT/a"
	cat value >"$MNT/b"
	expect_list "" b
	tell r close
	(($(layer_stat memory bytes) >= 200000)) || fail "one reader is left"
	tell s close
	wait_until 10 layer_pays_for_less_than 200000
	cat value >"$MNT/a"
	expect_list "" "a b"
}

layer_pays_for_less_than() {
	(($(layer_stat memory bytes) < $1))
}

run_tests
