/* Watches the files of an SQLite database, and puts its log back. See db_files.h. */
#include "kit/db_files.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "kit/db.h"
#include "kit/sqlite_os.h"
#include "base/whole.h"

/* Every connection holds a lock on these bytes of the database for reading. */
#define SHARED_FIRST 0x40000002L
#define SHARED_SIZE 510L

void db_files_init(struct db_files *f, const char *path, bool index_is_ours)
{
	*f = (struct db_files){ .path = path, .index_is_ours = index_is_ours, .log.fd = -1 };
}

static void drop_log(struct db_files *f)
{
	db_log_close(&f->log);
	db_log_drop_copy(&f->log);
	f->changes = 0;
	f->owed = false;
}

void db_files_fini(struct db_files *f)
{
	drop_log(f);
	free(f->log_path);
	free(f->index_path);
	f->log_path = f->index_path = NULL;
}

/* --- looking ---------------------------------------------------------------------------------- */

/* A log that somebody has emptied after a checkpoint is said in the index to have no frames. */
static bool is_long_enough(const struct db_files *f, off_t size, uint32_t frames)
{
	return frames == 0 || (uint64_t)size >= db_log_bytes(f->header, frames) ||
	       db_index_frames(f->header) != frames;
}

enum db_trouble db_files_look(const struct db_files *f)
{
	off_t size = 0;

	if (!db_file_is_at(f->path, &f->database, &size))
		return DB_GONE;
	if (!f->header || f->found != DB_FINE)
		return f->found;
	if (!f->index_is_ours && !db_file_is_at(f->index_path, &f->index, &size))
		return DB_INDEX_GONE;
	if (!f->index_is_ours && size < DB_INDEX_BYTES)
		return DB_INDEX_CUT;
	uint32_t frames = db_index_frames(f->header); /* before the size: both grow */
	if (!db_file_is_at(f->log_path, &f->log_file, &size))
		return DB_LOG_GONE;
	bool whole = is_long_enough(f, size, frames);
	if (!f->index_is_ours &&
	    sqlite_os_faults() != f->faults) /* the last, for to look may be one */
		return DB_INDEX_CUT;
	return whole ? DB_FINE : DB_LOG_CUT;
}

const char *db_files_name(enum db_trouble trouble)
{
	switch (trouble) {
	case DB_GONE:
		return "the database was removed or replaced";
	case DB_LOG_GONE:
		return "its -wal file was removed or replaced";
	case DB_LOG_CUT:
		return "its -wal file was cut off or written over";
	case DB_INDEX_GONE:
		return "its -shm file was removed or replaced";
	case DB_INDEX_CUT:
		return "its -shm file was cut off";
	case DB_FINE:
		break;
	}
	return "its files are as they were";
}

bool db_files_are_odd(const char *path, char *reason, size_t size)
{
	static const char *const suffixes[] = { "", "-wal", "-shm", "-journal" };
	char name[PATH_MAX];
	struct stat st;

	for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
		int n = snprintf(name, sizeof(name), "%s%s", path, suffixes[i]);
		if (n >= PATH_MAX || stat(name, &st) < 0 || S_ISREG(st.st_mode))
			continue;
		snprintf(reason, size, "%s%s%s is %s", i > 0 ? "its " : "the database", suffixes[i],
			 i > 0 ? " file" : "",
			 S_ISFIFO(st.st_mode)   ? "a pipe"
			 : S_ISSOCK(st.st_mode) ? "a socket"
			 : S_ISDIR(st.st_mode)  ? "a directory"
						: "a device");
		return true;
	}
	return false;
}

/* --- what is open ----------------------------------------------------------------------------- */

/* SQLite has followed symbolic links. */
static int take_paths(struct db_files *f, sqlite3 *handle)
{
	const char *path = sqlite3_db_filename(handle, "main");

	free(f->log_path);
	free(f->index_path);
	if (asprintf(&f->log_path, "%s-wal", path) < 0)
		f->log_path = NULL;
	if (asprintf(&f->index_path, "%s-shm", path) < 0)
		f->index_path = NULL;
	return f->log_path && f->index_path ? 0 : -ENOMEM;
}

/* False: the log is not what was copied. */
static bool copy_log(struct db_files *f, unsigned frames, unsigned changes)
{
	bool anew;

	db_log_open(&f->log, f->log_path, &f->log_file);
	bool is_copy = db_log_copy(&f->log, f->header, frames, &anew);
	if (anew)
		f->changes = changes;
	return is_copy;
}

/* What an earlier run has left in the log counts too. */
static int opened_with_log(struct db_files *f)
{
	off_t size;

	db_log_close(&f->log);
	if (!db_file_stat(f->log_path, &f->log_file, &size) ||
	    (!f->index_is_ours && !db_file_stat(f->index_path, &f->index, &size)))
		return -ESTALE;
	db_log_open(&f->log, f->log_path, &f->log_file);
	if (!db_log_is_back(&f->log, f->header) || !copy_log(f, db_index_frames(f->header), 0))
		return -ESTALE;
	return db_files_look(f) == DB_FINE ? 0 : -ESTALE;
}

int db_files_opened(struct db_files *f, sqlite3 *handle)
{
	off_t size;

	int rc = take_paths(f, handle);
	if (rc < 0)
		return rc;
	/* Has the index made. */
	if (sqlite3_exec(handle, "PRAGMA schema_version", NULL, NULL, NULL) != SQLITE_OK &&
	    db_is_shortage(db_errno_on(handle)))
		return db_errno_on(handle);
	if (!db_file_stat(f->path, &f->database, &size))
		return -ESTALE;
	f->found = DB_FINE;
	f->header = db_index_of(handle);
	if (f->header)
		rc = opened_with_log(f);
	else if (f->owed)
		rc = -ESTALE; /* it has one, which went again */
	if (rc == 0)
		f->owed = false;
	return rc;
}

void db_files_committed(struct db_files *f, unsigned frames, unsigned changes)
{
	f->changes += changes;
	if (f->header && !copy_log(f, frames, changes)) {
		f->found = DB_LOG_CUT;
		f->changes -= changes;
	}
}

void db_files_checkpointed(struct db_files *f, bool idle)
{
	f->changes = 0;
	f->log.size = 0;
	if (idle)
		db_log_drop_copy(&f->log);
}

enum db_trouble db_files_verify(const struct db_files *f)
{
	enum db_trouble trouble = db_files_look(f);

	return trouble != DB_FINE || db_log_is_whole(&f->log) ? trouble : DB_LOG_CUT;
}

/* --- putting the log back --------------------------------------------------------------------- */

void db_files_closed(struct db_files *f, enum db_trouble trouble)
{
	bool had_log = f->header;

	f->header = NULL;
	if (f->owed)
		return;
	if (trouble == DB_FINE || trouble == DB_GONE || !had_log) {
		drop_log(f);
		return;
	}
	f->trouble = trouble;
	f->owed = true;
}

/* Whoever has it open has the file that was removed, and would write on in it. */
static long other_user(const struct db_files *f)
{
	struct flock lock = { .l_type = F_WRLCK,
			      .l_whence = SEEK_SET,
			      .l_start = SHARED_FIRST,
			      .l_len = SHARED_SIZE };
	int fd = open(f->path, O_RDWR | O_CLOEXEC | O_NONBLOCK);
	bool held = fd >= 0 && fcntl(fd, F_GETLK, &lock) == 0 && lock.l_type != F_UNLCK;

	if (fd >= 0)
		close(fd);
	return held ? (lock.l_pid > 0 ? lock.l_pid : -1) : 0;
}

/* As SQLite would have made it. */
static int open_target(const struct db_files *f)
{
	struct stat database, st;

	if (stat(f->path, &database) < 0)
		return -errno;
	int fd = open(f->log_path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
		      database.st_mode & 0777);
	if (fd < 0)
		return -errno;
	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode)) {
		close(fd);
		return -EINVAL;
	}
	if (st.st_size == 0 && (fchown(fd, database.st_uid, database.st_gid) < 0 ||
				fchmod(fd, database.st_mode & 0777) < 0))
		errno = 0; /* only root can give a file away */
	return fd;
}

/* Of what another program has begun since we leave our hands. */
static int put_back(struct db_files *f, uint64_t *lost)
{
	int rc = 0, fd = open_target(f);

	if (fd < 0)
		return fd;
	enum db_log_found found = db_log_compare(&f->log, fd);
	if (found == DB_LOG_OTHER && f->log.size == 0 && f->trouble == DB_LOG_CUT)
		*lost = f->changes;
	else if (found == DB_LOG_OTHER || found == DB_LOG_SAME)
		*lost = 0;
	else if (!db_log_can_be_written(&f->log))
		*lost = f->changes;
	else if ((rc = db_log_write(&f->log, fd)) == 0 && f->found != DB_FINE &&
		 ftruncate(fd, (off_t)f->log.size) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int db_files_restore(struct db_files *f, uint64_t *lost, char *reason, size_t size)
{
	off_t ignored;
	int rc = 0;

	assert(!f->header); /* every connection is closed */
	*lost = 0;
	f->faults = sqlite_os_faults();
	if (!f->owed)
		return 0;
	long pid = f->trouble == DB_LOG_GONE || f->trouble == DB_INDEX_GONE ? other_user(f) : 0;
	if (!db_file_is_at(f->path, &f->database, &ignored)) {
		*lost = f->changes;
	} else if (pid != 0) {
		snprintf(reason, size, "%s, and another program (pid %ld) has it open: end that",
			 db_files_name(f->trouble), pid);
		return -EBUSY;
	} else if ((rc = put_back(f, lost)) < 0) {
		snprintf(reason, size, "%s, and cannot be put back: %s", db_files_name(f->trouble),
			 strerror(-rc));
		return rc;
	}
	if (*lost > 0)
		drop_log(f);
	return 0;
}
