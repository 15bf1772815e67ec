/* Self-checksummed values, see record.h. */

#include "record.h"

#include <assert.h>
#include <string.h>
#include <time.h>

#include <xxhash.h>

enum { MAGIC = 0x43465256 };

uint64_t random_next(uint64_t *state)
{
	uint64_t x = *state;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	*state = x;
	return x * UINT64_C(0x2545f4914f6cdd1d);
}

static uint64_t checksum_of(const struct record *header, const void *body, size_t size)
{
	struct record blank = *header;

	blank.checksum = 0;
	return XXH3_64bits_withSeed(body, size, XXH3_64bits(&blank, sizeof(blank)));
}

void record_fill(void *bytes, size_t size, uint32_t writer, uint64_t key, uint64_t ticket)
{
	struct record r = {
		.magic = MAGIC, .writer = writer, .key = key, .ticket = ticket, .size = size
	};
	char *body = (char *)bytes + sizeof(r);
	uint64_t state = (ticket * UINT64_C(0x9e3779b97f4a7c15)) ^ (key << 32) ^ writer ^ 1;

	assert(size >= RECORD_MIN);
	if (state == 0)
		state = 1;
	for (size_t at = 0; at < size - sizeof(r); at += sizeof(uint64_t)) {
		uint64_t word = random_next(&state);
		size_t rest = size - sizeof(r) - at;
		memcpy(body + at, &word, rest < sizeof(word) ? rest : sizeof(word));
	}
	r.checksum = checksum_of(&r, body, size - sizeof(r));
	memcpy(bytes, &r, sizeof(r));
}

const char *record_check(const void *bytes, size_t size, struct record *record)
{
	*record = (struct record){ 0 };
	if (size < RECORD_MIN)
		return "shorter than a record";
	memcpy(record, bytes, sizeof(*record));
	if (record->magic != MAGIC)
		return "not a record";
	if (record->size < RECORD_MIN || record->size > VALUE_MAX)
		return "the header's size is impossible";
	if (record->size > size)
		return "cut short";

	const char *body = (const char *)bytes + sizeof(*record);
	if (checksum_of(record, body, (size_t)record->size - sizeof(*record)) != record->checksum)
		return "the checksum does not fit";
	return NULL;
}

size_t record_random_size(uint64_t *random)
{
	static const struct {
		unsigned percent;
		size_t max;
	} classes[] = { { 10, 0 }, { 45, 4096 }, { 30, 32768 }, { 11, 131072 }, { 4, VALUE_MAX } };
	unsigned dice = (unsigned)(random_next(random) % 100);

	for (size_t i = 0; i < sizeof(classes) / sizeof(classes[0]); i++) {
		if (dice < classes[i].percent) {
			if (classes[i].max == 0)
				return 0;
			return RECORD_MIN + random_next(random) % (classes[i].max - RECORD_MIN + 1);
		}
		dice -= classes[i].percent;
	}
	return VALUE_MAX;
}

uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * UINT64_C(1000000000) + (uint64_t)t.tv_nsec;
}
