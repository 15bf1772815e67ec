/* See control_command.h. */
#include "inspect/control_command.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { WORD_MAX = 31, LINE_MAX_BYTES = KEY_MAX + 64 };

/* --- one line --------------------------------------------------------------------------------- */

static const char *const kinds[] = {
	[COMMAND_NONE] = "", /* nothing is near it */
	[COMMAND_FLUSH] = "flush",
	[COMMAND_INVALIDATE] = "invalidate",
	[COMMAND_INVALIDATE_PREFIX] = "invalidate-prefix",
	[COMMAND_LOG] = "log",
	NULL,
};

static const char *const levels[] = {
	[LOG_LEVEL_ERROR] = "error",
	[LOG_LEVEL_WARNING] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
	NULL,
};

static int find_word(struct key word, const char *const names[])
{
	for (int i = 0; names[i]; i++)
		if (key_equal(key_of(names[i]), word))
			return i;
	return -1;
}

static int unknown_word(struct problem *problem, const char *what, struct key word,
			const char *const names[], const char *all)
{
	char text[WORD_MAX + 1] = "", hint[128] = "";
	const char *nearest = NULL;
	bool whole = word.size <= WORD_MAX && !memchr(word.bytes, 0, word.size);
	int shown = (int)(word.size < 40 ? word.size : 40);

	if (whole) {
		memcpy(text, word.bytes, word.size);
		nearest = problem_nearest(text, names);
	}
	if (nearest)
		snprintf(hint, sizeof(hint), "did you mean \"%s\"?", nearest);
	else
		snprintf(hint, sizeof(hint), "known are %s", all);
	return problem_set(problem, ".cachefs/control", hint, "unknown %s \"%.*s\"", what, shown,
			   word.bytes);
}

static struct key trim(struct key text)
{
	while (text.size > 0 && text.bytes[text.size - 1] == '\r')
		text.size--;
	return text;
}

/* The first word; *rest begins behind the space after it. */
static struct key take_word(struct key line, struct key *rest)
{
	const char *space = line.size > 0 ? memchr(line.bytes, ' ', line.size) : NULL;
	size_t size = space ? (size_t)(space - line.bytes) : line.size;

	*rest = space ? key_make(space + 1, line.size - size - 1)
		      : key_make(line.bytes + line.size, 0);
	return key_make(line.bytes, size);
}

static int parse_string(struct key rest, struct command *command, struct problem *problem)
{
	command->prefix = rest;
	if (rest.size == 0)
		return problem_set(problem, ".cachefs/control",
				   "\"invalidate /\" is for everything",
				   "invalidate-prefix: a string is needed");
	if (rest.size > KEY_MAX)
		return problem_set(problem, ".cachefs/control", NULL,
				   "invalidate-prefix: longer than any key");
	return 0;
}

static int parse_prefix(struct key rest, struct command *command, struct problem *problem)
{
	while (rest.size > 0 && rest.bytes[0] == '/')
		rest = key_make(rest.bytes + 1, rest.size - 1);
	while (rest.size > 0 && rest.bytes[rest.size - 1] == '/')
		rest.size--;
	command->prefix = rest;
	if (rest.size == 0 || key_is_path(rest))
		return 0;
	return problem_set(problem, ".cachefs/control",
			   "a path below the mount point is needed, without \".\" and \"..\"",
			   "%s: not a key", kinds[command->kind]);
}

static int parse_level(struct key rest, struct command *command, struct problem *problem)
{
	int level = find_word(rest, levels);

	if (level < 0)
		return unknown_word(problem, "log level", rest, levels,
				    "error, warning, info, debug");
	command->level = (enum log_level)level;
	return 0;
}

int command_parse(const char *line, size_t size, struct command *command, struct problem *problem)
{
	struct key rest, word = take_word(key_make(line, size), &rest);
	int kind = find_word(word, kinds);

	if (kind != COMMAND_INVALIDATE_PREFIX) { /* whose string may end with any byte */
		word = take_word(trim(key_make(line, size)), &rest);
		kind = find_word(word, kinds);
	}

	*command = (struct command){ .prefix = KEY_ROOT };
	if (kind < 0 || (kind == COMMAND_NONE && rest.size > 0))
		return unknown_word(problem, "command", word, kinds + 1,
				    "flush [PREFIX], invalidate PREFIX, invalidate-prefix STRING, "
				    "log LEVEL");
	command->kind = (enum command_kind)kind;
	switch (command->kind) {
	case COMMAND_INVALIDATE:
		if (rest.size == 0)
			return problem_set(problem, ".cachefs/control",
					   "\"invalidate /\" is for everything",
					   "invalidate: a prefix is needed");
		return parse_prefix(rest, command, problem);
	case COMMAND_INVALIDATE_PREFIX:
		return parse_string(rest, command, problem);
	case COMMAND_FLUSH:
		return parse_prefix(rest, command, problem);
	case COMMAND_LOG:
		return parse_level(rest, command, problem);
	case COMMAND_NONE:
	default:
		return 0;
	}
}

/* --- lines ------------------------------------------------------------------------------------ */

struct command_lines {
	size_t used;
	char text[LINE_MAX_BYTES];
};

struct command_lines *command_lines_new(void)
{
	return calloc(1, sizeof(struct command_lines));
}

void command_lines_free(struct command_lines *lines)
{
	free(lines);
}

static int run_line(struct command_lines *l, int (*run)(void *self, const char *line, size_t size),
		    void *self)
{
	size_t size = l->used;

	l->used = 0;
	return run(self, l->text, size);
}

int command_lines_feed(struct command_lines *l, const char *bytes, size_t size,
		       int (*run)(void *self, const char *line, size_t size), void *self)
{
	int rc = 0, met_nothing = 0;

	if (!bytes)
		return l->used > 0 ? run_line(l, run, self) : 0;
	while (size > 0 && rc == 0) {
		const char *end = memchr(bytes, '\n', size);
		size_t part = end ? (size_t)(end - bytes) : size;
		if (part > sizeof(l->text) - l->used) {
			l->used = 0;
			return -EMSGSIZE;
		}
		memcpy(l->text + l->used, bytes, part);
		l->used += part;
		assert(l->used <= sizeof(l->text));
		bytes += part + (end != NULL);
		size -= part + (end != NULL);
		if (end)
			rc = run_line(l, run, self);
		if (rc == -ENOENT)
			met_nothing = rc, rc = 0;
	}
	return rc < 0 ? rc : met_nothing;
}
