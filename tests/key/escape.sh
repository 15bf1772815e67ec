# Words for tests of keys that no path can spell: another program wrote them into the database.

# mount_over ROWS [SETTINGS]
mount_over() {
	mount_stack "${2:-}"
	foreign "$1"
}

# foreign "KEY, VALUE", "KEY, VALUE" ...: SQL expressions
foreign() {
	local pair
	for pair; do
		echo "INSERT OR REPLACE INTO cache(cache_key, payload, expires_at, updated_at)
			SELECT column1, column2, NULL, 1000.25 FROM (VALUES $pair);"
	done | sqlite3 -cmd '.timeout 10000' db.sqlite
}

rows() {
	sqlite3 -cmd '.timeout 10000' db.sqlite 'SELECT quote(cache_key) FROM cache ORDER BY cache_key' | paste -sd' '
}

long=$(printf 'l%.0s' {1..300})

odd="('http://host/page', 'double'), ('/a', 'leading'), ('d//', 'two'), ('d/.', 'dot'), ('d/../k', 'dotdot'),
	('d/' || char(65, 0, 66), 'nul'), ('d/$long', 'long'), ('d/$long/x', 'below long'), ('d/%{2E}', 'looks'),
	('a', 'own'), ('a/b', 'below'), ('a!', 'between'), ('a/', 'slash'), ('a/%{self}', 'looks own'), ('p', 'plain')"

# What find and cat show: "NAME=VALUE", long names cut short.
tree() {
	(cd "$MNT/$1" && find . -type f | sort | while read -r name; do
		printf '%s=%s\n' "${name#./}" "$(cat "$name")"
	done) | sed -E 's/\{(6C){96}~[0-9A-F]{32}\}/{l~}/'
}
