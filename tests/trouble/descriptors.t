#!/bin/bash
# A daemon without descriptors says so: what it cannot read is no miss, and is there once it can.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/shortage.sh"

KEYS=40

# set_keys SIZE: k1, k2, ... of that many bytes
set_keys() {
	local i
	for ((i = 1; i <= KEYS; i++)); do
		head -c "$1" /dev/zero >"$MNT/k$i"
	done
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

run_tests
