#!/bin/bash
. "$(dirname "$0")/../lib.sh"

# Programs of people who write programs.

mount_for_work() {
	mount_stack '"rmdir": "empty_only"'
	export HOME=$TMP GIT_CONFIG_NOSYSTEM=1
	git config --global user.name t
	git config --global user.email t@example.org
	git config --global init.defaultBranch main
}

make_repository() {
	local i
	git init -q origin
	for i in 1 2 3 4 5 6; do
		mkdir -p "origin/d$i"
		seq $((i * 1000)) >"origin/d$i/numbers"
		git -C origin add .
		git -C origin commit -qm "commit $i"
	done
}

test_git_clone_commit_gc_fsck() {
	mount_for_work
	make_repository
	git clone -q origin "$MNT/clone"
	echo change >>"$MNT/clone/d1/numbers"
	git -C "$MNT/clone" commit -qam "on the mount"
	git -C "$MNT/clone" checkout -q -b side HEAD~2
	echo side >"$MNT/clone/side"
	git -C "$MNT/clone" add side
	git -C "$MNT/clone" commit -qm side
	git -C "$MNT/clone" checkout -q main
	git -C "$MNT/clone" merge -q -m merged side
	git -C "$MNT/clone" gc -q --aggressive --prune=now
	git -C "$MNT/clone" fsck --strict >/dev/null
	git -C "$MNT/clone" push -q origin side
	expect commits 9 "$(git -C "$MNT/clone" rev-list --count HEAD)"
	restart_daemon
	expect status "" "$(git -C "$MNT/clone" status --porcelain)"
	git clone -q "$MNT/clone" back
	diff -r -x .git back "$MNT/clone"
}

test_git_worktree_and_stash() {
	mount_for_work
	make_repository
	git clone -q origin "$MNT/clone"
	git -C "$MNT/clone" worktree add -q "$MNT/tree" -b other
	echo x >"$MNT/tree/x"
	git -C "$MNT/tree" add x
	git -C "$MNT/tree" commit -qm x
	echo dirty >>"$MNT/clone/d1/numbers"
	git -C "$MNT/clone" stash -q
	expect stashed "" "$(git -C "$MNT/clone" status --porcelain)"
	git -C "$MNT/clone" stash pop -q
	expect dirty dirty "$(tail -n 1 "$MNT/clone/d1/numbers")"
	git -C "$MNT/clone" worktree remove "$MNT/tree"
	is_gone tree
	git -C "$MNT/clone" fsck --strict >/dev/null
}

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

test_python_tempfile_and_replace() {
	mount_for_work
	python3 - "$MNT" <<-'PYTHON'
	import json, os, shutil, sys, tempfile
	mnt = sys.argv[1]
	for i in range(50):
	    fd, name = tempfile.mkstemp(dir=mnt, suffix=".tmp")
	    with os.fdopen(fd, "w") as f:
	        json.dump({"i": i}, f)
	    os.replace(name, os.path.join(mnt, "state.json"))
	    assert json.load(open(os.path.join(mnt, "state.json"))) == {"i": i}
	with tempfile.TemporaryDirectory(dir=mnt) as d:
	    open(os.path.join(d, "f"), "wb").write(b"x" * 100000)
	with tempfile.NamedTemporaryFile(dir=mnt) as f:
	    f.write(b"named"); f.flush()
	    assert open(f.name, "rb").read() == b"named"
	with tempfile.TemporaryFile(dir=mnt) as f:
	    f.write(b"unnamed"); f.seek(0)
	    assert f.read() == b"unnamed"
	shutil.copytree("/etc/default", os.path.join(mnt, "tree"), symlinks=True)
	shutil.rmtree(os.path.join(mnt, "tree"))
	assert os.listdir(mnt) == ["state.json"], os.listdir(mnt)
	PYTHON
	expect_value state.json '{"i": 49}'
}

test_python_dbm_shelve_and_sqlite() {
	mount_for_work
	python3 - "$MNT" <<-'PYTHON'
	import os, sqlite3, sys
	mnt = sys.argv[1]
	for mode in ("delete", "wal"):
	    path = os.path.join(mnt, mode + ".db")
	    db = sqlite3.connect(path)
	    assert db.execute("PRAGMA journal_mode=" + mode).fetchone()[0] == mode
	    db.execute("CREATE TABLE t(a INTEGER PRIMARY KEY, b TEXT)")
	    for i in range(20):
	        with db:
	            db.executemany("INSERT INTO t(b) VALUES(?)", [("x" * 100,)] * 20)
	    other = sqlite3.connect(path)
	    assert other.execute("SELECT count(*) FROM t").fetchone()[0] == 400
	    assert other.execute("PRAGMA integrity_check").fetchone()[0] == "ok"
	    other.close(); db.close()
	PYTHON
	restart_daemon
	expect rows 400 "$(sqlite3 "$MNT/delete.db" 'SELECT count(*) FROM t')"
	expect rows 400 "$(sqlite3 "$MNT/wal.db" 'SELECT count(*) FROM t')"
}

run_tests
