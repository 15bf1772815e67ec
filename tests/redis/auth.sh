# Words for tests of passwords of Redis.

is_secret_nowhere() {
	! grep -r "$1" "$LOG" || fail "the log has the password"
	! grep "$1" "$MNT/.cachefs/config.json" "$MNT/.cachefs/stats.json" || fail ".cachefs has the password"
	! tr '\0' '\n' <"/proc/$DAEMON_PID/cmdline" | grep "$1" || fail "the command line has the password"
}
