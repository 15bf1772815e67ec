#!/bin/bash
# What the daemon is short of, or must not read, is no miss: an error, a line in the log, and the
# value is there once it can be read.
. "$(dirname "$0")/../lib.sh"

KEYS=40

mount_value_files() {
	mount_with '{"type": "disk", "options": {"path": "db.sqlite", "inline_limit_kb": 4}}'
}

# set_keys SIZE: k1, k2, ... of that many bytes
set_keys() {
	local i
	for ((i = 1; i <= KEYS; i++)); do
		head -c "$1" /dev/zero >"$MNT/k$i"
	done
}

# few_descriptors SPARE: no more for the daemon than it has open now, and these.
few_descriptors() {
	local limit=0 spare=$1
	until [[ ! -e /proc/$DAEMON_PID/fd/$limit ]] && ((spare-- == 0)); do
		((++limit))
	done
	prlimit --pid "$DAEMON_PID" --nofile="$limit:"
}

enough_descriptors() {
	prlimit --pid "$DAEMON_PID" --nofile=1024:
}

# What it says to open all of them, and stat and open each once more, held open: the names of errnos.
open_all() {
	python3 - "$MNT" "$KEYS" <<'END'
import errno, os, sys
held, said = [], set()
for i in range(1, int(sys.argv[2]) + 1):
    path = "%s/k%d" % (sys.argv[1], i)
    for what in (lambda: os.stat(path), lambda: held.append(os.open(path, os.O_RDONLY))):
        try:
            what()
        except OSError as e:
            said.add(errno.errorcode[e.errno])
print(*sorted(said))
END
}

no_miss_for_want_of_descriptors() {
	set_keys 2000000
	restart_daemon
	cat "$MNT/k1" >/dev/null
	few_descriptors 12
	expect "errors" EMFILE "$(open_all)"
	grep -q 'Too many open files' "$LOG"
	enough_descriptors
	expect "errors afterwards" "" "$(open_all)"
	expect "names" "$KEYS" "$(ls "$MNT" | wc -l)"
}

test_many_readers_of_value_files_and_few_descriptors() {
	mount_value_files
	no_miss_for_want_of_descriptors
}

test_many_readers_of_value_files_below_memory_and_few_descriptors() {
	mount_stack '' '"inline_limit_kb": 4'
	no_miss_for_want_of_descriptors
}

# stat needs no descriptor, and an open one for a moment only: so there must be none at all
test_an_entry_in_a_json_file_and_no_descriptors() {
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	set_keys 1000
	restart_daemon
	ls -l "$MNT" >/dev/null
	few_descriptors 0
	expect "errors" EMFILE "$(open_all)"
	expect_error "Too many open files" cat "$MNT/k1"
	expect "size" 1000 "$(stat -c %s "$MNT/k2")"
	enough_descriptors
	expect "errors afterwards" "" "$(open_all)"
	expect "names" "$KEYS" "$(ls "$MNT" | wc -l)"
}

test_files_that_could_not_be_read_are_listed_later() {
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	set_value k value
	few_descriptors 0
	echo '{"payload": 1, "expires_at": null}' >files/new.json
	expect_error "Too many open files" cat "$MNT/new"
	enough_descriptors
	expect_value new 1
	expect_list "" "k new"
}

test_an_undrained_value_file_and_few_descriptors() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state", "journal_max_mb": 1000}}'
	stop_redis
	set_keys 2000000
	few_descriptors 12
	expect "errors" EMFILE "$(open_all)"
	enough_descriptors
	expect "errors afterwards" "" "$(open_all)"
}

# what_is_no_file_is_undrained_damage COMMAND...
what_is_no_file_is_undrained_damage() {
	start_redis
	mount_with '{"layers": [{"type": "memory"}, {"type": "redis", "options": {"unix_socket_path": "redis.sock"}}],
		"write_strategy": "write_back", "cachefs": {"state_dir": "state"}}'
	stop_redis
	random_file value 2000000
	cp value "$MNT/k"
	set_value other x
	cp value elsewhere
	"$@" state/state.sqlite.values/*
	# EIO, or a miss once the drain has set it aside: what it leads to is never served
	! timeout 60 cat "$MNT/k" >got 2>/dev/null || fail "it was read"
	expect "bytes" 0 "$(stat -c %s got)"
	wait_until 60 grep -q 'row 1 is damaged' "$LOG"
	expect_value other x
	start_redis
	wait_until 60 layer_is redis false
	control flush || true
	expect_value other x
	expect "in Redis" x "$(redis --raw GET accuralai:cache:other)"
	cmp value elsewhere
}

test_a_symbolic_link_in_the_place_of_an_undrained_value_file_is_damage() {
	what_is_no_file_is_undrained_damage put_a_link
}

test_a_pipe_in_the_place_of_an_undrained_value_file_is_damage() {
	what_is_no_file_is_undrained_damage put_a_pipe
}

# All at once: what each of them says.
open_at_once() {
	python3 - "$MNT" "$KEYS" <<'END'
import errno, os, sys, threading
said = set()
def get(i):
    try:
        os.close(os.open("%s/k%d" % (sys.argv[1], i), os.O_RDONLY))
    except OSError as e:
        said.add(errno.errorcode[e.errno])
threads = [threading.Thread(target=get, args=(i,)) for i in range(1, int(sys.argv[2]) + 1)]
for t in threads:
    t.start()
for t in threads:
    t.join()
print(*sorted(said))
END
}

test_a_redis_that_no_descriptor_is_left_for() {
	start_redis
	mount_redis '"socket_timeout": 60, "socket_connect_timeout": 60' '"attr_timeout": 0, "entry_timeout": 0'
	set_keys 100
	few_descriptors 0
	stop_process "$REDIS_PID"
	open_at_once >errors &
	wait_until 60 grep -q 'Too many open files' "$LOG"
	kill -CONT "$REDIS_PID"
	wait $!
	expect "errors" EMFILE "$(<errors)"
	expect "down" false "$(layer_stat redis down)"
	enough_descriptors
	expect "errors afterwards" "" "$(open_at_once)"
}

# The daemon is root in the tests: without these it may read no more than any other user.
start_powerless() {
	printf '#!/bin/sh\nexec setpriv --bounding-set -dac_override,-dac_read_search "%s" "$@"\n' "$CACHEFS" >powerless
	chmod 755 powerless
	local CACHEFS=$TMP/powerless
	start_daemon "$TMP/cachefs.json"
}

only_value_file() {
	echo db.sqlite.values/*
}

a_forbidden_value_file_is_no_miss() {
	random_file value 20000
	cp value "$MNT/k"
	unmount
	start_powerless
	chmod 0 "$(only_value_file)"
	expect_error "Permission denied" cat "$MNT/k"
	grep -q 'no permission to read the file of "k"' "$LOG"
	expect_list "" k
	chmod 600 "$(only_value_file)"
	cmp value "$MNT/k"
	chmod 0 "$(only_value_file)"
	unmount
	start_powerless
	expect_error "Permission denied" cat "$MNT/k"
	echo new >"$MNT/k"
	expect_value k new
}

# what_is_no_file_is_damage COMMAND...: which puts something in the place of the value file that it is given.
what_is_no_file_is_damage() {
	random_file value 20000
	cp value "$MNT/k"
	cp value elsewhere
	unmount
	"$@" "$(only_value_file)"
	start_daemon "$TMP/cachefs.json"
	expect_error "Input/output error" timeout 60 cat "$MNT/k"
	grep -q 'no regular file in the place of the file of "k".*damaged' "$LOG"
	echo new >"$MNT/k"
	expect_value k new
	cmp value elsewhere
}

put_a_link() {
	ln -sf "$TMP/elsewhere" "$1"
}

# One that nobody writes: to open it would be to wait for ever.
put_a_pipe() {
	rm "$1"
	mkfifo "$1"
}

test_a_value_file_that_must_not_be_read_is_no_miss() {
	mount_value_files
	a_forbidden_value_file_is_no_miss
}

# What memory has of it does not count after a start.
test_a_value_file_below_memory_that_must_not_be_read_is_no_miss() {
	mount_stack '' '"inline_limit_kb": 4'
	a_forbidden_value_file_is_no_miss
}

test_a_symbolic_link_in_the_place_of_a_value_file_is_damage() {
	mount_value_files
	what_is_no_file_is_damage put_a_link
}

test_a_symbolic_link_in_the_place_of_a_value_file_below_memory_is_damage() {
	mount_stack '' '"inline_limit_kb": 4'
	what_is_no_file_is_damage put_a_link
}

test_a_pipe_in_the_place_of_a_value_file_is_damage() {
	mount_value_files
	what_is_no_file_is_damage put_a_pipe
}

test_a_pipe_in_the_place_of_a_value_file_below_memory_is_damage() {
	mount_stack '' '"inline_limit_kb": 4'
	what_is_no_file_is_damage put_a_pipe
}

test_a_pipe_in_the_place_of_a_database_keeps_only_its_layer_away() {
	mkfifo db.sqlite
	mount_stack
	expect_error "Input/output error" cp /etc/hostname "$MNT/k"
	unmount
}

test_a_slower_layer_has_what_a_faster_one_must_not_read() {
	mount_with '{"layers": [{"type": "disk", "options": {"path": "db.sqlite", "inline_limit_kb": 4}},
		{"type": "file", "options": {"directory": "files"}}]}'
	random_file value 20000
	cp value "$MNT/k"
	unmount
	ln -sf "$TMP/value" "$(only_value_file)"
	start_daemon "$TMP/cachefs.json"
	cmp value "$MNT/k"
}

test_a_json_file_that_must_not_be_read_is_no_miss() {
	mount_with '{"type": "file", "options": {"directory": "files"}}'
	set_value k value
	unmount
	start_powerless
	expect_value k value
	chmod 0 files/k.json
	expect_error "Permission denied" cat "$MNT/k"
	grep -q 'k.json: Permission denied' "$LOG"
	echo '{"payload": 1, "expires_at": null}' >files/new.json
	chmod 0 files/new.json
	expect_error "Permission denied" cat "$MNT/new"
	expect_error "Permission denied" mkdir "$MNT/new"
	chmod 600 files/*.json
	expect_value k value
	expect_value new 1
}

# said_times TIMES TEXT: in the log
said_times() {
	expect "lines of \"$2\"" "$1" "$(grep -c "$2" "$LOG" || true)"
}

test_a_set_that_no_descriptor_is_left_for_is_said_once_until_it_works_again() {
	mount_stack '"working_copy_heap_kb": 0'
	open_writer a k1
	open_writer b k2
	open_writer c k3
	few_descriptors 0
	expect_told EMFILE a write x
	expect_told EMFILE b write x
	said_times 1 'cannot change the content of an open file: Too many open files'
	enough_descriptors
	writes_again() {
		tell c pwrite 0 x
		grep -q 'can change' "$LOG"
	}
	wait_until 60 writes_again
	said_times 1 'can change the content of an open file again'
	tell c close
	expect_value k3 x
}

test_a_lock_that_no_descriptor_is_left_for_is_said_once_until_it_works_again() {
	mount_stack
	set_value k v
	open_writer a k rw
	few_descriptors 0
	expect_told ENOLCK a flock ex
	expect_told ENOLCK a setlk ex
	said_times 1 'cannot make a lock: Too many open files'
	few_descriptors 1 # the file has its identity, and no owner
	expect_told ENOLCK a flock ex
	enough_descriptors
	locks_again() {
		tell a flock ex
		tell a flock un
		grep -q 'can make a lock' "$LOG"
	}
	wait_until 60 locks_again
	said_times 1 'cannot make a lock: Too many open files'
	said_times 1 'can make a lock again'
}

run_tests
