#!/bin/bash
# A size that can never fit is refused at once, and what follows a failed write fails so too.
. "$(dirname "$0")/../lib.sh"

# refuses_size SIZE: what a truncate and fallocate of k to that size say, between writes that go on.
refuses_size() {
	python3 -ES - "$MNT/k" "$1" <<-'END'
		import errno, os, sys
		path, size = sys.argv[1], int(sys.argv[2])
		fd = os.open(path, os.O_CREAT | os.O_RDWR)
		os.write(fd, b"abcd")
		for refused in (lambda: os.ftruncate(fd, size), lambda: os.posix_fallocate(fd, 0, size),
		                lambda: os.truncate(path, size)):
		    try:
		        refused()
		        sys.exit("it fitted")
		    except OSError as e:
		        assert e.errno == errno.EFBIG, e
		os.write(fd, b"efgh")
		os.fsync(fd)
		os.close(fd)
	END
	expect_value k abcdefgh
}

test_a_size_that_can_never_fit_is_refused_at_once_and_spoils_nothing() {
	mount_stack
	refuses_size 999999999999999
}

test_a_size_beyond_the_bound_of_unpublished_content_is_refused_so() {
	mount_stack '"pending_max_bytes": 1000000'
	refuses_size 1000001
}

# fails ERRNO PATH: writes blocks of 600,000 bytes until one fails; all that follows fails so too.
fails() {
	python3 -ES - "$@" <<-'END'
		import errno, os, sys
		fd = os.open(sys.argv[2], os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
		def answer(call):
		    try:
		        call()
		        return "0"
		    except OSError as e:
		        return errno.errorcode[e.errno]
		write = lambda: os.write(fd, bytes(600000))
		while (said := answer(write)) == "0":
		    pass
		said = [said, answer(write), answer(lambda: os.fsync(fd)), answer(lambda: os.close(fd))]
		sys.exit(0 if said == [sys.argv[1]] * 4 else " ".join(said))
	END
}

test_after_a_failed_write_all_that_follows_says_the_same() {
	mount_stack '"pending_max_bytes": 1000000'
	set_value k old
	fails ENOSPC "$MNT/k"
	expect_value k old
	fails ENOSPC "$MNT/k.tmp"
}

test_so_does_a_write_that_the_disk_has_no_room_for() {
	small_disk 8
	mount_with '{"type": "disk", "options": {"path": "store/db.sqlite"}}'
	set_value k old
	fails ENOSPC "$MNT/k"
	expect_value k old
}

run_tests
