/* See damage.h. */
#include "damage.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static uint64_t from_environment(const char *name, uint64_t otherwise)
{
	const char *text = getenv(name);

	return text && *text ? strtoull(text, NULL, 10) : otherwise;
}

void damage_start(struct damage *d, unsigned by_default)
{
	uint64_t first = from_environment("DAMAGE_FIRST", 1);

	*d = (struct damage){ .number = first - 1 };
	d->last = d->number + from_environment("DAMAGE_COUNT", getenv("LONG") ? 2000 : by_default);
	print_message("damage %llu to %llu, DAMAGE_SEED=%llu\n", (unsigned long long)first,
		      (unsigned long long)d->last,
		      (unsigned long long)from_environment("DAMAGE_SEED", 1));
}

bool damage_next(struct damage *d)
{
	if (d->number >= d->last)
		return false;
	d->number++;
	d->state = d->number * UINT64_C(0xD1342543DE82EF95) +
		   from_environment("DAMAGE_SEED", 1) * UINT64_C(0x2545F4914F6CDD1D);
	return true;
}

/* splitmix64 */
size_t damage_below(struct damage *d, size_t limit)
{
	uint64_t z = d->state += UINT64_C(0x9E3779B97F4A7C15);

	z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
	return limit ? (size_t)((z ^ (z >> 31)) % limit) : 0;
}

size_t damage_do(struct damage *d, const char *name, void *bytes, size_t size)
{
	size_t at = damage_below(d, size), bit = damage_below(d, 8);
	bool cut = damage_below(d, 4) == 0;

	if (!cut)
		((uint8_t *)bytes)[at] ^= (uint8_t)(1u << bit);
	snprintf(d->text, sizeof(d->text),
		 "%s %s byte %zu of %zu (again: DAMAGE_FIRST=%llu DAMAGE_COUNT=1)", name,
		 cut ? "cut off at" : "with a flipped bit in", at, size,
		 (unsigned long long)d->number);
	return cut ? at : size;
}

uint8_t *damage_read_file(const char *path, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	assert_true(fd >= 0 && fstat(fd, &st) == 0);
	*size = (size_t)st.st_size;
	uint8_t *bytes = malloc(*size + 1);
	assert_non_null(bytes);
	assert_int_equal(read(fd, bytes, *size), *size);
	close(fd);
	return bytes;
}

void damage_write_file(const char *path, const void *bytes, size_t size)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);

	assert_true(fd >= 0);
	assert_int_equal(write(fd, bytes, size), size);
	close(fd);
}
