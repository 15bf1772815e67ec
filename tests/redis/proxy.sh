# Words for tests of a layer "shared" whose server, or the way to it, fails. A stand-in for the network
# (helpers/redis_proxy.py) lies between the daemon and a real server.

start_proxy() {
	stand_in_starts redis_proxy.py proxy.said
}

# stand_in_starts HELPER FILE: what it prints goes to that file
stand_in_starts() {
	proxy_is pass
	python3 -ES "$ROOT/tests/helpers/$1" proxy.sock redis.sock proxy.mode >"$2" 2>proxy.log &
	at_end "kill $!"
	wait_until 60 test -S proxy.sock
}

# proxy_is MODE: from now on
proxy_is() {
	echo "$1" >proxy.mode.new
	mv proxy.mode.new proxy.mode
}

# expect_theirs_not_older KEY VALUE: the server has this value or none.
expect_theirs_not_older() {
	local got
	got=$(redis GET "accuralai:cache:$1")
	[[ ! $got || $got = "$2" ]] || fail "$1 in the server: \"$got\", not \"$2\" or nothing"
}
