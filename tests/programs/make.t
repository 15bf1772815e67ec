#!/bin/bash
# make and the compiler on the mount.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

test_make_sees_the_times_of_sources_and_objects() {
	mount_for_work
	mkdir "$MNT/p"
	printf 'int f(void);\nint main(void) { return f(); }\n' >"$MNT/p/main.c"
	printf 'int f(void) { return 0; }\n' >"$MNT/p/f.c"
	printf 'prog: main.o f.o\n\tgcc -o $@ $^\n%%.o: %%.c\n\tgcc -c -o $@ $<\n' >"$MNT/p/Makefile"
	make -s -C "$MNT/p"
	"$MNT/p/prog"
	expect "nothing to do" "" "$(make -s -C "$MNT/p" | grep gcc || true)"
	make -q -C "$MNT/p"
	printf 'int f(void) { return 7; }\n' >"$MNT/p/f.c"
	! make -q -C "$MNT/p"
	expect "one object and the program" 2 "$(make -C "$MNT/p" | grep -c '^gcc')"
	local rc=0
	"$MNT/p/prog" || rc=$?
	expect "exit status" 7 "$rc"
	restart_daemon
	make -q -C "$MNT/p"
}

test_make_j2_builds_objects_on_the_mount() {
	local i
	mount_for_work
	mkdir "$MNT/p"
	for i in 1 2 3 4 5 6 7 8; do
		printf 'int f%d(void) { return %d; }\n' "$i" "$i" >"$MNT/p/f$i.c"
	done
	{
		printf 'int '
		seq -s, -f 'f%g(void)' 8
		printf ';int main(void) { return '
		seq -s+ -f 'f%g()' 8
		echo '; }'
	} >"$MNT/p/main.c"
	printf '%s\n' 'OBJECTS = $(patsubst %.c,%.o,$(wildcard *.c))' \
		'prog: libf.a' $'\tgcc -o $@ libf.a' 'libf.a: $(OBJECTS)' $'\tar rcs $@ $^' \
		'%.o: %.c' $'\tgcc -MMD -c -o $@ $<' '-include $(OBJECTS:.o=.d)' >"$MNT/p/Makefile"
	make -s -j2 -C "$MNT/p"
	local rc=0
	"$MNT/p/prog" || rc=$?
	expect sum 36 "$rc"
	make -q -C "$MNT/p"
	touch "$MNT/p/f3.c"
	expect "one object, the archive and the program" 3 "$(make -j2 -C "$MNT/p" | grep -cE '^(gcc|ar)')"
}

test_a_program_is_run_from_the_mount_and_replaced_while_it_runs() {
	mount_for_work
	cp "$(command -v sleep)" "$MNT/program"
	"$MNT/program" 100 &
	local pid=$!
	wait_until 10 grep -qx "program" "/proc/$pid/comm"
	cp --remove-destination /bin/true "$MNT/program"
	"$MNT/program"
	kill "$pid"
	wait "$pid" || true
}

run_tests
