#ifndef CACHEFS_XATTRS_H
#define CACHEFS_XATTRS_H

#include <stddef.h>
#include <stdint.h>

/*
 * The extended attributes of an entry or directory: an immutable, reference-counted set of (name,
 * bytes), in name order. NULL is the empty set and valid in every call. Thread-safe like values.
 * Layers store the packed form: per attribute u16 name size, u32 value size (little endian), name,
 * value.
 */
struct xattrs;

enum {
	XATTRS_MAX_BYTES = 64 * 1024, /* of the packed form of any set */
	XATTRS_MAX_COUNT = 1024,      /* a change makes no more; a store may have more */
};

struct xattrs *xattrs_ref(struct xattrs *x);
void xattrs_unref(struct xattrs *x);

/* The bytes of one attribute, valid while the caller holds x, or NULL. */
const void *xattrs_find(const struct xattrs *x, const char *name, size_t *size);

/* New sets. xattrs_with(): x with one attribute replaced or added. xattrs_without(): x without the
 * attribute. 0, -ENOSPC over a limit, -ENODATA (no such attribute), -ENOMEM. */
int xattrs_with(const struct xattrs *x, const char *name, const void *bytes, size_t size,
		struct xattrs **out);
int xattrs_without(const struct xattrs *x, const char *name, struct xattrs **out);

/* The i-th name, or NULL past the end. */
const char *xattrs_name(const struct xattrs *x, size_t i);

const void *xattrs_packed(const struct xattrs *x, size_t *size); /* NULL and 0 when empty */
int xattrs_unpack(const void *packed, size_t size,
		  struct xattrs **out); /* -EINVAL when malformed; NULL/0 gives NULL */

#endif
