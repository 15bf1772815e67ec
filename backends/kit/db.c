/* A connection to an SQLite database. See kit/db.h. */
#include "kit/db.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "kit/sqlite_os.h"
#include "base/time_source.h"

enum { PROGRESS_STEPS = 100000 }; /* of SQLite's machine: some milliseconds */

/* Called by SQLite every so many steps of its machine. Whether the statement is to be cut off. */
static int on_progress(void *self)
{
	const struct db *db = self;
	int64_t now = time_mono_ms(db->guard->time), ending_ms = atomic_load(&db->guard->ending_ms);

	atomic_fetch_add(&db->guard->life, 1);
	if (db->deadline_ms > 0 && now >= db->deadline_ms)
		return 1;
	return ending_ms > 0 && db->begun_ms < ending_ms && now >= ending_ms + DB_ENDING_MS;
}

/* What stands in a schema runs no function that could reach beyond the database. */
static void harden(struct db *db)
{
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DDL, 0, NULL);
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_DQS_DML, 0, NULL);
	sqlite3_progress_handler(db->handle, PROGRESS_STEPS, on_progress, db);
}

int db_open(struct db *db, const char *path, enum db_access access, struct db_guard *guard)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	if (access == DB_WRITER)
		flags |= SQLITE_OPEN_CREATE;
	memset(db, 0, sizeof(*db));
	db->guard = guard;
	sqlite_os_prepare();
	int code = sqlite3_open_v2(path, &db->handle, flags, NULL);
	if (code == SQLITE_OK)
		harden(db);
	if (code == SQLITE_OK && access == DB_READER)
		code = sqlite3_exec(db->handle, "PRAGMA query_only = 1", NULL, NULL, NULL);
	if (code != SQLITE_OK) {
		db->failure = db->handle ? db_errno(db) : -ENOMEM;
		sqlite3_close(db->handle);
		db->handle = NULL;
		return code;
	}
	sqlite3_busy_timeout(db->handle, 0);
	/* Whoever closes last would write to files that may not be what they were. */
	sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	return SQLITE_OK;
}

void db_close(struct db *db)
{
	for (int i = 0; i < db->statement_count; i++)
		sqlite3_finalize(db->statements[i].statement);
	db->statement_count = 0;
	sqlite3_close(db->handle);
	db->handle = NULL;
}

sqlite3_stmt *db_statement(struct db *db, const char *sql)
{
	sqlite3_stmt *statement = NULL;

	for (int i = 0; i < db->statement_count; i++)
		if (db->statements[i].sql == sql)
			return db->statements[i].statement;
	assert(db->statement_count < DB_STATEMENTS_MAX);
	if (sqlite3_prepare_v3(db->handle, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, NULL) !=
	    SQLITE_OK)
		return NULL;
	db->statements[db->statement_count].sql = sql;
	db->statements[db->statement_count++].statement = statement;
	return statement;
}

/* Never 0. */
static int failure(struct db *db)
{
	int rc = db_errno(db);

	db->met_damage = db->met_damage || rc == -EUCLEAN;
	return rc < 0 ? rc : -EIO;
}

static void deadline_set(struct db *db, int64_t limit_ms)
{
	if (!db->guard)
		return;
	db->begun_ms = time_mono_ms(db->guard->time);
	db->deadline_ms = limit_ms > 0 ? db->begun_ms + limit_ms : 0;
}

int db_step(struct db *db, sqlite3_stmt *statement)
{
	if (!statement)
		return failure(db);
	deadline_set(db, sqlite3_stmt_readonly(statement) ? DB_READ_MS : DB_CHANGE_MS);
	bool others = atomic_exchange(&db->steps, true);
	assert(!others);
	(void)others;
	int code = sqlite3_step(statement);
	atomic_store(&db->steps, false);
	db->deadline_ms = 0;
	if (code == SQLITE_ROW)
		return 1;
	return code == SQLITE_DONE ? 0 : failure(db);
}

int db_run(struct db *db, sqlite3_stmt *statement)
{
	int rc = db_step(db, statement);

	if (statement)
		sqlite3_reset(statement);
	return rc > 0 ? 0 : rc;
}

int db_number(struct db *db, const char *sql, int64_t *number)
{
	sqlite3_stmt *statement = db_statement(db, sql);
	int rc = db_step(db, statement);

	if (rc >= 0)
		*number = rc > 0 ? sqlite3_column_int64(statement, 0) : 0;
	if (statement)
		sqlite3_reset(statement);
	return rc > 0 ? 0 : rc;
}

int db_exec(struct db *db, const char *text)
{
	deadline_set(db, 0);
	return sqlite3_exec(db->handle, text, NULL, NULL, NULL) == SQLITE_OK ? 0 : db_errno(db);
}

int db_changes(const struct db *db)
{
	return sqlite3_changes(db->handle);
}

int db_errno(const struct db *db)
{
	return db_errno_on(db->handle);
}

/* The errno of the last write to a file of SQLite's that failed. A commit does not tell it. */
static int last_errno(sqlite3 *handle, int which)
{
	sqlite3_file *file = NULL;
	int error = 0;

	if (sqlite3_file_control(handle, "main", which, &file) == SQLITE_OK && file &&
	    file->pMethods)
		file->pMethods->xFileControl(file, SQLITE_FCNTL_LAST_ERRNO, &error);
	return error;
}

/* SQLite knows as SQLITE_FULL only what a write says of a full file system: not a used-up quota, a
 * limit on the size of files, or a full one below the index of the WAL. */
static bool is_full(int error)
{
	return error == EDQUOT || error == EFBIG || error == ENOSPC;
}

int db_errno_on(sqlite3 *handle)
{
	int code = sqlite3_extended_errcode(handle);
	bool has_errno = (code & 0xff) == SQLITE_IOERR || (code & 0xff) == SQLITE_CANTOPEN;
	int error = has_errno ? sqlite3_system_errno(handle) : 0;

	if (is_full(error))
		return -ENOSPC;
	if (code == SQLITE_IOERR_WRITE &&
	    (is_full(last_errno(handle, SQLITE_FCNTL_FILE_POINTER)) ||
	     is_full(last_errno(handle, SQLITE_FCNTL_JOURNAL_POINTER))))
		return -ENOSPC;
	/* What this process is short of says nothing of the database. */
	if (error == EMFILE || error == ENFILE || error == ENOMEM)
		return -error;
	return db_errno_of(code);
}

bool db_is_shortage(int rc)
{
	return rc == -EMFILE || rc == -ENFILE || rc == -ENOMEM;
}

int db_errno_of(int sqlite_code)
{
	switch (sqlite_code & 0xff) {
	case SQLITE_OK:
	case SQLITE_DONE:
		return 0;
	case SQLITE_BUSY:
	case SQLITE_LOCKED:
	case SQLITE_PROTOCOL:
		return -EAGAIN;
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_TOOBIG:
		return -EFBIG;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_INTERRUPT:
		return -ETIMEDOUT;
	case SQLITE_CORRUPT:
		return -EUCLEAN;
	case SQLITE_IOERR:
		return -EIO;
	default: /* not a database, no permission, a schema that is not ours any more */
		return -EHOSTDOWN;
	}
}
