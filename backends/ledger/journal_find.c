/* See journal_find.h. */
#include "ledger/journal_find.h"

#include <errno.h>

#include "base/log.h"
#include "base/waiting.h"
#include "ledger/journal_row.h"
#include "ledger/journal_store.h"

enum {
	CHECKED_FILE = 16 << 20, /* the checksum of a larger file is not verified */
	LARGE = 256 * 1024,      /* loading more than this counts as waiting */
};

static const char sql_find[] = "SELECT seq, size, file, head, value FROM journal WHERE key = ?1";
static const char sql_stat[] = "SELECT seq, size, file, head FROM journal WHERE key = ?1";

sqlite3_stmt *journal_select(struct db *db, struct key key)
{
	sqlite3_stmt *row = db_statement(db, sql_stat);

	if (row)
		state_bind_key(row, 1, key);
	return row;
}

const char *journal_file_of(sqlite3_stmt *row, int column)
{
	return (const char *)sqlite3_column_text(row, column);
}

int journal_read_head(sqlite3_stmt *row, struct key key, int file_column, struct meta *meta)
{
	const void *head = sqlite3_column_blob(row, file_column + 1);
	int size = sqlite3_column_bytes(row, file_column + 1);

	return journal_row_unpack(head, head ? (size_t)size : 0, key,
				  journal_file_of(row, file_column), meta);
}

static int read_value(struct journal *j, sqlite3_stmt *row, const struct meta *meta,
		      struct value **value)
{
	const char *file = journal_file_of(row, JOURNAL_FILE);

	if (file) {
		int fd = value_files_open(state_values(j->state), file, meta->size);
		if (fd < 0)
			return fd == -ENOENT ? -ESTALE : fd;
		*value = value_from_file(fd, 0, meta->size);
	} else {
		const void *bytes = sqlite3_column_blob(row, JOURNAL_EXTRA);
		size_t size = (size_t)sqlite3_column_bytes(row, JOURNAL_EXTRA);
		if (size != meta->size)
			return -EBADMSG;
		*value = value_copy(bytes ? bytes : "", size);
	}
	return *value ? 0 : -ENOMEM;
}

static int verify(struct value *value, const struct meta *meta)
{
	uint64_t checksum = 0;

	if (!value_bytes(value) && value_size(value) > CHECKED_FILE)
		return 0;
	if (value_size(value) > LARGE)
		waiting_begin();
	int rc = value_checksum(value, &checksum);
	return rc < 0 ? rc : checksum == meta->checksum ? 0 : -EBADMSG;
}

/* The row's metadata, and its value if wanted. -ESTALE: its file is not there. */
static int find_once(struct journal *j, struct key key, int64_t *seq, struct value **value,
		     struct meta *meta)
{
	struct db *db = state_read_begin(j->state);
	sqlite3_stmt *row = db ? db_statement(db, value ? sql_find : sql_stat) : NULL;
	struct meta found = { 0 };

	if (!row) {
		state_read_end(j->state, db);
		return -EIO;
	}
	state_bind_key(row, 1, key);
	int rc = db_step(db, row);
	rc = rc == 0 ? -ENOENT : rc < 0 ? rc : 0;
	if (rc == 0) {
		*seq = sqlite3_column_int64(row, JOURNAL_SEQ);
		rc = journal_read_head(row, key, JOURNAL_FILE, &found);
	}
	if (rc == 0 && value)
		rc = read_value(j, row, &found, value);
	sqlite3_reset(row);
	state_read_end(j->state, db);
	if (rc == 0 && value) {
		rc = verify(*value, &found);
		if (rc < 0) {
			value_unref(*value);
			*value = NULL;
		}
	}
	if (rc == 0)
		*meta = found;
	else
		meta_fini(&found);
	return rc;
}

/* A file goes with its row, so it may be gone between the look at the one and the open of the
 * other; if it is the same row then, the file is missing. */
int journal_find(struct journal *j, struct key key, int64_t *seq, struct value **value,
		 struct meta *meta)
{
	int64_t missing = 0;
	int rc;

	while ((rc = find_once(j, key, seq, value, meta)) == -ESTALE) {
		if (*seq == missing)
			return -EBADMSG;
		missing = *seq;
	}
	return rc;
}

int journal_look_up(struct journal *j, struct key key, struct value **value, struct meta *meta)
{
	int64_t seq = 0;

	if (journal_room_is_empty(&j->room))
		return -ENOENT;
	int rc = journal_find(j, key, &seq, value, meta);
	if (rc == -EBADMSG) {
		log_error("journal: row %lld is damaged: its key is a miss", (long long)seq);
		return -ENODATA;
	}
	if (rc == -EBADF) { /* nor is this a miss */
		log_error("journal: row %lld is damaged: no regular file is in the place of its "
			  "file",
			  (long long)seq);
		return -EIO;
	}
	if (rc == 0 && meta_is_expired(meta, time_instant(j->time))) {
		if (value)
			value_unref(*value);
		if (value)
			*value = NULL;
		meta_fini(meta);
		return -ENODATA;
	}
	return rc;
}
