# What the suite does with single keys: values, ends, metadata, killed writers, full disks.

gets_and_sets() {
	expect_miss k
	set_value k first
	expect_value k first
	expect_value k first
	set_value k second
	expect_value k second
	: >"$MNT/empty"
	expect_value empty ""
	printf ' more' >>"$MNT/k"
	expect_value k "second more"
	printf S | dd of="$MNT/k" conv=notrunc status=none
	expect_value k "Second more"
	truncate -s 6 "$MNT/k"
	expect_value k Second
	random_file value 300000
	cat value >"$MNT/large"
	cmp value "$MNT/large"
	cmp value "$MNT/large"
	rm "$MNT/k"
	expect_absent k
	expect_list "" "empty large"
	restart_or cp value "$MNT/large"
	cmp value "$MNT/large"
	rm -f "$MNT/empty" "$MNT/large"
}

lives_and_expires() {
	mkdir "$MNT/t"
	set_value t/k value
	set_ttl t/k 1000
	expect_value t/k value
	set_ttl t/k 0.4
	set_value t/stays value
	set_ttl t 2
	set_value t/default value
	open_reader r t/default
	ttl_passes 2.2
	expect_absent t/k
	expect_absent t/default
	expect_read r value
	tell r close
	expect_list t stays
	set_value t/stays value
	set_ttl t/stays 1000
	[[ $(get_xattr t/stays user.cachefs.ttl) == 9[0-9][0-9]* ]] || fail "ttl $(get_xattr t/stays user.cachefs.ttl)"
	rmdir "$MNT/t"
}

# A change of a part hands on no end of a copy, only the entry's own.
parts_of_ends() {
	local end=
	[[ $1 != ttl ]] || end=[0-9]*
	set_value e value
	printf ' more' >>"$MNT/e"
	printf V | dd of="$MNT/e" conv=notrunc status=none
	truncate -s 8 "$MNT/e"
	mv "$MNT/e" "$MNT/f"
	expect "names without an own end" "" "$(getfattr --absolute-names "$MNT/f")"
	[[ $(get_xattr f user.cachefs.expires_at) == $end ]] || fail "expires_at $(get_xattr f user.cachefs.expires_at)"
	set_ttl f 7200
	end=$(get_xattr f user.cachefs.expires_at)
	printf e >>"$MNT/f"
	chmod 600 "$MNT/f"
	mv "$MNT/f" "$MNT/e"
	expect "the own end" "$end" "$(get_xattr e user.cachefs.expires_at)"
	restart_daemon
	[[ ! $DURABLE ]] || expect "the own end after a restart" "$end" "$(get_xattr e user.cachefs.expires_at)"
	rm -f "$MNT/e"
}

described() {
	stat -c '%a %u %g %i %.9Y %s' "$MNT/m" "$MNT/md"
	get_xattr m user.cachefs.expires_at
	getfattr --absolute-names -e hex -d "$MNT/m"
	readlink "$MNT/link"
}

# What is known of a key stays, in each layer by itself.
metadata() {
	set_value m value
	chmod 640 "$MNT/m"
	chown 12:34 "$MNT/m" 2>/dev/null || true
	touch -d '2103-04-05 06:07:08.123456789 UTC' "$MNT/m"
	setfattr -n user.colour -v "dark red" "$MNT/m"
	setfattr -n user.bytes -v 0x00ff0a2200 "$MNT/m"
	set_ttl m 3000
	ln -s m "$MNT/link"
	mkdir "$MNT/md"
	set_value md/k value
	local before
	before=$(described)
	expect_value m value
	expect_value m value
	expect metadata "$before" "$(described)"
	echo 2 >/proc/sys/vm/drop_caches
	expect "after the kernel forgot it" "$before" "$(described)"
	[[ $DURABLE ]] || return 0
	restart_daemon
	expect "after a restart" "$before" "$(described)"
	expect_value m value
	expect "after a restart and a get" "$before" "$(described)"
}

killed_in_a_group() {
	set_value g old
	start_group '( /bin/echo part1; sh -c ": >\"\$0\"; exec sleep 1000" "$2"; /bin/echo part2 ) >"$1"' "$MNT/g" "$TMP/here"
	wait_until 60 test -e here
	expect_value g old
	kill_group KILL
	expect_value g old
	(
		/bin/echo part1
		expect_value g old
		/bin/echo part2
	) >"$MNT/g"
	expect_value g $'part1\npart2'
	restart_or eval '(/bin/echo part1; echo part2) >"$MNT/g"'
	expect_value g $'part1\npart2'
	rm "$MNT/g"
}

# What is removed on a full disk is gone, also after a restart; with space again sets are as ever.
removals_on_a_full_disk() {
	mkdir "$MNT/full"
	set_value full/k value
	set_value removed value
	set_value stays value
	fill_up
	rm "$MNT/removed"
	rmdir "$MNT/full"
	expect_absent removed
	expect_absent full
	restart_daemon
	expect_absent removed
	expect_absent full
	space_again
	wait_until 60 set_again stays
	expect_value stays again
	expect_absent full/k
	rm -f "$MNT/stays"
}

set_again() {
	echo again >"$TMP/again"
	cp "$TMP/again" "$MNT/$1" 2>/dev/null
}
