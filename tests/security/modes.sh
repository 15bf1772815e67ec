# Words for tests of whose an entry is that another program wrote, or whose metadata were lost.

shows() {
	local what=$1
	shift
	expect "$1" "$what" "$(stat -c '%F %a %u:%g' "$MNT/$1")"
}

OURS="$(id -u):$(id -g)"
TABLE='CREATE TABLE IF NOT EXISTS cache(cache_key TEXT PRIMARY KEY, payload TEXT NOT NULL, expires_at REAL, updated_at REAL NOT NULL);'
NO_CACHE='"attr_timeout": 0, "entry_timeout": 0'
