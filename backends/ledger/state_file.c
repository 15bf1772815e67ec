/*
 * See state_file.h. A damaged database is renamed to state.sqlite.damaged-TIME (its WAL with it)
 * and read row by row; what can be read is copied to a new one. So a page that went bad costs the
 * rows on it, never the others, and nothing is deleted that a person might still want: links to the
 * values' files go beside it. What is only locked, or on a full disk, is not damaged, and stays.
 */
#include "ledger/state_file.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "base/parents.h"
#include "base/private_dir.h"
#include "ledger/state_space.h"

enum {
	APPLICATION_ID = 0x63667374, /* "cfst" */
	SCHEMA_VERSION = 2,
	LOCK_WAIT_MS = 2000,    /* a daemon may be about to say that it ends */
	ENDING_WAIT_MS = 30000, /* one that ends drains first */
	LOCK_POLL_MS = 20,
};

#define NEW_IN_2                                                                                   \
	/* debts_state.c: moves, renames of directories that have begun */                         \
	"CREATE TABLE intents(id INTEGER NOT NULL, layer TEXT NOT NULL, source BLOB NOT NULL,"     \
	" target BLOB NOT NULL, PRIMARY KEY(id, layer)) WITHOUT ROWID;" /* journal_dirs.c: markers \
									   that the slower layers  \
									   have not got yet */     \
	"CREATE TABLE directories(key BLOB PRIMARY KEY, head BLOB NOT NULL) WITHOUT ROWID;"

/* Tombstones were lost: those of a layer that has no name. */
#define MARK_LOST "INSERT OR IGNORE INTO tombstones(layer, kind, key) VALUES('', 1, x'')"

static const char schema[] =
	/* journal.c: values that slower layers have not got yet, in the order of seq */
	"CREATE TABLE journal(seq INTEGER PRIMARY KEY AUTOINCREMENT, key BLOB NOT NULL,"
	" size INTEGER NOT NULL, expires_ms INTEGER NOT NULL, queued_ms INTEGER NOT NULL,"
	" file TEXT, head BLOB NOT NULL, value BLOB);"
	"CREATE UNIQUE INDEX journal_keys ON journal(key, expires_ms, size, queued_ms);"
	/* rows that failed their checksum, kept for a person to look at */
	"CREATE TABLE journal_damaged(seq INTEGER PRIMARY KEY, key BLOB, file TEXT, head BLOB,"
	" value BLOB);"
	/* debts_state.c: what a layer has not been told; an empty key of kind 1: all of it */
	"CREATE TABLE tombstones(layer TEXT NOT NULL, kind INTEGER NOT NULL, key BLOB NOT NULL,"
	" PRIMARY KEY(layer, kind, key)) WITHOUT ROWID;" NEW_IN_2
	"PRAGMA application_id = 1667658612;"
	"PRAGMA user_version = 2;";

/* Version 1 had no markers, and intents that were never used. */
static const char upgrade[] = "BEGIN IMMEDIATE; DROP TABLE intents;" NEW_IN_2
			      "PRAGMA user_version = 2; COMMIT";

static const struct {
	const char *name;
	bool has_rowid;
} tables[] = {
	{ "journal", true },  { "journal_damaged", true }, { "tombstones", false },
	{ "intents", false }, { "directories", false },
};

/* --- the lock --------------------------------------------------------------------------------- */

/* The holder's pid, 0 if it cannot be read. */
static long read_holder(int fd, bool *ending)
{
	char text[64] = "";
	char word[16] = "";
	long pid = 0;

	ssize_t n = pread(fd, text, sizeof(text) - 1, 0);
	text[n > 0 ? n : 0] = '\0';
	if (sscanf(text, "%ld %15s", &pid, word) < 1)
		pid = 0;
	*ending = strcmp(word, "ending") == 0;
	return pid;
}

static void sleep_ms(int ms)
{
	struct timespec pause = { .tv_nsec = ms * 1000000L };

	nanosleep(&pause, NULL);
}

/* Nothing in it was put there by somebody else. */
static int check_files(int dir_fd, char *reason, size_t size)
{
	static const char *const names[] = { "lock", STATE_FILE, STATE_FILE "-wal",
					     STATE_FILE "-shm", STATE_FILE "-journal" };
	int rc = 0;

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]) && rc == 0; i++)
		rc = private_dir_check_file(dir_fd, names[i], reason, size);
	return rc;
}

/* The fd of the lock file, not locked yet. */
static int open_lock(const char *dir, char *reason, size_t size)
{
	int rc = parents_make(dir, 0700);

	if (rc == 0)
		rc = parents_make_one(dir, 0700);
	int dir_fd = rc == 0 ? private_dir_open(dir, NULL, reason, size) : rc;
	if (dir_fd < 0)
		return dir_fd;
	rc = check_files(dir_fd, reason, size);
	if (rc == 0)
		rc = openat(dir_fd, "lock", O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (rc < 0 && rc != -EPERM)
		rc = -errno;
	close(dir_fd);
	return rc;
}

int state_file_lock(const char *dir, int *fd, struct problem *problem)
{
	char reason[400] = "", hint[200];
	bool ending = false;

	int rc = open_lock(dir, reason, sizeof(reason));
	if (rc < 0)
		return problem_set(problem, dir, "name a directory of yours as \"state_dir\"",
				   "cannot use the state directory: %s%s", reason[0] ? "it " : "",
				   reason[0] ? reason : strerror(-rc));
	*fd = rc;
	for (int waited = 0; flock(*fd, LOCK_EX | LOCK_NB) < 0; waited += LOCK_POLL_MS) {
		long pid = read_holder(*fd, &ending);
		if (waited >= (ending ? ENDING_WAIT_MS : LOCK_WAIT_MS)) {
			snprintf(hint, sizeof(hint),
				 "unmount that one (its pid is %ld), or name another \"state_dir\"",
				 pid);
			return problem_set(
				problem, dir, hint,
				"the state directory is in use by another daemon, pid %ld", pid);
		}
		sleep_ms(LOCK_POLL_MS);
	}
	state_file_mark(*fd, STATE_RUNNING);
	return 0;
}

void state_file_mark(int fd, enum state_holder holder)
{
	char text[64];
	int size = snprintf(text, sizeof(text), "%ld %s\n", (long)getpid(),
			    holder == STATE_ENDING ? "ending" : "running");

	/* In this order: the block that it has is enough. */
	if (pwrite(fd, text, (size_t)size, 0) != size || ftruncate(fd, size) < 0)
		log_debug("state: cannot write the lock file: %s", strerror(errno));
}

/* --- the database ----------------------------------------------------------------------------- */

/* Whether an error says what is in the file; others say that it cannot be used now. */
static bool is_damage(int code)
{
	switch (code & 0xff) {
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
	case SQLITE_NOMEM:
	case SQLITE_FULL:
	case SQLITE_READONLY:
	case SQLITE_PERM:
	case SQLITE_AUTH:
	case SQLITE_CANTOPEN:
		return false;
	case SQLITE_IOERR:
		return code == SQLITE_IOERR_READ || code == SQLITE_IOERR_SHORT_READ ||
		       code == SQLITE_IOERR_DATA || code == SQLITE_IOERR_CORRUPTFS;
	default:
		return true;
	}
}

static int number(sqlite3 *db, const char *sql, int64_t *value)
{
	sqlite3_stmt *statement = NULL;
	int code = sqlite3_prepare_v2(db, sql, -1, &statement, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_step(statement);
	if (code == SQLITE_ROW)
		*value = sqlite3_column_int64(statement, 0);
	sqlite3_finalize(statement);
	return code == SQLITE_ROW ? SQLITE_OK : code == SQLITE_DONE ? SQLITE_CORRUPT : code;
}

/* The journal is read in the order of its rows and by key: both must show the same rows. */
static const char strays[] =
	"SELECT count(*) FROM journal AS row NOT INDEXED WHERE NOT EXISTS (SELECT 1 FROM journal AS"
	" found INDEXED BY journal_keys WHERE found.key = row.key AND found.expires_ms ="
	" row.expires_ms AND found.size = row.size AND found.queued_ms = row.queued_ms"
	" AND found.seq = row.seq)";

/* typeof() of the last column reads through the whole head of a record, by its column's name. */
static const char whole_rows[] =
	"SELECT count(*) FROM journal NOT INDEXED WHERE typeof(key) = 'blob'"
	" AND typeof(head) = 'blob' AND typeof(file) IN ('text', 'null')"
	" AND typeof(value) IN ('blob', 'null')";

/* Reads every key once: a tree that is broken is noticed now and not by a get. SQLITE_OK,
 * SQLITE_CORRUPT, or what SQLite says. */
static int examine(sqlite3 *db)
{
	enum { ID, VERSION, KEYS, ROWS, STRAYS, REST };
	static const char *const questions[] = {
		[ID] = "PRAGMA application_id",
		[VERSION] = "PRAGMA user_version",
		[KEYS] = "SELECT count(*) FROM journal INDEXED BY journal_keys",
		[ROWS] = whole_rows,
		[STRAYS] = strays,
		[REST] = "SELECT count(*) FROM tombstones",
		"SELECT count(*) FROM intents",
		"SELECT count(*) FROM directories",
	};
	enum { QUESTIONS = sizeof(questions) / sizeof(questions[0]) };
	int64_t answers[QUESTIONS] = { 0 };
	int code = SQLITE_OK;

	for (int i = 0; i < QUESTIONS && code == SQLITE_OK; i++)
		code = number(db, questions[i], &answers[i]);
	if (code != SQLITE_OK)
		return code;
	return answers[ID] == APPLICATION_ID && answers[VERSION] == SCHEMA_VERSION &&
			       answers[KEYS] == answers[ROWS] && answers[STRAYS] == 0
		       ? SQLITE_OK
		       : SQLITE_CORRUPT;
}

static int upgrade_database(sqlite3 *db)
{
	int64_t id = 0, version = 0;

	if (number(db, "PRAGMA application_id", &id) != SQLITE_OK || id != APPLICATION_ID ||
	    number(db, "PRAGMA user_version", &version) != SQLITE_OK || version != 1)
		return SQLITE_OK; /* examine() has the word */
	return sqlite3_exec(db, upgrade, NULL, NULL, NULL);
}

static int open_database(const char *path, sqlite3 **db)
{
	return state_space_open(path,
				SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
					SQLITE_OPEN_EXRESCODE,
				db);
}

/* A new, empty database with our tables. */
static int create(const char *path, sqlite3 **db)
{
	int code = open_database(path, db);

	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, schema, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(*db, "COMMIT", NULL, NULL, NULL);
	chmod(path, 0600);
	return code;
}

static bool move_one(const char *from, const char *to, const char *suffix)
{
	char old[PATH_MAX], new[PATH_MAX];

	if (snprintf(old, sizeof(old), "%s%s", from, suffix) >= (int)sizeof(old) ||
	    snprintf(new, sizeof(new), "%s%s", to, suffix) >= (int)sizeof(new))
		return false;
	return rename(old, new) == 0 || errno == ENOENT;
}

static bool move_aside(const char *path, const struct time_source *time, char aside[PATH_MAX])
{
	long now = (long)(time_wall_ms(time) / 1000);

	for (int attempt = 0; attempt < 100; attempt++) {
		if (snprintf(aside, PATH_MAX, "%s.damaged-%ld", path, now + attempt) >= PATH_MAX)
			return false;
		if (access(aside, F_OK) < 0)
			return move_one(path, aside, "-wal") && move_one(path, aside, "-shm") &&
			       move_one(path, aside, "");
	}
	return false;
}

/* Copies the row that `from` stands at. SQLITE_OK unless it is the new database that has failed. */
static int copy_row(sqlite3_stmt *from, sqlite3_stmt *to)
{
	int columns = sqlite3_column_count(from);

	for (int i = 0; i < columns; i++)
		sqlite3_bind_value(to, i + 1, sqlite3_column_value(from, i));
	int code = sqlite3_step(to);
	sqlite3_reset(to);
	return code == SQLITE_DONE || is_damage(code) ? SQLITE_OK : code;
}

/*
 * Copies the rows that can be read, from one end of the table until damage (*all: there was none).
 * SQLITE_OK, or why it cannot be gone on with.
 */
static int copy_table(sqlite3 *from, sqlite3 *to, const char *table, const char *order, bool *all)
{
	char sql[160];
	sqlite3_stmt *select = NULL, *insert = NULL;

	*all = false;
	snprintf(sql, sizeof(sql), "SELECT * FROM %s NOT INDEXED %s", table, order);
	int code = sqlite3_prepare_v2(from, sql, -1, &select, NULL);
	if (code != SQLITE_OK)
		return is_damage(code) ? SQLITE_OK : code;
	int columns = sqlite3_column_count(select);
	int used = snprintf(sql, sizeof(sql), "INSERT OR IGNORE INTO %s VALUES(", table);
	for (int i = 0; i < columns && used < (int)sizeof(sql) - 4; i++)
		used += snprintf(sql + used, sizeof(sql) - (size_t)used, "%s?", i > 0 ? "," : "");
	snprintf(sql + used, sizeof(sql) - (size_t)used, ")");
	if (sqlite3_prepare_v2(to, sql, -1, &insert, NULL) == SQLITE_OK) {
		int step = SQLITE_ROW;
		while (code == SQLITE_OK && (step = sqlite3_step(select)) == SQLITE_ROW)
			code = copy_row(select, insert);
		*all = step == SQLITE_DONE;
		if (code == SQLITE_OK && !*all && !is_damage(step))
			code = step;
	}
	sqlite3_finalize(select);
	sqlite3_finalize(insert);
	return code;
}

/* lost: of what layers missed; see debts_state_is_lost(). */
static int copy_tables(sqlite3 *from, sqlite3 *to, bool *lost)
{
	int code = SQLITE_OK;
	bool all, ignored;

	*lost = false;
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]) && code == SQLITE_OK; i++) {
		code = copy_table(from, to, tables[i].name, "", &all);
		if (code == SQLITE_OK && tables[i].has_rowid)
			code = copy_table(from, to, tables[i].name, "ORDER BY rowid DESC",
					  &ignored);
		else
			*lost |= !all;
	}
	return code;
}

/* What can be read of a damaged database, into a new one; how many rows. */
static int salvage(const char *aside, sqlite3 *to, int *copied)
{
	sqlite3 *from = NULL;
	bool lost = false;
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;
	int before = sqlite3_total_changes(to);
	int code = sqlite3_exec(to, "BEGIN IMMEDIATE", NULL, NULL, NULL);

	if (code == SQLITE_OK)
		code = sqlite3_open_v2(aside, &from, flags, NULL);
	if (code == SQLITE_OK)
		code = copy_tables(from, to, &lost);
	*copied = sqlite3_total_changes(to) - before;
	if (code == SQLITE_OK && lost)
		code = sqlite3_exec(to, MARK_LOST, NULL, NULL, NULL);
	if (code == SQLITE_OK)
		code = sqlite3_exec(to, "COMMIT", NULL, NULL, NULL);
	sqlite3_close(from);
	return code;
}

/* The values whose rows could not be read would be swept; the damaged database keeps its own. */
static void keep_values(const char *path, const char *aside)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (snprintf(from, sizeof(from), "%s.values", path) >= (int)sizeof(from) ||
	    snprintf(to, sizeof(to), "%s.values", aside) >= (int)sizeof(to))
		return;
	int from_fd = open(from, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	DIR *dir = from_fd >= 0 ? fdopendir(from_fd) : NULL;
	int fd = dir && mkdir(to, 0700) == 0 ? open(to, O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC) : -1;
	if (dir && fd < 0)
		log_error("state: cannot make %s for the values: %s", to, strerror(errno));
	for (struct dirent *e = fd < 0 ? NULL : readdir(dir); e; e = readdir(dir))
		if (e->d_type != DT_DIR && linkat(dirfd(dir), e->d_name, fd, e->d_name, 0) < 0)
			log_error("state: cannot keep the value %s/%s: %s", from, e->d_name,
				  strerror(errno));
	if (fd >= 0)
		close(fd);
	if (dir)
		closedir(dir);
	rmdir(to); /* if it is empty */
}

/* As it was: nothing has been taken over. */
static void move_back(const char *aside, const char *path)
{
	static const char *const suffixes[] = { "-wal", "-shm", "" };

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		char new[PATH_MAX];
		if (snprintf(new, sizeof(new), "%s%s", path, suffixes[i]) < (int)sizeof(new))
			unlink(new);
		if (!move_one(aside, path, suffixes[i]))
			log_error("state: %s%s cannot be moved back: %s", aside, suffixes[i],
				  strerror(errno));
	}
}

static int replace(const char *path, const struct time_source *time, struct problem *problem)
{
	char aside[PATH_MAX];
	sqlite3 *db = NULL;
	int copied = 0;

	if (!move_aside(path, time, aside))
		return problem_set(problem, path, "move it away, or name another \"state_dir\"",
				   "the state database is damaged, and cannot be moved aside: %s",
				   strerror(errno));
	int code = create(path, &db);
	if (code == SQLITE_OK)
		code = salvage(aside, db, &copied);
	sqlite3_close(db);
	if (code != SQLITE_OK) {
		move_back(aside, path);
		return problem_set(problem, path, "name another \"state_dir\"",
				   "the state database is damaged, and no new one can be made: %s",
				   sqlite3_errstr(code));
	}
	keep_values(path, aside);
	log_error("state: %s was damaged; it is kept as %s, %d rows of it could be read and were "
		  "taken over: sets that were not written to the layers yet may be missing",
		  path, aside, copied);
	return 0;
}

/* Nothing says that it is damaged: the sets in it are to be had when it can be used again. */
static int refuse(const char *path, int code, int system_errno, struct problem *problem)
{
	bool system = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;

	return problem_set(problem, path,
			   "make room on its disk, end the program that holds it, or name another "
			   "\"state_dir\"",
			   "the state database cannot be used now, and was left as it is: %s",
			   system && system_errno ? strerror(system_errno) : sqlite3_errstr(code));
}

int state_file_prepare(const char *path, const struct time_source *time, struct problem *problem)
{
	sqlite3 *db = NULL;
	struct stat st;

	bool fresh = stat(path, &st) < 0 || st.st_size == 0;
	int code = fresh ? create(path, &db) : open_database(path, &db);
	if (code == SQLITE_OK)
		code = upgrade_database(db);
	if (code == SQLITE_OK)
		code = examine(db);
	int system_errno = code == SQLITE_OK ? 0 : sqlite3_system_errno(db);
	sqlite3_close(db);
	if (code == SQLITE_OK)
		return 0;
	if (fresh)
		return problem_set(problem, path, "name another \"state_dir\"",
				   "cannot create the state database: %s", sqlite3_errstr(code));
	return is_damage(code) ? replace(path, time, problem)
			       : refuse(path, code, system_errno, problem);
}
