/* See journal_row.h. A head has numbers, little endian, 8 bytes each; then the packed xattrs; then
 * XXH3. */
#include "ledger/journal_row.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>

#include <xxhash.h>

enum { NUMBERS = 18, NUMBER_BYTES = 8, CHECK_BYTES = 8, FORMAT = 2 };

/* Of before: expires_ms, 0 or a moment that somebody gave, in the place of the copy's end; no own
 * end. */
enum { NUMBERS_BEFORE = 15, FORMAT_BEFORE = 1 };

static void put(uint8_t *at, uint64_t number)
{
	for (int i = 0; i < NUMBER_BYTES; i++)
		at[i] = (uint8_t)(number >> (8 * i));
}

static uint64_t number_at(const uint8_t *at)
{
	uint64_t number = 0;

	for (int i = 0; i < NUMBER_BYTES; i++)
		number |= (uint64_t)at[i] << (8 * i);
	return number;
}

/* Over the head without the checksum, the key, and the file's name. */
static uint64_t check(const uint8_t *head, size_t size, struct key key, const char *file)
{
	uint64_t parts[3] = {
		XXH3_64bits(head, size),
		XXH3_64bits(key.bytes, key.size),
		file ? XXH3_64bits(file, strlen(file)) : 0,
	};

	return XXH3_64bits(parts, sizeof(parts));
}

void *journal_row_pack(struct key key, const char *file, const struct meta *meta, size_t *size)
{
	const struct end_record record = end_record_of(meta->copy, meta->own, time_skew_ms());
	const uint64_t numbers[NUMBERS] = {
		FORMAT,
		meta->size,
		meta->ino,
		meta->version,
		meta->checksum,
		meta->hits,
		(uint64_t)meta->created_ms,
		(uint64_t)record.copy,
		(uint64_t)meta->mtime.tv_sec,
		(uint64_t)meta->mtime.tv_nsec,
		(uint64_t)meta->ctime.tv_sec,
		(uint64_t)meta->ctime.tv_nsec,
		meta->mode,
		meta->uid,
		meta->gid,
		(uint64_t)record.own,
		(uint64_t)record.ahead_ms,
		record.boot,
	};
	size_t xattrs_size = 0, used = NUMBERS * NUMBER_BYTES;
	const void *xattrs = xattrs_packed(meta->xattrs, &xattrs_size);
	uint8_t *head = malloc(used + xattrs_size + CHECK_BYTES);

	if (!head)
		return NULL;
	for (int i = 0; i < NUMBERS; i++)
		put(head + i * NUMBER_BYTES, numbers[i]);
	if (xattrs_size > 0)
		memcpy(head + used, xattrs, xattrs_size);
	used += xattrs_size;
	put(head + used, check(head, used, key, file));
	*size = used + CHECK_BYTES;
	return head;
}

/* The numbers of a head that is whole, without its checksum; what an earlier format had none of is
 * 0. How many bytes they take, or -EBADMSG. */
static ssize_t read_numbers(const uint8_t *head, size_t size, uint64_t n[NUMBERS])
{
	bool before = size >= NUMBER_BYTES && number_at(head) == FORMAT_BEFORE;
	const size_t count = before ? NUMBERS_BEFORE : NUMBERS;

	if (size < count * NUMBER_BYTES || (!before && number_at(head) != FORMAT))
		return -EBADMSG;
	for (size_t i = 0; i < count; i++)
		n[i] = number_at(head + i * NUMBER_BYTES);
	if (before && n[7] != 0)
		n[7] = n[15] = (uint64_t)end_make(END_MOMENT, (int64_t)n[7]).number;
	return (ssize_t)(count * NUMBER_BYTES);
}

static int read_ends(const uint64_t n[NUMBERS], struct meta *meta)
{
	struct end_record record = {
		.copy = (int64_t)n[7],
		.own = (int64_t)n[15],
		.ahead_ms = (int64_t)n[16],
		.boot = n[17],
	};
	struct end given = { record.copy };

	if (!end_record_is_valid(&record))
		return -EBADMSG;
	record.expires_ms = end_comes(given) ? end_ms(given) : 0;
	end_record_read(&record, &meta->copy, &meta->own);
	return 0;
}

int journal_row_unpack(const void *bytes, size_t size, struct key key, const char *file,
		       struct meta *meta)
{
	const uint8_t *head = bytes;
	uint64_t n[NUMBERS] = { 0 };

	if (size < CHECK_BYTES)
		return -EBADMSG;
	size -= CHECK_BYTES;
	if (number_at(head + size) != check(head, size, key, file))
		return -EBADMSG;
	const ssize_t fixed = read_numbers(head, size, n);
	if (fixed < 0)
		return (int)fixed;
	struct meta read = {
		.size = n[1],
		.ino = n[2],
		.version = n[3],
		.checksum = n[4],
		.hits = n[5],
		.created_ms = (int64_t)n[6],
		.mtime = { (time_t)n[8], (long)n[9] },
		.ctime = { (time_t)n[10], (long)n[11] },
		.mode = (uint32_t)n[12],
		.uid = (uint32_t)n[13],
		.gid = (uint32_t)n[14],
	};
	if (read_ends(n, &read) < 0)
		return -EBADMSG;
	const size_t rest = size - (size_t)fixed;
	int rc = xattrs_unpack(rest > 0 ? head + fixed : NULL, rest, &read.xattrs);
	if (rc < 0)
		return rc == -EINVAL ? -EBADMSG : rc;
	*meta = read;
	return 0;
}
