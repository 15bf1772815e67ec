/* The configuration: files, the daemon's own settings, the built-in default. Its layers:
 * config_shape.c. */
#include "config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "config_line.h"
#include "config_shape.h"
#include "state_path.h"

enum { FILE_SIZE_MAX = 16 * 1024 * 1024 };

#define YEAR_S 31536000

static const char *const rmdir_policies[] = { "invalidate_prefix", "empty_only", NULL };
static const char *const killed_writers[] = { "discard", "publish", NULL };
static const char *const log_levels[] = { "error", "warning", "info", "debug", NULL };

const struct option_spec fs_options[] = {
	{ .name = "rmdir",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct fs_conf, rmdir),
	  .def = "\"invalidate_prefix\"",
	  .choices = rmdir_policies,
	  .doc = "what rmdir does with a directory that is not empty" },
	{ .name = "on_killed_writer",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct fs_conf, on_killed_writer),
	  .def = "\"discard\"",
	  .choices = killed_writers,
	  .doc = "what becomes of the content of a writer that a signal ended" },
	{ .name = "pending_wait_ms",
	  .type = OPT_MS,
	  .offset = offsetof(struct fs_conf, pending_wait_ms),
	  .def = "50",
	  .max = 10000,
	  .doc = "how long a get waits for a key that is only pending" },
	{ .name = "attr_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, attr_timeout_ms),
	  .def = "1",
	  .max = YEAR_S,
	  .doc = "how long the kernel may keep attributes, in seconds" },
	{ .name = "entry_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, entry_timeout_ms),
	  .def = "1",
	  .max = YEAR_S,
	  .doc = "how long the kernel may keep names, in seconds" },
	{ .name = "publish_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, publish_timeout_ms),
	  .def = "30",
	  .max = 3600,
	  .doc = "how long an open waits for a publish under way, in seconds" },
	{ .name = "drain_timeout",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, drain_timeout_ms),
	  .def = "10",
	  .max = 3600,
	  .doc = "how long operations may finish at shutdown, in seconds" },
	{ .name = "state_dir",
	  .type = OPT_PATH,
	  .offset = offsetof(struct fs_conf, state_dir),
	  .def = "null",
	  .nullable = true,
	  .doc = "where the write-back journal is kept, and what a layer has missed" },
	{ .name = "journal_max_mb",
	  .type = OPT_MB,
	  .offset = offsetof(struct fs_conf, journal_max_bytes),
	  .def = "1024",
	  .min = 1,
	  .doc = "bound of the sets that write_back has not written to the slower layers yet" },
	{ .name = "journal_wait",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, journal_wait_ms),
	  .def = "10",
	  .max = 3600,
	  .doc = "how long a set waits for room in a full journal, in seconds" },
	{ .name = "pending_max_bytes",
	  .type = OPT_BYTES,
	  .offset = offsetof(struct fs_conf, pending_max_bytes),
	  .def = "4294967296",
	  .min = 1,
	  .doc = "bound of unpublished content" },
	{ .name = "working_copy_heap_kb",
	  .type = OPT_KB,
	  .offset = offsetof(struct fs_conf, heap_max_bytes),
	  .def = "1024",
	  .max = 1048576,
	  .doc = "larger working copies are files" },
	{ .name = "max_threads",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct fs_conf, threads_max),
	  .def = "128",
	  .min = 4,
	  .max = 4096,
	  .doc = "threads serving requests, waiting ones included" },
	{ .name = "log_level",
	  .type = OPT_ENUM,
	  .offset = offsetof(struct fs_conf, log_level),
	  .def = "\"info\"",
	  .choices = log_levels,
	  .doc = "what is worth a line in the log" },
	{ .name = "xattr",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct fs_conf, xattr),
	  .def = "true",
	  .doc = "extended attributes; false spares requests of ls -l" },
	{ 0 },
};

static int out_of_memory(struct problem *problem)
{
	return problem_set(problem, NULL, NULL, "out of memory");
}

/* $XDG_CACHE_HOME/cachefs/default.sqlite, in the home directory's .cache otherwise. NULL: out of
 * memory. */
static char *default_path(void)
{
	const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
	char *path = NULL;
	int rc;

	if (cache && cache[0] == '/') {
		rc = asprintf(&path, "%s/cachefs/default.sqlite", cache);
	} else {
		const struct passwd *user = home && home[0] == '/' ? NULL : getpwuid(getuid());

		if (user)
			home = user->pw_dir;
		rc = asprintf(&path, "%s/.cache/cachefs/default.sqlite",
			      home && home[0] == '/' ? home : "");
	}
	return rc < 0 ? NULL : path;
}

/* The built-in layers added to a configuration that names none. */
static bool add_default_layers(cJSON *root)
{
	cJSON *memory = cJSON_AddObjectToObject(root, "memory");
	cJSON *disk = cJSON_AddObjectToObject(root, "disk");
	char *path = default_path();

	bool ok = memory && disk && path &&
		  cJSON_AddNumberToObject(memory, "max_bytes", 268435456) &&
		  cJSON_AddNumberToObject(disk, "size_limit_mb", 10240) &&
		  cJSON_AddStringToObject(disk, "path", path);
	free(path);
	return ok;
}

static int read_fs(const struct config_reader *reader, const cJSON *json, struct fs_conf *fs)
{
	const struct option_place place = {
		.file = reader->file,
		.path = "$.cachefs",
		.base_dir = reader->base_dir,
		.owner = "\"cachefs\"",
	};
	const struct option_set sets[] = { { fs_options, fs }, { NULL, NULL } };

	if (options_default(fs_options, &place, fs) < 0)
		return out_of_memory(reader->problem);
	return json ? options_parse(sets, json, &place, reader->problem) : 0;
}

/* The parsed text; takes its members "cachefs" and gives it default layers. */
static int read_root(const struct config_reader *reader, cJSON *root, struct config *config)
{
	struct config_place place;

	if (!cJSON_IsObject(root))
		return problem_set(reader->problem, config_place(reader, "$", &place), NULL,
				   "expected an object: { ... }");
	cJSON *fs = cJSON_DetachItemFromObjectCaseSensitive(root, "cachefs");
	int rc = read_fs(reader, fs, &config->fs);
	cJSON_Delete(fs);
	if (rc < 0)
		return rc;
	if (!root->child && !add_default_layers(root))
		return out_of_memory(reader->problem);
	return config_shape_read(reader, root, &config->cache);
}

/* Back over white space. */
static const char *back_to_word(const char *text, const char *at)
{
	while (at > text && strchr(" \t\r\n", at[-1]))
		at--;
	return at;
}

/* Whether the quote before at opens a string. */
static bool quote_is_open(const char *text, const char *at)
{
	bool open = false;

	for (; text < at; text++) {
		if (*text == '\\')
			text++;
		else if (*text == '"')
			open = !open;
	}
	return open;
}

/* cJSON stops one byte behind what should have been a member's name, and behind an open quote. */
static const char *syntax_place(const char *text, const char *at)
{
	if (at == text || strchr(" \t\r\n{[:", at[-1]))
		return at;
	if (at[-1] == '"')
		return quote_is_open(text, at) ? at - 1 : at;
	const char *before = back_to_word(text, at - 1);
	return before > text && strchr("{,", before[-1]) ? at - 1 : at;
}

/* What is wrong with a text that is no JSON, for the usual slips. */
static const char *syntax_hint(const char *text, const char *at)
{
	const char *before = back_to_word(text, at);

	if (*at == '/' || *at == '#')
		return "JSON has no comments";
	if (*at == '\'')
		return "JSON strings stand in double quotes";
	if ((*at == '}' || *at == ']') && before > text && before[-1] == ',')
		return "remove the comma before it";
	if (*at == '"' && before > text && !strchr("{[,:", before[-1]))
		return "a comma is missing before it";
	return NULL;
}

static int syntax_problem(const struct config_reader *reader, const char *text, const char *at)
{
	char place[256];
	size_t line, column;

	if (!text[strspn(text, " \t\r\n")])
		return problem_set(reader->problem, reader->file,
				   "the shortest configuration is {}", "the file is empty");
	at = syntax_place(text, at);
	config_line_at(text, (size_t)(at - text), &line, &column);
	snprintf(place, sizeof(place), "%s:%zu:%zu", reader->file, line, column);
	if (!*at)
		return problem_set(reader->problem, place, NULL,
				   "not valid JSON: the text ends too early");
	return problem_set(reader->problem, place, syntax_hint(text, at),
			   "not valid JSON at \"%.*s\"",
			   (int)strcspn(at, "\r\n") < 20 ? (int)strcspn(at, "\r\n") : 20, at);
}

/* "file: $.path" becomes "file:line: $.path". */
static void add_line(const char *text, const char *file, struct problem *problem)
{
	size_t file_size = strlen(file);
	char path[sizeof(problem->place)];

	if (strncmp(problem->place, file, file_size) != 0 ||
	    strncmp(problem->place + file_size, ": $", 3) != 0)
		return;
	snprintf(path, sizeof(path), "%s", problem->place + file_size + 2);
	snprintf(problem->place, sizeof(problem->place), "%s:%zu: %.200s", file,
		 config_line_of(text, path), path);
}

/* What the layers' stack takes from the daemon's settings; borrowed. */
static int settle_state(const struct config_reader *reader, const char *text, struct config *config)
{
	struct fs_conf *fs = &config->fs;

	if (!fs->state_dir)
		fs->state_dir = state_path_default(reader->file, reader->base_dir, text);
	if (!fs->state_dir)
		return out_of_memory(reader->problem);
	config->cache.state_dir = fs->state_dir;
	config->cache.journal_max_bytes = fs->journal_max_bytes;
	config->cache.journal_wait_ms = fs->journal_wait_ms;
	config->cache.drain_timeout_ms = fs->drain_timeout_ms;
	return 0;
}

/* A terminated text. */
static int parse_text(const struct config_reader *reader, const char *text, struct config *config)
{
	const char *end = text;
	cJSON *root = cJSON_ParseWithOpts(text, &end, true);

	if (!root)
		return syntax_problem(reader, text, end);
	int rc = read_root(reader, root, config);
	cJSON_Delete(root);
	if (rc == 0)
		rc = settle_state(reader, text, config);
	if (rc < 0)
		add_line(text, reader->file, reader->problem);
	return rc;
}

int config_parse(const char *text, size_t size, const char *file, const char *base_dir,
		 struct config *config, struct problem *problem)
{
	struct problem own = { 0 };
	struct config_reader reader = { file, base_dir, &own };

	memset(config, 0, sizeof(*config));
	char *copy = strndup(text, size);
	if (!copy)
		return out_of_memory(problem);
	int rc = strlen(copy) < size ? problem_set(&own, file, NULL, "the file contains a NUL byte")
				     : parse_text(&reader, copy, config);
	free(copy);
	if (rc < 0) {
		config_fini(config);
		return problem_set(problem, own.place, own.hint, "%s", own.message);
	}
	return 0;
}

/* A file whole, terminated; not only regular ones (a pipe of the shell). -errno; -EFBIG over the
 * limit. */
static int read_file(const char *path, char **text, size_t *size)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	FILE *file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	int rc = 0;
	*text = malloc(FILE_SIZE_MAX + 1);
	*size = *text ? fread(*text, 1, FILE_SIZE_MAX + 1, file) : 0;
	if (!*text)
		rc = -ENOMEM;
	else if (ferror(file))
		rc = errno ? -errno : -EIO;
	else if (*size > FILE_SIZE_MAX)
		rc = -EFBIG;
	fclose(file);
	if (rc < 0)
		free(*text);
	return rc;
}

/* The absolute directory of a file; NULL: out of memory. */
static char *directory_of(const char *path)
{
	char cwd[4096] = "/";
	const char *slash = strrchr(path, '/');
	char *dir = NULL;
	int rc;

	if (path[0] != '/' && !getcwd(cwd, sizeof(cwd)))
		strcpy(cwd, "/");
	if (!slash)
		rc = asprintf(&dir, "%s", cwd);
	else if (path[0] == '/')
		rc = asprintf(&dir, "%.*s", slash > path ? (int)(slash - path) : 1, path);
	else
		rc = asprintf(&dir, "%s/%.*s", cwd, (int)(slash - path), path);
	return rc < 0 ? NULL : dir;
}

int config_load(const char *path, struct config *config, struct problem *problem)
{
	char *text = NULL;
	size_t size = 0;

	memset(config, 0, sizeof(*config));
	int rc = read_file(path, &text, &size);
	if (rc < 0)
		return problem_set(problem, path,
				   rc == -ENOENT ? "without CONFIG the built-in one is used" : NULL,
				   "cannot read the configuration: %s", strerror(-rc));
	char *base_dir = directory_of(path);
	rc = base_dir ? config_parse(text, size, path, base_dir, config, problem)
		      : out_of_memory(problem);
	free(base_dir);
	free(text);
	if (rc < 0)
		return rc;
	config->source = strdup(path);
	if (!config->source) {
		config_fini(config);
		return out_of_memory(problem);
	}
	return 0;
}

int config_default(struct config *config, struct problem *problem)
{
	static const char text[] = "{}";

	return config_parse(text, sizeof(text) - 1, "built-in configuration", "/", config, problem);
}

void config_fini(struct config *config)
{
	config_shape_fini(&config->cache);
	options_fini(fs_options, &config->fs);
	free(config->source);
	memset(config, 0, sizeof(*config));
}

static bool add_fs(const struct fs_conf *fs, cJSON *root)
{
	cJSON *object = cJSON_AddObjectToObject(root, "cachefs");

	for (const struct option_spec *spec = fs_options; object && spec->name; spec++) {
		cJSON *json = option_to_json(spec, fs);

		if (!json || !cJSON_AddItemToObject(object, spec->name, json))
			return false;
	}
	return object != NULL;
}

cJSON *config_to_json(const struct config *config)
{
	cJSON *root = cJSON_CreateObject();

	if (root && config_shape_to_json(&config->cache, root) && add_fs(&config->fs, root))
		return root;
	cJSON_Delete(root);
	return NULL;
}
