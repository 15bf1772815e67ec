/*
 * See state_file.h. A damaged database is renamed to state.sqlite.damaged-TIME (its WAL with it)
 * and read row by row; the readable rows are copied to a new one. So a damaged page costs the rows
 * on it, never the others. Nothing is deleted that a person might still want: links to the values'
 * files go beside the renamed database. A database that is only locked, or on a full disk, is not
 * damaged, and stays.
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
#include <sys/stat.h>
#include <unistd.h>

#include <sqlite3.h>

#include "base/log.h"
#include "ledger/state_schema.h"

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
	const struct state_table *table;
	for (size_t i = 0; code == SQLITE_OK && (table = state_schema_table(i)); i++) {
		code = copy_table(from, to, table->name, "", &all);
		if (code == SQLITE_OK && table->has_rowid)
			code = copy_table(from, to, table->name, "ORDER BY rowid DESC", &ignored);
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
		code = state_schema_mark_lost(to);
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
	int code = state_schema_create(path, &db);
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
	int code = fresh ? state_schema_create(path, &db) : state_schema_open(path, &db);
	if (code == SQLITE_OK)
		code = state_schema_upgrade(db);
	if (code == SQLITE_OK)
		code = state_schema_examine(db);
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
