/* The log of an SQLite database, and its copy. See db_log.h. */
#include "kit/db_log.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/whole.h"

enum {
	INDEX_VERSION = 3007000,
	INDEX_PAGE_SIZE = 3, /* words of its header; the upper half of this one */
	INDEX_FRAMES = 4,
	LOG_HEADER = 32,
	FRAME_HEADER = 24,
	CHUNK = 64 * 1024,
};

/* --- files ------------------------------------------------------------------------------------ */

bool db_file_stat(const char *path, struct db_file *file, off_t *size)
{
	struct stat st;

	if (stat(path, &st) < 0)
		return false;
	*file = (struct db_file){ st.st_dev, st.st_ino };
	*size = st.st_size;
	return true;
}

bool db_file_is_at(const char *path, const struct db_file *file, off_t *size)
{
	struct db_file found;

	return db_file_stat(path, &found, size) && found.device == file->device &&
	       found.inode == file->inode;
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
const volatile uint32_t *db_index_of(sqlite3 *handle)
{
	sqlite3_file *file = NULL;
	void volatile *index = NULL;

	if (!has_log(handle))
		return NULL;
	if (sqlite3_file_control(handle, "main", SQLITE_FCNTL_FILE_POINTER, &file) != SQLITE_OK ||
	    !file || !file->pMethods || file->pMethods->iVersion < 2)
		return NULL;
	if (file->pMethods->xShmMap(file, 0, DB_INDEX_BYTES, 0, &index) != SQLITE_OK || !index)
		return NULL;
	const volatile uint32_t *header = index;
	return header[0] == INDEX_VERSION ? header : NULL;
}

/* Another process may be writing it. */
__attribute__((no_sanitize("thread"))) static uint32_t word(const volatile uint32_t *index, int i)
{
	return index[i];
}

uint32_t db_index_frames(const volatile uint32_t *index)
{
	return word(index, INDEX_FRAMES);
}

size_t db_index_frame_size(const volatile uint32_t *index)
{
	uint32_t packed = word(index, INDEX_PAGE_SIZE);
	uint16_t half;

	memcpy(&half, (const char *)&packed + sizeof(half), sizeof(half));
	size_t page = half == 1 ? 65536 : half;
	return page > 0 ? page + FRAME_HEADER : 0;
}

/* --- the log ---------------------------------------------------------------------------------- */

void db_log_open(struct db_log *l, const char *path, const struct db_file *file)
{
	struct stat st;

	if (l->fd >= 0)
		return;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd >= 0 && fstat(fd, &st) == 0 && st.st_dev == file->device && st.st_ino == file->inode)
		l->fd = fd;
	else if (fd >= 0)
		close(fd);
}

void db_log_close(struct db_log *l)
{
	if (l->fd >= 0)
		close(l->fd);
	l->fd = -1;
}

void db_log_drop_copy(struct db_log *l)
{
	free(l->copy);
	l->copy = NULL;
	l->size = l->capacity = 0;
}

uint64_t db_log_bytes(const volatile uint32_t *index, uint32_t frames)
{
	return LOG_HEADER + (uint64_t)frames * db_index_frame_size(index);
}

static bool is_header(const uint8_t header[LOG_HEADER])
{
	static const uint8_t magic[3] = { 0x37, 0x7f, 0x06 };

	return memcmp(header, magic, sizeof(magic)) == 0 &&
	       (header[3] == 0x82 || header[3] == 0x83);
}

/* False: there is none. */
static bool read_header(int fd, uint8_t header[LOG_HEADER])
{
	return whole_read(fd, header, LOG_HEADER, 0) == 0 && is_header(header);
}

/* What was cut off and written on again has a hole before what is new. */
static bool last_is_there(const struct db_log *l, size_t frame)
{
	uint8_t bytes[FRAME_HEADER];
	size_t at = l->size - frame;

	return whole_read(l->fd, bytes, sizeof(bytes), at) == 0 &&
	       memcmp(bytes, l->copy + at, sizeof(bytes)) == 0;
}

static bool copy_has_space(struct db_log *l, size_t end)
{
	size_t capacity = l->capacity > 0 ? l->capacity : CHUNK;

	if (end > DB_COPY_MAX)
		return false;
	while (capacity < end)
		capacity *= 2;
	if (capacity == l->capacity)
		return true;
	uint8_t *grown = realloc(l->copy, capacity);
	if (!grown)
		return false;
	l->copy = grown;
	l->capacity = capacity;
	return true;
}

bool db_log_copy(struct db_log *l, const volatile uint32_t *index, uint32_t frames, bool *anew)
{
	uint8_t header[LOG_HEADER];
	size_t frame = db_index_frame_size(index), end = LOG_HEADER + frames * frame;

	*anew = false;
	if (frames == 0 || frame == 0 || l->fd < 0)
		return true;
	if (!read_header(l->fd, header))
		return false;
	if (l->size > 0 && (memcmp(header, l->copy, sizeof(header)) != 0 || end < l->size)) {
		l->size = 0;
		*anew = true;
	}
	assert(l->size <= l->capacity);
	if (l->size > LOG_HEADER && !last_is_there(l, frame))
		return false;
	if (!copy_has_space(l, end)) {
		db_log_drop_copy(l);
		return true;
	}
	if (whole_read(l->fd, l->copy + l->size, end - l->size, l->size) < 0)
		return false;
	l->size = end;
	return true;
}

static bool is_copy(const struct db_log *l, int fd)
{
	uint8_t bytes[4096];
	size_t n;

	for (size_t at = 0; at < l->size; at += n) {
		n = l->size - at < sizeof(bytes) ? l->size - at : sizeof(bytes);
		if (whole_read(fd, bytes, n, at) < 0 || memcmp(bytes, l->copy + at, n) != 0)
			return false;
	}
	return true;
}

enum db_log_found db_log_compare(const struct db_log *l, int fd)
{
	uint8_t header[LOG_HEADER];

	if (fd < 0 || !read_header(fd, header))
		return DB_LOG_NONE;
	if (l->size == 0 || memcmp(header, l->copy, sizeof(header)) != 0)
		return DB_LOG_OTHER;
	return is_copy(l, fd) ? DB_LOG_SAME : DB_LOG_OURS;
}

bool db_log_is_back(const struct db_log *l, const volatile uint32_t *index)
{
	if (l->size == 0)
		return true;
	enum db_log_found found = db_log_compare(l, l->fd);
	return found == DB_LOG_OTHER ||
	       (found == DB_LOG_SAME && db_log_bytes(index, db_index_frames(index)) >= l->size);
}

bool db_log_is_whole(const struct db_log *l)
{
	enum db_log_found found = l->size == 0 ? DB_LOG_SAME : db_log_compare(l, l->fd);

	return found == DB_LOG_OTHER || found == DB_LOG_SAME;
}

bool db_log_can_be_written(const struct db_log *l)
{
	uint8_t header[LOG_HEADER];

	return l->size > 0 || (l->fd >= 0 && read_header(l->fd, header));
}

int db_log_write(const struct db_log *l, int to)
{
	uint8_t bytes[16 * 1024];
	struct stat st;
	bool from_file = l->fd >= 0 && is_copy(l, l->fd) && fstat(l->fd, &st) == 0;
	size_t size = from_file ? (size_t)st.st_size : l->size, n;
	int rc = 0;

	for (size_t at = 0; at < size && rc == 0; at += n) {
		n = size - at < sizeof(bytes) ? size - at : sizeof(bytes);
		if (from_file)
			rc = whole_read(l->fd, bytes, n, at);
		if (rc == 0)
			rc = whole_write(to, from_file ? bytes : l->copy + at, n, at);
	}
	return rc < 0 ? rc : fsync(to) < 0 ? -errno : 0;
}
