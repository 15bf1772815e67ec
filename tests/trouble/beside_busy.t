#!/bin/bash
# Files beside a database go while sets go on, while another program has them, or with the database itself.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/beside.sh"

# A stream of sets, and files that go again and again: what was acknowledged is there.
test_sets_while_files_go_all_the_time() {
	mount_alone
	mkdir done
	set_for_ever() {
		local i
		for ((i = 1; ; i++)); do
			echo "$1$i" >"from$1"
			if cp "from$1" "$MNT/$1$i" 2>/dev/null; then
				echo "$1$i" >>"done/$1"
			fi
			[[ ! -e stop ]] || return 0
		done
	}
	expect_done() {
		for i in $(cat done/*); do
			expect_value "$i" "$i"
		done
	}
	local writers=() i round
	for i in a b c; do
		set_for_ever "$i" &
		writers+=($!)
	done
	for round in {1..8}; do
		for i in rm cut_off; do
			"$i" db.sqlite-wal 2>/dev/null || true
			read -r -t 0.1 -u "$NOTHING_COMES" || true
			"$i" db.sqlite-shm 2>/dev/null || true
			read -r -t 0.1 -u "$NOTHING_COMES" || true
		done
	done
	: >stop
	wait "${writers[@]}"
	wait_until 60 layer_is disk false
	expect_done
	kill_daemon
	expect_done
	expect "the database" ok "$(sqlite3 db.sqlite 'PRAGMA integrity_check')"
}

# Another program has the files that were removed: it is waited for, and named.
test_another_program_that_has_the_removed_log_open() {
	mount_alone
	set_many a 5
	mkfifo commands
	sqlite3 db.sqlite <commands >answer &
	local other=$! to
	exec {to}>commands
	echo "SELECT count(*) FROM cache;" >&"$to"
	wait_until 60 grep -qx 5 answer
	rm db.sqlite-wal
	wait_until 60 grep -q "another program (pid $other) has it open" "$LOG"
	expect_error "Input/output error" cp value "$MNT/k"
	exec {to}>&-
	wait "$other"
	wait_until 60 layer_is disk false
	expect_many a 5
	set_many b 5
	restart_daemon
	expect_many a 5
	expect_many b 5
}

# What a person removes to begin anew is removed; what is set from then on is kept.
test_sets_from_the_removal_of_the_database_on() {
	mount_alone
	mkdir done
	set_many old 5
	set_for_ever() {
		local i
		for ((i = 1; ; i++)); do
			echo "$i" >from
			if cp from "$MNT/k$i" 2>/dev/null; then
				echo "$i" >>done/all
			fi
			[[ ! -e stop ]] || return 0
		done
	}
	set_for_ever &
	local writer=$! round first
	wait_until 60 test -s done/all
	for round in {1..10}; do
		read -r -t 0.1 -u "$NOTHING_COMES" || true
		rm -f db.sqlite db.sqlite-wal db.sqlite-shm
		first=$(($(tail -n 1 done/all) + 2)) # the one under way began before
	done
	: >stop
	wait "$writer"
	grep -q 'the database was removed or replaced, with the [0-9]* entries that were in it' "$LOG"
	local i
	for ((i = first; i <= $(tail -n 1 done/all); i++)); do
		grep -qx "$i" done/all || continue
		expect_value "k$i" "$i"
	done
	expect_absent old1
}

run_tests
