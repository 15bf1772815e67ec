/*
 * Rows of the database, with anything in any column: what the gate lets through of them can be an
 * entry, or a directory, and what it does not is shown as a file that nobody else may open.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <sqlite3.h>

#include "disk/statements.h"
#include "disk/row.h"
#include "stack/layer_check.h"
#include "fuzz.h"

enum { COLUMN_BYTES = 9, COLUMNS = DISK_COLUMN_EXTRA, KINDS = 5 }; /* a kind, and eight bytes */

static const char *const words[] = { "\1\377\377\377\377\377\377\377\377",
				     "\1\0\0\0\0\0\0\0\200",
				     "\1\377\377\377\377\377\377\377\177",
				     "\2\0\0\0\0\0\0\360\177",
				     "\3text1234",
				     "\4\1\0\0\0\6\0\0\0",
				     NULL };

static sqlite3 *db;
static sqlite3_stmt *statement;
static char name[] = "fuzzed";
static struct layer_spec spec = { .name = name };
static struct layer layer = { .spec = &spec };

static void bind(int index, const uint8_t *bytes)
{
	int64_t number;
	double real;

	memcpy(&number, bytes + 1, sizeof(number));
	memcpy(&real, bytes + 1, sizeof(real));
	switch (bytes[0] % KINDS) {
	case 0:
		sqlite3_bind_null(statement, index);
		break;
	case 1:
		sqlite3_bind_int64(statement, index, number);
		break;
	case 2:
		sqlite3_bind_double(statement, index, real);
		break;
	case 3:
		sqlite3_bind_text(statement, index, (const char *)bytes + 1, 8, SQLITE_TRANSIENT);
		break;
	default:
		sqlite3_bind_blob(statement, index, bytes + 1, 8, SQLITE_TRANSIENT);
	}
}

static void expect_possible(const struct meta *m)
{
	assert(!(m->mode & ~(uint32_t)(S_IFMT | 07777)));
	assert(m->size <= INT64_MAX && m->hits <= INT64_MAX && m->hit_ms >= 0);
	assert(m->mtime.tv_nsec >= 0 && m->mtime.tv_nsec < 1000000000);
	assert(m->ctime.tv_nsec >= 0 && m->ctime.tv_nsec < 1000000000);
	assert(m->mtime.tv_sec * 1000 / 1000 == m->mtime.tv_sec);
}

static void run(const uint8_t *bytes, size_t size)
{
	const struct key key = key_of("k");
	struct meta entry, dir;

	for (int i = 0; i < COLUMNS; i++)
		if ((size_t)(i + 1) * COLUMN_BYTES <= size)
			bind(i + 1, bytes + i * COLUMN_BYTES);
	int rc = sqlite3_step(statement);
	assert(rc == SQLITE_ROW);
	disk_row_meta(statement, &entry);
	disk_row_dir_meta(statement, &dir);
	layer_check_entry(&layer, key, &entry);
	layer_check_dir(&layer, key, &dir);
	expect_possible(&entry);
	expect_possible(&dir);
	assert(entry.mode == 0 || S_ISREG(entry.mode) || S_ISLNK(entry.mode));
	assert(dir.mode == 0 || S_ISDIR(dir.mode));
	meta_is_expired(&entry, (struct instant){ 1767225600500, 1767225600500 });
	meta_fini(&entry);
	meta_fini(&dir);
	sqlite3_reset(statement);
	sqlite3_clear_bindings(statement);
}

static void put(uint8_t *row, int column, int64_t number)
{
	row[column * COLUMN_BYTES] = 1;
	memcpy(row + column * COLUMN_BYTES + 1, &number, sizeof(number));
}

int main(void)
{
	static uint8_t ours[COLUMNS * COLUMN_BYTES], foreign[COLUMNS * COLUMN_BYTES];
	static const struct fuzz_seed seeds[] = { { ours, sizeof(ours) },
						  { foreign, sizeof(foreign) },
						  { NULL, 0 } };
	const struct fuzz_target target = { "disk_row", seeds, words, run };
	char text[16 + 5 * COLUMNS] = "SELECT ?1";

	for (int i = 2; i <= COLUMNS; i++)
		sprintf(text + strlen(text), ", ?%d", i);
	put(ours, DISK_COLUMN_SIZE, 3);
	put(ours, DISK_COLUMN_VERSION, 1);
	put(ours, DISK_COLUMN_MODE, S_IFREG | 0644);
	put(ours, DISK_COLUMN_MTIME_S, 1767225600);
	put(ours, DISK_COLUMN_HITS, 1);
	put(foreign, DISK_COLUMN_OCTETS, 3);
	int rc = sqlite3_open(":memory:", &db);
	assert(rc == SQLITE_OK);
	rc = sqlite3_prepare_v2(db, text, -1, &statement, NULL);
	assert(rc == SQLITE_OK);
	rc = fuzz_main(&target);
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return rc;
}
