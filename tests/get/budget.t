#!/bin/bash
# The requests of the kernel that an operation waits for: design and speed depend on them.
. "$(dirname "$0")/../lib.sh"

# mount_slow_to_forget [SETTINGS]: the kernel keeps what it knows for the whole test.
mount_slow_to_forget() {
	mount_stack '"entry_timeout": 3600, "attr_timeout": 3600'"${1:+, $1}"
}

cost() {
	"$HELPERS/budget" "$MNT" "$@"
}

# expect_cost REQUESTS OPERATION NAME...
expect_cost() {
	local expected=$1
	shift
	expect "cost of $*" "$expected" "$(cost "$@")"
}

make_keys() {
	local i
	mkdir "$MNT/d"
	for ((i = 1; i <= $1; i++)); do
		echo x >"$MNT/d/k$i"
	done
}

test_a_get_of_a_key_seen_before_is_one_request() {
	mount_slow_to_forget
	set_value k x
	restart_daemon
	cat "$MNT/k" >/dev/null
	expect_cost "OPEN=1" get k
	expect_cost "OPEN=1" get k
}

test_a_first_get_needs_no_read_up_to_64_KiB() {
	mount_slow_to_forget
	random_file small 65536
	random_file large 65537
	cp small large "$MNT"
	restart_daemon
	expect_cost "LOOKUP=1 OPEN=1" get small
	[[ $(cost get large) == "LOOKUP=1 OPEN=1 READ="* ]] || fail "a larger value was not read"
}

test_a_get_after_a_set_asks_for_the_size() {
	mount_slow_to_forget
	set_value k old
	cat "$MNT/k" >/dev/null
	cost set k >/dev/null
	local got
	got=$(cost get k)
	[[ $got == "GETATTR=1 OPEN=1" || $got == "OPEN=1" ]] || fail "cost: $got"
	expect_cost "OPEN=1" get k
}

test_a_get_of_an_absent_key_is_one_request() {
	mount_slow_to_forget
	expect_cost "LOOKUP=1" absent k
}

test_a_set_of_a_new_key_is_four_requests() {
	mount_slow_to_forget
	expect_cost "LOOKUP=1 WRITE=1 FLUSH=1 CREATE=1" set k
}

test_a_set_over_a_key_is_four_requests() {
	mount_slow_to_forget
	set_value k old
	cat "$MNT/k" >/dev/null
	local got
	got=$(cost set k)
	[[ $got == "OPEN=1 WRITE=1 GETXATTR=1 FLUSH=1" || $got == "OPEN=1 WRITE=1 FLUSH=1" ]] ||
		fail "cost: $got"
	expect_value k value
}

test_a_stat_of_a_key_seen_before_is_none() {
	mount_slow_to_forget
	set_value k x
	restart_daemon
	stat "$MNT/k" >/dev/null
	expect_cost "" stat k
}

test_an_unlink_of_a_key_seen_before_is_one_request() {
	mount_slow_to_forget
	set_value k x
	stat "$MNT/k" >/dev/null
	expect_cost "UNLINK=1" unlink k
}

test_a_listing_costs_nothing_per_entry() {
	mount_slow_to_forget
	make_keys 100
	restart_daemon
	stat "$MNT/d" >/dev/null
	local of_100 of_300
	of_100=$(cost ls d)
	[[ $of_100 =~ ^OPENDIR=1\ (READDIR=[1-4]\ ?)?(READDIRPLUS=[1-4])?$ ]] || fail "100: $of_100"
	rmdir "$MNT/d"
	make_keys 300
	restart_daemon
	stat "$MNT/d" >/dev/null
	of_300=$(cost ls d)
	[[ $of_300 =~ ^OPENDIR=1\ (READDIR=[0-9]\ ?)?(READDIRPLUS=[0-9])?$ ]] || fail "300: $of_300"
}

test_a_long_listing_without_xattrs_costs_nothing_per_entry() {
	mount_slow_to_forget '"xattr": false'
	make_keys 100
	restart_daemon
	stat "$MNT/d" >/dev/null
	getfattr -d "$MNT/d" >/dev/null 2>&1 || true
	local got
	got=$(cost run ls -l --color=never d)
	[[ $got =~ ^(GETXATTR=1\ )?OPENDIR=1\ (READDIR=[1-4]\ ?)?(READDIRPLUS=[1-4])?$ ]] || fail "$got"
}

test_a_long_listing_with_xattrs_asks_for_two_per_entry() {
	mount_slow_to_forget
	make_keys 100
	restart_daemon
	stat "$MNT/d" >/dev/null
	local got
	got=$(cost run ls -l --color=never d)
	# Two for each key, and those of the directory; an ls that asks for less is fine.
	if [[ $got =~ GETXATTR=([0-9]+) ]]; then
		((BASH_REMATCH[1] <= 205)) || fail "ls -l of 100 keys: $got"
		got=${got/"${BASH_REMATCH[0]} "/}
	fi
	[[ $got =~ ^OPENDIR=1\ (READDIR=[1-4]\ ?)?(READDIRPLUS=[1-4])?$ ]] || fail "$got"
}

run_tests
