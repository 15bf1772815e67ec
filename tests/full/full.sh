# The words for disks that are full, beside lib.sh's. A test file sources this one, and says on which
# disk it is, what is mounted, and who fills the disk:
#
#	test_removing_on_tmpfs() {
#		tmpfs_disk 8                    or ext4_disk 64: $TMP/store, of so many MiB
#		mount_with '{"type": ..., "options": {... "store/..." ...}}'
#		check_removing another_program  or the_cache
#	}
#
# What is in the configuration is the caller's alone: the checks know the mount, and $TMP/store.

# --- disks ------------------------------------------------------------------

# tmpfs_disk [MIB]
tmpfs_disk() {
	small_disk "${1:-8}"
}

# ext4_disk [MIB]: loop-mounted; the loop device goes with the mount
ext4_disk() {
	command -v mkfs.ext4 >/dev/null || skip "no mkfs.ext4 here"
	mkdir store
	truncate -s "${1:-64}M" store.img
	mkfs.ext4 -q -m 0 -E lazy_itable_init=0,lazy_journal_init=0 store.img
	mount -o loop store.img store 2>/dev/null || skip "no loop devices here"
	at_end 'umount "$TMP/store" || umount -l "$TMP/store"'
}

bytes_free() {
	echo $(($(stat -f -c '%a * %S' store)))
}

# fill_disk: another program takes all that is free, to the last block
fill_disk() {
	local before=-1 now i
	for i in {1..20}; do
		cat /dev/zero >>store/ballast 2>/dev/null || true
		sync -f store/ballast
		now=$(bytes_free)
		[[ $now != 0 && $now != "$before" ]] || return 0
		before=$now
	done
}

# keep_full: it goes on taking what becomes free, until free_disk
keep_full() {
	touch taking
	while [[ -e taking ]]; do
		cat /dev/zero >>store/ballast 2>/dev/null || true
		sleep 0.002
	done &
	TAKER=$!
	at_end "rm -f '$TMP/taking'"
}

free_disk() {
	rm -f taking
	[[ ! ${TAKER:-} ]] || wait "$TAKER" # it would go on to fill what has no name any more
	TAKER=
	rm -f store/ballast
}

# The daemon hears of a used-up quota where its disk is full (helpers/quota.c).
with_a_quota() {
	cat >daemon <<-END
		#!/bin/sh
		export LD_PRELOAD=$(realpath "$HELPERS")/quota.so
		export ASAN_OPTIONS=\$ASAN_OPTIONS:verify_asan_link_order=0
		exec "$CACHEFS" "\$@"
	END
	chmod +x daemon
	CACHEFS=$TMP/daemon
}

# --- state_dir on it --------------------------------------------------------

# mount_two [WRITE_STRATEGY]: state_dir there, and elsewhere two durable layers, of which the slower one takes nothing
# while it is closed.
mount_two() {
	mkdir files
	mount --bind files files
	at_end 'umount "$TMP/files"'
	mount_with '{"layers": [{"type": "memory"}, {"type": "disk", "options": {"path": "db.sqlite"}},
		{"type": "file", "options": {"directory": "files"}}],
		"write_strategy": "'"${1:-write_through}"'",
		"cachefs": {"state_dir": "store/state", "drain_timeout": 1, "journal_wait": 0.2}}'
}

close_files() {
	mount -o remount,ro,bind files 2>/dev/null
}

open_files() {
	mount -o remount,rw,bind files
}

# --- what fills it ----------------------------------------------------------

# Twice what there is, in 400 values that do not compress: an end for who evicts, and for who does not.
fill_by_the_cache() {
	local size i
	size=$(($(stat -f -c '%b * %S' store)))
	random_file large $((size / 200))
	for ((i = 0; i < 400; i++)); do
		cp large "$MNT/fill$i" 2>/dev/null || break
	done
}

# filled_by WHO: the_cache, another_program, or a_taker (which goes on taking all that becomes free)
filled_by() {
	case $1 in
	the_cache) fill_by_the_cache ;;
	another_program) fill_disk ;;
	a_taker) fill_disk && keep_full ;;
	esac
}

# --- the checks -------------------------------------------------------------

# set_names PREFIX COUNT [SIZE]: PREFIX1, PREFIX2, ... each a value of its own
set_names() {
	local i
	for ((i = 1; i <= $2; i++)); do
		printf '%s%*s' "$1$i" "${3:-0}" '' >"$MNT/$1$i"
	done
}

# all_absent NAME...: to open, stat and ls
all_absent() {
	local name
	for name; do
		! cat "$MNT/$name" >/dev/null 2>&1 || fail "$name is served"
		! stat "$MNT/$name" >/dev/null 2>&1 || fail "$name has a stat"
		! ls -A "$(dirname "$MNT/$name")" 2>/dev/null | grep -qxF "$(basename "$name")" ||
			fail "$name is listed"
	done
}

nothing_is_there() {
	expect "ls" "" "$(ls -A "$MNT" | head -5 | paste -sd' ')"
}

# invalidate PREFIX: there may be nothing left of it
invalidate() {
	local said
	said=$( (printf 'invalidate %s\n' "$1" >"$MNT/.cachefs/control") 2>&1) ||
		[[ $said == *"No such file or directory"* ]] || fail "invalidate $1: $said"
}

# check_removing WHO: on a disk that WHO has filled rm, rmdir and invalidate work, also after restarts; what was
# removed is served no more; once there is space, sets work.
check_removing() {
	mkdir "$MNT/d" "$MNT/e" "$MNT/empty"
	set_names k 8 3000
	set_names d/k 20 3000
	set_names e/k 20 3000
	filled_by "$1"
	rmdir "$MNT/empty" # first, for it frees nothing that the others could use
	all_absent empty
	rm -f "$MNT/k1" "$MNT/k2"
	all_absent k1 k2
	rmdir "$MNT/d"
	all_absent d d/k1 d/k20 empty
	kill_daemon
	all_absent k1 k2 d d/k1 empty
	[[ ! -e $MNT/k3 ]] || rm "$MNT/k3"
	all_absent k3
	restart_daemon
	all_absent k1 k2 k3 d d/k1 empty
	[[ ! -e $MNT/e/k1 ]] || rm "$MNT/e/k1"
	invalidate e
	all_absent e/k1 e/k2
	invalidate /
	nothing_is_there
	kill_daemon
	nothing_is_there
	free_disk
	wait_until 60 set_succeeds_again k1
	restart_daemon
	expect_value k1 again
	all_absent k2 k3 d e
}

# check_evicting [SETS]: what another program has left of the disk holds entries that give way to others, one by one
# (with "min_free_mb": 0). More than 20 sets leave none of them.
check_evicting() {
	local i sets=${1:-20}
	set_names old 60 20000
	fill_disk
	for ((i = 1; i <= sets; i++)); do
		random_file "new$i" 30000
		cp "new$i" "$MNT/new$i" || fail "set $i of $sets failed, with 60 entries to evict"
	done
	cmp "new$sets" "$MNT/new$sets"
	expect_absent old1
	((sets > 20)) || [[ $(cat "$MNT/old60") == "$(printf 'old60%20000s' '')" ]] || fail "old60 is not what it was"
	free_disk
}

# check_min_free LAYER: with "min_free_mb": 2 on a disk of 8 MiB, of which another program takes some, the layer gives
# way, says so once, in the log and in the stats, and takes it back.
check_min_free() {
	local layer=$1
	set_names big 100 40000
	head -c 3500000 /dev/zero >store/ballast
	set_value poke x
	wait_until 60 is_free 2000000
	expect "said in the log" 1 "$(grep -c 'min_free_mb' "$LOG")"
	(($(layer_stat "$layer" entries) > 10)) || fail "it has emptied itself"
	expect_absent big1
	[[ $(cat "$MNT/big100") == "$(printf 'big100%40000s' '')" ]] || fail "the newest is gone"
	fill_disk
	set_value poke y
	wait_until 60 says_low "$layer"
	wait_until 60 is_free 800000 # it has given way
	(($(layer_stat "$layer" entries) > 5)) || fail "it has emptied itself for another program"
	free_disk
	set_value last x
	wait_until 60 says_nothing "$layer"
	expect_value last x
}

is_free() {
	(($(bytes_free) >= $1))
}

says_low() {
	[[ $(layer_stat "$1" trouble) == *min_free_mb* ]]
}

says_nothing() {
	[[ $(layer_stat "$1" trouble) == null ]]
}

set_succeeds_again() {
	printf again >"$MNT/$1" 2>/dev/null && [[ $(cat "$MNT/$1") == again ]]
}
