/* The configuration: files, the daemon's own settings, the built-in default. Its layers:
 * config/shape.c. */
#include "base/log.h"
#include "config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "config/shape.h"
#include "config/stores.h"
#include "config/text.h"
#include "config/state_path.h"

enum { FILE_SIZE_MAX = 1024 * 1024 };

#define YEAR_S 31536000

/* What programs write and then rename: the usual suffixes; vim's swap files, backups and probe;
 * what Python's tempfile, git, rsync, sed and mktemp draw. */
#define SCRATCH_NAMES                                                                              \
	"[\"*.tmp\", \"*.tmp.*\", \"*.part\", \"*.incomplete\", \".*.sw?\", \"*~\", \"4913\", "    \
	"\"*.lock\", \"tmp????????\", \"tmp????????.*\", \"tmp_*_XXXXXX\", \".*.XXXXXX\", "        \
	"\"sedXXXXXX\", \"tmp.XXXXXXXXXX\"]"

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
	  .def = "null",
	  .min = 1,
	  .nullable = true,
	  .doc = "bound of unpublished content; null: half of the disk where it is written" },
	{ .name = "working_copy_heap_kb",
	  .type = OPT_KB,
	  .offset = offsetof(struct fs_conf, heap_max_bytes),
	  .def = "1024",
	  .max = 1048576,
	  .doc = "larger working copies are files" },
	{ .name = "scratch_names",
	  .type = OPT_LIST,
	  .offset = offsetof(struct fs_conf, scratch_names),
	  .def = SCRATCH_NAMES,
	  .doc = "names of temporary files, which live in the daemon and are set by their rename; "
		 "globs, XXXXXX at the end as mkstemp(3) fills it (so and with ?????? only files "
		 "that are made with O_EXCL and mode 0600); []: none" },
	{ .name = "scratch_publish_s",
	  .type = OPT_SECONDS,
	  .offset = offsetof(struct fs_conf, scratch_publish_ms),
	  .def = "60",
	  .max = YEAR_S,
	  .doc = "how long a temporary file that is not empty stays one after its last close, in "
		 "seconds; then it is an entry" },
	{ .name = "foreign_mode",
	  .type = OPT_MODE,
	  .offset = offsetof(struct fs_conf, foreign_mode),
	  .def = "\"0600\"",
	  .max = 0666,
	  .doc = "the mode, less the umask, of entries that other programs wrote, and of those whose "
		 "mode was lost; their directories can be searched by whom they can be read" },
	{ .name = "max_threads",
	  .type = OPT_COUNT,
	  .offset = offsetof(struct fs_conf, threads_max),
	  .def = "128",
	  .min = 4,
	  .max = 4096,
	  .doc = "threads serving requests, waiting ones included" },
	{ .name = "log_file",
	  .type = OPT_PATH,
	  .offset = offsetof(struct fs_conf, log_file),
	  .def = "null",
	  .nullable = true,
	  .doc = "where the log goes; null: stderr, in the background syslog" },
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

static int out_of_memory(struct problems *problems)
{
	return problems_add(problems, NULL, NULL, "out of memory");
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
		.lines = true,
	};
	const struct option_set sets[] = { { fs_options, fs, NULL }, { 0 } };

	if (options_default(fs_options, &place, fs) < 0)
		return out_of_memory(reader->problems);
	return json ? options_parse(sets, json, &place, reader->problems) : 0;
}

/* The members of the table, moved from one object into another; false: out of memory. */
static bool move_members(const struct option_spec *specs, cJSON *from, cJSON *to)
{
	for (; to && specs->name; specs++) {
		cJSON *json = cJSON_DetachItemFromObjectCaseSensitive(from, specs->name);

		if (json && !cJSON_AddItemToObject(to, specs->name, json))
			return false;
	}
	return to;
}

/* What stands at the top, taken out of root: all of config_top_members but the plugin. */
static int read_top(const struct config_reader *reader, cJSON *root)
{
	const struct option_place place = {
		.file = reader->file, .path = "$", .owner = "the configuration", .lines = true
	};
	const struct option_set sets[] = { { config_top_members, reader->root, NULL }, { 0 } };
	cJSON *members = cJSON_CreateObject();
	int rc = move_members(config_top_members + 1, root, members) &&
				 options_default(config_top_members, &place, reader->root) == 0
			 ? options_parse(sets, members, &place, reader->problems)
			 : out_of_memory(reader->problems);

	cJSON_Delete(members);
	return rc;
}

/* The parsed text; takes its member "cachefs" and gives it default layers. */
static int read_root(const struct config_reader *reader, cJSON *root, struct config *config)
{
	const struct option_place place = { .file = reader->file, .path = "$", .lines = true };
	char where[sizeof(((struct problem *)0)->place)];

	if (!cJSON_IsObject(root))
		return problems_add(reader->problems,
				    option_place_text(&place, NULL, root, where, sizeof(where)),
				    NULL, "expected an object: { ... }");
	cJSON *fs = cJSON_DetachItemFromObjectCaseSensitive(root, "cachefs");
	int rc = read_fs(reader, fs, &config->fs);
	cJSON_Delete(fs);
	rc |= read_top(reader, root);
	if (config_shape_is_silent(root) && !add_default_layers(root))
		return out_of_memory(reader->problems);
	rc |= config_shape_read(reader, root, &config->cache);
	return rc ? -EINVAL : 0;
}

/* A long path shortened from the left, so that the place within the file stays in sight. */
static const char *file_shown(const char *path, char *buffer, size_t size)
{
	size_t length = strlen(path);

	if (length < size)
		return path;
	snprintf(buffer, size, "...%s", path + length - (size - sizeof("...")));
	return buffer;
}

/* What the layers' stack takes from the daemon's settings; borrowed. */
static int settle_state(const struct config_reader *reader, const char *file, const char *text,
			size_t size, struct config *config)
{
	struct fs_conf *fs = &config->fs;

	if (!fs->state_dir) {
		char *terminated = strndup(text, size);

		if (terminated)
			fs->state_dir = state_path_default(file, reader->base_dir, terminated);
		free(terminated);
	}
	if (!fs->state_dir)
		return out_of_memory(reader->problems);
	config->cache.state_dir = fs->state_dir;
	config->cache.journal_max_bytes = fs->journal_max_bytes;
	config->cache.journal_wait_ms = fs->journal_wait_ms;
	config->cache.drain_timeout_ms = fs->drain_timeout_ms;
	return config_stores_check_own(reader, config);
}

/* Passwords are among them. */
static void wipe_texts(cJSON *json)
{
	for (; json; json = json->next) {
		if (json->valuestring && !(json->type & cJSON_IsReference))
			explicit_bzero(json->valuestring, strlen(json->valuestring));
		wipe_texts(json->child);
	}
}

int config_parse(const char *text, size_t size, const char *file, const char *base_dir,
		 struct config *config, struct problems *problems)
{
	char shown[160];
	const struct config_reader reader = { file_shown(file, shown, sizeof(shown)), base_dir,
					      problems, &config->top };
	size_t before = problems->count;

	memset(config, 0, sizeof(*config));
	cJSON *root = config_text_parse(text, size, reader.file, problems);
	if (root && read_root(&reader, root, config) == 0)
		settle_state(&reader, file, text, size, config);
	wipe_texts(root);
	cJSON_Delete(root);
	if (problems->count == before)
		return 0;
	config_fini(config);
	return -EINVAL;
}

/* A file whole, terminated; not only regular ones (a pipe of the shell). -errno; -EFBIG over the
 * limit. readers: the bits of its mode by which others read it. */
static int read_file(const char *path, char **text, size_t *size, mode_t *readers)
{
	struct stat st;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return -errno;
	FILE *file = fdopen(fd, "r");
	if (!file) {
		close(fd);
		return -ENOMEM;
	}
	setvbuf(file, NULL, _IONBF, 0); /* no copy of a password stays in a buffer */
	int rc = 0;
	*text = malloc(FILE_SIZE_MAX + 1);
	*size = *text ? fread(*text, 1, FILE_SIZE_MAX + 1, file) : 0;
	if (!*text)
		rc = -ENOMEM;
	else if (ferror(file))
		rc = errno ? -errno : -EIO;
	else if (*size > FILE_SIZE_MAX)
		rc = -EFBIG;
	*readers = fstat(fd, &st) == 0 && S_ISREG(st.st_mode) ? st.st_mode & 0044u : 0;
	fclose(file);
	if (rc < 0)
		free(*text);
	return rc;
}

/* The absolute directory of a file; NULL: out of memory, or there is no working directory. */
static char *directory_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	size_t size = slash ? (size_t)(slash - path) : 0;
	char *dir = NULL;

	if (path[0] == '/')
		return strndup(path, size ? size : 1);
	char *cwd = getcwd(NULL, 0);
	if (!slash || !cwd)
		return cwd;
	int rc = asprintf(&dir, "%s/%.*s", strcmp(cwd, "/") == 0 ? "" : cwd, (int)size, path);
	free(cwd);
	return rc < 0 ? NULL : dir;
}

static const char *read_hint(int error)
{
	switch (error) {
	case ENOENT:
		return "without CONFIG the built-in one is used; cachefs --example-config prints "
		       "one";
	case EISDIR:
		return "name the file in it";
	case EACCES:
		return "make it readable for the user who mounts";
	case EFBIG:
		return "a configuration has at most 1 MiB";
	default:
		return NULL;
	}
}

static bool has_secret(const struct config *config)
{
	for (size_t i = 0; i < config->cache.layer_count; i++) {
		const struct layer_spec *layer = &config->cache.layers[i];

		for (const struct option_spec *s = layer->backend->options; s && s->name; s++)
			if (s->type == OPT_SECRET &&
			    *(char *const *)((const char *)layer->conf + s->offset))
				return true;
	}
	return false;
}

int config_load(const char *path, struct config *config, struct problems *problems)
{
	char *text = NULL;
	size_t size = 0;
	mode_t readers = 0;

	memset(config, 0, sizeof(*config));
	int rc = read_file(path, &text, &size, &readers);
	if (rc < 0)
		return problems_add(problems, path, read_hint(-rc),
				    "cannot read the configuration: %s", strerror(-rc));
	char *base_dir = directory_of(path);
	rc = base_dir ? config_parse(text, size, path, base_dir, config, problems)
		      : problems_add(problems, path, "name it by its absolute path",
				     "cannot tell its directory");
	free(base_dir);
	explicit_bzero(text, size);
	free(text);
	if (rc < 0)
		return rc;
	if (readers && has_secret(config))
		log_warning("%s: other users can read the password in it: chmod 600 it, or name a "
			    "\"password_file\"",
			    path);
	config->source = strdup(path);
	if (!config->source) {
		config_fini(config);
		return out_of_memory(problems);
	}
	return 0;
}

int config_default(struct config *config, struct problems *problems)
{
	static const char text[] = "{}";

	return config_parse(text, sizeof(text) - 1, "built-in configuration", "/", config,
			    problems);
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

	return object && options_to_json(fs_options, fs, object);
}

cJSON *config_to_json(const struct config *config)
{
	cJSON *root = cJSON_CreateObject();

	if (root && config_shape_to_json(&config->cache, root) &&
	    options_to_json(config_top_members + 1, &config->top, root) &&
	    add_fs(&config->fs, root))
		return root;
	cJSON_Delete(root);
	return NULL;
}
