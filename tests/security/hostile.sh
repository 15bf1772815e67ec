# Words for tests of a layer "shared" whose server answers in wrong ways (helpers/hostile_redis.py).

. "$(dirname "${BASH_SOURCE[0]}")/../redis/proxy.sh"

# Its modes, for proxy_is, are in the helper; it says in `damaged` what it did.
start_hostile() {
	start_redis
	stand_in_starts hostile_redis.py damaged
}

# mount_hostile [OPTIONS] [LAYERS]: and other layers before it
mount_hostile() {
	start_hostile
	mount_with '{"layers": ['"${2:-}"'{"type": "redis", "name": "shared", "revalidate_ms": 0, "options":
		{"unix_socket_path": "proxy.sock", "socket_timeout": 0.5, "socket_connect_timeout": 2'"${1:+, $1}"'}}],
		"cachefs": {"state_dir": "state", "attr_timeout": 0, "entry_timeout": 0}}'
	wait_until 60 layer_is shared false
}

# in_time COMMAND...: it may fail, and must not hang.
in_time() {
	local rc=0
	timeout -s KILL 60 "$@" >out 2>error || rc=$?
	[[ $rc != 137 ]] || fail "hangs: $*"
}

# Each operation, whatever comes of it; and a value is the one that was set, or none.
use_it() {
	local got
	in_time cat "$MNT/k"
	got=$(<out)
	[[ ! $got || $got = value ]] || fail "$1: another value: \"$got\""
	in_time stat "$MNT/k"
	in_time sh -c "echo new >'$MNT/new'"
	in_time ls -l "$MNT" "$MNT/d"
	in_time mv "$MNT/new" "$MNT/newer"
	in_time mv "$MNT/d" "$MNT/e"
	in_time mv "$MNT/e" "$MNT/d"
	in_time rm -f "$MNT/newer"
	in_time mkdir "$MNT/empty"
	in_time rmdir "$MNT/empty"
	still_there "$1"
}

is_well() {
	timeout 60 cp value "$MNT/k" 2>/dev/null && cmp -s value "$MNT/k"
}

prepare() {
	local i
	printf value >value
	wait_until 60 is_well
	for i in {1..5}; do
		wait_until 60 set_at "d/$i"
	done
}

set_at() {
	mkdir -p "$MNT/${1%/*}" && cp value "$MNT/$1"
} 2>/dev/null

holds() {
	cmp -s value "$MNT/$1"
}

lists_more_than_one() {
	[[ $(ls "$MNT" | wc -l) -gt 1 ]]
}
