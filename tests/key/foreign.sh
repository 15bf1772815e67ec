# Words for tests of rows that another program wrote into the database.

sql() {
	sqlite3 -cmd '.timeout 10000' "$TMP/db.sqlite" "$1"
}
