/* See state_space.h. */
#include "ledger/state_space.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "kit/sqlite_os.h"

enum {
	BUSY_MS = 2000, /* somebody looks at the database with another program */
	PAGE = 4096,
	CHUNK = 16 * PAGE,
	PAGES_KEPT = 64,            /* of the database, free; see sql_keep */
	WAL_KEPT_LEAST = 256 << 10, /* room for a batch of rows */
	WAL_KEPT_MOST = 1 << 20,
	WAL_PART = 16, /* of the file system */
	WAL_HEADER = 32,
};

/*
 * Debian's SQLite overwrites what is deleted: as much to write as the value was, and on a full disk
 * nothing could be deleted any more.
 */
static const char settings[] = "PRAGMA journal_mode = WAL; PRAGMA synchronous = NORMAL;"
			       "PRAGMA secure_delete = FAST; PRAGMA journal_size_limit = -1;"
			       "SELECT count(*) FROM sqlite_schema";

/* --- opening ---------------------------------------------------------------------------------- */

int state_space_open(const char *path, int flags, sqlite3 **db)
{
	int chunk = CHUNK, on = 1;

	sqlite_os_prepare();
	int code = sqlite3_open_v2(path, db, flags, "unix-excl");

	if (code != SQLITE_OK)
		return code;
	sqlite3_busy_timeout(*db, BUSY_MS);
	sqlite3_file_control(*db, "main", SQLITE_FCNTL_PERSIST_WAL, &on);
	sqlite3_file_control(*db, "main", SQLITE_FCNTL_CHUNK_SIZE, &chunk);
	return sqlite3_exec(*db, settings, NULL, NULL, NULL);
}

int state_space_connect(struct db *db, const char *path)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE;

	memset(db, 0, sizeof(*db));
	int code = state_space_open(path, flags, &db->handle);
	if (code == SQLITE_OK) {
		sqlite3_wal_autocheckpoint(db->handle, 0);
		sqlite3_db_config(db->handle, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
		return 0;
	}
	int rc = db->handle ? db_errno(db) : -ENOMEM;
	db_close(db);
	return rc;
}

/* --- the WAL ---------------------------------------------------------------------------------- */

static int open_wal(const char *path)
{
	char wal[PATH_MAX];

	if (snprintf(wal, sizeof(wal), "%s-wal", path) >= (int)sizeof(wal))
		return -ENAMETOOLONG;
	int fd = open(wal, O_RDWR | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK);
	return fd < 0 ? -errno : fd;
}

/* What it is to keep, by how large the file system is. */
static off_t wal_kept(int fd)
{
	struct statvfs disk;

	if (fstatvfs(fd, &disk) < 0)
		return WAL_KEPT_LEAST;
	uint64_t part = (uint64_t)disk.f_blocks * disk.f_frsize / WAL_PART;
	return part < WAL_KEPT_LEAST  ? WAL_KEPT_LEAST
	       : part > WAL_KEPT_MOST ? WAL_KEPT_MOST
				      : (off_t)part;
}

/* Zeros are no frames: whoever reads the WAL stops there. */
int state_space_keep_wal(const char *path)
{
	static const char zeros[PAGE];
	struct stat st;
	int fd = open_wal(path);
	int rc = fd < 0 ? fd : fstat(fd, &st) < 0 ? -errno : 0;
	off_t end = rc == 0 ? wal_kept(fd) : 0;

	for (off_t at = rc == 0 ? st.st_size : 0; rc == 0 && at < end;) {
		size_t size = end - at < PAGE ? (size_t)(end - at) : PAGE;
		ssize_t n = pwrite(fd, zeros, size, at);
		if (n < 0 && errno != EINTR)
			rc = -errno;
		at += n > 0 ? n : 0;
	}
	if (fd >= 0)
		close(fd);
	return rc;
}

void state_space_empty_wal(const char *path)
{
	static const char zeros[WAL_HEADER];
	int fd = open_wal(path);

	/* Otherwise it would be read again at the next start, which changes nothing. */
	if (fd >= 0 && pwrite(fd, zeros, sizeof(zeros), 0) == sizeof(zeros))
		fdatasync(fd);
	if (fd >= 0)
		close(fd);
}

void state_space_begin_wal_anew(sqlite3 *db)
{
	sqlite3_wal_checkpoint_v2(db, NULL, SQLITE_CHECKPOINT_RESTART, NULL, NULL);
}

/* --- the database ----------------------------------------------------------------------------- */

static const char sql_pages[] = "PRAGMA page_count";
static const char sql_free[] = "PRAGMA freelist_count";
/* A row that comes and goes leaves its pages: twice PAGES_KEPT, so that it comes seldom. */
static const char sql_keep[] =
	"INSERT INTO journal_damaged(seq, value) VALUES(-1, zeroblob(4096 * 128))";
static const char sql_give[] = "DELETE FROM journal_damaged WHERE seq = -1";

/* 0 if it cannot be told. */
static int64_t number(struct db *db, const char *sql)
{
	int64_t n = 0;

	db_number(db, sql, &n);
	return n;
}

int state_space_grow(struct db *db)
{
	sqlite3_int64 size = number(db, sql_pages) * PAGE;

	int code = sqlite3_file_control(db->handle, "main", SQLITE_FCNTL_SIZE_HINT, &size);
	return code == SQLITE_OK ? 0 : -ENOSPC;
}

int state_space_check(struct db *db)
{
	int rc = 0;

	if (number(db, sql_free) < PAGES_KEPT) {
		rc = db_run(db, db_statement(db, sql_keep));
		if (rc == 0)
			rc = db_run(db, db_statement(db, sql_give));
	}
	return rc < 0 ? rc : state_space_grow(db);
}

bool state_space_fits(struct db *db, uint64_t size)
{
	enum { BESIDE = 4 }; /* pages that a row takes beside its value */

	return (uint64_t)number(db, sql_free) >= PAGES_KEPT + size / PAGE + BESIDE;
}
