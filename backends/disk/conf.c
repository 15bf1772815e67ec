/* The options of a disk layer, and the checks before it is opened. See disk/conf.h. */
#include "disk/conf.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "base/parents.h"
#include "base/private_dir.h"
#include "kit/free_space.h"
#include "kit/value_files.h"

const struct option_spec disk_conf_options[] = {
	{ .name = "path",
	  .type = OPT_PATH,
	  .offset = offsetof(struct disk_conf, path),
	  .def = "\".cache/accuralai.sqlite\"",
	  .doc = "the database" },
	{ .name = "size_limit_mb",
	  .type = OPT_MB,
	  .offset = offsetof(struct disk_conf, size_limit),
	  .def = "null",
	  .min = 1,
	  .nullable = true,
	  .doc = "the database, its log and large values together, as they lie on the disk; "
		 "above it the least recently used go" },
	FREE_SPACE_OPTION(offsetof(struct disk_conf, min_free)),
	{ .name = "vacuum_on_start",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct disk_conf, vacuum_on_start),
	  .def = "false",
	  .doc = "give free pages back at the start; a database of before, which cannot be made "
		 "shorter, is rewritten first, and the mount waits for that" },
	{ .name = "ensure_directory",
	  .type = OPT_BOOL,
	  .offset = offsetof(struct disk_conf, ensure_directory),
	  .def = "true",
	  .doc = "make the directory of the database if it is missing" },
	{ .name = "mode",
	  .type = OPT_MODE,
	  .offset = offsetof(struct disk_conf, mode),
	  .def = "null",
	  .min = 0600,
	  .max = 0666,
	  .nullable = true,
	  .doc = "the mode of a database that is made, for sharing it with other users; null: "
		 "\"0600\"" },
	{ .name = "inline_limit_kb",
	  .type = OPT_KB,
	  .offset = offsetof(struct disk_conf, inline_limit),
	  .def = "1024",
	  .min = 1,
	  .max = 512 * 1024,
	  .doc = "larger values are files beside the database, in PATH.values/; at most 3/32 of "
		 "size_limit_mb" },
	{ 0 },
};

/* Whether the directory that holds path is one. */
static bool parent_exists(const char *path)
{
	struct stat st;
	const char *slash = strrchr(path, '/');

	if (!slash)
		return true;
	char *parent = strndup(path, slash == path ? 1 : (size_t)(slash - path));
	bool exists = parent && stat(parent, &st) == 0 && S_ISDIR(st.st_mode);
	free(parent);
	return exists;
}

/* The first thing on the way to path that is there and no directory; false: nothing is in the way.
 */
static bool way_is_blocked(const char *path, char *by, size_t size)
{
	for (const char *slash = strchr(path + 1, '/'); slash; slash = strchr(slash + 1, '/')) {
		struct stat st;

		snprintf(by, size, "%.*s", (int)(slash - path), path);
		if (stat(by, &st) < 0)
			return errno == ENOTDIR;
		if (!S_ISDIR(st.st_mode))
			return true;
	}
	return false;
}

/* What only the user can mend. */
int disk_conf_check(const void *conf, struct problem *problem)
{
	const struct disk_conf *c = conf;
	char by[512];
	const char *slash = strrchr(c->path, '/');
	struct stat st;

	if (strcmp(slash ? slash + 1 : c->path, ":memory:") == 0)
		return problem_set(problem, "path", "the type \"memory\" keeps nothing on disk",
				   "a database is a file here");
	if (way_is_blocked(c->path, by, sizeof(by)))
		return problem_set(problem, "path", "choose another place for the database",
				   "%.200s is not a directory", by);
	if (!c->ensure_directory && !parent_exists(c->path))
		return problem_set(problem, "path", "create it, or set \"ensure_directory\": true",
				   "the directory of %.300s does not exist", c->path);
	if (stat(c->path, &st) == 0 && S_ISDIR(st.st_mode))
		return problem_set(problem, "path", "name a file in it", "%.300s is a directory",
				   c->path);
	return 0;
}

size_t disk_conf_places(const void *conf, struct store_place places[STORE_PLACES_MAX])
{
	const struct disk_conf *c = conf;

	for (size_t i = 0; i < 2; i++) {
		places[i] = (struct store_place){ .option = "path", .prefix = "" };
		snprintf(places[i].path, sizeof(places[i].path), "%s%s", c->path,
			 i == 0 ? "" : VALUE_FILES_SUFFIX);
	}
	return 2;
}

int disk_conf_make_directory(const struct disk_conf *conf, struct problem *problem)
{
	int rc = conf->ensure_directory && !parent_exists(conf->path)
			 ? parents_make(conf->path, disk_conf_directory_mode(conf))
			 : 0;

	if (rc < 0)
		return problem_set(problem, "path", "choose a place that you may write to",
				   "cannot make the directory of %.300s: %s", conf->path,
				   strerror(-rc));
	return 0;
}

mode_t disk_conf_directory_mode(const struct disk_conf *conf)
{
	return private_dir_mode(conf->mode ? conf->mode : 0600);
}

/* SQLite would make it for everybody to read; its -wal and -shm have the mode of the database. */
void disk_conf_make_file(const struct disk_conf *conf)
{
	int fd = open(conf->path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);

	if (fd < 0)
		return; /* it is there, or SQLite says why it cannot be */
	private_dir_share(fd, NULL, conf->mode ? conf->mode : 0600);
	close(fd);
}

/* Whom the directory lets through to the file. */
static mode_t readers_of(const char *path)
{
	struct stat file, directory;
	const char *slash = strrchr(path, '/');
	char *parent = slash ? strndup(path, slash == path ? 1 : (size_t)(slash - path)) : NULL;
	mode_t readers = 0;

	if (parent && stat(path, &file) == 0 && stat(parent, &directory) == 0)
		readers = file.st_mode & 0044u & (directory.st_mode & 0011u) << 2;
	free(parent);
	return readers;
}

void disk_conf_warn_of_readers(const struct disk_conf *conf)
{
	if (readers_of(conf->path) & ~conf->mode)
		log_warning("disk: %s can be read by other users, whatever the modes of the "
			    "entries in it are: chmod 600 it, or share it on purpose by \"mode\"",
			    conf->path);
}
