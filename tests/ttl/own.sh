# Words for tests of the own end of an entry beside the ends that layers give their copies.

TTL='{"type": "ttl"}'

# mount_layers LAYERS [MEMBERS]
mount_layers() {
	[[ $1 != *redis.sock* || $REDIS_PID ]] || start_redis
	mount_with "{\"layers\": [$1]${2:+, $2}, \"cachefs\": {\"state_dir\": \"state\"}}"
}

flush() {
	control flush
}

# Each fast layer that has a default, over each durable type, with each strategy: for_each_stack COMMAND
for_each_stack() {
	local fast slow strategy
	for fast in "$TTL" '{"type": "memory", "options": {"default_ttl_s": 3600}}'; do
		for slow in "$DISK" "$FILE" "$REDIS"; do
			for strategy in write_through write_back write_around; do
				mount_layers "$fast, $slow" "\"write_strategy\": \"$strategy\""
				"$1"
				unmount
				rm -rf db.sqlite* files state
				[[ ! $REDIS_PID ]] || redis FLUSHALL >/dev/null
			done
		done
	done
}

# store_end KEY: when the durable store's copy ends, in Unix time without fractions; "never"
store_end() {
	flush
	if [[ -e db.sqlite ]]; then
		sqlite3 db.sqlite "SELECT ifnull(CAST(expires_at AS INTEGER), 'never') FROM cache WHERE cache_key = '$1'"
	elif [[ -d files ]]; then
		jq -r 'if .expires_at == null then "never" else .expires_at | floor end' "files/$1.json"
	else
		local ms
		ms=$(redis PEXPIRETIME "accuralai:cache:$1")
		if ((ms > 0)); then echo $((ms / 1000)); else echo never; fi
	fi
}

expect_store_end() {
	expect "end of $1 in the store after $3" "$2" "$(store_end "$1")"
}

# expect_near WHAT SECONDS MOMENT: it lies so many seconds ahead, or up to a minute less
expect_near() {
	local left=$((${3%%.*} - $(date +%s)))
	((left <= $2 + 1 && left > $2 - 60)) || fail "$1: $left s ahead, not $2"
}
