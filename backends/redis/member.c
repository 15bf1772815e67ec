/* Metadata as members of a sorted set. See redis/member.h. */
#include "redis/member.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

enum {
	FORMAT = 1,
	HEAD = 2,                        /* format and flags */
	FIXED = 10 * 8 + 2 * 12 + 3 * 4, /* what follows them */
	FIXED_BEFORE = FIXED - 3 * 8,    /* of a daemon that did not know of own ends */
	TAIL = 4 + 2,                    /* sum and size of the key */
	FLAG_CHECKSUM = 1,
	FLAG_ENDS = 2,
};

static void put(uint8_t **at, uint64_t number, int bytes)
{
	for (int i = 0; i < bytes; i++)
		*(*at)++ = (uint8_t)(number >> 8 * i);
}

static uint64_t take(const uint8_t **at, int bytes)
{
	uint64_t number = 0;

	for (int i = 0; i < bytes; i++)
		number |= (uint64_t) * (*at)++ << 8 * i;
	return number;
}

static void put_time(uint8_t **at, struct timespec t)
{
	put(at, (uint64_t)t.tv_sec, 8);
	put(at, (uint64_t)t.tv_nsec, 4);
}

static struct timespec take_time(const uint8_t **at)
{
	time_t seconds = (time_t)take(at, 8);

	return (struct timespec){ .tv_sec = seconds, .tv_nsec = (long)take(at, 4) };
}

int redis_member_pack(struct key key, const struct meta *meta, const struct end_record *ends,
		      bool checksum_known, struct redis_member *member)
{
	size_t xattrs_size;
	const void *xattrs = xattrs_packed(meta->xattrs, &xattrs_size);

	member->size = key.size + 1 + HEAD + FIXED + xattrs_size + TAIL;
	member->bytes = malloc(member->size);
	if (!member->bytes)
		return -ENOMEM;
	uint8_t *at = (uint8_t *)member->bytes;
	if (key.size > 0)
		memcpy(at, key.bytes, key.size);
	at += key.size;
	put(&at, 0, 1);
	put(&at, FORMAT, 1);
	put(&at, FLAG_ENDS | (checksum_known ? FLAG_CHECKSUM : 0), 1);
	put(&at, meta->size, 8);
	put(&at, meta->ino, 8);
	put(&at, meta->version, 8);
	put(&at, meta->checksum, 8);
	put(&at, meta->hits, 8);
	put(&at, (uint64_t)meta->created_ms, 8);
	put(&at, (uint64_t)ends->copy, 8);
	put(&at, (uint64_t)ends->own, 8);
	put(&at, (uint64_t)ends->ahead_ms, 8);
	put(&at, ends->boot, 8);
	put_time(&at, meta->mtime);
	put_time(&at, meta->ctime);
	put(&at, meta->mode, 4);
	put(&at, meta->uid, 4);
	put(&at, meta->gid, 4);
	if (xattrs_size > 0)
		memcpy(at, xattrs, xattrs_size);
	at += xattrs_size;
	put(&at, XXH3_64bits(member->bytes, (size_t)(at - (uint8_t *)member->bytes)), 4);
	put(&at, key.size, 2);
	assert(at == (uint8_t *)member->bytes + member->size);
	return 0;
}

/* False: a number is no end. */
static bool take_ends(const uint8_t **at, bool before, struct end_record *ends)
{
	int64_t number = (int64_t)take(at, 8);

	*ends = (struct end_record){ 0 };
	if (before) {
		ends->copy = ends->own = number != 0 ? end_make(END_MOMENT, number).number : 0;
	} else {
		ends->copy = number;
		ends->own = (int64_t)take(at, 8);
		ends->ahead_ms = (int64_t)take(at, 8);
		ends->boot = take(at, 8);
	}
	struct end copy = { ends->copy };
	ends->expires_ms = end_comes(copy) ? end_ms(copy) : 0;
	return end_record_is_valid(ends);
}

static bool take_fixed(const uint8_t *at, bool before, struct meta *meta, struct end_record *ends)
{
	*meta = (struct meta){ 0 };
	meta->size = take(&at, 8);
	meta->ino = take(&at, 8);
	meta->version = take(&at, 8);
	meta->checksum = take(&at, 8);
	meta->hits = take(&at, 8);
	meta->created_ms = (int64_t)take(&at, 8);
	bool valid = take_ends(&at, before, ends);
	meta->mtime = take_time(&at);
	meta->ctime = take_time(&at);
	meta->mode = (uint32_t)take(&at, 4);
	meta->uid = (uint32_t)take(&at, 4);
	meta->gid = (uint32_t)take(&at, 4);
	if (valid)
		end_record_read(ends, &meta->copy, &meta->own);
	return valid;
}

static bool time_is_sane(struct timespec t)
{
	return t.tv_nsec >= 0 && t.tv_nsec < 1000000000;
}

int redis_member_unpack(struct key member, struct key *key, struct meta *meta,
			struct end_record *ends, bool *checksum_known)
{
	const uint8_t *bytes = (const uint8_t *)member.bytes, *at;

	if (member.size < 1 + HEAD + FIXED_BEFORE + TAIL)
		return -EINVAL;
	at = bytes + member.size - TAIL;
	uint64_t sum = take(&at, 4);
	size_t key_size = (size_t)take(&at, 2);
	if (key_size > member.size - (1 + HEAD + FIXED_BEFORE + TAIL) || key_size > KEY_MAX + 1 ||
	    bytes[key_size] != 0 || bytes[key_size + 1] != FORMAT ||
	    sum != (XXH3_64bits(bytes, member.size - TAIL) & UINT32_MAX))
		return -EINVAL;
	bool before = !(bytes[key_size + 2] & FLAG_ENDS);
	size_t fixed = before ? FIXED_BEFORE : FIXED;
	if (key_size + 1 + HEAD + fixed + TAIL > member.size)
		return -EINVAL;
	*key = key_make(member.bytes, key_size);
	*checksum_known = bytes[key_size + 2] & FLAG_CHECKSUM;
	at = bytes + key_size + 1 + HEAD;
	bool valid = take_fixed(at, before, meta, ends);
	at += fixed;
	if (!valid || !time_is_sane(meta->mtime) || !time_is_sane(meta->ctime))
		return -EINVAL;
	return xattrs_unpack(at, (size_t)(bytes + member.size - TAIL - at), &meta->xattrs);
}
