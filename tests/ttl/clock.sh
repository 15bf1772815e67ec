# Words for tests in which somebody sets the wall clock while the daemon runs (helpers/clock.c).

with_a_clock_to_set() {
	cat >daemon <<-END
		#!/bin/sh
		export LD_PRELOAD=$1 CLOCK_OFFSET=$TMP/offset FAKETIME=+0
		export ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0
		exec "$CACHEFS" "\$@"
	END
	chmod +x daemon
	CACHEFS=$TMP/daemon
}

# wall_clock_is_set SECONDS: it is so many ahead from now on
wall_clock_is_set() {
	echo "$1" >offset.new
	mv offset.new offset
}
