/* See db_files.h. The layouts of the log and its index are a part of SQLite's file format. */
#include "kit/db_files.h"

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

enum {
	INDEX_BYTES = 32 * 1024, /* of its first part */
	INDEX_VERSION = 3007000,
	INDEX_PAGE_SIZE = 3, /* words of its header; the upper half of this one */
	INDEX_FRAMES = 4,
	LOG_HEADER = 32,
	FRAME_HEADER = 24,
	CHUNK = 64 * 1024,
};

/* Every connection holds a lock on these bytes of the database for reading. */
#define SHARED_FIRST 0x40000002L
#define SHARED_SIZE 510L

void db_files_init(struct db_files *f, const char *path, bool index_is_ours)
{
	*f = (struct db_files){ .path = path, .index_is_ours = index_is_ours, .log_fd = -1 };
}

static void drop_copy(struct db_files *f)
{
	free(f->copy);
	f->copy = NULL;
	f->size = f->capacity = 0;
}

static void drop_log(struct db_files *f)
{
	if (f->log_fd >= 0)
		close(f->log_fd);
	f->log_fd = -1;
	f->changes = 0;
	f->owed = false;
	drop_copy(f);
}

void db_files_fini(struct db_files *f)
{
	drop_log(f);
	free(f->log_path);
	free(f->index_path);
	f->log_path = f->index_path = NULL;
}

/* --- the index, in shared memory -------------------------------------------------------------- */

static bool has_log(sqlite3 *handle)
{
	sqlite3_stmt *s = NULL;
	bool wal = false;

	if (sqlite3_prepare_v2(handle, "PRAGMA journal_mode", -1, &s, NULL) == SQLITE_OK &&
	    sqlite3_step(s) == SQLITE_ROW)
		wal = strcmp((const char *)sqlite3_column_text(s, 0), "wal") == 0;
	sqlite3_finalize(s);
	return wal;
}

/* Asked of a database without WAL, SQLite would make an index. */
const volatile uint32_t *db_files_index(sqlite3 *handle)
{
	sqlite3_file *file = NULL;
	void volatile *index = NULL;

	if (!has_log(handle))
		return NULL;
	if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    !file || !file->pMethods || file->pMethods->iVersion < 2)
		return NULL;
	if (file->pMethods->xShmMap(file, 0, INDEX_BYTES, 0, &index) != SQLITE_OK || !index)
		return NULL;
	const volatile uint32_t *header = index;
	return header[0] == INDEX_VERSION ? header : NULL;
}

/* Another process may be writing it. */
__attribute__((no_sanitize("thread"))) static uint32_t index_word(const struct db_files *f, int word)
{
	return f->header[word];
}

static size_t frame_size(const struct db_files *f)
{
	uint32_t word = index_word(f, INDEX_PAGE_SIZE);
	size_t page = 0;
	uint16_t half;

	memcpy(&half, (const char *)&word + sizeof(half), sizeof(half));
	page = half == 1 ? 65536 : half;
	return page > 0 ? page + FRAME_HEADER : 0;
}

/* --- looking ---------------------------------------------------------------------------------- */

static bool stat_file(const char *path, struct db_file *file, off_t *size)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	*file = (struct db_file){ st.st_dev, st.st_ino };
	*size = st.st_size;
	return true;
}

static bool is_there(const char *path, const struct db_file *file, off_t *size)
{
	struct db_file found;

	return stat_file(path, &found, size) && found.device == file->device &&
	       found.inode == file->inode;
}

/* A log that somebody has emptied after a checkpoint is said in the index to have no frames. */
static bool is_long_enough(const struct db_files *f, off_t size, uint32_t frames)
{
	return frames == 0 || (uint64_t)size >= LOG_HEADER + (uint64_t)frames * frame_size(f) ||
	       index_word(f, INDEX_FRAMES) != frames;
}

enum db_trouble db_files_look(const struct db_files *f)
{
	off_t size = 0;

	if (!is_there(f->path, &f->database, &size))
		return DB_GONE;
	if (!f->header || f->found != DB_FINE)
		return f->found;
	if (!f->index_is_ours && !is_there(f->index_path, &f->index, &size))
		return DB_INDEX_GONE;
	if (!f->index_is_ours && size < INDEX_BYTES)
		return DB_INDEX_CUT;
	uint32_t frames = index_word(f, INDEX_FRAMES); /* before the size: both grow */
	if (!is_there(f->log_path, &f->log, &size))
		return DB_LOG_GONE;
	bool whole = is_long_enough(f, size, frames);
	if (!f->index_is_ours && sqlite_os_faults() != f->faults) /* the last, for to look may be one */
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
		snprintf(reason, size, "%s%s%s is %s", i > 0 ? "its " : "the database",
			 suffixes[i], i > 0 ? " file" : "",
			 S_ISFIFO(st.st_mode)   ? "a pipe"
			 : S_ISSOCK(st.st_mode) ? "a socket"
			 : S_ISDIR(st.st_mode)  ? "a directory"
						: "a device");
		return true;
	}
	return false;
}

/* --- what is open ----------------------------------------------------------------------------- */

/* Without it nothing is copied; the next commit tries again. */
static void open_log(struct db_files *f)
{
	struct stat st;

	if (f->log_fd >= 0)
		return;
	int fd = open(f->log_path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == f->log.device &&
	    st.st_ino == f->log.inode)
		f->log_fd = fd;
	else if (fd >= 0)
		close(fd);
}

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

/* --- the copy --------------------------------------------------------------------------------- */

static bool is_header(const uint8_t header[LOG_HEADER])
{
	static const uint8_t magic[3] = { 0x37, 0x7f, 0x06 };

	return memcmp(header, magic, sizeof(magic)) == 0 && (header[3] == 0x82 || header[3] == 0x83);
}

/* What was cut off and written on again has a hole before what is new. */
static bool last_is_there(const struct db_files *f, size_t frame)
{
	uint8_t bytes[FRAME_HEADER];
	size_t at = f->size - frame;

	return whole_read(f->log_fd, bytes, sizeof(bytes), at) == 0 &&
	       memcmp(bytes, f->copy + at, sizeof(bytes)) == 0;
}

static bool copy_has_space(struct db_files *f, size_t end)
{
	size_t capacity = f->capacity > 0 ? f->capacity : CHUNK;

	if (end > DB_COPY_MAX)
		return false;
	while (capacity < end)
		capacity *= 2;
	if (capacity == f->capacity)
		return true;
	uint8_t *grown = realloc(f->copy, capacity);
	if (!grown)
		return false;
	f->copy = grown;
	f->capacity = capacity;
	return true;
}

/*
 * Up to so many frames. A log that is begun anew has another header: what was in the one before is
 * in the database. False: the log is not what was copied.
 */
static bool copy_log(struct db_files *f, unsigned frames, unsigned changes)
{
	uint8_t header[LOG_HEADER];
	size_t frame = frame_size(f), end = LOG_HEADER + frames * frame;

	open_log(f);
	if (frames == 0 || frame == 0 || f->log_fd < 0)
		return true;
	if (whole_read(f->log_fd, header, sizeof(header), 0) < 0 || !is_header(header))
		return false;
	if (f->size > 0 && (memcmp(header, f->copy, sizeof(header)) != 0 || end < f->size)) {
		f->size = 0;
		f->changes = changes;
	}
	if (f->size > LOG_HEADER && !last_is_there(f, frame))
		return false;
	if (!copy_has_space(f, end)) {
		drop_copy(f);
		return true;
	}
	if (whole_read(f->log_fd, f->copy + f->size, end - f->size, f->size) < 0)
		return false;
	f->size = end;
	return true;
}

static bool log_is_copy(const struct db_files *f, int fd)
{
	uint8_t bytes[4096];
	size_t n;

	for (size_t at = 0; at < f->size; at += n) {
		n = f->size - at < sizeof(bytes) ? f->size - at : sizeof(bytes);
		if (whole_read(fd, bytes, n, at) < 0 || memcmp(bytes, f->copy + at, n) != 0)
			return false;
	}
	return true;
}

/* What was put back is there, or others have begun a new log since. */
static bool log_is_back(struct db_files *f)
{
	uint8_t header[LOG_HEADER];

	if (f->size == 0)
		return true;
	if (f->log_fd < 0 || whole_read(f->log_fd, header, sizeof(header), 0) < 0 ||
	    !is_header(header))
		return false;
	if (memcmp(header, f->copy, sizeof(header)) != 0)
		return true;
	size_t known = LOG_HEADER + (size_t)index_word(f, INDEX_FRAMES) * frame_size(f);
	return known >= f->size && log_is_copy(f, f->log_fd);
}

/* What an earlier run has left in the log counts too. */
static int opened_with_log(struct db_files *f)
{
	off_t size;

	if (f->log_fd >= 0)
		close(f->log_fd);
	f->log_fd = -1;
	if (!stat_file(f->log_path, &f->log, &size) ||
	    (!f->index_is_ours && !stat_file(f->index_path, &f->index, &size)))
		return -ESTALE;
	open_log(f);
	if (!log_is_back(f) || !copy_log(f, index_word(f, INDEX_FRAMES), 0))
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
	if (!stat_file(f->path, &f->database, &size))
		return -ESTALE;
	f->found = DB_FINE;
	f->header = db_files_index(handle);
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
	f->size = 0;
	if (idle)
		drop_copy(f);
}

/* Compared only if nobody has begun a new one. */
enum db_trouble db_files_verify(const struct db_files *f)
{
	uint8_t header[LOG_HEADER];
	enum db_trouble trouble = db_files_look(f);

	if (trouble != DB_FINE || f->size == 0)
		return trouble;
	bool other = whole_read(f->log_fd, header, sizeof(header), 0) == 0 && is_header(header) &&
		     memcmp(header, f->copy, sizeof(header)) != 0;
	return other || log_is_copy(f, f->log_fd) ? DB_FINE : DB_LOG_CUT;
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

/* From the file that was removed, for it has what others committed too, or else from the copy. */
static int write_log(const struct db_files *f, int to)
{
	uint8_t bytes[16 * 1024];
	struct stat st;
	bool from_file = f->log_fd >= 0 && log_is_copy(f, f->log_fd) && fstat(f->log_fd, &st) == 0;
	size_t size = from_file ? (size_t)st.st_size : f->size, n;
	int rc = 0;

	for (size_t at = 0; at < size && rc == 0; at += n) {
		n = size - at < sizeof(bytes) ? size - at : sizeof(bytes);
		if (from_file)
			rc = whole_read(f->log_fd, bytes, n, at);
		if (rc == 0)
			rc = whole_write(to, from_file ? bytes : f->copy + at, n, at);
	}
	return rc < 0 ? rc : fsync(to) < 0 ? -errno : 0;
}

static bool can_be_written(const struct db_files *f)
{
	uint8_t header[LOG_HEADER];

	return f->size > 0 ||
	       (f->log_fd >= 0 && whole_read(f->log_fd, header, sizeof(header), 0) == 0 &&
		is_header(header));
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
	uint8_t header[LOG_HEADER];
	int rc = 0, fd = open_target(f);

	if (fd < 0)
		return fd;
	bool begun = whole_read(fd, header, sizeof(header), 0) == 0 && is_header(header);
	bool ours = begun && f->size > 0 && memcmp(header, f->copy, sizeof(header)) == 0;
	if (begun && f->size == 0 && f->trouble == DB_LOG_CUT)
		*lost = f->changes;
	else if (begun && (!ours || log_is_copy(f, fd)))
		*lost = 0;
	else if (!can_be_written(f))
		*lost = f->changes;
	else if ((rc = write_log(f, fd)) == 0 && f->found != DB_FINE &&
		 ftruncate(fd, (off_t)f->size) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

int db_files_restore(struct db_files *f, uint64_t *lost, char *reason, size_t size)
{
	off_t ignored;
	int rc = 0;

	*lost = 0;
	f->faults = sqlite_os_faults();
	if (!f->owed)
		return 0;
	long pid = f->trouble == DB_LOG_GONE || f->trouble == DB_INDEX_GONE ? other_user(f) : 0;
	if (!is_there(f->path, &f->database, &ignored)) {
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
