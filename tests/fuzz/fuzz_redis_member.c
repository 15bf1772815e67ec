/*
 * Metadata as Redis holds it, a member of a sorted set: what is taken packs to the same bytes
 * again. Each input is tried as it is, and with a sum and a key's size that fit, for else the sum
 * would turn away nearly all of them.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <xxhash.h>

#include "redis/member.h"
#include "fuzz.h"

enum { TAIL = 6 };

static const char *const words[] = { "answers/gpt", "\1", "\2", "\377\377\377\377", "user.a", "\6",
				     "/",           "k",  NULL };

/* Flags of a later version are not kept; what an earlier one wrote becomes longer. */
static void expect_packs_back(struct key key, const struct meta *meta,
			      const struct end_record *ends, bool checksum_known,
			      const uint8_t *bytes, size_t size)
{
	struct redis_member member;
	int rc = redis_member_pack(key, meta, ends, checksum_known, &member);

	assert(rc == 0);
	size_t flags = key.size + 2;
	if (!(bytes[flags] & 2)) {
		assert(member.size == size + 24 && end_equal(meta->copy, meta->own));
		free(member.bytes);
		return;
	}
	assert(member.size == size);
	assert(memcmp(member.bytes, bytes, flags) == 0);
	assert(member.bytes[flags] == (bytes[flags] & 3));
	assert(memcmp(member.bytes + flags + 1, bytes + flags + 1, size - flags - 1 - TAIL) == 0);
	free(member.bytes);
}

static bool try(const uint8_t *bytes, size_t size)
{
	struct key key;
	struct meta meta;
	struct end_record ends;
	bool checksum_known;
	int rc = redis_member_unpack(key_make((const char *)bytes, size), &key, &meta, &ends,
				     &checksum_known);

	assert(rc == 0 || rc == -EINVAL);
	if (rc < 0)
		return false;
	assert(key.bytes == (const char *)bytes && key.size < size);
	assert(meta.mtime.tv_nsec >= 0 && meta.mtime.tv_nsec < 1000000000);
	expect_packs_back(key, &meta, &ends, checksum_known, bytes, size);
	meta_fini(&meta);
	return true;
}

static void run(const uint8_t *bytes, size_t size)
{
	try(bytes, size);
	if (size < TAIL)
		return;
	uint8_t *mended = malloc(size);
	assert(mended);
	memcpy(mended, bytes, size);
	const uint8_t *end_of_key = memchr(bytes, 0, size);
	size_t key_size = end_of_key ? (size_t)(end_of_key - bytes) : 0;
	mended[size - 2] = (uint8_t)key_size;
	mended[size - 1] = (uint8_t)(key_size >> 8);
	uint64_t sum = XXH3_64bits(mended, size - TAIL);
	for (int i = 0; i < 4; i++)
		mended[size - TAIL + (size_t)i] = (uint8_t)(sum >> 8 * i);
	try(mended, size);
	free(mended);
}

static void make_seed(struct fuzz_seed *seed, const char *key, const struct meta *meta, bool known)
{
	struct redis_member member;
	const struct end_record ends = end_record_of(meta->copy, meta->own, 0);
	int rc = redis_member_pack(key_of(key), meta, &ends, known, &member);

	assert(rc == 0 && try((const uint8_t *)member.bytes, member.size));
	*seed = (struct fuzz_seed){ member.bytes, member.size };
}

int main(void)
{
	static struct fuzz_seed seeds[4];
	struct meta meta = { .size = 2,
			     .ino = 7,
			     .version = 3,
			     .checksum = 0x123456789abcdef,
			     .mode = S_IFREG | 0644,
			     .copy = end_make(END_STEADY, 1767225600500),
			     .mtime = { 1767225600, 123456789 } };
	const struct fuzz_target target = { "redis_member", seeds, words, run };

	make_seed(&seeds[0], "k", &meta, true);
	make_seed(&seeds[1], "", &(struct meta){ 0 }, false);
	int rc = xattrs_with(NULL, "user.a", "red", 3, &meta.xattrs);
	assert(rc == 0);
	make_seed(&seeds[2], "answers/gpt/k", &meta, true);
	meta_fini(&meta);
	rc = fuzz_main(&target);
	for (int i = 0; i < 3; i++)
		free((void *)(uintptr_t)seeds[i].bytes);
	return rc;
}
