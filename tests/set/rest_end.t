#!/bin/bash
# An end of the daemon in order loses no temporary file.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/rest.sh"

# ends_in_order: what is not empty is there afterwards, as it was.
ends_in_order() {
	local name names="d/k.tmp gone.part half.part k~ report.part results.tmp.json"
	mkdir "$MNT/d"
	for name in $names; do
		set_value "$name" "value of $name"
	done
	random_file big 3000000
	cp big "$MNT/big.part"
	ln -s target "$MNT/link.tmp"
	: >"$MNT/empty.tmp"
	chmod 600 "$MNT/report.part"
	set_ttl k~ 600
	rm "$MNT/gone.part"
	open_writer w half.part w,append
	tell w write " and more"
	tell w close
	local before
	before=$(cd "$MNT" && stat -c '%n %a %i %s %.9Y' d/k.tmp half.part k~ report.part big.part)
	restart_daemon
	expect "stat" "$before" "$(cd "$MNT" && stat -c '%n %a %i %s %.9Y' d/k.tmp half.part k~ report.part big.part)"
	expect_list "" "big.part d half.part k~ link.tmp report.part results.tmp.json"
	expect_list d k.tmp
	expect_value half.part "value of half.part and more"
	expect_value report.part "value of report.part"
	expect "link" target "$(readlink "$MNT/link.tmp")"
	cmp big "$MNT/big.part"
	local ttl
	ttl=$(get_xattr k~ user.cachefs.ttl)
	((${ttl%.*} > 500 && ${ttl%.*} <= 600)) || fail "ttl $ttl"
}

test_an_orderly_end_loses_no_temporary_file_with_sqlite() {
	over "$DISK"
	ends_in_order
}

test_an_orderly_end_loses_none_with_files() {
	over "$FILE"
	ends_in_order
}

test_an_orderly_end_loses_none_with_redis() {
	start_redis
	over "$REDIS"
	ends_in_order
}

test_an_orderly_end_loses_none_with_write_back() {
	over "$DISK" "" '"write_strategy": "write_back"'
	ends_in_order
}

test_a_file_that_its_writer_holds_open_at_the_end_is_kept_as_it_is_then() {
	over "$DISK"
	open_writer w k.part
	tell w write half
	kill -TERM "$DAEMON_PID"
	wait_until 60 daemon_has_ended
	kill_hand w KILL
	wait "$DAEMON_PID" || true
	DAEMON_PID=
	fusermount3 -u -z -q "$MNT" || true
	start_daemon "${DAEMON_ARGUMENTS[@]}"
	expect_value k.part half
}

run_tests
