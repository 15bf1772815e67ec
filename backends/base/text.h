#ifndef CACHEFS_TEXT_H
#define CACHEFS_TEXT_H

/* What bytes are to programs that read text. */

#include <stdbool.h>
#include <stddef.h>

bool text_is_utf8(const void *bytes, size_t size);

/* Valid UTF-8 without NUL: what other programs can read as text. */
bool text_is_plain(const void *bytes, size_t size);

#endif
