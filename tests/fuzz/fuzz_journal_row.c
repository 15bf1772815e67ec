/*
 * The heads of the journal's rows: what is taken packs to the same bytes again, but for its ends,
 * which another boot's clock may have counted, and what an earlier format has not. Each input is
 * tried as it is, which must be refused unless it is a seed, and with a checksum that fits.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "ledger/journal_row.h"
#include "fuzz.h"

enum { CHECK_BYTES = 8 };

static const char *const words[] = { "\1", "\2", "\377\377\377\377", "user.a", "\6", "red", NULL };
static const char file[] = "0000000000000007";

static bool try(const uint8_t *bytes, size_t size)
{
	struct meta meta = { 0 };
	size_t packed_size;
	int rc = journal_row_unpack(bytes, size, key_of("k"), file, &meta);

	assert(rc == 0 || rc == -EBADMSG);
	if (rc < 0)
		return false;
	uint8_t *packed = journal_row_pack(key_of("k"), file, &meta, &packed_size);
	assert(packed && (packed_size == size || packed[0] != bytes[0]));
	assert(memcmp(packed + 8, bytes + 8, 8 * 6) == 0);
	if (meta.mtime.tv_nsec >= 0) /* all numbers fit into their members */
		assert(memcmp(packed + 8 * 8, bytes + 8 * 8, 8 * 4) == 0);
	free(packed);
	meta_fini(&meta);
	return true;
}

static void run(const uint8_t *bytes, size_t size)
{
	try(bytes, size);
	if (size < CHECK_BYTES)
		return;
	uint8_t *mended = malloc(size);
	assert(mended);
	memcpy(mended, bytes, size);
	const uint64_t parts[3] = { XXH3_64bits(mended, size - CHECK_BYTES), XXH3_64bits("k", 1),
				    XXH3_64bits(file, strlen(file)) };
	uint64_t sum = XXH3_64bits(parts, sizeof(parts));
	for (int i = 0; i < CHECK_BYTES; i++)
		mended[size - CHECK_BYTES + (size_t)i] = (uint8_t)(sum >> 8 * i);
	try(mended, size);
	free(mended);
}

static void make_seed(struct fuzz_seed *seed, const struct meta *meta)
{
	seed->bytes = journal_row_pack(key_of("k"), file, meta, &seed->size);
	assert(seed->bytes && try(seed->bytes, seed->size));
}

int main(void)
{
	static struct fuzz_seed seeds[3];
	struct meta meta = { .size = 3, .version = 7, .ino = 9, .mode = S_IFREG | 0644 };
	const struct fuzz_target target = { "journal_row", seeds, words, run };

	make_seed(&seeds[0], &meta);
	int rc = xattrs_with(NULL, "user.a", "red", 3, &meta.xattrs);
	assert(rc == 0);
	make_seed(&seeds[1], &meta);
	meta_fini(&meta);
	rc = fuzz_main(&target);
	for (int i = 0; i < 2; i++)
		free((void *)(uintptr_t)seeds[i].bytes);
	return rc;
}
