/*
 * Packed extended attributes, as layers store them: a form that is taken is the one that comes out
 * again, each attribute is found by its name, and one more or one less leads back.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "base/xattrs.h"
#include "fuzz.h"

static const struct fuzz_seed seeds[] = {
	FUZZ_TEXT("\6\0\3\0\0\0"
		  "user.ared"),
	FUZZ_TEXT("\6\0\0\0\0\0"
		  "user.a"
		  "\6\0\1\0\0\0"
		  "user.b\0"
		  "\7\0\2\0\0\0"
		  "user.bbxy"),
	{ NULL, 0 },
};

static const char *const words[] = { "user.a", "user.b", "user.", "\6",       "\1",
				     "\377",   "xy",     "\7",    "\377\377", NULL };

static void expect_packed(const struct xattrs *x, const uint8_t *bytes, size_t size)
{
	size_t packed_size;
	const void *packed = xattrs_packed(x, &packed_size);

	assert(packed_size == size && (size == 0 || memcmp(packed, bytes, size) == 0));
}

/* Takes one attribute away and puts it back. */
static void expect_same_after(struct xattrs *x, const char *name, const uint8_t *bytes, size_t size)
{
	struct xattrs *less, *again;
	size_t value_size;
	const void *value = xattrs_find(x, name, &value_size);

	assert(value);
	int rc = xattrs_without(x, name, &less);
	assert(rc == 0 && !xattrs_find(less, name, &value_size));
	value = xattrs_find(x, name, &value_size);
	rc = xattrs_with(less, name, value, value_size, &again);
	assert(rc == 0);
	expect_packed(again, bytes, size);
	xattrs_unref(less);
	xattrs_unref(again);
}

static void run(const uint8_t *bytes, size_t size)
{
	struct xattrs *x;
	const char *name;
	int rc = xattrs_unpack(bytes, size, &x);

	assert(rc == 0 || (rc == -EINVAL && !x));
	if (rc < 0)
		return;
	expect_packed(x, bytes, size);
	for (size_t i = 0; (name = xattrs_name(x, i)); i++) {
		assert(*name);
		if (i < 8)
			expect_same_after(x, name, bytes, size);
	}
	xattrs_unref(x);
}

int main(void)
{
	static const struct fuzz_target target = { "xattrs", seeds, words, run };

	return fuzz_main(&target);
}
