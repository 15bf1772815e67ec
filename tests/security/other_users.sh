# Words for tests of what other users may do on a mount that lets them in.

others_may_come() {
	[[ $EUID = 0 ]] || skip "only root can be other users"
	chmod 711 "$TMP"
}

# mount_for_all JSON
mount_for_all() {
	others_may_come
	echo "$1" >cachefs.json
	start_daemon -o allow_other cachefs.json
	chmod 777 "$MNT"
}

# as_user UID PYTHON [ARGUMENT...]
as_user() {
	python3 -ES "$ROOT/tests/helpers/as_user.py" "$@"
}
