# Words for tests of temporary names: what is written under them lives in the daemon until it is renamed.

# Nothing has reached a layer since the mount.
expect_layers_untouched() {
	expect "layers" '[0,0,0,0,0,0]' "$(stat_of '[.layers[] | .sets, .entries, (.calls.set.calls // 0)]')"
	expect "sets, hits" "[0,0]" "$(stat_of "[.sets, .hits]")"
}

rows() {
	sqlite3 db.sqlite 'SELECT cache_key FROM cache ORDER BY 1' | paste -sd' '
}
