/* Keys and metadata to columns and back. See disk/row.h. */
#include "disk/row.h"

#include <errno.h>
#include <math.h>
#include <string.h>

#include "base/text.h"
#include "kit/marker.h"

/* --- keys ------------------------------------------------------------------------------------- */

static void bind_bytes(sqlite3_stmt *statement, int index, const void *bytes, size_t size,
		       enum disk_key_type type)
{
	const void *p = size > 0 ? bytes : "";

	if (type == DISK_KEYS_TEXT)
		sqlite3_bind_text64(statement, index, p, size, SQLITE_STATIC, SQLITE_UTF8);
	else
		sqlite3_bind_blob64(statement, index, p, size, SQLITE_STATIC);
}

void disk_bind_key(sqlite3_stmt *statement, int index, struct key key)
{
	bind_bytes(statement, index, key.bytes, key.size,
		   text_is_utf8(key.bytes, key.size) ? DISK_KEYS_TEXT : DISK_KEYS_BLOB);
}

struct key disk_column_key(sqlite3_stmt *statement, int column)
{
	const char *bytes = sqlite3_column_blob(statement, column);

	return key_make(bytes ? bytes : "", (size_t)sqlite3_column_bytes(statement, column));
}

bool disk_column_key_is_ours(sqlite3_stmt *statement, int column)
{
	bool text = sqlite3_column_type(statement, column) == SQLITE_TEXT;
	struct key key = disk_column_key(statement, column);

	return key_is_valid(key) && text_is_utf8(key.bytes, key.size) == text;
}

void disk_column_file(sqlite3_stmt *statement, int column, char file[VALUE_FILE_NAME])
{
	const char *name = (const char *)sqlite3_column_text(statement, column);

	file[0] = '\0';
	if (name && value_files_is_name(name))
		memcpy(file, name, VALUE_FILE_NAME);
}

/* --- ranges ----------------------------------------------------------------------------------- */

void disk_range_below(struct disk_range *range, struct key dir)
{
	struct key_buffer marker;

	disk_range_prefix(range, marker_key(&marker, dir));
}

void disk_range_prefix(struct disk_range *range, struct key prefix)
{
	key_keep(&range->first, prefix);
	range->unbounded = !key_prefix_end(prefix, &range->end);
}

void disk_range_bind(sqlite3_stmt *statement, const struct disk_range *range,
		     enum disk_key_type type)
{
	static const uint8_t last[KEY_MAX + 1] = { [0 ... KEY_MAX] = 0xff };

	bind_bytes(statement, 1, range->first.bytes, range->first.size, type);
	if (!range->unbounded)
		bind_bytes(statement, 2, range->end.bytes, range->end.size, type);
	else if (type == DISK_KEYS_TEXT)
		bind_bytes(statement, 2, "", 0,
			   DISK_KEYS_BLOB); /* every text is less than any blob */
	else
		bind_bytes(statement, 2, last, sizeof(last), DISK_KEYS_BLOB);
}

/* --- metadata --------------------------------------------------------------------------------- */

double disk_seconds(int64_t ms)
{
	return (double)ms / 1000.0;
}

/* Rounds up what another program wrote with more digits: an entry lives until its expiry. */
static int64_t milliseconds(double seconds)
{
	if (!(seconds > -1e15))
		return -1000000000000000000;
	if (seconds > 1e15)
		return 1000000000000000000;
	int64_t ms = llround(seconds * 1000.0);
	return seconds > disk_seconds(ms) ? ms + 1 : ms;
}

void disk_bind_instant(sqlite3_stmt *statement, int index, struct instant now)
{
	sqlite3_bind_double(statement, index, disk_seconds(now.wall_ms));
	sqlite3_bind_int64(statement, index + 1, now.steady_ms - time_steady_anchor_ms());
	sqlite3_bind_int64(statement, index + 2, (int64_t)time_boot_id());
}

void disk_bind_over(sqlite3_stmt *statement, int index, struct instant now)
{
	int64_t ms = now.wall_ms > now.steady_ms ? now.wall_ms : now.steady_ms;

	sqlite3_bind_double(statement, index, disk_seconds(ms));
	disk_bind_instant(statement, index + 1, now);
}

/* No mode and nobody's id, which the gate takes for damage. */
enum { NO_NUMBER = -1 };

/* A number of 32 bits; other programs may have written anything. */
static uint32_t column_uint32(sqlite3_stmt *statement, int column)
{
	int64_t number = sqlite3_column_int64(statement, column);

	return number < 0 || number > UINT32_MAX ? (uint32_t)NO_NUMBER : (uint32_t)number;
}

/* Damaged attributes damage the whole. */
static void column_xattrs(sqlite3_stmt *statement, int column, struct meta *meta)
{
	const void *packed = sqlite3_column_blob(statement, column);

	if (packed && xattrs_unpack(packed, (size_t)sqlite3_column_bytes(statement, column),
				    &meta->xattrs) == -EINVAL)
		meta->mode = (uint32_t)NO_NUMBER;
}

static struct timespec column_time(sqlite3_stmt *statement, int column)
{
	return (struct timespec){ .tv_sec = sqlite3_column_int64(statement, column),
				  .tv_nsec = sqlite3_column_int64(statement, column + 1) };
}

/* A row that another program wrote: all that is known is when, and of an entry that it overwrote
 * whose that was. */
static void foreign_meta(sqlite3_stmt *statement, struct meta *meta)
{
	double updated = sqlite3_column_double(statement, DISK_COLUMN_WRITTEN);

	if (!(updated > -1e15 && updated < 1e15))
		updated = 0;
	double whole = floor(updated);
	meta->mtime.tv_sec = (time_t)whole;
	meta->mtime.tv_nsec = (long)((updated - whole) * 1e9);
	meta->ctime = meta->mtime;
	meta->created_ms = milliseconds(updated);
	meta->size = (uint64_t)sqlite3_column_int64(statement, DISK_COLUMN_OCTETS);
	const struct meta known = {
		.mode = (uint32_t)sqlite3_column_int64(statement, DISK_COLUMN_MODE),
		.uid = (uint32_t)sqlite3_column_int64(statement, DISK_COLUMN_UID),
		.gid = (uint32_t)sqlite3_column_int64(statement, DISK_COLUMN_GID),
	};
	meta_keep_owner(meta, &known);
}

double disk_row_used(sqlite3_stmt *statement)
{
	return sqlite3_column_double(statement, DISK_COLUMN_USED);
}

/* Not before it was; never what cannot be, for other programs may have written it. */
static int64_t hit_ms(double used)
{
	return used > 0 && used < 1e15 ? (int64_t)(used * 1000) : 0;
}

static void row_ends(sqlite3_stmt *statement, struct meta *meta)
{
	struct end_record record = {
		.copy = sqlite3_column_int64(statement, DISK_COLUMN_COPY_END),
		.own = sqlite3_column_int64(statement, DISK_COLUMN_OWN_END),
		.ahead_ms = sqlite3_column_int64(statement, DISK_COLUMN_AHEAD),
		.boot = (uint64_t)sqlite3_column_int64(statement, DISK_COLUMN_BOOT),
	};

	if (!end_record_is_valid(&record))
		record = (struct end_record){ 0 };
	if (sqlite3_column_type(statement, DISK_COLUMN_EXPIRES) != SQLITE_NULL) {
		double expires = sqlite3_column_double(statement, DISK_COLUMN_EXPIRES);
		record.expires_ms = milliseconds(expires);
		if (record.expires_ms == 0)
			record.expires_ms = 1;
	}
	end_record_read(&record, &meta->copy, &meta->own);
}

void disk_row_meta(sqlite3_stmt *statement, struct meta *meta)
{
	memset(meta, 0, sizeof(*meta));
	meta->hits = (uint64_t)sqlite3_column_int64(statement, DISK_COLUMN_HITS);
	if (meta->hits > 0)
		meta->hit_ms = hit_ms(disk_row_used(statement));
	row_ends(statement, meta);
	if (sqlite3_column_type(statement, DISK_COLUMN_SIZE) == SQLITE_NULL) {
		foreign_meta(statement, meta);
		return;
	}
	meta->size = (uint64_t)sqlite3_column_int64(statement, DISK_COLUMN_SIZE);
	meta->checksum = (uint64_t)sqlite3_column_int64(statement, DISK_COLUMN_CHECKSUM);
	meta->version = (uint64_t)sqlite3_column_int64(statement, DISK_COLUMN_VERSION);
	meta->ino = (uint64_t)sqlite3_column_int64(statement, DISK_COLUMN_INO);
	meta->mode = column_uint32(statement, DISK_COLUMN_MODE);
	meta->uid = column_uint32(statement, DISK_COLUMN_UID);
	meta->gid = column_uint32(statement, DISK_COLUMN_GID);
	meta->created_ms = sqlite3_column_int64(statement, DISK_COLUMN_CREATED);
	meta->mtime = column_time(statement, DISK_COLUMN_MTIME_S);
	meta->ctime = column_time(statement, DISK_COLUMN_CTIME_S);
	column_xattrs(statement, DISK_COLUMN_XATTRS, meta);
}

static void bind_xattrs(sqlite3_stmt *statement, int index, const struct xattrs *xattrs)
{
	size_t size = 0;
	const void *packed = xattrs_packed(xattrs, &size);

	if (size > 0)
		sqlite3_bind_blob64(statement, index, packed, size, SQLITE_STATIC);
	else
		sqlite3_bind_null(statement, index);
}

void disk_row_bind_meta(sqlite3_stmt *statement, const struct meta *meta)
{
	struct end_record record = end_record_of(meta->copy, meta->own, time_skew_ms());

	if (record.expires_ms != 0)
		sqlite3_bind_double(statement, 2, disk_seconds(record.expires_ms));
	else
		sqlite3_bind_null(statement, 2);
	sqlite3_bind_int64(statement, 3, (int64_t)meta->size);
	sqlite3_bind_int64(statement, 4, (int64_t)meta->checksum);
	sqlite3_bind_int64(statement, 5, (int64_t)meta->version);
	sqlite3_bind_int64(statement, 6, (int64_t)meta->ino);
	sqlite3_bind_int64(statement, 7, meta->mode);
	sqlite3_bind_int64(statement, 8, meta->uid);
	sqlite3_bind_int64(statement, 9, meta->gid);
	sqlite3_bind_int64(statement, 10, meta->created_ms);
	sqlite3_bind_int64(statement, 11, meta->mtime.tv_sec);
	sqlite3_bind_int64(statement, 12, meta->mtime.tv_nsec);
	sqlite3_bind_int64(statement, 13, meta->ctime.tv_sec);
	sqlite3_bind_int64(statement, 14, meta->ctime.tv_nsec);
	bind_xattrs(statement, 15, meta->xattrs);
	sqlite3_bind_int64(statement, 16, record.copy);
	sqlite3_bind_int64(statement, 17, record.own);
	sqlite3_bind_int64(statement, 18, record.ahead_ms);
	sqlite3_bind_int64(statement, 19, (int64_t)record.boot);
}

void disk_row_dir_meta(sqlite3_stmt *statement, struct meta *meta)
{
	memset(meta, 0, sizeof(*meta));
	meta->mode = column_uint32(statement, 1);
	meta->uid = column_uint32(statement, 2);
	meta->gid = column_uint32(statement, 3);
	meta->ino = (uint64_t)sqlite3_column_int64(statement, 4);
	meta->created_ms = sqlite3_column_int64(statement, 5);
	meta->mtime = column_time(statement, 6);
	meta->ctime = column_time(statement, 8);
	column_xattrs(statement, 10, meta);
}

void disk_row_bind_dir(sqlite3_stmt *statement, const struct meta *meta)
{
	sqlite3_bind_int64(statement, 2, meta->mode);
	sqlite3_bind_int64(statement, 3, meta->uid);
	sqlite3_bind_int64(statement, 4, meta->gid);
	sqlite3_bind_int64(statement, 5, (int64_t)meta->ino);
	sqlite3_bind_int64(statement, 6, meta->created_ms);
	sqlite3_bind_int64(statement, 7, meta->mtime.tv_sec);
	sqlite3_bind_int64(statement, 8, meta->mtime.tv_nsec);
	sqlite3_bind_int64(statement, 9, meta->ctime.tv_sec);
	sqlite3_bind_int64(statement, 10, meta->ctime.tv_nsec);
	bind_xattrs(statement, 11, meta->xattrs);
}
