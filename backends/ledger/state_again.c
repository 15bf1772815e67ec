/* See state_again.h. */
#include "ledger/state_again.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/db.h"
#include "kit/value_files.h"
#include "base/log.h"

/* --- the database ----------------------------------------------------------------------------- */

static void move_aside(const char *path, const char *suffix, long now)
{
	char from[PATH_MAX], to[PATH_MAX];

	if (snprintf(from, sizeof(from), "%s%s", path, suffix) < (int)sizeof(from) &&
	    snprintf(to, sizeof(to), "%s.replaced-%ld%s", path, now, suffix) < (int)sizeof(to) &&
	    rename(from, to) == 0)
		log_warning("state: what was put in the place of %s is kept as %s", from, to);
}

static int copy_pages(sqlite3 *from, const char *path)
{
	int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX |
		    SQLITE_OPEN_EXRESCODE;
	sqlite3 *to = NULL;
	int code = sqlite3_open_v2(path, &to, flags, NULL);

	chmod(path, 0600);
	sqlite3_backup *backup = code == SQLITE_OK ? sqlite3_backup_init(to, "main", from, "main")
						   : NULL;
	if (backup) {
		sqlite3_backup_step(backup, -1);
		code = sqlite3_backup_finish(backup);
	} else if (code == SQLITE_OK) {
		code = sqlite3_errcode(to);
	}
	int rc = code == SQLITE_OK ? 0 : to ? db_errno_on(to) : -ENOMEM;
	sqlite3_close(to);
	return rc < 0 || code == SQLITE_OK ? rc : -EIO;
}

static void sync_directory_of(const char *path)
{
	char dir[PATH_MAX];

	snprintf(dir, sizeof(dir), "%.*s", (int)(strrchr(path, '/') - path), path);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return;
	fsync(fd);
	close(fd);
}

int state_again_write(sqlite3 *from, const char *path, const struct time_source *time)
{
	char made[PATH_MAX];
	long now = (long)(time_wall_ms(time) / 1000);

	if (snprintf(made, sizeof(made), "%s.again", path) >= (int)sizeof(made))
		return -ENAMETOOLONG;
	unlink(made);
	int rc = copy_pages(from, made);
	if (rc == 0) {
		move_aside(path, "-wal", now);
		move_aside(path, "", now);
		rc = rename(made, path) < 0 ? -errno : 0;
	}
	if (rc < 0) {
		log_error("state: %s was removed, and cannot be written again: %s", path,
			  strerror(-rc));
		unlink(made);
		return rc;
	}
	sync_directory_of(path);
	return 0;
}

/* --- the files of large values ---------------------------------------------------------------- */

unsigned state_again_missing(sqlite3 *db, const char *path)
{
	sqlite3_stmt *rows = NULL;
	char file[PATH_MAX];
	unsigned missing = 0;

	sqlite3_prepare_v2(db, "SELECT file FROM journal WHERE file IS NOT NULL", -1, &rows, NULL);
	while (rows && sqlite3_step(rows) == SQLITE_ROW)
		if (snprintf(file, sizeof(file), "%s" VALUE_FILES_SUFFIX "/%s", path,
			     (const char *)sqlite3_column_text(rows, 0)) < (int)sizeof(file) &&
		    access(file, F_OK) < 0 && errno == ENOENT)
			missing++;
	sqlite3_finalize(rows);
	return missing;
}
