#!/bin/bash
# A disk that is full again and again, by another program that fills and frees it and by the cache itself: sets,
# removals, and restarts of both kinds. No operation but a set fails, nothing that was removed comes back, and after
# each freeing sets work. SOAK_SECONDS for each (30 s in all; LONG=1: ten minutes each).
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/full.sh"

SOAK_SECONDS=${SOAK_SECONDS:-$((${LONG:+597} + 3))}
TEST_SECONDS=$((SOAK_SECONDS + 180))

# Of the 60 names some are removed: those must be gone. What is set meanwhile may have been evicted, or be refused.
declare -A GONE

soak_set() {
	local name=$1
	unset "GONE[$name]"
	cp "soak$((RANDOM % 3))" "$MNT/$name" 2>/dev/null || true
}

soak_remove() {
	local name=$1 said
	said=$(rm "$MNT/$name" 2>&1) || [[ $said == *"No such file or directory"* ]] || fail "rm $name: $said"
	GONE[$name]=1
}

soak_remove_prefix() {
	local i
	if ((RANDOM % 2)); then
		invalidate d
	elif [[ -e $MNT/d ]]; then
		rmdir "$MNT/d" || [[ ! -e $MNT/d ]] || fail "rmdir d"
	fi
	for i in {1..20}; do
		GONE[d/k$i]=1
	done
	mkdir "$MNT/d" 2>/dev/null || true # a set, as it were
}

nothing_came_back() {
	local name
	for name in "${!GONE[@]}"; do
		! cat "$MNT/$name" >/dev/null 2>&1 || fail "$name was removed, and is served"
		[[ ! -e $MNT/$name ]] || fail "$name was removed, and has a stat"
	done
}

some_name() {
	local i=$((RANDOM % 40 + 1))
	NAME=k$i
	((i <= 20)) || NAME=d/k$((i - 20))
}

# soak: what is mounted, with $TMP/store below it
soak() {
	local end=$((SECONDS + SOAK_SECONDS)) i round=0
	random_file soak0 1000
	random_file soak1 40000
	random_file soak2 150000
	mkdir "$MNT/d"
	while ((SECONDS < end || round < 4)); do
		each_round $((++round))
		((round % 2)) || { fill_disk; [[ $((round % 4)) != 0 ]] || keep_full; }
		for i in {1..40}; do
			some_name
			case $((RANDOM % 10)) in
			[0-5]) soak_set "$NAME" ;;
			[6-8]) soak_remove "$NAME" ;;
			9) ((RANDOM % 5)) || soak_remove_prefix ;;
			esac
		done
		nothing_came_back
		case $((round % 4)) in
		1) restart_daemon ;;
		2 | 0) kill_daemon ;;
		esac
		nothing_came_back
		free_disk
		wait_until 60 set_succeeds_again last
	done
}

# A layer that takes nothing in half of the rounds, so that what it misses is to be remembered.
each_round() {
	if [[ ! -d files ]]; then
		return
	elif (($1 % 2)); then
		open_files
	else
		wait_until 30 close_files # a file in it may be being written
	fi
}

test_a_disk_layer_on_tmpfs() {
	tmpfs_disk 8
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "store/db.sqlite",
		"inline_limit_kb": 100}}]}'
	soak
}

test_a_disk_layer_on_ext4() {
	ext4_disk 64
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "store/db.sqlite",
		"inline_limit_kb": 100}}]}'
	soak
}

test_a_file_layer_on_tmpfs() {
	tmpfs_disk 8
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "store/files"}}]}'
	soak
}

test_a_file_layer_on_ext4() {
	ext4_disk 64
	mount_with '{"layers": [{"type": "memory"}, {"type": "file", "options": {"directory": "store/files"}}]}'
	soak
}

test_a_state_dir_on_tmpfs() {
	tmpfs_disk 8
	mount_two write_back
	soak
}

test_a_state_dir_on_ext4() {
	ext4_disk 64
	mount_two write_back
	soak
}

run_tests
