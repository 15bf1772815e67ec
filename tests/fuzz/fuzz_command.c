/*
 * What is written to .cachefs/control: every line is a command or a problem with something to say;
 * a prefix is a key; and the lines are the same however the bytes come in pieces.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>

#include "inspect/control_command.h"
#include "fuzz.h"

static const struct fuzz_seed seeds[] = {
	FUZZ_TEXT("flush\n"),
	FUZZ_TEXT("flush /answers/gpt/\ninvalidate a b/c\r\n\nlog debug"),
	FUZZ_TEXT("invalidate /\nlog info\nflsh\nlog loud\n"),
	{ NULL, 0 },
};

static const char *const words[] = { "flush", "invalidate", "log", "error", "debug", " ", "/",
				     "//",    "..",         ".",   "\n",    "\r\n",  "a", NULL };

/* What came out, as one number. */
struct record {
	uint64_t hash;
	size_t lines;
};

static int run_line(void *self, const char *line, size_t size)
{
	struct record *r = self;
	struct command command;
	struct problem problem = { 0 };
	int rc = command_parse(line, size, &command, &problem);

	assert(memchr(line, '\n', size) == NULL);
	assert(rc == 0 || rc == -EINVAL);
	assert((rc < 0) == (problem.message[0] != '\0'));
	assert(rc < 0 || command.prefix.size == 0 || key_is_path(command.prefix));
	assert(rc < 0 || command.kind != COMMAND_INVALIDATE || size > strlen("invalidate "));
	r->hash = r->hash * 31 + key_hash(key_make(line, size));
	r->lines++;
	return 0;
}

/* False: a line was too long. */
static bool feed(const void *input, size_t size, size_t piece, struct record *r)
{
	struct command_lines *lines = command_lines_new();
	const char *bytes = input;
	int rc = 0;

	for (size_t i = 0; i < size && rc == 0; i += piece)
		rc = command_lines_feed(lines, bytes + i, size - i < piece ? size - i : piece,
					run_line, r);
	assert(rc == 0 || rc == -EMSGSIZE);
	command_lines_feed(lines, NULL, 0, run_line, r);
	command_lines_free(lines);
	return rc == 0;
}

static void run(const uint8_t *bytes, size_t size)
{
	static const size_t pieces[] = { 1, 3, 7 };
	struct record whole = { 0 };

	bool good = feed(bytes, size, size ? size : 1, &whole);
	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct record again = { 0 };
		assert(feed(bytes, size, pieces[i], &again) == good);
		assert(!good || (again.hash == whole.hash && again.lines == whole.lines));
	}
}

int main(void)
{
	static const struct fuzz_target target = { "command", seeds, words, run };

	return fuzz_main(&target);
}
