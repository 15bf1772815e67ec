/* The connection for writing. See disk/connection.h. */
#include "disk/connection.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "disk/amounts.h"
#include "disk/range.h"
#include "disk/schema.h"
#include "disk/store.h"
#include "base/log.h"
#include "base/parents.h"

enum {
	INSTALL_BUSY_MS = 500, /* opening waits so long for another program's lock */
	OPEN_TRIES = 3,        /* a file may go while it is opened */
};

/* What is used from now on is younger, though the clock may have been put back since. */
static void go_on_ticking(struct disk *d)
{
	int64_t newest_us = 0;

	if (d->conf->size_limit > 0 && disk_number(disk_db(d), DISK_NEWEST, &newest_us) == 0)
		disk_hits_go_on(&d->hits, newest_us);
}

static int configure(struct disk *d)
{
	sqlite3 *handle = disk_db(d)->handle;
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(handle, "PRAGMA page_size", -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		atomic_store(&d->page_size, (uint64_t)sqlite3_column_int64(s, 0));
	sqlite3_finalize(s);

	int rc = disk_wal_configure(d);
	if (rc < 0)
		return rc;
	disk_limit_configure(d);
	disk_txn_configure(d);
	int page = (int)atomic_load(&d->page_size);
	sqlite3_file_control(handle, "main", SQLITE_FCNTL_CHUNK_SIZE, &page);
	return 0;
}

/* Whether `path` with this suffix is a file with something in it. */
static bool has_bytes(const char *path, const char *suffix)
{
	char name[PATH_MAX];
	struct stat st;
	int n = snprintf(name, sizeof(name), "%s%s", path, suffix);

	return n > 0 && n < PATH_MAX && stat(name, &st) == 0 && st.st_size > 0;
}

/*
 * What SQLite must not get its hands on: beside a file of less than one page it removes a log that
 * may hold all there is of the database.
 */
static int look_at_file(const char *path, struct disk_reason *reason)
{
	static const char magic[16] = "SQLite format 3";
	uint8_t header[18];
	const char *what = NULL;
	struct stat st;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	if (fd < 0)
		return 0; /* SQLite says it better */
	ssize_t n = pread(fd, header, sizeof(header), 0);
	if (fstat(fd, &st) < 0 || n < 0) {
		what = strerror(errno);
	} else if (n == 0) {
		if (has_bytes(path, "-wal"))
			what = "it is empty, but the -wal file beside it is not";
	} else if (n < (ssize_t)sizeof(header) || memcmp(header, magic, sizeof(magic)) != 0) {
		what = "file is not a database";
	} else {
		long page_size = header[16] << 8 | header[17]; /* 1 stands for 64 KiB */
		if (st.st_size < (page_size == 1 ? 65536 : page_size))
			what = "the database is cut off";
	}
	close(fd);
	if (!what)
		return 0;
	snprintf(reason->text, sizeof(reason->text), "%s", what);
	return -EHOSTDOWN;
}

/*
 * A statement met damage in this file. Opening it anew would go well, and writing on could make it
 * worse: it stays down until somebody replaces or mends it.
 */
static bool is_known_damaged(const struct disk *d)
{
	const struct disk_connection *c = &d->connection;
	struct stat st;

	return c->damaged && stat(d->conf->path, &st) == 0 &&
	       st.st_dev == c->files.database.device && st.st_ino == c->files.database.inode &&
	       st.st_mtim.tv_sec == c->damaged_mtime.tv_sec &&
	       st.st_mtim.tv_nsec == c->damaged_mtime.tv_nsec;
}

static void note_damage(struct disk *d)
{
	struct disk_connection *c = &d->connection;
	struct stat st;

	atomic_store(&d->corrupt, false);
	c->damaged = stat(d->conf->path, &st) == 0 && st.st_dev == c->files.database.device &&
		     st.st_ino == c->files.database.inode;
	if (c->damaged)
		c->damaged_mtime = st.st_mtim;
}

/* Every connection of this process is closed. */
static int restore_files(struct disk *d, struct disk_reason *reason)
{
	struct disk_connection *c = &d->connection;
	uint64_t lost = 0;

	int rc = db_files_restore(&c->files, &lost, reason->text, sizeof(reason->text));
	c->lost = lost > 0;
	if (lost > 0)
		log_error("disk: layer \"%s\": up to %llu changes of %s that were acknowledged are "
			  "lost with its -wal file",
			  d->env->layer_name, (unsigned long long)lost, d->conf->path);
	return rc;
}

static int prepare_files(struct disk *d, struct disk_reason *reason)
{
	if (!disk_readers_close(d)) {
		snprintf(reason->text, sizeof(reason->text), "a get from it has not ended yet");
		return -EHOSTDOWN;
	}
	if (db_files_are_odd(d->conf->path, reason->text, sizeof(reason->text)))
		return -EHOSTDOWN;
	return restore_files(d, reason);
}

/* 0 or -errno, and nothing is open. */
static int connect_to(struct disk *d, struct disk_reason *reason)
{
	struct disk_connection *c = &d->connection;
	int code = db_open(&c->db, d->conf->path, DB_WRITER, &c->guard);

	if (code == SQLITE_OK)
		return 0;
	bool shortage = db_is_shortage(c->db.failure);
	snprintf(reason->text, sizeof(reason->text), "%s",
		 shortage ? strerror(-c->db.failure) : sqlite3_errstr(code));
	return shortage ? c->db.failure : -EHOSTDOWN;
}

/* While files are owed they are there, and nothing may be written before the log is. */
static int install(struct disk *d, struct disk_reason *reason)
{
	enum disk_limits limits = d->conf->size_limit > 0 ? DISK_EVICTS : DISK_UNLIMITED;
	struct disk_connection *c = &d->connection;
	int rc = 0;

	sqlite3_busy_timeout(c->db.handle, INSTALL_BUSY_MS);
	if (!c->files.owed)
		rc = disk_schema_install(&c->db, limits, reason);
	if (rc == 0 && !c->files.owed)
		disk_limit_convert(d);
	if (rc == 0)
		rc = configure(d);
	if (rc == 0)
		rc = db_files_opened(&c->files, c->db.handle);
	sqlite3_busy_timeout(c->db.handle, 0);
	return rc;
}

static int try_open(struct disk *d, struct disk_reason *reason)
{
	struct disk_connection *c = &d->connection;
	int rc = prepare_files(d, reason);

	if (rc < 0)
		return rc;
	if (is_known_damaged(d)) {
		snprintf(reason->text, sizeof(reason->text), "a page of it is damaged");
		return -EHOSTDOWN;
	}
	c->damaged = false;
	if (d->conf->ensure_directory) /* SQLite says why it is not there */
		parents_make(d->conf->path, disk_conf_directory_mode(d->conf));
	rc = look_at_file(d->conf->path, reason);
	if (rc < 0)
		return rc;
	disk_conf_make_file(d->conf);
	rc = connect_to(d, reason);
	if (rc < 0)
		return rc;
	rc = install(d, reason);
	if (rc < 0) {
		db_close(&c->db);
		db_files_closed(&c->files, DB_FINE);
		return rc;
	}
	disk_range_finish_renames(d);
	disk_upkeep_begin(d);
	go_on_ticking(d);
	return 0;
}

/* For who asks; the log has been told. */
static void note_trouble(struct disk *d, const char *trouble)
{
	lock_take(&d->readers.lock);
	snprintf(d->trouble, sizeof(d->trouble), "%.159s", trouble);
	lock_release(&d->readers.lock);
}

static void come_up(struct disk *d)
{
	struct disk_connection *c = &d->connection;

	assert(c->db.handle && !d->txn);
	if (c->trouble[0])
		log_info("disk: layer \"%s\": %s is open again", d->env->layer_name, d->conf->path);
	c->trouble[0] = '\0';
	note_trouble(d, "");
	atomic_store(&d->suspect, false);
	atomic_fetch_add(&d->generation, 1);
	disk_watch_attach(d);
	disk_conf_warn_of_readers(d->conf);
	atomic_store(&d->up, true);
	disk_readers_open(d);
	disk_wal_unclaim(d);
	disk_wal_claim(d);
	disk_amounts_measure(d);
}

static void go_down(struct disk *d, int rc, const struct disk_reason *reason)
{
	struct disk_connection *c = &d->connection;
	char trouble[sizeof(c->trouble)];

	assert(!c->db.handle && rc < 0);
	atomic_store(&d->down_for, db_is_shortage(rc) ? rc : -EHOSTDOWN);
	atomic_store(&d->up, false); /* only now: who came while it was opened anew has waited */
	snprintf(trouble, sizeof(trouble), "%s", reason->text[0] ? reason->text : strerror(-rc));
	if (strcmp(trouble, c->trouble) != 0)
		log_error("disk: layer \"%s\" down (%s: %s); nothing is written to it: mend it, "
			  "move it away or give another path; next try in %d s",
			  d->env->layer_name, d->conf->path, trouble, DISK_RETRY_MS / 1000);
	memcpy(c->trouble, trouble, sizeof(c->trouble));
	note_trouble(d, trouble);
	c->retry_ms = disk_now_ms(d) + DISK_RETRY_MS;
}

bool disk_connection_open(struct disk *d)
{
	struct disk_reason reason = { "" };
	int rc = -ESTALE;

	assert(disk_queue_is_owner(&d->queue) && !d->connection.db.handle);
	for (int i = 0; i < OPEN_TRIES && rc == -ESTALE; i++)
		rc = try_open(d, &reason);
	if (rc == 0)
		come_up(d);
	else
		go_down(d, rc, &reason);
	return rc == 0;
}

/*
 * With a checkpoint only if the files are as they were: it would write of what is not there any
 * more, and SQLite removes the log after it, by its name.
 */
static void disconnect(struct disk *d, enum db_trouble trouble)
{
	struct disk_connection *c = &d->connection;

	assert(disk_queue_is_owner(&d->queue) && !d->txn);
	disk_upkeep_end(d);
	disk_readers_close(d);
	if (trouble == DB_FINE && !c->damaged && c->db.handle)
		sqlite3_db_config(c->db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	disk_watch_detach(d); /* whoever closes last writes the WAL back */
	db_close(&c->db);
	db_files_closed(&c->files, trouble);
	disk_wal_unclaim(d); /* it has been cut to nothing */
	disk_wal_claim(d);
}

void disk_connection_close(struct disk *d)
{
	struct disk_connection *c = &d->connection;
	enum db_trouble trouble = c->db.handle ? db_files_look(&c->files) : DB_FINE;
	struct disk_reason reason = { "" };

	if (c->db.handle)
		disconnect(d, trouble);
	if (restore_files(d, &reason) < 0)
		log_error("disk: layer \"%s\": %s: %s", d->env->layer_name, d->conf->path,
			  reason.text);
	db_files_fini(&c->files);
}

bool disk_connection_is_current(const struct disk *d)
{
	return atomic_load(&d->up) && !atomic_load(&d->suspect) && !atomic_load(&d->corrupt);
}

static void say_trouble(const struct disk *d, enum db_trouble trouble)
{
	const char *what = trouble == DB_FINE ? "its tables were changed (a statement failed)"
					      : db_files_name(trouble);

	if (trouble == DB_GONE)
		log_warning("disk: layer \"%s\": %s: %s, with the %lld entries that were in it; "
			    "opening it anew",
			    d->env->layer_name, d->conf->path, what,
			    (long long)atomic_load(&d->entries));
	else
		log_warning("disk: layer \"%s\": %s: %s; opening it anew", d->env->layer_name,
			    d->conf->path, what);
}

/* What is no damage of the database looks like one while a part of its log is not there. */
static bool check(struct disk *d)
{
	struct disk_connection *c = &d->connection;
	bool corrupt = atomic_load(&d->corrupt), suspect = atomic_load(&d->suspect);

	if (!atomic_load(&d->up))
		return disk_now_ms(d) >= c->retry_ms && disk_connection_open(d);
	enum db_trouble trouble = corrupt || suspect ? db_files_verify(&c->files)
						     : db_files_look(&c->files);
	if (trouble == DB_FINE && !corrupt && (!suspect || disk_now_ms(d) < c->retry_ms))
		return true;
	if (trouble == DB_FINE && corrupt) {
		note_damage(d);
	} else {
		atomic_store(&d->corrupt, false);
		c->retry_ms = disk_now_ms(d) + DISK_RETRY_MS;
		say_trouble(d, trouble);
	}
	disconnect(d, trouble);
	return disk_connection_open(d);
}

bool disk_connection_check(struct disk *d)
{
	bool up = check(d);

	if (up && !disk_watch_is_attached(d))
		disk_watch_attach(d);
	disk_readers_looked(d);
	return up;
}
