#ifndef CACHEFS_CONTROL_COMMAND_H
#define CACHEFS_CONTROL_COMMAND_H

/*
 * What is written to `.cachefs/control`: one command per line.
 *
 *	flush [PREFIX]             waits until what was closed is stored in all layers, and syncs
 *	                           them
 *	invalidate PREFIX          the key and all below it; "/" is everything
 *	invalidate-prefix STRING   all keys that begin with these bytes
 *	log LEVEL                  error, warning, info or debug
 *
 * PREFIX goes to the end of the line; slashes around it do not matter. So a key with a newline or
 * such slashes cannot be named here. STRING is every byte to the end of the line. Only text is
 *dealt with; control_run.h does what it says.
 */

#include <stdbool.h>
#include <stddef.h>

#include "base/key.h"
#include "base/log.h"
#include "base/problem.h"

enum command_kind {
	COMMAND_NONE,
	COMMAND_FLUSH,
	COMMAND_INVALIDATE,
	COMMAND_INVALIDATE_PREFIX,
	COMMAND_LOG
};

struct command {
	enum command_kind kind; /* none: an empty line */
	struct key prefix;      /* borrows the line; empty: everything; or STRING */
	enum log_level level;
};

/* One line, without its newline. 0, or -EINVAL with the problem set. Pure. */
int command_parse(const char *line, size_t size, struct command *command, struct problem *problem);

/* Joins lines from what comes in pieces. Not thread-safe. */
struct command_lines;
struct command_lines *command_lines_new(void); /* NULL: out of memory */
void command_lines_free(struct command_lines *lines);

/*
 * Takes bytes and calls run() for each line that they end; with bytes NULL for the rest that has no
 * newline. Ends at the first line that run() refuses, and drops what is left of these bytes;
 * one that met nothing (-ENOENT) is no such line, and told at the end. Returns 0, what run() said,
 * or -EMSGSIZE for a line too long to be a command.
 */
int command_lines_feed(struct command_lines *lines, const char *bytes, size_t size,
		       int (*run)(void *self, const char *line, size_t size), void *self);

#endif
