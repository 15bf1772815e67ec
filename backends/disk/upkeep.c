/* The writer's connection, and what the writer does between jobs. See disk/store.h. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "disk/amounts.h"
#include "disk/row.h"
#include "disk/entry.h"
#include "disk/evict.h"
#include "disk/store.h"
#include "base/log.h"
#include "base/parents.h"

enum {
	RETRY_MS = 3000,       /* between tries to open a database that is down */
	INSTALL_BUSY_MS = 500, /* opening waits so long for another program's lock */
	RECOUNT_MS =
		10000, /* after other programs wrote, the amounts are counted again, so rarely */
	OPEN_TRIES = 3,   /* a file may go while it is opened */
	HITS_STEP = 256,
	EXPIRE_STEP = 64,
	SWEEP_STEP = 64,
};

/* --- the connection --------------------------------------------------------------------------- */

static void recount(struct disk *d)
{
	disk_amounts_recount(d);
	disk_number(disk_db(d), DISK_DATA_VERSION, &d->writer.data_version);
	d->writer.recount_ms = time_mono_ms(&time_system) + RECOUNT_MS;
}

/* What is used from now on is younger, though the clock may have been put back since. */
static void go_on_ticking(struct disk *d)
{
	int64_t newest_us = 0;

	if (d->limit > 0 && disk_number(&d->writer.db, DISK_NEWEST, &newest_us) == 0)
		disk_hits_go_on(&d->hits, newest_us);
}

static int configure(struct disk *d)
{
	struct disk_writer *w = &d->writer;
	sqlite3_stmt *s = NULL;

	if (sqlite3_prepare_v2(w->db.handle, "PRAGMA page_size", -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		atomic_store(&d->page_size, (uint64_t)sqlite3_column_int64(s, 0));
	sqlite3_finalize(s);

	int rc = disk_wal_configure(d);
	if (rc < 0)
		return rc;
	disk_limit_configure(d);
	disk_txn_configure(d);
	int page = (int)atomic_load(&d->page_size);
	sqlite3_file_control(w->db.handle, "main", SQLITE_FCNTL_CHUNK_SIZE, &page);
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
	const struct disk_writer *w = &d->writer;
	struct stat st;

	return w->damaged && stat(d->conf->path, &st) == 0 &&
	       st.st_dev == w->files.database.device && st.st_ino == w->files.database.inode &&
	       st.st_mtim.tv_sec == w->damaged_mtime.tv_sec &&
	       st.st_mtim.tv_nsec == w->damaged_mtime.tv_nsec;
}

static void note_damage(struct disk *d)
{
	struct disk_writer *w = &d->writer;
	struct stat st;

	atomic_store(&d->corrupt, false);
	w->damaged = stat(d->conf->path, &st) == 0 && st.st_dev == w->files.database.device &&
		     st.st_ino == w->files.database.inode;
	if (w->damaged)
		w->damaged_mtime = st.st_mtim;
}

/* Every connection of this process is closed. */
static int restore_files(struct disk *d, struct disk_reason *reason)
{
	struct disk_writer *w = &d->writer;
	uint64_t lost = 0;

	int rc = db_files_restore(&w->files, &lost, reason->text, sizeof(reason->text));
	w->lost = lost > 0;
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

static int try_open(struct disk *d, struct disk_reason *reason)
{
	struct disk_writer *w = &d->writer;

	int prepared = prepare_files(d, reason);
	if (prepared < 0)
		return prepared;
	if (is_known_damaged(d)) {
		snprintf(reason->text, sizeof(reason->text), "a page of it is damaged");
		return -EHOSTDOWN;
	}
	w->damaged = false;
	if (d->conf->ensure_directory) /* SQLite says why it is not there */
		parents_make(d->conf->path, disk_conf_directory_mode(d->conf));
	int looked = look_at_file(d->conf->path, reason);
	if (looked < 0)
		return looked;
	disk_conf_make_file(d->conf);
	int code = db_open(&w->db, d->conf->path, DB_WRITER, &w->guard);
	if (code != SQLITE_OK) {
		bool shortage = db_is_shortage(w->db.failure);
		snprintf(reason->text, sizeof(reason->text), "%s",
			 shortage ? strerror(-w->db.failure) : sqlite3_errstr(code));
		return shortage ? w->db.failure : -EHOSTDOWN;
	}
	sqlite3_busy_timeout(w->db.handle, INSTALL_BUSY_MS);
	int rc = 0;
	if (!w->files.owed) /* else they are there, and nothing may be written before the log is */
		rc = disk_schema_install(
			&w->db, d->conf->size_limit > 0 ? DISK_EVICTS : DISK_UNLIMITED, reason);
	if (rc == 0 && w->vacuum_due && !w->files.owed)
		disk_limit_convert(d);
	if (rc == 0)
		rc = configure(d);
	if (rc == 0)
		rc = db_files_opened(&w->files, w->db.handle);
	sqlite3_busy_timeout(w->db.handle, 0);
	if (rc < 0) {
		db_close(&w->db);
		db_files_closed(&w->files, DB_FINE);
		return rc;
	}
	disk_range_finish_renames(d);
	recount(d);
	go_on_ticking(d);
	w->sweep_due = true;
	return 0;
}

/* For who asks; the log has been told. */
static void note_trouble(struct disk *d, const char *trouble)
{
	lock_take(&d->readers.lock);
	snprintf(d->trouble, sizeof(d->trouble), "%.159s", trouble);
	lock_release(&d->readers.lock);
}

bool disk_upkeep_connect(struct disk *d)
{
	struct disk_writer *w = &d->writer;
	struct disk_reason reason = { "" };
	char trouble[sizeof(w->trouble)];

	int rc = -ESTALE;
	for (int i = 0; i < OPEN_TRIES && rc == -ESTALE; i++)
		rc = try_open(d, &reason);
	if (rc == 0) {
		if (w->trouble[0])
			log_info("disk: layer \"%s\": %s is open again", d->env->layer_name,
				 d->conf->path);
		w->trouble[0] = '\0';
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
		return true;
	}
	atomic_store(&d->down_for, db_is_shortage(rc) ? rc : -EHOSTDOWN);
	atomic_store(&d->up, false); /* only now: who came while it was opened anew has waited */
	snprintf(trouble, sizeof(trouble), "%s", reason.text[0] ? reason.text : strerror(-rc));
	if (strcmp(trouble, w->trouble) != 0)
		log_error("disk: layer \"%s\" down (%s: %s); nothing is written to it: mend it, "
			  "move it "
			  "away or give another path; next try in %d s",
			  d->env->layer_name, d->conf->path, trouble, RETRY_MS / 1000);
	memcpy(w->trouble, trouble, sizeof(w->trouble));
	note_trouble(d, trouble);
	w->retry_ms = time_mono_ms(&time_system) + RETRY_MS;
	return false;
}

/*
 * With a checkpoint only if the files are as they were: it would write of what is not there any
 * more, and SQLite removes the log after it, by its name.
 */
static void disconnect(struct disk *d, enum db_trouble trouble)
{
	struct disk_writer *w = &d->writer;

	if (w->sweep)
		closedir(w->sweep);
	w->sweep = NULL;
	disk_readers_close(d);
	if (trouble == DB_FINE && !w->damaged && w->db.handle)
		sqlite3_db_config(w->db.handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 0, NULL);
	disk_watch_detach(d); /* whoever closes last writes the WAL back */
	db_close(&w->db);
	db_files_closed(&w->files, trouble);
	disk_wal_unclaim(d); /* it has been cut to nothing */
	disk_wal_claim(d);
}

void disk_upkeep_disconnect(struct disk *d)
{
	struct disk_writer *w = &d->writer;
	enum db_trouble trouble = w->db.handle ? db_files_look(&w->files) : DB_FINE;
	struct disk_reason reason = { "" };

	if (w->db.handle)
		disconnect(d, trouble);
	if (restore_files(d, &reason) < 0)
		log_error("disk: layer \"%s\": %s: %s", d->env->layer_name, d->conf->path,
			  reason.text);
	db_files_fini(&w->files);
}

bool disk_upkeep_is_current(const struct disk *d)
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
	struct disk_writer *w = &d->writer;
	bool corrupt = atomic_load(&d->corrupt), suspect = atomic_load(&d->suspect);

	if (!atomic_load(&d->up))
		return time_mono_ms(&time_system) >= w->retry_ms && disk_upkeep_connect(d);
	enum db_trouble trouble =
		corrupt || suspect ? db_files_verify(&w->files) : db_files_look(&w->files);
	if (trouble == DB_FINE && !corrupt &&
	    (!suspect || time_mono_ms(&time_system) < w->retry_ms))
		return true;
	if (trouble == DB_FINE && corrupt) {
		note_damage(d);
	} else {
		atomic_store(&d->corrupt, false);
		w->retry_ms = time_mono_ms(&time_system) + RETRY_MS;
		say_trouble(d, trouble);
	}
	disconnect(d, trouble);
	return disk_upkeep_connect(d);
}

bool disk_upkeep_check(struct disk *d)
{
	bool up = check(d);

	if (up && !disk_watch_is_attached(d))
		disk_watch_attach(d);
	disk_readers_looked(d);
	return up;
}

/* --- orphans ---------------------------------------------------------------------------------- */

/* Runs inside a write transaction: nobody else is between naming a file and committing its row. */
static int sweep_name(struct disk *d, const char *name)
{
	struct db *db = &d->writer.db;
	sqlite3_stmt *s = disk_statement(db, DISK_FILE_KNOWN);
	int64_t known = 1;

	if (!value_files_is_name(name))
		return 0;
	if (s)
		sqlite3_bind_text(s, 1, name, -1, SQLITE_TRANSIENT);
	int rc = disk_number(db, DISK_FILE_KNOWN, &known);
	if (rc == 0 && known == 0 && db_files_look(&d->writer.files) == DB_FINE) {
		log_debug("disk: layer \"%s\": file %s has no entry: removed", d->env->layer_name,
			  name);
		value_files_remove(&d->values, name);
	}
	return rc;
}

static int sweep_step(struct disk *d)
{
	struct disk_writer *w = &d->writer;

	if (!w->sweep && w->sweep_due) {
		w->sweep_due = false;
		w->sweep = value_files_list(&d->values);
	}
	for (int i = 0; w->sweep && i < SWEEP_STEP; i++) {
		const struct dirent *entry = readdir(w->sweep);
		int rc = entry ? sweep_name(d, entry->d_name) : 0;
		if (!entry || rc < 0) {
			closedir(w->sweep);
			w->sweep = NULL;
			return rc;
		}
	}
	return 0;
}

/* --- steps ------------------------------------------------------------------------------------ */

static bool expired_waiting(struct disk *d)
{
	struct db *db = &d->writer.db;
	sqlite3_stmt *s = disk_statement(db, DISK_EXPIRED);
	int64_t found = 0;

	if (!s)
		return false;
	disk_bind_over(s, 1, time_instant(d->env->time));
	int rc = db_step(db, s);
	if (rc > 0)
		found = 1;
	sqlite3_reset(s);
	return found > 0;
}

/* Another program committed since: what we count in memory may be wrong. */
static void notice_others(struct disk *d)
{
	struct disk_writer *w = &d->writer;
	int64_t version = w->data_version;

	if (time_mono_ms(&time_system) < w->recount_ms)
		return;
	if (disk_number(&w->db, DISK_DATA_VERSION, &version) == 0 &&
	    version != w->data_version) {
		recount(d);
		w->sweep_due = true;
	}
}

/* Returns whether a part of the work was so much that there is probably more. */
static int step_in_transaction(struct disk *d, struct disk_txn *txn, bool *more)
{
	const struct disk_hit *hit;
	int rc = 0;

	for (int i = 0; i < HITS_STEP && rc == 0 && (hit = disk_hits_take_next(&d->hits)); i++)
		rc = disk_entry_use(txn, hit);
	if (rc < 0)
		return rc;
	int expired = disk_evict_expired(txn, EXPIRE_STEP);
	if (expired < 0)
		return expired;
	rc = sweep_step(d);
	*more = expired == EXPIRE_STEP || d->writer.sweep || disk_hits_count(&d->hits) > 0;
	return rc < 0 ? rc : disk_limit_step(txn, more);
}

bool disk_upkeep_step(struct disk *d)
{
	struct disk_writer *w = &d->writer;
	struct disk_txn txn;
	bool more = false;

	if (disk_txn_is_cut(d))
		return false;
	notice_others(d);
	bool limit = disk_limit_has_work(d);
	if (disk_hits_count(&d->hits) == 0 && !w->sweep && !w->sweep_due && !expired_waiting(d) &&
	    !limit)
		return false;
	if (disk_txn_begin(&txn, d) < 0)
		return false; /* locked by another program: later */
	int rc = disk_txn_end(&txn, step_in_transaction(d, &txn, &more));
	atomic_fetch_add(&w->guard.life, 1);
	disk_txn_note_error(d, rc);
	return rc == 0 && more;
}
