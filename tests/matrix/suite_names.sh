# What the suite does with names: renames, prefixes, order, and names that are hidden.

renames() {
	set_value a 1
	set_value b 2
	setfattr -n user.colour -v red "$MNT/a"
	mv "$MNT/a" "$MNT/b"
	expect_absent a
	expect_value b 1
	expect attribute red "$(get_xattr b user.colour)"
	mkdir -p "$MNT/from/sub"
	set_value from/k 1
	set_value from/sub/k 2
	mv "$MNT/from" "$MNT/to"
	expect_absent from
	expect_value to/k 1
	expect_value to/sub/k 2
	restart_or eval 'mkdir -p "$MNT/to/sub"; set_value to/sub/k 2'
	expect_value to/sub/k 2
	rm -f "$MNT/b"
	rmdir "$MNT/to"
	expect_list "" ""
}

prefixes() {
	local dir
	for dir in '%' '_' '*' '?' '[a-c]' '\' 'a b'; do
		mkdir "$MNT/x$dir"
		set_value "x$dir/k" 1
		set_value "x$dir.k" 2
		set_value xa 3
		mkdir "$MNT/xb"
		set_value xb/k 4
		rmdir "$MNT/x$dir"
		expect_absent "x$dir/k"
		expect_absent "x$dir"
		expect_value "x$dir.k" 2
		expect_value xa 3
		expect_value xb/k 4
		rm "$MNT/x$dir.k" "$MNT/xa"
		rmdir "$MNT/xb"
	done
	expect_list "" ""
}

order() {
	local name
	mkdir "$MNT/o"
	for name in b a! a a0 B; do
		set_value "o/$name" x
	done
	mkdir "$MNT/o/dir"
	expect_list o "B a a! a0 b dir"
	for name in {001..300}; do
		echo x >"$MNT/o/dir/$name"
	done
	[[ $1 != *lfu* ]] || return 0 # 128 entries
	expect "names" "$(echo {001..300})" "$(ls "$MNT/o/dir" | paste -sd' ')"
	rmdir "$MNT/o"
	expect_list "" ""
}

# More than a part of a listing holds. In Redis they stay, and are hidden: it takes no removal.
hidden_names() {
	local name
	[[ $1 != lfu ]] || return 0 # 128 entries
	mkdir "$MNT/h"
	setfattr -n user.cachefs.rmdir -v empty_only "$MNT/h"
	for name in a{001..300} zlast; do
		echo x >"$MNT/h/$name"
	done
	control flush
	[[ $1 != *redis* ]] || become_replica
	rm "$MNT"/h/a*
	expect "ls" zlast "$(timeout 60 ls -A "$MNT/h")"
	expect_error "not empty" rmdir "$MNT/h"
	expect_value h/zlast x
	expect_miss h/a150
	if [[ $1 = *redis* ]]; then
		redis REPLICAOF NO ONE >/dev/null
		wait_until 60 layer_is_told redis
	fi
	expect_list h zlast
	rm "$MNT/h/zlast"
	rmdir "$MNT/h"
	expect_absent h
}
