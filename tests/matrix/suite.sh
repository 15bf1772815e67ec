# One suite over every single layer and over stacks with every strategy: a stack is a line in stacks(), and a test_
# line in one of the files beside this one. What the suite does is in suite_keys.sh and suite_names.sh.
. "$(dirname "${BASH_SOURCE[0]}")/suite_keys.sh"
. "$(dirname "${BASH_SOURCE[0]}")/suite_names.sh"

DISK='{"type": "disk", "options": {"path": "store/db.sqlite"}}'
FILE='{"type": "file", "options": {"directory": "store/files"}}'

# NAME: layers; further members
stacks() {
	cat <<-END
		memory: $MEMORY;
		lfu: {"type": "lfu"};
		ttl: {"type": "ttl"};
		disk: $DISK;
		file: $FILE;
		memory_over_disk: $MEMORY, $DISK;
		lfu_over_file: {"type": "lfu"}, $FILE;
		disk_over_disk: ${DISK/db/fast}, $DISK;
		disk_over_file: $DISK, $FILE;
		two_memories: {"type": "memory", "options": {"max_entries": 2}}, {"type": "memory"};
		noop_over_disk: {"type": "noop"}, $DISK;
		three_layers: $MEMORY, {"type": "lfu", "options": {"max_entries": 2}}, $DISK;
		promotion_never: $MEMORY, $DISK; "promotion_strategy": "never"
		promotion_by_frequency: $MEMORY, $DISK; "promotion_strategy": "frequency_based", "promotion_threshold": 2
		redis: $REDIS;
		ttl_over_disk: {"type": "ttl"}, $DISK;
		ttl_over_redis: {"type": "ttl"}, $REDIS;
		ttl_back_to_files: {"type": "ttl"}, $FILE; "write_strategy": "write_back"
		memory_over_redis_over_disk: $MEMORY, $REDIS, $DISK;
		redis_around: $MEMORY, $REDIS, $DISK; "write_strategy": "write_around"
		redis_back: $MEMORY, $REDIS, $DISK; "write_strategy": "write_back"
		write_back: $MEMORY, $DISK; "write_strategy": "write_back"
		write_back_to_files: {"type": "lfu"}, $FILE; "write_strategy": "write_back"
		disk_back_to_disk: ${DISK/db/fast}, $DISK; "write_strategy": "write_back"
		disk_around_disk: ${DISK/db/fast}, $DISK; "write_strategy": "write_around"
		write_around: $MEMORY, $DISK; "write_strategy": "write_around"
		write_around_and_never: {"type": "lfu"}, $FILE; "write_strategy": "write_around", "promotion_strategy": "never"
	END
}

mount_stack_named() {
	local line members
	line=$(stacks | grep "^$1: ")
	line=${line#*: } members=${line#*;} line=${line%%;*}
	[[ $line != *redis* ]] || start_redis
	small_disk 24
	mount_with '{"layers": ['"$line"']'"${members:+, $members}"'}'
	DURABLE=
	[[ $line != *'"disk"'* && $line != *'"file"'* && $line != *'"redis"'* ]] || DURABLE=1
}

# Restarts; what is not durable is set again by the commands.
restart_or() {
	restart_daemon
	[[ $DURABLE ]] || "$@"
}

suite() {
	mount_stack_named "$1"
	gets_and_sets
	lives_and_expires
	parts_of_ends "$1"
	renames
	prefixes
	metadata
	rm -f "$MNT/m" "$MNT/link"
	rmdir "$MNT/md"
	killed_in_a_group
	order "$1"
	hidden_names "$1"
	[[ $1 == noop || ! $DURABLE ]] || removals_on_a_full_disk
}

# The default run has each layer and each strategy once.
long_suite() {
	[[ ${LONG:-} ]] || skip "only with --long"
	suite "$1"
}
