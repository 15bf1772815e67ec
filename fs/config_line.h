#ifndef CACHEFS_CONFIG_LINE_H
#define CACHEFS_CONFIG_LINE_H

#include <stddef.h>

/*
 * Where things stand in a JSON text, for problems: cJSON does not keep lines. The text has been
 * parsed before, so it is known to be well-formed.
 */

/* Line of the place that a path such as $.layers[1].options.path names; of the nearest thing around
 * it. */
size_t config_line_of(const char *text, const char *path);

/* Line and column (both from 1, the column in bytes) of an offset in the text. */
void config_line_at(const char *text, size_t offset, size_t *line, size_t *column);

#endif
