# Words for tests of who used an entry last, the package or the mount.

package() {
	python3 "$ROOT/tests/helpers/package.py" sqlite db.sqlite "$@"
}

mount_disk() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite"'"${1:+, $1}"'}}'
}

# The key whose updated_at is newest.
newest() {
	sql "SELECT cache_key FROM cache ORDER BY updated_at DESC LIMIT 1"
}

newest_is() {
	[[ $(newest) = "$1" ]]
}

get() {
	cat "$MNT/$1" >/dev/null
}
