#!/bin/bash
# The house: which room may use which, and that no circle of files exists.
. "$(dirname "$0")/../lib.sh"

# Lowest first. A file includes headers of its own room and of those before it; rooms on one line do not know
# each other.
ROOMS='backends/base
backends/cache.h
backends/kit
backends/memory backends/disk backends/redis backends/file
backends/registry.h
backends/registry.c
backends/ledger
backends/stack
fs/config
fs/inodes
fs/verbs
fs/inspect
fs/requests
fs/daemon'

sources() {
	(cd "$ROOT" && find backends fs -name '*.[ch]' | sort)
}

# The number of a room's line, and the room: of a path from the project's root.
place_rooms() {
	awk -v rooms="$ROOMS" '
	BEGIN {
		lines = split(rooms, line, "\n")
		for (i = 1; i <= lines; i++) {
			words = split(line[i], word, " ")
			for (j = 1; j <= words; j++)
				rank[word[j]] = i
		}
	}
	function room(path) {
		if (path in rank)
			return path
		sub("/[^/]*$", "", path)
		return path
	}
	{
		from = room($1)
		to = room($2)
		if (!(from in rank))
			print $1 ": lies in no room"
		else if (!(to in rank))
			print $1 ": includes \"" $2 "\", which lies in no room"
		else if (from != to && rank[to] >= rank[from])
			print $1 " includes " $2
	}'
}

# FILE INCLUDED, both from the root: every include of a header of ours.
list_includes() {
	local file
	sources | while read -r file; do
		sed -n 's/^#include "\(.*\)"$/\1/p' "$ROOT/$file" | while read -r header; do
			if [[ -e $ROOT/backends/$header ]]; then
				echo "$file backends/$header"
			elif [[ -e $ROOT/fs/$header ]]; then
				echo "$file fs/$header"
			else
				echo "$file $header"
			fi
		done
	done
}

test_a_room_uses_only_rooms_below_it() {
	list_includes >includes
	(($(wc -l <includes) > 300)) || fail "only $(wc -l <includes) includes were found"
	place_rooms <includes >wrong
	[[ ! -s wrong ]] || fail "$(head -n 20 wrong)"
}

test_nothing_below_the_file_system_knows_FUSE() {
	! grep -ln '#include <fuse' -r "$ROOT/backends" || fail "backends/ includes FUSE"
}

# By what the linker sees: an object that wants a symbol of another depends on it.
test_no_circle_of_files() {
	local build objects
	build=$(dirname "$CACHEFS")/..
	mapfile -t objects < <(find "$build/backends" "$build/fs" -name '*.c.o')
	((${#objects[@]} > 100)) || fail "only ${#objects[@]} objects were found in $build"
	nm -A -P "${objects[@]}" | awk '
	{
		sub(":$", "", $1)
		sub("^.*/", "", $1)
		sub("[.]c[.]o$", "", $1)
		if ($3 ~ /^[TDBRVWC]$/)
			owner[$2] = $1
		else if ($3 == "U")
			wants[$1 " " $2]
	}
	END {
		for (want in wants) {
			split(want, w, " ")
			if (w[2] in owner && owner[w[2]] != w[1])
				print w[1], owner[w[2]]
		}
	}' >uses
	(($(wc -l <uses) > 300)) || fail "only $(wc -l <uses) uses were found"
	tsort <uses >/dev/null 2>circle || fail "$(sed 's/^tsort: //' circle | head -n 40 | tr '\n' ' ')"
	[[ ! -s circle ]] || fail "$(cat circle)"
}

run_tests
