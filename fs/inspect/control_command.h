#ifndef CACHEFS_CONTROL_COMMAND_H
#define CACHEFS_CONTROL_COMMAND_H

/*
 * Parses the text that programs write to `.cachefs/control`: one command per line.
 *
 *	flush [PREFIX]             waits until what was closed is stored in all layers, and syncs
 *	                           them
 *	invalidate PREFIX          the key and all below it; "/" is everything
 *	invalidate-prefix STRING   all keys that begin with these bytes
 *	log LEVEL                  error, warning, info or debug
 *
 * PREFIX is the rest of the line; slashes around it do not count. So no command can name a key with
 * a newline or with such slashes. STRING is every byte to the end of the line. control_run.h
 * carries the commands out.
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
	enum command_kind kind; /* none: the line was empty */
	struct key prefix;      /* borrows the line; empty: everything; or STRING */
	enum log_level level;
};

/* Parses one line, without its newline. 0, or -EINVAL with the problem set. Pure. */
int command_parse(const char *line, size_t size, struct command *command, struct problem *problem);

/* Joins pieces of text to lines. Not thread-safe. */
struct command_lines;
struct command_lines *command_lines_new(void); /* NULL: out of memory */
void command_lines_free(struct command_lines *lines);

/*
 * Takes bytes and calls run() for each complete line. bytes NULL: calls run() for the last line,
 * which has no newline. Ends at the first line for which run() fails, and drops the rest of these
 * bytes. A -ENOENT of run() does not end it, and is returned at the end. Returns 0, run()'s error,
 * or -EMSGSIZE for a line that is too long for a command.
 */
int command_lines_feed(struct command_lines *lines, const char *bytes, size_t size,
		       int (*run)(void *self, const char *line, size_t size), void *self);

#endif
