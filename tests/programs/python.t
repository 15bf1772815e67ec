#!/bin/bash
# Python on the mount: tempfile, dbm, shelve and sqlite3.
. "$(dirname "$0")/../lib.sh"
. "$(dirname "$0")/programs.sh"

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
