#ifndef CACHEFS_FILE_BASE64_H
#define CACHEFS_FILE_BASE64_H

/* Bytes as text, for what JSON cannot hold. No state. */

#include <stdbool.h>
#include <stddef.h>

size_t base64_size(size_t size); /* of the text of so many bytes */

/* Writes the text, not terminated; returns its end. */
char *base64_write(char *to, const void *bytes, size_t size);

/* In place, for the result is shorter; its size comes out. False: not base64. */
bool base64_read(char *bytes, size_t size, size_t *out);

#endif
