#ifndef CACHEFS_JOURNAL_ROW_H
#define CACHEFS_JOURNAL_ROW_H

/*
 * The head of a journal's row: the metadata, packed, with a checksum over it, the key and the name
 * of the value's file, so that no damaged row is ever taken for a whole one.
 */

#include <stddef.h>

#include "base/key.h"
#include "base/meta.h"

/* file: the name of the value's file, or NULL. Malloc'ed; NULL: out of memory. */
void *journal_row_pack(struct key key, const char *file, const struct meta *meta, size_t *size);

/* 0, -EBADMSG for anything that journal_row_pack() did not make for this key and file, or -ENOMEM.
 * meta is finished by the caller when 0 is returned. */
int journal_row_unpack(const void *head, size_t size, struct key key, const char *file,
		       struct meta *meta);

#endif
