#!/bin/bash
# The longest path that a system call takes is 4,095 bytes; the longest key below the mount likewise.
. "$(dirname "$0")/posix.sh"

# deep_path COUNT: 254 bytes and a slash, as often
deep_path() {
	local c i
	c=$(printf 'c%.0s' {1..254})/
	for ((i = 0; i < $1; i++)); do printf %s "$c"; done
}

test_a_path_of_4095_bytes() {
	local p
	p=$(deep_path 15)$(printf 'd%.0s' {1..15})/
	mkdir -p "$p"
	p=$p$(printf 'x%.0s' {1..254})
	expect length 4095 "${#p}"
	if [[ ! ${POSIX_DIR:-} ]]; then
		# The directory of the test is part of the key, which must not be longer either.
		local own=$((${#PWD} - ${#BASE}))
		p=${p:0:4095 - own}
	fi
	calls 0 0 0 -- open "$p" O_CREAT,O_RDWR 0644 : write 0 deep : close 0
	expect content deep "$(cat "$p")"
	calls 0 0 -- unlink "$p" : open "$p" O_CREAT,O_WRONLY 0644
}

test_a_path_of_4096_bytes_is_too_long() {
	local p
	p=$(deep_path 16)
	p=$p$(printf 'x%.0s' {1..16})
	expect length 4096 "${#p}"
	calls ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG ENAMETOOLONG -- open "$p" O_RDONLY : mkdir "$p" 0755 : \
		lstat "$p" mode : unlink "$p"
}

test_every_byte_but_slash_and_nul_is_a_name() {
	local i name names=()
	for i in $(seq 1 255); do
		[[ $i != 47 ]] || continue
		printf -v name "b\\x$(printf %x "$i")"
		names+=("$name")
		: >"$name"
	done
	expect names 254 "$(find . -name 'b?*' -printf 'x\n' -o -name 'b*' -printf 'x\n' | grep -c x)"
	local out
	out=$(find . -mindepth 1 -printf '%f\0' | LC_ALL=C sort -z | xxd -p)
	expect bytes "$(printf '%s\0' "${names[@]}" | LC_ALL=C sort -z | xxd -p)" "$out"
	rm -f ./b*
	expect left "" "$(ls -A)"
}

test_dots_at_either_end() {
	mkdir d
	touch d/f ... .f. '..g'
	test -e d/../d/./f
	expect names "... ..g .f. d" "$(ls -A | LC_ALL=C sort | paste -sd' ')"
}

run_posix_tests
