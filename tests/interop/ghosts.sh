# Words for tests of two mounts over one Redis, and their listings.

REDIS='{"type": "redis", "name": "shared", "options": {"unix_socket_path": "redis.sock"}}'

FASTER=("$MEMORY" '{"type": "lfu"}' '{"type": "ttl"}' "$MEMORY, {\"type\": \"lfu\"}"
	"$MEMORY, {\"type\": \"disk\", \"options\": {\"path\": \"NAME.sqlite\"}}"
	'{"type": "file", "options": {"directory": "NAME.files"}}')

# mount_one NAME LAYERS [MEMBERS]: with files of its own, at $TMP/NAME
mount_one() {
	local json='{"layers": ['"$2"'], "cachefs": {"state_dir": "NAME.state"}'"${3:+, $3}"'}'
	mkdir -p "$TMP/$1"
	printf '%s\n' "${json//NAME/$1}" >"$TMP/$1.json"
	"$CACHEFS" -f "$TMP/$1.json" "$TMP/$1" </dev/null >>"$LOG" 2>&1 &
	PIDS+=($!)
	at_end "fusermount3 -u -q '$TMP/$1' || fusermount3 -u -z -q '$TMP/$1'"
	wait_until 30 is_mounted "$TMP/$1"
	wait_until 30 is_up "$1"
}

is_up() {
	[[ $(jq -r '.layers[] | select(.name == "shared") | .down' "$TMP/$1/.cachefs/stats.json") = false ]]
}

# two_mounts FASTER: memory over the server at a, these layers over it at b
two_mounts() {
	PIDS=()
	mount_one a "$MEMORY, $REDIS"
	mount_one b "$1, $REDIS"
}

end_mounts() {
	fusermount3 -u "$TMP/a"
	fusermount3 -u "$TMP/b"
	wait "${PIDS[@]}"
	redis FLUSHALL >/dev/null
	rm -rf [ab].state [ab].sqlite* [ab].files
}

names() {
	ls -A "$TMP/$1" | paste -sd' '
}

names_are() {
	[[ $(names "$1") = "$2" ]]
}

# The sizes that ls -l shows, with the names.
sizes() {
	find "$TMP/$1" -mindepth 1 -maxdepth 1 -type f -printf '%f:%s\n' | sort | paste -sd' '
}

sizes_are() {
	[[ $(sizes "$1") = "$2" ]]
}

# b has it all in its faster layers
fill_and_read() {
	local i
	mkdir -p a/d
	for i in 1 2 3 4 5; do
		echo "value $i" >"a/d/$i"
	done
	cat b/d/* >/dev/null
}
