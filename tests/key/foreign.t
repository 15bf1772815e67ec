#!/bin/bash
# Rows that another program wrote into the database have sensible metadata and values.
. "$(dirname "$0")/../lib.sh"

test_foreign_rows_have_sensible_metadata() {
	umask 027
	sql "CREATE TABLE cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL, updated_at REAL NOT NULL);
		INSERT INTO cache VALUES('text', 'hi', NULL, 1000000000.25), ('blob', x'00ff0a', 32503680000.5, 1),
		('past', 'x', 1, 1), ('d/utf8-' || char(228), 'x', NULL, 1)"
	mount_stack
	expect "metadata" "600 $(id -u) $(id -g) 2 1000000000.250000000" "$(stat -c '%a %u %g %s %.9Y' "$MNT/text")"
	expect version 0 "$(get_xattr text user.cachefs.version)"
	expect "expires_at" 32503680000.500 "$(get_xattr blob user.cachefs.expires_at)"
	expect "bytes of blob" "00ff0a" "$(od -An -tx1 "$MNT/blob" | tr -d " ")"
	expect_absent past
	expect_value $'d/utf8-\xc3\xa4' x
}

test_a_foreign_entry_keeps_its_mode_when_it_gets_an_owner() {
	umask 027
	mount_stack
	sql "INSERT INTO cache(cache_key, payload, updated_at) VALUES('k', 'hi', 1)"
	chown 5:6 "$MNT/k"
	expect "mode and owner" "600 5 6" "$(stat -c '%a %u %g' "$MNT/k")"
	restart_daemon
	expect "mode and owner" "600 5 6" "$(stat -c '%a %u %g' "$MNT/k")"
}

# Who holds a link asks where it leads when a file has its name.
test_a_file_is_not_read_as_the_link_that_had_its_name() {
	mount_stack
	ln -s target "$MNT/l"
	exec {link}< <(exec python3 -ES - "$MNT/l" <<-'END'
		import os, sys
		link = os.open(sys.argv[1], os.O_PATH | os.O_NOFOLLOW)
		print(os.readlink("", dir_fd=link), flush=True)
		while not os.path.exists("file-is-there"):
		    pass
		try:
		    print(os.readlink("", dir_fd=link))
		except OSError:
		    print("an error")
	END
	)
	read -r -t 60 -u "$link"
	expect "link" target "$REPLY"
	sql "DELETE FROM cache WHERE cache_key = 'l'"
	wait_until 20 is_gone l
	set_value l content
	touch file-is-there
	read -r -t 60 -u "$link"
	expect "link" "an error" "$REPLY"
}

# Whoever stands in it is told that it is gone, as in a directory that was removed. With permissions
# checked by the kernel every step asks for its attributes.
test_a_prefix_can_vanish_while_somebody_stands_in_it() {
	echo '{"memory": {}, "disk": {"path": "db.sqlite"}}' >cachefs.json
	start_daemon -o allow_other cachefs.json
	set_value other v
	sql "INSERT INTO cache(cache_key, payload, updated_at) VALUES('p/k', 'hi', 1)"
	cd "$MNT/p"
	expect_list p k
	sql "DELETE FROM cache WHERE cache_key = 'p/k'"
	expect_error "No such file" stat "$MNT/p"
	expect_error "No such file" stat .
	expect_error "No such file" ls .
	sql "INSERT INTO cache(cache_key, payload, updated_at) VALUES('p/k2', 'hi', 1)"
	expect_value p/k2 hi
	expect_list p k2
	cd "$TMP"
}

test_odd_types_are_their_text_or_a_miss() {
	sql "CREATE TABLE cache(cache_key PRIMARY KEY, payload, expires_at, updated_at);
		INSERT INTO cache VALUES('int', 42, NULL, 1000.5), ('real', 1.5, NULL, 'soon'), ('null', NULL, NULL, 1),
		('huge', 'h', 1e300, 1e300), ('infinite', 'h', 9e999, -9e999), ('negative', 'h', -9e999, 1), ('b' || x'ff', 'x', NULL, 1)"
	mount_stack
	expect_value int 42
	expect_value real 1.5
	expect_value huge h
	expect_value infinite h
	expect_absent null
	expect_absent negative
	expect names "huge infinite int real" "$(ls "$MNT" | grep -v ^b | paste -sd' ')"
	! grep -q "opening it anew" "$LOG" || fail "a NULL was taken for a broken database"
}

run_tests
