#ifndef CACHEFS_JOURNAL_ROW_H
#define CACHEFS_JOURNAL_ROW_H

/*
 * The head of a journal's row: the packed metadata, with a checksum over the metadata, the key and
 * the name of the value's file. So a damaged row is never taken for a valid one.
 */

#include <stddef.h>

#include "base/key.h"
#include "base/meta.h"

/* file: the name of the value's file, or NULL. Malloc'ed; NULL: out of memory. */
void *journal_row_pack(struct key key, const char *file, const struct meta *meta, size_t *size);

/* 0; -EBADMSG for bytes that journal_row_pack() did not make for this key and file; or -ENOMEM. The
 * caller finishes *meta when 0 is returned. */
int journal_row_unpack(const void *head, size_t size, struct key key, const char *file,
		       struct meta *meta);

#endif
